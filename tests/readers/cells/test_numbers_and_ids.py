"""Columns in which numbers are written in odd ways are read rightly, refused, or warned of."""

import re
import time

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from metaeval.cli import cli
from metaeval.core import MetaevalError
from metaeval.readers import read
from metaeval.readers.cells.verdict_words import plain_word

VALUES = [2, 3, 1, 5, 4, 3]
IDS = pd.DataFrame({"item": np.repeat([1, 2, 3], 2), "system": ["a", "b"] * 3, "human": VALUES})
THOUSANDS = ["1.232", "997", "1.305", "880", "1.410", "945"]
ELO = [1232, 997, 1305, 880, 1410, 945]
DECIMALS = [1.232, 997, 1.305, 880, 1.41, 945]


def table(tmp_path, *, decimal=None, value_map=None, **columns):
    IDS.assign(**columns).to_csv(tmp_path / "t.csv", index=False, sep=";")
    return read(tmp_path / "t.csv", decimal=decimal, value_map=value_map)


def refusal(tmp_path, **columns):
    with pytest.raises(MetaevalError) as caught:
        table(tmp_path, **columns)
    return str(caught.value)


def scores(found):
    return {name: found.scores[name].tolist() for name in found.scores}


# Dots between thousands.
def test_dots_that_may_stand_between_thousands_must_be_declared(tmp_path):
    said = refusal(tmp_path, elo=THOUSANDS, chrf=["0.5", "0.25"] * 3)
    assert "'1.232' in row 1" in said
    assert "decimal=',' (--decimal ,) if dots separate thousands" in said
    assert "decimal='.' (--decimal .) if they precede decimals" in said
    assert scores(table(tmp_path, elo=THOUSANDS, decimal=",")) == {"elo": ELO}
    assert scores(table(tmp_path, elo=THOUSANDS, decimal=".")) == {"elo": DECIMALS}
    with pytest.raises(MetaevalError, match="declare its decimal mark"):
        read(IDS.assign(elo=THOUSANDS))


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["1.232", "99"] * 3, [1.232, 99]),
        (["1.23", "997"] * 3, [1.23, 997]),
        (["0.123", "997"] * 3, [0.123, 997]),
        (["99.123", "100", "0"] * 2, None),
        (["345.678", "100"] * 3, [345.678, 100]),
        (["1.234.567", "997", "2.305"] * 2, [1234567, 997, 2305]),
    ],
)
def test_dots_are_in_doubt_only_where_both_readings_are_likely(tmp_path, cells, wanted):
    if wanted is None:
        assert "declare its decimal mark" in refusal(tmp_path, elo=cells)
    else:
        found = table(tmp_path, elo=cells)
        assert scores(found)["elo"] == wanted * (6 // len(wanted))


def test_extra_columns_with_dots_in_doubt_are_left_alone(tmp_path):
    assert table(tmp_path, length=THOUSANDS, chrf=VALUES).scorers == ["chrf"]


# Decimal marks of columns.
def test_decimal_marks_may_be_those_of_columns(tmp_path):
    columns = {"elo": THOUSANDS, "bleu": ["1.234", "2.345"] * 3}
    found = table(tmp_path, **columns, decimal={"elo": ","})
    assert scores(found) == {"elo": ELO, "bleu": [1.234, 2.345] * 3}
    assert "decimal={'elo': ','} (--decimal elo=,)" in refusal(tmp_path, **columns)


def test_each_column_in_doubt_is_asked_for_beside_those_declared(tmp_path):
    columns = {"elo": THOUSANDS, "other elo": THOUSANDS[::-1]}
    assert "(--decimal elo=,)" in refusal(tmp_path, **columns)
    said = refusal(tmp_path, **columns, decimal={"elo": ","})
    assert """decimal={'elo': ',', 'other elo': '.'} (--decimal "elo=,;other elo=.")""" in said
    found = table(tmp_path, **columns, decimal={"elo": ",", "other elo": "."})
    assert scores(found) == {"elo": ELO, "other elo": DECIMALS[::-1]}


def test_long_scores_have_a_mark_by_their_own_name_or_by_their_role():
    long = pd.DataFrame({"item": [1, 2, 3], "system": "a", "metric": "m", "value": THOUSANDS[:3]})
    for name in ("value", "score"):
        assert read(long, decimal={name: ","}).scores["m"].tolist() == ELO[:3]


def test_marks_of_columns_that_are_not_there_are_pointed_out(tmp_path):
    found = table(tmp_path, elo=VALUES, decimal={"el": ","})
    assert any("no column 'el'" in w and "'elo'" in w for w in found.alignment.warnings)


@pytest.mark.parametrize("decimal", [";", {"elo": ";"}, "elo=,"])
def test_a_decimal_mark_is_a_point_or_a_comma(tmp_path, decimal):
    assert "decimal" in refusal(tmp_path, elo=VALUES, decimal=decimal)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [(",", 1410.0), (".", 1.232), ("a;b=,", 1410.0), ("a;b=.;human=,", 1.232), ("a;b=,;", 1410.0)],
)
def test_decimal_marks_on_the_command_line(tmp_path, typed, wanted):
    IDS.assign(**{"a;b": THOUSANDS}).to_csv(tmp_path / "t.csv", index=False)
    result = CliRunner().invoke(cli, ["check", str(tmp_path / "t.csv"), "--decimal", typed])
    assert result.exit_code == 0, result.output
    assert any(f"{wanted:g}" in line for line in result.output.splitlines() if "a;b" in line)


