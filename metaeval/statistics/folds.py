"""Folds for cross-fitting: whole items or clusters, assigned in canonical order."""

from __future__ import annotations

import numpy as np

from metaeval.core import Codes, MetaevalError
from metaeval.tables import Pairs, Responses, group_codes


def folds_of(table: Responses | Pairs, n_folds: int | None) -> Codes:
    """Fold of each row: canonical index of its cluster or item within its task, modulo folds.

    If clusters span tasks, or every task has a single unit, the index runs over all tasks.
    """
    if n_folds is None:
        return np.zeros(len(table), dtype=np.intp)
    unit = "cluster" if "cluster" in table.rows else "item"
    local = "task" in table.rows and not table.shared_items
    codes = group_codes(table.rows, ["task", unit] if local else [unit])
    if codes.max() == 0:
        raise MetaevalError(
            f"Cross-fitting a tie threshold needs at least 2 {unit}s, got 1; use "
            "pairwise_accuracy(ties='acc-eq', epsilon=...) or "
            "tie_calibrated_accuracy(n_folds=None)."
        )
    if unit == "cluster" and table.rows["cluster"].nunique() <= codes.max():
        return group_codes(table.rows, ["cluster"]) % n_folds
    tasks = group_codes(table.rows, ["task"]) if local else np.zeros(len(table), dtype=np.intp)
    first = np.full(tasks.max() + 1, codes.max() + 1)
    np.minimum.at(first, tasks, codes)
    within = codes - first[tasks]
    return (codes if within.max() == 0 else within) % n_folds
