r"""Values of scorers in tasks, drawn from populations of both: the prior that all models share.

A grid is :math:`\theta_{mt} = \mu + b_t + a_m + c_{mt}`, each part normal with a standard
deviation of its own. NUTS moves in an orthonormal basis of the means over the tasks and scorers at
hand, in which the data tell directions apart; population means are drawn given these afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpy.random import Generator

from metaeval.arrays import Floats

Centring = Mapping[str, Any]
"""`task`, `scorer`, `cell` -> how far effects are centred: 0 (standardised) to 1."""

SPREADS = ("sd_task", "sd_scorer", "sd_cell")
_FEW = 1_000.0  # information over the usual variance that one effect needs
_USUAL = {"task": 0.75, "scorer": 0.5, "cell": 0.3}  # standard deviations that centring expects


class Grid(NamedTuple):
    """Prior of a grid: normal mean, and half-normal scales of the three standard deviations."""

    name: str
    mean: float
    sd: float
    sd_task: float = 0.3
    sd_scorer: float = 0.5
    sd_cell: float = 0.3

    @property
    def spreads(self) -> list[str]:
        """Names of the sites of the standard deviations."""
        return [f"{self.name}_{spread}" for spread in SPREADS]


def contrasts(k: int) -> Floats:
    """Orthonormal columns that add up to 0: (k, k - 1).

    >>> contrasts(2).round(3).tolist()
    [[0.707], [-0.707]]
    """
    basis = np.zeros((k, max(k - 1, 0)))
    for j in range(1, k):
        basis[:j, j - 1], basis[j, j - 1] = 1.0, -j
    return np.asarray(basis / np.sqrt(np.square(basis).sum(axis=0)))


def two_way(grid: Grid, n_scorers: int, n_tasks: int, centring: Centring) -> Any:
    """Sample the values of scorers in tasks: (scorer, task), a site of the grid's name."""

    def spread(which: str, there: bool) -> Any:
        scale = getattr(grid, which)
        return numpyro.sample(f"{grid.name}_{which}", dist.HalfNormal(scale)) if there else 0.0

    sd_task = spread("sd_task", n_tasks > 1)
    sd_scorer = spread("sd_scorer", n_scorers > 1)
    sd_cell = spread("sd_cell", n_tasks > 1 and n_scorers > 1)
    of_mean = jnp.sqrt(grid.sd**2 + sd_task**2 / n_tasks)
    value = grid.mean + of_mean * numpyro.sample(f"{grid.name}_mean_raw", dist.Normal(0.0, 1.0))
    task, scorer = contrasts(n_tasks), contrasts(n_scorers)
    if n_tasks > 1:
        found = _effects(f"{grid.name}_task", sd_task, (n_tasks - 1,), centring["task"])
        value = value + (task @ found)[None]
    if n_scorers > 1:
        sd = jnp.sqrt(sd_scorer**2 + sd_cell**2 / n_tasks)
        found = _effects(f"{grid.name}_scorer", sd, (n_scorers - 1,), centring["scorer"])
        value = value + (scorer @ found)[:, None]
    if n_tasks > 1 and n_scorers > 1:
        shape = (n_scorers - 1, n_tasks - 1)
        found = _effects(f"{grid.name}_cell", sd_cell, shape, centring["cell"])
        value = value + scorer @ found @ task.T
    return numpyro.deterministic(grid.name, jnp.broadcast_to(value, (n_scorers, n_tasks)))


def by_scorer(grid: Grid, n_scorers: int, n_tasks: int, centring: Centring) -> Any:
    """The same with scorers apart, each with tasks and a standard deviation of its own.

    For values that scorers take from the same labels: were they pooled, what the labels owe to
    chance would count once for each scorer.
    """
    of_mean: Any = grid.sd
    if n_tasks > 1:
        prior = dist.HalfNormal(grid.sd_task).expand([n_scorers]).to_event(1)
        sd = numpyro.sample(f"{grid.name}_sd_task", prior)
        of_mean = jnp.sqrt(grid.sd**2 + sd**2 / n_tasks)
    standard = dist.Normal(0.0, 1.0).expand([n_scorers]).to_event(1)
    mean = grid.mean + of_mean * numpyro.sample(f"{grid.name}_mean_raw", standard)
    value = jnp.broadcast_to(mean[:, None], (n_scorers, n_tasks))
    if n_tasks > 1:
        shape = (n_scorers, n_tasks - 1)
        found = _effects(f"{grid.name}_task", sd[:, None], shape, centring["task"])
        value = value + found @ contrasts(n_tasks).T
    return numpyro.deterministic(grid.name, value)


def _effects(name: str, sd: Any, shape: tuple[int, ...], centring: Any) -> Any:
    """Normal(0, sd) effects, in coordinates between centred (1) and standardised (0)."""
    raw = dist.Normal(0.0, jnp.broadcast_to(sd**centring, shape)).to_event(len(shape))
    return sd ** (1 - centring) * numpyro.sample(f"{name}_raw", raw)


