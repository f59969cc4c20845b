"""Curves of decisions kept by how sure they are, and ranks of positives among negatives.

Everything is a function of sums by level: cases with equal scores are one level, and levels come in
order. Values do not change if all sums are multiplied by one number. Gradients say by how much the
value moves with each sum; with the sums they add up to 0.
"""

from __future__ import annotations

import numpy as np

from metaeval.core import ROUNDOFF, Bools, Floats


def rank_value(positive: Floats, negative: Floats) -> Floats:
    """Chance that a positive lies above a negative, ties half; levels (..., level) rising."""
    with np.errstate(invalid="ignore", divide="ignore"):
        both = (positive * middle(negative)).sum(axis=-1)
        return np.asarray(both / (positive.sum(axis=-1) * negative.sum(axis=-1)))


def rank_gradient(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """Derivatives of `rank_value` by the positives and the negatives of each level: (level,)."""
    value = rank_value(positive, negative)
    n, m = positive.sum(), negative.sum()
    by_positive = (middle(negative) / m - value) / n
    by_negative = (n - middle(positive) - value * n) / (n * m)
    return by_positive, by_negative


def middle(sums: Floats) -> Floats:
    """What lies before the middle of each level (..., level)."""
    return np.asarray(np.cumsum(sums, axis=-1) - sums / 2)


def joint_risk_area(weight: Floats, wrong: Floats) -> Floats:
    """AUGRC: mean over coverages of the share of all cases that are kept and wrong.

    Levels (..., level) start with the surest; within a level the order is random.
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
    """AURC: mean over coverages of the share of kept cases that are wrong, coverage continuous.

    Levels (..., level) start with the surest; within a level the order is random.
    """
    before, errors, growth = _before(weight, wrong)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(weight > 0, wrong / weight, 0.0)
        return np.asarray(
            (wrong + (errors - before * rate) * growth).sum(axis=-1) / weight.sum(axis=-1)
        )


def _before(weight: Floats, wrong: Floats) -> tuple[Floats, Floats, Floats]:
    """Weight and errors before each level, and the log of the growth of the weight in it."""
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
    """Sum of what comes later: (level,)."""
    return np.asarray(values[::-1].cumsum()[::-1] - values)


def stepwise_risk_area(weight: Floats, wrong: Floats, n_cases: int) -> float:
    """AURC as it is published: the mean over cases of the risk once the case is kept too.

    Levels (level,) start with the surest; within a level the order is random, in steps of the mean
    weight of a case. For equal weights and no ties it is the sum over k of the errors among the k
    surest, over k, over n.
    """
    from scipy.special import digamma

    step = weight.sum() / n_cases
    before, errors, _ = _before(weight, wrong)
    rate = np.divide(wrong, weight, out=np.zeros_like(wrong), where=weight > 0)
    growth = digamma((before + weight) / step + 1) - digamma(before / step + 1)
    return float((wrong + (errors - before * rate) * growth).sum() / weight.sum())


def reaching(weight: Floats, right: Floats, accuracy: float) -> Bools:
    """Whether decisions at least as sure as each level (..., level) are right often enough."""
    kept, good = np.cumsum(weight, axis=-1), np.cumsum(right, axis=-1)
    return np.asarray((good >= (accuracy - ROUNDOFF) * kept) & (kept > 0))


def largest(weight: Floats, reached: Bools) -> Floats:
    """Share of the cases kept at the last level (..., level) that is reached; 0 where none is."""
    kept = np.cumsum(weight, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(reached, kept, 0.0).max(axis=-1) / kept[..., -1])
