"""Styles of venues (widths, fonts, colors) and reproducible image files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, NamedTuple, cast

import matplotlib as mpl
import numpy as np
import seaborn as sns
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from numpy.typing import NDArray

from metaeval.core import MetaevalError, check_one_of, write_all

# The palette of Okabe and Ito (2008), in an order in which neighbors differ in lightness and so
# remain distinguishable in grayscale.
BLUE, ORANGE, RED, SKY, GREEN, PURPLE, BLACK = PALETTE = (
    *("#0072B2", "#E69F00", "#D55E00", "#56B4E9", "#009E73", "#CC79A7"),
    "#222222",
)
GRAY, LIGHT = "#767676", "#DDDDDD"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = (
    *("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1, 1, 1))),
    *((0, (7, 1.5)), (0, (3, 1, 1, 1, 1, 1)), (0, (2, 2))),
)
SETTINGS: Any = mpl.rcParams  # Any: for type checkers, matplotlib lists valid keys one by one
# All but the last, a generic fallback for SVG viewers, are bundled with matplotlib.
_SERIF, _SANS = ("STIXGeneral", "DejaVu Serif", "serif"), ("DejaVu Sans", "sans-serif")


class _StylePreset(NamedTuple):
    """Width of a column and of the page in inches, fonts, and font size in points."""

    width: float
    page_width: float
    fonts: tuple[str, ...] = _SERIF
    size: float = 9.0


# Widths are those of columns and of the text in the style files of the venues.
_PRESETS = {
    "acl": _StylePreset(3.03, 6.30, size=8.5),
    "acl-wide": _StylePreset(6.30, 6.30),
    "neurips": _StylePreset(5.50, 5.50),
    "icml": _StylePreset(3.25, 6.75, size=8.5),
    "icml-wide": _StylePreset(6.75, 6.75),
    "iclr": _StylePreset(5.50, 5.50),
    "slides": _StylePreset(8.0, 8.0, _SANS, 12.0),
}
_COMMON = {
    "pdf.fonttype": 42,  # TrueType: venues reject the Type 3 fonts of matplotlib's default
    "ps.fonttype": 42,
    "svg.fonttype": "none",  # text remains text
    "svg.hashsalt": "metaeval",  # ids are reproducible
    "text.usetex": False,
}


class StyleContext:
    """The current style; as a context manager it restores the previous settings at the end."""

    def __init__(self, previous: dict[str, Any]) -> None:
        self._previous = previous

    def __enter__(self) -> StyleContext:
        return self

    def __exit__(self, *_: object) -> None:
        SETTINGS.update(self._previous)


def style(name: str) -> StyleContext:
    """Set the figure width and fonts of a venue, globally or within a `with` block.

    Parameters
    ----------
    name : {"acl", "acl-wide", "neurips", "icml", "icml-wide", "iclr", "slides"}
        Venue whose style is set in matplotlib's `rcParams`; "acl" and "icml" are the width of one
        of two columns.

    Returns
    -------
    StyleContext
        Context manager; `with metaeval.style("acl"):` restores the previous settings at the end.

    Raises
    ------
    MetaevalError
        If there is no such style.

    Notes
    -----
    Fonts are those bundled with matplotlib (STIX, which matches Times, and DejaVu), so figures look
    the same on every machine; LaTeX is not used. Colors are distinguishable with color vision
    deficiencies, and each has its own marker and dash pattern for grayscale prints.

    References
    ----------
    Okabe and Ito (2008), Color universal design.

    Examples
    --------
    >>> import matplotlib
    >>> with style("acl"):
    ...     print(matplotlib.rcParams["figure.figsize"][0])
    3.03
    """
    check_one_of("style", name, list(_PRESETS))
    parameters = _rc_params(_PRESETS[name])
    previous = {key: SETTINGS[key] for key in parameters}
    SETTINGS.update(parameters)
    return StyleContext(previous)


def _rc_params(preset: _StylePreset) -> dict[str, Any]:
    """Parameters of matplotlib: seaborn's "ticks" theme, thin lines, and the sizes of the venue."""
    tick_size = preset.size - 1
    sizes = {"font.size": preset.size, "axes.labelsize": preset.size, "axes.titlesize": preset.size}
    sizes |= dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), tick_size)
    ticks = {
        f"{axis}tick.major.{name}": value
        for axis in "xy"
        for name, value in (("width", 0.6), ("size", 2.5))
    }
    return {
        **{k: value for k, value in sns.axes_style("ticks").items() if not k.startswith("font.")},
        **sizes,
        **ticks,
        **_COMMON,
        "font.family": list(preset.fonts),
        f"font.{preset.fonts[-1]}": list(preset.fonts[:-1]),
        "mathtext.fontset": "stix" if preset.fonts == _SERIF else "dejavusans",
        "figure.figsize": (preset.width, round(0.62 * preset.width, 2)),
        "savefig.dpi": 300,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=PALETTE) + cycler(linestyle=DASHES),
        "lines.linewidth": 1.1,
        "lines.markersize": 3.5,
        "legend.frameon": False,
    }


