"""What tables of responses and of pairs have in common: invariants, selection, fingerprint.

Everything that the rest of the library relies on is checked here, once, when a table is made.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import html
from abc import abstractmethod
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from metaeval.core import (
    Codes,
    MetaevalError,
    check_not_negative,
    check_one_of,
    listed,
    require_column,
)
from metaeval.tables import aligned_values, canonical
from metaeval.tables.changes import FRAMES, Changing
from metaeval.tables.shared_items import sharing_of
from metaeval.tables.text_columns import TEXT

LABEL_KINDS = ("rating", "correct", "preference")
MISSING = ("common", "pairwise", "error", "count_as_wrong")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class BaseTable(Changing):
    """Rows, scores and labels on one shared index, in the order in which the rows came.

    The index of the three frames holds places, under a name that tells the ids of the rows and
    their order, so that what is computed from them can be handed back to this table and to no
    other. Numbers do not depend on the order of the rows: whatever computes from a table takes
    `canonical`, the same table with its rows sorted by their ids as text.

    Parameters
    ----------
    rows : DataFrame
        `item` (required), and where they exist `task`, `cluster`, `system`, `response`, further
        key columns and covariates.
    scores : DataFrame
        One column per scorer, higher is better; NaN where a scorer said nothing.
    labels : DataFrame
        One column per rater, higher is better; NaN where a rater said nothing.
    keys : tuple of str
        Columns of `rows` that identify a row besides those that always do.
    label_kind : {"rating", "correct", "preference"}, optional
        What the labels are; worked out from the data where it is not said.
    label_epsilon : float, default 0
        Labels that differ by no more than this are tied.
    average_raters : bool, default False
        The label columns are raters on one scale, who may be averaged.
    shared_items : bool, optional
        Whether an item of one task is the same item in the others (aspects of one response). Where
        it is not given, it is inferred: tasks share their items if they have the same ids of items
        and responses, unless their values are clearly uncorrelated; results then say so first.
    ordered : bool, default False
        Pairs only: `first` was shown first, and that means something.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, default "common"
        The policy that verbs use unless they are told otherwise.
    flipped : tuple of str
        Columns whose sign was turned so that higher is better.
    notes : tuple of str
        What the reader did: columns mapped, rows dropped, values coerced.
    warnings : tuple of str
        What looked wrong when it was read; stands before everything else.
    sharing_assumed : bool, default False
        `shared_items` was not given, and tasks have the same ids.
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
        """Check every invariant; rows stay in the order in which they came."""
        check_one_of("missing", self.missing, MISSING)
        object.__setattr__(self, "keys", (self.keys,) if isinstance(self.keys, str) else self.keys)
        for key in self.keys:
            require_column(self.rows.columns, key, purpose=f"{self._what} with keys={self.keys!r}")
        check_one_of("label_kind", self.label_kind, (None, *LABEL_KINDS))
        check_not_negative("label_epsilon", self.label_epsilon)
        canonical.require_shared_index(self.rows, self.scores, self.labels)
        rows = canonical.id_columns(
            self.rows, self._id_columns(), self._identity(self.rows), what=self._what
        )
        scores = canonical.numbers(self.scores, what="scores")
        labels = canonical.numbers(self.labels, what="labels")
        both = [name for name in scores.columns if name in set(labels.columns)]
        if both:
            raise MetaevalError(f"{listed(both)} is both a scorer and a label; rename one of them.")
        rows, scores, labels = self._orient(rows, scores, labels)
        index = aligned_values.row_index(len(rows), self._identifying(rows, scores, labels))
        for name, frame in (("rows", rows), ("scores", scores), ("labels", labels)):
            frame = frame.set_axis(index)
            object.__setattr__(self, name, frame if name == "rows" else frame.sort_index(axis=1))
        canonical.require_unique_rows(self.rows, self._identity(self.rows))
        self._settle_sharing()
        canonical.require_nested(self.rows, self._item_columns, "cluster")
        if self.label_kind == "correct":
            canonical.require_zero_or_one(self.labels)

    def _identifying(
        self, rows: pd.DataFrame, scores: pd.DataFrame, labels: pd.DataFrame
    ) -> dict[str, pd.Series]:
        """What identifies the rows: their ids; without ids of responses, columns and labels too."""
        identity = self._identity(rows)
        if identity:
            return {name: rows[name] for name in identity}
        values = labels if labels.shape[1] else scores
        return dict(pd.concat([rows, values.sort_index(axis=1)], axis=1).items())

    def _settle_sharing(self) -> None:
        """Whether tasks share their items, as was said or as ids say."""
        if self.shared_items is None:
            identity = self._identity(self.rows)
            found = sharing_of(self.rows, identity, self.scores, self.labels)
            object.__setattr__(self, "shared_items", found.shared)
            object.__setattr__(self, "sharing_assumed", found.assumed)

    # What differs between the two kinds of row.
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
        """What the labels are."""

    def _order_columns(self, rows: pd.DataFrame) -> list[str]:
        names = ("task", "item", *self._row_ids, *self.keys)
        return [name for name in names if name in rows]

    @cached_property
    def canonical(self) -> Self:
        """The same table with its rows in canonical order: by their ids as text.

        Rows that no response or system tells apart are sorted by their values too. This is the
        order in which everything is computed, whatever order the rows came in.
        """
        order = self.canonical_places
        if (np.diff(order) == 1).all():
            return self
        made = copy.copy(self)
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in FRAMES:
            fields[name] = fields[name].take(order)
        index = aligned_values.row_index(
            len(fields["rows"]), self._identifying(*(fields[name] for name in FRAMES))
        )
        fields |= {name: fields[name].set_axis(index) for name in FRAMES}
        made.__dict__.clear()
        made.__dict__.update(fields, canonical=made)
        return made

    @cached_property
    def canonical_places(self) -> Codes:
        """Places of the rows in canonical order: `rows.iloc[places]` are those of `canonical`."""
        named = any(name in self.rows for name in self._row_ids)
        by = self._order_columns(self.rows)
        rest = self.rows.drop(columns=by)
        values = () if named else (self.scores, self.labels, rest)
        return canonical.row_order(self.rows, by, values)

    @property
    def _item_columns(self) -> list[str]:
        local = "task" in self.rows and not self.shared_items
        return ["task", "item"] if local else ["item"]

    # What every table offers.
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
        """Ids of the items in canonical order: (item,), by task where items are local to it."""
        first = np.unique(self.item_codes, return_index=True)[1]
        return pd.MultiIndex.from_frame(self.rows[self._item_columns].iloc[first].astype(object))

    @property
    def n_items(self) -> int:
        """Number of items, the atoms of resampling."""
        return int(self.item_codes.max()) + 1

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def to_frame(self) -> pd.DataFrame:
        """Long frame: the columns of `rows`, then `scorer` and `score`; raters are scorers too.

        Columns of `rows` that are called so themselves become `scorer_in_rows`, `score_in_rows`.
        """
        values = pd.concat([self.scores, self.labels], axis=1)
        taken = {name: f"{name}_in_rows" for name in ("scorer", "score")}
        place = np.tile(np.arange(len(self)), values.shape[1])
        long = self.rows.rename(columns=taken).take(place).reset_index(drop=True)
        names = pd.Series(np.repeat(np.asarray(values.columns, dtype=object), len(self)))
        return long.assign(
            scorer=names.astype(TEXT), score=values.to_numpy(dtype=np.float64).ravel(order="F")
        )

    def to_tidy(self) -> pd.DataFrame:
        """Long frame that `read` takes for the same table.

        Columns `scorer` and `score`, `rater` and `label`; of pairs `scorer`, `rater` and
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
        """SHA-256 of the canonical table: the same for any order of files, rows and scorers."""
        said = (self.kind, self.label_epsilon, self.shared_items)
        digest = hashlib.sha256(f"{type(self).__name__} {said} {sorted(self.keys)}".encode())
        table = self.canonical
        for frame in (table.rows, table.scores, table.labels):
            for name in sorted(frame.columns):
                digest.update(f"\x1e{name}\x1f".encode())
                digest.update(canonical.column_bytes(frame[name]))
        return digest.hexdigest()

    def counts(self) -> dict[str, int]:
        """Return how many items, rows, tasks, clusters, systems, scorers and labels there are."""
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
        """Counts in one line."""
        counts = ", ".join(f"{n} {what}" for what, n in self.counts().items())
        return f"<{type(self).__name__}: {counts}>"

    def _repr_html_(self) -> str:
        cells = "".join(f"<tr><th>{k}</th><td>{n}</td></tr>" for k, n in self.counts().items())
        names = html.escape(listed(self.scorers, 12))
        return (
            f"<table><caption>{type(self).__name__}</caption>{cells}"
            f"<tr><th>names</th><td>{names}</td></tr></table>"
        )
