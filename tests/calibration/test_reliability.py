"""Bands and bounds against written-out definitions."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import metaeval as me
from metaeval import MetaevalError, calibration
from metaeval.calibration._gap_to_agreement import inverse_gap
from metaeval.calibration._largest_coverage import fallback, sequence_of_tests
from metaeval.calibration._risk_coverage import (
    MostConfident,
    effective_numbers,
    lower_bounds,
    walk_error,
)
from metaeval.calibration.cases import cases_by_stratum, prepare_design
from metaeval.calibration.scale_heterogeneity import heterogeneity
from metaeval.curves import bins_of, cells_of, honest_band
from metaeval.curves.confidence_band import chernoff, clopper_pearson
from metaeval.inference import DesignOptions
from metaeval.statistics import Forecast, Reading


def pairs(margin, agree, each=1):
    rows = pd.DataFrame({"item": np.arange(len(margin)) // each})
    rows["first"] = [f"a{j}" for j in np.arange(len(margin)) % each]
    rows["second"] = [f"b{j}" for j in np.arange(len(margin)) % each]
    label = np.where(agree, 1.0, -1.0) * np.where(margin < 0, -1, 1)
    return me.Pairs(rows, pd.DataFrame({"a": margin}), pd.DataFrame({"human": label}))


def logistic_pairs(seed, n=200, each=1):
    rng = np.random.default_rng(seed)
    margin = rng.logistic(size=n)
    return pairs(margin, rng.random(n) < 1 / (1 + np.exp(-np.abs(margin))), each)


def test_clopper_pearson_inverts_binomial_tests():
    low, high = clopper_pearson(np.arange(11.0), np.full(11, 10), 0.025)
    for k in range(11):
        told = stats.binomtest(k, 10).proportion_ci(0.95, "exact")
        assert [low[k], high[k]] == pytest.approx([told.low, told.high], abs=1e-9)


def test_chernoff_bounds_hold_for_any_numbers_between_0_and_1():
    low, high = chernoff(np.array([0.0, 0.3, 1.0]), np.array([10, 10, 10]), 0.01)
    assert low[0] == 0 and high[2] == 1
    assert high[0] == pytest.approx(1 - 0.01 ** (1 / 10))  # n log(1 / (1 - q)) = -log error
    # never inside the exact bounds of coins
    exact = clopper_pearson(np.array([0.0, 3.0, 10.0]), np.full(3, 10), 0.01)
    assert (low <= exact[0] + 1e-12).all() and (high >= exact[1] - 1e-12).all()


def test_the_honest_band_is_the_best_of_bounds_over_all_intervals():
    rng = np.random.default_rng(0)
    p = np.repeat(np.arange(1, 9) / 9, 6)
    y = (rng.random(48) < p).astype(float)
    band = honest_band(p, y, np.ones(48), np.arange(48), 0.9)
    error = 0.1 / (8 * 9)
    for x in np.unique(p):
        above, below = [1.0], [0.0]
        for r in np.unique(p):
            for s in np.unique(p[p >= r]):
                inside = (p >= r) & (p <= s)
                low, high = (
                    float(end) for end in clopper_pearson(y[inside].sum(), inside.sum(), error)
                )
                above += [high] if r >= x else []
                below += [low] if s <= x else []
        assert [float(end) for end in band.at(x)] == pytest.approx([max(below), min(above)])


def test_honest_bands_of_large_samples_close_in_on_the_curve():
    rng, widths = np.random.default_rng(1), []
    at = np.linspace(0.1, 0.9, 9)
    for n in (300, 20_000):
        p = rng.random(n)
        y = (rng.random(n) < p**2).astype(float)
        low, high = honest_band(p, y, np.ones(n), np.arange(n)).at(at)
        assert ((low <= at**2) & (at**2 <= high)).all()
        widths.append((high - low).mean())
    assert widths[1] < widths[0] / 2


def test_bins_of_equal_mass_keep_ties_together_and_hold_about_as_much():
    p = np.array([0.1, 0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    place = bins_of(p, np.ones(8), 4, "equal-mass")
    assert len(set(place[:3])) == 1 and (np.diff(place) >= 0).all()
    even = bins_of(np.linspace(0, 1, 60), np.ones(60), 15, "equal-mass")
    assert (np.bincount(even) == 4).all()
    wide = bins_of(np.array([0.0, 0.2, 0.21, 1.0]), np.ones(4), 5, "equal-width")
    assert wide.tolist() == [0, 0, 1, 4]  # closed on the right
    assert bins_of(np.array([0.5, 1.0]), np.ones(2), 5, "equal-width", True).tolist() == [0, 4]


def test_cells_add_up_weighted_units_bin_by_bin():
    rng = np.random.default_rng(2)
    place, unit, value = rng.integers(0, 4, 50), rng.integers(0, 9, 50), rng.normal(size=50)
    weights = rng.random((9, 3))
    cells = cells_of(place, unit, [value], (5, 9))
    found = cells.weighted(0, weights)
    slow = [[(value * w[unit])[place == b].sum() for b in range(5)] for w in weights.T]
    assert np.abs(found - slow).max() < 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_heterogeneity_solves_cochrans_q(seed):
    rng = np.random.default_rng(seed)
    values, variances = rng.normal(size=6), rng.random(6) * 0.3

    def q(square):
        w = 1 / (variances + square)
        return w @ (values - np.average(values, weights=w)) ** 2

    tau, low, high, p = heterogeneity(values, variances, 0.9)
    for found, target in zip((tau, low, high), (5, *stats.chi2.ppf([0.95, 0.05], 5)), strict=True):
        solved = 0.0 if q(0) <= target else optimize.brentq(lambda s, t=target: q(s) - t, 0, 1e4)
        assert found == pytest.approx(np.sqrt(solved), abs=1e-6)
    assert p == pytest.approx(stats.chi2.sf(q(0), 5))


def test_closeness_inverts_the_curve_and_is_0_where_the_lapse_forbids():
    slope, lapse = np.array([0.5, 2.0]), np.array([0.0, 0.1])
    gap = 1 / inverse_gap(0.8, slope, lapse)
    chance = lapse / 2 + (1 - lapse) / (1 + np.exp(-slope * gap))
    assert chance == pytest.approx(0.8)
    assert (inverse_gap(0.96, np.ones(2), np.array([0.1, 0.3])) == 0).all()
    assert inverse_gap(0.9, np.array([2.0]), np.zeros(1)) == pytest.approx(2 / np.log(9))


# Accuracy of the surest decisions


def test_curves_hold_what_is_kept_at_each_threshold():
    table = logistic_pairs(3, 60)
    curve = calibration.risk_coverage(table)
    margin = np.abs(table.scores["a"].to_numpy())
    right = np.sign(table.scores["a"]).to_numpy() == table.labels["human"].to_numpy()
    for row in curve.itertuples():
        kept = margin >= row.threshold
        assert row.coverage == pytest.approx(kept.mean())
        assert row.accuracy == pytest.approx(right[kept].mean())
        assert row.joint_risk == pytest.approx((kept & ~right).mean())
    assert curve["risk"].mean() == pytest.approx(
        me.evaluate(table, "aurc", n_resamples=100).row("a")["estimate"]
    )
    k = np.arange(1, 61)
    error = walk_error(k.astype(float), 0.95, 0)
    good = np.rint(curve["accuracy"] * k).to_numpy()
    assert np.abs(curve["lower"] - clopper_pearson(good, k, error)[0]).max() < 1e-9


def test_thresholds_of_responses_are_probabilities_of_the_decision():
    table = me.load_example()
    curve = calibration.risk_coverage(
        table, forecast=Forecast(positive_from=3, scale="log_odds"), scorers=["judge"]
    )
    logits = np.abs(table.scores["judge"].to_numpy())
    assert set(curve["threshold"]) == set(logits)
    mapped = calibration.risk_coverage(table, forecast=Forecast(positive_from=3), scorers=["judge"])
    assert mapped["threshold"].between(0.5, 1).all()


def test_effective_numbers_lie_between_units_and_cases():
    rng = np.random.default_rng(4)
    same = np.repeat(rng.random(40) < 0.7, 10)
    margin = np.abs(rng.normal(size=400))
    whole = prepare_design(pairs(margin, same, 10), DesignOptions())
    reading = Reading(rows="pairs", ranked=True).settled(whole.table)
    part = next(iter(cases_by_stratum(whole, reading)))
    n = effective_numbers(part.cases, part, 0)
    assert 40 <= n[-1] < 60  # all cases of an item are right or wrong together
    apart = pairs(margin, rng.random(400) < 0.7, 10)
    part = next(iter(cases_by_stratum(prepare_design(apart, DesignOptions()), reading)))
    assert 250 < effective_numbers(part.cases, part, 0)[-1] <= 400 + 1e-9


def test_the_error_of_one_bound_is_its_own_and_of_many_smaller():
    assert walk_error(np.array([7.0]), 0.95, 0) == pytest.approx(0.05, abs=0.012)
    assert walk_error(np.arange(1.0, 401), 0.95, 0) < 0.01
    # a walk seen at 1 and at 4 has two standard normal values with correlation 1/2
    two = walk_error(np.array([1.0, 4.0]), 0.9, 0)
    both = stats.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]])
    level = stats.norm.isf(two)
    assert both.cdf([level, level]) == pytest.approx(0.9, abs=0.02)


def test_lower_bounds_stay_below_and_none_right_has_none():
    low = lower_bounds(np.array([0.0, 0.5, 1.0]), np.array([5.0, 7.5, 9.0]), 0.05)
    assert low[0] == 0 and low[1] < 0.5
    assert low[2] == pytest.approx(0.05 ** (1 / 9))


def test_largest_coverage_is_that_of_the_last_significant_test():
    table = logistic_pairs(5, 400)
    curve = calibration.risk_coverage(table)
    row = calibration.largest_coverage(table, 0.75, starts=[0.3]).iloc[0]
    coverages, n = np.arange(30, 101), np.arange(1, 401)
    good = np.rint(curve["accuracy"].to_numpy() * n).astype(int)
    p = stats.binom.sf(good[4 * coverages - 1] - 1, 4 * coverages, 0.75)  # 400 pairs: 4 a percent
    last = np.flatnonzero(p > 0.05)[0] - 1
    assert row["coverage"] == pytest.approx(coverages[last] / 100)
    assert row["threshold"] == curve["threshold"][4 * coverages[last] - 1]
    assert row["lower"] == pytest.approx(
        clopper_pearson(good[[4 * coverages[last] - 1]], 4 * coverages[last], 0.05)[0][0]
    )
    told = me.evaluate(table, "coverage_at(accuracy=0.75)", n_resamples=100).row("a")
    assert row["in_sample"] == pytest.approx(told["estimate"])
    assert row["lower"] >= 0.75 and row["coverage"] <= told["estimate"]
    never = calibration.largest_coverage(table, 0.999).iloc[0]
    assert never["coverage"] == 0 and never["threshold"] == np.inf


def test_a_sequence_of_tests_hands_its_error_rate_on_and_restarts():
    errors = np.array([0.02, 0, 0, 0.03, 0])
    assert fallback(np.array([0.01, 0.01, 0.01, 0.05, 0.05]), errors) == (4, 0.05)
    assert fallback(np.array([0.01, 0.03, 0.00, 0.03, 0.04]), errors) == (3, 0.03)
    assert fallback(np.array([0.01, 0.02, 0.03, 0.04, 0.00]), errors) == (1, 0.02)
    assert fallback(np.ones(5), errors) == (None, 0.0)


def test_starts_move_up_to_where_a_test_can_be_significant():
    confidence = -np.arange(30.0)
    decisions = MostConfident(confidence, np.arange(1, 31) / 30, *np.ones((3, 30)))
    n = np.arange(1.0, 31)
    wide = sequence_of_tests(decisions, n, 0.5, [0.2, 0.5, 0.8], 0.06)
    assert (0.5 ** n[wide.levels[wide.errors > 0]] <= 0.02).all()
    assert wide.levels[wide.errors > 0].tolist() == [5, 14, 23]
    close = sequence_of_tests(decisions, n, 0.8, [0.2, 0.5, 0.8], 0.06)
    assert close.levels[close.errors > 0].tolist() == [17, 23]  # 0.8**18 < 0.02
    assert close.errors.sum() == pytest.approx(0.06)
    never = sequence_of_tests(decisions, n, 0.99, [0.2, 0.5, 0.8], 0.06)
    assert never.levels[never.errors > 0].tolist() == [29]


@pytest.mark.parametrize("starts", [[], "0.2", [0.0], [1.2], [None]])
def test_starts_that_are_no_coverages_are_refused(starts):
    with pytest.raises(me.MetaevalError, match="starts"):
        calibration.largest_coverage(logistic_pairs(5, 50), starts=starts)


# Tests of calibration


def test_spiegelhalter_is_the_published_z_where_every_pair_is_an_item():
    table = logistic_pairs(6, 150)
    x = table.scores["a"].to_numpy()
    p = 1 / (1 + np.exp(-np.abs(x)))
    y = np.sign(x) == table.labels["human"].to_numpy()
    top = ((y - p) * (1 - 2 * p)).sum()
    z = top / np.sqrt(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    row = calibration.spiegelhalter(table, forecast="log_odds").row("a")
    assert row["p_value"] == pytest.approx(2 * stats.norm.sf(abs(z)))
    assert row["estimate"] == pytest.approx(top / 150)
    assert row["estimate"] / row["se"] == pytest.approx(z)


def test_the_cumulative_test_counts_labels_drawn_from_the_forecasts():
    table = logistic_pairs(7, 80)
    x = table.scores["a"].to_numpy()
    p = np.sort(1 / (1 + np.exp(-np.abs(x))))
    y = (np.sign(x) == table.labels["human"].to_numpy())[np.argsort(np.abs(x))]
    row = calibration.cumulative(table, forecast="log_odds", n_resamples=20_000).row("a")
    assert row["estimate"] == pytest.approx(np.abs(np.cumsum(y - p)).max() / 80)
    drawn = np.random.default_rng(8).random((20_000, 80)) < p
    share = (np.abs(np.cumsum(drawn - p, axis=1)).max(axis=1) / 80 >= row["estimate"]).mean()
    assert row["p_value"] == pytest.approx(share, abs=0.015)


def test_map_bands_hold_the_curve_and_are_narrower_with_more_pairs():
    few, many = (
        calibration.map_band(logistic_pairs(9, n), at=[0.0, 1.0, 2.0], n_resamples=200)
        for n in (60, 2_000)
    )
    assert (few["agreement"] >= few["lower"]).all() and (few["agreement"] <= few["upper"]).all()
    width = [(band["upper"] - band["lower"]).to_numpy() for band in (few, many)]
    assert (width[1][1:] < width[0][1:] / 3).all()
    assert width[0][0] == 0  # no margin, no preference


def test_reliability_curves_have_both_bands_and_pool_to_the_whole():
    table = logistic_pairs(10, 150)
    curve = calibration.reliability(table, forecast="log_odds", n_resamples=200)
    low, high = curve["consistency_lower"], curve["consistency_upper"]
    assert (low <= high).all() and low.between(0, 1).all()
    # calibrated: most of the curve lies in the band of calibrated labels
    inside = curve["recalibrated"].between(low - 1e-12, high + 1e-12)
    assert np.average(inside, weights=curve["weight"]) > 0.8
    held = curve["forecast"].between(curve["confidence_lower"], curve["confidence_upper"])
    assert held.all()
    right = np.sign(table.scores["a"]) == table.labels["human"]
    mean = np.average(curve["recalibrated"], weights=curve["weight"])
    assert mean == pytest.approx(max(right.mean(), 0.5), abs=0.03)  # not below 1/2


def pairs_of(margin, label, task=None):
    n = len(margin)
    rows = pd.DataFrame({"item": np.arange(n), "first": "a", "second": "b"})
    if task is not None:
        rows["task"] = task
    return me.Pairs(rows, pd.DataFrame({"m": margin}), pd.DataFrame({"h": label}))


def test_gaps_are_never_enough_where_labels_do_not_rise_with_margins():
    rng = np.random.default_rng(0)
    margin, task = rng.normal(size=450) * 2, np.repeat(["x", "y", "z"], 150)
    agrees = rng.random(450) < 1 / (1 + np.exp(-np.where(task == "z", -1, 1) * np.abs(margin)))
    result = calibration.gap_to_agreement(
        pairs_of(margin, np.where(agrees, 1, -1) * np.sign(margin), task), 0.8, n_resamples=200
    )
    row = result.row("m", task="z")
    assert np.isinf(row["estimate"]) and np.isinf(row["upper"])
    assert np.isfinite(result.row("m", task="x")["estimate"])
    assert any("not positively associated with margins in z" in note for note in result.meta.notes)
    assert any("; 1 task without a positive association" in note for note in result.meta.notes)
    assert result.row("m", statistic="scale_ratio")["estimate"] < 2


def test_gaps_say_what_they_rest_on():
    rng = np.random.default_rng(1)
    margin = rng.uniform(-0.3, 0.3, 300)
    label = np.where(rng.random(300) < 1 / (1 + np.exp(-4 * margin)), 1.0, -1.0)
    near = calibration.gap_to_agreement(pairs_of(margin, label), [0.6, 0.95], n_resamples=100)
    said = " ".join(near.meta.notes)
    assert "at 95% agreement is larger than all margins of m" in said
    assert "at 95% agreement depends on the prior for the lapse rate for m" in said
    assert "at 60%" not in said
    curve = near.meta.details[0]
    assert curve["lapse_if_0.2"] > curve["lapse"] > curve["lapse_if_0.005"]
    wide = rng.normal(size=4_000) * 6
    sure = np.where(rng.random(4_000) < 1 / (1 + np.exp(-wide)), 1.0, -1.0)
    far = calibration.gap_to_agreement(pairs_of(wide, sure), [0.6, 0.95], n_resamples=100)
    assert "depends on" not in " ".join(far.meta.notes)


def test_more_lapses_expected_mean_larger_gaps():
    table = me.load_example().keep_scorers(["judge"])
    rare, common = (
        calibration.gap_to_agreement(table, 0.9, lapse=share, n_resamples=100)
        for share in (0.01, 0.2)
    )
    assert rare.row("judge")["estimate"] < common.row("judge")["estimate"]
    assert rare.signature != common.signature
    for share in (0, 1, "a"):
        with pytest.raises(MetaevalError, match="lapse"):
            calibration.gap_to_agreement(table, 0.9, lapse=share)


def test_intervals_of_two_differences_widen_with_the_number_of_pairs():
    few, many = (
        calibration.accuracy_and_calibration(me.load_example(), scorers=names, n_resamples=400)
        for names in (["judge", "lexical"], None)
    )
    wider = many[(many["scorer"] == "judge") & (many["baseline"] == "lexical")].iloc[0]
    for what in ("accuracy", "calibration"):
        assert wider[what] == pytest.approx(few.loc[0, what])
        assert wider[f"{what}_upper"] > few.loc[0, f"{what}_upper"]


def test_what_rests_on_the_prior_of_lapses_is_said_of_gaps_that_are_never_reached_too():
    rng = np.random.default_rng(2)
    margin = 1.5 * rng.normal(size=300)
    label = np.where(rng.random(300) < 1 / (1 + np.exp(-1.5 * margin)), 1.0, -1.0)
    table = pairs_of(margin, label)
    result = calibration.gap_to_agreement(table, 0.99, n_resamples=100)
    assert np.isinf(result.row("m")["estimate"])
    assert "at 99% agreement depends on the prior for the lapse rate for m" in " ".join(
        result.meta.notes
    )
    rare = calibration.gap_to_agreement(table, 0.99, lapse=0.001, n_resamples=100)
    assert np.isfinite(rare.row("m")["estimate"])
    line = calibration.gap_to_agreement(table, 0.99, calibrator="margin_link", n_resamples=100)
    assert "lapses" not in " ".join(line.meta.notes)


@pytest.mark.parametrize("name", ["ece", "smooth_ece"])
def test_noise_is_not_taken_for_equivalence(name):
    """One scorer is off by .06, the other by nothing; noise adds as much to the latter."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        p = rng.uniform(0.2, 0.8, 300)
        y = (rng.random(300) < p).astype(float)
        rows = pd.DataFrame({"item": np.arange(300)})
        scores = pd.DataFrame({"a": p, "b": p + 0.06 * np.sign(p - 0.5)})
        table = me.Responses(rows, scores, pd.DataFrame({"h": y}), label_kind="rating")
        row = me.compare(
            table, f"{name}(scale=probability)", equivalence_margin=0.05, n_resamples=200
        ).row("a", "b")
        assert row["p_equivalent"] > 0.05
        assert row["mde"] >= 2.8 * row["se"]


@pytest.mark.parametrize("n", [3, 8, 15])
def test_few_items_are_seldom_taken_for_a_difference(n):
    verdicts = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truth = rng.normal(size=n)
        rows = pd.DataFrame({"item": np.arange(n), "first": "a", "second": "b"})
        scores = pd.DataFrame(truth[:, None] + rng.normal(size=(n, 2)), columns=list("AB"))
        label = np.where(rng.random(n) < 1 / (1 + np.exp(-truth)), 1.0, -1.0)
        table = me.Pairs(rows, scores, pd.DataFrame({"h": label}))
        found = calibration.accuracy_and_calibration(
            table, calibration="brier(scale=log_odds)", n_resamples=200, seed=seed
        )
        verdicts += found["verdict"].tolist()
    assert verdicts.count("not significant") >= 10
