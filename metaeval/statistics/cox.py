"""Cox's recalibration: the slope and the intercept that forecasts lack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from metaeval.arrays import Floats
from metaeval.errors import MetaevalError
from metaeval.links import expit
from metaeval.statistics.base import Statistic, Weigh
from metaeval.statistics.forecasts import (
    Cases,
    Native,
    Over,
    Reading,
    cases_of,
    documented,
)
from metaeval.statistics.proper import Average, estimand_of, read_by, status_of

Line = Literal["slope", "intercept", "shift"]

_AT_A_TIME = 500_000  # cases of all replicates of a block
_STEEPEST = 1e3
_TOLERANCE = 1e-9
_MOST_STEPS = 25


@documented
def cox_slope(
    native: Native = None,
    over: Over = None,
    event: float | None = None,
    map: str | None = None,
    folds: int = 5,
    average: Average | None = None,
) -> Statistic:
    r"""Calibration slope: by how much log odds of forecasts must be stretched.

    {reading}

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        If forecasts separate the labels, so that the slope is infinite, or are exactly 0 or 1.

    Notes
    -----
    :math:`b` in :math:`\mathrm{logit} P(y) = a + b\,\mathrm{logit}\,p` by maximum likelihood;
    pairs, whose order means nothing, have :math:`a = 0`. 1 is ideal; below 1 forecasts are
    overconfident, above it timid. For reward differences (`native="logit"`) :math:`1 / b` is the
    temperature. 1 does not mean calibrated: a line may miss a curve. {held}

    References
    ----------
    Cox (1958), Two further applications of a model for binary regression. Van Calster et al.
    (2019), Calibration: the Achilles heel of predictive analytics.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), cox_slope(), n_resamples=100).row("judge")
    >>> bool(0.5 < row["estimate"] < 1.5)
    True
    """
    reading = Reading(native, over, event, map, folds, average)
    return read_by("cox_slope", reading, _maker("slope", "the calibration slope, ideally 1")).named(
        better="neither"
    )


@documented
def cox_intercept(
    native: Native = None,
    over: Over = None,
    event: float | None = None,
    map: str | None = None,
    folds: int = 5,
    average: Average | None = None,
) -> Statistic:
    r"""Calibration intercept: by how much log odds must be shifted once they are stretched.

    {reading}

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        For pairs, which have none: turning them round changes its sign. If forecasts separate the
        labels, or are exactly 0 or 1.

    Notes
    -----
    :math:`a` in :math:`\mathrm{logit} P(y) = a + b\,\mathrm{logit}\,p`; 0 is ideal. It moves with
    the slope: `calibration_in_the_large` is the shift with b fixed at 1. {held}

    References
    ----------
    Cox (1958), Two further applications of a model for binary regression.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> table = load_example()
    >>> row = evaluate(table, cox_intercept(event=3), n_resamples=100).row("judge")
    >>> bool(abs(row["estimate"]) < 1)
    True
    """
    reading = Reading(native, over, event, map, folds, average)
    make = _maker("intercept", "the calibration intercept, ideally 0")
    return read_by("cox_intercept", reading, make).named(better="neither")


@documented
def calibration_in_the_large(
    native: Native = None,
    over: Over = None,
    event: float | None = None,
    map: str | None = None,
    folds: int = 5,
    average: Average | None = None,
) -> Statistic:
    r"""Calibration in the large: by how much log odds of forecasts are too low on the whole.

    {reading}

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        For pairs, which have none; if forecasts are exactly 0 or 1.

    Notes
    -----
    :math:`a` in :math:`\mathrm{logit} P(y) = a + \mathrm{logit}\,p`; 0 is ideal, above it events
    happen more often than forecast. {held}

    References
    ----------
    Cox (1958), Two further applications of a model for binary regression. Van Calster et al.
    (2019), Calibration: the Achilles heel of predictive analytics.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> table = load_example()
    >>> row = evaluate(table, calibration_in_the_large(event=3), n_resamples=100).row("judge")
    >>> bool(abs(row["estimate"]) < 0.5)
    True
    """
    reading = Reading(native, over, event, map, folds, average)
    make = _maker("shift", "the shift of the log odds, ideally 0")
    return read_by("calibration_in_the_large", reading, make).named(better="neither")


def _maker(which: Line, what: str) -> Callable[[str, Reading], Statistic]:
    def make(name: str, reading: Reading) -> Statistic:
        if reading.over == "pairs" and which != "slope":
            raise MetaevalError(
                f"{name} of pairs whose order means nothing is 0 by symmetry; use cox_slope, or "
                "over='responses' for single responses."
            )
        return Statistic(
            name,
            reading.over,  # type: ignore[arg-type]
            weigh=lambda table: _weigh(cases_of(table, reading), which),
            influence=lambda table: _influence(cases_of(table, reading), which),
            estimand=estimand_of(reading, what),
            status=status_of(reading),
            smooth=True,
            better="neither",
        )

    return make


def _design(cases: Cases, m: int, which: Line) -> tuple[Floats, Floats, Floats]:
    """Columns (case, k), offsets and labels (case,) of one scorer's recalibration."""
    x, y = cases.odds(m), cases.column(m)[1]
    if np.isinf(x).any():
        raise MetaevalError(
            f"{cases.scorers[m]!r} has forecasts of exactly 0 or 1, whose log odds are infinite; "
            "use smooth_ece or brier, or give scores as log odds (native='logit')."
        )
    one = np.ones_like(x)
    if which == "shift":
        return one[:, None], x, y
    columns = [x] if cases.mirrored else [x, one]
    return np.stack(columns, axis=1), np.zeros_like(x), y


