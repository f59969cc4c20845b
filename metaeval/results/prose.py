"""Sentences and paragraphs for papers."""

from __future__ import annotations

import re

import pandas as pd

from metaeval.core import ROUNDOFF, join_names
from metaeval.results.data import ResultData, format_probability
from metaeval.results.metadata import Policy, StatisticInfo
from metaeval.results.ranking import decision_probability

_TIES = {
    "acc-eq": "tied labels must be matched by a scorer tie",
    "strict": "tied labels are excluded and scorer ties count as wrong",
    "half": "tied labels are excluded and scorer ties get half credit",
    "split": "k answers tied for the top score get credit t/k if t of them are correct",
    "lenient": "a correct answer tied for the top score gets full credit",
}
_TUNED = {"crossfit": "other items (cross-fitting)", "in-sample": "the same items"}
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
    "t-noise": "Student t (corrected for positive bias due to noise)",
    "wilson": "Wilson",
    "jeffreys": "Jeffreys",
    "q-profile": "Q-profile",
}
OWN_TESTS = {
    "spiegelhalter": "Spiegelhalter's test",
    "cumulative": "the maximum cumulative difference between labels and forecasts",
    "cochran-q": "Cochran's Q",
}
_TESTS = {
    "t": "Student's t tests with bootstrap standard errors",
    "bootstrap": "bootstrap t tests",
    "mcnemar": "McNemar's exact test",
    "mcnemar-mid-p": "McNemar's mid-p test",
    "swap-cells": "permutation of the two scorers' scores by cell (PERM-BOTH)",
    "swap-items": "permutation of the two scorers' scores by item (PERM-INPUTS)",
    "swap-systems": "permutation of the two scorers' scores by system (PERM-SYSTEMS)",
    "pair-swap": "permutation of the verdicts on pairs, which ignores their dependence",
    "williams": "Williams' test",
}
_CORRECTIONS = {
    "maxt": "step-down max-T on studentized differences",
    "holm": "Holm's method",
    "bh": "the Benjamini-Hochberg method",
    "by": "the Benjamini-Yekutieli method",
}
MAX_LISTED = 10  # comparisons listed in one line
FAILED = "failed check"  # status of rows of a posterior that failed convergence diagnostics
_FORMULAS = ("t", "t-noise", "q-profile", "wilson", "jeffreys")
_UNITS = {
    "item": "items",
    "task": "tasks",
    "item,system": "items and systems",
    "cluster,system": "clusters of items and systems",
    "task,system": "tasks and systems",
}


def methods_paragraph(result: ResultData) -> str:
    """Return a methods paragraph: data, statistic, tie policy, interval, test and correction."""
    policy, origin = result.meta.policy, result.meta.provenance
    first = result.frame[result.frame["task"].isna()].iloc[0]
    clusters = f"clusters of items (n = {first['n_clusters']})"
    unit = _UNITS.get(policy.resample, clusters)
    parts = [
        f"Scorers were evaluated against {_labels(policy.label)} on {first['n_items']} items "
        f"({first['n_rows']} rows{_dropped(first['n_dropped'], policy.missing)}).",
        *(_statistic(s) for s in result.meta.statistics),
        *(_of_posterior(result, unit) if result.is_posterior else _of_resamples(result, unit)),
        f"Computed with metaeval {origin.version}{_seed(origin.seed)}.",
    ]
    if policy.by is not None and not all(info.whole for info in result.meta.statistics):
        parts.insert(1, f"Values are unweighted means over {policy.by}s.")
    return " ".join(part for part in parts if part)


def _labels(label: str | None) -> str:
    """The labels, and the rule for an even split of raters."""
    if re.fullmatch(r"(mean|plurality|sign of the mean) of \d+ raters", str(label)) is None:
        return f"the label {label}"
    ties = " (a tie if no verdict has a plurality)"
    return f"the {label}{ties if str(label).startswith('plurality of ') else ''}"


def _of_resamples(result: ResultData, unit: str) -> list[str]:
    return [_intervals(result, unit), _test(result, unit)]


