"""Comparison of two scorers in accuracy and calibration jointly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, Floats, MetaevalError
from metaeval.inference import compare
from metaeval.resampling import multiplicity
from metaeval.results import Result, make_signature
from metaeval.statistics import Statistic, pairwise_accuracy, recalibration_gain
from metaeval.tables import Table


def accuracy_and_calibration(
    table: Table,
    accuracy: Statistic | str | None = None,
    calibration: Statistic | str | None = None,
    *,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    baseline: str | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Compare scorers in accuracy and calibration jointly.

    Parameters
    ----------
    table : Responses or Pairs
    accuracy : Statistic or its name, optional
        By default `pairwise_accuracy(ties="half")`.
    calibration : Statistic or its name, optional
        By default `recalibration_gain("log_odds")`, the reduction of the Brier score by
        recalibration on other items, 0 for calibrated forecasts.
    label, scorers, baseline, by, resample, missing, n_resamples, seed
        As in `metaeval.compare`; with `by`, means over strata are compared.
    confidence : float, default 0.95
        Simultaneous confidence level; verdicts have level 1 - confidence.

    Returns
    -------
    DataFrame
        One row for each pair of scorers: scorer, baseline; the two differences (`accuracy`,
        `calibration`) with intervals that are simultaneous over all pairs; `prob_both`, the
        proportion of draws in which the scorer is better in both; `p_value` of no difference in
        either; `p_adjusted` (Holm); `verdict`: "better in both", "worse in both", "trade-off", "one
        differs" (the other interval contains 0) or "not significant". `frame.attrs` has the
        signature of the comparison.

    Raises
    ------
    MetaevalError
        If the two statistics are the same, or the data or the arguments are invalid.

    Notes
    -----
    Both statistics use the same resamples of items (clusters), which preserves their dependence:
    p-values are from Hotelling's T-squared with their covariance (from one statistic if the other
    does not vary), and intervals are simultaneous over both differences of all pairs (from the
    largest studentized deviation of the draws, scaled by the ratio of t to normal quantiles for few
    units). The verdict is a trade-off only if both intervals exclude 0 on opposite sides, and "not
    significant" if the adjusted p-value exceeds 1 - confidence.

    References
    ----------
    Hotelling (1931), The generalization of Student's ratio.

    Examples
    --------
    >>> from metaeval import calibration, load_example
    >>> frame = calibration.accuracy_and_calibration(
    ...     load_example(), scorers=["judge", "lexical"], n_resamples=200)
    >>> frame["verdict"].tolist()
    ['one differs']
    """
    first = pairwise_accuracy("half") if accuracy is None else accuracy
    second = recalibration_gain("log_odds") if calibration is None else calibration
    result = compare(
        table,
        [first, second],
        label=label,
        scorers=scorers,
        baseline=baseline,
        by=by,
        resample=resample,
        missing=missing,
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
        keep_draws=True,
    )
    pairs = [_pair(result, *names) for names in _compared_pairs(result)]
    critical = _critical_value(pairs, result.confidence)
    frame = pd.DataFrame([_row(pair, critical) for pair in pairs])
    frame["p_adjusted"] = multiplicity.holm(frame["p_value"].to_numpy())
    significant = result.is_significant(frame["p_adjusted"])
    frame["verdict"] = frame["verdict"].where(significant, "not significant")
    frame.attrs |= {"signature": _signature(result), "notes": list(result.meta.notes)}
    return frame


def _compared_pairs(result: Result) -> list[tuple[str, str]]:
    frame = result.rows(None, None)
    comparisons = frame[frame["baseline"].notna()]
    return list(zip(comparisons["scorer"], comparisons["baseline"], strict=True))


class _Pair(NamedTuple):
    """Differences of two scorers in both statistics, positive if better, and their draws."""

    scorer: str
    baseline: str
    signs: Floats  # (2,)
    estimate: Floats  # (2,)
    draws: Floats  # (draw, 2)
    se: Floats  # (2,)
    n_units: int


def _signature(result: Result) -> str:
    """Signature of the comparison, with the test and interval used here."""
    policy = replace(
        result.meta.policy, test="hotelling", interval="simultaneous", correction="holm"
    )
    return make_signature(replace(result.meta, kind="accuracy_and_calibration", policy=policy))


