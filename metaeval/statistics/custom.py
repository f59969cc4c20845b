"""User-defined statistics, from a function of scores, labels and weights."""

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
    """Return a statistic defined by a function of row weights.

    Parameters
    ----------
    name : str
        Name in results.
    f : callable
        Maps (scores, label, weights), each of shape (row,), to a number. The weight of a row is
        that of its item. The function is called for every scorer and replicate, which is slow. It
        must be invariant to the scale of the weights, which do not sum to n.
    rows : {"pairs", "responses"}, default "responses"
        Whether rows are responses or pairs.
    smooth : bool, default False
        Whether the value is a smooth function of the weights, as a correlation is and a proportion
        of pairs of systems is not. If so, the paired test flips the signs of jackknife
        pseudo-values; otherwise p-values are from the bootstrap.

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
        ones = np.ones(len(items))
        once, twice = f(scores[:, 0], label, ones), f(scores[:, 0], label, 2 * ones)
        if not np.isclose(once, twice, rtol=1e-6, equal_nan=True):
            raise MetaevalError(
                f"{name!r} must not depend on the scale of the weights, but changes from "
                f"{once:.4g} to {twice:.4g} when all weights are doubled; divide by the sum of the "
                "weights, not by the number of rows."
            )
        return lambda weights: np.array(
            [[f(scores[:, m], label, w[items]) for m in range(scores.shape[1])] for w in weights]
        )

    return WeightedStatistic(estimand=Estimand(name=name, rows=rows), weigh=weigh, smooth=smooth)
