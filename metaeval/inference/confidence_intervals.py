"""Confidence intervals of the values of scorers and of differences between them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaeval.core import ROUNDOFF, Bools, Floats
from metaeval.inference.comparisons import Comparisons, biases_of_pairs
from metaeval.inference.estimates import (
    Estimates,
    degrees_of_freedom,
    positive_bias,
    standard_errors_of,
)
from metaeval.inference.hypothesis_tests import item_verdicts
from metaeval.inference.settings import Settings
from metaeval.resampling import IntervalInputs, intervals, near_boundary
from metaeval.statistics import Statistic

BIAS_SHIFTED = "t-noise"  # Student's t, with bounds shifted by the possible positive bias
_FROM_REPLICATES = ("bca", "percentile", "basic")
_FROM_COUNTS = ("wilson", "jeffreys")
_DRAWS_AT_A_TIME = 2**20  # differences sorted at a time: 8 MB of doubles


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Bounds (2, column), standard errors (column,) and the kind of each interval."""

    ends: Floats
    se: Floats
    kinds: list[str]


def scorer_intervals(statistic: Statistic, estimates: Estimates, settings: Settings) -> Intervals:
    """Return the intervals of the values of scorers.

    Accuracies that are means over items have Wilson intervals near 0 and 1, where replicates hardly
    vary; so do values at a bound of the statistic that are constant over all replicates.
    """
    n_scorers = len(estimates.estimate)
    se = standard_errors_of(estimates, estimates.draws, np.arange(n_scorers), None)
    inputs = IntervalInputs(
        estimates.estimate,
        estimates.draws,
        estimates.influence,
        se,
        degrees_of_freedom(estimates) + 1,
        bounded=statistic.is_accuracy,
    )
    verdicts = item_verdicts(estimates)
    kind = effective_interval_kind(statistic, estimates, settings.interval, verdicts is not None)
    if np.isnan(estimates.draws).all():
        return Intervals(ends=np.full((2, n_scorers), np.nan), se=se, kinds=[kind] * n_scorers)
    if kind == BIAS_SHIFTED:
        lower, upper = intervals.t(inputs, settings.confidence)
        ends = np.stack([np.maximum(lower - positive_bias(estimates), 0.0), upper])
        return Intervals(ends=ends, se=se, kinds=[kind] * n_scorers)
    return _by_kind(statistic, estimates, inputs, kind, verdicts is not None, settings)


def _by_kind(
    statistic: Statistic,
    estimates: Estimates,
    inputs: IntervalInputs,
    kind: str,
    of_verdicts: bool,
    settings: Settings,
) -> Intervals:
    """Intervals by kind for each scorer: Wilson's near the bounds, otherwise the requested one."""
    se, of_items = inputs.se, statistic.has_contributions
    kinds = np.full(len(se), kind, dtype=object)
    if kind in _FROM_REPLICATES and estimates.n_systems is None:
        kinds[near_boundary(inputs) & (of_items | (se > 0))] = "wilson"
    trials = np.full(len(se), float(estimates.n_items))
    if not of_verdicts:
        trials = _effective_trials(inputs, estimates.share, of_items)
    constant = _constant_at_limit(inputs, statistic.limits)
    if kind not in _FROM_COUNTS and constant.any():
        kinds[constant] = "wilson"
        of_units = not of_verdicts or "trials" in estimates.levels
        trials = np.where(constant & of_units, _independent_units(estimates), trials)
        se = np.where(constant, 0.0, se)
    low, high = statistic.limits or (0.0, 1.0)
    proportion = (estimates.estimate - low) / (high - low)
    inputs = inputs._replace(se=se, successes=proportion * trials, trials=trials)
    ends = np.full((2, len(se)), np.nan)
    for name in set(kinds):
        mask = kinds == name
        subset = inputs if mask.all() else _columns(inputs, mask)
        bounds = _ends(subset, estimates, str(name), np.flatnonzero(mask), settings)
        if name in _FROM_REPLICATES:
            bounds = _around_estimate(subset.estimate, bounds)
        ends[:, mask] = low + (high - low) * bounds if name in _FROM_COUNTS else bounds
    return Intervals(ends=ends, se=se, kinds=[str(k) for k in kinds])


