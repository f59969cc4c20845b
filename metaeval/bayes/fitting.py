"""`fit`: from a model and a table to a posterior that passed convergence diagnostics."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from metaeval.bayes.accuracy_model.model import AccuracyModel
from metaeval.bayes.convergence_checks import converged, failures, require_passed
from metaeval.bayes.datatree import for_arviz, make_tree, to_dataset
from metaeval.bayes.log_probs import TOTAL
from metaeval.bayes.margin_models.models import CalibrationModel, TieModel
from metaeval.bayes.model_interface import Model, ModelData, Sites
from metaeval.bayes.provenance import posterior_attrs
from metaeval.bayes.rater_models.model import RaterModel
from metaeval.bayes.sampling.nuts import ChainDraws, Settings
from metaeval.core import Floats, MetaevalError, check_fraction, check_integer, require_known
from metaeval.inference import DesignOptions
from metaeval.tables import Table

MODELS: Mapping[str, type[Model]] = {
    model.name: model for model in (AccuracyModel, TieModel, CalibrationModel, RaterModel)
}
# Values of the log likelihood (draw, unit) that are kept, 40 MB: PSIS-LOO needs fewer draws than
# summaries do.
MAX_LOG_LIKELIHOODS = 5_000_000


def fit(
    model: Model | type[Model] | str,
    table: Table,
    *,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    n_chains: int = 4,
    n_warmup: int | None = None,
    n_draws: int | None = None,
    target_accept: float | None = None,
    seed: int = 0,
    check: bool = True,
) -> Any:
    """Draw from the posterior of a model of scorers and labels.

    Parameters
    ----------
    model : AccuracyModel, TieModel, CalibrationModel or RaterModel
        A model such as `bayes.TieModel(form="davidson")`. A class, or its name ("accuracy",
        "ties", "calibration", "raters"), means the model with default options.
    table : Responses or Pairs
    label, scorers, resample, missing
        As in `metaeval.evaluate`.
    by : str, optional
        Column whose values are partially pooled; by default `task` if the table has it.
    n_chains : int, default 4
    n_warmup : int, optional
        Warm-up steps of each chain of NUTS: 500, or 300 for models with over 150 parameters.
    n_draws : int, optional
        Draws of each chain. By default 500 (750 for models with over 150 parameters), doubled
        until R-hat and effective sizes pass, up to 8 000.
    target_accept : float, optional
        Target acceptance probability of NUTS, by default 0.9 (0.8 for models with over 150
        parameters). Higher values give smaller, slower steps and fewer divergences.
    seed : int, default 0
    check : bool, default True
        Raise an error if the posterior fails convergence diagnostics (`bayes.diagnose`). If
        False, it is returned anyway, and every row of `bayes.summarize` is flagged.

    Returns
    -------
    DataTree, or InferenceData where ArviZ is older than 1.0
        The container of the installed ArviZ. Groups `posterior` (dims `chain`, `draw`, then
        `scorer`, `task`, `rater`), `posterior_predictive`, `log_likelihood` (by `unit`: items, or
        declared clusters, with at least one informative row), `sample_stats`, `observed_data`,
        `constant_data`. The attributes hold the signature.

    Raises
    ------
    MetaevalError
        If data or arguments are invalid, or a diagnostic fails; the message says how to fix it.

    Notes
    -----
    Draws are determined by the seed and the number of chains. The first fit for data of a given
    shape compiles the model (seconds); compiled models are kept in the user's cache folder unless
    the environment variable `METAEVAL_CACHE` is 0.

    References
    ----------
    Hoffman, Gelman (2014), The No-U-Turn Sampler. Phan, Pradhan, Jankowiak (2019), Composable
    effects for flexible and accelerated probabilistic programming in NumPyro.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> tree = bayes.fit(bayes.AccuracyModel(), load_example(), scorers=["judge", "lexical"])
    >>> bayes.summarize(tree, "accuracy").row("judge")["scorer"]
    'judge'
    """
    instance = _as_model(model)
    settings = _settings(n_chains, n_warmup, n_draws, target_accept, seed)
    options = DesignOptions(label=label, scorers=scorers, by=by, resample=resample, missing=missing)
    data = instance.prepare(table, options)
    sampled = instance.draw(data, settings, functools.partial(_has_converged, data))
    tree = _build_tree(instance.name, table, data, sampled, settings, options)
    failed = failures(tree)
    if check:
        require_passed(failed)
    tree.attrs["failed"] = "; ".join(failed)
    return for_arviz(tree)


def _as_model(model: Any) -> Model:
    """Return the model; a class or name means the model with default options."""
    if isinstance(model, str):
        require_known("model", model, list(MODELS))
        return MODELS[model]()
    classes = tuple(MODELS.values())
    if isinstance(model, classes):
        return model
    if isinstance(model, type) and issubclass(model, classes):
        return model()
    names = ", ".join(f"bayes.{model_class.__name__}()" for model_class in classes)
    raise MetaevalError(f"model={model!r} is not a model; expected one of {names}.")


def _has_converged(data: ModelData, sampled: ChainDraws) -> bool:
    return converged([sampled.sites[name] for name in checked_sites(data, sampled.sites)])


def checked_sites(data: ModelData, sites: Sites) -> list[str]:
    """Return names of the sites whose convergence is checked."""
    return [n for n in data.dims if n in sites and n not in data.derived]


def _settings(
    n_chains: int,
    n_warmup: int | None,
    n_draws: int | None,
    target_accept: float | None,
    seed: int,
) -> Settings:
    return Settings(
        n_chains=check_integer("n_chains", n_chains, 1),
        n_warmup=None if n_warmup is None else check_integer("n_warmup", n_warmup, 10),
        n_draws=None if n_draws is None else check_integer("n_draws", n_draws, 10),
        target_accept=(
            None if target_accept is None else check_fraction("target_accept", target_accept)
        ),
        seed=check_integer("seed", seed, 0),
    )


def _build_tree(
    name: str,
    table: Table,
    data: ModelData,
    sampled: ChainDraws,
    settings: Settings,
    options: DesignOptions,
) -> xr.DataTree:
    """Return all groups of a fit in one tree."""
    rng = np.random.default_rng([settings.seed, 1])
    variables = {n: (dims, sampled.sites[n]) for n, dims in data.dims.items() if n in sampled.sites}
    derived = data.derived_draws(sampled.sites, rng)
    stats = {n: ((), v) for n, v in sampled.stats.items()}
    if data.log_prior is not None:
        stats["log_prior"] = ((), data.log_prior(sampled.sites, derived))
        stats[TOTAL] = ((), sampled.sites[TOTAL])
    likelihood = _thinned_log_likelihood(data, sampled.sites)
    constant = {**data.constant, **data.derived_constants(sampled.sites)}
    groups = {
        "posterior": to_dataset({**variables, **derived}, data.coords),
        "posterior_predictive": to_dataset(data.predict(sampled.sites, rng), data.coords),
        "log_likelihood": _drop_empty_units(
            to_dataset({"label": (("unit",), likelihood)}, data.coords)
        ),
        "sample_stats": to_dataset(stats, {}),
        "observed_data": to_dataset(data.observed, data.coords, has_draws=False),
        "constant_data": to_dataset(constant, data.coords, has_draws=False),
    }
    attrs = posterior_attrs(name, table, data, _n_draws(sampled), settings.seed, options)
    attrs |= {"checked": checked_sites(data, sampled.sites), "halved": str(sampled.halved)}
    return make_tree(groups, attrs)


def _thinned_log_likelihood(data: ModelData, sites: Sites) -> Floats:
    """Compute the log likelihood by unit, of evenly spaced draws if there are many units."""
    n_units = max(len(data.coords["unit"]), 1)
    chains, draws = next(iter(sites.values())).shape[:2]
    step = -(-chains * draws * n_units // MAX_LOG_LIKELIHOODS)
    return data.log_likelihood({n: v[:, ::step] for n, v in sites.items()})


def _drop_empty_units(likelihood: xr.Dataset) -> xr.Dataset:
    """Drop units without an informative row, such as units of tied labels in calibration."""
    informative = (likelihood["label"] != 0).any(("chain", "draw")).to_numpy()
    return likelihood.isel(unit=np.flatnonzero(informative)) if informative.any() else likelihood


def _n_draws(sampled: ChainDraws) -> int:
    """Return the number of draws of all chains."""
    return int(np.prod(next(iter(sampled.sites.values())).shape[:2]))
