"""Weighted sums over units for many resamples, in blocks and exact in any order.

Block sizes bound memory, and thresholds choose between NumPy and JAX; neither changes a number.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from metaeval.core import Codes, Floats, double_precision, with_progress
from metaeval.resampling.exact_sums import ExactTerms
from metaeval.resampling.random_weights import EXACT_BELOW, WEIGHT_SCHEMES, all_signs, weights

MAX_ENUMERATED = 20
WEIGHTS = ("multinomial", "poisson", "exponential")

_BLOCK = 4_000_000  # weights held in memory at one time: 32 MB
_UNITS = 4096  # units in a block of the JAX engine
_ROWS = 10_000  # resamples in a block of the JAX engine
_SUMS = 2**24  # sums returned by one block of the JAX engine
_LARGE = 5_000_000  # number of weights from which JAX is faster if it is already imported
_LARGE_COLD = 100_000_000  # and if it must be imported and compiled first
_FIRST_UNITS = 13  # of enumerated flips, whose 2^13 sums are a block
_COLUMNS = 50  # columns of a matrix product that cost as much as drawing one weight
_SINGLE = 2.0**24  # integers up to this are exact in single precision (24-bit significand)
_HALF = 256.0  # and in bfloat16 (8-bit significand)


def weight_scheme(n_units: int, kind: str | None = None) -> str:
    """Bootstrap weighting scheme: multinomial for few units, else independent Poisson counts.

    Independent counts need no second pass over the units, but their sum varies by resample, which
    matters only for few units.
    """
    return kind or ("multinomial" if n_units < EXACT_BELOW else "poisson")


def largest_weight(kind: str) -> tuple[float, float]:
    """Largest mean weight over units in a resample, and the smallest step between weights."""
    return (
        (1.0, 1.0)
        if kind == "multinomial"
        else (WEIGHT_SCHEMES[kind].largest, WEIGHT_SCHEMES[kind].finest)
    )


def is_large(n_weights: int, n_columns: int = 0) -> bool:
    """Whether a product of this many weights with this many columns is faster in JAX."""
    work = n_weights * (1 + n_columns / _COLUMNS)
    return work > (_LARGE if "jax" in sys.modules else _LARGE_COLD)


def block_size(n_units: int, maximum: int) -> int:
    """Number of resamples in a block of bounded memory; it does not affect results."""
    return int(np.clip(_BLOCK // n_units, 1, maximum))


def weight_blocks(
    kind: str, key: Codes, n_resamples: int, n_units: int, maximum: int = 2_000
) -> Iterator[Floats]:
    """Weights of units, block by block: (resample, unit)."""
    size = block_size(n_units, maximum)
    for start in range(0, n_resamples, size):
        resamples = np.arange(start, min(start + size, n_resamples))
        yield weights(kind, key, resamples, n_units)


def weighted_sums(
    kind: str, key: Codes, n_resamples: int, terms: ExactTerms, what: str
) -> Iterator[Floats]:
    """Sums of values under random weights, block by block: (resample, column).

    Parameters
    ----------
    kind : {"multinomial", "poisson", "exponential", "sign"}
    key : array (2,) of words
    n_resamples : int
    terms : ExactTerms
        Values (unit, column) in exact form for this weighting scheme.
    what : str
        Description for the progress bar.

    Notes
    -----
    The sums are bitwise identical for any block size, engine and number of devices: each weight
    is a function of the key, the resample and the unit, and no sum is rounded.
    """
    n_units = len(terms.values)
    if kind != "multinomial" and is_large(n_resamples * n_units, terms.values.shape[1]):
        return _large_sums(kind, key, n_resamples, terms, what)
    blocks = weight_blocks(kind, key, n_resamples, n_units)
    n_blocks = -(-n_resamples // block_size(n_units, 2_000))
    return (block @ terms.values for block in with_progress(blocks, n_blocks, what))


def rechunk(blocks: Iterator[Floats], size: int) -> Iterator[Floats]:
    """The same rows in blocks of equal size, so that sums over several strata align."""
    buffer: list[Floats] = []
    for block in blocks:
        buffer = [np.concatenate([*buffer, block])]
        while len(buffer[0]) >= size:
            yield buffer[0][:size]
            buffer = [buffer[0][size:]]
    if buffer and len(buffer[0]):
        yield buffer[0]


def enumerated_sums(terms: ExactTerms, *, mirrored: bool = False) -> Iterator[Floats]:
    """Sums of values under all sign vectors, one of each pair of opposites or both."""
    values, n_first = terms.values, min(len(terms.values) - 1, _FIRST_UNITS)
    # All sums of the first units serve for each sign vector of the others.
    of_first = all_signs(0, 2**n_first, n_first) @ values[:n_first]
    n_rest = len(values) - n_first
    of_rest = all_signs(0, 2 ** (n_rest - 1), n_rest) @ values[n_first:]
    for row in with_progress(of_rest, len(of_rest), "sign flips"):
        sums = of_first + row
        yield np.concatenate([sums, -sums]) if mirrored else sums


def _large_sums(
    kind: str, key: Codes, n_resamples: int, terms: ExactTerms, what: str
) -> Iterator[Floats]:
    """Weighted sums in JAX; blocks of units are accumulated on the device."""
    import jax

    from metaeval.resampling import jax_kernels

    jax_kernels.enable_compilation_cache()
    n_columns = terms.values.shape[1]
    unit = jax_kernels.CHUNK * jax.device_count()
    rows = max(unit, min(_ROWS, _SUMS // n_columns) // unit * unit)
    product, total = _dtypes(terms, kind)
    n_blocks = -(-n_resamples // rows) * -(-len(terms.values) // _UNITS)
    ticks = with_progress(range(n_blocks), n_blocks, what)
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
                    np.uint32(first // WEIGHT_SCHEMES[kind].per_pair),
                    jax.numpy.asarray(values, product),
                    kind=kind,
                ).block_until_ready()
            finished = np.asarray(sums)[:n, :n_columns].astype(np.float64)
        yield finished
    next(ticks, None)


def _padded(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def _unit_blocks(values: Floats) -> Iterator[tuple[int, Floats]]:
    """Blocks of units, zero-padded so that few shapes are compiled."""
    columns = _padded(values.shape[1], 8)
    for first in range(0, len(values), _UNITS):
        chunk = values[first : first + _UNITS]
        block = np.zeros((_padded(len(chunk), 64), columns))
        block[: len(chunk), : values.shape[1]] = chunk
        yield first, block


def _dtypes(terms: ExactTerms, kind: str) -> tuple[str, str]:
    """Narrowest dtypes of the product and of the sums that keep both exact."""
    if not (terms.integral and terms.bound(WEIGHT_SCHEMES[kind].largest) < _SINGLE):
        return "float64", "float64"
    small = WEIGHT_SCHEMES[kind].finest == 1 and terms.largest <= _HALF
    exact = WEIGHT_SCHEMES[kind].finest == 1
    return ("bfloat16" if small else "float32" if exact else "float64"), (
        "float32" if exact else "float64"
    )
