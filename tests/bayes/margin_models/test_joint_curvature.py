"""Curves of scorers that share labels: their differences, and what copies do to single values."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from metaeval import Pairs, bayes
from metaeval.bayes.margin_models import densities
from metaeval.bayes.margin_models.adjustment import adjusted_log_probs
from metaeval.core import double_precision
from metaeval.curves import link_functions, scale_of
from metaeval.inference import DesignOptions

N_ITEMS, EACH = 250, 4


def shared_labels(rng, n_items=N_ITEMS, each=EACH):
    """Two near-copies and a scorer with errors of its own; pairs share a response of the item."""

    def normal():
        values = rng.normal(size=(n_items, each + 1))
        return (values[:, :1] - values[:, 1:]).reshape(-1)

    quality, error = normal(), normal()
    scores = {
        "alone": quality + 0.6 * normal(),
        "copy": quality + 0.6 * error,
        "twin": quality + 0.6 * (error + 0.1 * normal()),
    }
    label = np.sign(quality + 0.5 * normal())
    rows = pd.DataFrame({"item": np.repeat(np.arange(n_items), each), "first": "a"})
    rows["second"] = np.tile(list("bcdefghi")[:each], n_items)
    return Pairs(rows, pd.DataFrame(scores), pd.DataFrame({"h": label}))


def bootstrap_slopes(table, rng, n_resamples=400):
    """Log slopes (resample, scorer) fitted to items drawn with replacement."""
    n = table.rows["item"].nunique()
    weight = rng.multinomial(n, np.full(n, 1 / n), n_resamples)[:, table.item_codes]
    outcome = (table.labels["h"].to_numpy() > 0).astype(float)
    return np.stack(
        [
            link_functions.fit(
                link_functions.MARGIN, (d / scale_of(d))[:, None], outcome, weight.astype(float)
            )[:, 0]
            for d in table.scores.to_numpy().T
        ],
        axis=1,
    )


def test_posteriors_of_differences_are_as_wide_as_estimates_vary():
    rng = np.random.default_rng(1)
    table = shared_labels(rng)
    estimates = bootstrap_slopes(table, rng)
    model = bayes.CalibrationModel(form="temperature")
    draws = bayes.fit(model, table, n_draws=1_000, seed=1)["posterior"]["log_slope"]
    posterior = draws.to_numpy().reshape(-1, 3)
    # 400 resamples give standard deviations within 7%, and differ from true ones by about 6%
    for a, b in ((1, 2), (0, 1)):
        known = (estimates[:, a] - estimates[:, b]).std()
        assert (posterior[:, a] - posterior[:, b]).std() == pytest.approx(known, rel=0.2)
    assert posterior.std(axis=0) == pytest.approx(estimates.std(axis=0), rel=0.2)
    near, far = ((posterior[:, a] - posterior[:, 1]).std() for a in (2, 0))
    assert near < far / 4


def test_the_likelihood_has_the_curvature_of_correlated_estimates():
    rng = np.random.default_rng(2)
    table = shared_labels(rng, 3_000, 1)
    arrays = bayes.CalibrationModel(form="temperature").prepare(table, DesignOptions()).arrays
    parameters = densities.curve_parameters("temperature", False, 0, 0)

    def log_likelihood(theta):
        log_prob = adjusted_log_probs(
            densities.curve_log_probs("temperature"),
            parameters,
            {"log_slope": theta[:, None]},
            arrays["margin"],
            None,
            None,
            arrays["adjustment"],
        )
        return (arrays["counts"] * log_prob).sum()

    mode = arrays["adjustment"].mode[0]
    with double_precision():
        curvature = -np.asarray(jax.hessian(log_likelihood)(jnp.asarray(mode)))
    covariance = np.linalg.inv(curvature)
    margin = table.scores.to_numpy() / [scale_of(d) for d in table.scores.to_numpy().T]
    u = np.exp(mode) * margin
    outcome = (table.labels["h"].to_numpy() > 0)[:, None]
    scores = (outcome - expit(u)) * u
    sd = np.sqrt(np.diag(covariance))
    assert covariance / sd[:, None] / sd == pytest.approx(np.corrcoef(scores.T), abs=0.01)
    information = (expit(u) * expit(-u) * u**2).sum(axis=0)
    assert sd == pytest.approx(information**-0.5, rel=0.03)


def test_identical_scorers_cannot_be_told_apart():
    rng = np.random.default_rng(3)
    table = shared_labels(rng, 100, 2)
    same = table.replace(scores=table.scores.assign(twin=table.scores["copy"]))
    tree = bayes.fit("calibration", same, n_draws=500, check=False)
    row = bayes.summarize(tree, "slope").row("copy", "twin")
    own = bayes.summarize(tree, "slope").row("copy")
    assert 0.4 < row["prob_better"] < 0.6
    assert row["se"] < 0.1 * own["se"]
