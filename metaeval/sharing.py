"""Whether tasks share their items: aspects of the same responses, given as tasks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from metaeval.arrays import Codes
from metaeval.canonical import group_codes

_NEARLY_ALL = 0.9  # of the ids of all tasks that each task has
_MOST = 0.5  # of the rows that have ids of another task
_FEWEST_VALUES = 3  # of a scorer that gives equal scores to equal ids, and not by chance


def items_are_shared(rows: pd.DataFrame, identity: Sequence[str], scores: pd.DataFrame) -> bool:
    """Whether the ids of items and responses say that all tasks are of the same responses.

    They do if every task has (nearly) all ids that any task has, or if most ids are in several
    tasks and some scorer gives each of them the same score everywhere. Items that lie in another
    cluster in another task are not the same.

    Parameters
    ----------
    rows : DataFrame
        Of a table, ids as text.
    identity : sequence of str
        Columns that identify a row.
    scores : DataFrame

    Returns
    -------
    bool
        False where there is one task, or one item.
    """
    if "task" not in rows or rows["task"].nunique() < 2 or rows["item"].nunique() < 2:
        return False
    if "cluster" in rows and rows[["item", "cluster"]].drop_duplicates()["item"].duplicated().any():
        return False
    key = group_codes(rows, [name for name in identity if name != "task"] or ["item"])
    task = group_codes(rows, ["task"])
    there = pd.DataFrame({"task": task, "key": key}).drop_duplicates()
    share = there["task"].value_counts() / there["key"].nunique()
    return bool((share >= _NEARLY_ALL).all()) or _same_scores(key, task, scores)


def _same_scores(key: Codes, task: Codes, scores: pd.DataFrame) -> bool:
    """Whether most rows have an id of another task too, with the same score of some scorer."""
    n_tasks = pd.Series(task).groupby(key).nunique().to_numpy()[key]
    common = n_tasks > 1
    if common.mean() < _MOST:
        return False
    for name in scores:
        values = scores[name].to_numpy()[common]
        there = ~np.isnan(values)
        by_key = pd.Series(values[there]).groupby(key[common][there]).nunique()
        if there.all() and (by_key == 1).all() and len(np.unique(values)) >= _FEWEST_VALUES:
            return True
    return False
