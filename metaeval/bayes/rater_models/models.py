"""The model of raters, as a NumPyro function of plain arrays: the truth is summed out."""

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
    Layout,
    confusion_layout,
    prevalence_layout,
    tables_at,
)

SD_SEVERITY = 1.0
SD_QUALITY = 1.0  # of what responses with more of a covariate truly are worth
DISCRIMINATION = (0.5, 0.75)  # mean and standard deviation of its log
SD_MIDDLE, SD_GAP = 3.0, 1.0  # of cutpoints: their mean, and logs of the gaps between them
# Sharp raters make narrow integrands; equal steps follow them far better than Gauss-Hermite nodes.
NODES = np.linspace(-4.5, 4.5, 41)
NODE_WEIGHTS = np.exp(-np.square(NODES) / 2) / np.exp(-np.square(NODES) / 2).sum()


def raters(
    labels: Any,
    counts: Any,
    effect: Any = 1.0,
    covariates: Any = None,
    *,
    form: str = "dawid_skene",
    ordered: bool = False,
) -> None:
    r"""What is true of each row, and what each of several raters is worth.

    Fitted with `bayes.fit(bayes.raters, table)`, which also takes `raters=`, the names of label
    columns (all of them by default), and `form=`. Labels of responses become preferences within
    items, unless the form is ordinal.

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
        Ordinal: of the responses, less their mean and over their standard deviation. `fit` takes
        names of columns:
        `covariates=["length_delta"]` of pairs, `covariates=["length"]` of ratings.
    form : {"dawid_skene", "ordinal"}
        Classes (second better, tie, first better), or levels of a rating, of which there are 2 to
        10.
    ordered : bool, default False
        Whether first and second mean something; as the table says.

    Returns
    -------
    None
        It is for `fit`, or NumPyro's own samplers. Sites `confusion` (rater, truth, label),
        `prevalence` (truth), `rater_accuracy` (rater); ordinal: `severity` and `discrimination`
        (rater), `cutpoints`; with covariates `quality_coefficient` (covariate) and `coefficient`
        (rater, covariate).

    Raises
    ------
    MetaevalError
        By `fit`: if there are fewer than two raters, or what they said cannot be modelled; if
        covariates are not numbers, missing, infinite or constant, or of fewer than 30 rows.

    Notes
    -----
    Dawid and Skene: the truth of a row is c with probability :math:`\pi_c`, and rater r then says
    l with probability :math:`\theta_{rcl}`, raters independently of each other. Priors are
    Dirichlet(1 + 3 I) for each truth, and Dirichlet(4, 4, 4). Unless pairs are ordered, first and
    second are interchangeable: of pairs that truly differ a rater says what is right, a tie, or
    what is wrong (4, 1, 1), of tied ones a tie or a side (4, 2), and turning a pair round changes
    nothing. Where nobody says that a pair is tied, no pair is. Drawn by Gibbs sampling, started
    where raters are mostly right; the mirror image, in which all are mostly wrong, is never
    looked for. With two raters much of what is said of each of them is prior.

    With covariates x, how much more of each the first response has, the odds of first over second
    are :math:`e^{\gamma_r' x}` times as large in what rater r says of each truth, and
    :math:`e^{\delta' x}` times in the truth itself (ties between both): :math:`\gamma_r \sim N(0,
    .5)` is the rater's excess bias given the truth, and :math:`\delta \sim N(0, 1)` how much more
    often what has more is better. Three raters or more whose errors are otherwise independent tell
    one from the other, even a bias that all of them share; two raters do not. The truth is a class
    here, without degree. Where responses with more of x are not only more often better but better
    by more, raters err less on them, and ones without any bias have :math:`\gamma_r > 0`, sharp
    ones more than dull ones; errors that raters share shift it as well. A :math:`\gamma_r` above 0
    is then no proof of bias; one that is far larger than that of raters as good is a sign.
    Prevalence and confusion are those at x = 0, accuracy is over pairs like those at hand. What
    scorers call is still taken for independent of x given the truth: where it is not, their
    corrected accuracy is too high or too low. Drawn by NUTS.

    Ordinal: :math:`P(y \le k) = \sigma(c_k - a_r (\theta - b_r))` with latent quality
    :math:`\theta \sim N(0, 1)` of each response, severities :math:`b_r` that add up to 0, and
    discriminations :math:`a_r`; quality is integrated out on 41 equal steps. Drawn by NUTS.

    With covariates x of responses, :math:`\theta + (\delta + \gamma_r)' x` takes the place of
    :math:`\theta`: :math:`\delta \sim N(0, 1)` is how much better responses with more of x truly
    are, and :math:`\gamma_r`, which add up to 0 over raters (prior scale .5), how much more rater r
    gives for it than raters do on average. What all raters give too much in common cannot be told
    from truth, and is part of :math:`\delta`: a bias of 0 says that a rater is as the others are,
    not that it is unbiased. Severities are those at mean covariates. Responses are taken together
    in up to 16 ranges of x (and 4 of each further covariate) of about equal numbers.

    Rows of one item (or cluster) depend on each other. The log likelihood is divided by the design
    effect: the variance of the raters' estimated accuracies (ordinal: severities and
    discriminations) by items, over that by rows, at the mode of the posterior, a mean over them
    and at least 1; it is 1 where items have one row each. With covariates it is that of raters'
    coefficients, or of quality's, where these are larger; what has a smaller one gets intervals
    that are too wide. It is taken as known.

    Scorers are no raters: they say nothing of the truth. How often each calls what is true is
    worked out for each draw, from the probabilities of the truth given the labels, with random
    weights of the items (Bayesian bootstrap). This holds if, given the truth, scorers err
    independently of raters. On items of unequal difficulty it does not: where scorers err on the
    items that raters err on it is too high, and where raters toss coins on hard items it is too
    low. Raters who err
    alike (a common guideline, hard items) look better than they are: no label tells.

    References
    ----------
    Dawid, Skene (1979), Maximum likelihood estimation of observer error-rates using the EM
    algorithm. Linacre (1989), Many-facet Rasch measurement. Rubin (1981), The Bayesian bootstrap.
    Pauli, Racugno, Ventura (2011), Bayesian composite marginal likelihoods.

    Examples
    --------
    >>> from metaeval import bayes, simulate
    >>> table = simulate(seed=1, n_items=60, raters=3).table
    >>> tree = bayes.fit(bayes.raters, table, scorers=["judge"])
    >>> tree["posterior"]["rater_accuracy"].dims
    ('chain', 'draw', 'rater')
    """
    if form == "ordinal":
        prevalence, confusion = _ordinal(labels, covariates)
    else:
        prevalence, confusion = _dawid_skene(labels, counts, covariates, ordered)
    found = log_likelihood(labels, prevalence, confusion)
    numpyro.factor("likelihood", (counts / effect * found).sum())


