"""Terms that add up without rounding: whole numbers, or numbers on a grid of powers of two."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from metaeval.core import ROUNDOFF_OF_SUMS, Floats

_MOST_VALUES = 4096  # distinct values among which a common unit is looked for
_LARGEST_WHOLE = 2.0**20
_ROWS = 2**16
_NOTHING = 1e-280  # columns without a larger value are taken as 0


class Terms(NamedTuple):
    """Terms whose weighted sums are exact in any order.

    `values` (unit, column) times `step` (column,) are the terms, up to the rounding of the grid.
    """

    values: Floats
    step: Floats
    whole: bool  # the values are whole numbers

    def bound(self, largest_weight: float) -> float:
        """No sum of values, with weights up to the largest, is larger than this."""
        blocks = (self.values[i : i + _ROWS] for i in range(0, len(self.values), _ROWS))
        return float(sum(np.abs(some).sum(axis=0) for some in blocks).max()) * largest_weight

    @property
    def largest(self) -> float:
        """Size of the largest value."""
        return float(max(self.values.max(initial=0.0), -self.values.min(initial=0.0)))


def exact_terms(terms: Floats, largest_weight: float, finest_weight: float = 1.0) -> Terms:
    """Terms (unit, column) in a form whose sums are exact.

    Columns that are multiples of a common unit, such as shares of so many pairs, become whole
    numbers; else all are put `on_grid`.
    """
    steps = [_unit_of(column) for column in terms.T]
    if all(step is not None for step in steps):
        step = np.array(steps, dtype=float)
        return Terms(np.round(terms / step), step, True)
    return Terms(on_grid(terms, largest_weight, finest_weight), np.ones(terms.shape[1]), False)


def exact_jointly(terms: Floats, largest_weight: float) -> Terms:
    """Like `exact_terms`, with one unit for all columns, so that columns can be subtracted.

    Without one, every column has a grid of its own: what others hold moves no bit of it.
    """
    step = _unit_of(terms.ravel())
    if step is not None:
        return Terms(np.round(terms / step), np.full(terms.shape[1], step), True)
    return Terms(on_grid(terms, largest_weight), np.ones(terms.shape[1]), False)


def _unit_of(values: Floats) -> float | None:
    """The largest number of which all values are whole multiples, if there is a plain one."""
    distinct = np.unique(np.abs(values))
    distinct = distinct[distinct > 0]
    if not distinct.size:
        return 1.0
    if len(distinct) > _MOST_VALUES or not np.isfinite(distinct[-1]):
        return None
    largest, unit = float(distinct[-1]), float(distinct[0])
    for value in distinct[1:].tolist():
        unit = _common(value, unit, ROUNDOFF_OF_SUMS * largest)
        if unit * _LARGEST_WHOLE < largest:
            return None
    multiples = distinct / unit
    off = np.abs(multiples - np.round(multiples)).max()
    if multiples[-1] > _LARGEST_WHOLE or off > ROUNDOFF_OF_SUMS * multiples[-1]:
        return None
    return float(largest / np.round(multiples[-1]))


def _common(a: float, b: float, tolerance: float) -> float:
    """Largest common divisor of two positive numbers, up to rounding."""
    while b > tolerance:
        a, b = b, abs(math.remainder(a, b))
    return a


def on_grid(terms: Floats, largest_weight: float = 1.0, finest_weight: float = 1.0) -> Floats:
    """Terms (unit, ...) rounded so that every weighted sum of them is exact in any order.

    Each column is rounded to multiples of a power of two, so small against its largest value, and
    so large, that sums with weights up to the largest, in steps of the finest, fit 53 bits.
    """
    largest = np.maximum(terms.max(axis=0), -terms.min(axis=0))
    total = max(len(terms), 2) * largest_weight / finest_weight
    bits = 53 - int(np.ceil(np.log2(total))) - 1
    power = np.ceil(np.log2(np.where(largest > _NOTHING, largest, 1.0)))
    step = 2.0 ** (power - bits)
    grid = terms / step
    np.rint(grid, out=grid)
    grid *= step
    return np.asarray(grid)
