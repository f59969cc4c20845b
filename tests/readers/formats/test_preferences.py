import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from metaeval.core import MetaevalError
from metaeval.readers import read, read_preferences
from metaeval.readers.cells.verdict_words import verdicts
from metaeval.readers.formats.orientation import two_sided_columns
from metaeval.tables import Pairs


def records(*rows, names="item first second scorer preference"):
    return pd.DataFrame(rows, columns=names.split())


def swapped_frame(n=40, seed=0):
    """One judge, always right, in both orders; its words name what was shown first and second.

    The same pair is called (a, b) in one record and (b, a) in the other, as the judge saw it.
    """
    rng = np.random.default_rng(seed)
    gold = rng.choice([-1, 1], n)
    word = {1: "A", -1: "B"}
    ab = [(i, "m1", "m2", "judge", word[g]) for i, g in enumerate(gold)]
    ba = [(i, "m2", "m1", "judge", word[-g]) for i, g in enumerate(gold)]
    labels = pd.DataFrame(
        {"item": range(n), "first": "m1", "second": "m2", "rater": "gold", "preference": gold}
    )
    return records(*ab, *ba), labels


def agreement(table, scorer="judge", label="gold"):
    both = table.scores[scorer].notna() & table.labels[label].notna()
    return float((table.scores[scorer] == table.labels[label])[both].mean())


# Words
FIRST = [
    "model_a",
    "MODEL_A",
    "A",
    "a",
    "1",
    "left",
    "A>B",
    "A>>B",
    "a>b",
    "first",
    "response_a",
    "output_1",
    "B<A",
    "B<<A",
]
SECOND = [
    "model_b",
    "MODEL_B",
    "B",
    "b",
    "2",
    "right",
    "B>A",
    "B>>A",
    "b>a",
    "second",
    "response_b",
    "output_2",
    "A<B",
    "A<<B",
]
TIES = ["tie", "Tie", "C", "A=B", "equal", "draw", "tie (bothbad)", "both_bad"]
NOTHING = ["", "error", "null", "$ERROR$", "None", "nan", None]


def verdicts_of(cells):
    names = pd.Categorical(["judge"] * len(cells))
    return verdicts(cells, names, source="x")[0]


@pytest.mark.parametrize(
    ("words", "value"), [(FIRST, 1.0), (SECOND, -1.0), (TIES, 0.0), (NOTHING, np.nan)]
)
def test_vocabulary(words, value):
    # 1 and 2 are numbers where no 2 says that they name sides
    for word in words:
        found = verdicts_of(pd.Series([word, "2", "A"], dtype=object))
        np.testing.assert_array_equal(found, [value, -1.0, 1.0])


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "2", "tie", ""], [1, -1, 0, np.nan]),
        ([1, 2, 1], [1, -1, 1]),
        ([1.0, 2.0, None], [1, -1, np.nan]),
        (["1", "-1", "0", "0.25", ""], [1, -1, 0, 0.25, np.nan]),
        ([1, -1, 0], [1, -1, 0]),
        ([0.5, -0.25, np.nan], [0.5, -0.25, np.nan]),
        (["1", "tie", "-1"], [1, 0, -1]),
        ([" a ", "B"], [1, -1]),
    ],
)
def test_numbers_and_sides(cells, values):
    for dtype in (object, None):
        np.testing.assert_array_equal(verdicts_of(pd.Series(cells, dtype=dtype)), values)


def test_the_same_verdicts_from_text_and_from_types(tmp_path):
    frame = records((1, "a", "b", "j", 1), (2, "a", "b", "j", 2))
    frame.to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "a.json").write_text(json.dumps(frame.to_dict("records")))
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    found = {read(tmp_path / f"a.{end}").fingerprint for end in ("csv", "json", "parquet")}
    assert found == {read(frame).fingerprint}
    assert read(frame).scores["j"].tolist() == [1, -1]


