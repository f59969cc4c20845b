"""Files of other tools that this release does not read: how to tell them, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

from metaeval.core import MetaevalError

_TABLE = "Make a table of it with the columns item, system and one column per scorer"

_SIGNS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "the output of comet-score",
        re.compile(r"\A[^\t\n]+\tSegment \d+\tscore: "),
        f"{_TABLE}: its lines are system, segment and score, and the last line of each system is "
        "a mean, to be left out",
    ),
    (
        "the JSON output of comet-score",
        re.compile(r'\A\s*\{\s*"[^"]+"\s*:\s*\[\s*\{[^{}]*"mt"\s*:[^{}]*"COMET"\s*:'),
        f"{_TABLE}: a row for each system and segment, with its COMET",
    ),
    (
        "the output of sacrebleu -sl",
        re.compile(r'"signature"\s*:\s*"nrefs:'),
        f"{_TABLE}: a row for each segment, in the order of the source, with its score",
    ),
    (
        "an Inspect log",
        re.compile(r'\A\s*\{(?=.*"eval"\s*:\s*\{)(?=.*"(plan|results|samples)"\s*:)', re.DOTALL),
        f"{_TABLE}: a row for each of its samples (inspect_ai.analysis.samples_df makes one)",
    ),
)


def refuse_foreign(path: Path, head: str) -> None:
    """Raise if the beginning of a file is that of a tool whose files are not read."""
    for what, pattern, cure in _SIGNS:
        if pattern.search(head):
            raise MetaevalError(
                f"{path.name} looks like {what}, which this release does not read. {cure}."
            )
