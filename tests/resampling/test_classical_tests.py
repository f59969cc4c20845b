"""Tests without resampling against SciPy, statsmodels, other tools and their laws."""

import itertools

import numpy as np
import pytest
import scipy.stats
from external import reference
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar

from metaeval import MetaevalError
from metaeval.resampling import mcnemar, non_inferior, tost, williams

PAIRS = np.array(list(itertools.product([0, 1, 2, 5, 8, 40], repeat=2)))
SIDES = ("two-sided", "greater", "less")


@pytest.mark.parametrize("alternative", SIDES)
def test_mcnemar_is_scipys_binomial_test(alternative):
    found = mcnemar(*PAIRS.T, alternative=alternative)
    for (a, b), p in zip(PAIRS, found, strict=True):
        expected = 1.0 if a + b == 0 else scipy.stats.binomtest(a, a + b, 0.5, alternative).pvalue
        assert p == pytest.approx(expected, rel=1e-9), (a, b)


def test_mcnemar_is_that_of_statsmodels():
    for (a, b), p in zip(PAIRS, mcnemar(*PAIRS.T), strict=True):
        if a + b:
            assert p == pytest.approx(their_mcnemar([[7, a], [b, 3]], exact=True).pvalue, rel=1e-9)


@pytest.mark.parametrize(("a", "b"), [(0, 1), (3, 3), (7, 2), (1, 8), (10, 0)])
def test_mid_p_counts_what_was_seen_half(a, b):
    wins = np.array([sum(one) for one in itertools.product((0, 1), repeat=a + b)])
    half = np.mean(wins == a) / 2
    sides = {"greater": np.mean(wins > a) + half, "less": np.mean(wins < a) + half}
    sides["two-sided"] = 2 * min(sides.values())
    for alternative, expected in sides.items():
        found = mcnemar(np.array([a]), np.array([b]), mid_p=True, alternative=alternative)
        assert found[0] == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_does_not_know_the_names(a, b):
    a, b = np.array([a]), np.array([b])
    assert mcnemar(a, b) == mcnemar(b, a)
    assert mcnemar(a, b, mid_p=True) <= mcnemar(a, b)
    assert mcnemar(a, b, alternative="greater") == mcnemar(b, a, alternative="less")


@pytest.mark.parametrize("mid_p", [False, True])
@pytest.mark.parametrize("alternative", SIDES)
def test_without_discordant_items_p_is_1(mid_p, alternative):
    assert mcnemar(np.zeros(2), np.zeros(2), mid_p=mid_p, alternative=alternative).tolist() == [
        1,
        1,
    ]


def test_size_of_mcnemar_by_enumeration():
    """Exact stays below its level given the discordant items; mid-p keeps it over all of them."""
    n = np.arange(1, 400)
    exact, mid = np.zeros(len(n)), np.zeros(len(n))
    for i, each in enumerate(n):
        k = np.arange(each + 1)
        chance = scipy.stats.binom.pmf(k, each, 0.5)
        exact[i] = chance @ (mcnemar(k, each - k) <= 0.05)
        mid[i] = chance @ (mcnemar(k, each - k, mid_p=True) <= 0.05)
    assert (exact <= 0.05).all()
    assert n[mid.argmax()] == 16 and mid.max() == pytest.approx(0.0768, abs=1e-4)
    for share in (0.05, 0.2, 0.5):  # of 200 items
        chance = scipy.stats.binom.pmf(n, 200, share)
        assert 0.04 < chance @ mid < 0.05
        assert chance @ exact < 0.04


@pytest.mark.parametrize("wrong", [-1.0, 0.5, np.nan, np.inf])
def test_mcnemar_takes_counts_only(wrong):
    with pytest.raises(MetaevalError, match=r"n01 must contain counts of items.*sign-flip"):
        mcnemar(np.array([3.0]), np.array([wrong]))


def test_sides_are_checked():
    for test in (
        lambda a: mcnemar(np.ones(1), np.ones(1), alternative=a),
        lambda a: williams(0.5, 0.4, 0.3, 20, alternative=a),
    ):
        with pytest.raises(MetaevalError, match="Did you mean 'greater'"):
            test("greatr")


