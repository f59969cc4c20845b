"""NUTS with parallel chains, in compiled blocks of steps.

Between blocks a fit reports progress and can be interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from typing import Any, NamedTuple

import jax
import numpy as np

from metaeval.bayes.sampling.compile import (
    BLOCK,
    AffineTransform,
    Arrays as Arrays,
    CompiledSampler,
    Options as Options,
    ShapeKey,
    compile_sampler,
    n_parameters,
)
from metaeval.core import ROUNDOFF, Floats, double_precision, with_progress
from metaeval.resampling.jax_kernels import enable_compilation_cache

MAX_DRAWS = 8_000  # per chain
MAX_HALVINGS = 3  # of the step size, if chains diverge
# The full covariance of up to this many parameters is estimated; for more, draws are too few.
_MAX_DENSE = 150
_START_RADIUS = 0.5  # of the uniform starting points on the unconstrained scale; Stan uses 2


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the sampler; values of None are taken from `SamplerDefaults`.

    If `n_draws` is None, draws are doubled until they are enough or reach MAX_DRAWS.
    """

    n_chains: int = 4
    n_warmup: int | None = None
    n_draws: int | None = None
    target_accept: float | None = None
    seed: int = 0


class SamplerDefaults(NamedTuple):
    """Default numbers of warm-up steps and draws, and default target acceptance."""

    n_warmup: int
    n_draws: int
    target_accept: float


SMALL_MODEL = SamplerDefaults(n_warmup=500, n_draws=500, target_accept=0.9)
LARGE_MODEL = SamplerDefaults(n_warmup=300, n_draws=750, target_accept=0.8)
"""Defaults for models with few and with many parameters.

The more parameters are checked, the more draws are needed for the worst of them to pass.
"""


class ChainDraws(NamedTuple):
    """Draws of all sites and statistics of the sampler: (chain, draw, ...) each.

    `halved` is the number of times that the step size was halved because of divergences.
    """

    sites: dict[str, Floats]
    stats: dict[str, Floats]
    halved: int = 0


StoppingRule = Callable[[ChainDraws], bool]
"""Returns whether there are enough draws."""


