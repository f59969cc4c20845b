"""A statistic bound to a table and its resampling units: value, replicates, influence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from metaeval.core import Bools, Codes, Floats, with_progress
from metaeval.resampling import (
    block_size,
    delta_method_se,
    exact_terms,
    largest_weight,
    weight_blocks,
    weighted_sums,
)
from metaeval.statistics.sums import share_of_estimate

Weigh = Callable[[Floats], Floats]
"""Maps weights (replicate, unit or item) to values (replicate, scorer)."""

Finish = Callable[[Floats], Floats]
"""Maps sums (..., k) to values (...)."""

Errors = Callable[[Codes, Codes | None], Floats]
"""Returns standard errors of the scorers at indices `first` (pair,), or of their differences from
the scorers at indices `second` (pair,) if given.
"""

# Sizes of blocks bound the memory; values do not depend on them.
_WEIGHTS_PER_BLOCK = 2e7  # rows times replicates: 160 MB of double precision
_UNITS_PER_BLOCK = 20_000  # leave-one-out sums at a time
_LEAVE_ONE_OUT_BLOCK = 500  # leave-one-out weight vectors of length n_units at a time


class StandardErrors(NamedTuple):
    """Standard errors of the estimate (pair,) and of replicates (replicate, pair)."""

    of_estimate: Errors
    of_replicates: Errors


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Parameters of the random weights: scheme, key of the random stream, number of replicates."""

    kind: str
    key: Any
    n: int
    n_rows: int


class Bound(ABC):
    """A statistic bound to a table whose items belong to units; some units may have no item.

    `n_items` is the number of items included; `reference` (scorer,) is the value with weight 1 for
    every unit, around which replicates scatter.
    """

    n_items: int
    reference: Floats
    smooth: bool

    @abstractmethod
    def replicates(self, drawing: Drawing, name: str) -> Floats:
        """Return bootstrap replicates: (replicate, scorer)."""

    @abstractmethod
    def leave_one_out(self) -> Iterator[Floats]:
        """Yield the value minus the value without each unit, in blocks: (unit, scorer)."""

    def standard_errors(self, drawing: Drawing) -> StandardErrors | None:
        """Return standard errors by a formula, or None if there is none."""
        return None

    def jackknife(self, present: Bools) -> Floats:
        """Return jackknife influence, (n - 1) / n times the leave-one-out change: (unit, scorer).

        n is the number of units `present` (unit,). The influence of a statistic that is not smooth
        is 0, since it has no derivative.
        """
        n = int(present.sum())
        if n < 2 or not self.smooth:
            return np.zeros((len(present), len(self.reference)))
        influence = np.concatenate(list(self.leave_one_out()))
        np.nan_to_num(influence, copy=False)
        influence[~present] = 0.0
        influence *= (n - 1) / n
        return influence

    def contributions(self, estimate: Floats, influence: Floats, present: Bools) -> Floats | None:
        """Return the contribution of each unit to the estimate, (unit, scorer) or None.

        By default jackknife pseudo-values over n, if the statistic is smooth.
        """
        n = present.sum()
        if not self.smooth or n < 2:
            return None
        mean = influence.sum(axis=0) / n  # that of absent units is 0
        pseudo = influence + (estimate / n - mean)
        pseudo[~present] = 0.0
        return pseudo


