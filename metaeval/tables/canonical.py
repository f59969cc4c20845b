"""The canonical form: ids as text, numbers as float64, rows sorted by ids."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from metaeval.core import Codes, Floats, MetaevalError, join_names, require_column
from metaeval.tables.text_columns import TEXT

ROW = "row"
"""Prefix of the index name of every frame of a table."""

_LARGEST = 1e300  # of scores: differences of larger ones may overflow
_LARGEST_SHORT = 3e38  # largest float32
_WRITTEN = {4: 6, 2: 3}  # significant digits that decimals keep in float32 and float16, by bytes
_FEW_BITS = 10  # of the fraction: dyadic values such as halves are exact in any type


def ids_as_text(values: pd.Series, name: str, *, null_is_empty: bool = False) -> pd.Series:
    """Ids as text, with sorted categories: 7, "7" and 7.0 in a numeric column are one id.

    >>> ids_as_text(pd.Series([7.0, 10.0]), "item").tolist()
    ['7', '10']
    """
    nulls = values.isna()
    if nulls.any():
        if not null_is_empty:
            raise MetaevalError(
                f"Empty cells in the id column {name!r}: {int(nulls.sum())}, the first in row "
                f"{int(np.flatnonzero(nulls.to_numpy())[0]) + 1} (counting from 1). Fill them in, "
                "or drop these rows."
            )
        values = values.astype(object).where(~nulls, "")
    if isinstance(values.dtype, pd.CategoricalDtype):
        categories = list(values.array.categories)
        if all(isinstance(c, str) for c in categories):
            occurs = np.bincount(values.array.codes, minlength=len(categories)) > 0
            if occurs.all() and categories == sorted(categories):
                return values
            occurring = sorted(c for c, present in zip(categories, occurs, strict=True) if present)
            return values.cat.set_categories(occurring)
        values = values.astype(object)
    mixed = values.dtype == object or pd.api.types.is_float_dtype(values.dtype)
    text = values.map(id_text) if mixed else values.astype(TEXT)
    codes, uniques = pd.factorize(np.asarray(text, dtype=object), sort=True)
    return pd.Series(
        pd.Categorical.from_codes(codes, categories=pd.Index(uniques, dtype=object)),
        index=values.index,
        name=name,
    )


def id_text(value: object) -> str:
    """Return an id as text: 7.0 becomes "7", and lone surrogates are escaped."""
    is_integer = isinstance(value, float) and value.is_integer()
    text = str(int(value)) if is_integer else str(value)  # type: ignore[call-overload]
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def id_columns(
    rows: pd.DataFrame, names: tuple[str, ...], needed: list[str], *, what: str
) -> pd.DataFrame:
    """Return `rows` with id columns as text; refuse weights, empty tables and empty keys."""
    require_column(rows.columns, "item", purpose=what)
    if "weight" in rows:
        raise MetaevalError(
            "Item weights are not supported in this release; drop or rename the column 'weight'."
        )
    if not len(rows):
        raise MetaevalError(f"{what} need at least one row, got none.")
    filled = {"task", "item", "cluster", *needed}
    present = {
        name: ids_as_text(rows[name], name, null_is_empty=name not in filled)
        for name in dict.fromkeys(names)
        if name in rows
    }
    return _plain_covariates(rows.assign(**present), present)


def _plain_covariates(rows: pd.DataFrame, ids: Collection[str]) -> pd.DataFrame:
    """Covariates of plain values; lists and other objects are refused."""
    converted = {}
    for name in [c for c in rows if c not in ids and rows[c].dtype == object]:
        nested = rows[name].map(lambda v: isinstance(v, list | dict | set | np.ndarray))
        if nested.any():
            raise MetaevalError(
                f"The column {name!r} of rows must contain numbers or text, got "
                f"{rows[name][nested].iloc[0]!r:.60}. Drop or convert it."
            )
        converted[name] = rows[name].map(lambda v: id_text(v) if isinstance(v, str) else v)
    return rows.assign(**converted) if converted else rows


def numbers(frame: pd.DataFrame, *, what: str) -> pd.DataFrame:
    """Every column as float64; infinities and duplicate names are refused."""
    names = [str(name) for name in frame.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise MetaevalError(
            f"Several columns of {what} are named {join_names(repeated)}; rename them."
        )
    columns = {}
    for name, (_, column) in zip(names, frame.items(), strict=True):
        try:
            values = _as_doubles(column)
        except (TypeError, ValueError, OverflowError):
            raise MetaevalError(
                f"{name!r} in {what} has non-numeric values, such as "
                f"{_first_non_number(column)!r:.60}; correct them, or leave them empty if missing."
            ) from None
        if np.isinf(values).any():
            row = int(np.flatnonzero(np.isinf(values))[0]) + 1
            raise MetaevalError(
                f"{name!r} in {what} has an infinite value in row {row} (counting from 1); leave "
                "it empty if it is missing, or replace it with a finite number."
            )
        if (np.abs(values) > _LARGEST).any():
            raise MetaevalError(
                f"{name!r} in {what} has values beyond {_LARGEST:g}, whose differences may "
                "overflow; rescale them."
            )
        columns[name] = values + 0.0  # -0.0 becomes 0.0
    return float_frame(columns, frame.index)


def float_frame(columns: Mapping[str, Floats], index: pd.Index) -> pd.DataFrame:
    """Columns of doubles (row,) as a frame, built from one array, which is faster."""
    stacked = np.empty((len(columns), len(index)))
    for row, values in enumerate(columns.values()):
        stacked[row] = values
    names = pd.Index(list(columns), dtype="str")
    return pd.DataFrame(stacked.T, index=index, columns=names, copy=False)


def _as_doubles(column: pd.Series) -> Floats:
    """A column as doubles; values of a shorter type become the decimals that they represent.

    The float32 nearest to 0.3 is 0.30000001192..., and its difference from 0.2 is not 0.1. It is
    converted to its shortest decimal representation, 0.3. Doubles that are all float32 values are
    treated likewise, unless they are exact fractions. A column most of whose decimals need all
    digits of the type was computed in it rather than written as decimals, and is kept unchanged.

    >>> _as_doubles(pd.Series([0.3, 2.0], dtype="float32")).tolist()
    [0.3, 2.0]
    """
    short = _short_type(column.dtype)
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if short is None and _went_through(values):
        short = np.dtype(np.float32)
    return values if short is None else _shortest_decimals(values, short)


def _short_type(dtype: Any) -> np.dtype[Any] | None:
    """float16 or float32 if that is the type of a NumPy, pandas or Arrow column."""
    name = str(dtype).lower()
    for type_, names in (
        (np.float32, ("float32", "float[")),
        (np.float16, ("float16", "halffloat[")),
    ):
        if name.startswith(names):
            return np.dtype(type_)
    return None


def _went_through(values: Floats) -> bool:
    """Whether doubles are all float32 values, and not all short dyadic fractions."""
    fine = values[np.isfinite(values) & (np.abs(values) < _LARGEST_SHORT)]
    if fine.size < np.isfinite(values).sum() or not fine.size:
        return False
    if (fine.astype(np.float32) != fine).any():
        return False
    return bool((fine * 2.0**_FEW_BITS != np.rint(fine * 2.0**_FEW_BITS)).any())


def _shortest_decimals(values: Floats, short: np.dtype[Any]) -> Floats:
    """The double nearest to the shortest decimal of each value, if most are short."""
    finite = np.isfinite(values)
    unique, inverse = np.unique(values[finite], return_inverse=True)
    with np.errstate(over="ignore"):
        texts = unique.astype(short).astype(str)
    digits = [len(re.sub(r"e.*|[-.]", "", text).strip("0")) for text in texts]
    if np.mean(np.array(digits) > _WRITTEN[short.itemsize]) > 0.1:
        return values
    exact = values.copy()
    exact[finite] = texts.astype(np.float64)[inverse]
    return exact


def _first_non_number(column: pd.Series) -> object:
    for value in column.dropna():
        try:
            float(value)
        except (TypeError, ValueError, OverflowError):
            return value
    return column.iloc[0]


def require_distinct(scores: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Raise if a scorer and a label have the same name."""
    ambiguous = [name for name in scores.columns if name in set(labels.columns)]
    if ambiguous:
        raise MetaevalError(
            f"A scorer and a label have the same name: {join_names(ambiguous)}; rename one."
        )


