"""Bootstrap intervals against theory, against SciPy and against their definition."""

import definitions as slow
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from external import reference
from numpy.testing import assert_allclose

from metaeval import MetaevalError, Responses, evaluate
from metaeval.resampling import IntervalInputs, near_boundary, normal_cdf, wilson
from metaeval.resampling.intervals import BY_NAME, basic, bca, bootstrap_t, jeffreys, percentile, t
from metaeval.resampling.quantiles import acceleration, normal_quantile, quantiles
from metaeval.statistics import mean_over_items

MEAN = mean_over_items("mean", lambda x, h: float(x.mean()))


def sample_of(draws, estimate, influence=None, **rest):
    draws = np.asarray(draws, dtype=float)
    influence = np.zeros((5, draws.shape[1])) if influence is None else influence
    se = rest.pop("se") if "se" in rest else np.nanstd(draws, axis=0, ddof=1)
    n_units = rest.pop("n_units", len(influence))
    return IntervalInputs(np.asarray(estimate, dtype=float), draws, influence, se, n_units, **rest)


def lone(values):
    """One response per item with these scores; the mean score is the mean over items."""
    n = len(values)
    rows = pd.DataFrame({"item": [f"i{i:04d}" for i in range(n)], "system": ["s"] * n})
    labels = pd.DataFrame({"human": np.arange(n, dtype=float)})
    return Responses(rows, pd.DataFrame({"m": values}), labels, label_kind="rating")


@pytest.mark.parametrize("n", [10, 60])
def test_standard_error_of_a_mean_is_the_one_of_theory(n):
    values = np.random.default_rng(1).normal(size=n)
    n_resamples = 20_000
    expected = values.std(ddof=1) / np.sqrt(n)
    row = evaluate(lone(values), MEAN, n_resamples=n_resamples).row("m")
    assert row["estimate"] == pytest.approx(values.mean(), abs=1e-12)
    assert row["se"] == pytest.approx(expected, rel=5 / np.sqrt(2 * n_resamples))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bca_agrees_with_scipy_for_a_mean(seed):
    values = np.random.default_rng(seed).exponential(size=50)
    row = evaluate(lone(values), MEAN, n_resamples=40_000, seed=seed).row("m")
    theirs = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=40_000,
        method="BCa",
        random_state=np.random.default_rng(seed),
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


@pytest.mark.parametrize("make", [bca, percentile, basic, t, bootstrap_t])
@pytest.mark.parametrize("value", [0.0, 0.7, 1.0])
def test_no_variance_gives_the_value_twice(make, value):
    draws = np.full((200, 1), value)
    for bounded in (False, True):
        sample = sample_of(draws, [value], se_draws=np.zeros((200, 1)), bounded=bounded)
        assert make(sample, 0.95).tolist() == [[value], [value]]


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


def counts_of(successes, trials):
    none = np.zeros((1, len(successes)))
    counts = np.asarray(successes, dtype=float)
    return IntervalInputs(
        counts / np.maximum(trials, 1), none, none, none[0], 9, successes=counts, trials=trials
    )


def test_wilson_is_scipys():
    successes = np.array([0, 1, 5, 49, 98, 100])
    for confidence in (0.5, 0.9, 0.95):
        ends = wilson(counts_of(successes, 100), confidence)
        for k, found in zip(successes, ends.T, strict=True):
            expected = scipy.stats.binomtest(int(k), 100).proportion_ci(confidence, method="wilson")
            assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_jeffreys_is_a_pair_of_beta_quantiles_and_closed_at_the_bounds():
    successes = np.array([0, 1, 98, 100])
    ends = jeffreys(counts_of(successes, 100), 0.95)
    expected = scipy.stats.beta.ppf([[0.025], [0.975]], successes + 0.5, 100 - successes + 0.5)
    expected[0, 0], expected[1, -1] = 0, 1
    assert_allclose(ends, expected, rtol=1e-12)


def test_trials_may_differ_by_column_and_be_none():
    sample = counts_of([0.0, 3.0, 9.0], np.array([0, 10, 10]))
    for make in (wilson, jeffreys):
        ends = make(sample, 0.9)
        assert ends[:, 0].tolist() == [0.0, 1.0]
        assert ends[0, 1] == pytest.approx(1 - make(counts_of([7.0], 10), 0.9)[1, 0])


def test_t_is_scipys():
    sample = sample_of(np.zeros((1, 2)), [0.5, 2.0], se=np.array([0.1, 1.0]), n_units=12)
    expected = scipy.stats.t.interval(0.9, 11, loc=sample.estimate, scale=sample.se)
    assert_allclose(t(sample, 0.9), expected, rtol=1e-12)


@pytest.mark.parametrize("kind", ["wilson", "jeffreys"])
def test_intervals_for_counts_need_counts(kind):
    with pytest.raises(MetaevalError, match=f"{kind}.*successes and trials.*0/1 items"):
        BY_NAME[kind](sample_of(np.zeros((3, 1)), [0.0]), 0.95)


