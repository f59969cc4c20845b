"""Reliability curves with consistency and confidence bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from metaeval.calibration.bootstrap_curves import margins_of, refit
from metaeval.calibration.cases import (
    StratumCases,
    add_signature,
    cases_by_stratum,
    curve_estimand,
    prepare_design,
)
from metaeval.core import Floats, MetaevalError, check_one_of, numbers
from metaeval.curves import (
    honest_band,
    isotonic_fit,
    link_functions,
    scale_of,
    spline_basis,
    spline_knots,
)
from metaeval.inference import DesignOptions, Resampling, Settings
from metaeval.resampling import tails
from metaeval.statistics import (
    Estimand,
    Forecast,
    Reading,
    Scale,
    format_name,
    null_labels,
    reading_of,
    tied_cases,
)
from metaeval.tables import Table

_LINKED = ("margin_link", "lapse_link", "monotone_spline")


def reliability(
    table: Table,
    *,
    forecast: Forecast | Scale = "score",
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 1_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Reliability curves: event frequency by forecast, with consistency and confidence bands.

    Parameters
    ----------
    table : Responses or Pairs
    forecast : Forecast or {"score", "probability", "log_odds"}, default "score"
        How scores become forecasts of an event; see `metaeval.statistics.Forecast`.
    label, scorers, by, resample, missing
        As in `metaeval.evaluate`.
    confidence : float, default 0.95
        Confidence level of both bands.
    n_resamples : int, default 1 000
        Simulated sets of calibrated labels for the consistency band.
    seed : int, default 0
        Seed of the random numbers.

    Returns
    -------
    DataFrame
        One row for each distinct forecast of each scorer (and stratum): scorer, task, forecast,
        recalibrated (the isotonic fit), weight, n (number of cases); consistency_lower and _upper;
        confidence_lower and _upper. With three outcomes there are curves for two events, `outcome`
        "win" (equal to that of losses, since the order of pairs is arbitrary) and "tie".
        `frame.attrs` has the signature, the event (`event`) and the origin of the forecasts
        (`forecasts`).

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid.

    Notes
    -----
    The *consistency* band contains the fitted curve, pointwise, if the forecasts are calibrated:
    labels are simulated from them (with the dependence of the labels within units), and the fit is
    repeated. The *confidence* band covers the true curve simultaneously at all points, if it is
    increasing: see `metaeval.calibration.honest_band`. They answer different questions: a curve
    outside the consistency band is miscalibrated there; a confidence band that contains the
    diagonal does not prove calibration. The bootstrap of isotonic regression is inconsistent and
    not used. Pairs are oriented so that the forecast is at least 1/2; the other half is the mirror
    image.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021), Stable reliability diagrams for probabilistic classifiers.
    Dimitriadis, Duembgen, Henzi, Puke, Ziegel (2023), Honest calibration assessment for binary
    outcome predictions. Kosorok (2008), Bootstrapping the Grenander estimator.

    Examples
    --------
    >>> from metaeval import calibration, load_example
    >>> curve = calibration.reliability(
    ...     load_example(), forecast="log_odds", scorers=["judge"], n_resamples=100)
    >>> bool((curve["confidence_lower"] <= curve["recalibrated"]).all())
    True
    """
    settings = Settings(resampling=Resampling(n_resamples, seed), confidence=confidence)
    reading = reading_of(forecast, takes_ties=True)
    ties = reading.ties_as_outcome
    options = DesignOptions(label=label, scorers=scorers, by=by, resample=resample, missing=missing)
    design = prepare_design(table, options)
    settled = reading.settled(design.table)
    parts = list(cases_by_stratum(design, settled))
    frames = [
        _curve(part, m, confidence, n_resamples, seed).assign(**outcome)
        for stratum in parts
        for part, outcome in (_cases_by_outcome(stratum) if ties else [(stratum, {})])
        for m in range(len(part.cases.scorers))
    ]
    quantity = "the frequency of the event, given the forecast"
    estimand = curve_estimand("reliability", quantity, reading, settled)
    curves = add_signature(
        pd.concat(frames, ignore_index=True), "reliability", design, settings, estimand
    )
    curves.attrs |= {"event": settled.event_name(), "forecasts": settled.describe_origin()}
    return curves


def _cases_by_outcome(part: StratumCases) -> list[tuple[StratumCases, dict[str, str]]]:
    """Cases of wins, for both responses of each pair, and of ties."""
    tied = tied_cases(part.cases)
    ties = part._replace(cases=tied, unit=part.unit[: len(tied.label)])
    return [(part, {"outcome": "win"}), (ties, {"outcome": "tie"})]


def _curve(part: StratumCases, m: int, confidence: float, n: int, seed: int) -> pd.DataFrame:
    cases = part.cases
    p, y = cases.column(m)
    order, weight = cases.order(m), cases.weight
    _, first, level = np.unique(order, return_index=True, return_inverse=True)
    value = p[first]
    fit = isotonic_fit(order, y, weight, cases.mirrored)[first]
    null = [
        isotonic_fit(order, labels, weight, cases.mirrored)[first]
        for block in null_labels(cases, m, n, seed)
        for labels in block
    ]
    low, high = np.clip(np.quantile(null, tails(confidence)[:, 0], axis=0), 0, 1)
    lower, upper = honest_bounds(part, m, value, confidence)
    return pd.DataFrame(
        {
            "scorer": cases.scorers[m],
            "task": part.name,
            "forecast": value,
            "recalibrated": fit,
            "weight": np.bincount(level, weight),
            "n": np.bincount(level),
            "consistency_lower": low,
            "consistency_upper": high,
            "confidence_lower": lower,
            "confidence_upper": upper,
        }
    )


