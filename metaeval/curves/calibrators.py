"""Maps from a score, or a margin of two scores, to the probability of an event: fitting them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from metaeval.core import NEAREST_TO_CERTAIN, Floats, MetaevalError, numbers
from metaeval.curves import link_functions
from metaeval.curves.isotonic import pool_adjacent_violators, pooled
from metaeval.curves.link_functions import Link, expit

_KNOTS = 4
_FARTHEST = 1e300  # scores beyond, infinite ones among them, are as far


@dataclass(frozen=True)
class Curve:
    """One fitted map, a function of scores of any shape.

    Parameters
    ----------
    name : str
        The kind of map.
    parameters : mapping
        What was estimated, in units of the scores.
    chance : callable
        Scores -> probabilities.
    ends : callable, optional
        Scores -> lower and upper probabilities, where the map gives an interval (Venn-Abers).
    """

    name: str
    parameters: Mapping[str, float]
    chance: Callable[[Floats], Floats]
    ends: Callable[[Floats], tuple[Floats, Floats]] | None = None

    def __call__(self, scores: Floats) -> Floats:
        """Probability of the event at each score; NaN where there is none."""
        return self._at(scores, self.chance)

    def interval(self, scores: Floats) -> tuple[Floats, Floats]:
        """Lower and upper probability at each score, by maps that have them (Venn-Abers).

        Parameters
        ----------
        scores : array (score,)
            Scores, in units of the scorer.
        """
        ends = self.ends
        if ends is None:
            raise MetaevalError(f"{self.name} has no interval of its own; venn_abers does.")
        return self._at(scores, lambda x: ends(x)[0]), self._at(scores, lambda x: ends(x)[1])

    def _at(self, scores: Floats, values: Callable[[Floats], Floats]) -> Floats:
        x = numbers(scores, "scores")
        found, there = np.full(x.shape, np.nan), ~np.isnan(x)
        if there.any():
            with np.errstate(over="ignore"):
                found[there] = values(np.clip(x[there], -_FARTHEST, _FARTHEST))
        return found


@dataclass(frozen=True)
class Family:
    """A kind of map: its name, what it takes, and how it is fitted.

    `takes` margins (and is antisymmetric: a margin of 0 means 1/2), scores, or both, or margins
    with outcomes of which some are ties;
    `curve` maps scores, labels and weights (row,) and whether they are margins to a `Curve`.
    """

    name: str
    takes: str
    curve: Callable[[Floats, Floats, Floats, bool], Curve]


def scale_of(margins: Floats) -> float:
    """Root mean square of the margins that are not 0; 1 if all are."""
    some = margins[margins != 0]
    if not some.size:
        return 1.0
    largest = float(np.abs(some).max())  # squares of the margins themselves may overflow
    return largest * float(np.sqrt(np.mean((some / largest) ** 2)))


def _by_link(link: Link, names: Callable[[Floats, float], Mapping[str, float]]) -> Family:
    """A curve of one link in margins over their root mean square."""

    def curve(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Curve:
        scale = scale_of(score)
        theta = link_functions.fit(link, (score / scale)[:, None], label, weight[None])

        def chance(margin: Floats) -> Floats:
            found = link.curve(theta, (margin.reshape(-1) / scale)[:, None]).chance
            return np.asarray(found.reshape(margin.shape))

        return Curve(link.name, names(theta[0], scale), chance)

    return Family(link.name, "margins", curve)


MARGIN_LINK = _by_link(
    link_functions.MARGIN, lambda t, scale: {"slope": float(np.exp(t[0])) / scale}
)
LAPSE_LINK = _by_link(
    link_functions.LAPSE,
    lambda t, scale: {"slope": float(np.exp(t[0])) / scale, "lapse": float(expit(t[1]))},
)


def spline_basis(size: Floats, knots: Floats) -> Floats:
    """Integrals from 0 of hat functions at the knots, the last of which goes on: (row, knot).

    A sum with positive coefficients, the slopes at the knots, rises; equal ones give a line.
    """
    gaps = np.diff(knots)
    t = np.clip((size[:, None] - knots[:-1]) / gaps, 0, 1)  # how far through each gap
    falling, rising = (t - t**2 / 2) * gaps, t**2 / 2 * gaps
    nothing = np.zeros((len(size), 1))
    basis = np.concatenate([falling, nothing], axis=1) + np.concatenate([nothing, rising], axis=1)
    basis[:, -1] += np.maximum(size - knots[-1], 0.0)
    return np.asarray(basis)


def spline_knots(size: Floats) -> Floats:
    """Knots at quantiles of the sizes of margins that are not 0, from 0 on, each once."""
    some = size[size > 0]
    inner = np.quantile(some, np.linspace(0, 1, _KNOTS + 1)[1:]) if some.size else np.ones(1)
    return np.unique(np.r_[0.0, inner])


def _monotone_spline(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Curve:
    scale = scale_of(score)
    knots = spline_knots(np.abs(score) / scale)

    def design(margin: Floats) -> Floats:
        x = margin.reshape(-1) / scale
        return spline_basis(np.abs(x), knots) * np.sign(x)[:, None]

    at = design(score)
    link = link_functions.spline(at.shape[1])
    theta = link_functions.fit(link, at, label, weight[None])
    slopes = np.exp(theta[0]) / scale
    values = {f"slope_at_{k * scale:.4g}": float(v) for k, v in zip(knots, slopes, strict=True)}

    def chance(margin: Floats) -> Floats:
        return np.asarray(link.curve(theta, design(margin)).chance.reshape(margin.shape))

    return Curve("monotone_spline", values, chance)


def _isotonic(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Curve:
    """Least-squares isotonic fit, straight between the scores that were seen."""
    size, right = _sized(score, label) if mirrored else (score, label)
    some = size != 0 if mirrored else np.ones(len(size), dtype=bool)
    levels = pooled(size[some], weight[some])
    fit = pool_adjacent_violators(levels.mean(right[some], weight[some]), levels.weight)
    if not mirrored:
        return Curve("isotonic", {}, lambda x: np.interp(x, levels.value, fit))
    at, fit = np.r_[0.0, levels.value], np.r_[0.5, np.maximum(fit, 0.5)]

    def chance(margin: Floats) -> Floats:
        value = np.interp(np.abs(margin), at, fit)
        return np.where(margin < 0, 1 - value, value)

    return Curve("isotonic", {}, chance)


def _sized(margin: Floats, label: Floats) -> tuple[Floats, Floats]:
    """Sizes of margins, and whether the label agrees with their sign."""
    return np.abs(margin), np.where(margin < 0, 1 - label, label)


def _platt(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Curve:
    """A logistic curve fitted to labels drawn in by one case of each kind."""
    centre = float(np.average(score, weights=weight))
    largest = float(np.abs(score - centre).max()) or 1.0
    scale = largest * float(((score - centre) / largest).std()) or 1.0
    drawn = link_functions.drawn_in(label, weight)

    def design(x: Floats) -> Floats:
        z = (x.reshape(-1) - centre) / scale
        return np.stack([z, np.ones_like(z)], axis=1)

    link = link_functions.line(2)
    theta = link_functions.fit(link, design(score), drawn, weight[None])
    slope, intercept = float(theta[0, 0]) / scale, float(theta[0, 1])
    values = {"slope": slope, "intercept": intercept - slope * centre}
    return Curve(
        "platt", values, lambda x: np.asarray(link.curve(theta, design(x)).chance.reshape(x.shape))
    )


def _beta(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Curve:
    """Two slopes and an intercept in the logarithms of a probability and of its complement."""

    def design(p: Floats) -> Floats:
        inside = np.clip(p.reshape(-1), NEAREST_TO_CERTAIN, 1 - NEAREST_TO_CERTAIN)
        return np.stack([np.log(inside), -np.log1p(-inside)], axis=1)

    theta = link_functions.fit(link_functions.BETA, design(score), label, weight[None])
    a, b, c = (float(v) for v in (np.exp(theta[0, 0]), np.exp(theta[0, 1]), theta[0, 2]))

    def chance(p: Floats) -> Floats:
        return np.asarray(link_functions.BETA.curve(theta, design(p)).chance.reshape(p.shape))

    return Curve("beta", {"a": a, "b": b, "c": c}, chance)


def venn_abers_ends(
    score: Floats, label: Floats, weight: Floats, at: Floats
) -> tuple[Floats, Floats]:
    """Isotonic values at each new score, were it a case without and with the event: (new,) each."""
    if not len(score):
        return np.zeros(len(at)), np.ones(len(at))
    levels = pooled(score, weight)
    mean = levels.mean(label, weight)
    place, which = np.unique(_places(levels.value, at), return_inverse=True)
    unit = float(weight.sum() / len(weight))  # a new case weighs what the old ones do on average
    ends = np.empty((2, len(place)))
    for k, half in enumerate(place):
        i, new = divmod(int(half), 2)
        i += new
        for event in (0, 1):
            m, w = mean, levels.weight
            if new:
                m, w = np.insert(m, i, event), np.insert(w, i, unit)
            else:
                m, w = m.copy(), w.copy()
                m[i] = (m[i] * w[i] + event * unit) / (w[i] + unit)
                w[i] += unit
            ends[event, k] = pool_adjacent_violators(m, w)[i]
    return ends[0, which], ends[1, which]


def _places(levels: Floats, at: Floats) -> Floats:
    """Twice the level that a score equals, or one less than twice the next one above it."""
    left = np.searchsorted(levels, at)
    same = levels[np.minimum(left, len(levels) - 1)] == at
    return np.where(same, 2 * left, 2 * left - 1)


def _merged(low: Floats, high: Floats) -> Floats:
    return np.asarray(high / (1 - low + high))


def _venn_abers(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Curve:
    """The two isotonic values of a new case, and both merged into one probability."""
    if mirrored:
        return _venn_abers_of_pairs(score, label, weight)

    def ends(x: Floats) -> tuple[Floats, Floats]:
        low, high = venn_abers_ends(score, label, weight, x.reshape(-1))
        return low.reshape(x.shape), high.reshape(x.shape)

    return Curve("venn_abers", {}, lambda x: _merged(*ends(x)), ends)


def _venn_abers_of_pairs(margin: Floats, label: Floats, weight: Floats) -> Curve:
    """The same of pairs by the size of the margin: not below 1/2 on the side that it points to.

    The values are those of the fit to all pairs in either order.
    """
    size, right = _sized(margin, label)
    some = size != 0

    def sized(x: Floats) -> list[Floats]:
        new = np.abs(x.reshape(-1))
        found = venn_abers_ends(size[some], right[some], weight[some], new)
        return [end.reshape(x.shape) for end in found]

    def pointing(x: Floats, value: Floats, other: Floats) -> Floats:
        value, other = np.maximum(value, 0.5), np.maximum(other, 0.5)
        return np.where(x == 0, 0.5, np.where(x < 0, 1 - other, value))

    def ends(x: Floats) -> tuple[Floats, Floats]:
        low, high = sized(x)
        return pointing(x, low, high), pointing(x, high, low)

    def chance(x: Floats) -> Floats:
        value = _merged(*sized(x))
        return pointing(x, value, value)

    return Curve("venn_abers", {}, chance, ends)


def _by_outcomes(
    name: str, model: Callable[[Floats, Floats], link_functions.Outcomes], threshold: str
) -> Family:
    """Chance that the first of two responses wins outright; of a loss at minus the margin."""

    def curve(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Curve:
        scale = scale_of(score)
        theta = link_functions.fit_outcomes(model, score / scale, label, weight[None])
        slope, other = (float(v) for v in np.exp(theta[0]))

        def chance(margin: Floats) -> Floats:
            found = model(theta, margin.reshape(-1) / scale).chance[0, :, 2]
            return np.asarray(found.reshape(margin.shape))

        return Curve(name, {"slope": slope / scale, threshold: other}, chance)

    return Family(name, "outcomes", curve)


RAO_KUPPER = _by_outcomes("rao_kupper", link_functions.rao_kupper, "threshold")
DAVIDSON = _by_outcomes("davidson", link_functions.davidson, "nu")
MONOTONE_SPLINE = Family("monotone_spline", "margins", _monotone_spline)
ISOTONIC = Family("isotonic", "both", _isotonic)
PLATT = Family("platt", "scores", _platt)
BETA = Family("beta", "scores", _beta)
VENN_ABERS = Family("venn_abers", "both", _venn_abers)

BY_NAME = {
    family.name: family
    for family in (
        *(MARGIN_LINK, LAPSE_LINK, ISOTONIC, MONOTONE_SPLINE),
        *(PLATT, BETA, VENN_ABERS, RAO_KUPPER, DAVIDSON),
    )
}
