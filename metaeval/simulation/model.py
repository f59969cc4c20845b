"""The model that tables are simulated from: scorers, raters and responses of known quality."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from metaeval.core import MetaevalError, check_not_negative, check_whole, listed

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Signs = npt.NDArray[np.int8]

# The world that is simulated, in units of latent quality.
ITEM_SD = 1.0  # items differ in how good all answers to them are; gone within an item
SYSTEM_SD = 0.5  # spread of the fixed effects of systems
INTERACTION_SD = 0.6  # a system does better on one item than on another
DIFFICULTY = 0.4  # the log of a scorer's noise grows by this per SD of how hard an item is
CLUSTER_SHARE = 0.5  # share of what varies by item that the items of a cluster have in common
LABEL_REACH = 2.5  # ratings are cut off this many SDs from the middle of their scale


def _check_distinct(what: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not names or repeated:
        problem = f"several are called {listed(repeated)}" if names else "there are none"
        raise MetaevalError(f"Give at least one of {what}=, each its own name; {problem}.")


def check_between(name: str, value: Any, low: float, high: float) -> None:
    """Raise unless an argument is a number from `low` to `high`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise MetaevalError(f"{name}={value!r} must be a number from {low:g} to {high:g}.")


@dataclass(frozen=True)
class SimulatedScorer:
    """A scorer that sees the quality of a response through noise.

    Its score is `center + slope * (quality + noise * hardness * z + length_bias * length)`, then
    rounded to a multiple of `grid` and cut off at `low` and `high`; z and length are standard
    normal, and hardness is above 1 on hard items.

    Parameters
    ----------
    name : str
        Its name in the table.
    noise : float
        Standard deviation of its error; the quality of one item's responses varies by about 0.8.
    slope : float, default 1
        How fast scores grow with quality: how sure a margin claims to be. 0 is a constant scorer.
    center : float, default 0
        The score of a middling response.
    grid : float, default 0
        Scores are multiples of this, so that many are tied; 0 leaves them as they are.
    length_bias : float, default 0
        How much it likes length for its own sake.
    low, high : float
        The ends of its scale; multiples of `grid`.
    noise_by_task : tuple of float
        Factors of the noise in the first, second, ... task; 1 where it is too short.

    Examples
    --------
    >>> from metaeval import simulate
    >>> table, truth = simulate(n_items=10, scorers=[SimulatedScorer("votes", noise=1, grid=0.5)])
    >>> table.scorers
    ['votes']
    """

    name: str
    noise: float
    slope: float = 1.0
    center: float = 0.0
    grid: float = 0.0
    length_bias: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    noise_by_task: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check that the numbers describe a scorer."""
        object.__setattr__(self, "noise_by_task", tuple(self.noise_by_task))
        for field in ("noise", "grid"):
            check_not_negative(field, getattr(self, field))
        for factor in self.noise_by_task:
            check_not_negative("noise_by_task", factor)
        for field in ("slope", "center", "length_bias"):
            check_between(field, getattr(self, field), -1e9, 1e9)
        if not self.low < self.high:
            raise MetaevalError(f"low={self.low!r} must be below high={self.high!r}.")
        ends = [end / self.grid for end in (self.low, self.high) if self.grid and abs(end) < 1e9]
        if any(abs(end - round(end)) > 1e-9 for end in ends):
            raise MetaevalError(f"low and high must be multiples of grid={self.grid!r}.")

    def noise_in(self, tasks: Codes) -> Floats:
        """Return the noise in each of some tasks, given by their positions."""
        factors = np.ones(max(int(tasks.max()) + 1, len(self.noise_by_task)))
        factors[: len(self.noise_by_task)] = self.noise_by_task
        return self.noise * factors[tasks]


DEFAULT_SCORERS = (
    SimulatedScorer("judge", 0.7, 0.7, 3, grid=1, low=1, high=5, noise_by_task=(1, 1.5)),
    SimulatedScorer("length_biased", 0.7, 2.5, length_bias=0.9),
    SimulatedScorer("lexical", 1.5, 8, 50, low=0, high=100, noise_by_task=(1, 0.8)),
    SimulatedScorer("reward", 0.7, 1.5),
    SimulatedScorer("reward_v2", 0.72, 1.5),
)


@dataclass(frozen=True)
class Design:
    """What the truth depends on: neither the seed, nor sizes, clusters or missing cells."""

    n_systems: int
    scorers: tuple[SimulatedScorer, ...]
    tasks: tuple[str, ...]
    raters: int
    tie_rate: float
    length_confound: float
    rater_noise: float

    def __post_init__(self) -> None:
        """Check the arguments that `simulate` hands on."""
        check_whole("n_systems", self.n_systems, 2)
        check_whole("raters", self.raters, 1)
        _check_distinct("scorers", [scorer.name for scorer in self.scorers])
        _check_distinct("tasks", list(self.tasks))
        if {"pooled", "macro"} & set(self.tasks):
            raise MetaevalError("No task may be called 'pooled' or 'macro'; rename it.")
        check_between("tie_rate", self.tie_rate, 0, 0.6)
        check_between("length_confound", self.length_confound, -1, 1)
        check_not_negative("rater_noise", self.rater_noise)


# The model.
class Draw(NamedTuple):
    """What is simulated of some items."""

    labels: Floats  # (rater, item, system)
    scores: Floats  # (scorer, item, system)
    length: Floats  # (item, system)


def draw_responses(
    design: Design,
    tasks: Codes,
    clusters: Codes | None,
    streams: Sequence[np.random.SeedSequence],
) -> Draw:
    """Simulate items of given tasks (item,) and clusters; responses, raters, scorers by stream."""
    rng, rater_rng, scorer_rng = (np.random.default_rng(stream) for stream in streams)
    shape = (len(tasks), design.n_systems)
    effects = _system_effects(design.n_systems)
    hardness = _normal(rng, clusters, (len(tasks), 1))
    within = effects + INTERACTION_SD * _normal(rng, clusters, shape)
    quality = within - ITEM_SD * hardness  # (item, system)
    confound = design.length_confound
    spread = math.sqrt(float(np.mean(effects**2)) + INTERACTION_SD**2)
    length = confound * within / spread + math.sqrt(1 - confound**2) * rng.standard_normal(shape)
    scores = np.empty((len(design.scorers), *shape))
    for row, scorer in zip(scores, design.scorers, strict=True):
        noise = np.exp(DIFFICULTY * hardness) * scorer.noise_in(tasks)[:, None]
        error = noise * _normal(scorer_rng, clusters, shape)
        row[:] = _on_scale(scorer, quality + error + scorer.length_bias * length)
    heard = quality + design.rater_noise * rater_rng.standard_normal((design.raters, *shape))
    return Draw(_ratings(design, heard), scores, length)


@lru_cache
def _system_effects(n_systems: int) -> Floats:
    """Evenly spaced normal quantiles, shuffled so that names tell nothing about quality."""
    normal = NormalDist(0, SYSTEM_SD)
    quantiles = [normal.inv_cdf((k + 0.5) / n_systems) for k in range(n_systems)]
    return np.random.default_rng(n_systems).permutation(quantiles)


def _normal(rng: np.random.Generator, clusters: Codes | None, shape: tuple[int, int]) -> Floats:
    """Draw standard normal numbers (item, ...), dependent within clusters (item,) if any."""
    own = rng.standard_normal(shape)
    if clusters is None:
        return own
    common = rng.standard_normal((int(clusters.max()) + 1, shape[1]))[clusters]
    return math.sqrt(CLUSTER_SHARE) * common + math.sqrt(1 - CLUSTER_SHARE) * own


def _on_scale(scorer: SimulatedScorer, seen: Floats) -> Floats:
    scores = scorer.center + scorer.slope * seen
    if scorer.grid:
        scores = np.round(scores / scorer.grid) * scorer.grid
    return np.clip(scores, scorer.low, scorer.high)


def _ratings(design: Design, heard: Floats) -> Floats:
    """Ratings 1, 2, ... of what raters notice, or that itself where ties were not asked for."""
    if not design.tie_rate:
        return heard
    step = _rating_step(design.n_systems, design.rater_noise, design.tie_rate)
    sd = math.hypot(ITEM_SD, SYSTEM_SD, INTERACTION_SD, design.rater_noise)
    reach = max(1, math.ceil(LABEL_REACH * sd / step - 0.5))
    return np.clip(np.round(heard / step), -reach, reach) + reach + 1


@lru_cache
def _rating_step(n_systems: int, rater_noise: float, tie_rate: float) -> float:
    """Find how far apart ratings are if a rater ties the share of pairs asked for: bisection."""
    sd = math.sqrt(2) * math.hypot(INTERACTION_SD, rater_noise)
    gaps = [a - b for a, b in combinations(_system_effects(n_systems).tolist(), 2)]
    low, high = 1e-9, 50.0
    for _ in range(50):
        step = math.sqrt(low * high)
        tied = sum(_tie_probability(gap, sd, step) for gap in gaps) / len(gaps)
        low, high = (step, high) if tied < tie_rate else (low, step)
    return step


def _tie_probability(gap: float, sd: float, step: float) -> float:
    """Chance that two numbers, normal(gap, sd) apart, are rounded alike.

    It is E max(0, 1 - |distance| / step), as items spread their place on the grid evenly. This
    triangle is a second difference of absolute values, whose means are known.
    """

    def size(mean: float) -> float:
        z = mean / sd
        return sd * math.sqrt(2 / math.pi) * math.exp(-z * z / 2) + mean * math.erf(
            z / math.sqrt(2)
        )

    return (size(gap + step) - 2 * size(gap) + size(gap - step)) / (2 * step)