def difference_intervals(
    statistic: Statistic, comparisons: Comparisons, settings: Settings
) -> Intervals:
    """Return the intervals of differences between scorers, all of one kind."""
    estimates, a, b = comparisons.estimates, comparisons.first, comparisons.second
    draws, se = comparisons.draws, comparisons.se
    unbiased = dataclasses.replace(statistic, inflated="")
    of_differences = statistic if statistic.inflated == "both" else unbiased
    kind = effective_interval_kind(of_differences, estimates, settings.interval, False)
    kinds = [kind] * len(se)
    if np.isnan(draws).all():
        return Intervals(ends=np.full((2, len(se)), np.nan), se=se, kinds=kinds)
    influence = estimates.influence[:, a] - estimates.influence[:, b]
    n = degrees_of_freedom(estimates) + 1
    inputs = IntervalInputs(comparisons.difference, draws, influence, se, n)
    if kind == BIAS_SHIFTED:
        lower, upper = intervals.t(inputs, settings.confidence)
        above, below = biases_of_pairs(statistic, comparisons)
        shifted = np.stack([lower - below, upper + above])
        bounds = _around_estimate(comparisons.difference, shifted)
        return Intervals(ends=bounds, se=se, kinds=kinds)
    if kind == "bootstrap-t" and estimates.standard_errors is not None:
        inputs = inputs._replace(
            se=estimates.standard_errors.of_estimate(a, b),
            se_draws=estimates.standard_errors.of_replicates(a, b),
        )
    step = max(1, _DRAWS_AT_A_TIME // len(draws))
    blocks = [_columns(inputs, slice(i, i + step)) for i in range(0, len(se), step)]
    ends = [intervals.BY_NAME[kind](block, settings.confidence) for block in blocks]
    bounds = np.concatenate(ends, axis=1)
    if kind in _FROM_REPLICATES:
        bounds = _around_estimate(comparisons.difference, bounds)
    return Intervals(ends=bounds, se=se, kinds=kinds)


def effective_interval_kind(
    statistic: Statistic, estimates: Estimates, requested: str, of_verdicts: bool
) -> str:
    """Return the requested kind of interval, or its replacement if it is not available."""
    if requested in _FROM_COUNTS and not of_verdicts:
        requested = "bca"
    if statistic.inflated and requested in (*_FROM_REPLICATES, "bootstrap-t"):
        return BIAS_SHIFTED
    if requested in _FROM_REPLICATES and statistic.interval is not None:
        return statistic.interval
    if estimates.n_systems is not None and requested in _FROM_REPLICATES:
        # In simulations, replicates of units and systems jointly are overdispersed.
        return "percentile" if estimates.standard_errors is None else "t"
    if requested == "bootstrap-t" and estimates.standard_errors is None:
        return "t" if estimates.n_systems is None else "percentile"
    return requested


def _around_estimate(estimate: Floats, ends: Floats) -> Floats:
    """Bounds (2, column) extended to include the estimate, which skewed draws may exclude."""
    return np.stack([np.fmin(ends[0], estimate), np.fmax(ends[1], estimate)])


def _constant_at_limit(inputs: IntervalInputs, limits: tuple[float, float] | None) -> Bools:
    """Whether each value is at a bound of the statistic in all replicates: (scorer,)."""
    at_limit = np.zeros(len(inputs.se), dtype=bool)
    for limit in limits or ():
        at_limit |= np.abs(inputs.estimate - limit) <= ROUNDOFF
    if not at_limit.any():
        return at_limit
    constant = np.fmax.reduce(inputs.draws) - np.fmin.reduce(inputs.draws) <= ROUNDOFF
    return np.asarray(at_limit & constant)


def _independent_units(estimates: Estimates) -> float:
    """Effective number of units of unequal size.

    It is at most the number of resampled systems, and at most the number of cases that determine
    the statistic, such as those of the rarer class in AUROC.
    """
    limits = [1 / float(np.square(estimates.share).sum())]
    limits += [] if estimates.n_systems is None else [float(estimates.n_systems)]
    if "trials" in estimates.levels:
        limits.append(float(estimates.levels["trials"].min()))
    return min(limits)


def _effective_trials(inputs: IntervalInputs, share: Floats, of_items: bool) -> Floats:
    """Effective number of independent Bernoulli trials, from unit sizes or standard errors."""
    if of_items:
        return np.full(len(inputs.se), 1 / float(np.square(share).sum()))
    # At 0 and 1 the variance p (1 - p) of the estimate is 0; that of the mean replicate is not.
    defined = ~np.isnan(inputs.draws)
    n_defined = np.maximum(defined.sum(axis=0), 1)
    mean = np.where(defined, inputs.draws, 0).sum(axis=0) / n_defined
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = mean * (1 - mean) / inputs.se**2
    return np.where(inputs.se > 0, effective, 1.0)


def _columns(inputs: IntervalInputs, columns: Bools | slice) -> IntervalInputs:
    values: list[Any] = [v[..., columns] if isinstance(v, np.ndarray) else v for v in inputs]
    return IntervalInputs(*values)


def _ends(
    inputs: IntervalInputs, estimates: Estimates, kind: str, scorers: Floats, settings: Settings
) -> Floats:
    """Bounds of one kind of interval: (2, scorer)."""
    if kind == "bootstrap-t" and estimates.standard_errors is not None:
        inputs = inputs._replace(
            se=estimates.standard_errors.of_estimate(scorers, None),
            se_draws=estimates.standard_errors.of_replicates(scorers, None),
        )
    return intervals.BY_NAME[kind](inputs, settings.confidence)
