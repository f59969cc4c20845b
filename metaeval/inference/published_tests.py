"""Published permutation tests that swap scores or verdicts of two scorers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from metaeval.core import (
    ROUNDOFF,
    ROUNDOFF_OF_SUMS,
    Codes,
    Floats,
    MetaevalError,
    decide_with_threshold,
)
from metaeval.inference.comparisons import Comparisons, PValues
from metaeval.inference.estimation import as_rows_for
from metaeval.inference.settings import ComparisonSettings
from metaeval.inference.swap_tests import (
    Finish,
    NullDistribution,
    SwapDesign,
    correlation_null,
    linear_null,
    pearson_columns,
    swap_units,
    system_columns,
)
from metaeval.inference.swap_tests_direct import direct_null
from metaeval.resampling import PairedDifferences, flip_test, key_of, mcnemar, rechunk, williams
from metaeval.statistics import Statistic, only_label, standardized, sum_by, systems_of
from metaeval.tables import Responses, Table

_MAX_STORED = 20_000_000  # null differences in memory: 160 MB; more are drawn again for each use
_SWAPS_IN_BLOCK = 1_000
_DIFFERENCES_AT_A_TIME = 2**17  # 1 MB of doubles
_MAX_COLUMN_VALUES = 20_000_000  # 160 MB of columns whose sums give a correlation
_TUNED = ("crossfit", "in-sample")


def published_tests(
    statistic: Statistic, family: Sequence[Comparisons], testing: ComparisonSettings, n_flips: int
) -> list[PValues]:
    r"""Test the differences of a family by a published test, for comparison with publications.

    Parameters
    ----------
    statistic : Statistic
    family : sequence of Comparisons
    testing : ComparisonSettings
        Its `test` is one of those below.
    n_flips : int
        Number of random swaps, unless all are enumerated.

    Returns
    -------
    list of PValues
        One for each of the comparisons, with status "published". With # extreme swaps, p is # /
        2^units if all swaps are enumerated (up to 20 units; for statistics that are evaluated swap
        by swap, only if there are at most n swaps), else (1 + #) / (1 + n). Adjustment is by
        step-down max-T over the family, with each difference divided by the root mean square of its
        null distribution; NaN for `pair-swap` and `williams`.

    Notes
    -----
    `swap-cells` (PERM-BOTH of mt-metrics-eval), `swap-items` (PERM-INPUTS) and `swap-systems`
    (PERM-SYSTEMS): the scores of both scorers are standardized over the table; then the scores in
    each cell, item or system are swapped between the two scorers with probability 1/2. The null
    hypothesis is that the scorers are *exchangeable* given the labels, which is stronger than
    equality of the statistics: standardization does not remove differences in tails, ties or noise.
    Equally accurate scorers are rejected too often if the noise of one of them increases with the
    label, and, with swaps of entire items, if one of them decides few pairs; sign flips of
    contributions maintain the level in these cases. The swaps "both" of nlpstats differ: entire
    systems, then entire items.

    `pair-swap`: the verdicts of both scorers on each pair of responses are swapped, each with the
    tie threshold of its scorer. It assumes that pairs are independent although they share
    responses, and its type I error rate is many times the nominal level if noise varies between
    items; `sign-flip` does not have this problem.

    `williams`: the t test of two dependent correlations, for independent normal rows.

    Groups in which a swapped scorer is constant are excluded from both swapped statistics.

    References
    ----------
    Deutsch, Dror, Roth (2021), A Statistical Analysis of Summarization Evaluation Metrics Using
    Resampling Methods. Deutsch, Foster, Freitag (2023), Ties Matter. Williams (1959), Regression
    analysis.
    """
    for comparisons in family:
        _require_scores(comparisons, testing)
    if testing.test == "williams":
        return [_williams(statistic, comparisons, testing) for comparisons in family]
    if testing.test == "pair-swap":
        return [_pair_swap_test(statistic, comparisons, testing, n_flips) for comparisons in family]
    nulls = [_null(statistic, comparisons, testing, n_flips) for comparisons in family]
    return _swap_tests(nulls, testing, n_flips)


def _require_scores(comparisons: Comparisons, testing: ComparisonSettings) -> None:
    compared = np.unique(np.r_[comparisons.first, comparisons.second])
    scores = [table.scores.iloc[:, compared] for table in comparisons.estimates.tables]
    if any(frame.isna().to_numpy().any() for frame in scores):
        raise MetaevalError(
            f"test={testing.test!r} swaps scores, but some are missing; use missing='common', or "
            "test='sign-flip'."
        )


# p-values from counts of extreme swaps.
def _swap_tests(
    nulls: list[NullDistribution], testing: ComparisonSettings, n_flips: int
) -> list[PValues]:
    """p-values of each of the comparisons, adjusted over the family."""
    if len(nulls) == 1 and nulls[0].enumerate_all is not None:
        return [
            _from_counts(
                *_count_extreme(nulls[0], True, n_flips, testing), nulls[0], n_flips, testing
            )
        ]
    joint = nulls[0] if len(nulls) == 1 else _side_by_side(nulls)
    extreme, stepped_down = _count_extreme(joint, False, n_flips, testing)
    cuts = np.cumsum([len(null.observed) for null in nulls])[:-1]
    split = zip(nulls, np.split(extreme, cuts), np.split(stepped_down, cuts), strict=True)
    tests = []
    for null, count, maxima_count in split:
        test = _from_counts(
            count, maxima_count, null._replace(enumerate_all=None), n_flips, testing
        )
        if null.enumerate_all is not None:
            exact = _from_counts(
                *_count_extreme(null, True, n_flips, testing), null, n_flips, testing
            )
            test = replace(exact, adjusted=np.maximum(test.adjusted, exact.p_value))
        tests.append(test)
    return tests


def _from_counts(
    extreme: Codes,
    stepped_down: Codes,
    null: NullDistribution,
    n_flips: int,
    testing: ComparisonSettings,
) -> PValues:
    """p-values from numbers of extreme swaps: of each pair, and of step-down maxima."""
    enumerated = null.enumerate_all is not None
    n = 2**null.n_units if enumerated else n_flips
    n_counted = 2 ** (null.n_units - (testing.alternative == "two-sided")) if enumerated else n
    p, adjusted = (
        (count + (not enumerated)) / (n_counted + (not enumerated))
        for count in (extreme, stepped_down)
    )
    mcse = np.zeros_like(p) if enumerated else np.sqrt(p * (1 - p) / n)
    return PValues(
        p_value=p,
        adjusted=np.maximum(p, adjusted),
        mcse=mcse,
        n_flips=n,
        enumerated=enumerated,
        test=str(testing.test),
        status="published",
    )


def _count_extreme(
    null: NullDistribution, enumerated: bool, n_flips: int, testing: ComparisonSettings
) -> tuple[Codes, Codes]:
    """Number of swaps as extreme as observed: of each pair, and of maxima of step-down sets."""
    sign = -1.0 if testing.alternative == "less" else 1.0
    two_sided = testing.alternative == "two-sided"
    source = (
        null.enumerate_all
        if enumerated and null.enumerate_all is not None
        else lambda: null.draw(n_flips)
    )
    n = 2**null.n_units if enumerated else n_flips
    stored = n * len(null.observed) <= _MAX_STORED
    blocks: Sequence[Floats] = list(source() if stored else null.draw(_SWAPS_IN_BLOCK))
    scale = np.sqrt(sum((b**2).sum(axis=0) for b in blocks) / sum(len(b) for b in blocks))
    size = np.abs(null.observed) if two_sided else sign * null.observed
    t = _divide(size, scale)
    order = np.argsort(-t, kind="stable")
    t, scale, threshold = t[order], scale[order], (size - null.slack)[order]
    threshold_t = t - ROUNDOFF_OF_SUMS * np.abs(t)
    counts = np.zeros((2, len(order)), dtype=np.int64)
    for x in _in_small_blocks(blocks if stored else source(), len(order)):
        x = np.abs(x[:, order]) if two_sided else sign * x[:, order]
        if enumerated and not two_sided:
            x = np.concatenate([x, -x])
        maxima = np.maximum.accumulate(_divide(x, scale)[:, ::-1], axis=1)[:, ::-1]
        counts += np.stack([(x >= threshold).sum(axis=0), (maxima >= threshold_t).sum(axis=0)])
    counts[1] = np.maximum.accumulate(counts[1])
    restored = np.empty_like(counts)
    restored[:, order] = counts
    return restored[0], restored[1]


def _divide(x: Floats, scale: Floats) -> Floats:
    return np.asarray(np.where(scale > 0, x / np.where(scale > 0, scale, 1.0), 0.0))


def _in_small_blocks(blocks: Iterator[Floats] | Sequence[Floats], n_pairs: int) -> Iterator[Floats]:
    rows = max(1, _DIFFERENCES_AT_A_TIME // n_pairs)
    for block in blocks:
        yield from (block[start : start + rows] for start in range(0, len(block), rows))


def _side_by_side(nulls: list[NullDistribution]) -> NullDistribution:
    """Several null distributions concatenated along pairs."""

    def draw(n: int) -> Iterator[Floats]:
        parts = zip(*(rechunk(null.draw(n), _SWAPS_IN_BLOCK) for null in nulls), strict=True)
        return (np.concatenate(blocks, axis=1) for blocks in parts)

    observed = np.concatenate([null.observed for null in nulls])
    return NullDistribution(observed, np.concatenate([null.slack for null in nulls]), draw, None, 0)


# Null distributions of differences under swaps.
def _null(
    statistic: Statistic, comparisons: Comparisons, testing: ComparisonSettings, n_flips: int
) -> NullDistribution:
    tables = _swappable(statistic, comparisons, testing)
    units = swap_units(tables, str(testing.test))
    key = key_of(testing.seed, "flip", comparisons.estimates.stream)
    n_units = 1 + max(int(unit.max()) for unit in units)
    swaps = SwapDesign(tables, comparisons.first, comparisons.second, units, n_units, key)
    if statistic.credits is not None and statistic.estimand.epsilon == "0":
        credits = [statistic.credits(as_rows_for(statistic, table)) for table in tables]
        return linear_null(swaps, credits, exact=statistic.estimand.rows == "exact pairs")
    columns = _columns_of(statistic, tables)
    return (
        direct_null(statistic, swaps, n_flips)
        if columns is None
        else correlation_null(swaps, columns)
    )


def _swappable(
    statistic: Statistic, comparisons: Comparisons, testing: ComparisonSettings
) -> list[Responses]:
    """The tables; refuse those whose scores cannot be swapped."""
    name, remedy = statistic.name, "use test='sign-flip' or test='bootstrap'"
    tables = [table for table in comparisons.estimates.tables if isinstance(table, Responses)]
    if len(tables) < len(comparisons.estimates.tables):
        raise MetaevalError(
            f"test={testing.test!r} swaps scores of responses, but this table contains pairs; "
            "use test='sign-flip' or test='pair-swap'."
        )
    if (statistic.estimand.epsilon or "0") not in ("0", *_TUNED):
        raise MetaevalError(
            f"test={testing.test!r} standardizes the scores, but the epsilon of {name} is in units "
            f"of the raw scores; {remedy}, or epsilon=0 or tie_calibrated_accuracy."
        )
    if statistic.nested_flips:
        raise MetaevalError(
            f"{name} would need a separate set of random flips for every swap; {remedy}."
        )
    if statistic.estimand.reads_forecasts:
        raise MetaevalError(
            f"test={testing.test!r} standardizes and swaps scores, but {name} interprets them as "
            f"forecasts; {remedy}."
        )
    limit = statistic.item_limit
    if limit is not None and max(table.n_items for table in tables) > limit:
        raise MetaevalError(
            f"{name} compares all items with each other in every swap, which is limited to {limit} "
            "items; use grouping='item', or report by task (by='task')."
        )
    return tables


def _columns_of(
    statistic: Statistic, tables: list[Responses]
) -> list[tuple[Floats, Finish]] | None:
    """Columns of each table whose sums give its correlation; None for other statistics."""
    if statistic.correlation == "rows":
        return [pearson_columns(table) for table in tables]
    if statistic.correlation is None:
        return None
    codes = [systems_of(table) for table in tables]
    n_values = sum(t.scores.size * len(task) for t, (_, task) in zip(tables, codes, strict=True))
    if n_values > _MAX_COLUMN_VALUES:
        return None
    return [system_columns(t, *code) for t, code in zip(tables, codes, strict=True)]


# Tests without shared draws.
def _pair_swap_test(
    statistic: Statistic, comparisons: Comparisons, testing: ComparisonSettings, n_flips: int
) -> PValues:
    """Swap verdicts on each pair; p is a binomial tail if all pairs have equal weights."""
    parts = [_credits_of_pairs(statistic, table) for table in comparisons.estimates.tables]
    credit = np.concatenate([credit for credit, _ in parts])
    share = np.concatenate([share for _, share in parts]) / len(parts)
    a, b, weights = comparisons.first, comparisons.second, share[share > 0]
    if np.ptp(weights) <= ROUNDOFF * weights.max() and len(np.unique(credit[share > 0])) <= 2:
        gap = credit[:, a] - credit[:, b]
        p = mcnemar((gap > 0).sum(axis=0), (gap < 0).sum(axis=0), alternative=testing.alternative)
        return _unadjusted(p, testing, np.zeros(len(p)), 0, True)
    flips = PairedDifferences(
        credit * share[:, None], a, b, comparisons.estimates.stream, len(share)
    )
    [test] = flip_test([flips], n_flips=n_flips, seed=testing.seed, alternative=testing.alternative)
    n, p = int(test.n_flips.max(initial=0)), test.p_value
    mcse = np.zeros(len(p)) if test.enumerated else np.sqrt(p * (1 - p) / n)
    return _unadjusted(p, testing, mcse, n, test.enumerated)


def _unadjusted(
    p: Floats, testing: ComparisonSettings, mcse: Floats, n: int, enumerated: bool
) -> PValues:
    return PValues(
        p_value=p,
        adjusted=np.full(len(p), np.nan),
        mcse=mcse,
        n_flips=n,
        enumerated=enumerated,
        test=str(testing.test),
        status="published",
    )


def _credits_of_pairs(statistic: Statistic, table: Table) -> tuple[Floats, Floats]:
    """Credit of each scorer on each pair (pair, scorer), and weights of the pairs (pair,)."""
    if statistic.credits is None:
        raise _no_verdicts(statistic)
    ready = as_rows_for(statistic, table)
    credits = statistic.credits(ready)
    decisions = decide_with_threshold(ready.scores.to_numpy(), credits.epsilon)
    credit = np.take_along_axis(credits.credit, decisions.astype(int) + 1, axis=1)
    return np.where(credits.share[:, None] > 0, credit, 0.0), credits.share


def _no_verdicts(statistic: Statistic) -> MetaevalError:
    return MetaevalError(
        f"test='pair-swap' swaps verdicts on pairs of responses to one item; {statistic.name} is "
        "not a mean of such verdicts. Use pairwise_accuracy, tie_calibrated_accuracy, or "
        "test='sign-flip'."
    )


def _williams(
    statistic: Statistic, comparisons: Comparisons, testing: ComparisonSettings
) -> PValues:
    """Williams' test on the three correlations."""
    tables = [table for table in comparisons.estimates.tables if isinstance(table, Responses)]
    if len(tables) != 1 or statistic.correlation is None:
        raise MetaevalError(
            f"test='williams' compares two correlations over the same rows; {statistic.name} is "
            "not such a correlation here. Use pearson() or system_pearson() without by=."
        )
    x = np.column_stack([tables[0].scores.to_numpy(), only_label(tables[0])])
    if statistic.correlation == "systems":
        system, task = systems_of(tables[0])
        if task.any():
            raise MetaevalError(
                "test='williams' needs correlations over the systems of a single task, but the "
                f"table has {task.max() + 1} tasks; report by task (by='task'), or use "
                "test='sign-flip'."
            )
        x = sum_by(x, system, len(task)) / np.bincount(system)[:, None]
    r = np.corrcoef(standardized(x).T)
    a, b = comparisons.first, comparisons.second
    p = williams(r[a, -1], r[b, -1], r[a, b], len(x), alternative=testing.alternative)
    return _unadjusted(p, testing, np.zeros(len(p)), 0, True)
