"""Adjustment of the likelihood for labels that scorers share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metaeval.bayes.margin_models.binned_counts import BinnedCounts, ScorerTaskData
from metaeval.core import SMALLEST_DIVISOR, Floats, double_precision

_NEWTON_STEPS = 40  # ample: the mode of a curve with a proper prior
_MAX_STEP = 1.0  # of any coordinate in one Newton step, in standard deviations of the prior
# Differences of scorers have at least sqrt(2 x this) of the standard deviation of independent
# scorers; identical scorers would have none, and chains could not move.
_MIN_EIGENVALUE = 1e-3
_NO_INFORMATION = 1e-9  # variances of scores, relative to the prior's, that are 0 up to rounding

LogProbs = Callable[[Mapping[str, Any], Any, Any, Any], Any]
"""Maps values of the sites, margins, covariates and a basis to log probabilities of outcomes."""


class Parameter(NamedTuple):
    """Values of one site of a curve, and their normal prior."""

    name: str
    size: int
    in_grid: bool  # one value for each task; otherwise the tasks share the values
    mean: float
    sd: float


class Adjustment(NamedTuple):
    """The likelihood of task t at theta is evaluated at mode + matrix (theta - mode).

    `mode` (task, scorer x parameter), `matrix` (task, scorer x parameter, scorer x parameter).
    """

    mode: Floats
    matrix: Floats
    precision: Mapping[str, Floats]


@dataclass(frozen=True, kw_only=True)
class _Modes:
    """Curves of cells at their modes, with parameters in standard deviations of the prior."""

    theta: Floats  # (scorer, task, parameter)
    curvature: Floats  # (scorer, task, parameter, parameter), of the log likelihood
    scores: Floats  # (scorer, task, bin, outcome, parameter), of log probabilities


def joint_curvature(
    log_probs: LogProbs,
    parameters: tuple[Parameter, ...],
    cells: Sequence[Sequence[ScorerTaskData]],
    data: BinnedCounts,
    basis: Floats | None = None,
) -> tuple[Adjustment, Floats]:
    """Return the adjustment, and the weight of the likelihood of each cell: (scorer, task)."""
    modes = _find_modes(log_probs, parameters, data, basis)
    mean, sd = (
        np.repeat([getattr(p, n) for p in parameters], [p.size for p in parameters])
        for n in ("mean", "sd")
    )
    n_scorers = len(cells)
    matrices, weights, correlations = [], [], []
    for t in range(len(cells[0])):
        scores = _unit_scores(
            [row[t] for row in cells],
            [row[t] for row in data.bin_index],
            modes.scores[:, t] / data.design_effect[:, t, None, None, None],
        )
        matrix, weight, correlation = _adjust_task(modes.curvature[:, t], scores)
        scale = np.tile(sd, n_scorers)
        matrices.append(scale[:, None] * matrix / scale)
        weights.append(weight)
        correlations.append(len(scores) * correlation)
    mean_correlation = sum(correlations) / np.trace(sum(correlations)) * len(correlations[0])
    precision = _precision_by_name(parameters, mean_correlation)
    theta = mean + sd * modes.theta
    mode = theta.swapaxes(0, 1).reshape(theta.shape[1], -1)
    return Adjustment(mode, np.stack(matrices), precision), np.stack(weights, axis=1)


def _find_modes(
    log_probs: LogProbs,
    parameters: tuple[Parameter, ...],
    data: BinnedCounts,
    basis: Floats | None,
) -> _Modes:
    """Fit each cell by itself, with the priors of the parameters."""
    covariates = data.covariates if len(data.covariates) else None
    with double_precision():
        found = _modes_of_cells(log_probs, parameters)(data.margin, data.counts, covariates, basis)
    theta, curvature, scores = (np.asarray(part) for part in found)
    return _Modes(theta=theta, curvature=curvature, scores=scores)


@functools.cache
def _modes_of_cells(
    log_probs: LogProbs, parameters: tuple[Parameter, ...]
) -> Callable[..., tuple[Any, Any, Any]]:
    """Compile a function that returns modes, curvatures and scores of all cells."""

    def cell_log_probs(theta: Any, margin: Any, covariates: Any, basis: Any) -> Any:
        values = one_cell(parameters, theta)
        more = (None if part is None else part[:, None, None] for part in (covariates, basis))
        return log_probs(values, margin[None, None], *more)[0, 0]

    def log_likelihood(theta: Any, counts: Any, *cell: Any) -> Any:
        return (counts * cell_log_probs(theta, *cell)).sum()

    def mode(margin: Any, counts: Any, covariates: Any, basis: Any) -> tuple[Any, Any, Any]:
        cell = margin, covariates, basis

        def step(_: int, theta: Any) -> Any:
            curvature = _positive(
                jnp.eye(len(theta)) - jax.hessian(log_likelihood)(theta, counts, *cell)
            )
            gradient = theta - jax.grad(log_likelihood)(theta, counts, *cell)
            move = jnp.linalg.solve(curvature, gradient)
            return theta - move * jnp.minimum(1.0, _MAX_STEP / jnp.abs(move).max())

        size = sum(p.size for p in parameters)
        theta = jax.lax.fori_loop(0, _NEWTON_STEPS, step, jnp.zeros(size))
        curvature = -jax.hessian(log_likelihood)(theta, counts, *cell)
        return theta, curvature, jax.jacfwd(cell_log_probs)(theta, *cell)

    axes = (0, 0, 1, 1)  # over scorers, then over tasks
    return jax.jit(jax.vmap(jax.vmap(mode, in_axes=axes), in_axes=axes))


def _positive(curvature: Any) -> Any:
    """Return a symmetric matrix with eigenvalues of at least 1, the curvature of the prior."""
    value, vector = jnp.linalg.eigh(curvature)
    return (vector * jnp.maximum(jnp.abs(value), 1.0)) @ vector.T


def one_cell(parameters: Sequence[Parameter], theta: Any) -> dict[str, Any]:
    """Return the values of the sites of one scorer in one task from a standardized vector."""
    values, start = {}, 0
    for p in parameters:
        part = p.mean + p.sd * theta[start : start + p.size]
        values[p.name] = part[None] if p.in_grid or p.size > 1 or p.name in _LISTS else part
        start += p.size
    return values


_LISTS = ("coefficient", "shape")  # sites that are lists for each scorer, even of one value


def _unit_scores(
    cells: Sequence[ScorerTaskData], bin_index: Sequence[Any], scores: Floats
) -> Floats:
    """Sum the scores of the rows of each unit, centered over units: (unit, scorer, parameter)."""
    units = np.unique(np.concatenate([cell.unit for cell in cells]))
    sums = np.zeros((len(units), *scores.shape[:1], scores.shape[-1]))
    for k, (cell, index) in enumerate(zip(cells, bin_index, strict=True)):
        np.add.at(sums[:, k], np.searchsorted(units, cell.unit), scores[k, index, cell.outcome])
    return sums - sums.mean(axis=0) if len(units) else sums


def _adjust_task(curvature: Floats, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the matrix, the weights of the scorers and their correlation, in one task."""
    n_scorers, n = curvature.shape[0], curvature.shape[-1]
    value, vector = np.linalg.eigh(curvature)
    root, inverse_root = (
        (vector * (1 + np.maximum(value, 0.0))[:, None] ** power) @ vector.swapaxes(1, 2)
        for power in (0.5, -0.5)
    )
    correlation = _correlation_of_scores(np.einsum("ukp,kpq->ukq", scores, inverse_root))
    value, vector = np.linalg.eigh(correlation)
    correlation_root = (vector * np.sqrt(value)) @ vector.T
    own = np.array([np.trace(_block(correlation_root, k, n)) / n for k in range(n_scorers)])
    inverse = (vector / np.sqrt(value)) @ vector.T / np.repeat(own, n)[:, None]
    matrix = _block_diagonal(inverse_root) @ inverse @ _block_diagonal(root)
    return matrix, own**2, correlation


