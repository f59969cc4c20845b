"""Bootstrap intervals from draws."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

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


def percentile(draws: Floats, estimate: Floats, influence: Floats, confidence: float) -> Floats:
    """Percentile interval of each column: (2, column).

    Parameters
    ----------
    draws : array (draw, column)
    estimate : array (column,)
        Not used; all kinds of interval are called alike.
    influence : array (unit, column)
        Not used.
    confidence : float
        Share of intervals that should hold the truth.
    """
    tail = (1 - confidence) / 2
    levels = np.array([[tail], [1 - tail]]) * np.ones(draws.shape[1])
    return quantiles(draws, levels)


def bca(draws: Floats, estimate: Floats, influence: Floats, confidence: float) -> Floats:
    r"""Bias-corrected and accelerated interval of each column: (2, column).

    Parameters
    ----------
    draws : array (draw, column)
        Bootstrap replicates.
    estimate : array (column,)
    influence : array (unit, column)
        Influence of each unit on the estimate, up to a factor; all 0 for no acceleration.
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
    tail = (1 - confidence) / 2
    z = normal_quantile(np.array([[tail], [1 - tail]]))
    shifted = _bias(draws, estimate) + z
    inner = 1 - acceleration(influence) * shifted
    levels = normal_cdf(_bias(draws, estimate) + shifted / np.where(inner > 0, inner, np.nan))
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


BY_NAME: dict[str, Callable[[Floats, Floats, Floats, float], Floats]] = {
    "bca": bca,
    "percentile": percentile,
}
