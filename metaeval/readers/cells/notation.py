"""Number notations of people and programs: percent signs, decimal commas, fractions, tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import MetaevalError, check_one_of
from metaeval.readers.cells.missing_words import is_missing_word, word_of
from metaeval.readers.cells.rating_words import count_scale_words

NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_COMMA = r"[-+]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+),\d+(?:[eE][-+]?\d+)?"
_GROUPS = r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?"
_EITHER = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")  # 1,234: thousands or decimals
_DOTTED = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+")  # 1.234 or 1.234.567: the same with dots
_INTEGER = re.compile(r"[-+]?\d+")
_CALL = r"(?:torch\.)?(?:tensor|array|np\.float\d+|numpy\.float\d+|float\d*|Decimal)"
_SCORE = (
    r"(?:\w+[ _])?(?:score|rating|grade|verdict|judge?ment|quality|points?|mark|value|overall|"
    r"result|answer)s?"
)
_NOTHING = re.compile(  # notation around a missing value: tensor(nan), [], N/A/10, Score: N/A
    rf"(?:{_CALL}\(|(?:{_SCORE})\s*[:=])?\s*[\[(\"']*\s*(?:nan|n/?a|none|null|)\s*[\])\"'%]*"
    r"(?:,[^)]*\))?\)?(?:\s*(?:/|out of)\s*\d+)?",
    re.IGNORECASE,
)
# Characters. Longer cells are cut before matching, as the patterns backtrack in quadratic time: no
# number needs 400. A cell of more than 40 is prose rather than a score in some wording.
_LONGEST, _SHORT = 400, 40
_LOOKS_NUMERIC = re.compile(r"[-+\s\d.,%/()\[\]$€£'_eE]*\d[-+\s\d.,%/()\[\]$€£'_eE]*")
_LIST = re.compile(rf"[\[(]+\s*{NUMBER}(?:(?:\s*[,;]\s*|\s+){NUMBER})+[\s\])]*[\])]")
_INTERVAL = re.compile(  # 0.12 [0.1, 0.9], and 0.12 (0.03)
    rf"{NUMBER}\s*%?\s*[\[(]\s*{NUMBER}\s*%?(?:(?:\s*(?:[,;:–-]|to)\s*|\s+){NUMBER}\s*%?)?\s*[\])]"
)
_IS_DATE_OR_RANGE = re.compile(r"\d+(\s*[-:]\s*\d+)+|\d+(\s*[-/.:]\s*\d+){2,}")


@dataclass(frozen=True)
class Notation:
    """One way to write a number.

    Parameters
    ----------
    name : str
        Its name in notes.
    pattern : Pattern
        Pattern that matches the whole cell.
    value : callable
        Function from the match to the number.
    """

    name: str
    pattern: re.Pattern[str]
    value: Callable[[re.Match[str]], float]


def _first_group(match: re.Match[str]) -> float:
    return float(match[1])


_VULGAR_FRACTIONS = {"½": 0.5, "¼": 0.25, "¾": 0.75}


def _with_vulgar_fraction(match: re.Match[str]) -> float:
    return float(f"{match[1]}1") * (float(match[2] or 0) + _VULGAR_FRACTIONS[match[3]])


_PERCENT = Notation(
    "percent signs, read as proportions",
    re.compile(rf"({NUMBER})\s*%"),
    lambda m: float(m[1]) / 100,
)
_FRACTION = Notation(
    "fractions",
    re.compile(rf"({NUMBER})\s*(?:/|out of|of)\s*({NUMBER})(?:\s*(?:stars?|points?))?"),
    lambda m: float(m[1]) / float(m[2]) if float(m[2]) else float("nan"),
)
_WORD_FRACTION = Notation(
    "fractions",
    re.compile(
        rf"[*_`]*(?:{_SCORE})[*_`]*\s*[:=]\s*[*_`]*({NUMBER})\s*(?:/|out of|of)\s*({NUMBER})[*_`]*",
        re.IGNORECASE,
    ),
    _FRACTION.value,
)
_RATIOS = (_FRACTION, _WORD_FRACTION)
_DECIMAL_COMMA = Notation(
    "decimal commas",
    re.compile(rf"({_COMMA}|{_DOTTED.pattern})"),
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
_UNITS = Notation(
    "units",
    re.compile(rf"({NUMBER})\s*(stars?|points?|pts\.?|[★⭐]\ufe0f?|dB)", re.IGNORECASE),
    _first_group,
)
_PLAIN_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_WORDED = (  # 4 - good and good (4), where the words belong to a rating scale
    Notation(
        "numbers followed by words",
        re.compile(rf"(?P<number>{_PLAIN_NUMBER})\s*[-–—:=.(]\s*(?P<word>[^\W\d_][^\d()]*)\)?"),
        lambda m: float(m["number"]),
    ),
    Notation(
        "words followed by numbers",
        re.compile(
            rf"(?P<word>[^\W\d_][^\d()]{{0,40}}?)\s?[:=([]\s?(?P<number>{_PLAIN_NUMBER})[)\]]?"
        ),
        lambda m: float(m["number"]),
    ),
)
_WORD_FIRST = Notation(
    "a word before the number",
    re.compile(
        rf"[*_`]*\{{?\s*[\"']?(?:{_SCORE})[\"']?[*_`]*\s*[:=]\s*[*_`]*\[*({NUMBER})\]*[*_`]*"
        r"\s*\}?",
        re.IGNORECASE,
    ),
    _first_group,
)
_NOTATIONS = (
    _PERCENT,
    Notation("quotes", re.compile(rf"[\"']({NUMBER})[\"']?"), _first_group),
    Notation("brackets", re.compile(rf"\[+\s*({NUMBER})\s*,?\s*\]+"), _first_group),
    Notation(
        "calls such as tensor(0.8)",
        re.compile(rf"{_CALL}\(\s*\[*\s*['\"]?({NUMBER})['\"]?\s*\]*\s*(?:,[^)]*\)?)?\)"),
        _first_group,
    ),
    *_RATIOS,
    _WORD_FIRST,
    Notation(
        "stars",
        re.compile(r"([★⭐]+|\*+)(½?)[☆\ufe0f]*"),
        lambda m: len(m[1]) + (0.5 if m[2] else 0.0),
    ),
    _UNITS,
    Notation("asterisks", re.compile(rf"[*_`]{{1,3}}\s*({NUMBER})\s*[*_`]{{1,3}}"), _first_group),
    Notation("tags", re.compile(rf"<(\w+)>\s*({NUMBER})\s*</\1>"), lambda m: float(m[2])),
    Notation("signs for about", re.compile(rf"[~≈]\s*({NUMBER})"), _first_group),
    Notation(
        "uncertainties; the number before ± is read",
        re.compile(rf"({NUMBER})\s*(?:±|\+/-|\+-)\s*{NUMBER}"),
        _first_group,
    ),
    Notation("spreadsheet formulas", re.compile(rf"=\s*\"?({NUMBER})\"?"), _first_group),
    Notation(
        "k for thousands",
        re.compile(rf"({NUMBER})\s*[kK]"),
        lambda m: float(f"{m[1]}e3") if "e" not in m[1].lower() else float(m[1]) * 1000,
    ),
    Notation(
        "powers of ten",
        re.compile(rf"({NUMBER})\s*[×x*·]\s*10\^?([-+]?\d+)"),
        lambda m: float(f"{m[1]}e{m[2]}") if "e" not in m[1].lower() else float("nan"),
    ),
    Notation(
        "Fortran exponents",
        re.compile(r"([-+]?\d+\.\d*)[dD]([-+]?\d+)"),
        lambda m: float(f"{m[1]}e{m[2]}"),
    ),
    Notation("halves and quarters", re.compile(r"([-+]?)(\d*)\s*([½¼¾])"), _with_vulgar_fraction),
    *_WORDED,
)


@dataclass(frozen=True)
class ConvertedColumns:
    """Columns of a file whose numbers were not all in plain notation, such as 0.5.

    Parameters
    ----------
    frame : DataFrame
        The data with these columns as numbers.
    notes : tuple of str
        The notation of each column that was converted.
    unread : dict
        The reason for each column that looks numeric but cannot be read.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    unread: dict[str, str]


