"""Published vectors, and SciPy as an oracle for one item at a time."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, strategies as st

from metaeval import Responses
from metaeval.inference import as_rows_for
from metaeval.statistics import (
    Tuning,
    kendall,
    pairwise_accuracy,
    pearson,
    spearman,
    system_pearson,
    thresholds,
    tie_calibrated_accuracy,
)

HUMAN, SCORER = [1, 2, 2, 3, 4], [2, 1, 1.5, 5, 3]
HUMAN_2, SCORER_2 = [1, 1, 1, 4], [0, 2, 6, 8]
IN_SAMPLE = Tuning(n_folds=None, average="items", argmax=True)
# Two systems (rows) by three items.
GOLD, METRIC = [[1, 2, 3], [4, 5, 6]], [[2, 1, 4], [3, 3, 7]]


def table_of(gold, metric):
    gold, metric = np.atleast_2d(gold).astype(float), np.atleast_2d(metric).astype(float)
    systems, items = np.indices(gold.shape)
    rows = pd.DataFrame({"item": items.ravel(), "system": systems.ravel()})
    return Responses(
        rows,
        pd.DataFrame({"m": metric.ravel()}),
        pd.DataFrame({"gold": gold.ravel()}),
        label_kind="rating",
    )


def one_item(human, scorer):
    """All responses answer one item."""
    return table_of(np.array(human)[:, None], np.array(scorer)[:, None])


def value(table, statistic):
    view = as_rows_for(statistic, table)
    return float(statistic.value(view)[0])


# methods C.2.
@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        (kendall("b"), 0.316227766),
        (kendall("c"), 0.32),
        (kendall("23"), 0.2),
        (pairwise_accuracy("acc-eq"), 0.6),
        (pairwise_accuracy("acc-eq", 0.5), 0.7),
        (pairwise_accuracy("acc-eq", 2.0), 0.4),
        (tie_calibrated_accuracy(None), 0.7),
    ],
)
def test_first_vector_of_ties(statistic, expected):
    assert value(one_item(HUMAN, SCORER), statistic) == pytest.approx(expected, abs=1e-9)


def test_first_vector_has_its_best_threshold():
    assert thresholds(one_item(HUMAN, SCORER).pairs(), IN_SAMPLE).tolist() == [[0.5]]


@pytest.mark.parametrize(
    ("epsilon", "right"), [(0, 3), (2, 3), (4, 4), (6, 4), (8, 3), (1.99, 3), (3.99, 3), (5, 4)]
)
def test_second_vector_is_a_curve_of_thresholds(epsilon, right):
    table = one_item(HUMAN_2, SCORER_2)
    assert value(table, pairwise_accuracy("acc-eq", epsilon)) == pytest.approx(right / 6, abs=1e-12)


def test_second_vector_takes_the_first_of_two_best_thresholds():
    table = one_item(HUMAN_2, SCORER_2)
    assert thresholds(table.pairs(), IN_SAMPLE).tolist() == [[4.0]]
    assert value(table, tie_calibrated_accuracy(None)) == pytest.approx(4 / 6, abs=1e-12)


# methods E.
@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        (pearson("none"), 0.776),
        (pearson("system"), 0.760),
        (pearson("item"), 1.0),
        (kendall("b", grouping="none"), 0.552),
        (kendall("b", grouping="system"), 0.575),
        (kendall("b", grouping="item"), 1.0),
        (kendall("c", grouping="none"), 0.556),
        (kendall("c", grouping="system"), 0.611),
    ],
)
def test_groupings(statistic, expected):
    assert value(table_of(GOLD, METRIC), statistic) == pytest.approx(expected, abs=5e-4)


def test_groupings_by_hand():
    table = table_of(GOLD, METRIC)
    each = [scipy.stats.pearsonr(g, m).statistic for g, m in zip(GOLD, METRIC, strict=True)]
    assert value(table, pearson("system")) == pytest.approx(np.mean(each), abs=1e-12)
    flat = scipy.stats.kendalltau(np.ravel(GOLD), np.ravel(METRIC)).statistic
    assert value(table, kendall("b", grouping="none")) == pytest.approx(flat, abs=1e-12)


# methods C.1.
def test_a_constant_scorer_gets_the_share_of_tied_labels():
    table = one_item(HUMAN, [1, 1, 1, 1, 1])
    statistic = pairwise_accuracy("acc-eq")
    levels = statistic.describe(table.pairs())
    assert value(table, statistic) == pytest.approx(0.1, abs=1e-12)
    assert levels["tie_rate"][0] == pytest.approx(1.0, abs=1e-12)
    assert levels["chance"][0] == pytest.approx(0.1, abs=1e-12)
    assert levels["best_constant"][0] == pytest.approx(0.45, abs=1e-12)


def test_all_responses_equal_labels_and_no_tie():
    levels = pairwise_accuracy("acc-eq").describe(one_item([1, 1, 1], [1, 2, 3]).pairs())
    assert (levels["tie_rate"][0], levels["chance"][0], levels["best_constant"][0]) == (
        0.0,
        0.0,
        1.0,
    )


# SciPy.
values = st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5])
vectors = (
    st.integers(3, 9)
    .flatmap(lambda n: st.tuples(*(st.lists(values, min_size=n, max_size=n) for _ in range(2))))
    .filter(lambda both: all(len(set(v)) > 1 for v in both))
)


@given(vectors)
def test_kendall_is_scipys(both):
    human, scorer = both
    for variant in ("b", "c"):
        expected = scipy.stats.kendalltau(scorer, human, variant=variant).statistic
        for grouping, table in (
            ("item", one_item(human, scorer)),
            ("system", table_of(human, scorer)),
            ("none", table_of(human, scorer)),
        ):
            found = value(table, kendall(variant, grouping=grouping))
            assert found == pytest.approx(expected, abs=1e-12), grouping


@pytest.mark.parametrize("name", ["pearson", "spearman"])
@given(both=vectors)
def test_correlations_are_scipys(name, both):
    human, scorer = both
    ours, theirs = {
        "pearson": (pearson, scipy.stats.pearsonr),
        "spearman": (spearman, scipy.stats.spearmanr),
    }[name]
    expected = theirs(scorer, human).statistic
    assert value(one_item(human, scorer), ours("item")) == pytest.approx(expected, abs=1e-12)
    assert value(table_of(human, scorer), ours("system")) == pytest.approx(expected, abs=1e-12)
    assert value(table_of(human, scorer), ours("none")) == pytest.approx(expected, abs=1e-12)


@given(vectors)
def test_somers_d_counts_the_pairs_that_the_labels_tell_apart(both):
    human, scorer = both
    expected = scipy.stats.somersd(human, scorer).statistic
    assert value(one_item(human, scorer), kendall("14")) == pytest.approx(expected, abs=1e-12)


@given(vectors)
def test_half_credit_is_the_area_under_the_curve(both):
    """With two kinds of label: the Mann-Whitney statistic over the number of pairs."""
    human, scorer = np.array(both[0]) > both[0][0], np.array(both[1])
    if human.all() or not human.any():
        return
    u = scipy.stats.mannwhitneyu(scorer[human], scorer[~human], method="asymptotic").statistic
    found = value(one_item(human.astype(float), scorer), pairwise_accuracy("half"))
    assert found == pytest.approx(u / (human.sum() * (~human).sum()), abs=1e-12)


def test_system_pearson_is_that_of_the_means():
    random = np.random.default_rng(0)
    gold = random.normal(size=(6, 20))
    metric = gold + random.normal(size=gold.shape)
    expected = scipy.stats.pearsonr(gold.mean(axis=1), metric.mean(axis=1)).statistic
    assert value(table_of(gold, metric), system_pearson()) == pytest.approx(expected, abs=1e-12)
