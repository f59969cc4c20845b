"""Cells of a tidy table before reshaping: codes for missing values, words, notations, lists."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import Floats, did_you_mean, join_names
from metaeval.readers.cells.column_notation import depends_on_mark, dots_are_ambiguous
from metaeval.readers.cells.missing_words import MissingCodes, failure_notes, word_of
from metaeval.readers.cells.notation import declare_mark, read_notations
from metaeval.readers.cells.numbers_and_ids import plain_numbers, sort_of
from metaeval.readers.cells.rating_words import count_scale_words, number_words, order_words
from metaeval.readers.cells.unread_cells import example_in_words, is_list, unread_error
from metaeval.readers.cells.verdict_words import are_verdicts, outcomes
from metaeval.readers.columns.aliases import LONG
from metaeval.readers.columns.column_inference import ColumnHints, is_covariate
from metaeval.readers.columns.roles import Resolved
from metaeval.tables import TEXT


def read_cells(
    resolved: Resolved,
    source: str,
    hints: ColumnHints,
    codes: MissingCodes,
    value_map: Mapping[str, float | None] | None,
    decimal: str | Mapping[str, str] | None,
) -> tuple[Resolved, list[str], list[str]]:
    """Convert cells of values to numbers, whatever their notation.

    Returns
    -------
    Resolved, list of str, list of str
        The table, notes and warnings.

    Raises
    ------
    MetaevalError
        If a column looks numeric but cannot be read.
    """
    frame = resolved.frame
    columns = _value_columns(resolved, hints)
    verdicts = {"preference"} if resolved.pairs else set[str]()
    if decimal is None and not codes.declared and not value_map:
        frame = _convert_plain_numbers(frame, [c for c in columns if c not in verdicts])
        columns = [c for c in columns if not _is_numeric(frame[c])]
    values = [c for c in columns if c not in verdicts]
    notes = [note for c in columns for note in failure_notes(frame[c], c, source)]
    frame, code_notes = _mask_codes(frame, values, source, codes, resolved)
    if value_map:
        frame = _map_words(frame, values, value_map)
    marks, mark_warnings = _declared_marks(decimal, resolved, source)
    declare = partial(_declare_mark, resolved, hints, decimal)
    conversion = read_notations(frame, columns, source=source, decimal=marks, declare=declare)
    for name, message in conversion.unread.items():
        if name not in verdicts and (name in resolved.role_columns or hints.wants_unread(name)):
            raise unread_error(frame, name, source, message)
    resolved = replace(resolved, frame=conversion.frame)
    warnings = [*mark_warnings, *_exclusion_warnings(resolved, columns, source, hints)]
    return resolved, [*notes, *code_notes, *conversion.notes], warnings


def _convert_plain_numbers(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Convert columns of plain numbers, which need no further checks.

    Not if another column has commas: if these are decimal marks, 1.234 may mean 1234.
    """
    cast = {
        c: v
        for c in columns
        if (v := plain_numbers(frame[c])) is not None and not _is_ambiguous(frame[c], v)
    }
    rest = [frame[c] for c in columns if c not in cast and not _is_numeric(frame[c])]
    if not cast or any(isinstance(v, str) and "," in v for column in rest for v in column):
        return frame
    attrs, columns_by_name = frame.attrs, {str(c): cast.get(str(c), frame[c]) for c in frame}
    frame = pd.DataFrame(columns_by_name, index=frame.index)
    frame.attrs = attrs
    return frame


def _is_ambiguous(column: pd.Series, values: Floats) -> bool:
    """Return whether dots of plain numbers may separate thousands, as 1.305 beside 997.

    Most columns have no integer from 100 on, or a number such as 0.5, and are decided quickly.
    """
    sizes = np.abs(values[np.isfinite(values)])
    is_integral = sizes == np.floor(sizes)
    may_be_thousands = is_integral.all() or (
        (sizes[~is_integral] >= 1).all() and (sizes[~is_integral] < 1000).all()
    )
    if (
        not may_be_thousands
        or not (sizes[is_integral] >= 100).any()
        or not column.str.contains(".", regex=False).any()
    ):
        return False
    return dots_are_ambiguous([text for text in map(str, pd.unique(column.dropna())) if text])


