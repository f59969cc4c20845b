"""Replicates and standard errors that resample both units (clusters or items) and systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from metaeval.core import Bools, Codes, Floats, MetaevalError
from metaeval.resampling import gradient_of
from metaeval.statistics.base import TwoWayReplicates
from metaeval.statistics.pairs.counts import credit, pair_counts, pair_weights, tau_of_counts
from metaeval.statistics.sums import only_label, ratio, sum_by
from metaeval.tables import TEXT, Pairs

Finish = Callable[[Floats], Floats]

_CONTRIBUTIONS_PER_BLOCK = 2**22  # of a unit, pair of systems and scorer: 32 MB


class _Cells(NamedTuple):
    """Terms of each unit and pair of systems, whose weighted sums give the statistic.

    The terms of a pair of systems that a unit lacks are 0. A system is never paired with itself:
    a system that is drawn twice would tie with its copy whatever the scorer.
    """

    first: Codes  # (pair,) systems
    second: Codes
    systems: list[str]
    terms: Floats  # (unit, pair, column)
    present: Bools  # (unit,) whether a unit has items
    columns: Codes  # (scorer, k) columns with the sums of a scorer
    finish: Finish  # maps (..., scorer, k) to (..., scorer)


def accuracy_by_systems(
    table: Pairs, unit: Codes, n_units: int, decision: Floats, ties: str, average: str
) -> TwoWayReplicates:
    """Pairwise accuracy of decisions (row, scorer); pairs keep their weights in the estimate."""
    right, counted = credit(decision, only_label(table), ties)
    weight = pair_weights(table, counted[:, 0], average)
    return _mean_by_systems(table, unit, n_units, right, weight)


def tau_by_systems(
    table: Pairs, unit: Codes, n_units: int, decision: Floats, variant: str, average: str
) -> TwoWayReplicates:
    """Kendall's tau of decisions (row, scorer): variants a and 23, or one tau of pooled counts."""
    human = only_label(table)
    if variant in ("a", "23"):
        agreement = decision * human[:, None]
        if variant == "23":
            agreement = 2.0 * (decision == human[:, None]) - 1
        weight = pair_weights(table, np.ones_like(human), average)
        return _mean_by_systems(table, unit, n_units, agreement, weight)
    kinds = pair_counts(decision, human).reshape(len(decision), -1)
    columns = np.arange(kinds.shape[1]).reshape(decision.shape[1], -1)
    return _by_systems(
        _cells(table, unit, n_units, kinds, columns, lambda sums: tau_of_counts(sums, variant))
    )


def _mean_by_systems(
    table: Pairs, unit: Codes, n_units: int, values: Floats, weight: Floats
) -> TwoWayReplicates:
    """Weighted mean over pairs of values (row, scorer)."""
    terms = np.column_stack([values * weight[:, None], weight])
    n = values.shape[1]
    columns = np.column_stack([np.arange(n), np.full(n, n)])
    return _by_systems(_cells(table, unit, n_units, terms, columns, ratio))


def _cells(
    table: Pairs, unit: Codes, n_units: int, terms: Floats, columns: Codes, finish: Finish
) -> _Cells:
    sides = [table.rows[f"system_{side}"].astype(TEXT) for side in ("first", "second")]
    _require_two_systems(table, *(side.to_numpy() for side in sides))
    names, codes = np.unique(np.concatenate(sides), return_inverse=True)
    a, b = np.sort(codes.reshape(2, -1), axis=0)
    pairs, pair = np.unique(a * len(names) + b, return_inverse=True)
    shape = (n_units, len(pairs), terms.shape[1])
    summed = sum_by(terms, unit[table.item_codes] * len(pairs) + pair, n_units * len(pairs))
    present = np.bincount(unit, minlength=n_units) > 0
    first, second = np.divmod(pairs, len(names))
    return _Cells(first, second, names.tolist(), summed.reshape(shape), present, columns, finish)


def _require_two_systems(table: Pairs, first: Codes, second: Codes) -> None:
    same = first == second
    if same.any():
        row = int(np.flatnonzero(same)[0])
        raise MetaevalError(
            "resample=('item', 'system') needs at most one response per system and item, but "
            f"{first[row]!r} has two for item {table.rows['item'].iloc[row]!r}; keep one, name the "
            "column that distinguishes them with keys=, or use resample='item'."
        )


