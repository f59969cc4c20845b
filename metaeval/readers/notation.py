"""Numbers as people and programs write them: percent signs, decimal commas, fractions, tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from metaeval.errors import MetaevalError
from metaeval.readers.blanks import says_missing

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_COMMA = r"[-+]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+"
_GROUPS = r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"
_EITHER = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")  # 1,234: a thousand or one and a bit
_DOTTED = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+")  # the same in the other countries
_CALL = r"(?:torch\.)?(?:tensor|array|np\.float\d+|numpy\.float\d+|float\d*|Decimal)"
_SCORE = (
    r"(?:\w+[ _])?(?:score|rating|grade|verdict|judge?ment|quality|points?|mark|value|overall|"
    r"result|answer)s?"
)
_NOTHING = re.compile(  # a notation around a word for missing: tensor(nan), [], N/A/10, Score: N/A
    rf"(?:{_CALL}\(|(?:{_SCORE})\s*[:=])?\s*[\[(\"']*\s*(?:nan|n/?a|none|null|)\s*[\])\"'%]*"
    r"(?:,[^)]*\))?\)?(?:\s*(?:/|out of)\s*\d+)?",
    re.IGNORECASE,
)
_LOOKS = re.compile(r"[-+\s\d.,%/()\[\]$€£'_eE]*\d[-+\s\d.,%/()\[\]$€£'_eE]*")
_IS_DATE_OR_RANGE = re.compile(r"\d+(\s*[-:]\s*\d+)+|\d+(\s*[-/.:]\s*\d+){2,}")


@dataclass(frozen=True)
class Notation:
    """One way to write a number.

    Parameters
    ----------
    name : str
        What to call it in notes.
    pattern : Pattern
        Matches the whole cell.
    value : callable
        From the match to the number.
    """

    name: str
    pattern: re.Pattern[str]
    value: Callable[[re.Match[str]], float]


def _first(match: re.Match[str]) -> float:
    return float(match[1])


_PERCENT = Notation(
    "percent signs, read as proportions",
    re.compile(rf"({NUMBER})\s*%"),
    lambda m: float(m[1]) / 100,
)
_FRACTION = Notation(
    "fractions",
    re.compile(rf"({NUMBER})\s*(?:/|out of|of)\s*({NUMBER})"),
    lambda m: float(m[1]) / float(m[2]) if float(m[2]) else float("nan"),
)
_DECIMAL_COMMA = Notation(
    "decimal commas",
    re.compile(f"({_COMMA})"),
    lambda m: float(m[1].replace(".", "").replace(",", ".")),
)
_THOUSANDS = Notation(
    "commas between thousands", re.compile(f"({_GROUPS})"), lambda m: float(m[1].replace(",", ""))
)
_DOT_THOUSANDS = Notation(
    "dots between thousands",
    re.compile(rf"({_DOTTED.pattern})"),
    lambda m: float(m[1].replace(".", "")),
)
_NOTATIONS = (
    _PERCENT,
    Notation("quotes", re.compile(rf"[\"']({NUMBER})[\"']?"), _first),
    Notation("brackets", re.compile(rf"\[+\s*({NUMBER})\s*,?\s*\]+"), _first),
    Notation(
        "calls such as tensor(0.8)",
        re.compile(rf"{_CALL}\(\s*\[*\s*['\"]?({NUMBER})['\"]?\s*\]*\s*(?:,[^)]*\)?)?\)"),
        _first,
    ),
    _FRACTION,
    Notation(
        "a word before the number",
        re.compile(rf"\{{?\s*[\"']?(?:{_SCORE})[\"']?\s*[:=]\s*\[*({NUMBER})\]*\s*\}}?", re.I),
        _first,
    ),
    Notation("stars", re.compile(r"([★⭐]+)[☆\ufe0f]*"), lambda m: float(len(m[1]))),
    Notation("units", re.compile(rf"({NUMBER})\s*(?:stars?|points?|pts\.?)", re.I), _first),
)


@dataclass(frozen=True)
class Written:
    """Columns of a file whose numbers were written in another way than 0.5.

    Parameters
    ----------
    frame : DataFrame
        The data with these columns as numbers.
    notes : tuple of str
        What was read how.
    unread : dict
        Columns that look like numbers and cannot be read: what to say of each.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    unread: dict[str, str]


