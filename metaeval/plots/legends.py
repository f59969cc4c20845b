"""Keys and titles above axes, in as many lines as they need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes

from metaeval.plots.row_axes import SMALLEST, points
from metaeval.plots.text_layout import shown, width, wrapped

KEY_LINE = 1.15  # of a line, in sizes of its letters
_GAP = 0.35  # between entries
_BOLD = 0.88  # bold letters are wider than those that are measured
_HANDLE = 2.1  # of the sample of a line in a key, in sizes of its letters


class Said(NamedTuple):
    """A name, from data, and what is said of it: on the same line, if there is room."""

    name: object
    about: str


class Entry(NamedTuple):
    """A line of a key: an artist that shows what is meant, and its text."""

    artist: Any
    text: str | Said


def _key_size() -> float:
    """Points of letters in keys and titles of panels."""
    return max(points("legend.fontsize") - 1, SMALLEST)


def _lines_height(texts: Sequence[str]) -> float:
    """Points that texts, one below the other, take."""
    lines = sum(text.count("\n") + 1 for text in texts)
    return (KEY_LINE * lines + _GAP * len(texts)) * _key_size() + (3.0 if texts else 0.0)


def _in_lines(text: object, room: float, handle: bool = False) -> str:
    """A text in lines of at most `room` points, less those of a sample of its curve."""
    size = _key_size()
    room = room - (_HANDLE + 0.6) * size * handle
    if not isinstance(text, Said):
        return wrapped(text, room, size)
    name = wrapped(text.name, room, size)
    if not name:
        return wrapped(text.about, room, size)
    last = width(name.rsplit("\n", 1)[-1] + ": " + text.about, size)
    return name + (": " if last <= room else ":\n") + shown(text.about)


def key_above(ax: Axes, entries: Sequence[Entry], room: float, columns: int = 0) -> float:
    """Explain curves above axes; returns how many points that takes.

    As many columns as there is room for, unless they are given.
    """
    if not entries:
        return 0.0
    size = _key_size()
    columns = columns or _columns([e.text for e in entries], room)
    texts = [_in_lines(e.text, room / columns, True) for e in entries]
    legend = ax.legend(
        [e.artist for e in entries],
        texts,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        fontsize=size,
        borderpad=0,
        borderaxespad=0.4,
        handlelength=_HANDLE,
        handletextpad=0.6,
        labelspacing=_GAP,
        columnspacing=1.0,
    )
    for text in legend.get_texts():
        text.set_linespacing(KEY_LINE)
    return _key_height(texts, columns)


def _key_height(texts: Sequence[str], columns: int) -> float:
    """Points that a key takes: the highest entry of each of its rows."""
    rows = math.ceil(len(texts) / columns)
    tallest = [max(texts[i::rows], key=lambda t: t.count("\n")) for i in range(rows)]
    return _lines_height(tallest)


def _columns(texts: Sequence[object], room: float) -> int:
    """How many entries of a key fit side by side."""
    size = _key_size()
    longest = max(width(_in_lines(t, math.inf), size) for t in texts) + (_HANDLE + 1.8) * size
    return max(1, min(len(texts), int(room / longest)))


def title_above(ax: Axes, title: object, above: float, room: float) -> None:
    """Write the name of a panel above its key."""
    if title != "":
        ax.annotate(
            _in_lines(title, _BOLD * room),
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, above + 2),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=_key_size(),
            fontweight="bold",
            annotation_clip=False,
            linespacing=KEY_LINE,
        )


def key_room(key: Sequence[object], room: float) -> float:
    """Points that a key takes in so much room."""
    if not key:
        return 0.0
    columns = _columns(key, room)
    return _key_height([_in_lines(t, room / columns, True) for t in key], columns)


def head_height(title: object, entries: Sequence[object], room: float) -> float:
    """Points that a title and a key of one column take."""
    named = [] if title == "" else [_in_lines(title, _BOLD * room)]
    said = [_in_lines(text, room, True) for text in entries]
    return _lines_height(named) + _lines_height(said) + 3
