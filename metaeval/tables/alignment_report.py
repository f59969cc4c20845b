"""The alignment report: what was read, what is missing, what looks odd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import Bools, Codes, Floats, listed, natural
from metaeval.tables.base import BaseTable
from metaeval.tables.plausibility import implausible


@dataclass(frozen=True, eq=False)
class Alignment:
    """What a table holds, scorer by scorer.

    Parameters
    ----------
    totals : dict
        Numbers of items, rows, tasks, clusters, systems, scorers, labels; rows without any label;
        rows without any score; rows that all scorers have.
    scorers : DataFrame
        One row per scorer or label: missing cells, items in which it is constant, share of tied
        pairs within items, smallest, median and largest value.
    notes : tuple of str
        What the reader did.
    oddities : tuple of str
        What looks odd; every result repeats it.
    warnings : tuple of str
        What looks wrong; every result says it first.
    """

    totals: dict[str, int]
    scorers: pd.DataFrame
    notes: tuple[str, ...]
    oddities: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return the numbers that go into every result."""
        return dict(self.totals)

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        totals = ", ".join(f"{n} {what}" for what, n in self.totals.items())
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
    there, labelled = table.scores.notna().to_numpy(), table.labels.notna().to_numpy()
    totals = table.counts() | {
        "without_label": int((~labelled.any(axis=1)).sum()),
        "without_score": int((~there.any(axis=1)).sum()),
        "common_rows": int(there.all(axis=1).sum()),
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
    """What there is to say of one column."""
    there = ~np.isnan(values)
    kept, codes = values[there], table.item_codes[there]
    constant, tied = (0, _share(kept == 0)) if table.of_pairs else _ties(codes, kept)
    low, middle, high = np.quantile(kept, [0, 0.5, 1]) if kept.size else (np.nan,) * 3
    return {
        "missing": int((~there).sum()),
        "constant_items": constant,
        "tied_pairs": tied,
        "min": float(low),
        "median": float(middle),
        "max": float(high),
    }


def _share(which: Bools) -> float:
    """Share of values; NaN where there are none."""
    return float(which.mean()) if which.size else float("nan")


def _ties(codes: Codes, values: Floats) -> tuple[int, float]:
    """Items whose values are all equal, and the share of tied pairs within items."""
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
    """A warning where ids of tasks are the same, and nobody said whether their items are."""
    if not table.sharing_assumed or table.rows["task"].nunique() < 2:
        return []
    names = listed(sorted(map(str, table.rows["task"].unique()), key=natural), 5)
    ids = "ids of items" if _without_responses(table) else "ids of items and responses"
    if table.shared_items:
        return [
            f"items are taken to be shared by the tasks {names}, which have the same {ids}, as "
            "aspects of the same responses have; say shared_items=True (--shared-items) if they "
            "are, shared_items=False (--independent-items) if tasks only number their items alike"
        ]
    return [
        f"the tasks {names} have the same {ids}, and their values are not correlated: each task is "
        "taken to have its own items; say shared_items=False (--independent-items) if it has, "
        "shared_items=True (--shared-items) if they are aspects of the same responses"
    ]


def _without_responses(table: BaseTable) -> bool:
    return not table.of_pairs and not {"response", "system"} & set(table.rows)


def _assumed(table: BaseTable) -> list[str]:
    """What the labels are taken for, where nobody said it."""
    if table.of_pairs or table.label_kind is not None or not table.labels.shape[1]:
        return []
    return [f"labels are taken for {'correctness' if table.kind == 'correct' else 'ratings'}"]


def _oddities(table: BaseTable, rows: list[dict[str, Any]]) -> list[str]:
    notes = []
    if _without_responses(table):
        notes.append(
            "no column names the responses (response, system): duplicates cannot be detected"
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
            notes.append(f"{first} and {name} have the same scores everywhere")
    return notes
