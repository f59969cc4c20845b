"""Reliability diagrams: how often the event happens at each forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from metaeval import calibration
from metaeval.core import Floats
from metaeval.plots.input_checks import as_name_list, require_table
from metaeval.plots.legends import LegendEntry
from metaeval.plots.panels import draw_panels, label_axes, split_by_scorer, thin_line
from metaeval.plots.theme import BLUE, GREY, LIGHT, ORANGE
from metaeval.statistics import Forecast, Scale
from metaeval.tables import Table

_MAX_DISCRETE = 12  # forecasts: bands are drawn at each, not between them
_BINS = 20
_HISTOGRAM_HEIGHT = 0.14  # of the height, for counts below the curve
_COLORS = {"win": BLUE, "tie": ORANGE}
_OUTCOME = {"win": "win, or loss", "tie": "tie"}


def reliability(
    table: Table,
    scorers: Sequence[str] | str | None = None,
    *,
    three_way: bool = False,
    forecast: Forecast | Scale = "score",
    label: str | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 1_000,
    seed: int = 0,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Reliability curve of each scorer, with both bands, and how many forecasts there are where.

    Parameters
    ----------
    table : Responses or Pairs
    scorers : str or list of str, optional
        One panel for each; all by default.
    three_way : bool, default False
        Pairs with tied labels count, and forecasts are of win, tie and loss: one curve for wins (a
        loss is a win seen from the other side), one for ties.
    forecast : Forecast or {"score", "probability", "log_odds"}, default "score"
        How scores become forecasts of an event, see `metaeval.statistics.Forecast`.
    label : str, optional
        Which label column; needed where there are several whose mean is not the label.
    by : str, optional
        Column of the items whose values have curves of their own, such as `task`.
    resample : {"item", "cluster", "task"}, optional
        What is resampled; clusters where there are any, else items, by default.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Which rows are used, as in `metaeval.evaluate`; by default what the table was read with.
    confidence : float, default 0.95
        Of bands and intervals.
    n_resamples : int, default 1 000
        Bootstrap replicates, at least 100.
    seed : int, default 0
        Of replicates; the same seed gives the same figure.
    ax : Axes, optional
        Where to draw; a new figure that has room for all panels by default.
    return_data : bool, default False
        Draw nothing, and return what would be drawn.

    Returns
    -------
    Axes or DataFrame
        With several panels the axes that hold them. The frame is that of
        `metaeval.calibration.reliability`.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable.

    Notes
    -----
    The grey band is where curves of calibrated forecasts would lie, point by point; the coloured
    one holds the true curve everywhere at once, if it rises. A coloured band that holds the
    diagonal does not show calibration. Forecasts of pairs whose order means nothing start at 1/2.
    Bars below count cases; where they are few the curve follows noise. Of mapped scores the curve
    speaks of the map, which is calibrated by construction as far as its form allows.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021), Stable reliability diagrams for probabilistic classifiers.

    Examples
    --------
    >>> from metaeval import load_example
    >>> ax = reliability(load_example(), "judge", forecast="log_odds", n_resamples=100)
    >>> ax.get_ylabel()
    'share of labels that say so'
    """
    frame = calibration.reliability(
        require_table(table, "reliability"),
        forecast=_three_way(forecast) if three_way else forecast,
        label=label,
        scorers=as_name_list(scorers),
        by=by,
        resample=resample,
        missing=missing,
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
    )
    return frame if return_data else _draw(frame, ax, confidence)


def _three_way(forecast: Forecast | Scale) -> Forecast:
    """The same forecasts, of win, tie and loss."""
    base = forecast if isinstance(forecast, Forecast) else Forecast(scale=forecast)
    return replace(base, ties_as_outcome=True)


def _draw(frame: pd.DataFrame, ax: Axes | None, confidence: float) -> Axes:
    titles, parts = split_by_scorer(frame)
    draw = partial(_panel, start=_start(frame))
    host = draw_panels(ax, titles, _legend(frame, confidence), parts, draw)
    return label_axes(host, _forecast_label(frame), "share of labels that say so")


