"""Simulation-based calibration of every model: ranks of true values among posterior draws.

    python -m benchmarks.bayes_sbc [sets] [MODEL ...]   rows go to benchmarks/bayes_sbc.csv
    python -m benchmarks.bayes_sbc more sets MODEL ...  further sets, added to the existing rows
    python -m benchmarks.bayes_sbc figure               benchmarks/bayes_sbc.svg from the rows

Every set draws parameters from the prior of a model, then data from the parameters (5 scorers x 3
tasks x 200 pairs; 5 raters x 200 items), and fits the model as users do. The test was fixed in
advance: ranks of true values among 99 draws (every tenth) in 20 bins; a chi-squared test for each
quantity, with Holm's correction over the quantities of a model, which passes if no p-value is below
0.05. Among many models some fail by chance: a model that fails is simulated once more, with other
sets (NAME_again), and both results are shown.

The models of ties and calibration, in which scorers are independent, are given separate labels for
each scorer. The accuracy model is given correlated 0/1 verdicts of the scorers (Gaussian copula,
one correlation per task, uniform from 0 to 0.7), which differ from the assumptions of its
likelihood; its ranks thus also show the quality of that approximation. Labels of items with
covariates are drawn at the means of their ranges, as in the model.
"""

from __future__ import annotations

import csv
import sys
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from metaeval.core import double_precision

K, T, PAIRS = 5, 3, 200
RATERS, ITEMS = 5, 200
RANKS, APART, BINS = 99, 10, 20
AGAIN, OTHER_SETS = "_again", 100_000
WITH_COVARIATES = "_covariates"
HERE = Path(__file__).parent
MODELS = (
    *("accuracy", "rao_kupper", "davidson", "temperature", "lapse", "spline", "beta"),
    *("dawid_skene", "dawid_skene_ordered", "ordinal"),
    *("accuracy_covariates", "rao_kupper_covariates", "temperature_covariates"),
    *("dawid_skene_covariates", "ordinal_covariates"),
)


def prior_sites(model, arrays, options, seed):
    """One draw from the prior of a model, by name."""
    import jax
    from numpyro import handlers

    with double_precision():
        traced = handlers.trace(handlers.seed(model, jax.random.PRNGKey(seed)))
        sites = traced.get_trace(**arrays, **dict(options))
    return {n: np.asarray(s["value"]) for n, s in sites.items() if s["type"] != "factor"}


def as_draw(sites):
    """A draw from the prior, in the form of a chain of one draw."""
    return {name: value[None, None] for name, value in sites.items()}


