"""What an attack found: each is read rightly or refused in a sentence, and none raises."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from metaeval import Pairs, Responses
from metaeval.core import MetaevalError
from metaeval.readers import read


@pytest.fixture
def written(tmp_path):
    def write(content, name="a.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_judge_without_any_verdict_is_reported(written):
    table = read(written("item,first,second,judge,human\n1,a,b,nan,A\n2,a,b,N/A,B\n"))
    assert np.isnan(table.alignment.scorers.set_index("name").loc["judge", "tied_pairs"])


def test_pairs_of_a_table_without_labels(written):
    path = written("item,response,m\n1,a,1\n1,b,2\n2,a,1\n2,b,3\n")
    pairs = read(path, label_kind="correct").pairs()
    assert len(pairs) == 2 and not pairs.labels.shape[1]


@pytest.mark.parametrize("name", ["scorer", "score"])
def test_columns_called_as_those_of_the_long_frame_keep_their_values(name):
    rows = pd.DataFrame({"item": ["1", "2"], "system": "a", name: ["x", "y"]})
    table = Responses(rows, pd.DataFrame({"m": [0.5, 1.0]}), pd.DataFrame({"h": [1.0, 0.0]}))
    long = table.to_frame()
    assert long[f"{name}_in_rows"].tolist() == ["x", "y", "x", "y"]
    assert long["scorer"].tolist() == ["m", "m", "h", "h"]
    assert long["score"].tolist() == [0.5, 1.0, 1.0, 0.0]


def test_a_scorer_called_score_is_in_the_long_frame(written):
    table = read(written("item,system,scorer,score\n1,a,score,.5\n1,b,score,.25\n"))
    assert table.to_frame()["score"].tolist() == [0.5, 0.25]


def test_a_task_that_is_null_in_some_rows(written):
    path = written(
        '[{"chosen": 1, "rejected": 2, "subset": "a"}, {"chosen": 1, "subset": NaN}]',
        "rm.json",
    )
    with pytest.raises(MetaevalError):
        read(path)


HALF = "\ud800"


def test_half_of_a_character_is_shown_by_its_number():
    rows = pd.DataFrame({"item": pd.Series([HALF, "b"], dtype=object), "system": "a"})
    rows["note"] = pd.Series([HALF, "n"], dtype=object)
    table = Responses(rows, pd.DataFrame({"m": [1.0, 2.0]}), pd.DataFrame(index=range(2)))
    assert sorted(table.rows["item"].astype(str)) == ["\\ud800", "b"]
    assert len(table.select(item=HALF)) == 1
    assert table.fingerprint


@pytest.mark.parametrize("value", [10**400, -(10**400), "x", [1]])
def test_scores_that_are_not_numbers_are_named(value):
    rows = pd.DataFrame({"item": [1, 2], "first": "a", "second": "b"})
    scores = pd.DataFrame({"m": pd.Series([0.5, value], dtype=object)})
    with pytest.raises(MetaevalError, match="'m' in scores") as raised:
        Pairs(rows, scores, pd.DataFrame(index=range(2)))
    assert len(str(raised.value)) < 300


def test_lists_among_covariates_are_refused():
    rows = pd.DataFrame({"item": [1, 2], "note": pd.Series([[1], [2]], dtype=object)})
    with pytest.raises(MetaevalError, match="'note' of rows must contain numbers or text"):
        Responses(rows, pd.DataFrame({"m": [1.0, 2.0]}), pd.DataFrame(index=range(2)))


def wide(n, pairs):
    ids = ["item", "first", "second", "human"] if pairs else ["item", "system", "human"]
    rows = [[r, "a", "b", 1] if pairs else [r // 2, "ab"[r % 2], r % 2] for r in range(4)]
    scores = [[((7 * r + 3 * k) % 11) / 10 - 0.5 for k in range(n)] for r in range(4)]
    return [*ids, *(f"m{k}" for k in range(n))], [a + b for a, b in zip(rows, scores, strict=True)]


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("lines", [False, True])
def test_a_thousand_columns_are_read_in_linear_time(written, pairs, lines):
    names, rows = wide(1000, pairs)
    if lines:
        text = "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows)
    else:
        text = "\n".join(",".join(map(str, row)) for row in [names, *rows])
    start = time.process_time()
    table = read(written(text, "a.jsonl" if lines else "a.csv"))
    assert time.process_time() - start < 3  # a second, and room for a busy machine; it was ten
    assert table.scores.shape == (4, 1000)


def test_a_name_of_a_scorer_and_of_a_column_is_refused_where_tables_are_joined():
    rows = pd.DataFrame({"item": [1, 2], "first": "a", "second": "b", "m": [1, 2]})
    one = Pairs(rows, pd.DataFrame({"m": [0.5, 1.0]}), pd.DataFrame(index=range(2)))
    other = Pairs(rows, pd.DataFrame({"n": [0.5, 1.0]}), pd.DataFrame(index=range(2)))
    with pytest.raises(MetaevalError, match="m is a scorer or label and also a column of rows"):
        one.join(other)


@pytest.mark.parametrize("scale", ["probability", "one-two", "index"])
def test_verdicts_beyond_all_scales_are_refused(written, scale):
    path = written("item,first,second,scorer,preference\n1,a,b,j,1e308\n2,a,b,j,0.1\n")
    for how in (None, scale):
        with pytest.raises(MetaevalError):
            read(path, preference_scale=how)


def test_a_judge_that_is_an_empty_list_is_refused(written):
    rows = [
        {"item": i, "system": s, "scorer": judge, "score": i}
        for i in (1, 2)
        for s, judge in (("a", ["j", "v"]), ("b", []))
    ]
    with pytest.raises(MetaevalError, match="in the id column 'scorer', got a list"):
        read(written(json.dumps(rows), "a.json"))


def test_judges_and_raters_in_lists_beside_each_other(tmp_path):
    columns = {"item": [1, 2], "first": "a", "second": "b", "preference": [1.0, -1.0]}
    lists = {"scorer": [["j"], []], "rater": ["", "r"]}
    path = tmp_path / "a.parquet"
    pd.DataFrame(columns | lists).to_parquet(path)
    with pytest.raises(MetaevalError):
        read(path)


@pytest.mark.parametrize("shared", [True, False])
def test_votes_in_both_orders_beside_a_label(written, shared):
    lines = ["q,a,b,model_a,j", "q,b,a,tie,j", f"{'q' if shared else 'r'},a,b,model_b,human"]
    path = written("\n".join(["question_id,model_a,model_b,winner,judge", *lines]))
    if shared:
        assert read(path).labels["human"].tolist() == [-1.0, -1.0]
        return
    with pytest.raises(MetaevalError, match=r"human in a\.csv shares no rows"):
        read(path)


def test_a_count_of_right_answers_beyond_all_numbers(written):
    row = {"subset": "F", "id": "0", "num_correct": 10**400, "scores": [1, 2], "model": "m"}
    with pytest.raises(MetaevalError, match="expected a whole number from 1 to 2"):
        read(written(json.dumps([row, row | {"id": "1", "num_correct": 1}]), "rm.json"))


def test_margins_of_scorers_called_judge_and_rm(written):
    path = written("item,first,second,human,rm,judge\n1,a,b,1,0.5,-1\n2,a,b,-1,-0.25,1\n")
    assert read(path).scorers == ["judge", "rm"]


@pytest.mark.parametrize("cells", [[0.5, "40%"], [0.5, "4/5"]])
def test_numbers_beside_percents_or_fractions_are_refused(written, cells):
    rows = [{"item": k, "m": cells[k % 2]} for k in range(4)]
    with pytest.raises(MetaevalError, match="'m' in"):
        read(written(json.dumps(rows), "a.json"))


def test_covariates_that_are_infinite(written):
    cells = [{"item": 0, "system": s, "rater": "r", "label": 1, "x": 1e999} for s in "ab"]
    pairs = read(written(json.dumps(cells), "a.json")).pairs()
    assert pairs.rows["x_delta"].isna().all()


def test_labels_that_are_lists_beside_verdicts(written):
    row = {"item": 1, "first": "a", "second": "b", "scorer": "j", "preference": 1}
    rows = [row | {"human": [1]}, row | {"item": 2, "human": {"a": 1}}]
    with pytest.raises(MetaevalError):
        read(written(json.dumps(rows), "a.json"))


def test_turns_that_are_lists(written):
    row = {"question_id": 1, "model_a": "a", "model_b": "b", "winner": "a", "judge": "j"}
    rows = [row | {"turn": 1}, row | {"turn": [1, 2]}]
    with pytest.raises(MetaevalError, match="in the id column 'turn', got a list"):
        read(written(json.dumps(rows), "a.json"))


def test_sides_that_are_lists(written):
    path = written('{"item": 1, "model_a": [0.5, 1], "model_b": "b", "m": 1}\n', "a.jsonl")
    with pytest.raises(
        MetaevalError,
        match="names or numbers that identify the first responses, got lists or objects",
    ):
        read(path)


def test_long_cells_of_digits_take_no_long_time(tmp_path):
    path = tmp_path / "digits.csv"
    path.write_text("item,system,m\n" + "".join(f"{i},a,{'1' * 20_000}x\n" for i in range(20)))
    start = time.process_time()
    with pytest.raises(MetaevalError):
        read(path, scorers=["m"])
    assert time.process_time() - start < 5


def test_lists_further_down_a_column_stop_nothing():
    cells = ["a", "b", "c", "d", ["e"], "f"]
    frame = pd.DataFrame(
        {"item": [0, 0, 1, 1, 2, 2], "odd": cells, "m": range(6), "human": range(6)}
    )
    assert read(frame).scorers == ["m"]
