"""The command line: demo, check, compare."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaeval.errors import MetaevalError

if TYPE_CHECKING:
    from metaeval.result import Result
    from metaeval.statistics.base import Statistic

FORMATS = ("text", "json", "csv", "markdown", "latex")


class _Group(click.Group):
    """Commands whose errors are one sentence and exit code 2; `--debug` shows the traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except MetaevalError as error:
            if "--debug" in sys.argv:
                raise
            raise _Refused(str(error)) from None
        except KeyboardInterrupt:
            raise _Interrupted("Interrupted; no file was written.") from None


class _Interrupted(click.ClickException):
    exit_code = 130


class _Refused(click.ClickException):
    exit_code = 2


class _Names(click.ParamType):  # type: ignore[type-arg]
    """Names separated by commas."""

    name = "A,B"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        return value if isinstance(value, list) else [v for v in value.split(",") if v]


class _Settings(click.ParamType):  # type: ignore[type-arg]
    """Settings such as item=qid,system=gen."""

    name = "K=V"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if isinstance(value, dict):
            return value
        pairs = [part.partition("=") for part in value.split(",")]
        if not all(key and mark for key, mark, _ in pairs):
            self.fail(f"{value!r} must look like item=qid,system=gen.", param, ctx)
        return {key: given for key, _, given in pairs}


def _many(*decorators: Callable[..., Any]) -> Callable[..., Any]:
    def apply(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


_reading = _many(
    click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path)),
    click.option("--format", "format", help="Format of the files, where it is not recognised."),
    click.option("--map", "mapping", type=_Settings(), help="Columns: item=qid,system=gen."),
    click.option("--labels", type=_Names(), help="Columns or raters that are labels."),
    click.option("--keys", type=_Names(), help="Further columns that identify a row."),
    click.option("--cluster", help="Column of items that depend on one another."),
    click.option("--lower-is-better", type=_Names(), help="Scorers or labels to turn round."),
    click.option("--label-kind", type=click.Choice(["rating", "correct", "preference"])),
    click.option("--label-epsilon", type=float, help="Labels this close are tied."),
    click.option("--exchangeable", is_flag=True, default=None, help="Average the raters."),
    click.option("--shared-items", is_flag=True, default=None, help="Tasks share their items."),
    click.option(
        "--ordered", is_flag=True, default=None, help="The first response was shown first."
    ),
    click.option("--orders", type=click.Choice(["each", "net"]), help="Two orders of a judge."),
    click.option("--refusals", type=click.Choice(["missing", "tie", "error"])),
    click.option("--vocabulary", type=_Settings(), help="Verdict words: word=1,other=-1."),
    click.option("--item-from", help="Items of reward files: order or text-hash."),
    click.option("--file-level", help="Level of mt-metrics-eval files: seg, sys, doc, domain."),
    click.option("--language-pair", help="Which language pair of an mt-metrics-eval folder."),
    click.option("--debug", is_flag=True, help="Show the traceback of an error."),
)

_READER_OPTIONS = (
    *("format", "mapping", "labels", "keys", "cluster", "lower_is_better", "label_kind"),
    *("label_epsilon", "exchangeable", "shared_items", "ordered", "orders", "refusals"),
    *("vocabulary", "item_from", "file_level", "language_pair"),
)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="metaeval")
def cli() -> None:
    """Judge the scorers of language-model outputs: metrics, reward models, LLM judges."""


@cli.command()
@_reading
@click.option("--write", type=click.Path(path_type=Path), help="Write the table as one tidy CSV.")
def check(files: tuple[Path, ...], write: Path | None, debug: bool, **options: Any) -> None:
    """Detect, validate and align FILES; say what was found."""
    from metaeval.readers import recognise

    table = _read(files, options)
    for path in files:
        name, why = recognise(path)
        click.echo(f"{path}: {options['format'] or name} ({why})")
    for line in table.alignment.lines():
        click.echo(line)
    click.echo(_plain_table(table.alignment.scorers))
    if write is not None:
        _write(write, table.to_frame().to_csv(index=False))


