"""Prior sensitivity, and leave-one-out comparison of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from metaeval.bayes.datatree import loo, power_scaling, read_attr, require_posterior
from metaeval.core import Floats, MetaevalError

_SENSITIVITY_THRESHOLD = 0.05  # Kallioinen et al. (2024)
_MAX_PARETO_K = 0.7  # importance sampling is unreliable above: Vehtari, Gelman, Gabry (2017)
_MIN_DRAWS = 100  # fewer are too few to fit a generalized Pareto tail


def prior_sensitivity(tree: xr.DataTree) -> pd.DataFrame:
    """Compute the sensitivity of each parameter to priors and likelihood by power-scaling.

    Parameters
    ----------
    tree : DataTree
        A posterior returned by `fit`.

    Returns
    -------
    DataFrame
        One row per quantity. `prior` and `likelihood`: the cumulative Jensen-Shannon distance by
        which the posterior moves per doubling of the power. `said`: "prior" if only `prior`
        exceeds 0.05, so the prior dominates the posterior; "conflict" if both do; else empty.

    Raises
    ------
    MetaevalError
        If the posterior has no log densities (unpooled accuracy and raters).

    Notes
    -----
    The prior is that of population means and standard deviations, biases and coefficients; the
    population distribution of tasks and scorers given these is part of the model. With few tasks
    or scorers the posterior of their standard deviations is usually dominated by the prior, and
    with it the predictions for a new task.

    References
    ----------
    Kallioinen et al. (2024), Detecting and diagnosing prior and likelihood sensitivity with
    power-scaling.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> tree = bayes.fit(bayes.AccuracyModel(), load_example(), seed=1)
    >>> sensitivity = bayes.prior_sensitivity(tree)
    >>> bool(sensitivity.loc["logit_sd_task", "prior"] > 0.05)
    True
    """
    tree = require_posterior(tree)
    stats = tree["sample_stats"]
    if "log_prior" not in stats:
        raise MetaevalError(
            f"The posterior of the {read_attr(tree, 'model')} model does not include the log "
            "densities of its draws; prior_sensitivity is available for the models of accuracy "
            "(pooled), ties and calibration."
        )
    draws = tree["posterior"].to_dataset()[list(read_attr(tree, "checked"))]
    by_component = {
        name: power_scaling(draws, stats[f"log_{name}"].to_numpy())
        for name in ("prior", "likelihood")
    }
    frame = pd.DataFrame(
        {name: _by_quantity(distances) for name, distances in by_component.items()}
    )
    sensitive = frame > _SENSITIVITY_THRESHOLD
    conflict = np.where(sensitive["prior"] & sensitive["likelihood"], "conflict", "")
    return frame.assign(
        said=np.where(sensitive["prior"] & ~sensitive["likelihood"], "prior", conflict)
    )


def _by_quantity(dataset: xr.Dataset) -> dict[str, float]:
    """Return values by the name and coordinates of a quantity."""
    values: dict[str, float] = {}
    for name, variable in dataset.items():
        for index in np.ndindex(variable.shape):
            coordinates = [
                str(variable[d].to_numpy()[i]) for d, i in zip(variable.dims, index, strict=True)
            ]
            key = f"{name}[{', '.join(coordinates)}]" if coordinates else str(name)
            values[key] = float(variable.to_numpy()[index])
    return values


def compare_models(trees: Mapping[str, xr.DataTree]) -> pd.DataFrame:
    """Compare models of the same table by leave-one-unit-out cross-validation (PSIS-LOO).

    Parameters
    ----------
    trees : mapping of name to DataTree
        Posteriors returned by `fit`, for example of both forms of `TieModel`.

    Returns
    -------
    DataFrame
        One row per model, best first: `elpd` (the sum of expected log predictive densities of
        left-out units), `se`, `difference` from the best model and its standard error
        `difference_se`, `weight` (stacking), `worst_k` and `n_poor_k` (the largest Pareto k, and
        the number of units with k above 0.7, for which `elpd` is unreliable without a refit).

    Raises
    ------
    MetaevalError
        If the models were fitted to different data, or have no likelihood by unit.

    Notes
    -----
    A unit is an item or a cluster, as the rows of one item are dependent. Log densities of
    dependent rows are divided by the design effect, as in the fit, so that sums are on the scale
    of independent rows; they are then not proper densities, and stacking weights are less
    concentrated. For models of raters with different design effects, all are divided by the
    largest. Densities of several scorers are summed as if independent, so standard errors are then
    too small. A difference below about 4 does not support a choice.

    References
    ----------
    Vehtari, Gelman, Gabry (2017), Practical Bayesian model evaluation using leave-one-out
    cross-validation and WAIC. Yao et al. (2018), Using stacking to average Bayesian predictive
    distributions.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> table = load_example()
    >>> trees = {
    ...     form: bayes.fit(bayes.TieModel(form=form), table, scorers=["judge"], check=False)
    ...     for form in ("rao_kupper", "davidson")
    ... }
    >>> float(bayes.compare_models(trees)["weight"].sum().round(6))
    1.0
    """
    trees = {name: require_posterior(tree) for name, tree in trees.items()}
    if any(read_attr(tree, "model") == "accuracy" for tree in trees.values()):
        raise MetaevalError(
            "The accuracy model has no unit-level likelihood, which leave-one-out "
            "cross-validation needs; compare models of ties, calibration or raters."
        )
    if len({str(read_attr(tree, "data")) for tree in trees.values()}) != 1:
        raise MetaevalError(
            "Models must be fitted to the same rows, label, scorers and units; fit them to one "
            "table with the same arguments."
        )
    results = {name: _leave_one_out(tree) for name, tree in trees.items()}
    elpd = pd.concat([result["elpd_i"] for result in results.values()], axis=1).fillna(0).to_numpy()
    elpd = elpd * _effect_ratios(trees)
    best = elpd[:, elpd.sum(axis=0).argmax()]
    n = len(elpd)
    frame = pd.DataFrame(
        {
            "elpd": elpd.sum(axis=0),
            "se": np.sqrt(n * elpd.var(axis=0)),
            "difference": (elpd - best[:, None]).sum(axis=0),
            "difference_se": np.sqrt(n * (elpd - best[:, None]).var(axis=0)),
            "weight": stacked(elpd),
            "worst_k": [result["k"].max() for result in results.values()],
            "n_poor_k": [int((result["k"] > _MAX_PARETO_K).sum()) for result in results.values()],
        },
        index=pd.Index(list(results), name="model"),
    )
    return frame.sort_values("elpd", ascending=False)


def _effect_ratios(trees: Mapping[str, xr.DataTree]) -> Floats:
    """Return factors that rescale all log densities to the largest design effect: (model,)."""
    effects = np.stack([tree["constant_data"]["design_effect"] for tree in trees.values()])
    if effects.ndim > 1:  # by scorer and task; the same for all forms of a model
        return np.ones(len(effects))
    return np.asarray(effects / effects.max())


def _leave_one_out(tree: xr.DataTree) -> dict[str, Any]:
    """Return log predictive densities of left-out units, by name, and Pareto k."""
    log_likelihood = tree["log_likelihood"]["label"]
    n_draws = tree["posterior"].sizes["draw"]
    posterior = tree["posterior"].to_dataset()
    posterior = posterior.isel(draw=slice(None, None, -(-n_draws // log_likelihood.sizes["draw"])))
    n_kept = log_likelihood.sizes["draw"] * log_likelihood.sizes["chain"]
    if n_kept < _MIN_DRAWS:
        raise MetaevalError(
            f"PSIS-LOO needs the log likelihood of at least {_MIN_DRAWS} draws, got {n_kept}, "
            f"because the table has {log_likelihood.sizes['unit']} units; compare the models on "
            "fewer units with table.select(...)."
        )
    estimates: Any = loo(posterior, log_likelihood.to_numpy())
    pointwise = getattr(estimates, "elpd_i", None)
    values = estimates.loo_i if pointwise is None else pointwise
    density = pd.Series(np.asarray(values).reshape(-1), index=log_likelihood["unit"].to_numpy())
    return {"elpd_i": density, "k": np.asarray(estimates.pareto_k).reshape(-1)}


def stacked(log_density: Floats, n_steps: int = 2_000) -> Floats:
    """Compute stacking weights from log densities (unit, model): (model,).

    Maximizes the likelihood of the mixture by EM, whose steps stay in the simplex.
    """
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    weight = np.full(density.shape[1], 1 / density.shape[1])
    for _ in range(n_steps):
        mixed = density * weight
        weight = (mixed / mixed.sum(axis=1, keepdims=True)).mean(axis=0)
    return np.asarray(weight)
