"""Ranks of scorers under every tie policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from metaeval.core import MetaevalError
from metaeval.inference import compare
from metaeval.plots.input_checks import as_name_list, require_table
from metaeval.plots.panels import thin_line, tick_size
from metaeval.plots.row_axes import (
    LINE_SPACING,
    POINTS_PER_INCH,
    RowLabels,
    annotate_rows,
    axes_or_new,
    axes_width,
    make_row_labels,
    rows_height,
)
from metaeval.plots.text_layout import literal_text, text_width
from metaeval.plots.theme import LIGHT, series_style
from metaeval.statistics import (
    TIES as CANDIDATES,
    Statistic,
    best_of_n,
    default_ties,
    pairwise_accuracy,
    tie_calibrated_accuracy,
)
from metaeval.tables import Table

_NAME_FRACTION = 0.29  # of the width of the figure, on each side
_INTERVAL_SPREAD = 0.3  # of the distance of two policies, over which intervals are spread
_MAX_WITH_INTERVALS = 12  # scorers; the intervals of more would overlap
_COLUMNS = ["statistic", "scorer", "estimate", "rank", "rank_low", "rank_high"]


def tie_policies(
    table: Table,
    scorers: Sequence[str] | None = None,
    *,
    statistics: Sequence[Statistic | str] | None = None,
    max_chars: int | None = None,
    label: str | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    test: str = "t",
    correction: str = "maxt",
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Show the rank of each scorer under every tie policy, with one line per scorer.

    Parameters
    ----------
    table : Responses or Pairs
    scorers : list of str, optional
        At least two scorers; all by default.
    statistics : list of Statistic or str, optional
        By default those that differ in their treatment of ties on this table: pairwise accuracy
        with `strict` and `half`; if labels are tied also with `acc-eq`, with and without a tuned
        threshold; and, for correctness labels, `best_of_n` with each of its three policies.
    max_chars : int, optional
        Abbreviate longer names in the middle; by default they are shown in full and wrapped.
    label : str, optional
        Label column; required if there are several that are not averaged.
    by : str, optional
        Column of the items to average over with equal weights; ranks are those of this macro
        average.
    resample : {"item", "cluster", "task"}, optional
        Unit of resampling; by default clusters if there are any, else items.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Policy for missing scores, as in `metaeval.evaluate`; by default that of the table.
    test : str, default "t"
        Test of the differences that determine the ranges of ranks, as in `metaeval.compare`.
    correction : {"maxt", "holm", "bh", "by", "none"}, default "maxt"
        Adjustment of p-values, as in `metaeval.compare`.
    confidence : float, default 0.95
        Confidence level of the ranges of ranks.
    n_resamples : int, default 10 000
        Bootstrap replicates, at least 100.
    seed : int, default 0
        Seed of the replicates; the same seed gives the same figure.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure as tall as its rows require.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        The DataFrame has columns statistic, scorer, estimate, rank, and rank_low and rank_high, the
        range of ranks that is compatible with the comparisons by this statistic.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable, or there is one scorer only.

    Notes
    -----
    Where lines cross, the better scorer depends on the tie policy; bars show the ranges of ranks,
    which overlap unless scorers differ significantly (for up to twelve scorers; the DataFrame has
    the ranges of all). Scorers with equal values are in the order of their names. Lines of scorers
    with constant rank are gray. Ranges are simultaneous within a policy, not over policies;
    selecting the policy most favorable to a scorer invalidates them.

    References
    ----------
    Deutsch, Foster, Freitag (2023), Ties Matter. Steegen, Tuerlinckx, Gelman, Vanpaemel (2016),
    Increasing transparency through a multiverse analysis.

    Examples
    --------
    >>> from metaeval import load_example
    >>> ax = tie_policies(load_example(), n_resamples=200)
    >>> ax.get_ylabel()
    'rank'
    """
    canonical = require_table(table, "tie_policies")
    policies = _policies(canonical) if statistics is None else list(statistics)
    options = {
        "label": label,
        "scorers": as_name_list(scorers),
        "by": by,
        "resample": resample,
        "missing": missing,
        "test": test,
        "correction": correction,
        "confidence": confidence,
        "n_resamples": n_resamples,
        "seed": seed,
    }
    frame = _ranks(canonical, policies, options)
    return frame if return_data else _draw(frame, max_chars, ax)


