import itertools
import math

import numpy as np
import pandas as pd
import pytest

from metaeval.core import MetaevalError
from metaeval.simulation import load_example, model, simulate, truth as truth_module
from metaeval.simulation.datasets import DEFAULT_SCORERS, SimulatedScorer, Truth

CLOSE = 4.5  # standard errors; every seed is fixed


def sign(x):
    return (x > 0) - (x < 0)


def accuracy_by_definition(labels, scores, epsilon=0.0):
    """Accuracy with ties of each item, from plain lists of its labels and scores."""
    values = []
    for h, m in zip(labels, scores, strict=True):
        pairs = list(itertools.combinations(range(len(h)), 2))
        right = 0
        for a, b in pairs:
            margin = m[a] - m[b]
            call = 0 if abs(margin) <= epsilon + 1e-9 else sign(margin)
            right += call == sign(h[a] - h[b])
        values.append(right / len(pairs))
    return np.array(values)


def half_credit_by_definition(labels, scores):
    values = []
    for h, m in zip(labels, scores, strict=True):
        credits = [
            0.5 if m[a] == m[b] else float(sign(m[a] - m[b]) == sign(h[a] - h[b]))
            for a, b in itertools.combinations(range(len(h)), 2)
            if h[a] != h[b]
        ]
        if credits:
            values.append(sum(credits) / len(credits))
    return np.array(values)


def items(table, column, task):
    """Values of a column as a list for each item of a task."""
    of_task = (table.rows["task"] == task).to_numpy()
    labels = table.labels.mean(axis=1)
    values = labels if column == "label" else table.scores[column]
    systems = table.rows["system"].nunique()
    return values[of_task].to_numpy().reshape(-1, systems).tolist()


def assert_near(values, expected, mcse=0.0, slack=0.0):
    error = math.hypot(np.std(values, ddof=1) / math.sqrt(len(values)), mcse)
    assert abs(np.mean(values) - expected) <= CLOSE * error + slack


@pytest.fixture(scope="module")
def large():
    return simulate(seed=11, n_items=2000, n_systems=4, tasks=("news", "social"))


@pytest.mark.parametrize("task", ["news", "social"])
@pytest.mark.parametrize("scorer", [s.name for s in DEFAULT_SCORERS])
def test_truth_is_what_a_large_table_shows(large, scorer, task):
    table, truth = large
    labels, scores = items(table, "label", task), items(table, scorer, task)
    epsilon = truth.epsilon.loc[scorer, task]
    expected = {
        "accuracy": accuracy_by_definition(labels, scores),
        "half_credit": half_credit_by_definition(labels, scores),
        "tie_calibrated": accuracy_by_definition(labels, scores, epsilon),
    }
    for statistic, values in expected.items():
        mcse = truth.mcse.loc[(statistic, scorer, ""), task]
        assert_near(values, getattr(truth, statistic).loc[scorer, task], mcse)


def test_no_other_threshold_is_better(large):
    table, truth = large
    for scorer in ("judge", "reward"):
        labels, scores = items(table, "label", "news"), items(table, scorer, "news")
        best = truth.epsilon.loc[scorer, "news"]
        at_best = accuracy_by_definition(labels, scores, best)
        for epsilon in (0, 0.5 * best, 1.0, 2 * best, 100):
            gain = accuracy_by_definition(labels, scores, epsilon) - at_best
            assert gain.mean() <= CLOSE * gain.std() / math.sqrt(len(gain))


def test_several_raters_are_judged_by_their_mean():
    table, truth = simulate(seed=3, n_items=1500, n_systems=4, raters=3, scorers=["judge"])
    assert table.average_raters
    assert list(table.labels) == ["human1", "human2", "human3"]
    values = accuracy_by_definition(items(table, "label", "news"), items(table, "judge", "news"))
    assert_near(values, truth.accuracy.loc["judge", "pooled"])
    assert truth.tie_rate < simulate(n_systems=4, scorers=["judge"]).truth.tie_rate - 0.1


