"""From a table to the accuracies of scorers in tasks, with their errors and correlations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from metaeval.bayes.accuracy_model.covariates import (
    CovariateCells,
    TaskSummary,
    by_covariates,
    whole_tasks,
)
from metaeval.bayes.accuracy_model.density import LOGIT
from metaeval.bayes.design import (
    PRIOR_UNITS,
    DesignOptions,
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
    two_way_places,
)
from metaeval.bayes.model_data import ModelData, Named, Sites
from metaeval.core import ROUNDOFF, Floats, MetaevalError, join_names
from metaeval.curves import expit
from metaeval.inference import Design, Resamples, Stratum, choose_statistics, measure, table_for
from metaeval.statistics import Statistic, SumStatistic, only_label, pairwise_accuracy, sum_by
from metaeval.tables import Table

_RESAMPLES = Resamples(2_000, 0)
_FEW_UNITS = 30


def accuracy_data(
    table: Table,
    options: DesignOptions,
    *,
    statistic: Statistic | str | None,
    pool: bool,
    covariates: Sequence[str],
) -> ModelData:
    """The table as `accuracy_density` takes it."""
    design, by = make_model_design(table, options)
    chosen = _accuracy(design.table, statistic)
    names = covariate_names(design.table, covariates)
    seen = [_seen(chosen, design, stratum) for stratum in design.strata]
    trials, correlation = counts(seen)[1], correlations(seen)
    tasks = [stratum.name or "all" for stratum in design.strata]
    cells = by_covariates(design, seen, names) if names else whole_tasks(seen)
    kept: dict[str, tuple[str, ...]] = {
        "logit": ("scorer", "task"),
        "accuracy": ("scorer", "task"),
        **dict.fromkeys(LOGIT.spreads, ()),
        "coefficient": ("scorer", "covariate"),
    }
    observed = np.stack([s.mean for s in seen], axis=1)
    return ModelData(
        arrays=arrays_of(cells, seen),
        options=(("pool", pool),),
        dims=kept,
        coords={
            "scorer": design.scorers,
            "task": tasks,
            "unit": [u for s in cells.seen for u in s.units],
            "covariate": names,
        },
        observed={"accuracy_observed": (("scorer", "task"), observed)},
        constant={
            "effective_trials": (("scorer", "task"), trials),
            "correlation": (("task", "scorer", "other"), correlation),
        },
        design=design,
        by=by,
        estimand=chosen.estimand,
        name_options={"statistic": chosen.name}
        | ({} if pool else {"pool": False})
        | ({"covariates": "+".join(names)} if names else {}),
        derived=("accuracy",),
        notes=[],
        warnings=_cautions(seen, observed, design, tasks) + leverage_warnings(design.table, names),
        derived_draws=population_draws if pool else lambda sites, rng: {},
        predict=lambda sites, rng: _predicted(cells, sites, trials, correlation, rng),
        log_likelihood=lambda sites: _log_likelihood(cells, sites),
        log_prior=_log_prior if pool else None,
    )


def _accuracy(table: Table, statistic: Statistic | str | None) -> Statistic:
    """The accuracy that is modelled; where nothing is asked for, the one that fits the label."""
    chosen = choose_statistics(table, statistic)[0]
    if statistic is None and not (chosen[0].is_accuracy and len(chosen) == 1):
        chosen = [pairwise_accuracy("half")]
    if len(chosen) != 1 or not chosen[0].is_accuracy or not chosen[0].has_contributions:
        names = ", ".join(s.name for s in chosen)
        raise MetaevalError(
            f"The accuracy model takes one accuracy over items, not {names}; use "
            "pairwise_accuracy, tie_calibrated_accuracy or best_of_n."
        )
    return chosen[0]


def _seen(statistic: Any, design: Design, stratum: Stratum) -> TaskSummary:
    table = table_for(statistic, stratum.table)
    unit, n = stratum.unit_of_items(table), len(stratum.units)
    given = sum_by(statistic.contributions(table), unit, n)
    shares = statistic.item_shares(table)
    if shares is not None:
        share = sum_by(shares, unit, n)
    else:
        size = sum_by(statistic.terms(table)[:, 0, 1], unit, n)
        share = size / size.sum()
    there = share > 0
    value, share = given[there] / share[there, None], share[there]
    own = replace(design, strata=(stratum,))
    names = unit_names(stratum)
    place = np.flatnonzero(there)
    scatter = _scatter(statistic, own, value, share)
    return TaskSummary(
        value=value, share=share, scatter=scatter, units=[names[u] for u in place], place=place
    )


def _scatter(statistic: Any, design: Design, value: Floats, share: Floats) -> Floats:
    """Covariance of the accuracies of a part: (scorer, scorer)."""
    if isinstance(statistic, SumStatistic):
        influence = share[:, None] * (value - share @ value)
        scatter = influence.T @ influence
    else:  # what is tuned on the items varies with them, which contributions do not show
        draws = measure(design, statistic, _RESAMPLES)[0].draws
        scatter = np.atleast_2d(np.cov(np.nan_to_num(draws.T)))
    known = np.isin(value, (0, 1)).all() and np.ptp(share) == 0  # binomial: nothing is estimated
    if not known and len(share) > 1:
        scatter *= len(share) / (len(share) - 1)
    return scatter


def arrays_of(cells: CovariateCells, seen: Sequence[TaskSummary]) -> dict[str, Any]:
    """Arguments of the model, from its cells and the whole tasks."""
    right, trials = counts(cells.seen)
    arrays = {
        "right": right,
        "trials": trials,
        "precision": np.linalg.inv(correlations(cells.within(seen)))[cells.task],
        "places": places_of(*counts(seen), correlations(seen)),
    }
    if len(cells.covariates):
        arrays |= {"task": cells.task, "covariates": cells.covariates}
    return arrays


def counts(seen: Sequence[TaskSummary]) -> tuple[Floats, Floats]:
    """Effective numbers of right and of all verdicts: (scorer, task) each.

    One verdict for each unit counts as what it is. Where units hold several, the variance of the
    estimate says how many they are worth; tasks and scorers lend each other what they say of that.
    """
    mean = np.stack([s.mean for s in seen], axis=1)
    units = np.array([1 / np.square(s.share).sum() for s in seen])
    spread = np.stack([np.diag(s.scatter) for s in seen], axis=1) * units
    binomial = mean * (1 - mean)
    above, below = (
        units * own + PRIOR_UNITS * (_over_tasks(own, units) + _over_all(own, units) + ROUNDOFF)
        for own in (spread, binomial)
    )
    trials = units * below / above
    return mean * trials, trials


def _over_tasks(values: Floats, units: Floats) -> Floats:
    """Means over tasks: (scorer, 1)."""
    return np.asarray(values @ units / units.sum())[:, None]


def _over_all(values: Floats, units: Floats) -> float:
    """Mean over tasks and scorers."""
    return float(_over_tasks(values, units).mean())


def correlations(seen: Sequence[TaskSummary]) -> Floats:
    """Correlation of the scorers' estimates in each task, little of it believed of few units.

    (task, scorer, scorer), positive definite: each is drawn towards that of all tasks together,
    and that towards one common correlation, as if each had been seen in as many units as there
    are scorers.
    """
    k = seen[0].value.shape[1]
    units = np.array([len(s.share) for s in seen])
    own = np.stack([_as_correlation(s.scatter) for s in seen])
    together = np.einsum("t,tkl->kl", units / units.sum(), own)
    off = ~np.eye(k, dtype=bool)
    common = np.where(off, together[off].mean() if k > 1 else 0.0, 1.0)
    common = 0.95 * common + 0.05 * np.eye(k)
    pooled = (units.sum() * together + (k + 1) * common) / (units.sum() + k + 1)
    weight = (units / (units + k + 1))[:, None, None]
    return weight * own + (1 - weight) * pooled


def _as_correlation(scatter: Floats) -> Floats:
    """Correlation matrix; scorers that do not vary go with no other."""
    sd = np.sqrt(np.diag(scatter))
    scale = np.where(sd > 0, 1 / np.where(sd > 0, sd, 1.0), 0.0)
    found = scatter * scale[:, None] * scale[None]
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)


def places_of(right: Floats, trials: Floats, correlation: Floats) -> dict[str, Centering]:
    """Where the data put effects of tasks, of scorers, and of both."""
    share = (right + 0.5) / (trials + 1)
    error = 1 / np.sqrt(trials * share * (1 - share)).T  # (task, scorer)
    return two_way_places(
        np.log(share / (1 - share)), correlation * error[:, :, None] * error[:, None]
    )


def _cautions(
    seen: Sequence[TaskSummary], mean: Floats, design: Design, tasks: Sequence[str]
) -> list[str]:
    """What the numbers rest on, and scorers that are odd."""
    few = [t for t, s in zip(tasks, seen, strict=True) if len(s.share) < _FEW_UNITS]
    said = []
    if few:
        said.append(
            f"fewer than {_FEW_UNITS} units in {join_names(few, 5)}: the likelihood there is "
            "approximate, and intervals are rather too short"
        )
    sides = _sides(design.table)
    for m, name in enumerate(design.scorers):
        if (mean[m] == 1).all():
            said.append(f"{name} is always right")
        elif not design.table.scores[name].to_numpy().any():
            said.append(f"{name} calls everything a tie")
        elif sides[m] == 0:
            said.append(f"{name} is wrong as often as right")
        elif sides[m] < 0:
            said.append(
                f"{name} is wrong more often than right; if lower scores are better, read it with "
                "lower_is_better="
            )
    return said


def _sides(table: Table) -> Floats:
    """Right less wrong sides of each scorer, where labels take one: (scorer,)."""
    pairs = table.pairs()
    label = np.sign(only_label(pairs))
    return np.asarray(np.nansum(np.sign(pairs.scores.to_numpy()) * label[:, None], axis=0))


def population_draws(sites: Sites, rng: Generator) -> Named:
    """What scorers do in all tasks of the kind, and in one not yet seen."""
    found = draw_population(LOGIT, sites, rng)
    named: dict[str, Any] = {"logit_mean": ((), found.mean)}
    named["logit_scorer"] = (("scorer",), found.scorer)
    return named if found.new is None else named | {"accuracy_new": (("scorer",), expit(found.new))}


def _log_prior(sites: Sites, derived: Named) -> Floats:
    found = log_prior(LOGIT, sites, derived["logit_mean"][1])
    if "coefficient" in sites:
        found = found - np.square(sites["coefficient"] / SD_COEFFICIENT).sum(axis=(-2, -1)) / 2
    return found


def _predicted(
    cells: CovariateCells, sites: Sites, trials: Floats, correlation: Floats, rng: Generator
) -> Named:
    """Accuracies that would be seen in as many items: near normal, within 0 and 1."""
    p = expit(cells.logits(sites)) @ cells.weight.T
    root = np.linalg.cholesky(correlation)
    z = np.einsum("tkl,...lt->...kt", root, rng.standard_normal(p.shape))
    seen = np.clip(p + z * np.sqrt(p * (1 - p) / trials), 0, 1)
    return {"accuracy_observed": (("scorer", "task"), seen)}


def _log_likelihood(cells: CovariateCells, sites: Sites) -> Floats:
    """Of the verdicts of each unit, scorers taken one by one: (chain, draw, unit)."""
    z = cells.logits(sites)
    parts = []
    for c, s in enumerate(cells.seen):
        at = z[..., c]
        both = np.stack([-np.logaddexp(0, -at), -np.logaddexp(0, at)])  # log p and log (1 - p)
        parts.append(both[0] @ s.value.T + both[1] @ (1 - s.value).T)
    return np.concatenate(parts, axis=-1)
