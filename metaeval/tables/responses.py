"""Responses and Pairs: scores beside labels, one shape with two kinds of row."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, MetaevalError, near_miss
from metaeval.tables.alignment_report import Alignment, align
from metaeval.tables.base import MISSING as MISSING, BaseTable
from metaeval.tables.pairing import form_pairs, join_frames
from metaeval.tables.swapped_pairs import turned
from metaeval.tables.text_columns import TEXT


class _Reported(BaseTable):
    """A table that reports on itself."""

    @cached_property
    def alignment(self) -> Alignment:
        """What was read, what is missing and what looks odd."""
        return align(self)


class Responses(_Reported):
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
        return [n for n in dict.fromkeys(("task", "item", who, *self.keys)) if n in rows]

    @property
    def response_ids(self) -> pd.Series:
        """What names a response within its item: `response`, else `system`, else its place."""
        for name in ("response", "system"):
            if name in self.rows:
                return self.rows[name]
        place = self.rows.groupby(["item"], observed=True).cumcount()
        return pd.Series(pd.Categorical(place.astype(TEXT)), index=self.rows.index)

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
        with equal *correctness* are not tied: such pairs are not formed. Pairs are in canonical
        order.

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
        if label_epsilon is None or label_epsilon == self.label_epsilon:
            return self.canonical._pairs
        return _pairs_of(self.canonical, label_epsilon)

    @cached_property
    def _pairs(self) -> Pairs:
        return _pairs_of(self, self.label_epsilon)

    @cached_property
    def exact_pairs(self) -> Pairs:
        """The pairs with margins as they are, not rounded: for ranks, which compare scores."""
        return _pairs_of(self.canonical, self.label_epsilon, exact=True)

    def to_xarray(self) -> Any:
        """Return an xarray Dataset: `score` (scorer, system, item), `label` (rater, system, item).

        Raises
        ------
        MetaevalError
            If item and system do not identify a row.
        """
        import xarray as xr

        if self.canonical is not self:
            return self.canonical.to_xarray()
        index = [name for name in ("task", "item", "system", *self.keys) if name in self.rows]
        if "system" not in index or self.rows.duplicated(index).any():
            raise MetaevalError(
                "to_xarray needs a crossed design, one row for each item and system; "
                "this table has none: use to_frame()."
            )
        by = pd.MultiIndex.from_frame(self.rows[index].astype(TEXT))
        parts = {}
        for name, dim, frame in (("score", "scorer", self.scores), ("label", "rater", self.labels)):
            if frame.shape[1]:
                long = frame.set_axis(by).rename_axis(columns=dim).stack(future_stack=True)
                parts[name] = xr.DataArray.from_series(long)
        return xr.Dataset(parts)


class Pairs(_Reported):
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
    of_pairs = True

    def __post_init__(self) -> None:
        """Check what is special to pairs, then all the rest."""
        for column in ("first", "second"):
            if column not in self.rows:
                hint = near_miss(column, self.rows.columns)
                raise MetaevalError(f"Pairs need the columns 'first' and 'second'.{hint}")
        super().__post_init__()
        if (self.labels.abs() > 1 + ROUNDOFF).any(axis=None):
            raise MetaevalError(
                "Preferences lie between -1 (second better) and 1 (first better); found values "
                "outside. Probabilities p that the first is better become 2p - 1."
            )
        object.__setattr__(self, "labels", self.labels.clip(-1, 1))  # sums of shares are rounded

    def _orient(
        self, rows: pd.DataFrame, scores: pd.DataFrame, labels: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        first, second = (
            rows[name].astype(TEXT).to_numpy(dtype=object) for name in ("first", "second")
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
        names = dict.fromkeys(("task", "item", "first", "second", "order", *self.keys))
        return [name for name in names if name in rows]

    @property
    def kind(self) -> Literal["preference"]:
        """Labels of pairs are preferences."""
        return "preference"

    def pairs(self, label_epsilon: float | None = None) -> Pairs:
        """Return the table itself: its rows are pairs already.

        Parameters
        ----------
        label_epsilon : float, optional
            Labels that differ by no more are tied; the table's own value where it is not given.
        """
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

        Parameters
        ----------
        other : Pairs
            A table whose scorers have other names.

        Raises
        ------
        MetaevalError
            If a scorer is in both tables, or no pair is.
        """
        return self.replace(**join_frames(self, other))


def _pairs_of(table: Responses, label_epsilon: float, exact: bool = False) -> Pairs:
    frames = form_pairs(
        table,
        table.response_ids,
        correct=table.kind == "correct",
        label_epsilon=label_epsilon,
        exact=exact,
    )
    return Pairs(
        *frames,
        keys=table.keys,
        label_epsilon=label_epsilon,
        average_raters=table.average_raters,
        shared_items=table.shared_items,
        sharing_assumed=table.sharing_assumed,
        missing=table.missing,
        notes=table.notes,
        warnings=table.warnings,
    ).canonical


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


Table = Responses | Pairs


def require_table(table: Any) -> Table:
    """Return the table in canonical order, so that the order of its rows changes no number.

    What is not a table, such as the frame or the path that one is read from, is refused.
    """
    if not isinstance(table, Responses | Pairs):
        raise MetaevalError(
            f"A {type(table).__name__} is not a table; read it first: read_scores(...) or "
            "Responses(...)."
        )
    return table.canonical
