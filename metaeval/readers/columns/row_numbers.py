"""Columns that number the rows of a file, such as the index that pandas writes."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from metaeval.readers.cells.numbers_and_ids import as_numbers
from metaeval.readers.columns.aliases import column_hint, is_known_name
from metaeval.tables import TEXT

_NAMELESS = re.compile(r"Unnamed: \d+(_level_\d+)?")
_INDEX = ("index", "level_0")
_ENOUGH_ROWS = 20  # in fewer rows, distinct or increasing whole numbers may be scores


def drop_row_numbers(
    frame: pd.DataFrame, reserved: Collection[str], source: str
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Drop columns that number the rows; return the frame, notes and warnings.

    Dropped are columns without a name, columns called index that are row numbers, and any column
    that counts the rows. Columns that the user named are kept.
    """
    notes, warnings, row_numbers = [], [], []
    for name in [str(c) for c in frame if c not in reserved]:
        reason = _reason(frame[name], name)
        if reason:
            row_numbers.append(name)
        if reason == "numbers":
            notes.append(f"{source}: {name!r} excluded: it numbers the rows")
        elif reason == "in some order":
            warnings.append(
                f"{source}: {name} excluded: it contains each whole number up to {len(frame)} "
                "exactly once, like row numbers; if it is a scorer, list it in scorers= "
                "(--scorers)"
            )
        elif reason == "rising":
            warnings.append(
                f"{source}: {name} excluded: its whole numbers increase from row to row, like row "
                "numbers or timestamps; if it is a scorer, list it in scorers= (--scorers)"
            )
        elif reason == "nameless" and _has_values(frame[name]):
            warnings.append(
                f"{source}: excluded a column without a name (first cell "
                f"{str(frame[name].iloc[0])!r:.40}); if it contains the ids of the items, use "
                f"{column_hint(item=name)}"
            )
    attrs = frame.attrs
    frame = frame.drop(columns=row_numbers) if row_numbers else frame
    frame.attrs = attrs
    return frame, notes, warnings


def _reason(column: pd.Series, name: str) -> str:
    """Return why a column is excluded; "" if it is not."""
    nameless = _NAMELESS.fullmatch(name) is not None
    if not nameless and name not in _INDEX:
        if len(column) < _ENOUGH_ROWS or is_known_name(name) or not _are_different(column):
            return ""
        steps = np.diff(as_numbers(column)[0])
        if not _are_consecutive(column):
            return "rising" if (steps > 0).all() else ""
        return "numbers" if (steps == 1).all() else "in some order"
    if _are_different(column):
        return "numbers"
    return "nameless" if nameless else ""


def _has_values(column: pd.Series) -> bool:
    return bool((column.notna() & (column.astype(TEXT) != "")).any())


def _are_consecutive(column: pd.Series) -> bool:
    """Return whether distinct whole numbers are consecutive from 0, 1 or 2, in any order."""
    values = as_numbers(column)[0]
    return bool(values.min() in (0, 1, 2) and values.max() - values.min() == len(values) - 1)


def _are_different(column: pd.Series) -> bool:
    """Return whether a column contains distinct whole numbers."""
    values, bad = as_numbers(column)
    if bad.any() or not len(values) or not np.isfinite(values).all():
        return False
    are_indices = bool((values == np.round(values)).all() and values.min() >= 0)
    return are_indices and len(np.unique(values)) == len(values)


def find_item_column(frame: pd.DataFrame, roles: Collection[str]) -> str | None:
    """Return the column whose values several systems share, if each row has a different item.

    Files often number their rows (`id`) beside the ids of the prompts (`prompt`).
    """
    n = len(frame)
    if n < _FEWEST or not {"item", "system"} <= set(frame):
        return None
    if any(map(_is_nested, (frame["item"], frame["system"]))) or frame["item"].nunique() < n:
        return None
    if not 2 <= frame["system"].nunique() <= n / 2:
        return None
    shared = (str(c) for c in frame if str(c) not in roles and _is_shared(frame, str(c)))
    return next(shared, None)


_FEWEST = 6  # rows; with fewer, a rating may look like the id of an item
_MOST_UNSHARED = 0.2  # proportion of ids that only one system may have, as some answers are missing


def _is_nested(column: pd.Series) -> bool:
    nested = (list, dict, set, np.ndarray)
    return column.dtype == object and any(isinstance(v, nested) for v in column)


def _is_shared(frame: pd.DataFrame, name: str) -> bool:
    """Return whether most values of a column occur once for each of several systems."""
    column = frame[name]
    if column.isna().any() or _is_nested(column):
        return False
    values, bad = as_numbers(column)
    if not bad.any() and not (values == np.round(values)).all():
        return False
    if pd.DataFrame({"id": column, "system": frame["system"]}).duplicated().any():
        return False
    counts = column.value_counts()
    return len(counts) > 2 and bool((counts == 1).mean() <= _MOST_UNSHARED)
