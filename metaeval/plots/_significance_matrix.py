"""Pairwise significance of scorers as a matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Patch

from metaeval.core import ROUNDOFF, Floats, MetaevalError, check_one_of
from metaeval.plots.result_checks import require_differences
from metaeval.plots.row_axes import (
    LINE_SPACING,
    MIN_FONT_SIZE,
    POINTS_PER_INCH,
    RowLabels,
    annotate_rows,
    axes_or_new,
    axes_width,
    label_x,
    legend_above,
    make_row_labels,
    points,
    rows_height,
)
from metaeval.plots.text_layout import text_width
from metaeval.plots.theme import GRAY
from metaeval.results import Result, decision_probability, format_p, format_probability

VALUES = ("p_adjusted", "p_value", "prob_better")
MAX_ANNOTATED = 12  # scorers; with more, cells are too small for their values
_MAX_IN_COLUMN = 8  # scorers; matrices of more take the width of a page
# From "row worse, p <= .001" to "row better, p <= .001"; in grayscale, better is darker.
_COLORS = ("#E08A1E", "#FBD38D", "#F7F7F7", "#2A7AB0", "#002D4D")
_INK = ("black", "black", "black", "white", "white")
_NAME_FRACTION = 0.4  # of the width of the figure
_TITLES = {
    "p_adjusted": "row vs. column, adjusted p",
    "p_value": "row vs. column, unadjusted p",
    "prob_better": "probability that the row scorer is better",
}
_EDGES = (-2.5, -1.5, -0.5, 0.5, 1.5, 2.5)


def significance_matrix(
    result: Result,
    *,
    value: str | None = None,
    order: str = "cluster",
    statistic: str | None = None,
    task: str | None = None,
    max_chars: int | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Show for each pair of scorers whether the row scorer is significantly better or worse.

    Parameters
    ----------
    result : Result
        Result of `metaeval.compare` or `bayes.summarize`.
    value : {"p_adjusted", "p_value", "prob_better"}, optional
        Value of the cells: the p-value, adjusted (default) or not, or, for posteriors, the
        probability that the row scorer is better.
    order : {"cluster", "leaderboard"}, default "cluster"
        Order of the scorers: clustered by significance, so that similar scorers are adjacent, or
        best first.
    statistic, task : str, optional
        As in `Result.row`.
    max_chars : int, optional
        Abbreviate longer names in the middle; by default they are shown in full.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure, two columns wide from nine scorers on.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        The DataFrame has columns row, column, value and significance: 1 if the row scorer is
        significantly better at the confidence level of the result, 2 if even at a 50 times smaller
        error rate (.001 in place of .05), -1 and -2 if it is worse, 0 if the difference is not
        significant, missing if the two were not compared. Every pair occurs twice. With up to
        twelve scorers, cells show the values. Columns have the numbers of the rows.

    Raises
    ------
    MetaevalError
        If `result` is not a Result, has no comparisons or not this value, or `order` is unknown.

    Notes
    -----
    Scorers without a significant difference are not thereby shown to be equivalent. `p_value` is
    not adjusted for the number of pairs: with 40 equivalent scorers, 39 of 780 pairs are below .05
    on average. Clustering (average linkage of 1 - p, or of the distance of the probability from
    1/2) only orders the rows.

    Examples
    --------
    >>> import metaeval
    >>> result = metaeval.compare(metaeval.load_example(), n_resamples=200)
    >>> ax = significance_matrix(result)
    """
    require_differences(result, "significance_matrix", statistic, task)
    value = _value(result, value)
    check_one_of("order", order, ("cluster", "leaderboard"))
    frame = _pairs(result, value, order, statistic, task)
    return frame if return_data else _draw(frame, result, value, max_chars, ax)


def _value(result: Result, value: str | None) -> str:
    """The requested value, which the result must have."""
    posterior = result.is_posterior
    if value is None:
        return "prob_better" if posterior else "p_adjusted"
    check_one_of("value", value, VALUES)
    if posterior and value != "prob_better":
        raise MetaevalError("A posterior has no p-values; use value='prob_better'.")
    if not posterior and value == "prob_better":
        raise MetaevalError(
            "value='prob_better' requires a posterior (bayes.summarize); use value='p_adjusted'."
        )
    return value


