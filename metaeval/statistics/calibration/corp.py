"""CORP decomposition of a proper score: miscalibration, discrimination, uncertainty."""

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
    expected_if_calibrated,
    labels_around,
    n_draws_for,
)
from metaeval.statistics.calibration.proper_scores import estimand_of, forecast_statistic, terms_of
from metaeval.statistics.kinds import SumStatistic
from metaeval.tables import Table

Score = Literal["brier", "log", "rps"]

_NULL_DRAWS = 100  # isotonic fits to simulated labels: Monte Carlo error 10% of their SD


def _reading(score: str, forecast: Forecast | Scale) -> tuple[Reading, str]:
    """Forecast settings, and the score of single forecasts (Brier also for rps)."""
    check_one_of("score", score, ("brier", "log", "rps"))
    reading = reading_of(forecast)
    return with_ties(reading) if score == "rps" else reading, "log" if score == "log" else "brier"


def _scores(cases: Cases, m: int, score: str, recalibrated: bool) -> Floats:
    """Score of forecasts, or of their isotonic recalibration: (case,)."""
    p, y = cases.column(m)
    return expected_score(
        score,
        isotonic_fit(cases.order(m), y, cases.weight, cases.mirrored) if recalibrated else p,
        y,
    )


def _terms(cases: Cases, score: str, parts: tuple[str, ...]) -> Floats:
    """Sums by item of the given parts, followed by the weights: (item, scorer, k)."""

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
    r"""Miscalibration: reduction in a proper score achieved by isotonic recalibration.

    {reading}
    score : {"brier", "log", "rps"}
        Proper score; "rps" is for pairs with ties.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`MCB = S(p) - S(\hat p)` with :math:`\hat p` the isotonic fit of labels to forecasts; with
    `discrimination` and `uncertainty`, :math:`S = MCB - DSC + UNC`. The fit is in-sample, so
    the value is positive even for calibrated forecasts: compare it with `expected_if_calibrated`,
    the mean under perfect calibration. The fit is fixed in replicates: since it minimizes the
    score, the error is of second order, and refitting to resampled cases would count the optimism
    twice. The interval is extended downward by the optimism of the fit (the larger of
    `expected_if_calibrated` and the optimism under labels simulated from the fitted curve).
    Differences of two scorers are corrected for the difference of their optimism, each between the
    smaller and the larger of the two; the interval and the test allow for this range.

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

        quantity = "the reduction in the score achieved by isotonic recalibration"
        return SumStatistic(
            estimand=estimand_of(name, r, quantity, status="approximate"),
            terms=terms,
            describe=lambda table: _reference_levels(cases_of(table, r), kind),
            inflated="both",
        )

    return forecast_statistic("miscalibration", reading, make, _format_score(score))


def _format_score(score: str) -> str:
    return "" if score == "brier" else f"score={score}"


def _reference_levels(cases: Cases, score: str) -> Mapping[str, Floats]:
    """Mean miscalibration under perfect calibration, and an upper bound of the bias."""

    def value(m: int, labels: Floats) -> Floats:
        p = cases.column(m)[0]
        return np.array([_excess(p, y, cases, m, score) for y in np.clip(labels, 0, 1)])

    calibrated = expected_if_calibrated(cases, value, _NULL_DRAWS)
    optimism = _optimism(cases, score)
    return {
        "expected_if_calibrated": calibrated,
        "noise": np.maximum(calibrated, optimism),
        "least_bias": np.minimum(calibrated, optimism),
    }


def _optimism(cases: Cases, score: str) -> Floats:
    """Optimism of the isotonic fit if the fitted curve were the truth: (scorer,)."""
    means = []
    for m in range(len(cases.scorers)):
        fit = isotonic_fit(cases.order(m), cases.column(m)[1], cases.weight, cases.mirrored)
        values = [
            _excess(fit, y, cases, m, score)
            for block in labels_around(fit, cases, m, n_draws_for(cases, _NULL_DRAWS))
            for y in np.clip(block, 0, 1)
        ]
        means.append(np.mean(values))
    return np.array(means)


def _excess(p: Floats, y: Floats, cases: Cases, m: int, score: str) -> float:
    """Mean score of forecasts p minus that of the isotonic fit of y to those of scorer m."""
    fit = isotonic_fit(cases.order(m), y, cases.weight, cases.mirrored)
    excess = expected_score(score, p, y) - expected_score(score, fit, y)
    return float(np.average(excess, weights=cases.weight))


@documented
def discrimination(
    score: Score = "brier",
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Discrimination: reduction in score from the best constant to recalibrated forecasts.

    {reading}
    score : {"brier", "log", "rps"}
        Proper score; "rps" is for pairs with ties.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`DSC = S(\bar p) - S(\hat p)`, see `miscalibration`. Invariant under increasing
    transformations of the forecasts (calibrators of several folds are not one such transformation).
    The fit is in-sample, so an uninformative scorer is above 0 too; the interval is extended
    downward by the optimism of the isotonic fit. In differences of two scorers the optimism is
    assumed to cancel.

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
            return np.asarray(_uncertainty_of(mean, kind, _is_symmetric(r)) - best)

        quantity = (
            "the reduction in the score achieved by the recalibrated forecasts relative to the "
            "best constant forecast"
        )
        return SumStatistic(
            estimand=estimand_of(name, r, quantity, better="higher", status="approximate"),
            terms=lambda table: _terms(cases_of(table, r), kind, ("best", "label")),
            finish=finish,
            smooth=True,
            describe=lambda table: {"noise": _optimism(cases_of(table, r), kind)},
            inflated="value",
        )

    return forecast_statistic(
        "discrimination", reading, make, _format_score(score), better="higher"
    )


def _is_symmetric(reading: Reading) -> bool:
    """Return whether the mean label is 1/2 by symmetry."""
    return reading.mirrored


@documented
def uncertainty(
    score: Score = "brier",
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Uncertainty: score of the best constant forecast, the same for all scorers.

    {reading}
    score : {"brier", "log", "rps"}
        Proper score; "rps" is for pairs with ties.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`UNC = S(\bar p)`, see `miscalibration`. For pairs without ties :math:`\bar p = 1/2`, so
    that the value is 1/4 (Brier) or log 2. It is a property of the labels, not of the scorers.

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
                return _uncertainty_of(sums[..., 0] / sums[..., 1], kind, _is_symmetric(r))

        quantity = "the score of the best constant forecast"
        return SumStatistic(
            estimand=estimand_of(name, r, quantity, better="neither", status="exact"),
            terms=lambda table: _terms(cases_of(table, r), kind, ("label",)),
            finish=finish,
            smooth=True,
        )

    return forecast_statistic("uncertainty", reading, make, _format_score(score), better="neither")
