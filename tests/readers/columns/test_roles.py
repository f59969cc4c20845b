import pandas as pd
import pytest

from metaeval.core import MetaevalError
from metaeval.readers import read, read_scores
from metaeval.readers.columns.aliases import ROLES
from metaeval.readers.columns.roles import check_mapping, resolve

PLAIN = pd.DataFrame(
    {
        "task": ["t", "t", "t", "t"],
        "item": ["1", "1", "2", "2"],
        "cluster": ["d", "d", "d", "d"],
        "system": ["a", "b", "a", "b"],
        "scorer": "chrf",
        "score": [0.5, 0.25, 0.125, 1.0],
    }
)
ALIASES = {
    "item": "item_id id doc_id seg_id segment prompt_id question_id pair_id sample_id uid",
    "system": "sys system_id model model_id policy",
    "response": "candidate candidate_id response_id row output_id",
    "scorer": "metric judge rm annotator",
    "score": "value rating reward",
    "task": "subset domain lp language_pair category group",
    "cluster": "doc document passage",
}
CASES = [(role, alias) for role, aliases in ALIASES.items() for alias in aliases.split()]


def frame_with(role):
    return PLAIN.rename(columns={"system": role}) if role == "response" else PLAIN


@pytest.mark.parametrize(("role", "alias"), CASES)
def test_every_alias_in_any_case(role, alias):
    style = (str.lower, str.upper, str.title)[len(alias) % 3]
    frame = frame_with(role)
    renamed = frame.rename(columns={role: style(alias)})
    table = read(renamed)
    assert table.fingerprint == read(frame).fingerprint
    assert any(f"{role} <- {style(alias)}" in note for note in table.notes)


@pytest.mark.parametrize(("role", "alias"), CASES)
def test_the_exact_name_wins(role, alias):
    frame = frame_with(role)
    table = read(frame.assign(**{alias: "other"}))
    assert table.scorers == ["chrf"]
    name = role if role in table.rows else None
    if name:
        assert "other" not in set(table.rows[name].astype(str))


def test_a_name_in_another_case_is_as_good_as_an_alias():
    assert read(PLAIN.rename(columns={"item": "ITEM"})).fingerprint == read(PLAIN).fingerprint
    with pytest.raises(MetaevalError, match=r"candidate columns for 'item': ITEM, uid"):
        read(PLAIN.rename(columns={"item": "ITEM"}).assign(uid=range(4)))


@pytest.mark.parametrize("role", [r for r in ALIASES if r not in ("scorer", "score")])
def test_two_aliases_are_an_error_with_its_cure(role):
    one, other, *_ = ALIASES[role].split()
    frame = frame_with(role)
    frame = frame.rename(columns={role: one}).assign(**{other: frame[role]})
    cure = rf"several candidate columns for '{role}': {one}, {other}. .*{role}': '{one}'}} .*--map"
    with pytest.raises(MetaevalError, match=cure):
        read(frame)
    chosen = read(frame, columns={role: one})
    assert chosen.fingerprint == read(frame.drop(columns=other)).fingerprint


def test_two_aliases_of_the_scores():
    frame = PLAIN.rename(columns={"scorer": "metric", "score": "value"}).assign(rating=1.0)
    with pytest.raises(MetaevalError, match=r"candidate columns for 'score': value, rating"):
        read(frame)
    assert read(frame, columns={"score": "value"}).scores.equals(read(PLAIN).scores)


def test_columns_that_only_look_like_ids_are_no_scorers():
    table = read(PLAIN.assign(uid=range(4), row_number=1).drop(columns=["scorer"]).assign(chrf=1.0))
    assert "uid" not in table.scorers


def test_a_judge_column_of_numbers_is_a_scorer():
    frame = PLAIN[["item", "system"]].assign(judge=[1, 2, 3, 4], rm=[4, 3, 2, 1])
    assert read(frame).scorers == ["judge", "rm"]


def test_columns_of_roles():
    frame = PLAIN.rename(columns={"item": "qid", "system": "gen", "score": "points"})
    named = read(frame, columns={"item": "qid", "system": "gen", "score": "points"})
    assert named.fingerprint == read(PLAIN).fingerprint


def test_a_mapped_column_may_be_in_some_files_only():
    scores = PLAIN.rename(columns={"item": "qid"})
    labels = PLAIN[["task", "item", "system"]].assign(human=[1, 0, 1, 0])
    table = read(scores, labels, columns={"item": "qid"})
    assert table.labels["human"].tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("role", ["item", "system", "score", "scorer", "rater", "label"])
