"""Policies for groups in which a statistic is undefined, and size limits."""

from __future__ import annotations

from typing import Literal

import numpy as np

from metaeval.core import Bools, Floats, MetaevalError, UndefinedError
from metaeval.tables import Responses

Degenerate = Literal["drop", "zero", "error"]

MAX_ROWS = 20_000
"""Largest number of rows of which all pairs are compared: 2e8 pairs per scorer."""

MAX_RESAMPLED_ITEMS = 5_000
"""Largest number of items for which pairs across items are recounted in each replicate."""

DEGENERATE = ("drop", "zero", "error")


def apply_degenerate_policy(
    values: Floats, degenerate: str, scorers: list[str], statistic: str
) -> Floats:
    """Apply the policy for degenerate groups to values (group, scorer).

    `drop` drops a group for all scorers if it is undefined for one of them.
    """
    undefined = np.isnan(values)
    if not undefined.any():
        return values
    worst = scorers[int(undefined.sum(axis=0).argmax())]
    if degenerate == "error":
        raise MetaevalError(
            f"{statistic} is undefined in {int(undefined.any(axis=1).sum())} groups with constant "
            f"scores or labels, most often for {worst!r}; use degenerate='drop' or "
            "degenerate='zero'."
        )
    if degenerate == "zero":
        return np.where(undefined, 0.0, values)
    dropped = np.asarray(undefined.any(axis=1))
    if dropped.all():
        raise UndefinedError(
            f"{statistic} is not defined for all scorers in any of the {len(values)} groups: "
            f"{worst!r} is constant in {int(undefined[:, scorers.index(worst)].sum())} of them. "
            "Exclude it (scorers=), or use degenerate='zero'."
        )
    return np.where(dropped[:, None], np.nan, values)


def nanmean_groups(values: Floats, degenerate: str, present: Bools) -> Floats:
    """Mean over groups (..., scorer, group), the same groups for all scorers: (..., scorer).

    Groups that are not `present` (..., scorer or 1, group) in a replicate are excluded. A group
    that is present but undefined for one scorer is excluded for all, or 0.
    """
    if degenerate == "zero":
        values = np.where(present, np.nan_to_num(values), np.nan)
    defined = ~np.isnan(values).any(axis=-2, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(defined, values, 0).sum(axis=-1) / defined.sum(axis=-1))


def items_with_pairs(table: Responses) -> Bools:
    """Return which items have at least two responses: (item,)."""
    return np.bincount(table.item_codes, minlength=table.n_items) >= 2


def require_grouping_size(table: Responses, grouping: str) -> None:
    """Raise an error if there are too many rows to compare all pairs."""
    if len(table) > MAX_ROWS:
        raise MetaevalError(
            f"grouping={grouping!r} compares all pairs of rows and is limited to {MAX_ROWS} rows; "
            f"the table has {len(table)}. Use grouping='item', by='task', or fewer items."
        )
