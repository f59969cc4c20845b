"""Cells of a tidy table before they are arranged: codes for missing, words, notations, lists."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from metaeval.checks import listed
from metaeval.readers.aliases import LONG
from metaeval.readers.blanks import MissingCodes, failure_notes, word_of
from metaeval.readers.columns import Resolved
from metaeval.readers.guesses import Said, is_covariate
from metaeval.readers.notation import read_notations, unread_error
from metaeval.readers.rating_words import in_order, n_known
from metaeval.readers.values import plain_numbers, sort_of
from metaeval.readers.verdicts import are_verdicts


def read_cells(
    resolved: Resolved,
    source: str,
    said: Said,
    codes: MissingCodes,
    vocabulary: Mapping[str, float | None] | None,
    decimal: str | None,
) -> tuple[Resolved, list[str], list[str]]:
    """Turn the cells that hold values into numbers where they are written in another way.

    Returns
    -------
    Resolved, list of str, list of str
        The table, notes and warnings.

    Raises
    ------
    MetaevalError
        If a column looks like numbers and cannot be read.
    """
    frame = resolved.frame
    columns = _value_columns(resolved, said)
    verdicts = {"preference"} if resolved.pairs else set[str]()
    if decimal is None and not codes.declared and not vocabulary:
        frame = _plain_numbers(frame, [c for c in columns if c not in verdicts])
        columns = [c for c in columns if not _is_numeric(frame[c])]
    values = [c for c in columns if c not in verdicts]
    notes = [note for c in columns for note in failure_notes(frame[c], c, source)]
    frame, more = _blanked(frame, values, source, codes, resolved)
    if vocabulary:
        frame = _in_numbers(frame, values, vocabulary)
    written = read_notations(frame, columns, source=source, decimal=decimal)
    for name, message in written.unread.items():
        if name not in verdicts and (name in resolved.found or said.holds_unread(name)):
            raise unread_error(frame, name, source, message)
    resolved = replace(resolved, frame=written.frame)
    warnings = _left_out(resolved, columns, source, said)
    return resolved, [*notes, *more, *written.notes], warnings


def _plain_numbers(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Columns of plain numbers as numbers, as nothing else is to be done with them.

    Where another column holds commas, these may be decimal, and then 1.234 may be a thousand.
    """
    cast = {c: v for c in columns if (v := plain_numbers(frame[c])) is not None}
    rest = [frame[c] for c in columns if c not in cast and not _is_numeric(frame[c])]
    if not cast or any(isinstance(v, str) and "," in v for column in rest for v in column):
        return frame
    attrs, made = frame.attrs, {str(c): cast.get(str(c), frame[c]) for c in frame}
    frame = pd.DataFrame(made, index=frame.index)
    frame.attrs = attrs
    return frame


def _is_numeric(column: pd.Series) -> bool:
    return column.dtype != object and pd.api.types.is_numeric_dtype(column.dtype)


def _value_columns(resolved: Resolved, said: Said) -> list[str]:
    """Columns that hold values or may do so: no ids, no keys."""
    values = ("score", "label", "preference")
    roles = {*resolved.found, *resolved.spare, *said.keys, "order", "tie_kind"} - set(values)
    return [str(c) for c in resolved.frame if str(c) not in roles]


def _blanked(
    frame: pd.DataFrame,
    columns: Sequence[str],
    source: str,
    codes: MissingCodes,
    resolved: Resolved,
) -> tuple[pd.DataFrame, list[str]]:
    """Codes for missing as nothing, and how many there were."""
    made, notes = {}, []
    for name in columns:
        own = {str(resolved.found.get(name, name)), name}
        for called in own & set(codes.of) or {name}:
            blank = codes.blank(frame[name], called)
            n = int((blank.isna() & frame[name].notna()).sum())
            if n:
                made[name] = blank
                notes.append(f"{source}: {called}: {n} cells with a code for missing")
    if not made:
        return frame, notes
    attrs = frame.attrs
    frame = frame.assign(**made)
    frame.attrs = attrs
    return frame, notes


