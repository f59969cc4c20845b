"""Units of resampling: items, clusters of items, or tasks."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import Codes, MetaevalError
from metaeval.tables import Responses, Table

UNITS = ("item", "cluster", "task")


def resampling_units(table: Table) -> tuple[Codes, pd.MultiIndex]:
    """Return the unit of each item, and the ids of the units: clusters if any, else items.

    A cluster id denotes the same cluster in all tasks; item ids are local to their task unless
    items are shared.
    """
    if table not in _UNITS_OF:
        _UNITS_OF[table] = _resampling_units(table)
    return _UNITS_OF[table]


_UNITS_OF: weakref.WeakKeyDictionary[Table, tuple[Codes, pd.MultiIndex]] = (
    weakref.WeakKeyDictionary()
)


def _resampling_units(table: Table) -> tuple[Codes, pd.MultiIndex]:
    if "cluster" not in table.rows:
        return np.arange(table.n_items), table.item_index
    first = np.unique(table.item_codes, return_index=True)[1]
    cluster = table.rows["cluster"].array
    present, unit = np.unique(cluster.codes[first], return_inverse=True)
    names = cluster.categories[present].astype(object)
    return unit, pd.MultiIndex.from_arrays([names], names=["cluster"])


def requested_unit(table: Table, resample: Any) -> tuple[str, bool]:
    """Return the resampling unit, and whether systems are resampled too."""
    if resample is None:
        return ("cluster" if "cluster" in table.rows else "item"), False
    names = tuple(resample.split(",")) if isinstance(resample, str) else resample
    systems = isinstance(names, tuple | list) and len(names) == 2 and "system" in names
    units = [name for name in names if name != "system"] if systems else names
    if not isinstance(units, tuple | list) or len(units) != 1 or units[0] not in UNITS:
        raise MetaevalError(
            f"resample must be 'item', 'cluster', 'task' or ('item', 'system'), got {resample!r}."
        )
    unit = str(units[0])
    if unit != "item" and unit not in table.rows:
        raise MetaevalError(
            f"resample={unit!r} needs a column {unit!r}; name it when reading, with "
            f"columns={{{unit!r}: '<column>'}} (--map {unit}=<column>)."
        )
    if systems and (not isinstance(table, Responses) or "system" not in table.rows):
        raise MetaevalError(
            "resample=('item', 'system') needs responses with a column 'system'; name it when "
            "reading, with columns={'system': '<column>'} (--map system=<column>), or use "
            "resample='item'."
        )
    return unit, systems


def with_unit(table: Table, unit: str) -> Table:
    """Return the table with the resampling units as its clusters, unless they are its items."""
    rows = table.rows
    if unit == "task":
        return _with_tasks(table)
    if unit == "item" and "cluster" in rows:
        return table.replace(rows=rows.drop(columns="cluster"))
    return table


def _with_tasks(table: Table) -> Table:
    """The table with its tasks as clusters, which must not share items."""
    rows = table.rows.assign(cluster=table.rows["task"])
    if not table.shared_items or table.rows["task"].nunique() < 2:
        return table.replace(rows=rows)
    if not table.sharing_assumed:
        raise MetaevalError(
            "resample='task' treats tasks as independent, but shared_items=True (--shared-items) "
            "declares that they share items; use resample='item', or read with "
            "shared_items=False (--independent-items)."
        )
    return table.replace(rows=rows, shared_items=False)


def shared_items_warning(table: Table, unit: str) -> tuple[str, ...]:
    """Return a warning if tasks that seem to share items are resampled as independent units."""
    if unit != "task" or not (table.shared_items and table.sharing_assumed):
        return ()
    return (
        "tasks have the same item ids, but resample='task' treats them as independent; if they "
        "are aspects of the same responses, use resample='item' with shared_items=True",
    )
