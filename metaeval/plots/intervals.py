"""Values of scorers with intervals, and the ranks that comparisons leave open."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from metaeval.core import MetaevalError
from metaeval.plots.result_checks import (
    infinity_label,
    label_values,
    require_differences,
    require_result,
)
from metaeval.plots.row_axes import (
    LEGEND_HEIGHT,
    annotate_rows,
    draw_intervals,
    integer_ticks,
    legend_above,
    points,
    row_axes,
)
from metaeval.plots.theme import BLUE, GREY
from metaeval.results import Result

_FOREST = ["scorer", "estimate", "lower", "upper", "reference", "letters"]
_RANKS = ["scorer", "estimate", "rank_low", "rank_high"]


def forest(
    result: Result,
    *,
    statistic: str | None = None,
    task: str | None = None,
    max_chars: int | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Show each scorer's value with its interval, the best first.

    Parameters
    ----------
    result : Result
        Of `metaeval.evaluate`, `metaeval.compare` or `bayes.summarize`.
    statistic, task : str, optional
        As in `Result.row`.
    max_chars : int, optional
        Longer names lose their middle; by default they are whole, in several lines if need be.
    ax : Axes, optional
        Where to draw; otherwise a new figure that is as high as its rows need.
    return_data : bool, default False
        Draw nothing, and return what would be drawn.

    Returns
    -------
    Axes or DataFrame
        The frame: scorer, estimate, lower, upper, reference (accuracy of a blind scorer with the
        same ties; of calibration measures, their mean if forecasts were calibrated) and letters,
        one row per scorer. Accuracies are shares, which the axis shows in percent.

    Raises
    ------
    MetaevalError
        If it is no result, or has no such statistic or task.

    Notes
    -----
    Whether two scorers differ cannot be read off two intervals: they share items, and intervals
    that overlap may belong to scorers that differ significantly. The letters say it, where all
    pairs were compared: two scorers share a letter exactly if they are not separated.

    Examples
    --------
    >>> import metaeval
    >>> result = metaeval.compare(metaeval.load_example(), n_resamples=200)
    >>> ax = forest(result)
    """
    require_result(result, "forest")
    frame = _forest(result, statistic, task)
    return frame if return_data else _draw_forest(frame, result, statistic, max_chars, ax)


def _forest(result: Result, statistic: str | None, task: str | None) -> pd.DataFrame:
    leaderboard = result.leaderboard(statistic, task)
    reference = (
        leaderboard["chance"]
        if result.is_accuracy(statistic)
        else leaderboard["expected_if_calibrated"]
    )
    return leaderboard.assign(reference=reference)[_FOREST]


def _draw_forest(
    frame: pd.DataFrame,
    result: Result,
    statistic: str | None,
    max_chars: int | None,
    ax: Axes | None,
) -> Axes:
    has_reference = bool(frame["reference"].notna().any())
    extra = LEGEND_HEIGHT * points("legend.fontsize") if has_reference else 0.0
    ax, rows = row_axes(ax, frame["scorer"], max_chars, extra=extra)
    name = "chance" if result.is_accuracy(statistic) else "if calibrated"
    if has_reference:
        ax.plot(frame["reference"], rows.positions, "|", color=GREY, ms=6, mew=1.2, label=name)
    intervals = (frame["estimate"], frame["lower"], frame["upper"])
    draw_intervals(ax, rows.positions, *intervals, infinity_label=infinity_label(result, statistic))
    letters_width = annotate_rows(ax, rows.positions, list(frame["letters"]), rows.size)
    label_values(ax, result, statistic, right_margin=letters_width)
    if has_reference:
        legend_above(ax)
    return ax


def rank_intervals(
    result: Result,
    *,
    statistic: str | None = None,
    task: str | None = None,
    max_chars: int | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Show the ranks that the comparisons leave open to each scorer.

    Parameters
    ----------
    result : Result
        Of `metaeval.compare` or `bayes.summarize`.
    statistic, task : str, optional
        As in `Result.row`.
    max_chars : int, optional
        Longer names lose their middle; by default they are whole, in several lines if need be.
    ax : Axes, optional
        Where to draw; otherwise a new figure that is as high as its rows need.
    return_data : bool, default False
        Draw nothing, and return what would be drawn.

    Returns
    -------
    Axes or DataFrame
        The frame: scorer, estimate, rank_low, rank_high, one row per scorer, the best first.

    Raises
    ------
    MetaevalError
        If it is no result, has no differences, or neither high nor low values are good.

    Notes
    -----
    With a correction that controls the family-wise error all true ranks lie inside with at least
    its confidence. A wide range says that little is known, not that a scorer is middling. Of
    posteriors each pair stands for itself, so ranges are not simultaneous.

    References
    ----------
    Mogstad, Romano, Shaikh, Wilhelm (2024), Inference for ranks.

    Examples
    --------
    >>> import metaeval
    >>> result = metaeval.compare(metaeval.load_example(), n_resamples=200)
    >>> ax = rank_intervals(result)
    """
    require_differences(result, "rank_intervals", statistic, task)
    if result.direction(statistic) == 0:
        raise MetaevalError(
            "Neither high nor low values of this statistic are good, so it has no ranks; draw "
            "forest(result)."
        )
    frame = result.leaderboard(statistic, task)[_RANKS]
    return frame if return_data else _draw_ranks(frame, max_chars, ax)


def _draw_ranks(frame: pd.DataFrame, max_chars: int | None, ax: Axes | None) -> Axes:
    ax, rows = row_axes(ax, frame["scorer"], max_chars)
    for end in ("rank_low", "rank_high"):
        ax.plot(frame[end], rows.positions, "o", color=BLUE, ms=3.5, zorder=3)
    ax.hlines(rows.positions, frame["rank_low"], frame["rank_high"], color=BLUE, lw=2.2)
    margin = 0.3 + 0.03 * len(frame)
    ax.set_xlim(1 - margin, len(frame) + margin)
    ax.xaxis.set_major_locator(integer_ticks())
    ax.set_xlabel("rank")
    return ax
