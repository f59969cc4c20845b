"""Coverage of confidence intervals in a given design, by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, Floats, check_integer, with_progress
from metaeval.inference import (
    ComparisonSettings,
    Design,
    DesignOptions,
    Resampling,
    Settings,
    Statistics,
    choose_statistics,
    compare_pairs,
    difference_intervals,
    estimate,
    pairs_of_scorers,
    scorer_intervals,
)
from metaeval.planning.error_rates import draw_units
from metaeval.planning.power_analysis import units_design, wilson_interval
from metaeval.statistics import Statistic
from metaeval.tables import Table, require_table


class _Simulated(NamedTuple):
    """Values of all scorers and differences of all pairs in one data set, and their intervals."""

    values: Floats  # (column,)
    ends: Floats  # (2, column)


def coverage_by_simulation(
    table: Table,
    statistic: Statistics = None,
    *,
    scorers: Sequence[str] | None = None,
    interval: str | None = None,
    n_simulations: int = 500,
    confidence: float = 0.95,
    n_resamples: int = 499,
    label: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Estimate by simulation how often intervals contain the true value.

    Parameters
    ----------
    table, statistic, label, resample, missing
        As in `compare`; only the first statistic is used.
    scorers : list of str, optional
        Scorers whose values and differences are examined; all by default.
    interval : str, optional
        Kind of interval, as in `compare`.
    n_simulations : int, default 500
        Number of simulated data sets.
    confidence : float, default 0.95
        Nominal coverage.
    n_resamples : int, default 499
        Bootstrap replicates in each data set.
    seed : int, default 0
        Seed of the random numbers.

    Returns
    -------
    DataFrame
        One row for each scorer, and for each difference (with a `baseline`): `truth`, `coverage`
        with a 95% Wilson interval for the Monte Carlo error (`lower`, `upper`), `mean_width`, and
        `relative_width`, the mean width over that of the interval truth +/- z times the standard
        deviation of the simulated values.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid, or systems are resampled too.

    Notes
    -----
    Items (clusters) of the table are drawn with replacement, as many as it has; the truth is the
    mean of the simulated values, i.e. the expected value at this number of items. The table is
    thus taken for the population: rare events that it does not contain are not simulated, and
    coverage for the population that it comes from is somewhat lower.

    References
    ----------
    Morris, White and Crowther (2019), Using simulation studies to evaluate statistical methods.

    Examples
    --------
    >>> from metaeval import coverage_by_simulation, load_example
    >>> found = coverage_by_simulation(
    ...     load_example(), "pairwise_accuracy", scorers=["judge", "reward"], n_simulations=100)
    >>> bool((found["upper"] > 0.9).all())
    True
    """
    check_integer("n_simulations", n_simulations, 100)
    settings = Settings(
        resampling=Resampling(n_resamples, seed),
        confidence=confidence,
        interval=interval,
        testing=ComparisonSettings(n_resamples=n_resamples, seed=seed),
    )
    options = DesignOptions(label=label, scorers=scorers, resample=resample, missing=missing)
    design = units_design(require_table(table), options)
    resolved = choose_statistics(design.table, statistic)[0][0]
    rng = np.random.default_rng([seed, 3])
    sets = (draw_units(design, rng, swap=False) for _ in range(n_simulations))
    simulated = [
        _simulate(drawn, resolved, settings)
        for drawn in with_progress(sets, n_simulations, "simulations")
    ]
    return _summarize(design.scorers, simulated, confidence)


def _simulate(design: Design, statistic: Statistic, settings: Settings) -> _Simulated:
    overall = estimate(design, statistic, settings.resampling)[0]
    pairs = pairs_of_scorers(design.scorers, None)
    own = scorer_intervals(statistic, overall, settings).ends
    if not pairs:
        return _Simulated(overall.estimate, own)
    comparisons = compare_pairs(statistic, overall, pairs)
    ends = difference_intervals(statistic, comparisons, settings, np.nan).ends
    values = np.concatenate([overall.estimate, comparisons.difference])
    return _Simulated(values, np.concatenate([own, ends], axis=1))


def _summarize(
    scorers: list[str], simulated: Sequence[_Simulated], confidence: float
) -> pd.DataFrame:
    from scipy.special import ndtri

    values = np.stack([s.values for s in simulated])
    ends = np.stack([s.ends for s in simulated])
    truth, n = values.mean(axis=0), len(values)
    covered = (ends[:, 0] <= truth + ROUNDOFF) & (truth <= ends[:, 1] + ROUNDOFF)
    low, high = wilson_interval(covered.sum(axis=0), n)
    width = (ends[:, 1] - ends[:, 0]).mean(axis=0)
    spread = 2 * ndtri((1 + confidence) / 2) * values.std(axis=0, ddof=1)
    pairs = pairs_of_scorers(scorers, None)
    baselines = [*[None] * len(scorers), *(scorers[b] for _, b in pairs)]
    return pd.DataFrame(
        {
            "scorer": [*scorers, *(scorers[a] for a, _ in pairs)],
            "baseline": pd.Series(baselines, dtype=object),
            "truth": truth,
            "coverage": covered.mean(axis=0),
            "lower": low,
            "upper": high,
            "mean_width": width,
            "relative_width": width / np.where(spread > 0, spread, np.nan),
            "n_simulations": n,
        }
    )