def test_extra_words():
    frame = records((1, "a", "b", "j", "links"), (2, "a", "b", "j", "A"), (3, "a", "b", "j", "?"))
    with pytest.raises(
        MetaevalError,
        match=r"Unknown verdicts in .*: '\?', 'links' \(2 of 3.*WORD=-1.*missing_codes=\['\?'\]",
    ):
        read(frame)
    table = read(frame, value_map={"Links": -1, "?": None})
    np.testing.assert_array_equal(table.scores["j"], [-1, 1, np.nan])
    codes = frame.assign(preference=[0, 1, 0])
    assert read(codes, value_map={"0": -1, "1": 1}).scores["j"].tolist() == [-1, 1, -1]
    assert read(codes.astype({"preference": str}), value_map={0: -1, 1: 1}).fingerprint == (
        read(codes, value_map={"0": -1, "1": 1}).fingerprint
    )


def test_an_unknown_word_is_named_without_a_guess_of_its_side():
    with pytest.raises(MetaevalError, match=r"Unknown verdict in .*: 'modle a' \(1 of 2"):
        read(records((1, "a", "b", "j", "modle_a"), (2, "a", "b", "j", "model_b")))


@pytest.mark.parametrize("cells", [[0.5, 80.0], ["1", "2", "3"], [-2, 1]])
def test_numbers_outside_the_range(cells):
    frame = records(*((n, "a", "b", "j", cell) for n, cell in enumerate(cells)))
    with pytest.raises(MetaevalError, match=r"from -1 .* got .*value_map="):
        read(frame)


def test_a_vocabulary_must_stay_in_the_range():
    with pytest.raises(MetaevalError, match=r"preferences from -1 .* to 1"):
        read(records((1, "a", "b", "j", "A++")), value_map={"A++": 2})


# Orientation
@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_turning_a_record_round_changes_nothing(turns):
    rows = [(n, "a", "b", "j", v) for n, v in enumerate((1, -1, 0, 0.5, 1, -0.25))]
    turned = [
        (n, b, a, j, -v) if t else (n, a, b, j, v)
        for (n, a, b, j, v), t in zip(rows, turns, strict=True)
    ]
    assert read(records(*turned)).fingerprint == read(records(*rows)).fingerprint


def test_columns_of_the_two_sides_go_with_them():
    names = "item first second scorer preference chars_a chars_b words_first words_second len_delta"
    one = records((1, "a", "b", "j", "A", 5, 9, 1, 2, -4), names=names)
    other = records((1, "b", "a", "j", "B", 9, 5, 2, 1, 4), names=names)
    table = read(one)
    assert table.fingerprint == read(other).fingerprint
    row = table.rows.iloc[0]
    assert (row["chars_first"], row["chars_second"], row["len_delta"]) == (5, 9, -4)
    assert (row["words_first"], row["words_second"]) == (1, 2)
    assert two_sided_columns(["chars_a", "x_b", "_a", "_b"]) == {}


def test_ordered_keeps_what_was_shown_first():
    frame = records((1, "b", "a", "j", "A"), (2, "a", "b", "j", "A"))
    table = read(frame, ordered=True)
    assert table.ordered
    assert table.rows["first"].tolist() == ["b", "a"]
    assert table.scores["j"].tolist() == [1, 1]
    assert read(frame).scores["j"].tolist() == [-1, 1]


def test_ordered_with_a_column_of_orders():
    """The preference is for (first, second), whatever `order` says was shown first."""
    frame = records((1, "a", "b", "j", 1)).assign(order="ba")
    table = read(frame, ordered=True)
    assert table.rows[["first", "second"]].to_numpy().tolist() == [["b", "a"]]
    assert table.scores["j"].tolist() == [-1]
    plain = read(frame)
    assert plain.rows["first"].tolist() == ["a"]
    assert plain.scores["j"].tolist() == [1]


def test_ordered_takes_labels_from_the_other_order():
    frame, labels = swapped_frame()
    table = read(frame, labels, ordered=True)
    assert len(table) == 80
    assert table.labels["gold"].notna().all()
    assert agreement(table) == 1.0
    beside = frame.assign(gold_preference=[*labels["preference"], *-labels["preference"]])
    assert agreement(read(beside, ordered=True), label="gold_preference") == 1.0


