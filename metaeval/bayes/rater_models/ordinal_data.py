"""Data of the ordinal form: ratings of responses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metaeval.bayes.model_interface import ModelData, Sites
from metaeval.bayes.rater_models.covariate_bins import ranges_of_responses, with_ranges
from metaeval.bayes.rater_models.density import (
    NODE_WEIGHTS,
    category_probabilities,
    category_probabilities_at,
)
from metaeval.bayes.rater_models.design_effect import ordinal_effect
from metaeval.bayes.rater_models.label_patterns import find_patterns
from metaeval.bayes.rater_models.latent_class import (
    RaterData,
    assemble_rater_model,
    merge_chains,
    units_and_names,
)
from metaeval.core import Floats, MetaevalError, double_precision
from metaeval.inference import Design
from metaeval.tables import Responses, Table

_SCALES = ("severity", "discrimination", "cutpoints")


def require_ratings(table: Table) -> Table:
    """Return the table; raise an error unless its labels are ratings of 2 to 10 levels."""
    if not isinstance(table, Responses):
        raise MetaevalError(
            "form='ordinal' is for ratings of responses, but this table contains pairs; use "
            "form='dawid_skene'."
        )
    values = np.unique(table.labels.to_numpy())
    n = int((~np.isnan(values)).sum())
    if not 2 <= n <= 10:
        raise MetaevalError(
            f"form='ordinal' needs ratings with 2 to 10 levels, got {n}; use form='dawid_skene', "
            "which compares responses, or round the ratings."
        )
    return table


def ordinal_data(design: Design, table: Table, names: Sequence[str]) -> ModelData:
    """Return the data of the ordinal form, with or without covariates."""
    ranges = ranges_of_responses(table, names) if names else None
    values = table.labels.to_numpy()
    levels = np.unique(values[~np.isnan(values)])
    codes = np.where(np.isnan(values), -1, np.searchsorted(levels, values))
    units, unit_names = units_and_names(design)
    range_of_row = None if ranges is None else ranges.of_row
    patterns = find_patterns(codes, len(levels), units, len(unit_names), range_of_row)
    range_values = None if ranges is None else ranges.values
    effect = ordinal_effect(patterns.labels, patterns.counts, patterns.by_unit, range_values)
    level_names = [f"{value:g}" for value in levels]
    raters, swapped = [str(name) for name in table.labels], np.zeros(len(table), dtype=bool)
    data = RaterData(
        table=table,
        design=design,
        patterns=patterns,
        raters=raters,
        labels=level_names,
        swapped=swapped,
        ordered=False,
        design_effect=effect,
    )
    model = assemble_rater_model(
        data,
        options=(("form", "ordinal"),),
        dims={"severity": ("rater",), "discrimination": ("rater",), "cutpoints": ("cutpoint",)},
        coords={"cutpoint": level_names[:-1]},
        derived=(),
        tables=lambda sites: _probabilities_by_range(sites, range_values),
    )
    return model if ranges is None else with_ranges(model, data, ranges)


def _probabilities_by_range(sites: Sites, covariates: Floats | None) -> tuple[Floats, Floats]:
    """Return weights of nodes, and probabilities (draw, range, rater, node, level)."""
    severity, discrimination, cutpoints = (merge_chains(sites[name]) for name in _SCALES)
    if covariates is None:
        probabilities = np.asarray(category_probabilities(severity, discrimination, cutpoints))[
            :, None
        ]
    else:
        slope = merge_chains(sites["quality_coefficient"])[:, None] + merge_chains(
            sites["coefficient"]
        )
        with double_precision():
            probabilities = np.asarray(
                category_probabilities_at(severity, discrimination, cutpoints, slope, covariates)
            )
    return np.broadcast_to(
        NODE_WEIGHTS, (*probabilities.shape[:2], len(NODE_WEIGHTS))
    ), probabilities
