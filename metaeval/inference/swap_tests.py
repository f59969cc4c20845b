"""The algebra of swapping scores of two scorers at random, all pairs of scorers at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import (
    ROUNDOFF,
    ROUNDOFF_OF_SUMS,
    SCORE_DIGITS,
    Codes,
    Floats,
    require_column,
    typical_decade,
    within,
)
from metaeval.resampling import (
    MAX_ENUMERATED,
    ExactTerms,
    enumerated_sums,
    exact_terms,
    is_large,
    on_grid,
    weighted_sums,
)
from metaeval.statistics import PairCredits, only_label, standardised, sum_by
from metaeval.tables import TEXT, Responses, group_codes, pair_positions

_GAINS = 2**18  # gains of all pairs of scorers that exist at one time

Finish = Callable[[Floats], Floats]


class Null(NamedTuple):
    """Differences of pairs of scorers as observed and under swaps, in any one unit."""

    observed: Floats  # (pair,)
    slack: Floats  # (pair,) differences closer than this are equal
    draw: Callable[[int], Iterator[Floats]]  # so many random swaps: blocks (swap, pair)
    every: Callable[[], Iterator[Floats]] | None  # all swaps, one of two mirror images
    n_units: int


class Swaps(NamedTuple):
    """Which scorers swap, in which tables, and what swaps as one."""

    tables: list[Responses]
    first: Codes  # (pair,) scorers
    second: Codes
    units: list[Codes]  # unit of each row of each table
    n_units: int
    key: Codes  # of the random signs


class _Block(NamedTuple):
    """Items of about the same size, filled up to the largest with cells that gain nothing."""

    row: Codes  # (cell, item) row of the table, -1 where there is none
    z: Floats  # (cell, scorer, item) standardised scores
    gain: Codes  # (2, cell, cell, item) what a pair gains from < to =, and from = to >


def swap_terms(
    table: Responses, credits: PairCredits, first: Codes, second: Codes, exact: bool
) -> tuple[Codes, Floats, float]:
    r"""Whole numbers whose signed sums are the differences of two scorers that swap cells.

    Parameters
    ----------
    table : Responses
    credits : PairCredits
        Of the pairs of the table, at epsilon 0.
    first, second : array (pair,)
        Columns of two scorers.
    exact : bool
        Whether scores of one scorer are tied only if equal; else, and always for scores of two
        scorers, if equal up to rounding.

    Returns
    -------
    terms : array (row, pair)
        Whole numbers.
    share : array (row,)
        Share of the row's item in the statistic.
    factor : float
        The difference is factor * sum over rows of sign * share * terms.

    Notes
    -----
    With g the credit of two responses i, j to one item, and signs s that are +1 where a cell
    keeps its scores, the swapped statistics are quadratic in s, and the quadratic parts cancel in
    their difference:

    .. math:: T(A') - T(B') = \frac{1}{2} \sum_i s_i
        (F^{AA}_i + F^{AB}_i - F^{BA}_i - F^{BB}_i), \quad
        F^{AB}_i = \sum_{j \ne i} g_{ij}(\operatorname{sgn}(A_i - B_j)).
    """
    scores = table.scores.to_numpy()
    used = np.unique(np.r_[first, second])
    z = standardised(scores[:, used])
    noise = _noise(scores[:, used])
    unit = 2 if (credits.credit % 1).any() else 1
    gain = np.diff(credits.credit * unit, axis=1).astype(np.int8)
    pairs = np.searchsorted(used, first), np.searchsorted(used, second)
    terms = np.zeros((len(table), len(first)), dtype=_whole_type(table))
    a, b = _pair_rows(table, len(gain))
    for block in _blocks(table, z, a, b, gain):
        found = _block_terms(block, pairs, noise, noise * (not exact), terms.dtype)
        there = block.row.T >= 0
        terms[block.row.T[there]] = found.transpose(2, 0, 1)[there]
    share = np.zeros(len(table))
    np.maximum.at(share, a, credits.share)
    np.maximum.at(share, b, credits.share)
    return terms, share, 0.5 / unit


def _noise(scores: Floats) -> Floats:
    """How far standardised scores of one scorer that are equal on paper may lie apart: (scorer,).

    As margins are rounded: half a unit in the 13th digit of a typical score.
    """
    size = np.ldexp(1.0, np.frexp(np.abs(scores).max(axis=0))[1])
    spread = (scores / size).std(axis=0) * size
    known = 10.0 ** np.array([typical_decade(column) - SCORE_DIGITS for column in scores.T])
    return np.asarray(known / np.where(spread > 0, spread, 1.0) / 2)


def _whole_type(table: Responses) -> str:
    """Terms are at most eight times as large as an item."""
    return "int16" if np.bincount(table.item_codes).max() < 4000 else "int32"


def _groups(table: Responses) -> tuple[Codes, Codes]:
    """Group of rows that form pairs with each other, and the rows in order of group and id."""
    groups = group_codes(table.rows, [c for c in ("task", "item", *table.keys) if c in table.rows])
    return groups, np.lexsort((table.response_ids.cat.codes.to_numpy(), groups))


def _pair_rows(table: Responses, n_pairs: int) -> tuple[Codes, Codes]:
    """Rows of the first and the second response of each pair, in the order of `table.pairs()`."""
    groups, order = _groups(table)
    a, b = (order[position] for position in pair_positions(groups[order]))
    if len(a) > n_pairs:  # two right or two wrong answers form no pair
        label = only_label(table)
        told_apart = ~within(np.abs(label[a] - label[b]), table.label_epsilon)
        a, b = a[told_apart], b[told_apart]
    if table.keys:
        ids = table.response_ids.cat.codes.to_numpy()
        key = group_codes(table.rows, list(table.keys))
        item = group_codes(table.rows, [c for c in ("task", "item") if c in table.rows])
        sorted_as_pairs = np.lexsort((key[a], ids[b], ids[a], item[a]))
        a, b = a[sorted_as_pairs], b[sorted_as_pairs]
    return a, b


def _blocks(table: Responses, z: Floats, a: Codes, b: Codes, gain: Codes) -> Iterator[_Block]:
    """Blocks of groups of rows, small groups first; `a` and `b` are the rows of each pair."""
    groups, order = _groups(table)
    size = np.bincount(groups)
    start = np.cumsum(size) - size
    place = np.empty_like(order)
    place[order] = np.arange(len(order)) - start[groups[order]]
    rank = np.empty_like(size)
    by_size = np.argsort(size, kind="stable")
    rank[by_size] = np.arange(len(size))
    sorted_pairs = np.argsort(rank[groups[a]], kind="stable")
    ranks = rank[groups[a]][sorted_pairs]
    step = max(8, _GAINS // z.shape[1] ** 2)
    for low in range(int((size < 2).sum()), len(size), step):
        some = by_size[low : low + step]
        cell = np.arange(size[some[-1]])[:, None]
        row = np.where(cell < size[some], order[np.minimum(start[some] + cell, len(order) - 1)], -1)
        mine = sorted_pairs[slice(*np.searchsorted(ranks, [low, low + len(some)]))]
        steps = np.zeros((2, len(cell), len(cell), len(some)), dtype=np.int8)
        steps[:, place[a[mine]], place[b[mine]], rank[groups[a[mine]]] - low] = gain[mine].T
        yield _Block(row, np.ascontiguousarray(z[row].transpose(0, 2, 1)), steps)


def _block_terms(
    block: _Block, pairs: tuple[Codes, Codes], noise: Floats, own_noise: Floats, dtype: Any
) -> Codes:
    """Terms of the cells of a block: (cell, pair of scorers, item); noise (scorer,)."""
    n_cells, k, n = block.z.shape
    small = np.int8 if 2 * n_cells <= 127 else np.int32
    cross = np.zeros((n_cells, k, k, n), dtype=small)  # less what is the same for (B, A)
    own = np.zeros((n_cells, k, n), dtype=small)
    work = np.empty((2, k, k, n), dtype=bool)
    for i, j in itertools.combinations(range(n_cells), 2):
        if not block.gain[:, i, j].any():
            continue
        gained = _gained(block, i, j, noise.max(), work)
        cross[i] += gained
        cross[j] -= gained
        gained = _gained(block, i, j, own_noise[:, None], None)
        own[i] += gained
        own[j] += gained
    first, second = pairs
    terms = cross[:, first, second].astype(dtype)
    terms -= cross[:, second, first]
    terms += own[:, first]
    terms -= own[:, second]
    return terms


def _gained(block: _Block, i: int, j: int, noise: Floats, work: Codes | None) -> Codes:
    """What cells i and j gain by the order of their scores: (scorer, scorer, item) or own."""
    x, y = block.z[i], block.z[j]
    if work is None:
        tied, above = x >= y - noise, x > y + noise
    else:
        np.greater_equal((x + noise)[:, None], y, out=work[0])
        np.greater((x - noise)[:, None], y, out=work[1])
        tied, above = work
    at_least, more = tied.view(np.int8), above.view(np.int8)
    at_least *= block.gain[0, i, j]
    more *= block.gain[1, i, j]
    at_least += more
    return at_least


def pearson_columns(table: Responses) -> tuple[Floats, Finish]:
    """Columns (row, scorer, 3) whose sums give Pearson's correlation over all rows, and how."""
    z = standardised(table.scores.to_numpy())
    h = standardised(only_label(table))
    n = len(h)

    def finish(sums: Floats) -> Floats:
        hz, mean, square = sums[..., 0], sums[..., 1] / n, sums[..., 2] / n
        variance = square - mean**2
        with np.errstate(invalid="ignore", divide="ignore"):
            value = hz / n / np.sqrt(variance)
        return np.asarray(np.where(variance > ROUNDOFF * square, value, np.nan))

    return np.stack([h[:, None] * z, z, z * z], axis=-1), finish


