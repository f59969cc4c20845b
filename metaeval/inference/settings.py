"""Settings of the verbs: resampling, intervals and tests, checked once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

from metaeval.core import (
    MetaevalError,
    check_fraction,
    check_integer,
    check_not_negative,
    check_one_of,
)
from metaeval.resampling import (
    ALTERNATIVES,
    MAX_ENUMERATED,
    MAX_FLIPS,
    WEIGHTS,
    intervals,
    multiplicity,
)

PUBLISHED_TESTS = ("swap-cells", "swap-items", "swap-systems", "pair-swap", "williams")
TESTS = (
    "t",
    "sign-flip",
    *PUBLISHED_TESTS[:4],
    "mcnemar",
    "mcnemar-mid-p",
    "williams",
    "bootstrap",
)
WITHOUT_FLIPS = ("t", "bootstrap", "mcnemar", "mcnemar-mid-p", "williams")
CORRECTIONS = ("maxt", *multiplicity.ADJUST)
POSTERIOR = "posterior"  # kind of interval of results that come from posterior draws

# An adjusted p-value of 0.05 among m comparisons needs p near 0.05 / m: with 200 flips each, such
# a p-value is an average of 10 exceedances.
FLIPS_PER_COMPARISON = 200
MIN_RESAMPLES = 100  # a 95% bound then depends on the 2 or 3 most extreme replicates
# The relative standard error of a sequential p-value is about 1 / sqrt(number of exceedances).
MIN_EXCEEDANCES = 5
_WITHOUT_SHARED_DRAWS = ("pair-swap", "mcnemar", "mcnemar-mid-p", "williams")


class Resampling(NamedTuple):
    """Number of bootstrap replicates, their seed and weights (None: by the number of units)."""

    n: int = 10_000
    seed: int = 0
    weights: str | None = None


_DEFAULT = Resampling()


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings:
    """Settings of tests of differences; see `metaeval.compare`.

    `n_resamples` is the number of replicates of a bootstrap test and the least number of flips.
    """

    n_resamples: int
    seed: int
    test: str = "t"
    alternative: str = "two-sided"
    correction: str = "maxt"
    baseline: str | None = None
    equivalence_margin: float | None = None
    stop_after_exceedances: int | None = None
    max_enumerated: int = MAX_ENUMERATED

    def __post_init__(self) -> None:
        """Refuse unknown names and values out of range."""
        check_one_of("test", self.test, TESTS)
        check_one_of("alternative", self.alternative, ALTERNATIVES)
        check_one_of("correction", self.correction, CORRECTIONS)
        if self.equivalence_margin is not None:
            check_not_negative("equivalence_margin", self.equivalence_margin)
        if self.stop_after_exceedances is not None:
            check_integer("stop_after_exceedances", self.stop_after_exceedances, MIN_EXCEEDANCES)
            if self.test not in ("t", "sign-flip"):
                raise MetaevalError(
                    "stop_after_exceedances applies to test='sign-flip' only; omit one of the two."
                )

    @property
    def adjustment(self) -> str:
        """The applied correction: Holm's method if max-T has no shared draws."""
        no_shared_draws = (
            self.test in _WITHOUT_SHARED_DRAWS or self.stop_after_exceedances is not None
        )
        return "holm" if self.correction == "maxt" and no_shared_draws else self.correction

    def n_flips(self, n_comparisons: int) -> int:
        """Return the number of random flips for a family of comparisons."""
        return min(max(self.n_resamples, FLIPS_PER_COMPARISON * n_comparisons), MAX_FLIPS)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of resampling, intervals and tests.

    `testing` is None if scorers are not compared; `uses_draws` is False if no random numbers are
    used.
    """

    resampling: Resampling = _DEFAULT
    confidence: float = 0.95
    interval: str | None = None  # None: by kind of value, see `scorer_intervals`
    testing: ComparisonSettings | None = None
    keep_draws: bool = False
    uses_draws: bool = True

    def __post_init__(self) -> None:
        """Refuse unknown names and values out of range."""
        check_fraction("confidence", self.confidence)
        check_one_of("interval", self.interval, (None, *intervals.BY_NAME, POSTERIOR))
        check_integer("n_resamples", self.resampling.n, MIN_RESAMPLES)
        check_integer("seed", self.resampling.seed, 0)
        if self.resampling.weights is not None:
            check_one_of("weights", self.resampling.weights, WEIGHTS)

    def pairs(self, names: list[str]) -> list[tuple[int, int]]:
        """Return positions of the scorers to compare; none if `testing` is None."""
        return [] if self.testing is None else pairs_of_scorers(names, self.testing.baseline)


def pairs_of_scorers(names: list[str], baseline: str | None) -> list[tuple[int, int]]:
    """Return positions of the scorers to compare: each with the baseline, or all pairs."""
    if baseline is None:
        return list(itertools.combinations(range(len(names)), 2))
    base = names.index(baseline)
    return [(m, base) for m in range(len(names)) if m != base]
