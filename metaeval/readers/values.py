"""Cells as ids, numbers and covariates, the same whether they came as text or with a type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from metaeval.canonical import ids_as_text
from metaeval.checks import listed
from metaeval.errors import MetaevalError

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LONGEST_CATEGORY = 200

_MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "<na>"))
_TRUTH = {"true": 1.0, "false": 0.0}
_FLOAT_ID = re.compile(r"-?\d+\.0")


# Ids.
def id_column(column: pd.Series, name: str, *, text: bool = False, null: bool = False) -> Any:
    """Ids as a Categorical of texts; of cells that are text, `7.0` is 7 where all look so.

    Parameters
    ----------
    column : Series
        Ids of any type.
    name : str
        What to call the column in messages.
    text : bool
        Whether the cells come from a table of text.
    null : bool
        Whether null is allowed and means the empty id.
    """
    if column.dtype == object or isinstance(column.dtype, pd.CategoricalDtype):
        return ids_as_text(column, name, null_is_empty=null).array
    codes, uniques = pd.factorize(column)
    if (codes < 0).any() and not null:
        ids_as_text(column, name)  # raises, and names the row
    texts = ids_as_text(pd.Series(uniques), name).tolist() if len(uniques) else []
    texts = _whole(texts) if text else texts
    if (codes < 0).any():
        texts = texts if "" in texts else [*texts, ""]
        codes = np.where(codes < 0, texts.index(""), codes)
    return pd.Categorical.from_codes(codes, categories=pd.Index(texts, dtype=object))


def _whole(texts: list[str]) -> list[str]:
    if any(texts) and all(_FLOAT_ID.fullmatch(t) for t in texts if t):
        return [t.removesuffix(".0") for t in texts]
    return texts


def combined(codes: Sequence[npt.NDArray[Any]]) -> Codes:
    """Return one number per row for several columns of codes (row,); equal rows have equal ones."""
    total = np.zeros(len(codes[0]) if codes else 0, dtype=np.int64)
    width = 1
    for column in codes:
        size = int(column.max(initial=0)) + 2
        if width > 2**62 // size:
            total, uniques = pd.factorize(total)
            width = len(uniques) + 1
        total = total * size + (column.astype(np.int64) + 1)
        width *= size
    return total


# Numbers.
def as_numbers(column: pd.Series) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return numbers (row,), NaN where missing, and which cells (row,) are neither."""
    if pd.api.types.is_any_real_numeric_dtype(column.dtype) or column.dtype == bool:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return values, np.zeros(len(values), dtype=bool)
    try:
        codes, uniques = pd.factorize(column.astype(object))
    except TypeError:  # lists and the like
        return np.full(len(column), np.nan), column.notna().to_numpy()
    read = [_number(value) for value in uniques]
    values = np.array([np.nan if v is None else v for v in read] + [np.nan], dtype=np.float64)
    bad = np.array([v is None for v in read] + [False])
    return values[codes], bad[codes]


def _number(value: object) -> float | None:
    """Return a cell as a float, NaN if it says missing, None if it is no number."""
    if isinstance(value, bool | int | float | Decimal | np.number | np.bool_):
        return float(value)
    if not isinstance(value, str) or "_" in value:
        return None
    word = value.strip().lower()
    if word in _MISSING:
        return float("nan")
    try:
        return _TRUTH[word] if word in _TRUTH else float(word)
    except ValueError:
        return None


def numbers(column: pd.Series, name: str, source: str) -> Floats:
    """Return the numbers of a column (row,); cells that are none are an error that lists them."""
    values, bad = as_numbers(column)
    if bad.any():
        raise not_numbers(column, bad, name, source)
    return values


def not_numbers(
    column: pd.Series, bad: npt.NDArray[np.bool_], name: str, source: str
) -> MetaevalError:
    """Build the error of cells (row,) that are no numbers."""
    rows = np.flatnonzero(bad)
    some = [f"{column.iloc[row]!r} in row {row + 1}" for row in rows[:10]]
    more = f" and {len(rows) - 10} more" if len(rows) > 10 else ""
    return MetaevalError(
        f"{name!r} of {source} holds {len(rows)} cells that are no numbers: "
        f"{', '.join(some)}{more} (the first row below the header is row 1). Correct them, or "
        "leave them empty if missing."
    )


# Covariates.
def sort_of(column: pd.Series) -> str:
    """Tell what a column holds: "number", "truth", "text", "mixed" or "nested".

    Mixed are numbers and words, at least as many numbers. Text that is all numbers counts as
    numbers; a column with no value at all too.
    """
    if pd.api.types.is_bool_dtype(column.dtype):
        return "truth"
    if pd.api.types.is_any_real_numeric_dtype(column.dtype):
        return "number"
    values, bad = as_numbers(column)
    if bad.any():
        if any(isinstance(v, list | dict | np.ndarray) for v in column[bad].head(1)):
            return "nested"
        return "mixed" if 2 * bad.sum() <= bad.sum() + np.isfinite(values).sum() else "text"
    words = {str(v).strip().lower() for v in pd.unique(column.dropna().astype(object))} - _MISSING
    return "truth" if words and words <= set(_TRUTH) else "number"


def covariate(column: pd.Series, *, text: bool) -> pd.Series | None:
    """Return a covariate as numbers or short categories; None for texts and nested values."""
    sort = sort_of(column)
    if sort in ("number", "truth"):
        return pd.Series(as_numbers(column)[0], index=column.index)
    if sort == "nested":
        return None
    words = column.astype(object).where(column.notna(), None)
    longest = words.dropna().astype(str).str.len().max()
    if longest > LONGEST_CATEGORY:
        return None
    filled = words.where(words != "", None) if text else words
    return pd.Series(filled.array, index=column.index, dtype="str")


def collapse(
    column: pd.Series, rows: npt.NDArray[Any], n_rows: int
) -> tuple[pd.Series, npt.NDArray[np.bool_]]:
    """Return one value per row from cells that belong to rows (cell,), and the rows that disagree.

    Empty cells agree with everything.
    """
    codes, uniques = pd.factorize(column)
    filled = codes >= 0
    chosen = np.full(n_rows, -1, dtype=np.int64)
    chosen[rows[filled]] = codes[filled]
    torn = np.zeros(n_rows, dtype=bool)
    torn[rows[filled][chosen[rows[filled]] != codes[filled]]] = True
    made = pd.Series(uniques).reindex(range(len(uniques)))
    return made.reindex(chosen).reset_index(drop=True), torn


def shown(ids: dict[str, Any], rows: npt.NDArray[Any], limit: int = 10) -> str:
    """Return the keys of some rows for a message, `item '1', system 'a'`.

    >>> shown({"item": ["1", "2"]}, np.array([1]))
    "item '2'"
    """
    texts = [
        ", ".join(f"{name} {values[row]!r}" for name, values in ids.items())
        for row in rows[: limit + 1]
    ]
    more = [""] * max(0, len(rows) - len(texts))
    return listed([t if len(ids) == 1 else f"({t})" for t in texts] + more, limit)
