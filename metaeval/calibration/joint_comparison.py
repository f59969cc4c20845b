"""Two scorers compared on accuracy and on calibration at once."""

from __future__ import annotations

from collections.abc import Sequence
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
    r"""Differences of two scorers in accuracy and in calibration, and both taken together.

    Parameters
    ----------
    table : Responses or Pairs
    accuracy : Statistic or its name, optional
        `pairwise_accuracy(ties="half")` where it is not given.
    calibration : Statistic or its name, optional
        `recalibration_gain("log_odds")` where it is not given: what recalibration on other
        items would take off the Brier score, 0 for calibrated forecasts.
    label, scorers, baseline, by, resample, missing, n_resamples, seed
        As in `metaeval.compare`; with `by` the means over strata are compared.
    confidence : float, default 0.95
        Verdicts are drawn at 1 minus it.

    Returns
    -------
    DataFrame
        One row for each pair of scorers: scorer, baseline; the two differences (`accuracy`,
        `calibration`) with ends of intervals that hold for all pairs at once; `prob_both`, the
        share of draws in which the scorer is better in both; `p_value` of no difference in either;
        `p_adjusted` (Holm); `verdict`: "better in both", "worse in both", "trade-off", "one
        differs" (the other interval holds 0) or "not separated". `frame.attrs` has the signature of
        the comparison.

    Raises
    ------
    MetaevalError
        If the two statistics are one, or the data or the arguments are not usable.

    Notes
    -----
    Both statistics see the same draws of items (clusters), so their dependence is kept: p is of
    Hotelling's T-squared with their covariance (of one statistic where the other does not vary),
    and intervals hold for both differences of all pairs at once (largest studentised deviation of
    the draws, stretched as t is over the normal for few units). A trade-off is named only where
    both intervals leave 0 out, on opposite sides; without a p below 1 - confidence nothing is.

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
    pairs = [_pair(result, *names) for names in _compared(result)]
    reach = _reach(pairs, result.confidence)
    frame = pd.DataFrame([_row(pair, reach) for pair in pairs])
    frame["p_adjusted"] = multiplicity.holm(frame["p_value"].to_numpy())
    apart = result.is_significant(frame["p_adjusted"])
    frame["verdict"] = frame["verdict"].where(apart, "not separated")
    frame.attrs |= {"signature": _signature(result), "notes": list(result.meta["notes"])}
    return frame


def _compared(result: Result) -> list[tuple[str, str]]:
    frame = result.rows(None, None)
    found = frame[frame["baseline"].notna()]
    return list(zip(found["scorer"], found["baseline"], strict=True))


class _Pair(NamedTuple):
    """Differences of two scorers in both statistics, better being above 0, and their draws."""

    scorer: str
    baseline: str
    signs: Floats  # (2,)
    estimate: Floats  # (2,)
    draws: Floats  # (draw, 2)
    se: Floats  # (2,)
    n_units: int


def _signature(result: Result) -> str:
    """That of the comparison, with the inference that is made here."""
    policy = result.meta["policy"] | {"test": "hotelling", "interval": "simultaneous"}
    meta = {**result.meta, "kind": "accuracy_and_calibration"}
    return make_signature(meta | {"policy": policy | {"correction": "holm"}})


def _pair(result: Result, scorer: str, baseline: str) -> _Pair:
    names = result.statistics[:2]
    signs = np.array([result.direction(name) or 1 for name in names])
    rows = [result.row(scorer, baseline, statistic=name) for name in names]
    gaps = _settled(np.array([row["estimate"] for row in rows]))
    draws = _settled(
        np.stack(
            [_draws(result, name, scorer) - _draws(result, name, baseline) for name in names],
            axis=1,
        )
    )
    n = int(min(row["n_clusters"] for row in rows))
    # Weights drawn from n units vary by (n - 1) / n of what new units would.
    se = np.nanstd(draws, axis=0, ddof=1) * np.sqrt(n / max(n - 1, 1))
    return _Pair(scorer, baseline, signs, signs * gaps, signs * draws, se, n)


def _settled(differences: Floats) -> Floats:
    return np.where(np.abs(differences) <= ROUNDOFF, 0.0, differences)


def _reach(pairs: list[_Pair], confidence: float) -> float:
    """Standard errors that no difference of any pair leaves in so many of the draws."""
    from scipy import stats

    with np.errstate(invalid="ignore"):
        away = [
            np.abs((p.draws - np.nanmean(p.draws, axis=0)) / np.where(p.se > 0, p.se, np.inf))
            for p in pairs
        ]
    largest = np.concatenate(away, axis=1).max(axis=1)
    tail = (1 + confidence) / 2
    few = stats.t.ppf(tail, min(p.n_units for p in pairs) - 1) / stats.norm.ppf(tail)
    return float(np.nanquantile(largest, confidence) * few)


def _row(pair: _Pair, reach: float) -> dict[str, object]:
    low, high = pair.estimate - reach * pair.se, pair.estimate + reach * pair.se
    row: dict[str, object] = {"scorer": pair.scorer, "baseline": pair.baseline}
    for k, what in enumerate(("accuracy", "calibration")):
        sign = pair.signs[k]
        ends = sorted((sign * low[k], sign * high[k]))
        value = sign * pair.estimate[k]
        row |= {what: value, f"{what}_lower": ends[0], f"{what}_upper": ends[1]}
    draws = pair.draws[np.isfinite(pair.draws).all(axis=1)]
    row["prob_both"] = float((draws > 0).all(axis=1).mean())
    row["p_value"] = _hotelling(pair, draws)
    row["verdict"] = _verdict(low, high)
    return row


def _draws(result: Result, statistic: str, scorer: str) -> Floats:
    """Draws of the value of one scorer."""
    if result.draws is None:
        raise MetaevalError("There are no draws to compare; use fewer resamples.")
    own = result.frame[result.frame["baseline"].isna()].reset_index(drop=True)
    there = (own["statistic"] == statistic) & (own["scorer"] == scorer) & own["task"].isna()
    return np.asarray(result.draws[:, int(np.flatnonzero(there)[0])])


def _hotelling(pair: _Pair, draws: Floats) -> float:
    """P of no difference in either statistic; 1 where there are too few units to tell."""
    from scipy import stats

    some, n = pair.se > 0, pair.n_units
    k = int(some.sum())
    if k == 0 or n <= k:
        return 1.0
    covariance = np.atleast_2d(np.cov(draws[:, some].T)) * n / (n - 1)
    square = float(pair.estimate[some] @ np.linalg.pinv(covariance) @ pair.estimate[some])
    return float(stats.f.sf(square * (n - k) / (k * (n - 1)), k, n - k))


def _verdict(low: Floats, high: Floats) -> str:
    """What the two intervals say, better being above 0."""
    up, down = low > 0, high < 0
    if up.all() or down.all():
        return "better in both" if up.all() else "worse in both"
    if (up | down).all():
        return "trade-off"
    return "one differs" if (up | down).any() else "not separated"
