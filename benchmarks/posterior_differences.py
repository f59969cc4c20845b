"""Coverage of posterior intervals of differences between scorers that share labels.

    python -m benchmarks.posterior_differences [sets] [DESIGN ...]   CSV on standard output

Columns: design, quantity, rows (single values, differences of near-copies, or other differences),
values, nominal, coverage and its Monte Carlo error (sets are the units), and the mean posterior
standard deviation over the true one (the standard deviation of posterior means over sets).

Designs of accuracies (`unlike tasks`, the same `not pooled`, `like tasks`, `fixed truths`): six
scorers, one correlated verdict per item. `sd_ratio` is then the root mean square of posterior
standard deviations over that of errors.

Designs of curves: every item has one reference response and others, so that its pairs are
dependent. Labels are signs of noisy differences of quality, 15% of them at random. Scorers are
quality with errors; two are near-copies, whose errors have a correlation of .99; two share half of
the variance of their errors; one errs alone. True values are those of 100,000 items.
"""

from __future__ import annotations

import csv
import functools
import sys

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from metaeval import Pairs, bayes

N_LIMIT = 100_000  # items that stand for infinitely many
NAMES = ("alone", "copy_1", "copy_2", "half_1", "half_2")
NEAR_COPIES = (1, 2)  # positions in NAMES
SHARED = (0.0, 0.99, 0.99, 0.5, 0.5)
LAPSES, TIE_MARGIN = 0.15, 1.0


def pairs_with_shared_labels(rng, n_items, each, ties):
    """Pairs of the responses of each item with its reference response."""
    shape = (n_items, each + 1)
    quality = rng.normal(size=shape)
    common = {0.99: rng.normal(size=shape), 0.5: rng.normal(size=shape), 0.0: 0.0}
    scores = {}
    for name, share in zip(NAMES, SHARED, strict=True):
        error = np.sqrt(share) * common[share] + np.sqrt(1 - share) * rng.normal(size=shape)
        scores[name] = _differences(quality + 0.3 * error)
    gap = _differences(quality + 0.2 * rng.normal(size=shape))
    label = np.where(np.abs(gap) < TIE_MARGIN, 0.0, np.sign(gap)) if ties else np.sign(gap)
    outcomes = [-1.0, 0.0, 1.0] if ties else [-1.0, 1.0]
    label = np.where(rng.random(label.shape) < LAPSES, rng.choice(outcomes, label.shape), label)
    item = np.repeat(np.arange(n_items), each)
    rows = pd.DataFrame({"item": item, "first": "reference"})
    rows["second"] = np.tile([f"response {j}" for j in range(each)], n_items)
    return Pairs(rows, pd.DataFrame(scores), pd.DataFrame({"human": label}))


def _differences(values):
    return (values[:, :1] - values[:, 1:]).reshape(-1)


CURVES = {
    "temperature": (bayes.CalibrationModel(form="temperature", scale="log_odds"), ("slope",)),
    "lapse": (bayes.CalibrationModel(form="lapse", scale="log_odds"), ("slope", "lapse")),
    "rao_kupper": (bayes.TieModel(scale="log_odds"), ("slope", "lapse", "epsilon")),
    "davidson": (
        bayes.TieModel(form="davidson", scale="log_odds"),
        ("slope", "lapse", "epsilon"),
    ),
}
ITEMS, EACH = 200, 5


@functools.cache
def true_values(design):
    """Values at the mode of very many items: quantity to values of the scorers."""
    from metaeval.bayes.hierarchy.centering import curve_centerings
    from metaeval.bayes.margin_models import densities
    from metaeval.bayes.margin_models.assembly import _natural_parameters
    from metaeval.inference import DesignOptions

    model, quantities = CURVES[design]
    ties = isinstance(model, bayes.TieModel)
    table = pairs_with_shared_labels(np.random.default_rng(0), N_LIMIT, 1, ties)
    data = model.prepare(table, DesignOptions())
    grids = [densities.LOG_SLOPE]
    grids += (
        [densities.TIE_GRID[model.form], densities.LOGIT_LAPSE]
        if ties
        else densities.EXTRA_GRIDS[model.form]
    )
    modes = curve_centerings(
        densities.cell_log_probs(model.form), grids, data.arrays["margin"], data.arrays["counts"]
    )
    values = {name: parts["level"].location for name, parts in modes.items()}
    scale = data.constant["scale"][1]
    natural = _natural_parameters(values, scale, scale)
    return {name: natural[name] for name in quantities}


def curve_draws(design, seed):
    """Draws of each quantity (draw, scorer) of one simulated set."""
    model, quantities = CURVES[design]
    rng = np.random.default_rng([21, seed])
    table = pairs_with_shared_labels(rng, ITEMS, EACH, isinstance(model, bayes.TieModel))
    tree = bayes.fit(model, table, n_chains=2, n_draws=500, check=False, seed=seed)
    posterior = tree["posterior"]
    return {n: posterior[n].to_numpy()[..., 0].reshape(-1, len(NAMES)) for n in quantities}


def kind_of_pair(i, j):
    """Group of a pair of scorers of curves."""
    return "near-copies" if (i, j) == NEAR_COPIES else "other differences"


