"""Distinct patterns of labels and their numbers of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from metaeval.core import Bools, Codes, Floats

_MAX_CODE = 2**62  # patterns are coded as integers if these fit in 64 bits
_MIN_PATTERNS = 64  # padding, so that fewer shapes are compiled


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """Distinct patterns of labels, padded with patterns of count 0.

    `labels` (pattern, rater, label) is 1 for the label of a rater; `counts` (pattern,); `of_row`
    (row,) is the pattern and `units` (row,) the unit of each row; `by_unit` (unit, pattern) are
    sparse counts of rows. With ranges of covariates, all ranges have the same number of patterns,
    ordered by range.
    """

    labels: Floats
    counts: Floats
    of_row: Codes
    by_unit: Any
    units: Codes
    n_ranges: int = 1

    def by_range(self, values: Floats) -> Floats:
        """Reshape values (pattern, ...) to (range, pattern, ...)."""
        return values.reshape(self.n_ranges, -1, *values.shape[1:])


def find_patterns(
    codes: Codes, n_labels: int, units: Codes, n_units: int, ranges: Codes | None = None
) -> Patterns:
    """Return the patterns of codes (row, rater): 0, 1, ..., or -1 for a missing label.

    `ranges` (row,) are nonempty ranges of covariates, numbered from 0.
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
    """Return distinct rows, the index of each row among them, and their counts."""
    if (n_labels + 1.0) ** codes.shape[1] < _MAX_CODE:
        number = (codes + 1) @ (n_labels + 1) ** np.arange(codes.shape[1], dtype=np.int64)[::-1]
        _, first, of_row, counts = np.unique(
            number, return_index=True, return_inverse=True, return_counts=True
        )
        return codes[first], of_row, counts
    return np.unique(codes, axis=0, return_inverse=True, return_counts=True)


def canonical_orientation(signs: Floats) -> Bools:
    """Return rows to swap so that the first nonzero sign is positive: (row,).

    `signs` (row, column) may be missing.
    """
    nonzero = np.nan_to_num(signs) != 0
    leading = nonzero.argmax(axis=1)
    return np.asarray(nonzero.any(axis=1) & (signs[np.arange(len(signs)), leading] < 0))


def pairwise_agreement(labels: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Return the proportion of equal labels of any two raters, and their rows: (pair,) each."""
    first, second = np.triu_indices(labels.shape[1], k=1)
    present = labels.sum(axis=2)
    n_both = np.einsum("u,ur,us->rs", counts, present, present)[first, second]
    n_equal = np.einsum("u,url,usl->rs", counts, labels, labels)[first, second]
    with np.errstate(invalid="ignore"):
        return n_equal / n_both, n_both
