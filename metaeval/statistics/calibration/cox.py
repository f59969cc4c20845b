"""Calibration slope and intercept (Cox recalibration)."""

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
from metaeval.statistics.calibration.proper_scores import estimand_of, forecast_statistic
from metaeval.statistics.kinds import WeightedStatistic
from metaeval.statistics.sums import sum_by

Line = Literal["slope", "intercept", "shift"]

_CASES_PER_BLOCK = 100_000  # cases times replicates, so that a block stays in cache


@documented
def cox_slope(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Calibration slope: factor by which the log odds of forecasts must be scaled.

    {reading}

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        If forecasts separate the labels completely, so the slope is infinite, or are exactly 0
        or 1.

    Notes
    -----
    :math:`b` in :math:`\mathrm{logit} P(y) = a + b\,\mathrm{logit}\,p` by maximum likelihood; for
    pairs in arbitrary order :math:`a = 0`. The ideal value is 1; below 1 forecasts are
    overconfident, above 1 underconfident. For reward differences (`scale="log_odds"`) :math:`1 / b`
    is the temperature. A slope of 1 does not imply calibration, since the calibration curve may be
    nonlinear. For calibrated scores the slope describes the calibrator rather than the scorer:
    about 1 for an informative scorer, and far below 1 for a nearly uninformative one, because the
    calibrator of each fold is negatively correlated with the labels of that fold. {fixed_maps}

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
    return forecast_statistic("cox_slope", reading, make, better="neither")


@documented
def cox_intercept(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Calibration intercept: shift of the log odds of forecasts in addition to the slope.

    {reading}

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        For pairs in arbitrary order, since swapping a pair changes the sign. If forecasts separate
        the labels completely, or are exactly 0 or 1.

    Notes
    -----
    :math:`a` in :math:`\mathrm{logit} P(y) = a + b\,\mathrm{logit}\,p`; the ideal value is 0. It
    depends on the slope: `calibration_in_the_large` is the shift with b fixed at 1. {fixed_maps}

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
    return forecast_statistic("cox_intercept", reading, make, better="neither")


@documented
def calibration_in_the_large(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Calibration in the large: shift by which the log odds of forecasts are too low.

    {reading}

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        For pairs in arbitrary order; if forecasts are exactly 0 or 1.

    Notes
    -----
    :math:`a` in :math:`\mathrm{logit} P(y) = a + \mathrm{logit}\,p`; the ideal value is 0; if it is
    positive, events are more frequent than forecast. {fixed_maps}

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
    make = _maker("shift", "the shift in the log odds, ideally 0")
    return forecast_statistic("calibration_in_the_large", reading, make, better="neither")


def _maker(which: Line, quantity: str) -> Callable[[str, Reading], Statistic]:
    def make(name: str, reading: Reading) -> Statistic:
        if reading.mirrored and which != "slope":
            raise MetaevalError(
                f"{name} is 0 by symmetry for pairs in arbitrary order; use cox_slope, "
                "rows='responses' for single responses, or pairs read with ordered=True."
            )
        return WeightedStatistic(
            estimand=estimand_of(name, reading, quantity, better="neither"),
            weigh=lambda table: _weigh(cases_of(table, reading), which),
            influence=lambda table: _influence(cases_of(table, reading), which),
            smooth=True,
        )

    return make


def _design(cases: Cases, m: int, which: Line) -> tuple[Floats, Floats, Floats]:
    """Design matrix (case, k), offsets and labels (case,) of one scorer."""
    x, y = cases.odds(m), cases.column(m)[1]
    if np.isinf(x).any():
        raise MetaevalError(
            f"{cases.scorers[m]!r} has forecasts of exactly 0 or 1, whose log odds are infinite; "
            "use smooth_ece or brier, or supply log odds (scale='log_odds')."
        )
    ones = np.ones_like(x)
    if which == "shift":
        return ones[:, None], x, y
    columns = [x] if cases.mirrored else [x, ones]
    return np.stack(columns, axis=1), np.zeros_like(x), y


def _coefficients(cases: Cases, m: int, which: Line) -> Floats:
    """Coefficients of one scorer fitted to all cases: (k,)."""
    design, offset, label = _design(cases, m, which)
    theta = newton(design, offset, label, cases.weight[:, None], np.zeros((1, design.shape[1])))[0]
    if np.isnan(theta).any():
        raise MetaevalError(
            f"The calibration slope of {cases.scorers[m]!r} is infinite: its forecasts separate "
            "the labels completely. Use brier or smooth_ece, or more items."
        )
    return theta


def _column(which: Line) -> int:
    return 1 if which == "intercept" else 0


def _weigh(cases: Cases, which: Line) -> Weigh:
    """Coefficients (replicate, scorer) under weights of items (replicate, item)."""
    starts = [_coefficients(cases, m, which) for m in range(len(cases.scorers))]
    size = max(1, _CASES_PER_BLOCK // len(cases.label))

    def values(weights: Floats) -> Floats:
        coefficients = np.empty((len(weights), len(starts)))
        starting = [
            second_order_estimates(weights @ _likelihood_derivatives(cases, m, which, start), start)
            for m, start in enumerate(starts)
        ]
        for i in range(0, len(weights), size):
            block = slice(i, i + size)
            w = np.ascontiguousarray(weights[block].T[cases.items] * cases.weight[:, None])
            for m, first in enumerate(starting):
                theta = newton(*_design(cases, m, which), w, first[block])
                coefficients[block, m] = theta[:, _column(which)]
        return coefficients

    return values


def _likelihood_derivatives(cases: Cases, m: int, which: Line, theta: Floats) -> Floats:
    """First three derivatives of the log likelihood, summed by item: (item, number)."""
    design, offset, label = _design(cases, m, which)
    chance = expit(design @ theta + offset)
    variance = chance * (1 - chance)
    parts, product = [], np.ones((len(label), 1))
    for factor in (label - chance, variance, variance * (1 - 2 * chance)):
        product = (product[:, :, None] * design[:, None, :]).reshape(len(label), -1)
        parts.append(product * (factor * cases.weight)[:, None])
    return sum_by(np.concatenate(parts, axis=1), cases.items, cases.n_items)


def _influence(cases: Cases, which: Line) -> Floats:
    """First-order influence of each item: (item, scorer)."""
    columns = []
    for m in range(len(cases.scorers)):
        design, offset, label = _design(cases, m, which)
        theta = _coefficients(cases, m, which)
        chance = expit(design @ theta + offset)
        info = information(design, (cases.weight * chance * (1 - chance))[:, None])[0]
        influence = (label - chance)[:, None] * (design @ np.linalg.inv(info))
        columns.append(cases.by_item(influence[:, _column(which)]))
    return np.stack(columns, axis=-1)
