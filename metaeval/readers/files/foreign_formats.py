"""Files of other tools that this release does not read, with advice."""

from __future__ import annotations

import re
from pathlib import Path

from metaeval.core import MetaevalError

_TABLE = "Convert it to a table with the columns item, system and one column per scorer"

_SIGNS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "the output of comet-score",
        re.compile(r"\A[^\t\n]+\tSegment \d+\tscore: "),
        f"{_TABLE}: each line contains a system, a segment and a score; drop the last line of each "
        "system, which contains its mean",
    ),
    (
        "the JSON output of comet-score",
        re.compile(r'\A\s*\{\s*"[^"]+"\s*:\s*\[\s*\{[^{}]*"mt"\s*:[^{}]*"COMET"\s*:'),
        f"{_TABLE}: one row per system and segment, with its COMET score",
    ),
    (
        "the output of sacrebleu -sl",
        re.compile(r'"signature"\s*:\s*"nrefs:'),
        f"{_TABLE}: one row per segment, in the order of the source file, with its score",
    ),
    (
        "an Inspect log",
        re.compile(r'\A\s*\{(?=.*"eval"\s*:\s*\{)(?=.*"(plan|results|samples)"\s*:)', re.DOTALL),
        f"{_TABLE}: one row per sample (see inspect_ai.analysis.samples_df)",
    ),
)


def refuse_foreign(path: Path, head: str) -> None:
    """Raise if a file begins like the output of a tool that is not supported."""
    for tool, pattern, advice in _SIGNS:
        if pattern.search(head):
            raise MetaevalError(
                f"{path.name} looks like {tool}, which this release does not read. {advice}."
            )
