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
from jax.flatten_util import ravel_pytree
from numpyro import handlers
from numpyro.distributions import biject_to
from numpyro.infer.hmc import hmc
from numpyro.infer.util import constrain_fn, potential_energy

from metaeval.arrays import Floats
from metaeval.kernels import keep_compiled
from metaeval.progress import steps

BLOCK = 50  # steps between two looks at the clock
MOST = 8_000  # draws of each chain
MOST_HALVED = 3  # times that steps are halved where chains diverge
WARM_DEPTH, MAX_DEPTH = 5, 10  # 2^depth leapfrog steps at most, while warming up and after
_DENSE = 150  # parameters up to which their correlations are taken out
_TINY = 1e-12
_AT_A_TIME = 64  # draws
_NEAR = 0.5  # chains start within so much of 0, on the unconstrained scale

Arrays = Mapping[str, Any]
"""Arguments of a model by name: arrays, or whatever jax takes for a tree of arrays."""

Options = tuple[tuple[str, Any], ...]
"""Further arguments of a model by name; another model is compiled for each of their values."""


class Settings(NamedTuple):
    """How long chains run, and how carefully.

    Without `draws` there are so many of each chain as `Usual` says, and twice as many until they
    are enough, or MOST; what else is not given is as usual, too.
    """

    chains: int = 4
    warmup: int | None = None
    draws: int | None = None
    target_accept: float | None = None
    seed: int = 0


class Usual(NamedTuple):
    """Steps of warm-up, first draws and acceptance where they are not given."""

    warmup: int
    draws: int
    target_accept: float


FEW, MANY = Usual(500, 500, 0.9), Usual(300, 750, 0.8)
"""With few parameters, and with many: more quantities, of which the worst must converge."""


class Sampled(NamedTuple):
    """Draws of every site, and what the sampler says of itself: (chain, draw, ...) each.

    `halved`: how often chains diverged and were drawn anew with shorter steps.
    """

    sites: dict[str, Floats]
    stats: dict[str, Floats]
    halved: int = 0


class _Compiled(NamedTuple):
    """What a chain runs; positions are flat vectors x, and z = centre + scale x unconstrained."""

    start: Callable[..., Any]  # key, position, view, arrays -> state
    advance: Callable[..., Any]  # state, view, arrays -> state, (x, statistics) of a block
    sites: Callable[..., Any]  # x (draw, parameter), view, arrays -> sites
    size: int  # of x