def test_ordered_and_net_contradict():
    frame, _ = swapped_frame()
    with pytest.raises(
        MetaevalError,
        match=r"both_orders='net' merges the two orders, .* use only one of these options",
    ):
        read(frame, ordered=True, both_orders="net")


def test_pairs_with_themselves():
    with pytest.raises(MetaevalError, match=r"such as 'a' for item '1'"):
        read(records((1, "a", "a", "j", "A")))


# Both orders
def test_swapped_orders_are_flipped_back():
    frame, labels = swapped_frame()
    table = read(frame, labels)
    assert len(table) == 80
    assert sorted(table.rows["order"].unique()) == ["ab", "ba"]
    assert agreement(table) == 1.0
    naive = frame["preference"].map({"A": 1, "B": -1}).to_numpy()[40:]
    assert (naive == labels["preference"].to_numpy()).mean() == 0.0


def test_an_order_column_says_who_was_shown_first():
    """Preferences that are expressed for (first, second) already need no flipping."""
    frame, labels = swapped_frame()
    named = frame.assign(
        first="m1",
        second="m2",
        order=["ab"] * 40 + ["ba"] * 40,
        preference=[*labels["preference"]] * 2,
    )
    assert read(named, labels).fingerprint == read(frame, labels).fingerprint
    with pytest.raises(
        MetaevalError, match=r"Expected ab .* or ba in the column 'order', got 'xy'"
    ):
        read(named.assign(order="xy"))


def test_net_verdicts():
    """Agreement, a conflict, a tie, a refusal in one order, an order that is lacking."""
    shown = [("A", "B"), ("A", "A"), ("A", "tie"), ("A", "error"), ("A",)]
    rows = [
        (n, *pair, "j", word)
        for n, words in enumerate(shown)
        for pair, word in zip((("x", "y"), ("y", "x")), words, strict=False)
    ]
    table = read(records(*rows), both_orders="net")
    assert "order" not in table.rows
    np.testing.assert_array_equal(table.scores["j"], [1, 0, 1, np.nan, np.nan])
    assert any(
        "gives opposite verdicts in the two orders on 1 of 3 pairs" in n for n in table.notes
    )
    tied = read(records(*rows), both_orders="net", refusals="tie")
    np.testing.assert_array_equal(tied.scores["j"], [1, 0, 1, 1, np.nan])


def test_net_does_not_touch_judges_with_one_order():
    frame, _ = swapped_frame(n=3)
    other = records(*((n, "m1", "m2", "other", "tie" if n else "A") for n in range(3)))
    table = read(pd.concat([frame, other]), both_orders="net")
    assert table.scores["other"].tolist() == [1, 0, 0]
    assert table.scores["judge"].abs().tolist() == [1, 1, 1]


@pytest.mark.parametrize("orders", ["each", "net"])
def test_a_verdict_that_comes_twice_in_one_order(orders):
    frame, _ = swapped_frame(n=3)
    with pytest.raises(MetaevalError, match=r"several values of judge for each of 1 rows"):
        read(pd.concat([frame, frame.head(1)]), both_orders=orders)


def test_judges_with_one_record_stand_beside_both_orders():
    frame, labels = swapped_frame(n=5)
    once = records(*((n, "m2", "m1", "rm", 0.5) for n in range(5)))
    table = read(pd.concat([frame, once]), labels)
    assert len(table) == 10
    assert table.scores["rm"].tolist() == [-0.5] * 10
    apart = read(frame, once, labels)
    assert apart.fingerprint == table.fingerprint
    wide = once.rename(columns={"preference": "rm"}).drop(columns="scorer")
    assert read(labels, wide, frame).fingerprint == table.fingerprint


def test_unknown_orders_and_refusals():
    frame, _ = swapped_frame(n=2)
    with pytest.raises(MetaevalError, match=r"both_orders='nett' is not one of 'each', 'net'"):
        read(frame, both_orders="nett")
    with pytest.raises(MetaevalError, match=r"refusals='ties' is not one of"):
        read(frame, refusals="ties")


