"""Null distributions under swaps in closed form, for all pairs of scorers at once."""

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
from metaeval.statistics import PairCredits, only_label, standardized, sum_by
from metaeval.tables import TEXT, Responses, group_codes, pair_positions

_MAX_GAINS = 2**18  # gains of all pairs of scorers in memory: 256 KB as int8

Finish = Callable[[Floats], Floats]


class NullDistribution(NamedTuple):
    """Differences of pairs of scorers, observed and under swaps, up to a common factor."""

    observed: Floats  # (pair,)
    slack: Floats  # (pair,) tolerance within which differences are equal
    draw: Callable[[int], Iterator[Floats]]  # n random swaps, in blocks (swap, pair)
    enumerate_all: Callable[[], Iterator[Floats]] | None  # all swaps up to a global sign
    n_units: int


class SwapDesign(NamedTuple):
    """The scorers to swap, the tables, and the units that are swapped together."""

    tables: list[Responses]
    first: Codes  # (pair,) scorers
    second: Codes
    units: list[Codes]  # unit of each row of each table
    n_units: int
    key: Codes  # of the random signs


class _Block(NamedTuple):
    """Items of similar size, padded to the largest with cells without gains."""

    row: Codes  # (cell, item) row of the table, -1 for padding
    z: Floats  # (cell, scorer, item) standardized scores
    gain: Codes  # (2, cell, cell, item) increments of credit from < to =, and from = to >


