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
    [options] = re.findall(r"distinguishes them.*?: if [^;]*? (--[^;(]*)", said)[:1]
    return options.split()


CASES = {
    "aspects": ("aspect", ("fluency", "adequacy"), True, True, "--keys aspect", (1, 1, 120)),
    "aspects of humans": ("aspect", ("f", "a"), False, True, "--keys aspect", (1, 1, 120)),
    "prompts": ("prompt", ("p", "q"), True, False, "--map scorer=prompt,score=judge", (2, 1, 60)),
    "seeds": ("seed", (1, 2, 3), True, False, "--repeats mean --scorers judge", (1, 1, 60)),
    "runs": ("run", ("x", "y"), True, False, "--repeats mean", (1, 1, 60)),
    "numbers": ("which", (1, 2, 3), True, False, "--repeats mean --scorers judge", (1, 1, 60)),
    "workers": (
        *("worker", (11, 12, 13), False, True),
        *("--map rater=worker,label=human --exchangeable --scorers judge", (1, 3, 60)),
    ),
    "raters": (
        *("who", ("r1", "r2"), False, True),
        *("--map rater=who,label=human --exchangeable --scorers judge", (1, 2, 60)),
    ),
}


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
    assert f" {scorers} scorers, {labels} labels" in again.output


def test_only_what_varies_is_named():
    frame = repeated("prompt", ("p", "q"), judge=True, human=False)
    with pytest.raises(MetaevalError, match=r"several values of judge for one row"):
        me.read(frame)


def test_scores_that_happen_to_differ_are_no_numbers_of_raters():
    frame = repeated("prompt", ("p", "q"), judge=True, human=False).drop(columns="prompt")
    frame["judge"] = np.arange(len(frame)) * 37 % 101  # differ in each row, as they often would
    with pytest.raises(MetaevalError, match=r"No column distinguishes them"):
        me.read(frame)


def test_numbers_of_raters_read_as_a_scorer_are_warned_of():
    frame = repeated("worker", (1, 2, 3), judge=False, human=True, response=False)
    [warning] = me.read(frame).alignment.warnings
    assert "worker is read as a scorer" in warning
    assert "--map rater=worker,label=human --exchangeable --scorers judge (" in warning
    assert me.read(frame, scorers=["judge", "worker"]).alignment.warnings == ()
    mapped = me.read(frame, mapping={"rater": "worker", "label": "human"}, exchangeable=True)
    assert mapped.alignment.warnings == ()


def test_scores_of_several_answers_are_not_warned_of():
    rng = np.random.default_rng(1)
    frame = repeated("which", (1, 2, 3), judge=True, human=True, response=False)
    frame["which"] = rng.integers(1, 6, len(frame))
    assert me.read(frame).alignment.warnings == ()


def test_columns_of_scores_are_not_proposed_as_items():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"stars": rng.integers(0, 5, 30), "bleu": rng.normal(size=30)})
    with pytest.raises(MetaevalError, match=r"--map item=<column> .* add one that numbers them"):
        me.read(frame.assign(human=1.0))
    with pytest.raises(MetaevalError, match=r"--map item=place \(item=\.\.\.\)\.$"):
        me.read(frame.assign(place=np.arange(30) // 3))


def test_columns_beside_the_scores_are_named_where_scorers_lack(tmp_path):
    path = tmp_path / "scores.csv"
    frame = repeated("rater", (1, 2), judge=False, human=True)
    frame.rename(columns={"human": "label"}).to_csv(path, index=False)
    said = CliRunner().invoke(cli, ["compare", str(path)])
    assert said.exit_code == 2 and "not used as scores: judge; name those" in said.output
    named = CliRunner().invoke(cli, ["check", str(path), "--scorers", "judge"])
    assert named.exit_code == 0 and "1 scorers, 2 labels" in named.output


def test_an_error_is_preceded_by_the_warnings_of_the_data(tmp_path):
    path = tmp_path / "scores.csv"
    repeated("worker", (1, 2), judge=False, human=True, response=False).to_csv(path, index=False)
    said = CliRunner().invoke(cli, ["compare", str(path), "--label", "nope"])
    warning, error = said.stderr.splitlines()
    assert warning.startswith("Warning: scores.csv: worker is read as a scorer")
    assert error == "Error: There is no label 'nope'; there is only human." and said.stdout == ""
