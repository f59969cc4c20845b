"""Weak priors expressed as pseudo-data.

For bootstrap replicates to reflect posterior uncertainty, the pseudo-data must be resampled too:
with a fixed prior, replicates of small samples would concentrate near its center (as in the
weighted likelihood bootstrap of Newton and Raftery 1994).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from metaeval.core import Floats

SLOPE_SD = (
    1.5  # of log slopes for margins of unit mean square: 95% of slopes are within a factor of 20
)
_WALK_SD = 1.0  # of the change of the log slope from one knot to the next


class Density(NamedTuple):
    """Minus a log density at given parameters: value, gradient and curvature."""

    value: Floats  # (problem,)
    gradient: Floats  # (problem, parameter)
    curvature: Floats  # (problem, parameter, parameter)


@dataclass(frozen=True)
class Prior:
    """Prior of some parameters.

    `pseudo_data` (number,) is the default, and `resample` draws it again: (problem, number).
    `density` maps parameters (problem, parameter) and pseudo-data to minus the log density.
    """

    pseudo_data: Sequence[float]
    density: Callable[[Floats, Floats], Density]
    resample: Callable[[Generator, int], Floats]

    def observations(self, n: int, rng: Generator | None = None) -> Floats:
        """Pseudo-data of each of n problems, resampled if a generator is given."""
        if rng is not None:
            return self.resample(rng, n)
        return np.broadcast_to(
            np.asarray(self.pseudo_data, dtype=float), (n, len(self.pseudo_data))
        )


def normal(root: Floats) -> Prior:
    """Normal with mean 0 and precision `root.T @ root` (parameter, parameter)."""
    precision, k = root.T @ root, len(root)

    def density(theta: Floats, pseudo_data: Floats) -> Density:
        away = theta - pseudo_data
        gradient = away @ precision
        curvature = np.broadcast_to(precision, (len(theta), k, k))
        return Density((away * gradient).sum(axis=1) / 2, gradient, curvature)

    def resample(rng: Generator, n: int) -> Floats:
        return np.asarray(rng.normal(size=(n, k)) @ np.linalg.pinv(root).T)

    return Prior((0.0,) * k, density, resample)


def independent(*sds: float) -> Prior:
    """Independent normals with mean 0 and given standard deviations; flat where infinite."""
    return normal(np.diag(1 / np.array(sds)))


def walk(n: int) -> Prior:
    """Random walk of n log slopes over knots, which shrinks to a line for few cases."""
    sds = np.r_[SLOPE_SD, np.full(n - 1, _WALK_SD)]
    return normal(np.diff(np.eye(n), axis=0, prepend=0) / sds[:, None])


def _lapse_density(theta: Floats, pseudo_data: Floats) -> Density:
    """Normal density for the log slope; Beta for the lapse rate, as a density of its logit."""
    from scipy.special import expit

    center, a, b = pseudo_data.T
    z, t = (theta[:, 0] - center) / SLOPE_SD, theta[:, 1]
    rate = expit(t)
    value = z**2 / 2 + (a + b) * np.logaddexp(0, t) - a * t
    gradient = np.stack([z / SLOPE_SD, (a + b) * rate - a], axis=1)
    curved = np.stack([np.full_like(z, SLOPE_SD**-2), (a + b) * rate * (1 - rate)], axis=1)
    return Density(value, gradient, curved[..., None] * np.eye(2))


def lapse(others: float) -> Prior:
    """Normal prior for the log slope, Beta(1, others) for the lapse rate."""

    def resample(rng: Generator, n: int) -> Floats:
        # Pseudo-counts of lapses and non-lapses with random weights, as in a Bayesian bootstrap.
        center = SLOPE_SD * rng.normal(size=n)
        return np.stack([center, rng.gamma(1.0, size=n), rng.gamma(others, size=n)], axis=1)

    return Prior((0.0, 1.0, others), _lapse_density, resample)
