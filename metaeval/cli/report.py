"""The command `report`: one HTML page, and its figures, tables and numbers as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metaeval.cli.group import say
from metaeval.cli.options import (
    READER_OPTIONS,
    Names,
    chosen_statistics,
    read_table,
    reading_options,
    statistic_options,
)


@click.command()
@reading_options
@statistic_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder.")
@click.option("--fits", type=Names(), default=[], help="Models: accuracy,ties,calibration,raters.")
@click.option("--style", default="acl", show_default=True, help="neurips, icml, iclr, slides, ...")
@click.option("--title", default="Scorers compared", show_default=True)
@click.option("--label", help="Which label column, where there are several.")
@click.option("--by", help="Column to report by, such as task.")
@click.option("--resample", help="What is resampled: item, cluster, task or item,system.")
@click.option("--missing", help="Missing scores: common, pairwise, error, wrong.")
@click.option("--test", default="sign-flip", show_default=True, help="sign-flip, bootstrap, ...")
@click.option("--correction", default="maxt", show_default=True, help="maxt, holm, bh, by, none.")
@click.option("--margin", type=float, help="Differences below it do not matter: adds TOST.")
@click.option("--interval", default="bca", show_default=True, help="bca, bootstrap-t, t, ...")
@click.option("--confidence", type=float, default=0.95, show_default=True)
@click.option("--n-resamples", type=int, default=10_000, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--scorers", type=Names(), help="Only these scorers.")
@click.option("--baseline", help="Compare all others with this scorer.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
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
    """One HTML page on the scorers in FILES, with figures, tables and numbers as files."""
    from metaeval import reporting
    from metaeval.core import progress

    reading = {k: options.pop(k) for k in READER_OPTIONS}
    statistics = chosen_statistics(options)
    with progress.shown(not quiet):
        table = read_table(files, reading | {"scorers": options["scorers"]})
        page = reporting.report(
            table, output, statistics, fits=fits, style=style, title=title, **options
        )
    say(f"Wrote {page}")