@cli.command()
@_reading
@click.option("--label", help="Which label column, where there are several.")
@click.option("--statistic", "statistics", help="Names, with arguments: kendall(variant='b').")
@click.option("--grouping", help="Which responses are paired: item, system, none.")
@click.option("--average", help="Mean over items, pairs or groups.")
@click.option("--ties", help="Tie policy: acc-eq, strict, half; best_of_n: strict, split, lenient.")
@click.option("--by", help="Column to report by, such as task.")
@click.option("--random", help="What is resampled: item, cluster, task or item,system.")
@click.option("--missing", help="Missing scores: common, pairwise, error, wrong.")
@click.option("--test", default="sign-flip", show_default=True, help="sign-flip, bootstrap, ...")
@click.option("--alternative", default="two-sided", show_default=True, help="Or greater, less.")
@click.option("--correction", default="maxt", show_default=True, help="maxt, holm, bh, by, none.")
@click.option("--margin", type=float, help="Differences below it do not matter: adds TOST.")
@click.option("--stop-after", type=int, help="Stop flips once so many were as extreme: 20.")
@click.option("--interval", default="bca", show_default=True, help="bca, bootstrap-t, t, ...")
@click.option("--weights", help="Of replicates: multinomial, poisson or exponential.")
@click.option("--confidence", type=float, default=0.95, show_default=True)
@click.option("--n-resamples", type=int, default=10_000, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--scorers", type=_Names(), help="Only these scorers.")
@click.option("--baseline", help="Compare all others with this scorer.")
@click.option("--no-pairs", is_flag=True, help="Each scorer's own value only.")
@click.option("--config", hidden=True)
@click.option("--output-format", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write there, not to stdout.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def compare(
    files: tuple[Path, ...],
    output_format: str,
    output: Path | None,
    quiet: bool,
    debug: bool,
    config: str | None,
    no_pairs: bool,
    **options: Any,
) -> None:
    """League table of the scorers in FILES, with intervals, tests and letters."""
    if config is not None:
        raise MetaevalError(
            "This release has no configuration files; give options instead of --config."
        )
    _check_contradictions(options, no_pairs)
    reading = {k: options.pop(k) for k in _READER_OPTIONS}
    chosen = _statistics({k: options.pop(k) for k in ("statistics", "grouping", "average", "ties")})
    from metaeval import progress

    with progress.shown(not quiet):
        table = _read(files, reading)
        result = _verb(table, chosen, options, no_pairs)
    _give(_rendered(result, output_format), output, result, output_format)


def _check_contradictions(options: dict[str, Any], no_pairs: bool) -> None:
    if no_pairs and options["baseline"] is not None:
        raise MetaevalError("--no-pairs compares nothing, --baseline compares with it; give one.")
    scorers, baseline = options["scorers"], options["baseline"]
    if scorers and baseline is not None and baseline not in scorers:
        raise MetaevalError(f"--baseline {baseline!r} is not among --scorers {','.join(scorers)}.")


def _verb(
    table: Any, chosen: list[Statistic] | None, options: dict[str, Any], no_pairs: bool
) -> Result:
    from metaeval import inference

    if not no_pairs:
        return inference.compare(table, chosen, **options)
    from metaeval.plan import Plan

    compare_only = ("test", "alternative", "correction", "margin", "stop_after", "baseline")
    Plan("compare", **{k: v for k, v in options.items() if k in compare_only})
    kept = {k: v for k, v in options.items() if k not in compare_only}
    return inference.evaluate(table, chosen, **kept)


def _read(files: Sequence[Path], options: dict[str, Any]) -> Any:
    from metaeval.readers import read

    given = {k: v for k, v in options.items() if v is not None}
    vocabulary = given.get("vocabulary")
    if vocabulary:
        given["vocabulary"] = {word: _verdict(v) for word, v in vocabulary.items()}
    return read(*files, **given)


def _verdict(text: str) -> float | None:
    known = {"1": 1.0, "-1": -1.0, "0": 0.0, "": None, "none": None}
    if text.lower() not in known:
        raise MetaevalError(f"--vocabulary values are 1, -1, 0 or none, not {text!r}.")
    return known[text.lower()]


def _statistics(options: dict[str, Any]) -> list[Statistic] | None:
    from metaeval.naming import parse_statistics

    return parse_statistics(**options)


def _rendered(result: Result, output_format: str) -> str:
    from metaeval import terminal

    if output_format == "json":
        return result.to_json()
    if output_format == "csv":
        return str(result.frame.to_csv(index=False))
    if output_format == "text":
        return terminal.as_text(result)
    from metaeval.export import tables_of

    render = result.to_markdown if output_format == "markdown" else result.to_latex
    return "\n".join(f"{render(name, task)}" for _, name, task in tables_of(result))


def _give(text: str, output: Path | None, result: Result, output_format: str) -> None:
    if output_format == "csv":
        for warning in result.meta["warnings"]:
            click.echo(warning, err=True)
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        _write(output, text)


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    if path.is_dir() or not path.name:
        raise MetaevalError(f"{str(path)!r} is a folder; name a file to write.")
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise MetaevalError(
            f"Cannot write {str(path)!r} ({error.strerror}); choose another place with -o."
        ) from None


def _plain_table(frame: Any) -> str:
    from metaeval.terminal import plain_table

    return plain_table(frame)


@cli.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the files.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--quick", is_flag=True, help="A small analysis.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def demo(output: Path | None, seed: int, quick: bool, debug: bool) -> None:
    """Simulate scorers of known quality, compare them, and show the truth beside the estimates."""
    from metaeval import demonstration, progress

    if output is not None:
        _make_folder(output)
    with progress.shown(True):
        result, truth, table = demonstration.run(seed, quick=quick)
    click.echo(demonstration.as_text(result, truth))
    if output is None:
        click.echo("Write the table, JSON, CSV and LaTeX with: metaeval demo -o DIR")
        return
    files = demonstration.files(result, table)
    for name, text in files.items():
        _write(output / name, text)
    click.echo(f"Wrote {', '.join(files)} to {output}")


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MetaevalError(
            f"Cannot make the folder {str(path)!r} ({error.strerror}); choose another with -o."
        ) from None
