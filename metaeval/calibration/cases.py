"""Cases of every stratum of a table, and results made of rows that no statistic gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import Codes, Floats, MetaevalError, join_names
from metaeval.inference import Design, Level, Plan, Stratum, assembled, prepare, units_of
from metaeval.results import COLUMNS, Result, Row
from metaeval.statistics import Cases, Estimand, Reading, cases_of, estimand_of, format_name
from metaeval.tables import Pairs, Table, require_table

POOLED = "all rows together"
"""What the row with an empty task is, where it is no mean over tasks."""


class Part(NamedTuple):
    """One stratum: its name (None: all rows), its rows, its cases and the unit of each case."""

    name: str | None
    table: Table
    cases: Cases
    unit: Codes
    stratum: Stratum
    n_dropped: int

    @property
    def n_units(self) -> int:
        """Number of units that have a case."""
        return len(np.unique(self.unit))


def designed(table: Table, **options: Any) -> Design:
    """The label, the scorers, the rows and the units of a table; see `metaeval.evaluate`."""
    table = require_table(table)
    design = _without_constant(table, prepare(table, **options), options)
    if design.systems:
        raise MetaevalError("Calibration resamples items; use resample='item' or 'cluster'.")
    if len(units_of(design.table)[1]) < 2:
        raise MetaevalError(f"There is one {design.resample}, and nothing to resample.")
    return design


def _without_constant(table: Table, design: Design, options: dict[str, Any]) -> Design:
    """The design without scorers that say the same of everything, beside others; it names them."""
    values = design.table.scores
    flat = values.max() == values.min()
    if isinstance(design.table, Pairs):
        flat &= values.max() == 0
    rest = [name for name in design.scorers if not flat[name]]
    if len(rest) in (0, len(design.scorers)):
        return design
    names = [name for name in design.scorers if flat[name]]
    said = f"a constant scorer has no calibration: {join_names(names, 5)} left out"
    chosen = prepare(table, **{**options, "scorers": rest})
    return replace(chosen, warnings=(said, *chosen.warnings))


def parts_of(design: Design, reading: Reading) -> Iterator[Part]:
    """Cases of each stratum of a design by a settled reading."""
    for stratum in design.strata:
        rows = stratum.table.pairs() if reading.rows == "pairs" else stratum.table
        cases = cases_of(rows, reading)
        unit = stratum.unit_of_items(rows)[cases.items]
        yield Part(stratum.name, rows, cases, unit, stratum, design.dropped_in(stratum))


def made_result(
    table: Table,
    design: Design,
    plan: Plan,
    options: dict[str, Any],
    estimands: Sequence[tuple[Estimand, list[Row], Floats]],
    details: list[dict[str, Any]] | None = None,
    notes: list[str] | None = None,
) -> Result:
    """A result of rows and draws (replicate, row) that belong to some estimands."""
    levels = [
        Level(estimand, rows, [], [draws] if draws.size else [], details or [], [], 0)
        for estimand, rows, draws in estimands
    ]
    return assembled(table, design, plan, options, levels, notes or [])


def labelled(
    frame: pd.DataFrame,
    table: Table,
    design: Design,
    plan: Plan,
    options: dict[str, Any],
    estimand: Estimand,
) -> pd.DataFrame:
    """The frame with its signature, and what it estimates, in `frame.attrs`."""
    meta = made_result(table, design, plan, options, [(estimand, [], np.empty((0, 0)))]).meta
    frame.attrs |= {
        "signature": meta["provenance"]["signature"],
        "notes": [*meta["warnings"], *meta["notes"]],
    }
    return frame


def curve_of(name: str, what: str, asked: Reading, settled: Reading, more: str = "") -> Estimand:
    """What a curve of forecasts is called, and what it estimates."""
    return estimand_of(
        format_name(name, more, asked.format_options()), settled, what, better="neither"
    )


def row_of(estimand: Estimand, part: Part, scorer: str, **values: Any) -> Row:
    """One row of a result."""
    cases = part.cases
    return dict.fromkeys(COLUMNS) | {
        "statistic": estimand.name,
        "task": part.name,
        "scorer": scorer,
        "n_items": len(np.unique(cases.items)),
        "n_clusters": part.n_units,
        "n_rows": len(part.stratum.table),
        "n_dropped": part.n_dropped,
        "status": estimand.status,
        **values,
    }
