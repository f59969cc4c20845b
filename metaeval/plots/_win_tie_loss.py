"""Proportions of win, tie and loss by margin, observed and predicted by a model."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from metaeval.core import check_fraction
from metaeval.plots.input_checks import as_name_list, require_tree, select_scorers
from metaeval.plots.legends import LegendEntry
from metaeval.plots.panels import draw_panels, label_axes, split_by_scorer, thin_line
from metaeval.plots.row_axes import percent_axis
from metaeval.plots.theme import BLUE, GRAY, ORANGE, RED

_OUTCOMES = {"win": (BLUE, "o"), "tie": (ORANGE, "s"), "loss": (RED, "^")}


def win_tie_loss(
    tree: xr.DataTree,
    scorers: Sequence[str] | str | None = None,
    *,
    confidence: float = 0.95,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Draw observed and predicted proportions of win, tie and loss by margin.

    Parameters
    ----------
    tree : DataTree
        A posterior of `bayes.TieModel`.
    scorers : str or list of str, optional
        One panel for each scorer and task; all scorers by default.
    confidence : float, default 0.95
        Pointwise probability inside the predictive bands.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure with room for all panels.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        With several panels, the axes that contain them. The DataFrame has columns scorer, task,
        group (of pairs of similar margin), margin (its mean), outcome, observed, predicted, lower
        and upper.

    Raises
    ------
    MetaevalError
        If `tree` is not a posterior of `bayes.TieModel`, or does not have a scorer.

    Notes
    -----
    Pairs are oriented by the sign of the margin: a win is a label that agrees with it. Bands are
    for as many new pairs as the effective sample size of a group (see the design effects of
    `bayes.TieModel`); points outside indicate misfit. The check is conservative, because the same
    data are used for the fit.

    References
    ----------
    Gelman, Meng, Stern (1996), Posterior predictive assessment of model fitness.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> tree = bayes.fit(bayes.TieModel(), load_example(), scorers=["judge"], seed=1)
    >>> ax = win_tie_loss(tree)
    >>> ax.get_ylabel()
    'proportion of pairs (%)'
    """
    check_fraction("confidence", confidence)
    frame = _shares(require_tree(tree, "ties", "win_tie_loss"), as_name_list(scorers), confidence)
    return frame if return_data else _draw_shares(frame, ax, confidence)


def _shares(tree: xr.DataTree, scorers: list[str] | None, confidence: float) -> pd.DataFrame:
    from metaeval.bayes.predictive_checks import outcome_rates
    from metaeval.bayes.summaries import summarize

    frame = outcome_rates(tree, confidence)
    frame = select_scorers(frame, scorers)
    by_task = summarize(tree, "epsilon").frame["task"].notna().any()
    return frame if by_task else frame.assign(task=None)


def _draw_shares(frame: pd.DataFrame, ax: Axes | None, confidence: float) -> Axes:
    several = frame["task"].nunique() > 1
    titles, parts = split_by_scorer(frame if several else frame.assign(task=None))
    legend = [
        *(
            LegendEntry(Line2D([], [], color=c, marker=m, ls="none"), f"{name}, observed")
            for name, (c, m) in _OUTCOMES.items()
        ),
        LegendEntry(Patch(color=GRAY, alpha=0.35, lw=0), f"{100 * confidence:g}% predictive band"),
    ]
    host = draw_panels(ax, titles, legend, parts, _share_panel)
    return label_axes(host, "margin", "proportion of pairs (%)")


def _share_panel(ax: Axes, part: pd.DataFrame) -> None:
    for outcome, (color, marker) in _OUTCOMES.items():
        rates = part[part["outcome"] == outcome].sort_values("margin")
        x, intervals = rates["margin"], (rates["lower"], rates["upper"])
        if x.nunique() > 1:
            ax.fill_between(x, *intervals, color=color, alpha=0.25, lw=0)
            ax.plot(x, rates["predicted"], color=color, lw=thin_line(), ls="-")
        else:
            ax.vlines(x, *intervals, color=color, alpha=0.35, lw=3)
        ax.plot(x, rates["observed"], marker, color=color, ms=2.6)
    ax.set_ylim(-0.03, 1.03)
    ax.set_yticks([0, 0.5, 1.0])
    percent_axis(ax.yaxis)