# Refusals
REFUSED = pd.concat(
    [
        records(*((n, "a", "b", "j", w) for n, w in enumerate(["A", "error", "B", "error", ""]))),
        records(*((n, "a", "b", "k", "A") for n in range(5))),
    ]
)
GOLD = records(
    *((n, "b", "a", "gold", w) for n, w in enumerate(["B", "B", "A", "tie", "A"])),
    names="item first second rater preference",
)


def test_refusals_are_reported_and_missing():
    table = read(REFUSED, GOLD)
    np.testing.assert_array_equal(table.scores["j"], [1, np.nan, -1, np.nan, np.nan])
    assert "the given DataFrame: j gave no verdict on 3 pairs (60.0%)" in table.notes
    assert not any("k gave no verdict" in note for note in table.notes)


def test_refusals_as_ties():
    assert read(REFUSED, GOLD, refusals="tie").scores["j"].tolist() == [1, 0, -1, 0, 0]


def test_refusals_as_errors_are_against_the_label():
    table = read(REFUSED, GOLD, refusals="wrong")
    assert table.labels["gold"].tolist() == [1, 1, -1, 0, -1]
    assert table.scores["j"].tolist() == [1, -1, -1, 1, 1]
    with pytest.raises(
        MetaevalError,
        match="needs labels, because a refusal counts as the opposite of the label; add a file",
    ):
        read(REFUSED, refusals="wrong")


def test_refusals_where_there_is_no_label_are_missing():
    table = read(REFUSED, GOLD.iloc[[0, 2, 3, 4]], refusals="wrong")
    np.testing.assert_array_equal(table.scores["j"], [1, np.nan, -1, 1, 1])


@pytest.mark.parametrize(
    ("votes", "verdict"),
    [([1, 1, -1], -1), ([-1, 0, -1], 1), ([1, -1, 0], 1), ([0.5, 0.25, -0.5], -1)],
)
def test_refusals_against_several_raters(votes, verdict):
    rows = [(1, "a", "b", f"r{n}", v) for n, v in enumerate(votes)]
    raters = records(*rows, names="item first second rater preference")
    judge = records((1, "a", "b", "j", "error"))
    assert read(judge, raters, refusals="wrong").scores["j"].tolist() == [verdict]


def test_refusals_in_both_orders():
    frame, labels = swapped_frame(n=4)
    frame.loc[[0, 5], "preference"] = "error"
    table = read(frame, labels, refusals="wrong")
    assert agreement(table) == 6 / 8
    net = read(frame, labels, refusals="wrong", both_orders="net")
    assert agreement(net) == 2 / 4


def test_a_refusing_rater_is_missing():
    raters = GOLD.assign(preference=["B", "error", "A", "tie", "A"])
    table = read(REFUSED, raters, refusals="tie")
    assert table.labels["gold"].isna().tolist() == [False, True, False, False, False]


# Labels
def test_gold_beside_the_verdicts():
    frame = REFUSED.merge(GOLD[["item"]].assign(gold_preference=["A", "A", "B", "tie", "B"]))
    table = read(frame)
    assert table.scorers == ["j", "k"]
    expected = read(REFUSED, GOLD.assign(rater="gold_preference"))
    assert table.fingerprint == expected.fingerprint
    named = read(frame.rename(columns={"gold_preference": "truth"}), labels="truth")
    assert list(named.labels) == ["truth"]


def test_gold_that_differs_within_a_pair():
    frame = REFUSED.assign(human=["A"] * 9 + ["B"])
    with pytest.raises(MetaevalError, match=r"several values of human for each of"):
        read(frame)


