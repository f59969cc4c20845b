"""Parametrization of confusion matrices, and the posterior of the truth given labels.

Classes are second better, tie, first better, or without the tie. If the two responses of a pair are
interchangeable, cells that are exchanged by swapping them share one parameter.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from metaeval.core import SMALLEST_DIVISOR, Codes, Floats

_MAX_NUMBERS = 2**24  # per block of draws, 128 MB


@dataclass(frozen=True, kw_only=True)
class ParameterLayout:
    """Parametrization of matrices: cell = parameter x fraction; parameters of a group sum to 1.

    `cell`, `fraction` (truth, label); `group`, `prior` (parameter,), with a Dirichlet prior for
    each group.
    """

    cell: Codes
    fraction: Floats
    group: Codes
    prior: Floats

    @property
    def cell_parameters(self) -> Floats:
        """Return indicators of the parameter of each cell: (truth * label, parameter)."""
        return np.eye(len(self.prior))[self.cell.ravel()]

    @property
    def same_group(self) -> Floats:
        """Return indicators of parameters in the same group: (parameter, parameter)."""
        return (self.group[:, None] == self.group).astype(float)

    def matrix(self, values: Any) -> Any:
        """Return cells (..., truth, label) from parameters (..., parameter)."""
        return values[..., self.cell] * self.fraction


@functools.lru_cache
def confusion_layout(n_classes: int, ordered: bool) -> ParameterLayout:
    """Return the layout of the labels of a rater by truth: Dirichlet, 4 if correct, else 1."""
    if ordered:
        prior = 1 + 3 * np.eye(n_classes)
        return _unrestricted_layout(prior)
    if n_classes == 2:
        return _layout([[0, 1], [1, 0]], np.ones((2, 2)), [0, 0], [4, 1])
    fraction = [[1, 1, 1], [0.5, 1, 0.5], [1, 1, 1]]
    return _layout([[0, 1, 2], [4, 3, 4], [2, 1, 0]], fraction, [0, 0, 0, 1, 1], [4, 1, 1, 4, 2])


@functools.lru_cache
def decision_layout(n_classes: int, ordered: bool) -> ParameterLayout:
    """Return the layout of the decisions of a scorer by truth, with Jeffreys priors."""
    if ordered:
        return _unrestricted_layout(np.full((n_classes, 3), 0.5))
    if n_classes == 2:
        return _layout([[0, 1, 2], [2, 1, 0]], np.ones((2, 3)), [0, 0, 0], [0.5, 0.5, 0.5])
    return replace(confusion_layout(3, False), prior=np.array([0.5, 0.5, 0.5, 0.5, 1.0]))


@functools.lru_cache
def prevalence_layout(n_classes: int, ordered: bool) -> ParameterLayout:
    """Return the layout of the prevalence of classes, one row: Dirichlet(4, 4, 4)."""
    if ordered:
        return _unrestricted_layout(np.full((1, n_classes), 4.0))
    if n_classes == 2:
        return _layout([[0, 0]], [[0.5, 0.5]], [0], [8])
    return _layout([[0, 1, 0]], [[0.5, 1, 0.5]], [0, 0], [8, 4])


def _unrestricted_layout(prior: Floats) -> ParameterLayout:
    """Return a layout with one parameter per cell and one group per row."""
    rows, columns = prior.shape
    cell = np.arange(prior.size).reshape(prior.shape)
    return _layout(cell, np.ones(prior.shape), np.repeat(np.arange(rows), columns), prior.ravel())


def _layout(cell: Any, fraction: Any, group: Any, prior: Any) -> ParameterLayout:
    return ParameterLayout(
        cell=np.array(cell),
        fraction=np.array(fraction, float),
        group=np.array(group),
        prior=np.array(prior, float),
    )


def tilt_probabilities(probability: Any, slope: Any, covariates: Any) -> Any:
    """Compute probabilities in ranges of covariates: (..., range, rater, truth, class).

    `probability` (..., rater, truth, class) applies where `covariates` (range, covariate) are 0;
    `slope` (..., rater, covariate) is the effect on the log odds of first over second.
    """
    logit = jnp.einsum("...rx,gx->...gr", slope, covariates)[..., None, None]
    score = jnp.linspace(-0.5, 0.5, probability.shape[-1])
    weight = probability[..., None, :, :, :] * jnp.exp(logit * score)
    return weight / weight.sum(axis=-1, keepdims=True)


def confusion_at(
    prevalence: Any, confusion: Any, quality: Any, excess: Any, covariates: Any
) -> tuple[Any, Any]:
    """Compute prevalence (..., range, truth) and confusion (..., range, rater, truth, class).

    `prevalence` (..., truth) and `confusion` (..., rater, truth, class) apply where `covariates`
    (range, covariate) are 0; `quality` (..., covariate) and `excess` (..., rater, covariate) are
    their slopes. JAX arrays.
    """
    tilted = tilt_probabilities(prevalence[..., None, None, :], quality[..., None, :], covariates)
    return tilted[..., 0, 0, :], tilt_probabilities(confusion, excess, covariates)


def log_joint(labels: Any, prevalence: Any, confusion: Any) -> Floats:
    """Compute log joint probabilities of labels and truth: (draw, pattern, truth).

    `labels` (pattern, rater, label) is 1 for the label of a rater; `prevalence` (draw, truth),
    `confusion` (draw, rater, truth, label).
    """
    n_draws, n_raters, n_truths, n_labels = confusion.shape
    log_confusion = np.log(np.maximum(confusion, SMALLEST_DIVISOR)).transpose(1, 3, 0, 2)
    flat = labels.reshape(len(labels), -1) @ log_confusion.reshape(n_raters * n_labels, -1)
    joint = flat.reshape(len(labels), n_draws, n_truths).swapaxes(0, 1)
    return np.asarray(joint + np.log(prevalence)[:, None])


def truth_posterior(labels: Any, prevalence: Any, confusion: Any) -> Floats:
    """Compute probabilities of the truth given the labels: (draw, pattern, truth)."""
    probability, _ = normalize_log_joint(log_joint(labels, prevalence, confusion))
    return probability


def posterior_by_range(labels: Any, prevalence: Any, confusion: Any) -> Floats:
    """Compute probabilities of the truth by range, concatenated: (draw, range * pattern, truth).

    `labels` (range, pattern, rater, label), `prevalence` (draw, range, truth), `confusion` (draw,
    range, rater, truth, label).
    """
    parts = [
        truth_posterior(range_labels, prevalence[:, g], confusion[:, g])
        for g, range_labels in enumerate(labels)
    ]
    return np.concatenate(parts, axis=1)


def normalize_log_joint(log_joint: Floats) -> tuple[Floats, Floats]:
    """Return probabilities of the truth (..., truth) and log probabilities of the labels (...)."""
    maximum = log_joint.max(axis=-1, keepdims=True)
    weight = np.exp(log_joint - maximum)
    total = weight.sum(axis=-1, keepdims=True)
    return weight / total, (np.log(total) + maximum)[..., 0]


def draw_blocks(n_draws: int, size: int) -> list[slice]:
    """Return blocks of draws of bounded memory, given the number of values per draw."""
    step = max(_MAX_NUMBERS // max(size, 1), 1)
    return [slice(start, start + step) for start in range(0, n_draws, step)]
