"""Sections as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from metaeval.core import printable
from metaeval.reporting.parts import Section

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
    """Text of the page: hidden characters by their number, but lines and tabs as they are.

    >>> shown("a" + chr(7) + "b")
    'a[U+0007]b'
    """
    return printable(text, keep="\n\t")
