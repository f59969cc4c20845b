"""Pairwise accuracy at an optimized tie threshold (tie calibration)."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from metaeval.core import Codes, Floats, check_integer, check_one_of, decide_with_threshold
from metaeval.statistics.base import PairCredits, Statistic, TwoWayReplicates
from metaeval.statistics.bound import Weigh
from metaeval.statistics.estimand import Estimand
from metaeval.statistics.folds import folds_of
from metaeval.statistics.kinds import WeightedStatistic
from metaeval.statistics.pairs.counts import (
    Grouping,
    chance_levels,
    check_average,
    format_grouping,
    pair_weights,
)
from metaeval.statistics.pairs.cross_item_ties import across_items_calibrated
from metaeval.statistics.pairs.logistic_threshold import (
    RankedPairs,
    folded_thresholds,
    rank_pairs,
    refitted_accuracy,
)
from metaeval.statistics.pairs.threshold_search import (
    best_thresholds,
    credit_by_threshold,
    rethresholded_accuracy,
    sort_pairs,
)
from metaeval.statistics.pairs.two_way import accuracy_by_systems
from metaeval.statistics.sums import only_label, sum_by
from metaeval.tables import Pairs

_THRESHOLDS = ("logistic", "argmax")
_BUDGET = 2.0**38  # total weight of all pairs, see `_credit_weight`
# More bins make the products with the weights slower; fewer bins, the search inside them.
_MAX_BINS = 512
_BIN_BYTES = 1e9  # memory of the credits by item, bin and scorer


def tie_calibrated_accuracy(
    n_folds: int | None = 20,
    average: Literal["items", "pairs", "groups"] | None = None,
    grouping: Grouping = "item",
    threshold: Literal["logistic", "argmax"] | None = None,
) -> Statistic:
    r"""Pairwise accuracy (acc-eq) at a tie threshold of each scorer that is estimated from labels.

    Parameters
    ----------
    n_folds : int, default 20, or None
        The threshold of a fold of items (clusters, if declared) is estimated on the other folds.
        None: estimated and scored on the same pairs, as published; optimistic with few items.
    average : {"items", "pairs", "groups"}, optional
        Mean over items (or systems: groups), or over all pairs.
    grouping : {"item", "system", "none"}
        Pairs of responses to the same item, pairs of responses of the same system, or all pairs.
        Unless `item`, thresholds are fixed in replicates and the status is "approximate".
    threshold : {"logistic", "argmax"}, optional
        `logistic`: pairs are ties where a tied label is likelier than a correct decision, according
        to a logistic regression on the normal score of |margin|. `argmax`: the threshold with the
        largest observed accuracy, as published. Default: `logistic`, but `argmax` if `n_folds` is
        None.

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        If there are fewer than two items (clusters), so folds cannot be formed.

    Notes
    -----
    Among pairs with a tied label or a correct decision, the probability p of a tied label is
    modeled as :math:`\mathrm{logit}\, p = a + b z`, with z the rank of :math:`|d|` as a quantile of
    the half-normal distribution; a pair is a tie where p is above 1/2. If b is not negative, all or
    no pairs are. `argmax` is :math:`\hat\epsilon = \arg\max_\epsilon (C + T_{hm}) / n` over 0 and
    all :math:`|d|`, the smallest of several maxima; its error decreases so slowly with the number
    of items (with the cube root) that sign flips at fixed thresholds reject too often and bootstrap
    tests too seldom.
    Thresholds are estimated again in every bootstrap replicate (by one Newton step, `argmax` by an
    exact search; see docs/methods.md); folds belong to the original items. The sign-flip test, and
    replicates that also resample systems, hold the thresholds fixed: with few items and weak
    scorers that test rejects too often, and the default test does not. If labels are mostly tied,
    every pair may be declared a tie: compare the value with `skill` and `tie_rate`. Coarse scorers
    gain from rounding alone.

    References
    ----------
    Deutsch, Foster, Freitag (2023), Ties Matter. Perrella et al. (2024), Guardians of the
    Machine Translation Meta-Evaluation. Kim, Pollard (1990), Cube root asymptotics.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), tie_calibrated_accuracy(), n_resamples=100).row("judge")
    >>> bool(row["best_constant"] < row["estimate"] < 1)
    True
    """
    if n_folds is not None:
        check_integer("n_folds", n_folds, 2)
    check_one_of("threshold", threshold, (None, *_THRESHOLDS))
    tuning = Tuning(
        n_folds=n_folds,
        average=str(check_average(grouping, average)),
        argmax=n_folds is None if threshold is None else threshold == "argmax",
    )
    estimand = _estimand(tuning, grouping)
    if grouping != "item":
        return across_items_calibrated(estimand, n_folds, tuning.argmax)

    def by_systems(table: Pairs, unit: Codes, n_units: int) -> TwoWayReplicates:
        decisions = tuned_decisions(table, tuning)
        return accuracy_by_systems(table, unit, n_units, decisions, "acc-eq", tuning.average)

    return WeightedStatistic(
        estimand=estimand,
        weigh=lambda table: _weigh(table, tuning),
        exact=lambda table: _contributions(table, tuning).sum(axis=0),
        of_items=lambda table: _contributions(table, tuning),
        share=lambda table: _shares(table, tuning.average),
        describe=lambda table: _describe(table, tuning),
        by_systems=by_systems,
        credits=lambda table: _credits(table, tuning),
    )


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How thresholds are estimated: folds (None: in-sample), average, and by which rule."""

    n_folds: int | None
    average: str
    argmax: bool


