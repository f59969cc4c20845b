"""Calibration measures against libraries of others, on at least a hundred random inputs each."""

import importlib
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from single_values import value

import metaeval as me
from metaeval.calibration import decompose
from metaeval.curves import (
    bins_of,
    calibrators,
    cosines,
    fixed_point_bandwidth,
    isotonic_fit,
    residuals_by_cell,
    selective_risk,
)

HUNDRED = range(100)
EXACT = 1e-10


def table_of(p, y, items=None):
    """Responses of one scorer, each an item of its own unless `items` say otherwise."""
    items = np.arange(len(p)) if items is None else items
    rows = pd.DataFrame({"item": items, "system": np.arange(len(p))})
    scores, labels = pd.DataFrame({"a": p}), pd.DataFrame({"h": y})
    return me.Responses(rows, scores, labels, label_kind="rating")


def pairs_of(margin, y):
    rows = pd.DataFrame({"item": np.arange(len(y)), "first": "a", "second": "b"})
    labels = pd.DataFrame({"h": 2 * y - 1})
    return me.Pairs(rows, pd.DataFrame({"a": margin}), labels)


def drawn(seed, n=None, least=0.02, shares=False):
    """Forecasts (often tied), labels of both kinds, weights."""
    rng = np.random.default_rng(seed)
    n = n or int(rng.integers(20, 200))
    p = rng.uniform(least, 1 - least, n)
    p = np.round(p, 1 + seed % 3) if seed % 2 else p
    y = (rng.random(n) < p ** rng.uniform(0.4, 2.5)).astype(float)
    y[:2] = 0.0, 1.0
    if shares:
        y = np.where(rng.random(n) < 0.3, np.round(rng.random(n), 1), y)
    return p, y, rng.integers(1, 4, n).astype(float)


def kept(p):
    return np.clip(p, 0.02, 0.98)


# scikit-learn


@pytest.mark.parametrize("over", ["responses", "pairs"])
def test_brier_and_log_loss_of_scikit_learn(over):
    metrics = importlib.import_module("sklearn.metrics")
    for seed in HUNDRED:
        p, y, _ = drawn(seed)
        p = kept(p)
        if over == "pairs":
            table, options = pairs_of(2 * p - 1, y), {"scale": "probability"}
        else:
            table, options = table_of(p, y), {"scale": "probability"}
        assert_allclose(
            value("brier", table, **options), metrics.brier_score_loss(y, p), rtol=EXACT
        )
        assert_allclose(value("log_loss", table, **options), metrics.log_loss(y, p), rtol=EXACT)


def test_auroc_of_scikit_learn_with_ties_and_weights():
    metrics = importlib.import_module("sklearn.metrics")
    for seed in HUNDRED:
        p, y, w = drawn(seed)
        level = np.unique(p, return_inverse=True)[1]
        found = selective_risk.rank_value(
            np.bincount(level, w * y), np.bincount(level, w * (1 - y))
        )
        told = metrics.roc_auc_score(y, p, sample_weight=w)
        assert_allclose(found, told, atol=EXACT)
        plain = metrics.roc_auc_score(y, p)
        assert_allclose(value("auroc", table_of(p, y)), plain, atol=EXACT)


def test_auroc_of_pairs_is_that_of_both_orders_and_of_items_their_mean():
    metrics = importlib.import_module("sklearn.metrics")
    for seed in HUNDRED:
        p, y, _ = drawn(seed)
        margin = np.round(8 * p - 4, 1)
        told = metrics.roc_auc_score(np.r_[y, 1 - y], np.r_[margin, -margin])
        table = pairs_of(margin, y)
        assert_allclose(value("auroc", table), told, atol=EXACT)
        assert_allclose(value("augrc", table), (1 - told) / 2, atol=EXACT)
        items = np.random.default_rng(seed).integers(0, 8, len(p))
        each = [
            metrics.roc_auc_score(y[items == i], p[items == i])
            for i in range(8)
            if len(set(y[items == i])) == 2
        ]
        within = value("auroc", table_of(p, y, items), grouping="item", rows="responses")
        assert_allclose(within, np.mean(each), atol=EXACT)


