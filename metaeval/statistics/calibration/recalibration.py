"""What recalibration on other items would gain: miscalibration without optimism."""

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
from metaeval.statistics.calibration.proper_scores import estimand_of, read_by
from metaeval.statistics.kinds import WeightedStatistic
from metaeval.tables import Table

_CELLS = 100


@documented
def recalibration_gain(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Recalibration gain: what a recalibration fitted on other items takes off the Brier score.

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
    item. What is estimated is the gain from as many items as there are: less than the
    miscalibration of the scorer, which endless items would gain, and below 0 for calibrated
    forecasts, which recalibration harms a little. `miscalibration` errs to the other side.
    Replicates fit anew (in at most 100 cells of forecasts), for curves that are held fixed hide
    part of the noise where there is little to gain; intervals are the estimate and t times the
    spread of the replicates, and tests divide by it.

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
        what = "what recalibration on other items takes off the Brier score"
        return WeightedStatistic(
            estimand=estimand_of(name, r, what, status="approximate"),
            weigh=lambda table: _weigh(cases_of(table, r), _folds(table, r)),
            exact=lambda table: _estimates(cases_of(table, r), _folds(table, r)),
            interval="t",
        )

    return read_by("recalibration_gain", reading, make)


def _folds(table: Table, reading: Reading) -> Codes:
    """Fold of each case, from 0 on."""
    fold = checked_folds(table, scored_of(table, reading).rows, reading.n_folds)
    return np.unique(fold, return_inverse=True)[1]


def _estimates(cases: Cases, fold: Codes) -> Floats:
    """Gain of each scorer: (scorer,)."""
    gains = [_gain(cases, m, fold) for m in range(len(cases.scorers))]
    return np.array([np.average(gain, weights=cases.weight) for gain in gains])


def _gain(cases: Cases, m: int, fold: Codes) -> Floats:
    """Score of the forecast less that of its recalibration on the other folds: (case,)."""
    p, y = cases.column(m)
    better, x, w = np.empty_like(p), cases.order(m), cases.weight
    for f in range(fold.max() + 1):
        train, test = fold != f, fold == f
        curve = calibrators.ISOTONIC.curve(x[train], y[train], w[train], cases.mirrored)
        better[test] = curve(x[test])
    return expected_score("brier", p, y) - expected_score("brier", better, y)


def _weigh(cases: Cases, fold: Codes) -> Weigh:
    """Weights of items (replicate, item) -> gains (replicate, scorer)."""
    n_folds, totals = int(fold.max()) + 1, cases.totals()
    every = [_cells(cases, m, fold, n_folds) for m in range(len(cases.scorers))]

    def values(weights: Floats) -> Floats:
        turned, n = np.ascontiguousarray(weights.T), weights @ totals
        columns = []
        for cells, score, at in every:
            shape = (len(weights), n_folds, -1)
            w, hits = (cells.weighted(k, turned).reshape(shape) for k in (0, 1))
            columns.append(weights @ score - _recalibrated(w, hits, at, cases.mirrored))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.stack(columns, axis=-1) / n[:, None])

    return values


def _cells(cases: Cases, m: int, fold: Codes, n_folds: int) -> tuple[Cells, Floats, Floats]:
    """Weights and events by fold and cell; the score of the forecasts by item; places of cells."""
    p, y = cases.column(m)
    x = cases.order(m)
    place = np.where(x > 0, 1 + bins_of(x, cases.weight, _CELLS, "equal-mass"), 0)
    if not cases.mirrored:
        place = bins_of(x, cases.weight, _CELLS, "equal-mass")
    n_cells = int(place.max()) + 1
    columns = [cases.weight, cases.weight * y]
    shape = (n_folds * n_cells, cases.n_items)
    cells = cells_of(fold * n_cells + place, cases.items, columns, shape)
    at = np.bincount(place, x, n_cells) / np.maximum(np.bincount(place, minlength=n_cells), 1)
    return cells, cases.by_item(expected_score("brier", p, y)), at


def _recalibrated(w: Floats, hits: Floats, at: Floats, mirrored: bool) -> Floats:
    """Sums of the Brier scores of recalibrated forecasts of each replicate: (replicate,).

    `w` and `hits` (replicate, fold, cell) are weights and events of cells `at` (cell,); the first
    cell of mirrored cases is that of forecasts of 1/2.
    """
    others, right = w.sum(axis=1, keepdims=True) - w, hits.sum(axis=1, keepdims=True) - hits
    there = others > 0
    there[..., 0] &= not mirrored
    # Far enough apart that one regression keeps the folds of all replicates to themselves.
    apart = np.broadcast_to(2.0 * np.arange(w[..., 0].size).reshape(*w.shape[:2], 1), w.shape)
    means = np.clip(right[there] / others[there], 0, 1)
    fit = np.full(w.shape, np.nan)
    fit[there] = pool_adjacent_violators(means + apart[there], others[there]) - apart[there]
    if mirrored:
        fit = np.maximum(fit, 0.5)
        fit[..., 0] = 0.5
    fit = _filled(fit, at)
    return np.asarray((fit**2 * w - 2 * fit * hits + hits).sum(axis=(1, 2)))


def _filled(fit: Floats, at: Floats) -> Floats:
    """Fits (..., cell), straight between those that there are where there is none."""
    n, cell, none = len(at), np.arange(len(at)), np.isnan(fit)
    below = np.maximum.accumulate(np.where(none, -1, cell), axis=-1)
    above = np.minimum.accumulate(np.where(none, n, cell)[..., ::-1], axis=-1)[..., ::-1]
    low = np.where(below < 0, np.minimum(above, n - 1), below)
    high = np.where(above >= n, low, above)
    step = at[high] - at[low]
    share = np.where(step > 0, (at - at[low]) / np.where(step > 0, step, 1), 0.0)
    one, other = (np.take_along_axis(fit, side, axis=-1) for side in (low, high))
    return np.nan_to_num((1 - share) * one + share * other, nan=0.5)
