"""`posterior_predictive`: posterior predictive checks, and outcome probabilities at margins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from metaeval.bayes.datatree import flat_draws, require_posterior
from metaeval.bayes.margin_models.posterior_curves import outcome_log_probs
from metaeval.bayes.quantities import names_of
from metaeval.core import Floats, MetaevalError, check_fraction, numbers
from metaeval.resampling import tails

_OUTCOMES = {2: ("disagree", "agree"), 3: ("loss", "tie", "win")}
_MAX_DRAWS = 1_000  # for bands of curves: their quantiles are then within plotting accuracy


def posterior_predictive(
    tree: xr.DataTree, margins: Sequence[float] | None = None, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Compute a posterior predictive check, or outcome probabilities at given margins.

    Parameters
    ----------
    tree : DataTree
        A posterior returned by `fit`.
    margins : list of float, optional
        Margins in units of the scores, for models of ties and calibration.
    confidence : float, default 0.95
        Probability inside the intervals.

    Returns
    -------
    DataFrame
        Without `margins`, a posterior predictive check: for each quantity (accuracy in a task;
        agreement and tie rate among pairs of similar margin; tie rate and agreement of raters) the
        `observed` value, `predicted`, `lower` and `upper` for the same number of new items, and
        the two-sided posterior predictive p-value `p`. With `margins`, one row per scorer, task,
        margin and outcome with `probability`, `lower` and `upper` (a pointwise band).

    Raises
    ------
    MetaevalError
        If `tree` is not a posterior of `fit`, or the model has no margins.

    Notes
    -----
    A small p indicates misfit. Posterior predictive p-values are conservative, because the same
    data are used for the fit and the check, and are not adjusted for the number of rows.

    References
    ----------
    Gelman, Meng, Stern (1996), Posterior predictive assessment of model fitness.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> tree = bayes.fit(bayes.AccuracyModel(), load_example(), seed=1)
    >>> bayes.posterior_predictive(tree)["p"].between(0, 1).all()
    np.True_
    """
    check_fraction("confidence", confidence)
    tree = require_posterior(tree)
    return (
        _predictive_check(tree, confidence)
        if margins is None
        else _at_margins(tree, margins, confidence)
    )


def _predictive_check(tree: xr.DataTree, confidence: float) -> pd.DataFrame:
    """Return observed and predicted values of all quantities."""
    frames = []
    for name, observed in tree["observed_data"].data_vars.items():
        if name not in tree["posterior_predictive"]:
            continue  # shown only for comparison with derived quantities
        replicates = flat_draws(tree, str(name), "posterior_predictive")
        values = observed.to_numpy()
        with np.errstate(invalid="ignore"):
            tail_areas = (replicates >= values).mean(axis=0), (replicates <= values).mean(axis=0)
        columns = {
            "observed": values,
            "predicted": _summarize_draws(replicates, None),
            "lower": _summarize_draws(replicates, tails(confidence)[0, 0]),
            "upper": _summarize_draws(replicates, tails(confidence)[1, 0]),
            "p": np.minimum(2 * np.minimum(*tail_areas), 1.0),
        }
        index = pd.MultiIndex.from_product(
            [names_at(observed, d) for d in observed.dims], names=observed.dims
        )
        flat = {n: np.asarray(v).reshape(-1) for n, v in columns.items()}
        frame = pd.DataFrame(flat, index=index).reset_index()
        frames.append(frame.assign(quantity=name)[["quantity", *frame.columns]])
    checks = pd.concat(frames, ignore_index=True)
    return checks[checks["observed"].notna() & checks["predicted"].notna()].reset_index(drop=True)


def names_at(variable: xr.DataArray, dim: Any) -> list[Any]:
    """Return coordinates along a dimension, or positions if it has none."""
    return list(variable[dim].to_numpy())


def _summarize_draws(draws: Any, quantile: float | None) -> Any:
    """Return the mean or a quantile of finite draws; NaN where there are none."""
    defined = np.isfinite(draws).any(axis=0)
    filled = np.where(defined, draws, 0.0)
    summary = (
        np.nanmean(filled, axis=0) if quantile is None else np.nanquantile(filled, quantile, axis=0)
    )
    return np.where(defined, summary, np.nan)


