"""`posterior_predictive`: what a posterior expects, beside what was seen or at any margin."""

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
_MAX_DRAWS = 1_000


def posterior_predictive(
    tree: xr.DataTree, margins: Sequence[float] | None = None, *, confidence: float = 0.95
) -> pd.DataFrame:
    """What the model expects: beside what was seen, or of labels at given margins.

    Parameters
    ----------
    tree : DataTree
        What `fit` returned.
    margins : list of float, optional
        Of the models of ties and calibration: margins in units of the scores.
    confidence : float, default 0.95
        Probability inside the intervals.

    Returns
    -------
    DataFrame
        Without `margins` the posterior predictive check: for every quantity (accuracy in a task;
        agreement and tie rate among pairs of about the same margin; ties and agreement of raters)
        `observed`, and `predicted`, `lower`, `upper` of as many new items, and `p`, the share of
        replicates that are as far out (two-sided). With `margins`: rows of scorer, task, margin
        and outcome with `probability`, `lower`, `upper` (pointwise bands of the curve).

    Raises
    ------
    MetaevalError
        If the tree is not a posterior, or the model has no margins.

    Notes
    -----
    p near 0 says that the model does not make such data. It is conservative: the same data
    were used to fit. Among many rows some are small by chance.

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
    """Observed quantities beside predicted ones."""
    frames = []
    for name, observed in tree["observed_data"].data_vars.items():
        if name not in tree["posterior_predictive"]:
            continue  # values beside which other ones are reported
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
    """Names along a dimension, or numbers where there are none."""
    return list(variable[dim].to_numpy())


def _summarize_draws(draws: Any, quantile: float | None) -> Any:
    """Mean, or a quantile, of draws that have a value."""
    defined = np.isfinite(draws).any(axis=0)
    filled = np.where(defined, draws, 0.0)
    summary = (
        np.nanmean(filled, axis=0) if quantile is None else np.nanquantile(filled, quantile, axis=0)
    )
    return np.where(defined, summary, np.nan)


def _at_margins(tree: xr.DataTree, margins: Sequence[float], confidence: float) -> pd.DataFrame:
    """Probabilities of outcomes at margins."""
    if "scale" not in tree["constant_data"]:
        raise MetaevalError(
            f"The {tree.attrs['model']} model has no curve; margins= is for ties and calibration."
        )
    points = np.atleast_1d(numbers(margins, "margins"))
    shape = tree["posterior"].sizes["scorer"], tree["posterior"].sizes["task"], len(points)
    return curves_at(tree, np.broadcast_to(points, shape), confidence)


def curves_at(tree: xr.DataTree, margin: Floats, confidence: float) -> pd.DataFrame:
    """Probabilities of outcomes at margins (scorer, task, point) of a model that has curves."""
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
    """Shares of outcomes in groups of about the same margin, as seen and as predicted.

    Rows of scorer, task, group, margin (the mean of the group), outcome, observed, predicted,
    lower, upper; empty groups are left out.
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
    """Names of the rates that are observed: of agreement, and of ties where there are any."""
    return [n for n in ("agreement", "tie_rate") if n in tree["observed_data"]]


def _outcome_rates(agreement: Floats, tie_rate: Floats | None = None) -> Floats:
    """Shares of the outcomes, the first axis, from agreement of labels that take a side."""
    if tie_rate is None:
        return np.stack([1 - agreement, agreement])
    untied = np.where(tie_rate == 1, 0.0, 1 - tie_rate)
    agree = np.where(tie_rate == 1, 0.0, agreement)  # none takes a side
    return np.stack([untied - untied * agree, tie_rate, untied * agree])
