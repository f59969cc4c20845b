"""The notations of numbers: percent signs, decimal commas, fractions, units, tensors."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
COMMA = r"[-+]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+),\d+(?:[eE][-+]?\d+)?"
GROUPS = r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?"
EITHER = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")  # 1,234: thousands or decimals
DOTTED = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+")  # 1.234 or 1.234.567: the same with dots
INTEGER = re.compile(r"[-+]?\d+")
_CALL = r"(?:torch\.)?(?:tensor|array|np\.float\d+|numpy\.float\d+|float\d*|Decimal)"
SCORE = (
    r"(?:\w+[ _])?(?:score|rating|grade|verdict|judge?ment|quality|points?|mark|value|overall|"
    r"result|answer)s?"
)
NOTHING = re.compile(  # notation around a missing value: tensor(nan), [], N/A/10, Score: N/A
    rf"(?:{_CALL}\(|(?:{SCORE})\s*[:=])?\s*[\[(\"']*\s*(?:nan|n/?a|none|null|)\s*[\])\"'%]*"
    r"(?:,[^)]*\))?\)?(?:\s*(?:/|out of)\s*\d+)?",
    re.IGNORECASE,
)
# Characters. Longer cells are cut before matching, as the patterns backtrack in quadratic time: no
# number needs 400. A cell of more than 40 is prose rather than a score in some wording.
LONGEST, SHORT = 400, 40
LOOKS_NUMERIC = re.compile(r"[-+\s\d.,%/()\[\]$€£'_eE]*\d[-+\s\d.,%/()\[\]$€£'_eE]*")
LIST = re.compile(rf"[\[(]+\s*{NUMBER}(?:(?:\s*[,;]\s*|\s+){NUMBER})+[\s\])]*[\])]")
INTERVAL = re.compile(  # 0.12 [0.1, 0.9], and 0.12 (0.03)
    rf"{NUMBER}\s*%?\s*[\[(]\s*{NUMBER}\s*%?(?:(?:\s*(?:[,;:–-]|to)\s*|\s+){NUMBER}\s*%?)?\s*[\])]"
)
IS_DATE_OR_RANGE = re.compile(r"\d+(\s*[-:]\s*\d+)+|\d+(\s*[-/.:]\s*\d+){2,}")


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


PERCENT = Notation(
    "percentages, read as proportions",
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
        rf"[*_`]*(?:{SCORE})[*_`]*\s*[:=]\s*[*_`]*({NUMBER})\s*(?:/|out of|of)\s*({NUMBER})[*_`]*",
        re.IGNORECASE,
    ),
    _FRACTION.value,
)
RATIOS = (_FRACTION, _WORD_FRACTION)
DECIMAL_COMMA = Notation(
    "decimal commas",
    re.compile(rf"({COMMA}|{DOTTED.pattern})"),
    lambda m: float(m[1].replace(".", "").replace(",", ".")),
)
THOUSANDS = Notation(
    "commas between thousands", re.compile(f"({GROUPS})"), lambda m: float(m[1].replace(",", ""))
)
DOT_THOUSANDS = Notation(
    "dots between thousands",
    re.compile(rf"({DOTTED.pattern})"),
    lambda m: float(m[1].replace(".", "")),
)
UNITS = Notation(
    "units",
    re.compile(rf"({NUMBER})\s*(stars?|points?|pts\.?|[★⭐]\ufe0f?|dB)", re.IGNORECASE),
    _first_group,
)
_PLAIN_NUMBER = r"[-+]?\d+(?:\.\d+)?"
WORDED = (  # 4 - good and good (4), where the words belong to a rating scale
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
WORD_FIRST = Notation(
    "a word before the number",
    re.compile(
        rf"[*_`]*\{{?\s*[\"']?(?:{SCORE})[\"']?[*_`]*\s*[:=]\s*[*_`]*\[*({NUMBER})\]*[*_`]*"
        r"\s*\}?",
        re.IGNORECASE,
    ),
    _first_group,
)
NOTATIONS = (
    PERCENT,
    Notation("quotes", re.compile(rf"[\"']({NUMBER})[\"']?"), _first_group),
    Notation("brackets", re.compile(rf"\[+\s*({NUMBER})\s*,?\s*\]+"), _first_group),
    Notation(
        "calls such as tensor(0.8)",
        re.compile(rf"{_CALL}\(\s*\[*\s*['\"]?({NUMBER})['\"]?\s*\]*\s*(?:,[^)]*\)?)?\)"),
        _first_group,
    ),
    *RATIOS,
    WORD_FIRST,
    Notation(
        "stars",
        re.compile(r"([★⭐]+|\*+)(½?)[☆\ufe0f]*"),
        lambda m: len(m[1]) + (0.5 if m[2] else 0.0),
    ),
    UNITS,
    Notation("asterisks", re.compile(rf"[*_`]{{1,3}}\s*({NUMBER})\s*[*_`]{{1,3}}"), _first_group),
    Notation("tags", re.compile(rf"<(\w+)>\s*({NUMBER})\s*</\1>"), lambda m: float(m[2])),
    Notation("approximation signs", re.compile(rf"[~≈]\s*({NUMBER})"), _first_group),
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
    *WORDED,
)
