"""Common base of both tables: invariants, selection, fingerprint.

All invariants that the rest of the library relies on are checked once, when a table is created.
"""

from __future__ import annotations

import dataclasses
import hashlib
import html
from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from metaeval.core import (
    Codes,
    check_not_negative,
    check_one_of,
    join_names,
    require_column,
)
from metaeval.tables import aligned_values, canonical
from metaeval.tables.changes import FRAMES, Changing
from metaeval.tables.derived import with_fields
from metaeval.tables.shared_items import sharing_of
from metaeval.tables.text_columns import TEXT

_COUNT_NAMES = {"holes": "missing scores"}  # keys of `counts` that are shown under another name
LABEL_KINDS = ("rating", "correct", "preference")
MISSING = ("common", "pairwise", "error", "count_as_wrong")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class BaseTable(Changing):
    """Rows, scores and labels on a shared index, in input order.

    The index of the three frames holds row numbers, and its name identifies the rows and their
    order, so that values computed from them can be passed back to this table only. Results do not
    depend on row order: all computations use `canonical`, the same table with its rows sorted by
    their ids as text.

    Parameters
    ----------
    rows : DataFrame
        `item` (required) and optionally `task`, `cluster`, `system`, `response`, further key
        columns and covariates.
    scores : DataFrame
        One column per scorer, higher is better; NaN for missing scores.
    labels : DataFrame
        One column per rater, higher is better; NaN for missing labels.
    keys : tuple of str
        Additional columns of `rows` that identify a row.
    label_kind : {"rating", "correct", "preference"}, optional
        Kind of the labels; inferred from the data by default.
    label_epsilon : float, default 0
        Labels that differ by at most this are tied.
    average_raters : bool, default False
        Whether the label columns are raters on one scale, who may be averaged.
    shared_items : bool, optional
        Whether an item is the same item in all tasks (aspects of one response). By default it is
        inferred: tasks share items if they have the same ids of items and responses, unless their
        values are clearly uncorrelated; results then start with a warning.
    ordered : bool, default False
        Pairs only: `first` was presented first, and order matters.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, default "common"
        Default policy for missing scores.
    flipped : tuple of str
        Columns negated so that higher is better.
    notes : tuple of str
        Actions of the reader: columns mapped, rows dropped, values coerced.
    warnings : tuple of str
        Probable errors found on reading, shown first in every result.
    sharing_assumed : bool, default False
        Whether `shared_items` was inferred from equal ids.
    """

    rows: pd.DataFrame
    scores: pd.DataFrame
    labels: pd.DataFrame
    keys: tuple[str, ...] = ()
    label_kind: str | None = None
    label_epsilon: float = 0.0
    average_raters: bool = False
    shared_items: bool | None = None
    ordered: bool = False
    missing: str = "common"
    flipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sharing_assumed: bool = False

    _row_ids: ClassVar[tuple[str, ...]] = ()
    _what: ClassVar[str] = "table"

    def __post_init__(self) -> None:
        """Check every invariant; rows keep their input order."""
        self._check_options()
        object.__setattr__(self, "keys", (self.keys,) if isinstance(self.keys, str) else self.keys)
        for key in self.keys:
            require_column(self.rows.columns, key, purpose=f"{self._what} with keys={self.keys!r}")
        canonical.require_shared_index(self.rows, self.scores, self.labels)
        rows = canonical.id_columns(
            self.rows, self._id_columns(), self._identity(self.rows), what=self._what
        )
        scores = canonical.numbers(self.scores, what="scores")
        labels = canonical.numbers(self.labels, what="labels")
        canonical.require_distinct(scores, labels)
        rows, scores, labels = self._orient(rows, scores, labels)
        index = aligned_values.row_index(len(rows), self._identifying(rows, scores, labels))
        for name, frame in (("rows", rows), ("scores", scores), ("labels", labels)):
            frame = frame.set_axis(index)
            object.__setattr__(self, name, frame if name == "rows" else frame.sort_index(axis=1))
        canonical.require_unique_rows(self.rows, self._identity(self.rows))
        self._settle_sharing()
        canonical.require_nested(self.rows, self._item_columns, "cluster")
        self._check_labels()

    def _check_options(self) -> None:
        check_one_of("missing", self.missing, MISSING)
        check_one_of("label_kind", self.label_kind, (None, *LABEL_KINDS))
        check_not_negative("label_epsilon", self.label_epsilon)

    def _check_labels(self) -> None:
        if self.label_kind == "correct":
            canonical.require_zero_or_one(self.labels)

    def _identifying(
        self, rows: pd.DataFrame, scores: pd.DataFrame, labels: pd.DataFrame
    ) -> dict[str, pd.Series]:
        """Columns that identify the rows: ids, or all columns and labels without response ids."""
        identity = self._identity(rows)
        if identity:
            return {name: rows[name] for name in identity}
        values = labels if labels.shape[1] else scores
        return dict(pd.concat([rows, values.sort_index(axis=1)], axis=1).items())

    def _settle_sharing(self) -> None:
        """Infer whether tasks share their items, unless it was given."""
        if self.shared_items is None:
            identity = self._identity(self.rows)
            sharing = sharing_of(self.rows, identity, self.scores, self.labels)
            object.__setattr__(self, "shared_items", sharing.shared)
            object.__setattr__(self, "sharing_assumed", sharing.assumed)

    # Differences between the two tables.
    def _orient(
        self, rows: pd.DataFrame, scores: pd.DataFrame, labels: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        return rows, scores, labels

    def _id_columns(self) -> tuple[str, ...]:
        return ("task", "item", "cluster", "system", "response", *self._row_ids, *self.keys)

    @abstractmethod
    def _identity(self, rows: pd.DataFrame) -> list[str]:
        """Columns that identify a row."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """Kind of the labels."""

    def _order_columns(self, rows: pd.DataFrame) -> list[str]:
        names = ("task", "item", *self._row_ids, *self.keys)
        return [name for name in names if name in rows]

    @cached_property
    def canonical(self) -> Self:
        """The same table with its rows in canonical order: by their ids as text.

        Rows not identified by a response or system are also sorted by their values. All
        computations use this order, so that they do not depend on input order.
        """
        order = self.canonical_order
        if (np.diff(order) == 1).all():
            return self
        frames = {name: getattr(self, name).take(order) for name in FRAMES}
        index = aligned_values.row_index(len(self.rows), self._identifying(*frames.values()))
        table = with_fields(self, {k: frame.set_axis(index) for k, frame in frames.items()})
        table.__dict__["canonical"] = table
        return table

    @cached_property
    def canonical_order(self) -> Codes:
        """Positions of the rows in canonical order: `canonical.rows` is `rows.iloc[positions]`."""
        by = self._order_columns(self.rows)
        rest = self.rows.drop(columns=by)
        values = () if self._has_response_ids else (self.scores, self.labels, rest)
        return canonical.row_order(self.rows, by, values)

    @property
    def _has_response_ids(self) -> bool:
        return any(name in self.rows for name in self._row_ids)

    @property
    def _item_columns(self) -> list[str]:
        local = "task" in self.rows and not self.shared_items
        return ["task", "item"] if local else ["item"]

    # Public interface.
    @property
    def scorers(self) -> list[str]:
        """Names of the scorers, sorted as text."""
        return list(self.scores.columns)

    @cached_property
    def item_codes(self) -> Codes:
        """Canonical index of the item of each row: (row,), 0 .. n_items - 1."""
        return canonical.group_codes(self.rows, self._item_columns)

    @cached_property
    def item_index(self) -> pd.MultiIndex:
        """Ids of the items in canonical order: (item,), with the task if items are local to it."""
        first = np.unique(self.item_codes, return_index=True)[1]
        return pd.MultiIndex.from_frame(self.rows[self._item_columns].iloc[first].astype(object))

    @property
    def n_items(self) -> int:
        """Number of items, the smallest units of resampling."""
        return int(self.item_codes.max()) + 1

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def to_frame(self) -> pd.DataFrame:
        """Long frame: the columns of `rows`, then `scorer` and `score`; raters count as scorers.

        Columns of `rows` with these names become `scorer_in_rows`, `score_in_rows`.
        """
        values = pd.concat([self.scores, self.labels], axis=1)
        renamed = {name: f"{name}_in_rows" for name in ("scorer", "score")}
        positions = np.tile(np.arange(len(self)), values.shape[1])
        long = self.rows.rename(columns=renamed).take(positions).reset_index(drop=True)
        names = pd.Series(np.repeat(np.asarray(values.columns, dtype=object), len(self)))
        return long.assign(
            scorer=names.astype(TEXT), score=values.to_numpy(dtype=np.float64).ravel(order="F")
        )

    def to_tidy(self) -> pd.DataFrame:
        """Long frame that `read` converts back to the same table.

        Columns `scorer` and `score`, `rater` and `label`; for pairs `scorer`, `rater` and
        `margin_of_first`.
        """
        ids = self.rows.astype({c: object for c in self._id_columns() if c in self.rows})
        names = (("scorer", "score", self.scores), ("rater", "label", self.labels))
        if self.kind == "preference":
            margin = "margin_of_first"
            names = (("scorer", margin, self.scores), ("rater", margin, self.labels))
        long = [
            ids.assign(**{who: name, what: values})
            for who, what, frame in names
            for name, values in frame.items()
        ]
        return pd.concat(long or [ids], ignore_index=True)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical table, independent of the order of files, rows and scorers."""
        settings = (self.kind, self.label_epsilon, self.shared_items)
        digest = hashlib.sha256(f"{type(self).__name__} {settings} {sorted(self.keys)}".encode())
        table = self.canonical
        for frame in (table.rows, table.scores, table.labels):
            for name in sorted(frame.columns):
                digest.update(f"\x1e{name}\x1f".encode())
                digest.update(canonical.column_bytes(frame[name]))
        return digest.hexdigest()

    def counts(self) -> dict[str, int]:
        """Return the numbers of items, rows, tasks, clusters, systems, scorers and labels."""
        counts = {"items": self.n_items, "rows": len(self)}
        for column in ("task", "cluster", "system"):
            if column in self.rows:
                counts[f"{column}s"] = int(self.rows[column].nunique())
        return counts | {
            "scorers": self.scores.shape[1],
            "labels": self.labels.shape[1],
            "holes": int(self.scores.isna().to_numpy().sum()),
        }

    def __repr__(self) -> str:
        """One line with the counts."""
        return f"<{type(self).__name__}: {', '.join(counts_in_words(self.counts()))}>"

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th>{_COUNT_NAMES.get(k, k)}</th><td>{n}</td></tr>"
            for k, n in self.counts().items()
        )
        names = html.escape(join_names(self.scorers, 12))
        return (
            f"<table><caption>{type(self).__name__}</caption>{cells}"
            f"<tr><th>names</th><td>{names}</td></tr></table>"
        )


def counts_in_words(counts: Mapping[str, int]) -> list[str]:
    """Counts with their names, singular where they are 1.

    >>> counts_in_words({"items": 2, "labels": 1, "holes": 0})
    ['2 items', '1 label', '0 missing scores']
    """
    names = {key: _COUNT_NAMES.get(key, key).replace("_", " ") for key in counts}
    return [
        f"{n} {names[key].removesuffix('s') if n == 1 else names[key]}" for key, n in counts.items()
    ]
