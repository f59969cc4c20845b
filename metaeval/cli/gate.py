"""The command `gate`: an exit code that tells whether a new scorer passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metaeval.cli.group import say
from metaeval.cli.options import (
    READER_OPTIONS,
    interval_options,
    pop_statistics,
    quiet_option,
    read_table,
    reading_options,
    statistic_options,
)
from metaeval.core import MetaevalError


@click.command()
@reading_options
@statistic_options
@click.option("--new", required=True, help="New scorer.")
@click.option("--baseline", required=True, help="Scorer that the new one is compared with.")
@click.option("--superiority-margin", type=float, default=0.0, help="Gain that must be exceeded.")
@click.option("--non-inferiority-margin", type=float, help="Largest acceptable loss.")
@click.option("--label", help="Label to use, if there are several.")
@click.option("--by", help="Column of equally weighted strata, such as task.")
@click.option("--resample", help="Resampling units: item, cluster or task.")
@click.option("--missing", help="Policy for missing scores: common, error, count_as_wrong.")
@interval_options
@quiet_option
def gate(files: tuple[Path, ...], quiet: bool, debug: bool, **options: Any) -> None:
    """Exit with 0 if --new beats --baseline by more than the margin, 1 if not, 3 if undecided.

    These codes have no other meaning: 2 is for unusable data and options, 74 for a full or closed
    standard output, 130 for Ctrl-C, 70 for an internal error.
    """
    from metaeval.core import progress
    from metaeval.planning import ci_gate

    reading = {k: options.pop(k) for k in READER_OPTIONS}
    statistics = pop_statistics(options)
    if statistics is not None and len(statistics) > 1:
        raise MetaevalError(
            f"gate needs one statistic, got {len(statistics)}; name one with --statistic."
        )
    statistic = statistics[0] if statistics else None
    with progress.hide_progress(quiet):
        table = read_table(files, reading)
        verdict = ci_gate.gate(table, statistic, **options)
    for line in (*verdict.notes, verdict.sentence()):
        say(line)
    say(verdict.result.signature)
    click.get_current_context().exit(verdict.code)
