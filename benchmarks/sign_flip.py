"""Item sign-flip test of all pairs of scorers, with p-values, compared with NumPy and SciPy.

Run: python -m benchmarks sign_flip [--quick]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import permutation_test

from benchmarks import peers, timing, workloads
from benchmarks.timing import Clock, Row
from metaeval.core import Floats
from metaeval.resampling import PairedDifferences, flip_test

WORK = "sign-flip tests of all pairs of scorers"


def ours(terms: Floats, n_flips: int) -> Floats:
    """p-values of all pairs, computed together with adjusted ones."""
    a, b = np.triu_indices(terms.shape[1], k=1)
    family = [PairedDifferences(terms / len(terms), a, b, 0, len(terms))]
    return flip_test(family, n_flips=n_flips, seed=0)[0].p_value


def by_scipy(terms: Floats, n: int) -> object:
    """One pair of scorers with `n` flips."""
    return permutation_test(
        (terms[:, 0], terms[:, 1]),
        lambda x, y, axis: (x - y).mean(axis),
        permutation_type="samples",
        n_resamples=n,
        vectorized=True,
        batch=100,
        random_state=np.random.default_rng(0),
    )


def rows(clock: Clock) -> Iterator[Row]:
    n_items, n_scorers, n_flips = (300, 5, 200) if clock.quick else (10_000, 50, 10_000)
    sizes = {"items": n_items, "scorers": n_scorers, "resamples": n_flips}
    terms = workloads.outcomes(n_items, n_scorers)
    n_pairs = n_scorers * (n_scorers - 1) // 2
    rng = np.random.default_rng(0)

    def draw(n: int) -> Floats:
        return rng.choice((-1.0, 1.0), size=(n, n_items))

    loop = clock.scaled(lambda n: peers.flips_by_loop(terms, [(0, 1)], n, draw), n_flips * n_pairs)
    signs = peers.rint_signs(rng, n_items)
    product = clock.warm(lambda: peers.flips_by_product(terms, n_flips, signs))
    scipy = clock.scaled(lambda n: by_scipy(terms, n), n_flips * n_pairs)
    of_peers = (
        ("Python loop over pairs and flips", loop, 1000, "numpy"),
        ("NumPy, random + rint, one product", product, 3, "numpy"),
        ("scipy.stats.permutation_test by pair", scipy, "", "scipy"),
    )
    doubles = workloads.measures(n_items, n_scorers)
    for what, some in (("0/1 terms", terms), ("double terms", doubles)):
        seconds = clock.warm(lambda some=some: ours(some, n_flips))
        for name, peer, target, package in of_peers:
            reported = target if some is terms else "reported" if peer is product else ""
            columns = {"target": reported, "package": package, **sizes}
            yield timing.row(WORK, what, seconds, name, peer, **columns)


if __name__ == "__main__":
    timing.main(rows)
