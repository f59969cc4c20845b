"""What is said where rows repeat, and what comes of typing it."""

import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import metaeval as me
from metaeval import MetaevalError
from metaeval.cli import cli


def repeated(column, values, *, judge, human, response=True):
    """Rows of 20 items of 3 systems for each of `values`; judge and human vary or do not."""
    rng = np.random.default_rng(0)
    rows = [(i, s, v) for i in range(20) for s in "abc" for v in values]
    frame = pd.DataFrame(rows, columns=["item", "system", column])
    of_response = np.repeat(rng.normal(size=60).round(3), len(values))
    fresh = rng.normal(size=(2, len(rows))).round(3)
    frame["judge"] = fresh[0] if judge else of_response
    frame["human"] = fresh[1] if human else of_response
    if not response:
        frame["item"] = frame["item"].astype(str) + frame.pop("system")
    return frame


def first_cure(said):
    """Options of the first cure that a message names."""
    [options] = re.findall(r"distinguishes them.*?: if [^;]*?\((--[^;)]*)\)", said)[:1]
    return options.split()


CASES = {
    "aspects": ("aspect", ("fluency", "adequacy"), True, True, "--keys aspect", (1, 1, 120)),
    "aspects of humans": ("aspect", ("f", "a"), False, True, "--keys aspect", (1, 1, 120)),
    "prompts": (
        "prompt",
        ("p", "q"),
        True,
        False,
        "--map scorer=prompt,score=judge",
        (2, 1, 60),
    ),
    "seeds": ("seed", (1, 2, 3), True, False, "--repeats mean", (1, 1, 60)),
    "runs": ("run", ("x", "y"), True, False, "--repeats mean", (1, 1, 60)),
    "numbers": ("which", (1, 2, 3), True, False, "--repeats mean --scorers judge", (1, 1, 60)),
    "workers": (
        *("worker", (11, 12, 13), False, True),
        *("--map rater=worker,label=human --average-raters --scorers judge", (1, 3, 60)),
    ),
    "raters": (
        *("who", ("r1", "r2"), False, True),
        *("--map rater=who,label=human --average-raters --scorers judge", (1, 2, 60)),
    ),
}


def counted(n, word):
    return f"{n} {word}{'' if n == 1 else 's'}"


@pytest.mark.parametrize("case", CASES)
def test_the_likeliest_cure_comes_first_and_helps(case, tmp_path):
    column, values, judge, human, cure, (scorers, labels, rows) = CASES[case]
    path = tmp_path / "scores.csv"
    repeated(column, values, judge=judge, human=human).to_csv(path, index=False)
    said = CliRunner().invoke(cli, ["check", str(path)]).output
    assert " ".join(first_cure(said)) == cure
    again = CliRunner().invoke(cli, ["check", str(path), *first_cure(said)])
    assert again.exit_code == 0, again.output
    assert f" {rows} rows," in again.output
    assert f" {counted(scorers, 'scorer')}, {counted(labels, 'label')}" in again.output


def test_only_what_varies_is_named():
    frame = repeated("prompt", ("p", "q"), judge=True, human=False)
    with pytest.raises(MetaevalError, match=r"several values of judge for each of"):
        me.read(frame)


def test_scores_that_happen_to_differ_are_no_numbers_of_raters():
    frame = repeated("prompt", ("p", "q"), judge=True, human=False).drop(columns="prompt")
    frame["judge"] = np.arange(len(frame)) * 37 % 101  # differ in each row, as they often would
    with pytest.raises(MetaevalError, match=r"No column distinguishes them"):
        me.read(frame)


ANEW = {
    "raters": (
        *("worker", (1, 2, 3), False, True),
        *("--map rater=worker,label=human --average-raters --scorers judge", 1, 60),
    ),
    "annotators": (
        *("who", ("ann1", "ann2"), False, True),
        *("--map rater=who,label=human --average-raters --scorers judge", 1, 60),
    ),
    "prompts": ("prompt", ("v0", "v1"), True, False, "--map scorer=prompt,score=judge", 2, 60),
    "judges": ("llm", ("gpt4", "claude"), True, False, "--map scorer=llm,score=judge", 2, 60),
    "seeds": ("seed", (1, 2, 3), True, False, "--repeats mean", 1, 60),
    "aspects": ("aspect", ("f", "a"), True, True, "--keys aspect", 1, 120),
    "samples": ("sample_idx", (0, 1, 2), True, True, "--map system=sample_idx", 1, 180),
    "numbers": ("which", (4, 5, 6), True, False, "--repeats mean --scorers judge", 1, 60),
}


