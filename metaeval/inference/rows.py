"""Rows of a result: the values of scorers, and the differences between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from metaeval.core import ROUNDOFF, Floats
from metaeval.inference.comparisons import Comparisons, PValues, biases_of_pairs
from metaeval.inference.confidence_intervals import Intervals
from metaeval.inference.estimates import Estimates, degrees_of_freedom
from metaeval.inference.settings import ComparisonSettings
from metaeval.resampling import multiplicity, normal_quantile, tost
from metaeval.results import LEVELS, Row
from metaeval.statistics import Statistic

_POWER = 0.8  # of the detectable differences, as is common (Cohen 1988)


def scorer_rows(statistic: Statistic, estimates: Estimates, intervals: Intervals) -> list[Row]:
    """Return the value of each scorer with its interval and reference levels."""
    levels = reference_levels(estimates, estimates.estimate)
    return [
        Row(
            statistic=statistic.name,
            task=estimates.name,
            scorer=name,
            estimate=float(estimates.estimate[m]),
            lower=float(intervals.ends[0, m]),
            upper=float(intervals.ends[1, m]),
            se=float(intervals.se[m]),
            n_items=estimates.n_items,
            n_clusters=estimates.n_units,
            n_rows=estimates.n_rows,
            n_dropped=estimates.n_dropped,
            interval=intervals.kinds[m],
            status=statistic.estimand.status,
            chance=_value(levels, "chance", m),
            best_constant=_value(levels, "best_constant", m),
            skill=_value(levels, "skill", m),
            tie_rate=_value(levels, "tie_rate", m),
            expected_if_calibrated=_value(levels, "expected_if_calibrated", m),
        )
        for m, name in enumerate(estimates.scorers)
    ]


def _value(levels: Mapping[str, Floats], name: str, m: int) -> float | None:
    return float(levels[name][m]) if name in levels else None


def reference_levels(estimates: Estimates, values: Floats) -> dict[str, Floats]:
    """Return chance, best constant, tie rate and skill of values (scorer,), if they are defined."""
    levels = {name: estimates.levels[name] for name in LEVELS if name in estimates.levels}
    if "best_constant" in levels:
        attainable = 1 - levels["best_constant"]
        with np.errstate(divide="ignore", invalid="ignore"):
            skill = (values - levels["best_constant"]) / attainable
        levels["skill"] = np.where(attainable > ROUNDOFF, skill, np.nan)
    return levels


def comparison_rows(
    statistic: Statistic,
    comparisons: Comparisons,
    intervals: Intervals,
    p_values: PValues,
    testing: ComparisonSettings,
) -> list[Row]:
    """Return the differences between pairs of scorers with intervals and p-values."""
    estimates, se = comparisons.estimates, comparisons.se
    adjusted = intervals.ends if intervals.adjusted is None else intervals.adjusted
    mde = (adjusted[1] - adjusted[0]) / 2 + normal_quantile(_POWER) * se
    equivalent = _equivalence(statistic, comparisons, testing.equivalence_margin)
    published = statistic.estimand.status == "published"
    return [
        Row(
            statistic=statistic.name,
            task=estimates.name,
            scorer=estimates.scorers[a],
            baseline=estimates.scorers[b],
            estimate=float(comparisons.difference[i]),
            lower=float(intervals.ends[0, i]),
            upper=float(intervals.ends[1, i]),
            adjusted_lower=float(adjusted[0, i]),
            adjusted_upper=float(adjusted[1, i]),
            se=float(se[i]),
            p_value=float(p_values.p_value[i]),
            p_mcse=float(p_values.mcse[i]),
            p_adjusted=float(p_values.adjusted[i]),
            p_equivalent=float(equivalent[i]),
            mde=float(mde[i]),
            n_items=estimates.n_items,
            n_clusters=estimates.n_units,
            n_rows=estimates.n_rows,
            n_dropped=estimates.n_dropped,
            interval=intervals.kinds[i],
            test=p_values.test,
            status="published" if published else p_values.status,
        )
        for i, (a, b) in enumerate(zip(comparisons.first, comparisons.second, strict=True))
    ]


def adjusted_rows(rows: Sequence[Row], correction: str) -> list[Row]:
    """Return the rows of one family with adjusted p-values, including Holm's."""
    raw = np.array([row.p_value for row in rows], dtype=float)
    holm = multiplicity.holm(raw)
    if correction == "maxt":
        return [replace(row, p_holm=float(p)) for row, p in zip(rows, holm, strict=True)]
    adjusted = multiplicity.ADJUST[correction](raw)
    return [
        replace(row, p_holm=float(p), p_adjusted=float(q))
        for row, p, q in zip(rows, holm, adjusted, strict=True)
    ]


def _equivalence(statistic: Statistic, comparisons: Comparisons, margin: float | None) -> Floats:
    """p-values of two one-sided tests, at the largest difference that bias allows: (pair,)."""
    difference, se = comparisons.difference, comparisons.se
    if margin is None:
        return np.full(len(se), np.nan)
    above, below = biases_of_pairs(statistic, comparisons)
    farthest = np.maximum(np.abs(difference + above), np.abs(difference - below))
    p = tost(farthest, se, margin, degrees_of_freedom(comparisons.estimates))
    return np.where(se > 0, p, np.nan)  # without variation between units, there is no evidence
