"""What recalibration on other items would gain: miscalibration without optimism."""

from __future__ import annotations

import numpy as np

from metaeval import maps
from metaeval.arrays import Codes, Floats
from metaeval.checks import check_one_of
from metaeval.decomposition import expected_score
from metaeval.statistics.base import Statistic, ratio, share_of_estimate
from metaeval.statistics.forecasts import Cases, cases_of, checked_folds, scored_of
from metaeval.statistics.proper import Average, estimand_of, read_by, terms_of
from metaeval.statistics.reading import Native, Over, Reading, documented
from metaeval.tables import Table

_BY = ("isotonic", "line")


@documented
def recalibration_gain(
    native: Native = None,
    by: str = "isotonic",
    over: Over = None,
    event: float | None = None,
    map: str | None = None,
    folds: int = 5,
    average: Average | None = None,
) -> Statistic:
    r"""Recalibration gain: what a recalibration fitted on other items takes off the Brier score.

    {reading}
    by : {"isotonic", "line"}
        How forecasts are recalibrated: isotonic regression, or a line on the logit scale.

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        If there are fewer items (clusters) than folds.

    Notes
    -----
    :math:`S(p) - S(\hat p_{-f})` with :math:`\hat p_{-f}` fitted without the fold of the item.
    Unlike `miscalibration` it has no optimism, and is below 0 where recalibration would harm, as
    it does calibrated forecasts a little. A mean of items: intervals and paired tests are those of
    accuracies, with the recalibration held fixed.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021), Stable reliability diagrams for probabilistic classifiers.
    Stone (1974), Cross-validatory choice and assessment of statistical predictions.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> table = load_example()
    >>> row = evaluate(table, recalibration_gain("logit"), n_resamples=100).row("lexical")
    >>> bool(row["estimate"] > 0)
    True
    """
    check_one_of("by", by, _BY)
    reading = Reading(native, over, event, map, folds, average, crossed=True)

    def make(name: str, r: Reading) -> Statistic:
        def terms(table: Table) -> Floats:
            return _terms(
                cases_of(table, r), by, checked_folds(table, scored_of(table, r).rows, folds)
            )

        return Statistic(
            name,
            r.over,  # type: ignore[arg-type]
            terms,
            ratio,
            estimand_of(r, "what recalibration on other items takes off the Brier score"),
            "approximate",
            contributions=lambda table: share_of_estimate(terms(table)),
            from_terms=share_of_estimate,
            better="lower",
        )

    return read_by("recalibration_gain", reading, make, f"by={by}" if by != _BY[0] else "")


def _terms(cases: Cases, by: str, fold: Codes) -> Floats:
    return terms_of(cases, 1, lambda m: [cases.by_item(_gain(cases, m, by, fold))])


def _gain(cases: Cases, m: int, by: str, fold: Codes) -> Floats:
    """Score of the forecast less that of its recalibration on the other folds: (case,)."""
    p, y = cases.column(m)
    better = np.empty_like(p)
    family = _family(by, cases.mirrored)
    x = _score(cases, m, by)
    for f in np.unique(fold):
        train, test = fold != f, fold == f
        curve = family.curve(x[train], y[train], cases.weight[train], cases.mirrored)
        better[test] = curve(x[test])
    return expected_score("brier", p, y) - expected_score("brier", better, y)


def _family(by: str, mirrored: bool) -> maps.Family:
    if by == "isotonic":
        return maps.ISOTONIC
    return maps.MARGIN_LINK if mirrored else maps.PLATT


def _score(cases: Cases, m: int, by: str) -> Floats:
    """What the recalibration takes: distances from 1/2 for pairs, log odds for a line."""
    p = cases.column(m)[0]
    if by == "line":
        return np.clip(cases.odds(m), -_FARTHEST, _FARTHEST)
    return p - 0.5 if cases.mirrored else p


_FARTHEST = 36.0  # log odds at which double precision rounds a probability to 1