def centring_of(information: Floats) -> dict[str, float]:
    """How much data say of effects, between 0 and 1, from information on cells (scorer, task)."""
    k, n_tasks = information.shape
    middle = float(np.median(information))
    return shares({"task": middle * k, "scorer": middle * n_tasks, "cell": middle}, k, n_tasks)


def centring_by_scorer(information: Floats) -> dict[str, float]:
    """The same of a grid whose scorers are apart."""
    return shares({"task": float(np.median(information))}, 1, information.shape[1])


def shares(information: Mapping[str, float], n_scorers: int, n_tasks: int) -> dict[str, float]:
    """Share of what is known of an effect that the data say; see `centring_of`.

    Few effects leave their standard deviation open, down to 0, where centred ones cannot move,
    unless the data say far more of each of them than that.
    """
    numbers = {
        "task": n_tasks - 1,
        "scorer": n_scorers - 1,
        "cell": (n_tasks - 1) * (n_scorers - 1),
    }
    found = {}
    for name, info in information.items():
        ratio = info * _USUAL[name] ** 2
        found[name] = float(ratio / (ratio + 1 + _FEW / max(numbers[name], 1) ** 1.5))
    return found


class Population(NamedTuple):
    """What tasks and scorers are drawn from, given those at hand: draws of each."""

    mean: Floats  # (chain, draw): of all scorers in all tasks
    scorer: Floats  # (chain, draw, scorer): of each scorer in all tasks
    new: Floats | None  # (chain, draw, scorer): of each in one task not yet seen


def population(grid: Grid, sites: Mapping[str, Floats], rng: Generator) -> Population:
    """Draw population means from their conditional (normal) posteriors, and a new task."""
    value = sites[grid.name]
    zero = np.zeros(value.shape[:2])
    sd_task, sd_scorer, sd_cell = (sites.get(name, zero) for name in grid.spreads)
    k, n_tasks = value.shape[-2:]
    level = value.mean(axis=(-2, -1))
    noise = rng.standard_normal(level.shape)
    mean = grid.mean + _given(level - grid.mean, grid.sd, sd_task / np.sqrt(n_tasks), noise)
    cell = sd_cell[..., None]
    effect = _given(
        value.mean(axis=-1) - level[..., None],
        sd_scorer[..., None],
        cell / np.sqrt(n_tasks),
        _zero_sum((*level.shape, k), rng),
    )
    scorer = mean[..., None] + effect
    if n_tasks == 1:
        return Population(mean, scorer, None)
    step = sd_task * rng.standard_normal(level.shape)
    return Population(mean, scorer, scorer + step[..., None] + cell * _zero_sum(scorer.shape, rng))


def population_by_scorer(grid: Grid, sites: Mapping[str, Floats], rng: Generator) -> Population:
    """`population` of a grid whose scorers are apart."""
    value = sites[grid.name]
    sd = sites.get(grid.spreads[0], np.zeros(value.shape[:-1]))
    n_tasks = value.shape[-1]
    noise = rng.standard_normal(sd.shape)
    seen = value.mean(axis=-1) - grid.mean
    scorer = grid.mean + _given(seen, grid.sd, sd / np.sqrt(n_tasks), noise)
    new = scorer + sd * rng.standard_normal(sd.shape) if n_tasks > 1 else None
    return Population(scorer.mean(axis=-1), scorer, new)


def log_prior(grid: Grid, sites: Mapping[str, Floats], mean: Floats) -> Floats:
    """Log prior density, up to a constant, of population means and standard deviations."""
    scaled = np.square((mean - grid.mean) / grid.sd)
    found = -scaled.reshape(*scaled.shape[:2], -1).sum(axis=-1) / 2
    for name, which in zip(grid.spreads, SPREADS, strict=True):
        if name in sites:
            scaled = np.square(sites[name] / getattr(grid, which))
            found = found - scaled.reshape(*scaled.shape[:2], -1).sum(axis=-1) / 2
    return np.asarray(found)


def _given(seen: Floats, prior_sd: Any, noise_sd: Any, noise: Floats) -> Floats:
    """Draw what was seen with normal noise, itself normal around 0."""
    prior, of_noise = np.square(prior_sd), np.square(noise_sd)
    total = prior + of_noise
    weight = np.where(total > 0, prior / np.where(total > 0, total, 1.0), 1.0)
    return np.asarray(weight * seen + np.sqrt(weight) * noise_sd * noise)


def _zero_sum(shape: tuple[int, ...], rng: Generator) -> Floats:
    noise = rng.standard_normal(shape)
    return np.asarray(noise - noise.mean(axis=-1, keepdims=True))
