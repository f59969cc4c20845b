"""Differences as decimals, and thresholds: against exact arithmetic on the numbers as written."""

import itertools
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from metaeval import Pairs, Responses, evaluate
from metaeval.core import decide_with_threshold, difference, same_sizes, typical_decade
from metaeval.core.decimals import decade_of
from metaeval.statistics import best_of_n, kendall, pairwise_accuracy, tie_calibrated_accuracy
from metaeval.tables.pairing import margins

PLACES = st.integers(0, 6)
NUMBERS = st.lists(st.integers(-9999, 9999), min_size=2, max_size=9)


def all_margins(values):
    values = np.asarray(values, dtype=float)
    first, second = np.triu_indices(len(values), 1)
    return margins(values, first, second), first, second


@given(NUMBERS, PLACES, st.sampled_from([0, 1, -7, 100, 12345]))
def test_margins_of_decimals_are_the_decimals_that_one_writes(numbers, places, constant):
    written = [Decimal(n).scaleb(-places) + constant for n in numbers]
    found, first, second = all_margins([float(w) for w in written])
    assert found.tolist() == [
        float(written[i] - written[j]) for i, j in zip(first, second, strict=True)
    ]


@given(NUMBERS, st.integers(1, 12), st.sampled_from([0, 1, -3, 10]))
def test_margins_of_fractions_are_equal_where_they_are_on_paper(numbers, over, constant):
    exact = [Fraction(n, over) + constant for n in numbers]
    found, first, second = all_margins([float(x) for x in exact])
    gaps = [exact[i] - exact[j] for i, j in zip(first, second, strict=True)]
    for a, b in itertools.combinations(range(len(gaps)), 2):
        assert (found[a] == found[b]) == (gaps[a] == gaps[b])
        assert (found[a] < found[b]) == (gaps[a] < gaps[b])


@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(-40, 40)), min_size=2, max_size=8),
    st.booleans(),
)
def test_no_difference_is_lost_over_many_magnitudes(parts, negative):
    exact = [Decimal(m).scaleb(e) * (-1 if negative else 1) for m, e in parts]
    found, first, second = all_margins([float(x) for x in exact])
    for gap, i, j in zip(found, first, second, strict=True):
        true = exact[i] - exact[j]
        assert np.sign(gap) == np.sign(float(true))
        if true:
            assert abs(gap / float(true) - 1) < 1e-8


@given(NUMBERS, PLACES, st.sampled_from([1e9, -1e15, 1e300, 1e-200]))
def test_an_outlier_changes_no_other_margin(numbers, places, outlier):
    values = [n / 10**places for n in numbers] * 2
    found, _, _ = all_margins(values)
    beside, first, second = all_margins([*values, outlier])
    others = (first < len(values)) & (second < len(values))
    assert beside[others].tolist() == found.tolist()


@given(NUMBERS, PLACES, PLACES)
def test_thresholds_tie_what_they_tie_on_paper(numbers, places, of_epsilon):
    written = [Decimal(n).scaleb(-places) for n in numbers]
    found, first, second = all_margins([float(w) for w in written])
    for epsilon in {abs(written[0] - written[1]), Decimal(3).scaleb(-of_epsilon)}:
        calls = decide_with_threshold(found, float(epsilon))
        raw = np.array(
            [float(written[i]) - float(written[j]) for i, j in zip(first, second, strict=True)]
        )
        for gap, i, j in zip(calls, first, second, strict=True):
            true = written[i] - written[j]
            assert gap == (0 if abs(true) <= epsilon else np.sign(float(true)))
        if epsilon and max(map(abs, written)) < 1000 * epsilon:  # margins given as they are
            assert decide_with_threshold(raw, float(epsilon)).tolist() == calls.tolist()


@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=6))
def test_turning_a_pair_round_turns_its_margin(values):
    values = np.array(values)
    typical = typical_decade(values)
    there = difference(values[:, None], values, typical)
    assert (there == -there.T).all()
    assert (np.diag(there) == 0).all()


@pytest.mark.parametrize("x", [1e-300, 5e-324, 1e-5, 0.1, 1.0, 9.99, 1e15, 1e299])
def test_decades(x):
    assert decade_of(x) == np.floor(Decimal(x).log10())
    assert difference(np.array([x]), np.array([0.0]), 0)[0] == pytest.approx(x, rel=1e-9)


def test_missing_and_absent_scores():
    values = np.array([np.nan, 0.3, 0.2])
    np.testing.assert_array_equal(all_margins(values)[0], [np.nan, np.nan, 0.1])
    np.testing.assert_array_equal(all_margins([np.nan, np.nan])[0], [np.nan])
    assert all_margins([0.0, 0.0])[0].tolist() == [0]
    assert decade_of(np.array([0.0, np.nan])).tolist() == [-400, -400]


