"""Columns of row numbers are no scorers, whatever they are called; others are kept or named."""

import numpy as np
import pandas as pd
import pytest

from metaeval.readers import read

N = 24
RNG = np.random.default_rng(0)
BASE = pd.DataFrame(
    {
        "item": np.repeat(np.arange(N // 2), 2),
        "system": ["a", "b"] * (N // 2),
        "human": RNG.integers(1, 6, N),
        "chrf": RNG.random(N),
    }
)


def noted(table, words):
    return any(words in note for note in table.notes)


@pytest.mark.parametrize("name", ["", "index", "Unnamed: 0", "level_0", "idx", "n", "row_id"])
@pytest.mark.parametrize("start", [0, 1])
def test_row_numbers_are_left_out_with_a_note(tmp_path, name, start):
    frame = BASE.copy()
    frame.insert(0, name, np.arange(N) + start)
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = read(tmp_path / "t.csv")
    assert table.scorers == ["chrf"]
    assert noted(table, "excluded: it numbers the rows")
    assert table.fingerprint == read(BASE).fingerprint


def test_the_index_that_pandas_writes(tmp_path):
    BASE.sample(frac=1, random_state=0).to_csv(tmp_path / "a.csv")
    BASE[["item", "system", "human"]].to_csv(tmp_path / "b.csv")
    assert read(tmp_path / "a.csv").scorers == ["chrf"]
    joined = read(tmp_path / "a.csv", tmp_path / "b.csv")
    assert joined.scorers == ["chrf"]
    assert list(joined.labels) == ["human"]
    BASE.to_parquet(tmp_path / "c.parquet")
    assert read(tmp_path / "c.parquet").fingerprint == read(BASE).fingerprint


def test_numbers_in_some_order_are_left_out_with_a_warning():
    table = read(BASE.assign(rank=RNG.permutation(N)))
    assert table.scorers == ["chrf"]
    assert any("rank excluded: it contains each whole number" in w for w in table.warnings)
    assert read(BASE.assign(rank=np.arange(N)), scorers=["chrf", "rank"]).scorers == [
        "chrf",
        "rank",
    ]


def test_a_nameless_column_of_something_else_is_warned_of(tmp_path):
    BASE.set_index(pd.Index([f"doc{i}" for i in range(N)])).to_csv(tmp_path / "t.csv")
    table = read(tmp_path / "t.csv")
    assert any("excluded a column without a name (first cell 'doc0')" in w for w in table.warnings)
    named = read(tmp_path / "t.csv", columns={"response": "Unnamed: 0"})
    assert named.rows["response"].iloc[0] == "doc0"


@pytest.mark.parametrize("values", [RNG.integers(0, N, N), RNG.random(N), [1, 2] * (N // 2)])
def test_scores_are_not_row_numbers(values):
    assert read(BASE.assign(m=values)).scorers == ["chrf", "m"]


def test_few_rows_prove_nothing_unless_the_name_does():
    few = BASE.head(4).assign(m=range(4))
    assert read(few).scorers == ["chrf", "m"]
    assert read(few.rename(columns={"m": "index"})).scorers == ["chrf"]


@pytest.mark.parametrize("role", ["item", "task", "cluster", "response"])
def test_ids_that_count_are_ids(role):
    frame = BASE.drop(columns=["item", "system"]).assign(item=range(N), system="s")
    frame[role] = range(N)
    assert role in read(frame).rows
