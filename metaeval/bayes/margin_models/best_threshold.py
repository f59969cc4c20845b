"""Where calling a tie is the best that a scorer can do."""

from __future__ import annotations

from typing import Any

import numpy as np

from metaeval.core import Floats, MetaevalError, check_one_of

MODELS = ("rao_kupper", "davidson")


def tie_threshold(slope: Any, threshold: Any, model: str = "rao_kupper") -> Any:
    r"""Margin up to which a tie is the most probable of the three outcomes.

    Parameters
    ----------
    slope : float or array
        How fast the latent gap u grows with the margin d of scores, u = slope * d.
    threshold : float or array
        Of the model, on the scale of u: for `rao_kupper` :math:`t = \log \theta`, at least 0, with
        P(win) = expit(u - t) and P(loss) = expit(-u - t); for `davidson` :math:`\log \nu`, with
        win, tie and loss in proportion to :math:`e^{u/2}, \nu, e^{-u/2}`.
    model : {"rao_kupper", "davidson"}

    Returns
    -------
    float or array
        Calls are most often right if margins below it in size are called ties; 0 where a tie is
        never the best call, inf where it always is (slope 0). Of the shape that both arguments
        broadcast to, so draws go in as they are.

    Raises
    ------
    MetaevalError
        If an argument is not finite, or a threshold of `rao_kupper` below 0.

    Notes
    -----
    For Rao and Kupper the tie is called where :math:`|u| < \log(\theta - 2 / \theta)`, never if
    :math:`\theta \le 2` (a third or less of even pairs are tied); for Davidson where
    :math:`|u| < 2 \log \nu`, never if :math:`\nu \le 1`. This is for calls that cost the same
    whatever the mistake. Lapses that are spread evenly over the three outcomes change nothing.
    With a bias :math:`\alpha` towards the first the region is around :math:`\beta d = \alpha`.

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
        raise MetaevalError(f"{name} must be a finite number, or an array of such: draws of a fit.")
    return array


def _rao_kupper(t: Floats) -> Floats:
    """log(theta - 2 / theta); 0 where it would be less."""
    if (t < 0).any():
        raise MetaevalError(
            "threshold must be at least 0 for rao_kupper: it is log theta. For log nu of Davidson "
            "use model='davidson'."
        )
    tied = np.maximum(t, np.log(2))
    return np.asarray(tied + np.log1p(-2 * np.exp(-2 * tied)))


def _davidson(log_nu: Floats) -> Floats:
    return 2 * log_nu


_LATENT = {"rao_kupper": _rao_kupper, "davidson": _davidson}
