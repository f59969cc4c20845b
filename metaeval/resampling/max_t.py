"""Step-down max-T: p-values adjusted for a family of comparisons that share their draws."""

from __future__ import annotations

import numpy as np

from metaeval.core import ROUNDOFF, Floats

_ROWS = 256


def step_down(observed: Floats, null: Floats, two_sided: bool = True) -> Floats:
    """Adjusted p-values from studentised statistics and their null draws.

    Parameters
    ----------
    observed : array (comparison,)
        Studentised differences.
    null : array (draw, comparison)
        What they are under the null hypothesis, all comparisons in one draw of the data.
    two_sided : bool, default True
        Whether large values of both signs count.

    Returns
    -------
    array (comparison,)
        (1 + #) / (1 + draws), with # the draws whose largest statistic, among the comparisons
        that are not clearer than this one, is at least as large; NaN where `observed` is.

    Notes
    -----
    Controls the family-wise error where the joint distribution of the draws is that of the
    statistics under the null hypothesis. Without studentising, one noisy comparison hides all
    others.

    References
    ----------
    Romano and Wolf (2005), Stepwise multiple testing as formalized data snooping.

    Examples
    --------
    >>> step_down(np.array([3.0, 1.0]), np.array([[0.5, 2.0], [-4.0, 0.1], [0.2, 0.3]])).tolist()
    [0.5, 0.5]
    """
    adjusted = np.full(len(observed), np.nan)
    there = np.flatnonzero(~np.isnan(observed))
    size = np.abs(observed[there]) if two_sided else observed[there]
    order = there[np.argsort(-size, kind="stable")]
    least = np.sort(size)[::-1]
    least = least - ROUNDOFF * np.where(np.isinf(least), 0.0, np.abs(least))
    count = np.zeros(len(order), dtype=np.int64)
    for start in range(0, len(null), _ROWS):
        some = null[start : start + _ROWS][:, order]
        some = np.nan_to_num(np.abs(some) if two_sided else some, nan=-np.inf, posinf=np.inf)
        most = np.maximum.accumulate(some[:, ::-1], axis=1)[:, ::-1]
        count += (most >= least).sum(axis=0)
    adjusted[order] = np.maximum.accumulate((1 + count) / (1 + len(null)))
    return adjusted
