"""Columns that number the rows of a file: pandas writes one where nobody asks it to."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from metaeval.readers.aliases import is_known_name
from metaeval.readers.values import as_numbers

_NAMELESS = re.compile(r"Unnamed: \d+(_level_\d+)?")
_INDEX = ("index", "level_0")
_ENOUGH_ROWS = 20  # fewer numbers may count up by chance


def without_row_numbers(
    frame: pd.DataFrame, taken: Collection[str], source: str
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Return a frame without columns that number its rows, with notes, and with warnings.

    Columns without a name go, and columns called index that hold row numbers; any column that
    counts the rows in the order of the file does too. Columns that the user named stay.
    """
    notes, warnings, left = [], [], []
    for name in [str(c) for c in frame if c not in taken]:
        nameless = _NAMELESS.fullmatch(name) is not None
        if nameless or name in _INDEX:
            numbers_rows = _are_row_numbers(frame[name], in_order=False)
        else:
            numbers_rows = (
                len(frame) >= _ENOUGH_ROWS
                and not is_known_name(name)
                and _are_row_numbers(frame[name], in_order=True)
            )
        if numbers_rows or nameless:
            left.append(name)
        if numbers_rows:
            notes.append(f"{source}: {name!r} is left out, it numbers the rows")
        elif nameless and (frame[name].notna() & (frame[name].astype(str) != "")).any():
            warnings.append(
                f"{source}: a column without a name is left out, such as "
                f"{str(frame[name].iloc[0])!r:.40}; if it holds ids, map it: --map item={name!r}"
            )
    attrs = frame.attrs
    frame = frame.drop(columns=left) if left else frame
    frame.attrs = attrs
    return frame, notes, warnings


def _are_row_numbers(column: pd.Series, *, in_order: bool) -> bool:
    """Whether a column holds different whole numbers, or counts from 0 or 1 in order."""
    values, bad = as_numbers(column)
    if bad.any() or not len(values) or not np.isfinite(values).all():
        return False
    if in_order:
        return values[0] in (0, 1) and bool((np.diff(values) == 1).all())
    whole = bool((values == np.round(values)).all() and values.min() >= 0)
    return whole and len(np.unique(values)) == len(values)
