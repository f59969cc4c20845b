"""Search for the best tie threshold, exactly, once or in every bootstrap replicate.

Replicates do not sort again. Pairs are sorted once and cut into bins, and the credits at the ends
of the bins are one product with the weights of items. Only bins that might contain a better
threshold are searched pair by pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from metaeval.core import Bools, Codes, Floats, same_sizes
from metaeval.statistics.bound import Weigh

_REPLICATES_PER_BLOCK = 256
_STEPS_PER_BLOCK = 2_000_000  # pairs searched at a time, over all replicates: 16 MB
_MAX_EXACT_FLOAT32 = 2**24  # integers up to this are exact in single precision


class SortedPairs(NamedTuple):
    """One scorer's pairs, sorted by the size of their margins."""

    size: Floats  # (pair,) |margin|, ascending
    base: Floats  # (pair,) credit if only margins of 0 are ties
    gain: Floats  # (pair,) change of the credit if the pair becomes a tie
    order: Codes  # (pair,) index of the pair in the table


class CreditCurve(NamedTuple):
    """One scorer's credit by item at increasing thresholds, the ends of bins of sorted pairs.

    A bin is mixed if it contains margins of several sizes, so a threshold may lie inside.
    """

    credit: Floats  # (item, 1 + bin) with ties of margin 0, then up to the end of each bin
    bound: Floats  # (item, mixed bin) upper bound of the credit inside the bin
    column: Codes  # (mixed bin,) its column of `credit`
    first: Codes  # (mixed bin,) its first pair
    items: Codes  # (pair, longest bin) item of a pair and of the pairs after it
    gains: Floats  # (pair, longest bin) gains of these pairs
    inner: Bools  # (pair, longest bin) whether the next margin is equal: not a threshold


def sort_pairs(margin: Floats, human: Floats, weight: Floats) -> SortedPairs:
    """Sort the pairs of one scorer by margin; a missing margin is never correct."""
    decision = np.sign(margin)
    right = (decision == human) * weight
    gain = np.where(decision == 0, 0.0, (human == 0) * weight - right)
    size = np.where(np.isnan(margin), np.inf, np.abs(margin))
    gain = np.where(np.isinf(size), 0.0, gain)
    order = np.argsort(size)
    return SortedPairs(same_sizes(size[order]), right[order], gain[order], order)


def credit_by_threshold(pairs: SortedPairs) -> tuple[Floats, Floats]:
    """All thresholds, starting at 0, and the total credit at each: (threshold,) each."""
    last = np.r_[pairs.size[1:] != pairs.size[:-1], True] & np.isfinite(pairs.size)
    positive = last & (pairs.size > 0)
    gained = np.cumsum(pairs.gain)[positive]
    return np.r_[0.0, pairs.size[positive]], pairs.base.sum() + np.r_[0.0, gained]


def best_thresholds(pairs: SortedPairs, fold: Codes, n_folds: int) -> Floats:
    """Best threshold for each fold, from the other folds (from all pairs if n_folds=1): (fold,).

    Only the last of equal margins is a candidate, so equal margins are never split.
    """
    last = np.r_[pairs.size[1:] != pairs.size[:-1], True] & np.isfinite(pairs.size)
    candidates = np.r_[0.0, pairs.size[last]]
    best = np.empty(n_folds)
    for f in range(n_folds):
        train = np.ones(len(fold), bool) if n_folds == 1 else fold[pairs.order] != f
        total = np.cumsum(np.where(train, pairs.gain, 0.0))[last]
        best[f] = candidates[np.argmax(np.r_[0.0, total])]
    return best


