"""Size of tests of tie-calibrated accuracy with imprecise thresholds.

Two equally good scorers; the sign-flip test keeps the threshold of each fold fixed, the bootstrap
estimates it again in every replicate. Thresholds are those with the largest observed accuracy
(argmax) or from a logistic regression.

Run: python -m benchmarks.tuned_thresholds [data sets]

With `on_data` instead of a number: mean differences from the published (in-sample) value on real
data, in the folder METAEVAL_DATA.
"""

import csv
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from metaeval import read
from metaeval.inference import make_design
from metaeval.resampling import (
    PairedDifferences,
    flip_test,
    key_of,
    weight_blocks,
    weight_scheme,
)
from metaeval.statistics import Statistic, tie_calibrated_accuracy
from metaeval.tables import Pairs, Responses

ARGMAX = tie_calibrated_accuracy(n_folds=5, threshold="argmax")
LOGISTIC = tie_calibrated_accuracy()
# items, systems, label steps per unit of quality, noise of the scorers
DESIGNS = (
    *((60, 4, 1.0, 1.0), (60, 4, 0.6, 2.0), (200, 4, 0.6, 2.0), (200, 10, 0.6, 2.0)),
    *((30, 4, 1.0, 1.0), (100, 5, 1.0, 0.4), (100, 5, 0.3, 1.0)),
)


def two_scorers(seed: int, n_items: int, n_systems: int, steps: float, noise: float) -> Pairs:
    """Pairs of one data set: ratings rounded from the quality, scores with noise added to it."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=(n_items, n_systems))
    items, systems = np.indices(quality.shape)
    scores = quality + noise * rng.normal(size=(2, *quality.shape))
    table = Responses(
        pd.DataFrame({"item": items.ravel(), "system": systems.ravel()}),
        pd.DataFrame({name: x.ravel() for name, x in zip("ab", scores, strict=True)}),
        pd.DataFrame({"human": np.round(steps * quality).ravel()}),
        label_kind="rating",
    )
    return make_design(table).table.pairs()


def flip_p(statistic: Statistic, pairs: Pairs, seed: int) -> float:
    contributions = statistic.contributions(pairs)
    differences = PairedDifferences(
        contributions, np.array([0]), np.array([1]), 0, len(contributions)
    )
    return float(flip_test([differences], n_flips=400, seed=seed)[0].p_value[0])


def bootstrap_p(statistic: Statistic, pairs: Pairs, seed: int) -> float:
    """Student's p-value of the difference over the standard deviation of its 200 replicates."""
    n = pairs.n_items
    weights = np.concatenate(
        list(weight_blocks(weight_scheme(n), key_of(seed, "bootstrap"), 200, n))
    )
    draws = statistic.weigh(pairs)(weights)
    estimate = statistic.value(pairs)
    spread = (draws[:, 0] - draws[:, 1]).std(ddof=1)
    t = abs(estimate[0] - estimate[1]) / spread if spread > 0 else 0.0
    return float(2 * stats.t.sf(t, n - 1))


def rejected(
    statistic: Statistic, design: tuple[int, int, float, float], n_simulations: int
) -> tuple[float, float]:
    """Rejection rates at level 0.05 of sign flips and of the bootstrap."""
    p = []
    for seed in range(n_simulations):
        pairs = two_scorers(seed, *design)
        p.append([test(statistic, pairs, seed) for test in (flip_p, bootstrap_p)])
    flips, bootstrap = (np.array(p) <= 0.05).mean(axis=0)
    return float(flips), float(bootstrap)


def main(n_simulations: int = 400) -> None:
    """Print one row per design and rule."""
    out = csv.writer(sys.stdout)
    out.writerow(
        ["items", "systems", "steps", "noise", "sets", "threshold", "sign_flip", "bootstrap"]
    )
    for design in DESIGNS:
        for rule, statistic in (("argmax", ARGMAX), ("logistic", LOGISTIC)):
            rates = rejected(statistic, design, n_simulations)
            out.writerow([*design, n_simulations, rule, *(f"{rate:.4f}" for rate in rates)])


def on_data() -> None:
    """Print the mean difference from the in-sample optimum over the scorers of each data set."""
    folder = Path(os.environ["METAEVAL_DATA"])
    sets = {
        "realsumm": ["realsumm/scores.parquet", "realsumm/human.parquet"],
        "wmt21": ["wmt21-enru-news/scores.parquet", "wmt21-enru-news/human.parquet"],
        "wmt22": ["wmt22-zhen/native"],
    }
    for name, files in sets.items():
        table = read(*(folder / file for file in files))
        label = "mqm" if "mqm" in table.labels else None
        pairs = make_design(table, label=label).table.pairs()
        best = tie_calibrated_accuracy(None).value(pairs)
        for rule, statistic in (("argmax", ARGMAX), ("logistic", LOGISTIC)):
            print(f"{name},{rule},{(statistic.value(pairs) - best).mean():.4f}", flush=True)


if __name__ == "__main__":
    on_data() if sys.argv[1:] == ["on_data"] else main(*map(int, sys.argv[1:]))
