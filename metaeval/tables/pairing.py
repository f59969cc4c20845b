"""Pairs of responses, their margins and preferences."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import (
    Codes,
    Floats,
    MetaevalError,
    decide_with_threshold,
    difference,
    join_names,
    typical_decade,
)
from metaeval.tables.base import BaseTable
from metaeval.tables.canonical import float_frame, group_codes

_IDS = ("task", "item", "cluster")


class PairFrames(NamedTuple):
    """Rows, margins and preferences of pairs, on one index."""

    rows: pd.DataFrame
    scores: pd.DataFrame
    labels: pd.DataFrame


def pair_positions(groups: Codes) -> tuple[Codes, Codes]:
    """Positions of both members of every pair within a group: two arrays of shape (pair,).

    `groups` (row,) is sorted. Pairs come group by group, in the order (0, 1), (0, 2), (1, 2)...

    >>> pair_positions(np.array([0, 0, 0, 1, 1]))
    (array([0, 0, 1, 3]), array([1, 2, 2, 4]))
    """
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    sizes = np.diff(np.r_[starts, len(groups)])
    later = np.arange(len(groups)) - np.repeat(starts, sizes)
    partners = np.repeat(sizes, sizes) - 1 - later
    first = np.repeat(np.arange(len(groups)), partners)
    offset = np.arange(len(first)) - np.repeat(np.cumsum(partners) - partners, partners)
    return first, first + 1 + offset


def margins(values: Floats, first: Codes, second: Codes, exact: bool = False) -> Floats:
    """Differences of one column between the members of each pair, rounded unless exact: (pair,)."""
    if exact:
        return np.asarray(values[first] - values[second])
    return difference(values[first], values[second], typical_decade(values))


def form_pairs(
    table: BaseTable, ids: pd.Series, *, correct: bool, label_epsilon: float, exact: bool
) -> PairFrames:
    """All pairs of responses to the same item; see `Responses.pairs`.

    `ids` (row,) identifies the responses; for `correct` labels only pairs that differ are formed.
    """
    groups = group_codes(table.rows, [c for c in ("task", "item", *table.keys) if c in table.rows])
    order = np.lexsort((ids.cat.codes.to_numpy(), groups))
    first, second = pair_positions(groups[order])
    first, second = order[first], order[second]
    if not len(first):
        raise MetaevalError(
            "No item has two responses, so no pairs can be formed. Statistics that need no pairs "
            "within items: pearson, spearman, kendall and pairwise_accuracy with grouping='none'."
        )
    labels = float_frame(
        {
            name: _preference(column, first, second, label_epsilon, exact)
            for name, column in _columns(table.labels)
        },
        pd.RangeIndex(len(first)),
    )
    if correct:
        labels = labels.where(labels != 0)
        differ = (
            labels.notna().any(axis=1).to_numpy() if labels.shape[1] else np.ones(len(first), bool)
        )
        first, second, labels = first[differ], second[differ], labels[differ]
        if not len(first):
            raise MetaevalError(
                "No item has both a right and a wrong answer, so no pairs can be formed."
            )
    index = pd.RangeIndex(len(first))
    scores = {n: margins(c, first, second, exact) for n, c in _columns(table.scores)}
    return PairFrames(
        _pair_rows(table, ids, first, second),
        float_frame(scores, index),
        labels.set_axis(index),
    )


def _columns(frame: pd.DataFrame) -> list[tuple[str, Floats]]:
    return [(str(name), frame[name].to_numpy()) for name in frame]


def _preference(values: Floats, first: Codes, second: Codes, epsilon: float, exact: bool) -> Floats:
    gap = margins(values, first, second, exact)
    return decide_with_threshold(gap, epsilon)


def _pair_rows(table: BaseTable, ids: pd.Series, first: Codes, second: Codes) -> pd.DataFrame:
    """Ids of each pair; numbers become differences, other columns get one column per side."""
    columns = {}
    for name in table.rows:
        column = table.rows[name]
        if name in (*_IDS, *table.keys):
            columns[name] = column.take(first).array
        elif pd.api.types.is_numeric_dtype(column.dtype):
            with np.errstate(invalid="ignore"):  # inf - inf
                columns[f"{name}_delta"] = column.take(first).array - column.take(second).array
        elif name != "response":
            columns[f"{name}_first"] = column.take(first).array
            columns[f"{name}_second"] = column.take(second).array
    columns["first"], columns["second"] = ids.take(first).array, ids.take(second).array
    return pd.DataFrame(columns, index=pd.RangeIndex(len(first)))


def join_frames(left: BaseTable, right: BaseTable) -> dict[str, Any]:
    """Fields of a table with the scorers and labels of both on the union of their pairs."""
    if left.ordered != right.ordered:
        raise MetaevalError(
            f"Both tables must have the same value of `ordered`, got {left.ordered} and "
            f"{right.ordered}."
        )
    shared = sorted(set(left.scores) & set(right.scores))
    if shared:
        raise MetaevalError(
            f"Both tables contain scorers with the same name: {join_names(shared)}; rename or drop "
            "them in one of the tables."
        )
    values = {n for t in (left, right) for n in (*t.scores, *t.labels)}
    ambiguous = sorted(values & {*left.rows, *right.rows})
    if ambiguous:
        raise MetaevalError(
            f"{join_names(ambiguous)} is a scorer or label and also a column of rows; "
            "rename one of them."
        )
    names = ("task", "item", "first", "second", "order", *left.keys)
    on = [name for name in names if name in left.rows and name in right.rows]
    merged = _wide(left).merge(
        _wide(right), how="outer", on=on, indicator="_side", suffixes=("", "\x00")
    )
    merged = merged.sort_values(["_place", "_place\x00"], ignore_index=True)
    merged = merged.drop(columns=["_place", "_place\x00"])
    if not (merged["_side"] == "both").any():
        raise MetaevalError(
            f"The tables have no pair in common; they were matched by {', '.join(on)}."
        )
    for name in [str(c).removesuffix("\x00") for c in merged if str(c).endswith("\x00")]:
        merged[name] = merged[name].where(merged[name].notna(), merged[f"{name}\x00"])
    return {
        "rows": merged[list(dict.fromkeys([*left.rows, *right.rows]))],
        "scores": merged[[*left.scores, *right.scores]],
        "labels": merged[list(dict.fromkeys([*left.labels, *right.labels]))],
        "keys": tuple(dict.fromkeys([*left.keys, *right.keys])),
        "notes": tuple(dict.fromkeys([*left.notes, *right.notes])),
        "warnings": tuple(dict.fromkeys([*left.warnings, *right.warnings])),
    }


def _wide(table: BaseTable) -> pd.DataFrame:
    ids = [c for c in table.rows if isinstance(table.rows[c].dtype, pd.CategoricalDtype)]
    rows = table.rows.assign(**{name: table.rows[name].astype(object) for name in ids})
    rows["_place"] = np.arange(len(rows))
    return pd.concat([rows, table.scores, table.labels], axis=1)
