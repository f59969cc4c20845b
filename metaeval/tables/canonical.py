"""One form for every table: ids as text, numbers as float64, rows in canonical order."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from metaeval.core import Codes, Floats, MetaevalError, listed, require_column
from metaeval.tables.text_columns import TEXT

ROW = "row"
"""How the name of the index of every frame of a table begins."""

_LARGEST = 1e300
_LARGEST_SHORT = 3e38  # of float32
_WRITTEN = {4: 6, 2: 3}  # digits that decimals keep in float32 and in float16, by bytes
_FEW_BITS = 10  # after the point: halves, quarters and the like are decimals as they are


def ids_as_text(values: pd.Series, name: str, *, null_is_empty: bool = False) -> pd.Series:
    """Ids as text, with sorted categories: 7 and "7" are one id, 7.0 of a number column is "7".

    >>> ids_as_text(pd.Series([7.0, 10.0]), "item").tolist()
    ['7', '10']
    """
    nulls = values.isna()
    if nulls.any():
        if not null_is_empty:
            raise MetaevalError(
                f"The id column {name!r} has {int(nulls.sum())} empty cells, the first in row "
                f"{int(np.flatnonzero(nulls.to_numpy())[0]) + 1} (counted from 1); ids must not be "
                "null. Fill them in, or drop those rows."
            )
        values = values.astype(object).where(~nulls, "")
    if isinstance(values.dtype, pd.CategoricalDtype):
        known = list(values.array.categories)
        if all(isinstance(c, str) for c in known):
            used = np.bincount(values.array.codes, minlength=len(known)) > 0
            if used.all() and known == sorted(known):
                return values
            kept = sorted(c for c, there in zip(known, used, strict=True) if there)
            return values.cat.set_categories(kept)
        values = values.astype(object)
    loose = values.dtype == object or pd.api.types.is_float_dtype(values.dtype)
    text = values.map(id_text) if loose else values.astype(TEXT)
    codes, uniques = pd.factorize(np.asarray(text, dtype=object), sort=True)
    return pd.Series(
        pd.Categorical.from_codes(codes, categories=pd.Index(uniques, dtype=object)),
        index=values.index,
        name=name,
    )


def id_text(value: object) -> str:
    """Return an id as text: 7.0 is "7", and half of a character (a lone surrogate) its number."""
    whole = isinstance(value, float) and value.is_integer()
    text = str(int(value)) if whole else str(value)  # type: ignore[call-overload]
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def id_columns(
    rows: pd.DataFrame, names: tuple[str, ...], needed: list[str], *, what: str
) -> pd.DataFrame:
    """Return `rows` with its id columns as text; refuse weights, empty tables and null keys."""
    require_column(rows.columns, "item", purpose=what)
    if "weight" in rows:
        raise MetaevalError(
            "A column 'weight' was found; item weights are not in this release. Drop or rename it."
        )
    if not len(rows):
        raise MetaevalError(f"{what} need at least one row; there are none.")
    filled = {"task", "item", "cluster", *needed}
    present = {
        name: ids_as_text(rows[name], name, null_is_empty=name not in filled)
        for name in dict.fromkeys(names)
        if name in rows
    }
    return _plain_covariates(rows.assign(**present), present)


def _plain_covariates(rows: pd.DataFrame, ids: Collection[str]) -> pd.DataFrame:
    """Covariates that can be compared and written; lists and objects are refused."""
    made = {}
    for name in [c for c in rows if c not in ids and rows[c].dtype == object]:
        nested = rows[name].map(lambda v: isinstance(v, list | dict | set | np.ndarray))
        if nested.any():
            raise MetaevalError(
                f"The column {name!r} of rows holds a list or an object: "
                f"{rows[name][nested].iloc[0]!r:.60}; expected numbers or texts. Leave it out."
            )
        made[name] = rows[name].map(lambda v: id_text(v) if isinstance(v, str) else v)
    return rows.assign(**made) if made else rows


def numbers(frame: pd.DataFrame, *, what: str) -> pd.DataFrame:
    """Every column as float64; infinities and repeated names are refused."""
    names = [str(name) for name in frame.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise MetaevalError(
            f"Several columns of {what} are called {listed(repeated)}; rename them."
        )
    columns = {}
    for name, (_, column) in zip(names, frame.items(), strict=True):
        try:
            values = _as_doubles(column)
        except (TypeError, ValueError, OverflowError):
            raise MetaevalError(
                f"{name!r} in {what} holds values that are not numbers, such as "
                f"{_first_non_number(column)!r:.60}; correct them, or leave them empty if missing."
            ) from None
        if np.isinf(values).any():
            row = int(np.flatnonzero(np.isinf(values))[0]) + 1
            raise MetaevalError(
                f"{name!r} in {what} holds an infinite value in row {row} (counted from 1); "
                "leave it empty if it is missing, or give a finite number."
            )
        if (np.abs(values) > _LARGEST).any():
            raise MetaevalError(
                f"{name!r} in {what} holds values beyond {_LARGEST:g}, whose differences overflow; "
                "rescale them."
            )
        columns[name] = values + 0.0  # -0.0 becomes 0.0
    return float_frame(columns, frame.index)


def float_frame(columns: Mapping[str, Floats], index: pd.Index) -> pd.DataFrame:
    """Columns of doubles (row,) as a frame, which is made faster from one array than from many."""
    stacked = np.empty((len(columns), len(index)))
    for place, values in enumerate(columns.values()):
        stacked[place] = values
    names = pd.Index(list(columns), dtype="str")
    return pd.DataFrame(stacked.T, index=index, columns=names, copy=False)


def _as_doubles(column: pd.Series) -> Floats:
    """A column as doubles: of a shorter type, the decimals that its values stand for.

    The float32 nearest to 0.3 is 0.30000001192..., and its difference from 0.2 is not 0.1. It is
    read as the shortest decimal that names it, 0.3, as it is printed. Doubles that all went through
    float32 are read so too, unless they are decimals already. A column most of whose decimals take
    all digits of the type was computed in it and not written down: its values stay as they are.

    >>> _as_doubles(pd.Series([0.3, 2.0], dtype="float32")).tolist()
    [0.3, 2.0]
    """
    short = _short_type(column.dtype)
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if short is None and _went_through(values):
        short = np.dtype(np.float32)
    return values if short is None else _shortest_decimals(values, short)


def _short_type(dtype: Any) -> np.dtype[Any] | None:
    """float16 or float32 where that is the type of a column: of NumPy, pandas or Arrow."""
    name = str(dtype).lower()
    for type_, names in (
        (np.float32, ("float32", "float[")),
        (np.float16, ("float16", "halffloat[")),
    ):
        if name.startswith(names):
            return np.dtype(type_)
    return None


def _went_through(values: Floats) -> bool:
    """Whether doubles are float32 numbers, and not all of them dyadic fractions of few digits."""
    fine = values[np.isfinite(values) & (np.abs(values) < _LARGEST_SHORT)]
    if fine.size < np.isfinite(values).sum() or not fine.size:
        return False
    if (fine.astype(np.float32) != fine).any():
        return False
    return bool((fine * 2.0**_FEW_BITS != np.rint(fine * 2.0**_FEW_BITS)).any())


def _shortest_decimals(values: Floats, short: np.dtype[Any]) -> Floats:
    """The double nearest to the shortest decimal of each value, if most decimals are short."""
    known = np.isfinite(values)
    unique, place = np.unique(values[known], return_inverse=True)
    with np.errstate(over="ignore"):
        texts = unique.astype(short).astype(str)
    digits = [len(re.sub(r"e.*|[-.]", "", text).strip("0")) for text in texts]
    if np.mean(np.array(digits) > _WRITTEN[short.itemsize]) > 0.1:
        return values
    exact = values.copy()
    exact[known] = texts.astype(np.float64)[place]
    return exact


def _first_non_number(column: pd.Series) -> object:
    for value in column.dropna():
        try:
            float(value)
        except (TypeError, ValueError, OverflowError):
            return value
    return column.iloc[0]


def require_shared_index(*frames: pd.DataFrame) -> None:
    """Raise unless rows, scores and labels have one index; its name tells tables apart."""
    names = {str(frame.index.name) for frame in frames}
    if len(names) > 1 and any(name.startswith(f"{ROW} ") for name in names):
        raise MetaevalError(
            "rows, scores and labels are of different tables, or of tables in different orders; "
            "take all three from one table, or change one at a time (replace aligns it by ids)."
        )
    if not all(frame.index.equals(frames[0].index) for frame in frames[1:]):
        raise MetaevalError(
            "rows, scores and labels must share one index; join them by key first "
            "(read_scores does)."
        )


def row_order(
    rows: pd.DataFrame, columns: list[str], values: tuple[pd.DataFrame, ...] = ()
) -> Codes:
    """Positions that sort the rows by their ids as text, whatever order they came in.

    Rows that no response or system tells apart are sorted by their `values` too.
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
    """Raise if two rows have the same key; the first ten are listed."""
    if not identity or np.bincount(group_codes(rows, identity)).max() == 1:
        return
    repeated = rows.duplicated(identity, keep=False)
    if not repeated.any():
        return
    some = rows.loc[repeated, identity].drop_duplicates()
    shown = listed([tuple(map(str, row)) for row in some.itertuples(index=False)], 10)
    raise MetaevalError(
        f"{int(repeated.sum())} rows share a key ({', '.join(identity)}): {shown}. "
        "Remove the duplicates, or name the column that distinguishes them with keys=."
    )


