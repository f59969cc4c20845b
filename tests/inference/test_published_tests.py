"""Tests by swapping scores or verdicts, against loops that swap and compute anew."""

import dataclasses
import itertools
from types import SimpleNamespace

import definitions as slow
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from numpy.testing import assert_allclose

from metaeval import MetaevalError, Pairs, Responses, compare
from metaeval.inference import ComparisonSettings, as_rows_for, make_design
from metaeval.inference.comparisons import Comparisons
from metaeval.inference.published_tests import _null, published_tests
from metaeval.resampling import PairedDifferences, all_signs, flip_test, key_of, weights
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


def published_test(statistic, comparisons, testing, n_flips):
    return published_tests(statistic, [comparisons], testing, n_flips)[0]


def evaluated(statistic):
    """The same without an algebra of swaps, so that each swap is evaluated."""
    return dataclasses.replace(statistic, credits=None, correlation=None)


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
    ready = tuple(make_design(table).table for table in tables)
    return Comparisons(
        estimates=SimpleNamespace(tables=ready, stream=part),
        first=np.array(first),
        second=np.array(second),
        difference=None,
        se=None,
    )


def plan(test, **options):
    return ComparisonSettings(**{"n_resamples": 10_000, "seed": 0, "test": test} | options)


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
    return statistic.estimand.ties, statistic.estimand.average


@pytest.mark.parametrize("seed", range(60))
def test_counts_are_those_of_loops(seed):
    statistic, test = LINEAR[seed % len(LINEAR)], SWAPS[seed % 3]
    one = member(ratings(seed, n_items=10 + 16 * (test == "swap-items"), n_systems=4))
    table, n = one.estimates.tables[0], 25
    items, h = table.rows["item"].tolist(), table.labels.iloc[:, 0].tolist()
    units = slow_units(table, test)
    n_units = max(units) + 1
    enumerated = n_units <= 20
    signs = weights("sign", key_of(3, "flip"), np.arange(n), n_units)
    if enumerated and n_units <= 6:
        signs = np.concatenate([s * all_signs(0, 2 ** (n_units - 1), n_units) for s in (1, -1)])
    side = SIDES[seed // 3 % 3]
    tested = published_test(statistic, one, plan(test, seed=3, alternative=side), n)
    fast = draws_of(statistic, one, test, n, seed=3)

    def value(x):
        return slow_value(items, x, h, *kind_of(statistic))

    for p, (a, b) in enumerate(zip(one.first, one.second, strict=True)):
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


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("test", SWAPS)
def test_evaluating_every_swap_gives_the_same(seed, test):
    statistic = [*LINEAR, pearson(), system_pearson()][(seed * 5 + len(test)) % 12]
    one = member(ratings(seed, 8, 5, hole=0.1))
    slow = evaluated(statistic)
    fast, found = (published_test(s, one, plan(test), 100) for s in (statistic, slow))
    if fast.enumerated == found.enumerated:
        assert_allclose(found.p_value, fast.p_value, atol=1e-12)
        assert_allclose(found.adjusted, fast.adjusted, atol=1e-12)
    null = [draws_of(s, one, test, 15) for s in (statistic, slow)]
    factor = (null[0] * null[1]).sum() / (null[0] ** 2).sum()
    assert_allclose(factor * null[0], null[1], atol=1e-9)


def of_two(table, f):
    """Mean over items of a correlation; items constant for one of two scorers count for none."""
    h, items = table.labels.iloc[:, 0].to_numpy(), table.item_codes

    def gap(one, other):
        found = []
        for item in np.unique(items):
            y, a, b = h[items == item], one[items == item], other[items == item]
            if min(np.ptp(y), np.ptp(a), np.ptp(b)) > 0:
                found.append(f(a, y).statistic - f(b, y).statistic)
        return np.mean(found) if found else 0.0

    return gap


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("statistic", "f"),
    [
        (kendall("b"), scipy.stats.kendalltau),
        (pearson("item"), scipy.stats.pearsonr),
        (spearman("item"), scipy.stats.spearmanr),
    ],
)
def test_groups_that_a_swap_makes_constant_are_left_out_of_that_swap_only(statistic, f, seed):
    one = member(ratings(seed, 8, 3, hole=0.0, continuous=False))
    table, n = one.estimates.tables[0], 12
    z = [np.array(z_scores(table.scores.iloc[:, m].tolist())).round(12) for m in range(3)]
    gap = of_two(table, f)
    signs = weights("sign", key_of(0, "flip"), np.arange(n), len(table))
    fast = draws_of(statistic, one, "swap-cells", n)
    for p, (a, b) in enumerate(zip(one.first, one.second, strict=True)):
        slow = [gap(np.where(s > 0, z[a], z[b]), np.where(s > 0, z[b], z[a])) for s in signs]
        assert_allclose(fast[:, p], slow, atol=1e-9)


