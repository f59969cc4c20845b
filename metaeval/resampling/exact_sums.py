"""Terms whose sums are exact in floating point, in any order.

Floating-point addition is not associative, so sums of the same terms in different blocks, orders or
engines differ in the last bits, and ties between them break at random. Integers, and multiples of a
power of two, add without rounding as long as sums need at most 53 bits; results are then identical
on every machine.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from metaeval.core import ROUNDOFF_OF_SUMS, Floats

_MOST_VALUES = 4096  # distinct values searched for a common unit
_LARGEST_WHOLE = 2.0**20  # multiples of the unit: leaves 2**33 for weights times units
_ROWS = 2**16
_NOTHING = 1e-280  # columns without a larger value are treated as 0


class ExactTerms(NamedTuple):
    """Terms whose weighted sums are exact in any order.

    The terms are `values` (unit, column) times `step` (column,), up to rounding to the grid.
    """

    values: Floats
    step: Floats
    integral: bool  # whether the values are integers

    def bound(self, largest_weight: float) -> float:
        """Upper bound on the absolute sum of values with weights up to the largest."""
        total = np.zeros(self.values.shape[1])
        for start in range(0, len(self.values), _ROWS):
            total += np.abs(self.values[start : start + _ROWS]).sum(axis=0)
        return float(total.max()) * largest_weight

    @property
    def largest(self) -> float:
        """Largest absolute value."""
        return float(max(self.values.max(initial=0.0), -self.values.min(initial=0.0)))


def exact_terms(terms: Floats, largest_weight: float, finest_weight: float = 1.0) -> ExactTerms:
    """Terms (unit, column) in a form whose sums are exact.

    If every column consists of multiples of one unit, such as fractions with a common denominator,
    the values become integers; else all are rounded with `on_grid`.
    """
    steps = [_unit_of(column) for column in terms.T]
    if all(step is not None for step in steps):
        step = np.array(steps, dtype=float)
        return ExactTerms(np.round(terms / step), step, True)
    return ExactTerms(on_grid(terms, largest_weight, finest_weight), np.ones(terms.shape[1]), False)


def exact_jointly(terms: Floats, largest_weight: float) -> ExactTerms:
    """Like `exact_terms`, with one unit for all columns, so that columns can be subtracted.

    If there is none, each column has its own grid and does not depend on the others.
    """
    step = _unit_of(terms.ravel())
    if step is not None:
        return ExactTerms(np.round(terms / step), np.full(terms.shape[1], step), True)
    return ExactTerms(on_grid(terms, largest_weight), np.ones(terms.shape[1]), False)


def _unit_of(values: Floats) -> float | None:
    """The largest number of which all values are integer multiples, if one is large enough."""
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
    """Greatest common divisor of two positive numbers up to rounding, by Euclid's algorithm."""
    while b > tolerance:
        a, b = b, abs(math.remainder(a, b))
    return a


def on_grid(terms: Floats, largest_weight: float = 1.0, finest_weight: float = 1.0) -> Floats:
    """Terms (unit, ...) rounded so that every weighted sum of them is exact in any order.

    Each column is rounded to multiples of a power of two: the smallest for which sums with weights
    up to the largest, in steps of the finest, fit the 53 bits of a double.
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
