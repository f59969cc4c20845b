"""Ranking statistics: AUROC, and risk and coverage of confident decisions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from metaeval.core import Codes, Floats, MetaevalError, check_fraction, check_one_of
from metaeval.curves import selective_risk
from metaeval.statistics.base import Statistic
from metaeval.statistics.calibration.forecast_spec import (
    Forecast,
    Reading,
    Scale,
    documented,
    reading_of,
)
from metaeval.statistics.calibration.forecasts import Cases, cases_of
from metaeval.statistics.calibration.proper_scores import estimand_of, forecast_statistic
from metaeval.statistics.calibration.ranked_sums import (
    Measure,
    by_confidence,
    by_score,
    of_levels,
    sums_of,
)
from metaeval.statistics.means import mean_of_values
from metaeval.tables import Table


def _paired_rank_value(weight: Floats, wrong: Floats) -> Floats:
    """AUROC of pairs together with their mirror images, 1 - 2 AUGRC."""
    return 1 - 2 * selective_risk.joint_risk_area(weight, wrong)


def _paired_rank_gradient(weight: Floats, wrong: Floats) -> tuple[Floats, Floats]:
    by_weight, by_wrong = selective_risk.joint_risk_gradient(weight, wrong)
    return -2 * by_weight, -2 * by_wrong


_RANKS = Measure(by_score, selective_risk.rank_value, selective_risk.rank_gradient)
_PAIRED_RANKS = Measure(by_confidence, _paired_rank_value, _paired_rank_gradient)
_JOINT_RISK = Measure(
    by_confidence, selective_risk.joint_risk_area, selective_risk.joint_risk_gradient
)
_RISK = Measure(by_confidence, selective_risk.risk_area, selective_risk.risk_gradient)


@documented
def auroc(
    forecast: Forecast | Scale = "score",
    grouping: Literal["none", "item"] = "none",
) -> Statistic:
    r"""AUROC: probability that a positive case has a higher score than a negative one.

    {reading}
    grouping : {"none", "item"}
        Compare all responses, or responses to the same item; then the mean over items with both
        positives and negatives.

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        For pairs with grouping="item", since pairs are within items already.

    Notes
    -----
    :math:`P(x_+ > x_-) + P(x_+ = x_-) / 2`; it depends on ranks only, so no calibrator is
    needed and it does not measure calibration. Across items it also rewards a scorer for
    distinguishing easy items from hard ones: report the value within items too. Pairs in arbitrary
    order count in both orders: the value is then 1 - 2 AUGRC, and high if confident decisions are
    correct. Labels in [0, 1] are taken as labels of responses, unless `rows="pairs"`. Standard
    errors are by items (clusters), from the placement values of cases; with one case per item they
    are those of DeLong. A proportion w of raters counts as w positives and 1 - w negatives.

    References
    ----------
    Hanley, McNeil (1982), The meaning and use of the area under a ROC curve. DeLong, DeLong,
    Clarke-Pearson (1988), Comparing the areas under two or more correlated ROC curves. Obuchowski
    (1997), Nonparametric analysis of clustered ROC curve data.

    Examples
    --------
    >>> from metaeval import evaluate, load_example, statistics
    >>> forecast = statistics.Forecast(positive_from=3)
    >>> row = evaluate(load_example(), auroc(forecast), n_resamples=100).row("judge")
    >>> bool(0.5 < row["estimate"] < 1)
    True
    """
    check_one_of("grouping", grouping, ("none", "item"))
    within = grouping == "item"
    reading = reading_of(forecast, ranked=True)

    def make(name: str, r: Reading) -> Statistic:
        if not within:
            measure = _PAIRED_RANKS if r.mirrored else _RANKS
            quantity = (
                "the probability that a positive case has a higher score than a negative case"
            )
            statistic = of_levels(name, r, quantity, measure, better="higher", bounds=(0.0, 1.0))
            return dataclasses.replace(statistic, describe=lambda t: _reference_levels(t, r))
        return _within(name, r)

    return forecast_statistic(
        "auroc", reading, make, "grouping=item" if within else "", better="higher"
    )


def _reference_levels(table: Table, reading: Reading, within: bool = False) -> Mapping[str, Floats]:
    """Chance level, and the effective number of units of the rarer class as `trials`."""
    cases, n = cases_of(table, reading), len(table.scorers)
    levels = {"chance": np.full(n, 0.5)}
    if cases.mirrored:
        return levels
    positive, negative = cases.weight * cases.label, cases.weight * (1 - cases.label)
    if within:
        kinds = (np.bincount(cases.items, kind, cases.n_items) for kind in (positive, negative))
        has_both = np.minimum(*kinds)[cases.items] > 0
        positive = negative = has_both / np.bincount(cases.items)[cases.items]
    trials = min(_effective_units(kind, cases.unit) for kind in (positive, negative))
    return {**levels, "trials": np.full(n, trials)}


def _effective_units(weight: Floats, unit: Codes) -> float:
    """Effective number of units, (sum w)^2 / sum w^2."""
    by_unit = np.bincount(unit, weight)
    square = float(np.square(by_unit).sum())
    return float(by_unit.sum()) ** 2 / square if square > 0 else 0.0


def _within(name: str, reading: Reading) -> Statistic:
    """Mean over items of the AUROC of their responses."""
    if reading.rows == "pairs":
        raise MetaevalError(
            "grouping='item' compares responses to the same item, which pairs already do; use "
            "pairwise_accuracy(ties='half'), or rows='responses'."
        )
    settled = dataclasses.replace(reading, average="items")
    quantity = (
        "the probability that a positive case has a higher score than a negative case of the "
        "same item"
    )
    estimand = dataclasses.replace(
        estimand_of(name, settled, quantity, better="higher", status="exact"),
        rows="responses",
        grouping="item",
    )

    def values(table: Table) -> Floats:
        cases = cases_of(table, reading)
        return np.stack([_ranks_of_items(cases, m) for m in range(len(cases.scorers))], axis=-1)

    def describe(table: Table) -> Mapping[str, Floats]:
        return _reference_levels(table, reading, within=True)

    return mean_of_values(estimand, values, "drop", describe=describe, bounds=(0.0, 1.0))


def _ranks_of_items(cases: Cases, m: int) -> Floats:
    """AUROC of the responses to each item; NaN without both classes: (item,)."""
    level, positive, negative = by_score(cases, m)
    n_levels = int(level.max()) + 1
    group, group_of_case = np.unique(cases.items * n_levels + level, return_inverse=True)
    item = group // n_levels
    ups, downs = (np.bincount(group_of_case, column) for column in (positive, negative))
    start = np.searchsorted(item, np.arange(cases.n_items))
    below = np.cumsum(downs) - downs
    below += downs / 2 - below[np.minimum(start, len(item) - 1)][item]
    sums = (np.bincount(item, column, cases.n_items) for column in (ups * below, ups, downs))
    concordant, n_up, n_down = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((n_up > 0) & (n_down > 0), concordant / (n_up * n_down), np.nan)


@documented
def aurc(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""AURC: error rate among the most confident decisions, averaged over coverages.

    {reading}

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`\frac1n \sum_k e_k / k` with :math:`e_k` the number of errors among the k most confident
    decisions, ties in random order. Confidence is the absolute margin of a pair, which needs no
    calibrator, or the distance of the forecast from 1/2; a margin of 0 is half an error. The most
    confident decisions dominate, so a single confident error has a large effect; prefer
    `augrc`. Uninformative confidence gives the error rate. Replicates use the area at continuous
    coverage, which differs by at most about log(n) / n.

    References
    ----------
    Geifman, Uziel, El-Yaniv (2019), Bias-reduced uncertainty estimation for deep neural
    classifiers. Traub et al. (2024), Overcoming common flaws in the evaluation of selective
    classification systems.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), aurc(), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 0.5)
    True
    """
    reading = reading_of(forecast)
    quantity = "the error rate among the most confident decisions, averaged over coverages"
    make = _maker(reading, quantity, _RISK, estimate=_stepwise)
    return forecast_statistic("aurc", reading, make)


