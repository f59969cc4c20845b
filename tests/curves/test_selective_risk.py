"""Ranks and selection by level against counts of all pairs, and published formulas."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from metaeval.curves import selective_risk

EXACT = 1e-10


@st.composite
def cases(draw, least=2):
    """Scores with ties, labels of both kinds, weights."""
    n = draw(st.integers(least, 25))
    x = draw(arrays(float, n, elements=st.sampled_from(np.arange(6.0)), fill=st.nothing()))
    y = draw(arrays(float, n, elements=st.sampled_from([0.0, 1.0, 0.25]), fill=st.nothing()))
    y[0], y[1] = 0.0, 1.0
    w = draw(arrays(float, n, elements=st.sampled_from([0.5, 1.0, 2.0]), fill=st.nothing()))
    return x, y, w


def levels(x, *columns):
    level = np.unique(x, return_inverse=True)[1]
    return [np.bincount(level, column) for column in columns]


def above(x):
    """Whether one score is higher than another, ties half: (case, case)."""
    return (x[:, None] > x) + 0.5 * (x[:, None] == x)


@given(cases())
def test_rank_value_counts_all_pairs_of_a_positive_and_a_negative(some):
    x, y, w = some
    up, down = w * y, w * (1 - y)
    counted = up @ above(x) @ down / (up.sum() * down.sum())
    assert abs(selective_risk.rank_value(*levels(x, up, down)) - counted) < EXACT


@given(cases())
def test_pairs_in_either_order_have_one_less_twice_the_joint_risk_area(some):
    x, y, w = some
    d, right = x - 2.5, np.where(x > 2.5, y, 1 - y)
    twice, up, down = np.r_[d, -d], np.r_[w * y, w * (1 - y)], np.r_[w * (1 - y), w * y]
    area = selective_risk.joint_risk_area(*levels(-np.abs(d), w, w * (1 - right)))
    assert abs(selective_risk.rank_value(*levels(twice, up, down)) - (1 - 2 * area)) < EXACT


@given(cases())
def test_joint_risk_area_is_the_chance_of_an_error_no_later_than_another_case(some):
    sure, right, w = some
    wrong = w * (1 - right)
    area = selective_risk.joint_risk_area(*levels(-sure, w, wrong))
    assert abs(area - wrong @ above(sure) @ w / w.sum() ** 2) < EXACT
    a = 1 - wrong.sum() / w.sum()
    rank = (w * right) @ above(sure) @ wrong / ((w * right).sum() * wrong.sum())
    assert abs(area - ((1 - rank) * a * (1 - a) + (1 - a) ** 2 / 2)) < EXACT


@given(st.integers(1, 60), st.integers(0, 10_000))
def test_the_published_risk_area_without_ties(n, seed):
    wrong = (np.random.default_rng(seed).random(n) < 0.3).astype(float)
    published = np.mean(np.cumsum(wrong) / np.arange(1, n + 1))
    assert abs(selective_risk.stepwise_risk_area(np.ones(n), wrong, n) - published) < EXACT
    smooth = selective_risk.risk_area(np.ones(n), wrong)
    assert abs(smooth - published) < (1 + np.log(n)) / n


@pytest.mark.parametrize("seed", range(5))
def test_ties_are_averaged_over_random_order(seed):
    rng = np.random.default_rng(seed)
    sure, wrong = rng.integers(0, 3, 12), (rng.random(12) < 0.4).astype(float)
    sums = levels(-sure.astype(float), np.ones(12), wrong)
    found = selective_risk.stepwise_risk_area(*sums, 12)
    orders = [np.lexsort((rng.random(12), -sure)) for _ in range(20_000)]
    shuffled = np.mean(np.cumsum(wrong[np.array(orders)], axis=1) / np.arange(1, 13), axis=1)
    assert abs(found - shuffled.mean()) < 5 * shuffled.std() / np.sqrt(len(shuffled)) + EXACT


@given(cases())
def test_continuous_risk_area_is_the_limit_of_steps(some):
    sure, right, w = some
    sums = levels(-sure, w, w * (1 - right))
    assert (
        abs(selective_risk.risk_area(*sums) - selective_risk.stepwise_risk_area(*sums, 10**7))
        < 1e-5
    )


@pytest.mark.parametrize(
    ("value", "gradient"),
    [
        (selective_risk.rank_value, selective_risk.rank_gradient),
        (selective_risk.joint_risk_area, selective_risk.joint_risk_gradient),
        (selective_risk.risk_area, selective_risk.risk_gradient),
    ],
)
@given(cases())
def test_gradients_are_derivatives_and_scale_does_not_matter(value, gradient, some):
    x, y, w = some
    sums = levels(x, w, w * (0.1 + 0.8 * y))
    slopes, h = gradient(*sums), 1e-6
    assert abs(sum(s @ g for s, g in zip(sums, slopes, strict=True))) < EXACT
    assert abs(value(*(3 * s for s in sums)) - value(*sums)) < EXACT
    for column in (0, 1):
        for k in range(len(sums[0])):
            step = np.zeros(len(sums[0]))
            step[k] = h
            ends = []
            for sign in (1, -1):
                moved = list(sums)
                moved[column] = moved[column] + sign * step
                ends.append(value(*moved))
            assert abs((ends[0] - ends[1]) / (2 * h) - slopes[column][k]) < 1e-6


@given(cases(), st.sampled_from([0.5, 0.8, 0.9, 1.0]))
def test_largest_coverage_is_the_best_of_all_thresholds(some, accuracy):
    sure, right, w = some
    kept = [sure >= t for t in np.unique(sure)]
    good = [w[k].sum() for k in kept if np.average(right[k], weights=w[k]) >= accuracy - 1e-12]
    weight, hits = levels(-sure, w, w * right)
    found = selective_risk.last_coverage(
        weight, selective_risk.reaches_accuracy(weight, hits, accuracy)
    )
    assert abs(found - max(good, default=0.0) / w.sum()) < EXACT


def test_sureness_that_knows_nothing_has_the_error_rate_and_half_of_it():
    weight, wrong = np.array([40.0]), np.array([10.0])  # one level
    assert selective_risk.risk_area(weight, wrong) == 0.25
    assert selective_risk.stepwise_risk_area(weight, wrong, 40) == pytest.approx(0.25)
    assert selective_risk.joint_risk_area(weight, wrong) == 0.125
