"""Every statistic against its slow twin: estimates, contributions and weighted replicates."""

from functools import partial

import definitions as slow
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import candidates, responses, weights

from metaeval.core import MetaevalError
from metaeval.inference import as_rows_for, make_design
from metaeval.statistics import (
    WeightedStatistic,
    best_of_n,
    correlation,
    kendall,
    pairwise_accuracy,
    pearson,
    spearman,
    system_accuracy,
    system_pearson,
    tie_calibrated_accuracy,
)
from metaeval.statistics.pairs import cross_item

ROUNDING = 1e-12
VARIANTS = ("a", "b", "c", "23", "10", "13", "14")
AVERAGES = [
    ("item", "items"),
    ("item", "pairs"),
    ("system", "groups"),
    ("system", "pairs"),
    ("none", "pairs"),
]


def values(expected):
    return [expected[s] for s in sorted(expected)]


def agrees(table, statistic, twin, only_with_pairs=False):
    """The estimate is the twin's, and contributions add up to it."""
    try:
        table = make_design(table).table
    except MetaevalError:
        return
    expected = values(twin(slow.rows_of(table, only_with_pairs)))
    try:
        view = as_rows_for(statistic, table)
        found = statistic.value(view)
    except MetaevalError:
        assert np.isnan(expected).any()
        return
    assert_allclose(found, expected, rtol=0, atol=ROUNDING)
    each = statistic.contributions(view)
    if each is not None and not np.isnan(expected).any():
        assert each.shape == (view.n_items, len(expected))
        assert_allclose(each.sum(axis=0), expected, rtol=0, atol=ROUNDING)


def levels_of(table, statistic):
    """Rows of what is measured, and tie rate, chance and trivial value of each scorer."""
    table = make_design(table).table
    levels = statistic.describe(as_rows_for(statistic, table))
    names = ("tie_rate", "chance", "best_constant")
    return table, {s: [levels[k][m] for k in names] for m, s in enumerate(table.scorers)}


def replicate(table, statistic, drawn):
    """Value of one replicate in which each item is drawn so often: (scorer,)."""
    view = as_rows_for(statistic, table)
    w = drawn[table.item_index.get_indexer(view.item_index)][None]
    if isinstance(statistic, WeightedStatistic):
        return statistic.weigh(view)(w)[0]
    return statistic.finish(np.tensordot(w, statistic.terms(view), 1))[0]


def by_item(table, drawn):
    ids = [("-", *key) if len(key) == 1 else key for key in table.item_index]
    return dict(zip(ids, drawn, strict=True))


def repeats(table, statistic, twin, data, only_with_pairs=False, atol=ROUNDING, lost=None):
    """A replicate under weights is the twin's value on the items, literally repeated.

    Replicates in which one of the groups that `lost` names is not there, or the value is not
    defined, say nothing.
    """
    try:
        table = make_design(table).table
        original = slow.rows_of(table, only_with_pairs)
        expected = values(twin(original))
    except MetaevalError:
        return
    if np.isnan(expected).any():
        return
    drawn = data.draw(weights(table.n_items))
    rows = slow.repeated(original, by_item(table, drawn))
    if not rows or (lost is not None and set(lost(original)) != set(lost(rows))):
        return
    expected = values(twin(rows))
    if np.isnan(expected).any():
        return
    assert_allclose(replicate(table, statistic, drawn), expected, rtol=0, atol=atol)


def prepared_rows(table):
    """Task and system of each row that counts."""
    try:
        return [(row.task, row.system) for row in slow.rows_of(make_design(table).table)]
    except MetaevalError:
        return []


# Pairwise accuracy.
@pytest.mark.parametrize("ties", ["acc-eq", "strict", "half"])
@pytest.mark.parametrize(("grouping", "average"), AVERAGES)
@settings(max_examples=6)
@given(
    table=responses(holes=True, clusters=True, tasks=True),
    epsilon=st.sampled_from([0.0, 0.5, 1.25]),
    data=st.data(),
)
def test_pairwise_accuracy(ties, grouping, average, table, epsilon, data):
    def twin(rows):
        return slow.pairwise_accuracy(rows, ties, epsilon, average, grouping)

    statistic = pairwise_accuracy(ties, epsilon, average, grouping)
    agrees(table, statistic, twin)
    repeats(table, statistic, twin, data)


@pytest.mark.parametrize("ties", ["acc-eq", "strict", "half"])
@pytest.mark.parametrize(("grouping", "average"), AVERAGES)
@settings(max_examples=6)
@given(table=responses(holes=True, tasks=True), epsilon=st.sampled_from([0.0, 0.5]))
def test_levels_of_pairwise_accuracy(ties, grouping, average, table, epsilon):
    statistic = pairwise_accuracy(ties, epsilon, average, grouping)
    try:
        table, found = levels_of(table, statistic)
    except MetaevalError:
        return
    rows = slow.rows_of(table)
    for scorer, levels in found.items():
        r, pi = slow.tie_shares(rows, scorer, ties, epsilon, average, grouping)
        if np.isnan(r):  # no pair counts
            return
        assert_allclose(levels, [r, *slow.levels(r, pi, ties)], rtol=0, atol=ROUNDING)