def test_pooled_has_one_threshold_and_macro_is_the_mean_of_tasks(large):
    truth = large.truth
    for frame in (truth.accuracy, truth.tie_calibrated, truth.epsilon, truth.half_credit):
        np.testing.assert_allclose(frame["macro"], frame[["news", "social"]].mean(axis=1))
    assert (truth.tie_calibrated["pooled"] <= truth.tie_calibrated["macro"] + 1e-12).all()
    assert (truth.tie_calibrated >= truth.accuracy).to_numpy().all()
    one = simulate().truth.tie_calibrated
    np.testing.assert_array_equal(one["news"], one["pooled"])


def test_gaps_are_differences_in_text_order(large):
    truth = large.truth
    best = truth.tie_calibrated
    assert len(truth.gaps) == 10
    for (one, other), row in truth.gaps.iterrows():
        assert one < other
        np.testing.assert_allclose(row, best.loc[one] - best.loc[other])


def test_equal_scorers_have_no_gap_beyond_monte_carlo_error():
    pair = [SimulatedScorer("a", 0.7), SimulatedScorer("b", 0.7)]
    truth = simulate(scorers=pair).truth
    error = truth.mcse.loc[("gap", "a", "b"), "pooled"]
    assert 0 < error < 0.001
    assert abs(truth.gaps.loc[("a", "b"), "pooled"]) < CLOSE * error


def test_defaults_hold_what_they_are_for():
    table, truth = simulate(tasks=("news", "social"))
    assert table.scores["judge"].nunique() == 5
    assert truth.tie_calibrated["news"].idxmin() == "lexical"
    assert 0 < truth.gaps.loc[("reward", "reward_v2"), "pooled"] < 0.01
    assert (truth.epsilon.loc[["reward", "lexical"], "pooled"] > 0).all()
    assert truth.mcse.drop("epsilon").max(axis=None) < 0.001
    assert truth.mcse.loc["epsilon"].isna().all(axis=None)


def test_calibration_of_a_coarse_scorer_is_what_a_large_table_shows(large):
    table, truth = large
    pairs = table.select(task="news").pairs()
    margin, label = pairs.scores["judge"].to_numpy(), pairs.labels["human"].to_numpy()
    curve = truth.calibration.query("task == 'news' and scorer == 'judge'")
    assert curve["margin"].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(curve["share"].sum(), 1)
    for row in curve.itertuples():
        chosen = np.abs(margin) == row.margin
        says = label[chosen] * (np.sign(margin[chosen]) if row.margin else 1)
        # Pairs of one item are dependent: twice the error of independent ones.
        for verdict, name in ((1, "first"), (0, "tie"), (-1, "second")):
            p = getattr(row, name)
            assert abs((says == verdict).mean() - p) < 9 * math.sqrt(p * (1 - p) / chosen.sum())


def test_calibration_of_a_continuous_scorer_is_what_a_large_table_shows(large):
    table, truth = large
    pairs = table.pairs()
    for name in ("reward", "length_biased", "lexical"):
        margin, label = pairs.scores[name].to_numpy(), pairs.labels["human"].to_numpy()
        curve = truth.calibration.query("task == 'pooled' and scorer == @name")
        assert len(curve) == 20
        np.testing.assert_allclose(curve[["first", "tie", "second"]].sum(axis=1), 1)
        groups = np.array_split(np.argsort(np.abs(margin)), 8)
        for group in groups:
            size, agrees = np.abs(margin[group]), (label * np.sign(margin))[group] == 1
            expected = np.interp(size, curve["margin"], curve["first"]).mean()
            assert abs(agrees.mean() - expected) < 9 * agrees.std() / math.sqrt(len(group)) + 0.005


def test_margin_zero_of_a_clipped_scorer_prefers_nobody():
    clipped = SimulatedScorer("clipped", 0.5, low=-0.3, high=0.3)
    curve = simulate(scorers=[clipped]).truth.calibration.query("task == 'news'")
    assert (curve["first"] >= curve["second"] - 0.02).all()


