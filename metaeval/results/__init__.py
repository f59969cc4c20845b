"""Results: rows with intervals, rankings, tables and sentences.

- `columns`: The columns of a result and their types.
- `data`: Rows, draws and provenance of a result, with common queries.
- `result`: The result class: a tidy frame with draws and provenance.
- `from_json`: Reading and validating results from JSON.
- `ranking`: Leaderboards: significant differences, rank ranges and letters.
- `tables`: Leaderboards as text, Markdown, LaTeX and HTML.
- `prose`: Sentences and paragraphs for papers.
- `signature`: The one-line record that reproduces a result.
"""

from __future__ import annotations

from metaeval.results.columns import COLUMNS, LEVELS, Row
from metaeval.results.data import p_text, prob_text, tidied
from metaeval.results.ranking import found_better, probably
from metaeval.results.result import Result
from metaeval.results.signature import make_signature
from metaeval.results.tables import (
    equivalent_line,
    interval_name,
    leaderboard_texts,
    letters_line,
    number,
    p_cell,
    precision_line,
    separated_line,
    tables_of,
)

__all__ = [
    "COLUMNS",
    "LEVELS",
    "Result",
    "Row",
    "equivalent_line",
    "found_better",
    "interval_name",
    "leaderboard_texts",
    "letters_line",
    "make_signature",
    "number",
    "p_cell",
    "p_text",
    "precision_line",
    "prob_text",
    "probably",
    "separated_line",
    "tables_of",
    "tidied",
]
