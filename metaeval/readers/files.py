"""Tables from files (CSV, TSV, JSON, JSON Lines, Parquet; gzipped or not) and from frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from metaeval.errors import MetaevalError
from metaeval.readers import streams
from metaeval.readers.delimited import delimiter_of, from_delimited, require_distinct
from metaeval.readers.frames import (
    column_names,
    from_object,
    from_parquet,
    open_parquet,
    source_name,
)
from metaeval.readers.jsons import from_json, from_objects, json_lines, load_json
from metaeval.readers.texts import KINDS, extension, kind_of, read_text_head, require_content


def load_frame(source: Any, *, max_cells: int = streams.MAX_CELLS) -> pd.DataFrame:
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
        frame, name, kind = from_object(source, max_cells), source_name(source), "frame"
    frame.columns = pd.Index([str(column).strip() for column in frame.columns], dtype=object)
    require_distinct(list(frame.columns), name)
    if not len(frame):
        raise MetaevalError(f"{name} has no rows; at least one below the header was expected.")
    frame.attrs = {"source": name, "text": kind in ("csv", "tsv")}
    return frame


def head_of(source: Any) -> str:
    """Return what a source starts with; for Parquet and frames their column names as a header."""
    if not isinstance(source, str | Path):
        return ",".join(map(str, column_names(source)))
    path = Path(source)
    if path.is_dir():
        return ""
    if streams.first_bytes(path, 4) == b"PAR1":
        return ",".join(open_parquet(path).schema_arrow.names)
    return read_text_head(path)


# What a file is.
def _from_file(path: Path, max_cells: int) -> tuple[pd.DataFrame, str, str]:
    if extension(path) in (".parquet", ".pq"):
        return from_parquet(path, max_cells), path.name, "parquet"
    if streams.first_bytes(path, 4) == b"PAR1" and extension(path) not in KINDS:
        return from_parquet(path, max_cells), path.name, "parquet"
    head = read_text_head(path)
    kind = kind_of(path, head)
    require_content(path, head, kind)
    readers: dict[str, Callable[[], pd.DataFrame]] = {
        "csv": lambda: from_delimited(path, delimiter_of(path, head), max_cells),
        "tsv": lambda: from_delimited(path, "\t", max_cells),
        "json": lambda: from_json(load_json(path, max_cells=max_cells), path.name),
        "jsonl": lambda: from_objects(json_lines(path, head, max_cells)),
    }
    return readers[kind](), path.name, kind
