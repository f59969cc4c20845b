"""Results: rows with intervals, rankings, tables and sentences.

- `columns`: The columns of a result and their types.
- `metadata`: What a result records besides its numbers: statistics, policy, provenance, notes.
- `data`: Rows, draws and provenance of a result, with common queries.
- `result`: The result class: a tidy frame with draws and provenance.
- `from_json`: Reading and validating results from JSON.
- `ranking`: Leaderboards: significant differences, rank ranges and letters.
- `tables`: Leaderboards as text, Markdown and HTML.
- `latex`: Leaderboards as LaTeX.
- `prose`: Sentences and paragraphs for papers.
- `signature`: The one-line record that reproduces a result.
"""

from __future__ import annotations

from metaeval.results.columns import COLUMNS, LEVELS, Row, frame_of_rows, normalize_frame
from metaeval.results.data import format_p_relation, format_probability
from metaeval.results.metadata import (
    AlignmentSummary,
    Detail,
    Metadata,
    Policy,
    Provenance,
    StatisticInfo,
)
from metaeval.results.ranking import decision_probability, significantly_better
from metaeval.results.result import Result
from metaeval.results.signature import make_signature, signed
from metaeval.results.tables import (
    equivalent_line,
    format_p,
    interval_name,
    leaderboard_cells,
    letters_line,
    number,
    precision_line,
    significant_line,
    tables_of,
)

__all__ = [
    "COLUMNS",
    "LEVELS",
    "AlignmentSummary",
    "Detail",
    "Metadata",
    "Policy",
    "Provenance",
    "Result",
    "Row",
    "StatisticInfo",
    "decision_probability",
    "equivalent_line",
    "format_p",
    "format_p_relation",
    "format_probability",
    "frame_of_rows",
    "interval_name",
    "leaderboard_cells",
    "letters_line",
    "make_signature",
    "normalize_frame",
    "number",
    "precision_line",
    "signed",
    "significant_line",
    "significantly_better",
    "tables_of",
]
