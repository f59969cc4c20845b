"""Smooth calibration error, which needs no bins."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from metaeval.core import SMALLEST_DIVISOR, Floats
from metaeval.curves import (
    N_CELLS,
    Cells,
    cells_of,
    cosines,
    error_at,
    fixed_point_bandwidth,
    influence_of_signs,
    residuals_by_cell,
    smooth_errors,
    split_between_cells,
    symmetrize_cells,
)
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
from metaeval.statistics.calibration.null_mean import bias_levels
from metaeval.statistics.calibration.proper_scores import estimand_of, forecast_statistic
from metaeval.statistics.kinds import WeightedStatistic

# In simulations of calibrated forecasts the bias is 2 to 3.3 times that at a fitted line, and the
# standard deviation of corrected differences 1.17 to 1.28 times that of the observed ones.
_MOST_BIAS, _CORRECTION_ERROR = 3.0, 1.2
_BISECTION_STEPS = 14  # halvings of [0, 1] give 1e-4, ample for simulated values to be averaged


@documented
def smooth_ece(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Smooth calibration error: mean distance between locally smoothed labels and forecasts.

    {reading}

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`\mathrm{smECE}_s = \int_0^1 |\frac1n \sum_i K_s(u, p_i) (y_i - p_i)| \, du` with a
    Gaussian kernel reflected at 0 and 1, at the bandwidth :math:`s` that equals the value. It needs
    no bins and is continuous in the forecasts. Positive for calibrated forecasts too:
    `expected_if_calibrated` is the mean under perfect calibration. Pairs count half in either
    order. The bandwidth is determined in every replicate. The interval is extended downward by
    `expected_if_calibrated`, an upper bound of the bias. Differences of two scorers are corrected
    for the difference of their biases, each between that at a fitted recalibration line and three
    times as much; the interval and the test allow for this range, and for the error of the
    correction. {fixed_maps}

    References
    ----------
    Blasiok, Nakkiran (2024), Smooth ECE: principled reliability diagrams via kernel smoothing.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), smooth_ece(), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 0.2)
    True
    """
    reading = reading_of(forecast, takes_ties=True)
    return forecast_statistic("smooth_ece", reading, _make)


def _make(name: str, reading: Reading) -> Statistic:
    return WeightedStatistic(
        estimand=estimand_of(name, reading, "the smoothed gap between labels and forecasts"),
        weigh=lambda table: _weigh(cases_of(table, reading)),
        exact=lambda table: _estimates(cases_of(table, reading))[0],
        influence=lambda table: _influence(cases_of(table, reading)),
        describe=lambda table: _describe(cases_of(table, reading)),
        inflated="both",
        correction_error=_CORRECTION_ERROR,
    )


def _series(cases: Cases, m: int, label: Floats) -> Floats:
    """Cosine series of the mean residuals of one scorer: (frequency,)."""
    p = cases.column(m)[0]
    sums = residuals_by_cell(p, (label - p) * cases.weight) / cases.weight.sum()
    return cosines(symmetrize_cells(sums) if cases.mirrored else sums)


def _estimates(cases: Cases) -> tuple[Floats, Floats]:
    """Value and bandwidth of each scorer: (scorer,) each."""
    scorers = range(len(cases.scorers))
    series = np.stack([_series(cases, m, cases.column(m)[1]) for m in scorers])
    bandwidth = fixed_point_bandwidth(series)
    return error_at(series, bandwidth), bandwidth


def _cells(cases: Cases, m: int) -> Cells:
    """Residuals by grid point and item, each split between two neighboring points."""
    p, y = cases.column(m)
    residual = (y - p) * cases.weight
    cell, right = split_between_cells(p)
    cell_indices = np.concatenate([cell, cell + 1])
    values = np.concatenate([residual * (1 - right), residual * right])
    return cells_of(cell_indices, np.tile(cases.items, 2), [values], (N_CELLS + 1, cases.n_items))


def _weigh(cases: Cases) -> Weigh:
    """Smooth errors (replicate, scorer) under weights of items (replicate, item)."""
    cells_of_scorers = [_cells(cases, m) for m in range(len(cases.scorers))]
    totals, bandwidth = cases.totals(), _estimates(cases)[1]

    def values(weights: Floats) -> Floats:
        transposed, n = np.ascontiguousarray(weights.T), (weights @ totals)[:, None]
        columns = []
        for cells, width in zip(cells_of_scorers, bandwidth, strict=True):
            sums = cells.weighted(0, transposed) / np.maximum(n, SMALLEST_DIVISOR)
            series = cosines(symmetrize_cells(sums) if cases.mirrored else sums)
            columns.append(smooth_errors(series, float(width)))
        return np.where(n > 0, np.stack(columns, axis=-1), np.nan)

    return values


def _influence(cases: Cases) -> Floats:
    """First-order influence of each item: (item, scorer)."""
    columns, share = [], cases.totals() / cases.weight.sum()
    for m, width in enumerate(_estimates(cases)[1]):
        p, y = cases.column(m)
        slope = influence_of_signs(_series(cases, m, y), float(width))(p)
        influence = cases.by_item(slope * (y - p)) / cases.weight.sum()
        columns.append(influence - share * influence.sum())
    return np.stack(columns, axis=-1)


def _describe(cases: Cases) -> Mapping[str, Floats]:
    def value(m: int, labels: Floats) -> Floats:
        series = np.stack([_series(cases, m, y) for y in labels])
        return fixed_point_bandwidth(series, _BISECTION_STEPS)

    return {**bias_levels(cases, value, _MOST_BIAS, 100), "bandwidth": _estimates(cases)[1]}
