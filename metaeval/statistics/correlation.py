"""Pearson and Spearman correlation within items, within systems, or over all responses."""

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
    items_with_pairs,
    nanmean_groups,
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
_WEIGHTS_PER_BLOCK = 250_000  # rows times replicates: 2 MB, so that a block stays in cache
_MOMENTS = 6  # n, x, y, xx, yy, xy


def correlation_of(moments: Floats) -> Floats:
    """Pearson's correlation from n, x, y, xx, yy, xy in the last axis; NaN if one is constant."""
    n, x, y, xx, yy, xy = (moments[..., i] for i in range(_MOMENTS))
    with np.errstate(invalid="ignore", divide="ignore"):
        vx, vy = n * xx - x**2, n * yy - y**2
        constant = (vx <= ROUNDOFF * n * xx) | (vy <= ROUNDOFF * n * yy)
        value = (n * xy - x * y) / (vx * vy) ** 0.5
    return np.asarray(np.where(constant, np.nan, np.clip(value, -1, 1)))


def moments_of(x: Floats, y: Floats) -> Floats:
    """Moments of each row, whose sums give a correlation: (row, scorer, 6)."""
    y = np.broadcast_to(y[:, None], x.shape)
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)


def standardized(values: Floats) -> Floats:
    """Columns standardized to mean 0 and standard deviation 1; constant columns are 0.

    Sums of squares of standardized values lose no digits to a large mean.
    """
    # Scaling by a power of two is exact; it keeps squares from overflow and underflow.
    values = values / np.ldexp(1.0, np.frexp(np.abs(values).max(axis=0))[1])
    sd = values.std(axis=0)
    constant = (values == values[:1]).all(axis=0)
    return np.asarray(
        np.where(constant, 0.0, (values - values.mean(axis=0)) / np.where(constant, 1, sd))
    )


def pearson(grouping: Grouping = "none", degenerate: Degenerate = "drop") -> Statistic:
    r"""Pearson's correlation of scores and labels.

    Parameters
    ----------
    grouping : {"none", "item", "system"}
        Over all responses, or the mean over items or systems of the correlation within each.
    degenerate : {"drop", "zero", "error"}
        Policy for groups in which scores or labels are constant.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`r = \mathrm{Cov}(x, h) / (s_x s_h)`. Over all responses, differences between items are
    mixed with differences between responses to the same item: a scorer that sees only the source
    can do well. Within an item of two responses r is 1 or -1; with fewer than four responses per
    item prefer statistics of pairs. The paired test flips the signs of jackknife pseudo-values and
    is approximate.

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
        return mean_of_values(estimand, _within_items, degenerate, items_with_pairs, bounds=BOUNDS)

    def terms(table: Responses) -> Floats:
        x, y = standardized(table.scores.to_numpy()), standardized(only_label(table))
        groups = groups_of(table, grouping)
        parts = [_moments_by_item(table, x, y, rows) for rows in groups]
        _apply_policy(parts, degenerate, table, estimand.name)
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
        name=_format_name(name, degenerate, grouping),
        grouping=grouping,
        average=_AVERAGE[grouping],
        ties="none",
    )


def _format_name(name: str, degenerate: str, grouping: str) -> str:
    options = [f"grouping={grouping}"] if grouping != "none" else []
    options += [f"degenerate={degenerate}"] if degenerate != "drop" else []
    return f"{name}({','.join(options)})" if options else name


def _moments_by_item(table: Responses, x: Floats, y: Floats, rows: Codes) -> Floats:
    return sum_by(moments_of(x[rows], y[rows]), table.item_codes[rows], table.n_items)


def _apply_policy(parts: list[Floats], degenerate: str, table: Responses, name: str) -> None:
    """Apply the policy for degenerate groups; a group dropped for one scorer is dropped for all."""
    values = np.array([correlation_of(part.sum(axis=0)) for part in parts])
    settled = apply_degenerate_policy(values, degenerate, table.scorers, name)
    for part, value in zip(parts, settled, strict=True):
        if np.isnan(value).all():
            part[:] = 0.0


def _within_items(table: Responses) -> Floats:
    return _correlation_within(table, table.scores.to_numpy(), only_label(table))


def _correlation_within(table: Responses, x: Floats, y: Floats) -> Floats:
    """Correlation within each item of values centered by item; NaN if constant: (item, scorer)."""
    codes, n = table.item_codes, table.n_items
    columns = pd.DataFrame(np.column_stack([x, y]))
    constant = (columns.groupby(codes).nunique() < 2).to_numpy()
    size = np.bincount(codes, minlength=n)[:, None]
    centered = columns.to_numpy() - (sum_by(columns.to_numpy(), codes, n) / size)[codes]
    sums = sum_by(moments_of(centered[:, :-1], centered[:, -1]), codes, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = sums[..., 5] / np.sqrt(sums[..., 3] * sums[..., 4])
    return np.where(constant[:, :-1] | constant[:, -1:], np.nan, np.clip(value, -1, 1))


def spearman(grouping: Grouping = "none", degenerate: Degenerate = "drop") -> Statistic:
    r"""Spearman's rank correlation of scores and labels.

    Parameters
    ----------
    grouping : {"none", "item", "system"}
        Over all responses, or the mean over items or systems of the correlation within each.
    degenerate : {"drop", "zero", "error"}
        Policy for groups in which scores or labels are constant.

    Returns
    -------
    Statistic

    Notes
    -----
    Pearson's correlation of mid-ranks. Replicates use the ranks of the resampled responses:
    weighted mid-ranks, i.e. the weight below plus half the weight tied.

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
        return mean_of_values(
            estimand, _ranks_within_items, degenerate, items_with_pairs, bounds=BOUNDS
        )

    def weigh(table: Responses) -> Weigh:
        groups = groups_of(table, grouping)
        correlations = [_rank_correlation(table, rows) for rows in groups]
        ones = np.ones((1, table.n_items))
        raw = np.array([correlation(ones)[0] for correlation in correlations])
        settled = apply_degenerate_policy(raw, degenerate, table.scorers, estimand.name)
        included = np.flatnonzero(~np.isnan(settled).all(axis=1))
        size = np.stack(
            [np.bincount(table.item_codes[groups[k]], minlength=table.n_items) for k in included],
            -1,
        )

        def values(weights: Floats) -> Floats:
            of_groups = np.stack([correlations[k](weights) for k in included], axis=-1)
            return nanmean_groups(of_groups, degenerate, (weights @ size)[:, None] >= 2)

        return values

    return WeightedStatistic(estimand=estimand, weigh=weigh, smooth=True, bounds=BOUNDS)


