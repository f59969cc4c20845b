"""Figures of several panels that share their axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import FigureBase

from metaeval.errors import MetaevalError
from metaeval.plots.canvas import LINE, POINTS, points
from metaeval.plots.texts import wrapped
from metaeval.plots.theme import figure_width


def figure_inches(fig: FigureBase | None) -> float:
    """How wide a figure or part of one is; a new one has the width of the page."""
    if fig is None:
        return figure_width(wide=True)
    if not isinstance(fig, FigureBase):
        raise MetaevalError(
            f"fig={fig!r} must be a matplotlib figure, such as plt.figure(layout='constrained'), "
            "or None."
        )
    part: Any = fig
    return float(part.bbox.width / part.get_figure(root=True).dpi)


def titles_of(texts: Sequence[str], room: float) -> list[str]:
    """Titles of panels in lines of at most `room` points."""
    return [wrapped(text, room, points("legend.fontsize")) for text in texts]


def figure_of_panels(
    fig: FigureBase | None, titles: Sequence[str], columns: int, high: float
) -> Any:
    """Axes (row, column) with titles, each `high` points inside where the figure is new."""
    rows = -(-len(titles) // columns)
    size = points("legend.fontsize")
    if fig is None:
        lines = max(title.count("\n") + 1 for title in titles)
        ticks = 1.3 * points("xtick.labelsize") + 5
        gap = ticks if len(titles) % columns else 0.0  # below panels that end a column early
        each = high + LINE * lines * size + gap + 14
        whole = rows * each + ticks + 5 * points("axes.labelsize") + 4
        fig = plt.figure(figsize=(figure_inches(None), whole / POINTS), layout="constrained")
    panels = fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for panel, title in zip(panels.flat, titles, strict=False):
        panel.set_title(title, fontsize=size, linespacing=LINE, pad=3)
    for panel in panels.flat[len(titles) :]:
        panel.set_visible(False)
    for panel in panels.flat[max(len(titles) - columns, 0) : len(titles)]:
        panel.tick_params(labelbottom=True)  # the lowest of its column
    return panels
