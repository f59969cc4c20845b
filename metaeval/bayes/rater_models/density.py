"""The rater model as a NumPyro function of plain arrays, with the truth summed out."""

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
SD_QUALITY = 1.0  # of the effect of a covariate on true quality
DISCRIMINATION = (0.5, 0.75)  # mean and standard deviation of log discriminations
SD_MIDDLE, SD_GAP = 3.0, 1.0  # of the mean of the cutpoints, and of logs of their differences
# Raters of high discrimination make narrow integrands, which equal steps resolve far better than
# Gauss-Hermite nodes. The standard normal mass beyond 4.5 is below 1e-5.
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
    """Define the sites and the log likelihood of `bayes.RaterModel`.

    Parameters
    ----------
    labels : array (pattern, rater, label)
        Distinct patterns of labels, 1 for the label of a rater; all 0 if the rater gave none.
    counts : array (pattern,)
        Number of rows of each pattern.
    effect : float, default 1
        Design effect by which counts are divided.
    covariates : array (range, covariate), optional
        Means in ranges of similar rows; `labels` and `counts` then have a leading dimension of
        ranges. For pairs, first minus second response, divided by the root mean square of nonzero
        values; for ordinal ratings, standardized values of the responses.
    form : {"dawid_skene", "ordinal"}
    ordered : bool, default False
        Whether the order of the two responses of a pair is meaningful.
    """
    if form == "ordinal":
        prevalence, confusion = _sample_ordinal(labels, covariates)
    else:
        prevalence, confusion = _sample_dawid_skene(labels, counts, covariates, ordered)
    log_probs = log_likelihood(labels, prevalence, confusion)
    numpyro.factor("likelihood", (counts / effect * log_probs).sum())


def log_likelihood(labels: Any, prevalence: Any, confusion: Any) -> Any:
    """Compute log probabilities of patterns, the truth summed out: (..., pattern)."""
    log_prob = jnp.einsum("...url,...rcl->...uc", labels, jnp.log(confusion))
    return jax.nn.logsumexp(log_prob + jnp.log(prevalence)[..., None, :], axis=-1)


def _sample_dawid_skene(
    labels: Any, counts: Any, covariates: Any, ordered: bool
) -> tuple[Any, Any]:
    """Sample prevalence (..., truth) and confusion (..., rater, truth, label), by range if any."""
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
    """Sample slopes of the truth (covariate,) and excess slopes (rater, covariate)."""
    quality_prior = dist.Normal(0.0, SD_QUALITY).expand([n_covariates]).to_event(1)
    excess_prior = dist.Normal(0.0, SD_COEFFICIENT).expand([n_raters, n_covariates]).to_event(2)
    return numpyro.sample("quality_coefficient", quality_prior), numpyro.sample(
        "coefficient", excess_prior
    )


def rater_accuracy(counts: Any, prevalence: Any, confusion: Any) -> Any:
    """Compute accuracies of raters, ranges weighted by their rows: (..., rater)."""
    range_weight = counts.sum(axis=-1) / counts.sum()
    return jnp.einsum("g,...gc,...grcc->...r", range_weight, prevalence, confusion)


def _sample_simplexes(name: str, layout: ParameterLayout, shape: tuple[int, ...]) -> Any:
    """Sample matrices whose groups of parameters have Dirichlet priors.

    Parameters are normalized gamma variables, scaled by their geometric means: chains, which start
    near a scaled value of 1, then start where raters are mostly correct.
    """
    scale = jnp.asarray(gamma_geometric_means(layout))
    gammas = dist.Gamma(jnp.asarray(layout.prior), scale).expand((*shape, len(scale)))
    return dirichlet_from_gammas(numpyro.sample(name, gammas.to_event(len(shape) + 1)), layout)


def gamma_geometric_means(layout: ParameterLayout) -> Any:
    """Return geometric means of the gamma variables of the parameters: (parameter,)."""
    return np.exp(digamma(layout.prior))


def dirichlet_from_gammas(gammas: Any, layout: ParameterLayout) -> Any:
    """Return matrices from gamma variables (..., parameter) divided by their geometric means."""
    weight = gammas * gamma_geometric_means(layout)
    return layout.matrix(weight / (weight @ layout.same_group))


def _sample_ordinal(labels: Any, covariates: Any) -> tuple[Any, Any]:
    """Return weights of the nodes of quality, and probabilities (..., rater, node, level)."""
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
    """Sample total slopes, of true quality plus relative bias: (rater, covariate)."""
    quality_prior = dist.Normal(0.0, SD_QUALITY).expand([n_covariates]).to_event(1)
    raw_prior = dist.Normal(0.0, 1.0).expand([n_raters - 1, n_covariates]).to_event(2)
    quality = numpyro.sample("quality_coefficient", quality_prior)
    excess = relative_bias(numpyro.sample("coefficient_raw", raw_prior))
    return quality + numpyro.deterministic("coefficient", excess)


def scales(z: Any) -> tuple[Any, Any, Any]:
    """Transform standard normal variables to severities, discriminations and cutpoints."""
    n_raters = z["discrimination_raw"].shape[0]
    mean, sd = DISCRIMINATION
    severity = SD_SEVERITY * contrasts(n_raters) @ z["severity_raw"]
    steps = jnp.cumsum(jnp.exp(SD_GAP * z["gaps_raw"]))
    steps = jnp.concatenate([jnp.zeros(1), steps])
    cutpoints = SD_MIDDLE * z["middle_raw"] + steps - steps.mean()
    return severity, jnp.exp(mean + sd * z["discrimination_raw"]), cutpoints


def relative_bias(raw: Any) -> Any:
    """Transform standard normal variables to slopes that sum to 0 over raters."""
    return SD_COEFFICIENT * contrasts(raw.shape[0] + 1) @ raw


def category_probabilities_at(
    severity: Any, discrimination: Any, cutpoints: Any, slope: Any, covariates: Any
) -> Any:
    """Compute probabilities of levels in ranges: (..., range, rater, node, level).

    A positive slope lowers the severity where `covariates` (range, covariate) are larger.
    """
    shift = jnp.einsum("...rc,gc->...gr", slope, covariates)
    shifted = severity[..., None, :] - shift
    return category_probabilities(shifted, discrimination[..., None, :], cutpoints[..., None, :])


def category_probabilities(severity: Any, discrimination: Any, cutpoints: Any) -> Any:
    """Compute probabilities of levels: (..., rater, node, level)."""
    logit = discrimination[..., None] * (NODES - severity[..., None])
    cumulative = jax.nn.sigmoid(cutpoints[..., None, None, :] - logit[..., None])
    zeros = jnp.zeros_like(cumulative[..., :1])
    probabilities = jnp.diff(jnp.concatenate([zeros, cumulative, zeros + 1], axis=-1), axis=-1)
    return jnp.maximum(probabilities, 1e-12)  # differences of sigmoids may round to 0
