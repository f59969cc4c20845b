"""Compiled blocks of NUTS steps, one compilation per model and shape of the data."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from numpyro import handlers
from numpyro.distributions import biject_to
from numpyro.infer.hmc import hmc
from numpyro.infer.util import constrain_fn, potential_energy

BLOCK = 50  # steps between two progress updates, and between two chances to interrupt
# At most 2^depth leapfrog steps: trajectories during warm-up, whose step sizes are not yet adapted,
# are cut short.
WARM_DEPTH, MAX_DEPTH = 5, 10
_DRAWS_PER_BATCH = 64  # bounds the memory of transformed draws

Arrays = Mapping[str, Any]
"""Arguments of a model by name: arrays or pytrees of arrays."""

Options = tuple[tuple[str, Any], ...]
"""Static arguments of a model by name; the model is recompiled for each combination of values."""


@dataclass(frozen=True, kw_only=True)
class CompiledSampler:
    """Compiled functions of a chain.

    Positions are flat vectors x; unconstrained parameters are z = center + scale x.
    """

    start: Callable[..., Any]  # maps key, position, transform, arrays to a state
    advance: Callable[..., Any]  # maps state, transform, arrays to state, (x, statistics)
    sites: Callable[..., Any]  # maps x (draw, parameter), transform, arrays to sites
    size: int  # length of x


class AffineTransform(NamedTuple):
    """Coordinates of a chain: `scale` is lower triangular, or a vector if x is long."""

    center: Any
    scale: Any


class ShapeKey:
    """Key for caches: arrays are equal if their names, shapes and types are."""

    def __init__(self, arrays: Arrays) -> None:
        # zeros, so that caches do not keep the data alive
        self.arrays = jax.tree.map(np.zeros_like, arrays)
        leaves, tree = jax.tree.flatten(arrays)
        self.key = (tree, tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShapeKey) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@functools.lru_cache(maxsize=32)
def n_parameters(model: Callable[..., None], options: Options, shapes: ShapeKey) -> int:
    """Return the number of unconstrained parameters."""
    parameters = _zero_parameters(functools.partial(model, **dict(options)), shapes.arrays)
    return int(sum(values.size for values in parameters.values()))


@functools.lru_cache(maxsize=32)
def compile_sampler(
    model: Callable[..., None], options: Options, shapes: ShapeKey, warmup: int, target: float
) -> CompiledSampler:
    """Compile the sampler of a model for arrays of given shapes."""
    bound_model = functools.partial(model, **dict(options))
    flat, unflat = ravel_pytree(_zero_parameters(bound_model, shapes.arrays))

    def values(x: Any, transform: AffineTransform) -> Any:
        return unflat(
            transform.center
            + (transform.scale @ x if transform.scale.ndim == 2 else transform.scale * x)
        )

    def potential(transform: AffineTransform, arrays: Arrays) -> Callable[[Any], Any]:
        return lambda x: potential_energy(bound_model, (), arrays, values(x, transform))

    initialize, kernel = hmc(potential_fn_gen=potential, algo="NUTS")

    @jax.jit
    def start(key: Any, position: Any, transform: AffineTransform, arrays: Arrays) -> Any:
        return initialize(
            position,
            num_warmup=warmup,
            target_accept_prob=target,
            max_tree_depth=(WARM_DEPTH, MAX_DEPTH),
            model_args=(transform, arrays),
            rng_key=key,
        )

    @jax.jit
    def advance(state: Any, transform: AffineTransform, arrays: Arrays) -> Any:
        def step(state: Any, _: None) -> Any:
            state = kernel(state, model_args=(transform, arrays))
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
    def sites(x: Any, transform: AffineTransform, arrays: Arrays) -> Any:
        def constrain(x: Any) -> Any:
            return constrain_fn(
                bound_model, (), arrays, values(x, transform), return_deterministic=True
            )

        return jax.lax.map(constrain, x, batch_size=_DRAWS_PER_BATCH)

    return CompiledSampler(start=start, advance=advance, sites=sites, size=flat.size)


def _zero_parameters(model: Callable[..., None], arrays: Arrays) -> dict[str, Any]:
    """Return zeros in the shapes of the unconstrained parameters of a model."""
    shapes: dict[str, Any] = {}

    def traced(arrays: Arrays) -> None:
        seeded = handlers.trace(handlers.seed(model, jax.random.PRNGKey(0)))
        for name, site in seeded.get_trace(**arrays).items():
            if site["type"] == "sample" and not site["is_observed"]:
                shapes[name] = biject_to(site["fn"].support).inv(site["value"]).shape

    jax.eval_shape(traced, arrays)
    return {name: np.zeros(shape) for name, shape in shapes.items()}
