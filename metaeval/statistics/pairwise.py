"""Pairwise accuracy and Kendall's tau with their conventions for ties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from metaeval.arrays import Floats
from metaeval.checks import check_not_negative, check_one_of
from metaeval.errors import MetaevalError
from metaeval.statistics.across import across_items
from metaeval.statistics.base import (
    CONSTANT,
    Statistic,
    mean_of_values,
    of_two,
    only_label,
    ratio,
    share_of_estimate,
    sum_by,
)
from metaeval.tables import Pairs, Responses

Grouping = Literal["item", "system", "none"]

TIES = ("acc-eq", "strict", "half")
VARIANTS = ("a", "b", "c", "23", "10", "13", "14")
AVERAGES = {"item": ("items", "pairs"), "system": ("groups", "pairs"), "none": ("pairs",)}


def check_average(grouping: str, average: str | None) -> str:
    """The average of a grouping; the first that it allows where none is given."""
    check_one_of("grouping", grouping, tuple(AVERAGES))
    if average is None:
        return AVERAGES[grouping][0]
    if average not in AVERAGES[grouping]:
        allowed = " or ".join(repr(a) for a in AVERAGES[grouping])
        raise MetaevalError(
            f"average={average!r} does not go with grouping={grouping!r}; use {allowed}."
        )
    return average


def sign_within(margin: Floats, epsilon: float) -> Floats:
    """The call on each pair: -1, 0 (a tie: at most epsilon) or 1; NaN where a score is missing."""
    return np.where(np.abs(margin) <= epsilon, 0.0, np.sign(margin))


def credit(call: Floats, human: Floats, ties: str) -> tuple[Floats, Floats]:
    """Credit (pair, scorer) and whether the pair counts (pair, 1), under a tie policy."""
    human = human[:, None]
    right = (call == human).astype(float)
    if ties == "acc-eq":
        return right, np.ones_like(human)
    counted = (human != 0).astype(float)
    if ties == "half":
        right = right + 0.5 * (call == 0)
    return right * counted, counted


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
    read it beside `chance` and `trivial`.

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
        return Statistic(
            f"pairwise_accuracy({_given(epsilon, grouping, average)[1:]})",
            "pairs" if grouping == "item" else "responses",
            resolve=lambda table: pairwise_accuracy(
                default_ties(table), epsilon, average, grouping
            ),
        )
    check_one_of("ties", ties, TIES)
    name = f"pairwise_accuracy(ties={ties}{_given(epsilon, grouping, average)})"
    estimand = {"grouping": grouping, "average": str(average), "ties": ties}
    if grouping != "item":
        return across_items(
            name,
            estimand,
            lambda counts: accuracy_of_counts(counts, ties),
            epsilon,
            is_accuracy=True,
        )

    def terms(table: Pairs) -> Floats:
        right, counted = credit(
            sign_within(table.scores.to_numpy(), epsilon), only_label(table), ties
        )
        return ratio_terms(table, right, counted, str(average))

    def describe(table: Pairs) -> Mapping[str, Floats]:
        call = sign_within(table.scores.to_numpy(), epsilon)
        return chance_levels(table, call, ties, str(average))

    return Statistic(
        name,
        "pairs",
        terms,
        ratio,
        estimand,
        contributions=lambda table: share_of_estimate(terms(table)),
        describe=describe,
        is_accuracy=True,
    )


def default_ties(table: Responses | Pairs) -> Literal["acc-eq", "half"]:
    """`acc-eq` where the labels can be tied (ratings, recorded ties), else `half`."""
    if isinstance(table, Responses):
        return "half" if table.kind == "correct" else "acc-eq"
    return "acc-eq" if bool((table.labels == 0).any(axis=None)) else "half"


def _given(epsilon: float, grouping: str, average: str | None) -> str:
    """What a name says besides, where it is not the default."""
    return (f",epsilon={epsilon:g}" if epsilon else "") + named_estimand(grouping, average)


def named_estimand(grouping: str, average: str | None, usual: str = "item") -> str:
    """Grouping and average for the name of a statistic, where they are not the default."""
    said = f",grouping={grouping}" if grouping != usual else ""
    return said + (f",average={average}" if average != AVERAGES[grouping][0] else "")


def ratio_terms(table: Pairs, right: Floats, counted: Floats, average: str) -> Floats:
    """Credit and count of each item: as they are, or as a mean and 1: (item, scorer, 2)."""
    sums = sum_by(
        np.stack(np.broadcast_arrays(right, counted), -1), table.item_codes, table.n_items
    )
    if average == "pairs":
        return sums
    n = np.maximum(sums[..., 1:], 1e-300)
    return np.where(sums[..., 1:] > 0, sums / n, 0.0)


def pair_weights(table: Pairs, counted: Floats, average: str) -> Floats:
    """Weight of each pair in the estimate: (pair,), adding up to 1."""
    if average == "pairs":
        return counted / max(counted.sum(), 1.0)
    per_item = sum_by(counted, table.item_codes, table.n_items)
    share = counted / np.maximum(per_item, 1.0)[table.item_codes]
    return np.asarray(share / max(int((per_item > 0).sum()), 1))


def chance_levels(table: Pairs, call: Floats, ties: str, average: str) -> dict[str, Floats]:
    """Tie rate, chance at that tie rate, and the best trivial value, per scorer."""
    human = only_label(table)
    counted = np.ones_like(human) if ties == "acc-eq" else (human != 0).astype(float)
    weight = pair_weights(table, counted, average)
    return chance_of(weight @ (call == 0), float(weight @ (human == 0)), ties)


def chance_of(tie_rate: Floats, human_ties: float, ties: str) -> dict[str, Floats]:
    """Accuracy of a scorer that knows nothing, at its tie rate and at the best one."""
    r, pi = np.asarray(tie_rate, dtype=float), human_ties
    chance, trivial = {
        "acc-eq": (pi * r + (1 - pi) * (1 - r) / 2, max(pi, (1 - pi) / 2)),
        "strict": ((1 - r) / 2, 0.5),
        "half": (np.full_like(r, 0.5), 0.5),
    }[ties]
    return {"tie_rate": r, "chance": chance, "trivial": np.full_like(r, trivial)}


# Counts are ordered as concordant, discordant, tied by labels only, by the scorer only, by both.
def pair_counts(call: Floats, human: Floats) -> Floats:
    """Which of the five kinds each pair is of: (pair, scorer, 5)."""
    h = np.broadcast_to(human[:, None], call.shape)
    product = call * h
    return np.stack(
        [
            product > 0,
            product < 0,
            (h == 0) & (call != 0),
            (h != 0) & (call == 0),
            (h == 0) & (call == 0),
        ],
        axis=-1,
    ).astype(float)


def accuracy_of_counts(counts: Floats, ties: str) -> Floats:
    """Pairwise accuracy from the five counts (..., 5)."""
    c, d, th, tm, both = (counts[..., i] for i in range(5))
    top, bottom = {
        "acc-eq": (c + both, c + d + th + tm + both),
        "strict": (c, c + d + tm),
        "half": (c + tm / 2, c + d + tm),
    }[ties]
    return ratio(np.stack([top, bottom], axis=-1))


def tau_of_counts(counts: Floats, variant: str) -> Floats:
    """Kendall's tau (all variants but c) from the five counts (..., 5)."""
    c, d, th, tm, both = (counts[..., i] for i in range(5))
    top, bottom = {
        "a": (c - d, c + d + th + tm + both),
        "b": (c - d, np.sqrt((c + d + th) * (c + d + tm))),
        "23": (c + both - d - th - tm, c + d + th + tm + both),
        "10": (c - d - tm, c + d + tm),
        "13": (c - d, c + d),
        "14": (c - d, c + d + tm),
    }[variant]
    return ratio(np.stack([top, bottom], axis=-1))


