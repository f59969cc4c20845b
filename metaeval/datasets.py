"""Tables made by chance from a model whose truth is known: `simulate` and `load_example`."""

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
import pandas as pd

from metaeval.checks import check_not_negative, check_whole, listed, require_known
from metaeval.errors import MetaevalError
from metaeval.tables import Responses

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

TRUTH_ITEMS = 100_000  # per task, for the truth
TRUTH_MARGINS = 20_000_000  # but no more margins than this over all tasks and scorers
CURVE_POINTS = 20


def _check_distinct(what: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not names or repeated:
        problem = f"several are called {listed(repeated)}" if names else "there are none"
        raise MetaevalError(f"Give at least one of {what}=, each its own name; {problem}.")


def _check_between(name: str, value: Any, low: float, high: float) -> None:
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
            _check_between(field, getattr(self, field), -1e9, 1e9)
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
        _check_between("tie_rate", self.tie_rate, 0, 0.6)
        _check_between("length_confound", self.length_confound, -1, 1)
        check_not_negative("rater_noise", self.rater_noise)


@dataclass(frozen=True)
class Truth:
    """The values that estimates are about: these systems and scorers, new items.

    They come from 100 000 simulated items per task (fewer where systems, tasks or scorers are
    many), drawn from a fixed stream and only when asked for. Frames have a row per scorer and a
    column per task; then `pooled`, all items alike, with one threshold for all tasks; and `macro`,
    the mean over tasks. `mcse` has the Monte Carlo standard errors, near 0.0005.

    Parameters
    ----------
    design : Design
        What was simulated; two tables of one design have one truth.

    Examples
    --------
    >>> truth = simulate(scorers=["judge", "lexical"]).truth
    >>> bool(truth.gaps.loc[("judge", "lexical"), "pooled"] > 0.02)
    True
    """

    design: Design

    @property
    def accuracy(self) -> pd.DataFrame:
        """Pairwise accuracy within items, ties included, equal scores being ties."""
        return self._of("accuracy")

    @property
    def half_credit(self) -> pd.DataFrame:
        """Pairwise accuracy where labels differ, half for equal scores; for complete items."""
        return self._of("half_credit")

    @property
    def tie_calibrated(self) -> pd.DataFrame:
        """Pairwise accuracy, ties included, at the best threshold."""
        return self._of("tie_calibrated")

    @property
    def epsilon(self) -> pd.DataFrame:
        """The best threshold: margins of no more are ties. Flat there, so only to some 10 %."""
        return self._of("epsilon")

    @property
    def gaps(self) -> pd.DataFrame:
        """Differences of `tie_calibrated`, by scorer and baseline, the scorer first as text."""
        return _truth(self.design).values.loc["gap"].copy()

    @property
    def mcse(self) -> pd.DataFrame:
        """Monte Carlo standard errors by statistic, scorer and baseline; none for `epsilon`."""
        return _truth(self.design).mcse.copy()

    @property
    def calibration(self) -> pd.DataFrame:
        """What labels say at a margin, in rows of `task` and `scorer`.

        `share` of the pairs have about this `margin`, in either direction; `first`, `tie` and
        `second` are the probabilities that the label prefers the side with the higher score,
        ties, or prefers the other. With few different margins each has a row, else 20 groups.
        """
        return _truth(self.design).calibration.copy()

    @property
    def tie_rate(self) -> float:
        """Share of pairs whose labels are tied; with several raters, the means of their labels."""
        return _truth(self.design).tie_rate

    def _of(self, statistic: str) -> pd.DataFrame:
        return _truth(self.design).values.loc[statistic].droplevel("baseline")


class Simulation(NamedTuple):
    """A simulated table and the truth behind it."""

    table: Responses
    truth: Truth


def simulate(
    seed: int = 0,
    n_items: int = 200,
    n_systems: int = 6,
    scorers: Sequence[SimulatedScorer | str] | None = None,
    tasks: Sequence[str] = ("news",),
    raters: int = 1,
    tie_rate: float = 0.4,
    length_confound: float = 0.3,
    cluster_size: int = 1,
    missing: float = 0.0,
    rater_noise: float = 0.4,
) -> Simulation:
    """Responses of some systems to random items, with ratings, scores and the truth about them.

    Parameters
    ----------
    seed : int, default 0
        The same seed gives the same table.
    n_items : int, default 200
        Items of each task.
    n_systems : int, default 6
        Systems, each of which answers every item. Their qualities are fixed, whatever the seed.
    scorers : sequence of SimulatedScorer or str, optional
        The scorers, or names of default ones: judge, length_biased, lexical, reward, reward_v2.
    tasks : sequence of str, default ("news",)
        Names of tasks. They differ in how noisy scorers are.
    raters : int, default 1
        Raters of every response. One makes the label column `human`, more make `human1`,
        `human2`, ..., who may be averaged.
    tie_rate : float, default 0.4
        Share of the pairs within items that *one* rater leaves tied, in expectation (to 0.02):
        it sets how coarse the ratings 1, 2, ... are. With 0 they are not rounded. At most 0.6.
    length_confound : float, default 0.3
        Correlation of log length with quality within an item; length itself moves no label.
    cluster_size : int, default 1
        Items of a cluster; with more than 1 the table has clusters of dependent items.
    missing : float, default 0
        Share of scores that are missing, completely at random.
    rater_noise : float, default 0.4
        Standard deviation of a rater's own error, in units of latent quality.

    Returns
    -------
    Simulation
        `table` and `truth`, which can be unpacked.

    Raises
    ------
    MetaevalError
        If an argument is out of its range or two scorers or tasks share a name.

    Notes
    -----
    Latent quality is the effect of the system, less how hard the item is, and the system's luck
    with the item. The harder an item, the noisier all scorers are on it, so pairs of one item are
    right or wrong together. Half the variance of hardness, luck and scorers' errors is common to
    the items of a cluster.

    Examples
    --------
    >>> table, truth = simulate(seed=1, n_items=50, raters=2)
    >>> table
    <Responses: 50 items, 300 rows, 1 tasks, 6 systems, 5 scorers, 2 labels, 0 holes>
    """
    if isinstance(tasks, str):
        raise MetaevalError(f"tasks={tasks!r} must be a sequence of names: tasks=({tasks!r},).")
    chosen = tuple(_scorer(s) for s in (DEFAULT_SCORERS if scorers is None else scorers))
    design = Design(n_systems, chosen, tuple(tasks), raters, tie_rate, length_confound, rater_noise)
    check_whole("seed", seed, 0)
    check_whole("n_items", n_items, 1)
    check_whole("cluster_size", cluster_size, 1)
    _check_between("missing", missing, 0, 0.99)
    of_task = np.repeat(np.arange(len(design.tasks)), n_items)
    place = np.tile(np.arange(n_items) // cluster_size, len(design.tasks))
    clusters = of_task * (int(place[-1]) + 1) + place if cluster_size > 1 else None
    *streams, last = np.random.SeedSequence(seed).spawn(4)
    draw = _draw(design, of_task, clusters, streams)
    if missing:
        draw.scores[np.random.default_rng(last).random(draw.scores.shape) < missing] = np.nan
    return Simulation(_table(design, draw, of_task, clusters), Truth(design))


def load_example() -> Responses:
    """Return a small simulated table: two tasks of 40 items, six systems, five scorers, one rater.

    Examples
    --------
    >>> load_example()
    <Responses: 80 items, 480 rows, 2 tasks, 20 clusters, 6 systems, 5 scorers, 1 labels, 0 holes>
    """
    return simulate(seed=2, n_items=40, tasks=("news", "social"), cluster_size=4).table


def _scorer(scorer: SimulatedScorer | str) -> SimulatedScorer:
    if isinstance(scorer, SimulatedScorer):
        return scorer
    defaults = {default.name: default for default in DEFAULT_SCORERS}
    require_known("default scorer", scorer, list(defaults))
    return defaults[scorer]


# The model.
class _Draw(NamedTuple):
    labels: Floats  # (rater, item, system)
    scores: Floats  # (scorer, item, system)
    length: Floats  # (item, system)


def _draw(
    design: Design,
    tasks: Codes,
    clusters: Codes | None,
    streams: Sequence[np.random.SeedSequence],
) -> _Draw:
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
    return _Draw(_ratings(design, heard), scores, length)


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


def _table(design: Design, draw: _Draw, of_task: Codes, clusters: Codes | None) -> Responses:
    n_items, n_systems = draw.length.shape
    item = np.repeat(np.arange(n_items), n_systems)
    rows = {
        "task": pd.Categorical.from_codes(of_task[item], categories=list(design.tasks)),
        "item": _named("s", item, 3),
        "system": _named("sys", np.tile(np.arange(n_systems), n_items)),
        "length": np.round(100 * np.exp(0.4 * draw.length.ravel())),
    }
    if clusters is not None:
        rows["cluster"] = _named("c", clusters[item])
    raters = ["human"] if design.raters == 1 else [f"human{r + 1}" for r in range(design.raters)]
    scorers = [scorer.name for scorer in design.scorers]
    return Responses(
        rows=pd.DataFrame(rows),
        scores=pd.DataFrame(draw.scores.reshape(len(scorers), -1).T, columns=scorers),
        labels=pd.DataFrame(draw.labels.reshape(len(raters), -1).T, columns=raters),
        label_kind="rating",
        exchangeable=design.raters > 1,
    )


def _named(prefix: str, codes: Codes, width: int = 1) -> pd.Categorical:
    """Ids such as s001, padded so that they sort as text in the order of the codes."""
    last = int(codes.max()) + 1
    names = [f"{prefix}{k:0{max(len(str(last)), width)}d}" for k in range(1, last + 1)]
    return pd.Categorical.from_codes(codes, categories=names)


# The truth.
class _Solved(NamedTuple):
    values: pd.DataFrame  # by (statistic, scorer, baseline), a column per task, pooled, macro
    mcse: pd.DataFrame
    calibration: pd.DataFrame
    tie_rate: float


@lru_cache(maxsize=64)
def _truth(design: Design) -> _Solved:
    """Judge every scorer on the pairs of many simulated items."""
    prefers, scores = _population(design)
    first, second = np.triu_indices(design.n_systems, 1)
    found, curves, tuned = {}, [], {}
    for scorer, score in zip(design.scorers, scores, strict=True):
        name = scorer.name
        judged = _judge(scorer, score[..., first] - score[..., second], prefers)
        counts = judged.counts()
        counts.append(np.sum(counts, axis=0))  # pooled
        best = [_best_cell(c) for c in counts]
        tuned[name] = judged.agreed(best[:-1]), judged.agreed(best[-1])
        found["accuracy", name, ""] = _means(judged.agreed(0))
        found["half_credit", name, ""] = _means(judged.half_credit())
        found["tie_calibrated", name, ""] = _means(*tuned[name])
        epsilon = judged.unit * np.array([*best, np.mean(best[:-1])])
        found["epsilon", name, ""] = epsilon, np.full(len(epsilon), np.nan)
        for task, of_task in zip((*design.tasks, "pooled"), counts, strict=True):
            curves.append(_curve(of_task).assign(task=task, scorer=name))
    for one, other in combinations(sorted(tuned), 2):
        gaps = (a - b for a, b in zip(tuned[one], tuned[other], strict=True))
        found["gap", one, other] = _means(*gaps)
    columns = [*design.tasks, "pooled", "macro"]
    index = pd.MultiIndex.from_tuples(list(found), names=["statistic", "scorer", "baseline"])
    values, mcse = (
        pd.DataFrame([each[k] for each in found.values()], index, columns).sort_index()
        for k in (0, 1)
    )
    calibration = pd.concat(curves, ignore_index=True)
    calibration = calibration[["task", "scorer", "margin", "share", "first", "tie", "second"]]
    return _Solved(values, mcse, calibration, float((prefers == 0).mean()))


def _population(design: Design) -> tuple[Signs, Floats]:
    """Signs of labels (task, item, pair) and scores (scorer, task, item, system) of many items."""
    n_tasks, n_systems = len(design.tasks), design.n_systems
    first, second = np.triu_indices(n_systems, 1)
    most = TRUTH_MARGINS // (len(first) * n_tasks * len(design.scorers))
    n_items = min(TRUTH_ITEMS, max(most, 1000))
    of_task = np.repeat(np.arange(n_tasks), n_items)
    streams = np.random.SeedSequence(0).spawn(7)[4:]  # a table has the first four of its seed
    draw = _draw(design, of_task, None, streams)
    shape = (n_tasks, n_items, n_systems)
    label = draw.labels.sum(axis=0).reshape(shape)  # sums tie where means do, and are exact
    prefers = np.sign(label[..., first] - label[..., second]).astype(np.int8)
    return prefers, draw.scores.reshape(-1, *shape)


class _Judged(NamedTuple):
    """What one scorer makes of all pairs of the simulated items."""

    unit: float
    size: Floats  # (task, item, pair): |margin|
    cell: npt.NDArray[np.int32]  # (task, item, pair): |margin| in units, rounded up
    right: npt.NDArray[np.bool_]  # (task, item, pair): the margin has the sign of the label, not 0
    tied: npt.NDArray[np.bool_]  # (task, item, pair): the label is a tie

    def agreed(self, cell: npt.ArrayLike) -> Floats:
        """Share of agreement (task, item) with ties up to the cell given for each task."""
        ties = self.cell <= np.reshape(cell, (-1, 1, 1))
        return np.asarray(np.where(ties, self.tied, self.right).mean(axis=-1))

    def half_credit(self) -> Floats:
        """Half credit (task, item), NaN where all labels are tied."""
        credit = (self.right + 0.5 * ((self.cell == 0) & ~self.tied)).sum(axis=-1)
        counted = (~self.tied).sum(axis=-1)
        return np.asarray(credit / np.where(counted, counted, np.nan))

    def counts(self) -> list[Floats]:
        """Pairs, right ones, tied ones and summed margins of each cell: (4, cell) by task."""
        n_cells = int(self.cell.max()) + 1
        kinds = (np.ones(self.cell.shape), self.right, self.tied, self.size)
        return [
            np.stack([np.bincount(cell.ravel(), kind[t].ravel(), n_cells) for kind in kinds])
            for t, cell in enumerate(self.cell)
        ]


def _judge(scorer: SimulatedScorer, margin: Floats, prefers: Signs) -> _Judged:
    """Compare margins with the signs of labels, both (task, item, pair)."""
    size = np.abs(margin)
    unit = max(scorer.grid, float(size.max()) / 5000) or 1.0
    cell = np.ceil(size / unit - 1e-6).astype(np.int32)
    right = (np.sign(margin) == prefers) & (prefers != 0)
    return _Judged(unit, size, cell, right, prefers == 0)


def _best_cell(counts: Floats) -> int:
    """Return the first cell of counts (4, cell) up to which ties agree best with the labels."""
    _, right, tied, _ = counts
    return int(np.argmax(np.cumsum(tied) - np.cumsum(right)))


def _curve(counts: Floats) -> pd.DataFrame:
    """Share of each preference by size of the margin, from counts (4, cell)."""
    cells = counts[:, counts[0] > 0]
    pairs, right, tied, size = cells
    right[size == 0] = (pairs - tied)[size == 0] / 2  # no margin, no side
    if len(pairs) > CURVE_POINTS:
        middle = (np.cumsum(pairs) - pairs / 2) / pairs.sum()
        starts = np.unique(np.floor(middle * CURVE_POINTS), return_index=True)[1]
        pairs, right, tied, size = np.add.reduceat(cells, starts, axis=1)
    curve = {"margin": size, "first": right, "tie": tied, "second": pairs - right - tied}
    return pd.DataFrame(curve).div(pairs, axis=0).assign(share=pairs / pairs.sum())


def _means(by_task: Floats, pooled: Floats | None = None) -> tuple[Floats, Floats]:
    """Means over items (task, item) and their errors: by task, pooled (own values), macro."""
    values, errors = [], []
    for x in (by_task, by_task if pooled is None else pooled):
        values.append(np.nanmean(x, axis=1))
        errors.append(np.nanstd(x, axis=1) / np.sqrt(np.isfinite(x).sum(axis=1)))
    overall = [math.sqrt(float(np.sum(e**2))) / len(e) for e in errors]
    return (
        np.array([*values[0], values[1].mean(), values[0].mean()]),
        np.array([*errors[0], overall[1], overall[0]]),
    )