def swap_terms(
    table: Responses, credits: PairCredits, first: Codes, second: Codes, exact: bool
) -> tuple[Codes, Floats, float]:
    r"""Return integers whose signed sums are the differences of two scorers under swaps of cells.

    Parameters
    ----------
    table : Responses
    credits : PairCredits
        Credits of the pairs of the table, at epsilon 0.
    first, second : array (pair,)
        Columns of two scorers.
    exact : bool
        Whether scores of the same scorer are tied only if equal; otherwise, and always for scores
        of two scorers, they are tied if equal up to rounding.

    Returns
    -------
    terms : array (row, pair)
        Integers.
    share : array (row,)
        Weight of the row's item in the statistic.
    factor : float
        The difference is factor * sum of sign * share * terms over rows.

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
    columns = np.unique(np.r_[first, second])
    z = standardized(scores[:, columns])
    noise = _noise(scores[:, columns])
    units_per_credit = 2 if (credits.credit % 1).any() else 1
    gain = np.diff(credits.credit * units_per_credit, axis=1).astype(np.int8)
    pairs = np.searchsorted(columns, first), np.searchsorted(columns, second)
    terms = np.zeros((len(table), len(first)), dtype=_integer_type(table))
    a, b = _pair_rows(table, len(gain))
    for block in _blocks(table, z, a, b, gain):
        block_terms = _block_terms(block, pairs, noise, noise * (not exact), terms.dtype)
        present = block.row.T >= 0
        terms[block.row.T[present]] = block_terms.transpose(2, 0, 1)[present]
    share = np.zeros(len(table))
    np.maximum.at(share, a, credits.share)
    np.maximum.at(share, b, credits.share)
    return terms, share, 0.5 / units_per_credit


def _noise(scores: Floats) -> Floats:
    """Tolerance within which standardized scores of a scorer are equal up to rounding: (scorer,).

    Like the rounding of margins, it is half a unit in the 13th digit of a typical score.
    """
    magnitude = np.ldexp(1.0, np.frexp(np.abs(scores).max(axis=0))[1])
    sd = (scores / magnitude).std(axis=0) * magnitude
    resolution = 10.0 ** np.array([typical_decade(column) - SCORE_DIGITS for column in scores.T])
    return np.asarray(resolution / np.where(sd > 0, sd, 1.0) / 2)


def _integer_type(table: Responses) -> str:
    """Integer type of the terms, which are at most eight times the number of rows of an item."""
    return "int16" if np.bincount(table.item_codes).max() < 4000 else "int32"


def _groups(table: Responses) -> tuple[Codes, Codes]:
    """Group of each row, within which pairs are formed, and the order of rows by group and id."""
    groups = group_codes(table.rows, [c for c in ("task", "item", *table.keys) if c in table.rows])
    return groups, np.lexsort((table.response_ids.cat.codes.to_numpy(), groups))


def _pair_rows(table: Responses, n_pairs: int) -> tuple[Codes, Codes]:
    """Rows of the first and the second response of each pair, in the order of `table.pairs()`."""
    groups, order = _groups(table)
    a, b = (order[position] for position in pair_positions(groups[order]))
    if len(a) > n_pairs:  # no pairs are formed of two correct or two incorrect answers
        label = only_label(table)
        labels_differ = ~within(np.abs(label[a] - label[b]), table.label_epsilon)
        a, b = a[labels_differ], b[labels_differ]
    if table.keys:
        ids = table.response_ids.cat.codes.to_numpy()
        key = group_codes(table.rows, list(table.keys))
        item = group_codes(table.rows, [c for c in ("task", "item") if c in table.rows])
        sorted_as_pairs = np.lexsort((key[a], ids[b], ids[a], item[a]))
        a, b = a[sorted_as_pairs], b[sorted_as_pairs]
    return a, b


def _blocks(table: Responses, z: Floats, a: Codes, b: Codes, gain: Codes) -> Iterator[_Block]:
    """Blocks of groups of rows, smallest groups first; `a` and `b` are the rows of each pair."""
    groups, order = _groups(table)
    size = np.bincount(groups)
    start = np.cumsum(size) - size
    position = np.empty_like(order)
    position[order] = np.arange(len(order)) - start[groups[order]]
    rank = np.empty_like(size)
    by_size = np.argsort(size, kind="stable")
    rank[by_size] = np.arange(len(size))
    sorted_pairs = np.argsort(rank[groups[a]], kind="stable")
    ranks = rank[groups[a]][sorted_pairs]
    step = max(8, _MAX_GAINS // z.shape[1] ** 2)
    for low in range(int((size < 2).sum()), len(size), step):
        in_block = by_size[low : low + step]
        cell = np.arange(size[in_block[-1]])[:, None]
        row = np.where(
            cell < size[in_block], order[np.minimum(start[in_block] + cell, len(order) - 1)], -1
        )
        pairs = sorted_pairs[slice(*np.searchsorted(ranks, [low, low + len(in_block)]))]
        steps = np.zeros((2, len(cell), len(cell), len(in_block)), dtype=np.int8)
        column = rank[groups[a[pairs]]] - low
        steps[:, position[a[pairs]], position[b[pairs]], column] = gain[pairs].T
        yield _Block(row, np.ascontiguousarray(z[row].transpose(0, 2, 1)), steps)


def _block_terms(
    block: _Block, pairs: tuple[Codes, Codes], noise: Floats, within_noise: Floats, dtype: Any
) -> Codes:
    """Terms of the cells of a block: (cell, pair of scorers, item); noise (scorer,)."""
    n_cells, k, n = block.z.shape
    gain_type = np.int8 if 2 * n_cells <= 127 else np.int32
    cross = np.zeros((n_cells, k, k, n), dtype=gain_type)  # F^AB, minus terms symmetric in A and B
    within_scorer = np.zeros((n_cells, k, n), dtype=gain_type)
    work = np.empty((2, k, k, n), dtype=bool)
    for i, j in itertools.combinations(range(n_cells), 2):
        if not block.gain[:, i, j].any():
            continue
        gained = _gains(block, i, j, noise.max(), work)
        cross[i] += gained
        cross[j] -= gained
        gained = _gains(block, i, j, within_noise[:, None], None)
        within_scorer[i] += gained
        within_scorer[j] += gained
    first, second = pairs
    terms = cross[:, first, second].astype(dtype)
    terms -= cross[:, second, first]
    terms += within_scorer[:, first]
    terms -= within_scorer[:, second]
    return terms


def _gains(block: _Block, i: int, j: int, noise: Floats, work: Codes | None) -> Codes:
    """Credit of cells i and j by the order of their scores: ([scorer,] scorer, item)."""
    x, y = block.z[i], block.z[j]
    if work is None:
        tied, above = x >= y - noise, x > y + noise
    else:
        np.greater_equal((x + noise)[:, None], y, out=work[0])
        np.greater((x - noise)[:, None], y, out=work[1])
        tied, above = work
    at_least, greater = tied.view(np.int8), above.view(np.int8)
    at_least *= block.gain[0, i, j]
    greater *= block.gain[1, i, j]
    at_least += greater
    return at_least


def pearson_columns(table: Responses) -> tuple[Floats, Finish]:
    """Return columns (row, scorer, 3) and a function of their sums, Pearson's correlation."""
    z = standardized(table.scores.to_numpy())
    h = standardized(only_label(table))
    n = len(h)

    def finish(sums: Floats) -> Floats:
        hz, mean, square = sums[..., 0], sums[..., 1] / n, sums[..., 2] / n
        variance = square - mean**2
        with np.errstate(invalid="ignore", divide="ignore"):
            value = hz / n / np.sqrt(variance)
        return np.asarray(np.where(variance > ROUNDOFF * square, value, np.nan))

    return np.stack([h[:, None] * z, z, z * z], axis=-1), finish


def system_columns(table: Responses, system: Codes, task: Codes) -> tuple[Floats, Finish]:
    """Return columns (row, scorer, system) whose sums are system means, and their mean correlation.

    The correlation is averaged over tasks; `system` (row,) and `task` (system,) are codes.
    """
    z, n = standardized(table.scores.to_numpy()), np.bincount(system)
    h = sum_by(only_label(table), system, len(n)) / n
    columns = np.zeros((*z.shape, len(n)))
    columns[np.arange(len(z)), :, system] = z / n[system][:, None]

    def finish(means: Floats) -> Floats:
        parts = [_correlation(means[..., task == t], h[task == t]) for t in np.unique(task)]
        return np.asarray(np.mean(parts, axis=0))

    return columns, finish


