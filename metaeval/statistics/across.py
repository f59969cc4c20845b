"""Statistics of pairs formed across items: quadratic forms in the weights of the items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from metaeval.arrays import Bools, Codes, Floats
from metaeval.canonical import group_codes, rounded, unit_of
from metaeval.checks import require_column
from metaeval.errors import MetaevalError
from metaeval.statistics.base import (
    MAX_RESAMPLED_ITEMS,
    Statistic,
    Weigh,
    mean_defined,
    only_label,
    require_grouping_size,
    settle_constant,
)
from metaeval.statistics.counting import chance_of, tau_c
from metaeval.tables import Responses

Finish = Callable[[Floats], Floats]


class Ties(NamedTuple):
    """What a tie of two scores is: at most `epsilon` apart, after rounding unless `exact`."""

    epsilon: float
    exact: bool


_BLOCK = 2_000_000  # comparisons of rows at a time
_N_COUNTS = 5


def across_items(
    name: str,
    estimand: Mapping[str, str],
    finish: Finish | None,
    epsilon: float,
    *,
    constant: str = "drop",
    exact: bool = False,
    is_accuracy: bool = False,
) -> Statistic:
    """Return a statistic of the five counts of pairs within each system, or of all pairs.

    `finish` maps counts (..., 5) to a value; None stands for tau-c, which needs the numbers of
    rows and of distinct values too.
    """
    ties = Ties(epsilon, exact)

    def weigh(table: Responses) -> Weigh:
        require_grouping_size(table, estimand["grouping"])
        groups = groups_of(table, estimand["grouping"])
        if estimand["grouping"] == "system" and estimand["average"] == "pairs" and finish:
            return lambda weights: finish(
                np.sum([_group_counts(table, rows, weights, ties) for rows in groups], axis=0)
            )
        ones = np.ones((1, table.n_items))
        whole = _group_values(table, groups, ones, finish, ties)[0][0].T
        settled = settle_constant(whole, constant, table.scorers, name)
        kept = [g for g, v in zip(groups, settled, strict=True) if not np.isnan(v).all()]

        def values(weights: Floats) -> Floats:
            of_groups, present = _group_values(table, kept, weights, finish, ties)
            return mean_defined(of_groups, constant, present)

        return values

    def estimate(table: Responses) -> Floats:
        return weigh(table)(np.ones((1, table.n_items)))[0]

    def describe(table: Responses) -> Mapping[str, Floats]:
        return _levels(table, estimand, ties) if is_accuracy else {}

    return Statistic(
        name,
        "responses",
        weigh=weigh,
        estimate=estimate,
        estimand=estimand,
        smooth=True,
        describe=describe,
        is_accuracy=is_accuracy,
        item_limit=MAX_RESAMPLED_ITEMS,
    )


def groups_of(table: Responses, grouping: str) -> list[Codes]:
    """Rows of each group: those of each system, or all rows as one group."""
    if grouping == "none":
        return [np.arange(len(table))]
    require_column(table.rows.columns, "system", purpose="grouping='system'")
    names = [c for c in ("task", "system") if c in table.rows]
    codes = group_codes(table.rows, names)
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    several = [rows for rows in groups if len(rows) > 1]
    if not several:
        raise MetaevalError(
            "No system has two responses, so there is nothing to compare within systems; use "
            "grouping='none' or grouping='item'."
        )
    return several


def _group_values(
    table: Responses, groups: list[Codes], weights: Floats, finish: Finish | None, ties: Ties
) -> tuple[Floats, Bools]:
    """Value, and whether there are pairs, of each (replicate, scorer, group)."""
    values, present = [], []
    for rows in groups:
        counts = _group_counts(table, rows, weights, ties)
        values.append(_tau_c(table, rows, weights, counts) if finish is None else finish(counts))
        present.append(counts.sum(axis=-1) > 0)
    return np.stack(values, axis=-1), np.stack(present, axis=-1)


def _group_counts(table: Responses, rows: Codes, weights: Floats, ties: Ties) -> Floats:
    """Weighted counts of the five kinds of pair in one group: (replicate, scorer, 5)."""
    rows = rows[np.argsort(table.item_codes[rows], kind="stable")]
    items, human = table.item_codes[rows], only_label(table)
    w = weights[:, np.unique(items)].astype(np.float32)
    out = np.empty((len(weights), len(table.scorers), _N_COUNTS))
    for m, scorer in enumerate(table.scorers):
        column = table.scores[scorer].to_numpy()
        units = (0.0, 0.0) if ties.exact else (unit_of(column), unit_of(human))
        policy = (ties.epsilon, table.label_epsilon, table.kind == "correct")
        forms = _forms(column[rows], human[rows], items, policy, units)
        for k, form in enumerate(_summed(forms, len(w[0]), bool((weights == 1).all()))):
            out[:, m, k] = _quadratic(w, form)
    return out


def _quadratic(w: Floats, form: Floats) -> Floats:
    """W' form w for each replicate, exact: integers below 2^24 in the product."""
    if form.ndim == 0:
        return np.full(len(w), float(form))
    return np.einsum("ri,ri->r", (w @ form).astype(np.float64), w.astype(np.float64)) / 2


