"""Values that a user hands to a table, aligned with its rows by ids, never by place alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from metaeval.canonical import ids_as_text
from metaeval.checks import listed
from metaeval.errors import MetaevalError

ROW = "row"
"""Name of the index of every frame of a table: places of rows, in the order they came in."""


def row_index(n: int) -> pd.RangeIndex:
    """The index of the frames of a table of n rows."""
    return pd.RangeIndex(n, name=ROW)


def aligned(
    rows: pd.DataFrame, values: object, name: str, identity: Sequence[str], turns: bool = False
) -> pd.DataFrame:
    """Columns of `values` in the order of `rows`, aligned by ids or by the index of `rows`.

    Parameters
    ----------
    rows : DataFrame
        Of a table.
    values : Series or DataFrame
        Its index (or some of its columns) is named as id columns of `rows`; or its index is that
        of `rows` itself, in any order.
    name : str
        What the values are called in messages.
    identity : sequence of str
        Columns that identify a row, to be named in messages.
    turns : bool, default False
        Values are of pairs that `rows` has with `first` before `second` as text: those with ids
        the other way round are negated.

    Returns
    -------
    DataFrame
        With the index of `rows`; NaN where no value has the ids of a row.

    Raises
    ------
    MetaevalError
        If values have no ids, or ids that belong to no row, or several values for one id.
    """
    if not isinstance(values, pd.Series | pd.DataFrame):
        raise MetaevalError(f"{name!r} is a {type(values).__name__} {_unknown(identity)}")
    frame = values.to_frame(name) if isinstance(values, pd.Series) else values
    if frame.index.names == [ROW]:
        return _by_row(rows, frame, name)
    levels = [level for level in frame.index.names if _is_id(rows, level)]
    by = [str(column) for column in levels or frame.columns if _is_id(rows, column)]
    if not by:
        raise MetaevalError(f"{name!r} has an index {_unknown(identity)}")
    frame = (frame.reset_index(levels) if levels else frame).reset_index(drop=True)
    if turns and {"first", "second"} <= set(by):
        frame = _turned(frame, by)
    return _by_ids(rows, frame, by, name)


def _is_id(rows: pd.DataFrame, name: object) -> bool:
    return name is not None and name in rows and isinstance(rows[name].dtype, pd.CategoricalDtype)


def _unknown(identity: Sequence[str]) -> str:
    ids = list(identity) or ["item"]
    return (
        "without the ids of rows, so that its order is not known. If its values are in the order "
        "of table.rows, give pd.Series(values, index=table.rows.index); else index them by "
        f"ids: .set_index({ids!r})."
    )


def _by_row(rows: pd.DataFrame, frame: pd.DataFrame, name: str) -> pd.DataFrame:
    places = rows.index.get_indexer(frame.index)
    if len(places) != len(rows) or not np.array_equal(np.sort(places), np.arange(len(rows))):
        raise MetaevalError(
            f"{name!r} has the index of another table: {len(frame)} values were given, and the "
            f"table has {len(rows)} rows. Index them by ids, such as item and system."
        )
    return frame.iloc[np.argsort(places)].set_axis(rows.index)


def _by_ids(rows: pd.DataFrame, frame: pd.DataFrame, by: list[str], name: str) -> pd.DataFrame:
    theirs = pd.MultiIndex.from_arrays([ids_as_text(frame[key], key).astype(str) for key in by])
    if theirs.has_duplicates:
        raise MetaevalError(f"{name!r} has several values for one {', '.join(by)}; add a key.")
    mine = pd.MultiIndex.from_arrays([rows[key].astype(str) for key in by])
    place = theirs.get_indexer(mine)
    if (place < 0).all():
        raise MetaevalError(
            f"No row has a value of {name!r}: its ids ({', '.join(by)}) match none."
        )
    unused = np.setdiff1d(np.arange(len(theirs)), place)
    if len(unused):
        lost = ["/".join(map(str, np.atleast_1d(theirs[i]))) for i in unused]
        raise MetaevalError(
            f"{len(unused)} ids of {name!r} are in no row: {listed(lost, 5)}; mend them, or leave "
            "these values out."
        )
    columns = frame.drop(columns=by)
    return columns.reindex(place).set_axis(rows.index)  # -1 is in no row: NaN


def _turned(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Ids with first before second as text, and values negated where they were not so."""
    one, other = (ids_as_text(frame[side], side).astype(object) for side in ("first", "second"))
    turn = (one > other).to_numpy()
    columns = frame.drop(columns=list(by)).mul(np.where(turn, -1.0, 1.0), axis=0)
    ids = frame[list(by)].assign(first=one.where(~turn, other), second=other.where(~turn, one))
    return pd.concat([ids, columns], axis=1)
