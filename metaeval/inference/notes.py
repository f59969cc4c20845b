"""Notes of a result (counts, estimands, tests), and warnings about degenerate ties."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from metaeval.core import join_names
from metaeval.inference.analysis import Analysis
from metaeval.inference.default_statistic import DEFAULT_CHOICE
from metaeval.inference.design import Design
from metaeval.inference.label_noise import label_noise
from metaeval.inference.settings import PUBLISHED_TESTS, Settings
from metaeval.results import Detail

_MAX_TIE_RATE = 0.95  # proportion of pairs above which a tie threshold is degenerate
_AVERAGES = {
    "items": "mean over items",
    "pairs": "mean over pairs",
    "groups": "mean over groups",
    "responses": "mean over responses",
}


def result_notes(
    design: Design, analyses: Sequence[Analysis], settings: Settings, further: Sequence[str]
) -> list[str]:
    """Return the notes of a result, counts first."""
    return [
        _counts(design),
        *_estimands(design, analyses, further),
        *_correction(settings),
        *_pairs_of_correctness(design, analyses),
        *_targets(design, analyses),
        *_disagreement(design, analyses),
        *_published_tests(analyses),
        *design.source.alignment.oddities,
    ]


def tie_warnings(frame: pd.DataFrame, details: Sequence[Detail]) -> list[str]:
    """Return warnings about tuned thresholds that tie nearly all pairs of a scorer."""
    half = {(d["statistic"], d["task"], d["scorer"]): d["half"] for d in details if "half" in d}
    tied = frame[frame["tie_rate"] > _MAX_TIE_RATE].to_dict("records")
    return [
        f"nearly all ties: {row['scorer']} ties {100 * row['tie_rate']:.0f}% of the pairs"
        + (f" (task {row['task']})" if row["task"] else "")
        + f"; with half credit for ties, its accuracy is {100 * float(credit):.1f}"
        for row in tied
        if (credit := half.get((row["statistic"], row["task"], row["scorer"]))) is not None
    ]


def _counts(design: Design) -> str:
    rows, n_scorers = design.table.rows, len(design.scorers)
    systems = f" x {rows['system'].nunique()} systems" if "system" in rows else ""
    n_dropped = int(design.dropped.sum())
    dropped = ""
    if n_dropped:
        names = join_names(design.incomplete, 5)
        dropped = f"; {n_dropped} rows dropped because scores are missing for {names}"
    return (
        f"{design.table.n_items} items{systems}, {len(rows)} rows, {n_scorers} "
        f"scorer{'' if n_scorers == 1 else 's'}, label {design.label!r}{dropped}"
    )


def _estimands(design: Design, analyses: Sequence[Analysis], further: Sequence[str]) -> list[str]:
    """Names of the statistics and their averages, or the note on the default statistic."""
    average = _AVERAGES.get(analyses[0].estimand.average or "", "as given")
    clustered = "cluster" in design.source.rows
    unit = design.resample if clustered else "item (no cluster column)"
    line = f"{average}; resample: {unit}"
    if further and further[0].startswith(DEFAULT_CHOICE):
        return [f"{further[0]}, {line}", *further[1:]]
    names = dict.fromkeys(analysis.estimand.name for analysis in analyses)
    return [f"{', '.join(names)}, {line}", *further]


def _correction(settings: Settings) -> list[str]:
    testing = settings.testing
    if testing is None or testing.adjustment == testing.correction:
        return []
    reason = f"test={testing.test!r}"
    if testing.stop_after_exceedances is not None:
        reason = "stop_after_exceedances"
    return [
        f"max-T needs draws shared across comparisons; {reason} has none, so Holm's method is used"
    ]


def _pairs_of_correctness(design: Design, analyses: Sequence[Analysis]) -> list[str]:
    """A note that pairs of equal labels are not formed, as other coefficients form all."""
    requested = [analysis.estimand for analysis in analyses if not analysis.supplementary]
    paired = any(e.ties is not None and e.grouping != "systems" for e in requested)
    if not paired or design.table.kind != "correct":
        return []
    return [
        "labels denote correctness, so pairs with equal labels are not formed "
        "(label_kind='rating' forms them)"
    ]


def _targets(design: Design, analyses: Sequence[Analysis]) -> list[str]:
    """Estimands that names do not explain, and the number of included items."""
    return [
        f"{analysis.estimand.name} estimates {analysis.estimand.target}"
        + _items_included(design, analysis)
        for analysis in analyses
        if analysis.estimand.target is not None
    ]


def _disagreement(design: Design, analyses: Sequence[Analysis]) -> list[str]:
    """Error rate of the combined label of several raters, and what it does to differences."""
    source = design.source
    several = design.options.label is None and source.labels.shape[1] > 1
    requested = [a.estimand for a in analyses if not a.supplementary]
    if not several or not any(e.is_accuracy and e.ties for e in requested):
        return []
    noise = label_noise(source)
    if noise is None:
        return []
    agree = f"two raters agree on {100 * noise.agreement:.0f}% of the pairs without ties"
    if noise.combined is None:
        return [
            f"{agree}; if raters err independently, each is wrong in {100 * noise.error:.1f}% of "
            "them, and differences between accuracies appear smaller than they are"
        ]
    return [
        f"{agree}; if raters err independently, the label is wrong in "
        f"{100 * noise.combined:.1f}% of them: a perfect scorer has accuracy "
        f"{100 * (1 - noise.combined):.1f}, and differences appear at "
        f"{100 * (1 - 2 * noise.combined):.0f}% of their size"
    ]


def _items_included(design: Design, analysis: Analysis) -> str:
    overall = [row.n_items for row in analysis.scorers if row.task is None]
    n_items = design.table.n_items
    if not overall or overall[0] >= n_items:
        return ""
    return f"; {overall[0]} of {n_items} items are included"


def _published_tests(analyses: Sequence[Analysis]) -> list[str]:
    tests = [row.test for analysis in analyses for row in analysis.differences]
    return [
        f"test={test!r} is a published test, provided for comparison with published results"
        for test in dict.fromkeys(tests)
        if test in PUBLISHED_TESTS
    ]
