"""Accuracies of scorers in tasks, with their standard errors and correlations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from metaeval.bayes.accuracy_model.covariates import (
    CovariateCells,
    TaskSummary,
    covariate_cells,
    one_cell_per_task,
)
from metaeval.bayes.accuracy_model.density import LOGIT
from metaeval.bayes.design import (
    PRIOR_UNITS,
    covariate_names,
    leverage_warnings,
    make_model_design,
    unit_names,
)
from metaeval.bayes.hierarchy.priors import (
    SD_COEFFICIENT,
    Centering,
    draw_population,
    log_prior,
    two_way_centerings,
)
from metaeval.bayes.model_interface import ModelData, NamedArrays, Sites
from metaeval.core import ROUNDOFF, Floats, MetaevalError, join_names
from metaeval.curves import expit
from metaeval.inference import (
    Design,
    DesignOptions,
    Resampling,
    Stratum,
    as_rows_for,
    choose_statistics,
    estimate_strata,
)
from metaeval.statistics import Statistic, SumStatistic, only_label, pairwise_accuracy, sum_by
from metaeval.tables import Table

# For tuned statistics; this many replicates give standard errors to within about 2%.
_RESAMPLES = Resampling(2_000, 0)
_MIN_UNITS = 30  # the normal approximation of correlated accuracies is poor below


def accuracy_data(
    table: Table,
    options: DesignOptions,
    *,
    statistic: Statistic | str | None,
    pool: bool,
    covariates: Sequence[str],
) -> ModelData:
    """Return the data of the accuracy model."""
    design, by = make_model_design(table, options)
    accuracy = _choose_accuracy(design.table, statistic)
    names = covariate_names(design.table, covariates)
    summaries = [_task_summary(accuracy, design, stratum) for stratum in design.strata]
    trials, correlation = effective_counts(summaries)[1], correlations(summaries)
    tasks = [stratum.name or "all" for stratum in design.strata]
    cells = covariate_cells(design, summaries, names) if names else one_cell_per_task(summaries)
    dims: dict[str, tuple[str, ...]] = {
        "logit": ("scorer", "task"),
        "accuracy": ("scorer", "task"),
        **dict.fromkeys(LOGIT.sd_sites, ()),
        "coefficient": ("scorer", "covariate"),
    }
    observed = np.stack([s.mean for s in summaries], axis=1)
    return ModelData(
        arrays=model_arrays(cells, summaries),
        options=(("pool", pool),),
        dims=dims,
        coords={
            "scorer": design.scorers,
            "task": tasks,
            "unit": [u for s in cells.summaries for u in s.units],
            "covariate": names,
        },
        observed={"accuracy_observed": (("scorer", "task"), observed)},
        constant={
            "effective_trials": (("scorer", "task"), trials),
            "correlation": (("task", "scorer", "other"), correlation),
        },
        design=design,
        by=by,
        estimand=accuracy.estimand,
        name_options={"statistic": accuracy.name}
        | ({} if pool else {"pool": False})
        | ({"covariates": "+".join(names)} if names else {}),
        derived=("accuracy",),
        notes=[],
        warnings=_data_warnings(summaries, observed, design, tasks)
        + leverage_warnings(design.table, names),
        derived_draws=population_draws if pool else lambda sites, rng: {},
        predict=lambda sites, rng: _predict_accuracy(cells, sites, trials, correlation, rng),
        log_likelihood=lambda sites: _log_likelihood(cells, sites),
        log_prior=_log_prior if pool else None,
    )


def _choose_accuracy(table: Table, statistic: Statistic | str | None) -> Statistic:
    """Return the modeled accuracy, by default the one that suits the labels."""
    statistics = choose_statistics(table, statistic)[0]
    if statistic is None and not (statistics[0].is_accuracy and len(statistics) == 1):
        statistics = [pairwise_accuracy("half")]
    if len(statistics) != 1 or not statistics[0].is_accuracy or not statistics[0].has_contributions:
        names = ", ".join(s.name for s in statistics)
        raise MetaevalError(
            f"The accuracy model needs exactly one accuracy statistic over items, got {names}; use "
            "pairwise_accuracy, tie_calibrated_accuracy or best_of_n."
        )
    return statistics[0]


def _task_summary(statistic: Any, design: Design, stratum: Stratum) -> TaskSummary:
    """Summarize one task by the accuracies of its units and their covariance."""
    table = as_rows_for(statistic, stratum.table)
    unit, n = stratum.unit_of_items(table), len(stratum.units)
    credit = sum_by(statistic.contributions(table), unit, n)
    item_weights = statistic.item_shares(table)
    if item_weights is not None:
        weight = sum_by(item_weights, unit, n)
    else:
        size = sum_by(statistic.terms(table)[:, 0, 1], unit, n)
        weight = size / size.sum()
    mask = weight > 0
    value, weight = credit[mask] / weight[mask, None], weight[mask]
    task_design = replace(design, strata=(stratum,))
    names = unit_names(stratum)
    position = np.flatnonzero(mask)
    covariance = _covariance(statistic, task_design, value, weight)
    return TaskSummary(
        value=value,
        weight=weight,
        covariance=covariance,
        units=[names[u] for u in position],
        position=position,
    )


def _covariance(statistic: Any, design: Design, value: Floats, weight: Floats) -> Floats:
    """Compute the covariance of the accuracies of one task: (scorer, scorer)."""
    if isinstance(statistic, SumStatistic):
        influence = weight[:, None] * (value - weight @ value)
        covariance = influence.T @ influence
    else:  # contributions do not show the variation of a threshold tuned on the items
        draws = estimate_strata(design, statistic, _RESAMPLES)[0].draws
        covariance = np.atleast_2d(np.cov(np.nan_to_num(draws.T)))
    binomial = np.isin(value, (0, 1)).all() and np.ptp(weight) == 0
    if not binomial and len(weight) > 1:  # a binomial variance needs no degrees of freedom
        covariance *= len(weight) / (len(weight) - 1)
    return covariance


def model_arrays(cells: CovariateCells, summaries: Sequence[TaskSummary]) -> dict[str, Any]:
    """Return the arguments of the model from cells and tasks."""
    right, trials = effective_counts(cells.summaries)
    arrays = {
        "right": right,
        "trials": trials,
        "precision": np.linalg.inv(correlations(cells.with_covariance_within(summaries)))[
            cells.task
        ],
        "centerings": accuracy_centerings(*effective_counts(summaries), correlations(summaries)),
    }
    if len(cells.covariates):
        arrays |= {"task": cells.task, "covariates": cells.covariates}
    return arrays


def effective_counts(summaries: Sequence[TaskSummary]) -> tuple[Floats, Floats]:
    """Compute effective numbers of correct decisions and of trials: (scorer, task) each.

    With one decision per unit these are the counts. Otherwise the number of trials is the binomial
    variance over that of the estimate, both shrunk to their means over tasks and scorers.
    """
    mean = np.stack([s.mean for s in summaries], axis=1)
    units = np.array([1 / np.square(s.weight).sum() for s in summaries])
    variance = np.stack([np.diag(s.covariance) for s in summaries], axis=1) * units
    binomial = mean * (1 - mean)
    smoothed_variance, smoothed_binomial = (
        units * values
        + PRIOR_UNITS * (_mean_over_tasks(values, units) + _grand_mean(values, units) + ROUNDOFF)
        for values in (variance, binomial)
    )
    trials = units * smoothed_binomial / smoothed_variance
    return mean * trials, trials


def _mean_over_tasks(values: Floats, units: Floats) -> Floats:
    """Return means over tasks: (scorer, 1)."""
    return np.asarray(values @ units / units.sum())[:, None]


def _grand_mean(values: Floats, units: Floats) -> float:
    """Return the mean over tasks and scorers."""
    return float(_mean_over_tasks(values, units).mean())


def correlations(summaries: Sequence[TaskSummary]) -> Floats:
    """Compute shrunken correlations of the scorers' accuracies: (task, scorer, scorer).

    Positive definite: each task is shrunk to the mean over tasks, and that to a common correlation
    of all scorers, as if each target had been observed in one unit more than there are scorers.
    """
    k = summaries[0].value.shape[1]
    units = np.array([len(s.weight) for s in summaries])
    by_task = np.stack([_as_correlation(s.covariance) for s in summaries])
    mean = np.einsum("t,tkl->kl", units / units.sum(), by_task)
    off_diagonal = ~np.eye(k, dtype=bool)
    common = np.where(off_diagonal, mean[off_diagonal].mean() if k > 1 else 0.0, 1.0)
    common = 0.95 * common + 0.05 * np.eye(k)  # positive definite if all scorers agree
    pooled = (units.sum() * mean + (k + 1) * common) / (units.sum() + k + 1)
    weight = (units / (units + k + 1))[:, None, None]
    return weight * by_task + (1 - weight) * pooled


def _as_correlation(covariance: Floats) -> Floats:
    """Return the correlation matrix; constant scorers are uncorrelated with all others."""
    sd = np.sqrt(np.diag(covariance))
    scale = np.where(sd > 0, 1 / np.where(sd > 0, sd, 1.0), 0.0)
    correlation = covariance * scale[:, None] * scale[None]
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation)


def accuracy_centerings(right: Floats, trials: Floats, correlation: Floats) -> dict[str, Centering]:
    """Return centerings of the effects of tasks, of scorers and of their interaction."""
    proportion = (right + 0.5) / (trials + 1)
    standard_error = 1 / np.sqrt(trials * proportion * (1 - proportion)).T  # (task, scorer)
    return two_way_centerings(
        np.log(proportion / (1 - proportion)),
        correlation * standard_error[:, :, None] * standard_error[:, None],
    )


def _data_warnings(
    summaries: Sequence[TaskSummary], mean: Floats, design: Design, tasks: Sequence[str]
) -> list[str]:
    """Warn of tasks with few units and of scorers that look degenerate or reversed."""
    small_tasks = [t for t, s in zip(tasks, summaries, strict=True) if len(s.weight) < _MIN_UNITS]
    warnings = []
    if small_tasks:
        warnings.append(
            f"fewer than {_MIN_UNITS} units in {join_names(small_tasks, 5)}: the likelihood is "
            "approximate, and intervals may be too narrow"
        )
    net = _net_agreement(design.table)
    for m, name in enumerate(design.scorers):
        if (mean[m] == 1).all():
            warnings.append(f"{name} is always correct")
        elif not design.table.scores[name].to_numpy().any():
            warnings.append(f"{name} ties the responses of every pair")
        elif net[m] == 0:
            warnings.append(f"{name} is correct as often as it is wrong")
        elif net[m] < 0:
            warnings.append(
                f"{name} has below-chance accuracy; if lower scores are better, read the table "
                "with lower_is_better="
            )
    return warnings


def _net_agreement(table: Table) -> Floats:
    """Return correct minus wrong decisions of each scorer on non-tied labels: (scorer,)."""
    pairs = table.pairs()
    label = np.sign(only_label(pairs))
    return np.asarray(np.nansum(np.sign(pairs.scores.to_numpy()) * label[:, None], axis=0))


def population_draws(sites: Sites, rng: Generator) -> NamedArrays:
    """Draw population means, and the accuracy in a new task."""
    population = draw_population(LOGIT, sites, rng)
    arrays: dict[str, Any] = {"logit_mean": ((), population.mean)}
    arrays["logit_scorer"] = (("scorer",), population.scorer)
    return (
        arrays
        if population.new is None
        else arrays | {"accuracy_new": (("scorer",), expit(population.new))}
    )


def _log_prior(sites: Sites, derived: NamedArrays) -> Floats:
    """Compute the log prior density of population parameters and coefficients."""
    density = log_prior(LOGIT, sites, derived["logit_mean"][1])
    if "coefficient" in sites:
        density = density - np.square(sites["coefficient"] / SD_COEFFICIENT).sum(axis=(-2, -1)) / 2
    return density


def _predict_accuracy(
    cells: CovariateCells, sites: Sites, trials: Floats, correlation: Floats, rng: Generator
) -> NamedArrays:
    """Draw accuracies observed in the same number of items: normal, clipped to 0 and 1."""
    p = expit(cells.logits(sites)) @ cells.weight.T
    factor = np.linalg.cholesky(correlation)
    z = np.einsum("tkl,...lt->...kt", factor, rng.standard_normal(p.shape))
    observed = np.clip(p + z * np.sqrt(p * (1 - p) / trials), 0, 1)
    return {"accuracy_observed": (("scorer", "task"), observed)}


def _log_likelihood(cells: CovariateCells, sites: Sites) -> Floats:
    """Compute log likelihoods by unit, summed over scorers: (chain, draw, unit)."""
    z = cells.logits(sites)
    parts = []
    for c, s in enumerate(cells.summaries):
        logits = z[..., c]
        log_right, log_wrong = -np.logaddexp(0, -logits), -np.logaddexp(0, logits)
        parts.append(log_right @ s.value.T + log_wrong @ (1 - s.value).T)
    return np.concatenate(parts, axis=-1)