def _of_posterior(result: ResultData, unit: str) -> list[str]:
    """Intervals, model, draws, probabilities of superiority, and failed diagnostics."""
    model = result.meta.kind.removeprefix("posterior of ")
    over = f" from the {model} model; units: {unit}"
    if model == "bayesian_bootstrap":
        over = f" of the Bayesian bootstrap over {unit}"
    n = result.meta.provenance.n_resamples
    sentences = [
        f"Intervals are {100 * result.confidence:g}% equal-tailed posterior intervals ({n} draws"
        f"{over})."
    ]
    if result.frame["prob_better"].notna().any():
        sentences.append(
            "Comparisons report the posterior probability that one scorer is better, which is not "
            "a p-value and is not adjusted for the number of comparisons."
        )
    if result.frame["prob_rope"].notna().any():
        sentences.append(
            f"Differences within {result.meta.policy.rope:g} are treated as practically equivalent."
        )
    if (result.frame["status"] == FAILED).any():
        sentences.append("The posterior failed convergence diagnostics.")
    return sentences


def posterior_sentence(result: ResultData, row: pd.Series, statistic: str | None) -> str:
    """One sentence on the posterior of a difference, with the probably better scorer first."""
    if row["prob_better"] < 0.5:
        row = result.row(row["baseline"], row["scorer"], statistic=statistic, task=row["task"])
    scale, digits, unit = (100, 1, " points") if result.is_accuracy(statistic) else (1, 3, "")
    gap, low, high = (f"{scale * row[k]:.{digits}f}" for k in ("estimate", "lower", "upper"))
    facts = f"{100 * result.confidence:g}% posterior interval {low} to {high}"
    if row["prob_rope"] == row["prob_rope"]:
        rope = f"{scale * (result.meta.policy.rope or 0.0):.{digits}f}{unit}"
        facts += f", within {rope} with probability {format_probability(row['prob_rope'])}"
    where = "" if row["task"] is None else f" in {row['task']}"
    failed = "; the posterior failed convergence diagnostics" if row["status"] == FAILED else ""
    verb = "is lower than" if result.direction(statistic) < 0 else "exceeds"
    return (
        f"{row['scorer']} {verb} {row['baseline']} with probability "
        f"{format_probability(row['prob_better'])}"
        f" (difference {gap}{unit}, {facts}; {row['n_items']} items{where}{failed})."
    )


def probable_line(result: ResultData, rows: pd.DataFrame) -> str:
    """Comparisons with a probably better scorer, in descending order of probability."""
    threshold, sign = decision_probability(result), result.direction(rows["statistic"].iloc[0])
    probability = rows["prob_better"].where(rows["prob_better"] > 0.5, 1 - rows["prob_better"])
    decided = rows.assign(probability=probability)[probability >= threshold - ROUNDOFF]
    decided = decided.sort_values(
        ["probability", "scorer", "baseline"], ascending=[False, True, True]
    )
    texts = []
    for row in decided.itertuples():
        names = (row.scorer, row.baseline)
        first, second = names if row.prob_better > 0.5 else names[::-1]
        texts.append(
            f"{first} {'<' if sign < 0 else '>'} {second} ({format_probability(row.probability)})"
        )
    comparisons = join_names(texts, MAX_LISTED) or f"0 of {len(rows)} comparisons"
    verdict = "better" if sign else "higher"
    return f"probably {verdict} (probability >= {_plain(threshold)}): {comparisons}"


def rope_line(result: ResultData, rows: pd.DataFrame) -> str:
    """Comparisons probably within the region of practical equivalence, if one was given."""
    if not rows["prob_rope"].notna().any():
        return ""
    close = rows[rows["prob_rope"] >= result.confidence - ROUNDOFF]
    texts = [
        f"{row.scorer} and {row.baseline} ({format_probability(row.prob_rope)})"
        for row in close.itertuples()
    ]
    rope = f"{result.meta.policy.rope:g}"
    threshold = _plain(result.confidence)
    return (
        f"probably within {rope} (probability >= {threshold}): "
        f"{join_names(texts, MAX_LISTED) or f'0 of {len(rows)} comparisons'}"
    )


def _plain(probability: float) -> str:
    return f"{probability:.6g}".lstrip("0")


