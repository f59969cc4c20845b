"""Pairs with first and second swapped: they change places, and with them whatever depends on it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metaeval.core import Bools
from metaeval.tables.text_columns import TEXT


def turned(
    rows: pd.DataFrame, scores: pd.DataFrame, labels: pd.DataFrame, turn: Bools
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Swap first and second where `turn` (row,) is true, with everything that depends on it."""
    if not turn.any():
        return rows, scores, labels
    rows = rows.copy()
    for one, other in _sided(rows):
        rows[one], rows[other] = _swapped(rows[one], rows[other], turn)
    if "order" in rows:
        mirror = {"ab": "ba", "ba": "ab"}
        order = rows["order"].astype(TEXT)
        rows["order"] = pd.Categorical(order.where(~turn, order.map(lambda o: mirror.get(o, o))))
    sign = np.where(turn, -1.0, 1.0)
    for name in [str(c) for c in rows if str(c).endswith("_delta")]:
        rows[name] = rows[name] * sign
    return rows, scores.mul(sign, axis=0) + 0.0, labels.mul(sign, axis=0) + 0.0


def _sided(rows: pd.DataFrame) -> list[tuple[str, str]]:
    names = [str(name) for name in rows]
    stems = [name.removesuffix("_first") for name in names if name.endswith("_first")]
    sides = [(f"{stem}_first", f"{stem}_second") for stem in stems if f"{stem}_second" in names]
    return [("first", "second"), *sides]


def _swapped(one: pd.Series, other: pd.Series, turn: Bools) -> tuple[pd.Series, pd.Series]:
    ids = isinstance(one.dtype, pd.CategoricalDtype)
    a, b = (one.astype(object), other.astype(object)) if ids else (one, other)
    swapped = a.where(~turn, b), b.where(~turn, a)
    if not ids:
        return swapped
    kinds = [pd.CategoricalDtype(sorted(set(side))) for side in swapped]
    return swapped[0].astype(kinds[0]), swapped[1].astype(kinds[1])
