"""Scorers for which a statistic is undefined: named, and the others compared without them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from metaeval.core import UndefinedError, join_names
from metaeval.inference.design import Design, prepare, system_level
from metaeval.inference.estimation import Resamples, measure
from metaeval.inference.provenance import Level
from metaeval.results import COLUMNS, Row
from metaeval.statistics import Statistic
from metaeval.tables import Table

_PROBE = Resamples(2, 0)

Run = Callable[[Design, Mapping[str, Any]], Level]
"""A design, and the options that made it -> all rows of one statistic."""


def without_undefined(
    table: Table, design: Design, statistic: Statistic, options: Mapping[str, Any], run: Run
) -> Level:
    """Rows of the scorers that have a value, as if there were no others; those are named.

    Scorers are looked at one by one only where all of them together have no value, so that a
    statistic costs what it did. If none is left, or all fail, the error is that of all together.
    """
    try:
        return run(design, options)
    except UndefinedError:
        left_out = {
            name: why
            for name in design.scorers
            if (why := _failure(table, statistic, {**options, "scorers": [name]}))
        }
        rest = [name for name in design.scorers if name not in left_out]
        if not left_out or not rest:
            raise
    options = {**options, "scorers": rest}
    level = run(prepare(table, **options), options)
    rows = [_missing(statistic, name) for name in left_out]
    nothing = [np.full((len(draws), len(rows)), np.nan) for draws in level.draws[:1]]
    return dataclasses.replace(
        level,
        own=[*level.own, *rows],
        draws=[*level.draws, *nothing],
        warnings=[_said(statistic, left_out), *level.warnings],
    )


def _failure(table: Table, statistic: Statistic, options: Mapping[str, Any]) -> str:
    """Why one scorer alone has no value; empty if it has one."""
    try:
        design = prepare(table, **options)
        if statistic.estimand.grouping == "systems":
            design = system_level(design)[0] or design
        measure(design, statistic, _PROBE)
    except UndefinedError as error:
        return _constant(design) or str(error)
    return ""


def _constant(design: Design) -> str:
    values = design.table.scores.to_numpy()
    return "constant" if np.nanmin(values) == np.nanmax(values) else ""


def _missing(statistic: Statistic, name: str) -> Row:
    """The row of a scorer without a value."""
    return dict.fromkeys(COLUMNS) | {
        "statistic": statistic.name,
        "scorer": name,
        "n_items": 0,
        "n_clusters": 0,
        "n_rows": 0,
        "n_dropped": 0,
        "status": statistic.estimand.status,
    }


def _said(statistic: Statistic, left_out: Mapping[str, str]) -> str:
    flat = [name for name, why in left_out.items() if why == "constant"]
    what = f"{join_names(left_out, 5)}" + (f" (constant: {join_names(flat, 5)})" if flat else "")
    return f"{statistic.name} is undefined for {what}: left out, the others are as without it"
