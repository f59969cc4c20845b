"""Risk and coverage: errors among the decisions that a scorer is surest of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from metaeval import calibration
from metaeval.core import check_fraction
from metaeval.plots.input_checks import as_name_list, require_table
from metaeval.plots.legends import LegendEntry
from metaeval.plots.panels import draw_panels, label_axes, split_by_scorer, thin_line
from metaeval.plots.row_axes import percent_axis
from metaeval.plots.theme import BLUE, GREY, LIGHT, series_style
from metaeval.statistics import Forecast, Scale
from metaeval.tables import Table

_MAX_SHARED = 4  # curves that share a panel
_MAX_POINTS = 400  # of a curve: more cannot be seen


def risk_coverage(
    table: Table,
    scorers: Sequence[str] | str | None = None,
    *,
    least: float = 0.05,
    forecast: Forecast | Scale = "score",
    label: str | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Show the share of wrong decisions among the surest, by how many are decided.

    Parameters
    ----------
    table : Responses or Pairs
    scorers : str or list of str, optional
        Up to four share the axes; more have a panel each, with the others in grey. All by default.
    least : float, default 0.05
        Coverage from which on curves are shown: below it few decisions are left, and their bound
        is near 1.
    forecast : Forecast or {"score", "probability", "log_odds"}, default "score"
        How scores become forecasts of an event, see `metaeval.statistics.Forecast`.
    label : str, optional
        Which label column; needed where there are several whose mean is not the label.
    by : str, optional
        Column of the items whose values have curves of their own, such as `task`.
    resample : {"item", "cluster", "task"}, optional
        Units that are independent; clusters where there are any, else items, by default.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Which rows are used, as in `metaeval.evaluate`; by default what the table was read with.
    confidence : float, default 0.95
        Of the bounds of all thresholds together.
    seed : int, default 0
        Of the bounds, which are simulated.
    ax : Axes, optional
        Where to draw; a new figure that has room for all panels by default.
    return_data : bool, default False
        Draw nothing, and return what would be drawn.

    Returns
    -------
    Axes or DataFrame
        With several panels the axes that hold them. The frame: scorer, task, threshold (the least
        size of a margin that is decided), coverage, risk and upper, the bound of the risk; at most
        400 thresholds of each scorer, evenly spaced by coverage.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable.

    Notes
    -----
    The band reaches from the risk that was seen up to a bound that holds at all thresholds at once:
    a threshold that is chosen because its bound is low enough keeps what it promises. At small
    coverage few decisions are left, and the curve jumps (`least`). A scorer whose sureness knows
    nothing has a flat curve.

    References
    ----------
    Geifman, El-Yaniv (2017), Selective classification for deep neural networks.

    Examples
    --------
    >>> from metaeval import load_example
    >>> ax = risk_coverage(load_example(), ["judge", "reward"])
    >>> ax.get_xlabel()
    'share that is decided, the surest first (%)'
    """
    check_fraction("least", least)
    curves = calibration.risk_coverage(
        require_table(table, "risk_coverage"),
        forecast=forecast,
        label=label,
        scorers=as_name_list(scorers),
        by=by,
        resample=resample,
        missing=missing,
        confidence=confidence,
        seed=seed,
    )
    frame = _risks(curves, least)
    return frame if return_data else _draw(frame, ax, confidence)


def _risks(curves: pd.DataFrame, least: float) -> pd.DataFrame:
    curves = curves[curves["coverage"] >= least]
    groups = curves.groupby(["scorer", "task"], sort=False, dropna=False)
    thinned = pd.concat([curve.iloc[_evenly_spaced(curve["coverage"])] for _, curve in groups])
    frame = thinned.assign(upper=1 - thinned["lower"])
    columns = ["scorer", "task", "threshold", "coverage", "risk", "upper"]
    return frame[columns].reset_index(drop=True)


def _evenly_spaced(coverage: pd.Series) -> Any:
    """Places of thresholds that are evenly spaced by coverage, the first and last among them."""
    if len(coverage) <= _MAX_POINTS:
        return np.arange(len(coverage))
    targets = np.linspace(coverage.iloc[0], 1, _MAX_POINTS)
    positions = np.searchsorted(coverage, targets).clip(max=len(coverage) - 1)
    return np.unique(np.r_[0, positions, len(coverage) - 1])


def _draw(frame: pd.DataFrame, ax: Axes | None, confidence: float) -> Axes:
    names, parts = split_by_scorer(frame)
    draw = _draw_shared if len(parts) <= _MAX_SHARED else _draw_separate
    host = draw(parts, names, f"up to the {100 * confidence:g}% bound", ax)
    said = "share that is decided, the surest first (%)"
    return label_axes(host, said, "wrong among them (%)")


def _draw_shared(
    parts: Sequence[pd.DataFrame], names: Sequence[str], bound: str, ax: Axes | None
) -> Axes:
    """All curves on the same axes."""
    legend = [LegendEntry(Line2D([], [], **_line(k)), name) for k, name in enumerate(names)] + [
        LegendEntry(Patch(color=GREY, alpha=0.25, lw=0), bound)
    ]
    return draw_panels(ax, [""], legend, [parts], _curves)


def _curves(ax: Axes, parts: Sequence[pd.DataFrame]) -> None:
    for k, part in enumerate(parts):
        _curve(ax, part, k)
    _limits(ax, parts)


def _draw_separate(
    parts: Sequence[pd.DataFrame], names: Sequence[str], bound: str, ax: Axes | None
) -> Axes:
    """A panel for each curve, with all others in grey behind it."""
    legend = [
        LegendEntry(Line2D([], [], color=BLUE), "wrong decisions"),
        LegendEntry(Patch(color=BLUE, alpha=0.25, lw=0), bound),
        LegendEntry(Line2D([], [], color=LIGHT), "other scorers"),
    ]

    def draw(panel: Axes, part: pd.DataFrame) -> None:
        for curve in parts:
            panel.plot(
                curve["coverage"], curve["risk"], color=LIGHT, ls="-", lw=thin_line(), zorder=0
            )
        _curve(panel, part, 0)
        _limits(panel, parts)

    return draw_panels(ax, names, legend, parts, draw)


def _line(k: int) -> dict[str, Any]:
    return {name: value for name, value in series_style(k).items() if name != "marker"}


def _curve(ax: Axes, part: pd.DataFrame, k: int) -> None:
    x, style = part["coverage"], _line(k)
    ax.fill_between(x, part["risk"], part["upper"], color=style["color"], alpha=0.2, lw=0)
    ax.plot(x, part["risk"], marker="." if len(part) <= 12 else "", **style)


def _limits(ax: Axes, parts: Sequence[pd.DataFrame]) -> None:
    """Coverage from 0 to 1, and all bounds."""
    highest = max(float(part[["risk", "upper"]].max(axis=None)) for part in parts)
    ax.set_xlim(0, 1.02)
    ax.set_ylim(-0.02 * highest, 1.03 * highest)
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
