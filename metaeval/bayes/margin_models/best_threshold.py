"""The margin up to which a tie is the most probable outcome."""

from __future__ import annotations

from typing import Any

import numpy as np

from metaeval.core import Floats, MetaevalError, check_one_of

MODELS = ("rao_kupper", "davidson")


def tie_threshold(slope: Any, threshold: Any, model: str = "rao_kupper") -> Any:
    r"""Compute the margin up to which a tie is the most probable of the three outcomes.

    Parameters
    ----------
    slope : float or array
        Slope of the latent difference u in the margin d of scores, u = slope * d.
    threshold : float or array
        Threshold of the model on the scale of u. For `rao_kupper` :math:`t = \log \theta`, at
        least 0, with P(win) = expit(u - t) and P(loss) = expit(-u - t); for `davidson`
        :math:`\log \nu`, with win, tie and loss in proportion to :math:`e^{u/2}, \nu, e^{-u/2}`.
    model : {"rao_kupper", "davidson"}

    Returns
    -------
    float or array
        Predicting a tie for smaller absolute margins maximizes three-way accuracy; 0 if a tie is
        never the most probable outcome, inf if it always is (slope 0). Arguments are broadcast,
        so that draws can be passed directly.

    Raises
    ------
    MetaevalError
        If an argument is not finite, or a threshold of `rao_kupper` is below 0.

    Notes
    -----
    A tie is the most probable outcome for Rao and Kupper if
    :math:`|u| < \log(\theta - 2 / \theta)`, never if :math:`\theta \le 2` (at most a third of even
    pairs are tied); for Davidson if :math:`|u| < 2 \log \nu`, never if :math:`\nu \le 1`. All
    errors are assumed to have the same cost. Lapses distributed uniformly over the three outcomes
    do not change the result. With an order bias :math:`\alpha` the region is centered at
    :math:`\beta d = \alpha`.

    References
    ----------
    Rao, Kupper (1967), Ties in paired-comparison experiments. Davidson (1970), On extending the
    Bradley-Terry model to accommodate ties in paired comparison experiments.

    Examples
    --------
    >>> import numpy as np
    >>> from metaeval.bayes import tie_threshold
    >>> float(round(tie_threshold(1.0, np.log(3)), 6))
    0.847298
    >>> tie_threshold(np.array([1.0, 2.0]), np.log(1.8), "davidson").round(4).tolist()
    [1.1756, 0.5878]
    """
    check_one_of("model", model, MODELS)
    absolute_slope = np.abs(_finite("slope", slope))
    latent = np.maximum(_LATENT[model](_finite("threshold", threshold)), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(latent > 0, latent / absolute_slope, 0.0)[()]


def _finite(name: str, value: Any) -> Floats:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if not np.isfinite(array).all():
        raise MetaevalError(f"{name} must be a finite number or an array of finite numbers.")
    return array


def _rao_kupper(t: Floats) -> Floats:
    """Return max(log(theta - 2 / theta), 0) for t = log theta."""
    if (t < 0).any():
        raise MetaevalError(
            "threshold must be at least 0 for model='rao_kupper', where it is log theta; for log "
            "nu of Davidson's model, use model='davidson'."
        )
    tied = np.maximum(t, np.log(2))
    return np.asarray(tied + np.log1p(-2 * np.exp(-2 * tied)))


def _davidson(log_nu: Floats) -> Floats:
    return 2 * log_nu


_LATENT = {"rao_kupper": _rao_kupper, "davidson": _davidson}
