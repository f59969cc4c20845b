"""Decisions on pairs, their credit under a tie policy, the five kinds of pair, and chance."""

from __future__ import annotations

from typing import Literal

import numpy as np

from metaeval.core import SMALLEST_DIVISOR, Floats, MetaevalError, check_one_of
from metaeval.statistics.sums import only_label, ratio, sum_by
from metaeval.tables import Pairs

Grouping = Literal["item", "system", "none"]

AVERAGES = {"item": ("items", "pairs"), "system": ("groups", "pairs"), "none": ("pairs",)}


def check_average(grouping: str, average: str | None) -> str:
    """Return the average, by default the first that the grouping allows."""
    check_one_of("grouping", grouping, tuple(AVERAGES))
    if average is None:
        return AVERAGES[grouping][0]
    if average not in AVERAGES[grouping]:
        allowed = " or ".join(repr(a) for a in AVERAGES[grouping])
        raise MetaevalError(
            f"average={average!r} is not available with grouping={grouping!r}; use {allowed}."
        )
    return average


def credit(decision: Floats, human: Floats, ties: str) -> tuple[Floats, Floats]:
    """Credit (pair, scorer) and whether a pair is counted (pair, 1), under a tie policy."""
    human = human[:, None]
    right = (decision == human).astype(float)
    if ties == "acc-eq":
        return right, np.ones_like(human)
    counted = (human != 0).astype(float)
    if ties == "half":
        right = right + 0.5 * (decision == 0)
    return right * counted, counted


def format_grouping(grouping: str, average: str | None, default: str = "item") -> str:
    """Grouping and average for the name of a statistic, if not the default."""
    options = f",grouping={grouping}" if grouping != default else ""
    return options + (f",average={average}" if average != AVERAGES[grouping][0] else "")


def ratio_terms(table: Pairs, right: Floats, counted: Floats, average: str) -> Floats:
    """Credit and number of pairs of each item, or their ratio and 1: (item, scorer, 2)."""
    sums = sum_by(
        np.stack(np.broadcast_arrays(right, counted), -1), table.item_codes, table.n_items
    )
    if average == "pairs":
        return sums
    n = np.maximum(sums[..., 1:], SMALLEST_DIVISOR)
    return np.where(sums[..., 1:] > 0, sums / n, 0.0)


def pair_weights(table: Pairs, counted: Floats, average: str) -> Floats:
    """Weight of each pair in the estimate: (pair,), with sum 1."""
    if average == "pairs":
        return counted / max(counted.sum(), 1.0)
    per_item = sum_by(counted, table.item_codes, table.n_items)
    within_item = counted / np.maximum(per_item, 1.0)[table.item_codes]
    return np.asarray(within_item / max(int((per_item > 0).sum()), 1))


def chance_levels(table: Pairs, decision: Floats, ties: str, average: str) -> dict[str, Floats]:
    """Tie rate, chance level at that rate, and value of the best constant, by scorer."""
    human = only_label(table)
    counted = np.ones_like(human) if ties == "acc-eq" else (human != 0).astype(float)
    weight = pair_weights(table, counted, average)
    return chance_of(weight @ (decision == 0), float(weight @ (human == 0)), ties)


def chance_of(tie_rate: Floats, human_ties: float, ties: str) -> dict[str, Floats]:
    """Expected accuracy of random guesses at a tie rate, and at the best tie rate."""
    r, pi = np.asarray(tie_rate, dtype=float), human_ties
    chance, best_constant = {
        "acc-eq": (pi * r + (1 - pi) * (1 - r) / 2, max(pi, (1 - pi) / 2)),
        "strict": ((1 - r) / 2, 0.5),
        "half": (np.full_like(r, 0.5), 0.5),
    }[ties]
    return {"tie_rate": r, "chance": chance, "best_constant": np.full_like(r, best_constant)}


# Order of counts: concordant, discordant, tied by labels only, by the scorer only, by both.
def pair_counts(decision: Floats, human: Floats) -> Floats:
    """Indicators of the five kinds of pair: (pair, scorer, 5)."""
    h = np.broadcast_to(human[:, None], decision.shape)
    product = decision * h
    return np.stack(
        [
            product > 0,
            product < 0,
            (h == 0) & (decision != 0),
            (h != 0) & (decision == 0),
            (h == 0) & (decision == 0),
        ],
        axis=-1,
    ).astype(float)


def accuracy_of_counts(counts: Floats, ties: str) -> Floats:
    """Pairwise accuracy from the five counts (..., 5)."""
    c, d, th, tm, thm = (counts[..., i] for i in range(5))
    top, bottom = {
        "acc-eq": (c + thm, c + d + th + tm + thm),
        "strict": (c, c + d + tm),
        "half": (c + tm / 2, c + d + tm),
    }[ties]
    return ratio(np.stack([top, bottom], axis=-1))


def tau_of_counts(counts: Floats, variant: str) -> Floats:
    """Kendall's tau (all variants but c) from the five counts (..., 5)."""
    c, d, th, tm, thm = (counts[..., i] for i in range(5))
    top, bottom = {
        "a": (c - d, c + d + th + tm + thm),
        "b": (c - d, np.sqrt((c + d + th) * (c + d + tm))),
        "23": (c + thm - d - th - tm, c + d + th + tm + thm),
        "10": (c - d - tm, c + d + tm),
        "13": (c - d, c + d),
        "14": (c - d, c + d + tm),
    }[variant]
    return ratio(np.stack([top, bottom], axis=-1))


def tau_c(counts: Floats, n: Floats, distinct: Floats) -> Floats:
    """Stuart's tau-c from pair counts, `n` rows and the smaller number of distinct values."""
    k = np.where(distinct > 1, distinct, np.nan)
    return np.asarray(2 * (counts[..., 0] - counts[..., 1]) / (n**2 * (k - 1) / k))
