"""What disagreement between raters does to accuracies and their differences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaeval.core import Floats
from metaeval.tables import Pairs, Table


class LabelNoise(NamedTuple):
    """Agreement of two raters, the error rate of each, and that of their majority.

    `combined` is None if the label is not a majority of an odd number of verdicts without ties.
    """

    agreement: float
    error: float
    combined: float | None


def label_noise(table: Table) -> LabelNoise | None:
    r"""Estimate the error rate of the labels of several raters from their agreement.

    Parameters
    ----------
    table : Responses or Pairs
        With one column of labels for each rater.

    Returns
    -------
    LabelNoise or None
        None if no two raters decide on the same pair, or they agree in at most half of the pairs.

    Notes
    -----
    Two raters who err independently in a proportion e of pairs agree in c = 1 - 2 e (1 - e), so
    that :math:`1 - 2 e = \sqrt{2 c - 1}`. The majority of an odd number of verdicts errs as that of
    a binomial distribution; even splits are ties, whose effect depends on the statistic. Verdicts
    of a tie are not counted. Raters who err on the same pairs, such as difficult ones, agree more:
    the error rate is then too small.

    References
    ----------
    Dawid and Skene (1979), Maximum likelihood estimation of observer error-rates using the EM
    algorithm.

    Examples
    --------
    >>> from metaeval import simulate
    >>> noise = label_noise(simulate(seed=1, raters=2).table)
    >>> bool(0.5 < noise.agreement <= 1), bool(0 <= noise.error < 0.5), noise.combined
    (True, True, None)
    """
    verdicts = _verdicts(table)
    first, second = (verdicts > 0).sum(axis=1), (verdicts < 0).sum(axis=1)
    n = first + second
    total = (n * (n - 1)).sum()
    if not total:
        return None
    agreement = float((first * (first - 1) + second * (second - 1)).sum() / total)
    if agreement <= 0.5:
        return None
    error = (1 - np.sqrt(2 * agreement - 1)) / 2
    return LabelNoise(agreement, float(error), _combined(table, float(error)))


def _combined(table: Table, error: float) -> float | None:
    """Error rate of the majority, if labels are an odd number of verdicts in every row."""
    labels, n_raters = table.labels.to_numpy(dtype=float), table.labels.shape[1]
    whole = isinstance(table, Pairs) and bool(np.isin(labels, (-1.0, 1.0)).all())
    return majority_error(error, n_raters) if whole and n_raters % 2 else None


def _verdicts(table: Table) -> Floats:
    """Verdicts on pairs (pair, rater): the sign of preferences, 0 where missing."""
    pairs = table if isinstance(table, Pairs) else table.keep_scorers(table.scorers[:1]).pairs()
    return np.sign(np.nan_to_num(pairs.labels.to_numpy(dtype=float)))


def majority_error(error: float, n_raters: int) -> float:
    """Error rate of the majority of an odd number of raters who err independently.

    >>> round(majority_error(0.1, 3), 3)
    0.028
    """
    from scipy.stats import binom

    return float(binom.sf(n_raters // 2, n_raters, error))
