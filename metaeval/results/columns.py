"""The columns of a result and their types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

TEXTS = ("statistic", "task", "scorer", "baseline", "interval", "test", "status")

COUNTS = ("n_items", "n_clusters", "n_rows", "n_dropped")

LEVELS = ("chance", "best_constant", "tie_rate", "expected_if_calibrated")


@dataclass(frozen=True, kw_only=True)
class Row:
    """Value of a scorer, or difference of two: one row of a result.

    `task` is None in macro and pooled rows, `baseline` in rows of a single scorer; what a row
    does not have is None.
    """

    statistic: str
    task: str | None = None
    scorer: str
    baseline: str | None = None
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    adjusted_lower: float | None = None
    adjusted_upper: float | None = None
    se: float | None = None
    p_value: float | None = None
    p_mcse: float | None = None
    p_adjusted: float | None = None
    p_holm: float | None = None
    p_equivalent: float | None = None
    prob_better: float | None = None
    prob_rope: float | None = None
    expected_loss: float | None = None
    mde: float | None = None
    chance: float | None = None
    best_constant: float | None = None
    skill: float | None = None
    tie_rate: float | None = None
    expected_if_calibrated: float | None = None
    n_items: int
    n_clusters: int
    n_rows: int
    n_dropped: int
    interval: str | None = None
    test: str | None = None
    status: str


COLUMNS = tuple(field.name for field in fields(Row))

NUMBERS = tuple(name for name in COLUMNS if name not in (*TEXTS, *COUNTS))


def frame_of_rows(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the tidy frame of a result, one line per row."""
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    texts = {name: pd.Series(columns[name], dtype=object) for name in TEXTS}
    numbers = {name: np.array(columns[name], dtype=float) for name in NUMBERS}
    return pd.DataFrame(columns | texts | numbers)


def normalize_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with numbers as floats and missing text as None."""
    texts = {c: frame[c].astype(object).where(frame[c].notna(), None) for c in TEXTS}
    numbers = {c: frame[c].astype(float) for c in frame if c not in (*TEXTS, *COUNTS)}
    return frame.assign(**texts, **numbers)
