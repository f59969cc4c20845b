"""The data-generating model: scorers, raters and responses of known quality."""

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

from metaeval.core import MetaevalError, check_integer, check_not_negative, join_names

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Signs = npt.NDArray[np.int8]

# Parameters of the population, in units of latent quality.
ITEM_SD = 1.0  # of item difficulty, which cancels in comparisons within an item
SYSTEM_SD = 0.5  # of the fixed effects of systems
INTERACTION_SD = 0.6  # of the interaction of systems and items
DIFFICULTY = 0.4  # increase of the log noise of a scorer per SD of item difficulty
CLUSTER_SHARE = 0.5  # proportion of item-level variance shared by the items of a cluster
LABEL_REACH = 2.5  # ratings are truncated this many SDs from the middle of their scale


def _check_distinct(what: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not names or repeated:
        problem = f"duplicate {join_names(repeated)}" if names else "none"
        raise MetaevalError(f"{what} needs at least one entry, with distinct names; got {problem}.")


def check_between(name: str, value: Any, low: float, high: float) -> None:
    """Raise unless an argument is a number in [`low`, `high`]."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise MetaevalError(f"{name}={value!r} must be a number from {low:g} to {high:g}.")


@dataclass(frozen=True)
class SimulatedScorer:
    """A scorer that observes the quality of a response with noise.

    Its score is `center + slope * (quality + noise * hardness * z + length_bias * length)`, then
    rounded to a multiple of `grid` and clipped to `low` and `high`; z and length are standard
    normal, and hardness is above 1 for difficult items.

    Parameters
    ----------
    name : str
        Name of the scorer.
    noise : float
        Standard deviation of its error; the SD of quality within an item is about 0.8.
    slope : float, default 1
        Increase of scores with quality, hence confidence of margins. 0 is a constant scorer.
    center : float, default 0
        Score of a response of average quality.
    grid : float, default 0
        Scores are rounded to multiples of this, which creates ties; 0 for no rounding.
    length_bias : float, default 0
        Effect of length at equal quality.
    low, high : float
        Ends of the scale; multiples of `grid`.
    noise_by_task : tuple of float
        Factors of the noise in the first, second, ... task; 1 for further tasks.

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
        """Check the parameters."""
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
        """Return the noise in each task, given by position."""
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
    """Parameters that determine the true values: not seed, sizes, clusters or missing scores."""

    n_systems: int
    scorers: tuple[SimulatedScorer, ...]
    tasks: tuple[str, ...]
    raters: int
    tie_rate: float
    length_confound: float
    rater_noise: float

    def __post_init__(self) -> None:
        """Check the arguments passed on by `simulate`."""
        check_integer("n_systems", self.n_systems, 2)
        check_integer("raters", self.raters, 1)
        _check_distinct("scorers", [scorer.name for scorer in self.scorers])
        _check_distinct("tasks", list(self.tasks))
        if {"pooled", "macro"} & set(self.tasks):
            raise MetaevalError("Task names must not be 'pooled' or 'macro'; rename the task.")
        check_between("tie_rate", self.tie_rate, 0, 0.6)
        check_between("length_confound", self.length_confound, -1, 1)
        check_not_negative("rater_noise", self.rater_noise)


# The model.
class Draw(NamedTuple):
    """Simulated labels, scores and lengths of items."""

    labels: Floats  # (rater, item, system)
    scores: Floats  # (scorer, item, system)
    length: Floats  # (item, system)


def draw_responses(
    design: Design,
    tasks: Codes,
    clusters: Codes | None,
    streams: Sequence[np.random.SeedSequence],
) -> Draw:
    """Simulate items with given tasks and clusters; streams are for items, raters, scorers."""
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
    noticed = quality + design.rater_noise * rater_rng.standard_normal((design.raters, *shape))
    return Draw(_ratings(design, noticed), scores, length)


@lru_cache
def _system_effects(n_systems: int) -> Floats:
    """Evenly spaced normal quantiles, shuffled so that names carry no information."""
    normal = NormalDist(0, SYSTEM_SD)
    quantiles = [normal.inv_cdf((k + 0.5) / n_systems) for k in range(n_systems)]
    return np.random.default_rng(n_systems).permutation(quantiles)


def _normal(rng: np.random.Generator, clusters: Codes | None, shape: tuple[int, int]) -> Floats:
    """Draw standard normal numbers (item, ...), correlated within clusters (item,) if any."""
    separate = rng.standard_normal(shape)
    if clusters is None:
        return separate
    common = rng.standard_normal((int(clusters.max()) + 1, shape[1]))[clusters]
    return math.sqrt(CLUSTER_SHARE) * common + math.sqrt(1 - CLUSTER_SHARE) * separate


def _on_scale(scorer: SimulatedScorer, perceived: Floats) -> Floats:
    scores = scorer.center + scorer.slope * perceived
    if scorer.grid:
        scores = np.round(scores / scorer.grid) * scorer.grid
    return np.clip(scores, scorer.low, scorer.high)


def _ratings(design: Design, noticed: Floats) -> Floats:
    """Ratings 1, 2, ... of the perceived quality, or the quality itself if `tie_rate` is 0."""
    if not design.tie_rate:
        return noticed
    step = _rating_step(design.n_systems, design.rater_noise, design.tie_rate)
    sd = math.hypot(ITEM_SD, SYSTEM_SD, INTERACTION_SD, design.rater_noise)
    reach = max(1, math.ceil(LABEL_REACH * sd / step - 0.5))
    return np.clip(np.round(noticed / step), -reach, reach) + reach + 1


@lru_cache
def _rating_step(n_systems: int, rater_noise: float, tie_rate: float) -> float:
    """Find the distance of ratings that gives a tie rate, by bisection on a log scale."""
    sd = math.sqrt(2) * math.hypot(INTERACTION_SD, rater_noise)
    gaps = [a - b for a, b in combinations(_system_effects(n_systems).tolist(), 2)]
    low, high = 1e-9, 50.0
    for _ in range(50):
        step = math.sqrt(low * high)
        tied = sum(_tie_probability(gap, sd, step) for gap in gaps) / len(gaps)
        low, high = (step, high) if tied < tie_rate else (low, step)
    return step


def _tie_probability(gap: float, sd: float, step: float) -> float:
    """Probability that two numbers with a normal(gap, sd) difference are rounded equally.

    It is E max(0, 1 - |difference| / step), as positions relative to the grid are nearly uniform.
    This triangle is a second difference of absolute values, whose means are known in closed form.
    """

    def size(mean: float) -> float:
        z = mean / sd
        return sd * math.sqrt(2 / math.pi) * math.exp(-z * z / 2) + mean * math.erf(
            z / math.sqrt(2)
        )

    return (size(gap + step) - 2 * size(gap) + size(gap - step)) / (2 * step)