# Kendall.
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("grouping", "average"), AVERAGES)
@settings(max_examples=6)
@given(
    table=responses(holes=True, clusters=True, tasks=True),
    epsilon=st.sampled_from([0.0, 0.5]),
    constant=st.sampled_from(["drop", "zero"]),
    data=st.data(),
)
def test_kendall(variant, grouping, average, table, epsilon, constant, data):
    if grouping == "none" or table.rows["system"].nunique() < 2:
        constant = "drop"
    if variant == "c":
        epsilon = 0.0
        average = {"item": "items", "system": "groups", "none": "pairs"}[grouping]

    def twin(rows):
        return slow.kendall(rows, variant, epsilon, average, grouping, constant)

    statistic = kendall(variant, epsilon, average, grouping, constant)
    agrees(table, statistic, twin)
    repeats(table, statistic, twin, data)


@pytest.mark.parametrize("grouping", ["none", "system"])
@pytest.mark.parametrize(
    "statistic", [kendall, partial(kendall, "c"), partial(kendall, "23", 0.5), spearman]
)
@settings(max_examples=6)
@given(table=responses(items=(3, 6), holes=True), data=st.data())
def test_blocks_and_the_scale_of_weights_change_nothing(statistic, grouping, table, data):
    statistic = statistic(grouping=grouping)
    try:
        table = make_design(table).table
        expected = replicate(table, statistic, drawn := data.draw(weights(table.n_items)))
    except MetaevalError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cross_item, "_COMPARISONS_PER_BLOCK", 1)
        patch.setattr(cross_item, "_MAX_CACHED", 0)
        patch.setattr(cross_item, "_CLASSES_PER_BLOCK", 1)
        patch.setattr(correlation, "_WEIGHTS_PER_BLOCK", 1)
        assert_array_equal(replicate(table, statistic, drawn), expected)
    scaled = replicate(table, statistic, drawn * 1.25)
    assert_allclose(scaled, expected, rtol=0, atol=ROUNDING)


# Tie calibration. Within items weights are whole multiples of 2^-32, hence the tolerance.
@pytest.mark.parametrize("folds", [None, 2, 5])
@settings(max_examples=12)
@given(table=responses(clusters=True, tasks=True), data=st.data())
def test_tie_calibration_within_items(folds, table, data):
    check_calibration(table, folds, "items", data, atol=1e-9)


@pytest.mark.parametrize("folds", [None, 2, 5])
@settings(max_examples=12)
@given(table=responses(holes=True, clusters=True, tasks=True), data=st.data())
def test_tie_calibration_over_pairs(folds, table, data):
    check_calibration(table, folds, "pairs", data, atol=ROUNDING)


def check_calibration(table, folds, average, data, atol):
    """Also that replicates choose their thresholds anew."""

    def twin(rows):
        return slow.tie_calibrated(rows, folds, average)

    rows = slow.rows_of(table, True)
    if folds is not None and max((row.index for row in rows), default=0) == 0:
        return
    statistic = tie_calibrated_accuracy(folds, average, threshold="argmax")
    agrees(table, statistic, twin, only_with_pairs=True)
    repeats(table, statistic, twin, data, only_with_pairs=True, atol=atol)


