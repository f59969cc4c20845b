"""Selection and modification of tables; each returns a new, validated table."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from metaeval.core import Bools, MetaevalError, join_names, require_known
from metaeval.tables import aligned_values, canonical
from metaeval.tables.derived import on_same_rows, on_some_rows

FRAMES = ("rows", "scores", "labels")
_OF_ROWS = frozenset(("rows", "keys", "shared_items", "ordered"))  # fields that define them


class Unchanged(Enum):
    """Default of arguments that replace a field: the field is unchanged."""

    UNCHANGED = "unchanged"

    def __repr__(self) -> str:
        """Shown by `help`."""
        return "unchanged"


UNCHANGED = Unchanged.UNCHANGED


class Changing(ABC):
    """Mixin for selection and modification of the frames of a table."""

    rows: pd.DataFrame
    scores: pd.DataFrame
    labels: pd.DataFrame
    ordered: bool

    of_pairs: ClassVar[bool] = False  # rows may be swapped, which negates their values

    @abstractmethod
    def _identity(self, rows: pd.DataFrame) -> list[str]:
        """Columns that identify a row."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""

    @property
    @abstractmethod
    def scorers(self) -> list[str]:
        """Names of the scorers."""

    def select(self, **equal_to: object) -> Self:
        """Rows with given values in some columns.

        Parameters
        ----------
        **equal_to
            Column = value or list of values. Ids are compared as text.

        Raises
        ------
        MetaevalError
            If a column does not exist, or no row matches.

        Examples
        --------
        >>> from metaeval import load_example
        >>> load_example().select(task="news").n_items
        40
        """
        keep = np.ones(len(self), dtype=bool)
        for column, values in equal_to.items():
            require_known("column", column, list(self.rows.columns))
            allowed = values if isinstance(values, list | tuple | set) else [values]
            is_id = isinstance(self.rows[column].dtype, pd.CategoricalDtype)
            keep &= (
                self.rows[column]
                .isin(list(map(canonical.id_text, allowed)) if is_id else allowed)
                .to_numpy()
            )
        if not keep.any():
            query = ", ".join(f"{k}={v!r}" for k, v in equal_to.items())
            present = {k: join_names(pd.unique(self.rows[k]), 5) for k in equal_to}
            raise MetaevalError(f"No row has {query}; available values: {present}.")
        return self.keep_rows(keep)

    def keep_rows(self, keep: Bools | pd.Series) -> Self:
        """Rows where `keep` (row,) is true, as a new table.

        Parameters
        ----------
        keep : Series or array of bool
            A Series has the index of `table.rows`, as do values computed from its frames, or ids as
            in `with_scorer`; an array is in the order of `table.rows`.

        Raises
        ------
        MetaevalError
            If `keep` is not one boolean for each row, or belongs to another table.
        """
        if isinstance(keep, pd.Series):
            keep = self._aligned(keep, "keep")["keep"].to_numpy()
        keep = np.asarray(keep)
        if keep.dtype != bool or keep.shape != (len(self),):
            raise MetaevalError(
                f"keep must be a boolean array of shape ({len(self)},), one value for each row; "
                f"got shape {keep.shape} and dtype {keep.dtype}."
            )
        if not keep.any():
            raise MetaevalError("keep is false for all rows; expected at least one row to keep.")
        return on_some_rows(self, keep)  # type: ignore[type-var]

    def replace(
        self,
        *,
        rows: pd.DataFrame | Unchanged = UNCHANGED,
        scores: pd.DataFrame | Unchanged = UNCHANGED,
        labels: pd.DataFrame | Unchanged = UNCHANGED,
        keys: tuple[str, ...] | Unchanged = UNCHANGED,
        label_kind: str | Unchanged | None = UNCHANGED,
        label_epsilon: float | Unchanged = UNCHANGED,
        average_raters: bool | Unchanged = UNCHANGED,
        shared_items: bool | Unchanged | None = UNCHANGED,
        ordered: bool | Unchanged = UNCHANGED,
        missing: str | Unchanged = UNCHANGED,
        flipped: tuple[str, ...] | Unchanged = UNCHANGED,
        notes: tuple[str, ...] | Unchanged = UNCHANGED,
        warnings: tuple[str, ...] | Unchanged = UNCHANGED,
        sharing_assumed: bool | Unchanged = UNCHANGED,
    ) -> Self:
        """Return a validated copy with some fields replaced.

        Parameters
        ----------
        rows, scores, labels : DataFrame, optional
            Aligned with the rows of the table by ids or by index, as in `with_scorer`; all three
            together define new rows. If `rows` are aligned by ids, their other columns are added to
            those of the table.
        keys : tuple of str, optional
            Additional columns of `rows` that identify a row.
        label_kind : {"rating", "correct", "preference", None}, optional
            Kind of the labels; None infers it from the data.
        label_epsilon : float, optional
            Labels that differ by at most this are tied.
        average_raters : bool, optional
            Whether the label columns are raters on one scale, whose mean is the label.
        shared_items : bool or None, optional
            Whether tasks share their items; None infers it from the data.
        ordered : bool, optional
            Pairs only: `first` was presented first, and order matters.
        missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
            Default policy for missing scores.
        flipped : tuple of str, optional
            Columns that were negated; values are not changed.
        notes, warnings : tuple of str, optional
            Actions of the reader, and probable errors.
        sharing_assumed : bool, optional
            Whether `shared_items` was inferred; False if `shared_items` is given.

        Raises
        ------
        MetaevalError
            If the fields are inconsistent, or values cannot be aligned with the rows.

        Examples
        --------
        >>> from metaeval import load_example
        >>> load_example().replace(label_epsilon=0.5).label_epsilon
        0.5
        """
        arguments = {
            "rows": rows,
            "scores": scores,
            "labels": labels,
            "keys": keys,
            "label_kind": label_kind,
            "label_epsilon": label_epsilon,
            "average_raters": average_raters,
            "shared_items": shared_items,
            "ordered": ordered,
            "missing": missing,
            "flipped": flipped,
            "notes": notes,
            "warnings": warnings,
            "sharing_assumed": sharing_assumed,
        }
        changes = {k: value for k, value in arguments.items() if not isinstance(value, Unchanged)}
        if "shared_items" in changes:
            changes.setdefault("sharing_assumed", False)
        frames = [name for name in FRAMES if name in changes]
        if len(frames) < len(FRAMES):
            changes |= {name: self._aligned_field(name, changes[name]) for name in frames}
        if _OF_ROWS.isdisjoint(changes) and self._identity(self.rows):
            return on_same_rows(self, changes)  # type: ignore[type-var]
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def _aligned_field(self, name: str, frame: object) -> pd.DataFrame:
        if frame is getattr(self, name):
            return getattr(self, name)
        if name != "rows":
            return self._aligned(frame, name)
        if isinstance(frame, pd.DataFrame) and aligned_values.is_of_table(self.rows, frame):
            return self._aligned(frame, name)
        added = self._aligned(frame, name, covariates=True)
        return self.rows.assign(**{str(column): added[column] for column in added})

    def _aligned(self, values: object, name: str, covariates: bool = False) -> pd.DataFrame:
        turns = bool(self.of_pairs and not self.ordered)
        identity = self._identity(self.rows)
        return aligned_values.aligned(self.rows, values, name, identity, turns, covariates)

    def with_scorer(self, name: str, scores: object) -> Self:
        """Return the table with one more scorer.

        Parameters
        ----------
        name : str
            Name of the scorer; must be new.
        scores : Series or DataFrame
            Indexed by id columns of `rows` (such as `item` and `system`; a frame may have them as
            columns), or by the index of `rows`, as are values computed from `table.scores`. An
            array or list is refused, because the order of its values is unknown.

        Raises
        ------
        MetaevalError
            If the name is taken, or the scores cannot be aligned with the rows.

        Examples
        --------
        >>> from metaeval import load_example
        >>> table = load_example()
        >>> "copy" in table.with_scorer("copy", table.scores["judge"]).scorers
        True
        """
        if name in self.scores or name in self.labels:
            raise MetaevalError(f"{name!r} is already a scorer or label; choose another name.")
        values = _one_column(self._aligned(scores, name), name, "scores")
        return self.replace(scores=pd.concat([self.scores, values], axis=1))

    def with_covariate(self, name: str, values: object) -> Self:
        """Return the table with a covariate, a column of `rows`, added or replaced.

        Parameters
        ----------
        name : str
            Name of the covariate. In pairs, a name that ends in `_delta` denotes a difference,
            first minus second, and is negated if the pair is swapped.
        values : Series or DataFrame
            Indexed by id columns of `rows` (such as `item` and `system`; a frame may have them as
            columns), or by the index of `rows`. NaN for rows without a value.

        Raises
        ------
        MetaevalError
            If the name is that of an id, a scorer or a label, or the values cannot be aligned with
            the rows.

        Notes
        -----
        `table.rows.assign(x=series)` aligns by pandas labels: a Series with the default index of
        another file is silently used in the order of that file. Here it is refused.

        Examples
        --------
        >>> import pandas as pd
        >>> from metaeval import load_example
        >>> table = load_example()
        >>> text = pd.Series(table.rows["item"].unique(), name="item")
        >>> words = pd.Series(range(len(text)), index=text)
        >>> "words" in table.with_covariate("words", words).rows
        True
        """
        if name in self._identity(self.rows) or name in self.scores or name in self.labels:
            raise MetaevalError(f"{name!r} is an id, a scorer or a label; choose another name.")
        values = values.rename(name) if isinstance(values, pd.Series) else values
        column = _one_column(self._aligned(values, name, covariates=True), name, "values")
        return self.replace(rows=self.rows.assign(**{name: column[name]}))

    def drop_scorers(self, *names: str) -> Self:
        """Return the table without some scorers.

        Parameters
        ----------
        *names : str
            Scorers of the table.
        """
        for name in names:
            require_known("scorer", name, self.scorers)
        return self.replace(scores=self.scores.drop(columns=list(names)))

    def keep_scorers(self, names: list[str]) -> Self:
        """Return the table with only the named scorers.

        Parameters
        ----------
        names : list of str
            Scorers of the table, in the order in which they are kept.
        """
        for name in names:
            require_known("scorer", name, self.scorers)
        return self.replace(scores=self.scores[names])

    def keep_labels(self, names: list[str]) -> Self:
        """Return the table with only the named labels.

        Parameters
        ----------
        names : list of str
            Label columns of the table, in the order in which they are kept.
        """
        for name in names:
            require_known("label", name, list(self.labels.columns))
        return self.replace(labels=self.labels[names])

    def map_scores(self, function: Callable[[pd.Series], pd.Series]) -> Self:
        """Return the table with `function` applied to the column of each scorer.

        Parameters
        ----------
        function : callable
            Takes the scores of one scorer, a Series, and returns as many values.

        Raises
        ------
        MetaevalError
            If its result has neither the index of the column nor ids as in `with_scorer`.
        """
        mapped = {name: self._mapped(function(self.scores[name]), name) for name in self.scorers}
        return self.replace(scores=pd.DataFrame(mapped, index=self.scores.index))

    def _mapped(self, values: object, name: str) -> pd.Series:
        if isinstance(values, np.ndarray) and values.shape == (len(self),):
            values = pd.Series(values, index=self.scores.index)
        return self._aligned(values, name).iloc[:, 0]


def _one_column(frame: pd.DataFrame, name: str, what: str) -> pd.DataFrame:
    if frame.shape[1] != 1:
        raise MetaevalError(
            f"{name!r} must have one column of {what}, got {join_names(frame.columns) or 'none'}."
        )
    return frame.set_axis([name], axis=1)
