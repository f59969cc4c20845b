"""Tie calibration for pairs across items, with thresholds cross-fitted by item."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from metaeval.core import (
    Codes,
    Floats,
    MetaevalError,
    decide_with_threshold,
    difference,
    typical_decade,
)
from metaeval.statistics.bound import Weigh
from metaeval.statistics.degenerate_groups import MAX_RESAMPLED_ITEMS, nanmean_groups
from metaeval.statistics.estimand import Estimand
from metaeval.statistics.folds import folds_of
from metaeval.statistics.kinds import WeightedStatistic
from metaeval.statistics.pairs.counts import chance_of
from metaeval.statistics.pairs.cross_item import groups_of
from metaeval.statistics.pairs.logistic_threshold import fitted_cells, margin_cells
from metaeval.statistics.pairs.threshold_search import best_thresholds, sort_pairs
from metaeval.statistics.sums import only_label
from metaeval.tables import Responses

_MAX_PAIRS = 20_000_000  # some 2 GB in memory


def across_items_calibrated(
    estimand: Estimand, n_folds: int | None, argmax: bool
) -> WeightedStatistic:
    """Return tie-calibrated accuracy of pairs within systems, or of all pairs."""

    def weigh(table: Responses) -> Weigh:
        pairs = _Pairs(table, estimand, n_folds, argmax)
        return lambda weights: pairs.values(weights)

    def describe(table: Responses) -> Mapping[str, Floats]:
        pairs = _Pairs(table, estimand, n_folds, argmax)
        tie_rate = np.array([pairs.weight @ (decision == 0) for decision in pairs.decisions])
        return chance_of(tie_rate, float(pairs.weight @ (pairs.human == 0)), "acc-eq")

    return WeightedStatistic(
        estimand=estimand,
        weigh=weigh,
        describe=describe,
        smooth=True,
        most_items=MAX_RESAMPLED_ITEMS,
    )


class _Pairs:
    """Pairs across items of one table, and decisions of each scorer at its tuned threshold."""

    def __init__(
        self, table: Responses, estimand: Estimand, n_folds: int | None, argmax: bool
    ) -> None:
        groups = groups_of(table, str(estimand.grouping))
        n_pairs = sum(len(g) * (len(g) - 1) // 2 for g in groups)
        if n_pairs > _MAX_PAIRS:
            raise MetaevalError(
                f"Tie calibration with grouping={estimand.grouping!r} is limited to {_MAX_PAIRS} "
                f"pairs of rows, got {n_pairs}; use grouping='item', by='task' or fewer rows."
            )
        first, second, group = _pairs_within(groups)
        label = only_label(table)
        gap = difference(label[first], label[second], typical_decade(label))
        human = decide_with_threshold(gap, table.label_epsilon)
        if table.kind == "correct":  # two correct or two incorrect answers are not a pair
            first, second, group = (v[human != 0] for v in (first, second, group))
            human = human[human != 0]
        self.human = human
        self.a, self.b = table.item_codes[first], table.item_codes[second]
        self.group = group if estimand.average == "groups" else np.zeros_like(group)
        size = np.bincount(self.group)
        self.weight = 1.0 / size[self.group] / (size > 0).sum()
        fold = np.zeros(table.n_items, dtype=np.intp)
        if n_folds is not None:
            fold = _fold_of_items(table, n_folds)
        self.decisions = [
            self._tuned(
                difference(x[first], x[second], typical_decade(x)), fold, n_folds or 1, argmax
            )
            for x in table.scores.to_numpy().T
        ]

    def _tuned(self, margin: Floats, fold: Codes, n_folds: int, argmax: bool) -> Floats:
        """Decisions at thresholds estimated on pairs that share no fold with the pair: (pair,)."""
        rule = self._argmax if argmax else self._logistic
        low, high = (order(fold[self.a], fold[self.b]) for order in (np.minimum, np.maximum))
        return decide_with_threshold(margin, rule(margin, low, high, n_folds))

    def _logistic(self, margin: Floats, low: Codes, high: Codes, n_folds: int) -> Floats:
        """Threshold of each pair by logistic regression on ranks of margins: (pair,)."""
        cells, block = margin_cells(margin), low * n_folds + high
        n_cells = len(cells.score)
        shape = (n_folds * n_folds, n_cells)

        def of_others(of_pairs: Floats) -> Floats:
            values = (self.weight * of_pairs * len(margin))[cells.used]
            at = block[cells.used] * n_cells + cells.cell
            totals = np.bincount(at, values, n_folds * n_folds * n_cells)
            return totals if n_folds == 1 else _outside(totals.reshape(n_folds, n_folds, -1))

        right = np.sign(margin) == self.human
        gains, losses = (of_others(v).reshape(shape) for v in (self.human == 0, right))
        return np.r_[0.0, cells.size][fitted_cells(gains, losses, cells)][block]

    def _argmax(self, margin: Floats, low: Codes, high: Codes, n_folds: int) -> Floats:
        """Threshold of each pair with the largest observed credit: (pair,)."""
        all_pairs = sort_pairs(margin, self.human, self.weight)
        epsilon = np.full(len(margin), best_thresholds(all_pairs, np.zeros(len(margin), int), 1)[0])
        if n_folds > 1:
            for f, g in itertools.combinations_with_replacement(range(n_folds), 2):
                train = ~np.isin(low, (f, g)) & ~np.isin(high, (f, g))
                train_pairs = sort_pairs(margin[train], self.human[train], self.weight[train])
                best = (
                    best_thresholds(train_pairs, np.zeros(int(train.sum()), int), 1)
                    if train.any()
                    else [0.0]
                )
                epsilon[(low == f) & (high == g)] = best[0]
        return epsilon

    def values(self, weights: Floats) -> Floats:
        """Weighted accuracy of each replicate at fixed thresholds: (replicate, scorer)."""
        columns = [self._value(weights, decision == self.human) for decision in self.decisions]
        return np.stack(columns, axis=-1)

    def _value(self, weights: Floats, right: Floats) -> Floats:
        ratios = []
        for g in range(int(self.group.max()) + 1):
            in_group = self.group == g
            top = _form(self.a[in_group], self.b[in_group], right[in_group], weights.shape[1])
            bottom = _form(
                self.a[in_group], self.b[in_group], np.ones(int(in_group.sum())), weights.shape[1]
            )
            with np.errstate(invalid="ignore"):
                ratios.append(_quadratic(weights, top) / _quadratic(weights, bottom))
        of_groups = np.stack(ratios, axis=-1)[:, None]
        return nanmean_groups(of_groups, "drop", ~np.isnan(of_groups))[:, 0]


def _outside(totals: Floats) -> Floats:
    """Totals of the pairs without a member in either of two folds: (fold, fold, cell).

    `totals` (fold, fold, cell) are those of pairs by the folds of their members, the lower first.
    """
    folds = np.arange(len(totals))
    within = totals[folds, folds]
    both = totals + totals.transpose(1, 0, 2)  # pairs with members in both folds
    touching = both.sum(axis=1) - within  # pairs with a member in a fold
    both[folds, folds] = touching
    return np.asarray(totals.sum(axis=(0, 1)) - touching[:, None] - touching[None] + both)


def _form(a: Codes, b: Codes, values: Floats, n: int) -> Floats:
    return np.bincount(a * n + b, values, n * n).reshape(n, n)


def _quadratic(weights: Floats, form: Floats) -> Floats:
    return np.einsum("ri,ri->r", weights @ form, weights)


def _pairs_within(groups: list[Codes]) -> tuple[Codes, Codes, Codes]:
    """First row, second row and group of each pair: (pair,) each."""
    parts = []
    for g, rows in enumerate(groups):
        a, b = np.triu_indices(len(rows), k=1)
        parts.append((rows[a], rows[b], np.full(len(a), g)))
    first, second, group = (np.concatenate(column) for column in zip(*parts, strict=True))
    return first, second, group


def _fold_of_items(table: Responses, n_folds: int) -> Codes:
    if n_folds < 3:
        raise MetaevalError("Cross-fitting of pairs across items needs n_folds=3 or more.")
    first_row = np.unique(table.item_codes, return_index=True)[1]
    return folds_of(table, n_folds)[first_row]
