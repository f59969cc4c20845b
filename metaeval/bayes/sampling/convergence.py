"""Convergence of chains: rank-normalised R-hat, effective sample sizes, energy; many at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaeval.core import Floats


class Convergence(NamedTuple):
    """How well chains agree on each quantity, and how many independent draws they are worth."""

    rhat: Floats  # (quantity,)
    bulk: Floats
    tail: Floats


def convergence(draws: Floats) -> Convergence:
    """Rank-normalised split R-hat, and effective sizes of bulk and tails, of many quantities.

    `draws` (chain, draw, quantity). R-hat is the worse of that of the draws and of their distances
    from the median. Vehtari et al. (2021), Rank-normalization, folding, and localization.
    """
    from numpyro.diagnostics import effective_sample_size, gelman_rubin

    half = draws.shape[1] // 2
    split = np.concatenate([draws[:, :half], draws[:, -half:]])
    normal = _rank_normal(split)
    folded = _rank_normal(np.abs(split - np.median(split, axis=(0, 1))))
    ends = np.quantile(split, (0.05, 0.95), axis=(0, 1))
    tails = [effective_sample_size((split <= end).astype(float)) for end in ends]
    return Convergence(
        np.maximum(gelman_rubin(normal), gelman_rubin(folded)),
        effective_sample_size(normal),
        np.minimum(*tails),
    )


def bfmi(energy: Floats) -> Floats:
    """Energy Bayesian fraction of missing information of each chain: (chain,)."""
    return np.asarray(np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1))


def _rank_normal(draws: Floats) -> Floats:
    """Normal scores of the ranks among all draws of a quantity."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    columns = np.ascontiguousarray(draws.reshape(-1, draws.shape[-1]).T)
    scores = ndtri((rankdata(columns, axis=1) - 0.375) / (columns.shape[1] + 0.25))
    return np.asarray(scores.T.reshape(draws.shape))
