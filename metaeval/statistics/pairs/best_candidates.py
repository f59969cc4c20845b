"""Best-of-n: how often the top-scored response is correct."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from metaeval.core import Floats, MetaevalError, check_one_of, difference, typical_decade
from metaeval.statistics.base import Statistic
from metaeval.statistics.estimand import Estimand
from metaeval.statistics.kinds import SumStatistic
from metaeval.statistics.sums import mean_terms, only_label, sum_by
from metaeval.tables import Responses

TIES = ("strict", "split", "lenient")


def best_of_n(ties: Literal["strict", "split", "lenient"] = "strict") -> Statistic:
    r"""Proportion of items whose top-scored response is correct (RewardBench accuracy).

    Parameters
    ----------
    ties : {"strict", "split", "lenient"}
        `strict`: a correct response must score above all incorrect ones. `split`: credit t / k if t
        of the k responses tied for the top score are correct. `lenient`: full credit if a correct
        response is among those tied for the top score.

    Returns
    -------
    Statistic
        Items without a correct or without an incorrect response are excluded and counted.

    Raises
    ------
    MetaevalError
        If the labels are not correctness (0 and 1).

    Notes
    -----
    `lenient` rewards a scorer for giving all responses the same score: its best constant is 1, so
    that skill is undefined. Under `missing="count_as_wrong"` an item with a missing score counts as
    wrong.

    References
    ----------
    Lambert et al. (2025), RewardBench. Malik et al. (2025), RewardBench 2.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaeval import Responses, evaluate
    >>> rows = pd.DataFrame({"item": [1, 1, 2, 2], "response": ["c0", "c1"] * 2})
    >>> table = Responses(rows, pd.DataFrame({"rm": [2.0, 1.0, 0.0, 0.0]}),
    ...                   pd.DataFrame({"correct": [1.0, 0.0, 1.0, 0.0]}))
    >>> float(evaluate(table, best_of_n("split"), n_resamples=100).row("rm")["estimate"])
    0.75
    """
    check_one_of("ties", ties, TIES)

    def terms(table: Responses) -> Floats:
        tops = _tops(table)
        return mean_terms(_credit(tops, ties), tops["usable"])

    def describe(table: Responses) -> Mapping[str, Floats]:
        return _reference_levels(_tops(table), ties)

    estimand = Estimand(
        name=f"best_of_n(ties={ties})",
        grouping="item",
        average="items",
        ties=ties,
        is_accuracy=True,
    )
    return SumStatistic(estimand=estimand, terms=terms, additive=True, describe=describe)


def _tops(table: Responses) -> dict[str, Floats]:
    """Counts of responses with the top score of each item: (item, scorer) each."""
    right = _correct(table)
    scores, codes, n = table.scores.to_numpy(), table.item_codes, table.n_items
    top = np.full((n, scores.shape[1]), -np.inf)
    np.maximum.at(top, codes, np.where(np.isnan(scores), -np.inf, scores))
    gaps = [
        difference(best, column, typical_decade(column))
        for best, column in zip(top[codes].T, scores.T, strict=True)
    ]
    at_top = np.stack(gaps, axis=-1) == 0
    n_right, n_all = sum_by(right, codes, n), np.bincount(codes, minlength=n)
    return {
        "right": sum_by(at_top * right[:, None], codes, n),
        "all": sum_by(at_top.astype(float), codes, n),
        "complete": sum_by(np.isnan(scores).astype(float), codes, n) == 0,
        "usable": (n_right > 0) & (n_right < n_all),
        "share": n_right / n_all,
    }


def _correct(table: Responses) -> Floats:
    right = only_label(table)
    if table.kind != "correct" or not np.isin(right, (0.0, 1.0)).all():
        raise MetaevalError(
            "best_of_n needs correctness labels, 1 for correct and 0 for incorrect responses, but "
            "the labels are ratings. If 0 and 1 mean correctness, set label_kind='correct'."
        )
    return right


def _credit(tops: dict[str, Floats], ties: str) -> Floats:
    """Credit of each item and scorer: (item, scorer)."""
    fraction = tops["right"] / np.maximum(tops["all"], 1)
    credit = {"strict": fraction == 1, "split": fraction, "lenient": fraction > 0}[ties]
    return np.where(tops["complete"], credit, 0.0)


def _reference_levels(tops: dict[str, Floats], ties: str) -> dict[str, Floats]:
    """Rate of ties of correct and incorrect at the top, chance, best constant, items excluded."""
    usable = tops["usable"]
    tied = (tops["right"] > 0) & (tops["right"] < tops["all"])
    r = tied[usable].mean(axis=0)
    base_rate = float(tops["share"][usable].mean())
    chance, best_constant = {
        "strict": ((1 - r) * base_rate, base_rate),
        "split": (np.full_like(r, base_rate), base_rate),
        "lenient": (r + (1 - r) * base_rate, 1.0),
    }[ties]
    lost = np.full_like(r, float((~usable).sum()))
    return {
        "tie_rate": r,
        "chance": chance,
        "best_constant": np.full_like(r, best_constant),
        "lost": lost,
    }
