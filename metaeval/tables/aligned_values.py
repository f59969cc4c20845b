"""Values that a user hands to a table, aligned with its rows by ids, never by place alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from metaeval.core import MetaevalError, listed
from metaeval.tables.canonical import ROW, column_bytes, ids_as_text
from metaeval.tables.swapped_pairs import turned
from metaeval.tables.text_columns import TEXT

_SIDES = ("first", "second")


def row_index(n: int, identity: Mapping[str, pd.Series]) -> pd.RangeIndex:
    """Places of the rows of a table, under a name that tells their ids in this order.

    Parameters
    ----------
    n : int
        How many rows there are.
    identity : mapping of str to Series
        What identifies the rows, in their order.

    Returns
    -------
    RangeIndex
        Named `row` and a digest: frames of tables with other rows, or with the same rows in another
        order, have another name. pandas keeps it in what is computed from a frame.
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
    """Whether values have the index of the frames of the table that has these rows."""
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
        the other way round are turned.
    covariates : bool, default False
        Values describe rows: of a pair that is turned, columns that end in `_delta` are negated and
        those that end in `_first` and `_second` change places. Scores and labels are all negated.

    Returns
    -------
    DataFrame
        With the index of `rows`; NaN where no value has the ids of a row.

    Raises
    ------
    MetaevalError
        If values have no ids, or ids that belong to no row, or several values for one id; if
        values that depend on the order of a pair do not name both of its responses.
    """
    if not isinstance(values, pd.Series | pd.DataFrame):
        raise MetaevalError(f"{name!r} is a {type(values).__name__} {_unknown(identity)}")
    frame = values.to_frame(name) if isinstance(values, pd.Series) else values
    if is_of_table(rows, frame):
        return _by_row(rows, frame, name)
    levels = [level for level in frame.index.names if _is_id(rows, level)]
    by = [str(column) for column in levels or frame.columns if _is_id(rows, column)]
    if not by:
        raise MetaevalError(f"{name!r} has {_index(frame)} {_unknown(identity)}")
    frame = (frame.reset_index(levels) if levels else frame).reset_index(drop=True)
    if turns:
        frame = _as_turned(frame, by, name, covariates)
    return _by_ids(rows, frame, by, name)


def _is_id(rows: pd.DataFrame, name: object) -> bool:
    return name is not None and name in rows and isinstance(rows[name].dtype, pd.CategoricalDtype)


def _index(frame: pd.DataFrame) -> str:
    name = frame.index.name
    of_table = isinstance(name, str) and name.startswith(f"{ROW} ")
    return (
        "the index of another table, or of another order of its rows," if of_table else "an index"
    )


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
            f"{name!r} does not have one value for each row: {len(frame)} values were given, and "
            f"the table has {len(rows)} rows. Index them by ids, such as item and system."
        )
    return frame.iloc[np.argsort(places)].set_axis(rows.index)


def _by_ids(rows: pd.DataFrame, frame: pd.DataFrame, by: list[str], name: str) -> pd.DataFrame:
    theirs = pd.MultiIndex.from_arrays([ids_as_text(frame[key], key).astype(TEXT) for key in by])
    if theirs.has_duplicates:
        raise MetaevalError(f"{name!r} has several values for one {', '.join(by)}; add a key.")
    mine = pd.MultiIndex.from_arrays([rows[key].astype(TEXT) for key in by])
    place = theirs.get_indexer(mine)
    if (place < 0).all():
        raise MetaevalError(
            f"No row has a value of {name!r}: its ids ({', '.join(by)}) match none."
        )
    unused = np.setdiff1d(np.arange(len(theirs)), place)
    if len(unused):
        lost = ["/".join(map(str, np.atleast_1d(theirs[i]))) for i in unused]
        raise MetaevalError(
            f"The table has no row for ids of {name!r}: {listed(lost, 5)} ({len(unused)} of "
            f"{len(theirs)}); correct them, or leave these values out."
        )
    columns = frame.drop(columns=by)
    return columns.reindex(place).set_axis(rows.index)  # -1 is in no row: NaN


def _as_turned(frame: pd.DataFrame, by: Sequence[str], name: str, covariates: bool) -> pd.DataFrame:
    """The frame with first before second as text, and with values that go with it."""
    columns = frame.drop(columns=list(by))
    sided = tuple(f"_{side}" for side in (*_SIDES, "delta"))
    depends = not covariates or any(str(column).endswith(sided) for column in columns)
    if not set(_SIDES) <= set(by):
        if not depends and not set(_SIDES) & set(by):
            return frame
        raise MetaevalError(
            f"{name!r} has ids ({', '.join(by)}) that do not tell which response of a pair is the "
            "first, and the table may have turned the pair; give item, first and second as ids."
        )
    one, other = (ids_as_text(frame[side], side).astype(object) for side in _SIDES)
    ids = frame[list(by)].assign(first=one, second=other)
    values, described = (
        (columns.iloc[:, :0], columns) if covariates else (columns, columns.iloc[:, :0])
    )
    turn = (one > other).to_numpy()
    ids, values, _ = turned(pd.concat([ids, described], axis=1), values, columns.iloc[:, :0], turn)
    return pd.concat([ids, values], axis=1)
