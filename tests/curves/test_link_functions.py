"""Curves and priors: slopes are derivatives, fits are modes, and draws follow the density."""

import importlib

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from metaeval.curves import expit, link_functions, logistic_regression, weak_priors

LAPSE = weak_priors.lapse(19.0)
SHAPES = {
    "margin_link": (link_functions.MARGIN, 1),
    "lapse_link": (link_functions.LAPSE, 1),
    "beta": (link_functions.BETA, 2),
    "line": (link_functions.line(2), 2),
    "monotone_spline": (link_functions.spline(3), 3),
}
PRIORS = {
    "independent": weak_priors.independent(1.5, 0.5),
    "walk": weak_priors.walk(3),
    "lapse": LAPSE,
}
MODELS = {"rao_kupper": link_functions.rao_kupper, "davidson": link_functions.davidson}


def setting(name, seed, n=40):
    """A link with a design, labels (some of them shares), weights and parameters."""
    rng = np.random.default_rng(seed)
    link, columns = SHAPES[name]
    design = rng.normal(size=(n, columns)) if name != "beta" else -rng.exponential(size=(n, 2))
    label = (rng.random(n) < expit(design[:, 0])).astype(float)
    label[:3] = [0.25, 0.5, 2 / 3]
    theta = rng.normal(size=(1, len(link.start))) * 0.7
    return link, design, label, rng.random(n) + 0.2, theta


def differences(f, theta, h=1e-6):
    """Derivatives of f (...) by each parameter: (..., parameter)."""
    steps = np.eye(len(theta)) * h
    return np.stack([(f(theta + s) - f(theta - s)) / (2 * h) for s in steps], axis=-1)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_slopes_are_derivatives_of_the_log_odds(name, seed):
    link, design, _, _, theta = setting(name, seed)

    def odds(t):
        return link_functions.logit(link.curve(t[None], design).chance[0])

    slope = link.curve(theta, design).slope[:, 0].T
    assert np.abs(differences(odds, theta[0]) - slope).max() < 1e-6 * (1 + np.abs(slope).max())


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_bends_are_derivatives_of_slopes(name, seed):
    link, design, _, _, theta = setting(name, seed)
    curve = link.curve(theta, design)
    bend = np.zeros((1, 1, 1, 1)) if curve.bend is None else curve.bend
    if bend.ndim == 3:  # mixed derivatives are 0
        bend = bend[:, None] * np.eye(len(bend))[..., None, None]
    found = differences(lambda t: link.curve(t[None], design).slope[:, 0], theta[0])
    expected = np.broadcast_to(bend[:, :, 0].transpose(0, 2, 1), found.shape)
    assert np.abs(found - expected).max() < 1e-6 * (1 + np.abs(expected).max())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", range(5))
def test_slopes_of_three_outcomes_are_derivatives_of_their_logarithms(name, seed):
    rng = np.random.default_rng(seed)
    margin, theta = rng.normal(size=30), rng.normal(size=(1, 2)) * 0.7
    at = MODELS[name](theta, margin)
    assert np.abs(at.chance.sum(axis=-1) - 1).max() < 1e-14

    def logs(t):
        return np.log(MODELS[name](t[None], margin).chance[0])

    assert np.abs(differences(logs, theta[0]) - at.slope[0]).max() < 1e-6


