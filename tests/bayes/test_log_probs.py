"""Likelihoods: against closed forms, the NumPy versions, statsmodels and evalica."""

import jax
import numpy as np
import pytest
from external import reference
from hypothesis import given, strategies as st
from scipy import optimize, stats
from scipy.special import expit

from metaeval.bayes.log_probs import OUTCOMES, agreement, signed_root
from metaeval.core import double_precision
from metaeval.curves import link_functions

LOGITS = st.floats(-12, 12)


def in_double(function, *values):
    with double_precision():
        return np.asarray(function(*values))


@given(LOGITS, st.integers(0, 30), st.integers(1, 30))
def test_half_the_squared_root_is_the_binomial_likelihood(z, right, wrong):
    n = right + wrong
    r = float(in_double(signed_root, z, float(right), float(n)))
    best, here = (stats.binom.logpmf(right, n, p) for p in (right / n, expit(z)))
    assert -(r**2) / 2 == pytest.approx(here - best, abs=1e-7)
    assert (r > 0) == (expit(z) >= right / n) or abs(r) < 1e-6


@given(LOGITS, LOGITS, st.integers(0, 8))
def test_the_root_rises_and_its_slope_is_finite(a, b, right):
    low, high = min(a, b), max(a, b)
    roots = in_double(signed_root, np.array([low, high]), float(right), 8.0)
    assert roots[0] <= roots[1] + 1e-9
    with double_precision():
        slope = jax.grad(lambda z: signed_root(z, float(right), 8.0))(low)
    assert np.isfinite(slope)


@pytest.mark.parametrize("form", ["rao_kupper", "davidson"])
def test_outcomes_are_those_of_the_numpy_versions(form):
    theta, margin = np.array([[0.3, -0.4]]), np.linspace(-6, 6, 13)
    known = getattr(link_functions, form)(theta, margin).chance[0]
    tie = np.exp(theta[0, 1]) if form == "rao_kupper" else theta[0, 1]
    found = in_double(OUTCOMES[form], np.exp(0.3) * margin, tie, 0.0)
    assert np.exp(found) == pytest.approx(known, abs=1e-12)


@pytest.mark.parametrize("form", ["rao_kupper", "davidson"])
@given(st.floats(-1e6, 1e6), st.floats(-5, 5), st.floats(1e-6, 0.5))
def test_outcomes_add_up_and_lapses_mix_them(form, u, tie, lapse):
    tie = np.exp(tie) if form == "rao_kupper" else tie
    pure, mixed = (np.exp(in_double(OUTCOMES[form], u, tie, rate)) for rate in (0.0, lapse))
    assert pure.sum() == pytest.approx(1) and mixed.sum() == pytest.approx(1)
    assert mixed == pytest.approx((1 - lapse) * pure + lapse / 3)
    assert (mixed > 0).all()
    with double_precision():
        slopes = jax.grad(lambda u, t: OUTCOMES[form](u, t, lapse)[1], argnums=(0, 1))(u, tie)
    assert np.isfinite(slopes).all()


def test_agreement_is_a_logistic_curve_mixed_with_a_coin():
    u = np.linspace(-400, 400, 9)
    found = np.exp(in_double(agreement, u, 0.1))
    assert found[:, 1] == pytest.approx(0.05 + 0.9 * expit(u), abs=1e-12)


def test_rao_kupper_by_maximum_likelihood_is_ordinal_regression():
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    rng = np.random.default_rng(0)
    d = rng.normal(size=800)
    y = (d + rng.logistic(size=800) > 0.6).astype(int) - (d + rng.logistic(size=800) < -0.6)
    both = np.r_[d, -d], np.r_[y, -y] + 1  # cutpoints are symmetric when pairs are seen both ways
    known = OrderedModel(both[1], both[0][:, None], distr="logit").fit(disp=False, method="bfgs")

    def loss(theta):
        logs = in_double(OUTCOMES["rao_kupper"], theta[0] * d, np.exp(theta[1]), 0.0)
        return -logs[np.arange(800), y + 1].sum()

    found = optimize.minimize(loss, [1.0, -0.5], method="Nelder-Mead", tol=1e-10).x
    cut = known.model.transform_threshold_params(known.params)[2]
    assert found[0] == pytest.approx(known.params[0], abs=1e-4)
    assert np.exp(found[1]) == pytest.approx(cut, abs=1e-4)


@pytest.mark.parametrize("case", ["bt_s0", "bt_s1", "bt_s2"])
def test_davidson_over_strengths_is_newman(case):
    told = next(c for c in reference("bradley_terry")["cases"] if c["id"] == case)
    call = next(c for c in told["calls"] if c["function"] == "evalica.newman")
    known = call["expected"]["scores"]
    names = sorted(known)
    outcome = {"a": 2, "b": 0, "tie": 1}
    place = {name: i for i, name in enumerate(names)}
    left, right, which, n = (
        np.array(column)
        for column in zip(
            *(
                (place[c["left"]], place[c["right"]], outcome[c["outcome"]], c["n"])
                for c in told["counts"]
            ),
            strict=True,
        )
    )

    def loss(theta):
        strength = np.append(theta[1:], -np.sum(theta[1:]))
        logs = OUTCOMES["davidson"](strength[left] - strength[right], theta[0], 0.0)
        return -(n * np.asarray(logs)[np.arange(len(n)), which]).sum()

    with double_precision():
        found = optimize.minimize(
            loss, np.zeros(len(names)), method="BFGS", options={"gtol": 1e-9}
        ).x
    strength = np.append(found[1:], -np.sum(found[1:]))
    logs = np.log([known[name] for name in names])
    assert strength == pytest.approx(logs - logs.mean(), abs=1e-5)
    assert np.exp(found[0]) == pytest.approx(2 * call["expected"]["v"], abs=1e-5)  # nu = 2 v
