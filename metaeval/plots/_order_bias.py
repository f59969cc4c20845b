"""Bias towards the response that was shown first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from metaeval.bayes.datatree import is_posterior
from metaeval.core import MetaevalError
from metaeval.inference import evaluate
from metaeval.plots.input_checks import (
    as_name_list,
    require_defaults,
    require_table,
    select_scorers,
)
from metaeval.plots.panels import thin_line
from metaeval.plots.row_axes import draw_intervals, label_x, row_axes
from metaeval.plots.theme import GREY
from metaeval.results import Result
from metaeval.statistics import Scale, cox_intercept
from metaeval.tables import Pairs, Table

_LABEL = (
    "log odds of margins for the response shown first, beyond the "
    "labels (above 0: the scorer favours it)"
)
_COLUMNS = ["scorer", "estimate", "lower", "upper"]


def order_bias(
    source: Table | xr.DataTree,
    scorers: Sequence[str] | str | None = None,
    *,
    scale: Scale = "score",
    max_chars: int | None = None,
    label: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    interval: str = "bca",
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Show how much more each scorer's margins side with the response shown first than labels do.

    Parameters
    ----------
    source : Pairs or DataTree
        Pairs whose order is that in which they were shown (`ordered=True`), or a posterior of
        `bayes.CalibrationModel` or `bayes.TieModel` of such pairs.
    scorers : str or list of str, optional
        All by default.
    scale : {"score", "probability", "log_odds"}
        Of pairs: as in `metaeval.statistics.cox_intercept`.
    max_chars : int, optional
        Longer names lose their middle; by default they are whole, in several lines if need be.
    label : str, optional
        Of pairs, as are those below but `confidence`: which label column.
    resample : {"item", "cluster", "task"}, optional
        What is resampled; clusters where there are any, else items, by default.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Which rows are used, as in `metaeval.evaluate`; by default what the table was read with.
    interval : {"bca", "percentile", "basic", "bootstrap-t", "t"}, default "bca"
        Kind of the intervals.
    confidence : float, default 0.95
        Of the intervals, of posteriors too.
    n_resamples : int, default 10 000
        Bootstrap replicates, at least 100.
    seed : int, default 0
        Of replicates; the same seed gives the same figure.
    ax : Axes, optional
        Where to draw; otherwise a new figure that is as high as its rows need.
    return_data : bool, default False
        Draw nothing, and return what would be drawn.

    Returns
    -------
    Axes or DataFrame
        The frame: scorer, estimate, lower, upper, the largest first.

    Raises
    ------
    MetaevalError
        If the order of pairs means nothing, or the posterior has no such bias.

    Notes
    -----
    Of pairs -a, with the intercept a in logit P(the first is preferred) = a + b logit p (the
    statistic `cox_intercept`); of a posterior its `bias`. Above 0 margins side with the first more
    than labels do: the scorer favours what it saw first, if labels do not. It is a bias of the
    scorer less that of the labels; where raters saw the same order both are in it. Each pair judged
    in both orders tells most.

    References
    ----------
    Cox (1958), Two further applications of a model for binary regression. Wang et al. (2024), Large
    language models are not fair evaluators.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from metaeval import Pairs
    >>> rng = np.random.default_rng(0)
    >>> rows = pd.DataFrame({"item": range(200), "first": "a", "second": "b"})
    >>> gap = rng.normal(size=200)
    >>> scores = pd.DataFrame({"judge": gap + 0.5 + rng.normal(size=200)})
    >>> labels = pd.DataFrame({"human": np.sign(gap)})
    >>> pairs = Pairs(rows, scores, labels, ordered=True)
    >>> frame = order_bias(pairs, scale="log_odds", n_resamples=200, return_data=True)
    >>> bool(frame["lower"].item() > 0)
    True
    """
    names = as_name_list(scorers)
    pair_options = {
        "label": label,
        "resample": resample,
        "missing": missing,
        "interval": interval,
        "n_resamples": n_resamples,
        "seed": seed,
    }
    if is_posterior(source):
        require_defaults(order_bias, pair_options)
        values = _scorer_values(_from_posterior(source, confidence))
    else:
        options = pair_options | {"scorers": names, "confidence": confidence}
        values = _sign_flipped(_scorer_values(_from_pairs(source, scale, options)))
    frame = _ordered(values, names)
    return frame if return_data else _draw(frame, max_chars, ax)


def _ordered(values: pd.DataFrame, scorers: list[str] | None) -> pd.DataFrame:
    ordered = select_scorers(values, scorers).sort_values(
        ["estimate", "scorer"], ascending=[False, True]
    )
    return ordered.reset_index(drop=True)


def _scorer_values(result: Result) -> pd.DataFrame:
    frame = result.frame[result.frame["baseline"].isna() & result.frame["task"].isna()]
    return frame[_COLUMNS]


def _sign_flipped(frame: pd.DataFrame) -> pd.DataFrame:
    """What scorers lean to the first beyond labels, from what labels do beyond scorers."""
    lower, upper = 0.0 - frame["upper"], 0.0 - frame["lower"]
    return frame.assign(estimate=0.0 - frame["estimate"], lower=lower, upper=upper)


def _from_posterior(tree: Any, confidence: float) -> Result:
    from metaeval.bayes.summaries import summarize

    return summarize(tree, "bias", confidence=confidence)


def _from_pairs(source: Any, scale: Scale, options: dict[str, Any]) -> Result:
    pairs = require_table(source, "order_bias")
    if not isinstance(pairs, Pairs) or not pairs.ordered:
        raise MetaevalError(
            "order_bias needs pairs in the order in which they were shown; read them with "
            "ordered=True."
        )
    return evaluate(pairs, cox_intercept(scale), **options)


def _draw(frame: pd.DataFrame, max_chars: int | None, ax: Axes | None) -> Axes:
    ax, rows = row_axes(ax, frame["scorer"], max_chars, extra=20)
    ax.axvline(0, color=GREY, lw=thin_line(), ls="--", zorder=0)
    draw_intervals(ax, rows.positions, frame["estimate"], frame["lower"], frame["upper"])
    label_x(ax, _LABEL)
    return ax
