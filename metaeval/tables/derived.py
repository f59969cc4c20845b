"""Tables made from a valid table, of which only what changes is checked."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from metaeval.core import Bools
from metaeval.tables import aligned_values, canonical

if TYPE_CHECKING:
    from metaeval.tables.base import BaseTable

_T = TypeVar("_T", bound="BaseTable")
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
    rows = table.rows[keep]
    ids = [name for name in dict.fromkeys(table._id_columns()) if name in rows]
    rows = rows.assign(**{name: canonical.ids_as_text(rows[name], name) for name in ids})
    frames = {"rows": rows, "scores": table.scores[keep], "labels": table.labels[keep]}
    index = aligned_values.row_index(len(rows), table._identifying(*frames.values()))
    kept = with_fields(table, {name: frame.set_axis(index) for name, frame in frames.items()})
    if table.__dict__.get("canonical") is table:
        kept.__dict__["canonical"] = kept
    return kept
