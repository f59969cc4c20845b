"""`fit`: from a model and a table to a posterior that passed its gates."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from metaeval.bayes.accuracy_model import data as accuracy_data, model as accuracy_model
from metaeval.bayes.convergence_checks import converged, failures, require_passed
from metaeval.bayes.datatree import for_arviz, group, tree_of
from metaeval.bayes.log_probs import TOTAL
from metaeval.bayes.margin_models import data as margin_data, models as margin_models
from metaeval.bayes.model_data import Prepared, Sites
from metaeval.bayes.provenance import described
from metaeval.bayes.rater_models import data as rater_data, gibbs, models as rater_models
from metaeval.bayes.sampling.nuts import Sampled, Settings, sample
from metaeval.core import Floats, MetaevalError, check_fraction, check_whole, listed, near_miss
from metaeval.tables import Table

_SHARED = ("label", "scorers", "by", "resample", "missing")
MOST_LIKELIHOODS = 5_000_000  # numbers of the log likelihood that are kept


class Recipe(NamedTuple):
    """How a table becomes the arguments of a model, and how its posterior is drawn."""

    prepare: Callable[..., Prepared]
    draw: Callable[[Callable[..., None], Prepared, Settings], Sampled]


def _nuts(model: Callable[..., None], prepared: Prepared, settings: Settings) -> Sampled:
    enough = functools.partial(_enough, prepared)
    return sample(model, prepared.arrays, prepared.options, settings, enough)


def _gibbs(model: Callable[..., None], prepared: Prepared, settings: Settings) -> Sampled:
    """Conjugate steps, where the form of the model has them."""
    options = dict(prepared.options)
    if options["form"] == "ordinal" or "covariates" in prepared.arrays:
        return _nuts(model, prepared, settings)
    enough = functools.partial(_enough, prepared)
    return gibbs.sample(prepared.arrays, options["ordered"], settings, enough)


def _enough(prepared: Prepared, drawn: Sampled) -> bool:
    return converged([drawn.sites[name] for name in checked_sites(prepared, drawn.sites)])


def checked_sites(prepared: Prepared, sites: Sites) -> list[str]:
    """Names of the sites that are looked at for convergence."""
    return [n for n in prepared.dims if n in sites and n not in prepared.derived]


RECIPES: Mapping[Callable[..., None], Recipe] = {
    accuracy_model.accuracy: Recipe(accuracy_data.prepared, _nuts),
    margin_models.ties: Recipe(margin_data.prepared_ties, _nuts),
    margin_models.calibration: Recipe(margin_data.prepared_calibration, _nuts),
    rater_models.raters: Recipe(rater_data.prepared, _gibbs),
}


def fit(
    model: Callable[..., None] | str,
    table: Table,
    *,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    chains: int = 4,
    warmup: int | None = None,
    draws: int | None = None,
    target_accept: float | None = None,
    seed: int = 0,
    check: bool = True,
    **options: Any,
) -> Any:
    """Posterior of a model of scorers and labels, from a table.

    Parameters
    ----------
    model : callable or str
        `bayes.accuracy`, `bayes.ties`, `bayes.calibration` or `bayes.raters`, or its name.
    table : Responses or Pairs
    label, scorers, resample, missing
        As in `metaeval.evaluate`.
    by : str, optional
        Column of the items that is pooled over; `task` where the table has one.
    chains : int, default 4
    warmup : int, optional
        Steps that adapt each chain of NUTS: 500, or 300 where parameters are many (above 150).
    draws : int, optional
        Steps of each chain that are kept: by default 500 (750), doubled until the gates of
        convergence are passed, 8 000 at most.
    target_accept : float, optional
        .9 (.8 where parameters are many). Higher: smaller, safer, slower steps.
    seed : int, default 0
    check : bool, default True
        Refuse a posterior that fails a gate (`bayes.diagnose`). Without it the tree comes all the
        same, and every row of `bayes.summarize` says that it failed.
    **options
        What the model takes besides; see its docstring.

    Returns
    -------
    DataTree, or InferenceData where ArviZ is older than 1.0
        What the ArviZ that is installed takes. Groups `posterior` (dims `chain`, `draw`, then
        `scorer`, `task`, `rater`), `posterior_predictive`, `log_likelihood` (by `unit` that has a
        case: item, or cluster where declared),
        `sample_stats`, `observed_data`, `constant_data`. Its attributes hold the signature.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable, or a gate fails; the message names the cure.

    Notes
    -----
    Deterministic by seed and number of chains. The first fit of a shape of data compiles the model
    (seconds); compiled models are kept in the user's cache folder, unless `METAEVAL_CACHE` is 0.

    References
    ----------
    Hoffman, Gelman (2014), The No-U-Turn Sampler. Phan, Pradhan, Jankowiak (2019), Composable
    effects for flexible and accelerated probabilistic programming in NumPyro.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> tree = bayes.fit("accuracy", load_example(), scorers=["judge", "lexical"])
    >>> bayes.summarize(tree, "accuracy").row("judge")["scorer"]
    'judge'
    """
    function = _known(model)
    settings = _settings(chains, warmup, draws, target_accept, seed)
    asked = {"label": label, "scorers": scorers, "resample": resample, "missing": missing}
    recipe = RECIPES[function]
    _check_options(function.__name__, recipe, options)
    prepared = recipe.prepare(table, by=by, **asked, **options)
    drawn = recipe.draw(function, prepared, settings)
    tree = _tree(function.__name__, table, prepared, drawn, settings, asked)
    failed = failures(tree)
    if check:
        require_passed(failed)
    tree.attrs["failed"] = "; ".join(failed)
    return for_arviz(tree)


def _known(model: Any) -> Callable[..., None]:
    """The model that is meant."""
    names = {function.__name__: function for function in RECIPES}
    name = model if isinstance(model, str) else getattr(model, "__name__", repr(model))
    if name not in names or not (isinstance(model, str) or model is names[name]):
        raise MetaevalError(
            f"There is no model {name!r}; there are {', '.join(f'bayes.{n}' for n in names)}."
            f"{near_miss(name, names)}"
        )
    return names[name]


def _check_options(name: str, recipe: Recipe, options: Mapping[str, Any]) -> None:
    """Refuse what the model does not take."""
    known = [
        n
        for n, parameter in inspect.signature(recipe.prepare).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and n not in _SHARED
    ]
    for option in options:
        if option not in known:
            raise MetaevalError(
                f"bayes.{name} does not take {option}; it takes {listed(known)}."
                f"{near_miss(option, known)}"
            )


def _settings(
    chains: int, warmup: int | None, draws: int | None, target: float | None, seed: int
) -> Settings:
    return Settings(
        check_whole("chains", chains, 1),
        None if warmup is None else check_whole("warmup", warmup, 10),
        None if draws is None else check_whole("draws", draws, 10),
        None if target is None else check_fraction("target_accept", target),
        check_whole("seed", seed, 0),
    )


def _tree(
    name: str,
    table: Table,
    prepared: Prepared,
    drawn: Sampled,
    settings: Settings,
    asked: Mapping[str, Any],
) -> xr.DataTree:
    """Everything of a fit in one tree."""
    rng = np.random.default_rng([settings.seed, 1])
    kept = {n: (dims, drawn.sites[n]) for n, dims in prepared.dims.items() if n in drawn.sites}
    more = prepared.more(drawn.sites, rng)
    stats = {n: ((), v) for n, v in drawn.stats.items()}
    if prepared.log_prior is not None:
        stats["log_prior"] = ((), prepared.log_prior(drawn.sites, more))
        stats[TOTAL] = ((), drawn.sites[TOTAL])
    likelihood = _likelihood(prepared, drawn.sites)
    constant = {**prepared.constant, **(prepared.after(drawn.sites) if prepared.after else {})}
    groups = {
        "posterior": group({**kept, **more}, prepared.coords),
        "posterior_predictive": group(prepared.predict(drawn.sites, rng), prepared.coords),
        "log_likelihood": _with_cases(group({"label": (("unit",), likelihood)}, prepared.coords)),
        "sample_stats": group(stats, {}),
        "observed_data": group(prepared.observed, prepared.coords, drawn=False),
        "constant_data": group(constant, prepared.coords, drawn=False),
    }
    attrs = described(name, table, prepared, _n_draws(drawn), settings.seed, asked)
    attrs |= {"checked": checked_sites(prepared, drawn.sites), "halved": str(drawn.halved)}
    return tree_of(groups, attrs)


def _likelihood(prepared: Prepared, sites: Sites) -> Floats:
    """Log likelihood by unit, of evenly spaced draws where there are many units."""
    n_units = max(len(prepared.coords["unit"]), 1)
    chains, draws = next(iter(sites.values())).shape[:2]
    step = -(-chains * draws * n_units // MOST_LIKELIHOODS)
    return prepared.log_likelihood({n: v[:, ::step] for n, v in sites.items()})


def _with_cases(likelihood: xr.Dataset) -> xr.Dataset:
    """Without the units of which no row tells anything, such as ties where only wins count."""
    kept = (likelihood["label"] != 0).any(("chain", "draw")).to_numpy()
    return likelihood.isel(unit=np.flatnonzero(kept)) if kept.any() else likelihood


def _n_draws(drawn: Sampled) -> int:
    """Draws of all chains."""
    return int(np.prod(next(iter(drawn.sites.values())).shape[:2]))
