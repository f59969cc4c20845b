"""From responses to pairs: which pairs there are, their margins and their preferences."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import (
    Codes,
    Floats,
    MetaevalError,
    difference,
    listed,
    sign_within,
    typical_decade,
)
from metaeval.tables.base import BaseTable
from metaeval.tables.canonical import group_codes

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
    """All pairs of responses to one item; see `Responses.pairs`.

    `ids` (row,) names the responses; of `correct` labels only pairs that differ are formed.
    """
    groups = group_codes(table.rows, [c for c in ("task", "item", *table.keys) if c in table.rows])
    order = np.lexsort((ids.cat.codes.to_numpy(), groups))
    first, second = pair_positions(groups[order])
    first, second = order[first], order[second]
    if not len(first):
        raise MetaevalError(
            "No item has two responses, so there are no pairs. Statistics that need none: "
            "pearson, spearman, kendall and pairwise_accuracy with grouping='none'."
        )
    labels = pd.DataFrame(
        {
            name: _preference(column, first, second, label_epsilon, exact)
            for name, column in _columns(table.labels)
        },
        index=pd.RangeIndex(len(first)),
    )
    if correct:
        labels = labels.where(labels != 0)
        told_apart = (
            labels.notna().any(axis=1).to_numpy() if labels.shape[1] else np.ones(len(first), bool)
        )
        first, second, labels = first[told_apart], second[told_apart], labels[told_apart]
        if not len(first):
            raise MetaevalError(
                "No item has both a right and a wrong answer, so there are no pairs."
            )
    index = pd.RangeIndex(len(first))
    scores = {n: margins(c, first, second, exact) for n, c in _columns(table.scores)}
    return PairFrames(
        _pair_rows(table, ids, first, second),
        pd.DataFrame(scores, index=index),
        labels.set_axis(index),
    )


def _columns(frame: pd.DataFrame) -> list[tuple[str, Floats]]:
    return [(str(name), frame[name].to_numpy()) for name in frame]


def _preference(values: Floats, first: Codes, second: Codes, epsilon: float, exact: bool) -> Floats:
    gap = margins(values, first, second, exact)
    return sign_within(gap, epsilon)


def _pair_rows(table: BaseTable, ids: pd.Series, first: Codes, second: Codes) -> pd.DataFrame:
    """Ids of each pair; numbers become differences, other columns come once for each side."""
    columns = {}
    for name in table.rows:
        column = table.rows[name]
        if name in (*_IDS, *table.keys):
            columns[name] = column.take(first).array
        elif pd.api.types.is_numeric_dtype(column.dtype):
            with np.errstate(invalid="ignore"):  # of two infinite ones
                columns[f"{name}_delta"] = column.take(first).array - column.take(second).array
        elif name != "response":
            columns[f"{name}_first"] = column.take(first).array
            columns[f"{name}_second"] = column.take(second).array
    columns["first"], columns["second"] = ids.take(first).array, ids.take(second).array
    return pd.DataFrame(columns, index=pd.RangeIndex(len(first)))


def join_frames(left: BaseTable, right: BaseTable) -> dict[str, Any]:
    """Fields of the table with both tables' scorers and labels on the union of their pairs."""
    if left.ordered != right.ordered:
        raise MetaevalError("Both tables must be read with the same `ordered`.")
    shared = sorted(set(left.scores) & set(right.scores))
    if shared:
        raise MetaevalError(f"{listed(shared)} is a scorer of both tables; rename or drop one.")
    values = {n for t in (left, right) for n in (*t.scores, *t.labels)}
    twice = sorted(values & {*left.rows, *right.rows})
    if twice:
        raise MetaevalError(
            f"{listed(twice)} is a scorer or a label and a column of rows too; rename one of them."
        )
    names = ("task", "item", "first", "second", "order", *left.keys)
    on = [name for name in names if name in left.rows and name in right.rows]
    both = _wide(left).merge(
        _wide(right), how="outer", on=on, indicator="_side", suffixes=("", "\x00")
    )
    both = both.sort_values(["_place", "_place\x00"], ignore_index=True)
    both = both.drop(columns=["_place", "_place\x00"])
    if not (both["_side"] == "both").any():
        raise MetaevalError(f"The tables share no pair; they were matched by {', '.join(on)}.")
    for name in [str(c).removesuffix("\x00") for c in both if str(c).endswith("\x00")]:
        both[name] = both[name].where(both[name].notna(), both[f"{name}\x00"])
    return {
        "rows": both[list(dict.fromkeys([*left.rows, *right.rows]))],
        "scores": both[[*left.scores, *right.scores]],
        "labels": both[list(dict.fromkeys([*left.labels, *right.labels]))],
        "keys": tuple(dict.fromkeys([*left.keys, *right.keys])),
        "notes": tuple(dict.fromkeys([*left.notes, *right.notes])),
        "warnings": tuple(dict.fromkeys([*left.warnings, *right.warnings])),
    }


def _wide(table: BaseTable) -> pd.DataFrame:
    ids = [c for c in table.rows if isinstance(table.rows[c].dtype, pd.CategoricalDtype)]
    rows = table.rows.assign(**{name: table.rows[name].astype(object) for name in ids})
    rows["_place"] = np.arange(len(rows))
    return pd.concat([rows, table.scores, table.labels], axis=1)
