"""Log likelihoods and replicated data of binned counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.random import Generator

from metaeval.bayes.margin_models.binned_counts import BinnedCounts, ScorerTaskData
from metaeval.bayes.model_interface import NamedArrays, Sites
from metaeval.core import SMALLEST_DIVISOR, Codes, Floats, double_precision

N_GROUPS = 10  # groups of margins in posterior predictive checks
_SIMULATED_DRAWS = (100, 1_000)  # minimum and maximum number of replicated data sets
_MAX_NUMBERS = 2_000_000  # per block, 16 MB
_GROUP_DIMS = ("scorer", "task", "group")


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Binned counts, and the function that computes their log probabilities.

    `log_probs` maps sites with leading draws to (..., scorer, task, bin, outcome).
    """

    data: BinnedCounts
    log_probs: Callable[[Any], Any]
    cells: list[list[ScorerTaskData]]
    units: list[str]
    scale: Floats  # (scorer,)
    knots: Floats | None = None  # (scorer, knot)
    log_means: Floats | None = None  # (2, scorer), for beta calibration


def _log_probs(curves: Curves, sites: Sites) -> Floats:
    """Compute log probabilities (chain, draw, scorer, task, bin, outcome)."""
    with double_precision():
        return np.asarray(curves.log_probs({n: jnp.asarray(v) for n, v in sites.items()}))


def log_likelihood(curves: Curves, sites: Sites) -> Floats:
    """Compute power log likelihoods by unit, summed over scorers: (chain, draw, unit)."""
    weights = _unit_weights(curves)
    n_units, n_counts = weights.shape
    chains, draws = next(iter(sites.values())).shape[:2]
    step = max(1, _MAX_NUMBERS // (n_counts * chains))
    values = np.empty((chains, draws, n_units))
    for start in range(0, draws, step):
        block = {n: v[:, start : start + step] for n, v in sites.items()}
        log_probs = _log_probs(curves, block).reshape(-1, n_counts)
        values[:, start : start + step] = (weights @ log_probs.T).T.reshape(chains, -1, n_units)
    return values


def _unit_weights(curves: Curves) -> Any:
    """Return the weight of each unit in each outcome, bin and cell, as a sparse matrix."""
    from scipy.sparse import coo_array

    data = curves.data
    rows, columns, weight = [], [], []
    for k, row in enumerate(curves.cells):
        for t, cell in enumerate(row):
            index = (k, t, data.bin_index[k][t], cell.outcome)
            columns.append(np.ravel_multi_index(np.broadcast_arrays(*index), data.counts.shape))
            rows.append(cell.unit)
            weight.append(np.full(len(cell.unit), 1 / data.design_effect[k, t]))
    parts = (np.concatenate(weight), (np.concatenate(rows), np.concatenate(columns)))
    return coo_array(parts, shape=(len(curves.units), data.counts.size)).tocsr()


def margin_groups(margin: Floats, counts: Floats) -> Codes:
    """Return groups of bins by margin with about equal numbers of rows: (scorer, task, bin)."""
    groups = np.zeros(margin.shape, dtype=int)
    for index in np.ndindex(margin.shape[:2]):
        margins, weight = margin[index], counts[index].sum(axis=-1)
        order = np.argsort(margins, kind="stable")
        midpoint = np.cumsum(weight[order]) - weight[order] / 2
        groups[index][order] = np.minimum(
            midpoint / max(weight.sum(), SMALLEST_DIVISOR) * N_GROUPS, N_GROUPS - 1
        ).astype(int)
    return groups


def sum_by_group(values: Floats, groups: Codes) -> Floats:
    """Sum over the bins of each group: (..., scorer, task, group)."""
    member = groups[..., None] == np.arange(N_GROUPS)
    return np.einsum("...ktb,ktbg->...ktg", values, member.astype(float))


def outcome_rates(counts: Floats, groups: Codes, folded: bool) -> NamedArrays:
    """Compute agreement of non-tied labels (or event rate) and tie rate by group of margins."""
    sums = np.stack([sum_by_group(counts[..., o], groups) for o in range(counts.shape[-1])])
    untied = sums[0] + sums[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        rates: dict[str, Any] = {_rate_name(folded): (_GROUP_DIMS, sums[-1] / untied)}
        if len(sums) == 3:
            rates["tie_rate"] = (_GROUP_DIMS, sums[1] / sums.sum(axis=0))
    return rates


def _rate_name(folded: bool) -> str:
    """Return the name of the rate: agreement with the margin, or event rate."""
    return "agreement" if folded else "event_rate"


def _thin(sites: Sites, n: int) -> Sites:
    """Thin draws evenly to about n over all chains."""
    draws = next(iter(sites.values())).shape[1]
    step = max(1, draws // max(n // next(iter(sites.values())).shape[0], 1))
    return {name: values[:, ::step] for name, values in sites.items()}


def predict_rates(
    curves: Curves, sites: Sites, groups: Codes, rng: Generator, folded: bool
) -> NamedArrays:
    """Draw rates by group of margins for the same effective number of rows."""
    n = int(np.clip(10 * _MAX_NUMBERS // curves.data.counts.size, *_SIMULATED_DRAWS))
    probability = np.exp(_log_probs(curves, _thin(sites, n)))
    weight = curves.data.counts.sum(axis=-1)
    expected = probability * weight[..., None]
    sums = np.stack(
        [sum_by_group(expected[..., o], groups) for o in range(expected.shape[-1])], axis=-1
    )
    n_rows = np.rint(sum_by_group(weight, groups)).astype(int)
    p = sums / np.maximum(sums.sum(axis=-1, keepdims=True), SMALLEST_DIVISOR)
    p[..., -1] = np.maximum(1 - p[..., :-1].sum(axis=-1), 0.0)
    simulated = rng.multinomial(
        np.broadcast_to(n_rows, p.shape[:-1]), p / p.sum(axis=-1, keepdims=True)
    )
    untied = simulated[..., 0] + simulated[..., -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        rates: dict[str, Any] = {_rate_name(folded): (_GROUP_DIMS, simulated[..., -1] / untied)}
        if p.shape[-1] == 3:
            rates["tie_rate"] = (_GROUP_DIMS, simulated[..., 1] / n_rows)
    return rates
