"""Many comparisons: adjusted p-values, letters and ranks."""

from __future__ import annotations

import string

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
    columns: list[frozenset[int]] = [frozenset(range(len(separated)))]
    for i, j in zip(*np.nonzero(np.triu(separated)), strict=True):
        split = []
        for column in columns:
            both = i in column and j in column
            split += [column - {int(i)}, column - {int(j)}] if both else [column]
        columns = _absorb(split)
    columns.sort(key=sorted)
    names = [letter(k) for k in range(len(columns))]
    return [
        "".join(n for n, c in zip(names, columns, strict=True) if i in c)
        for i in range(len(separated))
    ]


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


ADJUST = {"holm": holm, "none": unadjusted}
