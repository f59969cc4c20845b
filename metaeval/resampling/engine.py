"""Resampling: weighted sums over units for many resamples, exact in any order, blocked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from metaeval.core import Codes, Floats, double_precision, steps
from metaeval.resampling.exact_sums import Terms
from metaeval.resampling.random_weights import EXACT_BELOW, KINDS, all_signs, weights

MAX_ENUMERATED = 20
WEIGHTS = ("multinomial", "poisson", "exponential")

_BLOCK = 4_000_000  # weights that exist at one time
_UNITS = 4096  # units in a block of the JAX engine
_ROWS = 10_000  # resamples in a block of it
_SUMS = 2**24  # sums that it returns at one time
_LARGE = 5_000_000  # weights from which JAX is faster once it is loaded,
_LARGE_COLD = 100_000_000  # and when it must be loaded first
_COLUMNS = 50  # columns of a product that cost as much as drawing a weight
_SINGLE = 2.0**24  # whole numbers below are exact in single precision
_HALF = 256.0  # and in bfloat16


def kind_for(n_units: int, wanted: str | None = None) -> str:
    """How units are weighted in a bootstrap: exact counts where they are few."""
    return wanted or ("multinomial" if n_units < EXACT_BELOW else "poisson")


def largest_weight(kind: str) -> tuple[float, float]:
    """Largest mean weight over the units in a resample, and the finest step of weights."""
    return (1.0, 1.0) if kind == "multinomial" else (KINDS[kind].largest, KINDS[kind].finest)


def is_large(n_weights: int, n_columns: int = 0) -> bool:
    """Whether work on so many weights, in products with so many columns, is for JAX."""
    work = n_weights * (1 + n_columns / _COLUMNS)
    return work > (_LARGE if "jax" in sys.modules else _LARGE_COLD)


def block_size(n_units: int, most: int) -> int:
    """Resamples in a block of bounded memory; blocks change no number."""
    return int(np.clip(_BLOCK // n_units, 1, most))


def weight_blocks(
    kind: str, key: Codes, n_resamples: int, n_units: int, most: int = 2_000
) -> Iterator[Floats]:
    """Weights of units, block by block: (resample, unit)."""
    size = block_size(n_units, most)
    for start in range(0, n_resamples, size):
        resamples = np.arange(start, min(start + size, n_resamples))
        yield weights(kind, key, resamples, n_units)


def weighted_sums(
    kind: str, key: Codes, n_resamples: int, terms: Terms, what: str
) -> Iterator[Floats]:
    """Sums of values weighted by random weights, block by block: (resample, column).

    Parameters
    ----------
    kind : {"multinomial", "poisson", "exponential", "sign"}
    key : array (2,) of words
    n_resamples : int
    terms : Terms
        Values of (unit, column), made exact for this kind of weight.
    what : str
        What the progress bar says.

    Notes
    -----
    The sums are the same bits whatever the blocks, the engine and the devices: every weight
    depends on the key, the resample and its unit alone, and no sum is rounded.
    """
    n_units = len(terms.values)
    if kind != "multinomial" and is_large(n_resamples * n_units, terms.values.shape[1]):
        return _large_sums(kind, key, n_resamples, terms, what)
    blocks = weight_blocks(kind, key, n_resamples, n_units)
    n_blocks = -(-n_resamples // block_size(n_units, 2_000))
    return (block @ terms.values for block in steps(blocks, n_blocks, what))


def same_blocks(blocks: Iterator[Floats], size: int) -> Iterator[Floats]:
    """The same rows in blocks of one size, so that sums over several sets of units go together."""
    held: list[Floats] = []
    for block in blocks:
        held = [np.concatenate([*held, block])]
        while len(held[0]) >= size:
            yield held[0][:size]
            held = [held[0][size:]]
    if held and len(held[0]):
        yield held[0]


def enumerated_sums(terms: Terms, *, mirrored: bool = False) -> Iterator[Floats]:
    """Sums of values under all sign vectors, one of each pair of mirror images or both."""
    n_units = len(terms.values)
    total, size = 2 ** (n_units - 1), 2**13
    starts = range(0, total, size)
    for start in steps(starts, len(starts), "sign flips"):
        sums = all_signs(start, min(start + size, total), n_units) @ terms.values
        yield np.concatenate([sums, -sums]) if mirrored else sums


def _large_sums(
    kind: str, key: Codes, n_resamples: int, terms: Terms, what: str
) -> Iterator[Floats]:
    """Weighted sums by JAX: blocks of units are added up on the device."""
    import jax

    from metaeval.resampling import jax_kernels

    jax_kernels.keep_compiled()
    n_columns = terms.values.shape[1]
    unit = jax_kernels.CHUNK * jax.device_count()
    rows = max(unit, min(_ROWS, _SUMS // n_columns) // unit * unit)
    product, total = _dtypes(terms, kind)
    n_blocks = -(-n_resamples // rows) * -(-len(terms.values) // _UNITS)
    ticks = steps(range(n_blocks), n_blocks, what)
    for start in range(0, n_resamples, rows):
        n = min(rows, n_resamples - start)
        padded = -(-n // unit) * unit
        with double_precision():
            resamples = jax.numpy.arange(start, start + padded, dtype="uint32")
            sums: Any = jax.numpy.zeros((padded, _padded(n_columns, 8)), total)
            for first, values in _unit_blocks(terms.values):
                next(ticks)
                sums = jax_kernels.add_block(
                    sums,
                    key,
                    resamples,
                    np.uint32(first // KINDS[kind].per_pair),
                    jax.numpy.asarray(values, product),
                    kind=kind,
                ).block_until_ready()
            whole = np.asarray(sums)[:n, :n_columns].astype(np.float64)
        yield whole
    next(ticks, None)


def _padded(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def _unit_blocks(values: Floats) -> Iterator[tuple[int, Floats]]:
    """Blocks of units, rows and columns filled up with zeros so that few shapes are compiled."""
    columns = _padded(values.shape[1], 8)
    for first in range(0, len(values), _UNITS):
        some = values[first : first + _UNITS]
        block = np.zeros((_padded(len(some), 64), columns))
        block[: len(some), : values.shape[1]] = some
        yield first, block


def _dtypes(terms: Terms, kind: str) -> tuple[str, str]:
    """Number formats of the product and of the sums in which all of them are exact."""
    if not (terms.whole and terms.bound(KINDS[kind].largest) < _SINGLE):
        return "float64", "float64"
    small = KINDS[kind].finest == 1 and terms.largest <= _HALF
    exact = KINDS[kind].finest == 1
    return ("bfloat16" if small else "float32" if exact else "float64"), (
        "float32" if exact else "float64"
    )
