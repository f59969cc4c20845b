"""`summarize`: one quantity of a posterior as a result, with pairwise differences."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
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
from metaeval.inference import pairs_of_scorers, statistic_info
from metaeval.results import Metadata, Result, frame_of_rows, signed

NEW_TASK = "(new task)"

QUANTITIES: Mapping[str, Mapping[str, Callable[..., DerivedQuantity]]] = {
    "accuracy": {**ACCURACY, "bias": margin_quantities.bias_of_covariate},
    "ties": margin_quantities.TIES,
    "calibration": margin_quantities.CALIBRATION,
    "raters": rater_quantities.QUANTITIES,
}

# Models with a likelihood of its own for each scorer: posteriors of differences between scorers
# that share labels are then too wide, most of all for near-copies.
_INDEPENDENT_SCORERS = ("ties", "calibration")


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
    pairs = pairs_of_scorers(names, baseline)
    failed = str(tree.attrs["failed"])
    estimand = derived.estimand
    status = "failed check" if failed else estimand.status
    options = SummaryOptions(
        statistic=estimand.name,
        status=status,
        confidence=confidence,
        better=estimand.better,
        rope=rope,
        median=derived.median,
    )
    value_rows, differences, draws = [], [], []
    for columns, values in zip(
        _columns_by_part(tree, derived), _draws_by_part(derived), strict=True
    ):
        nulls = derived.null_of(columns["task"], tree)
        rows = scorer_rows(options, names, values, columns)
        value_rows += [
            replace(row, expected_if_calibrated=null) for row, null in zip(rows, nulls, strict=True)
        ]
        differences += comparison_rows(options, names, values, pairs, columns)
        draws.append(values)
    frame = frame_of_rows([*value_rows, *differences])
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


def _draws_by_part(derived: DerivedQuantity) -> list[Any]:
    """Return draws (draw, scorer) over all tasks, of each task, and of a new task."""
    tasks = (
        []
        if derived.tasks is None
        else [derived.tasks[..., t] for t in range(derived.tasks.shape[-1])]
    )
    return [derived.macro, *tasks, *([] if derived.new_task is None else [derived.new_task])]


def _columns_by_part(tree: xr.DataTree, derived: DerivedQuantity) -> list[dict[str, Any]]:
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
) -> Metadata:
    """Return the metadata of the result."""
    meta = Metadata.of_plain(read_attr(tree, "meta"))
    info = statistic_info(derived.estimand)
    first, _, *others = meta.notes
    model = meta.statistics[0].name
    notes = [
        first,
        f"{info.name} is {info.target}",
        *(line for line in others if not line.startswith(f"{model} estimates")),
        *_halving_note(int(tree.attrs["halved"])),
        *derived.notes,
    ]
    warning = [f"the posterior failed convergence diagnostics: {failed}"] if failed else []
    warning += _independence_warning(tree)
    return signed(
        replace(
            meta,
            statistics=(info,),
            policy=replace(meta.policy, confidence=confidence, baseline=baseline, rope=rope),
            notes=tuple(notes),
            warnings=(*warning, *meta.warnings),
        )
    )


def _independence_warning(tree: xr.DataTree) -> list[str]:
    """Warn that differences are too uncertain where scorers have independent likelihoods."""
    model = str(tree.attrs["model"])
    if model not in _INDEPENDENT_SCORERS or tree["posterior"].sizes.get("scorer", 1) < 2:
        return []
    return [
        f"differences between scorers are too uncertain in the {model} model, which ignores that "
        "scorers share labels: use compare or bayes.bayesian_bootstrap for differences"
    ]


def _halving_note(n_halvings: int) -> list[str]:
    if not n_halvings:
        return []
    times = "once" if n_halvings == 1 else f"{n_halvings} times"
    return [f"divergent transitions: chains were rerun with the step size halved {times}"]
