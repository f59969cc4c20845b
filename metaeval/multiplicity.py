"""Many comparisons: adjusted p-values, letters and ranks."""

from __future__ import annotations

import string
from typing import Literal

import numpy as np

from metaeval.arrays import Bools, Codes, Floats


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
    """The letter of a group: a .. z, aa, ab, ...

    >>> letter(0), letter(25), letter(26)
    ('a', 'z', 'aa')
    """
    letters = string.ascii_lowercase
    return letters[index] if index < 26 else letter(index // 26 - 1) + letters[index % 26]


def compact_letters(separated: Bools) -> list[str]:
    """Letters such that two share one exactly if they are not separated.

    Parameters
    ----------
    separated : array (scorer, scorer)
        Symmetric; whether two scorers were told apart. Scorers are ordered, the best first.

    Returns
    -------
    list of str
        One string of letters for each scorer.

    References
    ----------
    Piepho (2004), An algorithm for a letter-based representation of all-pairwise comparisons.

    Examples
    --------
    >>> compact_letters(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], dtype=bool))
    ['a', 'ab', 'b']
    """
    columns = together(separated)
    names = [letter(k) for k in range(len(columns))]
    return [
        "".join(n for n, c in zip(names, columns, strict=True) if i in c)
        for i in range(len(separated))
    ]


def together(separated: Bools) -> list[frozenset[int]]:
    """Largest groups of scorers of which no two were told apart, in the order of their letters.

    >>> [sorted(group) for group in together(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], bool))]
    [[0, 1], [1, 2]]
    """
    columns: list[frozenset[int]] = [frozenset(range(len(separated)))]
    for i, j in zip(*np.nonzero(np.triu(separated)), strict=True):
        split = []
        for column in columns:
            both = i in column and j in column
            split += [column - {int(i)}, column - {int(j)}] if both else [column]
        columns = _absorb(split)
    return sorted(columns, key=sorted)


def _absorb(columns: list[frozenset[int]]) -> list[frozenset[int]]:
    """Columns that lie in no other."""
    unique = list(dict.fromkeys(columns))
    return [c for c in unique if not any(c < other for other in unique)]


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


def wmt_clusters(p_upper: Floats, alpha: float) -> Codes:
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
    >>> wmt_clusters(p, 0.05).tolist()
    [1, 1, 2]
    """
    starts = np.zeros(len(p_upper), dtype=int)
    first = 0
    for i in range(len(p_upper)):
        if (p_upper[first:i, i] <= alpha).any():
            first, starts[i] = i, 1
    return 1 + starts.cumsum()


ADJUST = {"holm": holm, "bh": bh, "by": by, "none": unadjusted}