def log_likelihood(labels: Any, prevalence: Any, confusion: Any) -> Any:
    """Log probability of each pattern, the truth summed out: (..., pattern)."""
    each = jnp.einsum("...url,...rcl->...uc", labels, jnp.log(confusion))
    return jax.nn.logsumexp(each + jnp.log(prevalence)[..., None, :], axis=-1)


def _dawid_skene(labels: Any, counts: Any, covariates: Any, ordered: bool) -> tuple[Any, Any]:
    """Prevalence (..., truth) and confusion (..., rater, truth, label), maybe by ranges."""
    n_raters, n_classes = labels.shape[-2:]
    own = _simplexes("said", confusion_layout(n_classes, ordered), (n_raters,))
    rate = _simplexes("true", prevalence_layout(n_classes, ordered), ())[..., 0, :]
    confusion = numpyro.deterministic("confusion", own)
    prevalence = numpyro.deterministic("prevalence", rate)
    if covariates is None:
        numpyro.deterministic("rater_accuracy", jnp.einsum("c,rcc->r", prevalence, confusion))
        return prevalence, confusion
    truly, excess = _coefficients(n_raters, covariates.shape[-1])
    prevalence, confusion = tables_at(prevalence, confusion, truly, excess, covariates)
    numpyro.deterministic("rater_accuracy", often_right(counts, prevalence, confusion))
    return prevalence, confusion