def _correlation_of_scores(scores: Floats) -> Floats:
    """Correlate scores (unit, scorer, parameter) that are uncorrelated within each scorer."""
    n_units, n_scorers, n = scores.shape
    flat = scores.reshape(n_units, -1)
    covariance = flat.T @ flat
    value, vector = np.linalg.eigh(np.stack([_block(covariance, k, n) for k in range(n_scorers)]))
    scale = np.where(value > _NO_INFORMATION, np.maximum(value, SMALLEST_DIVISOR) ** -0.5, 0.0)
    whiten = _block_diagonal((vector * scale[:, None]) @ vector.swapaxes(1, 2))
    correlation = whiten @ covariance @ whiten
    few = max(0.0, 1 - n_units / (2 * len(flat.T)))
    eye = np.eye(len(correlation))
    for k in range(n_scorers):
        _block(correlation, k, n)[...] = _block(eye, k, n)
    value, vector = np.linalg.eigh((1 - few) * correlation + few * eye)
    bounded = (vector * np.maximum(value, _MIN_EIGENVALUE)) @ vector.T
    scale = 1 / np.sqrt(np.diag(bounded))
    return bounded * scale[:, None] * scale


def _precision_by_name(parameters: Sequence[Parameter], correlation: Floats) -> dict[str, Floats]:
    """Return inverse correlations of the scorers by parameter: (scorer, scorer)."""
    n, precision, start = sum(p.size for p in parameters), {}, 0
    for p in parameters:
        parts = [correlation[i::n, i::n] for i in range(start, start + p.size)]
        precision[p.name] = np.linalg.inv(np.mean(parts, axis=0))
        start += p.size
    return precision


