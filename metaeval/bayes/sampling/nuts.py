"""Draws of a posterior by NUTS: chains side by side, in compiled blocks of steps.

Blocks let a fit show how far it is, and be interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
    compiled,
    n_parameters,
)
from metaeval.core import ROUNDOFF, Floats, double_precision, with_progress
from metaeval.resampling.jax_kernels import enable_compilation_cache

MOST = 8_000  # draws of each chain
MOST_HALVED = 3  # times that steps are halved where chains diverge
_DENSE = 150  # parameters up to which their correlations are taken out
_NEAR = 0.5  # chains start within so much of 0, on the unconstrained scale


class Settings(NamedTuple):
    """How long chains run, and how carefully.

    Without `n_draws` there are as many of each chain as `SamplerDefaults` says, and twice as many
    until they are enough, or MOST; what else is not given is as it says, too.
    """

    n_chains: int = 4
    n_warmup: int | None = None
    n_draws: int | None = None
    target_accept: float | None = None
    seed: int = 0


class SamplerDefaults(NamedTuple):
    """Steps of warm-up, first draws and acceptance where they are not given."""

    n_warmup: int
    n_draws: int
    target_accept: float


SMALL_MODEL = SamplerDefaults(n_warmup=500, n_draws=500, target_accept=0.9)
LARGE_MODEL = SamplerDefaults(n_warmup=300, n_draws=750, target_accept=0.8)
"""With few parameters, and with many: more quantities, of which the worst must converge."""


class Sampled(NamedTuple):
    """Draws of every site, and what the sampler says of itself: (chain, draw, ...) each.

    `halved`: how often chains diverged and were drawn anew with shorter steps.
    """

    sites: dict[str, Floats]
    stats: dict[str, Floats]
    halved: int = 0


Enough = Callable[[Sampled], bool]
"""Whether draws suffice."""


def sample(
    model: Callable[..., None],
    arrays: Arrays,
    options: Options,
    settings: Settings,
    enough: Enough,
    *,
    name: str = "sampling",
) -> Sampled:
    """Draw from the posterior of a NumPyro model; deterministic by seed and number of chains.

    `arrays` and `options` are the model's arguments; `enough` says whether draws suffice; progress
    is shown under the `name`. Where a chain diverges all are drawn anew from the end of their
    warm-up, with steps half as long.
    """
    enable_compilation_cache()
    with double_precision():
        arrays = jax.tree.map(np.asarray, dict(arrays))
        shapes = ShapeKey(arrays)
        defaults = SMALL_MODEL if n_parameters(model, options, shapes) <= _DENSE else LARGE_MODEL
        half = -(-(settings.n_warmup or defaults.n_warmup) // (2 * BLOCK))
        target = settings.target_accept or defaults.target_accept
        run = compiled(model, options, shapes, half * BLOCK, target)
        keys = jax.random.split(jax.random.PRNGKey(settings.seed), settings.n_chains)
        transform = _plain_transform(run.size)
        chains = [_Chain(run, arrays, key, transform) for key in keys]
    _warm_up(chains, half, f"{name}: warm-up")
    warm = [chain.state for chain in chains]
    for halved in range(MOST_HALVED + 1):
        for chain, state in zip(chains, warm, strict=True):
            chain.restart(state, 0.5**halved)
        found = _drawn(chains, settings, defaults.n_draws, enough, f"{name}: draws")
        if not found.stats["diverging"].any():
            break
    return found._replace(halved=halved)


def _plain_transform(size: int) -> AffineTransform:
    return AffineTransform(np.zeros(size), np.eye(size) if size <= _DENSE else np.ones(size))


def _warm_up(chains: list[_Chain], half: int, what: str) -> None:
    """Adapt steps twice; the second time to what the first has shown of the posterior."""
    _run(chains, half, what)
    transform = _learned(chains, chains[0].transform)
    for chain in chains:
        chain.turn(transform)
    _run(chains, half, what)


def _learned(chains: list[_Chain], transform: AffineTransform) -> AffineTransform:
    """Centre and scale that make the draws of all chains so far standard and uncorrelated.

    The earlier half is left out; the fewer draws, the less their correlations are believed.
    """
    z = np.concatenate([chain.unconstrained()[len(chain.kept) * BLOCK // 2 :] for chain in chains])
    n, size = z.shape
    if transform.scale.ndim == 1:
        return AffineTransform(z.mean(axis=0), z.std(axis=0) + ROUNDOFF)
    covariance = np.cov(z, rowvar=False).reshape(size, size)
    own = np.diag(np.diag(covariance) + ROUNDOFF)
    mixed = (n * covariance + size * own) / (n + size)
    return AffineTransform(z.mean(axis=0), np.linalg.cholesky(mixed))


def _drawn(
    chains: list[_Chain],
    settings: Settings,
    first: int,
    enough: Enough,
    what: str,
) -> Sampled:
    """Draws of chains that are warm: as many as asked for, or enough; fewer if one diverges."""
    n = settings.n_draws or first
    while True:
        _run(chains, -(-n // BLOCK) - len(chains[0].kept), what)
        found = _collected(chains, n)
        diverged = bool(found.stats["diverging"].any())
        if settings.n_draws or n >= MOST or diverged or enough(found):
            return found
        n *= 2


def _collected(chains: list[_Chain], n: int) -> Sampled:
    """The first n draws of every chain."""
    both = [chain.drawn(n) for chain in chains]
    sites, stats = (
        {name: np.stack([c[name] for c in part]) for name in part[0]}
        for part in zip(*both, strict=True)
    )
    return Sampled(sites, stats)


def _run(chains: list[_Chain], n_blocks: int, what: str) -> None:
    """Advance every chain by some blocks, as many at a time as there are processors."""
    done: SimpleQueue[bool] = SimpleQueue()
    stop = Event()

    def one(chain: _Chain) -> None:
        try:
            for _ in range(n_blocks):
                if not stop.is_set():
                    chain.advance()
                    done.put(True)
        finally:
            done.put(False)

    with ThreadPoolExecutor(min(len(chains), os.cpu_count() or 1)) as pool:
        futures = [pool.submit(one, chain) for chain in chains]
        try:
            for _ in with_progress(_ticks(done, len(chains)), n_blocks * len(chains), what):
                pass
            for future in futures:
                future.result()
        finally:
            stop.set()


def _ticks(done: SimpleQueue[bool], running: int) -> Iterator[bool]:
    """One item for each finished block, until all chains have ended."""
    while running:
        if done.get():
            yield True
        else:
            running -= 1


class _Chain:
    """One chain: where it is, and what it has drawn. x64 is a matter of the thread."""

    def __init__(
        self, compiled: CompiledSampler, arrays: Arrays, key: Any, transform: AffineTransform
    ) -> None:
        self.compiled, self.arrays, self.transform = compiled, arrays, transform
        own, near = jax.random.split(key)
        self.key = own
        self.place: Any = jax.random.uniform(near, (compiled.size,), float, -_NEAR, _NEAR)
        self.state: Any = None
        self.kept: list[Any] = []

    def turn(self, transform: AffineTransform) -> None:
        """Go on from the same place, seen in another way; steps are adapted anew."""
        z = self.unconstrained()[-1] - transform.centre
        dense = transform.scale.ndim == 2
        self.place = np.linalg.solve(transform.scale, z) if dense else z / transform.scale
        with double_precision():
            self.key = jax.random.split(self.key)[0]
        self.transform, self.state, self.kept = transform, None, []

    def restart(self, state: Any, factor: float) -> None:
        """Go on from a warm state with steps that are longer or shorter by a factor."""
        with double_precision():
            adapted = state.adapt_state
            adapted = adapted._replace(step_size=adapted.step_size * factor)
            self.state, self.kept = state._replace(adapt_state=adapted), []

    def advance(self) -> None:
        """Run one block."""
        run, more = self.compiled, (self.transform, self.arrays)
        with double_precision():
            if self.state is None:
                self.state = run.start(self.key, self.place, *more)
            self.state, out = run.advance(self.state, *more)
            self.kept.append(jax.tree.map(np.asarray, out))

    def unconstrained(self) -> Floats:
        """Positions so far, on the unconstrained scale: (draw, parameter)."""
        x = np.concatenate([x for x, _ in self.kept])
        centre, scale = (np.asarray(part) for part in self.transform)
        return np.asarray(centre + (x @ scale.T if scale.ndim == 2 else x * scale))

    def drawn(self, n: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """The first n draws: sites and statistics of the sampler."""
        x, stats = jax.tree.map(lambda *parts: np.concatenate(parts), *self.kept)
        with double_precision():
            sites = self.compiled.sites(x, self.transform, self.arrays)
        first = [{k: np.asarray(v)[:n] for k, v in part.items()} for part in (sites, stats)]
        return first[0], first[1]