def _in_numbers(
    frame: pd.DataFrame, columns: Sequence[str], vocabulary: Mapping[str, float | None]
) -> pd.DataFrame:
    """Words of a vocabulary as the numbers that they stand for."""
    numbers = {word_of(word): number for word, number in vocabulary.items()}
    attrs, made = frame.attrs, {}
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
            made[name] = frame[name].astype(object).where(~hit, words.map(numbers))
    frame = frame.assign(**made)
    frame.attrs = attrs
    return frame


def _left_out(resolved: Resolved, columns: Sequence[str], source: str, said: Said) -> list[str]:
    """Warnings of columns that may have been meant as scores and are not read as such."""
    if said.scorers is not None:
        return []
    warnings = []
    for name in columns:
        if name in resolved.found or name in said.named or is_covariate(name):
            continue
        if resolved.pairs and (said.is_label(name) or are_verdicts(resolved.frame, name)):
            continue  # words there are verdicts
        sort = sort_of(resolved.frame[name])
        if sort in ("nested", "text") and _holds_scores(resolved.frame[name]):
            warnings.append(
                f"{source}: {name} is left out, it holds lists or objects with numbers; if these "
                "are scores, put each into a column of its own"
            )
        elif sort == "text" and (words := _scale_words(resolved.frame[name])):
            warnings.append(
                f"{source}: {name} holds words of a scale ({listed(words, 7)}) and is not a "
                f"scorer; if it is one, say what they mean: --vocabulary {_numbered(words)}"
            )
        elif sort == "text" and said.is_label(name) and _is_short(resolved.frame[name]):
            warnings.append(
                f"{source}: {name} is called as labels are, and holds words such as "
                f"{_first(resolved.frame[name])!r:.40}; it is not a label. If it is one, say what "
                "its words mean (--vocabulary WORD=NUMBER,...)"
            )
    return warnings


def _first(column: pd.Series) -> Any:
    return next((v for v in column if isinstance(v, str) and v), "")


def _is_short(column: pd.Series) -> bool:
    return int(column.dropna().astype(str).str.len().max()) <= _SHORT


def _scale_words(column: pd.Series) -> list[str]:
    """Words of a column, if most are those of a rating scale."""
    words = sorted({word_of(v) for v in column.dropna().astype(str).unique()[:20]} - {""})
    grades = len(words) > 2 and bool(in_order(words))
    return words if 2 <= len(words) <= 9 and (grades or 2 * n_known(words) > len(words)) else []


def _numbered(words: Sequence[str]) -> str:
    """Words as options of a vocabulary, with numbers where their order is known."""
    steps = in_order(words)
    if not steps:
        return ",".join(f'"{word}"=NUMBER' for word in words)
    return ",".join(f'"{w}"={n}' for n, step in enumerate(steps, 1) for w in step)


def _holds_scores(column: pd.Series) -> bool:
    """Whether the first list or object of a column holds numbers only, or something like a score.

    In tables of text it is written out, as `{'score': 0.5}`.
    """
    value: Any = next((v for v in column if isinstance(v, list | dict | np.ndarray)), None)
    value = _written_out(_first(column)) if value is None else value
    if not isinstance(value, list | dict | np.ndarray):
        return False
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]  # a list of judges with their scores
    values = list(value.values()) if isinstance(value, dict) else list(value)
    named = isinstance(value, dict) and any(str(k).lower() in _SCORE_NAMES for k in value)
    plain = all(isinstance(v, int | float | np.number) for v in values)
    return bool(values) and len(values) <= 20 and (plain or named)


_SCORE_NAMES = frozenset(("score", "label", "verdict", "preference", *LONG["score"]))
_SHORT = 40


def _written_out(text: Any) -> Any:
    """A list or an object that a cell of text spells out."""
    if not isinstance(text, str) or text[:1] not in ("[", "{") or len(text) > 1000:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