def series_style(index: int) -> dict[str, Any]:
    """Return color, dashes and marker of the series with an index; they repeat after seven."""
    position = index % len(PALETTE)
    return {"color": PALETTE[position], "linestyle": DASHES[position], "marker": MARKERS[position]}


def figure_width(wide: bool = False) -> float:
    """Return the width of a figure in the current style in inches: a column, or the page."""
    column = float(SETTINGS["figure.figsize"][0])
    pages = {preset.width: preset.page_width for preset in _PRESETS.values()}
    return pages.get(column, column) if wide else column


def save(figure: Axes | NDArray[Any] | Figure, path: str | Path) -> tuple[Path, Path]:
    """Save a figure as PDF, with embedded fonts, and as PNG.

    Parameters
    ----------
    figure : Axes, array of Axes or Figure
        Return value of a function of `metaeval.plots`, or a matplotlib figure.
    path : str or Path
        Path with suffix `.pdf`, `.png` or none; both files have its stem.

    Returns
    -------
    tuple of Path
        The PDF and the PNG. They contain no date: the same figure gives the same bytes.

    Raises
    ------
    MetaevalError
        If `figure` is not a figure, or the files cannot be written (then neither is left behind).

    Examples
    --------
    >>> import tempfile
    >>> from matplotlib.figure import Figure
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.suffix for path in save(Figure(), folder + "/figure")]
    ['.pdf', '.png']
    """
    root = require_figure(figure)
    stem = Path(path)
    if stem.suffix.lower() in (".pdf", ".png"):
        stem = stem.with_suffix("")
    if not stem.name:
        raise MetaevalError(f"{str(path)!r} is a folder; give the path of a file.")
    targets = [stem.with_name(f"{stem.name}.{kind}") for kind in ("pdf", "png")]
    write_all({target: render(root, target.suffix[1:]) for target in targets})
    return targets[0], targets[1]


def root_figure(artist: Any) -> Any:
    """Return the root figure of axes or of a subfigure; None if they were removed from it."""
    part = artist.figure  # for a subfigure, the figure that contains it
    return None if part is None else part.figure


def require_figure(artist: Any) -> Figure:
    """Return the root figure of axes, of an array of axes or of a figure; refuse anything else."""
    if isinstance(artist, np.ndarray) and artist.size:
        artist = artist.flat[0]
    if isinstance(artist, Axes | FigureBase):
        root = root_figure(artist)
        if root is not None:
            return root
    raise MetaevalError(
        f"Expected axes or a figure, got {type(artist).__name__}; pass the return value of a "
        "metaeval.plots function."
    )


def render(figure: Figure, kind: str) -> bytes:
    """Return a figure as bytes of a PDF or PNG file without a date."""
    dateless = {"pdf": {"CreationDate": None}, "png": {}}[kind]
    file = io.BytesIO()
    with mpl.rc_context(cast(Any, _COMMON)):
        figure.savefig(file, format=kind, metadata=dateless)
    return file.getvalue()