def tau_c(counts: Floats, n: Floats, distinct: Floats) -> Floats:
    """Stuart's tau-c from counts of pairs, `n` rows and the smaller number of distinct values."""
    k = np.where(distinct > 1, distinct, np.nan)
    return np.asarray(2 * (counts[..., 0] - counts[..., 1]) / (n**2 * (k - 1) / k))


def kendall(
    variant: Literal["a", "b", "c", "23", "10", "13", "14"] = "b",
    epsilon: float = 0.0,
    average: Literal["items", "pairs", "groups"] | None = None,
    grouping: Grouping = "item",
    constant: Literal["drop", "zero", "error"] = "drop",
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
    constant : {"drop", "zero", "error"}
        What happens to groups where tau is undefined (constant scores or labels): left out for
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
    constant groups rewards a scorer for being constant on hard items. With epsilon 0 scores are
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
    check_one_of("constant", constant, CONSTANT)
    average = check_average(grouping, average)  # type: ignore[assignment]
    check_not_negative("epsilon", epsilon)
    if variant == "c" and (epsilon or (average == "pairs" and grouping != "none")):
        raise MetaevalError("variant='c' is defined for epsilon=0 and groups of their own only.")
    policy = "" if constant == "drop" else f",constant={constant}"
    name = f"kendall(variant={variant}{_given(epsilon, grouping, average)}{policy})"
    estimand = {"grouping": grouping, "average": str(average), "ties": variant}
    if grouping != "item":
        finish: Callable[[Floats], Floats] | None = (
            None if variant == "c" else lambda counts: tau_of_counts(counts, variant)
        )
        return across_items(name, estimand, finish, epsilon, constant=constant, exact=not epsilon)
    if variant == "c":
        return mean_of_values(name, "responses", _tau_c_of_items, constant, estimand, of_two)

    def terms(table: Pairs) -> Floats:
        kinds = pair_counts(sign_within(table.scores.to_numpy(), epsilon), only_label(table))
        return sum_by(kinds, table.item_codes, table.n_items)

    over: Literal["pairs", "exact pairs"] = "pairs" if epsilon else "exact pairs"
    if average == "items":
        return mean_of_values(
            name, over, lambda table: tau_of_counts(terms(table), variant), constant, estimand
        )
    return Statistic(
        name, over, terms, lambda sums: tau_of_counts(sums, variant), estimand, smooth=True
    )


def _tau_c_of_items(table: Responses) -> Floats:
    pairs = table.exact_pairs
    kinds = pair_counts(np.sign(pairs.scores.to_numpy()), only_label(pairs))
    found = table.item_index.get_indexer(pairs.item_index)[pairs.item_codes]
    counts = sum_by(kinds, found, table.n_items)
    n = np.bincount(table.item_codes, minlength=table.n_items)[:, None].astype(float)
    both = table.scores.assign(**{"\x00label": only_label(table)})
    distinct = both.groupby(table.item_codes).nunique().to_numpy(dtype=float)
    return tau_c(counts, n, np.minimum(distinct[:, :-1], distinct[:, -1:]))
