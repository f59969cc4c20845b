"""Simultaneous confidence bands for increasing curves in finite samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaeval.core import Codes, Floats, MetaevalError, check_fraction
from metaeval.curves.isotonic import check_cases, pooled

_CELLS = 100  # forecasts are grouped: bounds are needed for n (n + 1) / 2 intervals of n cells
_HALVINGS = 50  # bisection to 2**-50, below the rounding of a probability


class Band(NamedTuple):
    """Bounds on an increasing curve: `lower` from `low_at` on and `upper` up to `high_at`."""

    low_at: Floats  # (cell,) ascending
    lower: Floats  # (cell,) ascending
    high_at: Floats  # (cell,) ascending
    upper: Floats  # (cell,) ascending

    def at(self, x: Floats) -> tuple[Floats, Floats]:
        """Lower and upper bounds at any points; 0 and 1 where no cases bound the curve."""
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
    r"""Simultaneous confidence band for an isotonic curve, from bounds on interval means.

    Parameters
    ----------
    forecast, label : array (case,)
        Labels lie in [0, 1].
    weight : array (case,), optional
        1 by default.
    unit : array (case,), optional
        Ids of units, whose cases may be dependent; by default each case is a unit.
    confidence : float, default 0.95
        Simultaneous confidence of all bounds.

    Returns
    -------
    Band
        `band.at(x)` returns the lower and the upper bound at forecasts x.

    Raises
    ------
    MetaevalError
        If shapes differ, there are no cases, or values are invalid.

    Notes
    -----
    Forecasts are grouped into at most 100 cells. The mean of an increasing curve over cells r to s
    is at least its value below cell r, so an upper bound on the mean bounds the curve; bounds over
    all intervals hold simultaneously by Bonferroni's inequality. If each case in an interval is a
    unit and weights are equal, the bounds are those of Clopper and Pearson; else Chernoff's bound
    for means of independent variables in [0, 1], the totals of units divided by the largest weight
    of one. The only assumption is monotonicity; bands are wide where cases are few.

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
    forecast, label, weight = check_cases(forecast, label, weight)
    unit = np.arange(len(label)) if unit is None else np.asarray(unit)
    if unit.shape != label.shape:
        raise MetaevalError(
            f"unit must have one id per case, shape {label.shape}; got shape {unit.shape}."
        )
    unit = np.unique(unit, return_inverse=True)[1]
    positive = weight > 0
    forecast, label, weight, unit = (
        forecast[positive],
        label[positive],
        weight[positive],
        unit[positive],
    )
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
    error = (1 - confidence) / (n * (n + 1))
    upper, lower = np.ones(n), np.zeros(n)
    for r in range(n):
        sizes = totals[r + 1 :] - totals[r]  # (s, unit)
        n_events = np.maximum(events[r + 1 :] - events[r], 0.0)
        below, above = _bounds(sizes, n_events, cases[r + 1 :] - cases[r], plain, error)
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
    """Lower and upper bounds on interval means, each with error probability `error`.

    `sizes` (interval, unit) are weights of units, `events` (interval,) weights of events.
    """
    present = (sizes > 0).sum(axis=1)
    largest = sizes.max(axis=1)
    total = sizes.sum(axis=1)
    smallest = np.where(sizes > 0, sizes, np.inf).min(axis=1)
    binomial = plain & (present == cases) & (smallest > largest * (1 - 1e-9))
    mean = np.clip(events / (largest * present), 0.0, 1.0)
    low, high = chernoff(mean, present, error)
    factor = largest * present / total
    low, high = np.minimum(low * factor, 1.0), np.minimum(high * factor, 1.0)
    exact = clopper_pearson(np.rint(mean * present), present, error)
    return np.where(binomial, exact[0], low), np.where(binomial, exact[1], high)


def clopper_pearson(events: Floats, n: Floats, error: float) -> tuple[Floats, Floats]:
    """Exact bounds on a proportion, each with error probability at most `error`."""
    from scipy.special import betaincinv

    k = np.asarray(events, dtype=float)
    low = betaincinv(np.maximum(k, 0.5), n - k + 1, error)
    high = betaincinv(k + 1, np.maximum(n - k, 0.5), 1 - error)
    return np.where(k == 0, 0.0, low), np.where(k == n, 1.0, high)


def chernoff(mean: Floats, n: Floats, error: float) -> tuple[Floats, Floats]:
    """Bounds on the expectation of n variables in [0, 1]: n KL(mean, bound) = -log(error)."""
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
    """Kullback-Leibler divergence of Bernoulli distributions p and q."""
    from scipy.special import rel_entr

    return np.asarray(rel_entr(p, q) + rel_entr(1 - p, 1 - q))
