"""Parts of proper scores: identities, the published example, pairs counted in either order."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from metaeval import MetaevalError
from metaeval.calibration import decompose
from metaeval.curves import expected_score, fold_to_upper_half, isotonic_fit

EXACT = 1e-10
SCORES = ["brier", "log"]


@st.composite
def cases(draw, shares=True):
    """Forecasts (so that 1 - p is exact), labels and weights, many of them equal."""
    n = draw(st.integers(2, 30))
    grid = np.arange(1, 16) / 16
    p = draw(arrays(float, n, elements=st.sampled_from(grid), fill=st.nothing()))
    values = [0.0, 1.0, 1 / 3, 0.5] if shares else [0.0, 1.0]
    y = draw(arrays(float, n, elements=st.sampled_from(values), fill=st.nothing()))
    w = draw(arrays(float, n, elements=st.sampled_from([0.5, 1.0, 2.0]), fill=st.nothing()))
    return p, y, w


def isotonic_by_definition(p, y, w):
    """The largest of the least means: of all cases from one level on up to another."""
    levels = np.unique(p)

    def mean(low, high):
        some = (p >= low) & (p <= high)
        return np.average(y[some], weights=w[some])

    fit = {
        x: max(min(mean(low, high) for high in levels[levels >= x]) for low in levels[levels <= x])
        for x in levels
    }
    return np.array([fit[x] for x in p])


def both_ways(p, y, w):
    """Every pair in either order, each with half the weight."""
    return np.r_[p, 1 - p], np.r_[y, 1 - y], np.r_[w, w] / 2


@given(cases())
def test_the_isotonic_fit_is_the_max_of_mins(some):
    assert np.abs(isotonic_fit(*some) - isotonic_by_definition(*some)).max() < EXACT


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("mirrored", [False, True])
@given(cases())
def test_parts_add_up_and_none_is_negative(score, mirrored, some):
    p, y, w = some
    parts = decompose(p, y, w, score, mirrored)
    total = parts.miscalibration - parts.discrimination + parts.uncertainty
    assert abs(total - parts.score) < EXACT
    assert min(parts) > -EXACT
    plain = np.average(expected_score(score, p, y), weights=w)
    if not mirrored:
        assert abs(parts.score - plain) < EXACT


@pytest.mark.parametrize("score", SCORES)
@given(cases())
def test_pairs_have_the_parts_of_both_orders_together(score, some):
    turned, twice = decompose(*some, score, mirrored=True), decompose(*both_ways(*some), score)
    assert np.abs(np.array(turned) - np.array(twice)).max() < EXACT


@given(cases())
def test_the_folded_isotonic_fit_is_the_fit_to_both_orders(some):
    p, y, w = some
    twice = isotonic_fit(*both_ways(*some))[: len(p)]
    size, right = fold_to_upper_half(p, y)
    turned = isotonic_fit(size - 0.5, right, w, mirrored=True)
    assert np.abs(np.where(p < 0.5, 1 - turned, turned) - twice).max() < EXACT
    assert np.abs(twice + isotonic_fit(*both_ways(*some))[len(p) :] - 1).max() < EXACT


@pytest.mark.parametrize("score", SCORES)
@given(cases())
def test_recalibrated_forecasts_have_no_miscalibration(score, some):
    p, y, w = some
    fit = isotonic_fit(p, y, w)
    assert abs(decompose(fit, y, w, score).miscalibration) < EXACT
    size, right = fold_to_upper_half(p, y)
    turned = isotonic_fit(size - 0.5, right, w, mirrored=True)
    assert abs(decompose(turned, right, w, score, mirrored=True).miscalibration) < EXACT


@pytest.mark.parametrize("score", SCORES)
@given(cases())
def test_rising_maps_leave_discrimination_and_uncertainty_alone(score, some):
    p, y, w = some
    before, after = decompose(p, y, w, score), decompose(p**3, y, w, score)
    assert abs(before.discrimination - after.discrimination) < EXACT
    assert abs(before.uncertainty - after.uncertainty) < EXACT


@given(cases(shares=False))
def test_a_constant_half_is_calibrated_on_pairs_and_worth_a_quarter(some):
    _, y, w = some
    parts = decompose(np.full(len(y), 0.5), y, w, mirrored=True)
    assert parts == (0.25, 0.0, 0.0, 0.25)
    log = decompose(np.full(len(y), 0.5), y, w, "log", mirrored=True)
    assert np.abs(np.array(log) - [np.log(2), 0, 0, np.log(2)]).max() < EXACT


@given(cases(), st.sampled_from([1e-9, 0.1, 3.0, 1e9]))
def test_only_ratios_of_weights_matter(some, factor):
    p, y, w = some
    assert np.abs(np.array(decompose(p, y, factor * w)) - decompose(p, y, w)).max() < EXACT


@given(cases())
def test_a_weight_of_two_is_a_case_twice(some):
    p, y, w = some
    w = 2 * w  # whole numbers
    again = np.repeat(np.arange(len(p)), w.astype(int))
    assert np.abs(np.array(decompose(p, y, w)) - decompose(p[again], y[again])).max() < EXACT


def test_the_published_example_and_what_pooling_ties_after_sorting_would_give():
    p, y = np.array([-1.0, 1, 1, 2]), np.array([0.0, 0, 1, 1])
    assert decompose(p, y) == (0.75, 0.625, 0.125, 0.25)
    split = isotonic_fit(np.arange(4.0), y, np.ones(4))  # ties taken one by one
    assert np.mean((p - y) ** 2) - np.mean((split - y) ** 2) == 0.75


def test_one_label_and_a_constant_scorer_are_taken_by_the_array_function():
    one = decompose(np.array([0.2, 0.9]), np.array([1.0, 1.0]))
    assert one.uncertainty == one.discrimination == 0
    assert one.miscalibration == one.score == pytest.approx((0.64 + 0.01) / 2)
    same = decompose(np.array([0.3, 0.3]), np.array([0.0, 1.0]))
    assert same.discrimination == 0
    assert same.miscalibration == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ((np.ones(2), np.ones(3)), "equal length"),
        ((np.array([]), np.array([])), "equal length"),
        ((np.array([np.nan]), np.ones(1)), "finite"),
        ((np.ones(1), np.array([2.0])), r"Labels must lie in \[0, 1\]"),
        ((np.ones(1), np.ones(1), np.zeros(1)), "at least one positive"),
        ((np.ones(1), np.ones(1), -np.ones(1)), "nonnegative"),
        ((np.array([1.5]), np.ones(1), None, "log"), "log score"),
        ((np.ones(1), np.ones(1), None, "rank"), "score"),
    ],
)
def test_arrays_that_are_not_usable_are_named(arrays, said):
    with pytest.raises(MetaevalError, match=said):
        decompose(*arrays)
