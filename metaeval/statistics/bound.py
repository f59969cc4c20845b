"""A statistic on one table and its units: its value, replicates and influence of units."""

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
"""Weights (replicate, unit or item) -> values (replicate, scorer)."""

Finish = Callable[[Floats], Floats]
"""Sums (..., k) -> values (...)."""

Errors = Callable[[Codes, Codes | None], Floats]
"""Scorers `first` (pair,), minus `second` if given -> standard errors."""

_WEIGHTS_AT_A_TIME = 2e7  # rows times replicates: some 160 MB
_UNITS_AT_A_TIME = 20_000
_LEFT_OUT_AT_A_TIME = 500


class StandardErrors(NamedTuple):
    """By one formula: those of the estimate (pair,), and of replicates (replicate, pair)."""

    of_estimate: Errors
    of_replicates: Errors


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How replicates are drawn: the kind of weights, the key of the stream, and how many."""

    kind: str
    key: Any
    n: int
    n_rows: int


class Bound(ABC):
    """A statistic on one table whose items belong to units; some units may have no item.

    `n_items` counts those that are included, `reference` (scorer,) is the value with every unit
    counted once, around which replicates lie.
    """

    n_items: int
    reference: Floats
    smooth: bool

    @abstractmethod
    def replicates(self, drawing: Drawing, name: str) -> Floats:
        """Return bootstrap replicates: (replicate, scorer)."""

    @abstractmethod
    def without_each(self) -> Iterator[Floats]:
        """Yield what leaving out each unit takes from the value, block by block: (unit, scorer)."""

    def standard_errors(self, drawing: Drawing) -> StandardErrors | None:
        """Return standard errors of replicates, where there is a formula."""
        return None

    def jackknife(self, present: Bools) -> Floats:
        """Return the influence of each unit, (n - 1) / n times what it adds: (unit, scorer).

        n counts the units that are `present` (unit,); 0 for steps, which have no derivative.
        """
        n = int(present.sum())
        if n < 2 or not self.smooth:
            return np.zeros((len(present), len(self.reference)))
        influence = np.concatenate(list(self.without_each()))
        np.nan_to_num(influence, copy=False)
        influence[~present] = 0.0
        influence *= (n - 1) / n
        return influence

    def contributions(self, estimate: Floats, influence: Floats, present: Bools) -> Floats | None:
        """Return what each unit contributes to the estimate: (unit, scorer), or None.

        By default jackknife pseudo-values, if the statistic is smooth.
        """
        n = present.sum()
        if not self.smooth or n < 2:
            return None
        mean = influence.sum(axis=0) / n  # absent units have 0
        pseudo = influence + (estimate / n - mean)
        pseudo[~present] = 0.0
        return pseudo


class BoundSums(Bound):
    """Values that follow from sums of terms (unit, scorer, k) over units."""

    def __init__(
        self, terms: Floats, finish: Finish, n_items: int, *, additive: bool, smooth: bool
    ) -> None:
        self.terms, self.finish = terms, finish
        self.n_items, self.additive, self.smooth = n_items, additive, smooth or additive
        made = exact_terms(terms.reshape(len(terms), -1), 1.0)
        sums = np.ones((1, len(terms))) @ made.values * made.step
        self.reference = finish(sums.reshape(-1, *terms.shape[1:]))[0]

    def replicates(self, drawing: Drawing, name: str) -> Floats:
        """Return replicates by one product of weights and terms."""
        shape = self.terms.shape[1:]
        flat = self.terms.reshape(len(self.terms), -1)
        terms = exact_terms(flat, *largest_weight(drawing.kind))
        sums = weighted_sums(drawing.kind, drawing.key, drawing.n, terms, name)
        return np.concatenate([self.finish((s * terms.step).reshape(-1, *shape)) for s in sums])

    def without_each(self) -> Iterator[Floats]:
        """Yield differences to the value without each unit."""
        total, size = self.terms.sum(axis=0), _UNITS_AT_A_TIME
        value = self.finish(total[None])
        for start in range(0, len(self.terms), size):
            yield value - self.finish(total - self.terms[start : start + size])

    def standard_errors(self, drawing: Drawing) -> StandardErrors:
        """Return errors by the delta method, from the weights that made the replicates."""
        finish, terms = self.finish, self.terms

        def of_estimate(first: Codes, second: Codes | None) -> Floats:
            ones = np.ones((1, len(terms)))
            return np.asarray(delta_method_se(finish, terms, ones, first, second)[0])

        def of_replicates(first: Codes, second: Codes | None) -> Floats:
            blocks = weight_blocks(drawing.kind, drawing.key, drawing.n, len(terms), 256)
            ticked = with_progress(blocks, -(-drawing.n // 256), "standard errors")
            return np.concatenate(
                [delta_method_se(finish, terms, block, first, second) for block in ticked]
            )

        return StandardErrors(of_estimate, of_replicates)

    def contributions(self, estimate: Floats, influence: Floats, present: Bools) -> Floats | None:
        """Return each unit's share of the ratio, where all scorers share its denominator."""
        if self.additive:
            return share_of_estimate(self.terms)
        return super().contributions(estimate, influence, present)


OfUnits = Callable[[], Floats]
"""() -> array (unit, scorer), worked out when it is asked for."""


class BoundWeights(Bound):
    """Values that are computed again from the weights of units."""

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
        """Return replicates, some at a time."""
        most = int(np.clip(_WEIGHTS_AT_A_TIME // drawing.n_rows, 16, 2_000))
        size = block_size(self.n_units, most)
        blocks = weight_blocks(drawing.kind, drawing.key, drawing.n, self.n_units, size)
        ticked = with_progress(blocks, -(-drawing.n // size), name)
        return np.concatenate([self.weigh(block) for block in ticked])

    def without_each(self) -> Iterator[Floats]:
        """Yield differences to the value without each unit."""
        for start in range(0, self.n_units, _LEFT_OUT_AT_A_TIME):
            size = min(_LEFT_OUT_AT_A_TIME, self.n_units - start)
            weights = np.ones((size, self.n_units))
            weights[np.arange(size), start + np.arange(size)] = 0.0
            yield self.reference - self.weigh(weights)

    def jackknife(self, present: Bools) -> Floats:
        """Return the first-order influence where it is known, else leave out each unit."""
        known = self._influence
        return super().jackknife(present) if known is None else known()

    def contributions(self, estimate: Floats, influence: Floats, present: Bools) -> Floats | None:
        """Return contributions where they are known."""
        known = self._contributions
        return super().contributions(estimate, influence, present) if known is None else known()
