"""What all forms of the model of raters with covariates are asked in the same way."""

import jax
import numpy as np
from numpyro import handlers

from metaeval.bayes.rater_models.density import rater_density
from metaeval.core import double_precision


def log_likelihoods(ready):
    """Of one draw from the prior: by the model, half of it counted, and the sum over units."""
    arrays = dict(ready.arrays) | {"effect": np.array(2.0)}
    with double_precision():
        seeded = handlers.seed(rater_density, jax.random.PRNGKey(1))
        traced = handlers.trace(seeded).get_trace(**arrays, **dict(ready.options))
    kept = {n: np.asarray(traced[n]["value"])[None, None] for n in ready.dims}
    return float(traced["likelihood"]["fn"].log_factor), ready.log_likelihood(kept).sum()


def four_times(ready):
    """Labels, counts and units of a table whose rows are there four times, copies in one unit."""
    arrays = (ready.arrays[name] for name in ("labels", "counts"))
    labels, counts = (values.reshape(-1, *values.shape[2:]) for values in arrays)
    unit = np.repeat(np.arange(len(counts)), counts.astype(int))
    return labels, 4 * counts, unit, 4.0 * np.eye(len(counts))[unit]
