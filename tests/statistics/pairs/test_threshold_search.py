"""Thresholds chosen anew in every replicate, against choosing them again from sorted pairs."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from strategies import responses

from metaeval import MetaevalError, Pairs
from metaeval.inference import make_design
from metaeval.statistics import tie_calibrated_accuracy
from metaeval.statistics.pairs import tie_calibration

STEP = 2**12  # weights of items are multiples of 1 / STEP
FOLDS = [None, 2, 5]
AVERAGES = ["items", "pairs"]


def argmax(n_folds, average):
    return tie_calibration.Tuning(n_folds=n_folds, average=average, argmax=True)


def accuracy(table, weights, folds, average):
    """Accuracy of one replicate and the first scorer, in whole numbers up to the last division."""
    size = np.bincount(table.item_codes)
    common = math.lcm(*size.tolist()) if average == "items" else 1
    of_pair = common // size if average == "items" else np.ones_like(size)
    weight = (weights * STEP).astype(int)[table.item_codes] * of_pair[table.item_codes]
    margin, human = table.scores.to_numpy()[:, 0], table.labels.to_numpy()[:, 0]
    fold = np.zeros(len(table), int) if folds is None else table.item_codes % folds
    right = 0
    for f in range(folds or 1):
        own = fold == f
        train = own if folds is None else ~own
        epsilon = best_threshold(margin[train], human[train], weight[train])
        right += weight[own][call(margin[own], epsilon) == human[own]].sum()
    return right / weight.sum() if weight.any() else math.nan


def call(margin, epsilon):
    return np.where(np.abs(margin) <= epsilon, 0.0, np.sign(margin))


def best_threshold(margin, human, weight):
    """The first of 0 and all sorted |d| with the most weight on right calls."""
    some = np.unique(np.abs(margin[~np.isnan(margin)]))
    some = np.r_[0.0, some[some > 0]]
    right = [weight[call(margin, epsilon) == human].sum() for epsilon in some]
    return some[int(np.argmax(right))]


def pairs(seed=0, n_items=12, grid=None, zeros=True, holes=False, size=None):
    """Pairs with unequal numbers to an item; margins on a grid are often equal."""
    random = np.random.default_rng(seed)
    sizes = np.full(n_items, size) if size else random.choice([1, 2, 3, 4, 6, 8], n_items)
    item = np.repeat(np.arange(n_items), sizes)
    quality = random.normal(size=len(item))
    human = np.where(np.abs(quality) < 0.6, 0.0, np.sign(quality))
    margin = quality + random.normal(size=len(item))
    if grid:
        margin = np.round(margin * grid) / grid
    margin[margin == 0] = 0.0 if zeros else 0.25
    if zeros:
        margin[random.random(len(item)) < 0.1] = 0.0
    if holes:
        margin[random.random(len(item)) < 0.15] = np.nan
    rows = pd.DataFrame({"item": [f"i{i:03}" for i in item], "first": "a"})
    rows["second"] = [f"b{k}" for k in range(len(item))]
    return Pairs(rows, pd.DataFrame({"x": margin}), pd.DataFrame({"h": human}))


def counts(n_items, n=50, seed=1):
    return np.random.default_rng(seed).multinomial(n_items, np.full(n_items, 1 / n_items), n) * 1.0


def exponential(n_items, n=50, seed=1):
    return np.round(np.random.default_rng(seed).exponential(size=(n, n_items)) * STEP) / STEP


def same_in_each_replicate(table, weights, folds, average):
    found = tie_calibration._weigh(table, argmax(folds, average))(weights)[:, 0]
    expected = [accuracy(table, w, folds, average) for w in weights]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("draw", [counts, exponential])
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("folds", FOLDS)
@pytest.mark.parametrize("n_bins", [3, 512])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"grid": 2},
        {"grid": 4, "zeros": False},
        {"zeros": False, "holes": True},
        {"grid": 8, "holes": True},
        {"n_items": 40, "size": 3},
    ],
    ids=str,
)
def test_every_replicate_is_what_sorting_again_gives(
    options, n_bins, folds, average, draw, monkeypatch
):
    monkeypatch.setattr(tie_calibration, "_MAX_BINS", n_bins)
    table = pairs(**options)
    same_in_each_replicate(table, draw(table.n_items), folds, average)


@settings(max_examples=30)
@given(
    table=responses(scorers=1, items=(2, 8), systems=(2, 5), holes=True),
    folds=st.sampled_from(FOLDS),
    average=st.sampled_from(AVERAGES),
    whole=st.booleans(),
    seed=st.integers(0, 99),
)
def test_small_tables_agree_with_sorting_again(table, folds, average, whole, seed):
    try:
        table = make_design(table).table.pairs()
    except MetaevalError:
        return
    if table.n_items > 1:
        weights = (counts if whole else exponential)(table.n_items, 5, seed)
        same_in_each_replicate(table, weights, folds, average)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("folds", FOLDS)
def test_without_resampling_it_is_the_estimate(folds, average):
    table = pairs(grid=4, holes=True, n_items=30)
    statistic = tie_calibrated_accuracy(folds, average, threshold="argmax")
    again = statistic.weigh(table)(np.ones((1, table.n_items)))[0]
    np.testing.assert_allclose(again, statistic.value(table), rtol=0, atol=1e-15)


@pytest.mark.parametrize("folds", FOLDS)
def test_blocks_of_replicates_change_nothing(folds):
    table = pairs(n_items=30)
    weigh, weights = tie_calibration._weigh(table, argmax(folds, "items")), counts(30, 700)
    parts = [weigh(weights[i : i + 99]) for i in range(0, 700, 99)]
    np.testing.assert_array_equal(weigh(weights), np.concatenate(parts))


def test_weights_of_pairs_are_whole_and_few_enough_to_be_exact():
    item = np.repeat(np.arange(60), np.arange(1, 61))  # no small common multiple
    rows = pd.DataFrame({"item": item, "first": "a", "second": [f"b{k}" for k in range(len(item))]})
    random = np.random.default_rng(0)
    margin = pd.DataFrame({"x": random.normal(size=len(item))})
    table = Pairs(rows, margin, pd.DataFrame({"h": random.integers(-1, 2, len(item)) * 1.0}))
    weight = tie_calibration._credit_weight(table, "items")
    assert (weight == np.rint(weight)).all()
    assert weight.sum() <= 2**38
    of_item = np.bincount(table.item_codes, weight)
    np.testing.assert_allclose(of_item, of_item[0], rtol=1e-7)
    weights = exponential(60, 20)
    one = tie_calibration._weigh(table, argmax(5, "items"))(weights)
    np.testing.assert_array_equal(
        one, tie_calibration._weigh(table, argmax(5, "items"))(weights[::-1])[::-1]
    )
