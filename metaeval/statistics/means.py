"""Means over items of a value computed for each item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from metaeval.core import Bools, Floats
from metaeval.statistics.base import Statistic
from metaeval.statistics.degenerate_groups import Degenerate, apply_degenerate_policy
from metaeval.statistics.estimand import Estimand
from metaeval.statistics.kinds import SumStatistic
from metaeval.statistics.sums import mean_terms, only_label
from metaeval.tables import Pairs, Responses


def mean_over_items(
    name: str,
    f: Callable[[Floats, Floats], float],
    *,
    degenerate: Degenerate = "drop",
) -> Statistic:
    """Return the mean over items of a function of an item's scores and labels.

    Parameters
    ----------
    name : str
        Name in results.
    f : callable
        Maps (scores, labels) of one item, each of shape (response,), to a number; NaN if undefined.
    degenerate : {"drop", "zero", "error"}
        Policy for items where `f` is undefined for one of the scorers.

    Examples
    --------
    >>> import numpy as np
    >>> from metaeval import evaluate, load_example
    >>> top = mean_over_items("top", lambda x, h: float(h[x.argmax()] == h.max()))
    >>> int(evaluate(load_example(), top, n_resamples=100).row("judge")["n_items"])
    80
    """

    def values(table: Responses) -> Floats:
        order = np.argsort(table.item_codes, kind="stable")
        cuts = np.flatnonzero(np.diff(table.item_codes[order])) + 1
        scores = np.split(table.scores.to_numpy()[order], cuts)
        labels = np.split(only_label(table)[order], cuts)
        rows = [
            [f(x[:, m], h) for m in range(x.shape[1])] for x, h in zip(scores, labels, strict=True)
        ]
        return np.array(rows, dtype=float)

    estimand = Estimand(name=name, rows="responses", grouping="item", average="items")
    return mean_of_values(estimand, values, degenerate)


def mean_of_values(
    estimand: Estimand,
    values: Callable[[Any], Floats],
    degenerate: Degenerate,
    is_included: Callable[[Any], Bools] | None = None,
    **fields: Any,
) -> SumStatistic:
    """Return the mean over items of `values(table)` (item, scorer), NaN where undefined.

    Items for which `is_included(table)` (item,) is False, such as those with one response, never
    enter. `fields` are further fields of the statistic.
    """

    def terms(table: Responses | Pairs) -> Floats:
        raw = values(table)
        included = np.ones(len(raw), dtype=bool) if is_included is None else is_included(table)
        settled = np.full(raw.shape, np.nan)
        settled[included] = apply_degenerate_policy(
            raw[included], degenerate, table.scorers, estimand.name
        )
        return mean_terms(settled, ~np.isnan(settled).any(axis=1))

    def n_lost(table: Responses | Pairs) -> Mapping[str, Floats]:
        return {"lost": np.isnan(values(table)).sum(axis=0).astype(float)}

    return SumStatistic(
        estimand=estimand, terms=terms, additive=True, **({"describe": n_lost} | fields)
    )
