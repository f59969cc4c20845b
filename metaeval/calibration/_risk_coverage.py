"""Accuracy of the most confident decisions, with simultaneous bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metaeval.calibration.cases import (
    StratumCases,
    add_signature,
    cases_by_stratum,
    curve_estimand,
    prepare_design,
)
from metaeval.core import SMALLEST_DIVISOR, Floats
from metaeval.curves import isotonic_fit
from metaeval.inference import DesignOptions, Resampling, Settings
from metaeval.statistics import (
    Cases,
    Forecast,
    Scale,
    by_confidence,
    rank_by_margin,
    reading_of,
)
from metaeval.tables import Table

_N_WALKS = 4_000  # Monte Carlo error of 0.0035 in a confidence of 0.95
_MAX_STEPS = 1_000  # of the simulated random walks, which bounds time and memory


def risk_coverage(
    table: Table,
    *,
    forecast: Forecast | Scale = "score",
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Accuracy of the most confident decisions by coverage.

    Parameters
    ----------
    table : Responses or Pairs
    forecast : Forecast or {"score", "probability", "log_odds"}, default "score"
        How scores become forecasts of an event; see `metaeval.statistics.Forecast`.
    label, scorers, by, resample, missing
        As in `metaeval.evaluate`.
    confidence : float, default 0.95
        Simultaneous confidence level of the lower bounds at all thresholds.
    seed : int, default 0

    Returns
    -------
    DataFrame
        One row for each threshold of each scorer (and stratum), most confident first: scorer, task,
        threshold (the smallest absolute margin in units of the score, or the smallest probability
        of the decision), coverage, accuracy, lower (bound of the accuracy), risk (1 - accuracy) and
        joint_risk (coverage times risk). `frame.attrs` has the signature, and a description of the
        decisions in the notes.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid.

    Notes
    -----
    The areas under risk and joint risk are `aurc` and `augrc`. Bounds are those of Clopper and
    Pearson with the effective number of cases, :math:`(\sum w)^2 / ((1 - \rho) \sum w^2 + \rho
    \sum_u (\sum_{i \in u} w_i)^2)` with :math:`\rho \ge 0` the correlation of residuals within
    units (clusters, items). The bounds are simultaneous: the pointwise error rate is such that a
    random walk stays within all its bounds with the given confidence. They are approximate because
    rho is estimated and assumed to be the same at all thresholds.

    References
    ----------
    Clopper, Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the
    binomial. Korn, Graubard (1998), Confidence intervals for proportions with small expected number
    of positive counts estimated from survey data. Geifman, El-Yaniv (2017), Selective
    classification for deep neural networks.

    Examples
    --------
    >>> from metaeval import calibration, load_example
    >>> curve = calibration.risk_coverage(load_example(), scorers=["judge"])
    >>> bool((curve["lower"] <= curve["accuracy"]).all())
    True
    """
    requested = reading_of(forecast)
    options = DesignOptions(label=label, scorers=scorers, by=by, resample=resample, missing=missing)
    settings = Settings(resampling=Resampling(_N_WALKS, seed), confidence=confidence)
    design = prepare_design(table, options)
    settled = rank_by_margin(requested, requested.settled(design.table))
    frames = [
        _curve(part, m, confidence, seed)
        for part in cases_by_stratum(design, settled)
        for m in range(len(part.cases.scorers))
    ]
    quantity = "the accuracy of the most confident decisions"
    estimand = curve_estimand("risk_coverage", quantity, requested, settled)
    curves = pd.concat(frames, ignore_index=True)
    return add_signature(curves, "risk_coverage", design, settings, estimand)


def _curve(part: StratumCases, m: int, confidence: float, seed: int) -> pd.DataFrame:
    decisions, n = most_confident(part.cases, m), effective_numbers(part.cases, part, m)
    risk = 1 - decisions.accuracy
    return pd.DataFrame(
        {
            "scorer": part.cases.scorers[m],
            "task": part.name,
            "threshold": decisions.threshold,
            "coverage": decisions.coverage,
            "accuracy": decisions.accuracy,
            "lower": lower_bounds(decisions.accuracy, n, walk_error(n, confidence, seed)),
            "risk": risk,
            "joint_risk": risk * decisions.coverage,
        }
    )


