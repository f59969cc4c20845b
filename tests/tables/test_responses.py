"""Tables: what they refuse and how they say so, ids, canonical order, and what they offer."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from strategies import broken, responses

import metaeval as me
from metaeval import MetaevalError, Pairs, Responses
from metaeval.tables import group_codes, ids_as_text, require_table
from metaeval.tables.canonical import column_bytes


def table_of(items, systems=None, scores=None, labels=None, index=None, **options):
    n = len(items)
    columns = {
        k: options.pop(k) for k in ("task", "cluster", "response", "length", "fold") if k in options
    }
    rows = pd.DataFrame({"item": items, **columns}, index=index)
    if systems is not None:
        rows["system"] = list(systems)
    scores = {"m": np.arange(n, dtype=float)} if scores is None else scores
    labels = {"human": np.arange(n, dtype=float)} if labels is None else labels
    frames = (pd.DataFrame(f, index=rows.index) for f in (scores, labels))
    return Responses(rows, *frames, **options)


def pairs_of(first, second, items=None, labels=None, **options):
    n = len(first)
    rows = pd.DataFrame({"item": items or ["1"] * n, "first": first, "second": second})
    for column in ("order", "task", "judge", "length_delta"):
        if column in options:
            rows[column] = options.pop(column)
    scores = {"m": np.arange(1.0, n + 1)}
    labels = {"human": np.ones(n)} if labels is None else labels
    return Pairs(rows, pd.DataFrame(scores), pd.DataFrame(labels), **options)


# What is refused.
@settings(max_examples=150)
@given(broken())
def test_what_is_broken_is_refused_with_its_cure(case):
    what, rows, scores, labels, options, cure = case
    with pytest.raises(MetaevalError) as error:
        Responses(rows, scores, labels, **options)
    assert cure in str(error.value), (what, str(error.value))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: table_of([]), "at least one row"),
        (
            lambda: table_of(["a", None]),
            "'item': 1, the first in row 2 .*Fill them in",
        ),
        (lambda: table_of(["a", "b"], task=["t", None]), "'task': 1"),
        (lambda: table_of(["a", "b"], cluster=["t", None]), "'cluster': 1"),
        (lambda: table_of(["a", "b"], ["s", None]), "'system': 1"),
        (lambda: table_of(["a", "a"], ["s", "s"]), r"2 rows share a key \(item, system\).*keys="),
        (lambda: table_of(["a"], scores={"m": [np.inf]}), "infinite value in row 1"),
        (lambda: table_of(["a"], scores={"m": ["x"]}), "non-numeric values, such as 'x'"),
        (
            lambda: table_of(["a"], labels={"m": [1.0]}),
            "A scorer and a label have the same name: m; rename",
        ),
        (
            lambda: table_of(["a"], label_epsilon=-1),
            "label_epsilon=-1 must be a nonnegative number",
        ),
        (lambda: table_of(["a"], label_epsilon=np.nan), "label_epsilon=nan must be"),
        (lambda: table_of(["a"], label_kind="ratings"), "Did you mean 'rating'"),
        (lambda: table_of(["a"], missing="comon"), "Did you mean 'common'"),
        (lambda: table_of(["a"], labels={"h": [2.0]}, label_kind="correct"), "got 2.*'rating'"),
        (
            lambda: table_of(["a", "a"], "st", cluster=["c", "d"]),
            "Each item must belong to one cluster; a belongs to several",
        ),
        (
            lambda: table_of(["a"], scores=pd.DataFrame([[1, 2]], columns=["m", "m"])),
            "named m; ren",
        ),
        (
            lambda: table_of(["a"], index=[3]).replace(labels=pd.DataFrame({"h": [1]}, [5])),
            "row order is unknown",
        ),
        (lambda: pairs_of(["a"], ["a"]), "item '1' pairs 'a' with itself"),
        (lambda: pairs_of(["a"], ["b"], labels={"h": [1.5]}), "between -1 .* to 2p - 1"),
        (lambda: pairs_of(["a", "b"], ["b", "a"]), "2 rows share a key"),
    ],
)
def test_messages_name_the_cure(make, message):
    with pytest.raises(MetaevalError, match=message):
        make()


def test_pairs_need_both_sides():
    rows = pd.DataFrame({"item": ["1"], "first": ["a"], "secnd": ["b"]})
    with pytest.raises(MetaevalError, match=r"'first' and 'second'.*Did you mean 'secnd'"):
        Pairs(rows, pd.DataFrame({"m": [1.0]}), pd.DataFrame({"h": [1.0]}))


def test_a_missing_item_column_is_named_with_what_there_is():
    rows = pd.DataFrame({"itm": ["1"], "system": ["a"]})
    with pytest.raises(
        MetaevalError, match=r"found itm, system. Did you mean 'itm'.*item=<your col"
    ):
        Responses(rows, pd.DataFrame({"m": [1.0]}), pd.DataFrame({"h": [1.0]}))


def test_at_most_ten_duplicates_are_listed():
    with pytest.raises(MetaevalError, match=r"40 rows share a key.* and 10 more"):
        table_of([str(i) for i in range(20)] * 2, ["s"] * 40)


def test_tables_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        table_of(["a"]).keys = ("x",)


def test_the_callers_frames_are_left_alone():
    rows = pd.DataFrame({"item": [2, 1], "first": ["b", "b"], "second": ["a", "a"]})
    scores, labels = pd.DataFrame({"z": [1, 2], "a": [3, 4]}), pd.DataFrame({"h": [1, 0]})
    before = [frame.copy(deep=True) for frame in (rows, scores, labels)]
    Pairs(rows, scores, labels)
    for frame, was in zip((rows, scores, labels), before, strict=True):
        pd.testing.assert_frame_equal(frame, was)


# Ids.
@pytest.mark.parametrize(
    ("ids", "texts"),
    [
        ([7, 10], ["10", "7"]),
        ([7.0, 10.0], ["10", "7"]),
        (["7", "007"], ["007", "7"]),
        ([7, "8", 9.0], ["7", "8", "9"]),
        (pd.array([7, 8], dtype="Int64"), ["7", "8"]),
        (pd.Categorical(["b", "a", "b"])[:2], ["a", "b"]),
        (pd.Categorical([2, 1]), ["1", "2"]),
        (["é", "e", "z"], ["e", "z", "é"]),
        ([7.5, 6.25], ["6.25", "7.5"]),
    ],
)
def test_ids_are_text_in_the_order_of_text(ids, texts):
    assert table_of(ids).canonical.rows["item"].tolist() == texts


@pytest.mark.parametrize("seven", [7, 7.0, "7", np.int64(7), np.float64(7)])
def test_seven_is_one_id_however_it_is_written(seven):
    table = table_of(["7", "8"]).select(item="7")
    assert table_of([seven, 8]).select(item="7").n_items == table.n_items == 1
    scores = pd.Series([0.5], index=pd.Index([seven], name="item"))
    found = table_of(["7", "007"]).with_scorer("k", scores)
    np.testing.assert_array_equal(found.scores["k"], [0.5, np.nan])


def test_seven_and_007_are_two_items():
    assert table_of(["7", "007"], "ss").n_items == 2
    with pytest.raises(MetaevalError, match=r"share a key"):
        table_of(["7", 7], "ss")


def test_missing_ids_of_optional_columns_are_empty():
    table = table_of(["a", "b"], response=["x", "y"], keys="fold", fold=["1", "2"])
    assert table.keys == ("fold",)
    ids = ids_as_text(pd.Series(["x", None]), "order", null_is_empty=True)
    assert ids.tolist() == ["x", ""]


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=8))
def test_groups_are_numbered_in_the_order_of_their_ids(values):
    frame = pd.DataFrame({"g": ids_as_text(pd.Series(values), "g")})
    texts = [str(v) for v in values]
    assert group_codes(frame, ["g"]).tolist() == [sorted(set(texts)).index(t) for t in texts]


# Canonical order.
def test_canonical_rows_are_sorted_by_task_item_response_and_scorers_by_name():
    given = table_of(
        ["2", "10", "1", "1"],
        ["b", "a", "b", "a"],
        {"z": [1.0, 2, 3, 4], "B": [5.0, 6, 7, 8], "a": [0.0, 0, 0, 0]},
        task=["t1", "t0", "t0", "t0"],
    )
    assert given.rows["item"].tolist() == ["2", "10", "1", "1"]
    assert given.scores["z"].tolist() == [1, 2, 3, 4]
    assert given.item_codes.tolist() == [2, 1, 0, 0]
    table = given.canonical
    assert table.canonical is table
    assert table.item_index.equals(given.item_index)
    assert table.rows[["task", "item", "system"]].to_numpy().tolist() == [
        ["t0", "1", "a"],
        ["t0", "1", "b"],
        ["t0", "10", "a"],
        ["t1", "2", "b"],
    ]
    assert table.scorers == ["B", "a", "z"]
    assert table.scores["z"].tolist() == [4, 3, 2, 1]
    assert table.rows.index.equals(pd.RangeIndex(4))
    assert table.item_codes.tolist() == [0, 0, 1, 2]
    assert table.item_index.tolist() == [("t0", "1"), ("t0", "10"), ("t1", "2")]


@settings(max_examples=25)
@given(table=responses(scorers=3, holes=True, clusters=True, tasks=True), random=st.randoms())
def test_any_order_gives_the_same_table(table, random):
    order = random.sample(range(len(table)), len(table))
    names = random.sample(table.scorers, len(table.scorers))
    other = Responses(
        table.rows.iloc[order],
        table.scores.iloc[order][names],
        table.labels.iloc[order],
        label_kind="rating",
    )
    assert other.fingerprint == table.fingerprint
    assert other.rows["item"].tolist() == table.rows["item"].iloc[order].tolist()
    other, table = other.canonical, table.canonical
    for one, two in ((other.rows, table.rows), (other.scores, table.scores)):
        pd.testing.assert_frame_equal(one, two, check_dtype=False, check_categorical=False)


def test_unnamed_responses_are_sorted_by_their_values():
    one = table_of(["a", "a"], None, {"m": [2.0, 1.0]}, {"h": [0.0, 1.0]})
    other = table_of(["a", "a"], None, {"m": [1.0, 2.0]}, {"h": [1.0, 0.0]})
    assert one.scores["m"].tolist() == [2, 1]
    for table in (one, other):
        assert table.canonical.scores["m"].tolist() == [1, 2]
    assert any("duplicates cannot be detected" in note for note in one.alignment.oddities)


def test_the_fingerprint_depends_on_values_only():
    table = table_of([1, 2], "ab")
    assert table.fingerprint == table_of(["1", "2"], "ab", {"m": [0, 1]}).fingerprint
    assert table.fingerprint != table_of(["1", "2"], "ab", {"m": [0, 2]}).fingerprint
    assert table.fingerprint != table_of(["1", "2"], "ab", {"n": [0, 1]}).fingerprint
    assert column_bytes(pd.Series([0.0])) == column_bytes(pd.Series([-0.0]))


# Items, tasks, clusters, keys.
def test_items_are_local_to_their_task_unless_they_are_shared():
    ids = {"items": ["1", "1"], "systems": "aa", "task": ["fluency", "coherence"]}
    assert table_of(**ids).n_items == 2
    shared = table_of(**ids, shared_items=True)
    assert shared.n_items == 1
    assert shared.item_index.tolist() == [("1",)]


def test_clusters_hold_whole_items():
    ids = {"items": ["1", "1"], "systems": "aa", "task": ["x", "y"], "cluster": ["c", "d"]}
    assert table_of(**ids).n_items == 2
    with pytest.raises(MetaevalError, match=r"belongs to several"):
        table_of(**ids, shared_items=True)


def test_keys_tell_rows_apart():
    rows = pd.DataFrame({"item": ["1", "1"], "system": ["a", "a"], "prompt": [1, 2]})
    frames = pd.DataFrame({"m": [1.0, 2]}), pd.DataFrame({"h": [1.0, 2]})
    with pytest.raises(MetaevalError, match=r"share a key.*keys="):
        Responses(rows, *frames)
    assert len(Responses(rows, *frames, keys=("prompt",))) == 2


def test_responses_are_identified_before_systems():
    assert len(table_of(["1", "1"], "aa", response=["x", "y"])) == 2
    with pytest.raises(MetaevalError, match=r"\(item, response\)"):
        table_of(["1", "1"], "ab", response=["x", "x"])


@pytest.mark.parametrize(
    ("items", "systems", "labels", "kind"),
    [
        ("1122", None, [0, 1, 1, 0], "correct"),
        ("1122", "abcd", [0, 1, 1, 0], "correct"),
        ("1122", "abab", [0, 1, 1, 0], "rating"),  # a grid of systems
        ("1122", None, [0, 1, 1, 1], "rating"),  # an item without a wrong answer
        ("1122", None, [0, 1, 1, 2], "rating"),
    ],
)
def test_what_labels_are_taken_for(items, systems, labels, kind):
    names = [f"r{i}" for i in range(4)]
    table = table_of(list(items), systems, labels={"h": labels}, response=names)
    assert table.kind == kind
    assert table.replace(label_kind="rating").kind == "rating"


# What tables offer.
def test_select():
    table = table_of(["1", "1", "2", "2"], "abab", length=[1, 2, 3, 4])
    assert table.select(system="a").rows["item"].tolist() == ["1", "2"]
    assert len(table.select(item=[1, "2"], system=["b"])) == 2
    assert table.select(length=3).rows["item"].tolist() == ["2"]
    with pytest.raises(MetaevalError, match=r"no column 'sytem'.*Did you mean 'system'"):
        table.select(sytem="a")
    with pytest.raises(MetaevalError, match=r"No row has system='c'; available values:.*a, b"):
        table.select(system="c")


def test_with_scorer_joins_by_key():
    table = table_of(["1", "1", "2"], "aba")
    by = pd.MultiIndex.from_tuples([("a", 2), ("b", 1)], names=["system", "item"])
    found = table.with_scorer("new", pd.Series([0.5, 0.25], index=by)).scores["new"]
    np.testing.assert_array_equal(found, [np.nan, 0.25, 0.5])


def test_with_scorer_refuses_ids_of_no_row():
    table = table_of(["1", "2"], "aa")
    index = pd.MultiIndex.from_tuples([("1", "a"), ("3", "a")], names=["item", "system"])
    with pytest.raises(MetaevalError, match=r"of 'new' match no row of the table: 3/a"):
        table.with_scorer("new", pd.Series([0.5, 0.25], index=index))


def test_what_is_computed_from_a_table_can_be_handed_back():
    table = table_of(["2", "1", "10"], "aab")
    double = 2 * table.scores["m"]
    assert table.with_scorer("new", double).scores["new"].tolist() == [0, 2, 4]
    assert table.with_scorer("new", double[::-1]).scores["new"].tolist() == [0, 2, 4]
    series = pd.Series([5, 6, 7], index=table.rows.index)
    assert table.with_scorer("new", series).scores["new"].tolist() == [5, 6, 7]
    assert table.replace(labels=-table.labels).labels["human"].tolist() == [0, -1, -2]


def test_frames_have_ids_as_columns_or_as_an_index():
    table = table_of(["2", "1", "10"], "aab")
    frame = pd.DataFrame({"item": [10, 2, 1], "system": list("baa"), "k": [3.0, 1, 2]})
    for keyed in (frame, frame.set_index(["system", "item"]), frame[["item", "k"]]):
        assert table.with_scorer("new", keyed).scores["new"].tolist() == [1, 2, 3]
        assert table.replace(scores=keyed).scores["k"].tolist() == [1, 2, 3]
    with pytest.raises(MetaevalError, match=r"must have one column of scores, got k, l"):
        table.with_scorer("new", frame.assign(l=1.0))


def test_margins_come_back_with_their_pair_turned_round():
    pairs = pairs_of(["b", "a"], ["a", "c"])
    index = pd.MultiIndex.from_tuples(
        [("1", "c", "a"), ("1", "b", "a")], names=["item", "first", "second"]
    )
    found = pairs.with_scorer("new", pd.Series([0.5, 0.25], index=index))
    assert found.scores["new"].tolist() == [-0.25, -0.5]
    assert found.scores["m"].tolist() == [-1, 2]


def test_rows_keep_the_order_in_which_they_came():
    ids = [str(i) for i in range(12)]
    table = table_of(ids)
    assert table.rows["item"].tolist() == ids
    assert table.select(item=["10", "2"]).rows["item"].tolist() == ["2", "10"]
    assert table.keep_scorers(["m"]).scores["m"].tolist() == list(range(12))
    assert table.to_frame()["item"].tolist() == ids * 2
    assert table.replace(rows=table.rows.assign(length=range(12))).rows["length"][10] == 10
    pairs = pairs_of(["b"] * 12, ["a"] * 12, ids)
    assert pairs.rows["item"].tolist() == ids
    other = pairs_of(["a"] * 12, ["b"] * 12, ids[::-1])
    other = other.replace(scores=pd.DataFrame({"n": range(12)}, index=other.rows.index))
    assert pairs.join(other).rows["item"].tolist() == ids


@pytest.mark.parametrize(
    "values",
    [[5.0, 6], np.array([5.0, 6]), pd.Series([5.0, 6]), pd.Series([5.0, 6], index=[1, 0])],
    ids=["list", "array", "Series", "numbered"],
)
def test_values_without_ids_are_refused_with_what_to_type(values):
    table = table_of(["2", "1"], "aa")
    cure = r"pd.Series\(values, index=table.rows.index\).*set_index\(\['item', 'system'\]\)"
    with pytest.raises(MetaevalError, match=cure):
        table.with_scorer("new", values)
    for field in ("scores", "labels"):
        with pytest.raises(MetaevalError, match=cure):
            table.replace(**{field: pd.DataFrame({"m": np.asarray(values)})})
    with pytest.raises(MetaevalError, match=cure):
        table.replace(rows=pd.DataFrame({"length": np.asarray(values)}))
    with pytest.raises(MetaevalError, match=cure):
        table.with_covariate("length", values)


def test_values_of_a_part_of_the_table_are_refused():
    table = table_of(["2", "1", "3"], "aab")
    part = table.select(system="a").scores["m"]
    with pytest.raises(MetaevalError, match=r"index of another table.*set_index"):
        table.with_scorer("new", part)


@pytest.mark.parametrize(
    ("name", "scores", "message"),
    [
        ("m", [1.0, 2.0], "is already a scorer or label"),
        ("human", [1.0, 2.0], "is already a scorer or label"),
        ("new", pd.Series(["x", 1.0], index=pd.Index(["1", "2"], name="item")), "non-numeric"),
        ("new", pd.Series([1.0, 2.0], index=["x", "y"]), r"set_index\("),
        ("new", pd.Series([1.0], index=pd.Index(["9"], name="item")), "match no row"),
        ("new", pd.Series([1.0, 2], index=pd.Index(["1", 1], name="item")), "several values"),
    ],
)
def test_with_scorer_refuses(name, scores, message):
    with pytest.raises(MetaevalError, match=message):
        table_of(["1", "2"], "aa").with_scorer(name, scores)


def test_scorers_and_labels_can_be_left_out():
    table = table_of(["1"], scores={"a": [1], "b": [2], "c": [3]}, labels={"x": [1], "y": [2]})
    assert table.drop_scorers("b").scorers == ["a", "c"]
    assert table.keep_scorers(["c", "a"]).scorers == ["a", "c"]
    assert list(table.keep_labels(["y"]).labels) == ["y"]
    for call in (table.drop_scorers, lambda n: table.keep_scorers([n])):
        with pytest.raises(MetaevalError, match=r"no scorer 'bb'.*Did you mean 'b'"):
            call("bb")
    with pytest.raises(MetaevalError, match=r"no label 'z'"):
        table.keep_labels(["z"])


def test_map_scores_leaves_holes_and_the_rest():
    table = table_of(["1", "2"], scores={"a": [1.0, np.nan]})
    mapped = table.map_scores(lambda x: -x)
    np.testing.assert_array_equal(mapped.scores["a"], [-1, np.nan])
    pd.testing.assert_frame_equal(mapped.labels, table.labels)
    with pytest.raises(MetaevalError, match=r"infinite"):
        table.map_scores(lambda x: x / 0)


def test_to_frame_is_long():
    table = table_of(["1", "2"], "ab", {"m": [1.0, np.nan], "n": [3.0, 4]})
    frame = table.to_frame()
    assert list(frame.columns) == [*table.rows.columns, "scorer", "score"]
    assert len(frame) == 2 * 3
    wide = frame.pivot(index="item", columns="scorer", values="score")
    np.testing.assert_array_equal(wide["m"], [1, np.nan])
    np.testing.assert_array_equal(wide["human"], [0, 1])


def test_to_xarray_is_crossed():
    table = table_of(["1", "1", "2"], "aba", {"m": [1.0, 2, 3]}, {"h": [4.0, 5, 6]})
    data = table.to_xarray()
    assert data["score"].sel(scorer="m", system="b", item="1").item() == 2
    assert data["label"].sel(rater="h", system="a", item="2").item() == 6
    assert np.isnan(data["score"].sel(scorer="m", system="b", item="2").item())


def test_to_xarray_needs_systems():
    with pytest.raises(MetaevalError, match=r"crossed design.*to_frame"):
        table_of(["1", "2"]).to_xarray()


def test_html_escapes_names():
    name = "<script>alert('x')</script>&"
    html = table_of(["1"], scores={name: [1.0]})._repr_html_()
    assert name not in html and "<script" not in html
    assert "&lt;script&gt;" in html and "&amp;" in html


def test_repr_counts():
    table = table_of(["1", "1", "2"], "aba", {"m": [1.0, np.nan, 2]})
    assert (
        repr(table) == "<Responses: 2 items, 3 rows, 2 systems, 1 scorer, 1 label, 1 missing score>"
    )


def test_the_alignment_counts():
    table = table_of(
        ["1", "1", "2"], "aba", {"m": [1.0, np.nan, 2], "n": [1, 1, 1]}, {"h": [1, 2, np.nan]}
    )
    totals = table.alignment.counts()
    assert {k: totals[k] for k in ("items", "rows", "without_label", "without_score")} == {
        "items": 2,
        "rows": 3,
        "without_label": 1,
        "without_score": 0,
    }
    assert totals["common_rows"] == 2
    by = table.alignment.scorers.set_index("name")
    assert by.loc["m", "missing"] == 1
    assert (by.loc["n", "constant_items"], by.loc["n", "tied_pairs"]) == (1, 1.0)
    assert any(note == "constant: n" for note in table.alignment.oddities)


@pytest.mark.parametrize("given", ["scores.csv", pd.DataFrame({"item": [1], "m": [0.5]})])
def test_what_was_not_read_is_no_table(given):
    said = f"Expected a Responses or Pairs table, got {type(given).__name__}"
    with pytest.raises(MetaevalError, match=said):
        require_table(given)
    with pytest.raises(MetaevalError, match=said):
        me.evaluate(given)


def test_keys_that_identify_rows_anyway_change_nothing():
    plain = table_of(["a", "b"], ["s", "s"], task=["t", "u"])
    for keys in (("task",), ("item", "task"), ("task", "task")):
        named = me.Responses(plain.rows, plain.scores, plain.labels, keys=keys)
        assert named._identity(named.rows) == plain._identity(plain.rows)
