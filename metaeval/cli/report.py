"""The command `report`: one HTML page, and its figures, tables and numbers as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metaeval.cli.group import say
from metaeval.cli.options import (
    READER_OPTIONS,
    Names,
    comparison_options,
    estimation_options,
    pop_statistics,
    quiet_option,
    read_table,
    reading_options,
)


@click.command()
@reading_options
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="Output folder."
)
@click.option(
    "--fits", type=Names(), default=[], help="Models to fit: accuracy,ties,calibration,raters."
)
@click.option(
    "--style",
    default="acl",
    show_default=True,
    help="Figure style: acl, neurips, icml, iclr, slides, ...",
)
@click.option(
    "--title", default="Comparison of scorers", show_default=True, help="Title of the page."
)
@estimation_options
@comparison_options
@quiet_option
def report(
    files: tuple[Path, ...],
    output: Path,
    fits: list[str],
    style: str,
    title: str,
    quiet: bool,
    debug: bool,
    **options: Any,
) -> None:
    """Write an HTML report on the scorers in FILES, with figures, tables and numbers as files."""
    from metaeval import reporting
    from metaeval.core import progress

    reading = {k: options.pop(k) for k in READER_OPTIONS}
    statistics = pop_statistics(options)
    with progress.hide_progress(quiet):
        table = read_table(files, reading | {"scorers": options["scorers"]})
        page = reporting.report(
            table, output, statistics, fits=fits, style=style, title=title, **options
        )
    say(f"Wrote {page}")