def test_truth_depends_on_neither_seed_nor_sizes_nor_holes():
    truth = simulate(seed=1).truth
    other = simulate(seed=2, n_items=7, cluster_size=3, missing=0.3).truth
    assert truth == other
    assert simulate(tie_rate=0.1).truth != truth
    pd.testing.assert_frame_equal(truth.accuracy, other.accuracy)
    truth_module._truth.cache_clear()
    pd.testing.assert_frame_equal(truth.accuracy, Truth(truth.design).accuracy)


def test_truth_waits_until_it_is_asked_for(monkeypatch):
    def refuse(design):
        raise AssertionError("computed too early")

    monkeypatch.setattr(truth_module, "_truth", refuse)
    truth = simulate().truth
    with pytest.raises(AssertionError, match="too early"):
        _ = truth.accuracy


def test_frames_of_the_truth_are_copies():
    truth = simulate().truth
    for name in ("accuracy", "gaps", "mcse", "calibration"):
        frame = getattr(truth, name)
        frame.iloc[:, -1] = -1.0
        assert (getattr(truth, name).iloc[:, -1] != -1.0).any()


def test_same_seed_same_table_other_seed_other_table():
    assert simulate(seed=4).table.fingerprint == simulate(seed=4).table.fingerprint
    assert simulate(seed=4).table.fingerprint != simulate(seed=5).table.fingerprint


def test_more_scorers_or_raters_move_no_other_number():
    few = simulate(scorers=["judge", "lexical"], missing=0.1).table
    more = simulate(scorers=["judge", "lexical", "reward"], raters=2, missing=0.1).table
    pd.testing.assert_frame_equal(few.scores, more.scores[["judge", "lexical"]])
    pd.testing.assert_series_equal(few.labels["human"], more.labels["human1"], check_names=False)


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.5])
def test_raters_have_the_noise_asked_for(noise):
    table = simulate(n_items=800, raters=2, tie_rate=0, rater_noise=noise, scorers=["judge"]).table
    gap = table.labels["human1"] - table.labels["human2"]
    assert gap.std() == pytest.approx(math.sqrt(2) * noise, rel=0.05, abs=1e-12)


def test_scorers_have_the_noise_and_slope_asked_for():
    exact = SimulatedScorer("exact", 0, slope=3, center=10)
    noisy = SimulatedScorer("noisy", 1.0, noise_by_task=(1, 2))
    table = simulate(
        n_items=3000, tasks=("a", "b"), tie_rate=0, rater_noise=0, scorers=[exact, noisy]
    ).table
    quality = table.labels["human"]
    np.testing.assert_allclose(table.scores["exact"], 10 + 3 * quality)
    error = (table.scores["noisy"] - quality).groupby(table.rows["task"], observed=True).std()
    lognormal = math.exp(model.DIFFICULTY**2)  # root of the mean of squared hardness
    assert error["a"] == pytest.approx(lognormal, rel=0.05)
    assert error["b"] == pytest.approx(2 * lognormal, rel=0.05)


@pytest.mark.parametrize("tie_rate", [0.0, 0.05, 0.25, 0.4, 0.6])
@pytest.mark.parametrize("options", [{}, {"n_systems": 2, "rater_noise": 0.0}, {"raters": 2}])
def test_one_rater_ties_the_share_asked_for(tie_rate, options):
    table = simulate(n_items=1500, tie_rate=tie_rate, scorers=["judge"], **options).table
    tied = table.pairs().labels.iloc[:, 0] == 0
    by_item = tied.groupby(table.pairs().item_codes).mean()
    assert_near(by_item.to_numpy(), tie_rate, slack=0.02)


