"""The pandas dtype of text, which differs between versions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def _text() -> Any:
    """The dtype that pandas 3 calls "str": missing values are kept, comparisons give booleans.

    Before pandas 3, "str" means object, in which missing values become the text "None"; the same
    dtype had another name.
    """
    dtype = pd.api.types.pandas_dtype("str")
    return pd.StringDtype("pyarrow_numpy") if isinstance(dtype, np.dtype) else dtype


TEXT: Any = _text()
"""The dtype of columns of text."""


def inferred(column: pd.Series) -> pd.Series:
    """An object column with the dtype of its values, which is `TEXT` if all are text."""
    try:
        column = column.infer_objects()
    except OverflowError:  # integers beyond the range of doubles, before pandas 3
        return column
    if column.dtype != object or pd.api.types.infer_dtype(column, skipna=True) != "string":
        return column
    return column.astype(TEXT)
