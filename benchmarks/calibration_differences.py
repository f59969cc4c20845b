"""Differences of calibration errors: size and power of tests, coverage and width of intervals.

    python -m benchmarks.calibration_differences [sets] [DESIGN ...]

Labels depend on two normal variables, one observed by each scorer, and noise, all correlated
within items. Log odds of calibrated forecasts are multiplied by a temperature. The rules are that
of `metaeval.compare`, Student's t for the observed difference, and Student's t after subtracting
the whole `expected_if_calibrated` of the larger value. True values are those of endless items.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

import metaeval as me
from benchmarks.calibration_coverage import CORRELATION
from metaeval.curves import bins_of, cosines, error_at, fixed_point_bandwidth, residuals_by_cell

STATISTICS = {
    "smooth_ece": me.statistics.smooth_ece,
    "ece": me.statistics.ece,
    "miscalibration": me.statistics.miscalibration,
}


class Design(NamedTuple):
    """Items, responses of each, signals and temperatures of two scorers, shift of the labels."""

    items: int
    each: int
    signals: tuple[float, float] = (1.0, 1.0)
    temperatures: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    levels: int = 0  # of the forecasts of the second scorer; 0: continuous


SIZES = ((30, 5), (100, 1), (400, 1), (400, 5))
DESIGNS = {
    f"{name}, {items} x {each}": Design(items, each, **options)
    for items, each in SIZES
    for name, options in {
        "both calibrated, equally sharp": {},
        "both calibrated, one sharp": {"signals": (2.0, 0.3)},
        "both calibrated, one sharp, skewed": {"signals": (2.0, 0.3), "shift": 1.5},
        "both calibrated, one with 5 levels": {"levels": 5},
        "both 2 times overconfident": {"temperatures": (2.0, 2.0)},
        "both 2 times overconfident, skewed": {"temperatures": (2.0, 2.0), "shift": 1.5},
        "one 2 times overconfident": {"temperatures": (1.0, 2.0)},
        "one 2 times overconfident, skewed": {"temperatures": (1.0, 2.0), "shift": 1.5},
        "1.5 and 3 times overconfident": {"temperatures": (1.5, 3.0)},
    }.items()
}


def draw(rng, design):
    """Forecasts and true probabilities (case, scorer), and labels (case,)."""
    n = design.items * design.each

    def normal():
        shared = np.repeat(rng.normal(size=design.items), design.each) * np.sqrt(CORRELATION)
        return shared + np.sqrt(1 - CORRELATION) * rng.normal(size=n)

    signals = np.array(design.signals)
    observed = signals * np.stack([normal(), normal()], axis=1)
    label = (observed.sum(axis=1) + normal() + design.shift > 0).astype(float)
    chance = stats.norm.cdf((observed + design.shift) / np.sqrt(1 + signals[::-1] ** 2))
    chance = np.clip(chance, 1e-12, 1 - 1e-12)
    if design.levels:
        chance[:, 1] = _coarse(chance[:, 1], design)
    odds = design.temperatures * np.log(chance / (1 - chance))
    return 1 / (1 + np.exp(-odds)), chance, label


def _coarse(chance, design):
    """Mean probability of each of a few levels, of equal numbers of cases in the long run."""
    grid = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000) * design.signals[1]
    grid = stats.norm.cdf((grid + design.shift) / np.sqrt(1 + design.signals[0] ** 2))
    parts = np.array_split(grid, design.levels)
    cuts, means = [part[-1] for part in parts[:-1]], [part.mean() for part in parts]
    return np.array(means)[np.searchsorted(cuts, chance)]


def true_differences(design, n=400_000):
    """Difference of the values of endless items, by statistic."""
    forecast, chance, _ = draw(np.random.default_rng(99), design._replace(items=n, each=1))
    values = np.array([_true(p, q) for p, q in zip(forecast.T, chance.T, strict=True)])
    return dict(zip(STATISTICS, values[0] - values[1], strict=True))


def _true(p, q):
    if np.allclose(p, q):
        return [0.0, 0.0, 0.0]
    bins = bins_of(p, np.ones(len(p)), 15, "equal-mass")
    series = cosines(residuals_by_cell(p, (q - p) / len(p)))[None]
    smooth = float(error_at(series, fixed_point_bandwidth(series))[0])
    return [smooth, np.abs(np.bincount(bins, q - p, 15)).sum() / len(p), np.mean((p - q) ** 2)]


def table_of(rng, design):
    """Draw responses with two scorers."""
    forecast, _, label = draw(rng, design)
    rows = pd.DataFrame({"item": np.repeat(np.arange(design.items), design.each)})
    rows["system"] = np.tile(np.arange(design.each), design.items)
    scores, labels = pd.DataFrame(forecast, columns=["a", "b"]), pd.DataFrame({"human": label})
    return me.Responses(rows, scores, labels, label_kind="rating")


def outcomes(design, sets, n_resamples=300, statistics=tuple(STATISTICS), seed=30):
    """By statistic: difference, rejected by each rule, ends of the interval: (set, 6)."""
    rng, rows = np.random.default_rng(seed), {name: [] for name in statistics}
    forecast = me.statistics.Forecast(scale="probability", rows="responses")
    for k in range(sets):
        table = table_of(rng, design)
        for name in statistics:
            statistic = STATISTICS[name](forecast=forecast)
            result = me.compare(table, statistic, n_resamples=n_resamples, seed=k)
            correction = statistic.settled(table).correction_error
            rows[name].append(_one(result, correction, design.items))
    return {name: np.array(values) for name, values in rows.items()}


def _one(result, correction, n):
    difference, scorers = result.row("a", "b"), [result.row(name) for name in "ab"]
    d, se = difference["estimate"], difference["se"] / correction
    larger = scorers[0] if d > 0 else scorers[1]
    limit = stats.t.ppf(0.975, n - 1) * se
    whole = abs(d) - larger["expected_if_calibrated"] > limit
    ends = difference["lower"], difference["upper"]
    return [d, difference["p_value"] <= 0.05, abs(d) > limit, whole, *ends]


def summary(of_sets, truth):
    """Rejection rates of the rules and of an oracle z test, coverage, and relative width."""
    d, *rejected, lower, upper = of_sets.T
    spread = d.std(ddof=1)
    oracle = np.mean(np.abs(d) > 1.96 * spread)
    covered = np.mean((lower <= truth) & (truth <= upper))
    width = np.mean(upper - lower) / (2 * 1.96 * spread)
    return (*np.mean(rejected, axis=1), oracle, covered, width)


def main():
    """Print one line for each design and statistic."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for name, design in DESIGNS.items():
        if sys.argv[2:] and not any(part in name for part in sys.argv[2:]):
            continue
        truth = true_differences(design)
        for statistic, of_sets in outcomes(design, sets).items():
            now, plain, whole, oracle, covered, width = summary(of_sets, truth[statistic])
            mean = of_sets[:, 0].mean()
            print(
                f"{name}, {statistic}: true {truth[statistic]:+.4f}, mean {mean:+.4f}; "
                f"rejected {now:.3f} (t {plain:.3f}, whole bias {whole:.3f}, z {oracle:.3f}); "
                f"covered {covered:.3f}, width {width:.2f} of the oracle's",
                flush=True,
            )


if __name__ == "__main__":
    main()
