"""Curves refitted to bootstrap replicates of items.

Curves of margins are odd on the logit scale: a case depends on its absolute margin and on whether
its label agrees with the sign. Replicates are refitted to a grid of a few hundred absolute margins,
however many cases there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from metaeval.calibration.cases import StratumCases
from metaeval.core import SMALLEST_DIVISOR, Bools, Codes, Floats, MetaevalError, with_progress
from metaeval.curves import Link, link_functions
from metaeval.inference import Resampling
from metaeval.resampling import key_of, weight_blocks, weight_scheme

_WEIGHTS_PER_BLOCK = 200_000  # points times replicates: 1.6 MB, so that a block stays in cache
_MOST_DISTINCT = 256  # absolute margins that are a grid of their own
_POINTS_PER_UNIT = 128  # of log(1 + margin / median): neighbors differ by 0.8% of the sum


def margins_of(part: StratumCases, m: int) -> Floats:
    """Raw margins of one scorer: (case,)."""
    margins = part.cases.log_odds
    if margins is None:
        raise MetaevalError("Calibrators for margins need raw scores.")
    return np.asarray(margins[:, m])


class Refits(NamedTuple):
    """Parameters of a curve for all cases and for every replicate, and signs of association.

    `theta` (1 + draw, parameter); `increasing` (1 + draw,): whether labels are positively
    associated with margins. Fitted slopes are positive in any case.
    """

    theta: Floats
    increasing: Bools


class MarginGrid(NamedTuple):
    """Cases of one scorer on a grid of absolute margins.

    `margin` (point,): absolute margins; `totals` sparse (unit, 2 x point): weights of the cases of
    each unit at each point, and of those whose labels agree with the signs of the margins.
    """

    margin: Floats
    totals: Any

    def weights_and_agreement(self, unit_weights: Floats) -> tuple[Floats, Floats]:
        """Weights and proportions of agreement under weights of units: (draw, point) each."""
        totals = unit_weights @ self.totals
        weight, agreeing = totals[:, : len(self.margin)], totals[:, len(self.margin) :]
        return weight, agreeing / np.maximum(weight, SMALLEST_DIVISOR)


def margin_grid(part: StratumCases, m: int) -> MarginGrid:
    """Put the cases of one scorer on a grid of absolute margins."""
    from scipy.sparse import coo_array

    margins = margins_of(part, m)
    agreement = np.where(margins < 0, 1 - part.cases.label, part.cases.label)
    grid, point, share = _linear_binning(np.abs(margins))
    n, weight = len(grid), part.cases.weight * share
    rows, columns = np.broadcast_to(part.unit, point.shape), [point, point + n]
    totals = coo_array(
        (
            np.concatenate([weight, weight * agreement], axis=None),
            (np.concatenate([rows, rows], axis=None), np.concatenate(columns, axis=None)),
        ),
        shape=(len(part.stratum.units), 2 * n),
    ).tocsr()
    return MarginGrid(grid, totals)


def _linear_binning(sizes: Floats) -> tuple[Floats, Codes, Floats]:
    """Grid (point,), and the points and weights of each margin: (1 or 2, case).

    A margin is split between two neighbors so that its mean is kept in every replicate (Wand 1994,
    Fast computation of multivariate kernel estimators); few distinct margins are the grid.
    """
    distinct, codes = np.unique(sizes, return_inverse=True)
    if len(distinct) <= _MOST_DISTINCT:
        return distinct, codes[None], np.ones((1, len(sizes)))
    scale = float(np.median(sizes[sizes > 0]))  # not that of outliers
    step = np.floor(_POINTS_PER_UNIT * np.log1p(sizes / scale))
    steps = np.unique(np.concatenate([step, step + 1]))
    grid = scale * np.expm1(steps / _POINTS_PER_UNIT)
    below = np.searchsorted(steps, step)
    upper = np.clip((sizes - grid[below]) / (grid[below + 1] - grid[below]), 0.0, 1.0)
    return grid, np.stack([below, below + 1]), np.stack([1 - upper, upper])


def refit(
    part: StratumCases,
    link: Link,
    design_of: Callable[[Floats], Floats],
    resampling: Resampling,
    m: int,
) -> Refits:
    """Fit a curve to the margins of one scorer, on all cases and on every replicate.

    `design_of` maps margins (row,) to the input of the curve (row, column). Replicates resample
    units, and the observations that the prior stands for; scorers of a stratum share both.
    """
    scorer, cases, margins = part.cases.scorers[m], part.cases, margins_of(part, m)
    best = link_functions.fit(link, design_of(margins), cases.label, cases.weight[None])
    grid, n_units = margin_grid(part, m), len(part.stratum.units)
    design = design_of(grid.margin)
    kind = weight_scheme(n_units, resampling.weights)
    key = key_of(resampling.seed, "bootstrap", part.stratum.stream)
    rng = np.random.default_rng([resampling.seed, part.stratum.stream])
    observations, n_done = link.prior.observations(resampling.n, rng), 0
    size = max(1, _WEIGHTS_PER_BLOCK // len(grid.margin))
    blocks = weight_blocks(kind, key, resampling.n, n_units, size)
    thetas, increasing = [best], [np.array([(cases.label - 0.5) * margins @ cases.weight > 0])]
    for block in with_progress(blocks, -(-resampling.n // size), f"curves of {scorer}"):
        weight, agreement = grid.weights_and_agreement(block)
        prior_block, n_done = observations[n_done : n_done + len(weight)], n_done + len(weight)
        thetas.append(
            link_functions.fit(
                link, design, agreement, weight, best[0], prior_block, len(cases.label)
            )
        )
        increasing.append((weight * (agreement - 0.5)) @ grid.margin > 0)
    return Refits(np.concatenate(thetas), np.concatenate(increasing))