def rethresholded_accuracy(
    columns: list[SortedPairs],
    items: Codes,
    counted: Floats,
    fold: Codes,
    n_folds: int,
    n_bins: int,
) -> Weigh:
    """Accuracy of replicates, each fold scored at the best threshold of the other folds.

    Parameters
    ----------
    columns : list of Gains
        Sorted pairs of each scorer; their weights are integers.
    items : array (pair,)
        Item of each pair.
    counted : array (item,)
        Weight of the pairs of each item.
    fold : array (item,)
        Fold of each item; with a single fold the threshold is optimized in-sample.
    n_folds, n_bins : int
        Number of folds, and of bins (at most twice `n_bins` are made).

    Returns
    -------
    callable
        Maps weights of items (replicate, item), multiples of 2^-12, to accuracies (replicate,
        scorer).
    """
    order = np.argsort(fold, kind="stable")
    ends = np.cumsum(np.bincount(fold, minlength=n_folds))
    parts = [slice(a, b) for a, b in zip(np.r_[0, ends[:-1]], ends, strict=True)]
    counted, by_fold = counted[order], np.argsort(order)[items]
    curves = [_curve(pairs, by_fold[pairs.order], len(fold), n_bins) for pairs in columns]

    def values(weights: Floats) -> Floats:
        blocks = (
            weights[i : i + _REPLICATES_PER_BLOCK, order]
            for i in range(0, len(weights), _REPLICATES_PER_BLOCK)
        )
        with np.errstate(invalid="ignore"):
            return np.concatenate([_accuracies(w, counted, curves, parts) for w in blocks])

    return values


def _curve(pairs: SortedPairs, items: Codes, n_items: int, n_bins: int) -> CreditCurve:
    """Cut one scorer's pairs into bins; pairs without a gain do not affect the threshold."""
    base = np.bincount(items, pairs.base, n_items)
    moves = pairs.gain != 0
    size, gain, items = pairs.size[moves], pairs.gain[moves], items[moves]
    bins = _bins(size, n_bins)
    length = np.bincount(bins)
    inner = np.diff(size, append=np.inf) == 0
    mixed = np.flatnonzero(np.bincount(bins[~inner], minlength=len(length)) > 1)

    dtype = np.float32 if base.sum() + np.abs(gain).sum() < _MAX_EXACT_FLOAT32 else np.float64
    cell = items * len(length) + bins

    def by_bin(values: Floats) -> Floats:
        sums = np.bincount(cell, values, n_items * len(length)).astype(dtype)
        return np.asarray(sums.reshape(n_items, -1))

    credit = np.cumsum(np.column_stack([base.astype(dtype), by_bin(gain)]), axis=1)
    bound = credit[:, mixed] + by_bin(np.maximum(gain, 0.0))[:, mixed]
    longest = int(length[mixed].max(initial=1))
    return CreditCurve(
        credit,
        bound,
        mixed + 1,
        (np.cumsum(length) - length)[mixed],
        _following(items.astype(np.int32), longest),
        _following(gain.astype(dtype), longest),
        _following(inner, longest),
    )


