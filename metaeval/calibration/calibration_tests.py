"""Tests of whether forecasts are calibrated."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from metaeval.calibration.cases import POOLED, Part, designed, made_result, parts_of, row_of
from metaeval.core import Floats, MetaevalError
from metaeval.inference import Plan
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

_POINTS = 2_000  # at which cumulative sums are looked at
_NUMBERS = 4_000_000

Test = Callable[[Part, int], tuple[float, float, float]]
"""Part and scorer -> value, standard error, p."""


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
    r"""Spiegelhalter's test that forecasts are calibrated, by item (cluster).

    Parameters
    ----------
    table : Responses or Pairs
    forecast : Forecast or {"probability", "log_odds"}, default "probability"
        Scores are probabilities, or log odds, see `metaeval.statistics.Forecast`. A map that is
        fitted to the same labels would be calibrated by construction, and is not tested.
    label, scorers, by, resample, missing
        As in `metaeval.evaluate`.

    Returns
    -------
    Result
        `estimate` is the mean of (y - p)(1 - 2p), 0 if calibrated, with its standard error; p is
        two-sided, `p_adjusted` Holm's over scorers. Rows of all cases together (empty task), and
        with `by` of each stratum, each stratum a family of its own.

    Raises
    ------
    MetaevalError
        If all forecasts of a scorer are 0, 1/2 or 1, which the test cannot see.

    Notes
    -----
    :math:`Z = \sum (y - p)(1 - 2p) / \sqrt{\sum (1 - 2p)^2 p (1 - p)}` where every case is a unit;
    else over :math:`\sqrt{\sum_g (\sum_{k \in g} u_k)^2}`, the sum over units. It looks at the
    Brier score only: forecasts of 1/2 have no weight, and errors that cancel are not seen. p is of
    the normal distribution: for a hundred units or more.

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
    reading = _claimed(forecast)
    options = {
        "label": label,
        "scorers": scorers,
        "by": by,
        "resample": resample,
        "missing": missing,
    }
    what = "the mean of (y - p)(1 - 2p)"
    plan = Plan("spiegelhalter", drawn=False)
    return _tested(table, "spiegelhalter", what, reading, options, _spiegelhalter, plan)


def _claimed(forecast: Forecast | Scale) -> Reading:
    """The forecast, which is to be one that scorers claim."""
    reading = reading_of(forecast)
    if not reading.is_calibrated:
        raise MetaevalError(
            "Only probabilities that scorers claim are tested: scale='probability' or "
            "scale='log_odds'. A map fitted to these labels is calibrated by construction; fit it "
            "to other items and give its probabilities."
        )
    return reading


def _spiegelhalter(part: Part, m: int) -> tuple[float, float, float]:
    cases = part.cases
    p, y = cases.column(m)
    u = (y - p) * (1 - 2 * p) * cases.weight
    sums = np.bincount(part.unit, u)
    square = float((sums**2).sum())
    if _alone(part):
        square = float((cases.weight**2 * (1 - 2 * p) ** 2 * p * (1 - p)).sum())
    if square == 0:
        raise MetaevalError(
            f"All forecasts of {cases.scorers[m]!r} are 0, 1/2 or 1, where Spiegelhalter's test "
            "sees nothing; use calibration.cumulative."
        )
    total, root = float(u.sum()), float(np.sqrt(square))
    return (
        total / cases.weight.sum(),
        root / cases.weight.sum(),
        float(2 * (1 - normal_cdf(np.abs(total / root)))),
    )


