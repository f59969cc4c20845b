"""Figures of several panels that share their axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import FigureBase

from metaeval.core import MetaevalError
from metaeval.plots.row_axes import LINE, POINTS, points
from metaeval.plots.text_layout import wrapped
from metaeval.plots.theme import figure_width, root_figure


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
    return float(part.bbox.width / root_figure(part).dpi)


def figure_of_panels(
    fig: FigureBase | None,
    texts: Sequence[str],
    *,
    room: float,
    least: float,
    apart: float,
    high: float,
) -> Any:
    """Axes (row, column) with texts as titles, as many side by side as `room` points allow.

    Each has `least` points or more, and titles are `apart` points from one another. In a new
    figure each is `high` points high inside.
    """
    columns = int(np.clip(room // least, 1, len(texts)))
    rows = -(-len(texts) // columns)
    size = points("legend.fontsize")
    titles = [wrapped(text, room / columns - apart, size) for text in texts]
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
