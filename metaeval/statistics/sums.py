"""Sums over items, ratios and means of them."""

from __future__ import annotations

import numpy as np

from metaeval.core import Bools, Codes, Floats, MetaevalError
from metaeval.tables import Pairs, Responses


def only_label(table: Responses | Pairs) -> Floats:
    """Return the label of a table with one label column: (row,)."""
    if table.labels.shape[1] != 1:
        raise MetaevalError(
            f"A statistic needs exactly one label column, got {table.labels.shape[1]}."
        )
    return table.labels.iloc[:, 0].to_numpy()


def sum_by(values: Floats, codes: Codes, size: int) -> Floats:
    """Sum the rows of `values` (row, ...) with the same code: (size, ...).

    Returns `values` itself, not a copy, if row k has code k.
    """
    if len(codes) == size and values.dtype == float and (codes == np.arange(size)).all():
        return values
    if (np.diff(codes) < 0).any():
        order = np.argsort(codes, kind="stable")
        values, codes = values[order], codes[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    sums = np.zeros((size, *values.shape[1:]))
    sums[codes[starts]] = np.add.reduceat(values, starts, axis=0)
    return sums


def ratio(sums: Floats) -> Floats:
    """First column over the second; NaN where the second is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[..., 0] / sums[..., 1]


def share_of_estimate(terms: Floats) -> Floats:
    """Contributions of items to a ratio with a common denominator: (item, scorer)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(terms[..., 0] / terms[..., 1].sum(axis=0))


def mean_terms(values: Floats, defined: Bools) -> Floats:
    """Terms of a mean over items: value and 1, or 0 and 0 if undefined: (item, scorer, 2)."""
    included = np.broadcast_to(defined[:, None], values.shape)
    return np.stack([np.where(included, values, 0.0), included.astype(float)], axis=-1)
