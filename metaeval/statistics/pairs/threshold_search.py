"""Choosing a tie threshold: once, or anew in every replicate of the bootstrap, exactly.

Replicates do not sort again. Pairs are sorted once and cut into bins, and the credit at the end of
each bin is one product of weights of items. Only bins inside which some threshold might do better
are read pair by pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from metaeval.core import Bools, Codes, Floats, same_sizes
from metaeval.statistics.bound import Weigh

_ROWS = 256  # replicates at a time
_READ = 2_000_000  # pairs read at a time, over all replicates
_WHOLE = 2**24  # whole numbers below this are exact in single precision


class Gains(NamedTuple):
    """One scorer's pairs, sorted by the size of their margins."""

    size: Floats  # (pair,) |margin|, ascending
    base: Floats  # (pair,) credit when only margins of 0 are ties
    gain: Floats  # (pair,) what the credit gains once the pair is called a tie
    order: Codes  # (pair,) place of the pair in the table


class Curve(NamedTuple):
    """One scorer's credit by item as the threshold grows, at the ends of bins of sorted pairs.

    A bin is mixed if it holds margins of several sizes: the threshold may lie inside.
    """

    credit: Floats  # (item, 1 + bin) ties are margins of 0, or all up to the end of a bin
    bound: Floats  # (item, mixed bin) no threshold inside the bin gives more
    place: Codes  # (mixed bin,) its column of `credit`
    first: Codes  # (mixed bin,) its first pair
    items: Codes  # (pair, longest bin) item of a pair and of those that follow it
    gains: Floats  # (pair, longest bin) what their items gain
    inner: Bools  # (pair, longest bin) whether a pair of equal size follows: no threshold


def gains_of(margin: Floats, human: Floats, weight: Floats) -> Gains:
    """Sort the pairs of one scorer; a missing margin is never right: (pair,) each."""
    call = np.sign(margin)
    right = (call == human) * weight
    gain = np.where(call == 0, 0.0, (human == 0) * weight - right)
    size = np.where(np.isnan(margin), np.inf, np.abs(margin))
    gain = np.where(np.isinf(size), 0.0, gain)
    order = np.argsort(size)
    return Gains(same_sizes(size[order]), right[order], gain[order], order)


def credit_of(gains: Gains) -> tuple[Floats, Floats]:
    """Every threshold, 0 first, and the credit of all pairs there: (threshold,) each."""
    last = np.r_[gains.size[1:] != gains.size[:-1], True] & np.isfinite(gains.size)
    some = last & (gains.size > 0)
    gained = np.cumsum(gains.gain)[some]
    return np.r_[0.0, gains.size[some]], gains.base.sum() + np.r_[0.0, gained]


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


def recalibrated(
    columns: list[Gains], items: Codes, counted: Floats, fold: Codes, n_folds: int, n_bins: int
) -> Weigh:
    """Accuracy of replicates, each fold read at the threshold that is best on the others.

    Parameters
    ----------
    columns : list of Gains
        Sorted pairs of each scorer; their weights are whole numbers.
    items : array (pair,)
        Item of each pair.
    counted : array (item,)
        Weight of the pairs of each item.
    fold : array (item,)
        Fold of each item; if there is one only, it is read where it is chosen.
    n_folds, n_bins : int
        Number of folds; at most twice as many bins as `n_bins` are made.

    Returns
    -------
    callable
        Weights of items (replicate, item), multiples of 2^-12, -> accuracy (replicate, scorer).
    """
    order = np.argsort(fold, kind="stable")
    ends = np.cumsum(np.bincount(fold, minlength=n_folds))
    parts = [slice(a, b) for a, b in zip(np.r_[0, ends[:-1]], ends, strict=True)]
    counted, by_fold = counted[order], np.argsort(order)[items]
    curves = [_curve(gains, by_fold[gains.order], len(fold), n_bins) for gains in columns]

    def values(weights: Floats) -> Floats:
        blocks = (weights[i : i + _ROWS, order] for i in range(0, len(weights), _ROWS))
        with np.errstate(invalid="ignore"):
            return np.concatenate([_accuracies(w, counted, curves, parts) for w in blocks])

    return values


def _curve(gains: Gains, items: Codes, n_items: int, n_bins: int) -> Curve:
    """Cut one scorer's pairs into bins; those without a gain move no threshold."""
    base = np.bincount(items, gains.base, n_items)
    some = gains.gain != 0
    size, gain, items = gains.size[some], gains.gain[some], items[some]
    bins = _bins(size, n_bins)
    length = np.bincount(bins)
    inner = np.diff(size, append=np.inf) == 0
    mixed = np.flatnonzero(np.bincount(bins[~inner], minlength=len(length)) > 1)

    kind = np.float32 if base.sum() + np.abs(gain).sum() < _WHOLE else np.float64
    cell = items * len(length) + bins

    def by_bin(values: Floats) -> Floats:
        found = np.bincount(cell, values, n_items * len(length)).astype(kind)
        return np.asarray(found.reshape(n_items, -1))

    credit = np.cumsum(np.column_stack([base.astype(kind), by_bin(gain)]), axis=1)
    bound = credit[:, mixed] + by_bin(np.maximum(gain, 0.0))[:, mixed]
    longest = int(length[mixed].max(initial=1))
    return Curve(
        credit,
        bound,
        mixed + 1,
        (np.cumsum(length) - length)[mixed],
        _following(items.astype(np.int32), longest),
        _following(gain.astype(kind), longest),
        _following(inner, longest),
    )


