"""Bootstrap of the means of many scorers, against arch, SciPy and plain NumPy.

Run: python -m benchmarks bootstrap [--quick]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.stats

from benchmarks import peers, timing, workloads
from benchmarks.timing import Clock, Row
from metaeval.core import Codes, Floats
from metaeval.resampling import exact_terms, key_of, largest_weight, weight_scheme, weighted_sums

WORK = "bootstrap of the means of all scorers"


def ours(values: Floats, n_resamples: int) -> Floats:
    """Bootstrap replicates of the means: (replicate, scorer)."""
    kind = weight_scheme(len(values))
    columns = np.column_stack([values, np.ones(len(values))])
    terms = exact_terms(columns, *largest_weight(kind))
    blocks = weighted_sums(kind, key_of(0, "bootstrap"), n_resamples, terms, "bootstrap")
    sums = np.concatenate(list(blocks)) * terms.step
    return sums[:, :-1] / sums[:, -1:]


def by_arch(values: Floats, n: int) -> object:
    from arch.bootstrap import IIDBootstrap

    return IIDBootstrap(values, seed=0).apply(lambda x: x.mean(axis=0), n)


def by_scipy(values: Floats, n: int) -> object:
    """One scorer with `n` resamples."""
    return scipy.stats.bootstrap(
        (values[:, 0],),
        np.mean,
        n_resamples=max(n, 2),
        batch=100,
        method="percentile",
        random_state=np.random.default_rng(0),
    )


def of_peers(clock: Clock, values: Floats, n: int) -> Iterator[tuple[object, ...]]:
    """Name, time, target and package of each peer."""
    rng, n_items = np.random.default_rng(0), len(values)

    def draw(n: int) -> Codes:
        return rng.integers(0, n_items, (n, n_items))

    if timing.here("arch"):
        time = clock.scaled(lambda m: by_arch(values, m), n)
        yield "arch IIDBootstrap", time, 30, "arch"
    loop = clock.scaled(lambda m: peers.means_by_loop(values, m, draw), n)
    yield "NumPy loop over resamples", loop, 30, "numpy"
    product = clock.warm(lambda: peers.means_by_product(values, n, draw))
    yield "NumPy, bincount + one product", product, 6, "numpy"
    scipy_time = clock.scaled(lambda m: by_scipy(values, m), n * values.shape[1])
    yield "scipy.stats.bootstrap by scorer", scipy_time, "", "scipy"


def rows(clock: Clock) -> Iterator[Row]:
    n_items, n_scorers, n = (300, 5, 200) if clock.quick else (10_000, 50, 10_000)
    sizes = {"items": n_items, "scorers": n_scorers, "resamples": n}
    values = workloads.outcomes(n_items, n_scorers)
    doubles = workloads.measures(n_items, n_scorers)
    timed = list(of_peers(clock, values, n))
    for what, terms in (("0/1 terms", values), ("double terms", doubles)):
        seconds = clock.warm(lambda terms=terms: ours(terms, n))
        for name, peer, target, package in timed:
            reported = target if terms is values else "reported" if target == 6 else ""
            columns = {"target": reported, "package": package, **sizes}
            yield timing.row(WORK, what, seconds, name, peer, **columns)


if __name__ == "__main__":
    timing.main(rows)