def test_a_mapped_column_that_is_nowhere(role):
    with pytest.raises(
        MetaevalError,
        match=rf"'{role}': 'sytem'}}: there is no column 'sytem'; found .*Did you mean 's",
    ):
        read(PLAIN, columns={role: "sytem"})


def test_mapping_to_unknown_roles_and_twice():
    with pytest.raises(MetaevalError, match=r"no column to map 'itme'.*Did you mean 'item'"):
        read(PLAIN, columns={"itme": "item"})
    with pytest.raises(MetaevalError, match=r"'x' is mapped to both item and system"):
        check_mapping({"item": "x", "system": "x"})
    check_mapping({role: role for role in ROLES})


def test_a_column_that_has_the_name_of_a_mapped_role_is_set_aside():
    frame = PLAIN.assign(segment_number=PLAIN["item"], item=[9, 9, 9, 9])
    assert read(frame, columns={"item": "segment_number"}).rows["item"].tolist() == [
        "1",
        "1",
        "2",
        "2",
    ]


def test_keys():
    frame = pd.concat([PLAIN.assign(dimension=d, score=PLAIN["score"] + d) for d in (0, 1)])
    with pytest.raises(
        MetaevalError, match=r"several values of chrf for each of.*--keys dimension"
    ):
        read(frame)
    table = read(frame, keys="dimension")
    assert table.keys == ("dimension",)
    assert len(table) == 8
    assert (
        table.fingerprint
        == read(frame.sample(frac=1, random_state=1), keys=["dimension"]).fingerprint
    )
    with pytest.raises(MetaevalError, match=r"no key column 'dimensoin'.*Did you mean 'dimension'"):
        read(frame.drop_duplicates(["item", "system"]), keys=["dimensoin"])


def test_a_key_column_is_taken_by_no_alias():
    frame = PLAIN.drop(columns="task").assign(category=["x", "y", "x", "y"])
    assert "task" in read(frame).rows
    table = read(frame, keys=["category"])
    assert "task" not in table.rows
    assert "category" in table.rows


def test_a_column_called_label_or_scorer_by_the_user_is_taken_by_no_alias():
    frame = PLAIN[["item", "system"]].assign(value=[1, 2, 3, 4], model=[4.0, 3, 2, 1])
    table = read_scores(frame, labels=["value"], scorers=["model"])
    assert table.scorers == ["model"]
    assert list(table.labels) == ["value"]


def test_scorers_without_scores_and_items():
    with pytest.raises(
        MetaevalError, match=r"scorer names but no column of scores. Declare it: .*--map score="
    ):
        read(PLAIN.drop(columns="score"))
    with pytest.raises(MetaevalError, match=r"needs a column 'item'; found .*--map item=<column>"):
        read(PLAIN.drop(columns="item"))


def test_resolve_reports_what_it_renamed():
    frame = pd.DataFrame({"seg_id": [1], "Model": ["a"], "x": [1.0], "uid_": [2]})
    resolved = resolve(frame, source="x.csv", declared=["x"])
    assert resolved.notes == ("x.csv: item <- seg_id, system <- Model",)
    assert not resolved.pairs
    assert resolve(PLAIN, source="x.csv").notes == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("first", "second"),
        ("model_a", "model_b"),
        ("response_a", "response_b"),
        ("Candidate_A", "Candidate_B"),
        ("output_1", "output_2"),
        ("a", "b"),
    ],
)
@pytest.mark.parametrize("verdict", ["preference", "winner", "verdict", "preferred", "label"])
def test_aliases_of_pairs(first, second, verdict):
    frame = pd.DataFrame({"id": [1], first: ["x"], second: ["y"], "judge": ["j"], verdict: ["A"]})
    assert read(frame).scores["j"].tolist() == [1.0]


def test_plain_a_and_b_without_a_verdict_are_scorers():
    frame = pd.DataFrame({"item": [1, 2], "system": "s", "a": [1, 2], "b": [2, 1]})
    assert read(frame).scorers == ["a", "b"]


def test_a_column_that_another_replaces_gets_a_name_that_no_column_has():
    frame = pd.DataFrame({"item": [0, 0], "x": ["p", "q"], "item_in_file": [1, 2], "m": [1.0, 2.0]})
    table = read(frame, columns={"item": "x"})
    assert table.rows["item"].tolist() == ["p", "q"] and table.scorers == ["item_in_file", "m"]
