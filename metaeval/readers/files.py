"""Tables from files (CSV, TSV, JSON, JSON Lines, Parquet; gzipped or not) and from frames."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from metaeval.checks import listed
from metaeval.errors import MetaevalError
from metaeval.readers import streams

MAX_CELLS = 200_000_000

_KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def load_frame(source: Any, *, max_cells: int = MAX_CELLS) -> pd.DataFrame:
    """Read a table as it is: cells of CSV and TSV stay text, JSON and Parquet keep their types.

    Parameters
    ----------
    source : path or frame
        A path to CSV, TSV, JSON (an array of objects, or an object of equally long lists), JSON
        Lines or Parquet, all but the last maybe gzipped; or a frame of pandas, pyarrow, polars or
        anything else that has `.to_pandas()`.
    max_cells : int
        Larger tables are refused before they are parsed.

    Returns
    -------
    DataFrame
        `attrs["source"]` is what to call it in messages, `attrs["text"]` whether all cells are
        text.

    Raises
    ------
    MetaevalError
        If the source cannot be read, holds no rows, or is too large.

    Examples
    --------
    >>> import pandas as pd
    >>> load_frame(pd.DataFrame({"item": [1, 2], "m": [0.5, 0.25]})).shape
    (2, 2)
    """
    if isinstance(source, str | Path):
        frame, name, kind = _from_file(Path(source), max_cells)
    else:
        frame, name, kind = _from_object(source, max_cells), source_name(source), "frame"
    frame.columns = pd.Index([str(column).strip() for column in frame.columns], dtype=object)
    _require_distinct(list(frame.columns), name)
    if not len(frame):
        raise MetaevalError(f"{name} has no rows; at least one below the header was expected.")
    frame.attrs = {"source": name, "text": kind in ("csv", "tsv")}
    return frame


def source_name(source: Any) -> str:
    """Return what to call a source in messages.

    >>> source_name("scores/a.csv")
    'a.csv'
    """
    if isinstance(source, str | Path):
        return Path(source).name
    named = getattr(source, "attrs", {}).get("source")
    return str(named or f"the {type(source).__name__} given")


def read_text_head(path: str | Path, n: int = 65536) -> str:
    """Return the beginning of a text file, decompressed.

    Parameters
    ----------
    path : str or Path
        A text file, gzipped or not.
    n : int
        How many bytes to read.

    Raises
    ------
    MetaevalError
        If there is no such file, or it is empty, a folder, binary or not UTF-8.
    """
    path = Path(path)
    head = streams.first_bytes(path, n)
    if not head.strip():
        raise MetaevalError(f"{path.name} is empty; a table with a header and rows was expected.")
    streams.require_text(path, head)
    return _decoded(path, head, whole=len(head) < n)


def head_of(source: Any) -> str:
    """Return what a source starts with; for Parquet and frames their column names as a header."""
    if not isinstance(source, str | Path):
        return ",".join(map(str, _column_names(source)))
    path = Path(source)
    if path.is_dir():
        return ""
    if streams.first_bytes(path, 4) == b"PAR1":
        return ",".join(_parquet(path).schema_arrow.names)
    return read_text_head(path)


def load_json(path: str | Path, *, max_cells: int = MAX_CELLS) -> Any:
    """Read a JSON file as a Python object; of JSON Lines, the list of its objects.

    Parameters
    ----------
    path : str or Path
        A file, gzipped or not; names that end in .jsonl or .ndjson are JSON Lines.
    max_cells : int
        Larger files, by the number of their commas, are refused before they are parsed.

    Raises
    ------
    MetaevalError
        If the file is too large or is no valid JSON; the message names the line.
    """
    path = Path(path)
    head = read_text_head(path)
    if _kind(path, head) == "jsonl":
        return _json_lines(path, head, max_cells)
    streams.scan(path, mark=b",", weight=1, max_cells=max_cells, by_line=False)
    with streams.open_bytes(path) as file:
        text = file.read().decode("utf-8-sig")
    return _parsed(path, text)


# What a file is.
def _from_file(path: Path, max_cells: int) -> tuple[pd.DataFrame, str, str]:
    if _extension(path) in (".parquet", ".pq"):
        return _from_parquet(path, max_cells), path.name, "parquet"
    if streams.first_bytes(path, 4) == b"PAR1" and _extension(path) not in _KINDS:
        return _from_parquet(path, max_cells), path.name, "parquet"
    head = read_text_head(path)
    kind = _kind(path, head)
    _require_content(path, head, kind)
    readers: dict[str, Callable[[], pd.DataFrame]] = {
        "csv": lambda: _delimited(path, _delimiter(path, head), max_cells),
        "tsv": lambda: _delimited(path, "\t", max_cells),
        "json": lambda: _from_json(load_json(path, max_cells=max_cells), path.name),
        "jsonl": lambda: _from_objects(_json_lines(path, head, max_cells), path.name),
    }
    return readers[kind](), path.name, kind


def _extension(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _kind(path: Path, head: str) -> str:
    """Return the kind of a text file by its extension, else by its content."""
    known = _KINDS.get(_extension(path))
    if known:
        return known
    if head.lstrip()[:1] not in ("[", "{"):
        return "csv"
    first, _, rest = head.strip().partition("\n")
    return "jsonl" if _is_object(first) and rest.lstrip().startswith("{") else "json"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _require_content(path: Path, head: str, kind: str) -> None:
    """Raise if the content is of another kind than the extension says."""
    first = head.lstrip()[:1]
    header = head.lstrip().partition("\n")[0]
    wrong = None
    if kind in ("csv", "tsv") and first in ("{", "["):
        wrong = ("JSON", ".json, or .jsonl if it has one object per line")
    elif kind in ("json", "jsonl") and first not in ("{", "["):
        wrong = ("no JSON", ".csv or .tsv if it is a table of text")
    elif kind == "jsonl" and first == "[":
        wrong = ("a JSON array, not one object per line", ".json")
    elif kind == "tsv" and "\t" not in header and "," in header:
        wrong = ("cells between commas, not tabs", ".csv")
    elif _extension(path) == ".csv" and "," not in header and "\t" in header:
        wrong = ("cells between tabs, not commas", ".tsv")
    if wrong:
        raise MetaevalError(
            f"{path.name} holds {wrong[0]}; rename it so that it ends in {wrong[1]}."
        )


def _delimiter(path: Path, head: str) -> str:
    header = head.lstrip().partition("\n")[0]
    if _extension(path) == ".csv" and "," in header:
        return ","
    return max((",", "\t", ";"), key=header.count)


def _decoded(path: Path, head: bytes, *, whole: bool) -> str:
    """Decode the beginning of a file; a character cut in two at its end is left out."""
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if not whole and error.start >= len(head) - 3:
            return head[: error.start].decode("utf-8-sig")
        line = head.count(b"\n", 0, error.start) + 1
        raise MetaevalError(
            f"{path.name} is not UTF-8: byte 0x{head[error.start]:02x} in line {line}. "
            "Save it with the encoding UTF-8."
        ) from None


# Tables of text.
def _delimited(path: Path, delimiter: str, max_cells: int) -> pd.DataFrame:
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
    text = _decoded(path, line, whole=True)
    names = next(csv.reader([text.rstrip("\r\n")], delimiter=delimiter))
    _require_distinct([name.strip() for name in names], path.name)
    return names


def _require_distinct(names: list[str], source: str) -> None:
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


# JSON.
def _parsed(path: Path, text: str, line: int = 1) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        lines = error.msg == "Extra data" and text.lstrip().startswith("{")
        cure = "one object per line needs a name that ends in .jsonl" if lines else "correct it"
        raise MetaevalError(
            f"{path.name} is not valid JSON, line {line + error.lineno - 1}: {error.msg}; {cure}."
        ) from None
    except RecursionError:
        raise MetaevalError(
            f"{path.name} is nested too deeply; an array of objects was expected."
        ) from None


def _json_lines(path: Path, head: str, max_cells: int) -> list[dict[str, Any]]:
    first = head.lstrip().partition("\n")[0]
    fields = len(_parsed(path, first)) if _is_object(first) else max(first.count(":"), 1)
    streams.scan(path, mark=b"\n", weight=max(fields, 1), max_cells=max_cells, by_line=True)
    with streams.open_bytes(path) as file:
        lines = file.read().decode("utf-8-sig").split("\n")
    found = [(n, _parsed(path, text, n)) for n, text in enumerate(lines, 1) if text.strip()]
    wrong = [n for n, row in found if not isinstance(row, dict)]
    if wrong:
        raise MetaevalError(
            f'{path.name}, line {wrong[0]}: an object such as {{"item": 1, ...}} was expected.'
        )
    return [row for _, row in found]


def _from_json(content: Any, name: str) -> pd.DataFrame:
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return _from_objects(content, name)
    if isinstance(content, Mapping) and any(isinstance(v, list) for v in content.values()):
        return _from_columns(content, name)
    raise MetaevalError(
        f"{name} holds no table: an array of objects, or an object of equally long lists, was "
        "expected. Files with totals only cannot be compared item by item."
    )


def _from_objects(rows: list[dict[str, Any]], name: str) -> pd.DataFrame:
    columns = dict.fromkeys(key for row in rows for key in row)
    return _inferred({key: [row.get(key) for row in rows] for key in columns})


def _from_columns(content: Mapping[str, Any], name: str) -> pd.DataFrame:
    single = [key for key, value in content.items() if not isinstance(value, list)]
    lengths = {key: len(value) for key, value in content.items() if key not in single}
    if single or len(set(lengths.values())) > 1:
        shown = listed([f"{key} {n}" for key, n in lengths.items()], 10)
        more = f"; {listed(single, 5)} is no list" if single else ""
        raise MetaevalError(
            f"The columns of {name} differ in length ({shown}{more}); expected one value per row "
            "in each. Write it as an array of objects."
        )
    return _inferred(content)


def _inferred(columns: Mapping[str, Iterable[Any]]) -> pd.DataFrame:
    """Build a frame whose columns have a narrow type only where all values are of that type."""
    made = {key: pd.Series(list(values), dtype=object) for key, values in columns.items()}
    return pd.DataFrame({key: column.infer_objects() for key, column in made.items()})


# Parquet and frames.
def _parquet(path: Path) -> Any:
    from pyarrow import ArrowException, parquet

    streams.require_file(path)
    try:
        return parquet.ParquetFile(path)
    except (ArrowException, OSError) as error:
        reason = str(error).split(".")[0]
        raise MetaevalError(
            f"{path.name} cannot be read as Parquet ({reason}). Rename it if it is of another "
            "kind (.csv, .tsv, .json, .jsonl), or write it again."
        ) from None


def _from_parquet(path: Path, max_cells: int) -> pd.DataFrame:
    from pyarrow import ArrowException

    with _parquet(path) as file:
        if file.metadata.num_rows * max(file.metadata.num_columns, 1) > max_cells:
            raise streams.too_large(path.name, max_cells)
        try:
            return _without_index(file.read().to_pandas())
        except (ArrowException, OSError) as error:
            raise MetaevalError(f"{path.name} is damaged ({error}); write it again.") from None


def _column_names(source: Any) -> list[Any]:
    if isinstance(source, pd.DataFrame):
        return [*(name for name in source.index.names if name is not None), *source.columns]
    return list(getattr(source, "column_names", None) or getattr(source, "columns", []))


def _from_object(source: Any, max_cells: int) -> pd.DataFrame:
    shape = getattr(source, "shape", (0, 0))
    if isinstance(shape, tuple) and len(shape) == 2 and shape[0] * shape[1] > max_cells:
        raise streams.too_large(source_name(source), max_cells)
    frame = source if isinstance(source, pd.DataFrame) else None
    if frame is None and hasattr(source, "to_pandas"):
        frame = source.to_pandas()
    if not isinstance(frame, pd.DataFrame):
        raise MetaevalError(
            f"{type(source).__name__} is no table; expected a path, or a frame of pandas, pyarrow "
            "or polars. Wrap it: pandas.DataFrame(...)."
        )
    return _without_index(frame)


def _without_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn a named index into columns and drop any other."""
    named = any(name is not None for name in frame.index.names)
    clash = set(frame.index.names) & set(frame.columns)
    return frame.reset_index(drop=not named or bool(clash))