def require_shared_index(*frames: pd.DataFrame) -> None:
    """Raise unless rows, scores and labels share an index, whose name identifies the table."""
    names = {str(frame.index.name) for frame in frames}
    if len(names) > 1 and any(name.startswith(f"{ROW} ") for name in names):
        raise MetaevalError(
            "rows, scores and labels come from different tables, or are in different row orders; "
            "take all three from one table, or change one at a time (`replace` aligns by ids)."
        )
    if not all(frame.index.equals(frames[0].index) for frame in frames[1:]):
        raise MetaevalError(
            "rows, scores and labels must share one index; join them by key first "
            "(as read_scores does)."
        )


def row_order(
    rows: pd.DataFrame, columns: list[str], values: tuple[pd.DataFrame, ...] = ()
) -> Codes:
    """Positions that sort the rows by their ids as text.

    Rows not identified by a response or system are also sorted by `values`.
    """
    by: list[npt.NDArray[Any]] = [rows[name].cat.codes.to_numpy() for name in columns]
    for frame in values:
        by += [pd.factorize(frame[name], sort=True)[0] for name in sorted(frame.columns)]
    return np.lexsort(by[::-1])


def group_codes(rows: pd.DataFrame, columns: list[str]) -> Codes:
    """Index of the group of each row, groups in order of their ids as text: (row,)."""
    combined = np.zeros(len(rows), dtype=np.int64)
    for name in columns:
        codes = rows[name].cat
        combined = combined * len(codes.categories) + codes.codes.to_numpy()
    return np.unique(combined, return_inverse=True)[1].astype(np.intp)


