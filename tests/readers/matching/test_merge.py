import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from metaeval.core import MetaevalError
from metaeval.readers import read, read_scores
from metaeval.readers.matching.file_part import Part
from metaeval.readers.matching.merge import merge


def grid(n=6, **columns):
    """Two systems on n items."""
    frame = pd.DataFrame({"item": np.repeat(np.arange(n), 2), "system": ["a", "b"] * n})
    return frame.assign(**columns)


def numbered(n=12, seed=0):
    return np.round(np.random.default_rng(seed).normal(size=n), 3)


def named(frame, name):
    """A frame that is called by a name in messages."""
    frame = frame.copy()
    frame.attrs["source"] = name
    return frame


def fails(message, *sources, **options):
    with pytest.raises(MetaevalError, match=message) as caught:
        read(*sources, **options)
    return str(caught.value)


SCORES = grid(task=["t1"] * 6 + ["t2"] * 6, chrf=numbered())
JUDGE = SCORES[["task", "item", "system"]].assign(judge=numbered(seed=1))
LABELS = SCORES[["task", "item", "system"]].assign(human=numbered(seed=2))
ALL = SCORES.assign(judge=JUDGE["judge"], human=LABELS["human"])


# What fits together
def test_scorers_and_labels_side_by_side():
    expected = read(ALL).fingerprint
    for order in itertools.permutations([SCORES, JUDGE, LABELS]):
        assert read(*order).fingerprint == expected


def test_one_scorer_in_two_files():
    halves = [SCORES[SCORES["task"] == task] for task in ("t1", "t2")]
    for order in itertools.permutations([*halves, JUDGE, LABELS]):
        assert read(*order).fingerprint == read(ALL).fingerprint


def test_identical_duplicates_are_one():
    assert read(ALL, SCORES, ALL.head(3)).fingerprint == read(ALL).fingerprint


def test_a_label_file_without_tasks():
    assert read(SCORES, LABELS.drop(columns="task")).fingerprint == read(SCORES, LABELS).fingerprint


def test_a_label_file_that_needs_its_task():
    local = [frame.assign(item=frame["item"] % 3) for frame in (SCORES, LABELS)]
    assert read(*local, shared_items=False).n_items == 6
    lacking = local[0].drop(columns="task").head(6)
    table = read(lacking, local[1])
    assert len(table) == 12  # a score file without tasks stands beside both


def test_ids_that_do_not_tell_rows_apart():
    labels = LABELS.drop(columns="system").assign(response=LABELS["system"])
    fails(
        r"are matched by task, item, but rows of .* repeat these ids; both files need system",
        SCORES,
        labels,
    )


def test_responses_are_matched_by_their_system():
    responses = SCORES.assign(response=SCORES["system"] + "1")
    table = read(responses, LABELS)
    np.testing.assert_array_equal(table.labels["human"], read(ALL).labels["human"])


def test_labels_of_items_stand_for_several_rows_and_that_is_noted():
    per_item = pd.DataFrame({"item": range(6), "human": range(6)})
    table = read(named(SCORES, "s.csv"), named(per_item, "l.csv"))
    assert table.labels["human"].tolist() == np.repeat(np.arange(6.0), 2).tolist()
    assert any(
        "l.csv has no task, system: each of its values is used for 2" in w for w in table.warnings
    )
    lengths = pd.DataFrame({"item": range(6), "src_chars": range(6)})
    assert read(SCORES, lengths).warnings == ()


def test_covariates_come_from_any_file():
    lengths = SCORES[["item", "system"]].assign(hyp_chars=range(12), genre="x")
    table = read(SCORES, LABELS, lengths)
    assert table.canonical.rows["hyp_chars"].tolist() == list(range(12))
    assert set(table.rows["genre"]) == {"x"}


