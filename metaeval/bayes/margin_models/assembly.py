"""Data, derived parameters and warnings shared by the models of margins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from metaeval.bayes.design import leverage_warnings
from metaeval.bayes.hierarchy.centering import curve_centerings
from metaeval.bayes.hierarchy.priors import (
    SD_COEFFICIENT,
    TwoWayPrior,
    draw_population_per_scorer,
    log_prior,
)
from metaeval.bayes.margin_models import densities
from metaeval.bayes.margin_models.best_threshold import tie_threshold
from metaeval.bayes.margin_models.likelihood import (
    N_GROUPS,
    Curves,
    log_likelihood,
    margin_groups,
    outcome_rates,
    predict_rates,
    sum_by_group,
)
from metaeval.bayes.model_interface import ModelData, NamedArrays, Sites
from metaeval.core import SMALLEST_DIVISOR, Floats
from metaeval.curves import expit
from metaeval.inference import Design
from metaeval.statistics import Estimand


@dataclass(frozen=True, kw_only=True)
class MarginModelSpec:
    """Design, curves and priors of a model of margins.

    `scale` is the type of scores: "score", "log_odds" or "probability". `name_options` are the
    options shown in the name of the model. In `folded` cells outcomes are relative to the sign of
    the margin.
    """

    design: Design
    by: str | None
    curves: Curves
    grids: list[TwoWayPrior]
    covariates: list[str]
    order: bool
    scale: str
    name_options: dict[str, Any]
    basis: Floats | None = None
    folded: bool = True


def margin_model_data(spec: MarginModelSpec) -> ModelData:
    """Return the data of a model of margins and outcomes."""
    design, curves, grids, names = spec.design, spec.curves, spec.grids, spec.covariates
    form, basis = spec.name_options["form"], spec.basis
    native = spec.scale != "score"  # scores are log odds or probabilities
    data, with_ties = curves.data, curves.data.counts.shape[-1] == 3
    log_probs = densities.cell_log_probs(form)
    centerings = curve_centerings(log_probs, grids, data.margin, data.counts, basis)
    arrays = {"margin": data.margin, "counts": data.counts, "centerings": centerings}
    if names:
        arrays["covariates"] = data.covariates
    if basis is not None:
        arrays["basis"] = basis
    cells = ("scorer", "task")
    dims: dict[str, tuple[str, ...]] = {g.name: cells for g in grids}
    dims |= {g.sd_sites[0]: ("scorer",) for g in grids}
    dims |= {
        "bias": ("scorer",),
        "coefficient": ("scorer", "covariate"),
        "shape": ("scorer", "knot"),
        "asymmetry": ("scorer",),
    }
    tasks = [stratum.name or "all" for stratum in design.strata]
    knots = [] if curves.knots is None else list(range(curves.knots.shape[1]))
    coords: dict[str, list[Any]] = {"scorer": design.scorers, "task": tasks, "unit": curves.units}
    coords |= {"covariate": names, "knot": knots, "group": list(range(N_GROUPS))}
    groups = margin_groups(data.margin, data.counts)
    target = (
        "outcome (win, tie or loss) according to the labels, given the margin"
        if with_ties
        else "agreement of the labels with the sign of the margin, given the margin"
    )
    estimand = Estimand(
        name=form,
        rows="pairs",
        grouping="item",
        average="pairs",
        ties="none",
        target=target,
        status="approximate",
        better="neither",
    )
    return ModelData(
        arrays=arrays,
        options=(("form", form), ("order", spec.order)),
        dims=dims,
        coords=coords,
        observed=outcome_rates(data.counts, groups, spec.folded),
        constant=_constants(curves, groups, native),
        design=design,
        by=spec.by,
        estimand=estimand,
        name_options=spec.name_options
        | ({"covariates": "+".join(names)} if names else {})
        | ({"scale": spec.scale} if native else {}),
        derived=(),
        notes=_notes(curves),
        warnings=_data_warnings(curves, design.scorers) + leverage_warnings(design.table, names),
        derived_draws=lambda sites, rng: _derived_parameters(
            sites, grids, curves.scale, native, rng
        ),
        predict=lambda sites, rng: predict_rates(curves, sites, groups, rng, spec.folded),
        log_likelihood=lambda sites: log_likelihood(curves, sites),
        log_prior=lambda sites, derived: _log_prior(grids, sites, derived),
    )


def _constants(curves: Curves, groups: Any, native: bool) -> NamedArrays:
    """Return constants for the tree: scales, bins, groups, design effects and knots."""
    cells = ("scorer", "task")
    slope_unit = np.ones_like(curves.scale) if native else curves.scale
    weight = curves.data.counts.sum(axis=-1)
    margin = curves.data.margin * curves.scale[:, None, None]
    total = np.maximum(sum_by_group(weight, groups), SMALLEST_DIVISOR)
    constants: dict[str, Any] = {
        "scale": (("scorer",), curves.scale),
        "bin_margin": ((*cells, "bin"), curves.data.margin * curves.scale[:, None, None]),
        "bin_weight": ((*cells, "bin"), weight),
        "group_margin": ((*cells, "group"), sum_by_group(weight * margin, groups) / total),
        "slope_unit": (("scorer",), slope_unit),
        "design_effect": (cells, curves.data.design_effect),
        "largest_margin": (cells, _largest_margins(curves)),
    }
    if curves.knots is not None:
        constants["knots"] = (("scorer", "knot"), curves.knots)
    if curves.log_means is not None:
        constants["log_means"] = (("part", "scorer"), curves.log_means)
    return constants


def _largest_margins(curves: Curves) -> Floats:
    """Return the largest absolute margins: (scorer, task)."""
    rows = [[np.abs(c.margin).max(initial=0.0) for c in row] for row in curves.cells]
    return np.array(rows) * curves.scale[:, None]


def _notes(curves: Curves) -> list[str]:
    effect = curves.data.design_effect
    if (effect == 1).all():
        return []
    return [
        "pairs within a unit are dependent: counts are divided by design effects of "
        f"{effect.min():.3g} to {effect.max():.3g}"
    ]


def _data_warnings(curves: Curves, scorers: Sequence[str]) -> list[str]:
    """Warn of constant scorers and of scorers without a positive association with labels."""
    warnings = []
    for k, name in enumerate(scorers):
        margin = np.concatenate([cell.margin for cell in curves.cells[k]])
        last = curves.data.counts.shape[-1] - 1
        signed_outcome = np.concatenate([np.sign(2 * c.outcome - last) for c in curves.cells[k]])
        if not margin.any():
            warnings.append(f"{name} is constant: the posterior of its slope equals the prior")
        elif margin @ signed_outcome <= 0:
            warnings.append(
                f"{name}: labels are not positively associated with margins, contrary to the "
                "assumption of the model"
            )
    return warnings


def _log_prior(grids: list[TwoWayPrior], sites: Sites, derived: NamedArrays) -> Floats:
    """Compute the log prior density of population parameters and shared parameters."""
    density: Any = sum(log_prior(g, sites, derived[f"{g.name}_mean"][1]) for g in grids)
    priors = {
        "bias": densities.SD_BIAS,
        "coefficient": SD_COEFFICIENT,
        "asymmetry": densities.SD_ASYMMETRY,
    }
    for name, sd in (priors | {"steps": densities.SD_WALK}).items():
        if name in sites:
            values = sites[name].reshape(*density.shape, -1)
            density = density - np.square(values / sd).sum(axis=-1) / 2
    return np.asarray(density)


def _derived_parameters(
    sites: Sites, grids: list[TwoWayPrior], scale: Floats, native: bool, rng: Generator
) -> NamedArrays:
    """Derive slopes, thresholds and lapses of each task, of a typical and of a new task."""
    unit = scale if native else np.ones_like(scale)  # scale of the margins per slope unit
    cells = ("scorer", "task")
    populations = {g.name: draw_population_per_scorer(g, sites, rng) for g in grids}
    derived: dict[str, Any] = {
        f"{name}_mean": (("scorer",), p.scorer) for name, p in populations.items()
    }
    parameters: dict[str, tuple[tuple[str, ...], dict[str, Floats]]] = {
        "": (cells, {g.name: sites[g.name] for g in grids}),
        "_typical": (("scorer",), {g.name: sites[g.name].mean(axis=-1) for g in grids}),
    }
    if all(p.new is not None for p in populations.values()):
        parameters["_new"] = (
            ("scorer",),
            {n: p.new for n, p in populations.items() if p.new is not None},
        )
    for suffix, (dims, values) in parameters.items():
        unit_column, scale_column = ((v[:, None] if suffix == "" else v) for v in (unit, scale))
        derived |= {
            f"{name}{suffix}": (dims, v)
            for name, v in _natural_parameters(values, unit_column, scale_column).items()
        }
    return derived


def _natural_parameters(values: Sites, unit: Floats, scale: Floats) -> dict[str, Floats]:
    """Transform sites to the slope per unit, lapse, threshold and epsilon."""
    slope = np.exp(values["log_slope"])
    natural = {"slope": slope / unit}
    if "logit_lapse" in values:
        natural["lapse"] = expit(values["logit_lapse"])
    for name, site in (("rao_kupper", "log_threshold"), ("davidson", "log_nu")):
        if site in values:
            latent = np.exp(values[site]) if site == "log_threshold" else values[site]
            natural |= {"threshold": latent, "epsilon": tie_threshold(slope, latent, name) * scale}
    return natural
