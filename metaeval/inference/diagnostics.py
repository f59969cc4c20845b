"""Warnings about what the numbers cannot show: one rule for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metaeval.core import ROUNDOFF, join_names
from metaeval.inference.confidence_intervals import effective_interval_kind
from metaeval.inference.design import Design
from metaeval.inference.estimates import Estimates
from metaeval.inference.hypothesis_tests import verdicts_of
from metaeval.inference.settings import FLIPS_PER_COMPARISON, ComparisonSettings, Settings
from metaeval.resampling import MAX_ENUMERATED
from metaeval.statistics import Statistic

_MIN_UNITS = 30  # in simulations, bootstrap intervals of fewer units undercover
_MIN_SYSTEMS = 10
_MAX_UNDEFINED = 0.01  # proportion of replicates


@dataclass(frozen=True, kw_only=True)
class Diagnosed:
    """What the rules look at; `estimates` are the overall ones, then those of strata."""

    estimates: Sequence[Estimates]
    design: Design
    statistic: Statistic
    settings: Settings
    n_pairs: int

    @property
    def by_size(self) -> list[Estimates]:
        """Estimates in ascending order of their numbers of units."""
        return sorted(self.estimates, key=lambda estimates: estimates.n_units)


def diagnose(subject: Diagnosed) -> list[str]:
    """Return the warnings of all rules."""
    return [message for rule in RULES for message in rule(subject)]


def family_size(estimates: Estimates, design: Design, n_comparisons: int) -> int:
    """Return how many comparisons are corrected together: overall, or in all strata."""
    return n_comparisons if estimates.name is None else n_comparisons * len(design.strata)


def _unattainable_p(subject: Diagnosed) -> list[str]:
    """No comparison of a family can become significant, however large the difference."""
    testing = subject.settings.testing
    if testing is None or testing.test != "sign-flip":
        return []
    for estimates in subject.by_size:
        size = family_size(estimates, subject.design, subject.n_pairs)
        if estimates.contributions is None or not size:
            continue
        n_units = len(estimates.contributions)
        smallest = _smallest_p(n_units, size, testing)
        enough_flips = testing.n_flips(size) >= FLIPS_PER_COMPARISON * size
        enough_flips |= testing.adjustment != "holm"
        if smallest > 1 - subject.settings.confidence + ROUNDOFF or not enough_flips:
            return [
                f"with {n_units} units and {size} comparisons the smallest attainable adjusted p "
                f"is {min(smallest, 1):.3g}: compare fewer scorers (scorers=, baseline=), or add "
                "items"
            ]
    return []


def _smallest_p(n_units: int, n_comparisons: int, testing: ComparisonSettings) -> float:
    factor = n_comparisons if testing.adjustment == "holm" else 1
    if n_units <= MAX_ENUMERATED:
        sides = 1 + (testing.alternative != "two-sided")
        return float(factor * 2.0 ** (1 - n_units) / sides)
    return factor / (1 + testing.n_flips(n_comparisons))


def _undefined_replicates(subject: Diagnosed) -> list[str]:
    undefined = max(float(np.isnan(e.draws).mean()) for e in subject.estimates)
    if not _MAX_UNDEFINED < undefined < 1:
        return []
    return [
        f"{subject.statistic.name} is undefined in {100 * undefined:.0f}% of the replicates, which "
        "its intervals ignore"
    ]


def _replaced_interval(subject: Diagnosed) -> list[str]:
    """The requested interval does not exist; the default one may be replaced without notice."""
    requested, overall = subject.settings.interval, subject.estimates[0]
    of_verdicts = verdicts_of(overall) is not None
    kind = effective_interval_kind(subject.statistic, overall, requested, of_verdicts)
    if kind == requested or requested == "bca":
        return []
    return [f"{subject.statistic.name} has no {requested!r} interval here; {kind!r} is used"]


def _few_systems(subject: Diagnosed) -> list[str]:
    counts = [e.n_systems for e in subject.estimates if e.n_systems is not None]
    if not counts or min(counts) >= _MIN_SYSTEMS:
        return []
    return [f"only {min(counts)} systems: conclusions may not generalize to new systems"]


def _few_units(subject: Diagnosed) -> list[str]:
    small = [e for e in subject.by_size if e.n_units < _MIN_UNITS]
    if not small:
        return []
    testing = subject.settings.testing
    flips = testing is None or (testing.test == "sign-flip" and small[0].contributions is not None)
    where = "" if small[0].name is None else f" in {small[0].name}"
    more = f" (and {len(small) - 1} more strata with few)" if len(small) > 1 else ""
    return [
        f"only {small[0].n_units} {subject.design.unit}s{where}{more}: bootstrap intervals "
        f"undercover below about {_MIN_UNITS}{'; prefer sign-flip p-values' if flips else ''}"
    ]


def _single_units(subject: Diagnosed) -> list[str]:
    names = [str(e.name) for e in subject.estimates if e.name is not None and e.n_units < 2]
    if not names:
        return []
    return [f"one unit in {join_names(names, 5)}: no interval there, nor for the macro average"]


def _too_many_items(subject: Diagnosed) -> list[str]:
    limit = subject.statistic.item_limit
    if limit is None or all(e.n_items <= limit for e in subject.estimates):
        return []
    return [
        f"{subject.statistic.name} has no interval and no test for more than {limit} items; use "
        "by='task', grouping='item' or fewer items"
    ]


Rule = Callable[[Diagnosed], list[str]]

RULES: tuple[Rule, ...] = (
    _unattainable_p,
    _undefined_replicates,
    _replaced_interval,
    _few_systems,
    _few_units,
    _single_units,
    _too_many_items,
)
