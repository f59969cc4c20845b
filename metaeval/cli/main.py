"""The command line: demo, check, evaluate, compare, fit, gate, report."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from metaeval.cli.fit import fit
from metaeval.cli.gate import gate
from metaeval.cli.group import TABLE, Group, say
from metaeval.cli.options import (
    READER_OPTIONS,
    Names,
    comparison_options,
    estimation_options,
    output_options,
    pop_statistics,
    read_table,
    reading_options,
    render_result,
    write_result,
    write_text,
)
from metaeval.cli.report import report
from metaeval.core import MetaevalError, check_writable, join_names


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="metaeval")
def cli() -> None:
    """Evaluate scorers of language-model outputs: metrics, reward models, LLM judges."""


@cli.command()
@reading_options
@click.option("--scorers", type=Names(), help="Scorers to include; by default all.")
@click.option(
    "--write", type=click.Path(path_type=Path), help="Write the table to a tidy CSV file."
)
def check(files: tuple[Path, ...], write: Path | None, debug: bool, **options: Any) -> None:
    """Recognize, validate and align FILES; report what was found."""
    from metaeval.readers import recognize

    table = read_table(files, options)
    for line in table.alignment.warnings:
        say(f"Warning: {line}")
    click.get_current_context().meta.pop(TABLE)  # its warnings are printed
    for path in files:
        name, why = recognize(path)
        say(f"{path}: {options['format'] or name} ({why})")
    for line in table.alignment.lines()[len(table.alignment.warnings) :]:
        say(line)
    click.echo(_plain_table(table.alignment.scorers))
    if write is not None:
        _write_table(write, table.to_tidy())


def _write_table(path: Path, frame: Any) -> None:
    """Write the table as CSV that reads back unchanged, even names that look like formulas."""
    from metaeval.core import is_formula, plain_csv

    write_text(path, plain_csv(frame))
    texts = frame.select_dtypes(exclude="number")
    names = {v for c in texts for v in texts[c] if isinstance(v, str)} | {*map(str, frame)}
    odd = sorted(name for name in names if is_formula(name))
    if odd:
        say(
            f"{join_names(map(repr, odd), 3)} in {str(path)!r}: spreadsheets may interpret this as "
            "a formula; import the columns as text.",
            err=True,
        )


@cli.command()
@reading_options
@estimation_options
@output_options
def evaluate(
    files: tuple[Path, ...],
    output_format: str,
    output: Path | None,
    quiet: bool,
    debug: bool,
    **options: Any,
) -> None:
    """Estimate the statistic of each scorer in FILES, with intervals, without comparisons."""
    _run("evaluate", files, options, output_format, output, quiet)


@cli.command()
@reading_options
@estimation_options
@comparison_options
@click.option("--config", hidden=True, help="Not supported.")
@output_options
def compare(
    files: tuple[Path, ...],
    output_format: str,
    output: Path | None,
    quiet: bool,
    debug: bool,
    config: str | None,
    **options: Any,
) -> None:
    """Rank the scorers in FILES in a leaderboard, with intervals, tests and letters."""
    if config is not None:
        raise MetaevalError(
            "--config is not supported: there are no configuration files; use command-line options."
        )
    scorers, baseline = options["scorers"], options["baseline"]
    if scorers and baseline is not None and baseline not in scorers:
        raise MetaevalError(
            f"--baseline {baseline!r} is not among --scorers {','.join(scorers)}; add it to "
            "the list."
        )
    _run("compare", files, options, output_format, output, quiet)


def _run(
    verb: Literal["evaluate", "compare"],
    files: tuple[Path, ...],
    options: dict[str, Any],
    output_format: str,
    output: Path | None,
    quiet: bool,
) -> None:
    """Read the files, evaluate or compare their scorers, and write the result."""
    reading = {k: options.pop(k) for k in READER_OPTIONS}
    statistics = pop_statistics(options)
    from metaeval import inference
    from metaeval.core import progress

    with progress.hide_progress(quiet):
        table = read_table(files, reading | {"scorers": options["scorers"]})
        result = getattr(inference, verb)(table, statistics, **options)
    write_result(render_result(result, output_format), output, result, output_format)


def _plain_table(frame: Any) -> str:
    from metaeval.cli.terminal import plain_table

    return plain_table(frame)


@cli.command()
@click.option(
    *("-o", "--output"),
    type=click.Path(path_type=Path),
    default=Path("metaeval-demo"),
    show_default=True,
    help="Folder for the report and its files.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Random seed for simulation and resampling.",
)
@click.option("--quick", is_flag=True, help="Fewer items and resamples, and no fitted model.")
@click.option("--debug", is_flag=True, help="Show the traceback if an error occurs.")
def demo(output: Path, seed: int, quick: bool, debug: bool) -> None:
    """Simulate scorers of known quality, compare them, and show true values beside estimates."""
    from metaeval import style
    from metaeval.cli import demo
    from metaeval.core import plain_csv
    from metaeval.reporting import ReportInput, write_report

    check_writable(output, "choose another folder with -o")
    with style("acl"):
        result, truth, table = demo.run(seed, **(demo.QUICK if quick else demo.FULL))
        click.echo(demo.as_text(result, truth))
        source = ReportInput(table, result, {"seed": seed})
        fits = () if quick else ("accuracy",)
        extra_files = {"scores.csv": plain_csv(table.to_frame())}
        page = write_report(source, output, fits, "Simulated scorers", extra_files)
    say(f"Report: {page} (with figures, tables, result.json and scores.csv in the same folder)")


cli.add_command(fit)
cli.add_command(gate)
cli.add_command(report)
