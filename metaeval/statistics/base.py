"""The interface of a statistic: an estimand and optional capabilities."""

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
    """Bootstrap replicates that resample both units (clusters or items) and systems.

    `systems` are the names of the systems, in the order of their weights. `values` maps weights of
    units (replicate, unit) and of systems (replicate, system) to values (replicate, scorer); a
    pair of distinct systems is weighted by the product of their weights. `spread` maps the same
    weights, and scorers `first` (pair,) minus `second` (pair,) if given, to two-way standard errors
    (replicate, pair); None if there is no formula.
    """

    systems: list[str]
    values: Callable[[Floats, Floats], Floats]
    spread: Callable[[Floats, Floats, Codes, Codes | None], Floats] | None = None


class PairCredits(NamedTuple):
    """Credit of each possible decision on each pair, for estimates that are sums of credits.

    `credit` (pair, 3) is that of the decisions -1, 0 and 1, a small multiple of 1/2; `share`
    (pair,) is the weight of each pair in the estimate, the same for all pairs of an item that can
    earn credit. Margins up to `epsilon`, a number or (pair, scorer), are ties (decision 0). The
    estimate is the sum of share * credit.
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
        Meaning of the number.
    bounds : (float, float), optional
        Smallest and largest possible value; 0 and 1 for accuracies. A value at a bound never gets
        an interval of zero width.
    smooth : bool
        Whether the value is a smooth function of the weights of units. If so, jackknife
        pseudo-values may replace contributions (approximate).
    describe : callable
        Maps a table to arrays (scorer,) by name: tie_rate, chance, best_constant,
        expected_if_calibrated (the mean under perfect calibration), epsilon, lost (the number of
        groups dropped), trials (the number of independent units behind a value at a bound, where
        it is smaller than the number of units).
    inflated : {"", "value", "both"}
        Whether noise biases the value upward: at most by the level `noise`, or
        `expected_if_calibrated` if there is none. Intervals are Student t intervals shifted by that
        amount. With "both", differences are corrected by the difference of the biases, each
        between the levels `least_bias` (or 0) and `most_bias` (or the bound above), and intervals
        and tests allow for this range; otherwise the bias is assumed to cancel in differences.
    correction_error : float
        Standard error of a difference corrected for bias over that of the observed difference.
    interval : str, optional
        Kind of interval that replaces those that fail for this statistic.
    by_systems : callable, optional
        Maps (table, unit, n_units) to TwoWayReplicates, which resample systems as well as units;
        `unit` (item,) is the unit of each item. Some units may have no item.
    credits : callable, optional
        Maps a table of pairs to PairCredits, if the estimate is a sum of credits of decisions on
        pairs whose denominator does not depend on the decisions; permutation tests are then fast.
    correlation : {"rows", "systems"}, optional
        Whether the value is Pearson's correlation over all rows, or over the means of systems.
    nested_flips : bool
        Whether the value is built from sign-flip tests, which must be repeated for every
        permutation of the scores.

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
    correction_error: float = 1.0
    interval: str | None = None
    by_systems: Callable[[Any, Codes, int], TwoWayReplicates] | None = None
    credits: Callable[[Any], PairCredits] | None = None
    correlation: Literal["rows", "systems"] | None = None
    nested_flips: bool = False

    @property
    def name(self) -> str:
        """Name in results."""
        return self.estimand.name

    @property
    def is_accuracy(self) -> bool:
        """Whether the value is a proportion of correct decisions."""
        return self.estimand.is_accuracy

    @property
    def limits(self) -> tuple[float, float] | None:
        """Smallest and largest possible value, or None if unbounded."""
        return (0.0, 1.0) if self.is_accuracy and self.bounds is None else self.bounds

    @property
    def item_limit(self) -> int | None:
        """Number of items above which no interval is computed, as replicates are too costly."""
        return None

    @property
    def has_contributions(self) -> bool:
        """Whether the estimate is a sum of item contributions, as the paired test needs."""
        return False

    def settled(self, table: Table) -> Statistic:
        """Return the statistic with defaults that depend on the kind of label filled in.

        Parameters
        ----------
        table : Responses or Pairs
            The table to be analyzed.
        """
        return self

    @abstractmethod
    def bind(self, table: Table, unit: Codes, n_units: int) -> Bound:
        """Bind the statistic to a table, with its parts summed by unit.

        Parameters
        ----------
        table : Responses or Pairs
            A table with the kind of rows that the estimand refers to.
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
            A table with the kind of rows that the estimand refers to.
        """

    def estimate(self, table: Table, bound: Bound) -> Floats:
        """Return the value of each scorer, reusing the bound statistic: (scorer,).

        Parameters
        ----------
        table : Responses or Pairs
            A table with the kind of rows that the estimand refers to.
        bound : Bound
            Result of `bind` for the table.
        """
        return bound.reference

    def contributions(self, table: Table) -> Floats | None:
        """Return item contributions (item, scorer) that sum to the value, or None.

        Parameters
        ----------
        table : Responses or Pairs
            A table with the kind of rows that the estimand refers to.
        """
        return None

    def item_shares(self, table: Table) -> Floats | None:
        """Return the weight of each item in the denominator, (item,) with sum 1, or None.

        Parameters
        ----------
        table : Responses or Pairs
            A table with the kind of rows that the estimand refers to.
        """
        return None
