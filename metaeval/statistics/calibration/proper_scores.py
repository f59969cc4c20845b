"""Proper scores of forecasts, and how sharp the forecasts are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from metaeval.core import Floats, MetaevalError
from metaeval.curves import expected_score
from metaeval.statistics.base import Statistic
from metaeval.statistics.calibration.forecast_spec import (
    Forecast,
    Reading,
    Scale,
    documented,
    reading_of,
    with_ties,
)
from metaeval.statistics.calibration.forecasts import Cases, cases_of, halves
from metaeval.statistics.estimand import Better, Estimand, Status
from metaeval.statistics.kinds import DefaultedStatistic, SumStatistic
from metaeval.tables import Table

Average = Literal["items", "pairs", "responses"]


def said_name(name: str, *arguments: str) -> str:
    """A name with those arguments that are not the default."""
    given = ",".join(a for a in arguments if a)
    return f"{name}({given})" if given else name


def read_by(
    name: str,
    reading: Reading,
    make: Callable[[str, Reading], Statistic],
    *more: str,
    better: Better = "lower",
) -> DefaultedStatistic:
    """A statistic of forecasts, whose rows the table settles."""
    full = said_name(name, *more, reading.said())

    def resolve(table: Table) -> Statistic:
        return make(full, reading.settled(table))

    return DefaultedStatistic(
        estimand=Estimand(name=full, rows="pairs", better=better), resolve=resolve
    )


def estimand_of(
    name: str,
    reading: Reading,
    what: str,
    *,
    better: Better = "lower",
    status: Status | None = None,
) -> Estimand:
    """The estimand of a settled reading, in words too.

    Maps are held fixed in replicates and tests: then both are approximate.
    """
    mapped = not reading.is_calibrated and not reading.ranked
    return Estimand(
        name=name,
        rows="responses" if reading.rows == "responses" else "pairs",
        grouping="item" if reading.rows == "pairs" else "none",
        average=str(reading.average),
        ties="none",
        target=f"{what}; {reading.words()}",
        better=better,
        status=status or ("approximate" if mapped else "exact"),
        reads_forecasts=True,
    )


def terms_of(cases: Cases, k: int, values: Callable[[int], list[Floats]]) -> Floats:
    """Terms (item, scorer, k + 1): k sums by item (item,) of each scorer, and the weights last."""
    terms = np.empty((cases.n_items, len(cases.scorers), k + 1))
    terms[..., k] = cases.totals()[:, None]
    for m in range(len(cases.scorers)):
        for j, column in enumerate(values(m)):
            terms[:, m, j] = column
    return terms


def mean_score(
    name: str,
    reading: Reading,
    what: str,
    score: Callable[[Cases, int, Floats], Floats],
) -> Statistic:
    """Mean over cases of a score of the forecasts of a scorer, were labels (case,) so."""

    def terms(table: Table) -> Floats:
        cases = cases_of(table, reading)

        def value(m: int) -> list[Floats]:
            return [cases.by_item(score(cases, m, cases.column(m)[1]))]

        return terms_of(cases, 1, value)

    def describe(table: Table) -> Mapping[str, Floats]:
        cases = cases_of(table, reading)
        if_true = [score(cases, m, cases.column(m)[0]) for m in range(len(cases.scorers))]
        return {
            "expected_if_calibrated": np.array(
                [np.average(v, weights=cases.weight) for v in if_true]
            )
        }

    return SumStatistic(
        estimand=estimand_of(name, reading, what), terms=terms, additive=True, describe=describe
    )


def _brier(cases: Cases, m: int, label: Floats) -> Floats:
    return expected_score("brier", cases.column(m)[0], label)


def _of_classes(
    each: Callable[[Floats, Floats], Floats],
) -> Callable[[Cases, int, Floats], Floats]:
    """Sum over win, tie and loss of a score, for both sides of a pair, from shares as labels."""

    def score(cases: Cases, m: int, label: Floats) -> Floats:
        won, lost = halves(cases.forecast[:, m])
        win, loss = halves(label)
        tied, tie = np.clip(1 - won - lost, 0, 1), 1 - win - loss
        return np.tile(each(won, win) + each(tied, tie) + each(lost, loss), 2)

    return score


@documented
def brier(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Brier score: mean squared error of the forecasts.

    {reading}

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`\mathrm{mean}\,(p - y)^2`; for a share :math:`w` of raters its expectation
    :math:`(p - w)^2 + w (1 - w)`, whose last part no forecast avoids. A proper score: no forecast
    does better on average than the true probability. It mixes calibration with discrimination;
    `miscalibration` and `discrimination` tell them apart. `expected_if_calibrated` is its mean if
    the forecasts were calibrated. With three outcomes the squared errors of win, tie and loss are
    added, so that a tie is as far from a loss as a win is: `rps` is not blind to their order.
    {held}

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), brier(), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 0.25)
    True
    """
    reading = reading_of(forecast, takes_ties=True)
    ties = reading.ties_as_outcome
    what = "the sum over win, tie and loss of mean (p - y)^2" if ties else "mean (p - y)^2"
    score = _of_classes(lambda p, y: expected_score("brier", p, y)) if ties else _brier
    return read_by("brier", reading, lambda name, r: mean_score(name, r, what, score))


