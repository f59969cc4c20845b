"""Ratings of responses as the ordinal model of raters takes them, in ranges of covariates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd

from metaeval.arrays import Codes, Floats
from metaeval.bayes.covaried import alike
from metaeval.bayes.dependence import ordinal_effect
from metaeval.bayes.patterns import patterns_of
from metaeval.bayes.prepared import Prepared, Sites
from metaeval.bayes.rated import Rated, flat, latent, units_and_names
from metaeval.bayes.rating_models import NODE_WEIGHTS, levels, levels_at
from metaeval.checks import listed, near_miss
from metaeval.errors import MetaevalError
from metaeval.prepare import Design
from metaeval.tables import Responses, Table

_SCALES = ("severity", "discrimination", "cutpoints")
_IDS = ("task", "item", "cluster", "system", "response")
_FEWEST = 30  # rows: fewer are all in one range


class Ranges(NamedTuple):
    """Rows that are alike in covariates: `of_row` (row,), and their means (range, covariate).

    `values` (range, covariate) are less the `mean` (covariate,) of all rows and over their `sd`.
    """

    names: list[str]
    of_row: Codes
    values: Floats
    mean: Floats
    sd: Floats


def levelled(table: Table) -> Table:
    """The table, if its labels are ratings of few levels."""
    if not isinstance(table, Responses):
        raise MetaevalError(
            "form='ordinal' is for ratings of responses, and these are pairs; use "
            "form='dawid_skene'."
        )
    values = np.unique(table.labels.to_numpy())
    n = int((~np.isnan(values)).sum())
    if not 2 <= n <= 10:
        raise MetaevalError(
            f"form='ordinal' takes ratings of 2 to 10 levels, and there are {n}; use "
            "form='dawid_skene', which compares responses, or round the ratings."
        )
    return table


def ranges_of(table: Table, names: Sequence[str]) -> Ranges:
    """Ranges of columns of numbers, each with about as many rows."""
    x = np.stack([_column(table, name) for name in names])
    if len(table) < _FEWEST:
        raise MetaevalError(
            f"covariates= needs {_FEWEST} rated rows at least, and there are {len(table)}; leave "
            "it out."
        )
    mean, sd = x.mean(axis=1), x.std(axis=1)
    z = (x - mean[:, None]) / sd[:, None]
    of_row = alike(z)
    sums = np.stack([np.bincount(of_row, row) for row in z], axis=1)
    return Ranges(list(names), of_row, sums / np.bincount(of_row)[:, None], mean, sd)


def _column(table: Table, name: str) -> Floats:
    """Numbers of all rows: (row,)."""
    rows = table.rows
    ids = (*_IDS, *table.keys)
    known = [c for c in rows if c not in ids and pd.api.types.is_numeric_dtype(rows[c].dtype)]
    if name not in known:
        raise MetaevalError(
            f"There is no column {name!r} of numbers of the responses; there are "
            f"{listed(known) or 'none'}; read a column such as length, and name it: "
            f"covariates=['length'].{near_miss(name, known)}"
        )
    values = rows[name].to_numpy(dtype=float, na_value=np.nan)
    lacking = int((~np.isfinite(values)).sum())
    if lacking:
        raise MetaevalError(
            f"{name} is missing or infinite in {lacking} rated rows; leave these rows out, or fill "
            "the column in."
        )
    if np.ptp(values) == 0:
        raise MetaevalError(
            f"{name} is {values[0]:g} in all rated rows, so that nothing can be owed to it; leave "
            "it out of covariates=."
        )
    return values


def prepared_levels(design: Design, whole: Table, names: Sequence[str]) -> Prepared:
    """Ratings of the labelled rows, and covariates of these names, as `raters` takes them."""
    ranges = ranges_of(whole, names) if names else None
    values = whole.labels.to_numpy()
    found = np.unique(values[~np.isnan(values)])
    codes = np.where(np.isnan(values), -1, np.searchsorted(found, values))
    units, unit_names = units_and_names(design)
    where = None if ranges is None else ranges.of_row
    patterns = patterns_of(codes, len(found), units, len(unit_names), where)
    at = None if ranges is None else ranges.values
    effect = ordinal_effect(patterns.labels, patterns.counts, patterns.by_unit, at)
    names_ = [f"{value:g}" for value in found]
    raters, turned = [str(name) for name in whole.labels], np.zeros(len(whole), dtype=bool)
    rated = Rated(whole, design, patterns, raters, names_, turned, False, effect)
    prepared = latent(
        rated,
        options=(("form", "ordinal"),),
        dims={"severity": ("rater",), "discrimination": ("rater",), "cutpoints": ("cutpoint",)},
        coords={"cutpoint": names_[:-1]},
        derived=(),
        tables=lambda sites: _tables(sites, at),
    )
    return prepared if ranges is None else _with_covariates(prepared, rated, ranges)


def _tables(sites: Sites, covariates: Floats | None) -> tuple[Floats, Floats]:
    """Weights of nodes, and probabilities of levels: (draw, range, rater, node, level)."""
    severity, sharp, cutpoints = (flat(sites[name]) for name in _SCALES)
    if covariates is None:
        said = np.asarray(levels(severity, sharp, cutpoints))[:, None]
    else:
        slope = flat(sites["quality_coefficient"])[:, None] + flat(sites["coefficient"])
        with jax.enable_x64(True):
            said = np.asarray(levels_at(severity, sharp, cutpoints, slope, covariates))
    return np.broadcast_to(NODE_WEIGHTS, (len(said), len(NODE_WEIGHTS))), said


def _with_covariates(prepared: Prepared, rated: Rated, ranges: Ranges) -> Prepared:
    """What is different where rows are in ranges."""
    by_range, about = rated.patterns.by_range, ("covariate",)
    arrays = {
        **prepared.arrays,
        "labels": by_range(rated.patterns.labels),
        "counts": by_range(rated.patterns.counts),
        "covariates": ranges.values,
    }
    constant = {
        **prepared.constant,
        "covariate_mean": (about, ranges.mean),
        "covariate_sd": (about, ranges.sd),
        "covariate_in_range": (("range", *about), ranges.values),
        "rows_in_range": (("range",), np.bincount(ranges.of_row)),
    }
    return prepared._replace(
        arrays=arrays,
        dims={**prepared.dims, "quality_coefficient": about, "coefficient": ("rater", *about)},
        coords={
            **prepared.coords,
            "covariate": ranges.names,
            "range": list(range(len(ranges.values))),
        },
        constant=constant,
        said={**prepared.said, "covariates": "+".join(ranges.names)},
    )