def test_raters_among_the_scorers():
    long = pd.concat([REFUSED, GOLD.rename(columns={"rater": "scorer"})])
    assert read(long, labels="gold").fingerprint == read(REFUSED, GOLD).fingerprint
    assert read(REFUSED, GOLD, scorers=["k"]).scorers == ["k"]
    beside = pd.concat([REFUSED, GOLD])  # columns scorer and rater, one of them filled
    assert read(beside).fingerprint == read(REFUSED, GOLD).fingerprint


def test_without_anyone_named_the_verdicts_are_labels():
    frame = REFUSED[["item", "first", "second", "preference"]].head(5)
    table = read(frame)
    assert list(table.labels) == ["human"]
    assert list(read(frame, labels="ann").labels) == ["ann"]


# Margins
MARGINS = pd.DataFrame(
    {
        "item": [1, 2, 3],
        "first": ["a", "b", "a"],
        "second": ["b", "a", "b"],
        "rm": [0.5, 9.0, -2.0],
        "human": [1, -1, 0],
    }
)


def test_wide_margins():
    table = read(MARGINS)
    assert isinstance(table, Pairs)
    assert table.scores["rm"].tolist() == [0.5, -9.0, -2.0]
    assert table.labels["human"].tolist() == [1, 1, 0]
    assert read(MARGINS, ordered=True).scores["rm"].tolist() == [0.5, 9.0, -2.0]
    assert read(MARGINS, lower_is_better="rm").scores["rm"].tolist() == [-0.5, 9.0, 2.0]


def test_wide_margins_beside_a_label_file():
    labels = MARGINS[["item", "first", "second"]].assign(preference=["A", "B", "tie"])
    table = read(MARGINS.drop(columns="human"), labels)
    assert table.fingerprint == read(MARGINS).fingerprint


def test_wide_margins_that_cannot_be():
    with pytest.raises(
        MetaevalError, match=r"no column of preferences or margins; declare one: col"
    ):
        read(MARGINS[["item", "first", "second"]].assign(opinion=["x", "y", "z"]))
    with pytest.raises(MetaevalError, match=r"'rm' .* has infinite values; leave the cells empty"):
        read(MARGINS.assign(rm=np.inf))
    with pytest.raises(MetaevalError, match=r"expected preferences from -1"):
        read(MARGINS.assign(human=[1, 5, 0]))


def test_columns_of_two_sides_are_no_margins():
    table = read(MARGINS.assign(reward_a=1.0, reward_b=2.0))
    assert table.scorers == ["rm"]
    assert table.rows["reward_first"].tolist() == [1.0, 2.0, 1.0]


def test_a_file_of_lengths_alone():
    lengths = MARGINS[["item", "second", "first"]].assign(chars_a=[1, 2, 3], chars_b=[4, 5, 6])
    table = read(MARGINS, lengths)
    assert table.scorers == ["rm"]
    assert table.rows["chars_first"].tolist() == [1.0, 5.0, 3.0]


def test_the_same_margins_from_every_file(tmp_path):
    MARGINS.to_csv(tmp_path / "a.csv", index=False)
    MARGINS.to_parquet(tmp_path / "a.parquet", index=False)
    MARGINS.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    for end in ("csv", "parquet", "jsonl"):
        assert read(tmp_path / f"a.{end}").fingerprint == read(MARGINS).fingerprint


def test_read_preferences():
    assert read_preferences(REFUSED, GOLD).fingerprint == read(REFUSED, GOLD).fingerprint
    scores = pd.DataFrame({"item": [1], "system": ["a"], "m": [1.0]})
    with pytest.raises(MetaevalError, match=r"Expected a file of pairs, got a file of scores"):
        read_preferences(scores)
    with pytest.raises(
        MetaevalError, match=r"read them separately, .*responses.pairs\(\).join\(pairs\)"
    ):
        read(REFUSED, scores)


def test_tasks_clusters_and_keys():
    frame = pd.concat([REFUSED.assign(rep=k, task="t", doc="d", genre="x") for k in (0, 1)])
    with pytest.raises(MetaevalError, match=r"The column 'rep' distinguishes them.*--keys rep"):
        read(frame)
    table = read(frame, keys="rep")
    assert table.keys == ("rep",)
    assert len(table) == 10
    assert set(table.rows["cluster"]) == {"d"}
    assert set(table.rows["genre"]) == {"x"}


