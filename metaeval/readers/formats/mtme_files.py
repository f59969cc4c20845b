"""Score files of the mt-metrics-eval layout: their names and their lines."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from metaeval.core import MetaevalError, join_names
from metaeval.readers.columns.aliases import ROLES
from metaeval.readers.files import file_bytes

LEVELS = {"sys": "test set", "domain": "domain", "doc": "document", "seg": "segment"}

_CODE = "[a-z]{2,3}(?:_[A-Za-z]+)*"
_FILE = re.compile(r"(?P<stem>.+)\.(?P<level>sys|domain|doc|seg)\.score")
_HUMAN = re.compile(rf"(?P<pair>{_CODE}-{_CODE})\.(?P<name>.+)")


@dataclass(frozen=True)
class ScoreFile:
    """A score file and the parts of its name: scorer, level, language pair."""

    path: Path
    name: str
    level: str
    human: bool
    pair: str | None

    @property
    def reference(self) -> str:
        """The reference of a metric: the part of its name after the last hyphen."""
        return "src" if self.human or "-" not in self.name else self.name.rsplit("-", 1)[1]


def is_score_file(path: Path) -> bool:
    """Return whether a file has the name of a score file."""
    return _FILE.fullmatch(path.name) is not None


def matches_labels(name: str, labels: Collection[str] | None) -> bool:
    """Return whether names or patterns match a human score; None matches all."""
    return labels is None or any(fnmatch.fnmatchcase(name, label) for label in labels)


def file_of_pair(path: Path, pair: str, *, human: bool) -> ScoreFile | None:
    """Parse the name of a file of a folder with a known language pair; None for other files."""
    match = _FILE.fullmatch(path.name.removeprefix(f"{pair}.") if human else path.name)
    if match is None:
        return None
    _require_free(match["stem"], path)
    return ScoreFile(path, match["stem"], match["level"], human, pair)


def single_file(path: Path, labels: Collection[str] | None) -> ScoreFile:
    """Parse the name of a single file; `labels`, or else a language pair, make it a label."""
    match = _FILE.fullmatch(path.name)
    if match is None:
        raise MetaevalError(
            f"{path.name} is not the name of a score file; expected NAME-REF.LEVEL.score (a "
            "metric) or SRC-TGT.NAME.LEVEL.score (human scores) with LEVEL one of "
            f"{join_names(LEVELS)}. Rename it."
        )
    stem, level = match["stem"], match["level"]
    human = _HUMAN.fullmatch(stem)
    name = human["name"] if human else stem
    _require_free(name, path)
    is_label = human is not None if labels is None else matches_labels(name, labels)
    return ScoreFile(path, name, level, is_label, human["pair"] if human else None)


def _require_free(name: str, path: Path) -> None:
    """Raise if a scorer would have the name of a column of ids."""
    if name in (*ROLES, "domain"):
        raise MetaevalError(
            f"The scorer of {path.name} would be named {name!r}, which is also the name of an id "
            "column; rename the file to NAME-REF.LEVEL.score with a different NAME."
        )


def read_scores(file: ScoreFile) -> pd.Series:
    """Read the scores of a file, indexed by item and system."""
    lines = lines_of(file.path)
    rows = [_row(file, n, line.split()) for n, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise MetaevalError(
            f"{file.path.name} is empty; expected lines of the form `SYSTEM SCORE`."
        )
    frame = pd.DataFrame(rows, columns=["item", "system", "score"])
    if file.level == "sys":
        frame["item"] = "all"
    elif file.level != "domain":
        frame["item"] = frame.groupby("system").cumcount().astype(str)
    _require_even(frame, file)
    return frame.set_index(["item", "system"])["score"].rename(file.name)


def lines_of(path: Path) -> list[str]:
    """Read the lines of a UTF-8 file with any line ends; refuse other encodings and huge files."""
    file_bytes.require_file(path)
    file_bytes.scan(path, mark=b"\n", weight=1, max_cells=file_bytes.cells_that_fit(), by_line=True)
    with file_bytes.open_bytes(path) as file:
        text = file.read().decode("utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _row(file: ScoreFile, number: int, fields: list[str]) -> tuple[str, str, float]:
    expected = ("DOMAIN", "SYSTEM", "SCORE") if file.level == "domain" else ("SYSTEM", "SCORE")
    where = f"{file.path.name}, line {number}"
    if len(fields) != len(expected):
        raise MetaevalError(
            f"{where} has {len(fields)} fields; expected {' '.join(expected)}, delimited by spaces."
        )
    domain = fields[0] if file.level == "domain" else ""
    return domain, fields[-2], _number(fields[-1], where)


def _number(text: str, where: str) -> float:
    if text == "None":
        return float("nan")
    try:
        if "_" in text:  # Python reads 1_000 as a number, but no tool writes it
            raise ValueError
        value = float(text)
    except ValueError:
        raise MetaevalError(
            f"{where}: {text!r:.60} is not a number; write None for a missing score."
        ) from None
    if math.isinf(value):
        raise MetaevalError(f"{where}: {text!r:.60} is infinite; write None for a missing score.")
    return value


def _require_even(frame: pd.DataFrame, file: ScoreFile) -> None:
    """Raise unless all systems have the same number of scores, one for each item."""
    counts = frame["system"].value_counts()
    if counts.nunique() > 1:
        longest, shortest = counts.index[0], counts.index[-1]
        raise MetaevalError(
            f"{file.path.name}: {longest} has {counts.iloc[0]} scores, but {shortest} has "
            f"{counts.iloc[-1]}; every system needs one line per {LEVELS[file.level]}. Add lines "
            "`SYSTEM None` for missing scores."
        )
    repeated = frame[frame.duplicated(["item", "system"])]
    if len(repeated):
        first = repeated.iloc[0]
        raise MetaevalError(
            f"{file.path.name} scores {first['system']} twice at level {file.level!r} "
            f"(item {first['item']!r}); keep one line."
        )
