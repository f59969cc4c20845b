"""Resampling: weights of items, flips of their signs, and sums that are exact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from metaeval.arrays import Codes, Floats
from metaeval.progress import steps

MAX_ENUMERATED = 20
MAX_FLIPS = 1_000_000

_STREAMS = ("bootstrap", "flip", "fold", "chain")
_BLOCK = 4_000_000  # numbers in a block of weights or signs
_SIGNS = 2**13  # sign vectors in a block
_EQUAL = 1e-12  # sums that differ by less than this share of their size are equal


def generator(seed: int, stream: str, part: int = 0) -> np.random.Generator:
    """Random numbers for one purpose and part, so that no purpose moves another's draws."""
    key = np.random.SeedSequence([seed, _STREAMS.index(stream), part])
    return np.random.Generator(np.random.Philox(key))


def on_grid(terms: Floats) -> Floats:
    """Terms (unit, ...) rounded so that every weighted sum of them is exact in any order.

    Each column is rounded to a power of two, so small against its largest value that sums with
    whole weights adding up to the number of units need no more than 53 bits.
    """
    largest = np.abs(terms).max(axis=0)
    bits = 53 - int(np.ceil(np.log2(max(len(terms), 2)))) - 1
    with np.errstate(divide="ignore"):
        power = np.where(largest > 0, np.ceil(np.log2(np.where(largest > 0, largest, 1.0))), 0.0)
    step = 2.0 ** (power - bits)
    return np.asarray(np.round(terms / step) * step)


def block_size(n_units: int, most: int) -> int:
    """Replicates in a block of bounded memory; blocks change no number."""
    return max(1, min(_BLOCK // n_units, most))


def item_weights(
    seed: int, part: int, n_units: int, n_resamples: int, rows_at_a_time: int = 2_000
) -> Iterator[Floats]:
    """Multinomial counts of how often each unit is drawn: blocks of (replicate, unit)."""
    random = generator(seed, "bootstrap", part)
    size = block_size(n_units, rows_at_a_time)
    for start in range(0, n_resamples, size):
        n = min(size, n_resamples - start)
        drawn = random.integers(0, n_units, size=(n, n_units))
        drawn += np.arange(n)[:, None] * n_units
        counts = np.bincount(drawn.ravel(), minlength=n * n_units)
        yield counts.reshape(n, n_units).astype(float)


class FlipTest(NamedTuple):
    """Two-sided p-values of a sign-flip test, the flips behind them, and whether all were tried."""

    p_value: Floats
    n_flips: int
    enumerated: bool


def sign_flip(
    contributions: Floats, first: Codes, second: Codes, *, n_flips: int, seed: int, part: int = 0
) -> FlipTest:
    """Paired sign-flip test of differences of columns.

    Parameters
    ----------
    contributions : array (unit, scorer)
        What each unit adds to each estimate.
    first, second : array (pair,)
        Columns to compare; the difference of a pair is first less second.
    n_flips : int
        Random flips, where there are more than 20 units; else all 2^units are tried.
    seed, part : int
        Where the random flips come from.

    Returns
    -------
    FlipTest
        p is # / 2^units with all flips tried (the observed one among them), else
        (1 + #) / (1 + n), with # the flips whose sum is at least as large as the observed one.

    Notes
    -----
    Exact where each unit's difference is symmetric about 0 under the null hypothesis; for equal
    means without symmetry it is asymptotic. Sums that are equal up to rounding count as equal.

    References
    ----------
    Phipson and Smyth (2010), Permutation p-values should never be zero.

    Examples
    --------
    >>> import numpy as np
    >>> d = np.arange(1.0, 6.0)[:, None] * [1.0, 0.0]
    >>> float(sign_flip(d, np.array([0]), np.array([1]), n_flips=1, seed=0).p_value[0])
    0.0625
    """
    centred = contributions - contributions.mean(axis=1, keepdims=True)
    observed = np.abs(centred.sum(axis=0)[first] - centred.sum(axis=0)[second])
    size = np.array(
        [np.abs(centred[:, a] - centred[:, b]).sum() for a, b in zip(first, second, strict=True)]
    )
    least = observed - _EQUAL * size
    n_units = len(contributions)
    enumerated = n_units <= MAX_ENUMERATED
    count = np.zeros(len(first), dtype=np.int64)
    blocks = _all_signs(n_units) if enumerated else _random_signs(n_units, n_flips, seed, part)
    n_blocks = (
        2 ** (n_units - 1) // _SIGNS + 1 if enumerated else n_flips // block_size(n_units, _SIGNS)
    )
    for signs in steps(blocks, n_blocks, "sign flips"):
        sums = signs @ centred
        for start in range(0, len(first), 512):
            some = slice(start, start + 512)
            null = np.abs(sums[:, first[some]] - sums[:, second[some]])
            count[some] += (null >= least[some]).sum(axis=0)
    if enumerated:
        return FlipTest(count / 2.0 ** (n_units - 1), 2**n_units, True)
    return FlipTest((1 + count) / (1 + n_flips), n_flips, False)


def _all_signs(n_units: int) -> Iterator[Floats]:
    """Half of all sign vectors, the first sign being +; the others are their mirror image."""
    total, size = 2 ** (n_units - 1), _SIGNS
    for start in range(0, total, size):
        code = np.arange(start, min(start + size, total))
        bits = (code[:, None] >> np.arange(n_units)) & 1
        yield 1.0 - 2.0 * bits


def _random_signs(n_units: int, n_flips: int, seed: int, part: int) -> Iterator[Floats]:
    """One random bit for each unit, from whole words, so that blocks change no sign."""
    random = generator(seed, "flip", part)
    size = block_size(n_units, _SIGNS)
    n_words = -(-n_units // 64)
    for start in range(0, n_flips, size):
        n = min(size, n_flips - start)
        words = random.integers(0, 2**64, size=(n, n_words), dtype=np.uint64).astype("<u8")
        bits = np.unpackbits(words.view(np.uint8), axis=1, count=n_units, bitorder="little")
        yield 2.0 * bits - 1.0
