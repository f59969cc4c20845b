"""What intervals are made from: draws, standard errors, counts; and quantiles of them."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from metaeval.core import ROUNDOFF, Bools, Floats

"""Values of a statistic that are closer than this are equal: their sums are rounded."""


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
    defined; `influence` (unit, column) is the influence of each unit, up to a factor and all 0 for
    no acceleration; `se` (column,) the standard error; `n_units` the number of independent units.
    `se_draws` (draw, column) is the standard error of each draw, by the formula of `se`;
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


def near_boundary(sample: Sample) -> Bools:
    """Whether each value of a bounded statistic is within two standard errors of 0 or 1.

    There the percentile, basic and BCa intervals are too short: they end where the draws do, and
    draws can say nothing about failures that are not in the sample.

    Parameters
    ----------
    sample : Sample
        Its estimate, se and whether it is bounded.

    Returns
    -------
    array (column,)
        A value at 0 or 1 counts; without bounds nothing does.

    Examples
    --------
    >>> none = np.zeros((1, 3))
    >>> found = Sample(np.array([0.5, 0.98, 1.0]), none, none, np.array([0.05, 0.014, 0]), 100)
    >>> near_boundary(found._replace(bounded=True)).tolist()
    [False, True, True]
    """
    room = np.minimum(sample.estimate, 1 - sample.estimate)
    return np.asarray(sample.bounded & (room <= 2 * sample.se + ROUNDOFF))


def on_bounds(values: Floats, limits: tuple[float, float] | None) -> Floats:
    """Values that differ from a bound by rounding only are the bound.

    >>> on_bounds(np.array([0.9999999999999982, 0.5]), (0.0, 1.0)).tolist()
    [1.0, 0.5]
    """
    for limit in limits or ():
        values = np.where(np.abs(values - limit) <= ROUNDOFF, limit, values)
    return values


def tails(confidence: float) -> Floats:
    """Probabilities of the two ends: (2, 1)."""
    tail = (1 - confidence) / 2
    return np.array([[tail], [1 - tail]])


def bias(draws: Floats, estimate: Floats) -> Floats:
    """Normal quantile of the share of draws below the estimate (z0), kept finite."""
    n = np.maximum((~np.isnan(draws)).sum(axis=0), 1)
    close = np.abs(draws - estimate) <= ROUNDOFF * np.maximum(np.abs(estimate), 1.0)
    share = (((draws < estimate) & ~close).sum(axis=0) + close.sum(axis=0) / 2) / n
    return normal_quantile(np.clip(share, 0.5 / n, 1 - 0.5 / n))


def acceleration(influence: Floats) -> Floats:
    """Skewness of the influences over 6 root n: (column,)."""
    spread = np.einsum("uc,uc->c", influence, influence) ** 1.5
    skew = np.einsum("uc,uc,uc->c", influence, influence, influence)
    return np.where(spread > 0, skew / np.where(spread > 0, 6 * spread, 1), 0.0)