def sample(
    model: Callable[..., None],
    arrays: Arrays,
    options: Options,
    settings: Settings,
    enough: StoppingRule,
    *,
    name: str = "sampling",
) -> ChainDraws:
    """Draw from the posterior of a NumPyro model, determined by seed and number of chains.

    `arrays` and `options` are the arguments of the model, `enough` decides whether draws suffice,
    `name` labels the progress. If a chain diverges, all are rerun from the end of warm-up with half
    the step size.
    """
    enable_compilation_cache()
    with double_precision():
        arrays = jax.tree.map(np.asarray, dict(arrays))
        shapes = ShapeKey(arrays)
        defaults = (
            SMALL_MODEL if n_parameters(model, options, shapes) <= _MAX_DENSE else LARGE_MODEL
        )
        half = -(-(settings.n_warmup or defaults.n_warmup) // (2 * BLOCK))
        target = settings.target_accept or defaults.target_accept
        sampler = compile_sampler(model, options, shapes, half * BLOCK, target)
        keys = jax.random.split(jax.random.PRNGKey(settings.seed), settings.n_chains)
        transform = _identity_transform(sampler.size)
        chains = [_Chain(sampler, arrays, key, transform) for key in keys]
    _warm_up(chains, half, f"{name}: warm-up")
    warm_states = [chain.state for chain in chains]
    for halved in range(MAX_HALVINGS + 1):
        for chain, state in zip(chains, warm_states, strict=True):
            chain.restart(state, 0.5**halved)
        draws = _draw_until_enough(chains, settings, defaults.n_draws, enough, f"{name}: draws")
        if not draws.stats["diverging"].any():
            break
    return draws._replace(halved=halved)


def _identity_transform(size: int) -> AffineTransform:
    """Return the identity, dense for few parameters."""
    return AffineTransform(np.zeros(size), np.eye(size) if size <= _MAX_DENSE else np.ones(size))


def _warm_up(chains: list[_Chain], half: int, phase: str) -> None:
    """Adapt step sizes, standardize the coordinates by these draws, and adapt again."""
    _advance_chains(chains, half, phase)
    transform = _estimate_transform(chains, chains[0].transform)
    for chain in chains:
        chain.change_coordinates(transform)
    _advance_chains(chains, half, phase)


def _estimate_transform(chains: list[_Chain], transform: AffineTransform) -> AffineTransform:
    """Estimate the transform that standardizes the second half of the draws of all chains.

    Covariances are shrunk to 0 as if the parameters had been uncorrelated in as many further draws
    as there are parameters.
    """
    z = np.concatenate(
        [chain.unconstrained()[len(chain.blocks) * BLOCK // 2 :] for chain in chains]
    )
    n, size = z.shape
    if transform.scale.ndim == 1:
        return AffineTransform(z.mean(axis=0), z.std(axis=0) + ROUNDOFF)
    covariance = np.cov(z, rowvar=False).reshape(size, size)
    diagonal = np.diag(np.diag(covariance) + ROUNDOFF)
    shrunk = (n * covariance + size * diagonal) / (n + size)
    return AffineTransform(z.mean(axis=0), np.linalg.cholesky(shrunk))


def _draw_until_enough(
    chains: list[_Chain],
    settings: Settings,
    n_initial: int,
    enough: StoppingRule,
    phase: str,
) -> ChainDraws:
    """Draw after warm-up until there are `n_draws` or enough draws, or a chain diverges."""
    n = settings.n_draws or n_initial
    while True:
        _advance_chains(chains, -(-n // BLOCK) - len(chains[0].blocks), phase)
        draws = _collect_draws(chains, n)
        diverged = bool(draws.stats["diverging"].any())
        if settings.n_draws or n >= MAX_DRAWS or diverged or enough(draws):
            return draws
        n *= 2


def _collect_draws(chains: list[_Chain], n: int) -> ChainDraws:
    """Return the first n draws of all chains."""
    parts = [chain.first_draws(n) for chain in chains]
    sites, stats = (
        {name: np.stack([c[name] for c in part]) for name in part[0]}
        for part in zip(*parts, strict=True)
    )
    return ChainDraws(sites, stats)


def _advance_chains(chains: list[_Chain], n_blocks: int, phase: str) -> None:
    """Advance all chains by `n_blocks` blocks, in one thread per processor."""
    finished: SimpleQueue[bool] = SimpleQueue()
    stop = Event()

    def run_chain(chain: _Chain) -> None:
        try:
            for _ in range(n_blocks):
                if not stop.is_set():
                    chain.advance()
                    finished.put(True)
        finally:
            finished.put(False)

    with ThreadPoolExecutor(min(len(chains), os.cpu_count() or 1)) as pool:
        futures = [pool.submit(run_chain, chain) for chain in chains]
        try:
            for _ in with_progress(
                _finished_blocks(finished, len(chains)), n_blocks * len(chains), phase
            ):
                pass
            for future in futures:
                future.result()
        finally:
            stop.set()


def _finished_blocks(finished: SimpleQueue[bool], running: int) -> Iterator[bool]:
    """Yield once for each finished block until all chains have ended."""
    while running:
        if finished.get():
            yield True
        else:
            running -= 1


class _Chain:
    """State and draws of one chain; JAX enables double precision per thread."""

    def __init__(
        self, compiled: CompiledSampler, arrays: Arrays, key: Any, transform: AffineTransform
    ) -> None:
        self.compiled, self.arrays, self.transform = compiled, arrays, transform
        chain_key, start_key = jax.random.split(key)
        self.key = chain_key
        self.position: Any = jax.random.uniform(
            start_key, (compiled.size,), float, -_START_RADIUS, _START_RADIUS
        )
        self.state: Any = None
        self.blocks: list[Any] = []

    def change_coordinates(self, transform: AffineTransform) -> None:
        """Continue from the same position in new coordinates; adaptation starts again."""
        z = self.unconstrained()[-1] - transform.center
        dense = transform.scale.ndim == 2
        self.position = np.linalg.solve(transform.scale, z) if dense else z / transform.scale
        with double_precision():
            self.key = jax.random.split(self.key)[0]
        self.transform, self.state, self.blocks = transform, None, []

    def restart(self, state: Any, factor: float) -> None:
        """Continue from a state with the step size multiplied by a factor."""
        with double_precision():
            adapted = state.adapt_state
            adapted = adapted._replace(step_size=adapted.step_size * factor)
            self.state, self.blocks = state._replace(adapt_state=adapted), []

    def advance(self) -> None:
        """Run one block."""
        sampler, arguments = self.compiled, (self.transform, self.arrays)
        with double_precision():
            if self.state is None:
                self.state = sampler.start(self.key, self.position, *arguments)
            self.state, block = sampler.advance(self.state, *arguments)
            self.blocks.append(jax.tree.map(np.asarray, block))

    def unconstrained(self) -> Floats:
        """Return unconstrained positions: (draw, parameter)."""
        x = np.concatenate([x for x, _ in self.blocks])
        center, scale = (np.asarray(part) for part in self.transform)
        return np.asarray(center + (x @ scale.T if scale.ndim == 2 else x * scale))

    def first_draws(self, n: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Return the first n draws: sites and statistics of the sampler."""
        x, stats = jax.tree.map(lambda *parts: np.concatenate(parts), *self.blocks)
        with double_precision():
            sites = self.compiled.sites(x, self.transform, self.arrays)
        first = [{k: np.asarray(v)[:n] for k, v in part.items()} for part in (sites, stats)]
        return first[0], first[1]
