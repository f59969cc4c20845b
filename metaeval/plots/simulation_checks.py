"""What simulations say of posteriors and intervals: ranks of true values, and coverage."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from metaeval.core import MetaevalError, check_fraction, require_column
from metaeval.plots.figures import figure_inches, figure_of_panels
from metaeval.plots.row_axes import (
    POINTS_PER_INCH,
    draw_intervals,
    label_x,
    percent_axis,
    points,
    row_axes,
)
from metaeval.plots.theme import BLUE, GREY, LIGHT
from metaeval.resampling import IntervalInputs, holm, wilson

_N_SIMULATED = 4_000  # of uniform ranks, for the band
_MIN_PANEL_WIDTH = 130.0  # points of a panel


def sbc_ranks(
    frame: pd.DataFrame, *, fig: FigureBase | None = None, return_data: bool = False
) -> Any:
    """Show ranks of true values among draws, cumulated and less uniform ones, for each model.

    Parameters
    ----------
    frame : DataFrame
        One row for each quantity of a model: model, quantity, and the number of data sets whose
        true value had its rank in each bin, in columns 0, 1, ...
    fig : Figure or SubFigure, optional
        Where the panels are made; otherwise a new figure over two columns.
    return_data : bool, default False
        Draw nothing, and return what would be drawn.

    Returns
    -------
    array of Axes, or DataFrame
        One panel per model, one curve per quantity. The frame: model, quantity, at (share of the
        ranks), excess (share of the sets below, less `at`), band (half its width) and p_adjusted
        (chi-squared test of uniform ranks, Holm's correction over the quantities of the model).

    Raises
    ------
    MetaevalError
        If it is no frame, or columns are missing or hold no counts.

    Notes
    -----
    If a model is fitted as it simulates, ranks are uniform, and a whole curve stays inside the
    band in 95 % of the cases, each quantity by itself: of many quantities some leave it. A hump
    says that posteriors lie too low, a dip too high; an S that they are too wide or too narrow.
    The band is of 4000 simulated sets of ranks, the same each time.

    References
    ----------
    Talts et al. (2018), Validating Bayesian inference algorithms with simulation-based
    calibration. Säilynoja, Bürkner, Vehtari (2022), Graphical test for discrete uniformity.

    Examples
    --------
    >>> ranks = pd.DataFrame({"model": "m", "quantity": ["a", "b"], "0": [9, 12], "1": [11, 8]})
    >>> panels = sbc_ranks(ranks)
    """
    bins = _bins(frame)
    curves = _curves(frame, bins)
    return curves if return_data else _draw_ranks(curves, fig)


def _bins(frame: Any) -> list[Any]:
    """Names of the columns with counts, in their order."""
    _require_frame(frame, "sbc_ranks", "model", "quantity")
    bins = sorted((c for c in frame.columns if str(c).isdigit()), key=lambda c: int(str(c)))
    counts = frame[bins].to_numpy(dtype=float, na_value=np.nan) if len(bins) > 1 else np.zeros(1)
    if not len(frame) or not ((counts >= 0).all() and counts.sum(axis=-1).all()):
        raise MetaevalError(
            "sbc_ranks needs rows with counts of ranks in columns 0, 1, ... (two or more), none "
            "below 0 or missing; found "
            f"{', '.join(map(str, bins)) or 'no such column'} in {len(frame)} rows."
        )
    return bins


def _require_frame(frame: Any, function: str, *columns: str) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise MetaevalError(
            f"{function} draws a pandas DataFrame, found a {type(frame).__name__}; "
            "read a file of rows with pandas.read_csv."
        )
    for column in columns:
        require_column(frame.columns, column, purpose=function)


def _curves(frame: pd.DataFrame, bins: list[Any]) -> pd.DataFrame:
    """Cumulated ranks less uniform ones, one row for each edge of a bin of each quantity."""
    from scipy.stats import chisquare

    counts = frame[bins].to_numpy(dtype=float)
    adjusted = np.empty(len(frame))
    for rows in frame.groupby("model", sort=False).indices.values():
        adjusted[rows] = holm(np.asarray(chisquare(counts[rows], axis=1).pvalue))
    uniform = np.arange(len(bins) + 1) / len(bins)
    curves = []
    for i, (model, quantity) in enumerate(zip(frame["model"], frame["quantity"], strict=True)):
        total = counts[i].sum()
        excess = np.r_[0, counts[i].cumsum()] / total - uniform
        columns = {"model": model, "quantity": quantity, "at": uniform, "excess": excess}
        band = np.array(_band(int(total), len(bins)))
        curves.append(pd.DataFrame(columns | {"band": band, "p_adjusted": adjusted[i]}))
    return pd.concat(curves, ignore_index=True)


@lru_cache(maxsize=32)
def _band(n: int, bins: int) -> tuple[float, ...]:
    """Half width at each edge of a band that holds 95 % of the whole curves of n uniform ranks."""
    counts = np.random.default_rng(0).multinomial(n, np.full(bins, 1 / bins), size=_N_SIMULATED)
    uniform = np.arange(1, bins) / bins
    deviation = np.abs(counts.cumsum(axis=1)[:, :-1] / n - uniform)
    sd = np.sqrt(uniform * (1 - uniform) / n)
    scale = np.quantile((deviation / sd).max(axis=1), 0.95)
    return (0.0, *(float(v) for v in scale * sd), 0.0)


def _draw_ranks(curves: pd.DataFrame, fig: FigureBase | None) -> Any:
    models = list(dict.fromkeys(curves["model"]))
    smallest = curves.groupby("model", sort=False)["p_adjusted"].min()
    titles = [f"{model}: smallest Holm p {smallest[model]:.2f}" for model in models]
    width = figure_inches(fig) * POINTS_PER_INCH - 30
    panels = figure_of_panels(
        fig, titles, width=width, min_width=_MIN_PANEL_WIDTH, title_gap=16, panel_height=76
    )
    for panel, model in zip(panels.flat, models, strict=False):
        _draw_model(panel, curves[curves["model"] == model])
    size = points("axes.labelsize")
    panels[0, 0].figure.supxlabel("rank of the true value, as a share of the draws", size=size)
    panels[0, 0].figure.supylabel("share of sets below, less uniform", size=size)
    return panels


def _draw_model(panel: Axes, curves: pd.DataFrame) -> None:
    """The band of one model, and the curve of each quantity."""
    for _, curve in curves.groupby("quantity", sort=False):
        panel.plot(curve["at"], curve["excess"], "-", lw=0.7, color=BLUE, alpha=0.75)
    widest = curves.loc[curves["quantity"] == curves.loc[curves["band"].idxmax(), "quantity"]]
    panel.fill_between(widest["at"], -widest["band"], widest["band"], color=LIGHT, lw=0, zorder=0)


def coverage(
    frame: pd.DataFrame,
    *,
    nominal: float = 0.95,
    max_chars: int | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Show how often intervals held the truth, beside how often they should.

    Parameters
    ----------
    frame : DataFrame
        label, covered (how many intervals held the truth) and sets (of how many), one row for each
        kind of interval or setting, in the order in which they are drawn.
    nominal : float, default 0.95
        Share that should hold it: the confidence of the intervals.
    max_chars : int, optional
        Longer labels lose their middle; by default they are whole, in several lines if need be.
    ax : Axes, optional
        Where to draw; otherwise a new figure that is as high as its rows need.
    return_data : bool, default False
        Draw nothing, and return what would be drawn.

    Returns
    -------
    Axes or DataFrame
        The frame: label, covered, sets, share, lower, upper; the last two are Wilson's 95 %
        interval for the share, which says how many data sets were simulated.

    Raises
    ------
    MetaevalError
        If it is no frame, columns are missing, or counts are impossible.

    Notes
    -----
    A share below the nominal one says that intervals are too short, where its own interval lies
    below, too. Sets must be independent: intervals of several scorers of one data set are not.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference.

    Examples
    --------
    >>> counted = pd.DataFrame({"label": ["bca", "t"], "covered": [93, 96], "sets": 100})
    >>> ax = coverage(counted)
    """
    check_fraction("nominal", nominal)
    shares = _shares(frame)
    return shares if return_data else _draw_shares(shares, nominal, max_chars, ax)


def _shares(frame: Any) -> pd.DataFrame:
    """Shares with Wilson's intervals."""
    _require_frame(frame, "coverage", "label", "covered", "sets")
    covered, sets = (frame[c].to_numpy(dtype=float, na_value=np.nan) for c in ("covered", "sets"))
    if not len(frame) or not ((covered >= 0) & (covered <= sets) & (sets > 0)).all():
        raise MetaevalError(
            "coverage needs rows in which covered is between 0 and sets, and sets at least 1."
        )
    zeros = np.zeros((1, len(covered)))
    counts = IntervalInputs(zeros[0], zeros, zeros, zeros[0], 1, successes=covered, trials=sets)
    lower, upper = wilson(counts, 0.95)
    columns = frame[["label", "covered", "sets"]].reset_index(drop=True)
    return columns.assign(share=covered / sets, lower=lower, upper=upper)


def _draw_shares(
    shares: pd.DataFrame, nominal: float, max_chars: int | None, ax: Axes | None
) -> Axes:
    ax, rows = row_axes(ax, shares["label"], max_chars)
    ax.axvline(nominal, color=GREY, lw=0.8, ls=(0, (4, 2)), zorder=1)
    draw_intervals(ax, rows.positions, shares["share"], shares["lower"], shares["upper"])
    percent_axis(ax.xaxis)
    label_x(ax, f"intervals that hold the truth (%), nominal {100 * nominal:g}")
    return ax