def _ranks_within_items(table: Responses) -> Floats:
    columns = table.scores.assign(**{"\x00label": only_label(table)})
    ranks = columns.groupby(table.item_codes).rank().to_numpy()
    return _correlation_within(table, ranks[:, :-1], ranks[:, -1])


class Presorted(NamedTuple):
    """The sort order of a column and its groups of equal values."""

    order: Codes  # (row,)
    starts: Codes  # (class,) position of the first of equal values
    classes: Codes  # (row,) class of equal values


def presorted(values: Floats) -> Presorted:
    """Sort a column once for all replicates."""
    order = np.argsort(values, kind="stable")
    new = np.r_[True, np.diff(values[order]) != 0]
    classes = np.empty(len(values), dtype=np.intp)
    classes[order] = np.cumsum(new) - 1
    return Presorted(order, np.flatnonzero(new), classes)


def weighted_ranks(column: Presorted, weights: Floats) -> tuple[Floats, Floats]:
    """Centered mid-ranks of the classes under weights (row, replicate), and class weights."""
    class_weights = weights[column.order]
    if len(column.starts) < len(class_weights):
        class_weights = np.add.reduceat(class_weights, column.starts, axis=0)
    cumulative = np.cumsum(class_weights, axis=0)
    return cumulative - class_weights / 2 - cumulative[-1] / 2, class_weights


def _rank_correlation(table: Responses, rows: Codes) -> Weigh:
    """Spearman correlation of some rows as a function of the weights of items."""
    items = table.item_codes[rows]
    label = presorted(only_label(table)[rows])
    columns = [presorted(values) for values in table.scores.to_numpy()[rows].T]
    size = max(1, _WEIGHTS_PER_BLOCK // len(rows))

    def values(weights: Floats) -> Floats:
        blocks = (weights[i : i + size].T.copy()[items] for i in range(0, len(weights), size))
        return np.concatenate([_rank_correlations(columns, label, w) for w in blocks])

    return values


def _rank_correlations(columns: list[Presorted], label: Presorted, weights: Floats) -> Floats:
    """Correlation of each column's ranks with the label's; weights (row, replicate)."""
    ranks, class_weights = weighted_ranks(label, weights)
    yy = np.einsum("cr,cr,cr->r", class_weights, ranks, ranks)
    y = weights * ranks[label.classes]
    n, mean = weights.sum(axis=0), np.zeros(weights.shape[1])  # ranks are centered
    values = []
    for column in columns:
        ranks, class_weights = weighted_ranks(column, weights)
        xx = np.einsum("cr,cr,cr->r", class_weights, ranks, ranks)
        xy = np.einsum("nr,nr->r", ranks[column.classes], y)
        values.append(correlation_of(np.stack([n, mean, mean, xx, yy, xy], axis=-1)))
    return np.stack(values, axis=-1)
