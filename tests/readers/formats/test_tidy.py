import gzip
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from metaeval.core import MetaevalError
from metaeval.readers import read, read_best_of_n, read_scores, recognize
from metaeval.readers.formats import tidy
from metaeval.tables import Responses

DATA = Path(__file__).parents[2] / "data"


def wide_frame(n_items=6, seed=0):
    """Two scorers and two raters on three systems, with holes, ids that are numbers."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "item": np.repeat(np.arange(n_items), 3),
            "system": ["a", "b", "c"] * n_items,
            "task": np.repeat(np.where(np.arange(n_items) % 2, "news", "chat"), 3),
            "cluster": np.repeat(np.arange(n_items) // 2, 3),
            "length": rng.integers(5, 50, 3 * n_items),
            "chrf": np.round(rng.normal(0, 1, 3 * n_items), 3),
            "judge-b": rng.integers(1, 6, 3 * n_items).astype(float),
            "mqm": -rng.integers(0, 9, 3 * n_items).astype(float),
            "human": rng.integers(0, 100, 3 * n_items).astype(float),
        }
    )
    frame.loc[1, "chrf"] = np.nan
    frame.loc[4, "mqm"] = np.nan
    return frame


IDS = ["item", "system", "task", "cluster", "length"]
WIDE = wide_frame()


def melted(frame, columns, who, what):
    return frame.melt(IDS, columns, var_name=who, value_name=what)


SCORES = melted(WIDE, ["chrf", "judge-b"], "scorer", "score")
LABELS = melted(WIDE, ["mqm", "human"], "rater", "label")
BOTH = pd.concat([SCORES, LABELS.rename(columns={"rater": "scorer", "label": "score"})])
SIDE = pd.concat([SCORES, LABELS])
EXPECTED = Responses(WIDE[IDS], WIDE[["chrf", "judge-b"]], WIDE[["mqm", "human"]])


def nested(frame):
    """Records with null for missing."""
    return json.loads(frame.to_json(orient="records"))


def save(frame, path):
    """Write a frame in the format of the name."""
    plain = path.name.removesuffix(".gz")
    if plain.endswith(".parquet"):
        frame.to_parquet(path, index=False)
        return path
    kinds = {
        "csv": lambda: frame.to_csv(index=False),
        "tsv": lambda: frame.to_csv(index=False, sep="\t"),
        "array.json": lambda: json.dumps(nested(frame)),
        "columns.json": lambda: json.dumps(
            {c: [row[c] for row in nested(frame)] for c in frame}, indent=1
        ),
        "jsonl": lambda: "".join(json.dumps(row) + "\n" for row in nested(frame)),
    }
    text = next(make() for end, make in kinds.items() if plain.endswith(end)).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


NAMES = ["a.csv", "a.tsv", "a.array.json", "a.columns.json", "a.jsonl"]
NAMES += [f"{name}.gz" for name in NAMES] + ["a.parquet"]
LAYOUTS = {
    "wide": ([WIDE], {}),
    "long, raters named": ([BOTH], {"labels": ["mqm", "human"]}),
    "long, rater beside scorer": ([SIDE], {}),
    "long, labels apart": ([SCORES, LABELS], {}),
    "long, wide labels apart": ([SCORES, WIDE[[*IDS, "mqm", "human"]]], {}),
    "wide, long labels apart": ([LABELS, WIDE[[*IDS, "chrf", "judge-b"]]], {}),
    "labels repeated in the long rows": ([SCORES.merge(WIDE[[*IDS, "mqm", "human"]])], {}),
    "a file per column": (
        [WIDE[[*IDS, c]] for c in ("human", "chrf", "mqm", "judge-b")],
        {"labels": ["human", "mqm"]},
    ),
    "ids only in the label file": (
        [WIDE[["task", "item", "system", "chrf", "judge-b"]], LABELS],
        {},
    ),
}


# One table, however it is written down
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", NAMES)
def test_files_of_every_format_and_layout(tmp_path, name, layout):
    frames, options = LAYOUTS[layout]
    paths = []
    for place, frame in enumerate(frames):
        (tmp_path / str(place)).mkdir()
        shuffled = frame.sample(frac=1, random_state=place)
        paths.append(save(shuffled, tmp_path / str(place) / name))
    assert read(*paths[::-1], **options).fingerprint == EXPECTED.fingerprint


@pytest.mark.parametrize(
    "make",
    [lambda f: f, pa.Table.from_pandas, pl.from_pandas, lambda f: f.set_index(["item", "system"])],
    ids=["pandas", "pyarrow", "polars", "indexed"],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_frames_of_every_library_and_layout(layout, make):
    frames, options = LAYOUTS[layout]
    assert read(*map(make, frames), **options).fingerprint == EXPECTED.fingerprint


@pytest.mark.parametrize("style", [str, float, int, "Int64", "category", "string", object])
@pytest.mark.parametrize("other", [str, float, "Int64"])
def test_ids_of_every_type(style, other):
    scores = SCORES.assign(item=SCORES["item"].astype(style))
    labels = LABELS.assign(item=LABELS["item"].astype(other).astype(str).str.removesuffix(".0"))
    assert read(scores, labels).fingerprint == EXPECTED.fingerprint


@settings(max_examples=15)
@given(st.permutations(range(len(WIDE))), st.permutations(list(WIDE)))
def test_order_of_rows_and_columns(rows, columns):
    assert read(WIDE.iloc[rows][columns]).fingerprint == EXPECTED.fingerprint


@settings(max_examples=15)
@given(st.randoms(use_true_random=False))
def test_rows_split_over_files_at_random(random):
    place = np.array([random.randrange(3) for _ in range(len(SIDE))])
    frames = [SIDE[place == k] for k in range(3) if (place == k).any()]
    assert read(*frames).fingerprint == EXPECTED.fingerprint


# Ids
def items_of(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    return read(tmp_path / "a.csv").rows["item"].tolist()


def test_ids_in_text(tmp_path):
    assert items_of(tmp_path, "item,system,m\n7,a,1\n007,a,2\n") == ["7", "007"]
    assert items_of(tmp_path, "item,system,m\n7.0,a,1\n8.0,a,2\n") == ["7", "8"]
    assert items_of(tmp_path, "item,system,m\n7.0,a,1\n7.5,a,2\n") == ["7.0", "7.5"]
    assert items_of(tmp_path, "item,system,m\n7.0,a,1\nx,a,2\n") == ["7.0", "x"]


def test_seven_is_seven_is_seven(tmp_path):
    scores = pd.DataFrame({"item": pd.array([7, None, 8], dtype="Int64"), "system": "a", "m": 1.0})
    scores = scores.dropna(subset="item")
    (tmp_path / "l.csv").write_text("item,system,human\n7.0,a,1\n8.0,a,0\n")
    table = read(scores, tmp_path / "l.csv")
    assert table.rows["item"].tolist() == ["7", "8"]
    assert table.labels["human"].tolist() == [1, 0]
    floats = read(scores.astype({"item": float}), tmp_path / "l.csv")
    assert floats.fingerprint == table.fingerprint
    other = pd.DataFrame({"item": ["007", "8"], "system": "a", "human": [1.0, 0]})
    assert read(scores, other).rows["item"].tolist() == ["7", "8", "007"]


def test_an_empty_system_is_a_system_and_a_null_item_is_an_error():
    frame = pd.DataFrame({"item": ["1", "1"], "response": ["x", "y"], "m": [1, 2]})
    empty = read(frame.assign(system=["", "b"]))
    assert empty.rows["system"].tolist() == ["", "b"]
    assert read(frame.assign(system=[None, "b"])).rows["system"].isna().sum() == 0
    for item in (["1", None], [1.0, np.nan]):
        with pytest.raises(MetaevalError, match=r"'item': 1, the first in row 2 "):
            read(frame.assign(item=item))


def test_an_empty_system_where_systems_identify_rows():
    frame = pd.DataFrame({"item": ["1", "1"], "system": [None, "b"], "m": [1, 2]})
    assert read(frame).rows["system"].tolist() == ["", "b"]


# What is a score, a label, a covariate
def test_roles_of_columns_in_a_wide_table():
    frame = WIDE.assign(
        hyp_words=3, cost=0.5, genre="x", prompt="some text " * 30, flag=True, text_hash="f00"
    )
    table = read(frame)
    assert table.scorers == ["chrf", "flag", "judge-b"]
    assert list(table.labels) == ["human", "mqm"]
    assert {"length", "hyp_words", "cost", "genre", "text_hash"} <= set(table.rows)
    assert "prompt" not in table.rows
    assert (
        "the given DataFrame: prompt excluded: columns of texts or lists are not kept"
        in table.notes
    )


def test_a_rater_column_beside_one_score_column():
    frame = pd.DataFrame(
        {"item": [1, 1], "system": "a", "rater": ["r1", "r2"], "score": [1.0, 0.0]}
    )
    table = read(frame, average_raters=True)
    assert list(table.labels) == ["r1", "r2"]
    assert table.scorers == []
    assert table.average_raters


def test_labels_moves_scorers_and_takes_patterns():
    frame = WIDE.drop(columns=["mqm", "human"]).assign(r1=1.0, r2=2.0)
    assert read(frame).scorers == ["chrf", "judge-b", "r1", "r2"]
    for labels in (["r1", "r2"], "r?"):
        table = read(frame, labels=labels)
        assert table.scorers == ["chrf", "judge-b"]
        assert list(table.labels) == ["r1", "r2"]
    long = read(BOTH, labels="mqm")
    assert list(long.labels) == ["mqm"]
    assert long.scorers == ["chrf", "human", "judge-b"]


@pytest.mark.parametrize("frames", [[WIDE], [SCORES.merge(WIDE[[*IDS, "mqm", "human"]])]])
def test_columns_called_like_labels_are_labels_unless_named_as_scorers(frames):
    assert list(read(*frames, labels="mqm").labels) == ["human", "mqm"]
    table = read(*frames, scorers=["chrf", "human"])
    assert table.scorers == ["chrf", "human"]
    assert list(table.labels) == ["mqm"]


@pytest.mark.parametrize("frames", [[WIDE], [SIDE], [SCORES, LABELS]])
def test_scorers_restricts(frames):
    table = read(*frames, scorers=["chrf"])
    assert table.scorers == ["chrf"]
    assert list(table.labels) == ["human", "mqm"]
    with pytest.raises(MetaevalError, match=r"There is no scorer 'chrff'.*Did you mean 'chrf'\?"):
        read(*frames, scorers=["chrff"])


@pytest.mark.parametrize("frame", [WIDE, SIDE])
def test_unknown_labels(frame):
    for labels in ("mqn", "mqn*"):
        with pytest.raises(MetaevalError, match=r"There is no label 'mqn\*?'; there are .*mqm"):
            read(frame, labels=labels)


def test_a_name_cannot_be_a_label_and_a_scorer():
    with pytest.raises(MetaevalError, match=r"chrf is in both labels= and scorers="):
        read(WIDE, labels=["chrf", "mqm"], scorers=["chrf"])


def test_scores_of_any_size_are_left_alone():
    frame = pd.DataFrame({"item": [1, 2], "system": "a", "m": [9.0, -9.0], "human": [1, 0]})
    assert read(frame).scores["m"].tolist() == [9.0, -9.0]


# Options of the table
def test_lower_is_better_turns_and_records():
    table = read(WIDE, lower_is_better=["chrf", "mqm", "chrf"])
    assert table.flipped == ("chrf", "mqm")
    assert "reversed: chrf, mqm" in table.notes
    np.testing.assert_array_equal(table.scores["chrf"], -EXPECTED.scores["chrf"])
    np.testing.assert_array_equal(table.labels["mqm"], 0 - EXPECTED.labels["mqm"])
    assert not np.signbit(table.labels["mqm"][EXPECTED.labels["mqm"] == 0]).any()
    assert read(WIDE, lower_is_better="chrf").flipped == ("chrf",)
    with pytest.raises(MetaevalError, match=r"no scorer or label 'crhf'.*Did you mean 'chrf'"):
        read(WIDE, lower_is_better="crhf")


def test_missing_error_lists_the_holes():
    with pytest.raises(
        MetaevalError, match=r"but 1 of 36 scores are missing: chrf for item 0\. Fill them in"
    ):
        read(WIDE, missing="error")
    assert read(WIDE.dropna(), missing="error").missing == "error"
    assert read(WIDE).missing == "common"
    with pytest.raises(MetaevalError, match=r"missing='pairwse' is not one of.*'pairwise'"):
        read(WIDE, missing="pairwse")


def test_label_kind_and_the_rest():
    frame = WIDE.assign(human=(WIDE["human"] > 50) * 1.0).drop(columns="mqm")
    table = read(frame, label_kind="correct", label_epsilon=0.5, shared_items=True)
    assert (table.label_kind, table.label_epsilon, table.shared_items) == ("correct", 0.5, True)
    assert read(frame).label_kind is None
    assert read_best_of_n(frame).label_kind == "correct"
    with pytest.raises(MetaevalError, match=r"labels of 1 .* or 0 .*label_kind='rating'"):
        read_best_of_n(WIDE)
    with pytest.raises(MetaevalError, match=r"label_kind='corect' is not one of.*'correct'"):
        read(frame, label_kind="corect")


def test_shared_items_count_once():
    frame = pd.concat([WIDE.assign(task=t) for t in ("fluency", "coherence")])
    assert read(frame, shared_items=False).n_items == 12
    assert read(frame, shared_items=True).n_items == 6
    assumed = read(frame)
    assert assumed.n_items == 6
    assert any("shared_items=False" in warning for warning in assumed.alignment.warnings)


def test_options_and_formats_that_are_not_known():
    with pytest.raises(
        MetaevalError, match=r"'file_level' does not apply to files of format tidy; expected one of"
    ):
        read(WIDE, file_level="sys")
    with pytest.raises(MetaevalError, match=r"format='tody' is not one of .*'tidy'\?"):
        read(WIDE, format="tody")
    with pytest.raises(MetaevalError, match=r"read\(\) needs at least one"):
        read()


@pytest.mark.parametrize(
    "option",
    [{"ordered": True}, {"both_orders": "net"}, {"refusals": "tie"}, {"preference_scale": "index"}],
)
def test_options_for_pairs_are_refused_for_scores(option):
    with pytest.raises(
        MetaevalError,
        match=f"{next(iter(option))} applies to pairs only, but .* has no columns 'first'",
    ):
        read(WIDE, **option)


def test_read_scores_expects_scores():
    pairs = pd.DataFrame({"item": [1], "first": "a", "second": "b", "m": [0.5]})
    with pytest.raises(MetaevalError, match=r"Expected a file of scores, got a file of pairs"):
        read_scores(pairs)
    assert read_scores(SCORES, LABELS).fingerprint == EXPECTED.fingerprint


# Cells
def test_cells_of_text_that_mean_missing(tmp_path):
    words = ["", "NA", "n/a", "NaN", "null", "None", " ", "1e0"]
    rows = "".join(f"{n},a,{w}\n" for n, w in enumerate(words))
    (tmp_path / "a.csv").write_text("item,system,m\n" + rows)
    assert read(tmp_path / "a.csv").scores["m"].isna().tolist() == [True] * 7 + [False]


def test_cells_that_are_no_numbers_are_listed(tmp_path):
    rows = "".join(f"{n},a,m,{'high' if n % 2 else 5}\n" for n in range(24))
    (tmp_path / "a.csv").write_text("item,system,scorer,score\n" + rows)
    with pytest.raises(
        MetaevalError,
        match=r"'score' in a.csv has 12 non-numeric cells: .*'high' in row 2, .* and 2 more",
    ):
        read(tmp_path / "a.csv")


def test_numbers_among_words_are_not_silently_a_covariate():
    frame = pd.DataFrame({"item": range(4), "system": "a", "m": ["1", "2", "3", "oops"]})
    with pytest.raises(MetaevalError, match=r"'oops' in row 4"):
        read(frame)


@pytest.mark.parametrize("text", ["inf", "-Infinity", "1e999"])
def test_infinite_scores_are_refused(tmp_path, text):
    (tmp_path / "a.csv").write_text(f"item,system,m\n1,a,{text}\n")
    with pytest.raises(MetaevalError, match=r"infinite value in row 1 .*leave it empty"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("long", [True, False])
def test_duplicates_are_refused_with_the_rows(long):
    frame = SCORES if long else WIDE
    again = pd.concat([frame, frame.iloc[[0, 4]]])
    with pytest.raises(MetaevalError, match=r"for each of 2 rows .*item '0', .*item '1'"):
        read(again)


def test_weights_are_refused():
    with pytest.raises(MetaevalError, match=r"item weights are not supported. Drop or"):
        read(WIDE.assign(weight=1.0, w="x"), scorers=["chrf"])
    with pytest.raises(MetaevalError, match=r"item weights are not supported"):
        read(WIDE.assign(weight=1.0))


def test_a_covariate_that_varies_within_a_row_is_left_out():
    frame = SCORES.assign(latency=np.arange(len(SCORES)) * 0.1)
    assert "latency" not in read(frame).rows
    assert any("latency excluded: its values differ within a row" in n for n in read(frame).notes)


def test_rows_that_nothing_names():
    frame = pd.DataFrame({"item": [1, 1, 2], "m": [0.5, 0.25, 1.0], "human": [1, 0, 1]})
    table = read(frame)
    assert len(table) == 3
    assert any("duplicates cannot be detected" in note for note in table.alignment.oddities)


# Recognition
@pytest.mark.parametrize(
    ("header", "sure"),
    [
        ("item,system,scorer,score", 0.6),
        ("item;system;m", 0.6),
        ("seg_id\tmodel\tm", 0.4),
        ('{"item": 1, "score": 2}', 0.6),
        ("x,y", 0.1),
        ("", 0.0),
    ],
)
def test_sniff(header, sure):
    assert tidy.sniff(None, header) == sure


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frame", [WIDE, SIDE], ids=["wide", "long"])
def test_tidy_tables_are_recognized(tmp_path, name, frame):
    assert recognize(save(frame, tmp_path / name))[0] == "tidy"
    assert recognize(frame)[0] == "tidy"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("mtme/tiny", "mtme"),
        ("mtme/New-refA.seg.score", "mtme"),
        ("rewardbench/rm-a.json", "rewardbench"),
        ("rewardbench/rm-b.json", "rewardbench"),
        ("rewardbench2/rm-a.json", "rewardbench2"),
        ("rewardbench2/rm-b.jsonl", "rewardbench2"),
        ("votes/votes.csv", "votes"),
        ("votes/votes.json", "votes"),
        ("votes/votes.jsonl", "votes"),
    ],
)
def test_native_fixtures_are_recognized(path, name):
    found, why = recognize(DATA / path)
    assert found == name
    assert why.startswith("confidence ")
    read(DATA / path)


def test_totals_are_refused():
    with pytest.raises(MetaevalError, match=r"no per-item scores"):
        read(DATA / "rewardbench" / "totals.json", format="rewardbench")
    with pytest.raises(MetaevalError, match=r"totals"):
        read(DATA / "rewardbench" / "totals.json")


def test_mapping_is_for_tidy_files_only():
    with pytest.raises(MetaevalError, match=r"votes have fixed columns; omit columns= for item"):
        read(DATA / "votes" / "votes.csv", columns={"item": "question_id"})


def test_a_native_file_beside_a_tidy_one(tmp_path):
    rewards = read(DATA / "rewardbench" / "rm-a.json")
    mine = rewards.rows.astype(str).assign(mine=rewards.scores["lab/rm-a"] * 2)
    table = read(DATA / "rewardbench" / "rm-a.json", save(mine, tmp_path / "mine.csv"))
    assert table.scorers == ["lab/rm-a", "mine"]
    np.testing.assert_allclose(table.scores["mine"], 2 * table.scores["lab/rm-a"])


def test_kinds_of_labels_that_do_not_fit_the_rows():
    pairs = pd.DataFrame({"item": [1], "first": "a", "second": "b", "m": [0.5]})
    with pytest.raises(MetaevalError, match=r"label_kind='rating' does not apply to pairs"):
        read(pairs, label_kind="rating")
    with pytest.raises(MetaevalError, match=r"label_kind='preference' does not apply to responses"):
        read(WIDE, label_kind="preference")
    assert read(pairs, label_kind="preference").fingerprint == read(pairs).fingerprint


def test_numbers_of_rare_types():
    frame = pd.DataFrame({"item": [1, 2], "system": "a"})
    table = read(frame.assign(m=[Decimal("1.5"), Decimal("2.5")], k=pd.Categorical(["1", "2"])))
    assert table.scores["m"].tolist() == [1.5, 2.5]
    assert table.scores["k"].tolist() == [1, 2]
    with pytest.raises(MetaevalError, match=r"non-numeric cells"):
        read(frame.assign(m=[1j, 2j]), scorers=["m"])


def test_arguments_of_the_wrong_type():
    with pytest.raises(MetaevalError, match=r"columns must map roles to columns, .*; got 'item=x'"):
        read(WIDE, columns="item=x")
    with pytest.raises(MetaevalError, match=r"label_epsilon='x' must be a nonnegative number"):
        read(WIDE, label_epsilon="x")


def test_candidates_need_a_label():
    with pytest.raises(MetaevalError, match=r"need correctness labels .*labels=<column>"):
        read_best_of_n(WIDE[["item", "system", "chrf"]])


def test_scores_that_have_a_rater_are_labels(tmp_path):
    long = pd.DataFrame(
        {
            "item": [1, 1, 1, 2, 2],
            "system": "a",
            "scorer": ["chrf", "human", "human", "chrf", "human"],
            "rater": [None, "r1", "r2", None, "r1"],
            "score": [0.5, 3, 4, 0.25, 2],
        }
    )
    table = read(long, labels="human")
    assert table.scorers == ["chrf"]
    assert list(table.labels) == ["human/r1", "human/r2"]
    assert table.labels["human/r1"].tolist() == [3.0, 2.0]
    long.to_csv(tmp_path / "long.csv", index=False)
    assert read(tmp_path / "long.csv").fingerprint == table.fingerprint


# Judges as lists, and turns
def judged(**columns):
    rows = [(q, t, m) for q in (1, 2, 3) for t in (1, 2) for m in ("a", "b")]
    frame = pd.DataFrame(rows, columns=["question_id", "turn", "model"])
    return frame.assign(score=range(len(rows)), **columns)


def test_a_judge_given_as_a_list_is_one_scorer():
    prompts = [["gpt-4", "single" if n % 2 else "multi"] for n in range(12)]
    table = read(judged(judge=prompts))
    assert table.scorers == ["gpt-4"]
    assert table.n_items == 6
    assert table.rows["cluster"].nunique() == 3
    assert any("the rest of each list was dropped" in note for note in table.notes)


def test_parts_of_a_list_that_tell_scores_apart_are_in_the_name():
    frame = judged(judge=[["gpt-4", "p1"]] * 12)
    other = judged(judge=[["gpt-4", "p2"]] * 12)
    assert read(pd.concat([frame, other])).scorers == ["gpt-4/p1", "gpt-4/p2"]


def test_judges_of_pairs_given_as_lists():
    pairs = pd.DataFrame({"item": [1, 2], "first": "a", "second": "b", "preference": ["A", "B"]})
    assert read(pairs.assign(scorer=[["gpt-4", "x"], ["gpt-4", "y"]])).scorers == ["gpt-4"]


def test_a_column_of_raters_without_labels_is_pointed_out():
    frame = WIDE[["item", "system", "chrf"]].assign(rater=[1, 2, 3] * 6)
    table = read(frame)
    assert table.scorers == ["chrf"] and not list(table.labels)
    assert any("excluded the rater column" in warning for warning in table.warnings)
    assert list(read(frame, labels="rater").labels) == ["rater"]
