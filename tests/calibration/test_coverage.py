"""Size of tests, coverage of bands and intervals, and null means, by simulation."""

import numpy as np
import pytest
from scipy import stats

import metaeval as me
from benchmarks import assured_coverage, calibration_coverage as simulated

EACH = pytest.mark.parametrize("each", [1, 10])


def fewest(sets, share):
    """Successes that a procedure of this share stays above, in 999 of 1000 runs."""
    return stats.binom.ppf(0.001, sets, share) / sets


def most(sets, share):
    return stats.binom.ppf(0.999, sets, share) / sets


def test_the_mean_ece_of_calibrated_forecasts_is_the_published_one():
    for n, mean in simulated.null_means(2_000).items():
        assert mean == pytest.approx(simulated.PUBLISHED[n], abs=1e-3)


@EACH
def test_p_values_of_calibrated_forecasts_are_uniform(each):
    p = simulated.p_values(100, each, flips=200)
    for column in p.T:
        assert stats.kstest(column, "uniform").pvalue > 0.001
        assert (column <= 0.05).mean() <= most(100, 0.05)


@pytest.mark.slow
@EACH
def test_p_values_of_calibrated_forecasts_are_uniform_in_many_sets(each):
    p = simulated.p_values(2_000, each)
    for column in p.T:
        assert stats.kstest(column, "uniform").pvalue > 0.01
        assert fewest(2_000, 0.05) <= (column <= 0.05).mean() <= most(2_000, 0.05)


@EACH
def test_honest_bands_hold_the_curve(each):
    assert simulated.honest_coverage(10, each) == 1  # it holds in more than 99 of 100 sets


@pytest.mark.slow
@EACH
def test_honest_bands_hold_the_curve_in_many_sets(each):
    assert simulated.honest_coverage(300, each) >= 0.93


@EACH
def test_bands_of_maps_hold_the_curve(each):
    cover = simulated.map_coverage("margin_link", 30, each).mean()
    assert fewest(30, 0.95) <= cover <= 1


@pytest.mark.slow
@EACH
@pytest.mark.parametrize("kind", ["margin_link", "lapse_link", "monotone_spline"])
def test_bands_of_maps_hold_the_curve_in_many_sets(kind, each):
    assert 0.92 <= simulated.map_coverage(kind, 200 if each == 1 else 80, each).mean() <= 0.98


@EACH
def test_bounds_on_accuracy_hold_at_every_threshold(each):
    assert simulated.bound_coverage(30, each) >= fewest(30, 0.95)


@pytest.mark.slow
@EACH
def test_bounds_on_accuracy_hold_at_every_threshold_in_many_sets(each):
    assert simulated.bound_coverage(1_000, each) >= fewest(1_000, 0.95)


SELECTION = ("slope 1, target .8", "worst at the top", "just below .8")


@pytest.mark.parametrize("units, each", [(100, 1), (400, 1), (30, 5)])
@pytest.mark.parametrize("design", SELECTION)
def test_the_accuracy_at_the_largest_coverage_is_rarely_below_the_target(design, units, each):
    sets = 120
    of_sets, _ = assured_coverage.outcomes(
        *assured_coverage.DESIGNS[design], units, each, sets, seed=1
    )
    assert (of_sets[:, 1:, 1].mean(axis=0) <= most(sets, 0.05)).all()


def test_tests_in_sequence_cover_more_than_simultaneous_bounds():
    for design, more in (("slope 1, target .8", 0.04), ("slope 2, target .9", 0.04)):
        of_sets, _ = assured_coverage.outcomes(*assured_coverage.DESIGNS[design], 400, 1, 100)
        simultaneous, sequence = of_sets[:, :2, 0].T
        gain = sequence - simultaneous
        assert gain.mean() - 3 * gain.std() / 10 > 0 and gain.mean() > more


def test_one_low_start_fails_where_the_most_confident_decisions_are_the_worst():
    chance, target = assured_coverage.DESIGNS["worst at the top"]
    of_sets, best = assured_coverage.outcomes(chance, target, 400, 1, 50)
    _, three_starts, *one_start = of_sets[..., 0].mean(axis=0)
    assert three_starts > 0.45 * best and max(one_start) < 0.1


@pytest.mark.slow
@EACH
@pytest.mark.parametrize("slope", [1.0, 0.6])
def test_intervals_of_measures_hold_their_value(slope, each):
    found, _ = simulated.interval_coverage(100, each, slope, n_resamples=500)
    for name, (covered, _) in found.items():
        # the threshold of coverage_at is chosen on the cases that it is judged by
        assert covered >= fewest(100, 0.85 if name == "coverage_at" else 0.95), name


@pytest.mark.slow
@EACH
def test_intervals_of_gaps_hold_the_gap(each):
    assert simulated.gap_coverage(100, each) >= fewest(100, 0.95)


def test_equally_good_scorers_are_seldom_separated():
    for name, (separated, holds) in simulated.rejections(12, 5, 60, n_resamples=100).items():
        assert separated <= most(12, 0.05), name
        assert holds >= fewest(12, 0.95), name


@pytest.mark.slow
@pytest.mark.parametrize(("units", "each", "spread"), [(60, 1, 1.0), (60, 5, 0.1), (200, 5, 1.0)])
def test_equally_good_scorers_are_seldom_separated_in_many_sets(units, each, spread):
    found = simulated.rejections(200, each, units, spread=spread)
    for name, (separated, holds) in found.items():
        assert separated <= most(200, 0.05), name
        assert holds >= fewest(200, 0.95), name


def test_knowing_nothing_is_not_taken_for_discrimination():
    rng, below = np.random.default_rng(11), 0
    for _ in range(20):
        table = simulated.twins(rng, 60, 3, spread=1e-3)
        row = me.evaluate(
            table, "discrimination(scale=probability,rows=responses)", n_resamples=100
        )
        below += row.row("a")["lower"] <= 1e-6
    assert below >= 20 * fewest(20, 0.95)


def test_labels_of_a_unit_depend_on_one_another_as_they_are_meant_to():
    label = simulated.dependent_labels(np.random.default_rng(0), np.full(40_000, 0.5), 10)
    together = np.corrcoef(label.reshape(-1, 10).T)
    between = together[np.triu_indices(10, 1)].mean()
    # a latent correlation r of coins is 2 asin(r) / pi in the labels
    assert between == pytest.approx(2 * np.arcsin(simulated.CORRELATION) / np.pi, abs=0.02)
