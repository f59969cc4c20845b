"""NUTS in compiled blocks: numpyro's kernel, the data as arguments, chains side by side.

A model is compiled once for each shape of its data; the next fit of that shape only runs it.
Blocks of steps let a fit show how far it is, and be interrupted.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event
from typing import Any, NamedTuple

import jax
import numpy as np
from numpyro.infer.hmc import hmc
from numpyro.infer.util import initialize_model

from metaeval.arrays import Floats
from metaeval.kernels import keep_compiled
from metaeval.progress import steps

BLOCK = 100  # steps between two looks at the clock
FIRST, MOST = 500, 4_000  # draws of each chain
MOST_HALVED = 3  # times that steps are halved where chains diverge
MAX_DEPTH = 10  # 2^10 leapfrog steps at most
_DENSE = 150  # parameters up to which steps follow their correlations
_NEAR = 0.5  # chains start within so much of 0, on the unconstrained scale

Arrays = Mapping[str, Any]
"""Arguments of a model by name: arrays, or whatever jax takes for a tree of arrays."""

Options = tuple[tuple[str, Any], ...]
"""Further arguments of a model by name; another model is compiled for each of their values."""


class Settings(NamedTuple):
    """How long chains run, and how carefully.

    Without `draws` there are FIRST of each chain, and twice as many until they are enough, or MOST.
    """

    chains: int = 4
    warmup: int = 500
    draws: int | None = None
    target_accept: float = 0.9
    seed: int = 0


class Sampled(NamedTuple):
    """Draws of every site, and what the sampler says of itself: (chain, draw, ...) each."""

    sites: dict[str, Floats]
    stats: dict[str, Floats]


class _Compiled(NamedTuple):
    """The three functions that a chain runs."""

    start: Callable[[Any, Arrays], Any]
    advance: Callable[[Any, Arrays], Any]
    sites: Callable[[Any, Arrays], Any]


def sample(
    model: Callable[..., None],
    arrays: Arrays,
    options: Options,
    settings: Settings,
    enough: Callable[[Sampled], bool],
) -> Sampled:
    """Draw from the posterior of a NumPyro model; deterministic by seed and number of chains.

    `arrays` and `options` are the model's arguments; `enough` says whether draws suffice. Where a
    chain diverges all are drawn anew from the end of their warm-up, with steps half as long.
    """
    keep_compiled()
    warmup, target = settings.warmup, settings.target_accept
    with jax.enable_x64(True):
        arrays = jax.tree.map(np.asarray, dict(arrays))
        compiled = _compiled(model, options, _Shapes(arrays), warmup, target)
        keys = jax.random.split(jax.random.PRNGKey(settings.seed), settings.chains)
        chains = [_Chain(compiled, arrays, key) for key in keys]
    _run(chains, -(-warmup // BLOCK), f"{model.__name__}: warm-up")
    warm = [chain.state for chain in chains]
    for halved in range(MOST_HALVED + 1):
        for chain, state in zip(chains, warm, strict=True):
            chain.restart(state, 0.5**halved)
        found = _drawn(chains, settings, enough, f"{model.__name__}: draws")
        if not found.stats["diverging"].any():
            break
    return found


def _drawn(
    chains: list[_Chain], settings: Settings, enough: Callable[[Sampled], bool], what: str
) -> Sampled:
    """Draws of chains that are warm: as many as asked for, or enough; fewer if one diverges."""
    n = settings.draws or FIRST
    while True:
        _run(chains, -(-n // BLOCK) - len(chains[0].kept), what)
        found = _collected(chains, n)
        diverged = bool(found.stats["diverging"].any())
        if settings.draws or n >= MOST or diverged or enough(found):
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
            for _ in steps(_ticks(done, len(chains)), n_blocks * len(chains), what):
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

    def __init__(self, compiled: _Compiled, arrays: Arrays, key: Any) -> None:
        self.compiled, self.arrays, self.key = compiled, arrays, key
        self.state: Any = None
        self.kept: list[Any] = []

    def restart(self, state: Any, factor: float) -> None:
        """Go on from a warm state with steps that are longer or shorter by a factor."""
        with jax.enable_x64(True):
            adapted = state.adapt_state
            adapted = adapted._replace(step_size=adapted.step_size * factor)
            self.state, self.kept = state._replace(adapt_state=adapted), []

    def advance(self) -> None:
        """Run one block."""
        with jax.enable_x64(True):
            if self.state is None:
                self.state = self.compiled.start(self.key, self.arrays)
            self.state, (z, stats) = self.compiled.advance(self.state, self.arrays)
            sites = self.compiled.sites(z, self.arrays)
            self.kept.append(jax.tree.map(np.asarray, (sites, stats)))

    def drawn(self, n: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """The first n draws: sites and statistics of the sampler."""
        return jax.tree.map(lambda *parts: np.concatenate(parts)[:n], *self.kept)


class _Shapes:
    """Arrays that count as equal where their names, shapes and types are."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        leaves, tree = jax.tree.flatten(arrays)
        self.key = (tree, tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shapes) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@functools.lru_cache(maxsize=32)
def _compiled(
    model: Callable[..., None], options: Options, shapes: _Shapes, warmup: int, target: float
) -> _Compiled:
    """Compile a model for arrays of some shapes."""
    warmup = -(-warmup // BLOCK) * BLOCK
    asked = functools.partial(model, **dict(options))
    info = initialize_model(
        jax.random.PRNGKey(0), asked, model_kwargs=shapes.arrays, dynamic_args=True
    )
    begin, move = hmc(potential_fn_gen=info.potential_fn, algo="NUTS")
    leaves, tree = jax.tree.flatten(info.param_info.z)
    size = sum(leaf.size for leaf in leaves)
    shapes.arrays = {}  # the key is enough from here on; data are not kept alive

    @jax.jit
    def start(key: Any, arrays: Arrays) -> Any:
        own, *each = jax.random.split(key, 1 + len(leaves))
        near = [
            jax.random.uniform(k, leaf.shape, leaf.dtype, -_NEAR, _NEAR)
            for k, leaf in zip(each, leaves, strict=True)
        ]
        return begin(
            jax.tree.unflatten(tree, near),
            num_warmup=warmup,
            target_accept_prob=target,
            max_tree_depth=MAX_DEPTH,
            dense_mass=size <= _DENSE,
            model_kwargs=arrays,
            rng_key=own,
        )

    @jax.jit
    def advance(state: Any, arrays: Arrays) -> Any:
        def step(state: Any, _: None) -> Any:
            state = move(state, model_kwargs=arrays)
            stats = {
                "diverging": state.diverging,
                "energy": state.energy,
                "n_steps": state.num_steps,
                "acceptance_rate": state.accept_prob,
                "lp": -state.potential_energy,
            }
            return state, (state.z, stats)

        return jax.lax.scan(step, state, None, length=BLOCK)

    @jax.jit
    def sites(z: Any, arrays: Arrays) -> Any:
        return jax.lax.map(info.postprocess_fn(**arrays), z)

    return _Compiled(start, advance, sites)
