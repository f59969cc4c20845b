"""Tests of a family of differences: flips, bootstrap, closed forms and replicas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metaeval.core import ROUNDOFF, ROUNDOFF_OF_SUMS, Floats, MetaevalError
from metaeval.inference.design import units_of
from metaeval.inference.estimation import Estimates
from metaeval.inference.families import Member, Tested
from metaeval.inference.published_tests import replica_tests
from metaeval.inference.settings import Plan
from metaeval.resampling import (
    FlipTest,
    PairedDifferences,
    flip_test,
    mcnemar,
    normal_cdf,
    step_down,
)
from metaeval.statistics import Statistic

_CERTAIN = 40.0
_ROWS = 2**16


def test_family(
    statistic: Statistic, members: Sequence[Member], plan: Plan, n_flips: int
) -> list[Tested]:
    """Test all differences of a family, members sharing their draws."""
    flips = all(m.part.contributions is not None for m in members)
    if plan.test == "sign-flip" and flips:
        return _flipped(statistic, members, plan, n_flips)
    if plan.test.startswith("mcnemar"):
        return [_mcnemar(statistic, m, plan) for m in members]
    if plan.test in ("sign-flip", "bootstrap"):
        return _bootstrapped(members, plan)
    return replica_tests(statistic, members, plan, n_flips)


def _flipped(
    statistic: Statistic, members: Sequence[Member], plan: Plan, n_flips: int
) -> list[Tested]:
    contrasts = [
        PairedDifferences(m.part.contributions, m.first, m.second, m.part.part, m.part.n_units)
        for m in members
        if m.part.contributions is not None
    ]
    tests = flip_test(
        contrasts,
        n_flips=n_flips,
        seed=plan.seed,
        alternative=plan.alternative,
        stop_after_exceedances=plan.stop_after_exceedances,
        most_enumerated=plan.most_enumerated,
    )
    status = statistic.estimand.status if statistic.has_contributions else "approximate"
    return [_of_flips(test, statistic, status) for test in tests]


def _of_flips(test: FlipTest, statistic: Statistic, status: str) -> Tested:
    spread = test.p_value * (1 - test.p_value)
    mcse = np.zeros_like(spread) if test.enumerated else np.sqrt(spread / test.n_flips)
    n = int(test.n_flips.max(initial=0))
    status = "published" if statistic.estimand.status == "published" else status
    return Tested(test.p_value, test.adjusted, mcse, n, test.enumerated, "sign-flip", status)


def _bootstrapped(members: Sequence[Member], plan: Plan) -> list[Tested]:
    """Bootstrap tests: studentised in each replicate where there is a formula, else by one se."""
    scaled = [_studentised(m) for m in members]
    two_sided = plan.alternative == "two-sided"
    turn = -1.0 if plan.alternative == "less" else 1.0
    observed = [turn * t for t, _ in scaled]
    null = [turn * t for _, t in scaled]
    adjusted = step_down(np.concatenate(observed), np.concatenate(null, axis=1), two_sided)
    cuts = np.cumsum([len(t) for t in observed])[:-1]
    tests = []
    for m, t, t_null, own in zip(members, observed, null, np.split(adjusted, cuts), strict=True):
        p = (
            _p_of_draws(t, t_null, two_sided)
            if m.part.standard_errors
            else _p_of_normal(t, two_sided)
        )
        least = max(1 / (1 + plan.n_resamples), 2.0 ** (1 - m.part.n_units))
        p = np.where(np.isnan(m.se), np.nan, np.maximum(p, least))
        mcse = np.sqrt(p * (1 - p) / plan.n_resamples)
        own = np.maximum(own, p)
        tests.append(Tested(p, own, mcse, plan.n_resamples, False, "bootstrap", "approximate"))
    return tests


def _studentised(member: Member) -> tuple[Floats, Floats]:
    """Observed differences (pair,) and centred draws (replicate, pair) over standard errors."""
    observed, drawn = member.se, np.broadcast_to(member.se, member.draws.shape)
    if member.part.standard_errors is not None:
        observed = member.part.standard_errors.of_estimate(member.first, member.second)
        drawn = member.part.standard_errors.of_replicates(member.first, member.second)
    gap = member.draws - member.estimate
    tested = member.estimate if member.tested is None else member.tested
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(tested == 0, 0.0, tested / observed)
        null = np.where(np.abs(gap) <= ROUNDOFF, 0.0, gap / drawn)
    return np.where(np.isnan(member.se), np.nan, t), null


def _p_of_draws(t: Floats, null: Floats, two_sided: bool) -> Floats:
    extreme = np.abs(null) >= np.abs(t) if two_sided else null >= t
    there = (~np.isnan(null)).sum(axis=0)
    return np.asarray((1 + extreme.sum(axis=0)) / (1 + there))


def _p_of_normal(t: Floats, two_sided: bool) -> Floats:
    z = np.clip(np.nan_to_num(t, nan=0.0, posinf=_CERTAIN, neginf=-_CERTAIN), -_CERTAIN, _CERTAIN)
    if two_sided:
        return np.asarray(2 * (1 - normal_cdf(np.abs(z))))
    return np.asarray(1 - normal_cdf(z))


def verdicts_of(part: Estimates) -> Floats | None:
    """One verdict, 0 or 1, of each item (item, scorer), if that is all the estimate is made of.

    Items that do not count (tied labels) are 0 for all scorers.
    """
    if part.contributions is None or len(part.tables) > 1:
        return None
    units = units_of(part.tables[0])[0]
    if len(np.unique(units)) < len(units):
        return None
    found = []
    for start in range(0, len(part.contributions), _ROWS):
        verdicts = part.contributions[start : start + _ROWS] * part.n_items
        whole = np.round(verdicts)
        if (
            np.abs(verdicts - whole).max() > ROUNDOFF_OF_SUMS
            or not np.isin(whole, (0.0, 1.0)).all()
        ):
            return None
        found.append(whole)
    return np.concatenate(found)


def _mcnemar(statistic: Statistic, member: Member, plan: Plan) -> Tested:
    verdicts = verdicts_of(member.part)
    if verdicts is None:
        raise MetaevalError(
            f"test={plan.test!r} needs one verdict, right or wrong, of each independent item; "
            f"{statistic.name} here is no such count. Use test='sign-flip'."
        )
    a, b = verdicts[:, member.first], verdicts[:, member.second]
    p = mcnemar(
        (a > b).sum(axis=0),
        (b > a).sum(axis=0),
        mid_p=plan.test == "mcnemar-mid-p",
        alternative=plan.alternative,
    )
    nothing = np.full(len(p), np.nan)
    return Tested(p, nothing, np.zeros(len(p)), 0, True, plan.test, statistic.estimand.status)
