"""How well scorers rank, and what is gained by decisions kept only where a scorer is sure."""

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
from metaeval.statistics.calibration.proper_scores import estimand_of, read_by
from metaeval.statistics.calibration.ranked_sums import (
    Measure,
    by_score,
    by_sureness,
    of_levels,
    sums_of,
)
from metaeval.statistics.means import mean_of_values
from metaeval.tables import Table


def _of_pairs(weight: Floats, wrong: Floats) -> Floats:
    """Rank value of pairs and their mirror images: a surer wrong decision loses against any."""
    return 1 - 2 * selective_risk.joint_risk_area(weight, wrong)


def _of_pairs_gradient(weight: Floats, wrong: Floats) -> tuple[Floats, Floats]:
    by_weight, by_wrong = selective_risk.joint_risk_gradient(weight, wrong)
    return -2 * by_weight, -2 * by_wrong


_RANKS = Measure(by_score, selective_risk.rank_value, selective_risk.rank_gradient)
_PAIRED_RANKS = Measure(by_sureness, _of_pairs, _of_pairs_gradient)
_JOINT_RISK = Measure(
    by_sureness, selective_risk.joint_risk_area, selective_risk.joint_risk_gradient
)
_RISK = Measure(by_sureness, selective_risk.risk_area, selective_risk.risk_gradient)