@pytest.mark.parametrize("typed", ["x", "elo", "elo=", "elo=x", "=,", "elo=,bleu=."])
def test_wrong_decimal_marks_on_the_command_line(tmp_path, typed):
    IDS.assign(elo=VALUES).to_csv(tmp_path / "t.csv", index=False)
    result = CliRunner().invoke(cli, ["check", str(tmp_path / "t.csv"), "--decimal", typed])
    if typed == "elo=,bleu=.":  # the mark of a column of this name
        assert "no column 'elo=,bleu'" in result.output
    else:
        assert result.exit_code == 2
        assert '"elo=,;bleu=."' in result.output


# Commas and points in one file.
COMMAS = ["0,35", "0,45", "1,2", "0,5", "0,6", "0,7"]
READ = [0.35, 0.45, 1.2, 0.5, 0.6, 0.7]


def test_points_beside_decimal_commas_of_another_column_are_decimal_where_one_cell_says_so(
    tmp_path,
):
    points = ["0.681", "1.968", "-0.122", "1.001", "2.500", "3.000"]
    found = table(tmp_path, a=COMMAS, b=points)
    assert scores(found) == {"a": READ, "b": [float(p) for p in points]}
    doubtful = ["1.681", "1.968", "2.122"] * 2
    said = refusal(tmp_path, a=COMMAS, b=doubtful)
    assert "decimal={'b': ','} (--decimal b=,)" in said
    found = table(tmp_path, a=COMMAS, b=doubtful, decimal={"b": "."})
    assert scores(found) == {"a": READ, "b": [float(p) for p in doubtful]}


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["6,91e-01", "5,1E-01"], [0.691, 0.51]),
        (["1.075,38", "950,1", "2.000"], [1075.38, 950.1, 2000]),
        (["1.234,5", "12"], [1234.5, 12]),
        (["1,234.5", "2,000", "7"], [1234.5, 2000, 7]),
    ],
)
def test_commas_beside_plain_points_of_another_column(tmp_path, cells, wanted):
    cells, wanted = cells * (6 // len(cells)), wanted * (6 // len(wanted))
    found = table(tmp_path, a=cells, b=["0.5", "1.25", "1.968"] * 2, c=COMMAS)
    assert scores(found) == {"a": wanted, "b": [0.5, 1.25, 1.968] * 2, "c": READ}


@pytest.mark.parametrize(
    ("cells", "decimal"),
    [
        (["0,214", "0,345"] * 3, "."),
        (["1,234.5", "2,000.1"] * 3, ","),
        (["1.234.567", "2.345"] * 3, "."),
    ],
)
def test_a_declared_mark_that_the_cells_disprove_is_refused(tmp_path, cells, decimal):
    said = refusal(tmp_path, a=cells, decimal=decimal)
    other = "," if decimal == "." else "."
    assert f"'{cells[0]}' cannot be read with the decimal mark '{decimal}'" in said
    assert f"decimal='{other}' (--decimal {other})" in said
    assert table(tmp_path, a=cells, decimal=other).scorers == ["a"]


@pytest.mark.parametrize("cells", [["0,35", "0.234"] * 3, ["0,35", "1,234.5"] * 3])
def test_a_column_with_commas_and_points_in_two_ways_is_not_sent_to_decimal(tmp_path, cells):
    assert "--decimal" not in refusal(tmp_path, a=cells)


def test_dots_beside_decimal_commas_are_thousands_only_if_the_user_says_so(tmp_path):
    cells = ["950,5", "1.234"] * 3
    assert "if its dots separate thousands, use" in refusal(tmp_path, a=cells)
    assert scores(table(tmp_path, a=cells, decimal=",")) == {"a": [950.5, 1234] * 3}


# Several numbers in a cell.
@pytest.mark.parametrize("cell", ["[3, 4]", "[3 4]", "[0.5; 0.25]", "(3, 4)", "[[3, 4]]"])
def test_lists_in_text_are_warned_of(tmp_path, cell):
    found = table(tmp_path, a=[cell] * 6, chrf=VALUES)
    assert found.scorers == ["chrf"]
    assert any("put each in a separate column" in w for w in found.alignment.warnings)
    with pytest.raises(MetaevalError, match="Write one number per cell, in separate columns"):
        read(tmp_path / "t.csv", scorers=["a"])


@pytest.mark.parametrize("cell", ["0.12 [0.1, 0.9]", "0.12 (0.1-0.9)", "0.12 (0.03)"])
def test_intervals_are_refused(tmp_path, cell):
    assert "write one number per cell" in refusal(tmp_path, a=[cell, "0.5 [0.4, 0.6]"] * 3)


# Notations of judges.
WORDS = {1: "terrible", 2: "poor", 3: "fair", 4: "good", 5: "excellent"}
READ_AS = {
    "levels": (lambda v: f"{v} - {WORDS[v]}", 1, 0),
    "levels in brackets": (lambda v: f"{v} ({WORDS[v].title()})", 1, 0),
    "words first": (lambda v: f"{WORDS[v]} ({v})", 1, 0),
    "a fraction after a word": (lambda v: f"Final score: {v}/5", 0.2, 0),
    "a star": (lambda v: f"{v}★", 1, 0),
    "bold": (lambda v: f"**{v}**", 1, 0),
    "bold words": (lambda v: f"**Score: {v}**", 1, 0),
    "bold numbers": (lambda v: f"Score: **{v}**", 1, 0),
    "tags": (lambda v: f"<score>{v}</score>", 1, 0),
    "about": (lambda v: f"~{v}", 1, 0),
    "uncertain": (lambda v: f"{v}.2 ± 0.{v}", 1, 0.2),
    "formulas": (lambda v: f'="{v}"', 1, 0),
    "formulas with decimals": (lambda v: f'="7{v}.2"', 1, 70.2),
    "thousands": (lambda v: f"{v}.07k" if v > 1 else "1070", 1000, 70),
    "decibel": (lambda v: f"1{v}.3 dB", 1, 10.3),
    "Fortran": (lambda v: f"7.{v}D+01", 1, 70),
    "halves": (lambda v: f"{v}½", 1, 0.5),
    "quarters": (lambda v: f"-{v}¾", -1, -0.75),
    "half a star": (lambda v: "★" * v + "½", 1, 0.5),
}


@pytest.mark.parametrize("notation", READ_AS)
def test_notations_of_judges_are_read(tmp_path, notation):
    write, times, plus = READ_AS[notation]
    found = table(tmp_path, judge=[write(v) for v in VALUES])
    np.testing.assert_allclose(found.scores["judge"], np.array(VALUES) * times + plus, rtol=1e-12)
    assert any("the cells of judge contain" in note for note in found.notes)


@pytest.mark.parametrize("pair", [("👍", "👎"), ("👍🏽", "👎\ufe0f"), ("Thumbs up", "thumbs_down")])
def test_thumbs_are_1_and_0(tmp_path, pair):
    assert scores(table(tmp_path, judge=pair * 3)) == {"judge": [1, 0] * 3}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["A-", "B+", "A", "C", "B", "A-"], '"c"=1,"b"=2,"b+"=3,"a-"=4,"a"=5'),
        (["I", "II", "V", "IV", "III", "I"], '"i"=1,"ii"=2,"iii"=3,"iv"=4,"v"=5'),
        (["one", "three", "five", "two", "one", "one"], '"one"=1,"two"=2,"three"=3,"five"=5'),
    ],
)
def test_grades_and_numbers_in_words_are_pointed_out_in_their_order(tmp_path, words, hint):
    found = table(tmp_path, judge=words)
    assert found.scorers == []
    assert any(w.endswith(f"(--value-map {hint})") for w in found.alignment.warnings)
    numbers = {w: float(n) for w, n in re.findall(r'"(.+?)"=(\d)', hint)}
    again = table(tmp_path, judge=words, value_map=numbers)
    assert again.scores["judge"].tolist() == [numbers[w.lower()] for w in words]


