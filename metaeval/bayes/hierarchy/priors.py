r"""Hierarchical priors of values by scorer and task, and draws of their populations.

A grid is :math:`\theta_{mt} = \mu + b_t + a_m + c_{mt}`, with normal effects of separate standard
deviations. NUTS samples orthonormal contrasts of the observed tasks and scorers, which the data
identify separately, each centered at its approximate likelihood; population means are drawn from
their conditional posteriors afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpy.random import Generator

from metaeval.core import Floats

SD_COEFFICIENT = 0.5  # prior of coefficients of covariates, in logits per root mean square

SD_NAMES = ("sd_task", "sd_scorer", "sd_cell")


class Centering(NamedTuple):
    """Approximate likelihood of values: mean `location`, standard error 1 / `root_precision`.

    `root_precision` is 0 without data. Centerings affect the mixing of chains, not the posterior.
    """

    location: Any
    root_precision: Any


Centerings = Mapping[str, Centering]
"""Maps the effects `level`, `task`, `scorer` and `cell` of a grid to their centerings."""


@dataclass(frozen=True, kw_only=True)
class TwoWayPrior:
    """Prior of a grid: normal mean, half-normal standard deviations of the three effects."""

    name: str
    mean: float
    sd: float
    sd_task: float = 0.3
    sd_scorer: float = 0.5
    sd_cell: float = 0.3

    @property
    def sd_sites(self) -> list[str]:
        """Return names of the sites of the standard deviations."""
        return [f"{self.name}_{name}" for name in SD_NAMES]


def contrasts(k: int) -> Floats:
    """Return orthonormal columns that sum to 0: (k, k - 1).

    >>> contrasts(2).round(3).tolist()
    [[0.707], [-0.707]]
    """
    basis = np.zeros((k, max(k - 1, 0)))
    for j in range(1, k):
        basis[:j, j - 1], basis[j, j - 1] = 1.0, -j
    return np.asarray(basis / np.sqrt(np.square(basis).sum(axis=0)))


def sample_two_way(grid: TwoWayPrior, n_scorers: int, n_tasks: int, centerings: Centerings) -> Any:
    """Sample values (scorer, task), with scorers and tasks drawn from populations."""

    def sample_sd(sd_name: str, present: bool) -> Any:
        scale = getattr(grid, sd_name)
        return numpyro.sample(f"{grid.name}_{sd_name}", dist.HalfNormal(scale)) if present else 0.0

    def effect(name: str, sd: Any, mean: float = 0.0) -> Any:
        return centered_normal(f"{grid.name}_{name}", mean, sd, centerings[name])

    sd_task = sample_sd("sd_task", n_tasks > 1)
    sd_scorer = sample_sd("sd_scorer", n_scorers > 1)
    sd_cell = sample_sd("sd_cell", n_tasks > 1 and n_scorers > 1)
    task, scorer = contrasts(n_tasks), contrasts(n_scorers)
    value = effect("level", jnp.sqrt(grid.sd**2 + sd_task**2 / n_tasks), grid.mean)
    if n_tasks > 1:
        value = value + (task @ effect("task", sd_task))[None]
    if n_scorers > 1:
        sd = jnp.sqrt(sd_scorer**2 + sd_cell**2 / n_tasks)
        value = value + (scorer @ effect("scorer", sd))[:, None]
    if n_tasks > 1 and n_scorers > 1:
        value = value + scorer @ effect("cell", sd_cell) @ task.T
    return numpyro.deterministic(grid.name, jnp.broadcast_to(value, (n_scorers, n_tasks)))


def sample_per_scorer(
    grid: TwoWayPrior, n_scorers: int, n_tasks: int, centerings: Centerings
) -> Any:
    """Sample values (scorer, task), each scorer with its own population of tasks.

    For parameters that all scorers estimate from the same labels: pooling scorers would count the
    sampling error of the labels once per scorer.
    """
    sd_level: Any = grid.sd
    if n_tasks > 1:
        prior = dist.HalfNormal(grid.sd_task).expand([n_scorers]).to_event(1)
        sd = numpyro.sample(f"{grid.name}_sd_task", prior)
        sd_level = jnp.sqrt(grid.sd**2 + sd**2 / n_tasks)
    level = centered_normal(f"{grid.name}_level", grid.mean, sd_level, centerings["level"])
    value = jnp.broadcast_to(level[:, None], (n_scorers, n_tasks))
    if n_tasks > 1:
        effects = centered_normal(f"{grid.name}_task", 0.0, sd[:, None], centerings["task"])
        value = value + effects @ contrasts(n_tasks).T
    return numpyro.deterministic(grid.name, value)


def centered_normal(name: str, mean: float, sd: Any, centering: Centering) -> Any:
    r"""Sample normal values in coordinates whose posterior is about standard normal.

    With root precision q and r = sd q, the standardized value is
    :math:`z = r q (location - mean) / (1 + r^2) + x / \sqrt{1 + r^2}`. Without data z = x (the
    non-centered parametrization); with informative data x is the standardized deviation from
    `location` (the centered one).
    """
    shape = jnp.shape(centering.location)
    x = numpyro.sample(f"{name}_raw", dist.Normal(0.0, 1.0).expand(shape).to_event(len(shape)))
    r = sd * centering.root_precision
    z = r * (centering.location - mean) * centering.root_precision / (1 + r**2) + x / jnp.sqrt(
        1 + r**2
    )
    numpyro.factor(f"{name}_density", ((x**2 - z**2 - jnp.log1p(r**2)) / 2).sum())
    return mean + sd * z


def two_way_centerings(estimates: Floats, covariance: Floats) -> dict[str, Centering]:
    """Return centerings of a grid from estimates (scorer, task) of independent tasks.

    `covariance` (task, scorer, scorer) is that of the estimates.
    """
    k, n_tasks = estimates.shape
    scorer, task = contrasts(k), contrasts(n_tasks)
    mean_variance = covariance.mean(axis=(1, 2))  # (task,): of means over scorers
    contrast_variance = np.einsum("ki,tkl,li->it", scorer, covariance, scorer)
    return {
        "level": _centering(estimates.mean(), mean_variance.sum() / n_tasks**2),
        "task": _centering(estimates.mean(axis=0) @ task, mean_variance @ task**2),
        "scorer": _centering(
            scorer.T @ estimates.mean(axis=1), contrast_variance.sum(axis=1) / n_tasks**2
        ),
        "cell": _centering(scorer.T @ estimates @ task, contrast_variance @ task**2),
    }


def per_scorer_centerings(estimates: Floats, variance: Floats) -> dict[str, Centering]:
    """Return centerings for separate scorers, from estimates and variances (scorer, task)."""
    n_tasks = estimates.shape[1]
    task = contrasts(n_tasks)
    return {
        "level": _centering(estimates.mean(axis=1), variance.sum(axis=1) / n_tasks**2),
        "task": _centering(estimates @ task, variance @ task**2),
    }


def prior_only_centering(centerings: Centerings) -> dict[str, Centering]:
    """Return centerings without data, as for draws from the prior."""
    return {
        name: Centering(0.0 * np.asarray(centering.location), 0.0 * np.asarray(centering.location))
        for name, centering in centerings.items()
    }


def _centering(location: Any, variance: Any) -> Centering:
    return Centering(
        np.asarray(location, dtype=float), 1 / np.sqrt(np.asarray(variance, dtype=float))
    )


class PopulationDraws(NamedTuple):
    """Draws of population means given the observed tasks and scorers, and of a new task."""

    mean: Floats  # (chain, draw), over scorers and tasks
    scorer: Floats  # (chain, draw, scorer), over tasks
    new: Floats | None  # (chain, draw, scorer), in a new task


def draw_population(
    grid: TwoWayPrior, sites: Mapping[str, Floats], rng: Generator
) -> PopulationDraws:
    """Draw population means from their normal conditional posteriors, and a new task."""
    value = sites[grid.name]
    zero = np.zeros(value.shape[:2])
    sd_task, sd_scorer, sd_cell = (sites.get(name, zero) for name in grid.sd_sites)
    k, n_tasks = value.shape[-2:]
    level = value.mean(axis=(-2, -1))
    noise = rng.standard_normal(level.shape)
    mean = grid.mean + _draw_given(level - grid.mean, grid.sd, sd_task / np.sqrt(n_tasks), noise)
    cell = sd_cell[..., None]
    effect = _draw_given(
        value.mean(axis=-1) - level[..., None],
        sd_scorer[..., None],
        cell / np.sqrt(n_tasks),
        _zero_sum_noise((*level.shape, k), rng),
    )
    scorer = mean[..., None] + effect
    if n_tasks == 1:
        return PopulationDraws(mean, scorer, None)
    step = sd_task * rng.standard_normal(level.shape)
    return PopulationDraws(
        mean, scorer, scorer + step[..., None] + cell * _zero_sum_noise(scorer.shape, rng)
    )


def draw_population_per_scorer(
    grid: TwoWayPrior, sites: Mapping[str, Floats], rng: Generator
) -> PopulationDraws:
    """Draw population means and a new task for separate scorers."""
    value = sites[grid.name]
    sd = sites.get(grid.sd_sites[0], np.zeros(value.shape[:-1]))
    n_tasks = value.shape[-1]
    noise = rng.standard_normal(sd.shape)
    deviation = value.mean(axis=-1) - grid.mean
    scorer = grid.mean + _draw_given(deviation, grid.sd, sd / np.sqrt(n_tasks), noise)
    new = scorer + sd * rng.standard_normal(sd.shape) if n_tasks > 1 else None
    return PopulationDraws(scorer.mean(axis=-1), scorer, new)


def log_prior(grid: TwoWayPrior, sites: Mapping[str, Floats], mean: Floats) -> Floats:
    """Compute the log prior density of population means and standard deviations."""
    scaled = np.square((mean - grid.mean) / grid.sd)
    density = -scaled.reshape(*scaled.shape[:2], -1).sum(axis=-1) / 2
    for name, sd_name in zip(grid.sd_sites, SD_NAMES, strict=True):
        if name in sites:
            scaled = np.square(sites[name] / getattr(grid, sd_name))
            density = density - scaled.reshape(*scaled.shape[:2], -1).sum(axis=-1) / 2
    return np.asarray(density)


def _draw_given(observed: Floats, prior_sd: Any, noise_sd: Any, noise: Floats) -> Floats:
    """Draw a normal value with prior mean 0 given an observation of it with normal noise."""
    prior_variance, noise_variance = np.square(prior_sd), np.square(noise_sd)
    total = prior_variance + noise_variance
    weight = np.where(total > 0, prior_variance / np.where(total > 0, total, 1.0), 1.0)
    return np.asarray(weight * observed + np.sqrt(weight) * noise_sd * noise)


def _zero_sum_noise(shape: tuple[int, ...], rng: Generator) -> Floats:
    """Draw standard normal noise centered over the last axis."""
    noise = rng.standard_normal(shape)
    return np.asarray(noise - noise.mean(axis=-1, keepdims=True))
