"""A result from analyses: rows, policy, provenance, notes and warnings."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import numpy as np
import pandas as pd

from metaeval.core import Floats, check_names
from metaeval.inference.analysis import Analysis
from metaeval.inference.design import Design
from metaeval.inference.hypothesis_tests import requested_test
from metaeval.inference.notes import result_notes, tie_warnings
from metaeval.inference.settings import Settings
from metaeval.results import (
    AlignmentSummary,
    Metadata,
    Policy,
    Provenance,
    Result,
    StatisticInfo,
    frame_of_rows,
    signed,
)
from metaeval.statistics import Estimand
from metaeval.tables import assumed_sharing, implausible
from metaeval.version import __version__

MAX_STORED_DRAWS = 10**8  # 800 MB; keep_draws=True stores more


def assemble_result(
    kind: str,
    design: Design,
    analyses: Sequence[Analysis],
    settings: Settings,
    notes: Sequence[str] = (),
) -> Result:
    """Return the result of analyses of one design, with metadata.

    `notes` are further notes; the first one may give the reason for the default statistic.
    """
    frame = frame_of_rows([row for a in analyses for row in (*a.scorers, *a.differences)])
    details = tuple(detail for a in analyses for detail in a.details)
    table = design.source
    meta = Metadata(
        kind=kind,
        warnings=(*_warnings(frame, design, analyses), *tie_warnings(frame, details)),
        notes=tuple(result_notes(design, analyses, settings, notes)),
        policy=_policy(kind, design, analyses, settings),
        statistics=tuple(
            statistic_info(analysis.estimand, analysis.supplementary) for analysis in analyses
        ),
        alignment=AlignmentSummary(
            counts=table.alignment.counts(),
            dropped=int(design.dropped.sum()),
            flipped=tuple(table.flipped),
            columns=tuple(table.alignment.scorers.to_dict("records")),
        ),
        details=details,
        provenance=_provenance(design, analyses, settings),
    )
    return Result(frame, _draws(analyses, settings), signed(meta))


def _warnings(frame: pd.DataFrame, design: Design, analyses: Sequence[Analysis]) -> list[str]:
    """Warnings of the table, the design and the analyses, without those that others extend."""
    without_value = frame["baseline"].isna() & frame["estimate"].isna()
    undefined = set(frame.loc[without_value, "scorer"])
    lines = [
        *design.source.warnings,
        *assumed_sharing(design.table),
        *implausible(design.table, reported=undefined),
        *design.warnings,
        *dict.fromkeys(line for analysis in analyses for line in analysis.warnings),
    ]
    return [
        line
        for line in lines
        if not any(longer != line and longer.startswith(line) for longer in lines)
    ]


def _draws(analyses: Sequence[Analysis], settings: Settings) -> Floats | None:
    blocks = [block for analysis in analyses for block in analysis.draws]
    if not blocks:
        return None
    size = sum(block.size for block in blocks)
    stored = settings.keep_draws or size <= MAX_STORED_DRAWS
    return np.concatenate(blocks, axis=1) if stored else None


def statistic_info(estimand: Estimand, supplementary: bool = False) -> StatisticInfo:
    """Return the description of a statistic; `supplementary` marks one that was not requested."""
    return StatisticInfo(
        name=estimand.name,
        accuracy=estimand.is_accuracy,
        better=estimand.better,
        status=estimand.status,
        unit=estimand.unit,
        beside=supplementary,
        **estimand.meaning(),
    )


def _policy(kind: str, design: Design, analyses: Sequence[Analysis], settings: Settings) -> Policy:
    first, testing = analyses[0].estimand, settings.testing
    requested = [analysis.estimand for analysis in analyses if not analysis.supplementary]
    rows = [row for analysis in analyses for row in analysis.scorers]
    has_intervals = kind in ("evaluate", "compare") or any(row.interval for row in rows)
    tests = ",".join(dict.fromkeys(row.test for row in rows if row.test))
    adjusted = any(row.p_adjusted is not None for row in rows)
    scorers = design.options.scorers
    return Policy(
        ties=first.ties or "none",
        epsilon=first.epsilon or "none",
        grouping=",".join(dict.fromkeys(e.grouping or "item" for e in requested)),
        average=",".join(dict.fromkeys(e.average or "items" for e in requested)),
        resample=design.resample,
        missing=design.missing,
        confidence=settings.confidence,
        interval=settings.interval if has_intervals else None,
        test=(tests or None) if testing is None else requested_test(testing),
        correction=("holm" if adjusted else None) if testing is None else testing.adjustment,
        alternative=None if testing is None else testing.alternative,
        equivalence_margin=None if testing is None else testing.equivalence_margin,
        stop_after_exceedances=None if testing is None else testing.stop_after_exceedances,
        weights=settings.resampling.weights,
        label=design.label,
        by=design.by,
        baseline=None if testing is None else testing.baseline,
        scorers=None if scorers is None else tuple(sorted(check_names("scorers", scorers))),
    )


def _provenance(design: Design, analyses: Sequence[Analysis], settings: Settings) -> Provenance:
    tested = settings.testing is not None
    return Provenance(
        version=__version__,
        seed=settings.resampling.seed if settings.uses_draws else None,
        n_resamples=settings.resampling.n if settings.uses_draws else None,
        n_flips=(max(analysis.n_flips for analysis in analyses) or None) if tested else None,
        rows=len(design.table),
        data_sha256=design.source.fingerprint,
        python=".".join(platform.python_version_tuple()[:2]),
    )
