"""Whether tasks share items, as aspects of the same responses do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import Codes, Floats
from metaeval.tables.canonical import group_codes

_NEARLY_ALL = 0.9  # proportion of all ids that each task must have
_COMMON = 0.5  # proportion of rows whose ids occur in another task
_FEWEST_VALUES = 3  # distinct values of a scorer, so that equal scores are not by chance
_FEWEST_ITEMS = 20  # for which correlations are computed
_ERRORS = 2.0  # standard errors above 0 for a significant correlation
_SMALL = 0.3  # aspects of the same responses correlate more than this
_COLUMNS = 20  # at most this many columns are examined


class Sharing(NamedTuple):
    """Whether tasks share their items, and whether that was inferred from equal ids."""

    shared: bool
    assumed: bool


def sharing_of(
    rows: pd.DataFrame, identity: Sequence[str], scores: pd.DataFrame, labels: pd.DataFrame
) -> Sharing:
    """Infer from ids and values whether all tasks contain the same responses.

    Tasks share their items if each has (nearly) all ids, unless scores and labels of equal ids are
    clearly uncorrelated: then tasks merely use the same item numbers. They also share them if most
    ids occur in several tasks and some scorer gives each the same score in all of them. Items in
    different clusters in different tasks are different.

    Parameters
    ----------
    rows : DataFrame
        Rows of a table, ids as text.
    identity : sequence of str
        Columns that identify a row.
    scores, labels : DataFrame

    Returns
    -------
    Sharing
        Neither shared nor assumed if there is one task or one item.
    """
    if "task" not in rows or rows["task"].nunique() < 2 or rows["item"].nunique() < 2:
        return Sharing(False, False)
    if "cluster" in rows and rows[["item", "cluster"]].drop_duplicates()["item"].duplicated().any():
        return Sharing(False, False)
    key = group_codes(rows, [name for name in identity if name != "task"] or ["item"])
    task = group_codes(rows, ["task"])
    if _same_scores(key, task, scores):
        return Sharing(True, True)
    present = pd.DataFrame({"task": task, "key": key}).drop_duplicates()
    covered = present["task"].value_counts() / present["key"].nunique()
    alike = bool((covered >= _NEARLY_ALL).all())
    return Sharing(alike and not _uncorrelated(rows, key, task, scores, labels), alike)


def _same_scores(key: Codes, task: Codes, scores: pd.DataFrame) -> bool:
    """Whether most ids occur in several tasks, with the same score of some scorer."""
    n_tasks = pd.Series(task).groupby(key).nunique().to_numpy()[key]
    common = n_tasks > 1
    if common.mean() < _COMMON:
        return False
    for name in scores:
        values = scores[name].to_numpy()[common]
        present = ~np.isnan(values)
        by_key = pd.Series(values[present]).groupby(key[common][present]).nunique()
        if present.all() and (by_key == 1).all() and len(np.unique(values)) >= _FEWEST_VALUES:
            return True
    return False


def _uncorrelated(
    rows: pd.DataFrame, key: Codes, task: Codes, scores: pd.DataFrame, labels: pd.DataFrame
) -> bool:
    """Whether values of equal ids are clearly uncorrelated across tasks.

    The mean rank correlation over columns and pairs of tasks is not significantly above 0, and is
    significantly below that of aspects; items are treated as independent.
    """
    item = group_codes(rows, ["item"])
    if item.max() + 1 < _FEWEST_ITEMS:
        return False
    within = _of_one_system(rows, task)
    values = pd.concat([labels, scores], axis=1).iloc[:, :_COLUMNS]
    parts = [_products(values[name].to_numpy(), within, task, key) for name in values]
    product, size = sum(p for p, _ in parts), sum(s for _, s in parts)
    if not parts or not np.sum(size) > 0:
        return False
    of_key = np.zeros(key.max() + 1, dtype=int)
    of_key[key] = item
    product, size = (np.bincount(of_key, v) for v in (product, size))
    mean = product.sum() / size.sum()
    error = np.sqrt(np.square(product - mean * size).sum()) / size.sum()
    return bool(mean <= _ERRORS * error and mean + _ERRORS * error < _SMALL)


def _of_one_system(rows: pd.DataFrame, task: Codes) -> Codes:
    """Groups within which values are ranked: systems within tasks, to remove system effects."""
    if "system" not in rows:
        return task
    groups = group_codes(rows, ["task", "system"])
    return groups if np.bincount(groups).min() >= _FEWEST_ITEMS else task


def _products(values: Floats, within: Codes, task: Codes, key: Codes) -> tuple[Floats, Floats]:
    """For each key, the sum over pairs of tasks of products of ranks, and its maximum."""
    ranks = pd.Series(values).groupby(within).rank()
    centered = (ranks - ranks.groupby(within).transform("mean")).fillna(0.0)
    spread = centered.groupby(within).transform("std", ddof=0)
    scaled = (centered / spread.where(spread > 0)).fillna(0.0).to_numpy()
    cell = pd.DataFrame({"key": key, "task": task, "value": scaled, "n": scaled != 0})
    mean = cell.groupby(["key", "task"], as_index=False).agg({"value": "mean", "n": "max"})
    by_key, value, n = mean["key"].to_numpy(), mean["value"].to_numpy(), mean["n"].to_numpy(float)

    def over_pairs(x: Floats) -> Floats:
        return (np.bincount(by_key, x) ** 2 - np.bincount(by_key, x**2)) / 2

    return over_pairs(value), over_pairs(n)
