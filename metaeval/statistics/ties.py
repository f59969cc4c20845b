"""Tie calibration: pairwise accuracy at the threshold below which a margin is called a tie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from metaeval.arrays import Codes, Floats
from metaeval.canonical import group_codes
from metaeval.checks import check_whole
from metaeval.errors import MetaevalError
from metaeval.statistics.across_ties import across_items_calibrated
from metaeval.statistics.base import Statistic, Weigh, only_label, sum_by
from metaeval.statistics.counting import (
    Grouping,
    chance_levels,
    check_average,
    named_estimand,
    pair_weights,
    sign_within,
)
from metaeval.tables import Pairs, Responses

_GRID = 2.0**32  # weights of pairs are multiples of 1 / _GRID, so that their sums are exact
_EXACT = 2**52
_CELLS = 512
_CELL_BYTES = 1e9


class Gains(NamedTuple):
    """One scorer's pairs, sorted by the size of their margins."""

    size: Floats  # (pair,) |margin|, ascending
    base: Floats  # (pair,) credit when only margins of 0 are ties
    gain: Floats  # (pair,) what the credit gains once the pair is called a tie
    order: Codes  # (pair,) place of the pair in the table


def tie_calibrated_accuracy(
    folds: int | None = 5,
    average: Literal["items", "pairs", "groups"] | None = None,
    grouping: Grouping = "item",
) -> Statistic:
    r"""Pairwise accuracy (ties met by ties) at the tie threshold that suits each scorer best.

    Parameters
    ----------
    folds : int, default 5, or None
        The threshold of a fold of items (clusters, where declared) is chosen on the others.
        None: chosen and scored on the same pairs, as published; a replica, optimistic when
        items are few.
    average : {"items", "pairs", "groups"}, optional
        Mean over items (or systems: groups), or over pairs.
    grouping : {"item", "system", "none"}
        Which responses are paired: those to one item, those of one system, or all. Other than
        `item`: replicates keep the thresholds, and the status is "approximate".

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        If there are fewer than two items (clusters) to tell folds apart.

    Notes
    -----
    :math:`\hat\epsilon = \arg\max_\epsilon (C + T_{hm}) / n` over 0 and all :math:`|d|`, the
    smallest where several are best. Bootstrap replicates choose anew, over at most 512 cells of
    :math:`|d|`, and are shifted by the difference of the two estimates; folds belong to the
    original items. The sign-flip test holds the thresholds fixed. Where labels are mostly tied
    the best threshold may call everything a tie: read `skill` and `tie_rate` beside the value.
    Coarse scorers gain by rounding alone.

    References
    ----------
    Deutsch, Foster, Freitag (2023), Ties Matter. Perrella et al. (2024), Guardians of the
    Machine Translation Meta-Evaluation.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), tie_calibrated_accuracy(), n_resamples=100).row("judge")
    >>> bool(row["trivial"] < row["estimate"] < 1)
    True
    """
    if folds is not None:
        check_whole("folds", folds, 2)
    average = check_average(grouping, average)  # type: ignore[assignment]
    name = f"tie_calibrated_accuracy(folds={folds}{named_estimand(grouping, average)})"
    chosen = "in-sample" if folds is None else "crossfit"
    estimand = {"grouping": grouping, "average": str(average), "ties": "acc-eq", "epsilon": chosen}
    if grouping != "item":
        return across_items_calibrated(name, estimand, folds)
    kind = str(average)
    return Statistic(
        name,
        "pairs",
        weigh=lambda table: _weigh(table, folds, kind),
        estimate=lambda table: contributions(table, folds, kind).sum(axis=0),
        contributions=lambda table: contributions(table, folds, kind),
        share=lambda table: _shares(table, kind),
        describe=lambda table: _describe(table, folds, kind),
        estimand=estimand,
        status="replica" if folds is None else "exact",
        is_accuracy=True,
    )


