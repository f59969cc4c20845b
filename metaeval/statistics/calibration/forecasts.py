"""Forecasts: what a scorer says of each case as a probability, beside what the labels say.

A scorer that gives probabilities, or their logits, is taken at its word. Other scores go through a
map that is fitted on the items (clusters) of the other folds.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from metaeval.core import ROUNDOFF, Bools, Codes, Floats, MetaevalError, UndefinedError, join_names
from metaeval.curves import calibrators, expit, fold_to_upper_half, logit
from metaeval.statistics.calibration.forecast_spec import Reading
from metaeval.statistics.folds import folds_of
from metaeval.statistics.sums import only_label
from metaeval.tables import Pairs, Table


class Cases(NamedTuple):
    """What calibration measures look at; cases that do not count are left out.

    `forecast` (case, scorer) is a probability (or, for ranks, any score); `label` (case,) is 1, 0
    or a share; `weight` (case,) is the case's within its item, so that items (or cases) count
    alike; `unit` (case,) is its cluster, else its item. `mirrored` cases are pairs whose order
    means nothing. Where scores are log odds, or only ranks count, `log_odds` (case, scorer) keeps
    them as they are: probabilities that are rounded to 0 or 1 have no log odds.
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
        """Log odds of the forecasts of one scorer, turned as `column` turns them: (case,)."""
        if self.log_odds is None:
            return logit(self.column(m)[0])
        return np.abs(self.log_odds[:, m]) if self.mirrored else self.log_odds[:, m]

    def order(self, m: int) -> Floats:
        """What rises with the forecasts of `column` and rounds no two of them to one: (case,).

        Mirrored forecasts of 1/2 are at 0.
        """
        if self.log_odds is not None:
            return self.odds(m)
        p = self.column(m)[0]
        return p - 0.5 if self.mirrored else p

    def column(self, m: int) -> tuple[Floats, Floats]:
        """Forecasts and labels of one scorer, mirrored ones turned to at least 1/2: (case,)."""
        p, y = self.forecast[:, m], self.label
        return fold_to_upper_half(p, y) if self.mirrored else (p, y)

    def sureness(self, m: int) -> tuple[Floats, Floats]:
        """How sure one scorer is of a decision, and whether that is right: (case,) each."""
        if self.log_odds is None:
            return fold_to_upper_half(self.forecast[:, m], self.label)
        x = self.log_odds[:, m]
        right = np.where(x > 0, self.label, 1 - self.label)
        return np.abs(x), np.where(x == 0, 0.5, right)

    def totals(self) -> Floats:
        """Weight of the cases of each item: (item,)."""
        return np.bincount(self.items, self.weight, self.n_items)

    def by_item(self, values: Floats) -> Floats:
        """Weighted sums by item of values of cases (case,): (item,)."""
        return np.bincount(self.items, values * self.weight, self.n_items)


_KEPT: weakref.WeakKeyDictionary[Any, dict[Reading, Cases]] = weakref.WeakKeyDictionary()


def cases_of(table: Table, reading: Reading) -> Cases:
    """Forecasts and labels of a table by a settled reading; kept while the table is."""
    kept = _KEPT.setdefault(table, {})
    if reading not in kept:
        kept[reading] = _cases(table, reading)
    return kept[reading]


class Scored(NamedTuple):
    """Scores as they are, beside labels, of the cases that count: `rows` are their places."""

    scores: Floats  # (case, scorer)
    label: Floats  # (case,)
    weight: Floats  # (case,)
    rows: Codes  # (case,)


def scored_of(table: Table, reading: Reading) -> Scored:
    """Cases of a table by a settled reading, before scores become forecasts."""
    pairs = reading.rows == "pairs"
    label, counts = (_preferred if pairs else _event)(table, reading)
    rows = np.flatnonzero(counts)
    scores, items = table.scores.to_numpy(), table.item_codes[rows]
    if len(rows) < len(scores):
        scores = scores[rows]
    _require_spread(table, scores, label[rows], pairs and not reading.ordered)
    weight = np.ones(len(rows))
    if reading.average == "items":
        weight = 1 / np.bincount(items, minlength=table.n_items)[items]
    return Scored(scores, label[rows], weight, rows)


def _cases(table: Table, reading: Reading) -> Cases:
    scored = scored_of(table, reading)
    if reading.is_calibrated or reading.ranked:
        first = _native(table, scored.scores, reading)
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


def halves(values: Floats) -> tuple[Floats, Floats]:
    """Of cases seen from both sides: values of wins and of losses of the first, (pair,) each."""
    n = len(values) // 2
    return values[:n], values[n:]


def tied_cases(cases: Cases) -> Cases:
    """Of pairs seen from both sides: each once, the event being a tie."""
    first, second = halves(cases.forecast)
    won, lost = halves(cases.label)
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
    """Each pair as two cases of half the weight: is the first preferred outright, is the second."""
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
    """Whether the first response is preferred, and which pairs have a preference: (pair,) each."""
    human = only_label(table)
    counts = np.ones(len(human), dtype=bool) if reading.ties_as_outcome else human != 0
    if not counts.any():
        raise MetaevalError("All labels are tied, so no pair has a preferred response.")
    return (1 + human) / 2, counts


