"""Accuracy by tie threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from metaeval import calibration
from metaeval.inference import evaluate
from metaeval.plots.input_checks import as_name_list, require_table, require_tree, select_scorers
from metaeval.plots.legends import LegendEntry
from metaeval.plots.panels import draw_panels, label_axes, thin_line
from metaeval.plots.row_axes import draw_intervals, percent_axis
from metaeval.plots.theme import BLUE, GRAY, GREEN, ORANGE
from metaeval.statistics import Statistic, tie_calibrated_accuracy
from metaeval.tables import Table

_MAX_TIE_RATE = 0.95  # tie rate beyond which the curve only approaches that of all pairs tied
_CROSS_FITTED_COLOR, _POSTERIOR_COLOR = ORANGE, GREEN
_PLATEAU: dict[str, Any] = {"color": BLUE, "lw": 4, "alpha": 0.45}


def tie_curve(
    table: Table,
    scorers: Sequence[str] | str | None = None,
    *,
    tree: xr.DataTree | None = None,
    n_folds: int = 20,
    average: Literal["items", "pairs"] | None = None,
    points: int = 40,
    label: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2_000,
    seed: int = 0,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Draw pairwise accuracy by the tie threshold, the largest margin that is a tie.

    Parameters
    ----------
    table : Responses or Pairs
    scorers : str or list of str, optional
        One panel for each, since thresholds are in units of its scores; all scorers by default.
    tree : DataTree, optional
        A posterior of `bayes.TieModel`, whose `epsilon` is drawn below the curve.
    n_folds : int, default 20
        Number of folds of the cross-fitted threshold, as in
        `metaeval.statistics.tie_calibrated_accuracy`.
    average : {"items", "pairs"}, optional
        Whether items or pairs have equal weights, as in `metaeval.statistics.pairwise_accuracy`.
    points : int, default 40
        Maximal number of thresholds, in addition to the best one.
    label : str, optional
        Label column; required if there are several that are not averaged.
    resample : {"item", "cluster", "task"}, optional
        Unit of resampling; by default clusters if there are any, else items.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Policy for missing scores, as in `metaeval.evaluate`; by default that of the table.
    confidence : float, default 0.95
        Confidence level of bands and intervals.
    n_resamples : int, default 2 000
        Bootstrap replicates, at least 100.
    seed : int, default 0
        Seed of the replicates; the same seed gives the same figure.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure with room for all panels.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        With several panels, the axes that contain them. Rows of the DataFrame are of four kinds
        (`part`): "curve", the accuracy at a threshold with its interval, and whether the threshold
        is on the plateau; "in-sample", the best threshold; "cross-fitted", the median threshold of
        the folds, with the accuracy of these thresholds on held-out items and its interval;
        "posterior", the epsilon of the posterior with its interval (`lower`, `upper`).

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid.

    Notes
    -----
    The plateau consists of the thresholds that are not significantly worse than the best one, in a
    simultaneous test; with few items it is wide and uninformative. The best in-sample accuracy is
    optimistic, unlike the cross-fitted one. As the threshold grows, the accuracy approaches the
    proportion of tied labels, which is drawn as a line; the axis ends before.

    References
    ----------
    Deutsch, Foster, Freitag (2023), Ties Matter.

    Examples
    --------
    >>> from metaeval import load_example
    >>> ax = tie_curve(load_example(), "reward", points=8, n_resamples=200)
    >>> ax.get_xlabel()
    'tie threshold (epsilon)'
    """
    canonical = require_table(table, "tie_curve")
    options: dict[str, Any] = {
        "label": label,
        "scorers": as_name_list(scorers),
        "resample": resample,
        "missing": missing,
        "confidence": confidence,
        "n_resamples": n_resamples,
        "seed": seed,
    }
    curve = calibration.threshold_curve(canonical, average=average, points=points, **options)
    cross_fitted = _cross_fitted(canonical, tie_calibrated_accuracy(n_folds, average), options)
    frame = _thresholds(curve.assign(part="curve"), cross_fitted, tree, confidence)
    return frame if return_data else _draw_thresholds(frame, ax, confidence)


def _thresholds(
    curve: pd.DataFrame, cross_fitted: pd.DataFrame, tree: xr.DataTree | None, confidence: float
) -> pd.DataFrame:
    parts = [curve, curve[curve["best"]].assign(part="in-sample", lower=np.nan, upper=np.nan)]
    parts.append(cross_fitted)
    if tree is not None:
        parts.append(_posterior(tree, list(curve["scorer"].unique()), confidence))
    columns = ["part", "scorer", "epsilon", "accuracy", "lower", "upper", "tie_rate", "plateau"]
    frame = pd.concat([p.reindex(columns=columns) for p in parts], ignore_index=True)
    frame["plateau"] = frame["plateau"].eq(True)
    frame.attrs |= curve.attrs
    return frame


