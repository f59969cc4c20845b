"""The models, as NumPyro functions of plain arrays.

They are written so that NUTS moves easily: cells (scorer by task) are centred on their mean where
the data say much of them and not where they say little; scorers are contrasts in an orthonormal
basis, so that no direction is shared between what scorers and what tasks have in common.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.nn import sigmoid

from metaeval.bayes.bases import contrasts
from metaeval.bayes.likelihoods import signed_root

MEAN, SD_MEAN = 0.7, 1.0  # of the logit of accuracies, before anything is seen
SD_TASK, SD_SCORER, SD_CELL = 0.75, 0.5, 0.3  # scales of half-normal standard deviations
FLAT = 10.0  # standard deviation of what is not pooled: on the logit scale next to nothing


def accuracy(
    right: Any,
    trials: Any,
    precision: Any,
    centring: Any,
    *,
    pool: bool = True,
) -> None:
    r"""Accuracy of each scorer in each task, tasks pooled as far as they are alike.

    Parameters
    ----------
    right, trials : array (scorer, task)
        Effective numbers of right and of all verdicts; see Notes.
    precision : array (task, scorer, scorer)
        Inverse correlation of the scorers' estimates in each task: they share its items.
    centring : mapping of `task`, `scorer`, `cell` to a number
        Between 0 and 1: how much the data say of these effects. It changes how fast chains move,
        not what they converge to.
    pool : bool, default True
        Whether scorers and tasks are drawn from populations; if not, every cell is by itself.

    Returns
    -------
    None
        It is for `fit`, or NumPyro's own samplers; sites `logit` and `accuracy` (scorer, task).

    Notes
    -----
    Cell logits are :math:`z_{mt} = \mu_t + a_m + c_{mt}`, with level
    :math:`\mu_t \sim N(\mu, \sigma_\text{task}^2)`, and effects :math:`a_m` and interactions
    :math:`c_{mt}` normal around 0, both adding up to 0 over the scorers. Their inverse logits are
    the marginal accuracies themselves (means over items), not those of a typical item. The
    likelihood of a task is :math:`\exp(-r' R^{-1} r / 2)`, where :math:`r_m` is the signed root of
    twice the binomial log likelihood ratio of scorer m, with as many effective trials as the
    variance of its estimate over items (clusters) says, and R the correlation of the estimates.
    Were scorers independent it would be the binomial likelihood exactly; near its mode it is the
    normal one, so that it is an approximation with few items and much correlation. R and the
    effective trials are taken as known.

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
    n_scorers, n_tasks = right.shape
    if not pool:
        z = numpyro.sample("logit", dist.Normal(0.0, FLAT).expand(right.shape).to_event(2))
    else:
        z = numpyro.deterministic("logit", _pooled_logits(n_scorers, n_tasks, centring))
    r = signed_root(z, right, trials)
    numpyro.factor("likelihood", -0.5 * jnp.einsum("kt,tkl,lt->", r, precision, r))
    numpyro.deterministic("accuracy", sigmoid(z))


def _pooled_logits(n_scorers: int, n_tasks: int, centring: Any) -> Any:
    """Logits (scorer, task) in a basis whose directions the data tell apart.

    Means over the tasks and scorers at hand are parameters; those of their populations are left
    to be drawn given these, see `verdicts.populations`.
    """
    sd_task = sd_scorer = sd_cell = 0.0
    if n_tasks > 1:
        sd_task = numpyro.sample("sd_task", dist.HalfNormal(SD_TASK))
    if n_scorers > 1:
        sd_scorer = numpyro.sample("sd_scorer", dist.HalfNormal(SD_SCORER))
    if n_tasks > 1 and n_scorers > 1:
        sd_cell = numpyro.sample("sd_cell", dist.HalfNormal(SD_CELL))
    grand_sd = jnp.sqrt(SD_MEAN**2 + sd_task**2 / n_tasks)
    z = MEAN + grand_sd * numpyro.sample("grand_raw", dist.Normal(0.0, 1.0))
    task, scorer = contrasts(n_tasks), contrasts(n_scorers)
    if n_tasks > 1:
        z = z + (task @ _effects("task", sd_task, (n_tasks - 1,), centring["task"]))[None]
    if n_scorers > 1:
        sd = jnp.sqrt(sd_scorer**2 + sd_cell**2 / n_tasks)
        found = _effects("scorer", sd, (n_scorers - 1,), centring["scorer"])
        z = z + (scorer @ found)[:, None]
    if n_tasks > 1 and n_scorers > 1:
        shape = (n_scorers - 1, n_tasks - 1)
        z = z + scorer @ _effects("cell", sd_cell, shape, centring["cell"]) @ task.T
    return jnp.broadcast_to(z, (n_scorers, n_tasks))


def _effects(name: str, sd: Any, shape: tuple[int, ...], centring: Any) -> Any:
    """Normal(0, sd) effects, in coordinates between centred (1) and standardised (0)."""
    raw = dist.Normal(0.0, sd**centring).expand(shape).to_event(len(shape))
    return sd ** (1 - centring) * numpyro.sample(f"{name}_raw", raw)
