"""Holm by hand, letters and ranks by their laws."""

import definitions as slow
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from metaeval.multiplicity import ADJUST, compact_letters, holm, letter, rank_intervals

p_values = st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.02, 0.04, 0.3, 1.0]), max_size=12)


def test_holm_by_hand():
    found = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert_allclose(found, [0.03, 0.06, 0.06, 0.02], rtol=0, atol=1e-15)
    assert holm(np.array([0.5, 0.6])).tolist() == [1.0, 1.0]


@given(p_values)
def test_holm_is_its_definition(p):
    assert_allclose(holm(np.array(p)), slow.holm(p), rtol=0, atol=1e-15)


@given(p_values)
def test_holm_never_lowers_and_keeps_the_order(p):
    adjusted = holm(np.array(p))
    assert (adjusted >= p).all() and (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


@given(p_values, st.integers(0, 3))
def test_missing_p_values_do_not_count(p, n_missing):
    found = holm(np.array([*p, *[np.nan] * n_missing]))
    assert_allclose(found[: len(p)], holm(np.array(p)), rtol=0, atol=0)
    assert np.isnan(found[len(p) :]).all()


def test_one_comparison_needs_no_adjustment():
    assert holm(np.array([0.03])).tolist() == [0.03]


def test_no_correction_copies():
    p = np.array([0.2, 0.01])
    found = ADJUST["none"](p)
    assert found.tolist() == p.tolist()
    assert found is not p


@pytest.mark.parametrize(
    ("index", "text"), [(0, "a"), (25, "z"), (26, "aa"), (27, "ab"), (702, "aaa")]
)
def test_letters_go_on_after_z(index, text):
    assert letter(index) == text


@st.composite
def separations(draw):
    n = draw(st.integers(1, 7))
    upper = np.triu(draw(arrays(bool, (n, n))), 1)
    return upper | upper.T


@given(separations())
def test_two_share_a_letter_exactly_if_they_are_not_separated(separated):
    slow.check_letters(compact_letters(separated), separated)


@given(st.integers(1, 30))
def test_letters_of_none_and_all_separated(n):
    assert compact_letters(np.zeros((n, n), dtype=bool)) == ["a"] * n
    assert compact_letters(~np.eye(n, dtype=bool)) == [letter(i) for i in range(n)]


def test_letters_where_separation_is_not_transitive():
    separated = np.zeros((3, 3), dtype=bool)
    separated[0, 2] = separated[2, 0] = True
    assert compact_letters(separated) == ["a", "ab", "b"]


@given(separations())
def test_ranks_count_those_found_better_and_worse(separated):
    better = np.triu(separated)
    low, high = rank_intervals(better)
    n = len(better)
    assert low.tolist() == [1 + sum(better[k, j] for k in range(n)) for j in range(n)]
    assert high.tolist() == [n - sum(better[j, k] for k in range(n)) for j in range(n)]
    assert (low <= np.arange(1, n + 1)).all() and (np.arange(1, n + 1) <= high).all()


def test_ranks_of_a_complete_order():
    low, high = rank_intervals(np.triu(np.ones((4, 4), dtype=bool), 1))
    assert low.tolist() == high.tolist() == [1, 2, 3, 4]
