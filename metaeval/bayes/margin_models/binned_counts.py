"""From a table to counts of outcomes at margins, and what dependent pairs are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from metaeval.bayes.design import PRIOR_UNITS, differences
from metaeval.core import Codes, Floats
from metaeval.curves import bins_of, expit, link_functions, scale_of
from metaeval.inference import Design, Stratum
from metaeval.statistics import only_label
from metaeval.tables import Pairs

MOST_BINS = 256
_WITH_COVARIATES = (64, 4)  # bins of margins, and of each covariate within them
_LEAST_BINS = 32


class ScorerTaskData(NamedTuple):
    """One scorer in one task: rows, folded so that margins are not negative unless order counts."""

    margin: Floats  # (row,) over the scale of the scorer
    covariates: Floats  # (covariate, row)
    outcome: Codes  # (row,) from 0, loss, to the number of outcomes less 1, win
    unit: Codes  # (row,) position among the units of all tasks


class BinnedCounts(NamedTuple):
    """Rows of all cells in bins: (scorer, task, bin) each; bins that no row is in count nothing."""

    margin: Floats
    covariates: Floats  # (covariate, scorer, task, bin)
    counts: Floats  # (scorer, task, bin, outcome)
    place: list[list[Codes]]  # bin of each row of each cell
    effect: Floats  # (scorer, task): the design effect, by which counts are divided


class PairRows(NamedTuple):
    """Pairs of one task that count."""

    scores: Floats  # (row, scorer)
    covariates: Floats  # (covariate, row)
    label: Floats  # (row,)
    unit: Codes  # (row,) position among the units of all tasks


def rows_of(design: Design, covariates: Sequence[str], three: bool) -> list[PairRows]:
    """Pairs of each task that count: all, or those whose label takes a side."""
    found, before = [], 0
    for stratum in design.strata:
        pairs = stratum.table.pairs()
        label, unit = only_label(pairs), _unit(stratum, pairs) + before
        keep = ~np.isnan(label) if three else (label != 0) & ~np.isnan(label)
        before += len(stratum.units)
        more = differences(pairs, covariates)
        scores = pairs.scores[design.scorers].to_numpy()
        found.append(
            PairRows(
                scores=scores[keep], covariates=more[:, keep], label=label[keep], unit=unit[keep]
            )
        )
    return found


def _unit(stratum: Stratum, pairs: Pairs) -> Codes:
    return np.asarray(stratum.unit_of_items(pairs)[pairs.item_codes])


def cells_of(
    parts: Sequence[PairRows], three: bool, order: bool
) -> tuple[list[list[ScorerTaskData]], Floats]:
    """Cells (scorer, task), and the scale of the margins of each scorer: (scorer,).

    Margins and covariates are over the root mean squares of those that are not 0.
    """
    scores = np.concatenate([part.scores for part in parts])
    scale = np.array([scale_of(column) for column in scores.T])
    more = np.concatenate([part.covariates for part in parts], axis=1)
    per = np.array([scale_of(row) for row in more]).reshape(-1, 1)
    cells = [
        [
            folded(p.scores[:, k] / scale[k], p.covariates / per, p.label, p.unit, three, order)
            for p in parts
        ]
        for k in range(scores.shape[1])
    ]
    return cells, scale


def folded(
    margin: Floats, covariates: Floats, label: Floats, unit: Codes, three: bool, order: bool
) -> ScorerTaskData:
    """A cell seen from the side that the margin points to, unless the order means something."""
    sign = np.where(margin < 0, -1.0, 1.0) if not order else np.ones(len(margin))
    side = label * sign
    outcome = side + 1 if three else (side > 0)
    return ScorerTaskData(
        margin=margin * sign, covariates=covariates * sign, outcome=outcome.astype(int), unit=unit
    )


def binned(
    cells: Sequence[Sequence[ScorerTaskData]],
    n_outcomes: int,
    n_units: int,
    intercept: bool = False,
    folded_rows: bool = False,
) -> BinnedCounts:
    """Counts of outcomes in bins of every cell (scorer, task); see `design_effects`.

    Folded rows are seen from the side that the margin points to, no covariates among them.
    """
    places = [[_places(cell) for cell in row] for row in cells]
    most = max(int(place.max()) + 1 for row in places for place in row if len(place))
    size = max(_LEAST_BINS, 1 << (most - 1).bit_length())
    shape = (len(cells), len(cells[0]), size)
    n_covariates = len(cells[0][0].covariates)
    margin, counts = np.zeros(shape), np.zeros((*shape, n_outcomes))
    covariates = np.zeros((n_covariates, *shape))
    for k, row in enumerate(cells):
        for t, cell in enumerate(row):
            place = places[k][t]
            number = np.maximum(np.bincount(place, minlength=size), 1)
            margin[k, t] = np.bincount(place, cell.margin, size) / number
            for c, values in enumerate(cell.covariates):
                covariates[c, k, t] = np.bincount(place, values, size) / number
            np.add.at(counts[k, t], (place, cell.outcome), 1.0)
    if folded_rows:
        _halve(margin, counts)
    effect = design_effects(cells, places, margin, counts, n_units, intercept)
    return BinnedCounts(
        margin=margin,
        covariates=covariates,
        counts=counts / effect[..., None, None],
        place=places,
        effect=effect,
    )


def _halve(margin: Floats, counts: Floats) -> None:
    """At margin 0 either side is as good: labels there count half for each."""
    even = (counts[..., 0] + counts[..., -1]) / 2
    for side in (0, -1):
        counts[..., side] = np.where(margin == 0, even, counts[..., side])


def bins_for(n: int) -> int:
    """Bins for so many rows: errors of the rows' own number are larger than those of bins."""
    wanted = 1 << (int(2 * np.sqrt(n)) - 1).bit_length()
    return int(np.clip(wanted, _LEAST_BINS, MOST_BINS))


