"""Random weights and signs of units, as functions of (seed, resample, unit)."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np

from metaeval.core import Codes, Floats
from metaeval.resampling.threefry import threefry

EXACT_BELOW = 100  # units below which counts are multinomial

# One byte indexes 256 equally likely counts. The multiplicities of 0 to 5 make mean and variance
# exactly 1 and the third central moment 1.008 (Poisson: 1), so a byte replaces a Poisson draw.
_COUNTS = np.repeat(np.arange(6.0), (93, 98, 43, 17, 4, 1))
_FINE = 2.0**12  # exponential weights are multiples of 2**-12, so that sums can be exact
_EXPONENTIALS = np.round(-np.log((np.arange(65536) + 0.5) / 65536) * _FINE) / _FINE
_PAIRS_AT_A_TIME = 2**15  # of words: 256 kB, which fits in cache


class WeightScheme(NamedTuple):
    """A weighting scheme: units per pair of random words, largest weight, and smallest step."""

    per_pair: int
    largest: float
    finest: float


WEIGHT_SCHEMES = {
    "sign": WeightScheme(64, 1.0, 1.0),
    "poisson": WeightScheme(8, 5.0, 1.0),
    "exponential": WeightScheme(4, float(_EXPONENTIALS[0]), 1 / _FINE),
}


def table_of(kind: str) -> Floats:
    """Weight of each byte (or 16-bit half word), used by both engines."""
    return {"poisson": _COUNTS, "exponential": _EXPONENTIALS}[kind]


def words(key: Codes, resamples: Codes, n_pairs: int, first: int = 0) -> Codes:
    """Random words of each resample, pairs `first` onward: (resample, 2 * n_pairs) of uint32."""
    out = np.empty((len(resamples), n_pairs, 2), dtype="<u4")
    step = max(1, _PAIRS_AT_A_TIME // n_pairs)
    index = np.arange(first, first + n_pairs, dtype=np.uint32)
    for start in range(0, len(resamples), step):
        block = np.asarray(resamples[start : start + step], dtype=np.uint32)
        x0, x1 = (np.ascontiguousarray(x) for x in np.broadcast_arrays(block[:, None], index))
        out[start : start + step, :, 0], out[start : start + step, :, 1] = threefry(key, x0, x1)
    return out.reshape(len(resamples), 2 * n_pairs)


def weights(kind: str, key: Codes, resamples: Codes, n_units: int) -> Floats:
    """Weights of units in some resamples: (resample, unit).

    Parameters
    ----------
    kind : {"multinomial", "poisson", "exponential", "sign"}
        Counts of units drawn with replacement; independent counts with mean and variance 1;
        exponential weights rounded to multiples of 2^-12 (Bayesian bootstrap); signs.
    key : array (2,) of words
    resamples : array (resample,)
        Indices of the resamples: a weight depends only on the key, this index and its unit
        (multinomial counts also on the number of units).
    n_units : int
    """
    if kind == "multinomial":
        return _multinomial(key, resamples, n_units)
    n_pairs = -(-n_units // WEIGHT_SCHEMES[kind].per_pair)
    random = words(key, resamples, n_pairs)
    if kind == "sign":
        bits = np.unpackbits(random.view(np.uint8), axis=1, count=n_units, bitorder="little")
        return 1.0 - 2.0 * bits
    part = np.uint8 if kind == "poisson" else np.dtype("<u2")
    which: Any = random.view(part)[:, :n_units]
    return np.take(table_of(kind), which, mode="clip")


def _multinomial(key: Codes, resamples: Codes, n_units: int) -> Floats:
    """Counts of n draws from n units; the probability of a unit is off by less than n / 2^32.

    Multiplying a 32-bit word by n and keeping the high bits maps it to 0 .. n - 1 without a
    division (Lemire 2019, Fast random integer generation in an interval).
    """
    random = words(key, resamples, -(-n_units // 2))[:, :n_units]
    units = (random.astype(np.uint64) * np.uint64(n_units)) >> np.uint64(32)
    cells = units.astype(np.int64) + np.arange(len(resamples))[:, None] * n_units
    counts = np.bincount(cells.ravel(), minlength=len(resamples) * n_units)
    return counts.reshape(len(resamples), n_units).astype(float)


def all_signs(start: int, stop: int, n_units: int) -> Floats:
    """Sign vectors start to stop of the 2^(n - 1) whose last sign is +: (vector, unit)."""
    code = np.arange(start, stop, dtype="<u4")
    bits = np.unpackbits(code.view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")
    return 1.0 - 2.0 * bits[:, :n_units]


if sys.byteorder != "little":  # the bytes of a word are used in little-endian order
    raise ImportError("metaeval runs on little-endian machines only.")
