"""Whether tests of calibration hold their size, and bands and intervals their confidence.

    python -m benchmarks.calibration_coverage [sets]

Every set has 400 units of 1 or of 10 cases, whose labels depend on one another within a unit
(Gaussian copula, correlation .3) and are calibrated, or follow a curve that is known.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
from scipy import stats

from metaeval import links
from metaeval.binning import bins_of
from metaeval.calibration.checking import _cumulative, _spiegelhalter
from metaeval.calibration.refitting import refitted
from metaeval.calibration.strata import Part
from metaeval.honest import covers, honest_band
from metaeval.maps import scale_of, spline_basis, spline_knots
from metaeval.plan import Plan
from metaeval.statistics.forecasts import Cases

UNITS = 400
CORRELATION = 0.3
PUBLISHED = {200: 0.089, 500: 0.056, 1000: 0.040, 5000: 0.018}


def dependent_labels(rng, chance, each):
    """Labels (case,) with given chances, `each` cases of a unit depending on one another."""
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
    stratum = SimpleNamespace(units=np.arange(len(label) // each), part=0)
    return Part(None, None, cases, unit, stratum, 0)


def null_means(sets, sizes=PUBLISHED):
    """Mean ECE of calibrated forecasts in 15 bins of equal mass, by number of cases."""
    rng = np.random.default_rng(1)
    means = {}
    for n in sizes:
        values = []
        for _ in range(sets):
            p = 0.5 + 0.5 * rng.beta(1.5, 1.5, n)
            y = rng.random(n) < p
            place = bins_of(p, np.ones(n), 15, "equal-mass")
            values.append(np.abs(np.bincount(place, y - p, 15)).sum() / n)
        means[n] = float(np.mean(values))
    return means


def p_values(sets, each, units=UNITS, flips=400):
    """p-values (set, test) of calibrated pairs: Spiegelhalter's and the cumulative test."""
    rng = np.random.default_rng(2)
    found = []
    for k in range(sets):
        margin = rng.logistic(size=units * each)
        p = 1 / (1 + np.exp(-margin))
        part = part_of(p, dependent_labels(rng, p, each), each, mirrored=True)
        found.append([_spiegelhalter(part, 0)[2], _cumulative(part, 0, flips, k)[2]])
    return np.array(found)


def honest_coverage(sets, each, units=UNITS):
    """Share of sets in which the honest band holds the true curve at every forecast."""
    rng = np.random.default_rng(3)
    held = []
    for _ in range(sets):
        p = rng.random(units * each)
        truth = p**1.5
        y = dependent_labels(rng, truth, each)
        band = honest_band(p, y, np.full(len(p), 1 / each), np.repeat(np.arange(units), each))
        held.append(covers(band, p, truth).all())
    return float(np.mean(held))


def truth_of(kind, margin):
    """A curve in the family of each map."""
    logistic = 1 / (1 + np.exp(-1.2 * margin))
    return 0.04 + 0.92 * logistic if kind == "lapse_link" else logistic


def map_coverage(kind, sets, each, units=UNITS, n_resamples=200):
    """Coverage of the bootstrap band of a smooth map at each of 20 margins."""
    rng = np.random.default_rng(4)
    points = np.linspace(0.2, 4, 20)
    plan = Plan("map_band", n_resamples=n_resamples)
    held = []
    for k in range(sets):
        margin = 1.5 * rng.normal(size=units * each)
        label = dependent_labels(rng, truth_of(kind, margin), each)
        part = part_of(margin, label, each, mirrored=True, margins=margin)
        scale = scale_of(margin)
        link, design, at = _design(kind, margin / scale, points / scale)
        theta = refitted(part, link, design, Plan("map_band", n_resamples=n_resamples, seed=k), "")
        chance = link.curve(theta, at).chance
        low, high = np.quantile(chance[1:], [0.025, 0.975], axis=0)
        truth = truth_of(kind, points)
        held.append((low <= truth) & (truth <= high))
    assert plan.confidence == 0.95
    return np.mean(held, axis=0)


def _design(kind, margin, at):
    if kind == "monotone_spline":
        knots = spline_knots(np.abs(margin))
        both = [spline_basis(np.abs(x), knots) * np.sign(x)[:, None] for x in (margin, at)]
        return links.spline(both[0].shape[1]), *both
    link = {"margin_link": links.MARGIN, "lapse_link": links.LAPSE}[kind]
    return link, margin[:, None], at[:, None]


def main():
    """Print all figures."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    for n, mean in null_means(sets).items():
        print(f"mean ECE of calibrated forecasts, {n} cases: {mean:.4f} (published {PUBLISHED[n]})")
    for each in (1, 10):
        p = p_values(sets, each)
        for name, column in zip(("spiegelhalter", "cumulative"), p.T, strict=True):
            uniform = stats.kstest(column, "uniform").pvalue
            print(
                f"{name}, {each} pairs per item: uniform p {uniform:.3f}, "
                f"rejects {np.mean(column <= 0.05):.4f} at .05"
            )
        print(f"honest band, {each} cases per unit: covers {honest_coverage(sets, each):.4f}")
        for kind in ("margin_link", "lapse_link", "monotone_spline"):
            cover = map_coverage(kind, sets, each)
            print(
                f"band of {kind}, {each} pairs per item: {cover.mean():.4f} on average, "
                f"{cover.min():.4f} to {cover.max():.4f} by margin",
                flush=True,
            )


if __name__ == "__main__":
    main()
