"""The command line as its users meet it: output, exit codes, and errors that say what to do."""

import csv
import gzip
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import metaeval as me
from metaeval.cli import cli, demo
from metaeval.reporting import sections
from metaeval.reporting.parts import Section


def run(*args, code=0):
    """Output of a command; the exit code is checked."""
    result = CliRunner().invoke(cli, [str(a) for a in args])
    assert result.exit_code == code, (result.exit_code, result.output, result.exception)
    return result.output


@pytest.fixture
def scores(tmp_path):
    table = me.load_example()
    table.to_frame().to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path / "scores.csv"


LONG = ("--labels", "human", "--n-resamples", "200")


def test_compare_prints_what_a_reader_needs(scores):
    text = run("compare", scores, *LONG)
    lines = text.splitlines()
    assert "80 items x 6 systems" in text
    assert "default for ratings: tie_calibrated_accuracy(n_folds=20)" in text
    assert "resample: cluster" in text
    assert any(line.startswith("significant after max-T") for line in lines)
    assert "system_accuracy" in text
    assert lines[-1].startswith(
        f"metaeval:{me.__version__}|compare|tie_calibrated_accuracy(n_folds=20)|"
    )
    assert "Monte Carlo error of p" in text


def test_every_output_format(scores, tmp_path):
    data = json.loads(run("compare", scores, *LONG, "--output-format", "json"))
    assert data["schema"] == "metaeval.result/1" and data["kind"] == "compare"
    rows = list(
        csv.DictReader(run("compare", scores, *LONG, "--output-format", "csv").splitlines()[-30:])
    )
    assert len(rows) == 29
    assert "| scorer |" in run("compare", scores, *LONG, "--output-format", "markdown")
    assert r"\toprule" in run("compare", scores, *LONG, "--output-format", "latex")
    out = tmp_path / "result.json"
    assert run("compare", scores, *LONG, "--output-format", "json", "-o", out) == ""
    text = out.read_text()
    assert me.Result.from_json(text).to_json() == text


def test_evaluate_gives_own_values_only(scores):
    data = json.loads(run("evaluate", scores, *LONG, "--output-format", "json"))
    assert data["kind"] == "evaluate"
    assert all(row["baseline"] is None for row in data["rows"])


def test_statistics_by_name_with_arguments(scores):
    chosen = "kendall(variant=b),pairwise_accuracy"
    text = run("compare", scores, *LONG, "--statistic", chosen, "--by", "task")
    assert "kendall(variant=b), macro mean over task" in text
    assert "pairwise_accuracy(ties=acc-eq), news" in text


def test_the_same_bytes_for_any_order_of_files_rows_and_scorers(scores, tmp_path):
    frame = pd.read_csv(scores, dtype=str)
    human = frame[frame["scorer"] == "human"].sample(frac=1, random_state=1)
    rest = frame[frame["scorer"] != "human"].sample(frac=1, random_state=2)
    human.to_csv(tmp_path / "a.csv", index=False)
    rest.to_csv(tmp_path / "b.csv", index=False)
    json_of = ["--output-format", "json", *LONG]
    one = run("compare", scores, *json_of)
    assert run("compare", tmp_path / "a.csv", tmp_path / "b.csv", *json_of) == one
    assert run("compare", tmp_path / "b.csv", tmp_path / "a.csv", *json_of) == one
    assert run("compare", scores, *json_of, "--seed", "1") != one


def test_inspect_reports_and_converts(scores, tmp_path):
    out = tmp_path / "tidy.csv"
    text = run("check", scores, "--labels", "human", "--write", out)
    assert "tidy" in text and "80 items" in text and "tied_pairs" in text
    assert me.read(out, labels="human").fingerprint == me.read(scores, labels="human").fingerprint


