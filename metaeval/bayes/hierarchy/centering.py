"""Approximate likelihoods of the values of a grid, from the modes of single cells."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metaeval.bayes.hierarchy.priors import Centering, TwoWayPrior, per_scorer_centerings
from metaeval.core import Floats, double_precision

_NEWTON_STEPS = 30  # ample: centerings need not be exact, as they affect only the speed of chains
_MAX_STEP = 1.0  # of any coordinate in one Newton step, on a log or logit scale

LogProbs = Callable[[Mapping[str, Any], Any, Any], Any]
"""Maps grid values (scorer, task), margins and a basis to log probabilities of outcomes."""


def curve_centerings(
    log_probs: LogProbs,
    grids: Sequence[TwoWayPrior],
    margin: Floats,
    counts: Floats,
    basis: Any = None,
) -> dict[str, dict[str, Centering]]:
    """Return centerings of the effects of each grid, for models with separate scorers.

    Each cell is fitted with the prior of the mean; parameters shared by the tasks of a scorer
    (covariates, order bias, shape of the curve) are fixed at 0.
    """
    with double_precision():
        mode, variance = _modes(log_probs, tuple(grids))(margin, counts, basis)
    return {
        grid.name: per_scorer_centerings(np.asarray(mode[..., g]), np.asarray(variance[..., g]))
        for g, grid in enumerate(grids)
    }


@functools.cache
def _modes(log_probs: LogProbs, grids: tuple[TwoWayPrior, ...]) -> Callable[..., tuple[Any, Any]]:
    """Compile a function that returns modes and variances of cells: (scorer, task, grid) each."""
    mean = np.array([grid.mean for grid in grids])
    sd = np.array([grid.sd for grid in grids])

    def loss(theta: Any, margin: Any, counts: Any, basis: Any) -> Any:
        values = {g.name: theta[i][None, None] for i, g in enumerate(grids)}
        cell_basis = None if basis is None else basis[:, None, None]
        log_prob = log_probs(values, margin[None, None], cell_basis)[0, 0]
        return jnp.square((theta - mean) / sd).sum() / 2 - (counts * log_prob).sum()

    def mode(margin: Any, counts: Any, basis: Any) -> tuple[Any, Any]:
        data = margin, counts, basis

        def step(_: int, theta: Any) -> Any:
            move = _bounded_inverse(jax.hessian(loss)(theta, *data), sd) @ jax.grad(loss)(
                theta, *data
            )
            return theta - move * jnp.minimum(1.0, _MAX_STEP / jnp.abs(move).max())

        theta = jax.lax.fori_loop(0, _NEWTON_STEPS, step, jnp.asarray(mean))
        return theta, jnp.diag(_bounded_inverse(jax.hessian(loss)(theta, *data), sd))

    axes = (0, 0, 1)  # over scorers, then over tasks
    return jax.jit(jax.vmap(jax.vmap(mode, in_axes=axes), in_axes=axes))


def _bounded_inverse(curvature: Any, sd: Any) -> Any:
    """Invert a Hessian whose eigenvalues are bounded below by the curvature of the prior."""
    scaled = curvature * sd[:, None] * sd
    value, vector = jnp.linalg.eigh(scaled)
    return (vector / jnp.maximum(jnp.abs(value), 1.0)) @ vector.T * sd[:, None] * sd
