"""All rows of one statistic: own values, and differences family by family."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from metaeval.core import Floats, MetaevalError, join_names
from metaeval.inference.design import Design, prepare, system_level
from metaeval.inference.estimation import Estimates, measure
from metaeval.inference.macro_average import macro
from metaeval.inference.provenance import Level, cautions_of, details_of, family_of
from metaeval.inference.rows import difference_rows, own_rows
from metaeval.inference.settings import Plan
from metaeval.results import Row
from metaeval.statistics import Statistic
from metaeval.tables import Table


def whole_level(
    table: Table, design: Design, statistic: Statistic, plan: Plan, options: Mapping[str, Any]
) -> Level:
    """All rows of one statistic; at system level on the systems that answered every item."""
    if statistic.estimand.grouping == "systems":
        complete, _ = system_level(design)
        design = design if complete is None else complete
    if design.missing != "pairwise":
        return _common(design, statistic, plan)
    return _pairwise(table, design, statistic, plan, options)


def _wholes(parts: list[Estimates], design: Design) -> list[Estimates]:
    """Macro (or pooled) first, then the strata."""
    whole = macro(parts, design.table.n_items)
    return [whole] if design.by is None else [whole, *parts]


def _common(design: Design, statistic: Statistic, plan: Plan) -> Level:
    names = design.scorers
    family = len(plan.pairs(names))
    wholes = _wholes(measure(design, statistic, plan.resamples), design)
    own = [row for whole in wholes for row in own_rows(statistic, whole, names, plan)]
    details = [d for whole in wholes for d in details_of(statistic, whole, names)]
    differences: list[Row] = []
    for members in (wholes[:1], wholes[1:]):
        parts = [(whole, names, plan) for whole in members]
        n_flips = plan.n_flips(family * max(len(members), 1))
        differences += difference_rows(statistic, parts, n_flips)
    cautions = cautions_of(wholes, design, statistic, plan, family)
    n_flips = plan.n_flips(family_of(wholes[-1], design, family))
    draws = [whole.draws for whole in wholes]
    return Level(statistic.estimand, own, differences, draws, details, cautions, n_flips)


def _pairwise(
    table: Table, design: Design, statistic: Statistic, plan: Plan, options: Mapping[str, Any]
) -> Level:
    """Each value on the rows that its scorer has, each difference on those that both have."""
    own: list[Row] = []
    details: list[dict[str, Any]] = []
    cautions: list[str] = []
    family = len(plan.pairs(design.scorers))
    for name in design.scorers:
        alone = _only(table, [name], options, statistic)
        if len(alone.strata) < len(design.strata):
            cautions.append(
                f"{name} has scores in {len(alone.strata)} of {len(design.strata)} strata; its "
                "mean over them is no match for the others'"
            )
        for whole in _wholes(measure(alone, statistic, plan.resamples), alone):
            own += own_rows(statistic, whole, [name], plan)
            details += details_of(statistic, whole, [name])
    macros, strata = [], []
    apart: list[str] = []
    for x, y in plan.pairs(design.scorers):
        names = [design.scorers[x], design.scorers[y]]
        direct = dataclasses.replace(plan, baseline=names[1])
        try:
            both = _among(_only(table, names, options, statistic), design)
            parts = measure(both, statistic, plan.resamples)
        except MetaevalError as error:  # no rows in common, or constant on them
            apart.append(f"{names[0]} and {names[1]} are not compared: {error}")
            continue
        wholes = _wholes(parts, both)
        wholes[0] = _placed(wholes[0], parts, design)
        cautions += cautions_of(wholes, both, statistic, plan, family)
        macros.append((wholes[0], both.scorers, direct))
        strata += [(whole, both.scorers, direct) for whole in wholes[1:]]
    differences = difference_rows(statistic, macros, plan.n_flips(family))
    differences += difference_rows(statistic, strata, plan.n_flips(max(len(strata), 1)))
    for rows in (own, differences):
        rows.sort(key=lambda row: (row["task"] is not None, row["task"] or ""))
    if apart and not macros:
        raise MetaevalError(apart[0])
    said = [*_on_different_rows(own, plan), *apart[:3], *list(dict.fromkeys(cautions))[:3]]
    return Level(statistic.estimand, own, differences, [], details, said, plan.n_flips(family))


def _on_different_rows(own: list[Row], plan: Plan) -> list[str]:
    """A warning where values of scorers stand on different rows."""
    n_rows = {row["scorer"]: row["n_rows"] for row in own if row["task"] is None}
    if len(set(n_rows.values())) < 2:
        return []
    fewest, most = (f(n_rows, key=lambda name: n_rows[name]) for f in (min, max))
    compared = plan.verb == "compare"
    return [
        f"values stand on different rows ({fewest}: {n_rows[fewest]}, {most}: {n_rows[most]}) and "
        "do not rank scorers: "
        + ("order and ranks are from differences on common rows" if compared else "use compare")
    ]


def _among(both: Design, design: Design) -> Design:
    """The strata of two scorers with the units of all, so that comparisons share their draws."""
    whole = {stratum.name: stratum for stratum in design.strata}
    strata = [
        dataclasses.replace(s, units=whole[s.name].units, part=whole[s.name].part)
        for s in both.strata
    ]
    return dataclasses.replace(both, strata=tuple(strata))


def _placed(whole: Estimates, parts: list[Estimates], design: Design) -> Estimates:
    """The mean over strata, with zeros for units of strata that the two scorers do not share."""
    if design.by is None or whole.contributions is None:
        return whole
    found: dict[str | None, Floats] = {
        p.name: p.contributions for p in parts if p.contributions is not None
    }
    n_scorers = whole.contributions.shape[1]
    blocks = [
        found.get(s.name, np.zeros((len(s.units), n_scorers))) / len(parts) for s in design.strata
    ]
    shared = len(design.strata) > 1 and all(s.part == design.strata[0].part for s in design.strata)
    stacked = np.sum(blocks, axis=0) if shared else np.concatenate(blocks)
    return dataclasses.replace(whole, contributions=stacked, part=len(design.strata))


def _only(
    table: Table, names: list[str], options: Mapping[str, Any], statistic: Statistic
) -> Design:
    design = prepare(table, **{**options, "scorers": names, "missing": "common"})
    if statistic.estimand.grouping != "systems":
        return design
    complete, reason = system_level(design)
    if complete is None:
        raise MetaevalError(f"{reason} Use missing='common' or leave out {join_names(names)}.")
    return complete
