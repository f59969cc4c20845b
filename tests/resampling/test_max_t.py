"""Max-T adjustment by correlations: Tukey's studentized range, bounds, and discrete draws."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from metaeval.resampling import JointDraws, holm, max_t_adjustment, t_of_normal


def family(draws, part=0, n_units=100_000):
    first, second = np.triu_indices(draws.shape[1], 1)
    return JointDraws(draws, first, second, part, n_units)


def independent(n_scorers, seed=0, n_draws=4_000):
    """Draws with uncorrelated columns of equal variance."""
    x = np.random.default_rng(seed).normal(size=(n_draws, n_scorers))
    x -= x.mean(axis=0)
    root = np.linalg.cholesky(x.T @ x / len(x))
    return x @ np.linalg.inv(root).T


@pytest.mark.parametrize("n_scorers", [2, 3, 6, 15])
def test_independent_scorers_have_the_quantiles_of_tukeys_studentized_range(n_scorers):
    result = max_t_adjustment(
        np.full(n_scorers * (n_scorers - 1) // 2, 0.003),
        [family(independent(n_scorers))],
        two_sided=True,
        seed=0,
    )
    z = stats.norm.isf(0.0015)
    expected = stats.studentized_range.sf(z * np.sqrt(2), n_scorers, np.inf)
    error = 5 * np.sqrt(expected * (1 - expected) / 20_000)
    assert abs(result.adjusted[0] - expected) < error + 1e-4
    for confidence in (0.8, 0.95):
        quantile = stats.studentized_range.ppf(confidence, n_scorers, np.inf) / np.sqrt(2)
        assert result.quantile(confidence) == pytest.approx(quantile, abs=0.05)


@pytest.mark.parametrize("two_sided", [True, False])
def test_adjusted_p_values_are_between_the_p_value_and_that_of_holm(two_sided):
    rng = np.random.default_rng(3)
    p = rng.uniform(size=21) ** 3
    result = max_t_adjustment(p, [family(independent(7, 1))], two_sided=two_sided, seed=4)
    assert (p <= result.adjusted).all() and (result.adjusted <= holm(p)).all()
    order = np.argsort(p)
    assert (np.diff(result.adjusted[order]) >= 0).all()
    assert (result.adjusted < holm(p)).sum() > 10


def test_the_smallest_one_sided_p_value_is_adjusted_by_the_largest_difference():
    """Of one scorer with two others: P(max of two normals with correlation 1/2 exceeds z)."""
    three = JointDraws(independent(3), np.array([0, 0]), np.array([1, 2]), 0, 100_000)
    p = np.array([0.02, 0.4])
    found = max_t_adjustment(p, [three], two_sided=False, seed=1).adjusted
    z = stats.norm.isf(0.02)
    both = stats.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).cdf([z, z])
    assert found[0] == pytest.approx(1 - both, abs=0.004)
    assert found[1] == 0.4


def test_copies_share_one_p_value_and_independent_parts_do_not():
    draws = independent(2, 2)
    p = np.array([0.01, 0.01])
    copies = max_t_adjustment(p, [family(draws), family(draws)], two_sided=True, seed=0)
    assert_allclose(copies.adjusted, 0.01, atol=0.003)
    parts = [family(draws), family(draws, part=1)]
    separate = max_t_adjustment(p, parts, two_sided=True, seed=0)
    assert_allclose(separate.adjusted[0], 1 - 0.99**2, atol=0.004)
    assert_allclose(separate.quantile(0.95), stats.norm.isf((1 - 0.95**0.5) / 2), atol=0.05)


def test_draws_with_few_values_do_not_hide_differences():
    """Most draws of step functions are 0, so that their own tails would never be exceeded."""
    rng = np.random.default_rng(0)
    draws = np.round(rng.normal(size=(2_000, 4)) * 0.6) / 10
    p = np.array([0.0005, *[0.9] * 5])
    assert max_t_adjustment(p, [family(draws)], two_sided=True, seed=0).adjusted[0] < 0.005


def test_few_units_make_comparisons_independent():
    """With as many scorers as units, correlations are not used: Sidak's adjustment."""
    p = np.full(10, 0.004)
    few, many = (
        max_t_adjustment(p, [family(independent(5), n_units=n)], two_sided=True, seed=0)
        for n in (6, 100_000)
    )
    assert few.adjusted[0] == pytest.approx(1 - (1 - 0.004) ** 10, abs=0.003)
    assert many.adjusted[0] < 0.9 * few.adjusted[0]
    assert few.quantile(0.95) > many.quantile(0.95)


def error_rates(n_units, n_scorers, n_sets):
    """Sets of equal scorers with a significant difference, or a simultaneous interval without 0."""
    rng = np.random.default_rng([n_units, n_scorers])
    first, second = np.triu_indices(n_scorers, 1)
    rejected = np.zeros(2)
    for seed in range(n_sets):
        x = rng.normal(size=(n_units, n_scorers))
        gap = x[:, first] - x[:, second]
        t = gap.mean(axis=0) / (gap.std(axis=0, ddof=1) / np.sqrt(n_units))
        p = 2 * stats.t.sf(np.abs(t), n_units - 1)
        member = JointDraws(x - x.mean(axis=0), first, second, 0, n_units)
        result = max_t_adjustment(p, [member], two_sided=True, seed=seed)
        reach = t_of_normal(result.quantile(0.95), n_units - 1)
        rejected += (result.adjusted <= 0.05).any(), (np.abs(t) > reach).any()
    return rejected / n_sets


@pytest.mark.parametrize(("n_units", "n_scorers"), [(12, 8), (20, 20)])
def test_families_of_few_units_hold_their_level(n_units, n_scorers):
    most = stats.binom.ppf(0.999, 100, 0.05) / 100
    assert (error_rates(n_units, n_scorers, 100) <= most).all()


@pytest.mark.slow
@pytest.mark.parametrize(("n_units", "n_scorers"), [(12, 8), (20, 20), (30, 20), (50, 20)])
def test_families_of_few_units_hold_their_level_in_300_sets(n_units, n_scorers):
    rates = error_rates(n_units, n_scorers, 300)
    print(n_units, n_scorers, rates)
    assert (rates <= stats.binom.ppf(0.999, 300, 0.05) / 300).all()


def test_undefined_p_values_are_not_counted():
    p = np.array([0.01, np.nan, 0.04])
    draws = independent(3)
    draws[:, 2] = np.nan
    found = max_t_adjustment(p, [family(draws)], two_sided=True, seed=0).adjusted
    assert np.isnan(found[1]) and found[0] >= 0.01


def test_normal_quantiles_become_those_of_students_t():
    for dof in (1, 5, 29):
        for level in (0.9, 0.975, 0.9999):
            expected = stats.t.ppf(level, dof)
            assert t_of_normal(stats.norm.ppf(level), dof) == pytest.approx(expected, rel=1e-7)