def _stepwise(cases: Cases) -> Floats:
    """AURC at discrete coverages k / n: (scorer,)."""
    values = [
        selective_risk.stepwise_risk_area(*sums_of(cases, _RISK, m)[1:], len(cases.label))
        for m in range(len(cases.scorers))
    ]
    return np.array(values)


@documented
def augrc(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""AUGRC: proportion of all cases that are decided wrongly, averaged over coverages.

    {reading}

    Returns
    -------
    Statistic

    Notes
    -----
    The probability that of two random cases the first is wrong and its confidence (see `aurc`) at
    least that of the second, ties counting half: :math:`(1 - \mathrm{AUROC}_f)\,a (1 - a) + (1 -
    a)^2 / 2` with accuracy :math:`a` and :math:`\mathrm{AUROC}_f` the probability that a correct
    decision is more confident than a wrong one. For pairs it is (1 - `auroc`) / 2. Uninformative
    confidence gives half the error rate.

    References
    ----------
    Traub et al. (2024), Overcoming common flaws in the evaluation of selective classification
    systems.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), augrc(), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 0.25)
    True
    """
    reading = reading_of(forecast)
    quantity = "the proportion of all cases that are decided wrongly, averaged over coverages"
    return forecast_statistic("augrc", reading, _maker(reading, quantity, _JOINT_RISK))


@documented
def coverage_at(
    accuracy: float = 0.9,
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Largest coverage at a given accuracy, deciding the most confident cases first.

    {reading}
    accuracy : float, default 0.9
        Accuracy required of the decisions.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`\max \{P(s \ge t) : P(\text{right} \mid s \ge t) \ge a\}` over thresholds t of the
    confidence s (see `aurc`); 0 if no threshold reaches the accuracy. The threshold is optimized
    in-sample, so the value is optimistic and discontinuous, and its intervals undercover if
    few decisions are confident enough (coverage 87% if 3% of 400 are):
    `metaeval.calibration.largest_coverage` gives a threshold whose accuracy is assured.

    References
    ----------
    Geifman, El-Yaniv (2017), Selective classification for deep neural networks.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), coverage_at(0.8), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] <= 1)
    True
    """
    check_fraction("accuracy", accuracy)

    def value(weight: Floats, wrong: Floats) -> Floats:
        return selective_risk.last_coverage(
            weight, selective_risk.reaches_accuracy(weight, weight - wrong, accuracy)
        )

    reading = reading_of(forecast)
    quantity = f"the largest proportion of cases that can be decided with accuracy {accuracy:g}"
    make = _maker(reading, quantity, Measure(by_confidence, value, None), better="higher")
    option = f"accuracy={accuracy:g}" if accuracy != 0.9 else ""
    return forecast_statistic("coverage_at", reading, make, option, better="higher")


def rank_by_margin(requested: Reading, settled: Reading) -> Reading:
    """Use absolute margins of pairs as confidence, unless a calibrator was requested."""
    if settled.rows == "pairs" and requested.calibrator is None:
        return dataclasses.replace(settled, ranked=True, calibrator=None)
    return settled


def _maker(
    requested: Reading,
    quantity: str,
    measure: Measure,
    estimate: Callable[[Cases], Floats] | None = None,
    better: Literal["higher", "lower"] = "lower",
) -> Callable[[str, Reading], Statistic]:
    def make(name: str, settled: Reading) -> Statistic:
        reading = rank_by_margin(requested, settled)
        statistic = of_levels(name, reading, quantity, measure, better=better, bounds=(0.0, 1.0))
        if estimate is None:
            return statistic
        return dataclasses.replace(
            statistic, exact=lambda table: estimate(cases_of(table, reading))
        )

    return make