class Margins:
    """Ties and calibration: outcomes of each scorer at margins that are the same in all sets."""

    def __init__(self, name):
        from metaeval.bayes.hierarchy.priors import prior_only_centering
        from metaeval.bayes.margin_models import densities
        from metaeval.bayes.margin_models.binned_counts import (
            ScorerTaskData,
            bin_counts,
            fold_pairs,
        )
        from metaeval.bayes.margin_models.posterior_curves import (
            beta_basis_at,
            log_means,
            spline_basis_at,
        )
        from metaeval.curves import spline_knots

        form = name.removesuffix(WITH_COVARIATES)
        self.densities, self.form, self.ties = densities, form, form in densities.TIE_GRID
        self.model = densities.tie_density if self.ties else densities.calibration_density
        self.options = (("form", form), ("order", False))
        rng = np.random.default_rng(1)
        unit, none, ones = np.arange(PAIRS), np.zeros((0, PAIRS)), np.ones(PAIRS)

        def cell():
            margin = rng.normal(size=PAIRS)
            if form == "beta":  # log odds of probabilities
                return ScorerTaskData(
                    margin=1.5 * margin, covariates=none, outcome=ones.astype(int), unit=unit
                )
            return fold_pairs(margin, none, ones, unit, self.ties, False)

        cells = [[cell() for _ in range(T)] for _ in range(K)]
        data = bin_counts(cells, 3 if self.ties else 2, PAIRS, form == "beta")
        self.number = data.counts.sum(axis=-1).astype(int)
        grids = [densities.LOG_SLOPE]
        grids += (
            [densities.TIE_GRID[form], densities.LOGIT_LAPSE]
            if self.ties
            else densities.EXTRA_GRIDS[form]
        )
        self.grids = grids
        self.arrays = {"margin": data.margin, "counts": data.counts * 0}
        if name.endswith(WITH_COVARIATES):
            self.arrays["covariates"] = rng.normal(size=(1, *data.margin.shape))
        if form == "spline":
            sizes = [np.abs(np.concatenate([c.margin for c in row])) for row in cells]
            knots = np.stack([spline_knots(size) for size in sizes])
            self.arrays["basis"] = spline_basis_at(data.margin, knots)
        if form == "beta":
            means = log_means(data.margin, data.counts.sum(axis=-1))
            self.arrays["basis"] = beta_basis_at(data.margin, means)
        places = self.places(data.counts)
        self.arrays["centerings"] = {name: prior_only_centering(p) for name, p in places.items()}

    def draw(self, rng, seed):
        """True values of the sites, and arrays with data simulated from them."""
        truth = prior_sites(self.model, self.arrays, self.options, seed)
        with double_precision():
            chance = np.exp(np.asarray(self.chances(truth)))
        chance /= chance.sum(axis=-1, keepdims=True)
        counts = rng.multinomial(self.number, chance).astype(float)
        places = self.places(counts)
        return truth, self.arrays | {"counts": counts, "centerings": places}

    def chances(self, sites):
        """Log probabilities of outcomes."""
        covariates, basis = (self.arrays.get(name) for name in ("covariates", "basis"))
        if self.ties:
            return self.densities.tie_log_probs(sites, self.arrays["margin"], covariates, self.form)
        return self.densities.agreement_log_probs(
            sites, self.arrays["margin"], covariates, basis, self.form
        )

    def places(self, counts):
        """Centerings of the grids from the data, as in a fit."""
        from metaeval.bayes.hierarchy.centering import curve_centerings

        margin, basis = self.arrays["margin"], self.arrays.get("basis")
        return curve_centerings(
            self.densities.cell_log_probs(self.form), self.grids, margin, counts, basis
        )

    def quantities(self, sites, arrays, rng):
        """Scalars of draws (chain, draw, ...) by name."""
        from metaeval.bayes.hierarchy.priors import draw_population_per_scorer

        scalars = {}
        for grid in self.grids:
            value, name = sites[grid.name], grid.name
            scalars |= {f"{name}_00": value[..., 0, 0], f"{name}_42": value[..., 4, 2]}
            scalars[f"{name}_sd_task_0"] = sites[f"{name}_sd_task"][..., 0]
            scalars[f"{name}_mean_0"] = draw_population_per_scorer(grid, sites, rng).scorer[..., 0]
        if "shape" in sites:
            scalars |= {"shape_0": sites["shape"][..., 0, 0], "shape_4": sites["shape"][..., 1, 4]}
        if "asymmetry" in sites:
            scalars |= {f"asymmetry_{k}": sites["asymmetry"][..., k] for k in (0, 4)}
        if "coefficient" in sites:
            scalars |= {f"coefficient_{k}": sites["coefficient"][..., k, 0] for k in (0, 4)}
        scalars["log_likelihood"] = self.likelihood(sites, arrays)
        return scalars

    def likelihood(self, sites, arrays):
        """Log likelihood of draws."""
        values = {n: v for n, v in sites.items() if not n.endswith("_raw")}
        with double_precision():
            logs = np.asarray(self.chances(values))
        return np.asarray((arrays["counts"] * logs).sum(axis=(-4, -3, -2, -1)))


def grid_quantities(grid, sites):
    """Two cells of a grid, and its standard deviations."""
    value = sites[grid.name]
    scalars = {f"{grid.name}_00": value[..., 0, 0], f"{grid.name}_42": value[..., 4, 2]}
    return scalars | {name: sites[name] for name in grid.sd_sites}


class Accuracy:
    """Correlated verdicts of scorers, one per item."""

    def __init__(self, _):
        from metaeval.bayes.accuracy_model import data, density
        from metaeval.bayes.hierarchy.priors import prior_only_centering

        self.nowhere = prior_only_centering
        self.model, self.verdicts, self.grid = density.accuracy_density, data, density.LOGIT
        self.options = (("pool", True),)

    def draw(self, rng, seed):
        """True values of the sites, and arrays with data simulated from them."""
        from scipy.special import expit, ndtri

        ones, eye = np.ones((K, T)), np.broadcast_to(np.eye(K), (T, K, K))
        places = self.nowhere(self.verdicts.accuracy_centerings(ones, 2 * ones, eye))
        arrays = {"right": ones, "trials": 2 * ones, "precision": eye, "centerings": places}
        truth = prior_sites(self.model, arrays | self.more(), self.options, seed)
        seen = []
        for t in range(T):
            share = rng.uniform(0, 0.7)
            z = np.sqrt(share) * rng.normal(size=(PAIRS, 1))
            z = z + np.sqrt(1 - share) * rng.normal(size=(PAIRS, K))
            right = (z < ndtri(expit(self.logit(truth, t)))).astype(float)
            seen.append(seen_of(right))
        return truth, self.verdicts.model_arrays(self.cells(seen), seen)

    def more(self):
        """Arrays of covariates."""
        return {}

    def logit(self, truth, t):
        """Logits of correct decisions in the units of a task."""
        return truth["logit"][:, t]

    def cells(self, seen):
        """Groups of units that are summarized together."""
        from metaeval.bayes.accuracy_model.covariates import one_cell_per_task

        return one_cell_per_task(seen)

    def quantities(self, sites, arrays, rng):
        """Scalars of draws (chain, draw, ...) by name."""
        from metaeval.bayes.hierarchy.priors import draw_population

        z = sites["logit"]
        scalars = grid_quantities(self.grid, sites)
        scalars["logit_mean"] = draw_population(self.grid, sites, rng).mean
        scalars["difference"] = (z[..., 0, :] - z[..., 1, :]).mean(axis=-1)
        return scalars


