"""Sections of the report: what is computed, with captions and headings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from metaeval import plots
from metaeval.inference import evaluate
from metaeval.reporting.collecting import SectionBuilder
from metaeval.reporting.glossary import TERMS
from metaeval.reporting.parts import Section, Table, make_table
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

N_BEST = 3  # best scorers, of which curves are drawn
MAX_RESAMPLES = 1_000  # for everything but the comparison itself: these intervals are illustrative
_MAX_SENTENCES = 5  # comparisons that are written out; the table has all
_MAX_TASKS = 6  # with more tasks, curves are pooled: panels by task would not be legible
CALIBRATION = {
    "brier": "mean squared error of the forecasts; lower is better",
    "smooth_ece": "smooth calibration error; compare with its mean under perfect calibration",
    "auroc": "area under the ROC curve: how well margins discriminate between the labels",
}


@dataclass(frozen=True)
class ReportInput:
    """Input of a report: the table, the result, and the options of the comparison."""

    table: Scores
    result: Result
    options: dict[str, Any]

    @property
    def task_options(self) -> dict[str, Any]:
        """Options that draw a curve for each task, if there are few."""
        by = self.options.get("by")
        has_few = by is not None and self.table.rows[by].nunique() <= _MAX_TASKS
        return {"by": by} if has_few else {}

    @property
    def scorers(self) -> list[str]:
        """Scorers, best first."""
        return list(self.result.leaderboard()["scorer"])

    @property
    def best(self) -> list[str]:
        """The best scorers, of which curves are drawn."""
        return self.scorers[:N_BEST]

    def selected_options(self, *names: str) -> dict[str, Any]:
        """Return those of the named options that are set."""
        return {k: v for k in names if (v := self.options.get(k)) is not None}

    @property
    def shared_options(self) -> dict[str, Any]:
        """Options of all further computations, with a limited number of resamples."""
        options = self.selected_options("label", "resample", "missing", "confidence", "seed")
        return {
            "n_resamples": min(MAX_RESAMPLES, self.options.get("n_resamples", MAX_RESAMPLES)),
            **options,
        }


def verdicts(source: ReportInput) -> Section:
    """Return the summary in sentences."""
    result = source.result
    names, texts = source.scorers, []
    if result.frame["baseline"].notna().any():
        name = result.statistics[0]
        texts += [result.sentence(*pair) for pair in _summarized_pairs(result, names)]
        texts += [
            _as_sentence(significant_line(result, name)),
            _as_sentence(equivalent_line(result, name)),
        ]
    else:
        texts += [f"{names[0]} is the only scorer, so there are no comparisons."]
    texts += [*(_as_sentence(w) for w in result.meta.warnings), result.methods_paragraph()]
    return Section("verdicts", "Summary", tuple(text for text in texts if text))


def _as_sentence(text: str) -> str:
    """A line as a sentence."""
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _summarized_pairs(result: Result, names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs in the summary: others with the baseline, or else the best with the next ones."""
    baseline = result.meta.policy.baseline
    if baseline is not None:
        return [(name, baseline) for name in names if name != baseline][:_MAX_SENTENCES]
    return [(names[0], name) for name in names[1 : _MAX_SENTENCES + 1]]


def alignment(source: ReportInput) -> Section:
    """Return the section on the data: counts, missing scores and warnings."""
    report = source.table.alignment
    n_warnings = len(report.warnings)
    totals, *notes = report.lines()[n_warnings:]
    texts = (*report.warnings, totals.replace("_", " "), *notes)
    table = make_table("Scorers and labels", report.scorers)
    return Section("alignment", "Data", texts, (table,))


def leaderboard(source: ReportInput) -> Section:
    """Return the section with leaderboards."""
    result, builder = source.result, SectionBuilder()
    builder.tables += [
        make_table(title, leaderboard_cells(result, name, task), folded=i > 1)
        for i, (title, name, task) in enumerate(tables_of(result))
    ]
    caption = f"{result.statistics[0]} of each scorer with {100 * result.confidence:g}% intervals"
    if result.is_accuracy(None):
        caption += "; gray marks: chance"
    elif result.leaderboard()["expected_if_calibrated"].notna().any():
        caption += "; gray marks: expected if calibrated"
    builder.add_figure("forest", f"{caption}.", plots.forest, result)
    lines = [letters_line(result, name, task) for _, name, task in tables_of(result)]
    return builder.build("leaderboard", "Leaderboard", list(dict.fromkeys(x for x in lines if x)))


