"""Estimates, contributions and bootstrap draws of one statistic in the strata of a design."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import Bools, Codes, Floats, MetaevalError, UndefinedError, listed, steps
from metaeval.inference.design import Design, Stratum
from metaeval.resampling import (
    block_size,
    exact_terms,
    key_of,
    kind_for,
    largest_weight,
    on_bounds,
    spread_of_sums,
    weight_blocks,
    weighted_sums,
    weights,
)
from metaeval.statistics import Statistic, Weigh, sum_by
from metaeval.tables import Pairs, Table

_WEIGHTS_AT_A_TIME = 2e7
_UNITS_AT_A_TIME = 20_000

Errors = Callable[[Codes, Codes | None], Floats]
"""Scorers `first` (pair,), less `second` if given -> standard errors."""


class Spread(NamedTuple):
    """Standard errors by one formula: of the estimate (pair,), of replicates (replicate, pair)."""

    once: Errors
    drawn: Errors


class Resamples(NamedTuple):
    """How many replicates, from which seed, with which weights (None: by the number of units)."""

    n: int
    seed: int
    weights: str | None = None


@dataclass(frozen=True)
class Measured:
    """One statistic on one stratum (or averaged over strata), for all scorers.

    `estimate` (scorer,); `contributions` (unit, scorer) add up to it, or None where no test flips
    them; `influence` (unit, scorer) for the acceleration; `draws` (replicate, scorer); `spread`
    gives the standard error of each replicate, or is None; `tables` are those of the strata.
    """

    name: str | None
    estimate: Floats
    contributions: Floats | None
    influence: Floats
    draws: Floats
    spread: Spread | None
    levels: Mapping[str, Floats]
    n_items: int
    n_units: int
    n_rows: int
    n_dropped: int
    n_systems: int | None
    share: Floats  # (unit,) of the items, adding up to 1
    units: pd.MultiIndex
    part: int
    tables: tuple[Table, ...]


def measure(design: Design, statistic: Statistic, resamples: Resamples) -> list[Measured]:
    """Measure every stratum of a design; resampling weights depend on the stratum only."""
    return [_measure(design, stratum, statistic, resamples) for stratum in design.strata]


def _measure(
    design: Design, stratum: Stratum, statistic: Statistic, resamples: Resamples
) -> Measured:
    table = table_for(statistic, stratum.table)
    unit = stratum.unit_of_items(table)
    n_units = len(stratum.units)
    present = np.bincount(unit, minlength=n_units) > 0
    terms = None if statistic.terms is None else statistic.terms(table)
    by_unit = None if terms is None else sum_by(terms, unit, n_units)
    n_items = table.n_items if terms is None else int((terms != 0).any(axis=(1, 2)).sum())
    del terms  # with a million items no copy is one too few
    weigh = _by_units(statistic, table, unit) if by_unit is None else None
    around = _around(statistic, weigh, by_unit, n_units)
    exact = statistic.estimate(table) if statistic.estimate is not None else around
    exact = on_bounds(exact, statistic.limits)
    _require_defined(exact, statistic, design, stratum)
    limit = statistic.item_limit
    beyond = limit is not None and table.n_items > limit
    jackknife = np.zeros((n_units, len(exact)))
    spread: Spread | None = None
    n_systems: int | None = None
    if beyond or present.sum() < 2:  # one unit says nothing of how units differ
        draws = np.full((resamples.n, len(exact)), np.nan)
    elif design.systems:
        names = sorted(design.table.rows["system"].astype(str).unique())
        drawn = _Drawn(names, unit, stratum, resamples)
        draws, spread, n_systems = _two_way(statistic, table, drawn)
        draws += exact - around
    else:
        draws = _draws(statistic, weigh, by_unit, stratum, resamples, len(table))
        draws += exact - around
        if statistic.influence is not None:
            jackknife = sum_by(statistic.influence(table), unit, n_units)
        else:
            jackknife = _jackknife(statistic, weigh, by_unit, present, around)
        if by_unit is not None and statistic.finish is not None:
            spread = _spread(statistic.finish, by_unit, stratum, resamples)
    contributions = None
    if not (beyond or design.systems):
        contributions = _contributions(statistic, table, by_unit, unit, present, exact, jackknife)
    influence = jackknife
    if statistic.share is not None and contributions is not None:
        share = sum_by(statistic.share(table), unit, n_units)
        influence = contributions - exact * share[:, None]
    return Measured(
        name=stratum.name,
        estimate=exact,
        contributions=contributions,
        influence=influence,
        draws=draws,
        spread=spread,
        levels=statistic.describe(table) if statistic.describe is not None else {},
        n_items=n_items,
        n_units=int(present.sum()),
        n_rows=len(stratum.table),
        n_dropped=design.dropped_in(stratum),
        n_systems=n_systems,
        share=np.bincount(unit, minlength=n_units) / len(unit),
        units=stratum.units,
        part=stratum.part,
        tables=(stratum.table,),
    )


def _draws(
    statistic: Statistic,
    weigh: Weigh | None,
    by_unit: Floats | None,
    stratum: Stratum,
    resamples: Resamples,
    n_rows: int,
) -> Floats:
    """Replicates (replicate, scorer), by one product where the statistic has terms."""
    n_units = len(stratum.units)
    kind = kind_for(n_units, resamples.weights)
    key = key_of(resamples.seed, "bootstrap", stratum.part)
    if weigh is not None:
        size = block_size(n_units, int(np.clip(_WEIGHTS_AT_A_TIME // n_rows, 16, 2_000)))
        blocks = weight_blocks(kind, key, resamples.n, n_units, size)
        ticked = steps(blocks, -(-resamples.n // size), statistic.name)
        return np.concatenate([weigh(block) for block in ticked])
    finish = statistic.finish
    if by_unit is None or finish is None:
        raise MetaevalError(f"{statistic.name} has neither terms nor weigh.")
    shape = by_unit.shape[1:]
    terms = exact_terms(by_unit.reshape(n_units, -1), *largest_weight(kind))
    sums = weighted_sums(kind, key, resamples.n, terms, statistic.name)
    return np.concatenate([finish((some * terms.step).reshape(-1, *shape)) for some in sums])


def _spread(
    finish: Callable[[Floats], Floats], by_unit: Floats, stratum: Stratum, resamples: Resamples
) -> Spread:
    """Standard errors of replicates, from the weights that made them."""
    kind = kind_for(len(by_unit), resamples.weights)
    key = key_of(resamples.seed, "bootstrap", stratum.part)

    def once(first: Codes, second: Codes | None) -> Floats:
        ones = np.ones((1, len(by_unit)))
        return np.asarray(spread_of_sums(finish, by_unit, ones, first, second)[0])

    def drawn(first: Codes, second: Codes | None) -> Floats:
        blocks = weight_blocks(kind, key, resamples.n, len(by_unit), 256)
        ticked = steps(blocks, -(-resamples.n // 256), "standard errors")
        found = [spread_of_sums(finish, by_unit, block, first, second) for block in ticked]
        return np.concatenate(found)

    return Spread(once, drawn)


class _Drawn(NamedTuple):
    """What is drawn where systems are drawn too: by name, so that strata share their systems."""

    systems: list[str]
    unit: Codes  # unit of each item
    stratum: Stratum
    resamples: Resamples

    def blocks(self, systems: list[str], what: str) -> Iterator[tuple[Floats, Floats]]:
        """Weights of units (replicate, unit) and of some systems (replicate, system)."""
        n, n_units = self.resamples.n, len(self.stratum.units)
        kind = kind_for(n_units, self.resamples.weights)
        key = key_of(self.resamples.seed, "bootstrap", self.stratum.part)
        shared = key_of(self.resamples.seed, "system")
        column = np.searchsorted(self.systems, systems)
        size = block_size(n_units, 64)
        for start in steps(range(0, n, size), -(-n // size), what):
            some = np.arange(start, min(start + size, n))
            of_systems = weights("multinomial", shared, some, len(self.systems))
            yield weights(kind, key, some, n_units), of_systems[:, column]


def _two_way(
    statistic: Statistic, table: Table, drawn: _Drawn
) -> tuple[Floats, Spread | None, int]:
    """Replicates that draw units and systems: values (replicate, scorer), spread, systems."""
    if statistic.by_systems is None:
        raise MetaevalError(
            f"{statistic.name} has no resampling of systems; use pairwise_accuracy, "
            "tie_calibrated_accuracy or system_accuracy, or resample='item'."
        )
    n_units = len(drawn.stratum.units)
    both = statistic.by_systems(table, drawn.unit, n_units)

    def blocks() -> Iterator[tuple[Floats, Floats]]:
        return drawn.blocks(both.systems, statistic.name)

    values = np.concatenate([both.values(w, v) for w, v in blocks()])
    if both.spread is None:
        return values, None, len(both.systems)
    of_both = both.spread

    def once(first: Codes, second: Codes | None) -> Floats:
        ones = np.ones((1, n_units)), np.ones((1, len(both.systems)))
        return np.asarray(of_both(*ones, first, second)[0])

    def of_draws(first: Codes, second: Codes | None) -> Floats:
        return np.concatenate([of_both(w, v, first, second) for w, v in blocks()])

    return values, Spread(once, of_draws), len(both.systems)


def table_for(statistic: Statistic, table: Table) -> Table:
    """The kind of table that a statistic takes."""
    if statistic.over == "pairs":
        return table.pairs()
    if statistic.over == "exact pairs":
        return table.exact_pairs
    if isinstance(table, Pairs):
        raise MetaevalError(
            f"{statistic.name} needs responses with scores of their own; this table holds pairs. "
            "Use pairwise_accuracy, tie_calibrated_accuracy or kendall(variant='b')."
        )
    _require_one_key(statistic, table)
    return table


def _require_one_key(statistic: Statistic, table: Table) -> None:
    """Refuse statistics within items where further keys split the responses of an item."""
    if not table.keys or statistic.estimand.get("grouping") != "item":
        return
    combined = table.rows[list(table.keys)].astype(str).agg("/".join, axis=1)
    if (combined.groupby(table.item_codes).nunique() > 1).any():
        raise MetaevalError(
            f"{statistic.name} would mix rows of one item that differ in {listed(table.keys)}; "
            f"choose one with select({table.keys[0]}=...), or read the column as task."
        )


def _by_units(statistic: Statistic, table: Table, unit: Codes) -> Weigh:
    """Function of unit weights (replicate, unit) -> (replicate, scorer), where nothing adds up."""
    if statistic.weigh is None:
        raise MetaevalError(f"{statistic.name} has neither terms nor weigh.")
    of_items = statistic.weigh(table)
    return lambda weights: of_items(weights[:, unit])


def _around(
    statistic: Statistic, weigh: Weigh | None, by_unit: Floats | None, n_units: int
) -> Floats:
    """The estimate as replicates would have it, every unit counting once: (scorer,)."""
    if weigh is not None:
        return weigh(np.ones((1, n_units)))[0]
    if by_unit is None or statistic.finish is None:
        raise MetaevalError(f"{statistic.name} has terms but no finish.")
    terms = exact_terms(by_unit.reshape(n_units, -1), 1.0)
    sums = np.ones((1, n_units)) @ terms.values * terms.step
    return statistic.finish(sums.reshape(-1, *by_unit.shape[1:]))[0]


def _jackknife(
    statistic: Statistic,
    weigh: Weigh | None,
    by_unit: Floats | None,
    present: Bools,
    estimate: Floats,
) -> Floats:
    """What leaving out each unit takes away, times (n - 1) / n: (unit, scorer); 0 for steps.

    n counts the units that are `present` (unit,); without the others nothing changes.
    """
    flips = statistic.contributions is not None
    n_units, n = len(present), int(present.sum())
    if n < 2 or not (statistic.smooth or (flips and statistic.terms is not None)):
        return np.zeros((n_units, len(estimate)))
    if by_unit is not None and statistic.finish is not None:
        total, size = by_unit.sum(axis=0), _UNITS_AT_A_TIME
        blocks = (by_unit[start : start + size] for start in range(0, n_units, size))
        around = statistic.finish(total[None])
        found = [around - statistic.finish(total - block) for block in blocks]
    elif weigh is not None:
        found = [estimate - without for without in _left_out(weigh, n_units)]
    left = np.concatenate(found)
    np.nan_to_num(left, copy=False)
    left[~present] = 0.0
    left *= (n - 1) / n
    return left


def _left_out(weigh: Weigh, n_units: int) -> Iterator[Floats]:
    """Values without each unit, block by block."""
    for start in range(0, n_units, 500):
        without = np.ones((min(500, n_units - start), n_units))
        without[np.arange(len(without)), start + np.arange(len(without))] = 0.0
        yield weigh(without)


def _contributions(
    statistic: Statistic,
    table: Table,
    by_unit: Floats | None,
    unit: Codes,
    present: Bools,
    estimate: Floats,
    jackknife: Floats,
) -> Floats | None:
    """Contributions by unit: (unit, scorer). They add up to the estimate."""
    if statistic.from_terms is not None and by_unit is not None:
        return statistic.from_terms(by_unit)
    if statistic.contributions is not None:
        return sum_by(statistic.contributions(table), unit, len(present))
    if not statistic.smooth or present.sum() < 2:
        return None
    mean = jackknife.sum(axis=0) / present.sum()  # absent units have 0
    pseudo = jackknife + (estimate / present.sum() - mean)
    pseudo[~present] = 0.0
    return pseudo


def _require_defined(
    estimate: Floats, statistic: Statistic, design: Design, stratum: Stratum
) -> None:
    undefined = [s for s, e in zip(design.scorers, estimate, strict=True) if np.isnan(e)]
    if not undefined:
        return
    where = f" in {design.by} {stratum.name!r}" if stratum.name is not None else ""
    raise UndefinedError(
        f"{statistic.name} is undefined{where} for {listed(undefined, 5)}: no pair or item "
        "counts (all labels tied, or constant scores). Leave out that scorer or task, or choose "
        "another statistic."
    )
