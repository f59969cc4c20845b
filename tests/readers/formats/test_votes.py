import json

import make_fixtures as fixtures
import numpy as np
import pandas as pd
import pytest

from metaeval.core import MetaevalError
from metaeval.readers import read
from metaeval.readers.formats import votes
from metaeval.tables import Pairs


def vote(winner="model_a", **more):
    return {"question_id": 81, "model_a": "m1", "model_b": "m2", "winner": winner} | more


@pytest.fixture
def save(tmp_path):
    def save(rows, name="votes.jsonl"):
        fixtures.write_votes(rows, tmp_path / name)
        return tmp_path / name

    return save


def only(parts):
    [part] = parts
    return part


# The fixtures and the round trip
def test_fixtures_are_what_the_generator_writes(tmp_path):
    fixtures.write_all(tmp_path)
    written = sorted((tmp_path / "votes").iterdir())
    assert len(written) == 3
    for path in written:
        assert (fixtures.DATA / "votes" / path.name).read_bytes() == path.read_bytes(), path.name


def test_no_fixture_is_large():
    files = [path for path in fixtures.DATA.rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files) < 20_000


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
def test_round_trip(save, ending):
    table = fixtures.votes_table()
    part = only(votes.parts(save(fixtures.vote_rows(table), f"votes.{ending}")))
    assert part.pairs
    found = Pairs(part.rows, part.scores, part.labels, label_kind=part.label_kind)
    assert found.fingerprint == table.fingerprint


def test_files_of_people_and_of_a_judge_join(save):
    table, rows = fixtures.votes_table(), fixtures.vote_rows(fixtures.votes_table())
    people = save([row for row in rows if row["judge"] != "judge-x"], "people.csv")
    judge = save([row for row in rows if row["judge"] == "judge-x"], "judge.json")
    assert read(judge, people).fingerprint == table.fingerprint
    assert read(people, judge).fingerprint == table.fingerprint


# Small cases worked by hand
def test_the_side_shown_first_does_not_matter(save):
    rows = [
        vote("model_a", judge="j"),
        vote("model_a", judge="j", question_id=82, model_a="m2", model_b="m1"),
    ]
    part = only(votes.parts(save(rows)))
    assert part.rows["item"].tolist() == ["81", "82"]
    assert part.rows["first"].tolist() == ["m1", "m1"]
    assert part.scores["j"].tolist() == [1.0, -1.0]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *((word, 1.0) for word in ("model_a", "A", "a", 1, "left", "A>B", "A>>B")),
        *((word, -1.0) for word in ("model_b", "B", "b", "right", "B>A", "B>>A")),
        *((word, 0.0) for word in ("tie", "C", "A=B", "equal", "draw", "tie (bothbad)")),
        *((word, 0.0) for word in ("both_bad", "tie (inconsistent)")),
        *((word, np.nan) for word in ("error", None, "$ERROR$")),
    ],
)
def test_words(save, word, expected):
    part = only(votes.parts(save([vote(word, judge="j")])))
    np.testing.assert_equal(part.scores["j"].tolist(), [expected])


def test_words_of_the_user(save):
    path = save([vote("first wins", judge="j")])
    assert only(votes.parts(path, value_map={"first wins": 1})).scores["j"].tolist() == [1.0]


def test_strength_and_kind_of_tie_are_kept(save):
    words = ["A>>B", "B>A", "tie (bothbad)", "tie (inconsistent)", "tie"]
    rows = [vote(word, judge="j", question_id=n) for n, word in enumerate(words)]
    part = only(votes.parts(save(rows)))
    assert part.rows["margin"].tolist() == [2.0, 1.0, 1.0, 1.0, 1.0]
    kinds = part.rows["tie_kind"].astype(object)
    assert kinds.where(kinds.notna(), None).tolist() == [
        None, None, "both_bad", "order_conflict", None,
    ]  # fmt: skip


