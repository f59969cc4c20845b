"""Accuracy of scorers against the latent truth."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.random import Generator
from scipy import sparse

from metaeval.bayes.rater_models.confusion import decision_layout, draw_blocks, posterior_by_range
from metaeval.core import SMALLEST_DIVISOR, Codes, Floats, double_precision

_MAX_ITERATIONS, _TOLERANCE = 1_000, 1e-6  # of EM; posterior SDs of accuracies are far larger


@dataclass(frozen=True, kw_only=True)
class ScorerDecisions:
    """Decisions of scorers: second, tie or first.

    `counts` (group, pattern * scorer * decision) are sparse counts of rows in one unit of each
    group; `n_units` (group,) is the number of identical units in a group.
    """

    counts: Any
    n_units: Floats
    n_patterns: int
    n_scorers: int


def count_decisions(
    pattern: Codes, unit: Codes, decision: Codes, n_patterns: int
) -> ScorerDecisions:
    """Count rows by unit, `pattern` (row,) and `decision` (row, scorer)."""
    n_scorers = decision.shape[1]
    size = np.ones(unit.max() + 1)
    if len(size) == len(unit):  # one row per unit: identical units are grouped
        profile = np.column_stack([pattern, decision])
        _, first, unit, size = np.unique(
            profile, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        pattern, decision, unit = pattern[first], decision[first], np.arange(len(first))
    column = (pattern[:, None] * n_scorers + np.arange(n_scorers)) * 3 + decision
    rows = np.repeat(unit, n_scorers)
    shape = (len(size), n_patterns * n_scorers * 3)
    counts = sparse.csr_array((np.ones(rows.size), (rows, column.ravel())), shape=shape)
    return ScorerDecisions(
        counts=counts, n_units=size.astype(float), n_patterns=n_patterns, n_scorers=n_scorers
    )


def scorer_confusion_draws(
    decisions: ScorerDecisions,
    labels: Floats,
    prevalence: Floats,
    confusion: Floats,
    ordered: bool,
    rng: Generator,
) -> Floats:
    """Draw confusion matrices of scorers for each draw: (draw, scorer, truth, decision).

    `labels` (range, pattern, rater, label), `prevalence` (draw, range, truth), `confusion` (draw,
    range, rater, truth, label).

    Units have random weights (Bayesian bootstrap). Given weights and raters, the matrices are
    maximum likelihood estimates under independence of decisions and labels given the truth, with
    gamma variables added to the counts: if the truth were known these would be posterior draws
    under Jeffreys priors.
    """
    layout = decision_layout(prevalence.shape[-1], ordered)
    n_draws, width = len(prevalence), decisions.counts.shape[1]
    tables = []
    for block in draw_blocks(n_draws, max(width, len(decisions.n_units))):
        truth = posterior_by_range(labels, prevalence[block], confusion[block])
        weights = (
            rng.standard_gamma(decisions.n_units, (len(truth), len(decisions.n_units)))
            @ decisions.counts
        )
        weights = weights.reshape(len(truth), decisions.n_patterns, decisions.n_scorers, 3)
        prior_draws = rng.standard_gamma(
            layout.prior, (len(truth), decisions.n_scorers, len(layout.prior))
        )
        with double_precision():
            table = _fit_tables(truth, weights.swapaxes(1, 2), prior_draws, ordered=ordered)
        tables.append(np.asarray(table))
    return layout.matrix(np.concatenate(tables))


@functools.partial(jax.jit, static_argnames=("ordered",))
def _fit_tables(truth: Any, weights: Any, prior_draws: Any, *, ordered: bool) -> Any:
    """Maximize the likelihood by EM: (draw, scorer, parameter).

    `truth` (draw, pattern, truth), `weights` (draw, scorer, pattern, decision), `prior_draws`
    (draw, scorer, parameter) are added to the counts.
    """
    layout = decision_layout(truth.shape[-1], ordered)

    def em_step(state: Any) -> Any:
        values, _, n = state
        table = layout.matrix(values)
        probability = jnp.einsum("duc,dmck->dmuk", truth, table)
        ratio = weights / jnp.maximum(probability, SMALLEST_DIVISOR)
        counts = table * jnp.einsum("duc,dmuk->dmck", truth, ratio)
        parameters = counts.reshape(*counts.shape[:2], -1) @ layout.cell_parameters + prior_draws
        new = parameters / jnp.maximum(parameters @ layout.same_group, SMALLEST_DIVISOR)
        return new, jnp.abs(new - values).max(), n + 1

    def unconverged(state: Any) -> Any:
        return (state[1] > _TOLERANCE) & (state[2] < _MAX_ITERATIONS)

    start = jnp.ones_like(prior_draws) / (jnp.ones_like(prior_draws) @ layout.same_group)
    return jax.lax.while_loop(unconverged, em_step, (start, jnp.array(1.0), jnp.array(0)))[0]


def corrected_accuracy(tables: Floats, prevalence: Floats) -> tuple[Floats, Floats]:
    """Compute half-credit accuracy on truly different responses, and agreement with the truth.

    Both (draw, scorer); `tables` (draw, scorer, truth, decision), `prevalence` (draw, truth).
    """
    n_classes = prevalence.shape[-1]
    sides, decision = np.array([0, n_classes - 1]), np.array([0, 2])
    correct = tables[..., sides, decision]
    credit = correct + tables[..., sides, 1] / 2
    side_prevalence = prevalence[:, None, sides]
    accuracy = (side_prevalence * credit).sum(axis=-1) / side_prevalence.sum(axis=-1)
    agreement = (side_prevalence * correct).sum(axis=-1)
    if n_classes == 3:
        agreement = agreement + prevalence[:, None, 1] * tables[..., 1, 1]
    return accuracy, agreement
