"""Delta-method standard errors of bootstrap replicates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metaeval.core import SMALLEST_DIVISOR, Codes, Floats

_STEP = 1e-6  # relative: near the cube root of machine epsilon, best for central differences


def delta_method_se(
    finish: Callable[[Floats], Floats],
    terms: Floats,
    weights: Floats,
    first: Codes,
    second: Codes | None,
) -> Floats:
    r"""Delta-method standard error of each replicate of a value or of a difference of values.

    Parameters
    ----------
    finish : callable
        Maps sums (..., scorer, k) to values (..., scorer).
    terms : array (unit, scorer, k)
    weights : array (replicate, unit)
    first, second : array (pair,)
        Scorers; values of `first` if `second` is None, else differences.

    Returns
    -------
    array (replicate, pair)
        NaN if fewer than two units are drawn or a value is undefined.

    Notes
    -----
    :math:`\sqrt{\frac{n}{n - 1} \sum_i w_i (u_i - \bar u)^2}` with :math:`u_i` the gradient of
    the value at the replicate's sums times the terms of unit i: the delta method for the n units
    with positive weight, treated as independent.

    References
    ----------
    Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 22.
    """
    sums = np.einsum("ri,isk->rsk", weights, terms)
    gradient = gradient_of(finish, sums)
    rows = [
        _replicate_se(terms, w, g, first, second) for w, g in zip(weights, gradient, strict=True)
    ]
    return np.stack(rows)


def gradient_of(finish: Callable[[Floats], Floats], sums: Floats) -> Floats:
    """Central differences of `finish` with respect to each sum: (replicate, scorer, k)."""
    parts = []
    for k in range(sums.shape[-1]):
        step = _STEP * np.maximum(
            np.abs(sums[..., k]), 1e-3 * np.abs(sums).max(initial=SMALLEST_DIVISOR)
        )
        up, down = sums.copy(), sums.copy()
        up[..., k] += step
        down[..., k] -= step
        parts.append((finish(up) - finish(down)) / (2 * step))
    return np.stack(parts, axis=-1)


def _replicate_se(
    terms: Floats, weights: Floats, gradient: Floats, first: Codes, second: Codes | None
) -> Floats:
    present = weights > 0
    w, n = weights[present], int(present.sum())
    if n < 2 or not np.isfinite(gradient).all():
        return np.full(len(first), np.nan)
    u = np.einsum("isk,sk->is", terms[present], gradient)
    u = u - (w @ u) / w.sum()
    products = (u * w[:, None]).T @ u
    square = products[first, first]
    if second is not None:
        square = square + products[second, second] - 2 * products[first, second]
    return np.asarray(np.sqrt(np.maximum(square, 0.0) * n / (n - 1)))
