"""Tests without resampling: discordant items, dependent correlations, margins."""

from __future__ import annotations

import numpy as np

from metaeval.core import ROUNDOFF, Floats, MetaevalError, check_not_negative, check_one_of

_SIDES = ("two-sided", "greater", "less")


def mcnemar(
    n10: Floats, n01: Floats, *, mid_p: bool = False, alternative: str = "two-sided"
) -> Floats:
    """Exact McNemar test of equal accuracy of two scorers on the same items.

    Parameters
    ----------
    n10, n01 : array (pair,)
        Items that only the first, or only the second, of two scorers gets right.
    mid_p : bool
        Whether the observed outcome counts half, which is less conservative. At level 0.05 the
        conditional size is up to 0.077 (16 discordant items); over 200 items it is at most 0.05.
    alternative : {"two-sided", "greater", "less"}
        "greater": the first is more accurate.

    Returns
    -------
    array (pair,)
        p-values; 1 if no item is discordant.

    Notes
    -----
    Given n10 + n01, n10 is binomial with probability 1/2 under the null hypothesis. The test
    requires one verdict per item and independent items; pairs of responses to one item are
    dependent, and the test is then anticonservative.

    References
    ----------
    McNemar (1947), Note on the sampling error of the difference between correlated proportions or
    percentages.
    Fagerland, Lydersen and Laake (2013), The McNemar test for binary matched-pairs data: mid-p and
    asymptotic are better than exact conditional.

    Examples
    --------
    >>> mcnemar(np.array([9, 5, 0]), np.array([1, 5, 0])).round(4).tolist()
    [0.0215, 1.0, 1.0]
    """
    from scipy.stats import binom

    check_one_of("alternative", alternative, _SIDES)
    first, second = _counts("n10", n10), _counts("n01", n01)
    n = first + second
    large = np.maximum(first, second)
    k = {"greater": first, "less": second, "two-sided": large}[alternative]
    sides = 2 if alternative == "two-sided" else 1
    tail = binom.sf(k - 1, n, 0.5) - (binom.pmf(k, n, 0.5) / 2 if mid_p else 0)
    return np.where(n == 0, 1.0, np.minimum(sides * tail, 1.0))


def _counts(name: str, values: Floats) -> Floats:
    counts = np.asarray(values, dtype=float)
    wrong = ~np.isfinite(counts) | (counts < 0) | (counts != np.floor(counts))
    if wrong.any():
        raise MetaevalError(
            f"{name} must contain counts of items (0, 1, 2, ...), got {counts[wrong].flat[0]:g}. "
            "For fractional credit between 0 and 1, use test='sign-flip'."
        )
    return counts


def williams(
    r1: Floats, r2: Floats, r12: Floats, n: int, *, alternative: str = "two-sided"
) -> Floats:
    r"""Williams' test of equal correlation of two scorers with the labels of the same rows.

    Parameters
    ----------
    r1, r2 : array (pair,)
        Correlations of the first and the second scorer with the labels.
    r12 : array (pair,)
        Correlation of the two scorers.
    n : int
        Number of independent rows, at least 4.
    alternative : {"two-sided", "greater", "less"}
        "greater": the first correlation is larger.

    Returns
    -------
    array (pair,)
        p-values; 1/2 or, two-sided, 1 where r1 equals r2; NaN where the three correlations are
        not jointly possible.

    Notes
    -----
    .. math:: t_{n-3} = (r_1 - r_2) \sqrt{\frac{(n - 1)(1 + r_{12})}
        {2 |R| (n - 1) / (n - 3) + \bar r^2 (1 - r_{12})^3}}

    with :math:`|R| = 1 - r_1^2 - r_2^2 - r_{12}^2 + 2 r_1 r_2 r_{12}`. For Pearson correlations
    of independent, normal rows; it is invalid for rank correlations, averages of correlations, and
    rows that share items or systems. mt-metrics-eval puts the larger correlation first and reports
    "greater", which is half of the two-sided p-value for any data; nlpstats takes absolute values
    of all three correlations first.

    References
    ----------
    Williams (1959), Regression analysis; Steiger (1980), Tests for comparing elements of a
    correlation matrix; Graham and Baldwin (2014), Testing for significance of increased
    correlation with human judgment.

    Examples
    --------
    >>> williams(np.array([0.6]), np.array([0.5]), np.array([0.8]), 103).round(4).tolist()
    [0.0512]
    """
    from scipy.stats import t

    check_one_of("alternative", alternative, _SIDES)
    if n < 4:
        raise MetaevalError(f"Williams' test needs at least 4 rows, got {n}.")
    r1, r2, r12 = (np.asarray(r, dtype=float) for r in (r1, r2, r12))
    gap = r1 - r2
    det = 1 - r1**2 - r2**2 - r12**2 + 2 * r1 * r2 * r12
    square = 2 * det * (n - 1) / (n - 3) + ((r1 + r2) / 2) ** 2 * (1 - r12) ** 3
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = gap * np.sqrt((n - 1) * (1 + r12) / square)
    ratio = np.where(np.abs(gap) <= ROUNDOFF, 0.0, ratio)
    if alternative == "two-sided":
        return np.asarray(2 * t.sf(np.abs(ratio), n - 3))
    return np.asarray(t.sf(ratio if alternative == "greater" else -ratio, n - 3))