def _block(matrix: Floats, k: int, n: int) -> Floats:
    return matrix[k * n : (k + 1) * n, k * n : (k + 1) * n]


def _block_diagonal(blocks: Floats) -> Floats:
    k, n = blocks.shape[:2]
    matrix = np.zeros((k, n, k, n))
    matrix[np.arange(k), :, np.arange(k)] = blocks
    return matrix.reshape(k * n, k * n)


def adjusted_log_probs(
    log_probs: LogProbs,
    parameters: Sequence[Parameter],
    values: Mapping[str, Any],
    margin: Any,
    covariates: Any,
    basis: Any,
    adjustment: Adjustment,
) -> Any:
    """Compute log probabilities at adjusted values: (scorer, task, bin, outcome)."""

    def one_task(theta: Any, mode: Any, matrix: Any, *data: Any) -> Any:
        adjusted = (mode + matrix @ (theta - mode)).reshape(len(margin), -1)
        task_values = _split(parameters, adjusted)
        rows = [None if part is None else part[..., None, :] for part in data]
        return log_probs(task_values, *rows)[:, 0]

    theta = _stack(parameters, values, margin.shape[1])
    axes = (0, 0, 0, 1, 2, 2)
    return jax.vmap(one_task, in_axes=axes, out_axes=1)(
        theta, adjustment.mode, adjustment.matrix, margin, covariates, basis
    )


def _stack(parameters: Sequence[Parameter], values: Mapping[str, Any], n_tasks: int) -> Any:
    """Stack the parameters of all scorers by task: (task, scorer x parameter)."""
    columns = []
    for p in parameters:
        value = values[p.name]
        if p.in_grid:
            columns.append(value.T[..., None])
        else:
            shared = value.reshape(len(value), p.size)
            columns.append(jnp.broadcast_to(shared, (n_tasks, *shared.shape)))
    return jnp.concatenate(columns, axis=-1).reshape(n_tasks, -1)


def _split(parameters: Sequence[Parameter], theta: Any) -> dict[str, Any]:
    """Return the values of the sites in one task from an array (scorer, parameter)."""
    values, start = {}, 0
    for p in parameters:
        part = theta[:, start : start + p.size]
        values[p.name] = part if p.in_grid or p.name in _LISTS else part[:, 0]
        start += p.size
    return values