class _View(NamedTuple):
    """How x is seen: `scale` is a lower triangular matrix, or a vector where x is long."""

    centre: Any
    scale: Any


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
    with jax.enable_x64(True):
        arrays = jax.tree.map(np.asarray, dict(arrays))
        shapes = _Shapes(arrays)
        usual = FEW if _size(model, options, shapes) <= _DENSE else MANY
        half = -(-(settings.warmup or usual.warmup) // (2 * BLOCK))
        target = settings.target_accept or usual.target_accept
        compiled = _compiled(model, options, shapes, half * BLOCK, target)
        keys = jax.random.split(jax.random.PRNGKey(settings.seed), settings.chains)
        view = _plain_view(compiled.size)
        chains = [_Chain(compiled, arrays, key, view) for key in keys]
    _run(chains, half, f"{model.__name__}: warm-up")
    view = _learned(chains, view)
    for chain in chains:
        chain.turn(view)
    _run(chains, half, f"{model.__name__}: warm-up")
    warm = [chain.state for chain in chains]
    for halved in range(MOST_HALVED + 1):
        for chain, state in zip(chains, warm, strict=True):
            chain.restart(state, 0.5**halved)
        found = _drawn(chains, settings, usual.draws, enough, f"{model.__name__}: draws")
        if not found.stats["diverging"].any():
            break
    return found._replace(halved=halved)


def _plain_view(size: int) -> _View:
    return _View(np.zeros(size), np.eye(size) if size <= _DENSE else np.ones(size))


def _learned(chains: list[_Chain], view: _View) -> _View:
    """Centre and scale that make the draws of all chains so far standard and uncorrelated.

    The earlier half is left out; the fewer draws, the less their correlations are believed.
    """
    z = np.concatenate([chain.unconstrained()[len(chain.kept) * BLOCK // 2 :] for chain in chains])
    n, size = z.shape
    if view.scale.ndim == 1:
        return _View(z.mean(axis=0), z.std(axis=0) + _TINY)
    covariance = np.cov(z, rowvar=False).reshape(size, size)
    own = np.diag(np.diag(covariance) + _TINY)
    mixed = (n * covariance + size * own) / (n + size)
    return _View(z.mean(axis=0), np.linalg.cholesky(mixed))


def _drawn(
    chains: list[_Chain],
    settings: Settings,
    first: int,
    enough: Callable[[Sampled], bool],
    what: str,
) -> Sampled:
    """Draws of chains that are warm: as many as asked for, or enough; fewer if one diverges."""
    n = settings.draws or first
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

    def __init__(self, compiled: _Compiled, arrays: Arrays, key: Any, view: _View) -> None:
        self.compiled, self.arrays, self.view = compiled, arrays, view
        own, near = jax.random.split(key)
        self.key = own
        self.place: Any = jax.random.uniform(near, (compiled.size,), float, -_NEAR, _NEAR)
        self.state: Any = None
        self.kept: list[Any] = []

    def turn(self, view: _View) -> None:
        """Go on from the same place, seen in another way; steps are adapted anew."""
        z = self.unconstrained()[-1] - view.centre
        dense = view.scale.ndim == 2
        self.place = np.linalg.solve(view.scale, z) if dense else z / view.scale
        with jax.enable_x64(True):
            self.key = jax.random.split(self.key)[0]
        self.view, self.state, self.kept = view, None, []

    def restart(self, state: Any, factor: float) -> None:
        """Go on from a warm state with steps that are longer or shorter by a factor."""
        with jax.enable_x64(True):
            adapted = state.adapt_state
            adapted = adapted._replace(step_size=adapted.step_size * factor)
            self.state, self.kept = state._replace(adapt_state=adapted), []

    def advance(self) -> None:
        """Run one block."""
        run, more = self.compiled, (self.view, self.arrays)
        with jax.enable_x64(True):
            if self.state is None:
                self.state = run.start(self.key, self.place, *more)
            self.state, out = run.advance(self.state, *more)
            self.kept.append(jax.tree.map(np.asarray, out))

    def unconstrained(self) -> Floats:
        """Positions so far, on the unconstrained scale: (draw, parameter)."""
        x = np.concatenate([x for x, _ in self.kept])
        centre, scale = (np.asarray(part) for part in self.view)
        return np.asarray(centre + (x @ scale.T if scale.ndim == 2 else x * scale))

    def drawn(self, n: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """The first n draws: sites and statistics of the sampler."""
        x, stats = jax.tree.map(lambda *parts: np.concatenate(parts), *self.kept)
        with jax.enable_x64(True):
            sites = self.compiled.sites(x, self.view, self.arrays)
        first = [{k: np.asarray(v)[:n] for k, v in part.items()} for part in (sites, stats)]
        return first[0], first[1]


class _Shapes:
    """Arrays that count as equal where their names, shapes and types are."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = jax.tree.map(np.zeros_like, arrays)  # data are not kept alive
        leaves, tree = jax.tree.flatten(arrays)
        self.key = (tree, tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shapes) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@functools.lru_cache(maxsize=32)
def _size(model: Callable[..., None], options: Options, shapes: _Shapes) -> int:
    """Number of parameters."""
    found = _unconstrained(functools.partial(model, **dict(options)), shapes.arrays)
    return int(sum(values.size for values in found.values()))


@functools.lru_cache(maxsize=32)
def _compiled(
    model: Callable[..., None], options: Options, shapes: _Shapes, warmup: int, target: float
) -> _Compiled:
    """Compile a model for arrays of some shapes."""
    asked = functools.partial(model, **dict(options))
    flat, unflat = ravel_pytree(_unconstrained(asked, shapes.arrays))

    def values(x: Any, view: _View) -> Any:
        return unflat(view.centre + (view.scale @ x if view.scale.ndim == 2 else view.scale * x))

    def potential(view: _View, arrays: Arrays) -> Callable[[Any], Any]:
        return lambda x: potential_energy(asked, (), arrays, values(x, view))

    begin, move = hmc(potential_fn_gen=potential, algo="NUTS")

    @jax.jit
    def start(key: Any, place: Any, view: _View, arrays: Arrays) -> Any:
        return begin(
            place,
            num_warmup=warmup,
            target_accept_prob=target,
            max_tree_depth=(WARM_DEPTH, MAX_DEPTH),
            model_args=(view, arrays),
            rng_key=key,
        )

    @jax.jit
    def advance(state: Any, view: _View, arrays: Arrays) -> Any:
        def step(state: Any, _: None) -> Any:
            state = move(state, model_args=(view, arrays))
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
    def sites(x: Any, view: _View, arrays: Arrays) -> Any:
        def one(x: Any) -> Any:
            return constrain_fn(asked, (), arrays, values(x, view), return_deterministic=True)

        return jax.lax.map(one, x, batch_size=_AT_A_TIME)

    return _Compiled(start, advance, sites, flat.size)


def _unconstrained(model: Callable[..., None], arrays: Arrays) -> dict[str, Any]:
    """Zeros in the shapes of the model's parameters on the unconstrained scale."""
    shapes: dict[str, Any] = {}

    def traced(arrays: Arrays) -> None:
        seeded = handlers.trace(handlers.seed(model, jax.random.PRNGKey(0)))
        for name, site in seeded.get_trace(**arrays).items():
            if site["type"] == "sample" and not site["is_observed"]:
                shapes[name] = biject_to(site["fn"].support).inv(site["value"]).shape

    jax.eval_shape(traced, arrays)
    return {name: np.zeros(shape) for name, shape in shapes.items()}
