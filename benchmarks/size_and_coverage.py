"""Size of the sign-flip test and coverage of intervals, compared with invalid methods.

Items have 10 pairs and an item effect, so that the pairs of an item are dependent. A test and an
interval that treat pairs as independent are applied to the same data.

Run: python -m benchmarks.size_and_coverage [data sets]
"""

import csv
import sys

import numpy as np

from metaeval.resampling import (
    IntervalInputs,
    PairedDifferences,
    flip_test,
    key_of,
    normal_cdf,
    t_of_normal,
    weight_blocks,
    weight_scheme,
)
from metaeval.resampling.intervals import bca, wilson

N_PAIRS = 10
ACCURACIES = (0.6, 0.75, 0.9)


def concentration(accuracy: float) -> tuple[float, float]:
    """Beta distribution of the items' accuracies: mean `accuracy`, intra-item correlation .2."""
    total = 1 / 0.2 - 1
    return accuracy * total, (1 - accuracy) * total


def hits(accuracy: float, n_items: int, n_simulations: int, rng: np.random.Generator) -> np.ndarray:
    """Number of correct pairs of each item in each data set: (item, set)."""
    p = rng.beta(*concentration(accuracy), size=(n_items, n_simulations))
    return rng.binomial(N_PAIRS, p).astype(float)


def two_scorers(accuracy: float, n_items: int, n_simulations: int, rng: np.random.Generator):
    """Numbers of correct pairs of two equally good scorers that share half of the item effects."""
    shared = rng.random((n_items, n_simulations)) < 0.5
    p = rng.beta(*concentration(accuracy), size=(2, n_items, n_simulations))
    p[1] = np.where(shared, p[0], p[1])
    return rng.binomial(N_PAIRS, p).astype(float)


def rejection_rates(
    accuracy: float, n_items: int, n_simulations: int, seed: int, n_flips: int = 999
) -> tuple[float, float]:
    """Rejection rates at .05 under the null: item sign flips, and a test of independent pairs."""
    rng = np.random.default_rng([seed, 1, int(100 * accuracy)])
    a, b = two_scorers(accuracy, n_items, n_simulations, rng)
    columns = np.column_stack([(a - b) / (N_PAIRS * n_items), np.zeros(n_items)])
    pairs = PairedDifferences(
        columns, np.arange(n_simulations), np.full(n_simulations, n_simulations), 0, n_items
    )
    p = flip_test([pairs], n_flips=n_flips, seed=seed, most_enumerated=10)[0].p_value
    naive = naive_p(a.sum(axis=0), b.sum(axis=0), n_items * N_PAIRS)
    return float((p <= 0.05).mean()), float((naive <= 0.05).mean())


def naive_p(a: np.ndarray, b: np.ndarray, n: int) -> np.ndarray:
    """Two-sample z test of two proportions, with all pairs treated as independent."""
    share = (a + b) / (2 * n)
    se = np.sqrt(np.maximum(2 * share * (1 - share) / n, 1e-300))
    return 2 * (1 - normal_cdf(np.abs(a - b) / n / se))


def interval_coverage(
    accuracy: float, n_items: int, n_simulations: int, seed: int, n_resamples: int = 2000
) -> tuple[float, float, float]:
    """Coverage of 95% intervals: Wilson with effective trials, BCa over items, Wald over pairs."""
    rng = np.random.default_rng([seed, 2, int(100 * accuracy)])
    share = hits(accuracy, n_items, n_simulations, rng) / N_PAIRS
    kind, key = weight_scheme(n_items), key_of(seed, "bootstrap")
    blocks = weight_blocks(kind, key, n_resamples, n_items)
    draws = np.concatenate([w @ share / w.sum(axis=1, keepdims=True) for w in blocks])
    mean = share.mean(axis=0)
    se = draws.std(axis=0, ddof=1) * np.sqrt(n_items / (n_items - 1))
    trials = effective_trials(mean, se, n_items)
    sample = IntervalInputs(
        mean, draws, share - mean, se, n_items, successes=mean * trials, trials=trials
    )
    half = 1.96 * np.sqrt(mean * (1 - mean) / (n_items * N_PAIRS))
    return (
        *(covered(ends, accuracy) for ends in (wilson(sample, 0.95), bca(sample, 0.95))),
        float((np.abs(mean - accuracy) <= half).mean()),
    )


def effective_trials(mean: np.ndarray, se: np.ndarray, n_items: int) -> np.ndarray:
    """Number of Bernoulli trials with these standard errors, reduced as t exceeds normal quantiles.

    Where all items are right, and nothing varies, it is the number of items.
    """
    ratio = 1.959964 / t_of_normal(1.959964, n_items - 1)
    varies = se > 0
    trials = mean * (1 - mean) / np.where(varies, se, 1.0) ** 2 * ratio**2
    return np.where(varies, trials, n_items)


def covered(ends: np.ndarray, truth: float) -> float:
    """Proportion of intervals (2, set) that contain the truth."""
    return float(((ends[0] <= truth) & (truth <= ends[1])).mean())


def main(n_simulations: int = 2000) -> None:
    """Print one row per number of items and accuracy."""
    out = csv.writer(sys.stdout)
    out.writerow(
        ["items", "accuracy", "sets", "sign_flip", "pairs_test", "wilson", "bca", "pairs_interval"]
    )
    for n_items in (6, 10, 20, 30, 50, 100):
        for accuracy in ACCURACIES:
            sizes = rejection_rates(accuracy, n_items, n_simulations, seed=0)
            cover = interval_coverage(accuracy, n_items, n_simulations, seed=0)
            out.writerow(
                [n_items, accuracy, n_simulations, *(f"{v:.4f}" for v in (*sizes, *cover))]
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
