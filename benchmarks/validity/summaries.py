"""Coverage, size, power and width of the methods in simulated data sets, with Monte Carlo errors.

Run: python -m benchmarks.validity.summaries FOLDER > validity.csv
"""

from __future__ import annotations

import csv
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.validity.designs import GRID, NULL_PAIRS, REAL_PAIRS, Population

_PAIRS = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
_NULL = [_PAIRS.index(pair) for pair in NULL_PAIRS]
_REAL = [_PAIRS.index(pair) for pair in REAL_PAIRS]
_LEVEL = 0.05 + 1e-12
_SLACK = 1e-9  # bounds that equal the truth up to roundoff cover it


class Value(NamedTuple):
    """One proportion or ratio, with the Monte Carlo error of data sets."""

    quantity: str
    method: str
    value: float
    error: float


def stored(folder: Path, population: Population) -> dict[str, dict[str, np.ndarray]]:
    """Simulated values of a design by statistic and quantity: arrays (set, ...)."""
    name = f"{zlib.crc32(population.name.encode()):08x}"
    blocks = [dict(np.load(path)) for path in sorted(folder.glob(f"{name}-[0-9]*[0-9].npz"))]
    found: dict[str, dict[str, np.ndarray]] = {}
    for key in blocks[0] if blocks else ():
        statistic, quantity = key.split(": ")
        found.setdefault(statistic, {})[quantity] = np.concatenate([b[key] for b in blocks])
    return found


def _mean(quantity: str, method: str, by_set: np.ndarray) -> Value:
    """Mean over data sets of a value (set, ...), averaged within sets."""
    flat = by_set.reshape(len(by_set), -1).mean(axis=1)
    return Value(quantity, method, float(flat.mean()), float(flat.std(ddof=1) / np.sqrt(len(flat))))


def summarize(values: dict[str, np.ndarray]) -> Iterator[Value]:
    """All quantities of one statistic; the truth is the mean over data sets."""
    estimate, difference = values["estimate"], values["difference"]
    means = estimate.mean(axis=0)
    truth = np.repeat([means[:2].mean(), means[2:].mean()], 2)
    first, second = np.array(_PAIRS).T
    gap = truth[first] - truth[second]
    for name in values:
        role, _, kind = name.partition(" ")
        if role in ("own", "difference") and kind:
            target, drawn = (truth, estimate) if role == "own" else (gap, difference)
            yield from _interval(f"coverage of {_ROLES[role]}", kind, values[name], target, drawn)
    yield from _tests(values, gap)


_ROLES = {"own": "values", "difference": "differences"}


def _interval(
    quantity: str, kind: str, ends: np.ndarray, target: np.ndarray, drawn: np.ndarray
) -> Iterator[Value]:
    method = "default" if kind == "None" else kind
    covered = (ends[:, 0] <= target + _SLACK) & (target <= ends[:, 1] + _SLACK)
    yield _mean(quantity, method, covered)
    oracle = 2 * 1.959964 * drawn.std(axis=0).mean()
    width = ends[:, 1] - ends[:, 0]
    relative = _mean(quantity.replace("coverage", "relative width"), method, width / oracle)
    of_oracle = relative.value / np.sqrt(2 * len(ends))  # its standard deviation is estimated too
    yield relative._replace(error=float(np.hypot(relative.error, of_oracle)))


def _tests(values: dict[str, np.ndarray], gap: np.ndarray) -> Iterator[Value]:
    difference = values["difference"]
    spread = difference.std(axis=0)
    oracle = np.abs(difference / np.where(spread > 0, spread, 1)) > 1.959964
    rejected = {"oracle z": oracle}
    rejected |= {name[2:]: p <= _LEVEL for name, p in values.items() if name.startswith("p ")}
    for method, reject in rejected.items():
        yield _mean("size", method, reject[:, _NULL])
        yield _mean("power", method, reject[:, _REAL])
    for name, p in values.items():
        if name.startswith("p_adjusted "):
            method = name.partition(" ")[2]
            reject = p <= _LEVEL
            yield _mean("family-wise error rate", method, reject[:, _NULL].any(axis=1))
            yield _mean("power, adjusted", method, reject[:, _REAL])
    joint = values["joint"]
    covered = (joint[:, 0] <= gap + _SLACK) & (gap <= joint[:, 1] + _SLACK)
    yield _mean("joint coverage", "simultaneous", covered.all(axis=1))
    outside = (joint[:, 0] > 0) | (joint[:, 1] < 0)
    disagree = outside != (values["p_adjusted t"] <= _LEVEL)
    yield _mean("interval and adjusted p disagree", "simultaneous", disagree)
    pointwise = values["difference None"]
    outside = (pointwise[:, 0] > 0) | (pointwise[:, 1] < 0)
    yield _mean("interval and p disagree", "default", outside != (values["p t"] <= _LEVEL))


def main(folder: str) -> None:
    """Print one row per design, statistic, quantity and method."""
    out = csv.writer(sys.stdout)
    out.writerow(["design", "statistic", "quantity", "method", "value", "mc_error", "sets"])
    for population in GRID:
        for statistic, values in stored(Path(folder), population).items():
            for item in summarize(values):
                row = [population.name, statistic, item.quantity, item.method]
                n_sets = len(values["estimate"])
                out.writerow([*row, f"{item.value:.4f}", f"{item.error:.4f}", n_sets])


if __name__ == "__main__":
    main(*sys.argv[1:])
