"""Tables in JSON: an array of objects, possibly nested, an object of lists, or JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from metaeval.core import MetaevalError, join_names
from metaeval.readers.files import file_bytes
from metaeval.readers.files.content_type import as_utf8, is_object, kind_of, read_text_head
from metaeval.tables import inferred


def load_json(path: str | Path, *, max_cells: int | None = None) -> Any:
    """Read a JSON file as a Python object; JSON Lines become a list of objects.

    Parameters
    ----------
    path : str or Path
        A file, gzipped or not; .jsonl and .ndjson are JSON Lines.
    max_cells : int, optional
        Files with more commas are refused before they are parsed.

    Raises
    ------
    MetaevalError
        If the file is too large or is not valid JSON; the message names the line.
    """
    path = Path(path)
    max_cells = file_bytes.cells_that_fit() if max_cells is None else max_cells
    head = read_text_head(path)
    if kind_of(path, head) == "jsonl":
        return json_lines(path, head, max_cells)
    file_bytes.scan(path, mark=b",", weight=1, max_cells=max_cells, by_line=False)
    with file_bytes.open_bytes(path) as file:
        text = file.read().decode("utf-8-sig")
    return _parse(path, text)


def _parse(path: Path, text: str, line: int = 1) -> Any:
    """Parse a JSON text that starts in the given line of a file."""
    try:
        content = json.loads(text, object_pairs_hook=_distinct_fields)
    except json.JSONDecodeError as error:
        lines = error.msg == "Extra data" and text.lstrip().startswith("{")
        advice = (
            "a file with one object per line must have the extension .jsonl"
            if lines
            else "correct it"
        )
        raise MetaevalError(
            f"{path.name} is not valid JSON, line {line + error.lineno - 1}: {error.msg}; {advice}."
        ) from None
    except _RepeatedField as error:
        where = f", line {line}" if line > 1 or "\n" not in text.strip() else ""
        raise MetaevalError(
            f"{path.name}{where}: an object has the field {str(error)!r:.60} twice, with different "
            "values. Keep one."
        ) from None
    except RecursionError:
        raise MetaevalError(
            f"{path.name} is nested too deeply; expected an array of objects."
        ) from None
    except ValueError:  # Python reads whole numbers of up to 4,300 digits
        raise MetaevalError(
            f"{path.name} contains an integer with thousands of digits; expected a score. Correct "
            "it."
        ) from None
    return _encodable(content) if "\\ud" in text.lower() else content


def _encodable(value: Any) -> Any:
    """Return values with encodable texts; lone surrogates become escape sequences."""
    if isinstance(value, str):
        return as_utf8(value)
    if isinstance(value, list):
        return [_encodable(v) for v in value]
    if isinstance(value, dict):
        return {as_utf8(k): _encodable(v) for k, v in value.items()}
    return value


class _RepeatedField(Exception):
    """An object has one field twice."""


def _distinct_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        for name, value in pairs:
            if fields[name] != value:
                raise _RepeatedField(name)
    return fields


def json_lines(path: Path, head: str, max_cells: int) -> list[dict[str, Any]]:
    """Read an object per line; `head` is what the file starts with."""
    first = head.lstrip().partition("\n")[0]
    fields = len(_parse(path, first)) if is_object(first) else max(first.count(":"), 1)
    file_bytes.scan(path, mark=b"\n", weight=max(fields, 1), max_cells=max_cells, by_line=True)
    with file_bytes.open_bytes(path) as file:
        lines = file.read().decode("utf-8-sig").split("\n")
    objects = [(n, _parse(path, text, n)) for n, text in enumerate(lines, 1) if text.strip()]
    wrong = [n for n, row in objects if not isinstance(row, dict)]
    if wrong:
        raise MetaevalError(
            f'{path.name}, line {wrong[0]}: expected an object such as {{"item": 1, ...}}.'
        )
    return [row for _, row in objects]


def from_json(content: Any, name: str, max_cells: int = file_bytes.MAX_CELLS) -> pd.DataFrame:
    """Build a table from an array of objects or an object of lists."""
    if _are_objects(content):
        return from_objects(content, name, max_cells)
    if isinstance(content, Mapping) and any(isinstance(v, list) for v in content.values()):
        return _from_columns(content, name)
    raise MetaevalError(
        f"{name} is not a table; expected an array of objects, or an object of lists of equal "
        "length. Files that contain only totals cannot be compared item by item."
    )


def rows_within(content: Any, name: str) -> tuple[Any, list[str]]:
    """Return the list of rows in an object with one such list, possibly among others; and notes.

    >>> rows_within({"model": "x", "data": [{"item": 1}]}, "s.json")
    ([{'item': 1}], ["s.json: rows were read from the list 'data'; other fields ignored: model"])
    """
    if not isinstance(content, Mapping) or _has_columns(content):
        return content, []
    tables = [key for key, value in content.items() if _are_objects(value)]
    if len(tables) > 1:
        raise MetaevalError(
            f"Expected one table in {name}, got several lists of objects ({join_names(tables)}). "
            "Save one list in a separate file, or load it as a data frame: "
            f"pandas.DataFrame(json.load(open({name!r}))[{tables[0]!r}])."
        )
    if not tables:
        return content, []
    rest = [key for key in content if key not in tables]
    note = f"; other fields ignored: {join_names(rest, 5)}" if rest else ""
    return content[tables[0]], [f"{name}: rows were read from the list {tables[0]!r}{note}"]


def _has_columns(content: Mapping[str, Any]) -> bool:
    """Return whether an object has columns: equally long lists, not all of objects."""
    if not all(isinstance(value, list) for value in content.values()):
        return False
    same = len({len(value) for value in content.values()}) == 1
    return same and not all(map(_are_objects, content.values()))


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


# Objects with varying fields, such as one field per id, would give a huge and nearly empty table.
_SPARSE = 20  # cells per value from which rows are taken not to share their fields
_ENOUGH_CELLS = 250_000  # smaller tables are cheap even if sparse


def from_objects(
    rows: list[dict[str, Any]], name: str = "the file", max_cells: int = file_bytes.MAX_CELLS
) -> pd.DataFrame:
    """Build a table from objects; missing fields are null."""
    columns = dict.fromkeys(key for row in rows for key in row)
    cells, values = len(rows) * len(columns), sum(map(len, rows))
    if cells > max_cells:
        raise file_bytes.too_large_error(name, max_cells)
    if cells > max(_ENOUGH_CELLS, _SPARSE * values):
        raise MetaevalError(
            f"The {len(rows):,} objects of {name} have {len(columns):,} different fields, most of "
            f"them rare ({join_names(list(columns)[-2:])}); expected the same fields in each "
            "object. Put the varying names in a column."
        )
    return _infer_types({key: [row.get(key) for row in rows] for key in columns})


def _from_columns(content: Mapping[str, Any], name: str) -> pd.DataFrame:
    single = [key for key, value in content.items() if not isinstance(value, list)]
    lengths = {key: len(value) for key, value in content.items() if key not in single}
    if single or len(set(lengths.values())) > 1:
        listing = join_names([f"{key} {n}" for key, n in lengths.items()], 10)
        singles_note = f"; not a list: {join_names(single, 5)}" if single else ""
        raise MetaevalError(
            f"The columns of {name} differ in length ({listing}{singles_note}); expected one value "
            "per row. Write it as an array of objects."
        )
    return _infer_types(content)


def _infer_types(columns: Mapping[str, Iterable[Any]]) -> pd.DataFrame:
    """Build a frame whose columns have a narrow type only if all values are of that type."""
    series = {key: pd.Series(list(values), dtype=object) for key, values in columns.items()}
    return pd.DataFrame({key: inferred(column) for key, column in series.items()})