@pytest.mark.parametrize(
    ("statistic", "f"),
    [(pearson(), scipy.stats.pearsonr), (spearman(), scipy.stats.spearmanr)],
)
def test_correlations_over_all_rows_are_those_of_scipy(statistic, f):
    one = member(ratings(5, 12, 4))
    table, n = one.estimates.tables[0], 20
    h = table.labels.iloc[:, 0].tolist()
    signs = weights("sign", key_of(0, "flip"), np.arange(n), len(table))
    fast = draws_of(statistic, one, "swap-cells", n)

    def value(x):
        return f(np.round(x, 12), h).statistic

    for p, (a, b) in enumerate(zip(one.first, one.second, strict=True)):
        slow = slow_null(table, a, b, signs, range(len(table)), value)
        assert_allclose(fast[:, p], slow, atol=1e-9)


EVERY = [
    *(pairwise_accuracy("acc-eq"), kendall("23", average="pairs"), kendall("b")),
    *(pearson(), pearson("item"), spearman(), system_pearson(), system_accuracy()),
    tie_calibrated_accuracy(n_folds=None),
]


@pytest.mark.parametrize("statistic", EVERY, ids=lambda s: s.name)
@pytest.mark.parametrize("test", [*SWAPS, "pair-swap", "williams"])
def test_a_scorer_is_not_better_than_itself_and_names_do_not_matter(statistic, test):
    table = ratings(1, 8, 5, hole=0.1)
    scores = table.scores.assign(same=table.scores["fine"])
    table = table.replace(scores=scores)
    m = {name: i for i, name in enumerate(table.scorers)}
    a, b = [m["fine"], m["coarse"], m["fine"]], [m["same"], m["fine"], m["coarse"]]
    try:
        tested = published_test(statistic, member(table, a, b), plan(test), 60)
    except MetaevalError as error:
        assert "use" in str(error).lower()
        assert test in ("pair-swap", "williams")
        return
    assert tested.p_value[0] == 1
    assert tested.p_value[1] == pytest.approx(tested.p_value[2], abs=1e-12)
    assert tested.status == "published" and tested.test == test
    sides = [
        published_test(statistic, member(table, a, b), plan(test, alternative=side), 60).p_value
        for side in ("greater", "less")
    ]
    assert_allclose(sides[0][1], sides[1][2], atol=1e-12)
    if test == "williams":
        assert_allclose(sides[0] + sides[1], 1)
    assert np.isnan(tested.adjusted).all() == (test in ("pair-swap", "williams"))


@pytest.mark.parametrize("statistic", [pairwise_accuracy("half"), kendall("a"), pearson()])
@pytest.mark.parametrize("test", ["swap-cells", "swap-items"])
def test_both_engines_agree(statistic, test, monkeypatch):
    one = member(ratings(2, 40, 5))
    for name in ("_LARGE", "_LARGE_COLD"):
        monkeypatch.setattr(f"metaeval.resampling.engine.{name}", 1e18)
    small = published_test(statistic, one, plan(test), 300)
    for name in ("_LARGE", "_LARGE_COLD"):
        monkeypatch.setattr(f"metaeval.resampling.engine.{name}", 0)
    large = published_test(statistic, one, plan(test), 300)
    assert small.p_value.tolist() == large.p_value.tolist()
    assert small.adjusted.tolist() == large.adjusted.tolist()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("statistic", [pairwise_accuracy("acc-eq"), pearson()])