def test_records_that_say_nothing_of_their_order_were_shown_as_they_stand():
    frame, labels = swapped_frame(n=3)
    once = records(*((n, "m1", "m2", "k", "A") for n in range(3)))
    for empty in (None, ""):
        some = pd.concat([frame.assign(order="ab"), once.assign(order=empty)])
        assert read(some, labels).fingerprint == (
            read(pd.concat([frame, once]).assign(order="ab"), labels).fingerprint
        )


def test_cells_that_are_lists_are_no_verdicts():
    with pytest.raises(MetaevalError, match=r"Unknown verdict"):
        read(records((1, "a", "b", "j", ["A"])))


# A column of verdicts for each judge
SIDES = pd.DataFrame({"item": range(6), "response_a": "x", "response_b": "y"})
ANSWERS = {"gpt": list("ABABAB"), "judge": list("AABBAB"), "label": list("ABBBAB")}
SIGNS = {name: [1.0 if v == "A" else -1.0 for v in values] for name, values in ANSWERS.items()}


@pytest.mark.parametrize("label", ["label", "human", "winner"])
@pytest.mark.parametrize("judges", [["judge"], ["gpt"], ["gpt", "judge"]])
def test_a_judge_of_its_own_column_is_a_scorer_and_not_a_list_of_names(tmp_path, label, judges):
    frame = SIDES.assign(**{j: ANSWERS[j] for j in judges}, **{label: ANSWERS["label"]})
    frame.to_csv(tmp_path / "wide.csv", index=False)
    for source in (frame, tmp_path / "wide.csv"):
        table = read(source, labels=[label])
        assert table.scorers == judges
        assert table.labels[label].tolist() == SIGNS["label"]
        assert [table.scores[j].tolist() for j in judges] == [SIGNS[j] for j in judges]


def test_judges_of_their_own_columns_keep_ties_and_what_is_missing():
    frame = SIDES.assign(judge=["A", "tie", "B", "", "error", "A"], human=ANSWERS["label"])
    table = read(frame)
    np.testing.assert_array_equal(table.scores["judge"], [1, 0, -1, np.nan, np.nan, 1])
    assert list(table.labels) == ["human"]
    assert read(frame.assign(gpt=ANSWERS["gpt"]), scorers=["gpt"]).scorers == ["gpt"]


def test_names_of_judges_stay_names():
    frame = SIDES.assign(judge=["gpt", "claude"] * 3, winner=ANSWERS["label"])
    assert read(frame).scorers == ["claude", "gpt"]


def test_margins_beside_labels_in_words():
    frame = SIDES.assign(rm=[0.5, -1.5, 2.0, -0.25, 1.0, -3.0], human=ANSWERS["label"])
    table = read(frame)
    assert table.scores["rm"].tolist() == frame["rm"].tolist()
    assert table.labels["human"].tolist() == SIGNS["label"]


def test_a_scorer_that_is_not_among_the_columns_of_verdicts_is_named():
    sides = {"item": [0, 0, 1, 1], "first": list("acac"), "second": list("bdbd")}
    frame = pd.DataFrame(sides | {"judge": list("abab")})
    with pytest.raises(MetaevalError, match=r"no scorer 'typo'; there is only judge\."):
        read(frame, scorers=["typo"])
    assert read(frame.assign(other=list("aaaa")), scorers=["judge"]).scorers == ["judge"]


def alpaca(**more):
    """Annotations as AlpacaEval writes them: two judges, and what people prefer."""
    human = np.tile([1.0, 2.0], 15)
    frame = pd.DataFrame({"instruction": [f"Q{i}" for i in range(30)], "human_preference": human})
    frame = frame.assign(generator_1="gpt", generator_2="llama", **more)
    wrong = np.where(np.arange(30) < 6, 3 - human, human)
    judges = {"gpt4": human, "claude": wrong}
    return pd.concat([frame.assign(annotator=j, preference=p) for j, p in judges.items()])


