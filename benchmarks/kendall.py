"""Bootstrap of Kendall's tau-b over all responses, compared with a loop over SciPy's.

Run: python -m benchmarks kendall [--quick]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from benchmarks import timing
from benchmarks.timing import Clock, Row
from metaeval.core import Codes, Floats
from metaeval.resampling import key_of, weight_blocks, weight_scheme
from metaeval.statistics import kendall
from metaeval.tables import Responses


def data(n_items: int) -> Responses:
    """One scorer and integer labels, one response per item."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n_items)
    label = np.round(x + rng.normal(size=n_items))
    rows = pd.DataFrame({"item": np.arange(n_items), "system": 0})
    scores, labels = pd.DataFrame({"m": x}), pd.DataFrame({"h": label})
    return Responses(rows, scores, labels, label_kind="rating").canonical


def drawn(n_items: int, n: int) -> Floats:
    """Weights of items: (replicate, item)."""
    blocks = weight_blocks(weight_scheme(n_items), key_of(0, "bootstrap"), n, n_items)
    return np.concatenate(list(blocks))


def ours(table: Responses, n: int) -> Floats:
    """Replicates of tau-b, including random weights and comparisons of pairs: (replicate,)."""
    return kendall("b", grouping="none").weigh(table)(drawn(table.n_items, n))[:, 0]


def by_scipy(table: Responses, places: Iterable[Codes]) -> Floats:
    """Replicates from resampled rows, one after another: (replicate,)."""
    x, y = table.scores["m"].to_numpy(), table.labels["h"].to_numpy()
    return np.array([kendalltau(x[sample], y[sample]).statistic for sample in places])


def rows(clock: Clock) -> Iterator[Row]:
    n_items, n = (60, 100) if clock.quick else (1000, 1000)
    table, rng = data(n_items), np.random.default_rng(0)
    weights, weigh = drawn(n_items, n), kendall("b", grouping="none").weigh(table)
    places = [np.repeat(np.arange(n_items), w.astype(int)) for w in weights]
    weighted = clock.warm(lambda: weigh(weights))
    end_to_end = clock.warm(lambda: ours(table, n))

    def peer(m: int) -> object:
        return by_scipy(table, (rng.integers(0, n_items, n_items) for _ in range(m)))

    sizes = {"items": n_items, "scorers": 1, "resamples": n, "package": "scipy"}
    name, loop = "kendall('b', grouping='none')", "loop over scipy.stats.kendalltau"
    work = "Kendall's tau-b under given weights"
    again = clock.scaled(lambda m: by_scipy(table, places[:m]), n)
    yield timing.row(work, name, weighted, loop, again, target=20, **sizes)
    work = "bootstrap of Kendall's tau-b, end to end"
    yield timing.row(
        work, name, end_to_end, loop, clock.scaled(peer, n), target="reported", **sizes
    )


if __name__ == "__main__":
    timing.main(rows)
