"""Weighted sums and exceedance counts in JAX, loaded only for large problems."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from metaeval.core import (
    double_precision,
    enable_compilation_cache as enable_compilation_cache,
    split_over,
)
from metaeval.resampling.random_weights import WEIGHT_SCHEMES, table_of
from metaeval.resampling.threefry import threefry

CHUNK = 250  # resamples whose weights are in memory at one time on one device


def _unpacked(words: Any, kind: str, dtype: Any) -> Any:
    """Weights (resample, unit) from random words (resample, word)."""
    n = len(words)
    if kind == "sign":
        bits = (words[:, :, None] >> jnp.arange(32, dtype=jnp.uint32)) & jnp.uint32(1)
        return (1 - 2 * bits.astype(jnp.int8)).astype(dtype).reshape(n, -1)
    if kind == "poisson":
        parts = jax.lax.bitcast_convert_type(words, jnp.uint8).reshape(n, -1)
        # Comparing with the five edges of the table vectorizes; a gather from it does not.
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

    Products are computed in the dtype of the terms and accumulated in that of the sums.
    """
    n_pairs = len(terms) // WEIGHT_SCHEMES[kind].per_pair

    def product(words: Any) -> Any:
        weights = _unpacked(words, kind, terms.dtype)
        return jnp.matmul(
            weights,
            terms,
            precision=jax.lax.Precision.HIGHEST,
            preferred_element_type=sums.dtype,
        )

    def of_device(sums: Any, resamples: Any) -> Any:
        # All words first: unpacking inside the generating loop is up to ten times slower.
        words = _words(key, resamples, n_pairs, first).reshape(-1, CHUNK, 2 * n_pairs)
        return sums + jax.lax.map(product, words).reshape(sums.shape)

    return _over_devices(of_device)(sums, resamples)


def _over_devices(function: Any) -> Any:
    """Run on each device with its own resamples."""
    mesh = Mesh(np.array(jax.devices()), ("resample",))
    split = PartitionSpec("resample")  # type: ignore[no-untyped-call]
    return split_over(mesh, split, function)


def count_flips(sums: Any, family: Any, two_sided: bool) -> Any:
    """Exceedances of each pair, and of maxima from each pair onward: (2, pair).

    `sums` (flip, column); `family` holds, for each pair, its two columns, the threshold of the
    difference, the studentizing terms, and the threshold of squared t; pairs are in descending
    order of the observed t.
    """
    n = len(sums)
    padded = np.full((sums.shape[1], -(-n // CHUNK) * CHUNK), np.nan)
    padded[:, :n] = sums.T
    with double_precision():
        counts = _count_flips(padded, family, two_sided=two_sided)
        return np.asarray(counts).T.astype(np.int64)


@functools.partial(jax.jit, static_argnames=("two_sided",))
def _count_flips(sums: Any, family: Any, *, two_sided: bool) -> Any:
    def add(maximum: Any, pair: Any) -> tuple[Any, Any]:
        first, second, threshold, square, factor, threshold_t = pair
        gap = sums[first] - sums[second]
        squared = gap * gap
        rest = square - squared
        flat = rest <= 1e-12 * square
        t = jnp.where(flat, jnp.inf, squared * factor / jnp.where(flat, 1.0, rest))
        t = jnp.where(squared == 0, 0.0, t)
        maximum = jnp.maximum(maximum, t if two_sided else jnp.sign(gap) * t)
        exceeds = (jnp.abs(gap) if two_sided else gap) >= threshold
        return maximum, jnp.stack([exceeds.sum(), (maximum >= threshold_t).sum()])

    # A reverse scan over pairs accumulates the maxima; one pair at a time fits in cache.
    none = jnp.full(sums.shape[1], -jnp.inf)
    return jax.lax.scan(add, none, family, reverse=True)[1]


def count_above(sums: Any, low: Any, high: Any) -> Any:
    """Count differences of two systems that are >= low, plus those >= high: (pair, k).

    Each flip counts together with its opposite, in which a - b becomes b - a. `sums` (flip, system,
    k); `low` and `high` (pair, k) of pairs a < b in the order of `numpy.triu_indices`.
    """
    n_systems = sums.shape[1]
    padded = np.full((-(-len(sums) // CHUNK) * CHUNK, *sums.shape[1:]), np.nan)
    padded[: len(sums)] = sums
    pairs = np.triu_indices(n_systems, k=1)
    thresholds = np.full((2, n_systems, n_systems, sums.shape[2]), np.inf)
    thresholds[:, pairs[0], pairs[1]] = thresholds[:, pairs[1], pairs[0]] = low, high
    with double_precision():
        counts = np.asarray(_count_above(padded, *thresholds)).astype(np.int64)
    return counts[pairs] + counts[pairs[::-1]]


@jax.jit
def _count_above(sums: Any, low: Any, high: Any) -> Any:
    def of_system(system: Any) -> Any:
        a, at_low, at_high = system
        gap = jax.lax.dynamic_slice_in_dim(sums, a, 1, axis=1) - sums
        count = (gap >= at_low).astype(jnp.int32) + (gap >= at_high).astype(jnp.int32)
        return count.sum(axis=0, dtype=jnp.int32)

    return jax.lax.map(of_system, (jnp.arange(sums.shape[1]), low, high))
