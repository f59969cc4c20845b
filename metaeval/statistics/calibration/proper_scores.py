"""Proper scores and sharpness of forecasts."""

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
from metaeval.statistics.calibration.forecasts import Cases, cases_of, split_sides
from metaeval.statistics.estimand import Better, Estimand, Status
from metaeval.statistics.kinds import DefaultedStatistic, SumStatistic
from metaeval.tables import Table

Average = Literal["items", "pairs", "responses"]


def format_name(name: str, *arguments: str) -> str:
    """Format the name of a statistic with its nonempty arguments."""
    options = ",".join(a for a in arguments if a)
    return f"{name}({options})" if options else name


def forecast_statistic(
    name: str,
    reading: Reading,
    make: Callable[[str, Reading], Statistic],
    *arguments: str,
    better: Better = "lower",
) -> DefaultedStatistic:
    """Return a statistic of forecasts whose rows depend on the table."""
    full = format_name(name, *arguments, reading.format_options())

    def resolve(table: Table) -> Statistic:
        return make(full, reading.settled(table))

    return DefaultedStatistic(
        estimand=Estimand(name=full, rows="pairs", better=better), resolve=resolve
    )


def estimand_of(
    name: str,
    reading: Reading,
    quantity: str,
    *,
    better: Better = "lower",
    status: Status | None = None,
) -> Estimand:
    """Return the estimand for a settled specification.

    Inference is approximate if calibrators are fitted, since they are fixed in replicates.
    """
    mapped = not reading.is_calibrated and not reading.ranked
    return Estimand(
        name=name,
        rows="responses" if reading.rows == "responses" else "pairs",
        grouping="item" if reading.rows == "pairs" else "none",
        average=str(reading.average),
        ties="none",
        target=f"{quantity}; {reading.describe()}",
        better=better,
        status=status or ("approximate" if mapped else "exact"),
        reads_forecasts=True,
    )


def terms_of(cases: Cases, k: int, values: Callable[[int], list[Floats]]) -> Floats:
    """Terms (item, scorer, k + 1): k sums by item of each scorer, then the weights."""
    terms = np.empty((cases.n_items, len(cases.scorers), k + 1))
    terms[..., k] = cases.totals()[:, None]
    for m in range(len(cases.scorers)):
        for j, column in enumerate(values(m)):
            terms[:, m, j] = column
    return terms


def mean_score(
    name: str,
    reading: Reading,
    quantity: str,
    score: Callable[[Cases, int, Floats], Floats],
) -> Statistic:
    """Return the mean over cases of `score`, a function of cases, scorer and labels (case,)."""

    def terms(table: Table) -> Floats:
        cases = cases_of(table, reading)

        def value(m: int) -> list[Floats]:
            return [cases.by_item(score(cases, m, cases.column(m)[1]))]

        return terms_of(cases, 1, value)

    def describe(table: Table) -> Mapping[str, Floats]:
        cases = cases_of(table, reading)
        expected = [score(cases, m, cases.column(m)[0]) for m in range(len(cases.scorers))]
        return {
            "expected_if_calibrated": np.array(
                [np.average(v, weights=cases.weight) for v in expected]
            )
        }

    return SumStatistic(
        estimand=estimand_of(name, reading, quantity), terms=terms, additive=True, describe=describe
    )


def _brier(cases: Cases, m: int, label: Floats) -> Floats:
    return expected_score("brier", cases.column(m)[0], label)


def _of_classes(
    score_of_class: Callable[[Floats, Floats], Floats],
) -> Callable[[Cases, int, Floats], Floats]:
    """Return the sum of a score over win, tie and loss, for both sides of a pair."""

    def score(cases: Cases, m: int, label: Floats) -> Floats:
        won, lost = split_sides(cases.forecast[:, m])
        win, loss = split_sides(label)
        tied, tie = np.clip(1 - won - lost, 0, 1), 1 - win - loss
        return np.tile(
            score_of_class(won, win) + score_of_class(tied, tie) + score_of_class(lost, loss), 2
        )

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
    :math:`\mathrm{mean}\,(p - y)^2`; for a proportion :math:`w` of raters its expectation :math:`(p
    - w)^2 + w (1 - w)`, whose second term is irreducible. A proper score: no forecast has a lower
    expectation than the true probability. It combines calibration and discrimination;
    `miscalibration` and `discrimination` are the components. `expected_if_calibrated` is the mean
    under perfect calibration. With three outcomes the squared errors of win, tie and loss are
    added, which ignores their order; `rps` respects it. {fixed_maps}

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
    quantity = (
        "the sum over win, tie and loss of the mean of (p - y)^2"
        if ties
        else "the mean of (p - y)^2"
    )
    score = _of_classes(lambda p, y: expected_score("brier", p, y)) if ties else _brier
    return forecast_statistic(
        "brier", reading, lambda name, r: mean_score(name, r, quantity, score)
    )


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
    :math:`\frac12 \sum_{k=1}^2 (F_k - O_k)^2` with loss < tie < win: the mean of the Brier scores
    of "first strictly preferred" and "second strictly preferred". A margin d gives both
    probabilities, P(win | d) and P(win | -d), by the tie model of `calibrator` ("rao_kupper" or
    "davidson"); scores that are probabilities forecast no ties. Without ties in labels and
    forecasts it equals the Brier score.

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
    quantity = "the mean of the squared errors of P(win) and P(loss)"
    return forecast_statistic("rps", reading, lambda name, r: mean_score(name, r, quantity, _brier))


