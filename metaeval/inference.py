"""The two verbs: how good is each scorer (`evaluate`), and do two differ (`compare`)."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from metaeval import intervals, multiplicity
from metaeval.checks import check_built, check_fraction, check_whole, listed, require_known
from metaeval.comparisons import (
    COLUMNS,
    Plan,
    Row,
    adjust,
    difference_rows,
    own_rows,
    reach_warning,
)
from metaeval.errors import MetaevalError
from metaeval.measure import Measured, macro, measure
from metaeval.prepare import Design, prepare, system_level
from metaeval.result import Result, make_signature, version
from metaeval.statistics import (
    best_of_n,
    kendall,
    pairwise_accuracy,
    pearson,
    system_accuracy,
    tie_calibrated_accuracy,
)
from metaeval.statistics.base import Statistic
from metaeval.tables import Responses, Table

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
MAX_KEPT_DRAWS = 10**8

_ALL_TIES = 0.95
_FEW_UNITS = 30

Statistics = Statistic | Sequence[Statistic] | None


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
    statistic : Statistic, list of Statistic, optional
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
    check_built("test", test, ("sign-flip",), TESTS)
    check_built("correction", correction, tuple(multiplicity.ADJUST), CORRECTIONS)
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


def _plan(
    verb: str, confidence: float, interval: str, n_resamples: int, seed: int, **rest: Any
) -> Plan:
    check_fraction("confidence", confidence)
    check_built("interval", interval, tuple(intervals.BY_NAME), INTERVALS)
    check_whole("n_resamples", n_resamples, 100)
    check_whole("seed", seed, 0)
    return Plan(verb, float(confidence), interval, n_resamples, seed, **rest)


@dataclass(frozen=True)
class _Level:
    """Rows of one statistic, its draws, and what there is to say of it."""

    statistic: Statistic
    own: list[Row]
    differences: list[Row]
    draws: list[np.ndarray[Any, Any]]
    details: list[dict[str, Any]]
    warnings: list[str]
    n_flips: int
    beside: bool = False  # added without being asked for: the system level


def _run(table: Table, statistic: Statistics, plan: Plan, options: dict[str, Any]) -> Result:
    _check_scorers(table, plan, options["scorers"])
    design = prepare(table, **options)
    statistics, notes = choose_statistics(design.table, statistic)
    upper, reason = system_level(design)
    beside = upper is not None and all(s.estimand.get("grouping") != "systems" for s in statistics)
    if beside:
        statistics.append(system_accuracy())
    elif upper is None:
        notes.append(reason)
    for one in statistics:
        _check_policy(one, design.missing)
    measured = [_level(table, design, one, plan, options) for one in statistics]
    if beside:
        measured[-1] = replace(measured[-1], beside=True)
    return _assemble(table, design, plan, options, measured, notes)


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
    if missing == "wrong" and not (statistic.is_accuracy and statistic.weigh is None):
        if statistic.name.startswith("tie_calibrated") and statistic.over == "pairs":
            return
        raise MetaevalError(
            f"missing='wrong' is for accuracies over items, not for {statistic.name}; "
            "use missing='common' or missing='pairwise'."
        )


def choose_statistics(table: Table, statistic: Statistics) -> tuple[list[Statistic], list[str]]:
    """The statistics to use, and a sentence that says why where the label picked them."""
    if statistic is not None:
        given = [statistic] if isinstance(statistic, Statistic) else list(statistic)
        return [s.resolve(table) if s.resolve is not None else s for s in given], []
    kind, picked = _default(table)
    names = " and ".join(s.name for s in picked)
    return picked, [f"{kind}, so: {names}"]


def _default(table: Table) -> tuple[str, list[Statistic]]:
    if not isinstance(table, Responses):
        if (table.labels == 0).any(axis=None):
            return "preferences with ties", [tie_calibrated_accuracy()]
        return "preferences without ties", [pairwise_accuracy("half")]
    if len(table) == table.n_items:
        return "one response per item", [pearson(), kendall(grouping="none")]
    if table.kind == "correct":
        return "correctness labels of candidates", [best_of_n()]
    return "ratings", [tie_calibrated_accuracy()]


def _level(
    table: Table, design: Design, statistic: Statistic, plan: Plan, options: Mapping[str, Any]
) -> _Level:
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
    return [macro(parts)] if design.by is None else [macro(parts), *parts]


def _common(design: Design, statistic: Statistic, plan: Plan, family: int) -> _Level:
    own, differences, draws, details = [], [], [], []
    wholes = _wholes(design, statistic, plan)
    for whole in wholes:
        size = _family(whole, design, family)
        own += own_rows(statistic, whole, design.scorers, plan)
        differences += difference_rows(statistic, whole, design.scorers, plan, size)
        draws.append(whole.draws)
        details += _details(statistic, whole, design.scorers)
    cautions = _cautions(wholes, design, statistic, plan, family)
    n_flips = max(plan.n_flips(_family(whole, design, family)) for whole in wholes)
    return _Level(statistic, own, differences, draws, details, cautions, n_flips)


def _family(whole: Measured, design: Design, family: int) -> int:
    """Comparisons that are corrected together: those of the macro row, or of all strata."""
    return family if whole.name is None else family * len(design.strata)


def _cautions(
    wholes: list[Measured], design: Design, statistic: Statistic, plan: Plan, family: int
) -> list[str]:
    """What the numbers cannot show: p out of reach, too few units, no interval."""
    smallest = sorted(wholes, key=lambda whole: whole.n_units)
    reach = [reach_warning(whole, _family(whole, design, family), plan) for whole in smallest]
    cautions = [w for w in reach if w is not None][:1]
    few = [whole for whole in smallest if whole.n_units < _FEW_UNITS]
    if few:
        where = "" if few[0].name is None else f" in {few[0].name}"
        more = f" (and few in {len(few) - 1} more)" if len(few) > 1 else ""
        cautions.append(
            f"{few[0].n_units} {design.random}s{where} are few{more}: bootstrap intervals are too "
            f"short below about {_FEW_UNITS}; rely on the p-value"
        )
    if statistic.item_limit is not None and any(np.isnan(w.draws).all() for w in wholes):
        cautions.append(
            f"{statistic.name}: more than {statistic.item_limit} items, so there is no interval; "
            "use --by task, --grouping item or fewer items"
        )
    return cautions


def _pairwise(
    table: Table,
    design: Design,
    statistic: Statistic,
    plan: Plan,
    options: Mapping[str, Any],
    family: int,
) -> _Level:
    """Each value on the rows that its scorer has, each difference on those that both have."""
    own: list[Row] = []
    differences: list[Row] = []
    details: list[dict[str, Any]] = []
    for name in design.scorers:
        alone = _only(table, [name], options, statistic)
        for whole in _wholes(alone, statistic, plan):
            own += own_rows(statistic, whole, [name], plan)
            details += _details(statistic, whole, [name])
    for x, y in plan.pairs(design.scorers):
        both = _only(table, [design.scorers[x], design.scorers[y]], options, statistic)
        direct = Plan(**{**vars(plan), "baseline": design.scorers[y]})
        for whole in _wholes(both, statistic, plan):
            size = family if whole.name is None else family * len(design.strata)
            differences += difference_rows(statistic, whole, both.scorers, direct, size)
    own.sort(key=lambda row: (row["task"] is not None, row["task"] or ""))
    differences.sort(key=lambda row: (row["task"] is not None, row["task"] or ""))
    return _Level(statistic, own, differences, [], details, [], plan.n_flips(family))


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


def _details(statistic: Statistic, whole: Measured, names: list[str]) -> list[dict[str, Any]]:
    """What else is known of each scorer: threshold, untuned accuracy, groups lost."""
    extra = [k for k in whole.levels if k not in ("chance", "trivial", "tie_rate")]
    if not extra:
        return []
    return [
        {"statistic": statistic.name, "task": whole.name, "scorer": name}
        | {key: float(whole.levels[key][m]) for key in extra}
        for m, name in enumerate(names)
    ]


def _assemble(
    table: Table,
    design: Design,
    plan: Plan,
    options: Mapping[str, Any],
    levels: list[_Level],
    notes: list[str],
) -> Result:
    rows = [row for level in levels for row in [*level.own, *level.differences]]
    adjust(rows, plan.correction)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    warnings = [*design.warnings, *dict.fromkeys(w for level in levels for w in level.warnings)]
    details = [d for level in levels for d in level.details]
    meta: dict[str, Any] = {
        "kind": plan.verb,
        "warnings": [*warnings, *_tie_notes(frame, details)],
        "notes": [_counts_line(design), *_estimand_notes(notes, levels, design)],
        "statistics": [_described(level) for level in levels],
        "policy": _policy(design, plan, options, levels),
        "alignment": table.alignment.counts() | {"dropped": int(design.dropped.sum())},
        "details": details,
        "provenance": _provenance(table, plan, levels),
    }
    meta["provenance"]["signature"] = make_signature(meta, len(design.table), table.fingerprint)
    return Result(frame, _draws(levels, plan), meta)


def _draws(levels: list[_Level], plan: Plan) -> np.ndarray[Any, Any] | None:
    parts = [part for level in levels for part in level.draws]
    if not parts:
        return None
    size = sum(part.size for part in parts)
    return np.concatenate(parts, axis=1) if plan.keep_draws or size <= MAX_KEPT_DRAWS else None


def _described(level: _Level) -> dict[str, Any]:
    s = level.statistic
    about = {"name": s.name, "accuracy": s.is_accuracy, "status": s.status, "beside": level.beside}
    return about | dict(s.estimand)


def _policy(
    design: Design, plan: Plan, options: Mapping[str, Any], levels: list[_Level]
) -> dict[str, Any]:
    first = levels[0].statistic.estimand
    tuned = levels[0].statistic.name.startswith("tie_calibrated")
    return {
        "ties": first.get("ties", "none"),
        "epsilon": "crossfit" if tuned and "None" not in levels[0].statistic.name else "given",
        "grouping": first.get("grouping", "item"),
        "average": first.get("average", "items"),
        "random": design.random,
        "missing": design.missing,
        "confidence": plan.confidence,
        "interval": plan.interval,
        "test": plan.test if plan.verb == "compare" else None,
        "correction": plan.correction if plan.verb == "compare" else None,
        "label": design.label,
        "by": design.by,
        "baseline": plan.baseline,
        "scorers": sorted(options["scorers"]) if options["scorers"] is not None else None,
    }


def _provenance(table: Table, plan: Plan, levels: list[_Level]) -> dict[str, Any]:
    return {
        "version": version(),
        "seed": plan.seed,
        "n_resamples": plan.n_resamples,
        "n_flips": max(level.n_flips for level in levels) if plan.verb == "compare" else None,
        "data_sha256": table.fingerprint,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "engine": "numpy",
    }


def _counts_line(design: Design) -> str:
    rows = design.table.rows
    shape = f"{design.table.n_items} items"
    if "system" in rows:
        shape += f" x {rows['system'].nunique()} systems"
    n_dropped = int(design.dropped.sum())
    lost = ""
    if n_dropped:
        lost = f"; {n_dropped} rows dropped, scores missing for {listed(design.holes, 5)}"
    return f"{shape}, {len(rows)} rows, {len(design.scorers)} scorers, label {design.label!r}{lost}"


def _estimand_notes(notes: list[str], levels: list[_Level], design: Design) -> list[str]:
    first = levels[0].statistic.estimand
    average = {"items": "mean over items", "pairs": "mean over pairs", "groups": "mean over groups"}
    unit = design.random if "cluster" in design.table.rows else "item (no cluster column)"
    line = f"{average.get(first.get('average', ''), 'as given')}; random: {unit}"
    if notes and ", so: " in notes[0]:
        return [f"{notes[0]}, {line}", *notes[1:]]
    return [f"{', '.join(dict.fromkeys(x.statistic.name for x in levels))}, {line}", *notes]


def _tie_notes(frame: pd.DataFrame, details: list[dict[str, Any]]) -> list[str]:
    """Scorers that a tuned threshold turned into ties, with the half-credit accuracy beside."""
    half = {(d["statistic"], d["task"], d["scorer"]): d["half"] for d in details if "half" in d}
    tied = [r for r in frame.to_dict("records") if (r["tie_rate"] or 0) > _ALL_TIES]
    return [
        f"all ties: {r['scorer']} calls {100 * r['tie_rate']:.0f}% of the pairs tied"
        + (f" (task {r['task']})" if r["task"] else "")
        + (f"; its half-credit accuracy is {100 * half[key]:.1f}" if key in half else "")
        for r in tied
        for key in [(r["statistic"], r["task"], r["scorer"])]
    ]