def test_adjusted_p_values_are_step_down_max_t(statistic, side, monkeypatch):
    members = [member(ratings(s, 12, 5), part=s) for s in (3, 4)]
    of_plan = plan("swap-cells", alternative=side)
    turn = -1 if side == "less" else 1
    null = [_null(statistic, m, of_plan, 300) for m in members]
    drawn = np.concatenate([np.concatenate(list(n.draw(300))) for n in null], axis=1)
    observed = np.concatenate([n.observed for n in null])
    scale = np.sqrt((drawn**2).mean(axis=0))
    for n_members in (1, 2):
        k = 3 * n_members
        tests = published_tests(statistic, members[:n_members], of_plan, 300)
        found = np.concatenate([t.adjusted for t in tests])
        expected = slow.step_down(
            turn * (observed / scale)[:k], turn * (drawn / scale)[:, :k], side == "two-sided"
        )
        assert_allclose(found, expected, atol=1e-12)
        assert (found >= np.concatenate([t.p_value for t in tests])).all()


def test_blocks_change_no_p_value_and_large_nulls_are_not_kept(monkeypatch):
    one, statistic = member(ratings(2, 40, 5)), pairwise_accuracy("acc-eq")
    whole = published_test(statistic, one, plan("swap-cells"), 3_000)
    monkeypatch.setattr("metaeval.inference.published_tests._MAX_STORED", 10)
    monkeypatch.setattr("metaeval.inference.published_tests._DIFFERENCES_AT_A_TIME", 30)
    monkeypatch.setattr("metaeval.resampling.engine._BLOCK", 9_999)
    monkeypatch.setattr("metaeval.inference.swap_tests._MAX_GAINS", 9)
    again = published_test(statistic, one, plan("swap-cells"), 3_000)
    assert whole.p_value.tolist() == again.p_value.tolist()
    assert_allclose(whole.adjusted, again.adjusted, atol=0.02)


def test_a_mean_over_tables_swaps_all_of_them():
    tables = [ratings(s, 9, 4).replace(keys=()) for s in (7, 8)]
    tables = [
        t.replace(rows=t.rows.assign(task=task)) for t, task in zip(tables, "uv", strict=True)
    ]
    for statistic in (pairwise_accuracy("acc-eq"), pearson(), system_pearson()):
        other = evaluated(statistic)
        null = [draws_of(s, member(tables), "swap-items", 40) for s in (statistic, other)]
        factor = (null[0] * null[1]).sum() / (null[0] ** 2).sum()
        assert_allclose(factor * null[0], null[1], atol=1e-9)
    of_systems = _null(pearson(), member(tables), plan("swap-systems"), 10)
    assert of_systems.n_units == 8  # a system of one task is not that of another


def test_rows_with_keys_numbers_or_correctness_form_the_right_pairs():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(list(itertools.product(range(4), range(3), "pq")))
    rows.columns = ["item", "system", "aspect"]
    scores = pd.DataFrame(rng.integers(0, 4, (len(rows), 3)).astype(float), columns=list("abc"))
    h = pd.DataFrame({"gold": rng.integers(0, 3, len(rows)).astype(float)})
    tables = [
        Responses(rows, scores, h, keys=("aspect",), label_kind="rating"),
        Responses(rows[["item"]], scores, h, label_kind="rating"),
        Responses(rows[["item"]].assign(response=range(24)), scores, (h > 0).astype(float)),
    ]
    for table in tables:
        for statistic in (pairwise_accuracy("half"), kendall("23", average="pairs")):
            one = member(table)
            other = evaluated(statistic)
            null = [draws_of(s, one, "swap-cells", 20) for s in (statistic, other)]
            factor = (null[0] * null[1]).sum() / (null[0] ** 2).sum()
            assert_allclose(factor * null[0], null[1], atol=1e-9)


# Verdicts.
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ties", ["acc-eq", "half"])
def test_pair_swaps_are_those_of_loops(seed, ties):
    table = ratings(seed, 4, 3, hole=0.2 * (seed % 2))
    one, statistic = member(table, (0,), (2,)), pairwise_accuracy(ties, 0.6)
    ready = as_rows_for(statistic, one.estimates.tables[0])
    used = statistic.credits(ready)
    calls = np.where(np.abs(ready.scores) <= 0.6, 0, np.sign(ready.scores)).astype(int) + 1
    earned = np.take_along_axis(used.credit, calls, axis=1) * used.share[:, None]
    gap = (earned[:, 0] - earned[:, 2])[used.share > 0]
    null = np.array([gap @ s for s in itertools.product((1, -1), repeat=len(gap))])
    for side, turn in (("two-sided", np.abs), ("greater", np.positive), ("less", np.negative)):
        found = published_test(statistic, one, plan("pair-swap", alternative=side), 99)
        assert found.enumerated
        expected = (turn(null) >= turn(gap.sum()) - 1e-12).mean()
        assert found.p_value[0] == pytest.approx(expected, abs=1e-12)


