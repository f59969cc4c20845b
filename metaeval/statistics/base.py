"""What a statistic is: an estimand, and what it can be asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from metaeval.core import Codes, Floats
from metaeval.statistics.bound import Bound
from metaeval.statistics.estimand import Estimand
from metaeval.tables import Table


class TwoWayReplicates(NamedTuple):
    """Replicates in which both units (clusters or items) and systems are drawn.

    `systems` are the names of the systems, in the order of their weights. `values` maps weights of
    units (replicate, unit) and of systems (replicate, system) to values (replicate, scorer), each
    pair of distinct systems counted as often as the product of their weights; `spread` maps the
    same weights, and scorers `first` (pair,) minus `second` (pair,) where it is given, to two-way
    standard errors (replicate, pair); None where there are none.
    """

    systems: list[str]
    values: Callable[[Floats, Floats], Floats]
    spread: Callable[[Floats, Floats, Codes, Codes | None], Floats] | None = None


class PairCredits(NamedTuple):
    """What a decision on each pair of responses earns, where the estimate is a sum of credits.

    `credit` (pair, 3) of the decisions -1, 0 and 1, small multiples of 1/2; `share` (pair,) of each
    pair in the estimate, the same for all pairs of an item that earn anything; margins up to
    `epsilon`, a number or (pair, scorer), are decided as 0. The estimate is the sum of
    share * credit.
    """

    credit: Floats
    share: Floats
    epsilon: Floats | float = 0.0


def _no_levels(table: Table) -> Mapping[str, Floats]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Statistic(ABC):
    """A quantity of a table with one label column, for all scorers at once.

    Parameters
    ----------
    estimand : Estimand
        What the number means.
    bounds : (float, float), optional
        The least and the largest possible value; 0 and 1 for accuracies. A value at a bound never
        has an interval of no width.
    smooth : bool
        It changes smoothly with the weights of units. Then jackknife pseudo-values may stand in
        for contributions (approximate).
    describe : callable
        table -> mapping of name -> (scorer,): tie_rate, chance, best_constant,
        expected_if_calibrated (the mean under perfect calibration), epsilon, lost groups; trials,
        the independent units behind a value at a bound, where they are fewer than all.
    inflated : {"", "value", "both"}
        Noise biases the value upward: at most by the level `noise`, or `expected_if_calibrated`
        where there is none. Intervals are Student's t with their ends moved by as much; with "both"
        so are those of differences and their tests, else noise cancels there.
    interval : str, optional
        The kind of interval that replaces those that fail for this statistic.
    by_systems : callable, optional
        (table, unit, n_units) -> TwoWayReplicates, for replicates in which systems are drawn as
        units are; `unit` (item,) is the unit of each item. Some units may have no item.
    credits : callable, optional
        table of pairs -> PairCredits, where the estimate is a sum of credits of decisions on pairs
        with a denominator that no decision changes; lets tests swap scores or verdicts fast.
    correlation : {"rows", "systems"}, optional
        It is Pearson's correlation over all rows, or over the means of systems.
    nested_flips : bool
        It is made of tests that flip signs themselves, again for every swap of scores.

    Examples
    --------
    >>> from metaeval import load_example, statistics
    >>> statistic = statistics.kendall("b").settled(load_example())
    >>> statistic.name, statistic.estimand.grouping, statistic.limits
    ('kendall(variant=b)', 'item', (-1.0, 1.0))
    """

    estimand: Estimand
    bounds: tuple[float, float] | None = None
    smooth: bool = False
    describe: Callable[[Any], Mapping[str, Floats]] = _no_levels
    inflated: Literal["", "value", "both"] = ""
    interval: str | None = None
    by_systems: Callable[[Any, Codes, int], TwoWayReplicates] | None = None
    credits: Callable[[Any], PairCredits] | None = None
    correlation: Literal["rows", "systems"] | None = None
    nested_flips: bool = False

    @property
    def name(self) -> str:
        """What results call it."""
        return self.estimand.name

    @property
    def is_accuracy(self) -> bool:
        """Whether it is a proportion of correct decisions."""
        return self.estimand.is_accuracy

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the largest possible value, if there are any."""
        return (0.0, 1.0) if self.is_accuracy and self.bounds is None else self.bounds

    @property
    def item_limit(self) -> int | None:
        """Above so many items replicates are too costly; the estimate has no interval then."""
        return None

    @property
    def has_contributions(self) -> bool:
        """Whether items contribute to the estimate; the paired test flips their signs."""
        return False

    def settled(self, table: Table) -> Statistic:
        """Return the statistic with what the kind of label settles.

        Parameters
        ----------
        table : Responses or Pairs
            The table that it is to be estimated on.
        """
        return self

    @abstractmethod
    def bind(self, table: Table, unit: Codes, n_units: int) -> Bound:
        """Return the statistic on a table, its parts summed by unit.

        Parameters
        ----------
        table : Responses or Pairs
            A table of the kind of rows that the statistic is over.
        unit : array (item,)
            The resampling unit of each item, 0 to `n_units` - 1.
        n_units : int
            Number of units; some may have no item.
        """

    @abstractmethod
    def value(self, table: Table) -> Floats:
        """Return the value of each scorer: (scorer,).

        Parameters
        ----------
        table : Responses or Pairs
            A table of the kind of rows that the statistic is over.
        """

    def estimate(self, table: Table, bound: Bound) -> Floats:
        """Return the value, from what is known of the table already: (scorer,).

        Parameters
        ----------
        table : Responses or Pairs
            A table of the kind of rows that the statistic is over.
        bound : Bound
            What `bind` returned for the table.
        """
        return bound.reference

    def contributions(self, table: Table) -> Floats | None:
        """Return what each item contributes: (item, scorer), adding up to the value, or None.

        Parameters
        ----------
        table : Responses or Pairs
            A table of the kind of rows that the statistic is over.
        """
        return None

    def item_shares(self, table: Table) -> Floats | None:
        """Return the share of each item in the denominator: (item,), adding up to 1, or None.

        Parameters
        ----------
        table : Responses or Pairs
            A table of the kind of rows that the statistic is over.
        """
        return None
