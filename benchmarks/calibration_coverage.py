"""Size of tests of calibration, and coverage of bands and intervals.

    python -m benchmarks.calibration_coverage [sets] [PART ...]

Parts: null_means, tests, bands, selection, gaps, intervals, comparisons, powers.

Every set has 400 units of 1 or 10 cases, whose labels are dependent within a unit (Gaussian copula,
correlation 0.3) and calibrated, or follow a known curve.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy import stats

import metaeval as me
from metaeval import calibration
from metaeval.calibration._risk_coverage import _curve
from metaeval.calibration.bootstrap_curves import refit
from metaeval.calibration.calibration_tests import _cumulative, _spiegelhalter
from metaeval.calibration.cases import StratumCases
from metaeval.curves import (
    bins_of,
    cosines,
    error_at,
    fixed_point_bandwidth,
    honest_band,
    link_functions,
    residuals_by_cell,
    scale_of,
    selective_risk,
    spline_basis,
    spline_knots,
)
from metaeval.inference import Resampling
from metaeval.statistics import Cases

UNITS = 400
CORRELATION = 0.3
PUBLISHED = {200: 0.089, 500: 0.056, 1000: 0.040, 5000: 0.018}


def dependent_labels(rng, chance, each):
    """Labels (case,) with given probabilities, dependent within units of `each` cases."""
    n = len(chance) // each
    shared = np.repeat(rng.normal(size=n), each) * np.sqrt(CORRELATION)
    latent = shared + np.sqrt(1 - CORRELATION) * rng.normal(size=len(chance))
    return (stats.norm.cdf(latent) < chance).astype(float)


def part_of(forecast, label, each, mirrored=False, margins=None):
    """A stratum of one scorer, every case with weight 1 / `each`."""
    unit = np.repeat(np.arange(len(label) // each), each)
    weight = np.full(len(label), 1 / each)
    cases = Cases(
        *(forecast[:, None], label, weight, unit, unit, len(label) // each, mirrored, ["a"]),
        None if margins is None else margins[:, None],
    )
    stratum = SimpleNamespace(units=np.arange(len(label) // each), stream=0)
    return StratumCases(None, None, cases, unit, stratum, 0)


def null_means(sets, sizes=PUBLISHED):
    """Mean ECE of calibrated forecasts in 15 bins of equal mass, by number of cases."""
    rng = np.random.default_rng(1)
    means = {}
    for n in sizes:
        values = []
        for _ in range(sets):
            p = 0.5 + 0.5 * rng.beta(1.5, 1.5, n)
            y = rng.random(n) < p
            bins = bins_of(p, np.ones(n), 15, "equal-mass")
            values.append(np.abs(np.bincount(bins, y - p, 15)).sum() / n)
        means[n] = float(np.mean(values))
    return means


def p_values(sets, each, units=UNITS, flips=400):
    """p-values (set, test) of calibrated pairs: Spiegelhalter's and the cumulative test."""
    rng = np.random.default_rng(2)
    p_values_of_sets = []
    for k in range(sets):
        margin = rng.logistic(size=units * each)
        p = 1 / (1 + np.exp(-margin))
        part = part_of(p, dependent_labels(rng, p, each), each, mirrored=True)
        p_values_of_sets.append([_spiegelhalter(part, 0)[2], _cumulative(part, 0, flips, k)[2]])
    return np.array(p_values_of_sets)


def honest_coverage(sets, each, units=UNITS):
    """Proportion of sets in which the honest band covers the true curve at every forecast."""
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(sets):
        p = rng.random(units * each)
        truth = p**1.5
        y = dependent_labels(rng, truth, each)
        band = honest_band(p, y, np.full(len(p), 1 / each), np.repeat(np.arange(units), each))
        low, high = band.at(p)
        covered.append(((low <= truth) & (truth <= high)).all())
    return float(np.mean(covered))


def truth_of(kind, margin, lapse=0.08):
    """A curve in the family of each calibrator."""
    logistic = 1 / (1 + np.exp(-1.2 * margin))
    return lapse / 2 + (1 - lapse) * logistic if kind == "lapse_link" else logistic