def declare_mark(name: str, mark: str) -> str:
    """Return what to type to declare the decimal mark, of all columns or of one of them."""
    return f"decimal={mark!r} (--decimal {mark})"


def check_decimal(decimal: Any) -> None:
    """Raise unless a decimal mark, or each mark of a mapping of columns, is a point or a comma."""
    if not isinstance(decimal, Mapping):
        check_one_of("decimal", decimal, (None, ".", ","))
        return
    for name, mark in decimal.items():
        check_one_of(f"decimal of {name!r}", mark, (".", ","))


def read_notations(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    source: str,
    decimal: Mapping[str, str] | None = None,
    declare: Callable[[str, str], str] = declare_mark,
) -> ConvertedColumns:
    """Convert columns of texts that are numbers in some notation to numbers.

    Parameters
    ----------
    frame : DataFrame
        A table as read.
    columns : sequence of str
        Columns that may contain numbers; ids are not among them.
    source : str
        Name of the file in messages.
    decimal : mapping of columns to {".", ","}, optional
        The declared decimal marks; other columns are inferred from their own cells, or from those
        of all columns.
    declare : callable
        Function from a column and a mark to what a message tells the user to type.
    """
    cells = {name: texts for name in columns if (texts := _texts(frame[name]))}
    proofs = {name: _proofs(texts) for name, texts in cells.items()}
    everywhere = _single_mark(set().union(*proofs.values()))
    converted, notes, unread = {}, [], {}
    for name, texts in cells.items():
        declared = (decimal or {}).get(name)
        mark = declared or (_single_mark(proofs[name]) if proofs[name] else everywhere)
        if not any(map(_needs_notation, texts)) and not _all_dotted(texts):
            continue
        notation = _notation_of(texts, mark, declared is not None)
        if notation in (_PERCENT, *_RATIOS) and _holds_numbers(frame[name]):
            notation = None
        if declared and proofs[name] - {declared}:
            unread[name] = _contradicted_mark_message(texts, declared, partial(declare, name))
        elif notation is not None:
            converted[name] = _convert(frame[name], notation)
            notes.append(f"{source}: {name} is written with {notation.name}")
        elif message := _why_unread(texts, mark, declared, partial(declare, name)):
            unread[name] = message
    if not converted:
        return ConvertedColumns(frame, (), unread)
    attrs = frame.attrs
    frame = frame.assign(**converted)
    frame.attrs = attrs
    return ConvertedColumns(frame, tuple(notes), unread)


