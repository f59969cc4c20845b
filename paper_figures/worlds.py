"""Simulated data of the figures: metrics, reward models and judges on the same tasks."""

from __future__ import annotations

from collections.abc import Sequence

from metaeval import simulate
from metaeval.simulation.datasets import Simulation
from metaeval.simulation.model import SimulatedScorer

TASKS = ("translation", "summaries", "dialogue", "code")
SCORERS = (
    SimulatedScorer("metric lexical", 1.5, 8, 50, low=0, high=100, noise_by_task=(1, 1, 1.5, 1.6)),
    SimulatedScorer("metric embedding", 1.0, 0.05, 0.8, noise_by_task=(1, 1, 1.3, 1.4)),
    SimulatedScorer("metric learned", 0.6, 6, 75, low=0, high=100, noise_by_task=(1, 1.2, 1.8, 2)),
    SimulatedScorer("reward small", 0.9, 0.6, noise_by_task=(1.3, 1.1, 0.9, 1)),
    SimulatedScorer("reward large", 0.6, 4.0, noise_by_task=(1.6, 1.2, 0.9, 1)),
    SimulatedScorer("reward wordy", 0.6, 2.5, length_bias=0.6, noise_by_task=(1.3, 1.2, 1, 1)),
    SimulatedScorer("judge 5 points", 0.6, 0.7, 3, grid=1, low=1, high=5),
    SimulatedScorer("judge 10 points", 0.6, 1.5, 6, grid=1, low=1, high=10),
    SimulatedScorer("judge 100 points", 0.75, 14, 70, grid=5, low=0, high=100),
)


def world(
    n_items: int,
    tasks: Sequence[str] = TASKS,
    scorers: Sequence[str] = (),
    *,
    n_systems: int = 6,
    tie_rate: float = 0.4,
    cluster_size: int = 1,
    seed: int = 1,
) -> Simulation:
    """Simulate the named scorers, by default all, on tasks; every system answers every item."""
    selected = [scorer for scorer in SCORERS if not scorers or scorer.name in scorers]
    return simulate(
        *(seed, n_items, n_systems, selected, tasks),
        tie_rate=tie_rate, cluster_size=cluster_size,
    )  # fmt: skip
