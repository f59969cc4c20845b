"""The notation in which the cells of a column are written, and its decimal mark."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from metaeval.readers.cells.missing_words import is_missing_word, word_of
from metaeval.readers.cells.notation_patterns import (
    COMMA,
    DECIMAL_COMMA,
    DOT_THOUSANDS,
    DOTTED,
    EITHER,
    GROUPS,
    INTEGER,
    LONGEST,
    LOOKS_NUMERIC,
    NOTATIONS,
    NOTHING,
    NUMBER,
    PERCENT,
    RATIOS,
    SHORT,
    THOUSANDS,
    UNITS,
    WORD_FIRST,
    WORDED,
    Notation,
)
from metaeval.readers.cells.rating_words import count_scale_words


def plain(text: str) -> str:
    """Strip a text and replace typographic minus signs and spaces with plain ones."""
    return text.strip().replace("\u2212", "-").replace("\u00a0", " ").replace("\u202f", " ")


def cut_text(text: str) -> str:
    """Return a plain text, cut where it is too long for a number: long ones are slow to match."""
    text = plain(text)
    return text if len(text) <= LONGEST else f"{text[:SHORT]}…"


def texts_of(column: pd.Series) -> list[str]:
    """Return the distinct texts of a column that are not missing; lists of one value as text."""
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != object:
        return []
    values = pd.unique(column.dropna().astype(object).map(cell_text))
    texts = [cut_text(v) for v in values if isinstance(v, str) and not is_missing_word(v)]
    return [text for text in texts if not NOTHING.fullmatch(text)]


def holds_numbers(column: pd.Series) -> bool:
    """Return whether a column has numbers other than 0 beside texts, as JSON may."""
    numbers = (v for v in column if isinstance(v, int | float) and not isinstance(v, bool))
    return any(v != 0 and v == v for v in numbers)


def cell_text(value: Any) -> Any:
    """Return a text, or a list or object of one number as text; None for anything else."""
    if isinstance(value, dict) and len(value) == 1:
        [(key, number)] = value.items()
        return f"{{{key}: {_number_text(number)}}}" if _is_number(number) else None
    inner = value
    while isinstance(inner, list | tuple | np.ndarray) and len(inner) == 1:
        inner = inner[0]
    if inner is not value:
        return f"[{_number_text(inner)}]" if _is_number(inner) else None
    if isinstance(value, list | tuple) and not value:
        return "[]"
    return value if isinstance(value, str) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _number_text(value: Any) -> str:
    """Return a number as text; integers beyond the largest double are infinite, and refused."""
    try:
        return repr(float(value))
    except OverflowError:
        return "inf" if value > 0 else "-inf"


def _is_plain(text: str) -> bool:
    return re.fullmatch(NUMBER, text) is not None or text.lower().lstrip("+-") in _INFINITE


_INFINITE = ("inf", "infinity")


def needs_notation(text: str) -> bool:
    """Return whether a text is not a plain number."""
    return not _is_plain(text)


def single_mark(marks: Collection[str]) -> str | None:
    """Return the only decimal mark, or None."""
    return next(iter(marks)) if len(marks) == 1 else None


def proven_marks(texts: Sequence[str]) -> set[str]:
    """Return the decimal marks that cells prove: a comma by 0,5 and a point by 1,234.5."""
    marks = set()
    for text in texts:
        if re.fullmatch(COMMA, text) and not EITHER.fullmatch(text):
            marks.add(",")
        elif re.fullmatch(GROUPS, text) and not EITHER.fullmatch(text):
            marks.add(".")
    has_two_dots = all_dotted(texts) and any(text.count(".") > 1 for text in texts)
    return marks | {","} if has_two_dots else marks


def all_dotted(texts: Sequence[str]) -> bool:
    """Return whether dots may separate thousands: no cell such as 0.681 or 12.5 rules this out."""
    broken = [text for text in texts if not INTEGER.fullmatch(text)]
    return bool(broken) and all(map(DOTTED.fullmatch, broken))


def dots_are_ambiguous(texts: Sequence[str]) -> bool:
    """Return whether 1.305 may mean 1305: whole numbers from 100 on are all larger than it.

    >>> dots_are_ambiguous(["1.305", "997"]), dots_are_ambiguous(["1.305", "1"])
    (True, False)
    """
    if not all_dotted(texts):
        return False
    large = [v for t in texts if INTEGER.fullmatch(t) and (v := abs(float(t))) >= 100]
    broken = [t for t in texts if not INTEGER.fullmatch(t)]
    if any(text.count(".") > 1 for text in broken):
        return True
    return bool(large) and max(abs(float(t)) for t in broken) < min(large)


def notation_of(texts: Sequence[str], mark: str | None, declared: bool) -> Notation | None:
    """Return the one notation of all texts that are not plain numbers; None if there is none."""
    unusual = [text for text in texts if needs_notation(text)]
    if mark == ",":
        comma = _commas(texts, unusual, declared)
        if comma is not None:
            return comma
    elif (
        unusual
        and all(map(THOUSANDS.pattern.fullmatch, unusual))
        and (mark == "." or any(re.fullmatch(r"[-+]?(?!100$)[1-9]\d\d", text) for text in texts))
    ):  # 1,506 beside 932 means 1506
        return THOUSANDS
    for notation in NOTATIONS if unusual else ():
        if notation.pattern.fullmatch(unusual[0]):
            matches = [m for text in unusual if (m := notation.pattern.fullmatch(text))]
            if len(matches) == len(unusual) and _consistent(notation, matches, texts, unusual):
                return notation
    return None


def _commas(texts: Sequence[str], odd: Sequence[str], declared: bool) -> Notation | None:
    """Return the notation of decimal commas; dots between thousands must be declared or proven."""
    if all_dotted(texts):
        is_proven = declared or any(text.count(".") > 1 for text in texts)
        return DOT_THOUSANDS if is_proven else None
    if not odd or not all(re.fullmatch(COMMA, text) for text in odd):
        return None
    dotted = [text for text in texts if not needs_notation(text) and "." in text]
    is_proven = declared or any("." in text for text in odd)
    return (
        DECIMAL_COMMA if not dotted or (is_proven and all(map(DOTTED.fullmatch, dotted))) else None
    )


def _consistent(
    notation: Notation, matches: Sequence[re.Match[str]], texts: Sequence[str], odd: Sequence[str]
) -> bool:
    """Return whether matches are on one scale: no percentage or fraction beside plain numbers."""
    if notation is PERCENT:
        return all(float(text) == 0 for text in texts if text not in odd)
    if notation in RATIOS:
        denominators = {m[2] for m in matches}
        ratio = len(denominators) == 1 or all(abs(notation.value(m)) <= 1 for m in matches)
        return ratio and len(odd) == len(texts) and all(float(m[2]) for m in matches)
    if notation is WORD_FIRST:
        return len({re.split("[:=]", m[0])[0].strip(" {\"'").lower() for m in matches}) == 1
    if notation is UNITS:
        return len({m[2].lower().rstrip(".\ufe0f").removesuffix("s") for m in matches}) == 1
    return notation not in WORDED or _are_levels(matches)


def _are_levels(matches: Sequence[re.Match[str]]) -> bool:
    """Return whether numbers and words match one to one, and most words are of a rating scale."""
    levels = {(float(m["number"]), word_of(m["word"])) for m in matches}
    numbers, words = ({level[k] for level in levels} for k in (0, 1))
    mostly_scale_words = 2 * count_scale_words([str(word) for word in words]) > len(words)
    return mostly_scale_words and len(levels) == len(numbers) == len(words)


def depends_on_mark(column: pd.Series) -> bool:
    """Return whether the numbers of a column depend on the meaning of commas and dots."""
    texts = texts_of(column)
    return all_dotted(texts) or any("," in text and LOOKS_NUMERIC.fullmatch(text) for text in texts)
