"""Accuracy and correlation of the mean scores of systems."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from metaeval.core import ROUNDOFF_OF_SUMS, Codes, Floats, MetaevalError, require_column
from metaeval.statistics.base import Statistic, TwoWayReplicates
from metaeval.statistics.bound import Weigh
from metaeval.statistics.correlation import correlation_of, standardized
from metaeval.statistics.estimand import Estimand
from metaeval.statistics.kinds import WeightedStatistic
from metaeval.statistics.pairs.counts import chance_of
from metaeval.statistics.sums import only_label, ratio, sum_by
from metaeval.tables import TEXT, Responses, group_codes


def systems_of(table: Responses) -> tuple[Codes, Codes]:
    """Return the system of each row (row,) and the task of each system (system,)."""
    require_column(table.rows.columns, "system", purpose="A system-level statistic")
    system = group_codes(table.rows, [c for c in ("task", "system") if c in table.rows])
    first = np.unique(system, return_index=True)[1]
    task = group_codes(table.rows, ["task"]) if "task" in table.rows else np.zeros(len(table), int)
    return system, task[first]


def _system_terms(table: Responses) -> Floats:
    """Sums of score, label and 1 by item and system: (item, scorer, system * 3)."""
    system, task = systems_of(table)
    x, y = standardized(table.scores.to_numpy()), standardized(only_label(table))
    y = np.broadcast_to(y[:, None], x.shape)
    cell = table.item_codes * len(task) + system
    cells = sum_by(np.stack([x, y, np.ones_like(x)], axis=-1), cell, table.n_items * len(task))
    by_item = cells.reshape(table.n_items, len(task), x.shape[1], 3)
    return by_item.transpose(0, 2, 1, 3).reshape(table.n_items, x.shape[1], -1)


def _means(sums: Floats) -> tuple[Floats, Floats]:
    """Mean score and mean label of each system from summed terms: (..., system) each."""
    cells = sums.reshape(*sums.shape[:-1], -1, 3)
    x, y = ratio(cells[..., [0, 2]]), ratio(cells[..., [1, 2]])
    return x, y


def _pairs_within(task: Codes) -> tuple[Codes, Codes]:
    """Pairs of systems of the same task."""
    a, b = np.triu_indices(len(task), k=1)
    same = task[a] == task[b]
    if not same.any():
        raise MetaevalError("System-level statistics need at least two systems in one task.")
    return a[same], b[same]


def _signs(means: Floats, a: Codes, b: Codes) -> Floats:
    """Order of each pair of systems, 0 if equal up to rounding: (..., pair)."""
    gap = means[..., a] - means[..., b]
    return np.asarray(np.where(np.abs(gap) <= ROUNDOFF_OF_SUMS, 0.0, np.sign(gap)))


def system_accuracy() -> Statistic:
    r"""Proportion of pairs of systems whose mean scores are in the order of their mean labels.

    Returns
    -------
    Statistic
        Pairs are formed within a task. A tie of mean labels must be matched by a tie of mean
        scores.

    Notes
    -----
    Means are over the items of the table, in replicates over the resampled items. S systems form S
    (S - 1) / 2 pairs but are only S units: the interval generalizes to new items for these systems,
    and to new systems only with resample=("item", "system"). The estimand is the expected value *at
    this number of items*: with more items the order of the systems becomes certain, and the limit
    is often 1, far outside an interval from few items. The value is a step function of the data, so
    that sign-flip tests do not apply; p-values are from the bootstrap and approximate.

    References
    ----------
    Kocmi et al. (2021), To Ship or Not to Ship.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), system_accuracy(), n_resamples=100).row("judge")
    >>> bool(0 <= row["estimate"] <= 1)
    True
    """

    def weigh(table: Responses) -> Weigh:
        terms, (a, b) = _system_terms(table), _pairs_within(systems_of(table)[1])
        n_items, n_scorers, k = terms.shape
        flat = terms.reshape(n_items, -1)

        def values(weights: Floats) -> Floats:
            x, y = _means((weights @ flat).reshape(len(weights), n_scorers, k))
            return _agreement(_signs(x, a, b), _signs(y, a, b))

        return values

    def describe(table: Responses) -> Mapping[str, Floats]:
        x, y = _means(_system_terms(table).sum(axis=0))
        a, b = _pairs_within(systems_of(table)[1])
        tie_rate = (_signs(x, a, b) == 0).mean(axis=-1)
        return chance_of(tie_rate, float((_signs(y[0], a, b) == 0).mean()), "acc-eq")

    estimand = Estimand(
        name="system_accuracy",
        grouping="systems",
        average="pairs",
        ties="acc-eq",
        target="the expected system accuracy at this number of items",
        is_accuracy=True,
    )
    return WeightedStatistic(
        estimand=estimand,
        weigh=weigh,
        by_systems=_accuracy_by_systems,
        describe=describe,
        interval="t",
    )


def _agreement(x: Floats, y: Floats, weight: Floats | float = 1.0) -> Floats:
    """Weighted proportion of equal signs among pairs with both systems, NaN if none: (...,)."""
    present = np.where(np.isnan(x) | np.isnan(y), 0.0, weight)
    with np.errstate(invalid="ignore"):
        return np.asarray(((x == y) * present).sum(axis=-1) / present.sum(axis=-1))


def _accuracy_by_systems(table: Responses, unit: Codes, n_units: int) -> TwoWayReplicates:
    """Two-way replicates; a pair of systems is weighted by the product of their weights.

    Systems are resampled by name: a system in several tasks has the same weight in all of them.
    """
    terms, (system, task) = _system_terms(table), systems_of(table)
    a, b = _pairs_within(task)
    _, n_scorers, k = terms.shape
    flat = sum_by(terms, unit, n_units).reshape(n_units, -1)
    name = group_codes(table.rows, ["system"])[np.unique(system, return_index=True)[1]]
    names = sorted(table.rows["system"].astype(TEXT).unique())

    def values(units: Floats, systems: Floats) -> Floats:
        x, y = _means((units @ flat).reshape(len(units), n_scorers, k))
        weight = systems[:, None, name[a]] * systems[:, None, name[b]]
        return _agreement(_signs(x, a, b), _signs(y, a, b), weight)

    return TwoWayReplicates(names, values)


def system_pearson() -> Statistic:
    r"""Pearson's correlation of the mean scores and mean labels of systems.

    Returns
    -------
    Statistic
        With several tasks, the mean over tasks of the correlation within each.

    Notes
    -----
    A few outlying systems can dominate the value. The interval generalizes to new items for these
    systems. The paired test flips the signs of jackknife pseudo-values and is approximate.

    References
    ----------
    Mathur, Baldwin, Cohn (2020), Tangled up in BLEU.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), system_pearson(), n_resamples=100).row("judge")
    >>> bool(-1 <= row["estimate"] <= 1)
    True
    """

    def weigh(table: Responses) -> Weigh:
        terms, task = _system_terms(table), systems_of(table)[1]
        n_items, n_scorers, k = terms.shape
        flat = terms.reshape(n_items, -1)

        def values(weights: Floats) -> Floats:
            x, y = _means((weights @ flat).reshape(len(weights), n_scorers, k))
            parts = [_correlation(x[..., task == t], y[..., task == t]) for t in np.unique(task)]
            defined = [~np.isnan(x[..., task == t]).all(axis=-1) for t in np.unique(task)]
            values = [
                np.where(present, part, 0.0) for present, part in zip(defined, parts, strict=True)
            ]
            return np.asarray(np.sum(values, axis=0) / np.sum(defined, axis=0))

        return values

    return WeightedStatistic(
        estimand=Estimand(name="system_pearson", grouping="systems", average="groups", ties="none"),
        weigh=weigh,
        smooth=True,
        bounds=(-1.0, 1.0),
        correlation="systems",
    )


def _correlation(x: Floats, y: Floats) -> Floats:
    """Pearson's correlation along the last axis, over systems without NaN."""
    present = ~(np.isnan(x) | np.isnan(y))
    n = np.maximum(present.sum(axis=-1, keepdims=True), 1)
    x, y = (np.where(present, v, 0.0) for v in (x, y))
    x, y = (np.where(present, v - v.sum(axis=-1, keepdims=True) / n, 0.0) for v in (x, y))
    sums = [
        present.sum(-1),
        x.sum(-1),
        y.sum(-1),
        (x * x).sum(-1),
        (y * y).sum(-1),
        (x * y).sum(-1),
    ]
    return correlation_of(np.stack([np.asarray(s, dtype=float) for s in sums], axis=-1))
