"""How much the scale of a scorer differs between tasks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaeval.calibration.cases import POOLED, Part, row_of
from metaeval.core import Bools, Floats
from metaeval.inference import Plan
from metaeval.resampling import tails
from metaeval.results import Row, format_p_relation
from metaeval.statistics import Estimand

_FEW_TASKS = 3
_ENDLESS = 1e3


class Fits(NamedTuple):
    """Curves of all cases (scorer,) and of draws (draw, scorer), in units of score.

    Slopes are 0 where labels do not rise with margins (`rising`); `assumed` are those of curves
    that rise by assumption. `others` are curves of all cases if other lapses are expected.
    """

    slope: Floats
    lapse: Floats
    slopes: Floats
    lapses: Floats
    assumed: Floats
    others: tuple[tuple[Floats, Floats], ...]
    largest: Floats

    @property
    def rising(self) -> Bools:
        """Whether labels rise with the margins of each scorer: (scorer,)."""
        return self.slope > 0


def scale_ratios(
    parts: list[Part], fits: list[Fits], plan: Plan
) -> tuple[tuple[Estimand, list[Row], Floats], list[str]]:
    """How much slopes differ between tasks, for each scorer, and a line on each."""
    what = "exp(tau), tau the standard deviation of log slopes between tasks"
    estimand = Estimand(
        name="scale_ratio",
        rows="pairs",
        grouping="item",
        average="items",
        ties="none",
        target=what,
        whole=POOLED,
        status="approximate",
        better="neither",
    )
    rows, notes = [], []
    for m, name in enumerate(parts[0].cases.scorers):
        some = [fit for fit in fits[1:] if fit.rising[m]]
        if len(some) < 2:
            rows.append(row_of(estimand, parts[0], name, estimate=np.nan))
            notes.append(
                f"{name}: scales of tasks are not compared{_left_out(len(fits) - 1 - len(some))}"
            )
            continue
        logs = np.array([np.log(fit.slope[m]) for fit in some])
        errors = np.array([np.log(fit.assumed[1:, m]).std(ddof=1) for fit in some])
        tau, low, high, p = heterogeneity(logs, errors**2, plan.confidence)
        ratio, ends = np.exp(tau), np.exp([low, high])
        if len(logs) < _FEW_TASKS:  # two tasks say nothing of how far others may lie
            ends = np.full(2, np.nan)
        ends = np.where(ends > _ENDLESS, np.inf, ends)
        rows.append(
            row_of(
                estimand,
                parts[0],
                name,
                estimate=float(ratio),
                lower=float(ends[0]),
                upper=float(ends[1]),
                p_value=p,
                interval=None if np.isnan(ends).all() else "q-profile",
                test="cochran-q",
            )
        )
        widest = np.exp(logs.max() - logs.min())
        notes.append(
            f"{name}: a gap is worth up to {widest:.3g} times as much in one task as in another "
            f"(p {format_p_relation(p)} for no difference{_left_out(len(fits) - 1 - len(some))})"
        )
    return (estimand, rows, np.empty((0, 0))), notes


def _left_out(n: int) -> str:
    many = "" if n == 1 else "s"
    return f"; {n} task{many} left out where labels do not rise" if n else ""


def heterogeneity(
    values: Floats, variances: Floats, confidence: float
) -> tuple[float, float, float, float]:
    """Standard deviation of true values around their mean, its interval, and p for none.

    `values` (task,) with known `variances` (task,). By Paule and Mandel; the interval inverts
    Cochran's Q.
    """
    from scipy import stats

    freedom = len(values) - 1

    def q(square: float) -> float:
        w = 1 / (variances + square)
        return float((w * (values - (w @ values) / w.sum()) ** 2).sum())

    def solved(target: float) -> float:
        low, high = 0.0, float(np.var(values) * len(values) + variances.max())
        if q(0.0) <= target:
            return 0.0
        while q(high) > target:
            high *= 2
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if q(middle) > target else (low, middle)
        return float(np.sqrt(high))

    upper, lower = stats.chi2.ppf(tails(confidence)[:, 0], freedom)
    return solved(freedom), solved(lower), solved(upper), float(stats.chi2.sf(q(0.0), freedom))
