"""Heterogeneity of the scale of a scorer between tasks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaeval.calibration.cases import POOLED, StratumCases, result_row
from metaeval.core import Bools, Floats
from metaeval.resampling import tails
from metaeval.results import Row, format_p_relation
from metaeval.statistics import Estimand

_MIN_TASKS = 3  # for an interval; two tasks are hardly informative about the variance between tasks
_MAX_RATIO = 1e3  # larger bounds of a scale ratio are reported as infinite


class Fits(NamedTuple):
    """Curves of all cases (scorer,) and of draws (draw, scorer), in units of the scores.

    Slopes are 0 if labels are not positively associated with margins (`increasing`); `assumed`
    holds the fitted slopes, which are positive in any case. `others` are curves of all cases under
    other priors of the lapse rate, `largest` the largest absolute margins.
    """

    slope: Floats
    lapse: Floats
    slopes: Floats
    lapses: Floats
    assumed: Floats
    others: tuple[tuple[Floats, Floats], ...]
    largest: Floats

    @property
    def increasing(self) -> Bools:
        """Whether labels are positively associated with margins: (scorer,)."""
        return self.slope > 0


def scale_ratios(
    parts: list[StratumCases], fits: list[Fits], confidence: float
) -> tuple[tuple[Estimand, list[Row], Floats], list[str]]:
    """Heterogeneity of slopes between tasks for each scorer, and notes."""
    quantity = "exp(tau), where tau is the standard deviation of log slopes between tasks"
    estimand = Estimand(
        name="scale_ratio",
        rows="pairs",
        grouping="item",
        average="items",
        ties="none",
        target=quantity,
        whole=POOLED,
        status="approximate",
        better="neither",
    )
    rows, notes = [], []
    for m, name in enumerate(parts[0].cases.scorers):
        increasing = [fit for fit in fits[1:] if fit.increasing[m]]
        excluded = _excluded(len(fits) - 1 - len(increasing))
        if len(increasing) < 2:
            rows.append(result_row(estimand, parts[0], name, estimate=np.nan))
            notes.append(f"{name}: score scales are not compared between tasks{excluded}")
            continue
        logs = np.array([np.log(fit.slope[m]) for fit in increasing])
        errors = np.array([np.log(fit.assumed[1:, m]).std(ddof=1) for fit in increasing])
        tau, low, high, p = heterogeneity(logs, errors**2, confidence)
        ratio, ends = np.exp(tau), np.exp([low, high])
        if len(logs) < _MIN_TASKS:
            ends = np.full(2, np.nan)
        ends = np.where(ends > _MAX_RATIO, np.inf, ends)
        rows.append(
            result_row(
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
            f"{name}: score scales differ between tasks by a factor of up to {widest:.3g} (p "
            f"{format_p_relation(p)} for the test of equal scales{excluded})"
        )
    return (estimand, rows, np.empty((0, 0))), notes


def _excluded(n: int) -> str:
    if not n:
        return ""
    tasks = "task" if n == 1 else "tasks"
    return f"; {n} {tasks} without a positive association of labels and margins excluded"


def heterogeneity(
    values: Floats, variances: Floats, confidence: float
) -> tuple[float, float, float, float]:
    """Standard deviation of true values between tasks, its interval, and p-value for 0.

    Estimates `values` (task,) have known `variances` (task,). The method is that of Paule and
    Mandel; the interval inverts Cochran's Q.
    """
    from scipy import stats

    df = len(values) - 1

    def q(square: float) -> float:
        w = 1 / (variances + square)
        return float((w * (values - (w @ values) / w.sum()) ** 2).sum())

    def solve(target: float) -> float:
        low, high = 0.0, float(np.var(values) * len(values) + variances.max())
        if q(0.0) <= target:
            return 0.0
        while q(high) > target:
            high *= 2
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if q(middle) > target else (low, middle)
        return float(np.sqrt(high))

    upper, lower = stats.chi2.ppf(tails(confidence)[:, 0], df)
    return solve(df), solve(lower), solve(upper), float(stats.chi2.sf(q(0.0), df))
