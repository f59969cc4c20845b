"""Curves from scores to probabilities with a few parameters, and how they are fitted.

A curve is written on the logit scale; its parameters are unbounded numbers with weak priors, so
that scores that separate the labels give steep curves and no infinite ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from metaeval.core import SMALLEST_DIVISOR, Codes, Floats
from metaeval.curves import weak_priors
from metaeval.curves.weak_priors import SLOPE_SD, Prior

_MOST_STEPS = 60
_LONGEST = 1.5  # of one step, in any parameter
_TOLERANCE = 1e-9
_TINY = 1e-12
_SLACK = 1e-10  # of the log density, relative


class Curve(NamedTuple):
    """Probabilities and what they owe to the parameters.

    `chance` (problem, row) of the event; `slope` (parameter, problem, row) of its logit.
    """

    chance: Floats
    slope: Floats


@dataclass(frozen=True)
class Link:
    """A family of curves.

    `curve` maps parameters (problem, parameter) and design (row, column) to a `Curve`.
    """

    name: str
    parameters: tuple[str, ...]
    curve: Callable[[Floats, Floats], Curve]
    prior: Prior
    start: tuple[float, ...]


def expit(z: Floats) -> Floats:
    """The logistic function."""
    from scipy.special import expit as logistic

    return np.asarray(logistic(z))


def logit(p: Floats) -> Floats:
    """Log odds; infinite at 0 and 1."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(p) - np.log1p(-p))


def fit(
    link: Link,
    design: Floats,
    label: Floats,
    weight: Floats,
    start: Floats | None = None,
    seen: Floats | None = None,
) -> Floats:
    """Posterior modes of a curve's parameters, many problems on the same rows at once.

    Parameters
    ----------
    link : Link
    design : array (row, column)
        What the curve takes: for most, one column of scores.
    label : array (row,)
        1, 0, or a share.
    weight : array (problem, row)
        Only ratios matter: the rows count as so many cases together.
    start : array (parameter,), optional
    seen : array (problem, number), optional
        What the prior has seen, if it is not the usual.

    Returns
    -------
    array (problem, parameter)
    """
    every, known = as_cases(weight), link.prior.seen(len(weight)) if seen is None else seen

    def ascent(theta: Floats, todo: Codes) -> Ascent:
        curve, prior = link.curve(theta, design), link.prior.density(theta, known[todo])
        w = every[todo]
        value = _log_likelihood(curve.chance, label, w) - prior.value
        score = np.einsum("br,kbr->bk", w * (label - curve.chance), curve.slope) - prior.gradient
        return Ascent(value, score, information(curve, w) + prior.curvature)

    return climb(ascent, link.start if start is None else start, len(weight))


def as_cases(weight: Floats) -> Floats:
    """Weights (..., row) that add up to the number of rows."""
    total = np.maximum(weight.sum(axis=-1, keepdims=True), SMALLEST_DIVISOR)
    return np.asarray(weight * (weight.shape[-1] / total))


def drawn_in(label: Floats, weight: Floats) -> Floats:
    """Labels (row,) drawn in by one case of each kind (Platt 1999), so that no line is endless."""
    counted = as_cases(weight)
    ups, downs = float(counted @ label), float(counted @ (1 - label))
    return np.asarray(label * (ups + 1) / (ups + 2) + (1 - label) / (downs + 2))


class Ascent(NamedTuple):
    """A log density at some parameters: its value, gradient and curvature, problem by problem."""

    value: Floats  # (problem,)
    score: Floats  # (problem, parameter)
    curvature: Floats  # (problem, parameter, parameter), positive definite


