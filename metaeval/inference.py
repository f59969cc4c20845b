"""The two verbs: how good is each scorer (`evaluate`), and do two differ (`compare`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from metaeval import intervals, multiplicity
from metaeval.assembling import Level, assembled, cautions_of, details_of, family_of
from metaeval.checks import check_built, check_fraction, check_whole, listed, require_known
from metaeval.choosing import Statistics, choose_statistics
from metaeval.comparisons import (
    Plan,
    Row,
    difference_rows,
    own_rows,
)
from metaeval.errors import MetaevalError
from metaeval.measure import Measured, macro, measure
from metaeval.prepare import Design, prepare, system_level, units_of
from metaeval.result import Result
from metaeval.statistics import (
    system_accuracy,
)
from metaeval.statistics.base import Statistic
from metaeval.tables import Pairs, Responses, Table

INTERVALS = ("bca", "percentile", "basic", "bootstrap-t", "t", "wilson", "jeffreys")
TESTS = (
    "sign-flip",
    "swap-cells",
    "swap-items",
    "swap-systems",
    "pair-swap",
    "mcnemar",
    "bootstrap",
)
CORRECTIONS = ("holm", "maxt", "bh", "by", "none")


def evaluate(
    table: Table,
    statistic: Statistics = None,
    *,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    by: str | None = None,
    random: str | None = None,
    confidence: float = 0.95,
    interval: str = "bca",
    n_resamples: int = 10_000,
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
    random : {"item", "cluster"}, optional
        What is resampled, and so what conclusions are about: clusters where there are any.
    confidence : float, default 0.95
        Share of intervals that should hold the truth.
    interval : {"bca", "percentile"}
    n_resamples : int, default 10 000
        Bootstrap replicates, at least 100.
    missing : {"common", "pairwise", "error", "wrong"}, optional
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
    options = {"label": label, "scorers": scorers, "by": by, "random": random, "missing": missing}
    plan = _plan("evaluate", confidence, interval, n_resamples, seed, keep_draws=keep_draws)
    return _run(table, statistic, plan, options)


def compare(
    table: Table,
    statistic: Statistics = None,
    *,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    baseline: str | None = None,
    test: str = "sign-flip",
    correction: str = "holm",
    by: str | None = None,
    random: str | None = None,
    confidence: float = 0.95,
    interval: str = "bca",
    n_resamples: int = 10_000,
    missing: str | None = None,
    seed: int = 0,
    keep_draws: bool = False,
) -> Result:
    """Whether scorers differ: differences with intervals, tests and a correction.

    Parameters
    ----------
    table, statistic, label, scorers, by, random, confidence, interval, n_resamples, missing, seed
        As in `evaluate`.
    baseline : str, optional
        Compare all others with this scorer; else all pairs are compared, A before B as text.
    test : {"sign-flip"}
        Whole items (clusters) flip the sign of the difference of two scorers' contributions; all
        flips are tried for at most 20 units. Statistics without contributions take p from the
        bootstrap (difference over standard error), status "approximate".
    correction : {"holm", "none"}
        Within a family: the pairs of the macro (or pooled) row; those of all strata; and the
        same at system level, each statistic on its own.
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
    Phipson and Smyth (2010), Permutation p-values should never be zero. Holm (1979), A simple
    sequentially rejective multiple test procedure.

    Examples
    --------
    >>> from metaeval import compare, load_example, statistics
    >>> result = compare(load_example(), statistics.pairwise_accuracy(), n_resamples=200)
    >>> set(result.league()["scorer"]) == set(load_example().scorers)
    True
    """
    check_test(test, correction)
    options = {"label": label, "scorers": scorers, "by": by, "random": random, "missing": missing}
    plan = _plan(
        "compare",
        confidence,
        interval,
        n_resamples,
        seed,
        test=test,
        correction=correction,
        baseline=baseline,
        keep_draws=keep_draws,
    )
    return _run(table, statistic, plan, options)


def check_test(test: str, correction: str) -> None:
    """Raise unless the test and the correction are built."""
    check_built("test", test, ("sign-flip",), TESTS)
    check_built("correction", correction, tuple(multiplicity.ADJUST), CORRECTIONS)


def _plan(
    verb: str, confidence: float, interval: str, n_resamples: int, seed: int, **rest: Any
) -> Plan:
    check_fraction("confidence", confidence)
    check_built("interval", interval, tuple(intervals.BY_NAME), INTERVALS)
    n_resamples = check_whole("n_resamples", n_resamples, 100)
    seed = check_whole("seed", seed, 0)
    return Plan(verb, float(confidence), interval, n_resamples, seed, **rest)


def _run(table: Table, statistic: Statistics, plan: Plan, options: dict[str, Any]) -> Result:
    if not isinstance(table, Responses | Pairs):
        raise MetaevalError(
            f"A {type(table).__name__} is no table; read it first: read_scores(...) "
            "or Responses(...)."
        )
    options = options | {"scorers": _scorer_names(options["scorers"])}
    _check_scorers(table, plan, options["scorers"])
    design = prepare(table, **options)
    if len(units_of(design.table)[1]) < 2:
        raise MetaevalError(
            f"There is one {design.random}, and nothing to resample; at least two "
            "are needed, and little is said below 30."
        )
    statistics, notes = choose_statistics(design.table, statistic)
    for one in statistics:
        _check_policy(one, design.missing)
    levels = [_level(table, design, one, plan, options) for one in statistics]
    if all(s.estimand.get("grouping") != "systems" for s in statistics):
        beside, reason = _system_level(table, design, plan, options)
        levels += beside
        notes += reason
    return assembled(table, design, plan, options, levels, notes)


def _system_level(
    table: Table, design: Design, plan: Plan, options: Mapping[str, Any]
) -> tuple[list[Level], list[str]]:
    """System accuracy beside the item level, or a line that says why not."""
    upper, reason = system_level(design)
    if upper is None:
        return [], [reason]
    if design.missing == "wrong":
        return [], ["No system level: missing='wrong' is for items."]
    try:
        level = _level(table, design, system_accuracy(), plan, options)
    except MetaevalError as error:  # two scorers may share too few systems (missing='pairwise')
        return [], [str(error)]
    return [replace(level, beside=True)], []


def _scorer_names(scorers: Any) -> list[str] | None:
    if scorers is None:
        return None
    return list(dict.fromkeys([scorers] if isinstance(scorers, str) else scorers))


def _check_scorers(table: Table, plan: Plan, scorers: Sequence[str] | None) -> None:
    names = table.scorers if scorers is None else list(scorers)
    if plan.verb == "compare" and len(names) < 2:
        raise MetaevalError(
            f"compare needs two scorers; there is {listed(names) or 'none'}. Use evaluate "
            "(--no-pairs) for the value of one, or give another score file."
        )
    if plan.baseline is not None:
        require_known("scorer to compare with", plan.baseline, names)


def _check_policy(statistic: Statistic, missing: str) -> None:
    within_items = statistic.is_accuracy and statistic.estimand.get("grouping") == "item"
    if missing == "wrong" and not within_items:
        raise MetaevalError(
            f"missing='wrong' is for accuracies over items, not for {statistic.name}; "
            "use missing='common' or missing='pairwise'."
        )


def _level(
    table: Table, design: Design, statistic: Statistic, plan: Plan, options: Mapping[str, Any]
) -> Level:
    """All rows of one statistic; at system level on the systems that answered every item."""
    if statistic.estimand.get("grouping") == "systems":
        complete, _ = system_level(design)
        design = design if complete is None else complete
    family = len(plan.pairs(design.scorers))
    if design.missing != "pairwise":
        return _common(design, statistic, plan, family)
    return _pairwise(table, design, statistic, plan, options, family)


def _wholes(design: Design, statistic: Statistic, plan: Plan) -> list[Measured]:
    """Macro (or pooled) first, then the strata."""
    parts = measure(design, statistic, plan.n_resamples, plan.seed)
    whole = macro(parts, design.table.n_items)
    return [whole] if design.by is None else [whole, *parts]


def _common(design: Design, statistic: Statistic, plan: Plan, family: int) -> Level:
    own, differences, draws, details = [], [], [], []
    wholes = _wholes(design, statistic, plan)
    for whole in wholes:
        size = family_of(whole, design, family)
        own += own_rows(statistic, whole, design.scorers, plan)
        differences += difference_rows(statistic, whole, design.scorers, plan, size)
        draws.append(whole.draws)
        details += details_of(statistic, whole, design.scorers)
    cautions = cautions_of(wholes, design, statistic, plan, family)
    n_flips = max(plan.n_flips(family_of(whole, design, family)) for whole in wholes)
    return Level(statistic, own, differences, draws, details, cautions, n_flips)


def _pairwise(
    table: Table,
    design: Design,
    statistic: Statistic,
    plan: Plan,
    options: Mapping[str, Any],
    family: int,
) -> Level:
    """Each value on the rows that its scorer has, each difference on those that both have."""
    own: list[Row] = []
    differences: list[Row] = []
    details: list[dict[str, Any]] = []
    cautions: list[str] = []
    for name in design.scorers:
        alone = _only(table, [name], options, statistic)
        wholes = _wholes(alone, statistic, plan)
        if len(alone.strata) < len(design.strata):
            cautions.append(
                f"{name} has scores in {len(alone.strata)} of {len(design.strata)} strata; its "
                "mean over them is no match for the others'"
            )
        for whole in wholes:
            own += own_rows(statistic, whole, [name], plan)
            details += details_of(statistic, whole, [name])
    for x, y in plan.pairs(design.scorers):
        both = _only(table, [design.scorers[x], design.scorers[y]], options, statistic)
        direct = Plan(**{**vars(plan), "baseline": design.scorers[y]})
        wholes = _wholes(both, statistic, plan)
        cautions += cautions_of(wholes, both, statistic, plan, family)
        for whole in wholes:
            size = family if whole.name is None else family * len(design.strata)
            differences += difference_rows(statistic, whole, both.scorers, direct, size)
    own.sort(key=lambda row: (row["task"] is not None, row["task"] or ""))
    differences.sort(key=lambda row: (row["task"] is not None, row["task"] or ""))
    said = list(dict.fromkeys(cautions))
    return Level(statistic, own, differences, [], details, said[:3], plan.n_flips(family))


def _only(
    table: Table, names: list[str], options: Mapping[str, Any], statistic: Statistic
) -> Design:
    design = prepare(table, **{**options, "scorers": names, "missing": "common"})
    if statistic.estimand.get("grouping") != "systems":
        return design
    complete, reason = system_level(design)
    if complete is None:
        raise MetaevalError(f"{reason} Use missing='common' or leave out {listed(names)}.")
    return complete
