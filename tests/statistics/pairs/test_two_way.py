"""Items and systems drawn together: against rows literally repeated, and what goes wrong else."""

import definitions as slow
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose
from strategies import responses, weights

from metaeval import MetaevalError, Pairs, Responses, compare, evaluate
from metaeval.cli import cli
from metaeval.inference import as_rows_for, make_design
from metaeval.resampling import key_of, weights as random_weights
from metaeval.statistics import (
    kendall,
    pairwise_accuracy,
    pearson,
    system_accuracy,
    tie_calibrated_accuracy,
)

BOTH = ("item", "system")
BY_PAIRS = [
    *((f"acc {ties} {average}", pairwise_accuracy(ties, 0.25, average), average)
      for ties in ("acc-eq", "strict", "half") for average in ("items", "pairs")),
    *((f"tau {v} {average}", kendall(v, 0.25, average), average)
      for v in ("a", "23") for average in ("items", "pairs")),
]  # fmt: skip
POOLED = ("b", "10", "13", "14")


def verdict_of(name, scorer):
    """What a pair earns, or None where it does not count."""
    kind, how, _ = name.split()

    def verdict(a, b):
        said, human = slow.call(a, b, scorer, 0.25), slow.truth(a, b)
        if kind == "acc":
            return slow.credit(said, human, how)
        return said * human if how == "a" else 2 * (said == human) - 1

    return verdict


def ready(table, statistic):
    """The table that a statistic works on and its rows as tuples, or None where it is undefined."""
    try:
        table = make_design(table).table
        return as_rows_for(statistic, table), slow.rows_of(table)
    except MetaevalError:
        return None


def drawn_weights(data, view, rows):
    """Weights of items and systems, as arrays and by name."""
    names = sorted({row.system for row in rows})
    items = data.draw(weights(len(slow.items_of(rows))))
    systems = data.draw(weights(len(names)))
    by_item = dict(zip(slow.items_of(rows), items, strict=True))
    keys = [("-", *key) if len(key) == 1 else key for key in view.item_index]
    return by_item, dict(zip(names, systems, strict=True)), np.array([by_item[k] for k in keys])


def systems_of(view):
    """Names of the systems whose weights a statistic takes."""
    if isinstance(view, Pairs):
        sides = [set(view.rows[f"system_{side}"].astype(str)) for side in ("first", "second")]
        return sorted(sides[0] | sides[1])
    return sorted(set(view.rows["system"].astype(str)))


def by_systems(statistic, view):
    """Replicates in which every item is a unit."""
    return statistic.by_systems(view, np.arange(view.n_items), view.n_items)


def replicate(statistic, view, items, systems):
    both = by_systems(statistic, view)
    names = systems_of(view)
    assert both.systems == sorted(names)
    return both.values(items[None], np.array([[systems[name] for name in names]]))[0]


