"""Skewness of the differences between scorers over units, which limits t intervals and tests."""

from __future__ import annotations

import numpy as np

from metaeval.core import Codes, Floats
from metaeval.inference.estimates import Estimates

# Cochran's rule: with n units and skewness g, a 95% interval of a mean has an error rate of at most
# 6% if n exceeds 25 g^2. In simulations of t tests it marks nearly all skewed designs with a size
# above .06, and few others.
_UNITS_PER_SQUARED_SKEWNESS = 25.0
_ROWS_AT_A_TIME = 2**14
_CANCELLED = 1e-9  # of the sums of squares: less is roundoff, as for copies of a scorer


def skewness_of_differences(influence: Floats, first: Codes, second: Codes) -> Floats:
    """Skewness over units of the differences between columns of influences (unit, scorer): (pair,).

    It is 0 where two columns are equal up to roundoff.

    >>> x = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [3.0, 0.0]])
    >>> skewness_of_differences(x, np.array([0]), np.array([1])).round(4)
    array([1.1547])
    """
    n_scorers = influence.shape[1]
    square, cube = np.zeros((2, n_scorers, n_scorers))  # sums of x y and of x^2 y
    center = influence.mean(axis=0)
    for start in range(0, len(influence), _ROWS_AT_A_TIME):
        x = influence[start : start + _ROWS_AT_A_TIME] - center
        square += x.T @ x
        cube += (x * x).T @ x
    a, b = first, second
    m2 = square[a, a] + square[b, b] - 2 * square[a, b]
    m3 = cube[a, a] - cube[b, b] - 3 * (cube[a, b] - cube[b, a])
    varies = m2 > _CANCELLED * (square[a, a] + square[b, b])
    scale = np.where(varies, m2, 1.0) ** 1.5
    return np.asarray(np.where(varies, m3 * np.sqrt(len(influence)) / scale, 0.0))


def too_skewed(estimates: Estimates, skewness: Floats) -> Floats:
    """Whether skewness is too large for t intervals of this number of units, by Cochran's rule.

    References
    ----------
    Cochran (1977), Sampling techniques, section 2.15.
    """
    return np.asarray(_UNITS_PER_SQUARED_SKEWNESS * skewness**2 > estimates.n_units)
