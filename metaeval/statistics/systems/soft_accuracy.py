"""Soft pairwise accuracy: agreement of the p-values for pairs of systems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from metaeval.core import (
    ROUNDOFF_OF_SUMS,
    Codes,
    Floats,
    MetaevalError,
    check_integer,
    join_names,
    require_column,
)
from metaeval.resampling import (
    MAX_ENUMERATED,
    ExactTerms,
    enumerated_sums,
    is_large,
    key_of,
    on_grid,
    weighted_sums,
)
from metaeval.statistics.base import Statistic
from metaeval.statistics.bound import Weigh
from metaeval.statistics.estimand import Estimand
from metaeval.statistics.kinds import WeightedStatistic
from metaeval.statistics.sums import only_label, sum_by
from metaeval.tables import Responses, group_codes

_GRID = 1024.0  # scores that are multiples of 1 / 1024 are summed as integers, exactly
_MAX_EXACT_FLOAT64 = 2.0**52  # sums of integers below this are exact in double precision
_DIFFERENCES_PER_BLOCK = 2**21  # 16 MB
_COST_OF_DIFFERENCE = 5  # time of one comparison, in units of one random weight
_MAX_CACHED_SQUARES = (
    2**25
)  # squared differences that are kept from one block of weights to the next


def soft_pairwise_accuracy(mid_p: bool = True, n_flips: int = 10_000) -> Statistic:
    r"""Soft pairwise accuracy: agreement of the p-values of scores and labels for pairs of systems.

    Parameters
    ----------
    mid_p : bool, default True
        Count half of the flips that tie with the observed difference. False counts all of them, as
        published; the value then depends on the order of the system names.
    n_flips : int, default 10 000
        Number of random sign flips in tasks of more than 20 items; with fewer items all 2^n are
        enumerated. Each flip is paired with its negative. The flips have a fixed seed, so that the
        estimate does not depend on the seed of the analysis.

    Returns
    -------
    Statistic
        With several tasks, the mean over tasks.

    Raises
    ------
    MetaevalError
        If a system lacks an item that another system of the task has, or a task has one system.

    Notes
    -----
    :math:`1 - \operatorname{mean}_{a<b} |p^h_{ab} - p^m_{ab}|` with :math:`p_{ab}` the one-sided
    p-value of the paired sign-flip test that system a is better than b, by labels (h) and by scores
    (m); scorers and labels share the flips. Items are flipped individually, even if clusters are
    declared.

    The estimand is the expected value *at this number of items*: with more items all p-values move
    to 0 or 1 and the value changes, so values at different numbers of items are not comparable.
    `chance` is the expected value of a scorer with uniform random p-values, 1 - mean(p^2 - p + 1/2)
    over the p-values of the labels: 0.75 if all of them are 1/2, and 0.5 if all are 0 or 1.

    Replicates resample items, with p-values from the normal approximation, and are shifted by the
    difference to the exact estimate. They are biased downward by about one standard deviation,
    because an item drawn twice counts as two; the interval is therefore a Student t interval around
    the estimate, clipped at 1, never a percentile interval.

    References
    ----------
    Thompson, Mathur, Deutsch, Khayrallah (2024), Improving statistical significance in human
    evaluation of automatic metrics via soft pairwise accuracy.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> soft = soft_pairwise_accuracy(n_flips=1000)
    >>> row = evaluate(load_example(), soft, n_resamples=100).row("judge")
    >>> bool(row["chance"] < row["estimate"] <= 1)
    True
    """
    check_integer("n_flips", n_flips, 1)
    options = ([] if mid_p else ["mid_p=False"]) + (
        [] if n_flips == 10_000 else [f"n_flips={n_flips}"]
    )
    estimand = Estimand(
        name="soft_pairwise_accuracy" + (f"({','.join(options)})" if options else ""),
        grouping="systems",
        average="pairs",
        ties="mid-p" if mid_p else "published p",
        target="the expected soft pairwise accuracy at this number of items",
        status="exact" if mid_p else "published",
        is_accuracy=True,
    )
    return WeightedStatistic(
        estimand=estimand,
        weigh=lambda table: _weigh(table, mid_p),
        exact=lambda table: _estimate(table, mid_p, n_flips),
        describe=lambda table: _describe(table, mid_p, n_flips),
        interval="t",
        nested_flips=True,
    )


class _Task(NamedTuple):
    """Items of one task, and their scores (label last) minus the lowest score of the item.

    Only differences between responses to the same item matter. Subtracting a score of the item
    keeps them exact; subtracting the mean would not.
    """

    items: Codes  # (item,)
    values: Floats  # (item, system, scorer + 1)


def _tasks(table: Responses) -> list[_Task]:
    require_column(table.rows.columns, "system", purpose="soft_pairwise_accuracy")
    task = np.zeros(len(table), dtype=np.intp)
    if "task" in table.rows:
        task = group_codes(table.rows, ["task"])
    values = np.column_stack([table.scores.to_numpy(), only_label(table)])
    # Scaling by a power of two is exact; it keeps squares from overflow and underflow.
    values = values / np.ldexp(1.0, np.frexp(np.abs(values).max(axis=0))[1])
    return [_task(table, np.flatnonzero(task == t), values) for t in range(task.max() + 1)]


def _task(table: Responses, rows: Codes, values: Floats) -> _Task:
    items, item = np.unique(table.item_codes[rows], return_inverse=True)
    names = table.rows["system"].iloc[rows].cat.remove_unused_categories().cat
    n_systems = len(names.categories)
    cell = item * n_systems + names.codes.to_numpy()
    n = np.bincount(cell, minlength=len(items) * n_systems).astype(float)
    _require_complete(n.reshape(-1, n_systems), [str(name) for name in names.categories])
    cells = sum_by(values[rows], cell, len(n)) / n[:, None]
    by_item = cells.reshape(len(items), n_systems, -1)
    return _Task(items, by_item - by_item.min(axis=1, keepdims=True))


def _require_complete(n: Floats, names: list[str]) -> None:
    if len(names) < 2:
        raise MetaevalError(
            "soft_pairwise_accuracy compares systems and needs at least 2 in each task, got 1."
        )
    incomplete = [name for name, answered in zip(names, n.T, strict=True) if not answered.all()]
    if incomplete:
        raise MetaevalError(
            "soft_pairwise_accuracy needs systems with responses to all items of their task (at "
            f"least 3 of them if others are incomplete); incomplete: {join_names(incomplete, 5)}. "
            "Exclude systems or items, or use system_accuracy."
        )


def _estimate(table: Responses, mid_p: bool, n_flips: int) -> Floats:
    p = [p_values(task.values, mid_p, n_flips) for task in _tasks(table)]
    return np.asarray(np.mean([1 - np.abs(x[:, :-1] - x[:, -1:]).mean(axis=0) for x in p], axis=0))


def _describe(table: Responses, mid_p: bool, n_flips: int) -> Mapping[str, Floats]:
    labels = [p_values(task.values[..., -1:], mid_p, n_flips) for task in _tasks(table)]
    chance = np.mean([1 - (p * p - p + 0.5).mean() for p in labels])
    return {"chance": np.full(len(table.scorers), chance)}


def p_values(values: Floats, mid_p: bool = True, n_flips: int = 10_000) -> Floats:
    """One-sided sign-flip p-values of pairs of systems: (pair, k) from (item, system, k).

    Values must not be negative, as scores minus the lowest score of their item are. Flips whose
    difference exceeds the observed one count 1, and those equal to it 1/2 (1 without `mid_p`).
    """
    enumerate_all = len(values) <= MAX_ENUMERATED
    terms = _terms(values)
    n = 2 ** (len(values) - 1) if enumerate_all else -(-n_flips // 2)
    sums = enumerated_sums(terms) if enumerate_all else _sampled_sums(terms, n)
    low, high = _thresholds(terms, values.shape)
    shape = (-1, *values.shape[1:])
    counts = sum(_count(block.reshape(shape), low, high if mid_p else low) for block in sums)
    return np.asarray(counts / (4.0 * n))


def _sampled_sums(terms: ExactTerms, n: int) -> Iterator[Floats]:
    return weighted_sums("sign", key_of(0, "flip"), n, terms, "sign flips")


def _terms(values: Floats) -> ExactTerms:
    """Values whose sums over items are exact: integers if all are multiples of 1 / 1024."""
    flat = values.reshape(len(values), -1)
    scaled = flat * _GRID
    is_small = float(scaled.max(initial=0.0)) * len(scaled) < _MAX_EXACT_FLOAT64
    if not is_small or any((part != np.rint(part)).any() for part in (scaled[:1], scaled)):
        return ExactTerms(on_grid(flat), np.ones(flat.shape[1]), False)
    integers = scaled.astype(np.int64)
    bits = np.bitwise_or.reduce(np.bitwise_or.reduce(integers).reshape(values.shape[1:]))
    unit = np.tile(np.where(bits == 0, 1, bits & -bits), values.shape[1])
    return ExactTerms((integers // unit).astype(float), unit / _GRID, True)


def _thresholds(terms: ExactTerms, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Thresholds from which a difference is at least, or above, the observed: (pair, k) each."""
    cells = terms.values.reshape(shape)
    a, b = np.triu_indices(shape[1], k=1)
    total = cells.sum(axis=0)
    observed = total[a] - total[b]
    if terms.integral:
        return observed - 0.5, observed + 0.5
    norm = np.sqrt(len(cells) * np.einsum("isk,isk->sk", cells, cells))
    slack = ROUNDOFF_OF_SUMS * (norm[a] + norm[b])
    return observed - slack, np.nextafter(observed + slack, np.inf)