def test_demo_shows_truth_beside_estimates_and_writes_files(tmp_path, monkeypatch):
    monkeypatch.setitem(demo.QUICK, "n_resamples", 200)
    for name in ("matrix", "ties", "calibration"):  # their figures take time
        monkeypatch.setattr(sections, name, lambda _: Section("none", "None"))
    out = tmp_path / "demo"
    text = run("demo", "--quick", "-o", out)
    assert "truth" in text and "intervals for scorers" in text
    assert sorted(p.name for p in out.iterdir()) == [
        "figures",
        "leaderboard.md",
        "leaderboard.tex",
        "report.html",
        "result.csv",
        "result.json",
        "scores.csv",
    ]
    assert f"Report: {out / 'report.html'}" in text
    again = run(
        "compare", out / "scores.csv", "--labels", "human1,human2", "--average-raters", *LONG[2:]
    )
    assert "mean of 2 raters" in again


def frame(**columns):
    return pd.DataFrame({"item": [1, 1, 2, 2], "system": ["a", "b"] * 2, **columns})


GOOD = {"human": [1, 2, 2, 1], "m1": [0.1, 0.2, 0.3, 0.1], "m2": [0.3, 0.1, 0.2, 0.2]}


def refused(*args):
    """The one sentence of a refusal: exit code 2, no traceback."""
    text = run(*args, code=2)
    assert text.startswith("Error: ") or "Usage" in text
    assert "Traceback" not in text
    return text


