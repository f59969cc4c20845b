"""How often people agree with a gap between two scores, and the gap at which they mostly do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from metaeval import calibration
from metaeval.bayes.datatree import is_posterior
from metaeval.core import MetaevalError, check_fraction
from metaeval.plots.input_checks import (
    as_name_list,
    require_defaults,
    require_table,
    require_tree,
    select_scorers,
)
from metaeval.plots.legends import LegendEntry, LegendLabel, draw_legend, draw_title
from metaeval.plots.panels import PanelHeader, label_axes, make_panels, panel_title, thin_line
from metaeval.plots.row_axes import draw_intervals, percent_axis
from metaeval.plots.theme import GREY, series_style
from metaeval.results import Result
from metaeval.tables import Table

_NAME = "gap_to_agreement"
_MAX_SHARED = 4  # tasks whose curves share a panel
_N_POINTS = 41
_AXIS_FACTOR = 1.25  # times the largest margin: gaps beyond are off the axis, and told by an arrow
_ROW_HEIGHT = 0.13  # of the height of curves, for the interval of a gap below them
_GAP_COLUMNS = ("margin", "lower", "upper")
_COLUMNS = ("part", "scorer", "task", "margin", "agreement", "lower", "upper")


def gap_to_agreement(
    source: Table | xr.DataTree,
    scorers: Sequence[str] | str | None = None,
    *,
    agreement: float = 0.9,
    by: str | None = None,
    label: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 1_000,
    weights: str | None = None,
    seed: int = 0,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """How often labels agree with the sign of a gap, by its size, and the gap where that is enough.

    Parameters
    ----------
    source : Responses, Pairs or DataTree
        A table, for curves and intervals by resampling, or a posterior of `bayes.CalibrationModel`.
    scorers : str or list of str, optional
        One panel for each, for gaps are in units of its scores; all by default.
    agreement : float, default 0.9
        Share of agreement that is enough.
    by : str, optional
        Of tables: the column whose values have curves of their own; `task` where there is one.
        A posterior has a curve for each task.
    label : str, optional
        Of tables, as are those below but `confidence`: which label column.
    resample : {"item", "cluster", "task"}, optional
        What is resampled; clusters where there are any, else items, by default.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Which rows are used, as in `metaeval.evaluate`; by default what the table was read with.
    confidence : float, default 0.95
        Of bands and intervals, of posteriors too.
    n_resamples : int, default 1 000
        Bootstrap replicates, at least 100.
    weights : {"multinomial", "poisson", "exponential"}, optional
        How units are weighted in replicates, as in `metaeval.evaluate`.
    seed : int, default 0
        Of replicates; the same seed gives the same figure.
    ax : Axes, optional
        Where to draw; a new figure that has room for all panels by default.
    return_data : bool, default False
        Draw nothing, and return what would be drawn.

    Returns
    -------
    Axes or DataFrame
        With several panels the axes that hold them. Rows of the frame are of three kinds (`part`):
        "curve", agreement at a margin with its band; "gap", the margin at which agreement is
        reached with the ends of its interval (infinite: never); and, of posteriors, "seen", the
        share of agreement among pairs of about a margin.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable.

    Notes
    -----
    Curves end at the largest margin that was seen. They are of the form 1/2 lapse + (1 - lapse)
    sigma(slope gap), or that of the posterior; what no such curve can follow is not shown: see
    `reliability`. Where the interval of a gap leaves the axis it ends in an arrow, and the key has
    its ends.

    References
    ----------
    Kocmi et al. (2024), Navigating the metrics maze.

    Examples
    --------
    >>> from metaeval import load_example
    >>> ax = gap_to_agreement(load_example(), "judge", agreement=0.8, n_resamples=100)
    >>> ax.get_xlabel()
    'gap between scores'
    """
    check_fraction("agreement", agreement)
    names = as_name_list(scorers)
    table_options = {
        "label": label,
        "resample": resample,
        "missing": missing,
        "n_resamples": n_resamples,
        "weights": weights,
        "seed": seed,
    }
    if is_posterior(source):
        if by is not None:
            raise MetaevalError(
                f"by={by!r} is for tables; a posterior has the tasks that it was fitted with, "
                "bayes.fit(..., by=...)."
            )
        require_defaults(gap_to_agreement, table_options)
        frame = _from_posterior(source, names, agreement, confidence)
    else:
        options = table_options | {"scorers": names, "confidence": confidence}
        frame = _from_table(source, agreement, by, options)
    return frame if return_data else _draw(frame, agreement, ax)


def _from_table(
    table: Any, agreement: float, by: str | None, options: dict[str, Any]
) -> pd.DataFrame:
    canonical = require_table(table, _NAME)
    by = by or ("task" if "task" in canonical.rows else None)
    result = calibration.gap_to_agreement(canonical, [agreement], by=by, **options)
    curves = calibration.map_band(canonical, "lapse_link", by=by, **options)
    gaps = _gaps(result, by is not None).assign(agreement=agreement)
    return _concat(curves.assign(part="curve"), gaps)


def _gaps(result: Result, by_task: bool) -> pd.DataFrame:
    """Rows of gaps, those of all tasks together only where there are no others."""
    rows = result.frame
    rows = rows[rows["statistic"].str.startswith("gap(") & rows["baseline"].isna()]
    rows = rows[rows["task"].notna() == by_task]
    return rows.assign(part="gap", margin=rows["estimate"])


def _concat(*parts: pd.DataFrame) -> pd.DataFrame:
    frames = [part.reindex(columns=list(_COLUMNS)) for part in parts if len(part)]
    return pd.concat(frames, ignore_index=True)


def _from_posterior(
    tree: Any, scorers: list[str] | None, agreement: float, confidence: float
) -> pd.DataFrame:
    from metaeval.bayes.predictive_checks import curves_at, outcome_rates
    from metaeval.bayes.summaries import NEW_TASK, summarize

    tree = require_tree(tree, "calibration", _NAME)
    result = summarize(tree, "gap", agreement=agreement, confidence=confidence)
    by_task = bool(result.frame["task"].notna().any())
    largest = tree["constant_data"]["largest_margin"].to_numpy()
    curves = curves_at(tree, largest[..., None] * np.linspace(0, 1, _N_POINTS), confidence)
    observed = outcome_rates(tree, confidence).assign(probability=lambda f: f["observed"])
    agreement_rates = [
        rates[rates["outcome"] == "agree"].rename(columns={"probability": "agreement"})
        for rates in (
            curves.assign(part="curve"),
            observed.assign(part="seen", lower=np.nan, upper=np.nan),
        )
    ]
    if not by_task:
        agreement_rates = [rates.assign(task=None) for rates in agreement_rates]
    gaps = _gaps(result, by_task).assign(agreement=agreement)
    frame = _concat(*agreement_rates, gaps[gaps["task"] != NEW_TASK])
    return select_scorers(frame, scorers)


def _draw(frame: pd.DataFrame, agreement: float, ax: Axes | None) -> Axes:
    shared = frame["task"].nunique() <= _MAX_SHARED
    by = ["scorer"] if shared else ["scorer", "task"]
    parts = [part for _, part in frame.groupby(by, sort=False, dropna=False)]
    headers = [_header(part, shared) for part in parts]
    host, panels, layout = make_panels(ax, headers)
    for panel, header, part in zip(panels, headers, parts, strict=True):
        artists = _panel(panel, part, agreement)
        legend = [LegendEntry(e, text) for e, text in zip(artists, header.entries, strict=True)]
        height = draw_legend(panel, legend, layout.panel_width, 1)
        draw_title(panel, header.title, height, layout.panel_width)
    return label_axes(host, "gap between scores", "labels that agree with its sign (%)")


def _header(part: pd.DataFrame, shared: bool) -> PanelHeader:
    """Title of a panel, and a line with the gap of each of its curves."""
    gaps = part[part["part"] == "gap"]
    scorer, tasks = part["scorer"].iloc[0], gaps["task"]
    title = scorer if shared else panel_title(scorer, tasks.iloc[0])
    labels = [
        LegendLabel(task if shared and len(gaps) > 1 else "", _gap_text(row))
        for task, (_, row) in zip(tasks, gaps.iterrows(), strict=True)
    ]
    return PanelHeader(title, tuple(labels))


def _gap_text(gap: pd.Series) -> str:
    """A gap and its interval in words: `1.4 [0.49, never]`."""
    middle, low, high = (_number(gap[c]) for c in ("margin", "lower", "upper"))
    return f"{middle} [{low}, {high}]"


def _number(value: float) -> str:
    return "never" if math.isinf(value) else "not defined" if math.isnan(value) else f"{value:.3g}"


def _panel(ax: Axes, part: pd.DataFrame, agreement: float) -> list[Any]:
    """Curves of all tasks of a scorer, and a row with the gap of each below them."""
    gaps = part[part["part"] == "gap"]
    limit = _limit(part)
    minimum = part.loc[part["part"] != "gap", ["agreement", "lower"]].min(axis=None)
    base = min(0.5, float(minimum))
    row_height = _ROW_HEIGHT * (1 - base)
    lines = []
    for k, (_, gap) in enumerate(gaps.iterrows()):
        in_task = part[part["task"].isna() if pd.isna(gap["task"]) else part["task"] == gap["task"]]
        lines.append(_curve(ax, in_task, k))
        _gap(ax, gap, base - (k + 0.8) * row_height, limit, k)
    ax.axhline(agreement, color=GREY, lw=thin_line(), ls=":", zorder=0)
    ax.set_xlim(0, limit)
    ax.set_ylim(base - (len(gaps) + 0.5) * row_height, 1.02)
    ax.set_yticks([t for t in (0.25, 0.5, 0.75, 1.0) if t >= base])
    percent_axis(ax.yaxis)
    return lines


def _limit(part: pd.DataFrame) -> float:
    """Right end of the axis: past the largest margin, and gaps that are not far beyond it."""
    largest = float(part.loc[part["part"] != "gap", "margin"].max()) or 1.0
    gaps = part.loc[part["part"] == "gap", ["margin", "upper"]].to_numpy().ravel()
    near = [v for v in gaps if v <= _AXIS_FACTOR * largest]
    return 1.04 * max([largest, *near])


def _curve(ax: Axes, rows: pd.DataFrame, k: int) -> Line2D:
    style = series_style(k)
    curve, observed = (
        rows[rows["part"] == kind].sort_values("margin") for kind in ("curve", "seen")
    )
    x = curve["margin"]
    ax.fill_between(x, curve["lower"], curve["upper"], color=style["color"], alpha=0.2, lw=0)
    ax.plot(
        *(observed["margin"], observed["agreement"], style["marker"]),
        color=style["color"], mfc="none", mew=thin_line(), ms=2.5, ls="none",
    )  # fmt: skip
    return ax.plot(x, curve["agreement"], color=style["color"], ls=style["linestyle"])[0]


def _gap(ax: Axes, gap: pd.Series, y: float, limit: float, k: int) -> None:
    """The gap with its interval in a row below the curves, and a line up to where it is read."""
    style = series_style(k)
    middle, low, high = (gap[c] if gap[c] <= limit else math.inf for c in _GAP_COLUMNS)
    low = math.nan if math.isinf(low) else low  # nothing to the left of "never"
    draw_intervals(
        *(ax, [y], [middle], [low], [high]),
        color=style["color"], marker=style["marker"], infinity_label="",
    )  # fmt: skip
    if gap["margin"] <= limit:
        x = [gap["margin"]] * 2
        ax.plot(x, [y, gap["agreement"]], color=style["color"], lw=thin_line(), ls=":", zorder=1)
