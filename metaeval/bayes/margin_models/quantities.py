"""Quantities of the models of ties and calibration."""

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
from metaeval.statistics import Estimand

_ESTIMAND = Estimand(
    name="",
    rows="pairs",
    grouping="item",
    average="pairs",
    ties="none",
    better="neither",
    status="approximate",
)
_TYPICAL = replace(_ESTIMAND, whole="a typical task")
_NO_COVARIATES = (
    "This posterior has no bias parameter; fit the model with covariates=, such as "
    "['length_delta']."
)
_MAX_EXTRAPOLATION = 64.0  # in units of the last knot; larger gaps are reported as infinite


def _variable(tree: xr.DataTree, name: str, target: str) -> DerivedQuantity:
    """Return a variable of the posterior: in a typical task, in each task, and in a new task."""
    posterior = tree["posterior"]
    if tree["posterior"].sizes["task"] > 1:
        target += "; over all tasks, its value at the mean on the log (or logit) scale"
    new_name = f"{name}_new"
    return DerivedQuantity(
        estimand=replace(_TYPICAL, name=name, target=target),
        names=names_of(tree, "scorer"),
        macro=flat_draws(tree, f"{name}_typical"),
        tasks=by_task(tree, flat_draws(tree, name)),
        new_task=flat_draws(tree, new_name) if new_name in posterior else None,
    )


def _slope(tree: xr.DataTree) -> DerivedQuantity:
    """Return the slope of the log odds of labels in the margin."""
    native = "scale" in read_attr(tree, "options")
    unit = "root mean square of the observed margins, which is held fixed"
    if native:
        unit = "unit of score (1 if calibrated)"
    return _variable(tree, "slope", f"the slope of the log odds of labels per {unit}")


def _threshold(tree: xr.DataTree) -> DerivedQuantity:
    """Return the threshold (Rao-Kupper), or the log propensity to tie (Davidson)."""
    form = read_attr(tree, "options")["form"]
    target = {
        "rao_kupper": "the tie threshold t for the latent difference u: P(win) = sigma(u - t)",
        "davidson": "log nu, the log propensity to tie",
    }[form]
    return _variable(tree, "threshold", target)


def _epsilon(tree: xr.DataTree) -> DerivedQuantity:
    """Return the margin below which a tie is the most probable label."""
    target = "the margin, in units of the scores, below which a tie is the most probable label"
    quantity = _variable(tree, "epsilon", f"{target}; 0 if it never is")
    return replace(quantity, estimand=replace(quantity.estimand, unit="score"), median=True)


def _lapse(tree: xr.DataTree) -> DerivedQuantity:
    """Return the proportion of labels that are random regardless of the margin."""
    if "lapse" not in tree["posterior"]:
        raise MetaevalError(
            f"form={read_attr(tree, 'options')['form']!r} has no lapse rate; fit the model with "
            "form='lapse'."
        )
    target = "the proportion of labels that are random regardless of the margin"
    return _variable(tree, "lapse", target)


def _bias(tree: xr.DataTree, covariate: str | None = None) -> DerivedQuantity:
    """Return the order bias of scorers, or the effect of a covariate on labels."""
    if covariate is None and "bias" in tree["posterior"]:
        target = (
            "the bias of the scorer's margins towards the response shown first, relative to the "
            "labels (log odds; positive if the scorer favors the first)"
        )
        return _bias_quantity(tree, flat_draws(tree, "bias"), covariate, target)
    name, draws = coefficients(tree, covariate)
    target = (
        f"the increase in the log odds of labels per root mean square of {name}, given the "
        "scorer's margin"
    )
    return _bias_quantity(tree, draws, covariate, target)


def _bias_quantity(
    tree: xr.DataTree, draws: Floats, covariate: str | None, target: str
) -> DerivedQuantity:
    """Return a bias, the same in all tasks."""
    name = "bias" if covariate is None else f"bias(covariate={covariate})"
    return DerivedQuantity(
        estimand=replace(_ESTIMAND, name=name, target=target),
        names=names_of(tree, "scorer"),
        macro=draws,
        tasks=None,
        new_task=None,
    )


def bias_of_covariate(tree: xr.DataTree, covariate: str | None = None) -> DerivedQuantity:
    """Return the excess bias of scorers toward responses with larger values of a covariate."""
    name, draws = coefficients(tree, covariate, _NO_COVARIATES)
    target = (
        "the increase in the log odds of a correct decision per root mean square of the "
        f"difference in {name}, better minus worse response"
    )
    return _bias_quantity(tree, draws, covariate, target)