def _bins(size: Floats, n_bins: int) -> Codes:
    """Bin of each sorted pair: equal sizes together, about equal counts, long runs alone."""
    start = np.flatnonzero(np.diff(size, prepend=-1.0) > 0)
    run = np.diff(start, append=len(size))
    width = max(1, -(-len(size) // n_bins))
    opens = (np.diff(start // width, prepend=-1) > 0) | (run > width)
    return np.repeat(np.cumsum(opens) - 1, run)


def _following(values: Floats, n: int) -> Floats:
    """View of each value and the n - 1 after it: (value, n); zeros follow the last."""
    padded = np.concatenate([values, np.zeros(n, values.dtype)])
    return np.lib.stride_tricks.sliding_window_view(padded, n)


def _accuracies(
    weights: Floats, counted: Floats, curves: list[Curve], parts: list[slice]
) -> Floats:
    """Accuracy of each replicate and scorer, in single precision where that is exact."""
    total = weights @ counted
    single = total.max() < _WHOLE and bool((weights == np.rint(weights)).all())
    used = weights.astype(np.float32) if single else weights
    credit = [_credit_chosen_anew(used, curve, parts) for curve in curves]
    return np.asarray(np.stack(credit, axis=-1) / total[:, None])


def _credit_chosen_anew(weights: Floats, curve: Curve, parts: list[slice]) -> Floats:
    """Credit of each replicate, each part of the items read where the others are best."""
    ends = [_times(weights[:, part], curve.credit[part]) for part in parts]
    bounds = [_times(weights[:, part], curve.bound[part]) for part in parts]
    credit = np.zeros(len(weights))
    for part, own, own_bound in zip(parts, ends, bounds, strict=True):
        if len(parts) == 1:
            credit += _read(curve, own, own, own_bound, weights, weights)
            continue
        held = np.zeros_like(weights)
        held[:, part] = weights[:, part]
        credit += _read(curve, own, sum(ends) - own, sum(bounds) - own_bound, held, weights - held)
    return credit


def _times(weights: Floats, by_item: Floats) -> Floats:
    return weights @ by_item.astype(weights.dtype, copy=False)


def _read(
    curve: Curve, own: Floats, ends: Floats, bound: Floats, held: Floats, train: Floats
) -> Floats:
    """Credit under the weights `held` at the first best threshold under `train`: (replicate,)."""
    replicate = np.arange(len(own))
    at = ends.argmax(axis=1)
    best = ends[replicate, at]
    credit = own[replicate, at].astype(np.float64)
    # A bin that can only match the best matters if it does not come later.
    hopeful = (bound > best[:, None]) | ((bound == best[:, None]) & (curve.place <= at[:, None]))
    if not hopeful.any():
        return credit
    top, pair = _search(curve, ends, train, hopeful)
    bins = top.argmax(axis=1)
    top, place = top[replicate, bins], curve.place[bins]
    inside = np.flatnonzero((top > best) | ((top == best) & (place <= at)))
    bins, place = bins[inside], place[inside]
    gained = _gained(curve, held, inside, bins, pair[inside, bins])
    credit[inside] = own[inside, place - 1] + gained
    return credit


def _search(curve: Curve, ends: Floats, weights: Floats, hopeful: Bools) -> tuple[Floats, Codes]:
    """Most credit inside each hopeful bin, and the pair of it at which that is first reached.

    Reading may run on into the bins that follow: thresholds there are as good as any.
    """
    top = np.full(hopeful.shape, -np.inf)
    pair = np.zeros(hopeful.shape, dtype=np.intp)
    replicate, bins = np.nonzero(hopeful)
    for some, steps in _steps(curve, weights, replicate, bins):
        r, b = replicate[some], bins[some]
        gained = np.cumsum(steps, axis=1)
        gained[curve.inner[curve.first[b]]] = -np.inf
        pair[r, b] = gained.argmax(axis=1)
        top[r, b] = ends[r, curve.place[b] - 1] + gained.max(axis=1)
    return top, pair


def _gained(curve: Curve, weights: Floats, replicate: Codes, bins: Codes, pair: Codes) -> Floats:
    """What each replicate gains in a bin up to a pair of it."""
    gained = np.empty(len(replicate))
    for some, steps in _steps(curve, weights, replicate, bins):
        upto = np.arange(steps.shape[1]) <= pair[some, None]
        gained[some] = np.where(upto, steps, 0).sum(axis=1)
    return gained


def _steps(
    curve: Curve, weights: Floats, replicate: Codes, bins: Codes
) -> Iterator[tuple[slice, Floats]]:
    """Weighted gains of the pairs of a bin in a replicate: slices of both, (slice, pair)."""
    size = max(1, _READ // curve.items.shape[1])
    for i in range(0, len(bins), size):
        some = slice(i, i + size)
        first = curve.first[bins[some]]
        yield some, weights[replicate[some, None], curve.items[first]] * curve.gains[first]
