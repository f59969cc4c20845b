"""From responses to pairs, turning pairs, and two tables of pairs side by side."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from strategies import candidates, responses

from metaeval import MetaevalError, Pairs, Responses, compare, evaluate
from metaeval.statistics import kendall, pairwise_accuracy, pearson
from metaeval.tables import group_codes, pair_positions


def table_of(items, systems, scores, labels, kind="rating", **options):
    columns = {k: options.pop(k) for k in ("task", "length", "domain", "prompt") if k in options}
    rows = pd.DataFrame({"item": list(items), "system": list(systems), **columns})
    return Responses(
        rows, pd.DataFrame({"m": scores}), pd.DataFrame({"h": labels}), label_kind=kind, **options
    )


def pairs_of(keys, name="m", scores=None, labels=None, ordered=False, **columns):
    """Pairs from texts such as `1ab`: item, first, second."""
    item, first, second = (list(part) for part in zip(*keys, strict=True))
    rows = pd.DataFrame({"item": item, "first": first, "second": second, **columns})
    scores = np.arange(1.0, len(keys) + 1) if scores is None else scores
    labels = pd.DataFrame({"human": np.ones(len(keys)) if labels is None else labels})
    return Pairs(rows, pd.DataFrame({name: scores}), labels, ordered=ordered)


def keys_of(pairs):
    return ["".join(row) for row in pairs.rows[["item", "first", "second"]].to_numpy(dtype=object)]


# Which pairs there are.
@given(st.lists(st.integers(0, 4), max_size=12))
def test_positions_are_all_pairs_of_a_group(groups):
    groups = np.sort(np.array(groups, dtype=int))
    if not len(groups):
        return
    expected = [
        (i, j) for i, j in itertools.combinations(range(len(groups)), 2) if groups[i] == groups[j]
    ]
    assert list(zip(*(side.tolist() for side in pair_positions(groups)), strict=True)) == expected


@settings(max_examples=30)
@given(responses(holes=True, tasks=True, clusters=True))
def test_pairs_are_those_of_the_definition(table):
    by_item = {}
    table = table.canonical
    for i, code in enumerate(table.item_codes):
        by_item.setdefault(code, []).append(i)
    names = [str(s) for s in table.rows["system"]]
    expected = []
    for rows in by_item.values():
        for i, j in itertools.combinations(sorted(rows, key=lambda r: names[r]), 2):
            margin = table.scores["beta"].iloc[i] - table.scores["beta"].iloc[j]
            label = table.labels["human"].iloc[i] - table.labels["human"].iloc[j]
            expected.append((names[i], names[j], margin, np.sign(label)))
    if not expected:
        with pytest.raises(MetaevalError, match=r"no pairs.*pearson"):
            table.pairs()
        return
    pairs = table.pairs()
    first, second = (list(map(str, pairs.rows[c])) for c in ("first", "second"))
    human = pairs.labels["human"].tolist()
    found = list(zip(first, second, pairs.scores["beta"].tolist(), human, strict=True))
    assert found == expected
    assert (pairs.scores["alpha"].isna().sum() > 0) >= (table.scores["alpha"].isna().all())


@settings(max_examples=30)
@given(candidates(holes=True))
def test_equal_correctness_is_no_tie(table):
    by_item = table.labels["human"].groupby(table.item_codes)
    expected = int((by_item.sum() * (by_item.count() - by_item.sum())).sum())
    if not expected:
        with pytest.raises(MetaevalError, match="no pairs"):
            table.pairs()
        return
    pairs = table.pairs()
    assert len(pairs) == expected
    assert (pairs.labels["human"].abs() == 1).all()


def test_equal_ratings_are_ties():
    as_ratings = table_of("111", "abc", [1.0, 2, 3], [0, 0, 1])
    assert as_ratings.pairs().labels["h"].tolist() == [0, -1, -1]
    as_correct = table_of("111", "abc", [1.0, 2, 3], [0, 0, 1], "correct")
    assert as_correct.pairs().labels["h"].tolist() == [-1, -1]
    assert keys_of(as_correct.pairs()) == ["1ac", "1bc"]


def test_two_wrong_answers_alone_give_no_pair():
    table = table_of("1122", "abab", [1.0, 2, 3, 4], [0, 0, 1, 1], "correct")
    with pytest.raises(MetaevalError, match="both a right and a wrong answer"):
        table.pairs()


def test_lone_responses_are_told_which_statistics_need_no_pairs():
    table = table_of("123", "aaa", [1.0, 2, 3], [1.0, 3, 2])
    with pytest.raises(MetaevalError, match=r"No item has two responses.*grouping='none'"):
        table.pairs()
    found = evaluate(table, pairwise_accuracy("half", grouping="none"), n_resamples=100)
    assert found.row("m")["estimate"] == pytest.approx(2 / 3)
    assert evaluate(table, n_resamples=100).statistics[0] == "pearson"


@pytest.mark.parametrize(
    ("epsilon", "preferences"), [(0, [-1, -1, 1]), (0.5, [0, -1, 1]), (9, [0] * 3)]
)
def test_labels_within_epsilon_are_tied(epsilon, preferences):
    table = table_of("111", "abc", [1.0, 2, 3], [1.0, 1.5, 3.0])
    turned = [abs(p) if p > 0 else p for p in preferences]
    expected = [p if i < 2 else -abs(p) for i, p in enumerate(turned)]
    assert table.pairs(epsilon).labels["h"].tolist() == expected
    assert table.replace(label_epsilon=epsilon).pairs().labels["h"].tolist() == expected


def test_margins_are_first_less_second_and_rounded():
    table = table_of("1111", "abcd", [0.1, 0.2, 0.3, np.nan], [1, 2, 3, 4])
    margins = dict(zip(keys_of(table.pairs()), table.pairs().scores["m"], strict=True))
    assert margins["1ab"] == margins["1bc"] < 0
    assert margins["1ac"] == pytest.approx(-0.2)
    assert np.isnan(margins["1ad"])


def test_pairs_stay_within_task_and_keys():
    table = table_of("1111", "abab", [1.0, 2, 3, 4], [1, 2, 3, 4], task=["x", "x", "y", "y"])
    assert table.pairs().rows[["task", "item"]].to_numpy().tolist() == [["x", "1"], ["y", "1"]]
    shared = table.replace(shared_items=True).pairs()
    assert shared.n_items == 1 and len(shared) == 2 and shared.shared_items
    by_key = table_of(
        "1111", "abab", [1.0, 2, 3, 4], [1, 2, 3, 4], prompt=[1, 1, 2, 2], keys=("prompt",)
    )
    assert by_key.pairs().rows["prompt"].astype(str).tolist() == ["1", "1", "2", "2"][::2]


def test_covariates_become_differences_or_sides():
    table = table_of("11", "ab", [1.0, 2], [1, 2], length=[10, 7], domain=["law", "art"])
    rows = table.pairs().rows
    assert rows["length_delta"].tolist() == [3]
    assert rows[["domain_first", "domain_second"]].iloc[0].tolist() == ["law", "art"]
    assert rows[["system_first", "system_second"]].iloc[0].tolist() == ["a", "b"]


def test_pairs_are_made_once():
    table = table_of("11", "ab", [1.0, 2], [1, 2])
    assert table.pairs() is table.pairs() is table.pairs(0)
    assert table.pairs().pairs() is table.pairs()


@settings(max_examples=20)
@given(responses(items=(3, 6)))
def test_responses_and_their_pairs_give_the_same_numbers(table):
    for statistic in (pairwise_accuracy("acc-eq"), pairwise_accuracy("acc-eq", average="pairs")):
        one = compare(table, statistic, n_resamples=100).frame
        other = compare(table.pairs(), statistic, n_resamples=100).frame
        leading = one["statistic"] == statistic.name
        columns = ["estimate", "lower", "upper", "p_value"]
        np.testing.assert_array_equal(one[leading][columns], other[columns])


def test_pairs_have_no_correlation():
    with pytest.raises(
        MetaevalError, match=r"needs individually scored responses.*pairwise_accuracy"
    ):
        evaluate(pairs_of(["1ab", "2ab"]), pearson(), n_resamples=100)


# Canonical order and turning.
def test_pairs_are_turned_and_keep_their_order():
    pairs = pairs_of(["2ba", "1cb", "1ab"], scores=[1.0, 2.0, 3.0], labels=[1, -1, 0])
    assert keys_of(pairs) == ["2ab", "1bc", "1ab"]
    assert pairs.scores["m"].tolist() == [-1, -2, 3]
    assert pairs.labels["human"].tolist() == [-1, 1, 0]
    assert keys_of(pairs.canonical) == ["1ab", "1bc", "2ab"]
    assert pairs.canonical.scores["m"].tolist() == [3, -2, -1]


def test_turning_takes_along_all_that_has_sides():
    columns = {
        "order": ["ab", "ba"],
        "length_delta": [3, 4],
        "system_first": ["x", "y"],
        "system_second": ["u", "v"],
    }
    rows = pairs_of(["1ba", "2ab"], **columns).rows
    assert rows["order"].astype(str).tolist() == ["ba", "ba"]
    assert rows["length_delta"].tolist() == [-3, 4]
    assert rows["system_first"].astype(str).tolist() == ["u", "y"]
    assert rows["system_second"].astype(str).tolist() == ["x", "v"]


def test_a_tie_turned_round_is_plain_zero():
    pairs = pairs_of(["1ba"], scores=[0.0], labels=[0.0])
    assert not np.signbit(pairs.scores["m"]).any()
    assert not np.signbit(pairs.labels["human"]).any()


def test_both_orders_are_two_rows_of_one_item():
    pairs = pairs_of(["1ab", "1ba"], order=["ab", "ab"])
    assert (pairs.n_items, len(pairs)) == (1, 2)
    assert pairs.rows["order"].astype(str).tolist() == ["ab", "ba"]
    assert pairs.scores["m"].tolist() == [1, -2]


# Joining.
def test_join_puts_scorers_side_by_side():
    left = pairs_of(["1ab", "2ab", "3ab"], "judge")
    right = pairs_of(["2ba", "3ab", "4ab"], "rm")
    both = left.join(right)
    assert both.scorers == ["judge", "rm"]
    assert keys_of(both) == ["1ab", "2ab", "3ab", "4ab"]
    np.testing.assert_array_equal(both.scores["judge"], [1, 2, 3, np.nan])
    np.testing.assert_array_equal(both.scores["rm"], [np.nan, -1, 2, 3])
    assert both.labels["human"].notna().all()


def test_join_does_not_depend_on_the_side():
    left, right = pairs_of(["1ab", "2ab"], "judge"), pairs_of(["2ab", "3ab"], "rm")
    assert left.join(right).fingerprint == right.join(left).fingerprint


def test_join_repeats_what_knows_no_order_for_both_orders():
    judge = pairs_of(["1ab", "1ab", "2ab", "2ab"], "judge", order=["ab", "ba"] * 2)
    margins = pairs_of(["1ab", "2ab"], "rm", [0.5, 0.25])
    both = judge.join(margins)
    assert len(both) == 4
    assert both.scores["rm"].tolist() == [0.5, 0.5, 0.25, 0.25]
    assert margins.join(judge).fingerprint == both.fingerprint


def test_join_of_responses_with_recorded_verdicts():
    table = table_of("1122", "abab", [1.0, 2, 5, 3], [1, 2, 2, 1])
    verdicts = pairs_of(["1ab", "2ab"], "judge", [-1.0, 1.0], [-1.0, 1.0])
    both = table.pairs().join(verdicts.replace(labels=verdicts.labels.set_axis(["h"], axis=1)))
    assert both.scorers == ["judge", "m"]
    result = compare(both, pairwise_accuracy("half"), n_resamples=100)
    assert result.row("judge")["estimate"] == result.row("m")["estimate"] == 1.0


@pytest.mark.parametrize(
    ("right", "message"),
    [
        (lambda: pairs_of(["1ab"], "judge"), "scorers with the same name: judge; rename or drop"),
        (
            lambda: pairs_of(["9ab"], "rm"),
            "have no pair in common; they were matched by item, first, second",
        ),
        (lambda: pairs_of(["1ab"], "rm", ordered=True), "same value of `ordered`"),
    ],
)
def test_join_refuses(right, message):
    with pytest.raises(MetaevalError, match=message):
        pairs_of(["1ab"], "judge").join(right())


# Rounding.
@pytest.mark.parametrize("statistic", [pairwise_accuracy("acc-eq"), kendall("b", grouping="none")])
def test_a_constant_added_to_fine_scores_changes_no_number(statistic):
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"item": np.repeat(range(20), 3), "system": list("abc") * 20})
    scores = pd.DataFrame({n: random.integers(0, 2048, 60) / 1024 for n in ("m", "n")})
    labels = pd.DataFrame({"h": random.integers(0, 4, 60)})
    table = Responses(rows, scores, labels, label_kind="rating")
    one, other = (
        compare(t, statistic, n_resamples=100).frame.query("statistic == @statistic.name")
        for t in (table, table.map_scores(lambda x: x + 1e8))
    )
    columns = ["estimate", "lower", "upper", "p_value", "tie_rate"]
    np.testing.assert_array_equal(one[columns], other[columns])


def test_codes_of_pairs_are_those_of_their_items():
    pairs = pairs_of(["2ab", "1ab", "1bc"])
    assert pairs.item_codes.tolist() == group_codes(pairs.rows, ["item"]).tolist() == [1, 0, 0]
