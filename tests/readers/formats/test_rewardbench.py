import gzip
import json

import make_fixtures as fixtures
import numpy as np
import pandas as pd
import pytest

from metaeval.core import MetaevalError
from metaeval.readers import read
from metaeval.readers.formats import rewardbench, rewardbench2
from metaeval.tables import Responses

V1 = {
    "model": "org/rm-a",
    "model_type": "Seq. Classifier",
    "chat_template": "raw",
    "id": [0, 1],
    "subset": ["easy-chat", "hard-chat"],
    "results": [1, 0],
    "scores_chosen": [2.31, [0.12]],
    "scores_rejected": [1.07, [0.55]],
}
V2 = {
    "model": "org/rm-a",
    "id": ["7", "tied:3", "ref:3"],
    "subset": ["Math", "Ties", "Ties"],
    "num_correct": [1, 2, 1],
    "scores": [[0.9, 0.4, 0.9, 0.1], [1.2, [1.1], 0.3], [2, None]],
    "results": [0.5, None, None],
}
TOTALS = {"model": "org/rm-a", "model_type": "x", "chat_template": "raw", "easy-chat": 0.9}


def save(path, content):
    lines = content if isinstance(content, list) else None
    text = "\n".join(map(json.dumps, lines)) if lines is not None else json.dumps(content)
    path.write_text(text)
    return path


def only(parts):
    [part] = parts
    return part


def table_of(part):
    return Responses(part.rows, part.scores, part.labels, label_kind=part.label_kind)


def without(content, *names):
    return {name: value for name, value in content.items() if name not in names}


def records(content):
    """The JSON Lines variant, one object per prompt."""
    columns = {name: value for name, value in content.items() if isinstance(value, list)}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


