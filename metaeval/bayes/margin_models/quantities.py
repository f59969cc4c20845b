"""Quantities of the models of win, tie and loss, and of calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import xarray as xr

from metaeval.bayes.datatree import flat_draws, read_attr
from metaeval.bayes.margin_models.posterior_curves import outcome_log_probs
from metaeval.bayes.quantities import DerivedQuantity, by_task, coefficients, names_of
from metaeval.core import SMALLEST_DIVISOR, Floats, MetaevalError, check_fraction, join_names
from metaeval.curves import expit, logit, spline_basis

TYPICAL = {"whole": "a typical task"}
_STATUS = "approximate"
_NO_COVARIATES = "This posterior has no bias; fit it with covariates=, such as length_delta."
_MAX_EXTRAPOLATION = 64.0  # largest margins beyond which a gap is said to be never


def _variable(
    tree: xr.DataTree, name: str, statistic: str, target: str, better: str = "neither"
) -> DerivedQuantity:
    """A variable of the posterior: typical of the tasks, in each, and in a new one."""
    posterior = tree["posterior"]
    if tree["posterior"].sizes["task"] > 1:
        target += "; for all tasks together that of their mean on the log scale"
    estimand = {"grouping": "item", "average": "pairs", "ties": "none", "target": target} | TYPICAL
    new_name = f"{name}_new"
    return DerivedQuantity(
        statistic=statistic,
        names=names_of(tree, "scorer"),
        macro=flat_draws(tree, f"{name}_typical"),
        tasks=by_task(tree, flat_draws(tree, name)),
        new_task=flat_draws(tree, new_name) if new_name in posterior else None,
        estimand=estimand,
        better=better,
        status=_STATUS,
    )


def _slope(tree: xr.DataTree) -> DerivedQuantity:
    """Slope of the log odds that labels side with a margin."""
    native = "scale" in read_attr(tree, "options")
    unit = "root mean square of these margins, held fixed"
    if native:
        unit = "unit of score (1: log odds as claimed)"
    return _variable(tree, "slope", "slope", f"the slope of log odds of the labels per {unit}")


def _threshold(tree: xr.DataTree) -> DerivedQuantity:
    """Threshold (Rao-Kupper), or log propensity to tie (Davidson), on the latent scale."""
    form = read_attr(tree, "options")["form"]
    target = {
        "rao_kupper": "the latent gap t below which a label is a tie, P(win) = sigma(u - t)",
        "davidson": "log nu, the log propensity to tie",
    }[form]
    return _variable(tree, "threshold", "threshold", target)


def _epsilon(tree: xr.DataTree) -> DerivedQuantity:
    """Margin below which a tie is the best call."""
    target = "the margin, in units of the scores, below which a tie is the most probable label"
    quantity = _variable(tree, "epsilon", "epsilon", f"{target}; 0 where it never is")
    return replace(quantity, median=True)


def _lapse(tree: xr.DataTree) -> DerivedQuantity:
    """Share of labels that are random however large the margin."""
    if "lapse" not in tree["posterior"]:
        raise MetaevalError(
            f"The form {read_attr(tree, 'options')['form']!r} has no lapses; fit one that has, "
            "form='lapse'."
        )
    target = "the share of labels that are random however large the margin"
    return _variable(tree, "lapse", "lapse", target)


def _bias(tree: xr.DataTree, covariate: str | None = None) -> DerivedQuantity:
    """Bias of a scorer towards the response shown first, or of labels by a covariate."""
    if covariate is None and "bias" in tree["posterior"]:
        target = (
            "how far the scorer's margins lean to the response shown first, beyond the labels (log "
            "odds; above 0: it favors the first)"
        )
        return _bias_quantity(tree, flat_draws(tree, "bias"), covariate, target)
    name, draws = coefficients(tree, covariate)
    amount = f"more {name} (per root mean square)"
    target = f"by how much the labels' log odds rise with {amount}, beyond the scorer's margin"
    return _bias_quantity(tree, draws, covariate, target)


def _bias_quantity(
    tree: xr.DataTree, draws: Floats, covariate: str | None, target: str
) -> DerivedQuantity:
    estimand = {"grouping": "item", "average": "pairs", "ties": "none", "target": target}
    statistic = "bias" if covariate is None else f"bias(covariate={covariate})"
    return DerivedQuantity(
        statistic=statistic,
        names=names_of(tree, "scorer"),
        macro=draws,
        tasks=None,
        new_task=None,
        estimand=estimand,
        better="neither",
        status=_STATUS,
    )


def bias_of_covariate(tree: xr.DataTree, covariate: str | None = None) -> DerivedQuantity:
    """Excess bias of a scorer's verdicts towards responses with more of a covariate."""
    name, draws = coefficients(tree, covariate, _NO_COVARIATES)
    target = (
        f"what the log odds of a right verdict owe to the better response having more {name} "
        "(per root mean square)"
    )
    return _bias_quantity(tree, draws, covariate, target)


