"""Quantities that posteriors hold, and what each of them estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from metaeval.bayes.datatree import flat_draws, read_attr
from metaeval.core import Floats, MetaevalError, require_known

_NO_BIAS = (
    "This posterior has no bias: the order of responses is not recorded (ordered=True when "
    "reading), and no covariates= were given."
)


@dataclass(frozen=True, kw_only=True)
class DerivedQuantity:
    """Draws of one quantity, and what it means.

    `macro` (draw, scorer) is that of all tasks together, `tasks` (draw, scorer, task) that of each
    or None where there is no column of tasks, `new_task` (draw, scorer) that of a task not yet seen.
    """

    statistic: str
    names: list[str]
    macro: Floats
    tasks: Floats | None
    new_task: Floats | None
    estimand: Mapping[str, str]
    better: str = "higher"
    status: str = "exact"
    is_accuracy: bool = False
    dim: str = "scorer"
    shared_units: int = 0
    median: bool = False  # the estimate, where values pile up at an end
    null: tuple[Floats, Floats] | None = None  # (scorer,) and (scorer, task), by chance alone
    notes: tuple[str, ...] = ()

    def null_of(self, task: str | None, tree: xr.DataTree) -> list[float | None]:
        """What chance alone gives each scorer in a task, or in all together."""
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
    """Names along a dimension of the posterior."""
    return [str(name) for name in tree["posterior"][dim].to_numpy()]


def by_task(tree: xr.DataTree, draws: Floats) -> Floats | None:
    """Draws (draw, scorer, task) where tasks have names."""
    return None if read_attr(tree, "sizes")[0]["task"] is None else draws


def _accuracy(tree: xr.DataTree) -> DerivedQuantity:
    """Accuracy, the mean over tasks with equal weights."""
    draws = flat_draws(tree, "accuracy")
    new_task = flat_draws(tree, "accuracy_new") if "accuracy_new" in tree["posterior"] else None
    statistic = read_attr(tree, "meta")["statistics"][0]
    target = f"the accuracy of new items, {statistic['name']}, tasks partially pooled"
    if draws.shape[-1] > 1:
        target += "; for all tasks together their mean"
    estimand = {k: statistic[k] for k in ("grouping", "average", "ties") if k in statistic}
    return DerivedQuantity(
        statistic="accuracy",
        names=names_of(tree, "scorer"),
        macro=np.asarray(draws.mean(axis=-1)),
        tasks=by_task(tree, draws),
        new_task=new_task,
        estimand=estimand | {"target": target},
        status="approximate",
        is_accuracy=True,
    )


ACCURACY: Mapping[str, Callable[..., DerivedQuantity]] = {"accuracy": _accuracy}


def coefficients(
    tree: xr.DataTree, covariate: str | None, no_bias: str = _NO_BIAS
) -> tuple[str, Floats]:
    """Name of a covariate, the first by default, and draws (draw, scorer) of its coefficients."""
    if "coefficient" not in tree["posterior"]:
        raise MetaevalError(no_bias)
    covariates = names_of(tree, "covariate")
    name = covariates[0] if covariate is None else covariate
    require_known("covariate", name, covariates)
    return name, flat_draws(tree, "coefficient")[..., covariates.index(name)]
