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


class _Look(NamedTuple):
    """Width of a column and of the page in inches, fonts, and their size in points."""

    width: float
    page: float
    fonts: tuple[str, ...] = _SERIF
    size: float = 9.0


_LOOKS = {
    "acl": _Look(3.03, 6.30, size=8.5),
    "acl-wide": _Look(6.30, 6.30),
    "neurips": _Look(5.50, 5.50),
    "icml": _Look(3.25, 6.75, size=8.5),
    "icml-wide": _Look(6.75, 6.75),
    "iclr": _Look(5.50, 5.50),
    "slides": _Look(8.0, 8.0, _SANS, 12.0),
}
_ALWAYS = {
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "metaeval",
    "text.usetex": False,
}


class Applied:
    """A style that is in force; a `with` block puts back what was before at its end."""

    def __init__(self, before: dict[str, Any]) -> None:
        self._before = before

    def __enter__(self) -> Applied:
        return self

    def __exit__(self, *_: object) -> None:
        SETTINGS.update(self._before)


def style(name: str) -> Applied:
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
    check_one_of("style", name, list(_LOOKS))
    wanted = _parameters(_LOOKS[name])
    before = {key: SETTINGS[key] for key in wanted}
    SETTINGS.update(wanted)
    return Applied(before)


def _parameters(of: _Look) -> dict[str, Any]:
    """Parameters of matplotlib: seaborn's plain theme, thin lines, and what the venue asks."""
    small = of.size - 1
    sizes = {"font.size": of.size, "axes.labelsize": of.size, "axes.titlesize": of.size}
    sizes |= dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), small)
    thin = {
        f"{axis}tick.major.{what}": v
        for axis in "xy"
        for what, v in (("width", 0.6), ("size", 2.5))
    }
    return {
        **{k: v for k, v in sns.axes_style("ticks").items() if not k.startswith("font.")},
        **sizes,
        **thin,
        **_ALWAYS,
        "font.family": list(of.fonts),
        f"font.{of.fonts[-1]}": list(of.fonts[:-1]),
        "mathtext.fontset": "stix" if of.fonts == _SERIF else "dejavusans",
        "figure.figsize": (of.width, round(0.62 * of.width, 2)),
        "savefig.dpi": 300,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=PALETTE) + cycler(linestyle=DASHES),
        "lines.linewidth": 1.1,
        "lines.markersize": 3.5,
        "legend.frameon": False,
    }


def look(index: int) -> dict[str, Any]:
    """Colour, dashes and marker of the series with a number; they come again after seven."""
    place = index % len(PALETTE)
    return {"color": PALETTE[place], "linestyle": DASHES[place], "marker": MARKERS[place]}


def figure_width(wide: bool = False) -> float:
    """Inches that a figure of the style in force is wide: a column, or the page."""
    column = float(SETTINGS["figure.figsize"][0])
    pages = {of.width: of.page for of in _LOOKS.values()}
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
    drawn = figure_of(figure)
    stem = Path(path)
    if stem.suffix.lower() in (".pdf", ".png"):
        stem = stem.with_suffix("")
    if not stem.name:
        raise MetaevalError(f"{str(path)!r} is a folder; name a file to write.")
    targets = [stem.with_name(f"{stem.name}.{kind}") for kind in ("pdf", "png")]
    write_all({target: rendered(drawn, target.suffix[1:]) for target in targets})
    return targets[0], targets[1]


def root_figure(drawn: Any) -> Any:
    """The whole figure of axes, or of a part of a figure; None if they were removed from it."""
    part = drawn.figure  # that of a part is the whole figure
    return None if part is None else part.figure


def figure_of(drawn: Any) -> Figure:
    """The figure that axes are in."""
    if isinstance(drawn, np.ndarray) and drawn.size:
        drawn = drawn.flat[0]
    if isinstance(drawn, Axes | FigureBase):
        found = root_figure(drawn)
        if found is not None:
            return found
    raise MetaevalError(
        f"Expected axes or a figure to save, found a {type(drawn).__name__}; "
        "pass what a function of metaeval.plots returned."
    )


def rendered(drawn: Figure, kind: str) -> bytes:
    """The bytes of a figure without a date."""
    dateless = {"pdf": {"CreationDate": None}, "png": {}}[kind]
    file = io.BytesIO()
    with mpl.rc_context(cast(Any, _ALWAYS)):
        drawn.savefig(file, format=kind, metadata=dateless)
    return file.getvalue()
