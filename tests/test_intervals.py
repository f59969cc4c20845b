"""Bootstrap intervals against theory, against SciPy and against their definition."""

import definitions as slow
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from numpy.testing import assert_allclose

from metaeval import MetaevalError, Responses, evaluate
from metaeval.intervals import (
    Sample,
    acceleration,
    bca,
    normal_cdf,
    normal_quantile,
    percentile,
    quantiles,
)
from metaeval.resampling import item_weights
from metaeval.statistics import mean_over_items

MEAN = mean_over_items("mean", lambda x, h: float(x.mean()))


def sample_of(draws, estimate, influence=None, **rest):
    draws = np.asarray(draws, dtype=float)
    influence = np.zeros((5, draws.shape[1])) if influence is None else influence
    se = rest.pop("se", np.nanstd(draws, axis=0, ddof=1))
    n_units = rest.pop("n_units", len(influence))
    return Sample(np.asarray(estimate, dtype=float), draws, influence, se, n_units, **rest)


def lone(values):
    """One response per item with these scores; the mean score is the mean over items."""
    n = len(values)
    rows = pd.DataFrame({"item": [f"i{i:04d}" for i in range(n)], "system": ["s"] * n})
    labels = pd.DataFrame({"human": np.arange(n, dtype=float)})
    return Responses(rows, pd.DataFrame({"m": values}), labels, label_kind="rating")


def means(values, n, seed=0):
    values = np.asarray(values, dtype=float)
    return np.concatenate([w @ values for w in item_weights(seed, 0, len(values), n)]) / len(values)


@pytest.mark.parametrize("n", [10, 60])
def test_standard_error_of_a_mean_is_the_one_of_theory(n):
    values = np.random.default_rng(1).normal(size=n)
    n_resamples = 20_000
    expected = values.std(ddof=1) / np.sqrt(n) * np.sqrt((n - 1) / n)
    row = evaluate(lone(values), MEAN, n_resamples=n_resamples).row("m")
    assert row["estimate"] == pytest.approx(values.mean(), abs=1e-12)
    assert row["se"] == pytest.approx(expected, rel=5 / np.sqrt(2 * n_resamples))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bca_agrees_with_scipy_for_a_mean(seed):
    values = np.random.default_rng(seed).exponential(size=50)
    row = evaluate(lone(values), MEAN, n_resamples=40_000, seed=seed).row("m")
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=40_000, method="BCa", rng=np.random.default_rng(seed)
    )
    low, high = theirs.confidence_interval
    slack = 0.1 * theirs.standard_error
    assert row["lower"] == pytest.approx(low, abs=slack)
    assert row["upper"] == pytest.approx(high, abs=slack)
    assert row["se"] == pytest.approx(theirs.standard_error, rel=0.03)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95])
def test_percentile_is_a_pair_of_quantiles(confidence):
    draws = np.random.default_rng(0).normal(size=(999, 3))
    tail = (1 - confidence) / 2
    found = percentile(sample_of(draws, draws.mean(axis=0)), confidence)
    assert_allclose(found, np.quantile(draws, [tail, 1 - tail], axis=0), rtol=0, atol=1e-12)


def test_bca_reduces_to_percentile_without_bias_and_acceleration():
    draws = np.random.default_rng(0).normal(size=(1000, 1))
    influence = np.array([[1.0], [-1.0], [2.0], [-2.0]])
    sample = sample_of(draws, np.median(draws, axis=0), influence)
    assert_allclose(bca(sample, 0.9), percentile(sample, 0.9), atol=1e-9)


def test_bca_is_its_definition():
    random = np.random.default_rng(3)
    draws, estimate = random.exponential(size=(2000, 2)), np.array([0.8, 1.1])
    influence = random.exponential(size=(30, 2)) - 1
    found = bca(sample_of(draws, estimate, influence), 0.95)
    for m in range(2):
        expected = slow.bca(draws[:, m], estimate[m], influence[:, m], 0.95)
        assert_allclose(found[:, m], expected, rtol=0, atol=1e-9)


def test_draws_equal_to_the_estimate_count_half():
    draws = np.array([[0.0], [1.0], [1.0], [2.0]] * 50)
    sample = sample_of(draws, [1.0])
    assert_allclose(bca(sample, 0.5), percentile(sample, 0.5), atol=1e-9)


def test_acceleration_has_the_sign_of_the_skewness():
    influence = np.array([[-1.0, 1.0, -1.0, 0.0], [-1.0, 1.0, 1.0, 0.0], [2.0, -2.0, 0.0, 0.0]])
    found = acceleration(influence)
    assert found[0] == pytest.approx(6 / (6 * 6**1.5))
    assert found.tolist() == [found[0], -found[0], 0.0, 0.0]


@pytest.mark.parametrize("make", [bca, percentile])
@pytest.mark.parametrize("value", [0.0, 0.7, 1.0])
def test_no_variance_gives_the_value_twice(make, value):
    draws = np.full((200, 1), value)
    ends = make(sample_of(draws, [value]), 0.95)
    assert ends.tolist() == [[value], [value]]


@pytest.mark.parametrize("interval", ["bca", "percentile"])
def test_a_constant_mean_has_an_interval_without_width(interval):
    row = evaluate(lone(np.full(30, 0.5)), MEAN, n_resamples=200, interval=interval).row("m")
    assert (row["lower"], row["upper"], row["se"]) == (0.5, 0.5, 0.0)


def test_missing_draws_are_left_out():
    draws = np.array([[1.0], [2.0], [np.nan], [3.0]])
    assert quantiles(draws, np.array([[0.0], [1.0]])).tolist() == [[1.0], [3.0]]


def test_all_draws_on_one_side_of_the_estimate_give_finite_ends():
    draws = np.random.default_rng(0).uniform(size=(500, 1))
    for estimate in (-1.0, 2.0):
        ends = bca(sample_of(draws, [estimate], np.ones((4, 1))), 0.95)
        assert np.isfinite(ends).all()
        assert ends[0, 0] <= ends[1, 0]


def test_normal_functions_are_scipys():
    z = np.linspace(-5, 5, 21)
    assert_allclose(normal_cdf(z), scipy.stats.norm.cdf(z), rtol=1e-9)
    p = np.linspace(0.001, 0.999, 21)
    assert_allclose(normal_quantile(p), scipy.stats.norm.ppf(p), rtol=1e-9, atol=1e-12)


def test_a_higher_confidence_gives_a_wider_interval():
    table = lone(np.random.default_rng(5).normal(size=40))
    rows = [evaluate(table, MEAN, n_resamples=500, confidence=c).row("m") for c in (0.5, 0.8, 0.99)]
    widths = [row["upper"] - row["lower"] for row in rows]
    assert widths == sorted(widths)


@pytest.mark.parametrize("interval", ["bootstrap-t", "wilson", "jeffreys", "basic", "t"])
def test_intervals_that_are_planned_are_refused_by_name(interval):
    with pytest.raises(MetaevalError, match="not built in this release"):
        evaluate(lone([0.0, 1.0]), MEAN, interval=interval)
