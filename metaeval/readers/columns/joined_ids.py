"""Ids combined from two columns: a role mapped to `doc+seg`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from metaeval.readers.cells.numbers_and_ids import id_column
from metaeval.tables import TEXT

PLUS = "+"


def parts_of(column: str, known: Collection[str]) -> list[str]:
    """Split a name such as `doc+seg` into its columns; return the name itself if it is a column.

    >>> parts_of("doc+seg", ["doc", "seg"]), parts_of("a+b", ["a+b"])
    (['doc', 'seg'], ['a+b'])
    """
    return [column] if column in known else column.split(PLUS)


def with_joined(frame: pd.DataFrame, mapping: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """Add a column for each name that combines others; also return the combined columns."""
    known, attrs = set(map(str, frame)), frame.attrs
    used: dict[str, None] = {}
    for column in mapping.values():
        parts = parts_of(column, known)
        if len(parts) > 1 and set(parts) <= known:
            text = bool(attrs.get("text"))
            ids = [np.asarray(id_column(frame[p], p, text=text), dtype=object) for p in parts]
            frame = frame.assign(**{column: ["/".join(row) for row in zip(*ids, strict=True)]})
            used |= dict.fromkeys(parts)
    frame.attrs = attrs
    return frame, list(used)


def outer_first(frame: pd.DataFrame, one: str, other: str) -> tuple[str, str]:
    """Return two columns of ids, first the one that changes less often from row to row."""
    texts = frame[[one, other]].astype(TEXT)  # cells may be lists
    changes = {c: int((texts[c] != texts[c].shift()).sum()) for c in (one, other)}
    return (one, other) if changes[one] <= changes[other] else (other, one)