def test_pair_swaps_of_tables_of_pairs_and_of_cross_fitted_thresholds():
    table = ratings(3, 30, 4, hole=0.0)
    of_pairs = make_design(table).table.pairs()
    for statistic in (pairwise_accuracy("strict"), tie_calibrated_accuracy()):
        found = [
            published_test(statistic, member(t), plan("pair-swap"), 200).p_value
            for t in (table, of_pairs)
        ]
        assert_allclose(*found)


# Through the front door, and what is refused.
def test_comparing_by_swaps():
    result = compare(ratings(1, 12, 4), pairwise_accuracy("acc-eq"), test="swap-cells")
    assert set(result.frame["test"].dropna()) == {"swap-cells"}
    rows = result.frame[result.frame["baseline"].notna()]
    assert (rows["status"] == "published").all()
    assert ((rows["p_value"] > 0) & (rows["p_adjusted"] >= rows["p_value"])).all()


@pytest.mark.parametrize(
    ("statistic", "test", "said"),
    [
        (pairwise_accuracy("acc-eq", 0.5), "swap-cells", "in units of the raw scores"),
        (kendall("b", 0.5), "swap-cells", "in units of the raw scores"),
        (soft_pairwise_accuracy(), "swap-items", "separate set of random flips"),
        (kendall("b"), "pair-swap", "not a mean of such verdicts"),
        (pearson(), "pair-swap", "not a mean of such verdicts"),
        (pairwise_accuracy("half", grouping="none"), "pair-swap", "not a mean of such verdicts"),
        (kendall("b"), "williams", "two correlations"),
        (pearson("item"), "williams", "two correlations"),
    ],
)
def test_what_makes_no_sense_is_refused(statistic, test, said):
    with pytest.raises(MetaevalError, match=said):
        published_test(statistic, member(ratings(0)), plan(test), 20)


def test_tables_that_cannot_be_swapped_are_refused():
    table = ratings(0)
    with pytest.raises(MetaevalError, match="contains pairs"):
        one = member(make_design(table).table.pairs())
        published_test(pairwise_accuracy("half"), one, plan("swap-cells"), 20)
    holes = dataclasses.replace(
        member(table, (0,), (1,)), estimates=SimpleNamespace(tables=(table,), stream=0)
    )
    with pytest.raises(MetaevalError, match="some are missing"):
        published_test(pairwise_accuracy("half"), holes, plan("swap-cells"), 20)
    statistic = dataclasses.replace(kendall("b", grouping="none"), most_items=3)
    with pytest.raises(MetaevalError, match="limited to 3 items"):
        published_test(statistic, member(table), plan("swap-cells"), 20)
    with pytest.raises(MetaevalError, match="'system'"):
        nameless = table.replace(rows=table.rows.drop(columns="system"))
        published_test(pairwise_accuracy("half"), member(nameless), plan("swap-systems"), 20)
    tasks = table.replace(rows=table.rows.assign(task=np.where(table.item_codes > 2, "u", "v")))
    with pytest.raises(MetaevalError, match="2 tasks"):
        published_test(system_pearson(), member(tasks), plan("williams"), 20)


def test_best_of_n_can_be_swapped():
    rows = pd.DataFrame({"item": np.repeat(range(30), 4), "response": list("abcd") * 30})
    rng = np.random.default_rng(0)
    right = (np.arange(120) % 4 == 0).astype(float)
    scores = pd.DataFrame({"x": 2 * right + rng.normal(size=120), "y": rng.normal(size=120)})
    table = Responses(rows, scores, pd.DataFrame({"correct": right}))
    tested = published_test(best_of_n(), member(table, (0,), (1,)), plan("swap-cells"), 200)
    assert tested.p_value[0] < 0.05