def _at_margins(tree: xr.DataTree, margins: Sequence[float], confidence: float) -> pd.DataFrame:
    """Return outcome probabilities at margins shared by all scorers and tasks."""
    if "scale" not in tree["constant_data"]:
        raise MetaevalError(
            f"The {tree.attrs['model']} model has no margins; margins= is available for the models "
            "of ties and calibration only."
        )
    points = np.atleast_1d(numbers(margins, "margins"))
    shape = tree["posterior"].sizes["scorer"], tree["posterior"].sizes["task"], len(points)
    return curves_at(tree, np.broadcast_to(points, shape), confidence)


def curves_at(tree: xr.DataTree, margin: Floats, confidence: float) -> pd.DataFrame:
    """Return outcome probabilities with bands at margins (scorer, task, point)."""
    names, tasks = names_of(tree, "scorer"), names_of(tree, "task")
    step = max(1, tree["posterior"].sizes["draw"] * tree["posterior"].sizes["chain"] // _MAX_DRAWS)
    probability = np.exp(outcome_log_probs(tree, margin, step))
    probability = probability.reshape(-1, *probability.shape[2:])
    bounds = np.quantile(probability, tails(confidence)[:, 0], axis=0)
    outcomes = _OUTCOMES[probability.shape[-1]]
    index = pd.MultiIndex.from_product(
        [names, tasks, range(margin.shape[-1]), outcomes],
        names=["scorer", "task", "margin", "outcome"],
    )
    values = {"probability": probability.mean(axis=0), "lower": bounds[0], "upper": bounds[1]}
    frame = pd.DataFrame({n: v.reshape(-1) for n, v in values.items()}, index=index).reset_index()
    return frame.assign(margin=np.repeat(margin.reshape(-1), len(outcomes)))


def outcome_rates(tree: xr.DataTree, confidence: float) -> pd.DataFrame:
    """Return observed and predicted proportions of outcomes in groups of similar margin.

    Columns scorer, task, group, margin (the mean of the group), outcome, observed, predicted,
    lower and upper; empty groups are dropped.
    """
    observed = _outcome_rates(*(tree["observed_data"][n].to_numpy() for n in _rate_names(tree)))
    replicates = _outcome_rates(
        *(flat_draws(tree, n, "posterior_predictive") for n in _rate_names(tree))
    )
    margin = tree["constant_data"]["group_margin"].to_numpy()
    outcomes = _OUTCOMES[len(observed)]
    names, tasks = names_of(tree, "scorer"), names_of(tree, "task")
    index = pd.MultiIndex.from_product(
        [outcomes, names, tasks, range(margin.shape[-1])],
        names=["outcome", "scorer", "task", "group"],
    )
    columns = {
        "margin": np.broadcast_to(margin, observed.shape),
        "observed": observed,
        "predicted": _summarize_draws(replicates.swapaxes(0, 1), None),
        "lower": _summarize_draws(replicates.swapaxes(0, 1), tails(confidence)[0, 0]),
        "upper": _summarize_draws(replicates.swapaxes(0, 1), tails(confidence)[1, 0]),
    }
    flat = pd.DataFrame({n: v.reshape(-1) for n, v in columns.items()}, index=index).reset_index()
    defined = flat["observed"].notna() & flat["predicted"].notna()
    return flat[defined].reset_index(drop=True)


def _rate_names(tree: xr.DataTree) -> list[str]:
    """Return names of the observed rates: agreement, and the tie rate of models with ties."""
    return [n for n in ("agreement", "tie_rate") if n in tree["observed_data"]]


def _outcome_rates(agreement: Floats, tie_rate: Floats | None = None) -> Floats:
    """Return proportions of outcomes (first axis) from the agreement of non-tied labels."""
    if tie_rate is None:
        return np.stack([1 - agreement, agreement])
    untied = np.where(tie_rate == 1, 0.0, 1 - tie_rate)
    agree = np.where(tie_rate == 1, 0.0, agreement)  # undefined: there are no non-tied labels
    return np.stack([untied - untied * agree, tie_rate, untied * agree])
