"""Labels of several raters as distinct patterns and how many rows have each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from metaeval.core import Bools, Codes, Floats

_MAX_CODE = 2**62
_MIN_PATTERNS = 64  # fewer patterns are filled up to so many: one model is compiled for all of them


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """Distinct patterns, filled up to a fixed size with ones that no row has.

    `labels` (pattern, rater, label) is 1 for what was said, `counts` (pattern,), `of_row` (row,);
    `by_unit` (unit, pattern) rows, sparse, with the `units` of the rows (row,). Where rows are in
    ranges of covariates, each range has as many patterns, those of the first before all others.
    """

    labels: Floats
    counts: Floats
    of_row: Codes
    by_unit: Any
    units: Codes
    n_ranges: int = 1

    def by_range(self, values: Floats) -> Floats:
        """Values (pattern, ...) as (range, pattern, ...)."""
        return values.reshape(self.n_ranges, -1, *values.shape[1:])


def find_patterns(
    codes: Codes, n_labels: int, units: Codes, n_units: int, ranges: Codes | None = None
) -> Patterns:
    """Patterns of codes (row, rater): 0, 1, ..., and -1 where a rater said nothing.

    `ranges` (row,) from 0, none of them empty, are of covariates.
    """
    range_of_row = np.zeros(len(codes), dtype=int) if ranges is None else ranges
    rows_in_range = [np.flatnonzero(range_of_row == g) for g in range(range_of_row.max() + 1)]
    parts = [_unique_rows(codes[rows], n_labels) for rows in rows_in_range]
    n_distinct = max(len(distinct) for distinct, _, _ in parts)
    n_patterns = max(int(2 ** np.ceil(np.log2(n_distinct))), _MIN_PATTERNS // len(parts), 1)
    labels = np.zeros((len(parts) * n_patterns, codes.shape[1], n_labels))
    counts, of_row = np.zeros(len(labels)), np.zeros(len(codes), dtype=int)
    for g, (distinct, index, multiplicity) in enumerate(parts):
        block = slice(g * n_patterns, g * n_patterns + len(distinct))
        labels[block] = distinct[..., None] == np.arange(n_labels)
        counts[block] = multiplicity
        of_row[rows_in_range[g]] = index + g * n_patterns
    shape = (n_units, len(labels))
    by_unit = sparse.coo_array((np.ones(len(codes)), (units, of_row)), shape=shape).tocsr()
    return Patterns(
        labels=labels,
        counts=counts,
        of_row=of_row,
        by_unit=by_unit,
        units=units,
        n_ranges=len(parts),
    )


def _unique_rows(codes: Codes, n_labels: int) -> tuple[Codes, Codes, Codes]:
    """Distinct rows, which of them each row is, and how often they are there."""
    if (n_labels + 1.0) ** codes.shape[1] < _MAX_CODE:
        number = (codes + 1) @ (n_labels + 1) ** np.arange(codes.shape[1], dtype=np.int64)[::-1]
        _, first, of_row, counts = np.unique(
            number, return_index=True, return_inverse=True, return_counts=True
        )
        return codes[first], of_row, counts
    return np.unique(codes, axis=0, return_inverse=True, return_counts=True)


def canonical_orientation(signs: Floats) -> Bools:
    """Rows to turn round so that the first who takes a side prefers the first: (row,).

    `signs` (row, voice) are above, at or below 0, or nan where a voice is silent.
    """
    nonzero = np.nan_to_num(signs) != 0
    leading = nonzero.argmax(axis=1)
    return np.asarray(nonzero.any(axis=1) & (signs[np.arange(len(signs)), leading] < 0))


def pairwise_agreement(labels: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Share of equal labels of each two raters, and rows that have both: (pair,)."""
    first, second = np.triu_indices(labels.shape[1], k=1)
    present = labels.sum(axis=2)
    n_both = np.einsum("u,ur,us->rs", counts, present, present)[first, second]
    n_equal = np.einsum("u,url,usl->rs", counts, labels, labels)[first, second]
    with np.errstate(invalid="ignore"):
        return n_equal / n_both, n_both
