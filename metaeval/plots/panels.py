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

_MAX_IN_COLUMN = 12  # panels: more go over the page, not over a column
_MIN_WIDTH = 1.35  # inches of a panel with its tick labels
_MIN_HEIGHT = 0.45  # inches of what is inside a panel, in axes that were given
_RIGHT_MARGIN = 6.0  # points right of what is inside
_ASPECT = 0.78  # height over width of what is inside
_Data = TypeVar("_Data")


class PanelHeader(NamedTuple):
    """What stands above a panel: its title, from data, and what explains its curves."""

    title: object = ""
    entries: tuple[str | LegendLabel, ...] = ()


def tick_size() -> float:
    """Points of tick labels where there is little room."""
    return max(points("xtick.labelsize") - 1.5, MIN_FONT_SIZE)


def _left_margin() -> float:
    """Points left of what is inside: tick labels."""
    return 2.4 * tick_size() + 5.5


def _bottom_margin() -> float:
    return 1.25 * tick_size() + 5.5


class PanelLayout(NamedTuple):
    """Panels side by side, the points that each is wide inside, and that all have for a key."""

    columns: int
    panel_width: float
    total_width: float


def panel_layout(ax: Axes | None, n: int) -> PanelLayout:
    """How some panels stand in axes, or in a new figure."""
    points_wide = _width(ax, n)
    columns = max(1, min(n, int(points_wide / POINTS_PER_INCH / _MIN_WIDTH)))
    total_width = (
        points_wide - 1.6 * points("axes.labelsize") - 6 - (_left_margin() if n == 1 else 0)
    )
    panel_width = total_width if n == 1 else total_width / columns - _left_margin() - _RIGHT_MARGIN
    return PanelLayout(columns, panel_width, total_width)


def _width(ax: Axes | None, n: int = 1) -> float:
    """Points that the axes are wide, with their labels; those of a page for many panels."""
    return (figure_width(_is_wide(ax, n)) if ax is None else axes_size(ax)[0]) * POINTS_PER_INCH


def _is_wide(ax: Axes | None, n: int) -> bool:
    return ax is None and n > _MAX_IN_COLUMN


def make_panels(
    ax: Axes | None, headers: Sequence[PanelHeader], legend_texts: Sequence[object] = ()
) -> tuple[Axes, list[Axes], PanelLayout]:
    """Axes to return, and those to draw panels on: the same if there is one; and their shape.

    With several, the first carry the labels of both axes and the key of all panels.
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
    """Points that titles and keys take above each row of panels."""
    heights = [header_height(*head, layout.panel_width) for head in headers]
    return [max(heights[i : i + layout.columns]) for i in range(0, len(heights), layout.columns)]


def _height_in(host: Axes, tops: Sequence[float], labels: float) -> float:
    """Points that panels are high in axes that were given."""
    available = axes_size(host)[1] * POINTS_PER_INCH - labels
    height = available / len(tops) - _bottom_margin() - sum(tops) / len(tops)
    if height < _MIN_HEIGHT * POINTS_PER_INCH:
        raise MetaevalError(
            f"{len(tops)} rows of panels do not fit into axes of {available / POINTS_PER_INCH:.1f} inches; leave "
            "out ax=, which makes a figure that is high enough, or name fewer scorers."
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
    """Few and small tick labels."""
    panel.tick_params(labelsize=tick_size(), pad=2)
    panel.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]))
    panel.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    panel.grid(False)
    return panel


def _hide_frame(host: Axes) -> None:
    """Axes of which only the labels are seen."""
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
    """Draw each part in a panel below its title, and the key of all above; the axes to return."""
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
    """Titles, and rows, of each scorer in each task."""
    parts = list(frame.groupby(["scorer", "task"], sort=False, dropna=False))
    return [panel_title(*names) for names, _ in parts], [part for _, part in parts]


def panel_title(scorer: object, task: Any) -> str:
    """Scorer, and task where there is one."""
    return str(scorer) if pd.isna(task) else f"{scorer}, {task}"


def label_axes(host: Axes, x: str, y: str) -> Axes:
    """The axes with labels, that of the x axis in lines that are no longer than the axes."""
    size = points("axes.labelsize")
    lines = [
        wrap_text(line, panel_layout(None, 1).total_width - 20, size) for line in x.split("\n")
    ]
    host.set_xlabel("\n".join(lines), linespacing=LEGEND_SPACING)
    host.set_ylabel(y)
    return host


def thin_line() -> float:
    """Points that thin lines are wide."""
    return 0.6 * float(SETTINGS["lines.linewidth"])