def _by_systems(cells: _Cells) -> TwoWayReplicates:
    def values(units: Floats, systems: Floats) -> Floats:
        return np.asarray(cells.finish(_sums(cells, units, systems)))

    def spread(units: Floats, systems: Floats, first: Codes, second: Codes | None) -> Floats:
        gradient = gradient_of(cells.finish, _sums(cells, units, systems))
        rows = zip(units, systems, gradient, strict=True)
        with np.errstate(invalid="ignore"):  # if a replicate contains one system only
            return np.stack(
                [_standard_errors(_variance(cells, *row), first, second) for row in rows]
            )

    return TwoWayReplicates(cells.systems, values, spread)


def _standard_errors(variance: Floats, first: Codes, second: Codes | None) -> Floats:
    """Standard errors from the three components (3, scorer, scorer) of a covariance."""
    parts = variance[:, first, first]
    if second is not None:
        parts = parts + variance[:, second, second] - 2 * variance[:, first, second]
    by_unit, by_system, by_cell = parts
    two_way = by_unit + by_system - by_cell
    one_way = np.maximum(np.maximum(by_unit, by_system), 0.0)
    return np.asarray(np.sqrt(np.where(two_way > 0, two_way, one_way)))


def _sums(cells: _Cells, units: Floats, systems: Floats) -> Floats:
    """Sums under weights of units and systems: (replicate, scorer, k)."""
    n_units, n_pairs, n_columns = cells.terms.shape
    weight = systems[:, cells.first] * systems[:, cells.second]
    by_pair = (units @ cells.terms.reshape(n_units, -1)).reshape(-1, n_pairs, n_columns)
    return np.asarray(np.matmul(weight[:, None], by_pair)[:, 0][:, cells.columns])


def _variance(cells: _Cells, units: Floats, systems: Floats, gradient: Floats) -> Floats:
    r"""Covariance components by unit, system and cell in one replicate: (3, scorer, scorer).

    Sums of products of two linearized contributions (of a unit and pair of systems) that share the
    unit, that share systems (once for each), and that share the unit and a system. The covariance
    is the first plus the second minus the third. The product of a pair of systems with itself is
    kept twice in the second component, which compensates for the downward bias from centering with
    few systems: without it, t intervals are too short.

    References
    ----------
    Cameron, Gelbach, Miller (2011), Robust inference with multiway clustering. Sen (1960), On
    some convergence properties of U-statistics.
    """
    sample = np.flatnonzero(units * cells.present)
    weight = systems[cells.first] * systems[cells.second]
    jacobian = np.zeros((cells.terms.shape[2], len(gradient)))
    jacobian[cells.columns, np.arange(len(gradient))[:, None]] = gradient
    partners = _partner_weights(cells, systems)
    size = max(1, _CONTRIBUTIONS_PER_BLOCK // (len(weight) * len(gradient)))
    by_unit, within = np.zeros((2, len(gradient), len(gradient)))
    by_pair = np.zeros((len(weight), len(gradient)))
    for start in range(0, len(sample), size):
        block = sample[start : start + size]
        u, w = cells.terms[block] @ jacobian, units[block]  # (unit, pair, scorer)
        by_unit += _products(np.einsum("p,ips->is", weight, u), w)
        within += _products(np.matmul(partners, u), np.outer(w, systems))
        within -= _products(u, np.outer(w, weight))
        by_pair += np.einsum("i,ips->ps", w, u)
    by_system = _products(partners @ by_pair, systems)
    n, n_systems = len(sample), int((systems > 0).sum())
    by_unit *= n / max(n - 1, 1)
    by_system *= n_systems / max(n_systems - 1, 1)
    return np.stack([by_unit, by_system, within])


def _partner_weights(cells: _Cells, systems: Floats) -> Floats:
    """Weight of the partner of a system in each of its pairs, else 0: (system, pair)."""
    partners = np.zeros((len(cells.systems), len(cells.first)))
    pair = np.arange(len(cells.first))
    partners[cells.first, pair] = systems[cells.second]
    partners[cells.second, pair] = systems[cells.first]
    return partners


def _products(values: Floats, weight: Floats) -> Floats:
    """Weighted sums of products of the columns of values (..., scorer): (scorer, scorer)."""
    flat = values.reshape(-1, values.shape[-1])
    return (flat * weight.reshape(-1, 1)).T @ flat