def plain(text: str) -> str:
    """Strip a text and replace typographic minus signs and spaces by plain ones."""
    return text.strip().replace("\u2212", "-").replace("\u00a0", " ").replace("\u202f", " ")


def _short(text: str) -> str:
    """Return a plain text, cut where it is too long for a number: long ones are slow to match."""
    text = plain(text)
    return text if len(text) <= _LONGEST else f"{text[:_SHORT]}…"


def _texts(column: pd.Series) -> list[str]:
    """Return the distinct texts of a column that are not missing; lists of one value as text."""
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != object:
        return []
    values = pd.unique(column.dropna().astype(object).map(_as_text))
    texts = [_short(v) for v in values if isinstance(v, str) and not is_missing_word(v)]
    return [text for text in texts if not _NOTHING.fullmatch(text)]


def _holds_numbers(column: pd.Series) -> bool:
    """Return whether a column has numbers other than 0 beside texts, as JSON may."""
    numbers = (v for v in column if isinstance(v, int | float) and not isinstance(v, bool))
    return any(v != 0 and v == v for v in numbers)


def _as_text(value: Any) -> Any:
    """Return a text, or a list or object of one number as text; None for anything else."""
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


def _needs_notation(text: str) -> bool:
    return not _is_plain(text)


def _single_mark(marks: Collection[str]) -> str | None:
    return next(iter(marks)) if len(marks) == 1 else None


def _proofs(texts: Sequence[str]) -> set[str]:
    """Return the decimal marks that cells prove: a comma by 0,5 and a point by 1,234.5."""
    marks = set()
    for text in texts:
        if re.fullmatch(_COMMA, text) and not _EITHER.fullmatch(text):
            marks.add(",")
        elif re.fullmatch(_GROUPS, text) and not _EITHER.fullmatch(text):
            marks.add(".")
    has_two_dots = _all_dotted(texts) and any(text.count(".") > 1 for text in texts)
    return marks | {","} if has_two_dots else marks


def _all_dotted(texts: Sequence[str]) -> bool:
    """Return whether dots may separate thousands: no cell such as 0.681 or 12.5 rules it out."""
    broken = [text for text in texts if not _INTEGER.fullmatch(text)]
    return bool(broken) and all(map(_DOTTED.fullmatch, broken))


def dots_are_ambiguous(texts: Sequence[str]) -> bool:
    """Return whether 1.305 may mean 1305: whole numbers from 100 on are all larger than it.

    >>> dots_are_ambiguous(["1.305", "997"]), dots_are_ambiguous(["1.305", "1"])
    (True, False)
    """
    if not _all_dotted(texts):
        return False
    large = [v for t in texts if _INTEGER.fullmatch(t) and (v := abs(float(t))) >= 100]
    broken = [t for t in texts if not _INTEGER.fullmatch(t)]
    if any(text.count(".") > 1 for text in broken):
        return True
    return bool(large) and max(abs(float(t)) for t in broken) < min(large)


