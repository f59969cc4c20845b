"""Text tables: CSV and TSV, and variants with semicolons, bars or spaces."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from metaeval.core import MetaevalError, join_names
from metaeval.readers.columns.aliases import is_known_name
from metaeval.readers.files import file_bytes
from metaeval.readers.files.content_type import decode_head
from metaeval.readers.files.dialect import (
    BLANKS,
    Dialect,
    cells_of,
    dialect_of,
    has_no_header,
    header_of,
    no_header_error,
    unquoted,
)
from metaeval.tables import TEXT

_BOM = "\ufeff"
_BROKEN_CELLS = 1000  # cells with line breaks that are inspected, which bounds the time


def from_delimited(
    path: Path, head: str, max_cells: int, header: Sequence[str] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Read a text table with all cells as text; return it with notes.

    Parameters
    ----------
    path : Path
        The file.
    head : str
        Its beginning, from which delimiter and line ends are inferred.
    max_cells : int
        Larger tables are refused before they are parsed.
    header : sequence of str, optional
        Column names of a file without a header.
    """
    dialect = dialect_of(path, head)
    above = _header_line(head, dialect)
    width = max(len(header or ()), above.count(dialect.delimiter) + 1)
    mark = dialect.line_end.encode()
    file_bytes.scan(path, mark=mark, weight=width, max_cells=max_cells, by_line=True)
    content = _content(path, dialect)
    if dialect.declared:
        content = content.lstrip(b"\r\n ").partition(b"\n")[2]
    first, start = _first_line(path, content)
    names = header_of(first, dialect.delimiter, path.name)
    if header is not None:
        names, start = _check_header(header, names, path.name), 0
    else:
        _require_header(path, names, content[start : start + file_bytes.BLOCK], dialect)
    require_distinct([name.strip() for name in names if name.strip()], path.name)
    frame, notes = _parse_rows(path, content, start, names, dialect)
    return frame, [*_dialect_notes(path, dialect), *notes]


def _content(path: Path, dialect: Dialect) -> bytes:
    """Read the whole file with plain line ends and without a byte-order mark."""
    with file_bytes.open_bytes(path) as file:
        content = file.read().removeprefix(_BOM.encode())
    return content.replace(b"\r", b"\n") if dialect.line_end == "\r" else content


def _first_line(path: Path, content: bytes) -> tuple[str, int]:
    """Return the first non-empty line, and the position of the next one."""
    blank = re.match(rb"\s*(?:\n|\Z)|", content)
    begin = 0 if blank is None else len(content) - len(content.lstrip(b"\r\n "))
    end = content.find(b"\n", begin)
    end = len(content) if end < 0 else end
    return decode_head(path, content[begin:end], complete=True), min(end + 1, len(content))


def _check_header(header: Sequence[str], cells: Sequence[str], source: str) -> list[str]:
    if len(header) != len(cells):
        raise MetaevalError(
            f"header= has {len(header)} names ({join_names(header)}), but the first line of "
            f"{source} has {len(cells)} cells ({join_names(map(repr, cells), 8)}); give one name "
            "per cell."
        )
    return list(header)


def _parse_rows(
    path: Path, content: bytes, start: int, names: list[str], dialect: Dialect
) -> tuple[pd.DataFrame, list[str]]:
    """Parse the rows below the header."""
    if not content[start:].strip():
        return pd.DataFrame(columns=names, dtype=object), []
    if dialect.delimiter == BLANKS:
        frame, notes = _split_by_blanks(path, content, start, names)
    else:
        frame, notes = _parse_cells(path, content, start, names, dialect.delimiter)
    frame.columns = pd.Index(names, dtype=object)
    damage_notes: list[str] = []
    if content.find(_BOM.encode(), start) >= 0 or content.find(names[0].encode(), start) >= 0:
        frame, damage_notes = _drop_concatenation_traces(path, frame, names)
    if b'"' in content:  # only a quoted cell can contain a line break
        damage_notes += _line_breaks(path, frame, dialect.delimiter)
    return frame, [*notes, *damage_notes]


