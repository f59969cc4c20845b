"""Laws of the verbs: what must not change a number, and what a number must be."""

import json

import definitions as slow
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from strategies import responses

from metaeval import MetaevalError, Pairs, Responses, Result, compare, evaluate
from metaeval.inference import Resampling, estimate_strata, make_design
from metaeval.statistics import (
    best_of_n,
    kendall,
    mean_over_items,
    pairwise_accuracy,
    pearson,
    spearman,
    system_accuracy,
    system_pearson,
    tie_calibrated_accuracy,
)

N = 100


def with_constant(table, value):
    return table.with_scorer("constant", pd.Series(value, index=table.rows.index))


def grid_table(seed=0, n_items=8, n_systems=4, scorers=3, labels=(0, 1, 2, 3), tasks=(), **options):
    """A complete table on a coarse grid, in which nothing is constant."""
    random = np.random.default_rng(seed)
    item, system = np.divmod(np.arange(n_items * n_systems), n_systems)
    rows = pd.DataFrame({"item": [f"i{i}" for i in item], "system": [f"s{s}" for s in system]})
    if tasks:
        rows["task"] = [tasks[i % len(tasks)] for i in item]
    quality = random.normal(size=len(rows)) + system / 2
    names = ["alpha", "beta", "gamma", "delta", "eta"][:scorers]
    noisy = {n: quality + random.normal(0, 0.3 + 0.3 * m, len(rows)) for m, n in enumerate(names)}
    scores = pd.DataFrame({name: np.round(values * 4) / 4 for name, values in noisy.items()})
    cuts = np.quantile(quality, np.linspace(0, 1, len(labels) + 1)[1:-1])
    human = pd.DataFrame({"human": np.array(labels, float)[np.searchsorted(cuts, quality)]})
    options = {"label_kind": "rating"} | options
    return Responses(rows, scores, human, **options)


def candidates_table(seed=0, n_items=12, scorers=2):
    """Three candidates to each item, one of them right."""
    table = grid_table(seed, n_items, 3, scorers)
    right = np.arange(len(table)) % 3 == np.repeat(np.arange(n_items) % 3, 3)
    rows = table.rows.rename(columns={"system": "response"})
    labels = pd.DataFrame({"correct": right.astype(float)}, index=rows.index)
    return Responses(rows, table.scores + right[:, None], labels, label_kind="correct")


RANK = [
    pairwise_accuracy("acc-eq"),
    pairwise_accuracy("strict", average="pairs"),
    pairwise_accuracy("half", grouping="none"),
    kendall("b"),
    kendall("c"),
    kendall("14", average="pairs"),
    kendall("b", grouping="none"),
    spearman("none"),
    spearman("item"),
]
TUNED = [
    tie_calibrated_accuracy(),
    tie_calibrated_accuracy(None, "pairs"),
    tie_calibrated_accuracy(3, grouping="none"),
]
ACROSS_SYSTEMS = [
    pairwise_accuracy("acc-eq", grouping="system"),
    kendall("23", grouping="system"),
    kendall("b", average="pairs", grouping="system"),
    spearman("system"),
]
LINEAR = [pearson("none"), pearson("item"), pearson("system")]
SYSTEM = [system_accuracy(), system_pearson()]
OF_RATINGS = [*RANK, *TUNED, *ACROSS_SYSTEMS, *LINEAR, *SYSTEM]
FIRST_SCORE = mean_over_items("first", lambda x, h: float(x[0]))
BEST = [best_of_n("strict"), best_of_n("split"), best_of_n("lenient")]


def label_of(statistic):
    return "-".join([statistic.name, *statistic.estimand.meaning().values()])


def every(statistics):
    return pytest.mark.parametrize("statistic", statistics, ids=label_of)


NUMBERS = ["estimate", "lower", "upper", "se", "p_value", "p_adjusted", "tie_rate", "chance"]


def same_numbers(one, other):
    pd.testing.assert_frame_equal(one.frame[NUMBERS], other.frame[NUMBERS], check_exact=True)


@every([*OF_RATINGS, FIRST_SCORE])
def test_contributions_add_up_to_the_estimate(statistic):
    part = estimate_strata(make_design(grid_table()), statistic, Resampling(2, 0))[0]
    if statistic.name == "system_accuracy":  # a step function: no test flips anything
        assert part.contributions is None
        return
    assert part.contributions.shape == (8, 3)
    np.testing.assert_allclose(part.contributions.sum(axis=0), part.estimate, rtol=0, atol=1e-12)