def system_columns(table: Responses, system: Codes, task: Codes) -> tuple[Floats, Finish]:
    """Columns (row, scorer, system) whose sums are means of systems; their correlation by task.

    `system` (row,) and `task` (system,) are codes.
    """
    z, n = standardised(table.scores.to_numpy()), np.bincount(system)
    h = sum_by(only_label(table), system, len(n)) / n
    columns = np.zeros((*z.shape, len(n)))
    columns[np.arange(len(z)), :, system] = z / n[system][:, None]

    def finish(means: Floats) -> Floats:
        parts = [_correlation(means[..., task == t], h[task == t]) for t in np.unique(task)]
        return np.asarray(np.mean(parts, axis=0))

    return columns, finish


def _correlation(x: Floats, y: Floats) -> Floats:
    """Pearson's correlation along the last axis."""
    y = standardised(y) / len(y)
    spread = x.std(axis=-1)
    flat = spread**2 <= ROUNDOFF * (x**2).mean(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(flat, np.nan, (x @ y) / spread))


def units_of_rows(tables: list[Responses], test: str) -> list[Codes]:
    """What swaps as one, for the rows of each table: (row,) codes over all tables."""
    cuts = np.cumsum([len(table) for table in tables])[:-1]
    if test == "swap-cells":
        return np.split(np.arange(sum(len(table) for table in tables)), cuts)
    names = [str(name) for name in tables[0].item_index.names]
    if test == "swap-systems":
        require_column(tables[0].rows.columns, "system", purpose=f"test={test!r}")
        names = [name for name in ("task", "system") if name in tables[0].rows]
    ids = pd.concat([table.rows[names].astype(TEXT) for table in tables])
    return np.split(ids.groupby(names, sort=True).ngroup().to_numpy(), cuts)


