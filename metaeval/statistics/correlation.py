"""Pearson's and Spearman's correlation within items, within systems, or over all responses."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, Codes, Floats, check_one_of
from metaeval.statistics.base import Statistic
from metaeval.statistics.bound import Weigh
from metaeval.statistics.degenerate_groups import (
    DEGENERATE,
    Degenerate,
    apply_degenerate_policy,
    nanmean_groups,
    of_two,
)
from metaeval.statistics.estimand import Estimand
from metaeval.statistics.kinds import SumStatistic, WeightedStatistic
from metaeval.statistics.means import mean_of_values
from metaeval.statistics.pairs.cross_item import groups_of
from metaeval.statistics.sums import only_label, sum_by
from metaeval.tables import Responses

Grouping = Literal["none", "item", "system"]
Constant = Literal["drop", "zero", "error"]

BOUNDS = (-1.0, 1.0)

_GROUPINGS = ("none", "item", "system")
_AVERAGE = {"none": "pairs", "item": "items", "system": "groups"}
_BLOCK = 250_000  # weights of rows at a time
_MOMENTS = 6  # n, x, y, xx, yy, xy


def correlation_of(moments: Floats) -> Floats:
    """Pearson's correlation from n, x, y, xx, yy, xy in the last axis; NaN if one is constant."""
    n, x, y, xx, yy, xy = (moments[..., i] for i in range(_MOMENTS))
    with np.errstate(invalid="ignore", divide="ignore"):
        vx, vy = n * xx - x**2, n * yy - y**2
        flat = (vx <= ROUNDOFF * n * xx) | (vy <= ROUNDOFF * n * yy)
        value = (n * xy - x * y) / (vx * vy) ** 0.5
    return np.asarray(np.where(flat, np.nan, np.clip(value, -1, 1)))


def moments_of(x: Floats, y: Floats) -> Floats:
    """The six columns whose sums give a correlation: (row, scorer, 6)."""
    y = np.broadcast_to(y[:, None], x.shape)
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)


def standardised(values: Floats) -> Floats:
    """Columns with mean 0 and standard deviation 1 (constant ones: 0), so that sums stay small."""
    # A power of two changes no bit, and squares neither overflow nor vanish.
    values = values / np.ldexp(1.0, np.frexp(np.abs(values).max(axis=0))[1])
    spread = values.std(axis=0)
    flat = (values == values[:1]).all(axis=0)
    return np.asarray(
        np.where(flat, 0.0, (values - values.mean(axis=0)) / np.where(flat, 1, spread))
    )


def pearson(grouping: Grouping = "none", degenerate: Degenerate = "drop") -> Statistic:
    r"""Pearson's correlation of scores and labels.

    Parameters
    ----------
    grouping : {"none", "item", "system"}
        Over all responses; or the mean over items, or over systems, of the correlation within.
    degenerate : {"drop", "zero", "error"}
        What happens to groups in which scores or labels are constant.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`r = \mathrm{Cov}(x, h) / (s_x s_h)`. Over all responses it mixes differences between
    items with differences between responses to one item; a scorer that only knows the source can
    do well. Within items of two responses it is 1 or -1: prefer pairs below four responses an
    item. The paired test flips jackknife pseudo-values and is approximate.

    References
    ----------
    Pearson (1895), Notes on regression and inheritance in the case of two parents.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), pearson(), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 1)
    True
    """
    estimand = _estimand("pearson", grouping, degenerate)
    if grouping == "item":
        return mean_of_values(estimand, _within_items, degenerate, of_two, bounds=BOUNDS)

    def terms(table: Responses) -> Floats:
        x, y = standardised(table.scores.to_numpy()), standardised(only_label(table))
        groups = groups_of(table, grouping)
        parts = [_moments_by_item(table, x, y, rows) for rows in groups]
        _refuse_constant(parts, degenerate, table, estimand.name)
        return np.concatenate(parts, axis=-1)

    def finish(sums: Floats) -> Floats:
        by_group = sums.reshape(*sums.shape[:-1], -1, _MOMENTS)
        return nanmean_groups(correlation_of(by_group), degenerate, by_group[..., 0] >= 2)

    return SumStatistic(
        estimand=estimand,
        terms=terms,
        finish=finish,
        smooth=True,
        bounds=BOUNDS,
        correlation="rows" if grouping == "none" else None,
    )


def _estimand(name: str, grouping: str, degenerate: str) -> Estimand:
    check_one_of("grouping", grouping, _GROUPINGS)
    check_one_of("degenerate", degenerate, DEGENERATE)
    return Estimand(
        name=_named(name, degenerate, grouping),
        grouping=grouping,
        average=_AVERAGE[grouping],
        ties="none",
    )


def _named(name: str, degenerate: str, grouping: str) -> str:
    said = [f"grouping={grouping}"] if grouping != "none" else []
    said += [f"degenerate={degenerate}"] if degenerate != "drop" else []
    return f"{name}({','.join(said)})" if said else name


def _moments_by_item(table: Responses, x: Floats, y: Floats, rows: Codes) -> Floats:
    return sum_by(moments_of(x[rows], y[rows]), table.item_codes[rows], table.n_items)


def _refuse_constant(parts: list[Floats], degenerate: str, table: Responses, name: str) -> None:
    """Apply the policy for degenerate groups; groups dropped for one scorer are dropped for all."""
    values = np.array([correlation_of(part.sum(axis=0)) for part in parts])
    settled = apply_degenerate_policy(values, degenerate, table.scorers, name)
    for part, value in zip(parts, settled, strict=True):
        if np.isnan(value).all():
            part[:] = 0.0


