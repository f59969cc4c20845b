"""The Bayesian bootstrap over items or clusters, for any statistic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from metaeval.bayes.design import covariate_names, leverage_warnings
from metaeval.bayes.model_free.excess_bias import excess_biases
from metaeval.bayes.result_rows import SummaryOptions, comparison_rows, scorer_rows
from metaeval.core import (
    Floats,
    MetaevalError,
    check_integer,
    check_names,
    check_not_negative,
    join_names,
    require_known,
)
from metaeval.inference import (
    POSTERIOR,
    Analysis,
    Design,
    DesignOptions,
    Estimates,
    Resampling,
    Settings,
    Statistics,
    assemble_result,
    at_system_level,
    choose_statistics,
    design_from,
    estimate,
    extra_details,
    pairs_of_scorers,
    reference_levels,
    require_policy,
    without_undefined,
)
from metaeval.results import Result, Row, signed
from metaeval.statistics import Statistic
from metaeval.tables import Table, require_table

_MIN_UNITS = 30  # intervals of the Bayesian bootstrap are too short below
_MAX_BIAS = 0.5  # difference of the posterior mean from the estimate, in posterior SDs


def bayesian_bootstrap(
    table: Table,
    statistic: Statistics = None,
    *,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    covariates: Sequence[str] | str = (),
    baseline: str | None = None,
    rope: float | None = None,
    confidence: float = 0.95,
    n_draws: int = 4_000,
    seed: int = 0,
) -> Result:
    """Compute the posterior of any statistic by the Bayesian bootstrap over items.

    Parameters
    ----------
    table, statistic, label, scorers, by, missing
        As in `metaeval.evaluate`; `missing="pairwise"` is refused.
    resample : {"item", "cluster", "task"}, optional
        Weighted units; by default clusters if declared, else items.
    covariates : sequence of str, default ()
        Columns of pairs such as `length_delta`: adds each scorer's excess bias toward responses
        with larger values, `bias(covariate=length_delta)`.
    baseline : str, optional
        Compare with this scorer only; by default all pairs are compared.
    rope : float, optional
        Half-width of the region of practical equivalence, in units of the statistic: adds
        `prob_rope`, the probability of a difference within it.
    confidence : float, default 0.95
        Probability of the equal-tailed posterior intervals.
    n_draws : int, default 4 000
        Draws from the posterior, at least 100.
    seed : int, default 0
        Results are identical for the same seed, regardless of the order of rows, files and
        scorers.

    Returns
    -------
    Result
        As from `metaeval.compare`, without tests. `estimate` is the posterior mean, `se` the
        posterior standard deviation; differences have `prob_better`, `expected_loss` (the expected
        loss of choosing the first scorer) and `prob_rope`.

    Raises
    ------
    MetaevalError
        If data or arguments are invalid; the message says how to fix it.

    Notes
    -----
    Each draw weights the n units by Dirichlet(1, ..., 1) weights (normalized exponentials) and
    computes the weighted statistic. This is the posterior of the statistic under a noninformative
    prior on the distribution of item values. For a mean of items the posterior mean is the sample
    mean, up to Monte Carlo error, and the posterior variance is that of the items over n + 1. For
    a statistic that depends on the number of items (tuned thresholds, binned calibration) draws
    are biased relative to the estimate; the result warns if the bias is large, and `evaluate`
    corrects for it. All scorers share the weights, so differences are paired. Strata (`by`) are
    weighted independently unless they share items. Unobserved values have probability 0: the
    posterior of a scorer without errors is degenerate, and the result warns of it.

    The excess bias is half the slope b in least squares of decisions v (1, 0, -1) on the sign h of
    the label and on covariates x divided by their root mean squares, :math:`v = a h + b' x`: the
    increase in the rate at which the first response is preferred per root mean square of x, given
    the label. Pairs with tied labels are included with h = 0. If true quality is associated with
    x, and the label is a noisy or coarse measure of it, unbiased scorers have excess bias too, and
    more so the more accurate they are. Differences indicate which scorer is more biased only for
    scorers of similar accuracy.

    References
    ----------
    Rubin (1981), The Bayesian bootstrap.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> result = bayes.bayesian_bootstrap(load_example(), "pairwise_accuracy", n_draws=500)
    >>> bool(result.row("reward", "lexical")["prob_better"] > 0.9)
    True
    """
    settings = Settings(
        resampling=Resampling(check_integer("n_draws", n_draws, 100), seed, "exponential"),
        confidence=confidence,
        interval=POSTERIOR,
    )
    if rope is not None:
        check_not_negative("rope", rope)
    if scorers is not None:
        scorers = check_names("scorers", scorers)
    options = DesignOptions(label=label, scorers=scorers, by=by, resample=resample, missing=missing)
    design = _make_design(table, options)
    if baseline is not None:
        require_known("scorer to compare with", baseline, design.scorers)
    statistics, notes = choose_statistics(design.table, statistic)
    names = check_names("covariates", covariates)
    if names:
        names = covariate_names(design.table, names)
        statistics = [*statistics, *excess_biases(design.table, names)]
        notes = [*notes, *leverage_warnings(design.table, names)]
    analyses = [
        without_undefined(
            design, current, partial(_analyze, current, settings, baseline=baseline, rope=rope)
        )
        for current in statistics
    ]
    kind = f"{POSTERIOR} of bayesian_bootstrap"
    result = assemble_result(kind, design, analyses, settings, notes)
    policy = replace(result.meta.policy, baseline=baseline, rope=rope)
    return Result(result.frame, result.draws, signed(replace(result.meta, policy=policy)))


def _make_design(table: Table, options: DesignOptions) -> Design:
    """Return the design; raise an error if weights of units do not apply."""
    design = design_from(require_table(table), options)
    if design.systems:
        raise MetaevalError(
            "The Bayesian bootstrap weights items or clusters, not systems; use resample='item'."
        )
    if design.missing == "pairwise":
        raise MetaevalError(
            "The Bayesian bootstrap needs scores of all scorers on the same rows; use "
            "missing='common'."
        )
    return design


def _analyze(
    statistic: Statistic,
    settings: Settings,
    design: Design,
    *,
    baseline: str | None,
    rope: float | None,
) -> Analysis:
    """Return all rows of one statistic: macro or pooled first, then by stratum."""
    require_policy(statistic, design.missing)
    if statistic.estimand.grouping == "systems":
        design = at_system_level(design)[0] or design
    estimates = estimate(design, statistic, settings.resampling)
    for part in estimates if design.by is None else estimates[1:]:
        _require_draws(statistic, part, design)
    pairs = pairs_of_scorers(design.scorers, baseline)
    options = SummaryOptions(
        statistic=statistic.name,
        status=statistic.estimand.status,
        confidence=settings.confidence,
        better=statistic.estimand.better,
        rope=rope,
    )
    values: list[Row] = []
    differences: list[Row] = []
    for part in estimates:
        draws = part.draws[~np.isnan(part.draws).any(axis=1)]
        values += _value_rows(options, draws, part)
        differences += comparison_rows(options, part.scorers, draws, pairs, _row_counts(part))
    return Analysis(
        estimand=statistic.estimand,
        scorers=values,
        differences=differences,
        draws=[part.draws for part in estimates],
        details=[detail for part in estimates for detail in extra_details(statistic, part)],
        warnings=_data_warnings(estimates, design, statistic),
    )


def _require_draws(statistic: Statistic, part: Estimates, design: Design) -> None:
    """Raise an error if a stratum has no draws."""
    if not np.isnan(part.draws).any(axis=1).all():
        return
    where = f" in {design.by} {part.name!r}" if part.name is not None else ""
    unit = design.unit
    if part.n_units < 2:
        raise MetaevalError(
            f"There is only one {unit}{where}; the Bayesian bootstrap needs at least two. Pool the "
            "strata (by=None), or exclude this stratum with table.select()."
        )
    raise MetaevalError(
        f"{statistic.name} has no draws{where}: draws are limited to {statistic.item_limit} items. "
        "Use by='task', grouping='item' or fewer items."
    )


def _row_counts(part: Estimates) -> dict[str, Any]:
    """Return the task and counts for the rows of one part."""
    return {
        "task": part.name,
        "n_items": part.n_items,
        "n_clusters": part.n_units,
        "n_rows": part.n_rows,
        "n_dropped": part.n_dropped,
    }


def _value_rows(options: SummaryOptions, draws: Floats, part: Estimates) -> list[Row]:
    """Return posterior rows of scorers, with reference levels such as chance and tie rate."""
    rows = scorer_rows(options, part.scorers, draws, _row_counts(part))
    levels = reference_levels(part, np.array([row.estimate for row in rows], dtype=float))
    of_scorers: list[dict[str, Any]] = [
        {name: float(values[m]) for name, values in levels.items()} for m in range(len(rows))
    ]
    return [replace(row, **values) for row, values in zip(rows, of_scorers, strict=True)]


def _data_warnings(parts: list[Estimates], design: Design, statistic: Statistic) -> list[str]:
    """Warn of few units, degenerate posteriors, undefined draws and bias."""
    unit, n_units = design.unit, min(part.n_units for part in parts)
    warnings = []
    if n_units < _MIN_UNITS:
        warnings.append(
            f"with {n_units} {unit}s, intervals of the Bayesian bootstrap are too narrow, because "
            f"unobserved values have probability 0; at least {_MIN_UNITS} are recommended"
        )
    constant = (np.ptp(parts[0].draws, axis=0) == 0).nonzero()[0]
    if len(constant):
        warnings.append(
            f"{join_names((design.scorers[m] for m in constant), 5)}: all {unit}s have the same "
            "value, so the Bayesian bootstrap posterior is degenerate; use the accuracy model or "
            "prob_better"
        )
    undefined = max(float(np.isnan(part.draws).any(axis=1).mean()) for part in parts)
    if undefined:
        warnings.append(
            f"{statistic.name} is undefined in {100 * undefined:.2g}% of the draws, which are "
            "dropped"
        )
    bias = max(_bias_in_sd(part) for part in parts)
    if statistic.inflated:
        warnings.append(
            f"{statistic.name} is biased upward by noise, and its draws are biased a second time, "
            "so its posterior is too high; use metaeval.evaluate, whose intervals correct for this"
        )
    elif bias > _MAX_BIAS:
        warnings.append(
            f"{statistic.name}: posterior means differ from the sample values by up to {bias:.1f} "
            "posterior SD, because random weights reduce the effective number of items; use "
            "metaeval.evaluate, which corrects for this"
        )
    return warnings


def _bias_in_sd(part: Estimates) -> float:
    """Return the largest bias of the draws relative to the estimate, in posterior SDs."""
    draws = part.draws[~np.isnan(part.draws).any(axis=1)]
    sd = draws.std(axis=0)
    deviation = np.abs(draws.mean(axis=0) - part.estimate)
    return float(np.max(deviation[sd > 0] / sd[sd > 0], initial=0.0))
