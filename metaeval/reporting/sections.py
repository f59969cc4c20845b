"""Sections of a report on a table: what is computed, and how it is put."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from metaeval import plots
from metaeval.inference import evaluate
from metaeval.reporting.collecting import Collected
from metaeval.reporting.glossary import TERMS
from metaeval.reporting.parts import Section, Table, table_of
from metaeval.results import (
    Result,
    equivalent_line,
    format_p,
    leaderboard_cells,
    letters_line,
    number,
    precision_line,
    significant_line,
    tables_of,
)
from metaeval.tables import Table as Scores

BEST = 3  # scorers whose curves are shown
FEW = 1_000  # resamples of what stands beside the comparison
_SENTENCES, _FEW_TASKS = 5, 6
CALIBRATION = {
    "brier": "squared error of the forecast; lower is better",
    "smooth_ece": "distance from calibration; `expected if calibrated` is its null expectation",
    "auroc": "how well margins rank the labels",
}


@dataclass(frozen=True)
class Subject:
    """What a report is about: the table, what was compared, and with which options."""

    table: Scores
    result: Result
    options: dict[str, Any]

    @property
    def few_tasks(self) -> dict[str, Any]:
        """By what curves are drawn apart, where that makes few of them."""
        by = self.options.get("by")
        few = by is not None and self.table.rows[by].nunique() <= _FEW_TASKS
        return {"by": by} if few else {}

    @property
    def scorers(self) -> list[str]:
        """The scorers, best first."""
        return list(self.result.leaderboard()["scorer"])

    @property
    def best(self) -> list[str]:
        """The best scorers."""
        return self.scorers[:BEST]

    def given(self, *names: str) -> dict[str, Any]:
        """Some of the options that were given."""
        return {k: v for k in names if (v := self.options.get(k)) is not None}

    @property
    def shared(self) -> dict[str, Any]:
        """Options of everything that is computed besides, and few resamples."""
        asked = self.given("label", "resample", "missing", "confidence", "seed")
        return {"n_resamples": min(FEW, self.options.get("n_resamples", FEW)), **asked}


def verdicts(subject: Subject) -> Section:
    """What was found, in sentences."""
    result = subject.result
    names, texts = subject.scorers, []
    if result.frame["baseline"].notna().any():
        name = result.statistics[0]
        texts += [result.sentence(*pair) for pair in _told(result, names)]
        texts += [_stated(significant_line(result, name)), _stated(equivalent_line(result, name))]
    else:
        texts += [f"{names[0]} is the only scorer: there is nothing to compare it with."]
    texts += [*(_stated(w) for w in result.meta.warnings), result.methods_paragraph()]
    return Section("verdicts", "Verdict", tuple(text for text in texts if text))


def _stated(text: str) -> str:
    """A line as a sentence."""
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _told(result: Result, names: Sequence[str]) -> list[tuple[str, str]]:
    """Comparisons that are put in a sentence: with the baseline, else of the best with the next."""
    baseline = result.meta.policy.baseline
    if baseline is not None:
        return [(name, baseline) for name in names if name != baseline][:_SENTENCES]
    return [(names[0], name) for name in names[1 : _SENTENCES + 1]]


def alignment(subject: Subject) -> Section:
    """What was read, what is missing, and what looks odd."""
    report = subject.table.alignment
    n_warnings = len(report.warnings)
    totals, *notes = report.lines()[n_warnings:]
    texts = (*report.warnings, totals.replace("_", " "), *notes)
    table = table_of("Scorers and labels", report.scorers)
    return Section("alignment", "Data", texts, (table,))


def leaderboard(subject: Subject) -> Section:
    """Leaderboard tables, and the intervals they hold."""
    result, found = subject.result, Collected()
    found.tables += [
        table_of(title, leaderboard_cells(result, name, task), folded=i > 1)
        for i, (title, name, task) in enumerate(tables_of(result))
    ]
    kind = f"{100 * result.confidence:g} % intervals"
    caption = f"{result.statistics[0]} of each scorer, with {kind}; the mark is chance."
    found.draw("forest", caption, plots.forest, result)
    lines = [letters_line(result, name, task) for _, name, task in tables_of(result)]
    return found.section(
        "leaderboard", "Leaderboard table", list(dict.fromkeys(x for x in lines if x))
    )


def matrix(subject: Subject) -> Section:
    """Which scorers are separated, ranks, and groups."""
    result, found = subject.result, Collected()
    for function, caption in (
        (plots.significance_matrix, "Adjusted p-values of all pairs."),
        (plots.rank_intervals, "Ranks that the comparisons leave open."),
        (plots.cd_diagram, "Scorers joined by a bar are not separated."),
    ):
        found.draw(function.__name__, caption, function, result)
    whole = result.frame["baseline"].notna() & result.frame["task"].isna()
    if whole.any():
        found.tables.append(table_of(_ALL, _differences(result.frame[whole]), folded=True))
    return found.section("comparisons", "Comparisons")


_ALL = "All differences of the whole; those of tasks are in result.csv"
_NAMES = ("statistic", "scorer", "baseline")
_VALUES = ("estimate", "lower", "upper", "mde")
_CHANCES = ("p_value", "p_adjusted", "prob_better")
_MORE = ("n_items", "test", "status")
_SAME = ("statistic", *_MORE)


def _differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Scorer less baseline in the units of the statistic, without what is the same in all rows."""
    parts = {c: frame[c].map(lambda v: number(v, 1, 4)) for c in _VALUES}
    parts |= {c: frame[c].map(lambda p: format_p(p) if p == p else "") for c in _CHANCES}
    parts |= {c: frame[c] for c in (*_NAMES, *_MORE)}
    varying = [c for c in ("statistic", *_MORE) if frame[c].nunique() > 1]
    shown = [c for c in (*_NAMES, *_VALUES, *_CHANCES, *_MORE) if c in varying or c not in _SAME]
    return pd.DataFrame({c: parts[c] for c in shown})


