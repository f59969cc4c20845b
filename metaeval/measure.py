"""Estimates, contributions and bootstrap draws of one statistic in the strata of a design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from metaeval.arrays import Bools, Codes, Floats
from metaeval.checks import listed
from metaeval.errors import MetaevalError
from metaeval.prepare import Design, Stratum
from metaeval.progress import steps
from metaeval.resampling import block_size, item_weights, on_grid
from metaeval.statistics.base import Statistic, Weigh, sum_by
from metaeval.tables import Pairs, Table

_WEIGHTS_AT_A_TIME = 2e7


@dataclass(frozen=True)
class Measured:
    """One statistic on one stratum (or averaged over strata), for all scorers.

    `estimate` (scorer,); `contributions` (unit, scorer) add up to it, or None where no test flips
    them; `influence` (unit, scorer) for the acceleration; `draws` (replicate, scorer).
    """

    name: str | None
    estimate: Floats
    contributions: Floats | None
    influence: Floats
    draws: Floats
    levels: Mapping[str, Floats]
    n_items: int
    n_units: int
    n_rows: int
    n_dropped: int
    units: pd.MultiIndex
    part: int


def measure(design: Design, statistic: Statistic, n_resamples: int, seed: int) -> list[Measured]:
    """Measure every stratum of a design; resampling weights depend on the stratum only."""
    return [_measure(design, stratum, statistic, n_resamples, seed) for stratum in design.strata]


def _measure(
    design: Design, stratum: Stratum, statistic: Statistic, n_resamples: int, seed: int
) -> Measured:
    table = table_for(statistic, stratum.table)
    unit = stratum.unit_of_items(table)
    n_units = len(stratum.units)
    terms = _terms(statistic, table)
    weigh = _by_units(statistic, table, terms, unit, n_units)
    ones = np.ones((1, n_units))
    around = weigh(ones)[0]
    exact = statistic.estimate(table) if statistic.estimate is not None else around
    _require_defined(exact, statistic, design, stratum)
    limit = statistic.item_limit
    beyond = limit is not None and table.n_items > limit
    if beyond:
        draws = np.full((n_resamples, len(exact)), np.nan)
        jackknife = np.zeros((n_units, len(exact)))
    else:
        size = block_size(n_units, int(np.clip(_WEIGHTS_AT_A_TIME // len(table), 16, 2_000)))
        blocks = item_weights(seed, stratum.part, n_units, n_resamples, size)
        blocks = steps(blocks, -(-n_resamples // size), statistic.name)
        draws = np.concatenate([weigh(block) for block in blocks]) + (exact - around)
        present = np.bincount(unit, minlength=n_units) > 0
        jackknife = _jackknife(statistic, weigh, present, around)
    contributions = (
        None if beyond else _contributions(statistic, table, unit, n_units, exact, jackknife)
    )
    influence = jackknife
    if statistic.share is not None and contributions is not None:
        share = sum_by(statistic.share(table), unit, n_units)
        influence = contributions - exact * share[:, None]
    used = table.n_items if terms is None else int((terms != 0).any(axis=(1, 2)).sum())
    levels = statistic.describe(table) if statistic.describe is not None else {}
    return Measured(
        stratum.name,
        exact,
        contributions,
        influence,
        draws,
        levels,
        used,
        int((np.bincount(unit, minlength=n_units) > 0).sum()),
        len(stratum.table),
        design.dropped_in(stratum),
        stratum.units,
        stratum.part,
    )


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


def _terms(statistic: Statistic, table: Table) -> Floats | None:
    return None if statistic.terms is None else statistic.terms(table)


def _by_units(
    statistic: Statistic, table: Table, terms: Floats | None, unit: Codes, n_units: int
) -> Weigh:
    """Function of unit weights (replicate, unit) -> (replicate, scorer)."""
    if terms is None:
        if statistic.weigh is None:
            raise MetaevalError(f"{statistic.name} has neither terms nor weigh.")
        of_items = statistic.weigh(table)
        return lambda weights: of_items(weights[:, unit])
    finish = statistic.finish
    if finish is None:
        raise MetaevalError(f"{statistic.name} has terms but no finish.")
    by_unit = on_grid(sum_by(terms, unit, n_units))
    flat = by_unit.reshape(n_units, -1)
    shape = by_unit.shape[1:]
    return lambda weights: finish((weights @ flat).reshape(len(weights), *shape))


def _jackknife(statistic: Statistic, weigh: Weigh, present: Bools, estimate: Floats) -> Floats:
    """What leaving out each unit takes away, times (n - 1) / n: (unit, scorer); 0 for steps.

    n counts the units that are `present` (unit,); without the others nothing changes.
    """
    flips = statistic.contributions is not None
    n_units, n = len(present), int(present.sum())
    if n < 2 or not (statistic.smooth or (flips and statistic.terms is not None)):
        return np.zeros((n_units, len(estimate)))
    parts = []
    for start in range(0, n_units, 500):
        without = np.ones((min(500, n_units - start), n_units))
        without[np.arange(len(without)), start + np.arange(len(without))] = 0.0
        parts.append(estimate - weigh(without))
    return np.nan_to_num(np.concatenate(parts)) * (n - 1) / n


def _contributions(
    statistic: Statistic,
    table: Table,
    unit: Codes,
    n_units: int,
    estimate: Floats,
    jackknife: Floats,
) -> Floats | None:
    """Contributions by unit: (unit, scorer). They add up to the estimate."""
    if statistic.contributions is not None:
        return sum_by(statistic.contributions(table), unit, n_units)
    present = np.bincount(unit, minlength=n_units) > 0
    if not statistic.smooth or present.sum() < 2:
        return None
    centred = jackknife - jackknife[present].mean(axis=0)
    return np.where(present[:, None], estimate / present.sum() + centred, 0.0)


def _require_defined(
    estimate: Floats, statistic: Statistic, design: Design, stratum: Stratum
) -> None:
    undefined = [s for s, e in zip(design.scorers, estimate, strict=True) if np.isnan(e)]
    if not undefined:
        return
    where = f" in {design.by} {stratum.name!r}" if stratum.name is not None else ""
    raise MetaevalError(
        f"{statistic.name} is undefined{where} for {listed(undefined, 5)}: no pair or item "
        "counts (all labels tied, or constant scores). Leave out that scorer or task, or choose "
        "another statistic."
    )


def macro(parts: list[Measured], n_shared: int) -> Measured:
    """Mean over strata with equal weights, in the estimate as in every draw.

    `n_shared` is the number of items where strata share them.
    """
    if len(parts) == 1 and parts[0].name is None:
        return parts[0]
    n = len(parts)
    shared = all(p.part == parts[0].part for p in parts) and n > 1
    stack = _added if shared else np.concatenate
    whole = [p.contributions for p in parts if p.contributions is not None]
    return Measured(
        name=None,
        estimate=np.mean([p.estimate for p in parts], axis=0),
        contributions=stack(whole) / n if len(whole) == n else None,
        influence=stack([p.influence for p in parts]) / n,
        draws=np.mean([p.draws for p in parts], axis=0),
        levels=_mean_levels(parts),
        n_items=min(n_shared, sum(p.n_items for p in parts)),
        n_units=len(parts[0].units) if shared else sum(p.n_units for p in parts),
        n_rows=sum(p.n_rows for p in parts),
        n_dropped=sum(p.n_dropped for p in parts),
        units=parts[0].units,
        part=n,
    )


def _added(parts: list[Floats]) -> Floats:
    return np.sum(parts, axis=0)


def _mean_levels(parts: list[Measured]) -> Mapping[str, Floats]:
    """Levels averaged over strata; counts of lost groups are added up."""
    names = parts[0].levels
    return {
        name: (np.sum if name == "lost" else np.mean)([p.levels[name] for p in parts], axis=0)
        for name in names
        if name != "epsilon"
    }