def _parse_cells(
    path: Path, content: bytes, start: int, names: list[str], delimiter: str
) -> tuple[pd.DataFrame, list[str]]:
    """Parse cells below the header; drop empty ones at the end of each row that it lacks."""
    n_extra = len(_cells_below(content[start : start + file_bytes.BLOCK], delimiter)) - len(names)
    if n_extra > 0:
        try:
            frame, notes = _parse_delimited(
                path, content, start, [*names, *[""] * n_extra], delimiter
            )
        except MetaevalError:
            n_extra = 0
        if n_extra and not frame.iloc[:, len(names) :].map(str.strip).any(axis=None):
            note = f"{path.name}: dropped {n_extra} empty cells at the end of each row"
            return frame.iloc[:, : len(names)], [*notes, note]
    return _parse_delimited(path, content, start, names, delimiter)


def _cells_below(below: bytes, delimiter: str) -> list[str]:
    """Return the cells of the first non-empty line; [] if it cannot be parsed."""
    line = next((line for line in below.split(b"\n") if line.strip()), b"")
    try:
        return cells_of(line.decode("utf-8", "replace").rstrip("\r"), delimiter)
    except csv.Error:
        return []


def _parse_delimited(
    path: Path, content: bytes, start: int, names: list[str], delimiter: str
) -> tuple[pd.DataFrame, list[str]]:
    """Parse cells with one delimiter, as many in each row as there are names."""
    if delimiter == "\t":
        return _parse_tabs(path, content, start, names)
    return _read_with_arrow(path, content, start, names, delimiter, quoted=True), []


