"""Ids combined from two columns: a role mapped to `doc+seg`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from metaeval.readers.cells.numbers_and_ids import id_column
from metaeval.readers.files.frame_origin import origin_of, with_origin
from metaeval.tables import TEXT

PLUS = "+"


def parts_of(column: str, columns: Collection[str]) -> list[str]:
    """Split a name such as `doc+seg` into its columns; return the name itself if it is a column.

    >>> parts_of("doc+seg", ["doc", "seg"]), parts_of("a+b", ["a+b"])
    (['doc', 'seg'], ['a+b'])
    """
    return [column] if column in columns else column.split(PLUS)


def add_combined_ids(
    frame: pd.DataFrame, mapping: Mapping[str, str]
) -> tuple[pd.DataFrame, list[str]]:
    """Add a column for each name that combines others; also return the combined columns."""
    columns, origin = set(map(str, frame)), origin_of(frame)
    combined: dict[str, None] = {}
    for column in mapping.values():
        parts = parts_of(column, columns)
        if len(parts) > 1 and set(parts) <= columns:
            ids = [
                np.asarray(id_column(frame[p], p, text=origin.text), dtype=object) for p in parts
            ]
            frame = frame.assign(**{column: ["/".join(row) for row in zip(*ids, strict=True)]})
            combined |= dict.fromkeys(parts)
    return with_origin(frame, origin), list(combined)


def outer_first(frame: pd.DataFrame, first: str, second: str) -> tuple[str, str]:
    """Return two columns of ids, first the one that changes less often from row to row."""
    texts = frame[[first, second]].astype(TEXT)  # cells may be lists
    changes = {c: int((texts[c] != texts[c].shift()).sum()) for c in (first, second)}
    return (first, second) if changes[first] <= changes[second] else (second, first)
