"""Binned counts of outcomes at margins, and design effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from metaeval.bayes.design import PRIOR_UNITS, covariate_differences
from metaeval.core import Codes, Floats
from metaeval.curves import bins_of, expit, link_functions, scale_of
from metaeval.inference import Design, Stratum
from metaeval.statistics import only_label
from metaeval.tables import Pairs

MAX_BINS = 256  # with these, modes moved by less than a tenth of a standard deviation in a test
_COVARIATE_BINS = (64, 4)  # of margins, and of each covariate within them
_MIN_BINS = 32


@dataclass(frozen=True, kw_only=True)
class ScorerTaskData:
    """Rows of one scorer in one task, with nonnegative margins unless the order is recorded."""

    margin: Floats  # (row,), divided by the scale of the scorer
    covariates: Floats  # (covariate, row)
    outcome: Codes  # (row,), 0 for a loss, the number of outcomes minus one for a win
    unit: Codes  # (row,), position among the units of all tasks


@dataclass(frozen=True, kw_only=True)
class BinnedCounts:
    """Binned rows of all cells: (scorer, task, bin); empty bins have counts of 0."""

    margin: Floats
    covariates: Floats  # (covariate, scorer, task, bin)
    counts: Floats  # (scorer, task, bin, outcome)
    bin_index: list[list[Codes]]  # bin of each row of each cell
    design_effect: Floats  # (scorer, task); counts are divided by it


@dataclass(frozen=True, kw_only=True)
class PairRows:
    """Included pairs of one task."""

    scores: Floats  # (row, scorer)
    covariates: Floats  # (covariate, row)
    label: Floats  # (row,)
    unit: Codes  # (row,), position among the units of all tasks


def pair_rows(design: Design, covariates: Sequence[str], with_ties: bool) -> list[PairRows]:
    """Return the labeled pairs of each task, with or without those of tied labels."""
    tasks, offset = [], 0
    for stratum in design.strata:
        pairs = stratum.table.pairs()
        label, unit = only_label(pairs), _unit_of_rows(stratum, pairs) + offset
        included = ~np.isnan(label) if with_ties else (label != 0) & ~np.isnan(label)
        offset += len(stratum.units)
        covariate_values = covariate_differences(pairs, covariates)
        scores = pairs.scores[design.scorers].to_numpy()
        tasks.append(
            PairRows(
                scores=scores[included],
                covariates=covariate_values[:, included],
                label=label[included],
                unit=unit[included],
            )
        )
    return tasks


def _unit_of_rows(stratum: Stratum, pairs: Pairs) -> Codes:
    return np.asarray(stratum.unit_of_items(pairs)[pairs.item_codes])


def scorer_task_data(
    parts: Sequence[PairRows], with_ties: bool, order: bool
) -> tuple[list[list[ScorerTaskData]], Floats]:
    """Return cells (scorer, task), and the scale of the margins of each scorer: (scorer,).

    Margins and covariates are divided by the root mean squares of their nonzero values.
    """
    scores = np.concatenate([part.scores for part in parts])
    scale = np.array([scale_of(column) for column in scores.T])
    covariates = np.concatenate([part.covariates for part in parts], axis=1)
    covariate_scale = np.array([scale_of(row) for row in covariates]).reshape(-1, 1)
    cells = [
        [
            fold_pairs(
                p.scores[:, k] / scale[k],
                p.covariates / covariate_scale,
                p.label,
                p.unit,
                with_ties,
                order,
            )
            for p in parts
        ]
        for k in range(scores.shape[1])
    ]
    return cells, scale


def fold_pairs(
    margin: Floats, covariates: Floats, label: Floats, unit: Codes, with_ties: bool, order: bool
) -> ScorerTaskData:
    """Return a cell with signs relative to that of the margin, unless the order is recorded."""
    sign = np.where(margin < 0, -1.0, 1.0) if not order else np.ones(len(margin))
    signed_label = label * sign
    outcome = signed_label + 1 if with_ties else (signed_label > 0)
    return ScorerTaskData(
        margin=margin * sign, covariates=covariates * sign, outcome=outcome.astype(int), unit=unit
    )


def bin_counts(
    cells: Sequence[Sequence[ScorerTaskData]],
    n_outcomes: int,
    n_units: int,
    intercept: bool = False,
    folded_rows: bool = False,
) -> BinnedCounts:
    """Count outcomes in bins of each cell (scorer, task), divided by `design_effects`.

    `folded_rows`: outcomes are relative to the sign of the margin, and there are no covariates.
    """
    indices = [[_bin_index(cell) for cell in row] for row in cells]
    n_distinct = max(int(index.max()) + 1 for row in indices for index in row if len(index))
    n_bins = max(_MIN_BINS, 1 << (n_distinct - 1).bit_length())
    shape = (len(cells), len(cells[0]), n_bins)
    n_covariates = len(cells[0][0].covariates)
    margin, counts = np.zeros(shape), np.zeros((*shape, n_outcomes))
    covariates = np.zeros((n_covariates, *shape))
    for k, row in enumerate(cells):
        for t, cell in enumerate(row):
            index = indices[k][t]
            bin_size = np.maximum(np.bincount(index, minlength=n_bins), 1)
            margin[k, t] = np.bincount(index, cell.margin, n_bins) / bin_size
            for c, values in enumerate(cell.covariates):
                covariates[c, k, t] = np.bincount(index, values, n_bins) / bin_size
            np.add.at(counts[k, t], (index, cell.outcome), 1.0)
    if folded_rows:
        _split_zero_margin(margin, counts)
    effects = design_effects(cells, indices, margin, counts, n_units, intercept)
    return BinnedCounts(
        margin=margin,
        covariates=covariates,
        counts=counts / effects[..., None, None],
        bin_index=indices,
        design_effect=effects,
    )


def _split_zero_margin(margin: Floats, counts: Floats) -> None:
    """Split counts at margin 0 evenly between the two sides, which are equivalent there."""
    half = (counts[..., 0] + counts[..., -1]) / 2
    for side in (0, -1):
        counts[..., side] = np.where(margin == 0, half, counts[..., side])


def bins_for(n: int) -> int:
    """Return the number of bins for n rows, so that binning error is below sampling error."""
    n_bins = 1 << (int(2 * np.sqrt(n)) - 1).bit_length()
    return int(np.clip(n_bins, _MIN_BINS, MAX_BINS))


def _bin_index(cell: ScorerTaskData) -> Codes:
    """Return the bin of each row, by margin and, if present, by covariates; ties share a bin."""
    n = len(cell.margin)
    if not n:
        return np.zeros(0, dtype=int)
    n_bins, n_covariate_bins = (bins_for(n), 0) if not len(cell.covariates) else _COVARIATE_BINS
    code = bins_of(cell.margin, np.ones(n), n_bins, "equal-mass")
    for values in cell.covariates:
        code = code * n_covariate_bins + bins_of(values, np.ones(n), n_covariate_bins, "equal-mass")
    return np.unique(code, return_inverse=True)[1]


class _ScoreCovariance(NamedTuple):
    """Covariance of the score (gradient of the log likelihood) by task."""

    of_rows: Floats  # (task, parameter, parameter)
    of_units: Floats  # (task, parameter, parameter), of sums over the rows of a unit
    n_units: Floats  # (task,)


def design_effects(
    cells: Sequence[Sequence[ScorerTaskData]],
    bin_index: Sequence[Sequence[Codes]],
    margin: Floats,
    counts: Floats,
    n_units: int,
    intercept: bool = False,
) -> Floats:
    """Compute design effects of dependent rows, at least 1: (scorer, task).

    The mean ratio of clustered to independent variance of the parameters, at the mode of all tasks
    pooled, shrunk to the ratio over all tasks. 1 if every unit has one row.
    """
    effect = np.ones(margin.shape[:2])
    for k, row in enumerate(cells):
        if all(len(np.unique(cell.unit)) == len(cell.unit) for cell in row):
            continue
        derivatives = _scores_at_mode(
            margin[k].reshape(-1), counts[k].reshape(-1, counts.shape[-1]), intercept
        )
        covariance = _score_covariance(
            row, bin_index[k], derivatives.reshape(*counts[k].shape, -1), n_units
        )
        pooled = _variance_ratio(covariance.of_rows.sum(axis=0), covariance.of_units.sum(axis=0))
        by_task = np.array(
            [
                _variance_ratio(*pair)
                for pair in zip(covariance.of_rows, covariance.of_units, strict=True)
            ]
        )
        mixed = (covariance.n_units * by_task + PRIOR_UNITS * pooled) / (
            covariance.n_units + PRIOR_UNITS
        )
        one_row = [len(np.unique(cell.unit)) == len(cell.unit) for cell in row]
        effect[k] = np.where(one_row, 1.0, np.maximum(mixed, 1.0))
    return effect


def _score_covariance(
    row: Sequence[ScorerTaskData], bin_index: Sequence[Codes], derivatives: Floats, n_units: int
) -> _ScoreCovariance:
    """Compute the covariance of the score of one scorer, over rows and over units, by task."""
    rows, units, n_units_of_task = [], [], []
    for t, cell in enumerate(row):
        score = derivatives[t, bin_index[t], cell.outcome]
        score = score - score.mean(axis=0) if len(score) else score  # not 0 in a single task
        sums = np.zeros((n_units, derivatives.shape[-1]))
        np.add.at(sums, cell.unit, score)
        rows.append(score.T @ score)
        units.append(sums.T @ sums)
        n_units_of_task.append(float(len(np.unique(cell.unit))))
    return _ScoreCovariance(np.array(rows), np.array(units), np.array(n_units_of_task))


def _scores_at_mode(margin: Floats, counts: Floats, intercept: bool) -> Floats:
    """Return derivatives of log outcome probabilities at the mode: (bin, outcome, parameter)."""
    n_outcomes = counts.shape[-1]
    margins, weights = np.repeat(margin, n_outcomes), counts.reshape(-1)
    outcome = np.tile(np.arange(n_outcomes) / (n_outcomes - 1), len(margin))
    nonempty = weights > 0
    observations = outcome[nonempty], weights[nonempty][None]
    if n_outcomes == 3:
        theta = link_functions.fit_outcomes(
            link_functions.rao_kupper, margins[nonempty], *observations
        )
        return link_functions.rao_kupper(theta, margin).slope[0]
    if intercept:
        line = np.stack([margin, np.ones_like(margin)], axis=1)
        regressors = np.stack([margins[nonempty], np.ones(nonempty.sum())], axis=1)
        z = line @ link_functions.fit(link_functions.line(2), regressors, *observations)[0]
        return np.stack([-expit(z)[:, None] * line, expit(-z)[:, None] * line], axis=1)
    theta = link_functions.fit(link_functions.MARGIN, margins[nonempty][:, None], *observations)
    z = np.exp(theta[0, 0]) * margin
    return np.stack([-expit(z) * z, expit(-z) * z], axis=-1)[..., None]


def _variance_ratio(independent: Floats, clustered: Floats) -> float:
    """Return the mean ratio of variances; a tiny ridge keeps singular matrices solvable."""
    ridge = 1e-9 * np.eye(len(independent)) * max(float(np.trace(independent)), 1e-9)
    return float(
        np.trace(np.linalg.solve(independent + ridge, clustered + ridge)) / len(independent)
    )
