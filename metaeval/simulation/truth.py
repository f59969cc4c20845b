"""The truth of a simulated design: accuracies, thresholds and calibration curves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from metaeval.simulation.model import Design, SimulatedScorer, draw_responses

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Signs = npt.NDArray[np.int8]

TRUTH_ITEMS = 100_000  # per task, for the truth
TRUTH_MARGINS = 20_000_000  # but no more margins than this over all tasks and scorers
CURVE_POINTS = 20


@dataclass(frozen=True)
class Truth:
    """The values that estimates are about: these systems and scorers, new items.

    They come from 100 000 simulated items per task (fewer where systems, tasks or scorers are
    many), drawn from a fixed stream and only when asked for. Frames have a row per scorer and a
    column per task; then `pooled`, all items alike, with one threshold for all tasks; and `macro`,
    the mean over tasks. `mcse` has the Monte Carlo standard errors, near 0.0005.

    Parameters
    ----------
    design : Design
        What was simulated; two tables of one design have one truth.

    Examples
    --------
    >>> from metaeval import simulate
    >>> truth = simulate(scorers=["judge", "lexical"]).truth
    >>> bool(truth.gaps.loc[("judge", "lexical"), "pooled"] > 0.02)
    True
    """

    design: Design

    @property
    def accuracy(self) -> pd.DataFrame:
        """Pairwise accuracy within items, ties included, equal scores being ties."""
        return self._of("accuracy")

    @property
    def half_credit(self) -> pd.DataFrame:
        """Pairwise accuracy where labels differ, half for equal scores; for complete items."""
        return self._of("half_credit")

    @property
    def tie_calibrated(self) -> pd.DataFrame:
        """Pairwise accuracy, ties included, at the best threshold."""
        return self._of("tie_calibrated")

    @property
    def epsilon(self) -> pd.DataFrame:
        """The best threshold: margins of no more are ties. Flat there, so only to some 10 %."""
        return self._of("epsilon")

    @property
    def gaps(self) -> pd.DataFrame:
        """Differences of `tie_calibrated`, by scorer and baseline, the scorer first as text."""
        return _truth(self.design).values.loc["gap"].copy()

    @property
    def mcse(self) -> pd.DataFrame:
        """Monte Carlo standard errors by statistic, scorer and baseline; none for `epsilon`."""
        return _truth(self.design).mcse.copy()

    @property
    def calibration(self) -> pd.DataFrame:
        """What labels say at a margin, in rows of `task` and `scorer`.

        `share` of the pairs have about this `margin`, in either direction; `first`, `tie` and
        `second` are the probabilities that the label prefers the side with the higher score,
        ties, or prefers the other. With few different margins each has a row, else 20 groups.
        """
        return _truth(self.design).calibration.copy()

    @property
    def tie_rate(self) -> float:
        """Share of pairs whose labels are tied; with several raters, the means of their labels."""
        return _truth(self.design).tie_rate

    def _of(self, statistic: str) -> pd.DataFrame:
        return _truth(self.design).values.loc[statistic].droplevel("baseline")


# The truth.
class _Solved(NamedTuple):
    values: pd.DataFrame  # by (statistic, scorer, baseline), a column per task, pooled, macro
    mcse: pd.DataFrame
    calibration: pd.DataFrame
    tie_rate: float


@lru_cache(maxsize=64)
def _truth(design: Design) -> _Solved:
    """Judge every scorer on the pairs of many simulated items."""
    prefers, scores = _population(design)
    first, second = np.triu_indices(design.n_systems, 1)
    found, curves, tuned = {}, [], {}
    for scorer, score in zip(design.scorers, scores, strict=True):
        name = scorer.name
        judged = _judge(scorer, score[..., first] - score[..., second], prefers)
        counts = judged.counts()
        counts.append(np.sum(counts, axis=0))  # pooled
        best = [_best_cell(c) for c in counts]
        tuned[name] = judged.agreed(best[:-1]), judged.agreed(best[-1])
        found["accuracy", name, ""] = _means(judged.agreed(0))
        found["half_credit", name, ""] = _means(judged.half_credit())
        found["tie_calibrated", name, ""] = _means(*tuned[name])
        epsilon = judged.unit * np.array([*best, np.mean(best[:-1])])
        found["epsilon", name, ""] = epsilon, np.full(len(epsilon), np.nan)
        for task, of_task in zip((*design.tasks, "pooled"), counts, strict=True):
            curves.append(_curve(of_task).assign(task=task, scorer=name))
    for one, other in combinations(sorted(tuned), 2):
        gaps = (a - b for a, b in zip(tuned[one], tuned[other], strict=True))
        found["gap", one, other] = _means(*gaps)
    columns = [*design.tasks, "pooled", "macro"]
    index = pd.MultiIndex.from_tuples(list(found), names=["statistic", "scorer", "baseline"])
    values, mcse = (
        pd.DataFrame([each[k] for each in found.values()], index, columns).sort_index()
        for k in (0, 1)
    )
    calibration = pd.concat(curves, ignore_index=True)
    calibration = calibration[["task", "scorer", "margin", "share", "first", "tie", "second"]]
    return _Solved(values, mcse, calibration, float((prefers == 0).mean()))


def _population(design: Design) -> tuple[Signs, Floats]:
    """Signs of labels (task, item, pair) and scores (scorer, task, item, system) of many items."""
    n_tasks, n_systems = len(design.tasks), design.n_systems
    first, second = np.triu_indices(n_systems, 1)
    most = TRUTH_MARGINS // (len(first) * n_tasks * len(design.scorers))
    n_items = min(TRUTH_ITEMS, max(most, 1000))
    of_task = np.repeat(np.arange(n_tasks), n_items)
    streams = np.random.SeedSequence(0).spawn(7)[4:]  # a table has the first four of its seed
    draw = draw_responses(design, of_task, None, streams)
    shape = (n_tasks, n_items, n_systems)
    label = draw.labels.sum(axis=0).reshape(shape)  # sums tie where means do, and are exact
    prefers = np.sign(label[..., first] - label[..., second]).astype(np.int8)
    return prefers, draw.scores.reshape(-1, *shape)


class _Judged(NamedTuple):
    """What one scorer makes of all pairs of the simulated items."""

    unit: float
    size: Floats  # (task, item, pair): |margin|
    cell: npt.NDArray[np.int32]  # (task, item, pair): |margin| in units, rounded up
    right: npt.NDArray[np.bool_]  # (task, item, pair): the margin has the sign of the label, not 0
    tied: npt.NDArray[np.bool_]  # (task, item, pair): the label is a tie

    def agreed(self, cell: npt.ArrayLike) -> Floats:
        """Share of agreement (task, item) with ties up to the cell given for each task."""
        ties = self.cell <= np.reshape(cell, (-1, 1, 1))
        return np.asarray(np.where(ties, self.tied, self.right).mean(axis=-1))

    def half_credit(self) -> Floats:
        """Half credit (task, item), NaN where all labels are tied."""
        credit = (self.right + 0.5 * ((self.cell == 0) & ~self.tied)).sum(axis=-1)
        counted = (~self.tied).sum(axis=-1)
        return np.asarray(credit / np.where(counted, counted, np.nan))

    def counts(self) -> list[Floats]:
        """Pairs, right ones, tied ones and summed margins of each cell: (4, cell) by task."""
        n_cells = int(self.cell.max()) + 1
        kinds = (np.ones(self.cell.shape), self.right, self.tied, self.size)
        return [
            np.stack([np.bincount(cell.ravel(), kind[t].ravel(), n_cells) for kind in kinds])
            for t, cell in enumerate(self.cell)
        ]


def _judge(scorer: SimulatedScorer, margin: Floats, prefers: Signs) -> _Judged:
    """Compare margins with the signs of labels, both (task, item, pair)."""
    size = np.abs(margin)
    unit = max(scorer.grid, float(size.max()) / 5000) or 1.0
    cell = np.ceil(size / unit - 1e-6).astype(np.int32)
    right = (np.sign(margin) == prefers) & (prefers != 0)
    return _Judged(unit, size, cell, right, prefers == 0)


def _best_cell(counts: Floats) -> int:
    """Return the first cell of counts (4, cell) up to which ties agree best with the labels."""
    _, right, tied, _ = counts
    return int(np.argmax(np.cumsum(tied) - np.cumsum(right)))


def _curve(counts: Floats) -> pd.DataFrame:
    """Share of each preference by size of the margin, from counts (4, cell)."""
    cells = counts[:, counts[0] > 0]
    pairs, right, tied, size = cells
    right[size == 0] = (pairs - tied)[size == 0] / 2  # no margin, no side
    if len(pairs) > CURVE_POINTS:
        middle = (np.cumsum(pairs) - pairs / 2) / pairs.sum()
        starts = np.unique(np.floor(middle * CURVE_POINTS), return_index=True)[1]
        pairs, right, tied, size = np.add.reduceat(cells, starts, axis=1)
    curve = {"margin": size, "first": right, "tie": tied, "second": pairs - right - tied}
    return pd.DataFrame(curve).div(pairs, axis=0).assign(share=pairs / pairs.sum())


def _means(by_task: Floats, pooled: Floats | None = None) -> tuple[Floats, Floats]:
    """Means over items (task, item) and their errors: by task, pooled (own values), macro."""
    values, errors = [], []
    for x in (by_task, by_task if pooled is None else pooled):
        values.append(np.nanmean(x, axis=1))
        errors.append(np.nanstd(x, axis=1) / np.sqrt(np.isfinite(x).sum(axis=1)))
    overall = [math.sqrt(float(np.sum(e**2))) / len(e) for e in errors]
    return (
        np.array([*values[0], values[1].mean(), values[0].mean()]),
        np.array([*errors[0], overall[1], overall[0]]),
    )
