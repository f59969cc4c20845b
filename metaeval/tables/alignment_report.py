"""The alignment report: counts, missing values and oddities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import Bools, Codes, Floats, join_names, natural
from metaeval.tables.base import BaseTable, counts_in_words
from metaeval.tables.plausibility import implausible


@dataclass(frozen=True, eq=False)
class Alignment:
    """Contents of a table, by scorer.

    Parameters
    ----------
    totals : dict
        Numbers of items, rows, tasks, clusters, systems, scorers and labels; of rows without any
        label, without any score, and with all scores.
    scorers : DataFrame
        One row per scorer or label: missing values, items within which it is constant, proportion
        of tied pairs within items, minimum, median and maximum.
    notes : tuple of str
        Actions of the reader.
    oddities : tuple of str
        Oddities, repeated in every result.
    warnings : tuple of str
        Probable errors, shown first in every result.
    """

    totals: dict[str, int]
    scorers: pd.DataFrame
    notes: tuple[str, ...]
    oddities: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return the counts included in every result."""
        return dict(self.totals)

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        totals = ", ".join(counts_in_words(self.totals))
        return [*self.warnings, totals, *self.notes, *self.oddities]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "totals": self.totals,
            "scorers": self.scorers.to_dict("records"),
            "notes": [*self.notes, *self.oddities],
            "warnings": list(self.warnings),
        }


def align(table: BaseTable) -> Alignment:
    """Report on a table."""
    present, labeled = table.scores.notna().to_numpy(), table.labels.notna().to_numpy()
    totals = table.counts() | {
        "without_label": int((~labeled.any(axis=1)).sum()),
        "without_score": int((~present.any(axis=1)).sum()),
        "common_rows": int(present.all(axis=1).sum()),
        "duplicates": 0,
    }
    columns = [("scorer", n, table.scores[n]) for n in table.scores]
    columns += [("label", n, table.labels[n]) for n in table.labels]
    rows = [{"name": n, "kind": k, **_column(table, c.to_numpy())} for k, n, c in columns]
    notes = (*table.notes, *_assumed(table))
    return Alignment(
        totals=totals,
        scorers=pd.DataFrame(rows),
        notes=notes,
        oddities=tuple(_oddities(table, rows)),
        warnings=(*table.warnings, *assumed_sharing(table), *implausible(table)),
    )


def _column(table: BaseTable, values: Floats) -> dict[str, float | int]:
    """Summary of one column."""
    present = ~np.isnan(values)
    observed, codes = values[present], table.item_codes[present]
    constant, tied = (0, _proportion(observed == 0)) if table.of_pairs else _ties(codes, observed)
    low, middle, high = np.quantile(observed, [0, 0.5, 1]) if observed.size else (np.nan,) * 3
    return {
        "missing": int((~present).sum()),
        "constant_items": constant,
        "tied_pairs": tied,
        "min": float(low),
        "median": float(middle),
        "max": float(high),
    }


def _proportion(which: Bools) -> float:
    """Proportion of true values; NaN if there are none."""
    return float(which.mean()) if which.size else float("nan")


def _ties(codes: Codes, values: Floats) -> tuple[int, float]:
    """Number of items with equal values, and the proportion of tied pairs within items."""
    if not values.size:
        return 0, float("nan")
    order = np.lexsort((values, codes))
    codes, values = codes[order], values[order]
    new_item = np.r_[True, codes[1:] != codes[:-1]]
    new_run = new_item | np.r_[True, values[1:] != values[:-1]]
    run = np.diff(np.r_[np.flatnonzero(new_run), len(codes)])
    item = np.diff(np.r_[np.flatnonzero(new_item), len(codes)])
    n_runs = np.add.reduceat(new_run.astype(int), np.flatnonzero(new_item))
    pairs = int((item * (item - 1) // 2).sum())
    tied = int((run * (run - 1) // 2).sum())
    return int(((n_runs == 1) & (item > 1)).sum()), tied / pairs if pairs else float("nan")


def assumed_sharing(table: BaseTable) -> list[str]:
    """A warning if tasks have the same item ids and `shared_items` was not given."""
    if not table.sharing_assumed or table.rows["task"].nunique() < 2:
        return []
    names = join_names(sorted(map(str, table.rows["task"].unique()), key=natural), 5)
    ids = "ids of items" if _without_responses(table) else "ids of items and responses"
    if table.shared_items:
        return [
            f"assuming that the tasks {names} share their items, because they have the same {ids}; "
            "pass shared_items=True (--shared-items) if they are aspects of the same responses, "
            "or shared_items=False (--independent-items) if tasks merely use the same item numbers"
        ]
    return [
        f"assuming that the tasks {names} have different items: they have the same {ids}, but "
        "uncorrelated values; pass shared_items=False (--independent-items) to confirm, "
        "or shared_items=True (--shared-items) if they are aspects of the same responses"
    ]


def _without_responses(table: BaseTable) -> bool:
    return not table.of_pairs and not {"response", "system"} & set(table.rows)


def _assumed(table: BaseTable) -> list[str]:
    """The inferred kind of labels, if it was not given."""
    if table.of_pairs or table.label_kind is not None or not table.labels.shape[1]:
        return []
    return [f"labels are treated as {'correctness' if table.kind == 'correct' else 'ratings'}"]


def _oddities(table: BaseTable, rows: list[dict[str, Any]]) -> list[str]:
    notes = []
    if _without_responses(table):
        notes.append(
            "no column identifies responses (response, system): duplicates cannot be detected"
        )
    flat = [r["name"] for r in rows if r["min"] == r["max"]]
    if flat:
        notes.append(f"constant: {', '.join(flat)}")
    return notes + _same_columns(table.scores)


def _same_columns(scores: pd.DataFrame) -> list[str]:
    seen: dict[bytes, str] = {}
    notes = []
    for name in scores:
        first = seen.setdefault(scores[name].to_numpy().tobytes(), str(name))
        if first != name:
            notes.append(f"{first} and {name} have identical scores")
    return notes