def _policies(table: Table) -> list[Statistic | str]:
    """Statistics that differ in their treatment of ties on this table."""
    pairwise = [pairwise_accuracy(ties) for ties in ("strict", "half")]
    if default_ties(table) == "acc-eq":
        return [pairwise_accuracy("acc-eq"), tie_calibrated_accuracy(), *pairwise]
    candidates = [best_of_n(ties) for ties in CANDIDATES] if table.kind == "correct" else []  # type: ignore[arg-type]
    return [*pairwise, *candidates]


def _ranks(
    table: Table, statistics: list[Statistic | str], options: dict[str, Any]
) -> pd.DataFrame:
    scorers = options["scorers"] or table.scorers
    if len(scorers) < 2:
        raise MetaevalError(
            f"tie_policies requires at least two scorers, got 1 ({scorers[0]!r}); select more with "
            "scorers=."
        )
    result = compare(table, statistics, **options)
    names = result.meta.requested
    for name in names:
        if result.direction(name) == 0:
            raise MetaevalError(
                f"tie_policies requires statistics for which higher or lower values are better, "
                f"got {name}."
            )
    leaderboards = [result.leaderboard(name).assign(statistic=name) for name in names]
    ranked = [
        leaderboard.assign(rank=np.arange(1, len(leaderboard) + 1)) for leaderboard in leaderboards
    ]
    return pd.concat(ranked, ignore_index=True)[_COLUMNS]


def _draw(frame: pd.DataFrame, max_chars: int | None, ax: Axes | None) -> Axes:
    names = list(frame["statistic"].unique())
    orders = [_by_rank(frame, name) for name in (names[0], names[-1])]
    options: Any = {"ax": ax, "max_fraction": _NAME_FRACTION, "max_chars": max_chars, "even": True}
    left, right = (make_row_labels(order, **options) for order in orders)
    rows = left if left.unit >= right.unit else right
    labels = [literal_text(name) for name in names]
    size = tick_size()
    label_width = max(text_width(label, size) for label in labels)
    ax = axes_or_new(ax, rows_height(rows, label_width))
    for k, scorer in enumerate(orders[0]):
        _line(ax, frame[frame["scorer"] == scorer], names, k, len(orders[0]))
    _label_ranks(ax, left, right)
    ax.set_xlim(-0.4, len(names) - 0.6)
    fits = label_width < _width_between(ax, left, right) / len(names)
    rotation: dict[str, Any] = {} if fits else {"rotation": 90, "va": "top"}
    ax.set_xticks(range(len(names)), labels, fontsize=size, **rotation)
    return ax


def _by_rank(frame: pd.DataFrame, statistic: str) -> list[str]:
    return list(frame[frame["statistic"] == statistic].sort_values("rank")["scorer"])


def _width_between(ax: Axes, left: RowLabels, right: RowLabels) -> float:
    """Width in points between the names on both sides."""
    return axes_width(ax) * POINTS_PER_INCH - left.width - right.width - 30


def _line(ax: Axes, ranks: pd.DataFrame, names: list[str], k: int, n: int) -> None:
    """Draw the ranks of one scorer by policy, with ranges of ranks as bars beside."""
    ranks = ranks.set_index("statistic").loc[names]
    style = series_style(k)
    constant = ranks["rank"].nunique() == 1
    if constant:
        style |= {"color": "#8A8A8A", "linestyle": "-"}
    x = np.arange(len(names))
    ax.plot(x, ranks["rank"], **style, zorder=3 - constant)
    if n <= _MAX_WITH_INTERVALS:
        interval_x = x + _INTERVAL_SPREAD * ((k + 0.5) / n - 0.5)
        intervals = (ranks["rank_low"] - 0.12, ranks["rank_high"] + 0.12)
        ax.vlines(
            interval_x, *intervals, color=style["color"], lw=thin_line(), alpha=0.45, zorder=1
        )


def _label_ranks(ax: Axes, left: RowLabels, right: RowLabels) -> None:
    """Write names on both sides, in the order of ranks."""
    ranks = np.arange(1, len(left.texts) + 1)
    ax.set_yticks(ranks, left.texts, fontsize=left.size, linespacing=LINE_SPACING)
    ax.set_ylim(len(ranks) + 0.6, 0.4)
    ax.tick_params(axis="y", length=0)
    annotate_rows(ax, ranks, right.texts, right.size, linespacing=LINE_SPACING)
    ax.set_ylabel("rank")
    ax.spines["left"].set_visible(False)
    for x in ax.get_xticks():
        ax.axvline(x, color=LIGHT, lw=thin_line(), zorder=0)