def map_coverage(kind, sets, each, units=UNITS, n_resamples=200):
    """Coverage of the bootstrap band of a smooth calibrator at each of 20 margins."""
    rng = np.random.default_rng(4)
    points = np.linspace(0.2, 4, 20)
    covered = []
    for k in range(sets):
        margin = 1.5 * rng.normal(size=units * each)
        label = dependent_labels(rng, truth_of(kind, margin), each)
        part = part_of(margin, label, each, mirrored=True, margins=margin)
        scale = scale_of(margin)
        link, design_of = _curve_of(kind, margin, scale)
        theta = refit(part, link, design_of, Resampling(n_resamples, k), 0).theta
        chance = link.curve(theta, design_of(points)).chance
        low, high = np.quantile(chance[1:], [0.025, 0.975], axis=0)
        truth = truth_of(kind, points)
        covered.append((low <= truth) & (truth <= high))
    return np.mean(covered, axis=0)


def _curve_of(kind, margin, scale):
    if kind == "monotone_spline":
        knots = spline_knots(np.abs(margin / scale))

        def basis(x):
            return spline_basis(np.abs(x / scale), knots) * np.sign(x)[:, None]

        return link_functions.spline(basis(margin).shape[1]), basis
    link = {"margin_link": link_functions.MARGIN, "lapse_link": link_functions.LAPSE}[kind]
    return link, lambda x: (x / scale)[:, None]


def responses(rng, units, each, slope):
    """Forecasts and labels of `units` items with `each` responses; the Cox slope is `slope`."""
    p = rng.beta(1.5, 1.5, units * each)
    label = dependent_labels(rng, true_chance(p, slope), each)
    rows = pd.DataFrame({"item": np.repeat(np.arange(units), each)})
    rows["system"] = np.tile(np.arange(each), units)
    scores, labels = pd.DataFrame({"a": p}), pd.DataFrame({"human": label})
    return me.Responses(rows, scores, labels, label_kind="rating")


def true_chance(p, slope):
    """Probability of the event at a forecast."""
    return 1 / (1 + np.exp(-slope * np.log(p / (1 - p))))


def true_values(slope, n=4_000_000):
    """Values of the measures in the limit of infinitely many responses."""
    p = np.random.default_rng(5).beta(1.5, 1.5, n)
    q = true_chance(p, slope)
    bins = bins_of(p, np.ones(n), 15, "equal-mass")
    size = np.bincount(bins, minlength=15)
    gap = np.bincount(bins, q - p, 15) / size
    series = cosines(residuals_by_cell(p, (q - p) / n))[None]
    smooth = float(error_at(series, fixed_point_bandwidth(series))[0]) if slope != 1 else 0.0
    return {
        **true_ranks(p, q),
        "brier": np.mean((p - q) ** 2 + q * (1 - q)),
        "miscalibration": np.mean((p - q) ** 2),
        "ece": (size * np.abs(gap)).sum() / n,
        "ece_debiased": (size * gap**2).sum() / n,
        "smooth_ece": smooth,
        "cox_slope": slope,
        "calibration_in_the_large": 0.0,
    }


def true_ranks(p, q):
    """Values of the ranking and selection measures for forecasts p of events of probability q."""
    order = np.argsort(p)
    sure = np.argsort(-np.abs(p - 0.5))
    wrong = np.where(p > 0.5, 1 - q, q)[sure]
    weight = np.ones(len(p))
    return {
        "auroc": float(selective_risk.rank_value(q[order], 1 - q[order])),
        "aurc": float(selective_risk.risk_area(weight, wrong)),
        "augrc": float(selective_risk.joint_risk_area(weight, wrong)),
        "coverage_at": float(
            selective_risk.last_coverage(
                weight, selective_risk.reaches_accuracy(weight, 1 - wrong, 0.9)
            )
        ),
    }


