"""Grids of scorers and tasks: their bases, and populations given those at hand."""

import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro import handlers
from scipy import optimize, stats

from metaeval.bayes.datatree import arviz
from metaeval.bayes.hierarchy.centering import curve_centerings
from metaeval.bayes.hierarchy.priors import (
    SD_NAMES,
    Centering,
    TwoWayPrior,
    centered_normal,
    contrasts,
    draw_population,
    draw_population_per_scorer,
    log_prior,
    per_scorer_centerings,
    prior_only_centering,
    two_way_centerings,
)
from metaeval.bayes.margin_models import densities
from metaeval.bayes.sampling.convergence import bfmi, convergence
from metaeval.core import double_precision

GRID = TwoWayPrior(name="x", mean=0.3, sd=0.8, sd_task=0.5, sd_scorer=0.6, sd_cell=0.4)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_contrasts_are_orthonormal_and_add_up_to_nothing(k):
    basis = contrasts(k)
    assert basis.T @ basis == pytest.approx(np.eye(k - 1), abs=1e-12)
    assert basis.sum(axis=0) == pytest.approx(np.zeros(k - 1), abs=1e-12)


def drawn_grids(n, k, n_tasks, rng):
    """Grids drawn from their prior, part by part, with the population means that made them."""
    mean = GRID.mean + GRID.sd * rng.standard_normal(n)
    sds = [np.abs(getattr(GRID, name) * rng.standard_normal(n)) for name in SD_NAMES]

    def zero_sum(shape):
        noise = rng.standard_normal(shape)
        return noise - noise.mean(axis=1, keepdims=True)

    task = sds[0][:, None] * rng.standard_normal((n, n_tasks))
    scorer = sds[1][:, None] * zero_sum((n, k))
    cell = sds[2][:, None, None] * zero_sum((n, k, n_tasks))
    value = mean[:, None, None] + task[:, None] + scorer[:, :, None] + cell
    sites = {"x": value[None]} | {
        f"x_{name}": sd[None] for name, sd in zip(SD_NAMES, sds, strict=True)
    }
    return mean, scorer, sites


def test_populations_are_drawn_from_what_the_prior_says_given_the_grid():
    """A draw of the mean given the grid goes with the grid as the mean that made it does."""
    rng = np.random.default_rng(1)
    mean, scorer, sites = drawn_grids(20_000, 3, 2, rng)
    found = draw_population(GRID, sites, rng)
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
    found = draw_population(GRID, {"x": value, "x_sd_scorer": np.full((1, 5), 0.5)}, rng)
    assert found.new is None
    assert found.scorer == pytest.approx(value[..., 0])


def test_populations_of_scorers_apart_are_drawn_given_the_grid():
    rng = np.random.default_rng(2)
    n = 20_000
    mean = GRID.mean + GRID.sd * rng.standard_normal((n, 1))
    sd = np.abs(GRID.sd_task * rng.standard_normal((n, 1)))
    value = mean[..., None] + sd[..., None] * rng.standard_normal((n, 1, 3))
    found = draw_population_per_scorer(GRID, {"x": value[None], "x_sd_task": sd[None]}, rng)
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


AT, ROOT, MEAN, SD = np.array([1.3, -0.2]), np.array([4.0, 0.5]), 0.3, 0.7


def log_density(x, place, sd=SD):
    """Log density of coordinates under `centered_normal`, and the values there."""

    def model():
        numpyro.deterministic("value", centered_normal("v", MEAN, sd, place))

    with double_precision():
        fixed = handlers.substitute(model, {"v_raw": jnp.asarray(x)})
        found, trace = numpyro.infer.util.log_density(fixed, (), {}, {})
        return float(found), np.asarray(trace["value"]["value"])


@pytest.mark.parametrize("root", [ROOT, 0 * ROOT, 1e4 * ROOT])
def test_where_the_data_put_values_does_not_change_their_distribution(root):
    x, step = np.array([0.4, -1.1]), 1e-5
    place = Centering(AT, root)
    found, value = log_density(x, place)
    ahead, behind = (log_density(x + s, place)[1] for s in (step, -step))
    scale = (ahead - behind) / (2 * step)
    assert found == pytest.approx(stats.norm.logpdf(value, MEAN, SD).sum() + np.log(scale).sum())


