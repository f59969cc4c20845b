"""Every command and every snippet of the README and the docs runs as printed."""

import contextlib
import io
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from external import data
from printed import assert_close

import metaeval as me
from metaeval.cli import cli

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md")), *(ROOT / "docs").glob("*.md")]
)
DRAWN = "bayes.md"  # numbers that Markov chains draw, alike but not the same everywhere
FIXTURES = Path(__file__).parent / "data"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the pages speak of."""
    table = me.load_example()
    long = table.to_frame()
    long[long["scorer"] != "human"].to_csv(tmp_path / "scores.csv", index=False)
    human = long[long["scorer"] == "human"].rename(columns={"scorer": "rater", "score": "label"})
    human.assign(rater="mqm").to_csv(tmp_path / "human.csv", index=False)
    shutil.copytree(FIXTURES / "mtme" / "tiny", tmp_path / "wmt-folder")
    shutil.copy(FIXTURES / "mtme" / "New-refA.seg.score", tmp_path / "new-metric-refA.seg.score")
    for name in "ab":
        shutil.copy(FIXTURES / "rewardbench" / f"rm-{name}.json", tmp_path / f"reward-{name}.json")
    shutil.copy(FIXTURES / "votes" / "votes.csv", tmp_path / "votes.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands():
    """Each command, and the first page that has it."""
    found = {}
    for page in PAGES:
        for line in page.read_text().splitlines():
            if line.strip().startswith("$ metaeval "):
                found.setdefault(line.strip().removeprefix("$ "), page.name)
    assert len(found) >= 4
    return [(page, command) for command, page in found.items()]


@pytest.mark.parametrize(("page", "command"), commands())
def test_every_command_runs(page, command, folder):
    few = {name: {"n_resamples": 200} for name in ("compare", "evaluate", "gate", "report")}
    result = CliRunner().invoke(cli, shlex.split(command)[1:], default_map=few)
    assert result.exit_code == 0, result.output


def blocks(page):
    """Python blocks of a page, each with the text block that follows it."""
    parts = re.findall(r"```(python|text)\n(.*?)```", page.read_text(), re.DOTALL)
    for i, (kind, code) in enumerate(parts):
        if kind == "python":
            shown = parts[i + 1][1] if i + 1 < len(parts) and parts[i + 1][0] == "text" else None
            yield code, shown


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=pytest.mark.slow if p.name == DRAWN else ()) for p in PAGES],
    ids=lambda page: page.name,
)
def test_every_snippet_prints_what_the_page_shows(page, folder, request):
    if "METAEVAL_DATA" in page.read_text():
        data("rewardmath")
    names = {}
    request.addfinalizer(close_figures)
    for code, shown in blocks(page):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, page.name, "exec"), names)
        if shown is not None and page.name == DRAWN:
            assert_close(out.getvalue(), shown)
        elif shown is not None:
            assert out.getvalue().strip() == shown.strip()


def close_figures():
    import matplotlib.pyplot as plt

    plt.close("all")


def test_pages_of_draws_are_compared_with_some_room_only():
    assert_close("a 1.02 [0.9, 1.1]", "a 1.00   [0.9, 1.1]")
    for wrong in ("b 1.00", "a 1.10", "a -1.00", "a 1.00 2"):
        with pytest.raises(AssertionError):
            assert_close(wrong, "a 1.00")


def test_the_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert "$ pip install . && metaeval demo" in text
    assert '$ pip install -e ".[test]" && pytest' in text
    assert len(text.splitlines()) < 120
