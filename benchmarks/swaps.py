"""Cell swaps (PERM-BOTH) of all pairs of scorers: common code of the two scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks import peers, workloads
from benchmarks.timing import Clock, Seconds
from benchmarks.workloads import Scores
from metaeval.core import Floats
from metaeval.inference import ComparisonSettings, make_design
from metaeval.inference.comparisons import Comparisons, PValues
from metaeval.inference.published_tests import published_tests
from metaeval.statistics import Statistic
from metaeval.tables import Responses


def data(clock: Clock) -> tuple[Scores, Responses, int, dict[str, int]]:
    """Scores, the same as a table, the number of swaps, and the sizes."""
    n_items, n_systems, n_scorers, n = (20, 4, 3, 50) if clock.quick else (1500, 15, 20, 1000)
    scores = workloads.wmt_like(n_items, n_systems, n_scorers)
    sizes = {"items": n_items, "systems": n_systems, "scorers": n_scorers, "resamples": n}
    return scores, make_design(workloads.table_of(scores)).table, n, sizes


def ours(table: Responses, statistic: Statistic, n: int) -> PValues:
    """Tests of all pairs of scorers, from the table."""
    a, b = np.triu_indices(len(table.scorers), k=1)
    estimates: Any = SimpleNamespace(tables=(table,), stream=0)
    unused = np.full(len(a), np.nan)
    pairs = Comparisons(estimates=estimates, first=a, second=b, difference=unused, se=unused)
    testing = ComparisonSettings(n_resamples=10_000, seed=0, test="swap-cells")
    return published_tests(statistic, [pairs], testing, n)[0]


def standardized(scores: Scores) -> Floats:
    """Standardized scores, which can be swapped: (scorer, item, system)."""
    x = scores.scorers
    spread = x.std(axis=(1, 2), keepdims=True)
    return (x - x.mean(axis=(1, 2), keepdims=True)) / spread


def by_numpy(
    clock: Clock, scores: Scores, statistic: Callable[[Floats, Floats], float], n: int
) -> Seconds:
    """Time of a peer that swaps and recomputes, one pair of scorers and one swap at a time."""
    x, rng = standardized(scores), np.random.default_rng(0)
    n_pairs = len(x) * (len(x) - 1) // 2

    def draws(m: int) -> Iterator[Floats]:
        return (rng.choice((-1, 1), size=scores.human.shape) for _ in range(m))

    return clock.scaled(
        lambda m: peers.swapped(x[0], x[1], scores.human, statistic, draws(m)), n * n_pairs
    )