def _pairs(
    result: Result, value: str, order: str, statistic: str | None, task: str | None
) -> pd.DataFrame:
    names = list(result.leaderboard(statistic, task)["scorer"])
    values, levels = _matrices(result, result.rows(statistic, task), value, names)
    if order == "cluster" and len(names) > 2:
        positions = _clustered(values, value)
        names = [names[i] for i in positions]
        values, levels = values[np.ix_(positions, positions)], levels[np.ix_(positions, positions)]
    row, column = np.nonzero(~np.eye(len(names), dtype=bool))
    significance = pd.array(levels[row, column], dtype="Float64").astype("Int64")
    pair_names = {"row": [names[i] for i in row], "column": [names[j] for j in column]}
    return pd.DataFrame(pair_names | {"value": values[row, column], "significance": significance})


def _matrices(
    result: Result, frame: pd.DataFrame, value: str, names: list[str]
) -> tuple[Floats, Floats]:
    """Values and significance levels (row, column): -2 to 2, positive if the row is better."""
    index = {name: i for i, name in enumerate(names)}
    values = np.full((len(names), len(names)), np.nan)
    levels = values.copy()
    sign = result.direction(frame["statistic"].iloc[0]) or 1
    for row in frame[frame["baseline"].notna()].to_dict("records"):
        i, j, number = index[row["scorer"]], index[row["baseline"]], float(row[value])
        values[i, j] = number
        values[j, i] = 1 - number if value == "prob_better" else number
        level = _level(result, value, number, sign * row["estimate"])
        levels[i, j], levels[j, i] = level, -level
    return values, levels


def _level(result: Result, value: str, number: float, gain: float) -> float:
    """Significance level of a pair: 0, 1 or 2, with the sign of the gain of the first scorer."""
    if math.isnan(number):
        return math.nan
    edge, clear = _limits(result, value)
    if value == "prob_better":
        p, gain = 1 - max(number, 1 - number), number - 0.5
    else:
        p = number
    return float(np.sign(gain)) * ((p <= edge + ROUNDOFF) + (p <= clear + ROUNDOFF))


def _limits(result: Result, value: str) -> tuple[float, float]:
    """Largest p-values (or posterior error probabilities) of the levels 1 and 2."""
    edge = 1 - decision_probability(result) if value == "prob_better" else 1 - result.confidence
    return edge, (1 - result.confidence) / 50  # .001 at a confidence of 95%


def _clustered(values: Floats, value: str) -> list[int]:
    """Order of the scorers by hierarchical clustering of the values, better branches first."""
    from scipy.cluster.hierarchy import linkage, to_tree
    from scipy.spatial.distance import squareform

    distance = np.abs(2 * values - 1) if value == "prob_better" else 1 - values
    distance = np.where(np.isnan(distance), 1.0, distance)
    np.fill_diagonal(distance, 0.0)
    distance = (distance + distance.T) / 2  # exactly symmetric, as squareform requires
    return _leaves(to_tree(linkage(squareform(distance), "average")))


def _leaves(node: Any) -> list[int]:
    """Leaves below a node; of two branches, the one with better mean rank is first."""
    if node.is_leaf():
        return [int(node.id)]
    branches = [_leaves(node.left), _leaves(node.right)]
    return [leaf for branch in sorted(branches, key=np.mean) for leaf in branch]


