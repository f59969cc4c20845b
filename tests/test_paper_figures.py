"""Every figure of the paper is made, its frame has its columns, and the README shows all."""

import importlib
import re

import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from metaeval import MetaevalError
from paper_figures import making, sizes, speed, worlds
from paper_figures.__main__ import main
from paper_figures.making import HERE, NAMES, PICTURES, make

COLUMNS = {
    "families": ["scorer", "estimate", "lower", "upper", "reference", "letters", "task"],
    "tie_policies": ["statistic", "scorer", "estimate", "rank", "rank_low", "rank_high"],
    "calibration": [
        "statistic",
        "scorer",
        "estimate",
        "lower",
        "upper",
        "expected_if_calibrated",
        "part",
    ],
    "gaps": ["part", "scorer", "task", "margin", "agreement", "lower", "upper"],
    "sizes": ["label", "rejected", "sets", "share", "lower", "upper", "null"],
    "listing_order": ["order", "scorer", "published", "mid_p"],
    "shrinkage": ["task", "scorer", "n_items", "raw", "raw_lower", "raw_upper", "pooled"],
    "thresholds": ["part", "scorer", "epsilon", "accuracy", "lower", "upper", "tie_rate"],
    "speed": ["row", "ours", "peer", "kind", "ratio", "ratio_of_medians", "scaled", "machine"],
}
README = (HERE / "README.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All figures, made of few items and resamples, without real data."""
    place = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("METAEVAL_DATA", raising=False)
        make([], place, quick=True)
    return place


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_written_with_its_frame_and_what_it_says(name, folder):
    assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    with Image.open(folder / f"{name}.png") as picture:
        # a column or a page of 300 dots per inch; older versions of Matplotlib round down
        assert picture.width in (908, 909, 1889, 1890)
    frame = pd.read_csv(folder / f"{name}.csv")
    assert list(frame.columns[: len(COLUMNS[name])]) == COLUMNS[name]
    assert len(frame) > 3
    assert (folder / f"{name}.txt").read_text().strip()


def test_nothing_else_is_written(folder):
    kinds = ("pdf", "png", "csv", "txt")
    assert {p.name for p in folder.iterdir()} == {f"{n}.{k}" for n in NAMES for k in kinds}


def test_mid_p_knows_no_order_and_the_published_form_does(folder):
    frame = pd.read_csv(folder / "listing_order.csv").groupby("scorer")
    assert (frame["mid_p"].nunique() == 1).all()
    assert (frame["published"].nunique() > 1).all()


def test_frames_hold_all_families_and_the_truth(folder):
    leaderboard = pd.read_csv(folder / "families.csv")
    assert set(leaderboard["task"]) == {"all", *worlds.TASKS}
    assert {name.split()[0] for name in leaderboard["scorer"]} == {"metric", "reward", "judge"}
    parts = pd.read_csv(folder / "thresholds.csv")["part"]
    assert set(parts) == {"curve", "in-sample", "cross-fitted", "posterior", "truth"}
    assert pd.read_csv(folder / "shrinkage.csv")["truth"].between(0.5, 1).all()


def test_tests_are_run_where_they_make_sense():
    alone, documents = sizes.NULLS
    assert ("sign-flip", "cluster") in documents.tests
    assert ("sign-flip", "cluster") not in alone.tests
    assert {"swap-systems", "bootstrap"} <= {test for test, _ in alone.tests}


def test_an_unknown_name_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(MetaevalError, match="There is no figure 'size'; there are families, "):
        make(["size"], tmp_path)
    result = CliRunner().invoke(main, ["size", "-o", str(tmp_path)])
    assert result.exit_code == 2
    assert "Did you mean 'sizes'?" in result.output


def test_a_folder_of_data_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("METAEVAL_DATA", str(tmp_path / "none"))
    with pytest.raises(MetaevalError, match="is not a folder"):
        make(["gaps"], tmp_path, quick=True)


def test_the_command_writes_one_figure(tmp_path):
    result = CliRunner().invoke(main, ["speed", "-o", str(tmp_path / "new")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "new" / "speed.pdf").is_file()


def test_small_pictures_are_copied_with_what_figures_say(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "PICTURES", tmp_path)
    making.copy_pictures(["speed"], folder)
    with Image.open(tmp_path / "speed.png") as picture:
        assert picture.width == 756
    assert (tmp_path / "speed.txt").read_text() == (folder / "speed.txt").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_shows_every_figure_and_the_numbers_that_it_printed(name):
    assert f"](images/{name}.png)" in README
    assert f"python -m paper_figures {name}\n" in README
    assert (PICTURES / f"{name}.png").stat().st_size < 60_000
    assert f"```text\n{(PICTURES / f'{name}.txt').read_text()}```" in README


def test_the_readme_has_no_other_numbers():
    words = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    printed = "".join((PICTURES / f"{name}.txt").read_text() for name in NAMES)
    for number in re.findall(r"\d+\.\d+", words):
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", printed), number


def test_the_picture_of_speed_is_of_the_kept_rows(folder):
    assert (folder / "speed.txt").read_text() == (PICTURES / "speed.txt").read_text()
    assert set(speed.ratios()["kind"]) == {speed.TOOL, speed.LOOP, speed.BARE}


def test_every_module_says_what_it_shows():
    for name in NAMES:
        module = importlib.import_module(f"paper_figures.{name}")
        assert module.__doc__ and module.draw.__doc__
