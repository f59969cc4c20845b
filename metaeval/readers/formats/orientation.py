"""First and second: which response was shown first, and what belongs to which side of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import Bools, MetaevalError, join_names
from metaeval.readers.cells.numbers_and_ids import as_numbers
from metaeval.readers.columns.aliases import column_hint
from metaeval.readers.formats.long_to_wide import ids_of
from metaeval.tables import TEXT

_ENDS = (("_a", "_b"), ("_1", "_2"), ("_first", "_second"))


@dataclass(frozen=True)
class Shown:
    """Records of pairs with first and second where they belong.

    Parameters
    ----------
    frame : DataFrame
        The records; columns of the two sides, such as `chars_a` and `chars_b`, are called
        `chars_first` and `chars_second` and belong to the sides as they are now.
    ids : dict
        Categoricals (record,) that identify a pair.
    order : Categorical
        "ab" where the first was shown first, else "ba": (record,).
    turn : array
        Which pairs were swapped, so that their preferences must be negated: (record,).
    """

    frame: pd.DataFrame
    ids: dict[str, Any]
    order: Any
    turn: Bools


def oriented(long: pd.DataFrame, ordered: bool, keys: Sequence[str]) -> Shown:
    """Put first before second as text, or, if `ordered`, as they were shown."""
    ids = ids_of(long, ["task", "item", "first", "second", *keys])
    first, second = (np.asarray(ids[side], dtype=object) for side in ("first", "second"))
    order = _orders(long)
    _require_two(first, second, long)
    turn = order == "ba" if ordered else first > second
    ids["first"] = pd.Categorical(np.where(turn, second, first))
    ids["second"] = pd.Categorical(np.where(turn, first, second))
    swapped = pd.Categorical((order == "ba") != turn).rename_categories({False: "ab", True: "ba"})
    return Shown(_turned(long, turn), ids, swapped.set_categories(["ab", "ba"]), turn)


def _require_two(first: Any, second: Any, long: pd.DataFrame) -> None:
    """Raise if a pair is of one response with itself, as where texts are taken for ids."""
    same = first == second
    if same.any():
        row = int(np.flatnonzero(same)[0])
        raise MetaevalError(
            f"A pair needs two responses; {int(same.sum())} of {len(same)} pairs are of one with "
            f"itself, such as {first[row]!r:.60} for item {str(long['item'].iloc[row])!r:.60}. If "
            "first and second are texts, use columns that name the responses: "
            f"{column_hint(first='<column>', second='<column>')}; else leave these pairs out."
        )


def _orders(long: pd.DataFrame) -> Any:
    if "order" not in long:
        return np.full(len(long), "ab", dtype=object)
    order = long["order"].astype(object).where(long["order"].notna(), "ab")
    order = order.astype(TEXT).str.strip().str.lower()
    order = order.where(order != "", "ab")
    wrong = sorted(set(order.unique()) - {"ab", "ba"})
    if wrong:
        raise MetaevalError(
            f"The column 'order' holds {join_names(map(repr, wrong), 5)}; expected ab (the first "
            "was shown first) or ba."
        )
    return order.to_numpy(dtype=object)


def twins(columns: Sequence[str]) -> dict[str, str]:
    """Columns of the two sides and their names, as `chars_a` and `chars_b`: they are no margins.

    >>> twins(["item", "chars_a", "chars_b", "x_a"])
    {'chars_a': 'chars_first', 'chars_b': 'chars_second'}
    """
    found: dict[str, str] = {}
    for one, other in _ENDS:
        for name in columns:
            stem = name.removesuffix(one)
            if stem and name != stem and f"{stem}{other}" in columns:
                found |= {name: f"{stem}_first", f"{stem}{other}": f"{stem}_second"}
    return found


def _turned(long: pd.DataFrame, turn: Bools) -> pd.DataFrame:
    """Columns of the two sides swapped, and differences negated, where `turn` is true."""
    attrs = long.attrs
    names = twins([str(c) for c in long])
    long = long.rename(columns=names)
    for first in [name for name in names.values() if name.endswith("_first")]:
        second = f"{first.removesuffix('_first')}_second"
        one, other = long[first].astype(object), long[second].astype(object)
        long[first], long[second] = one.where(~turn, other), other.where(~turn, one)
    for name in [str(c) for c in long if str(c).endswith("_delta")]:
        long[name] = as_numbers(long[name])[0] * np.where(turn, -1.0, 1.0) + 0.0
    long.attrs = attrs
    return long
