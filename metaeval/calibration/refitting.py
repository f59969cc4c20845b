"""Curves fitted anew to replicates of items."""

from __future__ import annotations

import numpy as np

from metaeval import links
from metaeval.arrays import Floats
from metaeval.calibration.strata import Part
from metaeval.links import Link
from metaeval.plan import Plan
from metaeval.progress import steps
from metaeval.resampling import kind_for, weight_blocks
from metaeval.threefry import key_of

_NUMBERS = 1_000_000  # weights of cases at a time


def refitted(part: Part, link: Link, design: Floats, plan: Plan, what: str) -> Floats:
    """Parameters of a curve on all cases, then in every replicate: (1 + draw, parameter).

    Replicates weight units, and draw anew what the prior has seen; scorers of a stratum share both.
    """
    cases, n_units = part.cases, len(part.stratum.units)
    best = links.fit(link, design, cases.label, cases.weight[None])
    kind = kind_for(n_units, plan.weights)
    key = key_of(plan.seed, "bootstrap", part.stratum.part)
    rng = np.random.default_rng([plan.seed, part.stratum.part])
    size = max(1, _NUMBERS // len(cases.label))
    blocks = weight_blocks(kind, key, plan.n_resamples, n_units, size)
    found = [best]
    for block in steps(blocks, -(-plan.n_resamples // size), f"curves of {what}"):
        weight = block[:, part.unit] * cases.weight
        seen = link.prior.seen(len(weight), rng)
        found.append(links.fit(link, design, cases.label, weight, best[0], seen))
    return np.concatenate(found)