def _coefficients(n_raters: int, n_covariates: int) -> tuple[Any, Any]:
    """What truth owes to covariates, and what each rater (rater, covariate) adds of its own."""
    quality = dist.Normal(0.0, SD_QUALITY).expand([n_covariates]).to_event(1)
    own = dist.Normal(0.0, SD_COEFFICIENT).expand([n_raters, n_covariates]).to_event(2)
    return numpyro.sample("quality_coefficient", quality), numpyro.sample("coefficient", own)


def often_right(counts: Any, prevalence: Any, confusion: Any) -> Any:
    """How often raters are right, ranges by the rows that they have: (..., rater)."""
    share = counts.sum(axis=-1) / counts.sum()
    return jnp.einsum("g,...gc,...grcc->...r", share, prevalence, confusion)


def _simplexes(name: str, layout: Layout, shape: tuple[int, ...]) -> Any:
    """Matrices whose groups of parameters are Dirichlet.

    They are shares of gammas in their usual sizes, so that chains start where raters are mostly
    right.
    """
    size = jnp.asarray(usual(layout))
    each = dist.Gamma(jnp.asarray(layout.prior), size).expand((*shape, len(size)))
    return shares(numpyro.sample(name, each.to_event(len(shape) + 1)), layout)


def usual(layout: Layout) -> Any:
    """Geometric means of the gammas of which parameters are shares: (parameter,)."""
    return np.exp(digamma(layout.prior))


def shares(gammas: Any, layout: Layout) -> Any:
    """Matrices of gammas (..., parameter) that are over their geometric means."""
    weight = gammas * usual(layout)
    return layout.matrix(weight / (weight @ layout.together))


def _ordinal(labels: Any, covariates: Any) -> tuple[Any, Any]:
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
        return weights, levels(severity, discrimination, cutpoints)
    slope = _slopes(n_raters, covariates.shape[-1])
    return weights, levels_at(severity, discrimination, cutpoints, slope, covariates)


def _slopes(n_raters: int, n_covariates: int) -> Any:
    """What raters give for covariates, truth and excess together: (rater, covariate)."""
    quality = dist.Normal(0.0, SD_QUALITY).expand([n_covariates]).to_event(1)
    raw = dist.Normal(0.0, 1.0).expand([n_raters - 1, n_covariates]).to_event(2)
    truly = numpyro.sample("quality_coefficient", quality)
    own = excess(numpyro.sample("coefficient_raw", raw))
    return truly + numpyro.deterministic("coefficient", own)


def scales(z: Any) -> tuple[Any, Any, Any]:
    """Severities, discriminations and cutpoints of standard normal numbers."""
    n_raters = z["discrimination_raw"].shape[0]
    mean, sd = DISCRIMINATION
    severity = SD_SEVERITY * contrasts(n_raters) @ z["severity_raw"]
    steps = jnp.cumsum(jnp.exp(SD_GAP * z["gaps_raw"]))
    steps = jnp.concatenate([jnp.zeros(1), steps])
    cutpoints = SD_MIDDLE * z["middle_raw"] + steps - steps.mean()
    return severity, jnp.exp(mean + sd * z["discrimination_raw"]), cutpoints


def excess(raw: Any) -> Any:
    """Coefficients that add up to 0 over raters (rater, covariate) of standard normal numbers."""
    return SD_COEFFICIENT * contrasts(raw.shape[0] + 1) @ raw


def levels_at(
    severity: Any, discrimination: Any, cutpoints: Any, slope: Any, covariates: Any
) -> Any:
    """Probability of each level in ranges (range, covariate): (..., range, rater, node, level).

    To give more for a covariate is to be less severe where there is more of it.
    """
    given = jnp.einsum("...rc,gc->...gr", slope, covariates)
    at = severity[..., None, :] - given
    return levels(at, discrimination[..., None, :], cutpoints[..., None, :])


def levels(severity: Any, discrimination: Any, cutpoints: Any) -> Any:
    """Probability of each level: (..., rater, node, level)."""
    at = discrimination[..., None] * (NODES - severity[..., None])
    up_to = jax.nn.sigmoid(cutpoints[..., None, None, :] - at[..., None])
    ends = jnp.zeros_like(up_to[..., :1])
    each = jnp.diff(jnp.concatenate([ends, up_to, ends + 1], axis=-1), axis=-1)
    return jnp.maximum(each, 1e-12)