def _forecast_label(frame: pd.DataFrame) -> str:
    event = frame.attrs["event"].replace("label of", "label is").replace("label 1", "label is 1")
    return f"forecast probability: {event}\n({frame.attrs['forecasts']})"


def _start(frame: pd.DataFrame) -> float:
    """1/2 where everything is at least that: pairs whose order means nothing."""
    values = frame[["forecast", "recalibrated", "consistency_lower", "confidence_lower"]]
    return 0.5 if values.min(axis=None) >= 0.5 else 0.0


def _legend(frame: pd.DataFrame, confidence: float) -> list[LegendEntry]:
    level = f"{100 * confidence:g}%"
    curves = [
        LegendEntry(Line2D([], [], color=color), text) for text, color in _curves_of(frame).items()
    ]
    return [
        *curves,
        LegendEntry(Patch(color=BLUE, alpha=0.3, lw=0), f"{level} confidence band"),
        LegendEntry(Line2D([], [], color=GREY, ls="--", lw=thin_line()), "if calibrated"),
        LegendEntry(Patch(color=LIGHT, lw=0), f"{level} consistency band"),
    ]


def _curves_of(frame: pd.DataFrame) -> dict[str, str]:
    if "outcome" not in frame:
        return {"isotonic fit": BLUE}
    return {_OUTCOME[o]: _COLORS[o] for o in frame["outcome"].unique()}


def _panel(ax: Axes, part: pd.DataFrame, start: float) -> None:
    """All curves of one scorer, the diagonal, and counts below."""
    below = (1 - start) * _HISTOGRAM_HEIGHT / (1 - _HISTOGRAM_HEIGHT)
    ax.plot([start, 1], [start, 1], color=GREY, ls="--", lw=thin_line(), zorder=1)
    curves = [("win", part)] if "outcome" not in part else list(part.groupby("outcome"))
    for outcome, curve in curves:
        _curve(ax, curve.sort_values("forecast"), _COLORS[str(outcome)])
        _histogram(ax, curve, start, below, _COLORS[str(outcome)])
    edge = 0.02 * (1 - start)
    ax.set_xlim(start - edge, 1 + edge)
    ax.set_ylim(start - below - edge, 1 + edge)
    ticks = [0.5, 0.75, 1.0] if start else [0.0, 0.5, 1.0]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.set_yticks(ticks, [f"{t:g}" for t in ticks])


def _curve(ax: Axes, curve: pd.DataFrame, color: str) -> None:
    discrete = len(curve) <= _MAX_DISCRETE
    x, y = curve["forecast"].to_numpy(), curve["recalibrated"].to_numpy()
    for kind, fill, alpha, width in (
        ("consistency", LIGHT, 1.0, 4.0),
        ("confidence", color, 0.3, 1.5),
    ):
        low, high = (curve[f"{kind}_{end}"].to_numpy() for end in ("lower", "upper"))
        if discrete:
            ax.vlines(x, low, high, color=fill, alpha=alpha, lw=width, zorder=2)
        else:
            ax.fill_between(x, low, high, color=fill, alpha=alpha, lw=0, zorder=0.5)
    ax.plot(x, y, color=color, ls="-", marker="o" if discrete else "", zorder=3)


def _histogram(ax: Axes, curve: pd.DataFrame, start: float, below: float, color: str) -> None:
    """How many cases have about a forecast, as bars below the curve."""
    edges = np.linspace(start, 1, _BINS + 1)
    count: Floats = np.histogram(curve["forecast"], edges, weights=curve["n"])[0]
    height = 0.9 * below * count / max(count.max(), 1)
    ax.bar(
        *(edges[:-1], height),
        np.diff(edges), start - below, align="edge", color=color, alpha=0.6, lw=0,
    )  # fmt: skip
