"""Verdicts as numbers: the words that judges use, and what else the user says they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from metaeval.arrays import Floats
from metaeval.checks import listed, near_miss
from metaeval.errors import MetaevalError

_FIRST = ("model_a", "model_1", "a", "1", "left", "first", "response_a", "output_1")
_SECOND = ("model_b", "model_2", "b", "2", "right", "second", "response_b", "output_2")
_FIRST_BY_MARK = ("a>b", "a>>b", "b<a", "b<<a")
_SECOND_BY_MARK = ("b>a", "b>>a", "a<b", "a<<b")
_TIE = ("tie", "c", "a=b", "b=a", "equal", "draw", "same", "tie (bothbad)", "both_bad")
_NONE = ("", "error", "null", "none", "nan", "$error$")

WORDS: dict[str, float | None] = {
    **dict.fromkeys((*_FIRST, *_FIRST_BY_MARK), 1.0),
    **dict.fromkeys((*_SECOND, *_SECOND_BY_MARK), -1.0),
    **dict.fromkeys(_TIE, 0.0),
    **dict.fromkeys(_NONE, None),
}


def verdicts(
    column: pd.Series, vocabulary: Mapping[str, float | None] | None, source: str
) -> Floats:
    """Preferences as numbers in [-1, 1], NaN where there is none: (record,).

    Cells are words or numbers. 1 and 2 are words where 2 occurs; with a vocabulary all cells are.
    """
    codes, uniques = pd.factorize(column.astype(object).map(_hashable, na_action="ignore"))
    said = [_word(value) for value in uniques]
    words = WORDS | {_word(w): v for w, v in (vocabulary or {}).items()}
    sides = "2" in said and {"1", "2"} >= set(filter(_is_number, said))
    only_words = sides or vocabulary is not None
    _require_known_words([w for w in said if not _means(w, words, only_words)], words, source)
    values = [float(w) if _is_number(w) and not only_words else words[w] for w in said]
    table = np.array([np.nan if v is None else v for v in (*values, None)], dtype=np.float64)
    _require_in_range(table, source)
    return table[codes]


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, list | dict | np.ndarray) else value


def _word(value: Any) -> str:
    """A cell as a word in small letters; whole numbers of any type are written as whole numbers."""
    word = str(value).strip().lower()
    return str(int(float(word))) if _is_number(word) and float(word).is_integer() else word


def _is_number(word: str) -> bool:
    try:
        return "_" not in word and np.isfinite(float(word))
    except ValueError:
        return False


def _means(word: str, words: Mapping[str, float | None], only_words: bool) -> bool:
    return word in words or (not only_words and _is_number(word))


def _require_known_words(
    unknown: list[str], words: Mapping[str, float | None], source: str
) -> None:
    if not unknown:
        return
    raise MetaevalError(
        f"{source}: {listed(sorted(map(repr, unknown)))} is no verdict that is known."
        f"{near_miss(unknown[0], words)} Say what it means: vocabulary={{{unknown[0]!r}: 1}} "
        f"(--vocabulary {unknown[0]}=1; 1 first better, -1 second, 0 tie, none for no verdict)."
    )


def _require_in_range(values: Floats, source: str) -> None:
    outside = np.abs(values) > 1
    if outside.any():
        raise MetaevalError(
            f"{source}: preferences lie between -1 (second better) and 1 (first better); found "
            f"{values[outside][0]:g}. Probabilities p that the first is better become 2p - 1; "
            "other codes need a vocabulary, such as vocabulary={'0': -1, '1': 1}."
        )
