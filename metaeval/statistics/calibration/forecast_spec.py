"""Specification of forecasts: which scores forecast which event, and how."""

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
    """How scores become forecasts of an event, for all calibration statistics.

    Parameters
    ----------
    scale : {"score", "probability", "log_odds"}, default "score"
        Whether scores are probabilities or log odds. If neither ("score"), a calibrator is first
        fitted on the items (clusters) of the other folds. The probability of a pair is that the
        first response is better, p, as read from files by `preference_scale="probability"`; its
        margin is 2p - 1.
    rows : {"pairs", "responses"}, optional
        Whether forecasts are that the first of two responses is preferred (from the margin; tied
        labels are excluded), or that a single response is correct. By default pairs, but responses
        if scores are probabilities, `positive_from` is given, or items have one response.
    positive_from : float, optional
        For responses: the event is a label of at least this value. By default labels must be in [0,
        1]; values in between are proportions of raters.
    calibrator : str, optional
        Name of a calibrator in `metaeval.calibration`. Default: "margin_link" for pairs, "platt"
        for responses, "rao_kupper" for pairs with ties.
    n_folds : int, default 5
        Number of folds of items (clusters) for cross-fitting calibrators.
    ties_as_outcome : bool, default False
        Whether to include pairs with tied labels: a margin then forecasts win, tie and loss by the
        tie model of `calibrator` ("rao_kupper" or "davidson"). Scores that are probabilities
        forecast no ties.
    average : {"items", "pairs", "responses"}, optional
        Mean over items (default for pairs) or over cases (default for responses).

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
        """Validate the fields; a calibrator object is replaced by its name."""
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
                    f"calibrator={self.calibrator!r} needs scale='score', got "
                    f"scale={self.scale!r}; omit one of the two."
                )

    @property
    def is_calibrated(self) -> bool:
        """Whether scores are forecasts already: probabilities or log odds."""
        return self.scale != "score"

    def format_options(self) -> str:
        """Return the fields that are not the default, as in the name of a statistic."""
        defaults = Forecast()
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(Forecast)}
        texts = {n: f"{v:g}" if isinstance(v, float) else str(v) for n, v in values.items()}
        return ",".join(f"{n}={texts[n]}" for n in values if values[n] != getattr(defaults, n))


_SHARED = """forecast : Forecast or {"score", "probability", "log_odds"}, default "score"
    How scores become forecasts of an event; a string is short for `Forecast(scale=...)`."""
_FIXED_MAPS = """Calibrators are fixed in replicates and tests: conclusions hold for new items,
conditional on the fitted calibrators."""

Maker = TypeVar("Maker", bound=Callable[..., Any])


def documented(make: Maker) -> Maker:
    """Fill in the parts common to the docstrings of statistics of forecasts."""
    head = "\n".join(["Parameters", "----------", _SHARED])
    text = inspect.cleandoc(make.__doc__ or "")
    make.__doc__ = text.replace("{reading}", head).replace("{fixed_maps}", _FIXED_MAPS)
    return make


_AVERAGES = {"pairs": ("items", "pairs"), "responses": ("responses", "items")}


@dataclass(frozen=True, kw_only=True)
class Reading(Forecast):
    """A forecast specification as used by one statistic.

    `ranked` statistics depend on the order of scores only and need no calibrator. With
    `ties_as_outcome` the event is that a response is strictly preferred, for both responses of each
    pair; otherwise pairs with tied labels are excluded. `crossed` statistics use folds themselves.
    Settled specifications of pairs are `mirrored`, unless the presentation order of their responses
    is recorded (`ordered`).
    """

    ranked: bool = False
    crossed: bool = False
    ordered: bool = False

    def __post_init__(self) -> None:
        """Validate n_folds, which is for calibrators or statistics that use folds themselves."""
        super().__post_init__()
        if self.is_calibrated and self.n_folds != N_FOLDS and not self.crossed:
            raise MetaevalError(
                f"n_folds={self.n_folds} needs scale='score', got scale={self.scale!r}; omit one "
                "of the two."
            )

    @property
    def mirrored(self) -> bool:
        """Whether pairs count half in either order."""
        return self.rows == "pairs" and not self.ties_as_outcome and not self.ordered

    @property
    def by_order(self) -> bool:
        """Whether only the order of the raw scores matters."""
        return self.ranked and not self.is_calibrated

    def settled(self, table: Table) -> Reading:
        """Return the specification with defaults filled in from the table."""
        rows: str = self.rows or self._rows(table)
        if rows == "responses" and self.ties_as_outcome:
            raise MetaevalError(
                "ties_as_outcome=True applies to pairs only; omit rows='responses' or "
                "ties_as_outcome."
            )
        of_pairs = isinstance(table, Pairs)
        if of_pairs and (rows == "responses" or self.positive_from is not None):
            raise MetaevalError(
                "rows='responses' and positive_from= need a table of responses, got pairs."
            )
        if rows == "pairs" and not of_pairs and self.scale == "probability":
            raise MetaevalError(
                "The difference of two probabilities is not a probability: use "
                "rows='responses', or scale='log_odds' for pairs."
            )
        if rows == "pairs" and self.positive_from is not None:
            raise MetaevalError(
                "positive_from= defines the event for single responses; use rows='responses'."
            )
        average = self.average or _AVERAGES[rows][0]
        if average not in _AVERAGES[rows]:
            allowed = " or ".join(repr(a) for a in _AVERAGES[rows])
            raise MetaevalError(f"average={average!r} is not available for {rows}; use {allowed}.")
        takes = "outcomes" if self.ties_as_outcome else _TAKES[rows]
        kind = self.calibrator
        if not self.is_calibrated and not self.ranked:
            kind = self.calibrator or _DEFAULT_CALIBRATOR[takes]
            _check_calibrator(kind, takes)
        ordered = isinstance(table, Pairs) and table.ordered and not self.ties_as_outcome
        settled: Any = {"rows": rows, "calibrator": kind, "average": average, "ordered": ordered}
        return dataclasses.replace(self, **settled)

    def _rows(self, table: Table) -> str:
        if isinstance(table, Pairs):
            return "pairs"
        one_response = len(table) == table.n_items
        single = self.positive_from is not None or self.scale == "probability" or one_response
        if self.ranked:
            label = only_label(table)
            single |= bool(((label >= 0) & (label <= 1)).all())
        if self.calibrator is not None:
            single |= calibrators.BY_NAME[self.calibrator].takes == "scores"
        return "responses" if single and not self.ties_as_outcome else "pairs"

    def describe(self) -> str:
        """Describe the forecasts and their event, for a settled specification."""
        event = "that the first of two responses is preferred, excluding pairs with tied labels"
        if self.ties_as_outcome:
            event = "that a response is strictly preferred, for both responses of each pair"
        if self.ordered:
            event += ", in presentation order"
        if self.rows == "responses":
            event = "that a response is correct (label 1), or the proportion of raters who say so"
            if self.positive_from is not None:
                event = f"that the label is at least {self.positive_from:g}"
        origin = self.describe_origin() + ("" if self.is_calibrated else " to the probability")
        if self.by_order:
            origin = "scores, used only through their ranks, as a predictor of the event"
        return f"{origin} {event}"

    def describe_origin(self) -> str:
        """Describe how scores become forecasts, for a settled specification."""
        return {
            "probability": "scores taken as the probability",
            "log_odds": "scores taken as the log odds",
            "score": f"scores mapped by {self.calibrator} (cross-fitted over items)",
        }[self.scale]

    def event_name(self) -> str:
        """Describe the event briefly, for a settled specification."""
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
    """Convert a forecast, or its scale, to the specification of a statistic."""
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
            "ties_as_outcome=True is available for brier, log_loss, ece, ece_debiased and "
            "smooth_ece; rps and score='rps' always treat ties as an outcome."
        )
    if ranked and (forecast.calibrator is not None or forecast.n_folds != N_FOLDS):
        raise MetaevalError(
            "This statistic depends only on the order of the scores; omit calibrator and n_folds."
        )
    fields = {f.name: getattr(forecast, f.name) for f in dataclasses.fields(Forecast)}
    return Reading(**fields, ranked=ranked, crossed=crossed)


def with_ties(reading: Reading) -> Reading:
    """Return the specification with win, tie and loss as outcomes."""
    return dataclasses.replace(reading, ties_as_outcome=True)


def _number(label: Any) -> float:
    """Return the smallest label for which the event has occurred."""
    real = isinstance(label, Real) and not isinstance(label, bool)
    if not real or not math.isfinite(float(label)):
        raise MetaevalError(
            f"positive_from must be a finite number such as 1 or 2.5, got {label!r}."
        )
    return float(label)


_TAKES = {"pairs": "margins", "responses": "scores"}
_DEFAULT_CALIBRATOR = {"margins": "margin_link", "scores": "platt", "outcomes": "rao_kupper"}


def _check_calibrator(kind: str, takes: str) -> None:
    also = ("both",) if takes != "outcomes" else ()
    fitting = [
        name for name, family in calibrators.BY_NAME.items() if family.takes in (takes, *also)
    ]
    if kind not in fitting:
        rows = {"outcomes": "pairs with ties", "margins": "pairs", "scores": "responses"}[takes]
        raise MetaevalError(
            f"calibrator={kind!r} is not available for {rows}; use one of {join_names(fitting)}."
        )
