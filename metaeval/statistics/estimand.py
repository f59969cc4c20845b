"""What a number means: all that a result says of it, whatever estimates it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rows = Literal["pairs", "exact pairs", "responses"]
Better = Literal["higher", "lower", "neither"]
Status = Literal["exact", "approximate", "published"]
Unit = Literal["proportion", "score", "other"]

_MEANING = ("grouping", "average", "ties", "epsilon", "target", "whole")


@dataclass(frozen=True, kw_only=True)
class Estimand:
    """Name and meaning of a statistic, a curve or a quantity of a posterior.

    Parameters
    ----------
    name : str
        What results call it.
    rows : {"pairs", "exact pairs", "responses"}
        The rows of a table that it is about. Margins of pairs are rounded (see `Responses.pairs`),
        those of exact pairs are not.
    grouping : {"item", "system", "systems", "none"}, optional
        Within what rows are compared.
    average : str, optional
        What each counts the same in the mean: "items", "pairs", "responses", ...
    ties : str, optional
        What a tied pair counts.
    epsilon : str, optional
        The tie threshold: a number, or how it is chosen.
    target : str, optional
        The estimand in words.
    whole : str, optional
        What rows without a task are about, where they are not the mean over tasks.
    better : {"higher", "lower", "neither"}
        Which values are good: accuracies are "higher", losses "lower"; of a slope, whose ideal is
        1, neither.
    status : {"exact", "approximate", "published"}
        Shown in results; "published" marks a form that is kept for comparison with publications.
    is_accuracy : bool
        A proportion of correct decisions: `missing="count_as_wrong"` makes sense, and chance and
        skill exist.
    reads_forecasts : bool
        Scores are read as forecasts of an event, on their own scale.
    unit : {"proportion", "score", "other"}
        In which unit values are: of scores, if they are on the scale of each scorer.

    Examples
    --------
    >>> Estimand(name="net_agreement", rows="pairs", grouping="item", average="pairs").meaning()
    {'grouping': 'item', 'average': 'pairs'}
    """

    name: str
    rows: Rows = "responses"
    grouping: str | None = None
    average: str | None = None
    ties: str | None = None
    epsilon: str | None = None
    target: str | None = None
    whole: str | None = None
    better: Better = "higher"
    status: Status = "exact"
    is_accuracy: bool = False
    reads_forecasts: bool = False
    unit: Unit = "other"

    def meaning(self) -> dict[str, str]:
        """Return what is known of grouping, average, ties, threshold and target, as texts."""
        values = {name: getattr(self, name) for name in _MEANING}
        return {name: value for name, value in values.items() if value is not None}
