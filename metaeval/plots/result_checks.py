"""What plots ask of results: that they are some, what they compare, and what their axes say."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from metaeval.core import MetaevalError
from metaeval.plots.row_axes import label_x, percent_axis
from metaeval.results import Result, interval_name


def value_label(result: Result, statistic: str | None = None, *, interval: bool = True) -> str:
    """Name and unit of what an axis shows, and which intervals are drawn."""
    name = str(result.rows(statistic, None)["statistic"].iloc[0])
    short = name.split("(")[0]
    if result.is_accuracy(statistic):
        quantity = f"{short} (%)"
    else:
        quantity = f"{name}, in units of the scorer" if result.unit(statistic) == "score" else name
    better = ", lower is better" if result.direction(statistic) < 0 else ""
    kind = f", {100 * result.confidence:g}% {interval_name(result)}" if interval else ""
    return f"{quantity.replace('_', ' ')}{better}{kind}"


def label_values(
    ax: Axes,
    result: Result,
    statistic: str | None = None,
    *,
    interval: bool = True,
    right_margin: float = 0.0,
) -> None:
    """Say on the x axis what its values are; `right_margin` points stand right of the axes."""
    label_x(ax, value_label(result, statistic, interval=interval), right_margin)
    if result.is_accuracy(statistic):
        percent_axis(ax.xaxis)


def infinity_label(result: Result, statistic: str | None = None) -> str:
    """What an infinite value is called: a gap without end is one that never suffices."""
    return "never" if result.unit(statistic) == "score" else "no end"


def require_result(result: Any, function: str) -> Result:
    """Refuse what is no result of metaeval."""
    if isinstance(result, Result):
        return result
    raise MetaevalError(
        f"{function} draws a Result, found a {type(result).__name__}; make one with "
        "metaeval.compare, metaeval.evaluate or bayes.summarize."
    )


def require_differences(
    result: Any, function: str, statistic: str | None = None, task: str | None = None
) -> Result:
    """Refuse a result that compares no scorers."""
    rows = require_result(result, function).rows(statistic, task)
    if rows["baseline"].notna().any():
        return result
    raise MetaevalError(
        f"{function} draws comparisons of scorers, and this result ({result.meta.kind}) has "
        "none; call metaeval.compare with two scorers or more."
    )
