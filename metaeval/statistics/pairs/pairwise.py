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
from metaeval.statistics.degenerate_groups import DEGENERATE, of_two
from metaeval.statistics.estimand import Estimand, Rows
from metaeval.statistics.kinds import DefaultedStatistic, SumStatistic
from metaeval.statistics.means import mean_of_values
from metaeval.statistics.pairs.counts import (
    Grouping,
    accuracy_of_counts,
    chance_levels,
    check_average,
    credit,
    named_estimand,
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
_CALLS = np.array([-1.0, 0.0, 1.0])


def pairwise_accuracy(
    ties: Literal["acc-eq", "strict", "half"] | None = None,
    epsilon: float = 0.0,
    average: Literal["items", "pairs", "groups"] | None = None,
    grouping: Grouping = "item",
) -> Statistic:
    r"""Share of pairs of responses that a scorer puts in the order of the labels.

    Parameters
    ----------
    ties : {"acc-eq", "strict", "half"}, optional
        `acc-eq`: a tie must be met by a tie. `strict`: tied labels are left out, a scorer's tie
        is wrong. `half`: tied labels are left out, a scorer's tie is half right. Without it:
        `acc-eq` for ratings and for preferences that hold ties, else `half`.
    epsilon : float, default 0, in units of the scores
        Margins up to this size are called ties.
    average : {"items", "pairs", "groups"}, optional
        Mean over items (or systems: groups) with at least one counted pair, or over pairs.
    grouping : {"item", "system", "none"}
        Which responses are paired: those to one item, those of one system, or all.

    Returns
    -------
    Statistic

    Raises
    ------
    MetaevalError
        For unknown values, and with `grouping` other than `item` above 20 000 rows.

    Notes
    -----
    With C concordant and D discordant pairs, :math:`T_h` tied by the labels only, :math:`T_m` by
    the scorer only and :math:`T_{hm}` by both: acc-eq
    :math:`(C + T_{hm}) / (C + D + T_h + T_m + T_{hm})`, strict :math:`C / (C + D + T_m)`, half
    :math:`(C + T_m / 2) / (C + D + T_m)`. The chance level of acc-eq moves with the tie rates:
    read it beside `chance` and `best_constant`.

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
        name = f"pairwise_accuracy({_given(epsilon, grouping, average)[1:]})"
        rows: Rows = "pairs" if grouping == "item" else "responses"
        return DefaultedStatistic(
            estimand=Estimand(name=name, rows=rows),
            resolve=lambda table: pairwise_accuracy(
                default_ties(table), epsilon, average, grouping
            ),
        )
    check_one_of("ties", ties, TIES)
    name = f"pairwise_accuracy(ties={ties}{_given(epsilon, grouping, average)})"
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
        call = decide_with_threshold(table.scores.to_numpy(), epsilon)
        return chance_levels(table, call, ties, str(average))

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
    earned, counted = credit(_CALLS, only_label(table), ties)
    return PairCredits(earned, pair_weights(table, counted[:, 0], average), epsilon)


def default_ties(table: Responses | Pairs) -> Literal["acc-eq", "half"]:
    """`acc-eq` where the labels can be tied (ratings, recorded ties), else `half`."""
    if isinstance(table, Responses):
        return "half" if table.kind == "correct" else "acc-eq"
    return "acc-eq" if bool((table.labels == 0).any(axis=None)) else "half"


def _given(epsilon: float, grouping: str, average: str | None) -> str:
    """What a name says besides, where it is not the default."""
    return (f",epsilon={epsilon:g}" if epsilon else "") + named_estimand(grouping, average)


def kendall(
    variant: Literal["a", "b", "c", "23", "10", "13", "14"] = "b",
    epsilon: float = 0.0,
    average: Literal["items", "pairs", "groups"] | None = None,
    grouping: Grouping = "item",
    degenerate: Literal["drop", "zero", "error"] = "drop",
) -> Statistic:
    r"""Kendall's rank correlation of scores and labels, in the variants that are in use.

    Parameters
    ----------
    variant : {"a", "b", "c", "23", "10", "13", "14"}
        `b` corrects for ties, `c` is Stuart's; the numbers are the conventions of the WMT
        metrics task of 2010, 2013, 2014 and of Deutsch et al. 2023.
    epsilon : float, default 0, in units of the scores
        Margins up to this size are ties of the scorer (not with `c`).
    average : {"items", "pairs", "groups"}, optional
        Mean of the taus of items (or systems: groups), or one tau of all counts added up.
    grouping : {"item", "system", "none"}
        Which responses are compared: those to one item, those of one system, or all.
    degenerate : {"drop", "zero", "error"}
        What happens to groups where tau is undefined (degenerate scores or labels): left out for
        all scorers, taken as 0, or refused. How many there were is reported.

    Returns
    -------
    Statistic

    Notes
    -----
    In the symbols of `pairwise_accuracy`: a :math:`(C-D)/n`; b
    :math:`(C-D)/\sqrt{(C+D+T_h)(C+D+T_m)}`; 23 :math:`(C+T_{hm}-D-T_h-T_m)/n`; 10
    :math:`(C-D-T_m)/(C+D+T_m)`; 13 :math:`(C-D)/(C+D)`; 14 :math:`(C-D)/(C+D+T_m)`; c
    :math:`2(C-D)/(N^2 (k-1)/k)` with k the smaller number of distinct values of N. Dropping
    degenerate groups rewards a scorer for being degenerate on hard items. With epsilon 0 scores are
    compared exactly, as ranks are elsewhere: values that differ by rounding noise alone are no
    ties here, and are ties in `pairwise_accuracy`, which rounds margins first.

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
        raise MetaevalError("variant='c' is defined for epsilon=0 and groups of their own only.")
    policy = "" if degenerate == "drop" else f",degenerate={degenerate}"
    name = f"kendall(variant={variant}{_given(epsilon, grouping, average)}{policy})"
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
        return mean_of_values(estimand, _tau_c_of_items, degenerate, of_two, bounds=_BOUNDS)

    def terms(table: Pairs) -> Floats:
        kinds = pair_counts(
            decide_with_threshold(table.scores.to_numpy(), epsilon), only_label(table)
        )
        return sum_by(kinds, table.item_codes, table.n_items)

    def by_systems(table: Pairs, unit: Codes, n_units: int) -> TwoWayReplicates:
        calls = decide_with_threshold(table.scores.to_numpy(), epsilon)
        return tau_by_systems(table, unit, n_units, calls, variant, str(average))

    def credits(table: Pairs) -> PairCredits:
        return _tau_credits(table, variant, epsilon, str(average))

    linear = variant in ("a", "23")
    more: dict[str, Any] = {"bounds": _BOUNDS}
    more |= {"by_systems": by_systems} if linear or average == "pairs" else {}
    more |= {"credits": credits} if linear else {}
    if variant == "23":
        more["describe"] = lambda table: _levels_of_tau(table, epsilon, str(average))
    if average == "items":
        return mean_of_values(
            estimand, lambda table: tau_of_counts(terms(table), variant), degenerate, **more
        )
    return SumStatistic(
        estimand=estimand,
        terms=terms,
        finish=lambda sums: tau_of_counts(sums, variant),
        smooth=True,
        **more,
    )


def _rows_of_tau(variant: str, epsilon: float, grouping: str) -> Rows:
    """Pairs, with margins as they are unless a threshold is in units of the scores."""
    if grouping != "item" or variant == "c":
        return "responses"
    return "pairs" if epsilon else "exact pairs"


def _tau_credits(table: Pairs, variant: str, epsilon: float, average: str) -> PairCredits:
    human = np.sign(only_label(table))[:, None]
    agree = _CALLS * human if variant == "a" else 2.0 * (human == _CALLS) - 1
    return PairCredits(agree, pair_weights(table, np.ones(len(table)), average), epsilon)


def _levels_of_tau(table: Pairs, epsilon: float, average: str) -> dict[str, Floats]:
    """Chance and trivial values of variant 23, 2 x - 1 of those of pairwise accuracy."""
    call = decide_with_threshold(table.scores.to_numpy(), epsilon)
    levels = chance_levels(table, call, "acc-eq", average)
    return {k: v if k == "tie_rate" else 2 * v - 1 for k, v in levels.items()}


def _tau_c_of_items(table: Responses) -> Floats:
    pairs = table.exact_pairs
    kinds = pair_counts(np.sign(pairs.scores.to_numpy()), only_label(pairs))
    found = table.item_index.get_indexer(pairs.item_index)[pairs.item_codes]
    counts = sum_by(kinds, found, table.n_items)
    n = np.bincount(table.item_codes, minlength=table.n_items)[:, None].astype(float)
    both = table.scores.assign(**{"\x00label": only_label(table)})
    distinct = both.groupby(table.item_codes).nunique().to_numpy(dtype=float)
    return tau_c(counts, n, np.minimum(distinct[:, :-1], distinct[:, -1:]))