def seen_of(right):
    """Summary of one task from verdicts (unit, scorer)."""
    from metaeval.bayes.accuracy_model.covariates import TaskSummary

    centered, weight = (right - right.mean(axis=0)) / PAIRS, np.full(PAIRS, 1 / PAIRS)
    return TaskSummary(
        value=right,
        weight=weight,
        covariance=centered.T @ centered,
        units=[""] * PAIRS,
        position=np.arange(PAIRS),
    )


class CovariedAccuracy(Accuracy):
    """Verdicts that are associated with a covariate."""

    def __init__(self, _):
        super().__init__(_)
        self.x = list(np.random.default_rng(1).normal(size=(T, 1, PAIRS)))
        self.blank = self.cells([seen_of(np.zeros((PAIRS, K)))] * T)

    def cells(self, seen):
        """Groups of units that are summarized together."""
        from metaeval.bayes.accuracy_model.covariates import cells_from_values

        return cells_from_values(seen, self.x)

    def more(self):
        """Arrays of covariates."""
        n = len(self.blank.task)
        ones, eye = np.ones((K, n)), np.broadcast_to(np.eye(K), (n, K, K))
        arrays = {"right": ones, "trials": 2 * ones, "precision": eye}
        return arrays | {"task": self.blank.task, "covariates": self.blank.covariates}

    def logit(self, truth, t):
        """Logits of correct decisions in the units of a task, at the means of their cells."""
        from metaeval.bayes.design import covariate_bins

        x = self.blank.covariates[:, self.blank.task == t][:, covariate_bins(self.x[t])]
        return truth["logit"][:, t] + (truth["coefficient"] @ x).T

    def quantities(self, sites, arrays, rng):
        """Scalars of draws (chain, draw, ...) by name."""
        coefficients = {f"coefficient_{k}": sites["coefficient"][..., k, 0] for k in (0, 4)}
        return super().quantities(sites, arrays, rng) | coefficients


class Raters:
    """Labels of raters with independent errors."""

    def __init__(self, form):
        from metaeval.bayes.rater_models.density import rater_density

        self.model = rater_density
        self.form = "ordinal" if form == "ordinal" else "dawid_skene"
        self.ordered = form == "dawid_skene_ordered"
        self.options = (("form", self.form), ("ordered", self.ordered))
        self.levels = 4 if self.form == "ordinal" else 3

    def draw(self, rng, seed):
        """True values of the sites, and arrays with data simulated from them."""
        none = np.zeros((1, RATERS, self.levels))
        blank = {"labels": none, "counts": np.zeros(1)}
        truth = prior_sites(self.model, blank, self.options, seed)
        levels = self.ordinal(truth, rng) if self.form == "ordinal" else self.labels(truth, rng)
        patterns, number = np.unique(levels, axis=0, return_counts=True)
        size = max(256, 1 << (len(patterns) - 1).bit_length())
        labels = np.zeros((size, RATERS, self.levels))
        labels[: len(patterns)] = patterns[..., None] == np.arange(self.levels)
        counts = np.zeros(size)
        counts[: len(number)] = number
        return truth, {"labels": labels, "counts": counts, "effect": np.float64(1.0)}

    def labels(self, truth, rng):
        """Labels (item, rater) of raters with independent errors."""
        true = rng.choice(3, ITEMS, p=truth["prevalence"])
        chance = truth["confusion"][:, true].cumsum(axis=-1)  # (rater, item, label)
        return (rng.random((RATERS, ITEMS, 1)) > chance[..., :-1]).sum(axis=-1).T

    def ordinal(self, truth, rng, given=0.0):
        """Levels (item, rater) of ratings; some items are rated higher by some raters."""
        from scipy.special import expit

        quality = rng.normal(size=(ITEMS, 1)) + given
        seen = truth["discrimination"] * (quality - truth["severity"])
        below = expit(truth["cutpoints"] - seen[..., None])
        return (rng.random((ITEMS, RATERS, 1)) > below).sum(axis=-1)

    def quantities(self, sites, arrays, rng):
        """Scalars of draws (chain, draw, ...) by name."""
        if self.form == "ordinal":
            names = {"severity": (0, 4), "discrimination": (0, 4), "cutpoints": (0, 2)}
        else:
            names = {"rater_accuracy": (0, 4), "prevalence": (0, 1)}
        scalars = {f"{n}_{i}": sites[n][..., i] for n, places in names.items() for i in places}
        if self.form == "dawid_skene":
            scalars |= {
                f"confusion_{c}{d}": sites["confusion"][..., 2, c, d]
                for c, d in ((0, 0), (0, 1), (1, 1))
            }
        return scalars

    def sample(self, arrays, settings):
        """Draws of the posterior."""
        from metaeval.bayes.rater_models import gibbs
        from metaeval.bayes.sampling import nuts

        if self.form == "ordinal":
            return nuts.sample(self.model, arrays, self.options, settings, lambda _: True)
        return gibbs.sample(arrays, self.ordered, settings, lambda _: True)


