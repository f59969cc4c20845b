"""Leaderboards as LaTeX."""

from __future__ import annotations

import math
from typing import Literal

import pandas as pd

from metaeval.core import check_integer, check_one_of, is_hidden, printable
from metaeval.results.data import ResultData
from metaeval.results.prose import methods_paragraph
from metaeval.results.ranking import leaderboard, significantly_better
from metaeval.results.tables import (
    extra_cells,
    format_bounds,
    format_interval,
    interval_name,
    number,
    title_lines,
    value_name,
)

_LAST_LATIN = 0xFF  # later characters are missing from the standard fonts of pdfLaTeX
_NOT_IN_FONT = "«»ÐðÞþ"  # as are these


def to_latex(
    result: ResultData,
    statistic: str | None = None,
    task: str | None = None,
    *,
    best: Literal["bold", "none"] = "bold",
    letters: Literal["superscript", "column", "none"] = "superscript",
    interval: Literal["brackets", "half", "none"] = "brackets",
    digits: int | None = None,
    percent: bool = True,
    caption: bool = False,
) -> str:
    r"""Leaderboard as LaTeX, written by the pandas Styler; requires only booktabs.

    Parameters
    ----------
    result : Result
    statistic, task : str, optional
        As in `Result.row`.
    best : {"bold", "none"}
        Bold marks every scorer that does not differ significantly from the best, if the statistic
        has a direction.
    letters : {"superscript", "column", "none"}
        Two scorers share a letter if and only if they do not differ significantly.
    interval : {"brackets", "half", "none"}
        `[low, high]`, or half the width after a plus-minus sign.
    digits : int, optional
        By default 1 for percent, else 3.
    percent : bool, default True
        Whether accuracies are in percent.
    caption : bool, default False
        Whether to wrap the tabular in a table with a caption that states the methods.

    Returns
    -------
    str
        LaTeX with the signature in a comment. Characters missing from the standard fonts are shown
        as `[U+1F600]`.
    """
    check_one_of("best", best, ("bold", "none"))
    check_one_of("letters", letters, ("superscript", "column", "none"))
    check_one_of("interval", interval, ("brackets", "half", "none"))
    if digits is not None:
        check_integer("digits", digits, 0)
    board = leaderboard(result, result.rows(statistic, task))
    scale = 100 if percent and result.is_accuracy(statistic) else 1
    digits = (1 if scale == 100 else 3) if digits is None else digits
    name, unit = value_name(result, statistic), result.unit(statistic)
    value = latex_text(name[0].upper() + name[1:].replace("_", " "))
    marks = [rf"\textsuperscript{{{m}}}" if m else "" for m in board["letters"]]
    values = [format_bounds(number(e, scale, digits), unit) for e in board["estimate"]]
    columns = {
        "Scorer": [_cell(latex_text(scorer)) for scorer in board["scorer"]],
        value: [v + m for v, m in zip(values, marks, strict=True)]
        if letters == "superscript"
        else values,
        **_interval_column(result, board, interval, scale, digits, unit),
        **({"Groups": list(board["letters"])} if letters == "column" else {}),
        **_extra_columns(board, name == "accuracy"),
    }
    bold = _bold(result, board, statistic, task, best)
    body = _tabular(pd.DataFrame(columns), bold, ["Scorer", value])
    titles, methods = title_lines(result, statistic, task), printable(methods_paragraph(result))
    notes = [*titles, *result.meta.warnings, *board.attrs["notes"], methods, result.signature]
    head = "".join(f"% {_one_line(note)}\n" for note in notes)
    text = " ".join([*(f"{title}." for title in titles), methods])
    return head + (_table(body, text) if caption else body)


def _interval_column(
    result: ResultData, board: pd.DataFrame, form: str, scale: float, digits: int, unit: str
) -> dict[str, list[str]]:
    """Return the column of intervals by its title, or none."""
    if form == "none" or not board["lower"].notna().any():
        return {}
    if form == "half":
        half = (board["upper"] - board["lower"]) / 2
        return {r"$\pm$": [number(h, scale, digits) if math.isfinite(h) else "" for h in half]}
    bounds = zip(board["lower"], board["upper"], strict=True)
    texts = [format_bounds(format_interval(a, b, scale, digits), unit) for a, b in bounds]
    title = f"{100 * result.confidence:g}\\% {interval_name(result)}"
    return {title: [f"{{{text}}}" for text in texts]}


def _extra_columns(board: pd.DataFrame, accuracy: bool) -> dict[str, list[str]]:
    """Return further columns by their titles, such as skill or p-values."""
    rows = [extra_cells(row, accuracy) for row in board.itertuples()]
    return {
        name[0].upper() + name[1:] if " " in name else "$p$": [
            latex_text(row.get(name, "")) for row in rows
        ]
        for name in dict.fromkeys(name for row in rows for name in row)
    }


def _bold(
    result: ResultData, board: pd.DataFrame, statistic: str | None, task: str | None, best: str
) -> list[bool]:
    """Return whether each scorer is in bold: those not significantly worse than the best."""
    if best == "none" or result.direction(statistic) == 0:
        return [False] * len(board)
    better, _ = significantly_better(result, result.rows(statistic, task), list(board["scorer"]))
    return [bool(i == 0 or not better[0, i]) for i in range(len(board))]


def _tabular(cells: pd.DataFrame, bold: list[bool], columns: list[str]) -> str:
    """Return cells as a LaTeX tabular; `columns` of bold rows are in bold."""
    styles = pd.DataFrame("", index=cells.index, columns=cells.columns)
    styles.loc[bold, columns] = "textbf:--rwrap;"
    styler = cells.style.hide(axis="index").apply(lambda _: styles, axis=None)
    return str(styler.to_latex(hrules=True, column_format="l" + "r" * (cells.shape[1] - 1)))


def _table(body: str, methods: str) -> str:
    text = latex_text(methods)
    return f"\\begin{{table}}\n\\centering\n{body}\\caption{{{text}}}\n\\end{{table}}\n"


def _cell(text: str) -> str:
    """A cell that is not parsed as the optional argument of the preceding line break."""
    return f"{{}}{text}" if text.startswith(("[", "*")) else text


def _one_line(text: str) -> str:
    return "".join(c if 32 <= ord(c) < 127 else f"[U+{ord(c):04X}]" for c in text)


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
}


def latex_text(text: str) -> str:
    r"""Text escaped for LaTeX; characters outside Latin-1 are shown as code points.

    >>> print(latex_text("a_b%") + latex_text(chr(0x1F600)))
    a\_b\%[U+1F600]
    """
    return "".join(
        _LATEX.get(c, c)
        if ord(c) <= _LAST_LATIN and not is_hidden(c) and c not in _NOT_IN_FONT
        else f"[U+{ord(c):04X}]"
        for c in text
    )
