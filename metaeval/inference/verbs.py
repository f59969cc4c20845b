"""The two verbs: how good is each scorer (`evaluate`), and do two differ (`compare`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from metaeval.core import MetaevalError, check_names, join_names, require_known
from metaeval.inference.analysis import Analysis, analyze
from metaeval.inference.default_statistic import Statistics, choose_statistics, require_policy
from metaeval.inference.design import Design, make_design
from metaeval.inference.pairwise_analysis import analyze_pairwise
from metaeval.inference.provenance import assemble_result
from metaeval.inference.settings import ComparisonSettings, Resampling, Settings
from metaeval.inference.system_level import at_system_level
from metaeval.inference.undefined_scorers import without_undefined
from metaeval.inference.units import resampling_units
from metaeval.results import Result
from metaeval.statistics import Statistic, system_accuracy
from metaeval.tables import Table, require_table


def evaluate(
    table: Table,
    statistic: Statistics = None,
    *,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    resample: str | tuple[str, str] | None = None,
    confidence: float = 0.95,
    interval: str = "bca",
    n_resamples: int = 10_000,
    weights: str | None = None,
    missing: str | None = None,
    seed: int = 0,
    keep_draws: bool = False,
) -> Result:
    """How good each scorer is: the value of a statistic with a bootstrap interval.

    Parameters
    ----------
    table : Responses or Pairs
    statistic : Statistic, its name, or a list of them, optional
        What is estimated; the kind of label picks it where nothing is named (and the result says
        which): correctness labels take `best_of_n`, preferences without ties
        `pairwise_accuracy`, ratings and preferences with ties `tie_calibrated_accuracy`, lone
        responses `pearson` and `kendall` over all responses.
    label : str, optional
        Which label column; needed where there are several that are not exchangeable.
    scorers : list of str, optional
        Which scorers; all by default.
    by : str, optional
        Column of the items to report by; adds a macro row with the strata equally weighted.
    resample : {"item", "cluster", "task", ("item", "system")}, optional
        What is resampled, and so what conclusions are about: clusters where there are any, else
        items; whole tasks; items and systems, for conclusions about new systems too.
    confidence : float, default 0.95
        Share of intervals that should hold the truth.
    interval : {"bca", "percentile", "basic", "bootstrap-t", "t", "wilson", "jeffreys"}
        Accuracies that are means of items take `wilson` instead of the first three within two
        standard errors of 0 or 1; the rows say which.
    n_resamples : int, default 10 000
        Bootstrap replicates, at least 100.
    weights : {"multinomial", "poisson", "exponential"}, optional
        How units are weighted in replicates: exact counts (the default below 100 units),
        independent counts, or the Bayesian bootstrap.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Rows that all scorers have; what each comparison has; refuse; or (accuracies) count as
        wrong. By default what the table was read with, usually `common`.
    seed : int, default 0
        The same seed gives the same bytes, whatever the order of rows, files and scorers.
    keep_draws : bool, default False
        Keep the draws even if they are more than 1e8 numbers.

    Returns
    -------
    Result
        One row for each statistic, stratum and scorer.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable; the message names the cure.

    Notes
    -----
    Whole items (clusters) are resampled, never pairs or responses. Where at least three systems
    each answered every common item, `system_accuracy` stands beside the item level.

    References
    ----------
    Efron (1987), Better bootstrap confidence intervals.

    Examples
    --------
    >>> from metaeval import evaluate, load_example, statistics
    >>> result = evaluate(load_example(), statistics.pairwise_accuracy(), n_resamples=200)
    >>> result.frame["scorer"].nunique() == len(load_example().scorers)
    True
    """
    settings = Settings(
        resampling=Resampling(n_resamples, seed, weights),
        confidence=confidence,
        interval=interval,
        keep_draws=keep_draws,
    )
    scorers = _checked_scorers(require_table(table), scorers)
    design = make_design(
        table, label=label, scorers=scorers, by=by, resample=resample, missing=missing
    )
    return _result("evaluate", design, statistic, settings)


def compare(
    table: Table,
    statistic: Statistics = None,
    *,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    baseline: str | None = None,
    test: str = "sign-flip",
    alternative: str = "two-sided",
    correction: str = "maxt",
    margin: float | None = None,
    stop_after_exceedances: int | None = None,
    by: str | None = None,
    resample: str | tuple[str, str] | None = None,
    confidence: float = 0.95,
    interval: str = "bca",
    n_resamples: int = 10_000,
    weights: str | None = None,
    missing: str | None = None,
    seed: int = 0,
    keep_draws: bool = False,
) -> Result:
    """Whether scorers differ: differences with intervals, tests and a correction.

    Parameters
    ----------
    table, statistic, label, scorers, by, resample, confidence, interval
        As in `evaluate`.
    n_resamples, weights, missing, seed
        As in `evaluate`.
    baseline : str, optional
        Compare all others with this scorer; else all pairs are compared, A before B as text.
    test : {"sign-flip", "bootstrap", "mcnemar", "mcnemar-mid-p", ...}
        `sign-flip`: whole items (clusters) flip the sign of the difference of two scorers'
        contributions; all flips are tried for at most 20 units. `bootstrap`: studentised
        replicates, approximate; statistics without contributions always take it. `mcnemar`: for
        one verdict an item. Replicas of published tests, for comparison: `swap-cells`,
        `swap-items`, `swap-systems`, `pair-swap`, `williams`.
    alternative : {"two-sided", "greater", "less"}
        Of scorer less baseline.
    correction : {"maxt", "holm", "bh", "by", "none"}
        `maxt`: step-down on studentised flips or draws that the comparisons share; Holm's where
        there are none to share. Within a family: the pairs of the macro (or pooled) row; those of
        all strata; and the same at system level, each statistic on its own. Holm's p stands
        beside, in `p_holm`.
    margin : float, optional
        Differences below it do not matter, in units of the statistic: adds `p_equivalent`, the p
        of two one-sided t tests.
    stop_after_exceedances : int, optional
        Sequential p-values (Besag-Clifford): flips end once so many were as extreme. 20 is usual.
    keep_draws : bool, default False
        Keep the draws even if they are more than 1e8 numbers.

    Returns
    -------
    Result
        Rows of `evaluate`, and one for each difference, with `baseline` filled in.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable; the message names the cure.

    Notes
    -----
    The number of random flips is max(n_resamples, 200 x comparisons in the family), at most 1e6,
    so that many comparisons can still be separated.

    References
    ----------
    Phipson and Smyth (2010), Permutation p-values should never be zero. Romano and Wolf (2005),
    Stepwise multiple testing as formalized data snooping. Besag and Clifford (1991), Sequential
    Monte Carlo p-values.

    Examples
    --------
    >>> from metaeval import compare, load_example, statistics
    >>> result = compare(load_example(), statistics.pairwise_accuracy(), n_resamples=200)
    >>> set(result.leaderboard()["scorer"]) == set(load_example().scorers)
    True
    """
    settings = Settings(
        resampling=Resampling(n_resamples, seed, weights),
        confidence=confidence,
        interval=interval,
        testing=ComparisonSettings(
            n_resamples=n_resamples,
            seed=seed,
            test=test,
            alternative=alternative,
            correction=correction,
            baseline=baseline,
            margin=margin,
            stop_after_exceedances=stop_after_exceedances,
        ),
        keep_draws=keep_draws,
    )
    scorers = _checked_scorers(require_table(table), scorers)
    _require_two_scorers(table, scorers, baseline)
    design = make_design(
        table, label=label, scorers=scorers, by=by, resample=resample, missing=missing
    )
    return _result("compare", design, statistic, settings)


def _result(verb: str, design: Design, statistic: Statistics, settings: Settings) -> Result:
    """The analyses of all statistics of a design, as one result."""
    _require_units(design)
    statistics, notes = choose_statistics(design.table, statistic)
    for requested in statistics:
        require_policy(requested, design.missing)
    analyses = [_analyze(design, requested, settings) for requested in statistics]
    if all(requested.estimand.grouping != "systems" for requested in statistics):
        beside, reason = _system_level(design, settings)
        analyses += beside
        notes += reason
    return assemble_result(verb, design, analyses, settings, notes)


def _analyze(design: Design, statistic: Statistic, settings: Settings) -> Analysis:
    """All rows of one statistic, of the scorers that have a value."""
    baseline = None if settings.testing is None else settings.testing.baseline

    def analysis(subset: Design) -> Analysis:
        if baseline is not None and baseline not in subset.scorers:
            raise MetaevalError(
                f"{statistic.name} is undefined for the baseline {baseline!r}, so no scorer can be "
                "compared with it; choose another baseline or statistic."
            )
        method = analyze_pairwise if subset.missing == "pairwise" else analyze
        return method(subset, statistic, settings)

    return without_undefined(design, statistic, analysis)


def _system_level(design: Design, settings: Settings) -> tuple[list[Analysis], list[str]]:
    """System accuracy beside the item level, or a note that says why not."""
    complete, reason = at_system_level(design)
    if complete is None:
        return [], [reason]
    if design.missing == "count_as_wrong":
        return [], ["No system level: missing='count_as_wrong' is for items."]
    try:
        analysis = _analyze(design, system_accuracy(), settings)
    except MetaevalError as error:  # two scorers may share too few systems (missing='pairwise')
        return [], [str(error)]
    return [replace(analysis, beside=True)], []


def _checked_scorers(table: Table, scorers: Sequence[str] | None) -> list[str] | None:
    return None if scorers is None else check_names("scorers", scorers)


def _require_two_scorers(table: Table, scorers: Sequence[str] | None, baseline: str | None) -> None:
    names = table.scorers if scorers is None else list(scorers)
    if len(names) < 2:
        raise MetaevalError(
            f"compare needs at least two scorers, got {join_names(names) or 'none'}. Use evaluate "
            f"for a single scorer, or add a score file.{_unused_columns(table)}"
        )
    if baseline is not None:
        require_known("scorer to compare with", baseline, names)


def _require_units(design: Design) -> None:
    if len(resampling_units(design.table)[1]) > 1:
        return
    raise MetaevalError(
        f"Resampling needs at least 2 {design.unit}s, got 1 (30 or more are recommended)."
        + "".join(f" {warning}." for warning in design.warnings)
    )


def _unused_columns(table: Table) -> str:
    """Numeric columns that are not scores, but may have been meant as scorers."""
    ids = {*table._id_columns(), *table._identity(table.rows)}
    extra = [str(c) for c in table.rows.select_dtypes("number") if c not in ids]
    if not extra:
        return ""
    return (
        f" Numeric columns that are not read as scores: {join_names(extra, 10)}; name those that "
        "are scorers (scorers=, --scorers)."
    )
