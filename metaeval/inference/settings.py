"""The arguments of a verb, checked once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from metaeval.core import (
    MetaevalError,
    check_fraction,
    check_integer,
    check_not_negative,
    check_one_of,
)
from metaeval.inference.estimation import Resamples
from metaeval.resampling import (
    ALTERNATIVES,
    MAX_ENUMERATED,
    MAX_FLIPS,
    WEIGHTS,
    intervals,
    multiplicity,
)

TESTS = (
    *("sign-flip", "swap-cells", "swap-items", "swap-systems", "pair-swap"),
    *("mcnemar", "mcnemar-mid-p", "williams", "bootstrap"),
)
CORRECTIONS = ("maxt", *multiplicity.ADJUST)
FLIPS_PER_COMPARISON = 200

REPLICAS = ("swap-cells", "swap-items", "swap-systems", "pair-swap", "williams")
POSTERIOR = "posterior"  # of a model: its verb starts so, and so are its intervals called
_NO_SHARED_DRAWS = ("pair-swap", "mcnemar", "mcnemar-mid-p", "williams")


@dataclass(frozen=True)
class Plan:
    """Arguments of a verb, checked."""

    verb: str
    confidence: float = 0.95
    interval: str = "bca"
    n_resamples: int = 10_000
    seed: int = 0
    weights: str | None = None
    test: str = "sign-flip"
    alternative: str = "two-sided"
    correction: str = "maxt"
    baseline: str | None = None
    margin: float | None = None
    stop_after_exceedances: int | None = None
    keep_draws: bool = False
    most_enumerated: int = MAX_ENUMERATED
    drawn: bool = True  # whether anything is

    def __post_init__(self) -> None:
        """Refuse what is not usable."""
        check_fraction("confidence", self.confidence)
        of_model = self.verb.startswith(POSTERIOR)
        check_one_of(
            "interval", self.interval, (POSTERIOR,) if of_model else tuple(intervals.BY_NAME)
        )
        check_integer("n_resamples", self.n_resamples, 100)
        check_integer("seed", self.seed, 0)
        check_one_of("test", self.test, TESTS)
        check_one_of("alternative", self.alternative, ALTERNATIVES)
        check_one_of("correction", self.correction, CORRECTIONS)
        if self.weights is not None:
            check_one_of("weights", self.weights, WEIGHTS)
        if self.margin is not None:
            check_not_negative("margin", self.margin)
        if self.stop_after_exceedances is not None:
            check_integer("stop_after_exceedances", self.stop_after_exceedances, 5)
            if self.test != "sign-flip":
                raise MetaevalError(
                    "stop_after_exceedances is for test='sign-flip'; leave one of them out."
                )

    @property
    def resamples(self) -> Resamples:
        """Replicates of the bootstrap."""
        return Resamples(self.n_resamples, self.seed, self.weights)

    @property
    def adjustment(self) -> str:
        """The correction that is used: max-T needs draws that comparisons share, else Holm's."""
        apart = self.test in _NO_SHARED_DRAWS or self.stop_after_exceedances is not None
        return "holm" if self.correction == "maxt" and apart else self.correction

    def pairs(self, names: list[str]) -> list[tuple[int, int]]:
        """Which scorers are compared: with the baseline, or each with each."""
        if self.verb != "compare":
            return []
        if self.baseline is not None:
            base = names.index(self.baseline)
            return [(m, base) for m in range(len(names)) if m != base]
        return list(itertools.combinations(range(len(names)), 2))

    def n_flips(self, family: int) -> int:
        """Random flips for a family of so many comparisons."""
        return min(max(self.n_resamples, FLIPS_PER_COMPARISON * family), MAX_FLIPS)
