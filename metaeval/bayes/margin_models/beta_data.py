"""Data of beta calibration: probabilities of single responses."""

from __future__ import annotations

from typing import Any

import numpy as np

from metaeval.bayes.design import make_model_design, unit_names
from metaeval.bayes.margin_models import densities
from metaeval.bayes.margin_models.assembly import MarginModelSpec, margin_model_data
from metaeval.bayes.margin_models.binned_counts import ScorerTaskData, bin_counts
from metaeval.bayes.margin_models.likelihood import Curves
from metaeval.bayes.margin_models.posterior_curves import beta_basis_at, log_means
from metaeval.bayes.model_interface import ModelData
from metaeval.core import Floats, MetaevalError
from metaeval.curves import logit
from metaeval.inference import Design, DesignOptions
from metaeval.statistics import Reading, cases_of
from metaeval.tables import Pairs, Table

_MIN_PROBABILITY = 1e-6  # probabilities are clipped, so that log odds are finite


def beta_data(table: Table, options: DesignOptions, *, positive_from: float | None) -> ModelData:
    """Return the data of beta calibration."""
    if isinstance(table, Pairs):
        raise MetaevalError(
            "form='beta' is for probabilities of single responses, but this table contains pairs; "
            "use form='temperature', which is beta calibration for pairs."
        )
    design, by = make_model_design(table, options)
    cells = _cells(
        design, Reading(scale="probability", rows="responses", positive_from=positive_from)
    )
    units = [name for stratum in design.strata for name in unit_names(stratum)]
    data = bin_counts(cells, 2, len(units), intercept=True)
    means = log_means(data.margin, data.counts.sum(axis=-1))
    basis = beta_basis_at(data.margin, means)

    def log_probs(sites: Any) -> Any:
        return densities.agreement_log_probs(sites, data.margin, None, basis, "beta")

    curves = Curves(
        data=data,
        log_probs=log_probs,
        cells=cells,
        units=units,
        scale=np.ones(len(cells)),
        knots=None,
        log_means=means,
    )
    name_options = {"form": "beta"} | (
        {} if positive_from is None else {"positive_from": positive_from}
    )
    grids = [densities.LOG_SLOPE, *densities.EXTRA_GRIDS["beta"]]
    spec = MarginModelSpec(
        design=design,
        by=by,
        curves=curves,
        grids=grids,
        covariates=[],
        order=False,
        scale="probability",
        name_options=name_options,
        basis=basis,
        folded=False,
    )
    return margin_model_data(spec)


def _cells(design: Design, reading: Reading) -> list[list[ScorerTaskData]]:
    """Return log odds and events of each scorer in each task."""
    columns: list[list[ScorerTaskData]] = [[] for _ in design.scorers]
    offset = 0
    for stratum in design.strata:
        cases = cases_of(stratum.table, reading.settled(stratum.table))
        if not np.isin(cases.label, (0.0, 1.0)).all():
            raise MetaevalError(
                "form='beta' needs labels of 0 or 1; set positive_from= to the smallest label "
                "that counts as 1."
            )
        unit = stratum.unit_of_items(stratum.table)[cases.items] + offset
        offset += len(stratum.units)
        outcome, no_covariates = cases.label.astype(int), np.zeros((0, len(cases.label)))
        for m, column in enumerate(columns):
            margin = _log_odds(cases.forecast[:, m])
            column.append(
                ScorerTaskData(margin=margin, covariates=no_covariates, outcome=outcome, unit=unit)
            )
    return columns


def _log_odds(forecast: Floats) -> Floats:
    return logit(np.clip(forecast, _MIN_PROBABILITY, 1 - _MIN_PROBABILITY))
