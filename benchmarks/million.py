"""A million items: time compared with a bare matrix product, and memory beyond the input.

Run: python -m benchmarks million [--quick]
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import timing
from benchmarks.timing import Clock, Row, Seconds
from metaeval.resampling import ExactTerms, key_of, weighted_sums

KIND = "poisson"
BLOCK = 4096
GRID = 2.0**20  # sums of its multiples are exact
FULL, TINY = (1_000_000, 50, 10_000), (12_000, 3, 2000)


def made(n_items: int, n_scorers: int, whole: bool) -> ExactTerms:
    """Terms, generated block by block, so that only they are in memory."""
    rng = np.random.default_rng(0)
    values = np.empty((n_items, n_scorers))
    for start in range(0, n_items, BLOCK):
        block = values[start : start + BLOCK]
        block[:] = rng.integers(0, 2, block.shape) if whole else rng.normal(size=block.shape)
        if not whole:
            block[:] = np.round(block * GRID) / GRID
    return ExactTerms(values, np.ones(n_scorers), whole)


def consume(terms: ExactTerms, n_resamples: int) -> None:
    """Compute the sums and discard them."""
    for _ in weighted_sums(KIND, key_of(0, "bootstrap"), n_resamples, terms, "bootstrap"):
        pass


def held_mb() -> float:
    """Current memory of this process if the system reports it, otherwise its peak."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return timing.peak_mb()
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def ours(quick: bool, whole: bool, runs: int) -> tuple[list[float], float]:
    """Seconds of several runs, and peak megabytes beyond the input."""
    n_items, n_scorers, n = TINY if quick else FULL
    terms = made(n_items, n_scorers, whole)
    before = held_mb()
    # The same shapes: a whole block and the last.
    last_blocks = terms.values[-(BLOCK + n_items % BLOCK) :]
    consume(terms._replace(values=last_blocks), n)
    times = [timing.once(lambda: consume(terms, n)) for _ in range(runs)]
    return times, timing.peak_mb() - before


def bare_product(clock: Clock) -> Seconds:
    """Single-precision products of all blocks of items, one after another."""
    n_items, n_scorers, n = TINY if clock.quick else FULL
    weights, block = jnp.ones((n, BLOCK), "float32"), jnp.ones((BLOCK, n_scorers), "float32")
    multiply = jax.jit(jnp.matmul)
    block_time = clock.warm(lambda: multiply(weights, block).block_until_ready())
    n_blocks = n_items / BLOCK
    description = f"1 of {n_blocks:.0f} blocks: {block_time.least:.3g} s"
    return Seconds(block_time.least * n_blocks, block_time.middle * n_blocks, description)


def rows(clock: Clock) -> Iterator[Row]:
    n_items, n_scorers, n = TINY if clock.quick else FULL
    product = bare_product(clock)
    for whole in (True, False):
        arguments = clock.quick, whole, clock.runs
        measurement = (
            ours(*arguments) if clock.quick else timing.apart("million", "ours", *arguments)
        )
        times, extra = measurement
        yield timing.row(
            "bootstrap of a million items",
            f"weighted_sums, {'0/1' if whole else 'double'} terms",
            Seconds(min(times), float(np.median(times))),
            "bare float32 product in blocks",
            product,
            target=round(1 / 12, 4),
            package="jax",
            items=n_items,
            scorers=n_scorers,
            resamples=n,
            peak_mb=f"{extra:.0f}",
        )


if __name__ == "__main__":
    timing.main(rows)
