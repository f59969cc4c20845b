"""Miscalibration, discrimination and uncertainty: the parts of a proper score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from metaeval.core import Floats, check_one_of
from metaeval.curves import expected_score, isotonic_fit
from metaeval.statistics.base import Statistic
from metaeval.statistics.calibration.forecast_spec import (
    Forecast,
    Reading,
    Scale,
    documented,
    reading_of,
    with_ties,
)
from metaeval.statistics.calibration.forecasts import Cases, cases_of
from metaeval.statistics.calibration.null_mean import (
    draws_for,
    expected_if_calibrated,
    labels_around,
)
from metaeval.statistics.calibration.proper_scores import estimand_of, read_by, terms_of
from metaeval.statistics.kinds import SumStatistic
from metaeval.tables import Table

Score = Literal["brier", "log", "rps"]

_NULL_DRAWS = 100


def _reading(score: str, forecast: Forecast | Scale) -> tuple[Reading, str]:
    """The reading, and the score of single forecasts: Brier for rank probabilities too."""
    check_one_of("score", score, ("brier", "log", "rps"))
    reading = reading_of(forecast)
    return with_ties(reading) if score == "rps" else reading, "log" if score == "log" else "brier"


def _scores(cases: Cases, m: int, score: str, recalibrated: bool) -> Floats:
    """Score of each case, of the forecasts or of their isotonic recalibration: (case,)."""
    p, y = cases.column(m)
    return expected_score(
        score,
        isotonic_fit(cases.order(m), y, cases.weight, cases.mirrored) if recalibrated else p,
        y,
    )


def _terms(cases: Cases, score: str, parts: tuple[str, ...]) -> Floats:
    """Sums by item: of the parts asked for, and of the weights last: (item, scorer, k)."""

    def column(m: int, part: str) -> Floats:
        if part == "label":
            return cases.by_item(cases.label)
        best = _scores(cases, m, score, True)
        return cases.by_item(best if part == "best" else _scores(cases, m, score, False) - best)

    return terms_of(cases, len(parts), lambda m: [column(m, part) for part in parts])


def _uncertainty_of(mean: Floats, score: str, mirrored: bool) -> Floats:
    """Score of the best constant forecast, from the mean label."""
    mean = np.full_like(mean, 0.5) if mirrored else mean
    return expected_score(score, mean, mean)


@documented
def miscalibration(
    score: Score = "brier",
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Miscalibration: what isotonic recalibration would take off a proper score.

    {reading}
    score : {"brier", "log", "rps"}
        The proper score; "rps" is for pairs with ties.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`MCB = S(p) - S(\hat p)` with :math:`\hat p` the isotonic fit of labels to forecasts; with
    `discrimination` and `uncertainty`, :math:`S = MCB - DSC + UNC`. The fit is that of the same
    cases, so the value is above 0 even for calibrated forecasts: read it beside
    `expected_if_calibrated`, its mean if they were. Replicates hold the fit fixed: it minimises the
    score, so that to first order nothing is lost, and a fit to resampled cases would count its
    optimism twice. The interval reaches down by the optimism of the fit (the larger of
    `expected_if_calibrated` and that of the fit to labels that follow the fitted curve), and
    differences of two scorers are tested less as much, which makes a blunt test; `cox_slope` and
    `recalibration_gain` tell more apart.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021), Stable reliability diagrams for probabilistic classifiers.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), miscalibration(), n_resamples=100).row("judge")
    >>> bool(0 <= row["estimate"] < 0.1)
    True
    """
    reading, kind = _reading(score, forecast)

    def make(name: str, r: Reading) -> Statistic:
        def terms(table: Table) -> Floats:
            return _terms(cases_of(table, r), kind, ("excess",))

        what = "what isotonic recalibration would take off the score"
        return SumStatistic(
            estimand=estimand_of(name, r, what, status="approximate"),
            terms=terms,
            describe=lambda table: _levels(cases_of(table, r), kind),
            inflated="both",
        )

    return read_by("miscalibration", reading, make, _said(score))


def _said(score: str) -> str:
    return "" if score == "brier" else f"score={score}"