# The traps: level under hypotheses that the swaps do not test.
def table_of(h, a, b):
    items, systems = np.indices(h.shape)
    rows = pd.DataFrame({"item": items.ravel(), "system": systems.ravel()})
    scores = pd.DataFrame({"a": a.ravel(), "b": b.ravel()})
    return Responses(rows, scores, pd.DataFrame({"gold": h.ravel()}), label_kind="rating")


def flipped(contributions, seed):
    units = np.array([0]), np.array([1])
    contrast = PairedDifferences(contributions, *units, 0, len(contributions))
    return flip_test([contrast], n_flips=400, seed=seed)[0].p_value[0]


def pair_swap_and_flip(seed):
    """Equally good scorers whose noise varies from item to item: 40 items, 10 systems."""
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(40, 10))
    noise = np.exp(1.2 * rng.normal(size=(2, 40, 1)))
    table = table_of(h, *(h + noise * rng.normal(size=(2, 40, 10))))
    statistic = pairwise_accuracy("acc-eq")
    pairs = published_test(statistic, member(table, (0,), (1,)), plan("pair-swap"), 1)
    return pairs.p_value[0], flipped(statistic.contributions(table.pairs()), seed)


def item_swap_and_flip(seed, n_items, n_swaps):
    """Scorer a decides all pairs, b 8 % of them, with the same share of concordant ones."""
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(n_items, 10))
    a = h + 0.315 * rng.normal(size=h.shape)
    b = (h + rng.normal(size=h.shape) > 2.44).astype(float)
    table, statistic = table_of(h, a, b), kendall("13", average="pairs")
    one = member(table, (0,), (1,))
    items = published_test(statistic, one, plan("swap-items", seed=seed), n_swaps).p_value[0]
    counts = statistic.terms(as_rows_for(statistic, table))
    gap, decided = counts[..., 0] - counts[..., 1], counts[..., 0] + counts[..., 1]
    tau = gap.sum(axis=0) / decided.sum(axis=0)
    return items, flipped(tau / n_items + (gap - tau * decided) / decided.sum(axis=0), seed)


def rejections(pairs):
    return (np.array(list(pairs)) <= 0.05).sum(axis=0)


def most(n, p, chance=0.999):
    return scipy.stats.binom.ppf(chance, n, p)


def test_pair_swaps_reject_too_often_where_item_flips_do_not():
    swaps, flips = rejections(pair_swap_and_flip(seed) for seed in range(60))
    assert swaps > most(60, 0.2)  # .42 in the large version
    assert flips <= most(60, 0.055)


def test_item_swaps_reject_too_often_with_denominators_of_their_own():
    swaps, flips = rejections(item_swap_and_flip(seed, 150, 60) for seed in range(40))
    assert swaps > most(40, 0.1)  # .42 in the large version
    assert flips <= most(40, 0.07)


@pytest.mark.slow
def test_traps_in_large():
    n = 500
    swaps, flips = rejections(pair_swap_and_flip(seed) for seed in range(n))
    assert swaps > most(n, 0.3) and flips <= most(n, 0.055)
    n = 200
    swaps, flips = rejections(item_swap_and_flip(seed, 300, 200) for seed in range(n))
    assert swaps > most(n, 0.3) and flips <= most(n, 0.06)


@pytest.mark.slow
def test_cell_swaps_of_pearson_where_noise_grows_with_the_label():
    """Equal correlations of unlike scorers: more than .05, exchangeable ones: not."""

    def p_values(seed, unlike):
        rng = np.random.default_rng(seed)
        h = rng.normal(size=(100, 1))
        e = rng.normal(size=(2, 100, 1))
        # E h^4 = 3, so both noises have variance 1 and no correlation with h.
        b = h + (h**2 / np.sqrt(3) if unlike else 1) * e[1]
        table = table_of(h, h + e[0], b)
        return published_test(
            pearson(), member(table, (0,), (1,)), plan("swap-cells"), 400
        ).p_value[0]

    n = 400
    unlike, alike = rejections([p_values(s, True), p_values(s, False)] for s in range(n))
    assert unlike > most(n, 0.07)
    assert alike <= most(n, 0.05)
