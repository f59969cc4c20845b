"""Forecasts: what a scorer says of each case as a probability, beside what the labels say.

A scorer that gives probabilities, or their logits, is taken at its word. Other scores go through a
map that is fitted on the items (clusters) of the other folds.
"""

from __future__ import annotations

import dataclasses
import inspect
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from metaeval import maps
from metaeval.arrays import Bools, Codes, Floats
from metaeval.checks import check_one_of, check_whole, listed
from metaeval.decomposition import folded
from metaeval.errors import MetaevalError
from metaeval.links import expit, logit
from metaeval.statistics.base import only_label
from metaeval.statistics.ties import folds_of
from metaeval.tables import Pairs, Table

Native = bool | Literal["logit"] | None
Over = Literal["pairs", "responses"] | None

_SHARED = {
    "native": """native : {True, "logit", None}
    Scores are probabilities (margins of pairs: 2p - 1), or log odds, or neither: then a map to
    probabilities is fitted first, on the items (clusters) of the other folds.""",
    "over": """over : {"pairs", "responses"}, optional
    Forecasts that the first of two responses is preferred (its margin is what counts; tied
    labels are left out), or that a single response is right. By default pairs, but responses
    where scores are probabilities, an event is named, or items have one response.""",
    "event": """event : float, optional
    Responses: the event is a label of at least this. Without it labels must lie in 0 to 1, and
    are shares of raters where they are neither.""",
    "map": """map : str, optional
    Which map, a name of `metaeval.calibration`: "margin_link" for pairs, "platt" for responses,
    "rao_kupper" for pairs with ties.""",
    "folds": """folds : int, default 5
    Folds of items (clusters) that maps are fitted without.""",
    "outcomes": """outcomes : {2, 3}, default 2
    3: pairs with tied labels count, and a margin forecasts win, tie and loss by the tie model of
    `map` ("rao_kupper" or "davidson"); native probabilities leave nothing to ties.""",
    "average": """average : {"items", "pairs", "responses"}, optional
    Mean over items (the default for pairs), or over cases (that for responses).""",
}
_HELD = """Maps are held fixed in replicates and tests: conclusions are about the maps that were
fitted, on new items."""

Made = TypeVar("Made", bound=Callable[..., Any])


def documented(make: Made) -> Made:
    """Fill in what the docstrings of all statistics of forecasts share."""
    names = [name for name in inspect.signature(make).parameters if name in _SHARED]
    reading = "\n".join(["Parameters", "----------", *(_SHARED[name] for name in names)])
    text = inspect.cleandoc(make.__doc__ or "")
    make.__doc__ = text.replace("{reading}", reading).replace("{held}", _HELD)
    return make


_AVERAGES = {"pairs": ("items", "pairs"), "responses": ("responses", "items")}