def test_clusters_of_rows_whose_file_has_none():
    with_cluster = SCORES.assign(doc=SCORES["item"] // 2)
    extra = pd.DataFrame({"task": "t1", "item": [0, 1, 2, 0], "system": [*["ref"] * 3, "a"]})
    table = read(with_cluster, extra.assign(human=1.0))
    assert table.rows.loc[table.rows["system"] == "ref", "cluster"].tolist() == ["0", "0", "1"]
    unknown = extra.assign(human=1.0, item=[0, 1, 99, 0])
    fails("'cluster': 1.*Fill them in, or drop these rows", with_cluster, unknown)


@settings(max_examples=15)
@given(st.permutations(range(5)), st.permutations(range(12)))
def test_the_order_of_files_and_rows_changes_nothing(files, rows):
    sources = [
        SCORES.head(6),
        SCORES.tail(6).assign(item=lambda f: f["item"].astype(str)),
        JUDGE.drop(columns="task").rename(columns={"item": "seg_id", "system": "Model"}),
        LABELS.iloc[list(rows)],
        SCORES[["item", "system"]].assign(hyp_chars=range(12)),
    ]
    table = read(*(sources[k] for k in files))
    assert table.fingerprint == read(*sources).fingerprint
    assert table.canonical.rows["hyp_chars"].tolist() == list(range(12))


@settings(max_examples=10)
@given(st.permutations(range(4)))
def test_the_order_of_named_files_changes_no_note(files):
    sources = [
        named(f, n)
        for f, n in zip((SCORES, JUDGE, LABELS.head(7), ALL.head(2)), "abcd", strict=True)
    ]
    assert read(*(sources[k] for k in files)).notes == read(*sources).notes


# What does not
def test_contradictions_list_their_rows():
    other = named(SCORES.assign(chrf=SCORES["chrf"] + 1), "other.csv")
    text = fails(r"different values of 'chrf' for 12 rows \(task, item, system\)", SCORES, other)
    assert text.count("('t") == 10
    assert "and 2 more" in text
    assert "('t1', '0', 'a'), ('t1', '0', 'b')" in text
    assert "other.csv" in text
    assert text.endswith("Remove one file, or rename one of the columns.")


def test_contradictions_where_a_file_lacks_an_id():
    other = SCORES.drop(columns="task").assign(chrf=SCORES["chrf"] + (SCORES["item"] == 2))
    fails(
        r"different values of 'chrf' for 2 rows .*\('t1', '2', 'a'\), \('t1', '2', 'b'\)\.",
        SCORES,
        other,
    )


def test_a_name_that_is_a_scorer_here_and_a_label_there():
    long = LABELS.rename(columns={"human": "label"}).assign(rater="chrf")
    fails("A scorer and a label have the same name: chrf; rename one", SCORES, long)


def test_no_overlap_names_example_ids_and_the_shift():
    shifted = LABELS.assign(item=LABELS["item"] + 100)
    text = fails("share no rows", named(SCORES, "s.csv"), named(shifted, "l.csv"))
    assert "matched by task, item, system: item is '100' in one file and '0' in the other" in text
    assert "The item numbers look shifted by -100" in text or "shifted by +100" in text
    assert "columns={'item': '<column>'} (--map item=<column>)" in text


def test_no_overlap_of_systems_only():
    text = fails("share no rows", SCORES, LABELS.assign(system=LABELS["system"] + "-v2"))
    assert (
        "system is 'a-v2' in one file and 'a' in the other" in text
        or "system is 'a' in one file" in text
    )
    assert "shifted" not in text


def test_two_frames_without_names_are_told_apart():
    fails("share no rows", SCORES, LABELS.assign(item=LABELS["item"] + 100))


def test_two_files_of_one_name_are_told_apart(tmp_path):
    for folder, frame in (("a", SCORES), ("b", LABELS.assign(item=LABELS["item"] + 100))):
        (tmp_path / folder).mkdir()
        frame.to_csv(tmp_path / folder / "x.csv", index=False)
    fails(r"x.csv \(1\) and x.csv \(2\) share no rows", tmp_path / "a/x.csv", tmp_path / "b/x.csv")


def test_differences_are_noted_in_both_directions():
    notes = read(named(SCORES.drop([4, 5]), "s.csv"), named(LABELS.iloc[:9], "l.csv")).notes
    assert notes == (
        "l.csv: 2 rows are in no other file, such as t1/2/a, t1/2/b",
        "l.csv: 3 rows of other files are missing, such as t2/4/b, t2/5/a, t2/5/b",
        "s.csv: 3 rows are in no other file, such as t2/4/b, t2/5/a, t2/5/b",
        "s.csv: 2 rows of other files are missing, such as t1/2/a, t1/2/b",
    )
    assert read(SCORES, LABELS).notes == ()


def test_items_shifted_by_one_are_suspicious():
    scores, labels = (frame.drop(columns="task") for frame in (SCORES, LABELS))
    table = read(named(scores, "s.csv"), named(labels.assign(item=labels["item"] + 1), "l.csv"))
    assert "item numbers in s.csv look shifted by -1" in table.warnings[0]


def test_rows_that_match_nothing_are_warned_of():
    labels = LABELS.drop(columns="task").assign(item=LABELS["item"] + 1)
    table = read(named(SCORES, "s.csv"), named(labels, "l.csv"))
    assert "l.csv: 2 rows do not match any row of s.csv" in table.warnings
    assert len(table) == 12


@pytest.mark.parametrize("task", [True, False])
def test_covariates_that_differ_are_left_out_with_a_note(task):
    other = LABELS if task else LABELS.drop(columns="task")
    table = read(SCORES.assign(length=1, genre="x"), other.assign(length=2, genre="x"))
    assert "length" not in table.rows
    assert "genre" in table.rows
    assert "length excluded: files disagree on its value in 12 rows" in table.notes


@pytest.mark.parametrize("task", [True, False])
def test_different_texts_under_one_key_are_suspicious(task):
    other = LABELS if task else LABELS.drop(columns="task")
    hashes = [f"{n:x}" for n in range(50, 62)]
    table = read(
        SCORES.assign(text_hash=hashes), other.assign(text_hash=[*hashes[:9], "q", "r", "s"])
    )
    assert "suspicious ids: 3 keys have different texts in two files" in table.notes
    same = read(SCORES.assign(text_hash=hashes), other.assign(text_hash=hashes))
    assert "text_hash" in same.rows
    assert not any("suspicious" in note for note in same.notes)


def test_a_scorer_that_is_a_covariate_elsewhere():
    long = SCORES.rename(columns={"chrf": "score"}).assign(scorer="chrf", prompt=range(12))
    lengths = SCORES[["task", "item", "system"]].assign(prompt=range(12), hyp_chars=3)
    fails(r"'prompt' was read as a scorer in .*, but not in .*scorers=\[...\]", long, lengths)
    table = read(long, lengths, scorers=["chrf"])
    assert table.scorers == ["chrf"]
    assert "prompt" in table.rows


def test_rows_that_nothing_names_cannot_be_joined():
    frame = pd.DataFrame({"item": [1, 1], "m": [1, 2]})
    fails(
        "has several rows for the same .*no other column distinguishes these rows. .*add a column "
        "'system'",
        frame,
        frame.rename(columns={"m": "k"}),
    )
    single = pd.DataFrame({"item": [1, 2], "m": [1, 2]})
    table = read(single, single.rename(columns={"m": "human"}).iloc[::-1])
    assert table.labels["human"].tolist() == [1, 2]


def test_pairs_and_scores_are_not_mixed():
    pairs = pd.DataFrame({"item": [1], "first": "a", "second": "b", "m": [0.5]})
    fails(
        "p.csv contains pairs, but .* scores of responses; read them separately",
        named(pairs, "p.csv"),
        SCORES,
    )


def test_merge_of_one_part_returns_it():
    index = pd.RangeIndex(2)
    part = Part(
        pd.DataFrame({"item": ["1", "2"]}),
        pd.DataFrame({"m": [1.0, 2.0]}),
        pd.DataFrame(index=index),
        "x",
        notes=("n",),
    )
    whole = merge([part])
    assert whole.scores.equals(part.scores)
    assert whole.notes == ("n",)


def test_a_scorer_that_is_a_covariate_in_its_own_file_or_elsewhere():
    long = SCORES.rename(columns={"chrf": "score"}).assign(scorer="hyp_chars")
    lengths = SCORES[["task", "item", "system"]].assign(hyp_chars=SCORES["chrf"])
    fails(r"'hyp_chars' was read as a scorer in .*, but not in ", long, lengths)
    table = read(long, lengths, scorers=["hyp_chars"])
    assert table.scorers == ["hyp_chars"]
    assert "hyp_chars" not in table.rows
    fails(
        r"A scorer in .* are both named 'length'; rename one of them",
        long.assign(scorer="length", length=3),
    )
    fails("A scorer in .* are both named 'item'", long.assign(scorer="item"), scorers=["item"])


# Label files
@pytest.mark.parametrize(
    "labels",
    [
        LABELS.rename(columns={"human": "adequacy"}),
        LABELS.rename(columns={"human": "score"}).assign(scorer="adequacy"),
        LABELS.rename(columns={"human": "label"}).assign(rater="adequacy"),
    ],
)
def test_everything_in_a_label_file_is_a_label(labels):
    table = read_scores(SCORES, label_source=labels, scorers=["chrf"])
    assert (table.scorers, list(table.labels)) == (["chrf"], ["adequacy"])
    expected = read(SCORES, LABELS.rename(columns={"human": "adequacy"}), labels="adequacy")
    assert table.fingerprint == expected.fingerprint


def test_equal_values_in_two_files_are_noted():
    assert "chrf: 6 values occur in several files and agree" in read(SCORES, SCORES.head(6)).notes


def test_files_hang_together_through_others_only_if_others_do():
    t1, t2 = (SCORES[SCORES["task"] == t] for t in ("t1", "t2"))
    both = JUDGE, t1.rename(columns={"chrf": "x"}), t2.rename(columns={"chrf": "y"})
    assert read(*both).scorers == ["judge", "x", "y"]
    fails(
        "share no rows",
        *(SCORES, JUDGE),
        *(f.assign(item=f["item"] + 50) for f in (LABELS, SCORES.rename(columns={"chrf": "z"}))),
    )


# A judge whose records are spread over files
def judged(first, second, preference, **more):
    return pd.DataFrame(
        {"item": [1, 2], "first": first, "second": second, "preference": preference}
    ).assign(scorer="j", **more)


@pytest.mark.parametrize("verdicts", [["A", "A"], ["B", "B"]])
def test_two_orders_in_two_files_are_not_taken_for_one(verdicts):
    ab, ba = judged("x", "y", ["A", "A"]), judged("y", "x", verdicts)
    message = "in one order in .* and in the other in .*pandas.concat"
    fails(message, ab, ba)
    fails(message, ba, ab, both_orders="net")
    assert read(pd.concat([ab, ba])).rows["order"].tolist() == ["ab", "ab", "ba", "ba"]
    assert len(read(ab, ba, ordered=True)) == 4


def test_one_order_in_two_files_is_one():
    ab = judged("x", "y", ["A", "B"])
    table = read(ab.head(1), ab.tail(1))
    assert table.fingerprint == read(ab).fingerprint
    swapped = judged("y", "x", ["B", "A"], order="ba")
    assert read(ab, swapped).fingerprint == read(ab).fingerprint


def test_rows_are_in_the_order_of_the_first_file_given():
    one = SCORES.sample(frac=1, random_state=3)
    other = LABELS.sample(frac=1, random_state=4)
    for first, second in ((one, other), (other, one)):
        table = read(named(first, "z.csv"), named(second, "a.csv"))
        assert table.rows["item"].tolist() == first["item"].astype(str).tolist()
        assert table.rows["system"].tolist() == first["system"].tolist()
        assert table.fingerprint == read(SCORES, LABELS).fingerprint
