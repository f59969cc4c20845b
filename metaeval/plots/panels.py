"""Several panels inside one pair of axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from metaeval.core import MetaevalError
from metaeval.plots.legends import (
    LEGEND_SPACING,
    LegendEntry,
    LegendLabel,
    draw_legend,
    draw_title,
    header_height,
    legend_height,
)
from metaeval.plots.row_axes import MIN_FONT_SIZE, POINTS_PER_INCH, axes_or_new, axes_size, points
from metaeval.plots.text_layout import wrap_text
from metaeval.plots.theme import SETTINGS, figure_width

# A column of a two-column paper takes two panels side by side: more than six rows of them are as
# long as a page, so more panels are laid out over its whole width.
_MAX_IN_COLUMN = 12
_MIN_WIDTH = 1.35  # inches of a panel with its tick labels
_MIN_HEIGHT = 0.45  # inches of the inside of a panel in given axes: below, curves are unreadable
_RIGHT_MARGIN = 6.0  # points right of the inside of a panel
_ASPECT = 0.78  # height over width of the inside of a panel
_Data = TypeVar("_Data")


class PanelHeader(NamedTuple):
    """What is above a panel: its title, from data, and the legend of its curves."""

    title: object = ""
    entries: tuple[str | LegendLabel, ...] = ()


def tick_size() -> float:
    """Return the font size of tick labels of small panels in points."""
    return max(points("xtick.labelsize") - 1.5, MIN_FONT_SIZE)


def _left_margin() -> float:
    """Points left of the inside of a panel, for tick labels."""
    return 2.4 * tick_size() + 5.5


def _bottom_margin() -> float:
    return 1.25 * tick_size() + 5.5


class PanelLayout(NamedTuple):
    """Panels per row, inside width of each, and available width of the legend, in points."""

    columns: int
    panel_width: float
    total_width: float


def panel_layout(ax: Axes | None, n: int) -> PanelLayout:
    """Return the layout of n panels in axes, or in a new figure."""
    points_wide = _width(ax, n)
    columns = max(1, min(n, int(points_wide / POINTS_PER_INCH / _MIN_WIDTH)))
    total_width = (
        points_wide - 1.6 * points("axes.labelsize") - 6 - (_left_margin() if n == 1 else 0)
    )
    panel_width = total_width if n == 1 else total_width / columns - _left_margin() - _RIGHT_MARGIN
    return PanelLayout(columns, panel_width, total_width)


def _width(ax: Axes | None, n: int = 1) -> float:
    """Width of the axes with their labels in points; that of a page for many panels."""
    return (figure_width(_is_wide(ax, n)) if ax is None else axes_size(ax)[0]) * POINTS_PER_INCH


def _is_wide(ax: Axes | None, n: int) -> bool:
    return ax is None and n > _MAX_IN_COLUMN


def make_panels(
    ax: Axes | None, headers: Sequence[PanelHeader], legend_texts: Sequence[object] = ()
) -> tuple[Axes, list[Axes], PanelLayout]:
    """Return the host axes, the axes of the panels (the host itself if only one), and the layout.

    With several panels, the host has the axis labels and the legend of all panels.
    """
    layout = panel_layout(ax, len(headers))
    tops = _header_heights(headers, layout)
    single = len(headers) == 1
    panel_height = (0.66 if single else _ASPECT) * layout.panel_width
    labels = 3.4 * points("axes.labelsize") + legend_height(legend_texts, layout.total_width) + 8
    height = sum(tops) + len(tops) * (panel_height + _bottom_margin()) + labels
    host = axes_or_new(ax, height / POINTS_PER_INCH, _is_wide(ax, len(headers)))
    if single:
        return host, [host], layout
    if ax is not None:
        panel_height = _height_in(host, tops, labels)
    return host, _inset_panels(host, len(headers), layout, tops, panel_height), layout


def _header_heights(headers: Sequence[PanelHeader], layout: PanelLayout) -> list[float]:
    """Height in points of titles and legends above each row of panels."""
    heights = [header_height(*head, layout.panel_width) for head in headers]
    return [max(heights[i : i + layout.columns]) for i in range(0, len(heights), layout.columns)]


def _height_in(host: Axes, tops: Sequence[float], labels: float) -> float:
    """Inside height in points of panels in given axes."""
    available = axes_size(host)[1] * POINTS_PER_INCH - labels
    height = available / len(tops) - _bottom_margin() - sum(tops) / len(tops)
    if height < _MIN_HEIGHT * POINTS_PER_INCH:
        raise MetaevalError(
            f"{len(tops)} rows of panels do not fit into axes that are "
            f"{available / POINTS_PER_INCH:.1f} inches high; omit ax= to draw on a new figure of "
            "sufficient height, or select fewer scorers."
        )
    return float(height)


def _inset_panels(
    host: Axes, n: int, layout: PanelLayout, tops: Sequence[float], height: float
) -> list[Axes]:
    """Axes inside the host, row by row."""
    _hide_frame(host)
    total = sum(top + height + _bottom_margin() for top in tops)
    cell = layout.panel_width + _left_margin() + _RIGHT_MARGIN
    panels, y = [], 0.0
    for row, top in enumerate(tops):
        y += top + height
        for column in range(min(layout.columns, n - row * layout.columns)):
            x = (column + _left_margin() / cell) / layout.columns
            bounds = (x, 1 - y / total, layout.panel_width / cell / layout.columns, height / total)
            panels.append(_with_small_ticks(host.inset_axes(bounds)))
        y += _bottom_margin()
    return panels


def _with_small_ticks(panel: Axes) -> Axes:
    """The panel with few and small tick labels."""
    panel.tick_params(labelsize=tick_size(), pad=2)
    panel.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]))
    panel.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    panel.grid(False)
    return panel


def _hide_frame(host: Axes) -> None:
    """Hide everything but the labels of the axes."""
    for spine in host.spines.values():
        spine.set_visible(False)
    host.set_xticks([])
    host.set_yticks([])
    host.patch.set_alpha(0.0)
    host.xaxis.labelpad = host.yaxis.labelpad = 1.0


def draw_panels(
    ax: Axes | None,
    titles: Sequence[str],
    legend: Sequence[LegendEntry],
    datasets: Sequence[_Data],
    draw: Callable[[Axes, _Data], None],
) -> Axes:
    """Draw each dataset in a titled panel, below a common legend; return the host axes."""
    host, panels, layout = make_panels(
        ax, [PanelHeader(t) for t in titles], [entry.text for entry in legend]
    )
    for panel, data in zip(panels, datasets, strict=True):
        draw(panel, data)
    height = draw_legend(host, legend, layout.total_width)
    for panel, title in zip(panels, titles, strict=True):
        draw_title(panel, title, height if panel is host else 0.0, layout.panel_width)
    return host


def split_by_scorer(frame: pd.DataFrame) -> tuple[list[str], list[pd.DataFrame]]:
    """Return the titles and the rows of each scorer in each task."""
    parts = list(frame.groupby(["scorer", "task"], sort=False, dropna=False))
    return [panel_title(*names) for names, _ in parts], [part for _, part in parts]


def panel_title(scorer: object, task: Any) -> str:
    """Return the title of a panel: the scorer, and the task if there is one."""
    return str(scorer) if pd.isna(task) else f"{scorer}, {task}"


def label_axes(host: Axes, x: str, y: str) -> Axes:
    """Label both axes, with the label of the x axis wrapped to their width; return the axes."""
    size = points("axes.labelsize")
    lines = [
        wrap_text(line, panel_layout(None, 1).total_width - 20, size) for line in x.split("\n")
    ]
    host.set_xlabel("\n".join(lines), linespacing=LEGEND_SPACING)
    host.set_ylabel(y)
    return host


def thin_line() -> float:
    """Return the width of thin lines in points."""
    return 0.6 * float(SETTINGS["lines.linewidth"])
