"""Curves refitted to bootstrap replicates of items."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaeval.calibration.cases import StratumCases
from metaeval.core import Bools, Floats, MetaevalError, with_progress
from metaeval.curves import Link, link_functions
from metaeval.inference import Resampling
from metaeval.resampling import key_of, weight_blocks, weight_scheme

_WEIGHTS_PER_BLOCK = 200_000  # cases times replicates: 1.6 MB, so that a block stays in cache


def margins_of(part: StratumCases, m: int) -> Floats:
    """Raw margins of one scorer: (case,)."""
    margins = part.cases.log_odds
    if margins is None:
        raise MetaevalError("Calibrators of margins need raw scores.")
    return np.asarray(margins[:, m])


class Refits(NamedTuple):
    """Parameters of a curve for all cases and for every replicate, and signs of association.

    `theta` (1 + draw, parameter); `increasing` (1 + draw,): whether labels are positively
    associated with margins. Fitted slopes are positive in any case.
    """

    theta: Floats
    increasing: Bools


def refit(part: StratumCases, link: Link, design: Floats, resampling: Resampling, m: int) -> Refits:
    """Fit a curve to the margins of one scorer, on all cases and on every replicate.

    Replicates resample units, and the observations that the prior stands for; scorers of a stratum
    share both.
    """
    scorer = part.cases.scorers[m]
    agreement = (part.cases.label - 0.5) * margins_of(part, m)
    cases, n_units = part.cases, len(part.stratum.units)
    best = link_functions.fit(link, design, cases.label, cases.weight[None])
    kind = weight_scheme(n_units, resampling.weights)
    key = key_of(resampling.seed, "bootstrap", part.stratum.stream)
    rng = np.random.default_rng([resampling.seed, part.stratum.stream])
    observations, n_done = link.prior.observations(resampling.n, rng), 0
    size = max(1, _WEIGHTS_PER_BLOCK // len(cases.label))
    blocks = weight_blocks(kind, key, resampling.n, n_units, size)
    thetas, increasing = [best], [np.array([agreement @ cases.weight > 0])]
    for block in with_progress(blocks, -(-resampling.n // size), f"curves of {scorer}"):
        weight = block[:, part.unit] * cases.weight
        prior_block, n_done = observations[n_done : n_done + len(weight)], n_done + len(weight)
        thetas.append(link_functions.fit(link, design, cases.label, weight, best[0], prior_block))
        increasing.append(weight @ agreement > 0)
    return Refits(np.concatenate(thetas), np.concatenate(increasing))