def present(a, b):
    there = ~(np.isnan(a) | np.isnan(b))
    return a[there], b[there]


def correlated(a, b, level, coefficient):
    """A correlation as nlpstats defines its levels; matrices are systems x inputs."""
    function = {"pearson": "pearsonr", "spearman": "spearmanr", "kendall": "kendalltau"}[
        coefficient
    ]
    correlate = getattr(scipy.stats, function)
    if level == "system":
        return correlate(np.nanmean(a, axis=1), np.nanmean(b, axis=1))[0]
    if level == "global":
        return correlate(*present(a.ravel(), b.ravel()))[0]
    return np.nanmean([correlate(*present(x, y))[0] for x, y in zip(a.T, b.T, strict=True)])


@pytest.mark.filterwarnings("ignore::scipy.stats.ConstantInputWarning")
def test_williams_is_that_of_nlpstats():
    matched = 0
    for case in reference("nlpstats")["cases"]:
        x, y, z = (np.array(case[key], dtype=float) for key in "XYZ")
        for call in case["calls"]:
            if call["function"] != "nlpstats.williams_test":
                continue
            how = call["options"]["level"], call["options"]["coefficient"]
            there = ~np.isnan(x)
            n = {"system": len(x), "input": there.sum(axis=0).max(), "global": there.sum()}[how[0]]
            # The first scorer is X, labels are Z; all three correlations enter without their sign.
            r1, r2, r12 = (abs(correlated(a, b, *how)) for a, b in ((x, z), (y, z), (x, y)))
            found = williams(r1, r2, r12, int(n), alternative=call["options"]["alternative"])
            assert found == pytest.approx(call["expected"], abs=call["tol"]), (case["id"], how)
            matched += 1
    assert matched == 27


def test_williams_is_that_of_mt_metrics_eval():
    matched = 0
    for case in reference("metric_comparison_tests")["cases"]:
        for call in case.get("calls", []):
            if not call["function"].endswith("WilliamsSigDiff"):
                continue
            gold, one, two = (
                np.array(case[key], dtype=float).ravel() for key in ("gold", "metric1", "metric2")
            )
            assert call["options"]["one_sided"] and not np.isnan(gold).any()
            # The calls pass metric2 first; the tool takes |t|, so the larger correlation leads.
            r = [np.corrcoef(gold, m)[0, 1] for m in (two, one)]
            p, *theirs = call["expected"]
            assert_allclose(sorted(r), sorted(theirs), atol=call["tol"])
            found = williams(
                max(r), min(r), np.corrcoef(one, two)[0, 1], len(gold), alternative="greater"
            )
            assert found == pytest.approx(p, abs=call["tol"]), case["id"]
            matched += 1
    assert matched == 2


def test_sides_of_williams():
    r1, r2, r12 = np.array([0.6, 0.5]), np.array([0.5, 0.6]), np.array([0.8, 0.8])
    two = williams(r1, r2, r12, 50)
    up = williams(r1, r2, r12, 50, alternative="greater")
    down = williams(r1, r2, r12, 50, alternative="less")
    assert_allclose(two, 2 * np.minimum(up, down), rtol=1e-12)
    assert_allclose(up + down, 1, rtol=1e-12)
    assert two[0] == two[1] and up[0] == down[1] < 0.5


def test_a_scorer_does_not_differ_from_itself():
    r = np.array([0.3, -0.2, 1.0])
    assert williams(r, r, np.ones(3), 10).tolist() == [1.0] * 3
    assert williams(r, r + 1e-17, np.ones(3), 10).tolist() == [1.0] * 3


def test_williams_of_impossible_correlations_and_too_few_rows():
    assert np.isnan(williams(np.array([0.9]), np.array([-0.9]), np.array([0.99]), 10)).all()
    with pytest.raises(MetaevalError, match="at least 4 rows, got 3"):
        williams(np.array([0.9]), np.array([0.8]), np.array([0.9]), 3)


