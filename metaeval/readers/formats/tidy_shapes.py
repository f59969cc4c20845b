"""Records of a tidy table before reshaping: turns of a question, scorers given as lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import join_names
from metaeval.readers.cells.numbers_and_ids import id_column
from metaeval.readers.columns.roles import Resolved
from metaeval.readers.files.frame_origin import origin_of

_IDS = ("task", "item", "cluster", "system", "response", "first", "second")


def ids_in(frame: pd.DataFrame) -> list[str]:
    """Return the columns of ids in a frame."""
    return [name for name in _IDS if name in frame]


def reshape_records(resolved: Resolved, keys: Sequence[str]) -> tuple[Resolved, list[str]]:
    """Convert turns to items and lists of scorers to names; return the table and notes."""
    frame, turn_notes = split_turns(resolved.frame, resolved.role_columns, keys)
    frame, scorer_notes = scorers_from_lists(frame, [*ids_in(frame), *keys])
    return replace(resolved, frame=frame), [*turn_notes, *scorer_notes]


def scorers_from_lists(frame: pd.DataFrame, ids: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Convert scorers given as lists, such as a model and its prompt, to names.

    The first element is the name if it distinguishes the scores of a row as well as the list does.
    """
    if "scorer" not in frame or frame["scorer"].dtype != object:
        return frame, []
    lists = frame["scorer"].map(lambda v: isinstance(v, list | tuple | np.ndarray) and len(v) > 0)
    if not lists.any():
        return frame, []
    joined = frame["scorer"].map(_joined)
    first = frame["scorer"].where(~lists, frame["scorer"][lists].map(lambda v: str(v[0])))
    keys = pd.DataFrame(
        {c: id_column(frame[c], c, null=True) for c in ids if c in frame}, index=frame.index
    )
    names = first if _as_unique(keys, first, joined) else joined
    attrs = frame.attrs
    frame = frame.assign(scorer=names)
    frame.attrs = attrs
    rest = [] if names is joined else sorted(set(map(str, joined)) - set(map(str, first)))
    note = f"; the rest of each list was dropped ({join_names(rest, 5)})" if rest else ""
    listing = join_names(sorted(set(map(str, names))), 5)
    return frame, [f"{origin_of(frame).source}: scorers given as lists were named {listing}{note}"]


def _as_unique(keys: pd.DataFrame, first: pd.Series, joined: pd.Series) -> bool:
    n_first, n_joined = (
        int(keys.assign(scorer=s.map(str)).duplicated().sum()) for s in (first, joined)
    )
    return n_first == n_joined


def _joined(value: Any) -> Any:
    return "/".join(map(str, value)) if isinstance(value, list | tuple | np.ndarray) else value


def split_turns(
    frame: pd.DataFrame, role_columns: Mapping[str, str], keys: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Split items with several turns into an item per turn, with the question as cluster."""
    if "turn" not in frame or "turn" in (*role_columns.values(), *role_columns, *keys):
        return frame, []
    text = origin_of(frame).text
    item = np.asarray(id_column(frame["item"], "item", text=text), dtype=object)
    turn = np.asarray(id_column(frame["turn"], "turn", text=text, null=True), dtype=object)
    if not (pd.Series(turn).groupby(item).nunique() > 1).any():
        return frame, []
    attrs = frame.attrs
    cluster = {} if "cluster" in frame else {"cluster": item}
    frame = frame.assign(item=[f"{i}/{t}" for i, t in zip(item, turn, strict=True)], **cluster)
    frame = frame.drop(columns="turn")
    frame.attrs = attrs
    return frame, [
        f"{origin_of(frame).source}: each turn is an item, and each question is a cluster of turns"
    ]
