"""Responses and Pairs: scores and labels on common rows."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, MetaevalError, did_you_mean
from metaeval.tables.alignment_report import Alignment, align
from metaeval.tables.base import MISSING as MISSING, BaseTable
from metaeval.tables.derived import of_valid_frames
from metaeval.tables.pairing import form_pairs, join_frames
from metaeval.tables.swapped_pairs import swap_order
from metaeval.tables.text_columns import TEXT


class _Reported(BaseTable):
    """A table that reports on itself."""

    @cached_property
    def alignment(self) -> Alignment:
        """Counts, missing values and oddities."""
        return align(self)


class Responses(_Reported):
    """A table whose rows are responses to items: system outputs or candidates.

    See `BaseTable` for the parameters. A row is identified by `task`, `item`, `response` (if
    absent: `system`) and the columns in `keys`.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"item": [1, 1, 2, 2], "system": ["a", "b", "a", "b"]})
    >>> scores = pd.DataFrame({"m": [0.1, 0.4, 0.3, 0.2]})
    >>> Responses(rows, scores, pd.DataFrame({"human": [1.0, 2, 2, 1]}))
    <Responses: 2 items, 4 rows, 2 systems, 1 scorer, 1 label, 0 missing scores>
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
        """Id of a response within its item: `response`, else `system`, else its position."""
        for name in ("response", "system"):
            if name in self.rows:
                return self.rows[name]
        number = self.rows.groupby(["item"], observed=True).cumcount()
        return pd.Series(pd.Categorical(number.astype(TEXT)), index=self.rows.index)

    @cached_property
    def kind(self) -> Literal["rating", "correct"]:
        """Whether the labels are ratings or correctness, as given or inferred.

        Correctness is inferred only if all labels are 0 or 1, every item has both, and fewer than
        two systems answer all items (candidates rather than a crossed design).
        """
        if self.label_kind is not None:
            return "correct" if self.label_kind == "correct" else "rating"
        return "correct" if _looks_like_candidates(self) else "rating"

    def pairs(self, label_epsilon: float | None = None) -> Pairs:
        """All pairs of responses to the same item, with margins and preferences.

        The margin is the score of the first minus that of the second; the preference is the sign of
        the difference of their labels, 0 if it is at most `label_epsilon`. Pairs of responses with
        equal *correctness* are not formed. Pairs are in canonical order.

        Parameters
        ----------
        label_epsilon : float, optional
            Labels that differ by at most this are tied; by default the value of the table.

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
        """The pairs with unrounded margins, for rank statistics, which compare scores."""
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
                "to_xarray needs a crossed design with one row for each item and system; use "
                "to_frame() for this table."
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
    [-1, 1]: 1 if the first is better, -1 if the second is, 0 for ties. Unless `ordered` is true,
    pairs are swapped so that `first` comes before `second` as text; results do not depend on it.

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
        """Check the invariants of pairs, then those of all tables."""
        for column in ("first", "second"):
            if column not in self.rows:
                hint = did_you_mean(column, self.rows.columns)
                raise MetaevalError(
                    f"Pairs need the columns 'first' and 'second'; {column!r} is missing.{hint}"
                )
        super().__post_init__()

    def _check_labels(self) -> None:
        super()._check_labels()
        if (self.labels.abs() > 1 + ROUNDOFF).any(axis=None):
            raise MetaevalError(
                "Preferences must lie between -1 (second better) and 1 (first better). Convert "
                "probabilities p that the first is better to 2p - 1."
            )
        object.__setattr__(
            self, "labels", self.labels.clip(-1, 1)
        )  # sums of proportions are rounded

    def _orient(
        self, rows: pd.DataFrame, scores: pd.DataFrame, labels: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        first, second = (
            rows[name].astype(TEXT).to_numpy(dtype=object) for name in ("first", "second")
        )
        if (first == second).any():
            row = int(np.flatnonzero(first == second)[0])
            raise MetaevalError(
                f"A pair needs two different responses; item {rows['item'].iloc[row]!r} pairs "
                f"{first[row]!r} with itself."
            )
        if self.ordered:
            return rows, scores, labels
        return swap_order(rows, scores, labels, first > second)

    def _identity(self, rows: pd.DataFrame) -> list[str]:
        names = dict.fromkeys(("task", "item", "first", "second", "order", *self.keys))
        return [name for name in names if name in rows]

    @property
    def kind(self) -> Literal["preference"]:
        """Kind of the labels: preferences."""
        return "preference"

    def pairs(self, label_epsilon: float | None = None) -> Pairs:
        """Return the table itself, whose rows are pairs.

        Parameters
        ----------
        label_epsilon : float, optional
            Labels that differ by at most this are tied; by default the value of the table.
        """
        return self if label_epsilon is None else self.replace(label_epsilon=label_epsilon)

    @property
    def exact_pairs(self) -> Pairs:
        """The table itself, whose margins are unrounded."""
        return self

    def join(self, other: Pairs) -> Pairs:
        """Return a table with the scorers and labels of this and another table of pairs.

        Rows are matched by task, item, first, second and further keys, and by the order of
        presentation if both tables have it. Pairs in only one table are kept, with NaN for the
        scorers of the other.

        Parameters
        ----------
        other : Pairs
            A table whose scorers have other names.

        Raises
        ------
        MetaevalError
            If a scorer is in both tables, or no pair is in both.
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
    return of_valid_frames(Pairs, table, *frames, label_epsilon).canonical


def _looks_like_candidates(table: Responses) -> bool:
    values = table.labels.to_numpy()
    if not values.size or not np.isin(values[~np.isnan(values)], (0.0, 1.0)).all():
        return False
    by_item = table.labels.mean(axis=1).groupby(table.item_codes)
    has_both = (by_item.min() == 0) & (by_item.max() == 1)
    if not has_both[by_item.count() > 0].all() or not has_both.any():
        return False
    if "system" not in table.rows:
        return True
    answered = table.rows.assign(item=table.item_codes).groupby("system", observed=True)["item"]
    return int((answered.nunique() == table.n_items).sum()) < 2


Table = Responses | Pairs


def require_table(table: Any) -> Table:
    """Return the table in canonical order, so that results do not depend on row order.

    Anything else, such as a frame or a path, is refused.
    """
    if not isinstance(table, Responses | Pairs):
        raise MetaevalError(
            f"Expected a Responses or Pairs table, got {type(table).__name__}. Convert it with "
            "metaeval.read_scores(..., labels=...) or metaeval.Responses(...)."
        )
    return table.canonical
