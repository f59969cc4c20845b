"""Votes worked by hand: judgments of experts and authors, arena votes, both orders."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metaeval.core import MetaevalError
from metaeval.readers import read, recognize
from metaeval.readers.formats import votes


def vote(question, a, b, winner, judge=None, **more):
    named = {} if judge is None else {"judge": judge}
    return {"question_id": question, "model_a": a, "model_b": b, "winner": winner, **named, **more}


def found(tmp_path, *rows, **options):
    path = tmp_path / "v.json"
    path.write_text(json.dumps(rows))
    return read(path, **options)


def test_judgments_of_experts_and_authors(tmp_path):
    table = found(
        tmp_path,
        vote(81, "m1", "m2", "model_a", "expert_0", turn=1),
        vote(81, "m2", "m1", "model_a", "author_1", turn=1),
        vote(81, "m1", "m2", "tie", "judge-x", turn=1),
        vote(82, "m2", "m1", "model_b", "judge-x", turn=1),
        vote(82, "m2", "m1", "tie (bothbad)", "expert_0", turn=1),
    )
    assert table.rows["item"].tolist() == ["81", "82"]
    assert table.rows["first"].tolist() == ["m1", "m1"]
    assert list(table.labels) == ["author_1", "expert_0"]
    assert table.scorers == ["judge-x"]
    assert table.scores["judge-x"].tolist() == [0, 1]
    np.testing.assert_array_equal(table.labels["author_1"], [-1, np.nan])
    np.testing.assert_array_equal(table.labels["expert_0"], [1, 0])
    assert "cluster" not in table.rows


def test_arena_votes_without_a_judge_are_one_label(tmp_path):
    rows = [
        {"model_a": "m1", "model_b": "m2", "winner": w, "language": "English", "tstamp": 1.5}
        for w in ("model_a", "model_b", "tie", "tie (bothbad)")
    ]
    table = found(tmp_path, *rows)
    assert table.n_items == 4
    assert table.scorers == []
    assert table.labels["human"].tolist() == [1, -1, 0, 0]
    assert set(table.rows["language"]) == {"English"}
    assert "tstamp" not in table.rows
    assert table.rows["tie_kind"].tolist()[3] == "both_bad"


def test_swapped_orders_are_flipped_back(tmp_path):
    rows = []
    for n in range(10):
        rows += [vote(n, "m1", "m2", "model_a", "j"), vote(n, "m2", "m1", "model_b", "j")]
        rows += [vote(n, "m1", "m2", "model_a", "expert_1")]
    table = found(tmp_path, *rows)
    assert len(table) == 20
    assert (table.scores["j"] == table.labels["expert_1"]).all()
    net = found(tmp_path, *rows, both_orders="net")
    assert len(net) == 10
    assert (net.scores["j"] == 1).all()
    shown = found(tmp_path, *rows, ordered=True)
    assert (shown.scores["j"] == shown.labels["expert_1"]).all()
    assert set(shown.rows["first"]) == {"m1", "m2"}


def test_labels_are_judges_named_by_pattern(tmp_path):
    rows = [vote(1, "m1", "m2", "model_a", j) for j in ("ann_1", "ann_2", "judge", "expert_1")]
    table = found(tmp_path, *rows, labels="ann_*")
    assert list(table.labels) == ["ann_1", "ann_2"]
    assert table.scorers == ["expert_1", "judge"]
    with pytest.raises(MetaevalError, match=r"There is no label 'an_\*'"):
        found(tmp_path, *rows, labels="an_*")


def test_recognition_by_the_header(tmp_path):
    (tmp_path / "v.tsv").write_text("model_a\tmodel_b\twinner\nm1\tm2\ttie\n")
    assert recognize(tmp_path / "v.tsv")[0] == "votes"
    assert votes.sniff(Path("x.csv"), "my_model_a,model_b,winner") == 0.0
    assert votes.sniff(Path("x.json"), json.dumps({"model_a": "x", "winner": "y"})) == 0.0


def test_a_frame_of_votes_is_read_as_tidy():
    frame = pd.DataFrame([vote(1, "m1", "m2", "model_a", "j"), vote(2, "m2", "m1", "tie", "j")])
    assert read(frame).scores["j"].tolist() == [1, 0]