def _read_with_arrow(
    path: Path, content: bytes, start: int, names: list[str], delimiter: str, *, quoted: bool
) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    column_numbers = [str(index) for index in range(len(names))]  # names may be empty
    block = min(2 * file_bytes.LONGEST_LINE, len(content) + 1)
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(content).slice(start)),
            arrow_csv.ReadOptions(use_threads=False, block_size=block, column_names=column_numbers),
            arrow_csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(column_numbers, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise _ragged_error(path, str(error), content, start) from None
    return table.to_pandas(use_threads=False, types_mapper={pa.string(): TEXT}.get)


def _parse_tabs(
    path: Path, content: bytes, start: int, names: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Parse tab-delimited cells; quotes are plain characters unless rows then become ragged."""
    try:
        frame = _read_with_arrow(path, content, start, names, "\t", quoted=False)
    except MetaevalError as ragged:
        try:
            return _read_with_arrow(path, content, start, names, "\t", quoted=True), []
        except MetaevalError:
            raise ragged from None
    return _without_quotes(frame) if b'"' in content else frame, []


def _without_quotes(frame: pd.DataFrame) -> pd.DataFrame:
    """Remove quotes around cells in columns where all quotes enclose whole cells."""
    for name in frame:
        opens = frame[name].str.startswith('"')
        if opens.any():
            bare = frame[name].where(~opens, frame[name][opens].map(unquoted))
            if (bare[opens] != frame[name][opens]).all():
                frame[name] = bare
    return frame


def _split_by_blanks(
    path: Path, content: bytes, start: int, names: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Parse cells delimited by spaces; drop the row numbers that pandas prints before them."""
    text = decode_head(path, content[start:], complete=True).replace("\r\n", "\n").split("\n")
    lines = [(n, line) for n, line in enumerate(text, 2) if line.strip()]
    rows = [line.split() for _, line in lines]
    numbered = _indented(content[:start]) and all(row[0] == str(k) for k, row in enumerate(rows))
    if all(len(row) == len(names) + 1 for row in rows):
        if not numbered:
            raise _extra_cell_error(path, rows[0], names)
        rows = [row[1:] for row in rows]
        notes = [f"{path.name}: dropped the row numbers at the start of each row"]
        return pd.DataFrame(rows, columns=names, dtype=TEXT), notes
    _require_as_many(path, lines, names)
    if numbered and len(rows) > 1 and not any(line.startswith(" ") for _, line in lines):
        raise _space_in_name_error(path, names)
    return pd.DataFrame(rows, columns=names, dtype=TEXT), []


def _indented(above: bytes) -> bool:
    """Return whether the header, the last line of `above`, is indented, as over row numbers."""
    return above.rstrip().rpartition(b"\n")[2].startswith(b" ")


def _require_as_many(path: Path, lines: Sequence[tuple[int, str]], names: list[str]) -> None:
    odd = [(n, len(line.split())) for n, line in lines if len(line.split()) != len(names)]
    if odd:
        raise MetaevalError(
            f"{path.name}, line {odd[0][0]} has {odd[0][1]} cells delimited by spaces, but the "
            f"header has {len(names)} ({join_names(names)}), and there is no comma, tab or "
            "semicolon. Delimit the cells with tabs."
        )


def _extra_cell_error(path: Path, row: list[str], names: list[str]) -> MetaevalError:
    """Build the error for rows with one cell more than the header."""
    return MetaevalError(
        f"Each row of {path.name} has {len(row)} cells delimited by spaces "
        f"({join_names(row, 8)}), but the header has {len(names)} ({join_names(names, 8)}). Add "
        "the missing name at the start of the first line: item if the first cells are item ids, "
        "index if they are row numbers. Write pandas frames with "
        "frame.reset_index().to_csv(path, index=False)."
    )


def _space_in_name_error(path: Path, names: list[str]) -> MetaevalError:
    """Build the error for a printed frame whose row numbers would be read as a column."""
    return MetaevalError(
        f"The rows of {path.name} begin with row numbers (0, 1, ...) under an indented header "
        f"that seems to name them too ({join_names(names, 8)}): does a name contain a space? "
        "Write the frame with frame.to_csv(path, index=False); if all names are right, remove "
        "the spaces before the first one."
    )


def _dialect_notes(path: Path, dialect: Dialect) -> list[str]:
    notes = []
    if dialect.delimiter == BLANKS:
        notes.append(f"{path.name}: read as a space-delimited table")
    if dialect.line_end == "\r":
        notes.append(f"{path.name}: lines end in carriage returns")
    return notes


# Damage.
def _require_header(path: Path, names: list[str], below: bytes, dialect: Dialect) -> None:
    """Raise if the first line looks like the next one and has no known column name."""
    cells = _cells_below(below, dialect.delimiter)
    if has_no_header(names, cells) and not any(is_known_name(n) for n in names if len(n) > 1):
        raise no_header_error(path.name, names)


def _drop_concatenation_traces(
    path: Path, frame: pd.DataFrame, names: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Drop traces of concatenated files: byte-order marks within the table, repeated headers."""
    first, notes = frame.iloc[:, 0], []
    marked = first.str.startswith(_BOM)
    if marked.any():
        frame.isetitem(0, first.where(~marked, first.str.removeprefix(_BOM)))
        notes.append(f"{path.name}: dropped byte-order marks in {int(marked.sum())} rows")
    _require_one_header(path, frame, names)
    is_header = frame.iloc[:, 0] == names[0]
    for index, name in enumerate(names):
        if is_header.any():
            is_header &= frame.iloc[:, index] == name
    if is_header.any() and len(names) > 1:
        notes.append(f"{path.name}: dropped {int(is_header.sum())} rows that repeat the header")
        frame = frame[~is_header].reset_index(drop=True)
    return frame, notes


def _require_one_header(path: Path, frame: pd.DataFrame, names: list[str]) -> None:
    """Raise if a row is another header, with other columns or in another order."""
    header = [name.strip() for name in names]
    candidates = frame[frame.iloc[:, 0].str.strip().isin(header)]
    for row, cells in zip(
        candidates.index, candidates.itertuples(index=False, name=None), strict=True
    ):
        texts = [str(cell).strip() for cell in cells]
        if texts != header and _is_header(texts, header):
            order = "in another order" if sorted(texts) == sorted(header) else "with other columns"
            raise MetaevalError(
                f"{path.name}, row {row + 2} (the header is row 1): a second header {order} "
                f"({join_names(texts, 8)}; the first is {join_names(header, 8)}). Put each table "
                "in a separate file, and read the files together."
            )


def _is_header(cells: list[str], names: list[str]) -> bool:
    """Return whether the cells of a row are distinct and most are names of columns."""
    shared = len(set(cells) & set(names))
    return len(set(cells)) == len(cells) and shared > 1 and 2 * shared > len(cells)


def _line_breaks(path: Path, frame: pd.DataFrame, delimiter: str) -> list[str]:
    """Return notes on cells with line breaks; raise if these look like rows."""
    notes = []
    for index, name in enumerate(map(str, frame.columns)):
        column = frame.iloc[:, index]
        broken = column.str.contains("\n", regex=False)
        if not broken.any():
            continue
        _require_no_rows(path, frame, column[broken], name, delimiter)
        notes.append(f"{path.name}: {name}: {int(broken.sum())} cells contain line breaks")
    return notes


def _require_no_rows(
    path: Path, frame: pd.DataFrame, cells: pd.Series, name: str, delimiter: str
) -> None:
    """Raise if a cell contains the rest of its row and the beginning of another."""
    between = frame.shape[1] - 1
    if between < 2:
        return
    starts = {_shape(value) for value in frame.iloc[:1000, 0]}
    for row, text in cells.head(_BROKEN_CELLS).items():
        lines = text.split("\n")
        if text.count(delimiter) == between * (len(lines) - 1) and all(
            _shape(line.partition(delimiter)[0]) in starts for line in lines[1:]
        ):
            raise MetaevalError(
                f"{path.name}, row {int(str(row)) + 2} (the header is row 1): a cell of {name!r} "
                f"contains {len(lines)} lines that look like rows ({text!r:.60}); a quote before "
                "them is not closed. Close it, double it, or delimit the cells with tabs (.tsv), "
                "where quotes are ordinary characters."
            )


def _shape(text: str) -> str:
    return re.sub(r"\d+", "0", text.strip())


def require_distinct(names: list[str], source: str) -> None:
    """Raise unless all column names are distinct."""
    repeated = sorted(name for name, n in Counter(names).items() if n > 1)
    if repeated:
        raise MetaevalError(
            f"Several columns in {source} are named {join_names(repeated)}; rename all but one."
        )


def _ragged_error(path: Path, message: str, content: bytes, start: int) -> MetaevalError:
    match = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if not match:
        reason = message.partition("\n")[0][:200]
        return MetaevalError(f"{path.name} is not a valid table: {reason}. Rewrite it as CSV.")
    row, expected, got = match.groups()
    if row == "1" and int(expected) < int(got):
        return MetaevalError(
            f"The first line of {path.name} has {expected} cells, but the next line has {got}. If "
            "the first line is a title or a comment above the header, delete it; otherwise give "
            f"it {got} column names, such as index for a column of row numbers."
        )
    advice = (
        "Pad the row" if int(got) < int(expected) else "Delete empty cells at the end of the row"
    )
    return MetaevalError(
        f"{path.name}, row {int(row) + 1} (the header is row 1): expected {expected} cells, as in "
        f"the header, got {got}. {advice}, or quote cells that contain the delimiter or a quote."
    )


def first_cells(path: Path, head: str) -> list[str]:
    """Return the names in the first line of a text table, for recognizing its format."""
    dialect = dialect_of(path, head)
    return [cell.strip() for cell in cells_of(_header_line(head, dialect), dialect.delimiter)]


def _header_line(head: str, dialect: Dialect) -> str:
    """Return the first line of a text table that does not declare the delimiter."""
    lines = head.replace("\r\n", "\n").replace("\r", "\n").lstrip()
    lines = lines.partition("\n")[2].lstrip() if dialect.declared else lines
    return lines.partition("\n")[0]
