"""Differences between pairs of scorers: the input and the output of tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaeval.core import ROUNDOFF, Codes, Floats
from metaeval.inference.estimates import Estimates, bias_bounds, standard_errors_of
from metaeval.statistics import Statistic

_DRAWS_AT_A_TIME = 2**20  # of differences: 8 MB of doubles


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
    correction_error : float
        Standard errors of differences corrected for bias over those of the observed differences.
        `se` and the spread of `draws` are multiplied by it.
    """

    estimates: Estimates
    first: Codes
    second: Codes
    difference: Floats
    se: Floats
    tested: Floats | None = None
    correction_error: float = 1.0

    @property
    def draws(self) -> Floats:
        """Draws of the differences (replicate, pair); computed on each call, as they are large."""
        return self.draws_of(slice(None))

    def draws_of(self, pairs: slice) -> Floats:
        """Return the draws of some differences (replicate, pair)."""
        draws = differences_of(self.estimates.draws, self.first[pairs], self.second[pairs])
        if self.correction_error == 1:
            return draws
        difference = self.difference[pairs]
        return difference + self.correction_error * (draws - difference)


@dataclass(frozen=True, kw_only=True)
class PValues:
    """p-values of the differences of `Comparisons`; `adjusted` is NaN unless by max-T on flips.

    `unbounded` are p-values of t tests before they are raised to the smallest attainable one.
    """

    p_value: Floats
    unbounded: Floats | None = None
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
    return Comparisons(
        estimates=estimates,
        first=first,
        second=second,
        difference=difference,
        se=_standard_errors(estimates, first, second) * statistic.correction_error,
        tested=_beyond_bias(statistic, estimates, first, second, difference),
        correction_error=statistic.correction_error,
    )


def _standard_errors(estimates: Estimates, first: Codes, second: Codes) -> Floats:
    """Standard errors of differences (pair,), from the draws of a few pairs at a time."""
    parts = [np.zeros(0)]
    for block in blocks_of_pairs(len(first), len(estimates.draws)):
        draws = differences_of(estimates.draws, first[block], second[block])
        parts.append(standard_errors_of(estimates, draws, first[block], second[block]))
    return np.concatenate(parts)


def blocks_of_pairs(n_pairs: int, n_draws: int) -> list[slice]:
    """Return slices of pairs whose draws of differences fit in 8 MB."""
    step = max(1, _DRAWS_AT_A_TIME // n_draws)
    return [slice(start, start + step) for start in range(0, n_pairs, step)]


def differences_of(draws: Floats, first: Codes, second: Codes) -> Floats:
    """Return differences of columns of draws, with rounding errors set to 0."""
    differences = draws[:, first]
    differences -= draws[:, second]
    differences[np.abs(differences) <= ROUNDOFF] = 0.0
    return differences


def biases_of_pairs(statistic: Statistic, comparisons: Comparisons) -> tuple[Floats, Floats]:
    """Return how far true differences may be above and below the observed ones: (pair,) each.

    One of the two is negative where the bias of one scorer is larger than that of the other in any
    case.
    """
    none = np.zeros(len(comparisons.first))
    if statistic.inflated != "both":
        return none, none
    return _biases(comparisons.estimates, comparisons.first, comparisons.second)


def _biases(estimates: Estimates, first: Codes, second: Codes) -> tuple[Floats, Floats]:
    least, most = bias_bounds(estimates)
    return most[second] - least[first], most[first] - least[second]


def _beyond_bias(
    statistic: Statistic, estimates: Estimates, first: Codes, second: Codes, difference: Floats
) -> Floats | None:
    """The difference after the correction for bias that leaves the least of it.

    It is 0 if some correction changes its sign.
    """
    if statistic.inflated != "both":
        return None
    above, below = _biases(estimates, first, second)
    lower, upper = difference - below, difference + above
    positive, negative = (lower > 0) & (difference > 0), (upper < 0) & (difference < 0)
    return np.where(positive, lower, np.where(negative, upper, 0.0))