def _count(sums: Floats, low: Floats, high: Floats) -> Codes:
    """Count differences of sums (flip, system, k) that are >= low, plus those >= high: (pair, k).

    Each flip counts together with its negative.
    """
    if is_large(_COST_OF_DIFFERENCE * len(sums) * low.size):
        from metaeval.resampling import jax_kernels

        jax_kernels.enable_compilation_cache()
        return jax_kernels.count_above(sums, low, high)
    size = max(1, _DIFFERENCES_PER_BLOCK // low.size)
    starts = range(0, len(sums), size)
    return np.sum([_count_block(sums[i : i + size], low, high) for i in starts], axis=0)


def _count_block(sums: Floats, low: Floats, high: Floats) -> Codes:
    by_system = np.ascontiguousarray(sums.transpose(1, 2, 0))
    counts = []
    for a in range(len(by_system) - 1):
        gap = by_system[a] - by_system[a + 1 :]
        rows = slice(len(gap))
        ends = [end[rows, :, None] for end in (low, high)]
        counts.append(sum((gap >= end).sum(-1) + (gap <= -end).sum(-1) for end in ends))
        low, high = low[len(gap) :], high[len(gap) :]
    return np.concatenate(counts)


def _weigh(table: Responses, mid_p: bool) -> Weigh:
    """Replicates with p-values from a normal approximation to the flip distribution."""
    tasks = _tasks(table)
    of_tasks = [_normal(task.values, mid_p) for task in tasks]

    def values(weights: Floats) -> Floats:
        total, n = np.zeros((len(weights), len(table.scorers))), np.zeros((len(weights), 1))
        for task, of_task in zip(tasks, of_tasks, strict=True):
            w = weights[:, task.items]
            present = w.any(axis=1, keepdims=True)
            total += np.where(present, of_task(w), 0.0)
            n += present
        return np.asarray(total / np.where(n > 0, n, np.nan))

    return values


def _normal(values: Floats, mid_p: bool) -> Weigh:
    """Value of one task as a function of weights, from (item, system, scorer + 1)."""
    from scipy.special import ndtr

    a, b = np.triu_indices(values.shape[1], k=1)
    columns = [np.ascontiguousarray(values[..., k]) for k in range(values.shape[2])]
    in_memory = len(values) * len(a) * len(columns) <= _MAX_CACHED_SQUARES

    def squares(column: Floats) -> Floats:
        return np.asarray((column[:, a] - column[:, b]) ** 2)

    cached = [squares(column) for column in columns] if in_memory else []

    def p_of(weights: Floats, k: int) -> Floats:
        sums = weights @ columns[k]
        variance = weights @ (cached[k] if in_memory else squares(columns[k]))
        no_variance = variance <= 0
        z = (sums[:, a] - sums[:, b]) / np.sqrt(np.where(no_variance, 1.0, variance))
        return np.asarray(np.where(no_variance, 0.5 if mid_p else 1.0, ndtr(-z)))

    def of_weights(weights: Floats) -> Floats:
        human = p_of(weights, len(columns) - 1)
        gaps = [np.abs(p_of(weights, k) - human).mean(axis=1) for k in range(len(columns) - 1)]
        return 1 - np.stack(gaps, axis=1)

    return of_weights
