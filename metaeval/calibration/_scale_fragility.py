"""Dependence of statistics on the scale of scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from metaeval.calibration.cases import prepare_design
from metaeval.core import Floats, MetaevalError
from metaeval.inference import DesignOptions, evaluate
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
    """Mid-ranks over the number of scores plus one: in (0, 1)."""
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
    r"""Compare statistics across monotone transformations of the scores.

    Parameters
    ----------
    table : Responses
    label, scorers, missing
        As in `metaeval.evaluate`.

    Returns
    -------
    DataFrame
        One row for each scorer and measure: scorer, measure, raw, rank, logit_rank, range. The
        measures are `pearson`, `brier` (of margins calibrated by `margin_link`, cross-fitted),
        `recalibration_gain` (of isotonic regression after that calibrator) and `pairwise_accuracy`,
        whose range is 0 up to rounding of margins.

    Raises
    ------
    MetaevalError
        For tables of pairs, since scores cannot be recovered from margins.

    Notes
    -----
    Increasing transformations of the scores (ranks among all responses, and the log odds of these)
    preserve the order within items; Pearson's correlation and the calibration of margins do change,
    since an increasing transformation of scores is not one of margins. A wide range means that the
    measure ranks scales as much as scorers.

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
            "scale_fragility needs a table of responses, got pairs, whose scores are margins."
        )
    design = prepare_design(table, DesignOptions(label=label, scorers=scorers, missing=missing))
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
    """Estimates of the measures: (measure, scorer)."""
    result = evaluate(table, measures, n_resamples=100)
    return np.array(
        [
            [result.row(name, statistic=m.name)["estimate"] for name in table.scorers]
            for m in measures
        ]
    )
