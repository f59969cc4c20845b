"""Models of what labels say at a margin of two scores: win, tie or loss, or agreement."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.nn import sigmoid

from metaeval.bayes.hierarchy.priors import SD_COEFFICIENT, Grid, Places, by_scorer
from metaeval.bayes.log_probs import OUTCOMES, add_likelihood, agreement

LOG_SLOPE = Grid("log_slope", 0.0, 1.1)
LOG_THRESHOLD = Grid("log_threshold", -0.5, 0.9)
LOG_NU = Grid("log_nu", 0.0, 1.1)
LOGIT_LAPSE = Grid("logit_lapse", -3.4, 1.1)
INTERCEPT = Grid("intercept", 0.0, 1.5)
TIE_GRID = {"rao_kupper": LOG_THRESHOLD, "davidson": LOG_NU}
SD_BIAS, SD_ASYMMETRY, SD_WALK = 0.25, 0.5, 1.0

Values = Mapping[str, Any]
"""Values of the sites that a curve is made of; draws may come first."""


def ties(
    margin: Any,
    counts: Any,
    places: Mapping[str, Places],
    covariates: Any = None,
    *,
    form: str = "rao_kupper",
    order: bool = False,
) -> None:
    r"""Win, tie or loss by the labels at each margin: slope, tie threshold, lapse, order bias.

    Parameters
    ----------
    margin : array (scorer, task, bin)
        Margins over the root mean square of the scorer's margins that are not 0.
    counts : array (scorer, task, bin, 3)
        Losses, ties and wins of the first response, over the design effect; see Notes.
    places : mapping of grid to places of its parts
        Where the data put them; it changes how fast chains move, not where to.
    covariates : array (covariate, scorer, task, bin), optional
        Differences of covariates over their root mean squares.
    form : {"rao_kupper", "davidson"}
        How ties come about.
    order : bool, default False
        The first response was shown first: each scorer has a bias towards it, above 0 where it
        favours the first more than the labels do.

    Returns
    -------
    None
        It is for `fit`, or NumPyro's own samplers. Sites (scorer, task): `log_slope`,
        `log_threshold` or `log_nu`, `logit_lapse`; `bias` (scorer,), `coefficient`
        (scorer, covariate).

    Notes
    -----
    With :math:`u = \beta d - \alpha + \gamma' x`, Rao and Kupper's
    :math:`P(\text{win}) = \sigma(u - t)`, :math:`P(\text{loss}) = \sigma(-u - t)`, which is a
    cumulative logit with cutpoints :math:`\pm t`; Davidson's outcomes go as
    :math:`e^{u/2} : \nu : e^{-u/2}`. A share of labels, the lapses, is one of the three at random.
    Slopes, thresholds and lapses of a scorer in tasks are drawn from a population of tasks. Pairs
    of one item (cluster) depend on one another: the likelihood is tempered by the design effect of
    the scores of the model, estimated by task. Scorers are fitted apart, as they share their
    labels: the chance in these counts once for each of them, and differences of scorers, in which
    it cancels, are too uncertain, much so for scorers that are alike.

    References
    ----------
    Rao, Kupper (1967), Ties in paired-comparison experiments. Davidson (1970), On extending the
    Bradley-Terry model to accommodate ties. Wichmann, Hill (2001), The psychometric function.
    Pauli, Racugno, Ventura (2011), Bayesian composite marginal likelihoods.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> tree = bayes.fit(bayes.ties, load_example(), scorers=["judge"], check=False, draws=200)
    >>> sorted(tree["posterior"]["epsilon"].sizes)
    ['chain', 'draw', 'scorer', 'task']
    """
    k, n_tasks, _ = margin.shape
    values = {
        grid.name: by_scorer(grid, k, n_tasks, places[grid.name])
        for grid in (LOG_SLOPE, TIE_GRID[form], LOGIT_LAPSE)
    }
    values |= _shared(k, order, covariates)
    log_chance = tie_chances(values, margin, covariates, form)
    add_likelihood((counts * log_chance).sum())


def tie_chances(values: Values, margin: Any, covariates: Any, form: str) -> Any:
    """Log probabilities of loss, tie and win: (..., scorer, task, bin, 3)."""
    u = _latent(values, jnp.exp(values["log_slope"])[..., None] * margin, covariates)
    tie = jnp.exp(values["log_threshold"]) if form == "rao_kupper" else values["log_nu"]
    return OUTCOMES[form](u, tie[..., None], sigmoid(values["logit_lapse"])[..., None])


def calibration(
    margin: Any,
    counts: Any,
    places: Mapping[str, Places],
    covariates: Any = None,
    basis: Any = None,
    *,
    form: str = "lapse",
    order: bool = False,
) -> None:
    r"""Probability that labels side with a margin: slope, lapses, order bias; or a rising curve.

    Parameters
    ----------
    margin : array (scorer, task, bin)
        Margins over the root mean square of the scorer's margins that are not 0; with
        `form="beta"`, log odds of probabilities.
    counts : array (scorer, task, bin, 2)
        Labels against and for the first response (the event), over the design effect.
    places : mapping of grid to places of its parts
    covariates : array (covariate, scorer, task, bin), optional
        Differences of covariates over their root mean squares.
    basis : array (part, scorer, task, bin), optional
        With `form="spline"`, what each knot adds to the curve; with "beta", log p and -log(1 - p),
        each less its mean.
    form : {"lapse", "temperature", "spline", "beta"}
        A logistic curve mixed with a coin, without, any smooth rising curve, or beta calibration
        (of absolute labels).
    order : bool, default False
        The first response was shown first: each scorer has a bias towards it, above 0 where it
        favours the first more than the labels do.

    Returns
    -------
    None
        It is for `fit`, or NumPyro's own samplers. Sites (scorer, task): `log_slope`,
        `logit_lapse`, `intercept`; `bias` (scorer,), `coefficient` (scorer, covariate), `shape`
        (scorer, knot), `asymmetry` (scorer,).

    Notes
    -----
    :math:`P = \lambda/2 + (1 - \lambda)\,\sigma(\beta d - \alpha + \gamma' x)`, pairs with tied
    labels left out. The spline is :math:`u = \beta_{mt} \sum_j e^{w_{mj}} B_j(|d|)`, its shape w a
    random walk over knots that tasks share. Beta calibration is
    :math:`u = a \log p - b \log(1 - p) + c` with :math:`a = \beta e^{\delta}`,
    :math:`b = \beta e^{-\delta}`. Dependent pairs are treated as in `ties`.

    References
    ----------
    Kocmi et al. (2024), Navigating the metrics maze. Wichmann, Hill (2001), The psychometric
    function. Kull, Silva Filho, Flach (2017), Beta calibration. Ramsay (1988), Monotone regression
    splines in action.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> table = load_example()
    >>> tree = bayes.fit(bayes.calibration, table, scorers=["judge"], check=False, draws=200)
    >>> bool((tree["posterior"]["slope"] > 0).all())
    True
    """
    k, n_tasks, _ = margin.shape
    grids = (LOG_SLOPE, *MORE_GRIDS[form])
    values = {g.name: by_scorer(g, k, n_tasks, places[g.name]) for g in grids}
    values |= _shared(k, order, covariates)
    if form == "spline":
        steps = dist.Normal(0.0, SD_WALK).expand([k, basis.shape[0] - 1]).to_event(2)
        walk = jnp.cumsum(numpyro.sample("steps", steps), axis=-1)
        walk = jnp.concatenate([jnp.zeros((k, 1)), walk], axis=-1)
        values["shape"] = numpyro.deterministic("shape", walk - walk.mean(axis=-1, keepdims=True))
    if form == "beta":
        sd = dist.Normal(0.0, SD_ASYMMETRY).expand([k]).to_event(1)
        values["asymmetry"] = numpyro.sample("asymmetry", sd)
    log_chance = agreement_chances(values, margin, covariates, basis, form)
    add_likelihood((counts * log_chance).sum())


MORE_GRIDS: Mapping[str, tuple[Grid, ...]] = {
    "lapse": (LOGIT_LAPSE,),
    "temperature": (),
    "spline": (),
    "beta": (INTERCEPT,),
}


def agreement_chances(values: Values, margin: Any, covariates: Any, basis: Any, form: str) -> Any:
    """Log probabilities against and for the first response: (..., scorer, task, bin, 2)."""
    slope = jnp.exp(values["log_slope"])[..., None]
    curve = slope * margin
    if form == "spline":
        curve = slope * jnp.einsum("...kj,jktb->...ktb", jnp.exp(values["shape"]), basis)
    if form == "beta":
        tilt = jnp.exp(values["asymmetry"])[..., None, None]
        curve = slope * (tilt * basis[0] + basis[1] / tilt) + values["intercept"][..., None]
    u = _latent(values, curve, covariates)
    if "logit_lapse" in values:
        return agreement(u, sigmoid(values["logit_lapse"])[..., None])
    return agreement(u, 0.0)


@functools.cache
def cell_chances(form: str) -> Callable[[Values, Any, Any], Any]:
    """Log probabilities of a form, given grids, margin and basis, all that tasks share being 0."""

    def chances(values: Values, margin: Any, basis: Any) -> Any:
        if form in TIE_GRID:
            return tie_chances(values, margin, None, form)
        none = jnp.zeros(len(margin))
        shape = {} if form != "spline" else {"shape": jnp.zeros((len(margin), len(basis)))}
        return agreement_chances({**values, "asymmetry": none, **shape}, margin, None, basis, form)

    return chances


def _shared(k: int, order: bool, covariates: Any) -> dict[str, Any]:
    """What tasks share: the bias towards the response shown first, coefficients of covariates."""
    found = {}
    if order:
        found["bias"] = numpyro.sample("bias", dist.Normal(0.0, SD_BIAS).expand([k]).to_event(1))
    if covariates is not None:
        prior = dist.Normal(0.0, SD_COEFFICIENT).expand([k, len(covariates)]).to_event(2)
        found["coefficient"] = numpyro.sample("coefficient", prior)
    return found


def _latent(values: Values, curve: Any, covariates: Any) -> Any:
    """The curve with what tasks share: (..., scorer, task, bin)."""
    if "bias" in values:
        curve = curve - values["bias"][..., None, None]  # a margin that favours the first says less
    if covariates is not None:
        curve = curve + jnp.einsum("...kc,cktb->...ktb", values["coefficient"], covariates)
    return curve
