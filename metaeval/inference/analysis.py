"""The analysis of one statistic: estimates, intervals, tests and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metaeval.core import Floats
from metaeval.inference.comparisons import Comparisons, compare_pairs
from metaeval.inference.confidence_intervals import difference_intervals, scorer_intervals
from metaeval.inference.design import Design
from metaeval.inference.diagnostics import DiagnosticInput, diagnose
from metaeval.inference.estimates import Estimates
from metaeval.inference.estimation import estimate
from metaeval.inference.hypothesis_tests import (
    adjusted_jointly,
    requested_test,
    test_family,
)
from metaeval.inference.rows import adjusted_rows, comparison_rows, scorer_rows
from metaeval.inference.settings import WITHOUT_FLIPS, Settings
from metaeval.inference.system_level import at_system_level
from metaeval.results import LEVELS, Detail, Row
from metaeval.statistics import Estimand, Statistic


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Rows of one statistic, with its draws, details and warnings.

    `supplementary` marks a statistic that was not requested: system accuracy in addition to the
    item level.
    """

    estimand: Estimand
    scorers: Sequence[Row] = ()
    differences: Sequence[Row] = ()
    draws: Sequence[Floats] = ()
    details: Sequence[Detail] = ()
    warnings: Sequence[str] = ()
    n_flips: int = 0
    supplementary: bool = False


def analyze(design: Design, statistic: Statistic, settings: Settings) -> Analysis:
    """Return the analysis of one statistic on the rows common to all scorers."""
    if statistic.estimand.grouping == "systems":
        design = at_system_level(design)[0] or design
    estimates = estimate(design, statistic, settings.resampling)
    pairs = settings.pairs(design.scorers)
    families = [
        [compare_pairs(statistic, part, pairs) for part in parts if pairs]
        for parts in (estimates[:1], estimates[1:])
    ]
    n_comparisons = [len(pairs), len(pairs) * len(estimates[1:])]
    diagnostic_input = DiagnosticInput(
        estimates=estimates,
        design=design,
        statistic=statistic,
        settings=settings,
        n_pairs=len(pairs),
    )
    return Analysis(
        estimand=statistic.estimand,
        scorers=rows_of_scorers(statistic, estimates, settings),
        differences=[
            row
            for family, n in zip(families, n_comparisons, strict=True)
            for row in rows_of_family(statistic, family, settings, n)
        ],
        draws=[part.draws for part in estimates],
        details=[detail for part in estimates for detail in extra_details(statistic, part)],
        warnings=diagnose(diagnostic_input),
        n_flips=n_flips(settings, max(n_comparisons)),
    )


def rows_of_scorers(
    statistic: Statistic, estimates: Sequence[Estimates], settings: Settings
) -> list[Row]:
    """Return the rows of scorers in each stratum, with intervals."""
    return [
        row
        for part in estimates
        for row in scorer_rows(statistic, part, scorer_intervals(statistic, part, settings))
    ]


def rows_of_family(
    statistic: Statistic, family: Sequence[Comparisons], settings: Settings, n_comparisons: int
) -> list[Row]:
    """Return the rows of differences in one family, which are tested and corrected jointly."""
    testing = settings.testing
    if testing is None or not family:
        return []
    p_values = test_family(statistic, family, testing, testing.n_flips(n_comparisons))
    p_values, z = adjusted_jointly(family, p_values, testing, settings.confidence)
    rows = [
        row
        for comparisons, p in zip(family, p_values, strict=True)
        for row in comparison_rows(
            statistic,
            comparisons,
            difference_intervals(statistic, comparisons, settings, z),
            p,
            testing,
        )
    ]
    return adjusted_rows(rows, testing.adjustment)


def n_flips(settings: Settings, n_comparisons: int) -> int:
    """Return the number of random flips for a family; 0 for tests without them."""
    testing = settings.testing
    without = testing is None or requested_test(testing) in WITHOUT_FLIPS
    return 0 if testing is None or without else testing.n_flips(n_comparisons)


def extra_details(statistic: Statistic, estimates: Estimates) -> list[Detail]:
    """Return further values of each scorer, such as its threshold and accuracy without tuning."""
    names = [name for name in estimates.levels if name not in LEVELS]
    if not names:
        return []
    return [
        {"statistic": statistic.name, "task": estimates.name, "scorer": scorer}
        | {name: float(estimates.levels[name][m]) for name in names}
        for m, scorer in enumerate(estimates.scorers)
    ]