@dataclass(frozen=True)
class Reading:
    """How scores become forecasts: the arguments that calibration statistics share.

    `ranked` statistics look at the order of scores only, and need no map. With `ties` the event is
    that a response is preferred outright, seen from both sides of each pair; else pairs with tied
    labels are left out.
    """

    native: Native = None
    over: Over = None
    event: float | None = None
    map: str | None = None
    folds: int = 5
    average: str | None = None
    ranked: bool = False
    ties: bool = False

    def __post_init__(self) -> None:
        """Refuse what is not usable."""
        if self.native not in (True, None, "logit"):
            raise MetaevalError(
                f"native={self.native!r} is not one of True (scores are probabilities), 'logit' "
                "(scores are log odds), None (scores are mapped first)."
            )
        check_one_of("over", self.over, (None, "pairs", "responses"))
        check_whole("folds", self.folds, 2)
        if self.map is not None:
            check_one_of("map", self.map, tuple(maps.BY_NAME))
            if self.native is not None:
                raise MetaevalError(
                    "map= is for scores that are no probabilities; leave out map or native."
                )

    @property
    def by_order(self) -> bool:
        """Whether only the order of scores as they are is looked at."""
        return self.ranked and self.native is None

    def said(self) -> str:
        """The arguments that are not the default, as they are written in a name."""
        given = [
            f"native={self.native}" if self.native is not None else "",
            f"over={self.over}" if self.over is not None else "",
            f"event={self.event:g}" if self.event is not None else "",
            f"map={self.map}" if self.map is not None else "",
            f"folds={self.folds}" if self.folds != 5 else "",
            f"average={self.average}" if self.average is not None else "",
        ]
        return ",".join(part for part in given if part)

    def settled(self, table: Table) -> Reading:
        """The same with what the table leaves to be settled."""
        over: str = self.over or self._over(table)
        if isinstance(table, Pairs) and (over == "responses" or self.event is not None):
            raise MetaevalError(
                "over='responses' and event= are for tables of responses; this one holds pairs."
            )
        if over == "pairs" and not isinstance(table, Pairs) and self.native is True:
            raise MetaevalError(
                "A difference of two probabilities is none; native=True goes with "
                "over='responses', and native='logit' with over='pairs'."
            )
        if over == "pairs" and self.event is not None:
            raise MetaevalError("event= says what a single response has; use over='responses'.")
        average = self.average or _AVERAGES[over][0]
        if average not in _AVERAGES[over]:
            allowed = " or ".join(repr(a) for a in _AVERAGES[over])
            raise MetaevalError(f"average={average!r} does not go with {over}; use {allowed}.")
        takes = "outcomes" if self.ties else _TAKES[over]
        kind = self.map
        if self.native is None and not self.ranked:
            kind = self.map or _USUAL[takes]
            _check_map(kind, takes)
        return dataclasses.replace(self, over=over, map=kind, average=average)  # type: ignore[arg-type]

    def _over(self, table: Table) -> str:
        if isinstance(table, Pairs):
            return "pairs"
        alone = len(table) == table.n_items
        single = self.event is not None or self.native is True or alone
        if self.ranked:
            label = only_label(table)
            single |= bool(((label >= 0) & (label <= 1)).all())
        if self.map is not None:
            single |= maps.BY_NAME[self.map].takes == "scores"
        return "responses" if single and not self.ties else "pairs"

    def estimand(self) -> Mapping[str, str]:
        """Grouping, average and ties, for a settled reading."""
        if self.over == "pairs":
            return {"grouping": "item", "average": str(self.average), "ties": "none"}
        return {"grouping": "none", "average": str(self.average), "ties": "none"}

    def words(self) -> str:
        """What the forecasts are, and of what, for a settled reading."""
        what = "that the first of two responses is preferred, pairs with tied labels left out"
        if self.ties:
            what = "that a response is preferred outright, seen from both sides of each pair"
        if self.over == "responses":
            what = "that a response is right (label 1), or the share of raters who say so"
            if self.event is not None:
                what = f"that the label is at least {self.event:g}"
        how = {
            True: "scores taken as the probability",
            "logit": "scores taken as the log odds",
            None: f"scores mapped by {self.map}, fitted on the other items, to the probability",
        }[self.native]
        if self.by_order:
            how = "scores, by their order, as a sign"
        return f"{how} {what}"


_TAKES = {"pairs": "margins", "responses": "scores"}
_USUAL = {"margins": "margin_link", "scores": "platt", "outcomes": "rao_kupper"}


def _check_map(kind: str, takes: str) -> None:
    also = ("both",) if takes != "outcomes" else ()
    fitting = [name for name, family in maps.BY_NAME.items() if family.takes in (takes, *also)]
    if kind not in fitting:
        what = {"outcomes": "pairs with ties", "margins": "pairs", "scores": "responses"}[takes]
        raise MetaevalError(f"map={kind!r} is not for {what}; use one of {listed(fitting)}.")


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
        p = self.forecast[:, m]
        x = logit(p) if self.log_odds is None else self.log_odds[:, m]
        return np.abs(x) if self.mirrored else x

    def column(self, m: int) -> tuple[Floats, Floats]:
        """Forecasts and labels of one scorer, mirrored ones turned to at least 1/2: (case,)."""
        p, y = self.forecast[:, m], self.label
        return folded(p, y) if self.mirrored else (p, y)

    def sureness(self, m: int) -> tuple[Floats, Floats]:
        """How sure one scorer is of a decision, and whether that is right: (case,) each."""
        if self.log_odds is None:
            return folded(self.forecast[:, m], self.label)
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
    pairs = reading.over == "pairs"
    label, counts = (_preferred if pairs else _event)(table, reading)
    rows = np.flatnonzero(counts)
    scores, items = table.scores.to_numpy(), table.item_codes[rows]
    if len(rows) < len(scores):
        scores = scores[rows]
    _require_spread(table, scores, label[rows], pairs)
    weight = np.ones(len(rows))
    if reading.average == "items":
        weight = 1 / np.bincount(items, minlength=table.n_items)[items]
    return Scored(scores, label[rows], weight, rows)


def _cases(table: Table, reading: Reading) -> Cases:
    scored = scored_of(table, reading)
    if reading.native is not None or reading.ranked:
        first = _native(table, scored.scores, reading)
        forecast = np.stack([first, 1 - first]) if reading.ties else first[None]
    else:
        forecast = _cross_fitted(table, scored, reading)
    cases = Cases(
        forecast[0],
        scored.label,
        scored.weight,
        table.item_codes[scored.rows],
        np.unique(_units(table)[scored.rows], return_inverse=True)[1],
        table.n_items,
        reading.over == "pairs",
        table.scorers,
        scored.scores if reading.native == "logit" or reading.by_order else None,
    )
    return _from_both_sides(cases, forecast[1]) if reading.ties else cases