def _gap(tree: xr.DataTree, agreement: float = 0.9) -> DerivedQuantity:
    """Margin at which labels agree with its sign so often; infinite where they never do."""
    proportion = check_fraction("agreement", agreement)
    if not proportion > 0.5:
        raise MetaevalError(
            f"agreement={proportion:g} must be above 0.5, the agreement expected by chance."
        )
    if "bias" in tree["posterior"]:
        raise MetaevalError("With a bias of order there are two gaps; read without ordered=True.")
    form = read_attr(tree, "options")["form"]
    if form == "beta":
        raise MetaevalError("Beta calibration is of single responses, which have no gaps.")
    inverse = _spline_gap if form == "spline" else _logistic_gap
    task_gaps = inverse(tree, proportion, "")
    new_task = inverse(tree, proportion, "_new") if "slope_new" in tree["posterior"] else None
    target = (
        f"the score gap at which labels that take a side agree {100 * proportion:g} % of the time, by "
        f"the {form} curve"
    )
    estimand = {"grouping": "item", "average": "pairs", "ties": "none", "target": target} | TYPICAL
    return DerivedQuantity(
        statistic=f"gap(agreement={proportion:g})",
        names=names_of(tree, "scorer"),
        macro=inverse(tree, proportion, "_typical"),
        tasks=by_task(tree, task_gaps),
        new_task=new_task,
        estimand=estimand,
        better="neither",
        status=_STATUS,
        notes=_extrapolation_note(tree, task_gaps),
    )


def _extrapolation_note(tree: xr.DataTree, gap: Floats) -> tuple[str, ...]:
    """A line on gaps that are larger than all margins that were seen."""
    largest = tree["constant_data"]["largest_margin"].to_numpy()
    median = np.quantile(gap, 0.5, axis=0, method="nearest")
    extrapolated = np.isfinite(median) & (median > largest)
    names, tasks = names_of(tree, "scorer"), names_of(tree, "task")
    scorers = [
        names[k] if len(tasks) == 1 else f"{names[k]} in {tasks[t]}"
        for k, t in np.argwhere(extrapolated)
    ]
    if not scorers:
        return ()
    return (
        f"gaps of {join_names(scorers, 5)} are larger than all margins: they rest on the curve",
    )


def _logistic_gap(tree: xr.DataTree, proportion: float, suffix: str) -> Floats:
    slope = flat_draws(tree, f"slope{suffix}")
    name = f"lapse{suffix}"
    rate = flat_draws(tree, name) if name in tree["posterior"] else np.zeros_like(slope)
    logistic_agreement = (proportion - rate / 2) / (1 - rate)
    reached = logistic_agreement < 1
    unit = _score_unit(tree)
    unit = unit[:, None] if slope.ndim == 3 else unit
    with np.errstate(divide="ignore"):
        gap = logit(np.where(reached, logistic_agreement, 0.75)) / slope * unit
    return np.asarray(np.where(reached, gap, np.inf))


def _score_unit(tree: xr.DataTree) -> Floats:
    """How many units of score slopes are given for: 1, or the scale of the scorer: (scorer,)."""
    return np.asarray(tree["constant_data"]["slope_unit"].to_numpy())


