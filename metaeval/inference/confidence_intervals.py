"""Confidence intervals of the values of scorers and of differences between them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaeval.core import ROUNDOFF, Bools, Floats
from metaeval.inference.comparisons import (
    Comparisons,
    biases_of_pairs,
    blocks_of_pairs,
)
from metaeval.inference.estimates import (
    Estimates,
    degrees_of_freedom,
    positive_bias,
    standard_errors_of,
)
from metaeval.inference.hypothesis_tests import item_verdicts
from metaeval.inference.settings import Settings
from metaeval.resampling import (
    IntervalInputs,
    intervals,
    near_boundary,
    normal_quantile,
    t_of_normal,
)
from metaeval.statistics import Statistic

BIAS_SHIFTED = "t-noise"  # Student's t, with bounds shifted by the possible positive bias
_FROM_REPLICATES = ("bca", "percentile", "basic")
_FROM_COUNTS = ("wilson", "jeffreys")
_MOST_TRIALS = 1e12  # in place of infinity, for values that do not vary


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Bounds (2, column), standard errors (column,) and the kind of each interval.

    `adjusted` (2, column) are bounds of differences at the level of the correction: simultaneous if
    it controls the family-wise error rate.
    """

    ends: Floats
    se: Floats
    kinds: list[str]
    adjusted: Floats | None = None


def scorer_intervals(statistic: Statistic, estimates: Estimates, settings: Settings) -> Intervals:
    """Return the intervals of the values of scorers.

    By default, accuracies have Wilson's intervals with the effective number of trials (Korn and
    Graubard 1998), other values BCa intervals. Values at a bound of the statistic that are constant
    over all replicates always have Wilson's.
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
    of_verdicts = item_verdicts(estimates) is not None
    kind = effective_interval_kind(statistic, estimates, settings.interval, of_verdicts)
    if np.isnan(estimates.draws).all():
        return Intervals(ends=np.full((2, n_scorers), np.nan), se=se, kinds=[kind] * n_scorers)
    if kind == BIAS_SHIFTED:
        lower, upper = intervals.t(inputs, settings.confidence)
        ends = np.stack([np.maximum(lower - positive_bias(estimates), 0.0), upper])
        return Intervals(ends=ends, se=se, kinds=[kind] * n_scorers)
    return _by_kind(statistic, estimates, inputs, kind, of_verdicts, settings)


def _by_kind(
    statistic: Statistic,
    estimates: Estimates,
    inputs: IntervalInputs,
    kind: str,
    of_verdicts: bool,
    settings: Settings,
) -> Intervals:
    """Intervals by kind for each scorer: Wilson's near the bounds, otherwise the requested one."""
    se = inputs.se
    kinds = np.full(len(se), kind, dtype=object)
    if kind in _FROM_REPLICATES and estimates.n_systems is None:
        kinds[near_boundary(inputs) & (statistic.has_contributions | (se > 0))] = "wilson"
    low, high = statistic.limits or (0.0, 1.0)
    proportion = (estimates.estimate - low) / (high - low)
    trials = np.full(len(se), float(estimates.n_items))
    if not of_verdicts:
        variance = se**2 + estimates.unseen_variance
        trials = _effective_trials(proportion, inputs, variance, settings.confidence)
    constant = _constant_at_limit(inputs, statistic.limits)
    if constant.any():
        of_units = not of_verdicts or "trials" in estimates.levels
        trials = np.where(constant & of_units, _independent_units(estimates), trials)
        if kind not in _FROM_COUNTS:
            kinds[constant] = "wilson"
        se = np.where(constant, 0.0, se)
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
    statistic: Statistic, comparisons: Comparisons, settings: Settings, z: float
) -> Intervals:
    """Return the intervals of differences between scorers, all of one kind.

    `z` is the normal quantile of the adjusted intervals, which agree with the adjusted p-values.
    """
    estimates = comparisons.estimates
    se, n = comparisons.se, degrees_of_freedom(estimates) + 1
    kind = _kind_of_differences(statistic, estimates, settings.interval)
    kinds = [kind] * len(se)
    if np.isnan(estimates.draws).all():
        undefined = np.full((2, len(se)), np.nan)
        return Intervals(ends=undefined, se=se, kinds=kinds, adjusted=undefined)
    above, below = biases_of_pairs(statistic, comparisons)
    reach = t_of_normal(z, n - 1) * se
    adjusted = comparisons.difference + np.stack([-reach - below, reach + above])
    adjusted = _around_estimate(comparisons.difference, adjusted)
    if kind in ("t", BIAS_SHIFTED):
        level = (1 + settings.confidence) / 2
        half = t_of_normal(float(normal_quantile(level)), n - 1) * se
        ends = comparisons.difference + np.stack([-half - below, half + above])
        ends = _around_estimate(comparisons.difference, ends)
        return Intervals(ends=ends, se=se, kinds=kinds, adjusted=adjusted)
    parts = [
        _ends_of_draws(comparisons, block, kind, settings.confidence)
        for block in blocks_of_pairs(len(se), len(estimates.draws))
    ]
    ends = np.concatenate(parts, axis=1)
    pointwise = z <= normal_quantile((1 + settings.confidence) / 2) + ROUNDOFF
    return Intervals(ends=ends, se=se, kinds=kinds, adjusted=ends if pointwise else adjusted)


