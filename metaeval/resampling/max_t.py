"""Max-T adjustment of p-values, and simultaneous intervals, from the correlation of draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from metaeval.core import ROUNDOFF, Codes, Floats
from metaeval.resampling.multiplicity import holm
from metaeval.resampling.random_weights import words
from metaeval.resampling.threefry import key_of

N_NORMALS = 20_000  # draws of the maximum: Monte Carlo error of an adjusted p near .05 is .0015
_NOISE = 2**31 - 1  # stream of the noise of comparisons, which no stratum has
_ROWS = 2**12  # draws per block, whose differences of a pair stay in cache: 32 kB
_CONSTANT = 1e-7  # standard deviation, relative to the largest, of differences without variation


class JointDraws(NamedTuple):
    """Draws of values that are compared with one another.

    `draws` (replicate, column) are bootstrap replicates; the difference of a pair is column `first`
    (pair,) minus column `second` (pair,); draws of different `part`s are independent; `n_units` is
    the number of resampled units.
    """

    draws: Floats
    first: Codes
    second: Codes
    part: int
    n_units: int


class MaxT(NamedTuple):
    """Adjusted p-values (comparison,), and the largest |z| of all comparisons in each draw."""

    adjusted: Floats
    maxima: Floats

    def quantile(self, confidence: float) -> float:
        """Normal quantile for simultaneous two-sided intervals of all comparisons."""
        return float(np.quantile(self.maxima, confidence)) if len(self.maxima) else np.nan


def max_t_adjustment(
    p_values: Floats, family: Sequence[JointDraws], *, two_sided: bool, seed: int
) -> MaxT:
    r"""Adjust the p-values of a family by the joint distribution of its test statistics.

    Parameters
    ----------
    p_values : array (comparison,)
        Valid for each comparison alone, in the order of `family`; NaN is not counted.
    family : sequence of JointDraws
        Their correlations are those of the test statistics.
    two_sided : bool
    seed : int

    Returns
    -------
    MaxT
        Adjusted p-values: step-down, at least the p-value and at most that of Holm's method.

    Notes
    -----
    A p-value corresponds to :math:`z = \Phi^{-1}(1 - p / 2)`. Its adjusted value is the probability
    that the largest :math:`|Z|` over this and all less extreme comparisons is at least z, where Z
    is normal with the correlations of the draws: the maximum t of Hothorn et al., with normal
    instead of t copula, so that comparisons may have different degrees of freedom. Only the
    correlations are taken from the draws, whose tails are poor for statistics with few values.
    Correlations are multiplied by :math:`1 - K / (n - 1)` with K scorers and n units (by 0 if that
    is negative), because those of few units are too large: estimated covariances have rank n - 1,
    and t statistics with standard errors of their own are less correlated than their numerators.

    References
    ----------
    Hothorn, Bretz and Westfall (2008), Simultaneous inference in general parametric models. Romano
    and Wolf (2005), Stepwise multiple testing as formalized data snooping.

    Examples
    --------
    >>> draws = np.random.default_rng(0).normal(size=(500, 3))
    >>> family = [JointDraws(draws, np.array([0, 0, 1]), np.array([1, 2, 2]), 0, 500)]
    >>> result = max_t_adjustment(np.array([0.01, 0.5, 0.02]), family, two_sided=True, seed=0)
    >>> result.adjusted.round(2).tolist()  # Holm's method: .03, .5, .04
    [0.03, 0.5, 0.04]
    >>> 2.3 < result.quantile(0.95) < 2.4  # 1.96 for one comparison
    True
    """
    from scipy.special import ndtri

    observed = -ndtri(np.clip(p_values / (1 + two_sided), 1e-300, 1.0))
    order = _descending(observed)
    counts, maxima = _exceedances(observed[order], _differences(family, order), two_sided, seed)
    adjusted = np.full(len(p_values), np.nan)
    adjusted[order] = np.maximum.accumulate((1 + counts) / (1 + N_NORMALS))
    return MaxT(np.fmax(p_values, np.fmin(adjusted, holm(p_values))), maxima)


class _Differences(NamedTuple):
    """Comparisons in descending order of z, as differences of columns of correlated normals."""

    roots: dict[int, Floats]  # of the covariance of the columns of each part
    first: Codes  # (comparison,) column, those of all parts in a row
    second: Codes
    scale: Floats  # (comparison,) of the differences, so that their variance is 1 - own variance
    own: Floats  # (comparison,) standard deviation of noise that no comparisons share


def _descending(observed: Floats) -> Codes:
    """Positions of the finite values, largest first."""
    finite = np.flatnonzero(~np.isnan(observed))
    return finite[np.argsort(-observed[finite], kind="stable")]


def _differences(family: Sequence[JointDraws], order: Codes) -> _Differences:
    """The comparisons of a family in a given order."""
    parts: dict[int, list[int]] = {}
    for i, member in enumerate(family):
        parts.setdefault(member.part, []).append(i)
    roots, offset, scales, start = {}, {}, {}, 0
    for part, members in parts.items():
        roots[part] = _root([family[i].draws for i in members])
        first_column = start
        for i in members:
            offset[i] = start
            columns = slice(start - first_column, start - first_column + family[i].draws.shape[1])
            scales[i] = _scales(family[i], roots[part][columns])
            start += family[i].draws.shape[1]
    first, second = (
        np.concatenate([getattr(member, name) + offset[i] for i, member in enumerate(family)])
        for name in ("first", "second")
    )
    scale, own = (np.concatenate([scales[i][k] for i in range(len(family))]) for k in (0, 1))
    return _Differences(roots, first[order], second[order], scale[order], own[order])


def _scales(member: JointDraws, rows: Floats) -> tuple[Floats, Floats]:
    """Scales of the differences of a member, and standard deviations of their own noise."""
    spread = np.linalg.norm(rows[member.first] - rows[member.second], axis=1)
    own = min(1.0, member.draws.shape[1] / max(member.n_units - 1, 1))
    scale = np.sqrt(1 - own) / np.where(spread > _CONSTANT, spread, np.inf)
    return scale, np.full(len(spread), np.sqrt(own))


def _exceedances(
    observed: Floats, differences: _Differences, two_sided: bool, seed: int
) -> tuple[Codes, Floats]:
    """Exceedances of each comparison, largest first, and the largest |z| of each draw."""
    thresholds = observed - ROUNDOFF * np.abs(observed)
    counts = np.zeros(len(observed), dtype=np.int64)
    largest = []
    noise = np.random.Generator(np.random.Philox(key_of(seed, "normal", _NOISE).astype(np.uint64)))
    for start in range(0, N_NORMALS, _ROWS):
        draws = np.arange(start, min(start + _ROWS, N_NORMALS))
        values = np.concatenate(
            [
                root @ _normals(key_of(seed, "normal", part), draws, len(root)).T
                for part, root in differences.roots.items()
            ]
        )
        maxima, sizes = np.full((2, len(draws)), -np.inf)
        for k in reversed(range(len(observed))):  # one comparison at a time stays in cache
            z = values[differences.first[k]] - values[differences.second[k]]
            z *= differences.scale[k]
            z += differences.own[k] * noise.standard_normal(len(z), dtype=np.float32)
            size = np.abs(z)
            np.maximum(maxima, size if two_sided else z, out=maxima)
            np.maximum(sizes, size, out=sizes)
            counts[k] += np.count_nonzero(maxima >= thresholds[k])
        largest.append(sizes)
    return counts, np.concatenate(largest)


def _root(draws: Sequence[Floats]) -> Floats:
    """Symmetric root of the covariance of all columns, scaled to a largest variance of 1."""
    values = np.concatenate(draws, axis=1)
    missing = np.isnan(values)
    n_defined = np.maximum((~missing).sum(axis=0), 1)
    mean = np.where(missing, 0.0, values).sum(axis=0) / n_defined
    deviations = np.where(missing, 0.0, values - mean)
    largest = np.abs(deviations).max(initial=0.0)
    deviations /= largest if largest > 0 else 1.0
    covariance = deviations.T @ deviations
    covariance /= max(float(np.diag(covariance).max(initial=0.0)), np.finfo(float).tiny)
    variances, directions = np.linalg.eigh(covariance)
    return np.asarray((directions * np.sqrt(np.maximum(variances, 0.0))) @ directions.T)


def _normals(key: Codes, rows: Codes, n: int) -> Floats:
    """Independent standard normal numbers (row, n)."""
    from scipy.special import ndtri

    return np.asarray(ndtri((words(key, rows, -(-n // 2))[:, :n] + 0.5) * 2.0**-32))
