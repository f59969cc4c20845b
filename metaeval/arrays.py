"""Names for arrays, so that signatures tell what an array holds; shapes are in docstrings."""

from typing import Any

import numpy.typing as npt

Floats = npt.NDArray[Any]
"""float64 numbers."""

Codes = npt.NDArray[Any]
"""Whole numbers that index groups, items or rows."""

Bools = npt.NDArray[Any]
"""Masks."""
