"""The sign-flip test, and step-down max-T over a family of comparisons that share the flips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from metaeval.core import ROUNDOFF, ROUNDOFF_OF_SUMS, Codes, Floats
from metaeval.resampling.engine import (
    MAX_ENUMERATED,
    enumerated_sums,
    is_large,
    same_blocks,
    weighted_sums,
)
from metaeval.resampling.exact_sums import Terms, exact_jointly
from metaeval.resampling.threefry import key_of

MAX_FLIPS = 1_000_000
ALTERNATIVES = ("two-sided", "greater", "less")

_FLIPS = 1_000  # flips in a block of several strata
_GAPS = 2**17  # differences that exist at one time


class Contrast(NamedTuple):
    """Differences of columns of contributions that are tested on one set of units.

    `contributions` (unit, scorer); the difference of a pair is `first` (pair,) less `second`
    (pair,); `part` names the stream of random signs; units in which all is 0 may be absent ones:
    `n_units` counts those that are there.
    """

    contributions: Floats
    first: Codes
    second: Codes
    part: int
    n_units: int


class FlipTest(NamedTuple):
    """p-values of a sign-flip test, adjusted over the family, the flips behind each."""

    p_value: Floats  # (pair,)
    adjusted: Floats  # (pair,) step-down max-T over all contrasts of the family
    n_flips: Codes  # (pair,)
    enumerated: bool


class _Family(NamedTuple):
    """All comparisons of a family, each of two columns of one set of sums."""

    first: Codes  # (pair,)
    second: Codes  # (pair,)
    least: Floats  # (pair,) difference from which a flip is as extreme as the observed one
    square: Floats  # (pair,) sum of squares of the differences, times the number of units
    factor: Floats  # (pair,) number of units less one
    least_t: Floats  # (pair,) the same for squared t
    two_sided: bool


def flip_test(
    contrasts: Sequence[Contrast],
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
    contrasts : sequence of Contrast
        One for each stratum; together they are the family.
    n_flips : int
        Random flips where there are too many units to try all 2^units.
    seed : int
    alternative : {"two-sided", "greater", "less"}
    stop_after_exceedances : int, optional
        Stop counting a comparison once so many flips were as extreme as the observed one
        (Besag-Clifford), unless all flips are tried; there is no adjustment over the family then.
    most_enumerated : int, default 20
        Units up to which all flips are tried.

    Returns
    -------
    list of FlipTest
        One for each contrast. p is # / 2^units with all flips tried (the observed one among
        them), (1 + #) / (1 + n) with n drawn, and h / l if the h-th extreme flip was the l-th.

    Notes
    -----
    Exact where each unit's difference is symmetric about 0 under the null hypothesis; for equal
    means without symmetry it is asymptotic. Sums that are equal up to rounding count as equal.
    The adjustment compares the studentised :math:`t = M / \sqrt{n (Q - M^2 / n) / (n - 1)}`, with
    M the flipped sum and Q the sum of squares, which flips do not change.

    References
    ----------
    Phipson and Smyth (2010), Permutation p-values should never be zero. Romano and Wolf (2005),
    Stepwise multiple testing as formalized data snooping. Besag and Clifford (1991), Sequential
    Monte Carlo p-values.

    Examples
    --------
    >>> import numpy as np
    >>> d = np.arange(1.0, 6.0)[:, None] * [1.0, 0.0]
    >>> pair = Contrast(d, np.array([0]), np.array([1]), 0, 5)
    >>> float(flip_test([pair], n_flips=1, seed=0)[0].p_value[0])
    0.0625
    """
    terms = [exact_jointly(c.contributions, 1.0) for c in contrasts]
    two_sided = alternative == "two-sided"
    turned = "two-sided" if two_sided else "greater"
    if alternative == "less":
        contrasts = [c._replace(first=c.second, second=c.first) for c in contrasts]
    parts = [_family(c, t, two_sided) for c, t in zip(contrasts, terms, strict=True)]
    few = [len(t.values) <= most_enumerated for t in terms]
    if stop_after_exceedances is not None:
        return [
            flip_test([c], n_flips=n_flips, seed=seed, alternative=turned)[0]._replace(
                adjusted=np.full(len(c.first), np.nan)
            )
            if every
            else _stopped(_drawn(c, t, n_flips, seed), part, stop_after_exceedances)
            for c, t, part, every in zip(contrasts, terms, parts, few, strict=True)
        ]
    if len(contrasts) == 1:
        drawn = _drawn(contrasts[0], terms[0], n_flips, seed)
        blocks = enumerated_sums(terms[0], mirrored=not two_sided) if few[0] else drawn
        n = _n_sums(terms[0], two_sided) if few[0] else n_flips
        p, adjusted = (_p_values(x, n, few[0]) for x in _counted(blocks, parts[0]))
        n = 2 ** len(terms[0].values) if few[0] else n_flips
        return [_test(p, _stepped(adjusted, parts[0].least_t), n, few[0])]
    return _joint(contrasts, terms, parts, few, n_flips, seed)


