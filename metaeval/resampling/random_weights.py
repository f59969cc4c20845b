"""Random weights and signs of units, from (seed, resample, index of the unit) alone."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np

from metaeval.core import Codes, Floats
from metaeval.resampling.threefry import threefry

EXACT_BELOW = 100  # so few units get exact multinomial counts

# 256 equally likely values: mean and variance 1 exactly, third central moment 1.008 (Poisson: 1).
_COUNTS = np.repeat(np.arange(6.0), (93, 98, 43, 17, 4, 1))
_FINE = 2.0**12
_EXPONENTIALS = np.round(-np.log((np.arange(65536) + 0.5) / 65536) * _FINE) / _FINE
_PAIRS_AT_A_TIME = 2**15


class Kind(NamedTuple):
    """How units are weighted: units that a pair of words serves, the largest and finest weight."""

    per_pair: int
    largest: float
    finest: float


KINDS = {
    "sign": Kind(64, 1.0, 1.0),
    "poisson": Kind(8, 5.0, 1.0),
    "exponential": Kind(4, float(_EXPONENTIALS[0]), 1 / _FINE),
}


def table_of(kind: str) -> Floats:
    """Weight of each byte (or half word): what both engines look up."""
    return {"poisson": _COUNTS, "exponential": _EXPONENTIALS}[kind]


def words(key: Codes, resamples: Codes, n_pairs: int, first: int = 0) -> Codes:
    """Random words of each resample, pairs `first` onward: (resample, 2 * n_pairs) of uint32."""
    out = np.empty((len(resamples), n_pairs, 2), dtype="<u4")
    step = max(1, _PAIRS_AT_A_TIME // n_pairs)
    index = np.arange(first, first + n_pairs, dtype=np.uint32)
    for start in range(0, len(resamples), step):
        some = np.asarray(resamples[start : start + step], dtype=np.uint32)
        x0, x1 = (np.ascontiguousarray(x) for x in np.broadcast_arrays(some[:, None], index))
        out[start : start + step, :, 0], out[start : start + step, :, 1] = threefry(key, x0, x1)
    return out.reshape(len(resamples), 2 * n_pairs)


def weights(kind: str, key: Codes, resamples: Codes, n_units: int) -> Floats:
    """Weights of units in some resamples: (resample, unit).

    Parameters
    ----------
    kind : {"multinomial", "poisson", "exponential", "sign"}
        Counts of units drawn with replacement; independent counts with mean and variance 1;
        exponential weights, rounded to 2^-12 (the Bayesian bootstrap); signs.
    key : array (2,) of words
    resamples : array (resample,)
        Numbers of the resamples: a weight depends on the key, this number and its unit only
        (multinomial counts: on the number of units too).
    n_units : int
    """
    if kind == "multinomial":
        return _multinomial(key, resamples, n_units)
    n_pairs = -(-n_units // KINDS[kind].per_pair)
    random = words(key, resamples, n_pairs)
    if kind == "sign":
        bits = np.unpackbits(random.view(np.uint8), axis=1, count=n_units, bitorder="little")
        return 1.0 - 2.0 * bits
    part = np.uint8 if kind == "poisson" else np.dtype("<u2")
    which: Any = random.view(part)[:, :n_units]
    return np.take(table_of(kind), which, mode="clip")


def _multinomial(key: Codes, resamples: Codes, n_units: int) -> Floats:
    """Counts of n draws of n units; a unit's chance is off by less than n / 2^32."""
    random = words(key, resamples, -(-n_units // 2))[:, :n_units]
    drawn = (random.astype(np.uint64) * np.uint64(n_units)) >> np.uint64(32)
    place = drawn.astype(np.int64) + np.arange(len(resamples))[:, None] * n_units
    counts = np.bincount(place.ravel(), minlength=len(resamples) * n_units)
    return counts.reshape(len(resamples), n_units).astype(float)


def all_signs(start: int, stop: int, n_units: int) -> Floats:
    """Sign vectors start to stop of the 2^(n - 1) whose last sign is +: (vector, unit)."""
    code = np.arange(start, stop, dtype="<u4")
    bits = np.unpackbits(code.view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")
    return 1.0 - 2.0 * bits[:, :n_units]


if sys.byteorder != "little":  # bytes of words are taken in one order on every machine
    raise ImportError("metaeval runs on little-endian machines only.")
