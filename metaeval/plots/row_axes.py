"""What plots share: figures that fit their rows, row labels, and intervals drawn whole."""

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
from metaeval.plots.text_layout import width, wrapped
from metaeval.plots.theme import BLUE, GREY, SETTINGS, figure_width, root_figure

POINTS = 72.0  # in an inch
SMALLEST = 5.0  # points of a letter that can still be read
_FAR = 1e6  # spans to the right: where intervals without end are drawn to
LINE = 1.08  # sizes from one line of a label to the next
LEGEND = 2.0  # font sizes that a line of a legend takes
LABELS = 0.45  # share of a figure's width that labels of rows may take


class Rows(NamedTuple):
    """Labels of rows, in as many lines as they need, and their size in points.

    `even` rows are all as high as the highest; others as their own lines need. `tall` ones have
    so many times the height.
    """

    texts: list[str]
    size: float
    even: bool = True
    tall: float = 1.0

    @property
    def heights(self) -> Floats:
        """Points that each row takes."""
        lines = np.array([text.count("\n") + 1 for text in self.texts], dtype=float)
        if self.even and len(lines):  # a high label may reach into a row with a low one
            lines[:] = max(1.0, *(lines[1:] + lines[:-1]) / 2) if len(lines) > 1 else lines
        return np.asarray(self.tall * ((LINE * lines + 0.35) * self.size + 1))

    @property
    def unit(self) -> float:
        """Points of the lowest row, which are 1 on the axis."""
        return float(self.heights.min(initial=np.inf)) if self.texts else 1.0

    @property
    def wide(self) -> float:
        """Points that the longest line takes."""
        lines = [line for text in self.texts for line in text.split("\n")]
        return max((width(line, self.size) for line in lines), default=0.0)

    @property
    def places(self) -> Floats:
        """Where rows are on the axis, from the top down: 0, 1, ... if they are even."""
        ends = np.cumsum(self.heights / self.unit)
        middles = ends - self.heights / self.unit / 2
        return np.asarray(middles - middles[:1])


def points(key: str) -> float:
    """A size of `rcParams` in points, such as that of `ytick.labelsize`."""
    return float(FontProperties(size=SETTINGS[key]).get_size_in_points())


def label_size(n_rows: int) -> float:
    """Points of the labels of so many rows: smaller for many, never too small to read."""
    smaller = 0.0 if n_rows <= 14 else 1.0 if n_rows <= 26 else 2.5
    return max(points("ytick.labelsize") - smaller, SMALLEST)


def rows_of(
    names: Sequence[object],
    *,
    ax: Axes | None = None,
    wide: bool = False,
    inches: float | None = None,
    share: float = LABELS,
    max_chars: int | None = None,
    even: bool = False,
    least: float = 0.0,
) -> Rows:
    """Names as labels of rows that take at most a share of the width of a figure, or of axes.

    Labels become smaller down to 6 points before they go on in a second line; further, if they
    would not fit the height of axes. Each row takes `least` points or more.
    """
    if inches is None:
        inches = figure_width(wide) if ax is None else own_size(ax)[0]
    room = share * inches * POINTS
    size = label_size(len(names))
    longest = max((width(wrapped(n, math.inf, 1, max_chars), 1) for n in names), default=0.0)
    size = max(min(size, room / max(longest, 1e-9)), min(size, 6.0))
    while True:
        rows = Rows([wrapped(name, room, size, max_chars) for name in names], size, even)
        if ax is None or size == SMALLEST or rows.heights.sum() < 0.8 * own_size(ax)[1] * POINTS:
            return rows._replace(tall=max(1.0, least / rows.unit))
        size = max(size - 0.5, SMALLEST)


def require_axes(ax: Any) -> Axes:
    """Refuse what cannot be drawn on."""
    if isinstance(ax, Axes):
        return ax
    raise MetaevalError(
        f"ax={ax!r} must be matplotlib axes, such as those of plt.subplots(), or None."
    )


def own_size(ax: Axes) -> tuple[float, float]:
    """Inches that axes and their labels have: their part of the grid of their figure."""
    figure: Any = require_axes(ax).get_figure()
    inches = figure.bbox.size / root_figure(ax).dpi
    spec: Any = ax.get_subplotspec()
    if spec is None:
        return tuple(ax.get_position().size * inches)
    grid, box = figure.subplotpars, spec.get_position(figure)
    inside = np.array([grid.right - grid.left, grid.top - grid.bottom])
    return tuple(box.size / inside * inches)


def own_width(ax: Axes) -> float:
    """Inches that axes and their labels are wide."""
    return own_size(ax)[0]


