"""Tests of a family of differences: Student's t, sign flips, bootstrap, McNemar, published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from metaeval.core import ROUNDOFF, ROUNDOFF_OF_SUMS, Floats, MetaevalError
from metaeval.inference.comparisons import Comparisons, PValues
from metaeval.inference.estimates import Estimates, degrees_of_freedom
from metaeval.inference.published_tests import published_tests
from metaeval.inference.settings import ComparisonSettings
from metaeval.inference.units import resampling_units
from metaeval.resampling import (
    FlipTest,
    JointDraws,
    PairedDifferences,
    flip_test,
    max_t_adjustment,
    mcnemar,
    normal_quantile,
)
from metaeval.statistics import StandardErrors, Statistic

_ROWS_AT_A_TIME = 2**16  # a table without verdicts is usually recognized in its first block


def test_family(
    statistic: Statistic, family: Sequence[Comparisons], testing: ComparisonSettings, n_flips: int
) -> list[PValues]:
    """Test the differences of a family; those by t or bootstrap are not yet adjusted."""
    test = requested_test(testing)
    can_flip = all(c.estimates.contributions is not None for c in family)
    if test == "sign-flip" and can_flip:
        return _sign_flip_tests(statistic, family, testing, n_flips)
    if test in ("mcnemar", "mcnemar-mid-p"):
        return [_mcnemar(statistic, c, testing) for c in family]
    if test in ("t", "sign-flip", "bootstrap"):
        return [_of_draws(c, testing, test) for c in family]
    return published_tests(statistic, family, testing, n_flips)


def requested_test(testing: ComparisonSettings) -> str:
    """Return the requested test; sequential tests are sign-flip tests."""
    return "sign-flip" if testing.stop_after_exceedances is not None else testing.test


def adjusted_jointly(
    family: Sequence[Comparisons],
    p_values: list[PValues],
    testing: ComparisonSettings,
    confidence: float,
) -> tuple[list[PValues], float]:
    """Return p-values adjusted by max-T, and the normal quantile of adjusted intervals.

    p-values that are adjusted already, by flips of the same units, remain. Intervals are
    simultaneous under max-T and Holm's method (Bonferroni's intervals), otherwise pointwise.
    """
    p = np.concatenate([test.p_value for test in p_values])
    n = max(int(np.count_nonzero(~np.isnan(p))), 1)
    if testing.adjustment != "maxt" or n == 1:
        level = (1 - confidence) / (n if testing.adjustment == "holm" else 1)
        p_values = [_alone(test) if testing.adjustment == "maxt" else test for test in p_values]
        return p_values, float(normal_quantile(1 - level / 2))
    draws = [
        JointDraws(
            draws=c.estimates.draws,
            first=c.first,
            second=c.second,
            part=c.estimates.stream,
            n_units=degrees_of_freedom(c.estimates) + 1,
        )
        for c in family
    ]
    two_sided = testing.alternative == "two-sided"
    unbounded = [t.p_value if t.unbounded is None else t.unbounded for t in p_values]
    joint = max_t_adjustment(
        np.concatenate(unbounded), draws, two_sided=two_sided, seed=testing.seed
    )
    adjusted = np.split(joint.adjusted, np.cumsum([len(test.p_value) for test in p_values])[:-1])
    return [
        replace(test, adjusted=np.fmax(values, test.p_value))
        if test.test in ("t", "bootstrap")
        else test
        for test, values in zip(p_values, adjusted, strict=True)
    ], joint.quantile(confidence)


def _sign_flip_tests(
    statistic: Statistic, family: Sequence[Comparisons], testing: ComparisonSettings, n_flips: int
) -> list[PValues]:
    differences = [
        PairedDifferences(
            c.estimates.contributions,
            c.first,
            c.second,
            c.estimates.stream,
            c.estimates.n_units,
        )
        for c in family
        if c.estimates.contributions is not None
    ]
    tests = flip_test(
        differences,
        n_flips=n_flips,
        seed=testing.seed,
        alternative=testing.alternative,
        stop_after_exceedances=testing.stop_after_exceedances,
        most_enumerated=testing.max_enumerated,
    )
    return [_from_flips(test, statistic) for test in tests]


def _from_flips(test: FlipTest, statistic: Statistic) -> PValues:
    variance = test.p_value * (1 - test.p_value)
    mcse = np.zeros_like(variance) if test.enumerated else np.sqrt(variance / test.n_flips)
    status = statistic.estimand.status
    if status != "published" and not statistic.has_contributions:
        status = "approximate"
    return PValues(
        p_value=test.p_value,
        adjusted=test.adjusted,
        mcse=mcse,
        n_flips=int(test.n_flips.max(initial=0)),
        enumerated=test.enumerated,
        test="sign-flip",
        status=status,
    )


def _alone(test: PValues) -> PValues:
    """The p-value of a single comparison, which needs no adjustment."""
    return replace(test, adjusted=np.fmax(test.p_value, test.adjusted))


def _of_draws(comparisons: Comparisons, testing: ComparisonSettings, test: str) -> PValues:
    """Student's t tests, or bootstrap t tests if replicates have standard errors."""
    two_sided = testing.alternative == "two-sided"
    sign = -1.0 if testing.alternative == "less" else 1.0
    n_units, n = comparisons.estimates.n_units, testing.n_resamples
    errors = comparisons.estimates.standard_errors
    if test == "bootstrap" and errors is not None:
        t, t_null = _studentized(comparisons, errors)
        p = _bootstrap_p(sign * t, sign * t_null, two_sided)
        mcse = np.sqrt(p * (1 - p) / n)
    else:
        test = "t"
        t = sign * _t(comparisons)
        dof = max(degrees_of_freedom(comparisons.estimates), 1)  # without a standard error for one
        p = _student_p(t, dof, two_sided)
        mcse = _student_error(t, dof, two_sided) / np.sqrt(2 * n)
    p = np.where(np.isnan(comparisons.se), np.nan, p)
    return PValues(
        p_value=np.maximum(p, smallest_p(n_units, two_sided)),
        unbounded=p,
        adjusted=np.full(len(p), np.nan),
        mcse=np.where(np.isnan(p), np.nan, mcse),
        n_flips=n,
        enumerated=False,
        test=test,
        status="approximate",
    )


