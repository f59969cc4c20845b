"""Log likelihoods in JAX, free of overflow and cancellation, gradients included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpyro

TOTAL = "log_likelihood"  # name of the site with the total log likelihood
_MAX_LOGIT = 300.0  # clipped here: exp(2 x 300) is finite in double precision, exp(2 x 400) is not
# Below it the likelihood is flat up to rounding; at 0 the square root has no derivative.
_MIN_DEVIANCE = 1e-20


def add_likelihood(value: Any) -> None:
    """Add a log likelihood to a model, and record it with the draws."""
    numpyro.factor("likelihood", value)
    numpyro.deterministic(TOTAL, value)


def signed_root(z: Any, right: Any, trials: Any) -> Any:
    """Compute the signed root of the binomial deviance.

    `z` (logits), `right` (successes) and `trials` have one shape. The root is positive where the
    probability exceeds the observed proportion; minus half its square is the binomial log
    likelihood up to a constant.
    """
    proportion = right / trials
    wrong = trials - right
    maximum = _xlogy(right, proportion) + _xlogy(wrong, 1 - proportion)
    deviance = 2 * (maximum - right * z + trials * jax.nn.softplus(z))
    sign = jnp.where(trials * jax.nn.sigmoid(z) >= right, 1.0, -1.0)
    return sign * jnp.sqrt(jnp.maximum(deviance, _MIN_DEVIANCE))


def _xlogy(x: Any, y: Any) -> Any:
    return jnp.where(x > 0, x * jnp.log(jnp.where(x > 0, y, 1.0)), 0.0)


def rao_kupper(u: Any, threshold: Any, lapse: Any) -> Any:
    """Compute log probabilities of loss, tie and win by Rao and Kupper, with lapses: (..., 3).

    P(tie) = (e^2t - 1) P(win) P(loss) avoids the cancellation of 1 - P(win) - P(loss).
    """
    u, t = jnp.clip(u, -_MAX_LOGIT, _MAX_LOGIT), jnp.minimum(threshold, _MAX_LOGIT)
    win, loss = 1 / (1 + jnp.exp(t - u)), 1 / (1 + jnp.exp(t + u))
    return _mix_with_lapses(jnp.stack([loss, jnp.expm1(2 * t) * win * loss, win], axis=-1), lapse)


def davidson(u: Any, log_nu: Any, lapse: Any) -> Any:
    """Compute log probabilities of loss, tie and win as e^(-u/2) : nu : e^(u/2): (..., 3)."""
    half = jnp.clip(u, -_MAX_LOGIT, _MAX_LOGIT) / 2
    weight = jnp.stack([jnp.exp(-half), jnp.exp(log_nu) + 0 * half, jnp.exp(half)], axis=-1)
    return _mix_with_lapses(weight / weight.sum(axis=-1, keepdims=True), lapse)


def _mix_with_lapses(probability: Any, lapse: Any) -> Any:
    """Compute logs of probabilities mixed with a uniform distribution at rate `lapse`."""
    rate = jnp.asarray(lapse)[..., None]
    return jnp.log((1 - rate) * probability + rate / probability.shape[-1])


def agreement(u: Any, lapse: Any) -> Any:
    """Compute log probabilities of disagreement and agreement, with lapses: (..., 2)."""
    u = jnp.clip(u, -_MAX_LOGIT, _MAX_LOGIT)
    for_, against = 1 / (1 + jnp.exp(-u)), 1 / (1 + jnp.exp(u))
    return _mix_with_lapses(jnp.stack([against, for_], axis=-1), lapse)


OUTCOMES: Mapping[str, Callable[[Any, Any, Any], Any]] = {
    "rao_kupper": rao_kupper,
    "davidson": davidson,
}
