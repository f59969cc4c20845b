"""Figures with one labeled row per scorer, and intervals in these rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from metaeval.core import Floats, MetaevalError
from metaeval.plots.text_layout import text_width, wrap_text
from metaeval.plots.theme import BLUE, GRAY, SETTINGS, figure_width, root_figure

POINTS_PER_INCH = 72.0
MIN_FONT_SIZE = 5.0  # points; smaller print is not legible
# An artist needs finite coordinates: unbounded intervals are drawn as rays that end far outside the
# axes, after this many times the distance of their start from 0, plus 1.
_RAY_LENGTH = 1e6
LINE_SPACING = 1.08  # of the lines of a label, in font sizes
LEGEND_HEIGHT = 2.0  # of a legend of one line, in font sizes
LABEL_FRACTION = 0.45  # of the figure width that row labels may take


class RowLabels(NamedTuple):
    """Labels of rows, wrapped to the available width, and their font size in points.

    With `even`, all rows are as tall as the tallest; otherwise as tall as their own lines require.
    Heights are multiplied by `stretch`.
    """

    texts: list[str]
    size: float
    even: bool = True
    stretch: float = 1.0

    @property
    def heights(self) -> Floats:
        """Height of each row in points."""
        lines = np.array([text.count("\n") + 1 for text in self.texts], dtype=float)
        if self.even and len(lines):  # a tall label may extend into the row of a shorter one
            lines[:] = max(1.0, *(lines[1:] + lines[:-1]) / 2) if len(lines) > 1 else lines
        return np.asarray(self.stretch * ((LINE_SPACING * lines + 0.35) * self.size + 1))

    @property
    def unit(self) -> float:
        """Height of the lowest row in points, the unit of the y axis."""
        return float(self.heights.min(initial=np.inf)) if self.texts else 1.0

    @property
    def width(self) -> float:
        """Width of the longest line in points."""
        lines = [line for text in self.texts for line in text.split("\n")]
        return max((text_width(line, self.size) for line in lines), default=0.0)

    @property
    def positions(self) -> Floats:
        """Positions of the rows on the axis, from the top: 0, 1, ... if they are equally tall."""
        ends = np.cumsum(self.heights / self.unit)
        middles = ends - self.heights / self.unit / 2
        return np.asarray(middles - middles[:1])


def points(key: str) -> float:
    """Return a font size of `rcParams` in points, such as that of `ytick.labelsize`."""
    return float(FontProperties(size=SETTINGS[key]).get_size_in_points())


def label_size(n_rows: int) -> float:
    """Return the font size of row labels in points: smaller for many rows, but legible."""
    smaller = 0.0 if n_rows <= 14 else 1.0 if n_rows <= 26 else 2.5
    return max(points("ytick.labelsize") - smaller, MIN_FONT_SIZE)


def make_row_labels(
    names: Sequence[object],
    *,
    ax: Axes | None = None,
    wide: bool = False,
    inches: float | None = None,
    max_fraction: float = LABEL_FRACTION,
    max_chars: int | None = None,
    even: bool = False,
    min_height: float = 0.0,
) -> RowLabels:
    """Return names as row labels that take at most a fraction of the width of a figure or axes.

    Labels shrink down to 6 points before they are wrapped, and further if they would not fit the
    height of given axes. Each row is at least `min_height` points tall.
    """
    if inches is None:
        inches = figure_width(wide) if ax is None else axes_size(ax)[0]
    max_width = max_fraction * inches * POINTS_PER_INCH
    size = label_size(len(names))
    longest = max((text_width(wrap_text(n, math.inf, 1, max_chars), 1) for n in names), default=0.0)
    # The width of text is proportional to its font size; empty names fit at any size.
    size = max(min(size, max_width / max(longest, 1e-9)), min(size, 6.0))
    while True:
        rows = RowLabels(
            [wrap_text(name, max_width, size, max_chars) for name in names], size, even
        )
        if (
            ax is None
            or size == MIN_FONT_SIZE
            or rows.heights.sum() < 0.8 * axes_size(ax)[1] * POINTS_PER_INCH
        ):
            return rows._replace(stretch=max(1.0, min_height / rows.unit))
        size = max(size - 0.5, MIN_FONT_SIZE)


def require_axes(ax: Any) -> Axes:
    """Return matplotlib axes; refuse anything else."""
    if isinstance(ax, Axes):
        return ax
    raise MetaevalError(
        f"ax must be matplotlib axes, such as those of plt.subplots(), or None; got {ax!r}."
    )


def axes_size(ax: Axes) -> tuple[float, float]:
    """Return the size of axes with their labels in inches: their cell in the grid of the figure."""
    figure: Any = require_axes(ax).get_figure()
    inches = figure.bbox.size / root_figure(ax).dpi
    spec: Any = ax.get_subplotspec()
    if spec is None:
        return tuple(ax.get_position().size * inches)
    grid, box = figure.subplotpars, spec.get_position(figure)
    inside = np.array([grid.right - grid.left, grid.top - grid.bottom])
    return tuple(box.size / inside * inches)


def axes_width(ax: Axes) -> float:
    """Return the width of axes with their labels in inches."""
    return axes_size(ax)[0]


def axes_or_new(ax: Axes | None, height: float, wide: bool = False) -> Axes:
    """Return the axes to draw on: those given, or those of a new figure, `height` inches high.

    A new figure is as wide as a column of the current style, or as the page if `wide`.
    """
    if ax is not None:
        return require_axes(ax)
    figure = plt.figure(figsize=(figure_width(wide), height), layout="constrained")
    return figure.add_subplot()


def row_axes(
    ax: Axes | None,
    names: Iterable[object],
    max_chars: int | None,
    *,
    min_height: float = 0.0,
    extra: float = 0.0,
) -> tuple[Axes, RowLabels]:
    """Return the axes to draw on, with names as row labels; a new figure is as tall as required.

    Each row is at least `min_height` points tall; a new figure has `extra` points above the rows.
    """
    rows = make_row_labels(list(names), ax=ax, max_chars=max_chars, min_height=min_height)
    ax = axes_or_new(ax, rows_height(rows, extra))
    label_rows(ax, rows)
    return ax, rows


def rows_height(rows: RowLabels, extra: float = 0.0) -> float:
    """Return the height in inches of a figure with rows, tick labels and a label of the x axis."""
    decoration = 1.3 * points("xtick.labelsize") + 2.6 * points("axes.labelsize") + 16 + extra
    return float(rows.heights.sum() + 0.2 * rows.unit + decoration) / POINTS_PER_INCH


def label_rows(ax: Axes, rows: RowLabels) -> None:
    """Label the rows at their positions, from the top down."""
    positions, half_heights = rows.positions, rows.heights / rows.unit / 2
    ax.set_yticks(positions, rows.texts, fontsize=rows.size, linespacing=LINE_SPACING)
    ax.set_ylim(positions[-1] + half_heights[-1] + 0.1, -half_heights[0] - 0.1)
    ax.tick_params(axis="y", length=0)


def label_x(ax: Axes, text: str, right_margin: float = 0.0) -> None:
    """Label the x axis; a label too long to be centered extends below the row labels.

    Annotations right of the axes take `right_margin` points.
    """
    available, size = axes_width(ax) * POINTS_PER_INCH - right_margin, points("axes.labelsize")
    location: Any = "center" if text_width(text, size) < 0.5 * available else "right"
    ax.set_xlabel(wrap_text(text, 0.92 * available, size), loc=location)


def draw_intervals(
    ax: Axes,
    y: Sequence[float] | Floats,
    estimate: Sequence[float] | Floats,
    lower: Sequence[float] | Floats,
    upper: Sequence[float] | Floats,
    *,
    color: str = BLUE,
    marker: str = "o",
    hollow: bool = False,
    infinity_label: str = "infinite",
) -> None:
    """Draw points and intervals in rows; infinite and undefined values are marked.

    An unbounded interval extends to the edge of the axes, with an arrowhead and `infinity_label`;
    a row without an estimate is labeled "not defined".
    """
    y, estimate, lower, upper = (np.asarray(v, dtype=float) for v in (y, estimate, lower, upper))
    present = np.isfinite(estimate)
    face = "white" if hollow else color
    ax.plot(
        *(estimate[present], y[present], marker),
        color=color, mfc=face, mew=0.9, linestyle="none", zorder=3,
    )  # fmt: skip
    bounded = np.isfinite(lower) & np.isfinite(upper)
    ax.hlines(y[bounded], lower[bounded], upper[bounded], color=color, lw=_line_width(), zorder=2)
    for row in np.flatnonzero(~bounded | ~present):
        _open_interval(ax, y[row], estimate[row], (lower[row], upper[row]), color, infinity_label)


def _line_width() -> float:
    return float(SETTINGS["lines.linewidth"])


def _open_interval(
    ax: Axes, y: float, estimate: float, ends: tuple[float, float], color: str, infinity_label: str
) -> None:
    """Draw an interval that is unbounded or undefined."""
    if math.isnan(estimate):
        _annotate_row(ax, 0.02, y, "not defined", "left")
        return
    finite = [v for v in (*ends, estimate) if math.isfinite(v)]
    for end, side, edge in ((ends[0], -1, 0.0), (ends[1], 1, 1.0)):
        if math.isinf(end):
            start = min(finite) if side > 0 and finite else max(finite, default=0.0)
            if finite:
                ray = Line2D([start, start + side * _RAY_LENGTH * (1 + abs(start))], [y, y])
                ray.set(color=color, linewidth=_line_width(), zorder=2)
                ax.add_artist(ray)  # an artist leaves the limits of the axes unchanged
            _arrow(ax, edge, y, side, color)
    if math.isinf(estimate) or math.isinf(max(ends)):
        _annotate_row(ax, 0.96, y, infinity_label, "right")


def _arrow(ax: Axes, edge: float, y: float, side: int, color: str) -> None:
    transform = ax.get_yaxis_transform()
    head = Line2D([edge], [y], marker=">" if side > 0 else "<", color=color, transform=transform)
    head.set(clip_on=False, zorder=4)
    ax.add_artist(head)


def _annotate_row(ax: Axes, x: float, y: float, text: str, side: str) -> None:
    """Write a note above a row, at a fraction x of the width of the axes."""
    _write(ax, (x, y), text, (0, 2), ha=side, va="bottom", color=GRAY, fontsize=small_size())


def small_size() -> float:
    """Return the font size of annotations in points."""
    return max(points("ytick.labelsize") - 2, MIN_FONT_SIZE)


def annotate_rows(
    ax: Axes,
    positions: Floats,
    texts: Sequence[str],
    size: float,
    left: bool = False,
    **options: Any,
) -> float:
    """Write text to the right (or left) of each row of the axes; return their width in points."""
    x, offset, side = (0, -3, "right") if left else (1, 4, "left")
    for y, text in zip(positions, texts, strict=True):
        _write(ax, (x, y), text, (offset, 0), ha=side, va="center", fontsize=size, **options)
    return RowLabels(list(texts), size).width + 4


def _write(
    ax: Axes, position: tuple[float, float], text: str, offset: tuple[float, float], **options: Any
) -> None:
    """Write text at an offset in points from a position in a row."""
    coordinates: Any = {"xycoords": ax.get_yaxis_transform(), "annotation_clip": False}
    ax.annotate(text, position, xytext=offset, textcoords="offset points", **coordinates, **options)


def legend_above(ax: Axes, columns: int = 4, handles: Any = None, title: str | None = None) -> None:
    """Place a legend above the axes, where it covers nothing."""
    options: Any = {"title": title, "title_fontsize": SETTINGS["legend.fontsize"]} if title else {}
    options |= {} if handles is None else {"handles": handles}
    ax.legend(
        **options,
        loc="lower right", bbox_to_anchor=(1, 1), ncols=columns, borderaxespad=0.2, borderpad=0.2,
        handlelength=1.6, handletextpad=0.4, columnspacing=1.0,
    )  # fmt: skip


def integer_ticks() -> MaxNLocator:
    """Return a locator of ticks at integers only."""
    return MaxNLocator(nbins=8, integer=True, min_n_ticks=1)


def percent_axis(axis: Any) -> None:
    """Show proportions as percentages; the values of the axis remain proportions."""
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:.6g}".replace("-", "\u2212")))
