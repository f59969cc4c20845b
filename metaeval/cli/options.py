"""Options of several commands, their types, reading tables and writing results."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaeval.cli.group import TABLE, say
from metaeval.core import MetaevalError, write_all

if TYPE_CHECKING:
    from metaeval.results import Result
    from metaeval.statistics import Statistic

_ADVICE = "choose another path with -o"
FORMATS = ("text", "json", "csv", "markdown", "latex")


class Names(click.ParamType):  # type: ignore[type-arg]
    """Names, delimited by commas."""

    name = "A,B"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the names as a list."""
        return value if isinstance(value, list) else [v for v in value.split(",") if v]


class Settings(click.ParamType):  # type: ignore[type-arg]
    """Settings such as item=qid,system=gen."""

    name = "K=V"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the settings as a dict."""
        if isinstance(value, dict):
            return value
        pairs = [part.partition("=") for part in value.split(",")]
        if not all(key and mark for key, mark, _ in pairs):
            self.fail(f"expected settings such as item=qid,system=gen, got {value!r}.", param, ctx)
        return {key: setting for key, _, setting in pairs}


class Marks(click.ParamType):  # type: ignore[type-arg]
    """A decimal mark, or one per column such as elo=,;bleu=. (names may contain any of these)."""

    name = "MARK"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the mark, or the marks as a dict."""
        if not isinstance(value, str) or value in (",", "."):
            return value
        marks = re.findall(r"(.+?)=([.,])(?:;|$)", value)
        if ";".join(f"{name}={mark}" for name, mark in marks) != value.removesuffix(";"):
            self.fail(
                "expected a decimal mark (, or .), or one per column such as elo=, or "
                f'"elo=,;bleu=.", got {value!r}.',
                param,
                ctx,
            )
        return dict(marks)


def merge_settings(settings: Sequence[dict[str, str]]) -> dict[str, str] | None:
    """Merge the settings of an option that was given several times."""
    return {k: v for setting in settings for k, v in setting.items()} or None


def compose(*decorators: Callable[..., Any]) -> Callable[..., Any]:
    """Compose several decorators."""

    def apply(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


reading_options = compose(
    click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path)),
    click.option("--format", "format", help="Format of all files, if it is not recognized."),
    click.option(
        "--map",
        "columns",
        type=Settings(),
        multiple=True,
        callback=lambda _, __, given: merge_settings(given),
        help="Columns by role, such as item=qid,system=gen.",
    ),
    click.option("--labels", type=Names(), help="Columns, scorers or raters to use as labels."),
    click.option("--keys", type=Names(), help="Further columns that identify a row."),
    click.option(
        "--cluster", help="Column of clusters of dependent items; same as --map cluster=..."
    ),
    click.option(
        "--lower-is-better", type=Names(), help="Scorers or labels whose sign is reversed."
    ),
    click.option(
        "--label-kind",
        type=click.Choice(["rating", "correct", "preference"]),
        help="Kind of labels; inferred by default.",
    ),
    click.option(
        "--label-epsilon", type=float, help="Labels that differ by at most this much are tied."
    ),
    click.option("--average-raters", is_flag=True, default=None, help="Average the raters."),
    click.option(
        "--shared-items/--independent-items",
        default=None,
        help="Whether tasks share items; inferred from ids by default.",
    ),
    click.option(
        "--ordered", is_flag=True, default=None, help="Keep pairs in the order of presentation."
    ),
    click.option(
        "--both-orders",
        type=click.Choice(["each", "net"]),
        help="Pairs shown in both orders: keep each verdict, or the net verdict.",
    ),
    click.option(
        "--refusals",
        type=click.Choice(["missing", "tie", "wrong"]),
        help="How to count records of pairs without a verdict.",
    ),
    click.option(
        "--value-map",
        type=Settings(),
        help="Numbers for words, such as good=3,poor=1 or A=1,B=-1,skip=none.",
    ),
    click.option(
        "--preference-scale",
        help="Coding of numeric preferences: margin, probability, percent, one-two, index.",
    ),
    click.option(
        "--missing-codes", help="Codes for missing values: -1,skip or judge=-1; none for no codes."
    ),
    click.option(
        "--decimal",
        type=Marks(),
        help="Decimal mark, if ambiguous: , or . for all columns, or by column, as in elo=,;bleu=.",
    ),
    click.option("--header", type=Names(), help="Column names of files without a header."),
    click.option("--repeats", help="How to treat repeated values for the same row: error, mean."),
    click.option(
        "--item-from", help="How items of reward files are identified: id, order, text-hash."
    ),
    click.option("--file-level", help="Level of mt-metrics-eval files: seg, sys, doc, domain."),
    click.option("--language-pair", help="Language pair of an mt-metrics-eval folder."),
    click.option("--debug", is_flag=True, help="Show the traceback if an error occurs."),
)

statistic_options = compose(
    click.option(
        "--statistic",
        "statistics",
        help="Statistics, with arguments if needed, such as kendall(variant='b').",
    ),
    click.option(
        "--allow-import",
        is_flag=True,
        help="Let --statistic load functions from other packages, given as module:name.",
    ),
    click.option("--grouping", help="Groups within which pairs are formed: item, system, none."),
    click.option("--average", help="Mean over items, pairs or groups."),
    click.option(
        "--ties", help="Tie policy: acc-eq, strict, half; best_of_n: strict, split, lenient."
    ),
)


seed_option = click.option(
    "--seed", type=int, default=0, show_default=True, help="Random seed, for reproducible results."
)

