"""Texts from data as figures show them: nothing is run, nothing is lost, long ones go on."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")  # kinds of characters without a shape
_MARKS = ("Mc", "Me", "Mn")  # kinds of those that sit on the one before
_BREAKS = " -_/.,:;|)"  # a long name goes on in the next line after one of these, where it can
_UNIT = 100.0  # points at which widths are measured
_MORE = "\N{HORIZONTAL ELLIPSIS}"


def shown(text: object, max_chars: int | None = None) -> str:
    r"""Text as matplotlib draws it literally; characters that the font lacks by their number.

    Parameters
    ----------
    text : object
        Its `str` is shown.
    max_chars : int, optional
        Longer ones lose their middle; by default all of it is shown.

    Returns
    -------
    str
        For the fonts that `rcParams` name now. Dollars are escaped, so that no formula starts.

    Examples
    --------
    >>> print(shown("a$b$c" + chr(0x1F980) + chr(10)))
    a\$b\$c[U+1F980][U+000A]
    >>> shown("abcdefgh", max_chars=5)
    'ab…gh'
    """
    return "".join(escaped(token) for token in tokens(text, max_chars))


def tokens(text: object, max_chars: int | None = None) -> list[str]:
    """Characters of a text with their accents, or `[U+1F600]` for one that has no shape."""
    fonts = _fonts(tuple(FontProperties().get_family()))
    found: list[str] = []
    for whole in _with_accents(characters(text, max_chars)):
        if _drawn(whole, fonts):
            found.append(whole)
        else:
            found += [c if _drawn(c, fonts) else f"[U+{ord(c):04X}]" for c in whole]
    return found


def _with_accents(every: list[str]) -> list[str]:
    """Characters, each with the marks that are drawn above or below it."""
    found: list[str] = []
    for character in every:
        if found and unicodedata.category(character) in _MARKS:
            found[-1] += character
        else:
            found.append(character)
    return found


def _drawn(whole: str, fonts: tuple[frozenset[int], ...]) -> bool:
    """Whether one font has a character and all of its marks; a mark alone would go astray."""
    kinds = [unicodedata.category(c) for c in whole]
    if kinds[0] in _MARKS or not set(kinds).isdisjoint(_UNSEEN):
        return False
    return any(all(ord(c) in has for c in whole) for has in fonts)


def characters(text: object, max_chars: int | None) -> list[str]:
    """Characters of a text, less its middle where it has more than it may have."""
    every = list(str(text))
    if max_chars is None or len(every) <= max_chars:
        return every
    tail = (max_chars - 1) // 2
    return [*every[: max_chars - 1 - tail], _MORE, *every[len(every) - tail :]]


def escaped(token: str) -> str:
    """A token with a dollar that is only a dollar."""
    return token.replace("$", r"\$")


def wrapped(text: object, room: float, size: float, max_chars: int | None = None) -> str:
    """`shown` in as many lines as it takes to stay within `room` points at a font size."""
    line: list[str] = []
    lines: list[str] = []
    for token in tokens(text, max_chars):
        if line and width([*line, token], size) > room:
            cut = _cut(line, token)
            lines.append("".join(escaped(t) for t in line[:cut]))
            line = line[cut:]
        line.append(token)
    return "\n".join([*lines, "".join(escaped(t) for t in line)])


def width(parts: list[str] | str, size: float) -> float:
    """Width in points of tokens that stand side by side."""
    families = tuple(FontProperties().get_family())
    return sum(_wide(part, families) for part in parts) * size / _UNIT


def _cut(line: list[str], then: str) -> int:
    """Where a line that is full ends: after a separator in its second half, else at its end.

    A number is not cut at its point.
    """
    rest = [*line, then]
    for place in range(len(line), len(line) // 2, -1):
        inside = rest[place - 1] == "." and rest[place].isdigit()
        if rest[place - 1] in _BREAKS and not inside:
            return place
    return len(line)


@lru_cache(maxsize=4096)
def _wide(token: str, families: tuple[str, ...]) -> float:
    prop = FontProperties(family=list(families), size=_UNIT)
    return float(text_to_path.get_text_width_height_descent(token, prop, ismath=False)[0])


def _fonts(families: tuple[str, ...]) -> tuple[frozenset[int], ...]:
    """Characters of each font of some families, in the order in which matplotlib asks them."""
    found = []
    for family in families:
        prop = FontProperties(family=[family])
        try:
            found.append(_charmap(str(font_manager.findfont(prop, fallback_to_default=False))))
        except ValueError:  # matplotlib goes on to the next family, too
            continue
    return tuple(found) or (_charmap(str(font_manager.findfont(FontProperties()))),)


@lru_cache(maxsize=32)
def _charmap(path: str) -> frozenset[int]:
    return frozenset(font_manager.get_font(path).get_charmap())