def folds_of(table: Responses | Pairs, folds: int | None) -> Codes:
    """Fold of each row: canonical index of its cluster or item within its task, modulo folds.

    Where a cluster spans tasks, or every task has one unit only, they are numbered over all tasks.
    """
    if folds is None:
        return np.zeros(len(table), dtype=np.intp)
    unit = "cluster" if "cluster" in table.rows else "item"
    local = "task" in table.rows and not table.shared_items
    codes = group_codes(table.rows, ["task", unit] if local else [unit])
    if codes.max() == 0:
        raise MetaevalError(
            f"Cross-fitting a tie threshold needs two {unit}s, there is one; use "
            "pairwise_accuracy(ties='acc-eq', epsilon=...) or tie_calibrated_accuracy(folds=None)."
        )
    if unit == "cluster" and table.rows["cluster"].nunique() <= codes.max():
        return group_codes(table.rows, ["cluster"]) % folds
    tasks = group_codes(table.rows, ["task"]) if local else np.zeros(len(table), dtype=np.intp)
    first = np.full(tasks.max() + 1, codes.max() + 1)
    np.minimum.at(first, tasks, codes)
    within = codes - first[tasks]
    return (codes if within.max() == 0 else within) % folds


def gains_of(margin: Floats, human: Floats, weight: Floats) -> Gains:
    """Sort the pairs of one scorer; a missing margin is never right: (pair,) each."""
    call = np.sign(margin)
    right = (call == human) * weight
    gain = np.where(call == 0, 0.0, (human == 0) * weight - right)
    size = np.where(np.isnan(margin), np.inf, np.abs(margin))
    gain = np.where(np.isinf(size), 0.0, gain)
    order = np.argsort(size, kind="stable")
    return Gains(size[order], right[order], gain[order], order)


def best_thresholds(gains: Gains, fold: Codes, n_folds: int) -> Floats:
    """Best threshold for each fold, chosen on the other folds (on all, if there is one): (fold,).

    Only the last of equal margins ends a candidate, so ties of margins are never split.
    """
    last = np.r_[gains.size[1:] != gains.size[:-1], True] & np.isfinite(gains.size)
    candidates = np.r_[0.0, gains.size[last]]
    best = np.empty(n_folds)
    for f in range(n_folds):
        train = np.ones(len(fold), bool) if n_folds == 1 else fold[gains.order] != f
        total = np.cumsum(np.where(train, gains.gain, 0.0))[last]
        best[f] = candidates[np.argmax(np.r_[0.0, total])]
    return best


