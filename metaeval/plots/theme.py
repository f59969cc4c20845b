"""Styles of venues: widths, fonts, colours; and saving figures the same everywhere."""

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

# Okabe and Ito's colours; neighbours differ in lightness, so that they differ in grey, too.
BLUE, ORANGE, RED, SKY, GREEN, PURPLE, BLACK = PALETTE = (
    *("#0072B2", "#E69F00", "#D55E00", "#56B4E9", "#009E73", "#CC79A7"),
    "#222222",
)
GREY, LIGHT = "#767676", "#DDDDDD"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = (
    *("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1, 1, 1))),
    *((0, (7, 1.5)), (0, (3, 1, 1, 1, 1, 1)), (0, (2, 2))),
)
SETTINGS: Any = mpl.rcParams  # whose names matplotlib lists one by one for type checkers
# matplotlib brings them; the last are for viewers of SVG that lack them
_SERIF, _SANS = ("STIXGeneral", "DejaVu Serif", "serif"), ("DejaVu Sans", "sans-serif")


class _StylePreset(NamedTuple):
    """Width of a column and of the page in inches, fonts, and their size in points."""

    width: float
    page_width: float
    fonts: tuple[str, ...] = _SERIF
    size: float = 9.0


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
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "metaeval",
    "text.usetex": False,
}


class StyleContext:
    """A style that is in force; a `with` block puts back what was before at its end."""

    def __init__(self, previous: dict[str, Any]) -> None:
        self._previous = previous

    def __enter__(self) -> StyleContext:
        return self

    def __exit__(self, *_: object) -> None:
        SETTINGS.update(self._previous)


def style(name: str) -> StyleContext:
    """Draw in the widths and fonts of a venue from now on, or inside a `with` block.

    Parameters
    ----------
    name : {"acl", "acl-wide", "neurips", "icml", "icml-wide", "iclr", "slides"}
        Sets matplotlib's `rcParams`; "acl" and "icml" are one column of two.

    Returns
    -------
    Applied
        For use as `with metaeval.style("acl"):`, which puts the old settings back.

    Raises
    ------
    MetaevalError
        If there is no such style.

    Notes
    -----
    Fonts are those that matplotlib brings (STIX, which goes with Times, and DejaVu), so figures are
    alike everywhere; no LaTeX is run. Colours can be told apart by the colour-blind; markers and
    dashes differ with them, for grey prints.

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
    """Parameters of matplotlib: seaborn's plain theme, thin lines, and what the venue asks."""
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
    """Colour, dashes and marker of the series with a number; they come again after seven."""
    position = index % len(PALETTE)
    return {"color": PALETTE[position], "linestyle": DASHES[position], "marker": MARKERS[position]}


def figure_width(wide: bool = False) -> float:
    """Inches that a figure of the style in force is wide: a column, or the page."""
    column = float(SETTINGS["figure.figsize"][0])
    pages = {preset.width: preset.page_width for preset in _PRESETS.values()}
    return pages.get(column, column) if wide else column


def save(figure: Axes | NDArray[Any] | Figure, path: str | Path) -> tuple[Path, Path]:
    """Write a figure as PDF, with its fonts, and as PNG.

    Parameters
    ----------
    figure : Axes, array of Axes or Figure
        What a plot returned.
    path : str or Path
        With `.pdf`, `.png` or no ending; both files have its name.

    Returns
    -------
    tuple of Path
        The PDF and the PNG, which hold no date: the same figure gives the same bytes.

    Raises
    ------
    MetaevalError
        If it is no figure, or the place cannot be written; then no file is left.

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
        raise MetaevalError(f"{str(path)!r} is a folder; name a file to write.")
    targets = [stem.with_name(f"{stem.name}.{kind}") for kind in ("pdf", "png")]
    write_all({target: render(root, target.suffix[1:]) for target in targets})
    return targets[0], targets[1]


def root_figure(artist: Any) -> Any:
    """The whole figure of axes, or of a part of a figure; None if they were removed from it."""
    part = artist.figure  # that of a part is the whole figure
    return None if part is None else part.figure


def require_figure(artist: Any) -> Figure:
    """The figure that axes are in."""
    if isinstance(artist, np.ndarray) and artist.size:
        artist = artist.flat[0]
    if isinstance(artist, Axes | FigureBase):
        root = root_figure(artist)
        if root is not None:
            return root
    raise MetaevalError(
        f"Expected axes or a figure to save, found a {type(artist).__name__}; "
        "pass what a function of metaeval.plots returned."
    )


def render(figure: Figure, kind: str) -> bytes:
    """The bytes of a figure without a date."""
    dateless = {"pdf": {"CreationDate": None}, "png": {}}[kind]
    file = io.BytesIO()
    with mpl.rc_context(cast(Any, _COMMON)):
        figure.savefig(file, format=kind, metadata=dateless)
    return file.getvalue()
