"""Parametric curves from scores to probabilities, and how they are fitted.

Curves are defined on the logit scale. Parameters are unbounded and have weak priors, so that
perfectly separable labels give a steep but finite slope.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from metaeval.core import SMALLEST_DIVISOR, Codes, Floats
from metaeval.curves import weak_priors
from metaeval.curves.weak_priors import SLOPE_SD, Prior

_MOST_STEPS = 60  # of Newton's method, which needs about ten
_LONGEST = 1.5  # largest step in any parameter: far from the mode the quadratic overshoots
_TOLERANCE = 1e-9  # of the last step
_TINY = 1e-12  # ridge, for problems without information on a parameter
_SLACK = 1e-10  # relative decrease of the log density that is attributed to rounding


class LinkEvaluation(NamedTuple):
    """Probabilities and the derivatives of their logits by the parameters.

    `chance` (problem, row) of the event; `slope` (parameter, problem, row) of its logit, and
    `bend` its second derivatives: (parameter, parameter, problem, row), or (parameter, problem,
    row) where mixed ones are 0; None if all are.
    """

    chance: Floats
    slope: Floats
    bend: Floats | None = None


@dataclass(frozen=True)
class Link:
    """A parametric family of curves.

    `curve` maps parameters (problem, parameter) and design (row, column) to a `LinkEvaluation`.
    """

    name: str
    parameters: tuple[str, ...]
    curve: Callable[[Floats, Floats], LinkEvaluation]
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
    pseudo_data: Floats | None = None,
    n_cases: int | None = None,
) -> Floats:
    """Posterior modes of the parameters of a curve, for many problems on the same rows.

    Parameters
    ----------
    link : Link
    design : array (row, column)
        Input of the curve; for most, one column of scores.
    label : array (row,) or (problem, row)
        1, 0 or a proportion.
    weight : array (problem, row)
        Only ratios matter: weights are normalized to sum to the number of cases.
    start : array (parameter,), optional
    pseudo_data : array (problem, number), optional
        Pseudo-data of the prior, if different from its default.
    n_cases : int, optional
        Number of cases that the rows hold together; by default that of the rows.

    Returns
    -------
    array (problem, parameter)
    """
    cases, data = (
        normalize_weights(weight, n_cases),
        link.prior.observations(len(weight)) if pseudo_data is None else pseudo_data,
    )

    def ascent(theta: Floats, todo: Codes) -> NewtonState:
        curve, prior = link.curve(theta, design), link.prior.density(theta, data[todo])
        w, y = cases[todo], label if label.ndim == 1 else label[todo]
        value = _log_likelihood(curve.chance, y, w) - prior.value
        score = np.einsum("br,kbr->bk", w * (y - curve.chance), curve.slope) - prior.gradient
        curvature = information(curve, w) + prior.curvature
        if curve.bend is not None:
            bent = _bend(w * (y - curve.chance), curve.bend)
            curvature = _positive_definite(curvature - bent, curvature)
        return NewtonState(value, score, curvature)

    return newton_maximize(ascent, link.start if start is None else start, len(weight))


def _bend(residual: Floats, bend: Floats) -> Floats:
    """Weighted sums of second derivatives: (problem, parameter, parameter)."""
    if bend.ndim == residual.ndim + 2:
        return np.einsum("br,klbr->bkl", residual, bend, optimize=True)
    return np.einsum("br,kbr->bk", residual, bend)[..., None] * np.eye(len(bend))


def _positive_definite(observed: Floats, expected: Floats) -> Floats:
    """Observed information, which converges faster, where it is positive definite."""
    usable = np.linalg.eigvalsh(observed)[:, 0] > _TINY
    return np.where(usable[:, None, None], observed, expected)


def normalize_weights(weight: Floats, n_cases: int | None = None) -> Floats:
    """Weights (..., row) normalized to sum to the number of cases, by default that of rows."""
    total = np.maximum(weight.sum(axis=-1, keepdims=True), SMALLEST_DIVISOR)
    return np.asarray(weight * ((n_cases or weight.shape[-1]) / total))


def platt_targets(label: Floats, weight: Floats) -> Floats:
    """Labels (row,) smoothed by one pseudo-case of each class, so that slopes are finite.

    Platt (1999), Probabilistic outputs for support vector machines.
    """
    counted = normalize_weights(weight)
    ups, downs = float(counted @ label), float(counted @ (1 - label))
    return np.asarray(label * (ups + 1) / (ups + 2) + (1 - label) / (downs + 2))


class NewtonState(NamedTuple):
    """A log density at given parameters: value, gradient and curvature of each problem."""

    value: Floats  # (problem,)
    score: Floats  # (problem, parameter)
    curvature: Floats  # (problem, parameter, parameter), positive definite


def newton_maximize(
    ascent: Callable[[Floats, Codes], NewtonState], start: Sequence[float] | Floats, n: int
) -> Floats:
    """Modes of `n` problems, (problem, parameter): Newton's method with step halving.

    `ascent` takes parameters (problem, parameter) and the indices of their problems.
    """
    first = np.asarray(start, dtype=float)
    theta = np.broadcast_to(first, (n, len(first))).copy()
    best, step = theta.copy(), np.zeros_like(theta)
    gain, todo = np.full(n, -np.inf), np.arange(n)
    for _ in range(_MOST_STEPS):
        at = ascent(theta[todo], todo)
        worse = at.value < gain[todo] - _SLACK * (1 + np.abs(gain[todo]))
        better = todo[~worse]
        best[better], gain[better] = theta[better], at.value[~worse]
        step[todo] = np.where(worse[:, None], step[todo] / 2, _bounded_step(at))
        theta[todo] = best[todo] + step[todo]
        todo = todo[np.abs(step[todo]).max(axis=1) >= _TOLERANCE]
        if not len(todo):
            break
    return best


def _bounded_step(at: NewtonState) -> Floats:
    """Scoring step of each problem, limited in every parameter: (problem, parameter)."""
    ridge = _TINY * np.eye(at.score.shape[1])
    step = np.linalg.solve(at.curvature + ridge, at.score[..., None])[..., 0]
    longest = np.abs(step).max(axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1.0, _LONGEST / np.maximum(longest, _TINY)))


def _log_likelihood(chance: Floats, label: Floats, weight: Floats) -> Floats:
    inside = np.clip(chance, SMALLEST_DIVISOR, 1 - 1e-16)
    log_density = label * np.log(inside) + (1 - label) * np.log1p(-inside)
    return np.einsum("br,br->b", weight, log_density)


def information(curve: LinkEvaluation, weight: Floats) -> Floats:
    """Expected information of each problem: (problem, parameter, parameter)."""
    spread = weight * curve.chance * (1 - curve.chance)
    n, b = curve.slope.shape[:2]
    matrix = np.empty((b, n, n))
    for k, slope in enumerate(curve.slope):
        part = np.einsum("br,lbr->bl", spread * slope, curve.slope[: k + 1])
        matrix[:, k, : k + 1] = matrix[:, : k + 1, k] = part
    return matrix


def _margin(theta: Floats, design: Floats) -> LinkEvaluation:
    z = np.exp(theta) * design[:, 0]
    return LinkEvaluation(expit(z), z[None], z[None])


def _lapse(theta: Floats, design: Floats) -> LinkEvaluation:
    z = np.exp(theta[:, :1]) * design[:, 0]
    rate, sure = expit(theta[:, 1:]), expit(z)
    chance = rate / 2 + (1 - rate) * sure
    odds = np.maximum(chance * (1 - chance), SMALLEST_DIVISOR)
    slope = np.empty((2, *z.shape))
    slope[0] = (1 - rate) * sure * (1 - sure) * z / odds
    slope[1] = rate * (1 - rate) * (0.5 - sure) / odds
    bend = np.empty((2, 2, *z.shape))
    bend[0, 0] = slope[0] * (1 + (1 - 2 * sure) * z)
    bend[0, 1] = bend[1, 0] = -rate * slope[0]
    bend[1, 1] = slope[1] * (1 - 2 * rate)
    bend -= (1 - 2 * chance) * slope[:, None] * slope
    return LinkEvaluation(chance, slope, bend)


def _spline(theta: Floats, design: Floats) -> LinkEvaluation:
    contributions = np.exp(theta).T[:, :, None] * design.T[:, None]
    return LinkEvaluation(expit(contributions.sum(axis=0)), contributions, contributions)


def _line(theta: Floats, design: Floats) -> LinkEvaluation:
    z = theta @ design.T
    return LinkEvaluation(expit(z), np.broadcast_to(design.T[:, None], (design.shape[1], *z.shape)))


def _beta(theta: Floats, design: Floats) -> LinkEvaluation:
    scale = np.exp(theta[:, :2]).T[:, :, None] * design.T[:, None]
    z = scale.sum(axis=0) + theta[:, 2:]
    one = np.ones((1, *z.shape))
    slope, bend = np.concatenate([scale, one]), np.concatenate([scale, 0 * one])
    return LinkEvaluation(expit(z), slope, bend)


_SLOPE = weak_priors.independent(SLOPE_SD)
_THREE = weak_priors.independent(SLOPE_SD, SLOPE_SD, 10.0)
_TWO = weak_priors.independent(SLOPE_SD, SLOPE_SD)

MARGIN = Link("margin_link", ("log_slope",), _margin, _SLOPE, (0.0,))
BETA = Link("beta", ("log_a", "log_b", "c"), _beta, _THREE, (0.0, 0.0, 0.0))


def lapse(others: float = 19.0) -> Link:
    """Logistic curve mixed with random guessing at a lapse rate with a Beta(1, others) prior.

    The default prior has a mean lapse rate of 1 / 20.
    """
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
    """An increasing curve on the logit scale with positive slopes at knots."""
    names = tuple(f"log_slope{j}" for j in range(n_columns))
    return Link("monotone_spline", names, _spline, weak_priors.walk(n_columns), (0.0,) * n_columns)


class Outcomes(NamedTuple):
    """Probabilities of loss, tie and win, and derivatives of their logarithms.

    `chance` (problem, row, 3); `slope` (problem, row, 3, 2) by log slope and log threshold.
    """

    chance: Floats
    slope: Floats


def rao_kupper(theta: Floats, margin: Floats) -> Outcomes:
    """Rao and Kupper (1967): win and loss probabilities sigma(u - t) and sigma(-u - t)."""
    u, t = np.exp(theta[:, :1]) * margin, np.exp(theta[:, 1:])
    win, loss = expit(u - t), expit(-u - t)
    minus_logs = np.logaddexp(0, t - u) + np.logaddexp(0, t + u)  # -log win - log loss
    tie_chance = -np.expm1(-2 * t) * np.exp(
        2 * t - minus_logs
    )  # 1 - win - loss, which would cancel
    chance = np.stack([loss, tie_chance, win], axis=-1)
    by_u = np.stack([-(1 - loss), loss - win, 1 - win], axis=-1)
    # log P(tie) = log(1 - e^-2t) + log win' + log loss', the chances of not losing, not winning
    tie = 2 * t / np.expm1(2 * t) + (win + loss) * t
    by_t = np.stack([-(1 - loss) * t, tie, -(1 - win) * t], axis=-1)
    return Outcomes(chance, np.stack([by_u * u[..., None], by_t], axis=-1))


def davidson(theta: Floats, margin: Floats) -> Outcomes:
    """Davidson (1970): win, tie and loss probabilities proportional to e^(u/2), nu, e^(-u/2)."""
    u, log_nu = np.exp(theta[:, :1]) * margin, theta[:, 1:]
    weight = np.stack([-u / 2, np.broadcast_to(log_nu, u.shape), u / 2], axis=-1)
    weight = np.exp(weight - weight.max(axis=-1, keepdims=True))
    chance = weight / weight.sum(axis=-1, keepdims=True)
    scores = np.array([-0.5, 0.0, 0.5])
    by_u = scores - (chance @ scores)[..., None]
    by_nu = np.array([0.0, 1.0, 0.0]) - chance[..., 1:2]
    return Outcomes(chance, np.stack([by_u * u[..., None], by_nu], axis=-1))


def fit_outcomes(
    model: Callable[[Floats, Floats], Outcomes], margin: Floats, outcome: Floats, weight: Floats
) -> Floats:
    """Posterior modes of log slope and log threshold of a model of loss, tie and win.

    `margin` (row,) is divided by its root mean square; `outcome` (row,) is 0, 1/2 or 1; `weight`
    is (problem, row). Returns (problem, 2).
    """
    which = np.stack([outcome == 0, outcome == 0.5, outcome == 1], axis=-1).astype(float)
    cases, data = normalize_weights(weight), _TWO.observations(len(weight))

    def ascent(theta: Floats, todo: Codes) -> NewtonState:
        at, prior, w = model(theta, margin), _TWO.density(theta, data[todo]), cases[todo]
        value = np.einsum("br,rc,brc->b", w, which, np.log(np.maximum(at.chance, SMALLEST_DIVISOR)))
        score = np.einsum("br,rc,brck->bk", w, which, at.slope, optimize=True)
        info = np.einsum("br,brc,brck,brcl->bkl", w, at.chance, at.slope, at.slope, optimize=True)
        return NewtonState(value - prior.value, score - prior.gradient, info + prior.curvature)

    return newton_maximize(ascent, (0.0, 0.0), len(weight))
