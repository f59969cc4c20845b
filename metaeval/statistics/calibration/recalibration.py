"""Cross-fitted recalibration gain: miscalibration without optimism."""

from __future__ import annotations

import numpy as np

from metaeval.core import Codes, Floats
from metaeval.curves import (
    Cells,
    bins_of,
    calibrators,
    cells_of,
    expected_score,
    pool_adjacent_violators,
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
from metaeval.statistics.calibration.forecasts import Cases, cases_of, checked_folds, scored_of
from metaeval.statistics.calibration.proper_scores import estimand_of, forecast_statistic
from metaeval.statistics.kinds import WeightedStatistic
from metaeval.tables import Table

# Isotonic fits of replicates are to cell means: 100 cells resolve the curve, and the time does
# not depend on the number of cases.
_MAX_CELLS = 100


@documented
def recalibration_gain(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Recalibration gain: reduction in the Brier score by recalibration fitted on other items.

    {reading}

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        If there are fewer items (clusters) than folds.

    Notes
    -----
    :math:`S(p) - S(\hat p_{-f})` with :math:`\hat p_{-f}` the isotonic fit without the fold of the
    item. The estimand is the gain at this number of items: less than the miscalibration of the
    scorer, its limit with infinitely many items, and negative for calibrated forecasts, which
    recalibration makes slightly worse. `miscalibration` is biased in the other direction.
    Replicates refit the recalibration (in at most 100 cells of forecasts), since fixed curves would
    understate the variance where the gain is small; intervals and tests use Student's t with the
    standard deviation of the replicates.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021), Stable reliability diagrams for probabilistic classifiers.
    Stone (1974), Cross-validatory choice and assessment of statistical predictions. Bates, Hastie,
    Tibshirani (2024), Cross-validation: what does it estimate and how well does it do it?

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> table = load_example()
    >>> row = evaluate(table, recalibration_gain("log_odds"), n_resamples=100).row("lexical")
    >>> bool(row["estimate"] > 0)
    True
    """
    reading = reading_of(forecast, crossed=True)

    def make(name: str, r: Reading) -> Statistic:
        quantity = (
            "the reduction in the Brier score achieved by recalibration fitted on other items"
        )
        return WeightedStatistic(
            estimand=estimand_of(name, r, quantity, status="approximate"),
            weigh=lambda table: _weigh(cases_of(table, r), _folds(table, r)),
            exact=lambda table: _estimates(cases_of(table, r), _folds(table, r)),
            interval="t",
        )

    return forecast_statistic("recalibration_gain", reading, make)


def _folds(table: Table, reading: Reading) -> Codes:
    """Fold of each case, numbered from 0 without gaps."""
    fold = checked_folds(table, scored_of(table, reading).rows, reading.n_folds)
    return np.unique(fold, return_inverse=True)[1]


def _estimates(cases: Cases, fold: Codes) -> Floats:
    """Gain of each scorer: (scorer,)."""
    gains = [_gain(cases, m, fold) for m in range(len(cases.scorers))]
    return np.array([np.average(gain, weights=cases.weight) for gain in gains])


def _gain(cases: Cases, m: int, fold: Codes) -> Floats:
    """Score of the forecast minus that of its cross-fitted recalibration: (case,)."""
    p, y = cases.column(m)
    better, x, w = np.empty_like(p), cases.order(m), cases.weight
    for f in range(fold.max() + 1):
        train, test = fold != f, fold == f
        curve = calibrators.ISOTONIC.curve(x[train], y[train], w[train], cases.mirrored)
        better[test] = curve(x[test])
    return expected_score("brier", p, y) - expected_score("brier", better, y)


def _weigh(cases: Cases, fold: Codes) -> Weigh:
    """Gains (replicate, scorer) under weights of items (replicate, item)."""
    n_folds, totals = int(fold.max()) + 1, cases.totals()
    cells_of_scorers = [_cells(cases, m, fold, n_folds) for m in range(len(cases.scorers))]

    def values(weights: Floats) -> Floats:
        transposed, n = np.ascontiguousarray(weights.T), weights @ totals
        columns = []
        for cells, score, at in cells_of_scorers:
            shape = (len(weights), n_folds, -1)
            w, hits = (cells.weighted(k, transposed).reshape(shape) for k in (0, 1))
            columns.append(weights @ score - _recalibrated_scores(w, hits, at, cases.mirrored))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.stack(columns, axis=-1) / n[:, None])

    return values


def _cells(cases: Cases, m: int, fold: Codes, n_folds: int) -> tuple[Cells, Floats, Floats]:
    """Weights and events by fold and cell; forecast score by item; mean forecast of each cell."""
    p, y = cases.column(m)
    x = cases.order(m)
    cell = np.where(x > 0, 1 + bins_of(x, cases.weight, _MAX_CELLS, "equal-mass"), 0)
    if not cases.mirrored:
        cell = bins_of(x, cases.weight, _MAX_CELLS, "equal-mass")
    n_cells = int(cell.max()) + 1
    columns = [cases.weight, cases.weight * y]
    shape = (n_folds * n_cells, cases.n_items)
    cells = cells_of(fold * n_cells + cell, cases.items, columns, shape)
    mean_forecast = np.bincount(cell, x, n_cells) / np.maximum(
        np.bincount(cell, minlength=n_cells), 1
    )
    return cells, cases.by_item(expected_score("brier", p, y)), mean_forecast


def _recalibrated_scores(w: Floats, hits: Floats, at: Floats, mirrored: bool) -> Floats:
    """Sum of Brier scores of recalibrated forecasts in each replicate: (replicate,).

    `w` and `hits` (replicate, fold, cell) are weights and events of cells with mean forecast `at`
    (cell,); the first cell of mirrored cases holds forecasts of 1/2.
    """
    train_weight, train_hits = (
        w.sum(axis=1, keepdims=True) - w,
        hits.sum(axis=1, keepdims=True) - hits,
    )
    nonempty = train_weight > 0
    nonempty[..., 0] &= not mirrored
    # One regression fits all folds of all replicates: means in [0, 1] with offsets 2 apart are
    # never pooled across folds.
    offset = np.broadcast_to(2.0 * np.arange(w[..., 0].size).reshape(*w.shape[:2], 1), w.shape)
    means = np.clip(train_hits[nonempty] / train_weight[nonempty], 0, 1)
    fit = np.full(w.shape, np.nan)
    fit[nonempty] = (
        pool_adjacent_violators(means + offset[nonempty], train_weight[nonempty]) - offset[nonempty]
    )
    if mirrored:
        fit = np.maximum(fit, 0.5)
        fit[..., 0] = 0.5
    fit = _interpolated(fit, at)
    return np.asarray((fit**2 * w - 2 * fit * hits + hits).sum(axis=(1, 2)))


def _interpolated(fit: Floats, at: Floats) -> Floats:
    """Fits (..., cell) with missing ones interpolated linearly."""
    n, cell, missing = len(at), np.arange(len(at)), np.isnan(fit)
    below = np.maximum.accumulate(np.where(missing, -1, cell), axis=-1)
    above = np.minimum.accumulate(np.where(missing, n, cell)[..., ::-1], axis=-1)[..., ::-1]
    low = np.where(below < 0, np.minimum(above, n - 1), below)
    high = np.where(above >= n, low, above)
    step = at[high] - at[low]
    fraction = np.where(step > 0, (at - at[low]) / np.where(step > 0, step, 1), 0.0)
    fit_below, fit_above = (np.take_along_axis(fit, side, axis=-1) for side in (low, high))
    return np.nan_to_num((1 - fraction) * fit_below + fraction * fit_above, nan=0.5)
