"""Posteriors of scorers: intervals, and how their draws are spread."""

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
_CURVE_QUANTILES = (0.01, 0.99)  # of the draws, over which curves go
_CURVE_HEIGHT = 0.72  # of a row, of the highest point of a curve
_INTERVAL_OFFSET = 0.3  # of a row, from its middle down to the interval


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
    """Show the posterior of one quantity for each scorer: estimate, interval, spread of draws.

    Parameters
    ----------
    posterior : Result or DataTree
        Of `bayes.summarize`; or of `bayes.fit`, and then `quantity` is needed.
    quantity : str, optional
        As in `bayes.summarize`; of a tree only.
    task : str, optional
        As in `Result.row`: `"(new task)"` is one that was not seen.
    density : bool, default True
        Draw how the draws are spread, where the result holds them (one read from JSON does not).
    confidence : float, default 0.95
        Of a tree only; a result has its own.
    agreement : float, optional
        Of the quantity `gap` of a tree: share of agreement that is enough.
    covariate : str, optional
        Of the quantity `bias` of a tree: the difference whose effect is shown.
    max_chars : int, optional
        Longer names lose their middle; by default they are whole, in several lines if need be.
    ax : Axes, optional
        Where to draw; otherwise a new figure that is as high as its rows need.
    return_data : bool, default False
        Draw nothing, and return what would be drawn.

    Returns
    -------
    Axes or DataFrame
        The frame: scorer, estimate, lower, upper, infinite (share of draws that are infinite), and
        with `density` value and density, one row for each point of each curve. Curves go
        over the middle 98 % of finite draws, and each is drawn as high as its row allows.

    Raises
    ------
    MetaevalError
        If it is no posterior, or has no such quantity or task.

    Notes
    -----
    Curves are kernel estimates (normal kernel, Scott's width): they round off edges, and where
    draws pile up at an end they show a hill in place of a spike. The interval is of the draws
    themselves. As with intervals, whether one scorer is better cannot be read off two curves.

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
    """A posterior result, made of a tree where one is given."""
    if isinstance(posterior, Result):
        if any(value is not None for value in (quantity, *options.values())):
            raise MetaevalError(
                "A Result holds one quantity; give quantity= and its options to bayes.summarize."
            )
        if posterior.is_posterior:
            return posterior
        raise MetaevalError(
            f"posterior_intervals draws posteriors, and this result is of "
            f"{posterior.meta.kind}; draw forest(result), or fit a model with bayes.fit."
        )
    from metaeval.bayes import summarize
    from metaeval.bayes.datatree import require_posterior
    from metaeval.bayes.summaries import QUANTITIES

    model = require_posterior(posterior).attrs["model"]
    if quantity is None:
        raise MetaevalError(
            f"A posterior of the {model} model holds several quantities; name one: "
            f"quantity={next(iter(QUANTITIES[model]))!r}, for one."
        )
    return summarize(posterior, quantity, confidence=confidence, **options)


def _estimates_and_draws(result: Result, task: str | None) -> tuple[pd.DataFrame, Floats | None]:
    """Estimates and intervals of a task, the best first, and draws (draw, scorer) beside them."""
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
    """The table, each row as often as its curve has points."""
    parts = []
    for row, values in zip(table.to_dict("records"), draws.T, strict=True):
        value, density = _curve(values[np.isfinite(values)])
        parts.append(pd.DataFrame(row | {"value": value, "density": density}))
    return pd.concat(parts, ignore_index=True)


def _curve(values: Floats) -> tuple[Floats, Floats]:
    """Points of a density over the middle of draws; one point without density if all agree.

    >>> _curve(np.array([2.0, 2.0]))
    (array([2.]), array([nan]))
    """
    from scipy.stats import gaussian_kde

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
    probabilities = [
        f"{infinity} {format_probability(p)}" if p > 0 else "" for p in table["infinite"]
    ]
    annotation_width = annotate_rows(ax, rows.positions, probabilities, small_size())
    label_values(ax, result, right_margin=annotation_width)
    return ax


def _draw_curve(ax: Axes, base: float, curve: pd.DataFrame) -> None:
    """A density that rises from the line of its interval."""
    density = curve["density"].to_numpy()
    if np.isfinite(density).all():
        top = base - _CURVE_HEIGHT * density / density.max()
        ax.fill_between(curve["value"], base, top, color=SKY, alpha=0.45, lw=0, zorder=1)
        ax.plot(curve["value"], top, "-", color=BLUE, lw=0.6, zorder=2)
