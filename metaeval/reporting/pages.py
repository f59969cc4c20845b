"""Sections as one HTML page that needs nothing else."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from metaeval.reporting.parts import Section

_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_TEMPLATES = Path(__file__).parent / "templates"


def page(title: str, sections: Sequence[Section], signature: str) -> str:
    """The page as text; whatever comes from the data is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["drawing"] = Markup  # SVG that was drawn here
    return environment.get_template("report.html").render(
        title=title,
        sections=sections,
        signature=signature,
        style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup((_TEMPLATES / "report.js").read_text(encoding="utf-8")),
    )


def shown(text: object) -> str:
    """Text with control characters by their number, which HTML may not hold.

    >>> shown("a" + chr(7) + "b")
    'a[U+0007]b'
    """
    return "".join(f"[U+{ord(c):04X}]" if _hidden(c) else c for c in str(text))


def _hidden(c: str) -> bool:
    """Control characters, those that turn the direction of text, and halves of characters."""
    if c in "\n\t":
        return False
    return unicodedata.category(c) in ("Cc", "Cs") or c in _TURNS
