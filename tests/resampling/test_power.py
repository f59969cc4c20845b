"""Sizes and detectable differences against closed forms, and against the power they promise."""

import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose

from metaeval import MetaevalError
from metaeval.resampling import (
    design_effect,
    detectable,
    detectable_at_half_power,
    items_for_mean,
    mcnemar,
)
from metaeval.resampling.power import items_for_accuracy


@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_a_detectable_difference_is_found_with_its_power(power):
    se = np.array([0.01, 0.2])
    critical = scipy.stats.norm.ppf(0.975) * se
    found = scipy.stats.norm.sf(critical, detectable(se, 0.95, power), se)
    assert_allclose(found, power, rtol=1e-9)


def test_missed_half_is_detectable_with_power_one_half():
    se = np.array([0.0, 0.01, np.nan])
    assert_allclose(detectable_at_half_power(se, 0.9), scipy.stats.norm.ppf(0.95) * se, rtol=1e-9)


def test_items_for_accuracy_by_hand():
    assert items_for_accuracy(0.03, 0.20, 0.95, 0.80) == 1742
    d, psi = np.array([0.03, -0.03, 0.1, 0.2]), np.array([0.2, 0.2, 0.2, 0.2])
    a, b = scipy.stats.norm.ppf([0.995, 0.9])
    expected = (a * np.sqrt(psi) + b * np.sqrt(psi - d**2)) ** 2 / d**2
    assert items_for_accuracy(d, psi, 0.99, 0.9).tolist() == np.ceil(expected).tolist()


def test_items_for_mean_by_hand():
    a, b = scipy.stats.norm.ppf([0.975, 0.8])
    assert items_for_mean(0.5, 1.0, 0.95, 0.8) == np.ceil((a + b) ** 2 / 0.25) == 32
    assert items_for_mean(0.5, 0.0, 0.95, 0.8) == 0


def test_size_and_detectable_difference_are_inverse():
    n = items_for_mean(0.01, 0.5, 0.95, 0.8)
    assert detectable(0.5 / np.sqrt(n), 0.95, 0.8) <= 0.01 < detectable(0.5 / np.sqrt(n - 1), 0.95)


def power_of_mcnemar(n, d, psi, mid_p):
    """Chance that p is at most .05, by enumeration."""
    discordant = np.arange(n + 1)
    chance = scipy.stats.binom.pmf(discordant, n, psi)
    kept = discordant[chance > 1e-7]
    found = 0.0
    for m in kept:
        k = np.arange(m + 1)
        found += chance[m] * (
            scipy.stats.binom.pmf(k, m, (1 + d / psi) / 2)
            @ (mcnemar(k, m - k, mid_p=mid_p) <= 0.05)
        )
    return found


@pytest.mark.parametrize(("d", "psi"), [(0.03, 0.20), (0.1, 0.2), (0.05, 0.1)])
def test_mcnemar_has_the_power_that_was_asked_for(d, psi):
    n = int(items_for_accuracy(d, psi, 0.95, 0.8))
    assert 0.795 <= power_of_mcnemar(n, d, psi, mid_p=True) <= 0.815
    assert power_of_mcnemar(n, d, psi, mid_p=False) < 0.79
    assert power_of_mcnemar(n + round(2 / d), d, psi, mid_p=False) >= 0.8


def power_by_simulation(n, d, psi, n_simulations):
    """Share of simulated pairs of scorers, right or wrong on n items each, that are told apart."""
    chances = [(psi + d) / 2, (psi - d) / 2, 1 - psi]
    counts = np.random.default_rng(0).multinomial(n, chances, size=n_simulations)
    return (mcnemar(counts[:, 0], counts[:, 1], mid_p=True) <= 0.05).mean()


def test_simulated_power_of_paired_accuracies():
    n_simulations = 20_000
    n = int(items_for_accuracy(0.03, 0.20, 0.95, 0.80))
    slack = 3.3 * np.sqrt(0.8 * 0.2 / n_simulations)
    assert power_by_simulation(n, 0.03, 0.20, n_simulations) == pytest.approx(0.8, abs=slack)