def _joint(
    contrasts: Sequence[Contrast],
    terms: list[Terms],
    parts: list[_Family],
    few: list[bool],
    n_flips: int,
    seed: int,
) -> list[FlipTest]:
    """Tests of several strata, adjusted together over flips drawn for all of them."""
    drawn = [_drawn(c, t, n_flips, seed) for c, t in zip(contrasts, terms, strict=True)]
    whole = _stacked(parts, [t.values.shape[1] for t in terms])
    alike = (same_blocks(sums, _FLIPS) for sums in drawn)
    blocks = (np.concatenate(some, axis=1) for some in zip(*alike, strict=True))
    count, count_t = _counted(blocks, whole)
    adjusted = _stepped(_p_values(count_t, n_flips, False), whole.least_t)
    cuts = np.cumsum([len(part.least) for part in parts])[:-1]
    tests = []
    split = zip(np.split(count, cuts), np.split(adjusted, cuts), strict=True)
    for i, (own, own_adjusted) in enumerate(split):
        p, n = _p_values(own, n_flips, False), n_flips
        if few[i]:
            every = _counted(enumerated_sums(terms[i], mirrored=not whole.two_sided), parts[i])[0]
            p, n = _p_values(every, _n_sums(terms[i], whole.two_sided), True), 2 ** len(terms[i][0])
        tests.append(_test(p, own_adjusted, n, few[i]))
    return tests


def _test(p: Floats, adjusted: Floats, n: int, enumerated: bool) -> FlipTest:
    return FlipTest(p, np.maximum(p, adjusted), np.full(len(p), n), enumerated)


def _p_values(count: Codes, n: int, enumerated: bool) -> Floats:
    return count / n if enumerated else (1 + count) / (1 + n)


def _n_sums(terms: Terms, two_sided: bool) -> int:
    """Sign vectors that are tried: mirror images are alike where both sides count."""
    return 2 ** (len(terms.values) - two_sided)


def _drawn(contrast: Contrast, terms: Terms, n_flips: int, seed: int) -> Iterator[Floats]:
    return weighted_sums("sign", key_of(seed, "flip", contrast.part), n_flips, terms, "sign flips")


def _family(contrast: Contrast, terms: Terms, two_sided: bool) -> _Family:
    """Observed differences of one contrast, and what flips are compared with."""
    values, a, b = terms.values, contrast.first, contrast.second
    n_units = np.full(len(a), float(contrast.n_units))
    total = values.sum(axis=0)
    observed = total[a] - total[b]
    square, size = _squares(terms, a, b)
    rounding = 2.0**-51 * len(values) ** 2 * np.abs(values).max(axis=0)
    slack = 0.5 if terms.whole else ROUNDOFF * size + rounding[a] + rounding[b]
    reference = np.abs(observed) if two_sided else observed
    scaled, factor = square * n_units, np.maximum(n_units - 1, 1.0)
    t = _squared_t(observed, scaled, factor, two_sided)
    least_t = t - ROUNDOFF_OF_SUMS * np.where(np.isinf(t), 0.0, np.abs(t))
    return _Family(a, b, reference - slack, scaled, factor, least_t, two_sided)


def _squares(terms: Terms, a: Codes, b: Codes) -> tuple[Floats, Floats]:
    """Sum of squares and of sizes of the differences of each pair: two of (pair,)."""
    values = terms.values
    if terms.whole:
        products = values.T @ values
        return products[a, a] + products[b, b] - 2 * products[a, b], np.zeros(len(a))
    gaps = (values[:, i] - values[:, j] for i, j in zip(a, b, strict=True))
    sums = np.array([[gap @ gap, np.abs(gap).sum()] for gap in gaps])
    return sums[:, 0], sums[:, 1]


