"""The gap between two scores at which people agree, task by task, and how the scale differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from metaeval import links
from metaeval.arrays import Floats, numbers
from metaeval.calibration.refitting import refitted
from metaeval.calibration.strata import POOLED, Part, designed, made_result, parts_of, row_of
from metaeval.checks import check_fraction, check_one_of
from metaeval.comparisons import Row
from metaeval.errors import MetaevalError
from metaeval.links import Link, expit, logit
from metaeval.maps import scale_of
from metaeval.plan import Plan
from metaeval.result import Result, p_text
from metaeval.samples import tails
from metaeval.statistics.base import Statistic
from metaeval.statistics.proper import said_name
from metaeval.statistics.reading import Reading
from metaeval.tables import Table

_LINKS = {"lapse_link": links.LAPSE, "margin_link": links.MARGIN}
_FEW_TASKS = 3
_ENDLESS = 1e3


class Fits(NamedTuple):
    """Slopes per unit of score and lapse rates: of all cases (scorer,), of draws (draw, scorer)."""

    slope: Floats
    lapse: Floats
    slopes: Floats
    lapses: Floats


def gap_to_agreement(
    table: Table,
    agreement: Sequence[float] = (0.7, 0.8, 0.9),
    *,
    map: str = "lapse_link",
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    random: str | None = None,
    missing: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 1_000,
    weights: str | None = None,
    seed: int = 0,
) -> Result:
    r"""How far apart two scores must be for people to agree with them so often.

    Parameters
    ----------
    table : Responses or Pairs
    agreement : list of float, default .7, .8, .9
        Shares of agreement, above .5; pairs with tied labels are left out.
    map : {"lapse_link", "margin_link"}
        Whether some labels are coins however large the gap.
    label, scorers, random, missing, confidence, weights, seed
        As in `metaeval.evaluate`.
    by : str, optional
        Column of the items to report by; `task` where the table has one.
    n_resamples : int, default 1 000
        Bootstrap replicates, in each of which curves are fitted anew.

    Returns
    -------
    Result
        Rows `gap(agreement=...)` in units of the scores, for all rows together (empty task) and for
        each task; infinite where agreement is never reached. Rows `scale_ratio` say how much the
        scale differs between tasks: exp(tau), with tau the standard deviation of log slopes between
        tasks (p: Cochran's test that there is none).

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable; the message names the cure.

    Notes
    -----
    :math:`P(\text{agree} \mid d) = \lambda / 2 + (1 - \lambda)\,\sigma(\beta d)`, so that
    :math:`d_q = \mathrm{logit}((q - \lambda / 2) / (1 - \lambda)) / \beta`, never if
    :math:`q \ge 1 - \lambda / 2`. Weak priors (log slope per root mean square of the margins normal
    with standard deviation 1.5, lapse Beta(1, 19)) keep curves finite; the lapse is learned from
    large margins only. A gap depends on which differences of labels count as ties. Intervals are
    percentiles of item (cluster) bootstrap replicates, in which what the priors saw is drawn anew
    too; that of exp(tau) inverts Cochran's Q, taking tasks for independent. Slopes are above 0 by
    assumption: where labels do not rise with margins a note says so.

    References
    ----------
    Kocmi et al. (2024), Navigating the metrics maze. Wichmann, Hill (2001), The psychometric
    function. Paule, Mandel (1982), Consensus values and weighting factors. Viechtbauer (2007),
    Confidence intervals for the amount of heterogeneity in meta-analysis.

    Examples
    --------
    >>> from metaeval import load_example
    >>> from metaeval.calibration import gap_to_agreement
    >>> result = gap_to_agreement(load_example(), scorers=["judge"], n_resamples=100)
    >>> near, far = (f"gap(agreement={q})" for q in (0.7, 0.8))
    >>> gaps = [result.row("judge", statistic=name)["estimate"] for name in (near, far)]
    >>> bool(0 < gaps[0] < gaps[1])
    True
    """
    shares = _checked_shares(agreement)
    check_one_of("map", map, tuple(_LINKS))
    plan = Plan(
        "gap_to_agreement",
        confidence=confidence,
        interval="percentile",
        n_resamples=n_resamples,
        seed=seed,
        weights=weights,
    )
    options: dict[str, Any] = {
        "label": label,
        "scorers": scorers,
        "random": random,
        "missing": missing,
    }
    whole = designed(table, **options)
    column = by or ("task" if "task" in whole.table.rows else None)
    reading = Reading(native="logit", over="pairs").settled(whole.table)
    designs = [whole] if column is None else [whole, designed(table, by=column, **options)]
    parts = [part for design in designs for part in parts_of(design, reading)]
    fits = [_fits(part, _LINKS[map], plan) for part in parts]
    made = [_gaps(share, map, parts, fits, plan) for share in shares]
    notes = [line for part in parts for line in _not_rising(part)]
    if len(parts) > 2:
        spread, more = _scale_ratios(parts, fits, plan)
        made.append(spread)
        notes += more
    details = [
        {"statistic": "curve", "task": part.name, "scorer": name}
        | {"slope": float(fit.slope[m]), "lapse": float(fit.lapse[m])}
        for part, fit in zip(parts, fits, strict=True)
        for m, name in enumerate(part.cases.scorers)
    ]
    design = designs[-1]
    return made_result(table, design, plan, options | {"by": column}, made, details, notes)


def _checked_shares(agreement: Any) -> list[float]:
    shares = np.atleast_1d(numbers(agreement, "agreement")).tolist()
    for share in shares:
        if not check_fraction("agreement", share) > 0.5:
            raise MetaevalError(
                f"agreement={share:g} must be above 0.5: two people who toss coins agree half of "
                "the time."
            )
    if not shares:
        raise MetaevalError("agreement= names no share; give some, such as (0.7, 0.9).")
    return sorted(set(shares))


def _fits(part: Part, link: Link, plan: Plan) -> Fits:
    """Curves of all scorers on all cases and on every replicate."""
    cases, found = part.cases, []
    margins = cases.log_odds
    if margins is None:
        raise MetaevalError("Gaps need scores as they are.")
    for m, name in enumerate(cases.scorers):
        scale = scale_of(margins[:, m])
        x = (margins[:, m] / scale)[:, None]
        theta = refitted(part, link, x, plan, name)
        rate = expit(theta[:, 1]) if theta.shape[1] > 1 else np.zeros(len(theta))
        found.append(np.stack([np.exp(theta[:, 0]) / scale, rate]))
    slope, lapse = np.stack(found, axis=-1)
    return Fits(slope[0], lapse[0], slope[1:], lapse[1:])


def _not_rising(part: Part) -> list[str]:
    """A line on each scorer whose labels do not rise with its margins."""
    cases = part.cases
    agreed = (cases.label - 0.5) * cases.weight
    where = "" if part.name is None else f" in {part.name}"
    return [
        f"{name}: labels do not rise with margins{where}, and gaps there are what the prior of the "
        "slope leaves"
        for name, x in zip(cases.scorers, np.asarray(cases.log_odds).T, strict=True)
        if agreed @ x <= 0
    ]


def closeness(share: float, slope: Floats, lapse: Floats) -> Floats:
    """One over the gap at which agreement reaches a share; 0 where it never does."""
    inner = (share - lapse / 2) / (1 - lapse)
    reached = inner < 1
    with np.errstate(divide="ignore"):
        return np.where(reached, slope / logit(np.where(reached, inner, 0.75)), 0.0)


def _gaps(
    share: float, map: str, parts: list[Part], fits: list[Fits], plan: Plan
) -> tuple[Statistic, list[Row], Floats]:
    """Rows and draws of the gap at one share of agreement."""
    what = (
        f"the score gap at which labels agree {100 * share:g} % of the time, by {map}; pairs with "
        "tied labels left out"
    )
    estimand = {"grouping": "item", "average": "items", "ties": "none", "target": what} | POOLED
    name = said_name("gap", f"agreement={share:g}", f"map={map}" if map != "lapse_link" else "")
    statistic = Statistic(name, "pairs", estimand=estimand, status="approximate", better="neither")
    rows, draws = [], []
    for part, fit in zip(parts, fits, strict=True):
        near = closeness(share, fit.slopes, fit.lapses)
        ends = np.quantile(near, tails(plan.confidence)[::-1, 0], axis=0)
        with np.errstate(divide="ignore"):
            best = 1 / closeness(share, fit.slope, fit.lapse)
            ends, each = 1 / ends, 1 / near
        se = np.where(np.isinf(each).any(axis=0), np.nan, _deviation(each))
        rows += [
            row_of(
                statistic,
                part,
                name,
                estimate=float(best[m]),
                lower=float(ends[0, m]),
                upper=float(ends[1, m]),
                se=float(se[m]),
                interval="percentile",
            )
            for m, name in enumerate(part.cases.scorers)
        ]
        draws.append(each)
    return statistic, rows, np.concatenate(draws, axis=1)


def _deviation(draws: Floats) -> Floats:
    finite = np.where(np.isinf(draws), 0.0, draws)
    unit = np.maximum(finite.max(axis=0), np.finfo(float).tiny)  # gaps are in units of scores
    return np.asarray((finite / unit).std(axis=0, ddof=1) * unit)


def _scale_ratios(
    parts: list[Part], fits: list[Fits], plan: Plan
) -> tuple[tuple[Statistic, list[Row], Floats], list[str]]:
    """How much slopes differ between tasks, for each scorer, and a line on each."""
    what = "exp(tau), tau the standard deviation of log slopes between tasks"
    estimand = {"grouping": "item", "average": "items", "ties": "none", "target": what} | POOLED
    statistic = Statistic(
        "scale_ratio", "pairs", estimand=estimand, status="approximate", better="neither"
    )
    rows, notes = [], []
    for m, name in enumerate(parts[0].cases.scorers):
        logs = np.array([np.log(fit.slope[m]) for fit in fits[1:]])
        errors = np.array([np.log(fit.slopes[:, m]).std(ddof=1) for fit in fits[1:]])
        tau, low, high, p = heterogeneity(logs, errors**2, plan.confidence)
        ratio, ends = np.exp(tau), np.exp([low, high])
        if len(logs) < _FEW_TASKS:  # two tasks say nothing of how far others may lie
            ends = np.full(2, np.nan)
        ends = np.where(ends > _ENDLESS, np.inf, ends)
        rows.append(
            row_of(
                statistic,
                parts[0],
                name,
                estimate=float(ratio),
                lower=float(ends[0]),
                upper=float(ends[1]),
                p_value=p,
                interval="q-profile",
                test="cochran-q",
            )
        )
        widest = np.exp(logs.max() - logs.min())
        notes.append(
            f"{name}: a gap is worth up to {widest:.3g} times as much in one task as in another "
            f"(p {p_text(p)} for no difference)"
        )
    return (statistic, rows, np.empty((0, 0))), notes


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
