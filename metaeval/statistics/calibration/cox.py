"""Cox's recalibration: the slope and the intercept that forecasts lack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from metaeval.core import Floats, MetaevalError
from metaeval.curves import expit, information, newton, second_order_estimates
from metaeval.statistics.base import Statistic
from metaeval.statistics.bound import Weigh
from metaeval.statistics.calibration.forecast_spec import (
    Forecast,
    Reading,
    Scale,
    documented,
    reading_of,
)
from metaeval.statistics.calibration.forecasts import Cases, cases_of
from metaeval.statistics.calibration.proper_scores import estimand_of, read_by
from metaeval.statistics.kinds import WeightedStatistic
from metaeval.statistics.sums import sum_by

Line = Literal["slope", "intercept", "shift"]

_AT_A_TIME = 100_000  # cases of all replicates of a block


@documented
def cox_slope(
    forecast: Forecast | Scale = "score",
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
    overconfident, above it timid. For reward differences (`scale="log_odds"`) :math:`1 / b` is the
    temperature. 1 does not mean calibrated: a line may miss a curve. Of mapped scores the slope
    speaks of the map, not of the scorer: about 1 where it knows something, and far below for one
    that knows next to nothing, because the map of each fold leans against the labels of the fold.
    {held}

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
    reading = reading_of(forecast)
    make = _maker("slope", "the calibration slope, ideally 1")
    return read_by("cox_slope", reading, make, better="neither")


@documented
def cox_intercept(
    forecast: Forecast | Scale = "score",
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
    >>> from metaeval import evaluate, load_example, statistics
    >>> table, forecast = load_example(), statistics.Forecast(positive_from=3)
    >>> row = evaluate(table, cox_intercept(forecast), n_resamples=100).row("judge")
    >>> bool(abs(row["estimate"]) < 1)
    True
    """
    reading = reading_of(forecast)
    make = _maker("intercept", "the calibration intercept, ideally 0")
    return read_by("cox_intercept", reading, make, better="neither")


@documented
def calibration_in_the_large(
    forecast: Forecast | Scale = "score",
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
    >>> from metaeval import evaluate, load_example, statistics
    >>> table, forecast = load_example(), statistics.Forecast(positive_from=3)
    >>> row = evaluate(table, calibration_in_the_large(forecast), n_resamples=100).row("judge")
    >>> bool(abs(row["estimate"]) < 0.5)
    True
    """
    reading = reading_of(forecast)
    make = _maker("shift", "the shift of the log odds, ideally 0")
    return read_by("calibration_in_the_large", reading, make, better="neither")


def _maker(which: Line, what: str) -> Callable[[str, Reading], Statistic]:
    def make(name: str, reading: Reading) -> Statistic:
        if reading.mirrored and which != "slope":
            raise MetaevalError(
                f"{name} of pairs whose order means nothing is 0 by symmetry; use cox_slope, "
                "over='responses' for single responses, or pairs read with ordered=True."
            )
        return WeightedStatistic(
            estimand=estimand_of(name, reading, what, better="neither"),
            weigh=lambda table: _weigh(cases_of(table, reading), which),
            influence=lambda table: _influence(cases_of(table, reading), which),
            smooth=True,
        )

    return make


def _design(cases: Cases, m: int, which: Line) -> tuple[Floats, Floats, Floats]:
    """Columns (case, k), offsets and labels (case,) of one scorer's recalibration."""
    x, y = cases.odds(m), cases.column(m)[1]
    if np.isinf(x).any():
        raise MetaevalError(
            f"{cases.scorers[m]!r} has forecasts of exactly 0 or 1, whose log odds are infinite; "
            "use smooth_ece or brier, or give scores as log odds (scale='log_odds')."
        )
    one = np.ones_like(x)
    if which == "shift":
        return one[:, None], x, y
    columns = [x] if cases.mirrored else [x, one]
    return np.stack(columns, axis=1), np.zeros_like(x), y


def _fitted(cases: Cases, m: int, which: Line) -> Floats:
    """Coefficients of one scorer on all cases: (k,)."""
    design, offset, label = _design(cases, m, which)
    theta = newton(design, offset, label, cases.weight[:, None], np.zeros((1, design.shape[1])))[0]
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
        starting = [
            second_order_estimates(weights @ _expanded(cases, m, which, start), start)
            for m, start in enumerate(starts)
        ]
        for i in range(0, len(weights), size):
            some = slice(i, i + size)
            w = np.ascontiguousarray(weights[some].T[cases.items] * cases.weight[:, None])
            for m, first in enumerate(starting):
                theta = newton(*_design(cases, m, which), w, first[some])
                found[some, m] = theta[:, _column(which)]
        return found

    return values


def _expanded(cases: Cases, m: int, which: Line, theta: Floats) -> Floats:
    """Sums by item of the first three derivatives of the log likelihood: (item, number)."""
    design, offset, label = _design(cases, m, which)
    chance = expit(design @ theta + offset)
    spread = chance * (1 - chance)
    parts, product = [], np.ones((len(label), 1))
    for factor in (label - chance, spread, spread * (1 - 2 * chance)):
        product = (product[:, :, None] * design[:, None, :]).reshape(len(label), -1)
        parts.append(product * (factor * cases.weight)[:, None])
    return sum_by(np.concatenate(parts, axis=1), cases.items, cases.n_items)


def _influence(cases: Cases, which: Line) -> Floats:
    """What each item adds to first order: (item, scorer)."""
    columns = []
    for m in range(len(cases.scorers)):
        design, offset, label = _design(cases, m, which)
        theta = _fitted(cases, m, which)
        chance = expit(design @ theta + offset)
        info = information(design, (cases.weight * chance * (1 - chance))[:, None])[0]
        added = (label - chance)[:, None] * (design @ np.linalg.inv(info))
        columns.append(cases.by_item(added[:, _column(which)]))
    return np.stack(columns, axis=-1)