def _log_losses(log_odds: Floats, label: Floats) -> Floats:
    """Log losses from log odds; the term of an outcome with label weight 0 is 0."""
    up, down = np.logaddexp(0, -log_odds), np.logaddexp(0, log_odds)
    with np.errstate(invalid="ignore"):  # 0 times infinity
        loss_of_one, loss_of_zero = label * up, (1 - label) * down
    return np.where(label > 0, loss_of_one, 0.0) + np.where(label < 1, loss_of_zero, 0.0)


@documented
def log_loss(
    forecast: Forecast | Scale = "score",
    clip: float | None = None,
) -> Statistic:
    r"""Log loss: mean negative log probability of the observed outcome.

    {reading}
    clip : float, optional
        Forecasts are clipped to [clip, 1 - clip]. By default a wrong forecast of exactly 0 or 1 is
        an error, since its loss is infinite.

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        If the loss is infinite.

    Notes
    -----
    :math:`-\mathrm{mean}\,(y \log p + (1 - y) \log(1 - p))`, in nats. A few confident errors can
    dominate it. `expected_if_calibrated` is the mean under perfect calibration. With three outcomes
    it is :math:`-\log` of the probability of the observed outcome (win, tie or loss). {fixed_maps}

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
        raise MetaevalError(f"clip must be a float between 0 and 0.5 such as 1e-6, got {clip!r}.")

    reading = reading_of(forecast, takes_ties=True)
    ties = reading.ties_as_outcome

    def score(cases: Cases, m: int, label: Floats) -> Floats:
        loss = _losses(cases, m, label, clip, ties)
        n_infinite = int(np.isinf(loss).sum()) // (1 + ties)
        if n_infinite:
            raise MetaevalError(
                f"The log loss of {cases.scorers[m]!r} is infinite: {n_infinite} forecasts of "
                "exactly 0 or 1 were wrong. Set clip=1e-6, which limits the loss to 13.8, or use "
                "brier."
            )
        return loss

    option = "" if clip is None else f"clip={clip:g}"
    quantity = "the mean of -log p, where p is the forecast probability of the observed outcome"
    return forecast_statistic(
        "log_loss", reading, lambda name, r: mean_score(name, r, quantity, score), option
    )


def _losses(cases: Cases, m: int, label: Floats, clip: float | None, ties: bool) -> Floats:
    """Log loss of each case; infinite if the observed outcome had probability 0."""
    floor = 0.0 if clip is None else clip
    if ties:
        return _of_classes(lambda p, y: _class_loss(np.clip(p, floor, 1.0), y))(cases, m, label)
    if clip is not None:
        return expected_score("log", np.clip(cases.column(m)[0], clip, 1 - clip), label)
    return _log_losses(cases.odds(m), label)


def _class_loss(p: Floats, label: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(label > 0, -label * np.log(p), 0.0)


@documented
def sharpness(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Sharpness: variance of the forecasts, regardless of the labels.

    {reading}

    Returns
    -------
    Statistic

    Notes
    -----
    For pairs in arbitrary order the variance is around 1/2. Of two calibrated scorers the sharper
    one is better; without calibration, sharpness alone is not a merit. {fixed_maps}

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
    return forecast_statistic("sharpness", reading, _sharpness)


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

    quantity = "the variance of the forecasts"
    return SumStatistic(
        estimand=estimand_of(name, reading, quantity, better="neither"),
        terms=terms,
        finish=finish,
        smooth=True,
    )