def tost(estimate: Floats, se: Floats, margin: float, df: float) -> Floats:
    """Two one-sided tests that differences lie within an equivalence margin.

    Parameters
    ----------
    estimate, se : array (comparison,)
        Differences and their standard errors.
    margin : float
        Largest difference considered negligible, fixed before seeing the data; positive.
    df : float
        Degrees of freedom: units minus 1, or infinity.

    Returns
    -------
    array (comparison,)
        The larger p-value of two one-sided t tests, "above -margin" and "below margin"; below
        alpha if and only if the t interval of confidence 1 - 2 alpha lies between the margins.
        With a standard error of 0 it is 0 inside and 1 outside.

    Notes
    -----
    A large p-value is not evidence of a difference, just as a large p-value of a test of no
    difference is not evidence of equality. Validity depends on `se`, which is often too small for
    few units or skewed values.

    References
    ----------
    Schuirmann (1987), A comparison of the two one-sided tests procedure and the power approach for
    assessing the equivalence of average bioavailability.

    Examples
    --------
    >>> tost(np.array([0.0, 0.02]), np.array([0.01, 0.01]), 0.03, 99).round(4).tolist()
    [0.0017, 0.1599]
    """
    if check_not_negative("margin", margin) == 0:
        raise MetaevalError(
            "margin must be positive, got 0; give the largest negligible difference, such as "
            "0.01, or use non_inferior."
        )
    return _upper_tail(margin - np.abs(np.asarray(estimate, dtype=float)), se, df)


def non_inferior(estimate: Floats, se: Floats, margin: float, df: float) -> Floats:
    """Non-inferiority test: the first of two scorers is worse by less than a margin.

    Parameters
    ----------
    estimate, se : array (comparison,)
        Differences, first minus second, and their standard errors.
    margin : float
        Largest acceptable loss, fixed before seeing the data; 0 tests superiority.
    df : float
        Degrees of freedom: units minus 1, or infinity.

    Returns
    -------
    array (comparison,)
        p-value of the one-sided t test of "above -margin"; below alpha if and only if the lower
        end of the t interval of confidence 1 - 2 alpha is above -margin. With a standard error of
        0 it is 0 above -margin and 1 elsewhere.

    Notes
    -----
    Validity depends on `se`, which is often too small for few units or skewed values, and on a
    margin that was not chosen after seeing the data.

    References
    ----------
    Blackwelder (1982), "Proving the null hypothesis" in clinical trials.

    Examples
    --------
    >>> non_inferior(np.array([0.0, -0.02]), np.array([0.01, 0.01]), 0.03, 99).round(4).tolist()
    [0.0017, 0.1599]
    """
    check_not_negative("margin", margin)
    return _upper_tail(np.asarray(estimate, dtype=float) + margin, se, df)


def _upper_tail(room: Floats, se: Floats, df: float) -> Floats:
    """P(T > room / se)."""
    from scipy.stats import t

    se = np.asarray(se, dtype=float)
    if (se < 0).any():
        raise MetaevalError(f"Standard errors must be nonnegative, got {se.min():g}.")
    p = t.sf(room / np.where(se > 0, se, np.nan), df)
    return np.where(se == 0, np.where(np.isnan(room), np.nan, np.where(room > 0, 0.0, 1.0)), p)
