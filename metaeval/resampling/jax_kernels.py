"""Weighted sums and counts of flips in JAX. Only loaded for work that is large enough."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from metaeval.core import double_precision, keep_compiled as keep_compiled, split_over
from metaeval.resampling.random_weights import KINDS, table_of
from metaeval.resampling.threefry import threefry

CHUNK = 250  # resamples whose weights exist at one time on one device


def _unpacked(words: Any, kind: str, dtype: Any) -> Any:
    """Weights (resample, unit) of random words (resample, word)."""
    n = len(words)
    if kind == "sign":
        bits = (words[:, :, None] >> jnp.arange(32, dtype=jnp.uint32)) & jnp.uint32(1)
        return (1 - 2 * bits.astype(jnp.int8)).astype(dtype).reshape(n, -1)
    if kind == "poisson":
        parts = jax.lax.bitcast_convert_type(words, jnp.uint8).reshape(n, -1)
        edges = np.flatnonzero(np.diff(table_of(kind))) + 1
        counts = sum((parts >= jnp.uint8(edge)).astype(jnp.int8) for edge in edges)
        return jnp.asarray(counts).astype(dtype)
    parts = jax.lax.bitcast_convert_type(words, jnp.uint16).reshape(n, -1)
    return jnp.asarray(table_of(kind), dtype=dtype)[parts]


def _words(key: Any, resamples: Any, n_pairs: int, first: Any) -> Any:
    index = first + jnp.arange(n_pairs, dtype=jnp.uint32)
    x0 = jnp.broadcast_to(resamples[:, None], (len(resamples), n_pairs))
    x1 = jnp.broadcast_to(index[None], x0.shape)
    return jnp.stack(threefry(key, x0, x1), axis=-1).reshape(len(resamples), -1)


@functools.partial(jax.jit, static_argnames=("kind",))
def add_block(sums: Any, key: Any, resamples: Any, first: Any, terms: Any, *, kind: str) -> Any:
    """Sums (resample, column) plus those of one block of units, whose first pair is `first`.

    The dtype of the terms is that of the product; low precision adds up in that of the sums.
    """
    n_pairs = len(terms) // KINDS[kind].per_pair

    def product(words: Any) -> Any:
        weights = _unpacked(words, kind, terms.dtype)
        return jnp.matmul(
            weights,
            terms,
            precision=jax.lax.Precision.HIGHEST,
            preferred_element_type=sums.dtype,
        )

    def of_device(sums: Any, resamples: Any) -> Any:
        # All words first: unpacking them in the loop that makes them is up to ten times slower.
        words = _words(key, resamples, n_pairs, first).reshape(-1, CHUNK, 2 * n_pairs)
        return sums + jax.lax.map(product, words).reshape(sums.shape)

    return _over_devices(of_device)(sums, resamples)


def _over_devices(function: Any) -> Any:
    """Run on the resamples of each device by itself."""
    mesh = Mesh(np.array(jax.devices()), ("resample",))
    split = PartitionSpec("resample")  # type: ignore[no-untyped-call]
    return split_over(mesh, split, function)


def count_flips(sums: Any, family: Any, two_sided: bool) -> Any:
    """Flips as extreme as observed, alone and as maxima from each pair onward: (2, pair).

    `sums` (flip, column); `family` holds, for each pair, its two columns, the threshold of the
    difference, what studentises it, and the threshold of squared t; pairs come with the largest
    observed t first.
    """
    n = len(sums)
    padded = np.full((sums.shape[1], -(-n // CHUNK) * CHUNK), np.nan)
    padded[:, :n] = sums.T
    with double_precision():
        counts = _count_flips(padded, family, two_sided=two_sided)
        return np.asarray(counts).T.astype(np.int64)


@functools.partial(jax.jit, static_argnames=("two_sided",))
def _count_flips(sums: Any, family: Any, *, two_sided: bool) -> Any:
    def add(most: Any, pair: Any) -> tuple[Any, Any]:
        first, second, least, square, factor, least_t = pair
        gap = sums[first] - sums[second]
        squared = gap * gap
        rest = square - squared
        flat = rest <= 1e-12 * square
        t = jnp.where(flat, jnp.inf, squared * factor / jnp.where(flat, 1.0, rest))
        t = jnp.where(squared == 0, 0.0, t)
        most = jnp.maximum(most, t if two_sided else jnp.sign(gap) * t)
        alone = (jnp.abs(gap) if two_sided else gap) >= least
        return most, jnp.stack([alone.sum(), (most >= least_t).sum()])

    # Pair by pair, the last first: what exists at one time fits a processor's cache.
    none = jnp.full(sums.shape[1], -jnp.inf)
    return jax.lax.scan(add, none, family, reverse=True)[1]


def count_above(sums: Any, low: Any, high: Any) -> Any:
    """Differences of two systems that are at least `low`, plus those at least `high`: (pair, k).

    Each flip counts with its mirror image, in which a less b is b less a. `sums` (flip, system,
    k); `low` and `high` (pair, k) of pairs a < b in the order of `numpy.triu_indices`.
    """
    n_systems = sums.shape[1]
    padded = np.full((-(-len(sums) // CHUNK) * CHUNK, *sums.shape[1:]), np.nan)
    padded[: len(sums)] = sums
    pairs = np.triu_indices(n_systems, k=1)
    least = np.full((2, n_systems, n_systems, sums.shape[2]), np.inf)
    least[:, pairs[0], pairs[1]] = least[:, pairs[1], pairs[0]] = low, high
    with double_precision():
        counts = np.asarray(_count_above(padded, *least)).astype(np.int64)
    return counts[pairs] + counts[pairs[::-1]]


@jax.jit
def _count_above(sums: Any, low: Any, high: Any) -> Any:
    def of_system(some: Any) -> Any:
        a, at_low, at_high = some
        gap = jax.lax.dynamic_slice_in_dim(sums, a, 1, axis=1) - sums
        found = (gap >= at_low).astype(jnp.int32) + (gap >= at_high).astype(jnp.int32)
        return found.sum(axis=0, dtype=jnp.int32)

    return jax.lax.map(of_system, (jnp.arange(sums.shape[1]), low, high))
