"""Confidence bands for a rising curve that hold at every point, with any number of cases."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaeval.core import Codes, Floats, MetaevalError, check_fraction
from metaeval.curves.isotonic import checked_cases, pooled

_CELLS = 100
_HALVINGS = 50


class Band(NamedTuple):
    """Bounds of a rising curve: at least `lower` from `low_at` on, at most `upper` to `high_at`."""

    low_at: Floats  # (cell,) ascending
    lower: Floats  # (cell,) ascending
    high_at: Floats  # (cell,) ascending
    upper: Floats  # (cell,) ascending

    def at(self, x: Floats) -> tuple[Floats, Floats]:
        """Lower and upper bounds at any points: 0 and 1 where no case says anything."""
        left = np.searchsorted(self.low_at, x, side="right")
        right = np.searchsorted(self.high_at, x, side="left")
        return np.r_[0.0, self.lower][left], np.r_[self.upper, 1.0][right]


def honest_band(
    forecast: Floats,
    label: Floats,
    weight: Floats | None = None,
    unit: Codes | None = None,
    confidence: float = 0.95,
) -> Band:
    r"""Simultaneous confidence band of an isotonic curve, from bounds on means over all intervals.

    Parameters
    ----------
    forecast, label : array (case,)
        Labels lie in 0 to 1.
    weight : array (case,), optional
        1 by default.
    unit : array (case,), optional
        Ids of units, whose cases may depend on one another; every case is one by default.
    confidence : float, default 0.95
        Of all bounds together.

    Returns
    -------
    Band
        `band.at(x)` gives the lower and the upper bound at any forecasts.

    Raises
    ------
    MetaevalError
        If shapes differ, there are no cases, or values are not usable.

    Notes
    -----
    Forecasts are put into at most 100 cells. The mean of a rising curve over cells r to s is at
    least its value below cell r, so an upper bound on that mean is one on the curve; bounds over
    all intervals hold together by Bonferroni's inequality. Where every case in an interval is a
    unit with the weight of the others the bounds are those of Clopper and Pearson; else Chernoff's
    bound for means of independent numbers in 0 to 1, the totals of units over the largest weight of
    one. No assumption but that the curve rises; wide where cases are few.

    References
    ----------
    Dimitriadis, Duembgen, Henzi, Puke, Ziegel (2023), Honest calibration assessment for binary
    outcome predictions. Hoeffding (1963), Probability inequalities for sums of bounded random
    variables.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.linspace(0.01, 0.99, 400)
    >>> low, high = honest_band(p, (p > 0.5).astype(float)).at(np.array([0.25, 0.75]))
    >>> bool(high[0] < 0.25 and low[1] > 0.75)
    True
    """
    check_fraction("confidence", confidence)
    forecast, label, weight = checked_cases(forecast, label, weight)
    unit = np.arange(len(label)) if unit is None else np.asarray(unit)
    if unit.shape != label.shape:
        raise MetaevalError(f"unit must have one id for each case; its shape is {unit.shape}.")
    unit = np.unique(unit, return_inverse=True)[1]
    some = weight > 0
    forecast, label, weight, unit = forecast[some], label[some], weight[some], unit[some]
    cell, low, high = _cells(forecast, weight)
    n, n_units = len(low), int(unit.max()) + 1
    totals, counts = (
        np.zeros((n + 1, n_units)) for _ in range(2)
    )  # of weights and of labels, cumulated over cells
    np.add.at(totals, (cell + 1, unit), weight)
    np.add.at(counts, (cell + 1, unit), weight * label)
    totals, events = totals.cumsum(axis=0), counts.sum(axis=1).cumsum()
    cases = np.r_[0, np.cumsum(np.bincount(cell, minlength=n))]
    plain = bool(np.isin(label, (0.0, 1.0)).all())
    each = (1 - confidence) / (n * (n + 1))
    upper, lower = np.ones(n), np.zeros(n)
    for r in range(n):
        sizes = totals[r + 1 :] - totals[r]  # (s, unit)
        happened = np.maximum(events[r + 1 :] - events[r], 0.0)
        below, above = _bounds(sizes, happened, cases[r + 1 :] - cases[r], plain, each)
        upper[r] = above.min()
        lower[r:] = np.maximum(lower[r:], below)
    upper = np.minimum.accumulate(upper[::-1])[::-1]
    return Band(high, np.maximum.accumulate(lower), low, upper)


def _cells(forecast: Floats, weight: Floats) -> tuple[Codes, Floats, Floats]:
    """Cell of each case, and the smallest and the largest forecast of each cell."""
    levels = pooled(forecast, weight)
    n = len(levels.value)
    middle = np.cumsum(levels.weight) - levels.weight / 2
    rough = (middle / levels.weight.sum() * _CELLS).astype(np.intp)
    of_level = np.arange(n) if n <= _CELLS else np.unique(rough, return_inverse=True)[1]
    first = np.searchsorted(of_level, np.arange(of_level[-1] + 1))
    last = np.r_[first[1:], n] - 1
    return of_level[levels.level], levels.value[first], levels.value[last]


def _bounds(
    sizes: Floats, events: Floats, cases: Codes, plain: bool, error: float
) -> tuple[Floats, Floats]:
    """Lower and upper bounds on the mean over some intervals, each wrong with chance `error`.

    `sizes` (interval, unit) are weights of units, `events` (interval,) weights of labels.
    """
    present = (sizes > 0).sum(axis=1)
    largest = sizes.max(axis=1)
    total = sizes.sum(axis=1)
    smallest = np.where(sizes > 0, sizes, np.inf).min(axis=1)
    alone = plain & (present == cases) & (smallest > largest * (1 - 1e-9))
    mean = np.clip(events / (largest * present), 0.0, 1.0)
    low, high = chernoff(mean, present, error)
    factor = largest * present / total
    low, high = np.minimum(low * factor, 1.0), np.minimum(high * factor, 1.0)
    exact = clopper_pearson(np.rint(mean * present), present, error)
    return np.where(alone, exact[0], low), np.where(alone, exact[1], high)


def clopper_pearson(events: Floats, n: Floats, error: float) -> tuple[Floats, Floats]:
    """Exact bounds of a share, each wrong with chance `error` at most."""
    from scipy.special import betaincinv

    k = np.asarray(events, dtype=float)
    low = betaincinv(np.maximum(k, 0.5), n - k + 1, error)
    high = betaincinv(k + 1, np.maximum(n - k, 0.5), 1 - error)
    return np.where(k == 0, 0.0, low), np.where(k == n, 1.0, high)


def chernoff(mean: Floats, n: Floats, error: float) -> tuple[Floats, Floats]:
    """Bounds of the expected mean of n independent numbers in 0 to 1: n KL(mean, bound) = -log."""
    reach = -np.log(error) / n
    ends = []
    for end in (0.0, 1.0):
        inside, outside = mean.copy(), np.full_like(mean, end)
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            near = _divergence(mean, middle) <= reach
            inside, outside = np.where(near, middle, inside), np.where(near, outside, middle)
        ends.append(outside)
    return ends[0], ends[1]


def _divergence(p: Floats, q: Floats) -> Floats:
    """Kullback-Leibler divergence of coins p and q."""
    from scipy.special import rel_entr

    return np.asarray(rel_entr(p, q) + rel_entr(1 - p, 1 - q))
