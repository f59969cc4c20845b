"""Outcome probabilities of a posterior at any margin."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

from metaeval.bayes.datatree import read_attr
from metaeval.bayes.margin_models import densities
from metaeval.core import Floats, double_precision
from metaeval.curves import spline_basis

_SITES = (
    "log_slope",
    "log_threshold",
    "log_nu",
    "logit_lapse",
    "bias",
    "shape",
    "asymmetry",
    "intercept",
)


def outcome_log_probs(tree: xr.DataTree, margin: Floats, step: int = 1) -> Floats:
    """Compute log outcome probabilities at margins (scorer, task, point) in units of the scores.

    For every `step`-th draw and equal covariates: (chain, draw, scorer, task, point, outcome).
    """
    posterior, constant = tree["posterior"], tree["constant_data"]
    values = {n: posterior[n].to_numpy()[:, ::step] for n in _SITES if n in posterior}
    scaled = margin / constant["scale"].to_numpy()[:, None, None]
    form = str(read_attr(tree, "options")["form"])
    with double_precision():
        jnp_values: Any = {n: jnp.asarray(v) for n, v in values.items()}
        if tree.attrs["model"] == "ties":
            return np.asarray(densities.tie_log_probs(jnp_values, scaled, None, form))
        basis = None
        if form == "spline":
            basis = spline_basis_at(scaled, constant["knots"].to_numpy())
        if form == "beta":
            basis = beta_basis_at(scaled, constant["log_means"].to_numpy())
        return np.asarray(densities.agreement_log_probs(jnp_values, scaled, None, basis, form))


def spline_basis_at(margin: Floats, knots: Floats) -> Floats:
    """Evaluate the odd spline basis at scaled margins (scorer, ...): (knot, scorer, ...)."""
    rows = []
    for scaled, scorer_knots in zip(margin, knots, strict=True):
        flat = scaled.reshape(-1)
        columns = spline_basis(np.abs(flat), scorer_knots) * np.sign(flat)[:, None]
        rows.append(columns.T.reshape(-1, *scaled.shape))
    return np.stack(rows, axis=1)


def beta_basis_at(margin: Floats, means: Floats) -> Floats:
    """Return log p and -log(1 - p), minus `means` (2, scorer), at log odds: (2, scorer, ...)."""
    logs = np.stack([-np.logaddexp(0, -margin), np.logaddexp(0, margin)])
    return np.asarray(logs - means.reshape(*means.shape, *[1] * (margin.ndim - 1)))


def log_means(margin: Floats, weight: Floats) -> Floats:
    """Compute weighted means of log p and -log(1 - p) over all bins: (2, scorer)."""
    logs = np.stack([-np.logaddexp(0, -margin), np.logaddexp(0, margin)])
    return np.asarray((logs * weight).sum(axis=(-2, -1)) / weight.sum(axis=(-2, -1)))
