"""Data of the models of ties and calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from metaeval.bayes.design import covariate_names, make_model_design, unit_names
from metaeval.bayes.margin_models import densities
from metaeval.bayes.margin_models.assembly import MarginModelSpec, margin_model_data
from metaeval.bayes.margin_models.binned_counts import (
    BinnedCounts,
    PairRows,
    bin_counts,
    pair_rows,
    scorer_task_data,
)
from metaeval.bayes.margin_models.likelihood import Curves
from metaeval.bayes.margin_models.posterior_curves import spline_basis_at
from metaeval.bayes.model_interface import ModelData
from metaeval.core import Floats, MetaevalError
from metaeval.curves import spline_knots
from metaeval.inference import Design, DesignOptions
from metaeval.tables import Pairs, Table


def tie_data(
    table: Table,
    options: DesignOptions,
    *,
    form: str,
    covariates: Sequence[str],
    scale: str,
) -> ModelData:
    """Return the data of the tie model."""
    design, by = make_model_design(table, options)
    names, order = covariate_names(design.table, covariates), _ordered(design.table)
    parts = pair_rows(design, names, True)
    if not any((part.label == 0).any() for part in parts):
        raise MetaevalError(
            "The tie model needs tied labels, and there are none; use bayes.CalibrationModel, or "
            "read the labels with label_epsilon=."
        )
    curves = _curves(
        design,
        parts,
        order,
        3,
        lambda values, data: densities.tie_log_probs(
            values, data.margin, _covariates_or_none(data.covariates), form
        ),
    )
    grids = [densities.LOG_SLOPE, densities.TIE_GRID[form], densities.LOGIT_LAPSE]
    name_options = {"form": form}
    return margin_model_data(
        MarginModelSpec(
            design=design,
            by=by,
            curves=curves,
            grids=grids,
            covariates=names,
            order=order,
            scale=scale,
            name_options=name_options,
        )
    )


def calibration_data(
    table: Table,
    options: DesignOptions,
    *,
    form: str,
    covariates: Sequence[str],
    scale: str,
) -> ModelData:
    """Return the data of the calibration model, of any form but beta."""
    design, by = make_model_design(table, options)
    names, order = covariate_names(design.table, covariates), _ordered(design.table)
    parts = pair_rows(design, names, False)
    if not any(len(part.label) for part in parts):
        raise MetaevalError(
            "All labels are ties; calibration needs labels that express a preference."
        )
    bases: dict[str, Floats] = {}  # the spline basis, filled in once the bins are known
    curves = _curves(
        design,
        parts,
        order,
        2,
        lambda values, data: densities.agreement_log_probs(
            values, data.margin, _covariates_or_none(data.covariates), bases.get("basis"), form
        ),
    )
    if form == "spline":
        knots = _knots(curves)
        curves = replace(curves, knots=knots)
        bases["basis"] = spline_basis_at(curves.data.margin, knots)
    grids = [densities.LOG_SLOPE, *densities.EXTRA_GRIDS[form]]
    name_options = {"form": form}
    basis = bases.get("basis")
    return margin_model_data(
        MarginModelSpec(
            design=design,
            by=by,
            curves=curves,
            grids=grids,
            covariates=names,
            order=order,
            scale=scale,
            name_options=name_options,
            basis=basis,
        )
    )


def _ordered(table: Table) -> bool:
    return isinstance(table, Pairs) and table.ordered


def _covariates_or_none(covariates: Any) -> Any:
    return covariates if len(covariates) else None


def _curves(
    design: Design,
    parts: list[PairRows],
    order: bool,
    n_outcomes: int,
    log_probs: Callable[[Any, BinnedCounts], Any],
) -> Curves:
    units = [name for stratum in design.strata for name in unit_names(stratum)]
    cells, scale = scorer_task_data(parts, n_outcomes == 3, order)
    foldable = not order and not parts[0].covariates.size
    data = bin_counts(cells, n_outcomes, len(units), folded_rows=foldable)
    return Curves(
        data=data,
        log_probs=lambda sites: log_probs(sites, data),
        cells=cells,
        units=units,
        scale=scale,
    )


def _knots(curves: Curves) -> Floats:
    """Return knots of the curve of each scorer: (scorer, knot)."""
    sizes = [np.abs(np.concatenate([c.margin for c in row])) for row in curves.cells]
    return np.stack([_interpolate_knots(spline_knots(size)) for size in sizes])


def _interpolate_knots(knots: Floats, n: int = 5) -> Floats:
    """Interpolate distinct knots to n knots, the same number for all scorers."""
    if len(knots) == n:
        return knots
    return np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots)
