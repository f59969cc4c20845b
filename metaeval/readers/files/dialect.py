"""The dialect of a text table: delimiter, line ends, quotes, header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from metaeval.core import MetaevalError, join_names
from metaeval.readers.files.content_type import extension

MARKS = (",", "\t", ";", "|")
BLANKS = " "
LONGEST_NAME = 1000  # characters; longer names are rows of text that were taken for a header
_LINES = 50  # lines that vote on the delimiter; few, as each delimiter parses them again


@dataclass(frozen=True)
class Dialect:
    r"""The dialect of a text table.

    Parameters
    ----------
    delimiter : str
        One of MARKS, or BLANKS for any run of spaces and tabs.
    line_end : {"\n", "\r"}
        End of a line.
    declared : bool
        Whether the first line declares the delimiter, as `sep=;`, which may then be any.
    """

    delimiter: str
    line_end: str = "\n"
    declared: bool = False


def dialect_of(path: Path, head: str) -> Dialect:
    """Infer the dialect of the table that starts with `head`.

    The delimiter is the one that splits the header into several cells and most lines into as many;
    if there is none, spaces are tried.
    """
    line_end = "\r" if "\n" not in head and "\r" in head.strip() else "\n"
    text = head.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")
    lines = [line for line in text.split("\n") if line.strip()][:_LINES]
    declared = declared_delimiter(lines[0]) if lines else None
    if declared:
        return _declared_dialect(path, declared, line_end, lines[1:2])
    usual = {".csv": ",", ".tsv": "\t"}.get(extension(path))
    rated = [(_agreement(lines, text, mark), mark == usual, mark) for mark in MARKS]
    best = max(rated, key=lambda r: (round(r[0][0], 1), r[1], r[0][1]))
    if best[0][1] > 1:
        return Dialect(best[2], line_end)
    counts = Counter(len(line.split()) for line in lines)
    width = len(lines[0].split()) if lines else 0
    if width > 1 and len(lines) > 1 and counts[width] == len(lines):
        return Dialect(BLANKS, line_end)
    if width > 1 and len(lines) > 1 and counts[width + 1] == len(lines) - 1:  # rows have numbers
        return Dialect(BLANKS, line_end)
    return Dialect(usual or ",", line_end)


def declared_delimiter(line: str) -> str | None:
    """Return the delimiter that a line above the header declares, as spreadsheets do.

    >>> declared_delimiter("sep=;"), declared_delimiter("sep;item")
    (';', None)
    """
    match = _DECLARED.fullmatch(line.strip("\r\n"))
    return match[2] if match else None


_DECLARED = re.compile(r"""(\"?)sep=([^\w"'\\\r\n])\1[ ]*""", re.IGNORECASE | re.ASCII)


def _declared_dialect(path: Path, mark: str, line_end: str, header: list[str]) -> Dialect:
    if header and mark not in header[0]:
        raise MetaevalError(
            f"The first line of {path.name} declares the delimiter {mark!r} (sep={mark}), but the "
            f"header below it ({header[0]:.60}) does not contain it. Correct the first line, or "
            "delete it."
        )
    return Dialect(mark, line_end, declared=True)


def _agreement(lines: list[str], text: str, mark: str) -> tuple[float, int]:
    """Return the proportion of lines with as many cells as the header, and that number."""
    if not lines or mark not in lines[0]:
        return 0.0, 1
    if mark == "\t":
        widths = [line.count(mark) + 1 for line in lines]
    else:
        try:
            rows = csv.reader(text.split("\n"), delimiter=mark)
            widths = [
                len(row) for row, _ in zip((r for r in rows if r), range(_LINES), strict=False)
            ]
        except csv.Error:
            return 0.0, 1
    widths = widths[:-1] if len(widths) > 2 else widths  # the last may be cut off
    if not widths or widths[0] < 2:
        return 0.0, 1
    return widths.count(widths[0]) / len(widths), widths[0]


def cells_of(line: str, delimiter: str) -> list[str]:
    """Split one line into cells."""
    if delimiter == BLANKS:
        return line.split()
    if delimiter == "\t":
        return [unquoted(cell) for cell in line.split("\t")]
    return next(csv.reader([line], delimiter=delimiter), [])


def unquoted(cell: str) -> str:
    """Return a cell without the quotes around it, if they are those of a quoted cell.

    >>> unquoted('"a, b"'), unquoted('"a'), unquoted('"a" b"')
    ('a, b', '"a', '"a" b"')
    """
    return cell[1:-1].replace('""', '"') if _QUOTED.fullmatch(cell) else cell


_QUOTED = re.compile(r'"(?:[^"]|"")*"', re.DOTALL)


def header_of(line: str, delimiter: str, source: str) -> list[str]:
    """Return the column names in the first line of a file."""
    if delimiter not in (BLANKS, "\t") and _has_unclosed_quote(line, delimiter):
        raise MetaevalError(
            f"A column name in the header of {source} contains a line break or an unclosed quote; "
            "expected one line of names. Rename the column."
        )
    try:
        names = cells_of(line.rstrip("\r\n"), delimiter)
    except csv.Error as error:
        raise MetaevalError(
            f"The header of {source} cannot be read ({error}); expected short names delimited by "
            "commas. Rewrite it."
        ) from None
    long = [name for name in names if len(name) > LONGEST_NAME]
    if long:
        raise MetaevalError(
            f"A column name in {source} has {len(long[0]):,} characters ({long[0]:.30}...); "
            f"expected at most {LONGEST_NAME:,}. Is the first line a header?"
        )
    return names


def _has_unclosed_quote(line: str, delimiter: str) -> bool:
    """Return whether a line has a quoted cell that is not closed."""
    start = rf"(?:^|{re.escape(delimiter)})"
    closed_cell = rf'{start}"(?:[^"]|"")*"(?={re.escape(delimiter)}|$)'
    rest = re.sub(closed_cell, delimiter, line.strip("\r\n"))
    return re.search(rf'{start}"', rest) is not None


def has_no_header(names: list[str], below: list[str]) -> bool:
    """Return whether the first line looks like a row of values, similar to the line below.

    >>> has_no_header(["sysA", "Segment 0", "0.82"], ["sysA", "Segment 1", "0.71"])
    True
    >>> has_no_header(["item", "m1", "m2"], ["1", "2", "3"])
    False
    """
    if len(names) != len(below) or len(names) < 2:
        return False
    same_shape = [_shape(a) == _shape(b) for a, b in zip(names, below, strict=True)]
    shapes = zip(names, same_shape, strict=True)
    numeric = any(re.fullmatch(r"\D{0,20}\d*\.?\d+", a) and same for a, same in shapes)
    return numeric and sum(same_shape) * 3 >= 2 * len(same_shape)


def _shape(cell: str) -> str:
    return re.sub(r"\d+", "0", re.sub(r"[-+]?\d*\.?\d+(e[-+]?\d+)?", "0", cell.strip().lower()))


def no_header_error(source: str, names: list[str]) -> MetaevalError:
    """Build the error for a file without a header."""
    return MetaevalError(
        f"The first line of {source} looks like a row of values "
        f"({join_names(map(repr, names), 4)}), not like a header. Name its {len(names)} columns "
        "in order, such as item, system and the names of the scorers: header=[...] (--header "
        "A,B,C)."
    )
