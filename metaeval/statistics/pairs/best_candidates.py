"""Best-of-n: how often a right answer comes out on top of the wrong ones."""

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
    r"""Share of items whose best-scored answer is right (RewardBench accuracy).

    Parameters
    ----------
    ties : {"strict", "split", "lenient"}
        `strict`: a right answer must beat all wrong ones. `split`: credit t / k where t of the
        k answers that share the top score are right. `lenient`: at least equal is enough.

    Returns
    -------
    Statistic
        Items without a right or without a wrong answer are left out and counted.

    Raises
    ------
    MetaevalError
        If the labels are not correctness (0 and 1).

    Notes
    -----
    `lenient` rewards a scorer for giving all answers one score: its trivial value is 1, so it
    has no skill. An answer without a score makes its item wrong under `missing="count_as_wrong"`.

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
        return _levels(_tops(table), ties)

    estimand = Estimand(
        name=f"best_of_n(ties={ties})",
        grouping="item",
        average="items",
        ties=ties,
        is_accuracy=True,
    )
    return SumStatistic(estimand=estimand, terms=terms, additive=True, describe=describe)


def _tops(table: Responses) -> dict[str, Floats]:
    """Right and wrong answers at the top score of each item: counts of (item, scorer)."""
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
            "best_of_n needs correctness labels, 1 for a right answer and 0 for a wrong one; "
            "these labels are ratings. If they are correctness, say label_kind='correct'."
        )
    return right


def _credit(tops: dict[str, Floats], ties: str) -> Floats:
    """Credit of each item and scorer: (item, scorer)."""
    share = tops["right"] / np.maximum(tops["all"], 1)
    won = {"strict": share == 1, "split": share, "lenient": share > 0}[ties]
    return np.where(tops["complete"], won, 0.0)


def _levels(tops: dict[str, Floats], ties: str) -> dict[str, Floats]:
    """Tie rate (top shared by right and wrong), chance at it, trivial, items left out."""
    usable = tops["usable"]
    shared = (tops["right"] > 0) & (tops["right"] < tops["all"])
    r = shared[usable].mean(axis=0)
    blind = float(tops["share"][usable].mean())
    chance, best_constant = {
        "strict": ((1 - r) * blind, blind),
        "split": (np.full_like(r, blind), blind),
        "lenient": (r + (1 - r) * blind, 1.0),
    }[ties]
    lost = np.full_like(r, float((~usable).sum()))
    return {
        "tie_rate": r,
        "chance": chance,
        "best_constant": np.full_like(r, best_constant),
        "lost": lost,
    }
