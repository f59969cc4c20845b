"""How tables of text are written: delimiters, quotes, line ends, headers, and what goes wrong."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from metaeval.core import MetaevalError
from metaeval.readers import load_frame, read
from metaeval.readers.files.dialect import dialect_of

N = 12
ROWS = [(i, s, i % 5, round(i * 0.1 + k, 2)) for i in range(N) for k, s in enumerate("ab")]
HEADER = "item,system,human,m\n"
TEXT = HEADER + "".join(f"{i},{s},{h},{m:.2f}\n" for i, s, h, m in ROWS)


def put(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def scores(path, **options):
    return read(path, **options).scores["m"].tolist()


SAME = {
    "bars": ("t.csv", lambda t: t.replace(",", "|")),
    "blanks": ("t.txt", lambda t: t.replace(",", "   ")),
    "blanks and tabs": ("t.tsv", lambda t: t.replace(",", " ", 3).replace(",", "\t ")),
    "semicolons": ("t.csv", lambda t: t.replace(",", ";")),
    "semicolons and decimal commas": ("t.csv", lambda t: t.replace(",", ";").replace(".", ",")),
    "tabs in a .csv": ("t.csv", lambda t: t.replace(",", "\t")),
    "commas in a .tsv": ("t.tsv", lambda t: t),
    "carriage returns": ("t.csv", lambda t: t.replace("\n", "\r")),
    "Windows": ("t.csv", lambda t: t.replace("\n", "\r\n")),
    "mixed line ends": ("t.csv", lambda t: t.replace("\n", "\r\n", 5)),
    "a mark and a header in the middle": (
        "t.csv",
        lambda t: t[: t.index("5,a")] + "\ufeff" + HEADER + t[t.index("5,a") :],
    ),
    "a mark before a row": ("t.csv", lambda t: t.replace("5,a", "\ufeff5,a")),
    "an empty last column": ("t.csv", lambda t: t.replace("\n", ",\n")),
    "quoted cells with tabs": ("t.tsv", lambda t: t.replace(",a,", ',"a",').replace(",", "\t")),
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_table_written_in_other_ways(tmp_path, case):
    name, change = SAME[case]
    assert scores(put(tmp_path, change(TEXT), name)) == [m for *_, m in ROWS]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz"])
def test_a_file_without_a_header_is_named_and_can_be_given_one(tmp_path, name):
    text = TEXT.removeprefix(HEADER)
    text = text.replace(",", "\t") if "tsv" in name else text
    path = put(tmp_path, gzip.compress(text.encode()) if name.endswith("gz") else text, name)
    with pytest.raises(MetaevalError, match=r"looks like a row of values.*its 4 columns.*--header"):
        read(path)
    assert scores(path, header=["item", "system", "human", "m"]) == [m for *_, m in ROWS]
    with pytest.raises(MetaevalError, match=r"has 2 names .* first line of .* has 4 cells"):
        read(path, header=["item", "m"])


def test_a_header_of_numbers_is_a_header_where_a_name_is_known(tmp_path):
    text = "item,system,1,2\n1,a,1,2\n1,b,2,3\n"
    assert read(put(tmp_path, text)).scorers == ["1", "2"]


TEXTS = ['"', 'a "quoted" word', '"opens', 'closes"', "it's", '""', 'x ""y"" z']


@given(st.lists(st.sampled_from(TEXTS), min_size=4, max_size=4))
def test_quotes_between_tabs_are_characters(tmp_path_factory, texts):
    rows = zip([1, 1, 2, 2], "abab", texts, [0.5, 0.25, 1.0, 2.0], strict=True)
    text = "item\tsystem\tsource\tm\n" + "".join("\t".join(map(str, r)) + "\n" for r in rows)
    path = tmp_path_factory.mktemp("t") / "t.tsv"
    path.write_text(text)
    assert scores(path) == [0.5, 0.25, 1.0, 2.0]
    assert len(load_frame(path)) == 4


@given(st.lists(st.text("ab\",\n;\t'|", max_size=6), min_size=3, max_size=3))
def test_cells_that_pandas_quotes_come_back(tmp_path_factory, texts):
    frame = pd.DataFrame({"item": ["x", "y", "z"], "system": "s", "text": texts, "m": [1.0, 2, 3]})
    path = tmp_path_factory.mktemp("t") / "t.csv"
    frame.to_csv(path, index=False)
    assert load_frame(path)["text"].tolist() == texts


def with_text(texts, name="t.csv"):
    rows = [(i, s, texts.get((i, s), "some text"), i % 5, m) for i, s, _, m in ROWS]
    return "item,system,text,human,m\n" + "".join(",".join(map(str, r)) + "\n" for r in rows)


def test_a_quote_that_is_not_closed_is_named(tmp_path):
    text = with_text({(3, "a"): '"some text', (7, "a"): 'more "text"'})
    broken = put(tmp_path, text.replace('more "text"', '"more text'))
    with pytest.raises(MetaevalError, match=r"row 8 .*'text' contains 9 lines that look like rows"):
        read(broken)


def test_line_breaks_in_cells_are_remarked(tmp_path):
    text = with_text({(3, "a"): '"one\ntwo, three"', (4, "b"): '"x\ny\nz"'})
    table = read(put(tmp_path, text))
    assert len(table) == 2 * N
    assert "t.csv: text: 2 cells contain line breaks" in table.notes


BROKEN = {
    "title": (
        "# scores\n" + TEXT,
        r"first line of t.csv has 1 cells, but the next line has 4.*title",
    ),
    "extra cells": (
        TEXT.replace("\n", ",9\n").replace("m,9", "m"),
        r"has 4 cells, but the next line has 5",
    ),
    "cut": (TEXT[:-9], r"row 25 .*expected 4 cells, .*got 2"),
    "header twice": (TEXT.replace("human", "m"), r"Several columns in t.csv are named m"),
    "line break in the header": ('"x\ny",' + TEXT, r"column name in the header .*line break"),
    "long header": ("x" * 140_000 + "," + TEXT, r"has a name of 140,000 characters|field larger"),
    "no id": (TEXT.replace("\n5,", "\n,"), r"'item': 2, the first in row 11 "),
    "blank id": (TEXT.replace("\n5,", "\n  ,"), r"'item': 2"),
    "blanks": ("seg id score\n1 2\n3 4 5 6\n", r"needs a column 'item'; found seg id score"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_with_a_table_of_text(tmp_path, case):
    text, message = BROKEN[case]
    with pytest.raises(MetaevalError, match=message) as caught:
        read(put(tmp_path, text))
    assert len(str(caught.value)) < 600


def test_names_that_look_alike_are_warned_of(tmp_path):
    for change in ("5,a\u200b", "5,A", "5,a ", "5,\uff41"):
        table = read(put(tmp_path, TEXT.replace("5,a", change)))
        assert any("2 systems differ only in case, spaces" in w for w in table.alignment.warnings)
    composed = [f"caf{e},{s},1,2\n" for e in ("\u00e9", "e\u0301") for s in "ab"]
    table = read(put(tmp_path, HEADER + "".join(composed)))
    assert any("2 items differ" in w for w in table.alignment.warnings)


def test_numbers_that_are_not_exact_are_warned_of(tmp_path):
    table = read(put(tmp_path, TEXT.replace("0.10", "9007199254740993")))
    assert any("beyond 2^53" in w for w in table.alignment.warnings)


def test_dialects():
    paths = pd.Series(["x.csv", "x.tsv", "x.txt"])
    from pathlib import Path

    for name, mark in zip(paths, (",", "\t", ";"), strict=True):
        assert dialect_of(Path(name), TEXT.replace(",", mark)).delimiter == mark
    assert dialect_of(Path("x.csv"), "item\n1\n").delimiter == ","
    assert np.all([dialect_of(Path(n), "a b\n1 2\n").delimiter == " " for n in paths])