def axes(ax: Axes | None, height: float, wide: bool = False) -> Axes:
    """The axes to draw on; without any, those of a new figure, `height` inches high.

    It is as wide as the style asks: a column, or the page.
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
    least: float = 0.0,
    extra: float = 0.0,
) -> tuple[Axes, Rows]:
    """The axes to draw on, with names as labels of rows; a new figure is as high as they need.

    Each row takes `least` points or more; a new figure has `extra` points above the rows.
    """
    rows = rows_of(list(names), ax=ax, max_chars=max_chars, least=least)
    ax = axes(ax, rows_height(rows, extra))
    label_rows(ax, rows)
    return ax, rows


def rows_height(rows: Rows, extra: float = 0.0) -> float:
    """Inches of a figure with rows, tick labels, and a label of the x axis."""
    around = 1.3 * points("xtick.labelsize") + 2.6 * points("axes.labelsize") + 16 + extra
    return float(rows.heights.sum() + 0.2 * rows.unit + around) / POINTS


def label_rows(ax: Axes, rows: Rows) -> None:
    """Label the rows at their places, from the top down."""
    places, half = rows.places, rows.heights / rows.unit / 2
    ax.set_yticks(places, rows.texts, fontsize=rows.size, linespacing=LINE)
    ax.set_ylim(places[-1] + half[-1] + 0.1, -half[0] - 0.1)
    ax.tick_params(axis="y", length=0)


def label_x(ax: Axes, text: str, beside: float = 0.0) -> None:
    """Label the x axis; a text that is too long for its middle starts below the row labels.

    `beside` points stand right of the axes.
    """
    room, size = own_width(ax) * POINTS - beside, points("axes.labelsize")
    place: Any = "center" if width(text, size) < 0.5 * room else "right"
    ax.set_xlabel(wrapped(text, 0.92 * room, size), loc=place)


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
    without_end: str = "no end",
) -> None:
    """Points and intervals across rows; none is cut, and values that are none are named.

    An interval without end goes to the edge of the axes with an arrowhead and `without_end`;
    a row without an estimate says "not defined".
    """
    y, estimate, lower, upper = (np.asarray(v, dtype=float) for v in (y, estimate, lower, upper))
    there = np.isfinite(estimate)
    face = "white" if hollow else color
    ax.plot(
        *(estimate[there], y[there], marker),
        color=color, mfc=face, mew=0.9, linestyle="none", zorder=3,
    )  # fmt: skip
    both = np.isfinite(lower) & np.isfinite(upper)
    ax.hlines(y[both], lower[both], upper[both], color=color, lw=_line(), zorder=2)
    for row in np.flatnonzero(~both | ~there):
        _open_interval(ax, y[row], estimate[row], (lower[row], upper[row]), color, without_end)


def _line() -> float:
    return float(SETTINGS["lines.linewidth"])


def _open_interval(
    ax: Axes, y: float, estimate: float, ends: tuple[float, float], color: str, never: str
) -> None:
    """An interval that goes on to one side or both, or is not there."""
    if math.isnan(estimate):
        _beside(ax, 0.02, y, "not defined", "left")
        return
    known = [v for v in (*ends, estimate) if math.isfinite(v)]
    for end, side, edge in ((ends[0], -1, 0.0), (ends[1], 1, 1.0)):
        if math.isinf(end):
            start = min(known) if side > 0 and known else max(known, default=0.0)
            if known:
                reach = Line2D([start, start + side * _FAR * (1 + abs(start))], [y, y])
                reach.set(color=color, linewidth=_line(), zorder=2)
                ax.add_artist(reach)  # which leaves the limits of the axis as they are
            _arrow(ax, edge, y, side, color)
    if math.isinf(estimate) or math.isinf(max(ends)):
        _beside(ax, 0.96, y, never, "right")


def _arrow(ax: Axes, edge: float, y: float, side: int, color: str) -> None:
    across = ax.get_yaxis_transform()
    head = Line2D([edge], [y], marker=">" if side > 0 else "<", color=color, transform=across)
    head.set(clip_on=False, zorder=4)
    ax.add_artist(head)


def _beside(ax: Axes, x: float, y: float, text: str, side: str) -> None:
    """A word above a row, in a place across the axes; y is in rows."""
    _write(ax, (x, y), text, (0, 2), ha=side, va="bottom", color=GREY, fontsize=small_size())


def small_size() -> float:
    """Points of what is written beside marks."""
    return max(points("ytick.labelsize") - 2, SMALLEST)


def beside_rows(
    ax: Axes, places: Floats, texts: Sequence[str], size: float, left: bool = False, **how: Any
) -> float:
    """Write a text right (or left) of each row of the axes; returns how many points that takes."""
    x, away, side = (0, -3, "right") if left else (1, 4, "left")
    for y, text in zip(places, texts, strict=True):
        _write(ax, (x, y), text, (away, 0), ha=side, va="center", fontsize=size, **how)
    return Rows(list(texts), size).wide + 4


def _write(
    ax: Axes, at: tuple[float, float], text: str, away: tuple[float, float], **how: Any
) -> None:
    """A text some points away from a place in a row."""
    across: Any = {"xycoords": ax.get_yaxis_transform(), "annotation_clip": False}
    ax.annotate(text, at, xytext=away, textcoords="offset points", **across, **how)


def legend_above(ax: Axes, columns: int = 4, handles: Any = None, title: str | None = None) -> None:
    """A legend above the axes, where it hides nothing."""
    more: Any = {"title": title, "title_fontsize": SETTINGS["legend.fontsize"]} if title else {}
    more |= {} if handles is None else {"handles": handles}
    ax.legend(
        **more,
        loc="lower right", bbox_to_anchor=(1, 1), ncols=columns, borderaxespad=0.2, borderpad=0.2,
        handlelength=1.6, handletextpad=0.4, columnspacing=1.0,
    )  # fmt: skip


def whole_numbers() -> MaxNLocator:
    """Ticks at whole numbers only."""
    return MaxNLocator(nbins=8, integer=True, min_n_ticks=1)


def percent_axis(axis: Any) -> None:
    """Write shares as percent; the values stay shares."""
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:.6g}".replace("-", "\u2212")))
