"""Figures of a report: drawn once, kept as SVG, PDF and PNG."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any, cast

import matplotlib as mpl
import matplotlib.pyplot as plt

from metaeval.plots.theme import render, require_figure
from metaeval.reporting.parts import Figure


def figure(name: str, caption: str, draw: Callable[..., Any], *args: Any, **options: Any) -> Figure:
    """Draw a figure in the style in force.

    In the page letters are outlines: a reader's machine may lack the fonts that places were
    found with.
    """
    with mpl.rc_context({"figure.max_open_warning": 0}):
        before = set(plt.get_fignums())
        try:
            drawn = require_figure(draw(*args, **options))
            files = {kind: render(drawn, kind) for kind in ("pdf", "png")}
            svg = _svg(drawn, name)
        finally:
            for number in set(plt.get_fignums()) - before:
                plt.close(number)
    return Figure(name, caption, svg, files)


def _svg(drawn: Any, name: str) -> str:
    """The drawing alone, without the head of a file; its ids begin with a name."""
    file = io.StringIO()
    settings: Any = {"svg.fonttype": "path", "svg.hashsalt": "metaeval"}
    with mpl.rc_context(cast(Any, settings)):
        drawn.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    return re.sub(r'( id="|href="#|url\(#)', rf"\1{name}-", text[text.index("<svg") :])
