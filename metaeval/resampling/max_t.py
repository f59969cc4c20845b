"""Step-down max-T p-values from joint null draws."""

from __future__ import annotations

import numpy as np

from metaeval.core import ROUNDOFF, Floats

_ROWS = 256  # draws per block, so that a block fits in cache


def step_down(observed: Floats, null: Floats, two_sided: bool = True) -> Floats:
    """Adjusted p-values from studentized statistics and their joint null draws.

    Parameters
    ----------
    observed : array (comparison,)
        Studentized differences.
    null : array (draw, comparison)
        Their values under the null hypothesis; each row is one draw of all comparisons.
    two_sided : bool, default True
        Whether large values of both signs count.

    Returns
    -------
    array (comparison,)
        (1 + #) / (1 + draws), with # the number of draws whose maximum over this and all less
        extreme comparisons is at least as large; NaN where `observed` is.

    Notes
    -----
    Controls the family-wise error rate if the draws have the joint null distribution of the
    statistics. Without studentizing, one noisy comparison would dominate the maximum.

    References
    ----------
    Romano and Wolf (2005), Stepwise multiple testing as formalized data snooping.

    Examples
    --------
    >>> step_down(np.array([3.0, 1.0]), np.array([[0.5, 2.0], [-4.0, 0.1], [0.2, 0.3]])).tolist()
    [0.5, 0.5]
    """
    adjusted = np.full(len(observed), np.nan)
    finite = np.flatnonzero(~np.isnan(observed))
    size = np.abs(observed[finite]) if two_sided else observed[finite]
    order = finite[np.argsort(-size, kind="stable")]
    thresholds = np.sort(size)[::-1]
    thresholds = thresholds - ROUNDOFF * np.where(np.isinf(thresholds), 0.0, np.abs(thresholds))
    count = np.zeros(len(order), dtype=np.int64)
    for start in range(0, len(null), _ROWS):
        block = null[start : start + _ROWS][:, order]
        block = np.nan_to_num(np.abs(block) if two_sided else block, nan=-np.inf, posinf=np.inf)
        maxima = np.maximum.accumulate(block[:, ::-1], axis=1)[:, ::-1]
        count += (maxima >= thresholds).sum(axis=0)
    adjusted[order] = np.maximum.accumulate((1 + count) / (1 + len(null)))
    return adjusted