def _correlation(x: Floats, y: Floats) -> Floats:
    """Pearson's correlation along the last axis."""
    y = standardized(y) / len(y)
    sd = x.std(axis=-1)
    flat = sd**2 <= ROUNDOFF * (x**2).mean(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(flat, np.nan, (x @ y) / sd))


def swap_units(tables: list[Responses], test: str) -> list[Codes]:
    """Return the swap unit of the rows of each table: (row,) codes over all tables."""
    cuts = np.cumsum([len(table) for table in tables])[:-1]
    if test == "swap-cells":
        return np.split(np.arange(sum(len(table) for table in tables)), cuts)
    names = [str(name) for name in tables[0].item_index.names]
    if test == "swap-systems":
        require_column(tables[0].rows.columns, "system", purpose=f"test={test!r}")
        names = [name for name in ("task", "system") if name in tables[0].rows]
    ids = pd.concat([table.rows[names].astype(TEXT) for table in tables])
    return np.split(ids.groupby(names, sort=True).ngroup().to_numpy(), cuts)


def linear_null(swaps: SwapDesign, credits: list[PairCredits], exact: bool) -> NullDistribution:
    """Return the null distribution of differences that are signed sums; see `swap_terms`."""
    parts = [
        swap_terms(table, table_credits, swaps.first, swaps.second, exact)
        for table, table_credits in zip(swaps.tables, credits, strict=True)
    ]
    terms = np.concatenate([terms for terms, _, _ in parts])
    share = np.concatenate([share * factor for _, share, factor in parts])
    weight = exact_terms(share[:, None], float(np.abs(terms).max(initial=1)) * len(share))
    if not (weight.integral and (weight.values == 1).all()):
        terms = terms * weight.values
    unit = np.concatenate(swaps.units)
    if swaps.n_units < len(unit):
        terms = sum_by(terms.astype(float), unit, swaps.n_units)
    total = np.abs(terms).sum(axis=0)
    slack = np.full(len(total), 0.5) if weight.integral else ROUNDOFF_OF_SUMS * total
    weighted_terms = ExactTerms(terms, np.ones(len(total)), weight.integral)
    return _null_of_sums(weighted_terms, lambda sums: sums, slack, swaps.key)


def _null_of_sums(
    terms: ExactTerms, differences: Callable[[Floats], Floats], slack: Floats, key: Codes
) -> NullDistribution:
    """The null distribution of differences that are functions of signed sums."""
    n_units = len(terms.values)
    float_terms = terms._replace(values=terms.values.astype(float))

    def draw(n: int) -> Iterator[Floats]:
        signed_terms = terms if is_large(n * n_units, terms.values.shape[1]) else float_terms
        return map(differences, weighted_sums("sign", key, n, signed_terms, "score swaps"))

    def enumerate_all() -> Iterator[Floats]:
        return map(differences, enumerated_sums(float_terms))

    observed = differences(terms.values.sum(axis=0, dtype=float)[None])[0]
    return NullDistribution(
        observed, slack, draw, enumerate_all if n_units <= MAX_ENUMERATED else None, n_units
    )


def correlation_null(swaps: SwapDesign, columns: list[tuple[Floats, Finish]]) -> NullDistribution:
    """Return the null distribution of differences of correlations."""
    first, second = swaps.first, swaps.second
    # Every moment of a swapped scorer is linear in the signs. All scorers are rounded to a common
    # grid, so that the contribution of a cell with equal scores is exactly 0.
    grids = [on_grid(c.reshape(-1, c.shape[2])).reshape(c.shape) for c, _ in columns]
    totals = [grid.sum(axis=0) for grid in grids]
    summed = [
        sum_by(grid.reshape(len(grid), -1), unit, swaps.n_units)
        for grid, unit in zip(grids, swaps.units, strict=True)
    ]
    cuts = np.cumsum([table_sums.shape[1] for table_sums in summed])[:-1]

    def differences(sums: Floats) -> Floats:
        values = []
        split = zip(columns, totals, np.split(sums, cuts, axis=1), strict=True)
        for (_, finish), total, table_sums in split:
            table_sums = table_sums.reshape(len(sums), *total.shape)
            half = (table_sums[:, first] - table_sums[:, second]) / 2
            mean = (total[first] + total[second]) / 2
            values.append(finish(mean + half) - finish(mean - half))
        return np.asarray(np.mean(values, axis=0))

    terms = np.concatenate(summed, axis=1)
    slack = np.full(len(first), ROUNDOFF)
    return _null_of_sums(
        ExactTerms(terms, np.ones(terms.shape[1]), False), differences, slack, swaps.key
    )
