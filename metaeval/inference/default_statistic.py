"""Which statistics a verb uses: those that are named, or the one that goes with the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from metaeval.core import MetaevalError, join_names
from metaeval.statistics import (
    Statistic,
    best_of_n,
    kendall,
    pairwise_accuracy,
    parse_statistics,
    pearson,
    tie_calibrated_accuracy,
)
from metaeval.tables import Responses, Table

Statistics = Statistic | str | Sequence[Statistic | str] | None


def choose_statistics(table: Table, statistic: Statistics) -> tuple[list[Statistic], list[str]]:
    """The statistics to use, and a sentence that says why where the label picked them."""
    if statistic is not None:
        given = [one for some in _listed(statistic) for one in _named(some)]
        ready = [s.settled(table) for s in given]
        names = [s.name for s in ready]
        if not ready or len(set(names)) < len(names):
            raise MetaevalError(
                f"Name each statistic once; there are {join_names(names) or 'none'}. Leave "
                "statistic out to let the kind of label pick one."
            )
        return ready, []
    kind, picked = _default(table)
    together = " and ".join(s.name for s in picked)
    return picked, [f"{kind}, so: {together}"]


def _listed(statistic: Any) -> list[Any]:
    return list(statistic) if isinstance(statistic, list | tuple) else [statistic]


def _named(statistic: Any) -> list[Statistic]:
    """A statistic, or those that a text names."""
    if isinstance(statistic, Statistic):
        return [statistic]
    if isinstance(statistic, str):
        return parse_statistics(statistic) or []
    name = getattr(statistic, "__name__", repr(statistic))
    raise MetaevalError(
        f"{name} is no statistic; call it, {name}(), or give a name such as 'pairwise_accuracy'."
    )


def _default(table: Table) -> tuple[str, list[Statistic]]:
    if not isinstance(table, Responses):
        if (table.labels == 0).any(axis=None):
            return "preferences with ties", [tie_calibrated_accuracy()]
        return "preferences without ties", [pairwise_accuracy("half")]
    if len(table) == table.n_items:
        return "one response per item", [pearson(), kendall(grouping="none")]
    if table.kind == "correct":
        return "correctness labels of candidates", [best_of_n()]
    return "ratings", [tie_calibrated_accuracy()]