# The fixtures and the round trip
@pytest.mark.parametrize(("name", "count"), [("rewardbench", 3), ("rewardbench2", 2)])
def test_fixtures_are_what_the_generator_writes(tmp_path, name, count):
    fixtures.write_all(tmp_path)
    written = sorted((tmp_path / name).iterdir())
    assert len(written) == count
    for path in written:
        assert (fixtures.DATA / name / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", ["rm.json", "rm.jsonl"])
@pytest.mark.parametrize(
    ("table", "write", "reader"),
    [
        (fixtures.rewards_table(), fixtures.write_rewardbench, rewardbench),
        (fixtures.best_table(), fixtures.write_rewardbench2, rewardbench2),
    ],
    ids=["v1", "v2"],
)
def test_round_trip(tmp_path, table, write, reader, name, nested):
    for scorer in table.scorers:
        write(table, scorer, tmp_path / name, nested=nested)
        found = table_of(only(reader.parts(tmp_path / name)))
        assert found.kind == "correct"
        assert found.fingerprint == table.keep_scorers([scorer]).fingerprint


# Small cases worked by hand
def test_rewardbench(tmp_path):
    part = only(rewardbench.parts(save(tmp_path / "a.json", V1)))
    frame = pd.concat([part.rows, part.scores, part.labels], axis=1).sort_values(
        ["item", "response"], ignore_index=True
    )
    expected = pd.DataFrame(
        {
            "task": ["easy-chat"] * 2 + ["hard-chat"] * 2,
            "item": ["easy-chat/0"] * 2 + ["hard-chat/1"] * 2,
            "response": ["c0", "c1"] * 2,
            "org/rm-a": [2.31, 1.07, 0.12, 0.55],
            "correct": [1.0, 0.0] * 2,
        }
    )
    pd.testing.assert_frame_equal(frame, expected)
    assert part.label_kind == "correct"
    assert part.notes == ()


def test_rewardbench2(tmp_path):
    part = only(rewardbench2.parts(save(tmp_path / "a.json", V2)))
    frame = pd.concat([part.rows, part.scores, part.labels], axis=1)
    expected = pd.DataFrame(
        {
            "task": ["Math"] * 4 + ["Ties"] * 5,
            "item": ["Math/7"] * 4 + ["Ties/tied:3"] * 3 + ["Ties/ref:3"] * 2,
            "cluster": ["Math/7"] * 4 + ["3"] * 5,
            "response": ["c0", "c1", "c2", "c3", "c0", "c1", "c2", "c0", "c1"],
            "org/rm-a": [0.9, 0.4, 0.9, 0.1, 1.2, 1.1, 0.3, 2.0, np.nan],
            "correct": [1.0, 0, 0, 0, 1, 1, 0, 1, 0],
        }
    )
    pd.testing.assert_frame_equal(frame, expected)
    assert table_of(part).n_items == 3


def test_without_ties_prompts_there_are_no_clusters(tmp_path):
    plain = {**V2, "id": [1, 2, 3]}
    assert "cluster" not in only(rewardbench2.parts(save(tmp_path / "a.json", plain))).rows


def test_lines_without_ids_are_numbered(tmp_path):
    path = save(tmp_path / "rm-b.jsonl", records(without(V1, "id")))
    part = only(rewardbench.parts(path))
    assert list(part.scores) == ["rm-b"]
    assert sorted(set(part.rows["item"])) == ["easy-chat/0", "hard-chat/1"]
    assert any("no ids: prompts are numbered from 0" in note for note in part.notes)


def test_lines_without_subsets_have_no_task(tmp_path):
    path = save(tmp_path / "rm-b.jsonl", records(without(V1, "subset")))
    part = only(rewardbench.parts(path))
    assert "task" not in part.rows
    assert sorted(set(part.rows["item"])) == ["0", "1"]


def test_scorer_is_the_stem_where_no_model_is_named(tmp_path):
    path = tmp_path / "rm-c.v2.json.gz"
    path.write_bytes(gzip.compress(json.dumps(without(V1, "model")).encode()))
    assert list(only(rewardbench.parts(path)).scores) == ["rm-c.v2"]


def test_two_models_have_the_same_rows(tmp_path):
    turned = records({**V1, "scores_chosen": [1, 2], "scores_rejected": [3, 4]})[::-1]
    first = table_of(only(rewardbench.parts(save(tmp_path / "a.json", V1))))
    second = table_of(only(rewardbench.parts(save(tmp_path / "b.jsonl", turned))))
    first, second = first.canonical, second.canonical
    pd.testing.assert_frame_equal(first.rows, second.rows)
    pd.testing.assert_frame_equal(first.labels, second.labels)
    assert second.scores["b"].tolist() == [1.0, 3.0, 2.0, 4.0]


def test_repeated_keys_can_be_told_apart_by_order_or_text(tmp_path):
    twice = {**V1, "id": [5, 5], "subset": ["s", "s"], "prompt": ["one", "two"]}
    path = save(tmp_path / "a.json", twice)
    items = only(rewardbench.parts(path, item_from="order")).rows["item"]
    assert sorted(set(items)) == ["s/5/0", "s/5/1"]
    hashed = set(only(rewardbench.parts(path, item_from="text-hash")).rows["item"])
    back = save(tmp_path / "b.jsonl", records(twice)[::-1])
    assert hashed == set(only(rewardbench.parts(back, item_from="text-hash")).rows["item"])
    assert len(hashed) == 2


# What is refused
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TOTALS, r"has no per-item scores, only totals.*under eval-set-scores/"),
        (without(V1, "scores_rejected"), "missing: scores_rejected.*found .*scores_chosen"),
        (
            {**V1, "scores_chosen": [2.31]},
            r"differ in length \(.*scores_chosen 1, .*download it again",
        ),
        ({**V1, "scores_chosen": [2.31, "high"]}, r"scores_chosen\[1\] is 'high'; expected a num"),
        ({**V1, "scores_chosen": [True, 1]}, r"scores_chosen\[0\] is True; expected a number"),
        ({**V1, "scores_chosen": [[1, 2], 1]}, r"scores_chosen\[0\] is \[1, 2\]; expected a num"),
        (
            {**V1, "id": [1, 1], "subset": ["s", "s"]},
            r"share a key.*s/1.*item_from='order'.*'text-",
        ),
        (V2, "missing: scores_chosen, scores_rejected.*Read it with format='rewardbench2'"),
        ([{"a": 1}, 5], "an object such as"),
        ({**V1, "model": ["a", "b"]}, r"scores of several models \(a, b\).*Split it by `model`"),
        (
            {name: [] for name in ("scores_chosen", "scores_rejected")},
            "has no prompts; expected at least one",
        ),
    ],
)
def test_broken_rewardbench_files(tmp_path, content, message):
    path = save(tmp_path / ("a.jsonl" if isinstance(content, list) else "a.json"), content)
    with pytest.raises(MetaevalError, match=message):
        rewardbench.parts(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TOTALS, "has no per-item scores, only totals"),
        (without(V2, "num_correct"), "missing: num_correct\\."),
        (without(V2, "subset"), "missing: subset\\."),
        (V1, "missing: num_correct, scores.*Read it with format='rewardbench'"),
        ({**V2, "num_correct": [1, 2]}, "differ in length"),
        (
            {**V2, "num_correct": [0, 2, 1]},
            r"num_correct\[0\] is 0; expected a whole number from 1",
        ),
        ({**V2, "num_correct": [1, 4, 1]}, r"num_correct\[1\] is 4; expected .* from 1 to 3"),
        ({**V2, "num_correct": [1, float("nan"), 1]}, r"num_correct\[1\] is nan; expected"),
        ({**V2, "num_correct": [1, None, 1]}, r"num_correct\[1\] is None; expected a whole number"),
        ({**V2, "scores": [[1], [], [1]]}, r"scores\[1\] is \[\]; expected a list with one score"),
        ({**V2, "scores": [[1], [1, "x", 2], [1]]}, r"scores\[1\]\[1\] is 'x'; expected a number"),
        ({**V2, "id": ["7", "ref:3", "ref:3"]}, "2 prompts in a.json share a key.*Ties/ref:3"),
    ],
)
def test_broken_rewardbench2_files(tmp_path, content, message):
    with pytest.raises(MetaevalError, match=message):
        rewardbench2.parts(save(tmp_path / "a.json", content))


