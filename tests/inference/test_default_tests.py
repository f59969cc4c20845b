"""Default intervals and tests, against SciPy where items are independent."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import metaeval as me

N = 4_000
RELATIVE = 5 / np.sqrt(2 * N)  # five Monte Carlo errors of a standard error


def verdicts(n_items, chances, seed=0):
    """One pair for each item; scorers are right with the given probabilities."""
    rng = np.random.default_rng(seed)
    scores = {
        name: np.where(rng.random(n_items) < p, 1.0, -1.0)
        for name, p in zip("abcd", chances, strict=False)
    }
    rows = pd.DataFrame({"item": np.arange(n_items), "first": "x", "second": "y"})
    return me.Pairs(rows, pd.DataFrame(scores), pd.DataFrame({"human": np.ones(n_items)}))


def right(table):
    return {name: (table.scores[name] > 0).to_numpy(dtype=float) for name in table.scorers}


def result_of(table, **options):
    return me.compare(table, "pairwise_accuracy", n_resamples=N, **options)


@pytest.mark.parametrize("seed", range(3))
def test_differences_have_the_t_test_and_interval_of_paired_samples(seed):
    table = verdicts(80, (0.7, 0.8), seed)
    row, of_items = result_of(table).row("a", "b"), right(table)
    expected = stats.ttest_rel(of_items["a"], of_items["b"])
    low, high = expected.confidence_interval(0.95)
    assert (row["test"], row["interval"]) == ("t", "t")
    assert row["estimate"] == pytest.approx((low + high) / 2)
    assert row["upper"] - row["lower"] == pytest.approx(high - low, rel=RELATIVE)
    assert row["p_value"] == pytest.approx(expected.pvalue, abs=5 * row["p_mcse"] + 1e-4)
    assert row["p_adjusted"] == row["p_value"]
    assert [row["adjusted_lower"], row["adjusted_upper"]] == pytest.approx(
        [row["lower"], row["upper"]], rel=1e-9
    )


@pytest.mark.parametrize("alternative", ["greater", "less"])
def test_one_sided_p_values(alternative):
    table = verdicts(80, (0.8, 0.7))
    row, of_items = result_of(table, alternative=alternative).row("a", "b"), right(table)
    expected = stats.ttest_rel(of_items["a"], of_items["b"], alternative=alternative).pvalue
    assert row["p_value"] == pytest.approx(expected, abs=5 * row["p_mcse"] + 1e-4)


def test_several_differences_are_adjusted_as_by_tukey():
    table = verdicts(200, (0.5, 0.5, 0.5, 0.65), 1)
    result, of_items = result_of(table), right(table)
    rows = result.frame[result.frame["baseline"].notna()]
    reach = (rows["adjusted_upper"] - rows["adjusted_lower"]) / 2 / rows["se"]
    tukey = stats.studentized_range.ppf(0.95, 4, 199) / np.sqrt(2)
    assert reach.to_numpy() == pytest.approx(np.full(6, tukey), rel=0.02)
    for row in rows.itertuples():
        t = stats.ttest_rel(of_items[row.scorer], of_items[row.baseline]).statistic
        expected = stats.studentized_range.sf(abs(t) * np.sqrt(2), 4, 199)
        assert row.p_value <= row.p_adjusted <= max(row.p_holm, row.p_value)
        assert row.p_adjusted <= expected + 0.02  # step-down finds at least as much


def test_intervals_belong_to_the_correction():
    table = verdicts(200, (0.5, 0.55, 0.6, 0.65), 2)
    width = {}
    for correction in ("none", "bh", "maxt", "holm"):
        rows = result_of(table, correction=correction).frame
        rows = rows[rows["baseline"].notna()]
        reach = ((rows["adjusted_upper"] - rows["adjusted_lower"]) / 2 / rows["se"]).to_numpy()
        assert reach == pytest.approx(np.full(6, reach[0]))
        width[correction] = reach[0]
        half_power = rows["mde"] / rows["se"] - reach
        assert half_power.to_numpy() == pytest.approx(np.full(6, stats.norm.ppf(0.8)))
    assert width["none"] == width["bh"] == pytest.approx(stats.t.ppf(0.975, 199))
    assert width["holm"] == pytest.approx(stats.t.ppf(1 - 0.025 / 6, 199))
    assert width["none"] < width["maxt"] < width["holm"]


def test_sentences_quote_simultaneous_intervals_and_name_one_sided_tests():
    table = verdicts(200, (0.5, 0.55, 0.6, 0.65), 2)
    result = result_of(table)
    row = result.row("d", "a")
    text = f"95% simultaneous CI {100 * row['adjusted_lower']:.1f} to "
    assert text in result.sentence("d", "a")
    pair = result_of(table, scorers=["a", "d"], alternative="less")
    assert "95% CI" in pair.sentence("a", "d") and "one-sided adjusted p" in pair.sentence("a", "d")
    close = result.row("b", "a")
    width = 100 * (close["adjusted_upper"] - close["adjusted_lower"]) / 2
    assert close["p_adjusted"] > 0.05
    assert f"under 50% power for differences below {width:.1f}" in result.sentence("b", "a")


def test_a_clear_difference_of_ten_items_is_significant_among_many():
    """The bound of the p-value of ten items is not counted once more for each comparison."""
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(10), 10)
    rows = pd.DataFrame({"item": item, "first": np.arange(100), "second": "y"})
    scores = {f"s{k:02d}": np.where(rng.random(100) < 0.2, 1.0, -1.0) for k in range(1, 20)}
    scores["s00"] = np.ones(100)
    table = me.Pairs(rows, pd.DataFrame(scores), pd.DataFrame({"human": np.ones(100)}))
    result = result_of(table)
    row = result.row("s00", "s01")
    assert row["adjusted_lower"] > 0 and row["p_adjusted"] <= 0.05
    assert "exceeds" in result.sentence("s00", "s01")


def test_means_of_small_strata_have_the_stratified_standard_error():
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(10), 3)
    right_of = rng.random((30, 8)) < np.repeat(rng.random((30, 1)), 8, axis=1)
    rows = pd.DataFrame(
        {"item": np.repeat(np.arange(30), 8), "task": np.repeat(task, 8), "first": np.arange(240)}
    ).assign(second="y")
    verdict = pd.DataFrame({"a": np.where(right_of.ravel(), 1.0, -1.0)})
    table = me.Pairs(rows, verdict, pd.DataFrame({"human": np.ones(240)}))
    row = me.evaluate(table, "pairwise_accuracy", by="task", n_resamples=N).row("a")
    of_items = pd.Series(right_of.mean(axis=1)).groupby(task)
    expected = np.sqrt((of_items.var(ddof=1) / 3).sum()) / 10
    assert row["se"] == pytest.approx(expected, rel=RELATIVE)


def test_a_p_value_is_not_below_that_of_a_sign_test():
    """Four items that all differ by the same amount have a standard error of 0."""
    table = verdicts(4, (1.0, 0.0))
    row = result_of(table).row("a", "b")
    assert (row["se"], row["p_value"]) == (0.0, 0.125)


@pytest.mark.parametrize("n_pairs", [1, 10])
def test_accuracies_have_wilsons_interval_with_the_trials_of_their_standard_error(n_pairs):
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(60), n_pairs)
    right_of = rng.random(60 * n_pairs) < np.repeat(rng.beta(6, 2, 60), n_pairs)
    rows = pd.DataFrame({"item": item, "first": np.arange(len(item)), "second": "y"})
    table = me.Pairs(
        rows,
        pd.DataFrame({"a": np.where(right_of, 1.0, -1.0)}),
        pd.DataFrame({"human": np.ones(len(item))}),
    )
    row = me.evaluate(table, "pairwise_accuracy", n_resamples=N).row("a")
    p, n = row["estimate"], 60.0
    if n_pairs > 1:
        by_item = pd.Series(right_of.astype(float)).groupby(item).mean()
        ratio = stats.norm.ppf(0.975) / stats.t.ppf(0.975, 59)
        n = p * (1 - p) / by_item.sem() ** 2 * ratio**2
        assert 60 < n < 600
    expected = stats.binomtest(round(p * 60), 60).proportion_ci(method="wilson")
    if n_pairs == 1:
        assert [row["lower"], row["upper"]] == pytest.approx(list(expected), rel=1e-9)
    z = stats.norm.ppf(0.975)
    center, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    bounds = [(center - half) / (1 + z**2 / n), (center + half) / (1 + z**2 / n)]
    assert [row["lower"], row["upper"]] == pytest.approx(bounds, abs=RELATIVE * half)
    assert row["interval"] == "wilson"
