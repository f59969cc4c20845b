"""Scorers on a common axis, with a bar over each group without significant differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from metaeval.core import MetaevalError
from metaeval.plots.result_checks import label_values, require_differences
from metaeval.plots.row_axes import row_axes, small_size
from metaeval.plots.theme import BLACK, BLUE, GRAY, LIGHT
from metaeval.resampling import MAX_GROUPS, letter, maximal_nonsignificant_groups
from metaeval.results import Result, significantly_better

_BAR_SPACING = 1.15  # distance of bars, in font sizes of their letters


def cd_diagram(
    result: Result,
    *,
    statistic: str | None = None,
    task: str | None = None,
    max_chars: int | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Show scorers at their values, with bars above groups that do not differ significantly.

    Parameters
    ----------
    result : Result
        Result of `metaeval.compare` or `bayes.summarize` in which all pairs are compared.
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
        The DataFrame has columns group (its letter), scorer and estimate, with one row for each
        member of each group, best first. A bar extends from the first to the last member of its
        group, and dots on it mark the members.

    Raises
    ------
    MetaevalError
        If `result` is not a Result, not all pairs were compared, or values are infinite.

    Notes
    -----
    Similar to a critical difference diagram, but without a common critical difference: each pair
    has its own adjusted test, so a bar may pass over a scorer that does not belong to its group
    (and has no dot on it). Scorers under the same bar are not thereby shown to be equivalent.

    References
    ----------
    Demšar (2006), Statistical comparisons of classifiers over multiple data sets. Piepho (2004),
    An algorithm for a letter-based representation of all-pairwise comparisons.

    Examples
    --------
    >>> import metaeval
    >>> result = metaeval.compare(metaeval.load_example(), n_resamples=200)
    >>> ax = cd_diagram(result)
    """
    require_differences(result, "cd_diagram", statistic, task)
    leaderboard = result.leaderboard(statistic, task)
    _check(leaderboard)
    groups = _groups(result, leaderboard, statistic, task)
    if return_data:
        return groups
    ax = _draw(leaderboard, groups, max_chars, ax)
    label_values(ax, result, statistic, interval=False)
    return ax


def _check(leaderboard: pd.DataFrame) -> None:
    if leaderboard.attrs["notes"]:
        raise MetaevalError(
            f"cd_diagram draws at most {MAX_GROUPS} groups, got more; use "
            "significance_matrix(result), or compare fewer scorers."
        )
    if not leaderboard["letters"].all():
        raise MetaevalError(
            "cd_diagram requires comparisons of all pairs of scorers; omit baseline= in "
            "metaeval.compare, or use forest(result)."
        )
    if not np.isfinite(leaderboard["estimate"]).all():
        raise MetaevalError(
            "cd_diagram requires finite values for all scorers; use forest(result), which marks "
            "infinite and undefined values."
        )


def _groups(
    result: Result, leaderboard: pd.DataFrame, statistic: str | None, task: str | None
) -> pd.DataFrame:
    """Members of each group, in the order of the letters."""
    better, _ = significantly_better(
        result, result.rows(statistic, task), list(leaderboard["scorer"])
    )
    groups = [
        leaderboard.loc[members, ["scorer", "estimate"]].assign(group=letter(k))
        for k, members in enumerate(maximal_nonsignificant_groups(better | better.T) or ())
    ]
    return pd.concat(groups, ignore_index=True)[["group", "scorer", "estimate"]]


def _draw(
    leaderboard: pd.DataFrame, groups: pd.DataFrame, max_chars: int | None, ax: Axes | None
) -> Axes:
    names = list(dict.fromkeys(groups["group"]))
    step = _BAR_SPACING * small_size()
    ax, rows = row_axes(ax, leaderboard["scorer"], max_chars, extra=step * (len(names) + 1))
    top = ax.get_ylim()[1]
    ax.set_ylim(top=top - (len(names) + 0.5) * step / rows.unit)
    ax.vlines(
        leaderboard["estimate"], ax.get_ylim()[1], rows.positions, color=LIGHT, lw=0.5, zorder=1
    )
    ax.plot(leaderboard["estimate"], rows.positions, "o", color=BLUE, zorder=3)
    for k, name in enumerate(names):
        _bar(ax, groups[groups["group"] == name], top - (len(names) - k - 0.5) * step / rows.unit)
    ax.axhline(top, color=GRAY, lw=0.5)
    ax.margins(x=0.06)
    return ax


def _bar(ax: Axes, members: pd.DataFrame, y: float) -> None:
    """Draw a bar from the first to the last member of a group, with its letter."""
    values = members["estimate"].to_numpy()
    ax.plot([values.min(), values.max()], [y, y], "-", color=BLACK, lw=1.6, solid_capstyle="round")
    ax.plot(values, [y] * len(values), "o", color=BLACK, ms=2.8)
    options: Any = {
        "ha": "left",
        "va": "center",
        "fontsize": small_size(),
        "annotation_clip": False,
    }
    ax.annotate(
        members["group"].iloc[0],
        (values.max(), y),
        xytext=(4, 0),
        textcoords="offset points",
        **options,
    )