def _alone(part: Part) -> bool:
    """Whether every case is a unit of its own with a label of 0 or 1."""
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
    r"""Test that forecasts are calibrated, from cumulative differences, without bins.

    Parameters
    ----------
    table : Responses or Pairs
    forecast : Forecast or {"probability", "log_odds"}, default "probability"
        Scores are probabilities, or log odds, see `metaeval.statistics.Forecast`. A map that is
        fitted to the same labels would be calibrated by construction, and is not tested.
    label, scorers, by, resample, missing
        As in `metaeval.evaluate`.
    n_resamples : int, default 10 000
        Draws of labels (or of signs) that p is counted over.
    seed : int, default 0

    Returns
    -------
    Result
        `estimate` is the largest size of the mean of y - p over the cases up to any forecast; p
        counts as large ones among calibrated labels; `p_adjusted` is Holm's over scorers. Rows of
        all cases together (empty task), and with `by` of each stratum, each a family of its own.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable.

    Notes
    -----
    :math:`\max_u |\frac1n \sum_{p_i \le u} (y_i - p_i)|`, looked at after each distinct forecast
    (after 2 000 of them, if there are more). Where every case is a unit, labels are drawn with the
    forecasts as probabilities, and p is exact; else the residuals of each unit (cluster, item) get
    one random sign, and p is approximate. Pairs are turned so that the forecast is at least 1/2. It
    sees errors of any shape, and those in one direction over a wide range of forecasts best.

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
    plan = Plan("cumulative", n_resamples=n_resamples, seed=seed)
    reading = _claimed(forecast)
    options = {
        "label": label,
        "scorers": scorers,
        "by": by,
        "resample": resample,
        "missing": missing,
    }
    what = "the largest mean of y - p over the cases up to a forecast"

    def test(part: Part, m: int) -> tuple[float, float, float]:
        return _cumulative(part, m, n_resamples, seed)

    return _tested(table, "cumulative", what, reading, options, test, plan)


def _cumulative(part: Part, m: int, n: int, seed: int) -> tuple[float, float, float]:
    cases = part.cases
    p, y = cases.column(m)
    order, ends = _looked_at(p)
    weight = (cases.weight / cases.weight.sum())[order]
    observed = _largest(((y - p)[order] * weight)[None], ends)[0]
    extreme = sum(
        int((_largest(some[:, order] * weight, ends) >= observed * (1 - 1e-12)).sum())
        for some in _null_residuals(part, m, n, seed)
    )
    return observed, float("nan"), (1 + extreme) / (1 + n)


def _looked_at(p: Floats) -> tuple[Floats, Floats]:
    """Order of the cases by forecast, and the last case of each distinct one (or of 2 000)."""
    order = np.argsort(p, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(p[order]) > 0, True])
    if len(ends) > _POINTS:
        ends = ends[np.linspace(0, len(ends) - 1, _POINTS).astype(int)]
    return order, ends


def _largest(steps: Floats, ends: Floats) -> Floats:
    return np.asarray(np.abs(np.cumsum(steps, axis=1)[:, ends]).max(axis=1))


def _null_residuals(part: Part, m: int, n: int, seed: int) -> Any:
    """Blocks (draw, case) of y - p as if calibrated."""
    cases = part.cases
    p, y = cases.column(m)
    if _alone(part):
        yield from (labels - p for labels in null_labels(cases, m, n, seed))
        return
    rng = np.random.default_rng(seed)
    size = max(1, _NUMBERS // len(p))
    for start in range(0, n, size):
        yield signs_of_units(rng, min(size, n - start), part.unit) * (y - p)


def _tested(
    table: Table,
    name: str,
    what: str,
    reading: Reading,
    options: dict[str, Any],
    test: Test,
    plan: Plan,
) -> Result:
    """A result with one row for each scorer, of all rows together and of each stratum."""
    whole = designed(table, **options | {"by": None})
    settled = reading.settled(whole.table)
    designs = [whole] if options["by"] is None else [whole, designed(table, **options)]
    parts = [part for design in designs for part in parts_of(design, settled)]
    full = format_name(name, reading.format_options())
    estimand = dataclasses.replace(estimand_of(full, settled, what, better="neither"), whole=POOLED)
    rows: list[Row] = []
    for part in parts:
        found = [test(part, m) for m in range(len(part.cases.scorers))]
        adjusted = multiplicity.holm(np.array([p for _, _, p in found]))
        rows += [
            row_of(
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
                zip(part.cases.scorers, found, strict=True)
            )
        ]
    return made_result(table, designs[-1], plan, options, [(estimand, rows, np.empty((0, 0)))])
