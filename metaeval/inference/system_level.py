"""The design at the level of systems that answered every common item."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from metaeval.inference.design import Design
from metaeval.tables import Pairs, Table, group_codes


def at_system_level(design: Design) -> tuple[Design | None, str]:
    """Return the design on systems that answered all common items, or None and the reason."""
    if isinstance(design.table, Pairs):
        return None, "No system-level statistic: the table contains pairs."
    if "system" not in design.table.rows:
        return None, "No system-level statistic: the table has no column 'system'."
    strata = []
    for stratum in design.strata:
        complete, reason = _complete_systems(stratum.table)
        if complete is None:
            where = f" in {design.by} {stratum.name!r}" if stratum.name is not None else ""
            return None, f"No system-level statistic{where}: {reason}."
        strata.append(replace(stratum, table=complete))
    return replace(design, strata=tuple(strata)), ""


def _complete_systems(table: Table) -> tuple[Table | None, str]:
    """Rows of the systems with responses to every item (of their task), if there are three."""
    rows = table.rows
    task = group_codes(rows, ["task"]) if "task" in rows else np.zeros(len(rows), dtype=int)
    keys = [c for c in ("task", "item", "system", *table.keys) if c in rows]
    if rows.duplicated(keys).any():
        return None, "a system has several responses to one item"
    systems = group_codes(rows, [c for c in ("task", "system") if c in rows])
    size = pd.Series(table.item_codes).groupby(task).nunique().to_numpy()
    answered = pd.Series(table.item_codes).groupby(systems).nunique().to_numpy()
    complete = answered[systems] == size[task]
    n = pd.Series(systems[complete]).groupby(task[complete]).nunique()
    smallest = int(n.reindex(range(len(size)), fill_value=0).min())
    if smallest < 3:
        return None, f"{smallest} systems have responses to all common items; at least 3 are needed"
    return (table if complete.all() else table.keep_rows(complete)), ""