def smallest_p(n_units: int, two_sided: bool) -> float:
    """Return the p-value of sign flips of units that all agree, which bounds that of a t test."""
    return 2.0 ** (two_sided - n_units)


def _t(comparisons: Comparisons) -> Floats:
    """Observed differences over their standard errors (pair,)."""
    tested = comparisons.difference if comparisons.tested is None else comparisons.tested
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(tested == 0, 0.0, tested / comparisons.se)


def _studentized(comparisons: Comparisons, errors: StandardErrors) -> tuple[Floats, Floats]:
    """Observed differences (pair,) and centered draws (replicate, pair) over standard errors."""
    draws = comparisons.draws
    se = errors.of_estimate(comparisons.first, comparisons.second)
    se_draws = errors.of_replicates(comparisons.first, comparisons.second)
    deviation = draws - comparisons.difference
    tested = comparisons.difference if comparisons.tested is None else comparisons.tested
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(tested == 0, 0.0, tested / se)
        null = np.where(np.abs(deviation) <= ROUNDOFF, 0.0, deviation / se_draws)
    return np.where(np.isnan(comparisons.se), np.nan, t), null


def _bootstrap_p(t: Floats, null: Floats, two_sided: bool) -> Floats:
    extreme = np.abs(null) >= np.abs(t) if two_sided else null >= t
    n_defined = (~np.isnan(null)).sum(axis=0)
    return np.asarray((1 + extreme.sum(axis=0)) / (1 + n_defined))


def _student_p(t: Floats, dof: int, two_sided: bool) -> Floats:
    from scipy.special import stdtr

    t = np.nan_to_num(t, nan=0.0)
    return np.asarray(2 * stdtr(dof, -np.abs(t)) if two_sided else stdtr(dof, -t))


def _student_error(t: Floats, dof: int, two_sided: bool) -> Floats:
    """Change of the p-value by relative changes of the standard error."""
    from scipy.special import gammaln

    t = np.abs(np.nan_to_num(t, nan=0.0, posinf=1e150, neginf=-1e150))
    constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - np.log(dof * np.pi) / 2
    density = np.exp(constant - (dof + 1) / 2 * np.log1p(t**2 / dof))
    return np.asarray((1 + two_sided) * t * density)


def item_verdicts(estimates: Estimates) -> Floats | None:
    """Return verdicts, 0 or 1 (item, scorer), if the estimate is their mean over items.

    Items that are not included (tied labels) are 0 for all scorers.
    """
    contributions = estimates.contributions
    if contributions is None or len(estimates.tables) > 1:
        return None
    units = resampling_units(estimates.tables[0])[0]
    if len(np.unique(units)) < len(units):
        return None
    blocks = []
    for start in range(0, len(contributions), _ROWS_AT_A_TIME):
        values = contributions[start : start + _ROWS_AT_A_TIME] * estimates.n_items
        verdicts = np.round(values)
        exact = np.abs(values - verdicts).max() <= ROUNDOFF_OF_SUMS
        if not exact or not np.isin(verdicts, (0.0, 1.0)).all():
            return None
        blocks.append(verdicts)
    return np.concatenate(blocks)


def _mcnemar(
    statistic: Statistic, comparisons: Comparisons, testing: ComparisonSettings
) -> PValues:
    verdicts = item_verdicts(comparisons.estimates)
    if verdicts is None:
        raise MetaevalError(
            f"test={testing.test!r} needs one binary verdict (correct or not) per independent "
            f"item, and {statistic.name} is not a mean of such verdicts here; use "
            "test='sign-flip'."
        )
    a, b = verdicts[:, comparisons.first], verdicts[:, comparisons.second]
    p = mcnemar(
        (a > b).sum(axis=0),
        (b > a).sum(axis=0),
        mid_p=testing.test == "mcnemar-mid-p",
        alternative=testing.alternative,
    )
    return PValues(
        p_value=p,
        adjusted=np.full(len(p), np.nan),
        mcse=np.zeros(len(p)),
        n_flips=0,
        enumerated=True,
        test=str(testing.test),
        status=statistic.estimand.status,
    )