interval_options = compose(
    click.option(
        "--interval",
        help="Kind of interval: bca, t, wilson, ...; by default, by the kind of value.",
    ),
    click.option(
        "--confidence", type=float, default=0.95, show_default=True, help="Confidence level."
    ),
    click.option(
        "--n-resamples", type=int, default=10_000, show_default=True, help="Bootstrap replicates."
    ),
    seed_option,
)

estimation_options = compose(
    click.option("--label", help="Label to use, if there are several."),
    statistic_options,
    click.option("--by", help="Column of strata with separate results, such as task."),
    click.option("--resample", help="Resampling units: item, cluster, task or item,system."),
    click.option(
        "--missing", help="Policy for missing scores: common, pairwise, error, count_as_wrong."
    ),
    interval_options,
    click.option("--weights", help="Bootstrap weights: multinomial, poisson or exponential."),
    click.option("--scorers", type=Names(), help="Scorers to include; by default all."),
)

comparison_options = compose(
    click.option(
        "--test",
        default="t",
        show_default=True,
        help="Hypothesis test: t, sign-flip, bootstrap, mcnemar, ...",
    ),
    click.option(
        "--alternative",
        default="two-sided",
        show_default=True,
        help="Alternative hypothesis: two-sided, greater, less.",
    ),
    click.option(
        "--correction",
        default="maxt",
        show_default=True,
        help="Multiplicity correction: maxt, holm, bh, by, none.",
    ),
    click.option(
        "--equivalence-margin", type=float, help="Margin of an additional equivalence test (TOST)."
    ),
    click.option(
        "--stop-after-exceedances",
        type=int,
        help="Stop after this many flips at least as extreme as observed, such as 20.",
    ),
    click.option("--baseline", help="Compare all other scorers with this one only."),
)

quiet_option = click.option("--quiet", is_flag=True, help="Do not show progress on stderr.")

output_options = compose(
    click.option(
        "--output-format",
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        help="Format of the result.",
    ),
    click.option(
        *("-o", "--output"), type=click.Path(path_type=Path), help="Output file; stdout by default."
    ),
    quiet_option,
)


_OF_STATISTICS = ("statistics", "grouping", "average", "ties")


def pop_statistics(options: dict[str, Any]) -> list[Statistic] | None:
    """Pop the options of statistics and parse them; None if no statistic is named."""
    from metaeval.statistics import parse_statistics

    return parse_statistics(**{k: options.pop(k) for k in (*_OF_STATISTICS, "allow_import")})


READER_OPTIONS = (
    *("format", "columns", "labels", "keys", "cluster", "lower_is_better", "label_kind"),
    *("label_epsilon", "average_raters", "shared_items", "ordered", "both_orders", "refusals"),
    *("value_map", "item_from", "file_level", "language_pair", "preference_scale"),
    *("missing_codes", "decimal", "header", "repeats"),
)


def read_table(files: Sequence[Path], options: dict[str, Any]) -> Any:
    """Read a table; its warnings are printed before the error of a later step."""
    from metaeval.readers import read

    arguments = {k: v for k, v in options.items() if v is not None}
    if "cluster" in arguments:
        arguments["columns"] = arguments.get("columns", {}) | {"cluster": arguments.pop("cluster")}
    value_map = arguments.get("value_map")
    if value_map:
        arguments["value_map"] = {word: _parse_number(word, v) for word, v in value_map.items()}
    if "missing_codes" in arguments:
        arguments["missing_codes"] = _parse_codes(arguments["missing_codes"])
    if "=" in arguments.get("preference_scale", ""):
        arguments["preference_scale"] = _parse_settings(arguments["preference_scale"])
    table = read(*files, **arguments)
    click.get_current_context().meta[TABLE] = table
    return table


def _parse_number(word: str, text: str) -> float | None:
    """Parse the value of a word: a number, or none for a missing value."""
    if text.lower() in ("", "none"):
        return None
    try:
        return float(text)
    except ValueError:
        raise MetaevalError(
            f"--value-map {word}={text}: expected a number, or none for a missing value, got "
            f"{text!r}; write WORD=NUMBER,... such as good=3,poor=1."
        ) from None


def _parse_codes(text: str) -> list[str] | dict[str, list[str]]:
    """Parse codes for missing values, for all columns or by column; "none" declares no codes."""
    codes = [code for code in text.split(",") if code]
    if [code.lower() for code in codes] == ["none"]:
        return []
    if not all("=" in code for code in codes):
        return codes
    of: dict[str, list[str]] = {}
    for name, code in (c.rsplit("=", 1) for c in codes):
        of.setdefault(name, []).append(code)
    return of


def _parse_settings(text: str) -> dict[str, str]:
    """Parse settings such as judge=probability,rm=margin."""
    return dict(part.rsplit("=", 1) for part in text.split(",") if "=" in part)


def render_result(result: Result, output_format: str) -> str:
    """Render a result in one of FORMATS."""
    from metaeval.cli import terminal

    if output_format == "json":
        return result.to_json()
    if output_format == "csv":
        from metaeval.core import result_csv

        return result_csv(result.frame)
    if output_format == "text":
        return terminal.as_text(result)
    from metaeval.results import tables_of

    render = result.to_markdown if output_format == "markdown" else result.to_latex
    return "\n".join(f"{render(name, task)}" for _, name, task in tables_of(result))


def write_result(text: str, output: Path | None, result: Result, output_format: str) -> None:
    """Print text, or write it to a file; CSV has no place for warnings: print them to stderr."""
    if output_format == "csv":
        for warning in result.meta.warnings:
            say(warning, err=True)
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        write_text(output, text)


def write_text(path: Path, text: str) -> None:
    """Write a file atomically."""
    write_all({path: text.encode("utf-8")}, _ADVICE)
