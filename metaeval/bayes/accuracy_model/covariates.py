"""Cells of units with similar covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from metaeval.bayes.design import covariate_bins, covariate_differences
from metaeval.bayes.model_interface import Sites
from metaeval.core import SMALLEST_DIVISOR, Codes, Floats
from metaeval.curves import scale_of
from metaeval.inference import Design, Stratum
from metaeval.statistics import only_label, sum_by


@dataclass(frozen=True, kw_only=True)
class TaskSummary:
    """Accuracies in one task: `value` (unit, scorer) of units of positive `weight` (unit,).

    `covariance` (scorer, scorer) is that of the estimated accuracies, `position` (unit,) the
    position of each unit among all units of the task.
    """

    value: Floats
    weight: Floats
    covariance: Floats
    units: list[str]
    position: Codes

    @property
    def mean(self) -> Floats:
        """Return the accuracy of each scorer: (scorer,)."""
        return self.weight @ self.value


@dataclass(frozen=True, kw_only=True)
class CovariateCells:
    """Cells of units: tasks, or the units of a task with similar covariates.

    `task` (cell,), `weight` (task, cell) of each cell in its task, `covariates` (covariate, cell)
    divided by their root mean squares.
    """

    summaries: list[TaskSummary]
    task: Codes
    weight: Floats
    covariates: Floats

    def logits(self, sites: Sites) -> Floats:
        """Return logits of the accuracy in each cell: (..., scorer, cell)."""
        z = sites["logit"][..., self.task]
        if "coefficient" not in sites:
            return z
        return z + sites["coefficient"] @ self.covariates

    def with_covariance_within(self, tasks: Sequence[TaskSummary]) -> list[TaskSummary]:
        """Return the tasks with their covariances within cells, pooled over cells.

        Single cells are too small to estimate correlations.
        """
        weights = np.square(self.weight)
        within = np.einsum("tc,ckl->tkl", weights, np.stack([s.covariance for s in self.summaries]))
        return [
            replace(summary, covariance=covariance)
            for summary, covariance in zip(tasks, within, strict=True)
        ]


def one_cell_per_task(summaries: Sequence[TaskSummary]) -> CovariateCells:
    """Return one cell for each task."""
    n = len(summaries)
    return CovariateCells(
        summaries=list(summaries), task=np.arange(n), weight=np.eye(n), covariates=np.zeros((0, n))
    )


def covariate_cells(
    design: Design, summaries: Sequence[TaskSummary], names: Sequence[str]
) -> CovariateCells:
    """Return cells of units with similar covariates of the better response."""
    values = [
        _unit_covariates(stratum, names)[:, summary.position]
        for stratum, summary in zip(design.strata, summaries, strict=True)
    ]
    return cells_from_values(summaries, values)


def cells_from_values(summaries: Sequence[TaskSummary], values: Sequence[Floats]) -> CovariateCells:
    """Return cells of units with similar values (covariate, unit), task by task."""
    pooled = np.concatenate(values, axis=1)
    scale = np.array([scale_of(row) for row in pooled])[:, None]
    cells, task, weight, means = [], [], [], []
    for t, (summary, x) in enumerate(zip(summaries, values, strict=True)):
        code = covariate_bins(x)
        for c in range(code.max() + 1):
            mask = code == c
            cell = _select_units(summary, mask)
            cells.append(cell)
            task.append(t)
            weight.append(summary.weight[mask].sum())
            means.append(x[:, mask] @ cell.weight)
    in_task = np.arange(len(summaries))[:, None] == np.array(task)
    return CovariateCells(
        summaries=cells,
        task=np.array(task),
        weight=in_task * np.array(weight),
        covariates=np.stack(means, axis=1) / scale,
    )


def _unit_covariates(stratum: Stratum, names: Sequence[str]) -> Floats:
    """Return mean differences, better minus worse response, by unit: (covariate, unit)."""
    pairs = stratum.table.pairs()
    label = np.nan_to_num(np.sign(only_label(pairs)))
    unit = stratum.unit_of_items(pairs)[pairs.item_codes]
    excess = covariate_differences(pairs, names) * label
    n = len(stratum.units)
    n_pairs = np.maximum(np.bincount(unit, minlength=n), 1)
    return np.asarray(sum_by(excess.T, unit, n).T / n_pairs)


def _select_units(task: TaskSummary, mask: Codes) -> TaskSummary:
    """Select units; the covariance is inflated by tuning as much as in the whole task."""
    value, weight = task.value[mask], task.weight[mask] / task.weight[mask].sum()
    covariance = _covariance(value, weight)
    expected = np.diag(_covariance(task.value, task.weight))
    inflation = np.sqrt(
        np.where(expected > 0, np.diag(task.covariance) / np.maximum(expected, SMALLEST_DIVISOR), 1)
    )
    units = [task.units[u] for u in np.flatnonzero(mask)]
    return TaskSummary(
        value=value,
        weight=weight,
        covariance=covariance * inflation[:, None] * inflation,
        units=units,
        position=task.position[mask],
    )


def _covariance(value: Floats, weight: Floats) -> Floats:
    influence = weight[:, None] * (value - weight @ value)
    return np.asarray(influence.T @ influence)
