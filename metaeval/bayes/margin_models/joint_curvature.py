"""Joint curvature of the likelihoods of scorers that share labels."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metaeval.bayes.margin_models.adjustment import (
    Adjustment,
    LogProbs,
    Parameter,
    values_of_cell,
)
from metaeval.bayes.margin_models.binned_counts import BinnedCounts, ScorerTaskData
from metaeval.core import SMALLEST_DIVISOR, Floats, double_precision

_NEWTON_STEPS = 40  # ample: the mode of a curve with a proper prior
_MAX_STEP = 1.0  # of any coordinate in one Newton step, in standard deviations of the prior
# Differences of scorers have at least sqrt(2 x this) of the standard deviation of independent
# scorers; identical scorers would have none, and chains could not move.
_MIN_EIGENVALUE = 1e-3
_NO_INFORMATION = 1e-9  # variances of scores, relative to the prior's, that are 0 up to rounding


@dataclass(frozen=True, kw_only=True)
class _Modes:
    """Curves of cells at their modes, with parameters in standard deviations of the prior."""

    theta: Floats  # (scorer, task, parameter)
    curvature: Floats  # (scorer, task, parameter, parameter), of the log likelihood
    scores: Floats  # (scorer, task, bin, outcome, parameter), of log probabilities


class _TaskAdjustment(NamedTuple):
    """Adjustment of the likelihood of one task, for parameters divided by their prior scales."""

    matrix: Floats  # (scorer x parameter, scorer x parameter)
    weight: Floats  # (scorer,), of the likelihood of each scorer
    correlation: Floats  # (scorer x parameter, scorer x parameter)
    n_units: int


def joint_curvature(
    log_probs: LogProbs,
    parameters: tuple[Parameter, ...],
    cells: Sequence[Sequence[ScorerTaskData]],
    data: BinnedCounts,
    basis: Floats | None = None,
) -> tuple[Adjustment, Floats]:
    r"""Return the adjustment, and the weight of the likelihood of each cell: (scorer, task).

    With H the curvature of the likelihood in which scorers are independent (block diagonal), R the
    correlation of its scores over units, whitened within scorers, and W the weights, the matrix is
    :math:`C = M^{-1} W^{-1/2} R^{-1/2} M` with :math:`M'M = H`: the curvature becomes
    :math:`M'R^{-1}M`. The weight of a scorer is the squared mean of the diagonal of its block of
    the symmetric :math:`R^{1/2}`, with which its own curve keeps its shape (copies of one scorer
    have weights that sum to 1, and all of them its likelihood).
    """
    modes = _find_modes(log_probs, parameters, data, basis)
    tasks = [
        _adjust_task(
            modes.curvature[:, t],
            _unit_scores(
                [row[t] for row in cells],
                [row[t] for row in data.bin_index],
                modes.scores[:, t] / data.design_effect[:, t, None, None, None],
            ),
        )
        for t in range(len(cells[0]))
    ]
    mean, sd = (
        np.repeat([getattr(p, n) for p in parameters], [p.size for p in parameters])
        for n in ("mean", "sd")
    )
    mode = (mean + sd * modes.theta).swapaxes(0, 1).reshape(len(tasks), -1)
    scale = np.tile(sd, len(cells))
    matrix = np.stack([scale[:, None] * task.matrix / scale for task in tasks])
    weight = np.stack([task.weight for task in tasks], axis=1)
    return Adjustment(mode, matrix, _precision_by_name(parameters, tasks)), weight


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
        values = values_of_cell(parameters, theta)
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


def _unit_scores(
    cells: Sequence[ScorerTaskData], bin_index: Sequence[Any], scores: Floats
) -> Floats:
    """Sum the scores of the rows of each unit, centered over units: (unit, scorer, parameter)."""
    units = np.unique(np.concatenate([cell.unit for cell in cells]))
    sums = np.zeros((len(units), *scores.shape[:1], scores.shape[-1]))
    for k, (cell, index) in enumerate(zip(cells, bin_index, strict=True)):
        np.add.at(sums[:, k], np.searchsorted(units, cell.unit), scores[k, index, cell.outcome])
    return sums - sums.mean(axis=0) if len(units) else sums


def _adjust_task(curvature: Floats, scores: Floats) -> _TaskAdjustment:
    """Return the adjustment of one task from curvatures by scorer and scores by unit."""
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
    return _TaskAdjustment(matrix, own**2, correlation, len(scores))


def _correlation_of_scores(scores: Floats) -> Floats:
    """Correlate scores (unit, scorer, parameter) that are uncorrelated within each scorer.

    Variances of estimates are those of scores whatever the number of units, so that correlations
    are shrunk only where units are fewer than twice the parameters, and the matrix is singular.
    """
    n_units, n_scorers, n = scores.shape
    flat = scores.reshape(n_units, -1)
    covariance = flat.T @ flat
    value, vector = np.linalg.eigh(np.stack([_block(covariance, k, n) for k in range(n_scorers)]))
    scale = np.where(value > _NO_INFORMATION, np.maximum(value, SMALLEST_DIVISOR) ** -0.5, 0.0)
    whiten = _block_diagonal((vector * scale[:, None]) @ vector.swapaxes(1, 2))
    between = np.kron(1 - np.eye(n_scorers), np.ones((n, n)))
    shrinkage = max(0.0, 1 - n_units / (2 * flat.shape[1]))
    correlation = np.eye(len(between)) + (1 - shrinkage) * between * (whiten @ covariance @ whiten)
    return _bounded_below(correlation)


def _bounded_below(correlation: Floats) -> Floats:
    """Return a correlation matrix without eigenvalues near 0."""
    value, vector = np.linalg.eigh(correlation)
    bounded = (vector * np.maximum(value, _MIN_EIGENVALUE)) @ vector.T
    scale = 1 / np.sqrt(np.diag(bounded))
    return np.asarray(bounded * scale[:, None] * scale)


def _precision_by_name(
    parameters: Sequence[Parameter], tasks: Sequence[_TaskAdjustment]
) -> dict[str, Floats]:
    """Return inverse correlations of the scorers by parameter, of all tasks: (scorer, scorer)."""
    units = np.array([task.n_units for task in tasks], dtype=float)
    mean = np.average([task.correlation for task in tasks], axis=0, weights=units)
    n, precision, start = sum(p.size for p in parameters), {}, 0
    for p in parameters:
        parts = [mean[i::n, i::n] for i in range(start, start + p.size)]
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
