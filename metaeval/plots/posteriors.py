"""Posterior intervals and densities of scorers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from metaeval.core import Floats, MetaevalError
from metaeval.plots.result_checks import infinity_label, label_values
from metaeval.plots.row_axes import annotate_rows, draw_intervals, row_axes, small_size
from metaeval.plots.theme import BLUE, SKY
from metaeval.results import Result, format_probability

_N_POINTS = 121  # of a curve
_ROW_HEIGHT = 20.0  # points of a row with a curve
_CURVE_QUANTILES = (0.01, 0.99)  # range of a curve: a few extreme draws would compress all others
_CURVE_HEIGHT = 0.72  # of the row
_INTERVAL_OFFSET = 0.3  # of the row, downward from its middle


def posterior_intervals(
    posterior: Result | xr.DataTree,
    *,
    quantity: str | None = None,
    task: str | None = None,
    density: bool = True,
    confidence: float = 0.95,
    agreement: float | None = None,
    covariate: str | None = None,
    max_chars: int | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Show the posterior of one quantity for each scorer: estimate, interval and density.

    Parameters
    ----------
    posterior : Result or DataTree
        Return value of `bayes.summarize`, or of `bayes.fit`, which requires `quantity`.
    quantity : str, optional
        As in `bayes.summarize`; for a DataTree only.
    task : str, optional
        As in `Result.row`; `"(new task)"` is an unobserved task.
    density : bool, default True
        Draw the density, if the result contains draws (results read from JSON do not).
    confidence : float, default 0.95
        Probability inside the intervals, for a DataTree only; a result has its own.
    agreement : float, optional
        Agreement rate of the quantity `gap`, for a DataTree only.
    covariate : str, optional
        Covariate whose effect the quantity `bias` is, for a DataTree only.
    max_chars : int, optional
        Abbreviate longer names in the middle; by default they are shown in full and wrapped.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure as tall as its rows require.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        The DataFrame has columns scorer, estimate, lower, upper and infinite (proportion of
        infinite draws), and with `density` also value and density, one row for each point of each
        curve. Curves span the central 98% of the finite draws, and each is scaled to the height of
        its row.

    Raises
    ------
    MetaevalError
        If `posterior` is not a posterior, or does not have this quantity or task.

    Notes
    -----
    Curves are kernel density estimates (Gaussian kernel, Scott's bandwidth), which smooth sharp
    edges and concentrations of draws at a bound. Intervals are quantiles of the draws themselves.
    As with intervals, do not infer from the overlap of two curves whether one scorer is better.

    References
    ----------
    Scott (1992), Multivariate density estimation.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> tree = bayes.fit(bayes.AccuracyModel(), load_example(), seed=1)
    >>> ax = posterior_intervals(tree, quantity="accuracy")
    """
    options = {"covariate": covariate, "agreement": agreement}
    result = _posterior(posterior, quantity, confidence, options)
    table, draws = _estimates_and_draws(result, task)
    density = density and draws is not None
    frame = _with_curves(table, draws) if density and draws is not None else table
    return frame if return_data else _draw(frame, result, max_chars, ax)


def _posterior(
    posterior: Any, quantity: str | None, confidence: float, options: Mapping[str, Any]
) -> Result:
    """The posterior result, summarized from a DataTree if one is given."""
    if isinstance(posterior, Result):
        if any(value is not None for value in (quantity, *options.values())):
            raise MetaevalError(
                "A Result contains one quantity; pass quantity= and its options to bayes.summarize."
            )
        if posterior.is_posterior:
            return posterior
        raise MetaevalError(
            f"posterior_intervals expected a posterior, got a result of {posterior.meta.kind}; use "
            "forest(result), or fit a model with bayes.fit."
        )
    from metaeval.bayes import summarize
    from metaeval.bayes.datatree import require_posterior
    from metaeval.bayes.summaries import QUANTITIES

    model = require_posterior(posterior).attrs["model"]
    if quantity is None:
        raise MetaevalError(
            f"A posterior of the {model} model has several quantities; choose one, such as "
            f"quantity={next(iter(QUANTITIES[model]))!r}."
        )
    return summarize(posterior, quantity, confidence=confidence, **options)


