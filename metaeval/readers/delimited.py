"""Tables of text: CSV and TSV."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pandas as pd

from metaeval.checks import listed
from metaeval.errors import MetaevalError
from metaeval.readers import streams
from metaeval.readers.texts import decoded, extension


def delimiter_of(path: Path, head: str) -> str:
    """Return what stands between cells: the commonest of comma, tab and semicolon."""
    header = head.lstrip().partition("\n")[0]
    if extension(path) == ".csv" and "," in header:
        return ","
    return max((",", "\t", ";"), key=header.count)


def from_delimited(path: Path, delimiter: str, max_cells: int) -> pd.DataFrame:
    """Read a table of text; every cell stays text."""
    from pyarrow import ArrowInvalid, string
    from pyarrow import csv as arrow_csv

    names = _header(path, delimiter)
    streams.scan(path, mark=b"\n", weight=len(names), max_cells=max_cells, by_line=True)
    with streams.open_bytes(path) as file:
        try:
            table = arrow_csv.read_csv(
                file,
                arrow_csv.ReadOptions(use_threads=False, block_size=2 * streams.LONGEST_LINE),
                arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, string()), strings_can_be_null=False
                ),
            )
        except ArrowInvalid as error:
            raise _ragged(path, str(error)) from None
    return table.to_pandas()


def _header(path: Path, delimiter: str) -> list[str]:
    with streams.open_bytes(path) as file:
        line = b""
        while not line.strip():
            line = file.readline(streams.LONGEST_LINE)
    text = decoded(path, line, whole=True)
    names = next(csv.reader([text.rstrip("\r\n")], delimiter=delimiter))
    require_distinct([name.strip() for name in names], path.name)
    return names


def require_distinct(names: list[str], source: str) -> None:
    """Raise unless all columns have names of their own."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise MetaevalError(
            f"Several columns of {source} are called {listed(repeated)}; rename all but one."
        )


def _ragged(path: Path, message: str) -> MetaevalError:
    found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if not found:
        return MetaevalError(f"{path.name} is no valid table: {message}. Write it again as CSV.")
    row, expected, got = found.groups()
    return MetaevalError(
        f"{path.name}, row {row} (the header is row 1): {expected} cells were expected, as in the "
        f"header, and {got} came. Fill it up, or quote cells that hold the delimiter or a quote."
    )