def matrix(source: ReportInput) -> Section:
    """Return the section on comparisons: significance, ranks and groups."""
    result, builder = source.result, SectionBuilder()
    for function, caption in (
        (plots.significance_matrix, "Adjusted p-values of all pairs."),
        (plots.rank_intervals, "Ranges of ranks that are compatible with the comparisons."),
        (plots.cd_diagram, "Scorers under the same bar do not differ significantly."),
    ):
        builder.add_figure(function.__name__, caption, function, result)
    overall = result.frame["baseline"].notna() & result.frame["task"].isna()
    if overall.any():
        builder.tables.append(
            make_table(_ALL_DIFFERENCES, _differences(result.frame[overall]), folded=True)
        )
    return builder.build("comparisons", "Comparisons")


_ALL_DIFFERENCES = (
    "All differences between scorers over all tasks; differences by task are in result.csv"
)
_NAMES = ("statistic", "scorer", "baseline")
_VALUES = ("estimate", "lower", "upper", "adjusted_lower", "adjusted_upper", "mde")
_PROBABILITIES = ("p_value", "p_adjusted", "prob_better")
_CONTEXT = ("n_items", "test", "status")
_OMITTED_IF_CONSTANT = ("statistic", *_CONTEXT)
_HEADINGS = {
    "mde": "detectable difference",  # with 80% power
    "p_value": "p",
    "adjusted_lower": "adjusted lower",
    "adjusted_upper": "adjusted upper",
    "p_adjusted": "adjusted p",
    "prob_better": "P(better)",
}


def _differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Scorer minus baseline in the units of the statistic, without columns that are constant."""
    texts = {c: frame[c].map(lambda v: number(v, 1, 4)) for c in _VALUES}
    texts |= {c: frame[c].map(lambda p: format_p(p) if p == p else "") for c in _PROBABILITIES}
    texts |= {c: frame[c] for c in (*_NAMES, *_CONTEXT)}
    omitted = [c for c in _OMITTED_IF_CONSTANT if frame[c].nunique() < 2]
    omitted += [c for c in _PROBABILITIES if frame[c].isna().all()]
    columns = [c for c in (*_NAMES, *_VALUES, *_PROBABILITIES, *_CONTEXT) if c not in omitted]
    return pd.DataFrame({_HEADINGS.get(c, c): texts[c] for c in columns})


def ties(source: ReportInput) -> Section:
    """Return the section on ties: ranks by tie policy, accuracy by tie threshold."""
    builder, table, options = SectionBuilder(), source.table, source.shared_options
    caption = "Ranks of scorers under each tie policy."
    builder.add_figure(
        "tie_policies", caption, plots.tie_policies, table, source.scorers, **options
    )
    caption = "Pairwise accuracy with ties, by tie threshold."
    builder.add_figure("tie_curve", caption, plots.tie_curve, table, source.best, **options)
    return builder.build("ties", "Ties")


def calibration(source: ReportInput) -> Section:
    """Return the section on calibration of scores and margins."""
    builder, table, best = SectionBuilder(), source.table, source.best
    for name in CALIBRATION:
        builder.add_tables(name, _calibration_tables, source, name)
    shared, task_options = source.shared_options, source.task_options
    plain = {k: v for k, v in shared.items() if k != "n_resamples"}
    for function, caption, options in (
        (plots.reliability, "Reliability: observed frequency by forecast.", shared),
        (
            plots.gap_to_agreement,
            "Agreement with the labels by score difference.",
            shared | task_options,
        ),
        (
            plots.risk_coverage,
            "Selective risk: error rate among the most confident decisions.",
            plain,
        ),
        (plots.order_bias, "Order bias: preference for the response shown first.", shared),
    ):
        builder.add_figure(function.__name__, caption, function, table, best, **options)
    return builder.build("calibration", "Calibration", [f"Curves are drawn for {', '.join(best)}."])


def _calibration_tables(source: ReportInput, name: str) -> list[Table]:
    result = evaluate(source.table, name, scorers=source.scorers, **source.shared_options)
    return [make_table(f"{name}: {CALIBRATION[name]}", leaderboard_cells(result, None, None))]


def diagnostics(source: ReportInput, tables: Sequence[Table]) -> Section:
    """Return the section on diagnostics."""
    result = source.result
    texts = [*result.meta.notes, precision_line(result)]
    return Section("diagnostics", "Diagnostics", tuple(t for t in texts if t), tuple(tables))


def glossary() -> Section:
    """Return the glossary."""
    return Section("glossary", "Glossary", terms=TERMS)


def provenance(source: ReportInput) -> Section:
    """Return the section on provenance."""
    result = source.result
    metadata = result.meta.plain()
    entries = {k: metadata[k] for k in ("policy", "alignment", "provenance")}
    code = json.dumps(entries, indent=1, ensure_ascii=False, default=str)
    return Section("provenance", "Provenance", (f"Signature: {result.signature}",), code=code)
