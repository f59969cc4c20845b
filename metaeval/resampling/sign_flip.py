"""The sign-flip test, with step-down max-T over a family of comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from metaeval.core import ROUNDOFF, ROUNDOFF_OF_SUMS, Codes, Floats
from metaeval.resampling.engine import (
    MAX_ENUMERATED,
    enumerated_sums,
    is_large,
    rechunk,
    weighted_sums,
)
from metaeval.resampling.exact_sums import ExactTerms, exact_jointly
from metaeval.resampling.threefry import key_of

MAX_FLIPS = 1_000_000
ALTERNATIVES = ("two-sided", "greater", "less")

_FLIPS = 1_000  # flips in a block of several strata
_FLIPS_IN_CACHE = 2**13  # flips whose differences of a pair stay in cache: 64 kB


class PairedDifferences(NamedTuple):
    """Differences of columns of contributions, tested on one set of units.

    `contributions` (unit, scorer); the difference of a pair is column `first` (pair,) minus column
    `second` (pair,); `part` selects the stream of random signs; rows of zeros may be absent units,
    so `n_units` is the number of units present.
    """

    contributions: Floats
    first: Codes
    second: Codes
    part: int
    n_units: int


class FlipTest(NamedTuple):
    """p-values of a sign-flip test, adjusted p-values, and the number of flips of each."""

    p_value: Floats  # (pair,)
    adjusted: Floats  # (pair,) step-down max-T over all contrasts of the family
    n_flips: Codes  # (pair,)
    enumerated: bool


class _ComparisonFamily(NamedTuple):
    """The comparisons of a family; each compares two columns of one array of sums."""

    first: Codes  # (pair,)
    second: Codes  # (pair,)
    threshold: Floats  # (pair,) difference from which a flip counts as an exceedance
    square: Floats  # (pair,) sum of squares of the differences, times the number of units
    factor: Floats  # (pair,) number of units minus one
    threshold_t: Floats  # (pair,) the same for squared t
    two_sided: bool


def flip_test(
    contrasts: Sequence[PairedDifferences],
    *,
    n_flips: int,
    seed: int,
    alternative: str = "two-sided",
    stop_after_exceedances: int | None = None,
    most_enumerated: int = MAX_ENUMERATED,
) -> list[FlipTest]:
    r"""Paired sign-flip tests of a family of differences.

    Parameters
    ----------
    contrasts : sequence of PairedDifferences
        One for each stratum; together they form the family.
    n_flips : int
        Random flips, used if there are too many units to enumerate all 2^units.
    seed : int
    alternative : {"two-sided", "greater", "less"}
    stop_after_exceedances : int, optional
        Stop a comparison after this many exceedances (Besag-Clifford), unless all flips are
        enumerated; p-values are then not adjusted over the family.
    most_enumerated : int, default 20
        Number of units up to which all flips are enumerated.

    Returns
    -------
    list of FlipTest
        One for each contrast. With # exceedances, p is # / 2^units if all flips are enumerated
        (including the observed one), (1 + #) / (1 + n) for n random flips, and h / l if the h-th
        exceedance was the l-th flip.

    Notes
    -----
    Exact if each unit's difference is symmetric about 0 under the null hypothesis; asymptotic for
    equal means without symmetry. Sums that are equal up to rounding count as equal. The adjustment
    compares the studentized :math:`t = M / \sqrt{n (Q - M^2 / n) / (n - 1)}`, with
    M the flipped sum and Q the sum of squares, which is invariant under flips.

    References
    ----------
    Phipson and Smyth (2010), Permutation p-values should never be zero. Romano and Wolf (2005),
    Stepwise multiple testing as formalized data snooping. Besag and Clifford (1991), Sequential
    Monte Carlo p-values.

    Examples
    --------
    >>> import numpy as np
    >>> d = np.arange(1.0, 6.0)[:, None] * [1.0, 0.0]
    >>> pair = PairedDifferences(d, np.array([0]), np.array([1]), 0, 5)
    >>> float(flip_test([pair], n_flips=1, seed=0)[0].p_value[0])
    0.0625
    """
    terms = [exact_jointly(c.contributions, 1.0) for c in contrasts]
    two_sided = alternative == "two-sided"
    tail = "two-sided" if two_sided else "greater"
    if alternative == "less":
        contrasts = [c._replace(first=c.second, second=c.first) for c in contrasts]
    families = [_family(c, t, two_sided) for c, t in zip(contrasts, terms, strict=True)]
    enumerable = [len(t.values) <= most_enumerated for t in terms]
    if stop_after_exceedances is not None:
        return [
            flip_test([c], n_flips=n_flips, seed=seed, alternative=tail)[0]._replace(
                adjusted=np.full(len(c.first), np.nan)
            )
            if is_enumerable
            else _sequential_test(_flip_sums(c, t, n_flips, seed), family, stop_after_exceedances)
            for c, t, family, is_enumerable in zip(
                contrasts, terms, families, enumerable, strict=True
            )
        ]
    if len(contrasts) == 1:
        sums = _flip_sums(contrasts[0], terms[0], n_flips, seed)
        blocks = enumerated_sums(terms[0], mirrored=not two_sided) if enumerable[0] else sums
        n = _n_sums(terms[0], two_sided) if enumerable[0] else n_flips
        p, adjusted = (
            _p_values(x, n, enumerable[0]) for x in _count_exceedances(blocks, families[0])
        )
        n = 2 ** len(terms[0].values) if enumerable[0] else n_flips
        return [
            _test(p, _enforce_monotonicity(adjusted, families[0].threshold_t), n, enumerable[0])
        ]
    return _joint_tests(contrasts, terms, families, enumerable, n_flips, seed)


def _joint_tests(
    contrasts: Sequence[PairedDifferences],
    terms: list[ExactTerms],
    families: list[_ComparisonFamily],
    enumerable: list[bool],
    n_flips: int,
    seed: int,
) -> list[FlipTest]:
    """Tests of several strata, adjusted jointly over flips drawn for all of them."""
    streams = [_flip_sums(c, t, n_flips, seed) for c, t in zip(contrasts, terms, strict=True)]
    stacked = _stack_families(families, [t.values.shape[1] for t in terms])
    aligned = (rechunk(sums, _FLIPS) for sums in streams)
    blocks = (np.concatenate(block, axis=1) for block in zip(*aligned, strict=True))
    count, count_t = _count_exceedances(blocks, stacked)
    adjusted = _enforce_monotonicity(_p_values(count_t, n_flips, False), stacked.threshold_t)
    cuts = np.cumsum([len(family.threshold) for family in families])[:-1]
    tests = []
    split = zip(np.split(count, cuts), np.split(adjusted, cuts), strict=True)
    for i, (stratum_count, stratum_adjusted) in enumerate(split):
        p, n = _p_values(stratum_count, n_flips, False), n_flips
        if enumerable[i]:
            enumerated_count = _count_exceedances(
                enumerated_sums(terms[i], mirrored=not stacked.two_sided), families[i]
            )[0]
            p, n = (
                _p_values(enumerated_count, _n_sums(terms[i], stacked.two_sided), True),
                2 ** len(terms[i][0]),
            )
        tests.append(_test(p, stratum_adjusted, n, enumerable[i]))
    return tests


def _test(p: Floats, adjusted: Floats, n: int, enumerated: bool) -> FlipTest:
    return FlipTest(p, np.maximum(p, adjusted), np.full(len(p), n), enumerated)


def _p_values(count: Codes, n: int, enumerated: bool) -> Floats:
    return count / n if enumerated else (1 + count) / (1 + n)


def _n_sums(terms: ExactTerms, two_sided: bool) -> int:
    """Number of enumerated sign vectors: opposite vectors are equivalent in two-sided tests."""
    return 2 ** (len(terms.values) - two_sided)


def _flip_sums(
    contrast: PairedDifferences, terms: ExactTerms, n_flips: int, seed: int
) -> Iterator[Floats]:
    return weighted_sums("sign", key_of(seed, "flip", contrast.part), n_flips, terms, "sign flips")


def _family(contrast: PairedDifferences, terms: ExactTerms, two_sided: bool) -> _ComparisonFamily:
    """Observed differences of one contrast, and the thresholds for flips.

    Integral sums are exact, so half a unit separates ties; else the slack is a bound on rounding,
    n**2 times the largest value times the unit roundoff (2**-53, with a safety factor of 4).
    """
    values, a, b = terms.values, contrast.first, contrast.second
    n_units = np.full(len(a), float(contrast.n_units))
    total = values.sum(axis=0)
    observed = total[a] - total[b]
    square, size = _squares(terms, a, b)
    rounding = 2.0**-51 * len(values) ** 2 * np.abs(values).max(axis=0)
    slack = 0.5 if terms.integral else ROUNDOFF * size + rounding[a] + rounding[b]
    reference = np.abs(observed) if two_sided else observed
    scaled, factor = square * n_units, np.maximum(n_units - 1, 1.0)
    t = _squared_t(observed, scaled, factor, two_sided)
    threshold_t = t - ROUNDOFF_OF_SUMS * np.where(np.isinf(t), 0.0, np.abs(t))
    return _ComparisonFamily(a, b, reference - slack, scaled, factor, threshold_t, two_sided)


def _squares(terms: ExactTerms, a: Codes, b: Codes) -> tuple[Floats, Floats]:
    """Sums of squares and of absolute values of the differences of each pair: two (pair,)."""
    values = terms.values
    if terms.integral:
        products = values.T @ values
        return products[a, a] + products[b, b] - 2 * products[a, b], np.zeros(len(a))
    gaps = (values[:, i] - values[:, j] for i, j in zip(a, b, strict=True))
    sums = np.array([[gap @ gap, np.abs(gap).sum()] for gap in gaps])
    return sums[:, 0], sums[:, 1]


def _stack_families(families: list[_ComparisonFamily], widths: list[int]) -> _ComparisonFamily:
    """Several families as one, with their sums in adjacent columns."""
    starts = np.cumsum([0, *widths[:-1]])
    shifted = [
        family._replace(first=family.first + start, second=family.second + start)
        for family, start in zip(families, starts, strict=True)
    ]
    columns = zip(*(family[:-1] for family in shifted), strict=True)
    first, second, threshold, square, factor, threshold_t = (
        np.concatenate(arrays) for arrays in columns
    )
    return _ComparisonFamily(
        first, second, threshold, square, factor, threshold_t, families[0].two_sided
    )


def _gaps(sums: Floats, family: _ComparisonFamily) -> Floats:
    """Flipped differences: (flip, pair)."""
    return np.asarray(np.take(sums, family.first, axis=1) - np.take(sums, family.second, axis=1))


def _squared_t(gap: Floats, scaled: Floats, factor: Floats, two_sided: bool) -> Floats:
    """Squared studentized difference, signed if one-sided; infinite if the variance is 0.

    The square has the same order and needs no square root.
    """
    square = gap * gap
    rest = scaled - square
    flat = rest <= ROUNDOFF * scaled
    value = square * factor
    value /= np.where(flat, 1.0, rest) if flat.any() else rest
    if flat.any():
        value[flat & (square > 0)] = np.inf
    return value if two_sided else np.sign(gap) * value


def _count_exceedances(blocks: Iterator[Floats], family: _ComparisonFamily) -> tuple[Codes, Codes]:
    """Exceedances of each pair, and of maxima over its step-down set: two (pair,)."""
    order = np.argsort(-family.threshold_t, kind="stable")
    by_pair = {name: getattr(family, name)[order] for name in family._fields[:-1]}
    ordered = family._replace(**by_pair)
    n_pairs = len(order)
    counts = np.zeros((2, n_pairs), dtype=np.int64)
    for sums in blocks:
        if is_large(len(sums) * n_pairs):
            counts += _count_large(sums, ordered)
        else:
            for start in range(0, len(sums), _FLIPS_IN_CACHE):
                counts += _count(sums[start : start + _FLIPS_IN_CACHE], ordered)
    restored = np.empty_like(counts)
    restored[:, order] = counts
    return restored[0], restored[1]


def _count(sums: Floats, family: _ComparisonFamily) -> Codes:
    """Counts (2, pair) in one block of sums, pairs in order of the observed t, largest first."""
    by_scorer = np.ascontiguousarray(sums.T)
    counts = np.empty((2, len(family.first)), dtype=np.int64)
    maxima = np.full(len(sums), -np.inf)
    for k in reversed(range(counts.shape[1])):  # one pair at a time stays in cache
        gap = by_scorer[family.first[k]] - by_scorer[family.second[k]]
        size = np.abs(gap) if family.two_sided else gap
        counts[0, k] = np.count_nonzero(size >= family.threshold[k])
        t = _squared_t(gap, family.square[k], family.factor[k], family.two_sided)
        np.maximum(maxima, t, out=maxima)
        counts[1, k] = np.count_nonzero(maxima >= family.threshold_t[k])
    return counts


def _count_large(sums: Floats, family: _ComparisonFamily) -> Codes:
    from metaeval.resampling import jax_kernels

    jax_kernels.enable_compilation_cache()
    return jax_kernels.count_flips(sums, family[:-1], family.two_sided)


def _enforce_monotonicity(p: Floats, threshold_t: Floats) -> Floats:
    """Step-down p-values made non-decreasing as t decreases."""
    order = np.argsort(-threshold_t, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order])
    return adjusted


def _sequential_test(
    blocks: Iterator[Floats], family: _ComparisonFamily, stop_after_exceedances: int
) -> FlipTest:
    """Besag-Clifford p-values: each pair stops at its h-th exceedance."""
    n_pairs = len(family.threshold)
    count, n_used = np.zeros(n_pairs, dtype=np.int64), np.zeros(n_pairs, dtype=np.int64)
    for sums in blocks:
        gap = _gaps(sums, family)
        extreme = (np.abs(gap) if family.two_sided else gap) >= family.threshold
        running = count + np.cumsum(extreme, axis=0)
        active = count < stop_after_exceedances
        reached = running[-1] >= stop_after_exceedances
        n_used += np.where(
            active & reached,
            1 + (running >= stop_after_exceedances).argmax(axis=0),
            active * len(sums),
        )
        count = np.where(active, np.minimum(running[-1], stop_after_exceedances), count)
        if (count >= stop_after_exceedances).all():
            break
    p = np.where(
        count >= stop_after_exceedances, count / np.maximum(n_used, 1), (1 + count) / (1 + n_used)
    )
    return FlipTest(p, np.full(n_pairs, np.nan), n_used, False)
