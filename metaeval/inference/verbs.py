"""The two verbs: `evaluate` estimates the value of each scorer, `compare` tests differences."""

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
    interval: str | None = None,
    n_resamples: int = 10_000,
    weights: str | None = None,
    missing: str | None = None,
    seed: int = 0,
    keep_draws: bool = False,
) -> Result:
    """Evaluate each scorer: estimate a statistic with a bootstrap confidence interval.

    Parameters
    ----------
    table : Responses or Pairs
    statistic : Statistic, its name, or a list of them, optional
        Statistic to estimate. The default depends on the kind of labels and is named in the notes
        of the result: `best_of_n` for correctness labels, `pairwise_accuracy` for preferences
        without ties, `tie_calibrated_accuracy` for ratings and for preferences with ties, `pearson`
        and `kendall` over all responses if there is one response per item.
    label : str, optional
        Label column; required if there are several that are not averaged.
    scorers : list of str, optional
        Scorers to evaluate; all by default.
    by : str, optional
        Column of the items to report by; adds a macro average with equal weights of the strata.
    resample : {"item", "cluster", "task", ("item", "system")}, optional
        Unit of resampling, to which conclusions generalize: by default clusters if there are any,
        else items; entire tasks; or items and systems, for conclusions that include new systems.
    confidence : float, default 0.95
        Confidence level: nominal coverage of the intervals.
    interval : {"bca", "percentile", "basic", "bootstrap-t", "t", "wilson", "jeffreys"}, optional
        Kind of interval; see the column `interval` of the result. By default accuracies have
        Wilson's interval with the effective number of trials, other values BCa intervals, and
        differences Student's t interval with the bootstrap standard error. Within two standard
        errors of 0 or 1, Wilson's replaces the first three.
    n_resamples : int, default 10 000
        Bootstrap replicates, at least 100.
    weights : {"multinomial", "poisson", "exponential"}, optional
        Distribution of the resampling weights: multinomial counts (the default below 100 units),
        independent Poisson counts, or exponential weights (the Bayesian bootstrap).
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Policy for missing scores: use rows common to all scorers; rows common to each pair of
        scorers; refuse missing scores; or, for accuracies, count them as wrong. By default that of
        the table, usually `common`.
    seed : int, default 0
        Seed of the random numbers; results are identical for any order of rows, files and scorers.
    keep_draws : bool, default False
        Keep the bootstrap draws even if they are more than 1e8 numbers.

    Returns
    -------
    Result
        Result with one row for each statistic, stratum and scorer.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid; the message says how to fix it.

    Notes
    -----
    Entire items (clusters) are resampled, never pairs or responses. If at least three systems
    answered every common item, `system_accuracy` is reported in addition to the item level.

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
    test: str = "t",
    alternative: str = "two-sided",
    correction: str = "maxt",
    equivalence_margin: float | None = None,
    stop_after_exceedances: int | None = None,
    by: str | None = None,
    resample: str | tuple[str, str] | None = None,
    confidence: float = 0.95,
    interval: str | None = None,
    n_resamples: int = 10_000,
    weights: str | None = None,
    missing: str | None = None,
    seed: int = 0,
    keep_draws: bool = False,
) -> Result:
    """Compare scorers: differences with confidence intervals and adjusted p-values.

    Parameters
    ----------
    table, statistic, label, scorers, by, resample, confidence, interval
        As in `evaluate`.
    n_resamples, weights, missing, seed
        As in `evaluate`.
    baseline : str, optional
        Compare all other scorers with this one; by default, compare all pairs, in alphabetical
        order.
    test : {"t", "sign-flip", "bootstrap", "mcnemar", "mcnemar-mid-p", ...}, default "t"
        `t`: Student's t test with the bootstrap standard error, which agrees with the default
        interval. `sign-flip`: random signs of the differences between the contributions of two
        scorers, by item (cluster); all sign patterns are enumerated for at most 20 units; exact if
        differences are symmetric, and of low power if few units differ; `t` replaces it for
        statistics without contributions. `bootstrap`: bootstrap t test, for statistics with a
        standard error of each replicate. `mcnemar`: for one verdict per item. Published tests, for
        comparison: `swap-cells`, `swap-items`, `swap-systems`, `pair-swap`, `williams`.
    alternative : {"two-sided", "greater", "less"}
        Alternative hypothesis on scorer minus baseline.
    correction : {"maxt", "holm", "bh", "by", "none"}
        Adjustment of p-values. `maxt`: step-down max-T with the correlations of the bootstrap draws
        (of the flips, for sign-flip tests), replaced by Holm's method if there are none. Families
        are the pairs of the macro (or pooled) value, and those of all strata, for each statistic
        separately and likewise at system level. Holm's p-value is always in `p_holm`. The intervals
        `adjusted_lower` to `adjusted_upper` agree with the correction: they are simultaneous for
        `maxt` and `holm` (Bonferroni), otherwise pointwise.
    equivalence_margin : float, optional
        Equivalence margin in units of the statistic; adds `p_equivalent`, the p-value of two
        one-sided t tests.
    stop_after_exceedances : int, optional
        Sequential p-values (Besag and Clifford): stop after this number of flips at least as
        extreme as observed; 20 is common.
    keep_draws : bool, default False
        Keep the bootstrap draws even if they are more than 1e8 numbers.

    Returns
    -------
    Result
        Result with the rows of `evaluate`, and one row for each difference, which has a `baseline`.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid; the message says how to fix it.

    Notes
    -----
    A difference is tested by its ratio to the standard deviation of its bootstrap replicates, with
    as many degrees of freedom as units minus 1. The number of random flips of a sign-flip test is
    max(n_resamples, 200 x comparisons in the family), at most 1e6, so that small adjusted p-values
    are attainable with many comparisons.

    References
    ----------
    Hothorn, Bretz and Westfall (2008), Simultaneous inference in general parametric models. Korn
    and Graubard (1998), Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data. Phipson and Smyth (2010), Permutation p-values should never
    be zero. Besag and Clifford (1991), Sequential Monte Carlo p-values.

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
            equivalence_margin=equivalence_margin,
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
        supplementary, reason = _system_level(design, settings)
        analyses += supplementary
        notes += reason
    return assemble_result(verb, design, analyses, settings, notes)


