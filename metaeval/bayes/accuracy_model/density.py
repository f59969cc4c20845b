"""The model of accuracy as a NumPyro function of plain arrays."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.nn import sigmoid

from metaeval.bayes.hierarchy.priors import SD_COEFFICIENT, Centerings, TwoWayPrior, sample_two_way
from metaeval.bayes.log_probs import add_likelihood, signed_root

# 95% of population means lie between accuracies of 0.22 and 0.93.
LOGIT = TwoWayPrior(name="logit", mean=0.7, sd=1.0, sd_task=0.75)


def accuracy_density(
    right: Any,
    trials: Any,
    precision: Any,
    centerings: Centerings,
    task: Any = None,
    covariates: Any = None,
    *,
    pool: bool = True,
) -> None:
    """Define the sites and the log likelihood of `bayes.AccuracyModel`.

    Parameters
    ----------
    right, trials : array (scorer, cell)
        Effective numbers of correct decisions and of trials in each cell.
    precision : array (cell, scorer, scorer)
        Inverse correlation of the scorers' accuracies in each cell, which share its items.
    centerings : mapping of `level`, `task`, `scorer`, `cell` to Centering
        Approximate likelihoods of these effects, which affect the mixing of chains but not the
        posterior.
    task : array (cell,), optional
        Task of each cell, if cells are parts of tasks.
    covariates : array (covariate, cell), optional
        Differences, better minus worse response, divided by their root mean squares.
    pool : bool, default True
        Whether scorers and tasks are drawn from populations (partial pooling).
    """
    n_scorers, n_tasks = len(right), len(centerings["task"].location) + 1
    if not pool:
        uniform = dist.Logistic(0.0, 1.0).expand([n_scorers, n_tasks]).to_event(2)
        z = numpyro.sample("logit", uniform)
    else:
        z = sample_two_way(LOGIT, n_scorers, n_tasks, centerings)
    numpyro.deterministic("accuracy", sigmoid(z))
    if covariates is not None:
        prior = dist.Normal(0.0, SD_COEFFICIENT).expand([n_scorers, len(covariates)]).to_event(2)
        z = z[:, task] + numpyro.sample("coefficient", prior) @ covariates
    r = signed_root(z, right, trials)
    add_likelihood(-0.5 * jnp.einsum("kt,tkl,lt->", r, precision, r))
