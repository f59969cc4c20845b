"""Tables from files (CSV, TSV, JSON, JSON Lines, Parquet; gzipped or not) and from frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from metaeval.core import MetaevalError
from metaeval.readers.argument_types import Source
from metaeval.readers.files import file_bytes
from metaeval.readers.files.content_type import (
    KINDS,
    as_utf8,
    extension,
    kind_of,
    read_text_head,
    require_content,
)
from metaeval.readers.files.csv_tables import from_delimited, require_distinct
from metaeval.readers.files.data_frames import (
    column_names,
    from_object,
    from_parquet,
    open_parquet,
    source_name,
)
from metaeval.readers.files.dialect import LONGEST_NAME
from metaeval.readers.files.foreign_formats import refuse_foreign
from metaeval.readers.files.frame_origin import FrameOrigin, with_origin
from metaeval.readers.files.json_tables import (
    from_json,
    from_objects,
    json_lines,
    load_json,
    rows_within,
)


def load_frame(
    source: Source, *, max_cells: int | None = None, header: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read a raw table: cells of CSV and TSV stay text, JSON and Parquet keep their types.

    Parameters
    ----------
    source : path or frame
        A path to CSV, TSV, JSON (an array of objects, an object that contains one such array, or an
        object of equally long lists) or JSON Lines, gzipped or not, or to Parquet; or a frame of
        pandas, pyarrow, polars or anything else that has `.to_pandas()`.
    max_cells : int, optional
        Larger tables are refused before they are parsed. By default as many as fit in the free
        memory.
    header : sequence of str, optional
        Column names of a text table without a header.

    Returns
    -------
    DataFrame
        `origin_of` returns where it comes from. Columns without a name become `Unnamed: 0` and so
        on, by position.

    Raises
    ------
    MetaevalError
        If the source cannot be read, has no rows, or is too large.

    Examples
    --------
    >>> import pandas as pd
    >>> load_frame(pd.DataFrame({"item": [1, 2], "m": [0.5, 0.25]})).shape
    (2, 2)
    """
    max_cells = file_bytes.cells_that_fit() if max_cells is None else max_cells
    notes: list[str] = []
    if isinstance(source, str | Path):
        frame, name, kind, notes = _from_file(Path(source), max_cells, header)
    else:
        frame, name, kind = from_object(source, max_cells), source_name(source), "frame"
    if header is not None and kind not in ("csv", "tsv"):
        raise MetaevalError(
            f"header= applies to text tables (CSV, TSV) only, but {name} is not one; omit it."
        )
    frame.columns = pd.Index(_column_names(frame, name), dtype=object)
    require_distinct(list(frame.columns), name)
    if not len(frame):
        raise MetaevalError(f"{name} has no rows; expected at least one row below the header.")
    frame = _without_categories(frame)
    text = kind in ("csv", "tsv")
    return with_origin(frame, FrameOrigin(source=name, text=text, notes=tuple(notes)))


def _without_categories(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert categorical columns to their values, so that cells can be assigned any value."""
    coded = [c for c in frame if isinstance(frame[c].dtype, pd.CategoricalDtype)]
    return frame.assign(**{c: frame[c].astype(object) for c in coded}) if coded else frame


def _column_names(frame: pd.DataFrame, source: str) -> list[str]:
    """Strip column names; name unnamed columns by position, as in pandas."""
    names = [as_utf8(str(column)).strip() for column in frame.columns]
    long = [name for name in names if len(name) > LONGEST_NAME]
    if long:
        raise MetaevalError(
            f"A column name in {source} has {len(long[0]):,} characters ({long[0]:.30}...); "
            f"expected at most {LONGEST_NAME:,}. Rename it."
        )
    return [name or f"Unnamed: {index}" for index, name in enumerate(names)]


def head_of(source: Any) -> str:
    """Return the beginning of a source; for Parquet and frames, the column names as a header."""
    if not isinstance(source, str | Path):
        return ",".join(map(str, column_names(source)))
    path = Path(source)
    if path.is_dir():
        return ""
    if file_bytes.first_bytes(path, 4) == b"PAR1":
        return ",".join(open_parquet(path).schema_arrow.names)
    return read_text_head(path)


def _from_file(
    path: Path, max_cells: int, header: Sequence[str] | None
) -> tuple[pd.DataFrame, str, str, list[str]]:
    if extension(path) in (".parquet", ".pq"):
        return from_parquet(path, max_cells), path.name, "parquet", []
    if file_bytes.first_bytes(path, 4) == b"PAR1" and extension(path) not in KINDS:
        return from_parquet(path, max_cells), path.name, "parquet", []
    head = read_text_head(path)
    refuse_foreign(path, head)
    kind = kind_of(path, head)
    require_content(path, head, kind)
    if kind in ("csv", "tsv"):
        frame, notes = from_delimited(path, head, max_cells, header)
        return frame, path.name, kind, notes
    if kind == "json":
        content, notes = rows_within(load_json(path, max_cells=max_cells), path.name)
        return from_json(content, path.name, max_cells), path.name, kind, notes
    frame = from_objects(json_lines(path, head, max_cells), path.name, max_cells)
    return frame, path.name, kind, []
