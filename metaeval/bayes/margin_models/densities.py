"""The models of margins as NumPyro functions of plain arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.nn import sigmoid

from metaeval.bayes.hierarchy.priors import (
    SD_COEFFICIENT,
    Centerings,
    TwoWayPrior,
    sample_per_scorer,
)
from metaeval.bayes.log_probs import OUTCOMES, add_likelihood, agreement
from metaeval.bayes.margin_models.adjustment import LogProbs, Parameter, adjusted_log_probs

# 95% of slopes are between 0.1 and 9 logits per root mean square, and 95% of lapse rates between
# 0.4% and 22%.
LOG_SLOPE = TwoWayPrior(name="log_slope", mean=0.0, sd=1.1)
LOG_THRESHOLD = TwoWayPrior(name="log_threshold", mean=-0.5, sd=0.9)
LOG_NU = TwoWayPrior(name="log_nu", mean=0.0, sd=1.1)
LOGIT_LAPSE = TwoWayPrior(name="logit_lapse", mean=-3.4, sd=1.1)
INTERCEPT = TwoWayPrior(name="intercept", mean=0.0, sd=1.5)
TIE_GRID = {"rao_kupper": LOG_THRESHOLD, "davidson": LOG_NU}
SD_BIAS, SD_ASYMMETRY, SD_WALK = 0.25, 0.5, 1.0

Values = Mapping[str, Any]
"""Values of the sites of a curve, possibly with leading draw dimensions."""


def tie_density(
    margin: Any,
    counts: Any,
    centerings: Mapping[str, Centerings],
    covariates: Any = None,
    adjustment: Any = None,
    *,
    form: str = "rao_kupper",
    order: bool = False,
) -> None:
    """Define the sites and the log likelihood of `bayes.TieModel`.

    Parameters
    ----------
    margin : array (scorer, task, bin)
        Margins divided by the root mean square of the scorer's nonzero margins.
    counts : array (scorer, task, bin, 3)
        Losses, ties and wins of the first response, divided by the design effect and, with an
        adjustment, times the weight of the scorer.
    centerings : mapping of grid to centerings of its effects
        Approximate likelihoods, which affect the mixing of chains but not the posterior.
    covariates : array (covariate, scorer, task, bin), optional
        Differences of covariates divided by their root mean squares.
    adjustment : Adjustment, optional
        Adjustment of the likelihood, and prior correlations, for labels that scorers share.
    form : {"rao_kupper", "davidson"}
    order : bool, default False
        Whether the first response was shown first.
    """
    k, n_tasks, _ = margin.shape
    values = {
        grid.name: sample_per_scorer(
            grid, k, n_tasks, centerings[grid.name], _precision(adjustment, grid.name)
        )
        for grid in (LOG_SLOPE, TIE_GRID[form], LOGIT_LAPSE)
    }
    values |= _sample_shared(k, order, covariates, adjustment)
    log_prob = _adjusted(form, values, (margin, covariates, None), adjustment)
    add_likelihood((counts * log_prob).sum())


def tie_log_probs(values: Values, margin: Any, covariates: Any, form: str) -> Any:
    """Compute log probabilities of loss, tie and win: (..., scorer, task, bin, 3)."""
    u = _latent(values, jnp.exp(values["log_slope"])[..., None] * margin, covariates)
    tie = jnp.exp(values["log_threshold"]) if form == "rao_kupper" else values["log_nu"]
    return OUTCOMES[form](u, tie[..., None], sigmoid(values["logit_lapse"])[..., None])


def calibration_density(
    margin: Any,
    counts: Any,
    centerings: Mapping[str, Centerings],
    covariates: Any = None,
    basis: Any = None,
    adjustment: Any = None,
    *,
    form: str = "lapse",
    order: bool = False,
) -> None:
    """Define the sites and the log likelihood of `bayes.CalibrationModel`.

    Parameters
    ----------
    margin : array (scorer, task, bin)
        Margins divided by the root mean square of the scorer's nonzero margins; with
        `form="beta"`, log odds of probabilities.
    counts : array (scorer, task, bin, 2)
        Labels against and for the first response (the event), divided by the design effect and,
        with an adjustment, times the weight of the scorer.
    centerings : mapping of grid to centerings of its effects
    covariates : array (covariate, scorer, task, bin), optional
        Differences of covariates divided by their root mean squares.
    basis : array (part, scorer, task, bin), optional
        With `form="spline"`, the basis functions of the knots; with "beta", log p and
        -log(1 - p), both centered.
    adjustment : Adjustment, optional
        Adjustment of the likelihood, and prior correlations, for labels that scorers share.
    form : {"lapse", "temperature", "spline", "beta"}
    order : bool, default False
        Whether the first response was shown first.
    """
    k, n_tasks, _ = margin.shape
    grids = (LOG_SLOPE, *EXTRA_GRIDS[form])
    values = {
        g.name: sample_per_scorer(g, k, n_tasks, centerings[g.name], _precision(adjustment, g.name))
        for g in grids
    }
    values |= _sample_shared(k, order, covariates, adjustment)
    if form == "spline":
        steps = _sample_correlated("steps", (k, len(basis) - 1), SD_WALK, adjustment, "shape")
        walk = jnp.cumsum(steps, axis=-1)
        walk = jnp.concatenate([jnp.zeros((k, 1)), walk], axis=-1)
        values["shape"] = numpyro.deterministic("shape", walk - walk.mean(axis=-1, keepdims=True))
    if form == "beta":
        values["asymmetry"] = _sample_correlated("asymmetry", (k,), SD_ASYMMETRY, adjustment)
    log_prob = _adjusted(form, values, (margin, covariates, basis), adjustment)
    add_likelihood((counts * log_prob).sum())


EXTRA_GRIDS: Mapping[str, tuple[TwoWayPrior, ...]] = {
    "lapse": (LOGIT_LAPSE,),
    "temperature": (),
    "spline": (),
    "beta": (INTERCEPT,),
}


def agreement_log_probs(values: Values, margin: Any, covariates: Any, basis: Any, form: str) -> Any:
    """Compute log probabilities against and for the first response: (..., bin, 2)."""
    slope = jnp.exp(values["log_slope"])[..., None]
    curve = slope * margin
    if form == "spline":
        curve = slope * jnp.einsum("...kj,jktb->...ktb", jnp.exp(values["shape"]), basis)
    if form == "beta":
        tilt = jnp.exp(values["asymmetry"])[..., None, None]
        curve = slope * (tilt * basis[0] + basis[1] / tilt) + values["intercept"][..., None]
    u = _latent(values, curve, covariates)
    if "logit_lapse" in values:
        return agreement(u, sigmoid(values["logit_lapse"])[..., None])
    return agreement(u, 0.0)


@functools.cache
def cell_log_probs(form: str) -> Callable[[Values, Any, Any], Any]:
    """Return log probabilities as a function of grids only, shared parameters being 0."""

    def log_probs(values: Values, margin: Any, basis: Any) -> Any:
        if form in TIE_GRID:
            return tie_log_probs(values, margin, None, form)
        zeros = jnp.zeros(len(margin))
        shape = {} if form != "spline" else {"shape": jnp.zeros((len(margin), len(basis)))}
        return agreement_log_probs(
            {**values, "asymmetry": zeros, **shape}, margin, None, basis, form
        )

    return log_probs


@functools.cache
def curve_log_probs(form: str) -> LogProbs:
    """Return log probabilities as a function of values, margins, covariates and a basis."""

    def log_probs(values: Values, margin: Any, covariates: Any, basis: Any) -> Any:
        if form in TIE_GRID:
            return tie_log_probs(values, margin, covariates, form)
        return agreement_log_probs(values, margin, covariates, basis, form)

    return log_probs


def curve_parameters(
    form: str, order: bool, n_covariates: int, n_knots: int
) -> tuple[Parameter, ...]:
    """Return the parameters of the curve of a scorer in a task."""
    extra = (TIE_GRID[form], LOGIT_LAPSE) if form in TIE_GRID else EXTRA_GRIDS[form]
    parameters = [Parameter(g.name, 1, True, g.mean, g.sd) for g in (LOG_SLOPE, *extra)]
    shared = {
        "bias": (int(order), SD_BIAS),
        "coefficient": (n_covariates, SD_COEFFICIENT),
        "shape": (n_knots if form == "spline" else 0, SD_WALK),
        "asymmetry": (int(form == "beta"), SD_ASYMMETRY),
    }
    parameters += [Parameter(n, size, False, 0.0, sd) for n, (size, sd) in shared.items() if size]
    return tuple(parameters)


def _adjusted(form: str, values: Values, data: tuple[Any, Any, Any], adjustment: Any) -> Any:
    """Compute log probabilities, adjusted for labels that scorers share."""
    log_probs = curve_log_probs(form)
    if adjustment is None:
        return log_probs(values, *data)
    _, covariates, basis = data
    parameters = curve_parameters(
        form,
        "bias" in values,
        0 if covariates is None else len(covariates),
        0 if basis is None else len(basis),
    )
    return adjusted_log_probs(log_probs, parameters, values, *data, adjustment)


def _sample_shared(k: int, order: bool, covariates: Any, adjustment: Any) -> dict[str, Any]:
    """Sample parameters shared by tasks: order bias and coefficients of covariates."""
    sites = {}
    if order:
        sites["bias"] = _sample_correlated("bias", (k,), SD_BIAS, adjustment)
    if covariates is not None:
        shape = (k, len(covariates))
        sites["coefficient"] = _sample_correlated("coefficient", shape, SD_COEFFICIENT, adjustment)
    return sites


def _sample_correlated(
    name: str, shape: tuple[int, ...], sd: float, adjustment: Any, parameter: str | None = None
) -> Any:
    """Sample normal values (scorer, ...) with the prior correlation of the scorers."""
    values = numpyro.sample(name, dist.Normal(0.0, sd).expand(shape).to_event(len(shape)))
    precision = _precision(adjustment, parameter or name)
    if precision is not None:
        excess = precision - jnp.eye(len(precision))
        numpyro.factor(f"{name}_correlation", -(values * (excess @ values)).sum() / (2 * sd**2))
    return values


def _precision(adjustment: Any, parameter: str) -> Any:
    return None if adjustment is None else adjustment.precision[parameter]


def _latent(values: Values, curve: Any, covariates: Any) -> Any:
    """Add order bias and covariates to a curve: (..., scorer, task, bin)."""
    if "bias" in values:
        curve = curve - values["bias"][..., None, None]  # bias of the scorer, hence subtracted
    if covariates is not None:
        curve = curve + jnp.einsum("...kc,cktb->...ktb", values["coefficient"], covariates)
    return curve