def _cross_fitted(table: Table, statistic: Statistic, options: dict[str, Any]) -> pd.DataFrame:
    """Cross-fitted accuracy of each scorer, at the median threshold of the folds."""
    result = evaluate(table, statistic, **options)
    rows = result.frame[result.frame["statistic"] == statistic.name]
    median = {
        d["scorer"]: d["epsilon"] for d in result.meta.details if d["statistic"] == statistic.name
    }
    return rows.assign(
        part="cross-fitted", accuracy=rows["estimate"], epsilon=rows["scorer"].map(median)
    )


def _posterior(tree: xr.DataTree, scorers: list[str], confidence: float) -> pd.DataFrame:
    from metaeval.bayes.summaries import summarize

    result = summarize(require_tree(tree, "ties", "tie_curve"), "epsilon", confidence=confidence)
    rows = result.frame[result.frame["baseline"].isna() & result.frame["task"].isna()]
    rows = select_scorers(rows, scorers, "scorer in the posterior")
    return rows.assign(part="posterior", epsilon=rows["estimate"])


def _draw_thresholds(frame: pd.DataFrame, ax: Axes | None, confidence: float) -> Axes:
    parts = dict(list(frame.groupby("scorer", sort=False)))
    legend = _threshold_legend(frame, confidence)
    host = draw_panels(ax, list(parts), legend, list(parts.values()), _threshold_panel)
    return label_axes(host, "tie threshold (epsilon)", "pairwise accuracy with ties (%)")


def _threshold_legend(frame: pd.DataFrame, confidence: float) -> list[LegendEntry]:
    level = f"{100 * confidence:g}%"
    entries = [
        LegendEntry(Line2D([], [], color=BLUE), f"accuracy, {level} CI"),
        LegendEntry(Line2D([], [], **_PLATEAU, solid_capstyle="butt"), "not significantly worse"),
        LegendEntry(Line2D([], [], color=GRAY, ls=":", lw=thin_line()), "all pairs tied"),
        LegendEntry(_point(BLUE, "o", "white"), "best in-sample"),
        LegendEntry(_point(_CROSS_FITTED_COLOR, "D", _CROSS_FITTED_COLOR), "cross-fitted"),
    ]
    if (frame["part"] == "posterior").any():
        entries.append(
            LegendEntry(_point(_POSTERIOR_COLOR, "s", _POSTERIOR_COLOR), "posterior threshold")
        )
    return entries


def _point(color: str, marker: str, face: str) -> Line2D:
    return Line2D([], [], color=color, marker=marker, mfc=face, ls="none")


def _threshold_panel(ax: Axes, part: pd.DataFrame) -> None:
    curve = part[part["part"] == "curve"]
    x, y = curve["epsilon"].to_numpy(), curve["accuracy"].to_numpy()
    ax.fill_between(x, curve["lower"], curve["upper"], color=BLUE, alpha=0.2, lw=0)
    ax.plot(x, y, color=BLUE, ls="-", marker="." if len(curve) <= 12 else "")
    plateau = np.where(curve["plateau"], y, np.nan)
    ax.plot(x, plateau, **_PLATEAU, ls="-", solid_capstyle="round", zorder=2.5)
    ax.axhline(y[-1], color=GRAY, ls=":", lw=thin_line(), zorder=0)
    cross_fitted = part[part["part"] == "cross-fitted"].iloc[0]
    ax.vlines(
        cross_fitted["epsilon"],
        cross_fitted["lower"],
        cross_fitted["upper"],
        color=_CROSS_FITTED_COLOR,
        zorder=4,
    )
    for kind, color, marker, face in (
        ("cross-fitted", _CROSS_FITTED_COLOR, "D", _CROSS_FITTED_COLOR),
        ("in-sample", BLUE, "o", "white"),
    ):
        point = part[part["part"] == kind]
        ax.plot(point["epsilon"], point["accuracy"], marker, color=color, mfc=face, zorder=5)
    _limits(ax, part)
    percent_axis(ax.yaxis)


def _limits(ax: Axes, part: pd.DataFrame) -> None:
    """Set limits that end before all pairs are tied, and draw the posterior below the curve."""
    curve = part[part["part"] == "curve"]
    tail = curve["tie_rate"] > _MAX_TIE_RATE
    thresholds = [curve.loc[~tail | curve["plateau"], "epsilon"].max()]
    thresholds += list(part.loc[part["part"] != "curve", "epsilon"])
    posterior = part[part["part"] == "posterior"]
    limit = 1.05 * max(float(np.max([*thresholds, *posterior["upper"]])), np.finfo(float).tiny)
    low, high = curve["lower"].min(), part.loc[part["part"] != "posterior", "upper"].max()
    padding = 0.06 * (high - low)
    for row in posterior.itertuples():
        y = low - 2 * padding
        interval = ([row.epsilon], [row.lower], [row.upper])
        draw_intervals(ax, [y], *interval, color=_POSTERIOR_COLOR, marker="s")
        ax.plot(
            [row.epsilon] * 2, [y, high], color=_POSTERIOR_COLOR, lw=thin_line(), ls=":", zorder=1
        )
        low = y
    ax.set_xlim(-0.03 * limit, limit)
    ax.set_ylim(low - padding, high + padding)
