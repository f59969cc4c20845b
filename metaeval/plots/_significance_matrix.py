"""Which scorers differ significantly, pair by pair."""

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
from metaeval.plots.theme import GREY
from metaeval.results import Result, decision_probability, format_p, format_probability

VALUES = ("p_adjusted", "p_value", "prob_better")
MAX_ANNOTATED = 12  # scorers up to which cells say their value
_MAX_IN_COLUMN = 8  # scorers up to which a matrix fits a column
# From "row clearly worse" to "row clearly better": in grey, the row that is better is the darker.
_COLORS = ("#E08A1E", "#FBD38D", "#F7F7F7", "#2A7AB0", "#002D4D")
_INK = ("black", "black", "black", "white", "white")
_NAME_FRACTION = 0.4  # of the width, for names
_TITLES = {
    "p_adjusted": "row against column, adjusted p",
    "p_value": "row against column, p not adjusted",
    "prob_better": "probability that the row is the better",
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
    """Show for each pair of scorers whether the one of the row is better than that of the column.

    Parameters
    ----------
    result : Result
        Of `metaeval.compare` or `bayes.summarize`.
    value : {"p_adjusted", "p_value", "prob_better"}, optional
        What separates two scorers: the adjusted p-value, or the posterior probability that the row
        is better, of results that have one.
    order : {"cluster", "leaderboard"}, default "cluster"
        Scorers that do not differ significantly stand together, or the best stands first.
    statistic, task : str, optional
        As in `Result.row`.
    max_chars : int, optional
        Longer names lose their middle; by default they are whole.
    ax : Axes, optional
        Where to draw; otherwise a new figure, over two columns from nine scorers on.
    return_data : bool, default False
        Draw nothing, and return what would be drawn.

    Returns
    -------
    Axes or DataFrame
        The frame: row, column, value, separated (-2 row clearly worse, -1 worse, 0 not separated,
        1 better, 2 clearly better; missing where the two were not compared), every pair twice, in
        the order of the rows. Up to twelve scorers, cells say the value. Columns have the numbers
        of the rows.

    Raises
    ------
    MetaevalError
        If it is no result, has no differences or not this value, or there is no such order.

    Notes
    -----
    Scorers that are not separated need not be alike. `p_value` is not adjusted for the number of
    pairs: of 40 scorers that are alike, 39 of 780 pairs fall below .05 on average. The clusters
    (average linkage of 1 - p, or of how far the probability is from a half) only order the rows.

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
    """The value that is asked for, where the result has it."""
    posterior = result.is_posterior
    if value is None:
        return "prob_better" if posterior else "p_adjusted"
    check_one_of("value", value, VALUES)
    if posterior and value != "prob_better":
        raise MetaevalError("A posterior has no p-values; use value='prob_better'.")
    if not posterior and value == "prob_better":
        raise MetaevalError(
            "value='prob_better' is for posteriors (bayes.summarize); use value='p_adjusted'."
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
    return pd.DataFrame(pair_names | {"value": values[row, column], "separated": significance})


def _matrices(
    result: Result, frame: pd.DataFrame, value: str, names: list[str]
) -> tuple[Floats, Floats]:
    """Values (row, column) and how far they separate: -2 to 2, the better row above 0."""
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
    """How far a pair is separated, above 0 where its first is the better."""
    if math.isnan(number):
        return math.nan
    edge, clear = _limits(result, value)
    if value == "prob_better":
        p, gain = 1 - max(number, 1 - number), number - 0.5
    else:
        p = number
    return float(np.sign(gain)) * ((p <= edge + ROUNDOFF) + (p <= clear + ROUNDOFF))


def _limits(result: Result, value: str) -> tuple[float, float]:
    """Up to which p, or doubt, two scorers are separated, and clearly so."""
    edge = 1 - decision_probability(result) if value == "prob_better" else 1 - result.confidence
    return edge, (1 - result.confidence) / 50  # .05 and .001


def _clustered(values: Floats, value: str) -> list[int]:
    """An order in which scorers that do not differ significantly are neighbours, the best first."""
    from scipy.cluster.hierarchy import linkage, to_tree
    from scipy.spatial.distance import squareform

    distance = np.abs(2 * values - 1) if value == "prob_better" else 1 - values
    distance = np.where(np.isnan(distance), 1.0, distance)
    np.fill_diagonal(distance, 0.0)
    distance = (distance + distance.T) / 2  # rounding
    return _leaves(to_tree(linkage(squareform(distance), "average")))


def _leaves(node: Any) -> list[int]:
    """Leaves below a node, of two branches that with the better places first."""
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
    levels, values = (_square(frame, names, column) for column in ("separated", "value"))
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
    """Names and numbers of the rows, and numbers of the columns."""
    numbers = [str(i + 1) for i in range(len(rows.texts))]
    middles = np.arange(len(numbers)) + 0.5
    ax.set_yticks(middles, rows.texts, fontsize=rows.size, rotation=0, linespacing=LINE_SPACING)
    rotation = 90 if text_width(numbers[-1], rows.size) + 2 > _cell_width(ax, rows) else 0
    ax.set_xticks(middles, numbers, fontsize=rows.size, rotation=rotation)
    ax.tick_params(length=0)
    ax.tick_params(axis="y", pad=_number_width(rows))
    annotate_rows(ax, middles, numbers, rows.size, left=True)
    label_x(ax, "scorer of the column, by its number")


def _number_width(rows: RowLabels) -> float:
    """Points between names and cells, for the number of the row."""
    return text_width(str(len(rows.texts)), rows.size) + 8


def _cell_width(ax: Axes, rows: RowLabels) -> float:
    """Points that a cell is wide."""
    return (axes_width(ax) * POINTS_PER_INCH - rows.width - _number_width(rows) - 6) / len(
        rows.texts
    )


def _square(frame: pd.DataFrame, names: list[str], column: str) -> Floats:
    """A column of the frame as a matrix (row, column)."""
    square = frame.pivot(index="row", columns="column", values=column)
    return square.reindex(index=names, columns=names).to_numpy(dtype=float, na_value=math.nan)


def _mark_cells(ax: Axes, levels: Floats, values: Floats, value: str, cell_width: float) -> None:
    """Values in the cells of few scorers; a cross where two were not compared."""
    format_value = format_probability if value == "prob_better" else format_p
    annotated = len(levels) <= MAX_ANNOTATED
    size = min(points("ytick.labelsize"), 0.9 * cell_width / text_width("<.001", 1))
    for i, j in zip(*np.nonzero(~np.eye(len(levels), dtype=bool)), strict=True):
        if math.isnan(levels[i, j]):
            ax.plot(j + 0.5, i + 0.5, "x", color=GREY, ms=3)
        elif annotated and size >= MIN_FONT_SIZE:
            ink = _INK[int(levels[i, j]) + 2]
            cell_text = (j + 0.5, i + 0.5, format_value(values[i, j]))
            ax.text(*cell_text, ha="center", va="center", fontsize=size, color=ink)


def _patches(result: Result, value: str) -> list[Any]:
    """What each colour means, the better first."""
    edge, clear = (f"{limit:.3g}".lstrip("0") for limit in _limits(result, value))
    if value == "prob_better":
        texts = [f"\u2264 {clear}", f"\u2264 {edge}", "between"]
        high = [f"{1 - limit:.4g}".lstrip("0") for limit in _limits(result, value)]
        texts += [f"\u2265 {limit}" for limit in high]
    else:
        texts = [f"worse, \u2264 {clear}", f"worse, \u2264 {edge}", "not separated"]
        texts += [f"better, \u2264 {edge}", f"better, \u2264 {clear}"]
    colors_and_texts = zip(_COLORS[::-1], texts[::-1], strict=True)
    return [
        Patch(facecolor=color, edgecolor=GREY, lw=0.4, label=text)
        for color, text in colors_and_texts
    ]
