"""Type I error rates of published tests for two equally good judges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from metaeval import Statistic, simulate
from metaeval.inference import (
    ComparisonSettings,
    DesignOptions,
    Estimates,
    Resampling,
    choose_statistics,
    compare_pairs,
    estimate,
    pairs_of_scorers,
    test_family,
)
from metaeval.planning.power_analysis import units_design
from metaeval.plots import coverage
from metaeval.simulation.model import SimulatedScorer
from metaeval.tables import Responses
from paper_figures.making import keep

LEVEL, N_FLIPS = 0.05, 199
STATISTIC = "pairwise_accuracy(ties=acc-eq)"
JUDGES = tuple(
    SimulatedScorer(name, 0.7, 0.7, 3, grid=1, low=1, high=5) for name in ("judge a", "judge b")
)
TESTS = {
    ("sign-flip", "cluster"): "sign flips of documents",
    ("sign-flip", "item"): "sign flips of items",
    ("bootstrap", "item"): "bootstrap of items",
    ("swap-items", "item"): "PERM-INPUTS (items)",
    ("swap-systems", "item"): "PERM-SYSTEMS",
    ("swap-cells", "item"): "PERM-BOTH (cells)",
    ("pair-swap", "item"): "swaps of pairs",
}


class Null(NamedTuple):
    """Data sets in which both judges are equally good."""

    title: str
    n_items: int
    cluster_size: int
    n_simulations: int

    @property
    def tests(self) -> dict[tuple[str, str], str]:
        """Tests that apply: a document is a cluster of items."""
        documents = self.cluster_size > 1
        excluded = ("bootstrap", "swap-systems") if documents else ("cluster",)
        return {key: label for key, label in TESTS.items() if not set(key) & set(excluded)}


NULLS = (
    Null("independent items", 50, 1, 1_000),
    Null("items within documents", 72, 6, 500),
)


def draw(folder: Path, quick: bool = False) -> None:
    """Draw rejection rates of the tests at level 0.05, with Wilson's intervals."""
    parts = {null.title: rejections(null, 3 if quick else null.n_simulations) for null in NULLS}
    frame = pd.concat(
        coverage(counts, nominal=LEVEL, return_data=True).assign(null=title)
        for title, counts in parts.items()
    ).rename(columns={"covered": "rejected"})
    keep(folder, "sizes", _figure(parts), frame, _lines(frame))


def rejections(null: Null, n_simulations: int) -> pd.DataFrame:
    """Count the data sets in which each test rejects."""
    p = np.array([_p_values(null, seed) for seed in range(n_simulations)])
    rejected = (p <= LEVEL).sum(axis=0)
    return pd.DataFrame({"label": null.tests.values(), "covered": rejected, "sets": n_simulations})


def _p_values(null: Null, seed: int) -> list[float]:
    """P-values of all tests on one data set, which is prepared once per unit."""
    table = simulate(seed, null.n_items, scorers=JUDGES, cluster_size=null.cluster_size).table
    statistic = choose_statistics(table.pairs(), STATISTIC)[0][0]
    estimates = {unit: _estimates(table, unit, statistic) for unit in {u for _, u in null.tests}}
    pairs = pairs_of_scorers(table.scorers, None)
    p_values = []
    for test, unit in null.tests:
        testing = ComparisonSettings(n_resamples=N_FLIPS, seed=0, test=test, correction="none")
        family = [compare_pairs(statistic, estimates[unit], pairs)]
        p_values.append(float(test_family(statistic, family, testing, N_FLIPS)[0].p_value[0]))
    return p_values


def _estimates(table: Responses, unit: str, statistic: Statistic) -> Estimates:
    design = units_design(table, DesignOptions(resample=unit))
    return estimate(design, statistic, Resampling(N_FLIPS, 0))[0]


def _figure(parts: dict[str, pd.DataFrame]) -> Any:
    """Draw a panel per kind of data set, with a common axis."""
    figure, panels = plt.subplots(
        2, 1, figsize=(3.03, 3.1), sharex=True, layout="constrained",
        height_ratios=[len(part) + 1 for part in parts.values()],
    )  # fmt: skip
    for ax, (title, counts) in zip(panels, parts.items(), strict=True):
        coverage(counts, nominal=LEVEL, ax=ax)
        ax.set_title(title, loc="left", fontsize=8)
        ax.set_xlabel("")
    panels[-1].set_xlim(0, 1.05 * max(panels[-1].get_xlim()[1], panels[0].get_xlim()[1]))
    panels[-1].set_xlabel("rejection rate for equally good judges (%), nominal 5", loc="right")
    return figure


def _lines(frame: pd.DataFrame) -> Iterator[str]:
    for row in frame.itertuples():
        ends = f"[{100 * row.lower:.1f}, {100 * row.upper:.1f}]"
        yield f"{row.null}, {row.label}: {100 * row.share:.1f}% {ends} of {row.sets:,} sets"
