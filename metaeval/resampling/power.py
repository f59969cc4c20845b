"""Sample sizes and detectable differences."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from metaeval.core import Codes, Floats, MetaevalError, check_fraction
from metaeval.resampling.quantiles import normal_quantile


def detectable(se: Floats | float, confidence: float, power: float = 0.8) -> Floats:
    """True difference that a two-sided test detects with the given power.

    Parameters
    ----------
    se : array (comparison,)
        Standard errors of differences.
    confidence : float
        1 minus the level of the test.
    power : float
        Probability of detecting the difference.

    Returns
    -------
    array (comparison,)
        (z_{1 - alpha/2} + z_power) se.

    Notes
    -----
    For one comparison, not adjusted for others; se is treated as known. Power at the observed
    difference is a function of its p-value and adds no information.

    References
    ----------
    Card et al. (2020), With little power comes great responsibility.

    Examples
    --------
    >>> round(float(detectable(0.01, 0.95)), 4)
    0.028
    """
    return np.asarray((_z_level(confidence) + _z_power(power)) * np.asarray(se, dtype=float))


def detectable_at_half_power(se: Floats | float, confidence: float) -> Floats:
    """True difference at which a two-sided test has 50% power.

    Parameters
    ----------
    se : array (comparison,)
        Standard errors of differences.
    confidence : float
        1 minus the level of the test.

    Returns
    -------
    array (comparison,)
        z_{1 - alpha/2} se: `detectable` with power 1/2.

    Notes
    -----
    For one comparison, not adjusted for others; se is treated as known.

    References
    ----------
    Card et al. (2020), With little power comes great responsibility.

    Examples
    --------
    >>> round(float(detectable_at_half_power(0.01, 0.95)), 4)
    0.0196
    """
    return detectable(se, confidence, 0.5)


def items_for_accuracy(
    difference: Floats | float, discordance: Floats | float, confidence: float, power: float
) -> Codes:
    r"""Number of independent items needed to detect a difference in accuracy on the same items.

    Parameters
    ----------
    difference : array (comparison,)
        True difference of the accuracies, nonzero.
    discordance : array (comparison,)
        Proportion of items that exactly one of the two gets right; at least the difference.
    confidence, power : float
        1 minus the level of the two-sided test, and its power at the difference.

    Returns
    -------
    array (comparison,)
        Items, rounded up; times `design_effect` where they come in clusters.

    Notes
    -----
    .. math:: n = (z_{1 - \alpha/2} \sqrt\psi + z_{power} \sqrt{\psi - d^2})^2 / d^2

    for discordance :math:`\psi` and difference d. McNemar's mid-p test has this power; the exact
    test, and the sign-flip test of 0/1 items, need up to 2 / d more items. Card et al. (2020)
    simulate the same power. Discordance estimated in a small pilot is uncertain, and n is nearly
    proportional to it.

    References
    ----------
    Connor (1987), Sample size for testing differences in proportions for the paired-sample design.

    Examples
    --------
    >>> int(items_for_accuracy(0.03, 0.20, 0.95, 0.80))
    1742
    """
    d, psi = _differences(difference), np.asarray(discordance, dtype=float)
    if ((np.abs(d) > psi) | (psi > 1)).any():
        raise MetaevalError(
            f"discordance={psi.min():g} must be between the difference ({np.abs(d).max():g}) and "
            "1: a difference arises only on discordant items."
        )
    root = _z_level(confidence) * np.sqrt(psi) + _z_power(power) * np.sqrt(psi - d**2)
    return _round_up((root / d) ** 2)


def items_for_mean(
    difference: Floats | float, sd: Floats | float, confidence: float, power: float
) -> Codes:
    r"""Number of independent items needed to detect a difference in means over the same items.

    Parameters
    ----------
    difference : array (comparison,)
        True difference of the means, nonzero.
    sd : array (comparison,)
        Standard deviation over items of the difference on one item.
    confidence, power : float
        1 minus the level of the two-sided test, and its power at the difference.

    Returns
    -------
    array (comparison,)
        Items, rounded up; times `design_effect` where they come in clusters.

    Notes
    -----
    .. math:: n = (z_{1 - \alpha/2} + z_{power})^2 sd^2 / d^2

    Below about 30 items a t test at level 0.05 needs two more.

    References
    ----------
    Card et al. (2020), With little power comes great responsibility.

    Examples
    --------
    >>> int(items_for_mean(0.03, 0.45, 0.95, 0.80))
    1766
    """
    d, spread = _differences(difference), np.asarray(sd, dtype=float)
    if (spread < 0).any():
        raise MetaevalError(f"sd={spread.min():g} must be nonnegative.")
    return _round_up(((_z_level(confidence) + _z_power(power)) * spread / d) ** 2)


class DesignEffect(NamedTuple):
    """Design effect: `effect` times as many items are needed as with independent items.

    `icc` is the intraclass correlation, negative where items of one cluster differ more than items
    of different clusters; `cluster_size` is the mean size of the cluster of an item.
    """

    effect: float
    icc: float
    cluster_size: float


def design_effect(values: Floats, clusters: Codes) -> DesignEffect:
    r"""Factor by which clustering inflates the variance of a mean over items.

    Parameters
    ----------
    values : array (item,)
        Values of items, or their differences.
    clusters : array (item,)
        Cluster of each item: integers with at least two distinct values.

    Returns
    -------
    DesignEffect
        1 + (m - 1) icc or 1 if that is larger, the icc, and m.

    Notes
    -----
    The icc of one-way analysis of variance, :math:`(B - W) / (B + (m_0 - 1) W)` with mean squares
    between and within K clusters, :math:`m_0 = (N - \sum m_k^2 / N) / (K - 1)`. The variance of
    the mean has :math:`m = \sum m_k^2 / N`, which is the mean size if all are equal and larger
    otherwise. A negative icc is mostly sampling error; since it would imply more information than
    independent items carry, the effect is at least 1. With fewer than about 30 clusters the icc is
    imprecise. NaN if values do not vary.

    References
    ----------
    Kish (1965), Survey sampling; Donner and Klar (2000), Design and analysis of cluster
    randomization trials in health research.

    Examples
    --------
    >>> design_effect(np.array([1.0, 1, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 2, 2]))
    DesignEffect(effect=2.0, icc=1.0, cluster_size=2.0)
    """
    values = np.asarray(values, dtype=float)
    _, code, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    n, k = len(values), len(sizes)
    if k < 2:
        raise MetaevalError(f"The design effect needs at least two clusters, got {k}.")
    size = float((sizes**2).sum() / n)
    if k == n:
        return DesignEffect(1.0, np.nan, size)
    means = np.bincount(code, values) / sizes
    between = (sizes * (means - values.mean()) ** 2).sum() / (k - 1)
    within = ((values - means[code]) ** 2).sum() / (n - k)
    total = between + ((n - size) / (k - 1) - 1) * within
    icc = float((between - within) / total) if total > 0 else np.nan
    return DesignEffect(float(np.maximum(1 + (size - 1) * icc, 1.0)), icc, size)


def _z_level(confidence: float) -> Floats:
    return normal_quantile((1 + check_fraction("confidence", confidence)) / 2)


def _z_power(power: float) -> Floats:
    return normal_quantile(check_fraction("power", power))


def _differences(difference: Any) -> Floats:
    d = np.asarray(difference, dtype=float)
    if (d == 0).any():
        raise MetaevalError(
            "difference must be nonzero: no sample size detects a difference of 0. Give the "
            "smallest relevant difference."
        )
    return d


def _round_up(n: Floats) -> Codes:
    """Next integer; rounding errors above an integer are ignored."""
    if (np.asarray(n) > 1e15).any():
        raise MetaevalError(
            "The difference is too small: more than 1e15 items would be needed. Give a larger "
            "difference."
        )
    return np.ceil(np.round(n, 9)).astype(int)