def test_without_a_judge_the_votes_are_those_of_people(save):
    part = only(votes.parts(save([vote("tie", language="German", tstamp=1.5)])))
    assert part.labels["human"].tolist() == [0.0]
    assert part.scores.shape == (1, 0)
    assert part.rows["language"].tolist() == ["German"]
    assert "tstamp" not in part.rows


def test_without_questions_every_vote_is_an_item(save):
    rows = [{k: v for k, v in vote().items() if k != "question_id"} for _ in range(3)]
    assert only(votes.parts(save(rows))).rows["item"].tolist() == ["0", "1", "2"]


def test_turns_of_a_question_are_items_of_one_cluster(save):
    part = only(votes.parts(save([vote(turn=1), vote("tie", turn=2)])))
    assert part.rows["item"].tolist() == ["81/1", "81/2"]
    assert part.rows["cluster"].tolist() == ["81", "81"]


def test_one_turn_per_question_is_no_part_of_the_item(save):
    rows = [vote(turn=1), vote(turn=3, question_id=82)]
    part = only(votes.parts(save(rows)))
    assert part.rows["item"].tolist() == ["81", "82"]
    assert "cluster" not in part.rows


def test_people_are_known_by_their_names_or_by_labels(save):
    names = ["expert_0", "author_1", "ann_3", "judge-x"]
    path = save([vote(judge=name) for name in names])
    part = only(votes.parts(path))
    assert sorted(part.labels) == ["author_1", "expert_0"]
    assert part.notes == ("votes.jsonl: author_1, expert_0 read as labels",)
    part = only(votes.parts(path, labels=["ann_*", "expert_0"]))
    assert sorted(part.labels) == ["ann_3", "expert_0"]
    assert sorted(part.scores) == ["author_1", "judge-x"]
    assert part.notes == ()


def test_a_judge_and_its_prompt_make_one_name(save):
    path = save([vote(judge=["gpt-4", "pair-v2"]), vote(judge=7)])
    assert sorted(only(votes.parts(path)).scores) == ["7", "gpt-4/pair-v2"]


def test_votes_of_a_crowd_are_pooled_or_kept_apart_by_a_key(save):
    rows = [vote(judge=f"user{n}", question_id=n) for n in range(3)]
    assert only(votes.parts(save(rows), judges="pooled")).labels["human"].tolist() == [1.0] * 3
    path = save([vote("model_a", judge="u1"), vote("tie", judge="u2")])
    table = read(path, judges="pooled", keys=["judge"])
    assert table.labels["human"].tolist() == [1.0, 0.0]
    assert table.rows["judge"].tolist() == ["u1", "u2"]


def test_both_orders_of_a_judge(save):
    swapped = {"model_a": "m2", "model_b": "m1"}
    rows = [vote("A", judge="j"), vote("A", judge="j", **swapped)]  # always the one shown first
    rows += [vote("A", judge="j", question_id=82), vote("B", judge="j", question_id=82, **swapped)]
    path = save(rows)
    each = only(votes.parts(path))
    assert each.rows["order"].tolist() == ["ab", "ba", "ab", "ba"]
    assert each.scores["j"].tolist() == [1.0, -1.0, 1.0, 1.0]
    assert only(votes.parts(path, both_orders="net")).scores["j"].tolist() == [0.0, 1.0]


def test_order_is_kept_on_request(save):
    rows = [vote("A", judge="j", model_a="m2", model_b="m1")]
    part = only(votes.parts(save(rows), ordered=True))
    assert part.rows["first"].tolist() == ["m2"]
    assert part.scores["j"].tolist() == [1.0]


def test_refusals_can_be_ties(save):
    part = only(votes.parts(save([vote("error", judge="j")]), refusals="tie"))
    assert part.scores["j"].tolist() == [0.0]


