"""Texts about a result that people paste into papers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from metaeval.core import ROUNDOFF, listed
from metaeval.results.data import ResultData, prob_text
from metaeval.results.ranking import probably

_TIES = {
    "acc-eq": "a tie of the labels must be met by a tie of the scorer",
    "strict": "tied labels are left out and a scorer's tie is wrong",
    "half": "tied labels are left out and a scorer's tie is half right",
    "split": "a top score shared by k answers counts t/k with t of them right",
    "lenient": "a right answer that shares the top score counts as right",
}
_TUNED = {"crossfit": "other items", "in-sample": "the items it is scored on"}
_AVERAGE = {
    "items": "mean over items",
    "pairs": "all pairs pooled",
    "groups": "mean over groups",
    "responses": "all responses pooled",
}
INTERVALS = {
    "bca": "BCa bootstrap",
    "percentile": "percentile bootstrap",
    "basic": "basic bootstrap",
    "bootstrap-t": "bootstrap-t",
    "t": "Student t",
    "t-noise": "Student t (ends moved by the mean under perfect calibration)",
    "wilson": "Wilson",
    "jeffreys": "Jeffreys",
    "q-profile": "Q-profile",
}
OWN_TESTS = {
    "spiegelhalter": "Spiegelhalter's test",
    "cumulative": "the largest cumulative difference of labels and forecasts",
    "cochran-q": "Cochran's Q",
}
_TESTS = {
    "bootstrap": "the studentised bootstrap",
    "mcnemar": "McNemar's exact test",
    "mcnemar-mid-p": "McNemar's test with mid-p",
    "swap-cells": "permutation of the two scorers' scores cell by cell (PERM-BOTH)",
    "swap-items": "permutation of the two scorers' scores item by item (PERM-INPUTS)",
    "swap-systems": "permutation of the two scorers' scores system by system (PERM-SYSTEMS)",
    "pair-swap": "permutation of the verdicts on single pairs, which ignores their dependence",
    "williams": "Williams' test",
}
_CORRECTIONS = {
    "maxt": "step-down max-T on studentised differences",
    "holm": "Holm's method",
    "bh": "the method of Benjamini and Hochberg",
    "by": "the method of Benjamini and Yekutieli",
}
SHOWN = 10  # comparisons that a line names
FAILED = "failed check"  # status of the rows of a posterior that failed one
_FORMULAS = ("t", "t-noise", "q-profile", "wilson", "jeffreys")
_UNITS = {
    "item": "items",
    "task": "whole tasks",
    "item,system": "items and systems",
    "cluster,system": "clusters of items, and systems",
    "task,system": "whole tasks, and systems",
}


def methods_paragraph(result: ResultData) -> str:
    """Unit, n, statistic and tie policy, interval, test, correction and signature in words."""
    policy, origin = result.meta["policy"], result.meta["provenance"]
    first = result.frame[result.frame["task"].isna()].iloc[0]
    clusters = f"clusters of items (n = {first['n_clusters']})"
    unit = _UNITS.get(policy["resample"], clusters)
    parts = [
        f"Scorers were judged against {_labels(policy['label'])} on {first['n_items']} items "
        f"({first['n_rows']} rows{_dropped(first['n_dropped'], policy['missing'])}).",
        *(_statistic(s) for s in result.meta["statistics"]),
        *(_of_posterior(result, unit) if result.is_posterior else _of_resamples(result, unit)),
        f"Computed with metaeval {origin['version']}{_seed(origin['seed'])}.",
    ]
    if policy["by"] is not None and not all("whole" in s for s in result.meta["statistics"]):
        parts.insert(1, f"Values are means over {policy['by']}s, each with equal weight.")
    return " ".join(part for part in parts if part)


def _labels(label: str) -> str:
    """The labels, and what is done where raters disagree evenly."""
    ties = " (a tie where no verdict has the most votes)"
    return f"{label}{ties if label.startswith('plurality of ') else ''}"


def _of_resamples(result: ResultData, unit: str) -> list[str]:
    return [_intervals(result, unit), _test(result, unit)]


def _of_posterior(result: ResultData, unit: str) -> list[str]:
    """Model, draws and intervals, what is said of two scorers, and whether it failed its check."""
    model = str(result.meta["kind"]).removeprefix("posterior of ")
    over = f" of the model {model}, units: {unit}"
    if model == "bayesian_bootstrap":
        over = f", Bayesian bootstrap over {unit}"
    n = result.meta["provenance"]["n_resamples"]
    said = [
        f"Intervals are {100 * result.confidence:g} % posterior intervals (equal tails, {n} draws"
        f"{over})."
    ]
    if result.frame["prob_better"].notna().any():
        said.append(
            "Of two scorers the posterior probability that one is better is given; it is no "
            "p-value, and not adjusted for the number of comparisons."
        )
    if result.frame["prob_rope"].notna().any():
        said.append(f"Differences below {result.meta['policy']['rope']:g} count as none.")
    if (result.frame["status"] == FAILED).any():
        said.append("The posterior failed its check.")
    return said


def posterior_sentence(result: ResultData, row: pd.Series, statistic: str | None) -> str:
    """One sentence on a difference of which there is a posterior, the probably better one first."""
    if row["prob_better"] < 0.5:
        row = result.row(row["baseline"], row["scorer"], statistic=statistic, task=row["task"])
    scale, digits, unit = (100, 1, " points") if result.is_accuracy(statistic) else (1, 3, "")
    gap, low, high = (f"{scale * row[k]:.{digits}f}" for k in ("estimate", "lower", "upper"))
    facts = f"{100 * result.confidence:g} % posterior interval {low} to {high}"
    if row["prob_rope"] == row["prob_rope"]:
        rope = f"{scale * result.meta['policy']['rope']:.{digits}f}{unit}"
        facts += f", within {rope} with probability {prob_text(row['prob_rope'])}"
    where = "" if row["task"] is None else f" of {row['task']}"
    failed = "; the posterior failed its check" if row["status"] == FAILED else ""
    verb = "is below" if result.direction(statistic) < 0 else "exceeds"
    return (
        f"{row['scorer']} {verb} {row['baseline']} with probability {prob_text(row['prob_better'])}"
        f" (difference {gap}{unit}, {facts}; {row['n_items']} items{where}{failed})."
    )


def probable_line(result: ResultData, rows: pd.DataFrame) -> str:
    """Which of two scorers is probably better, the most probable first; ten, then how many more."""
    least, sign = probably(result), result.direction(rows["statistic"].iloc[0])
    sure = rows["prob_better"].where(rows["prob_better"] > 0.5, 1 - rows["prob_better"])
    apart = rows.assign(sure=sure)[sure >= least - ROUNDOFF]
    apart = apart.sort_values(["sure", "scorer", "baseline"], ascending=[False, True, True])
    texts = []
    for row in apart.itertuples():
        names = (row.scorer, row.baseline)
        first, second = names if row.prob_better > 0.5 else names[::-1]
        texts.append(f"{first} {'<' if sign < 0 else '>'} {second} ({prob_text(row.sure)})")
    found = listed(texts, SHOWN) or f"none of {len(rows)} comparisons"
    return f"probably {'better' if sign else 'higher'} (>= {_plain(least)}): {found}"


def within_line(result: ResultData, rows: pd.DataFrame) -> str:
    """Which scorers probably differ by less than matters, where it was said how much does."""
    if not rows["prob_rope"].notna().any():
        return ""
    close = rows[rows["prob_rope"] >= result.confidence - ROUNDOFF]
    texts = [
        f"{row.scorer} and {row.baseline} ({prob_text(row.prob_rope)})"
        for row in close.itertuples()
    ]
    rope = f"{result.meta['policy']['rope']:g}"
    least = _plain(result.confidence)
    return f"probably within {rope} (>= {least}): {listed(texts, SHOWN) or 'none'}"


def _plain(probability: float) -> str:
    return f"{probability:.6g}".lstrip("0")


def _intervals(result: ResultData, unit: str) -> str:
    """Kinds of interval, those from draws apart from those by formula."""
    kinds = list(dict.fromkeys(result.frame["interval"].dropna()))
    if not kinds:
        return ""
    drawn = [INTERVALS[kind] for kind in kinds if kind not in _FORMULAS]
    given = [INTERVALS[kind] for kind in kinds if kind in _FORMULAS]
    n = result.meta["provenance"]["n_resamples"]
    weights = result.meta["policy"]["weights"]
    drawn_by = {"exponential": ", Bayesian bootstrap"}.get(weights, "")
    resampled = f"resampling {unit} ({n} replicates{drawn_by})"
    parts = [f"{' or '.join(drawn)} intervals, {resampled}"] if drawn else []
    if given:
        errors = "" if drawn or given == ["Wilson"] else f", with standard errors from {resampled}"
        parts.append(f"{' or '.join(given)} intervals{errors}")
    return f"Intervals are {100 * result.confidence:g} % {', and '.join(parts)}."


def _dropped(n: int, missing: str) -> str:
    return f"; {n} left out because a score is missing, policy '{missing}'" if n else ""


def _statistic(s: dict[str, Any]) -> str:
    ties = f"; {_TIES[s['ties']]}" if s.get("ties") in _TIES else ""
    tuned = ""
    if s.get("epsilon") in _TUNED:
        tuned = f"; margins up to a threshold chosen on {_TUNED[s['epsilon']]} are ties"
    if "target" in s:
        tuned += f"; it estimates {s['target']}"
    average = _AVERAGE.get(s.get("average", ""), "")
    grouping = s.get("grouping", "as given")
    return f"The statistic is {s['name']} (grouping {grouping}, {average}{ties}{tuned})."


def _test(result: ResultData, unit: str) -> str:
    differences = result.frame[result.frame["baseline"].notna()]
    if not len(differences):
        return _own_tests(result, unit)
    policy, origin = result.meta["policy"], result.meta["provenance"]
    tests = list(dict.fromkeys(differences["test"]))
    words = []
    if "sign-flip" in tests:
        n = origin["n_flips"]
        macro = differences[differences["task"].isna()]
        few = bool((macro.loc[macro["test"] == "sign-flip", "p_mcse"].dropna() == 0).all())
        how = "all flips enumerated" if few else f"{n} flips"
        words.append(f"paired sign-flip tests over {unit} ({how})")
    if "bootstrap" in tests and policy["test"] != "bootstrap":
        apart = "where no such test applies, the bootstrap (difference over standard error)"
        words.append(apart if words else _TESTS["bootstrap"])
    words += [_TESTS[name] for name in tests if name == policy["test"] and name in _TESTS]
    leading = differences[differences["statistic"] == result.statistics[0]]
    size = int(leading["task"].isna().sum())
    adjusted = ", not adjusted for their number"
    if policy["correction"] in _CORRECTIONS:
        adjusted = f", adjusted by {_CORRECTIONS[policy['correction']]} for {size} comparisons"
    return f"Differences are tested by {'; '.join(words)}{adjusted}.{_sides(policy)}"


def _own_tests(result: ResultData, unit: str) -> str:
    """Tests of values of single scorers."""
    tested = result.frame[result.frame["test"].notna()]
    names = [OWN_TESTS[name] for name in dict.fromkeys(tested["test"])]
    if not names:
        return ""
    n = result.meta["provenance"]["n_resamples"]
    drawn = f" ({n} draws)" if "cumulative" in set(tested["test"]) else ""
    adjusted = ", not adjusted"
    if tested["p_adjusted"].notna().any():
        adjusted = f", adjusted by Holm's method for {tested['scorer'].nunique()} scorers"
    return f"p is of {' and '.join(names)}, over {unit}{drawn}{adjusted}."


def _seed(seed: int | None) -> str:
    return "" if seed is None else f", seed {seed}"


def _sides(policy: dict[str, Any]) -> str:
    """What else a reader must know of the tests."""
    said = ""
    if policy["alternative"] != "two-sided":
        said += f" Tests are one-sided ({policy['alternative']})."
    if policy["stop_after_exceedances"] is not None:
        n_extreme = policy["stop_after_exceedances"]
        said += f" Flips stop after {n_extreme} as extreme ones (Besag and Clifford)."
    if policy["margin"] is not None:
        said += f" Equivalence is within {policy['margin']:g}, by two one-sided t tests."
    return said
