"""The sign-flip test and step-down max-T: enumeration, Monte Carlo, laws and traps."""

import math
import tracemalloc

import definitions as slow
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from metaeval.resampling import (
    PairedDifferences,
    all_signs,
    engine,
    flip_test,
    holm,
    key_of,
    rank_intervals,
    sign_flip,
    tost,
    weights,
)

ONE = np.array([0]), np.array([1])


def contrast(contributions, pairs=None, part=0):
    n = contributions.shape[1]
    a, b = np.triu_indices(n, 1) if pairs is None else pairs
    return PairedDifferences(contributions, a, b, part, len(contributions))


def test_of(contributions, n_flips=1_000, seed=0, **options):
    return flip_test([contrast(contributions)], n_flips=n_flips, seed=seed, **options)[0]


test_of.__test__ = False


@given(
    arrays(
        float, st.tuples(st.integers(2, 9), st.just(3)), elements=st.sampled_from([0, 0.25, 0.5, 1])
    )
)
def test_flips_are_enumerated(contributions):
    test = test_of(contributions, 1)
    expected = [
        slow.sign_flip_p(contributions[:, a] - contributions[:, b])
        for a, b in [(0, 1), (0, 2), (1, 2)]
    ]
    assert test.enumerated
    assert_allclose(test.p_value, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("alternative", ["greater", "less"])
def test_one_sided_flips_are_enumerated(alternative):
    d = np.random.default_rng(3).normal(0.3, 1, (9, 1)) * [1, 0]
    sums = np.concatenate([s @ d[:, 0] for s in (all_signs(0, 256, 9), -all_signs(0, 256, 9))])
    observed = d[:, 0].sum()
    extreme = sums >= observed - 1e-9 if alternative == "greater" else sums <= observed + 1e-9
    p = test_of(d, alternative=alternative).p_value[0]
    assert p == pytest.approx(extreme.mean(), abs=1e-12)


def test_twelve_units_by_brute_force():
    contributions = np.random.default_rng(0).normal(0.3, 1, size=(12, 2)) / 12
    test = test_of(contributions, 1)
    assert test.n_flips.tolist() == [2**12]
    expected = slow.sign_flip_p(contributions[:, 0] - contributions[:, 1])
    assert test.p_value[0] == pytest.approx(expected, abs=1e-12)


def test_one_to_five():
    contributions = np.arange(1.0, 6.0)[:, None] * [1, 0]
    assert test_of(contributions, 1).p_value[0] == 2 / 2**5 == 0.0625


@pytest.mark.parametrize("n_units", [1, 3, 12, 20, 21, 60])
def test_a_scorer_against_itself(n_units):
    one = np.random.default_rng(n_units).normal(size=(n_units, 1))
    test = test_of(np.hstack([one, one]), 500)
    assert test.p_value.tolist() == test.adjusted.tolist() == [1.0]


@pytest.mark.parametrize("n_units", [9, 40])
def test_the_p_value_does_not_know_which_scorer_comes_first(n_units):
    both = np.random.default_rng(n_units).normal(size=(n_units, 2))
    one, other = (
        flip_test([contrast(both, pair)], n_flips=2_000, seed=0)[0] for pair in (ONE, ONE[::-1])
    )
    assert one.p_value == other.p_value and one.adjusted == other.adjusted


def test_random_flips_agree_with_all_flips():
    both = np.random.default_rng(2).normal(0.2, 1, size=(14, 2))
    both[:, 1] = 0
    exact = slow.sign_flip_p(both[:, 0])
    padded = np.vstack([both, np.zeros((10, 2))])  # 24 units: too many to try all flips
    test = test_of(padded, 50_000)
    assert not test.enumerated
    assert test.p_value[0] == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / 50_000))


def test_random_p_values_are_never_zero():
    assert test_of(np.vstack([[1.0, 0.0]] * 60), 999).p_value.tolist() == [1 / 1000]


def direct_t(d):
    """Student's t of one sample."""
    return d.sum() / math.sqrt(len(d) * d.var(ddof=1))


def slow_step_down(d, signs):
    """Adjusted p-values by the definition: maxima over the comparisons that are not clearer."""
    observed = np.array([abs(direct_t(column)) for column in d.T])
    null = np.array([[abs(direct_t(s * column)) for column in d.T] for s in signs])
    adjusted, before = np.empty(len(observed)), 0.0
    order = np.argsort(-observed)
    for k, i in enumerate(order):
        most = null[:, order[k:]].max(axis=1)
        before = max(before, (most >= observed[i] * (1 - 1e-9)).mean())
        adjusted[i] = before
    return adjusted


