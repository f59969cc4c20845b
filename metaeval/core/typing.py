"""Type aliases for arrays, so that signatures say what they hold; shapes are in docstrings."""

from typing import Any

import numpy as np
import numpy.typing as npt

from metaeval.core.errors import MetaevalError

Floats = npt.NDArray[Any]
"""float64 numbers."""

Codes = npt.NDArray[Any]
"""Integers that index groups, items or rows."""

Bools = npt.NDArray[Any]
"""Boolean masks."""


def numbers(values: Any, what: str) -> Floats:
    """An argument as a float64 array; text and ragged lists are rejected."""
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise MetaevalError(
            f"{what} must be a number or an array of numbers, got {values!r:.100}."
        ) from None
