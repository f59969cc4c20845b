"""Leaderboards as text, Markdown and HTML."""

from __future__ import annotations

import html
import math
import re
from typing import Any

import pandas as pd

from metaeval.core import printable
from metaeval.results.data import ResultData
from metaeval.results.prose import MAX_LISTED, probable_line, rope_line
from metaeval.results.ranking import leaderboard

CORRECTIONS = {
    "maxt": "after max-T correction",
    "holm": "after Holm correction",
    "bh": "after Benjamini-Hochberg correction",
    "by": "after Benjamini-Yekutieli correction",
    "none": "without correction",
}


def number(value: float | None, scale: float = 1, digits: int = 1) -> str:
    """Format a number for a table: fixed decimals, no leading zero below 1, empty if missing.

    >>> number(0.714, 100), number(0.4213, 1, 2), number(float("nan"))
    ('71.4', '.42', '')
    """
    if value is None or math.isnan(value):
        return ""
    if math.isinf(value):
        return f"{value:g}"
    text = f"{scale * float(f'{value:.10g}'):.{digits}f}"  # as stored in JSON
    if text.lstrip("-").strip("0.") == "":
        text = text.lstrip("-")
    return text.replace("0.", ".", 1) if scale == 1 and text.lstrip("-").startswith("0.") else text


def format_p(p: float) -> str:
    """Format a p-value for a table.

    >>> format_p(0.0004), format_p(0.25)
    ('<.001', '.250')
    """
    return "<.001" if p < 0.001 else number(p, 1, 3)


def leaderboard_cells(result: ResultData, statistic: str | None, task: str | None) -> pd.DataFrame:
    """Return the leaderboard with every cell as text."""
    board = leaderboard(result, result.rows(statistic, task))
    accuracy, ranked = result.is_accuracy(statistic), result.direction(statistic) != 0
    scale, digits = (100, 1) if accuracy else (1, 3)
    compared = result.meta.kind == "compare" or result.is_posterior
    levels = accuracy and not (result.is_posterior and board["chance"].isna().all())
    rows, unit = [], result.unit(statistic)
    for rank, row in enumerate(board.itertuples(), start=1):
        defined = not math.isnan(row.estimate)
        cells = {"#": str(rank) if defined else ""} if ranked else {}
        cells |= {
            "scorer": row.scorer,
            value_name(result, statistic): format_bounds(number(row.estimate, scale, digits), unit),
        }
        if "n_rows" in board:
            cells["rows"] = f"{row.n_rows:.0f}"
        if board["lower"].notna().any():
            ends = format_bounds(format_interval(row.lower, row.upper, scale, digits), unit)
            cells[f"{100 * result.confidence:g}% {interval_name(result)}"] = ends
        if compared:
            cells |= {"rank": _ranks(row)} if ranked else {}
            cells |= {"letters": row.letters}
        if levels:
            cells |= {
                "skill": number(row.skill, 1, 2),
                "tie-rate": f"{100 * row.tie_rate:.1f}%" if not math.isnan(row.tie_rate) else "",
                "chance": number(row.chance, 100, 1),
            }
        rows.append(cells | extra_cells(row, accuracy))
    return _printable_cells(pd.DataFrame(rows).fillna(""))


def _printable_cells(texts: pd.DataFrame) -> pd.DataFrame:
    """All cells and column names made safe to print."""
    return texts.map(printable).rename(columns=printable)


def letters_line(result: ResultData, statistic: str | None, task: str | None = None) -> str:
    """Return a note on omitted letters, or an empty string."""
    return "; ".join(leaderboard(result, result.rows(statistic, task)).attrs["notes"])


def _ranks(row: Any) -> str:
    """Range of ranks compatible with the comparisons; empty without a value."""
    return "" if math.isnan(row.rank_low) else f"{row.rank_low:.0f}-{row.rank_high:.0f}"