def _event(table: Table, reading: Reading) -> tuple[Floats, Bools]:
    """Whether the event happened, and which responses count (all): (response,) each."""
    human = only_label(table)
    if reading.positive_from is not None:
        label = (human >= reading.positive_from).astype(float)
    elif ((human < -ROUNDOFF) | (human > 1 + ROUNDOFF)).any():
        raise MetaevalError(
            f"Labels lie between {human.min():g} and {human.max():g}, and forecasts are of an "
            "event: say from which label on with positive_from=, or use rows='pairs'."
        )
    else:
        label = np.clip(human, 0.0, 1.0)
    return label, np.ones(len(human), dtype=bool)


def _require_spread(table: Table, scores: Floats, label: Floats, mirrored: bool) -> None:
    """Refuse labels and scores that are all the same."""
    if not mirrored and (label == label[0]).all():
        raise MetaevalError(
            f"All {len(label)} labels are {label[0]:g} (1: the event happened), so nothing can be "
            "said of calibration; choose another positive_from=, or pairs of responses."
        )
    same = scores == (0.0 if mirrored else scores[:1])
    constant = [name for name, column in zip(table.scorers, same.T, strict=True) if column.all()]
    if constant:
        raise UndefinedError(
            f"{join_names(constant, 5)} {'gives' if len(constant) == 1 else 'give'} "
            f"{'all margins 0' if mirrored else 'one score to all'}: a constant scorer has no "
            "calibration. Leave it out (scorers=)."
        )


def _native(table: Table, scores: Floats, reading: Reading) -> Floats:
    """Scores at their word: (case, scorer)."""
    if not reading.is_calibrated:
        return scores
    if reading.scale == "log_odds":
        return _either_way(expit, scores) if reading.rows == "pairs" else expit(scores)
    margins = isinstance(table, Pairs)
    low, what = (-1.0, "2p - 1") if margins else (0.0, "p")
    outside = np.asarray(((scores < low - ROUNDOFF) | (scores > 1 + ROUNDOFF)).any(axis=0))
    if outside.any():
        names = [name for name, odd in zip(table.scorers, outside.tolist(), strict=True) if odd]
        worst = scores[:, outside]
        raise MetaevalError(
            f"scale='probability' takes scores as {what}, between {low:g} and 1; those of "
            f"{join_names(names, 5)} lie between {worst.min():g} and {worst.max():g}. Use "
            "scale='log_odds' for log odds, or scale='score' to calibrate them first."
        )
    scores = np.clip(scores, low, 1.0)  # sums of probabilities are rounded
    return _either_way(lambda size: (1 + size) / 2, scores) if margins else scores


def _either_way(chance: Callable[[Floats], Floats], margin: Floats) -> Floats:
    """Forecasts at margins: at -d what is left of that at d, to the last bit."""
    p = chance(np.abs(margin))
    return np.where(margin < 0, 1 - p, p)


def _cross_fitted(table: Table, scored: Scored, reading: Reading) -> Floats:
    """Probabilities from a map that was fitted on the items (clusters) of the other folds.

    (side, case, scorer): with ties both sides of a pair, else one.
    """
    family = calibrators.BY_NAME[str(reading.calibrator)]
    x, y, w = scored.scores, scored.label, scored.weight
    _require_logarithms(x, family.name)
    fold = checked_folds(table, scored.rows, reading.n_folds)
    sides = (1.0, -1.0) if reading.ties_as_outcome else (1.0,)
    found = np.empty((len(sides), *x.shape))
    for f in np.unique(fold):
        train, test = fold != f, fold == f
        if reading.rows == "responses" and (y[train] == y[train][0]).all():
            raise MetaevalError(
                f"Without one of {reading.n_folds} folds of the items all labels are equal; use "
                "fewer n_folds=, or scores that are probabilities."
            )
        for m in range(x.shape[1]):
            curve = family.curve(x[train, m], y[train], w[train], reading.mirrored)
            for side, sign in enumerate(sides):
                at = sign * x[test, m]
                found[side, test, m] = _either_way(curve, at) if reading.mirrored else curve(at)
    return found


def _require_logarithms(scores: Floats, kind: str) -> None:
    if kind == "beta" and ((scores < 0) | (scores > 1)).any():
        raise MetaevalError(
            "calibrator='beta' takes scores between 0 and 1; use calibrator='platt' for others."
        )


def _units(table: Table) -> Codes:
    """Cluster of each row where there are any, else its item: (row,)."""
    if "cluster" in table.rows:
        return np.asarray(table.rows["cluster"].cat.codes.to_numpy())
    return table.item_codes


def checked_folds(table: Table, rows: Codes, n_folds: int) -> Codes:
    """Fold of each case; refuses where fewer items (clusters) have cases than there are folds."""
    unit = "cluster" if "cluster" in table.rows else "item"
    n = len(np.unique(_units(table)[rows]))
    if n < n_folds:
        raise MetaevalError(
            f"{n_folds} folds need at least {n_folds} {unit}s with labels, got {n}. "
            "Use fewer n_folds=."
        )
    fold = folds_of(table, n_folds)[rows]
    if len(np.unique(fold)) < 2:
        raise MetaevalError(f"All {unit}s that count fall in one fold; use other n_folds=.")
    return fold
