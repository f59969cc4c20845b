"""Size and power of the t test and of sign flips for a mean of differences of items.

Differences have mean 0 and are normal, exponential, 0.1 in nine of ten items and -0.9 in the tenth,
or right/wrong: two scorers differ in few items. Also printed is how often the warning about skewed
differences is given.

Run: python -m benchmarks.skewed_differences [data sets]
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from metaeval.inference.skewness import skewness_of_differences
from metaeval.resampling import PairedDifferences, flip_test

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
CHANCE = {  # probabilities that only the first, or only the second, scorer is right on an item
    "equal, a twentieth differs": (0.025, 0.025),
    "equal, a fifth differs": (0.1, 0.1),
    "second better: .95 and .98": (0.019, 0.049),
    "second better: .80 and .95": (0.04, 0.19),
}


def designs() -> Iterator[tuple[str, int, Draw]]:
    """Names, numbers of items, and the function that draws differences (item, set)."""
    for n in (8, 12, 20, 30, 50, 100):
        yield "normal", n, lambda rng, shape: rng.normal(size=shape)
        yield "exponential", n, lambda rng, shape: rng.exponential(size=shape) - 1
        yield "nine of ten", n, lambda rng, shape: np.where(rng.random(shape) < 0.1, -0.9, 0.1)
    for n in (30, 100):
        for name, (first, second) in CHANCE.items():
            yield name, n, _verdicts(first, second)


def _verdicts(first: float, second: float) -> Draw:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        u = rng.random(shape)
        return np.where(u < first, -1.0, np.where(u < first + second, 1.0, 0.0))

    return draw


def t_p_values(x: np.ndarray) -> np.ndarray:
    """Two-sided p-values of Student's t test (set,) of differences (item, set)."""
    n = len(x)
    spread = x.std(axis=0, ddof=1) / np.sqrt(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(x.mean(axis=0) == 0, 0.0, x.mean(axis=0) / spread)
    return np.maximum(2 * stats.t.sf(np.abs(t), n - 1), 2.0 ** (1 - n))


def flip_p_values(x: np.ndarray) -> np.ndarray:
    """The same of sign flips, of 1,000 random flips or all."""
    columns = np.column_stack([x, np.zeros(len(x))])
    last = np.full(x.shape[1], x.shape[1])
    pairs = PairedDifferences(columns, np.arange(x.shape[1]), last, 0, len(x))
    return flip_test([pairs], n_flips=1_000, seed=0, most_enumerated=12)[0].p_value


def main(n_sets: int = 4_000) -> None:
    """Print one row per design."""
    out = csv.writer(sys.stdout)
    out.writerow(["design", "items", "sets", "t", "sign_flip", "oracle_z", "warned"])
    for name, n, draw in designs():
        x = draw(np.random.default_rng([n, len(name)]), (n, n_sets))
        z = x.mean(axis=0) / x.mean(axis=0).std()
        first = np.arange(n_sets)
        columns = np.column_stack([x, np.zeros(n)])
        skewness = np.array(
            [
                skewness_of_differences(columns[:, [k, -1]], np.array([0]), np.array([1]))[0]
                for k in first
            ]
        )
        rejected = [(p(x) <= 0.05 + 1e-12).mean() for p in (t_p_values, flip_p_values)]
        warned = (25 * skewness**2 > n).mean()
        oracle = (np.abs(z) > 1.96).mean()
        out.writerow([name, n, n_sets, *(f"{v:.3f}" for v in (*rejected, oracle, warned))])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