def _credit_weight(table: Pairs, average: str) -> Floats:
    """Weight of each pair within its item, up to a factor, so that sums are exact: (pair,).

    Whole numbers where the numbers of pairs have a small common multiple, so that three thirds
    are one; else multiples of 1 / _GRID.
    """
    if average == "pairs":
        return np.ones(len(table))
    size = np.bincount(table.item_codes, minlength=table.n_items)
    common = math.lcm(*(int(n) for n in np.unique(size)))
    if common * len(size) < _EXACT:
        return np.asarray((common // size)[table.item_codes], dtype=float)
    return np.asarray(np.round(_GRID / size) / _GRID)[table.item_codes]


def thresholds(table: Pairs, folds: int | None, average: str) -> Floats:
    """Best threshold of each fold and scorer: (fold, scorer)."""
    fold = folds_of(table, folds)
    human, weight = only_label(table), _credit_weight(table, average)
    columns = [
        best_thresholds(gains_of(column, human, weight), fold, folds or 1)
        for column in table.scores.to_numpy().T
    ]
    return np.stack(columns, axis=-1)


def tuned_calls(table: Pairs, folds: int | None, average: str) -> Floats:
    """The call on each pair at the threshold of its fold: (pair, scorer)."""
    epsilon = thresholds(table, folds, average)[folds_of(table, folds)]
    return sign_within(table.scores.to_numpy(), epsilon)  # type: ignore[arg-type]


def contributions(table: Pairs, folds: int | None, average: str) -> Floats:
    """Share of each item in the estimate, thresholds held fixed: (item, scorer)."""
    human = only_label(table)
    right = (tuned_calls(table, folds, average) == human[:, None]).astype(float)
    weight = pair_weights(table, np.ones_like(human), average)
    return sum_by(right * weight[:, None], table.item_codes, table.n_items)


def _shares(table: Pairs, average: str) -> Floats:
    weight = pair_weights(table, np.ones(len(table)), average)
    return sum_by(weight, table.item_codes, table.n_items)


def _describe(table: Pairs, folds: int | None, average: str) -> Mapping[str, Floats]:
    human = only_label(table)
    weight = pair_weights(table, np.ones_like(human), average)
    plain = weight @ (np.sign(table.scores.to_numpy()) == human[:, None])
    half = weight @ np.where(human[:, None] != 0, _half(table), 0.0)
    informative = float(weight @ (human != 0))
    return {
        **chance_levels(table, tuned_calls(table, folds, average), "acc-eq", average),
        "epsilon": np.median(thresholds(table, folds, average), axis=0),
        "untuned": plain,
        "half": half / informative if informative else np.full(len(half), np.nan),
    }


def _half(table: Pairs) -> Floats:
    call = np.sign(table.scores.to_numpy())
    return (call == only_label(table)[:, None]) + 0.5 * (call == 0)


def _weigh(table: Pairs, folds: int | None, average: str) -> Weigh:
    """Replicates of the estimate with the threshold chosen anew over cells of |d|."""
    human, weight = only_label(table), _credit_weight(table, average)
    items, n_items = table.item_codes, table.n_items
    first_row = np.unique(items, return_index=True)[1]
    fold_of_item = folds_of(table, folds)[first_row]
    counted = sum_by(weight, items, n_items)
    n_cells = int(np.clip(_CELL_BYTES / (8.0 * n_items * len(table.scorers)), 8, _CELLS))
    curves = [
        _item_curves(gains_of(column, human, weight), items, n_items, n_cells)
        for column in table.scores.to_numpy().T
    ]
    members = [np.flatnonzero(fold_of_item == f) for f in range(folds or 1)]

    def values(weights: Floats) -> Floats:
        credit = np.stack([_cross_fitted(weights, curve, members) for curve in curves], axis=-1)
        with np.errstate(invalid="ignore"):
            return np.asarray(credit / (weights @ counted)[:, None])

    return values


def _item_curves(gains: Gains, items: Codes, n_items: int, n_cells: int) -> Floats:
    """Credit of each item if margins up to the end of each cell are ties: (item, 1 + cell)."""
    cell = _cells(gains.size, n_cells)
    width = int(cell.max()) + 1
    index = items[gains.order] * width + cell
    steps = np.bincount(index, gains.gain, n_items * width).reshape(n_items, width)
    steps[:, 0] += np.bincount(items[gains.order], gains.base, n_items)
    return np.cumsum(steps, axis=1)


def _cells(size: Floats, n_cells: int) -> Codes:
    """Cell of each sorted |d|: 0 for margins of 0, then equal counts without splitting ties."""
    positive = size > 0
    new_value = np.r_[False, size[1:] != size[:-1]] & positive
    new_value |= positive & ~np.r_[False, positive[:-1]]
    value = np.cumsum(new_value)
    if value[-1] <= n_cells:
        return value
    n_positive = int(positive.sum())
    target = (np.cumsum(positive) - 1) * n_cells // n_positive
    start = np.maximum.accumulate(np.where(new_value, target, -1))
    used = np.r_[True, start[1:] != start[:-1]] & positive
    return np.cumsum(used & (start >= 0))


def _cross_fitted(weights: Floats, curve: Floats, members: list[Codes]) -> Floats:
    """Credit of each replicate, each fold read at the cell that is best on the others."""
    by_fold = [weights[:, rows] @ curve[rows] for rows in members]
    total = np.sum(by_fold, axis=0)
    replicate = np.arange(len(weights))
    credit = np.zeros(len(weights))
    for own in by_fold:
        best = np.argmax(total if len(by_fold) == 1 else total - own, axis=1)
        credit += own[replicate, best]
    return credit
