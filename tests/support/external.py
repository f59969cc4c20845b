"""Data that are not in the repository: real score files, and values that other tools returned."""

import json
import os
from pathlib import Path

import pytest


def folder(variable: str) -> Path:
    """The folder named by an environment variable; the test is skipped where it is not set."""
    place = os.environ.get(variable)
    if not place:
        pytest.skip(f"{variable} is not set: it names a folder outside the repository")
    return Path(place)


def data(name: str) -> Path:
    return folder("METAEVAL_DATA") / name


def reference(name: str) -> dict:
    return json.loads((folder("METAEVAL_REFERENCE") / f"{name}.json").read_text())


def case(name: str) -> Path:
    return folder("METAEVAL_CASES") / name
