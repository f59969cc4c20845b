"""Tables made from a valid table, of which only what changes is checked."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from metaeval.core import Bools
from metaeval.tables import aligned_values, canonical

if TYPE_CHECKING:
    from metaeval.tables.base import BaseTable

_T = TypeVar("_T", bound="BaseTable")
_INHERITED = (  # by the pairs of responses
    *("keys", "average_raters", "shared_items", "sharing_assumed", "missing", "notes", "warnings"),
)
_OF_ROWS = ("item_codes", "item_index")  # cached properties that depend on the rows only


def with_fields(table: _T, changes: Mapping[str, Any]) -> _T:
    """A copy with changed fields, without any check, and without cached properties."""
    changed = copy.copy(table)
    fields = {field.name: getattr(table, field.name) for field in dataclasses.fields(table)}
    changed.__dict__.clear()
    changed.__dict__.update({**fields, **changes})
    return changed


def on_same_rows(table: _T, changes: Mapping[str, Any]) -> _T:
    """The table with other columns or options; its rows are not checked again."""
    changed = with_fields(table, changes)
    cached = table.__dict__
    changed.__dict__.update({name: cached[name] for name in _OF_ROWS if name in cached})
    if cached.get("canonical") is table and table._has_response_ids:
        changed.__dict__["canonical"] = changed
    changed._check_options()
    for name in sorted({"scores", "labels"} & set(changes)):
        frame = canonical.numbers(changes[name], what=name).set_axis(table.rows.index)
        changed.__dict__[name] = frame.sort_index(axis=1)
    canonical.require_distinct(changed.scores, changed.labels)
    changed._check_labels()
    return changed


def on_some_rows(table: _T, keep: Bools) -> _T:
    """The table with the rows where `keep` (row,) is true, which need no check."""
    kept = with_fields(table, {})
    _set_frames(kept, *(getattr(table, name)[keep] for name in ("rows", "scores", "labels")))
    if table.__dict__.get("canonical") is table:
        kept.__dict__["canonical"] = kept
    return kept


def of_valid_frames(
    kind: type[_T],
    source: BaseTable,
    rows: pd.DataFrame,
    scores: pd.DataFrame,
    labels: pd.DataFrame,
    label_epsilon: float,
) -> _T:
    """A table of frames made from those of a valid table `source`, which need no check."""
    table = object.__new__(kind)
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    inherited = {name: getattr(source, name) for name in _INHERITED}
    table.__dict__.update({**defaults, **inherited, "label_epsilon": label_epsilon})
    _set_frames(table, rows, scores, labels)
    return table


def _set_frames(
    table: BaseTable, rows: pd.DataFrame, scores: pd.DataFrame, labels: pd.DataFrame
) -> None:
    """Set the frames, with only the ids that occur as categories, and their common index."""
    ids = [name for name in dict.fromkeys(table._id_columns()) if name in rows]
    rows = rows.assign(**{name: canonical.ids_as_text(rows[name], name) for name in ids})
    index = aligned_values.row_index(len(rows), table._identifying(rows, scores, labels))
    frames = {"rows": rows, "scores": scores, "labels": labels}
    table.__dict__.update({name: frame.set_axis(index) for name, frame in frames.items()})
