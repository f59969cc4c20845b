"""Tie thresholds from a logistic curve of the ranks of margins, and their replicates.

A pair gains from being declared a tie if its label is tied, and loses if its decision is right.
The probability of a gain is a logistic function of the normal score of |margin|, i.e. its rank as a
quantile of the half-normal distribution, and the threshold is where it falls below 1/2. Unlike the
threshold with the largest observed credit, whose error is of order n^(-1/3) (Kim and Pollard 1990,
Cube root asymptotics), it is a smooth function of the data.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from metaeval.core import Bools, Codes, Floats, same_sizes
from metaeval.curves import expit
from metaeval.statistics.bound import Weigh

_MAX_CELLS = 100  # of ranks: the resolution of a threshold is 1% of the pairs
_PRIOR = np.diag([1e-6, 1e-3])  # precision of intercept and slope: finite if classes are separated
_MOST_STEPS = 50  # of Newton's method, which needs about six, more if classes are separated
_LONGEST = 3.0  # largest step of a coefficient, unless it is large already
_TOLERANCE = 1e-10
_REPLICATES_PER_BLOCK = 256


class MarginCells(NamedTuple):
    """Cells of the rank of absolute margins; margins of 0 are ties in any case and have none.

    `score` (cell,) is the normal score of the mean rank, `size` (cell,) the largest absolute
    margin, and `cell` (pair,) the cell of each pair of `used` (pair,).
    """

    score: Floats
    size: Floats
    cell: Codes
    used: Bools


class RankedPairs(NamedTuple):
    """Pairs of one scorer by item and cell of the rank of the absolute margin.

    `gains` and `losses` (item, cell) are numbers of pairs that gain or lose from being ties;
    `credit` (item, 1 + cell) is the weight of correct decisions if the pairs of the first cells are
    ties.
    """

    cells: MarginCells
    gains: Floats
    losses: Floats
    credit: Floats


def margin_cells(margin: Floats) -> MarginCells:
    """Cells of about equally many pairs; equal margins share a cell."""
    from scipy.special import ndtri

    size = np.abs(margin)
    order = np.argsort(size)
    size[order] = same_sizes(size[order])
    used = size > 0  # excludes missing margins
    _, distinct, count = np.unique(size[used], return_inverse=True, return_counts=True)
    middle = (np.cumsum(count) - count / 2) / max(len(distinct), 1)
    _, cell_of_distinct = np.unique(np.floor(_MAX_CELLS * middle), return_inverse=True)
    cell = cell_of_distinct[distinct]
    n_pairs = np.bincount(cell)
    rank = np.bincount(cell, middle[distinct]) / n_pairs
    largest = np.zeros(len(n_pairs))
    np.maximum.at(largest, cell, size[used])
    return MarginCells(ndtri((1 + rank) / 2), largest, cell, used)


def rank_pairs(
    margin: Floats, human: Floats, weight: Floats, items: Codes, n_items: int
) -> RankedPairs:
    """Gains, losses and credits of the pairs of one scorer; missing margins are never correct."""
    cells, right = margin_cells(margin), np.sign(margin) == human
    n = len(cells.score)

    def by_cell(of_pairs: Floats) -> Floats:
        at = items[cells.used] * n + cells.cell
        values = (weight * of_pairs)[cells.used]
        return np.bincount(at, values, n_items * n).reshape(n_items, n)

    gains, losses = by_cell(human == 0), by_cell(right)
    untuned = np.bincount(items, weight * right, n_items)
    credit = np.cumsum(np.column_stack([untuned, gains - losses]), axis=1)
    n_pairs = len(margin) / weight.sum()  # so that a pair of average weight counts once
    return RankedPairs(cells, n_pairs * gains, n_pairs * losses, credit)


def fit_lines(gains: Floats, losses: Floats, score: Floats) -> Floats:
    """Intercept and slope of the logit of the probability of a gain: (problem, 2)."""
    x = np.column_stack([np.ones_like(score), score])
    total = gains + losses
    theta = np.zeros((len(gains), 2))
    for _ in range(_MOST_STEPS):
        gradient, information = _derivatives(theta, gains, total, x)
        step = np.linalg.solve(information, gradient[..., None])[..., 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        limit = np.maximum(_LONGEST, np.abs(theta).max(axis=1, keepdims=True))
        theta += step * np.minimum(1.0, limit / np.maximum(longest, limit))
        if longest.max(initial=0.0) < _TOLERANCE:
            break
    return theta


def _derivatives(theta: Floats, gains: Floats, total: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Gradient (problem, 2) and information (problem, 2, 2) of logistic regressions."""
    chance = expit(theta @ x.T)
    gradient = (gains - total * chance) @ x - theta @ _PRIOR
    information = np.einsum("pc,ck,cl->pkl", total * chance * (1 - chance), x, x, optimize=True)
    return gradient, information + _PRIOR


def tied_cells(theta: Floats, surplus: Floats, score: Floats) -> Codes:
    """Number of cells that are ties: those whose probability of a gain is above 1/2.

    If the probability does not fall with the score, all or none are, by the `surplus` (...,) of
    gains over losses. `theta` (..., 2); returns (...,).
    """
    intercept, slope = theta[..., 0], theta[..., 1]
    falls = slope < 0
    with np.errstate(over="ignore"):
        end = np.where(falls, -intercept / np.where(falls, slope, -1.0), 0.0)
    some = np.searchsorted(score, end, side="left")
    return np.asarray(np.where(falls, some, np.where(surplus > 0, len(score), 0)))


