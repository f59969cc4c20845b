"""Planning from a pilot, and the size of tests in a design."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import metaeval as me
from metaeval import MetaevalError, Responses
from metaeval.power import items_for_mean
from metaeval.prepare import prepare


def pilot(n_items=120, cluster_size=1, icc=0.0, seed=0, scorers=("a", "b"), n_systems=4):
    """Ratings with scorers that are equally good; items of a cluster share their difficulty."""
    g = np.random.default_rng(seed)
    item = np.repeat(np.arange(n_items), n_systems)
    label = g.normal(size=len(item))
    shared = np.repeat(g.normal(size=(-(-n_items // cluster_size), len(scorers))), cluster_size, 0)
    own = g.normal(size=(n_items, len(scorers)))
    mix = math.sqrt(icc) * shared[:n_items] + math.sqrt(1 - icc) * own
    noise = np.exp(0.7 * mix)[item] * g.normal(size=(len(item), len(scorers)))
    rows = pd.DataFrame({"item": item, "system": np.tile(np.arange(n_systems), n_items)})
    if cluster_size > 1:
        rows["cluster"] = item // cluster_size
    scores = pd.DataFrame(label[:, None] + noise, columns=list(scorers))
    return Responses(rows, scores, pd.DataFrame({"human": label}), label_kind="rating")


def differences(table, a="a", b="b"):
    """Difference of the two accuracies of each item, from the pairs themselves."""
    pairs = table.pairs()
    right = np.sign(pairs.scores).eq(pairs.labels["human"], axis=0)
    by_item = right.astype(float).groupby(pairs.item_codes).mean()
    return (by_item[a] - by_item[b]).to_numpy()


def test_items_needed_follow_the_formula():
    table = pilot()
    d = differences(table)
    row = me.required_items(table, "pairwise_accuracy", difference=0.03).iloc[0]
    assert row["items_needed"] == items_for_mean(0.03, d.std(ddof=1), 0.95, 0.8)
    assert row["estimate"] == pytest.approx(d.mean(), abs=1e-12)
    assert row["se"] == pytest.approx(d.std(ddof=1) / math.sqrt(len(d)), rel=1e-9)
    z = scipy.stats.norm.ppf([0.975, 0.8])
    assert row["mde"] == pytest.approx(z.sum() * row["se"])
    assert (row["design_effect"], row["icc"]) == (1, 0)


def test_clusters_cost_items():
    table = pilot(400, cluster_size=8, icc=0.9, seed=2)
    row = me.required_items(table, "pairwise_accuracy", difference=0.03).iloc[0]
    alone = me.required_items(table, "pairwise_accuracy", difference=0.03, random="item").iloc[0]
    assert row["design_effect"] > 1.1 and row["n_clusters"] == 50
    ratio = row["items_needed"] / alone["items_needed"]
    assert ratio == pytest.approx(row["design_effect"], rel=0.02)
    assert row["clusters_needed"] == math.ceil(row["items_needed"] / 8)
    by_cluster = me.compare(table, "pairwise_accuracy", n_resamples=2_000).row("a", "b")
    assert row["se"] == pytest.approx(by_cluster["se"], rel=0.15)


def test_the_formula_and_the_simulation_agree():
    table = pilot(seed=3)
    needed = int(
        me.required_items(table, "pairwise_accuracy", difference=0.05).iloc[0]["items_needed"]
    )
    rate = me.simulated_power(
        table,
        "pairwise_accuracy",
        scorer="a",
        baseline="b",
        difference=0.05,
        n_units=needed,
        n_sets=1_000,
    )
    # the pilot's variance is taken as known by both
    assert abs(rate.rate - 0.8) <= 3.3 * math.sqrt(0.16 / 1_000) + 0.01


@pytest.mark.parametrize("null", ["exchanged", "shifted"])
def test_the_sign_flip_test_holds_its_size_in_a_design(null):
    rate = me.size_check(pilot(50, 5, 0.8), "pairwise_accuracy", null=null, n_sets=200)
    low, high = scipy.stats.binom.interval(0.999, 200, 0.05)
    assert low / 200 <= rate.rate <= high / 200
    assert rate.lower <= rate.rate <= rate.upper and "at level 5 %" in str(rate)


def test_six_copies_of_each_item_in_a_cluster_are_one_unit():
    table = pilot(30)
    copies = [table.rows.assign(item=table.rows["item"].astype(str) + f"-{k}") for k in range(6)]
    rows = pd.concat(copies, ignore_index=True).assign(
        cluster=pd.concat([table.rows["item"].astype(str)] * 6, ignore_index=True)
    )
    parts = [pd.concat([frame] * 6, ignore_index=True) for frame in (table.scores, table.labels)]
    copied = Responses(rows, *parts, label_kind="rating")
    rate = me.size_check(copied, "pairwise_accuracy", n_sets=150)
    assert rate.rate <= 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / 150)


def test_the_estimates_of_exchanged_scorers_are_equal_on_average():
    from metaeval.validity import _exchanged

    table = pilot(40, 4, 0.5, seed=5)
    table = table.replace(scores=table.scores.assign(b=-table.scores["b"]))
    design, draw = prepare(table), np.random.default_rng(0)
    gaps = []
    for _ in range(60):
        made = _exchanged(design, draw)
        assert len(made.strata[0].units) == 10 and made.table.n_items == 40
        gaps.append(differences(made.table).mean())
    assert abs(np.mean(gaps)) <= 4 * np.std(gaps) / math.sqrt(60)
    assert np.std(gaps) > 0.1


def test_bad_arguments_are_one_sentence():
    table = pilot(20, scorers=("a", "b", "c"))
    for call, words in (
        (lambda: me.required_items(table, "pairwise_accuracy", difference=0.0), "difference"),
        (lambda: me.required_items(table, "system_accuracy", difference=0.1), "no contributions"),
        (lambda: me.size_check(table, "pairwise_accuracy", null="none"), "'exchanged'"),
        (lambda: me.size_check(table, "pairwise_accuracy", scorers=["a"]), "two scorers"),
        (lambda: me.size_check(table, test="bootstrap", null="shifted"), "sign-flip"),
        (lambda: me.size_check(table, "pairwise_accuracy", n_sets=5), "at least 100"),
        (lambda: me.required_items(table, difference=0.1, baseline="d"), "no scorer 'd'"),
    ):
        with pytest.raises(MetaevalError, match=words):
            call()
