"""Quantities that posteriors hold, and what each of them estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from metaeval.bayes.datatree import flat_draws, read_attr
from metaeval.core import Floats, MetaevalError, require_known

_NO_BIAS = (
    "This posterior has no bias: the order of responses is not recorded (ordered=True when "
    "reading), and no covariates= were given."
)


class DerivedQuantity(NamedTuple):
    """Draws of one quantity, and what it means.

    `whole` (draw, scorer) is that of all tasks together, `tasks` (draw, scorer, task) that of each
    or None where there is no column of tasks, `new` (draw, scorer) that of a task not yet seen.
    """

    statistic: str
    names: list[str]
    whole: Floats
    tasks: Floats | None
    new: Floats | None
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
        whole, each = self.null
        if task is None:
            return [float(v) for v in whole]
        known = names_of(tree, "task")
        if task not in known:
            return [None] * len(self.names)
        return [float(v) for v in each[:, known.index(task)]]


def names_of(tree: xr.DataTree, dim: str) -> list[str]:
    """Names along a dimension of the posterior."""
    return [str(name) for name in tree["posterior"][dim].to_numpy()]


def by_task(tree: xr.DataTree, draws: Floats) -> Floats | None:
    """Draws (draw, scorer, task) where tasks have names."""
    return None if read_attr(tree, "sizes")[0]["task"] is None else draws


def _accuracy(tree: xr.DataTree) -> DerivedQuantity:
    """Accuracy, the mean over tasks with equal weights."""
    draws = flat_draws(tree, "accuracy")
    new = flat_draws(tree, "accuracy_new") if "accuracy_new" in tree["posterior"] else None
    about = read_attr(tree, "meta")["statistics"][0]
    what = f"the accuracy of new items, {about['name']}, tasks partially pooled"
    if draws.shape[-1] > 1:
        what += "; for all tasks together their mean"
    estimand = {k: about[k] for k in ("grouping", "average", "ties") if k in about}
    return DerivedQuantity(
        statistic="accuracy",
        names=names_of(tree, "scorer"),
        whole=np.asarray(draws.mean(axis=-1)),
        tasks=by_task(tree, draws),
        new=new,
        estimand=estimand | {"target": what},
        status="approximate",
        is_accuracy=True,
    )


ACCURACY: Mapping[str, Callable[..., DerivedQuantity]] = {"accuracy": _accuracy}


def coefficients(
    tree: xr.DataTree, covariate: str | None, lacking: str = _NO_BIAS
) -> tuple[str, Floats]:
    """Name of a covariate, the first by default, and draws (draw, scorer) of its coefficients."""
    if "coefficient" not in tree["posterior"]:
        raise MetaevalError(lacking)
    known = names_of(tree, "covariate")
    name = known[0] if covariate is None else covariate
    require_known("covariate", name, known)
    return name, flat_draws(tree, "coefficient")[..., known.index(name)]
