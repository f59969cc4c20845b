"""Cells as ids, numbers and covariates, the same from text and from typed columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from metaeval.core import MetaevalError, join_names
from metaeval.readers.cells.column_notation import plain
from metaeval.readers.cells.missing_words import FAILED, MISSING, is_missing_word, word_of
from metaeval.readers.cells.unread_cells import is_list
from metaeval.tables import TEXT, ids_as_text

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LONGEST_CATEGORY = 200  # characters; longer cells are texts, which would only waste memory

_TRUTH = {"true": 1.0, "false": 0.0}
_CLEAR_TRUTHS = (
    *(("true", "false"), ("yes", "no"), ("pass", "fail"), ("passed", "failed")),
    *(("correct", "incorrect"), ("y", "n"), ("thumbs up", "thumbs down")),
)
"""Words for right and wrong; one of a pair identifies a column of truth values."""
_PAIRED_TRUTHS = (
    *(("right", "wrong"), ("good", "bad"), ("accept", "reject"), ("accepted", "rejected")),
    *(("valid", "invalid"), ("t", "f"), ("ok", "not ok")),
)
"""Words for right and wrong, recognized only if both words of a pair occur."""
_THUMBS = {
    **dict.fromkeys(("👍", "thumbsup", ":thumbsup:", ":+1:"), "thumbs up"),
    **dict.fromkeys(("👎", "thumbsdown", ":thumbsdown:", ":-1:"), "thumbs down"),
}
_SKIN = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")  # variation selector and skin tones
_EXACT = 2.0**53  # from here on, double precision skips whole numbers
_FLOAT_ID = re.compile(r"-?\d+\.0")


# Ids.
def id_column(column: pd.Series, name: str, *, text: bool = False, null: bool = False) -> Any:
    """Return ids as a Categorical of texts; in tables of text, `7.0` becomes 7 if all look like it.

    Parameters
    ----------
    column : Series
        Ids of any type.
    name : str
        Name of the column in messages.
    text : bool
        Whether the cells come from a table of text.
    null : bool
        Whether null is allowed, as the empty id.
    """
    if column.dtype == TEXT:
        return _text_ids(column, name, text, null)
    _require_exact(column, name)
    column = _plain_ids(column, name, null)
    if column.dtype == object or isinstance(column.dtype, pd.CategoricalDtype):
        return ids_as_text(column, name, null_is_empty=null).array
    codes, uniques = pd.factorize(column)
    if (codes < 0).any() and not null:
        ids_as_text(column, name)  # raises, and names the row
    texts = ids_as_text(pd.Series(uniques), name).tolist() if len(uniques) else []
    return _categories(codes, texts)


def _require_exact(column: pd.Series, name: str) -> None:
    """Raise if ids are floating-point numbers so large that different ids may coincide."""
    if pd.api.types.is_float_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    elif column.dtype == object:
        values = np.array([v if isinstance(v, float) else 0.0 for v in column], dtype=np.float64)
    else:
        return
    large = np.flatnonzero(np.isfinite(values) & (np.abs(values) >= _EXACT))
    if len(large):
        raise MetaevalError(
            f"The id column {name!r} contains {values[large[0]]:.1f}; floating-point numbers of "
            "2^53 or more are not exact, so different ids may coincide. Write the ids as text or "
            "as integers."
        )


def _text_ids(column: pd.Series, name: str, text: bool, null: bool) -> Any:
    """Return ids that are texts; each distinct text is checked once."""
    codes, uniques = pd.factorize(column.to_numpy(dtype=object))
    texts = list(map(str, uniques))
    if not null and ((codes < 0).any() or not all(map(str.strip, texts))):
        ids_as_text(_plain_ids(column, name, null), name)  # raises, and names the row
    return _categories(codes, _integer_ids(texts, name) if text else texts)


def _categories(codes: Codes, texts: list[str]) -> Any:
    """Return a Categorical of texts by their codes; -1 is the empty id."""
    if (codes < 0).any():
        texts = texts if "" in texts else [*texts, ""]
        codes = np.where(codes < 0, texts.index(""), codes)
    return pd.Categorical.from_codes(codes, categories=pd.Index(texts, dtype=object))


def _plain_ids(column: pd.Series, name: str, null: bool) -> pd.Series:
    """Return ids that are texts or numbers; refuse lists, objects, and blank ids if not `null`."""
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != object:
        return column
    cells = column.dropna()
    if column.dtype == object:
        odd = cells.map(lambda v: isinstance(v, list | dict | tuple | set | np.ndarray))
        if odd.any():
            raise MetaevalError(
                f"Expected text or numbers in the id column {name!r}, got a list or an object: "
                f"{cells[odd].iloc[0]!r:.60}. Extract one value, or map another column."
            )
        if cells.map(lambda v: isinstance(v, bytes)).any():
            column = column.map(lambda v: v.decode() if isinstance(v, bytes) else v)
    blank = column.astype(object).map(lambda v: isinstance(v, str) and not v.strip()).to_numpy()
    if not null and blank.any():
        raise MetaevalError(
            f"Empty cells in the id column {name!r}: {int(blank.sum())}, the first in row "
            f"{int(np.flatnonzero(blank)[0]) + 1} (counting from 1). Fill them in, or drop these "
            "rows."
        )
    return column


def _integer_ids(texts: list[str], name: str) -> list[str]:
    if any(texts) and all(_FLOAT_ID.fullmatch(t) for t in texts if t):
        _require_exact(pd.Series([float(t or 0) for t in texts]), name)
        return [t.removesuffix(".0") for t in texts]
    return texts


def combine_codes(codes: Sequence[npt.NDArray[Any]]) -> Codes:
    """Combine several columns of codes (row,) into one; equal rows have equal numbers."""
    total = np.zeros(len(codes[0]) if codes else 0, dtype=np.int64)
    width = 1
    for column in codes:
        size = int(column.max(initial=0)) + 2
        if width > 2**62 // size:  # the next product would overflow 64 bits: renumber first
            total, uniques = pd.factorize(total)
            width = len(uniques) + 1
        total = total * size + (column.astype(np.int64) + 1)
        width *= size
    return total


# Numbers.
def as_numbers(column: pd.Series) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return numbers (row,), NaN where missing, and a mask of cells (row,) that are neither.

    Words for right and wrong are 1 and 0 if a column has no other words.
    """
    if pd.api.types.is_any_real_numeric_dtype(column.dtype) or column.dtype == bool:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return values, np.zeros(len(values), dtype=bool)
    cast = plain_numbers(column)
    if cast is not None:
        return cast, np.zeros(len(cast), dtype=bool)
    try:
        codes, uniques = pd.factorize(column.astype(object))
    except TypeError:  # lists and the like
        return np.full(len(column), np.nan), column.notna().to_numpy()
    parsed = _truths(uniques) or [_number(value) for value in uniques]
    values = np.array([np.nan if v is None else v for v in parsed] + [np.nan], dtype=np.float64)
    bad = np.array([v is None for v in parsed] + [False])
    return values[codes], bad[codes] | _truths_among(column, values[codes])