def _stacked(parts: list[_Family], widths: list[int]) -> _Family:
    """Several families as one, the columns of their sums side by side."""
    starts = np.cumsum([0, *widths[:-1]])
    moved = [
        part._replace(first=part.first + start, second=part.second + start)
        for part, start in zip(parts, starts, strict=True)
    ]
    columns = zip(*(part[:-1] for part in moved), strict=True)
    first, second, least, square, factor, least_t = (np.concatenate(some) for some in columns)
    return _Family(first, second, least, square, factor, least_t, parts[0].two_sided)


def _gaps(sums: Floats, family: _Family) -> Floats:
    """Flipped differences: (flip, pair)."""
    return np.asarray(np.take(sums, family.first, axis=1) - np.take(sums, family.second, axis=1))


def _squared_t(gap: Floats, scaled: Floats, factor: Floats, two_sided: bool) -> Floats:
    """Squared studentised difference, with its sign if one-sided; infinite without spread."""
    square = gap * gap
    rest = scaled - square
    flat = rest <= ROUNDOFF * scaled
    value = np.where(flat, np.inf, square * factor / np.where(flat, 1.0, rest))
    value = np.where(square == 0, 0.0, value)
    return value if two_sided else np.sign(gap) * value


def _counted(blocks: Iterator[Floats], family: _Family) -> tuple[Codes, Codes]:
    """Flips as extreme as the observed ones, alone and as maxima of step-down sets: two (pair,)."""
    order = np.argsort(-family.least_t, kind="stable")
    by_pair = {name: getattr(family, name)[order] for name in family._fields[:-1]}
    ordered = family._replace(**by_pair)
    n_pairs = len(order)
    counts = np.zeros((2, n_pairs), dtype=np.int64)
    for sums in blocks:
        if is_large(len(sums) * n_pairs):
            counts += _count_large(sums, ordered)
        else:
            rows = max(1, _GAPS // n_pairs)
            for start in range(0, len(sums), rows):
                counts += _count(sums[start : start + rows], ordered)
    restored = np.empty_like(counts)
    restored[:, order] = counts
    return restored[0], restored[1]


def _count(sums: Floats, family: _Family) -> Codes:
    """Counts (2, pair) in one block of sums, pairs in order of the observed t, largest first."""
    gap = _gaps(sums, family)
    alone = (np.abs(gap) if family.two_sided else gap) >= family.least
    t = _squared_t(gap, family.square, family.factor, family.two_sided)
    most = np.maximum.accumulate(t[:, ::-1], axis=1)[:, ::-1]
    return np.stack([alone.sum(axis=0), (most >= family.least_t).sum(axis=0)])


def _count_large(sums: Floats, family: _Family) -> Codes:
    from metaeval.resampling import jax_kernels

    jax_kernels.keep_compiled()
    return jax_kernels.count_flips(sums, family[:-1], family.two_sided)


def _stepped(p: Floats, least_t: Floats) -> Floats:
    """Step-down p-values never fall below those of larger t."""
    order = np.argsort(-least_t, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order])
    return adjusted


def _stopped(blocks: Iterator[Floats], family: _Family, stop_after_exceedances: int) -> FlipTest:
    """Besag-Clifford p-values: counting ends for each pair at its h-th extreme flip."""
    n_pairs = len(family.least)
    count, used = np.zeros(n_pairs, dtype=np.int64), np.zeros(n_pairs, dtype=np.int64)
    for sums in blocks:
        gap = _gaps(sums, family)
        extreme = (np.abs(gap) if family.two_sided else gap) >= family.least
        running = count + np.cumsum(extreme, axis=0)
        going = count < stop_after_exceedances
        reached = running[-1] >= stop_after_exceedances
        used += np.where(
            going & reached,
            1 + (running >= stop_after_exceedances).argmax(axis=0),
            going * len(sums),
        )
        count = np.where(going, np.minimum(running[-1], stop_after_exceedances), count)
        if (count >= stop_after_exceedances).all():
            break
    p = np.where(
        count >= stop_after_exceedances, count / np.maximum(used, 1), (1 + count) / (1 + used)
    )
    return FlipTest(p, np.full(n_pairs, np.nan), used, False)
