"""Simulated tables with known true values: `simulate` and `load_example`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from metaeval.core import MetaevalError, check_integer, require_known
from metaeval.simulation.model import (
    DEFAULT_SCORERS,
    Design,
    Draw,
    SimulatedScorer,
    check_between,
    draw_responses,
)
from metaeval.simulation.truth import Truth
from metaeval.tables import Responses

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Signs = npt.NDArray[np.int8]


class Simulation(NamedTuple):
    """A simulated table and its true values."""

    table: Responses
    truth: Truth


def simulate(
    seed: int = 0,
    n_items: int = 200,
    n_systems: int = 6,
    scorers: Sequence[SimulatedScorer | str] | None = None,
    tasks: Sequence[str] = ("news",),
    raters: int = 1,
    tie_rate: float = 0.4,
    length_confound: float = 0.3,
    cluster_size: int = 1,
    missing: float = 0.0,
    rater_noise: float = 0.4,
) -> Simulation:
    """Simulate responses of systems to random items, with ratings, scores and true values.

    Parameters
    ----------
    seed : int, default 0
        The same seed gives the same table.
    n_items : int, default 200
        Items per task.
    n_systems : int, default 6
        Systems, each of which responds to every item. Their qualities do not depend on the seed.
    scorers : sequence of SimulatedScorer or str, optional
        The scorers, or names of default ones: judge, length_biased, lexical, reward, reward_v2.
    tasks : sequence of str, default ("news",)
        Names of tasks, which differ in the noise of scorers.
    raters : int, default 1
        Raters per response. One gives the label column `human`, more give `human1`, `human2`, ...,
        which may be averaged.
    tie_rate : float, default 0.4
        Expected proportion of pairs within items that *one* rater ties (to within 0.02). It
        determines how coarse the ratings 1, 2, ... are; with 0 they are not rounded. At most 0.6.
    length_confound : float, default 0.3
        Correlation of log length with quality within an item; length does not affect labels.
    cluster_size : int, default 1
        Items per cluster; above 1, the table has clusters of dependent items.
    missing : float, default 0
        Proportion of scores missing completely at random.
    rater_noise : float, default 0.4
        Standard deviation of the error of a rater, in units of latent quality.

    Returns
    -------
    Simulation
        `table` and `truth`, which can be unpacked.

    Raises
    ------
    MetaevalError
        If an argument is out of range, or scorers or tasks have duplicate names.

    Notes
    -----
    Latent quality is the effect of the system minus the difficulty of the item plus their
    interaction. All scorers are noisier on more difficult items, so errors on pairs of the same
    item are dependent. Half the variance of difficulty, interaction and scorer errors is shared by
    the items of a cluster.

    Examples
    --------
    >>> table, truth = simulate(seed=1, n_items=50, raters=2)
    >>> table
    <Responses: 50 items, 300 rows, 1 task, 6 systems, 5 scorers, 2 labels, 0 missing scores>
    """
    if isinstance(tasks, str):
        raise MetaevalError(
            f"tasks must be a sequence of names, got {tasks!r}; use tasks=({tasks!r},)."
        )
    simulated = tuple(_scorer(s) for s in (DEFAULT_SCORERS if scorers is None else scorers))
    design = Design(
        n_systems, simulated, tuple(tasks), raters, tie_rate, length_confound, rater_noise
    )
    check_integer("seed", seed, 0)
    check_integer("n_items", n_items, 1)
    check_integer("cluster_size", cluster_size, 1)
    check_between("missing", missing, 0, 0.99)
    of_task = np.repeat(np.arange(len(design.tasks)), n_items)
    cluster_of_item = np.tile(np.arange(n_items) // cluster_size, len(design.tasks))
    clusters = (
        of_task * (int(cluster_of_item[-1]) + 1) + cluster_of_item if cluster_size > 1 else None
    )
    *streams, last = np.random.SeedSequence(seed).spawn(4)
    draw = draw_responses(design, of_task, clusters, streams)
    if missing:
        draw.scores[np.random.default_rng(last).random(draw.scores.shape) < missing] = np.nan
    return Simulation(_table(design, draw, of_task, clusters), Truth(design))


def load_example() -> Responses:
    """Return a small simulated table: two tasks of 40 items, six systems, five scorers, one rater.

    Returns
    -------
    Responses
        The same table in every call.

    Examples
    --------
    >>> load_example()
    <Responses: 80 items, 480 rows, 2 tasks, 20 clusters, 6 systems, 5 scorers, 1 label,
     0 missing scores>
    """
    return simulate(seed=2, n_items=40, tasks=("news", "social"), cluster_size=4).table


def _scorer(scorer: SimulatedScorer | str) -> SimulatedScorer:
    if isinstance(scorer, SimulatedScorer):
        return scorer
    defaults = {default.name: default for default in DEFAULT_SCORERS}
    require_known("default scorer", scorer, list(defaults))
    return defaults[scorer]


def _table(design: Design, draw: Draw, of_task: Codes, clusters: Codes | None) -> Responses:
    n_items, n_systems = draw.length.shape
    item = np.repeat(np.arange(n_items), n_systems)
    rows = {
        "task": pd.Categorical.from_codes(of_task[item], categories=list(design.tasks)),
        "item": _ids("s", item, 3),
        "system": _ids("sys", np.tile(np.arange(n_systems), n_items)),
        "length": np.round(100 * np.exp(0.4 * draw.length.ravel())),
    }
    if clusters is not None:
        rows["cluster"] = _ids("c", clusters[item])
    raters = ["human"] if design.raters == 1 else [f"human{r + 1}" for r in range(design.raters)]
    scorers = [scorer.name for scorer in design.scorers]
    return Responses(
        rows=pd.DataFrame(rows),
        scores=pd.DataFrame(draw.scores.reshape(len(scorers), -1).T, columns=scorers),
        labels=pd.DataFrame(draw.labels.reshape(len(raters), -1).T, columns=raters),
        label_kind="rating",
        average_raters=design.raters > 1,
    )


def _ids(prefix: str, codes: Codes, width: int = 1) -> pd.Categorical:
    """Ids such as s001, zero-padded so that text order is code order."""
    last = int(codes.max()) + 1
    names = [f"{prefix}{k:0{max(len(str(last)), width)}d}" for k in range(1, last + 1)]
    return pd.Categorical.from_codes(codes, categories=names)