def test_bootstrap_t_needs_the_standard_errors_of_draws():
    with pytest.raises(
        MetaevalError, match=r"smooth function of sums over items\. Use interval='bca'"
    ):
        bootstrap_t(sample_of(np.zeros((3, 1)), [0.0]), 0.95)


def mean_of(values, n_draws, seed=0):
    """The means of columns (item, column) with their draws and the standard errors of both."""
    n = len(values)
    estimate, square = values.mean(axis=0), (values**2).mean(axis=0)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_draws)
    draws = weights @ values / n
    se_draws = np.sqrt(np.maximum(weights @ values**2 / n - draws**2, 0) / n)
    se = np.sqrt(np.maximum(square - estimate**2, 0) / n)
    small = 1e-9
    return IntervalInputs(
        *(estimate, draws, values - estimate, np.where(se < small, 0, se), n),
        se_draws=np.where(se_draws < small, 0, se_draws),
    )


@pytest.mark.parametrize(
    ("kind", "method"), [("basic", "basic"), ("percentile", "percentile"), ("bca", "BCa")]
)
def test_intervals_are_scipys_on_the_same_draws(kind, method):
    values = np.random.default_rng(4).exponential(size=40)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=2000, method=method, random_state=np.random.default_rng(0)
    )
    draws, n = theirs.bootstrap_distribution[:, None], len(values)
    sample = sample_of(draws, [values.mean()], (values - values.mean())[:, None])
    assert_allclose(BY_NAME[kind](sample, 0.95)[:, 0], theirs.confidence_interval, rtol=1e-9)
    assert n == sample.n_units


def test_intervals_are_those_that_scipy_returned():
    matched = 0
    for case in reference("scipy_resampling")["cases"]:
        values = np.array(case.get("a", [])) - np.array(case.get("b", []))
        for call in case["calls"]:
            if call["function"] != "scipy.stats.bootstrap":
                continue
            known = call["expected"]
            sample = mean_of(values[:, None], 20_000)
            ends = BY_NAME[call["options"]["method"].lower()](sample, 0.95)[:, 0]
            # Of 20 000 draws each, a quantile at .025 is off by .019 se; BCa adds the error of z0.
            assert_allclose(ends, [known["low"], known["high"]], rtol=0, atol=0.1 * known["se"])
            assert sample.draws.std() == pytest.approx(known["se"], rel=0.02)
            matched += 1
    assert matched == 9


def test_basic_is_the_percentile_interval_mirrored():
    draws = np.random.default_rng(0).exponential(size=(500, 2))
    sample = sample_of(draws, [0.8, 1.1])
    low, high = percentile(sample, 0.9)
    assert_allclose(basic(sample, 0.9), [2 * sample.estimate - high, 2 * sample.estimate - low])


def test_bootstrap_t_of_one_standard_error_is_basic():
    draws = np.random.default_rng(0).exponential(size=(500, 2))
    sample = sample_of(draws, [0.8, 1.1], se=np.ones(2), se_draws=np.ones((500, 2)))
    assert_allclose(bootstrap_t(sample, 0.9), basic(sample, 0.9), rtol=1e-12)


def test_bootstrap_t_is_its_definition():
    sample = mean_of(np.random.default_rng(1).beta(9, 1, size=(30, 2)), 999)
    p, q = sample.estimate, sample.draws
    plain = (q - p) / sample.se_draws
    logit = scipy.special.logit
    ratio = (logit(q) - logit(p)) / (sample.se_draws / (q * (1 - q)))
    low, high = np.quantile(plain, [0.05, 0.95], axis=0)
    assert_allclose(bootstrap_t(sample, 0.9), [p - high * sample.se, p - low * sample.se])
    low, high = np.quantile(ratio, [0.05, 0.95], axis=0)
    step = sample.se / (p * (1 - p))
    expected = scipy.special.expit([logit(p) - high * step, logit(p) - low * step])
    assert_allclose(bootstrap_t(sample._replace(bounded=True), 0.9), expected)


def test_bootstrap_t_of_bounded_values_mirrors():
    sample = mean_of(np.random.default_rng(1).integers(0, 3, size=(9, 3)) / 2, 400)
    sample = sample._replace(bounded=True)
    mirrored = sample._replace(estimate=1 - sample.estimate, draws=1 - sample.draws)
    assert_allclose(bootstrap_t(mirrored, 0.9)[::-1], 1 - bootstrap_t(sample, 0.9), atol=1e-12)


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("n", [2, 5, 40])
def test_bootstrap_t_is_finite_where_draws_lie_at_the_bounds(n, bounded):
    values = np.ones((n, 4))
    values[0] = [0.0, 0.5, 0.99, 1.0]
    sample = mean_of(values, 500)._replace(bounded=bounded)
    assert (sample.draws == 1).any()
    low, high = bootstrap_t(sample, 0.95)
    assert np.isfinite([low, high]).all() and (low <= high).all()
    assert (low[3], high[3]) == (1.0, 1.0)
    if bounded:
        assert (low > 0).all() and (high[:3] < 1).all()