@pytest.mark.parametrize("folds", [None, 3])
@settings(max_examples=6)
@given(table=responses())
def test_tie_rate_after_calibration(folds, table):
    table, found = levels_of(table, tie_calibrated_accuracy(folds, threshold="argmax"))
    rows = slow.rows_of(table, True)
    for scorer, levels in found.items():
        r = slow.tuned_tie_rate(rows, scorer, folds)
        pi = slow.tie_shares(rows, scorer, "acc-eq")[1]
        assert_allclose(levels, [r, *slow.levels(r, pi, "acc-eq")], rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("folds", [None, 3, 5])
@pytest.mark.parametrize(("grouping", "average"), AVERAGES[2:])
@settings(max_examples=6)
@given(table=responses(items=(2, 4), systems=(2, 3), tasks=True), data=st.data())
def test_tie_calibration_across_items(folds, grouping, average, table, data):
    """Replicates keep the thresholds of the original rows."""
    rows = slow.rows_of(make_design(table).table)
    if folds is not None and max(row.index for row in rows) == 0:
        return
    if grouping == "system" and any(len(g) < 2 for g in slow.groups(rows, "system")):
        return
    statistic = tie_calibrated_accuracy(folds, average, grouping, "argmax")
    agrees(table, statistic, lambda some: slow.tie_calibrated(some, folds, average, grouping))
    repeats(
        table,
        statistic,
        lambda some: slow.replayed_calibration(rows, some, folds, average, grouping),
        data,
        lost=lambda some: [
            (a.task, a.system)
            for group in slow.groups(some, grouping)
            for a, _ in slow.pairs(group)
            if average == "groups"
        ],
    )


# Best of n.
@pytest.mark.parametrize("ties", ["strict", "split", "lenient"])
@settings(max_examples=12)
@given(table=candidates(holes=True, clusters=True, tasks=True), data=st.data())
def test_best_of_n(ties, table, data):
    agrees(table, best_of_n(ties), lambda rows: slow.best_of_n(rows, ties))
    repeats(table, best_of_n(ties), lambda rows: slow.best_of_n(rows, ties), data)


@pytest.mark.parametrize("ties", ["strict", "split", "lenient"])
@settings(max_examples=6)
@given(table=candidates(holes=True))
def test_levels_of_best_of_n(ties, table):
    try:
        rows = slow.rows_of(make_design(table).table)
    except MetaevalError:
        return
    if not any({r.label for r in group} == {0.0, 1.0} for group in slow.groups(rows, "item")):
        return
    _, found = levels_of(table, best_of_n(ties))
    for scorer, levels in found.items():
        expected = slow.best_of_n_levels(rows, scorer, ties)
        assert_allclose(levels, expected, rtol=0, atol=ROUNDING)


# Correlations.
@pytest.mark.parametrize("kind", ["pearson", "spearman"])
@pytest.mark.parametrize("grouping", ["none", "item", "system"])
@settings(max_examples=12)
@given(
    table=responses(holes=True, clusters=True, tasks=True),
    constant=st.sampled_from(["drop", "zero"]),
    data=st.data(),
)
def test_correlations(kind, grouping, table, constant, data):
    known = prepared_rows(table)

    def twin(rows):  # a system with one answer has no correlation, however often it is drawn
        if grouping == "system":
            rows = [r for r in rows if known.count((r.task, r.system)) > 1]
            if not rows:
                return dict.fromkeys(table.scorers, float("nan"))
        return slow.grouped_correlation(rows, grouping, kind, constant)

    statistic = {"pearson": pearson, "spearman": spearman}[kind](grouping, constant)
    agrees(table, statistic, twin)
    repeats(table, statistic, twin, data)


# Systems.
@pytest.mark.parametrize("name", ["system_accuracy", "system_pearson"])
@settings(max_examples=12)
@given(table=responses(holes=True, clusters=True, tasks=True), data=st.data())
def test_system_level(name, table, data):
    statistic = {"system_accuracy": system_accuracy, "system_pearson": system_pearson}[name]()
    twin = getattr(slow, name)
    agrees(table, statistic, twin)
    repeats(table, statistic, twin, data)


# A missing score is wrong, if told so.
@pytest.mark.parametrize("ties", ["acc-eq", "strict", "half"])
@pytest.mark.parametrize("average", ["items", "pairs"])
@settings(max_examples=6)
@given(table=responses(holes=True, tasks=True), epsilon=st.sampled_from([0.0, 0.5]))
def test_a_missing_score_makes_its_pairs_wrong(ties, average, table, epsilon):
    try:
        table = make_design(table, missing="count_as_wrong").table
        view = as_rows_for(pairwise_accuracy("acc-eq"), table)
    except MetaevalError:
        return
    statistic = pairwise_accuracy(ties, epsilon, average)
    found = statistic.value(view)
    # Rows that lack a score are wrong for that scorer; all others are as they are.
    known = table.replace(scores=table.scores.fillna(0.0))
    rows = slow.rows_of(known)
    lost = {
        row.response: {s for s in table.scorers if np.isnan(table.scores[s].iloc[i])}
        for i, row in enumerate(rows)
    }
    for m, scorer in enumerate(table.scorers):
        lists = []
        for group in slow.groups(rows, "item"):
            credits = []
            for a, b in slow.pairs(group):
                credit = slow.credit(slow.call(a, b, scorer, epsilon), slow.truth(a, b), ties)
                gone = scorer in lost[a.response] | lost[b.response]
                if credit is not None:
                    credits.append(0 * credit if gone else credit)
            lists.append(credits)
        expected = slow.averaged(lists, average)
        assert_allclose(found[m], expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("ties", ["strict", "split", "lenient"])
@settings(max_examples=12)
@given(table=candidates(holes=True))
def test_an_answer_without_a_score_makes_its_item_wrong(ties, table):
    try:
        table = make_design(table, missing="count_as_wrong").table
    except MetaevalError:
        return
    found = best_of_n(ties).value(table)
    rows = slow.rows_of(table.replace(scores=table.scores.fillna(0.0)))
    holes = table.scores.isna().groupby(table.item_codes).any()
    for m, scorer in enumerate(table.scorers):
        won = []
        for code, group in enumerate(slow.groups(rows, "item")):
            value = slow.best_of_n(group, ties)[scorer]
            if not np.isnan(value):
                won.append(0.0 if holes[scorer].iloc[code] else value)
        assert_allclose(found[m], slow.mean(won), rtol=0, atol=ROUNDING)
