"""True accuracies, thresholds and calibration curves of a simulated design."""

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

TRUTH_ITEMS = 100_000  # per task; standard errors are then near 0.0005
TRUTH_MARGINS = 20_000_000  # but at most this many margins over all tasks and scorers, for memory
CURVE_POINTS = 20  # groups of margins in a calibration curve


@dataclass(frozen=True)
class Truth:
    """True values of the estimands: for these systems and scorers, over the population of items.

    They are computed on demand from 100,000 simulated items per task (fewer for many systems, tasks
    or scorers), drawn from a fixed stream. Frames have a row per scorer, a column per task, and the
    columns `pooled` (all items, with one threshold for all tasks) and `macro` (the mean over
    tasks). `mcse` has the Monte Carlo standard errors, near 0.0005.

    Parameters
    ----------
    design : Design
        The simulated design; tables with the same design have the same true values.

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
        """Pairwise accuracy over pairs with different labels, half credit for equal scores."""
        return self._of("half_credit")

    @property
    def tie_calibrated(self) -> pd.DataFrame:
        """Pairwise accuracy, ties included, at the optimal threshold."""
        return self._of("tie_calibrated")

    @property
    def epsilon(self) -> pd.DataFrame:
        """The optimal tie threshold, to within about 10% because the optimum is flat."""
        return self._of("epsilon")

    @property
    def gaps(self) -> pd.DataFrame:
        """Differences of `tie_calibrated`, by scorer and baseline in text order."""
        return _truth(self.design).values.loc["gap"].copy()

    @property
    def mcse(self) -> pd.DataFrame:
        """Monte Carlo standard errors by statistic, scorer and baseline; none for `epsilon`."""
        return _truth(self.design).mcse.copy()

    @property
    def calibration(self) -> pd.DataFrame:
        """Label probabilities by margin, in rows of `task` and `scorer`.

        `share` is the proportion of pairs with about this absolute `margin`; `first`, `tie` and
        `second` are the probabilities that the label prefers the response with the higher score,
        is a tie, or prefers the other. Margins with many values are grouped into 20 rows.
        """
        return _truth(self.design).calibration.copy()

    @property
    def tie_rate(self) -> float:
        """Proportion of pairs with tied labels, averaged over raters if there are several."""
        return _truth(self.design).tie_rate

    def _of(self, statistic: str) -> pd.DataFrame:
        return _truth(self.design).values.loc[statistic].droplevel("baseline")


# Computation.
class _TrueValues(NamedTuple):
    values: pd.DataFrame  # by (statistic, scorer, baseline), a column per task, pooled, macro
    mcse: pd.DataFrame
    calibration: pd.DataFrame
    tie_rate: float


@lru_cache(maxsize=64)
def _truth(design: Design) -> _TrueValues:
    """Judge every scorer on the pairs of many simulated items."""
    prefers, scores = _population(design)
    first, second = np.triu_indices(design.n_systems, 1)
    estimates, curves, tuned = {}, [], {}
    for scorer, score in zip(design.scorers, scores, strict=True):
        name = scorer.name
        judged = _judge(scorer, score[..., first] - score[..., second], prefers)
        counts = judged.counts()
        counts.append(np.sum(counts, axis=0))  # pooled
        best = [_best_cell(c) for c in counts]
        tuned[name] = judged.agreed(best[:-1]), judged.agreed(best[-1])
        estimates["accuracy", name, ""] = _means(judged.agreed(0))
        estimates["half_credit", name, ""] = _means(judged.half_credit())
        estimates["tie_calibrated", name, ""] = _means(*tuned[name])
        epsilon = judged.unit * np.array([*best, np.mean(best[:-1])])
        estimates["epsilon", name, ""] = epsilon, np.full(len(epsilon), np.nan)
        for task, of_task in zip((*design.tasks, "pooled"), counts, strict=True):
            curves.append(_curve(of_task).assign(task=task, scorer=name))
    for scorer_a, scorer_b in combinations(sorted(tuned), 2):
        gaps = (a - b for a, b in zip(tuned[scorer_a], tuned[scorer_b], strict=True))
        estimates["gap", scorer_a, scorer_b] = _means(*gaps)
    columns = [*design.tasks, "pooled", "macro"]
    index = pd.MultiIndex.from_tuples(list(estimates), names=["statistic", "scorer", "baseline"])
    values, mcse = (
        pd.DataFrame([pair[k] for pair in estimates.values()], index, columns).sort_index()
        for k in (0, 1)
    )
    calibration = pd.concat(curves, ignore_index=True)
    calibration = calibration[["task", "scorer", "margin", "share", "first", "tie", "second"]]
    return _TrueValues(values, mcse, calibration, float((prefers == 0).mean()))


def _population(design: Design) -> tuple[Signs, Floats]:
    """Signs of labels (task, item, pair) and scores (scorer, task, item, system) of many items."""
    n_tasks, n_systems = len(design.tasks), design.n_systems
    first, second = np.triu_indices(n_systems, 1)
    n_affordable = TRUTH_MARGINS // (len(first) * n_tasks * len(design.scorers))
    n_items = min(TRUTH_ITEMS, max(n_affordable, 1000))
    of_task = np.repeat(np.arange(n_tasks), n_items)
    streams = np.random.SeedSequence(0).spawn(7)[4:]  # a table has the first four of its seed
    draw = draw_responses(design, of_task, None, streams)
    shape = (n_tasks, n_items, n_systems)
    label = draw.labels.sum(axis=0).reshape(shape)  # sums tie where means do, and are exact
    prefers = np.sign(label[..., first] - label[..., second]).astype(np.int8)
    return prefers, draw.scores.reshape(-1, *shape)


class _JudgedPairs(NamedTuple):
    """Decisions of one scorer on all pairs of the simulated items."""

    unit: float
    size: Floats  # (task, item, pair): |margin|
    cell: npt.NDArray[np.int32]  # (task, item, pair): |margin| in units, rounded up
    right: npt.NDArray[np.bool_]  # (task, item, pair): the margin has the sign of the label, not 0
    tied: npt.NDArray[np.bool_]  # (task, item, pair): the label is a tie

    def agreed(self, cell: npt.ArrayLike) -> Floats:
        """Agreement (task, item) with ties up to a given cell for each task."""
        ties = self.cell <= np.reshape(cell, (-1, 1, 1))
        return np.asarray(np.where(ties, self.tied, self.right).mean(axis=-1))

    def half_credit(self) -> Floats:
        """Accuracy with half credit for ties (task, item); NaN if all labels are tied."""
        credit = (self.right + 0.5 * ((self.cell == 0) & ~self.tied)).sum(axis=-1)
        counted = (~self.tied).sum(axis=-1)
        return np.asarray(credit / np.where(counted, counted, np.nan))

    def counts(self) -> list[Floats]:
        """Numbers of pairs, correct and tied pairs, and summed margins: (4, cell) by task."""
        n_cells = int(self.cell.max()) + 1
        kinds = (np.ones(self.cell.shape), self.right, self.tied, self.size)
        return [
            np.stack([np.bincount(cell.ravel(), kind[t].ravel(), n_cells) for kind in kinds])
            for t, cell in enumerate(self.cell)
        ]


def _judge(scorer: SimulatedScorer, margin: Floats, prefers: Signs) -> _JudgedPairs:
    """Compare margins with the signs of labels, both (task, item, pair).

    Margins are binned in units of the grid of scores, or of a 5000th of the largest margin, so that
    the optimal threshold is found by cumulative sums.
    """
    size = np.abs(margin)
    unit = max(scorer.grid, float(size.max()) / 5000) or 1.0
    cell = np.ceil(size / unit - 1e-6).astype(np.int32)
    right = (np.sign(margin) == prefers) & (prefers != 0)
    return _JudgedPairs(unit, size, cell, right, prefers == 0)


def _best_cell(counts: Floats) -> int:
    """Return the first cell of counts (4, cell) up to which ties maximize agreement."""
    _, right, tied, _ = counts
    return int(np.argmax(np.cumsum(tied) - np.cumsum(right)))


def _curve(counts: Floats) -> pd.DataFrame:
    """Proportion of each preference by absolute margin, from counts (4, cell)."""
    cells = counts[:, counts[0] > 0]
    pairs, right, tied, size = cells
    right[size == 0] = (pairs - tied)[size == 0] / 2  # a margin of 0 favors neither
    if len(pairs) > CURVE_POINTS:
        middle = (np.cumsum(pairs) - pairs / 2) / pairs.sum()
        starts = np.unique(np.floor(middle * CURVE_POINTS), return_index=True)[1]
        pairs, right, tied, size = np.add.reduceat(cells, starts, axis=1)
    curve = {"margin": size, "first": right, "tie": tied, "second": pairs - right - tied}
    return pd.DataFrame(curve).div(pairs, axis=0).assign(share=pairs / pairs.sum())


def _means(by_task: Floats, pooled: Floats | None = None) -> tuple[Floats, Floats]:
    """Means over items (task, item) and standard errors: by task, pooled and macro."""
    values, errors = [], []
    for x in (by_task, by_task if pooled is None else pooled):
        values.append(np.nanmean(x, axis=1))
        errors.append(np.nanstd(x, axis=1) / np.sqrt(np.isfinite(x).sum(axis=1)))
    overall = [math.sqrt(float(np.sum(e**2))) / len(e) for e in errors]
    return (
        np.array([*values[0], values[1].mean(), values[0].mean()]),
        np.array([*errors[0], overall[1], overall[0]]),
    )
