"""Verdicts as numbers: the words that judges use, and what else the user says they mean."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, Bools, Floats, MetaevalError, join_names
from metaeval.readers.cells.missing_words import FAILED, MISSING, MissingCodes, word_of
from metaeval.readers.cells.scales import Scale, as_margins, inferred_scale, one_sided, scale_of
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
"""Words that say how a response fared, but not which."""
_OF_OUTCOMES = re.compile(rf"\b(?:{'|'.join(_OUTCOMES)}|better|worse|prefer\w*)\b")

_LONGEST_WORD = 24
_MOST_WORDS = 30  # a column of more different words is not one of verdicts

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
    """Preferences as numbers in [-1, 1], NaN where there is none, and warnings.

    Parameters
    ----------
    column : Series
        Words or numbers, a cell per verdict: (record,).
    names : Categorical
        Whose verdict each is: (record,).
    source : str
        What to call the file in messages.
    value_map : mapping, optional
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
    own = {plain_word(w): v for w, v in (value_map or {}).items()}
    numbers_are_words = any(map(is_number, own))
    words = {w: v for w, v in WORDS.items() if not (numbers_are_words and is_number(w))} | own
    values = np.full(len(column), np.nan)
    warnings: list[str] = []
    for k, name in enumerate(map(str, names.categories)):
        at = np.flatnonzero(names.codes == k)
        if len(at):
            known = words | dict.fromkeys(codes.codes(name), None)
            given, tied, are_numbers = _read(column.iloc[at], known, numbers_are_words, source)
            one = scale_of(name, scale) if are_numbers else "margin"
            more = list[str]()
            if one is None:
                one, more = inferred_scale(given, name, source, verdicts=True)
            margins = np.where(tied, 0.0, as_margins(given, one, name, source))
            if scale_of(name, scale) is None or not are_numbers:
                _require_in_range(margins, name, source)
            values[at] = margins
            more = more or one_sided(margins[~np.isnan(margins)], name, source)
            warnings += more if name not in raters else []
    return values, warnings


def _read(
    column: pd.Series, words: Mapping[str, float | None], numbers_are_words: bool, source: str
) -> tuple[Floats, Bools, bool]:
    """Words as 1 and -1, or numbers as they stand in the file; words for ties; which of the two."""
    cells, uniques = pd.factorize(column.astype(object).map(_hashable, na_action="ignore"))
    written = [plain_word(value) for value in uniques]
    nothing = {w for w in written if w in words and words[w] is None}
    numbers = {w for w in written if is_number(w)} - nothing
    sides = {w for w in written if words.get(w) not in (None, 0.0)} - numbers
    if numbers_are_words or sides:
        numbers = set()
    _require_known_words(written, words, numbers, column, source)
    table = [float(w) if w in numbers else words[w] for w in written]
    made = np.array([np.nan if v is None else v for v in (*table, None)], dtype=np.float64)
    tied = np.array([w not in numbers and words[w] == 0.0 for w in written] + [False])
    return np.where(tied, np.nan, made)[cells], tied[cells], bool(numbers)


def are_sides(column: pd.Series) -> bool:
    """Tell whether a column holds words for the sides of pairs, as a judge's verdicts do."""
    cells = pd.unique(column.dropna().astype(object).map(_hashable))[:_MOST_WORDS]
    words = {plain_word(value) for value in cells}
    known = {w: WORDS[w] for w in words if w in WORDS and not is_number(w)}
    return len(known) == len(words) < _MOST_WORDS and any(known.values())


def are_verdicts(frame: pd.DataFrame, name: str) -> bool:
    """Tell whether a column of a table of pairs says which response won, by side or by name."""
    if are_sides(frame[name]):
        return True
    if not {"first", "second"} <= set(frame) or pd.api.types.is_numeric_dtype(frame[name].dtype):
        return False
    cells = frame[name].astype(object).where(frame[name].notna(), "").map(_hashable)
    cells = cells.astype(TEXT).str.strip()
    sides = [frame[side].astype(TEXT).str.strip() for side in ("first", "second")]
    named = (cells == sides[0]) | (cells == sides[1])
    if not named.any() or all(map(is_number, pd.unique(cells[named]))):
        return False
    return bool((named | cells.map(word_of).isin(WORDS))[cells != ""].all())


def outcomes(column: pd.Series) -> dict[str, int | None]:
    """Words of a column that holds few and short ones, some of which say who won; else nothing.

    The number is that of a verdict where the word is said of the first response.
    """
    cells = pd.unique(column.dropna().astype(object).map(_hashable))[:_MOST_WORDS]
    words = sorted({word_of(value) for value in cells} - MISSING - FAILED)
    short = 2 <= len(words) <= 9 and max(map(len, words)) <= _LONGEST_WORD
    if not short or not any(map(_OF_OUTCOMES.search, words)):
        return {}
    known = [word for word in _OUTCOMES if word in words]
    return {w: _OUTCOMES.get(w) for w in (*known, *(w for w in words if w not in known))}


def plain_word(value: Any) -> str:
    """A cell as a word, without brackets, and without what stands around the side that it names.

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
    """Tell whether a word is a finite number."""
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
    shown = join_names([f"{w!r:.60}" for w in unknown], 5)
    one = unknown[0] if len(unknown[0]) <= 40 else "WORD"
    named = "This verdict is" if len(unknown) == 1 else "These verdicts are"
    missing = f"missing_codes=[{one!r}] (--missing-codes {one!r})"
    verdict = (
        f"value_map={{{one!r}: ...}} (--value-map WORD=1 for the first, WORD=-1 for the second, "
        "WORD=0 for a tie; name every code that is a number)"
    )
    cures = [f"if it says that there is no verdict, {missing}", f"if it is one, {verdict}"]
    if 2 * n > len(column):  # most records: hardly failures
        cures = [f"say which response it favours: {verdict}", cures[0]]
    raise MetaevalError(
        f"{named} not known in {source}: {shown} ({n} of {len(column)} records). "
        f"{'; '.join(cures)[:1].upper()}{'; '.join(cures)[1:]}."
    )


def _require_in_range(values: Floats, name: str, source: str) -> None:
    present = values[~np.isnan(values)]
    if not (np.abs(present) > 1 + ROUNDOFF).any():
        return
    codes = join_names([f"{v:g}" for v in np.unique(present)], 8)
    first = ",".join(f"{v:g}=..." for v in np.unique(present)[:8])
    cures = [
        f"a vocabulary of all codes (--value-map {first}; value_map={{...}}), with 1 for the "
        "first, -1 for the second, 0 for a tie and numbers between for those between"
    ]
    if present.min() < 0:
        cures = [
            "preference_scale='margin' (--preference-scale margin), if those above 0 favour the "
            "first",
            *cures,
        ]
    elif present.max() > 10:
        cures = [
            "preference_scale='percent' (--preference-scale percent), if they say how likely the "
            "first is better",
            *cures,
        ]
    raise MetaevalError(
        f"{source}: preferences lie between -1 (second better) and 1 (first better); found {codes} "
        f"of {name}. Say what these numbers mean: {'; or '.join(cures)}."
    )