class BoundSums(Bound):
    """A function of sums of terms (unit, scorer, k) over units."""

    def __init__(
        self, terms: Floats, finish: Finish, n_items: int, *, additive: bool, smooth: bool
    ) -> None:
        self.terms, self.finish = terms, finish
        self.n_items, self.additive, self.smooth = n_items, additive, smooth or additive
        exact = exact_terms(terms.reshape(len(terms), -1), 1.0)
        sums = np.ones((1, len(terms))) @ exact.values * exact.step
        self.reference = finish(sums.reshape(-1, *terms.shape[1:]))[0]

    def replicates(self, drawing: Drawing, name: str) -> Floats:
        """Return replicates from one product of weights and terms."""
        shape = self.terms.shape[1:]
        flat = self.terms.reshape(len(self.terms), -1)
        terms = exact_terms(flat, *largest_weight(drawing.kind))
        sums = weighted_sums(drawing.kind, drawing.key, drawing.n, terms, name)
        return np.concatenate([self.finish((s * terms.step).reshape(-1, *shape)) for s in sums])

    def leave_one_out(self) -> Iterator[Floats]:
        """Yield the value minus the value without each unit."""
        total, size = self.terms.sum(axis=0), _UNITS_PER_BLOCK
        value = self.finish(total[None])
        for start in range(0, len(self.terms), size):
            yield value - self.finish(total - self.terms[start : start + size])

    def standard_errors(self, drawing: Drawing) -> StandardErrors:
        """Return delta-method standard errors, from the weights of the replicates."""
        finish, terms = self.finish, self.terms

        def of_estimate(first: Codes, second: Codes | None) -> Floats:
            ones = np.ones((1, len(terms)))
            return np.asarray(delta_method_se(finish, terms, ones, first, second)[0])

        def of_replicates(first: Codes, second: Codes | None) -> Floats:
            blocks = weight_blocks(drawing.kind, drawing.key, drawing.n, len(terms), 256)
            progress = with_progress(blocks, -(-drawing.n // 256), "standard errors")
            return np.concatenate(
                [delta_method_se(finish, terms, block, first, second) for block in progress]
            )

        return StandardErrors(of_estimate, of_replicates)

    def contributions(self, estimate: Floats, influence: Floats, present: Bools) -> Floats | None:
        """Return contributions to a ratio with a common denominator, else pseudo-values."""
        if self.additive:
            return share_of_estimate(self.terms)
        return super().contributions(estimate, influence, present)


OfUnits = Callable[[], Floats]
"""Returns an array (unit, scorer), computed on demand."""


class BoundWeights(Bound):
    """A function of the weights of units."""

    def __init__(
        self,
        weigh: Weigh,
        n_units: int,
        n_items: int,
        *,
        smooth: bool,
        contributions: OfUnits | None,
        influence: OfUnits | None,
    ) -> None:
        self.weigh, self.n_units, self.n_items, self.smooth = weigh, n_units, n_items, smooth
        self._contributions, self._influence = contributions, influence
        self.reference = weigh(np.ones((1, n_units)))[0]

    def replicates(self, drawing: Drawing, name: str) -> Floats:
        """Return replicates, computed in blocks."""
        max_size = int(np.clip(_WEIGHTS_PER_BLOCK // drawing.n_rows, 16, 2_000))
        size = block_size(self.n_units, max_size)
        blocks = weight_blocks(drawing.kind, drawing.key, drawing.n, self.n_units, size)
        progress = with_progress(blocks, -(-drawing.n // size), name)
        return np.concatenate([self.weigh(block) for block in progress])

    def leave_one_out(self) -> Iterator[Floats]:
        """Yield the value minus the value without each unit."""
        for start in range(0, self.n_units, _LEAVE_ONE_OUT_BLOCK):
            size = min(_LEAVE_ONE_OUT_BLOCK, self.n_units - start)
            weights = np.ones((size, self.n_units))
            weights[np.arange(size), start + np.arange(size)] = 0.0
            yield self.reference - self.weigh(weights)

    def jackknife(self, present: Bools) -> Floats:
        """Return the analytic influence if available, else the jackknife influence."""
        influence = self._influence
        return super().jackknife(present) if influence is None else influence()

    def contributions(self, estimate: Floats, influence: Floats, present: Bools) -> Floats | None:
        """Return exact contributions if available, else pseudo-values."""
        of_units = self._contributions
        return (
            super().contributions(estimate, influence, present) if of_units is None else of_units()
        )
