"""Statistics of pairs across items: quadratic forms in the weights of the items."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from metaeval.core import (
    Bools,
    Codes,
    Floats,
    MetaevalError,
    decide_with_threshold,
    difference,
    require_column,
    typical_decade,
)
from metaeval.statistics.bound import Weigh
from metaeval.statistics.degenerate_groups import (
    MAX_RESAMPLED_ITEMS,
    Degenerate,
    apply_degenerate_policy,
    nanmean_groups,
    require_grouping_size,
)
from metaeval.statistics.estimand import Estimand
from metaeval.statistics.kinds import WeightedStatistic
from metaeval.statistics.pairs.counts import chance_of, tau_c
from metaeval.statistics.sums import only_label
from metaeval.tables import Responses, group_codes

Finish = Callable[[Floats], Floats]


class Ties(NamedTuple):
    """Tie rule for scores: differences up to `epsilon`, rounded first unless `exact`."""

    epsilon: float
    exact: bool


_COMPARISONS_PER_BLOCK = 4_000_000  # signs of one byte each: 4 MB
_MAX_CACHED = 5e8  # sums for pairs of items, mostly of one byte, kept for all replicates
_REPLICATES_PER_BLOCK = 500
_CLASSES_PER_BLOCK = 512  # classes of tied rows, whose indicators form a matrix
_MAX_EXACT_FLOAT32 = 2**24  # integers up to this are exact in single precision


def across_items(
    estimand: Estimand,
    finish: Finish | None,
    epsilon: float,
    *,
    degenerate: Degenerate = "drop",
    exact: bool = False,
    bounds: tuple[float, float] | None = None,
) -> WeightedStatistic:
    """Return a statistic of the five counts of pairs within each system, or of all pairs.

    `finish` maps counts (..., 5) to a value; None means tau-c, which also needs the numbers of
    rows and of distinct values.
    """
    ties = Ties(epsilon, exact)

    def weigh(table: Responses) -> Weigh:
        require_grouping_size(table, str(estimand.grouping))
        groups = _make_groups(table, str(estimand.grouping), ties)
        if estimand.grouping == "system" and estimand.average == "pairs" and finish:
            return lambda weights: finish(np.sum([g.counts(weights) for g in groups], axis=0))
        ones = np.ones((1, table.n_items))
        estimates = _group_values(table, groups, ones, finish)[0][0].T
        settled = apply_degenerate_policy(estimates, degenerate, table.scorers, estimand.name)
        included = [g for g, v in zip(groups, settled, strict=True) if not np.isnan(v).all()]

        def values(weights: Floats) -> Floats:
            of_groups, present = _group_values(table, included, weights, finish)
            return nanmean_groups(of_groups, degenerate, present)

        return values

    def describe(table: Responses) -> Mapping[str, Floats]:
        return _reference_levels(table, estimand, ties) if estimand.is_accuracy else {}

    return WeightedStatistic(
        estimand=estimand,
        weigh=weigh,
        smooth=True,
        describe=describe,
        bounds=bounds,
        most_items=MAX_RESAMPLED_ITEMS,
    )


def groups_of(table: Responses, grouping: str) -> list[Codes]:
    """Return the rows of each system, or all rows as one group."""
    if grouping == "none":
        return [np.arange(len(table))]
    require_column(table.rows.columns, "system", purpose="grouping='system'")
    names = [c for c in ("task", "system") if c in table.rows]
    codes = group_codes(table.rows, names)
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    comparable = [rows for rows in groups if len(rows) > 1]
    if not comparable:
        raise MetaevalError(
            "grouping='system' needs a system with at least 2 responses; use grouping='none' or "
            "grouping='item'."
        )
    return comparable


def _make_groups(table: Responses, grouping: str, ties: Ties) -> list[_Group]:
    """Make the groups of a table, which cache their sums if these fit in memory."""
    groups = groups_of(table, grouping)
    n_forms = len(table.scorers) * (4 if ties.epsilon or table.label_epsilon else 1)
    size = n_forms * sum(min(len(rows), table.n_items) ** 2 for rows in groups)
    return [_Group(table, rows, ties, keep=size <= _MAX_CACHED) for rows in groups]


def _group_values(
    table: Responses, groups: list[_Group], weights: Floats, finish: Finish | None
) -> tuple[Floats, Bools]:
    """Values, and whether there are pairs: (replicate, scorer, group) each."""
    values, present = [], []
    for group in groups:
        counts = group.counts(weights)
        values.append(finish(counts) if finish else _tau_c(table, group.rows, weights, counts))
        present.append(counts.sum(axis=-1) > 0)
    return np.stack(values, axis=-1), np.stack(present, axis=-1)


class _Group:
    """Rows that are compared with each other, with pairs counted under weights of items."""

    def __init__(self, table: Responses, rows: Codes, ties: Ties, keep: bool) -> None:
        self.rows = rows[np.argsort(table.item_codes[rows], kind="stable")]
        self.present, self.items = np.unique(table.item_codes[self.rows], return_inverse=True)
        self.correct = table.kind == "correct"
        self.label = _column(only_label(table), self.rows, table.label_epsilon, ties.exact)
        self.scores = [
            _column(values, self.rows, ties.epsilon, ties.exact)
            for values in table.scores.to_numpy().T
        ]
        self.keep = keep
        self.blocks: Callable[[int], Iterable[_Block]] = (
            functools.cache(lambda m: list(self._blocks(m))) if keep else self._blocks
        )

    def _blocks(self, scorer: int) -> Iterator[_Block]:
        return _comparison_blocks(self.scores[scorer], self.label, self.items)

    def counts(self, weights: Floats) -> Floats:
        """Weighted counts of the five kinds of pair: (replicate, scorer, 5)."""
        size = _REPLICATES_PER_BLOCK if self.keep else len(weights)
        blocks = (weights[i : i + size, self.present] for i in range(0, len(weights), size))
        return np.concatenate([self._counts(w) for w in blocks])

    def _counts(self, w: Floats) -> Floats:
        size = np.bincount(self.items)
        n_rows = w @ size
        pairs = (n_rows**2 - np.einsum("ri,ri,i->r", w, w, size)) / 2
        if n_rows.max() * size.max() < _MAX_EXACT_FLOAT32 and bool((w == np.rint(w)).all()):
            w = w.astype(np.float32)
        return np.stack([self._kinds(m, w, pairs) for m in range(len(self.scores))], axis=1)

    def _kinds(self, scorer: int, w: Floats, pairs: Floats) -> Floats:
        """Pairs concordant, discordant, tied by label, by scorer, by both: (replicate, 5)."""
        excess, *tied = _quadratic(w, self.blocks(scorer))
        x, h = self.scores[scorer].classes, self.label.classes
        if x is not None and h is not None:
            joint = x.astype(np.int64) * len(h) + h
            tied = [_tied_weight(w, self.items, classes) for classes in (x, h, joint)]
        tied_x, tied_h, tied_both = tied
        untied = pairs - tied_x - tied_h + tied_both
        only_x, only_h = tied_x - tied_both, tied_h - tied_both
        if self.correct:  # two correct or two incorrect answers are not a pair
            only_h = tied_both = np.zeros(len(w))
        right, wrong = (untied + excess) / 2, (untied - excess) / 2
        return np.stack([right, wrong, only_h, only_x, tied_both], axis=-1)


class _Column(NamedTuple):
    """One column of a group, and its rule for comparing rows."""

    values: Floats  # (row,)
    typical: int | None  # decade of typical values; None if differences are not rounded
    epsilon: float
    classes: Codes | None  # (row,) ranks, equal if tied; None if ties are not transitive

    def signs(self, block: slice) -> Codes:
        """Compare rows of a block with all rows from its first on: (row, row), 0 for ties."""
        if self.classes is None:
            first, second = self.values[block, None], self.values[block.start :]
            return _sign(first, second, self.typical, self.epsilon)
        above, below = self.classes[block, None], self.classes[block.start :]
        return (above > below).view(np.int8) - (above < below).view(np.int8)


def _column(values: Floats, rows: Codes, epsilon: float, exact: bool) -> _Column:
    """Rows of a column, with classes of tied rows if ties are transitive."""
    typical = None if exact else typical_decade(values)
    values = values[rows]
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = _sign(ordered[1:], ordered[:-1], typical, epsilon) != 0
    starts, ends = np.flatnonzero(np.r_[True, new]), np.flatnonzero(np.r_[new, True])
    if _sign(ordered[ends], ordered[starts], typical, epsilon).any():
        return _Column(values, typical, epsilon, None)
    classes = np.empty(len(values), dtype=np.int16 if len(values) < 2**15 else np.int32)
    classes[order] = np.cumsum(np.r_[0, new])
    return _Column(values, typical, epsilon, classes)


def _sign(x: Floats, y: Floats, typical: int | None, epsilon: float) -> Codes:
    """Sign of the difference of two values, 0 up to epsilon."""
    gap = x - y if typical is None else difference(x, y, typical)
    return decide_with_threshold(gap, epsilon).astype(np.int8)


class _Block(NamedTuple):
    """Sums over pairs of rows, for a block of items with itself and all later items."""

    first: int  # first item of the block
    forms: Codes  # (form, item of the block, item from the first on)


def _comparison_blocks(x: _Column, h: _Column, items: Codes) -> Iterator[_Block]:
    """Concordant minus discordant pairs; with intransitive ties also ties of x, h, both."""
    starts = np.flatnonzero(np.diff(items, prepend=-1))
    ends = np.r_[starts[1:], len(items)]
    dtype = np.min_scalar_type(-(int((ends - starts).max()) ** 2))
    for first, last in _spans(starts, len(items)):
        block = slice(starts[first], ends[last])
        sx, sh = x.signs(block), h.signs(block)
        forms = [sx * sh]
        if x.classes is None or h.classes is None:
            forms += [sx == 0, sh == 0, (sx == 0) & (sh == 0)]
        for form in forms:  # each pair counts once, without pairs of a row and itself
            form[:, : len(form)] = np.triu(form[:, : len(form)], 1)
        inner, outer = starts[first : last + 1] - block.start, starts[first:] - block.start
        yield _Block(first, np.stack([_by_item(form, inner, outer, dtype) for form in forms]))


def _spans(starts: Codes, n: int) -> Iterator[tuple[int, int]]:
    """First and last item of each block; several blocks skip half of the comparisons."""
    step = max(1, min(_COMPARISONS_PER_BLOCK // n, max(64, n // 8)))
    first = np.unique(np.searchsorted(starts, np.arange(0, n, step), side="right") - 1)
    return zip(first, np.r_[first[1:], len(starts)] - 1, strict=True)


def _by_item(form: Codes, inner: Codes, outer: Codes, dtype: np.dtype[Any]) -> Codes:
    """Sums over the rows and columns of each item."""
    if len(outer) == form.shape[1]:
        return form.astype(dtype)
    return np.add.reduceat(np.add.reduceat(form, inner, axis=0, dtype=dtype), outer, axis=1)


def _quadratic(w: Floats, blocks: Iterable[_Block]) -> Floats:
    """Quadratic forms in the weights of items: (form, replicate)."""
    total: Floats = np.zeros(1)
    for first, forms in blocks:
        inner, outer = w[:, first : first + forms.shape[1]], w[:, first:]
        products = (outer @ form.T.astype(w.dtype) for form in forms)
        sums = [np.einsum("ri,ri->r", product, inner, dtype=np.float64) for product in products]
        total = total + np.array(sums)
    return total


def _tied_weight(w: Floats, items: Codes, classes: Codes) -> Floats:
    """Weight of pairs of rows of one class, without a row and its copies: (replicate,)."""
    _, code, size = np.unique(classes, return_inverse=True, return_counts=True)
    repeated = size[code] > 1
    if not repeated.any():
        return np.zeros(len(w))
    items, code = items[repeated], np.unique(code[repeated], return_inverse=True)[1]
    total = -(np.square(w, dtype=np.float64) @ np.bincount(items, minlength=w.shape[1]))
    for low in range(0, code.max() + 1, _CLASSES_PER_BLOCK):
        in_block = (code >= low) & (code < low + _CLASSES_PER_BLOCK)
        width = int(code[in_block].max()) - low + 1
        member = np.bincount(
            items[in_block] * width + code[in_block] - low, minlength=w.shape[1] * width
        )
        of_class = w @ member.reshape(-1, width).astype(w.dtype)
        total += np.square(of_class, dtype=np.float64).sum(axis=1)
    return np.asarray(total / 2)


def _tau_c(table: Responses, rows: Codes, weights: Floats, counts: Floats) -> Floats:
    """Stuart's tau-c of one group in each replicate: (replicate, scorer)."""
    w = weights[:, table.item_codes[rows]]
    human = _distinct(only_label(table)[rows], w)
    k = [np.minimum(_distinct(table.scores[m].to_numpy()[rows], w), human) for m in table.scorers]
    return tau_c(counts, w.sum(axis=1)[:, None], np.stack(k, axis=-1))


def _distinct(values: Floats, weights: Floats) -> Floats:
    """Number of distinct values with positive weight in each replicate: (replicate,)."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) != 0])
    return (np.add.reduceat(weights[:, order], starts, axis=1) > 0).sum(axis=1).astype(float)


def _reference_levels(table: Responses, estimand: Estimand, ties: Ties) -> Mapping[str, Floats]:
    """Tie rate, chance and best constant, with groups weighted as in the estimate."""
    ones = np.ones((1, table.n_items))
    groups = _make_groups(table, str(estimand.grouping), ties)
    counts = np.array([group.counts(ones)[0] for group in groups])
    policy = str(estimand.ties)
    if policy != "acc-eq":
        counts = counts * [1, 1, 0, 1, 0]
    n = counts.sum(axis=-1, keepdims=True)
    if estimand.average == "pairs":
        proportions = counts.sum(axis=0) / np.maximum(n.sum(axis=0), 1)
    else:
        proportions = (counts / np.maximum(n, 1)).sum(axis=0) / max(int((n[:, 0, 0] > 0).sum()), 1)
    return chance_of(
        proportions[:, 3] + proportions[:, 4], float(proportions[0, 2] + proportions[0, 4]), policy
    )
