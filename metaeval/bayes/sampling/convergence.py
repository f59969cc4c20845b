"""Rank-normalized R-hat, effective sample sizes and E-BFMI of many quantities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaeval.core import Floats


class Convergence(NamedTuple):
    """R-hat, and effective sample sizes of bulk and tails."""

    rhat: Floats  # (quantity,)
    bulk: Floats  # (quantity,)
    tail: Floats  # (quantity,)


def convergence(draws: Floats) -> Convergence:
    """Compute rank-normalized split R-hat and effective sizes of bulk and tails.

    `draws` (chain, draw, quantity). R-hat is the larger of that of the draws and that of their
    absolute deviations from the median. Vehtari et al. (2021), Rank-normalization, folding, and
    localization.
    """
    from numpyro.diagnostics import gelman_rubin

    half = draws.shape[1] // 2
    split = np.concatenate([draws[:, :half], draws[:, -half:]])
    normal = _rank_normal(split)
    folded = _rank_normal(np.abs(split - np.median(split, axis=(0, 1))))
    ends = np.quantile(split, (0.05, 0.95), axis=(0, 1))
    tails = [_effective_size((split <= end).astype(float)) for end in ends]
    return Convergence(
        np.maximum(gelman_rubin(normal), gelman_rubin(folded)),
        _effective_size(normal),
        np.minimum(*tails),
    )


def _effective_size(draws: Floats) -> Floats:
    """Compute effective sample sizes by Geyer's initial monotone sequence: (quantity,).

    As in NumPyro, whose versions before 0.22 return NaN if a chain is constant.
    """
    n = draws.shape[1]
    variance = draws.var(axis=1, ddof=1).mean(axis=0)
    total = variance * (n - 1) / n + draws.mean(axis=1).var(axis=0, ddof=1)
    at_lag = 1.0 - (variance - _autocovariance(draws).mean(axis=0)) / total
    at_lag[0] = 1.0
    pairs = at_lag[:-1:2] + at_lag[1::2]
    pairs[1:] = np.minimum.accumulate(np.clip(pairs[1:], 0, None), axis=0)
    return np.asarray(np.prod(draws.shape[:2]) / (2.0 * pairs.sum(axis=0) - 1.0))


def _autocovariance(draws: Floats) -> Floats:
    """Compute autocovariances of each chain: (chain, lag, quantity)."""
    from scipy.fft import irfft, next_fast_len, rfft

    n = draws.shape[1]
    values = np.swapaxes(draws, 1, -1)
    size = 2 * next_fast_len(n, real=True)  # zero padding avoids circular correlation
    waves = rfft(values - values.mean(axis=-1, keepdims=True), n=size)
    lags = irfft(waves * np.conjugate(waves), n=size)[..., :n] / n
    return np.asarray(np.swapaxes(lags, 1, -1))


def bfmi(energy: Floats) -> Floats:
    """Compute the energy Bayesian fraction of missing information: (chain,)."""
    return np.asarray(np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1))


def _rank_normal(draws: Floats) -> Floats:
    """Return normal scores of the ranks among all draws of a quantity."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    columns = np.ascontiguousarray(draws.reshape(-1, draws.shape[-1]).T)
    # Blom's plotting positions, as in Vehtari et al. (2021)
    scores = ndtri((rankdata(columns, axis=1) - 0.375) / (columns.shape[1] + 0.25))
    return np.asarray(scores.T.reshape(draws.shape))
