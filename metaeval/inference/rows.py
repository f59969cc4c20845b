"""Rows of a result: a scorer's own value, and the difference of two."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from metaeval.core import ROUNDOFF, Bools, Codes, Floats
from metaeval.inference.estimation import Estimates
from metaeval.inference.families import Member, Tested, differences_of
from metaeval.inference.hypothesis_tests import test_family, verdicts_of
from metaeval.inference.settings import FLIPS_PER_COMPARISON, Plan
from metaeval.resampling import (
    MAX_ENUMERATED,
    IntervalInputs,
    detectable,
    intervals,
    multiplicity,
    near_boundary,
    tost,
)
from metaeval.results import COLUMNS, LEVELS, Row
from metaeval.statistics import Statistic

_DRAWN = ("bca", "percentile", "basic")
NOISE = "t-noise"
_OF_COUNTS = ("wilson", "jeffreys")
_DRAWS = 2**20  # draws of differences that are sorted at one time


def own_rows(statistic: Statistic, part: Estimates, names: list[str], plan: Plan) -> list[Row]:
    """The value of each scorer with its interval, chance, trivial value, skill and tie rate."""
    ends, se, kinds = _own_intervals(statistic, part, plan)
    levels = levels_of(part, part.estimate)
    return [
        _row(statistic, part, m, name, None, part.estimate, ends, se)
        | {key: float(values[m]) for key, values in levels.items()}
        | {"status": statistic.estimand.status, "interval": kinds[m]}
        for m, name in enumerate(names)
    ]


def levels_of(part: Estimates, estimate: Floats) -> dict[str, Floats]:
    """Chance, trivial value, tie rate and skill beside estimates (scorer,), where they exist."""
    levels = {k: part.levels[k] for k in LEVELS if k in part.levels}
    if "best_constant" in levels:
        room = 1 - levels["best_constant"]
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = (estimate - levels["best_constant"]) / room
        levels["skill"] = np.where(room > ROUNDOFF, gain, np.nan)
    return levels


def _own_intervals(
    statistic: Statistic, part: Estimates, plan: Plan
) -> tuple[Floats, Floats, list[str]]:
    """Ends (2, scorer), standard errors (scorer,) and the kind of each interval."""
    se = _error(part, part.draws, np.arange(len(part.estimate)), None)
    n = _degrees(part) + 1
    sample = IntervalInputs(
        part.estimate, part.draws, part.influence, se, n, bounded=statistic.is_accuracy
    )
    verdicts = verdicts_of(part)
    kind = usable_interval(statistic, part, plan.interval, verdicts is not None)
    kinds = np.full(len(se), kind, dtype=object)
    of_items = statistic.has_contributions
    if kind in _DRAWN and part.n_systems is None:
        kinds[near_boundary(sample) & (of_items | (se > 0))] = "wilson"
    trials = np.full(len(se), float(part.n_items))
    if verdicts is None:
        trials = _trials(sample, part.share, of_items)
    fixed = _at_limit(sample, statistic.limits)
    if kind not in (*_OF_COUNTS, NOISE) and fixed.any():
        kinds[fixed] = "wilson"
        of_units = verdicts is None or "trials" in part.levels
        trials = np.where(fixed & of_units, _units(part), trials)
        se = np.where(fixed, 0.0, se)
    low, high = statistic.limits or (0.0, 1.0)
    share = (part.estimate - low) / (high - low)
    sample = sample._replace(successes=share * trials, trials=trials)
    ends = np.full((2, len(se)), np.nan)
    if kind == NOISE and not np.isnan(part.draws).all():
        low, high = intervals.t(sample, plan.confidence)
        return (
            np.stack([np.maximum(low - noise_of(part), 0.0), high]),
            se,
            [NOISE] * len(se),
        )
    for name in set(kinds) if not np.isnan(part.draws).all() else ():
        some = kinds == name
        own = sample if some.all() else _columns(sample, some)
        found = _ends(own, part, str(name), np.flatnonzero(some), plan)
        found = _holding(own.estimate, found) if name in _DRAWN else found
        ends[:, some] = low + (high - low) * found if name in _OF_COUNTS else found
    return ends, se, [str(k) for k in kinds]


def _holding(estimate: Floats, ends: Floats) -> Floats:
    """Ends (2, column) moved to the estimate where it lies outside, as beyond skewed draws."""
    return np.stack([np.fmin(ends[0], estimate), np.fmax(ends[1], estimate)])


def _at_limit(sample: IntervalInputs, limits: tuple[float, float] | None) -> Bools:
    """Whether each value is the least or the largest possible one, in every draw: (scorer,)."""
    at = np.zeros(len(sample.se), dtype=bool)
    for limit in limits or ():
        at |= np.abs(sample.estimate - limit) <= ROUNDOFF
    if not at.any():
        return at
    still = np.fmax.reduce(sample.draws) - np.fmin.reduce(sample.draws) <= ROUNDOFF
    return np.asarray(at & still)


def _units(part: Estimates) -> float:
    """Independent units: by their shares of the items, no more than the systems drawn with them.

    Nor more than the statistic says that its values stand on, such as the rarer kind of AUROC.
    """
    most = [1 / float(np.square(part.share).sum())]
    most += [] if part.n_systems is None else [float(part.n_systems)]
    most += [float(part.levels["trials"].min())] if "trials" in part.levels else []
    return min(most)


def noise_of(part: Estimates) -> Floats:
    """The most that noise adds to each value: (scorer,)."""
    return part.levels.get(
        "noise", part.levels.get("expected_if_calibrated", np.zeros(len(part.estimate)))
    )


def _trials(sample: IntervalInputs, share: Floats, of_items: bool) -> Floats:
    """Independent 0/1 items that would tell as much: by the shares of units, or by the error."""
    if of_items:
        return np.full(len(sample.se), 1 / float(np.square(share).sum()))
    known = ~np.isnan(sample.draws)  # at 0 and 1 themselves their mean says how far they vary
    share = np.where(known, sample.draws, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = share * (1 - share) / sample.se**2
    return np.where(sample.se > 0, effective, 1.0)


def _columns(sample: IntervalInputs, some: Floats | slice) -> IntervalInputs:
    picked: dict[str, Any] = {
        name: value[..., some]
        for name, value in zip(sample._fields, sample, strict=True)
        if isinstance(value, np.ndarray)
    }
    return sample._replace(**picked)


def _ends(
    sample: IntervalInputs, part: Estimates, kind: str, scorers: Floats, plan: Plan
) -> Floats:
    """Ends of one kind of interval: (2, scorer)."""
    if kind == "bootstrap-t" and part.standard_errors is not None:
        se, se_draws = (
            part.standard_errors.of_estimate(scorers, None),
            part.standard_errors.of_replicates(scorers, None),
        )
        sample = sample._replace(se=se, se_draws=se_draws)
    return intervals.BY_NAME[kind](sample, plan.confidence)


def usable_interval(statistic: Statistic, part: Estimates, wanted: str, counts: bool) -> str:
    """The wanted kind of interval, or what stands in for it where it does not exist."""
    if wanted in _OF_COUNTS and not counts:
        wanted = "bca"
    if statistic.inflated and wanted in (*_DRAWN, "bootstrap-t"):
        return NOISE
    if wanted in _DRAWN and statistic.interval is not None:
        return statistic.interval
    drawn = wanted in _DRAWN
    if part.n_systems is not None and drawn:  # draws of both spread too far, simulations say
        return "percentile" if part.standard_errors is None else "t"
    if wanted == "bootstrap-t" and part.standard_errors is None:
        return "t" if part.n_systems is None else "percentile"
    return wanted


def _error(part: Estimates, draws: Floats, first: Codes, second: Codes | None) -> Floats:
    """Standard errors: of the draws, or by the two-way formula where systems are drawn."""
    if part.n_systems is not None and part.standard_errors is not None:
        return part.standard_errors.of_estimate(first, second)
    # Weights drawn from n units vary by (n - 1) / n of what new units would.
    return _deviation(draws) * np.sqrt(part.n_units / max(part.n_units - 1, 1))


def _deviation(draws: Floats) -> Floats:
    """Standard deviation of the draws of each column; NaN where there are none."""
    if np.isnan(draws).all():
        return np.full(draws.shape[1], np.nan)
    still = (np.abs(draws - draws[:1]) <= ROUNDOFF * np.maximum(np.abs(draws[:1]), 1)).all(axis=0)
    return np.where(still, 0.0, np.nanstd(draws, axis=0, ddof=1))


def difference_rows(
    statistic: Statistic, parts: Sequence[tuple[Estimates, list[str], Plan]], n_flips: int
) -> list[Row]:
    """Differences of the pairs of scorers of one family, with intervals and p-values.

    Each part has the names of its scorers and the plan that says which of them are compared.
    """
    members = [_member(statistic, part, plan.pairs(names)) for part, names, plan in parts]
    if not members or not len(members[0].first):
        return []
    tests = test_family(statistic, members, parts[0][2], n_flips)
    rows = [
        row
        for (_, names, plan), member, tested in zip(parts, members, tests, strict=True)
        for row in _member_rows(statistic, member, tested, names, plan)
    ]
    adjust(rows, parts[0][2].adjustment)
    return rows


def _member(statistic: Statistic, part: Estimates, pairs: list[tuple[int, int]]) -> Member:
    a, b = np.array(pairs, dtype=int).reshape(-1, 2).T
    estimate = part.estimate[a] - part.estimate[b]
    estimate = np.where(np.abs(estimate) <= ROUNDOFF, 0.0, estimate)
    return Member(
        part,
        a,
        b,
        estimate,
        _error(part, differences_of(part.draws, a, b), a, b),
        _tested(statistic, part, a, b, estimate),
    )


def _noise_of_two(
    statistic: Statistic, part: Estimates, a: Codes, b: Codes
) -> tuple[Floats, Floats]:
    """By how much true differences of pairs may lie above and below those seen: (pair,) each."""
    noise = noise_of(part) if statistic.inflated == "both" else np.zeros(len(part.estimate))
    return noise[b], noise[a]


def _tested(
    statistic: Statistic, part: Estimates, a: Codes, b: Codes, gap: Floats
) -> Floats | None:
    """The difference that is tested: less what noise may have added to the larger value."""
    if statistic.inflated != "both":
        return None
    noise = noise_of(part)
    least = np.maximum(np.abs(gap) - np.where(gap > 0, noise[a], noise[b]), 0.0)
    return np.asarray(np.sign(gap) * least)


def _member_rows(
    statistic: Statistic, member: Member, tested: Tested, names: list[str], plan: Plan
) -> list[Row]:
    part, a, b, estimate, se, _ = member
    draws = member.draws
    ends, kind = _difference_ends(statistic, member, draws, plan)
    n_draws = np.maximum((~np.isnan(draws)).sum(axis=0), 1)
    good = draws < 0 if statistic.estimand.better == "lower" else draws > 0
    better = (good.sum(axis=0) + (draws == 0).sum(axis=0) / 2) / n_draws
    above, below = _noise_of_two(statistic, part, a, b)
    mde = detectable(se, plan.confidence) + np.maximum(above, below)
    same = np.full(len(se), np.nan)
    if plan.margin is not None:
        farthest = np.maximum(np.abs(estimate + above), np.abs(estimate - below))
        same = tost(farthest, se, plan.margin, _degrees(part))
        same = np.where(se > 0, same, np.nan)  # units that do not vary cannot tell
    return [
        _row(statistic, part, i, names[x], names[y], estimate, ends, se)
        | {
            "p_value": float(tested.p_value[i]),
            "p_mcse": float(tested.mcse[i]),
            "p_adjusted": float(tested.adjusted[i]),
            "p_equivalent": float(same[i]),
            "prob_better": float(better[i]) if not np.isnan(se[i]) else np.nan,
            "mde": float(mde[i]),
            "interval": kind,
            "test": tested.name,
            "status": statistic.estimand.status
            if statistic.estimand.status == "published"
            else tested.status,
        }
        for i, (x, y) in enumerate(zip(a, b, strict=True))
    ]


def _degrees(part: Estimates) -> int:
    return (part.n_units if part.n_systems is None else min(part.n_units, part.n_systems)) - 1


def _difference_ends(
    statistic: Statistic, member: Member, draws: Floats, plan: Plan
) -> tuple[Floats, str]:
    part, a, b, estimate, se, _ = member
    of_gaps = (
        statistic if statistic.inflated == "both" else dataclasses.replace(statistic, inflated="")
    )
    kind = usable_interval(of_gaps, part, plan.interval, False)
    if np.isnan(draws).all():
        return np.full((2, len(se)), np.nan), kind
    influence = part.influence[:, a] - part.influence[:, b]
    sample = IntervalInputs(estimate, draws, influence, se, _degrees(part) + 1)
    if kind == NOISE:
        low, high = intervals.t(sample, plan.confidence)
        above, below = _noise_of_two(statistic, part, a, b)
        return np.stack([low - below, high + above]), kind
    if kind == "bootstrap-t" and part.standard_errors is not None:
        observed, se_draws = (
            part.standard_errors.of_estimate(a, b),
            part.standard_errors.of_replicates(a, b),
        )
        sample = sample._replace(se=observed, se_draws=se_draws)
    step = max(1, _DRAWS // len(draws))
    blocks = [_columns(sample, slice(i, i + step)) for i in range(0, len(se), step)]
    ends = [intervals.BY_NAME[kind](block, plan.confidence) for block in blocks]
    whole = np.concatenate(ends, axis=1)
    return _holding(estimate, whole) if kind in _DRAWN else whole, kind


def _row(
    statistic: Statistic,
    part: Estimates,
    i: int,
    scorer: str,
    baseline: str | None,
    estimate: Floats,
    ends: Floats,
    se: Floats,
) -> Row:
    return dict.fromkeys(COLUMNS) | {
        "statistic": statistic.name,
        "task": part.name,
        "scorer": scorer,
        "baseline": baseline,
        "estimate": float(estimate[i]),
        "lower": float(ends[0, i]),
        "upper": float(ends[1, i]),
        "se": float(se[i]),
        "n_items": part.n_items,
        "n_clusters": part.n_units,
        "n_rows": part.n_rows,
        "n_dropped": part.n_dropped,
        "status": statistic.estimand.status,
    }


def adjust(rows: list[Row], correction: str) -> None:
    """Fill in adjusted p-values of one family, with Holm's beside them."""
    raw = np.array([row["p_value"] for row in rows], dtype=float)
    beside = multiplicity.holm(raw)
    adjusted = None if correction == "maxt" else multiplicity.ADJUST[correction](raw)
    for i, row in enumerate(rows):
        row["p_holm"] = float(beside[i])
        if adjusted is not None:
            row["p_adjusted"] = float(adjusted[i])


def reach_warning(part: Estimates, family: int, plan: Plan) -> str | None:
    """A warning where no comparison of a family could be separated, however clear."""
    if part.contributions is None or not family or plan.test != "sign-flip":
        return None
    n_units = len(part.contributions)
    factor = family if plan.adjustment == "holm" else 1
    if n_units <= MAX_ENUMERATED:
        least = factor * 2.0 ** (1 - n_units) / (1 + (plan.alternative != "two-sided"))
    else:
        least = factor / (1 + plan.n_flips(family))
    enough = plan.n_flips(family) >= FLIPS_PER_COMPARISON * family or factor == 1
    if least <= 1 - plan.confidence + ROUNDOFF and enough:
        return None
    return (
        f"the smallest adjusted p that {n_units} units and {family} comparisons can reach is "
        f"{min(least, 1):.3g}: compare fewer scorers (--scorers, --baseline) or get more items"
    )
