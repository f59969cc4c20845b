"""Verdicts by covariates: units of a task that are alike in them make a cell of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from metaeval.bayes.design import covariate_bins, differences
from metaeval.bayes.model_data import Sites
from metaeval.core import SMALLEST_DIVISOR, Codes, Floats
from metaeval.curves import scale_of
from metaeval.inference import Design, Stratum
from metaeval.statistics import only_label, sum_by


class TaskSummary(NamedTuple):
    """What one task shows: `value` (unit, scorer) of units that count, their `share` (unit,).

    `scatter` (scorer, scorer) is the covariance of the accuracies over units; `place` (unit,) are
    their positions among all units of the task.
    """

    value: Floats
    share: Floats
    scatter: Floats
    units: list[str]
    place: Codes

    @property
    def mean(self) -> Floats:
        """Accuracy of each scorer: (scorer,)."""
        return self.share @ self.value


class CovariateCells(NamedTuple):
    """Units that are seen together: tasks, or parts of tasks that are alike in covariates.

    `task` (cell,), `weight` (task, cell) of each cell in its task, `covariates` (covariate, cell)
    over their root mean squares.
    """

    seen: list[TaskSummary]
    task: Codes
    weight: Floats
    covariates: Floats

    def logits(self, sites: Sites) -> Floats:
        """Logits of being right in each cell: (..., scorer, cell)."""
        z = sites["logit"][..., self.task]
        if "coefficient" not in sites:
            return z
        return z + sites["coefficient"] @ self.covariates

    def within(self, whole: Sequence[TaskSummary]) -> list[TaskSummary]:
        """The whole tasks with the covariances that are left within their cells, all together.

        A cell is too small for correlations of its own.
        """
        weights = np.square(self.weight)
        scatter = np.einsum("tc,ckl->tkl", weights, np.stack([s.scatter for s in self.seen]))
        return [own._replace(scatter=left) for own, left in zip(whole, scatter, strict=True)]


def whole_tasks(seen: Sequence[TaskSummary]) -> CovariateCells:
    """Every task is one cell."""
    n = len(seen)
    return CovariateCells(
        seen=list(seen), task=np.arange(n), weight=np.eye(n), covariates=np.zeros((0, n))
    )


def by_covariates(
    design: Design, seen: Sequence[TaskSummary], names: Sequence[str]
) -> CovariateCells:
    """Cells of units whose better responses have about as much more of each covariate."""
    values = [
        _of_units(stratum, names)[:, own.place]
        for stratum, own in zip(design.strata, seen, strict=True)
    ]
    return cells_of(seen, values)


def cells_of(seen: Sequence[TaskSummary], values: Sequence[Floats]) -> CovariateCells:
    """Cells of units that are alike in values (covariate, unit) of each task."""
    together = np.concatenate(values, axis=1)
    scale = np.array([scale_of(row) for row in together])[:, None]
    cells, task, weight, means = [], [], [], []
    for t, (own, x) in enumerate(zip(seen, values, strict=True)):
        code = covariate_bins(x)
        for c in range(code.max() + 1):
            there = code == c
            part = _part(own, there)
            cells.append(part)
            task.append(t)
            weight.append(own.share[there].sum())
            means.append(x[:, there] @ part.share)
    one = np.arange(len(seen))[:, None] == np.array(task)
    return CovariateCells(
        seen=cells,
        task=np.array(task),
        weight=one * np.array(weight),
        covariates=np.stack(means, axis=1) / scale,
    )


def _of_units(stratum: Stratum, names: Sequence[str]) -> Floats:
    """How much more of each the better responses have, a mean over pairs: (covariate, unit)."""
    pairs = stratum.table.pairs()
    label = np.nan_to_num(np.sign(only_label(pairs)))
    unit = stratum.unit_of_items(pairs)[pairs.item_codes]
    more = differences(pairs, names) * label
    n = len(stratum.units)
    number = np.maximum(np.bincount(unit, minlength=n), 1)
    return np.asarray(sum_by(more.T, unit, n).T / number)


def _part(own: TaskSummary, there: Codes) -> TaskSummary:
    """Some of the units; what is tuned on the items varies by as much more as in all of them."""
    value, share = own.value[there], own.share[there] / own.share[there].sum()
    scatter = _scatter(value, share)
    expected = np.diag(_scatter(own.value, own.share))
    more = np.sqrt(
        np.where(expected > 0, np.diag(own.scatter) / np.maximum(expected, SMALLEST_DIVISOR), 1)
    )
    units = [own.units[u] for u in np.flatnonzero(there)]
    return TaskSummary(
        value=value,
        share=share,
        scatter=scatter * more[:, None] * more,
        units=units,
        place=own.place[there],
    )


def _scatter(value: Floats, share: Floats) -> Floats:
    influence = share[:, None] * (value - share @ value)
    return np.asarray(influence.T @ influence)