def _declared_marks(
    decimal: str | Mapping[str, str] | None, resolved: Resolved, source: str
) -> tuple[dict[str, str], list[str]]:
    """Return the declared decimal marks by column, and warnings about unknown columns."""
    columns = {str(c): str(resolved.role_columns.get(str(c), c)) for c in resolved.frame}
    if not isinstance(decimal, Mapping):
        return (dict.fromkeys(columns, decimal) if decimal else {}), []
    declared = {str(name): mark for name, mark in decimal.items()}
    marks = {
        c: declared[n] for c, original in columns.items() for n in (c, original) if n in declared
    }
    available = sorted({*columns, *columns.values()})
    return marks, [
        f"{source} has no column {name!r}, named in decimal= (--decimal); found "
        f"{join_names(columns.values(), 20)}.{did_you_mean(name, available)}"
        for name in declared
        if name not in available
    ]


def _declare_mark(
    resolved: Resolved,
    hints: ColumnHints,
    decimal: str | Mapping[str, str] | None,
    column: str,
    mark: str,
) -> str:
    """Return what to type to declare the mark of one column without affecting others."""
    name = str(resolved.role_columns.get(column, column))
    others = [c for c in _value_columns(resolved, hints) if c != column]
    others = [c for c in others if depends_on_mark(resolved.frame[c])]
    if not others and not isinstance(decimal, Mapping):
        return declare_mark(name, mark)
    if isinstance(decimal, str):
        other_marks = {str(resolved.role_columns.get(c, c)): decimal for c in others}
    else:
        available = {*map(str, resolved.frame), *map(str, resolved.role_columns.values())}
        other_marks = {n: m for n, m in (decimal or {}).items() if n in available}
    marks = {n: m for n, m in other_marks.items() if n not in (name, column)} | {name: mark}
    typed = ";".join(f"{n}={m}" for n, m in marks.items())
    typed = typed if re.fullmatch(r"[\w.,=-]+", typed) else f'"{typed}"'
    return f"decimal={marks!r} (--decimal {typed})"


def _is_numeric(column: pd.Series) -> bool:
    return column.dtype != object and pd.api.types.is_numeric_dtype(column.dtype)


def _value_columns(resolved: Resolved, hints: ColumnHints) -> list[str]:
    """Return the columns that have or may have values: all but ids and keys."""
    values = ("score", "label", "preference")
    roles = {*resolved.role_columns, *resolved.unused_ids, *hints.keys, "order", "tie_kind"} - set(
        values
    )
    return [str(c) for c in resolved.frame if str(c) not in roles]


def _mask_codes(
    frame: pd.DataFrame,
    columns: Sequence[str],
    source: str,
    codes: MissingCodes,
    resolved: Resolved,
) -> tuple[pd.DataFrame, list[str]]:
    """Replace codes for missing values with None; return notes on their number."""
    blanked, notes = {}, []
    for name in columns:
        names = {str(resolved.role_columns.get(name, name)), name}
        for called in names & set(codes.of) or {name}:
            blank = codes.blank(frame[name], called)
            n = int((blank.isna() & frame[name].notna()).sum())
            if n:
                blanked[name] = blank
                notes.append(f"{source}: {called}: {n} cells contain a code for missing values")
    if not blanked:
        return frame, notes
    attrs = frame.attrs
    frame = frame.assign(**blanked)
    frame.attrs = attrs
    return frame, notes


def _map_words(
    frame: pd.DataFrame, columns: Sequence[str], value_map: Mapping[str, float | None]
) -> pd.DataFrame:
    """Replace the words of a value map with their numbers."""
    numbers = {word_of(word): number for word, number in value_map.items()}
    attrs, mapped = frame.attrs, {}
    for name in columns:
        words = (
            frame[name]
            .astype(object)
            .map(
                lambda v: word_of(v) if isinstance(v, str | int | float) else None,
                na_action="ignore",
            )
        )
        hit = words.isin(list(numbers))
        if hit.any():
            mapped[name] = frame[name].astype(object).where(~hit, words.map(numbers))
    frame = frame.assign(**mapped)
    frame.attrs = attrs
    return frame


def _exclusion_warnings(
    resolved: Resolved, columns: Sequence[str], source: str, hints: ColumnHints
) -> list[str]:
    """Return warnings about columns that may contain scores but are not read as such."""
    if hints.scorers is not None:
        return []
    warnings = []
    for name in columns:
        if name in resolved.role_columns or name in hints.declared or is_covariate(name):
            continue
        if resolved.pairs and _is_read(resolved, name, hints):
            continue  # its words are verdicts
        if warning := _exclusion_reason(resolved, name, hints):
            warnings.append(f"{source}: {name} {warning}")
    return warnings


def _is_read(resolved: Resolved, name: str, hints: ColumnHints) -> bool:
    """Return whether words of a table of pairs are read as verdicts, or refused."""
    labels = "preference" in resolved.role_columns and hints.is_label(name)
    return labels or are_verdicts(resolved.frame, name)