def null_size(n, n_simulations):
    """Share of p up to .05 where two scorers correlate equally with normal labels."""
    random = np.random.default_rng(n)
    h = random.normal(size=(n_simulations, n))
    a, b = (h + random.normal(size=(n_simulations, n)) for _ in range(2))
    h, a, b = ((v - v.mean(1, keepdims=True)) / v.std(1, keepdims=True) for v in (h, a, b))
    return (williams((h * a).mean(1), (h * b).mean(1), (a * b).mean(1), n) <= 0.05).mean()


@pytest.mark.parametrize("n", [10, 40])
def test_williams_holds_its_level_for_normal_rows(n):
    assert null_size(n, 4000) == pytest.approx(0.05, abs=3.3 * np.sqrt(0.05 * 0.95 / 4000))


numbers = st.floats(-1, 1)
errors = st.floats(0.001, 1)


@given(numbers, errors, st.floats(0.01, 1), st.integers(1, 200), st.floats(0.001, 0.499))
def test_equivalence_is_an_interval_inside_the_margins(d, se, margin, df, alpha):
    p = tost(np.array([d]), np.array([se]), margin, df)[0]
    if abs(p - alpha) < 1e-9:
        return
    reach = scipy.stats.t.ppf(1 - alpha, df) * se
    assert (p < alpha) == (-margin < d - reach and d + reach < margin)
    p = non_inferior(np.array([d]), np.array([se]), margin, df)[0]
    assert abs(p - alpha) < 1e-9 or (p < alpha) == (-margin < d - reach)


@given(numbers, errors, st.floats(0.01, 1), st.integers(1, 200))
def test_equivalence_is_the_larger_of_two_one_sided_tests(d, se, margin, df):
    d, se = np.array([d]), np.array([se])
    sides = non_inferior(d, se, margin, df), non_inferior(-d, se, margin, df)
    assert_allclose(tost(d, se, margin, df), np.maximum(*sides), rtol=1e-12)


def test_equivalence_is_that_of_statsmodels():
    from statsmodels.stats.weightstats import DescrStatsW

    values = np.random.default_rng(0).normal(0.01, 0.1, size=50)
    expected = DescrStatsW(values).ttost_mean(-0.04, 0.04)[0]
    found = tost(np.array([values.mean()]), np.array([values.std(ddof=1) / np.sqrt(50)]), 0.04, 49)
    assert found[0] == pytest.approx(expected, rel=1e-9)


def test_non_inferiority_without_a_margin_is_a_one_sided_t_test():
    values = np.random.default_rng(0).normal(0.1, 1, size=20)
    se = values.std(ddof=1) / np.sqrt(20)
    expected = scipy.stats.ttest_1samp(values, 0, alternative="greater").pvalue
    found = non_inferior(np.array([values.mean()]), np.array([se]), 0, 19)
    assert found[0] == pytest.approx(expected, rel=1e-9)


def test_without_a_standard_error_the_margin_decides():
    d, none = np.array([-0.2, -0.1, 0.0, 0.1, np.nan]), np.zeros(5)
    assert tost(d, none, 0.1, 9)[:4].tolist() == [1.0, 1.0, 0.0, 1.0]
    assert non_inferior(d, none, 0.1, 9)[:4].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert np.isnan(tost(d, none, 0.1, 9)[4]) and np.isnan(tost(none, d * np.nan, 0.1, 9)).all()


def test_infinite_degrees_of_freedom_are_normal():
    found = tost(np.array([0.0]), np.array([1.0]), 1.0, np.inf)
    assert found[0] == pytest.approx(scipy.stats.norm.sf(1))


def test_margins_are_checked():
    one = np.ones(1)
    for test in (tost, non_inferior):
        with pytest.raises(MetaevalError, match=r"margin=-0\.1 must be a nonnegative number"):
            test(one, one, -0.1, 9)
        with pytest.raises(MetaevalError, match="Standard errors must be nonnegative, got -1"):
            test(one, -one, 0.1, 9)
    with pytest.raises(MetaevalError, match="non_inferior"):
        tost(one, one, 0, 9)
