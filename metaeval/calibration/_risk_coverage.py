"""Which decisions may be left to a scorer: accuracy among those that it is surest of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from metaeval.calibration.cases import Part, curve_of, designed, labelled, parts_of
from metaeval.core import SMALLEST_DIVISOR, Floats, check_fraction
from metaeval.curves import isotonic_fit, selective_risk
from metaeval.inference import Plan
from metaeval.statistics import (
    Cases,
    Forecast,
    Reading,
    Scale,
    by_confidence,
    rank_by_margin,
    reading_of,
)
from metaeval.tables import Table

_WALKS = 4_000
_POINTS = 1_000


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
    r"""Accuracy among the decisions that a scorer is surest of, by how many these are.

    Parameters
    ----------
    table : Responses or Pairs
    forecast : Forecast or {"score", "probability", "log_odds"}, default "score"
        How scores become forecasts of an event, see `metaeval.statistics.Forecast`.
    label, scorers, by, resample, missing
        As in `metaeval.evaluate`.
    confidence : float, default 0.95
        Of the lower bounds of all thresholds together.
    seed : int, default 0

    Returns
    -------
    DataFrame
        One row for each threshold of each scorer (and stratum), the surest first: scorer, task,
        threshold (the least size of a margin in units of the score, or the least probability of the
        decision), coverage, accuracy, lower (bound of the accuracy), risk (1 - accuracy) and
        joint_risk (coverage times risk). `frame.attrs` has the signature, and in the notes what
        the decisions are.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable.

    Notes
    -----
    The areas under risk and joint risk are `aurc` and `augrc`. Bounds are those of Clopper and
    Pearson with the effective number of cases, :math:`(\sum w)^2 / ((1 - \rho) \sum w^2 + \rho
    \sum_u (\sum_{i \in u} w_i)^2)` with :math:`\rho` the correlation of residuals within units
    (clusters, items), at least 0. All hold at once: the error of each is that of a random walk
    that stays above its bound everywhere. They are approximate in so far as rho is estimated, and
    as cases of one unit are alike over all thresholds.

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
    asked = reading_of(forecast)
    options = {
        "label": label,
        "scorers": scorers,
        "by": by,
        "resample": resample,
        "missing": missing,
    }
    return _curves(table, "risk_coverage", "", asked, options, confidence, seed)


