"""The model of raters, as a NumPyro function of plain arrays: how dense its posterior is.

The truth is summed out.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from scipy.special import digamma

from metaeval.bayes.hierarchy.priors import SD_COEFFICIENT, contrasts
from metaeval.bayes.rater_models.confusion import (
    ParameterLayout,
    confusion_at,
    confusion_layout,
    prevalence_layout,
)

SD_SEVERITY = 1.0
SD_QUALITY = 1.0  # of what responses with more of a covariate truly are worth
DISCRIMINATION = (0.5, 0.75)  # mean and standard deviation of its log
SD_MIDDLE, SD_GAP = 3.0, 1.0  # of cutpoints: their mean, and logs of the gaps between them
# Sharp raters make narrow integrands; equal steps follow them far better than Gauss-Hermite nodes.
NODES = np.linspace(-4.5, 4.5, 41)
NODE_WEIGHTS = np.exp(-np.square(NODES) / 2) / np.exp(-np.square(NODES) / 2).sum()


def rater_density(
    labels: Any,
    counts: Any,
    effect: Any = 1.0,
    covariates: Any = None,
    *,
    form: str = "dawid_skene",
    ordered: bool = False,
) -> None:
    """Sites and log likelihood of `bayes.RaterModel`, for NumPyro.

    Parameters
    ----------
    labels : array (pattern, rater, label)
        Distinct patterns of labels, 1 for what a rater said; all 0 where it said nothing.
    counts : array (pattern,)
        How many rows have each pattern.
    effect : float, default 1
        Design effect: so many rows are worth one that is independent of the others.
    covariates : array (range, covariate), optional
        Means in ranges of rows that are alike; `labels` and `counts` then have ranges in front.
        Of pairs: how much more the first response has, over the root mean square of those not 0.
        Ordinal: of the responses, less their mean and over their standard deviation.
    form : {"dawid_skene", "ordinal"}
    ordered : bool, default False
        Whether first and second mean something; as the table says.
    """
    if form == "ordinal":
        prevalence, confusion = _sample_ordinal(labels, covariates)
    else:
        prevalence, confusion = _sample_dawid_skene(labels, counts, covariates, ordered)
    log_probs = log_likelihood(labels, prevalence, confusion)
    numpyro.factor("likelihood", (counts / effect * log_probs).sum())


def log_likelihood(labels: Any, prevalence: Any, confusion: Any) -> Any:
    """Log probability of each pattern, the truth summed out: (..., pattern)."""
    log_prob = jnp.einsum("...url,...rcl->...uc", labels, jnp.log(confusion))
    return jax.nn.logsumexp(log_prob + jnp.log(prevalence)[..., None, :], axis=-1)


def _sample_dawid_skene(
    labels: Any, counts: Any, covariates: Any, ordered: bool
) -> tuple[Any, Any]:
    """Prevalence (..., truth) and confusion (..., rater, truth, label), maybe by ranges."""
    n_raters, n_classes = labels.shape[-2:]
    sampled_confusion = _sample_simplexes("said", confusion_layout(n_classes, ordered), (n_raters,))
    sampled_prevalence = _sample_simplexes("true", prevalence_layout(n_classes, ordered), ())[
        ..., 0, :
    ]
    confusion = numpyro.deterministic("confusion", sampled_confusion)
    prevalence = numpyro.deterministic("prevalence", sampled_prevalence)
    if covariates is None:
        numpyro.deterministic("rater_accuracy", jnp.einsum("c,rcc->r", prevalence, confusion))
        return prevalence, confusion
    quality, excess = _sample_coefficients(n_raters, covariates.shape[-1])
    prevalence, confusion = confusion_at(prevalence, confusion, quality, excess, covariates)
    numpyro.deterministic("rater_accuracy", rater_accuracy(counts, prevalence, confusion))
    return prevalence, confusion


def _sample_coefficients(n_raters: int, n_covariates: int) -> tuple[Any, Any]:
    """What truth owes to covariates, and what each rater (rater, covariate) adds of its own."""
    quality_prior = dist.Normal(0.0, SD_QUALITY).expand([n_covariates]).to_event(1)
    excess_prior = dist.Normal(0.0, SD_COEFFICIENT).expand([n_raters, n_covariates]).to_event(2)
    return numpyro.sample("quality_coefficient", quality_prior), numpyro.sample(
        "coefficient", excess_prior
    )


def rater_accuracy(counts: Any, prevalence: Any, confusion: Any) -> Any:
    """How often raters are right, ranges by the rows that they have: (..., rater)."""
    range_weight = counts.sum(axis=-1) / counts.sum()
    return jnp.einsum("g,...gc,...grcc->...r", range_weight, prevalence, confusion)


def _sample_simplexes(name: str, layout: ParameterLayout, shape: tuple[int, ...]) -> Any:
    """Matrices whose groups of parameters are Dirichlet.

    They are shares of gammas in their usual sizes, so that chains start where raters are mostly
    right.
    """
    scale = jnp.asarray(gamma_geometric_means(layout))
    gammas = dist.Gamma(jnp.asarray(layout.prior), scale).expand((*shape, len(scale)))
    return dirichlet_from_gammas(numpyro.sample(name, gammas.to_event(len(shape) + 1)), layout)


def gamma_geometric_means(layout: ParameterLayout) -> Any:
    """Geometric means of the gammas of which parameters are shares: (parameter,)."""
    return np.exp(digamma(layout.prior))


def dirichlet_from_gammas(gammas: Any, layout: ParameterLayout) -> Any:
    """Matrices of gammas (..., parameter) that are over their geometric means."""
    weight = gammas * gamma_geometric_means(layout)
    return layout.matrix(weight / (weight @ layout.same_group))


def _sample_ordinal(labels: Any, covariates: Any) -> tuple[Any, Any]:
    """Weights of the nodes of latent quality, and probabilities (..., rater, node, level)."""
    n_raters, n_levels = labels.shape[-2:]
    standard = dist.Normal(0.0, 1.0)
    z = {
        "severity_raw": numpyro.sample("severity_raw", standard.expand([n_raters - 1]).to_event(1)),
        "discrimination_raw": numpyro.sample(
            "discrimination_raw", standard.expand([n_raters]).to_event(1)
        ),
        "middle_raw": numpyro.sample("middle_raw", standard),
        "gaps_raw": jnp.zeros(0),
    }
    if n_levels > 2:
        gaps = standard.expand([n_levels - 2]).to_event(1)
        z["gaps_raw"] = numpyro.sample("gaps_raw", gaps)
    severity, discrimination, cutpoints = scales(z)
    numpyro.deterministic("severity", severity)
    numpyro.deterministic("discrimination", discrimination)
    numpyro.deterministic("cutpoints", cutpoints)
    weights = jnp.asarray(NODE_WEIGHTS)
    if covariates is None:
        return weights, category_probabilities(severity, discrimination, cutpoints)
    slope = _sample_slopes(n_raters, covariates.shape[-1])
    return weights, category_probabilities_at(
        severity, discrimination, cutpoints, slope, covariates
    )


def _sample_slopes(n_raters: int, n_covariates: int) -> Any:
    """What raters give for covariates, truth and excess together: (rater, covariate)."""
    quality_prior = dist.Normal(0.0, SD_QUALITY).expand([n_covariates]).to_event(1)
    raw_prior = dist.Normal(0.0, 1.0).expand([n_raters - 1, n_covariates]).to_event(2)
    quality = numpyro.sample("quality_coefficient", quality_prior)
    excess = relative_bias(numpyro.sample("coefficient_raw", raw_prior))
    return quality + numpyro.deterministic("coefficient", excess)


def scales(z: Any) -> tuple[Any, Any, Any]:
    """Severities, discriminations and cutpoints of standard normal numbers."""
    n_raters = z["discrimination_raw"].shape[0]
    mean, sd = DISCRIMINATION
    severity = SD_SEVERITY * contrasts(n_raters) @ z["severity_raw"]
    steps = jnp.cumsum(jnp.exp(SD_GAP * z["gaps_raw"]))
    steps = jnp.concatenate([jnp.zeros(1), steps])
    cutpoints = SD_MIDDLE * z["middle_raw"] + steps - steps.mean()
    return severity, jnp.exp(mean + sd * z["discrimination_raw"]), cutpoints


def relative_bias(raw: Any) -> Any:
    """Coefficients that add up to 0 over raters (rater, covariate) of standard normal numbers."""
    return SD_COEFFICIENT * contrasts(raw.shape[0] + 1) @ raw


def category_probabilities_at(
    severity: Any, discrimination: Any, cutpoints: Any, slope: Any, covariates: Any
) -> Any:
    """Probability of each level in ranges (range, covariate): (..., range, rater, node, level).

    To give more for a covariate is to be less severe where there is more of it.
    """
    shift = jnp.einsum("...rc,gc->...gr", slope, covariates)
    shifted = severity[..., None, :] - shift
    return category_probabilities(shifted, discrimination[..., None, :], cutpoints[..., None, :])


def category_probabilities(severity: Any, discrimination: Any, cutpoints: Any) -> Any:
    """Probability of each level: (..., rater, node, level)."""
    logit = discrimination[..., None] * (NODES - severity[..., None])
    cumulative = jax.nn.sigmoid(cutpoints[..., None, None, :] - logit[..., None])
    zeros = jnp.zeros_like(cumulative[..., :1])
    probabilities = jnp.diff(jnp.concatenate([zeros, cumulative, zeros + 1], axis=-1), axis=-1)
    return jnp.maximum(probabilities, 1e-12)
