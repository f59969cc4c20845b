"""Tests by swapping scores or verdicts, against loops that swap and compute anew."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from numpy.testing import assert_allclose

from metaeval import MetaevalError, Pairs, Responses, compare
from metaeval.draws import all_signs, weights
from metaeval.flips import Contrast, flip_test
from metaeval.maxt import step_down
from metaeval.measure import table_for
from metaeval.plan import Plan
from metaeval.prepare import prepare
from metaeval.replicas import _null, replica_test, replica_tests
from metaeval.statistics import (
    best_of_n,
    kendall,
    pairwise_accuracy,
    pearson,
    soft_pairwise_accuracy,
    spearman,
    system_accuracy,
    system_pearson,
    tie_calibrated_accuracy,
)
from metaeval.testing import Member
from metaeval.threefry import key_of

SWAPS = ("swap-cells", "swap-items", "swap-systems")
SIDES = ("two-sided", "greater", "less")
LINEAR = [
    *(
        pairwise_accuracy(t, average=a)
        for t in ("acc-eq", "strict", "half")
        for a in ("items", "pairs")
    ),
    *(kendall(v, average=a) for v in ("a", "23") for a in ("items", "pairs")),
]


def ratings(seed, n_items=6, n_systems=4, hole=0.2, continuous=True):
    """Unequal items, tied labels, discrete scorers, and holes that the common policy drops."""
    rng = np.random.default_rng(seed)
    items, systems = np.indices((n_items, n_systems)).reshape(2, -1)
    there = rng.random(len(items)) > hole
    there[:n_systems] = True
    items, systems = items[there], systems[there]
    h = rng.integers(0, 4, len(items)).astype(float)
    scores = {
        "coarse": np.round(h / 2 + rng.normal(size=len(h))),
        "twice": 2 * np.round(h + rng.normal(size=len(h))) + 1,
        "fine": h + rng.normal(size=len(h)) if continuous else rng.integers(0, 3, len(h)),
    }
    scores["coarse"][::7] = np.nan
    rows = pd.DataFrame({"item": items, "system": systems})
    labels = pd.DataFrame({"gold": h})
    return Responses(rows, pd.DataFrame(scores), labels, label_kind="rating")


def member(tables, first=(0, 0, 1), second=(1, 2, 2), part=0):
    tables = (tables,) if isinstance(tables, Responses | Pairs) else tables
    ready = tuple(prepare(table).table for table in tables)
    of_part = SimpleNamespace(tables=ready, part=part)
    return Member(of_part, np.array(first), np.array(second), None, None, None)


def plan(test, **options):
    return Plan("compare", test=test, **options)


def draws_of(statistic, one, test, n, seed=0):
    return np.concatenate(list(_null(statistic, one, plan(test, seed=seed), n).draw(n)))


# Slow and obvious.
def z_scores(x):
    spread = np.sqrt(sum((v - sum(x) / len(x)) ** 2 for v in x) / len(x))
    return [(v - sum(x) / len(x)) / spread if spread else 0.0 for v in x]


def order(gap):
    return 0 if abs(gap) < 1e-8 else 1 if gap > 0 else -1


def credit(call, human, kind):
    if kind == "a":
        return call * human, True
    if kind in ("23", "acc-eq"):
        return (call == human) * (2 if kind == "23" else 1) - (kind == "23"), True
    return (call == human) + 0.5 * (call == 0) * (kind == "half"), human != 0


def slow_value(items, x, h, kind, average):
    """The statistic by loops over items and pairs."""
    means, every = [], []
    for item in sorted(set(items)):
        mine = [i for i in range(len(x)) if items[i] == item]
        credits = [
            credit(order(x[i] - x[j]), order(h[i] - h[j]), kind)
            for i, j in itertools.combinations(mine, 2)
        ]
        earned = [c for c, counts in credits if counts]
        every += earned
        means += [sum(earned) / len(earned)] if earned else []
    return sum(means) / len(means) if average == "items" else sum(every) / len(every)


def slow_units(table, test):
    name = {"swap-items": "item", "swap-systems": "system"}.get(test)
    if name is None:
        return list(range(len(table)))
    values = [str(v) for v in table.rows[name]]
    return [sorted(set(values)).index(v) for v in values]


def slow_null(table, a, b, signs, units, value):
    """Differences of two scorers under each vector of signs."""
    x, y = (z_scores(table.scores.iloc[:, m].tolist()) for m in (a, b))
    found = []
    for row in signs:
        keep = [row[u] > 0 for u in units]
        one = [p if k else q for p, q, k in zip(x, y, keep, strict=True)]
        other = [q if k else p for p, q, k in zip(x, y, keep, strict=True)]
        found.append(value(one) - value(other))
    return np.array(found)


def kind_of(statistic):
    return statistic.estimand["ties"], statistic.estimand["average"]


@pytest.mark.parametrize("seed", range(60))
def test_counts_are_those_of_loops(seed):
    statistic, test = LINEAR[seed % len(LINEAR)], SWAPS[seed % 3]
    one = member(ratings(seed, n_items=10 + 16 * (test == "swap-items"), n_systems=4))
    table, n = one.part.tables[0], 25
    items, h = table.rows["item"].tolist(), table.labels.iloc[:, 0].tolist()
    units = slow_units(table, test)
    n_units = max(units) + 1
    enumerated = n_units <= 20
    signs = weights("sign", key_of(3, "flip"), np.arange(n), n_units)
    if enumerated and n_units <= 6:
        signs = np.concatenate([s * all_signs(0, 2 ** (n_units - 1), n_units) for s in (1, -1)])
    side = SIDES[seed // 3 % 3]
    tested = replica_test(statistic, one, plan(test, seed=3, alternative=side), n)
    fast = draws_of(statistic, one, test, n, seed=3)
    for p, (a, b) in enumerate(zip(one.first, one.second, strict=True)):
        value = lambda x: slow_value(items, x, h, *kind_of(statistic))  # noqa: E731
        null = slow_null(table, a, b, signs, units, value)
        observed = slow_null(table, a, b, np.ones((1, n_units)), units, value)[0]
        sides = {"two-sided": np.abs, "greater": np.positive, "less": np.negative}[side]
        count = int((sides(null) >= sides(observed) - 1e-12).sum())
        if len(signs) == n:
            factor = (fast[:, p] @ null) / max(fast[:, p] @ fast[:, p], 1e-300)
            assert_allclose(factor * fast[:, p], null, atol=1e-12)
        if not enumerated:
            assert round(tested.p_value[p] * (1 + n)) == 1 + count
        elif n_units <= 6:
            assert tested.p_value[p] == count / 2**n_units
    assert tested.enumerated == enumerated
