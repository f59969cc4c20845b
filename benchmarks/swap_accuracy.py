"""Cell swaps of pairwise accuracy for all pairs of scorers, compared with recomputation.

Run: python -m benchmarks swap_accuracy [--quick]
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks import peers, swaps, timing
from benchmarks.timing import Clock, Row, Seconds
from benchmarks.workloads import Scores
from metaeval.statistics import pairwise_accuracy


def by_mtme(clock: Clock, scores: Scores, n: int) -> Seconds:
    """PERM-BOTH of the WMT tool for one pair of scorers, scaled to all pairs; CPU time."""
    from mt_metrics_eval.stats import Correlation, KendallVariants, PermutationSigDiff

    n_systems, n_pairs = scores.human.shape[1], len(scores.scorers) * (len(scores.scorers) - 1) // 2
    gold = scores.human.T.ravel().tolist()
    first, second = (Correlation(n_systems, gold, x.T.ravel().tolist()) for x in scores.scorers[:2])

    def swap(m: int) -> None:
        PermutationSigDiff(first, second, KendallVariants, "item", m, variant="acc23", epsilon=0.1)

    return clock.scaled(swap, n * n_pairs, time.process_time)


def rows(clock: Clock) -> Iterator[Row]:
    scores, table, n, sizes = swaps.data(clock)
    seconds = clock.warm(lambda: swaps.ours(table, pairwise_accuracy("acc-eq"), n))

    def against(peer: str, time_peer: Seconds, package: str, target: float) -> Row:
        work = "cell swaps of pairwise accuracy, all pairs of scorers"
        columns = {"package": package, "target": target, **sizes}
        return timing.row(work, "test='swap-cells'", seconds, peer, time_peer, **columns)

    at_once = swaps.by_numpy(clock, scores, peers.accuracy, n)
    yield against("NumPy, all items at once", at_once, "numpy", 500)
    loop = swaps.by_numpy(clock, scores, peers.accuracy_by_item, n)
    yield against("NumPy, item by item", loop, "numpy", 5000)
    if timing.here("mt_metrics_eval"):
        peer = by_mtme(clock, scores, n)
        yield against("mt-metrics-eval, CPU time", peer, "mt-metrics-eval", 100_000)


if __name__ == "__main__":
    timing.main(rows)
