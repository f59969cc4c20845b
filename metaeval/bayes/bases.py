"""Orthonormal bases of effects that add up to 0."""

from __future__ import annotations

import numpy as np

from metaeval.arrays import Floats


def contrasts(k: int) -> Floats:
    """Orthonormal columns that add up to 0: (k, k - 1).

    >>> contrasts(2).round(3).tolist()
    [[0.707], [-0.707]]
    """
    basis = np.zeros((k, max(k - 1, 0)))
    for j in range(1, k):
        basis[:j, j - 1], basis[j, j - 1] = 1.0, -j
    return np.asarray(basis / np.sqrt(np.square(basis).sum(axis=0)))
