"""Multiple comparisons: adjusted p-values, letters and ranks."""

from __future__ import annotations

import string
from typing import Literal

import numpy as np

from metaeval.core import Bools, Codes, Floats

MAX_GROUPS = len(string.ascii_letters)  # one letter for each group of scorers


def holm(p_values: Floats) -> Floats:
    """Holm's adjusted p-values; NaN stays NaN and is not counted.

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
    finite = np.flatnonzero(~np.isnan(p_values))
    order = finite[np.argsort(p_values[finite], kind="stable")]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def bh(p_values: Floats) -> Floats:
    """Benjamini-Hochberg adjusted p-values; NaN stays NaN and is not counted.

    Parameters
    ----------
    p_values : array (comparison,)

    Returns
    -------
    array (comparison,)
        Rejecting those up to alpha controls the false discovery rate at alpha if p-values are
        independent or positively dependent.

    Notes
    -----
    The k-th smallest of K p-values times K / k, made non-decreasing. Differences of all pairs of
    scorers are not positively dependent; `by` is valid for them.

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
    """Benjamini-Yekutieli adjusted p-values; NaN stays NaN and is not counted.

    Parameters
    ----------
    p_values : array (comparison,)

    Returns
    -------
    array (comparison,)
        Those of `bh` times 1 + 1/2 + ... + 1/K, at most 1: valid under any dependence.

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
    finite = ~np.isnan(p_values)
    if finite.any():
        adjusted[finite] = false_discovery_control(p_values[finite], method=method)
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


def compact_letter_display(different: Bools) -> list[str] | None:
    """Letters such that two scorers share one if and only if they do not differ significantly.

    Parameters
    ----------
    different : array (scorer, scorer)
        Symmetric; whether two scorers are significantly different. Scorers are in
        descending order of quality.

    Returns
    -------
    list of str or None
        One string of letters for each scorer; None if more than 52 letters would be needed.

    References
    ----------
    Piepho (2004), An algorithm for a letter-based representation of all-pairwise comparisons.

    Examples
    --------
    >>> compact_letter_display(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], dtype=bool))
    ['a', 'ab', 'b']
    """
    groups = maximal_nonsignificant_groups(different)
    if groups is None:
        return None
    letters = [""] * len(different)
    for k, members in enumerate(groups):
        for i in members:
            letters[i] += letter(k)
    return letters


def maximal_nonsignificant_groups(different: Bools) -> list[list[int]] | None:
    """Maximal groups of scorers without a significant difference, in order.

    None if there are more than MAX_GROUPS: these are the maximal cliques of a graph, and their
    number can grow as 3^(K/3) (Moon and Moser 1965).

    Scorers are added one by one. Each group among the first k scorers extends to a distinct group
    among all, so their number never decreases: the search stops as soon as there are too many, and
    never holds more than twice MAX_GROUPS.

    >>> maximal_nonsignificant_groups(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], bool))
    [[0, 1], [1, 2]]
    """
    groups = [0]  # sets of scorers as bits
    for k, row in enumerate(different):
        compatible = _bits(~np.asarray(row[:k], dtype=bool))
        groups = _maximal(
            [candidate for group in groups for candidate in _extend(group, k, compatible)]
        )
        if len(groups) > MAX_GROUPS:
            return None
    return sorted([i for i in range(len(different)) if group >> i & 1] for group in groups)


def _bits(members: Bools) -> int:
    """Booleans as the bits of an integer, the first one lowest."""
    return int.from_bytes(np.packbits(members, bitorder="little").tobytes(), "little")


def _extend(group: int, k: int, compatible: int) -> list[int]:
    """A group with scorer k added, or the group and its members compatible with k."""
    shared = group & compatible
    return [group | 1 << k] if shared == group else [group, shared | 1 << k]


def _maximal(groups: list[int]) -> list[int]:
    """Groups that are not a subset of another."""
    unique = list(dict.fromkeys(groups))
    return [g for g in unique if not any(g != h and g & h == g for h in unique)]


def rank_intervals(better: Bools) -> tuple[Codes, Codes]:
    """Lowest and highest rank of each scorer compatible with the significant differences.

    Parameters
    ----------
    better : array (scorer, scorer)
        better[i, j]: i is significantly better than j.

    Returns
    -------
    tuple of arrays (scorer,)
        1 + number significantly better, and K - number significantly worse. If the correction
        controls the family-wise error rate, all true ranks are covered simultaneously.

    References
    ----------
    Mogstad, Romano, Shaikh, Wilhelm (2024), Inference for ranks.
    """
    return 1 + better.sum(axis=0), len(better) - better.sum(axis=1)


def wmt_rank_clusters(p_upper: Floats, alpha: float) -> Codes:
    """Rank of each scorer by the clusters of the WMT metrics task, for comparison.

    Parameters
    ----------
    p_upper : array (scorer, scorer)
        Scorers are in descending order of quality; above the diagonal, p-values of "row better
        than column". The rest is ignored.
    alpha : float
        A p-value of at most alpha is significant.

    Returns
    -------
    array (scorer,)
        From 1; a scorer starts the next rank if a member of the current one is better than it.

    Notes
    -----
    Depends on the order of the scorers, does not adjust for the number of tests, and is not
    transitive: two scorers of one rank may differ significantly, and one of a worse rank need not
    differ from all above. `rank_intervals` and `compact_letter_display` show the significant
    differences.

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