def bound_coverage(sets, each, units=UNITS):
    """Proportion of sets in which all bounds of the accuracy of confident decisions hold."""
    rng, covered = np.random.default_rng(8), []
    grid = np.sort(np.abs(np.random.default_rng(9).logistic(size=1_000_000)))[::-1]
    kept_right = np.cumsum(1 / (1 + np.exp(-grid))) / np.arange(1, len(grid) + 1)
    for k in range(sets):
        margin = rng.logistic(size=units * each)
        label = dependent_labels(rng, 1 / (1 + np.exp(-margin)), each)
        part = part_of(margin, label, each, mirrored=True, margins=margin)
        curve = _curve(part, 0, 0.95, k)
        at = np.searchsorted(-grid, -curve["threshold"].to_numpy(), side="right") - 1
        covered.append((curve["lower"] <= kept_right[np.maximum(at, 0)]).all())
    return float(np.mean(covered))


def interval_coverage(sets, each, slope, units=UNITS, n_resamples=1_000):
    """Coverage of the default 95% interval of each measure, and its mean value."""
    rng, truth = np.random.default_rng(6), true_values(slope)
    names = ",".join(f"{name}(scale=probability,rows=responses)" for name in truth)
    outcomes = []
    for k in range(sets):
        table = responses(rng, units, each, slope)
        frame = me.evaluate(table, names, n_resamples=n_resamples, seed=k).frame
        rows = frame[frame["statistic"].str.contains("scale=")]
        inside = (rows["lower"] - 1e-12 <= list(truth.values())) & (
            rows["upper"] + 1e-12 >= list(truth.values())
        )
        outcomes.append(np.stack([inside, rows["estimate"]]))
    return dict(zip(truth, np.mean(outcomes, axis=0).T, strict=True)), truth


COMPARED = (
    *("brier", "log_loss", "cox_slope", "auroc", "recalibration_gain", "ece_debiased"),
    *("smooth_ece", "ece", "miscalibration", "discrimination"),
)


def twins(rng, units, each, stretched=1.0, spread=1.0):
    """Responses and two equally good scorers; log odds of the second are `stretched`.

    Labels depend on two normal variables of the same standard deviation, one observed by each
    scorer, and noise; all have a component that is common to the responses of a unit.
    """
    n = units * each

    def normal():
        shared = np.repeat(rng.normal(size=units), each) * np.sqrt(CORRELATION)
        return shared + np.sqrt(1 - CORRELATION) * rng.normal(size=n)

    seen, noise = spread * np.stack([normal(), normal()], axis=1), normal()
    label = (seen.sum(axis=1) + noise > 0).astype(float)
    p = stats.norm.cdf(seen / np.sqrt(1 + spread**2))
    odds = stretched * np.log(p[:, 1] / (1 - p[:, 1]))
    scores = pd.DataFrame({"a": p[:, 0], "b": 1 / (1 + np.exp(-odds))})
    rows = pd.DataFrame({"item": np.repeat(np.arange(units), each)})
    rows["system"] = np.tile(np.arange(each), units)
    return me.Responses(rows, scores, pd.DataFrame({"human": label}), label_kind="rating")


def rejections(sets, each, units, stretched=1.0, spread=1.0, n_resamples=300):
    """Rejection rate at level 0.05, and coverage of 0 by the interval, by measure."""
    rng, outcomes = np.random.default_rng(10), []
    names = ",".join(f"{name}(scale=probability,rows=responses)" for name in COMPARED)
    for k in range(sets):
        table = twins(rng, units, each, stretched, spread)
        frame = me.compare(table, names, n_resamples=n_resamples, seed=k).frame
        gap = frame[frame["baseline"].notna() & frame["statistic"].str.contains("scale=")]
        inside = (gap["lower"] <= 0) & (gap["upper"] >= 0)
        outcomes.append(np.stack([gap["p_value"] <= 0.05, inside]))
    return dict(zip(COMPARED, np.mean(outcomes, axis=0).T, strict=True))


def gap_coverage(sets, each, share=0.8, lapse=0.08, units=UNITS, n_resamples=300):
    """Coverage of the interval of the gap at which labels agree at a given rate, slope 1.2."""
    rng, covered = np.random.default_rng(7), []
    inner = (share - lapse / 2) / (1 - lapse)
    gap = np.log(inner / (1 - inner)) / 1.2 if inner < 1 else np.inf
    for k in range(sets):
        margin = 1.5 * rng.normal(size=units * each)
        label = dependent_labels(rng, truth_of("lapse_link", margin, lapse), each)
        rows = pd.DataFrame({"item": np.repeat(np.arange(units), each)})
        rows["first"] = [f"a{j}" for j in np.tile(np.arange(each), units)]
        rows["second"] = [f"b{j}" for j in np.tile(np.arange(each), units)]
        labels = pd.DataFrame({"human": 2 * label - 1})
        pairs = me.Pairs(rows, pd.DataFrame({"a": margin}), labels)
        row = calibration.gap_to_agreement(pairs, share, n_resamples=n_resamples, seed=k).row("a")
        covered.append(row["lower"] <= gap <= row["upper"])
    return float(np.mean(covered))


