"""Curves fitted anew to replicates of items."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaeval.calibration.cases import Part
from metaeval.core import Bools, Floats, MetaevalError, with_progress
from metaeval.curves import Link, link_functions
from metaeval.inference import Plan
from metaeval.resampling import key_of, weight_blocks, weight_scheme

_NUMBERS = 200_000  # weights of cases at a time, which stay near the processor


def margins_of(part: Part, m: int) -> Floats:
    """Margins of one scorer as they are: (case,)."""
    margins = part.cases.log_odds
    if margins is None:
        raise MetaevalError("Maps of margins need scores as they are.")
    return np.asarray(margins[:, m])


class Refits(NamedTuple):
    """Parameters of a curve on all cases, then in every replicate, and whether labels rise.

    `theta` (1 + draw, parameter); `rising` (1 + draw,): whether labels agree with large margins
    more than they contradict them. Slopes are above 0 by assumption, whether they do or not.
    """

    theta: Floats
    rising: Bools


def refitted(part: Part, link: Link, design: Floats, plan: Plan, m: int) -> Refits:
    """Fit a curve to the margins of one scorer.

    Replicates weight units, and draw anew what the prior has seen; scorers of a stratum share both.
    """
    what = part.cases.scorers[m]
    agreed = (part.cases.label - 0.5) * margins_of(part, m)
    cases, n_units = part.cases, len(part.stratum.units)
    best = link_functions.fit(link, design, cases.label, cases.weight[None])
    kind = weight_scheme(n_units, plan.weights)
    key = key_of(plan.seed, "bootstrap", part.stratum.part)
    rng = np.random.default_rng([plan.seed, part.stratum.part])
    every, done = link.prior.observations(plan.n_resamples, rng), 0
    size = max(1, _NUMBERS // len(cases.label))
    blocks = weight_blocks(kind, key, plan.n_resamples, n_units, size)
    found, rising = [best], [np.array([agreed @ cases.weight > 0])]
    for block in with_progress(blocks, -(-plan.n_resamples // size), f"curves of {what}"):
        weight = block[:, part.unit] * cases.weight
        seen, done = every[done : done + len(weight)], done + len(weight)
        found.append(link_functions.fit(link, design, cases.label, weight, best[0], seen))
        rising.append(weight @ agreed > 0)
    return Refits(np.concatenate(found), np.concatenate(rising))
