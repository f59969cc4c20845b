"""Literal display of names from data: no markup, no lost characters, wrapped lines."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

_INVISIBLE = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")  # categories of characters without a glyph
_MARKS = ("Mc", "Me", "Mn")  # categories of combining marks
_BREAKS = " -_/.,:;|)"  # preferred positions of line breaks are after these
_MEASURED_SIZE = 100.0  # points; widths are measured once and scale linearly with the font size
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def literal_text(text: object, max_chars: int | None = None) -> str:
    r"""Return text that matplotlib draws literally, with code points for missing glyphs.

    Parameters
    ----------
    text : object
        Object whose `str` is shown.
    max_chars : int, optional
        Abbreviate longer texts in the middle; by default they are shown in full.

    Returns
    -------
    str
        Text for the fonts in the current `rcParams`. Dollar signs are escaped, so that they do not
        start a formula.

    Examples
    --------
    >>> print(literal_text("a$b$c" + chr(0x1F980) + chr(10)))
    a\$b\$c[U+1F980][U+000A]
    >>> literal_text("abcdefgh", max_chars=5)
    'ab…gh'
    """
    return "".join(escape_dollars(token) for token in tokens(text, max_chars))


def tokens(text: object, max_chars: int | None = None) -> list[str]:
    """Return the characters of a string with accents, or `[U+1F600]` if a glyph is missing."""
    fonts = _fonts(tuple(FontProperties().get_family()))
    pieces: list[str] = []
    for cluster in _grapheme_clusters(abbreviate(text, max_chars)):
        if _has_glyphs(cluster, fonts):
            pieces.append(cluster)
        else:
            pieces += [c if _has_glyphs(c, fonts) else f"[U+{ord(c):04X}]" for c in cluster]
    return pieces


def _grapheme_clusters(characters: list[str]) -> list[str]:
    """Characters, each joined with the combining marks that follow it."""
    clusters: list[str] = []
    for character in characters:
        if clusters and unicodedata.category(character) in _MARKS:
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def _has_glyphs(cluster: str, fonts: tuple[frozenset[int], ...]) -> bool:
    """Whether one font has a character and all its marks, which cannot be combined across fonts."""
    categories = [unicodedata.category(c) for c in cluster]
    if categories[0] in _MARKS or not set(categories).isdisjoint(_INVISIBLE):
        return False
    return any(all(ord(c) in charmap for c in cluster) for charmap in fonts)


def abbreviate(text: object, max_chars: int | None) -> list[str]:
    """Return the characters of a string, with an ellipsis in the middle if there are too many."""
    characters = list(str(text))
    if max_chars is None or len(characters) <= max_chars:
        return characters
    tail = (max_chars - 1) // 2
    return [*characters[: max_chars - 1 - tail], _ELLIPSIS, *characters[len(characters) - tail :]]


def escape_dollars(token: str) -> str:
    """Return a token with escaped dollar signs."""
    return token.replace("$", r"\$")


def wrap_text(text: object, max_width: float, size: float, max_chars: int | None = None) -> str:
    """Return `literal_text` wrapped to `max_width` points at a font size."""
    line: list[str] = []
    lines: list[str] = []
    for token in tokens(text, max_chars):
        if line and text_width([*line, token], size) > max_width:
            cut = _break_position(line, token)
            lines.append("".join(escape_dollars(t) for t in line[:cut]))
            line = line[cut:]
        line.append(token)
    return "\n".join([*lines, "".join(escape_dollars(t) for t in line)])


def text_width(parts: list[str] | str, size: float) -> float:
    """Return the width in points of tokens side by side."""
    families = tuple(FontProperties().get_family())
    return sum(_token_width(part, families) for part in parts) * size / _MEASURED_SIZE


def _break_position(line: list[str], token: str) -> int:
    """Position at which to break a full line: after a separator in its second half, or at its end.

    A number is not broken at its decimal point.
    """
    line_and_token = [*line, token]
    for position in range(len(line), len(line) // 2, -1):
        in_number = line_and_token[position - 1] == "." and line_and_token[position].isdigit()
        if line_and_token[position - 1] in _BREAKS and not in_number:
            return position
    return len(line)


@lru_cache(maxsize=4096)
def _token_width(token: str, families: tuple[str, ...]) -> float:
    prop = FontProperties(family=list(families), size=_MEASURED_SIZE)
    return float(text_to_path.get_text_width_height_descent(token, prop, ismath=False)[0])


def _fonts(families: tuple[str, ...]) -> tuple[frozenset[int], ...]:
    """Characters of the font of each family, in the order in which matplotlib tries them."""
    charmaps = []
    for family in families:
        prop = FontProperties(family=[family])
        try:
            charmaps.append(_charmap(str(font_manager.findfont(prop, fallback_to_default=False))))
        except ValueError:  # matplotlib, too, tries the next family
            continue
    return tuple(charmaps) or (_charmap(str(font_manager.findfont(FontProperties()))),)


@lru_cache(maxsize=32)
def _charmap(path: str) -> frozenset[int]:
    return frozenset(font_manager.get_font(path).get_charmap())