def honest_bounds(
    part: StratumCases, m: int, at: Floats, confidence: float
) -> tuple[Floats, Floats]:
    """Simultaneous confidence bounds of the reliability curve of one scorer."""
    cases = part.cases
    p, y = cases.column(m)
    included = p > 0.5 if cases.mirrored else np.ones(len(p), dtype=bool)
    if not included.any():
        return np.full(len(at), 0.5), np.full(len(at), 0.5)
    unit = np.unique(part.unit[included], return_inverse=True)[1]
    band = honest_band(p[included], y[included], cases.weight[included], unit, confidence)
    low, high = band.at(at)
    if cases.mirrored:
        is_half = at == 0.5
        low, high = np.where(is_half, 0.5, np.maximum(low, 0.5)), np.where(is_half, 0.5, high)
        high = np.maximum(high, 0.5)
    return low, high


def map_band(
    table: Table,
    calibrator: str = "margin_link",
    at: Sequence[float] | None = None,
    *,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 1_000,
    weights: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Agreement as a smooth function of the margin, with a band from the item bootstrap.

    Parameters
    ----------
    table : Responses or Pairs
    calibrator : {"margin_link", "lapse_link", "monotone_spline"}
    at : list of float, optional
        Margins; by default 41 values from 0 to the largest margin of each scorer.
    label, scorers, by, resample, missing, weights, seed
        As in `metaeval.evaluate`.
    confidence : float, default 0.95
        Pointwise confidence level of the band.
    n_resamples : int, default 1 000
        Bootstrap replicates, in each of which the curve is refitted.

    Returns
    -------
    DataFrame
        Columns scorer, task, margin, agreement (probability that labels agree), lower and upper;
        the signature is in `frame.attrs`.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid.

    Notes
    -----
    Percentile intervals over item (cluster) bootstrap replicates at each margin. They are valid if
    the true curve belongs to the fitted family; check the fit with `reliability`.

    References
    ----------
    Efron, Tibshirani (1993), An introduction to the bootstrap.

    Examples
    --------
    >>> from metaeval import calibration, load_example
    >>> band = calibration.map_band(load_example(), scorers=["judge"], n_resamples=100)
    >>> bool(((band["lower"] <= band["agreement"]) & (band["agreement"] <= band["upper"])).all())
    True
    """
    check_one_of("calibrator", calibrator, _LINKED)
    settings = Settings(
        resampling=Resampling(n_resamples, seed, weights),
        confidence=confidence,
        interval="percentile",
    )
    options = DesignOptions(label=label, scorers=scorers, by=by, resample=resample, missing=missing)
    design = prepare_design(table, options)
    reading = Reading(scale="log_odds", rows="pairs").settled(design.table)
    points = None if at is None else np.atleast_1d(numbers(at, "at"))
    if points is not None and (
        points.ndim != 1 or not len(points) or not np.isfinite(points).all()
    ):
        raise MetaevalError(f"at must be a list of finite margins such as [0, 0.5, 1], got {at!r}.")
    frames = [
        _band(part, m, calibrator, points, settings)
        for part in cases_by_stratum(design, reading)
        for m in range(len(part.cases.scorers))
    ]
    quantity = (
        f"the agreement of labels with the sign of a margin, according to {calibrator}, excluding "
        "pairs with tied labels"
    )
    estimand = Estimand(
        name=format_name("map_band", f"calibrator={calibrator}"),
        rows="pairs",
        grouping="item",
        average="items",
        target=quantity,
        status="approximate",
        better="neither",
    )
    bands = pd.concat(frames, ignore_index=True)
    return add_signature(bands, "map_band", design, settings, estimand)


def _band(
    part: StratumCases, m: int, calibrator: str, at: Floats | None, settings: Settings
) -> pd.DataFrame:
    cases = part.cases
    margins = margins_of(part, m)
    points = np.linspace(0, np.abs(margins).max(), 41) if at is None else at
    scale = scale_of(margins)
    link = {"margin_link": link_functions.MARGIN, "lapse_link": link_functions.LAPSE}.get(
        calibrator
    )
    knots = spline_knots(np.abs(margins / scale))
    is_spline = link is None

    def design_of(margins: Floats) -> Floats:
        column = (margins / scale)[:, None]
        basis = spline_basis(np.abs(column[:, 0]), knots) * np.sign(column) if is_spline else column
        return np.asarray(basis)

    if link is None:
        link = link_functions.spline(design_of(points).shape[1])
    theta = refit(part, link, design_of, settings.resampling, m).theta
    chance = link.curve(theta, design_of(points)).chance
    low, high = np.quantile(chance[1:], tails(settings.confidence)[:, 0], axis=0)
    return pd.DataFrame(
        {
            "scorer": cases.scorers[m],
            "task": part.name,
            "margin": points,
            "agreement": chance[0],
            "lower": low,
            "upper": high,
        }
    )
