"""What a result says besides its numbers: policy, provenance, notes and warnings."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from metaeval import __version__
from metaeval.core import Floats, join_names
from metaeval.inference.design import Design
from metaeval.inference.estimation import Estimates
from metaeval.inference.hypothesis_tests import verdicts_of
from metaeval.inference.rows import reach_warning, usable_interval
from metaeval.inference.settings import REPLICAS, Plan
from metaeval.results import COLUMNS, LEVELS, Result, Row, make_signature, normalize_frame
from metaeval.statistics import Estimand, Statistic
from metaeval.tables import Table, assumed_sharing, implausible

MAX_KEPT_DRAWS = 10**8

_ALL_TIES = 0.95
_FEW_UNITS = 30
_FEW_SYSTEMS = 10
_UNDEFINED = 0.01


@dataclass(frozen=True)
class Level:
    """Rows of one statistic, its draws, and what there is to say of it."""

    estimand: Estimand
    own: list[Row]
    differences: list[Row]
    draws: list[Floats]
    details: list[dict[str, Any]]
    warnings: list[str]
    n_flips: int
    beside: bool = False  # added without being asked for: the system level


def assembled(
    table: Table,
    design: Design,
    plan: Plan,
    options: Mapping[str, Any],
    levels: list[Level],
    notes: list[str],
) -> Result:
    """Put the rows of all statistics in one result, with adjusted p-values and all that is said."""
    rows = [row for level in levels for row in [*level.own, *level.differences]]
    frame = normalize_frame(pd.DataFrame(rows, columns=COLUMNS))
    undefined = set(frame.loc[frame["baseline"].isna() & frame["estimate"].isna(), "scorer"])
    said = [
        *table.warnings,
        *assumed_sharing(design.table),
        *implausible(design.table, reported=undefined),
        *design.warnings,
        *dict.fromkeys(w for level in levels for w in level.warnings),
    ]
    warnings = [w for w in said if not any(o != w and o.startswith(w) for o in said)]
    details = [d for level in levels for d in level.details]
    meta: dict[str, Any] = {
        "kind": plan.verb,
        "warnings": [*warnings, *_tie_notes(frame, details)],
        "notes": [
            _counts_line(design),
            *_estimand_notes(notes, levels, design, "cluster" in table.rows),
            *_correction_notes(plan),
            *_target_notes(levels, design),
            *table.alignment.oddities,
        ],
        "statistics": [_described(level) for level in levels],
        "policy": _policy(design, plan, options, levels),
        "alignment": table.alignment.counts()
        | {"dropped": int(design.dropped.sum()), "flipped": list(table.flipped)}
        | {"columns": table.alignment.scorers.to_dict("records")},
        "details": details,
        "provenance": _provenance(table, design, plan, levels),
    }
    meta["provenance"]["signature"] = make_signature(meta)
    return Result(frame, _draws(levels, plan), meta)


def _draws(levels: list[Level], plan: Plan) -> Floats | None:
    parts = [part for level in levels for part in level.draws]
    if not parts:
        return None
    size = sum(part.size for part in parts)
    return np.concatenate(parts, axis=1) if plan.keep_draws or size <= MAX_KEPT_DRAWS else None


def _described(level: Level) -> dict[str, Any]:
    e = level.estimand
    about = {"name": e.name, "accuracy": e.is_accuracy, "better": e.better, "status": e.status}
    return about | {"beside": level.beside} | e.meaning()


def _policy(
    design: Design, plan: Plan, options: Mapping[str, Any], levels: list[Level]
) -> dict[str, Any]:
    first = levels[0].estimand
    asked = [level.estimand for level in levels if not level.beside]
    own = [row for level in levels for row in level.own]
    compared = plan.verb == "compare"
    with_interval = compared or plan.verb == "evaluate" or any(row["interval"] for row in own)
    tests = ",".join(dict.fromkeys(row["test"] for row in own if row["test"]))
    adjusted = any(row["p_adjusted"] is not None for row in own)
    return {
        "ties": first.ties or "none",
        "epsilon": first.epsilon or "none",
        "grouping": ",".join(dict.fromkeys(e.grouping or "item" for e in asked)),
        "average": ",".join(dict.fromkeys(e.average or "items" for e in asked)),
        "resample": design.resample,
        "missing": design.missing,
        "confidence": plan.confidence,
        "interval": plan.interval if with_interval else None,
        "test": plan.test if compared else tests or None,
        "correction": plan.adjustment if compared else "holm" if adjusted else None,
        "alternative": plan.alternative if compared else None,
        "margin": plan.margin,
        "stop_after_exceedances": plan.stop_after_exceedances,
        "weights": plan.weights,
        "label": design.label,
        "by": design.by,
        "baseline": plan.baseline,
        "scorers": sorted(options["scorers"]) if options["scorers"] is not None else None,
    }


def _provenance(table: Table, design: Design, plan: Plan, levels: list[Level]) -> dict[str, Any]:
    return {
        "version": __version__,
        "seed": plan.seed if plan.drawn else None,
        "n_resamples": plan.n_resamples if plan.drawn else None,
        "n_flips": max(level.n_flips for level in levels) if plan.verb == "compare" else None,
        "rows": len(design.table),
        "data_sha256": table.fingerprint,
        "python": ".".join(platform.python_version_tuple()[:2]),
    }


def _counts_line(design: Design) -> str:
    rows = design.table.rows
    shape = f"{design.table.n_items} items"
    if "system" in rows:
        shape += f" x {rows['system'].nunique()} systems"
    n_dropped = int(design.dropped.sum())
    lost = ""
    if n_dropped:
        lost = f"; {n_dropped} rows dropped, scores missing for {join_names(design.holes, 5)}"
    many = "" if len(design.scorers) == 1 else "s"
    shape += f", {len(rows)} rows, {len(design.scorers)} scorer{many}"
    return f"{shape}, label {design.label!r}{lost}"


def _estimand_notes(
    notes: list[str], levels: list[Level], design: Design, clustered: bool
) -> list[str]:
    first = levels[0].estimand
    average = {"items": "mean over items", "pairs": "mean over pairs", "groups": "mean over groups"}
    average["responses"] = "mean over responses"
    unit = design.resample if clustered else "item (no cluster column)"
    line = f"{average.get(first.average or '', 'as given')}; resample: {unit}"
    if notes and ", so: " in notes[0]:
        return [f"{notes[0]}, {line}", *notes[1:]]
    return [f"{', '.join(dict.fromkeys(x.estimand.name for x in levels))}, {line}", *notes]


def _correction_notes(plan: Plan) -> list[str]:
    if plan.verb != "compare" or plan.adjustment == plan.correction:
        return []
    why = f"test={plan.test!r}" if plan.stop_after_exceedances is None else "stop_after_exceedances"
    return [f"{why} leaves comparisons no draws to share, so Holm's correction replaces max-T"]


def _pairs_notes(levels: list[Level], design: Design) -> list[str]:
    """That right and wrong answers only are paired, where other coefficients pair all."""
    asked = [level.estimand for level in levels if not level.beside]
    paired = any(e.ties is not None and e.grouping != "systems" for e in asked)
    if not paired or design.table.kind != "correct":
        return []
    return [
        "labels are correctness: pairs of equal labels are not formed (label_kind='rating' forms "
        "them)"
    ]


def _target_notes(levels: list[Level], design: Design) -> list[str]:
    """What a number means beyond its name; and tests that are kept for comparison only."""
    targets = [
        f"{level.estimand.name} estimates {level.estimand.target}" + _counted(level, design)
        for level in levels
        if level.estimand.target is not None
    ]
    tests = [row["test"] for level in levels for row in level.differences if row["test"]]
    replicas = [test for test in dict.fromkeys(tests) if test in REPLICAS]
    return (
        _pairs_notes(levels, design)
        + targets
        + [
            f"test={test!r} is a replica of a published test, for comparison with it"
            for test in replicas
        ]
    )


def _counted(level: Level, design: Design) -> str:
    """How many items count, where others have no case."""
    whole = [row["n_items"] for row in level.own if row["task"] is None]
    n = design.table.n_items
    return f"; {whole[0]} of {n} items count" if whole and whole[0] < n else ""


def _tie_notes(frame: pd.DataFrame, details: list[dict[str, Any]]) -> list[str]:
    """Scorers that a tuned threshold turned into ties, with the half-credit accuracy beside."""
    half = {(d["statistic"], d["task"], d["scorer"]): d["half"] for d in details if "half" in d}
    tied = [r for r in frame.to_dict("records") if (r["tie_rate"] or 0) > _ALL_TIES]
    return [
        f"all ties: {r['scorer']} calls {100 * r['tie_rate']:.0f}% of the pairs tied"
        + (f" (task {r['task']})" if r["task"] else "")
        + f"; its half-credit accuracy is {100 * half[key]:.1f}"
        for r in tied
        for key in [(r["statistic"], r["task"], r["scorer"])]
        if key in half
    ]


def details_of(statistic: Statistic, whole: Estimates, names: list[str]) -> list[dict[str, Any]]:
    """What else is known of each scorer: threshold, untuned accuracy, groups lost."""
    extra = [k for k in whole.levels if k not in LEVELS]
    if not extra:
        return []
    return [
        {"statistic": statistic.name, "task": whole.name, "scorer": name}
        | {key: float(whole.levels[key][m]) for key in extra}
        for m, name in enumerate(names)
    ]


def family_of(whole: Estimates, design: Design, family: int) -> int:
    """Comparisons that are corrected together: those of the macro row, or of all strata."""
    return family if whole.name is None else family * len(design.strata)


def cautions_of(
    wholes: list[Estimates], design: Design, statistic: Statistic, plan: Plan, family: int
) -> list[str]:
    """What the numbers cannot show: p out of reach, too few units, no interval."""
    smallest = sorted(wholes, key=lambda whole: whole.n_units)
    reach = [reach_warning(whole, family_of(whole, design, family), plan) for whole in smallest]
    cautions = [w for w in reach if w is not None][:1]
    undefined = max(float(np.isnan(w.draws).mean()) for w in wholes)
    if _UNDEFINED < undefined < 1:
        cautions.append(
            f"{statistic.name} is undefined in {100 * undefined:.0f}% of the resamples; its "
            "intervals leave them out"
        )
    counts = verdicts_of(wholes[0]) is not None
    kind = usable_interval(statistic, wholes[0], plan.interval, counts)
    if kind != plan.interval and plan.interval != "bca":  # the default makes no promise
        cautions.append(f"{statistic.name} has no interval {plan.interval!r} here, so {kind!r}")
    few = [whole for whole in smallest if whole.n_units < _FEW_UNITS]
    systems = min((w.n_systems for w in wholes if w.n_systems is not None), default=_FEW_SYSTEMS)
    if systems < _FEW_SYSTEMS:
        cautions.append(f"{systems} systems are few: little can be said of systems not seen")
    if few:
        tested = plan.test == "sign-flip" and few[0].contributions is not None
        flips = "; rely on sign-flip p-values" if tested or plan.verb == "evaluate" else ""
        where = "" if few[0].name is None else f" in {few[0].name}"
        more = f" (and few in {len(few) - 1} more)" if len(few) > 1 else ""
        cautions.append(
            f"{few[0].n_units} {design.resample.split(',')[0]}s{where} are few{more}: bootstrap "
            f"intervals are too short below about {_FEW_UNITS}{flips}"
        )
    alone = [str(whole.name) for whole in wholes if whole.name is not None and whole.n_units < 2]
    if alone:
        cautions.append(
            f"one unit in {join_names(alone, 5)}: no interval there, nor for the mean over all"
        )
    limit = statistic.item_limit
    if limit is not None and any(whole.n_items > limit for whole in wholes):
        cautions.append(
            f"{statistic.name}: more than {statistic.item_limit} items, so no interval and no "
            "test; use --by task, --grouping item or fewer items"
        )
    return cautions
