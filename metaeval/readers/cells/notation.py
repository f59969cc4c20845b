"""From columns of numbers, as people and programs write them, to plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from metaeval.core import check_one_of
from metaeval.readers.cells.column_notation import (
    all_dotted,
    cell_text,
    cut_text,
    holds_numbers,
    needs_notation,
    notation_of,
    proven_marks,
    single_mark,
    texts_of,
)
from metaeval.readers.cells.notation_patterns import NOTHING, PERCENT, RATIOS, Notation
from metaeval.readers.cells.unread_cells import contradicted_mark_message, why_unread


@dataclass(frozen=True)
class ConvertedColumns:
    """Columns of a file whose numbers were not all in plain notation, such as 0.5.

    Parameters
    ----------
    frame : DataFrame
        The data with these columns as numbers.
    notes : tuple of str
        The notation of each column that was converted.
    unread : dict
        The reason for each column that looks numeric but cannot be read.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    unread: dict[str, str]


def declare_mark(name: str, mark: str) -> str:
    """Return what to type to declare the decimal mark, of all columns or of one of them."""
    return f"decimal={mark!r} (--decimal {mark})"


def check_decimal(decimal: Any) -> None:
    """Raise unless a decimal mark, or each mark of a mapping of columns, is a point or a comma."""
    if not isinstance(decimal, Mapping):
        check_one_of("decimal", decimal, (None, ".", ","))
        return
    for name, mark in decimal.items():
        check_one_of(f"decimal of {name!r}", mark, (".", ","))


def read_notations(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    source: str,
    decimal: Mapping[str, str] | None = None,
    declare: Callable[[str, str], str] = declare_mark,
) -> ConvertedColumns:
    """Convert columns of texts that are numbers in some notation to numbers.

    Parameters
    ----------
    frame : DataFrame
        A table as read.
    columns : sequence of str
        Columns that may contain numbers; ids are not among them.
    source : str
        Name of the file in messages.
    decimal : mapping of columns to {".", ","}, optional
        The declared decimal marks; other columns are inferred from their own cells, or from those
        of all columns.
    declare : callable
        Function from a column and a mark to what a message tells the user to type.
    """
    cells = {name: texts for name in columns if (texts := texts_of(frame[name]))}
    proofs = {name: proven_marks(texts) for name, texts in cells.items()}
    everywhere = single_mark(set().union(*proofs.values()))
    converted, notes, unread = {}, [], {}
    for name, texts in cells.items():
        declared = (decimal or {}).get(name)
        mark = declared or (single_mark(proofs[name]) if proofs[name] else everywhere)
        if not any(map(needs_notation, texts)) and not all_dotted(texts):
            continue
        notation = notation_of(texts, mark, declared is not None)
        if notation in (PERCENT, *RATIOS) and holds_numbers(frame[name]):
            notation = None
        if declared and proofs[name] - {declared}:
            unread[name] = contradicted_mark_message(texts, declared, partial(declare, name))
        elif notation is not None:
            converted[name] = _convert(frame[name], notation)
            notes.append(f"{source}: the cells of {name} contain {notation.name}")
        elif message := why_unread(texts, mark, declared, partial(declare, name)):
            unread[name] = message
    if not converted:
        return ConvertedColumns(frame, (), unread)
    attrs = frame.attrs
    frame = frame.assign(**converted)
    frame.attrs = attrs
    return ConvertedColumns(frame, tuple(notes), unread)


def _convert(column: pd.Series, notation: Notation) -> pd.Series:
    values = column.astype(object).map(lambda cell: _value(cell, notation), na_action="ignore")
    return pd.Series(values, index=column.index, name=column.name, dtype=object)


def _value(cell: Any, notation: Notation) -> Any:
    text = cell_text(cell)
    if not isinstance(text, str):
        return cell
    text = cut_text(text)
    if NOTHING.fullmatch(text):
        return None
    match = notation.pattern.fullmatch(text)
    return notation.value(match) if match else cell