BAD_TABLES = {
    "missing column, near miss named": (
        frame(**GOOD).rename(columns={"item": "itme"}),
        [],
        r"Did you mean 'itme'\?|itme",
    ),
    "duplicate keys": (pd.concat([frame(**GOOD)] * 2), [], "1.*a.*remove the duplicates"),
    "non-numeric scores": (
        frame(**GOOD | {"m1": ["0.1", "high", "0.3", "0.1"]}),
        ["--scorers", "m1,m2"],
        "'high'",
    ),
    "infinite score": (frame(**GOOD | {"m1": [0.1, np.inf, 0.3, 0.1]}), [], "infinite"),
    "all labels missing": (frame(**GOOD | {"human": [np.nan] * 4}), [], "missing; choose another"),
    "one scorer": (
        frame(human=GOOD["human"], m1=GOOD["m1"]),
        [],
        "compare needs at least two scorers",
    ),
    "one item": (frame(**GOOD).head(2), [], "needs at least 2 items, got 1"),
    "one response per item": (
        frame(**GOOD).drop_duplicates("item"),
        ["--statistic", "pairwise_accuracy"],
        "No item has two responses.*grouping='none'",
    ),
    "no labels": (frame(m1=GOOD["m1"], m2=GOOD["m2"]), [], "no labels; name the label columns"),
    "unknown scorer": (frame(**GOOD), ["--scorers", "m1,m3"], "no scorer 'm3'.*m1, m2"),
    "unknown baseline": (frame(**GOOD), ["--baseline", "m3"], "'m3'"),
    "unknown label": (frame(**GOOD), ["--label", "humann"], "Did you mean 'human'"),
    "unknown statistic": (frame(**GOOD), ["--statistic", "kendal"], "Did you mean 'kendall'"),
    "unknown argument": (
        frame(**GOOD),
        ["--statistic", "kendall(variants=b)"],
        "Did you mean 'variant'",
    ),
    "unknown test": (frame(**GOOD), ["--test", "sign-flips"], "Did you mean 'sign-flip'"),
    "unknown correction": (frame(**GOOD), ["--correction", "bonferroni"], "'maxt', 'holm'"),
    "unknown interval": (frame(**GOOD), ["--interval", "wald"], "'bootstrap-t'"),
    "unknown weights": (frame(**GOOD), ["--weights", "bayes"], "'exponential'"),
    "unknown alternative": (frame(**GOOD), ["--alternative", "up"], "'greater'"),
    "margin below 0": (
        frame(**GOOD),
        ["--equivalence-margin", "-0.01"],
        "equivalence_margin=-0.01 must be a nonnegative number",
    ),
    "stop at once": (frame(**GOOD), ["--stop-after-exceedances", "1"], "at least 5"),
    "mcnemar on correlations": (
        frame(**GOOD),
        ["--test", "mcnemar", "--statistic", "pearson"],
        "one binary verdict",
    ),
    "random without systems": (
        frame(**GOOD).drop(columns="system").assign(response=list("abab")),
        ["--resample", "item,system"],
        "column 'system'",
    ),
    "no cluster column": (frame(**GOOD), ["--resample", "cluster"], "needs a column 'cluster'"),
    "too few resamples": (frame(**GOOD), ["--n-resamples", "10"], "at least 100"),
    "confidence over 1": (frame(**GOOD), ["--confidence", "95"], "between 0 and 1"),
    "contradiction: baseline left out": (
        frame(**GOOD),
        ["--scorers", "m1", "--baseline", "m2"],
        "not among --scorers",
    ),
    "contradiction: ordered scores": (frame(**GOOD), ["--ordered"], "ordered"),
    "ties without a statistic": (frame(**GOOD), ["--ties", "half"], "add --statistic"),
    "wrong only for accuracies": (
        frame(**GOOD),
        ["--statistic", "pearson", "--missing", "count_as_wrong"],
        "missing='common'",
    ),
    "missing refused": (
        frame(**GOOD | {"m1": [0.1, np.nan, 0.3, 0.1]}),
        ["--missing", "error"],
        "m1",
    ),
    "weights": (frame(**GOOD, weight=[1, 1, 2, 2]), [], "weight"),
    "by a column of responses": (frame(**GOOD), ["--by", "system"], "constant within each item"),
    "config": (frame(**GOOD), ["--config", "x.yaml"], "no configuration files"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_input_gives_one_sentence_and_writes_nothing(case, tmp_path):
    import re

    table, options, message = BAD_TABLES[case]
    table.to_csv(tmp_path / "t.csv", index=False)
    out = tmp_path / "out.json"
    text = refused("compare", tmp_path / "t.csv", *options, "-o", out)
    assert re.search(message, " ".join(text.split())), text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv"]


def test_files_that_are_none(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("item,system,human,m\n")
    (tmp_path / "junk.csv").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "folder").mkdir()
    for name, message in {
        "empty.csv": "empty",
        "header.csv": "no rows",
        "junk.csv": "binary",
        "folder": "folder",
        "nothing.csv": "nothing.csv",
    }.items():
        for command in ("check", "compare"):
            assert message in refused(command, tmp_path / name)


def test_files_without_overlap(tmp_path):
    frame(m1=GOOD["m1"], m2=GOOD["m2"]).to_csv(tmp_path / "s.csv", index=False)
    other = frame(human=GOOD["human"]).assign(item=["x1", "x1", "x2", "x2"])
    other.to_csv(tmp_path / "h.csv", index=False)
    text = " ".join(refused("compare", tmp_path / "s.csv", tmp_path / "h.csv").split())
    assert "share no rows" in text and "'x1'" in text


def test_a_file_far_larger_than_memory_is_refused_while_counting(tmp_path):
    block = b"1,a,0.5,0.5,1\n" * 100_000
    with gzip.open(tmp_path / "big.csv.gz", "wb", compresslevel=1) as file:
        file.write(b"item,system,m1,m2,human\n")
        for _ in range(410):  # 2.05e8 cells, half a gigabyte of text
            file.write(block)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30));"
        "from metaeval.__main__ import main;"
        "sys.argv = ['metaeval', 'compare', sys.argv[1]]; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "big.csv.gz")], capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert "cells" in done.stderr and "Traceback" not in done.stderr


def test_debug_shows_the_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "metaeval", "check", str(tmp_path / "no.csv"), "--debug"],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0 and "Traceback" in done.stderr


def test_output_to_a_place_that_is_none(scores, tmp_path):
    text = refused("compare", scores, *LONG, "-o", tmp_path / "no" / "out.txt")
    assert "Cannot write" in text and not (tmp_path / "no").exists()