def climb(
    ascent: Callable[[Floats, Codes], Ascent], start: Sequence[float] | Floats, n: int
) -> Floats:
    """Modes of `n` problems, (problem, parameter): scoring steps, halved where they do not gain.

    `ascent` takes parameters (problem, parameter) and which problems they belong to.
    """
    first = np.asarray(start, dtype=float)
    theta = np.broadcast_to(first, (n, len(first))).copy()
    found, step = theta.copy(), np.zeros_like(theta)
    gain, todo = np.full(n, -np.inf), np.arange(n)
    for _ in range(_MOST_STEPS):
        at = ascent(theta[todo], todo)
        worse = at.value < gain[todo] - _SLACK * (1 + np.abs(gain[todo]))
        better = todo[~worse]
        found[better], gain[better] = theta[better], at.value[~worse]
        step[todo] = np.where(worse[:, None], step[todo] / 2, _bounded_step(at))
        theta[todo] = found[todo] + step[todo]
        todo = todo[np.abs(step[todo]).max(axis=1) >= _TOLERANCE]
        if not len(todo):
            break
    return found


def _bounded_step(at: Ascent) -> Floats:
    """Scoring step of each problem, none of its parts too long: (problem, parameter)."""
    ridge = _TINY * np.eye(at.score.shape[1])
    step = np.linalg.solve(at.curvature + ridge, at.score[..., None])[..., 0]
    longest = np.abs(step).max(axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1.0, _LONGEST / np.maximum(longest, _TINY)))


def _log_likelihood(chance: Floats, label: Floats, weight: Floats) -> Floats:
    inside = np.clip(chance, SMALLEST_DIVISOR, 1 - 1e-16)
    each = label * np.log(inside) + (1 - label) * np.log1p(-inside)
    return np.einsum("br,br->b", weight, each)


def information(curve: Curve, weight: Floats) -> Floats:
    """Expected information of each problem: (problem, parameter, parameter)."""
    spread = weight * curve.chance * (1 - curve.chance)
    n, b = curve.slope.shape[:2]
    found = np.empty((b, n, n))
    for k, slope in enumerate(curve.slope):
        part = np.einsum("br,lbr->bl", spread * slope, curve.slope[: k + 1])
        found[:, k, : k + 1] = found[:, : k + 1, k] = part
    return found


def _margin(theta: Floats, design: Floats) -> Curve:
    z = np.exp(theta) * design[:, 0]
    return Curve(expit(z), z[None])


def _lapse(theta: Floats, design: Floats) -> Curve:
    z = np.exp(theta[:, :1]) * design[:, 0]
    rate, sure = expit(theta[:, 1:]), expit(z)
    chance = rate / 2 + (1 - rate) * sure
    odds = np.maximum(chance * (1 - chance), SMALLEST_DIVISOR)
    slope = np.empty((2, *z.shape))
    slope[0] = (1 - rate) * sure * (1 - sure) * z / odds
    slope[1] = rate * (1 - rate) * (0.5 - sure) / odds
    return Curve(chance, slope)


def _spline(theta: Floats, design: Floats) -> Curve:
    each = np.exp(theta).T[:, :, None] * design.T[:, None]
    return Curve(expit(each.sum(axis=0)), each)


def _line(theta: Floats, design: Floats) -> Curve:
    z = theta @ design.T
    return Curve(expit(z), np.broadcast_to(design.T[:, None], (design.shape[1], *z.shape)))


def _beta(theta: Floats, design: Floats) -> Curve:
    scale = np.exp(theta[:, :2]).T[:, :, None] * design.T[:, None]
    z = scale.sum(axis=0) + theta[:, 2:]
    return Curve(expit(z), np.concatenate([scale, np.ones((1, *z.shape))]))


_SLOPE = weak_priors.independent(SLOPE_SD)
_THREE = weak_priors.independent(SLOPE_SD, SLOPE_SD, 10.0)
_TWO = weak_priors.independent(SLOPE_SD, SLOPE_SD)

MARGIN = Link("margin_link", ("log_slope",), _margin, _SLOPE, (0.0,))
BETA = Link("beta", ("log_a", "log_b", "c"), _beta, _THREE, (0.0, 0.0, 0.0))


def lapse(others: float = 19.0) -> Link:
    """Logistic, mixed with a coin at the lapse rate, of which Beta(1, others) is the prior."""
    start = (0.0, -float(np.log(others)))
    return Link(
        "lapse_link", ("log_slope", "logit_lapse"), _lapse, weak_priors.lapse(others), start
    )


