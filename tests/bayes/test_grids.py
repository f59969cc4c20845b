"""Grids of scorers and tasks: their bases, and populations given those at hand."""

import numpy as np
import pytest
from scipy import stats

from metaeval.bayes.diagnostics import bfmi, convergence
from metaeval.bayes.grids import (
    SPREADS,
    Grid,
    centring_of,
    contrasts,
    log_prior,
    population,
    population_by_scorer,
)
from metaeval.bayes.posterior import arviz

GRID = Grid("x", 0.3, 0.8, sd_task=0.5, sd_scorer=0.6, sd_cell=0.4)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_contrasts_are_orthonormal_and_add_up_to_nothing(k):
    basis = contrasts(k)
    assert basis.T @ basis == pytest.approx(np.eye(k - 1), abs=1e-12)
    assert basis.sum(axis=0) == pytest.approx(np.zeros(k - 1), abs=1e-12)


def drawn_grids(n, k, n_tasks, rng):
    """Grids drawn from their prior, part by part, with the population means that made them."""
    mean = GRID.mean + GRID.sd * rng.standard_normal(n)
    sds = [np.abs(getattr(GRID, name) * rng.standard_normal(n)) for name in SPREADS]

    def zero_sum(shape):
        noise = rng.standard_normal(shape)
        return noise - noise.mean(axis=1, keepdims=True)

    task = sds[0][:, None] * rng.standard_normal((n, n_tasks))
    scorer = sds[1][:, None] * zero_sum((n, k))
    cell = sds[2][:, None, None] * zero_sum((n, k, n_tasks))
    value = mean[:, None, None] + task[:, None] + scorer[:, :, None] + cell
    sites = {"x": value[None]} | {
        f"x_{name}": sd[None] for name, sd in zip(SPREADS, sds, strict=True)
    }
    return mean, scorer, sites


def test_populations_are_drawn_from_what_the_prior_says_given_the_grid():
    """A draw of the mean given the grid goes with the grid as the mean that made it does."""
    rng = np.random.default_rng(1)
    mean, scorer, sites = drawn_grids(20_000, 3, 2, rng)
    found = population(GRID, sites, rng)
    level = sites["x"][0].mean(axis=(1, 2))
    for true, drawn in ((mean, found.mean[0]), (mean + scorer[:, 0], found.scorer[0][:, 0])):
        assert stats.ks_2samp(true, drawn).pvalue > 0.001
        assert np.cov(true, level) == pytest.approx(np.cov(drawn, level), rel=0.04)
        assert abs(stats.ttest_rel(true, drawn).statistic) < 4
    assert found.new is not None and found.new.shape == (1, 20_000, 3)
    new = found.new[0].mean(axis=1) - found.mean[0]  # one more task of the same kind
    assert new.std() == pytest.approx(GRID.sd_task, rel=0.04)


def test_one_task_has_no_population_of_tasks():
    rng = np.random.default_rng(0)
    value = rng.normal(size=(1, 5, 3, 1))
    found = population(GRID, {"x": value, "x_sd_scorer": np.full((1, 5), 0.5)}, rng)
    assert found.new is None
    assert found.scorer == pytest.approx(value[..., 0])


def test_populations_of_scorers_apart_are_drawn_given_the_grid():
    rng = np.random.default_rng(2)
    n = 20_000
    mean = GRID.mean + GRID.sd * rng.standard_normal((n, 1))
    sd = np.abs(GRID.sd_task * rng.standard_normal((n, 1)))
    value = mean[..., None] + sd[..., None] * rng.standard_normal((n, 1, 3))
    found = population_by_scorer(GRID, {"x": value[None], "x_sd_task": sd[None]}, rng)
    drawn, level = found.scorer[0][:, 0], value.mean(axis=-1)[:, 0]
    assert stats.ks_2samp(mean[:, 0], drawn).pvalue > 0.001
    assert np.cov(mean[:, 0], level) == pytest.approx(np.cov(drawn, level), rel=0.04)
    assert found.new is not None
    assert (found.new[0][:, 0] - drawn).std() == pytest.approx(GRID.sd_task, rel=0.04)


def test_the_log_prior_is_that_of_its_parts():
    sites = {"x_sd_task": np.array([[0.1, 0.2]]), "x_sd_cell": np.array([[0.3, 0.3]])}
    mean = np.array([[0.0, 1.0]])
    known = stats.norm.logpdf(mean, 0.3, 0.8)
    known = known + stats.halfnorm.logpdf(sites["x_sd_task"], scale=0.5)
    found = log_prior(GRID, sites, mean)
    assert np.diff(found) == pytest.approx(np.diff(known))


def test_effects_are_centred_where_the_data_say_much_of_many_of_them():
    few, many = (centring_of(np.full(shape, 100.0)) for shape in ((2, 2), (30, 20)))
    assert all(few[name] < many[name] / 2 for name in few)
    assert max(centring_of(np.full((30, 20), 0.01)).values()) < 0.1
    assert min(centring_of(np.full((30, 20), 1e4)).values()) > 0.9
    assert min(centring_of(np.full((2, 2), 1e6)).values()) > 0.9


def test_convergence_is_that_of_arviz():
    import xarray as xr

    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=(4, 400, 5)), axis=1) * [0, 0.01, 0.05, 0.1, 0.3]
    draws = walk + rng.normal(size=(4, 400, 5))
    found, az = convergence(draws), arviz()
    known = xr.Dataset({"x": (("chain", "draw", "k"), draws)})
    assert found.rhat == pytest.approx(az.rhat(known)["x"].to_numpy(), abs=1e-10)
    for method, values in (("bulk", found.bulk), ("tail", found.tail)):
        expected = az.ess(known, method=method)["x"].to_numpy()
        enough = expected > 400  # below, estimators differ by factors, and all say too few
        assert values[enough] == pytest.approx(expected[enough], rel=0.1)
        assert (values[~enough] < 400).all() and enough.any() and not enough.all()
    energy = rng.normal(size=(4, 400))
    stats_ = xr.Dataset({"energy": (("chain", "draw"), energy)})
    bfmi_ = az.bfmi(stats_)
    bfmi_ = bfmi_["energy"].to_numpy() if hasattr(bfmi_, "data_vars") else bfmi_
    assert bfmi(energy) == pytest.approx(bfmi_, rel=0.02)
