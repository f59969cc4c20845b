"""Swapping first and second in pairs, with everything that depends on the order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metaeval.core import Bools
from metaeval.tables.text_columns import TEXT


def swap_order(
    rows: pd.DataFrame, scores: pd.DataFrame, labels: pd.DataFrame, swap: Bools
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Swap first and second where `swap` (row,) is true, with everything that depends on it."""
    if not swap.any():
        return rows, scores, labels
    rows = rows.copy()
    for first, second in _sided(rows):
        rows[first], rows[second] = _swapped(rows[first], rows[second], swap)
    if "order" in rows:
        mirror = {"ab": "ba", "ba": "ab"}
        order = rows["order"].astype(TEXT)
        rows["order"] = pd.Categorical(order.where(~swap, order.map(lambda o: mirror.get(o, o))))
    sign = np.where(swap, -1.0, 1.0)
    for name in [str(c) for c in rows if str(c).endswith("_delta")]:
        rows[name] = rows[name] * sign
    return rows, scores.mul(sign, axis=0) + 0.0, labels.mul(sign, axis=0) + 0.0


def _sided(rows: pd.DataFrame) -> list[tuple[str, str]]:
    names = [str(name) for name in rows]
    stems = [name.removesuffix("_first") for name in names if name.endswith("_first")]
    sides = [(f"{stem}_first", f"{stem}_second") for stem in stems if f"{stem}_second" in names]
    return [("first", "second"), *sides]


def _swapped(first: pd.Series, second: pd.Series, swap: Bools) -> tuple[pd.Series, pd.Series]:
    ids = isinstance(first.dtype, pd.CategoricalDtype)
    a, b = (first.astype(object), second.astype(object)) if ids else (first, second)
    swapped = a.where(~swap, b), b.where(~swap, a)
    if not ids:
        return swapped
    kinds = [pd.CategoricalDtype(sorted(set(side))) for side in swapped]
    return swapped[0].astype(kinds[0]), swapped[1].astype(kinds[1])