def check_outcomes(outcomes: int) -> bool:
    """Whether ties are an outcome too."""
    check_one_of("outcomes", outcomes, (2, 3))
    return outcomes == 3


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
    counts = np.ones(len(human), dtype=bool) if reading.ties else human != 0
    if not counts.any():
        raise MetaevalError("All labels are tied, so no pair has a preferred response.")
    return (1 + human) / 2, counts


def _event(table: Table, reading: Reading) -> tuple[Floats, Bools]:
    """Whether the event happened, and which responses count (all): (response,) each."""
    human = only_label(table)
    if reading.event is not None:
        label = (human >= reading.event).astype(float)
    elif ((human < 0) | (human > 1)).any():
        raise MetaevalError(
            f"Labels lie between {human.min():g} and {human.max():g}, and forecasts are of an "
            "event: say which with event=, a label that is high enough, or use over='pairs'."
        )
    else:
        label = human
    return label, np.ones(len(human), dtype=bool)


def _require_spread(table: Table, scores: Floats, label: Floats, mirrored: bool) -> None:
    """Refuse labels and scores that are all the same."""
    if not mirrored and (label == label[0]).all():
        raise MetaevalError(
            f"All {len(label)} labels are {label[0]:g} (1: the event happened), so nothing can be "
            "said of calibration; choose another event=, or pairs of responses."
        )
    same = scores == (0.0 if mirrored else scores[:1])
    constant = [name for name, column in zip(table.scorers, same.T, strict=True) if column.all()]
    if constant:
        raise MetaevalError(
            f"{listed(constant, 5)} {'gives' if len(constant) == 1 else 'give'} "
            f"{'all margins 0' if mirrored else 'one score to all'}: a constant scorer has no "
            "calibration. Leave it out (scorers=)."
        )


def _native(table: Table, scores: Floats, reading: Reading) -> Floats:
    """Scores at their word: (case, scorer)."""
    if reading.native is None:
        return scores
    if reading.native == "logit":
        return expit(scores)
    margins = isinstance(table, Pairs)
    low, what = (-1.0, "2p - 1") if margins else (0.0, "p")
    outside = np.asarray(((scores < low) | (scores > 1)).any(axis=0))
    if outside.any():
        names = [name for name, odd in zip(table.scorers, outside.tolist(), strict=True) if odd]
        worst = scores[:, outside]
        raise MetaevalError(
            f"native=True takes scores as {what}, between {low:g} and 1; those of "
            f"{listed(names, 5)} lie between {worst.min():g} and {worst.max():g}. Use "
            "native='logit' for log odds, or leave native out to map them first."
        )
    return (1 + scores) / 2 if margins else scores


def _cross_fitted(table: Table, scored: Scored, reading: Reading) -> Floats:
    """Probabilities from a map that was fitted on the items (clusters) of the other folds.

    (side, case, scorer): with ties both sides of a pair, else one.
    """
    family = maps.BY_NAME[str(reading.map)]
    x, y, w = scored.scores, scored.label, scored.weight
    _require_logarithms(x, family.name)
    fold = checked_folds(table, scored.rows, reading.folds)
    sides = (1.0, -1.0) if reading.ties else (1.0,)
    found = np.empty((len(sides), *x.shape))
    for f in np.unique(fold):
        train, test = fold != f, fold == f
        if reading.over == "responses" and (y[train] == y[train][0]).all():
            raise MetaevalError(
                f"Without one of {reading.folds} folds of the items all labels are equal; use "
                "fewer folds=, or native scores."
            )
        for m in range(x.shape[1]):
            curve = family.curve(x[train, m], y[train], w[train], reading.over == "pairs")
            for side, sign in enumerate(sides):
                found[side, test, m] = curve(sign * x[test, m])
    return found


def _require_logarithms(scores: Floats, kind: str) -> None:
    if kind == "beta" and ((scores < 0) | (scores > 1)).any():
        raise MetaevalError("map='beta' takes scores between 0 and 1; use map='platt' for others.")


def _units(table: Table) -> Codes:
    """Cluster of each row where there are any, else its item: (row,)."""
    if "cluster" in table.rows:
        return np.asarray(table.rows["cluster"].cat.codes.to_numpy())
    return table.item_codes


def checked_folds(table: Table, rows: Codes, folds: int) -> Codes:
    """Fold of each case; refuses where fewer items (clusters) have cases than there are folds."""
    unit = "cluster" if "cluster" in table.rows else "item"
    n = len(np.unique(_units(table)[rows]))
    if n < folds:
        raise MetaevalError(
            f"{folds} folds need at least {folds} {unit}s with labels that count; there are {n}. "
            "Use fewer folds=, or native scores."
        )
    fold = folds_of(table, folds)[rows]
    if len(np.unique(fold)) < 2:
        raise MetaevalError(f"All {unit}s that count fall in one fold; use other folds=.")
    return fold
