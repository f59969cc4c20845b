"""Three ways to compute a statistic for many replicates: sums, weights, and settled defaults."""

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
        table -> (item, scorer, k); runs once.
    finish : callable
        (..., k) -> (...); runs on the sum of the terms and on every replicate of it. By default
        the first of two sums over the second.
    additive : bool
        The value is a ratio whose denominator all scorers share, so that each item contributes its
        share, and contributions add up to the value.

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
        """Whether items contribute to the estimate."""
        return self.additive

    def bind(self, table: Table, unit: Codes, n_units: int) -> BoundSums:
        """Sum the terms by unit."""
        terms = self.terms(table)
        n_items = int((terms != 0).any(axis=(1, 2)).sum())
        sums = sum_by(terms, unit, n_units)
        del terms  # with a million items every copy counts
        return BoundSums(sums, self.finish, n_items, additive=self.additive, smooth=self.smooth)

    def value(self, table: Table) -> Floats:
        """Return the value of each scorer: (scorer,)."""
        return self.finish(self.terms(table).sum(axis=0))

    def contributions(self, table: Table) -> Floats | None:
        """Return what each item contributes, if the value is a sum over items."""
        return share_of_estimate(self.terms(table)) if self.additive else None


@dataclass(frozen=True, kw_only=True)
class WeightedStatistic(Statistic):
    """A function of the weights of items, computed again for every replicate.

    Parameters
    ----------
    weigh : callable
        table -> function of item weights (replicate, item) -> (replicate, scorer).
    exact : callable, optional
        table -> (scorer,), where `weigh` is not quite exact; replicates are then shifted by the
        difference.
    of_items : callable, optional
        table -> (item, scorer): what each item contributes to the value, adding up to it.
    share : callable, optional
        table -> (item,): the share of each item in the denominator, adding up to 1; needed with
        `of_items`.
    influence : callable, optional
        table -> (item, scorer): first-order influence of each item, adding up to 0; instead of
        leaving out one item at a time.
    most_items : int, optional
        Above so many items replicates are too costly.

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
        """Above so many items replicates are too costly."""
        return self.most_items

    @property
    def has_contributions(self) -> bool:
        """Whether items contribute to the estimate."""
        return self.of_items is not None

    def bind(self, table: Table, unit: Codes, n_units: int) -> BoundWeights:
        """Give all items of a unit its weight."""
        of_item_weights = self.weigh(table)

        def of_units(each: Callable[[Any], Floats] | None) -> Callable[[], Floats] | None:
            return None if each is None else lambda: sum_by(each(table), unit, n_units)

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
        """Return the exact value where it differs from that of `weigh`."""
        return bound.reference if self.exact is None else self.exact(table)

    def contributions(self, table: Table) -> Floats | None:
        """Return what each item contributes, where it is known."""
        return None if self.of_items is None else self.of_items(table)

    def item_shares(self, table: Table) -> Floats | None:
        """Return the share of each item in the denominator, where it is known."""
        return None if self.share is None else self.share(table)


@dataclass(frozen=True, kw_only=True)
class DefaultedStatistic(Statistic):
    """A statistic whose defaults depend on the table.

    Parameters
    ----------
    resolve : callable
        table -> Statistic, where the kind of label settles an argument.
    """

    resolve: Callable[[Any], Statistic]

    def settled(self, table: Table) -> Statistic:
        """Return the statistic that the table asks for."""
        return self.resolve(table)

    def bind(self, table: Table, unit: Codes, n_units: int) -> Bound:
        """Settle the defaults first."""
        return self.settled(table).bind(table, unit, n_units)

    def value(self, table: Table) -> Floats:
        """Return the value of each scorer: (scorer,)."""
        return self.settled(table).value(table)