@pytest.mark.parametrize(("name", "statistic", "average"), BY_PAIRS, ids=[n for n, *_ in BY_PAIRS])
@settings(max_examples=12)
@given(table=responses(holes=True, tasks=True), data=st.data())
def test_a_replicate_is_the_mean_over_repeated_rows(name, statistic, average, table, data):
    found = ready(table, statistic)
    if found is None:
        return
    view, rows = found
    items, systems, w = drawn_weights(data, view, rows)
    both = slow.drawn_both(rows, items, systems)
    expected = [
        slow.two_way_mean(rows, both, verdict_of(name, s), average) for s in slow.scorers(rows)
    ]
    assert_allclose(replicate(statistic, view, w, systems), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("variant", POOLED)
@settings(max_examples=12)
@given(table=responses(holes=True, tasks=True), data=st.data())
def test_a_replicate_of_a_pooled_tau_adds_counts_of_repeated_rows(variant, table, data):
    statistic = kendall(variant, average="pairs")
    found = ready(table, statistic)
    if found is None:
        return
    view, rows = found
    items, systems, w = drawn_weights(data, view, rows)
    both = slow.drawn_both(rows, items, systems)
    if both:
        expected = slow.kendall(both, variant, average="pairs")
        expected = [expected[s] for s in slow.scorers(rows)]
        assert_allclose(replicate(statistic, view, w, systems), expected, rtol=0, atol=1e-12)


@settings(max_examples=12)
@given(table=responses(tasks=True, systems=(3, 5)), data=st.data())
def test_a_replicate_of_system_accuracy(table, data):
    statistic = system_accuracy()
    view, rows = ready(table, statistic)
    items, systems, w = drawn_weights(data, view, rows)
    if {row.task for row in slow.repeated(rows, items)} != {row.task for row in rows}:
        return
    expected = slow.two_way_system_accuracy(rows, items, systems)
    found = replicate(statistic, view, w, systems)
    assert_allclose(found, [expected[s] for s in sorted(expected)], rtol=0, atol=1e-12)


@settings(max_examples=15)
@given(table=responses(items=(4, 6), systems=(3, 4)), data=st.data())
def test_a_replicate_of_calibrated_accuracy_keeps_its_thresholds(table, data):
    statistic = tie_calibrated_accuracy(n_folds=2, average="pairs", threshold="argmax")
    view, rows = ready(table, statistic)
    items, systems, w = drawn_weights(data, view, rows)
    both = slow.drawn_both(rows, items, systems)
    expected = slow.replayed_calibration(rows, both, 2, "pairs", "item")
    found = replicate(statistic, view, w, systems)
    assert_allclose(found, [expected[s] for s in sorted(expected)], rtol=0, atol=1e-12)


STATISTICS = [
    *(statistic for _, statistic, _ in BY_PAIRS),
    *(kendall(v, average="pairs") for v in POOLED),
    tie_calibrated_accuracy(),
    tie_calibrated_accuracy(average="pairs"),
    system_accuracy(),
]


def crossed(seed=0, n_items=40, n_systems=6, noise=1.0, scorers=2, hard=0.0):
    """Items and systems as random effects, in labels and in the errors of scorers."""
    rng = np.random.default_rng(seed)
    shape = (n_items, n_systems)
    level = 0.6 * rng.normal(size=n_systems)
    human = level + rng.normal(size=shape)
    bias = 0.5 * noise * rng.normal(size=(scorers, 1, n_systems))
    difficulty = np.exp(0.3 * rng.normal(size=(scorers, n_items, 1)))
    error = noise * difficulty * rng.normal(size=(scorers, *shape))
    scores = human + bias + error
    item, system = np.indices(shape)
    rows = pd.DataFrame(
        {
            "item": [f"i{i:04}" for i in item.ravel()],
            "system": [f"s{s:02}" for s in system.ravel()],
        }
    )
    columns = {f"m{k}": scores[k].ravel() for k in range(scorers)}
    label = pd.DataFrame({"human": human.ravel()})
    return Responses(rows, pd.DataFrame(columns), label, label_kind="rating")


@pytest.mark.parametrize("statistic", STATISTICS, ids=[s.name for s in STATISTICS])
def test_weights_of_one_give_the_estimate(statistic):
    table = crossed().keep_rows(np.arange(240) % 17 != 3)
    if statistic.name == "system_accuracy":
        table = crossed()
    view = as_rows_for(statistic, make_design(table).table)
    both = by_systems(statistic, view)
    found = both.values(np.ones((1, view.n_items)), np.ones((1, len(both.systems))))[0]
    row = evaluate(table, statistic, n_resamples=100).frame.set_index("scorer")["estimate"]
    assert_allclose(found, row[["m0", "m1"]].to_numpy()[:2], rtol=0, atol=1e-12)


# The trap: a system that is drawn twice agrees with its copy.
def test_copies_of_a_system_form_no_pair():
    table = crossed(1, 30, 10, noise=2.0)
    statistic = pairwise_accuracy("acc-eq", average="pairs")
    view, rows = ready(table, statistic)
    both = by_systems(statistic, view)
    v = random_weights("multinomial", key_of(0, "system"), np.arange(4_000), 10)
    once = np.ones((len(v), view.n_items))
    estimate = both.values(once[:1], np.ones((1, 10)))[0]
    ours = both.values(once, v)
    # With copies: every pair of copies is a tie met by a tie in every item.
    n_copies = (v * (v - 1) / 2).sum(axis=1, keepdims=True)
    n_pairs = 45.0
    naive = (ours * (n_pairs - n_copies) + n_copies) / n_pairs
    assert n_copies.mean() / n_pairs == pytest.approx(1 / 10, abs=0.003)
    assert_allclose(naive.mean(axis=0) - estimate, (1 - estimate) / 10, atol=0.006)
    assert_allclose(ours.mean(axis=0), estimate, atol=0.006)
    drawn = slow.drawn_both(rows, dict.fromkeys(slow.items_of(rows), 1), _named(v[0]))
    literal = slow.pairwise_accuracy(drawn, "acc-eq", 0, "pairs")
    assert_allclose(ours[0], [literal["m0"], literal["m1"]], atol=1e-12)


def _named(v):
    return {f"s{s:02}": v[s] for s in range(len(v))}


def test_products_of_weights_have_the_variance_of_the_pigeonhole_bootstrap():
    n, m, (sa, sb, se) = 20, 15, (0.5, 0.7, 1.0)
    rng = np.random.default_rng(0)
    found, naive = [], []
    w = random_weights("multinomial", key_of(0, "bootstrap"), np.arange(2_000), n)
    v = random_weights("multinomial", key_of(0, "system"), np.arange(2_000), m)
    for _ in range(200):
        y = sa * rng.normal(size=(n, 1)) + sb * rng.normal(size=m) + se * rng.normal(size=(n, m))
        found.append(((w @ y) * v).sum(axis=1).var() / (n * m) ** 2)
        naive.append(y.var() / y.size)
    expected = (1 - 1 / n) * sa**2 / n + (1 - 1 / m) * sb**2 / m + 3 * se**2 / (n * m)
    assert np.mean(found) == pytest.approx(expected, rel=0.07)  # .051; truth .0485
    assert np.mean(naive) == pytest.approx(0.0057, rel=0.1)


# Standard errors.
@pytest.mark.parametrize("second", [None, np.array([1])])
@pytest.mark.parametrize("unit", [np.arange(7), np.array([0, 2, 1, 0, 1, 1, 3])])
def test_spread_is_the_sum_over_all_products_that_share_a_unit_or_a_system(unit, second):
    table = crossed(2, 7, 5, scorers=2).keep_rows(np.arange(35) % 11 != 4)
    statistic = pairwise_accuracy("acc-eq")
    view, rows = ready(table, statistic)
    both = statistic.by_systems(view, unit, unit.max() + 1)
    once = np.ones((1, unit.max() + 1)), np.ones((1, len(both.systems)))
    found = both.spread(*once, np.array([0]), second)[0, 0]
    size = {g[0].place[:2]: len(slow.pairs(g)) for g in slow.groups(rows, "item")}
    total = slow.pairwise_accuracy(rows, "acc-eq")
    parts = {}
    for group in slow.groups(rows, "item"):
        for a, b in slow.pairs(group):
            u = [float(slow.call(a, b, s) == slow.truth(a, b)) - total[s] for s in ("m0", "m1")]
            gap = u[0] if second is None else u[0] - u[1]
            share = gap / size[a.place[:2]] / len(size)
            cell = unit[int(a.item[1:])], frozenset((a.system, b.system))
            parts[cell] = parts.get(cell, 0.0) + share
    by_item, by_system, by_both = slow.two_way_variance(parts)
    variance = by_item + by_system - by_both
    expected = variance if variance > 0 else max(by_item, by_system)
    assert found == pytest.approx(np.sqrt(expected), rel=1e-6)


@pytest.mark.parametrize("kind", ["pairwise", "tau"])
def test_spread_of_a_replicate_is_that_of_repeated_rows(kind):
    """Copies of an item and a system under names of their own, less pairs of copies."""
    statistic = (
        pairwise_accuracy("acc-eq", average="pairs")
        if kind == "pairwise"
        else kendall("b", average="pairs")
    )
    table = crossed(3, 6, 4)
    view, _ = ready(table, statistic)
    both = by_systems(statistic, view)
    w, v = np.array([[2.0, 0, 1, 1, 1, 1]]), np.ones((1, 4))
    kept = table.rows["item"].astype(str).to_numpy() != "i0001"
    first = table.rows["item"].astype(str).to_numpy() == "i0000"
    rows = table.rows.astype(str)
    again = Responses(
        pd.concat([rows[kept], rows[first].assign(item="x")], ignore_index=True),
        pd.concat([table.scores[kept], table.scores[first]], ignore_index=True),
        pd.concat([table.labels[kept], table.labels[first]], ignore_index=True),
        label_kind="rating",
    )
    literal, _ = ready(again, statistic)
    once = np.ones((1, literal.n_items)), np.ones((1, 4))
    pair = np.array([0]), np.array([1])
    theirs = by_systems(statistic, literal).spread(*once, *pair)
    ours = both.spread(w, v, *pair)
    # The five items that were drawn are five clusters, one of them heavier: n / (n - 1) differs.
    assert_allclose(ours, theirs, rtol=0.08)


# Clusters.
def copied(table, n_copies):
    """Every item `n_copies` times, its copies in a cluster of their own."""
    rows = table.rows.astype(str)
    parts = [
        rows.assign(cluster=rows["item"], item=rows["item"] + f"-{k}") for k in range(n_copies)
    ]
    scores, labels = (
        pd.concat([frame] * n_copies, ignore_index=True) for frame in (table.scores, table.labels)
    )
    return Responses(pd.concat(parts, ignore_index=True), scores, labels, label_kind="rating")


@pytest.mark.parametrize("statistic", STATISTICS, ids=[s.name for s in STATISTICS])
def test_clusters_of_copies_count_as_the_originals(statistic):
    table = crossed(6, 20, 6, noise=2.0)
    one = compare(table, statistic, resample=BOTH, n_resamples=200)
    other = compare(copied(table, 8), statistic, resample=("cluster", "system"), n_resamples=200)
    assert_allclose(other.draws, one.draws, rtol=0, atol=1e-14)
    for column in ("estimate", "se", "lower", "upper", "p_value"):
        assert_allclose(other.frame[column], one.frame[column], rtol=0, atol=1e-14)


@pytest.mark.parametrize("statistic", STATISTICS, ids=[s.name for s in STATISTICS])
def test_cells_of_units_are_sums_over_their_items(statistic):
    unit, w = (
        np.array([2, 0, 0, 4, 1, 4, 2, 2, 1, 0]),
        np.array([[2.0, 0, 1, 7, 1], [0, 1, 1, 0, 3]]),
    )
    view, _ = ready(crossed(7, 10, 5), statistic)
    v = np.array([[1.0, 2, 0, 1, 1]] * 2)
    found = statistic.by_systems(view, unit, 5).values(w, v)
    assert_allclose(found, by_systems(statistic, view).values(w[:, unit], v), rtol=0, atol=1e-12)


def test_units_without_items_change_no_standard_error():
    view, _ = ready(crossed(8, 9, 5), pairwise_accuracy())
    v, unit = np.ones((1, 5)), np.arange(9) // 2
    few, many = (pairwise_accuracy("acc-eq").by_systems(view, unit, n) for n in (5, 8))
    pair = np.array([0]), np.array([1])
    assert many.spread(np.ones((1, 8)), v, *pair) == few.spread(np.ones((1, 5)), v, *pair)


# What is refused.
def test_two_responses_of_a_system_to_an_item_are_refused():
    rows = pd.DataFrame(
        {"item": ["a"] * 3 + ["b"] * 3, "response": list("xyz") * 2, "system": ["p", "p", "q"] * 2}
    )
    values = np.arange(6.0)
    table = Responses(
        rows, pd.DataFrame({"m": values % 4}), pd.DataFrame({"h": values}), label_kind="rating"
    )
    with pytest.raises(MetaevalError, match="at most one response per system and item, but 'p'"):
        evaluate(table, pairwise_accuracy(), resample=BOTH, n_resamples=100)


def test_statistics_without_it_and_pairs_are_refused():
    table = crossed()
    for statistic in (pearson(), kendall("b"), pairwise_accuracy(grouping="none")):
        with pytest.raises(MetaevalError, match="does not support resampling of systems"):
            evaluate(table, statistic, resample=BOTH, n_resamples=100)
    with pytest.raises(MetaevalError, match="needs responses with a column 'system'"):
        evaluate(table.pairs(), pairwise_accuracy(), resample=BOTH, n_resamples=100)


@pytest.mark.parametrize("columns", [["item", "response"], ["item", "first", "second"]])
def test_the_command_line_refuses_in_one_sentence(tmp_path, columns):
    frame = pd.DataFrame({"item": ["a", "a", "b", "b"]})
    for name in columns[1:]:
        frame[name] = [f"{name}{i}" for i in (0, 1, 0, 1)]
    frame[["m", "human"]] = np.array([[1.0, 1], [0, -1], [0.5, 1], [1, 0]])
    place = tmp_path / "scores.csv"
    frame.to_csv(place, index=False)
    options = ["--labels", "human", "--resample", "item,system"]
    found = CliRunner().invoke(cli, ["evaluate", str(place), *options])
    assert found.exit_code == 2, found.output
    assert "resample=('item', 'system') needs responses with a column 'system'" in found.output
    assert len(found.output.strip().splitlines()) == 1


# What stands in the result.
def test_the_result_of_both():
    result = compare(crossed(4, 60, 8), pairwise_accuracy(), resample=BOTH, n_resamples=300)
    row = result.row("m0")
    assert row["interval"] == "t"
    gap = result.frame[result.frame["baseline"].notna()].iloc[0]
    assert gap["test"] == "t" and 0 < gap["p_value"] <= 1
    alone = compare(crossed(4, 60, 8), pairwise_accuracy(), n_resamples=300)
    assert row["se"] > 1.2 * alone.row("m0")["se"]


def test_replicates_of_one_system_are_left_out():
    table = crossed(5, 12, 3)
    for statistic in (pairwise_accuracy(), kendall("b", average="pairs"), system_accuracy()):
        result = compare(table, statistic, resample=BOTH, n_resamples=400, keep_draws=True)
        lost = np.isnan(result.draws).mean()
        assert lost == pytest.approx(1 / 9, abs=0.06)  # the same system three times
        rows = result.frame[result.frame["statistic"] == statistic.name]
        assert rows[["lower", "upper", "se"]].notna().all(axis=None)
        assert rows["p_value"].dropna().between(0, 1).all()


# Simulations: new items and new systems for every data set.
def truth(n=400_000):
    """Accuracy of a scorer of `crossed` on a random item and pair of systems."""
    rng = np.random.default_rng(99)
    human = 0.6 * rng.normal(size=(n, 2)) + rng.normal(size=(n, 2))
    error = np.exp(0.3 * rng.normal(size=(n, 1))) * rng.normal(size=(n, 2))
    score = human + 0.5 * rng.normal(size=(n, 2)) + error
    return np.mean((human[:, 0] > human[:, 1]) == (score[:, 0] > score[:, 1]))


def errors_over_spread(n_simulations, n_items, n_systems):
    """Own value less the truth, and difference of two equal scorers, over their standard errors."""
    statistic, expected = pairwise_accuracy("acc-eq"), truth()
    found = []
    for seed in range(n_simulations):
        view = as_rows_for(statistic, make_design(crossed(seed, n_items, n_systems)).table)
        both = by_systems(statistic, view)
        once = np.ones((1, n_items)), np.ones((1, n_systems))
        own, other = both.values(*once)[0]
        pair = np.array([0]), np.array([1])
        found.append(
            [
                (own - expected) / both.spread(*once, pair[0], None)[0, 0],
                (own - other) / both.spread(*once, *pair)[0, 0],
            ]
        )
    return np.array(found)


def least(share, n):
    """The lowest share of n that chance leaves with probability .9995."""
    return share - 3.3 * np.sqrt(share * (1 - share) / n)


T_975 = {6: 2.571, 8: 2.365, 12: 2.201}


def test_intervals_hold_the_value_for_new_items_and_systems():
    inside = np.abs(errors_over_spread(80, 40, 8)) <= T_975[8]
    assert (inside.mean(axis=0) >= least(0.94, 80)).all()


@pytest.mark.slow
@pytest.mark.parametrize("n_systems", [6, 12])
def test_coverage_for_new_items_and_systems(n_systems):
    inside = np.abs(errors_over_spread(2_000, 100, n_systems)) <= T_975[n_systems]
    print(n_systems, "systems: coverage of a value and of a difference", inside.mean(axis=0))
    assert (inside.mean(axis=0) >= least(0.94, 2_000)).all()
    assert (inside.mean(axis=0) <= 0.98).all()


@pytest.mark.slow
@pytest.mark.parametrize("n_systems", [6, 12])
def test_size_of_the_test_of_two_equal_scorers(n_systems):
    p = []
    for seed in range(400):
        table = crossed(10_000 + seed, 100, n_systems)
        result = compare(table, pairwise_accuracy("acc-eq"), resample=BOTH, n_resamples=300)
        rows = result.frame[result.frame["baseline"].notna()]
        p.append(rows["p_value"].iloc[0])
    print(n_systems, "systems: rejected at .05", np.mean(np.array(p) <= 0.05))
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / 400)
