"""Types of the arguments of readers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import pandas as pd


class SupportsToPandas(Protocol):
    """A frame of another library, such as pyarrow or polars."""

    def to_pandas(self) -> Any:
        """Return the frame as a pandas DataFrame."""


Source = str | Path | pd.DataFrame | SupportsToPandas
"""A path, or a data frame from pandas or another library."""

Names = str | Sequence[str]
"""One name or several."""

Codes = str | float | Collection[str | float]
"""One code for missing values, or several."""

DecimalMark = Literal[".", ","]

PreferenceScale = Literal["margin", "probability", "percent", "one-two", "index"]
"""How the numeric values of a pair are coded; see `metaeval.readers.cells.scales.SCALES`."""
