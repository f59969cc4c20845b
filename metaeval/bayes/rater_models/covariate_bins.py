"""Rows in ranges of covariates, which are treated as constant within a range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from metaeval.bayes.design import covariate_bins
from metaeval.bayes.model_interface import ModelData
from metaeval.bayes.rater_models.latent_class import RaterData
from metaeval.core import Codes, Floats, MetaevalError, did_you_mean, join_names
from metaeval.curves import scale_of
from metaeval.tables import Table

_IDS = ("task", "item", "cluster", "system", "response")
_MIN_ROWS = 30  # two ranges of 15 rows: fewer rows would all be in one range


@dataclass(frozen=True, kw_only=True)
class CovariateBins:
    """Ranges of rows with similar covariates: the range `of_row` (row,) and means by range.

    `values` (range, covariate) are centered at `mean` (covariate,) and divided by `sd`. For pairs
    the mean is 0 and `sd` the root mean square of nonzero values.
    """

    names: list[str]
    of_row: Codes
    values: Floats
    mean: Floats
    sd: Floats


def ranges_of_responses(table: Table, names: Sequence[str]) -> CovariateBins:
    """Return ranges of centered numeric columns of the responses."""
    x = np.stack([_numeric_column(table, name) for name in names])
    mean = x.mean(axis=1)
    largest = np.abs(x - mean[:, None]).max(axis=1)  # scaled, as squares of the values may overflow
    return _make_ranges(
        names, x, mean, largest * ((x - mean[:, None]) / largest[:, None]).std(axis=1)
    )


def ranges_of_pairs(x: Floats, names: Sequence[str]) -> CovariateBins:
    """Return ranges of differences (covariate, row)."""
    for name, values in zip(names, x, strict=True):
        if not values.any():
            raise MetaevalError(
                f"{name} is 0 in all labeled pairs, so its effect is not identified; remove it "
                "from covariates=."
            )
    return _make_ranges(names, x, np.zeros(len(x)), np.array([scale_of(values) for values in x]))


def _make_ranges(names: Sequence[str], x: Floats, mean: Floats, sd: Floats) -> CovariateBins:
    """Return ranges of covariates (covariate, row) with about equal numbers of rows."""
    if x.shape[1] < _MIN_ROWS:
        raise MetaevalError(
            f"covariates= needs at least {_MIN_ROWS} labeled rows, got {x.shape[1]}; fit without "
            "covariates."
        )
    z = (x - mean[:, None]) / sd[:, None]
    of_row = covariate_bins(z)
    sums = np.stack([np.bincount(of_row, row) for row in z], axis=1)
    return CovariateBins(
        names=list(names),
        of_row=of_row,
        values=sums / np.bincount(of_row)[:, None],
        mean=mean,
        sd=sd,
    )


def _numeric_column(table: Table, name: str) -> Floats:
    """Return a numeric column: (row,)."""
    rows = table.rows
    ids = (*_IDS, *table.keys)
    candidates = [c for c in rows if c not in ids and pd.api.types.is_numeric_dtype(rows[c].dtype)]
    if name not in candidates:
        raise MetaevalError(
            f"The responses have no numeric column {name!r}; available: "
            f"{join_names(candidates) or 'none'}. Read a column such as length, and pass "
            f"covariates=['length'].{did_you_mean(name, candidates)}"
        )
    values = rows[name].to_numpy(dtype=float, na_value=np.nan)
    n_missing = int((~np.isfinite(values)).sum())
    if n_missing:
        raise MetaevalError(
            f"{name} is missing or infinite in {n_missing} rated rows; drop these rows, or impute "
            "the column."
        )
    if np.ptp(values) == 0:
        raise MetaevalError(
            f"{name} is {values[0]:g} in all rated rows, so its effect is not identified; remove "
            "it from covariates=."
        )
    return values


def with_ranges(model: ModelData, data: RaterData, ranges: CovariateBins) -> ModelData:
    """Return the data of a model with rows in ranges of covariates."""
    by_range, dims = data.patterns.by_range, ("covariate",)
    arrays = {
        **model.arrays,
        "labels": by_range(data.patterns.labels),
        "counts": by_range(data.patterns.counts),
        "covariates": ranges.values,
    }
    constant = {
        **model.constant,
        "covariate_mean": (dims, ranges.mean),
        "covariate_sd": (dims, ranges.sd),
        "covariate_in_range": (("range", *dims), ranges.values),
        "rows_in_range": (("range",), np.bincount(ranges.of_row)),
    }
    return replace(
        model,
        arrays=arrays,
        dims={**model.dims, "quality_coefficient": dims, "coefficient": ("rater", *dims)},
        coords={
            **model.coords,
            "covariate": ranges.names,
            "range": list(range(len(ranges.values))),
        },
        constant=constant,
        name_options={**model.name_options, "covariates": "+".join(ranges.names)},
    )
