"""Bounds from the agreement of raters, correction for their noise, and where ties are best."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from metaeval import Pairs, simulate
from metaeval.bayes import agreement_bounds, correct_for_label_noise, tie_threshold
from metaeval.core import MetaevalError


def judged(p, n_raters=2, seed=0, items=None, tie=0.0):
    """Pairs of which each rater prefers the first with probability p (pair,), or sees a tie."""
    rng, n = np.random.default_rng(seed), len(p)
    labels = np.where(rng.random((n, n_raters)) < p[:, None], 1.0, -1.0)
    labels[rng.random(labels.shape) < tie] = 0.0
    first, second = ([f"{side}{i:05}" for i in range(n)] for side in "ab")
    items = np.arange(n) if items is None else items
    rows = pd.DataFrame({"item": items, "first": first, "second": second})
    names = [f"r{k}" for k in range(n_raters)]
    return Pairs(rows, pd.DataFrame(index=rows.index), pd.DataFrame(labels, columns=names))


def unanimous_or_coin(n, agreement, seed=1):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 2 * agreement - 1, rng.integers(0, 2, n), 0.5)


def equally_hard(n, agreement, seed=1):
    q = (1 + np.sqrt(2 * agreement - 1)) / 2
    return np.where(np.random.default_rng(seed).random(n) < 0.5, q, 1 - q)


def best(p):
    """The best agreement with one rater: always the better-liked response."""
    return np.maximum(p, 1 - p).mean()


@pytest.mark.parametrize("agreement", [0.6, 0.73, 0.9])
def test_both_extremes_reach_their_bound(agreement):
    low, high = (f(20_000, agreement) for f in (unanimous_or_coin, equally_hard))
    one, other = (agreement_bounds(judged(p), n_draws=100) for p in (low, high))
    assert one.lowest.value == pytest.approx(best(low), abs=0.012)
    assert other.highest.value == pytest.approx(best(high), abs=0.012)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_difficulties_the_best_lies_between(seed):
    p = np.random.default_rng(seed).beta(0.6 + seed, 0.4, size=10_000)
    found = agreement_bounds(judged(p, seed=seed), n_draws=400, confidence=0.999)
    assert found.lowest.lower <= best(p) <= found.highest.upper
    a = (p**2 + (1 - p) ** 2).mean()
    assert found.agreement.lower < a < found.agreement.upper
    assert a <= best(p) <= (1 + np.sqrt(2 * a - 1)) / 2


def test_the_published_ceiling():
    table = judged(np.ones(100))
    table.labels.loc[:26, "r0"] = -1.0  # 27 of 100 disagree
    found = agreement_bounds(table)
    assert found.agreement.value == found.lowest.value == pytest.approx(0.73)
    assert found.highest.value == pytest.approx(0.839, abs=5e-4)


def brute(table):
    """Agreement of every two raters, pair by pair; and how many have a tie."""
    same = both = ties = 0
    for labels in table.labels.to_numpy():
        for x, y in itertools.combinations(labels[~np.isnan(labels)], 2):
            ties += x * y == 0
            both += x * y != 0
            same += x * y > 0
    return same / both, both, ties


def test_ties_and_holes_are_left_out_and_counted():
    table = judged(np.full(300, 0.8), n_raters=4, tie=0.2)
    labels = table.labels.mask(np.random.default_rng(5).random(table.labels.shape) < 0.3)
    table = table.replace(labels=labels)
    found = agreement_bounds(table)
    assert (found.agreement.value, found.n_verdicts, found.n_ties) == brute(table)
    assert f"{found.n_ties} verdicts with a tie excluded" in found.sentence()
    assert "Two of 4 raters" in found.sentence()


def test_some_raters_can_be_chosen_in_any_order():
    table = judged(np.full(300, 0.8), n_raters=4)
    one = agreement_bounds(table, raters=["r0", "r3"])
    other = agreement_bounds(table, raters=["r3", "r0"])
    assert one.agreement == other.agreement
    labels = table.labels
    assert one.agreement.value == pytest.approx((labels["r0"] == labels["r3"]).mean())


def test_items_are_weighted_whole_and_the_seed_decides():
    p = np.repeat(unanimous_or_coin(60, 0.8), 8)
    labels = np.repeat(judged(p[::8]).labels.to_numpy(), 8, axis=0)
    items = [f"i{i // 8:02}" for i in range(480)]
    table = judged(p, items=items)
    labels = pd.DataFrame(labels, columns=["r0", "r1"], index=table.rows.index)
    table = table.replace(labels=labels)
    found = agreement_bounds(table)
    a = found.agreement.value
    assert found.n_units == found.n_items == 60
    assert found.draws.std() == pytest.approx(np.sqrt(a * (1 - a) / 61), rel=0.05)
    assert (agreement_bounds(table).draws == found.draws).all()
    assert not (agreement_bounds(table, seed=1).draws == found.draws).any()


def test_responses_are_compared_in_pairs():
    table = simulate(seed=2, n_items=50, raters=3).table
    one, other = agreement_bounds(table), agreement_bounds(table.pairs())
    assert one.agreement == other.agreement
    assert one.agreement.value == brute(table.pairs())[0]


def test_draws_no_better_than_chance_are_kept_at_a_half():
    table = judged(np.ones(31))
    labels = table.labels.assign(r0=np.where(np.arange(31) < 14, -1.0, 1.0))
    found = agreement_bounds(table.replace(labels=labels))
    assert found.agreement.value > 0.5 > found.agreement.lower
    assert found.lowest.lower == found.highest.lower == 0.5
    assert found.lowest.upper <= found.highest.upper


def test_the_frame_has_one_row_for_each():
    frame = agreement_bounds(judged(np.full(100, 0.9))).to_frame()
    assert list(frame["statistic"]) == ["agreement", "ceiling (lower)", "ceiling (upper)"]
    assert (frame["lower"] <= frame["upper"]).all()


def opposed():
    table = judged(np.ones(100))
    return table.replace(labels=table.labels.assign(r0=np.tile([1.0, -1.0], 50)))


ONE, CLEAR = judged(np.full(9, 0.9), n_raters=1), judged(np.ones(9))
NONSENSE = {
    "one rater": (ONE, {}, "Agreement needs at least two raters, got r0"),
    "chance": (opposed(), {}, "agreement at or below chance gives no bound"),
    "unknown": (CLEAR, {"raters": ["r0", "r7"]}, "There is no rater 'r7'"),
    "all ties": (
        judged(np.ones(9), tie=1.0),
        {},
        "No pair has preferences from two of the raters r0, r1",
    ),
    "one item": (judged(np.ones(9), items=np.zeros(9, int)), {}, "belong to one item"),
    "no table": ([1, 2], {}, "Expected a Responses or Pairs table"),
    "few draws": (CLEAR, {"n_draws": 3}, "n_draws=3"),
    "seed": (CLEAR, {"seed": -1}, "seed=-1"),
    "confidence": (CLEAR, {"confidence": 1.5}, "confidence=1.5"),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_what_bounds_nothing_is_refused(case):
    table, options, message = NONSENSE[case]
    with pytest.raises(MetaevalError) as error:
        agreement_bounds(table, **options)
    assert message in str(error.value)


# Noise of the label.
def test_noise_is_taken_out_where_all_pairs_are_equally_hard():
    rng, n, eta = np.random.default_rng(0), 200_000, 0.15
    right, slips = rng.random(n) < 0.8, rng.random((n, 2)) < eta
    seen, agreement = (right ^ slips[:, 0]).mean(), (slips[:, 0] == slips[:, 1]).mean()
    assert seen < 0.72
    assert correct_for_label_noise(seen, agreement) == pytest.approx(0.8, abs=0.01)


def test_perfect_raters_change_nothing_and_chance_stays_chance():
    accuracy = np.linspace(0, 1, 11)
    assert correct_for_label_noise(accuracy, 1.0) == pytest.approx(accuracy)
    assert correct_for_label_noise(0.5, np.array([0.6, 0.8, 1.0])) == pytest.approx(np.full(3, 0.5))


def test_a_scorer_that_errs_as_raters_do_comes_out_above_one():
    assert correct_for_label_noise(0.97, 0.82) > 1


@pytest.mark.parametrize(
    ("accuracy", "agreement", "message"),
    [
        (0.7, 0.5, r"above 1/2 \(chance\)"),
        (0.7, [0.9, 0.4], r"above 1/2 \(chance\)"),
        (0.7, np.nan, r"above 1/2 \(chance\)"),
        (0.7, 73, "not a percentage"),
        (70, 0.9, "not a percentage"),
        (np.nan, 0.9, "between 0 and 1"),
    ],
)
def test_corrections_from_nonsense_are_refused(accuracy, agreement, message):
    with pytest.raises(MetaevalError, match=message):
        correct_for_label_noise(accuracy, agreement)


# Where a tie is the best call.
def outcomes(u, model, threshold):
    """Probabilities of win, tie and loss: (u, 3)."""
    if model == "rao_kupper":
        win, loss = expit(u - threshold), expit(-u - threshold)
        return np.stack([win, 1 - win - loss, loss], axis=-1)
    size = np.stack([np.exp(u / 2), np.full(len(u), np.exp(threshold)), np.exp(-u / 2)], axis=-1)
    return size / size.sum(axis=-1, keepdims=True)


CASES = [
    *(("rao_kupper", np.log(theta)) for theta in (1.0, 1.5, 2.0, 2.2, 3.0, 12.0)),
    *(("davidson", np.log(nu)) for nu in (0.3, 1.0, 1.1, 1.8, 9.0)),
]


@pytest.mark.parametrize(("model", "threshold"), CASES)
@pytest.mark.parametrize("slope", [0.5, 2.0])
def test_no_other_threshold_is_right_more_often(model, threshold, slope):
    margin = np.linspace(-15, 15, 6001)
    p = outcomes(slope * margin, model, threshold)
    tried = np.linspace(0, 12, 2401)
    decided = np.where(margin > 0, p[:, 0], p[:, 2])
    right = [np.where(abs(margin) < eps, p[:, 1], decided).mean() for eps in tried]
    found = tie_threshold(slope, threshold, model)
    assert tried[int(np.argmax(right))] == pytest.approx(found, abs=0.011)


@pytest.mark.parametrize(
    ("model", "threshold", "u", "win"),
    [("rao_kupper", np.log(3), 0.847298, 0.4375), ("davidson", np.log(1.8), 1.175573, 0.433155)],
)
def test_published_values(model, threshold, u, win):
    assert tie_threshold(1.0, threshold, model) == pytest.approx(u, abs=1e-6)
    p = outcomes(np.array([u]), model, threshold)[0]
    assert p[:2] == pytest.approx([win, win], abs=1e-6)


def test_draws_go_in_as_they_are():
    slope, t = np.array([[0.5], [2.0]]), np.log(np.array([1.5, 2.0, 3.0, 1e9]))
    found = tie_threshold(slope, t)
    assert found.shape == (2, 4)
    one_by_one = [[tie_threshold(s, x) for x in t] for s in slope[:, 0]]
    assert found == pytest.approx(np.array(one_by_one))
    assert (found[:, :2] == 0).all()
    assert found[:, 3] == pytest.approx(np.log(1e9) / slope[:, 0])
    assert tie_threshold(-2.0, np.log(3)) == tie_threshold(2.0, np.log(3))
    assert tie_threshold(0.0, np.log(3)) == np.inf
    assert tie_threshold(0.0, np.log(1.5)) == 0
    assert tie_threshold(1.0, 800.0) == pytest.approx(800)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, -0.1), "at least 0 for model='rao_kupper'"),
        ((1.0, np.nan), "threshold must be a finite number"),
        ((np.inf, 1.0), "slope must be a finite number"),
        (("steep", 1.0), "slope must be a finite number"),
        ((1.0, 1.0, "davidsn"), "Did you mean 'davidson'"),
    ],
)
def test_thresholds_of_nonsense_are_refused(arguments, message):
    with pytest.raises(MetaevalError, match=message):
        tie_threshold(*arguments)