def _estimates_and_draws(result: Result, task: str | None) -> tuple[pd.DataFrame, Floats | None]:
    """Estimates and intervals in a task, best first, and draws (draw, scorer) in the same order."""
    leaderboard = result.leaderboard(task=task)[["scorer", "estimate", "lower", "upper"]]
    if result.draws is None:
        return leaderboard.assign(infinite=np.nan), None
    values = result.frame[result.frame["baseline"].isna()].reset_index(drop=True)
    in_task = values["task"].isna() if task is None else values["task"] == task
    column = {
        name: i for i, name in zip(values.index[in_task], values["scorer"][in_task], strict=True)
    }
    draws = result.draws[:, [column[name] for name in leaderboard["scorer"]]]
    return leaderboard.assign(infinite=np.isinf(draws).mean(axis=0)), draws


def _with_curves(table: pd.DataFrame, draws: Floats) -> pd.DataFrame:
    """The table with each row repeated for the points of its curve."""
    parts = []
    for row, values in zip(table.to_dict("records"), draws.T, strict=True):
        value, density = _curve(values[np.isfinite(values)])
        parts.append(pd.DataFrame(row | {"value": value, "density": density}))
    return pd.concat(parts, ignore_index=True)


def _curve(values: Floats) -> tuple[Floats, Floats]:
    """Points of a density over the central draws; one point without density if all are equal.

    >>> _curve(np.array([2.0, 2.0]))
    (array([2.]), array([nan]))
    """
    from scipy.stats import gaussian_kde

    # The kernel density of draws that are equal up to rounding does not exist.
    if len(values) < 2 or np.ptp(values) <= 1e-9 * np.abs(values).max():
        return values[:1] if len(values) else np.array([np.nan]), np.array([np.nan])
    low, high = (float(end) for end in np.quantile(values, _CURVE_QUANTILES))
    grid = np.linspace(low, high, _N_POINTS)
    return grid, np.asarray(gaussian_kde(values)(grid))


def _draw(frame: pd.DataFrame, result: Result, max_chars: int | None, ax: Axes | None) -> Axes:
    curves = "density" in frame
    table = frame.drop_duplicates("scorer")
    ax, rows = row_axes(ax, table["scorer"], max_chars, min_height=_ROW_HEIGHT if curves else 0.0)
    y = rows.positions + (_INTERVAL_OFFSET if curves else 0.0)
    if curves:
        for base, name in zip(y, table["scorer"], strict=True):
            _draw_curve(ax, base, frame[frame["scorer"] == name])
    infinity = infinity_label(result)
    intervals = (table["estimate"], table["lower"], table["upper"])
    draw_intervals(ax, y, *intervals, infinity_label="" if table["infinite"].any() else infinity)
    probabilities = [_probability_text(infinity, p) if p > 0 else "" for p in table["infinite"]]
    annotation_width = annotate_rows(ax, rows.positions, probabilities, small_size())
    label_values(ax, result, right_margin=annotation_width)
    return ax


def _probability_text(event: str, p: float) -> str:
    """The probability of an event as text.

    >>> _probability_text("infinite", 0.05), _probability_text("infinite", 1e-6)
    ('P(infinite) = .050', 'P(infinite) <.001')
    """
    text = format_probability(p)
    return f"P({event}) {text}" if text[0] in "<>" else f"P({event}) = {text}"


def _draw_curve(ax: Axes, base: float, curve: pd.DataFrame) -> None:
    """Draw a density above the line of its interval."""
    density = curve["density"].to_numpy()
    if np.isfinite(density).all():
        top = base - _CURVE_HEIGHT * density / density.max()
        ax.fill_between(curve["value"], base, top, color=SKY, alpha=0.45, lw=0, zorder=1)
        ax.plot(curve["value"], top, "-", color=BLUE, lw=0.6, zorder=2)
