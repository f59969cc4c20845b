"""Tables in JSON: an array of objects, an object of lists, or an object per line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from metaeval.checks import listed
from metaeval.errors import MetaevalError
from metaeval.readers import streams
from metaeval.readers.texts import is_object, kind_of, read_text_head


def load_json(path: str | Path, *, max_cells: int = streams.MAX_CELLS) -> Any:
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
    if kind_of(path, head) == "jsonl":
        return json_lines(path, head, max_cells)
    streams.scan(path, mark=b",", weight=1, max_cells=max_cells, by_line=False)
    with streams.open_bytes(path) as file:
        text = file.read().decode("utf-8-sig")
    return _parsed(path, text)


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


def json_lines(path: Path, head: str, max_cells: int) -> list[dict[str, Any]]:
    """Read an object per line; `head` is what the file starts with."""
    first = head.lstrip().partition("\n")[0]
    fields = len(_parsed(path, first)) if is_object(first) else max(first.count(":"), 1)
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


def from_json(content: Any, name: str) -> pd.DataFrame:
    """Make a table of an array of objects or of an object of lists."""
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return from_objects(content)
    if isinstance(content, Mapping) and any(isinstance(v, list) for v in content.values()):
        return _from_columns(content, name)
    raise MetaevalError(
        f"{name} holds no table: an array of objects, or an object of equally long lists, was "
        "expected. Files with totals only cannot be compared item by item."
    )


def from_objects(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make a table of objects; a field that an object lacks is null."""
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
