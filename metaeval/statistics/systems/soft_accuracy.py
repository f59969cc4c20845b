"""Soft pairwise accuracy: agreement of the p-values of pairs of systems."""

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

_FINEST = 1024.0  # scores that are multiples of 1 / 1024 become whole numbers
_EXACT = 2.0**52  # whole numbers below add up without rounding
_GAPS = 2**21  # differences that exist at one time
_PASSES = 5  # a difference takes NumPy as long as so many weights
_SQUARES = 2**25  # squared differences that are kept from one block of weights to the next


def soft_pairwise_accuracy(mid_p: bool = True, n_flips: int = 10_000) -> Statistic:
    r"""Agreement of scores and labels on how sure it is which of two systems is better.

    Parameters
    ----------
    mid_p : bool, default True
        Count half of the flips that tie with the observed difference. False: all of them, as
        published; a replica, whose value depends on the order of the names of the systems.
    n_flips : int, default 10 000
        Random flips where a task has more than 20 items; else all 2^items are tried. Each flip
        comes with its mirror image, and from a seed of its own: the estimate does not depend on
        the seed of the analysis.

    Returns
    -------
    Statistic
        With several tasks in one table, the mean over tasks of the value within each.

    Raises
    ------
    MetaevalError
        If a system lacks an item that another one of its task answered, or there is one system.

    Notes
    -----
    :math:`1 - \operatorname{mean}_{a<b} |p^h_{ab} - p^m_{ab}|` with :math:`p_{ab}` the one-sided p
    of the paired sign-flip test that a is better than b, of labels and of scores; all scorers and
    the labels share the flips. Items are flipped one by one, also where clusters are declared.

    What is estimated is the expected value *at this number of items*: with more items all p move
    to 0 or 1 and the value changes, so do not compare values of different numbers of items.
    `chance` is the value of a p that is uniform and knows nothing, 1 - mean(p^2 - p + 1/2) over
    the labels' p: .75 where they tell no pair apart and .5 where they are certain of all.

    Replicates draw items and take p from the normal approximation, shifted to the exact estimate.
    They lie about one standard deviation below it, because drawn twice an item looks like two:
    the interval is the estimate -+ t se, cut off at 1, never a quantile of them.

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
    given = ([] if mid_p else ["mid_p=False"]) + (
        [] if n_flips == 10_000 else [f"n_flips={n_flips}"]
    )
    estimand = Estimand(
        name="soft_pairwise_accuracy" + (f"({','.join(given)})" if given else ""),
        grouping="systems",
        average="pairs",
        ties="mid-p" if mid_p else "published p",
        target="E[SPA] at this number of items",
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
    """The items of one task, and their scores with the label last, each above its item's lowest.

    Only differences between responses to one item matter. To subtract one of the item's own
    scores keeps them exact; to subtract a mean would not.
    """

    items: Codes  # (item,)
    values: Floats  # (item, system, scorer + 1)


def _tasks(table: Responses) -> list[_Task]:
    require_column(table.rows.columns, "system", purpose="soft_pairwise_accuracy")
    task = np.zeros(len(table), dtype=np.intp)
    if "task" in table.rows:
        task = group_codes(table.rows, ["task"])
    values = np.column_stack([table.scores.to_numpy(), only_label(table)])
    # A power of two changes no bit, and squares neither overflow nor vanish.
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
            "soft_pairwise_accuracy compares systems and there is one in a task; give responses "
            "of at least two."
        )
    lacking = [name for name, there in zip(names, n.T, strict=True) if not there.all()]
    if lacking:
        raise MetaevalError(
            "soft_pairwise_accuracy needs systems that answered every item of their task, at "
            f"least three where some did not; {join_names(lacking, 5)} did not. Leave out systems "
            "or items, or use system_accuracy."
        )


def _estimate(table: Responses, mid_p: bool, n_flips: int) -> Floats:
    p = [p_values(task.values, mid_p, n_flips) for task in _tasks(table)]
    return np.asarray(np.mean([1 - np.abs(x[:, :-1] - x[:, -1:]).mean(axis=0) for x in p], axis=0))


def _describe(table: Responses, mid_p: bool, n_flips: int) -> Mapping[str, Floats]:
    labels = [p_values(task.values[..., -1:], mid_p, n_flips) for task in _tasks(table)]
    chance = np.mean([1 - (p * p - p + 0.5).mean() for p in labels])
    return {"chance": np.full(len(table.scorers), chance)}


def p_values(values: Floats, mid_p: bool = True, n_flips: int = 10_000) -> Floats:
    """One-sided sign-flip p of each pair of systems a < b: values (item, system, k) -> (pair, k).

    Values are not negative, as scores above the lowest of their item are. p counts flips whose
    difference is above the observed one, and half of those equal to it (without `mid_p` all of
    them).
    """
    few = len(values) <= MAX_ENUMERATED
    terms = _terms(values)
    n = 2 ** (len(values) - 1) if few else -(-n_flips // 2)
    sums = enumerated_sums(terms) if few else _drawn(terms, n)
    low, high = _thresholds(terms, values.shape)
    shape = (-1, *values.shape[1:])
    counts = sum(_count(some.reshape(shape), low, high if mid_p else low) for some in sums)
    return np.asarray(counts / (4.0 * n))


def _drawn(terms: ExactTerms, n: int) -> Iterator[Floats]:
    return weighted_sums("sign", key_of(0, "flip"), n, terms, "sign flips")


def _terms(values: Floats) -> ExactTerms:
    """Values in a form whose sums are exact, by item: whole numbers where all are fractions."""
    flat = values.reshape(len(values), -1)
    fine = flat * _FINEST
    small = float(fine.max(initial=0.0)) * len(fine) < _EXACT
    if not small or any((part != np.rint(part)).any() for part in (fine[:1], fine)):
        return ExactTerms(on_grid(flat), np.ones(flat.shape[1]), False)
    whole = fine.astype(np.int64)
    bits = np.bitwise_or.reduce(np.bitwise_or.reduce(whole).reshape(values.shape[1:]))
    unit = np.tile(np.where(bits == 0, 1, bits & -bits), values.shape[1])
    return ExactTerms((whole // unit).astype(float), unit / _FINEST, True)


def _thresholds(terms: ExactTerms, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """From where on a difference is equal to the observed one, and above it: two of (pair, k)."""
    cells = terms.values.reshape(shape)
    a, b = np.triu_indices(shape[1], k=1)
    total = cells.sum(axis=0)
    observed = total[a] - total[b]
    if terms.integral:
        return observed - 0.5, observed + 0.5
    size = np.sqrt(len(cells) * np.einsum("isk,isk->sk", cells, cells))
    slack = ROUNDOFF_OF_SUMS * (size[a] + size[b])
    return observed - slack, np.nextafter(observed + slack, np.inf)


def _count(sums: Floats, low: Floats, high: Floats) -> Codes:
    """Differences of two of the sums (flip, system, k) from low, plus from high, on: (pair, k).

    Flips count with their mirror images.
    """
    if is_large(_PASSES * len(sums) * low.size):
        from metaeval.resampling import jax_kernels

        jax_kernels.enable_compilation_cache()
        return jax_kernels.count_above(sums, low, high)
    size = max(1, _GAPS // low.size)
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
    """Replicates with p from the normal distribution with the variance of the flips."""
    tasks = _tasks(table)
    of_tasks = [_normal(task.values, mid_p) for task in tasks]

    def values(weights: Floats) -> Floats:
        total, n = np.zeros((len(weights), len(table.scorers))), np.zeros((len(weights), 1))
        for task, of_task in zip(tasks, of_tasks, strict=True):
            w = weights[:, task.items]
            drawn = w.any(axis=1, keepdims=True)
            total += np.where(drawn, of_task(w), 0.0)
            n += drawn
        return np.asarray(total / np.where(n > 0, n, np.nan))

    return values


def _normal(values: Floats, mid_p: bool) -> Weigh:
    """Values (item, system, scorer + 1) -> function of weights -> (replicate, scorer)."""
    from scipy.special import ndtr

    a, b = np.triu_indices(values.shape[1], k=1)
    columns = [np.ascontiguousarray(values[..., k]) for k in range(values.shape[2])]
    in_memory = len(values) * len(a) * len(columns) <= _SQUARES

    def squares(column: Floats) -> Floats:
        return np.asarray((column[:, a] - column[:, b]) ** 2)

    kept = [squares(column) for column in columns] if in_memory else []

    def p_of(weights: Floats, k: int) -> Floats:
        sums = weights @ columns[k]
        square = weights @ (kept[k] if in_memory else squares(columns[k]))
        flat = square <= 0
        z = (sums[:, a] - sums[:, b]) / np.sqrt(np.where(flat, 1.0, square))
        return np.asarray(np.where(flat, 0.5 if mid_p else 1.0, ndtr(-z)))

    def of_weights(weights: Floats) -> Floats:
        human = p_of(weights, len(columns) - 1)
        gaps = [np.abs(p_of(weights, k) - human).mean(axis=1) for k in range(len(columns) - 1)]
        return 1 - np.stack(gaps, axis=1)

    return of_weights