def test_names_that_are_markup_are_shown_as_text(tmp_path):
    odd = {
        "<script>alert(1)</script>": [1, 2, 3, 4],
        "a_b%&$\\": [4, 3, 1, 2],
        "[red]x[/red]": [1, 1, 2, 2],
    }
    frame(human=[1, 2, 2, 1], **odd).to_csv(tmp_path / "t.csv", index=False)
    base = (
        "compare",
        tmp_path / "t.csv",
        "--statistic",
        "pairwise_accuracy",
        "--n-resamples",
        "100",
    )
    text = run(*base)
    assert all(name in text for name in odd)
    assert "<script>" not in run(*base, "--output-format", "markdown").replace("\\", "")
    latex = run(*base, "--output-format", "latex").split("\\begin{tabular}")[1]
    assert r"a\_b\%\&\$\textbackslash{}" in latex and "<script>" not in latex
    table = me.read(tmp_path / "t.csv")
    result = me.compare(table, me.statistics.pairwise_accuracy(), n_resamples=100)
    assert "<script>" not in result.to_html() and "<script>" not in table._repr_html_()


def test_two_reward_files_and_a_folder_with_a_new_metric_take_one_command():
    fixtures = Path(__file__).parents[1] / "data"
    text = run(
        "compare",
        fixtures / "rewardbench/rm-a.json",
        fixtures / "rewardbench/rm-b.json",
        "--n-resamples",
        "200",
    )
    assert "default for correctness labels of candidates: best_of_n(ties=strict)" in text
    text = run(
        "compare",
        fixtures / "mtme/tiny",
        fixtures / "mtme/New-refA.seg.score",
        "--label",
        "mqm",
        "--n-resamples",
        "200",
    )
    assert "New-refA" in text and "resample: cluster" in text


@pytest.mark.parametrize("module", ["jax", "pandas"])
def test_help_is_light(module):
    code = (
        "import sys; from click.testing import CliRunner; from metaeval.cli.main import cli;"
        f"CliRunner().invoke(cli, ['compare', '--help']); print({module!r} in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def seconds(*command):
    """CPU time of a command, which other work on the machine does not change much."""
    quiet = os.environ | {"PYTHONWARNINGS": "ignore"}

    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    subprocess.run(command, check=True, capture_output=True, env=quiet)
    return spent() - before


def takes_at_most(times, command, other):
    """Whether a command takes so many times as long as another; both run again if it does not."""
    spent, of_other = [], []
    for _ in range(2):
        spent.append(seconds(*command))
        of_other.append(seconds(*other))
        if min(spent) <= times * min(of_other):
            return True
    return False


def test_start_up_against_pandas_in_the_same_run():
    pandas = (sys.executable, "-c", "import pandas")
    assert takes_at_most(1.4, (sys.executable, "-c", "import metaeval"), pandas)
    assert takes_at_most(2.8, (sys.executable, "-m", "metaeval", "--help"), pandas)


def test_compare_against_inspect_and_inspect_against_reading_in_the_same_run():
    from external import data

    files = [str(data("wmt21-enru-news") / f"{name}.parquet") for name in ("scores", "human")]
    # Older versions of PyArrow abort at times when the interpreter exits after reading.
    script = f"import os, pandas; [pandas.read_parquet(f) for f in {files!r}]; os._exit(0)"
    reading = (sys.executable, "-c", script)
    check = (sys.executable, "-m", "metaeval", "check", *files)
    compare = (sys.executable, "-m", "metaeval", "compare", *files, "--label", "mqm")
    assert takes_at_most(4, check, reading)
    assert takes_at_most(4, (*compare, "--statistic", "pairwise_accuracy"), check)


@pytest.fixture(scope="module")
def tied(tmp_path_factory):
    """A small table of ratings with two scorers, whose fits are quick."""
    path = tmp_path_factory.mktemp("fit") / "tied.csv"
    table = me.load_example().keep_scorers(["judge", "reward"])
    table.to_frame().to_csv(path, index=False)
    return path


def test_fit_prints_a_posterior_and_keeps_it(tied, tmp_path):
    from metaeval import bayes

    kept = tmp_path / "posterior.nc"
    more = ("--model", "accuracy", "--save", kept, "--quiet")
    text = run("fit", tied, "--labels", "human", *more)
    assert "posterior of accuracy(" in text and "(new task)" in text
    assert "probably better (probability >= .975)" in text
    assert bayes.summarize(bayes.load(kept), "accuracy").row("judge")["n_items"] == 80


def test_fit_gives_json_of_one_quantity(tied):
    asked = ("fit", tied, "--labels", "human", "--model", "calibration", "--output-format", "json")
    more = ("--quantity", "gap", "--agreement", "0.8", "--no-check", "--n-draws", "100", "--quiet")
    found = me.Result.from_json(run(*asked, *more))
    assert found.statistics == ["gap(agreement=0.8)"]
    assert set(found.frame["status"]) == {"failed check"}
    assert "JSON output is limited to one quantity" in one_line(run(*asked, code=2))


def one_line(text):
    """What was said, in one line."""
    lines = text.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--model", "raters"), "needs at least two raters, got human"),
        (("--model", "ties", "--agreement", "0.9"), "--quantity gap"),
        (("--model", "accuracy", "--form", "davidson"), "--form does not apply to"),
        (("--model", "accuracy", "--statistic", "pearson"), "needs exactly one accuracy"),
        (("--model", "ties", "--n-chains", "0"), "n_chains=0"),
    ],
)
def test_fit_refuses_nonsense_in_one_sentence(tied, more, said):
    assert said in one_line(run("fit", tied, "--labels", "human", *more, "--quiet", code=2))