def _intervals(result: ResultData, unit: str) -> str:
    """Types of interval, resampling-based ones separate from analytic ones."""
    kinds = list(dict.fromkeys(result.frame["interval"].dropna()))
    if not kinds:
        return ""
    resampling = [INTERVALS[kind] for kind in kinds if kind not in _FORMULAS]
    analytic = [INTERVALS[kind] for kind in kinds if kind in _FORMULAS]
    n = result.meta.provenance.n_resamples
    weights = result.meta.policy.weights
    scheme = ", Bayesian bootstrap" if weights == "exponential" else ""
    resampled = f"resampling {unit} ({n} replicates{scheme})"
    parts = [f"{' or '.join(resampling)} intervals from {resampled}"] if resampling else []
    if analytic:
        errors = (
            ""
            if resampling or analytic == ["Wilson"]
            else f", with standard errors from {resampled}"
        )
        parts.append(f"{' or '.join(analytic)} intervals{errors}")
    return f"Intervals are {100 * result.confidence:g}% {', and '.join(parts)}."


def _dropped(n: int, missing: str) -> str:
    return f"; {n} excluded because of missing scores under the policy '{missing}'" if n else ""


def _statistic(info: StatisticInfo) -> str:
    ties = f"; {_TIES[info.ties]}" if info.ties in _TIES else ""
    tuned = ""
    if info.epsilon in _TUNED:
        tuned = f"; margins up to a threshold estimated on {_TUNED[info.epsilon]} count as ties"
    if info.target is not None:
        tuned += f"; it estimates {info.target}"
    average = _AVERAGE.get(info.average or "", "")
    grouping = info.grouping or "as given"
    return f"The statistic is {info.name} (grouping: {grouping}, {average}{ties}{tuned})."


def _test(result: ResultData, unit: str) -> str:
    differences = result.frame[result.frame["baseline"].notna()]
    if not len(differences):
        return _own_tests(result, unit)
    policy, origin = result.meta.policy, result.meta.provenance
    tests = list(dict.fromkeys(differences["test"]))
    words = []
    if "sign-flip" in tests:
        n = origin.n_flips
        macro = differences[differences["task"].isna()]
        enumerated = bool((macro.loc[macro["test"] == "sign-flip", "p_mcse"].dropna() == 0).all())
        how = "all flips enumerated" if enumerated else f"{n} flips"
        words.append(f"paired sign-flip tests over {unit} ({how})")
    if "bootstrap" in tests and policy.test != "bootstrap":
        by_bootstrap = differences.loc[differences["test"] == "bootstrap", "statistic"]
        names = join_names(dict.fromkeys(by_bootstrap))
        words.append(f"{_TESTS['bootstrap']} ({names})" if words else _TESTS["bootstrap"])
    words += [_TESTS[name] for name in tests if name == policy.test and name in _TESTS]
    leading = differences[differences["statistic"] == result.statistics[0]]
    size = int(leading["task"].isna().sum())
    adjusted = ", not adjusted for multiplicity"
    if policy.correction in _CORRECTIONS:
        adjusted = f", adjusted by {_CORRECTIONS[policy.correction]} for {size} comparisons"
    return f"Differences are tested by {'; '.join(words)}{adjusted}.{_sides(policy)}"


def _own_tests(result: ResultData, unit: str) -> str:
    """Tests of the values of single scorers."""
    tested = result.frame[result.frame["test"].notna()]
    names = [OWN_TESTS[name] for name in dict.fromkeys(tested["test"])]
    if not names:
        return ""
    n = result.meta.provenance.n_resamples
    draws = f" ({n} draws)" if "cumulative" in set(tested["test"]) else ""
    adjusted = ", not adjusted"
    if tested["p_adjusted"].notna().any():
        adjusted = f", adjusted by Holm's method for {tested['scorer'].nunique()} scorers"
    return (
        f"p-values are from {' and '.join(names)} with {unit} as independent units{draws}"
        f"{adjusted}."
    )


def _seed(seed: int | None) -> str:
    return "" if seed is None else f", seed {seed}"


def _sides(policy: Policy) -> str:
    """Alternative, stopping rule and equivalence test."""
    text = ""
    if policy.alternative != "two-sided":
        text += f" Tests are one-sided ({policy.alternative})."
    if policy.stop_after_exceedances is not None:
        n_extreme = policy.stop_after_exceedances
        text += f" Sampling of flips stops after {n_extreme} exceedances (Besag and Clifford)."
    margin = policy.equivalence_margin
    if margin is not None:
        text += f" Equivalence within {margin:g} is tested by two one-sided t tests."
    return text