LAPSE = lapse()


def line(n_columns: int) -> Link:
    """A straight line on the logit scale, by maximum likelihood."""
    names, flat = ("slope", "intercept")[:n_columns], (np.inf,) * n_columns
    return Link("line", names, _line, weak_priors.independent(*flat), (1.0, 0.0)[:n_columns])


def spline(n_columns: int) -> Link:
    """A rising curve on the logit scale from slopes at knots, each positive."""
    names = tuple(f"log_slope{j}" for j in range(n_columns))
    return Link("monotone_spline", names, _spline, weak_priors.walk(n_columns), (0.0,) * n_columns)


class Outcomes(NamedTuple):
    """Chances of loss, tie and win, and slopes of their logarithms.

    `chance` (problem, row, 3); `slope` (problem, row, 3, 2) by log slope and log threshold.
    """

    chance: Floats
    slope: Floats


def rao_kupper(theta: Floats, margin: Floats) -> Outcomes:
    """Win where the latent gap exceeds a threshold t: chances sigma(u - t) and sigma(-u - t)."""
    u, t = np.exp(theta[:, :1]) * margin, np.exp(theta[:, 1:])
    win, loss = expit(u - t), expit(-u - t)
    both = np.logaddexp(0, t - u) + np.logaddexp(0, t + u)  # of -log win and of -log loss
    drawn = -np.expm1(-2 * t) * np.exp(2 * t - both)  # 1 - win - loss, which would cancel
    chance = np.stack([loss, drawn, win], axis=-1)
    by_u = np.stack([-(1 - loss), loss - win, 1 - win], axis=-1)
    # log P(tie) = log(1 - e^-2t) + log win' + log loss', the chances of not losing, not winning
    tie = 2 * t / np.expm1(2 * t) + (win + loss) * t
    by_t = np.stack([-(1 - loss) * t, tie, -(1 - win) * t], axis=-1)
    return Outcomes(chance, np.stack([by_u * u[..., None], by_t], axis=-1))


def davidson(theta: Floats, margin: Floats) -> Outcomes:
    """Chances of win, tie and loss as e^(u/2) to nu to e^(-u/2)."""
    u, log_nu = np.exp(theta[:, :1]) * margin, theta[:, 1:]
    weight = np.stack([-u / 2, np.broadcast_to(log_nu, u.shape), u / 2], axis=-1)
    weight = np.exp(weight - weight.max(axis=-1, keepdims=True))
    chance = weight / weight.sum(axis=-1, keepdims=True)
    place = np.array([-0.5, 0.0, 0.5])
    by_u = place - (chance @ place)[..., None]
    by_nu = np.array([0.0, 1.0, 0.0]) - chance[..., 1:2]
    return Outcomes(chance, np.stack([by_u * u[..., None], by_nu], axis=-1))


def fit_outcomes(
    model: Callable[[Floats, Floats], Outcomes], margin: Floats, outcome: Floats, weight: Floats
) -> Floats:
    """Posterior modes of log slope and log threshold of a model of loss, tie and win.

    `margin` (row,) over its root mean square; `outcome` (row,) is 0, 1/2 or 1; `weight` (problem,
    row). Returns (problem, 2).
    """
    which = np.stack([outcome == 0, outcome == 0.5, outcome == 1], axis=-1).astype(float)
    every, known = as_cases(weight), _TWO.seen(len(weight))

    def ascent(theta: Floats, todo: Codes) -> Ascent:
        at, prior, w = model(theta, margin), _TWO.density(theta, known[todo]), every[todo]
        value = np.einsum("br,rc,brc->b", w, which, np.log(np.maximum(at.chance, SMALLEST_DIVISOR)))
        score = np.einsum("br,rc,brck->bk", w, which, at.slope, optimize=True)
        info = np.einsum("br,brc,brck,brcl->bkl", w, at.chance, at.slope, at.slope, optimize=True)
        return Ascent(value - prior.value, score - prior.gradient, info + prior.curvature)

    return climb(ascent, (0.0, 0.0), len(weight))
