"""Inputs of interval methods, and quantiles of bootstrap replicates."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from metaeval.core import ROUNDOFF, Bools, Floats


def normal_cdf(z: Floats) -> Floats:
    """Cumulative distribution of the standard normal."""
    return np.vectorize(NormalDist().cdf, otypes=[float])(z)


def normal_quantile(p: Floats | float) -> Floats:
    """Quantiles of the standard normal."""
    return np.vectorize(NormalDist().inv_cdf, otypes=[float])(p)


def t_of_normal(z: float, dof: int) -> float:
    """Quantile of Student's t at the level of a quantile of the standard normal.

    >>> round(t_of_normal(1.959964, 10), 3), t_of_normal(1.5, 0)
    (2.228, nan)
    """
    from scipy.special import ndtr, stdtrit

    return float(-stdtrit(dof, ndtr(-z))) if dof > 0 else np.nan


def quantiles(draws: Floats, levels: Floats) -> Floats:
    """Quantiles of each column (draw, column) at its levels (2, column); NaN is ignored."""
    ordered = np.sort(draws, axis=0)
    n = np.maximum((~np.isnan(draws)).sum(axis=0), 1)
    position = levels * (n - 1)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, n - 1)
    column = np.arange(draws.shape[1])
    below, above = ordered[low, column], ordered[high, column]
    return np.asarray(below + (above - below) * (position - low))


class IntervalInputs(NamedTuple):
    """Inputs of the interval methods, each of which uses some of them.

    `draws` (draw, column) are bootstrap replicates of `estimate` (column,), NaN where undefined;
    `influence` (unit, column) is the influence of each unit up to a factor, all 0 for no
    acceleration; `se` (column,) is the standard error; `n_units` the number of independent units;
    `se_draws` (draw, column) the standard error of each replicate, by the formula of `se`;
    `successes` of `trials` (column,) count independent 0/1 items; `bounded`: values in [0, 1].
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


def near_boundary(sample: IntervalInputs) -> Bools:
    """Whether each value of a bounded statistic is within two standard errors of 0 or 1.

    There the percentile, basic and BCa intervals undercover: they lie within the range of the
    replicates, which contain only failures that occur in the sample.

    Parameters
    ----------
    sample : IntervalInputs
        With estimate, se and bounded.

    Returns
    -------
    array (column,)
        True also for values at 0 or 1; False without bounds.

    Examples
    --------
    >>> none = np.zeros((1, 3))
    >>> estimate, se = np.array([0.5, 0.98, 1.0]), np.array([0.05, 0.014, 0])
    >>> near_boundary(IntervalInputs(estimate, none, none, se, 100, bounded=True)).tolist()
    [False, True, True]
    """
    room = np.minimum(sample.estimate, 1 - sample.estimate)
    return np.asarray(sample.bounded & (room <= 2 * sample.se + ROUNDOFF))


def on_bounds(values: Floats, limits: tuple[float, float] | None) -> Floats:
    """Values with those that equal a bound up to rounding replaced by it.

    >>> on_bounds(np.array([0.9999999999999982, 0.5]), (0.0, 1.0)).tolist()
    [1.0, 0.5]
    """
    for limit in limits or ():
        values = np.where(np.abs(values - limit) <= ROUNDOFF, limit, values)
    return values


def tails(confidence: float) -> Floats:
    """Levels of the two ends: (2, 1)."""
    tail = (1 - confidence) / 2
    return np.array([[tail], [1 - tail]])


def bias(draws: Floats, estimate: Floats) -> Floats:
    """Bias correction z0: normal quantile of the proportion of replicates below the estimate."""
    n = np.maximum((~np.isnan(draws)).sum(axis=0), 1)
    close = np.abs(draws - estimate) <= ROUNDOFF * np.maximum(np.abs(estimate), 1.0)
    share = (((draws < estimate) & ~close).sum(axis=0) + close.sum(axis=0) / 2) / n
    return normal_quantile(np.clip(share, 0.5 / n, 1 - 0.5 / n))


def acceleration(influence: Floats) -> Floats:
    """Acceleration a: skewness of the influences over 6 sqrt(n) (Efron 1987): (column,)."""
    spread = np.einsum("uc,uc->c", influence, influence) ** 1.5
    skew = np.einsum("uc,uc,uc->c", influence, influence, influence)
    return np.where(spread > 0, skew / np.where(spread > 0, 6 * spread, 1), 0.0)
