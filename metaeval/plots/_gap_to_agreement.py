"""Agreement with labels by score difference, and the difference at which it is sufficient."""

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
from metaeval.plots.theme import GRAY, series_style
from metaeval.results import Result
from metaeval.tables import Table

_NAME = "gap_to_agreement"
_MAX_SHARED = 4  # tasks whose curves share a panel; more overlap too much
_N_POINTS = 41  # of a curve of a posterior
_AXIS_FACTOR = 1.25  # of the largest margin; intervals of gaps that extend further end in an arrow
_ROW_HEIGHT = 0.13  # of the height of the curves, for the interval of a gap below them
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
    """Draw agreement with the labels by score difference, and the gap that reaches a given rate.

    Parameters
    ----------
    source : Responses, Pairs or DataTree
        A table, with curves and intervals by resampling, or a posterior of
        `bayes.CalibrationModel`.
    scorers : str or list of str, optional
        One panel for each, since gaps are in units of its scores; all scorers by default.
    agreement : float, default 0.9
        Agreement rate that defines the gap.
    by : str, optional
        For tables: column with a curve for each of its values; by default `task` if there is one. A
        posterior has a curve for each task.
    label : str, optional
        Label column. This and the following arguments except `confidence` are for tables only.
    resample : {"item", "cluster", "task"}, optional
        Unit of resampling; by default clusters if there are any, else items.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Policy for missing scores, as in `metaeval.evaluate`; by default that of the table.
    confidence : float, default 0.95
        Confidence level of bands and intervals, also for posteriors.
    n_resamples : int, default 1 000
        Bootstrap replicates, at least 100.
    weights : {"multinomial", "poisson", "exponential"}, optional
        Distribution of the resampling weights, as in `metaeval.evaluate`.
    seed : int, default 0
        Seed of the replicates; the same seed gives the same figure.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure with room for all panels.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        With several panels, the axes that contain them. Rows of the DataFrame are of three kinds
        (`part`): "curve", agreement at a margin with its band; "gap", the margin at which the
        agreement is reached, with its interval (infinite if it is not reached); and, for
        posteriors, "seen", the observed agreement among pairs of similar margin.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid.

    Notes
    -----
    Curves end at the largest observed margin. They are of the form lapse / 2 + (1 - lapse)
    sigma(slope gap), or that of the posterior, and do not show deviations from this form: see
    `reliability`. Intervals of gaps that extend beyond the axis end in an arrow; the legend has
    their bounds.

    References
    ----------
    Kocmi et al. (2024), Navigating the metrics maze.

    Examples
    --------
    >>> from metaeval import load_example
    >>> ax = gap_to_agreement(load_example(), "judge", agreement=0.8, n_resamples=100)
    >>> ax.get_xlabel()
    'score difference'
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
                f"by={by!r} applies only to tables; the tasks of a posterior are set by "
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
    """Rows of gaps: those of the tasks, or the pooled ones if there are no tasks."""
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
    return label_axes(host, "score difference", "agreement with the labels (%)")


def _header(part: pd.DataFrame, shared: bool) -> PanelHeader:
    """Title of a panel, and a legend text with the gap of each of its curves."""
    gaps = part[part["part"] == "gap"]
    scorer, tasks = part["scorer"].iloc[0], gaps["task"]
    title = scorer if shared else panel_title(scorer, tasks.iloc[0])
    labels = [
        LegendLabel(task if shared and len(gaps) > 1 else "", _gap_text(row))
        for task, (_, row) in zip(tasks, gaps.iterrows(), strict=True)
    ]
    return PanelHeader(title, tuple(labels))


def _gap_text(gap: pd.Series) -> str:
    """A gap and its interval, such as `1.4 [0.49, not reached]`."""
    middle, low, high = (_number(gap[c]) for c in ("margin", "lower", "upper"))
    return f"{middle} [{low}, {high}]"


def _number(value: float) -> str:
    if math.isnan(value):
        return "not defined"
    return "not reached" if math.isinf(value) else f"{value:.3g}"


def _panel(ax: Axes, part: pd.DataFrame, agreement: float) -> list[Any]:
    """Draw the curves of all tasks of a scorer, and below them a row with the gap of each."""
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
    ax.axhline(agreement, color=GRAY, lw=thin_line(), ls=":", zorder=0)
    ax.set_xlim(0, limit)
    ax.set_ylim(base - (len(gaps) + 0.5) * row_height, 1.02)
    ax.set_yticks([t for t in (0.25, 0.5, 0.75, 1.0) if t >= base])
    percent_axis(ax.yaxis)
    return lines


def _limit(part: pd.DataFrame) -> float:
    """Right end of the axis: beyond the largest margin, and gaps that are not much larger."""
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
    """Draw a gap with its interval in a row below the curves, and a line up to its curve."""
    style = series_style(k)
    middle, low, high = (gap[c] if gap[c] <= limit else math.inf for c in _GAP_COLUMNS)
    low = math.nan if math.isinf(low) else low  # no interval left of an infinite gap
    draw_intervals(
        *(ax, [y], [middle], [low], [high]),
        color=style["color"], marker=style["marker"], infinity_label="",
    )  # fmt: skip
    if gap["margin"] <= limit:
        x = [gap["margin"]] * 2
        ax.plot(x, [y, gap["agreement"]], color=style["color"], lw=thin_line(), ls=":", zorder=1)