def fitted_cells(gains: Floats, losses: Floats, cells: MarginCells) -> Codes:
    """Number of tied cells of each problem, from gains and losses (problem, cell)."""
    theta = fit_lines(gains, losses, cells.score)
    return tied_cells(theta, (gains - losses).sum(axis=1), cells.score)


def folded_thresholds(pairs: RankedPairs, fold: Codes, n_folds: int) -> tuple[Floats, Codes]:
    """Threshold of each fold (fold,) from the items of the others, and its number of tied cells.

    `fold` (item,) is the fold of each item.
    """
    gains, losses = (
        _of_other_folds(values, fold, n_folds) for values in (pairs.gains, pairs.losses)
    )
    tied = fitted_cells(gains, losses, pairs.cells)
    return np.r_[0.0, pairs.cells.size][tied], tied


def _of_other_folds(values: Floats, fold: Codes, n_folds: int) -> Floats:
    """Sums of values (item, cell) over the items of the other folds, or over all: (fold, cell)."""
    if n_folds == 1:
        return values.sum(axis=0)[None]
    return np.array([values[fold != f].sum(axis=0) for f in range(n_folds)])


def refitted_accuracy(
    columns: Iterable[RankedPairs], share: Floats, fold: Codes, n_folds: int
) -> Weigh:
    """Accuracy of replicates, with thresholds refitted by one step of Newton's method.

    Parameters
    ----------
    columns : iterable of RankedPairs
        Pairs of each scorer; of these only what replicates need is kept.
    share : array (item,)
        Weight of the pairs of each item.
    fold : array (item,)
        Fold of each item.
    n_folds : int

    Returns
    -------
    callable
        Weights of items (replicate, item) -> accuracy (replicate, scorer).

    Notes
    -----
    A replicate is (F + R) / 2, with F its accuracy at the thresholds of the estimate and R that at
    refitted thresholds. In simulations, refitting adds to replicates about four times the variance
    that estimated thresholds add to the estimate: the thresholds of the estimate are not the best
    ones for the observed credits, as those of the limit are for the expected credits.
    """
    order = np.argsort(fold, kind="stable")
    ends = np.cumsum(np.bincount(fold, minlength=n_folds))
    parts = [slice(a, b) for a, b in zip(np.r_[0, ends[:-1]], ends, strict=True)]
    refits = [_Refits.of(pairs, fold, n_folds, order) for pairs in columns]

    def values(weights: Floats) -> Floats:
        blocks = []
        for i in range(0, len(weights), _REPLICATES_PER_BLOCK):
            block = weights[i : i + _REPLICATES_PER_BLOCK, order]
            credit = np.stack([refit.credit_of(block, parts) for refit in refits], axis=-1)
            with np.errstate(invalid="ignore", divide="ignore"):
                blocks.append(credit / (block @ share[order])[:, None])
        return np.concatenate(blocks)

    return values


class _Refits(NamedTuple):
    """What replicates of one scorer are made of.

    `theta` (2,) is the curve of all items; `moments` (item, 6) are the contributions of items to
    its gradient, to its information and to the surplus of gains; `fixed` (item,) are credits at the
    thresholds of the estimate.
    """

    theta: Floats
    score: Floats
    moments: Floats
    credit: Floats
    fixed: Floats

    @classmethod
    def of(cls, pairs: RankedPairs, fold: Codes, n_folds: int, order: Codes) -> _Refits:
        total, score = pairs.gains + pairs.losses, pairs.cells.score
        gains, losses = (values.sum(axis=0)[None] for values in (pairs.gains, pairs.losses))
        theta = fit_lines(gains, losses, score)[0]
        chance = expit(theta[0] + theta[1] * score)
        powers = np.column_stack([np.ones_like(score), score, score**2])
        gradient = (pairs.gains - total * chance) @ powers[:, :2]
        information = (total * chance * (1 - chance)) @ powers
        surplus = (pairs.gains - pairs.losses).sum(axis=1)
        tied = folded_thresholds(pairs, fold, n_folds)[1]
        fixed = pairs.credit[np.arange(len(fold)), tied[fold]]
        moments = np.column_stack([gradient, information, surplus])
        return cls(theta, score, moments[order], pairs.credit[order], fixed[order])

    def credit_of(self, weights: Floats, parts: list[slice]) -> Floats:
        """Total credit of each replicate: (replicate,)."""
        of_parts = [weights[:, part] @ self.moments[part] for part in parts]
        total, refitted = sum(of_parts), np.zeros(len(weights))
        for part, of_part in zip(parts, of_parts, strict=True):
            train = of_part if len(parts) == 1 else total - of_part
            cells = tied_cells(self.theta + self._step(train), train[:, 5], self.score)
            low, high = cells.min(), cells.max() + 1
            credit = weights[:, part] @ self.credit[part, low:high]
            refitted += credit[np.arange(len(weights)), cells - low]
        fixed = weights @ self.fixed
        return np.asarray((fixed + refitted) / 2)

    def _step(self, moments: Floats) -> Floats:
        """Newton step from `theta` under the moments (replicate, 6): (replicate, 2)."""
        u, v = (moments[:, :2] - self.theta @ _PRIOR).T
        a, b, c = moments[:, 2] + _PRIOR[0, 0], moments[:, 3], moments[:, 4] + _PRIOR[1, 1]
        step = np.stack([c * u - b * v, a * v - b * u], axis=-1) / (a * c - b * b)[:, None]
        longest = np.abs(step).max(axis=1, keepdims=True)
        return np.asarray(step * np.minimum(1.0, _LONGEST / np.maximum(longest, _LONGEST)))