@documented
def rps(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Ranked probability score of three-way forecasts: loss, tie or win.

    {reading}

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`\frac12 \sum_{k=1}^2 (F_k - O_k)^2` with loss < tie < win: the mean of two Brier scores,
    of "wins outright" for either response. A margin d gives both, P(win | d) and P(win | -d), by
    the tie model of `calibrator` ("rao_kupper" or "davidson"); native probabilities leave nothing
    to ties. Where no label is tied and no forecast is, it is the Brier score.

    References
    ----------
    Epstein (1969), A scoring system for probability forecasts of ranked categories. Rao, Kupper
    (1967), Ties in paired-comparison experiments. Davidson (1970), On extending the Bradley-Terry
    model to accommodate ties.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), rps(), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 0.25)
    True
    """
    reading = with_ties(reading_of(forecast, takes_ties=True))
    what = "the mean of the squared errors of P(win) and P(loss)"
    return read_by("rps", reading, lambda name, r: mean_score(name, r, what, _brier))


def _log_losses(log_odds: Floats, label: Floats) -> Floats:
    """Log losses from log odds; those of labels that cannot be are left at 0."""
    up, down = np.logaddexp(0, -log_odds), np.logaddexp(0, log_odds)
    with np.errstate(invalid="ignore"):  # no label at endless loss
        one, other = label * up, (1 - label) * down
    return np.where(label > 0, one, 0.0) + np.where(label < 1, other, 0.0)


@documented
def log_loss(
    forecast: Forecast | Scale = "score",
    clip: float | None = None,
) -> Statistic:
    r"""Log loss: mean of minus the logarithm of the probability of what happened.

    {reading}
    clip : float, optional
        Forecasts are drawn in to between clip and 1 - clip. Without it a wrong forecast of exactly
        0 or 1 is refused: its loss is infinite.

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        If the loss is infinite.

    Notes
    -----
    :math:`-\mathrm{mean}\,(y \log p + (1 - y) \log(1 - p))`, in nats. Few confident mistakes
    decide it. `expected_if_calibrated` is its mean if the forecasts were calibrated. With three
    outcomes it is :math:`-\log` of the probability of the one of win, tie and loss that happened.
    {held}

    References
    ----------
    Good (1952), Rational decisions.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), log_loss(), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 0.7)
    True
    """
    if clip is not None and not (isinstance(clip, float) and 0 < clip < 0.5):
        raise MetaevalError(f"clip={clip!r} must lie between 0 and 0.5, such as 1e-6.")

    reading = reading_of(forecast, takes_ties=True)
    ties = reading.ties_as_outcome

    def score(cases: Cases, m: int, label: Floats) -> Floats:
        loss = _losses(cases, m, label, clip, ties)
        endless = int(np.isinf(loss).sum()) // (1 + ties)
        if endless:
            raise MetaevalError(
                f"The log loss of {cases.scorers[m]!r} is infinite: {endless} forecasts of exactly "
                "0 or 1 were wrong. Give clip=1e-6, which counts such a mistake as 13.8, or use "
                "brier."
            )
        return loss

    more = "" if clip is None else f"clip={clip:g}"
    what = "mean -log p of what happened"
    return read_by("log_loss", reading, lambda name, r: mean_score(name, r, what, score), more)


def _losses(cases: Cases, m: int, label: Floats, clip: float | None, ties: bool) -> Floats:
    """Log loss of each case; infinite where what happened had no chance."""
    least = 0.0 if clip is None else clip
    if ties:
        return _of_classes(lambda p, y: _surprise(np.clip(p, least, 1.0), y))(cases, m, label)
    if clip is not None:
        return expected_score("log", np.clip(cases.column(m)[0], clip, 1 - clip), label)
    return _log_losses(cases.odds(m), label)


def _surprise(p: Floats, share: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(share > 0, -share * np.log(p), 0.0)


@documented
def sharpness(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Sharpness: how far forecasts lie apart, whether right or wrong.

    {reading}

    Returns
    -------
    Statistic

    Notes
    -----
    The variance of the forecasts; about 1/2, for pairs whose order means nothing. Of two
    calibrated scorers the sharper one is the better; of others it says nothing alone. {held}

    References
    ----------
    Gneiting, Balabdaoui, Raftery (2007), Probabilistic forecasts, calibration and sharpness.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), sharpness(), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 0.25)
    True
    """
    reading = reading_of(forecast)
    return read_by("sharpness", reading, _sharpness)


def _sharpness(name: str, reading: Reading) -> Statistic:
    def terms(table: Table) -> Floats:
        cases = cases_of(table, reading)

        def moments(m: int) -> list[Floats]:
            p = cases.forecast[:, m] - 0.5
            return [cases.by_item(p**2), cases.by_item(p)]

        return terms_of(cases, 2, moments)

    def finish(sums: Floats) -> Floats:
        square, first, n = (sums[..., k] for k in range(3))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = 0.0 if reading.mirrored else first / n
            return np.asarray(square / n - mean**2)

    what = "the variance of the forecasts"
    return SumStatistic(
        estimand=estimand_of(name, reading, what, better="neither"),
        terms=terms,
        finish=finish,
        smooth=True,
    )
