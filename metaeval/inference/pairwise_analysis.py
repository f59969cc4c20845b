"""The analysis of one statistic on different rows: those scored by each scorer, or pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from metaeval.core import Floats, MetaevalError, join_names
from metaeval.inference.analysis import (
    Analysis,
    extra_details,
    n_flips,
    rows_of_family,
    rows_of_scorers,
)
from metaeval.inference.comparisons import Comparisons, compare_pairs
from metaeval.inference.design import Design
from metaeval.inference.diagnostics import DiagnosticInput, diagnose
from metaeval.inference.estimates import Estimates
from metaeval.inference.estimation import estimate
from metaeval.inference.settings import Settings, pairs_of_scorers
from metaeval.inference.system_level import at_system_level
from metaeval.results import Row
from metaeval.statistics import Statistic

_MAX_MESSAGES = 3  # of a kind: more repeat the same cause for other pairs


def analyze_pairwise(design: Design, statistic: Statistic, settings: Settings) -> Analysis:
    """Return values on the rows of each scorer, and differences on the rows common to both."""
    if statistic.estimand.grouping == "systems":
        design = at_system_level(design)[0] or design
    designs = [_common_design(design, statistic, [name]) for name in design.scorers]
    estimates = [estimate(d, statistic, settings.resampling) for d in designs]
    scorers = [row for parts in estimates for row in rows_of_scorers(statistic, parts, settings)]
    families, warnings, failures = _families(design, statistic, settings)
    pairs = settings.pairs(design.scorers)
    if failures and not families[0]:
        raise MetaevalError(failures[0])
    n_comparisons = (len(pairs), max(len(families[1]), 1))
    differences = [
        row
        for family, n in zip(families, n_comparisons, strict=True)
        for row in rows_of_family(statistic, family, settings, n)
    ]
    warnings = [line for d in designs for line in _absent_strata(d, design)] + warnings
    return Analysis(
        estimand=statistic.estimand,
        scorers=sorted(scorers, key=_overall_first),
        differences=sorted(differences, key=_overall_first),
        details=[d for parts in estimates for e in parts for d in extra_details(statistic, e)],
        warnings=[
            *_different_rows(scorers, settings),
            *failures[:_MAX_MESSAGES],
            *list(dict.fromkeys(warnings))[:_MAX_MESSAGES],
        ],
        n_flips=n_flips(settings, len(pairs)),
    )


Families = tuple[list[Comparisons], list[Comparisons]]
"""Overall comparisons, and those in strata."""


def _families(
    design: Design, statistic: Statistic, settings: Settings
) -> tuple[Families, list[str], list[str]]:
    """Comparisons of each pair on common rows, warnings, and reasons for pairs without one."""
    families: Families = ([], [])
    warnings, failures = [], []
    pairs = settings.pairs(design.scorers)
    for first, second in pairs:
        names = [design.scorers[first], design.scorers[second]]
        try:
            common = _with_units_of(_common_design(design, statistic, names), design)
            estimates = estimate(common, statistic, settings.resampling)
        except MetaevalError as error:  # no rows in common, or constant on them
            failures.append(f"{names[0]} and {names[1]} are not compared: {error}")
            continue
        estimates[0] = _over_all_strata(estimates, design)
        diagnostic_input = DiagnosticInput(
            estimates=estimates,
            design=common,
            statistic=statistic,
            settings=settings,
            n_pairs=len(pairs),
        )
        warnings += diagnose(diagnostic_input)
        position = pairs_of_scorers(common.scorers, names[1])
        compared = [compare_pairs(statistic, part, position) for part in estimates]
        families[0].append(compared[0])
        families[1].extend(compared[1:])
    return families, warnings, failures


def _common_design(design: Design, statistic: Statistic, names: list[str]) -> Design:
    """The design restricted to rows common to the given scorers."""
    common = design.restricted_to(names, missing="common")
    if statistic.estimand.grouping != "systems":
        return common
    complete, reason = at_system_level(common)
    if complete is None:
        raise MetaevalError(f"{reason} Use missing='common', or exclude {join_names(names)}.")
    return complete


def _with_units_of(common: Design, design: Design) -> Design:
    """The design with the units of all scorers, so that comparisons share their draws."""
    strata = {stratum.name: stratum for stratum in design.strata}
    return replace(
        common,
        strata=tuple(
            replace(s, units=strata[s.name].units, stream=strata[s.name].stream)
            for s in common.strata
        ),
    )


def _over_all_strata(estimates: Sequence[Estimates], design: Design) -> Estimates:
    """The overall estimate, with zero contributions in strata without common rows."""
    overall, strata = estimates[0], estimates[1:]
    if design.by is None or overall.contributions is None:
        return overall
    contributions: dict[str | None, Floats] = {
        s.name: s.contributions for s in strata if s.contributions is not None
    }
    n_scorers = overall.contributions.shape[1]
    blocks = [
        contributions.get(s.name, np.zeros((len(s.units), n_scorers))) / len(strata)
        for s in design.strata
    ]
    shared = len(design.strata) > 1 and len({s.stream for s in design.strata}) == 1
    stacked = np.sum(blocks, axis=0) if shared else np.concatenate(blocks)
    return replace(overall, contributions=stacked, stream=len(design.strata))


def _absent_strata(scorer_design: Design, design: Design) -> list[str]:
    """A warning where a scorer has no scores in some strata."""
    if len(scorer_design.strata) == len(design.strata):
        return []
    return [
        f"{scorer_design.scorers[0]} is scored in only {len(scorer_design.strata)} of "
        f"{len(design.strata)} strata; its macro average is not comparable with the others"
    ]


def _different_rows(rows: Sequence[Row], settings: Settings) -> list[str]:
    """A warning where the values of scorers are from different rows."""
    n_rows = {row.scorer: row.n_rows for row in rows if row.task is None}
    if len(set(n_rows.values())) < 2:
        return []
    smallest, largest = (f(n_rows, key=lambda name: n_rows[name]) for f in (min, max))
    advice = "use compare"
    if settings.testing is not None:
        advice = "the order and the ranks are based on differences on common rows"
    return [
        f"values are computed on different rows ({smallest}: {n_rows[smallest]}, {largest}: "
        f"{n_rows[largest]}) and cannot be used to rank the scorers: {advice}"
    ]


def _overall_first(row: Row) -> tuple[bool, str]:
    return row.task is not None, row.task or ""
