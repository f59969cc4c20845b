"""Components of a report: sections with texts, tables and figures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)"
_SORTED = re.compile(rf"[<>]?{_NUMBER}%?|{_NUMBER}-\d+|\[{_NUMBER}, \S+\]")


@dataclass(frozen=True)
class Cell:
    """Text of a table cell, and the number by which it is sorted, if any."""

    text: str
    value: float | None


@dataclass(frozen=True)
class Table:
    """A sortable table; a folded one is hidden until it is opened."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False


@dataclass(frozen=True)
class Figure:
    """A figure as SVG for the page, and the bytes of its files by extension."""

    name: str
    caption: str
    svg: str
    files: dict[str, bytes]


@dataclass(frozen=True)
class Section:
    """A section of the page; `notes` list what is not available, with reasons."""

    name: str
    title: str
    texts: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    code: str = ""


def make_table(title: str, frame: pd.DataFrame, *, folded: bool = False) -> Table:
    """Return a DataFrame of texts and numbers as a table."""
    rows = tuple(
        tuple(_cell(value) for value in row) for row in frame.itertuples(index=False, name=None)
    )
    return Table(title, tuple(str(c).replace("_", " ") for c in frame.columns), rows, folded)


def _cell(value: Any) -> Cell:
    if value is None or (isinstance(value, float) and value != value):
        return Cell("", None)
    if isinstance(value, bool):
        return Cell("yes" if value else "no", float(value))
    if isinstance(value, int | float):
        return Cell(f"{value:.4g}", float(value) if math.isfinite(value) else None)
    text = str(value)
    return Cell(text, number_in(text))


def number_in(text: str) -> float | None:
    """Return the number by which a number, interval or range of ranks is sorted; None for names.

    >>> number_in("[.25, .5]"), number_in("<.001"), number_in("12.5%"), number_in("7b-chat")
    (0.25, 0.001, 12.5, None)
    """
    match = _SORTED.fullmatch(text)
    return float(next(group for group in match.groups() if group)) if match else None


def all_figures(sections: Sequence[Section]) -> Iterator[Figure]:
    """Yield the figures of all sections, in order."""
    for section in sections:
        yield from section.figures
