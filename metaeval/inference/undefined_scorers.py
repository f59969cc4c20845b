"""Analysis without scorers for which the statistic is undefined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from metaeval.core import UndefinedError, join_names
from metaeval.inference.analysis import Analysis
from metaeval.inference.design import Design
from metaeval.inference.estimation import estimate_strata
from metaeval.inference.settings import Resampling
from metaeval.inference.system_level import at_system_level
from metaeval.results import Row
from metaeval.statistics import Statistic

_CONSTANT = "constant"
_PROBE = Resampling(2, 0)  # replicates and seed: only the existence of a value matters


def without_undefined(
    design: Design, statistic: Statistic, analyze: Callable[[Design], Analysis]
) -> Analysis:
    """Return the analysis of the scorers that have a value, with blank rows for the others.

    Scorers are tried one by one only if the joint analysis fails. Its error is raised if none of
    them has a value, or if each of them has one.
    """
    try:
        return analyze(design)
    except UndefinedError:
        undefined = {
            name: reason
            for name in design.scorers
            if (reason := _failure(design.restricted_to([name]), statistic))
        }
        others = [name for name in design.scorers if name not in undefined]
        if not undefined or not others:
            raise
    analysis = analyze(design.restricted_to(others))
    blank = [np.full((len(draws), len(undefined)), np.nan) for draws in analysis.draws[:1]]
    return replace(
        analysis,
        scorers=[*analysis.scorers, *(_blank_row(statistic, name) for name in undefined)],
        draws=[*analysis.draws, *blank],
        warnings=[_undefined_warning(statistic, undefined), *analysis.warnings],
    )


def _failure(design: Design, statistic: Statistic) -> str:
    """Why the one scorer of a design has no value; empty if it has one."""
    try:
        if statistic.estimand.grouping == "systems":
            design = at_system_level(design)[0] or design
        estimate_strata(design, statistic, _PROBE)
    except UndefinedError as error:
        values = design.table.scores.to_numpy()
        return _CONSTANT if np.nanmin(values) == np.nanmax(values) else str(error)
    return ""


def _blank_row(statistic: Statistic, name: str) -> Row:
    return Row(
        statistic=statistic.name,
        scorer=name,
        n_items=0,
        n_clusters=0,
        n_rows=0,
        n_dropped=0,
        status=statistic.estimand.status,
    )


def _undefined_warning(statistic: Statistic, undefined: Mapping[str, str]) -> str:
    constant = [name for name, reason in undefined.items() if reason == _CONSTANT]
    names = join_names(undefined, 5)
    if constant:
        names += f" (constant scores: {join_names(constant, 5)})"
    return f"{statistic.name} is undefined for {names}: excluded from the analysis"