def extra_cells(row: Any, accuracy: bool) -> dict[str, str]:
    """Null expectation of a value that is not an accuracy, and p-values of single scorers."""
    cells = {}
    if not accuracy and not math.isnan(row.expected_if_calibrated):
        cells["expected if calibrated"] = number(row.expected_if_calibrated, 1, 3)
    if not math.isnan(row.p_value):
        cells["p"] = format_p(row.p_value)
    if not math.isnan(row.p_adjusted):
        cells["adjusted p"] = format_p(row.p_adjusted)
    return cells


def value_name(result: ResultData, statistic: str | None) -> str:
    """Name of the column of values: accuracy, or the name of the statistic."""
    if result.is_accuracy(statistic):
        return "accuracy"
    return str(statistic or result.statistics[0]).split("(")[0]


def interval_name(result: ResultData) -> str:
    """Return the name of the column of intervals."""
    return "interval" if result.is_posterior else "CI"


def format_bounds(text: str, unit: str) -> str:
    """A cell in which an infinite difference of scores is shown as not reached."""
    return text.replace("inf", "not reached") if unit == "score" else text


def format_interval(lower: float, upper: float, scale: float, digits: int) -> str:
    """Return an interval as `[low, high]`; "" where there is none."""
    low, high = number(lower, scale, digits), number(upper, scale, digits)
    return f"[{low}, {high}]" if low else ""


def tables_of(result: ResultData) -> list[tuple[str, str, str | None]]:
    """Return title, statistic and task of every leaderboard of a result, in reading order."""
    titles: list[tuple[str, str, str | None]] = []
    strata = f"macro mean over {result.meta.policy.by}" if result.meta.policy.by else ""
    averages = {info.name: info.whole or strata for info in result.meta.statistics}
    for name in result.statistics:
        frame = result.frame[result.frame["statistic"] == name]
        average = averages.get(name, strata) if result.meta.policy.by else ""
        titles.append((f"{name}{f', {average}' if average else ''}", name, None))
        titles += [
            (f"{name}, {task}", name, task) for task in dict.fromkeys(frame["task"].dropna())
        ]
    return titles


def significant_line(result: ResultData, statistic: str, task: str | None = None) -> str:
    """List the significant differences in ascending order of p-values, at most `MAX_LISTED`."""
    frame = result.rows(statistic, task)
    comparisons = frame[frame["baseline"].notna()]
    if not len(comparisons):
        return ""
    if result.is_posterior:
        return probable_line(result, comparisons)
    if comparisons["p_adjusted"].isna().all():
        return "not tested"
    after = CORRECTIONS[str(result.meta.policy.correction)]
    significant = comparisons[result.is_significant(comparisons["p_adjusted"])]
    significant = significant.sort_values(["p_adjusted", "scorer", "baseline"])
    if not len(significant):
        return f"significant {after}: 0 of {len(comparisons)} comparisons"
    texts = []
    sign = result.direction(statistic) or 1
    for row in significant.head(MAX_LISTED).itertuples():
        names = (row.scorer, row.baseline)
        first, second = names if sign * row.estimate > 0 else names[::-1]
        p = "p<.001" if row.p_adjusted < 0.001 else f"p={number(row.p_adjusted, 1, 3)}"
        texts.append(f"{first} {'<' if sign < 0 else '>'} {second} ({p})")
    n_more = len(significant) - len(texts)
    return f"significant {after}: {', '.join(texts)}{f' and {n_more} more' if n_more > 0 else ''}"


def equivalent_line(result: ResultData, statistic: str, task: str | None = None) -> str:
    """List the comparisons significantly within the equivalence margin, if one was given."""
    margin = result.meta.policy.equivalence_margin
    comparisons = result.rows(statistic, task)
    if result.is_posterior:
        return rope_line(result, comparisons)
    comparisons = comparisons[comparisons["p_equivalent"].notna()]
    if margin is None or not len(comparisons):
        return ""
    close = comparisons[result.is_significant(comparisons["p_equivalent"])]
    names = [f"{row.scorer} and {row.baseline}" for row in close.itertuples()]
    rest = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    text = (
        f"{', '.join(names[:MAX_LISTED])}{rest}"
        if names
        else f"0 of {len(comparisons)} comparisons"
    )
    return f"equivalent within {margin:g} (without correction): {text}"