@pytest.mark.parametrize("case", ANEW)
def test_rows_that_name_no_response_may_be_something_else(case, tmp_path):
    column, values, judge, human, cure, scorers, rows = ANEW[case]
    path = tmp_path / "scores.csv"
    frame = repeated(column, values, judge=judge, human=human, response=False)
    frame.to_csv(path, index=False)
    said = CliRunner().invoke(cli, ["check", str(path)]).output
    assert said.startswith(
        "Warning: scores.csv: no column identifies the responses, so the rows of an"
    )
    assert " ".join(first_cure(said)) == cure
    again = CliRunner().invoke(cli, ["check", str(path), *first_cure(said)])
    assert again.exit_code == 0, again.output
    assert f" {rows} rows," in again.output and f" {counted(scorers, 'scorer')}" in again.output
    assert "no column identifies the responses" not in again.output


def test_a_scorer_that_was_said_to_be_one_is_not_doubted():
    frame = repeated("which", (1, 2, 3), judge=True, human=True, response=False)
    assert "which is read as a scorer." in me.read(frame).warnings[0]
    assert me.read(frame, scorers=["judge", "which"]).warnings == ()


def test_scores_of_several_answers_are_not_warned_of():
    rng = np.random.default_rng(1)
    frame = repeated("which", (1, 2, 3), judge=True, human=True, response=False)
    frame["which"] = rng.integers(1, 6, len(frame))
    assert me.read(frame).alignment.warnings == ()


