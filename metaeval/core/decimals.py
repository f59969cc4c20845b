"""Decimal differences of scores, and their comparison with thresholds.

0.3 - 0.2 and 0.2 - 0.1 differ in the last place in binary, and whether they are tied, or within a
threshold of 0.1, must not depend on that. Each difference is rounded to a decimal grid that is
coarse enough to remove rounding errors and fine enough to keep every real difference.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from metaeval.core.tolerances import ROUNDOFF_OF_SUMS
from metaeval.core.typing import Bools, Floats

SCORE_DIGITS = 13
"""Significant decimal digits of the larger of two scores: a double has 15 to 17."""

COLUMN_DIGITS = 12
"""Digits to which a difference is rounded, relative to a typical score of its column."""

DIFFERENCE_DIGITS = 9
"""Digits that every difference keeps, however small."""

_DECADE_OF_ZERO = -400  # below that of the smallest subnormal, 5e-324
_FINEST = -300
_TENS = np.array([float(f"1e{k}") for k in range(309)])


def decade_of(values: Any) -> Any:
    """Decimal exponent of each value: 0 for 1 to 9.99, -1 for 0.1 to 0.99; -400 for 0."""
    size = np.abs(np.asarray(values, dtype=float))
    nonzero = np.isfinite(size) & (size > 0)
    exponent = np.floor(np.log10(np.where(nonzero, size, 1.0)))
    return np.where(nonzero, exponent, _DECADE_OF_ZERO).astype(np.int16)


def typical_decade(values: Floats) -> int:
    """Decade of the median absolute nonzero score, which is robust to outliers."""
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    return int(decade_of(np.median(size))) if size.size else _DECADE_OF_ZERO


def difference(a: Floats, b: Floats, typical: int) -> Floats:
    r"""Differences a - b of scores of one column, rounded to a decimal grid.

    Parameters
    ----------
    a, b : array
        Scores; their shapes must broadcast.
    typical : int
        Decade of a typical score of the column; see `typical_decade`.

    Returns
    -------
    array
        The double nearest to each decimal.

    Notes
    -----
    The grid of a difference d is :math:`10^k` with :math:`k = \max(e - 13, \min(t - 12, f - 9))`,
    where e, t and f are the decades of the larger score, of a typical one, and of d itself. The
    first is the precision of a difference of two doubles (some 50 to 500 units in the last place).
    The second is one grid for most of the column, so that differences that are equal in exact
    arithmetic, such as 5/3 - 4/3 and 1/3 - 0, are equal here. The third keeps nine digits of every
    difference, so that tiny scores, such as products of probabilities, are not tied because of
    larger ones. Other scores enter only through their median, so an outlier creates no ties.
    Scores that agree in 13 digits are tied.

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
    exponent = np.full(gap.shape, typical - COLUMN_DIGITS, dtype=np.int16)
    tiny = np.abs(gap) < 10.0 ** max(typical - COLUMN_DIGITS + DIFFERENCE_DIGITS, -323)
    exponent[tiny] = np.minimum(exponent[tiny], decade_of(gap[tiny]) - DIFFERENCE_DIGITS)
    exponent = np.maximum(exponent, np.maximum(decade_of(a), decade_of(b)) - SCORE_DIGITS)
    return _on_grid(gap, exponent)


def rounded_margins(margins: Floats) -> Floats:
    """Margins given without their scores, rounded to 12 digits of a typical margin.

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


def decide_with_threshold(margin: Floats, epsilon: Floats | float) -> Floats:
    """The decision on each pair: -1, 0 (a tie: at most epsilon) or 1; NaN for missing scores.

    >>> decide_with_threshold(np.array([0.8 - 0.7, 0.11]), 0.1).tolist()
    [0.0, 1.0]
    """
    return np.where(within(np.abs(margin), epsilon), 0.0, np.sign(margin))


def same_sizes(ascending: Floats) -> Floats:
    """Sorted sizes in which values equal up to rounding are replaced by the largest of them.

    >>> same_sizes(np.array([0.3 - 0.2, 0.4 - 0.3, 0.2])).tolist()
    [0.10000000000000003, 0.10000000000000003, 0.2]
    """
    if not len(ascending):
        return ascending
    with np.errstate(invalid="ignore"):  # infinite sizes stand for missing ones
        last = np.r_[~within(ascending[1:], ascending[:-1]), True]
    ends = np.flatnonzero(last)
    return ascending[ends[np.searchsorted(ends, np.arange(len(ascending)))]]


def same_margins(margins: Floats) -> Floats:
    """Margins (row, column) in which sizes of a column equal up to rounding are the same.

    >>> same_margins(np.array([[0.3 - 0.2], [0.3 - 0.4], [0.2]]))[:, 0].tolist()
    [0.10000000000000003, -0.10000000000000003, 0.2]
    """
    sizes = np.abs(margins)
    order = np.argsort(sizes, axis=0)
    columns = np.take_along_axis(sizes, order, axis=0).T
    merged = np.stack([same_sizes(column) for column in columns], axis=1)
    np.put_along_axis(sizes, order, merged, axis=0)
    return np.copysign(sizes, margins)
