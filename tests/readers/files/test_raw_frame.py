import gzip
import json
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from metaeval.core import MetaevalError
from metaeval.readers import load_frame, read
from metaeval.readers.files.content_type import read_text_head
from metaeval.readers.files.frame_origin import FrameOrigin, origin_of
from metaeval.readers.files.json_tables import load_json
from metaeval.readers.files.raw_frame import head_of

FRAME = pd.DataFrame({"item": ["7", "8"], "system": ["a", "b"], "chrf": [0.5, 2.25]})
CSV = FRAME.to_csv(index=False)
RECORDS = FRAME.to_dict("records")
LINES = "".join(json.dumps(row) + "\n" for row in RECORDS)
COLUMNS = FRAME.to_dict("list")


def put(path, content):
    """Write text or bytes, compressed where the name says so."""
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def fails(source, message, **options):
    with pytest.raises(MetaevalError, match=message) as caught:
        load_frame(source, **options)
    text = str(caught.value)
    assert text.endswith(".") or "Did you mean" in text
    return text


# What is read
TEXTS = {
    "a.csv": CSV,
    "a.tsv": CSV.replace(",", "\t"),
    "array.json": json.dumps(RECORDS),
    "columns.json": json.dumps(COLUMNS, indent=1),
    "a.jsonl": LINES,
    "a.ndjson": LINES + "\n\n",
}


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("name", TEXTS)
def test_all_text_formats_hold_the_same_table(tmp_path, name, ending):
    frame = load_frame(put(tmp_path / (name + ending), TEXTS[name]))
    assert frame.columns.tolist() == ["item", "system", "chrf"]
    assert frame.astype({"chrf": float}).to_dict("list") == COLUMNS
    text = name.endswith((".csv", ".tsv"))
    assert origin_of(frame) == FrameOrigin(source=name + ending, text=text)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.dat", CSV),
        ("a", CSV.replace(",", ";")),
        ("a.txt", CSV.replace(",", "\t")),
        ("b", LINES),
        ("c", json.dumps(RECORDS, indent=2)),
        ("d.gz", json.dumps(COLUMNS)),
        ("semicolons.csv", CSV.replace(",", ";")),
        ("bom.csv", "\ufeff" + CSV),
        ("bom.json", "\ufeff" + json.dumps(RECORDS)),
        ("bom.jsonl", "\ufeff" + LINES),
        ("crlf.csv", CSV.replace("\n", "\r\n")),
        ("crlf.jsonl", LINES.replace("\n", "\r\n")),
        ("no_end.csv", CSV.rstrip("\n")),
        ("blank.csv", "\n\n" + CSV),
        ("UPPER.CSV", CSV),
        ("commas.tsv", CSV),
        ("tabs.csv", CSV.replace(",", "\t")),
        ("bars.csv", CSV.replace(",", "|")),
        ("blanks.txt", CSV.replace(",", "  ")),
        ("blanks_and_tabs.tsv", CSV.replace(",", " ", 3).replace(",", "\t ")),
        ("cr.csv", CSV.replace("\n", "\r")),
    ],
)
def test_other_names_delimiters_and_line_ends(tmp_path, name, content):
    frame = load_frame(put(tmp_path / name, content))
    assert frame.astype({"chrf": float}).to_dict("list") == COLUMNS


def test_gzip_without_its_extension(tmp_path):
    (tmp_path / "a.csv").write_bytes(gzip.compress(CSV.encode()))
    assert load_frame(tmp_path / "a.csv").shape == (2, 3)


@pytest.mark.parametrize("name", ["a.parquet", "a.pq", "a.PARQUET", "a"])
def test_parquet(tmp_path, name):
    FRAME.to_parquet(tmp_path / name, index=False)
    assert load_frame(tmp_path / name).to_dict("list") == COLUMNS
    assert head_of(tmp_path / name) == "item,system,chrf"


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table, pl.DataFrame], ids=["pd", "pa", "pl"])
def test_frames(make):
    frame = load_frame(make(COLUMNS))
    assert frame.to_dict("list") == COLUMNS
    assert origin_of(frame).text is False


