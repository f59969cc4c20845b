"""Log likelihoods in JAX, written so that neither they nor their gradients overflow or cancel."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

_LEAST = 1e-20  # of a squared root: below it the likelihood is flat to rounding


def signed_root(z: Any, right: Any, trials: Any) -> Any:
    """Signed root of twice the log ratio of a binomial likelihood to its maximum.

    `z` logits, `right` of `trials`, all of one shape; positive where z is too high. Minus half its
    square is the binomial log likelihood, up to a constant.
    """
    share = right / trials
    wrong = trials - right
    top = _xlogy(right, share) + _xlogy(wrong, 1 - share)
    drop = 2 * (top - right * z + trials * jax.nn.softplus(z))
    side = jnp.where(trials * jax.nn.sigmoid(z) >= right, 1.0, -1.0)
    return side * jnp.sqrt(jnp.maximum(drop, _LEAST))


def _xlogy(x: Any, y: Any) -> Any:
    return jnp.where(x > 0, x * jnp.log(jnp.where(x > 0, y, 1.0)), 0.0)
