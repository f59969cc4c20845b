"""Leaderboard tables: who is better than whom, ranks that comparisons leave open, and letters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, Bools, MetaevalError
from metaeval.resampling import MOST_GROUPS, compact_letters, rank_intervals, wmt_rank_clusters
from metaeval.results.data import ResultData

NO_LETTERS = (
    f"no letters: more than {MOST_GROUPS} would be needed; ranks and the p-values of pairs say "
    "which scorers are significantly different"
)
_PLACES = ("_above", "_gap")  # columns that order scorers
_ENDS = ["scorer", "estimate", "lower", "upper"]
_BESIDE = ["tie_rate", "chance", "skill", "expected_if_calibrated", "p_value", "p_adjusted"]


def leaderboard(result: ResultData, frame: pd.DataFrame) -> pd.DataFrame:
    """One row per scorer of some rows of a result; see `Result.leaderboard`."""
    own = _best_first(result, frame)
    columns = [*_ENDS, *(c for c in _beside(own) if c in own)]
    ranked = own[own["estimate"].notna()]
    better, complete = found_better(result, frame, list(ranked["scorer"]))
    low, high = rank_intervals(better if result.direction(_name(frame)) else better & False)
    lettered = complete and len(ranked) > 1
    letters = compact_letters(better | better.T) if lettered else None
    found = {"rank_low": low, "rank_high": high, "letters": letters or ""}
    table = own[columns].join(pd.DataFrame(found, index=ranked.index)).fillna({"letters": ""})
    table.attrs["notes"] = [NO_LETTERS] if lettered and letters is None else []
    return table[[*_ENDS, "rank_low", "rank_high", "letters", *columns[len(_ENDS) :]]]


def _beside(own: pd.DataFrame) -> list[str]:
    """Columns beside the ranks; the numbers of rows where values are of different rows."""
    several = own.loc[own["estimate"].notna(), "n_rows"].nunique() > 1 if "n_rows" in own else False
    return [*(["n_rows"] if several else []), *_BESIDE]


def _name(frame: pd.DataFrame) -> str:
    return str(frame["statistic"].iloc[0])


def _best_first(result: ResultData, frame: pd.DataFrame) -> pd.DataFrame:
    own = frame[frame["baseline"].isna()]
    small = result.direction(_name(frame)) < 0
    order = own.assign(**_on_common_rows(result, frame, own))
    by = [*_PLACES, "estimate", "scorer"]
    ordered = order.sort_values(by, ascending=[small] * 3 + [True])
    return ordered.drop(columns=list(_PLACES)).reset_index(drop=True)


def _on_common_rows(
    result: ResultData, frame: pd.DataFrame, own: pd.DataFrame
) -> dict[str, pd.Series]:
    """What orders scorers: their values; of values on different rows, comparisons on common ones.

    Then it is the number of scorers that one lies above less that of those below, on the rows that
    it shares with each; of as many, the sum of the differences from them.
    """
    differences = frame[frame["baseline"].notna()]
    if result.meta["policy"].get("missing") != "pairwise" or not len(differences):
        return dict.fromkeys(_PLACES, own["estimate"])
    places = pd.DataFrame(0.0, index=list(own["scorer"]), columns=list(_PLACES))
    for row in differences[differences["estimate"].notna()].itertuples():
        step = np.array([np.sign(row.estimate), row.estimate])
        places.loc[row.scorer] += step
        places.loc[row.baseline] -= step
    places.loc[own["estimate"].isna().to_numpy()] = np.nan
    places = places.set_axis(own.index)
    return {name: places[name] for name in _PLACES}


def found_better(result: ResultData, frame: pd.DataFrame, names: list[str]) -> tuple[Bools, bool]:
    """Which scorer was found better than which, and whether all pairs were compared.

    Where neither high nor low values are good, the higher one stands for the better.
    """
    place = {name: i for i, name in enumerate(names)}
    better = np.zeros((len(names), len(names)), dtype=bool)
    differences = frame[frame["baseline"].notna()]
    if result.is_posterior:
        return _probably_better(result, differences, place, better)
    sign = result.direction(_name(frame)) or 1
    for row in differences.itertuples():
        if result.is_significant(row.p_adjusted):
            i, j = place[row.scorer], place[row.baseline]
            better[(i, j) if sign * row.estimate > 0 else (j, i)] = True
    tested = int(differences["p_adjusted"].notna().sum())
    return better, tested == len(names) * (len(names) - 1) // 2


def _probably_better(
    result: ResultData, differences: pd.DataFrame, place: dict[str, int], better: Bools
) -> tuple[Bools, bool]:
    """The same from posterior probabilities, which know what is good."""
    for row in differences.itertuples():
        if max(row.prob_better, 1 - row.prob_better) >= probably(result) - ROUNDOFF:
            i, j = place[row.scorer], place[row.baseline]
            better[(i, j) if row.prob_better > 0.5 else (j, i)] = True
    return better, len(differences) == len(better) * (len(better) - 1) // 2


def probably(result: ResultData) -> float:
    """The probability from which one of two scorers counts as better."""
    return (1 + result.confidence) / 2


def wmt_clusters(result: ResultData, frame: pd.DataFrame, adjusted: bool) -> pd.DataFrame:
    """Ranks by WMT-style clusters; see `Result.wmt_clusters`."""
    if result.is_posterior:
        raise MetaevalError(
            "WMT's ranks are made from p-values, and a posterior has none; see leaderboard(), "
            "or use metaeval.compare."
        )
    if result.meta["policy"]["alternative"] != "two-sided":
        raise MetaevalError("Ranks need two-sided tests; compare without an alternative.")
    own = _best_first(result, frame)
    place = {name: i for i, name in enumerate(own["scorer"])}
    p = np.full((len(own), len(own)), np.nan)
    for row in frame[frame["baseline"].notna()].itertuples():
        i, j = sorted((place[row.scorer], place[row.baseline]))
        p[i, j] = row.p_adjusted if adjusted else row.p_value / 2
    if np.isnan(p[np.triu_indices(len(p), 1)]).any():
        raise MetaevalError("Ranks need all pairs tested; compare without a baseline.")
    return own[["scorer", "estimate"]].assign(rank=wmt_rank_clusters(p, 1 - result.confidence))
