"""What a statistic is: terms that are summed over items, and a way to finish the sums."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from metaeval.core import Bools, Codes, Floats, MetaevalError, UndefinedError
from metaeval.tables import Pairs, Responses

Weigh = Callable[[Floats], Floats]

MAX_ROWS = 20_000
MAX_RESAMPLED_ITEMS = 5_000


class BySystems(NamedTuple):
    """Replicates in which both units (clusters or items) and systems are drawn.

    `systems` are the names of the systems, in the order of their weights. `values` maps weights of
    units (replicate, unit) and of systems (replicate, system) to values (replicate, scorer), each
    pair of distinct systems counted as often as the product of their weights; `spread` maps the
    same weights, and scorers `first` (pair,) less `second` (pair,) where it is given, to two-way
    standard errors (replicate, pair); None where there are none.
    """

    systems: list[str]
    values: Callable[[Floats, Floats], Floats]
    spread: Callable[[Floats, Floats, Codes, Codes | None], Floats] | None = None


class Credits(NamedTuple):
    """What a call on each pair of responses earns, where the estimate is a sum of such credits.

    `credit` (pair, 3) of the calls -1, 0 and 1, small multiples of 1/2; `share` (pair,) of each
    pair in the estimate, the same for all pairs of an item that earn anything; margins up to
    `epsilon`, a number or (pair, scorer), are called 0. The estimate is the sum of share * credit.
    """

    credit: Floats
    share: Floats
    epsilon: Floats | float = 0.0


@dataclass(frozen=True)
class Statistic:
    """A quantity that depends on the data through sums over items, or through item weights.

    Parameters
    ----------
    name : str
        What results call it.
    over : {"pairs", "exact pairs", "responses"}
        The kind of table that its functions take, with one label column. Margins of pairs are
        rounded (see `Responses.pairs`), those of exact pairs are not.
    terms : callable, optional
        table -> (item, scorer, k); runs once.
    finish : callable, optional
        (..., k) -> (...); runs on the sum of the terms and on every replicate of it.
    estimand : mapping
        What the number means: `grouping`, `average`, `ties`.
    status : {"exact", "approximate", "replica"}
        Shown in results; "replica" marks a published form that is kept for comparison.
    contributions : callable, optional
        table -> (item, scorer): the share of each item in the estimate. They add up to it, and
        their signs are flipped by the paired test.
    from_terms : callable, optional
        The same from terms, where they follow from them, added up by unit or not.
    share : callable, optional
        table -> (item,): the share of each item in the denominator, adding up to 1; needed where
        there are contributions but no terms.
    smooth : bool
        Without `contributions`: jackknife pseudo-values may stand in for them (approximate).
    influence : callable, optional
        table -> (item, scorer): what each item adds to the estimate to first order, adding up to
        0; instead of leaving out one item at a time.
    inflated : {"", "value", "both"}
        Noise adds to the value: at most the level `noise`, or `expected_if_calibrated` where there
        is none. Intervals are Student's t with their ends moved by as much; with "both" so are
        those of differences and their tests, else noise cancels there.
    better : {"higher", "lower", "neither"}
        Which values are good: accuracies are "higher", losses "lower"; of a slope, whose ideal is
        1, neither.
    describe : callable, optional
        table -> mapping of name -> (scorer,): tie_rate, chance, trivial, expected_if_calibrated
        (the mean under perfect calibration), epsilon, lost groups; trials, the independent units
        that a value at a bound stands on, where they are fewer than all.
    weigh : callable, optional
        Instead of terms and finish: table -> function of item weights (replicate, item) ->
        (replicate, scorer).
    estimate : callable, optional
        table -> (scorer,), where the estimate is exact and `weigh` is not quite; replicates are
        then shifted by the difference.
    is_accuracy : bool
        A share of right decisions: `missing="wrong"` makes sense, and chance and skill exist.
    bounds : (float, float), optional
        The least and the largest possible value; 0 and 1 for accuracies. A value at a bound never
        stands with an interval of no width.
    item_limit : int, optional
        Above so many items replicates are too costly; the estimate stands without interval.
    resolve : callable, optional
        table -> Statistic, where the kind of label settles an argument.
    interval : str, optional
        The kind of interval that replaces those that fail for this statistic.
    by_systems : callable, optional
        (table, unit, n_units) -> BySystems, for replicates in which systems are drawn as units are;
        `unit` (item,) is the unit of each item. Some units may have no item in the table.
    credits : callable, optional
        table of pairs -> Credits, where the estimate is a sum of credits of calls on pairs with a
        denominator that no call changes; lets tests swap scores or verdicts of two scorers fast.
    """

    name: str
    over: Literal["pairs", "exact pairs", "responses"]
    terms: Callable[[Any], Floats] | None = None
    finish: Callable[[Floats], Floats] | None = None
    estimand: Mapping[str, str] = field(default_factory=dict)
    status: str = "exact"
    contributions: Callable[[Any], Floats] | None = None
    from_terms: Callable[[Floats], Floats] | None = None
    share: Callable[[Any], Floats] | None = None
    smooth: bool = False
    influence: Callable[[Any], Floats] | None = None
    inflated: Literal["", "value", "both"] = ""
    better: Literal["higher", "lower", "neither"] = "higher"
    describe: Callable[[Any], Mapping[str, Floats]] | None = None
    weigh: Callable[[Any], Weigh] | None = None
    estimate: Callable[[Any], Floats] | None = None
    is_accuracy: bool = False
    bounds: tuple[float, float] | None = None
    item_limit: int | None = None
    resolve: Callable[[Any], Statistic] | None = None
    interval: str | None = None
    by_systems: Callable[[Any, Codes, int], BySystems] | None = None
    credits: Callable[[Any], Credits] | None = None

    @staticmethod
    def weighted(
        name: str,
        f: Callable[[Floats, Floats, Floats], float],
        *,
        over: Literal["pairs", "responses"] = "responses",
        estimand: Mapping[str, str] | None = None,
        smooth: bool = False,
    ) -> Statistic:
        """Return a statistic that is no sum over items, from a function of row weights.

        Parameters
        ----------
        name : str
            What results call it.
        f : callable
            (scores, label, weights), each of shape (row,) -> number. The weight of a row is that
            of its item. It runs once for every scorer and replicate, which is slow. Its value must
            not change if all weights are multiplied by one number: weights do not add up to n.
        over : {"pairs", "responses"}, default "responses"
            Whether rows are responses or pairs.
        estimand : mapping, optional
            What the number means.
        smooth : bool, default False
            Whether it changes smoothly with the weights, as a correlation does and a share of
            pairs of systems does not. Then the test flips jackknife pseudo-values; else p is from
            the bootstrap.

        Examples
        --------
        >>> import numpy as np
        >>> from metaeval import Statistic, evaluate, load_example
        >>> mean = Statistic.weighted("mean score", lambda x, h, w: np.average(x, weights=w))
        >>> frame = evaluate(load_example(), mean, n_resamples=100).frame
        >>> bool((frame["lower"] <= frame["estimate"]).all())
        True
        """

        def weigh(table: Responses | Pairs) -> Weigh:
            scores, label, items = table.scores.to_numpy(), only_label(table), table.item_codes
            one = np.ones(len(items))
            once, twice = f(scores[:, 0], label, one), f(scores[:, 0], label, 2 * one)
            if not np.isclose(once, twice, rtol=1e-6, equal_nan=True):
                raise MetaevalError(
                    f"{name} changes from {once:.4g} to {twice:.4g} if all weights are doubled; "
                    "divide by the sum of the weights, not by the number of rows."
                )
            return lambda weights: np.array(
                [
                    [f(scores[:, m], label, w[items]) for m in range(scores.shape[1])]
                    for w in weights
                ]
            )

        return Statistic(name, over, weigh=weigh, smooth=smooth, estimand=estimand or {})

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the largest possible value, if there are any."""
        return (0.0, 1.0) if self.is_accuracy and self.bounds is None else self.bounds

    def named(self, **changes: Any) -> Statistic:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)