def _fitted(cases: Cases, m: int, which: Line) -> Floats:
    """Coefficients of one scorer on all cases: (k,)."""
    design, offset, label = _design(cases, m, which)
    theta = _newton(design, offset, label, cases.weight[:, None], np.zeros(design.shape[1]))[0]
    if np.isnan(theta).any():
        raise MetaevalError(
            f"The recalibration of {cases.scorers[m]!r} is infinite: its forecasts separate the "
            "labels, so no slope is steep enough. Use brier or smooth_ece, or more items."
        )
    return theta


def _column(which: Line) -> int:
    return 1 if which == "intercept" else 0


def _weigh(cases: Cases, which: Line) -> Weigh:
    """Weights of items (replicate, item) -> coefficients (replicate, scorer)."""
    starts = [_fitted(cases, m, which) for m in range(len(cases.scorers))]
    size = max(1, _AT_A_TIME // len(cases.label))

    def values(weights: Floats) -> Floats:
        found = np.empty((len(weights), len(starts)))
        for i in range(0, len(weights), size):
            w = np.ascontiguousarray(weights[i : i + size].T[cases.items] * cases.weight[:, None])
            for m, start in enumerate(starts):
                theta = _newton(*_design(cases, m, which), w, start)
                found[i : i + size, m] = theta[:, _column(which)]
        return found

    return values


def _newton(design: Floats, offset: Floats, label: Floats, weight: Floats, start: Floats) -> Floats:
    """Maximum-likelihood coefficients under weights (case, replicate): (replicate, k).

    NaN where there is no finite maximum.
    """
    theta = np.repeat(start[None], weight.shape[1], axis=0)
    moments = design.T @ (weight * label[:, None])  # (k, replicate)
    for _ in range(_MOST_STEPS):
        chance = expit(design @ theta.T + offset[:, None])
        fitted = weight * chance
        score = (moments - design.T @ fitted).T
        fitted -= fitted * chance
        info = _information(design, fitted)
        step = _solved(info, score)
        step *= np.minimum(1.0, 2.0 / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-300))
        theta = theta + step
        if not (np.abs(step) > _TOLERANCE * (1 + np.abs(theta))).any():
            return theta
    moving = (np.abs(step) > 1e-6 * (1 + np.abs(theta))).any(axis=1)
    return np.where(moving[:, None], np.nan, theta)


def _information(design: Floats, spread: Floats) -> Floats:
    """Information of each replicate from p (1 - p) times weights (case, replicate)."""
    k = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), k * k)
    return np.asarray((products.T @ spread).T.reshape(-1, k, k))


def _solved(info: Floats, score: Floats) -> Floats:
    """Solutions of small systems; NaN where they are singular."""
    k = score.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        if k == 1:
            return score / info[:, 0]
        a, b, d = info[:, 0, 0], info[:, 0, 1], info[:, 1, 1]
        u, v = score[:, 0], score[:, 1]
        return np.stack([d * u - b * v, a * v - b * u], axis=1) / (a * d - b * b)[:, None]


def _influence(cases: Cases, which: Line) -> Floats:
    """What each item adds to first order: (item, scorer)."""
    columns = []
    for m in range(len(cases.scorers)):
        design, offset, label = _design(cases, m, which)
        theta = _fitted(cases, m, which)
        chance = expit(design @ theta + offset)
        info = _information(design, (cases.weight * chance * (1 - chance))[:, None])[0]
        added = (label - chance)[:, None] * (design @ np.linalg.inv(info))
        columns.append(cases.by_item(added[:, _column(which)]))
    return np.stack(columns, axis=-1)
