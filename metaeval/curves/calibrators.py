"""Calibrators: fitted maps from scores or margins to probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from metaeval.core import NEAREST_TO_CERTAIN, Floats, MetaevalError, numbers
from metaeval.curves import link_functions
from metaeval.curves.isotonic import pool_adjacent_violators, pooled
from metaeval.curves.link_functions import Link, expit

_KNOTS = 4  # at quartiles: enough for a bend, few enough for small samples
_FARTHEST = 1e300  # scores are clipped here, so that infinite ones cause no NaN


@dataclass(frozen=True)
class Calibrator:
    """A fitted calibrator, callable on scores of any shape.

    Parameters
    ----------
    name : str
        The kind of calibrator.
    parameters : mapping
        Estimates, in units of the scores.
    chance : callable
        Maps scores to probabilities.
    ends : callable, optional
        Maps scores to lower and upper probabilities, for calibrators with intervals (Venn-Abers).
    """

    name: str
    parameters: Mapping[str, float]
    chance: Callable[[Floats], Floats]
    ends: Callable[[Floats], tuple[Floats, Floats]] | None = None

    def __call__(self, scores: Floats) -> Floats:
        """Probability of the event at each score; NaN for missing scores."""
        return self._at(scores, self.chance)

    def interval(self, scores: Floats) -> tuple[Floats, Floats]:
        """Lower and upper probability at each score, for calibrators that have them.

        Parameters
        ----------
        scores : array (score,)
            Scores, in units of the scorer.
        """
        ends = self.ends
        if ends is None:
            raise MetaevalError(
                f"calibrator {self.name!r} does not provide intervals; use 'venn_abers'."
            )
        return self._at(scores, lambda x: ends(x)[0]), self._at(scores, lambda x: ends(x)[1])

    def _at(self, scores: Floats, values: Callable[[Floats], Floats]) -> Floats:
        x = numbers(scores, "scores")
        probabilities, present = np.full(x.shape, np.nan), ~np.isnan(x)
        if present.any():
            with np.errstate(over="ignore"):
                probabilities[present] = values(np.clip(x[present], -_FARTHEST, _FARTHEST))
        return probabilities


@dataclass(frozen=True)
class CalibratorFamily:
    """A kind of calibrator: its name, its input, and how it is fitted.

    `takes` is "margins" (antisymmetric: a margin of 0 maps to 1/2), "scores", "both", or "outcomes"
    (margins, with ties as a third outcome); `curve` maps scores, labels and weights (row,) and
    whether the scores are margins to a `Calibrator`.
    """

    name: str
    takes: str
    curve: Callable[[Floats, Floats, Floats, bool], Calibrator]


def scale_of(margins: Floats) -> float:
    """Root mean square of the nonzero margins; 1 if there are none."""
    nonzero = margins[margins != 0]
    if not nonzero.size:
        return 1.0
    largest = float(np.abs(nonzero).max())  # squares of unscaled margins may overflow
    return largest * float(np.sqrt(np.mean((nonzero / largest) ** 2)))


def _by_link(link: Link, names: Callable[[Floats, float], Mapping[str, float]]) -> CalibratorFamily:
    """A parametric curve of margins divided by their root mean square."""

    def curve(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Calibrator:
        scale = scale_of(score)
        theta = link_functions.fit(link, (score / scale)[:, None], label, weight[None])

        def chance(margin: Floats) -> Floats:
            probabilities = link.curve(theta, (margin.reshape(-1) / scale)[:, None]).chance
            return np.asarray(probabilities.reshape(margin.shape))

        return Calibrator(link.name, names(theta[0], scale), chance)

    return CalibratorFamily(link.name, "margins", curve)


MARGIN_LINK = _by_link(
    link_functions.MARGIN, lambda t, scale: {"slope": float(np.exp(t[0])) / scale}
)
LAPSE_LINK = _by_link(
    link_functions.LAPSE,
    lambda t, scale: {"slope": float(np.exp(t[0])) / scale, "lapse": float(expit(t[1]))},
)


def spline_basis(size: Floats, knots: Floats) -> Floats:
    """Integrals from 0 of hat functions at the knots, the last one constant beyond: (row, knot).

    The coefficients are the slopes at the knots: positive ones give an increasing function, equal
    ones a line (an I-spline basis: Ramsay 1988, Monotone regression splines in action).
    """
    gaps = np.diff(knots)
    t = np.clip((size[:, None] - knots[:-1]) / gaps, 0, 1)  # position within each gap
    falling, rising = (t - t**2 / 2) * gaps, t**2 / 2 * gaps
    zeros = np.zeros((len(size), 1))
    basis = np.concatenate([falling, zeros], axis=1) + np.concatenate([zeros, rising], axis=1)
    basis[:, -1] += np.maximum(size - knots[-1], 0.0)
    return np.asarray(basis)


def spline_knots(size: Floats) -> Floats:
    """Distinct knots: 0 and quantiles of the absolute nonzero margins."""
    nonzero = size[size > 0]
    inner = np.quantile(nonzero, np.linspace(0, 1, _KNOTS + 1)[1:]) if nonzero.size else np.ones(1)
    return np.unique(np.r_[0.0, inner])


def _monotone_spline(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Calibrator:
    scale = scale_of(score)
    knots = spline_knots(np.abs(score) / scale)

    def design(margin: Floats) -> Floats:
        x = margin.reshape(-1) / scale
        return spline_basis(np.abs(x), knots) * np.sign(x)[:, None]

    columns = design(score)
    link = link_functions.spline(columns.shape[1])
    theta = link_functions.fit(link, columns, label, weight[None])
    slopes = np.exp(theta[0]) / scale
    values = {f"slope_at_{k * scale:.4g}": float(v) for k, v in zip(knots, slopes, strict=True)}

    def chance(margin: Floats) -> Floats:
        return np.asarray(link.curve(theta, design(margin)).chance.reshape(margin.shape))

    return Calibrator("monotone_spline", values, chance)


def _isotonic(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Calibrator:
    """Least-squares isotonic fit, interpolated linearly between observed scores."""
    size, right = _fold_margins(score, label) if mirrored else (score, label)
    mask = size != 0 if mirrored else np.ones(len(size), dtype=bool)
    levels = pooled(size[mask], weight[mask])
    fit = pool_adjacent_violators(levels.mean(right[mask], weight[mask]), levels.weight)
    if not mirrored:
        return Calibrator("isotonic", {}, lambda x: np.interp(x, levels.value, fit))
    at, fit = np.r_[0.0, levels.value], np.r_[0.5, np.maximum(fit, 0.5)]

    def chance(margin: Floats) -> Floats:
        value = np.interp(np.abs(margin), at, fit)
        return np.where(margin < 0, 1 - value, value)

    return Calibrator("isotonic", {}, chance)


def _fold_margins(margin: Floats, label: Floats) -> tuple[Floats, Floats]:
    """Absolute margins, and labels of agreement with their sign."""
    return np.abs(margin), np.where(margin < 0, 1 - label, label)


def _platt(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Calibrator:
    """A logistic curve fitted to Platt's smoothed targets."""
    center = float(np.average(score, weights=weight))
    largest = float(np.abs(score - center).max()) or 1.0
    scale = largest * float(((score - center) / largest).std()) or 1.0
    targets = link_functions.platt_targets(label, weight)

    def design(x: Floats) -> Floats:
        z = (x.reshape(-1) - center) / scale
        return np.stack([z, np.ones_like(z)], axis=1)

    link = link_functions.line(2)
    theta = link_functions.fit(link, design(score), targets, weight[None])
    slope, intercept = float(theta[0, 0]) / scale, float(theta[0, 1])
    values = {"slope": slope, "intercept": intercept - slope * center}
    return Calibrator(
        "platt", values, lambda x: np.asarray(link.curve(theta, design(x)).chance.reshape(x.shape))
    )


