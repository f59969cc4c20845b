"""Replicates and standard errors that draw both units (clusters or items) and systems."""

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

_CONTRIBUTIONS = 2**22  # of units, pairs of systems and scorers that exist at one time


class _Cells(NamedTuple):
    """Terms of each unit and pair of systems; a statistic finishes weighted sums of them.

    A pair of systems that a unit lacks has only zeros. There are no pairs of a system with
    itself: a system that is drawn twice would agree with its copy, and no scorer earns that.
    """

    first: Codes  # (pair,) systems
    second: Codes
    systems: list[str]
    terms: Floats  # (unit, pair, column)
    there: Bools  # (unit,) which units have items
    columns: Codes  # (scorer, k) which columns are the sums of a scorer
    finish: Finish  # (..., scorer, k) -> (..., scorer)


def accuracy_by_systems(
    table: Pairs, unit: Codes, n_units: int, call: Floats, ties: str, average: str
) -> TwoWayReplicates:
    """Pairwise accuracy of calls (row, scorer); each pair keeps its weight in the estimate."""
    right, counted = credit(call, only_label(table), ties)
    weight = pair_weights(table, counted[:, 0], average)
    return _mean_by_systems(table, unit, n_units, right, weight)


def tau_by_systems(
    table: Pairs, unit: Codes, n_units: int, call: Floats, variant: str, average: str
) -> TwoWayReplicates:
    """Kendall's tau of calls (row, scorer): variants a and 23, or one tau of all counts."""
    human = only_label(table)
    if variant in ("a", "23"):
        agreed = call * human[:, None]
        if variant == "23":
            agreed = 2.0 * (call == human[:, None]) - 1
        weight = pair_weights(table, np.ones_like(human), average)
        return _mean_by_systems(table, unit, n_units, agreed, weight)
    kinds = pair_counts(call, human).reshape(len(call), -1)
    columns = np.arange(kinds.shape[1]).reshape(call.shape[1], -1)
    return _by_systems(
        _cells(table, unit, n_units, kinds, columns, lambda sums: tau_of_counts(sums, variant))
    )


def _mean_by_systems(
    table: Pairs, unit: Codes, n_units: int, values: Floats, weight: Floats
) -> TwoWayReplicates:
    """Weighted mean of values (row, scorer) of pairs."""
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
    there = np.bincount(unit, minlength=n_units) > 0
    first, second = np.divmod(pairs, len(names))
    return _Cells(first, second, names.tolist(), summed.reshape(shape), there, columns, finish)


def _require_two_systems(table: Pairs, first: Codes, second: Codes) -> None:
    same = first == second
    if same.any():
        row = int(np.flatnonzero(same)[0])
        raise MetaevalError(
            "resample=('item', 'system') needs at most one response of a system to an item, and "
            f"{first[row]!r} gave two to item {table.rows['item'].iloc[row]!r}; keep one, name "
            "what distinguishes them with keys=, or use resample='item'."
        )


def _by_systems(cells: _Cells) -> TwoWayReplicates:
    def values(units: Floats, systems: Floats) -> Floats:
        return np.asarray(cells.finish(_sums(cells, units, systems)))

    def spread(units: Floats, systems: Floats, first: Codes, second: Codes | None) -> Floats:
        gradient = gradient_of(cells.finish, _sums(cells, units, systems))
        rows = zip(units, systems, gradient, strict=True)
        with np.errstate(invalid="ignore"):  # where one system makes up a replicate
            return np.stack([_of_pairs(_variance(cells, *row), first, second) for row in rows])

    return TwoWayReplicates(cells.systems, values, spread)


def _of_pairs(variance: Floats, first: Codes, second: Codes | None) -> Floats:
    """Standard errors from the three parts (part, scorer, scorer) of a covariance."""
    parts = variance[:, first, first]
    if second is not None:
        parts = parts + variance[:, second, second] - 2 * variance[:, first, second]
    by_unit, by_system, by_cell = parts
    both = by_unit + by_system - by_cell
    one_way = np.maximum(np.maximum(by_unit, by_system), 0.0)
    return np.asarray(np.sqrt(np.where(both > 0, both, one_way)))


def _sums(cells: _Cells, units: Floats, systems: Floats) -> Floats:
    """Sums under weights of units and systems: (replicate, scorer, k)."""
    n_units, n_pairs, n_columns = cells.terms.shape
    weight = systems[:, cells.first] * systems[:, cells.second]
    by_pair = (units @ cells.terms.reshape(n_units, -1)).reshape(-1, n_pairs, n_columns)
    return np.asarray(np.matmul(weight[:, None], by_pair)[:, 0][:, cells.columns])


def _variance(cells: _Cells, units: Floats, systems: Floats, gradient: Floats) -> Floats:
    r"""Covariances of scorers in one replicate, by unit, system and cell: (3, scorer, scorer).

    With u the linearised contribution of a unit and pair of systems: sums of products of two
    contributions that share the unit, that share systems (once for each that they share), and
    that share the unit and a system. The covariance is the first two less the third. The product
    of a pair of systems with itself stays in the second part twice, which makes up for what few
    systems lose by centring: with it off, t intervals are too short.

    References
    ----------
    Cameron, Gelbach, Miller (2011), Robust inference with multiway clustering. Sen (1960), On
    some convergence properties of U-statistics.
    """
    drawn = np.flatnonzero(units * cells.there)
    weight = systems[cells.first] * systems[cells.second]
    turn = np.zeros((cells.terms.shape[2], len(gradient)))
    turn[cells.columns, np.arange(len(gradient))[:, None]] = gradient
    touches = _partners(cells, systems)
    size = max(1, _CONTRIBUTIONS // (len(weight) * len(gradient)))
    by_unit, within = np.zeros((2, len(gradient), len(gradient)))
    by_pair = np.zeros((len(weight), len(gradient)))
    for start in range(0, len(drawn), size):
        some = drawn[start : start + size]
        u, w = cells.terms[some] @ turn, units[some]  # (unit, pair, scorer)
        by_unit += _products(np.einsum("p,ips->is", weight, u), w)
        within += _products(np.matmul(touches, u), np.outer(w, systems))
        within -= _products(u, np.outer(w, weight))
        by_pair += np.einsum("i,ips->ps", w, u)
    by_system = _products(touches @ by_pair, systems)
    n, n_systems = len(drawn), int((systems > 0).sum())
    by_unit *= n / max(n - 1, 1)
    by_system *= n_systems / max(n_systems - 1, 1)
    return np.stack([by_unit, by_system, within])


def _partners(cells: _Cells, systems: Floats) -> Floats:
    """Weight of the other system of each pair that a system is in: (system, pair)."""
    touches = np.zeros((len(cells.systems), len(cells.first)))
    pair = np.arange(len(cells.first))
    touches[cells.first, pair] = systems[cells.second]
    touches[cells.second, pair] = systems[cells.first]
    return touches


def _products(values: Floats, weight: Floats) -> Floats:
    """Weighted sums of products of the columns of values (..., scorer): (scorer, scorer)."""
    flat = values.reshape(-1, values.shape[-1])
    return (flat * weight.reshape(-1, 1)).T @ flat
