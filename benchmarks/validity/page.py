"""The page docs/validity.md from the results of the simulations.

Run: python -m benchmarks.validity.page
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.validity.designs import GRID

RESULTS = Path(__file__).with_name("results.csv")
PAGE = Path(__file__).parents[2] / "docs" / "validity.md"
_Z = 3.29  # of a 99.9% Monte Carlo band


class Goal(NamedTuple):
    """What a default promises: a value at least (or at most) `bound`, with few items `lenient`."""

    name: str
    quantity: str
    method: str
    sign: int  # 1: at least, -1: at most
    bound: float
    lenient: float  # with fewer than 100 items


GOALS = (
    Goal("95% intervals of values", "coverage of values", "default", 1, 0.935, 0.92),
    Goal("95% intervals of differences", "coverage of differences", "default", 1, 0.935, 0.92),
    Goal("95% simultaneous intervals", "joint coverage", "simultaneous", 1, 0.94, 0.92),
    Goal("size of the t test at .05", "size", "t", -1, 0.06, 0.06),
    Goal("family-wise error rate at .05", "family-wise error rate", "t", -1, 0.06, 0.06),
    Goal("interval and p disagree", "interval and p disagree", "default", -1, 0.03, 0.03),
    Goal(
        "simultaneous interval and adjusted p disagree",
        "interval and adjusted p disagree",
        "simultaneous",
        -1,
        0.03,
        0.03,
    ),
)
_HEAD = """# Do intervals and tests hold what they say?

Preliminary: {n_sets} simulated data sets of each of {n_designs} of {n_all} designs, so that values
of .05 and .95 have Monte Carlo errors near .01 to .02, and only gross failures can be found. Made
by

    $ python -m benchmarks.validity.run FOLDER --sets {n_sets}
    $ python -m benchmarks.validity.summaries FOLDER > benchmarks/validity/results.csv
    $ python -m benchmarks.validity.page

(`benchmarks/validity/designs.py` has the designs). Every data set has two pairs of equally good
scorers, which share half of the variance of their errors; the true value is the mean over the data
sets, that is, the expected value at this number of items. A goal is missed if the 99.9% Monte Carlo
band excludes it; with fewer than 100 items, intervals of values and differences have a goal of 92%.
`coverage_by_simulation` and `type_i_error_rate` answer the same questions for your own data.

"""

_ALL_DESIGNS = """

## All designs

Coverage of 95% intervals; size and power of tests of one comparison at level 0.05; width of
intervals of differences over that of the true standard error, which an oracle z test knows.

"""


def summary(results: pd.DataFrame) -> Iterator[str]:
    """Rows of the table of goals, and what misses them."""
    yield (
        "| default | goal | designs and statistics | lowest or highest | beyond the goal | "
        "beyond Monte Carlo error |"
    )
    yield "|---|---|---|---|---|---|"
    for goal in GOALS:
        part = with_verdict(results, goal)
        worst = part["value"].min() if goal.sign > 0 else part["value"].max()
        least = "at least" if goal.sign > 0 else "at most"
        yield (
            f"| {goal.name} | {least} {_number(goal.bound)} | {len(part)} | {_number(worst)} | "
            f"{int(part['beyond'].sum())} | {int(part['missed'].sum())} |"
        )


def with_verdict(results: pd.DataFrame, goal: Goal) -> pd.DataFrame:
    """The results of a goal, and whether they miss it beyond Monte Carlo error."""
    chosen = (results["quantity"] == goal.quantity) & (results["method"] == goal.method)
    part = results[chosen]
    few = part["design"].str.extract(r"^(\d+) ")[0].astype(int) < 100
    bound = np.where(few, goal.lenient, goal.bound)
    # The error of a proportion that is 0 or 1 in all data sets is that of the goal itself.
    error = np.maximum(part["mc_error"], np.sqrt(bound * (1 - bound) / part["sets"]) / 2)
    excess = goal.sign * (bound - part["value"])
    return part.assign(beyond=excess > 1e-9, missed=excess > _Z * error)


def exceptions(results: pd.DataFrame) -> Iterator[str]:
    """One line for each goal that is missed, with its designs."""
    for goal in GOALS:
        missed = with_verdict(results, goal)
        missed = missed[missed["missed"]]
        for row in missed.itertuples():
            yield f"- {goal.name}, `{row.statistic}`: {_number(row.value)} ({row.design})"


def table(results: pd.DataFrame) -> Iterator[str]:
    """One row for each design and statistic."""
    columns = {
        "values": ("coverage of values", "default"),
        "differences": ("coverage of differences", "default"),
        "differences, BCa": ("coverage of differences", "bca"),
        "joint": ("joint coverage", "simultaneous"),
        "size": ("size", "t"),
        "size, sign flips": ("size", "sign-flip"),
        "power": ("power", "t"),
        "power, sign flips": ("power", "sign-flip"),
        "power, oracle": ("power", "oracle z"),
        "width": ("relative width of differences", "default"),
    }
    yield "| design | statistic | " + " | ".join(columns) + " |"
    yield "|---|---|" + "---|" * len(columns)
    wide = results.set_index(["quantity", "method"])
    for (design, statistic), part in wide.groupby(["design", "statistic"], sort=False):
        values = [part["value"].get(key, np.nan) for key in columns.values()]
        cells = ["" if np.isnan(v) else _number(v) for v in values]
        yield f"| {design} | {statistic} | " + " | ".join(cells) + " |"


def _number(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 1 else f"{value:.2f}"


def page(results: pd.DataFrame) -> str:
    """The text of the page."""
    n_sets = results["sets"].min()
    parts = [
        _HEAD.format(n_designs=results["design"].nunique(), n_sets=n_sets, n_all=len(GRID)),
        "\n".join(summary(results)),
        "\n\n## Exceptions\n\n",
        "\n".join(exceptions(results)) or "None.",
        _ALL_DESIGNS,
        "\n".join(table(results)),
        "\n",
    ]
    return "".join(parts)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(pd.read_csv(RESULTS)))


if __name__ == "__main__":
    main()