@pytest.mark.parametrize("margin", [-60.0, 60.0])
def test_ties_of_far_margins_keep_their_small_chance(margin):
    chance = link_functions.rao_kupper(np.array([[0.0, 0.0]]), np.array([margin])).chance[0, 0]
    assert chance[1] == pytest.approx(np.expm1(2) * np.exp(-61), rel=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_three_outcomes_turn_round_with_the_pair(name):
    margin, theta = np.linspace(-3, 3, 13), np.array([[0.3, -0.2]])
    there, back = (MODELS[name](theta, sign * margin).chance for sign in (1, -1))
    assert np.abs(there - back[..., ::-1]).max() < 1e-14


@pytest.mark.parametrize("name", [n for n in SHAPES if n != "line"])
@pytest.mark.parametrize("seed", range(5))
def test_fits_are_modes_of_likelihood_times_prior(name, seed):
    link, design, label, weight, _ = setting(name, seed)
    counted = weight * len(weight) / weight.sum()
    seen = link.prior.observations(1)

    def minus_log(theta):
        chance = link.curve(theta[None], design).chance[0]
        fit = counted @ (label * np.log(chance) + (1 - label) * np.log1p(-chance))
        return link.prior.density(theta[None], seen).value[0] - fit

    found = link_functions.fit(link, design, label, weight[None])[0]
    slope = differences(minus_log, found)
    assert np.abs(slope).max() < 1e-4
    best = optimize.minimize(minus_log, found + 0.1, method="Nelder-Mead", options={"xatol": 1e-8})
    assert minus_log(found) < best.fun + 1e-8


@pytest.mark.parametrize("seed", range(5))
def test_many_problems_at_once_are_each_alone(seed):
    link, design, label, _, _ = setting("lapse_link", seed)
    weights = np.random.default_rng(seed).exponential(size=(7, len(label)))
    together = link_functions.fit(link, design, label, weights)
    alone = np.concatenate([link_functions.fit(link, design, label, w[None]) for w in weights])
    assert np.abs(together - alone).max() < 1e-6
    assert np.abs(link_functions.fit(link, design, label, 1e6 * weights) - together).max() < 1e-6


def test_labels_that_a_margin_separates_give_a_steep_curve_and_no_infinite_one():
    margin = np.r_[-np.arange(1.0, 21), np.arange(1.0, 21)] / 12
    label = (margin > 0).astype(float)
    for name in ("margin_link", "lapse_link"):
        link = SHAPES[name][0]
        slope = np.exp(link_functions.fit(link, margin[:, None], label, np.ones((1, 40)))[0, 0])
        assert 3 < slope < 100


@pytest.mark.parametrize("model", MODELS)
def test_threshold_fits_are_modes(model):
    rng = np.random.default_rng(1)
    margin = rng.normal(size=200)
    outcome = np.clip(np.round(margin + rng.normal(size=200)), -1, 1) / 2 + 0.5
    which = np.stack([outcome == 0, outcome == 0.5, outcome == 1], axis=-1)

    def minus_log(theta):
        prior = (theta @ theta) / (2 * weak_priors.SLOPE_SD**2)
        return prior - np.log(MODELS[model](theta[None], margin).chance[0][which]).sum()

    found = link_functions.fit_outcomes(MODELS[model], margin, outcome, np.ones((1, 200)))[0]
    assert np.abs(differences(minus_log, found)).max() < 1e-4


def test_rao_kupper_is_the_ordinal_logit_of_statsmodels():
    ordinal = importlib.import_module("statsmodels.miscmodels.ordinal_model")
    rng = np.random.default_rng(2)
    margin = rng.normal(size=4_000)
    latent = 1.5 * margin + rng.logistic(size=4_000)
    outcome = np.where(np.abs(latent) < 0.8, 0.5, (latent > 0).astype(float))
    both = np.r_[margin, -margin], np.r_[outcome, 1 - outcome]  # symmetric thresholds
    model = ordinal.OrderedModel((2 * both[1]).astype(int), both[0][:, None], distr="logit")
    told = model.fit(method="newton", disp=False)
    low, high = model.transform_threshold_params(told.params)[1:3]
    found = np.exp(
        link_functions.fit_outcomes(link_functions.rao_kupper, *both, np.ones((1, 8_000)))[0]
    )
    assert -low == pytest.approx(high, abs=1e-6)
    # the weak prior moves the mode by less than a thousandth of a standard error here
    assert found == pytest.approx([told.params[0], high], abs=2e-3)


@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
def test_gradients_and_curvatures_of_priors_are_derivatives(prior):
    rng = np.random.default_rng(3)
    seen = prior.observations(1, rng)
    k = (
        prior.density(np.zeros((1, len(seen[0]))), seen).gradient.shape[1]
        if prior is not LAPSE
        else 2
    )
    theta = rng.normal(size=k)

    def value(t):
        return prior.density(t[None], seen).value[0]

    def gradient(t):
        return prior.density(t[None], seen).gradient[0]

    at = prior.density(theta[None], seen)
    assert np.abs(differences(value, theta) - at.gradient[0]).max() < 1e-6
    assert np.abs(differences(gradient, theta) - at.curvature[0]).max() < 1e-6


def test_the_prior_of_the_lapse_is_beta_and_of_the_slope_normal():
    seen = LAPSE.observations(1)

    def density(rate):  # of the rate, from that of its logit
        theta = np.array([[0.0, np.log(rate / (1 - rate))]])
        return np.exp(-LAPSE.density(theta, seen).value[0]) / (rate * (1 - rate))

    whole = integrate.quad(density, 0, 1)[0]
    for rate in (0.01, 0.05, 0.3):
        assert density(rate) / whole == pytest.approx(stats.beta(1, 19).pdf(rate), rel=1e-8)
    values = [LAPSE.density(np.array([[z, 0.0]]), seen).value[0] for z in (0.0, 1.5)]
    assert values[1] - values[0] == pytest.approx(0.5)


def test_what_priors_see_varies_as_much_as_they_say():
    rng = np.random.default_rng(4)
    drawn = weak_priors.walk(4).observations(40_000, rng)
    steps = np.diff(drawn, axis=1, prepend=0)
    assert np.abs(np.cov(steps.T) - np.diag([weak_priors.SLOPE_SD**2, 1, 1, 1])).max() < 0.06
    center, a, b = LAPSE.observations(40_000, rng).T
    assert center.std() == pytest.approx(weak_priors.SLOPE_SD, rel=0.02)
    assert (a / (a + b)).mean() == pytest.approx(0.05, abs=0.002)  # a Bayes bootstrap of 20 cases


@pytest.mark.parametrize("seed", range(10))
def test_newton_is_the_logistic_regression_of_statsmodels(seed):
    api = importlib.import_module("statsmodels.api")
    rng = np.random.default_rng(seed)
    n = 120
    design = np.stack([rng.normal(size=n), np.ones(n)], axis=1)
    offset, weights = rng.normal(size=n), rng.integers(0, 4, (6, n)).astype(float)
    label = (rng.random(n) < expit(0.7 * design[:, 0] + offset)).astype(float)
    found = logistic_regression.newton(
        design, offset, label, np.ascontiguousarray(weights.T), np.zeros((6, 2))
    )
    for w, theta in zip(weights, found, strict=True):
        family = api.families.Binomial()
        told = api.GLM(label, design, family, offset=offset, freq_weights=w).fit(tol=1e-12)
        assert np.abs(theta - told.params).max() < 1e-7


def test_newton_says_where_there_is_no_finite_slope():
    x = np.array([-1.0, -0.5, 0.5, 1.0])
    both = np.stack([np.ones(4), [1.0, 1.0, 1.0, 1.0]], axis=1)
    separated, mixed = (x > 0).astype(float), np.array([1.0, 0.0, 1.0, 1.0])
    start = np.zeros((2, 1))
    assert np.isnan(logistic_regression.newton(x[:, None], 0 * x, separated, both, start)).all()
    assert np.isfinite(logistic_regression.newton(x[:, None], 0 * x, mixed, both, start)).all()