def _exclusion_reason(resolved: Resolved, name: str, hints: ColumnHints) -> str | None:
    """Return the warning about a column that is not read but may have scores as words or lists."""
    column = resolved.frame[name]
    sort = sort_of(column)
    if sort in ("nested", "text") and _has_scores(column):
        return (
            "excluded: it contains lists or objects of numbers; if these are scores, put each in "
            "a separate column"
        )
    if sort != "text":
        return None
    if resolved.pairs and (verdicts := outcomes(column)):
        return _outcome_reason(resolved, name, verdicts)
    if words := _scale_words(column):
        return (
            f"excluded: it contains words of a rating scale ({join_names(words, 7)}); if it is a "
            f"scorer, map them to numbers: value_map={{...}} (--value-map {_number_option(words)})"
        )
    if example := example_in_words(column):
        return (
            f"excluded: its cells, such as {example!r:.60}, are not plain numbers; if these are "
            "scores, write only the number in each cell"
        )
    if hints.is_label(name) and _is_short(column):
        return (
            "excluded: it is named like a label column but contains words such as "
            f"{_first(column)!r:.40}; if it is a label, map the words to numbers: "
            "value_map={...} (--value-map WORD=NUMBER,...)"
        )
    return None


def _outcome_reason(resolved: Resolved, name: str, verdicts: Mapping[str, int | None]) -> str:
    """Return the warning about words such as win and lose, which may be of either response."""
    only_verdicts = "preference" not in resolved.role_columns and not {"scorer", "rater"} & set(
        resolved.frame
    )
    python = "" if only_verdicts else f"columns={{'preference': {name!r}}}, "
    shell = "" if only_verdicts else f"--map preference={name} "
    typed = _format_option(verdicts)
    typed = typed if " " in typed else typed.replace('"', "")
    return (
        "excluded: it contains words for the outcome of a comparison "
        f"({join_names(verdicts, 9)}); if it holds verdicts, map them to 1 for the first response, "
        f"-1 for the second and 0 for a tie, for example {python}value_map={dict(verdicts)} "
        f"({shell}--value-map {typed})"
    )


def _first(column: pd.Series) -> Any:
    return next((v for v in column if isinstance(v, str) and v), "")


def _is_short(column: pd.Series) -> bool:
    return int(column.dropna().astype(TEXT).str.len().max()) <= _SHORT


def _scale_words(column: pd.Series) -> list[str]:
    """Return the words of a column if most belong to a rating scale."""
    words = sorted({word_of(v) for v in column.dropna().astype(TEXT).unique()[:20]} - {""})
    if len(words) > 2 and len(words) <= _MOST_GRADES and order_words(words):
        return words
    return words if 2 <= len(words) <= 9 and 2 * count_scale_words(words) > len(words) else []


def _number_option(words: Sequence[str]) -> str:
    """Format words for `--value-map`, with numbers if their order is known."""
    return _format_option(number_words(words) or dict.fromkeys(words))


def _format_option(numbers: Mapping[str, int | None]) -> str:
    """Format words and numbers for `--value-map`."""
    return ",".join(f'"{w}"={"NUMBER" if n is None else n}' for w, n in numbers.items())


def _has_scores(column: pd.Series) -> bool:
    """Return whether the first list or object of a column has only numbers, or a score.

    In text tables it is spelled out, as `{'score': 0.5}`.
    """
    value: Any = next((v for v in column if isinstance(v, list | dict | np.ndarray)), None)
    if value is None and is_list(_first(column)):
        return True
    value = _parse_literal(_first(column)) if value is None else value
    if not isinstance(value, list | dict | np.ndarray):
        return False
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]  # a list of judges with their scores
    values = list(value.values()) if isinstance(value, dict) else list(value)
    has_score_name = isinstance(value, dict) and any(str(k).lower() in _SCORE_NAMES for k in value)
    plain = all(isinstance(v, int | float | np.number) for v in values)
    return bool(values) and len(values) <= 20 and (plain or has_score_name)


_SCORE_NAMES = frozenset(("score", "label", "verdict", "preference", *LONG["score"]))
_SHORT = 40  # characters; longer cells are texts
_MOST_GRADES = 15  # from A+ to F


def _parse_literal(text: Any) -> Any:
    """Parse a list or an object that is spelled out in a text cell; None if there is none."""
    if not isinstance(text, str) or text[:1] not in ("[", "{") or len(text) > 1000:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
