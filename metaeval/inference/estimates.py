"""Estimates of one statistic for all scorers, with the input of intervals and tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, Codes, Floats
from metaeval.statistics import StandardErrors
from metaeval.tables import Table


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """One statistic in one stratum (or averaged over strata), for all scorers.

    Parameters
    ----------
    scorers : list of str
    name : str or None
        The stratum; None for the overall estimate.
    estimate : array (scorer,)
    contributions : array (unit, scorer) or None
        Contributions of units, whose sum is the estimate; the sign-flip test flips their
        differences. None if the statistic has none.
    influence : array (unit, scorer)
        First-order influence, for the acceleration of BCa intervals.
    draws : array (replicate, scorer)
    widened : array (replicate, scorer), optional
        Draws for the standard errors of means over strata, if they differ from `draws`.
    standard_errors : StandardErrors or None
        Standard error of each replicate.
    levels : mapping of arrays (scorer,)
        Reference levels: chance, best constant, tie rate, ...
    unseen_variance : array (scorer,)
        Part of the variance that no replicate shows: that of strata in which a scorer is right (or
        wrong) on all units.
    n_items, n_units, n_rows, n_dropped : int
    n_systems : int or None
        Number of systems that are resampled with the units.
    share : array (unit,)
        Proportion of the items in each unit; they add up to 1.
    units : MultiIndex
        Ids of the units.
    n_strata : int
        Number of strata with units of their own, each of which costs a degree of freedom.
    stream : int
        Stream of random numbers; strata with the same units share it.
    tables : tuple of tables
        Tables of the strata.
    """

    scorers: list[str]
    name: str | None
    estimate: Floats
    contributions: Floats | None
    influence: Floats
    draws: Floats
    standard_errors: StandardErrors | None
    levels: Mapping[str, Floats]
    unseen_variance: Floats
    n_items: int
    n_units: int
    n_rows: int
    n_dropped: int
    n_systems: int | None
    share: Floats
    units: pd.MultiIndex
    n_strata: int = 1
    widened: Floats | None = None
    stream: int
    tables: tuple[Table, ...]


def standard_errors_of(
    estimates: Estimates, draws: Floats, first: Codes, second: Codes | None
) -> Floats:
    """Return standard errors (column,) of values, or of differences if `second` is given.

    They are standard deviations of `draws` (replicate, column), in means over strata of draws with
    the correction of each stratum; where systems are resampled too, they come from the two-way
    formula.
    """
    if estimates.n_systems is not None and estimates.standard_errors is not None:
        return estimates.standard_errors.of_estimate(first, second)
    if estimates.widened is not None:
        draws = estimates.widened[:, first]
        draws = draws if second is None else draws - estimates.widened[:, second]
    # The variance under resampling of n units is (n - 1) / n of that under new units.
    n = estimates.n_units
    return _standard_deviation(draws) * np.sqrt(n / max(n - 1, 1))


def _standard_deviation(draws: Floats) -> Floats:
    """Standard deviation of the draws of each column; NaN where there are none."""
    if np.isnan(draws).all():
        return np.full(draws.shape[1], np.nan)
    tolerance = ROUNDOFF * np.maximum(np.abs(draws[:1]), 1)
    constant = (np.abs(draws - draws[:1]) <= tolerance).all(axis=0)
    return np.where(constant, 0.0, np.nanstd(draws, axis=0, ddof=1))


def degrees_of_freedom(estimates: Estimates) -> int:
    """Return the number of units minus that of strata, or of systems minus 1 if these are fewer."""
    n_systems = estimates.n_systems
    of_units = estimates.n_units - estimates.n_strata
    return of_units if n_systems is None else min(of_units, n_systems - 1)


def positive_bias(estimates: Estimates) -> Floats:
    """Return an upper bound on the positive bias of each value: (scorer,)."""
    zero = np.zeros(len(estimates.estimate))
    levels = estimates.levels
    return levels.get("noise", levels.get("expected_if_calibrated", zero))


def bias_bounds(estimates: Estimates) -> tuple[Floats, Floats]:
    """Return the smallest and the largest plausible positive bias of each value: (scorer,) each."""
    largest = estimates.levels.get("most_bias", positive_bias(estimates))
    return estimates.levels.get("least_bias", np.zeros(len(largest))), largest
