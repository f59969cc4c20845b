"""Tables as the models of win, tie and loss and of calibration take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.random import Generator

from metaeval.arrays import Floats
from metaeval.bayes import margin_models as mm
from metaeval.bayes.curves import spline_at
from metaeval.bayes.grids import Grid, centring_of, population
from metaeval.bayes.margins import Binned, Cell, binned, folded, information, rows_of, scales
from metaeval.bayes.prepared import Named, Prepared, Sites
from metaeval.bayes.strata import designed, unit_names
from metaeval.bayes.thresholds import tie_threshold
from metaeval.checks import check_names, check_one_of, listed
from metaeval.errors import MetaevalError
from metaeval.links import expit
from metaeval.maps import scale_of, spline_knots
from metaeval.prepare import Design
from metaeval.statistics.base import Statistic
from metaeval.tables import Pairs, Table

_GROUPS = 10  # of margins, that posterior predictive checks look at
_SIMULATED = 200  # draws that data are simulated from
_AT_A_TIME = 20_000_000  # numbers


class Curves(NamedTuple):
    """The counts of a table and the function that gives their log probabilities.

    `chances` maps sites, draws in front, to (..., scorer, task, bin, outcome).
    """

    data: Binned
    chances: Callable[[Sites], Any]
    cells: list[list[Cell]]
    units: list[str]
    scale: Floats  # (scorer,)
    knots: Floats | None = None  # (scorer, knot)


def prepared_ties(
    table: Table,
    *,
    form: str = "rao_kupper",
    covariates: Sequence[str] | str = (),
    by: str | None = None,
    native: str | None = None,
    **options: Any,
) -> Prepared:
    """The table as `margin_models.ties` takes it."""
    check_one_of("form", form, tuple(mm.TIE_GRID))
    design, by = designed(table, by, **options)
    names, order = _covariates(design, covariates), _ordered(design.table)
    parts = rows_of(design, True)
    if not any((label == 0).any() for _, label, _ in parts):
        raise MetaevalError(
            "No label is a tie, so that there is nothing to learn of ties; use bayes.calibration, "
            "or read the labels with label_epsilon=."
        )
    curves = _curves(
        design,
        parts,
        names,
        order,
        3,
        lambda values, data: mm.tie_chances(values, data.margin, _given(data.covariates), form),
    )
    grids = [mm.LOG_SLOPE, mm.TIE_GRID[form], mm.LOGIT_LAPSE]
    return _prepared(design, by, curves, grids, names, order, native, {"form": form}, None)


def prepared_calibration(
    table: Table,
    *,
    form: str = "lapse",
    covariates: Sequence[str] | str = (),
    by: str | None = None,
    native: str | None = None,
    **options: Any,
) -> Prepared:
    """The table as `margin_models.calibration` takes it."""
    check_one_of("form", form, ("lapse", "temperature", "spline"))
    design, by = designed(table, by, **options)
    names, order = _covariates(design, covariates), _ordered(design.table)
    parts = rows_of(design, False)
    if not any(len(label) for _, label, _ in parts):
        raise MetaevalError("All labels are ties; calibration needs labels that take a side.")
    held: dict[str, Floats] = {}
    curves = _curves(
        design,
        parts,
        names,
        order,
        2,
        lambda values, data: mm.agreement_chances(
            values, data.margin, _given(data.covariates), held.get("basis"), form
        ),
    )
    if form == "spline":
        curves = curves._replace(knots=_knots(curves))
        held["basis"] = spline_at(curves.data.margin, curves.knots)
    grids = [mm.LOG_SLOPE, *mm.MORE_GRIDS[form]]
    said = {"form": form}
    return _prepared(design, by, curves, grids, names, order, native, said, held.get("basis"))


def _ordered(table: Table) -> bool:
    return isinstance(table, Pairs) and table.ordered


def _covariates(design: Design, asked: Sequence[str] | str) -> list[str]:
    """Columns of the pairs that are differences."""
    names = check_names("covariates", asked)
    there = [str(c) for c in design.table.pairs().rows if str(c).endswith("_delta")]
    for name in names:
        if name not in there:
            raise MetaevalError(
                f"There is no difference {name!r} of a number of the two responses; there are "
                f"{listed(there) or 'none'}. Read a column such as length, for length_delta."
            )
    return names


def _given(covariates: Any) -> Any:
    return covariates if len(covariates) else None


def _curves(
    design: Design,
    parts: list[tuple[Pairs, Floats, Any]],
    names: list[str],
    order: bool,
    n_outcomes: int,
    chances: Callable[[Sites, Binned], Any],
) -> Curves:
    scale = scales(parts, design.scorers)
    given = [
        [scale_of(np.concatenate([p.rows[n].to_numpy(float) for p, _, _ in parts]))] for n in names
    ]
    units = [name for stratum in design.strata for name in unit_names(stratum)]
    cells = []
    for name, of_scorer in zip(design.scorers, scale, strict=True):
        row = []
        for pairs, label, unit in parts:
            x = np.array(
                [pairs.rows[n].to_numpy(float) / s[0] for n, s in zip(names, given, strict=True)]
            )
            x = x.reshape(len(names), len(label))
            margin = pairs.scores[name].to_numpy() / of_scorer
            row.append(folded(margin, x, label, unit, n_outcomes == 3, order))
        cells.append(row)
    data = binned(cells, n_outcomes, len(units))
    return Curves(data, lambda sites: chances(sites, data), cells, units, scale)


def _knots(curves: Curves) -> Floats:
    """Knots of the curve of each scorer: (scorer, knot)."""
    sizes = [np.abs(np.concatenate([c.margin for c in row])) for row in curves.cells]
    return np.stack([_as_many(spline_knots(size)) for size in sizes])


def _as_many(knots: Floats, n: int = 5) -> Floats:
    """Knots at fewer places, spread to as many as others have."""
    if len(knots) == n:
        return knots
    return np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots)


def _prepared(
    design: Design,
    by: str | None,
    curves: Curves,
    grids: list[Grid],
    names: list[str],
    order: bool,
    native: str | None,
    said: dict[str, Any],
    basis: Floats | None,
) -> Prepared:
    """What all models of margins share."""
    check_one_of("native", native, (None, "logit"))
    data, three = curves.data, curves.data.counts.shape[-1] == 3
    centring = centring_of(information(data.margin, data.counts))
    still = {"task": 0.0, "scorer": 0.0, "cell": 0.0}
    pooled = {g.name: centring if g.name != "logit_lapse" else still for g in grids}
    arrays = {"margin": data.margin, "counts": data.counts, "centring": pooled}
    if names:
        arrays["covariates"] = data.covariates
    if basis is not None:
        arrays["basis"] = basis
    cells = ("scorer", "task")
    dims: dict[str, tuple[str, ...]] = {g.name: cells for g in grids}
    dims |= {name: () for g in grids for name in g.spreads}
    dims |= {
        "bias": ("scorer",),
        "coefficient": ("scorer", "covariate"),
        "shape": ("scorer", "knot"),
    }
    tasks = [stratum.name or "all" for stratum in design.strata]
    knots = list(range(len(basis))) if basis is not None else []
    coords = {"scorer": design.scorers, "task": tasks, "unit": curves.units}
    coords |= {"covariate": names, "knot": knots, "group": list(range(_GROUPS))}
    groups = _groups(data.margin, data.counts)
    what = "win, tie or loss by the labels at a margin" if three else "agreement at a margin"
    estimand = {"grouping": "item", "average": "pairs", "ties": "none", "target": what}
    more = lambda sites, rng: _more(sites, grids, curves.scale, native, said["form"], rng)  # noqa: E731
    return Prepared(
        arrays=arrays,
        options=(*said.items(), ("order", order)),
        dims=dims,
        coords=coords,
        observed=_shares(data.counts, groups),
        constant=_constant(curves, groups, native),
        design=design,
        by=by,
        statistic=Statistic(
            said["form"], "pairs", estimand=estimand, status="approximate", better="neither"
        ),
        said=said
        | ({"covariates": "+".join(names)} if names else {})
        | ({"native": native} if native else {}),
        derived=(),
        notes=_notes(curves),
        warnings=_cautions(curves, design.scorers),
        more=more,
        predict=lambda sites, rng: _predicted(curves, sites, groups, rng),
        log_likelihood=lambda sites: _log_likelihood(curves, sites),
    )


def _constant(curves: Curves, groups: Any, native: str | None) -> Named:
    cells = ("scorer", "task")
    unit = np.ones_like(curves.scale) if native else curves.scale
    weight = curves.data.counts.sum(axis=-1)
    size = np.abs(curves.data.margin) * curves.scale[:, None, None]
    total = np.maximum(_by_group(weight, groups), 1e-300)
    found: dict[str, Any] = {
        "scale": (("scorer",), curves.scale),
        "bin_margin": ((*cells, "bin"), curves.data.margin * curves.scale[:, None, None]),
        "bin_weight": ((*cells, "bin"), weight),
        "group_margin": ((*cells, "group"), _by_group(weight * size, groups) / total),
        "slope_unit": (("scorer",), unit),
        "design_effect": (cells, curves.data.effect),
        "largest_margin": (cells, _largest(curves)),
    }
    if curves.knots is not None:
        found["knots"] = (("scorer", "knot"), curves.knots)
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
            said.append(f"{name} is constant: its slope is that of the prior")
        elif margin @ side <= 0:
            said.append(f"{name}: labels do not rise with margins, where the model says they do")
    return said


def _groups(margin: Floats, counts: Floats) -> Any:
    """Group of each bin by the size of its margin, about as many rows in each: (.., bin)."""
    found = np.zeros(margin.shape, dtype=int)
    for place in np.ndindex(margin.shape[:2]):
        size, weight = np.abs(margin[place]), counts[place].sum(axis=-1)
        order = np.argsort(size, kind="stable")
        middle = np.cumsum(weight[order]) - weight[order] / 2
        found[place][order] = np.minimum(
            middle / max(weight.sum(), 1e-300) * _GROUPS, _GROUPS - 1
        ).astype(int)
    return found


def _by_group(values: Floats, groups: Any) -> Floats:
    """Sums over the bins of each group: (..., scorer, task, group)."""
    member = groups[..., None] == np.arange(_GROUPS)
    return np.einsum("...ktb,ktbg->...ktg", values, member.astype(float))


def _shares(counts: Floats, groups: Any) -> Named:
    """Tie rate, and accuracy of the sign where labels take a side, by size of margin."""
    by = np.stack([_by_group(counts[..., o], groups) for o in range(counts.shape[-1])])
    dims = ("scorer", "task", "group")
    sided = by[0] + by[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        found: dict[str, Any] = {"agreement": (dims, by[-1] / sided)}
        if len(by) == 3:
            found["tie_rate"] = (dims, by[1] / by.sum(axis=0))
    return found


def _few(sites: Sites, n: int) -> Sites:
    """Sites of some n draws, evenly spaced."""
    draws = next(iter(sites.values())).shape[1]
    step = max(1, draws // max(n // next(iter(sites.values())).shape[0], 1))
    return {name: values[:, ::step] for name, values in sites.items()}


def _chances(curves: Curves, sites: Sites) -> Floats:
    """Log probabilities (chain, draw, scorer, task, bin, outcome), in double precision."""
    with jax.enable_x64(True):
        return np.asarray(curves.chances({n: jnp.asarray(v) for n, v in sites.items()}))


def _predicted(curves: Curves, sites: Sites, groups: Any, rng: Generator) -> Named:
    """Shares in groups of margins that would be seen in as many effective rows."""
    chance = np.exp(_chances(curves, _few(sites, _SIMULATED)))
    number = curves.data.counts.sum(axis=-1)
    mean = chance * number[..., None]
    by = np.stack([_by_group(mean[..., o], groups) for o in range(mean.shape[-1])], axis=-1)
    total = np.rint(_by_group(number, groups)).astype(int)
    p = by / np.maximum(by.sum(axis=-1, keepdims=True), 1e-300)
    p[..., -1] = np.maximum(1 - p[..., :-1].sum(axis=-1), 0.0)
    drawn = rng.multinomial(np.broadcast_to(total, p.shape[:-1]), p / p.sum(axis=-1, keepdims=True))
    dims = ("scorer", "task", "group")
    sided = drawn[..., 0] + drawn[..., -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        found: dict[str, Any] = {"agreement": (dims, drawn[..., -1] / sided)}
        if p.shape[-1] == 3:
            found["tie_rate"] = (dims, drawn[..., 1] / total)
    return found


def _log_likelihood(curves: Curves, sites: Sites) -> Floats:
    """Tempered log likelihood of the rows of each unit, all scorers together: (chain, draw, unit)."""
    from scipy.sparse import coo_array

    data = curves.data
    shape = data.counts.shape
    rows, columns, weight = [], [], []
    for k, row in enumerate(curves.cells):
        for t, cell in enumerate(row):
            at = np.ravel_multi_index(
                (
                    np.full(len(cell.unit), k),
                    np.full(len(cell.unit), t),
                    data.place[k][t],
                    cell.outcome,
                ),
                shape,
            )
            rows.append(cell.unit)
            columns.append(at)
            weight.append(np.full(len(at), 1 / data.effect[k, t]))
    size = (len(curves.units), int(np.prod(shape)))
    parts = (np.concatenate(weight), (np.concatenate(rows), np.concatenate(columns)))
    table = coo_array(parts, shape=size).tocsr()
    chains, draws = next(iter(sites.values())).shape[:2]
    step = max(1, _AT_A_TIME // (size[1] * chains))
    found = np.empty((chains, draws, size[0]))
    for start in range(0, draws, step):
        some = {n: v[:, start : start + step] for n, v in sites.items()}
        logs = _chances(curves, some).reshape(-1, size[1])
        found[:, start : start + step] = (table @ logs.T).T.reshape(chains, -1, size[0])
    return found


def _more(
    sites: Sites, grids: list[Grid], scale: Floats, native: str | None, form: str, rng: Generator
) -> Named:
    """What follows: slopes, thresholds and lapses as such, and those of a task not yet seen."""
    unit = scale if native else np.ones_like(scale)  # scales per unit that slopes are given for
    cells, found = ("scorer", "task"), {}
    drawn = {g.name: population(g, sites, rng) for g in grids}
    at: dict[str, tuple[tuple[str, ...], dict[str, Floats]]] = {
        "": (cells, {g.name: sites[g.name] for g in grids}),
        "_typical": (("scorer",), {g.name: sites[g.name].mean(axis=-1) for g in grids}),
    }
    if all(p.new is not None for p in drawn.values()):
        at["_new"] = (("scorer",), {n: p.new for n, p in drawn.items() if p.new is not None})
    for end, (dims, values) in at.items():
        per = unit[:, None] if end == "" else unit
        each = scale[:, None] if end == "" else scale
        slope = np.exp(values["log_slope"])
        found[f"slope{end}"] = (dims, slope / per)
        if "logit_lapse" in values:
            found[f"lapse{end}"] = (dims, expit(values["logit_lapse"]))
        for name, of in (("rao_kupper", "log_threshold"), ("davidson", "log_nu")):
            if of in values:
                latent = np.exp(values[of]) if of == "log_threshold" else values[of]
                found[f"threshold{end}"] = (dims, latent)
                found[f"epsilon{end}"] = (dims, tie_threshold(slope, latent, name) * each)
    return found
