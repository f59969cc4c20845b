"""Differences of scores as decimals, and comparisons of them with thresholds.

0.3 - 0.2 and 0.2 - 0.1 differ in the last place in binary, and whether they are tied, or within a
threshold of 0.1, must not depend on that. Differences are rounded to a decimal grid of their own,
so coarse that rounding errors vanish and so fine that nothing else does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from metaeval.core.tolerances import ROUNDOFF_OF_SUMS
from metaeval.core.typing import Bools, Floats

KNOWN = 13
"""Decimal digits of the larger of two scores that count."""

TYPICAL = 12
"""Digits of a typical score that a difference keeps, if it is not tiny."""

KEPT = 9
"""Digits that every difference keeps, however small it is."""

_LEAST = -400  # decade of nothing
_FINEST = -300
_TENS = np.array([float(f"1e{k}") for k in range(309)])


def decade_of(values: Any) -> Any:
    """Decimal exponent of each value: 0 for 1 to 9.99, -1 for 0.1 to 0.99; -400 for nothing."""
    size = np.abs(np.asarray(values, dtype=float))
    there = np.isfinite(size) & (size > 0)
    exponent = np.floor(np.log10(np.where(there, size, 1.0)))
    return np.where(there, exponent, _LEAST).astype(np.int16)


def typical_decade(values: Floats) -> int:
    """Decade of the median size of the scores that are not 0: one outlier does not move it."""
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    return int(decade_of(np.median(size))) if size.size else _LEAST


def difference(a: Floats, b: Floats, typical: int) -> Floats:
    r"""Differences a - b of scores of one column, each rounded to a decimal grid.

    Parameters
    ----------
    a, b : array
        Scores, of shapes that broadcast.
    typical : int
        Decade of a typical score of the column, `typical_decade`.

    Returns
    -------
    array
        Decimals: the double that is nearest to each.

    Notes
    -----
    The grid of a difference d is :math:`10^k` with :math:`k = \max(e - 13, \min(t - 12, f - 9))`,
    where e, t and f are the decades of the larger score, of a typical one, and of d itself. The
    first is what two doubles can know of their difference (some 50 to 500 units in the last
    place). The second is one grid for most of the column, so that differences that are equal on
    paper, such as 5/3 - 4/3 and 1/3 - 0, are equal here. The third keeps nine digits of every
    difference, so that tiny scores, such as products of probabilities, are not tied by larger
    ones. No other score of the column decides, so that an outlier ties nothing. Scores that agree
    in 13 digits are tied.

    Examples
    --------
    >>> scores = np.array([0.3, 0.2, 0.1])
    >>> difference(scores[:2], scores[1:], -1).tolist()
    [0.1, 0.1]
    >>> difference(np.array([1e-20]), np.array([4e-21]), 0).tolist()
    [6e-21]
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    gap = a - b
    exponent = np.full(gap.shape, typical - TYPICAL, dtype=np.int16)
    tiny = np.abs(gap) < 10.0 ** max(typical - TYPICAL + KEPT, -323)
    exponent[tiny] = np.minimum(exponent[tiny], decade_of(gap[tiny]) - KEPT)
    exponent = np.maximum(exponent, np.maximum(decade_of(a), decade_of(b)) - KNOWN)
    return _on_grid(gap, exponent)


def rounded_margins(margins: Floats) -> Floats:
    """Margins whose scores are not known, as decimals of 12 digits (of a typical margin).

    >>> rounded_margins(np.array([0.3 - 0.2, 0.4 - 0.3, 0.2])).tolist()
    [0.1, 0.1, 0.2]
    """
    return difference(margins, np.zeros(1), typical_decade(margins))


def _on_grid(gap: Floats, exponent: Any) -> Floats:
    """Values rounded to multiples of a power of ten, as the nearest doubles."""
    up = _TENS[np.clip(-exponent, 0, -_FINEST)]
    down = _TENS[np.clip(exponent, 0, -_FINEST)]
    rounded = np.round(gap * up / down) / up * down + 0.0
    return np.where((exponent < _FINEST) | ~np.isfinite(gap), gap, rounded)


def within(size: Floats, epsilon: Floats | float) -> Bools:
    """Whether sizes are at most epsilon, up to rounding."""
    return np.asarray(size <= np.asarray(epsilon) * (1 + ROUNDOFF_OF_SUMS))


def sign_within(margin: Floats, epsilon: Floats | float) -> Floats:
    """The call on each pair: -1, 0 (a tie: at most epsilon) or 1; NaN where a score is missing.

    >>> sign_within(np.array([0.8 - 0.7, 0.11]), 0.1).tolist()
    [0.0, 1.0]
    """
    return np.where(within(np.abs(margin), epsilon), 0.0, np.sign(margin))


def same_sizes(ascending: Floats) -> Floats:
    """Sorted sizes, those that are equal up to rounding being the largest of them.

    >>> same_sizes(np.array([0.3 - 0.2, 0.4 - 0.3, 0.2])).tolist()
    [0.10000000000000003, 0.10000000000000003, 0.2]
    """
    if not len(ascending):
        return ascending
    with np.errstate(invalid="ignore"):  # infinite sizes stand for missing ones
        last = np.r_[~within(ascending[1:], ascending[:-1]), True]
    ends = np.flatnonzero(last)
    return ascending[ends[np.searchsorted(ends, np.arange(len(ascending)))]]
