"""Confusion matrices of raters: which of their cells are one parameter, and what they imply.

Classes are second better, tie, first better, or without the tie. Where the two responses of a pair
are interchangeable, cells that turning it round maps on each other are one parameter.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from metaeval.core import SMALLEST_DIVISOR, Codes, Floats

_LARGEST = 2**24  # numbers that are held at one time


class ParameterLayout(NamedTuple):
    """How parameters fill matrices: cell = parameter times share; parameters of a group add to 1.

    `cell`, `share` (truth, label); `group`, `prior` (parameter,) with Dirichlet priors by group.
    """

    cell: Codes
    share: Floats
    group: Codes
    prior: Floats

    @property
    def members(self) -> Floats:
        """Which parameter each cell is: (truth * label, parameter)."""
        return np.eye(len(self.prior))[self.cell.ravel()]

    @property
    def together(self) -> Floats:
        """Which parameters add up to 1: (parameter, parameter)."""
        return (self.group[:, None] == self.group).astype(float)

    def matrix(self, values: Any) -> Any:
        """Cells (..., truth, label) of parameters (..., parameter)."""
        return values[..., self.cell] * self.share


@functools.lru_cache
def confusion_layout(n_classes: int, ordered: bool) -> ParameterLayout:
    """What a rater says of each truth: Dirichlet with 4 for what is right, 1 for what is not."""
    if ordered:
        prior = 1 + 3 * np.eye(n_classes)
        return _free(prior)
    if n_classes == 2:
        return _layout([[0, 1], [1, 0]], np.ones((2, 2)), [0, 0], [4, 1])
    share = [[1, 1, 1], [0.5, 1, 0.5], [1, 1, 1]]
    return _layout([[0, 1, 2], [4, 3, 4], [2, 1, 0]], share, [0, 0, 0, 1, 1], [4, 1, 1, 4, 2])


@functools.lru_cache
def call_layout(n_classes: int, ordered: bool) -> ParameterLayout:
    """What a scorer calls each truth, ties among its calls: Jeffreys priors."""
    if ordered:
        return _free(np.full((n_classes, 3), 0.5))
    if n_classes == 2:
        return _layout([[0, 1, 2], [2, 1, 0]], np.ones((2, 3)), [0, 0, 0], [0.5, 0.5, 0.5])
    return confusion_layout(3, False)._replace(prior=np.array([0.5, 0.5, 0.5, 0.5, 1.0]))


@functools.lru_cache
def prevalence_layout(n_classes: int, ordered: bool) -> ParameterLayout:
    """How often each class is the truth: Dirichlet(4, 4, 4); one row."""
    if ordered:
        return _free(np.full((1, n_classes), 4.0))
    if n_classes == 2:
        return _layout([[0, 0]], [[0.5, 0.5]], [0], [8])
    return _layout([[0, 1, 0]], [[0.5, 1, 0.5]], [0, 0], [8, 4])


def _free(prior: Floats) -> ParameterLayout:
    rows, columns = prior.shape
    cell = np.arange(prior.size).reshape(prior.shape)
    return _layout(cell, np.ones(prior.shape), np.repeat(np.arange(rows), columns), prior.ravel())


def _layout(cell: Any, share: Any, group: Any, prior: Any) -> ParameterLayout:
    return ParameterLayout(
        cell=np.array(cell),
        share=np.array(share, float),
        group=np.array(group),
        prior=np.array(prior, float),
    )


def tilt_probabilities(chance: Any, slope: Any, covariates: Any) -> Any:
    """Chances in ranges of covariates: (..., range, rater, truth, class).

    `slope` (..., rater, covariate) is what one of each adds to the logit of first over second;
    `chance` (..., rater, truth, class) is that where `covariates` (range, covariate) are 0.
    """
    logit = jnp.einsum("...rx,gx->...gr", slope, covariates)[..., None, None]
    side = jnp.linspace(-0.5, 0.5, chance.shape[-1])
    weight = chance[..., None, :, :, :] * jnp.exp(logit * side)
    return weight / weight.sum(axis=-1, keepdims=True)


def confusion_at(
    prevalence: Any, confusion: Any, truly: Any, own: Any, covariates: Any
) -> tuple[Any, Any]:
    """Prevalence (..., range, truth) and confusion (..., range, rater, truth, class) in ranges.

    `prevalence` (..., truth) and `confusion` (..., rater, truth, class) are those where
    `covariates` (range, covariate) are 0; `truly` (..., covariate) and `own` (..., rater,
    covariate) are their slopes. JAX arrays.
    """
    one = tilt_probabilities(prevalence[..., None, None, :], truly[..., None, :], covariates)
    return one[..., 0, 0, :], tilt_probabilities(confusion, own, covariates)


def log_joint(labels: Any, prevalence: Any, confusion: Any) -> Floats:
    """Log probability of each pattern of labels with each truth: (draw, pattern, truth).

    `labels` (pattern, rater, label) is 1 where a rater gave it; `prevalence` (draw, truth),
    `confusion` (draw, rater, truth, label).
    """
    n_draws, n_raters, n_truths, n_labels = confusion.shape
    each = np.log(np.maximum(confusion, SMALLEST_DIVISOR)).transpose(1, 3, 0, 2)
    flat = labels.reshape(len(labels), -1) @ each.reshape(n_raters * n_labels, -1)
    found = flat.reshape(len(labels), n_draws, n_truths).swapaxes(0, 1)
    return np.asarray(found + np.log(prevalence)[:, None])


def posterior(labels: Any, prevalence: Any, confusion: Any) -> Floats:
    """Probability of each truth given the labels: (draw, pattern, truth)."""
    found, _ = normalize_log_joint(log_joint(labels, prevalence, confusion))
    return found


def posterior_by_range(labels: Any, prevalence: Any, confusion: Any) -> Floats:
    """The same of patterns in ranges, one range after the other: (draw, range * pattern, truth).

    `labels` (range, pattern, rater, label), `prevalence` (draw, range, truth), `confusion` (draw,
    range, rater, truth, label).
    """
    parts = [posterior(own, prevalence[:, g], confusion[:, g]) for g, own in enumerate(labels)]
    return np.concatenate(parts, axis=1)


def normalize_log_joint(log_joint: Floats) -> tuple[Floats, Floats]:
    """Probability of each truth (..., truth), and log probability of the labels (...)."""
    top = log_joint.max(axis=-1, keepdims=True)
    share = np.exp(log_joint - top)
    total = share.sum(axis=-1, keepdims=True)
    return share / total, (np.log(total) + top)[..., 0]


def blocks(n_draws: int, size: int) -> list[slice]:
    """Draws in blocks of which each holds a bounded number of numbers, `size` for each draw."""
    step = max(_LARGEST // max(size, 1), 1)
    return [slice(start, start + step) for start in range(0, n_draws, step)]