def _within_items(table: Responses) -> Floats:
    return _correlation_within(table, table.scores.to_numpy(), only_label(table))


def _correlation_within(table: Responses, x: Floats, y: Floats) -> Floats:
    """Correlation within each item, centred there first; NaN if constant: (item, scorer)."""
    codes, n = table.item_codes, table.n_items
    both = pd.DataFrame(np.column_stack([x, y]))
    flat = (both.groupby(codes).nunique() < 2).to_numpy()
    size = np.bincount(codes, minlength=n)[:, None]
    centred = both.to_numpy() - (sum_by(both.to_numpy(), codes, n) / size)[codes]
    sums = sum_by(moments_of(centred[:, :-1], centred[:, -1]), codes, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = sums[..., 5] / np.sqrt(sums[..., 3] * sums[..., 4])
    return np.where(flat[:, :-1] | flat[:, -1:], np.nan, np.clip(value, -1, 1))


def spearman(grouping: Grouping = "none", degenerate: Degenerate = "drop") -> Statistic:
    r"""Spearman's rank correlation of scores and labels.

    Parameters
    ----------
    grouping : {"none", "item", "system"}
        Over all responses; or the mean over items, or over systems, of the correlation within.
    degenerate : {"drop", "zero", "error"}
        What happens to groups in which scores or labels are constant.

    Returns
    -------
    Statistic

    Notes
    -----
    Pearson's correlation of mid-ranks. Under resampling the ranks are those of the resampled
    responses: weighted mid-ranks, the weight below plus half the weight of the tied.

    References
    ----------
    Spearman (1904), The proof and measurement of association between two things.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), spearman(), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 1)
    True
    """
    estimand = _estimand("spearman", grouping, degenerate)
    if grouping == "item":
        return mean_of_values(estimand, _ranks_within_items, degenerate, of_two, bounds=BOUNDS)

    def weigh(table: Responses) -> Weigh:
        groups = groups_of(table, grouping)
        every = [_rank_correlation(table, rows) for rows in groups]
        ones = np.ones((1, table.n_items))
        raw = np.array([correlation(ones)[0] for correlation in every])
        settled = apply_degenerate_policy(raw, degenerate, table.scorers, estimand.name)
        kept = np.flatnonzero(~np.isnan(settled).all(axis=1))
        size = np.stack(
            [np.bincount(table.item_codes[groups[k]], minlength=table.n_items) for k in kept], -1
        )

        def values(weights: Floats) -> Floats:
            of_groups = np.stack([every[k](weights) for k in kept], axis=-1)
            return nanmean_groups(of_groups, degenerate, (weights @ size)[:, None] >= 2)

        return values

    return WeightedStatistic(estimand=estimand, weigh=weigh, smooth=True, bounds=BOUNDS)


def _ranks_within_items(table: Responses) -> Floats:
    both = table.scores.assign(**{"\x00label": only_label(table)})
    ranks = both.groupby(table.item_codes).rank().to_numpy()
    return _correlation_within(table, ranks[:, :-1], ranks[:, -1])


class Presorted(NamedTuple):
    """The rows of a column in order of their values."""

    order: Codes  # (row,)
    starts: Codes  # (class,) first of equal values, in that order
    classes: Codes  # (row,) class of equal values of each row


def presorted(values: Floats) -> Presorted:
    """Sort a column once for all replicates."""
    order = np.argsort(values, kind="stable")
    new = np.r_[True, np.diff(values[order]) != 0]
    classes = np.empty(len(values), dtype=np.intp)
    classes[order] = np.cumsum(new) - 1
    return Presorted(order, np.flatnonzero(new), classes)


def weighted_ranks(column: Presorted, weights: Floats) -> tuple[Floats, Floats]:
    """Mid-ranks of the classes under weights (row, replicate), centred, and their weights."""
    tied = weights[column.order]
    if len(column.starts) < len(tied):
        tied = np.add.reduceat(tied, column.starts, axis=0)
    upto = np.cumsum(tied, axis=0)
    return upto - tied / 2 - upto[-1] / 2, tied


def _rank_correlation(table: Responses, rows: Codes) -> Weigh:
    """Weighted Spearman correlation of some rows, a function of the weights of items."""
    items = table.item_codes[rows]
    label = presorted(only_label(table)[rows])
    columns = [presorted(values) for values in table.scores.to_numpy()[rows].T]
    size = max(1, _BLOCK // len(rows))

    def values(weights: Floats) -> Floats:
        blocks = (weights[i : i + size].T.copy()[items] for i in range(0, len(weights), size))
        return np.concatenate([_rank_correlations(columns, label, w) for w in blocks])

    return values


def _rank_correlations(columns: list[Presorted], label: Presorted, weights: Floats) -> Floats:
    """Correlation of each column's ranks with the label's; weights (row, replicate)."""
    ranks, tied = weighted_ranks(label, weights)
    yy = np.einsum("cr,cr,cr->r", tied, ranks, ranks)
    y = weights * ranks[label.classes]
    n, mean = weights.sum(axis=0), np.zeros(weights.shape[1])  # ranks are centred
    found = []
    for column in columns:
        ranks, tied = weighted_ranks(column, weights)
        xx = np.einsum("cr,cr,cr->r", tied, ranks, ranks)
        xy = np.einsum("nr,nr->r", ranks[column.classes], y)
        found.append(correlation_of(np.stack([n, mean, mean, xx, yy, xy], axis=-1)))
    return np.stack(found, axis=-1)
