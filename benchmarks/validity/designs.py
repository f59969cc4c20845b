"""Populations of data sets: two pairs of equally good scorers, and the grid of designs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from metaeval.tables import Responses

SCORERS = ("a1", "a2", "b1", "b2")  # a1 and a2 are equally good; b1 and b2 too, and better
NULL_PAIRS = ((0, 1), (2, 3))
REAL_PAIRS = ((0, 2), (0, 3), (1, 2), (1, 3))


@dataclass(frozen=True, kw_only=True)
class Population:
    """How data sets of a design are drawn; `accuracy` is that on pairs without a tied label."""

    name: str
    n_items: int = 100
    n_systems: int = 5
    accuracy: tuple[float, float] = (0.75, 0.8)
    tie_rate: float = 0.0
    cluster_size: int = 1
    n_tasks: int = 1
    scores: str = "continuous"  # or "discrete" (5 levels), "heavy" (t with 3 degrees of freedom)
    labels: str = "continuous"  # or "discrete", "heavy"
    feature: str = ""  # what else is unusual, see `FEATURES`


FEATURES = {
    "": "",
    "item noise": "noise of the scorers varies between items",
    "missing": "a tenth of the scores is missing",
    "missing if difficult": "scores of responses close to others are missing more often",
    "bad items": "a1 and b1 are right by chance in a tenth of the items, and better elsewhere",
    "near-copies": "a2 is a1, and b2 is b1, with little noise added",
    "unequal clusters": "one cluster in ten holds half of the items",
    "erring rater": "the rater is noisy",
}


def noise_for(accuracy: float) -> float:
    """Standard deviation of the noise with which normal scores order pairs this accurately."""
    return float(1 / np.tan(np.pi * (accuracy - 0.5)))


def step_for(tie_rate: float) -> float:
    """Width of the steps of ratings of normal qualities with this proportion of tied pairs."""
    if tie_rate == 0:
        return 0.0

    def excess(width: float) -> float:
        edges = (np.arange(-200, 201) + 0.5) * width
        return float((np.diff(stats.norm.cdf(edges)) ** 2).sum() - tie_rate)

    return float(optimize.brentq(excess, 0.05, 10.0))


def draw(population: Population, n_items: int, rng: np.random.Generator) -> Responses:
    """One data set."""
    shape = (n_items, population.n_systems)
    quality = _quality(population, shape, rng)
    scores = np.stack([*_scores(population, quality, rng)])
    labels = quality + (rng.normal(size=shape) if population.feature == "erring rater" else 0.0)
    step = step_for(population.tie_rate) * (
        np.sqrt(2.0) if population.feature == "erring rater" else 1
    )
    if step:
        labels = np.round(labels / step) * step
    rows = _rows(population, shape, rng)
    frame = pd.DataFrame({name: x.ravel() for name, x in zip(SCORERS, scores, strict=True)})
    return Responses(rows, frame, pd.DataFrame({"human": labels.ravel()}), label_kind="rating")


def _quality(
    population: Population, shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Quality of responses, and so the label, with tails."""
    quality = rng.normal(size=shape)
    if population.labels == "heavy":
        quality = stats.t(3).ppf(stats.norm.cdf(quality))
    return quality