def summaries(draws, truth, nominal=0.9):
    """Rows (group, inside, posterior mean minus truth, posterior sd) of one set."""
    n = draws.shape[1]
    columns = [("single values", draws[:, k], truth[k]) for k in range(n)]
    columns += [
        (kind_of_pair(i, j), draws[:, i] - draws[:, j], truth[i] - truth[j])
        for i in range(n)
        for j in range(i + 1, n)
    ]
    for group, values, true in columns:
        low, high = np.quantile(values, [(1 - nominal) / 2, (1 + nominal) / 2])
        yield group, low <= true <= high, values.mean() - true, values.std()


def coverage(design, sets):
    """Rows of the table of one design."""
    truth, found = true_values(design), {}
    for seed in range(sets):
        for quantity, draws in curve_draws(design, seed).items():
            for group, *row in summaries(draws, truth[quantity]):
                found.setdefault((quantity, group), [[] for _ in range(sets)])[seed].append(row)
    for (quantity, group), rows in found.items():
        table = np.array(rows)  # (set, value, statistic)
        inside = table[..., 0].mean(axis=1)
        ratio = (table[..., 2].mean(axis=0) / table[..., 1].std(axis=0, ddof=1)).mean()
        error = inside.std(ddof=1) / np.sqrt(sets)
        yield (
            *(design, quantity, group, table.shape[1], 0.9),
            *(round(float(v), 3) for v in (inside.mean(), error, ratio)),
        )


ACCURACIES = {
    "unlike tasks": {"tasks": 3, "items": 100, "sd_task": 1.2, "random": True},
    "unlike tasks, not pooled": {
        "tasks": 3,
        "items": 100,
        "sd_task": 1.2,
        "random": True,
        "pool": False,
    },
    "like tasks": {"tasks": 5, "items": 100, "sd_task": 0.6, "random": True},
    "fixed truths": {"tasks": 5, "items": 60, "sd_task": 0.6, "random": False},
}
SCORERS, SD_SCORER, SD_CELL, SHARED_NOISE = 6, 0.4, 0.3, 0.5


def accuracy_truth(rng, design):
    """Logits of accuracies (scorer, task) in the observed tasks and in a new one, the last."""
    n = design["tasks"] + 1
    task, scorer = design["sd_task"] * rng.normal(size=n), SD_SCORER * rng.normal(size=SCORERS)
    return 1.2 + task + scorer[:, None] + SD_CELL * rng.normal(size=(SCORERS, n))


def verdict_pairs(rng, logits, n_items):
    """Pairs with one correct or wrong verdict of each scorer for each item, correlated."""
    parts = []
    for t in range(logits.shape[1]):
        z = np.sqrt(SHARED_NOISE) * rng.normal(size=(n_items, 1))
        z = z + np.sqrt(1 - SHARED_NOISE) * rng.normal(size=(n_items, SCORERS))
        right = z < ndtri(expit(logits[:, t]))
        frame = pd.DataFrame(np.where(right, 1.0, -1.0), columns=list("abcdef"))
        parts.append(frame.assign(task=f"task {t}", item=[f"{t}-{i}" for i in range(n_items)]))
    table = pd.concat(parts, ignore_index=True)
    rows = table[["task", "item"]].assign(first="x", second="y")
    labels = pd.DataFrame({"human": np.ones(len(table))})
    return Pairs(rows, table[list("abcdef")], labels)


def accuracy_summaries(name, seed):
    """Rows (quantity, group, inside, posterior mean minus truth, posterior sd) of one set."""
    design = ACCURACIES[name]
    rng = np.random.default_rng([22, seed])
    logits = accuracy_truth(rng if design["random"] else np.random.default_rng(1), design)
    table = verdict_pairs(rng, logits[:, :-1], design["items"])
    model = bayes.AccuracyModel(pool=design.get("pool", True))
    tree = bayes.fit(model, table, n_chains=2, n_draws=500, check=False, seed=seed)
    draws = tree["posterior"]["accuracy"].to_numpy().reshape(-1, *logits[:, :-1].shape)
    truth = expit(logits)
    parts = [("accuracy", draws[..., t], truth[:, t]) for t in range(design["tasks"])]
    parts.append(("mean over tasks", draws.mean(axis=-1), truth[:, :-1].mean(axis=-1)))
    if design["random"] and model.pool:
        new = tree["posterior"]["accuracy_new"].to_numpy().reshape(-1, SCORERS)
        parts.append(("new task", new, truth[:, -1]))
    for quantity, values, true in parts:
        for group, *row in summaries(values, true):
            yield quantity, "differences" if group != "single values" else group, row


def accuracy_coverage(name, sets):
    """Rows of the table of one design of accuracies.

    True values differ by set, hence errors instead of posterior means in the ratio.
    """
    found = {}
    for seed in range(sets):
        for quantity, group, row in accuracy_summaries(name, seed):
            found.setdefault((quantity, group), [[] for _ in range(sets)])[seed].append(row)
    for (quantity, group), rows in found.items():
        table = np.array(rows)
        inside = table[..., 0].mean(axis=1)
        ratio = np.sqrt(np.square(table[..., 2]).mean() / np.square(table[..., 1]).mean())
        error = inside.std(ddof=1) / np.sqrt(sets)
        yield (
            *(name, quantity, group, table.shape[1], 0.9),
            *(round(float(v), 3) for v in (inside.mean(), error, ratio)),
        )


def main():
    """Print the table."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(
        ["design", "quantity", "rows", "values", "nominal", "coverage", "mc_error", "sd_ratio"]
    )
    for design in sys.argv[2:] or (*CURVES, *ACCURACIES):
        for row in (coverage if design in CURVES else accuracy_coverage)(design, sets):
            out.writerow(row)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
