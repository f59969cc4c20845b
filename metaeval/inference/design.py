"""The design of an analysis: label, included rows, strata and resampling units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from metaeval.core import (
    Bools,
    MetaevalError,
    check_names,
    check_one_of,
    join_names,
)
from metaeval.inference.label_selection import select_label
from metaeval.inference.strata import Stratum, check_by, count_by_stratum, make_strata
from metaeval.inference.units import (
    requested_unit,
    resampling_units,
    shared_items_warning,
    with_unit,
)
from metaeval.tables import (
    MISSING,
    Table,
    complete_rows,
    dropped_rows_warning,
    no_complete_rows_message,
)


@dataclass(frozen=True, kw_only=True)
class DesignOptions:
    """Requested label, scorers, strata, resampling unit and rows; see `metaeval.evaluate`."""

    label: str | None = None
    scorers: Sequence[str] | None = None
    by: str | None = None
    resample: str | tuple[str, str] | None = None
    missing: str | None = None


@dataclass(frozen=True, kw_only=True)
class Design:
    """The rows, strata and resampling units of an analysis, and the request behind them.

    Parameters
    ----------
    source : Responses or Pairs
        The table as given.
    options : DesignOptions
        What was requested.
    table : Responses or Pairs
        Rows and scorers that are analyzed, with one label.
    label : str
    strata : tuple of Stratum
    by : str, optional
        Column that defines the strata.
    unit : {"item", "cluster", "task"}
        Unit of resampling.
    systems : bool
        Whether systems are resampled too.
    missing : str
        Policy for missing scores.
    dropped : Series
        Rows with a label and a score that the policy drops, by stratum.
    incomplete : tuple of str
        Scorers without a score on one of these rows.
    warnings : tuple of str
    """

    source: Table
    options: DesignOptions
    table: Table
    label: str
    strata: tuple[Stratum, ...]
    by: str | None
    unit: str
    systems: bool
    missing: str
    dropped: pd.Series
    incomplete: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def scorers(self) -> list[str]:
        """Names of the scorers that are compared."""
        return self.table.scorers

    @property
    def resample(self) -> str:
        """Resampled units as results name them, such as "item" or "item,system"."""
        return f"{self.unit},system" if self.systems else self.unit

    def dropped_in(self, stratum: Stratum) -> int:
        """Return the number of rows dropped from a stratum."""
        return int(
            self.dropped.sum() if stratum.name is None else self.dropped.get(stratum.name, 0)
        )

    def restricted_to(self, scorers: Sequence[str], *, missing: str | None = None) -> Design:
        """Return the design of a subset of scorers, as if the others were not in the table.

        Rows that these scorers lack are dropped under the policy for missing scores, or under
        `missing`. `options` stay those of the request.
        """
        options = replace(self.options, scorers=scorers, missing=missing or self.options.missing)
        return replace(design_from(self.source, options), options=self.options)


def make_design(
    table: Table,
    *,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | tuple[str, str] | None = None,
    missing: str | None = None,
) -> Design:
    """Return the design of an analysis; parameters as in `metaeval.evaluate`."""
    options = DesignOptions(label=label, scorers=scorers, by=by, resample=resample, missing=missing)
    return design_from(table, options)


def design_from(source: Table, options: DesignOptions) -> Design:
    """Return the requested design: one label, the included rows, strata and resampling units."""
    table, by = source.canonical, options.by
    unit, systems = requested_unit(table, options.resample)
    policy = table.missing if options.missing is None else options.missing
    check_one_of("missing", policy, MISSING)
    scored = table.scores.notna().any(axis=1).to_numpy()
    tasks_warning = shared_items_warning(table, unit)
    table, label = select_label(_with_scorers(table, options.scorers), options.label)
    table = with_unit(table, unit)
    labeled = _has_label(table, label)
    if not labeled.all():
        table, scored = table.keep_rows(labeled), scored[labeled]
    table, without_scores = _without_empty_scorers(table, policy)
    complete = scored if policy == "count_as_wrong" else complete_rows(table, policy)
    drops_rows = policy not in ("count_as_wrong", "pairwise")
    warnings = (
        *tasks_warning,
        *without_scores,
        *(dropped_rows_warning(table, complete) if drops_rows else ()),
    )
    if not complete.any():
        raise MetaevalError(no_complete_rows_message(table, warnings))
    check_by(table, by)
    if by is not None and by == unit:
        raise MetaevalError(
            f"resample={unit!r} with by={by!r} leaves one resampling unit in each stratum, too few "
            "for an interval; omit by=, or use resample='item'."
        )
    dropped = count_by_stratum(table, table.scores.notna().any(axis=1).to_numpy() & ~complete, by)
    analyzed = (table if complete.all() else table.keep_rows(complete)).canonical
    return Design(
        source=source,
        options=options,
        table=analyzed,
        label=label,
        strata=make_strata(analyzed, by),
        by=by,
        unit=unit,
        systems=systems,
        missing=policy,
        dropped=dropped,
        incomplete=_incomplete_scorers(table, complete),
        warnings=warnings,
    )


def _without_empty_scorers(table: Table, policy: str) -> tuple[Table, tuple[str, ...]]:
    """The table without scorers that have scores on fewer than two units, and warnings."""
    n_units = _units_scored(table)
    sparse = {name: n for name, n in n_units.items() if n < 2}
    if not sparse or max(n_units.values()) < 2 or policy not in ("common", "pairwise"):
        return table, ()
    unit = "cluster" if "cluster" in table.rows else "item"
    reasons = {0: "no score on any row with a label", 1: f"scores on only one {unit}"}
    warnings = []
    for n, reason in reasons.items():
        names = [name for name in sparse if sparse[name] == n]
        if names:
            has = "has" if len(names) == 1 else "have"
            warnings.append(f"{join_names(names, 5)} {has} {reason}: excluded")
    return table.drop_scorers(*sparse), tuple(warnings)


def _units_scored(table: Table) -> dict[str, int]:
    """Number of units on which each scorer has a score."""
    unit = resampling_units(table)[0][table.item_codes]
    scored = table.scores.notna()
    return {str(name): len(np.unique(unit[scored[name].to_numpy()])) for name in table.scores}


def _incomplete_scorers(table: Table, complete: Bools) -> tuple[str, ...]:
    """Scorers that lack a score on a dropped row."""
    scores = table.scores[table.scores.notna().any(axis=1) & ~complete]
    return tuple(str(name) for name in scores if scores[name].isna().any())


def _with_scorers(table: Table, scorers: Sequence[str] | None) -> Table:
    if scorers is not None:
        table = table.keep_scorers(check_names("scorers", scorers))
    if not table.scorers:
        raise MetaevalError("The table has labels but no scorers; add a score file.")
    return table


def _has_label(table: Table, label: str) -> Bools:
    """Rows that have the label: (row,)."""
    present = np.asarray(table.labels[label].notna())
    if not present.any():
        raise MetaevalError(
            f"All values of the label {label!r} are missing; choose another one with label=."
        )
    return present
