"""Bootstrap with a tie threshold re-optimized in every replicate, compared with re-sorting.

Run: python -m benchmarks tie_calibration [--quick]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks import peers, timing, workloads
from benchmarks.timing import Clock, Row
from metaeval.core import Codes, Floats
from metaeval.resampling import key_of, weight_blocks, weight_scheme
from metaeval.statistics import tie_calibrated_accuracy
from metaeval.tables import Pairs

STATISTIC = tie_calibrated_accuracy(n_folds=None)


def ours(pairs: Pairs, n: int) -> Floats:
    """Replicates of the best accuracy: (replicate, scorer)."""
    weigh = STATISTIC.weigh(pairs)
    blocks = weight_blocks(weight_scheme(pairs.n_items), key_of(0, "bootstrap"), n, pairs.n_items)
    return np.concatenate([weigh(block) for block in blocks])


def margins(pairs: Pairs) -> tuple[Floats, Floats]:
    """Margins of the first scorer and signs of the labels: two of (item, pair)."""
    shape = (pairs.n_items, -1)
    return pairs.scores.iloc[:, 0].to_numpy().reshape(shape), pairs.labels.to_numpy().reshape(shape)


def by_mtme(scores: Floats, human: Floats, places: Iterator[Codes]) -> None:
    from mt_metrics_eval.stats import KendallWithTiesOpt

    n_systems = human.shape[1]
    for sample in places:
        gold, metric = human[sample].T.ravel(), scores[sample].T.ravel()
        KendallWithTiesOpt(gold, metric, "acc23", n_systems, "item", sample_rate=1.0)


def rows(clock: Clock) -> Iterator[Row]:
    n_items, n_systems, n = (30, 5, 100) if clock.quick else (1500, 15, 1000)
    sizes = {"items": n_items, "systems": n_systems, "scorers": 1, "resamples": n}
    scores = workloads.wmt_like(n_items, n_systems, 1)
    pairs = workloads.table_of(scores).pairs()
    margin, human = margins(pairs)
    rng = np.random.default_rng(0)

    def places(m: int) -> Iterator[Codes]:
        return (rng.integers(0, n_items, n_items) for _ in range(m))

    seconds = clock.warm(lambda: ours(pairs, n))
    work, name = "tie threshold re-optimized in every replicate", "tie_calibrated_accuracy"
    sorting = clock.scaled(lambda m: peers.recalibrated_by_sorting(margin, human, places(m)), n)
    yield timing.row(
        work, name, seconds, "NumPy, re-sorting", sorting, target=50, package="numpy", **sizes
    )
    if timing.here("mt_metrics_eval"):
        peer = clock.scaled(lambda m: by_mtme(scores.scorers[0], scores.human, places(m)), n)
        called = "mt-metrics-eval KendallWithTiesOpt"
        yield timing.row(work, name, seconds, called, peer, package="mt-metrics-eval", **sizes)


if __name__ == "__main__":
    timing.main(rows)
