"""Cell swaps of Pearson's correlation for all pairs of scorers, compared with recomputation.

Run: python -m benchmarks swap_pearson [--quick]
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import peers, swaps, timing
from benchmarks.timing import Clock, Row, Seconds
from benchmarks.workloads import Scores
from metaeval.statistics import pearson


def by_nlpstats(clock: Clock, scores: Scores, n: int) -> Seconds:
    """Its "both" swaps whole systems, then whole items: different swaps, but the same work."""
    from nlpstats.correlations import permutation_test

    x, y, human = (matrix.T for matrix in (*scores.scorers[:2], scores.human))
    n_pairs = len(scores.scorers) * (len(scores.scorers) - 1) // 2
    return clock.scaled(
        lambda m: permutation_test(x, y, human, "global", "pearson", "both", n_resamples=m),
        n * n_pairs,
    )


def rows(clock: Clock) -> Iterator[Row]:
    scores, table, n, sizes = swaps.data(clock)
    seconds = clock.warm(lambda: swaps.ours(table, pearson(), n))

    def against(peer: str, time_peer: Seconds, package: str, target: float | str) -> Row:
        work = "cell swaps of Pearson's correlation, all pairs of scorers"
        columns = {"package": package, "target": target, **sizes}
        return timing.row(work, "test='swap-cells'", seconds, peer, time_peer, **columns)

    by_corrcoef = swaps.by_numpy(clock, scores, peers.correlation, n)
    yield against("NumPy, numpy.corrcoef", by_corrcoef, "numpy", 500)
    if timing.here("nlpstats"):
        peer = by_nlpstats(clock, scores, n)
        yield against("nlpstats permutation_test, both", peer, "nlpstats", "")


if __name__ == "__main__":
    timing.main(rows)