def test_simulated_power_of_paired_means():
    n_simulations, n = 5000, int(items_for_mean(0.2, 1.0, 0.95, 0.8))
    values = np.random.default_rng(0).exponential(size=(n_simulations, n)) - 0.8
    p = scipy.stats.ttest_1samp(values, 0, axis=1).pvalue
    assert n == 197
    assert (p <= 0.05).mean() == pytest.approx(0.8, abs=0.03)  # skewed values


def test_what_cannot_be_planned_is_refused():
    for size in (items_for_accuracy, items_for_mean):
        with pytest.raises(MetaevalError, match="difference of 0"):
            size(0.0, 0.2, 0.95, 0.8)
    with pytest.raises(MetaevalError, match=r"discordance=0\.02 must be between"):
        items_for_accuracy(0.03, 0.02, 0.95, 0.8)
    with pytest.raises(MetaevalError, match="sd=-1 must be"):
        items_for_mean(0.03, -1.0, 0.95, 0.8)
    with pytest.raises(MetaevalError, match="confidence=95 must be a number between 0 and 1"):
        detectable(0.1, 95)
    with pytest.raises(MetaevalError, match="power=80 must be"):
        detectable(0.1, 0.95, 80)
    with pytest.raises(MetaevalError, match="at least two clusters, got 1"):
        design_effect(np.ones(3), np.zeros(3, dtype=int))


def test_design_effect_is_that_of_an_analysis_of_variance():
    random = np.random.default_rng(0)
    values, clusters = random.normal(size=60), np.repeat(np.arange(12), 5)
    values += random.normal(size=12)[clusters]
    groups = values.reshape(12, 5)
    ratio = scipy.stats.f_oneway(*groups).statistic
    found = design_effect(values, clusters)
    assert found.cluster_size == 5
    assert found.icc == pytest.approx((ratio - 1) / (ratio + 4))
    assert found.effect == pytest.approx(1 + 4 * found.icc)
    mixed = random.permutation(60)
    assert_allclose(design_effect(values[mixed], 100 - clusters[mixed]), found, rtol=1e-12)


@pytest.mark.parametrize("icc", [0.0, 0.2, 0.7])
def test_design_effect_of_unequal_clusters_is_the_ratio_of_variances(icc):
    random = np.random.default_rng(1)
    sizes = np.tile([1, 2, 5, 12], 10)
    clusters = np.repeat(np.arange(40), sizes)
    draws = np.sqrt(icc) * random.normal(size=(2000, 40))[:, clusters]
    draws += np.sqrt(1 - icc) * random.normal(size=(2000, len(clusters)))
    found = [design_effect(values, clusters) for values in draws]
    assert np.mean([one.icc for one in found]) == pytest.approx(icc, abs=0.02)
    truth = draws.mean(axis=1).var() * len(clusters)  # 1 for independent items
    assert truth == pytest.approx(1 + (found[0].cluster_size - 1) * icc, rel=0.12)
    assert found[0].cluster_size == pytest.approx((sizes**2).sum() / sizes.sum())


def test_an_icc_below_0_stays_and_the_effect_stops_at_1():
    found = design_effect(np.array([0.0, 1, 0, 1, 1, 0]), np.array([0, 0, 1, 1, 2, 2]))
    assert (found.effect, found.icc) == (1.0, -1.0)


def test_clusters_of_one_item_and_values_that_do_not_vary():
    alone = design_effect(np.array([1.0, 2, 3]), np.arange(3))
    assert (alone.effect, alone.cluster_size) == (1.0, 1.0) and np.isnan(alone.icc)
    still = design_effect(np.ones(4), np.array([0, 0, 1, 1]))
    assert np.isnan(still.icc) and np.isnan(still.effect)
