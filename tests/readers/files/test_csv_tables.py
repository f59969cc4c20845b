"""Tables of text and JSON that other programs wrote in ways of their own."""

import json

import numpy as np
import pandas as pd
import pytest

from metaeval.core import MetaevalError
from metaeval.readers import read

N = 12
FRAME = pd.DataFrame(
    {
        "item": np.repeat(np.arange(N), 2),
        "system": ["a", "b"] * N,
        "human": np.arange(2 * N) % 5,
        "judge": np.round(np.linspace(1, 2, 2 * N) ** 2, 3),
        "bleu": np.round(np.linspace(3, 1, 2 * N) ** 2, 3),
    }
)
TEXT = FRAME.to_csv(index=False)
HEADER, BODY = TEXT.split("\n", 1)


def put(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def reads(path, **options):
    """The table of a file, which must hold what the frame does."""
    table = read(path, **options)
    assert table.scorers == ["bleu", "judge"]
    for name in table.scorers:
        assert table.scores[name].tolist() == FRAME[name].tolist()
    assert table.labels["human"].tolist() == FRAME["human"].tolist()
    assert table.rows["item"].tolist() == FRAME["item"].astype(str).tolist()
    assert table.rows["system"].tolist() == FRAME["system"].tolist()
    return table


def fails(message, path, **options):
    with pytest.raises(MetaevalError, match=message) as caught:
        read(path, **options)
    return str(caught.value)


# A first line that says the delimiter
@pytest.mark.parametrize("mark", [";", ",", "\t", ":", "|", "~"])
@pytest.mark.parametrize("first", ["sep={}", '"sep={}"', "SEP={}"])
def test_the_delimiter_that_the_first_line_says(tmp_path, mark, first):
    text = f"{first.format(mark)}\n" + TEXT.replace(",", mark)
    for name in ("t.csv", "t.tsv", "t.txt"):
        reads(put(tmp_path, text, name))
    reads(put(tmp_path, "\ufeff" + text.replace("\n", "\r\n")))
    reads(put(tmp_path, text.replace("\n", "\r")))


def test_a_declared_delimiter_above_a_table_without_a_header(tmp_path):
    text = "sep=;\n" + BODY.replace(",", ";")
    path = put(tmp_path, text)
    fails("looks like a row of values", path)
    reads(path, header=list(FRAME))


def test_decimal_commas_below_a_declared_semicolon(tmp_path):
    reads(put(tmp_path, "sep=;\n" + TEXT.replace(",", ";").replace(".", ",")))


def test_a_declared_delimiter_that_is_not_there(tmp_path):
    text = fails(r"declares the delimiter ','", put(tmp_path, "sep=,\n" + TEXT.replace(",", ";")))
    assert "or delete it" in text
    reads(put(tmp_path, TEXT.replace(",", ";")))


# Cells beyond those of the header
@pytest.mark.parametrize("extra", [",", ",,", ", ,"])
def test_empty_cells_behind_each_row(tmp_path, extra):
    path = put(tmp_path, HEADER + "\n" + BODY.replace("\n", f"{extra}\n"))
    n = extra.count(",")
    assert f"t.csv: dropped {n} empty cells at the end of each row" in reads(path).notes


def test_empty_cells_behind_tabs_and_quotes(tmp_path):
    text = (HEADER + "\n" + BODY.replace("\n", ",\n")).replace(",", "\t")
    reads(put(tmp_path, text, "t.tsv"))
    quoted = "".join(f'"{line}",\n'.replace(",", '","', 4) for line in BODY.splitlines())
    reads(put(tmp_path, HEADER + "\n" + quoted))


def test_cells_that_the_header_does_not_name(tmp_path):
    path = put(tmp_path, HEADER + "\n" + BODY.replace("\n", ",x\n"))
    text = fails(r"has 5 cells, but the next line has 6.*give it 6 column names", path)
    assert "--header" not in text
    reads(put(tmp_path, HEADER + ",comment\n" + BODY.replace("\n", ",x\n")))  # the cure
    rows = "".join(f"{n},{line}\n" for n, line in enumerate(BODY.splitlines()))
    fails("such as index for a column of row numbers", put(tmp_path, HEADER + "\n" + rows))
    reads(put(tmp_path, "index," + HEADER + "\n" + rows))


# Frames as pandas prints them
@pytest.mark.parametrize("name", ["t.txt", "t.csv", "t.tsv"])
def test_a_printed_frame_is_read_without_its_row_numbers(tmp_path, name):
    table = reads(put(tmp_path, FRAME.to_string(), name))
    assert f"{name}: dropped the row numbers at the start of each row" in table.notes
    reads(put(tmp_path, FRAME.to_string(index=False), name))


def test_printed_frames_whose_first_cells_are_no_row_numbers(tmp_path):
    named = FRAME.assign(item="q" + FRAME["item"].astype(str)).set_index("item")
    printed = named.rename_axis(None).to_string()
    path = put(tmp_path, printed, "t.txt")
    fails(
        "has 5 cells delimited by spaces .*header has 4 .*at the start of the first line: item if",
        path,
    )
    table = read(put(tmp_path, "item " + printed, "t.txt"))  # the cure
    assert table.scores["judge"].tolist() == FRAME["judge"].tolist()
    assert table.rows["item"].tolist() == named.index.tolist()


def test_a_last_column_without_a_name_is_no_printed_frame(tmp_path):
    text = "item system human\n" + "".join(f"{i} a {i % 3} 0.{i}\n" for i in range(9))
    fails("Add the missing name", put(tmp_path, text, "t.txt"))


def test_a_blank_in_a_name_of_a_printed_frame(tmp_path):
    printed = FRAME.rename(columns={"judge": "my judge"}).to_string()
    fails("does a name contain a space", put(tmp_path, printed, "t.txt"))


# Two exports below one another
def second(columns):
    return FRAME.assign(item=FRAME["item"] + 100)[columns]


@pytest.mark.parametrize("mark", [",", "\t", " "])
def test_a_second_header_in_another_order(tmp_path, mark):
    below = second(["item", "system", "human", "bleu", "judge"]).to_csv(index=False)
    path = put(tmp_path, (TEXT + below).replace(",", mark), "t.txt")
    text = fails(r"row 26 \(the header is row 1\): a second header in another order", path)
    assert "missing_codes" not in text
    parts = [put(tmp_path, t, f"{k}.csv") for k, t in enumerate((TEXT, below))]
    table = read(*parts)  # the cure
    assert table.scores["judge"].tolist() == 2 * FRAME["judge"].tolist()
    assert table.scores["bleu"].tolist() == 2 * FRAME["bleu"].tolist()
    assert table.warnings == ()


def test_a_second_header_with_other_columns(tmp_path):
    below = second(list(FRAME)).rename(columns={"judge": "other"}).to_csv(index=False)
    fails("a second header with other columns", put(tmp_path, TEXT + below))


@pytest.mark.parametrize("mark", [",", " "])
def test_a_second_header_in_the_same_order_is_left_out(tmp_path, mark):
    below = second(list(FRAME)).to_csv(index=False)
    table = read(put(tmp_path, (TEXT + below).replace(",", mark), "t.txt"))
    assert table.scores["judge"].tolist() == 2 * FRAME["judge"].tolist()


def test_an_item_that_is_called_like_a_column_is_no_header(tmp_path):
    reads_as = read(put(tmp_path, TEXT.replace("\n3,", "\njudge,")))
    assert set(reads_as.rows["item"]) == {"judge", *map(str, range(N))} - {"3"}


# JSON with the rows under one name
@pytest.mark.parametrize("key", ["data", "results", "rows", "records", "annotations", "any"])
@pytest.mark.parametrize("name", ["t.json", "t"])
def test_rows_within_an_object(tmp_path, key, name):
    rows = FRAME.to_dict("records")
    table = reads(put(tmp_path, json.dumps({key: rows}), name))
    assert table.notes == (f"{name}: rows were read from the list {key!r}",)


def test_fields_beside_the_rows_are_named(tmp_path):
    content = {"version": 1, "names": ["a"], "data": FRAME.to_dict("records"), "errors": []}
    table = reads(put(tmp_path, json.dumps(content), "t.json"))
    assert (
        "rows were read from the list 'data'; other fields ignored: version, names, errors"
        in str(table.notes)
    )


def test_several_lists_of_rows_are_named(tmp_path):
    rows = FRAME.to_dict("records")
    path = put(tmp_path, json.dumps({"train": rows, "test": rows}), "t.json")
    assert "(train, test)" in fails("several lists of objects", path)


def test_columns_of_objects_are_columns(tmp_path):
    content = FRAME.to_dict("list") | {"meta": [{"k": "v"}] * len(FRAME)}
    reads(put(tmp_path, json.dumps(content), "t.json"))


def test_a_row_with_one_cell_too_many_says_what_to_delete(tmp_path):
    path = put(tmp_path, TEXT.replace("\n4,a", ",\n4,a"))
    fails("row 9 .*expected 5 cells, .*got 6. Delete empty cells at the end of the row", path)
