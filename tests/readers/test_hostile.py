"""What an attack found: each is read rightly or refused in a sentence, and none raises."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from metaeval import Pairs, Responses
from metaeval.errors import MetaevalError
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
    with pytest.raises(MetaevalError, match="'note' of rows holds a list"):
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