def _curves(
    table: Table,
    name: str,
    said: str,
    asked: Reading,
    options: dict[str, Any],
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Curves of all scorers and strata, under the name of what asks for them."""
    plan = Plan(name, confidence=confidence, seed=seed, n_resamples=_WALKS)
    design = designed(table, **options)
    settled = rank_by_margin(asked, asked.settled(design.table))
    frames = [
        _curve(part, m, confidence, seed)
        for part in parts_of(design, settled)
        for m in range(len(part.cases.scorers))
    ]
    about = curve_of(name, "the accuracy of the surest decisions", asked, settled, said)
    return labelled(pd.concat(frames, ignore_index=True), table, design, plan, options, about)


def largest_coverage(
    table: Table,
    accuracy: float = 0.9,
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
    r"""Largest share of decisions that may be left to a scorer, with an accuracy that is assured.

    Parameters
    ----------
    table : Responses or Pairs
    accuracy : float, default 0.9
        What decisions must reach.
    forecast : Forecast or {"score", "probability", "log_odds"}, default "score"
        How scores become forecasts of an event, see `metaeval.statistics.Forecast`.
    label, scorers, by, resample, missing
        As in `metaeval.evaluate`.
    confidence : float, default 0.95
        That the threshold has the accuracy asked for.
    seed : int, default 0

    Returns
    -------
    DataFrame
        One row for each scorer (and stratum): scorer, task, target (the accuracy asked for);
        threshold and coverage of the largest share whose lower bound reaches the target, with its
        accuracy and lower bound; in_sample, the share that `coverage_at` gives. Where no bound
        reaches the target the coverage is 0 and the threshold infinite.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable.

    Notes
    -----
    Because the bounds of `risk_coverage` hold at all thresholds at once, the one chosen has the
    accuracy asked for with that confidence, however it was chosen.

    References
    ----------
    Geifman, El-Yaniv (2017), Selective classification for deep neural networks.

    Examples
    --------
    >>> from metaeval import calibration, load_example
    >>> row = calibration.largest_coverage(load_example(), 0.7, scorers=["reward"]).iloc[0]
    >>> bool(0 < row["coverage"] <= row["in_sample"])
    True
    """
    check_fraction("accuracy", accuracy)
    asked = reading_of(forecast)
    options = {
        "label": label,
        "scorers": scorers,
        "by": by,
        "resample": resample,
        "missing": missing,
    }
    said = f"accuracy={accuracy:g}"
    curves = _curves(table, "largest_coverage", said, asked, options, confidence, seed)
    rows = [
        {"scorer": scorer, "task": None if pd.isna(task) else task} | _chosen(curve, accuracy)
        for (scorer, task), curve in curves.groupby(["scorer", "task"], sort=False, dropna=False)
    ]
    frame = pd.DataFrame(rows)
    frame.attrs |= curves.attrs
    return frame


def _chosen(curve: pd.DataFrame, accuracy: float) -> dict[str, float]:
    """The last threshold whose bound reaches an accuracy, and what is known of it."""
    kept = curve["coverage"].to_numpy()
    reached = np.flatnonzero(curve["lower"] >= accuracy)
    weight = np.diff(kept, prepend=0.0)
    right = np.diff(kept * curve["accuracy"].to_numpy(), prepend=0.0)
    in_sample = selective_risk.last_coverage(
        weight, selective_risk.reaches_accuracy(weight, right, accuracy)
    )
    names = ("threshold", "coverage", "accuracy", "lower")
    values = dict.fromkeys(names, np.nan) | {"threshold": np.inf, "coverage": 0.0}
    if len(reached):
        values = curve.iloc[reached[-1]][list(names)].to_dict()
    return {"target": accuracy, **values, "in_sample": float(in_sample)}


def _curve(part: Part, m: int, confidence: float, seed: int) -> pd.DataFrame:
    cases = part.cases
    sure, right = cases.confidence(m)
    level = by_confidence(cases, m).level
    weight = np.bincount(level, cases.weight)
    kept, good = np.cumsum(weight), np.cumsum(np.bincount(level, cases.weight * right))
    accuracy = np.clip(good / kept, 0, 1)
    n = effective_numbers(cases, part, m)
    threshold = np.zeros(len(weight))
    threshold[level] = sure
    return pd.DataFrame(
        {
            "scorer": cases.scorers[m],
            "task": part.name,
            "threshold": threshold,
            "coverage": kept / kept[-1],
            "accuracy": accuracy,
            "lower": lower_bounds(accuracy, n, walk_error(n, confidence, seed)),
            "risk": 1 - accuracy,
            "joint_risk": (1 - accuracy) * kept / kept[-1],
        }
    )


def effective_numbers(cases: Cases, part: Part, m: int) -> Floats:
    """Number of independent cases that those at least as sure as each level are worth: (level,)."""
    level = by_confidence(cases, m).level
    order = np.argsort(level, kind="stable")
    w, unit, ends = cases.weight[order], part.unit[order], np.flatnonzero(np.diff(level[order]))
    ends = np.r_[ends, len(order) - 1]
    shared = _correlation(cases, part, m)
    alone, together = np.cumsum(w**2), np.cumsum(w**2 + 2 * w * _so_far(w, unit))
    return np.asarray((np.cumsum(w) ** 2 / ((1 - shared) * alone + shared * together))[ends])


def _so_far(weight: Floats, unit: Any) -> Floats:
    """Weight of the earlier cases of the unit of each case: (case,)."""
    order = np.argsort(unit, kind="stable")
    sums = np.cumsum(weight[order]) - weight[order]
    first = np.flatnonzero(np.diff(unit[order], prepend=-1))
    sizes = np.diff(np.r_[first, len(unit)])
    found = np.empty_like(weight)
    found[order] = sums - np.repeat(sums[first], sizes)
    return found


def _correlation(cases: Cases, part: Part, m: int) -> float:
    """Correlation within units of whether decisions are right, given how sure they are."""
    sure, right = cases.confidence(m)
    unit, w = part.unit, cases.weight
    fitted = isotonic_fit(sure, right, w)
    spread = np.sqrt(fitted * (1 - fitted))

    def between(values: Floats) -> float:
        return float((np.bincount(unit, w * values) ** 2).sum() - ((w * values) ** 2).sum())

    possible = between(spread)
    return float(np.clip(between(right - fitted) / possible, 0, 1)) if possible > 0 else 0.0


def lower_bounds(accuracy: Floats, n: Floats, error: float) -> Floats:
    """Clopper and Pearson's lower bounds of shares of n cases, each wrong with some chance."""
    from scipy.special import betaincinv

    good = accuracy * n
    found = betaincinv(np.maximum(good, SMALLEST_DIVISOR), n - good + 1, error)
    return np.asarray(np.where(good > 0, np.minimum(found, accuracy), 0.0))


def walk_error(n: Floats, confidence: float, seed: int) -> float:
    """Error of each bound that lets all be right with some confidence, n cases rising: (level,).

    A mean of n independent cases, seen as n grows, is a random walk; where cases depend on those of
    their unit, means at two levels are more alike, and go wrong less often.
    """
    from scipy.special import ndtr

    steps = np.diff(_spread_out(np.maximum.accumulate(n)), prepend=0.0)
    rng = np.random.default_rng(seed)
    walks = rng.normal(size=(_WALKS, len(steps)))
    walks *= np.sqrt(steps)
    np.cumsum(walks, axis=1, out=walks)
    walks /= np.sqrt(np.cumsum(steps))
    highest = walks.max(axis=1)
    return float(ndtr(-np.quantile(highest, confidence)))


def _spread_out(n: Floats) -> Floats:
    """At most so many of some rising numbers, at equal ratios."""
    if len(n) <= _POINTS:
        return n
    at = np.searchsorted(n, np.geomspace(n[0], n[-1], _POINTS))
    return n[np.unique(np.minimum(at, len(n) - 1))]
