"""Checks by simulation: ranks of true values, and coverage of intervals."""

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
from metaeval.plots.theme import BLUE, GRAY, LIGHT
from metaeval.resampling import IntervalInputs, holm, wilson

_N_SIMULATED = 4_000  # data sets with uniform ranks, for the band
_MIN_PANEL_WIDTH = 130.0  # points of a panel


def sbc_ranks(
    frame: pd.DataFrame, *, fig: FigureBase | None = None, return_data: bool = False
) -> Any:
    """Draw the empirical CDF of the ranks of true values among draws minus the uniform CDF.

    Parameters
    ----------
    frame : DataFrame
        One row for each quantity of a model, with columns model, quantity, and 0, 1, ... with the
        number of data sets in which the rank of the true value is in this bin.
    fig : Figure or SubFigure, optional
        Figure for the panels; by default a new one, two columns wide.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    array of Axes, or DataFrame
        One panel per model, one curve per quantity. The DataFrame has columns model, quantity, at
        (normalized rank), excess (empirical CDF minus `at`), band (its half-width) and p_adjusted
        (chi-squared test of uniform ranks, with Holm's correction over the quantities of the
        model).

    Raises
    ------
    MetaevalError
        If `frame` is not a DataFrame, or columns are missing or do not contain counts.

    Notes
    -----
    If a model is fitted to data simulated from it, ranks are uniform, and an entire curve is inside
    the band with probability 95%, for each quantity by itself: of many quantities, some leave it. A
    hump indicates that posteriors are too high, a dip that they are too low; an S shape that they
    are too wide or too narrow. The band is from 4000 simulated data sets with a fixed seed.

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
    """Names of the columns with counts, in numerical order."""
    _require_frame(frame, "sbc_ranks", "model", "quantity")
    bins = sorted((c for c in frame.columns if str(c).isdigit()), key=lambda c: int(str(c)))
    counts = frame[bins].to_numpy(dtype=float, na_value=np.nan) if len(bins) > 1 else np.zeros(1)
    if not len(frame) or not ((counts >= 0).all() and counts.sum(axis=-1).all()):
        raise MetaevalError(
            "sbc_ranks requires rows with nonnegative counts in at least two columns 0, 1, ...; "
            f"got {', '.join(map(str, bins)) or 'no such column'} in {len(frame)} rows."
        )
    return bins


def _require_frame(frame: Any, function: str, *columns: str) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise MetaevalError(
            f"{function} expected a pandas DataFrame, got {type(frame).__name__}; read a CSV file "
            "with pandas.read_csv."
        )
    for column in columns:
        require_column(frame.columns, column, purpose=function)


def _curves(frame: pd.DataFrame, bins: list[Any]) -> pd.DataFrame:
    """Empirical CDF minus uniform CDF, one row for each bin edge of each quantity."""
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
    """Half-width at each bin edge of a simultaneous 95% band for n uniform ranks."""
    counts = np.random.default_rng(0).multinomial(n, np.full(bins, 1 / bins), size=_N_SIMULATED)
    uniform = np.arange(1, bins) / bins
    deviation = np.abs(counts.cumsum(axis=1)[:, :-1] / n - uniform)
    sd = np.sqrt(uniform * (1 - uniform) / n)
    scale = np.quantile((deviation / sd).max(axis=1), 0.95)
    return (0.0, *(float(v) for v in scale * sd), 0.0)


def _draw_ranks(curves: pd.DataFrame, fig: FigureBase | None) -> Any:
    models = list(dict.fromkeys(curves["model"]))
    smallest = curves.groupby("model", sort=False)["p_adjusted"].min()
    titles = [f"{model}: minimum Holm p {smallest[model]:.2f}" for model in models]
    width = figure_inches(fig) * POINTS_PER_INCH - 30
    panels = figure_of_panels(
        fig, titles, width=width, min_width=_MIN_PANEL_WIDTH, title_gap=16, panel_height=76
    )
    for panel, model in zip(panels.flat, models, strict=False):
        _draw_model(panel, curves[curves["model"] == model])
    size = points("axes.labelsize")
    panels[0, 0].figure.supxlabel("normalized rank of the true value", size=size)
    panels[0, 0].figure.supylabel("empirical minus uniform CDF", size=size)
    return panels


def _draw_model(panel: Axes, curves: pd.DataFrame) -> None:
    """Draw the band of one model, and the curve of each quantity."""
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
    """Show the empirical coverage of intervals beside the nominal coverage.

    Parameters
    ----------
    frame : DataFrame
        One row for each kind of interval or setting, in the order of drawing, with columns label,
        covered (number of intervals that cover the true value) and sets (number of data sets).
    nominal : float, default 0.95
        Nominal coverage: the confidence level of the intervals.
    max_chars : int, optional
        Abbreviate longer labels in the middle; by default they are shown in full and wrapped.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure as tall as its rows require.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        The DataFrame has columns label, covered, sets, share (the empirical coverage), lower and
        upper, which are the bounds of its 95% Wilson interval and reflect the number of simulated
        data sets.

    Raises
    ------
    MetaevalError
        If `frame` is not a DataFrame, columns are missing, or counts are impossible.

    Notes
    -----
    Intervals are too short if the Wilson interval of their coverage is below the nominal level.
    Data sets must be independent: intervals of several scorers from one data set are not.

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
    """Empirical coverage with Wilson intervals."""
    _require_frame(frame, "coverage", "label", "covered", "sets")
    covered, sets = (frame[c].to_numpy(dtype=float, na_value=np.nan) for c in ("covered", "sets"))
    if not len(frame) or not ((covered >= 0) & (covered <= sets) & (sets > 0)).all():
        raise MetaevalError("coverage requires rows with 0 <= covered <= sets and sets >= 1.")
    zeros = np.zeros((1, len(covered)))
    counts = IntervalInputs(zeros[0], zeros, zeros, zeros[0], 1, successes=covered, trials=sets)
    lower, upper = wilson(counts, 0.95)
    columns = frame[["label", "covered", "sets"]].reset_index(drop=True)
    return columns.assign(share=covered / sets, lower=lower, upper=upper)


def _draw_shares(
    shares: pd.DataFrame, nominal: float, max_chars: int | None, ax: Axes | None
) -> Axes:
    ax, rows = row_axes(ax, shares["label"], max_chars)
    ax.axvline(nominal, color=GRAY, lw=0.8, ls=(0, (4, 2)), zorder=1)
    draw_intervals(ax, rows.positions, shares["share"], shares["lower"], shares["upper"])
    percent_axis(ax.xaxis)
    label_x(ax, f"empirical coverage (%), nominal {100 * nominal:g}%")
    return ax