def test_a_named_index_becomes_columns_and_another_is_dropped():
    assert load_frame(FRAME.set_index(["item", "system"])).columns.tolist() == list(FRAME)
    assert load_frame(FRAME.set_axis([5, 9])).index.tolist() == [0, 1]
    clash = FRAME.set_index("item", drop=False)
    assert load_frame(clash).columns.tolist() == list(FRAME)


def test_the_frame_given_is_not_changed():
    frame = FRAME.rename(columns={"chrf": " chrf "})
    load_frame(frame)
    assert frame.columns.tolist() == ["item", "system", " chrf "]
    assert frame.attrs == {}


def test_quoted_cells_keep_delimiters_quotes_and_line_breaks(tmp_path):
    path = put(tmp_path / "a.csv", 'item,note\n1,"x, ""y""\nz"\n')
    assert load_frame(path)["note"].tolist() == ['x, "y"\nz']


def test_cells_of_text_stay_as_they_are(tmp_path):
    path = put(tmp_path / "a.csv", "item,m\n007,NA\n7,\n")
    assert load_frame(path).to_dict("list") == {"item": ["007", "7"], "m": ["NA", ""]}


def test_a_field_that_an_object_lacks_is_null(tmp_path):
    path = put(tmp_path / "a.jsonl", '{"item": 1, "m": 2}\n{"item": 2}\n')
    assert load_frame(path)["m"].isna().tolist() == [False, True]


def test_load_json_returns_what_is_there(tmp_path):
    assert load_json(put(tmp_path / "a.json", "[1, 2]")) == [1, 2]
    assert load_json(put(tmp_path / "a.jsonl.gz", LINES)) == RECORDS


def test_the_head_does_not_cut_a_character_in_two(tmp_path):
    path = put(tmp_path / "a.csv", "ab\u20ac" * 10)
    for n in range(3, 12):
        assert read_text_head(path, 1000) == "ab\u20ac" * 10
        assert ("ab\u20ac" * 10).startswith(read_text_head(path, n))


# What is refused, and how to mend it
def test_missing_file_names_a_near_miss(tmp_path):
    put(tmp_path / "scores.csv", CSV)
    fails(tmp_path / "score.csv", r"no file 'score.csv' in .*Did you mean 'scores.csv'\?")
    fails(tmp_path / "nowhere" / "x.csv", r"no file 'x.csv' and no folder .*nowhere.*Check the p")


def test_a_folder(tmp_path):
    fails(tmp_path, "Expected a file, got the folder .*Pass the files in it")
    with pytest.raises(
        MetaevalError,
        match=r"or an mt-metrics-eval folder .*; the folder .* does not contain these",
    ):
        read(tmp_path)


EMPTY = ["a.csv", "a.json", "a.jsonl", "a.tsv.gz"]


@pytest.mark.parametrize(
    ("name", "content"), [*((n, c) for n in EMPTY for c in ("", " \n\n")), ("a.parquet", "")]
)
def test_empty_files(tmp_path, name, content):
    fails(put(tmp_path / name, content), r"is empty; expected a table with a header and rows")


