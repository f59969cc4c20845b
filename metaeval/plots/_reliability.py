"""Reliability diagrams: observed frequency of an event by its forecast."""

from __future__ import annotations

from collections.abc import Sequence
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
from metaeval.plots.theme import BLUE, GRAY, LIGHT, ORANGE
from metaeval.statistics import Forecast, Scale
from metaeval.tables import Table

_MAX_DISCRETE = 12  # distinct forecasts up to which bands are drawn at each, not between them
_BINS = 20  # of the histogram
_HISTOGRAM_HEIGHT = 0.14  # of the height of the panel, below the curve
_COLORS = {"win": BLUE, "tie": ORANGE}
_OUTCOME = {"win": "win (or loss)", "tie": "tie"}


def reliability(
    table: Table,
    scorers: Sequence[str] | str | None = None,
    *,
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
    """Draw reliability curves with confidence and consistency bands and histograms of forecasts.

    Parameters
    ----------
    table : Responses or Pairs
    scorers : str or list of str, optional
        One panel for each; all scorers by default.
    forecast : Forecast or {"score", "probability", "log_odds"}, default "score"
        How scores become forecasts of an event; see `metaeval.statistics.Forecast`. With
        `Forecast(ties_as_outcome=True)`, pairs with tied labels are included: one curve for wins (a
        loss is a win of the other response) and one for ties.
    label : str, optional
        Label column; required if there are several that are not averaged.
    by : str, optional
        Column of the items, such as `task`; each of its values has its own curve.
    resample : {"item", "cluster", "task"}, optional
        Unit of resampling; by default clusters if there are any, else items.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Policy for missing scores, as in `metaeval.evaluate`; by default that of the table.
    confidence : float, default 0.95
        Confidence level of both bands.
    n_resamples : int, default 1 000
        Bootstrap replicates, at least 100.
    seed : int, default 0
        Seed of the replicates; the same seed gives the same figure.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure with room for all panels.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        With several panels, the axes that contain them. The DataFrame is that of
        `metaeval.calibration.reliability`.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid.

    Notes
    -----
    The gray consistency band contains the curve of calibrated forecasts, pointwise; the colored
    confidence band covers the true curve simultaneously at all points, if it is increasing. A
    confidence band that contains the diagonal does not prove calibration. Forecasts for pairs in
    arbitrary order start at 1/2. Bars at the bottom are counts of cases; where they are few, the
    curve is noisy. For scores that are mapped to probabilities, the curve assesses the calibrator,
    which is calibrated by construction as far as its form allows.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021), Stable reliability diagrams for probabilistic classifiers.

    Examples
    --------
    >>> from metaeval import load_example
    >>> ax = reliability(load_example(), "judge", forecast="log_odds", n_resamples=100)
    >>> ax.get_ylabel()
    'observed frequency'
    """
    frame = calibration.reliability(
        require_table(table, "reliability"),
        forecast=forecast,
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


def _draw(frame: pd.DataFrame, ax: Axes | None, confidence: float) -> Axes:
    titles, parts = split_by_scorer(frame)
    draw = partial(_panel, start=_start(frame))
    host = draw_panels(ax, titles, _legend(frame, confidence), parts, draw)
    return label_axes(host, _forecast_label(frame), "observed frequency")


def _forecast_label(frame: pd.DataFrame) -> str:
    """What is forecast, and below it how scores become forecasts."""
    event = frame.attrs["event"].replace("label of", "the label is")
    event = event.replace("label 1", "the label is 1")
    target = "of win, tie and loss" if "outcome" in frame else f"that {event}"
    origin = frame.attrs["forecasts"].replace(" (", ", ").removesuffix(")")
    return f"forecast probability {target}\n({origin})"


def _start(frame: pd.DataFrame) -> float:
    """1/2 if all values are at least that, as for pairs in arbitrary order; otherwise 0."""
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
        LegendEntry(Line2D([], [], color=GRAY, ls="--", lw=thin_line()), "perfect calibration"),
        LegendEntry(Patch(color=LIGHT, lw=0), f"{level} consistency band"),
    ]


def _curves_of(frame: pd.DataFrame) -> dict[str, str]:
    if "outcome" not in frame:
        return {"isotonic fit": BLUE}
    return {_OUTCOME[o]: _COLORS[o] for o in frame["outcome"].unique()}


def _panel(ax: Axes, part: pd.DataFrame, start: float) -> None:
    """Draw all curves of one scorer, the diagonal, and the histogram."""
    below = (1 - start) * _HISTOGRAM_HEIGHT / (1 - _HISTOGRAM_HEIGHT)
    ax.plot([start, 1], [start, 1], color=GRAY, ls="--", lw=thin_line(), zorder=1)
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
    """Draw the histogram of the forecasts, weighted by cases, below the curve."""
    edges = np.linspace(start, 1, _BINS + 1)
    count: Floats = np.histogram(curve["forecast"], edges, weights=curve["n"])[0]
    height = 0.9 * below * count / max(count.max(), 1)
    ax.bar(
        *(edges[:-1], height),
        np.diff(edges), start - below, align="edge", color=color, alpha=0.6, lw=0,
    )  # fmt: skip