class CovariedRaters(Raters):
    """Ratings of items with different values of a covariate, or choices between them."""

    def __init__(self, form):
        from metaeval.bayes.design import covariate_bins

        super().__init__(form.removesuffix(WITH_COVARIATES))
        x = np.random.default_rng(1).normal(size=(1, ITEMS))
        x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
        self.ranges = covariate_bins(x)
        sums = np.stack([np.bincount(self.ranges, row) for row in x], axis=1)
        self.covariates = sums / np.bincount(self.ranges)[:, None]

    def draw(self, rng, seed):
        """True values of the sites, and arrays with data simulated from them."""
        from metaeval.bayes.rater_models.label_patterns import find_patterns

        n = len(self.covariates)
        none, rows = np.zeros((n, 1, RATERS, self.levels)), np.bincount(self.ranges)[:, None]
        blank = {"labels": none, "counts": rows, "covariates": self.covariates}
        truth = prior_sites(self.model, blank, self.options, seed)
        labels = (self.rated if self.form == "ordinal" else self.chosen)(truth, rng)
        patterns = find_patterns(labels, self.levels, np.arange(ITEMS), ITEMS, self.ranges)
        arrays = {"effect": np.float64(1.0), "covariates": self.covariates}
        arrays |= {n: patterns.by_range(getattr(patterns, n)) for n in ("labels", "counts")}
        return truth, arrays

    def rated(self, truth, rng):
        """Levels (item, rater) of ratings."""
        slope = truth["quality_coefficient"] + truth["coefficient"]
        return self.ordinal(truth, rng, (self.covariates @ slope.T)[self.ranges])

    def chosen(self, truth, rng):
        """Classes (item, rater) of choices."""
        x, side = self.covariates[self.ranges], np.array([-0.5, 0.0, 0.5])

        def drawn(chance, slope):
            chance = chance * np.exp((x @ slope)[:, None] * side)
            chance = (chance / chance.sum(axis=1, keepdims=True)).cumsum(axis=1)
            return (rng.random((ITEMS, 1)) > chance[:, :-1]).sum(axis=1)

        true = drawn(truth["prevalence"], truth["quality_coefficient"])
        parameters = zip(truth["confusion"], truth["coefficient"], strict=True)
        return np.stack([drawn(confusion[true], slope) for confusion, slope in parameters], axis=1)

    def sample(self, arrays, settings):
        """Draws of the posterior."""
        from metaeval.bayes.sampling import nuts

        return nuts.sample(self.model, arrays, self.options, settings, lambda _: True)

    def quantities(self, sites, arrays, rng):
        """Scalars of draws (chain, draw, ...) by name."""
        scalars = super().quantities(sites, arrays, rng)
        excess, shared = sites["coefficient"], sites["quality_coefficient"]
        scalars |= {f"coefficient_{r}": excess[..., r, 0] for r in (0, 4)}
        return scalars | {"quality_coefficient": shared[..., 0]}


def kind_of(name):
    """Return the object that simulates and fits a model."""
    name = name.removesuffix(AGAIN)
    if name.startswith("accuracy"):
        return CovariedAccuracy(name) if name.endswith(WITH_COVARIATES) else Accuracy(name)
    if name.startswith(("dawid", "ordinal")):
        return CovariedRaters(name) if name.endswith(WITH_COVARIATES) else Raters(name)
    return Margins(name)


