"""Several panels inside one pair of axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from metaeval.core import MetaevalError
from metaeval.plots.legends import (
    KEY_LINE,
    Entry,
    Said,
    head_height,
    key_above,
    key_room,
    title_above,
)
from metaeval.plots.row_axes import POINTS, SMALLEST, axes, own_size, points
from metaeval.plots.text_layout import wrapped
from metaeval.plots.theme import SETTINGS, figure_width

_MANY = 12  # panels: more go over the page, not over a column
_NARROWEST = 1.35  # inches of a panel with its tick labels
_LOWEST = 0.45  # inches of what is inside a panel, in axes that were given
_RIGHT = 6.0  # points right of what is inside
_SHAPE = 0.78  # height over width of what is inside
_Part = TypeVar("_Part")


class Panel(NamedTuple):
    """What stands above a panel: its title, from data, and what explains its curves."""

    title: object = ""
    entries: tuple[str | Said, ...] = ()


def tick_size() -> float:
    """Points of tick labels where there is little room."""
    return max(points("xtick.labelsize") - 1.5, SMALLEST)


def _left() -> float:
    """Points left of what is inside: tick labels."""
    return 2.4 * tick_size() + 5.5


def _below() -> float:
    return 1.25 * tick_size() + 5.5


class Shape(NamedTuple):
    """Panels side by side, the points that each is wide inside, and that all have for a key."""

    columns: int
    inside: float
    whole: float


def shape_of(ax: Axes | None, n: int) -> Shape:
    """How some panels stand in axes, or in a new figure."""
    points_wide = _width(ax, n)
    columns = max(1, min(n, int(points_wide / POINTS / _NARROWEST)))
    whole = points_wide - 1.6 * points("axes.labelsize") - 6 - (_left() if n == 1 else 0)
    inside = whole if n == 1 else whole / columns - _left() - _RIGHT
    return Shape(columns, inside, whole)


def _width(ax: Axes | None, n: int = 1) -> float:
    """Points that the axes are wide, with their labels; those of a page for many panels."""
    return (figure_width(_is_wide(ax, n)) if ax is None else own_size(ax)[0]) * POINTS


def _is_wide(ax: Axes | None, n: int) -> bool:
    return ax is None and n > _MANY


def host_of(
    ax: Axes | None, heads: Sequence[Panel], key: Sequence[object] = ()
) -> tuple[Axes, list[Axes], Shape]:
    """Axes to return, and those to draw panels on: the same if there is one; and their shape.

    With several, the first carry the labels of both axes and the key of all panels.
    """
    shape = shape_of(ax, len(heads))
    tops = _row_tops(heads, shape)
    single = len(heads) == 1
    inside = (0.66 if single else _SHAPE) * shape.inside
    labels = 3.4 * points("axes.labelsize") + key_room(key, shape.whole) + 8
    height = sum(tops) + len(tops) * (inside + _below()) + labels
    host = axes(ax, height / POINTS, _is_wide(ax, len(heads)))
    if single:
        return host, [host], shape
    if ax is not None:
        inside = _low_in(host, tops, labels)
    return host, _panels(host, len(heads), shape, tops, inside), shape


def _row_tops(heads: Sequence[Panel], shape: Shape) -> list[float]:
    """Points that titles and keys take above each row of panels."""
    tall = [head_height(*head, shape.inside) for head in heads]
    return [max(tall[i : i + shape.columns]) for i in range(0, len(tall), shape.columns)]


def _low_in(host: Axes, tops: Sequence[float], labels: float) -> float:
    """Points that panels are high in axes that were given."""
    room = own_size(host)[1] * POINTS - labels
    low = room / len(tops) - _below() - sum(tops) / len(tops)
    if low < _LOWEST * POINTS:
        raise MetaevalError(
            f"{len(tops)} rows of panels do not fit into axes of {room / POINTS:.1f} inches; leave "
            "out ax=, which makes a figure that is high enough, or name fewer scorers."
        )
    return float(low)


def _panels(host: Axes, n: int, shape: Shape, tops: Sequence[float], low: float) -> list[Axes]:
    """Axes inside the host, row by row."""
    _blank(host)
    total = sum(top + low + _below() for top in tops)
    cell = shape.inside + _left() + _RIGHT
    found, y = [], 0.0
    for row, top in enumerate(tops):
        y += top + low
        for column in range(min(shape.columns, n - row * shape.columns)):
            x = (column + _left() / cell) / shape.columns
            place = (x, 1 - y / total, shape.inside / cell / shape.columns, low / total)
            found.append(_small(host.inset_axes(place)))
        y += _below()
    return found


def _small(panel: Axes) -> Axes:
    """Few and small tick labels."""
    panel.tick_params(labelsize=tick_size(), pad=2)
    panel.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]))
    panel.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    panel.grid(False)
    return panel


def _blank(host: Axes) -> None:
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
    key: Sequence[Entry],
    parts: Sequence[_Part],
    draw: Callable[[Axes, _Part], None],
) -> Axes:
    """Draw each part in a panel below its title, and the key of all above; the axes to return."""
    host, panels, shape = host_of(ax, [Panel(t) for t in titles], [entry.text for entry in key])
    for panel, part in zip(panels, parts, strict=True):
        draw(panel, part)
    above = key_above(host, key, shape.whole)
    for panel, title in zip(panels, titles, strict=True):
        title_above(panel, title, above if panel is host else 0.0, shape.inside)
    return host


def parts_of(frame: pd.DataFrame) -> tuple[list[str], list[pd.DataFrame]]:
    """Titles, and rows, of each scorer in each task."""
    parts = list(frame.groupby(["scorer", "task"], sort=False, dropna=False))
    return [title_of(*names) for names, _ in parts], [part for _, part in parts]


def title_of(scorer: object, task: Any) -> str:
    """Scorer, and task where there is one."""
    return str(scorer) if pd.isna(task) else f"{scorer}, {task}"


def label_axes(host: Axes, x: str, y: str) -> Axes:
    """The axes with labels, that of the x axis in lines that are no longer than the axes."""
    size = points("axes.labelsize")
    lines = [wrapped(line, shape_of(None, 1).whole - 20, size) for line in x.split("\n")]
    host.set_xlabel("\n".join(lines), linespacing=KEY_LINE)
    host.set_ylabel(y)
    return host


def thin() -> float:
    """Points that thin lines are wide."""
    return 0.6 * float(SETTINGS["lines.linewidth"])
