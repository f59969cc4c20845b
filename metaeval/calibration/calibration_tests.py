"""Tests of calibration."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from metaeval.calibration.cases import (
    POOLED,
    StratumCases,
    cases_by_stratum,
    make_result,
    prepare_design,
    result_row,
)
from metaeval.core import Floats, MetaevalError
from metaeval.inference import DesignOptions, Resampling, Settings
from metaeval.resampling import multiplicity, normal_cdf
from metaeval.results import Result, Row
from metaeval.statistics import (
    Forecast,
    Reading,
    Scale,
    estimand_of,
    format_name,
    null_labels,
    reading_of,
    signs_of_units,
)
from metaeval.tables import Table

_MAX_POINTS = 2_000  # at which cumulative sums are evaluated, which bounds the time
_RESIDUALS_PER_BLOCK = 4_000_000  # 32 MB

Test = Callable[[StratumCases, int], tuple[float, float, float]]
"""Maps a part and a scorer to the value, its standard error and p."""


def spiegelhalter(
    table: Table,
    *,
    forecast: Forecast | Scale = "probability",
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
) -> Result:
    r"""Spiegelhalter's test of calibration, by item (cluster).

    Parameters
    ----------
    table : Responses or Pairs
    forecast : Forecast or {"probability", "log_odds"}, default "probability"
        Whether scores are probabilities or log odds; see `metaeval.statistics.Forecast`. A
        calibrator fitted to the same labels would be calibrated by construction, and is not tested.
    label, scorers, by, resample, missing
        As in `metaeval.evaluate`.

    Returns
    -------
    Result
        `estimate` is the mean of (y - p)(1 - 2p), 0 under calibration, with its standard error;
        p-values are two-sided, `p_adjusted` by Holm's method over scorers. Rows for the pooled
        cases (empty task), and with `by` for each stratum, which is a separate family.

    Raises
    ------
    MetaevalError
        If all forecasts of a scorer are 0, 1/2 or 1, for which the test is undefined.

    Notes
    -----
    :math:`Z = \sum (y - p)(1 - 2p) / \sqrt{\sum (1 - 2p)^2 p (1 - p)}` if every case is a unit;
    otherwise with the denominator :math:`\sqrt{\sum_g (\sum_{k \in g} u_k)^2}`, a sum over units.
    The test refers to the Brier score: forecasts of 1/2 have weight 0, and errors that cancel are
    not detected. P-values use the normal approximation, for about 100 units or more.

    References
    ----------
    Spiegelhalter (1986), Probabilistic prediction in patient management and clinical trials.

    Examples
    --------
    >>> from metaeval import calibration, load_example
    >>> result = calibration.spiegelhalter(load_example(), forecast="log_odds", scorers=["lexical"])
    >>> bool(result.row("lexical")["p_value"] < 0.01)
    True
    """
    reading = _claimed_forecast(forecast)
    options = DesignOptions(label=label, scorers=scorers, by=by, resample=resample, missing=missing)
    quantity = "the mean of (y - p)(1 - 2p)"
    settings = Settings(uses_draws=False)
    return _test_result(
        table, "spiegelhalter", quantity, reading, options, _spiegelhalter, settings
    )


def _claimed_forecast(forecast: Forecast | Scale) -> Reading:
    """Specification of forecasts that are claimed by the scorers, not calibrated here."""
    reading = reading_of(forecast)
    if not reading.is_calibrated:
        raise MetaevalError(
            "Tests of calibration need scale='probability' or scale='log_odds', got "
            "scale='score'. A calibrator fitted to these labels is calibrated by construction; fit "
            "it to other items and test its probabilities."
        )
    return reading


def _spiegelhalter(part: StratumCases, m: int) -> tuple[float, float, float]:
    cases = part.cases
    p, y = cases.column(m)
    u = (y - p) * (1 - 2 * p) * cases.weight
    sums = np.bincount(part.unit, u)
    square = float((sums**2).sum())
    if _independent(part):
        square = float((cases.weight**2 * (1 - 2 * p) ** 2 * p * (1 - p)).sum())
    if square == 0:
        raise MetaevalError(
            f"Spiegelhalter's test is undefined for {cases.scorers[m]!r}, whose forecasts are all "
            "0, 1/2 or 1; use calibration.cumulative."
        )
    total, root = float(u.sum()), float(np.sqrt(square))
    return (
        total / cases.weight.sum(),
        root / cases.weight.sum(),
        float(2 * (1 - normal_cdf(np.abs(total / root)))),
    )


def _independent(part: StratumCases) -> bool:
    """Return whether every case is a separate unit with a label of 0 or 1."""
    single = len(np.unique(part.unit)) == len(part.unit)
    return single and bool(np.isin(part.cases.label, (0.0, 1.0)).all())


def cumulative(
    table: Table,
    *,
    forecast: Forecast | Scale = "probability",
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> Result:
    r"""Test of calibration from cumulative differences, without bins.

    Parameters
    ----------
    table : Responses or Pairs
    forecast : Forecast or {"probability", "log_odds"}, default "probability"
        Whether scores are probabilities or log odds; see `metaeval.statistics.Forecast`. A
        calibrator fitted to the same labels would be calibrated by construction, and is not tested.
    label, scorers, by, resample, missing
        As in `metaeval.evaluate`.
    n_resamples : int, default 10 000
        Number of simulated sets of labels (or signs) under the null hypothesis.
    seed : int, default 0
        Seed of the random numbers.

    Returns
    -------
    Result
        `estimate` is the maximum over forecasts of the absolute mean of y - p over the cases up to
        that forecast; the p-value is from labels simulated under calibration, `p_adjusted` by
        Holm's method over scorers. Rows for the pooled cases (empty task), and with `by` for each
        stratum, which is a separate family.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid.

    Notes
    -----
    :math:`\max_u |\frac1n \sum_{p_i \le u} (y_i - p_i)|`, evaluated at each distinct forecast (at
    2,000 of them, if there are more). If every case is a unit, labels are drawn with the forecasts
    as probabilities, and the p-value is exact; otherwise the residuals of each unit (cluster, item)
    get a common random sign, and it is approximate. Pairs are oriented so that the forecast is at
    least 1/2. The test is consistent against miscalibration of any shape, with most power if errors
    have the same sign over a wide range of forecasts.

    References
    ----------
    Arrieta-Ibarra, Gujral, Tannen, Tygert, Xu (2022), Metrics of calibration for probabilistic
    predictions.

    Examples
    --------
    >>> from metaeval import calibration, load_example
    >>> result = calibration.cumulative(
    ...     load_example(), forecast="log_odds", scorers=["lexical"], n_resamples=200)
    >>> bool(result.row("lexical")["p_value"] < 0.05)
    True
    """
    settings = Settings(resampling=Resampling(n_resamples, seed))
    reading = _claimed_forecast(forecast)
    options = DesignOptions(label=label, scorers=scorers, by=by, resample=resample, missing=missing)
    quantity = (
        "the largest absolute cumulative sum of y - p, with cases ordered by forecast and "
        "weights that sum to 1"
    )

    def test(part: StratumCases, m: int) -> tuple[float, float, float]:
        return _cumulative(part, m, n_resamples, seed)

    return _test_result(table, "cumulative", quantity, reading, options, test, settings)


def _cumulative(part: StratumCases, m: int, n: int, seed: int) -> tuple[float, float, float]:
    cases = part.cases
    p, y = cases.column(m)
    order, ends = _evaluation_points(p)
    weight = (cases.weight / cases.weight.sum())[order]
    observed = _largest(((y - p)[order] * weight)[None], ends)[0]
    extreme = sum(
        int((_largest(block[:, order] * weight, ends) >= observed * (1 - 1e-12)).sum())
        for block in _null_residuals(part, m, n, seed)
    )
    return observed, float("nan"), (1 + extreme) / (1 + n)


def _evaluation_points(p: Floats) -> tuple[Floats, Floats]:
    """Order of the cases by forecast, and the last case of each distinct forecast, thinned."""
    order = np.argsort(p, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(p[order]) > 0, True])
    if len(ends) > _MAX_POINTS:
        ends = ends[np.linspace(0, len(ends) - 1, _MAX_POINTS).astype(int)]
    return order, ends


def _largest(steps: Floats, ends: Floats) -> Floats:
    return np.asarray(np.abs(np.cumsum(steps, axis=1)[:, ends]).max(axis=1))


def _null_residuals(part: StratumCases, m: int, n: int, seed: int) -> Any:
    """Yield blocks (draw, case) of y - p under calibration."""
    cases = part.cases
    p, y = cases.column(m)
    if _independent(part):
        yield from (labels - p for labels in null_labels(cases, m, n, seed))
        return
    rng = np.random.default_rng(seed)
    size = max(1, _RESIDUALS_PER_BLOCK // len(p))
    for start in range(0, n, size):
        yield signs_of_units(rng, min(size, n - start), part.unit) * (y - p)


def _test_result(
    table: Table,
    name: str,
    quantity: str,
    reading: Reading,
    options: DesignOptions,
    test: Test,
    settings: Settings,
) -> Result:
    """Make a result with one row for each scorer, pooled and by stratum."""
    pooled = prepare_design(table, dataclasses.replace(options, by=None))
    settled = reading.settled(pooled.table)
    designs = [pooled] if options.by is None else [pooled, prepare_design(table, options)]
    parts = [part for design in designs for part in cases_by_stratum(design, settled)]
    full = format_name(name, reading.format_options())
    estimand = dataclasses.replace(
        estimand_of(full, settled, quantity, better="neither"), whole=POOLED
    )
    rows: list[Row] = []
    for part in parts:
        outcomes = [test(part, m) for m in range(len(part.cases.scorers))]
        adjusted = multiplicity.holm(np.array([p for _, _, p in outcomes]))
        rows += [
            result_row(
                estimand,
                part,
                scorer,
                estimate=value,
                se=se,
                p_value=p,
                p_adjusted=float(adjusted[m]),
                test=name,
            )
            for m, (scorer, (value, se, p)) in enumerate(
                zip(part.cases.scorers, outcomes, strict=True)
            )
        ]
    return make_result(name, designs[-1], settings, [(estimand, rows, np.empty((0, 0)))])