BROKEN = {
    "binary": (
        "a.csv",
        b"item,m\n1,\x00\x01\xff\n",
        r"contains binary data \(a NUL byte\).*save it as",
    ),
    "utf16": ("a.csv", CSV.encode("utf-16"), "looks like UTF-16 text, not UTF-8.*save it as"),
    "latin1": (
        "a.csv",
        "item,m\n1,2\n\xe9t\xe9,2\n".encode("latin-1"),
        "not UTF-8: byte 0xe9 on line 3. Save it as UTF-8",
    ),
    "late": ("a.csv", b"item,m\n" + b"1,2\n" * 40000 + b"\xff,2\n", "byte 0xff on line 40002"),
    "late.json": ("a.json", b"[" + b"1,\n" * 40000 + b'"\xff"]', "byte 0xff on line 40001"),
    "cut off": ("a.csv", b"item,m\n1,2\n3,\xe2\x82", "not UTF-8: byte 0xe2 on line 3"),
    "ragged": (
        "a.csv",
        "item,m\n1,2\n3,4,5\n",
        r"row 3 .*expected 2 cells, as in the header, got 3. Delete empty cells",
    ),
    "short": ("a.tsv", "item\tm\n1\n", r"row 2 .*expected 2 cells, .*got 1"),
    "json": ("a.json", '[{"item": 1},\n{"item" 2}]', "not valid JSON, line 2: Expecting ':'.*corr"),
    "json lines": ("a.json", LINES, r"not valid JSON, line 2: .*must have the extension .jsonl"),
    "line": ("a.jsonl", '{"item": 1}\n\n{"item": }\n', "not valid JSON, line 3: Expecting value"),
    "no object": ("a.jsonl", '{"item": 1}\n[2]\n', "line 2: expected an object such as"),
    "deep": ("a.json", "[" * 100_000, "nested too deeply; expected an array of objects"),
    "scalar": ("a.json", "[1, 2]", "is not a table; expected an array of objects.*item by item"),
    "no rows": ("a.json", "[]", "is not a table"),
    "totals": ("a.json", '{"model": "x", "easy": 0.9}', "only totals cannot be compared item by"),
    "lengths": (
        "a.json",
        '{"item": [1, 2], "m": [1], "name": "x"}',
        r"differ in length \(item 2, m 1; not a list: name\).*Write it as an array of objects",
    ),
    "csv as json": (
        "a.json",
        CSV,
        r"something other than JSON; change its extension to .csv or .tsv",
    ),
    "json as csv": (
        "a.csv",
        json.dumps(RECORDS),
        r"contains JSON; change its extension to .json",
    ),
    "json as tsv": ("a.tsv", LINES, "contains JSON; change its extension"),
    "array as lines": ("a.jsonl", json.dumps(RECORDS), "a JSON array, not one object per line"),
    "parquet as csv": (
        "a.csv",
        b"PAR1" + b"\0" * 8,
        "contains Parquet data, not text; change its extension",
    ),
    "header only": ("a.csv", "item,m\n", "has no rows; expected at least one row below the header"),
    "duplicates": ("a.csv", "item,m, m\n1,2,3\n", "Several columns in a.csv are named m; rename"),
    "bad gzip": ("a.csv", b"\x1f\x8b" + b"junk" * 9, "cannot be decompressed .*Download it again"),
    "cut gzip": (
        "a.csv",
        gzip.compress(CSV.encode() * 9)[:-20],
        "damaged or truncated. Download it again",
    ),
    "no parquet": (
        "a.parquet",
        CSV,
        r"cannot be read as Parquet .*Correct its extension if it is a file of another type",
    ),
    "cut parquet": (
        "a.parquet",
        b"PAR1" + b"x" * 40,
        "cannot be read as Parquet .*or save it again",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files(tmp_path, case):
    name, content, message = BROKEN[case]
    fails(put(tmp_path / name, content), message)
    with pytest.raises(MetaevalError):
        read(tmp_path / name)


def test_parquet_that_is_damaged_inside(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"item": np.arange(5000).astype(str)}).to_parquet(path, index=False)
    data = bytearray(path.read_bytes())
    data[4:2000] = b"\xff" * 1996
    path.write_bytes(data)
    fails(path, "a.parquet is damaged .*; save it again")


def test_duplicate_columns_of_parquet_and_frames(tmp_path):
    twice = pa.table([[1], [2], [3]], names=["item", "m", "m"])
    parquet.write_table(twice, tmp_path / "a.parquet")
    fails(tmp_path / "a.parquet", "Several columns in a.parquet are named m; rename all but one")
    fails(FRAME.set_axis(["item", "m", "m"], axis=1), "the given DataFrame are named m")


def test_frames_without_rows_and_things_that_are_no_frames():
    fails(FRAME.head(0), "the given DataFrame has no rows")
    fails(
        5, r"Expected a path, or a pandas, .* data frame, got int. Convert it with pandas.DataFrame"
    )
    fails([1, 2], "Expected a path, or a pandas, .* data frame, got list")


def test_nested_cells_are_no_scores(tmp_path):
    path = put(tmp_path / "a.jsonl", '{"item": 1, "system": "a", "m": [1, 2], "chrf": 3}\n')
    table = read(path)
    assert table.scorers == ["chrf"]
    assert any("m excluded" in note for note in table.notes)
    with pytest.raises(MetaevalError, match=r"'m' in a.jsonl has 1 non-numeric cells"):
        read(path, scorers=["m"])


# Size
def test_parquet_is_refused_by_its_metadata(tmp_path, monkeypatch):
    FRAME.to_parquet(tmp_path / "a.parquet", index=False)
    monkeypatch.setattr(parquet.ParquetFile, "read", None)
    fails(tmp_path / "a.parquet", "more than 5 cells.*split the table by task", max_cells=5)


@pytest.mark.parametrize("name", TEXTS)
def test_cells_are_counted_before_parsing(tmp_path, monkeypatch, name):
    path = put(tmp_path / name, TEXTS[name])
    assert len(load_frame(path, max_cells=12)) == 2
    big = "\n".join(["item,m", *["1,2"] * 40]) if name.endswith("csv") else None
    if big is None:
        rows = [{"item": 1, "m": 2}] * 40
        big = {
            "a.tsv": "item\tm\n" + "1\t2\n" * 40,
            "array.json": json.dumps(rows),
            "columns.json": json.dumps({"item": [1] * 40, "m": [2] * 40}),
        }.get(name, "".join(json.dumps(row) + "\n" for row in rows))
    fails(put(path, big), "more than 12 cells, the maximum that can be read at once", max_cells=12)


def test_frames_are_counted_too():
    fails(FRAME, "more than 5 cells", max_cells=5)
    fails(pl.DataFrame(COLUMNS), "more than 5 cells", max_cells=5)


LIMITED = """
    import resource, sys
    import pyarrow.csv, pandas
    from metaeval.core import MetaevalError
    from metaeval.readers import load_frame
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    limit = used + (200 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        load_frame(sys.argv[1])
    except MetaevalError as error:
        print(error)
"""


def refused_in_little_memory(path):
    script = textwrap.dedent(LIMITED)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
@pytest.mark.parametrize(
    ("name", "start", "row", "times"),
    [
        ("bomb.csv.gz", b"item,system,m,n\n", b"1,a,2,3\n" * 8192, 6200),
        ("bomb.jsonl.gz", b"", b'{"item":1,"a":1,"b":1,"c":1,"d":1}\n' * 8192, 5200),
        ("bomb.json.gz", b"[1", b",1" * 32768, 6200),
    ],
    ids=["csv", "jsonl", "json"],
)
def test_a_bomb_is_refused_while_it_streams(tmp_path, name, start, row, times):
    """A small file that unpacks to hundreds of megabytes; there is room for 200 MB only."""
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(gzip.compress(start))
        member = gzip.compress(row * 16, 1)
        for _ in range(times // 16 + 1):
            file.write(member)
    assert path.stat().st_size < 12 << 20
    assert "cells, the maximum that can be read at once" in refused_in_little_memory(path)


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
@pytest.mark.parametrize(("name", "start"), [("a.csv", b"item,m\n1,2\n"), ("a.json", b"[1,")])
def test_a_huge_sparse_file_is_refused_without_reading_it(tmp_path, name, start):
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(start)
        file.truncate(1 << 38)
    assert "binary data (a NUL byte)" in refused_in_little_memory(path)


def test_an_endless_line_is_refused(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"item,m\n1," + b"2" * (17 << 20)))
    fails(path, r"line of more than 16 MB \(line 2\); expected one row per line")
