"""Three ways to compute replicates: from sums, from weights, or after choosing defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaeval.core import Codes, Floats
from metaeval.statistics.base import Statistic
from metaeval.statistics.bound import Bound, BoundSums, BoundWeights, Finish, Weigh
from metaeval.statistics.sums import ratio, share_of_estimate, sum_by
from metaeval.tables import Table


@dataclass(frozen=True, kw_only=True)
class SumStatistic(Statistic):
    """A function of sums of terms over items.

    Parameters
    ----------
    terms : callable
        Maps a table to terms (item, scorer, k); called once.
    finish : callable
        Maps sums (..., k) to values (...); applied to the sum of the terms and to every replicate
        of it. By default, the ratio of the first sum to the second.
    additive : bool
        Whether the value is a ratio whose denominator is common to all scorers, so that it is a sum
        of item contributions.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> from metaeval.statistics import Estimand, only_label
    >>> def terms(table):
    ...     product = np.sign(table.scores.to_numpy()) * only_label(table)[:, None]
    ...     values = np.stack([product, np.ones_like(product)], axis=-1)
    ...     return sum_by(values, table.item_codes, table.n_items)
    >>> net = SumStatistic(
    ...     estimand=Estimand(name="net_agreement", rows="pairs"), terms=terms, additive=True)
    >>> row = evaluate(load_example(), net, n_resamples=100).row("judge")
    >>> bool(row["lower"] <= row["estimate"] <= row["upper"])
    True
    """

    terms: Callable[[Any], Floats]
    finish: Finish = ratio
    additive: bool = False

    @property
    def has_contributions(self) -> bool:
        """Whether the estimate is a sum of item contributions."""
        return self.additive

    def bind(self, table: Table, unit: Codes, n_units: int) -> BoundSums:
        """Sum the terms by unit."""
        terms = self.terms(table)
        n_items = int((terms != 0).any(axis=(1, 2)).sum())
        sums = sum_by(terms, unit, n_units)
        del terms  # frees memory: with a million items each copy is large
        return BoundSums(sums, self.finish, n_items, additive=self.additive, smooth=self.smooth)

    def value(self, table: Table) -> Floats:
        """Return the value of each scorer: (scorer,)."""
        return self.finish(self.terms(table).sum(axis=0))

    def contributions(self, table: Table) -> Floats | None:
        """Return item contributions if the value is a sum of them, else None."""
        return share_of_estimate(self.terms(table)) if self.additive else None


@dataclass(frozen=True, kw_only=True)
class WeightedStatistic(Statistic):
    """A function of the weights of items, evaluated for every replicate.

    Parameters
    ----------
    weigh : callable
        Maps a table to a function from item weights (replicate, item) to values (replicate,
        scorer).
    exact : callable, optional
        Maps a table to exact values (scorer,), if `weigh` is an approximation; replicates are then
        shifted by the difference.
    of_items : callable, optional
        Maps a table to contributions of items (item, scorer), which sum to the value.
    share : callable, optional
        Maps a table to the weight of each item in the denominator, (item,), with sum 1; needed
        with `of_items`.
    influence : callable, optional
        Maps a table to the first-order influence of each item, (item, scorer), with sum 0;
        replaces the jackknife.
    most_items : int, optional
        Number of items above which replicates are too costly.

    Examples
    --------
    >>> from metaeval import evaluate, load_example
    >>> from metaeval.statistics import Estimand
    >>> def weigh(table):
    ...     scores, items = table.scores.to_numpy(), table.item_codes
    ...     return lambda weights: weights[:, items] @ scores / weights[:, items].sum(1)[:, None]
    >>> mean = WeightedStatistic(estimand=Estimand(name="mean score"), weigh=weigh, smooth=True)
    >>> row = evaluate(load_example(), mean, n_resamples=100).row("judge")
    >>> bool(row["lower"] <= row["estimate"] <= row["upper"])
    True
    """

    weigh: Callable[[Any], Weigh]
    exact: Callable[[Any], Floats] | None = None
    of_items: Callable[[Any], Floats] | None = None
    share: Callable[[Any], Floats] | None = None
    influence: Callable[[Any], Floats] | None = None
    most_items: int | None = None

    @property
    def item_limit(self) -> int | None:
        """Number of items above which replicates are too costly."""
        return self.most_items

    @property
    def has_contributions(self) -> bool:
        """Whether the estimate is a sum of item contributions."""
        return self.of_items is not None

    def bind(self, table: Table, unit: Codes, n_units: int) -> BoundWeights:
        """Bind the statistic to a table; all items of a unit get its weight."""
        of_item_weights = self.weigh(table)

        def of_units(of_items: Callable[[Any], Floats] | None) -> Callable[[], Floats] | None:
            return None if of_items is None else lambda: sum_by(of_items(table), unit, n_units)

        return BoundWeights(
            lambda weights: of_item_weights(weights[:, unit]),
            n_units,
            table.n_items,
            smooth=self.smooth,
            contributions=of_units(self.of_items),
            influence=of_units(self.influence),
        )

    def value(self, table: Table) -> Floats:
        """Return the value of each scorer: (scorer,)."""
        if self.exact is not None:
            return self.exact(table)
        return np.asarray(self.weigh(table)(np.ones((1, table.n_items)))[0])

    def estimate(self, table: Table, bound: Bound) -> Floats:
        """Return the exact value, or that of `weigh` if it is exact."""
        return bound.reference if self.exact is None else self.exact(table)

    def contributions(self, table: Table) -> Floats | None:
        """Return item contributions if available, else None."""
        return None if self.of_items is None else self.of_items(table)

    def item_shares(self, table: Table) -> Floats | None:
        """Return the weight of each item in the denominator if available, else None."""
        return None if self.share is None else self.share(table)


@dataclass(frozen=True, kw_only=True)
class DefaultedStatistic(Statistic):
    """A statistic whose defaults depend on the table.

    Parameters
    ----------
    resolve : callable
        Maps a table to a Statistic in which the arguments that depend on the kind of label are
        filled in.
    """

    resolve: Callable[[Any], Statistic]

    def settled(self, table: Table) -> Statistic:
        """Return the statistic with its defaults filled in."""
        return self.resolve(table)

    def bind(self, table: Table, unit: Codes, n_units: int) -> Bound:
        """Bind the statistic with its defaults filled in."""
        return self.settled(table).bind(table, unit, n_units)

    def value(self, table: Table) -> Floats:
        """Return the value of each scorer: (scorer,)."""
        return self.settled(table).value(table)
