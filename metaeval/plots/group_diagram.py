"""Scorers on the axis of their values, and bars over those that do not differ significantly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from metaeval.core import MetaevalError
from metaeval.plots.result_checks import label_values, require_differences
from metaeval.plots.row_axes import row_axes, small_size
from metaeval.plots.theme import BLACK, BLUE, GREY, LIGHT
from metaeval.resampling import MAX_GROUPS, letter, maximal_nonsignificant_groups
from metaeval.results import Result, significantly_better

_BAR_SPACING = 1.15  # sizes of its letter that a bar takes


def cd_diagram(
    result: Result,
    *,
    statistic: str | None = None,
    task: str | None = None,
    max_chars: int | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Show scorers at their values, and above them a bar for each group that is not separated.

    Parameters
    ----------
    result : Result
        Of `metaeval.compare` or `bayes.summarize`, all pairs compared.
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
        The frame: group (its letter), scorer, estimate, one row for each member of each group, the
        best first. A bar goes from the first to the last of its members, which have dots on it.

    Raises
    ------
    MetaevalError
        If it is no result, not all pairs were compared, or values are infinite.

    Notes
    -----
    A diagram of critical differences without a single critical difference: pairs are separated by
    their own adjusted tests, so a bar may pass over a scorer that is not of its group, which has no
    dot. That two scorers share a bar does not say that they are alike.

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
            f"There are more than {MAX_GROUPS} groups; draw significance_matrix(result), or "
            "compare fewer scorers."
        )
    if not leaderboard["letters"].all():
        raise MetaevalError(
            "Groups need all pairs compared; compare without a baseline, or draw forest(result)."
        )
    if not np.isfinite(leaderboard["estimate"]).all():
        raise MetaevalError(
            "Some scorers have no finite value, and no place on an axis; draw forest(result)."
        )


def _groups(
    result: Result, leaderboard: pd.DataFrame, statistic: str | None, task: str | None
) -> pd.DataFrame:
    """Members of each group, the groups in the order of their letters."""
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
    ax.axhline(top, color=GREY, lw=0.5)
    ax.margins(x=0.06)
    return ax


def _bar(ax: Axes, members: pd.DataFrame, y: float) -> None:
    """A bar from the first to the last member of a group, with its letter."""
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