def test_isotonic_regression_of_scikit_learn():
    isotonic = importlib.import_module("sklearn.isotonic")
    for seed in HUNDRED:
        p, y, w = drawn(seed, shares=True)
        told = isotonic.IsotonicRegression().fit(p, y, sample_weight=w)
        assert_allclose(isotonic_fit(p, y, w), told.predict(p), atol=EXACT)
        at = np.linspace(p.min(), p.max(), 23)
        curve = calibrators.BY_NAME["isotonic"].curve(p, y, w, False)
        assert_allclose(curve(at), told.predict(at), atol=1e-9)


def test_equal_width_ece_of_scikit_learn():
    calibration = importlib.import_module("sklearn.calibration")
    for seed in HUNDRED:
        p, y, _ = drawn(seed)
        p = kept(p + 1e-4)  # off the edges, which are closed on different sides
        freq, mean = calibration.calibration_curve(y, p, n_bins=10)
        size = np.bincount(np.floor(p * 10).astype(int), minlength=10)
        told = np.abs(freq - mean) @ size[size > 0] / len(p)
        options = {"bins": 10, "binning": "equal-width", "scale": "probability"}
        assert_allclose(value("ece", table_of(p, y), **options), told, atol=EXACT)


def test_cox_recalibration_is_the_logistic_regression_of_scikit_learn():
    linear = importlib.import_module("sklearn.linear_model")
    for seed in HUNDRED:
        p, y, _ = drawn(seed, n=120)
        p = kept(p)
        x = np.log(p / (1 - p))[:, None]
        model = linear.LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky")
        told = model.fit(x, y)
        table = table_of(p, y)
        assert_allclose(value("cox_slope", table, scale="probability"), told.coef_[0, 0], atol=1e-6)
        assert_allclose(
            value("cox_intercept", table, scale="probability"), told.intercept_[0], atol=1e-6
        )
        through = linear.LogisticRegression(
            C=np.inf, tol=1e-10, solver="newton-cholesky", fit_intercept=False
        ).fit(np.r_[x, -x], np.r_[y, 1 - y])
        found = value("cox_slope", pairs_of(x[:, 0], y), scale="log_odds")
        assert_allclose(found, through.coef_[0, 0], atol=1e-6)


def test_platt_is_near_the_logistic_regression_of_large_samples():
    linear = importlib.import_module("sklearn.linear_model")
    p, y, w = drawn(0, n=20_000)
    curve = calibrators.BY_NAME["platt"].curve(p, y, w, False)
    told = linear.LogisticRegression(C=np.inf, tol=1e-10).fit(p[:, None], y, sample_weight=w)
    # labels drawn in by one case of each kind
    at = np.linspace(0, 1, 9)
    assert_allclose(curve(at), told.predict_proba(at[:, None])[:, 1], atol=5e-4)


# statsmodels


def test_the_shift_of_the_log_odds_is_that_of_statsmodels():
    api = importlib.import_module("statsmodels.api")
    for seed in HUNDRED:
        p, y, _ = drawn(seed)
        p = kept(p)
        offset = np.log(p / (1 - p))
        family = api.families.Binomial()
        told = api.GLM(y, np.ones((len(y), 1)), family, offset=offset).fit(tol=1e-12).params[0]
        found = value("calibration_in_the_large", table_of(p, y), scale="probability")
        assert_allclose(found, told, atol=1e-7)


# Smooth calibration error


def smooth_by_integration(p, y, cells=20_000):
    """Where the integral of reflected Gaussian kernels equals their width: on a grid so fine."""
    at = np.round(p * cells).astype(int)
    sums = np.bincount(at, (y - p) / len(p), cells + 1)
    doubled = sums.copy()
    doubled[[0, -1]] *= 2
    around = np.fft.rfft(np.r_[doubled, doubled[-2:0:-1]])  # a circle, of which we see one half
    frequency = np.pi * np.arange(len(around))

    def error(width):
        smooth = np.fft.irfft(around * np.exp(-((width * frequency) ** 2) / 2), 2 * cells)
        return np.abs(smooth[: cells + 1] * cells).mean()

    low, high = 1e-3, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if error(middle) > middle else (low, middle)
    return (low + high) / 2