def _ends_of_draws(comparisons: Comparisons, block: slice, kind: str, confidence: float) -> Floats:
    """Bounds (2, pair) of intervals of some differences, from their draws."""
    estimates = comparisons.estimates
    a, b = comparisons.first[block], comparisons.second[block]
    inputs = IntervalInputs(
        comparisons.difference[block],
        comparisons.draws_of(block),
        estimates.influence[:, a] - estimates.influence[:, b],
        comparisons.se[block],
        degrees_of_freedom(estimates) + 1,
    )
    if kind == "bootstrap-t" and estimates.standard_errors is not None:
        inputs = inputs._replace(
            se=estimates.standard_errors.of_estimate(a, b),
            se_draws=estimates.standard_errors.of_replicates(a, b),
        )
    bounds = intervals.BY_NAME[kind](inputs, confidence)
    return _around_estimate(inputs.estimate, bounds) if kind in _FROM_REPLICATES else bounds


def effective_interval_kind(
    statistic: Statistic, estimates: Estimates, requested: str | None, of_verdicts: bool
) -> str:
    """Return the kind of interval of values: the requested or default one, or its replacement."""
    if requested == "jeffreys" and not of_verdicts:
        requested = None
    if requested == "wilson" and not statistic.is_accuracy:
        requested = None
    from_replicates = requested is None or requested in _FROM_REPLICATES
    if statistic.inflated and (from_replicates or requested == "bootstrap-t"):
        return BIAS_SHIFTED
    if from_replicates and statistic.interval is not None:
        return statistic.interval
    if from_replicates and estimates.n_systems is not None:
        # In simulations, replicates of units and systems jointly are overdispersed.
        return "percentile" if estimates.standard_errors is None else "t"
    if requested == "bootstrap-t" and estimates.standard_errors is None:
        return "t" if estimates.n_systems is None else "percentile"
    return requested or ("wilson" if statistic.is_accuracy else "bca")


def _kind_of_differences(statistic: Statistic, estimates: Estimates, requested: str | None) -> str:
    """Return the kind of interval of differences: Student's t by default."""
    if statistic.inflated == "both":
        return effective_interval_kind(statistic, estimates, requested, False)
    without_bias = dataclasses.replace(statistic, inflated="", interval=None)
    if requested is None or requested in _FROM_COUNTS:
        systems = estimates.n_systems is not None
        return "percentile" if systems and estimates.standard_errors is None else "t"
    return effective_interval_kind(without_bias, estimates, requested, False)


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


def _effective_trials(
    proportion: Floats, inputs: IntervalInputs, variance: Floats, confidence: float
) -> Floats:
    """Number of independent Bernoulli trials with the same variance: (scorer,).

    At 0 and 1, where p (1 - p) is 0, p is the mean of the replicates. With few units the number is
    reduced by the squared ratio of the normal to the t quantile (Korn and Graubard 1998).
    """
    defined = ~np.isnan(inputs.draws)
    mean = np.where(defined, inputs.draws, 0).sum(axis=0) / np.maximum(defined.sum(axis=0), 1)
    p = np.where(np.minimum(proportion, 1 - proportion) > ROUNDOFF, proportion, mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        trials = np.minimum(p * (1 - p) / variance, _MOST_TRIALS)
    z = normal_quantile((1 + confidence) / 2)
    ratio = z / t_of_normal(float(z), inputs.n_units - 1)
    return np.where(variance > 0, trials * ratio**2, _MOST_TRIALS)


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
