"""Estimates of each task alone and partially pooled over tasks, side by side."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import FigureBase

from metaeval.core import MetaevalError
from metaeval.plots.figures import figure_inches, figure_of_panels
from metaeval.plots.result_checks import infinity_label, require_result, value_label
from metaeval.plots.row_axes import (
    POINTS_PER_INCH,
    RowLabels,
    draw_intervals,
    label_rows,
    make_row_labels,
    percent_axis,
    points,
)
from metaeval.plots.text_layout import wrap_text
from metaeval.plots.theme import BLUE, GRAY, ORANGE
from metaeval.results import Result

_MIN_PANEL_WIDTH = 84.0  # points of a panel
_MIN_ROW_HEIGHT = 12.0  # points of a row with two intervals
_OFFSET = 0.17  # of a row, from its middle to each interval
_VALUES = ("estimate", "lower", "upper")


def shrinkage(
    raw: Result,
    posterior: Result,
    *,
    statistic: str | None = None,
    max_chars: int | None = None,
    fig: FigureBase | None = None,
    return_data: bool = False,
) -> Any:
    """Show estimates for each task alone and those of a model that partially pools the tasks.

    Parameters
    ----------
    raw : Result
        Result of `metaeval.evaluate` or `metaeval.compare` with `by=`.
    posterior : Result
        Result of `bayes.summarize`, with the same tasks.
    statistic : str, optional
        Statistic of `raw`; the first one by default.
    max_chars : int, optional
        Abbreviate longer names of scorers in the middle; by default they are shown in full.
    fig : Figure or SubFigure, optional
        Figure for the panels; by default a new one, two columns wide.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    array of Axes, or DataFrame
        One panel per task. The DataFrame has columns task, scorer, n_items, raw, raw_lower,
        raw_upper, pooled, pooled_lower and pooled_upper, with scorers in the order of the posterior
        over all tasks; values are missing if one of the results does not have the scorer.

    Raises
    ------
    MetaevalError
        If they are not results, the second is not a posterior, or they have no common task or
        scorer.

    Notes
    -----
    Lines connect the unpooled and the partially pooled estimate of a scorer. Both must have the
    same estimand, such as a pairwise accuracy and the model of it. The shorter intervals of pooled
    estimates depend on the assumption that tasks are exchangeable; the estimate of a task that is
    unlike all others may be biased toward them.

    References
    ----------
    Gelman and Hill (2007), Data analysis using regression and multilevel/hierarchical models,
    chapter 12.

    Examples
    --------
    >>> from metaeval import bayes, evaluate, load_example
    >>> table = load_example()
    >>> tree = bayes.fit(bayes.AccuracyModel(), table, by="task", seed=1)
    >>> posterior = bayes.summarize(tree, "accuracy")
    >>> panels = shrinkage(evaluate(table, by="task", n_resamples=200), posterior)
    """
    for result in (raw, posterior):
        require_result(result, "shrinkage")
    if not posterior.is_posterior or raw.is_posterior:
        raise MetaevalError(
            "shrinkage expected a result of metaeval.evaluate and one of bayes.summarize, in that "
            f"order, got {raw.meta.kind} and {posterior.meta.kind}."
        )
    frame = _merge(raw, posterior, statistic)
    return frame if return_data else _draw(frame, raw, posterior, statistic, max_chars, fig)


def _merge(raw: Result, posterior: Result, statistic: str | None) -> pd.DataFrame:
    """Estimates of each task from both results."""
    name = raw.rows(statistic, None)["statistic"].iloc[0]
    unpooled = _side_values(raw.frame[raw.frame["statistic"] == name], "raw")
    pooled = _side_values(posterior.frame, "pooled").drop(columns="n_items")
    tasks = [t for t in unpooled["task"].unique() if t in set(pooled["task"])]
    shared = set(unpooled["scorer"]) & set(pooled["scorer"])
    if not tasks or not shared:
        raise MetaevalError(
            f"The two results have no {'scorer' if tasks else 'task'} in common; evaluate and fit "
            "the same table with by='task'."
        )
    merged = unpooled.merge(pooled, on=["task", "scorer"], how="outer")
    merged = merged[merged["task"].isin(tasks)]
    order = list(posterior.leaderboard()["scorer"])
    rank = {scorer: i for i, scorer in enumerate(order)}
    position = merged["scorer"].map(rank).fillna(len(rank))
    merged = merged.assign(_task=merged["task"].map(tasks.index), _position=position)
    merged["n_items"] = merged.groupby("task")["n_items"].transform("max").astype(int)
    merged = merged.sort_values(["_task", "_position", "scorer"], ignore_index=True)
    columns = [
        f"{side}{suffix}" for side in ("raw", "pooled") for suffix in ("", "_lower", "_upper")
    ]
    return merged[["task", "scorer", "n_items", *columns]]


def _side_values(frame: pd.DataFrame, side: str) -> pd.DataFrame:
    """Values of scorers in tasks, with the column names of one side."""
    rows = frame[frame["baseline"].isna() & frame["task"].notna()]
    names = dict(zip(_VALUES, (side, f"{side}_lower", f"{side}_upper"), strict=True))
    return rows[["task", "scorer", "n_items", *_VALUES]].rename(columns=names)


def _draw(
    frame: pd.DataFrame,
    raw: Result,
    posterior: Result,
    statistic: str | None,
    max_chars: int | None,
    fig: FigureBase | None,
) -> Any:
    names = list(dict.fromkeys(frame["scorer"]))
    inches = figure_inches(fig)
    rows = make_row_labels(
        names, inches=inches, max_fraction=0.3, max_chars=max_chars, min_height=_MIN_ROW_HEIGHT
    )
    tasks = list(dict.fromkeys(frame["task"]))
    sizes = frame.drop_duplicates("task")["n_items"]
    titles = [f"{task} ({n} items)" for task, n in zip(tasks, sizes, strict=True)]
    width = inches * POINTS_PER_INCH - rows.width - 12
    panel_height = float(rows.heights.sum()) + 0.2 * rows.unit
    panels = figure_of_panels(
        fig,
        titles,
        width=width,
        min_width=_MIN_PANEL_WIDTH,
        title_gap=12,
        panel_height=panel_height,
    )
    for panel, task in zip(panels.flat, tasks, strict=False):
        values = frame[frame["task"] == task].set_index("scorer").reindex(names)
        _draw_task(panel, values, rows, infinity_label(posterior))
    # Shared axes share their labels, but each panel has its own font size.
    for panel in panels[:, 0]:
        label_rows(panel, rows)
    for panel in panels.flat:
        panel.tick_params(axis="y", length=0)
    if raw.is_accuracy(statistic):
        percent_axis(panels[0, 0].xaxis)
    _explain(panels, value_label(raw, statistic, interval=False), raw)
    return panels


def _draw_task(panel: Any, values: pd.DataFrame, rows: RowLabels, infinity: str) -> None:
    """Draw both estimates of each scorer in one task, connected by lines."""
    up, down = rows.positions - _OFFSET, rows.positions + _OFFSET
    panel.plot([values["raw"], values["pooled"]], [up, down], "-", color=GRAY, lw=0.7, zorder=1)
    for y, side, color, marker in ((up, "raw", ORANGE, "s"), (down, "pooled", BLUE, "o")):
        intervals = (values[side], values[f"{side}_lower"], values[f"{side}_upper"])
        draw_intervals(
            *(panel, y, *intervals),
            color=color, marker=marker, hollow=side == "raw", infinity_label=infinity,
        )  # fmt: skip


def _explain(panels: Any, label: str, raw: Result) -> None:
    """Write the common label of the x axes, and the legend."""
    figure = panels[0, 0].figure
    size = points("axes.labelsize")
    text = f"{label}, {100 * raw.confidence:g}% intervals"
    figure.supxlabel(
        wrap_text(text, 0.95 * figure_inches(figure) * POINTS_PER_INCH, size), size=size
    )
    marks = (
        (ORANGE, "s", "white", "task alone"),
        (BLUE, "o", BLUE, "partially pooled over tasks"),
    )
    handles = [
        panels[0, 0].plot([], [], marker, color=color, mfc=face, label=text)[0]
        for color, marker, face, text in marks
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2, borderaxespad=0)