def linear(swaps: Swaps, credits: list[PairCredits], exact: bool) -> Null:
    """Differences that are sums of signs times whole numbers; see `swap_terms`."""
    parts = [
        swap_terms(table, own, swaps.first, swaps.second, exact)
        for table, own in zip(swaps.tables, credits, strict=True)
    ]
    terms = np.concatenate([terms for terms, _, _ in parts])
    share = np.concatenate([share * factor for _, share, factor in parts])
    weight = exact_terms(share[:, None], float(np.abs(terms).max(initial=1)) * len(share))
    if not (weight.integral and (weight.values == 1).all()):
        terms = terms * weight.values
    unit = np.concatenate(swaps.units)
    if swaps.n_units < len(unit):
        terms = sum_by(terms.astype(float), unit, swaps.n_units)
    size = np.abs(terms).sum(axis=0)
    slack = np.full(len(size), 0.5) if weight.integral else ROUNDOFF_OF_SUMS * size
    used = ExactTerms(terms, np.ones(len(size)), weight.integral)
    return _of_sums(used, lambda sums: sums, slack, swaps.key)


def _of_sums(
    terms: ExactTerms, differences: Callable[[Floats], Floats], slack: Floats, key: Codes
) -> Null:
    """Differences that are functions of signed sums."""
    n_units = len(terms.values)
    whole = terms._replace(values=terms.values.astype(float))

    def draw(n: int) -> Iterator[Floats]:
        used = terms if is_large(n * n_units, terms.values.shape[1]) else whole
        return map(differences, weighted_sums("sign", key, n, used, "score swaps"))

    def every() -> Iterator[Floats]:
        return map(differences, enumerated_sums(whole))

    observed = differences(terms.values.sum(axis=0, dtype=float)[None])[0]
    return Null(observed, slack, draw, every if n_units <= MAX_ENUMERATED else None, n_units)


def of_columns(swaps: Swaps, columns: list[tuple[Floats, Finish]]) -> Null:
    """Differences of correlations: every moment of a swapped scorer is linear in the signs."""
    first, second = swaps.first, swaps.second
    # All scorers on one grid, so that a cell with equal scores adds exactly nothing.
    grids = [on_grid(c.reshape(-1, c.shape[2])).reshape(c.shape) for c, _ in columns]
    totals = [grid.sum(axis=0) for grid in grids]
    summed = [
        sum_by(grid.reshape(len(grid), -1), unit, swaps.n_units)
        for grid, unit in zip(grids, swaps.units, strict=True)
    ]
    cuts = np.cumsum([some.shape[1] for some in summed])[:-1]

    def differences(sums: Floats) -> Floats:
        values = []
        split = zip(columns, totals, np.split(sums, cuts, axis=1), strict=True)
        for (_, finish), total, own in split:
            own = own.reshape(len(sums), *total.shape)
            half = (own[:, first] - own[:, second]) / 2
            mean = (total[first] + total[second]) / 2
            values.append(finish(mean + half) - finish(mean - half))
        return np.asarray(np.mean(values, axis=0))

    terms = np.concatenate(summed, axis=1)
    slack = np.full(len(first), ROUNDOFF)
    return _of_sums(
        ExactTerms(terms, np.ones(terms.shape[1]), False), differences, slack, swaps.key
    )
