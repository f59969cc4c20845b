"""Codes and words for missing values: declared, remarked where they stand apart, and one list."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from metaeval.core import MetaevalError
from metaeval.readers import read
from metaeval.readers.cells.missing_words import parse_codes, word_of
from metaeval.readers.matching.suspicious_values import outlying_code_warning

N = 30
RNG = np.random.default_rng(0)
BASE = pd.DataFrame(
    {"item": np.arange(N), "system": "s", "human": RNG.integers(1, 6, N), "m": RNG.normal(size=N)}
)
GRADES = RNG.integers(1, 6, N).astype(float)


def with_code(code, values=GRADES, every=7):
    return BASE.assign(judge=np.where(np.arange(N) % every == 0, code, values))


def warnings_of(table):
    return [w for w in table.alignment.warnings if "code for missing" in w]


@pytest.mark.parametrize(
    ("code", "values"),
    [
        (-1, GRADES),
        (99, GRADES),
        (-999, np.round(RNG.normal(size=N), 2)),
        (-1, RNG.random(N)),
        (9999, RNG.integers(0, 101, N)),
        (1e9, RNG.random(N)),
        (-1, RNG.integers(0, 11, N)),
        (0, RNG.normal(5, 0.5, N)),
        (-100, 3 * RNG.normal(size=N)),
        (-10, RNG.normal(size=N)),
    ],
)
def test_codes_that_stand_apart_are_remarked_and_can_be_declared(code, values):
    frame = with_code(code, values)
    [warning] = warnings_of(read(frame))
    assert f"judge is {code:g} in 5 rows" in warning
    right = BASE.assign(judge=np.where(np.arange(N) % 7 == 0, np.nan, values))
    for declared in (code, [code], {"judge": code}, [str(code)]):
        table = read(frame, missing_codes=declared)
        assert table.fingerprint == read(right).fingerprint
        assert not warnings_of(table)
    assert not warnings_of(read(frame, missing_codes=[]))


@pytest.mark.parametrize(
    "values",
    [
        RNG.normal(size=N),
        RNG.integers(-3, 4, N),
        RNG.integers(0, 101, N),
        -RNG.integers(0, 26, N),
        RNG.random(N),
        np.where(np.arange(N) % 2, 0, 1),
        RNG.standard_t(3, N),
        np.round(RNG.lognormal(0, 3, N), 2),
        RNG.integers(-1, 2, N),
        -RNG.integers(0, 2, N),
        RNG.integers(-1, 4, N),
        np.maximum(RNG.normal(size=N), -1),
        np.where(np.arange(N) % 3, RNG.random(N), 1.0),
    ],
)
def test_ordinary_scores_are_not_remarked(values):
    assert outlying_code_warning("judge", np.asarray(values, dtype=float)) == []


def test_a_code_beside_right_and_wrong_is_remarked_where_it_is_rare():
    values = np.r_[np.full(4, -1), np.zeros(13), np.ones(13)]
    assert "-1 in 4 rows" in outlying_code_warning("judge", values)[0]
    assert outlying_code_warning("judge", np.r_[values, np.full(9, -1)]) == []


def test_a_code_of_one_column_is_a_score_of_another():
    frame = with_code(99).assign(points=np.where(np.arange(N) % 7 == 0, 99, 98))
    table = read(frame, missing_codes={"judge": [99]})
    assert table.scores["judge"].isna().sum() == 5
    assert table.scores["points"].isna().sum() == 0


WORDS = ["N/A", "na", "NaN", "null", "None", "<NA>", "#N/A", "-", "missing"]
FAILURES = ["error", "Parse Error", "parse_error", "PARSING-ERROR", "No answer", "timeout"]


@pytest.mark.parametrize("word", [*WORDS, *FAILURES])
def test_words_for_missing_are_the_same_for_numbers_and_for_verdicts(word):
    cells = np.where(np.arange(N) % 7 == 0, word, GRADES.astype(str))
    numbers = read(BASE.assign(judge=cells))
    verdicts = np.where(np.arange(N) % 7 == 0, word, "A")
    pairs = pd.DataFrame({"item": range(N), "first": "x", "second": "y", "scorer": "j"})
    judged = read(pairs.assign(preference=verdicts))
    for table in (numbers, judged):
        assert table.scores.isna().sum().tolist()[0] == 5
        remarked = any("read as missing" in note for note in table.notes)
        assert remarked == (word in FAILURES)


@pytest.mark.parametrize("cells", [["A", "B", "could not parse"], ["1", "2", "judge died"]])
def test_no_example_makes_a_verdict_of_a_failure(cells):
    pairs = pd.DataFrame({"item": range(3), "first": "x", "second": "y", "scorer": "j"})
    with pytest.raises(MetaevalError, match="If it stands for a missing verdict") as caught:
        read(pairs.assign(preference=cells))
    failure = cells[-1]
    assert f"missing_codes=['{failure}']" in str(caught.value)
    for option in (f"{failure}=1", f"{failure}=-1", f"'{failure}': 1"):
        assert option not in str(caught.value)
    table = read(pairs.assign(preference=cells), missing_codes=[failure])
    np.testing.assert_array_equal(table.scores["j"], [1, -1, np.nan])


def test_unknown_words_among_numbers_name_the_option():
    frame = with_code("?", GRADES.astype(int).astype(str))
    with pytest.raises(MetaevalError, match=r"'\?' in row 1.*missing_codes=\['\?'\]"):
        read(frame)
    assert read(frame, missing_codes="?").scores["judge"].isna().sum() == 5


def test_codes_of_reward_files_are_declared_too(tmp_path):
    (tmp_path / "rm.jsonl").write_text(
        '{"id": 1, "chosen": 1.5, "rejected": -99}\n{"id": 2, "chosen": 2, "rejected": 1}\n'
    )
    table = read(tmp_path / "rm.jsonl", missing_codes=[-99])
    assert table.scores["rm"].isna().sum() == 1


@given(st.integers(-10_000, 10_000))
def test_a_number_is_one_word_however_it_is_written(n):
    assert {word_of(n), word_of(float(n)), word_of(str(n)), word_of(f" {n}.0 ")} == {str(n)}
    assert parse_codes([n]).codes("any") == {str(n)}


def test_codes_of_a_wrong_type():
    with pytest.raises(MetaevalError, match=r"missing_codes must be a list of codes"):
        read(BASE, missing_codes=object())


# Codes that stand apart less than -99 does.
QUALITY = np.random.default_rng(0).normal(size=120)
RATED = np.clip(np.round(QUALITY + 3), 1, 5)
PERCENT = (60 + 15 * QUALITY).round(1).clip(25, 95)
CODED = np.random.default_rng(1).choice(120, 11, replace=False)


def judged(values, code):
    values = values.copy()
    values[CODED] = code
    frame = {"item": np.repeat(np.arange(40), 3), "system": list("abc") * 40, "judge": values}
    return list(read(pd.DataFrame(frame)).warnings)


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [
        (RATED, 9, "judge is 9 in 11 rows, but 1 to 5 in the others"),
        (RATED, 8, "judge is 8 in 11 rows, but 1 to 5 in the others"),
        (PERCENT, 99, "judge is 99 in 11 rows, but 25.1 to 90 in the others"),
        (PERCENT, 50.6, "judge is 50.6 in 11 of 120 rows, while the other values rarely repeat"),
    ],
)
def test_codes_beside_and_among_scores_are_pointed_out(values, code, said):
    [warning] = judged(values, code)
    assert warning.startswith(said)


def test_counts_and_scores_that_are_cut_off_hold_no_codes():
    rng = np.random.default_rng(2)
    for counts in (
        rng.poisson(2, 120),
        rng.geometric(0.4, 120),
        rng.negative_binomial(1, 0.2, 120),
    ):
        assert judged(counts.astype(float), 1) == []
    for low, high in ((40, 80), (0, 99), (25, 61.5)):
        assert judged(np.clip(60 + 30 * QUALITY, low, high).round(1), low) == []