# Order and direction change nothing.
def shuffled(table, seed):
    random = np.random.default_rng(seed)
    order = random.permutation(len(table))
    columns = list(random.permutation(table.scorers))
    return type(table)(
        table.rows.iloc[order].reset_index(drop=True),
        table.scores.iloc[order][columns].reset_index(drop=True),
        table.labels.iloc[order].reset_index(drop=True),
        label_kind=table.label_kind,
    )


@settings(max_examples=15)
@given(
    table=responses(scorers=3, items=(4, 6), systems=(3, 5), tasks=True, clusters=True),
    seed=st.integers(0, 99),
)
def test_order_of_rows_and_scorers_changes_no_byte(table, seed):
    statistic = [pairwise_accuracy("acc-eq"), tie_calibrated_accuracy(None)]
    one = compare(table, statistic, n_resamples=N)
    other = compare(shuffled(table, seed), statistic, n_resamples=N)
    assert one.to_json() == other.to_json()


@every(OF_RATINGS)
def test_order_of_rows_and_scorers_changes_no_byte_of_any_statistic(statistic):
    table = grid_table()
    one = compare(table, statistic, n_resamples=N)
    assert one.to_json() == compare(shuffled(table, 1), statistic, n_resamples=N).to_json()


@settings(max_examples=20)
@given(table=responses(items=(3, 6), tasks=True), turn=st.randoms(use_true_random=False))
def test_turning_pairs_round_changes_no_byte(table, turn):
    pairs = table.pairs()
    flip = np.array([turn.random() < 0.5 for _ in range(len(pairs))])
    rows, sign = pairs.rows.copy(), np.where(flip, -1.0, 1.0)
    first, second = rows["first"].astype(str), rows["second"].astype(str)
    rows["first"], rows["second"] = first.where(~flip, second), second.where(~flip, first)
    sides = [f"system_{side}" for side in ("first", "second")]
    a, b = (rows[name].astype(str) for name in sides)
    rows[sides[0]], rows[sides[1]] = a.where(~flip, b), b.where(~flip, a)
    other = Pairs(rows, pairs.scores.mul(sign, axis=0), pairs.labels.mul(sign, axis=0))
    assert other.fingerprint == pairs.fingerprint
    statistic = [pairwise_accuracy("acc-eq"), kendall("23")]
    assert (
        compare(other, statistic, n_resamples=N).to_json()
        == compare(pairs, statistic, n_resamples=N).to_json()
    )


def test_ordered_pairs_are_not_turned():
    rows = pd.DataFrame({"item": ["1"], "first": ["b"], "second": ["a"]})
    scores, labels = pd.DataFrame({"m": [0.5]}), pd.DataFrame({"human": [1.0]})
    assert Pairs(rows, scores, labels, ordered=True).scores["m"].tolist() == [0.5]
    assert Pairs(rows, scores, labels).scores["m"].tolist() == [-0.5]


# Maps of the scores.
@every([*RANK, *ACROSS_SYSTEMS])
def test_an_increasing_affine_map_changes_no_rank_statistic(statistic):
    table = grid_table()
    moved = table.map_scores(lambda x: 2 * x + 1)
    one, other = (compare(t, statistic, n_resamples=N) for t in (table, moved))
    same_numbers(one, other)


@every(TUNED)
@pytest.mark.parametrize("scale", [0.25, 2.0, 1024.0])
def test_a_positive_scale_changes_nothing_where_the_threshold_is_tuned(statistic, scale):
    table = grid_table()
    scaled = table.map_scores(lambda x: scale * x)
    one, other = (compare(t, statistic, n_resamples=N) for t in (table, scaled))
    same_numbers(one, other)


