"""Families of differences: what a test of them needs, and what it returns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaeval.core import ROUNDOFF, Codes, Floats
from metaeval.inference.estimation import Estimates


class Member(NamedTuple):
    """Differences of pairs of scorers in one stratum: what a test of them needs."""

    part: Estimates
    first: Codes
    second: Codes
    estimate: Floats  # (pair,)
    se: Floats  # (pair,)
    tested: Floats | None = None  # (pair,) what is left that noise cannot explain; None: all

    @property
    def draws(self) -> Floats:
        """Draws of the differences (replicate, pair), made anew: of many strata they are many."""
        return differences_of(self.part.draws, self.first, self.second)


def differences_of(draws: Floats, first: Codes, second: Codes) -> Floats:
    """Differences of columns of draws, rounding errors taken for 0."""
    found = draws[:, first]
    found -= draws[:, second]
    found[np.abs(found) <= ROUNDOFF] = 0.0
    return found


class Tested(NamedTuple):
    """p-values of the pairs of one member, adjusted by max-T where draws are shared."""

    p_value: Floats
    adjusted: Floats
    mcse: Floats
    n_flips: int
    enumerated: bool
    name: str
    status: str
