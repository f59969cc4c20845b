"""Checks of the results to draw, and labels of their axes."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from metaeval.core import MetaevalError
from metaeval.plots.row_axes import label_x, percent_axis
from metaeval.results import Result, interval_name


def value_label(result: Result, statistic: str | None = None, *, interval: bool = True) -> str:
    """Return the label of an axis: name and unit of the values, and kind of the intervals."""
    name = str(result.rows(statistic, None)["statistic"].iloc[0])
    short = name.split("(")[0]
    if result.is_accuracy(statistic):
        quantity = f"{short} (%)"
    else:
        quantity = f"{name}, in score units" if result.unit(statistic) == "score" else name
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
    """Label the x axis with its quantity; annotations at its right take `right_margin` points."""
    label_x(ax, value_label(result, statistic, interval=interval), right_margin)
    if result.is_accuracy(statistic):
        percent_axis(ax.xaxis)


def infinity_label(result: Result, statistic: str | None = None) -> str:
    """Return the label of infinite values: a gap is infinite if the agreement is not reached."""
    return "not reached" if result.unit(statistic) == "score" else "infinite"


def require_result(result: Any, function: str) -> Result:
    """Return a result; refuse anything else."""
    if isinstance(result, Result):
        return result
    raise MetaevalError(
        f"{function} expected a Result, got {type(result).__name__}; compute one with "
        "metaeval.compare, metaeval.evaluate or bayes.summarize."
    )


def require_differences(
    result: Any, function: str, statistic: str | None = None, task: str | None = None
) -> Result:
    """Return a result with comparisons of scorers; refuse any other."""
    rows = require_result(result, function).rows(statistic, task)
    if rows["baseline"].notna().any():
        return result
    raise MetaevalError(
        f"{function} requires comparisons of scorers, but this result ({result.meta.kind}) has "
        "none; call metaeval.compare with at least two scorers."
    )
