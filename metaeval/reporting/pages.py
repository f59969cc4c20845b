"""Sections as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from metaeval.core import printable
from metaeval.reporting.parts import Section

_TEMPLATES = Path(__file__).parent / "templates"


def render_page(title: str, sections: Sequence[Section], signature: str) -> str:
    """Return the HTML page; all text from the data is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible_text
    environment.filters["drawing"] = Markup  # the SVG of matplotlib is not escaped
    return environment.get_template("report.html").render(
        title=title,
        sections=sections,
        signature=signature,
        style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup((_TEMPLATES / "report.js").read_text(encoding="utf-8")),
    )


def visible_text(text: object) -> str:
    """Return text with invisible characters as code points, except line breaks and tabs.

    >>> visible_text("a" + chr(7) + "b")
    'a[U+0007]b'
    """
    return printable(text, keep="\n\t")
