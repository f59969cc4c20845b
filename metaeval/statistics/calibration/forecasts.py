"""Forecast probabilities and labels of each case.

Scores that are probabilities or log odds are used directly. Other scores are transformed by a
calibrator that is fitted on the items (clusters) of the other folds.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from metaeval.core import (
    ROUNDOFF,
    Bools,
    Codes,
    Floats,
    MetaevalError,
    UndefinedError,
    join_names,
    same_margins,
)
from metaeval.curves import calibrators, expit, fold_to_upper_half, logit
from metaeval.statistics.calibration.forecast_spec import Reading
from metaeval.statistics.folds import folds_of
from metaeval.statistics.sums import only_label
from metaeval.tables import Pairs, Table


class Cases(NamedTuple):
    """Forecasts and labels of the cases included in a calibration measure.

    `forecast` (case, scorer) is a probability (or, for ranks, any score); `label` (case,) is 1, 0
    or a proportion; `weight` (case,) is the weight of the case, such that items (or cases) have
    equal weight; `unit` (case,) is its cluster, else its item. `mirrored` cases are pairs in
    arbitrary order. If scores are log odds, or only ranks matter, `log_odds` (case, scorer) holds
    the raw scores, because a probability rounded to 0 or 1 has no finite log odds.
    """

    forecast: Floats
    label: Floats
    weight: Floats
    items: Codes
    unit: Codes
    n_items: int
    mirrored: bool
    scorers: list[str]
    log_odds: Floats | None = None

    def odds(self, m: int) -> Floats:
        """Return log odds of forecasts of one scorer, oriented as in `column`: (case,)."""
        if self.log_odds is None:
            return logit(self.column(m)[0])
        return np.abs(self.log_odds[:, m]) if self.mirrored else self.log_odds[:, m]

    def order(self, m: int) -> Floats:
        """Return an increasing function of the forecasts of `column` without roundoff: (case,).

        It is 0 at mirrored forecasts of 1/2.
        """
        if self.log_odds is not None:
            return self.odds(m)
        p = self.column(m)[0]
        return p - 0.5 if self.mirrored else p

    def column(self, m: int) -> tuple[Floats, Floats]:
        """Return forecasts and labels of one scorer; mirrored forecasts are at least 1/2."""
        p, y = self.forecast[:, m], self.label
        return fold_to_upper_half(p, y) if self.mirrored else (p, y)

    def confidence(self, m: int) -> tuple[Floats, Floats]:
        """Return confidence in the decisions of one scorer, and correctness: (case,) each."""
        if self.log_odds is None:
            return fold_to_upper_half(self.forecast[:, m], self.label)
        x = self.log_odds[:, m]
        right = np.where(x > 0, self.label, 1 - self.label)
        return np.abs(x), np.where(x == 0, 0.5, right)

    def totals(self) -> Floats:
        """Return the total weight of the cases of each item: (item,)."""
        return np.bincount(self.items, self.weight, self.n_items)

    def by_item(self, values: Floats) -> Floats:
        """Return weighted sums by item of values (case,): (item,)."""
        return np.bincount(self.items, values * self.weight, self.n_items)


_CACHE: weakref.WeakKeyDictionary[Any, dict[Reading, Cases]] = weakref.WeakKeyDictionary()


def cases_of(table: Table, reading: Reading) -> Cases:
    """Forecasts and labels of a table for a settled specification, cached with the table."""
    cached = _CACHE.setdefault(table, {})
    if reading not in cached:
        cached[reading] = _cases(table, reading)
    return cached[reading]


class Scored(NamedTuple):
    """Raw scores and labels of the cases included, and their row indices."""

    scores: Floats  # (case, scorer)
    label: Floats  # (case,)
    weight: Floats  # (case,)
    rows: Codes  # (case,)


def scored_of(table: Table, reading: Reading) -> Scored:
    """Cases of a table for a settled specification, before scores become forecasts."""
    pairs = reading.rows == "pairs"
    label, counts = (_preferred if pairs else _event)(table, reading)
    rows = np.flatnonzero(counts)
    scores, items = table.scores.to_numpy(), table.item_codes[rows]
    if len(rows) < len(scores):
        scores = scores[rows]
    if pairs:  # forecasts that differ by roundoff are one
        scores = same_margins(scores)
    _require_spread(table, scores, label[rows], pairs and not reading.ordered)
    weight = np.ones(len(rows))
    if reading.average == "items":
        weight = 1 / np.bincount(items, minlength=table.n_items)[items]
    return Scored(scores, label[rows], weight, rows)


def _cases(table: Table, reading: Reading) -> Cases:
    scored = scored_of(table, reading)
    if reading.is_calibrated or reading.ranked:
        first = _stated_forecasts(table, scored.scores, reading)
        forecast = np.stack([first, 1 - first]) if reading.ties_as_outcome else first[None]
    else:
        forecast = _cross_fitted(table, scored, reading)
    cases = Cases(
        forecast[0],
        scored.label,
        scored.weight,
        table.item_codes[scored.rows],
        np.unique(_units(table)[scored.rows], return_inverse=True)[1],
        table.n_items,
        reading.mirrored,
        table.scorers,
        scored.scores if reading.scale == "log_odds" or reading.by_order else None,
    )
    return _from_both_sides(cases, forecast[1]) if reading.ties_as_outcome else cases


def split_sides(values: Floats) -> tuple[Floats, Floats]:
    """Split values of two-sided cases into those of wins and of losses: (pair,) each."""
    n = len(values) // 2
    return values[:n], values[n:]


def tied_cases(cases: Cases) -> Cases:
    """Convert two-sided cases to one case per pair, with a tie as the event."""
    first, second = split_sides(cases.forecast)
    won, lost = split_sides(cases.label)
    n = len(won)
    return cases._replace(
        forecast=np.clip(1 - first - second, 0, 1),
        label=1 - won - lost,
        weight=2 * cases.weight[:n],
        items=cases.items[:n],
        unit=cases.unit[:n],
        log_odds=None,
    )


def _from_both_sides(cases: Cases, of_second: Floats) -> Cases:
    """Split each pair into two cases of half the weight: first preferred, second preferred."""
    won, lost = (cases.label == 1).astype(float), (cases.label == 0).astype(float)
    return cases._replace(
        forecast=np.concatenate([cases.forecast, of_second]),
        label=np.r_[won, lost],
        weight=np.r_[cases.weight, cases.weight] / 2,
        log_odds=None if cases.log_odds is None else np.r_[cases.log_odds, -cases.log_odds],
        items=np.r_[cases.items, cases.items],
        unit=np.r_[cases.unit, cases.unit],
        mirrored=False,
    )


def _preferred(table: Table, reading: Reading) -> tuple[Floats, Bools]:
    """Return whether the first response is preferred, and which pairs count: (pair,) each."""
    human = only_label(table)
    counts = np.ones(len(human), dtype=bool) if reading.ties_as_outcome else human != 0
    if not counts.any():
        raise MetaevalError("All labels are tied, so no pair has a preferred response.")
    return (1 + human) / 2, counts


def _event(table: Table, reading: Reading) -> tuple[Floats, Bools]:
    """Return whether the event occurred, and which responses count (all): (response,) each."""
    human = only_label(table)
    if reading.positive_from is not None:
        label = (human >= reading.positive_from).astype(float)
    elif ((human < -ROUNDOFF) | (human > 1 + ROUNDOFF)).any():
        raise MetaevalError(
            "Labels must be in [0, 1] to serve as outcomes of forecasts, got values from "
            f"{human.min():g} to {human.max():g}; define the event with positive_from=, or use "
            "rows='pairs'."
        )
    else:
        label = np.clip(human, 0.0, 1.0)
    return label, np.ones(len(human), dtype=bool)


def _require_spread(table: Table, scores: Floats, label: Floats, mirrored: bool) -> None:
    """Raise an error if labels or scores are constant."""
    if not mirrored and (label == label[0]).all():
        raise MetaevalError(
            f"All {len(label)} labels are {label[0]:g} (1 if the event occurred), so "
            "calibration is undefined; use another positive_from=, or rows='pairs'."
        )
    same = scores == (0.0 if mirrored else scores[:1])
    constant = [name for name, column in zip(table.scorers, same.T, strict=True) if column.all()]
    if constant:
        raise UndefinedError(
            f"Calibration is undefined for {join_names(constant, 5)}, whose "
            f"{'margins are all 0' if mirrored else 'scores are constant'}; exclude "
            f"{'it' if len(constant) == 1 else 'them'} (scorers=)."
        )


def _stated_forecasts(table: Table, scores: Floats, reading: Reading) -> Floats:
    """Forecasts given by scores that are probabilities or log odds: (case, scorer)."""
    if not reading.is_calibrated:
        return scores
    if reading.scale == "log_odds":
        return _symmetric(expit, scores) if reading.rows == "pairs" else expit(scores)
    margins = isinstance(table, Pairs)
    low, expected = (-1.0, "2p - 1") if margins else (0.0, "p")
    outside = np.asarray(((scores < low - ROUNDOFF) | (scores > 1 + ROUNDOFF)).any(axis=0))
    if outside.any():
        names = [name for name, odd in zip(table.scorers, outside.tolist(), strict=True) if odd]
        worst = scores[:, outside]
        raise MetaevalError(
            f"scale='probability' expects scores {expected} between {low:g} and 1, got values from "
            f"{worst.min():g} to {worst.max():g} of {join_names(names, 5)}; use scale='log_odds' "
            "for log odds, or scale='score' to calibrate them first."
        )
    scores = np.clip(scores, low, 1.0)  # removes roundoff
    return _symmetric(lambda size: (1 + size) / 2, scores) if margins else scores


def _symmetric(chance: Callable[[Floats], Floats], margin: Floats) -> Floats:
    """Forecasts at margins, with P(-d) = 1 - P(d) exactly."""
    p = chance(np.abs(margin))
    return np.where(margin < 0, 1 - p, p)


def _cross_fitted(table: Table, scored: Scored, reading: Reading) -> Floats:
    """Probabilities from calibrators fitted on the items (clusters) of the other folds.

    (side, case, scorer), with two sides of each pair if ties are an outcome, else one.
    """
    family = calibrators.BY_NAME[str(reading.calibrator)]
    x, y, w = scored.scores, scored.label, scored.weight
    _require_logarithms(x, family.name)
    fold = checked_folds(table, scored.rows, reading.n_folds)
    sides = (1.0, -1.0) if reading.ties_as_outcome else (1.0,)
    forecasts = np.empty((len(sides), *x.shape))
    for f in np.unique(fold):
        train, test = fold != f, fold == f
        if reading.rows == "responses" and (y[train] == y[train][0]).all():
            raise MetaevalError(
                f"All labels are equal when one of the {reading.n_folds} folds is held out, so "
                "that no calibrator can be fitted; use a smaller n_folds=, or scores that are "
                "probabilities."
            )
        for m in range(x.shape[1]):
            curve = family.curve(x[train, m], y[train], w[train], reading.mirrored)
            for side, sign in enumerate(sides):
                margins = sign * x[test, m]
                forecasts[side, test, m] = (
                    _symmetric(curve, margins) if reading.mirrored else curve(margins)
                )
    return forecasts


def _require_logarithms(scores: Floats, kind: str) -> None:
    if kind == "beta" and ((scores < 0) | (scores > 1)).any():
        raise MetaevalError(
            "calibrator='beta' needs scores between 0 and 1; use calibrator='platt' for other "
            "scores."
        )


def _units(table: Table) -> Codes:
    """Cluster of each row if clusters are declared, else its item: (row,)."""
    if "cluster" in table.rows:
        return np.asarray(table.rows["cluster"].cat.codes.to_numpy())
    return table.item_codes


def checked_folds(table: Table, rows: Codes, n_folds: int) -> Codes:
    """Fold of each case; an error if fewer items (clusters) have cases than there are folds."""
    unit = "cluster" if "cluster" in table.rows else "item"
    n = len(np.unique(_units(table)[rows]))
    if n < n_folds:
        raise MetaevalError(
            f"n_folds={n_folds} needs at least {n_folds} {unit}s with labels, got {n}; use a "
            "smaller n_folds=."
        )
    fold = folds_of(table, n_folds)[rows]
    if len(np.unique(fold)) < 2:
        raise MetaevalError(f"All {unit}s with labels are in one fold; use a different n_folds=.")
    return fold