def test_a_draw_of_0_1_items_at_the_bound_is_moved_by_half_an_item():
    from metaeval.resampling.intervals import _off_bounds

    values = (np.arange(20) > 0).astype(float)[:, None]
    sample = mean_of(values, 400)
    draws, se = _off_bounds(sample.draws, sample.se_draws)
    at = sample.draws == 1
    assert_allclose(draws[at], 1 - 0.5 / 20)
    assert_allclose(se[at], np.sqrt(0.025 / 20), rtol=1e-9)
    assert (draws[~at] == sample.draws[~at]).all() and (se[~at] == sample.se_draws[~at]).all()


def test_draws_without_a_value_or_standard_error_are_left_out_of_bootstrap_t():
    whole = mean_of(np.random.default_rng(0).normal(size=(20, 1)), 300)
    gaps = whole._replace(
        draws=np.concatenate([whole.draws, [[np.nan], [1.0], [1.0]]]),
        se_draws=np.concatenate([whole.se_draws, [[1.0], [0.0], [np.nan]]]),
    )
    assert bootstrap_t(gaps, 0.9).tolist() == bootstrap_t(whole, 0.9).tolist()


def test_near_a_boundary_means_two_standard_errors():
    none = np.zeros((1, 6))
    estimate = np.array([0.0, 0.1, 0.3, 0.9, 1.0, np.nan])
    sample = IntervalInputs(estimate, none, none, np.array([0.0, 0.06, 0.1, 0.05, 0.0, np.nan]), 30)
    assert near_boundary(sample).tolist() == [False] * 6
    found = near_boundary(sample._replace(bounded=True)).tolist()
    assert found == [True, True, False, True, True, False]


def exact_coverage(kind, accuracy, n, n_draws):
    """Chance that the interval of n independent 0/1 items holds their accuracy."""
    successes = np.arange(n + 1)
    draws = np.random.default_rng(0).binomial(n, successes / n, size=(n_draws, n + 1)) / n
    sample = sample_of(draws, successes / n)._replace(successes=successes, trials=n)
    low, high = BY_NAME[kind](sample, 0.95)
    inside = (low <= accuracy + 1e-12) & (accuracy <= high + 1e-12)
    return scipy.stats.binom.pmf(successes, n, accuracy) @ inside


@pytest.mark.parametrize(
    ("kind", "coverage"), [("percentile", 0.866), ("wilson", 0.949), ("jeffreys", 0.985)]
)
def test_coverage_of_an_accuracy_of_98_percent_on_100_items(kind, coverage):
    assert exact_coverage(kind, 0.98, 100, 20_000) == pytest.approx(coverage, abs=0.001)


def coverage_near_1(n_items, n_simulations, n_draws, seed):
    """Coverage of the mean .95 of skewed values in [0, 1], of each kind of interval."""
    values = np.random.default_rng([seed, n_items]).beta(19, 1, size=(n_items, n_simulations))
    sample = mean_of(values, n_draws, seed)._replace(bounded=True)
    ends = {kind: BY_NAME[kind](sample, 0.95) for kind in ("bootstrap-t", "percentile")}
    return {k: float(((e[0] <= 0.95) & (e[1] >= 0.95)).mean()) for k, e in ends.items()}


@pytest.mark.parametrize("n_items", [30, 100])
def test_bootstrap_t_covers_a_mean_near_1(n_items):
    found = coverage_near_1(n_items, 1000, 399, seed=0)
    assert found["bootstrap-t"] >= 0.93
    assert found["percentile"] < found["bootstrap-t"]


@pytest.mark.slow
@pytest.mark.parametrize("n_items", [30, 100])
def test_bootstrap_t_covers_a_mean_near_1_in_many_sets(n_items):
    parts = [coverage_near_1(n_items, 2000, 999, seed) for seed in range(10)]
    found = {kind: np.mean([part[kind] for part in parts]) for kind in parts[0]}
    assert 0.94 <= found["bootstrap-t"] <= 0.96
    assert found["percentile"] <= {30: 0.935, 100: 0.945}[n_items]


def test_bootstrap_t_is_far_too_short_where_few_items_differ():
    values = (np.random.default_rng(0).uniform(size=(100, 500)) < 0.98).astype(float)
    sample = mean_of(values, 399)._replace(bounded=True, successes=values.sum(axis=0), trials=100)
    share = {}
    for kind in ("bootstrap-t", "wilson"):
        low, high = BY_NAME[kind](sample, 0.95)
        share[kind] = ((low <= 0.98) & (high >= 0.98)).mean()
    assert share["bootstrap-t"] < 0.7 and share["wilson"] > 0.92