def say_null_means(sets):
    """Print the mean ECE of calibrated forecasts."""
    for n, mean in null_means(sets).items():
        yield f"mean ECE of calibrated forecasts, {n} cases: {mean:.4f} (published {PUBLISHED[n]})"


def say_tests(sets):
    """Print the distribution of p-values for calibrated pairs."""
    for each in (1, 10):
        p = p_values(sets, each)
        for name, column in zip(("spiegelhalter", "cumulative"), p.T, strict=True):
            uniform = stats.kstest(column, "uniform").pvalue
            yield (
                f"{name}, {each} pairs per item: p of uniformity {uniform:.3f}, "
                f"rejects {np.mean(column <= 0.05):.4f} at .05"
            )


def say_bands(sets):
    """Print the coverage of bands."""
    for each in (1, 10):
        yield f"honest band, {each} cases per unit: coverage {honest_coverage(sets, each):.4f}"
        for kind in ("margin_link", "lapse_link", "monotone_spline"):
            cover = map_coverage(kind, sets, each)
            yield (
                f"band of {kind}, {each} pairs per item: {cover.mean():.4f} on average, "
                f"{cover.min():.4f} to {cover.max():.4f} by margin"
            )


def say_gaps(sets):
    """Print the coverage of intervals of gaps, with few lapses and with many."""
    for each in (1, 10):
        for share, lapse in ((0.8, 0.08), (0.9, 0.0), (0.9, 0.08), (0.9, 0.16), (0.9, 0.3)):
            covers = gap_coverage(sets, each, share, lapse)
            yield (
                f"gap at {100 * share:g}% agreement, {each} pairs per item, lapse rate {lapse:g}: "
                f"coverage {covers:.4f}"
            )


def say_intervals(sets):
    """Print the coverage of intervals of measures."""
    for each in (1, 10):
        for slope in (1.0, 0.6):
            coverage, truth = interval_coverage(sets, each, slope)
            for name, (covered, mean) in coverage.items():
                yield (
                    f"{name}, {each} responses per item, slope {slope}: coverage {covered:.3f}; "
                    f"mean {mean:.4f}, true {truth[name]:.4f}"
                )


def say_comparisons(sets):
    """Print rejection rates for two equally good scorers."""
    for units, each, spread in ((60, 1, 1.0), (60, 5, 1.0), (60, 5, 0.1)):
        for name, (separated, holds) in rejections(sets, each, units, spread=spread).items():
            yield (
                f"two calibrated scorers, {units} items x {each}, sd {spread}, {name}: "
                f"rejected {separated:.3f}, interval covers 0 {holds:.3f}"
            )


def say_powers(sets):
    """Print the power for a scorer that is equally good but overconfident."""
    for stretched in (1.5, 2, 3):
        for name, (separated, _) in rejections(sets, 5, 100, stretched).items():
            yield f"one overconfident {stretched:g} times, 100 items x 5, {name}: {separated:.3f}"


def say_selection(sets):
    """Print the coverage of bounds of the accuracy of confident decisions."""
    for each in (1, 10):
        holds = bound_coverage(sets, each)
        yield f"bounds of risk_coverage, {each} pairs per item: all hold {holds:.4f}"


PARTS = {
    "null_means": say_null_means,
    "tests": say_tests,
    "bands": say_bands,
    "selection": say_selection,
    "gaps": say_gaps,
    "intervals": say_intervals,
    "comparisons": say_comparisons,
    "powers": say_powers,
}


def main():
    """Print the results of the named parts, or of all."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    for name in sys.argv[2:] or PARTS:
        for line in PARTS[name](sets):
            print(line, flush=True)


if __name__ == "__main__":
    main()
