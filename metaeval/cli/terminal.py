"""Results as text for the terminal."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd

from metaeval.core import printable
from metaeval.results import (
    Result,
    equivalent_line,
    leaderboard_cells,
    letters_line,
    precision_line,
    significant_line,
    tables_of,
)


def as_text(result: Result) -> str:
    """Return warnings, notes, all leaderboards with significant differences, and the signature."""
    lines = [printable(line) for line in (*result.meta.warnings, *result.meta.notes)]
    titles = tables_of(result)
    for title, name, task in titles:
        if len(titles) > 1:
            lines += ["", printable(title)]
        lines.append(plain_table(leaderboard_cells(result, name, task)))
        below = [letters_line(result, name, task), significant_line(result, name, task)]
        below.append(equivalent_line(result, name, task))
        lines += [printable(line) for line in below if line]
    return "\n".join([*lines, "", precision_line(result), printable(result.signature)]).replace(
        "\n\n\n", "\n\n"
    )


def plain_table(frame: pd.DataFrame) -> str:
    """Return a frame as an aligned table without markup; control characters are escaped."""
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
        table.add_column(Text(printable(name)), justify="left" if left else "right", no_wrap=True)
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(_cell(value)) for value in row))
    out = io.StringIO()
    # Wide enough for any table: rich would otherwise truncate cells to the width of the terminal.
    Console(file=out, width=10_000, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _cell(value: Any) -> str:
    return printable(f"{value:.6g}" if isinstance(value, float) else str(value))
