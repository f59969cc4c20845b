"""Strata: rows that are reported together, such as those of a task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from metaeval.core import Bools, Codes, MetaevalError, require_known
from metaeval.inference.units import resampling_units
from metaeval.tables import TEXT, Table


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """Rows that are reported together, and the units that are resampled in them."""

    name: str | None
    table: Table
    units: pd.MultiIndex
    stream: int  # of random weights; strata with the same units share it

    def unit_of_items(self, table: Table) -> Codes:
        """Return the unit of each item of a table formed from that of the stratum: (item,)."""
        codes, index = resampling_units(table)
        return np.asarray(self.units.get_indexer(index))[codes]


def check_by(table: Table, by: str | None) -> None:
    """Refuse a column that is unknown, has empty cells or varies within items."""
    if by is None:
        return
    require_known("column", by, list(table.rows.columns))
    if table.rows[by].isna().any():
        raise MetaevalError(f"by={by!r} has empty cells; fill them, or drop these rows.")
    if by == "task":
        return
    per_item = table.rows.assign(_item=table.item_codes).groupby("_item")[by].nunique(dropna=False)
    if (per_item > 1).any():
        raise MetaevalError(
            f"by={by!r} must be constant within each item, but varies within "
            f"{int((per_item > 1).sum())} items; use an item-level column, such as 'task'."
        )


def count_by_stratum(table: Table, rows: Bools, by: str | None) -> pd.Series:
    """Return the number of rows of a mask in each stratum."""
    if by is None:
        return pd.Series([int(rows.sum())])
    return table.rows.loc[rows, by].astype(TEXT).value_counts()


def make_strata(table: Table, by: str | None) -> tuple[Stratum, ...]:
    """Return the strata by a column; those that share units share their weights."""
    units = resampling_units(table)[1]
    if by is None:
        return (Stratum(name=None, table=table, units=units, stream=0),)
    values = table.rows[by].astype(TEXT)
    names = sorted(values.unique())
    parts = [table.keep_rows((values == name).to_numpy()) for name in names]
    units_of_parts = [resampling_units(part)[1] for part in parts]
    shared = sum(map(len, units_of_parts)) > len(units)
    return tuple(
        Stratum(
            name=name,
            table=part,
            units=units if shared else index,
            stream=0 if shared else k,
        )
        for k, (name, part, index) in enumerate(zip(names, parts, units_of_parts, strict=True))
    )
