"""Speed of random signs times terms relative to a matrix product, by number format.

Run: python -m benchmarks sign_kernel [--quick]
"""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import timing, workloads
from benchmarks.timing import Clock, Row, Seconds
from metaeval.core import Floats, double_precision
from metaeval.resampling import ExactTerms, key_of, on_grid, weighted_sums

WORK = "random signs times terms"


def peak(clock: Clock, dtype: str, flops: float) -> Seconds:
    """Time of the fastest matrix product for this number of operations."""
    size = 128 if clock.quick else 2048
    with double_precision():
        square = jnp.ones((size, size), dtype)
        total = "float64" if dtype == "float64" else "float32"
        multiply = jax.jit(lambda x: jnp.matmul(x, x, preferred_element_type=total))
        seconds = clock.warm(lambda: multiply(square).block_until_ready())
    scale = flops / (2.0 * size**3)
    rate = 2e-9 * size**3 / seconds.least
    return Seconds(seconds.least * scale, seconds.middle * scale, f"{rate:.0f} GFLOP/s at {size}^3")


def terms_of(dtype: str, n_items: int, n_scorers: int) -> ExactTerms:
    """Terms that our kernel multiplies in this number format."""
    outcomes = workloads.outcomes(n_items, n_scorers)
    values: Floats = {
        "bfloat16": outcomes,
        "float32": 1000 * outcomes,
        "float64": on_grid(workloads.measures(n_items, n_scorers)),
    }[dtype]
    return ExactTerms(values, np.ones(n_scorers), dtype != "float64")


def rows(clock: Clock) -> Iterator[Row]:
    n_items, n_scorers, n = (600, 5, 20_000) if clock.quick else (10_000, 50, 10_000)
    key = key_of(0, "flip")
    flops = 2.0 * n_items * n_scorers * n
    for dtype in ("float32", "float64", "bfloat16"):
        terms = terms_of(dtype, n_items, n_scorers)
        seconds = clock.warm(lambda t=terms: list(weighted_sums("sign", key, n, t, "signs")))
        yield timing.row(
            WORK,
            f"{dtype}, {1e-9 * flops / seconds.least:.0f} GFLOP/s",
            seconds,
            f"JAX matrix product, {dtype}",
            peak(clock, dtype, flops),
            target=0.25,
            package="jax",
            items=n_items,
            scorers=n_scorers,
            resamples=n,
        )


if __name__ == "__main__":
    timing.main(rows)
