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
    only,
    require_defaults,
    require_table,
    require_tree,
    scorers_of,
)
from metaeval.plots.legends import Entry, Said, key_above, title_above
from metaeval.plots.panels import Panel, host_of, label_axes, thin, title_of
from metaeval.plots.row_axes import draw_intervals, percent_axis
from metaeval.plots.theme import GREY, look
from metaeval.results import Result
from metaeval.tables import Table

_NAME = "gap_to_agreement"
_TOGETHER = 4  # tasks whose curves share a panel
_POINTS = 41
_WIDER = 1.25  # times the largest margin: gaps beyond are off the axis, and told by an arrow
_ROW = 0.13  # of the height of curves, for the interval of a gap below them
_ENDS = ("margin", "lower", "upper")
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
    names = scorers_of(scorers)
    of_table = {
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
        require_defaults(gap_to_agreement, of_table)
        frame = _of_tree(source, names, agreement, confidence)
    else:
        asked = of_table | {"scorers": names, "confidence": confidence}
        frame = _of_table(source, agreement, by, asked)
    return frame if return_data else _drawn(frame, agreement, ax)


def _of_table(table: Any, agreement: float, by: str | None, asked: dict[str, Any]) -> pd.DataFrame:
    whole = require_table(table, _NAME)
    by = by or ("task" if "task" in whole.rows else None)
    result = calibration.gap_to_agreement(whole, [agreement], by=by, **asked)
    curves = calibration.map_band(whole, "lapse_link", by=by, **asked)
    gaps = _gaps(result, by is not None).assign(agreement=agreement)
    return _together(curves.assign(part="curve"), gaps)


def _gaps(result: Result, by_task: bool) -> pd.DataFrame:
    """Rows of gaps, those of all tasks together only where there are no others."""
    own = result.frame
    own = own[own["statistic"].str.startswith("gap(") & own["baseline"].isna()]
    own = own[own["task"].notna() == by_task]
    return own.assign(part="gap", margin=own["estimate"])


def _together(*parts: pd.DataFrame) -> pd.DataFrame:
    whole = [part.reindex(columns=list(_COLUMNS)) for part in parts if len(part)]
    return pd.concat(whole, ignore_index=True)


def _of_tree(
    tree: Any, scorers: list[str] | None, agreement: float, confidence: float
) -> pd.DataFrame:
    from metaeval.bayes.predictive_checks import curves_at, outcome_rates
    from metaeval.bayes.summaries import NEW_TASK, summarize

    tree = require_tree(tree, "calibration", _NAME)
    result = summarize(tree, "gap", agreement=agreement, confidence=confidence)
    named = bool(result.frame["task"].notna().any())
    largest = tree["constant_data"]["largest_margin"].to_numpy()
    curves = curves_at(tree, largest[..., None] * np.linspace(0, 1, _POINTS), confidence)
    seen = outcome_rates(tree, confidence).assign(probability=lambda f: f["observed"])
    of_labels = [
        each[each["outcome"] == "agree"].rename(columns={"probability": "agreement"})
        for each in (
            curves.assign(part="curve"),
            seen.assign(part="seen", lower=np.nan, upper=np.nan),
        )
    ]
    if not named:
        of_labels = [each.assign(task=None) for each in of_labels]
    gaps = _gaps(result, named).assign(agreement=agreement)
    whole = _together(*of_labels, gaps[gaps["task"] != NEW_TASK])
    return only(whole, scorers)


def _drawn(frame: pd.DataFrame, agreement: float, ax: Axes | None) -> Axes:
    together = frame["task"].nunique() <= _TOGETHER
    by = ["scorer"] if together else ["scorer", "task"]
    parts = [part for _, part in frame.groupby(by, sort=False, dropna=False)]
    heads = [_head(part, together) for part in parts]
    host, panels, shape = host_of(ax, heads)
    for panel, head, part in zip(panels, heads, parts, strict=True):
        entries = _panel(panel, part, agreement)
        named = [Entry(e, text) for e, text in zip(entries, head.entries, strict=True)]
        above = key_above(panel, named, shape.inside, 1)
        title_above(panel, head.title, above, shape.inside)
    return label_axes(host, "gap between scores", "labels that agree with its sign (%)")


def _head(part: pd.DataFrame, together: bool) -> Panel:
    """Title of a panel, and a line with the gap of each of its curves."""
    gaps = part[part["part"] == "gap"]
    scorer, tasks = part["scorer"].iloc[0], gaps["task"]
    title = scorer if together else title_of(scorer, tasks.iloc[0])
    said = [
        Said(task if together and len(gaps) > 1 else "", _said(row))
        for task, (_, row) in zip(tasks, gaps.iterrows(), strict=True)
    ]
    return Panel(title, tuple(said))


def _said(gap: pd.Series) -> str:
    """A gap and its interval in words: `1.4 [0.49, never]`."""
    middle, low, high = (_number(gap[c]) for c in ("margin", "lower", "upper"))
    return f"{middle} [{low}, {high}]"


def _number(value: float) -> str:
    return "never" if math.isinf(value) else "not defined" if math.isnan(value) else f"{value:.3g}"


def _panel(ax: Axes, part: pd.DataFrame, agreement: float) -> list[Any]:
    """Curves of all tasks of a scorer, and a row with the gap of each below them."""
    gaps = part[part["part"] == "gap"]
    limit = _limit(part)
    least = part.loc[part["part"] != "gap", ["agreement", "lower"]].min(axis=None)
    base = min(0.5, float(least))
    row = _ROW * (1 - base)
    drawn = []
    for k, (_, gap) in enumerate(gaps.iterrows()):
        own = part[part["task"].isna() if pd.isna(gap["task"]) else part["task"] == gap["task"]]
        drawn.append(_curve(ax, own, k))
        _gap(ax, gap, base - (k + 0.8) * row, limit, k)
    ax.axhline(agreement, color=GREY, lw=thin(), ls=":", zorder=0)
    ax.set_xlim(0, limit)
    ax.set_ylim(base - (len(gaps) + 0.5) * row, 1.02)
    ax.set_yticks([t for t in (0.25, 0.5, 0.75, 1.0) if t >= base])
    percent_axis(ax.yaxis)
    return drawn


def _limit(part: pd.DataFrame) -> float:
    """Right end of the axis: past the largest margin, and gaps that are not far beyond it."""
    largest = float(part.loc[part["part"] != "gap", "margin"].max()) or 1.0
    gaps = part.loc[part["part"] == "gap", ["margin", "upper"]].to_numpy().ravel()
    near = [v for v in gaps if v <= _WIDER * largest]
    return 1.04 * max([largest, *near])


def _curve(ax: Axes, own: pd.DataFrame, k: int) -> Line2D:
    style = look(k)
    curve, seen = (own[own["part"] == kind].sort_values("margin") for kind in ("curve", "seen"))
    x = curve["margin"]
    ax.fill_between(x, curve["lower"], curve["upper"], color=style["color"], alpha=0.2, lw=0)
    ax.plot(
        *(seen["margin"], seen["agreement"], style["marker"]),
        color=style["color"], mfc="none", mew=thin(), ms=2.5, ls="none",
    )  # fmt: skip
    return ax.plot(x, curve["agreement"], color=style["color"], ls=style["linestyle"])[0]


def _gap(ax: Axes, gap: pd.Series, y: float, limit: float, k: int) -> None:
    """The gap with its interval in a row below the curves, and a line up to where it is read."""
    style = look(k)
    middle, low, high = (gap[c] if gap[c] <= limit else math.inf for c in _ENDS)
    low = math.nan if math.isinf(low) else low  # nothing to the left of "never"
    draw_intervals(
        *(ax, [y], [middle], [low], [high]),
        color=style["color"], marker=style["marker"], without_end="",
    )  # fmt: skip
    if gap["margin"] <= limit:
        place = [gap["margin"]] * 2
        ax.plot(place, [y, gap["agreement"]], color=style["color"], lw=thin(), ls=":", zorder=1)
