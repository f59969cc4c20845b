"""Readings: which scores become forecasts of which event, and how."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeVar

from metaeval.core import MetaevalError, check_one_of, check_whole, listed
from metaeval.curves import calibrators
from metaeval.statistics.sums import only_label
from metaeval.tables import Pairs, Table

Native = bool | Literal["logit"] | None
Over = Literal["pairs", "responses"] | None

_SHARED = {
    "native": """native : {True, "logit", None}
    Scores are probabilities, or log odds, or neither: then a map to probabilities is fitted first,
    on the items (clusters) of the other folds. Of pairs, the probability p that the first is
    better, which `preference_scale="probability"` reads from a file; its margin is 2p - 1.""",
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
    "folds": """n_folds : int, default 5
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
    labels are left out. `crossed` ones have a use of their own for folds. Settled readings of pairs
    are `mirrored`, unless the order of their responses is recorded (`ordered`).
    """

    native: Native = None
    over: Over = None
    event: float | None = None
    map: str | None = None
    n_folds: int = 5
    average: str | None = None
    ranked: bool = False
    ties: bool = False
    crossed: bool = False
    ordered: bool = False

    def __post_init__(self) -> None:
        """Refuse what is not usable; a kind of map stands for its name."""
        object.__setattr__(self, "map", getattr(self.map, "name", self.map))
        if not (self.native is True or self.native is None or self.native == "logit"):
            raise MetaevalError(
                f"native={self.native!r} is not one of True (scores are probabilities), 'logit' "
                "(scores are log odds), None (scores are mapped first)."
            )
        check_one_of("over", self.over, (None, "pairs", "responses"))
        check_whole("n_folds", self.n_folds, 2)
        if self.event is not None:
            object.__setattr__(self, "event", _number(self.event))
        if self.native is not None and self.n_folds != 5 and not self.crossed:
            raise MetaevalError(
                "n_folds= is for maps of scores that are not probabilities; leave out "
                "n_folds or native."
            )
        if self.map is not None:
            check_one_of("map", self.map, tuple(calibrators.BY_NAME))
            if self.native is not None:
                raise MetaevalError(
                    "map= is for scores that are no probabilities; leave out map or native."
                )

    @property
    def mirrored(self) -> bool:
        """Whether a pair counts half in either order."""
        return self.over == "pairs" and not self.ties and not self.ordered

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
            f"n_folds={self.n_folds}" if self.n_folds != 5 else "",
            f"average={self.average}" if self.average is not None else "",
        ]
        return ",".join(part for part in given if part)

    def settled(self, table: Table) -> Reading:
        """The same with what the table leaves to be settled."""
        over: str = self.over or self._over(table)
        if over == "responses" and self.ties:
            raise MetaevalError(
                "Win, tie and loss are outcomes of pairs; leave out over='responses', or outcomes."
            )
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
        ordered = isinstance(table, Pairs) and table.ordered and not self.ties
        settled: Any = {"over": over, "map": kind, "average": average, "ordered": ordered}
        return dataclasses.replace(self, **settled)

    def _over(self, table: Table) -> str:
        if isinstance(table, Pairs):
            return "pairs"
        alone = len(table) == table.n_items
        single = self.event is not None or self.native is True or alone
        if self.ranked:
            label = only_label(table)
            single |= bool(((label >= 0) & (label <= 1)).all())
        if self.map is not None:
            single |= calibrators.BY_NAME[self.map].takes == "scores"
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
        if self.ordered:
            what += ", in the order in which they were shown"
        if self.over == "responses":
            what = "that a response is right (label 1), or the share of raters who say so"
            if self.event is not None:
                what = f"that the label is at least {self.event:g}"
        how = self.made() + (", to the probability" if self.native is None else "")
        return f"{'scores, by their order, as a sign' if self.by_order else how} {what}"

    def made(self) -> str:
        """How scores become forecasts, for a settled reading."""
        return {
            True: "scores taken as the probability",
            "logit": "scores taken as the log odds",
            None: f"scores mapped by {self.map}, fitted on the other items",
        }[self.native]

    def event_name(self) -> str:
        """What the forecasts are of in few words, for a settled reading."""
        if self.over == "pairs":
            whom = "the higher-scored" if self.mirrored else "the first"
            return "an outcome" if self.ties else f"{whom} is preferred"
        return "label 1" if self.event is None else f"label of at least {self.event:g}"


def _number(event: Any) -> float:
    """The label from which on the event has happened."""
    real = isinstance(event, Real) and not isinstance(event, bool)
    if not real or not math.isfinite(float(event)):
        raise MetaevalError(f"event={event!r} must be a label, a number such as 1 or 2.5.")
    return float(event)


_TAKES = {"pairs": "margins", "responses": "scores"}
_USUAL = {"margins": "margin_link", "scores": "platt", "outcomes": "rao_kupper"}


def _check_map(kind: str, takes: str) -> None:
    also = ("both",) if takes != "outcomes" else ()
    fitting = [
        name for name, family in calibrators.BY_NAME.items() if family.takes in (takes, *also)
    ]
    if kind not in fitting:
        what = {"outcomes": "pairs with ties", "margins": "pairs", "scores": "responses"}[takes]
        raise MetaevalError(f"map={kind!r} is not for {what}; use one of {listed(fitting)}.")


def check_outcomes(outcomes: int) -> bool:
    """Whether ties are an outcome too."""
    check_one_of("outcomes", outcomes, (2, 3))
    return outcomes == 3