def test_max_t_of_all_flips_by_its_definition():
    x = np.random.default_rng(5).normal(0, [1, 1.2, 3, 0.4], (9, 4)) + np.array([0.9, 0.2, 0, 0.1])
    a, b = np.triu_indices(4, 1)
    test = test_of(x)
    expected = slow_step_down(x[:, a] - x[:, b], all_signs(0, 256, 9))
    assert_allclose(test.adjusted, np.maximum(expected, test.p_value), atol=1e-12)


def test_drawn_max_t_by_its_definition():
    x = np.random.default_rng(6).normal(0, [1, 1.2, 3], (30, 3)) + np.array([0.6, 0.2, 0])
    a, b = np.triu_indices(3, 1)
    signs = weights("sign", key_of(4, "flip", 0), np.arange(400), 30)
    share = slow_step_down(x[:, a] - x[:, b], signs)
    test = test_of(x, 400, seed=4)
    assert_allclose(test.adjusted, (1 + 400 * share) / 401, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    arrays(int, st.tuples(st.integers(2, 30), st.integers(2, 5)), elements=st.integers(-384, 384))
)
def test_laws_of_adjustment(counts):
    x = counts / 128  # a grid: sums are equal within 1e-12 of their size, squared t within 1e-9
    test = test_of(x, 200)
    assert (test.adjusted >= test.p_value).all() and (test.adjusted <= 1).all()
    alone = flip_test([contrast(x[:, :2])], n_flips=200, seed=0)[0]
    assert_allclose(alone.adjusted, alone.p_value, atol=1e-12)


def test_strata_are_adjusted_together():
    g = np.random.default_rng(7)
    shift = np.array([1, 0, 0])
    one, other = g.normal(0, 1, (30, 3)) + 0.5 * shift, g.normal(0, 1, (40, 3)) + 0.9 * shift
    tests = flip_test([contrast(one), contrast(other, part=1)], n_flips=2_000, seed=0)
    apart = [
        flip_test([contrast(c, part=p)], n_flips=2_000, seed=0)[0]
        for p, c in enumerate((one, other))
    ]
    for joint, alone in zip(tests, apart, strict=True):
        assert (joint.p_value == alone.p_value).all()
        assert (joint.adjusted >= alone.adjusted - 1e-12).all()
    raw = np.concatenate([t.p_value for t in tests])
    adjusted = np.concatenate([t.adjusted for t in tests])
    assert (adjusted <= holm(raw) + 4 * np.sqrt(holm(raw) / 2_000)).all()


def test_a_small_stratum_is_enumerated_and_adjusted_with_the_others():
    g = np.random.default_rng(8)
    one, other = g.normal(0.4, 1, (8, 2)), g.normal(0, 1, (40, 2))
    small, large = flip_test([contrast(one), contrast(other, part=1)], n_flips=2_000, seed=0)
    assert small.enumerated and not large.enumerated
    assert small.p_value == test_of(one).p_value
    assert small.adjusted >= small.p_value


def test_strata_of_many_units_share_their_blocks(monkeypatch):
    g = np.random.default_rng(9)
    parts = [contrast(g.normal(0, 1, (n, 2)), part=p) for p, n in enumerate((250, 350))]
    whole = flip_test(parts, n_flips=1_300, seed=0)
    monkeypatch.setattr(engine, "_BLOCK", 30_000)
    monkeypatch.setattr(sign_flip, "_FLIPS", 77)
    for one, other in zip(whole, flip_test(parts, n_flips=1_300, seed=0), strict=True):
        assert one.p_value == other.p_value and one.adjusted == other.adjusted


@pytest.mark.parametrize("n_units", [30, 700])
def test_both_engines_count_the_same(monkeypatch, n_units):
    g = np.random.default_rng(n_units)
    for x in (g.normal(0.1, 1, (n_units, 5)), g.integers(0, 2, (n_units, 5)) / n_units):
        found = []
        for large in (10**12, -1):
            for name in ("_LARGE", "_LARGE_COLD"):
                monkeypatch.setattr(engine, name, large)
            found += [test_of(x, 1_300), test_of(x, 1_300, alternative="greater")]
        for i in (0, 1):
            assert (found[i].p_value == found[i + 2].p_value).all()
            assert (found[i].adjusted == found[i + 2].adjusted).all()