@pytest.mark.parametrize("sd", [1e-6, 0.02, 0.7, 30.0])
def test_coordinates_are_standard_normal_where_data_are_where_they_are_said_to_be(sd):
    rng = np.random.default_rng(0)
    place = Centering(AT, ROOT)
    away = []
    for x in rng.normal(size=(5, 2)):
        found, value = log_density(x, place, sd)
        seen = stats.norm.logpdf(value, AT, 1 / ROOT).sum()
        away.append(found + seen - stats.norm.logpdf(x).sum())
    assert np.ptp(away) < 1e-6


def test_places_of_two_way_grids_are_those_of_the_parts():
    """Against the covariance of all cells, written out."""
    rng = np.random.default_rng(0)
    k, n_tasks = 3, 4
    at = rng.normal(size=(k, n_tasks))
    root = rng.normal(size=(n_tasks, k, k))
    covariance = root @ root.transpose(0, 2, 1)
    of_cells = np.zeros((k, n_tasks, k, n_tasks))
    for t in range(n_tasks):
        of_cells[:, t, :, t] = covariance[t]
    scorer, task = contrasts(k), contrasts(n_tasks)
    whole = {"scorer": np.full((k, 1), 1 / k), "task": np.full((n_tasks, 1), 1 / n_tasks)}
    parts = {
        "level": (whole["scorer"], whole["task"]),
        "task": (whole["scorer"], task),
        "scorer": (scorer, whole["task"]),
        "cell": (scorer, task),
    }
    for name, place in two_way_centerings(at, covariance).items():
        left, right = parts[name]
        value = np.einsum("ki,kt,tj->ij", left, at, right)
        variance = np.einsum("ki,tj,ktlu,li,uj->ij", left, right, of_cells, left, right)
        assert place.location.ravel() == pytest.approx(value.ravel())
        assert place.root_precision.ravel() == pytest.approx(variance.ravel() ** -0.5)
        assert not prior_only_centering({name: place})[name].root_precision.any()


def test_places_by_scorer_are_those_of_each_scorer_alone():
    rng = np.random.default_rng(1)
    at, variance = rng.normal(size=(3, 4)), rng.uniform(0.1, 1, size=(3, 4))
    together = per_scorer_centerings(at, variance)
    for k in range(3):
        alone = two_way_centerings(at[[k]], variance[k][:, None, None])
        for name in ("level", "task"):
            for one, other in zip(together[name], alone[name], strict=True):
                assert one[k] == pytest.approx(other)


def test_modes_of_cells_are_those_of_a_general_optimiser():
    """Two cells of ties: the mode with a wide prior, and the inverse curvature there."""
    rng = np.random.default_rng(2)
    margin = np.abs(rng.normal(size=(1, 2, 64)))
    counts = rng.integers(0, 50, size=(1, 2, 64, 3)).astype(float)
    counts[..., 2] += 80 * margin
    grids = (densities.LOG_SLOPE, densities.LOG_THRESHOLD)
    chances = densities.cell_log_probs("rao_kupper")

    def with_lapse(values, margin, basis):
        return chances({**values, "logit_lapse": jnp.full((1, 1), -3.0)}, margin, basis)

    places = curve_centerings(with_lapse, grids, margin, counts)
    at, error = np.zeros((2, 2)), np.zeros((2, 2))
    for t in range(2):

        def loss(theta, t=t):
            values = {g.name: np.array([[v]]) for g, v in zip(grids, theta, strict=True)}
            with double_precision():
                logs = np.asarray(with_lapse(values, margin[:, t : t + 1], None))[0, 0]
            prior = sum(((v - g.mean) / g.sd) ** 2 for g, v in zip(grids, theta, strict=True))
            return prior / 2 - (counts[0, t] * logs).sum()

        found = optimize.minimize(loss, [0.0, 0.0], method="BFGS", options={"gtol": 1e-4})
        at[t], error[t] = found.x, np.sqrt(np.diag(found.hess_inv))
    for g, grid in enumerate(grids):
        assert places[grid.name]["level"].location == pytest.approx(at[:, g].mean(), abs=1e-4)
        level = np.sqrt(np.square(error[:, g]).sum()) / 2
        assert 1 / places[grid.name]["level"].root_precision == pytest.approx(level, rel=0.1)


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
