"""Groups of rows in which a statistic is undefined, and which groups are too large."""

from __future__ import annotations

from typing import Literal

import numpy as np

from metaeval.core import Bools, Floats, MetaevalError, UndefinedError
from metaeval.tables import Responses

Degenerate = Literal["drop", "zero", "error"]

MAX_ROWS = 20_000
"""Rows that are compared with all others: 2e8 pairs for each scorer."""

MAX_RESAMPLED_ITEMS = 5_000
"""Items whose pairs across items are counted again in each replicate."""

DEGENERATE = ("drop", "zero", "error")


def apply_degenerate_policy(
    values: Floats, degenerate: str, scorers: list[str], what: str
) -> Floats:
    """Values (group, scorer) with undefined ones settled by the policy for degenerate groups.

    `drop` leaves a group out for all scorers if it is undefined for one of them.
    """
    undefined = np.isnan(values)
    if not undefined.any():
        return values
    worst = scorers[int(undefined.sum(axis=0).argmax())]
    if degenerate == "error":
        raise MetaevalError(
            f"{what} is undefined in {int(undefined.any(axis=1).sum())} groups (constant scores or "
            f"labels), most of them for {worst!r}; use degenerate='drop' or degenerate='zero'."
        )
    if degenerate == "zero":
        return np.where(undefined, 0.0, values)
    lost = np.asarray(undefined.any(axis=1))
    if lost.all():
        raise UndefinedError(
            f"{what} is defined for all scorers in no group: {worst!r} is constant in "
            f"{int(undefined[:, scorers.index(worst)].sum())} of {len(values)}. Leave it out "
            "(scorers=), or use degenerate='zero'."
        )
    return np.where(lost[:, None], np.nan, values)


def nanmean_groups(values: Floats, degenerate: str, present: Bools) -> Floats:
    """Mean over groups (..., scorer, group), the same groups for all scorers: (..., scorer).

    Groups that are not `present` (..., scorer or 1, group) in a replicate are left out. Those
    that it leaves undefined for one scorer are left out for all, or are 0.
    """
    if degenerate == "zero":
        values = np.where(present, np.nan_to_num(values), np.nan)
    defined = ~np.isnan(values).any(axis=-2, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(defined, values, 0).sum(axis=-1) / defined.sum(axis=-1))


def of_two(table: Responses) -> Bools:
    """Items with at least two responses: (item,)."""
    return np.bincount(table.item_codes, minlength=table.n_items) >= 2


def require_grouping_size(table: Responses, grouping: str) -> None:
    """Refuse pairs across items where there are too many rows."""
    if len(table) > MAX_ROWS:
        raise MetaevalError(
            f"grouping={grouping!r} compares all rows with all others; {len(table)} rows are more "
            f"than {MAX_ROWS}. Use grouping='item', report by task (by='task'), or select fewer "
            "items."
        )