def _truths_among(column: pd.Series, values: Floats) -> npt.NDArray[np.bool_]:
    """Return which cells (row,) are true or false beside numbers other than 0 and 1."""
    if not (np.isfinite(values) & (values != 0) & (values != 1)).any():
        return np.zeros(len(values), dtype=bool)
    cells = column.astype(object)
    return np.array(
        [
            isinstance(v, bool | np.bool_) or (isinstance(v, str) and v.strip().lower() in _TRUTH)
            for v in cells
        ],
        dtype=bool,
    )


def plain_numbers(column: pd.Series) -> Floats | None:
    """Convert plain numbers and empty texts to numbers (row,); None if any text is neither."""
    import pyarrow as pa
    from pyarrow import compute

    if column.dtype != TEXT:
        return None
    texts = pa.chunked_array(pa.array(column.array))
    try:
        filled = compute.if_else(compute.equal(texts, ""), None, texts)
        return np.asarray(filled.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid:
        return None


def _truths(values: Any) -> list[float | None]:
    """Return words for right and wrong as 1 and 0, NaN where missing; [] if there are others."""
    words = [_word(v) if isinstance(v, str) else None for v in values]
    present = {w for w in words if w is not None and w not in MISSING | FAILED}
    pairs = [p for p in _CLEAR_TRUTHS if present <= set(p)] or [
        p for p in _PAIRED_TRUTHS if present == set(p)
    ]
    if None in words or not present or not pairs:
        return []
    return [{pairs[0][0]: 1.0, pairs[0][1]: 0.0}.get(str(w), float("nan")) for w in words]


def _word(text: str) -> str:
    word = word_of(_SKIN.sub("", text))
    return _THUMBS.get(word, word)


def _number(value: object) -> float | None:
    """Return a cell as a float, NaN if it is missing, None if it is not a number."""
    if isinstance(value, bool | int | float | Decimal | np.number | np.bool_):
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    if not isinstance(value, str) or "_" in value:
        return float("nan") if is_missing_word(value) else None
    word = plain(value).lower()
    if is_missing_word(word):
        return float("nan")
    try:
        return _TRUTH[word] if word in _TRUTH else float(word)
    except ValueError:
        return None


def numbers(column: pd.Series, name: str, source: str) -> Floats:
    """Return the numbers of a column (row,); raise an error that lists other cells."""
    values, bad = as_numbers(column)
    if bad.any():
        raise non_numeric_error(column, bad, name, source)
    return values


def non_numeric_error(
    column: pd.Series, bad: npt.NDArray[np.bool_], name: str, source: str
) -> MetaevalError:
    """Build the error for cells (row,) that are not numbers."""
    rows = np.flatnonzero(bad)
    examples = [f"{column.iloc[row]!r:.60} in row {row + 1}" for row in rows[:10]]
    rest = f" and {len(rows) - 10} more" if len(rows) > 10 else ""
    first = column.iloc[rows[0]]
    if isinstance(first, list | dict | tuple | set | np.ndarray) or is_list(first):
        advice = "Write one number per cell, in separate columns"
    else:
        code = repr(str(first)) if len(str(first)) <= 40 else "CODE"
        advice = _advice([str(column.iloc[row]) for row in rows[:1000]], code)
    return MetaevalError(
        f"Column {name!r} in {source} has {len(rows)} non-numeric cells: "
        f"{', '.join(examples)}{rest} (row 1 is the first below the header). {advice}."
    )


def _advice(cells: Sequence[str], code: str) -> str:
    """Return the advice for non-numeric cells, most of which may be numbers in some notation."""
    missing = f"missing_codes=[{code}] (--missing-codes {code}) if they stand for missing values"
    words = "value_map={...} (--value-map WORD=NUMBER,...) if they are words of a rating scale"
    if 2 * sum(any(map(str.isdigit, cell)) for cell in cells) > len(cells):
        return (
            "Write them as plain numbers in one notation, such as 0.5; if they are not scores, "
            f"use {missing}, or {words}"
        )
    return f"Correct them, or use {missing}, or {words}"


# Covariates.
def sort_of(column: pd.Series) -> str:
    """Classify a column as "number", "truth", "text", "mixed" or "nested".

    A mixed column has numbers and words: at least as many numbers, or few distinct words. Text that
    is all numbers counts as numbers, and so does a column without any value.
    """
    if pd.api.types.is_bool_dtype(column.dtype):
        return "truth"
    if pd.api.types.is_any_real_numeric_dtype(column.dtype):
        return "number"
    values, bad = as_numbers(column)
    if bad.any():
        if any(isinstance(v, list | dict | np.ndarray) for v in column[bad].head(1)):
            return "nested"
        return "mixed" if _is_mixed(column[bad], int(np.isfinite(values).sum())) else "text"
    if column.dtype != object and plain_numbers(column) is not None:
        return "number"
    words = {word_of(v) for v in pd.unique(column.dropna().astype(object))} - MISSING - FAILED
    return "number" if any(map(_is_plain_number, words)) or not words else "truth"


def _is_plain_number(word: str) -> bool:
    try:
        return float(word) == float(word)
    except ValueError:
        return False


def _is_mixed(words: pd.Series, n_numbers: int) -> bool:
    """Return whether the words of a column probably stand for missing scores."""
    # Judges may fail on most rows, but then with few distinct words such as "error".
    few_words = 4 * n_numbers >= len(words) and words.astype(TEXT).nunique() <= 3
    return n_numbers > 0 and (len(words) <= n_numbers or few_words)


def covariate(column: pd.Series, *, text: bool) -> pd.Series | None:
    """Return a covariate as numbers or short categories; None for texts and nested values."""
    sort = sort_of(column)
    if sort in ("number", "truth"):
        return pd.Series(as_numbers(column)[0], index=column.index)
    if sort == "nested":
        return None
    words = column.astype(object).where(column.notna(), None)
    longest = words.dropna().astype(TEXT).str.len().max()
    if longest > LONGEST_CATEGORY:
        return None
    filled = words.where(words != "", None) if text else words
    return pd.Series(filled.array, index=column.index, dtype=TEXT)


def collapse(
    column: pd.Series, rows: npt.NDArray[Any], n_rows: int
) -> tuple[pd.Series, npt.NDArray[np.bool_]]:
    """Return one value per row from cells (cell,), and a mask of rows whose cells disagree.

    Empty cells agree with everything.
    """
    codes, uniques = pd.factorize(column)
    filled = codes >= 0
    code_of_row = np.full(n_rows, -1, dtype=np.int64)
    code_of_row[rows[filled]] = codes[filled]
    conflicting = np.zeros(n_rows, dtype=bool)
    conflicting[rows[filled][code_of_row[rows[filled]] != codes[filled]]] = True
    categories = pd.Series(uniques).reindex(range(len(uniques)))
    return categories.reindex(code_of_row).reset_index(drop=True), conflicting


def format_ids(ids: dict[str, Any], rows: npt.NDArray[Any], limit: int = 10) -> str:
    """Format the ids of some rows for a message, `item '1', system 'a'`.

    >>> format_ids({"item": ["1", "2"]}, np.array([1]))
    "item '2'"
    """
    texts = [
        ", ".join(f"{name} {values[row]!r}" for name, values in ids.items())
        for row in rows[: limit + 1]
    ]
    padding = [""] * max(0, len(rows) - len(texts))
    return join_names([t if len(ids) == 1 else f"({t})" for t in texts] + padding, limit)