def _scores(population: Population, quality: np.ndarray, rng: np.random.Generator):
    """Scores (item, system) of the four scorers."""
    shape = quality.shape
    factor = (
        np.exp(0.5 * rng.normal(size=(shape[0], 1))) if population.feature == "item noise" else 1.0
    )
    cluster = _clusters(population, shape[0], rng)
    shared = _noise(population, shape, rng)
    easy = rng.random(shape[0]) >= 0.1
    scores: list[np.ndarray] = []
    for k in range(4):
        accuracy = population.accuracy[k // 2]
        own = _noise(population, shape, rng)
        if cluster is not None:  # half of the log noise is that of the cluster
            spread = np.exp(0.7 * rng.normal(size=cluster.max() + 1))[cluster, None]
        else:
            spread = 1.0
        noise = (shared + own) / np.sqrt(2) * noise_for(accuracy) * factor * spread
        if population.feature == "bad items" and k % 2 == 0:
            better = noise_for((accuracy - 0.05) / 0.9)
            noise = (shared + own) / np.sqrt(2) * better
            noise = np.where(easy[:, None], noise, 1e6 * own)
        if population.feature == "near-copies" and k % 2:
            score = scores[-1] + 0.05 * rng.normal(size=shape)
        else:
            score = quality + noise
        scores.append(score)
        if population.scores == "discrete":
            score = np.clip(np.round(score / np.sqrt(1 + noise_for(accuracy) ** 2)), -2, 2)
        yield _without_missing(population, score, quality, rng)


def _noise(population: Population, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    if population.scores == "heavy":
        return rng.standard_t(3, size=shape) / np.sqrt(3)
    return rng.normal(size=shape)


def _without_missing(
    population: Population, score: np.ndarray, quality: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    if population.feature == "missing":
        return np.where(rng.random(score.shape) < 0.1, np.nan, score)
    if population.feature == "missing if difficult":
        return np.where(rng.random(score.shape) < 0.3 * (np.abs(quality) < 0.5), np.nan, score)
    return score


def _clusters(population: Population, n_items: int, rng: np.random.Generator) -> np.ndarray | None:
    if population.cluster_size == 1:
        return None
    n_clusters = max(2, n_items // population.cluster_size)
    if population.feature != "unequal clusters":
        return np.arange(n_items) % n_clusters
    large = max(1, n_clusters // 10)
    half = np.arange(n_items // 2) % large
    rest = large + np.arange(n_items - n_items // 2) % (n_clusters - large)
    return np.concatenate([half, rest])


def _rows(population: Population, shape: tuple[int, int], rng: np.random.Generator) -> pd.DataFrame:
    items, systems = np.indices(shape)
    rows = {"item": items.ravel(), "system": systems.ravel()}
    cluster = _clusters(population, shape[0], rng)
    if cluster is not None:
        rows["cluster"] = np.repeat(cluster, shape[1])
    if population.n_tasks > 1:
        rows["task"] = np.repeat(np.arange(shape[0]) % population.n_tasks, shape[1])
    return pd.DataFrame(rows)


def _named(prefix: str, **settings: object) -> Population:
    parts = [prefix, *(f"{k}={v}" for k, v in settings.items())]
    return Population(name="; ".join(str(p) for p in parts if p), **settings)


GRID = tuple(
    Population(name=name, **settings)
    for name, settings in {
        **{
            f"{n} items, {m * (m - 1) // 2} pairs, {a[0]} and {a[1]}": {
                "n_items": n,
                "n_systems": m,
                "accuracy": a,
            }
            for n in (30, 100, 400)
            for m in (2, 5, 10)
            for a in ((0.55, 0.65), (0.75, 0.8), (0.95, 0.98))
        },
        **{
            f"{n} items, {m * (m - 1) // 2} pairs, {t:.0%} tied, {s} scores": {
                "n_items": n,
                "n_systems": m,
                "tie_rate": t,
                "scores": s,
                "accuracy": (0.7, 0.78),
            }
            for n, m in ((30, 5), (100, 2), (100, 5), (400, 5))
            for t in (0.3, 0.6)
            for s in ("continuous", "discrete", "heavy")
        },
        **{
            f"{n} items, {f}": {
                "n_items": n,
                "feature": f,
                "tie_rate": 0.3,
                "accuracy": (0.8, 0.86),
            }
            for n in (30, 100)
            for f in FEATURES
            if f and "clusters" not in f
        },
        **{
            f"{n} items in clusters of 8{u}": {
                "n_items": n,
                "cluster_size": 8,
                "feature": "unequal clusters" if u else "",
                "tie_rate": 0.3,
            }
            for n in (240, 800)
            for u in ("", ", unequal")
        },
        **{
            f"{n} items in 5 tasks": {"n_items": n, "n_tasks": 5, "tie_rate": 0.3}
            for n in (100, 400)
        },
        **{
            f"{n} lone responses, {label} labels": {
                "n_items": n,
                "n_systems": 1,
                "labels": label,
                "accuracy": (0.7, 0.75),
            }
            for n in (30, 100, 400)
            for label in ("continuous", "heavy")
        },
    }.items()
)
