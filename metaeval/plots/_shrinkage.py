"""Tasks side by side: what each says alone, and what a model makes of all of them."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import FigureBase

from metaeval.core import MetaevalError
from metaeval.plots.figures import figure_inches, figure_of_panels
from metaeval.plots.result_checks import require_result, value_label, without_end
from metaeval.plots.row_axes import (
    POINTS,
    Rows,
    draw_intervals,
    label_rows,
    percent_axis,
    points,
    rows_of,
)
from metaeval.plots.text_layout import wrapped
from metaeval.plots.theme import BLUE, GREY, ORANGE
from metaeval.results import Result

_NARROWEST = 84.0  # points of a panel
_LOWEST = 12.0  # points of a row with two intervals
_APART = 0.17  # of a row, from its middle to each of them
_ENDS = ("estimate", "lower", "upper")


def shrinkage(
    raw: Result,
    posterior: Result,
    *,
    statistic: str | None = None,
    max_chars: int | None = None,
    fig: FigureBase | None = None,
    return_data: bool = False,
) -> Any:
    """Show for each task its own estimates beside those of a model that pools tasks.

    Parameters
    ----------
    raw : Result
        Of `metaeval.evaluate` or `metaeval.compare` with `by=`.
    posterior : Result
        Of `bayes.summarize`, with the same tasks.
    statistic : str, optional
        Of `raw`; the first one by default.
    max_chars : int, optional
        Longer names of scorers lose their middle; by default they are whole.
    fig : Figure or SubFigure, optional
        Where the panels are made; otherwise a new figure over two columns.
    return_data : bool, default False
        Draw nothing, and return what would be drawn.

    Returns
    -------
    array of Axes, or DataFrame
        One panel per task. The frame: task, scorer, n_items, raw, raw_lower, raw_upper, pooled,
        pooled_lower, pooled_upper; scorers in the order of the posterior over all tasks, missing
        values where one side does not have a scorer.

    Raises
    ------
    MetaevalError
        If they are no results, the second is no posterior, or they share no task or scorer.

    Notes
    -----
    Lines lead from what the items of a task say alone to what they say beside the other tasks.
    Both must be of the same estimand, such as a pairwise accuracy and the model of it. That pooled
    intervals are shorter rests on the tasks being alike as the model says; for a task that is
    unlike all others they may be pulled away from the truth.

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
            "shrinkage draws a result of metaeval.evaluate beside one of bayes.summarize, in "
            f"this order; found {raw.meta.kind} and {posterior.meta.kind}."
        )
    frame = _both(raw, posterior, statistic)
    return frame if return_data else _draw(frame, raw, posterior, statistic, max_chars, fig)


def _both(raw: Result, posterior: Result, statistic: str | None) -> pd.DataFrame:
    """Estimates of each task from both sides."""
    name = raw.rows(statistic, None)["statistic"].iloc[0]
    alone = _own(raw.frame[raw.frame["statistic"] == name], "raw")
    pooled = _own(posterior.frame, "pooled").drop(columns="n_items")
    tasks = [t for t in alone["task"].unique() if t in set(pooled["task"])]
    shared = set(alone["scorer"]) & set(pooled["scorer"])
    if not tasks or not shared:
        raise MetaevalError(
            f"The two results share no {'scorer' if tasks else 'task'}; evaluate and fit the same "
            "table with by='task'."
        )
    both = alone.merge(pooled, on=["task", "scorer"], how="outer")
    both = both[both["task"].isin(tasks)]
    order = list(posterior.leaderboard()["scorer"])
    rank = {scorer: i for i, scorer in enumerate(order)}
    place = both["scorer"].map(rank).fillna(len(rank))
    both = both.assign(_task=both["task"].map(tasks.index), _place=place)
    both["n_items"] = both.groupby("task")["n_items"].transform("max").astype(int)
    both = both.sort_values(["_task", "_place", "scorer"], ignore_index=True)
    ends = [f"{side}{end}" for side in ("raw", "pooled") for end in ("", "_lower", "_upper")]
    return both[["task", "scorer", "n_items", *ends]]


def _own(frame: pd.DataFrame, side: str) -> pd.DataFrame:
    """Own values in tasks, under the names of one side."""
    own = frame[frame["baseline"].isna() & frame["task"].notna()]
    names = dict(zip(_ENDS, (side, f"{side}_lower", f"{side}_upper"), strict=True))
    return own[["task", "scorer", "n_items", *_ENDS]].rename(columns=names)


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
    rows = rows_of(names, inches=inches, share=0.3, max_chars=max_chars, least=_LOWEST)
    tasks = list(dict.fromkeys(frame["task"]))
    sizes = frame.drop_duplicates("task")["n_items"]
    said = [f"{task} ({n} items)" for task, n in zip(tasks, sizes, strict=True)]
    room = inches * POINTS - rows.wide - 12
    high = float(rows.heights.sum()) + 0.2 * rows.unit
    panels = figure_of_panels(fig, said, room=room, least=_NARROWEST, apart=12, high=high)
    for panel, task in zip(panels.flat, tasks, strict=False):
        part = frame[frame["task"] == task].set_index("scorer").reindex(names)
        _draw_task(panel, part, rows, without_end(posterior))
    for panel in panels[:, 0]:  # labels have a size for each of the panels that share them
        label_rows(panel, rows)
    for panel in panels.flat:
        panel.tick_params(axis="y", length=0)
    if raw.is_accuracy(statistic):
        percent_axis(panels[0, 0].xaxis)
    _explain(panels, value_label(raw, statistic, interval=False), raw)
    return panels


def _draw_task(panel: Any, part: pd.DataFrame, rows: Rows, never: str) -> None:
    """Both estimates of each scorer in one task, and lines from the one to the other."""
    up, down = rows.places - _APART, rows.places + _APART
    panel.plot([part["raw"], part["pooled"]], [up, down], "-", color=GREY, lw=0.7, zorder=1)
    for y, side, color, marker in ((up, "raw", ORANGE, "s"), (down, "pooled", BLUE, "o")):
        ends = (part[side], part[f"{side}_lower"], part[f"{side}_upper"])
        draw_intervals(
            *(panel, y, *ends),
            color=color, marker=marker, hollow=side == "raw", without_end=never,
        )  # fmt: skip


def _explain(panels: Any, label: str, raw: Result) -> None:
    """Label what all panels share, and say which mark is which."""
    figure = panels[0, 0].figure
    size = points("axes.labelsize")
    text = f"{label}, {100 * raw.confidence:g}% intervals"
    figure.supxlabel(wrapped(text, 0.95 * figure_inches(figure) * POINTS, size), size=size)
    about = (
        (ORANGE, "s", "white", "items of the task alone"),
        (BLUE, "o", BLUE, "all tasks pooled"),
    )
    handles = [
        panels[0, 0].plot([], [], marker, color=color, mfc=face, label=text)[0]
        for color, marker, face, text in about
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2, borderaxespad=0)
