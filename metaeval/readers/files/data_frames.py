"""Parquet files and the frames of other libraries."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from metaeval.core import MetaevalError
from metaeval.readers.files import file_bytes
from metaeval.readers.files.content_type import as_utf8
from metaeval.tables import TEXT

_INDEX_COLUMN = re.compile(r"__index_level_\d+__")  # pandas' name of an unnamed index in Parquet


def source_name(source: Any) -> str:
    """Return the name of a source in messages.

    >>> source_name("scores/a.csv")
    'a.csv'
    """
    if isinstance(source, str | Path):
        return Path(source).name
    name = getattr(source, "attrs", {}).get("source")
    return str(name or f"the given {type(source).__name__}")


def open_parquet(path: Path) -> Any:
    """Open a Parquet file; only its metadata is read."""
    from pyarrow import ArrowException, parquet

    file_bytes.require_file(path)
    try:
        return parquet.ParquetFile(path)
    except (ArrowException, OSError, ValueError, OverflowError) as error:
        raise MetaevalError(
            f"{path.name} cannot be read as Parquet ({_reason(error)}). Correct its extension "
            "if it is a file of another type (.csv, .tsv, .json, .jsonl), or save it again."
        ) from None


def from_parquet(path: Path, max_cells: int) -> pd.DataFrame:
    """Read a Parquet file unless its metadata declare too many cells."""
    with open_parquet(path) as file:
        if file.metadata.num_rows * max(file.metadata.num_columns, 1) > max_cells:
            raise file_bytes.too_large_error(path.name, max_cells)
        try:
            table = file.read()
            table.validate(full=True)  # finds texts that are not UTF-8
            # The pandas metadata may be damaged, and is not needed.
            table = _readable(table.replace_schema_metadata(None))
            return plain_frame(table.to_pandas(types_mapper=_text_of))
        except Exception as error:  # parsers raise many types of error for damaged files
            raise MetaevalError(
                f"{path.name} is damaged ({_reason(error)}); save it again."
            ) from None


def _text_of(kind: Any) -> Any:
    """Return the dtype of text columns; None leaves other types to Arrow."""
    import pyarrow as pa

    return TEXT if kind in (pa.string(), pa.large_string()) else None


def _readable(table: Any) -> Any:
    """Convert bytes, and dates, which may exceed the range of pandas, to text."""
    import pyarrow as pa

    for index, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_temporal(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            table = table.set_column(index, field.name, table.column(index).cast(pa.string()))
    return table


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame without an index, with dates as text and with encodable texts."""
    frame = _without_index(frame)
    converted = {}
    for index in range(frame.shape[1]):
        column = frame.iloc[:, index]
        if column.dtype.kind in "mM" or isinstance(column.dtype, pd.PeriodDtype | pd.IntervalDtype):
            converted[index] = column.astype(TEXT).where(column.notna(), None)
        elif column.dtype == object and not _can_be_written(column):
            converted[index] = column.map(lambda v: as_utf8(v) if isinstance(v, str) else v)
    if converted:
        frame = frame.copy()
        for index, column in converted.items():
            frame.isetitem(index, column)
    return frame


def _can_be_written(column: pd.Series) -> bool:
    try:
        "".join(value for value in column if isinstance(value, str)).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def column_names(source: Any) -> list[Any]:
    """Return the column names of a frame of any library."""
    if isinstance(source, pd.DataFrame):
        return [*(name for name in source.index.names if name is not None), *source.columns]
    return list(getattr(source, "column_names", None) or getattr(source, "columns", []))


def from_object(source: Any, max_cells: int) -> pd.DataFrame:
    """Convert a frame of any library to pandas."""
    shape = getattr(source, "shape", (0, 0))
    if isinstance(shape, tuple) and len(shape) == 2 and shape[0] * shape[1] > max_cells:
        raise file_bytes.too_large_error(source_name(source), max_cells)
    frame = source if isinstance(source, pd.DataFrame) else None
    if frame is None and hasattr(source, "to_pandas"):
        frame = source.to_pandas()
    if not isinstance(frame, pd.DataFrame):
        raise MetaevalError(
            "Expected a path, or a pandas, pyarrow or polars data frame, got "
            f"{type(source).__name__}. Convert it with pandas.DataFrame(...)."
        )
    return plain_frame(frame)


def _without_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert a named index to columns, and drop any other."""
    has_names = any(name is not None for name in frame.index.names)
    clash = set(frame.index.names) & set(frame.columns)
    frame = frame.reset_index(drop=not has_names or bool(clash))
    unnamed = [c for c in frame if _INDEX_COLUMN.fullmatch(str(c))]
    return frame.drop(columns=unnamed) if unnamed else frame


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0].split(". ")[0].rstrip(".")[:200]
