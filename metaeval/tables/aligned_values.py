"""Alignment of user-supplied values with rows by id, never by position alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from metaeval.core import MetaevalError, join_names
from metaeval.tables.canonical import ROW, column_bytes, ids_as_text
from metaeval.tables.swapped_pairs import swap_order
from metaeval.tables.text_columns import TEXT

_SIDES = ("first", "second")


def row_index(n: int, identity: Mapping[str, pd.Series]) -> pd.RangeIndex:
    """Row numbers of a table, with a name that identifies its rows and their order.

    Parameters
    ----------
    n : int
        Number of rows.
    identity : mapping of str to Series
        Columns that identify the rows, in row order.

    Returns
    -------
    RangeIndex
        Its name is `row` and a digest, which differs for tables with other rows or another row
        order. pandas keeps the name in results computed from a frame.
    """
    digest = hashlib.blake2b(str(n).encode(), digest_size=4)
    for name, column in identity.items():
        digest.update(f"\x1e{name}\x1f".encode())
        digest.update(_bytes(column))
    return pd.RangeIndex(n, name=f"{ROW} {digest.hexdigest()}")


def _bytes(column: pd.Series) -> bytes:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column_bytes(column)
    categories = "\x1f".join(column.cat.categories).encode()
    return categories + column.cat.codes.to_numpy(dtype="<i4").tobytes()


def is_of_table(rows: pd.DataFrame, values: pd.Series | pd.DataFrame) -> bool:
    """Whether values have the index of the table with these rows."""
    return bool(values.index.names == rows.index.names)


def aligned(
    rows: pd.DataFrame,
    values: object,
    name: str,
    identity: Sequence[str],
    turns: bool = False,
    covariates: bool = False,
) -> pd.DataFrame:
    """Columns of `values` in the order of `rows`, aligned by ids or by the index of `rows`.

    Parameters
    ----------
    rows : DataFrame
        Rows of a table.
    values : Series or DataFrame
        Indexed by id columns of `rows` (a frame may have them as columns), or by the index of
        `rows`, in any order.
    name : str
        Name of the values in messages.
    identity : sequence of str
        Columns that identify a row, for messages.
    turns : bool, default False
        Rows are pairs with `first` before `second` in text order; values with ids in the opposite
        order are swapped.
    covariates : bool, default False
        Values are covariates: in swapped pairs, columns that end in `_delta` are negated and those
        that end in `_first` and `_second` exchanged. Scores and labels are negated.

    Returns
    -------
    DataFrame
        With the index of `rows`; NaN for rows without a value.

    Raises
    ------
    MetaevalError
        If values have no ids, ids that match no row, or several values for one id, or if values
        that depend on the order of a pair do not identify both of its responses.
    """
    if not isinstance(values, pd.Series | pd.DataFrame):
        raise MetaevalError(f"{name!r} is a {type(values).__name__} {_order_unknown(identity)}")
    frame = values.to_frame(name) if isinstance(values, pd.Series) else values
    if is_of_table(rows, frame):
        return _by_row(rows, frame, name)
    levels = [level for level in frame.index.names if _is_id(rows, level)]
    by = [str(column) for column in levels or frame.columns if _is_id(rows, column)]
    if not by:
        raise MetaevalError(f"{name!r} has {_index(frame)} {_order_unknown(identity)}")
    frame = (frame.reset_index(levels) if levels else frame).reset_index(drop=True)
    if turns:
        frame = _in_text_order(frame, by, name, covariates)
    return _by_ids(rows, frame, by, name)


def _is_id(rows: pd.DataFrame, name: object) -> bool:
    return name is not None and name in rows and isinstance(rows[name].dtype, pd.CategoricalDtype)


def _index(frame: pd.DataFrame) -> str:
    name = frame.index.name
    of_table = isinstance(name, str) and name.startswith(f"{ROW} ")
    return (
        "the index of another table, or of this table in another row order,"
        if of_table
        else "an index"
    )


def _order_unknown(identity: Sequence[str]) -> str:
    ids = list(identity) or ["item"]
    return (
        "without row ids, so its row order is unknown. If its values are in the order of "
        "table.rows, pass pd.Series(values, index=table.rows.index); otherwise index them by "
        f"ids: .set_index({ids!r})."
    )


def _by_row(rows: pd.DataFrame, frame: pd.DataFrame, name: str) -> pd.DataFrame:
    positions = rows.index.get_indexer(frame.index)
    if len(positions) != len(rows) or not np.array_equal(np.sort(positions), np.arange(len(rows))):
        raise MetaevalError(
            f"{name!r} must have one value for each of the {len(rows)} rows, got {len(frame)} "
            "values. Index them by ids, such as item and system."
        )
    return frame.iloc[np.argsort(positions)].set_axis(rows.index)


def _by_ids(rows: pd.DataFrame, frame: pd.DataFrame, by: list[str], name: str) -> pd.DataFrame:
    theirs = pd.MultiIndex.from_arrays([ids_as_text(frame[key], key).astype(TEXT) for key in by])
    if theirs.has_duplicates:
        raise MetaevalError(
            f"{name!r} has several values for the same {', '.join(by)}; add an id column."
        )
    mine = pd.MultiIndex.from_arrays([rows[key].astype(TEXT) for key in by])
    positions = theirs.get_indexer(mine)
    if (positions < 0).all():
        raise MetaevalError(f"The ids of {name!r} ({', '.join(by)}) match no row of the table.")
    unused = np.setdiff1d(np.arange(len(theirs)), positions)
    if len(unused):
        lost = ["/".join(map(str, np.atleast_1d(theirs[i]))) for i in unused]
        raise MetaevalError(
            f"{len(unused)} of {len(theirs)} ids of {name!r} match no row of the table: "
            f"{join_names(lost, 5)}; fix or drop them."
        )
    columns = frame.drop(columns=by)
    return columns.reindex(positions).set_axis(rows.index)  # -1, no match, becomes NaN


def _in_text_order(
    frame: pd.DataFrame, by: Sequence[str], name: str, covariates: bool
) -> pd.DataFrame:
    """The frame with first before second in text order, and values swapped accordingly."""
    columns = frame.drop(columns=list(by))
    sided = tuple(f"_{side}" for side in (*_SIDES, "delta"))
    depends = not covariates or any(str(column).endswith(sided) for column in columns)
    if not set(_SIDES) <= set(by):
        if not depends and not set(_SIDES) & set(by):
            return frame
        raise MetaevalError(
            f"The ids of {name!r} ({', '.join(by)}) do not say which response of a pair is first, "
            "and the table may have swapped the pair; use item, first and second as ids."
        )
    first, second = (ids_as_text(frame[side], side).astype(object) for side in _SIDES)
    ids = frame[list(by)].assign(first=first, second=second)
    values, described = (
        (columns.iloc[:, :0], columns) if covariates else (columns, columns.iloc[:, :0])
    )
    turn = (first > second).to_numpy()
    ids, values, _ = swap_order(
        pd.concat([ids, described], axis=1), values, columns.iloc[:, :0], turn
    )
    return pd.concat([ids, values], axis=1)
