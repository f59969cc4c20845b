"""Cases of every stratum of a table, and results from given rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import Codes, Floats, MetaevalError, join_names
from metaeval.inference import (
    Analysis,
    Design,
    DesignOptions,
    Settings,
    Stratum,
    assemble_result,
    design_from,
    resampling_units,
)
from metaeval.results import Detail, Result, Row
from metaeval.statistics import Cases, Estimand, Reading, cases_of, estimand_of, format_name
from metaeval.tables import Pairs, Table, require_table

POOLED = "all rows together"
"""Meaning of the row with an empty task if it is not the mean over tasks."""


class StratumCases(NamedTuple):
    """One stratum: its name (None for all rows), rows, cases and the unit of each case."""

    name: str | None
    table: Table
    cases: Cases
    unit: Codes
    stratum: Stratum
    n_dropped: int

    @property
    def n_units(self) -> int:
        """Number of units with a case."""
        return len(np.unique(self.unit))


def prepare_design(table: Table, options: DesignOptions) -> Design:
    """Prepare label, scorers, rows and units of a table; see `metaeval.evaluate`."""
    design = _drop_constant(design_from(require_table(table), options))
    if design.systems:
        raise MetaevalError(
            "Calibration resamples items or clusters only; use resample='item' or 'cluster'."
        )
    if len(resampling_units(design.table)[1]) < 2:
        raise MetaevalError(f"Resampling needs at least 2 {design.resample}s, got 1.")
    return design


def _drop_constant(design: Design) -> Design:
    """Drop constant scorers with a warning, unless all are constant."""
    values = design.table.scores
    constant = values.max() == values.min()
    if isinstance(design.table, Pairs):
        constant &= values.max() == 0
    rest = [name for name in design.scorers if not constant[name]]
    if len(rest) in (0, len(design.scorers)):
        return design
    names = [name for name in design.scorers if constant[name]]
    warning = f"calibration is undefined for constant scorers: {join_names(names, 5)} excluded"
    reduced = design.restricted_to(rest)
    return replace(reduced, warnings=(warning, *reduced.warnings))


def cases_by_stratum(design: Design, reading: Reading) -> Iterator[StratumCases]:
    """Yield the cases of each stratum of a design for a settled specification."""
    for stratum in design.strata:
        rows = stratum.table.pairs() if reading.rows == "pairs" else stratum.table
        cases = cases_of(rows, reading)
        unit = stratum.unit_of_items(rows)[cases.items]
        yield StratumCases(stratum.name, rows, cases, unit, stratum, design.dropped_in(stratum))


def make_result(
    kind: str,
    design: Design,
    settings: Settings,
    estimands: Sequence[tuple[Estimand, list[Row], Floats]],
    details: Sequence[Detail] = (),
    notes: Sequence[str] = (),
) -> Result:
    """Make a result from rows and draws (replicate, row) of each estimand."""
    analyses = [
        Analysis(
            estimand=estimand,
            scorers=rows,
            draws=[draws] if draws.size else [],
            details=details,
        )
        for estimand, rows, draws in estimands
    ]
    return assemble_result(kind, design, analyses, settings, notes)


def add_signature(
    frame: pd.DataFrame, kind: str, design: Design, settings: Settings, estimand: Estimand
) -> pd.DataFrame:
    """Add the signature and the notes to `frame.attrs`."""
    meta = make_result(kind, design, settings, [(estimand, [], np.empty((0, 0)))]).meta
    frame.attrs |= {
        "signature": meta.provenance.signature,
        "notes": [*meta.warnings, *meta.notes],
    }
    return frame


def curve_estimand(
    name: str, quantity: str, requested: Reading, settled: Reading, option: str = ""
) -> Estimand:
    """Return the estimand of a curve of forecasts."""
    return estimand_of(
        format_name(name, option, requested.format_options()), settled, quantity, better="neither"
    )


def result_row(estimand: Estimand, part: StratumCases, scorer: str, **values: Any) -> Row:
    """Make one row of a result."""
    cases = part.cases
    return Row(
        statistic=estimand.name,
        task=part.name,
        scorer=scorer,
        n_items=len(np.unique(cases.items)),
        n_clusters=part.n_units,
        n_rows=len(part.stratum.table),
        n_dropped=part.n_dropped,
        status=estimand.status,
        **values,
    )