def _forms(
    x: Floats,
    h: Floats,
    items: Codes,
    policy: tuple[float, float, bool],
    units: tuple[float, float],
) -> Iterator[tuple[Codes, list[Floats]]]:
    """Blocks of rows against all rows: items of the block, and five 0/1 matrices summed by item."""
    epsilon, label_epsilon, correct = policy
    starts = np.flatnonzero(np.r_[True, items[1:] != items[:-1]])
    step = max(1, _BLOCK // len(x))
    for low in range(0, len(x), step):
        block = slice(low, low + step)
        sx = _order(x[block, None] - x, units[0], epsilon)
        sh = _order(h[block, None] - h, units[1], label_epsilon)
        other = np.arange(len(x)) != np.arange(len(x))[block, None]
        if correct:  # two right or two wrong answers form no pair
            other &= sh != 0
        tied_x, tied_h, product = sx == 0, sh == 0, sx * sh
        kinds = (
            product > 0,
            product < 0,
            tied_h & ~tied_x & other,
            ~tied_h & tied_x,
            tied_h & tied_x & other,
        )
        yield (
            items[block],
            [
                np.add.reduceat(kind.astype(np.float32), starts, axis=1, dtype=np.float32)
                for kind in kinds
            ],
        )


def _order(gap: Floats, unit: float, epsilon: float) -> Codes:
    """Order of two values, 0 where they are at most epsilon apart."""
    gap = rounded(gap, unit)
    return np.where(np.abs(gap) <= epsilon, 0, np.sign(gap)).astype(np.int8)


def _summed(
    blocks: Iterator[tuple[Codes, list[Floats]]], n_items: int, total: bool
) -> list[Floats]:
    """Forms (item, item) from their blocks; only half their totals where all weights are 1."""
    if total:
        sums = sum(np.array([k.sum(dtype=np.float64) for k in kinds]) for _, kinds in blocks)
        return [np.asarray(s / 2) for s in np.asarray(sums)]
    forms = [np.zeros((n_items, n_items), dtype=np.float32) for _ in range(_N_COUNTS)]
    place: dict[int, int] = {}
    for items, kinds in blocks:
        local = np.array([place.setdefault(int(i), len(place)) for i in items])
        for form, kind in zip(forms, kinds, strict=True):
            np.add.at(form, local, kind)
    return [np.asarray(form) for form in forms]


def _tau_c(table: Responses, rows: Codes, weights: Floats, counts: Floats) -> Floats:
    """Stuart's tau-c of one group for each replicate: (replicate, scorer)."""
    w = weights[:, table.item_codes[rows]]
    human = _distinct(only_label(table)[rows], w)
    k = [np.minimum(_distinct(table.scores[m].to_numpy()[rows], w), human) for m in table.scorers]
    return tau_c(counts, w.sum(axis=1)[:, None], np.stack(k, axis=-1))


def _distinct(values: Floats, weights: Floats) -> Floats:
    """Number of distinct values with positive weight, for each replicate: (replicate,)."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) != 0])
    return (np.add.reduceat(weights[:, order], starts, axis=1) > 0).sum(axis=1).astype(float)


def _levels(table: Responses, estimand: Mapping[str, str], ties: Ties) -> Mapping[str, Floats]:
    """Tie rate, chance and trivial value from the counts, groups weighted as in the estimate."""
    ones = np.ones((1, table.n_items))
    groups = groups_of(table, estimand["grouping"])
    counts = np.array([_group_counts(table, rows, ones, ties)[0] for rows in groups])
    policy = estimand["ties"]
    if policy != "acc-eq":
        counts = counts * [1, 1, 0, 1, 0]
    n = counts.sum(axis=-1, keepdims=True)
    if estimand["average"] == "pairs":
        share = counts.sum(axis=0) / np.maximum(n.sum(axis=0), 1)
    else:
        share = (counts / np.maximum(n, 1)).sum(axis=0) / max(int((n[:, 0, 0] > 0).sum()), 1)
    return chance_of(share[:, 3] + share[:, 4], float(share[0, 2] + share[0, 4]), policy)
