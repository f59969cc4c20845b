"""Bootstrap intervals from draws."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from metaeval.arrays import Floats

_EQUAL = 1e-12


def normal_cdf(z: Floats) -> Floats:
    """Cumulative distribution of the standard normal."""
    return np.vectorize(NormalDist().cdf, otypes=[float])(z)


def normal_quantile(p: Floats | float) -> Floats:
    """Quantiles of the standard normal."""
    return np.vectorize(NormalDist().inv_cdf, otypes=[float])(p)


def quantiles(draws: Floats, levels: Floats) -> Floats:
    """Quantiles of each column (draw, column) at its own levels (2, column); NaN ignored."""
    ordered = np.sort(draws, axis=0)
    n = np.maximum((~np.isnan(draws)).sum(axis=0), 1)
    place = levels * (n - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, n - 1)
    column = np.arange(draws.shape[1])
    below, above = ordered[low, column], ordered[high, column]
    return np.asarray(below + (above - below) * (place - low))


class Sample(NamedTuple):
    """What an interval is made from; each kind takes what it needs.

    `draws` (draw, column) are bootstrap replicates of `estimate` (column,), NaN where one is not
    defined; `influence` (unit, column) is the influence of each unit, up to a factor; `se`
    (column,) the standard error; `n_units` the number of units resampled. `se_draws`
    (draw, column) is the standard error of each draw by the formula of `se`. `successes` (column,)
    of `trials` are counts of independent 0/1 items. `bounded`: values lie in [0, 1].
    """

    estimate: Floats
    draws: Floats
    influence: Floats
    se: Floats
    n_units: int
    se_draws: Floats | None = None
    successes: Floats | None = None
    trials: Floats | int | None = None
    bounded: bool = False


def _tails(confidence: float) -> Floats:
    """Probabilities of the two ends: (2, 1)."""
    tail = (1 - confidence) / 2
    return np.array([[tail], [1 - tail]])


def percentile(sample: Sample, confidence: float) -> Floats:
    """Percentile interval of each column: (2, column).

    Parameters
    ----------
    sample : Sample
        Its draws.
    confidence : float
        Share of intervals that should hold the truth.
    """
    return quantiles(sample.draws, _tails(confidence) * np.ones(sample.draws.shape[1]))


def bca(sample: Sample, confidence: float) -> Floats:
    r"""Bias-corrected and accelerated interval of each column: (2, column).

    Parameters
    ----------
    sample : Sample
        Its draws, estimate and influence (all 0 for no acceleration).
    confidence : float
        Share of intervals that should hold the truth.

    Returns
    -------
    array (2, column)
        Lower and upper ends; both equal the estimate where the draws do not vary.

    Notes
    -----
    Levels :math:`\Phi(z_0 + (z_0 + z) / (1 - a (z_0 + z)))`, with :math:`z_0` from the share of
    draws below the estimate plus half of those equal to it, and acceleration
    :math:`a = \sum u^3 / (6 (\sum u^2)^{3/2})`.

    References
    ----------
    Efron (1987), Better bootstrap confidence intervals.
    """
    draws = sample.draws
    z = normal_quantile(_tails(confidence))
    bias = _bias(draws, sample.estimate)
    inner = 1 - acceleration(sample.influence) * (bias + z)
    levels = normal_cdf(bias + (bias + z) / np.where(inner > 0, inner, np.nan))
    ends = quantiles(draws, np.where(np.isnan(levels), np.sign(z) / 2 + 0.5, levels))
    still = np.nanmax(draws, axis=0) == np.nanmin(draws, axis=0)
    return np.where(still, np.nanmin(draws, axis=0), ends)


def _bias(draws: Floats, estimate: Floats) -> Floats:
    """Normal quantile of the share of draws below the estimate (z0), kept finite."""
    n = np.maximum((~np.isnan(draws)).sum(axis=0), 1)
    close = np.abs(draws - estimate) <= _EQUAL * np.maximum(np.abs(estimate), 1.0)
    share = (((draws < estimate) & ~close).sum(axis=0) + close.sum(axis=0) / 2) / n
    return normal_quantile(np.clip(share, 0.5 / n, 1 - 0.5 / n))


def acceleration(influence: Floats) -> Floats:
    """Skewness of the influences over 6 root n: (column,)."""
    spread = (influence**2).sum(axis=0) ** 1.5
    return np.where(
        spread > 0, (influence**3).sum(axis=0) / np.where(spread > 0, 6 * spread, 1), 0.0
    )


BY_NAME: dict[str, Callable[[Sample, float], Floats]] = {
    "bca": bca,
    "percentile": percentile,
}