def require_unique_rows(rows: pd.DataFrame, identity: list[str]) -> None:
    """Raise if rows have duplicate keys; the first ten are listed."""
    if not identity or np.bincount(group_codes(rows, identity)).max() == 1:
        return
    repeated = rows.duplicated(identity, keep=False)
    if not repeated.any():
        return
    keys = rows.loc[repeated, identity].drop_duplicates()
    examples = join_names([tuple(map(str, row)) for row in keys.itertuples(index=False)], 10)
    raise MetaevalError(
        f"{int(repeated.sum())} rows share a key ({', '.join(identity)}): {examples}. "
        "Remove duplicates, or pass the column that distinguishes them as keys=."
    )


def require_nested(rows: pd.DataFrame, inner: list[str], outer: str) -> None:
    """Raise unless each item belongs to exactly one cluster."""
    if outer not in rows:
        return
    pairs = rows[[*inner, outer]].drop_duplicates()
    conflicting = pairs[pairs.duplicated(inner)]
    if len(conflicting):
        raise MetaevalError(
            f"Each item must belong to one {outer}; {join_names(conflicting['item'].unique(), 5)} "
            f"belongs to several. Map {outer} to a column that is constant within an item; if "
            f"items are numbered separately within each {outer}, combine both ids: "
            f"columns={{'item': '<column of {outer}s>+<column of items>'}} "
            f"(--map item=<column of {outer}s>+<column of items>)."
        )


def require_zero_or_one(labels: pd.DataFrame) -> None:
    """Raise unless all labels are 0, 1 or missing."""
    values = labels.to_numpy()
    odd = ~np.isin(values, (0.0, 1.0)) & ~np.isnan(values)
    if odd.any():
        raise MetaevalError(
            f"label_kind='correct' needs labels of 1 (right) or 0 (wrong), got {values[odd][0]:g}. "
            "Use label_kind='rating' for graded labels."
        )


def column_bytes(column: pd.Series) -> bytes:
    """A column as bytes that depend on its values but not on its dtype."""
    if pd.api.types.is_numeric_dtype(column.dtype) and not isinstance(
        column.dtype, pd.CategoricalDtype
    ):
        values = column.to_numpy(dtype="<f8", na_value=np.nan) + 0.0
        values[np.isnan(values)] = np.nan
        return values.tobytes()
    return "\x1f".join(map(str, column.tolist())).encode()
