"""Rows of a result: a scorer's own value, and the difference of two."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from metaeval import intervals, multiplicity
from metaeval.arrays import Codes, Floats
from metaeval.measure import Measured
from metaeval.resampling import MAX_ENUMERATED, MAX_FLIPS, FlipTest, sign_flip
from metaeval.statistics.base import Statistic

Row = dict[str, Any]

COLUMNS = (
    *("statistic", "task", "scorer", "baseline", "estimate", "lower", "upper", "se"),
    *("p_value", "p_mcse", "p_adjusted", "prob_better", "mde"),
    *("chance", "trivial", "skill", "tie_rate", "n_items", "n_clusters", "n_rows", "n_dropped"),
    *("interval", "test", "status"),
)

POWER = 0.8
_FLIPS_PER_COMPARISON = 200
_EQUAL = 1e-12


@dataclass(frozen=True)
class Plan:
    """Arguments of a verb, checked."""

    verb: str
    confidence: float
    interval: str
    n_resamples: int
    seed: int
    test: str = "sign-flip"
    correction: str = "holm"
    baseline: str | None = None
    by: str | None = None
    scorers: tuple[str, ...] | None = None
    keep_draws: bool = False

    def pairs(self, names: list[str]) -> list[tuple[int, int]]:
        """Which scorers are compared: with the baseline, or each with each."""
        if self.verb != "compare":
            return []
        if self.baseline is not None:
            base = names.index(self.baseline)
            return [(m, base) for m in range(len(names)) if m != base]
        return list(itertools.combinations(range(len(names)), 2))

    def n_flips(self, family: int) -> int:
        """Random flips for a family of so many comparisons."""
        return min(max(self.n_resamples, _FLIPS_PER_COMPARISON * family), MAX_FLIPS)


def _interval(
    draws: Floats, estimate: Floats, influence: Floats, plan: Plan
) -> tuple[Floats, Floats]:
    """Interval (2, column) and standard error (column,); NaN where there are no draws."""
    if np.isnan(draws).all():
        nothing = np.full(len(estimate), np.nan)
        return np.stack([nothing, nothing]), nothing
    se = np.nanstd(draws, axis=0, ddof=1)
    sample = intervals.Sample(estimate, draws, influence, se, len(influence))
    return intervals.BY_NAME[plan.interval](sample, plan.confidence), se


def own_rows(statistic: Statistic, part: Measured, names: list[str], plan: Plan) -> list[Row]:
    """The value of each scorer with its interval, chance, trivial value, skill and tie rate."""
    ends, se = _interval(part.draws, part.estimate, part.influence, plan)
    levels = {k: part.levels[k] for k in ("chance", "trivial", "tie_rate") if k in part.levels}
    if "trivial" in levels:
        room = 1 - levels["trivial"]
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = (part.estimate - levels["trivial"]) / room
        levels["skill"] = np.where(room > 0, gain, np.nan)
    return [
        _row(statistic, part, plan, m, name, None, part.estimate, ends, se)
        | {key: float(values[m]) for key, values in levels.items()}
        | {"status": statistic.status}
        for m, name in enumerate(names)
    ]


def difference_rows(
    statistic: Statistic, part: Measured, names: list[str], plan: Plan, family: int
) -> list[Row]:
    """The difference of each pair of scorers with interval, p-value and detectable difference."""
    pairs = plan.pairs(names)
    if not pairs:
        return []
    a, b = np.array(pairs).T
    estimate = part.estimate[a] - part.estimate[b]
    estimate = np.where(np.abs(estimate) <= _EQUAL, 0.0, estimate)
    draws = part.draws[:, a] - part.draws[:, b]
    draws[np.abs(draws) <= _EQUAL] = 0.0
    ends, se = _interval(draws, estimate, part.influence[:, a] - part.influence[:, b], plan)
    se = np.where((draws == draws[:1]).all(axis=0), 0.0, se)
    test, name, exact = _test(statistic, part, a, b, estimate, se, plan, family)
    z = NormalDist().inv_cdf((1 + plan.confidence) / 2) + NormalDist().inv_cdf(POWER)
    n_draws = np.maximum((~np.isnan(draws)).sum(axis=0), 1)
    better = ((draws > 0).sum(axis=0) + (draws == 0).sum(axis=0) / 2) / n_draws
    spread = test.p_value * (1 - test.p_value)
    mcse = np.zeros_like(spread) if test.enumerated else np.sqrt(spread / test.n_flips)
    return [
        _row(statistic, part, plan, i, names[x], names[y], estimate, ends, se)
        | {
            "p_value": float(test.p_value[i]),
            "p_mcse": float(mcse[i]),
            "prob_better": float(better[i]) if not np.isnan(se[i]) else np.nan,
            "mde": float(z * se[i]),
            "test": name,
            "status": statistic.status if exact or statistic.status == "replica" else "approximate",
        }
        for i, (x, y) in enumerate(pairs)
    ]


def _test(
    statistic: Statistic,
    part: Measured,
    a: Codes,
    b: Codes,
    estimate: Floats,
    se: Floats,
    plan: Plan,
    family: int,
) -> tuple[FlipTest, str, bool]:
    """The flip test, or a normal test on the bootstrap's standard error where there is none."""
    if part.contributions is not None:
        flips = sign_flip(
            part.contributions, a, b, n_flips=plan.n_flips(family), seed=plan.seed, part=part.part
        )
        return flips, "sign-flip", statistic.contributions is not None
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(estimate == 0, 0.0, np.abs(estimate) / se)
    p = 2 * (1 - intervals.normal_cdf(np.nan_to_num(z, nan=0.0, posinf=40.0)))
    least = max(1 / (1 + plan.n_resamples), 2.0 ** (1 - part.n_units))
    p = np.where(np.isnan(se), np.nan, np.maximum(p, least))
    return FlipTest(p, plan.n_resamples, False), "bootstrap", False


def _row(
    statistic: Statistic,
    part: Measured,
    plan: Plan,
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
        "interval": plan.interval,
        "status": statistic.status,
    }


def adjust(rows: list[Row], correction: str) -> None:
    """Fill in adjusted p-values, each family of comparisons on its own.

    A family is the differences of one statistic in the macro (or pooled) rows, or those in all
    its strata together.
    """
    families: dict[tuple[str, bool], list[Row]] = {}
    for row in rows:
        if row["baseline"] is not None:
            families.setdefault((row["statistic"], row["task"] is None), []).append(row)
    for members in families.values():
        raw = np.array([row["p_value"] for row in members], dtype=float)
        for row, p in zip(members, multiplicity.ADJUST[correction](raw), strict=True):
            row["p_adjusted"] = float(p)


def reach_warning(part: Measured, family: int, plan: Plan) -> str | None:
    """A warning where no comparison of a family could be separated, however clear."""
    if part.contributions is None or not family:
        return None
    n_units = len(part.contributions)
    factor = family if plan.correction == "holm" else 1
    if n_units <= MAX_ENUMERATED:
        least = factor * 2.0 ** (1 - n_units)
    else:
        least = factor / (1 + plan.n_flips(family))
    if least <= 1 - plan.confidence and plan.n_flips(family) >= _FLIPS_PER_COMPARISON * family:
        return None
    return (
        f"the smallest adjusted p that {n_units} units and {family} comparisons can reach is "
        f"{min(least, 1):.3g}: compare fewer scorers (--scorers, --baseline) or get more items"
    )
