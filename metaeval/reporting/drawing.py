"""Figures of a report as SVG, PDF and PNG."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any, cast

import matplotlib as mpl
import matplotlib.pyplot as plt

from metaeval.plots.theme import render, require_figure
from metaeval.reporting.parts import Figure


def draw_figure(
    name: str, caption: str, draw: Callable[..., Any], *args: Any, **options: Any
) -> Figure:
    """Draw a figure in the current style.

    Text in the SVG is converted to outlines, since the layout depends on fonts that the reader's
    computer may lack.
    """
    with mpl.rc_context({"figure.max_open_warning": 0}):
        before = set(plt.get_fignums())
        try:
            root = require_figure(draw(*args, **options))
            files = {kind: render(root, kind) for kind in ("pdf", "png")}
            svg = _svg(root, name)
        finally:
            for number in set(plt.get_fignums()) - before:
                plt.close(number)
    return Figure(name, caption, svg, files)


def _svg(root: Any, name: str) -> str:
    """The <svg> element without the XML prolog, with ids made unique by a prefix."""
    file = io.StringIO()
    settings: Any = {"svg.fonttype": "path", "svg.hashsalt": "metaeval"}
    with mpl.rc_context(cast(Any, settings)):
        root.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    return re.sub(r'( id="|href="#|url\(#)', rf"\1{name}-", text[text.index("<svg") :])