def test_labels_and_scores_stay_on_their_scales():
    table = simulate(n_items=500).table
    assert set(table.labels["human"]) == {1, 2, 3, 4, 5}
    assert set(table.scores["judge"]) == {1, 2, 3, 4, 5}
    assert table.scores["lexical"].between(0, 100).all()
    grid = simulate(n_items=50, scorers=[SimulatedScorer("g", 1, grid=0.25)]).table.scores["g"]
    assert (grid % 0.25 == 0).all()
    assert (table.rows["length"] >= 1).all()
    assert (table.rows["length"] % 1 == 0).all()


@pytest.mark.parametrize("confound", [-0.5, 0.0, 0.8])
def test_length_goes_with_quality_as_asked(confound):
    table = simulate(
        n_items=2000, length_confound=confound, tie_rate=0, rater_noise=0, scorers=["reward"]
    ).table
    frame = pd.DataFrame({"q": table.labels["human"], "l": np.log(table.rows["length"])})
    within = frame - frame.groupby(table.item_codes).transform("mean")
    assert within.corr().loc["q", "l"] == pytest.approx(confound, abs=0.04)


def test_a_length_biased_scorer_follows_length_at_equal_quality():
    scorers = [SimulatedScorer("fair", 0.5), SimulatedScorer("biased", 0.5, length_bias=0.9)]
    table = simulate(n_items=1000, tie_rate=0, rater_noise=0, scorers=scorers).table
    rest = table.scores.sub(table.labels["human"], axis=0)
    slope = rest.apply(lambda e: np.polyfit(np.log(table.rows["length"]) / 0.4, e, 1)[0])
    assert slope["fair"] == pytest.approx(0, abs=0.05)
    assert slope["biased"] == pytest.approx(0.9, abs=0.05)


def test_missing_is_the_share_asked_for_and_spares_labels():
    table = simulate(n_items=500, missing=0.2).table
    holes = table.scores.isna().to_numpy()
    assert abs(holes.mean() - 0.2) < CLOSE * math.sqrt(0.16 / holes.size)
    assert not table.labels.isna().any(axis=None)
    whole = simulate(n_items=500).table
    pd.testing.assert_frame_equal(whole.scores.where(~holes), table.scores)


def test_clusters_hold_whole_items_of_one_task():
    rows = simulate(n_items=10, tasks=("a", "b"), cluster_size=4).table.rows
    by_item = rows.groupby("item", observed=True)
    assert (by_item[["cluster", "task"]].nunique() == 1).all(axis=None)
    sizes = rows.groupby(["task", "cluster"], observed=True)["item"].nunique()
    assert sizes.tolist() == [4, 4, 2, 4, 4, 2]
    assert "cluster" not in simulate(n_items=10).table.rows


def test_items_of_a_cluster_are_alike_and_the_truth_stays():
    """Half the variance of items is common; accuracy varies more over clusters than items say."""
    table, truth = simulate(n_items=4000, n_systems=4, cluster_size=8, scorers=["reward"])
    labels = items(table, "label", "news")
    means = np.mean(labels, axis=1).reshape(-1, 8)
    common = means.mean(axis=1).var() / means.var()
    assert common == pytest.approx(0.5 + 0.5 / 8, abs=0.1)
    values = accuracy_by_definition(labels, items(table, "reward", "news")).reshape(-1, 8)
    assert_near(values.mean(axis=1), truth.accuracy.loc["reward", "news"])
    assert values.mean(axis=1).var() > 1.3 * values.var() / 8


def test_systems_keep_their_quality_over_seeds():
    means = [
        simulate(seed=seed, n_items=4000, tie_rate=0, scorers=["judge"])
        .table.labels["human"]
        .groupby(np.tile(np.arange(6), 4000))
        .mean()
        for seed in (1, 2)
    ]
    effects = model._system_effects(6)
    assert effects.tolist() != sorted(effects)
    for each in means:
        np.testing.assert_allclose(each - each.mean(), effects - effects.mean(), atol=0.06)


