"""What commands share: options of readers, types of options, errors, and writing files."""

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

_CURE = "choose another place with -o"
FORMATS = ("text", "json", "csv", "markdown", "latex")


class Names(click.ParamType):  # type: ignore[type-arg]
    """Names separated by commas."""

    name = "A,B"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The names as a list."""
        return value if isinstance(value, list) else [v for v in value.split(",") if v]


class Settings(click.ParamType):  # type: ignore[type-arg]
    """Settings such as item=qid,system=gen."""

    name = "K=V"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The settings as a dict."""
        if isinstance(value, dict):
            return value
        pairs = [part.partition("=") for part in value.split(",")]
        if not all(key and mark for key, mark, _ in pairs):
            self.fail(f"{value!r} must look like item=qid,system=gen.", param, ctx)
        return {key: given for key, _, given in pairs}


class Marks(click.ParamType):  # type: ignore[type-arg]
    """A decimal mark, or those of columns such as elo=,;bleu=. (names may hold any of these)."""

    name = "MARK"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The mark, or the marks as a dict."""
        if not isinstance(value, str) or value in (",", "."):
            return value
        marks = re.findall(r"(.+?)=([.,])(?:;|$)", value)
        if ";".join(f"{name}={mark}" for name, mark in marks) != value.removesuffix(";"):
            self.fail(
                f"{value!r} must be , or . or say of which columns: elo=, or, of several, "
                '"elo=,;bleu=.".',
                param,
                ctx,
            )
        return dict(marks)


def merged(settings: Sequence[dict[str, str]]) -> dict[str, str] | None:
    """Settings of an option that was given several times, as one."""
    return {k: v for one in settings for k, v in one.items()} or None


def many(*decorators: Callable[..., Any]) -> Callable[..., Any]:
    """Several decorators as one."""

    def apply(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


reading_options = many(
    click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path)),
    click.option("--format", "format", help="Format of the files, where it is not recognised."),
    click.option(
        "--map",
        "columns",
        type=Settings(),
        multiple=True,
        callback=lambda _, __, given: merged(given),
        help="Which column has a role: item=qid,system=gen.",
    ),
    click.option("--labels", type=Names(), help="Columns or raters that are labels."),
    click.option("--keys", type=Names(), help="Further columns that identify a row."),
    click.option("--cluster", help="Column of items that depend on one another: cluster=..."),
    click.option("--lower-is-better", type=Names(), help="Scorers or labels to turn round."),
    click.option(
        "--label-kind",
        type=click.Choice(["rating", "correct", "preference"]),
        help="What labels are, where the values do not say.",
    ),
    click.option("--label-epsilon", type=float, help="Labels this close are tied."),
    click.option("--average-raters", is_flag=True, default=None, help="Average the raters."),
    click.option(
        "--shared-items/--independent-items",
        default=None,
        help="Tasks share their items, or not; else ids decide.",
    ),
    click.option(
        "--ordered", is_flag=True, default=None, help="The first response was shown first."
    ),
    click.option(
        "--both-orders", type=click.Choice(["each", "net"]), help="Two orders of a judge."
    ),
    click.option(
        "--refusals",
        type=click.Choice(["missing", "tie", "wrong"]),
        help="What a record of a pair without a verdict counts as.",
    ),
    click.option("--value-map", type=Settings(), help="Words: good=3,poor=1; A=1,B=-1,skip=none."),
    click.option(
        "--preference-scale", help="Of pairs: margin, probability, percent, one-two, index."
    ),
    click.option("--missing-codes", help="Codes for missing: -1,skip or judge=-1; none."),
    click.option(
        "--decimal",
        type=Marks(),
        help="Decimal mark, where cells do not prove it: , or . or of columns: elo=,;bleu=.",
    ),
    click.option("--header", type=Names(), help="Names of columns of files without a header."),
    click.option("--repeats", help="Several values for one row: error, mean."),
    click.option("--item-from", help="Items of reward files: order or text-hash."),
    click.option("--file-level", help="Level of mt-metrics-eval files: seg, sys, doc, domain."),
    click.option("--language-pair", help="Which language pair of an mt-metrics-eval folder."),
    click.option("--debug", is_flag=True, help="Show the traceback of an error."),
)

statistic_options = many(
    click.option("--statistic", "statistics", help="Names, with arguments: kendall(variant='b')."),
    click.option(
        "--allow-import", is_flag=True, help="--statistic may name module:name of other packages."
    ),
    click.option("--grouping", help="Which responses are paired: item, system, none."),
    click.option("--average", help="Mean over items, pairs or groups."),
    click.option(
        "--ties", help="Tie policy: acc-eq, strict, half; best_of_n: strict, split, lenient."
    ),
)


seed_option = click.option(
    "--seed", type=int, default=0, show_default=True, help="The same seed gives the same numbers."
)

interval_options = many(
    click.option("--interval", default="bca", show_default=True, help="bca, bootstrap-t, t, ..."),
    click.option(
        "--confidence", type=float, default=0.95, show_default=True, help="Level of intervals."
    ),
    click.option(
        "--n-resamples", type=int, default=10_000, show_default=True, help="Bootstrap replicates."
    ),
    seed_option,
)

estimation_options = many(
    click.option("--label", help="Which label column, where there are several."),
    statistic_options,
    click.option("--by", help="Column to report by, such as task."),
    click.option("--resample", help="What is resampled: item, cluster, task or item,system."),
    click.option("--missing", help="Missing scores: common, pairwise, error, count_as_wrong."),
    interval_options,
    click.option("--weights", help="Of replicates: multinomial, poisson or exponential."),
    click.option("--scorers", type=Names(), help="Only these scorers."),
)

comparison_options = many(
    click.option(
        "--test", default="sign-flip", show_default=True, help="sign-flip, bootstrap, ..."
    ),
    click.option("--alternative", default="two-sided", show_default=True, help="Or greater, less."),
    click.option(
        "--correction", default="maxt", show_default=True, help="maxt, holm, bh, by, none."
    ),
    click.option("--margin", type=float, help="Differences below it do not matter: adds TOST."),
    click.option(
        "--stop-after-exceedances", type=int, help="Stop flips once so many were as extreme: 20."
    ),
    click.option("--baseline", help="Compare all others with this scorer."),
)

quiet_option = click.option("--quiet", is_flag=True, help="No progress on stderr.")

output_options = many(
    click.option(
        "--output-format",
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        help="How the result is written.",
    ),
    click.option(
        *("-o", "--output"), type=click.Path(path_type=Path), help="Write there, not to stdout."
    ),
    quiet_option,
)


_OF_STATISTICS = ("statistics", "grouping", "average", "ties")


def chosen_statistics(options: dict[str, Any]) -> list[Statistic] | None:
    """The statistics that options name, which are taken out of them; None where none is named."""
    from metaeval.statistics import parse_statistics

    return parse_statistics(**{k: options.pop(k) for k in (*_OF_STATISTICS, "allow_import")})


READER_OPTIONS = (
    *("format", "columns", "labels", "keys", "cluster", "lower_is_better", "label_kind"),
    *("label_epsilon", "average_raters", "shared_items", "ordered", "both_orders", "refusals"),
    *("value_map", "item_from", "file_level", "language_pair", "preference_scale"),
    *("missing_codes", "decimal", "header", "repeats"),
)


def read_table(files: Sequence[Path], options: dict[str, Any]) -> Any:
    """The table in some files; its warnings are said before an error of what follows."""
    from metaeval.readers import read

    given = {k: v for k, v in options.items() if v is not None}
    if "cluster" in given:
        given["columns"] = given.get("columns", {}) | {"cluster": given.pop("cluster")}
    value_map = given.get("value_map")
    if value_map:
        given["value_map"] = {word: _number(word, v) for word, v in value_map.items()}
    if "missing_codes" in given:
        given["missing_codes"] = _codes(given["missing_codes"])
    if "=" in given.get("preference_scale", ""):
        given["preference_scale"] = _by_name(given["preference_scale"])
    table = read(*files, **given)
    click.get_current_context().meta[TABLE] = table
    return table


def _number(word: str, text: str) -> float | None:
    """What a word stands for: a number, or none for a missing value."""
    if text.lower() in ("", "none"):
        return None
    try:
        return float(text)
    except ValueError:
        raise MetaevalError(
            f"--value-map {word}={text}: {text!r} is not a number, nor none for a missing value; "
            "expected WORD=NUMBER,... such as good=3,poor=1."
        ) from None


def _codes(text: str) -> list[str] | dict[str, list[str]]:
    """Codes for missing, everywhere or by column; none if there are none."""
    codes = [code for code in text.split(",") if code]
    if [code.lower() for code in codes] == ["none"]:
        return []
    if not all("=" in code for code in codes):
        return codes
    of: dict[str, list[str]] = {}
    for name, code in (c.rsplit("=", 1) for c in codes):
        of.setdefault(name, []).append(code)
    return of


def _by_name(text: str) -> dict[str, str]:
    """Settings such as judge=probability,rm=margin."""
    return dict(part.rsplit("=", 1) for part in text.split(",") if "=" in part)


def rendered(result: Result, output_format: str) -> str:
    """A result in one of FORMATS."""
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


def give(text: str, output: Path | None, result: Result, output_format: str) -> None:
    """Print a text, or write it to a file; warnings that it cannot hold go to stderr."""
    if output_format == "csv":
        for warning in result.meta["warnings"]:
            say(warning, err=True)
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        write_text(output, text)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    write_all({path: text.encode("utf-8")}, _CURE)