def test_columns_of_scores_are_not_proposed_as_items():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"stars": rng.integers(0, 5, 30), "bleu": rng.normal(size=30)})
    with pytest.raises(
        MetaevalError, match=r"--map item=<column>\)\..* add a column of row numbers"
    ):
        me.read(frame.assign(human=1.0))
    with pytest.raises(
        MetaevalError, match=r"such as columns={'item': 'place'} \(--map item=place\)\.$"
    ):
        me.read(frame.assign(place=np.arange(30) // 3))


def test_columns_beside_the_scores_are_named_where_scorers_lack(tmp_path):
    path = tmp_path / "scores.csv"
    frame = repeated("rater", (1, 2), judge=False, human=True)
    frame.rename(columns={"human": "label"}).to_csv(path, index=False)
    said = CliRunner().invoke(cli, ["compare", str(path)])
    assert said.exit_code == 2 and "not read as scores: judge; name those" in said.output
    named = CliRunner().invoke(cli, ["check", str(path), "--scorers", "judge"])
    assert named.exit_code == 0 and "1 scorer, 2 labels" in named.output


def test_an_error_is_preceded_by_the_warnings_of_the_data(tmp_path, capsys):
    path = tmp_path / "scores.csv"
    repeated("worker", (1, 2), judge=True, human=True, response=False).to_csv(path, index=False)
    with pytest.raises(SystemExit):
        cli(["evaluate", str(path), "--label", "nope"])
    out, err = capsys.readouterr()
    warning, error = err.splitlines()
    assert warning.startswith("Warning: scores.csv: no column identifies the responses")
    assert error == "Error: There is no label 'nope'; there is only human." and out == ""


# Items that are numbered separately within each document, data set and the like.
def in_documents(document="doc_id", segment="seg_id", *, systems="ab"):
    rng = np.random.default_rng(3)
    rows = [(f"d{d}", s, m) for d in range(8) for s in range(5) for m in systems]
    frame = pd.DataFrame(rows, columns=[document, segment, "system"])
    frame[["human", "judge"]] = rng.normal(size=(len(frame), 2)).round(3)
    return frame


@pytest.mark.parametrize(
    ("columns", "first"),
    [
        (("doc_id", "seg_id"), "item=doc_id+seg_id,cluster=doc_id"),
        (("seg_id", "doc_id"), "item=seg_id+doc_id,cluster=seg_id"),  # by how often they change
        (("document", "segment"), "item=document+segment,cluster=document"),
        (("article", "item"), "item=article+item,cluster=article"),
        (("dataset", "id"), "item=dataset+id,task=dataset"),
    ],
)
def test_items_numbered_within_documents_take_the_ids_of_both_columns(columns, first, tmp_path):
    path = tmp_path / "scores.csv"
    in_documents(*columns).to_csv(path, index=False)
    said = CliRunner().invoke(cli, ["check", str(path)]).output
    assert re.findall(r"--map ([^\s)]+)", said)[0] == first
    mapping = dict(pair.split("=") for pair in first.split(","))
    table = me.read(path, columns=mapping)
    assert (table.n_items, table.scorers) == (40, ["judge"])
    assert table.rows["item"].astype(str).iloc[:3].tolist() == ["d0/0", "d0/0", "d0/1"]
    assert table.rows["cluster" if "cluster" in mapping else "task"].nunique() == 8


def test_either_id_alone_is_answered_with_both():
    for item in ("doc_id", "seg_id"):
        with pytest.raises(
            MetaevalError, match=r"are numbered separately within each doc_id.*doc_id\+seg_id"
        ):
            me.read(in_documents(), columns={"item": item})
    with pytest.raises(
        MetaevalError, match=r"numbered separately within each cluster, combine both ids"
    ):
        me.read(in_documents("document", "segment", systems="a").drop(columns="system"))


def test_ids_that_lie_in_others_are_items_in_clusters():
    frame = in_documents()
    frame["seg_id"] = frame["doc_id"] + "-" + frame["seg_id"].astype(str)
    with pytest.raises(MetaevalError, match=r"are clustered.*--map item=seg_id,cluster=doc_id\)\."):
        me.read(frame)
    assert me.read(frame, columns={"item": "seg_id", "cluster": "doc_id"}).n_items == 40


def test_a_column_whose_name_has_a_plus_is_itself():
    plus = in_documents().rename(columns={"seg_id": "doc+seg"}).assign(seg=0)
    assert me.read(plus, columns={"item": "doc+seg"}, keys=["doc_id"]).n_items == 5
    with pytest.raises(MetaevalError, match=r"needs a column 'item'; found doc, seg"):
        me.read(in_documents("doc", "seg"), columns={"item": "doc+segment"})


# Numbers of rows beside the ids of what was answered.
def numbered(name="id"):
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({name: range(60), "prompt": np.repeat([f"Q{i}" for i in range(20)], 3)})
    return frame.assign(system=list("abc") * 20, human=rng.normal(size=60), judge=rng.random(60))


def test_numbers_of_rows_are_not_taken_for_items_where_systems_share_others():
    cure = r"--map item=prompt\).*--map item=id\)"
    with pytest.raises(MetaevalError, match=cure):
        me.read(numbered())
    assert me.read(numbered(), columns={"item": "prompt"}).n_items == 20
    assert me.read(numbered(), columns={"item": "id"}).n_items == 60
    with pytest.raises(MetaevalError, match=cure.replace("prompt", "question")):
        me.read(numbered().assign(prompt=np.arange(60) // 3).rename(columns={"prompt": "question"}))
    assert (
        "If prompt identifies the segment, prompt or question"
        in me.read(numbered("item")).warnings[0]
    )
    fresh = numbered().assign(prompt=[f"text {i}" for i in range(60)])
    assert me.read(fresh).n_items == 60


# Files that hold no values at all.
def test_words_for_sides_need_the_names_of_the_responses():
    frame = pd.DataFrame({"item": range(3), "human": list("ABA"), "judge": ["A", "tie", "B"]})
    with pytest.raises(
        MetaevalError, match=r"human, judge in .* contain words for the two sides of a pair"
    ):
        me.read(frame)
    named = frame.assign(x="gpt", y="llama")
    assert me.read(named, columns={"first": "x", "second": "y"}).scorers == ["judge"]


def test_a_file_without_scores_and_labels_is_refused():
    frame = pd.DataFrame({"item": range(3), "system": list("abc"), "text": "long texts"})
    with pytest.raises(MetaevalError, match=r"has neither scores nor labels; found item, system"):
        me.read(frame)
    scores = frame[["item", "system"]].assign(chrf=0.5)
    assert me.read(scores, frame).scorers == ["chrf"]  # what describes rows may stand alone
