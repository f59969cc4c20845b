"""Leaderboards: significant differences, rank ranges and letters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, Bools, MetaevalError
from metaeval.resampling import (
    MAX_GROUPS,
    compact_letter_display,
    rank_intervals,
    wmt_rank_clusters,
)
from metaeval.results.data import ResultData

NO_LETTERS = (
    f"letters omitted: more than {MAX_GROUPS} would be needed; see rank ranges and p-values for "
    "significant differences"
)
_SORT_KEYS = ("_above", "_gap")  # columns by which scorers are ordered
_ENDS = ["scorer", "estimate", "lower", "upper"]
_EXTRA = ["tie_rate", "chance", "skill", "expected_if_calibrated", "p_value", "p_adjusted"]


def leaderboard(result: ResultData, frame: pd.DataFrame) -> pd.DataFrame:
    """One row per scorer; see `Result.leaderboard`."""
    scorers = _best_first(result, frame)
    columns = [*_ENDS, *(c for c in _extra_columns(scorers) if c in scorers)]
    ranked = scorers[scorers["estimate"].notna()]
    better, complete = significantly_better(result, frame, list(ranked["scorer"]))
    low, high = rank_intervals(better if result.direction(_name(frame)) else better & False)
    lettered = complete and len(ranked) > 1
    letters = compact_letter_display(better | better.T) if lettered else None
    groups = {"rank_low": low, "rank_high": high, "letters": letters or ""}
    table = scorers[columns].join(pd.DataFrame(groups, index=ranked.index)).fillna({"letters": ""})
    table.attrs["notes"] = [NO_LETTERS] if lettered and letters is None else []
    return table[[*_ENDS, "rank_low", "rank_high", "letters", *columns[len(_ENDS) :]]]


def _extra_columns(scorers: pd.DataFrame) -> list[str]:
    """Further columns, with row counts if scorers have different rows."""
    several = (
        scorers.loc[scorers["estimate"].notna(), "n_rows"].nunique() > 1
        if "n_rows" in scorers
        else False
    )
    return [*(["n_rows"] if several else []), *_EXTRA]


def _name(frame: pd.DataFrame) -> str:
    return str(frame["statistic"].iloc[0])


def _best_first(result: ResultData, frame: pd.DataFrame) -> pd.DataFrame:
    scorers = frame[frame["baseline"].isna()]
    small = result.direction(_name(frame)) < 0
    order = scorers.assign(**_on_common_rows(result, frame, scorers))
    by = [*_SORT_KEYS, "estimate", "scorer"]
    ordered = order.sort_values(by, ascending=[small] * 3 + [True])
    return ordered.drop(columns=list(_SORT_KEYS)).reset_index(drop=True)


def _on_common_rows(
    result: ResultData, frame: pd.DataFrame, scorers: pd.DataFrame
) -> dict[str, pd.Series]:
    """Sort keys of scorers: their values or, if rows differ, comparisons on common rows.

    The latter are the number of scorers below minus the number above on the rows shared with each
    (a Copeland score) and, for ties, the sum of the differences.
    """
    differences = frame[frame["baseline"].notna()]
    if result.meta.policy.missing != "pairwise" or not len(differences):
        return dict.fromkeys(_SORT_KEYS, scorers["estimate"])
    keys = pd.DataFrame(0.0, index=list(scorers["scorer"]), columns=list(_SORT_KEYS))
    for row in differences[differences["estimate"].notna()].itertuples():
        step = np.array([np.sign(row.estimate), row.estimate])
        keys.loc[row.scorer] += step
        keys.loc[row.baseline] -= step
    keys.loc[scorers["estimate"].isna().to_numpy()] = np.nan
    keys = keys.set_axis(scorers.index)
    return {name: keys[name] for name in _SORT_KEYS}


def significantly_better(
    result: ResultData, frame: pd.DataFrame, names: list[str]
) -> tuple[Bools, bool]:
    """Return which scorers significantly outperform which, and whether all pairs were compared.

    If neither higher nor lower is better, the higher value takes that role.
    """
    position = {name: i for i, name in enumerate(names)}
    better = np.zeros((len(names), len(names)), dtype=bool)
    ranked = frame["scorer"].isin(names) & frame["baseline"].isin(names)  # those with a value
    differences = frame[ranked]
    if result.is_posterior:
        return _probably_better(result, differences, position, better)
    sign = result.direction(_name(frame)) or 1
    for row in differences.itertuples():
        if result.is_significant(row.p_adjusted):
            i, j = position[row.scorer], position[row.baseline]
            better[(i, j) if sign * row.estimate > 0 else (j, i)] = True
    tested = int(differences["p_adjusted"].notna().sum())
    return better, tested == len(names) * (len(names) - 1) // 2


def _probably_better(
    result: ResultData, differences: pd.DataFrame, position: dict[str, int], better: Bools
) -> tuple[Bools, bool]:
    """The same from posterior probabilities, which already account for direction."""
    for row in differences.itertuples():
        if max(row.prob_better, 1 - row.prob_better) >= decision_probability(result) - ROUNDOFF:
            i, j = position[row.scorer], position[row.baseline]
            better[(i, j) if row.prob_better > 0.5 else (j, i)] = True
    return better, len(differences) == len(better) * (len(better) - 1) // 2


def decision_probability(result: ResultData) -> float:
    """Return the smallest posterior probability at which a scorer is considered better."""
    return (1 + result.confidence) / 2


def wmt_clusters(result: ResultData, frame: pd.DataFrame, adjusted: bool) -> pd.DataFrame:
    """Ranks by WMT clusters; see `Result.wmt_clusters`."""
    if result.is_posterior:
        raise MetaevalError(
            "WMT clusters need p-values, which a posterior does not have; use leaderboard() "
            "or metaeval.compare()."
        )
    if result.meta.policy.alternative != "two-sided":
        raise MetaevalError(
            "WMT clusters need two-sided tests; call compare with alternative='two-sided'."
        )
    scorers = _best_first(result, frame)
    position = {name: i for i, name in enumerate(scorers["scorer"])}
    p = np.full((len(scorers), len(scorers)), np.nan)
    for row in frame[frame["baseline"].notna()].itertuples():
        i, j = sorted((position[row.scorer], position[row.baseline]))
        p[i, j] = row.p_adjusted if adjusted else row.p_value / 2
    if np.isnan(p[np.triu_indices(len(p), 1)]).any():
        raise MetaevalError("WMT clusters need tests of all pairs; call compare without baseline=.")
    return scorers[["scorer", "estimate"]].assign(rank=wmt_rank_clusters(p, 1 - result.confidence))
