"""Null distributions under swaps of other statistics, evaluated swap by swap."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, Bools, Codes, Floats, MetaevalError, with_progress
from metaeval.inference.estimation import as_rows_for
from metaeval.inference.swap_tests import NullDistribution, SwapDesign
from metaeval.resampling import MAX_ENUMERATED, all_signs, block_size, weight_blocks
from metaeval.statistics import (
    Statistic,
    SumStatistic,
    only_label,
    standardized,
    sum_by,
    systems_of,
)
from metaeval.tables import TEXT, Responses

_MAX_SCORES = 2_000_000  # swapped scores in memory: 16 MB
_MAX_SWAPS = 250  # swaps that are evaluated at a time; more gain little speed


def direct_null(statistic: Statistic, swaps: SwapDesign, n_flips: int) -> NullDistribution:
    """Return the null distribution of any statistic, with many swaps as columns of one table."""
    scores = [standardized(table.scores.to_numpy()) for table in swaps.tables]
    largest = max(len(as_rows_for(statistic, table)) for table in swaps.tables)
    size = int(np.clip(_MAX_SCORES // (2 * largest), 1, _MAX_SWAPS))
    n, description = swaps.n_units, f"{statistic.name}, score swaps"

    def differences(signs: Floats) -> Floats:
        values = np.empty((len(swaps.tables), len(signs), len(swaps.first)))
        for t, (table, x, unit) in enumerate(zip(swaps.tables, scores, swaps.units, strict=True)):
            is_kept = signs[:, unit].T > 0
            for p, (a, b) in enumerate(zip(swaps.first, swaps.second, strict=True)):
                first, second = x[:, [a]], x[:, [b]]
                swapped = np.where(is_kept, first, second), np.where(is_kept, second, first)
                values[t, :, p] = _differences(statistic, table, *swapped)
        return np.asarray(values.mean(axis=0))

    def draw(n_swaps: int) -> Iterator[Floats]:
        blocks = weight_blocks("sign", swaps.key, n_swaps, n, size)
        n_blocks = -(-n_swaps // block_size(n, size))
        return map(differences, with_progress(blocks, n_blocks, description))

    def enumerate_all() -> Iterator[Floats]:
        starts = range(0, 2 ** (n - 1), size)
        for start in with_progress(starts, len(starts), description):
            yield differences(all_signs(start, min(start + size, 2 ** (n - 1)), n))

    observed = differences(np.ones((1, n)))[0]
    enumerable = n <= MAX_ENUMERATED and 2 ** (n - 1) <= n_flips
    return NullDistribution(
        observed, np.full(len(observed), ROUNDOFF), draw, enumerate_all if enumerable else None, n
    )


def _differences(statistic: Statistic, table: Responses, first: Floats, second: Floats) -> Floats:
    """Difference of the statistic of two swapped scorers: (swap,) from (row, swap) each."""
    values = np.zeros(first.shape[1])
    # A group that is constant in one swap must not be excluded from the others.
    loses_groups = _loses_groups(statistic, table, first) | _loses_groups(statistic, table, second)
    separate = np.flatnonzero(loses_groups)
    parts: list[tuple[Callable[..., Floats], Codes]] = [
        (_difference, np.flatnonzero(~loses_groups))
    ]
    if statistic.estimand.grouping == "item" and isinstance(statistic, SumStatistic):
        parts.append((_difference_by_item, separate))
    else:
        parts += [(_difference, swap) for swap in separate[:, None]]
    for difference, swaps in parts:
        if len(swaps):
            try:
                values[swaps] = difference(statistic, table, first[:, swaps], second[:, swaps])
            except MetaevalError:  # undefined in all groups: published tools set it to 0
                if not loses_groups[swaps].all():
                    raise
    return np.nan_to_num(values)


def _difference(statistic: Statistic, table: Responses, first: Floats, second: Floats) -> Floats:
    names = [f"\x00{i:08d}" for i in range(2 * first.shape[1])]
    scores = pd.DataFrame(np.concatenate([first, second], axis=1), table.scores.index, names)
    ready = as_rows_for(statistic, table.replace(scores=scores))
    values = statistic.value(ready)
    return np.asarray(values[: first.shape[1]] - values[first.shape[1] :])


def _difference_by_item(
    statistic: SumStatistic, table: Responses, first: Floats, second: Floats
) -> Floats:
    """The same with swaps as additional items, so that each has its own groups."""
    n = first.shape[1]
    rows = table.rows.iloc[np.tile(np.arange(len(table)), n)].reset_index(drop=True)
    copy = pd.Series(np.arange(n).repeat(len(table)).astype(str))
    rows["item"] = copy + "\x1f" + rows["item"].astype(TEXT)
    labels = pd.DataFrame({"\x00label": np.tile(only_label(table), n)})
    scores = pd.DataFrame({"\x00a": first.T.ravel(), "\x00b": second.T.ravel()})
    copies = table.replace(rows=rows, scores=scores, labels=labels).canonical
    ready = as_rows_for(statistic, copies)
    items = ready.item_index.get_level_values("item").astype(str)
    swap_of_item = items.str.split("\x1f").str[0].astype(int).to_numpy()
    values = statistic.finish(sum_by(statistic.terms(ready), swap_of_item, n))
    return np.asarray(values[:, 0] - values[:, 1])


def _loses_groups(statistic: Statistic, table: Responses, scores: Floats) -> Bools:
    """Swaps (swap,) in which some group is constant, so its correlation is undefined."""
    grouping = statistic.estimand.grouping
    pooled = grouping != "none" and statistic.estimand.average == "pairs"
    if statistic.is_accuracy or pooled or grouping not in ("item", "system", "none"):
        return np.zeros(scores.shape[1], dtype=bool)
    codes = {"item": table.item_codes, "none": np.zeros(len(table), dtype=int)}.get(grouping)
    codes = systems_of(table)[0] if codes is None else codes
    values = np.column_stack([only_label(table), scores])[np.argsort(codes, kind="stable")]
    starts = np.cumsum(np.bincount(codes)) - np.bincount(codes)
    constant = np.maximum.reduceat(values, starts) == np.minimum.reduceat(values, starts)
    return np.asarray(constant[~constant[:, 0], 1:].any(axis=0))
