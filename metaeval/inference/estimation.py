"""Estimates, contributions and bootstrap draws of one statistic in the strata of a design."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from metaeval.core import Codes, Floats, MetaevalError, UndefinedError, join_names, with_progress
from metaeval.inference.design import Design
from metaeval.inference.estimates import Estimates
from metaeval.inference.macro_average import macro_average
from metaeval.inference.settings import Resampling
from metaeval.inference.strata import Stratum
from metaeval.resampling import block_size, key_of, on_bounds, weight_scheme, weights
from metaeval.statistics import Drawing, StandardErrors, Statistic, sum_by
from metaeval.tables import TEXT, Pairs, Table


def estimate(design: Design, statistic: Statistic, resampling: Resampling) -> list[Estimates]:
    """Return the overall estimate (mean over strata, or pooled), followed by the strata if any."""
    strata = estimate_strata(design, statistic, resampling)
    overall = macro_average(strata, design.table.n_items)
    return [overall] if design.by is None else [overall, *strata]


def estimate_strata(
    design: Design, statistic: Statistic, resampling: Resampling
) -> list[Estimates]:
    """Return the estimates of every stratum; resampling weights depend on the stratum only."""
    return [_estimate(design, stratum, statistic, resampling) for stratum in design.strata]


def _estimate(
    design: Design, stratum: Stratum, statistic: Statistic, resampling: Resampling
) -> Estimates:
    table = as_rows_for(statistic, stratum.table)
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
    if beyond or present.sum() < 2:  # one unit gives no information on variation between units
        draws = np.full((resampling.n, len(exact)), np.nan)
    elif design.systems:
        names = sorted(design.table.rows["system"].astype(TEXT).unique())
        two_way = _TwoWayDraws(names, unit, stratum, resampling)
        draws, errors, n_systems = _two_way(statistic, table, two_way)
        draws += exact - bound.reference
    else:
        drawing = _drawing(stratum, resampling, len(table))
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
        scorers=design.scorers,
        name=stratum.name,
        estimate=exact,
        contributions=contributions,
        influence=influence,
        draws=draws,
        standard_errors=errors,
        levels=statistic.describe(table),
        unseen_variance=np.zeros(len(exact)),
        n_items=bound.n_items,
        n_units=int(present.sum()),
        n_rows=len(stratum.table),
        n_dropped=design.dropped_in(stratum),
        n_systems=n_systems,
        share=np.bincount(unit, minlength=n_units) / len(unit),
        units=stratum.units,
        stream=stratum.stream,
        tables=(stratum.table,),
    )


def _drawing(stratum: Stratum, resampling: Resampling, n_rows: int) -> Drawing:
    return Drawing(
        kind=weight_scheme(len(stratum.units), resampling.weights),
        key=key_of(resampling.seed, "bootstrap", stratum.stream),
        n=resampling.n,
        n_rows=n_rows,
    )


class _TwoWayDraws(NamedTuple):
    """Weights of units and systems, the latter by name so that strata share their systems."""

    systems: list[str]
    unit: Codes  # unit of each item
    stratum: Stratum
    resampling: Resampling

    def blocks(self, systems: list[str], what: str) -> Iterator[tuple[Floats, Floats]]:
        """Weights of units (replicate, unit) and of the given systems (replicate, system)."""
        n, n_units = self.resampling.n, len(self.stratum.units)
        kind = weight_scheme(n_units, self.resampling.weights)
        key = key_of(self.resampling.seed, "bootstrap", self.stratum.stream)
        shared = key_of(self.resampling.seed, "system")
        column = np.searchsorted(self.systems, systems)
        size = block_size(n_units, 64)
        for start in with_progress(range(0, n, size), -(-n // size), what):
            replicates = np.arange(start, min(start + size, n))
            of_systems = weights("multinomial", shared, replicates, len(self.systems))
            yield weights(kind, key, replicates, n_units), of_systems[:, column]


def _two_way(
    statistic: Statistic, table: Table, draws: _TwoWayDraws
) -> tuple[Floats, StandardErrors | None, int]:
    """Values (replicate, scorer) under resampled units and systems, errors, number of systems."""
    if statistic.by_systems is None:
        raise MetaevalError(
            f"{statistic.name} does not support resampling of systems; use pairwise_accuracy, "
            "tie_calibrated_accuracy or system_accuracy, or resample='item'."
        )
    n_units = len(draws.stratum.units)
    two_way = statistic.by_systems(table, draws.unit, n_units)

    def blocks() -> Iterator[tuple[Floats, Floats]]:
        return draws.blocks(two_way.systems, statistic.name)

    values = np.concatenate([two_way.values(w, v) for w, v in blocks()])
    if two_way.spread is None:
        return values, None, len(two_way.systems)
    standard_error = two_way.spread

    def of_estimate(first: Codes, second: Codes | None) -> Floats:
        ones = np.ones((1, n_units)), np.ones((1, len(two_way.systems)))
        return np.asarray(standard_error(*ones, first, second)[0])

    def of_replicates(first: Codes, second: Codes | None) -> Floats:
        return np.concatenate([standard_error(w, v, first, second) for w, v in blocks()])

    return values, StandardErrors(of_estimate, of_replicates), len(two_way.systems)


def as_rows_for(statistic: Statistic, table: Table) -> Table:
    """Return the table in the form that a statistic needs: responses, pairs or exact pairs."""
    if statistic.estimand.rows == "pairs":
        return table.pairs()
    if statistic.estimand.rows == "exact pairs":
        return table.exact_pairs
    if isinstance(table, Pairs):
        raise MetaevalError(
            f"{statistic.name} needs individually scored responses, but this table contains pairs. "
            "Use pairwise_accuracy, tie_calibrated_accuracy or kendall(variant='b')."
        )
    _require_one_key(statistic, table)
    return table


def _require_one_key(statistic: Statistic, table: Table) -> None:
    """Refuse item-level statistics where further keys split the responses of an item."""
    if not table.keys or statistic.estimand.grouping != "item":
        return
    combined = table.rows[list(table.keys)].astype(TEXT).agg("/".join, axis=1)
    if (combined.groupby(table.item_codes).nunique() > 1).any():
        raise MetaevalError(
            f"{statistic.name} would mix rows of one item that differ in {join_names(table.keys)}; "
            f"select one value with select({table.keys[0]}=...), or read the column as task."
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
        "contributes to it (all labels are tied, or scores are constant). Exclude the scorer or "
        "task, or choose another statistic."
    )