def _spline_gap(tree: xr.DataTree, proportion: float, suffix: str) -> Floats:
    """Where rising curves reach the log odds; beyond the last knot they are straight."""
    knots, shape = tree["constant_data"]["knots"].to_numpy(), flat_draws(tree, "shape")
    scale = tree["constant_data"]["scale"].to_numpy()
    knot_scale = scale / _score_unit(tree)  # slopes per scale of the knots
    slope = flat_draws(tree, f"slope{suffix}")
    slope = slope * (knot_scale[:, None] if slope.ndim == 3 else knot_scale)
    gaps = np.empty(slope.shape)
    for k, scorer_knots in enumerate(knots):
        grid = np.r_[
            np.linspace(0, scorer_knots[-1], 200),
            scorer_knots[-1] * (1 + np.geomspace(0.01, _MAX_EXTRAPOLATION, 50)),
        ]
        height = (
            np.exp(shape[:, k]) @ spline_basis(grid, scorer_knots).T
        )  # (draw, point), per unit slope
        log_odds = logit(np.array(proportion)) / slope[:, k]
        flat = log_odds.reshape(len(log_odds), -1)
        for i, row in enumerate(height):
            gaps[i, k] = np.interp(flat[i], row, grid, right=np.inf).reshape(log_odds.shape[1:])
        gaps[:, k] *= scale[k]
    return gaps


def _miscalibration(tree: xr.DataTree) -> DerivedQuantity:
    """Mean distance between the probabilities that a scorer claims and those that labels show."""
    constant = tree["constant_data"]
    options = read_attr(tree, "options")
    if "scale" not in options:
        raise MetaevalError(
            "Miscalibration needs scores that claim probabilities; fit with scale='log_odds' "
            "where margins are log odds."
        )
    margin, weight = constant["bin_margin"].to_numpy(), constant["bin_weight"].to_numpy()
    claimed = expit(margin)
    draws, null = _distances(tree, margin, weight, claimed)
    task_weights = weight.sum(axis=-1) / weight.sum(axis=(-2, -1))[:, None]
    target = (
        "the mean distance of P(agreement) from sigma(margin), over the margins at hand; above 0 "
        "for a calibrated scorer too, by about expected_if_calibrated"
    )
    estimand = {"grouping": "item", "average": "pairs", "ties": "none", "target": target}
    return DerivedQuantity(
        statistic="miscalibration",
        names=names_of(tree, "scorer"),
        macro=np.asarray((draws * task_weights).sum(axis=-1)),
        tasks=by_task(tree, draws),
        new_task=None,
        estimand=estimand,
        better="lower",
        status=_STATUS,
        null=((null * task_weights).sum(axis=-1), null),
    )


def _distances(
    tree: xr.DataTree, margin: Floats, weight: Floats, claimed: Floats
) -> tuple[Floats, Floats]:
    """Mean distances (draw, scorer, task), and those of curves that err around the claim.

    Draws of a calibrated curve err twice: the estimate around the claim, and draws around it.
    """
    weights = weight / np.maximum(weight.sum(axis=-1, keepdims=True), SMALLEST_DIVISOR)
    probability = np.exp(outcome_log_probs(tree, margin)[..., -1])
    probability = probability.reshape(-1, *probability.shape[2:])
    distances = (np.abs(probability - claimed) * weights).sum(axis=-1)
    standard_error = probability.std(axis=0) * np.sqrt(2.0)
    return np.asarray(distances), np.asarray(
        (np.sqrt(2 / np.pi) * standard_error * weights).sum(axis=-1)
    )


_SHARED: dict[str, Callable[..., DerivedQuantity]] = {
    "slope": _slope,
    "lapse": _lapse,
    "bias": _bias,
}
TIES: Mapping[str, Callable[..., DerivedQuantity]] = _SHARED | {
    "threshold": _threshold,
    "epsilon": _epsilon,
}
CALIBRATION: Mapping[str, Callable[..., DerivedQuantity]] = _SHARED | {
    "gap": _gap,
    "miscalibration": _miscalibration,
}
