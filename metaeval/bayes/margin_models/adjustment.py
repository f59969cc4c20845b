"""Curves of scorers that share labels: their parameters, and adjusted likelihoods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from metaeval.core import Floats

_LISTS = ("coefficient", "shape")  # sites that are lists for each scorer, even of one value

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
    """Adjustment of a likelihood in which scorers are independent, for labels that they share.

    The likelihood of task t at theta is evaluated at mode + matrix (theta - mode), with `mode`
    (task, scorer x parameter) and `matrix` (task, scorer x parameter, scorer x parameter).
    `precision` is, by parameter, the inverse of the prior correlation of scorers: (scorer, scorer).
    """

    mode: Floats
    matrix: Floats
    precision: Mapping[str, Floats]


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


def values_of_cell(parameters: Sequence[Parameter], theta: Any) -> dict[str, Any]:
    """Return the values of the sites of one scorer in one task, from standardized values."""
    mean, sd = (
        jnp.concatenate([jnp.full(p.size, getattr(p, n)) for p in parameters])
        for n in ("mean", "sd")
    )
    return _split(parameters, (mean + sd * theta)[None])
