"""From a table to counts of outcomes at margins, and what dependent pairs are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from metaeval import links
from metaeval.arrays import Codes, Floats
from metaeval.binning import bins_of
from metaeval.links import expit
from metaeval.maps import scale_of
from metaeval.prepare import Design, Stratum
from metaeval.statistics.base import only_label
from metaeval.tables import Pairs

MOST_BINS = 256
_WITH_COVARIATES = (64, 4)  # bins of margins, and of each covariate within them
_LEAST_BINS = 32
_AS_GOOD_AS = 20.0  # units: how many the design effect of other tasks counts as


class Cell(NamedTuple):
    """One scorer in one task: rows, folded so that margins are not negative unless order counts."""

    margin: Floats  # (row,) over the scale of the scorer
    covariates: Floats  # (covariate, row)
    outcome: Codes  # (row,) from 0, loss, to the number of outcomes less 1, win
    unit: Codes  # (row,) position among the units of all tasks


class Binned(NamedTuple):
    """Rows of all cells in bins: (scorer, task, bin) each; bins that no row is in count nothing."""

    margin: Floats
    covariates: Floats  # (covariate, scorer, task, bin)
    counts: Floats  # (scorer, task, bin, outcome)
    place: list[list[Codes]]  # bin of each row of each cell
    effect: Floats  # (scorer, task): the design effect, by which counts are divided


def rows_of(design: Design, three: bool) -> list[tuple[Pairs, Floats, Codes]]:
    """Pairs of each task that count, their labels, and the unit of each."""
    found, before = [], 0
    for stratum in design.strata:
        pairs = stratum.table.pairs()
        label, unit = only_label(pairs), _unit(stratum, pairs) + before
        keep = ~np.isnan(label) if three else label != 0
        before += len(stratum.units)
        pairs = pairs if keep.all() else pairs.keep_rows(keep)
        found.append((pairs, label[keep], unit[keep]))
    return found


def _unit(stratum: Stratum, pairs: Pairs) -> Codes:
    return np.asarray(stratum.unit_of_items(pairs)[pairs.item_codes])


def scales(parts: Sequence[tuple[Pairs, Floats, Codes]], scorers: Sequence[str]) -> Floats:
    """Root mean square of each scorer's margins that are not 0: (scorer,)."""
    columns = [np.concatenate([p.scores[name].to_numpy() for p, _, _ in parts]) for name in scorers]
    return np.array([scale_of(column) for column in columns])


def folded(
    margin: Floats, covariates: Floats, label: Floats, unit: Codes, three: bool, order: bool
) -> Cell:
    """A cell seen from the side that the margin points to, unless the order means something."""
    sign = np.where(margin < 0, -1.0, 1.0) if not order else np.ones(len(margin))
    side = label * sign
    outcome = side + 1 if three else (side > 0)
    return Cell(margin * sign, covariates * sign, outcome.astype(int), unit)


def binned(cells: Sequence[Sequence[Cell]], n_outcomes: int, n_units: int) -> Binned:
    """Counts of outcomes in bins of every cell (scorer, task)."""
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
    effect = design_effects(cells, places, margin, counts, n_units)
    return Binned(margin, covariates, counts / effect[..., None, None], places, effect)


def bins_for(n: int) -> int:
    """Bins for so many rows: errors of the rows' own number are larger than those of bins."""
    wanted = 1 << (int(2 * np.sqrt(n)) - 1).bit_length()
    return int(np.clip(wanted, _LEAST_BINS, MOST_BINS))


def _places(cell: Cell) -> Codes:
    """Bin of each row: equal margins share one; with covariates, equal ranges of them too."""
    n = len(cell.margin)
    if not n:
        return np.zeros(0, dtype=int)
    bins, more = (bins_for(n), 0) if not len(cell.covariates) else _WITH_COVARIATES
    code = bins_of(cell.margin, np.ones(n), bins, "equal-mass")
    for values in cell.covariates:
        code = code * more + bins_of(values, np.ones(n), more, "equal-mass")
    return np.unique(code, return_inverse=True)[1]


