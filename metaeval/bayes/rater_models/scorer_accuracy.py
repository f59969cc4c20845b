"""How often scorers call the truth, which is not known, only its probability given labels."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.random import Generator
from scipy import sparse

from metaeval.bayes.rater_models.confusion import blocks, call_layout, posterior_by_range
from metaeval.core import SMALLEST_DIVISOR, Codes, Floats, double_precision

_ROUNDS, _CLOSE = 1_000, 1e-6


class ScorerDecisions(NamedTuple):
    """What scorers call the rows: second, tie or first.

    `members` (group of units, pattern * scorer * call): rows of each, sparse; `size` (group,) is
    how many units are alike and hence together.
    """

    members: Any
    size: Floats
    n_patterns: int
    n_scorers: int


def count_decisions(pattern: Codes, unit: Codes, call: Codes, n_patterns: int) -> ScorerDecisions:
    """Count rows by unit, pattern and call; `pattern`, `unit` (row,), `call` (row, scorer)."""
    n_scorers = call.shape[1]
    size = np.ones(unit.max() + 1)
    if len(size) == len(unit):  # one row each: those with equal patterns and calls go together
        profile = np.column_stack([pattern, call])
        _, first, unit, size = np.unique(
            profile, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        pattern, call, unit = pattern[first], call[first], np.arange(len(first))
    column = (pattern[:, None] * n_scorers + np.arange(n_scorers)) * 3 + call
    rows = np.repeat(unit, n_scorers)
    shape = (len(size), n_patterns * n_scorers * 3)
    members = sparse.csr_array((np.ones(rows.size), (rows, column.ravel())), shape=shape)
    return ScorerDecisions(
        members=members, size=size.astype(float), n_patterns=n_patterns, n_scorers=n_scorers
    )


def scorer_confusion_draws(
    calls: ScorerDecisions,
    labels: Floats,
    prevalence: Floats,
    confusion: Floats,
    ordered: bool,
    rng: Generator,
) -> Floats:
    """What scorers call each truth, for each draw of raters: (draw, scorer, truth, call).

    `labels` (range, pattern, rater, label), `prevalence` (draw, range, truth), `confusion` (draw,
    range, rater, truth, label).

    Units are weighted at random (Bayesian bootstrap); given weights and raters, the tables are
    those of greatest likelihood, each call being independent of labels given the truth. What is
    added to them at random makes them draws with Jeffreys priors where the truth is known.
    """
    layout = call_layout(prevalence.shape[-1], ordered)
    n_draws, width = len(prevalence), calls.members.shape[1]
    found = []
    for some in blocks(n_draws, max(width, len(calls.size))):
        truth = posterior_by_range(labels, prevalence[some], confusion[some])
        weights = rng.standard_gamma(calls.size, (len(truth), len(calls.size))) @ calls.members
        weights = weights.reshape(len(truth), calls.n_patterns, calls.n_scorers, 3)
        added = rng.standard_gamma(layout.prior, (len(truth), calls.n_scorers, len(layout.prior)))
        with double_precision():
            table = _fitted(truth, weights.swapaxes(1, 2), added, ordered=ordered)
        found.append(np.asarray(table))
    return layout.matrix(np.concatenate(found))


@functools.partial(jax.jit, static_argnames=("ordered",))
def _fitted(truth: Any, weights: Any, added: Any, *, ordered: bool) -> Any:
    """Parameters of greatest likelihood, by EM: (draw, scorer, parameter).

    `truth` (draw, pattern, truth), `weights` (draw, scorer, pattern, call), `added` numbers.
    """
    layout = call_layout(truth.shape[-1], ordered)

    def better(now: Any) -> Any:
        values, _, n = now
        table = layout.matrix(values)
        mixed = jnp.einsum("duc,dmck->dmuk", truth, table)
        ratio = weights / jnp.maximum(mixed, SMALLEST_DIVISOR)
        counts = table * jnp.einsum("duc,dmuk->dmck", truth, ratio)
        total = counts.reshape(*counts.shape[:2], -1) @ layout.members + added
        new = total / jnp.maximum(total @ layout.together, SMALLEST_DIVISOR)
        return new, jnp.abs(new - values).max(), n + 1

    def going(now: Any) -> Any:
        return (now[1] > _CLOSE) & (now[2] < _ROUNDS)

    start = jnp.ones_like(added) / (jnp.ones_like(added) @ layout.together)
    return jax.lax.while_loop(going, better, (start, jnp.array(1.0), jnp.array(0)))[0]


def corrected_accuracy(tables: Floats, prevalence: Floats) -> tuple[Floats, Floats]:
    """Half-credit accuracy where responses truly differ, and agreement with the truth.

    Both (draw, scorer); `tables` (draw, scorer, truth, call), `prevalence` (draw, truth).
    """
    n_classes = prevalence.shape[-1]
    sides, call = np.array([0, n_classes - 1]), np.array([0, 2])
    right = tables[..., sides, call]
    half = right + tables[..., sides, 1] / 2
    rate = prevalence[:, None, sides]
    accuracy = (rate * half).sum(axis=-1) / rate.sum(axis=-1)
    agreement = (rate * right).sum(axis=-1)
    if n_classes == 3:
        agreement = agreement + prevalence[:, None, 1] * tables[..., 1, 1]
    return accuracy, agreement