def _pair(result: Result, scorer: str, baseline: str) -> _Pair:
    names = result.statistics[:2]
    signs = np.array([result.direction(name) or 1 for name in names])
    rows = [result.row(scorer, baseline, statistic=name) for name in names]
    gaps = _without_roundoff(np.array([row["estimate"] for row in rows]))
    draws = _without_roundoff(
        np.stack(
            [_draws(result, name, scorer) - _draws(result, name, baseline) for name in names],
            axis=1,
        )
    )
    n = int(min(row["n_clusters"] for row in rows))
    # The bootstrap variance of n units is (n - 1) / n of the unbiased one.
    se = np.nanstd(draws, axis=0, ddof=1) * np.sqrt(n / max(n - 1, 1))
    return _Pair(scorer, baseline, signs, signs * gaps, signs * draws, se, n)


def _without_roundoff(differences: Floats) -> Floats:
    return np.where(np.abs(differences) <= ROUNDOFF, 0.0, differences)


def _critical_value(pairs: list[_Pair], confidence: float) -> float:
    """Critical value for all studentized differences: the quantile of their maximum."""
    from scipy import stats

    with np.errstate(invalid="ignore"):
        deviations = [
            np.abs((p.draws - np.nanmean(p.draws, axis=0)) / np.where(p.se > 0, p.se, np.inf))
            for p in pairs
        ]
    largest = np.concatenate(deviations, axis=1).max(axis=1)
    tail = (1 + confidence) / 2
    small_sample = stats.t.ppf(tail, min(p.n_units for p in pairs) - 1) / stats.norm.ppf(tail)
    return float(np.nanquantile(largest, confidence) * small_sample)


def _row(pair: _Pair, critical: float) -> dict[str, object]:
    low, high = pair.estimate - critical * pair.se, pair.estimate + critical * pair.se
    row: dict[str, object] = {"scorer": pair.scorer, "baseline": pair.baseline}
    for k, criterion in enumerate(("accuracy", "calibration")):
        sign = pair.signs[k]
        ends = sorted((sign * low[k], sign * high[k]))
        value = sign * pair.estimate[k]
        row |= {criterion: value, f"{criterion}_lower": ends[0], f"{criterion}_upper": ends[1]}
    draws = pair.draws[np.isfinite(pair.draws).all(axis=1)]
    row["prob_both"] = float((draws > 0).all(axis=1).mean())
    row["p_value"] = _hotelling(pair, draws)
    row["verdict"] = _verdict(low, high)
    return row


def _draws(result: Result, statistic: str, scorer: str) -> Floats:
    """Bootstrap draws of the value of one scorer."""
    if result.draws is None:
        raise MetaevalError(
            "The statistics have no bootstrap draws for this table; use other statistics, or "
            "fewer items."
        )
    scorer_rows = result.frame[result.frame["baseline"].isna()].reset_index(drop=True)
    matches = (
        (scorer_rows["statistic"] == statistic)
        & (scorer_rows["scorer"] == scorer)
        & scorer_rows["task"].isna()
    )
    return np.asarray(result.draws[:, int(np.flatnonzero(matches)[0])])


def _hotelling(pair: _Pair, draws: Floats) -> float:
    """P-value of no difference in either statistic; 1 if there are too few units."""
    from scipy import stats

    varying, n = pair.se > 0, pair.n_units
    k = int(varying.sum())
    if k == 0 or n <= k:
        return 1.0
    covariance = np.atleast_2d(np.cov(draws[:, varying].T)) * n / (n - 1)
    square = float(pair.estimate[varying] @ np.linalg.pinv(covariance) @ pair.estimate[varying])
    return float(stats.f.sf(square * (n - k) / (k * (n - 1)), k, n - k))


def _verdict(low: Floats, high: Floats) -> str:
    """Verdict from the two intervals of differences, positive if better."""
    up, down = low > 0, high < 0
    if up.all() or down.all():
        return "better in both" if up.all() else "worse in both"
    if (up | down).all():
        return "trade-off"
    return "one differs" if (up | down).any() else "not significant"