@given(st.lists(st.integers(0, 30), max_size=20))
def test_sizes_that_are_equal_on_paper_are_one_threshold(tenths):
    noisy = np.sort([(n + 7) / 10 - 0.7 for n in tenths])
    found = same_sizes(noisy)
    if 0 not in tenths:
        assert len(set(found)) == len(set(tenths))
    assert (np.diff(found) >= 0).all()
    assert (found >= noisy).all()


# What users see.
def graded(tenths, labels, n_systems):
    n = len(tenths)
    rows = pd.DataFrame(
        {
            "item": np.arange(n) // n_systems,
            "system": [f"s{i}" for i in np.arange(n) % n_systems],
        }
    )
    scores = pd.DataFrame({"m": np.array(tenths) / 10})
    return Responses(rows, scores, pd.DataFrame({"h": labels}), label_kind="rating")


def value(table, statistic):
    return float(evaluate(table, statistic, n_resamples=100).frame["estimate"].iloc[0])


@pytest.mark.parametrize("statistic", [pairwise_accuracy("acc-eq", epsilon=0.2), "grouped"])
@given(seed=st.integers(0, 10**6), epsilon=st.sampled_from([1, 2, 3, 5]))
def test_a_threshold_on_a_grid_of_tenths_is_that_of_counting_in_tenths(statistic, seed, epsilon):
    rng = np.random.default_rng(seed)
    tenths, labels = rng.integers(0, 11, 60), rng.integers(0, 4, 60)
    table = graded(tenths, labels, 3)
    grouping = "none" if statistic == "grouped" else "item"
    found = value(table, pairwise_accuracy("acc-eq", epsilon=epsilon / 10, grouping=grouping))
    groups = [np.arange(60)] if grouping == "none" else np.arange(60).reshape(-1, 3)
    right = [
        (np.sign(x) if abs(x := tenths[i] - tenths[j]) > epsilon else 0)
        == np.sign(labels[i] - labels[j])
        for rows in groups
        for i, j in itertools.combinations(rows, 2)
    ]
    assert found == pytest.approx(np.mean(right), abs=1e-12)


@pytest.mark.parametrize("scale", [0.1, 0.7, 1 / 3, 1e-6, 1e6])
def test_labels_within_their_threshold_are_tied(scale):
    labels = np.array([3, 2, 2, 1, 1, 0, 9, 8, 7, 6, 5, 4]) * scale
    table = graded(np.arange(12), labels, 2).replace(label_epsilon=scale)
    assert (table.pairs().labels["h"] == 0).all()
    tight = table.pairs(0.999 * scale).labels["h"]
    assert (tight == 1).all()


def test_a_tuned_threshold_is_the_same_from_margins_as_given():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 11, (2, 200)) / 10
    human = np.where(rng.random(200) < 0.3, 0, np.sign(a - b + rng.normal(size=200) / 3))
    rows = pd.DataFrame({"item": range(200), "first": "x", "second": "y"})
    labels = pd.DataFrame({"h": human})
    given_margins = Pairs(rows, pd.DataFrame({"m": a - b}), labels)
    whole = Pairs(rows, pd.DataFrame({"m": np.round(10 * (a - b))}), labels)
    statistic = tie_calibrated_accuracy(n_folds=None)
    assert value(given_margins, statistic) == value(whole, statistic)


def test_one_sentinel_ties_nothing_else():
    rng = np.random.default_rng(0)
    labels = rng.permuted(np.tile([0, 1, 2], (40, 1)), axis=1).ravel()
    table = graded(labels, labels, 3)
    assert value(table, pairwise_accuracy("strict")) == 1
    scores = table.scores.copy()
    for sentinel in (1e9, 1e15):
        scores.loc[int(np.argmax(labels)), "m"] = sentinel
        for statistic in (pairwise_accuracy("strict"), kendall("b", grouping="none")):
            found = value(table.replace(scores=scores), statistic)
            assert found == pytest.approx(value(table, statistic), abs=0.02), sentinel


def test_products_of_probabilities_keep_their_order():
    rng = np.random.default_rng(1)
    logs = np.cumsum(np.log(rng.uniform(0.05, 0.999, (300, 4))), axis=1).ravel() * 8
    correct = np.tile([1.0, 0, 0, 0], 300)
    rows = pd.DataFrame({"item": np.repeat(range(300), 4), "response": list("abcd") * 300})
    scores = pd.DataFrame({"log": logs, "product": np.exp(logs)})
    table = Responses(rows, scores, pd.DataFrame({"h": correct}), label_kind="correct")
    for statistic in (best_of_n(), pairwise_accuracy("strict")):
        frame = evaluate(table, statistic, n_resamples=100).frame.set_index("scorer")
        assert frame["estimate"]["log"] == frame["estimate"]["product"] > 0.5
