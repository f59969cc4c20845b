"""A counter-based generator of random words, identical in NumPy and JAX.

A weight is then a function of (key, resample, unit): any block, thread or device can compute it,
and adding resamples or units leaves earlier weights unchanged.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from metaeval.core import Codes

# Rotation and parity constants of Threefry-2x32 (Salmon et al. 2011, as in Random123).
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_STREAMS = ("bootstrap", "flip", "system", "normal")


def key_of(seed: int, stream: str, part: int = 0) -> Codes:
    """Key of one purpose and stratum, so that streams are independent: (2,) words."""
    entropy = [seed, _STREAMS.index(stream), part]
    return np.random.SeedSequence(entropy).generate_state(2, np.uint32)


def threefry(key: Any, x0: Any, x1: Any) -> tuple[Any, Any]:
    """Threefry-2x32 with 20 rounds of the counters (x0, x1): two arrays of words.

    Parameters
    ----------
    key : array (2,) of uint32
    x0, x1 : array of uint32, NumPy or JAX

    Notes
    -----
    Written in elementary operations, which both libraries vectorize and compute identically.

    References
    ----------
    Salmon, Moraes, Dror, Shaw (2011), Parallel random numbers: as easy as 1, 2, 3.

    Examples
    --------
    >>> zero = np.zeros(1, dtype=np.uint32)
    >>> [hex(int(w[0])) for w in threefry(np.zeros(2, dtype=np.uint32), zero, zero)]
    ['0x6b200159', '0x99ba4efe']
    """
    word = np.uint32
    keys = (key[:1], key[1:], key[:1] ^ key[1:] ^ word(_PARITY))
    x0, x1 = x0 + keys[0], x1 + keys[1]
    for group in range(5):
        for by in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = ((x1 << word(by)) | (x1 >> word(32 - by))) ^ x0
        x0 = x0 + keys[(group + 1) % 3]
        x1 = x1 + keys[(group + 2) % 3] + word(group + 1)
    return x0, x1