def read_notations(
    frame: pd.DataFrame, columns: Sequence[str], *, source: str, decimal: str | None = None
) -> Written:
    """Turn columns of texts that are numbers in some notation into numbers.

    Parameters
    ----------
    frame : DataFrame
        A table as it was read.
    columns : sequence of str
        Columns that may hold numbers; ids are not among them.
    source : str
        What to call the file in messages.
    decimal : {".", ","}, optional
        The decimal mark; worked out from the cells of all columns where it is not given.
    """
    cells = {name: texts for name in columns if (texts := _texts(frame[name]))}
    odd = {name: texts for name, texts in cells.items() if any(map(_is_odd, texts))}
    mark = decimal or _decimal_mark(t for texts in cells.values() for t in texts)
    if mark == ",":
        odd |= {n: t for n, t in cells.items() if any(map(_DOTTED.fullmatch, t))}
    made, notes, unread = {}, [], {}
    for name, texts in odd.items():
        notation = _notation_of(texts, mark, decimal is not None)
        if notation in (_PERCENT, _FRACTION) and _holds_numbers(frame[name]):
            notation = None
        if notation is not None:
            made[name] = _converted(frame[name], notation)
            notes.append(f"{source}: {name} is written with {notation.name}")
        elif message := _why_unread(texts, mark):
            unread[name] = message
    if not made:
        return Written(frame, (), unread)
    attrs = frame.attrs
    frame = frame.assign(**made)
    frame.attrs = attrs
    return Written(frame, tuple(notes), unread)


def plain(text: str) -> str:
    """Return a text without blanks around it, with a plain minus sign and plain blanks."""
    return text.strip().replace("\u2212", "-").replace("\u00a0", " ").replace("\u202f", " ")


def _texts(column: pd.Series) -> list[str]:
    """Distinct texts of a column that are not words for missing; lists of one value as text."""
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != object:
        return []
    values = pd.unique(column.dropna().astype(object).map(_as_text))
    texts = [plain(v) for v in values if isinstance(v, str) and not says_missing(v)]
    return [text for text in texts if not _NOTHING.fullmatch(text)]


def _holds_numbers(column: pd.Series) -> bool:
    """Whether numbers other than 0 stand beside texts, as in JSON."""
    numbers = (v for v in column if isinstance(v, int | float) and not isinstance(v, bool))
    return any(v != 0 and v == v for v in numbers)


def _as_text(value: Any) -> Any:
    """A list of one number as text; what is neither a text nor such a list as None."""
    if isinstance(value, dict) and len(value) == 1:
        [(key, number)] = value.items()
        return f"{{{key}: {float(number)!r}}}" if _is_number(number) else None
    inner = value
    while isinstance(inner, list | tuple | np.ndarray) and len(inner) == 1:
        inner = inner[0]
    if inner is not value:
        return f"[{float(inner)!r}]" if _is_number(inner) else None
    if isinstance(value, list | tuple) and not value:
        return "[]"
    return value if isinstance(value, str) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _is_plain(text: str) -> bool:
    return re.fullmatch(NUMBER, text) is not None or text.lower().lstrip("+-") in _INFINITE


_INFINITE = ("inf", "infinity")


def _is_odd(text: str) -> bool:
    return not _is_plain(text)


def _decimal_mark(texts: Iterable[str]) -> str | None:
    """The decimal mark that some cell of the file proves; None where none does, or both are."""
    marks = set()
    for text in texts:
        if re.fullmatch(_COMMA, text) and not _EITHER.fullmatch(text):
            marks.add(",")
        elif re.fullmatch(_GROUPS, text) and not _EITHER.fullmatch(text):
            marks.add(".")
    return marks.pop() if len(marks) == 1 else None


def _notation_of(texts: Sequence[str], mark: str | None, declared: bool) -> Notation | None:
    """The one notation in which all texts are written that are not plain numbers."""
    odd = [text for text in texts if _is_odd(text)]
    if mark == ",":
        comma = _commas(texts, odd, declared)
        if comma is not None:
            return comma
    elif (
        odd
        and all(map(_THOUSANDS.pattern.fullmatch, odd))
        and (mark == "." or any(re.fullmatch(r"[-+]?[1-9]\d\d", text) for text in texts))
    ):  # 1,506 beside 932 is a thousand and some
        return _THOUSANDS
    for notation in _NOTATIONS if odd else ():
        if notation.pattern.fullmatch(odd[0]):
            matches = [m for text in odd if (m := notation.pattern.fullmatch(text))]
            if len(matches) == len(odd) and _consistent(notation, matches, texts, odd):
                return notation
    return None


