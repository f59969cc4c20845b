"""Many comparisons: adjusted p-values, letters and ranks."""

from __future__ import annotations

import string
from typing import Literal

import numpy as np

from metaeval.core import Bools, Codes, Floats

MOST_GROUPS = len(string.ascii_letters)  # of scorers that are not separated: one letter each


def holm(p_values: Floats) -> Floats:
    """Holm's adjusted p-values; missing ones stay missing and do not count.

    Parameters
    ----------
    p_values : array (comparison,)

    Returns
    -------
    array (comparison,)
        At most 1, never below the p-value, in its order.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    adjusted = np.full(len(p_values), np.nan)
    there = np.flatnonzero(~np.isnan(p_values))
    order = there[np.argsort(p_values[there], kind="stable")]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def bh(p_values: Floats) -> Floats:
    """Adjusted p-values of Benjamini and Hochberg; missing ones stay missing and do not count.

    Parameters
    ----------
    p_values : array (comparison,)

    Returns
    -------
    array (comparison,)
        Calling those up to alpha different is wrong in at most a share alpha of the calls on
        average, as long as p-values are independent or positively dependent.

    Notes
    -----
    The k-th smallest of K times K / k, never above those after it. Differences of all pairs of
    scorers are not positively dependent; `by` holds for them.

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the false discovery rate.

    Examples
    --------
    >>> bh(np.array([0.01, 0.04, 0.03])).round(9).tolist()
    [0.03, 0.04, 0.04]
    """
    return _false_discoveries(p_values, "bh")


def by(p_values: Floats) -> Floats:
    """Adjusted p-values of Benjamini and Yekutieli; missing ones stay missing and do not count.

    Parameters
    ----------
    p_values : array (comparison,)

    Returns
    -------
    array (comparison,)
        Those of `bh` times 1 + 1/2 + ... + 1/K, at most 1: right under any dependence.

    References
    ----------
    Benjamini and Yekutieli (2001), The control of the false discovery rate in multiple testing
    under dependency.

    Examples
    --------
    >>> by(np.array([0.01, 0.04, 0.03])).round(9).tolist()
    [0.055, 0.073333333, 0.073333333]
    """
    return _false_discoveries(p_values, "by")


def _false_discoveries(p_values: Floats, method: Literal["bh", "by"]) -> Floats:
    from scipy.stats import false_discovery_control

    adjusted = np.full(len(p_values), np.nan)
    there = ~np.isnan(p_values)
    if there.any():
        adjusted[there] = false_discovery_control(p_values[there], method=method)
    return adjusted


def unadjusted(p_values: Floats) -> Floats:
    """The p-values themselves."""
    return p_values.copy()


def letter(index: int) -> str:
    """The letter of a group: a .. z, A .. Z.

    >>> letter(0), letter(25), letter(26), letter(51)
    ('a', 'z', 'A', 'Z')
    """
    return string.ascii_letters[index]


def compact_letters(separated: Bools) -> list[str] | None:
    """Letters such that two share one exactly if they are not separated.

    Parameters
    ----------
    separated : array (scorer, scorer)
        Symmetric; whether two scorers are significantly different. Scorers are ordered, the best
        first.

    Returns
    -------
    list of str or None
        One string of letters for each scorer; None where more than 52 letters would be needed.

    References
    ----------
    Piepho (2004), An algorithm for a letter-based representation of all-pairwise comparisons.

    Examples
    --------
    >>> compact_letters(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], dtype=bool))
    ['a', 'ab', 'b']
    """
    groups = together(separated)
    if groups is None:
        return None
    letters = [""] * len(separated)
    for k, members in enumerate(groups):
        for i in members:
            letters[i] += letter(k)
    return letters


def together(separated: Bools) -> list[list[int]] | None:
    """Largest groups of scorers of which no two are significantly different, in order.

    None where there are more than MOST_GROUPS: their number can grow as 3^(K/3).

    Scorers are added one by one. The groups among the first k scorers are never more than those
    among all (each extends to another group of all), so that the search ends as soon as there are
    too many, and never holds more than twice MOST_GROUPS.

    >>> together(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], bool))
    [[0, 1], [1, 2]]
    """
    groups = [0]  # sets of scorers as bits
    for k, row in enumerate(separated):
        alike = _bits(~np.asarray(row[:k], dtype=bool))
        groups = _largest([part for group in groups for part in _with(group, k, alike)])
        if len(groups) > MOST_GROUPS:
            return None
    return sorted([i for i in range(len(separated)) if group >> i & 1] for group in groups)


def _bits(members: Bools) -> int:
    """Truth values as the bits of a whole number, the first one lowest."""
    return int.from_bytes(np.packbits(members, bitorder="little").tobytes(), "little")


def _with(group: int, k: int, alike: int) -> list[int]:
    """A group with scorer k, or beside it those of its members that k is not separated from."""
    shared = group & alike
    return [group | 1 << k] if shared == group else [group, shared | 1 << k]


def _largest(groups: list[int]) -> list[int]:
    """Groups that are not part of another."""
    unique = list(dict.fromkeys(groups))
    return [g for g in unique if not any(g != h and g & h == g for h in unique)]


def rank_intervals(better: Bools) -> tuple[Codes, Codes]:
    """Lowest and highest rank of each scorer that the separations leave open.

    Parameters
    ----------
    better : array (scorer, scorer)
        better[i, j]: i was found better than j.

    Returns
    -------
    tuple of arrays (scorer,)
        1 + number found better, and K - number found worse. With a correction that controls the
        family-wise error, all true ranks lie inside with at least its confidence.

    References
    ----------
    Mogstad, Romano, Shaikh, Wilhelm (2024), Inference for ranks.
    """
    return 1 + better.sum(axis=0), len(better) - better.sum(axis=1)


def wmt_rank_clusters(p_upper: Floats, alpha: float) -> Codes:
    """Rank of each scorer by the clusters of the WMT metrics task; kept for comparison.

    Parameters
    ----------
    p_upper : array (scorer, scorer)
        Scorers are ordered, the best first; above the diagonal, p-values of "row better than
        column". The rest is not read.
    alpha : float
        A p-value of at most alpha is significant.

    Returns
    -------
    array (scorer,)
        From 1; a scorer starts the next rank if a member of the current one is better than it.

    Notes
    -----
    Depends on the order of the scorers, does not adjust for the number of tests, and is not
    transitive: two scorers of one rank need not be alike, and one of a worse rank need not be
    worse than all above. `rank_intervals` and `compact_letters` say what was separated.

    References
    ----------
    Freitag et al. (2023), Results of WMT23 metrics shared task; `AssignRanks` in its code,
    mt-metrics-eval.

    Examples
    --------
    >>> p = np.array([[0, 0.2, 0.05], [0, 0, 0.3], [0, 0, 0]])
    >>> wmt_rank_clusters(p, 0.05).tolist()
    [1, 1, 2]
    """
    starts = np.zeros(len(p_upper), dtype=int)
    first = 0
    for i in range(len(p_upper)):
        if (p_upper[first:i, i] <= alpha).any():
            first, starts[i] = i, 1
    return 1 + starts.cumsum()


ADJUST = {"holm": holm, "bh": bh, "by": by, "none": unadjusted}