class _Scores(NamedTuple):
    """Derivatives of the log likelihood by two parameters, and what they add up to."""

    own: Floats  # (task, parameter, parameter): information
    clustered: Floats  # (task, parameter, parameter): spread of the sums over units
    units: Floats  # (task,): how many units
    single: Floats  # (task,): whether every unit has one row


def design_effects(
    cells: Sequence[Sequence[Cell]],
    places: Sequence[Sequence[Codes]],
    margin: Floats,
    counts: Floats,
    n_units: int,
) -> Floats:
    """By how much dependent rows tell less than as many independent ones: (scorer, task), from 1.

    The mean ratio of clustered to independent variance of the parameters, at the mode of all
    tasks together; tasks lend each other what they say of it. 1 where every unit has one row.
    """
    effect = np.ones(margin.shape[:2])
    for k, row in enumerate(cells):
        if all(len(np.unique(cell.unit)) == len(cell.unit) for cell in row):
            continue
        scores = _scores(row, places[k], margin[k], counts[k], n_units)
        pooled = _ratio(scores.own.sum(axis=0), scores.clustered.sum(axis=0))
        own = np.array([_ratio(*of) for of in zip(scores.own, scores.clustered, strict=True)])
        mixed = (scores.units * own + _AS_GOOD_AS * pooled) / (scores.units + _AS_GOOD_AS)
        effect[k] = np.where(scores.single > 0, 1.0, np.maximum(mixed, 1.0))
    return effect


def _scores(
    row: Sequence[Cell], places: Sequence[Codes], margin: Floats, counts: Floats, n_units: int
) -> _Scores:
    """Scores of all rows of a scorer at the mode of a model without lapses."""
    n_outcomes = counts.shape[-1]
    flat, number = np.repeat(margin.reshape(-1), n_outcomes), counts.reshape(-1)
    outcome = np.tile(np.arange(n_outcomes) / (n_outcomes - 1), margin.size)
    some = number > 0
    if n_outcomes == 3:
        theta = links.fit_outcomes(links.rao_kupper, flat[some], outcome[some], number[some][None])
        at = links.rao_kupper(theta, margin.reshape(-1))
        chance, slope = at.chance[0], at.slope[0]  # (bin, outcome), (bin, outcome, parameter)
    else:
        theta = links.fit(links.MARGIN, flat[some][:, None], outcome[some], number[some][None])
        z = np.exp(theta[0, 0]) * margin.reshape(-1)
        p = expit(z)
        chance = np.stack([1 - p, p], axis=-1)
        slope = np.stack([-p * z, (1 - p) * z], axis=-1)[..., None]
    shape = (*margin.shape, n_outcomes)
    chance, slope = chance.reshape(shape), slope.reshape(*shape, -1)
    total = counts.sum(axis=-1)
    own = np.einsum("tb,tbo,tboi,tboj->tij", total, chance, slope, slope)
    clustered, units, single = [], [], []
    for t, cell in enumerate(row):
        sums = np.zeros((n_units, slope.shape[-1]))
        np.add.at(sums, cell.unit, slope[t, places[t], cell.outcome])
        clustered.append(sums.T @ sums)
        units.append(len(np.unique(cell.unit)))
        single.append(units[-1] == len(cell.unit))
    return _Scores(own, np.array(clustered), np.array(units, float), np.array(single, float))


def _ratio(own: Floats, clustered: Floats) -> float:
    ridge = 1e-9 * np.eye(len(own)) * max(float(np.trace(own)), 1e-9)
    return float(np.trace(np.linalg.solve(own + ridge, clustered + ridge)) / len(own))


def information(margin: Floats, counts: Floats) -> Floats:
    """Rough information of each cell on its log slope: (scorer, task)."""
    total = counts.sum(axis=-1)
    p = expit(margin)
    return np.asarray((total * p * (1 - p) * margin**2).sum(axis=-1))
