"""Intervals of scorers, and intervals for their ranks."""

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
from metaeval.plots.theme import BLUE, GRAY
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
    """Show the estimate of each scorer with its interval, best first.

    Parameters
    ----------
    result : Result
        Result of `metaeval.evaluate`, `metaeval.compare` or `bayes.summarize`.
    statistic, task : str, optional
        As in `Result.row`.
    max_chars : int, optional
        Abbreviate longer names in the middle; by default they are shown in full and wrapped.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure as tall as its rows require.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        The DataFrame has columns scorer, estimate, lower, upper, reference (for accuracies, the
        accuracy of random guessing at the tie rate of the scorer; for calibration measures, their
        mean under perfect calibration) and letters, with one row per scorer. Accuracies are
        proportions; the axis shows percentages.

    Raises
    ------
    MetaevalError
        If `result` is not a Result, or does not have this statistic or task.

    Notes
    -----
    Do not infer differences from the overlap of two intervals: scorers share items, and scorers
    with overlapping intervals may differ significantly. If all pairs were compared, letters show
    the comparisons: two scorers share a letter if and only if they are not significantly different.

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
    name = "chance" if result.is_accuracy(statistic) else "expected if calibrated"
    if has_reference:
        ax.plot(frame["reference"], rows.positions, "|", color=GRAY, ms=6, mew=1.2, label=name)
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
    """Show the range of ranks of each scorer that is compatible with the comparisons.

    Parameters
    ----------
    result : Result
        Result of `metaeval.compare` or `bayes.summarize`.
    statistic, task : str, optional
        As in `Result.row`.
    max_chars : int, optional
        Abbreviate longer names in the middle; by default they are shown in full and wrapped.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure as tall as its rows require.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        The DataFrame has columns scorer, estimate, rank_low and rank_high, with one row per scorer,
        best first.

    Raises
    ------
    MetaevalError
        If `result` is not a Result, has no comparisons, or is of a statistic of which neither
        higher nor lower values are better.

    Notes
    -----
    With a correction that controls the family-wise error rate, all true ranks are in their ranges
    simultaneously with at least its confidence. A wide range reflects uncertainty, not a mediocre
    scorer. For posteriors each pair is decided by itself, so ranges are not simultaneous.

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
            "rank_intervals requires a statistic for which higher or lower values are better; use "
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
