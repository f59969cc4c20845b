"""Statistics of one's own, from a function of scores, labels and weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from metaeval.core import Floats, MetaevalError
from metaeval.statistics.bound import Weigh
from metaeval.statistics.estimand import Estimand
from metaeval.statistics.kinds import WeightedStatistic
from metaeval.statistics.sums import only_label
from metaeval.tables import Table


def weighted_statistic(
    name: str,
    f: Callable[[Floats, Floats, Floats], float],
    *,
    rows: Literal["pairs", "responses"] = "responses",
    smooth: bool = False,
) -> WeightedStatistic:
    """Return a statistic that is not a sum over items, from a function of row weights.

    Parameters
    ----------
    name : str
        What results call it.
    f : callable
        (scores, label, weights), each of shape (row,) -> number. The weight of a row is that
        of its item. It runs once for every scorer and replicate, which is slow. Its value must
        not change if all weights are multiplied by one number: weights do not add up to n.
    rows : {"pairs", "responses"}, default "responses"
        Whether rows are responses or pairs.
    smooth : bool, default False
        Whether it changes smoothly with the weights, as a correlation does and a proportion of
        pairs of systems does not. Then the test flips jackknife pseudo-values; else p is from
        the bootstrap.

    Returns
    -------
    Statistic

    Examples
    --------
    >>> import numpy as np
    >>> from metaeval import evaluate, load_example
    >>> mean = weighted_statistic("mean score", lambda x, h, w: np.average(x, weights=w))
    >>> frame = evaluate(load_example(), mean, n_resamples=100).frame
    >>> bool((frame["lower"] <= frame["estimate"]).all())
    True
    """

    def weigh(table: Table) -> Weigh:
        scores, label, items = table.scores.to_numpy(), only_label(table), table.item_codes
        one = np.ones(len(items))
        once, twice = f(scores[:, 0], label, one), f(scores[:, 0], label, 2 * one)
        if not np.isclose(once, twice, rtol=1e-6, equal_nan=True):
            raise MetaevalError(
                f"{name} changes from {once:.4g} to {twice:.4g} if all weights are doubled; "
                "divide by the sum of the weights, not by the number of rows."
            )
        return lambda weights: np.array(
            [[f(scores[:, m], label, w[items]) for m in range(scores.shape[1])] for w in weights]
        )

    return WeightedStatistic(estimand=Estimand(name=name, rows=rows), weigh=weigh, smooth=smooth)
