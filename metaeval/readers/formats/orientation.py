"""First and second: order of presentation, and columns of the two sides of a pair."""

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
class OrientedPairs:
    """Records of pairs with first and second in canonical order.

    Parameters
    ----------
    frame : DataFrame
        The records; columns of the two sides, such as `chars_a` and `chars_b`, are renamed to
        `chars_first` and `chars_second` and swapped with the sides.
    ids : dict
        Categoricals (record,) that identify a pair.
    order : Categorical
        "ab" if the first was shown first, else "ba": (record,).
    is_swapped : array
        Mask of swapped pairs, whose preferences must be negated: (record,).
    """

    frame: pd.DataFrame
    ids: dict[str, Any]
    order: Any
    is_swapped: Bools


def canonical_order(long: pd.DataFrame, ordered: bool, keys: Sequence[str]) -> OrientedPairs:
    """Sort first and second as text, or, if `ordered`, by presentation."""
    ids = ids_of(long, ["task", "item", "first", "second", *keys])
    first, second = (np.asarray(ids[side], dtype=object) for side in ("first", "second"))
    order = _orders(long)
    _require_two(first, second, long)
    is_swapped = order == "ba" if ordered else first > second
    ids["first"] = pd.Categorical(np.where(is_swapped, second, first))
    ids["second"] = pd.Categorical(np.where(is_swapped, first, second))
    swapped = pd.Categorical((order == "ba") != is_swapped).rename_categories(
        {False: "ab", True: "ba"}
    )
    return OrientedPairs(
        _swap_sides(long, is_swapped), ids, swapped.set_categories(["ab", "ba"]), is_swapped
    )


def _require_two(first: Any, second: Any, long: pd.DataFrame) -> None:
    """Raise if a response is paired with itself, as happens if texts are used as ids."""
    same = first == second
    if same.any():
        row = int(np.flatnonzero(same)[0])
        raise MetaevalError(
            f"{int(same.sum())} of {len(same)} pairs have the same first and second response, such "
            f"as {first[row]!r:.60} for item {str(long['item'].iloc[row])!r:.60}. If these are "
            "texts, use columns that name the responses: "
            f"{column_hint(first='<column>', second='<column>')}; otherwise drop these pairs."
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
            "Expected ab (the first response was shown first) or ba in the column 'order', got "
            f"{join_names(map(repr, wrong), 5)}."
        )
    return order.to_numpy(dtype=object)


def two_sided_columns(columns: Sequence[str]) -> dict[str, str]:
    """Return new names for columns of the two sides, such as `chars_a` and `chars_b`.

    >>> two_sided_columns(["item", "chars_a", "chars_b", "x_a"])
    {'chars_a': 'chars_first', 'chars_b': 'chars_second'}
    """
    renamed: dict[str, str] = {}
    for suffix, counterpart in _ENDS:
        for name in columns:
            stem = name.removesuffix(suffix)
            if stem and name != stem and f"{stem}{counterpart}" in columns:
                renamed |= {name: f"{stem}_first", f"{stem}{counterpart}": f"{stem}_second"}
    return renamed


def _swap_sides(long: pd.DataFrame, is_swapped: Bools) -> pd.DataFrame:
    """Swap columns of the two sides, and negate differences, where `is_swapped` is true."""
    attrs = long.attrs
    names = two_sided_columns([str(c) for c in long])
    long = long.rename(columns=names)
    for first in [name for name in names.values() if name.endswith("_first")]:
        second = f"{first.removesuffix('_first')}_second"
        first_cells, second_cells = long[first].astype(object), long[second].astype(object)
        long[first], long[second] = (
            first_cells.where(~is_swapped, second_cells),
            second_cells.where(~is_swapped, first_cells),
        )
    for name in [str(c) for c in long if str(c).endswith("_delta")]:
        long[name] = as_numbers(long[name])[0] * np.where(is_swapped, -1.0, 1.0) + 0.0
    long.attrs = attrs
    return long
