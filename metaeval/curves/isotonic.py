"""Isotonic recalibration, and the score decomposition based on it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaeval.core import Codes, Floats, MetaevalError, check_one_of, numbers

SCORES = ("brier", "log")


class Decomposition(NamedTuple):
    """A mean score: miscalibration minus discrimination plus uncertainty."""

    score: float
    miscalibration: float
    discrimination: float
    uncertainty: float


class Pooled(NamedTuple):
    """Rows grouped by equal forecasts, in ascending order."""

    value: Floats  # (level,) distinct forecasts, ascending
    weight: Floats  # (level,)
    level: Codes  # (row,)

    def mean(self, label: Floats, weight: Floats) -> Floats:
        """Weighted mean label of each level: (level,)."""
        return np.asarray(np.bincount(self.level, label * weight, len(self.value)) / self.weight)


def pooled(forecast: Floats, weight: Floats) -> Pooled:
    """Group rows by equal forecasts (row,)."""
    value, level = np.unique(forecast, return_inverse=True)
    return Pooled(value, np.bincount(level, weight, len(value)), level)


def pool_adjacent_violators(mean: Floats, weight: Floats) -> Floats:
    """Non-decreasing least-squares fit to a sequence of means: (level,)."""
    from scipy.optimize import isotonic_regression

    return np.asarray(isotonic_regression(mean, weights=weight).x)


def isotonic_fit(order: Floats, label: Floats, weight: Floats, mirrored: bool = False) -> Floats:
    """Recalibrated forecasts: the isotonic fit of labels at the rows: (row,).

    `order` (row,) is the forecasts or any increasing function of them; ties are pooled. `mirrored`
    rows are folded: `order` is non-negative (forecasts minus 1/2, or absolute log odds), and each
    row represents itself and its mirror image, so the fit is at least 1/2, and 1/2 at order 0.
    """
    positive = weight > 0
    if mirrored:
        positive &= order > 0
    fitted = np.full(len(order), 0.5)
    if positive.any():
        levels = pooled(order[positive], weight[positive])
        fit = pool_adjacent_violators(levels.mean(label[positive], weight[positive]), levels.weight)
        fitted[positive] = fit[levels.level]
    return np.maximum(fitted, 0.5) if mirrored else fitted


def fold_to_upper_half(forecast: Floats, label: Floats) -> tuple[Floats, Floats]:
    """Forecasts and labels of pairs, reversed where the forecast is below 1/2.

    At a forecast of 1/2 both orders are equivalent, and the label becomes 1/2.
    """
    down = forecast < 0.5
    flipped = np.where(down, 1 - label, label)
    return np.where(down, 1 - forecast, forecast), np.where(forecast == 0.5, 0.5, flipped)


def expected_score(score: str, forecast: Floats, label: Floats) -> Floats:
    """Expected score of each row, for an event with probability `label`.

    For labels 0 and 1 these are the Brier score (p - y)^2 and the log score; for a proportion w the
    Brier score includes the irreducible part w (1 - w).
    """
    if score == "brier":
        return np.asarray((forecast - label) ** 2 + label * (1 - label))
    from scipy.special import xlogy

    return np.asarray(-xlogy(label, forecast) - xlogy(1 - label, 1 - forecast))


def base_rate(label: Floats, weight: Floats, mirrored: bool) -> float:
    """The best constant forecast: the mean label, or 1/2 for mirrored pairs."""
    return 0.5 if mirrored else float(np.average(label, weights=weight))


def decompose(
    forecast: Floats,
    label: Floats,
    weight: Floats | None = None,
    score: str = "brier",
    mirrored: bool = False,
) -> Decomposition:
    r"""CORP decomposition of a mean score into miscalibration, discrimination and uncertainty.

    Parameters
    ----------
    forecast : array (row,)
        Probabilities of the event; for the Brier score any real numbers.
    label : array (row,)
        1 if the event occurred, 0 if not, or the proportion of raters who say so.
    weight : array (row,), optional
        1 by default.
    score : {"brier", "log"}
        The proper score.
    mirrored : bool, default False
        Rows are pairs in arbitrary order: each counts half in either order.

    Returns
    -------
    Decomposition
        score, miscalibration, discrimination, uncertainty.

    Raises
    ------
    MetaevalError
        If shapes differ, there are no rows, or values are invalid.

    Notes
    -----
    :math:`S = MCB - DSC + UNC` with :math:`MCB = S(p) - S(\hat p)`, :math:`DSC = S(\bar p) -
    S(\hat p)`, :math:`UNC = S(\bar p)`, where :math:`\hat p` is the isotonic fit and
    :math:`\bar p` the mean label. All parts are non-negative. Miscalibration is
    positively biased in finite samples: it is above 0 even for calibrated forecasts, the more so
    the fewer the rows.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021), Stable reliability diagrams for probabilistic classifiers.

    Examples
    --------
    >>> import numpy as np
    >>> decompose(np.array([-1.0, 1, 1, 2]), np.array([0.0, 0, 1, 1]))
    Decomposition(score=0.75, miscalibration=0.625, discrimination=0.125, uncertainty=0.25)
    """
    check_one_of("score", score, SCORES)
    p, y, w = check_cases(forecast, label, weight)
    if score == "log" and not ((p >= 0) & (p <= 1)).all():
        raise MetaevalError(
            "The log score needs forecasts in [0, 1]; use score='brier' for other forecasts."
        )
    if mirrored:
        p, y = fold_to_upper_half(p, y)
    fit = isotonic_fit(p - 0.5 if mirrored else p, y, w, mirrored)
    flat = np.full(len(p), base_rate(y, w, mirrored))
    raw, best, constant = (
        float(np.average(expected_score(score, q, y), weights=w)) for q in (p, fit, flat)
    )
    return Decomposition(raw, raw - best, constant - best, constant)


def check_cases(
    forecast: Floats, label: Floats, weight: Floats | None
) -> tuple[Floats, Floats, Floats]:
    """The arrays as floats of one shape, with labels in [0, 1] and weights of at least 0."""
    p, y = numbers(forecast, "forecast"), numbers(label, "label")
    w = np.ones(p.shape) if weight is None else numbers(weight, "weight")
    if p.ndim != 1 or p.shape != y.shape or p.shape != w.shape or not len(p):
        raise MetaevalError(
            f"forecast, label and weight must be arrays of equal length; got shapes {p.shape}, "
            f"{y.shape} and {w.shape}."
        )
    if not (np.isfinite(p).all() and np.isfinite(w).all() and (w >= 0).all() and w.any()):
        raise MetaevalError(
            "Forecasts must be finite; weights must be finite and nonnegative, with at least one "
            "positive."
        )
    if not ((y >= 0) & (y <= 1)).all():
        raise MetaevalError("Labels must lie in [0, 1].")
    return p, y, w