@pytest.mark.parametrize(
    "wording",
    [
        *("I would give it a {} in the end", "I give it {}"),
        *("Rating {}", "{} - quite something", "{}!", "[RESULT] {}", "**{}/5**"),
        *("0x{}d", "{}.5s", "7{}.2% ± 0.3%", "rated {} of 5", "{}/5 good", "1,2{}k"),
    ],
)
def test_columns_with_one_number_in_each_cell_are_warned_of(tmp_path, wording):
    cells = [wording.format(v) for v in VALUES]
    found = table(tmp_path, judge=cells, chrf=VALUES)
    assert found.scorers == ["chrf"]
    [warning] = found.alignment.warnings
    assert f"judge excluded: its cells, such as {cells[0]!r}, are not plain numbers" in warning


@pytest.mark.parametrize(
    "wording",
    [
        *("q{}", "doc-{}", "seg_{}", "item {}", "#{}", "gpt-3.{}"),
        *("2020-01-0{}", "12:3{}", "1.{}.0"),
        *("{}.5b", "{}-bit", "{}th", "img/x{}.png", "turn {}", "{} January", "a{}f-{}", "{} pm"),
        "the answer said {}, and then some more",
    ],
)
def test_ids_dates_and_sizes_stay_without_a_warning(tmp_path, wording):
    cells = [wording.format(v, v) for v in VALUES]
    found = table(tmp_path, prompt=cells, chrf=VALUES)
    assert (found.scorers, list(found.alignment.warnings)) == (["chrf"], [])


