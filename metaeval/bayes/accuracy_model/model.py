"""The model of accuracy, as a NumPyro function of plain arrays."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.nn import sigmoid

from metaeval.bayes.hierarchy.priors import SD_COEFFICIENT, Grid, Places, two_way
from metaeval.bayes.log_probs import add_likelihood, signed_root

LOGIT = Grid("logit", 0.7, 1.0, sd_task=0.75)


def accuracy(
    right: Any,
    trials: Any,
    precision: Any,
    places: Places,
    task: Any = None,
    covariates: Any = None,
    *,
    pool: bool = True,
) -> None:
    r"""Accuracy of each scorer in each task, tasks pooled as far as they are alike.

    Parameters
    ----------
    right, trials : array (scorer, cell)
        Effective numbers of right and of all verdicts in each task (or part of it); see Notes.
    precision : array (cell, scorer, scorer)
        Inverse correlation of the scorers' estimates in each: they share its items.
    places : mapping of `level`, `task`, `scorer`, `cell` to Place
        Where the data put these effects. It changes how fast chains move, not what they converge
        to.
    task : array (cell,), optional
        Task of each cell, where cells are parts of tasks.
    covariates : array (covariate, cell), optional
        How much more of each the better response has, over the root mean square. `fit` takes
        their names: `covariates=["length_delta"]`.
    pool : bool, default True
        Whether scorers and tasks are drawn from populations; if not, every cell is by itself, its
        accuracy uniform.

    Returns
    -------
    None
        It is for `fit`, or NumPyro's own samplers; sites `logit` and `accuracy` (scorer, task),
        and `coefficient` (scorer, covariate).

    Notes
    -----
    Cell logits are :math:`z_{mt} = \mu + b_t + a_m + c_{mt}`, with effects of tasks, of scorers
    and of both normal around 0, those with scorers adding up to 0 over them. Inverse logits are
    the marginal accuracies themselves (means over items), not those of a typical item. The
    likelihood of a task is :math:`\exp(-r' R^{-1} r / 2)`, where :math:`r_m` is the signed root of
    twice the binomial log likelihood ratio of scorer m, with as many effective trials as the
    variance of its estimate over items (clusters) says, and R the correlation of the estimates.
    Were scorers independent it would be the binomial likelihood exactly; near its mode it is the
    normal one, so that it is an approximation with few items and much correlation. R and the
    effective trials are taken as known.

    With covariates the logit is :math:`z_{mt} + \gamma_m' x`, x the mean over the pairs of a unit
    of how much more the better response has. Accuracies are those of units whose responses have on
    average equally much (a scorer that only counts words has one half), and a positive coefficient
    is excess bias: the scorer is right more often where the better responses have more. It is that
    of units: with many pairs in each, whose differences average out, it is smaller than that of
    single pairs. Units of a task are taken together in up to 16 ranges of x.

    References
    ----------
    Fay, Herriot (1979), Estimates of income for small places: area models with known sampling
    variances (their model, on the logit scale). Miller (2024), Adding error bars to evals.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> tree = bayes.fit(bayes.accuracy, load_example(), draws=200, warmup=200, check=False)
    >>> list(tree["posterior"]["accuracy"].dims)
    ['chain', 'draw', 'scorer', 'task']
    """
    n_scorers, n_tasks = len(right), len(places["task"].at) + 1
    if not pool:
        flat = dist.Logistic(0.0, 1.0).expand([n_scorers, n_tasks]).to_event(2)
        z = numpyro.sample("logit", flat)
    else:
        z = two_way(LOGIT, n_scorers, n_tasks, places)
    numpyro.deterministic("accuracy", sigmoid(z))
    if covariates is not None:
        prior = dist.Normal(0.0, SD_COEFFICIENT).expand([n_scorers, len(covariates)]).to_event(2)
        z = z[:, task] + numpyro.sample("coefficient", prior) @ covariates
    r = signed_root(z, right, trials)
    add_likelihood(-0.5 * jnp.einsum("kt,tkl,lt->", r, precision, r))