def _places(cell: ScorerTaskData) -> Codes:
    """Bin of each row: equal margins share one; with covariates, equal ranges of them too."""
    n = len(cell.margin)
    if not n:
        return np.zeros(0, dtype=int)
    bins, more = (bins_for(n), 0) if not len(cell.covariates) else _WITH_COVARIATES
    code = bins_of(cell.margin, np.ones(n), bins, "equal-mass")
    for values in cell.covariates:
        code = code * more + bins_of(values, np.ones(n), more, "equal-mass")
    return np.unique(code, return_inverse=True)[1]


class _Spread(NamedTuple):
    """Spread of the derivatives of the log likelihood by the parameters, by task."""

    rows: Floats  # (task, parameter, parameter): of rows
    units: Floats  # (task, parameter, parameter): of their sums over units
    number: Floats  # (task,): how many units there are


def design_effects(
    cells: Sequence[Sequence[ScorerTaskData]],
    places: Sequence[Sequence[Codes]],
    margin: Floats,
    counts: Floats,
    n_units: int,
    intercept: bool = False,
) -> Floats:
    """By how much dependent rows tell less than as many independent ones: (scorer, task), from 1.

    The mean ratio of clustered to independent variance of the parameters, at the mode of all
    tasks together; tasks lend each other what they say of it. 1 where every unit has one row.
    """
    effect = np.ones(margin.shape[:2])
    for k, row in enumerate(cells):
        if all(len(np.unique(cell.unit)) == len(cell.unit) for cell in row):
            continue
        slope = _slopes(margin[k].reshape(-1), counts[k].reshape(-1, counts.shape[-1]), intercept)
        spread = _spread(row, places[k], slope.reshape(*counts[k].shape, -1), n_units)
        pooled = _ratio(spread.rows.sum(axis=0), spread.units.sum(axis=0))
        own = np.array([_ratio(*of) for of in zip(spread.rows, spread.units, strict=True)])
        mixed = (spread.number * own + PRIOR_UNITS * pooled) / (spread.number + PRIOR_UNITS)
        single = [len(np.unique(cell.unit)) == len(cell.unit) for cell in row]
        effect[k] = np.where(single, 1.0, np.maximum(mixed, 1.0))
    return effect


def _spread(
    row: Sequence[ScorerTaskData], places: Sequence[Codes], slope: Floats, n_units: int
) -> _Spread:
    """Spread of one scorer's scores (task, bin, outcome, parameter) over its rows."""
    rows, units, number = [], [], []
    for t, cell in enumerate(row):
        score = slope[t, places[t], cell.outcome]
        score = score - score.mean(axis=0) if len(score) else score  # tasks differ from the mode
        sums = np.zeros((n_units, slope.shape[-1]))
        np.add.at(sums, cell.unit, score)
        rows.append(score.T @ score)
        units.append(sums.T @ sums)
        number.append(float(len(np.unique(cell.unit))))
    return _Spread(np.array(rows), np.array(units), np.array(number))


def _slopes(margin: Floats, counts: Floats, intercept: bool) -> Floats:
    """Derivatives of log probabilities of outcomes at the mode: (bin, outcome, parameter)."""
    n_outcomes = counts.shape[-1]
    flat, number = np.repeat(margin, n_outcomes), counts.reshape(-1)
    outcome = np.tile(np.arange(n_outcomes) / (n_outcomes - 1), len(margin))
    some = number > 0
    seen = outcome[some], number[some][None]
    if n_outcomes == 3:
        theta = link_functions.fit_outcomes(link_functions.rao_kupper, flat[some], *seen)
        return link_functions.rao_kupper(theta, margin).slope[0]
    if intercept:
        line = np.stack([margin, np.ones_like(margin)], axis=1)
        at = np.stack([flat[some], np.ones(some.sum())], axis=1)
        z = line @ link_functions.fit(link_functions.line(2), at, *seen)[0]
        return np.stack([-expit(z)[:, None] * line, expit(-z)[:, None] * line], axis=1)
    theta = link_functions.fit(link_functions.MARGIN, flat[some][:, None], *seen)
    z = np.exp(theta[0, 0]) * margin
    return np.stack([-expit(z) * z, expit(-z) * z], axis=-1)[..., None]


def _ratio(own: Floats, clustered: Floats) -> float:
    ridge = 1e-9 * np.eye(len(own)) * max(float(np.trace(own)), 1e-9)
    return float(np.trace(np.linalg.solve(own + ridge, clustered + ridge)) / len(own))