def _draw(
    frame: pd.DataFrame, result: Result, value: str, max_chars: int | None, ax: Axes | None
) -> Axes:
    names = list(dict.fromkeys(frame["row"]))
    wide = len(names) > _MAX_IN_COLUMN
    rows = make_row_labels(
        names, ax=ax, wide=wide, max_fraction=_NAME_FRACTION, max_chars=max_chars, even=True
    )
    legend_height = (3.6 if wide else 4.9) * points("legend.fontsize")
    ax = axes_or_new(ax, rows_height(rows, legend_height), wide)
    levels, values = (_square(frame, names, column) for column in ("significance", "value"))
    sns.heatmap(
        levels,
        cmap=ListedColormap(_COLORS), norm=BoundaryNorm(_EDGES, len(_COLORS)),
        linewidths=0.4, linecolor="white", cbar=False, ax=ax,
    )  # fmt: skip
    _mark_cells(ax, levels, values, value, _cell_width(ax, rows))
    _label_axes(ax, rows)
    legend_above(ax, 3 if wide else 2, _patches(result, value), _TITLES[value])
    return ax


def _label_axes(ax: Axes, rows: RowLabels) -> None:
    """Write names and numbers of the rows, and numbers of the columns."""
    numbers = [str(i + 1) for i in range(len(rows.texts))]
    middles = np.arange(len(numbers)) + 0.5
    ax.set_yticks(middles, rows.texts, fontsize=rows.size, rotation=0, linespacing=LINE_SPACING)
    rotation = 90 if text_width(numbers[-1], rows.size) + 2 > _cell_width(ax, rows) else 0
    ax.set_xticks(middles, numbers, fontsize=rows.size, rotation=rotation)
    ax.tick_params(length=0)
    ax.tick_params(axis="y", pad=_number_width(rows))
    annotate_rows(ax, middles, numbers, rows.size, left=True)
    label_x(ax, "column scorer (see row numbers)")


def _number_width(rows: RowLabels) -> float:
    """Points between names and cells, for the row numbers."""
    return text_width(str(len(rows.texts)), rows.size) + 8


def _cell_width(ax: Axes, rows: RowLabels) -> float:
    """Width of a cell in points."""
    return (axes_width(ax) * POINTS_PER_INCH - rows.width - _number_width(rows) - 6) / len(
        rows.texts
    )


def _square(frame: pd.DataFrame, names: list[str], column: str) -> Floats:
    """A column of the DataFrame as a matrix (row, column)."""
    square = frame.pivot(index="row", columns="column", values=column)
    return square.reindex(index=names, columns=names).to_numpy(dtype=float, na_value=math.nan)


def _mark_cells(ax: Axes, levels: Floats, values: Floats, value: str, cell_width: float) -> None:
    """Write values in the cells of few scorers; put a cross on pairs that were not compared."""
    format_value = format_probability if value == "prob_better" else format_p
    annotated = len(levels) <= MAX_ANNOTATED
    size = min(points("ytick.labelsize"), 0.9 * cell_width / text_width("<.001", 1))
    for i, j in zip(*np.nonzero(~np.eye(len(levels), dtype=bool)), strict=True):
        if math.isnan(levels[i, j]):
            ax.plot(j + 0.5, i + 0.5, "x", color=GRAY, ms=3)
        elif annotated and size >= MIN_FONT_SIZE:
            ink = _INK[int(levels[i, j]) + 2]
            cell_text = (j + 0.5, i + 0.5, format_value(values[i, j]))
            ax.text(*cell_text, ha="center", va="center", fontsize=size, color=ink)


def _patches(result: Result, value: str) -> list[Any]:
    """Legend entries of the colors, better first."""
    edge, clear = (f"{limit:.3g}".lstrip("0") for limit in _limits(result, value))
    if value == "prob_better":
        texts = [f"\u2264 {clear}", f"\u2264 {edge}", "undecided"]
        high = [f"{1 - limit:.4g}".lstrip("0") for limit in _limits(result, value)]
        texts += [f"\u2265 {limit}" for limit in high]
    else:
        texts = [f"worse, p \u2264 {clear}", f"worse, p \u2264 {edge}", "not significant"]
        texts += [f"better, p \u2264 {edge}", f"better, p \u2264 {clear}"]
    colors_and_texts = zip(_COLORS[::-1], texts[::-1], strict=True)
    return [
        Patch(facecolor=color, edgecolor=GRAY, lw=0.4, label=text)
        for color, text in colors_and_texts
    ]
