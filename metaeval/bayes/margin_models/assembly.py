"""What the models of margins share: names, populations, checks and predictions of their fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from metaeval.bayes.design import leverage_warnings
from metaeval.bayes.hierarchy.centering import curve_places
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
    by_group,
    groups_of,
    log_likelihood,
    predicted,
    shares,
)
from metaeval.bayes.model_data import ModelData, Named, Sites
from metaeval.core import SMALLEST_DIVISOR, Floats
from metaeval.curves import expit
from metaeval.inference import Design
from metaeval.statistics import Estimand


class MarginModelSpec(NamedTuple):
    """What a model of margins is made of: its data, its curves and the priors of their values.

    `scale` is what scores are: "score", "log_odds" or "probability". `name_options` are the options
    that the name of the model shows. `folded` cells are seen from the side that the margin points
    to.
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
    """A table of margins and outcomes as its model takes it."""
    design, curves, grids, names = spec.design, spec.curves, spec.grids, spec.covariates
    form, basis = spec.name_options["form"], spec.basis
    native = spec.scale != "score"  # scores are log odds, or probabilities
    data, three = curves.data, curves.data.counts.shape[-1] == 3
    chances = densities.cell_chances(form)
    places = curve_places(chances, grids, data.margin, data.counts, basis)
    arrays = {"margin": data.margin, "counts": data.counts, "places": places}
    if names:
        arrays["covariates"] = data.covariates
    if basis is not None:
        arrays["basis"] = basis
    cells = ("scorer", "task")
    dims: dict[str, tuple[str, ...]] = {g.name: cells for g in grids}
    dims |= {g.spreads[0]: ("scorer",) for g in grids}
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
    groups = groups_of(data.margin, data.counts)
    what = "win, tie or loss by the labels at a margin" if three else "agreement at a margin"
    estimand = Estimand(
        name=form,
        rows="pairs",
        grouping="item",
        average="pairs",
        ties="none",
        target=what,
        status="approximate",
        better="neither",
    )
    return ModelData(
        arrays=arrays,
        options=(("form", form), ("order", spec.order)),
        dims=dims,
        coords=coords,
        observed=shares(data.counts, groups, spec.folded),
        constant=_constant(curves, groups, native),
        design=design,
        by=spec.by,
        estimand=estimand,
        name_options=spec.name_options
        | ({"covariates": "+".join(names)} if names else {})
        | ({"scale": spec.scale} if native else {}),
        derived=(),
        notes=_notes(curves),
        warnings=_cautions(curves, design.scorers) + leverage_warnings(design.table, names),
        derived_draws=lambda sites, rng: _derived(sites, grids, curves.scale, native, rng),
        predict=lambda sites, rng: predicted(curves, sites, groups, rng, spec.folded),
        log_likelihood=lambda sites: log_likelihood(curves, sites),
        log_prior=lambda sites, derived: _log_prior(grids, sites, derived),
    )


def _constant(curves: Curves, groups: Any, native: bool) -> Named:
    cells = ("scorer", "task")
    unit = np.ones_like(curves.scale) if native else curves.scale
    weight = curves.data.counts.sum(axis=-1)
    size = curves.data.margin * curves.scale[:, None, None]
    total = np.maximum(by_group(weight, groups), SMALLEST_DIVISOR)
    found: dict[str, Any] = {
        "scale": (("scorer",), curves.scale),
        "bin_margin": ((*cells, "bin"), curves.data.margin * curves.scale[:, None, None]),
        "bin_weight": ((*cells, "bin"), weight),
        "group_margin": ((*cells, "group"), by_group(weight * size, groups) / total),
        "slope_unit": (("scorer",), unit),
        "design_effect": (cells, curves.data.effect),
        "largest_margin": (cells, _largest(curves)),
    }
    if curves.knots is not None:
        found["knots"] = (("scorer", "knot"), curves.knots)
    if curves.log_means is not None:
        found["log_means"] = (("part", "scorer"), curves.log_means)
    return found


def _largest(curves: Curves) -> Floats:
    rows = [[np.abs(c.margin).max(initial=0.0) for c in row] for row in curves.cells]
    return np.array(rows) * curves.scale[:, None]


def _notes(curves: Curves) -> list[str]:
    effect = curves.data.effect
    if (effect == 1).all():
        return []
    return [
        f"pairs of one unit depend on one another: counts are divided by design effects of "
        f"{effect.min():.3g} to {effect.max():.3g}"
    ]


def _cautions(curves: Curves, scorers: Sequence[str]) -> list[str]:
    """Scorers that say nothing, or the contrary."""
    said = []
    for k, name in enumerate(scorers):
        margin = np.concatenate([cell.margin for cell in curves.cells[k]])
        last = curves.data.counts.shape[-1] - 1
        side = np.concatenate([np.sign(2 * c.outcome - last) for c in curves.cells[k]])
        if not margin.any():
            said.append(f"{name} is constant: the posterior of its slope equals the prior")
        elif margin @ side <= 0:
            said.append(f"{name}: labels do not rise with margins, as the model assumes they do")
    return said


def _log_prior(grids: list[TwoWayPrior], sites: Sites, derived: Named) -> Floats:
    found: Any = sum(log_prior(g, sites, derived[f"{g.name}_mean"][1]) for g in grids)
    priors = {
        "bias": densities.SD_BIAS,
        "coefficient": SD_COEFFICIENT,
        "asymmetry": densities.SD_ASYMMETRY,
    }
    for name, sd in (priors | {"steps": densities.SD_WALK}).items():
        if name in sites:
            values = sites[name].reshape(*found.shape, -1)
            found = found - np.square(values / sd).sum(axis=-1) / 2
    return np.asarray(found)


def _derived(
    sites: Sites, grids: list[TwoWayPrior], scale: Floats, native: bool, rng: Generator
) -> Named:
    """What follows: slopes, thresholds and lapses as such, and those of a task not yet seen."""
    unit = scale if native else np.ones_like(scale)  # scales per unit that slopes are given for
    cells = ("scorer", "task")
    drawn = {g.name: draw_population_per_scorer(g, sites, rng) for g in grids}
    found: dict[str, Any] = {f"{name}_mean": (("scorer",), p.scorer) for name, p in drawn.items()}
    at: dict[str, tuple[tuple[str, ...], dict[str, Floats]]] = {
        "": (cells, {g.name: sites[g.name] for g in grids}),
        "_typical": (("scorer",), {g.name: sites[g.name].mean(axis=-1) for g in grids}),
    }
    if all(p.new is not None for p in drawn.values()):
        at["_new"] = (("scorer",), {n: p.new for n, p in drawn.items() if p.new is not None})
    for end, (dims, values) in at.items():
        per, each = ((v[:, None] if end == "" else v) for v in (unit, scale))
        found |= {f"{name}{end}": (dims, v) for name, v in _natural(values, per, each).items()}
    return found


def _natural(values: Sites, unit: Floats, scale: Floats) -> dict[str, Floats]:
    """Slope per unit, lapse, threshold, and the margin up to which a tie is called."""
    slope = np.exp(values["log_slope"])
    found = {"slope": slope / unit}
    if "logit_lapse" in values:
        found["lapse"] = expit(values["logit_lapse"])
    for name, of in (("rao_kupper", "log_threshold"), ("davidson", "log_nu")):
        if of in values:
            latent = np.exp(values[of]) if of == "log_threshold" else values[of]
            found |= {"threshold": latent, "epsilon": tie_threshold(slope, latent, name) * scale}
    return found
