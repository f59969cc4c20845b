"""The meaning of a number: what a result reports about it, however it is estimated."""

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
    """Name and meaning of a statistic, a curve or a posterior quantity.

    Parameters
    ----------
    name : str
        Name in results.
    rows : {"pairs", "exact pairs", "responses"}
        Rows of a table that it refers to. Margins of pairs are rounded (see `Responses.pairs`);
        those of exact pairs are not.
    grouping : {"item", "system", "systems", "none"}, optional
        Group within which rows are compared.
    average : str, optional
        Units with equal weight in the mean: "items", "pairs", "responses", ...
    ties : str, optional
        Policy for ties.
    epsilon : str, optional
        Tie threshold: a number, or how it is chosen.
    target : str, optional
        Estimand in words.
    whole : str, optional
        Meaning of rows without a task, if they are not the mean over tasks.
    better : {"higher", "lower", "neither"}
        Direction: "higher" for accuracies, "lower" for losses, "neither" for a slope, whose ideal
        value is 1.
    status : {"exact", "approximate", "published"}
        Status in results; "published" marks a published variant, kept for comparison.
    is_accuracy : bool
        Whether the value is a proportion of correct decisions: `missing="count_as_wrong"` is then
        allowed, and chance and skill are defined.
    reads_forecasts : bool
        Whether scores are interpreted as forecasts of an event, on their own scale.
    unit : {"proportion", "score", "other"}
        Unit of the values; "score" is the scale of each scorer.

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
        """Return grouping, average, ties, threshold and target, where set, as text."""
        values = {name: getattr(self, name) for name in _MEANING}
        return {name: value for name, value in values.items() if value is not None}
