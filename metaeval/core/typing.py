"""Names for arrays, so that signatures tell what an array holds; shapes are in docstrings."""

from typing import Any

import numpy as np
import numpy.typing as npt

from metaeval.core.errors import MetaevalError

Floats = npt.NDArray[Any]
"""float64 numbers."""

Codes = npt.NDArray[Any]
"""Whole numbers that index groups, items or rows."""

Bools = npt.NDArray[Any]
"""Masks."""


def numbers(values: Any, what: str) -> Floats:
    """An argument as an array of float64 numbers; text and ragged lists are refused."""
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise MetaevalError(
            f"{what} must be numbers, or an array of them; got {values!r:.100}."
        ) from None
