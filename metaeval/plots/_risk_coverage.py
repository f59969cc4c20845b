"""Risk-coverage curves: error rate among the most confident decisions."""

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
from metaeval.plots.theme import BLUE, GRAY, LIGHT, series_style
from metaeval.statistics import Forecast, Scale
from metaeval.tables import Table

_MAX_SHARED = 4  # curves that share a panel; more overlap too much
_MAX_POINTS = 400  # of a curve: more are not visible in print


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
    """Draw the error rate (selective risk) of the most confident decisions by coverage.

    Parameters
    ----------
    table : Responses or Pairs
    scorers : str or list of str, optional
        Up to four share the axes; more have one panel each, with the others in gray. All by
        default.
    least : float, default 0.05
        Smallest coverage that is drawn: with few decisions, bounds are close to 1.
    forecast : Forecast or {"score", "probability", "log_odds"}, default "score"
        How scores become forecasts of an event; see `metaeval.statistics.Forecast`.
    label : str, optional
        Label column; required if there are several that are not averaged.
    by : str, optional
        Column of the items, such as `task`; each of its values has its own curve.
    resample : {"item", "cluster", "task"}, optional
        Independent units; by default clusters if there are any, else items.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Policy for missing scores, as in `metaeval.evaluate`; by default that of the table.
    confidence : float, default 0.95
        Simultaneous confidence level of the bounds at all thresholds.
    seed : int, default 0
        Seed of the simulation of the bounds.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure with room for all panels.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        With several panels, the axes that contain them. The DataFrame has columns scorer, task,
        threshold (the smallest absolute margin that is decided), coverage, risk and upper (the
        bound of the risk), with at most 400 thresholds of each scorer, evenly spaced in coverage.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid.

    Notes
    -----
    The band extends from the observed risk to an upper bound that is simultaneous over all
    thresholds, and therefore remains valid for a threshold selected by its bound. At small coverage
    the curve is noisy because few decisions remain (`least`). If the confidence of a scorer is
    uninformative, its curve is flat.

    References
    ----------
    Geifman, El-Yaniv (2017), Selective classification for deep neural networks.

    Examples
    --------
    >>> from metaeval import load_example
    >>> ax = risk_coverage(load_example(), ["judge", "reward"])
    >>> ax.get_xlabel()
    'coverage (%), most confident first'
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
    """Positions of thresholds evenly spaced in coverage, including the first and the last."""
    if len(coverage) <= _MAX_POINTS:
        return np.arange(len(coverage))
    targets = np.linspace(coverage.iloc[0], 1, _MAX_POINTS)
    positions = np.searchsorted(coverage, targets).clip(max=len(coverage) - 1)
    return np.unique(np.r_[0, positions, len(coverage) - 1])


def _draw(frame: pd.DataFrame, ax: Axes | None, confidence: float) -> Axes:
    names, parts = split_by_scorer(frame)
    draw = _draw_shared if len(parts) <= _MAX_SHARED else _draw_separate
    host = draw(parts, names, f"{100 * confidence:g}% upper bound", ax)
    return label_axes(host, "coverage (%), most confident first", "selective risk (%)")


def _draw_shared(
    parts: Sequence[pd.DataFrame], names: Sequence[str], bound: str, ax: Axes | None
) -> Axes:
    """Draw all curves on the same axes."""
    legend = [LegendEntry(Line2D([], [], **_line(k)), name) for k, name in enumerate(names)] + [
        LegendEntry(Patch(color=GRAY, alpha=0.25, lw=0), bound)
    ]
    return draw_panels(ax, [""], legend, [parts], _curves)


def _curves(ax: Axes, parts: Sequence[pd.DataFrame]) -> None:
    for k, part in enumerate(parts):
        _curve(ax, part, k)
    _limits(ax, parts)


def _draw_separate(
    parts: Sequence[pd.DataFrame], names: Sequence[str], bound: str, ax: Axes | None
) -> Axes:
    """Draw each curve in its own panel, with all others in gray behind it."""
    legend = [
        LegendEntry(Line2D([], [], color=BLUE), "selective risk"),
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
    """Set limits that contain coverage from 0 to 1 and all bounds."""
    highest = max(float(part[["risk", "upper"]].max(axis=None)) for part in parts)
    ax.set_xlim(0, 1.02)
    ax.set_ylim(-0.02 * highest, 1.03 * highest)
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
