"""What rests on the scale of a scorer's scores, and would be other on another scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from metaeval.calibration.cases import designed
from metaeval.core import Floats, MetaevalError
from metaeval.inference import evaluate
from metaeval.statistics import (
    Forecast,
    Statistic,
    brier,
    pairwise_accuracy,
    pearson,
    recalibration_gain,
)
from metaeval.tables import Pairs, Table


def _ranks(scores: pd.Series) -> pd.Series:
    """Mid-ranks over the number of scores plus one: in 0 to 1."""
    return scores.rank() / (scores.notna().sum() + 1)


def _logit_ranks(scores: pd.Series) -> pd.Series:
    p = _ranks(scores)
    return np.log(p) - np.log1p(-p)


SCALES: dict[str, Callable[[pd.Series], pd.Series]] = {
    "raw": lambda scores: scores,
    "rank": _ranks,
    "logit_rank": _logit_ranks,
}


def scale_fragility(
    table: Table,
    *,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    missing: str | None = None,
) -> pd.DataFrame:
    r"""How much of a scorer's standing rests on the scale of its scores.

    Parameters
    ----------
    table : Responses
    label, scorers, missing
        As in `metaeval.evaluate`.

    Returns
    -------
    DataFrame
        One row for each scorer and measure: scorer, measure, raw, rank, logit_rank, range. The
        measures are `pearson`, `brier` (of margins mapped by `margin_link` on other items),
        `recalibration_gain` (by isotonic regression on top of that map) and `pairwise_accuracy`,
        whose range is 0 up to rounding of margins.

    Raises
    ------
    MetaevalError
        For pairs: margins alone do not say what scores they came from.

    Notes
    -----
    Increasing maps of the scores (their ranks among all responses, and the log odds of these)
    change no order within items; Pearson's correlation and what a margin is worth do change, since
    an increasing map of scores is none of margins. A wide range means that a rank of scorers by
    that measure is one of scales too.

    References
    ----------
    Stevens (1946), On the theory of scales of measurement.

    Examples
    --------
    >>> from metaeval import calibration, load_example
    >>> frame = calibration.scale_fragility(load_example(), scorers=["lexical"])
    >>> frame["measure"].tolist()
    ['pearson', 'brier', 'recalibration_gain', 'pairwise_accuracy']
    """
    if isinstance(table, Pairs):
        raise MetaevalError(
            "scale_fragility needs responses with scores of their own; this table holds pairs."
        )
    design = designed(table, label=label, scorers=scorers, missing=missing)
    forecast = Forecast(rows="pairs")
    measures = [pearson(), brier(forecast), recalibration_gain(forecast)]
    measures.append(pairwise_accuracy("half"))
    columns = {
        scale: _estimates(design.table.map_scores(change), measures)
        for scale, change in SCALES.items()
    }
    rows = [
        {"scorer": name, "measure": measure.name.split("(")[0]}
        | {scale: float(values[k, m]) for scale, values in columns.items()}
        for m, name in enumerate(design.scorers)
        for k, measure in enumerate(measures)
    ]
    frame = pd.DataFrame(rows)
    scales = frame[list(SCALES)]
    return frame.assign(range=scales.max(axis=1) - scales.min(axis=1))


def _estimates(table: Table, measures: list[Statistic]) -> Floats:
    """Values of some measures: (measure, scorer)."""
    result = evaluate(table, measures, n_resamples=100)
    return np.array(
        [
            [result.row(name, statistic=m.name)["estimate"] for name in table.scorers]
            for m in measures
        ]
    )