def ties(subject: Subject) -> Section:
    """What the tie policy decides, and which margins are ties."""
    found, table, shared = Collected(), subject.table, subject.shared
    caption = "Ranks of the scorers under each tie policy."
    found.draw("tie_policies", caption, plots.tie_policies, table, subject.scorers, **shared)
    caption = "Accuracy, ties included, by the margin below which a tie is called."
    found.draw("tie_curve", caption, plots.tie_curve, table, subject.best, **shared)
    return found.section("ties", "Ties")


def calibration(subject: Subject) -> Section:
    """What a score and a margin are worth."""
    found, table, best = Collected(), subject.table, subject.best
    for name in CALIBRATION:
        found.tabulate(name, _calibrated, subject, name)
    shared, few = subject.shared, subject.few_tasks
    plain = {k: v for k, v in shared.items() if k != "n_resamples"}
    for function, caption, options in (
        (plots.reliability, "How often labels side with forecasts.", shared),
        (plots.gap_to_agreement, "How often labels agree with a margin.", shared | few),
        (plots.risk_coverage, "Errors on the pairs with the largest margins.", plain),
        (plots.order_bias, "Bias of scorers towards the response shown first.", shared),
    ):
        found.draw(function.__name__, caption, function, table, best, **options)
    return found.section("calibration", "Calibration", [f"Curves are those of {', '.join(best)}."])


def _calibrated(subject: Subject, name: str) -> list[Table]:
    result = evaluate(subject.table, name, scorers=subject.scorers, **subject.shared)
    return [table_of(f"{name}: {CALIBRATION[name]}", leaderboard_cells(result, None, None))]


def diagnostics(subject: Subject, gates: Sequence[Table]) -> Section:
    """What the numbers rest on."""
    result = subject.result
    texts = [*result.meta.notes, precision_line(result)]
    return Section("diagnostics", "Diagnostics", tuple(t for t in texts if t), tuple(gates))


def glossary() -> Section:
    """Words that are used here."""
    return Section("glossary", "Glossary", terms=TERMS)


def provenance(subject: Subject) -> Section:
    """Where the numbers come from."""
    result = subject.result
    plain = result.meta.plain()
    kept = {k: plain[k] for k in ("policy", "alignment", "provenance")}
    code = json.dumps(kept, indent=1, ensure_ascii=False, default=str)
    return Section("provenance", "Provenance", (f"Signature: {result.signature}",), code=code)
