"""Sections of a report on a table: what is computed, and how it is put."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from metaeval import plots
from metaeval.export import (
    equivalent_line,
    league_texts,
    precision_line,
    separated_line,
    tables_of,
)
from metaeval.inference import evaluate
from metaeval.reporting.collecting import Collected
from metaeval.reporting.glossary import TERMS
from metaeval.reporting.parts import Section, Table, table_of
from metaeval.result import Result
from metaeval.tables import Table as Scores

BEST = 3  # scorers whose curves are shown
_SENTENCES = 5
CALIBRATION = ("slope", "smooth_ece", "auroc")


@dataclass(frozen=True)
class Subject:
    """What a report is about: the table, what was compared, and with which options."""

    table: Scores
    result: Result
    options: dict[str, Any]

    @property
    def best(self) -> list[str]:
        """The best scorers."""
        return list(self.result.league()["scorer"])[:BEST]

    @property
    def chosen(self) -> dict[str, Any]:
        """Options that figures of a table take."""
        return {k: v for k, v in self.options.items() if k in ("label",) and v is not None}


def verdicts(subject: Subject) -> Section:
    """What was found, in sentences."""
    result = subject.result
    names = list(result.league()["scorer"])
    texts = []
    if result.frame["baseline"].notna().any():
        name = result.statistics[0]
        texts += [result.sentence(*pair) for pair in _told(result, names)]
        texts += [separated_line(result, name), equivalent_line(result, name)]
    else:
        texts += [f"{names[0]} is the only scorer: there is nothing to compare it with."]
    texts += [*result.meta["warnings"], result.methods_paragraph()]
    return Section("verdicts", "Verdict", tuple(_sentence(t) for t in texts if t))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _told(result: Result, names: Sequence[str]) -> list[tuple[str, str]]:
    """Comparisons that are put in a sentence: with the baseline, else of the best with the next."""
    baseline = result.meta["policy"]["baseline"]
    if baseline is not None:
        return [(name, baseline) for name in names if name != baseline][:_SENTENCES]
    return [(names[0], name) for name in names[1 : _SENTENCES + 1]]


def alignment(subject: Subject) -> Section:
    """What was read, what is missing, and what looks odd."""
    report = subject.table.alignment
    table = table_of("Scorers and labels", report.scorers)
    return Section("alignment", "Data", tuple(report.lines()), (table,))


def league(subject: Subject) -> Section:
    """League tables, and the intervals they hold."""
    result, found = subject.result, Collected()
    found.tables += [
        table_of(title, league_texts(result, name, task), folded=i > 1)
        for i, (title, name, task) in enumerate(tables_of(result))
    ]
    kind = f"{100 * result.confidence:g} % intervals"
    caption = f"{result.statistics[0]} of each scorer, with {kind}; the mark is chance."
    found.draw("forest", caption, plots.forest, result)
    return found.section("league", "League table")


def matrix(subject: Subject) -> Section:
    """Which scorers are separated, ranks, and groups."""
    result, found = subject.result, Collected()
    for function, caption in (
        (plots.significance_matrix, "Adjusted p-values of all pairs."),
        (plots.rank_intervals, "Ranks that the comparisons leave open."),
        (plots.clusters, "Scorers joined by a bar are not separated."),
    ):
        found.draw(function.__name__, caption, function, result)
    if result.frame["baseline"].notna().any():
        found.tables.append(table_of("All differences", _differences(result), folded=True))
    return found.section("comparisons", "Comparisons")


_SHOWN = ("statistic", "task", "scorer", "baseline", "estimate", "lower", "upper")
_TESTED = ("p_value", "p_adjusted", "prob_better", "mde", "n_items", "test", "status")


def _differences(result: Result) -> pd.DataFrame:
    frame = result.frame[result.frame["baseline"].notna()]
    return frame[[c for c in (*_SHOWN, *_TESTED) if frame[c].notna().any()]]


def ties(subject: Subject) -> Section:
    """What the tie policy decides, and which margins are ties."""
    found, table, chosen = Collected(), subject.table, subject.chosen
    caption = "Ranks of the scorers under each tie policy."
    found.draw("tie_policies", caption, plots.tie_policies, table, **chosen)
    caption = "Accuracy, ties included, by the margin below which a tie is called."
    found.draw("tie_curve", caption, plots.tie_curve, table, subject.best, **chosen)
    return found.section("ties", "Ties")


def calibration(subject: Subject) -> Section:
    """What a score and a margin are worth."""
    found, best = Collected(), subject.best
    for name in CALIBRATION:
        found.tabulate(name, _calibrated, subject, name)
    for function, caption in (
        (plots.reliability, "How often labels side with forecasts."),
        (plots.gap_to_agreement, "How often labels agree with a margin."),
        (plots.risk_coverage, "Errors on the pairs with the largest margins."),
        (plots.order_bias, "Bias of the labels towards the response shown first."),
    ):
        found.draw(function.__name__, caption, function, subject.table, best, **subject.chosen)
    return found.section("calibration", "Calibration", [f"Curves are those of {', '.join(best)}."])


def _calibrated(subject: Subject, name: str) -> list[Table]:
    taken = ("label", "scorers", "random", "missing", "confidence", "seed")
    options = {k: v for k, v in subject.options.items() if k in taken}
    result = evaluate(subject.table, name, n_resamples=1_000, **options)
    return [table_of(name, league_texts(result, None, None))]


def diagnostics(subject: Subject, gates: Sequence[Table]) -> Section:
    """What the numbers rest on."""
    result = subject.result
    texts = [*result.meta["notes"], precision_line(result)]
    return Section("diagnostics", "Diagnostics", tuple(t for t in texts if t), tuple(gates))


def glossary() -> Section:
    """Words that are used here."""
    return Section("glossary", "Glossary", terms=TERMS)


def provenance(subject: Subject) -> Section:
    """Where the numbers come from."""
    result = subject.result
    kept = {k: result.meta[k] for k in ("policy", "alignment", "provenance")}
    code = json.dumps(kept, indent=1, ensure_ascii=False, default=str)
    return Section("provenance", "Provenance", (f"Signature: {result.signature}",), code=code)