def _beta(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Calibrator:
    """Beta calibration (Kull et al. 2017): slopes for log p and -log(1 - p), and an intercept."""

    def design(p: Floats) -> Floats:
        inside = np.clip(p.reshape(-1), NEAREST_TO_CERTAIN, 1 - NEAREST_TO_CERTAIN)
        return np.stack([np.log(inside), -np.log1p(-inside)], axis=1)

    theta = link_functions.fit(link_functions.BETA, design(score), label, weight[None])
    a, b, c = (float(v) for v in (np.exp(theta[0, 0]), np.exp(theta[0, 1]), theta[0, 2]))

    def chance(p: Floats) -> Floats:
        return np.asarray(link_functions.BETA.curve(theta, design(p)).chance.reshape(p.shape))

    return Calibrator("beta", {"a": a, "b": b, "c": c}, chance)


def venn_abers_ends(
    score: Floats, label: Floats, weight: Floats, at: Floats
) -> tuple[Floats, Floats]:
    """Isotonic fits at each new score, added with label 0 and with label 1: (new,) each."""
    if not len(score):
        return np.zeros(len(at)), np.ones(len(at))
    levels = pooled(score, weight)
    mean = levels.mean(label, weight)
    positions, which = np.unique(_half_positions(levels.value, at), return_inverse=True)
    unit = float(weight.sum() / len(weight))  # a new case has the mean weight
    ends = np.empty((2, len(positions)))
    for k, half in enumerate(positions):
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


def _half_positions(levels: Floats, at: Floats) -> Floats:
    """2k for a score equal to level k, and 2k - 1 for one between levels k - 1 and k.

    New scores with the same position have the same fit, which is then computed once.
    """
    left = np.searchsorted(levels, at)
    same = levels[np.minimum(left, len(levels) - 1)] == at
    return np.where(same, 2 * left, 2 * left - 1)


def _merge_ends(low: Floats, high: Floats) -> Floats:
    """One probability from both ends, minimax for log loss (Vovk and Petej 2014)."""
    return np.asarray(high / (1 - low + high))


def _venn_abers(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Calibrator:
    """Venn-Abers: both isotonic fits of a new case, and the merged probability."""
    if mirrored:
        return _venn_abers_of_pairs(score, label, weight)

    def ends(x: Floats) -> tuple[Floats, Floats]:
        low, high = venn_abers_ends(score, label, weight, x.reshape(-1))
        return low.reshape(x.shape), high.reshape(x.shape)

    return Calibrator("venn_abers", {}, lambda x: _merge_ends(*ends(x)), ends)


def _venn_abers_of_pairs(margin: Floats, label: Floats, weight: Floats) -> Calibrator:
    """Venn-Abers of pairs by absolute margin: at least 1/2 for the response that it favors.

    Equal to the fit to all pairs in both orders.
    """
    size, right = _fold_margins(margin, label)
    nonzero = size != 0

    def sized(x: Floats) -> list[Floats]:
        new = np.abs(x.reshape(-1))
        ends = venn_abers_ends(size[nonzero], right[nonzero], weight[nonzero], new)
        return [end.reshape(x.shape) for end in ends]

    def pointing(x: Floats, value: Floats, opposite: Floats) -> Floats:
        value, opposite = np.maximum(value, 0.5), np.maximum(opposite, 0.5)
        return np.where(x == 0, 0.5, np.where(x < 0, 1 - opposite, value))

    def ends(x: Floats) -> tuple[Floats, Floats]:
        low, high = sized(x)
        return pointing(x, low, high), pointing(x, high, low)

    def chance(x: Floats) -> Floats:
        value = _merge_ends(*sized(x))
        return pointing(x, value, value)

    return Calibrator("venn_abers", {}, chance, ends)


def _by_outcomes(
    name: str, model: Callable[[Floats, Floats], link_functions.Outcomes], threshold: str
) -> CalibratorFamily:
    """Probability that the first response wins; that of a loss is at minus the margin."""

    def curve(score: Floats, label: Floats, weight: Floats, mirrored: bool) -> Calibrator:
        scale = scale_of(score)
        theta = link_functions.fit_outcomes(model, score / scale, label, weight[None])
        slope, cutoff = (float(v) for v in np.exp(theta[0]))

        def chance(margin: Floats) -> Floats:
            probabilities = model(theta, margin.reshape(-1) / scale).chance[0, :, 2]
            return np.asarray(probabilities.reshape(margin.shape))

        return Calibrator(name, {"slope": slope / scale, threshold: cutoff}, chance)

    return CalibratorFamily(name, "outcomes", curve)


RAO_KUPPER = _by_outcomes("rao_kupper", link_functions.rao_kupper, "threshold")
DAVIDSON = _by_outcomes("davidson", link_functions.davidson, "nu")
MONOTONE_SPLINE = CalibratorFamily("monotone_spline", "margins", _monotone_spline)
ISOTONIC = CalibratorFamily("isotonic", "both", _isotonic)
PLATT = CalibratorFamily("platt", "scores", _platt)
BETA = CalibratorFamily("beta", "scores", _beta)
VENN_ABERS = CalibratorFamily("venn_abers", "both", _venn_abers)

BY_NAME = {
    family.name: family
    for family in (
        *(MARGIN_LINK, LAPSE_LINK, ISOTONIC, MONOTONE_SPLINE),
        *(PLATT, BETA, VENN_ABERS, RAO_KUPPER, DAVIDSON),
    )
}
