"""Weak priors of parameters, as what was seen before there were any data.

A replicate of the data that is to vary as much as what is known of the parameters does must draw
what the prior saw anew too: with the prior held fixed, replicates of few cases would all lie near
its centre.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from metaeval.core import Floats

SLOPE_SD = 1.5  # of log slopes, per root mean square of the margins
_WALK_SD = 1.0  # of the step of the log slope from one knot to the next


class Density(NamedTuple):
    """Minus a log density at some parameters: value, gradient and curvature."""

    value: Floats  # (problem,)
    gradient: Floats  # (problem, parameter)
    curvature: Floats  # (problem, parameter, parameter)


@dataclass(frozen=True)
class Prior:
    """Prior of some parameters.

    `usual` (number,) is what it has seen, and `drawn` the same drawn anew: (problem, number).
    `density` maps parameters (problem, parameter) and what was seen to minus the log density.
    """

    usual: Sequence[float]
    density: Callable[[Floats, Floats], Density]
    drawn: Callable[[Generator, int], Floats]

    def seen(self, n: int, rng: Generator | None = None) -> Floats:
        """What the prior has seen in each of n problems, drawn anew where there is a generator."""
        if rng is not None:
            return self.drawn(rng, n)
        return np.broadcast_to(np.asarray(self.usual, dtype=float), (n, len(self.usual)))


def normal(root: Floats) -> Prior:
    """Normal around 0, its precision the square of `root` (parameter, parameter)."""
    precision, k = root.T @ root, len(root)

    def density(theta: Floats, seen: Floats) -> Density:
        away = theta - seen
        gradient = away @ precision
        curvature = np.broadcast_to(precision, (len(theta), k, k))
        return Density((away * gradient).sum(axis=1) / 2, gradient, curvature)

    def drawn(rng: Generator, n: int) -> Floats:
        return np.asarray(rng.normal(size=(n, k)) @ np.linalg.pinv(root).T)

    return Prior((0.0,) * k, density, drawn)


def independent(*sds: float) -> Prior:
    """Normal around 0 with these standard deviations; flat where one is infinite."""
    return normal(np.diag(1 / np.array(sds)))


def walk(n: int) -> Prior:
    """Random walk of n log slopes from knot to knot, so that few cases give a straight line."""
    sds = np.r_[SLOPE_SD, np.full(n - 1, _WALK_SD)]
    return normal(np.diff(np.eye(n), axis=0, prepend=0) / sds[:, None])


def _lapse_density(theta: Floats, seen: Floats) -> Density:
    """Normal for the log slope; Beta for the lapse, as a density of its logit."""
    from scipy.special import expit

    centre, a, b = seen.T
    z, t = (theta[:, 0] - centre) / SLOPE_SD, theta[:, 1]
    rate = expit(t)
    value = z**2 / 2 + (a + b) * np.logaddexp(0, t) - a * t
    gradient = np.stack([z / SLOPE_SD, (a + b) * rate - a], axis=1)
    curved = np.stack([np.full_like(z, SLOPE_SD**-2), (a + b) * rate * (1 - rate)], axis=1)
    return Density(value, gradient, curved[..., None] * np.eye(2))


def lapse(others: float) -> Prior:
    """Normal for the log slope, Beta(1, others) for the lapse."""

    def drawn(rng: Generator, n: int) -> Floats:
        # The seen lapses and non-lapses with random weights, as in a Bayesian bootstrap.
        centre = SLOPE_SD * rng.normal(size=n)
        return np.stack([centre, rng.gamma(1.0, size=n), rng.gamma(others, size=n)], axis=1)

    return Prior((0.0, 1.0, others), _lapse_density, drawn)