class MostConfident(NamedTuple):
    """Decisions with at least the confidence of each level, most confident first: (level,) each.

    `threshold` is the smallest confidence; `weight` and `right` are those of the level alone.
    """

    threshold: Floats
    coverage: Floats
    accuracy: Floats
    weight: Floats
    right: Floats


def most_confident(cases: Cases, m: int) -> MostConfident:
    """Return the most confident decisions of one scorer, by level of confidence."""
    confidences, right = cases.confidence(m)
    level = by_confidence(cases, m).level
    weight, good = np.bincount(level, cases.weight), np.bincount(level, cases.weight * right)
    decided = np.cumsum(weight)
    threshold = np.zeros(len(weight))
    threshold[level] = confidences
    accuracy = np.clip(np.cumsum(good) / decided, 0, 1)
    return MostConfident(threshold, decided / decided[-1], accuracy, weight, good)


def effective_numbers(cases: Cases, part: StratumCases, m: int) -> Floats:
    """Effective number of cases with at least the confidence of each level: (level,)."""
    level = by_confidence(cases, m).level
    order = np.argsort(level, kind="stable")
    w, unit, ends = cases.weight[order], part.unit[order], np.flatnonzero(np.diff(level[order]))
    ends = np.r_[ends, len(order) - 1]
    correlation = _correlation(cases, part, m)
    independent, clustered = np.cumsum(w**2), np.cumsum(w**2 + 2 * w * _earlier_weight(w, unit))
    return np.asarray(
        (np.cumsum(w) ** 2 / ((1 - correlation) * independent + correlation * clustered))[ends]
    )


def _earlier_weight(weight: Floats, unit: Any) -> Floats:
    """Total weight of earlier cases of the same unit: (case,)."""
    order = np.argsort(unit, kind="stable")
    sums = np.cumsum(weight[order]) - weight[order]
    first = np.flatnonzero(np.diff(unit[order], prepend=-1))
    sizes = np.diff(np.r_[first, len(unit)])
    earlier = np.empty_like(weight)
    earlier[order] = sums - np.repeat(sums[first], sizes)
    return earlier


def _correlation(cases: Cases, part: StratumCases, m: int) -> float:
    """Correlation within units of the correctness of decisions, given confidence."""
    confidences, right = cases.confidence(m)
    unit, w = part.unit, cases.weight
    fitted = isotonic_fit(confidences, right, w)
    sd = np.sqrt(fitted * (1 - fitted))

    def between(values: Floats) -> float:
        return float((np.bincount(unit, w * values) ** 2).sum() - ((w * values) ** 2).sum())

    possible = between(sd)
    return float(np.clip(between(right - fitted) / possible, 0, 1)) if possible > 0 else 0.0


def lower_bounds(accuracy: Floats, n: Floats, error: float) -> Floats:
    """Clopper-Pearson lower bounds of proportions of n cases, each with an error rate."""
    from scipy.special import betaincinv

    good = accuracy * n
    bounds = betaincinv(np.maximum(good, SMALLEST_DIVISOR), n - good + 1, error)
    return np.asarray(np.where(good > 0, np.minimum(bounds, accuracy), 0.0))


def walk_error(n: Floats, confidence: float, seed: int) -> float:
    """Pointwise error rate for simultaneous bounds, with increasing numbers of cases n (level,).

    The sum of n independent cases is a random walk in n. If cases of a unit are dependent, means at
    different levels are more strongly correlated, and the bounds conservative.
    """
    from scipy.special import ndtr

    steps = np.diff(_thin(np.maximum.accumulate(n)), prepend=0.0)
    rng = np.random.default_rng(seed)
    walks = rng.normal(size=(_N_WALKS, len(steps)))
    walks *= np.sqrt(steps)
    np.cumsum(walks, axis=1, out=walks)
    walks /= np.sqrt(np.cumsum(steps))
    highest = walks.max(axis=1)
    return float(ndtr(-np.quantile(highest, confidence)))


def _thin(n: Floats) -> Floats:
    """Thin increasing numbers to at most `_MAX_STEPS`, at equal ratios."""
    if len(n) <= _MAX_STEPS:
        return n
    at = np.searchsorted(n, np.geomspace(n[0], n[-1], _MAX_STEPS))
    return n[np.unique(np.minimum(at, len(n) - 1))]
