"""Missing values: words that all readers recognize, and codes that users declare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import Bools, MetaevalError, join_names
from metaeval.tables import TEXT

MISSING = frozenset(
    ("", "na", "n/a", "n.a.", "nan", "null", "none", "nil", "<na>", "#n/a", "missing", "-", "--")
)
"""Words for an absent value."""

FAILED = frozenset(
    (
        *("error", "$error$", "parse error", "parsing error", "parse failed", "parse failure"),
        *("parsing failed", "failed to parse", "unparseable", "unparsable", "no answer"),
        *("no verdict", "no rating", "no score", "no response", "refusal", "refused", "timeout"),
        *("timed out", "api error", "invalid response", "invalid output", "format error"),
    )
)
"""Words for an answer that could not be obtained or parsed: also missing, but with a note."""

# Characters. The pattern backtracks in quadratic time, and no float needs more: the smallest one
# has 324 decimals written out.
_LONGEST_NUMBER = 400


def word_of(value: Any) -> str:
    """Return a cell as a lower-case word; whole numbers are written without decimals.

    >>> word_of(" Parse_Error "), word_of(-1.0), word_of("99.0")
    ('parse error', '-1', '99')
    """
    word = re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", str(value).strip().lower())
    if len(word) > _LONGEST_NUMBER or not re.fullmatch(r"[-+]?\d*\.?\d+(e[-+]?\d+)?", word):
        return word
    number = float(word)
    return str(int(number)) if number.is_integer() else repr(number)


def is_missing_word(value: Any) -> bool:
    """Return whether a text cell stands for a missing value."""
    return isinstance(value, str) and word_of(value) in MISSING | FAILED


@dataclass(frozen=True)
class MissingCodes:
    """Codes that the user declared as missing values.

    Parameters
    ----------
    everywhere : frozenset of str
        Words and numbers, as `word_of` writes them, that are missing in every column of values.
    of : mapping
        The same for single columns, by name.
    declared : bool
        Whether the user declared anything, even that there are no codes; if so, suspicious values
        such as -1 are not reported.
    """

    everywhere: frozenset[str] = frozenset()
    of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    declared: bool = False

    def codes(self, column: str) -> frozenset[str]:
        """Return the codes of one column."""
        return self.everywhere | self.of.get(column, frozenset())

    def blank(self, column: pd.Series, name: str | None = None) -> pd.Series:
        """Return a column with its codes replaced by None."""
        codes = self.codes(str(column.name) if name is None else name)
        if not codes:
            return column
        where = is_one_of(column, codes)
        return column.astype(object).where(~where, None) if where.any() else column


def is_one_of(column: pd.Series, codes: Iterable[str]) -> Bools:
    """Return which cells equal one of the given words or numbers: (row,)."""
    code_set = frozenset(codes)
    labels, uniques = pd.factorize(column.astype(object).map(_hashable, na_action="ignore"))
    hit = np.array([word_of(value) in code_set for value in uniques] + [False])
    return np.asarray(hit[labels])


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, list | dict | set | np.ndarray) else value


def parse_codes(value: Any) -> MissingCodes:
    """Parse `missing_codes`: a value, a list of values, or a mapping of columns to them.

    >>> parse_codes([-1, "skip"]).codes("any") == {"-1", "skip"}
    True
    >>> parse_codes({"judge": 99}).codes("other")
    frozenset()
    """
    if value is None:
        return MissingCodes()
    if isinstance(value, Mapping):
        of = {str(name): _words(codes) for name, codes in value.items()}
        return MissingCodes(of=of, declared=True)
    return MissingCodes(everywhere=_words(value), declared=True)


def _words(value: Any) -> frozenset[str]:
    values = [value] if isinstance(value, str | int | float) else value
    if not isinstance(values, list | tuple | set | frozenset):
        raise MetaevalError(
            "missing_codes must be a list of codes, such as [-1, 'error'], or a mapping of columns "
            f"to codes, such as {{'judge': [-1]}}; got {value!r:.100}."
        )
    return frozenset(word_of(code) for code in values)


def failure_notes(column: pd.Series, name: str, source: str) -> list[str]:
    """Return a note on cells that are words for a failed answer and so count as missing."""
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != object:
        return []
    words = column[is_one_of(column, FAILED)].astype(TEXT).value_counts()
    if not len(words):
        return []
    counts = join_names([f"{word!r} in {n} rows" for word, n in words.items()], 5)
    return [f"{source}: {name}: {counts} read as missing"]