@pytest.mark.parametrize("alternative", ["two-sided", "less"])
def test_both_engines_count_strata_of_several_widths_the_same(monkeypatch, alternative):
    g = np.random.default_rng(2)
    sizes = [(25, 4), (40, 2), (30, 5)]
    parts = [contrast(g.normal(0.1, 1, size), part=p) for p, size in enumerate(sizes)]
    found = []
    for large in (10**12, -1):
        for name in ("_LARGE", "_LARGE_COLD"):
            monkeypatch.setattr(engine, name, large)
        found.append(flip_test(parts, n_flips=1_300, seed=0, alternative=alternative))
    for one, other in zip(*found, strict=True):
        assert (one.p_value == other.p_value).all() and (one.adjusted == other.adjusted).all()


def test_memory_does_not_grow_with_pairs_times_columns():
    g = np.random.default_rng(3)
    parts = [contrast(g.normal(0, 1, (30, 30)), part=p) for p in range(20)]
    tracemalloc.start()
    flip_test(parts, n_flips=100, seed=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 600 * 8_700 * 8 / 4  # 600 columns, 8 700 pairs


@pytest.mark.parametrize("block", [640, 4_096, 10**7])
def test_blocks_change_no_p_value(monkeypatch, block):
    both = np.random.default_rng(1).normal(0.1, 1, size=(30, 3))
    whole = test_of(both, 3_000, seed=4)
    monkeypatch.setattr(engine, "_BLOCK", block)
    monkeypatch.setattr(sign_flip, "_FLIPS_IN_CACHE", block)
    parts = test_of(both, 3_000, seed=4)
    assert (whole.p_value == parts.p_value).all() and (whole.adjusted == parts.adjusted).all()


def test_another_scorer_changes_no_p_value_that_is_enumerated():
    three = np.random.default_rng(1).integers(0, 4, size=(12, 3)) / 4
    two = test_of(three[:, :2])
    assert two.p_value[0] == test_of(three).p_value[0]


# Sequential p-values.
def test_counting_stops_at_the_h_th_extreme_flip():
    x = np.random.default_rng(0).normal(0, 1, (40, 3)) + np.array([0.3, 0, 0])
    a, b = np.triu_indices(3, 1)
    d = x[:, a] - x[:, b]
    sums = np.abs(weights("sign", key_of(0, "flip", 0), np.arange(5_000), 40) @ d)
    test = test_of(x, 5_000, stop_after_exceedances=20)
    for i in range(3):
        extreme = np.flatnonzero(sums[:, i] >= np.abs(d[:, i].sum()) * (1 - 1e-12))
        if len(extreme) >= 20:
            assert test.n_flips[i] == extreme[19] + 1
            assert test.p_value[i] == 20 / test.n_flips[i]
        else:
            assert test.p_value[i] == (1 + len(extreme)) / 5_001
    assert np.isnan(test.adjusted).all()


# With h = 10: l - 1 flips and the observed one are exchangeable, so p <= h / l, which says that
# fewer than h of the l - 1 are as extreme as the observed one, has probability h / l. In the same
# way (1 + c) / (1 + n) has its own value as its probability where counting never stops.
def test_sequential_p_values_are_uniform_under_the_null():
    g = np.random.default_rng(0)
    p = np.array(
        [
            test_of(g.normal(0, 1, (25, 2)), 400, seed=seed, stop_after_exceedances=10).p_value[0]
            for seed in range(1_500)
        ]
    )
    for level in (8 / 401, 10 / 200, 10 / 100, 10 / 40, 10 / 20, 10 / 13):
        band = 3.3 * math.sqrt(level * (1 - level) / len(p))
        assert (p <= level).mean() == pytest.approx(level, abs=band), level


# Families.
def equal_scorers(g, n_units, n_scorers, ratio):
    """Scorers of equal mean whose variances differ up to a ratio, correlated by their items."""
    spread = np.sqrt(np.linspace(1, ratio, n_scorers))
    return g.normal(0, 1, (n_units, 1)) + g.normal(0, 1, (n_units, n_scorers)) * spread


def rejections(n_simulations, n_units, n_scorers, ratio, n_flips, shift=0.0):
    """Comparisons of the first scorer, and of any, that max-T and Holm reject: two of (set, 2)."""
    g, of_first, of_any = np.random.default_rng(1), [], []
    for seed in range(n_simulations):
        x = equal_scorers(g, n_units, n_scorers, ratio)
        x[:, 0] += shift
        test = test_of(x, n_flips, seed=seed)
        both = np.stack([test.adjusted, holm(test.p_value)]) <= 0.05
        of_first.append(both[:, : n_scorers - 1].sum(axis=1))
        of_any.append(both.sum(axis=1))
    return np.array(of_first), np.array(of_any)


def upper_band(level, n):
    return level + 3.09 * math.sqrt(level * (1 - level) / n)


def test_max_t_holds_its_family_wise_error():
    _, found = rejections(150, 40, 20, 10, 400)
    assert (found[:, 0] > 0).mean() <= upper_band(0.05, 150)


@pytest.mark.slow
def test_max_t_holds_its_family_wise_error_in_2000_sets():
    _, found = rejections(2_000, 60, 20, 10, 2_000)
    wrong = (found[:, 0] > 0).mean()
    print("some wrong rejection by max-T and by Holm", (found > 0).mean(axis=0))
    assert wrong <= upper_band(0.05, 2_000), wrong


def finds_no_less(found):
    """Whether max-T rejects no less than Holm, in the mean of the differences set by set."""
    gap = found[:, 0] - found[:, 1]
    return gap.mean() >= -3.3 * gap.std(ddof=1) / math.sqrt(len(gap))


def test_max_t_finds_at_least_what_holm_finds():
    found, _ = rejections(60, 40, 8, 10, 6_000, shift=1.1)
    assert finds_no_less(found) and found[:, 0].mean() > 0.7, found.mean(axis=0)


@pytest.mark.slow
def test_max_t_finds_at_least_what_holm_finds_in_2000_sets():
    found, _ = rejections(2_000, 40, 8, 10, 3_000, shift=1.1)
    print("rejected by max-T and by Holm", found.mean(axis=0))
    assert finds_no_less(found) and found[:, 0].mean() > 0.7


def noisy_family(seed):
    """Three true effects with standard deviation .1 beside three nulls with 1."""
    g = np.random.default_rng(seed)
    return g.normal(0, [0.1] * 3 + [1] * 3, (100, 6)) + np.array([0.035] * 3 + [0] * 3)


def test_without_studentising_one_noisy_comparison_hides_all_others():
    found = np.zeros(2)
    for seed in range(60):
        d = noisy_family(seed)
        signs = weights("sign", key_of(seed, "flip"), np.arange(500), 100)
        raw = slow.step_down(d.sum(axis=0), signs @ d)
        pairs = np.arange(6), np.full(6, 6)
        test = flip_test(
            [contrast(np.hstack([d, np.zeros((100, 1))]), pairs)], n_flips=500, seed=seed
        )[0]
        found += (raw[:3] <= 0.05).mean(), (test.adjusted[:3] <= 0.05).mean()
    raw_power, power = found / 60
    assert raw_power < 0.02 and power > 0.6, found / 60


def rank_coverage(n_simulations):
    """Share of sets in which the ranges of ranks hold every true rank."""
    g, held = np.random.default_rng(2), 0
    means = np.array([0.6, 0.4, 0.4, 0.2, 0.1, 0.0])
    best = np.array([(means > m).sum() for m in means])
    worst = np.array([(means >= m).sum() for m in means])
    a, b = np.triu_indices(6, 1)
    for seed in range(n_simulations):
        x = g.normal(0, 1, (50, 1)) + g.normal(0, [1, 1, 2, 1, 0.5, 1], (50, 6)) + means
        test = test_of(x, 600, seed=seed)
        gap = x.mean(axis=0)[a] - x.mean(axis=0)[b]
        better = np.zeros((6, 6), dtype=bool)
        better[a, b] = (test.adjusted <= 0.05) & (gap > 0)
        better[b, a] = (test.adjusted <= 0.05) & (gap < 0)
        low, high = rank_intervals(better)
        held += bool(((low <= worst) & (high >= best + 1)).all())
    return held / n_simulations


def test_ranges_of_ranks_hold_all_true_ranks():
    assert rank_coverage(150) >= 0.95 - 3.09 * math.sqrt(0.95 * 0.05 / 150)


@pytest.mark.slow
def test_ranges_of_ranks_hold_all_true_ranks_in_2000_sets():
    assert rank_coverage(2_000) >= 0.95 - 3.09 * math.sqrt(0.95 * 0.05 / 2_000)


def test_equivalence_is_rarely_found_at_the_margin():
    g, n, n_simulations = np.random.default_rng(3), 60, 4_000
    d = g.choice([-1.0, -0.5, 0, 0.5, 1.0], (n, n_simulations), p=[0.1, 0.15, 0.4, 0.2, 0.15])
    true = 0.1 * -1 - 0.5 * 0.15 + 0.5 * 0.2 + 0.15
    p = tost(d.mean(axis=0), d.std(axis=0, ddof=1) / math.sqrt(n), true, n - 1)
    assert (p <= 0.05).mean() <= upper_band(0.05, n_simulations)
    wide = tost(d.mean(axis=0), d.std(axis=0, ddof=1) / math.sqrt(n), 0.5, n - 1)
    assert (wide <= 0.05).mean() > 0.95