def test_an_interrupted_fit_is_one_sentence_and_writes_nothing(tied, tmp_path, monkeypatch):
    from metaeval.bayes.sampling import nuts

    def interrupted(work, total, what):
        raise KeyboardInterrupt

    monkeypatch.setattr(nuts, "with_progress", interrupted)
    kept = tmp_path / "posterior.nc"
    more = ("--model", "accuracy", "--save", kept)
    text = run("fit", tied, "--labels", "human", *more, code=130)
    assert "Interrupted; no file was written." in one_line(text)
    assert not list(tmp_path.iterdir())


def test_a_written_table_reads_back_the_same_and_formulas_are_named(tmp_path):
    odd = {"=1+1": [1, 2, 3, 4], "-m": [4, 3, 1, 2], "@x": [1, 1, 2, 2]}
    table = frame(human=[1, 2, 2, 1], **odd).assign(system=["+a", "-b"] * 2)
    table.to_csv(tmp_path / "t.csv", index=False)
    asked = ["--labels", "human"]
    text = run("check", tmp_path / "t.csv", *asked, "--write", tmp_path / "out.csv")
    assert "spreadsheets may interpret this as a formula" in text and "'+a', '-b'" in text
    one, other = (me.read_scores(tmp_path / n, labels="human") for n in ("t.csv", "out.csv"))
    assert one.fingerprint == other.fingerprint and set(odd) == set(other.scorers)
    result = run("compare", tmp_path / "t.csv", *asked, *LONG[2:], "--output-format", "csv")
    assert "'=1+1" in result and "'@x" in result


def test_hidden_characters_are_shown_by_number_in_every_line(tmp_path):
    odd = {"red\x1b[31m": [1, 2, 3, 4], "left\u202e": [4, 3, 1, 2], "same": [4, 3, 1, 2]}
    frame(human=[1, 2, 2, 1], **odd).to_csv(tmp_path / "t\x1b[32m.csv", index=False)
    path = tmp_path / "t\x1b[32m.csv"
    few = ["--n-resamples", "100"]
    for text in (
        run("check", path, "--labels", "human"),
        run("compare", path, "--labels", "human", *few),
        refused("compare", path, "--labels", "human", "--scorers", "no\x07pe,same"),
        refused("compare", path, "--labels", "human", "--statistic", "x\x1b[0m"),
    ):
        assert "\x1b" not in text and "\u202e" not in text and "\x07" not in text