def _commas(texts: Sequence[str], odd: Sequence[str], declared: bool) -> Notation | None:
    """Decimal commas; beside them dots stand between thousands, which only the user can say."""
    if odd and all(map(_DECIMAL_COMMA.pattern.fullmatch, odd)):
        return None if any("." in t for t in texts if not _is_odd(t)) else _DECIMAL_COMMA
    whole = [text for text in texts if not re.fullmatch(r"[-+]?\d+", text)]
    if declared and whole and all(map(_DOTTED.fullmatch, whole)):
        return _DOT_THOUSANDS
    return None


def _consistent(
    notation: Notation, matches: Sequence[re.Match[str]], texts: Sequence[str], odd: Sequence[str]
) -> bool:
    """Whether a notation stands for one scale: percents and fractions not beside plain numbers."""
    if notation is _PERCENT:
        return all(float(text) == 0 for text in texts if text not in odd)
    if notation is _FRACTION:
        whole = {m[2] for m in matches}
        ratio = len(whole) == 1 or all(abs(notation.value(m)) <= 1 for m in matches)
        return ratio and len(odd) == len(texts) and all(float(m[2]) for m in matches)
    if notation.name == "a word before the number":
        return len({re.split("[:=]", m[0])[0].strip(" {\"'").lower() for m in matches}) == 1
    return True


def _converted(column: pd.Series, notation: Notation) -> pd.Series:
    values = column.astype(object).map(lambda cell: _value(cell, notation), na_action="ignore")
    return pd.Series(values, index=column.index, name=column.name, dtype=object)


def _value(cell: Any, notation: Notation) -> Any:
    text = _as_text(cell)
    if isinstance(text, str) and _NOTHING.fullmatch(plain(text)):
        return None
    match = notation.pattern.fullmatch(plain(text)) if isinstance(text, str) else None
    return notation.value(match) if match else cell


def _why_unread(texts: Sequence[str], mark: str | None) -> str | None:
    """What to say of texts that look like numbers and are not; None if they do not look so."""
    odd = [text for text in texts if _is_odd(text)]
    dotted = mark == "," and not odd
    looks = [t for t in odd if _LOOKS.fullmatch(t) and not _IS_DATE_OR_RANGE.fullmatch(t)]
    looks = looks or [t for t in odd if _FRACTION.pattern.fullmatch(t)]
    if not dotted and (not looks or len(looks) < len(odd)):
        return _mostly_written(odd)
    if any(map(_EITHER.fullmatch, odd)) or dotted or any("," in t for t in odd):
        return (
            "say what its commas or dots are: decimal='.' (--decimal .) if commas stand between "
            "thousands, decimal=',' (--decimal ,) if they stand before decimals"
        )
    if any("%" in text for text in odd):
        return "percent signs stand on some cells only; write all in one way"
    return "write them as plain numbers, such as 0.5"


def _mostly_written(odd: Sequence[str]) -> str | None:
    """What to say where most texts are numbers in some notation, and a few are not."""
    notations = (*_NOTATIONS, _DECIMAL_COMMA)
    found = {n.name: [t for t in odd if n.pattern.fullmatch(t)] for n in notations}
    name, texts = max(found.items(), key=lambda item: len(item[1]))
    if 2 * len(texts) <= len(odd):
        return None
    other = next((t for t in odd if t not in texts), None)
    if other is None:
        return f"its cells are written with {name}, but not all on one scale; write plain numbers"
    return (
        f"most of its cells are written with {name}, such as {texts[0]!r:.40}, and {other!r:.40} "
        f"is not; if that is missing, missing_codes=[{other!r:.40}] (--missing-codes {other!r:.40})"
    )


def unread_error(frame: pd.DataFrame, name: str, source: str, message: str) -> MetaevalError:
    """Build the error of a column that looks like numbers and cannot be read."""
    texts = frame[name].astype(object).map(_as_text)
    odd = texts.map(lambda t: isinstance(t, str) and not says_missing(t) and _is_odd(plain(t)))
    row = int(np.flatnonzero(odd.to_numpy(dtype=bool))[0]) if odd.any() else 0
    return MetaevalError(
        f"{name!r} of {source} looks like numbers and cannot be read: "
        f"{frame[name].iloc[row]!r:.60} in row {row + 1} (the first below the header); {message}. "
        "To leave the column out, name the scorers: scorers=[...] (--scorers A,B)."
    )
