"""Score difference needed for a given agreement with human preferences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from metaeval.calibration.bootstrap_curves import margins_of, refit
from metaeval.calibration.cases import (
    POOLED,
    StratumCases,
    cases_by_stratum,
    make_result,
    prepare_design,
    result_row,
)
from metaeval.calibration.scale_heterogeneity import Fits, scale_ratios
from metaeval.core import Floats, MetaevalError, check_fraction, check_one_of, join_names, numbers
from metaeval.curves import Link, expit, link_functions, logit, scale_of
from metaeval.inference import DesignOptions, Resampling, Settings
from metaeval.resampling import tails
from metaeval.results import Detail, Result, Row
from metaeval.statistics import Estimand, Reading, format_name
from metaeval.tables import Table

_MAPS = ("lapse_link", "margin_link")
_OTHER_LAPSES = (0.005, 0.2)  # prior means of the sensitivity analysis: hardly any, and many lapses
_MAX_RATIO = 1.5  # change of a gap between priors above which a note says so


def gap_to_agreement(
    table: Table,
    agreement: Sequence[float] = (0.7, 0.8, 0.9),
    *,
    calibrator: str = "lapse_link",
    lapse: float = 0.05,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 1_000,
    weights: str | None = None,
    seed: int = 0,
) -> Result:
    r"""Score difference at which human preferences agree with the scorer at a given rate.

    Parameters
    ----------
    table : Responses or Pairs
    agreement : list of float, default .7, .8, .9
        Agreement rates between 0.5 and 1; pairs with tied labels are excluded.
    calibrator : {"lapse_link", "margin_link"}
        With or without a lapse rate, i.e. a proportion of labels that are random however large the
        gap.
    lapse : float, default 0.05
        Prior mean of the lapse rate, which has the prior Beta(1, 1 / lapse - 1).
    label, scorers, resample, missing, confidence, weights, seed
        As in `metaeval.evaluate`.
    by : str, optional
        Column of the items to report by; by default `task` if the table has it.
    n_resamples : int, default 1 000
        Bootstrap replicates, in each of which curves are refitted.

    Returns
    -------
    Result
        Rows `gap(agreement=...)` in units of the scores, for the pooled rows (empty task) and for
        each task; infinite if the agreement is not reached, because of lapses or because labels are
        not positively associated with margins. Rows `scale_ratio` give the heterogeneity of the
        scale between tasks: exp(tau), with tau the standard deviation of log slopes (the p-value is
        of Cochran's test of tau = 0), among tasks with a positive association. Notes list gaps
        larger than all margins, and gaps that are sensitive to the prior for the lapse rate;
        `details` has slopes and lapse rates, also for prior means of 0.5% and 20%.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid.

    Notes
    -----
    :math:`P(\text{agree} \mid d) = \lambda / 2 + (1 - \lambda)\,\sigma(\beta d)`, so that
    :math:`d_q = \mathrm{logit}((q - \lambda / 2) / (1 - \lambda)) / \beta`, infinite if :math:`q
    \ge 1 - \lambda / 2`. Weak priors (log slope per root mean square of the margins normal with
    standard deviation 1.5, lapse rate Beta(1, 19)) keep curves finite; only large margins are
    informative about the lapse rate. Without them the prior determines the interval: with 400
    labels and margins of standard deviation 1.8 over the slope, the interval of the gap at 90% has
    a coverage of 87% if 16% of the labels are lapses, and of 61% if 30% are, in which case the gap
    is infinite. A gap depends on which label differences count as ties. Intervals are percentile
    intervals from the item (cluster) bootstrap, in which the prior observations are resampled too;
    that of exp(tau) inverts Cochran's Q and assumes independent tasks.

    References
    ----------
    Kocmi et al. (2024), Navigating the metrics maze. Wichmann, Hill (2001), The psychometric
    function. Paule, Mandel (1982), Consensus values and weighting factors. Viechtbauer (2007),
    Confidence intervals for the amount of heterogeneity in meta-analysis.

    Examples
    --------
    >>> from metaeval import load_example
    >>> from metaeval.calibration import gap_to_agreement
    >>> result = gap_to_agreement(load_example(), scorers=["judge"], n_resamples=100)
    >>> near, far = (f"gap(agreement={q})" for q in (0.7, 0.8))
    >>> gaps = [result.row("judge", statistic=name)["estimate"] for name in (near, far)]
    >>> bool(0 < gaps[0] < gaps[1])
    True
    """
    levels = _check_agreement(agreement)
    check_one_of("calibrator", calibrator, _MAPS)
    expected = link_functions.lapse(1 / check_fraction("lapse", lapse) - 1)
    link = link_functions.MARGIN if calibrator == "margin_link" else expected
    settings = Settings(
        resampling=Resampling(n_resamples, seed, weights),
        confidence=confidence,
        interval="percentile",
    )
    options = DesignOptions(label=label, scorers=scorers, resample=resample, missing=missing)
    pooled = prepare_design(table, options)
    column = by or ("task" if "task" in pooled.table.rows else None)
    reading = Reading(scale="log_odds", rows="pairs").settled(pooled.table)
    designs = (
        [pooled] if column is None else [pooled, prepare_design(table, replace(options, by=column))]
    )
    parts = [part for design in designs for part in cases_by_stratum(design, reading)]
    fits = [_fits(part, link, settings.resampling) for part in parts]
    lapse_option = "" if lapse == 0.05 else f"lapse={lapse:g}"
    estimates = [
        _gaps(level, calibrator, lapse_option, parts, fits, confidence) for level in levels
    ]
    notes = [
        line
        for stratum_fit in zip(parts, fits, strict=True)
        for line in _not_increasing_notes(*stratum_fit)
    ]
    notes += [line for level in levels for line in _sensitivity_notes(level, parts, fits)]
    if len(parts) > 2:
        scale_ratio, ratio_notes = scale_ratios(parts, fits, confidence)
        estimates.append(scale_ratio)
        notes += ratio_notes
    details: list[Detail] = [
        {"statistic": "curve", "task": part.name, "scorer": name}
        | {"slope": float(fit.slope[m]), "lapse": float(fit.lapse[m])}
        | {
            f"{parameter}_if_{lapse:g}": float(values[m])
            for lapse, curve in zip(_OTHER_LAPSES, fit.others, strict=True)
            for parameter, values in zip(("slope", "lapse"), curve, strict=True)
        }
        for part, fit in zip(parts, fits, strict=True)
        for m, name in enumerate(part.cases.scorers)
    ]
    design = designs[-1]
    return make_result("gap_to_agreement", design, settings, estimates, details, notes)


def _check_agreement(agreement: Any) -> list[float]:
    levels = np.atleast_1d(numbers(agreement, "agreement")).tolist()
    for level in levels:
        if not check_fraction("agreement", level) > 0.5:
            raise MetaevalError(
                f"agreement must be between 0.5 and 1, got {level:g}; 0.5 is chance agreement."
            )
    if not levels:
        raise MetaevalError("agreement must contain at least one rate, such as (0.7, 0.9).")
    return sorted(set(levels))


def _fits(part: StratumCases, link: Link, resampling: Resampling) -> Fits:
    """Curves of all scorers, fitted to all cases and to every replicate."""
    curves, slopes, others = [], [], []
    for m in range(len(part.cases.scorers)):
        margins = margins_of(part, m)
        scale = scale_of(margins)
        x = (margins / scale)[:, None]
        theta, increasing = refit(part, link, _column_over(scale), resampling, m)
        slope, rate = _slopes_and_lapses(theta, scale)
        curves.append(np.stack([np.where(increasing, slope, 0.0), rate]))
        slopes.append(slope)
        others.append(
            [_fit_with_lapse(part, link, x, scale, increasing[0], o) for o in _OTHER_LAPSES]
        )
    slope, lapse = np.stack(curves, axis=-1)
    largest = np.abs(np.asarray(part.cases.log_odds)).max(axis=0)
    of_others = tuple((v[:, 0], v[:, 1]) for v in np.array(others).transpose(1, 0, 2))
    assumed = np.stack(slopes, axis=-1)
    return Fits(slope[0], lapse[0], slope[1:], lapse[1:], assumed, of_others, largest)


def _column_over(scale: float) -> Callable[[Floats], Floats]:
    return lambda margins: (margins / scale)[:, None]


def _fit_with_lapse(
    part: StratumCases, link: Link, x: Floats, scale: float, increases: bool, lapse: float
) -> tuple[float, float]:
    """Slope and lapse rate of one scorer under another prior mean of the lapse rate."""
    expected = link if link is link_functions.MARGIN else link_functions.lapse(1 / lapse - 1)
    slope, rate = _slopes_and_lapses(
        link_functions.fit(expected, x, part.cases.label, part.cases.weight[None]), scale
    )
    return float(slope[0]) if increases else 0.0, float(rate[0])


def _slopes_and_lapses(theta: Floats, scale: float) -> tuple[Floats, Floats]:
    """Slopes per unit of score, and lapse rates: (draw,) each."""
    rate = expit(theta[:, 1]) if theta.shape[1] > 1 else np.zeros(len(theta))
    return np.exp(theta[:, 0]) / scale, rate


def _not_increasing_notes(part: StratumCases, fit: Fits) -> list[str]:
    """Notes on scorers without a positive association of labels and margins."""
    in_stratum = "" if part.name is None else f" in {part.name}"
    return [
        f"{name}: labels are not positively associated with margins{in_stratum}; the gap is "
        "infinite"
        for name, increases in zip(part.cases.scorers, fit.increasing, strict=True)
        if not increases
    ]


def _sensitivity_notes(level: float, parts: list[StratumCases], fits: list[Fits]) -> list[str]:
    """Notes on gaps that are extrapolated, or sensitive to the prior for the lapse rate."""
    beyond, sensitive = [], []
    for part, fit in zip(parts, fits, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = 1 / inverse_gap(level, fit.slope, fit.lapse)
            ratios = np.array([inverse_gap(level, *other) * gap for other in fit.others])
        is_sensitive = fit.increasing & ~((ratios >= 1 / _MAX_RATIO) & (ratios <= _MAX_RATIO)).all(
            axis=0
        )
        is_sensitive &= ~np.isnan(ratios).all(axis=0)  # infinite under every prior
        in_stratum = "" if part.name is None else f" in {part.name}"
        names = [f"{name}{in_stratum}" for name in part.cases.scorers]
        is_beyond = np.isfinite(gap) & (gap > fit.largest)
        beyond += [name for name, is_listed in zip(names, is_beyond, strict=True) if is_listed]
        sensitive += [
            name for name, is_listed in zip(names, is_sensitive, strict=True) if is_listed
        ]
    lines = []
    if beyond:
        lines.append(
            f"the gap at {100 * level:g}% agreement is larger than all margins of "
            f"{join_names(beyond, 5)}, so it is extrapolated from the fitted curve"
        )
    if sensitive:
        lines.append(
            f"the gap at {100 * level:g}% agreement depends on the prior for the lapse rate for "
            f"{join_names(sensitive, 5)}: with lapse={_OTHER_LAPSES[0]:g} or "
            f"{_OTHER_LAPSES[1]:g} it changes by a factor of more than {_MAX_RATIO:g}, or between "
            "finite and infinite"
        )
    return lines


def inverse_gap(level: float, slope: Floats, lapse: Floats) -> Floats:
    """One over the gap at which agreement reaches a level; 0 if it never does."""
    inner = (level - lapse / 2) / (1 - lapse)
    reached = inner < 1
    with np.errstate(divide="ignore"):
        return np.where(reached, slope / logit(np.where(reached, inner, 0.75)), 0.0)


def _gaps(
    level: float,
    calibrator: str,
    lapse_option: str,
    parts: list[StratumCases],
    fits: list[Fits],
    confidence: float,
) -> tuple[Estimand, list[Row], Floats]:
    """Rows and draws of the gap at one agreement level."""
    quantity = (
        f"the score difference at which labels agree {100 * level:g}% of the time, according to "
        f"{calibrator}, excluding pairs with tied labels"
    )
    of_map = "" if calibrator == "lapse_link" else f"calibrator={calibrator}"
    estimand = Estimand(
        name=format_name("gap", f"agreement={level:g}", of_map, lapse_option),
        rows="pairs",
        grouping="item",
        average="items",
        ties="none",
        target=quantity,
        whole=POOLED,
        status="approximate",
        better="neither",
        unit="score",
    )
    rows, draws = [], []
    for part, fit in zip(parts, fits, strict=True):
        inverse = inverse_gap(level, fit.slopes, fit.lapses)
        ends = np.quantile(inverse, tails(confidence)[::-1, 0], axis=0)
        with np.errstate(divide="ignore"):
            best = 1 / inverse_gap(level, fit.slope, fit.lapse)
            ends, gaps = 1 / ends, 1 / inverse
        se = np.where(np.isinf(gaps).any(axis=0), np.nan, _standard_deviation(gaps))
        rows += [
            result_row(
                estimand,
                part,
                name,
                estimate=float(best[m]),
                lower=float(ends[0, m]),
                upper=float(ends[1, m]),
                se=float(se[m]),
                interval="percentile",
            )
            for m, name in enumerate(part.cases.scorers)
        ]
        draws.append(gaps)
    return estimand, rows, np.concatenate(draws, axis=1)


def _standard_deviation(draws: Floats) -> Floats:
    finite = np.where(np.isinf(draws), 0.0, draws)
    unit = np.maximum(finite.max(axis=0), np.finfo(float).tiny)  # scaling prevents overflow
    return np.asarray((finite / unit).std(axis=0, ddof=1) * unit)
