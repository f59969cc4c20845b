"""Binned calibration error, plain and bias-corrected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from metaeval.core import (
    SMALLEST_DIVISOR,
    Codes,
    Floats,
    MetaevalError,
    check_integer,
    check_one_of,
)
from metaeval.curves import BINNINGS, Cells, bins_of, cells_of
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

# In simulations of calibrated forecasts the bias is 1.1 to 2.3 times that at a fitted line (1.4 to
# 1.6 in 15 bins), and the standard deviation of corrected differences 1.1 times that of the
# observed ones.
_MOST_BIAS, _CORRECTION_ERROR = 2.0, 1.1
_MAX_BINS = 10_000  # bounds the memory of the replicates; far more than any use of bins

Binning = Literal["equal-mass", "equal-width"]


def _bin_indices(cases: Cases, bins: int, binning: str) -> list[Codes]:
    """Bin of each case, for each scorer."""
    columns = (cases.column(m)[0] for m in range(len(cases.scorers)))
    return [bins_of(p, cases.weight, bins, binning, cases.mirrored) for p in columns]


@documented
def ece(
    forecast: Forecast | Scale = "score",
    bins: int = 15,
    binning: Binning = "equal-mass",
) -> Statistic:
    r"""Expected calibration error: mean absolute gap between labels and forecasts in bins.

    {reading}
    bins : int, default 15
        Number of bins. Pairs are oriented so that the forecast is at least 1/2.
    binning : {"equal-mass", "equal-width"}
        Bins with about equal numbers of cases, or of equal width. They are fixed in replicates.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`\sum_b \frac{n_b}{n} |\bar y_b - \bar p_b|`. Positive by chance alone: perfectly
    calibrated forecasts have about :math:`\sqrt{2 \bar y (1 - \bar y) / (\pi n_b)}` in each bin.
    `expected_if_calibrated` is the mean under perfect calibration; a value near it is not evidence
    of miscalibration. The value depends discontinuously on the bins; `smooth_ece` does not. It is
    not a proper score: a constant forecast of the mean label has 0. The interval is extended
    downward by `expected_if_calibrated`, an upper bound of the bias. Differences of two scorers are
    corrected for the difference of their biases, each between that at a fitted recalibration line
    and twice as much; the interval and the test allow for this range, and for the error of the
    correction. `smooth_ece` is more powerful in comparisons. {fixed_maps}

    References
    ----------
    Naeini, Cooper, Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian
    binning. Guo, Pleiss, Sun, Weinberger (2017), On calibration of modern neural networks.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), ece(bins=10), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 0.2)
    True
    """
    _check(bins, binning)
    reading = reading_of(forecast, takes_ties=True)

    def make(name: str, r: Reading) -> Statistic:
        return WeightedStatistic(
            estimand=estimand_of(
                name, r, f"the mean absolute calibration gap in {bins} {binning} bins"
            ),
            weigh=lambda table: _gaps(cases_of(table, r), bins, binning),
            describe=lambda table: _null_gaps(cases_of(table, r), bins, binning),
            inflated="both",
            correction_error=_CORRECTION_ERROR,
        )

    return forecast_statistic("ece", reading, make, *_format_options(bins, binning))


def _check(bins: int, binning: str) -> None:
    if check_integer("bins", bins, 1) > _MAX_BINS:
        raise MetaevalError(
            f"bins must be at most {_MAX_BINS}, got {bins}; smooth_ece does not use bins."
        )
    check_one_of("binning", binning, BINNINGS)


def _format_options(bins: int, binning: str) -> tuple[str, ...]:
    return (
        f"bins={bins}" if bins != 15 else "",
        f"binning={binning}" if binning != BINNINGS[0] else "",
    )


def _gaps(cases: Cases, bins: int, binning: str) -> Weigh:
    """Mean absolute gaps (replicate, scorer) under weights of items (replicate, item)."""
    columns, totals = [], cases.totals()
    for m, bin_index in enumerate(_bin_indices(cases, bins, binning)):
        p, y = cases.column(m)
        shape = (bins, cases.n_items)
        columns.append(cells_of(bin_index, cases.items, [(y - p) * cases.weight], shape))

    def values(weights: Floats) -> Floats:
        transposed = np.ascontiguousarray(weights.T)
        gaps = [np.abs(cells.weighted(0, transposed)).sum(axis=1) for cells in columns]
        with np.errstate(invalid="ignore"):
            return np.asarray(np.stack(gaps, axis=-1) / (weights @ totals)[:, None])

    return values


def _null_gaps(cases: Cases, bins: int, binning: str) -> Mapping[str, Floats]:
    bin_indices = _bin_indices(cases, bins, binning)

    def value(m: int, labels: Floats) -> Floats:
        residual = (labels - cases.column(m)[0]) * cases.weight
        gaps = [np.abs(np.bincount(bin_indices[m], r, bins)).sum() for r in residual]
        return np.array(gaps) / cases.weight.sum()

    return bias_levels(cases, value, _MOST_BIAS)


@documented
def ece_debiased(
    forecast: Forecast | Scale = "score",
    bins: int = 15,
    binning: Binning = "equal-mass",
) -> Statistic:
    r"""Squared calibration error in bins, minus its bias due to sampling noise.

    {reading}
    bins : int, default 15
        Number of bins. Pairs are oriented so that the forecast is at least 1/2.
    binning : {"equal-mass", "equal-width"}
        As for `ece`.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`\sum_b w_b [(\bar y_b - \bar p_b)^2 - v_b]` with :math:`v_b` the variance of the mean
    label of the bin, estimated over units (clusters, items): :math:`\bar y_b (1 - \bar y_b) / (n_b
    - 1)` if each unit has one case. The expected value is about 0 for calibrated forecasts, and
    negative values are as likely as positive ones: do not clip them before averaging. Bins with a
    single unit are not corrected. The value is in squared units; its square root is comparable with
    `ece`. {fixed_maps}

    References
    ----------
    Ferro, Fricker (2012), A bias-corrected decomposition of the Brier score. Broecker (2012),
    Estimating reliability and resolution of probability forecasts through decomposition of the
    empirical score. Kumar, Liang, Ma (2019), Verified uncertainty calibration.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), ece_debiased(bins=10), n_resamples=100).row("judge")
    >>> bool(abs(row["estimate"]) < 0.02)
    True
    """
    _check(bins, binning)
    reading = reading_of(forecast, takes_ties=True)

    def make(name: str, r: Reading) -> Statistic:
        quantity = f"the mean squared calibration gap in {bins} {binning} bins, bias-corrected"
        return WeightedStatistic(
            estimand=estimand_of(name, r, quantity),
            weigh=lambda table: _squares(cases_of(table, r), bins, binning),
            describe=lambda table: {"expected_if_calibrated": np.zeros(len(table.scorers))},
            interval="t",
        )

    return forecast_statistic("ece_debiased", reading, make, *_format_options(bins, binning))


def _squares(cases: Cases, bins: int, binning: str) -> Weigh:
    """Squared gaps minus bias (replicate, scorer) under weights of items (replicate, item)."""
    of_units = np.unique(cases.unit, return_index=True)[1]
    item = cases.items[of_units]  # items of a unit share a weight
    columns = []
    for m, bin_index in enumerate(_bin_indices(cases, bins, binning)):
        p, y = cases.column(m)
        n, label, gap = cases.weight, y * cases.weight, (y - p) * cases.weight
        columns.append(cells_of(bin_index, cases.unit, [n, label, gap], (bins, len(item))))

    def values(weights: Floats) -> Floats:
        w = weights[:, item].T
        w = np.ascontiguousarray(w * (len(w) / np.maximum(w.sum(axis=0), SMALLEST_DIVISOR)))
        return np.stack([_square(*_sums(cells, w)) for cells in columns], axis=-1)

    return values


def _sums(cells: Cells, weights: Floats) -> list[Floats]:
    """Sums of weights, labels and gaps, and of squares and products of weights and labels."""
    n, label, _ = cells.sums
    full = cells._replace(sums=[*cells.sums, n**2, n * label, label**2])
    return [full.weighted(k, weights) for k in range(6)]


def _square(n: Floats, y: Floats, gap: Floats, nn: Floats, ny: Floats, yy: Floats) -> Floats:
    """Squared gaps minus the variance of mean labels, averaged over bins: (replicate,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = y / n
        scatter = np.maximum(
            yy - 2 * mean * ny + mean**2 * nn, 0.0
        )  # sum over units of squared deviations
        freedom = n**2 - nn  # 0 if one unit fills the bin
        square = (gap**2 - np.where(freedom > 0, scatter * n**2 / freedom, 0.0)) / n
        return np.asarray(np.where(n > 0, square, 0.0).sum(axis=-1) / n.sum(axis=-1))
