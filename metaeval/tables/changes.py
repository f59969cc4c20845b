"""What a table offers to select and to change: every change is a new table, checked again."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from metaeval.core import Bools, MetaevalError, listed, require_known
from metaeval.tables import aligned_values, canonical

FRAMES = ("rows", "scores", "labels")


class Unchanged(Enum):
    """The default of an argument that changes a field: the field stays as it is."""

    UNCHANGED = "unchanged"

    def __repr__(self) -> str:
        """What `help` shows."""
        return "unchanged"


UNCHANGED = Unchanged.UNCHANGED


class Changing(ABC):
    """Selection and change of the frames of a table, of which this knows no more than it says."""

    rows: pd.DataFrame
    scores: pd.DataFrame
    labels: pd.DataFrame
    ordered: bool

    of_pairs: ClassVar[bool] = False  # rows may be swapped, and their values then negated

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
            keep &= (
                self.rows[column]
                .isin(list(map(canonical.id_text, values)) if is_id else values)
                .to_numpy()
            )
        if not keep.any():
            given = ", ".join(f"{k}={v!r}" for k, v in equal_to.items())
            known = {k: listed(pd.unique(self.rows[k]), 5) for k in equal_to}
            raise MetaevalError(f"No row has {given}; values there are {known}.")
        return self.keep_rows(keep)

    def keep_rows(self, keep: Bools | pd.Series) -> Self:
        """Rows where `keep` (row,) is true, as a new table.

        Parameters
        ----------
        keep : Series or array of bool
            A Series has the index of `table.rows`, as what is computed from the frames of the table
            has, or ids as in `with_scorer`; an array is in the order of `table.rows`.

        Raises
        ------
        MetaevalError
            If `keep` is not one truth value for each row, or is of another table.
        """
        if isinstance(keep, pd.Series):
            keep = self._aligned(keep, "keep")["keep"].to_numpy()
        keep = np.asarray(keep)
        if keep.dtype != bool or keep.shape != (len(self),):
            raise MetaevalError(
                f"keep must be one True or False for each of the {len(self)} rows; it has the "
                f"shape {keep.shape} and the type {keep.dtype}."
            )
        return self.replace(
            rows=self.rows[keep], scores=self.scores[keep], labels=self.labels[keep]
        )

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
        """Return a copy with some fields changed, checked again.

        Parameters
        ----------
        rows, scores, labels : DataFrame, optional
            Aligned with the rows of the table by ids or by their index, as in `with_scorer`; all
            three together make new rows. Of `rows` that are aligned by ids, the other columns are
            added to those of the table.
        keys : tuple of str, optional
            Columns of `rows` that identify a row besides those that always do.
        label_kind : {"rating", "correct", "preference", None}, optional
            What the labels are; None works it out from the data.
        label_epsilon : float, optional
            Labels that differ by no more than this are tied.
        average_raters : bool, optional
            The label columns are raters on one scale, whose mean is the label.
        shared_items : bool or None, optional
            Whether tasks share their items; None works it out from the data.
        ordered : bool, optional
            Pairs only: `first` was shown first, and that means something.
        missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
            The policy that verbs use unless they are told otherwise.
        flipped : tuple of str, optional
            Columns whose sign was reversed; the values stay as they are.
        notes, warnings : tuple of str, optional
            What the reader did, and what looked wrong.
        sharing_assumed : bool, optional
            Whether `shared_items` was worked out; False where `shared_items` is given.

        Raises
        ------
        MetaevalError
            If the fields do not go together, or values cannot be aligned with the rows.

        Examples
        --------
        >>> from metaeval import load_example
        >>> load_example().replace(label_epsilon=0.5).label_epsilon
        0.5
        """
        given = {
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
        changes = {k: value for k, value in given.items() if not isinstance(value, Unchanged)}
        if "shared_items" in changes:
            changes.setdefault("sharing_assumed", False)
        frames = [name for name in FRAMES if name in changes]
        if len(frames) < len(FRAMES):
            changes |= {name: self._aligned_field(name, changes[name]) for name in frames}
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
            Its name; must be new.
        scores : Series or DataFrame
            Indexed by id columns of `rows` (say `item` and `system`; a frame may have them as
            columns), or by the index of `rows` itself, as what is computed from `table.scores`
            is. A bare array or list is refused: nothing says in which order its values are.

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
            raise MetaevalError(
                f"There is a scorer or label {name!r} already; choose another name."
            )
        values = _one_column(self._aligned(scores, name), name, "scores")
        return self.replace(scores=pd.concat([self.scores, values], axis=1))

    def with_covariate(self, name: str, values: object) -> Self:
        """Return the table with a column of `rows` added or replaced.

        Parameters
        ----------
        name : str
            Its name. Of pairs, a name that ends in `_delta` is that of a difference, first less
            second, and is negated where the pair is turned.
        values : Series or DataFrame
            Indexed by id columns of `rows` (say `item` and `system`; a frame may have them as
            columns), or by the index of `rows` itself. NaN where no value has the ids of a row.

        Raises
        ------
        MetaevalError
            If the name is that of an id of rows, a scorer or a label, or the values cannot be
            aligned with the rows.

        Notes
        -----
        `table.rows.assign(x=series)` aligns by the labels of pandas: a Series with the numbers
        0, 1, ... of another file is taken in the order of that file, without a word. Here it is
        refused.

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
            If what it returns does not have the index of the column, nor ids as in `with_scorer`.
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
            f"{name!r} needs one column of {what}; it has {listed(frame.columns) or 'none'}."
        )
    return frame.set_axis([name], axis=1)
