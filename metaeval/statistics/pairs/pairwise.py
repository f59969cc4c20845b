"""Pairwise accuracy and Kendall's tau with their conventions for ties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from metaeval.core import (
    Codes,
    Floats,
    MetaevalError,
    check_not_negative,
    check_one_of,
    decide_with_threshold,
)
from metaeval.statistics.base import PairCredits, Statistic, TwoWayReplicates
from metaeval.statistics.bound import Finish
from metaeval.statistics.degenerate_groups import DEGENERATE, items_with_pairs
from metaeval.statistics.estimand import Estimand, Rows
from metaeval.statistics.kinds import DefaultedStatistic, SumStatistic
from metaeval.statistics.means import mean_of_values
from metaeval.statistics.pairs.counts import (
    Grouping,
    accuracy_of_counts,
    chance_levels,
    check_average,
    credit,
    format_grouping,
    pair_counts,
    pair_weights,
    ratio_terms,
    tau_c,
    tau_of_counts,
)
from metaeval.statistics.pairs.cross_item import across_items
from metaeval.statistics.pairs.two_way import accuracy_by_systems, tau_by_systems
from metaeval.statistics.sums import only_label, sum_by
from metaeval.tables import Pairs, Responses

TIES = ("acc-eq", "strict", "half")
VARIANTS = ("a", "b", "c", "23", "10", "13", "14")
_BOUNDS = (-1.0, 1.0)
_DECISIONS = np.array([-1.0, 0.0, 1.0])


def pairwise_accuracy(
    ties: Literal["acc-eq", "strict", "half"] | None = None,
    epsilon: float = 0.0,
    average: Literal["items", "pairs", "groups"] | None = None,
    grouping: Grouping = "item",
) -> Statistic:
    r"""Proportion of pairs of responses that a scorer orders as the labels do.

    Parameters
    ----------
    ties : {"acc-eq", "strict", "half"}, optional
        `acc-eq`: a tie in the labels must be matched by a scorer tie. `strict`: tied labels
        are excluded, scorer ties count as wrong. `half`: tied labels are excluded, scorer ties get
        half credit. Default: `acc-eq` for ratings and for preferences with ties,
        else `half`.
    epsilon : float, default 0, in units of the scores
        Margins up to this size are ties.
    average : {"items", "pairs", "groups"}, optional
        Mean over items (or systems: groups) with at least one counted pair, or over all pairs.
    grouping : {"item", "system", "none"}
        Pairs of responses to the same item, pairs of responses of the same system, or all pairs.

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        If an option is unknown, or with more than 20,000 rows if `grouping` is not `item`.

    Notes
    -----
    With C concordant and D discordant pairs, :math:`T_h` tied by the labels only, :math:`T_m` by
    the scorer only and :math:`T_{hm}` by both: acc-eq :math:`(C + T_{hm}) / (C + D + T_h + T_m +
    T_{hm})`, strict :math:`C / (C + D + T_m)`, half :math:`(C + T_m / 2) / (C + D + T_m)`. The
    chance level of acc-eq depends on the tie rates: compare the value with `chance` and
    `best_constant`.

    References
    ----------
    Deutsch, Foster, Freitag (2023), Ties Matter: Meta-Evaluating Modern Metrics with Pairwise
    Accuracy and Tie Calibration.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), pairwise_accuracy("half"), n_resamples=100).row("judge")
    >>> bool(0.5 < row["estimate"] < 1)
    True
    """
    average = check_average(grouping, average)  # type: ignore[assignment]
    check_not_negative("epsilon", epsilon)
    if ties is None:
        name = f"pairwise_accuracy({_format_options(epsilon, grouping, average)[1:]})"
        rows: Rows = "pairs" if grouping == "item" else "responses"
        return DefaultedStatistic(
            estimand=Estimand(name=name, rows=rows),
            resolve=lambda table: pairwise_accuracy(
                default_ties(table), epsilon, average, grouping
            ),
        )
    check_one_of("ties", ties, TIES)
    name = f"pairwise_accuracy(ties={ties}{_format_options(epsilon, grouping, average)})"
    estimand = Estimand(
        name=name,
        rows="pairs" if grouping == "item" else "responses",
        grouping=grouping,
        average=str(average),
        ties=ties,
        epsilon=f"{epsilon:g}",
        is_accuracy=True,
    )
    if grouping != "item":
        return across_items(estimand, lambda counts: accuracy_of_counts(counts, ties), epsilon)

    def terms(table: Pairs) -> Floats:
        right, counted = credit(
            decide_with_threshold(table.scores.to_numpy(), epsilon), only_label(table), ties
        )
        return ratio_terms(table, right, counted, str(average))

    def describe(table: Pairs) -> Mapping[str, Floats]:
        decision = decide_with_threshold(table.scores.to_numpy(), epsilon)
        return chance_levels(table, decision, ties, str(average))

    return SumStatistic(
        estimand=estimand,
        terms=terms,
        additive=True,
        describe=describe,
        credits=lambda table: _credits(table, ties, epsilon, str(average)),
        by_systems=lambda table, unit, n_units: accuracy_by_systems(
            table,
            unit,
            n_units,
            decide_with_threshold(table.scores.to_numpy(), epsilon),
            ties,
            str(average),
        ),
    )


def _credits(table: Pairs, ties: str, epsilon: float, average: str) -> PairCredits:
    earned, counted = credit(_DECISIONS, only_label(table), ties)
    return PairCredits(earned, pair_weights(table, counted[:, 0], average), epsilon)


def default_ties(table: Responses | Pairs) -> Literal["acc-eq", "half"]:
    """Return `acc-eq` if labels can be tied (ratings, recorded ties), else `half`."""
    if isinstance(table, Responses):
        return "half" if table.kind == "correct" else "acc-eq"
    return "acc-eq" if bool((table.labels == 0).any(axis=None)) else "half"


def _format_options(epsilon: float, grouping: str, average: str | None) -> str:
    """Options for the name of a statistic, if not the default."""
    return (f",epsilon={epsilon:g}" if epsilon else "") + format_grouping(grouping, average)


def kendall(
    variant: Literal["a", "b", "c", "23", "10", "13", "14"] = "b",
    epsilon: float = 0.0,
    average: Literal["items", "pairs", "groups"] | None = None,
    grouping: Grouping = "item",
    degenerate: Literal["drop", "zero", "error"] = "drop",
) -> Statistic:
    r"""Kendall's rank correlation of scores and labels, in its common variants.

    Parameters
    ----------
    variant : {"a", "b", "c", "23", "10", "13", "14"}
        `b` corrects for ties, `c` is Stuart's tau-c; the numbers are the conventions of the WMT
        metrics tasks of 2010, 2013 and 2014, and of Deutsch et al. (2023).
    epsilon : float, default 0, in units of the scores
        Margins up to this size are ties of the scorer (not available for `c`).
    average : {"items", "pairs", "groups"}, optional
        Mean of the taus of items (or systems: groups), or one tau from pooled counts.
    grouping : {"item", "system", "none"}
        Pairs of responses to the same item, pairs of responses of the same system, or all pairs.
    degenerate : {"drop", "zero", "error"}
        Policy for groups in which tau is undefined (constant scores or labels): drop them for all
        scorers, count them as 0, or raise an error. Their number is reported.

    Returns
    -------
    Statistic

    Notes
    -----
    In the symbols of `pairwise_accuracy`: a :math:`(C-D)/n`; b
    :math:`(C-D)/\sqrt{(C+D+T_h)(C+D+T_m)}`; 23 :math:`(C+T_{hm}-D-T_h-T_m)/n`; 10
    :math:`(C-D-T_m)/(C+D+T_m)`; 13 :math:`(C-D)/(C+D)`; 14 :math:`(C-D)/(C+D+T_m)`; c
    :math:`2(C-D)/(N^2 (k-1)/k)` with k the smaller number of distinct values of N. Dropping
    degenerate groups rewards a scorer for being constant on hard items. With epsilon 0, scores are
    compared exactly, as in other implementations of rank correlation: values that differ only by
    roundoff are ties in `pairwise_accuracy`, which rounds margins first, but not here.

    References
    ----------
    Deutsch, Foster, Freitag (2023), Ties Matter.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> row = evaluate(load_example(), kendall("b"), n_resamples=100).row("judge")
    >>> bool(0 < row["estimate"] < 1)
    True
    """
    variant = str(variant)  # type: ignore[assignment]
    check_one_of("variant", variant, VARIANTS)
    check_one_of("degenerate", degenerate, DEGENERATE)
    average = check_average(grouping, average)  # type: ignore[assignment]
    check_not_negative("epsilon", epsilon)
    if variant == "c" and (epsilon or (average == "pairs" and grouping != "none")):
        raise MetaevalError(
            "variant='c' is defined only for epsilon=0 and not for pooled pairs (average='pairs')."
        )
    policy = "" if degenerate == "drop" else f",degenerate={degenerate}"
    name = f"kendall(variant={variant}{_format_options(epsilon, grouping, average)}{policy})"
    estimand = Estimand(
        name=name,
        rows=_rows_of_tau(variant, epsilon, grouping),
        grouping=grouping,
        average=str(average),
        ties=variant,
        epsilon=f"{epsilon:g}",
    )
    if grouping != "item":
        finish: Finish | None = (
            None if variant == "c" else lambda counts: tau_of_counts(counts, variant)
        )
        return across_items(
            estimand, finish, epsilon, degenerate=degenerate, exact=not epsilon, bounds=_BOUNDS
        )
    if variant == "c":
        return mean_of_values(
            estimand, _tau_c_of_items, degenerate, items_with_pairs, bounds=_BOUNDS
        )

    def terms(table: Pairs) -> Floats:
        kinds = pair_counts(
            decide_with_threshold(table.scores.to_numpy(), epsilon), only_label(table)
        )
        return sum_by(kinds, table.item_codes, table.n_items)

    def by_systems(table: Pairs, unit: Codes, n_units: int) -> TwoWayReplicates:
        decisions = decide_with_threshold(table.scores.to_numpy(), epsilon)
        return tau_by_systems(table, unit, n_units, decisions, variant, str(average))

    def credits(table: Pairs) -> PairCredits:
        return _tau_credits(table, variant, epsilon, str(average))

    linear = variant in ("a", "23")
    fields: dict[str, Any] = {"bounds": _BOUNDS}
    fields |= {"by_systems": by_systems} if linear or average == "pairs" else {}
    fields |= {"credits": credits} if linear else {}
    if variant == "23":
        fields["describe"] = lambda table: _reference_levels_of_tau(table, epsilon, str(average))
    if average == "items":
        return mean_of_values(
            estimand, lambda table: tau_of_counts(terms(table), variant), degenerate, **fields
        )
    return SumStatistic(
        estimand=estimand,
        terms=terms,
        finish=lambda sums: tau_of_counts(sums, variant),
        smooth=True,
        **fields,
    )


def _rows_of_tau(variant: str, epsilon: float, grouping: str) -> Rows:
    """Rows that tau refers to: exact pairs unless there is a threshold in score units."""
    if grouping != "item" or variant == "c":
        return "responses"
    return "pairs" if epsilon else "exact pairs"


def _tau_credits(table: Pairs, variant: str, epsilon: float, average: str) -> PairCredits:
    human = np.sign(only_label(table))[:, None]
    agree = _DECISIONS * human if variant == "a" else 2.0 * (human == _DECISIONS) - 1
    return PairCredits(agree, pair_weights(table, np.ones(len(table)), average), epsilon)


def _reference_levels_of_tau(table: Pairs, epsilon: float, average: str) -> dict[str, Floats]:
    """Chance and best constant of variant 23, 2 x - 1 of those of pairwise accuracy."""
    decision = decide_with_threshold(table.scores.to_numpy(), epsilon)
    levels = chance_levels(table, decision, "acc-eq", average)
    return {k: v if k == "tie_rate" else 2 * v - 1 for k, v in levels.items()}


def _tau_c_of_items(table: Responses) -> Floats:
    pairs = table.exact_pairs
    kinds = pair_counts(np.sign(pairs.scores.to_numpy()), only_label(pairs))
    item_of_pair = table.item_index.get_indexer(pairs.item_index)[pairs.item_codes]
    counts = sum_by(kinds, item_of_pair, table.n_items)
    n = np.bincount(table.item_codes, minlength=table.n_items)[:, None].astype(float)
    columns = table.scores.assign(**{"\x00label": only_label(table)})
    distinct = columns.groupby(table.item_codes).nunique().to_numpy(dtype=float)
    return tau_c(counts, n, np.minimum(distinct[:, :-1], distinct[:, -1:]))