def _levels(cases: Cases, score: str) -> Mapping[str, Floats]:
    """Mean miscalibration of calibrated forecasts, and the most that noise adds to it."""

    def value(m: int, labels: Floats) -> Floats:
        p = cases.column(m)[0]
        return np.array([_excess(p, y, cases, m, score) for y in np.clip(labels, 0, 1)])

    calibrated = expected_if_calibrated(cases, value, _NULL_DRAWS)
    return {
        "expected_if_calibrated": calibrated,
        "noise": np.maximum(calibrated, _optimism(cases, score)),
    }


def _optimism(cases: Cases, score: str) -> Floats:
    """What the isotonic fit gains by following noise, were its own curve the truth: (scorer,)."""
    found = []
    for m in range(len(cases.scorers)):
        fit = isotonic_fit(cases.order(m), cases.column(m)[1], cases.weight, cases.mirrored)
        values = [
            _excess(fit, y, cases, m, score)
            for block in labels_around(fit, cases, m, draws_for(cases, _NULL_DRAWS))
            for y in np.clip(block, 0, 1)
        ]
        found.append(np.mean(values))
    return np.array(found)


def _excess(p: Floats, y: Floats, cases: Cases, m: int, score: str) -> float:
    """Mean score of forecasts less that of the isotonic fit of labels to those of scorer m."""
    fit = isotonic_fit(cases.order(m), y, cases.weight, cases.mirrored)
    both = expected_score(score, p, y) - expected_score(score, fit, y)
    return float(np.average(both, weights=cases.weight))


@documented
def discrimination(
    score: Score = "brier",
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Discrimination: what recalibrated forecasts take off the score of a constant one.

    {reading}
    score : {"brier", "log", "rps"}
        The proper score; "rps" is for pairs with ties.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`DSC = S(\bar p) - S(\hat p)`, see `miscalibration`. Increasing maps of forecasts
    change nothing; maps of several folds are not one increasing map, and may. In-sample: a scorer
    that knows nothing is above 0 too, and the interval reaches down by what the isotonic fit gains
    by following noise. Of two scorers both gain about as much.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021), Stable reliability diagrams for probabilistic classifiers.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), discrimination(), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 0.25)
    True
    """
    reading, kind = _reading(score, forecast)

    def make(name: str, r: Reading) -> Statistic:
        def finish(sums: Floats) -> Floats:
            with np.errstate(invalid="ignore", divide="ignore"):
                best, mean = sums[..., 0] / sums[..., 2], sums[..., 1] / sums[..., 2]
            return np.asarray(_uncertainty_of(mean, kind, _even(r)) - best)

        what = "what recalibrated forecasts take off the score of a constant"
        return SumStatistic(
            estimand=estimand_of(name, r, what, better="higher", status="approximate"),
            terms=lambda table: _terms(cases_of(table, r), kind, ("best", "label")),
            finish=finish,
            smooth=True,
            describe=lambda table: {"noise": _optimism(cases_of(table, r), kind)},
            inflated="value",
        )

    return read_by("discrimination", reading, make, _said(score), better="higher")


def _even(reading: Reading) -> bool:
    """Whether the mean label is 1/2 by symmetry."""
    return reading.mirrored


@documented
def uncertainty(
    score: Score = "brier",
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Uncertainty: the score of the best constant forecast, the same for all scorers.

    {reading}
    score : {"brier", "log", "rps"}
        The proper score; "rps" is for pairs with ties.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`UNC = S(\bar p)`, see `miscalibration`. For pairs without ties :math:`\bar p = 1/2`, so
    that it is 1/4 (Brier) or log 2: a property of the labels, not of the scorers.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021), Stable reliability diagrams for probabilistic classifiers.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> float(evaluate(load_example(), uncertainty(), n_resamples=100).row("judge")["estimate"])
    0.25
    """
    reading, kind = _reading(score, forecast)

    def make(name: str, r: Reading) -> Statistic:
        def finish(sums: Floats) -> Floats:
            with np.errstate(invalid="ignore", divide="ignore"):
                return _uncertainty_of(sums[..., 0] / sums[..., 1], kind, _even(r))

        what = "the score of the best constant forecast"
        return SumStatistic(
            estimand=estimand_of(name, r, what, better="neither", status="exact"),
            terms=lambda table: _terms(cases_of(table, r), kind, ("label",)),
            finish=finish,
            smooth=True,
        )

    return read_by("uncertainty", reading, make, _said(score), better="neither")