@every([*LINEAR, system_pearson()])
def test_a_linear_map_changes_no_correlation(statistic):
    table = grid_table()
    moved = table.map_scores(lambda x: 4 * x + 8)
    one, other = (compare(t, statistic, n_resamples=N).frame for t in (table, moved))
    np.testing.assert_allclose(one["estimate"], other["estimate"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(one["lower"], other["lower"], rtol=0, atol=1e-9)


@every([kendall("a"), kendall("b"), kendall("c"), spearman("item"), pearson("item"), pearson()])
def test_a_correlation_changes_sign_with_the_scores(statistic):
    table = grid_table()
    one = evaluate(table, statistic, n_resamples=N).frame["estimate"]
    other = evaluate(table.map_scores(lambda x: -x), statistic, n_resamples=N).frame["estimate"]
    own = one.notna()
    if statistic.estimand.grouping != "systems":
        own = slice(0, 3)
    np.testing.assert_allclose(one[own], -other[own], rtol=0, atol=1e-12)


# A scorer against itself.
def check_twin(table, statistic, test="t"):
    table = table.with_scorer("copy", table.scores["alpha"])
    result = compare(table, statistic, test=test, n_resamples=N)
    row = result.row("alpha", "copy", statistic=statistic.name)
    assert (row["estimate"], row["lower"], row["upper"], row["se"]) == (0.0, 0.0, 0.0, 0.0)
    assert (row["p_value"], row["p_adjusted"]) == (1.0, 1.0)
    assert (row["adjusted_lower"], row["adjusted_upper"]) == (0.0, 0.0)
    assert row["mde"] == 0.0
    leaderboard = result.leaderboard(statistic.name).set_index("scorer")
    assert leaderboard.loc["alpha", "letters"] == leaderboard.loc["copy", "letters"] != ""
    own = [result.row(name, statistic=statistic.name) for name in ("alpha", "copy")]
    for column in ("estimate", "lower", "upper", "se"):
        assert own[0][column] == own[1][column]


@every(OF_RATINGS)
@pytest.mark.parametrize("test", ["t", "sign-flip"])
def test_a_duplicated_scorer_does_not_differ_from_itself(statistic, test):
    check_twin(grid_table(), statistic, test)


@every(OF_RATINGS)
def test_a_duplicated_scorer_does_not_differ_from_itself_with_random_flips(statistic):
    check_twin(grid_table(n_items=25), statistic, "sign-flip")


@every(BEST)
def test_a_duplicated_reward_model_does_not_differ_from_itself(statistic):
    check_twin(candidates_table(), statistic)


# A constant scorer.
@every(
    [
        *(
            pairwise_accuracy(t, grouping=g)
            for t in ("acc-eq", "strict", "half")
            for g in ("item", "none")
        ),
        tie_calibrated_accuracy(),
        tie_calibrated_accuracy(None),
        tie_calibrated_accuracy(3, grouping="none"),
    ]
)
def test_a_constant_scorer_gets_chance_at_its_own_tie_rate(statistic):
    table = with_constant(grid_table(), 1.0)
    row = evaluate(table, statistic, n_resamples=N).row("constant")
    assert row["tie_rate"] == pytest.approx(1.0, abs=1e-12)
    assert row["estimate"] == pytest.approx(row["chance"], abs=1e-12)
    assert row["skill"] <= 1e-12


@every(BEST)
def test_a_constant_reward_model_gets_chance(statistic):
    table = with_constant(candidates_table(), 0.0)
    row = evaluate(table, statistic, n_resamples=N).row("constant")
    assert row["tie_rate"] == 1.0
    assert row["estimate"] == pytest.approx(row["chance"], abs=1e-12)
    if statistic.estimand.ties == "lenient":
        assert np.isnan(row["skill"])
    else:
        assert row["skill"] <= 1e-12


@every(
    [
        pearson(),
        spearman(),
        pearson("item"),
        spearman("system"),
        kendall("b"),
        kendall("13"),
        kendall("b", grouping="none"),
        system_pearson(),
    ]
)
def test_correlations_have_no_value_for_a_constant_scorer_and_name_it(statistic):
    table = with_constant(grid_table(), 1.0)
    result = compare(table, statistic, n_resamples=N)
    assert "undefined for constant (constant scores: constant)" in result.meta.warnings[0]
    assert np.isnan(result.row("constant")["estimate"])
    with pytest.raises(MetaevalError, match=r"constant.*(Exclude|degenerate=)"):
        evaluate(table, statistic, scorers=["constant"], n_resamples=N)


@every([pearson("item"), spearman("item"), kendall("b")])
def test_items_in_which_a_scorer_is_constant_are_left_out_for_all_and_counted(statistic):
    table = grid_table()
    flat = table.scores["alpha"].where(table.rows["item"] != "i0", 0.0)
    table = table.replace(scores=table.scores.assign(alpha=flat))
    result = evaluate(table, statistic, n_resamples=N)
    without = evaluate(table.select(item=[f"i{i}" for i in range(1, 8)]), statistic, n_resamples=N)
    assert [result.row(s)["n_items"] for s in table.scorers] == [7, 7, 7]
    assert result.row("beta")["estimate"] == pytest.approx(
        without.row("beta")["estimate"], abs=1e-12
    )
    lost = {d["scorer"]: d["lost"] for d in result.meta.details if "lost" in d}
    assert lost["alpha"] >= 1 and lost["beta"] < lost["alpha"] + 1


# Strata.
@every([pairwise_accuracy("acc-eq"), tie_calibrated_accuracy(None), kendall("b"), pearson("none")])
def test_the_macro_mean_and_its_interval_weigh_tasks_alike(statistic):
    table = grid_table(n_items=15, tasks=("t0", "t0", "t1"))
    result = compare(table, statistic, by="task", n_resamples=N)
    for scorer in table.scorers:
        parts = [result.row(scorer, task=t)["estimate"] for t in ("t0", "t1")]
        assert result.row(scorer)["estimate"] == pytest.approx(np.mean(parts), abs=1e-12)
    own = result.frame[result.frame["baseline"].isna()].reset_index(drop=True)
    assert result.draws.shape == (N, len(own))
    tasks = [None if pd.isna(task) else task for task in own["task"]]
    keys = zip(own["statistic"], tasks, own["scorer"], strict=True)
    of = dict(zip(keys, result.draws.T, strict=True))
    for scorer in table.scorers:
        whole, *parts = (of[statistic.name, task, scorer] for task in (None, "t0", "t1"))
        np.testing.assert_allclose(whole, np.mean(parts, axis=0), rtol=0, atol=1e-12)
        ends = evaluate(table, statistic, by="task", n_resamples=N, interval="percentile").row(
            scorer
        )
        expected = np.quantile(whole, [0.025, 0.975])
        np.testing.assert_allclose([ends["lower"], ends["upper"]], expected, rtol=0, atol=1e-12)


# Seeds and neighbours.
@every([tie_calibrated_accuracy(), pearson("none"), kendall("b")])
def test_the_same_seed_gives_the_same_bytes(statistic):
    table = grid_table(n_items=24)
    one, other = (compare(table, statistic, n_resamples=N, seed=7) for _ in range(2))
    assert one.to_json() == other.to_json()
    assert (one.draws == other.draws).all()
    another = compare(table, statistic, n_resamples=N, seed=8)
    assert (one.draws != another.draws).any()
    assert one.frame["estimate"].tolist() == another.frame["estimate"].tolist()


@every([s for s in OF_RATINGS if s.estimand.grouping != "systems"])
def test_another_scorer_does_not_change_the_draws_of_the_others(statistic):
    table = grid_table(scorers=4)
    few = evaluate(table.drop_scorers("beta"), statistic, n_resamples=N)
    many = evaluate(table, statistic, n_resamples=N)
    for name in ("alpha", "delta", "gamma"):
        one, other = (
            r.row(name)[["estimate", "lower", "upper", "se"]].tolist() for r in (few, many)
        )
        assert one == pytest.approx(other, abs=1e-12)


@pytest.mark.parametrize("n_items", [8, 25])
@every([pairwise_accuracy("acc-eq"), tie_calibrated_accuracy(), kendall("b"), system_accuracy()])
@pytest.mark.parametrize("test", ["t", "sign-flip"])
def test_swapping_two_names_turns_the_difference_and_keeps_p(statistic, n_items, test):
    table = grid_table(n_items=n_items, scorers=2)
    swapped = table.replace(scores=table.scores.rename(columns={"alpha": "beta", "beta": "alpha"}))
    one, other = (
        compare(t, statistic, test=test, n_resamples=N, interval="percentile").row("alpha", "beta")
        for t in (table, swapped)
    )
    assert one["estimate"] == -other["estimate"]
    assert one["p_value"] == pytest.approx(other["p_value"], rel=1e-12)
    np.testing.assert_allclose(
        [one["lower"], one["upper"]], [-other["upper"], -other["lower"]], atol=1e-12
    )


# The test of a difference.
def lone(values):
    n = len(values)
    rows = pd.DataFrame({"item": [f"i{i:02d}" for i in range(n)], "system": ["s"] * n})
    scores = pd.DataFrame({"a": values, "b": np.zeros(n)})
    return Responses(rows, scores, pd.DataFrame({"h": np.arange(n)}), label_kind="rating")


def test_one_to_five_has_p_of_one_in_sixteen():
    row = compare(lone([1.0, 2, 3, 4, 5]), FIRST_SCORE, test="sign-flip", n_resamples=N).row(
        "a", "b"
    )
    assert row["estimate"] == 3
    assert row["p_value"] == 0.0625
    assert (row["p_mcse"], row["test"]) == (0.0, "sign-flip")


@pytest.mark.parametrize("seed", range(4))
def test_twelve_items_are_tested_by_all_flips(seed):
    values = np.random.default_rng(seed).integers(-3, 6, 12) / 4
    row = compare(lone(values), FIRST_SCORE, test="sign-flip", n_resamples=N).row("a", "b")
    assert row["p_value"] == pytest.approx(slow.sign_flip_p(values), abs=1e-12)


def test_twelve_items_of_responses_are_tested_by_all_flips():
    table = grid_table(n_items=12, scorers=2)
    options = {"test": "sign-flip", "n_resamples": N}
    row = compare(table, pairwise_accuracy("acc-eq"), **options).row("alpha", "beta")
    each = []
    for i in range(12):
        found = slow.pairwise_accuracy(slow.rows_of(table.select(item=f"i{i}")), "acc-eq")
        each.append(found["alpha"] - found["beta"])
    assert row["p_value"] == pytest.approx(
        slow.sign_flip_p(np.round(np.array(each) * 6)), abs=1e-12
    )


def test_adjusted_p_values_are_holms_within_each_family():
    table = grid_table(n_items=12, scorers=4, tasks=("t0", "t1"))
    statistic = pairwise_accuracy("acc-eq")
    result = compare(table, statistic, by="task", n_resamples=N, correction="holm")
    usual = compare(table, statistic, by="task", n_resamples=N).frame
    rows = result.frame[result.frame["baseline"].notna()]
    for _, family in rows.groupby(["statistic", rows["task"].isna()]):
        expected = slow.holm(list(family["p_value"]))
        for column in (family["p_adjusted"], family["p_holm"], usual["p_holm"][family.index]):
            np.testing.assert_allclose(column, expected, rtol=0, atol=1e-12)


@settings(max_examples=15)
@given(table=responses(scorers=4, items=(4, 6), systems=(3, 4)))
def test_letters_follow_the_adjusted_p_values(table):
    result = compare(table, pairwise_accuracy("acc-eq"), n_resamples=N, confidence=0.6)
    name = result.statistics[0]
    leaderboard = result.leaderboard(name)
    apart = [
        [
            a != b and result.row(a, b, statistic=name)["p_adjusted"] <= 0.4
            for b in leaderboard["scorer"]
        ]
        for a in leaderboard["scorer"]
    ]
    slow.check_letters(list(leaderboard["letters"]), apart)


# Round trip.
@every([*OF_RATINGS])
def test_json_comes_back_exactly(statistic):
    by = None if statistic.estimand.grouping == "system" else "task"
    table = grid_table(tasks=("t0", "t1") if by else (), n_items=10)
    text = compare(table, statistic, by=by, n_resamples=N).to_json()
    back = Result.from_json(text)
    assert back.to_json() == text
    assert list(back.frame.columns) == list(compare(table, statistic, n_resamples=N).frame.columns)


def test_json_is_strict_and_gives_the_same_tables():
    result = compare(grid_table(), n_resamples=N)
    text = result.to_json()

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(text, parse_constant=refuse)["schema"] == "metaeval.result/1"
    back = Result.from_json(text)
    pd.testing.assert_frame_equal(
        back.leaderboard(), result.leaderboard(), rtol=1e-9, check_dtype=False
    )
    assert back.to_markdown() == result.to_markdown()
    assert back.signature == result.signature


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"schema": "x"}'])
def test_what_is_no_result_is_refused(text):
    with pytest.raises(MetaevalError):
        Result.from_json(text)


# Far from 0: margins are multiples of 1/1024 still, and sums must not lose them.
FAR = [
    pairwise_accuracy(),
    pairwise_accuracy("acc-eq", grouping="none"),
    tie_calibrated_accuracy(),
    tie_calibrated_accuracy(None, "pairs"),
    kendall("b"),
    kendall("c"),
    kendall("b", grouping="none"),
    pearson("none"),
    pearson("item"),
    pearson("system"),
    spearman("none"),
    spearman("item"),
    *SYSTEM,
    *BEST,
]


@every(FAR)
def test_adding_a_large_number_to_a_scorer_changes_nothing(statistic):
    table = candidates_table() if statistic in BEST else grid_table(n_items=24)
    fine = np.random.default_rng(4).integers(-99, 100, len(table)) / 64  # six decimals
    near = table.scores.assign(alpha=table.scores["alpha"] + fine)
    far = near.assign(alpha=near["alpha"] + 1e8)
    one, other = (
        compare(table.replace(scores=s), statistic, n_resamples=N).frame for s in (near, far)
    )
    for column in ("estimate", "lower", "upper", "se", "p_value"):
        np.testing.assert_allclose(other[column], one[column], rtol=0, atol=1e-6, err_msg=column)