def precision_line(result: ResultData) -> str:
    """State the largest Monte Carlo error of the p-values and the detectable difference."""
    comparisons = result.rows(None, None)
    comparisons = comparisons[comparisons["baseline"].notna()]
    comparisons = comparisons[comparisons["p_value"].notna()]
    if not len(comparisons):
        return ""
    scale, unit = (100, " points") if result.is_accuracy() else (1, "")
    digits = 1 if scale == 100 else 3
    low, high = (
        number(v, scale, digits) for v in (comparisons["mde"].min(), comparisons["mde"].max())
    )
    reach = f"{low}{unit}" if low == high else f"{low} to {high}{unit}"
    error = comparisons["p_mcse"].max()
    return (
        f"Monte Carlo error of p-values: {f'at most {max(error, 1e-4):.4f}' if error else 'none'}; "
        f"difference detectable with 80% power: {reach}"
    )


def to_markdown(result: ResultData, statistic: str | None = None, task: str | None = None) -> str:
    """Leaderboard as Markdown, with warnings above and the signature below."""
    texts = leaderboard_cells(result, statistic, task)
    cells = [list(texts.columns), ["---"] * texts.shape[1], *texts.to_numpy().tolist()]
    lines = ["| " + " | ".join(_markdown(c) for c in row) + " |" for row in cells]
    head = [f"**{_markdown(w)}**\n" for w in result.meta.warnings]
    below = [letters_line(result, statistic, task)]
    head += [
        f"{_markdown(line)}\n" for line in (*title_lines(result, statistic, task), *below) if line
    ]
    return "\n".join(
        [*head, *lines, "", f"`{printable(result.signature).replace('`', chr(39))}`", ""]
    )


def title_lines(result: ResultData, statistic: str | None, task: str | None) -> list[str]:
    """Title of a table if the result has several."""
    titles = tables_of(result)
    name = result.rows(statistic, task)["statistic"].iloc[0]
    return [t for t, *which in titles if which == [name, task]] if len(titles) > 1 else []


_LINK = re.compile(r"(?i):(?=//)|(?<=\bwww)\.")  # the part of a bare URL that makes it a link
_IN_MARKDOWN = {
    **{c: f"\\{c}" for c in "\\`*_[]|"},
    # mentions, mail, math and strikethrough: some renderers unescape before parsing them
    **{c: f"<span>&#{ord(c)};</span>" for c in "@$~"},
}


def _markdown(text: str) -> str:
    """Text with the syntax of Markdown, its dialects and HTML escaped."""
    plain = html.escape(printable(text), quote=False)
    escaped = "".join(_IN_MARKDOWN.get(c, c) for c in plain)
    return _LINK.sub(lambda match: f"&#{ord(match[0])};", escaped)


def to_html(result: ResultData, statistic: str | None = None, task: str | None = None) -> str:
    """Leaderboard as an HTML fragment with all names escaped."""
    texts = leaderboard_cells(result, statistic, task)
    head = "".join(f"<p><strong>{_html(w)}</strong></p>" for w in result.meta.warnings)
    without = letters_line(result, statistic, task)
    below = f"<p>{_html(without)}</p>" if without else ""
    table = texts.to_html(index=False, escape=True, border=0)
    name = (title_lines(result, statistic, task) or [statistic or result.statistics[0]])[0]
    return (
        f"<div>{head}<p>{_html(name)}</p>{table}{below}"
        f"<p><code>{_html(result.signature)}</code></p></div>"
    )


def _html(text: str) -> str:
    return html.escape(printable(text))
