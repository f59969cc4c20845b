"""Responses and Pairs: scores beside labels, one shape with two kinds of row.

Everything that the rest of the library relies on is checked here, once, when a table is made.
"""

from __future__ import annotations

import dataclasses
import hashlib
import html
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd

from metaeval import canonical
from metaeval.arrays import Bools, Codes
from metaeval.checks import check_not_negative, check_one_of, listed, near_miss, require_known
from metaeval.errors import MetaevalError

if TYPE_CHECKING:
    from metaeval.alignment import Alignment


LABEL_KINDS = ("rating", "correct", "preference")
MISSING = ("common", "pairwise", "error", "wrong")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class _Table:
    """Rows, scores and labels on one shared index, in canonical order.

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
    exchangeable : bool, default False
        The label columns are raters on one scale, who may be averaged.
    shared_items : bool, default False
        An item of one task is the same item in the others (aspects of one response).
    ordered : bool, default False
        Pairs only: `first` was shown first, and that means something.
    missing : {"common", "pairwise", "error", "wrong"}
        The policy that verbs use unless they are told otherwise.
    flipped : tuple of str
        Columns whose sign was turned so that higher is better.
    notes : tuple of str
        What the reader did: columns mapped, rows dropped, values coerced.
    """

    rows: pd.DataFrame
    scores: pd.DataFrame
    labels: pd.DataFrame
    keys: tuple[str, ...] = ()
    label_kind: str | None = None
    label_epsilon: float = 0.0
    exchangeable: bool = False
    shared_items: bool = False
    ordered: bool = False
    missing: str = "common"
    flipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    _row_ids: ClassVar[tuple[str, ...]] = ()
    _what: ClassVar[str] = "table"

    def __post_init__(self) -> None:
        """Check every invariant and put rows and scorers in canonical order."""
        check_one_of("missing", self.missing, MISSING)
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
        named = any(name in rows for name in self._row_ids)
        order = canonical.row_order(
            rows, self._order_columns(rows), () if named else (scores, labels)
        )
        for name, frame in (("rows", rows), ("scores", scores), ("labels", labels)):
            frame = frame.take(order).reset_index(drop=True)
            object.__setattr__(self, name, frame if name == "rows" else frame.sort_index(axis=1))
        canonical.require_unique_rows(self.rows, self._identity(self.rows), self.keys)
        canonical.require_nested(self.rows, self._item_columns, "cluster")
        if self.label_kind == "correct":
            canonical.require_zero_or_one(self.labels)

    # What differs between the two kinds of row.
    def _orient(
        self, rows: pd.DataFrame, scores: pd.DataFrame, labels: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        return rows, scores, labels

    def _id_columns(self) -> tuple[str, ...]:
        return ("task", "item", "cluster", "system", "response", *self._row_ids, *self.keys)

    def _identity(self, rows: pd.DataFrame) -> list[str]:
        raise NotImplementedError

    def _order_columns(self, rows: pd.DataFrame) -> list[str]:
        names = ("task", "item", *self._row_ids, *self.keys)
        return [name for name in names if name in rows]

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

    def select(self, **equal_to: object) -> Self:
        """Rows whose columns have the given values.

        Parameters
        ----------
        **equal_to
            Column = value, or = a list of values. Ids are compared as text.

        Raises
        ------
        MetaevalError
            If there is no such column, or no row is left.

        Examples
        --------
        >>> from metaeval import load_example
        >>> load_example().select(task="news").n_items
        40
        """
        keep = np.ones(len(self), dtype=bool)
        for column, wanted in equal_to.items():
            require_known("column", column, list(self.rows.columns))
            values = wanted if isinstance(wanted, list | tuple | set) else [wanted]
            is_id = isinstance(self.rows[column].dtype, pd.CategoricalDtype)
            keep &= self.rows[column].isin([str(v) for v in values] if is_id else values).to_numpy()
        if not keep.any():
            given = ", ".join(f"{k}={v!r}" for k, v in equal_to.items())
            known = {k: listed(pd.unique(self.rows[k]), 5) for k in equal_to}
            raise MetaevalError(f"No row has {given}; values there are {known}.")
        return self.keep_rows(keep)

    def keep_rows(self, keep: Bools) -> Self:
        """Rows where `keep` (row,) is true, as a new table."""
        return self.replace(
            rows=self.rows[keep], scores=self.scores[keep], labels=self.labels[keep]
        )

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, checked again."""
        return dataclasses.replace(self, **changes)

    def with_scorer(self, name: str, scores: object) -> Self:
        """Return the table with one more scorer.

        Parameters
        ----------
        name : str
            Its name; must be new.
        scores : Series, or array of shape (row,)
            A Series indexed by columns of `rows` (say `item` and `system`) is joined by them;
            an array, or a Series with the index of `rows`, is taken in the order of `rows`.

        Raises
        ------
        MetaevalError
            If the name is taken or the scores do not fit the rows.

        Examples
        --------
        >>> from metaeval import load_example
        >>> table = load_example()
        >>> "copy" in table.with_scorer("copy", table.scores["judge"]).scorers
        True
        """
        if name in self.scores or name in self.labels:
            raise MetaevalError(
                f"There is a scorer or label {name!r} already; choose another name."
            )
        values = canonical.scores_by_row(self.rows, scores, name)
        return self.replace(scores=self.scores.assign(**{name: values}))

    def drop_scorers(self, *names: str) -> Self:
        """Return the table without some scorers."""
        for name in names:
            require_known("scorer", name, self.scorers)
        return self.replace(scores=self.scores.drop(columns=list(names)))

    def keep_scorers(self, names: list[str]) -> Self:
        """Return the table with only the named scorers."""
        for name in names:
            require_known("scorer", name, self.scorers)
        return self.replace(scores=self.scores[names])

    def keep_labels(self, names: list[str]) -> Self:
        """Return the table with only the named labels."""
        for name in names:
            require_known("label", name, list(self.labels.columns))
        return self.replace(labels=self.labels[names])

    def map_scores(self, function: Callable[[pd.Series], pd.Series]) -> Self:
        """Return the table with `function` applied to the column of each scorer."""
        return self.replace(scores=self.scores.apply(function))

    def to_frame(self) -> pd.DataFrame:
        """Long frame: the columns of `rows`, then `scorer` and `score`; raters are scorers too."""
        wide = pd.concat([self.rows, self.scores, self.labels], axis=1)
        ids = list(self.rows.columns)
        return wide.melt(id_vars=ids, var_name="scorer", value_name="score")

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical table: the same for any order of files, rows and scorers."""
        digest = hashlib.sha256(type(self).__name__.encode())
        for frame in (self.rows, self.scores, self.labels):
            for name in sorted(frame.columns):
                digest.update(f"\x1e{name}\x1f".encode())
                digest.update(canonical.column_bytes(frame[name]))
        return digest.hexdigest()

    @cached_property
    def alignment(self) -> Alignment:
        """What was read, what is missing and what looks odd."""
        from metaeval.alignment import align

        return align(self)  # type: ignore[arg-type]

    def _counts(self) -> dict[str, int]:
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
        counts = ", ".join(f"{n} {what}" for what, n in self._counts().items())
        return f"<{type(self).__name__}: {counts}>"

    def _repr_html_(self) -> str:
        cells = "".join(f"<tr><th>{k}</th><td>{n}</td></tr>" for k, n in self._counts().items())
        names = html.escape(listed(self.scorers, 12))
        return (
            f"<table><caption>{type(self).__name__}</caption>{cells}"
            f"<tr><th>names</th><td>{names}</td></tr></table>"
        )


class Responses(_Table):
    """A table whose rows are responses to items: system outputs or candidates.

    See the fields of the table for the parameters. A row is identified by `task`, `item`,
    `response` (where it is missing: `system`) and the columns named in `keys`.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"item": [1, 1, 2, 2], "system": ["a", "b", "a", "b"]})
    >>> scores = pd.DataFrame({"m": [0.1, 0.4, 0.3, 0.2]})
    >>> Responses(rows, scores, pd.DataFrame({"human": [1.0, 2, 2, 1]}))
    <Responses: 2 items, 4 rows, 2 systems, 1 scorers, 1 labels, 0 holes>
    """

    _row_ids = ("response", "system")
    _what = "Responses"

    def _identity(self, rows: pd.DataFrame) -> list[str]:
        who = "response" if "response" in rows else "system"
        if who not in rows:
            return []
        return [name for name in ("task", "item", who, *self.keys) if name in rows]

    @property
    def response_ids(self) -> pd.Series:
        """What names a response within its item: `response`, else `system`, else its place."""
        for name in ("response", "system"):
            if name in self.rows:
                return self.rows[name]
        place = self.rows.groupby(["item"], observed=True).cumcount()
        return pd.Series(pd.Categorical(place.astype(str)), index=self.rows.index)

    @cached_property
    def kind(self) -> Literal["rating", "correct"]:
        """Whether the labels are ratings or correctness, as said or as assumed.

        Correctness is assumed only where all labels are 0 or 1, every item has both, and fewer
        than two systems answer all items (candidates, not a grid of systems).
        """
        if self.label_kind is not None:
            return "correct" if self.label_kind == "correct" else "rating"
        return "correct" if _looks_like_candidates(self) else "rating"

    def pairs(self, label_epsilon: float | None = None) -> Pairs:
        """All pairs of responses to one item, with margins and preferences.

        The margin is the score of the first less that of the second; the preference is the sign
        of the difference of their labels, 0 where it is at most `label_epsilon`. Two responses
        with equal *correctness* are not tied: such pairs are not formed.

        Parameters
        ----------
        label_epsilon : float, optional
            Labels that differ by no more are tied; the table's own value where it is not given.

        Raises
        ------
        MetaevalError
            If no item has two responses.

        Examples
        --------
        >>> from metaeval import load_example
        >>> len(load_example().pairs().rows)
        1200
        """
        from metaeval.pairing import pairs_of

        if label_epsilon is None or label_epsilon == self.label_epsilon:
            return self._pairs
        return pairs_of(self, label_epsilon)

    @cached_property
    def _pairs(self) -> Pairs:
        from metaeval.pairing import pairs_of

        return pairs_of(self, self.label_epsilon)

    @cached_property
    def exact_pairs(self) -> Pairs:
        """The pairs with margins as they are, not rounded: for ranks, which compare scores."""
        from metaeval.pairing import pairs_of

        return pairs_of(self, self.label_epsilon, exact=True)

    def to_xarray(self) -> Any:
        """Return an xarray Dataset: `score` (scorer, system, item), `label` (rater, system, item).

        Raises
        ------
        MetaevalError
            If item and system do not identify a row.
        """
        import xarray as xr

        index = [name for name in ("task", "item", "system", *self.keys) if name in self.rows]
        if "system" not in index or self.rows.duplicated(index).any():
            raise MetaevalError(
                "to_xarray needs a crossed design, one row for each item and system; "
                "this table has none: use to_frame()."
            )
        by = pd.MultiIndex.from_frame(self.rows[index].astype(str))
        parts = {}
        for name, dim, frame in (("score", "scorer", self.scores), ("label", "rater", self.labels)):
            if frame.shape[1]:
                long = frame.set_axis(by).rename_axis(columns=dim).stack(future_stack=True)
                parts[name] = xr.DataArray.from_series(long)
        return xr.Dataset(parts)


class Pairs(_Table):
    """A table whose rows are pairs of responses to one item.

    `rows` has `first` and `second` (response ids); scores are margins, labels are preferences in
    [-1, 1]: 1 where the first is better, -1 where the second is, 0 where they are tied. Unless
    `ordered` is true, the pair is turned so that `first` comes before `second` as text, and
    turning it round changes no number.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"item": [1, 2], "first": ["b", "a"], "second": ["a", "b"]})
    >>> pairs = Pairs(rows, pd.DataFrame({"m": [0.5, -1.0]}), pd.DataFrame({"human": [1.0, 0.0]}))
    >>> pairs.scores["m"].tolist()
    [-0.5, -1.0]
    """

    _row_ids = ("first", "second", "order")
    _what = "Pairs"

    def __post_init__(self) -> None:
        """Check what is special to pairs, then all the rest."""
        for column in ("first", "second"):
            if column not in self.rows:
                hint = near_miss(column, self.rows.columns)
                raise MetaevalError(f"Pairs need the columns 'first' and 'second'.{hint}")
        super().__post_init__()
        if (self.labels.abs() > 1).any(axis=None):
            raise MetaevalError(
                "Preferences lie between -1 (second better) and 1 (first better); found values "
                "outside. Probabilities p that the first is better become 2p - 1."
            )

    def _orient(
        self, rows: pd.DataFrame, scores: pd.DataFrame, labels: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        from metaeval.pairing import turned

        first, second = (
            rows[name].astype(str).to_numpy(dtype=object) for name in ("first", "second")
        )
        if (first == second).any():
            row = int(np.flatnonzero(first == second)[0])
            raise MetaevalError(
                f"A pair needs two responses; item {rows['item'].iloc[row]!r} pairs "
                f"{first[row]!r} with itself."
            )
        if self.ordered:
            return rows, scores, labels
        return turned(rows, scores, labels, first > second)

    def _identity(self, rows: pd.DataFrame) -> list[str]:
        names = ("task", "item", "first", "second", "order", *self.keys)
        return [name for name in names if name in rows]

    @property
    def kind(self) -> Literal["preference"]:
        """Labels of pairs are preferences."""
        return "preference"

    def pairs(self, label_epsilon: float | None = None) -> Pairs:
        """Return the table itself: its rows are pairs already."""
        return self if label_epsilon is None else self.replace(label_epsilon=label_epsilon)

    @property
    def exact_pairs(self) -> Pairs:
        """The table itself: its margins are as they were given."""
        return self

    def join(self, other: Pairs) -> Pairs:
        """Put the scorers and labels of another table of pairs beside these.

        Rows are matched by task, item, first, second and further keys, and by the order of
        presentation where both tables have it. Pairs that only one of the two has are kept,
        with NaN for the other's scorers.

        Raises
        ------
        MetaevalError
            If a scorer is in both tables, or no pair is.
        """
        from metaeval.pairing import joined

        return joined(self, other)


def _looks_like_candidates(table: Responses) -> bool:
    values = table.labels.to_numpy()
    if not values.size or not np.isin(values[~np.isnan(values)], (0.0, 1.0)).all():
        return False
    by_item = table.labels.mean(axis=1).groupby(table.item_codes)
    both = (by_item.min() == 0) & (by_item.max() == 1)
    if not both[by_item.count() > 0].all() or not both.any():
        return False
    if "system" not in table.rows:
        return True
    answered = table.rows.assign(item=table.item_codes).groupby("system", observed=True)["item"]
    return int((answered.nunique() == table.n_items).sum()) < 2


def empty_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """No columns on the index of `rows`."""
    return pd.DataFrame(index=rows.index)


Table = Responses | Pairs
Options = Mapping[str, Any]