# What is refused
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [vote("modl_a", judge="j")],
            r"Unknown verdict in .*: 'modl a'.*value_map",
        ),
        ([{"model_a": "m1", "winner": "A"}], "a file of votes, needs a column 'model_b'"),
        (
            [vote(judge="j"), vote("tie", judge="j")],
            "several values of j for each of.*item '81'",
        ),
        ([vote(), vote("tie")], "several values of human for each of"),
        ([vote(judge="j"), vote(judge=None)], "vote 2 has no judge.*judges='pooled'"),
        ([vote(judge="j", question_id=None)], "'question_id': 1"),
        ([vote(judge="j", model_a=None), vote(judge="k")], "'first': 1"),
    ],
)
def test_broken_files(save, rows, message):
    with pytest.raises(MetaevalError, match=message):
        votes.parts(save(rows))


def test_a_model_against_itself(save):
    with pytest.raises(
        MetaevalError, match="have the same first and second response, such as 'm1'"
    ):
        read(save([vote(model_b="m1")]))


def test_options_that_do_not_fit(save):
    path = save([vote()])
    with pytest.raises(MetaevalError, match="judges='pool' is not one of 'each', 'pooled'"):
        votes.parts(path, judges="pool")
    with pytest.raises(MetaevalError, match="needs a column 'rep'"):
        votes.parts(path, keys="rep")


def test_more_judges_than_columns_make_sense(save):
    rows = [vote(judge=f"user{n}", question_id=n) for n in range(votes.MOST_JUDGES + 1)]
    with pytest.raises(MetaevalError, match=r"501 judges, too many .* use judges='pooled'"):
        votes.parts(save(rows))


# Recognition
def test_sniff(save):
    for folder in ("mtme", "rewardbench", "rewardbench2", "votes"):
        for path in (p for p in (fixtures.DATA / folder).rglob("*") if p.is_file()):
            assert (votes.sniff(path, path.read_text()) > 0.5) == (folder == "votes"), path
    assert votes.sniff(fixtures.DATA / "votes", "") == 0


def test_every_fixture_is_read_without_saying_its_format():
    table = read(fixtures.DATA / "votes" / "votes.csv")
    assert table.fingerprint == fixtures.votes_table().fingerprint


def test_columns_of_parquet_are_recognized(save):
    assert len(read(save([vote(judge="j")], "votes.parquet"))) == 1


def test_objects_that_lack_a_field_here_and_there(save):
    rows = [vote(judge="j"), vote(judge="j", question_id=82, language="German")]
    part = only(votes.parts(save(rows)))
    assert part.rows["language"].isna().tolist() == [True, False]


def test_one_object_of_lists(tmp_path):
    path = tmp_path / "votes.json"
    path.write_text(json.dumps(pd.DataFrame([vote(judge="j")]).to_dict("list")))
    assert only(votes.parts(path)).scores["j"].tolist() == [1.0]


@pytest.mark.parametrize("name", ["question_id", "item", "id", "pair_id", "Item_ID"])
def test_questions_go_by_the_names_of_items(tmp_path, name):
    rows = pd.DataFrame({name: [f"q{i}" for i in range(6)], "model_a": "x", "model_b": "y"})
    judge = rows.assign(winner=["model_a", "model_b"] * 3, judge="j")
    human = rows.assign(winner=["model_a", "model_b"] * 3, judge="human").iloc[::-1]
    judge.to_csv(tmp_path / "j.csv", index=False)
    human.to_csv(tmp_path / "h.csv", index=False)
    table = read(tmp_path / "j.csv", tmp_path / "h.csv")
    assert (table.scores["j"] == table.labels["human"]).all()
    assert not table.warnings


def test_votes_without_questions_are_warned_of(tmp_path):
    rows = pd.DataFrame({"model_a": "x", "model_b": "y", "winner": ["model_a", "model_b"]})
    rows.to_csv(tmp_path / "v.csv", index=False)
    assert any("has no question ids" in warning for warning in read(tmp_path / "v.csv").warnings)
