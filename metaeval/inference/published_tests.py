"""Published tests of two scorers that swap their scores or verdicts at random."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from metaeval.core import (
    ROUNDOFF,
    ROUNDOFF_OF_SUMS,
    Codes,
    Floats,
    MetaevalError,
    decide_with_threshold,
)
from metaeval.inference.estimation import table_for
from metaeval.inference.families import Member, Tested
from metaeval.inference.settings import Plan
from metaeval.inference.swap_tests import (
    Finish,
    Null,
    Swaps,
    linear,
    of_columns,
    pearson_columns,
    system_columns,
    units_of_rows,
)
from metaeval.inference.swap_tests_direct import evaluated
from metaeval.resampling import PairedDifferences, flip_test, key_of, mcnemar, rechunk, williams
from metaeval.statistics import Statistic, only_label, standardised, sum_by, systems_of
from metaeval.tables import Responses, Table

_KEPT = 20_000_000  # null differences that are kept
_ROWS = 1_000  # swaps in a block
_GAPS = 2**17  # differences that exist at one time
_COLUMNS = 20_000_000  # values of columns whose sums give a correlation
_CHOSEN = ("crossfit", "in-sample")


def replica_tests(
    statistic: Statistic, members: Sequence[Member], plan: Plan, n_flips: int
) -> list[Tested]:
    r"""Test the differences of a family as published tools do, for comparison with them.

    Parameters
    ----------
    statistic : Statistic
    members : sequence of Member
        Together they are the family.
    plan : Plan
        Its `test` is one of those below.
    n_flips : int
        Random swaps, where not all are tried.

    Returns
    -------
    list of Tested
        One for each member, with status "replica". p is # / 2^units with all swaps tried (up to 20
        units; where every swap is evaluated by itself, if that is no more work than drawing), else
        (1 + #) / (1 + n); adjusted by step-down max-T over the family, each difference divided by
        the root mean square of its null; NaN for `pair-swap` and `williams`.

    Notes
    -----
    `swap-cells` (PERM-BOTH of mt-metrics-eval), `swap-items` (PERM-INPUTS) and `swap-systems`
    (PERM-SYSTEMS): scores of both scorers are standardised over the table; each cell, item or
    system, with all its rows, then swaps those of the two scorers with probability 1/2. The null
    hypothesis is that the scorers are *exchangeable* given the labels, which is stronger than that
    the statistics are equal: standardising removes no difference in tails, ties or noise. Equally
    good scorers are rejected too often where the noise of one grows with the label, and, by whole
    items, where one of them decides few pairs; sign flips of contributions hold the level there.
    Of the random swaps, "both" of nlpstats is
    another one: whole systems, then whole items.

    `pair-swap`: the verdicts of both scorers on each pair of responses are swapped, each scorer
    at its own tie threshold. It takes pairs that share responses for independent, and rejects many
    times its level where noise varies from item to item; `sign-flip` does not.

    `williams`: the t test of two dependent correlations, for independent normal rows.

    A group in which a swapped scorer is constant is left out of both swapped statistics.

    References
    ----------
    Deutsch, Dror, Roth (2021), A Statistical Analysis of Summarization Evaluation Metrics Using
    Resampling Methods. Deutsch, Foster, Freitag (2023), Ties Matter. Williams (1959), Regression
    analysis.
    """
    for member in members:
        _require_scores(member, plan)
    if plan.test == "williams":
        return [_williams(statistic, member, plan) for member in members]
    if plan.test == "pair-swap":
        return [_pair_swapped(statistic, member, plan, n_flips) for member in members]
    nulls = [_null(statistic, member, plan, n_flips) for member in members]
    return _swapped(nulls, plan, n_flips)


def _require_scores(member: Member, plan: Plan) -> None:
    used = np.unique(np.r_[member.first, member.second])
    if any(table.scores.iloc[:, used].isna().to_numpy().any() for table in member.part.tables):
        raise MetaevalError(
            f"test={plan.test!r} swaps scores, and some are missing; use missing='common', or "
            "test='sign-flip'."
        )


# Counting.
def _swapped(nulls: list[Null], plan: Plan, n_flips: int) -> list[Tested]:
    """Tests of members, alone and adjusted together."""
    if len(nulls) == 1 and nulls[0].every is not None:
        return [_tested(*_counted(nulls[0], True, n_flips, plan), nulls[0], n_flips, plan)]
    joint = nulls[0] if len(nulls) == 1 else _joined(nulls)
    alone, upto = _counted(joint, False, n_flips, plan)
    cuts = np.cumsum([len(null.observed) for null in nulls])[:-1]
    split = zip(nulls, np.split(alone, cuts), np.split(upto, cuts), strict=True)
    tests = []
    for null, count, stepped in split:
        own = _tested(count, stepped, null._replace(every=None), n_flips, plan)
        if null.every is not None:
            p = _tested(*_counted(null, True, n_flips, plan), null, n_flips, plan)
            own = p._replace(adjusted=np.maximum(own.adjusted, p.p_value))
        tests.append(own)
    return tests


def _tested(alone: Codes, upto: Codes, null: Null, n_flips: int, plan: Plan) -> Tested:
    """p-values from counts of extreme swaps."""
    every = null.every is not None
    n = 2**null.n_units if every else n_flips
    seen = 2 ** (null.n_units - (plan.alternative == "two-sided")) if every else n
    p, adjusted = ((count + (not every)) / (seen + (not every)) for count in (alone, upto))
    mcse = np.zeros_like(p) if every else np.sqrt(p * (1 - p) / n)
    return Tested(p, np.maximum(p, adjusted), mcse, n, every, plan.test, "published")


def _counted(null: Null, every: bool, n_flips: int, plan: Plan) -> tuple[Codes, Codes]:
    """Swaps as extreme as observed: in each pair alone, and as maxima of step-down sets."""
    turn, two_sided = -1.0 if plan.alternative == "less" else 1.0, plan.alternative == "two-sided"
    source = null.every if every and null.every is not None else lambda: null.draw(n_flips)
    n = 2**null.n_units if every else n_flips
    kept = n * len(null.observed) <= _KEPT
    blocks: Sequence[Floats] = list(source() if kept else null.draw(_ROWS))
    scale = np.sqrt(sum((b**2).sum(axis=0) for b in blocks) / sum(len(b) for b in blocks))
    size = np.abs(null.observed) if two_sided else turn * null.observed
    t = _over(size, scale)
    order = np.argsort(-t, kind="stable")
    t, scale, least = t[order], scale[order], (size - null.slack)[order]
    least_t = t - ROUNDOFF_OF_SUMS * np.abs(t)
    counts = np.zeros((2, len(order)), dtype=np.int64)
    for x in _small(blocks if kept else source(), len(order)):
        x = np.abs(x[:, order]) if two_sided else turn * x[:, order]
        if every and not two_sided:
            x = np.concatenate([x, -x])
        most = np.maximum.accumulate(_over(x, scale)[:, ::-1], axis=1)[:, ::-1]
        counts += np.stack([(x >= least).sum(axis=0), (most >= least_t).sum(axis=0)])
    counts[1] = np.maximum.accumulate(counts[1])
    restored = np.empty_like(counts)
    restored[:, order] = counts
    return restored[0], restored[1]


def _over(x: Floats, scale: Floats) -> Floats:
    return np.asarray(np.where(scale > 0, x / np.where(scale > 0, scale, 1.0), 0.0))


def _small(blocks: Iterator[Floats] | Sequence[Floats], n_pairs: int) -> Iterator[Floats]:
    rows = max(1, _GAPS // n_pairs)
    for block in blocks:
        yield from (block[start : start + rows] for start in range(0, len(block), rows))


def _joined(nulls: list[Null]) -> Null:
    """Several nulls as one, their pairs side by side."""

    def draw(n: int) -> Iterator[Floats]:
        parts = zip(*(rechunk(null.draw(n), _ROWS) for null in nulls), strict=True)
        return (np.concatenate(some, axis=1) for some in parts)

    observed = np.concatenate([null.observed for null in nulls])
    return Null(observed, np.concatenate([null.slack for null in nulls]), draw, None, 0)


# What the differences are under swaps.
def _null(statistic: Statistic, member: Member, plan: Plan, n_flips: int) -> Null:
    tables = _swappable(statistic, member, plan)
    units = units_of_rows(tables, plan.test)
    key = key_of(plan.seed, "flip", member.part.part)
    n_units = 1 + max(int(unit.max()) for unit in units)
    swaps = Swaps(tables, member.first, member.second, units, n_units, key)
    if statistic.credits is not None and statistic.estimand.epsilon == "0":
        credits = [statistic.credits(table_for(statistic, table)) for table in tables]
        return linear(swaps, credits, exact=statistic.estimand.rows == "exact pairs")
    columns = _columns_of(statistic, tables)
    return evaluated(statistic, swaps, n_flips) if columns is None else of_columns(swaps, columns)


def _swappable(statistic: Statistic, member: Member, plan: Plan) -> list[Responses]:
    """The tables, if it makes sense to swap scores in them."""
    name, instead = statistic.name, "use test='sign-flip' or test='bootstrap'"
    tables = [table for table in member.part.tables if isinstance(table, Responses)]
    if len(tables) < len(member.part.tables):
        raise MetaevalError(
            f"test={plan.test!r} swaps scores of responses, and this table holds pairs; "
            "use test='sign-flip' or test='pair-swap'."
        )
    if (statistic.estimand.epsilon or "0") not in ("0", *_CHOSEN):
        raise MetaevalError(
            f"test={plan.test!r} standardises the scores, and the epsilon of {name} is in units of "
            f"the scores: {instead}, or epsilon=0 or tie_calibrated_accuracy."
        )
    if statistic.nested_flips:
        raise MetaevalError(f"{name} needs random flips of its own for every swap; {instead}.")
    if statistic.estimand.reads_forecasts:
        raise MetaevalError(
            f"test={plan.test!r} standardises and swaps scores, and {name} reads them as "
            f"forecasts: {instead}."
        )
    limit = statistic.item_limit
    if limit is not None and max(table.n_items for table in tables) > limit:
        raise MetaevalError(
            f"{name} compares all items with all others in every swap: at most {limit} items, "
            "here are more. Use grouping='item', or report by task (by='task')."
        )
    return tables


def _columns_of(
    statistic: Statistic, tables: list[Responses]
) -> list[tuple[Floats, Finish]] | None:
    """Columns of each table whose sums give its correlation, if that is what the statistic is."""
    if statistic.correlation == "rows":
        return [pearson_columns(table) for table in tables]
    if statistic.correlation is None:
        return None
    codes = [systems_of(table) for table in tables]
    n_values = sum(t.scores.size * len(task) for t, (_, task) in zip(tables, codes, strict=True))
    if n_values > _COLUMNS:
        return None
    return [system_columns(t, *code) for t, code in zip(tables, codes, strict=True)]


# Tests without shared draws.
def _pair_swapped(statistic: Statistic, member: Member, plan: Plan, n_flips: int) -> Tested:
    """Verdicts of each pair swap: a binomial tail where all that differ weigh the same."""
    parts = [_earned(statistic, table) for table in member.part.tables]
    earned = np.concatenate([earned for earned, _ in parts])
    share = np.concatenate([share for _, share in parts]) / len(parts)
    a, b, weigh = member.first, member.second, share[share > 0]
    if np.ptp(weigh) <= ROUNDOFF * weigh.max() and len(np.unique(earned[share > 0])) <= 2:
        gap = earned[:, a] - earned[:, b]
        p = mcnemar((gap > 0).sum(axis=0), (gap < 0).sum(axis=0), alternative=plan.alternative)
        return _alone(p, plan, np.zeros(len(p)), 0, True)
    flips = PairedDifferences(earned * share[:, None], a, b, member.part.part, len(share))
    test = flip_test([flips], n_flips=n_flips, seed=plan.seed, alternative=plan.alternative)[0]
    n, p = int(test.n_flips.max(initial=0)), test.p_value
    mcse = np.zeros(len(p)) if test.enumerated else np.sqrt(p * (1 - p) / n)
    return _alone(p, plan, mcse, n, test.enumerated)


def _alone(p: Floats, plan: Plan, mcse: Floats, n: int, enumerated: bool) -> Tested:
    return Tested(p, np.full(len(p), np.nan), mcse, n, enumerated, plan.test, "published")


def _earned(statistic: Statistic, table: Table) -> tuple[Floats, Floats]:
    """What each scorer earns on each pair (pair, scorer), and the pair's share (pair,)."""
    if statistic.credits is None:
        raise _no_verdicts(statistic)
    ready = table_for(statistic, table)
    credits = statistic.credits(ready)
    calls = decide_with_threshold(ready.scores.to_numpy(), credits.epsilon)
    earned = np.take_along_axis(credits.credit, calls.astype(int) + 1, axis=1)
    return np.where(credits.share[:, None] > 0, earned, 0.0), credits.share


def _no_verdicts(statistic: Statistic) -> MetaevalError:
    return MetaevalError(
        f"test='pair-swap' swaps verdicts on pairs of responses to one item; {statistic.name} is "
        "no mean of such verdicts. Use pairwise_accuracy, tie_calibrated_accuracy, or "
        "test='sign-flip'."
    )


def _williams(statistic: Statistic, member: Member, plan: Plan) -> Tested:
    """Williams' test on the three correlations."""
    tables = [table for table in member.part.tables if isinstance(table, Responses)]
    if len(tables) != 1 or statistic.correlation is None:
        raise MetaevalError(
            f"test='williams' compares two correlations over the same rows; {statistic.name} here "
            "is none. Use pearson() or system_pearson() on one table, or by task (by='task')."
        )
    x = np.column_stack([tables[0].scores.to_numpy(), only_label(tables[0])])
    if statistic.correlation == "systems":
        system, task = systems_of(tables[0])
        if task.any():
            raise MetaevalError(
                "test='williams' takes the correlation over the systems of one task; here are "
                f"{task.max() + 1} tasks. Report by task (by='task'), or use test='sign-flip'."
            )
        x = sum_by(x, system, len(task)) / np.bincount(system)[:, None]
    r = np.corrcoef(standardised(x).T)
    a, b = member.first, member.second
    p = williams(r[a, -1], r[b, -1], r[a, b], len(x), alternative=plan.alternative)
    return _alone(p, plan, np.zeros(len(p)), 0, True)
