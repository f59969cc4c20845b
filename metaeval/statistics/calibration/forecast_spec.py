"""Forecasts: which scores forecast which event, and how."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeVar

from metaeval.core import MetaevalError, check_integer, check_one_of, join_names
from metaeval.curves import calibrators
from metaeval.statistics.sums import only_label
from metaeval.tables import Pairs, Table

Scale = Literal["score", "probability", "log_odds"]
ForecastRows = Literal["pairs", "responses"]
Average = Literal["items", "pairs", "responses"]

SCALES = ("score", "probability", "log_odds")
ROWS = ("pairs", "responses")
N_FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """How scores become forecasts of an event: what all statistics of calibration share.

    Parameters
    ----------
    scale : {"score", "probability", "log_odds"}, default "score"
        Scores are probabilities, or log odds, or neither: then a calibrator is fitted first, on the
        items (clusters) of the other folds. Of pairs, the probability p that the first is better,
        which `preference_scale="probability"` reads from a file; its margin is 2p - 1.
    rows : {"pairs", "responses"}, optional
        Forecasts that the first of two responses is preferred (its margin is what counts; tied
        labels are left out), or that a single response is correct. By default pairs, but responses
        where scores are probabilities, an event is named, or items have one response.
    positive_from : float, optional
        Responses: the event is a label of at least this. Without it labels must lie in 0 to 1, and
        are proportions of raters where they are neither.
    calibrator : str, optional
        A name of `metaeval.calibration`: "margin_link" for pairs, "platt" for responses,
        "rao_kupper" for pairs with ties are the defaults.
    n_folds : int, default 5
        Folds of items (clusters) that calibrators are fitted without.
    ties_as_outcome : bool, default False
        Pairs with tied labels are included, and a margin forecasts win, tie and loss by the tie
        model of `calibrator` ("rao_kupper" or "davidson"); probabilities leave nothing to ties.
    average : {"items", "pairs", "responses"}, optional
        Mean over items (the default for pairs), or over cases (that for responses).

    Raises
    ------
    MetaevalError
        If arguments contradict each other.

    Examples
    --------
    >>> from metaeval import evaluate, load_example, statistics
    >>> forecast = statistics.Forecast(scale="log_odds", rows="pairs")
    >>> result = evaluate(load_example(), statistics.brier(forecast), n_resamples=100)
    >>> result.statistics[0]
    'brier(scale=log_odds,rows=pairs)'
    """

    scale: Scale = "score"
    rows: ForecastRows | None = None
    positive_from: float | None = None
    calibrator: str | None = None
    n_folds: int = N_FOLDS
    ties_as_outcome: bool = False
    average: Average | None = None

    def __post_init__(self) -> None:
        """Refuse what is not usable; a kind of map stands for its name."""
        kind = getattr(self.calibrator, "name", self.calibrator)
        object.__setattr__(self, "calibrator", kind)
        check_one_of("scale", self.scale, SCALES)
        check_one_of("rows", self.rows, (None, *ROWS))
        check_integer("n_folds", self.n_folds, 2)
        if not isinstance(self.ties_as_outcome, bool):
            raise MetaevalError(f"ties_as_outcome={self.ties_as_outcome!r} must be True or False.")
        if self.positive_from is not None:
            object.__setattr__(self, "positive_from", _number(self.positive_from))
        if self.calibrator is not None:
            check_one_of("calibrator", self.calibrator, tuple(calibrators.BY_NAME))
            if self.scale != "score":
                raise MetaevalError(
                    f"calibrator= is for scores that are not probabilities; leave out calibrator "
                    f"or scale={self.scale!r}."
                )

    @property
    def is_calibrated(self) -> bool:
        """Whether scores are forecasts as they are, probabilities or log odds."""
        return self.scale != "score"

    def said(self) -> str:
        """Return the fields that are not the default, as they are written in a name."""
        defaults = Forecast()
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(Forecast)}
        texts = {n: f"{v:g}" if isinstance(v, float) else str(v) for n, v in given.items()}
        return ",".join(f"{n}={texts[n]}" for n in given if given[n] != getattr(defaults, n))


_SHARED = """forecast : Forecast or {"score", "probability", "log_odds"}, default "score"
    How scores become forecasts of an event; a word stands for `Forecast(scale=...)`."""
_HELD = """Maps are held fixed in replicates and tests: conclusions are about the maps that were
fitted, on new items."""

Made = TypeVar("Made", bound=Callable[..., Any])


def documented(make: Made) -> Made:
    """Fill in what the docstrings of all statistics of forecasts share."""
    head = "\n".join(["Parameters", "----------", _SHARED])
    text = inspect.cleandoc(make.__doc__ or "")
    make.__doc__ = text.replace("{reading}", head).replace("{held}", _HELD)
    return make


_AVERAGES = {"pairs": ("items", "pairs"), "responses": ("responses", "items")}


@dataclass(frozen=True, kw_only=True)
class Reading(Forecast):
    """A forecast as one statistic reads it.

    `ranked` statistics look at the order of scores only, and need no map. With `ties_as_outcome`
    the event is that a response is preferred outright, seen from both sides of each pair; else
    pairs with tied labels are left out. `crossed` ones have a use of their own for folds. Settled
    readings of pairs are `mirrored`, unless the order of their responses is recorded (`ordered`).
    """

    ranked: bool = False
    crossed: bool = False
    ordered: bool = False

    def __post_init__(self) -> None:
        """Folds are for calibrators, unless the statistic has folds of its own."""
        super().__post_init__()
        if self.is_calibrated and self.n_folds != N_FOLDS and not self.crossed:
            raise MetaevalError(
                "n_folds= is for scores that are not probabilities; leave out n_folds or "
                f"scale={self.scale!r}."
            )

    @property
    def mirrored(self) -> bool:
        """Whether a pair counts half in either order."""
        return self.rows == "pairs" and not self.ties_as_outcome and not self.ordered

    @property
    def by_order(self) -> bool:
        """Whether only the order of scores as they are is looked at."""
        return self.ranked and not self.is_calibrated

    def settled(self, table: Table) -> Reading:
        """The same with what the table leaves to be settled."""
        rows: str = self.rows or self._rows(table)
        if rows == "responses" and self.ties_as_outcome:
            raise MetaevalError(
                "Win, tie and loss are outcomes of pairs; leave out rows='responses', or "
                "ties_as_outcome."
            )
        of_pairs = isinstance(table, Pairs)
        if of_pairs and (rows == "responses" or self.positive_from is not None):
            raise MetaevalError(
                "rows='responses' and positive_from= are for tables of responses; this one holds "
                "pairs."
            )
        if rows == "pairs" and not of_pairs and self.scale == "probability":
            raise MetaevalError(
                "The difference of two probabilities is not a probability: use "
                "rows='responses', or scale='log_odds' for pairs."
            )
        if rows == "pairs" and self.positive_from is not None:
            raise MetaevalError(
                "positive_from= says when a single response is positive; use rows='responses'."
            )
        average = self.average or _AVERAGES[rows][0]
        if average not in _AVERAGES[rows]:
            allowed = " or ".join(repr(a) for a in _AVERAGES[rows])
            raise MetaevalError(f"average={average!r} does not go with {rows}; use {allowed}.")
        takes = "outcomes" if self.ties_as_outcome else _TAKES[rows]
        kind = self.calibrator
        if not self.is_calibrated and not self.ranked:
            kind = self.calibrator or _USUAL[takes]
            _check_calibrator(kind, takes)
        ordered = isinstance(table, Pairs) and table.ordered and not self.ties_as_outcome
        settled: Any = {"rows": rows, "calibrator": kind, "average": average, "ordered": ordered}
        return dataclasses.replace(self, **settled)

    def _rows(self, table: Table) -> str:
        if isinstance(table, Pairs):
            return "pairs"
        alone = len(table) == table.n_items
        single = self.positive_from is not None or self.scale == "probability" or alone
        if self.ranked:
            label = only_label(table)
            single |= bool(((label >= 0) & (label <= 1)).all())
        if self.calibrator is not None:
            single |= calibrators.BY_NAME[self.calibrator].takes == "scores"
        return "responses" if single and not self.ties_as_outcome else "pairs"

    def words(self) -> str:
        """What the forecasts are, and of what, for a settled reading."""
        what = "that the first of two responses is preferred, pairs with tied labels left out"
        if self.ties_as_outcome:
            what = "that a response is preferred outright, seen from both sides of each pair"
        if self.ordered:
            what += ", in the order in which they were shown"
        if self.rows == "responses":
            what = "that a response is right (label 1), or the share of raters who say so"
            if self.positive_from is not None:
                what = f"that the label is at least {self.positive_from:g}"
        how = self.made() + ("" if self.is_calibrated else ", to the probability")
        return f"{'scores, by their order, as a sign' if self.by_order else how} {what}"

    def made(self) -> str:
        """How scores become forecasts, for a settled reading."""
        return {
            "probability": "scores taken as the probability",
            "log_odds": "scores taken as the log odds",
            "score": f"scores mapped by {self.calibrator}, fitted on the other items",
        }[self.scale]

    def event_name(self) -> str:
        """What the forecasts are of in few words, for a settled reading."""
        if self.rows == "pairs":
            whom = "the higher-scored" if self.mirrored else "the first"
            return "an outcome" if self.ties_as_outcome else f"{whom} is preferred"
        start = self.positive_from
        return "label 1" if start is None else f"label of at least {start:g}"


def reading_of(
    forecast: Forecast | Scale,
    *,
    takes_ties: bool = False,
    ranked: bool = False,
    crossed: bool = False,
) -> Reading:
    """The forecast as a statistic reads it; a word is its scale."""
    if isinstance(forecast, str):
        check_one_of("forecast", forecast, SCALES)
        forecast = Forecast(scale=forecast)
    if not isinstance(forecast, Forecast):
        raise MetaevalError(
            f"Expected a Forecast or one of {join_names(map(repr, SCALES))}, got {forecast!r}. "
            "Write statistics.Forecast(scale=...)."
        )
    if forecast.ties_as_outcome and not takes_ties:
        raise MetaevalError(
            "ties_as_outcome=True is for brier, log_loss, ece, ece_debiased and smooth_ece; rps "
            "and score='rps' always have ties as outcomes."
        )
    if ranked and (forecast.calibrator is not None or forecast.n_folds != N_FOLDS):
        raise MetaevalError(
            "The order of scores needs no calibrator; leave out calibrator and n_folds."
        )
    fields = {f.name: getattr(forecast, f.name) for f in dataclasses.fields(Forecast)}
    return Reading(**fields, ranked=ranked, crossed=crossed)


def with_ties(reading: Reading) -> Reading:
    """The reading with win, tie and loss as outcomes."""
    return dataclasses.replace(reading, ties_as_outcome=True)


def _number(label: Any) -> float:
    """The label from which on the event has happened."""
    real = isinstance(label, Real) and not isinstance(label, bool)
    if not real or not math.isfinite(float(label)):
        raise MetaevalError(f"positive_from={label!r} must be a label, a number such as 1 or 2.5.")
    return float(label)


_TAKES = {"pairs": "margins", "responses": "scores"}
_USUAL = {"margins": "margin_link", "scores": "platt", "outcomes": "rao_kupper"}


def _check_calibrator(kind: str, takes: str) -> None:
    also = ("both",) if takes != "outcomes" else ()
    fitting = [
        name for name, family in calibrators.BY_NAME.items() if family.takes in (takes, *also)
    ]
    if kind not in fitting:
        what = {"outcomes": "pairs with ties", "margins": "pairs", "scores": "responses"}[takes]
        raise MetaevalError(
            f"calibrator={kind!r} is not for {what}; use one of {join_names(fitting)}."
        )
