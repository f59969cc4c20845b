"""Counts of a table at margins with the curves through them: likelihoods and simulated data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.random import Generator

from metaeval.bayes.margin_models.binned_counts import BinnedCounts, ScorerTaskData
from metaeval.bayes.model_data import Named, Sites
from metaeval.core import SMALLEST_DIVISOR, Codes, Floats, double_precision

N_GROUPS = 10  # of margins, that posterior predictive checks look at
_SIMULATED = (100, 1_000)  # draws that data are simulated from: at least, at most
_AT_A_TIME = 2_000_000  # numbers
_GROUP = ("scorer", "task", "group")


class Curves(NamedTuple):
    """The counts of a table and the function that gives their log probabilities.

    `chances` maps sites, draws in front, to (..., scorer, task, bin, outcome).
    """

    data: BinnedCounts
    chances: Callable[[Any], Any]
    cells: list[list[ScorerTaskData]]
    units: list[str]
    scale: Floats  # (scorer,)
    knots: Floats | None = None  # (scorer, knot)
    log_means: Floats | None = None  # (2, scorer), of beta calibration


def _chances(curves: Curves, sites: Sites) -> Floats:
    """Log probabilities (chain, draw, scorer, task, bin, outcome), in double precision."""
    with double_precision():
        return np.asarray(curves.chances({n: jnp.asarray(v) for n, v in sites.items()}))


def log_likelihood(curves: Curves, sites: Sites) -> Floats:
    """Tempered log likelihood of each unit, all its rows and scorers: (chain, draw, unit)."""
    table = _weights(curves)
    n_units, n_counts = table.shape
    chains, draws = next(iter(sites.values())).shape[:2]
    step = max(1, _AT_A_TIME // (n_counts * chains))
    found = np.empty((chains, draws, n_units))
    for start in range(0, draws, step):
        some = {n: v[:, start : start + step] for n, v in sites.items()}
        logs = _chances(curves, some).reshape(-1, n_counts)
        found[:, start : start + step] = (table @ logs.T).T.reshape(chains, -1, n_units)
    return found


def _weights(curves: Curves) -> Any:
    """How much each unit says of each outcome in each bin of each cell: sparse."""
    from scipy.sparse import coo_array

    data = curves.data
    rows, columns, weight = [], [], []
    for k, row in enumerate(curves.cells):
        for t, cell in enumerate(row):
            place = (k, t, data.place[k][t], cell.outcome)
            columns.append(np.ravel_multi_index(np.broadcast_arrays(*place), data.counts.shape))
            rows.append(cell.unit)
            weight.append(np.full(len(cell.unit), 1 / data.effect[k, t]))
    parts = (np.concatenate(weight), (np.concatenate(rows), np.concatenate(columns)))
    return coo_array(parts, shape=(len(curves.units), data.counts.size)).tocsr()


def groups_of(margin: Floats, counts: Floats) -> Codes:
    """Group of each bin by its margin, about as many rows in each: (.., bin)."""
    found = np.zeros(margin.shape, dtype=int)
    for place in np.ndindex(margin.shape[:2]):
        size, weight = margin[place], counts[place].sum(axis=-1)
        order = np.argsort(size, kind="stable")
        middle = np.cumsum(weight[order]) - weight[order] / 2
        found[place][order] = np.minimum(
            middle / max(weight.sum(), SMALLEST_DIVISOR) * N_GROUPS, N_GROUPS - 1
        ).astype(int)
    return found


def by_group(values: Floats, groups: Codes) -> Floats:
    """Sums over the bins of each group: (..., scorer, task, group)."""
    member = groups[..., None] == np.arange(N_GROUPS)
    return np.einsum("...ktb,ktbg->...ktg", values, member.astype(float))


def shares(counts: Floats, groups: Codes, folded: bool) -> Named:
    """Tie rate, and how often labels that take a side agree (or the event happens), by margin."""
    by = np.stack([by_group(counts[..., o], groups) for o in range(counts.shape[-1])])
    sided = by[0] + by[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        found: dict[str, Any] = {_what(folded): (_GROUP, by[-1] / sided)}
        if len(by) == 3:
            found["tie_rate"] = (_GROUP, by[1] / by.sum(axis=0))
    return found


def _what(folded: bool) -> str:
    """Agreement with the margin, or the rate of the event (the first is preferred)."""
    return "agreement" if folded else "event_rate"


def _few(sites: Sites, n: int) -> Sites:
    """Sites of some n draws, evenly spaced."""
    draws = next(iter(sites.values())).shape[1]
    step = max(1, draws // max(n // next(iter(sites.values())).shape[0], 1))
    return {name: values[:, ::step] for name, values in sites.items()}


def predicted(curves: Curves, sites: Sites, groups: Codes, rng: Generator, folded: bool) -> Named:
    """Shares in groups of margins that would be seen in as many effective rows."""
    n = int(np.clip(10 * _AT_A_TIME // curves.data.counts.size, *_SIMULATED))
    chance = np.exp(_chances(curves, _few(sites, n)))
    number = curves.data.counts.sum(axis=-1)
    mean = chance * number[..., None]
    by = np.stack([by_group(mean[..., o], groups) for o in range(mean.shape[-1])], axis=-1)
    total = np.rint(by_group(number, groups)).astype(int)
    p = by / np.maximum(by.sum(axis=-1, keepdims=True), SMALLEST_DIVISOR)
    p[..., -1] = np.maximum(1 - p[..., :-1].sum(axis=-1), 0.0)
    drawn = rng.multinomial(np.broadcast_to(total, p.shape[:-1]), p / p.sum(axis=-1, keepdims=True))
    sided = drawn[..., 0] + drawn[..., -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        found: dict[str, Any] = {_what(folded): (_GROUP, drawn[..., -1] / sided)}
        if p.shape[-1] == 3:
            found["tie_rate"] = (_GROUP, drawn[..., 1] / total)
    return found
