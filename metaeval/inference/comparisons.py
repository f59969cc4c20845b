"""Differences between pairs of scorers: the input and the output of tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaeval.core import ROUNDOFF, Codes, Floats
from metaeval.inference.estimates import Estimates, positive_bias, standard_errors_of
from metaeval.statistics import Statistic


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """Differences between pairs of scorers in one stratum (or overall).

    Parameters
    ----------
    estimates : Estimates
    first, second : array (pair,)
        Positions of the scorers; differences are first minus second.
    difference, se : array (pair,)
    tested : array (pair,), optional
        The part of each difference that positive bias cannot explain; None for statistics without
        positive bias.
    """

    estimates: Estimates
    first: Codes
    second: Codes
    difference: Floats
    se: Floats
    tested: Floats | None = None

    @property
    def draws(self) -> Floats:
        """Draws of the differences (replicate, pair); computed on each call, as they are large."""
        return differences_of(self.estimates.draws, self.first, self.second)


@dataclass(frozen=True, kw_only=True)
class PValues:
    """p-values of the differences of `Comparisons`; `adjusted` is NaN unless by max-T on flips."""

    p_value: Floats
    adjusted: Floats
    mcse: Floats
    n_flips: int
    enumerated: bool
    test: str
    status: str


def compare_pairs(
    statistic: Statistic, estimates: Estimates, pairs: Sequence[tuple[int, int]]
) -> Comparisons:
    """Return differences between pairs of scorers, with standard errors."""
    first, second = np.array(pairs, dtype=int).reshape(-1, 2).T
    difference = estimates.estimate[first] - estimates.estimate[second]
    difference = np.where(np.abs(difference) <= ROUNDOFF, 0.0, difference)
    draws = differences_of(estimates.draws, first, second)
    return Comparisons(
        estimates=estimates,
        first=first,
        second=second,
        difference=difference,
        se=standard_errors_of(estimates, draws, first, second),
        tested=_unexplained(statistic, estimates, first, second, difference),
    )


def differences_of(draws: Floats, first: Codes, second: Codes) -> Floats:
    """Return differences of columns of draws, with rounding errors set to 0."""
    differences = draws[:, first]
    differences -= draws[:, second]
    differences[np.abs(differences) <= ROUNDOFF] = 0.0
    return differences


def biases_of_pairs(statistic: Statistic, comparisons: Comparisons) -> tuple[Floats, Floats]:
    """Return how far true differences may be above and below the observed ones: (pair,) each."""
    estimates = comparisons.estimates
    bias = np.zeros(len(estimates.estimate))
    if statistic.inflated == "both":
        bias = positive_bias(estimates)
    return bias[comparisons.second], bias[comparisons.first]


def _unexplained(
    statistic: Statistic, estimates: Estimates, first: Codes, second: Codes, difference: Floats
) -> Floats | None:
    """The difference minus the largest possible bias of the larger value."""
    if statistic.inflated != "both":
        return None
    bias = positive_bias(estimates)
    bias_of_larger = np.where(difference > 0, bias[first], bias[second])
    return np.asarray(np.sign(difference) * np.maximum(np.abs(difference) - bias_of_larger, 0.0))
