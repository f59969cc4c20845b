"""Gibbs sampling of truth and confusion: conjugate steps in compiled blocks.

Truths of rows with the same labels are drawn as one multinomial, so the cost hardly depends on
the number of rows.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metaeval.bayes.rater_models.confusion import (
    ParameterLayout,
    confusion_layout,
    prevalence_layout,
)
from metaeval.bayes.sampling.nuts import (
    MAX_DRAWS,
    SMALL_MODEL,
    Arrays,
    ChainDraws,
    Settings,
    StoppingRule,
)
from metaeval.core import (
    SMALLEST_DIVISOR,
    Codes,
    Floats,
    double_precision,
    enable_compilation_cache,
    with_progress,
)

BLOCK = 128  # sweeps between two progress updates, and between two chances to interrupt
MAX_THINNING = 16
# Up to this many rows, drawing the truth of each row is faster than drawing multinomials; in larger
# tables only patterns of few rows are drawn row by row.
_MAX_SINGLE_ROWS = 4096
_MIN_COMMON_ROWS = 16
_MIN_PADDED_LENGTH = 1024  # fewer shapes, hence fewer compilations
# Chains start from draws of the prior with its counts multiplied by this: dispersed, but with
# raters who are mostly correct.
_START_WEIGHT = 5.0


def sample(arrays: Arrays, ordered: bool, settings: Settings, enough: StoppingRule) -> ChainDraws:
    """Draw from the posterior of `rater_density` of form Dawid-Skene.

    Draws are doubled until they are enough; beyond `MAX_DRAWS` the thinning is doubled instead.
    With a design effect d, counts of truths have the mean and variance of those of 1 / d times as
    many rows; higher moments differ.
    """
    enable_compilation_cache()
    n_classes = arrays["labels"].shape[-1]
    with double_precision():
        data = {name: np.asarray(values) for name, values in arrays.items()}
        data |= _split_patterns(data["counts"])
        n_raters = data["labels"].shape[1]
        state = _initial_state(settings.seed, n_raters, n_classes, ordered, settings.n_chains)
    state, _ = _run_blocks(
        state, data, ordered, -(-(settings.n_warmup or SMALL_MODEL.n_warmup) // BLOCK), 1, "warm-up"
    )
    n, thinning = settings.n_draws or SMALL_MODEL.n_draws, 1
    blocks = _no_blocks()
    while True:
        n_blocks = -(-(n - _n_draws(blocks)) * thinning // BLOCK)
        state, new_blocks = _run_blocks(state, data, ordered, n_blocks, thinning, "draws")
        blocks = blocks + new_blocks
        sampled = _as_sites(blocks, n, n_classes, ordered)
        if settings.n_draws or thinning >= MAX_THINNING or enough(sampled):
            return sampled
        if n < MAX_DRAWS:
            n = min(2 * n, MAX_DRAWS)
        else:
            thinning *= 2
            blocks = [tuple(part[:, 1::2] for part in _concatenate(blocks))]


Draws = tuple[Floats, ...]
"""Draws (chain, draw, ...) of rater parameters, prevalence parameters and log posterior."""


def _no_blocks() -> list[Draws]:
    return []


def _n_draws(blocks: list[Draws]) -> int:
    return sum(part[0].shape[1] for part in blocks)


def _concatenate(blocks: list[Draws]) -> Draws:
    return tuple(np.concatenate(arrays, axis=1) for arrays in zip(*blocks, strict=True))


def _as_sites(blocks: list[Draws], n: int, n_classes: int, ordered: bool) -> ChainDraws:
    """Return the first n draws as sites."""
    theta, pi, lp = (part[:, :n] for part in _concatenate(blocks))
    confusion = confusion_layout(n_classes, ordered).matrix(theta)
    prevalence = prevalence_layout(n_classes, ordered).matrix(pi)[..., 0, :]
    accuracy = np.einsum("...c,...rcc->...r", prevalence, confusion)
    sites = {"confusion": confusion, "prevalence": prevalence, "rater_accuracy": accuracy}
    return ChainDraws(sites, {"lp": lp})


def _run_blocks(
    state: Any, data: Arrays, ordered: bool, n_blocks: int, thinning: int, phase: str
) -> tuple[Any, list[Draws]]:
    """Advance all chains by `n_blocks` blocks, with thinning."""
    blocks = []
    for _ in with_progress(range(n_blocks), n_blocks, f"raters: {phase}"):
        with double_precision():
            state, draws = _advance(state, data, ordered=ordered)
            blocks.append(tuple(np.asarray(part)[:, thinning - 1 :: thinning] for part in draws))
    return state, blocks


def _split_patterns(counts: Floats) -> dict[str, Codes]:
    """Split rows into those drawn one by one and patterns drawn as multinomials, both padded."""
    n_rows = counts.astype(int)
    common = (
        np.zeros(len(n_rows), dtype=bool)
        if n_rows.sum() <= _MAX_SINGLE_ROWS
        else n_rows >= _MIN_COMMON_ROWS
    )
    rare_rows = np.repeat(np.arange(len(n_rows)), np.where(common, 0, n_rows))
    common_patterns = np.flatnonzero(common)
    return {
        "row": _pad(rare_rows),
        "is_row": _pad(np.ones(len(rare_rows))),
        "pattern": _pad(common_patterns),
        "size": _pad(n_rows[common_patterns].astype(float)),
    }


def _pad(values: Floats) -> Floats:
    """Pad with zeros to a power of two, at least a minimum length; empty arrays stay empty."""
    length = int(2 ** np.ceil(np.log2(max(len(values), _MIN_PADDED_LENGTH)))) if len(values) else 0
    return np.pad(values, (0, length - len(values)))


def _initial_state(seed: int, n_raters: int, n_classes: int, ordered: bool, chains: int) -> Any:
    """Return dispersed initial states in which raters are mostly correct."""
    rng = np.random.default_rng([seed, 2])
    rater_layout, truth_layout = (
        confusion_layout(n_classes, ordered),
        prevalence_layout(n_classes, ordered),
    )
    theta = rng.standard_gamma(
        _START_WEIGHT * rater_layout.prior, (chains, n_raters, len(rater_layout.prior))
    )
    pi = rng.standard_gamma(_START_WEIGHT * truth_layout.prior, (chains, len(truth_layout.prior)))
    keys = jax.random.split(jax.random.PRNGKey(seed), chains)
    return keys, _normalize(theta, rater_layout), _normalize(pi, truth_layout)


def _normalize(values: Any, layout: ParameterLayout) -> Any:
    """Normalize parameters (..., parameter) by group."""
    return values / (values @ layout.same_group)


@functools.partial(jax.jit, static_argnames=("ordered",))
def _advance(state: Any, data: Arrays, *, ordered: bool) -> Any:
    """Run one block of sweeps of all chains."""

    def of_chain(state: Any) -> Any:
        return jax.lax.scan(
            lambda state, _: _sweep(state, data, ordered), state, None, length=BLOCK
        )

    return jax.vmap(of_chain)(state)


def _sweep(state: Any, data: Arrays, ordered: bool) -> tuple[Any, Any]:
    """Draw truths given raters, then raters given truths; record the state before the sweep."""
    key, theta, pi = state
    key, truth_key, gamma_key = jax.random.split(key, 3)
    labels, counts, effect = data["labels"], data["counts"], data["effect"]
    rater_layout = confusion_layout(labels.shape[-1], ordered)
    truth_layout = prevalence_layout(labels.shape[-1], ordered)
    log_joint = jnp.einsum("url,rcl->uc", labels, jnp.log(rater_layout.matrix(theta)))
    log_joint = log_joint + jnp.log(truth_layout.matrix(pi)[0])
    total = jax.nn.logsumexp(log_joint, axis=1)
    probability = jnp.exp(log_joint - total[:, None])
    truths = _scale_to_effective(
        _draw_truths(truth_key, probability, data), counts[:, None] * probability, effect
    )
    cells = jnp.einsum("url,uc->rcl", labels, truths).reshape(labels.shape[1], -1)
    rater_shape = rater_layout.prior + jnp.maximum(cells @ rater_layout.cell_parameters, 0)
    truth_shape = truth_layout.prior + jnp.maximum(
        truths.sum(axis=0) @ truth_layout.cell_parameters, 0
    )
    gammas = draw_gamma(gamma_key, jnp.concatenate([rater_shape.ravel(), truth_shape]))
    new = gammas[: rater_shape.size].reshape(rater_shape.shape), gammas[rater_shape.size :]
    lp = counts @ total / effect + ((rater_layout.prior - 1) * jnp.log(theta)).sum()
    lp = lp + ((truth_layout.prior - 1) * jnp.log(pi)).sum()
    return (key, _normalize(new[0], rater_layout), _normalize(new[1], truth_layout)), (
        theta,
        pi,
        lp,
    )


def draw_gamma(key: Any, shape: Any) -> Any:
    """Draw gamma variables of shapes of at least 1 by rejection (Marsaglia, Tsang 2000).

    Compiles in half the time of `jax.random.gamma`, and runs in a third.
    """
    d = shape - 1 / 3

    def retry(state: Any) -> Any:
        key, values, pending = state
        key, normal_key, uniform_key = jax.random.split(key, 3)
        x = jax.random.normal(normal_key, shape.shape, dtype=shape.dtype)
        u = jax.random.uniform(uniform_key, shape.shape, dtype=shape.dtype)
        v = jnp.maximum(1 + x / jnp.sqrt(9 * d), 0.0) ** 3
        accepted = jnp.log(u) < x * x / 2 + d - d * v + d * jnp.log(v)
        return key, jnp.where(pending & accepted, d * v, values), pending & ~accepted

    state = key, shape, jnp.ones(shape.shape, dtype=bool)
    return jax.lax.while_loop(lambda state: state[2].any(), retry, state)[1]


def _scale_to_effective(counts: Any, expected: Any, effect: Any) -> Any:
    """Rescale counts to the mean and variance of 1 / effect times as many rows."""
    return expected / effect + (counts - expected) / jnp.sqrt(effect)


def _draw_truths(key: Any, probability: Any, data: Arrays) -> Any:
    """Draw counts of truths by pattern: (pattern, truth)."""
    row_key, count_key = jax.random.split(key)
    cumulative = jnp.cumsum(probability[data["row"]], axis=1)[:, :-1]
    row = (jax.random.uniform(row_key, data["row"].shape)[:, None] > cumulative).sum(axis=1)
    counts = jnp.zeros_like(probability).at[data["row"], row].add(data["is_row"])
    if not len(data["pattern"]):
        return counts
    common = _draw_multinomial(count_key, data["size"], probability[data["pattern"]])
    return counts.at[data["pattern"]].add(common)


def _draw_multinomial(key: Any, size: Any, p: Any) -> Any:
    """Draw multinomial counts (pattern, class) as successive conditional binomials."""

    def step(state: Any, inputs: Any) -> Any:
        remaining, remaining_probability = state
        draw_key, probability = inputs
        conditional = jnp.clip(
            probability / jnp.maximum(remaining_probability, SMALLEST_DIVISOR), 0.0, 1.0
        )
        count = jnp.where(remaining > 0, jax.random.binomial(draw_key, remaining, conditional), 0.0)
        return (remaining - count, remaining_probability - probability), count

    keys = jax.random.split(key, p.shape[1] - 1)
    (remaining, _), counts = jax.lax.scan(step, (size, jnp.ones_like(size)), (keys, p.T[:-1]))
    return jnp.concatenate([counts, remaining[None]]).T