def _bins(size: Floats, n_bins: int) -> Codes:
    """Bin of each sorted pair, about equally filled; equal margins share a bin."""
    start = np.flatnonzero(np.diff(size, prepend=-1.0) > 0)
    run = np.diff(start, append=len(size))
    width = max(1, -(-len(size) // n_bins))
    starts_bin = (np.diff(start // width, prepend=-1) > 0) | (run > width)
    return np.repeat(np.cumsum(starts_bin) - 1, run)


def _following(values: Floats, n: int) -> Floats:
    """View of each value and the n - 1 values after it, padded with zeros: (value, n)."""
    padded = np.concatenate([values, np.zeros(n, values.dtype)])
    return np.lib.stride_tricks.sliding_window_view(padded, n)


def _accuracies(
    weights: Floats, counted: Floats, curves: list[CreditCurve], parts: list[slice]
) -> Floats:
    """Accuracy of each replicate and scorer, in single precision if that is exact."""
    total = weights @ counted
    single = total.max() < _MAX_EXACT_FLOAT32 and bool((weights == np.rint(weights)).all())
    exact_weights = weights.astype(np.float32) if single else weights
    credit = [_cross_fitted_credit(exact_weights, curve, parts) for curve in curves]
    return np.asarray(np.stack(credit, axis=-1) / total[:, None])


def _cross_fitted_credit(weights: Floats, curve: CreditCurve, parts: list[slice]) -> Floats:
    """Credit of each replicate, each fold scored at the best threshold of the others."""
    ends = [_times(weights[:, part], curve.credit[part]) for part in parts]
    bounds = [_times(weights[:, part], curve.bound[part]) for part in parts]
    credit = np.zeros(len(weights))
    for part, ends_of_part, bound_of_part in zip(parts, ends, bounds, strict=True):
        if len(parts) == 1:
            credit += _credit_at_best(
                curve, ends_of_part, ends_of_part, bound_of_part, weights, weights
            )
            continue
        test = np.zeros_like(weights)
        test[:, part] = weights[:, part]
        credit += _credit_at_best(
            curve,
            ends_of_part,
            sum(ends) - ends_of_part,
            sum(bounds) - bound_of_part,
            test,
            weights - test,
        )
    return credit


def _times(weights: Floats, by_item: Floats) -> Floats:
    return weights @ by_item.astype(weights.dtype, copy=False)


def _credit_at_best(
    curve: CreditCurve,
    test_ends: Floats,
    train_ends: Floats,
    bound: Floats,
    test: Floats,
    train: Floats,
) -> Floats:
    """Credit under weights `test` at the smallest best threshold under `train`: (replicate,)."""
    replicate = np.arange(len(test_ends))
    at = train_ends.argmax(axis=1)
    best = train_ends[replicate, at]
    credit = test_ends[replicate, at].astype(np.float64)
    # A bin that can only match the best value matters if it comes first: the smallest
    # threshold wins.
    candidates = (bound > best[:, None]) | (
        (bound == best[:, None]) & (curve.column <= at[:, None])
    )
    if not candidates.any():
        return credit
    top, pair = _search(curve, train_ends, train, candidates)
    bins = top.argmax(axis=1)
    top, column = top[replicate, bins], curve.column[bins]
    inside = np.flatnonzero((top > best) | ((top == best) & (column <= at)))
    bins, column = bins[inside], column[inside]
    gained = _gain_up_to(curve, test, inside, bins, pair[inside, bins])
    credit[inside] = test_ends[inside, column - 1] + gained
    return credit


def _search(
    curve: CreditCurve, ends: Floats, weights: Floats, candidates: Bools
) -> tuple[Floats, Codes]:
    """Largest credit inside each candidate bin, and the first of its pairs that reaches it.

    The search may run into the bins that follow; thresholds there are valid as well.
    """
    top = np.full(candidates.shape, -np.inf)
    pair = np.zeros(candidates.shape, dtype=np.intp)
    replicate, bins = np.nonzero(candidates)
    for block, steps in _steps(curve, weights, replicate, bins):
        r, b = replicate[block], bins[block]
        gained = np.cumsum(steps, axis=1)
        gained[curve.inner[curve.first[b]]] = -np.inf
        pair[r, b] = gained.argmax(axis=1)
        top[r, b] = ends[r, curve.column[b] - 1] + gained.max(axis=1)
    return top, pair


def _gain_up_to(
    curve: CreditCurve, weights: Floats, replicate: Codes, bins: Codes, pair: Codes
) -> Floats:
    """Gain of each replicate in a bin, up to and including a pair."""
    gained = np.empty(len(replicate))
    for block, steps in _steps(curve, weights, replicate, bins):
        included = np.arange(steps.shape[1]) <= pair[block, None]
        gained[block] = np.where(included, steps, 0).sum(axis=1)
    return gained


def _steps(
    curve: CreditCurve, weights: Floats, replicate: Codes, bins: Codes
) -> Iterator[tuple[slice, Floats]]:
    """Yield blocks of (replicate, bin) and the weighted gains of their pairs: (block, pair)."""
    size = max(1, _STEPS_PER_BLOCK // curve.items.shape[1])
    for i in range(0, len(bins), size):
        block = slice(i, i + size)
        first = curve.first[bins[block]]
        yield block, weights[replicate[block, None], curve.items[first]] * curve.gains[first]
