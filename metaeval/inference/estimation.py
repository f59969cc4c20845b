"""Estimates, contributions and bootstrap draws of one statistic in the strata of a design."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import Codes, Floats, MetaevalError, UndefinedError, join_names, with_progress
from metaeval.inference.design import Design, Stratum
from metaeval.resampling import block_size, key_of, on_bounds, weight_scheme, weights
from metaeval.statistics import Drawing, StandardErrors, Statistic, sum_by
from metaeval.tables import TEXT, Pairs, Table


class Resamples(NamedTuple):
    """How many replicates, from which seed, with which weights (None: by the number of units)."""

    n: int
    seed: int
    weights: str | None = None


@dataclass(frozen=True)
class Estimates:
    """One statistic on one stratum (or averaged over strata), for all scorers.

    `estimate` (scorer,); `contributions` (unit, scorer) add up to it, or None where no test flips
    them; `influence` (unit, scorer) for the acceleration; `draws` (replicate, scorer);
    `standard_errors` gives the standard error of each replicate, or is None; `tables` are those of
    the strata.
    """

    name: str | None
    estimate: Floats
    contributions: Floats | None
    influence: Floats
    draws: Floats
    standard_errors: StandardErrors | None
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


def measure(design: Design, statistic: Statistic, resamples: Resamples) -> list[Estimates]:
    """Measure every stratum of a design; resampling weights depend on the stratum only."""
    return [_measure(design, stratum, statistic, resamples) for stratum in design.strata]


def _measure(
    design: Design, stratum: Stratum, statistic: Statistic, resamples: Resamples
) -> Estimates:
    table = table_for(statistic, stratum.table)
    unit = stratum.unit_of_items(table)
    n_units = len(stratum.units)
    present = np.bincount(unit, minlength=n_units) > 0
    bound = statistic.bind(table, unit, n_units)
    exact = on_bounds(statistic.estimate(table, bound), statistic.limits)
    _require_defined(exact, statistic, design, stratum)
    limit = statistic.item_limit
    beyond = limit is not None and table.n_items > limit
    influence = np.zeros((n_units, len(exact)))
    errors: StandardErrors | None = None
    n_systems: int | None = None
    if beyond or present.sum() < 2:  # one unit says nothing of how units differ
        draws = np.full((resamples.n, len(exact)), np.nan)
    elif design.systems:
        names = sorted(design.table.rows["system"].astype(TEXT).unique())
        drawn = _Drawn(names, unit, stratum, resamples)
        draws, errors, n_systems = _two_way(statistic, table, drawn)
        draws += exact - bound.reference
    else:
        drawing = _drawing(stratum, resamples, len(table))
        draws = bound.replicates(drawing, statistic.name)
        draws += exact - bound.reference
        influence = bound.jackknife(present)
        errors = bound.standard_errors(drawing)
    contributions = None
    if not (beyond or design.systems):
        contributions = bound.contributions(exact, influence, present)
    shares = None if contributions is None else statistic.item_shares(table)
    if contributions is not None and shares is not None:
        influence = contributions - exact * sum_by(shares, unit, n_units)[:, None]
    return Estimates(
        name=stratum.name,
        estimate=exact,
        contributions=contributions,
        influence=influence,
        draws=draws,
        standard_errors=errors,
        levels=statistic.describe(table),
        n_items=bound.n_items,
        n_units=int(present.sum()),
        n_rows=len(stratum.table),
        n_dropped=design.dropped_in(stratum),
        n_systems=n_systems,
        share=np.bincount(unit, minlength=n_units) / len(unit),
        units=stratum.units,
        part=stratum.part,
        tables=(stratum.table,),
    )


def _drawing(stratum: Stratum, resamples: Resamples, n_rows: int) -> Drawing:
    return Drawing(
        kind=weight_scheme(len(stratum.units), resamples.weights),
        key=key_of(resamples.seed, "bootstrap", stratum.part),
        n=resamples.n,
        n_rows=n_rows,
    )


class _Drawn(NamedTuple):
    """What is drawn where systems are drawn too: by name, so that strata share their systems."""

    systems: list[str]
    unit: Codes  # unit of each item
    stratum: Stratum
    resamples: Resamples

    def blocks(self, systems: list[str], what: str) -> Iterator[tuple[Floats, Floats]]:
        """Weights of units (replicate, unit) and of some systems (replicate, system)."""
        n, n_units = self.resamples.n, len(self.stratum.units)
        kind = weight_scheme(n_units, self.resamples.weights)
        key = key_of(self.resamples.seed, "bootstrap", self.stratum.part)
        shared = key_of(self.resamples.seed, "system")
        column = np.searchsorted(self.systems, systems)
        size = block_size(n_units, 64)
        for start in with_progress(range(0, n, size), -(-n // size), what):
            some = np.arange(start, min(start + size, n))
            of_systems = weights("multinomial", shared, some, len(self.systems))
            yield weights(kind, key, some, n_units), of_systems[:, column]


def _two_way(
    statistic: Statistic, table: Table, drawn: _Drawn
) -> tuple[Floats, StandardErrors | None, int]:
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

    return values, StandardErrors(once, of_draws), len(both.systems)


def table_for(statistic: Statistic, table: Table) -> Table:
    """The kind of table that a statistic takes."""
    if statistic.estimand.rows == "pairs":
        return table.pairs()
    if statistic.estimand.rows == "exact pairs":
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
    if not table.keys or statistic.estimand.grouping != "item":
        return
    combined = table.rows[list(table.keys)].astype(TEXT).agg("/".join, axis=1)
    if (combined.groupby(table.item_codes).nunique() > 1).any():
        raise MetaevalError(
            f"{statistic.name} would mix rows of one item that differ in {join_names(table.keys)}; "
            f"choose one with select({table.keys[0]}=...), or read the column as task."
        )


def _require_defined(
    estimate: Floats, statistic: Statistic, design: Design, stratum: Stratum
) -> None:
    undefined = [s for s, e in zip(design.scorers, estimate, strict=True) if np.isnan(e)]
    if not undefined:
        return
    where = f" in {design.by} {stratum.name!r}" if stratum.name is not None else ""
    raise UndefinedError(
        f"{statistic.name} is undefined{where} for {join_names(undefined, 5)}: no pair or item "
        "counts (all labels tied, or constant scores). Leave out that scorer or task, or choose "
        "another statistic."
    )
