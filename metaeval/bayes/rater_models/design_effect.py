"""How many rows of dependent units are worth one: design effects at the mode of the posterior."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from metaeval.bayes.rater_models.confusion import (
    ParameterLayout,
    confusion_at,
    confusion_layout,
    posterior,
    prevalence_layout,
)
from metaeval.bayes.rater_models.label_patterns import Patterns
from metaeval.core import Floats, double_precision

_ROUNDS, _CLOSE = 500, 1e-8


def effect_of(influence: Floats, counts: Floats, by_unit: Any) -> float:
    """Mean over columns of the variance by units over that by rows, at least 1.

    `influence` (pattern, column) of one row on the estimates, `counts` (pattern,) rows,
    `by_unit` (unit, pattern) rows of each unit, sparse.
    """
    n_units, n_rows = by_unit.shape[0], counts.sum()
    if _independent(counts, by_unit):
        return 1.0
    units = np.square(by_unit @ influence).sum(axis=0) * n_units / (n_units - 1)
    rows = counts @ np.square(influence) * n_rows / (n_rows - 1)
    return float(max(np.mean(units / rows), 1.0))


def _independent(counts: Floats, by_unit: Any) -> bool:
    """Whether units have one row each, or there are too few of them to tell."""
    n_units = by_unit.shape[0]
    return bool(n_units == counts.sum() or n_units < 2)


def confusion_effect(patterns: Patterns, ordered: bool, covariates: Floats | None = None) -> float:
    """Design effect of raters' accuracies, or that of coefficients if it is more.

    `covariates` (range, covariate) are those of the ranges that the patterns are in.
    """
    labels, counts, by_unit = patterns.labels, patterns.counts, patterns.by_unit
    if covariates is not None:
        functions = _tilted_functions(patterns, ordered, covariates)
        return _effect_at_mode(functions, counts, by_unit)
    said, true = _mode(labels, counts, ordered)
    return effect_of(_influence(labels, counts, said, true, ordered), counts, by_unit)


def _layouts(labels: Floats, ordered: bool) -> tuple[ParameterLayout, ParameterLayout]:
    n_classes = labels.shape[-1]
    return confusion_layout(n_classes, ordered), prevalence_layout(n_classes, ordered)


def _mode(labels: Floats, counts: Floats, ordered: bool) -> tuple[Floats, Floats]:
    """Parameters of raters (rater, parameter) and of prevalence, at the mode of their logs."""
    own, rate = _layouts(labels, ordered)
    said = _normal(np.tile(own.prior, (labels.shape[1], 1)), own)
    true = _normal(rate.prior, rate)
    for _ in range(_ROUNDS):
        cells, often = _completed(labels, said, true, ordered)
        before = said
        said = _normal(own.prior + np.einsum("u,urp->rp", counts, cells), own)
        true = _normal(rate.prior + counts @ often, rate)
        if np.abs(said - before).max() < _CLOSE:
            break
    return said, true


def _normal(values: Floats, layout: ParameterLayout) -> Floats:
    return np.asarray(values / (values @ layout.together))


def _completed(labels: Floats, said: Floats, true: Floats, ordered: bool) -> tuple[Floats, Floats]:
    """Expected numbers of each parameter in one row: (pattern, rater, parameter), (pattern, p)."""
    own, rate = _layouts(labels, ordered)
    truth = posterior(labels, rate.matrix(true), own.matrix(said)[None])[0]
    cells = np.einsum("url,uc->urcl", labels, truth)
    return cells.reshape(*labels.shape[:2], -1) @ own.members, truth @ rate.members


def _influence(labels: Floats, counts: Floats, said: Floats, true: Floats, ordered: bool) -> Floats:
    """What one row of each pattern adds to the estimated accuracy of each rater.

    (pattern, rater). Scores are those of the logs of the parameters (Fisher's identity), their
    information the sum of squares over rows and that of the prior.
    """
    own, rate = _layouts(labels, ordered)
    cells, often = _completed(labels, said, true, ordered)
    cells = cells - said * (cells @ own.together)
    often = often - true * (often @ rate.together)
    score = np.concatenate([cells.reshape(len(labels), -1), often], axis=1)
    known = score.T @ (counts[:, None] * score)
    k = len(own.prior)
    for r, q in enumerate(said):
        known[r * k : (r + 1) * k, r * k : (r + 1) * k] += _prior_information(q, own)
    known[-len(rate.prior) :, -len(rate.prior) :] += _prior_information(true, rate)
    moved = _gradient(said, true, own, rate)
    return np.asarray(score @ np.linalg.pinv(known, rcond=1e-10, hermitian=True) @ moved)


def _prior_information(q: Floats, layout: ParameterLayout) -> Floats:
    weight = layout.together @ layout.prior
    return np.asarray(weight[:, None] * (np.diag(q) - layout.together * np.outer(q, q)))


def _gradient(said: Floats, true: Floats, own: ParameterLayout, rate: ParameterLayout) -> Floats:
    """Of raters' accuracies by logs of the parameters: (parameter, rater)."""
    n_raters, k = said.shape
    classes = np.arange(len(own.cell))
    share, cell = own.share[classes, classes], own.cell[classes, classes]
    prevalence = rate.matrix(true)[0]
    right = np.eye(k)[cell]  # (truth, parameter)
    slope = said * ((prevalence * share) @ right)
    slope = slope - said * (slope @ own.together)
    of_rate = (said[:, cell] * share * rate.share[0]) @ np.eye(len(true))[rate.cell[0]] * true
    of_rate = of_rate - true * (of_rate @ rate.together)
    found = np.zeros((n_raters * k + len(true), n_raters))
    for r in range(n_raters):
        found[r * k : (r + 1) * k, r] = slope[r]
    found[n_raters * k :] = of_rate.T
    return found


def ordinal_effect(
    labels: Floats, counts: Floats, by_unit: Any, covariates: Floats | None = None
) -> float:
    """Design effect of severities and logs of discriminations, or of coefficients if that is more.

    `covariates` (range, covariate) of the ranges that the patterns are in, one after the other.
    """
    return _effect_at_mode(_ordinal_functions(labels, covariates), counts, by_unit)


class _Functions(NamedTuple):
    """Of so many parameters: log likelihoods (pattern,), estimates of each kind, log prior."""

    size: int
    each: Callable[[Any], Any]
    target: Callable[[Any], tuple[Any, ...]]
    log_prior: Callable[[Any], Any]


def _effect_at_mode(functions: _Functions, counts: Floats, by_unit: Any) -> float:
    """Design effect where the posterior is highest, of the kind of estimates that needs most."""
    import jax
    from scipy.optimize import minimize

    if _independent(counts, by_unit):
        return 1.0
    size, each, target, log_prior = functions

    def loss(x: Any) -> Any:
        return -log_prior(x) - counts @ each(x)

    with double_precision():
        find = jax.jit(jax.value_and_grad(loss))
        x = minimize(lambda x: jax.tree.map(np.asarray, find(x)), np.zeros(size), jac=True).x
        score, moved = (jax.tree.map(np.asarray, jax.jit(jax.jacfwd(f))(x)) for f in (each, target))
        prior = -np.asarray(jax.jit(jax.hessian(log_prior))(x))
    known = score.T @ (counts[:, None] * score) + prior
    kinds = (kind.reshape(-1, size).T for kind in moved)
    influences = (score @ np.linalg.solve(known, kind) for kind in kinds)
    return max(effect_of(influence, counts, by_unit) for influence in influences)


def _standard(x: Any) -> Any:
    """Log prior of standard normal numbers."""
    return -0.5 * (x**2).sum()


def _tilted_functions(patterns: Patterns, ordered: bool, covariates: Floats) -> _Functions:
    """Those of confusions by covariates; x are logs of gammas, and standard normal numbers."""
    import jax.numpy as jnp

    from metaeval.bayes.hierarchy.priors import SD_COEFFICIENT
    from metaeval.bayes.rater_models import density

    labels, counts = (patterns.by_range(v) for v in patterns[:2])
    own, rate = _layouts(labels, ordered)
    n_raters, n = labels.shape[2], covariates.shape[1]
    sizes = [n_raters * len(own.prior), len(rate.prior), n_raters * n, n]

    def parts(x: Any) -> list[Any]:
        said, true, excess, truly = jnp.split(x, np.cumsum(sizes[:-1]))
        return [said.reshape(n_raters, -1), true, excess.reshape(n_raters, n), truly]

    def tables(x: Any) -> tuple[Any, Any]:
        said, true, excess, truly = parts(x)
        confusion = density.dirichlet_from_gammas(jnp.exp(said), own)
        prevalence = density.dirichlet_from_gammas(jnp.exp(true), rate)[0]
        slopes = density.SD_QUALITY * truly, SD_COEFFICIENT * excess
        return confusion_at(prevalence, confusion, *slopes, covariates)

    def log_prior(x: Any) -> Any:
        said, true, excess, truly = parts(x)
        gammas = ((said, own), (true, rate))
        found = [
            (lay.prior * z - density.gamma_geometric_means(lay) * jnp.exp(z)).sum()
            for z, lay in gammas
        ]
        return sum(found) + _standard(excess) + _standard(truly)

    def each(x: Any) -> Any:
        return density.log_likelihood(labels, *tables(x)).reshape(-1)

    def target(x: Any) -> tuple[Any, ...]:
        return density.rater_accuracy(counts, *tables(x)), *parts(x)[2:]

    return _Functions(size=sum(sizes), each=each, target=target, log_prior=log_prior)


def _ordinal_functions(labels: Floats, covariates: Floats | None) -> _Functions:
    """Those of the ordinal form, of standard normal numbers."""
    import jax.numpy as jnp

    from metaeval.bayes.rater_models import density

    n_raters, n_levels = labels.shape[1:]
    n = 0 if covariates is None else covariates.shape[1]
    sizes = [n_raters - 1, n_raters, 1, n_levels - 2, n, n * (n_raters - 1)]
    names = ("severity_raw", "discrimination_raw", "middle_raw", "gaps_raw", "quality", "excess")
    whole = labels if covariates is None else labels.reshape(len(covariates), -1, *labels.shape[1:])

    def of(x: Any) -> tuple[tuple[Any, Any, Any], Any, Any]:
        parts = dict(zip(names, jnp.split(x, np.cumsum(sizes[:-1])), strict=True))
        own = density.relative_bias(parts["excess"].reshape(n_raters - 1, n))
        parts |= {"middle_raw": parts["middle_raw"][0]}
        return density.scales(parts), density.SD_QUALITY * parts["quality"], own

    def each(x: Any) -> Any:
        scales, quality, own = of(x)
        if covariates is None:
            return density.log_likelihood(
                whole, density.NODE_WEIGHTS, density.category_probabilities(*scales)
            )
        severity, discrimination, cutpoints = scales
        slope = quality + own
        said = density.category_probabilities_at(
            severity, discrimination, cutpoints, slope, covariates
        )
        return density.log_likelihood(whole, density.NODE_WEIGHTS, said).reshape(-1)

    def target(x: Any) -> tuple[Any, ...]:
        (severity, discrimination, _), quality, own = of(x)
        scales = jnp.concatenate([severity, jnp.log(discrimination)])
        return (scales,) if covariates is None else (scales, own, quality)

    return _Functions(size=sum(sizes), each=each, target=target, log_prior=_standard)