def ranks_of(name, seeds):
    """Rank of each true value among its draws, and whether the 90% interval covers it, by set."""
    from metaeval.bayes.sampling import nuts

    kind, rows = kind_of(name), []
    for seed in seeds:
        rng = np.random.default_rng([7, seed])
        truth, arrays = kind.draw(rng, seed)
        settings = nuts.Settings(
            n_chains=1, n_warmup=500, n_draws=RANKS * APART, target_accept=0.9, seed=seed
        )
        posterior = (
            kind.sample(arrays, settings)
            if isinstance(kind, Raters)
            else nuts.sample(kind.model, arrays, kind.options, settings, lambda _: True)
        )
        true = kind.quantities(as_draw(truth), arrays, rng)
        for quantity, values in kind.quantities(posterior.sites, arrays, rng).items():
            value, draws = float(true[quantity][0, 0]), values[0]
            low, high = np.quantile(draws, (0.05, 0.95))
            rank = int((draws[::APART] < value).sum())
            rows.append((name, quantity, seed, rank, int(low <= value <= high)))
    return rows


def simulate(sets, names, more=False, processes=2):
    """Write the ranks of all sets, model by model; `more` adds them to the existing rows."""
    path = HERE / "bayes_sbc.csv"
    before = read(path) if path.exists() else []
    results = [row for row in before if row[0] not in names]
    for name in names:
        previous = [row for row in before if row[0] == name] if more else []
        first = (OTHER_SETS if name.endswith(AGAIN) else 0) + max(
            (r[2] for r in previous), default=0
        )
        with get_context("spawn").Pool(processes) as pool:
            seeds = [range(first + p, first + sets, processes) for p in range(processes)]
            parts = pool.starmap(ranks_of, [(name, block) for block in seeds])
        ranks = [row for part in parts for row in part]
        results += added(previous, histograms(ranks))
        with path.open("w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(["model", "quantity", "sets", "covered", *range(BINS)])
            out.writerows(results)
        report([row for row in results if row[0] == name])


def histograms(ranks):
    """Model, quantity, number of sets, number covered by 90% intervals, and ranks in bins."""
    counts = {}
    for name, quantity, _, rank, covered in ranks:
        row = counts.setdefault((name, quantity), [0, 0, *[0] * BINS])
        row[0] += 1
        row[1] += covered
        row[2 + rank * BINS // (RANKS + 1)] += 1
    return [(*key, *row) for key, row in counts.items()]


def added(some, others):
    """Sum the histograms of the same quantities."""
    sums = {row[:2]: np.array(row[2:]) for row in some}
    return [(*row[:2], *(sums.get(row[:2], 0) + np.array(row[2:])).tolist()) for row in others]


def read(path):
    """Read the histograms."""
    with path.open() as file:
        rows = list(csv.reader(file))[1:]
    return [(*row[:2], *(int(n) for n in row[2:])) for row in rows]


def p_values(rows):
    """Chi-squared p-value of uniform ranks for each quantity, and Holm-adjusted p-values."""
    from scipy import stats

    from metaeval.resampling import holm

    p = np.array([stats.chisquare(row[4:]).pvalue for row in rows])
    return p, holm(p)


def report(rows):
    """Print one line with the smallest p-value and the coverage of the intervals."""
    p, adjusted = p_values(rows)
    coverage = sum(row[3] for row in rows) / sum(row[2] for row in rows)
    worst = rows[int(p.argmin())][1]
    print(
        f"{rows[0][0]}: {rows[0][2]} sets, {len(rows)} quantities, smallest p {p.min():.3g} "
        f"({worst}; Holm {adjusted.min():.3g}), coverage of 90% intervals {coverage:.4f}",
        flush=True,
    )


def figure():
    """Cumulative ranks minus their expectation, with a 95% band for uniform ranks, by model."""
    import pandas as pd
    from matplotlib import pyplot as plt

    from metaeval import plots, style

    def place(name):
        return MODELS.index(name.removesuffix(AGAIN)), name

    frame = pd.read_csv(HERE / "bayes_sbc.csv")
    frame = frame.sort_values("model", key=lambda names: names.map(place), kind="stable")
    with style("acl-wide"), plt.rc_context({"svg.fonttype": "path"}):
        panels = plots.sbc_ranks(frame)
        panels[0, 0].figure.savefig(HERE / "bayes_sbc.svg", metadata={"Date": None})


if __name__ == "__main__":
    if sys.argv[1:] == ["figure"]:
        figure()
    else:
        more = sys.argv[1:2] == ["more"]
        asked = sys.argv[1 + more :] or ["500"]
        simulate(int(asked[0]), asked[1:] or MODELS, more)
