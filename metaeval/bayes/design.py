"""The design shared by all models: tasks pooled, items or clusters as units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from metaeval.core import SMALLEST_DIVISOR, Codes, Floats, MetaevalError, check_names, join_names
from metaeval.curves import bins_of
from metaeval.inference import Design, DesignOptions, Stratum, design_from
from metaeval.tables import Pairs, Table, require_table

# A design effect of few units is noisy: it is shrunk to that of the other tasks, as if that had
# been estimated from this many units.
PRIOR_UNITS = 20.0
_MIN_EFFECTIVE_PAIRS = 30  # warn if a covariate has less than this, by Kish's effective size of x^2
# Equal-mass bins of at least this many units have stable means; within one of 16 bins a covariate
# varies little, and the cells of several covariates multiply.
_UNITS_PER_BIN = 15
_MAX_BINS, _MAX_FURTHER_BINS = 16, 4  # of the first covariate, of each further one


def make_model_design(table: Table, options: DesignOptions) -> tuple[Design, str | None]:
    """Return the design, by task if the table has tasks, and the column of the tasks."""
    table = require_table(table)
    column = options.by or ("task" if "task" in table.rows else None)
    design = design_from(table, replace(options, by=column))
    if design.systems:
        raise MetaevalError(
            "Models treat items or clusters, not systems, as random; use resample='item'."
        )
    if design.missing == "pairwise":
        raise MetaevalError(
            "Models need scores of all scorers on the same rows; use missing='common'."
        )
    _require_disjoint_items(design)
    return design, column


def _require_disjoint_items(design: Design) -> None:
    """Raise an error if tasks share items: models assume independent tasks."""
    streams = {stratum.stream for stratum in design.strata}
    if len(design.strata) > 1 and len(streams) == 1:
        raise MetaevalError(
            "Tasks share items (shared_items=True, or clusters that span tasks), but the model "
            "assumes independent tasks. Fit one task at a time with table.select(task=...), use "
            "bayes.bayesian_bootstrap, or read with shared_items=False (--independent-items) if "
            "different items have the same ids."
        )


def covariate_names(table: Table, covariates: Sequence[str] | str) -> list[str]:
    """Return the requested columns of differences between the two responses of a pair."""
    names = check_names("covariates", covariates)
    rows = table.pairs().rows
    numeric = [str(c) for c in rows if pd.api.types.is_numeric_dtype(rows[c].dtype)]
    available = [name for name in numeric if name.endswith("_delta")]
    for name in names:
        if name not in available:
            raise MetaevalError(
                f"There is no difference column {name!r} (a numeric difference between the two "
                f"responses); available: {join_names(available) or 'none'}. To get length_delta, "
                "for example, read a numeric column length."
            )
    return names


def covariate_differences(pairs: Pairs, names: Sequence[str]) -> Floats:
    """Return covariates of pairs: (covariate, row)."""
    columns = pairs.rows[list(names)].to_numpy(dtype=float).T
    for name, values in zip(names, columns, strict=True):
        n_missing = int((~np.isfinite(values)).sum())
        if n_missing:
            raise MetaevalError(
                f"{name} is missing or infinite in {n_missing} pairs; drop these rows, or impute "
                "the column."
            )
    return columns


def leverage_warnings(table: Table, names: Sequence[str]) -> list[str]:
    """Warn of covariates whose coefficient is determined by few pairs of high leverage."""
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
                f"{name} is dominated by about {effective_pairs:.0f} of {len(x)} pairs (high "
                "leverage); use a log or rank transform of the column"
            )
    return warnings


def unit_names(stratum: Stratum) -> list[str]:
    """Return names of the units of a stratum, prefixed with its name."""
    prefix = "" if stratum.name is None else f"{stratum.name}/"
    return [prefix + "/".join(str(v) for v in key) for key in stratum.units]


def covariate_bins(x: Floats) -> Codes:
    """Return codes 0, 1, ... of the bins of units, from covariates (covariate, unit)."""
    n = x.shape[1]
    n_bins, code = int(np.clip(n // _UNITS_PER_BIN, 1, _MAX_BINS)), np.zeros(n, dtype=int)
    for values in x:
        code = code * _MAX_BINS + bins_of(values, np.ones(n), n_bins, "equal-mass")
        n_bins = min(n_bins, _MAX_FURTHER_BINS)
    return np.asarray(np.unique(code, return_inverse=True)[1])
