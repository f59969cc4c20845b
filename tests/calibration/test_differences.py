"""Differences of calibration errors, which noise biases upward."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import metaeval as me
from benchmarks import calibration_differences as simulated
from metaeval.inference.comparisons import biases_of_pairs, compare_pairs
from metaeval.statistics import Forecast

PROBABILITY = Forecast(scale="probability", rows="responses")
NAMES = ("smooth_ece", "ece", "miscalibration")


def most(sets, share):
    """Successes that a procedure of this share stays below, in 999 of 1000 runs."""
    return stats.binom.ppf(0.999, sets, share) / sets


def estimates_of(values, least, most_bias, n=50):
    """Estimates with given bounds of the bias, and draws with a standard deviation of about 0.1."""
    draws = values + 0.1 * np.random.default_rng(0).normal(size=(400, len(values)))
    return SimpleNamespace(
        estimate=np.asarray(values),
        draws=draws,
        levels={"least_bias": np.asarray(least), "most_bias": np.asarray(most_bias)},
        n_systems=None,
        standard_errors=None,
        n_units=n,
        widened=None,
    )


def test_what_is_tested_is_the_difference_after_the_correction_that_leaves_the_least():
    statistic = me.statistics.smooth_ece(PROBABILITY)
    settled = statistic.settled(me.load_example())
    estimates = estimates_of([0.5, 0.2, 0.45], [0.0, 0.1, 0.2], [0.1, 0.2, 0.3])
    comparisons = compare_pairs(settled, estimates, [(0, 1), (0, 2), (1, 2)])
    above, below = biases_of_pairs(settled, comparisons)
    assert above == pytest.approx([0.2, 0.3, 0.2])  # the most of the second, the least of the first
    assert below == pytest.approx([0.0, -0.1, 0.0])
    # 0.3 - 0; 0.05 may be up to 0.35 but at least 0.15; -0.25 + 0.2
    assert comparisons.tested == pytest.approx([0.3, 0.15, -0.05])
    other = compare_pairs(settled, estimates, [(1, 0), (2, 0), (2, 1)])
    assert other.tested == pytest.approx(-comparisons.tested)


def test_a_correction_that_changes_the_sign_is_no_evidence():
    settled = me.statistics.ece(PROBABILITY).settled(me.load_example())
    estimates = estimates_of([0.20, 0.21], [0.0, 0.1], [0.0, 0.1])
    assert compare_pairs(settled, estimates, [(0, 1)]).tested == 0


def test_standard_errors_and_draws_have_the_error_of_the_correction():
    plain = me.statistics.brier(PROBABILITY).settled(me.load_example())
    settled = me.statistics.smooth_ece(PROBABILITY).settled(me.load_example())
    estimates = estimates_of([0.5, 0.2], [0.0, 0.1], [0.1, 0.2])
    observed, corrected = (compare_pairs(s, estimates, [(0, 1)]) for s in (plain, settled))
    factor = settled.correction_error
    assert factor > 1 and corrected.se == pytest.approx(factor * observed.se)
    assert corrected.draws.std() == pytest.approx(factor * observed.draws.std())
    assert observed.tested is None


@pytest.mark.parametrize("name", NAMES)
def test_intervals_hold_the_estimate_and_agree_with_the_test(name):
    rng, design = (
        np.random.default_rng(5),
        simulated.DESIGNS["1.5 and 3 times overconfident, 100 x 1"],
    )
    for seed in range(6):
        table = simulated.table_of(rng, design)
        statistic = simulated.STATISTICS[name](forecast=PROBABILITY)
        row = me.compare(table, statistic, n_resamples=200, seed=seed).row("a", "b")
        assert row["lower"] <= row["estimate"] <= row["upper"]
        excluded = row["lower"] > 0 or row["upper"] < 0
        assert excluded == (row["p_value"] < 0.05)


def test_a_judge_with_few_levels_is_not_worse_by_chance():
    """Its bias is smaller: isotonic fits and bins find less noise in 5 levels than in 100."""
    design, sets = simulated.DESIGNS["both calibrated, one with 5 levels, 100 x 1"], 30
    for name, of_sets in simulated.outcomes(design, sets, 200, ("ece", "miscalibration")).items():
        now, plain, *_ = simulated.summary(of_sets, 0.0)
        assert now <= most(sets, 0.05), name
        assert plain > most(sets, 0.05), name


def test_an_overconfident_scorer_is_found_where_the_whole_bias_hides_it():
    design, sets = simulated.DESIGNS["one 2 times overconfident, 400 x 1"], 20
    truth = simulated.true_differences(design, 100_000)["smooth_ece"]
    of_sets = simulated.outcomes(design, sets, 200, ("smooth_ece",))["smooth_ece"]
    now, _, whole, _, covered, _ = simulated.summary(of_sets, truth)
    assert now > 0.6 > whole
    assert covered >= stats.binom.ppf(0.001, sets, 0.95) / sets


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in simulated.DESIGNS if "400 x 5" not in n])
def test_two_scorers_of_equal_calibration_are_seldom_separated(name):
    design, sets = simulated.DESIGNS[name], 100
    truth = simulated.true_differences(design)
    for statistic, of_sets in simulated.outcomes(design, sets).items():
        now, *_, covered, _ = simulated.summary(of_sets, truth[statistic])
        if "both" in name:
            assert now <= most(sets, 0.06), statistic
        assert covered >= stats.binom.ppf(0.001, sets, 0.92) / sets, statistic


def test_pairs_and_ties_are_corrected_too():
    table = me.load_example()
    for forecast in ("log_odds", Forecast(ties_as_outcome=True)):
        result = me.compare(table, me.statistics.smooth_ece(forecast), n_resamples=100)
        for detail in result.meta.details:
            assert 0 <= detail["least_bias"] <= detail["most_bias"]