@documented
def auroc(
    forecast: Forecast | Scale = "score",
    grouping: Literal["none", "item"] = "none",
) -> Statistic:
    r"""AUROC: chance that a case where the event happened has the higher score, ties half.

    {reading}
    grouping : {"none", "item"}
        Compare responses of all items with one another, or those of each item, and average over
        the items that have both kinds.

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        For pairs with grouping="item": those lie within an item already.

    Notes
    -----
    :math:`P(x_+ > x_-) + P(x_+ = x_-) / 2`; only ranks count, so that no map is needed and nothing
    is said of calibration. Across items it also rewards a scorer for telling easy items from hard
    ones: give the value within items beside it. Pairs, whose order means nothing, count from both
    sides: it is then 1 - 2 AUGRC, and high where the sure decisions are right. Labels of 0 to 1 are
    taken as those of responses, unless `rows` says pairs. Standard errors are
    by items (clusters), through the placement of each case; for one case per item they are those of
    DeLong. A share of raters counts as that much of a positive and the rest of a negative.

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
            what = "the chance that a positive scores above a negative"
            made = of_levels(name, r, what, measure, better="higher", bounds=(0.0, 1.0))
            return dataclasses.replace(made, describe=lambda t: _levels_of_ranks(t, r))
        return _within(name, r)

    return read_by("auroc", reading, make, "grouping=item" if within else "", better="higher")


def _levels_of_ranks(table: Table, reading: Reading, within: bool = False) -> Mapping[str, Floats]:
    """Chance, and the independent units of the rarer kind: so many trials a perfect value has."""
    cases, n = cases_of(table, reading), len(table.scorers)
    levels = {"chance": np.full(n, 0.5)}
    if cases.mirrored:
        return levels
    positive, negative = cases.weight * cases.label, cases.weight * (1 - cases.label)
    if within:
        kinds = (np.bincount(cases.items, kind, cases.n_items) for kind in (positive, negative))
        both = np.minimum(*kinds)[cases.items] > 0
        positive = negative = both / np.bincount(cases.items)[cases.items]
    trials = min(_units_of(kind, cases.unit) for kind in (positive, negative))
    return {**levels, "trials": np.full(n, trials)}


def _units_of(weight: Floats, unit: Codes) -> float:
    """As many units of equal weight as tell what these do."""
    by_unit = np.bincount(unit, weight)
    square = float(np.square(by_unit).sum())
    return float(by_unit.sum()) ** 2 / square if square > 0 else 0.0


def _within(name: str, reading: Reading) -> Statistic:
    """Mean over items of the AUROC of their responses."""
    if reading.rows == "pairs":
        raise MetaevalError(
            "grouping='item' compares the responses of an item, and pairs are such comparisons: "
            "use pairwise_accuracy(ties='half'), or rows='responses'."
        )
    settled = dataclasses.replace(reading, average="items")
    what = "the chance that a positive scores above a negative of its item"
    estimand = dataclasses.replace(
        estimand_of(name, settled, what, better="higher", status="exact"),
        rows="responses",
        grouping="item",
    )

    def values(table: Table) -> Floats:
        cases = cases_of(table, reading)
        return np.stack([_ranks_of_items(cases, m) for m in range(len(cases.scorers))], axis=-1)

    def describe(table: Table) -> Mapping[str, Floats]:
        return _levels_of_ranks(table, reading, within=True)

    return mean_of_values(estimand, values, "drop", describe=describe, bounds=(0.0, 1.0))


def _ranks_of_items(cases: Cases, m: int) -> Floats:
    """Rank value of the responses of each item; NaN where all are of one kind: (item,)."""
    level, positive, negative = by_score(cases, m)
    n_levels = int(level.max()) + 1
    place, first = np.unique(cases.items * n_levels + level, return_inverse=True)
    item = place // n_levels
    ups, downs = (np.bincount(first, column) for column in (positive, negative))
    start = np.searchsorted(item, np.arange(cases.n_items))
    below = np.cumsum(downs) - downs
    below += downs / 2 - below[np.minimum(start, len(item) - 1)][item]
    sums = (np.bincount(item, column, cases.n_items) for column in (ups * below, ups, downs))
    both, n_up, n_down = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((n_up > 0) & (n_down > 0), both / (n_up * n_down), np.nan)


@documented
def aurc(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""AURC: mean over coverages of the share of wrong decisions among the surest.

    {reading}

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`\frac1n \sum_k e_k / k` with :math:`e_k` the errors among the k surest decisions, ties in
    random order. How sure: the size of the margin of a pair, which needs no map, or the distance of
    the forecast from 1/2; a margin of 0 is half wrong. The first decisions weigh most: one sure
    mistake moves it far; prefer `augrc`. Sureness that knows nothing has the error rate. Replicates
    move with the same area at continuous coverage, which differs by about log(n) / n at most.

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
    what = "the mean over coverages of the risk among the surest decisions"
    make = _maker(reading, what, _RISK, estimate=_stepwise)
    return read_by("aurc", reading, make)


def _stepwise(cases: Cases) -> Floats:
    """AURC in steps of one case: (scorer,)."""
    values = [
        selective_risk.stepwise_risk_area(*sums_of(cases, _RISK, m)[1:], len(cases.label))
        for m in range(len(cases.scorers))
    ]
    return np.array(values)


@documented
def augrc(
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""AUGRC: mean over coverages of the share of all cases that are decided and wrong.

    {reading}

    Returns
    -------
    Statistic

    Notes
    -----
    The chance that of two cases the first is wrong and decided no later than the second, the order
    that of sureness (see `aurc`), ties half:
    :math:`(1 - \mathrm{AUROC}_f)\,a (1 - a) + (1 - a)^2 / 2` with accuracy :math:`a` and
    :math:`\mathrm{AUROC}_f` the chance that a right decision is surer than a wrong one. For pairs
    it is (1 - `auroc`) / 2. Sureness that knows nothing has half the error rate.

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
    what = "the mean over coverages of the share of all cases that are decided and wrong"
    return read_by("augrc", reading, _maker(reading, what, _JOINT_RISK))


@documented
def coverage_at(
    accuracy: float = 0.9,
    forecast: Forecast | Scale = "score",
) -> Statistic:
    r"""Largest share of cases that can be decided with a given accuracy, the surest first.

    {reading}
    accuracy : float, default 0.9
        What decisions must reach.

    Returns
    -------
    Statistic

    Notes
    -----
    :math:`\max \{P(s \ge t) : P(\text{right} \mid s \ge t) \ge a\}` over thresholds t of the
    sureness s (see `aurc`); 0 where no threshold reaches it. The threshold is chosen on the cases
    that it is judged by, so that the value flatters and jumps, and its intervals hold the truth too
    seldom where only few decisions are sure enough (87 of 100 times where 3 % are, of 400):
    `metaeval.calibration.largest_coverage` says which threshold may be relied on.

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
    what = f"the largest share of cases that can be decided with accuracy {accuracy:g}"
    make = _maker(reading, what, Measure(by_sureness, value, None), better="higher")
    more = f"accuracy={accuracy:g}" if accuracy != 0.9 else ""
    return read_by("coverage_at", reading, make, more, better="higher")


def by_size(asked: Reading, settled: Reading) -> Reading:
    """Margins are as sure as they are large, unless a map was asked for."""
    if settled.rows == "pairs" and asked.calibrator is None:
        return dataclasses.replace(settled, ranked=True, calibrator=None)
    return settled


def _maker(
    asked: Reading,
    what: str,
    measure: Measure,
    estimate: Callable[[Cases], Floats] | None = None,
    better: Literal["higher", "lower"] = "lower",
) -> Callable[[str, Reading], Statistic]:
    def make(name: str, settled: Reading) -> Statistic:
        reading = by_size(asked, settled)
        made = of_levels(name, reading, what, measure, better=better, bounds=(0.0, 1.0))
        if estimate is None:
            return made
        return dataclasses.replace(made, exact=lambda table: estimate(cases_of(table, reading)))

    return make