def _estimand(tuning: Tuning, grouping: Grouping) -> Estimand:
    in_sample, item = tuning.n_folds is None, grouping == "item"
    rule = "argmax" if tuning.argmax else "logistic"
    of_rule = "" if tuning.argmax == in_sample else f",threshold={rule}"
    options = f"n_folds={tuning.n_folds}{format_grouping(grouping, tuning.average)}{of_rule}"
    published = in_sample and tuning.argmax
    return Estimand(
        name=f"tie_calibrated_accuracy({options})",
        rows="pairs" if item else "responses",
        grouping=grouping,
        average=tuning.average,
        ties="acc-eq",
        epsilon="in-sample" if in_sample else "crossfit",
        status="published" if published else "exact" if item else "approximate",
        is_accuracy=True,
    )


def _credits(table: Pairs, tuning: Tuning) -> PairCredits:
    """Credits of decisions at the thresholds of each scorer."""
    credit = (only_label(table)[:, None] == [-1.0, 0.0, 1.0]).astype(float)
    share = pair_weights(table, np.ones(len(table)), tuning.average)
    return PairCredits(credit, share, thresholds(table, tuning)[folds_of(table, tuning.n_folds)])


def _credit_weight(table: Pairs, average: str) -> Floats:
    """Weight of each pair within its item, up to a factor: integers (pair,).

    They are exact if the numbers of pairs have a small common multiple, so three thirds are
    one. Their sum is at most `_BUDGET`, which leaves 15 of the 53 bits of double precision for the
    weights of items: 12 after the binary point, and 3 for items that are drawn repeatedly.
    """
    if average == "pairs":
        return np.ones(len(table))
    size = np.bincount(table.item_codes, minlength=table.n_items)
    budget = _BUDGET / len(size)
    common = math.lcm(*(int(n) for n in np.unique(size)))
    if common <= budget:
        return np.asarray((common // size)[table.item_codes], dtype=float)
    return np.asarray(np.floor(budget / size))[table.item_codes]


_CACHE: weakref.WeakKeyDictionary[Pairs, dict[Tuning, Floats]] = weakref.WeakKeyDictionary()


def thresholds(table: Pairs, tuning: Tuning) -> Floats:
    """Threshold of each fold and scorer, (fold, scorer), cached with the table."""
    cached = _CACHE.setdefault(table, {})
    if tuning not in cached:
        cached[tuning] = _estimated_thresholds(table, tuning)
    return cached[tuning]


def _estimated_thresholds(table: Pairs, tuning: Tuning) -> Floats:
    fold, n_folds = folds_of(table, tuning.n_folds), tuning.n_folds or 1
    columns = table.scores.to_numpy().T
    if tuning.argmax:
        human, weight = only_label(table), _credit_weight(table, tuning.average)
        best = [best_thresholds(sort_pairs(x, human, weight), fold, n_folds) for x in columns]
        return np.stack(best, axis=-1)
    of_items = _of_items(table, fold)
    fitted = [folded_thresholds(pairs, of_items, n_folds)[0] for pairs in _ranked(table, tuning)]
    return np.stack(fitted, axis=-1)


def _ranked(table: Pairs, tuning: Tuning) -> Iterator[RankedPairs]:
    """Pairs of each scorer in cells of the rank of the absolute margin."""
    human = only_label(table)
    weight = pair_weights(table, np.ones(len(table)), tuning.average)
    for column in table.scores.to_numpy().T:
        yield rank_pairs(column, human, weight, table.item_codes, table.n_items)


def _of_items(table: Pairs, of_rows: Codes) -> Codes:
    """Values (item,) of a column (row,) that is constant within items."""
    return of_rows[np.unique(table.item_codes, return_index=True)[1]]


def credit_at(table: Pairs, average: str) -> tuple[Floats, Floats]:
    """Thresholds of the only scorer of a table, 0 and all absolute margins, and their credit.

    `thresholds` returns the first threshold with the largest credit if there is one fold.
    """
    column = table.scores.to_numpy()[:, 0]
    return credit_by_threshold(
        sort_pairs(column, only_label(table), _credit_weight(table, average))
    )


def tuned_decisions(table: Pairs, tuning: Tuning) -> Floats:
    """Decision on each pair at the threshold of its fold: (pair, scorer)."""
    epsilon = thresholds(table, tuning)[folds_of(table, tuning.n_folds)]
    return decide_with_threshold(table.scores.to_numpy(), epsilon)


def _contributions(table: Pairs, tuning: Tuning) -> Floats:
    """Contribution of each item to the estimate at fixed thresholds: (item, scorer)."""
    human = only_label(table)
    right = (tuned_decisions(table, tuning) == human[:, None]).astype(float)
    weight = pair_weights(table, np.ones_like(human), tuning.average)
    return sum_by(right * weight[:, None], table.item_codes, table.n_items)


def _shares(table: Pairs, average: str) -> Floats:
    weight = pair_weights(table, np.ones(len(table)), average)
    return sum_by(weight, table.item_codes, table.n_items)


def _describe(table: Pairs, tuning: Tuning) -> Mapping[str, Floats]:
    human, folds = only_label(table), np.unique(folds_of(table, tuning.n_folds))
    weight = pair_weights(table, np.ones_like(human), tuning.average)
    plain = weight @ (np.sign(table.scores.to_numpy()) == human[:, None])
    half = weight @ np.where(human[:, None] != 0, _half(table), 0.0)
    informative = float(weight @ (human != 0))
    return {
        **chance_levels(table, tuned_decisions(table, tuning), "acc-eq", tuning.average),
        "epsilon": np.median(thresholds(table, tuning)[folds], axis=0),
        "untuned": plain,
        "half": half / informative if informative else np.full(len(half), np.nan),
    }


def _half(table: Pairs) -> Floats:
    decision = np.sign(table.scores.to_numpy())
    return (decision == only_label(table)[:, None]) + 0.5 * (decision == 0)


def _weigh(table: Pairs, tuning: Tuning) -> Weigh:
    """Replicates of the estimate, with thresholds estimated again in each."""
    fold, n_folds = _of_items(table, folds_of(table, tuning.n_folds)), tuning.n_folds or 1
    if not tuning.argmax:
        share = _shares(table, tuning.average)
        return refitted_accuracy(_ranked(table, tuning), share, fold, n_folds)
    human, weight = only_label(table), _credit_weight(table, tuning.average)
    items, n_items = table.item_codes, table.n_items
    return rethresholded_accuracy(
        [sort_pairs(column, human, weight) for column in table.scores.to_numpy().T],
        items,
        sum_by(weight, items, n_items),
        fold,
        n_folds,
        int(np.clip(_BIN_BYTES / (16.0 * n_items * len(table.scorers)), 8, _MAX_BINS)),
    )
