"""Statistics of pairs formed across items: quadratic forms in the weights of the items."""

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
    """What a tie of two scores is: at most `epsilon` apart, after rounding unless `exact`."""

    epsilon: float
    exact: bool


_COMPARED = 4_000_000  # comparisons of rows at a time
_KEPT = 5e8  # pairs of items whose sums of comparisons are kept for all replicates
_ROWS = 500  # replicates at a time
_CLASSES = 512  # classes of tied rows at a time
_WHOLE = 2**24  # whole numbers below this are exact in single precision


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

    `finish` maps counts (..., 5) to a value; None stands for tau-c, which needs the numbers of
    rows and of distinct values too.
    """
    ties = Ties(epsilon, exact)

    def weigh(table: Responses) -> Weigh:
        require_grouping_size(table, str(estimand.grouping))
        groups = _counted(table, str(estimand.grouping), ties)
        if estimand.grouping == "system" and estimand.average == "pairs" and finish:
            return lambda weights: finish(np.sum([g.counts(weights) for g in groups], axis=0))
        ones = np.ones((1, table.n_items))
        whole = _group_values(table, groups, ones, finish)[0][0].T
        settled = apply_degenerate_policy(whole, degenerate, table.scorers, estimand.name)
        kept = [g for g, v in zip(groups, settled, strict=True) if not np.isnan(v).all()]

        def values(weights: Floats) -> Floats:
            of_groups, present = _group_values(table, kept, weights, finish)
            return nanmean_groups(of_groups, degenerate, present)

        return values

    def describe(table: Responses) -> Mapping[str, Floats]:
        return _levels(table, estimand, ties) if estimand.is_accuracy else {}

    return WeightedStatistic(
        estimand=estimand,
        weigh=weigh,
        smooth=True,
        describe=describe,
        bounds=bounds,
        most_items=MAX_RESAMPLED_ITEMS,
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


def _counted(table: Responses, grouping: str, ties: Ties) -> list[_Group]:
    """The groups of a table, which keep what they have built unless that is too much."""
    groups = groups_of(table, grouping)
    n_forms = len(table.scorers) * (4 if ties.epsilon or table.label_epsilon else 1)
    size = n_forms * sum(min(len(rows), table.n_items) ** 2 for rows in groups)
    return [_Group(table, rows, ties, keep=size <= _KEPT) for rows in groups]


def _group_values(
    table: Responses, groups: list[_Group], weights: Floats, finish: Finish | None
) -> tuple[Floats, Bools]:
    """Value, and whether there are pairs, of each (replicate, scorer, group)."""
    values, present = [], []
    for group in groups:
        counts = group.counts(weights)
        values.append(finish(counts) if finish else _tau_c(table, group.rows, weights, counts))
        present.append(counts.sum(axis=-1) > 0)
    return np.stack(values, axis=-1), np.stack(present, axis=-1)


class _Group:
    """Rows that are compared with each other; their pairs are counted under weights of items."""

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
        return _compared(self.scores[scorer], self.label, self.items)

    def counts(self, weights: Floats) -> Floats:
        """Weighted counts of the five kinds of pair: (replicate, scorer, 5)."""
        size = _ROWS if self.keep else len(weights)
        blocks = (weights[i : i + size, self.present] for i in range(0, len(weights), size))
        return np.concatenate([self._counts(w) for w in blocks])

    def _counts(self, w: Floats) -> Floats:
        size = np.bincount(self.items)
        n_rows = w @ size
        pairs = (n_rows**2 - np.einsum("ri,ri,i->r", w, w, size)) / 2
        if n_rows.max() * size.max() < _WHOLE and bool((w == np.rint(w)).all()):
            w = w.astype(np.float32)
        return np.stack([self._kinds(m, w, pairs) for m in range(len(self.scores))], axis=1)

    def _kinds(self, scorer: int, w: Floats, pairs: Floats) -> Floats:
        """Concordant, discordant, tied by label only, by scorer only, by both: (replicate, 5)."""
        excess, *tied = _quadratic(w, self.blocks(scorer))
        x, h = self.scores[scorer].classes, self.label.classes
        if x is not None and h is not None:
            both = x.astype(np.int64) * len(h) + h
            tied = [_tied(w, self.items, classes) for classes in (x, h, both)]
        tied_x, tied_h, tied_both = tied
        told_apart = pairs - tied_x - tied_h + tied_both
        only_x, only_h = tied_x - tied_both, tied_h - tied_both
        if self.correct:  # two right or two wrong answers form no pair
            only_h = tied_both = np.zeros(len(w))
        right, wrong = (told_apart + excess) / 2, (told_apart - excess) / 2
        return np.stack([right, wrong, only_h, only_x, tied_both], axis=-1)


class _Column(NamedTuple):
    """One column of a group, and how its rows compare."""

    values: Floats  # (row,)
    typical: int | None  # decade of a typical value; None: differences are not rounded
    epsilon: float
    classes: Codes | None  # (row,) ranks, equal where tied; None where a tie of ties is none

    def signs(self, some: slice) -> Codes:
        """Order of some rows and all from the first of them on: (some, row), 0 for ties."""
        if self.classes is None:
            one, other = self.values[some, None], self.values[some.start :]
            return _sign(one, other, self.typical, self.epsilon)
        above, below = self.classes[some, None], self.classes[some.start :]
        return (above > below).view(np.int8) - (above < below).view(np.int8)


def _column(values: Floats, rows: Codes, epsilon: float, exact: bool) -> _Column:
    """Rows of a column with the classes of tied rows, where ties are transitive."""
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


def _sign(one: Floats, other: Floats, typical: int | None, epsilon: float) -> Codes:
    """Order of two values, 0 where they are at most epsilon apart."""
    gap = one - other if typical is None else difference(one, other, typical)
    return decide_with_threshold(gap, epsilon).astype(np.int8)


class _Block(NamedTuple):
    """Sums over pairs of rows, of some items with themselves and all that follow."""

    first: int  # the first of the items
    forms: Codes  # (form, some item, item from the first on)


def _compared(x: _Column, h: _Column, items: Codes) -> Iterator[_Block]:
    """Concordant less discordant pairs; where ties are no classes also those tied by x, h, both."""
    starts = np.flatnonzero(np.diff(items, prepend=-1))
    ends = np.r_[starts[1:], len(items)]
    kind = np.min_scalar_type(-(int((ends - starts).max()) ** 2))
    for first, last in _spans(starts, len(items)):
        some = slice(starts[first], ends[last])
        sx, sh = x.signs(some), h.signs(some)
        forms = [sx * sh]
        if x.classes is None or h.classes is None:
            forms += [sx == 0, sh == 0, (sx == 0) & (sh == 0)]
        for form in forms:  # a pair counts once, a row with itself never
            form[:, : len(form)] = np.triu(form[:, : len(form)], 1)
        inner, outer = starts[first : last + 1] - some.start, starts[first:] - some.start
        yield _Block(first, np.stack([_by_item(form, inner, outer, kind) for form in forms]))


def _spans(starts: Codes, n: int) -> Iterator[tuple[int, int]]:
    """First and last item of blocks of rows, several blocks so that half the pairs are left out."""
    step = max(1, min(_COMPARED // n, max(64, n // 8)))
    first = np.unique(np.searchsorted(starts, np.arange(0, n, step), side="right") - 1)
    return zip(first, np.r_[first[1:], len(starts)] - 1, strict=True)


def _by_item(form: Codes, inner: Codes, outer: Codes, kind: np.dtype[Any]) -> Codes:
    """Sums of the rows and the columns of each item."""
    if len(outer) == form.shape[1]:
        return form.astype(kind)
    return np.add.reduceat(np.add.reduceat(form, inner, axis=0, dtype=kind), outer, axis=1)


def _quadratic(w: Floats, blocks: Iterable[_Block]) -> Floats:
    """Each form summed over pairs of items under their weights: (form, replicate)."""
    total: Floats = np.zeros(1)
    for first, forms in blocks:
        own, later = w[:, first : first + forms.shape[1]], w[:, first:]
        products = (later @ form.T.astype(w.dtype) for form in forms)
        sums = [np.einsum("ri,ri->r", product, own, dtype=np.float64) for product in products]
        total = total + np.array(sums)
    return total


def _tied(w: Floats, items: Codes, classes: Codes) -> Floats:
    """Weight of pairs of rows of one class, no row with itself or its copies: (replicate,)."""
    _, code, size = np.unique(classes, return_inverse=True, return_counts=True)
    some = size[code] > 1
    if not some.any():
        return np.zeros(len(w))
    items, code = items[some], np.unique(code[some], return_inverse=True)[1]
    total = -(np.square(w, dtype=np.float64) @ np.bincount(items, minlength=w.shape[1]))
    for low in range(0, code.max() + 1, _CLASSES):
        here = (code >= low) & (code < low + _CLASSES)
        width = int(code[here].max()) - low + 1
        member = np.bincount(items[here] * width + code[here] - low, minlength=w.shape[1] * width)
        of_class = w @ member.reshape(-1, width).astype(w.dtype)
        total += np.square(of_class, dtype=np.float64).sum(axis=1)
    return np.asarray(total / 2)


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


def _levels(table: Responses, estimand: Estimand, ties: Ties) -> Mapping[str, Floats]:
    """Tie rate, chance and trivial value from the counts, groups weighted as in the estimate."""
    ones = np.ones((1, table.n_items))
    groups = _counted(table, str(estimand.grouping), ties)
    counts = np.array([group.counts(ones)[0] for group in groups])
    policy = str(estimand.ties)
    if policy != "acc-eq":
        counts = counts * [1, 1, 0, 1, 0]
    n = counts.sum(axis=-1, keepdims=True)
    if estimand.average == "pairs":
        share = counts.sum(axis=0) / np.maximum(n.sum(axis=0), 1)
    else:
        share = (counts / np.maximum(n, 1)).sum(axis=0) / max(int((n[:, 0, 0] > 0).sum()), 1)
    return chance_of(share[:, 3] + share[:, 4], float(share[0, 2] + share[0, 4]), policy)
