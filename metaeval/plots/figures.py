"""Figures of several panels with shared axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import FigureBase

from metaeval.core import MetaevalError
from metaeval.plots.row_axes import LINE_SPACING, POINTS_PER_INCH, points
from metaeval.plots.text_layout import wrap_text
from metaeval.plots.theme import figure_width, root_figure


def figure_inches(fig: FigureBase | None) -> float:
    """Return the width of a figure or subfigure in inches; a new one has the width of the page."""
    if fig is None:
        return figure_width(wide=True)
    if not isinstance(fig, FigureBase):
        raise MetaevalError(
            f"fig must be a matplotlib figure, such as plt.figure(layout='constrained'), or None; "
            f"got {fig!r}."
        )
    figure: Any = fig
    return float(figure.bbox.width / root_figure(figure).dpi)


def figure_of_panels(
    fig: FigureBase | None,
    texts: Sequence[str],
    *,
    width: float,
    min_width: float,
    title_gap: float,
    panel_height: float,
) -> Any:
    """Return axes (row, column) with texts as titles, as many per row as fit into `width` points.

    Each panel is at least `min_width` points wide, and titles are at least `title_gap` points
    apart. In a new figure, the inside of each panel is `panel_height` points high.
    """
    columns = int(np.clip(width // min_width, 1, len(texts)))
    rows = -(-len(texts) // columns)
    size = points("legend.fontsize")
    titles = [wrap_text(text, width / columns - title_gap, size) for text in texts]
    if fig is None:
        lines = max(title.count("\n") + 1 for title in titles)
        ticks = 1.3 * points("xtick.labelsize") + 5
        # Columns with fewer panels have tick labels above the last row.
        tick_height = ticks if len(titles) % columns else 0.0
        row_height = panel_height + LINE_SPACING * lines * size + tick_height + 14
        total_height = rows * row_height + ticks + 5 * points("axes.labelsize") + 4
        fig = plt.figure(
            figsize=(figure_inches(None), total_height / POINTS_PER_INCH), layout="constrained"
        )
    panels = fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for panel, title in zip(panels.flat, titles, strict=False):
        panel.set_title(title, fontsize=size, linespacing=LINE_SPACING, pad=3)
    for panel in panels.flat[len(titles) :]:
        panel.set_visible(False)
    for panel in panels.flat[max(len(titles) - columns, 0) : len(titles)]:
        panel.tick_params(labelbottom=True)  # the last one in its column
    return panels
