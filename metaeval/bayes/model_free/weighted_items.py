"""The Bayesian bootstrap over items or clusters, for any statistic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    Design,
    Estimates,
    Level,
    Plan,
    Statistics,
    assembled,
    choose_statistics,
    details_of,
    levels_of,
    macro,
    measure,
    prepare,
    system_level,
    without_undefined,
)
from metaeval.results import Result, Row, make_signature
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
        Columns of pairs such as `length_delta`: adds each scorer's excess bias towards responses
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
    options = {
        "label": label,
        "scorers": scorers,
        "by": by,
        "resample": resample,
        "missing": missing,
    }
    plan = Plan(
        f"{POSTERIOR} of bayesian_bootstrap",
        confidence=confidence,
        interval=POSTERIOR,
        n_resamples=check_integer("n_draws", n_draws, 100),
        seed=seed,
        weights="exponential",
        baseline=baseline,
    )
    if rope is not None:
        check_not_negative("rope", rope)
    design, options = _make_design(table, options)
    if baseline is not None:
        require_known("scorer to compare with", baseline, design.scorers)
    statistics, notes = choose_statistics(design.table, statistic)
    names = check_names("covariates", covariates)
    if names:
        names = covariate_names(design.table, names)
        statistics = [*statistics, *excess_biases(design.table, names)]
        notes = [*notes, *leverage_warnings(design.table, names)]
    levels = []
    for current in statistics:
        run = partial(_analyze_design, current, plan, rope)
        levels.append(without_undefined(table, design, current, options, run))
    return _with_rope(assembled(table, design, plan, options, levels, notes), rope)


def _analyze_design(
    statistic: Statistic, plan: Plan, rope: float | None, design: Design, _: Mapping[str, Any]
) -> Level:
    return _analyze(design, statistic, plan, rope)


def _with_rope(result: Result, rope: float | None) -> Result:
    """Return the result with the region of practical equivalence in its policy."""
    meta: dict[str, Any] = {**result.meta, "policy": {**result.meta["policy"], "rope": rope}}
    signature = make_signature(meta)
    meta["provenance"] = {**meta["provenance"], "signature": signature}
    return Result(result.frame, result.draws, meta)


def _make_design(table: Table, options: dict[str, Any]) -> tuple[Design, dict[str, Any]]:
    """Return the design and the options; raise an error if weights of units do not apply."""
    table = require_table(table)
    if options["scorers"] is not None:
        options = options | {"scorers": check_names("scorers", options["scorers"])}
    design = prepare(table, **options)
    if design.systems:
        raise MetaevalError(
            "The Bayesian bootstrap weights items or clusters, not systems; use resample='item'."
        )
    if design.missing == "pairwise":
        raise MetaevalError(
            "The Bayesian bootstrap needs all scorers on the same rows; use missing='common'."
        )
    return design, options


def _analyze(design: Design, statistic: Statistic, plan: Plan, rope: float | None) -> Level:
    """Return all rows of one statistic: macro or pooled first, then by stratum."""
    _check_missing_policy(statistic, design.missing)
    if statistic.estimand.grouping == "systems":
        design = system_level(design)[0] or design
    parts = measure(design, statistic, plan.resamples)
    for part in parts:
        _require_draws(statistic, part, design)
    overall = macro(parts, design.table.n_items)
    all_parts = [overall] if design.by is None else [overall, *parts]
    names = design.scorers
    pairs = Plan("compare", baseline=plan.baseline).pairs(names)
    estimand = statistic.estimand
    options = SummaryOptions(
        statistic=estimand.name,
        status=estimand.status,
        confidence=plan.confidence,
        better=estimand.better,
        rope=rope,
    )
    values: list[Row] = []
    differences: list[Row] = []
    for part in all_parts:
        draws = part.draws[~np.isnan(part.draws).any(axis=1)]
        values += _value_rows(options, names, draws, part)
        differences += comparison_rows(options, names, draws, pairs, _row_counts(part))
    details = [d for part in all_parts for d in details_of(statistic, part, names)]
    warnings = _data_warnings(all_parts, design, statistic)
    return Level(
        statistic.estimand, values, differences, [p.draws for p in all_parts], details, warnings, 0
    )


def _check_missing_policy(statistic: Statistic, missing: str) -> None:
    within_items = statistic.is_accuracy and statistic.estimand.grouping == "item"
    if missing == "count_as_wrong" and not within_items:
        raise MetaevalError(
            f"missing='count_as_wrong' is for accuracies over items, not for {statistic.name}; "
            "use missing='common'."
        )


def _require_draws(statistic: Statistic, part: Estimates, design: Design) -> None:
    """Raise an error if a stratum has no draws."""
    if not np.isnan(part.draws).any(axis=1).all():
        return
    where = f" in {design.by} {part.name!r}" if part.name is not None else ""
    unit = design.resample.split(",")[0]
    if part.n_units < 2:
        raise MetaevalError(
            f"There is only one {unit}{where}; the Bayesian bootstrap needs at least two. Pool the "
            "strata (by=None), or exclude this one with table.select()."
        )
    raise MetaevalError(
        f"{statistic.name} has no draws{where}: it is limited to {statistic.item_limit} items. Use "
        "by='task', grouping='item' or fewer items."
    )


def _row_counts(part: Estimates) -> Row:
    """Return the task and counts for the rows of one part."""
    return {
        "task": part.name,
        "n_items": part.n_items,
        "n_clusters": part.n_units,
        "n_rows": part.n_rows,
        "n_dropped": part.n_dropped,
    }


def _value_rows(
    options: SummaryOptions, names: list[str], draws: Floats, part: Estimates
) -> list[Row]:
    """Return posterior rows of scorers, with reference levels such as chance and tie rate."""
    rows = scorer_rows(options, names, draws, _row_counts(part))
    levels = levels_of(part, np.array([row["estimate"] for row in rows]))
    return [
        row | {key: float(values[m]) for key, values in levels.items()}
        for m, row in enumerate(rows)
    ]


def _data_warnings(parts: list[Estimates], design: Design, statistic: Statistic) -> list[str]:
    """Warn of few units, degenerate posteriors, undefined draws and bias."""
    unit, n_units = design.resample.split(",")[0], min(part.n_units for part in parts)
    warnings = []
    if n_units < _MIN_UNITS:
        warnings.append(
            f"with {n_units} {unit}s, intervals of the Bayesian bootstrap are too short, as "
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
            f"{statistic.name} is biased upward by noise, and its draws are biased once more, so "
            "its posterior is too high; evaluate has intervals that correct for this"
        )
    elif bias > _MAX_BIAS:
        warnings.append(
            f"{statistic.name}: posterior means differ from the sample values by up to {bias:.1f} "
            "posterior SD, as random weights reduce the effective number of items; evaluate "
            "corrects for this"
        )
    return warnings


def _bias_in_sd(part: Estimates) -> float:
    """Return the largest bias of the draws relative to the estimate, in posterior SDs."""
    draws = part.draws[~np.isnan(part.draws).any(axis=1)]
    sd = draws.std(axis=0)
    deviation = np.abs(draws.mean(axis=0) - part.estimate)
    return float(np.max(deviation[sd > 0] / sd[sd > 0], initial=0.0))