def _gap(tree: xr.DataTree, agreement: float = 0.9) -> DerivedQuantity:
    """Return the margin at which labels agree with its sign at a given rate, or infinity."""
    proportion = check_fraction("agreement", agreement)
    if not proportion > 0.5:
        raise MetaevalError(
            f"agreement={proportion:g} must be in (0.5, 1); 0.5 is chance agreement."
        )
    if "bias" in tree["posterior"]:
        raise MetaevalError(
            "With an order bias, the gap depends on which response comes first; read the table "
            "without ordered=True."
        )
    form = read_attr(tree, "options")["form"]
    if form == "beta":
        raise MetaevalError(
            "A model with form='beta' is fitted to single responses and has no gap; fit a model "
            "to pairs."
        )
    inverse = _spline_gap if form == "spline" else _logistic_gap
    task_gaps = inverse(tree, proportion, "")
    new_task = inverse(tree, proportion, "_new") if "slope_new" in tree["posterior"] else None
    target = (
        f"the margin at which non-tied labels agree with its sign {100 * proportion:g}% of the "
        f"time, according to the {form} curve"
    )
    name = f"gap(agreement={proportion:g})"
    return DerivedQuantity(
        estimand=replace(_TYPICAL, name=name, target=target, unit="score"),
        names=names_of(tree, "scorer"),
        macro=inverse(tree, proportion, "_typical"),
        tasks=by_task(tree, task_gaps),
        new_task=new_task,
        notes=_extrapolation_note(tree, task_gaps),
    )


def _extrapolation_note(tree: xr.DataTree, gap: Floats) -> tuple[str, ...]:
    """Return a note on gaps that exceed all observed margins."""
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
    return (f"gaps of {join_names(scorers, 5)} exceed all observed margins and are extrapolated",)


def _logistic_gap(tree: xr.DataTree, proportion: float, suffix: str) -> Floats:
    """Invert logistic curves; infinite if lapses keep agreement below the proportion."""
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
    """Return the unit of slopes in scores, 1 or the scale of the scorer: (scorer,)."""
    return np.asarray(tree["constant_data"]["slope_unit"].to_numpy())


def _spline_gap(tree: xr.DataTree, proportion: float, suffix: str) -> Floats:
    """Invert monotone splines, which are linear beyond the last knot."""
    knots, shape = tree["constant_data"]["knots"].to_numpy(), flat_draws(tree, "shape")
    scale = tree["constant_data"]["scale"].to_numpy()
    knot_scale = scale / _score_unit(tree)  # converts slopes to the scale of the knots
    slope = flat_draws(tree, f"slope{suffix}")
    slope = slope * (knot_scale[:, None] if slope.ndim == 3 else knot_scale)
    gaps = np.empty(slope.shape)
    for k, scorer_knots in enumerate(knots):
        grid = np.r_[
            np.linspace(0, scorer_knots[-1], 200),
            scorer_knots[-1] * (1 + np.geomspace(0.01, _MAX_EXTRAPOLATION, 50)),
        ]
        height = np.exp(shape[:, k]) @ spline_basis(grid, scorer_knots).T  # (draw, point)
        log_odds = logit(np.array(proportion)) / slope[:, k]
        flat = log_odds.reshape(len(log_odds), -1)
        for i, row in enumerate(height):
            gaps[i, k] = np.interp(flat[i], row, grid, right=np.inf).reshape(log_odds.shape[1:])
        gaps[:, k] *= scale[k]
    return gaps


def _miscalibration(tree: xr.DataTree) -> DerivedQuantity:
    """Return the mean absolute difference of claimed and estimated probabilities."""
    constant = tree["constant_data"]
    options = read_attr(tree, "options")
    if "scale" not in options:
        raise MetaevalError(
            "Miscalibration needs margins that are log odds; fit with scale='log_odds' if they are."
        )
    margin, weight = constant["bin_margin"].to_numpy(), constant["bin_weight"].to_numpy()
    claimed = expit(margin)
    draws, null = _distances(tree, margin, weight, claimed)
    task_weights = weight.sum(axis=-1) / weight.sum(axis=(-2, -1))[:, None]
    target = (
        "the mean absolute difference between P(agreement) and sigma(margin) over the observed "
        "margins; for a calibrated scorer it is about expected_if_calibrated, not 0"
    )
    return DerivedQuantity(
        estimand=replace(_ESTIMAND, name="miscalibration", target=target, better="lower"),
        names=names_of(tree, "scorer"),
        macro=np.asarray((draws * task_weights).sum(axis=-1)),
        tasks=by_task(tree, draws),
        new_task=None,
        null=((null * task_weights).sum(axis=-1), null),
    )


def _distances(
    tree: xr.DataTree, margin: Floats, weight: Floats, claimed: Floats
) -> tuple[Floats, Floats]:
    """Compute mean absolute differences (draw, scorer, task) and their expectation if calibrated.

    Draws of a calibrated curve have two errors: that of the estimate around the claimed
    probabilities, and that of the draws around the estimate; hence the factor of sqrt(2).
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
