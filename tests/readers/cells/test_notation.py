"""Numbers in other notations are read, or an error names the cell; no column goes unnoticed."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from metaeval.core import MetaevalError
from metaeval.readers import read

VALUES = [2, 3, 1, 5, 4, 3]
IDS = pd.DataFrame({"item": np.repeat([1, 2, 3], 2), "system": ["a", "b"] * 3, "human": VALUES})


def table(tmp_path, cells, name="t.csv", sep=",", **options):
    IDS.assign(judge=list(cells)).to_csv(tmp_path / name, index=False, sep=sep)
    return read(tmp_path / name, **options)


def noted(found, words):
    return any(words in note for note in (*found.notes, *found.warnings))


WRITTEN = {
    "percent signs": (lambda v: f"{20 * v}%", 0.2),
    "brackets": (lambda v: f"[{v}.0]", 1),
    "nested brackets": (lambda v: f"[[{v}]]", 1),
    "tensor": (lambda v: f"tensor({v}.0)", 1),
    "tensor on a device": (lambda v: f"tensor([{v}.0], device='cuda:0', dtype=torch.float16)", 1),
    "NumPy": (lambda v: f"np.float64({v}.0)", 1),
    "fractions": (lambda v: f"{v}/5", 0.2),
    "out of": (lambda v: f"{v} out of 5", 0.2),
    "decimal commas": (lambda v: f"{v},25", (1, 0.25)),
    "word": (lambda v: f"Score: {v}", 1),
    "MT-bench": (lambda v: f"Rating: [[{v}]]", 1),
    "object": (lambda v: json.dumps({"score": v}), 1),
    "stars": (lambda v: "★" * v + "☆" * (5 - v), 1),
    "units": (lambda v: f"{v} stars", 1),
    "minus sign of print": (lambda v: f"\u2212{v}", -1),
    "quotes": (lambda v: f"'{v}", 1),
    "blanks": (lambda v: f"  {v} ", 1),
}


@pytest.mark.parametrize("notation", WRITTEN)
def test_notations_of_numbers(tmp_path, notation):
    write, change = WRITTEN[notation]
    factor, more = change if isinstance(change, tuple) else (change, 0)
    found = table(tmp_path, map(write, VALUES))
    wanted = np.array(VALUES) * factor + more
    np.testing.assert_allclose(found.scores["judge"], wanted, rtol=1e-12)


@pytest.mark.parametrize("cell", [lambda v: [float(v)], lambda v: [[v]], lambda v: {"score": v}])
def test_lists_and_objects_of_one_number(tmp_path, cell):
    rows = [row | {"judge": cell(v)} for row, v in zip(IDS.to_dict("records"), VALUES, strict=True)]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    assert read(tmp_path / "t.json").scores["judge"].tolist() == VALUES


@given(st.lists(st.decimals(-999, 999, places=2), min_size=6, max_size=6))
def test_decimal_commas_are_the_same_numbers(values):
    texts = [str(v).replace(".", ",") for v in values]
    assert read(IDS.assign(judge=texts)).scores["judge"].tolist() == [float(v) for v in values]


def test_one_cell_proves_the_decimal_mark_of_the_file(tmp_path):
    proved = IDS.assign(judge=["1,234", "2,345"] * 3, other=["0,5", "1,25"] * 3)
    proved.to_csv(tmp_path / "t.csv", sep=";", index=False)
    assert read(tmp_path / "t.csv").scores["judge"].tolist() == [1.234, 2.345] * 3


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1,234", "2,345"] * 3, r"'1,234' in row 1.*--decimal ,"),
        (["50%", "0.6"] * 3, r"'50%' in row 1.*only some cells have a percent sign"),
        (["€2.50", "€3.10"] * 3, r"'€2.50' in row 1.*plain numbers"),
        (["1_000", "2_000"] * 3, r"'1_000' in row 1"),
        (["4/5", "8/10", "7/5"] * 2, r"'4/5' in row 1"),
        (["1'234", "2'345"] * 3, r"looks numeric but cannot be read"),
    ],
)
def test_what_looks_like_numbers_and_cannot_be_read_is_named(tmp_path, cells, message):
    with pytest.raises(MetaevalError, match=message):
        table(tmp_path, cells)
    IDS.assign(judge=cells, chrf=VALUES).to_csv(tmp_path / "t.csv", index=False)
    assert read(tmp_path / "t.csv", scorers=["chrf"]).scorers == ["chrf"]
    with pytest.raises(MetaevalError, match=message):
        read(tmp_path / "t.csv", scorers=["chrf", "judge"])


@pytest.mark.parametrize(
    ("decimal", "cells", "wanted"),
    [
        (",", ["1,234", "2,345"] * 3, [1.234, 2.345]),
        (".", ["1,234", "2,345"] * 3, [1234, 2345]),
        (",", ["1.234", "2.345"] * 3, [1234, 2345]),
    ],
)
def test_the_decimal_mark_can_be_declared(tmp_path, decimal, cells, wanted):
    assert table(tmp_path, cells, decimal=decimal).scores["judge"].tolist() == wanted * 3


@pytest.mark.parametrize(
    ("words", "order"),
    [
        (["good", "fair", "poor", "excellent", "good", "fair"], '"poor"=1,"fair"=2,"good"=3'),
        (["agree", "strongly agree", "disagree"] * 2, '"disagree"=1,"agree"=2,"strongly agree"=3'),
        (["A", "B", "D", "C", "A", "B"], '"d"=1,"c"=2,"b"=3,"a"=4'),
        (["high", "low", "medium"] * 2, '"low"=1,"medium"=2,"high"=3'),
    ],
)
def test_words_of_a_scale_are_pointed_out_in_their_order(tmp_path, words, order):
    found = table(tmp_path, words)
    assert "judge" not in found.scorers
    [warning] = [w for w in found.alignment.warnings if "words of a rating scale" in w]
    assert order in warning
    hint = warning.split("--value-map ")[1].removesuffix(")")
    numbers = dict(part.rsplit("=", 1) for part in hint.replace('"', "").split(","))
    again = table(tmp_path, words, value_map={w: float(n) for w, n in numbers.items()})
    assert again.scores["judge"].tolist() == [float(numbers[w.lower()]) for w in words]


@pytest.mark.parametrize("words", [("pass", "fail"), ("Yes", "No"), ("CORRECT", "incorrect")])
def test_words_for_right_and_wrong_are_1_and_0(tmp_path, words):
    assert table(tmp_path, words * 3).scores["judge"].tolist() == [1, 0] * 3
    assert table(tmp_path, words[:1] * 6).scores["judge"].tolist() == [1] * 6


@pytest.mark.parametrize("cell", [[10**400], [-(10**400)], {"score": 10**400}, [[10**400]]])
def test_whole_numbers_beyond_doubles_are_named(cell):
    with pytest.raises(MetaevalError, match=r"'judge' in .* cannot be read: .*inf"):
        read(IDS.assign(judge=[[0.5], cell, *[[0.25]] * 4]))


def test_lists_of_numbers_are_warned_of():
    found = read(IDS.assign(judge=[[1.0, 2.0]] * 6, chrf=VALUES))
    assert found.scorers == ["chrf"]
    assert noted(found, "judge excluded: it contains lists or objects of numbers")


def test_every_column_is_accounted_for(tmp_path):
    frame = IDS.assign(
        uid=range(6), chrf=VALUES, genre="x", text="long " * 60, tags=[["a"]] * 6, length=3
    )
    found = read(frame)
    said = " ".join((*found.notes, *found.warnings, *found.scorers, *found.labels, *found.rows))
    assert all(column in said for column in frame)


@pytest.mark.parametrize("text", ["2024-01-05", "12:30", "1.2.3", "3-4", "q12", "gpt-4", "0a3f"])
def test_dates_times_and_names_are_no_numbers(tmp_path, text):
    assert "judge" not in table(tmp_path, [text] * 6, scorers=None).scorers


def test_a_column_of_scores_is_never_said_not_to_exist(tmp_path):
    found = IDS.assign(judge=["x" * 300] * 6, chrf=VALUES)
    with pytest.raises(MetaevalError, match=r"'judge' in .* has 6 non-numeric cells"):
        read(found, scorers=["judge"])
    with pytest.raises(MetaevalError, match=r"no scorer 'typo'; there is only chrf"):
        read(found.drop(columns="judge"), scorers=["typo"])
    with pytest.raises(MetaevalError, match="was read as ids, texts or lists, not as scores"):
        read(found.drop(columns="judge"), scorers=["system"])
