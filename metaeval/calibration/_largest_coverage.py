"""Largest coverage at which an accuracy is assured, by tests in sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from metaeval.calibration._risk_coverage import (
    MostConfident,
    effective_numbers,
    lower_bounds,
    most_confident,
)
from metaeval.calibration.cases import (
    StratumCases,
    add_signature,
    cases_by_stratum,
    curve_estimand,
    prepare_design,
)
from metaeval.core import ROUNDOFF, SMALLEST_DIVISOR, Codes, Floats, MetaevalError, check_fraction
from metaeval.curves import selective_risk
from metaeval.inference import DesignOptions, Settings
from metaeval.statistics import (
    Cases,
    Forecast,
    Scale,
    by_confidence,
    rank_by_margin,
    reading_of,
)
from metaeval.tables import Table

_STEPS = (
    100  # tests at every percent of coverage; 20 steps lose a point of coverage, more gain none
)


def largest_coverage(
    table: Table,
    accuracy: float = 0.9,
    *,
    forecast: Forecast | Scale = "score",
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    starts: Sequence[float] = (0.2, 0.5, 0.8),
    confidence: float = 0.95,
) -> pd.DataFrame:
    r"""Largest coverage at which the accuracy of decisions is assured.

    Parameters
    ----------
    table : Responses or Pairs
    accuracy : float, default 0.9
        Accuracy required of the decisions.
    forecast : Forecast or {"score", "probability", "log_odds"}, default "score"
        How scores become forecasts of an event; see `metaeval.statistics.Forecast`.
    label, scorers, by, resample, missing
        As in `metaeval.evaluate`.
    starts : sequence of float, default (0.2, 0.5, 0.8)
        Coverages at which a sequence of tests starts; choose them before looking at the labels. A
        single start is best where accuracy falls steadily with coverage, and returns 0 where the
        accuracy of that many decisions does not reach the target.
    confidence : float, default 0.95
        Confidence that the accuracy at the threshold is at least the required one.

    Returns
    -------
    DataFrame
        One row for each scorer (and stratum): scorer, task, target (the required accuracy);
        threshold and coverage of the largest set of decisions whose test is significant, with its
        accuracy and the lower bound of the accuracy at the level of the test; in_sample, the
        coverage from `coverage_at`. If no test is significant, the coverage is 0 and the threshold
        infinite.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid.

    Notes
    -----
    The hypothesis that the accuracy of the most confident decisions is below the target is tested
    at every percent of coverage, in ascending order, by the bound of Clopper and Pearson with the
    effective number of cases (see `risk_coverage`). Each of :math:`k` starts has the level
    :math:`\alpha / k`; a significant test hands its level on to the next one, which adds its own if
    it is a start; after a failure the level is lost, and tests resume at the next start. This is
    the fallback procedure, with fixed-sequence testing as the case of one start: the probability
    that any true hypothesis is rejected is at most :math:`\alpha`. A start at which even decisions
    that are all right would not be significant moves up to the first coverage at which they would;
    starts that then coincide share a level. The confidence is that of the bounds, approximate where
    units have several cases. In simulations the target was missed in at most the nominal proportion
    of data sets (`docs/methods.md`).

    References
    ----------
    Bauer (1991), Multiple testing in clinical trials. Wiens (2003), A fixed sequence Bonferroni
    procedure for testing multiple endpoints. Angelopoulos, Bates, Candes, Jordan, Lei (2021), Learn
    then test: calibrating predictive algorithms to achieve risk control.

    Examples
    --------
    >>> from metaeval import calibration, load_example
    >>> row = calibration.largest_coverage(load_example(), 0.7, scorers=["reward"]).iloc[0]
    >>> bool(0 < row["coverage"] <= row["in_sample"])
    True
    """
    check_fraction("accuracy", accuracy)
    ordered = _checked_starts(starts)
    requested = reading_of(forecast)
    options = DesignOptions(label=label, scorers=scorers, by=by, resample=resample, missing=missing)
    settings = Settings(confidence=confidence)
    design = prepare_design(table, options)
    settled = rank_by_margin(requested, requested.settled(design.table))
    rows = [
        {"scorer": part.cases.scorers[m], "task": part.name}
        | _largest(part, m, accuracy, ordered, 1 - confidence)
        for part in cases_by_stratum(design, settled)
        for m in range(len(part.cases.scorers))
    ]
    name, option = "largest_coverage", f"accuracy={accuracy:g}"
    quantity = "the accuracy of the most confident decisions"
    estimand = curve_estimand(name, quantity, requested, settled, option)
    return add_signature(pd.DataFrame(rows), name, design, settings, estimand)


def _checked_starts(starts: Sequence[float]) -> list[float]:
    """Distinct starts in ascending order."""
    if isinstance(starts, str) or not isinstance(starts, Sequence | np.ndarray) or not len(starts):
        raise MetaevalError(f"starts must be coverages such as (0.2, 0.5, 0.8), got {starts!r}.")
    for start in starts:
        if start != 1:
            check_fraction("starts", start)
    return sorted(set(starts))


def _largest(
    part: StratumCases, m: int, accuracy: float, starts: Sequence[float], error: float
) -> dict[str, float]:
    """Row of the largest coverage whose test is significant."""
    decisions, n = most_confident(part.cases, m), effective_numbers(part.cases, part, m)
    reached = selective_risk.reaches_accuracy(decisions.weight, decisions.right, accuracy)
    in_sample = float(selective_risk.last_coverage(decisions.weight, reached))
    sequence = sequence_of_tests(
        decisions, independent_numbers(part.cases, m), accuracy, starts, error
    )
    p = p_values(decisions.accuracy[sequence.levels], n[sequence.levels], accuracy)
    last, level = fallback(p, sequence.errors)
    values = {"threshold": np.inf, "coverage": 0.0, "accuracy": np.nan, "lower": np.nan}
    if last is not None:
        at = sequence.levels[last]
        values = {name: float(getattr(decisions, name)[at]) for name in list(values)[:3]}
        values["lower"] = float(lower_bounds(decisions.accuracy[[at]], n[[at]], level)[0])
    return {"target": accuracy, **values, "in_sample": in_sample}


class SequenceOfTests(NamedTuple):
    """Levels of confidence (test,) that are tested in turn, and error rates that start at them."""

    levels: Codes
    errors: Floats


def sequence_of_tests(
    decisions: MostConfident, n: Floats, accuracy: float, starts: Sequence[float], error: float
) -> SequenceOfTests:
    """Return the tests at every percent of coverage, and how the error rate is split among them.

    It depends on forecasts and weights alone: a sequence that depended on labels would not keep the
    level. `n` (level,) is the largest possible effective number of cases.
    """
    coverages = np.arange(int(np.ceil(starts[0] * _STEPS)), _STEPS + 1) / _STEPS
    coverages = np.unique(np.r_[starts, coverages])
    levels = np.unique(np.searchsorted(decisions.coverage, coverages - ROUNDOFF))
    levels = np.unique(np.minimum(levels, len(n) - 1))
    possible = np.flatnonzero(accuracy ** n[levels] <= error / len(starts))
    first = possible[0] if len(possible) else len(levels) - 1
    at = np.searchsorted(decisions.coverage[levels], np.asarray(starts) - ROUNDOFF)
    at = np.unique(np.clip(at, first, len(levels) - 1))
    errors = np.zeros(len(levels))
    errors[at] = error / len(at)
    return SequenceOfTests(levels, errors)


def independent_numbers(cases: Cases, m: int) -> Floats:
    """Effective number of cases of each level if decisions were independent: (level,)."""
    level, weight = by_confidence(cases, m).level, cases.weight
    squares = np.cumsum(np.bincount(level, weight**2))
    return np.asarray(np.cumsum(np.bincount(level, weight)) ** 2 / squares)


def p_values(accuracy: Floats, n: Floats, target: float) -> Floats:
    """Error rates at which the Clopper-Pearson bounds of n cases equal the target."""
    from scipy.special import betainc

    good = accuracy * n
    p = betainc(np.maximum(good, SMALLEST_DIVISOR), n - good + 1, target)
    return np.asarray(np.where(good > 0, p, 1.0))


def fallback(p: Floats, errors: Floats) -> tuple[int | None, float]:
    """Return the last significant test of a sequence, None if there is none, and its level.

    `errors` (test,) is the error rate that starts at each test. It is passed on from test to test
    until one is not significant.
    """
    last, level_of_last, level = None, 0.0, 0.0
    for k, p_value in enumerate(p):
        level += errors[k]
        if level > 0 and p_value <= level:
            last, level_of_last = k, level
        else:
            level = 0.0
    return last, level_of_last
