"""Confusion matrices of raters: which of their cells are one parameter, and what they imply.

Classes are second better, tie, first better, or without the tie. Where the two responses of a pair
are interchangeable, cells that turning it round maps on each other are one parameter.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from metaeval.core import SMALLEST_DIVISOR, Codes, Floats

_MAX_NUMBERS = 2**24  # numbers that are held at one time


@dataclass(frozen=True, kw_only=True)
class ParameterLayout:
    """How parameters fill matrices: cell = parameter times share; parameters of a group add to 1.

    `cell`, `fraction` (truth, label); `group`, `prior` (parameter,) with Dirichlet priors by group.
    """

    cell: Codes
    fraction: Floats
    group: Codes
    prior: Floats

    @property
    def cell_parameters(self) -> Floats:
        """Which parameter each cell is: (truth * label, parameter)."""
        return np.eye(len(self.prior))[self.cell.ravel()]

    @property
    def same_group(self) -> Floats:
        """Which parameters add up to 1: (parameter, parameter)."""
        return (self.group[:, None] == self.group).astype(float)

    def matrix(self, values: Any) -> Any:
        """Cells (..., truth, label) of parameters (..., parameter)."""
        return values[..., self.cell] * self.fraction


@functools.lru_cache
def confusion_layout(n_classes: int, ordered: bool) -> ParameterLayout:
    """What a rater says of each truth: Dirichlet with 4 for what is right, 1 for what is not."""
    if ordered:
        prior = 1 + 3 * np.eye(n_classes)
        return _unrestricted_layout(prior)
    if n_classes == 2:
        return _layout([[0, 1], [1, 0]], np.ones((2, 2)), [0, 0], [4, 1])
    fraction = [[1, 1, 1], [0.5, 1, 0.5], [1, 1, 1]]
    return _layout([[0, 1, 2], [4, 3, 4], [2, 1, 0]], fraction, [0, 0, 0, 1, 1], [4, 1, 1, 4, 2])


@functools.lru_cache
def decision_layout(n_classes: int, ordered: bool) -> ParameterLayout:
    """What a scorer calls each truth, ties among its calls: Jeffreys priors."""
    if ordered:
        return _unrestricted_layout(np.full((n_classes, 3), 0.5))
    if n_classes == 2:
        return _layout([[0, 1, 2], [2, 1, 0]], np.ones((2, 3)), [0, 0, 0], [0.5, 0.5, 0.5])
    return replace(confusion_layout(3, False), prior=np.array([0.5, 0.5, 0.5, 0.5, 1.0]))


@functools.lru_cache
def prevalence_layout(n_classes: int, ordered: bool) -> ParameterLayout:
    """How often each class is the truth: Dirichlet(4, 4, 4); one row."""
    if ordered:
        return _unrestricted_layout(np.full((1, n_classes), 4.0))
    if n_classes == 2:
        return _layout([[0, 0]], [[0.5, 0.5]], [0], [8])
    return _layout([[0, 1, 0]], [[0.5, 1, 0.5]], [0, 0], [8, 4])


def _unrestricted_layout(prior: Floats) -> ParameterLayout:
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
    """Chances in ranges of covariates: (..., range, rater, truth, class).

    `slope` (..., rater, covariate) is what one of each adds to the logit of first over second;
    `probability` (..., rater, truth, class) is that where `covariates` (range, covariate) are 0.
    """
    logit = jnp.einsum("...rx,gx->...gr", slope, covariates)[..., None, None]
    score = jnp.linspace(-0.5, 0.5, probability.shape[-1])
    weight = probability[..., None, :, :, :] * jnp.exp(logit * score)
    return weight / weight.sum(axis=-1, keepdims=True)


def confusion_at(
    prevalence: Any, confusion: Any, quality: Any, excess: Any, covariates: Any
) -> tuple[Any, Any]:
    """Prevalence (..., range, truth) and confusion (..., range, rater, truth, class) in ranges.

    `prevalence` (..., truth) and `confusion` (..., rater, truth, class) are those where
    `covariates` (range, covariate) are 0; `quality` (..., covariate) and `excess` (..., rater,
    covariate) are their slopes. JAX arrays.
    """
    tilted = tilt_probabilities(prevalence[..., None, None, :], quality[..., None, :], covariates)
    return tilted[..., 0, 0, :], tilt_probabilities(confusion, excess, covariates)


def log_joint(labels: Any, prevalence: Any, confusion: Any) -> Floats:
    """Log probability of each pattern of labels with each truth: (draw, pattern, truth).

    `labels` (pattern, rater, label) is 1 where a rater gave it; `prevalence` (draw, truth),
    `confusion` (draw, rater, truth, label).
    """
    n_draws, n_raters, n_truths, n_labels = confusion.shape
    log_confusion = np.log(np.maximum(confusion, SMALLEST_DIVISOR)).transpose(1, 3, 0, 2)
    flat = labels.reshape(len(labels), -1) @ log_confusion.reshape(n_raters * n_labels, -1)
    joint = flat.reshape(len(labels), n_draws, n_truths).swapaxes(0, 1)
    return np.asarray(joint + np.log(prevalence)[:, None])


def truth_posterior(labels: Any, prevalence: Any, confusion: Any) -> Floats:
    """Probability of each truth given the labels: (draw, pattern, truth)."""
    probability, _ = normalize_log_joint(log_joint(labels, prevalence, confusion))
    return probability


def posterior_by_range(labels: Any, prevalence: Any, confusion: Any) -> Floats:
    """The same of patterns in ranges, one range after the other: (draw, range * pattern, truth).

    `labels` (range, pattern, rater, label), `prevalence` (draw, range, truth), `confusion` (draw,
    range, rater, truth, label).
    """
    parts = [
        truth_posterior(range_labels, prevalence[:, g], confusion[:, g])
        for g, range_labels in enumerate(labels)
    ]
    return np.concatenate(parts, axis=1)


def normalize_log_joint(log_joint: Floats) -> tuple[Floats, Floats]:
    """Probability of each truth (..., truth), and log probability of the labels (...)."""
    maximum = log_joint.max(axis=-1, keepdims=True)
    weight = np.exp(log_joint - maximum)
    total = weight.sum(axis=-1, keepdims=True)
    return weight / total, (np.log(total) + maximum)[..., 0]


def draw_blocks(n_draws: int, size: int) -> list[slice]:
    """Draws in blocks of which each holds a bounded number of numbers, `size` for each draw."""
    step = max(_MAX_NUMBERS // max(size, 1), 1)
    return [slice(start, start + step) for start in range(0, n_draws, step)]
