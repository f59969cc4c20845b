"""Statistics of sums grouped by score or by confidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from metaeval.core import Codes, Floats
from metaeval.curves import Cells, cells_of
from metaeval.statistics.bound import Weigh
from metaeval.statistics.calibration.forecast_spec import Reading
from metaeval.statistics.calibration.forecasts import Cases, cases_of
from metaeval.statistics.calibration.proper_scores import estimand_of
from metaeval.statistics.estimand import Better, Status
from metaeval.statistics.kinds import WeightedStatistic

_SUMS_PER_BLOCK = 2_000_000  # cases times replicates: 16 MB


class Levels(NamedTuple):
    """Level of each case, and its terms in two columns of sums: (case,) each."""

    level: Codes
    first: Floats
    second: Floats


class Measure(NamedTuple):
    """A function of two columns of sums by level, and its derivatives with respect to them."""

    levels: Callable[[Cases, int], Levels]
    value: Callable[[Floats, Floats], Floats]
    gradient: Callable[[Floats, Floats], tuple[Floats, Floats]] | None


def by_score(cases: Cases, m: int) -> Levels:
    """Positives and negatives by score, in ascending order."""
    x = cases.forecast[:, m] if cases.log_odds is None else cases.log_odds[:, m]
    level = np.unique(x, return_inverse=True)[1]
    return Levels(level, cases.weight * cases.label, cases.weight * (1 - cases.label))


def by_confidence(cases: Cases, m: int) -> Levels:
    """Weights and errors by confidence, most confident decisions first."""
    confidence, correct = cases.confidence(m)
    level = np.unique(-confidence, return_inverse=True)[1]
    return Levels(level, cases.weight, cases.weight * (1 - correct))


def of_levels(
    name: str,
    reading: Reading,
    quantity: str,
    measure: Measure,
    *,
    better: Better = "lower",
    bounds: tuple[float, float] | None = None,
) -> WeightedStatistic:
    """Return a statistic that is a function of sums by level."""
    gradient = measure.gradient
    status: Status | None = None if gradient is not None else "approximate"
    return WeightedStatistic(
        estimand=estimand_of(name, reading, quantity, better=better, status=status),
        weigh=lambda table: _weigh(cases_of(table, reading), measure),
        influence=None if gradient is None else lambda t: _influence(cases_of(t, reading), measure),
        smooth=gradient is not None,
        bounds=bounds,
    )


def _cells(cases: Cases, measure: Measure, m: int) -> Cells:
    level, *columns = measure.levels(cases, m)
    return cells_of(level, cases.items, columns, (int(level.max()) + 1, cases.n_items))


def _weigh(cases: Cases, measure: Measure) -> Weigh:
    """Values (replicate, scorer) under weights of items (replicate, item)."""
    cells_of_scorers = [_cells(cases, measure, m) for m in range(len(cases.scorers))]
    size = max(1, _SUMS_PER_BLOCK // len(cases.label))

    def values(weights: Floats) -> Floats:
        replicates = np.empty((len(weights), len(cells_of_scorers)))
        for i in range(0, len(weights), size):
            block = np.ascontiguousarray(weights[i : i + size].T)
            for m, cells in enumerate(cells_of_scorers):
                first, second = (cells.weighted(column, block) for column in (0, 1))
                replicates[i : i + size, m] = measure.value(first, second)
        return replicates

    return values


def sums_of(cases: Cases, measure: Measure, m: int) -> tuple[Codes, Floats, Floats]:
    """Return the level of each case, and both columns of sums by level."""
    level, first, second = measure.levels(cases, m)
    return level, np.bincount(level, first), np.bincount(level, second)


def _influence(cases: Cases, measure: Measure) -> Floats:
    """First-order influence of each item: (item, scorer)."""
    columns = []
    for m in range(len(cases.scorers)):
        level, first, second = measure.levels(cases, m)
        by_first, by_second = measure.gradient(*sums_of(cases, measure, m)[1:])  # type: ignore[misc]
        influence = first * by_first[level] + second * by_second[level]
        columns.append(np.bincount(cases.items, influence, cases.n_items))
    return np.stack(columns, axis=-1)
