"""Order bias: preference for the response shown first."""

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
from metaeval.plots.theme import GRAY
from metaeval.results import Result
from metaeval.statistics import Scale, cox_intercept
from metaeval.tables import Pairs, Table

_LABEL = "order bias relative to the labels (log odds; above 0: favors the response shown first)"
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
    interval: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Axes | pd.DataFrame:
    """Show the order bias of each scorer: preference for the first response, relative to labels.

    Parameters
    ----------
    source : Pairs or DataTree
        Pairs in the order in which responses were shown (`ordered=True`), or a posterior of
        `bayes.CalibrationModel` or `bayes.TieModel` of such pairs.
    scorers : str or list of str, optional
        Scorers to draw; all by default.
    scale : {"score", "probability", "log_odds"}
        Scale of the scores of pairs, as in `metaeval.statistics.cox_intercept`.
    max_chars : int, optional
        Abbreviate longer names in the middle; by default they are shown in full and wrapped.
    label : str, optional
        Label column. This and the following arguments except `confidence` are for pairs only.
    resample : {"item", "cluster", "task"}, optional
        Unit of resampling; by default clusters if there are any, else items.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Policy for missing scores, as in `metaeval.evaluate`; by default that of the table.
    interval : {"bca", "percentile", "basic", "bootstrap-t", "t"}, optional
        Kind of intervals, as in `metaeval.evaluate`.
    confidence : float, default 0.95
        Confidence level of the intervals, also for posteriors.
    n_resamples : int, default 10 000
        Bootstrap replicates, at least 100.
    seed : int, default 0
        Seed of the replicates; the same seed gives the same figure.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure as tall as its rows require.
    return_data : bool, default False
        Return the data of the figure instead of drawing it.

    Returns
    -------
    Axes or DataFrame
        The DataFrame has columns scorer, estimate, lower and upper, largest estimate first.

    Raises
    ------
    MetaevalError
        If the order of the pairs is arbitrary, or the posterior has no order bias.

    Notes
    -----
    For pairs, the bias is -a, with a the intercept in logit P(first preferred) = a + b logit p (the
    statistic `cox_intercept`); for a posterior, its `bias`. If it is positive, the scorer prefers
    the first response more often than the labels do. It is the bias of the scorer minus that of the
    labels; if raters saw the responses in the same order, it contains both. The most informative
    design judges each pair in both orders.

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
    """The bias of scorers relative to labels, from that of labels relative to scorers."""
    lower, upper = 0.0 - frame["upper"], 0.0 - frame["lower"]
    return frame.assign(estimate=0.0 - frame["estimate"], lower=lower, upper=upper)


def _from_posterior(tree: Any, confidence: float) -> Result:
    from metaeval.bayes.summaries import summarize

    return summarize(tree, "bias", confidence=confidence)


def _from_pairs(source: Any, scale: Scale, options: dict[str, Any]) -> Result:
    pairs = require_table(source, "order_bias")
    if not isinstance(pairs, Pairs) or not pairs.ordered:
        raise MetaevalError(
            "order_bias requires pairs in the order in which responses were shown; read them with "
            "ordered=True."
        )
    return evaluate(pairs, cox_intercept(scale), **options)


def _draw(frame: pd.DataFrame, max_chars: int | None, ax: Axes | None) -> Axes:
    ax, rows = row_axes(ax, frame["scorer"], max_chars, extra=20)
    ax.axvline(0, color=GRAY, lw=thin_line(), ls="--", zorder=0)
    draw_intervals(ax, rows.positions, frame["estimate"], frame["lower"], frame["upper"])
    label_x(ax, _LABEL)
    return ax
