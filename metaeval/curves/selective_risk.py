"""Risk-coverage curves and rank statistics.

Everything is a function of sums by level: cases with equal scores form one level, and levels are
ordered. Values are invariant under scaling of all sums, so gradients are orthogonal to the sums
(Euler's theorem for homogeneous functions).
"""

from __future__ import annotations

import numpy as np

from metaeval.core import ROUNDOFF, Bools, Floats


def rank_value(positive: Floats, negative: Floats) -> Floats:
    """Probability that a positive exceeds a negative, ties half; levels (..., level) ascend."""
    with np.errstate(invalid="ignore", divide="ignore"):
        concordant = (positive * middle(negative)).sum(axis=-1)
        return np.asarray(concordant / (positive.sum(axis=-1) * negative.sum(axis=-1)))


def rank_gradient(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """Derivatives of `rank_value` by the positives and the negatives of each level: (level,)."""
    value = rank_value(positive, negative)
    n, m = positive.sum(), negative.sum()
    by_positive = (middle(negative) / m - value) / n
    by_negative = (n - middle(positive) - value * n) / (n * m)
    return by_positive, by_negative


def middle(sums: Floats) -> Floats:
    """Cumulative sum up to the middle of each level (..., level): mid-ranks."""
    return np.asarray(np.cumsum(sums, axis=-1) - sums / 2)


def joint_risk_area(weight: Floats, wrong: Floats) -> Floats:
    """AUGRC: mean over coverages of the proportion of all cases that are accepted and wrong.

    Levels (..., level) start with the most confident; within a level the order is random.
    """
    total = weight.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((wrong * (total[..., None] - middle(weight))).sum(axis=-1) / total**2)


def joint_risk_gradient(weight: Floats, wrong: Floats) -> tuple[Floats, Floats]:
    """Derivatives of `joint_risk_area` by the weight and the errors of each level: (level,)."""
    total = weight.sum()
    by_weight = middle(wrong) / total**2 - 2 * joint_risk_area(weight, wrong) / total
    return by_weight, (total - middle(weight)) / total**2


def risk_area(weight: Floats, wrong: Floats) -> Floats:
    """AURC: mean over (continuous) coverages of the selective risk.

    Levels (..., level) start with the most confident; within a level the order is random.
    """
    before, errors, growth = _before(weight, wrong)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(weight > 0, wrong / weight, 0.0)
        return np.asarray(
            (wrong + (errors - before * rate) * growth).sum(axis=-1) / weight.sum(axis=-1)
        )


def _before(weight: Floats, wrong: Floats) -> tuple[Floats, Floats, Floats]:
    """Weight and errors before each level, and the log ratio of the weights after and before."""
    before = np.cumsum(weight, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        growth = np.log1p(weight / (before - weight))
    before -= weight
    growth = np.where(before > 0, growth, 0.0)
    return before, np.cumsum(wrong, axis=-1) - wrong, growth


def risk_gradient(weight: Floats, wrong: Floats) -> tuple[Floats, Floats]:
    """Derivatives of `risk_area` by the weight and the errors of each level, all > 0: (level,)."""
    before, errors, growth = _before(weight, wrong)
    total, rate = weight.sum(), wrong / weight
    lag = errors - before * rate
    with np.errstate(invalid="ignore", divide="ignore"):
        opened = np.where(before > 0, lag * (1 / (before + weight) - 1 / before), 0.0)
    by_before = opened - rate * growth
    by_weight = before * rate / weight * growth + lag / (before + weight)
    by_weight = by_weight + _after(by_before) - risk_area(weight, wrong)
    return by_weight / total, (1 - before / weight * growth + _after(growth)) / total


def _after(values: Floats) -> Floats:
    """Sum over later levels: (level,)."""
    return np.asarray(values[::-1].cumsum()[::-1] - values)


def stepwise_risk_area(weight: Floats, wrong: Floats, n_cases: int) -> float:
    """AURC as published (Geifman et al. 2019): the mean over cases of the risk up to that case.

    Levels (level,) start with the most confident; within a level the order is random, in steps of
    the mean weight of a case, and digamma differences are the harmonic sums over those steps. For
    equal weights without ties it is (1 / n) sum_k (errors among the k most confident) / k.
    """
    from scipy.special import digamma

    step = weight.sum() / n_cases
    before, errors, _ = _before(weight, wrong)
    rate = np.divide(wrong, weight, out=np.zeros_like(wrong), where=weight > 0)
    growth = digamma((before + weight) / step + 1) - digamma(before / step + 1)
    return float((wrong + (errors - before * rate) * growth).sum() / weight.sum())


def reaches_accuracy(weight: Floats, right: Floats, accuracy: float) -> Bools:
    """Whether decisions at or above each confidence level (..., level) reach an accuracy."""
    covered, correct = np.cumsum(weight, axis=-1), np.cumsum(right, axis=-1)
    return np.asarray((correct >= (accuracy - ROUNDOFF) * covered) & (covered > 0))


def last_coverage(weight: Floats, reached: Bools) -> Floats:
    """Coverage at the last level (..., level) that is reached; 0 if none is."""
    covered = np.cumsum(weight, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(reached, covered, 0.0).max(axis=-1) / covered[..., -1])