def _analyze(design: Design, statistic: Statistic, settings: Settings) -> Analysis:
    """The analysis of one statistic for the scorers that have a value."""
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
    """System accuracy in addition to the item level, or a note with the reason why not."""
    complete, reason = at_system_level(design)
    if complete is None:
        return [], [reason]
    if design.missing == "count_as_wrong":
        return [], ["No system-level statistic: missing='count_as_wrong' applies only to items."]
    try:
        analysis = _analyze(design, system_accuracy(), settings)
    except MetaevalError as error:  # two scorers may share too few systems (missing='pairwise')
        return [], [str(error)]
    return [replace(analysis, supplementary=True)], []


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
        require_known("baseline scorer", baseline, names)


def _require_units(design: Design) -> None:
    if len(resampling_units(design.table)[1]) > 1:
        return
    raise MetaevalError(
        f"Resampling needs at least 2 {design.unit}s, got 1 (30 or more are recommended)."
        + "".join(f" {warning}." for warning in design.warnings)
    )


def _unused_columns(table: Table) -> str:
    """A hint at numeric columns that are not read as scores, but may be intended as such."""
    ids = {*table._id_columns(), *table._identity(table.rows)}
    extra = [str(c) for c in table.rows.select_dtypes("number") if c not in ids]
    if not extra:
        return ""
    return (
        f" Numeric columns that are not read as scores: {join_names(extra, 10)}; name those that "
        "are scorers (scorers=, --scorers)."
    )
