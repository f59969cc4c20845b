"""The design that all models share: tasks pooled, items or clusters as units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import SMALLEST_DIVISOR, Codes, Floats, MetaevalError, check_names, join_names
from metaeval.curves import bins_of
from metaeval.inference import Design, Stratum, prepare
from metaeval.tables import Pairs, Table, require_table

PRIOR_UNITS = 20.0  # units: how many the design effect of other tasks counts as
_FEW = 30  # pairs
_PER_BIN, _MOST_BINS, _MORE_BINS = 15, 16, 4  # units; bins of the first covariate, of each other


class DesignOptions(NamedTuple):
    """Which label, scorers, tasks, units and rows a model looks at, as in `metaeval.evaluate`."""

    label: str | None = None
    scorers: Sequence[str] | None = None
    by: str | None = None
    resample: str | None = None
    missing: str | None = None


def make_model_design(table: Table, options: DesignOptions) -> tuple[Design, str | None]:
    """The label, the scorers, the rows and the units, by task where the table has one."""
    table = require_table(table)
    column = options.by or ("task" if "task" in table.rows else None)
    design = prepare(table, **options._replace(by=column)._asdict())
    if design.systems:
        raise MetaevalError("Models have items or clusters as units; use resample='item'.")
    if design.missing == "pairwise":
        raise MetaevalError("A model looks at all scorers on the same rows; use missing='common'.")
    _require_own_items(design)
    return design, column


def _require_own_items(design: Design) -> None:
    """Refuse tasks that share their items: the model takes tasks for independent."""
    parts = {stratum.part for stratum in design.strata}
    if len(design.strata) > 1 and len(parts) == 1:
        raise MetaevalError(
            "Tasks share items (shared_items, or clusters across tasks), and the model takes them "
            "for independent; fit one task at a time, table.select(task=...), use "
            "bayes.bayesian_bootstrap, or say shared_items=False (--independent-items) if tasks "
            "only number their items alike."
        )


def covariate_names(table: Table, asked: Sequence[str] | str) -> list[str]:
    """Columns of the pairs that are differences, as they were asked for."""
    names = check_names("covariates", asked)
    rows = table.pairs().rows
    numeric = [str(c) for c in rows if pd.api.types.is_numeric_dtype(rows[c].dtype)]
    there = [name for name in numeric if name.endswith("_delta")]
    for name in names:
        if name not in there:
            raise MetaevalError(
                f"There is no difference {name!r} of a number of the two responses; there are "
                f"{join_names(there) or 'none'}. Read a column such as length, for length_delta."
            )
    return names


def differences(pairs: Pairs, names: Sequence[str]) -> Floats:
    """Covariates of pairs: (covariate, row)."""
    found = pairs.rows[list(names)].to_numpy(dtype=float).T
    for name, values in zip(names, found, strict=True):
        lacking = int((~np.isfinite(values)).sum())
        if lacking:
            raise MetaevalError(
                f"{name} is missing or infinite in {lacking} pairs; leave these rows out, or fill "
                "the column in."
            )
    return found


def leverage_warnings(table: Table, names: Sequence[str]) -> list[str]:
    """A line on each covariate of which few pairs have most: they decide what is owed to it."""
    said: list[str] = []
    if not names:
        return said
    for name, x in zip(names, differences(table.pairs(), names), strict=True):
        square = np.square(x / (np.abs(x).max() or 1.0))
        as_many = square.sum() ** 2 / max(float(np.square(square).sum()), SMALLEST_DIVISOR)
        if as_many < min(_FEW, len(x) / 10):
            said.append(
                f"{name} is dominated by about {as_many:.0f} of {len(x)} pairs, which determine "
                "its coefficient; use logs or ranks of the column"
            )
    return said


def unit_names(stratum: Stratum) -> list[str]:
    """Names of the units of a stratum, with its own before them."""
    where = "" if stratum.name is None else f"{stratum.name}/"
    return [where + "/".join(str(v) for v in key) for key in stratum.units]


def covariate_bins(x: Floats) -> Codes:
    """Codes 0, 1, ... of units (covariate, unit) that are in the same ranges."""
    n = x.shape[1]
    bins, code = int(np.clip(n // _PER_BIN, 1, _MOST_BINS)), np.zeros(n, dtype=int)
    for values in x:
        code = code * _MOST_BINS + bins_of(values, np.ones(n), bins, "equal-mass")
        bins = min(bins, _MORE_BINS)
    return np.asarray(np.unique(code, return_inverse=True)[1])
