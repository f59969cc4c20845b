"""The statistics of a verb: those requested, or the default for the kind of labels."""

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

DEFAULT_CHOICE = "default for "
"""Start of the note on the default statistic."""

Statistics = Statistic | str | Sequence[Statistic | str] | None


def choose_statistics(table: Table, statistic: Statistics) -> tuple[list[Statistic], list[str]]:
    """Return the statistics to use, and a note on the default if none was requested."""
    if statistic is not None:
        requested = [s for entry in _as_list(statistic) for s in _parsed(entry)]
        statistics = [s.settled(table) for s in requested]
        names = [s.name for s in statistics]
        if not statistics or len(set(names)) < len(names):
            raise MetaevalError(
                f"Each statistic must be named exactly once, got {join_names(names) or 'none'}; "
                "omit statistic= to use the default for the kind of label."
            )
        return statistics, []
    kind, statistics = _default_statistics(table)
    return statistics, [f"{DEFAULT_CHOICE}{kind}: {' and '.join(s.name for s in statistics)}"]


def require_policy(statistic: Statistic, missing: str) -> None:
    """Refuse `missing="count_as_wrong"` for statistics that are not accuracies within items."""
    within_items = statistic.is_accuracy and statistic.estimand.grouping == "item"
    if missing == "count_as_wrong" and not within_items:
        raise MetaevalError(
            f"missing='count_as_wrong' applies only to accuracies within items, not to "
            f"{statistic.name}; use missing='common' or missing='pairwise'."
        )


def _as_list(statistic: Any) -> list[Any]:
    return list(statistic) if isinstance(statistic, list | tuple) else [statistic]


def _parsed(statistic: Any) -> list[Statistic]:
    """Statistics given by an object or parsed from a string."""
    if isinstance(statistic, Statistic):
        return [statistic]
    if isinstance(statistic, str):
        return parse_statistics(statistic) or []
    name = getattr(statistic, "__name__", repr(statistic))
    raise MetaevalError(
        f"{name} is not a statistic; call it, {name}(), or give a name such as 'pairwise_accuracy'."
    )


def _default_statistics(table: Table) -> tuple[str, list[Statistic]]:
    if not isinstance(table, Responses):
        if (table.labels == 0).any(axis=None):
            return "preferences with ties", [tie_calibrated_accuracy()]
        return "preferences without ties", [pairwise_accuracy("half")]
    if len(table) == table.n_items:
        return "one response per item", [pearson(), kendall(grouping="none")]
    if table.kind == "correct":
        return "correctness labels of candidates", [best_of_n()]
    return "ratings", [tie_calibrated_accuracy()]
