"""The command `gate`: an exit code that says whether a new scorer passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metaeval.cli.group import say
from metaeval.cli.options import (
    READER_OPTIONS,
    chosen_statistics,
    interval_options,
    quiet_option,
    read_table,
    reading_options,
    statistic_options,
)
from metaeval.core import MetaevalError


@click.command()
@reading_options
@statistic_options
@click.option("--new", required=True, help="The scorer that is to pass.")
@click.option("--baseline", required=True, help="The scorer that it is compared with.")
@click.option("--margin", type=float, default=0.0, show_default=True, help="Gain to exceed.")
@click.option("--non-inferior", is_flag=True, help="Worse by less than --margin is enough.")
@click.option("--label", help="Which label column, where there are several.")
@click.option("--by", help="Column whose values count equally, such as task.")
@click.option("--resample", help="What is resampled: item, cluster or task.")
@click.option("--missing", help="Missing scores: common, error, count_as_wrong.")
@interval_options
@quiet_option
def gate(files: tuple[Path, ...], quiet: bool, debug: bool, **options: Any) -> None:
    """Exit 0 if --new is better than --baseline by more than --margin, 1 if not, 3 if open.

    No other end has these codes: 2 is for data and options that are not usable, 74 for a standard
    output that is full or closed, 130 for Ctrl-C, 70 for a fault of the program.
    """
    from metaeval.core import progress
    from metaeval.planning import ci_gate

    reading = {k: options.pop(k) for k in READER_OPTIONS}
    statistics = chosen_statistics(options)
    if statistics is not None and len(statistics) > 1:
        raise MetaevalError("A gate takes one statistic; name one with --statistic.")
    statistic = statistics[0] if statistics else None
    with progress.show_progress(not quiet):
        table = read_table(files, reading)
        found = ci_gate.gate(table, statistic, **options)
    for line in (*found.notes, found.sentence()):
        say(line)
    say(found.result.signature)
    click.get_current_context().exit(found.code)
