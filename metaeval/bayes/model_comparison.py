"""How much a posterior owes to its priors, and how models compare on units left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from metaeval.bayes.datatree import loo, power_scaling, read_attr, require_posterior
from metaeval.core import Floats, MetaevalError

_SENSITIVITY_THRESHOLD = 0.05
_MAX_PARETO_K = 0.7
_MIN_DRAWS = 100  # draws


def prior_sensitivity(tree: xr.DataTree) -> pd.DataFrame:
    """How much each parameter moves with its priors, and with the likelihood: power scaling.

    Parameters
    ----------
    tree : DataTree
        What `fit` returned.

    Returns
    -------
    DataFrame
        A row for each quantity: `prior` and `likelihood`, the cumulative Jensen-Shannon distance
        that the posterior moves for each doubling of the power; `said`: "prior" where the prior
        matters and the likelihood does not (what is said there is the prior's), "conflict" where
        both do, else empty. Above .05 counts as much.

    Raises
    ------
    MetaevalError
        If the posterior keeps no densities (Gibbs draws).

    Notes
    -----
    The prior is that of population means and standard deviations, biases, coefficients; how
    tasks and scorers are pooled given these belongs to the model. Scales of few tasks or scorers
    are usually the prior's, and so is what is said of a new task.

    References
    ----------
    Kallioinen et al. (2024), Detecting and diagnosing prior and likelihood sensitivity with
    power-scaling.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> tree = bayes.fit(bayes.AccuracyModel(), load_example(), seed=1)
    >>> found = bayes.prior_sensitivity(tree)
    >>> bool(found.loc["logit_sd_task", "prior"] > 0.05)
    True
    """
    tree = require_posterior(tree)
    stats = tree["sample_stats"]
    if "log_prior" not in stats:
        raise MetaevalError(
            f"The posterior of {read_attr(tree, 'model')} keeps no densities of its draws; "
            "prior_sensitivity is for accuracy (pooled), ties and calibration."
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
    """Values by name and place."""
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
    """Models of the same table compared by leaving out units (items, clusters) one at a time.

    Parameters
    ----------
    trees : mapping of name to DataTree
        Posteriors of `fit`, such as those of ties with `form="rao_kupper"` and "davidson".

    Returns
    -------
    DataFrame
        A row for each model, the best first: `elpd` (expected log predictive density of a unit
        left out, summed), `se`, `difference` to the best and its standard error `difference_se`,
        `weight` (stacking), `worst_k` and `n_poor_k`: Pareto k of PSIS above .7, where the sum
        cannot be trusted and a refit without those units is needed.

    Raises
    ------
    MetaevalError
        If the models saw different tables.

    Notes
    -----
    Whole units are left out, as rows of one item depend on one another. Log densities of
    dependent rows are divided by the design effect, as in the fit, so that sums are on the scale
    of independent rows; they are no densities then, and weights are less sharp. Models of raters
    whose design effects differ are all divided by the largest. Scorers of a unit
    are added up as if independent: with several, standard errors are too small. A difference below
    about four is no reason to choose.

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
            "The accuracy model has no likelihood of single units to leave out; compare posteriors "
            "of ties, of calibration or of raters."
        )
    if len({str(read_attr(tree, "data")) for tree in trees.values()}) != 1:
        raise MetaevalError(
            "Models are compared on the same rows, label, scorers and units; fit them to one table "
            "with the same arguments."
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
    """What makes the log densities of models divided by the same design effects: (model,)."""
    effects = np.stack([tree["constant_data"]["design_effect"] for tree in trees.values()])
    if effects.ndim > 1:  # of cells, and the same in all forms of a model
        return np.ones(len(effects))
    return np.asarray(effects / effects.max())


def _leave_one_out(tree: xr.DataTree) -> dict[str, Any]:
    """Log predictive density of each unit left out, by its name, and Pareto k."""
    log_likelihood = tree["log_likelihood"]["label"]
    n_draws = tree["posterior"].sizes["draw"]
    posterior = tree["posterior"].to_dataset()
    posterior = posterior.isel(draw=slice(None, None, -(-n_draws // log_likelihood.sizes["draw"])))
    if log_likelihood.sizes["draw"] * log_likelihood.sizes["chain"] < _MIN_DRAWS:
        raise MetaevalError(
            f"{log_likelihood.sizes['unit']} units are too many: the log likelihood was kept of "
            f"{log_likelihood.sizes['draw'] * log_likelihood.sizes['chain']} draws only, and {_MIN_DRAWS} are needed. "
            "Compare the models on fewer units: table.select(...)."
        )
    estimates: Any = loo(posterior, log_likelihood.to_numpy())
    pointwise = getattr(estimates, "elpd_i", None)
    values = estimates.loo_i if pointwise is None else pointwise
    density = pd.Series(np.asarray(values).reshape(-1), index=log_likelihood["unit"].to_numpy())
    return {"elpd_i": density, "k": np.asarray(estimates.pareto_k).reshape(-1)}


def stacked(log_density: Floats, n_steps: int = 2_000) -> Floats:
    """Weights of models that make the mixture of their densities (unit, model) likeliest: (model,).

    Steps of expectation and maximization, which cannot leave the simplex.
    """
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    weight = np.full(density.shape[1], 1 / density.shape[1])
    for _ in range(n_steps):
        mixed = density * weight
        weight = (mixed / mixed.sum(axis=1, keepdims=True)).mean(axis=0)
    return np.asarray(weight)
