"""The label of an analysis: one column, or a summary of several raters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metaeval.core import Floats, MetaevalError, decide_with_threshold, join_names, require_known
from metaeval.tables import Responses, Table


def select_label(table: Table, label: str | None) -> tuple[Table, str]:
    """Return the table with a single label, and its name."""
    names = list(table.labels.columns)
    if not names:
        raise MetaevalError(
            "The table has scores but no labels; name the label columns when reading, with "
            f"labels={label or '...'!r} (--labels {label or '...'}), or add a label file."
        )
    if label is not None:
        require_known("label", label, names)
        names = [label]
    if len(names) > 1 and not table.average_raters:
        raise MetaevalError(
            f"The table has several labels: {join_names(names)}. Choose one with label= (--label), "
            "or read with average_raters=True if they are raters on the same scale."
        )
    combined = _combine(table, table.labels[names])
    name = names[0] if len(names) == 1 else f"{_summary_name(table, names)} of {len(names)} raters"
    frame = pd.DataFrame({name: combined}, index=table.rows.index)
    kind = table.label_kind or table.keep_labels(names).kind
    return table.replace(labels=frame, average_raters=False, label_kind=kind), name


def _summary_name(table: Table, names: list[str]) -> str:
    """Name of the summary of several raters: see `_combine`."""
    if isinstance(table, Responses):
        return "mean"
    return "plurality" if _are_verdicts(table.labels[names].to_numpy()) else "sign of the mean"


def _are_verdicts(values: Floats) -> bool:
    """Whether preferences are verdicts: first, tie or second."""
    return bool(np.isin(values[~np.isnan(values)], (-1.0, 0.0, 1.0)).all())


def _combine(table: Table, labels: pd.DataFrame) -> Floats:
    """One label per row: the mean of ratings, or the majority verdict of preferences."""
    values = labels.to_numpy()
    counts = (~np.isnan(values)).sum(axis=1)
    mean = np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)
    if isinstance(table, Responses):
        return mean
    verdict = (
        _plurality(values)
        if _are_verdicts(values)
        else decide_with_threshold(mean, table.label_epsilon)
    )
    return np.where(np.isnan(mean), np.nan, verdict)


def _plurality(values: Floats) -> Floats:
    """The most frequent verdict, a tie if it is not unique: (row,)."""
    votes = np.stack([(values == verdict).sum(axis=1) for verdict in (-1, 0, 1)], axis=1)
    is_mode = votes == votes.max(axis=1, keepdims=True)
    return np.where(is_mode.sum(axis=1) == 1, votes.argmax(axis=1) - 1.0, 0.0)
