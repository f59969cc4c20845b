"""Tables of responses and pairs, validated once and kept in canonical form.

- `canonical`: The canonical form: ids as text, numbers as float64, rows sorted by ids.
- `text_columns`: The pandas dtype of text, which differs between versions.
- `base`: Common base of both tables: invariants, selection, fingerprint.
- `responses`: Responses and Pairs: scores and labels on common rows.
- `pairing`: Pairs of responses, their margins and preferences.
- `swapped_pairs`: Swapping first and second in pairs, with everything that depends on the order.
- `changes`: Selection and modification of tables; each returns a new, validated table.
- `derived`: Tables made from a valid table, of which only what changes is checked.
- `aligned_values`: Alignment of user-supplied values with rows by id, never by position alone.
- `missing`: Policies for missing scores, and warnings about dropped rows.
- `shared_items`: Whether tasks share items, as aspects of the same responses do.
- `alignment_report`: The alignment report: counts, missing values and oddities.
- `plausibility`: Warnings about implausible scores: below chance, constant, or unexpected ties.
"""

from __future__ import annotations

from metaeval.tables.alignment_report import assumed_sharing
from metaeval.tables.canonical import float_frame, group_codes, ids_as_text
from metaeval.tables.missing import complete_rows, dropped_rows_warning, no_complete_rows_message
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
    "complete_rows",
    "contradiction",
    "dropped_rows_warning",
    "float_frame",
    "group_codes",
    "ids_as_text",
    "implausible",
    "inferred",
    "no_complete_rows_message",
    "pair_positions",
    "require_table",
]
