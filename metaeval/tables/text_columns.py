"""The dtype of text in pandas, by whatever name it goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def _text() -> Any:
    """What pandas 3 calls "str": missing cells stay missing, and comparisons give truth values.

    Before pandas 3, "str" means objects, among which missing cells become the text "None"; the
    same type was there by another name.
    """
    named = pd.api.types.pandas_dtype("str")
    return pd.StringDtype("pyarrow_numpy") if isinstance(named, np.dtype) else named


TEXT: Any = _text()
"""The dtype of columns of text."""


def inferred(column: pd.Series) -> pd.Series:
    """A column of objects with the dtype of what it holds, which is `TEXT` if all are texts."""
    try:
        column = column.infer_objects()
    except OverflowError:  # whole numbers beyond floats, before pandas 3
        return column
    if column.dtype != object or pd.api.types.infer_dtype(column, skipna=True) != "string":
        return column
    return column.astype(TEXT)
