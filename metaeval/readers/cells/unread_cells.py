"""Cells that look like numbers or scores and are not read: why, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import MetaevalError
from metaeval.readers.cells.column_notation import (
    cell_text,
    cut_text,
    dots_are_ambiguous,
    needs_notation,
    notation_of,
    plain,
    proven_marks,
)
from metaeval.readers.cells.missing_words import is_missing_word
from metaeval.readers.cells.notation_patterns import (
    DECIMAL_COMMA,
    DOTTED,
    INTERVAL,
    IS_DATE_OR_RANGE,
    LIST,
    LOOKS_NUMERIC,
    NOTATIONS,
    RATIOS,
    SCORE,
    SHORT,
    WORDED,
)


def is_list(text: Any) -> bool:
    """Return whether a text cell is a list of several numbers, such as `[3, 4]`."""
    return isinstance(text, str) and LIST.fullmatch(cut_text(text)) is not None


def why_unread(
    texts: Sequence[str], mark: str | None, declared: str | None, declare: Callable[[str], str]
) -> str | None:
    """Return why texts that look like numbers cannot be read; None for any other texts."""
    odd = [text for text in texts if needs_notation(text)]
    if any(map(LIST.fullmatch, odd)):
        return None  # the warning about lists is given elsewhere
    if 2 * sum(INTERVAL.fullmatch(text) is not None for text in odd) > len(odd):
        return "its cells contain several numbers each; write one number per cell"
    if not odd:
        in_doubt = mark == "," or (mark is None and dots_are_ambiguous(texts))
        return _dots_request(declare) if in_doubt and not declared else None
    looks = [t for t in odd if LOOKS_NUMERIC.fullmatch(t) and not IS_DATE_OR_RANGE.fullmatch(t)]
    looks = looks or [t for t in odd if any(n.pattern.fullmatch(t) for n in RATIOS)]
    if not looks or len(looks) < len(odd):
        return _exception_message(odd)
    if request := _mark_request(texts, declare):
        return request
    if any("%" in text for text in odd):
        return "only some cells have a percent sign; use one notation for all"
    if any("," in text for text in odd) and any("." in text for text in texts):
        return "commas and dots are used inconsistently; write plain numbers, such as 0.5"
    return "write plain numbers, such as 0.5"


def _mark_request(texts: Sequence[str], declare: Callable[[str], str]) -> str | None:
    """Return the request to declare one of the decimal marks with which a column can be read."""
    marks = [mark for mark in (".", ",") if _is_readable(texts, mark)]
    if marks == [".", ","]:
        return (
            f"declare its decimal mark: {declare('.')} if commas separate thousands, "
            f"{declare(',')} if they precede decimals"
        )
    if marks == [","] and any(map(DOTTED.fullmatch, texts)):
        return (
            f"if its dots separate thousands, use {declare(',')}; otherwise write plain numbers, "
            "such as 0.5"
        )
    return f"declare its decimal mark: {declare(marks[0])}" if marks else None


def _dots_request(declare: Callable[[str], str]) -> str:
    return (
        f"declare its decimal mark: {declare(',')} if dots separate thousands, {declare('.')} if "
        "they precede decimals"
    )


def _is_readable(texts: Sequence[str], mark: str) -> bool:
    """Return whether a column can be read with a declared decimal mark."""
    return not proven_marks(texts) - {mark} and notation_of(texts, mark, True) is not None


def contradicted_mark_message(
    texts: Sequence[str], declared: str, declare: Callable[[str], str]
) -> str:
    """Return the message for cells that contradict the declared decimal mark."""
    actual_mark = "." if declared == "," else ","
    cells = [t for t in texts if actual_mark in proven_marks([t])]
    example = f"{cells[0]!r:.40} " if cells else ""
    message = f"{example}cannot be read with the decimal mark {declared!r}"
    if _is_readable(texts, actual_mark):
        return f"{message}; this column uses {actual_mark!r}, so declare {declare(actual_mark)}"
    return f"{message}; write plain numbers, such as 0.5"


def _exception_message(odd: Sequence[str]) -> str | None:
    """Return the message for texts most of which are numbers in some notation, and a few not."""
    notations = [n for n in (*NOTATIONS, DECIMAL_COMMA) if n not in WORDED]
    by_notation = [(n.name, [t for t in odd if n.pattern.fullmatch(t)]) for n in notations]
    name, texts = max(by_notation, key=lambda item: len(item[1]))
    written = {text for _, texts in by_notation for text in texts}
    if 2 * len(written) <= len(odd):
        return None
    exception = next((t for t in odd if t not in texts), None)
    if exception is None:
        return f"its cells contain {name}, but not all on the same scale; write plain numbers"
    message = (
        f"most of its cells contain {name}, such as {texts[0]!r:.40}, but {exception!r:.40} is "
        "written differently"
    )
    missing = f"missing_codes=[{exception!r:.40}] (--missing-codes {exception!r:.40})"
    if any(c.isdigit() for c in exception):
        return (
            f"{message}; use one notation throughout, or plain numbers; if it stands for a "
            f"missing value, use {missing}"
        )
    return f"{message}; if it stands for a missing value, use {missing}"


_SINGLE_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_COMPOUND_NUMBER = re.compile(  # 4/5, 4 out of 5 and 77.2 ± 0.3 are one number each
    rf"({_SINGLE_NUMBER.pattern})\s*%?\s*(?:/|out of|of|±|\+/-)\s*{_SINGLE_NUMBER.pattern}\s*%?"
)
_PLACEHOLDER = "\0"  # replaces the number
_NO_SCORE = re.compile(  # q12, doc-3, item 4, #5, gpt-3.5, 7b, 4-bit, 1st, 5 Jan, 5 pm
    r"[./]?[^\W\d_][\w./:#-]*[\s_./:#-]?\0[\w./-]*|[#@]\0|\0[bmx]|\0-?[^\W\d_][\w.-]*|"
    r".*\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b.*|\0\s*[ap]m",
)
_MOST_WORDS = 4  # words beside a score; more make it prose, unless it mentions a score
_MENTIONS_SCORE = re.compile(r"\b(?:scor|rat(?:e|ing)|grad|giv|verdict|points?\b|quality)")
_RANGE = re.compile(r"(\d(?:\.\d+)?)\s*[-–]\s*(\d(?:\.\d+)?)")  # 3-4, as ratings
_HEX = re.compile(r"0x[0-9a-f]{1,4}", re.IGNORECASE)
_MOST_WORDINGS = 12  # templates around the number, as judges use; free text has more
_MOST_INSPECTED = 200  # distinct cells that are inspected, which bounds the time


def example_in_words(column: pd.Series) -> str | None:
    """Return a cell of a column whose cells contain one number each, in few different wordings.

    None where the cells look like ids, dates or texts.
    """
    cells = list(pd.unique(column.dropna().astype(object).map(str))[:_MOST_INSPECTED])
    cells = [v for v in cells if v.strip() and not is_missing_word(v)]
    if not cells or max(map(len, cells)) > SHORT:
        return None
    texts = [_COMPOUND_NUMBER.sub(r"\1 ", plain(v).lower()) for v in cells]
    if all(map(_HEX.fullmatch, texts)) or all(map(_is_rising_range, texts)):
        return cells[0]
    single_numbers = [
        (c, t) for c, t in zip(cells, texts, strict=True) if len(_SINGLE_NUMBER.findall(t)) == 1
    ]
    if len(single_numbers) < 0.9 * len(cells):
        return None
    numbers = {_SINGLE_NUMBER.findall(text)[0] for _, text in single_numbers}
    wordings = {_SINGLE_NUMBER.sub(_PLACEHOLDER, text) for _, text in single_numbers}
    if (
        len(numbers) < 3
        or len(wordings) > _MOST_WORDINGS
        or any(map(_is_not_score, (t for _, t in single_numbers)))
    ):
        return None
    return next((cell for cell, text in single_numbers if needs_notation(text)), None)


def _is_rising_range(text: str) -> bool:
    """Return whether a text is a range such as 3-4, a rating between two steps."""
    match = _RANGE.fullmatch(text)
    return match is not None and float(match[1]) < float(match[2])


def _is_not_score(text: str) -> bool:
    """Return whether a text with one number is an id, a size, a date or prose, not a score."""
    wording, [number] = _SINGLE_NUMBER.sub(_PLACEHOLDER, text), _SINGLE_NUMBER.findall(text)
    suffix = wording.startswith(_PLACEHOLDER) and wording[1:2] not in ("b", "m", "x")
    if len(re.findall(r"[^\W\d_]+", wording)) > _MOST_WORDS:
        return _MENTIONS_SCORE.search(wording) is None
    if re.match(rf"(?:{SCORE}|rated)(?![^\W_])", text, re.IGNORECASE):
        return False
    return _NO_SCORE.fullmatch(wording) is not None and not (suffix and not number.isdigit())


def unread_error(frame: pd.DataFrame, name: str, source: str, message: str) -> MetaevalError:
    """Build the error for a column that looks numeric but cannot be read."""
    texts = frame[name].astype(object).map(cell_text)
    odd = texts.map(
        lambda t: isinstance(t, str) and not is_missing_word(t) and needs_notation(plain(t))
    )
    if not odd.any():  # the dots of plain numbers
        odd = texts.map(lambda t: isinstance(t, str) and "." in t)
    row = int(np.flatnonzero(odd.to_numpy(dtype=bool))[0]) if odd.any() else 0
    return MetaevalError(
        f"{name!r} in {source} looks numeric but cannot be read: {frame[name].iloc[row]!r:.60} in "
        f"row {row + 1} (row 1 is the first below the header); {message}. To exclude the column, "
        "list the scorers: scorers=[...] (--scorers A,B)."
    )