def require_nested(rows: pd.DataFrame, inner: list[str], outer: str) -> None:
    """Raise unless each item lies in one cluster only."""
    if outer not in rows:
        return
    pairs = rows[[*inner, outer]].drop_duplicates()
    torn = pairs[pairs.duplicated(inner)]
    if len(torn):
        raise MetaevalError(
            f"Each item must lie in one {outer}; {listed(torn['item'].unique(), 5)} lies in "
            f"several. Take as the {outer} a column that is constant within an item; if items are "
            f"numbered separately within each {outer}, take the ids of both as the item: "
            f"columns={{'item': '<column of {outer}s>+<column of items>'}} "
            f"(--map item=<column of {outer}s>+<column of items>)."
        )


def require_zero_or_one(labels: pd.DataFrame) -> None:
    """Raise unless all labels are 0, 1 or missing."""
    values = labels.to_numpy()
    odd = ~np.isin(values, (0.0, 1.0)) & ~np.isnan(values)
    if odd.any():
        raise MetaevalError(
            f"label_kind='correct' means labels 1 (right) and 0 (wrong); found {values[odd][0]:g}. "
            "Use label_kind='rating' for graded labels."
        )


def column_bytes(column: pd.Series) -> bytes:
    """A column as bytes that depend on its values only, not on its dtype."""
    if pd.api.types.is_numeric_dtype(column.dtype) and not isinstance(
        column.dtype, pd.CategoricalDtype
    ):
        values = column.to_numpy(dtype="<f8", na_value=np.nan) + 0.0
        values[np.isnan(values)] = np.nan
        return values.tobytes()
    return "\x1f".join(map(str, column.tolist())).encode()
