"""Legends and titles above axes, wrapped to the available width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes

from metaeval.plots.row_axes import MIN_FONT_SIZE, points
from metaeval.plots.text_layout import literal_text, text_width, wrap_text

LEGEND_SPACING = 1.15  # of lines, in font sizes
_ENTRY_GAP = 0.35  # between entries, in font sizes
_BOLD_FRACTION = 0.88  # widths are measured in regular letters, and bold ones are wider
_HANDLE_LENGTH = 2.1  # of a line sample in the legend, in font sizes


class LegendLabel(NamedTuple):
    """A name from data and its description, on the same line if both fit."""

    name: object
    description: str


class LegendEntry(NamedTuple):
    """An entry of a legend: an artist like that in the figure, and its text."""

    artist: Any
    text: str | LegendLabel


def _legend_size() -> float:
    """Font size of legends and of titles of panels."""
    return max(points("legend.fontsize") - 1, MIN_FONT_SIZE)


def _lines_height(texts: Sequence[str]) -> float:
    """Height in points of stacked labels."""
    lines = sum(text.count("\n") + 1 for text in texts)
    return (LEGEND_SPACING * lines + _ENTRY_GAP * len(texts)) * _legend_size() + (
        3.0 if texts else 0.0
    )


def _wrapped_label(text: object, max_width: float, handle: bool = False) -> str:
    """Wrap text to `max_width` points, with room for a line sample if it has a handle."""
    size = _legend_size()
    max_width = max_width - (_HANDLE_LENGTH + 0.6) * size * handle
    if not isinstance(text, LegendLabel):
        return wrap_text(text, max_width, size)
    name = wrap_text(text.name, max_width, size)
    if not name:
        return wrap_text(text.description, max_width, size)
    one_line = text_width(name.rsplit("\n", 1)[-1] + ": " + text.description, size)
    return name + (": " if one_line <= max_width else ":\n") + literal_text(text.description)


def draw_legend(
    ax: Axes, entries: Sequence[LegendEntry], available: float, columns: int = 0
) -> float:
    """Draw a legend above axes and return its height in points.

    By default it has as many columns as fit into the available width.
    """
    if not entries:
        return 0.0
    size = _legend_size()
    columns = columns or _n_columns([e.text for e in entries], available)
    texts = [_wrapped_label(e.text, available / columns, True) for e in entries]
    legend = ax.legend(
        [e.artist for e in entries],
        texts,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        fontsize=size,
        borderpad=0,
        borderaxespad=0.4,
        handlelength=_HANDLE_LENGTH,
        handletextpad=0.6,
        labelspacing=_ENTRY_GAP,
        columnspacing=1.0,
    )
    for text in legend.get_texts():
        text.set_linespacing(LEGEND_SPACING)
    return _entries_height(texts, columns)


def _entries_height(texts: Sequence[str], columns: int) -> float:
    """Height of a legend in points: the sum of the tallest entries of its rows."""
    rows = math.ceil(len(texts) / columns)
    tallest = [max(texts[i::rows], key=lambda t: t.count("\n")) for i in range(rows)]
    return _lines_height(tallest)


def _n_columns(texts: Sequence[object], available: float) -> int:
    """Number of entries of a legend that fit side by side."""
    size = _legend_size()
    longest = (
        max(text_width(_wrapped_label(t, math.inf), size) for t in texts)
        + (_HANDLE_LENGTH + 1.8) * size
    )
    return max(1, min(len(texts), int(available / longest)))


def draw_title(ax: Axes, title: object, height: float, available: float) -> None:
    """Write the title of a panel above its legend, which is `height` points high."""
    if title != "":
        ax.annotate(
            _wrapped_label(title, _BOLD_FRACTION * available),
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, height + 2),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=_legend_size(),
            fontweight="bold",
            annotation_clip=False,
            linespacing=LEGEND_SPACING,
        )


def legend_height(texts: Sequence[object], available: float) -> float:
    """Return the height in points of a legend of the available width."""
    if not texts:
        return 0.0
    columns = _n_columns(texts, available)
    return _entries_height([_wrapped_label(t, available / columns, True) for t in texts], columns)


def header_height(title: object, entries: Sequence[object], available: float) -> float:
    """Return the height in points of a title and a legend of one column."""
    titles = [] if title == "" else [_wrapped_label(title, _BOLD_FRACTION * available)]
    labels = [_wrapped_label(text, available, True) for text in entries]
    return _lines_height(titles) + _lines_height(labels) + 3
