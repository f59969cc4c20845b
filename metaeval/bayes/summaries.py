"""`summarize`: a quantity of a posterior as a result, with differences and what to make of them."""

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
    """Posterior of one quantity for every scorer, and of its differences.

    Parameters
    ----------
    tree : DataTree
        What `fit` returned.
    quantity : str
        `accuracy` (models accuracy, raters), `slope`, `lapse` (ties, calibration),
        `bias` (of all models; of ordinal ratings: relative to the other raters),
        `threshold`, `epsilon` (ties), `gap`, `miscalibration` (calibration), `rater_accuracy`,
        `agreement`, `severity`, `discrimination` (raters). An unknown one is refused with a list
        of those that the model has.
    covariate : str, optional
        Of `bias` only: the covariate that it is about. By default the order in which responses
        were shown, where the model has a bias towards the first, or else the first covariate.
    agreement : float, optional
        Of `gap` only: the share of labels that agree with the sign of a margin of that size; .9 by
        default.
    baseline : str, optional
        Differences to this scorer only; otherwise all pairs.
    rope : float, optional
        Differences below it do not matter: adds `prob_rope`, the probability of such a one.
    confidence : float, default 0.95
        Probability inside the intervals, which leave equal tails.

    Returns
    -------
    Result
        As of `metaeval.compare`: rows for all tasks together (empty task), each task, and a task
        not yet seen (`(new task)`) where several were. `estimate` is the posterior mean (the
        median where values may be infinite), `se` the posterior standard deviation. Differences
        have `prob_better` (instead of p), `expected_loss` (what choosing the first of the two
        costs on average, nothing where it is the better) and `prob_rope`. Estimates are medians,
        too, where values pile up at an end (`epsilon`).

    Raises
    ------
    MetaevalError
        If the tree is not a posterior, or does not have the quantity, or the quantity does not take
        an option.

    Notes
    -----
    `prob_better` of .98 says that, by the model, the first is better with that probability; it is
    no p-value, and not adjusted for the number of comparisons.

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
    """Draws (draw, scorer) of all tasks together, of each, and of a new one."""
    tasks = (
        []
        if derived.tasks is None
        else [derived.tasks[..., t] for t in range(derived.tasks.shape[-1])]
    )
    return [derived.macro, *tasks, *([] if derived.new_task is None else [derived.new_task])]


def _columns_by_part(tree: xr.DataTree, derived: DerivedQuantity) -> list[Row]:
    """Task and counts of the rows of each part."""
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
    """What a result says besides its numbers."""
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
        meta["warnings"] = [f"the posterior failed its check: {failed}", *meta["warnings"]]
    n_halvings = int(tree.attrs["halved"])
    if n_halvings:
        note = f"chains diverged and were rerun with steps {2**n_halvings} times shorter"
        meta["notes"].append(note)
    meta["notes"] += derived.notes
    meta["provenance"]["signature"] = make_signature(meta)
    return meta
