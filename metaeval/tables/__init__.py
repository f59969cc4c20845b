"""Tables of responses and of pairs: one canonical form, checked once.

- `canonical`: One form for every table: ids as text, numbers as float64, rows in canonical order.
- `text_columns`: The dtype of text in pandas, by whatever name it goes.
- `base`: What tables of responses and of pairs have in common: invariants, selection,
  fingerprint.
- `responses`: Responses and Pairs: scores beside labels, one shape with two kinds of row.
- `pairing`: From responses to pairs: which pairs there are, their margins and their preferences.
- `swapped_pairs`: Pairs with first and second swapped: they change places, and with them whatever
  depends on it.
- `changes`: What a table offers to select and to change: every change is a new table, checked
  again.
- `aligned_values`: Values that a user hands to a table, aligned with its rows by ids, never by
  place alone.
- `missing`: Policies for missing scores: which rows stay, and what is said of those that do not.
- `shared_items`: Whether tasks share their items: aspects of the same responses, given as tasks.
- `alignment_report`: The alignment report: what was read, what is missing, what looks odd.
- `plausibility`: What is hard to believe of scorers: below chance, constant, tied where the
  labels never are.
"""

from __future__ import annotations

from metaeval.tables.alignment_report import assumed_sharing
from metaeval.tables.canonical import float_frame, group_codes, ids_as_text
from metaeval.tables.missing import kept_rows, loss, no_rows
from metaeval.tables.pairing import pair_positions
from metaeval.tables.plausibility import contradiction, implausible
from metaeval.tables.responses import MISSING, Pairs, Responses, Table, require_table
from metaeval.tables.text_columns import TEXT, inferred

__all__ = [
    "MISSING",
    "TEXT",
    "Pairs",
    "Responses",
    "Table",
    "assumed_sharing",
    "contradiction",
    "float_frame",
    "group_codes",
    "ids_as_text",
    "implausible",
    "inferred",
    "kept_rows",
    "loss",
    "no_rows",
    "pair_positions",
    "require_table",
]