def test_smooth_ece_of_relplot_where_it_does_not_cut_its_kernel():
    relplot = importlib.import_module("relplot")
    compared = 0
    for seed in range(240):
        p, y, _ = drawn(seed, n=300)
        p = kept(p)
        found = value("smooth_ece", table_of(p, y), scale="probability")
        if found < 0.14:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert abs(found - relplot.smECE(p, y)) < 1e-3
            compared += 1
    assert compared >= 100


def test_smooth_ece_by_integration_everywhere():
    for seed in HUNDRED:
        p, y, _ = drawn(seed, n=150, least=0.0)
        if seed % 3 == 0:
            p = np.where(np.random.default_rng(seed).random(150) < 0.3, np.round(p), p)
        found = fixed_point_bandwidth(cosines(residuals_by_cell(p, (y - p) / len(p))))
        assert abs(found - smooth_by_integration(p, y)) < 1e-3


# Parts of proper scores


@pytest.mark.parametrize("score", ["brier", "log"])
def test_parts_of_model_diagnostics(score):
    scoring = importlib.import_module("model_diagnostics.scoring")
    function = scoring.SquaredError() if score == "brier" else scoring.LogLoss()
    for seed in HUNDRED:
        p, y, w = drawn(seed, shares=False)
        p = kept(p)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told = scoring.decompose(y, p, w, scoring_function=function, functional="mean").row(0)
        found = decompose(p, y, w, score)
        parts = (found.miscalibration, found.discrimination, found.uncertainty, found.score)
        assert_allclose(parts, told[-4:], atol=1e-9)
        table = table_of(p, y)
        by_table = [
            value(name, table, score=score, scale="probability")
            for name in ("miscalibration", "discrimination", "uncertainty")
        ]
        plain = decompose(p, y, None, score)
        assert_allclose(by_table, plain[1:], atol=EXACT)


# Binned errors


@pytest.mark.parametrize("binning", ["equal-mass", "equal-width"])
def test_debiased_squared_error_of_uncertainty_calibration(binning):
    utils = pytest.importorskip("calibration.utils")
    for seed in HUNDRED:
        p, y, _ = drawn(seed, n=200)
        place = bins_of(p, np.ones(200), 10, binning)
        data = [list(zip(p[place == b], y[place == b], strict=True)) for b in np.unique(place)]
        if min(len(some) for some in data) < 2:
            continue  # a bin of one case is worth 0 there, and here its squared gap
        told = utils.unbiased_square_ce(data)
        table = table_of(p, y)
        found = value("ece_debiased", table, scale="probability", bins=10, binning=binning)
        assert_allclose(found, told, atol=EXACT)
        plain = value("ece", table, scale="probability", bins=10, binning=binning)
        assert_allclose(plain, utils.plugin_ce(data, power=1), atol=EXACT)


# Venn-Abers


def test_both_values_of_venn_abers():
    venn_abers = pytest.importorskip("venn_abers")
    for seed in HUNDRED:
        p, y, _ = drawn(seed, n=80)
        new = np.random.default_rng(seed).uniform(0.02, 0.98, 20)
        new[:8] = p[:8]
        model = venn_abers.VennAbers()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(np.stack([1 - p, p], axis=1), y)
            merged, both = model.predict_proba(np.stack([1 - new, new], axis=1))
        low, high = calibrators.venn_abers_ends(p, y, np.ones(80), new)
        assert_allclose(np.stack([low, high], axis=1), both, atol=1e-6)
        curve = calibrators.BY_NAME["venn_abers"].curve(p, y, np.ones(80), False)
        assert_allclose(curve(new), merged[:, 1], atol=1e-6)
