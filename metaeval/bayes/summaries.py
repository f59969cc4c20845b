"""`summarize`: one quantity of a posterior as a result, with pairwise differences."""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from metaeval.bayes.datatree import read_attr, require_posterior
from metaeval.bayes.margin_models import quantities as margin_quantities
from metaeval.bayes.quantities import ACCURACY, DerivedQuantity
from metaeval.bayes.rater_models import quantities as rater_quantities
from metaeval.bayes.result_rows import SummaryOptions, comparison_rows, scorer_rows
from metaeval.core import (
    MetaevalError,
    check_fraction,
    check_not_negative,
    join_names,
    require_known,
)
from metaeval.results import COLUMNS, Result, Row, make_signature, normalize_frame

NEW_TASK = "(new task)"

QUANTITIES: Mapping[str, Mapping[str, Callable[..., DerivedQuantity]]] = {
    "accuracy": {**ACCURACY, "bias": margin_quantities.bias_of_covariate},
    "ties": margin_quantities.TIES,
    "calibration": margin_quantities.CALIBRATION,
    "raters": rater_quantities.QUANTITIES,
}


def summarize(
    tree: xr.DataTree,
    quantity: str,
    *,
    covariate: str | None = None,
    agreement: float | None = None,
    baseline: str | None = None,
    rope: float | None = None,
    confidence: float = 0.95,
) -> Result:
    """Summarize the posterior of one quantity for each scorer, and of pairwise differences.

    Parameters
    ----------
    tree : DataTree
        A posterior returned by `fit`.
    quantity : str
        `accuracy` (models of accuracy and raters), `slope`, `lapse` (ties, calibration), `bias`
        (all models; for ordinal ratings relative to the other raters), `threshold`, `epsilon`
        (ties), `gap`, `miscalibration` (calibration), `rater_accuracy`, `agreement`, `severity`,
        `discrimination` (raters).
    covariate : str, optional
        Covariate of `bias`. By default the order in which responses were shown, if the model has
        an order bias, else the first covariate.
    agreement : float, optional
        Agreement at `gap`: the proportion of labels that agree with the sign of a margin of that
        size. Default 0.9.
    baseline : str, optional
        Compare with this scorer only; by default all pairs are compared.
    rope : float, optional
        Half-width of the region of practical equivalence: adds `prob_rope`, the probability of a
        difference within it.
    confidence : float, default 0.95
        Probability of the equal-tailed posterior intervals.

    Returns
    -------
    Result
        As from `metaeval.compare`: rows over all tasks (empty task), for each task, and for a new
        task (`(new task)`) if the table has several tasks. `estimate` is the posterior mean (the
        median for values that may be infinite or pile up at a bound, such as `epsilon`), `se` the
        posterior standard deviation. Differences have `prob_better` (the probability that the
        first scorer is better) instead of a p-value, `expected_loss` (the expected loss of
        choosing the first scorer) and `prob_rope`.

    Raises
    ------
    MetaevalError
        If `tree` is not a posterior of `fit`, the model does not have the quantity, or the
        quantity does not take an option.

    Notes
    -----
    `prob_better` is a probability given the model. It is not a p-value, and not adjusted for the
    number of comparisons.

    References
    ----------
    Kruschke (2018), Rejecting or accepting parameter values in Bayesian estimation. Benavoli et
    al. (2017), Time for a change: a tutorial for comparing multiple classifiers.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> tree = bayes.fit(bayes.AccuracyModel(), load_example(), seed=1)
    >>> gap = bayes.summarize(tree, "accuracy", rope=0.02).row("reward", "lexical")
    >>> bool(gap["prob_better"] > 0.5)
    True
    """
    check_fraction("confidence", confidence)
    if rope is not None:
        check_not_negative("rope", rope)
    tree = require_posterior(tree)
    derived = _quantity(tree, quantity, {"covariate": covariate, "agreement": agreement})
    names = derived.names
    if baseline is not None:
        require_known(derived.dim, baseline, names)
    pairs = _pairs(names, baseline)
    failed = str(tree.attrs["failed"])
    status = "failed check" if failed else derived.status
    options = SummaryOptions(
        statistic=derived.statistic,
        status=status,
        confidence=confidence,
        better=derived.better,
        rope=rope,
        median=derived.median,
    )
    value_rows, differences, draws = [], [], []
    for columns, values in zip(
        _columns_by_part(tree, derived), _draws_by_part(derived), strict=True
    ):
        rows = scorer_rows(options, names, values, columns)
        for row, null in zip(rows, derived.null_of(columns["task"], tree), strict=True):
            row["expected_if_calibrated"] = null
        value_rows += rows
        differences += comparison_rows(options, names, values, pairs, columns)
        draws.append(values)
    frame = normalize_frame(pd.DataFrame([*value_rows, *differences], columns=COLUMNS))
    meta = _meta(tree, derived, failed, confidence, baseline, rope)
    return Result(frame, np.concatenate(draws, axis=1), meta)


