"""Verdicts as numbers: the words that judges use, and what else the user says they mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from metaeval.arrays import Bools, Floats
from metaeval.checks import listed, near_miss
from metaeval.errors import MetaevalError
from metaeval.readers.blanks import FAILED, MISSING, MissingCodes, word_of
from metaeval.readers.scales import Scale, as_margins, inferred_scale, one_sided, scale_of

_FIRST = ("model a", "model 1", "a", "1", "left", "first", "response a", "output 1")
_SECOND = ("model b", "model 2", "b", "2", "right", "second", "response b", "output 2")
_FIRST_BY_MARK = ("a>b", "a>>b", "b<a", "b<<a")
_SECOND_BY_MARK = ("b>a", "b>>a", "a<b", "a<<b")
_TIE = ("tie", "c", "a=b", "b=a", "equal", "draw", "same", "tie (bothbad)", "both bad")

WORDS: dict[str, float | None] = {
    **dict.fromkeys((*_FIRST, *_FIRST_BY_MARK), 1.0),
    **dict.fromkeys((*_SECOND, *_SECOND_BY_MARK), -1.0),
    **dict.fromkeys(_TIE, 0.0),
    **dict.fromkeys((*MISSING, *FAILED), None),
}


def verdicts(
    column: pd.Series,
    names: Any,
    *,
    source: str,
    vocabulary: Mapping[str, float | None] | None = None,
    codes: MissingCodes | None = None,
    scale: Scale = None,
    raters: Collection[str] = (),
) -> tuple[Floats, list[str]]:
    """Preferences as numbers in [-1, 1], NaN where there is none, and warnings.

    Parameters
    ----------
    column : Series
        Words or numbers, a cell per verdict: (record,).
    names : Categorical
        Whose verdict each is: (record,).
    source : str
        What to call the file in messages.
    vocabulary : mapping, optional
        Further words and numbers: word -> 1, -1, 0, a number between, or None.
    codes : MissingCodes, optional
        What stands for no verdict.
    scale : str or mapping of judges to str, optional
        What numbers mean; see `scales.SCALES`. Worked out where only one meaning is possible.
    raters : collection of str
        Who gives labels; that these all favour the first response is usual.

    Raises
    ------
    MetaevalError
        If a word is not known, or numbers may mean several things.
    """
    codes = codes or MissingCodes()
    words = WORDS | {word_of(w): v for w, v in (vocabulary or {}).items()}
    numbers_are_words = any(_is_number(word_of(w)) for w in vocabulary or ())
    values = np.full(len(column), np.nan)
    warnings: list[str] = []
    for k, name in enumerate(map(str, names.categories)):
        at = np.flatnonzero(names.codes == k)
        if len(at):
            known = words | dict.fromkeys(codes.codes(name), None)
            given, tied, are_numbers = _read(column.iloc[at], known, numbers_are_words, source)
            one = scale_of(name, scale) if are_numbers else "margin"
            more = one_sided(given[~np.isnan(given)], name, source)
            if one is None:
                one, more = inferred_scale(given, name, source, verdicts=True)
            values[at] = np.where(tied, 0.0, as_margins(given, one, name, source))
            warnings += more if name not in raters else []
    _require_in_range(values, source)
    return values, warnings


def _read(
    column: pd.Series, words: Mapping[str, float | None], numbers_are_words: bool, source: str
) -> tuple[Floats, Bools, bool]:
    """Words as 1 and -1, or numbers as they stand in the file; words for ties; which of the two."""
    cells, uniques = pd.factorize(column.astype(object).map(_hashable, na_action="ignore"))
    written = [word_of(value) for value in uniques]
    nothing = {w for w in written if w in words and words[w] is None}
    numbers = {w for w in written if _is_number(w)} - nothing
    sides = {w for w in written if words.get(w) not in (None, 0.0)} - numbers
    if numbers_are_words or sides:
        numbers = set()
    _require_known_words(written, words, numbers, column, source)
    table = [float(w) if w in numbers else words[w] for w in written]
    made = np.array([np.nan if v is None else v for v in (*table, None)], dtype=np.float64)
    tied = np.array([w not in numbers and words[w] == 0.0 for w in written] + [False])
    return np.where(tied, np.nan, made)[cells], tied[cells], bool(numbers)


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, list | dict | np.ndarray) else value


def _is_number(word: str) -> bool:
    try:
        return "_" not in word and bool(np.isfinite(float(word)))
    except ValueError:
        return False


def _require_known_words(
    written: list[str],
    words: Mapping[str, float | None],
    numbers: set[str],
    column: pd.Series,
    source: str,
) -> None:
    unknown = sorted({w for w in written if w not in words and w not in numbers})
    if not unknown:
        return
    n = int(column.astype(object).map(word_of).isin(unknown).sum())
    shown = listed([f"{w!r:.60}" for w in unknown], 5)
    one = unknown[0] if len(unknown[0]) <= 40 else "WORD"
    near = near_miss(one, [w for w, side in WORDS.items() if side is not None and len(w) > 3])
    codes = f"missing_codes=[{one!r}] (--missing-codes {one!r})"
    raise MetaevalError(
        f"{source}: {shown} is not a known verdict ({n} of {len(column)} records).{near} If it "
        f"says that there is no verdict: {codes}. If it is one, say whom it favours: "
        f"vocabulary={{{one!r}: ...}} (--vocabulary WORD=1 for the first, WORD=-1 for the second, "
        "WORD=0 for a tie)."
    )


def _require_in_range(values: Floats, source: str) -> None:
    outside = np.abs(values) > 1
    if outside.any():
        raise MetaevalError(
            f"{source}: preferences lie between -1 (second better) and 1 (first better); found "
            f"{values[outside][0]:g}. Say what the numbers mean: preference_scale='probability' (0 "
            "to 1) or 'one-two' (1 first, 2 second), or a vocabulary such as "
            "vocabulary={'5': 1, '-5': -1} (--vocabulary 5=1,-5=-1)."
        )
