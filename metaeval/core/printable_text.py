"""Text that is safe to print: invisible characters are shown as code points."""

from __future__ import annotations

import re

LONGEST = 2_000  # characters of an error message
_HEAD = 1_300
_INVISIBLE = (  # blank glyphs that `str.isprintable` accepts
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
    *range(0x180B, 0x1810),
    *range(0xFE00, 0xFE10),
    *range(0xE0100, 0xE01F0),
)
_HIDDEN = frozenset(map(chr, _INVISIBLE))


def is_hidden(character: str) -> bool:
    """Whether a character is invisible or changes how the surrounding text is displayed.

    Control characters, line and paragraph separators, all whitespace except the space, direction
    and zero-width marks, lone surrogates, private-use and unassigned characters.
    """
    return not character.isprintable() or character in _HIDDEN


def printable(text: object, keep: str = "") -> str:
    r"""Text with hidden characters shown as code points, except those in `keep`.

    >>> printable("a\x1b[31m\u202eb"), printable("x\ny", keep="\n")
    ('a[U+001B][31m[U+202E]b', 'x\ny')
    """
    plain = str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(f"[U+{ord(c):04X}]" if is_hidden(c) and c not in keep else c for c in plain)


def escaped_json(text: str) -> str:
    r"""JSON with hidden characters replaced by equivalent escapes; line breaks are kept.

    >>> print(escaped_json('"a‮b"'))
    "a\u202eb"
    """
    return "".join(_escape(c) if is_hidden(c) and c != "\n" else c for c in text)


def _escape(character: str) -> str:
    """JSON escapes of a character: a surrogate pair outside the basic multilingual plane."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def shortened(text: str) -> str:
    """Long text without its middle: messages end with what to do, so the end is kept."""
    if len(text) <= LONGEST:
        return text
    tail = LONGEST - _HEAD
    left = len(text) - LONGEST
    return f"{text[:_HEAD]} [... {left} characters omitted ...] {text[-tail:]}"


_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may evaluate a cell: it starts with = + - @, a tab or a line break.

    Leading whitespace is ignored, and numbers are not formulas.

    >>> is_formula("=1+1"), is_formula(" @SUM(1)"), is_formula("-0.5"), is_formula("a=1")
    (True, True, False, False)
    """
    if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA):
        return _NUMBER.fullmatch(text) is None
    return False