def _quantity(tree: xr.DataTree, quantity: str, options: Mapping[str, Any]) -> DerivedQuantity:
    model = str(tree.attrs["model"])
    quantities = QUANTITIES[model]
    require_known(f"quantity of the {model} model", quantity, list(quantities))
    arguments = {name: value for name, value in options.items() if value is not None}
    for name in arguments:
        accepting = [
            candidate for candidate, function in quantities.items() if _takes(function, name)
        ]
        if quantity not in accepting:
            alternative = (
                f"{name}= is an option of {join_names(accepting)}"
                if accepting
                else "no quantity does"
            )
            raise MetaevalError(
                f"{quantity} of the {model} model does not take {name}; {alternative}."
            )
    return quantities[quantity](tree, **arguments)


def _takes(function: Callable[..., DerivedQuantity], name: str) -> bool:
    return name in inspect.signature(function).parameters


def _pairs(names: list[str], baseline: str | None) -> list[tuple[int, int]]:
    if baseline is None:
        return list(itertools.combinations(range(len(names)), 2))
    base = names.index(baseline)
    return [(m, base) for m in range(len(names)) if m != base]


def _draws_by_part(derived: DerivedQuantity) -> list[Any]:
    """Return draws (draw, scorer) over all tasks, of each task, and of a new task."""
    tasks = (
        []
        if derived.tasks is None
        else [derived.tasks[..., t] for t in range(derived.tasks.shape[-1])]
    )
    return [derived.macro, *tasks, *([] if derived.new_task is None else [derived.new_task])]


def _columns_by_part(tree: xr.DataTree, derived: DerivedQuantity) -> list[Row]:
    """Return the task and counts for the rows of each part."""
    sizes = read_attr(tree, "sizes")
    counts = ("n_items", "n_clusters", "n_rows", "n_dropped")
    total = {"task": None} | {n: sum(size[n] for size in sizes) for n in counts}
    if derived.shared_units:
        total |= {"n_clusters": derived.shared_units}
    tasks = sizes if derived.tasks is not None else []
    new_task = [total | {"task": NEW_TASK}] if derived.new_task is not None else []
    return [total, *tasks, *new_task]


def _meta(
    tree: xr.DataTree,
    derived: DerivedQuantity,
    failed: str,
    confidence: float,
    baseline: str | None,
    rope: float | None,
) -> dict[str, Any]:
    """Return the metadata of the result."""
    meta: dict[str, Any] = copy.deepcopy(read_attr(tree, "meta"))
    statistic = {
        "name": derived.statistic,
        "accuracy": derived.is_accuracy,
        "better": derived.better,
    }
    model = meta["statistics"][0]["name"]
    meta["statistics"] = [
        statistic | {"status": derived.status, "beside": False} | dict(derived.estimand)
    ]
    meta["policy"] |= {"confidence": confidence, "baseline": baseline, "rope": rope}
    first, _, *rest = meta["notes"]
    notes = [line for line in rest if not line.startswith(f"{model} estimates")]
    meta["notes"] = [first, f"{derived.statistic} is {derived.estimand['target']}", *notes]
    if failed:
        meta["warnings"] = [
            f"the posterior failed convergence diagnostics: {failed}",
            *meta["warnings"],
        ]
    n_halvings = int(tree.attrs["halved"])
    if n_halvings:
        times = "once" if n_halvings == 1 else f"{n_halvings} times"
        note = f"divergent transitions: chains were rerun with the step size halved {times}"
        meta["notes"].append(note)
    meta["notes"] += derived.notes
    meta["provenance"]["signature"] = make_signature(meta)
    return meta
