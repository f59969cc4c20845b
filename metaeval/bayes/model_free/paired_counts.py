"""How probable it is that one scorer is better than another, from counts of paired verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from metaeval.core import Floats, MetaevalError, check_not_negative

_CREDITS = np.array([-1.0, -0.5, 0.5, 1.0])  # differences of the credits of two scorers

# The trapezoid rule of the contour integral: how far apart its nodes are, and how many.
_STEP = 0.1
_NODES = 400
_TABLES_PER_BLOCK = 500
_BISECTIONS = 60


def prob_better(counts: Any, prior: float = 1.0) -> Any:
    r"""Probability that scorer A is more often right than B, from a table of paired verdicts.

    Parameters
    ----------
    counts : array (..., k, k)
        Items by the credit of A (rows) and of B (columns), the credit growing: k = 2 for wrong,
        right; k = 3 for wrong, half (tie), right. They need not be whole.
    prior : float, default 1
        Dirichlet(prior, ..., prior) on the cells of the table.

    Returns
    -------
    float or array (...)
        P(mean credit of A > mean credit of B | counts).

    Raises
    ------
    MetaevalError
        If the counts are not a table, or the prior is not above 0.

    Notes
    -----
    Only items on which the two differ matter. With k = 2 it is
    P(Beta(prior + n10, prior + n01) > 1/2), n10 being the items on which only A is right. With
    k = 3 cells are added up by their difference of credits, c = -1, -1/2, 1/2, 1 (for that the
    Dirichlet has the shapes added up); it is P(S > 0), :math:`S = \sum_c c\,G_c` with independent
    Gamma(shape) variables, whose moment generating function is
    :math:`M(s) = \prod_c (1 - c s)^{-a_c}`. The smaller tail is the integral of
    :math:`M(s) / (2 \pi i s)` along a line through the saddle point, by the trapezoid rule after
    a sinh transform; its error is below 1e-10.

    References
    ----------
    Daniels (1987), Tail probability approximations. Altham (1969), Exact Bayesian analysis of a
    2 x 2 contingency table.

    Examples
    --------
    >>> from metaeval.bayes import prob_better
    >>> float(round(prob_better([[30, 5], [12, 53]]), 4))
    0.9519
    >>> float(prob_better([[30, 4, 5], [4, 11, 2], [5, 2, 37]]))
    0.5
    """
    tables = _tables(counts)
    if not (check_not_negative("prior", prior) > 0):
        raise MetaevalError(f"prior={prior!r} must be above 0; 1 is uniform over the tables.")
    probability = _prob_two_outcomes if tables.shape[-1] == 2 else _prob_three_outcomes
    return probability(tables, float(prior))[()]


def _tables(counts: Any) -> Floats:
    """Counts as an array (..., k, k)."""
    try:
        tables = np.asarray(counts, dtype=float)
    except (TypeError, ValueError):
        raise MetaevalError(
            "counts must be one table of numbers, or an array of such; its rows differ in length "
            "or hold something else. Give [[both wrong, only B right], [only A right, both right]]."
        ) from None
    if tables.ndim < 2 or tables.shape[-2:] not in ((2, 2), (3, 3)):
        raise MetaevalError(
            f"counts has shape {tables.shape}; expected (..., 2, 2) for wrong and right, or "
            "(..., 3, 3) for wrong, tie and right, A in rows and B in columns."
        )
    if not (np.isfinite(tables) & (tables >= 0)).all():
        raise MetaevalError("counts must be numbers of at least 0; replace NaN by 0.")
    return tables


def _prob_two_outcomes(tables: Floats, prior: float) -> Floats:
    """P(A > B) for verdicts that are wrong or right."""
    from scipy.special import betainc

    a, b = tables[..., 1, 0] + prior, tables[..., 0, 1] + prior
    return np.where(a == b, 0.5, betainc(b, a, 0.5))


def _prob_three_outcomes(tables: Floats, prior: float) -> Floats:
    """P(A > B) for verdicts that may earn half a credit."""
    alpha = tables + prior
    halves = alpha[..., 0, 1] + alpha[..., 1, 2], alpha[..., 1, 0] + alpha[..., 2, 1]
    shapes = np.stack([alpha[..., 0, 2], *halves, alpha[..., 2, 0]], axis=-1)
    rows = shapes.reshape(-1, len(_CREDITS))
    probabilities = [
        _prob_positive(rows[i : i + _TABLES_PER_BLOCK], _CREDITS)
        for i in range(0, len(rows), _TABLES_PER_BLOCK)
    ]
    symmetric = (shapes == shapes[..., ::-1]).all(axis=-1)
    return np.where(
        symmetric, 0.5, np.reshape(np.concatenate([*probabilities, []]), symmetric.shape)
    )


def _prob_positive(shapes: Floats, credits: Floats) -> Floats:
    """P(sum of credits times Gamma(shapes) > 0): (table,), the smaller tail integrated."""
    sign = np.where(shapes @ credits > 0, -1.0, 1.0)
    tail = np.maximum(_tail(shapes, sign[:, None] * credits), 0.0)
    return np.where(sign < 0, 1 - tail, tail)


def _tail(shapes: Floats, credits: Floats) -> Floats:
    """P(S > 0) for shapes and credits (table, term), the largest credit being 1: (table,)."""
    c = _saddle(shapes, credits)
    curvature = (shapes * (credits / (1 - credits * c[:, None])) ** 2).sum(axis=1) + 1 / c**2
    scale = np.min([1 / np.sqrt(curvature), c, 1 - c], axis=0)[:, None]
    u = _STEP * np.arange(_NODES)
    s = c[:, None] + 1j * scale * np.sinh(u)
    log = -np.log(s)
    for shape, credit in zip(shapes.T, credits.T, strict=True):
        log -= shape[:, None] * np.log(1 - credit[:, None] * s)
    value = np.exp(log).real * scale * np.cosh(u)
    decay = _STEP * shapes.sum(axis=1)
    rest = value[:, -1] * np.exp(-decay) / -np.expm1(-decay)  # beyond the nodes: geometric
    return np.asarray(_STEP / np.pi * (value.sum(axis=1) - value[:, 0] / 2 + rest))


def _saddle(shapes: Floats, credits: Floats) -> Floats:
    """Where M(s) / s is least on (0, 1): (table,), by bisection; any point there would do."""
    low, high = np.zeros(len(shapes)), np.ones(len(shapes))
    for _ in range(_BISECTIONS):
        s = (low + high) / 2
        rising = (shapes * credits / (1 - credits * s[:, None])).sum(axis=1) > 1 / s
        low, high = np.where(rising, low, s), np.where(rising, s, high)
    return (low + high) / 2
