"""Verdicts as numbers: the words that judges use, and those that users declare."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, Bools, Floats, MetaevalError, join_names
from metaeval.readers.cells.missing_words import FAILED, MISSING, MissingCodes, word_of
from metaeval.readers.cells.scales import (
    Scale,
    as_margins,
    inferred_scale,
    one_sided_warning,
    scale_of,
)
from metaeval.tables import TEXT

_SIDED = "assistant|model|response|answer|output|candidate|option|system|summary|translation|text"
_FIRST = ("a", "1", "left", "first")
_SECOND = ("b", "2", "right", "second")
_FIRST_BY_MARK = ("a>b", "a>>b", "b<a", "b<<a")
_SECOND_BY_MARK = ("b>a", "b>>a", "a<b", "a<<b")
_TIE = (
    *("tie", "c", "a=b", "b=a", "equal", "draw", "same", "tie (bothbad)", "both bad", "both"),
    *("both good", "both are good", "both are bad", "neither", "no preference", "equally good"),
    *("equally bad", "both equally good", "about the same"),
)
_SIDE = rf"(?:the )?(?:(?:{_SIDED})[\s#]*)?(a|b|1|2|first|second|left|right)"
_HOW_MUCH = "much|slightly|somewhat|significantly|clearly|strongly|marginally|far|a bit|a little"
_BETTER = re.compile(
    rf"{_SIDE}(?: (?:response|answer|output|one))? (?:(?:is |was )?(?:(?:{_HOW_MUCH}) )?"
    r"(?:better|preferred)|wins|won)"
)
_OUTCOMES = {
    **dict.fromkeys(("win", "wins", "won", "chosen"), 1),
    **dict.fromkeys(("lose", "loses", "lost", "loss", "rejected"), -1),
    **dict.fromkeys(("tie", "ties", "tied", "draw", "equal", "both", "neither", "same"), 0),
}
"""Words for the outcome of a response that do not say which response is meant."""
_OF_OUTCOMES = re.compile(rf"\b(?:{'|'.join(_OUTCOMES)}|better|worse|prefer\w*)\b")

_LONGEST_WORD = 24  # characters; the longest words above have 17, and longer cells are texts
_MOST_WORDS = 30  # a column with more distinct words does not hold verdicts

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
    value_map: Mapping[str, float | None] | None = None,
    codes: MissingCodes | None = None,
    scale: Scale = None,
    raters: Collection[str] = (),
) -> tuple[Floats, list[str]]:
    """Convert verdicts to numbers in [-1, 1], NaN where missing; return them with warnings.

    Parameters
    ----------
    column : Series
        Words or numbers, one cell per verdict: (record,).
    names : Categorical
        The judge of each verdict: (record,).
    source : str
        Name of the file in messages.
    value_map : mapping, optional
        Further words and numbers: word -> 1, -1, 0, a number in between, or None.
    codes : MissingCodes, optional
        Codes for a missing verdict.
    scale : str or mapping of judges to str, optional
        Coding of the numbers; see `scales.SCALES`. Inferred where only one meaning is possible.
    raters : collection of str
        Judges whose verdicts are labels; labels that all favor the first response are common.

    Raises
    ------
    MetaevalError
        If a word is unknown, or the meaning of numbers is ambiguous.
    """
    codes = codes or MissingCodes()
    declared = {plain_word(w): v for w, v in (value_map or {}).items()}
    numbers_are_words = any(map(is_number, declared))
    words = {w: v for w, v in WORDS.items() if not (numbers_are_words and is_number(w))} | declared
    values = np.full(len(column), np.nan)
    warnings: list[str] = []
    for k, name in enumerate(map(str, names.categories)):
        at = np.flatnonzero(names.codes == k)
        if len(at):
            vocabulary = words | dict.fromkeys(codes.codes(name), None)
            numbers, tied, are_numbers = _read(
                column.iloc[at], vocabulary, numbers_are_words, source
            )
            judge_scale = scale_of(name, scale) if are_numbers else "margin"
            scale_warnings = list[str]()
            if judge_scale is None:
                judge_scale, scale_warnings = inferred_scale(numbers, name, source, verdicts=True)
            margins = np.where(tied, 0.0, as_margins(numbers, judge_scale, name, source))
            if scale_of(name, scale) is None or not are_numbers:
                _require_in_range(margins, name, source)
            values[at] = margins
            scale_warnings = scale_warnings or one_sided_warning(
                margins[~np.isnan(margins)], name, source
            )
            warnings += scale_warnings if name not in raters else []
    return values, warnings


def _read(
    column: pd.Series, words: Mapping[str, float | None], numbers_are_words: bool, source: str
) -> tuple[Floats, Bools, bool]:
    """Return values, a mask of ties, and whether the values are numbers of the file or words."""
    cells, uniques = pd.factorize(column.astype(object).map(_hashable, na_action="ignore"))
    written = [plain_word(value) for value in uniques]
    nothing = {w for w in written if w in words and words[w] is None}
    numbers = {w for w in written if is_number(w)} - nothing
    sides = {w for w in written if words.get(w) not in (None, 0.0)} - numbers
    if numbers_are_words or sides:
        numbers = set()
    _require_known_words(written, words, numbers, column, source)
    table = [float(w) if w in numbers else words[w] for w in written]
    numeric = np.array([np.nan if v is None else v for v in (*table, None)], dtype=np.float64)
    tied = np.array([w not in numbers and words[w] == 0.0 for w in written] + [False])
    return np.where(tied, np.nan, numeric)[cells], tied[cells], bool(numbers)


def are_sides(column: pd.Series) -> bool:
    """Return whether a column consists of words for the sides of pairs, as verdicts do."""
    cells = pd.unique(column.dropna().astype(object).map(_hashable))[:_MOST_WORDS]
    words = {plain_word(value) for value in cells}
    meanings = {w: WORDS[w] for w in words if w in WORDS and not is_number(w)}
    return len(meanings) == len(words) < _MOST_WORDS and any(meanings.values())


def are_verdicts(frame: pd.DataFrame, name: str) -> bool:
    """Return whether a column of a table of pairs names the winner, by side or by name."""
    if are_sides(frame[name]):
        return True
    if not {"first", "second"} <= set(frame) or pd.api.types.is_numeric_dtype(frame[name].dtype):
        return False
    cells = frame[name].astype(object).where(frame[name].notna(), "").map(_hashable)
    cells = cells.astype(TEXT).str.strip()
    sides = [frame[side].astype(TEXT).str.strip() for side in ("first", "second")]
    names_side = (cells == sides[0]) | (cells == sides[1])
    if not names_side.any() or all(map(is_number, pd.unique(cells[names_side]))):
        return False
    return bool((names_side | cells.map(word_of).isin(WORDS))[cells != ""].all())


def outcomes(column: pd.Series) -> dict[str, int | None]:
    """Return the words of a column of outcomes such as win and lose; {} for any other column.

    The value is the verdict if the word describes the first response, None if that is unknown.
    """
    cells = pd.unique(column.dropna().astype(object).map(_hashable))[:_MOST_WORDS]
    words = sorted({word_of(value) for value in cells} - MISSING - FAILED)
    short = 2 <= len(words) <= 9 and max(map(len, words)) <= _LONGEST_WORD
    if not short or not any(map(_OF_OUTCOMES.search, words)):
        return {}
    standard_words = [word for word in _OUTCOMES if word in words]
    return {
        w: _OUTCOMES.get(w)
        for w in (*standard_words, *(w for w in words if w not in standard_words))
    }


def plain_word(value: Any) -> str:
    """Return a cell as a word without brackets; a phrase that names a side becomes that side.

    >>> plain_word("[[A]]"), plain_word("Response 1"), plain_word("B is slightly better")
    ('a', 'first', 'b')
    """
    word = word_of(value)
    word = re.sub(r"^\[+(.*?)\]+$", r"\1", word).strip()
    side = re.fullmatch(rf"(?:{_SIDED})[\s#]*([ab12])", word) or _BETTER.fullmatch(word)
    return {"1": "first", "2": "second"}.get(side[1], side[1]) if side else word


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, list | dict | np.ndarray) else value


def is_number(word: str) -> bool:
    """Return whether a word is a finite number."""
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
    n = int(column.astype(object).map(plain_word, na_action="ignore").isin(unknown).sum())
    listing = join_names([f"{w!r:.60}" for w in unknown], 5)
    example = unknown[0] if len(unknown[0]) <= 40 else "WORD"
    heading = "Unknown verdict" if len(unknown) == 1 else "Unknown verdicts"
    missing = f"missing_codes=[{example!r}] (--missing-codes {example!r})"
    verdict = (
        f"value_map={{{example!r}: ...}} (--value-map WORD=1 for the first response, WORD=-1 for "
        "the second, WORD=0 for a tie; list every numeric code)"
    )
    cures = [
        f"if it stands for a missing verdict, use {missing}",
        f"otherwise map it with {verdict}",
    ]
    if 2 * n > len(column):  # judges rarely fail on most records
        cures = [f"declare which response it favors with {verdict}", cures[0]]
    raise MetaevalError(
        f"{heading} in {source}: {listing} ({n} of {len(column)} records). "
        f"{'; '.join(cures)[:1].upper()}{'; '.join(cures)[1:]}."
    )


def _require_in_range(values: Floats, name: str, source: str) -> None:
    present = values[~np.isnan(values)]
    if not (np.abs(present) > 1 + ROUNDOFF).any():
        return
    codes = join_names([f"{v:g}" for v in np.unique(present)], 8)
    first = ",".join(f"{v:g}=..." for v in np.unique(present)[:8])
    cures = [
        f"value_map={{...}} (--value-map {first}), with 1 for the first response, -1 for the "
        "second, 0 for a tie, and values in between for graded preferences"
    ]
    if present.min() < 0:
        cures = [
            "preference_scale='margin' (--preference-scale margin), if positive values favor the "
            "first",
            *cures,
        ]
    elif present.max() > 10:
        cures = [
            "preference_scale='percent' (--preference-scale percent), if they are percentages that "
            "favor the first",
            *cures,
        ]
    raise MetaevalError(
        f"{source}: expected preferences from -1 (second better) to 1 (first better), got {codes} "
        f"in {name}. Declare their meaning: {'; or '.join(cures)}."
    )
