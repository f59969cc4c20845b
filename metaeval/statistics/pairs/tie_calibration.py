"""Pairwise accuracy at an optimized tie threshold (tie calibration)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from metaeval.core import Codes, Floats, check_integer, decide_with_threshold
from metaeval.statistics.base import PairCredits, Statistic, TwoWayReplicates
from metaeval.statistics.bound import Weigh
from metaeval.statistics.estimand import Estimand
from metaeval.statistics.folds import folds_of
from metaeval.statistics.kinds import WeightedStatistic
from metaeval.statistics.pairs.counts import (
    Grouping,
    chance_levels,
    check_average,
    format_grouping,
    pair_weights,
)
from metaeval.statistics.pairs.cross_item_ties import across_items_calibrated
from metaeval.statistics.pairs.threshold_search import (
    best_thresholds,
    credit_by_threshold,
    rethresholded_accuracy,
    sort_pairs,
)
from metaeval.statistics.pairs.two_way import accuracy_by_systems
from metaeval.statistics.sums import only_label, sum_by
from metaeval.tables import Pairs

_BUDGET = 2.0**38  # total weight of all pairs, see `_credit_weight`
# More bins make the products with the weights slower; fewer bins, the search inside them.
_MAX_BINS = 512
_BIN_BYTES = 1e9  # memory of the credits by item, bin and scorer


def tie_calibrated_accuracy(
    n_folds: int | None = 5,
    average: Literal["items", "pairs", "groups"] | None = None,
    grouping: Grouping = "item",
) -> Statistic:
    r"""Pairwise accuracy (acc-eq) at the best tie threshold of each scorer.

    Parameters
    ----------
    n_folds : int, default 5, or None
        The threshold of a fold of items (clusters, if declared) is optimized on the other folds.
        None: optimized and scored on the same pairs, as published; optimistic with few items.
    average : {"items", "pairs", "groups"}, optional
        Mean over items (or systems: groups), or over all pairs.
    grouping : {"item", "system", "none"}
        Pairs of responses to the same item, pairs of responses of the same system, or all pairs.
        Unless `item`, thresholds are fixed in replicates and the status is "approximate".

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        If there are fewer than two items (clusters), so folds cannot be formed.

    Notes
    -----
    :math:`\hat\epsilon = \arg\max_\epsilon (C + T_{hm}) / n` over 0 and all :math:`|d|`, the
    smallest of several maxima. The threshold is re-optimized over all of them in every bootstrap
    replicate; folds belong to the original items. The sign-flip test, and replicates that also
    resample systems, hold the thresholds fixed; with weak scorers and mostly tied labels that test
    rejects too often, and `test="bootstrap"` does not. If labels are mostly tied, the best
    threshold may declare every pair a tie: compare the value with `skill` and `tie_rate`. Coarse
    scorers gain from rounding alone.

    References
    ----------
    Deutsch, Foster, Freitag (2023), Ties Matter. Perrella et al. (2024), Guardians of the
    Machine Translation Meta-Evaluation.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), tie_calibrated_accuracy(), n_resamples=100).row("judge")
    >>> bool(row["best_constant"] < row["estimate"] < 1)
    True
    """
    if n_folds is not None:
        check_integer("n_folds", n_folds, 2)
    average = check_average(grouping, average)  # type: ignore[assignment]
    name = f"tie_calibrated_accuracy(n_folds={n_folds}{format_grouping(grouping, average)})"
    epsilon = "in-sample" if n_folds is None else "crossfit"
    kind, item = str(average), grouping == "item"
    estimand = Estimand(
        name=name,
        rows="pairs" if item else "responses",
        grouping=grouping,
        average=kind,
        ties="acc-eq",
        epsilon=epsilon,
        status="published" if n_folds is None else "exact" if item else "approximate",
        is_accuracy=True,
    )
    if not item:
        return across_items_calibrated(estimand, n_folds)

    def by_systems(table: Pairs, unit: Codes, n_units: int) -> TwoWayReplicates:
        decisions = tuned_decisions(table, n_folds, kind)
        return accuracy_by_systems(table, unit, n_units, decisions, "acc-eq", kind)

    return WeightedStatistic(
        estimand=estimand,
        weigh=lambda table: _weigh(table, n_folds, kind),
        exact=lambda table: contributions(table, n_folds, kind).sum(axis=0),
        of_items=lambda table: contributions(table, n_folds, kind),
        share=lambda table: _shares(table, kind),
        describe=lambda table: _describe(table, n_folds, kind),
        by_systems=by_systems,
        credits=lambda table: _credits(table, n_folds, kind),
    )


def _credits(table: Pairs, n_folds: int | None, average: str) -> PairCredits:
    """Credits of decisions at the thresholds of each scorer."""
    credit = (only_label(table)[:, None] == [-1.0, 0.0, 1.0]).astype(float)
    share = pair_weights(table, np.ones(len(table)), average)
    return PairCredits(credit, share, thresholds(table, n_folds, average)[folds_of(table, n_folds)])


def _credit_weight(table: Pairs, average: str) -> Floats:
    """Weight of each pair within its item, up to a factor: integers (pair,).

    They are exact if the numbers of pairs have a small common multiple, so three thirds are
    one. Their sum is at most `_BUDGET`, which leaves 15 of the 53 bits of double precision for the
    weights of items: 12 after the binary point, and 3 for items that are drawn repeatedly.
    """
    if average == "pairs":
        return np.ones(len(table))
    size = np.bincount(table.item_codes, minlength=table.n_items)
    budget = _BUDGET / len(size)
    common = math.lcm(*(int(n) for n in np.unique(size)))
    if common <= budget:
        return np.asarray((common // size)[table.item_codes], dtype=float)
    return np.asarray(np.floor(budget / size))[table.item_codes]


def thresholds(table: Pairs, n_folds: int | None, average: str) -> Floats:
    """Best threshold of each fold and scorer: (fold, scorer)."""
    fold = folds_of(table, n_folds)
    human, weight = only_label(table), _credit_weight(table, average)
    columns = [
        best_thresholds(sort_pairs(column, human, weight), fold, n_folds or 1)
        for column in table.scores.to_numpy().T
    ]
    return np.stack(columns, axis=-1)


def credit_at(table: Pairs, average: str) -> tuple[Floats, Floats]:
    """Thresholds of the only scorer of a table, 0 and all absolute margins, and their credit.

    `thresholds` returns the first threshold with the largest credit if there is one fold.
    """
    column = table.scores.to_numpy()[:, 0]
    return credit_by_threshold(
        sort_pairs(column, only_label(table), _credit_weight(table, average))
    )


def tuned_decisions(table: Pairs, n_folds: int | None, average: str) -> Floats:
    """Decision on each pair at the threshold of its fold: (pair, scorer)."""
    epsilon = thresholds(table, n_folds, average)[folds_of(table, n_folds)]
    return decide_with_threshold(table.scores.to_numpy(), epsilon)


def contributions(table: Pairs, n_folds: int | None, average: str) -> Floats:
    """Contribution of each item to the estimate at fixed thresholds: (item, scorer)."""
    human = only_label(table)
    right = (tuned_decisions(table, n_folds, average) == human[:, None]).astype(float)
    weight = pair_weights(table, np.ones_like(human), average)
    return sum_by(right * weight[:, None], table.item_codes, table.n_items)


def _shares(table: Pairs, average: str) -> Floats:
    weight = pair_weights(table, np.ones(len(table)), average)
    return sum_by(weight, table.item_codes, table.n_items)


def _describe(table: Pairs, n_folds: int | None, average: str) -> Mapping[str, Floats]:
    human = only_label(table)
    weight = pair_weights(table, np.ones_like(human), average)
    plain = weight @ (np.sign(table.scores.to_numpy()) == human[:, None])
    half = weight @ np.where(human[:, None] != 0, _half(table), 0.0)
    informative = float(weight @ (human != 0))
    return {
        **chance_levels(table, tuned_decisions(table, n_folds, average), "acc-eq", average),
        "epsilon": np.median(thresholds(table, n_folds, average), axis=0),
        "untuned": plain,
        "half": half / informative if informative else np.full(len(half), np.nan),
    }


def _half(table: Pairs) -> Floats:
    decision = np.sign(table.scores.to_numpy())
    return (decision == only_label(table)[:, None]) + 0.5 * (decision == 0)


def _weigh(table: Pairs, n_folds: int | None, average: str) -> Weigh:
    """Replicates of the estimate, with thresholds re-optimized in each."""
    human, weight = only_label(table), _credit_weight(table, average)
    items, n_items = table.item_codes, table.n_items
    first_row = np.unique(items, return_index=True)[1]
    return rethresholded_accuracy(
        [sort_pairs(column, human, weight) for column in table.scores.to_numpy().T],
        items,
        sum_by(weight, items, n_items),
        folds_of(table, n_folds)[first_row],
        n_folds or 1,
        int(np.clip(_BIN_BYTES / (16.0 * n_items * len(table.scorers)), 8, _MAX_BINS)),
    )