def _notation_of(texts: Sequence[str], mark: str | None, declared: bool) -> Notation | None:
    """Return the one notation of all texts that are not plain numbers; None if there is none."""
    unusual = [text for text in texts if _needs_notation(text)]
    if mark == ",":
        comma = _commas(texts, unusual, declared)
        if comma is not None:
            return comma
    elif (
        unusual
        and all(map(_THOUSANDS.pattern.fullmatch, unusual))
        and (mark == "." or any(re.fullmatch(r"[-+]?(?!100$)[1-9]\d\d", text) for text in texts))
    ):  # 1,506 beside 932 means 1506
        return _THOUSANDS
    for notation in _NOTATIONS if unusual else ():
        if notation.pattern.fullmatch(unusual[0]):
            matches = [m for text in unusual if (m := notation.pattern.fullmatch(text))]
            if len(matches) == len(unusual) and _consistent(notation, matches, texts, unusual):
                return notation
    return None


def _commas(texts: Sequence[str], odd: Sequence[str], declared: bool) -> Notation | None:
    """Return the notation of decimal commas; dots between thousands must be declared or proven."""
    if _all_dotted(texts):
        is_proven = declared or any(text.count(".") > 1 for text in texts)
        return _DOT_THOUSANDS if is_proven else None
    if not odd or not all(re.fullmatch(_COMMA, text) for text in odd):
        return None
    dotted = [text for text in texts if not _needs_notation(text) and "." in text]
    is_proven = declared or any("." in text for text in odd)
    return (
        _DECIMAL_COMMA
        if not dotted or (is_proven and all(map(_DOTTED.fullmatch, dotted)))
        else None
    )


def _consistent(
    notation: Notation, matches: Sequence[re.Match[str]], texts: Sequence[str], odd: Sequence[str]
) -> bool:
    """Return whether matches are on one scale: no percentage or fraction beside plain numbers."""
    if notation is _PERCENT:
        return all(float(text) == 0 for text in texts if text not in odd)
    if notation in _RATIOS:
        denominators = {m[2] for m in matches}
        ratio = len(denominators) == 1 or all(abs(notation.value(m)) <= 1 for m in matches)
        return ratio and len(odd) == len(texts) and all(float(m[2]) for m in matches)
    if notation is _WORD_FIRST:
        return len({re.split("[:=]", m[0])[0].strip(" {\"'").lower() for m in matches}) == 1
    if notation is _UNITS:
        return len({m[2].lower().rstrip(".\ufe0f").removesuffix("s") for m in matches}) == 1
    return notation not in _WORDED or _are_levels(matches)


def _are_levels(matches: Sequence[re.Match[str]]) -> bool:
    """Return whether numbers and words match one to one, and most words are of a rating scale."""
    levels = {(float(m["number"]), word_of(m["word"])) for m in matches}
    numbers, words = ({level[k] for level in levels} for k in (0, 1))
    mostly_scale_words = 2 * count_scale_words([str(word) for word in words]) > len(words)
    return mostly_scale_words and len(levels) == len(numbers) == len(words)


def _convert(column: pd.Series, notation: Notation) -> pd.Series:
    values = column.astype(object).map(lambda cell: _value(cell, notation), na_action="ignore")
    return pd.Series(values, index=column.index, name=column.name, dtype=object)


def _value(cell: Any, notation: Notation) -> Any:
    text = _as_text(cell)
    if not isinstance(text, str):
        return cell
    text = _short(text)
    if _NOTHING.fullmatch(text):
        return None
    match = notation.pattern.fullmatch(text)
    return notation.value(match) if match else cell


def depends_on_mark(column: pd.Series) -> bool:
    """Return whether the numbers of a column depend on the meaning of commas and dots."""
    texts = _texts(column)
    return _all_dotted(texts) or any(
        "," in text and _LOOKS_NUMERIC.fullmatch(text) for text in texts
    )


def is_list(text: Any) -> bool:
    """Return whether a text cell is a list of several numbers, such as `[3, 4]`."""
    return isinstance(text, str) and _LIST.fullmatch(_short(text)) is not None


