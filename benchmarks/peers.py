"""Plain NumPy implementations for comparison; each is tested to give the same results as ours.

Random draws are passed as a function, so that a test can pass ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from metaeval.core import Codes, Floats

Draw = Callable[
    [int], Floats
]  # number of resamples -> (resample, unit) signs, weights or positions
Pair = tuple[int, int]


def rint_signs(rng: np.random.Generator, n_units: int) -> Draw:
    """Random signs in single precision, as in WMT's tools."""

    def draw(n: int) -> Floats:
        signs = rng.random((n, n_units), dtype=np.float32)
        np.rint(signs, out=signs)
        signs *= 2
        signs -= 1
        return signs

    return draw


def flips_by_loop(terms: Floats, pairs: Iterable[Pair], n_flips: int, draw: Draw) -> list[int]:
    """Count flips at least as extreme as observed, one by one, for each pair."""
    counts = []
    for a, b in pairs:
        difference = terms[:, a] - terms[:, b]
        threshold, count = abs(difference.sum()) - 0.5, 0
        for _ in range(n_flips):
            count += abs(draw(1)[0] @ difference) >= threshold
        counts.append(int(count))
    return counts


def flips_by_product(terms: Floats, n_flips: int, draw: Draw, rows: int = 1000) -> Codes:
    """Count them for all pairs at once, by one product: (pair,)."""
    a, b = np.triu_indices(terms.shape[1], k=1)
    terms32 = terms.astype(np.float32)
    total = terms.sum(axis=0)
    threshold = (np.abs(total[a] - total[b]) - 0.5).astype(np.float32)
    counts = np.zeros(len(a), dtype=int)
    for start in range(0, n_flips, rows):
        sums = draw(min(rows, n_flips - start)) @ terms32
        counts += (np.abs(sums[:, a] - sums[:, b]) >= threshold).sum(axis=0)
    return counts


def means_by_loop(terms: Floats, n_resamples: int, draw_places: Draw) -> Floats:
    """Means of resampled rows, one resample after another: (resample, column)."""
    return np.array([terms[draw_places(1)[0]].mean(axis=0) for _ in range(n_resamples)])


def means_by_product(terms: Floats, n_resamples: int, draw_places: Draw, rows: int = 500) -> Floats:
    """Means of resampled rows, from counts of rows and one product."""
    n = len(terms)
    means = []
    for start in range(0, n_resamples, rows):
        places = draw_places(min(rows, n_resamples - start))
        counts = np.array(
            [np.bincount(rows_of_resample, minlength=n) for rows_of_resample in places], dtype=float
        )
        means.append(counts @ terms / n)
    return np.concatenate(means)


def accuracy_by_item(scores: Floats, human: Floats) -> float:
    """Mean over items of the proportion of pairs in the order of the labels, item by item."""
    shares = []
    upper = np.triu_indices(human.shape[1], k=1)
    for x, h in zip(scores, human, strict=True):
        right = np.sign(x[:, None] - x) == np.sign(h[:, None] - h)
        shares.append(right[upper].mean())
    return float(np.mean(shares))


def accuracy(scores: Floats, human: Floats) -> float:
    """Mean proportion of pairs in the order of the labels; scores and labels (item, system)."""
    a, b = np.triu_indices(human.shape[1], k=1)
    margin, label = scores[:, a] - scores[:, b], human[:, a] - human[:, b]
    return float((np.sign(margin) == np.sign(label)).mean())


def correlation(scores: Floats, human: Floats) -> float:
    """Pearson's correlation over all cells."""
    return float(np.corrcoef(scores.ravel(), human.ravel())[0, 1])


def swapped(
    first: Floats,
    second: Floats,
    human: Floats,
    statistic: Callable[[Floats, Floats], float],
    signs: Iterable[Floats],
) -> Floats:
    """Differences of a statistic after swaps of the cells with sign -1: (draw,)."""
    differences = []
    for sign in signs:
        keep = sign > 0
        x, y = np.where(keep, first, second), np.where(keep, second, first)
        differences.append(statistic(x, human) - statistic(y, human))
    return np.array(differences)


def calibrated(margin: Floats, human: Floats) -> float:
    """Best accuracy over all tie thresholds: (item, pair) margins and signs of the labels."""
    size = np.abs(margin).ravel()
    order = np.argsort(size)
    size = size[order]
    right = (np.sign(margin) == human).ravel()
    gain = ((human.ravel() == 0) & (margin.ravel() != 0)).astype(int)
    gain -= right & (human.ravel() != 0)
    total = np.cumsum(gain[order])
    last = np.r_[size[1:] != size[:-1], True]
    return float((right.sum() + max(total[last].max(), 0)) / len(size))


def recalibrated_by_sorting(margin: Floats, human: Floats, places: Iterable[Codes]) -> Floats:
    """Best accuracy of each resample of items, sorted again each time: (resample,)."""
    return np.array([calibrated(margin[sample], human[sample]) for sample in places])


def pairwise_p(scores: Floats, signs: Floats) -> Floats:
    """One-sided p-values of pairs of systems, as published, from scores and signs (flip, item).

    Flips that tie with the observed difference count in full.
    """
    scores32 = scores.astype(np.float32)
    sums, total = signs @ scores32, scores32.sum(axis=0)
    n = scores.shape[1]
    p = [
        (sums[:, i] - sums[:, j] >= total[i] - total[j]).mean()
        for i in range(n)
        for j in range(i + 1, n)
    ]
    return np.array(p)


def soft_by_scorer(scorers: Iterable[Floats], human: Floats, n_flips: int, draw: Draw) -> Floats:
    """Soft pairwise accuracy as published, one scorer and the labels after another: (scorer,)."""

    def gap(scores: Floats) -> Floats:
        return np.abs(pairwise_p(scores, draw(n_flips)) - pairwise_p(human, draw(n_flips)))

    return 1 - np.array([gap(scores).mean() for scores in scorers])
