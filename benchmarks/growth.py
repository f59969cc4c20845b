"""Time and memory by number of items, scorers and resamples, each in its own process.

Run: python -m benchmarks growth [--quick]
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import bootstrap, sign_flip, timing, workloads
from benchmarks.timing import Clock, Row, Seconds

SIZES = (  # items, scorers, resamples; one changes at a time
    *((n, 20, 1_000) for n in (1_000, 10_000, 100_000, 1_000_000)),
    *((10_000, k, 1_000) for k in (2, 200)),
    *((10_000, 20, r) for r in (10_000, 100_000)),
)
WORK = {"bootstrap": bootstrap.ours, "sign-flip tests": sign_flip.ours}


def ours(work: str, n_items: int, n_scorers: int, n_resamples: int) -> tuple[float, float]:
    """Seconds after a warm-up run, and peak memory of the process in megabytes."""
    values = workloads.measures(n_items, n_scorers)
    WORK[work](values, n_resamples)
    return timing.once(lambda: WORK[work](values, n_resamples)), timing.peak_mb()


def rows(clock: Clock) -> Iterator[Row]:
    for work in WORK:
        for n_items, n_scorers, n in [(100, 3, 100)] if clock.quick else SIZES:
            arguments = work, n_items, n_scorers, n
            measurement = (
                ours(*arguments) if clock.quick else timing.apart("growth", "ours", *arguments)
            )
            yield timing.row(
                f"growth of {work}",
                "double terms",
                Seconds(measurement[0], measurement[0]),
                items=n_items,
                scorers=n_scorers,
                resamples=n,
                peak_mb=f"{measurement[1]:.0f}",
            )


if __name__ == "__main__":
    timing.main(rows)
