"""Planning from a pilot, and the size of tests in a design."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import metaeval as me
from metaeval import MetaevalError, Responses, statistics as st
from metaeval.inference import make_design
from metaeval.resampling import items_for_mean


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
    row = me.sample_size(table, "pairwise_accuracy", difference=0.03).iloc[0]
    assert row["items_needed"] == items_for_mean(0.03, d.std(ddof=1), 0.95, 0.8)
    assert row["estimate"] == pytest.approx(d.mean(), abs=1e-12)
    assert row["se"] == pytest.approx(d.std(ddof=1) / math.sqrt(len(d)), rel=1e-9)
    z = scipy.stats.norm.ppf([0.975, 0.8])
    assert row["mde"] == pytest.approx(z.sum() * row["se"])
    assert (row["design_effect"], row["icc"]) == (1, 0)


def test_clusters_cost_items():
    table = pilot(400, cluster_size=8, icc=0.9, seed=2)
    row = me.sample_size(table, "pairwise_accuracy", difference=0.03).iloc[0]
    alone = me.sample_size(table, "pairwise_accuracy", difference=0.03, resample="item").iloc[0]
    assert row["design_effect"] > 1.1 and row["n_clusters"] == 50
    ratio = row["items_needed"] / alone["items_needed"]
    assert ratio == pytest.approx(row["design_effect"], rel=0.02)
    assert row["clusters_needed"] == math.ceil(row["items_needed"] / 8)
    by_cluster = me.compare(table, "pairwise_accuracy", n_resamples=2_000).row("a", "b")
    assert row["se"] == pytest.approx(by_cluster["se"], rel=0.15)


def test_the_formula_and_the_simulation_agree():
    table = pilot(seed=3)
    needed = int(
        me.sample_size(table, "pairwise_accuracy", difference=0.05).iloc[0]["items_needed"]
    )
    rate = me.power_by_simulation(
        table,
        "pairwise_accuracy",
        scorer="a",
        baseline="b",
        difference=0.05,
        n_units=needed,
        n_simulations=1_000,
    )
    # the pilot's variance is taken as known by both
    assert abs(rate.rate - 0.8) <= 3.3 * math.sqrt(0.16 / 1_000) + 0.01


@pytest.mark.parametrize("null", ["exchanged", "shifted"])
def test_the_sign_flip_test_holds_its_size_in_a_design(null):
    rate = me.type_i_error_rate(
        pilot(50, 5, 0.8), "pairwise_accuracy", null=null, n_simulations=200
    )
    low, high = scipy.stats.binom.interval(0.999, 200, 0.05)
    assert low / 200 <= rate.rate <= high / 200
    assert rate.lower <= rate.rate <= rate.upper and "at the 5% level" in str(rate)


def test_six_copies_of_each_item_in_a_cluster_are_one_unit():
    table = pilot(30)
    copies = [table.rows.assign(item=table.rows["item"].astype(str) + f"-{k}") for k in range(6)]
    rows = pd.concat(copies, ignore_index=True).assign(
        cluster=pd.concat([table.rows["item"].astype(str)] * 6, ignore_index=True)
    )
    parts = [pd.concat([frame] * 6, ignore_index=True) for frame in (table.scores, table.labels)]
    copied = Responses(rows, *parts, label_kind="rating")
    rate = me.type_i_error_rate(copied, "pairwise_accuracy", n_simulations=150)
    assert rate.rate <= 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / 150)


def test_the_estimates_of_exchanged_scorers_are_equal_on_average():
    from metaeval.planning.error_rates import draw_units

    table = pilot(40, 4, 0.5, seed=5)
    table = table.replace(scores=table.scores.assign(b=-table.scores["b"]))
    design, draw = make_design(table), np.random.default_rng(0)
    gaps = []
    for _ in range(60):
        made = draw_units(design, draw, swap=True)
        assert len(made.strata[0].units) == 10 and made.table.n_items == 40
        gaps.append(differences(made.table).mean())
    assert abs(np.mean(gaps)) <= 4 * np.std(gaps) / math.sqrt(60)
    assert np.std(gaps) > 0.1


def test_bad_arguments_are_one_sentence():
    table = pilot(20, scorers=("a", "b", "c"))
    for call, words in (
        (lambda: me.sample_size(table, "pairwise_accuracy", difference=0.0), "difference"),
        (
            lambda: me.sample_size(table, "system_accuracy", difference=0.1),
            "item contributions",
        ),
        (lambda: me.type_i_error_rate(table, "pairwise_accuracy", null="none"), "'exchanged'"),
        (lambda: me.type_i_error_rate(table, "pairwise_accuracy", scorers=["a"]), "two scorers"),
        (lambda: me.type_i_error_rate(table, test="mcnemar", null="shifted"), "sign-flip"),
        (lambda: me.type_i_error_rate(table, "pairwise_accuracy", n_simulations=5), "at least 100"),
        (lambda: me.sample_size(table, difference=0.1, baseline="d"), "no scorer 'd'"),
    ):
        with pytest.raises(MetaevalError, match=words):
            call()


def unequal(n_items=300, seed=0, cluster=1):
    """Items of 2 or 12 responses; the noisier scorer loses most on the small ones."""
    g = np.random.default_rng(seed)
    size = np.where(g.random(n_items) < 0.5, 2, 12)
    item = np.repeat(np.arange(n_items), size)
    rows = pd.DataFrame({"item": item, "system": np.arange(len(item)) - np.cumsum(size)[item]})
    if cluster > 1:
        rows["cluster"] = item // cluster
    label = g.normal(size=len(item))
    noise = g.normal(size=(len(item), 2)) * [0.3, 1.5]
    scores = pd.DataFrame(label[:, None] + noise, columns=["a", "b"])
    return Responses(rows, scores, pd.DataFrame({"human": label}), label_kind="rating")


@pytest.mark.parametrize(
    "statistic",
    [st.pairwise_accuracy("acc-eq", average="pairs"), st.tie_calibrated_accuracy(), st.pearson()],
    ids=lambda s: s.name.split("(")[0],
)
@pytest.mark.parametrize("cluster", [1, 3])
def test_the_standard_error_is_that_of_compare_where_items_differ_in_size(statistic, cluster):
    table = unequal(cluster=cluster)
    row = me.sample_size(table, statistic, difference=0.03).iloc[0]
    there = me.compare(table, statistic, n_resamples=2_000).row("a", "b")
    assert row["se"] == pytest.approx(there["se"], rel=0.05 if cluster == 1 else 0.2)
    assert row["estimate"] == pytest.approx(there["estimate"], abs=1e-9)


def test_items_of_one_size_are_as_before():
    table = pilot()
    by_pairs = me.sample_size(
        table, st.pairwise_accuracy("acc-eq", average="pairs"), difference=0.03
    ).iloc[0]
    d = differences(table)
    assert by_pairs["se"] == pytest.approx(d.std(ddof=1) / math.sqrt(len(d)), rel=1e-9)


def test_pilots_without_spread_are_one_sentence():
    equal = pilot(24, cluster_size=4)
    equal = equal.replace(scores=equal.scores.assign(b=equal.scores["a"]))
    alone = pilot(24).replace(scores=equal.scores)
    rule = {"statistic": "pairwise_accuracy", "difference": 0.1}
    two = {"scorer": "a", "baseline": "b", "n_units": 20, "n_simulations": 100}
    for call, words in (
        (lambda: me.sample_size(equal, **rule), "between 'a' and 'b' is the same for all items"),
        (lambda: me.sample_size(alone, **rule), "between 'a' and 'b' is the same for all items"),
        (lambda: me.sample_size(alone, "pearson", difference=0.1), "is the same for all items"),
        (lambda: me.power_by_simulation(alone, **rule, **two), "is the same for all items"),
        (lambda: me.sample_size(pilot(1), **rule), "at least 2 items"),
        (lambda: me.sample_size(pilot(1), "pearson", difference=0.1), "at least 2 items"),
        (lambda: me.power_by_simulation(pilot(1), **rule, **two), "at least 2 items"),
        (lambda: me.type_i_error_rate(pilot(1), "pairwise_accuracy"), "at least 2 items"),
        (lambda: me.sample_size(pilot(4, 4), **rule), "at least 2 items"),
    ):
        with pytest.raises(MetaevalError, match=words):
            call()


@pytest.mark.parametrize("random", [("item", "system"), "item,system"])
def test_planning_draws_no_systems(random):
    table, rule = pilot(20), {"statistic": "pairwise_accuracy", "resample": random}
    two = {"scorer": "a", "baseline": "b", "n_units": 20, "difference": 0.1}
    for call in (
        lambda: me.sample_size(table, **rule, difference=0.1),
        lambda: me.power_by_simulation(table, **rule, **two),
        lambda: me.type_i_error_rate(table, **rule),
        lambda: me.type_i_error_rate(table, **rule, null="shifted"),
    ):
        with pytest.raises(MetaevalError, match="includes systems"):
            call()


def test_scales_of_scorers_change_no_size():
    table = pilot(30, seed=4)
    scaled = table.replace(scores=table.scores.assign(b=100 * table.scores["b"] + 7))
    one, other = (me.type_i_error_rate(t, "pearson", n_simulations=100) for t in (table, scaled))
    assert one == other


def test_simulated_pearson_is_as_high_as_that_of_the_scorers():
    from metaeval.planning.error_rates import _on_one_scale, draw_units

    table = pilot(60, seed=4)
    table = table.replace(scores=table.scores.assign(b=100 * table.scores["b"] + 7))
    own = [scipy.stats.pearsonr(table.scores[s], table.labels["human"])[0] for s in "ab"]
    design, draw = _on_one_scale(make_design(table), st.pearson()), np.random.default_rng(0)
    made = [draw_units(design, draw, swap=True).table for _ in range(40)]
    found = [scipy.stats.pearsonr(t.scores[s], t.labels["human"])[0] for t in made for s in "ab"]
    assert np.mean(found) == pytest.approx(np.mean(own), abs=0.03)


def test_margins_keep_their_ties_and_their_signs():
    from metaeval.planning.error_rates import _on_one_scale

    table = pilot(20).pairs()
    margins = table.scores.assign(a=np.where(np.arange(len(table)) % 3, table.scores["a"] + 1, 0))
    table = table.replace(scores=margins)
    made = _on_one_scale(make_design(table), st.pairwise_accuracy("acc-eq")).table.scores
    assert (np.sign(made) == np.sign(margins)).all(axis=None)
    np.testing.assert_allclose((made**2).mean(), 1)


def test_thresholds_in_units_of_scores_are_refused_for_exchanged_scorers():
    table = pilot(20)
    with pytest.raises(MetaevalError, match=r"epsilon=0\.5 of"):
        me.type_i_error_rate(table, st.pairwise_accuracy("acc-eq", epsilon=0.5))
    me.type_i_error_rate(table, st.tie_calibrated_accuracy(), n_simulations=100, n_resamples=100)
    me.type_i_error_rate(
        table, st.pairwise_accuracy(epsilon=0.5), null="shifted", n_simulations=100
    )


def test_the_bootstrap_of_unit_values_is_that_of_compare():
    from metaeval.planning.error_rates import _p_of_mean
    from metaeval.resampling import key_of

    table = pilot(40, seed=8)
    row = me.compare(table, "pairwise_accuracy", test="bootstrap", n_resamples=999).row("a", "b")
    p = _p_of_mean(differences(table), key_of(0, "bootstrap"), 999)
    assert p == pytest.approx(row["p_value"], abs=1e-9)


def test_the_bootstrap_test_holds_its_size_under_a_shift():
    rate = me.type_i_error_rate(
        pilot(60),
        "pairwise_accuracy",
        "bootstrap",
        null="shifted",
        n_simulations=400,
        n_resamples=199,
    )
    assert abs(rate.rate - 0.05) <= 3.3 * math.sqrt(0.05 * 0.95 / 400) + 0.01
    with pytest.raises(MetaevalError, match="standard error for each replicate"):
        me.type_i_error_rate(pilot(20), st.spearman("none"), "bootstrap", null="shifted")
