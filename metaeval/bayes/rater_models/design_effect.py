"""Design effects of dependent rows at the mode of the posterior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaeval.bayes.rater_models.confusion import (
    ParameterLayout,
    confusion_at,
    confusion_layout,
    prevalence_layout,
    truth_posterior,
)
from metaeval.bayes.rater_models.label_patterns import Patterns
from metaeval.core import Floats, double_precision

_MAX_ITERATIONS, _TOLERANCE = 500, 1e-8  # of EM; a design effect needs far less precision


def variance_ratio(influence: Floats, counts: Floats, by_unit: Any) -> float:
    """Return the mean ratio, over estimates, of the variance by units to that by rows, at least 1.

    `influence` (pattern, estimate) of one row, `counts` (pattern,) of rows, `by_unit` (unit,
    pattern) sparse counts of rows.
    """
    n_units, n_rows = by_unit.shape[0], counts.sum()
    if _independent(counts, by_unit):
        return 1.0
    units = np.square(by_unit @ influence).sum(axis=0) * n_units / (n_units - 1)
    rows = counts @ np.square(influence) * n_rows / (n_rows - 1)
    return float(max(np.mean(units / rows), 1.0))


def _independent(counts: Floats, by_unit: Any) -> bool:
    """Return whether units have one row each, or there are too few of them."""
    n_units = by_unit.shape[0]
    return bool(n_units == counts.sum() or n_units < 2)


def confusion_effect(patterns: Patterns, ordered: bool, covariates: Floats | None = None) -> float:
    """Compute the design effect of rater accuracies, or of coefficients if it is larger.

    `covariates` (range, covariate) are those of the ranges of the patterns.
    """
    labels, counts, by_unit = patterns.labels, patterns.counts, patterns.by_unit
    if covariates is not None:
        functions = _tilted_functions(patterns, ordered, covariates)
        return _effect_at_mode(functions, counts, by_unit)
    theta, pi = _mode(labels, counts, ordered)
    return variance_ratio(_influence(labels, counts, theta, pi, ordered), counts, by_unit)


def _layouts(labels: Floats, ordered: bool) -> tuple[ParameterLayout, ParameterLayout]:
    n_classes = labels.shape[-1]
    return confusion_layout(n_classes, ordered), prevalence_layout(n_classes, ordered)


def _mode(labels: Floats, counts: Floats, ordered: bool) -> tuple[Floats, Floats]:
    """Find the posterior mode of rater parameters (rater, parameter) and prevalence, by EM."""
    rater_layout, truth_layout = _layouts(labels, ordered)
    theta = _normalize(np.tile(rater_layout.prior, (labels.shape[1], 1)), rater_layout)
    pi = _normalize(truth_layout.prior, truth_layout)
    for _ in range(_MAX_ITERATIONS):
        cells, truths = _expected_cells(labels, theta, pi, ordered)
        previous = theta
        theta = _normalize(rater_layout.prior + np.einsum("u,urp->rp", counts, cells), rater_layout)
        pi = _normalize(truth_layout.prior + counts @ truths, truth_layout)
        if np.abs(theta - previous).max() < _TOLERANCE:
            break
    return theta, pi


def _normalize(values: Floats, layout: ParameterLayout) -> Floats:
    return np.asarray(values / (values @ layout.same_group))


def _expected_cells(
    labels: Floats, theta: Floats, pi: Floats, ordered: bool
) -> tuple[Floats, Floats]:
    """Compute expected counts of parameters by pattern, of raters and of prevalence."""
    rater_layout, truth_layout = _layouts(labels, ordered)
    truth = truth_posterior(labels, truth_layout.matrix(pi), rater_layout.matrix(theta)[None])[0]
    cells = np.einsum("url,uc->urcl", labels, truth)
    return cells.reshape(
        *labels.shape[:2], -1
    ) @ rater_layout.cell_parameters, truth @ truth_layout.cell_parameters


def _influence(labels: Floats, counts: Floats, theta: Floats, pi: Floats, ordered: bool) -> Floats:
    """Compute the influence of one row on the estimated accuracies: (pattern, rater).

    The score with respect to log parameters is that of the complete data (Fisher's identity); the
    information is the sum of its squares over rows plus that of the prior.
    """
    rater_layout, truth_layout = _layouts(labels, ordered)
    cells, truths = _expected_cells(labels, theta, pi, ordered)
    cells = cells - theta * (cells @ rater_layout.same_group)
    truths = truths - pi * (truths @ truth_layout.same_group)
    score = np.concatenate([cells.reshape(len(labels), -1), truths], axis=1)
    information = score.T @ (counts[:, None] * score)
    k = len(rater_layout.prior)
    for r, q in enumerate(theta):
        information[r * k : (r + 1) * k, r * k : (r + 1) * k] += _prior_information(q, rater_layout)
    information[-len(truth_layout.prior) :, -len(truth_layout.prior) :] += _prior_information(
        pi, truth_layout
    )
    gradient = _gradient(theta, pi, rater_layout, truth_layout)
    # singular: the log parameters of a group are determined up to a constant
    return np.asarray(score @ np.linalg.pinv(information, rcond=1e-10, hermitian=True) @ gradient)


def _prior_information(q: Floats, layout: ParameterLayout) -> Floats:
    weight = layout.same_group @ layout.prior
    return np.asarray(weight[:, None] * (np.diag(q) - layout.same_group * np.outer(q, q)))


def _gradient(
    theta: Floats, pi: Floats, rater_layout: ParameterLayout, truth_layout: ParameterLayout
) -> Floats:
    """Compute the gradient of accuracies with respect to log parameters: (parameter, rater)."""
    n_raters, k = theta.shape
    classes = np.arange(len(rater_layout.cell))
    fraction, cell = rater_layout.fraction[classes, classes], rater_layout.cell[classes, classes]
    prevalence = truth_layout.matrix(pi)[0]
    right = np.eye(k)[cell]  # (truth, parameter)
    slope = theta * ((prevalence * fraction) @ right)
    slope = slope - theta * (slope @ rater_layout.same_group)
    prevalence_slope = (
        (theta[:, cell] * fraction * truth_layout.fraction[0])
        @ np.eye(len(pi))[truth_layout.cell[0]]
        * pi
    )
    prevalence_slope = prevalence_slope - pi * (prevalence_slope @ truth_layout.same_group)
    gradient = np.zeros((n_raters * k + len(pi), n_raters))
    for r in range(n_raters):
        gradient[r * k : (r + 1) * k, r] = slope[r]
    gradient[n_raters * k :] = prevalence_slope.T
    return gradient


def ordinal_effect(
    labels: Floats, counts: Floats, by_unit: Any, covariates: Floats | None = None
) -> float:
    """Compute the design effect of severities and log discriminations, or of coefficients.

    The larger one is returned. `covariates` (range, covariate) are those of the ranges of the
    patterns, which are ordered by range.
    """
    return _effect_at_mode(_ordinal_functions(labels, covariates), counts, by_unit)


@dataclass(frozen=True, kw_only=True)
class _Functions:
    """Functions of a parameter vector: log likelihoods by pattern, estimates and log prior."""

    size: int  # number of parameters
    log_likelihood: Callable[[Any], Any]
    estimates: Callable[[Any], tuple[Any, ...]]
    log_prior: Callable[[Any], Any]


def _effect_at_mode(functions: _Functions, counts: Floats, by_unit: Any) -> float:
    """Compute the design effect at the posterior mode, the largest of the kinds of estimates."""
    import jax
    from scipy.optimize import minimize

    if _independent(counts, by_unit):
        return 1.0
    size, log_likelihood = functions.size, functions.log_likelihood
    log_prior = functions.log_prior

    def loss(x: Any) -> Any:
        return -log_prior(x) - counts @ log_likelihood(x)

    with double_precision():
        loss_and_gradient = jax.jit(jax.value_and_grad(loss))
        x = minimize(
            lambda x: jax.tree.map(np.asarray, loss_and_gradient(x)), np.zeros(size), jac=True
        ).x
        score, gradients = (
            jax.tree.map(np.asarray, jax.jit(jax.jacfwd(f))(x))
            for f in (log_likelihood, functions.estimates)
        )
        prior = -np.asarray(jax.jit(jax.hessian(log_prior))(x))
    information = score.T @ (counts[:, None] * score) + prior
    kinds = (kind.reshape(-1, size).T for kind in gradients)
    influences = (score @ np.linalg.solve(information, kind) for kind in kinds)
    return max(variance_ratio(influence, counts, by_unit) for influence in influences)


def _standard_normal(x: Any) -> Any:
    """Return the log density of standard normal variables, up to a constant."""
    return -0.5 * (x**2).sum()


def _tilted_functions(patterns: Patterns, ordered: bool, covariates: Floats) -> _Functions:
    """Return functions for confusion by covariates, of log gamma and normal variables."""
    import jax.numpy as jnp

    from metaeval.bayes.hierarchy.priors import SD_COEFFICIENT
    from metaeval.bayes.rater_models import density

    labels, counts = (patterns.by_range(v) for v in (patterns.labels, patterns.counts))
    rater_layout, truth_layout = _layouts(labels, ordered)
    n_raters, n = labels.shape[2], covariates.shape[1]
    sizes = [n_raters * len(rater_layout.prior), len(truth_layout.prior), n_raters * n, n]

    def parts(x: Any) -> list[Any]:
        log_theta, log_pi, excess, quality = jnp.split(x, np.cumsum(sizes[:-1]))
        return [log_theta.reshape(n_raters, -1), log_pi, excess.reshape(n_raters, n), quality]

    def tables(x: Any) -> tuple[Any, Any]:
        log_theta, log_pi, excess, quality = parts(x)
        confusion = density.dirichlet_from_gammas(jnp.exp(log_theta), rater_layout)
        prevalence = density.dirichlet_from_gammas(jnp.exp(log_pi), truth_layout)[0]
        slopes = density.SD_QUALITY * quality, SD_COEFFICIENT * excess
        return confusion_at(prevalence, confusion, *slopes, covariates)

    def log_prior(x: Any) -> Any:
        log_theta, log_pi, excess, quality = parts(x)
        gammas = ((log_theta, rater_layout), (log_pi, truth_layout))
        densities = [
            (layout.prior * z - density.gamma_geometric_means(layout) * jnp.exp(z)).sum()
            for z, layout in gammas
        ]
        return sum(densities) + _standard_normal(excess) + _standard_normal(quality)

    def log_likelihood(x: Any) -> Any:
        return density.log_likelihood(labels, *tables(x)).reshape(-1)

    def estimates(x: Any) -> tuple[Any, ...]:
        return density.rater_accuracy(counts, *tables(x)), *parts(x)[2:]

    return _Functions(
        size=sum(sizes), log_likelihood=log_likelihood, estimates=estimates, log_prior=log_prior
    )


def _ordinal_functions(labels: Floats, covariates: Floats | None) -> _Functions:
    """Return functions for the ordinal form, of standard normal variables."""
    import jax.numpy as jnp

    from metaeval.bayes.rater_models import density

    n_raters, n_levels = labels.shape[1:]
    n = 0 if covariates is None else covariates.shape[1]
    sizes = [n_raters - 1, n_raters, 1, n_levels - 2, n, n * (n_raters - 1)]
    names = ("severity_raw", "discrimination_raw", "middle_raw", "gaps_raw", "quality", "excess")
    by_range = (
        labels if covariates is None else labels.reshape(len(covariates), -1, *labels.shape[1:])
    )

    def unpack(x: Any) -> tuple[tuple[Any, Any, Any], Any, Any]:
        parts = dict(zip(names, jnp.split(x, np.cumsum(sizes[:-1])), strict=True))
        excess = density.relative_bias(parts["excess"].reshape(n_raters - 1, n))
        parts |= {"middle_raw": parts["middle_raw"][0]}
        return density.scales(parts), density.SD_QUALITY * parts["quality"], excess

    def log_likelihood(x: Any) -> Any:
        scales, quality, excess = unpack(x)
        if covariates is None:
            return density.log_likelihood(
                by_range, density.NODE_WEIGHTS, density.category_probabilities(*scales)
            )
        severity, discrimination, cutpoints = scales
        slope = quality + excess
        probabilities = density.category_probabilities_at(
            severity, discrimination, cutpoints, slope, covariates
        )
        return density.log_likelihood(by_range, density.NODE_WEIGHTS, probabilities).reshape(-1)

    def estimates(x: Any) -> tuple[Any, ...]:
        (severity, discrimination, _), quality, excess = unpack(x)
        scales = jnp.concatenate([severity, jnp.log(discrimination)])
        return (scales,) if covariates is None else (scales, excess, quality)

    return _Functions(
        size=sum(sizes),
        log_likelihood=log_likelihood,
        estimates=estimates,
        log_prior=_standard_normal,
    )
