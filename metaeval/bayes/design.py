"""The design that all models share: tasks pooled, items or clusters as units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from metaeval.core import SMALLEST_DIVISOR, Codes, Floats, MetaevalError, check_names, join_names
from metaeval.curves import bins_of
from metaeval.inference import Design, Stratum, prepare
from metaeval.tables import Pairs, Table, require_table

PRIOR_UNITS = 20.0  # units: how many the design effect of other tasks counts as
_MIN_EFFECTIVE_PAIRS = 30  # pairs
_UNITS_PER_BIN, _MAX_BINS, _MAX_FURTHER_BINS = (
    15,
    16,
    4,
)  # units; bins of the first covariate, of each other


@dataclass(frozen=True, kw_only=True)
class DesignOptions:
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
    design = prepare(table, **asdict(replace(options, by=column)))
    if design.systems:
        raise MetaevalError("Models have items or clusters as units; use resample='item'.")
    if design.missing == "pairwise":
        raise MetaevalError("A model looks at all scorers on the same rows; use missing='common'.")
    _require_disjoint_items(design)
    return design, column


def _require_disjoint_items(design: Design) -> None:
    """Refuse tasks that share their items: the model takes tasks for independent."""
    streams = {stratum.part for stratum in design.strata}
    if len(design.strata) > 1 and len(streams) == 1:
        raise MetaevalError(
            "Tasks share items (shared_items, or clusters across tasks), and the model takes them "
            "for independent; fit one task at a time, table.select(task=...), use "
            "bayes.bayesian_bootstrap, or say shared_items=False (--independent-items) if tasks "
            "only number their items alike."
        )


def covariate_names(table: Table, covariates: Sequence[str] | str) -> list[str]:
    """Columns of the pairs that are differences, as they were asked for."""
    names = check_names("covariates", covariates)
    rows = table.pairs().rows
    numeric = [str(c) for c in rows if pd.api.types.is_numeric_dtype(rows[c].dtype)]
    available = [name for name in numeric if name.endswith("_delta")]
    for name in names:
        if name not in available:
            raise MetaevalError(
                f"There is no difference {name!r} of a number of the two responses; there are "
                f"{join_names(available) or 'none'}. Read a column such as length, for length_delta."
            )
    return names


def covariate_differences(pairs: Pairs, names: Sequence[str]) -> Floats:
    """Covariates of pairs: (covariate, row)."""
    columns = pairs.rows[list(names)].to_numpy(dtype=float).T
    for name, values in zip(names, columns, strict=True):
        n_missing = int((~np.isfinite(values)).sum())
        if n_missing:
            raise MetaevalError(
                f"{name} is missing or infinite in {n_missing} pairs; leave these rows out, or fill "
                "the column in."
            )
    return columns


def leverage_warnings(table: Table, names: Sequence[str]) -> list[str]:
    """A line on each covariate of which few pairs have most: they decide what is owed to it."""
    warnings: list[str] = []
    if not names:
        return warnings
    for name, x in zip(names, covariate_differences(table.pairs(), names), strict=True):
        squares = np.square(x / (np.abs(x).max() or 1.0))
        effective_pairs = squares.sum() ** 2 / max(
            float(np.square(squares).sum()), SMALLEST_DIVISOR
        )
        if effective_pairs < min(_MIN_EFFECTIVE_PAIRS, len(x) / 10):
            warnings.append(
                f"{name} is dominated by about {effective_pairs:.0f} of {len(x)} pairs, which determine "
                "its coefficient; use logs or ranks of the column"
            )
    return warnings


def unit_names(stratum: Stratum) -> list[str]:
    """Names of the units of a stratum, with its own before them."""
    prefix = "" if stratum.name is None else f"{stratum.name}/"
    return [prefix + "/".join(str(v) for v in key) for key in stratum.units]


def covariate_bins(x: Floats) -> Codes:
    """Codes 0, 1, ... of units (covariate, unit) that are in the same ranges."""
    n = x.shape[1]
    n_bins, code = int(np.clip(n // _UNITS_PER_BIN, 1, _MAX_BINS)), np.zeros(n, dtype=int)
    for values in x:
        code = code * _MAX_BINS + bins_of(values, np.ones(n), n_bins, "equal-mass")
        n_bins = min(n_bins, _MAX_FURTHER_BINS)
    return np.asarray(np.unique(code, return_inverse=True)[1])