@pytest.mark.parametrize("texts", [{}, {"output_1": "one text", "output_2": "another"}])
def test_annotators_of_alpaca_are_judges_and_people_are_labels(texts):
    with pytest.raises(MetaevalError, match=r"such as .*--map item=instruction\)"):
        read(alpaca(**texts))
    table = read(alpaca(**texts), columns={"item": "instruction"})
    assert (table.scorers, list(table.labels)) == (["claude", "gpt4"], ["human_preference"])
    right = (table.scores.mul(table.labels["human_preference"], axis=0) > 0).mean()
    assert right.tolist() == [0.8, 1.0]


def test_verdicts_in_several_columns_of_votes_are_read_as_a_table(tmp_path):
    path = tmp_path / "votes.csv"
    votes = pd.DataFrame({"item": range(4), "model_a": list("xxyy"), "model_b": list("yyzz")})
    votes["winner"] = ["model_a", "model_b", "model_a", "tie"]
    for judge in (["model_a", "model_b", "model_b", "model_a"], [1, -1, -1, 1]):
        votes.assign(judge=judge).to_csv(path, index=False)
        with pytest.raises(
            MetaevalError, match=r"verdicts in judge besides 'winner'.*--format tidy"
        ):
            read(path)
        table = read(path, format="tidy", labels="winner")
        assert table.scores["judge"].tolist() == [1, -1, -1, 1]
        assert table.labels["winner"].tolist() == [1, -1, 1, 0]
    votes.assign(human=judge, seconds=3.5).to_csv(path, index=False)
    votes.assign(tier="gold", judge="gpt-4", note="x").to_csv(tmp_path / "more.csv", index=False)
    assert (
        "excluded columns that are not used for votes: tier, note"
        in read(tmp_path / "more.csv").notes[0]
    )


def test_winners_may_be_named_in_columns_beside_each_other():
    frame = pd.DataFrame({"item": range(4), "first": list("yxyx"), "second": list("xyxy")})
    frame = frame.assign(human=["y", "tie", "x", "y"], judge=["y", "x", "y", None])
    table = read(frame)
    assert table.labels["human"].tolist() == [-1, 0, 1, -1]
    assert table.scores["judge"].tolist()[:3] == [-1, 1, -1] and table.warnings == ()


def test_a_preference_beside_a_label_is_a_scorer():
    frame = pd.DataFrame({"item": range(4), "first": list("yxyx"), "second": list("xyxy")})
    table = read(frame.assign(preference=[1, -1, -1, 1], human=[1, 1, -1, -1]))
    assert (table.scorers, list(table.labels)) == (["preference"], ["human"])


def test_columns_of_categories_are_read_as_their_values_are():
    frame = pd.DataFrame({"item": [0, 1, 1], "first": list("abb"), "second": list("baa")})
    frame = frame.assign(preference=[-1, 1, 1], order=[None, "ba", "ab"], scorer="m")
    frame = frame.assign(chars_a=list("qrs"), chars_b=list("tuv"))
    plain, odd = read(frame), read(frame.astype(dict.fromkeys(frame, "category")))
    assert odd.scores.equals(plain.scores) and odd.rows["order"].tolist() == ["ab", "ab", "ba"]
    assert odd.rows["chars_first"].tolist() == ["q", "u", "v"]


def test_scorers_and_raters_of_categories_share_one_column_of_verdicts():
    frame = pd.DataFrame(
        {
            "item": np.repeat(np.arange(6), 2),
            "first": "a",
            "second": "b",
            "scorer": ["judge", None] * 6,
            "rater": [None, "expert"] * 6,
            "preference": ["a", "a", "b", "a", "tie", "b", "a", "a", "b", "b", "a", "tie"],
        }
    )
    plain, odd = read(frame), read(frame.astype({"scorer": "category", "rater": "category"}))
    assert plain.scorers == ["judge"] and list(plain.labels) == ["expert"]
    assert odd.fingerprint == plain.fingerprint
