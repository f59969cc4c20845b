"""Weights, exact sums and sign flips."""

import math
from fractions import Fraction

import definitions as slow
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from metaeval import resampling
from metaeval.resampling import block_size, generator, item_weights, on_grid, sign_flip

reals = st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False)


@st.composite
def weighted_terms(draw):
    n = draw(st.integers(1, 30))
    drawn = draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=n))
    terms = draw(arrays(float, (n, 2), elements=reals))
    return terms, np.bincount(drawn, minlength=n).astype(float), draw(st.permutations(range(n)))


@given(weighted_terms())
def test_weighted_sums_on_the_grid_are_exact_in_any_order(case):
    terms, weights, order = case
    grid = on_grid(terms)
    exact = [
        sum((Fraction(w) * Fraction(t) for w, t in zip(weights, column, strict=True)), Fraction(0))
        for column in grid.T
    ]
    assert [Fraction(v) for v in weights @ grid] == exact
    assert [Fraction(v) for v in weights[order] @ grid[order]] == exact
    one_by_one = np.zeros(2)
    for i in order:
        one_by_one += weights[i] * grid[i]
    assert [Fraction(v) for v in one_by_one] == exact


@given(weighted_terms())
def test_the_grid_is_fine(case):
    terms = case[0]
    largest = np.abs(terms).max(axis=0)
    assert (np.abs(on_grid(terms) - terms) <= largest * len(terms) * 2.0**-50).all()


def test_the_grid_leaves_whole_numbers_alone():
    terms = np.arange(24.0).reshape(4, 3, 2)
    assert (on_grid(terms) == terms).all()
    assert (on_grid(np.zeros((3, 2))) == 0).all()


def weights_of(n_units, n, rows=2_000, seed=0, part=0):
    return np.concatenate(list(item_weights(seed, part, n_units, n, rows)))


def test_weights_are_counts_that_add_up_to_the_number_of_units():
    weights = weights_of(7, 500)
    assert weights.shape == (500, 7)
    assert (weights >= 0).all() and (weights == weights.round()).all()
    assert (weights.sum(axis=1) == 7).all()


@pytest.mark.parametrize("n", [2, 5, 40])
def test_moments_of_the_weights_are_multinomial(n):
    n_draws = 40_000
    weights = weights_of(n, n_draws)
    variance = 1 - 1 / n
    assert_allclose(weights.mean(axis=0), 1, atol=5 * math.sqrt(variance / n_draws))
    covariance = np.cov(weights.T, ddof=0)
    expected = np.eye(n) - 1 / n
    assert_allclose(covariance, expected, atol=6 * math.sqrt(3 / n_draws))


@pytest.mark.parametrize("rows", [1, 7, 100, 5_000])
def test_blocks_change_no_weight(rows):
    assert (weights_of(11, 250, rows) == weights_of(11, 250)).all()


def test_a_longer_run_starts_like_a_shorter_one():
    assert (weights_of(5, 300)[:100] == weights_of(5, 100)).all()


def test_seeds_and_parts_have_draws_of_their_own():
    first = weights_of(6, 50)
    assert (first == weights_of(6, 50)).all()
    assert (first != weights_of(6, 50, seed=1)).any()
    assert (first != weights_of(6, 50, part=1)).any()


def test_purposes_have_draws_of_their_own():
    drawn = {
        stream: generator(0, stream).integers(2**60) for stream in ("bootstrap", "flip", "fold")
    }
    assert len(set(drawn.values())) == 3


def test_blocks_are_bounded_in_memory():
    assert block_size(10, 2_000) == 2_000
    assert block_size(4_000_000, 2_000) == 1
    assert block_size(10**9, 2_000) == 1


@given(
    arrays(
        float, st.tuples(st.integers(2, 9), st.just(3)), elements=st.sampled_from([0, 0.25, 0.5, 1])
    )
)
def test_flips_are_enumerated(contributions):
    test = sign_flip(contributions, np.array([0, 0, 1]), np.array([1, 2, 2]), n_flips=1, seed=0)
    assert test.enumerated
    expected = [
        slow.sign_flip_p(contributions[:, a] - contributions[:, b])
        for a, b in [(0, 1), (0, 2), (1, 2)]
    ]
    assert_allclose(test.p_value, expected, rtol=0, atol=1e-12)


def test_twelve_units_by_brute_force():
    contributions = np.random.default_rng(0).normal(0.3, 1, size=(12, 2)) / 12
    test = sign_flip(contributions, np.array([0]), np.array([1]), n_flips=1, seed=0)
    assert test.n_flips == 2**12
    expected = slow.sign_flip_p(contributions[:, 0] - contributions[:, 1])
    assert test.p_value[0] == pytest.approx(expected, abs=1e-12)


def test_one_to_five():
    contributions = np.arange(1.0, 6.0)[:, None] * [1, 0]
    test = sign_flip(contributions, np.array([0]), np.array([1]), n_flips=1, seed=0)
    assert test.p_value[0] == 2 / 2**5 == 0.0625


@pytest.mark.parametrize("n_units", [3, 12, 20, 21, 60])
def test_a_scorer_against_itself(n_units):
    one = np.random.default_rng(n_units).normal(size=(n_units, 1))
    test = sign_flip(np.hstack([one, one]), np.array([0]), np.array([1]), n_flips=500, seed=0)
    assert test.p_value.tolist() == [1.0]


@pytest.mark.parametrize("n_units", [9, 40])
def test_the_p_value_does_not_know_which_scorer_comes_first(n_units):
    both = np.random.default_rng(n_units).normal(size=(n_units, 2))
    a, b = np.array([0]), np.array([1])
    one = sign_flip(both, a, b, n_flips=2_000, seed=0)
    other = sign_flip(both, b, a, n_flips=2_000, seed=0)
    assert one == other


def test_random_flips_agree_with_all_flips():
    both = np.random.default_rng(2).normal(0.2, 1, size=(14, 2))
    both[:, 1] = 0
    exact = slow.sign_flip_p(both[:, 0])
    padded = np.vstack([both, np.zeros((10, 2))])  # 24 units: too many to try all flips
    test = sign_flip(padded, np.array([0]), np.array([1]), n_flips=50_000, seed=0)
    assert not test.enumerated and test.n_flips == 50_000
    assert test.p_value[0] == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / 50_000))


def test_random_p_values_are_never_zero():
    both = np.vstack([[1.0, 0.0]] * 60)
    test = sign_flip(both, np.array([0]), np.array([1]), n_flips=999, seed=0)
    assert test.p_value.tolist() == [1 / 1000]


@pytest.mark.parametrize("block", [64, 512, 8192])
def test_blocks_change_no_p_value(monkeypatch, block):
    both = np.random.default_rng(1).normal(0.1, 1, size=(30, 3))
    pairs = np.array([0, 0, 1]), np.array([1, 2, 2])
    whole = sign_flip(both, *pairs, n_flips=3_000, seed=4)
    monkeypatch.setattr(resampling, "_SIGNS", block)
    parts = sign_flip(both, *pairs, n_flips=3_000, seed=4)
    assert whole.p_value.tolist() == parts.p_value.tolist()


def test_another_scorer_changes_no_p_value_that_is_enumerated():
    three = np.random.default_rng(1).integers(0, 4, size=(12, 3)) / 4
    two = sign_flip(three[:, :2], np.array([0]), np.array([1]), n_flips=1, seed=0)
    of_three = sign_flip(three, np.array([0]), np.array([1]), n_flips=1, seed=0)
    assert two.p_value.tolist() == of_three.p_value.tolist()
