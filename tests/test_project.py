"""The files about the project agree with the package: one version, and pages that are not stale."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import metaeval

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def citation(field):
    """A field of CITATION.cff that is written on one line."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    return re.findall(rf'^{field}: "?([^"\n]*)"?$', text, re.MULTILINE)


def test_the_version_is_written_in_one_module():
    quoted = re.compile(rf"""["']{re.escape(metaeval.__version__)}["']""")
    files = [path for path in (ROOT / "metaeval").rglob("*.py") if quoted.search(path.read_text())]
    assert files == [ROOT / "metaeval" / "version.py"]


def test_the_build_takes_the_version_from_that_module():
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "metaeval/version.py"
    assert version("metaeval") == metaeval.__version__  # if not: install it again


def test_the_citation_agrees_with_the_package():
    assert citation("version") == [metaeval.__version__]
    assert citation("license") == [PYPROJECT["project"]["license"]]
    assert f'"metaeval {metaeval.__version__}"' in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_page_of_the_architecture_names_every_folder():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packed = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    folders = [name for name in packed if (ROOT / name).is_dir()]
    assert sorted(re.findall(r"^\| `(\w+)/` \|", page, re.MULTILINE)) == sorted(folders)


def test_pages_for_contributors_are_short():
    for page, most in (("docs/architecture.md", 150), ("CONTRIBUTING.md", 160)):
        assert len((ROOT / page).read_text(encoding="utf-8").splitlines()) < most