def only_label(table: Responses | Pairs) -> Floats:
    """The one label column of a table that is ready for a statistic: (row,)."""
    if table.labels.shape[1] != 1:
        raise MetaevalError(
            f"A statistic needs one label column; this table has {table.labels.shape[1]}."
        )
    return table.labels.iloc[:, 0].to_numpy()


def sum_by(values: Floats, codes: Codes, size: int) -> Floats:
    """Sum of the rows of `values` (row, ...) with the same code: (size, ...).

    The values themselves, not a copy, where every code has its row in turn.
    """
    if len(codes) == size and values.dtype == float and (codes == np.arange(size)).all():
        return values
    if (np.diff(codes) < 0).any():
        order = np.argsort(codes, kind="stable")
        values, codes = values[order], codes[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    sums = np.zeros((size, *values.shape[1:]))
    sums[codes[starts]] = np.add.reduceat(values, starts, axis=0)
    return sums


def ratio(sums: Floats) -> Floats:
    """First column over the second; NaN where the second is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[..., 0] / sums[..., 1]


def share_of_estimate(terms: Floats) -> Floats:
    """Contributions of a ratio whose denominator all scorers share: (item, scorer)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(terms[..., 0] / terms[..., 1].sum(axis=0))


def mean_terms(values: Floats, defined: Bools) -> Floats:
    """Terms of a mean over items: value and 1, or 0 and 0 where undefined: (item, scorer, 2)."""
    counted = np.broadcast_to(defined[:, None], values.shape)
    return np.stack([np.where(counted, values, 0.0), counted.astype(float)], axis=-1)


CONSTANT = ("drop", "zero", "error")


def settle_constant(values: Floats, constant: str, scorers: list[str], what: str) -> Floats:
    """Values (group, scorer) with undefined ones settled by the policy for constant groups.

    `drop` leaves a group out for all scorers if it is undefined for one of them.
    """
    undefined = np.isnan(values)
    if not undefined.any():
        return values
    worst = scorers[int(undefined.sum(axis=0).argmax())]
    if constant == "error":
        raise MetaevalError(
            f"{what} is undefined in {int(undefined.any(axis=1).sum())} groups (constant scores or "
            f"labels), most of them for {worst!r}; use constant='drop' or constant='zero'."
        )
    if constant == "zero":
        return np.where(undefined, 0.0, values)
    lost = np.asarray(undefined.any(axis=1))
    if lost.all():
        raise UndefinedError(
            f"{what} is defined for all scorers in no group: {worst!r} is constant in "
            f"{int(undefined[:, scorers.index(worst)].sum())} of {len(values)}. Leave it out "
            "(scorers=), or use constant='zero'."
        )
    return np.where(lost[:, None], np.nan, values)


def mean_over_items(
    name: str,
    f: Callable[[Floats, Floats], float],
    *,
    constant: Literal["drop", "zero", "error"] = "drop",
) -> Statistic:
    """Return the mean over items of a function of an item's scores and labels.

    Parameters
    ----------
    name : str
        What results call it.
    f : callable
        (scores, labels), each of shape (response,), of one item -> number, NaN if undefined.
    constant : {"drop", "zero", "error"}
        What happens to items where it is undefined for one of the scorers.

    Examples
    --------
    >>> import numpy as np
    >>> from metaeval import evaluate, load_example
    >>> top = mean_over_items("top", lambda x, h: float(h[x.argmax()] == h.max()))
    >>> int(evaluate(load_example(), top, n_resamples=100).row("judge")["n_items"])
    80
    """

    def values(table: Responses) -> Floats:
        order = np.argsort(table.item_codes, kind="stable")
        cuts = np.flatnonzero(np.diff(table.item_codes[order])) + 1
        scores = np.split(table.scores.to_numpy()[order], cuts)
        labels = np.split(only_label(table)[order], cuts)
        rows = [
            [f(x[:, m], h) for m in range(x.shape[1])] for x, h in zip(scores, labels, strict=True)
        ]
        return np.array(rows, dtype=float)

    return mean_of_values(
        name, "responses", values, constant, {"grouping": "item", "average": "items"}
    )


def mean_of_values(
    name: str,
    over: Literal["pairs", "exact pairs", "responses"],
    values: Callable[[Any], Floats],
    constant: str,
    estimand: Mapping[str, str],
    usable: Callable[[Any], Bools] | None = None,
) -> Statistic:
    """Return the mean over items of `values(table)` (item, scorer), NaN where undefined.

    Items that are not `usable(table)` (item,), such as those with one response, never count.
    """

    def terms(table: Responses | Pairs) -> Floats:
        raw = values(table)
        counts = np.ones(len(raw), dtype=bool) if usable is None else usable(table)
        settled = np.full(raw.shape, np.nan)
        settled[counts] = settle_constant(raw[counts], constant, table.scorers, name)
        return mean_terms(settled, ~np.isnan(settled).any(axis=1))

    return Statistic(
        name,
        over,
        terms,
        ratio,
        estimand,
        contributions=lambda table: share_of_estimate(terms(table)),
        from_terms=share_of_estimate,
        describe=lambda table: {"lost": np.isnan(values(table)).sum(axis=0).astype(float)},
    )


def mean_defined(values: Floats, constant: str, present: Bools) -> Floats:
    """Mean over groups (..., scorer, group), the same groups for all scorers: (..., scorer).

    Groups that are not `present` (..., scorer or 1, group) in a replicate are left out. Those
    that it leaves undefined for one scorer are left out for all, or are 0.
    """
    if constant == "zero":
        values = np.where(present, np.nan_to_num(values), np.nan)
    defined = ~np.isnan(values).any(axis=-2, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(defined, values, 0).sum(axis=-1) / defined.sum(axis=-1))


def of_two(table: Responses) -> Bools:
    """Items with at least two responses: (item,)."""
    return np.bincount(table.item_codes, minlength=table.n_items) >= 2


def require_grouping_size(table: Responses, grouping: str) -> None:
    """Refuse pairs across items where there are too many rows."""
    if len(table) > MAX_ROWS:
        raise MetaevalError(
            f"grouping={grouping!r} compares all rows with all others; {len(table)} rows are more "
            f"than {MAX_ROWS}. Use grouping='item', report by task (by='task'), or select fewer "
            "items."
        )