def test_numbers_and_words_that_do_not_go_together_are_not_read(tmp_path):
    found = table(tmp_path, judge=["4 - good", "3 - good", "2 - poor"] * 2, chrf=VALUES)
    assert found.scorers == ["chrf"]
    assert any("judge excluded" in w for w in found.alignment.warnings)


# Cures of non-numeric cells.
def test_a_cell_that_is_a_rating_is_not_called_missing_first(tmp_path):
    said = refusal(tmp_path, judge=["4/5", "3/5", "4 of five", "2/5", "1/5", "3/5"])
    assert said.index("use one notation") < said.index("missing_codes")
    said = refusal(tmp_path, judge=["4", "3", "4 pts or so", "about 5", "2", "1"])
    assert said.index("plain numbers") < said.index("missing_codes")
    said = refusal(tmp_path, judge=["4/5", "3/5", "skipped", "2/5", "1/5", "3/5"])
    assert "if it stands for a missing value, use missing_codes=['skipped']" in said


# Verdicts.
PAIRS = pd.DataFrame({"item": range(6), "first": "x", "second": "y"})


@pytest.mark.parametrize("column", ["preference", "judge1"])
@pytest.mark.parametrize(
    "words",
    [
        *(("Response 1", "Response 2", "Equal"), ("A is better", "B is better", "both good")),
        *(("A much better", "B slightly better", "both are good"), ("first", "second", "both")),
        *(("A", "B", "neither"), ("1 is better", "2 is better", "no preference")),
        *(("Response A is clearly better", "Response B is better", "equally good"),),
        ("A wins", "B wins", "tie"),
    ],
)
def test_verdicts_in_words(column, words):
    found = read(PAIRS.assign(**{column: words * 2}))
    values = found.labels if column == "preference" else found.scores
    assert values.iloc[:, 0].tolist() == [1, -1, 0] * 2


def test_sides_may_be_turned_by_a_vocabulary():
    words = {"Response 1": -1, "Response 2": 1}
    found = read(PAIRS.assign(preference=list(words) * 3), value_map=words)
    assert found.labels["human"].tolist() == [-1, 1] * 3


