"""Parquet files and the frames of other libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from metaeval.errors import MetaevalError
from metaeval.readers import streams


def source_name(source: Any) -> str:
    """Return what to call a source in messages.

    >>> source_name("scores/a.csv")
    'a.csv'
    """
    if isinstance(source, str | Path):
        return Path(source).name
    named = getattr(source, "attrs", {}).get("source")
    return str(named or f"the {type(source).__name__} given")


def open_parquet(path: Path) -> Any:
    """Open a Parquet file, of which only the metadata is read."""
    from pyarrow import ArrowException, parquet

    streams.require_file(path)
    try:
        return parquet.ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise MetaevalError(
            f"{path.name} cannot be read as Parquet ({_reason(error)}). Rename it if it is of "
            "another kind (.csv, .tsv, .json, .jsonl), or write it again."
        ) from None


def from_parquet(path: Path, max_cells: int) -> pd.DataFrame:
    """Read a Parquet file unless its metadata promise too many cells."""
    from pyarrow import ArrowException

    with open_parquet(path) as file:
        if file.metadata.num_rows * max(file.metadata.num_columns, 1) > max_cells:
            raise streams.too_large(path.name, max_cells)
        try:
            return _without_index(file.read().to_pandas())
        except (ArrowException, OSError) as error:
            raise MetaevalError(
                f"{path.name} is damaged ({_reason(error)}); write it again."
            ) from None


def column_names(source: Any) -> list[Any]:
    """Names of the columns of a frame of any library."""
    if isinstance(source, pd.DataFrame):
        return [*(name for name in source.index.names if name is not None), *source.columns]
    return list(getattr(source, "column_names", None) or getattr(source, "columns", []))


def from_object(source: Any, max_cells: int) -> pd.DataFrame:
    """Turn a frame of any library into one of pandas."""
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


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0].split(". ")[0].rstrip(".")
