"""The verbs: policies, strata, units and what a result says, on cases worked by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from numpy.testing import assert_allclose

import metaeval as me
from metaeval import MetaevalError, Responses, statistics as st
from metaeval.inference import Resampling, estimate_strata, make_design
from metaeval.inference.pairwise_analysis import _common_design, _with_units_of
from metaeval.statistics.pairs.tie_calibration import Tuning, tuned_decisions
from metaeval.tables.missing import most_incomplete_scorers


def grid(n_items, n_systems=4, scorers=3, seed=0, ties=3, **columns):
    """Random ratings and scores on a crossed design; columns are given by item."""
    rng = np.random.default_rng(seed)
    item = np.repeat(np.arange(n_items), n_systems)
    rows = pd.DataFrame({"item": item, "system": np.tile(np.arange(n_systems), n_items)})
    for name, values in columns.items():
        rows[name] = np.asarray(values)[item]
    label = rng.integers(0, ties, len(rows)).astype(float)
    noise = rng.normal(0, 1, (len(rows), scorers)) * np.arange(1, scorers + 1)
    scores = pd.DataFrame(label[:, None] + noise, columns=[f"m{k}" for k in range(scorers)])
    return Responses(rows, scores, pd.DataFrame({"human": label}), label_kind="rating")


def own(table, statistic, **options):
    result = me.evaluate(table, statistic, n_resamples=100, **options)
    frame = result.frame[(result.frame["statistic"] == result.statistics[0])]
    return frame[frame["task"].isna()].set_index("scorer")["estimate"]


# Missing scores.
def with_holes():
    table = grid(12)
    holes = np.zeros(table.scores.shape, dtype=bool)
    holes[:8, 0] = True
    holes[4:20, 1] = True
    return table.replace(scores=table.scores.mask(holes))


def test_common_rows_are_those_that_all_scorers_have():
    table = with_holes()
    complete = table.keep_rows(table.scores.notna().all(axis=1).to_numpy())
    statistic = st.pairwise_accuracy("acc-eq")
    assert own(table, statistic).to_dict() == own(complete, statistic).to_dict()
    row = me.evaluate(table, statistic, n_resamples=100).row("m0")
    assert (row["n_rows"], row["n_dropped"]) == (28, 20)


def test_a_loss_is_the_first_thing_said_and_names_the_cure():
    result = me.evaluate(with_holes(), st.pairwise_accuracy("half"), n_resamples=100)
    assert result.meta.warnings[0].startswith("20 of 48 rows were dropped because")
    assert "exclude m1 (--scorers m0,m2) to keep 12 of them" in result.meta.warnings[0]
    assert "--missing pairwise" in result.meta.warnings[0]


def test_the_costliest_holes_are_those_whose_removal_regains_most_rows():
    there = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 1], [1, 1, 1, 1]], dtype=bool)
    assert most_incomplete_scorers(there, list("abcd")) == (["c", "d"], 2)


def test_pairwise_uses_what_each_comparison_has():
    table, statistic = with_holes(), st.pairwise_accuracy("acc-eq")
    flips = {"test": "sign-flip", "n_resamples": 100}
    result = me.compare(table, statistic, missing="pairwise", **flips)
    both = me.compare(table, statistic, scorers=["m0", "m2"], **flips)
    row, alone = result.row("m0", "m2"), both.row("m0", "m2")
    assert_allclose([row["estimate"], row["p_value"]], [alone["estimate"], alone["p_value"]])
    assert result.row("m2")["n_rows"] == 48
    assert_allclose(result.row("m2")["estimate"], own(table.keep_scorers(["m2"]), statistic)["m2"])


def test_pairwise_needs_no_row_that_all_scorers_have():
    table = grid(9)
    holes = np.zeros(table.scores.shape, dtype=bool)
    for m in range(3):
        holes[12 * m : 12 * (m + 1), m] = True
    table = table.replace(scores=table.scores.mask(holes))
    with pytest.raises(MetaevalError, match="No row has scores from all scorers"):
        me.compare(table, st.pairwise_accuracy(), n_resamples=100)
    result = me.compare(table, st.pairwise_accuracy(), missing="pairwise", n_resamples=100)
    assert result.row("m0", "m1")["n_items"] == 3


def test_wrong_counts_missing_scores_as_losses_whoever_is_compared():
    table, statistic = with_holes(), st.pairwise_accuracy("acc-eq")
    every = own(table, statistic, missing="count_as_wrong")
    alone = own(table, statistic, missing="count_as_wrong", scorers=["m0"])
    assert every["m0"] == alone["m0"] < own(table, statistic, scorers=["m0"])["m0"]


# Strata and units.
def test_tasks_have_equal_weight_and_shared_weights_only_where_items_are_shared():
    table = grid(30, task=["a"] * 10 + ["b"] * 20)
    result = me.compare(table, st.pairwise_accuracy(), by="task", n_resamples=200)
    parts = [result.row("m0", task=task)["estimate"] for task in "ab"]
    assert_allclose(result.row("m0")["estimate"], np.mean(parts))
    assert result.row("m0")["n_clusters"] == 30


def test_a_cluster_that_spans_strata_is_one_cluster():
    twice = grid(20, dom=["p", "q"] * 10, cluster=np.repeat(np.arange(10), 2))
    for options in ({}, {"by": "dom"}):
        row = me.compare(twice, st.pairwise_accuracy(), n_resamples=200, **options).row("m0")
        assert row["n_clusters"] == 10


def test_random_item_leaves_clusters_out():
    table = grid(20, cluster=np.repeat(np.arange(10), 2))
    rows = [
        me.evaluate(table, st.pairwise_accuracy(), resample=r, n_resamples=100).row("m0")
        for r in (None, "cluster", "item")
    ]
    assert [row["n_clusters"] for row in rows] == [10, 10, 20]
    assert_allclose(rows[0]["estimate"], rows[2]["estimate"], rtol=1e-12)


def test_shared_items_absent_from_a_task_flip_nothing_there():
    rng = np.random.default_rng(3)
    base = grid(30, task=["x"] * 30)
    rows = base.rows.assign(task="y").iloc[:32]  # 8 of the 30 items
    both = Responses(
        pd.concat([base.rows, rows], ignore_index=True),
        pd.concat(
            [base.scores, base.scores.iloc[:32] + rng.normal(0, 1, (32, 3))], ignore_index=True
        ),
        pd.concat([base.labels, base.labels.iloc[:32]], ignore_index=True),
        label_kind="rating",
        shared_items=True,
    )
    inside = estimate_strata(make_design(both, by="task"), st.pearson(), Resampling(100, 0))[1]
    alone = estimate_strata(make_design(both.select(task="y")), st.pearson(), Resampling(100, 0))[0]
    there = (inside.contributions != 0).any(axis=1)
    assert (there.sum(), len(there)) == (8, 30)
    assert_allclose(inside.contributions.sum(axis=0), alone.estimate, rtol=1e-12)
    assert_allclose(
        np.sort(inside.contributions[there], axis=0), np.sort(alone.contributions, axis=0)
    )
    result = me.compare(both, st.pearson(), by="task", n_resamples=200)
    assert result.row("m0")["n_items"] == 30


@pytest.mark.parametrize("average", ["items", "pairs"])
def test_acceleration_of_tuned_thresholds_is_that_of_leaving_clusters_out(average):
    sizes = [12, 8, 6, *[1] * 34]
    table = grid(60, cluster=np.repeat(np.arange(len(sizes)), sizes))
    part = estimate_strata(
        make_design(table), st.tie_calibrated_accuracy(None, average), Resampling(100, 0)
    )[0]
    pairs = make_design(table).table.pairs()
    tuning = Tuning(n_folds=None, average=average, argmax=True)
    right = tuned_decisions(pairs, tuning) == pairs.labels.to_numpy()
    cluster = pairs.rows["cluster"].cat.codes.to_numpy()
    without = np.array([right[cluster != c].mean(axis=0) for c in range(len(sizes))])
    assert_allclose(skewness(part.influence), skewness(right.mean(axis=0) - without), atol=0.12)
    assert_allclose(part.influence.sum(axis=0), 0, atol=1e-12)


def skewness(influence):
    return (influence**3).sum(axis=0) / (influence**2).sum(axis=0) ** 1.5


# Estimands.
def test_statistics_with_different_estimands_have_different_names():
    makers = [
        st.pairwise_accuracy("half"),
        st.pairwise_accuracy("half", average="pairs"),
        st.pairwise_accuracy("half", grouping="none"),
        st.kendall(),
        st.kendall(grouping="system"),
        st.pearson(),
        st.pearson("item"),
        st.spearman("system"),
        st.tie_calibrated_accuracy(),
        st.tie_calibrated_accuracy(average="pairs"),
    ]
    assert len({s.name for s in makers}) == len(makers)
    with pytest.raises(MetaevalError, match="Each statistic must be named exactly once"):
        me.evaluate(grid(4), [st.pearson(), st.pearson()], n_resamples=100)


@pytest.mark.parametrize("grouping", ["none", "system"])
def test_label_epsilon_holds_across_items_too(grouping):
    table = grid(12, ties=5)
    loose = table.replace(label_epsilon=1.0)
    for make in (st.pairwise_accuracy, st.tie_calibrated_accuracy):
        options = {"ties": "acc-eq"} if make is st.pairwise_accuracy else {}
        statistic = make(grouping=grouping, **options)
        assert (own(table, statistic) != own(loose, statistic)).all()
    assert table.fingerprint != loose.fingerprint


def test_two_wrong_answers_form_no_pair_across_items_either():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"item": np.repeat(range(8), 4), "response": list("abcd") * 8})
    right = pd.DataFrame({"ok": [1.0, 0, 0, 0] * 8})
    table = Responses(rows, pd.DataFrame({"m": rng.normal(0, 1, 32)}), right, label_kind="correct")
    x, y = table.scores["m"].to_numpy(), table.labels["ok"].to_numpy()
    won = (x[y == 1][:, None] > x[y == 0]).mean()
    assert_allclose(own(table, st.pairwise_accuracy("acc-eq", grouping="none"))["m"], won)


def test_further_keys_within_an_item_are_not_mixed():
    table = grid(6)
    rows = pd.concat([table.rows.assign(dim=d) for d in "uv"], ignore_index=True)
    both = Responses(
        rows,
        pd.concat([table.scores] * 2, ignore_index=True),
        pd.concat([table.labels] * 2, ignore_index=True),
        keys=("dim",),
        label_kind="rating",
    )
    for statistic in (st.pearson("item"), st.kendall("c"), st.spearman("item")):
        with pytest.raises(MetaevalError, match=r"select\(dim=\.\.\.\)"):
            own(both, statistic)
        assert_allclose(own(both.select(dim="u"), statistic), own(table, statistic))
    assert_allclose(own(both, st.kendall("b")), own(table, st.kendall("b")))


# What a result says.
@pytest.mark.parametrize("test", ["t", "sign-flip"])
def test_a_few_items_cannot_reach_significance_and_the_first_line_says_so(test):
    result = me.compare(grid(5), st.pairwise_accuracy(), test=test, n_resamples=100)
    assert result.meta.warnings[0].startswith(
        "with 5 units and 3 comparisons, the smallest attainable adjusted p"
    )


def test_sentences_and_the_methods_paragraph():
    table = me.load_example()
    result = me.compare(table, st.pearson(), by="task", n_resamples=200)
    text = result.sentence("judge", "lexical", task="news")
    assert " points" not in text and "40 items in news" in text
    assert "equal" not in result.sentence("reward", "reward_v2")
    methods = result.methods_paragraph()
    for part in (
        "80 items",
        "95% BCa",
        "clusters of items (n = 20)",
        "max-T on studentized differences for 10",
        "seed 0",
    ):
        assert part in methods
    assert (
        "half credit"
        in me.evaluate(table, st.pairwise_accuracy("half"), n_resamples=100).methods_paragraph()
    )


def test_differences_can_be_asked_for_either_way_round():
    result = me.compare(me.load_example(), st.pairwise_accuracy(), n_resamples=200)
    one, other = result.row("judge", "reward"), result.row("reward", "judge")
    assert one["estimate"] == -other["estimate"] and one["lower"] == -other["upper"]
    assert one["p_value"] == other["p_value"]
    with pytest.raises(MetaevalError, match=r"no scorer 'judg'.*Did you mean 'judge'"):
        result.row("judg")


def test_a_baseline_leaves_letters_out_and_ranks_open():
    result = me.compare(
        me.load_example(), st.pairwise_accuracy(), baseline="judge", n_resamples=200
    )
    leaderboard = result.leaderboard()
    assert (leaderboard["letters"] == "").all()
    assert result.frame["baseline"].dropna().unique().tolist() == ["judge"]


def test_latex_escapes_and_states_its_methods():
    table = me.load_example()
    odd = ["a_b%&$", "[x]", "\\input{f}", "é\u0645", "~^#"]
    names = dict(zip(table.scorers, odd, strict=True))
    table = table.replace(scores=table.scores.rename(columns=names))
    latex = me.compare(table, st.kendall(), n_resamples=200).to_latex(
        caption=True, letters="column"
    )
    body = latex.split("\\midrule")[1]
    assert r"a\_b\%\&\$" in body and r"\textbackslash{}input\{f\}" in body
    assert "é[U+0645]" in body and "{}[x]" in body
    assert (
        latex.isascii() is False and "\\caption{kendall(variant=b). Scorers were evaluated" in latex
    )
    assert all(line.startswith("%") for line in latex.split("\\begin")[0].splitlines())


def test_constant_and_identical_scorers_are_flagged_in_every_result():
    table = grid(6)
    table = table.with_scorer("flat", 0 * table.scores["m0"])
    table = table.with_scorer("twin", table.scores["m0"])
    notes = me.compare(table, st.pairwise_accuracy(), n_resamples=100).meta.notes
    assert "constant: flat" in notes and "m0 and twin have identical scores" in notes


@pytest.mark.parametrize("average", ["items", "pairs"])
def test_levels_of_the_tau_that_is_accuracy_rescaled(average):
    table = grid(12)
    table = table.with_scorer("flat", 0 * table.scores["m0"])
    tau = me.evaluate(table, st.kendall("23", average=average), n_resamples=100)
    accuracy = me.evaluate(table, st.pairwise_accuracy("acc-eq", average=average), n_resamples=100)
    for scorer in table.scorers:
        one, other = tau.row(scorer), accuracy.row(scorer)
        for name in ("estimate", "chance", "best_constant"):
            assert_allclose(one[name], 2 * other[name] - 1, atol=1e-12)
        assert_allclose(one["skill"], other["skill"], atol=1e-12)


def test_too_many_items_for_resampling_give_no_interval_and_no_test():
    table = grid(40)
    limited = dataclasses.replace(st.kendall("b", grouping="none"), most_items=30)
    result = me.compare(table, limited, n_resamples=100)
    row = result.row("m0", "m1")
    assert np.isnan([row["lower"], row["se"], row["p_value"], row["p_adjusted"]]).all()
    assert any(
        "intervals and tests of" in w and "limited to 30 items" in w for w in result.meta.warnings
    )
    assert (result.leaderboard()["letters"] == "").all()
    assert "not tested" in result.sentence("m0", "m1")
    assert me.Result.from_json(result.to_json()).to_json() == result.to_json()


def test_a_small_task_is_not_taken_for_as_many_items_as_the_large_one():
    rng = np.random.default_rng(0)
    table = grid(205, task=["a"] * 200 + ["b"] * 5, ties=40)
    noise = np.where(rng.random(len(table)) < 0.003, -1.0, 1.0)
    good = table.replace(scores=table.scores.assign(m0=table.labels["human"] * noise))
    row = me.evaluate(good, st.pairwise_accuracy("half"), by="task", n_resamples=500).row("m0")
    alone = me.evaluate(good, st.pairwise_accuracy("half"), n_resamples=500).row("m0")
    assert row["interval"] == alone["interval"] == "wilson"
    assert row["upper"] - row["lower"] > 3 * (alone["upper"] - alone["lower"])


def test_a_task_of_one_item_has_no_interval_and_neither_has_the_mean():
    table = grid(21, task=["a"] * 20 + ["b"])
    result = me.compare(
        table, st.pairwise_accuracy("acc-eq"), by="task", n_resamples=200, equivalence_margin=0.1
    )
    for row in (result.row("m0", "m1", task="b"), result.row("m0", "m1"), result.row("m0")):
        assert np.isnan([row["lower"], row["upper"], row["se"], row["p_equivalent"]]).all()
    there = result.row("m0", "m1", task="a")
    assert there["lower"] < there["upper"] and there["se"] > 0
    assert any("only one resampling unit in b: no interval" in w for w in result.meta.warnings)
    with pytest.raises(MetaevalError, match="leaves one resampling unit in each stratum"):
        me.evaluate(table, st.pairwise_accuracy(), by="task", resample="task")


def test_scorers_that_no_item_tells_apart_are_not_called_equivalent():
    table = grid(8, ties=40)
    scores = table.scores.assign(m0=table.labels["human"], m1=2 * table.labels["human"])
    result = me.compare(
        table.replace(scores=scores),
        st.pairwise_accuracy("half"),
        equivalence_margin=0.01,
        n_resamples=200,
    )
    row = result.row("m0", "m1")
    assert (row["se"], row["p_value"]) == (0, 1) and np.isnan(row["p_equivalent"])
    assert "do not differ significantly" in result.sentence("m0", "m1")


def test_a_wild_scorer_changes_no_p_of_two_others():
    rng = np.random.default_rng(1)
    table = grid(60)
    error = me.statistics.mean_over_items("error", lambda x, h: -float(((x - h) ** 2).mean()))
    wild = table.with_scorer(
        "wild", pd.Series(1e8 * rng.normal(size=len(table))).set_axis(table.rows.index)
    )
    one, other = (me.compare(t, error, n_resamples=2_000).row("m0", "m2") for t in (table, wild))
    assert one["p_value"] == other["p_value"] < 0.01


def test_comparisons_of_what_both_scorers_have_share_their_draws():
    table = grid(40)
    twin = table.scores["m1"].copy()
    twin.iloc[0] = np.nan
    table = table.with_scorer("twin", twin)
    design, statistic = make_design(table, missing="pairwise"), st.pairwise_accuracy("acc-eq")
    gaps = []
    for names in (["m0", "m1"], ["m0", "twin"]):
        both = _with_units_of(_common_design(design, statistic, names), design)
        part = estimate_strata(both, statistic, Resampling(500, 0))[0]
        assert len(part.contributions) == 40
        gaps.append(part.draws[:, 0] - part.draws[:, 1])
    assert np.corrcoef(gaps)[0, 1] > 0.95  # the twin lacks one response of 160


def test_one_sided_results_are_not_read_backwards():
    result = me.compare(grid(30), st.pairwise_accuracy(), alternative="greater", n_resamples=300)
    assert np.isnan(result.row("m1", "m0")["p_value"])
    assert result.row("m0", "m1")["p_value"] > 0
    with pytest.raises(MetaevalError, match="two-sided"):
        result.wmt_clusters()
    ranks = me.compare(grid(30), st.pairwise_accuracy(), n_resamples=300).wmt_clusters()
    assert ranks["rank"].iloc[0] == 1 and ranks["estimate"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("kind", "statistic", "default"),
    [("wilson", "pearson(grouping=item)", "bca"), ("jeffreys", "pairwise_accuracy", "wilson")],
)
def test_intervals_of_counts_stand_aside_where_there_are_no_counts(kind, statistic, default):
    result = me.compare(grid(30), statistic, interval=kind, n_resamples=200)
    assert set(result.rows()["interval"]) == {"t", default}
    warnings = [w for w in result.meta.warnings if f"interval={kind!r} is not available" in w]
    assert warnings and f"{default!r} is used" in warnings[0]
    assert "resampl" in result.methods_paragraph()


def test_sequential_flips_are_for_the_sign_flip_test():
    with pytest.raises(MetaevalError, match="stop_after_exceedances applies to test='sign-flip'"):
        me.compare(grid(9), st.pairwise_accuracy(), test="bootstrap", stop_after_exceedances=20)


def test_a_statistic_must_not_depend_on_the_size_of_the_weights():
    total = me.statistics.weighted_statistic("total", lambda x, h, w: float(w @ x))
    with pytest.raises(MetaevalError, match="divide by the sum of the weights"):
        me.evaluate(grid(9), total, n_resamples=100)


def right_or_wrong(n_items=30, seed=0, **columns):
    """Two responses an item; the first item has tied labels."""
    table = grid(n_items, 2, 2, seed, **columns)
    label = np.tile([0.0, 1.0], n_items)
    label[:2] = 1.0
    return table.replace(labels=table.labels.assign(human=label))


@pytest.mark.parametrize("mid_p", [False, True])
def test_mcnemar_passes_over_items_with_tied_labels(mid_p):
    table = right_or_wrong()
    test = "mcnemar-mid-p" if mid_p else "mcnemar"
    statistic = st.pairwise_accuracy("half")
    row = me.compare(table, statistic, test=test, n_resamples=100).row("m0", "m1")
    gap = np.diff(table.scores.to_numpy().reshape(30, 2, 2), axis=1)[1:, 0] > 0
    more, less = ((gap[:, 0] & ~gap[:, 1]).sum(), (gap[:, 1] & ~gap[:, 0]).sum())
    p = scipy.stats.binomtest(int(more), int(more + less)).pvalue
    if mid_p:
        p -= scipy.stats.binom.pmf(more, more + less, 0.5)
    assert more + less > 5 and row["n_items"] == 29
    assert_allclose(row["p_value"], p, rtol=1e-9)


def test_mcnemar_refuses_clusters_of_items_even_if_one_item_of_each_counts():
    table = right_or_wrong(cluster=np.arange(30) // 2)
    for labels in (table.labels["human"], np.where(np.arange(60) % 4 < 2, 1.0, table.labels.human)):
        some = table.replace(labels=table.labels.assign(human=labels))
        with pytest.raises(MetaevalError, match="one binary verdict"):
            me.compare(some, st.pairwise_accuracy("half"), test="mcnemar", n_resamples=100)


def test_a_result_says_what_is_estimated_and_which_tests_are_replicas():
    result = me.compare(grid(30), "soft_pairwise_accuracy", n_resamples=200)
    target = "the expected soft pairwise accuracy at this number of items"
    assert f"soft_pairwise_accuracy estimates {target}" in result.meta.notes
    assert target in result.methods_paragraph()
    swapped = me.compare(grid(30), st.pairwise_accuracy(), test="swap-cells", n_resamples=200)
    assert any("'swap-cells' is a published test" in note for note in swapped.meta.notes)


def test_shares_of_one_have_intervals_that_say_something():
    """All systems in the right order: about as many trials as the replicates vary for."""
    table, _ = me.simulate(seed=2, n_items=150)
    own = me.evaluate(table, "system_accuracy", n_resamples=1_000).frame
    assert (own["estimate"] == 1).all() and (own["se"] > 0).all()
    assert set(own["interval"]) == {"t"}
    assert (own["lower"] > 0.5).all() and own["upper"].tolist() == pytest.approx([1] * 5)