def test_ids_are_text_in_order():
    rows = simulate(n_items=12, n_systems=11).table.rows
    assert rows["item"].unique().tolist() == [f"s{k:03d}" for k in range(1, 13)]
    assert rows["system"].iloc[:11].tolist() == [f"sys{k:02d}" for k in range(1, 12)]


@pytest.mark.parametrize(("grid", "slope"), [(0.0, 0.0), (1.0, 0.0), (1e-7, 1.0), (0.0, -1.0)])
def test_odd_scorers_have_a_truth_too(grid, slope):
    truth = simulate(scorers=[SimulatedScorer("odd", 0.7, slope, grid=grid)], n_systems=3).truth
    if slope == 0:
        assert truth.accuracy.loc["odd", "news"] == pytest.approx(truth.tie_rate)
        assert truth.half_credit.loc["odd", "news"] == 0.5
        assert truth.epsilon.loc["odd", "news"] == 0
    if slope == -1:
        assert truth.half_credit.loc["odd", "news"] < 0.3
        assert truth.tie_calibrated.loc["odd", "news"] == pytest.approx(truth.tie_rate)


def test_large_designs_use_fewer_items():
    truth = simulate(n_systems=20, tasks=("a", "b", "c", "d")).truth
    assert truth.mcse.drop("epsilon").max(axis=None) < 0.002


def test_the_example_is_the_one_that_docs_speak_of():
    table = load_example()
    assert (table.n_items, len(table)) == (80, 480)
    assert table.select(task="news").n_items == 40
    assert len(table.pairs().rows) == 1200
    assert "judge" in table.scorers
    assert list(table.labels) == ["human"]
    assert table.rows["cluster"].nunique() == 20
    assert table.fingerprint == load_example().fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_systems": 1}, "n_systems=1 must be an integer of at least 2"),
        ({"n_items": 0}, "n_items=0 must be an integer"),
        ({"seed": -1}, "seed=-1 must be"),
        ({"seed": 0.5}, "seed=0.5 must be"),
        ({"raters": 0}, "raters=0 must be"),
        ({"cluster_size": 0}, "cluster_size=0 must be"),
        ({"missing": 1.0}, "missing=1.0 must be a number from 0 to 0.99"),
        ({"missing": -0.1}, "missing=-0.1"),
        ({"tie_rate": 0.9}, "tie_rate=0.9 must be a number from 0 to 0.6"),
        ({"length_confound": 2}, "length_confound=2 must be a number from -1 to 1"),
        ({"rater_noise": -1}, "rater_noise=-1"),
        ({"tasks": "news"}, r"must be a sequence of names.*tasks=\('news',\)"),
        ({"tasks": ()}, "tasks needs at least one entry"),
        ({"tasks": ("a", "a")}, "duplicate a"),
        ({"tasks": ("macro",)}, "rename the task"),
        ({"scorers": []}, "scorers needs at least one entry.*got none"),
        ({"scorers": ["judge", "judge"]}, "duplicate judge"),
        ({"scorers": ["jugde"]}, "Did you mean 'judge'"),
        ({"scorers": [SimulatedScorer("human", 1)]}, "A scorer and a label have the same name"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(MetaevalError, match=message):
        simulate(**options)


def test_unknown_arguments_are_refused():
    with pytest.raises(TypeError, match="n_scorers"):
        simulate(n_scorers=3)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"noise": -1}, "noise=-1 must be"),
        ({"grid": -1}, "grid=-1 must be"),
        ({"noise_by_task": (1, -2)}, "noise_by_task=-2 must be"),
        ({"slope": math.nan}, "slope=nan must be"),
        ({"low": 1, "high": 0}, "low=1 must be below high=0"),
        ({"grid": 0.5, "high": 1.2}, "multiples of grid=0.5"),
    ],
)
def test_impossible_scorers_are_refused(fields, message):
    with pytest.raises(MetaevalError, match=message):
        SimulatedScorer("odd", **{"noise": 1.0, **fields})
