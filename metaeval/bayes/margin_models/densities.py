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
        Losses, ties and wins of the first response, divided by the design effect.
    centerings : mapping of grid to centerings of its effects
        Approximate likelihoods, which affect the mixing of chains but not the posterior.
    covariates : array (covariate, scorer, task, bin), optional
        Differences of covariates divided by their root mean squares.
    form : {"rao_kupper", "davidson"}
    order : bool, default False
        Whether the first response was shown first.
    """
    k, n_tasks, _ = margin.shape
    values = {
        grid.name: sample_per_scorer(grid, k, n_tasks, centerings[grid.name])
        for grid in (LOG_SLOPE, TIE_GRID[form], LOGIT_LAPSE)
    }
    values |= _sample_shared(k, order, covariates)
    log_prob = tie_log_probs(values, margin, covariates, form)
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
        Labels against and for the first response (the event), divided by the design effect.
    centerings : mapping of grid to centerings of its effects
    covariates : array (covariate, scorer, task, bin), optional
        Differences of covariates divided by their root mean squares.
    basis : array (part, scorer, task, bin), optional
        With `form="spline"`, the basis functions of the knots; with "beta", log p and
        -log(1 - p), both centered.
    form : {"lapse", "temperature", "spline", "beta"}
    order : bool, default False
        Whether the first response was shown first.
    """
    k, n_tasks, _ = margin.shape
    grids = (LOG_SLOPE, *EXTRA_GRIDS[form])
    values = {g.name: sample_per_scorer(g, k, n_tasks, centerings[g.name]) for g in grids}
    values |= _sample_shared(k, order, covariates)
    if form == "spline":
        steps = dist.Normal(0.0, SD_WALK).expand([k, basis.shape[0] - 1]).to_event(2)
        walk = jnp.cumsum(numpyro.sample("steps", steps), axis=-1)
        walk = jnp.concatenate([jnp.zeros((k, 1)), walk], axis=-1)
        values["shape"] = numpyro.deterministic("shape", walk - walk.mean(axis=-1, keepdims=True))
    if form == "beta":
        sd = dist.Normal(0.0, SD_ASYMMETRY).expand([k]).to_event(1)
        values["asymmetry"] = numpyro.sample("asymmetry", sd)
    log_prob = agreement_log_probs(values, margin, covariates, basis, form)
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


def _sample_shared(k: int, order: bool, covariates: Any) -> dict[str, Any]:
    """Sample parameters shared by tasks: order bias and coefficients of covariates."""
    sites = {}
    if order:
        sites["bias"] = numpyro.sample("bias", dist.Normal(0.0, SD_BIAS).expand([k]).to_event(1))
    if covariates is not None:
        prior = dist.Normal(0.0, SD_COEFFICIENT).expand([k, len(covariates)]).to_event(2)
        sites["coefficient"] = numpyro.sample("coefficient", prior)
    return sites


def _latent(values: Values, curve: Any, covariates: Any) -> Any:
    """Add order bias and covariates to a curve: (..., scorer, task, bin)."""
    if "bias" in values:
        curve = curve - values["bias"][..., None, None]  # bias of the scorer, hence subtracted
    if covariates is not None:
        curve = curve + jnp.einsum("...kc,cktb->...ktb", values["coefficient"], covariates)
    return curve