@pytest.mark.parametrize("text", ["better", "A", "1", "a b is better", "it is better", "model 3"])
def test_words_that_name_no_side_stay_as_they_are(text):
    assert plain_word(text) == text.lower()


def test_words_for_outcomes_are_warned_of_and_not_guessed():
    pairs = PAIRS.assign(rm=[0.5, -0.2, 0.1] * 2)
    found = read(pairs.assign(human=["win", "lose", "draw"] * 2))
    assert list(found.labels) == []
    [warning] = found.alignment.warnings
    assert warning.endswith("(--value-map win=1,lose=-1,draw=0)")
    voiced = {"win": 1, "lose": -1, "draw": 0}
    again = read(pairs.assign(human=["win", "lose", "draw"] * 2), value_map=voiced)
    assert again.labels["human"].tolist() == [1, -1, 0] * 2
    found = read(pairs.assign(out=["chosen", "rejected", "hardly better"] * 2))
    [warning] = found.alignment.warnings
    assert '"chosen"=1,"rejected"=-1,"hardly better"=NUMBER' in warning


def test_words_for_outcomes_beside_other_verdicts_are_mapped():
    pairs = PAIRS.assign(winner=["A", "B"] * 3, out=["win", "loss", "draw"] * 2)
    [warning] = [
        w for w in read(pairs).alignment.warnings if "out excluded: it contains words" in w
    ]
    assert warning.endswith("(--map preference=out --value-map win=1,loss=-1,draw=0)")
    voiced = {"win": 1, "loss": -1, "draw": 0}
    found = read(pairs, columns={"preference": "out"}, value_map=voiced)
    assert scores(found) == {"out": [1, -1, 0] * 2, "winner": [1, -1] * 3}


# Ids.
@pytest.mark.parametrize("dtype", [float, object, "Float64"])
def test_ids_that_floats_cannot_hold_are_refused(dtype):
    ids = pd.Series(9007199254740992.0 + 2 * np.arange(6)).astype(dtype)
    with pytest.raises(
        MetaevalError,
        match=r"'item' contains 9007199254740992.0; floating-point numbers of 2\^53",
    ):
        read(pd.DataFrame({"item": ids, "chrf": VALUES}))


def test_large_ids_that_are_exact_are_read(tmp_path):
    ids = [9007199254740993 + k for k in range(6)]
    for given in (ids, list(map(str, ids))):
        assert read(pd.DataFrame({"item": given, "chrf": VALUES})).rows["item"].tolist() == [
            str(k) for k in ids
        ]
    pd.DataFrame({"item": [f"{float(k)}" for k in ids], "chrf": VALUES}).to_csv(
        tmp_path / "t.csv", index=False
    )
    with pytest.raises(MetaevalError, match=r"floating-point numbers of 2\^53"):
        read(tmp_path / "t.csv")


# Cells that nobody should wait for.
@pytest.mark.parametrize(
    "cell",
    [
        "[" + "12 " * 5000 + "... 12]",
        "[" + "12,  " * 5000 + "x",
        "1 [2" + " " * 20000 + "x",
        "good" + " " * 20000 + "(x",
        "4 - " + "good " * 5000 + "(",
        "**" + " " * 20000 + "4 x",
    ],
)
def test_long_cells_take_no_time(cell):
    start = time.perf_counter()
    assert read(IDS.assign(judge=[cell] * 6, chrf=VALUES)).scorers == ["chrf"]
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    ("written", "value"),
    [("***", 3.0), ("*", 1.0), ("3.88 × 10^-3", 0.00388), ("2*10^2", 200.0), ("1.5x10-1", 0.15)],
)
def test_asterisks_and_powers_of_ten_are_numbers(written, value):
    rows = {"item": range(8), "system": "a", "human": range(8)}
    other = "**" if set(written) == {"*"} else "4 x 10^0"
    table = read(pd.DataFrame(rows | {"judge": [written, other] * 4}))
    assert table.scores["judge"].iloc[0] == pytest.approx(value)


def test_ranges_of_ratings_are_warned_of():
    rows = {"item": range(8), "system": "a", "human": range(8)}
    [warning] = read(pd.DataFrame(rows | {"judge": ["3-4", "2-3"] * 4, "m": range(8)})).warnings
    assert "judge excluded: its cells, such as '3-4', are not plain numbers" in warning