def test_item_from_that_cannot_help(tmp_path):
    twice = {**V1, "id": [5, 5], "subset": ["s", "s"]}
    with pytest.raises(MetaevalError, match=r"needs a column of texts \(prompt.*item_from='order'"):
        rewardbench.parts(save(tmp_path / "a.json", twice), item_from="text-hash")
    same = {**twice, "prompt": ["one", "one"]}
    with pytest.raises(MetaevalError, match="Their texts are also identical"):
        rewardbench.parts(save(tmp_path / "a.json", same), item_from="text-hash")
    with pytest.raises(MetaevalError, match="item_from='position' is not one of"):
        rewardbench.parts(save(tmp_path / "a.json", same), item_from="position")


def test_a_file_that_is_not_a_table(tmp_path):
    with pytest.raises(MetaevalError, match=r"Expected one JSON object of lists"):
        path = tmp_path / "a.json"
        path.write_text("[1, 2]")
        rewardbench.parts(path)


# Recognition
def test_sniff():
    for folder in ("mtme", "rewardbench", "rewardbench2", "votes"):
        for path in (p for p in (fixtures.DATA / folder).rglob("*") if p.is_file()):
            head = path.read_text()
            assert (rewardbench.sniff(path, head) > 0.5) == (folder == "rewardbench"), path
            assert (rewardbench2.sniff(path, head) > 0.5) == (folder == "rewardbench2"), path


@pytest.mark.parametrize("times", [1500, 9000])
def test_sniff_of_a_long_file_whose_scores_lie_behind_the_head(tmp_path, times):
    long = {name: values * times for name, values in V1.items() if isinstance(values, list)}
    head = json.dumps({**V1, **long}, indent=4, sort_keys=True)[:65536]
    assert "scores_rejected" not in head
    assert rewardbench.sniff(tmp_path / "a.json", head) > 0.5


# Beside one another
@pytest.mark.parametrize(
    ("folder", "names", "table"),
    [
        ("rewardbench", ["rm-a.json", "rm-b.json"], fixtures.rewards_table()),
        ("rewardbench2", ["rm-a.json", "rm-b.jsonl"], fixtures.best_table()),
    ],
    ids=["v1", "v2"],
)
def test_files_of_two_models_join(folder, names, table):
    files = [fixtures.DATA / folder / name for name in names]
    assert read(*files).fingerprint == table.fingerprint
    assert read(*files[::-1]).fingerprint == table.fingerprint
    assert read(*files).kind == "correct"


def test_totals_are_recognized_and_refused():
    with pytest.raises(MetaevalError, match="no per-item scores"):
        read(fixtures.DATA / "rewardbench" / "totals.json")


@pytest.mark.parametrize("name", ["model", "rm", "reward_model", "scorer"])
def test_rows_of_several_models_are_refused(tmp_path, name):
    path = tmp_path / "rewards.csv"
    path.write_text(f"id,{name},chosen_score,rejected_score\n1,a,2,1\n1,b,1,2\n2,a,2,1\n2,b,2,1\n")
    with pytest.raises(MetaevalError, match=r"scores of several models \(a, b\)"):
        read(path)
