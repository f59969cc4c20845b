"""What the command line prints."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd

from metaeval.export import (
    equivalent_line,
    league_texts,
    precision_line,
    separated_line,
    tables_of,
)
from metaeval.result import Result


def as_text(result: Result) -> str:
    """Return warnings, counts, every league table with what was separated, and the signature."""
    lines = [*result.meta["warnings"], *result.meta["notes"]]
    titles = tables_of(result)
    for title, name, task in titles:
        if len(titles) > 1:
            lines += ["", title]
        lines.append(plain_table(league_texts(result, name, task)))
        said = [separated_line(result, name, task), equivalent_line(result, name, task)]
        lines += [line for line in said if line]
    return "\n".join([*lines, "", precision_line(result), result.signature]).replace(
        "\n\n\n", "\n\n"
    )


def plain_table(frame: pd.DataFrame) -> str:
    """Return a frame as an aligned table; names are shown as they are, control characters not."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_edge=False)
    for name in frame.columns:
        left = not pd.api.types.is_numeric_dtype(frame[name].dtype) and name in (
            "scorer",
            "name",
            "kind",
        )
        table.add_column(Text(str(name)), justify="left" if left else "right", no_wrap=True)
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(_cell(value)) for value in row))
    out = io.StringIO()
    Console(file=out, width=10_000, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _cell(value: Any) -> str:
    return printable(f"{value:.6g}" if isinstance(value, float) else str(value))


def printable(text: str) -> str:
    """Text whose control characters are shown by their number."""
    return "".join(c if c.isprintable() else f"[U+{ord(c):04X}]" for c in text)
