"""What comes out: rows with intervals, rankings, tables and sentences.

- `columns`: The columns of a result, and of what kind each is.
- `data`: Rows, draws and provenance of a result, and what is asked of them everywhere.
- `result`: The one result: a tidy frame, the draws behind it, and where it came from.
- `from_json`: Reading results from JSON: everything is checked once, so that nothing fails later.
- `ranking`: Leaderboard tables: who is better than whom, ranks that comparisons leave open, and
  letters.
- `tables`: Leaderboard tables as text, Markdown, LaTeX and HTML.
- `prose`: Texts about a result that people paste into papers.
- `signature`: The one line that is printed with every number and reproduces it.
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
