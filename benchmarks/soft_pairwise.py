"""Soft pairwise accuracy of all scorers at once, compared with one scorer after another.

Run: python -m benchmarks soft_pairwise [--quick]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks import peers, timing, workloads
from benchmarks.timing import Clock, Row, Seconds
from benchmarks.workloads import Scores
from metaeval.core import Floats
from metaeval.statistics.systems.soft_accuracy import p_values


def columns(scores: Scores) -> Floats:
    """Scores, followed by the labels, as input of ours: (item, system, scorer + 1)."""
    return np.stack([*scores.scorers, scores.human], axis=-1)


def ours(values: Floats, n_flips: int, mid_p: bool = True) -> Floats:
    """Soft pairwise accuracy of each scorer."""
    p = p_values(values - values.min(axis=1, keepdims=True), mid_p, n_flips)
    return 1 - np.abs(p[:, :-1] - p[:, -1:]).mean(axis=0)


def by_mtme(scores: Scores, n_flips: int) -> list[float]:
    from mt_metrics_eval.stats import PairwiseConfidenceError

    human, n_systems = scores.human.T.ravel(), scores.human.shape[1]
    return [
        PairwiseConfidenceError(human, x.T.ravel(), n_systems, n_flips)[0] for x in scores.scorers
    ]


def sized(clock: Clock, shape: tuple[int, int, int], n: int, target: float) -> Iterator[Row]:
    n_items, n_systems, n_scorers = shape
    scores = workloads.wmt_like(*shape)
    signs = peers.rint_signs(np.random.default_rng(0), n_items)
    sizes = {"items": n_items, "systems": n_systems, "scorers": n_scorers, "resamples": n}
    values = columns(scores)
    seconds = clock.warm(lambda: ours(values, n))

    def against(name: str, peer: Seconds, package: str, **more: float) -> Row:
        work, function = "soft pairwise accuracy", "soft_pairwise_accuracy"
        return timing.row(work, function, seconds, name, peer, package=package, **sizes, **more)

    peer = clock.warm(lambda: peers.soft_by_scorer(scores.scorers, scores.human, n, signs))
    yield against("NumPy, scorer by scorer", peer, "numpy", target=target)
    if timing.here("mt_metrics_eval"):
        peer = clock.warm(lambda: by_mtme(scores, n))
        yield against("mt-metrics-eval PairwiseConfidenceError", peer, "mt-metrics-eval")


def rows(clock: Clock) -> Iterator[Row]:
    if clock.quick:
        yield from sized(clock, (40, 4, 2), 200, 15)
        return
    yield from sized(clock, (1500, 15, 20), 1000, 15)
    yield from sized(clock, (10_000, 50, 20), 1000, 6)


if __name__ == "__main__":
    timing.main(rows)