def _why_unread(
    texts: Sequence[str], mark: str | None, declared: str | None, declare: Callable[[str], str]
) -> str | None:
    """Return why texts that look like numbers cannot be read; None if they do not look so."""
    odd = [text for text in texts if _needs_notation(text)]
    if any(map(_LIST.fullmatch, odd)):
        return None  # the warning about lists is given elsewhere
    if 2 * sum(_INTERVAL.fullmatch(text) is not None for text in odd) > len(odd):
        return "its cells have several numbers each; write one number per cell"
    if not odd:
        in_doubt = mark == "," or (mark is None and dots_are_ambiguous(texts))
        return _dots_request(declare) if in_doubt and not declared else None
    looks = [t for t in odd if _LOOKS_NUMERIC.fullmatch(t) and not _IS_DATE_OR_RANGE.fullmatch(t)]
    looks = looks or [t for t in odd if any(n.pattern.fullmatch(t) for n in _RATIOS)]
    if not looks or len(looks) < len(odd):
        return _exception_message(odd)
    if request := _mark_request(texts, declare):
        return request
    if any("%" in text for text in odd):
        return "only some cells have a percent sign; use one notation for all"
    if any("," in text for text in odd) and any("." in text for text in texts):
        return "commas and points are used inconsistently; write plain numbers, such as 0.5"
    return "write plain numbers, such as 0.5"


def _mark_request(texts: Sequence[str], declare: Callable[[str], str]) -> str | None:
    """Return the request to declare one of the decimal marks with which a column can be read."""
    marks = [mark for mark in (".", ",") if _is_readable(texts, mark)]
    if marks == [".", ","]:
        return (
            f"declare its decimal mark: {declare('.')} if commas separate thousands, "
            f"{declare(',')} if they precede decimals"
        )
    if marks == [","] and any(map(_DOTTED.fullmatch, texts)):
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
    return not _proofs(texts) - {mark} and _notation_of(texts, mark, True) is not None


def _contradicted_mark_message(
    texts: Sequence[str], declared: str, declare: Callable[[str], str]
) -> str:
    """Return the message for cells that contradict the declared decimal mark."""
    actual_mark = "." if declared == "," else ","
    cells = [t for t in texts if actual_mark in _proofs([t])]
    example = f"{cells[0]!r:.40} " if cells else ""
    message = f"{example}cannot be read with the decimal mark {declared!r}"
    if _is_readable(texts, actual_mark):
        return f"{message}; this column uses {actual_mark!r}: {declare(actual_mark)}"
    return f"{message}; write plain numbers, such as 0.5"


def _exception_message(odd: Sequence[str]) -> str | None:
    """Return the message for texts most of which are numbers in some notation, and a few not."""
    notations = [n for n in (*_NOTATIONS, _DECIMAL_COMMA) if n not in _WORDED]
    by_notation = [(n.name, [t for t in odd if n.pattern.fullmatch(t)]) for n in notations]
    name, texts = max(by_notation, key=lambda item: len(item[1]))
    written = {text for _, texts in by_notation for text in texts}
    if 2 * len(written) <= len(odd):
        return None
    exception = next((t for t in odd if t not in texts), None)
    if exception is None:
        return f"its cells are written with {name}, but not on one scale; write plain numbers"
    message = (
        f"most of its cells are written with {name}, such as {texts[0]!r:.40}, but "
        f"{exception!r:.40} is not"
    )
    missing = f"missing_codes=[{exception!r:.40}] (--missing-codes {exception!r:.40})"
    if any(c.isdigit() for c in exception):
        return (
            f"{message}; use one notation, or plain numbers; if it stands for a missing value, use "
            f"{missing}"
        )
    return f"{message}; if that stands for a missing value, use {missing}"


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
    if not cells or max(map(len, cells)) > _SHORT:
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
    return next((cell for cell, text in single_numbers if _needs_notation(text)), None)


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
    if re.match(rf"(?:{_SCORE}|rated)(?![^\W_])", text, re.IGNORECASE):
        return False
    return _NO_SCORE.fullmatch(wording) is not None and not (suffix and not number.isdigit())


def unread_error(frame: pd.DataFrame, name: str, source: str, message: str) -> MetaevalError:
    """Build the error for a column that looks numeric but cannot be read."""
    texts = frame[name].astype(object).map(_as_text)
    odd = texts.map(
        lambda t: isinstance(t, str) and not is_missing_word(t) and _needs_notation(plain(t))
    )
    if not odd.any():  # the dots of plain numbers
        odd = texts.map(lambda t: isinstance(t, str) and "." in t)
    row = int(np.flatnonzero(odd.to_numpy(dtype=bool))[0]) if odd.any() else 0
    return MetaevalError(
        f"{name!r} of {source} looks numeric but cannot be read: {frame[name].iloc[row]!r:.60} in "
        f"row {row + 1} (row 1 is the first below the header); {message}. To exclude the column, "
        "list the scorers: scorers=[...] (--scorers A,B)."
    )
