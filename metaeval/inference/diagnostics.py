"""Warnings about limitations of the results, one rule for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metaeval.core import ROUNDOFF, Codes, join_names
from metaeval.inference.confidence_intervals import effective_interval_kind
from metaeval.inference.design import Design
from metaeval.inference.estimates import Estimates
from metaeval.inference.hypothesis_tests import item_verdicts, requested_test, smallest_p
from metaeval.inference.settings import FLIPS_PER_COMPARISON, ComparisonSettings, Settings
from metaeval.inference.skewness import skewness_of_differences, too_skewed
from metaeval.resampling import MAX_ENUMERATED
from metaeval.statistics import Statistic

_MIN_UNITS = 10  # with fewer, skewness cannot be recognized
_MIN_SYSTEMS = 10  # with fewer, the variance between systems is poorly estimated
_MAX_UNDEFINED = 0.01  # proportion of replicates; fewer hardly move the bounds of intervals


@dataclass(frozen=True, kw_only=True)
class DiagnosticInput:
    """Input of the rules; `estimates` are the overall ones, followed by those of strata."""

    estimates: Sequence[Estimates]
    design: Design
    statistic: Statistic
    settings: Settings
    n_pairs: int

    @property
    def by_size(self) -> list[Estimates]:
        """Estimates in ascending order of their numbers of units."""
        return sorted(self.estimates, key=lambda estimates: estimates.n_units)


def diagnose(inputs: DiagnosticInput) -> list[str]:
    """Return the warnings of all rules."""
    return [message for rule in RULES for message in rule(inputs)]


def family_size(estimates: Estimates, design: Design, n_comparisons: int) -> int:
    """Return the number of comparisons that are corrected jointly: overall, or in all strata."""
    return n_comparisons if estimates.name is None else n_comparisons * len(design.strata)


def _unattainable_p(inputs: DiagnosticInput) -> list[str]:
    """Warn if no comparison of a family can be significant, however large the difference."""
    testing = inputs.settings.testing
    if testing is None or requested_test(testing) not in ("t", "bootstrap", "sign-flip"):
        return []
    for estimates in inputs.by_size:
        size = family_size(estimates, inputs.design, inputs.n_pairs)
        if not size:
            continue
        n_units, flips = estimates.n_units, requested_test(testing) == "sign-flip"
        flips &= estimates.contributions is not None
        two_sided = testing.alternative == "two-sided"
        smallest = smallest_p(n_units, two_sided)
        smallest *= size if testing.adjustment == "holm" else 1
        if flips:
            smallest = _smallest_p(n_units, size, testing)
        enough_flips = testing.n_flips(size) >= FLIPS_PER_COMPARISON * size
        enough_flips |= testing.adjustment != "holm" or not flips
        if smallest > 1 - inputs.settings.confidence + ROUNDOFF or not enough_flips:
            return [
                f"with {n_units} units and {size} comparisons, the smallest attainable adjusted p "
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


def _undefined_replicates(inputs: DiagnosticInput) -> list[str]:
    undefined = max(float(np.isnan(e.draws).mean()) for e in inputs.estimates)
    if not _MAX_UNDEFINED < undefined < 1:
        return []
    return [
        f"{inputs.statistic.name} is undefined in {100 * undefined:.0f}% of the replicates, which "
        "are omitted from its intervals"
    ]


def _replaced_interval(inputs: DiagnosticInput) -> list[str]:
    """Warn if the requested interval is not available, unless it is the default."""
    requested, overall = inputs.settings.interval, inputs.estimates[0]
    of_verdicts = item_verdicts(overall) is not None
    kind = effective_interval_kind(inputs.statistic, overall, requested, of_verdicts)
    if requested is None or kind == requested:
        return []
    return [
        f"interval={requested!r} is not available for {inputs.statistic.name} here; {kind!r} is "
        "used instead"
    ]


def _few_systems(inputs: DiagnosticInput) -> list[str]:
    counts = [e.n_systems for e in inputs.estimates if e.n_systems is not None]
    if not counts or min(counts) >= _MIN_SYSTEMS:
        return []
    return [f"only {min(counts)} systems: conclusions may not generalize to new systems"]


def _few_units(inputs: DiagnosticInput) -> list[str]:
    small = [e for e in inputs.by_size if e.n_units < _MIN_UNITS]
    if not small:
        return []
    where = "" if small[0].name is None else f" in {small[0].name}"
    n_others = len(small) - 1
    strata = "stratum" if n_others == 1 else "strata"
    others = f" (and too few in {n_others} other {strata})" if n_others else ""
    return [
        f"only {small[0].n_units} {inputs.design.unit}s{where}{others}: intervals and p-values are "
        f"inaccurate with fewer than about {_MIN_UNITS}"
    ]


def _skewed_differences(inputs: DiagnosticInput) -> list[str]:
    """Warn if differences depend on few units, as when few differ and most in one direction."""
    first, second = _pairs(inputs)
    large = [e for e in inputs.estimates if e.n_units >= _MIN_UNITS]
    if not len(first) or not large:
        return []
    skewness = [np.abs(skewness_of_differences(e.influence, first, second)) for e in large]
    excess = np.array([s / np.sqrt(e.n_units) for e, s in zip(large, skewness, strict=True)])
    count = sum(int(too_skewed(e, s).sum()) for e, s in zip(large, skewness, strict=True))
    if not count:
        return []
    i, k = np.unravel_index(excess.argmax(), excess.shape)
    names = " and ".join(inputs.design.scorers[m] for m in (first[k], second[k]))
    where = "" if large[i].name is None else f" in {large[i].name}"
    unit = inputs.design.unit
    return [
        f"{count} of {excess.size} differences {'has' if count == 1 else 'have'} a skewed "
        f"distribution over {unit}s ({names}{where}: skewness {skewness[i][k]:.1f}, "
        f"{large[i].n_units} {unit}s): intervals and p-values are inaccurate"
    ]


def _constant_differences(inputs: DiagnosticInput) -> list[str]:
    """Warn if no unit distinguishes two scorers."""
    overall, (first, second) = inputs.estimates[0], _pairs(inputs)
    if overall.contributions is None:
        return []
    alike = [
        (a, b)
        for a, b in zip(first, second, strict=True)
        if abs(overall.estimate[a] - overall.estimate[b]) <= ROUNDOFF
        and np.abs(overall.contributions[:, a] - overall.contributions[:, b]).max() <= ROUNDOFF
    ]
    if not alike:
        return []
    names = " and ".join(overall.scorers[m] for m in alike[0])
    others = f" (and {len(alike) - 1} other pairs)" if len(alike) > 1 else ""
    return [
        f"{names}{others} do not differ on any {inputs.design.unit}: their interval of zero width "
        "is not evidence that they are equally good"
    ]


def _pairs(inputs: DiagnosticInput) -> tuple[Codes, Codes]:
    """Positions of the compared scorers: two (pair,)."""
    pairs = np.array(inputs.settings.pairs(inputs.design.scorers), dtype=int).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _single_units(inputs: DiagnosticInput) -> list[str]:
    names = [str(e.name) for e in inputs.estimates if e.name is not None and e.n_units < 2]
    if not names:
        return []
    return [
        f"only one resampling unit in {join_names(names, 5)}: no interval there or for the macro "
        "average"
    ]


def _too_many_items(inputs: DiagnosticInput) -> list[str]:
    limit = inputs.statistic.item_limit
    if limit is None or all(e.n_items <= limit for e in inputs.estimates):
        return []
    return [
        f"intervals and tests of {inputs.statistic.name} are limited to {limit} items; use "
        "by='task', grouping='item' or fewer items"
    ]


Rule = Callable[[DiagnosticInput], list[str]]

RULES: tuple[Rule, ...] = (
    _unattainable_p,
    _undefined_replicates,
    _replaced_interval,
    _few_systems,
    _few_units,
    _skewed_differences,
    _constant_differences,
    _single_units,
    _too_many_items,
)
