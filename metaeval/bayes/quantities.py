"""Quantities derived from posteriors, and their estimands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from metaeval.bayes.datatree import flat_draws, read_attr
from metaeval.core import Floats, MetaevalError, require_known
from metaeval.statistics import Estimand

_NO_BIAS = (
    "This posterior has no bias parameter: the order of the responses is not recorded (read with "
    "ordered=True), and the model has no covariates=."
)


@dataclass(frozen=True, kw_only=True)
class DerivedQuantity:
    """Draws of one quantity, and its estimand.

    `macro` (draw, scorer) is for all tasks, `tasks` (draw, scorer, task) for each task (None if
    the table has no tasks), `new_task` (draw, scorer) for a new task.
    """

    estimand: Estimand
    names: list[str]
    macro: Floats
    tasks: Floats | None
    new_task: Floats | None
    dim: str = "scorer"
    shared_units: int = 0
    median: bool = False  # the estimate is the median, for values that pile up at a bound
    null: tuple[Floats, Floats] | None = None  # (scorer,), (scorer, task): expected by chance
    notes: tuple[str, ...] = ()

    def null_of(self, task: str | None, tree: xr.DataTree) -> list[float | None]:
        """Return the value expected by chance for each scorer, in one task or over all."""
        if self.null is None:
            return [None] * len(self.names)
        macro, per_task = self.null
        if task is None:
            return [float(v) for v in macro]
        tasks = names_of(tree, "task")
        if task not in tasks:
            return [None] * len(self.names)
        return [float(v) for v in per_task[:, tasks.index(task)]]


def names_of(tree: xr.DataTree, dim: str) -> list[str]:
    """Return coordinates along a dimension of the posterior."""
    return [str(name) for name in tree["posterior"][dim].to_numpy()]


def by_task(tree: xr.DataTree, draws: Floats) -> Floats | None:
    """Return draws (draw, scorer, task), or None if the table has no tasks."""
    return None if read_attr(tree, "sizes")[0]["task"] is None else draws


def _accuracy(tree: xr.DataTree) -> DerivedQuantity:
    """Return accuracy; over all tasks it is the unweighted mean."""
    draws = flat_draws(tree, "accuracy")
    new_task = flat_draws(tree, "accuracy_new") if "accuracy_new" in tree["posterior"] else None
    statistic = read_attr(tree, "meta")["statistics"][0]
    target = f"the accuracy on new items ({statistic['name']}), with partial pooling of tasks"
    if draws.shape[-1] > 1:
        target += "; over all tasks, the unweighted mean"
    estimand = Estimand(
        name="accuracy",
        grouping=statistic.get("grouping"),
        average=statistic.get("average"),
        ties=statistic.get("ties"),
        target=target,
        status="approximate",
        is_accuracy=True,
    )
    return DerivedQuantity(
        estimand=estimand,
        names=names_of(tree, "scorer"),
        macro=np.asarray(draws.mean(axis=-1)),
        tasks=by_task(tree, draws),
        new_task=new_task,
    )


ACCURACY: Mapping[str, Callable[..., DerivedQuantity]] = {"accuracy": _accuracy}


def coefficients(
    tree: xr.DataTree, covariate: str | None, no_bias: str = _NO_BIAS
) -> tuple[str, Floats]:
    """Return the name of a covariate (default: the first) and draws of its coefficients."""
    if "coefficient" not in tree["posterior"]:
        raise MetaevalError(no_bias)
    covariates = names_of(tree, "covariate")
    name = covariates[0] if covariate is None else covariate
    require_known("covariate", name, covariates)
    return name, flat_draws(tree, "coefficient")[..., covariates.index(name)]
