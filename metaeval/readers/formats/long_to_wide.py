"""From long to wide: a row per response or pair, a column per scorer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import Bools, MetaevalError, join_names
from metaeval.readers.cells.numbers_and_ids import (
    Codes,
    Floats,
    collapse,
    combine_codes,
    covariate,
    format_ids,
    id_column,
)
from metaeval.readers.files.frame_origin import origin_of
from metaeval.readers.matching.hints import repeats_advice, varying_columns
from metaeval.tables import TEXT


def ids_of(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """Return ids as Categoricals, by name; `item`, `task` and `cluster` must not be null."""
    text = origin_of(frame).text
    strict = ("item", "task", "cluster", "first", "second")
    return {
        name: id_column(frame[name], name, text=text, null=name not in strict)
        for name in names
        if name in frame
    }


def separate_raters(
    frame: pd.DataFrame, role_columns: Mapping[str, str]
) -> tuple[pd.DataFrame, Mapping[str, str]]:
    """Convert scores with a rater to labels: `human` of rater `r1` becomes `human/r1`."""
    if not {"scorer", "score", "rater"} <= set(role_columns) or "label" in role_columns:
        return frame, role_columns
    raters, attrs = frame["rater"].astype(object).where(frame["rater"].notna(), ""), frame.attrs
    rated = raters.astype(TEXT) != ""
    frame = frame.assign(
        rater=(frame["scorer"].astype(TEXT) + "/" + raters.astype(TEXT)).where(rated, ""),
        label=frame["score"].astype(object).where(rated, None),
        scorer=frame["scorer"].astype(object).where(~rated, ""),
        score=frame["score"].astype(object).where(~rated, None),
    )
    frame.attrs = attrs
    return frame, {**role_columns, "label": "score"}


class LongRecords:
    """The rows of a wide table, and the row of each record (cell,) of a long one.

    Parameters
    ----------
    ids : mapping
        Categoricals (cell,) that together identify a row.
    source : str
        Name of the file in messages.
    frame : DataFrame, optional
        The whole file, whose other columns may distinguish records that share a row.
    roles : collection of str
        Columns of the file that have a role.
    values : mapping of str to bool
        Columns of values, and whether these are labels.
    pairs : bool
        Whether a row is a pair.
    """

    def __init__(
        self,
        ids: Mapping[str, Any],
        source: str,
        *,
        frame: pd.DataFrame | None = None,
        roles: Collection[str] = (),
        values: Mapping[str, bool] | None = None,
        pairs: bool = False,
    ) -> None:
        self.ids = dict(ids)
        self.source = source
        self.pairs = pairs
        self._file_and_roles = frame, {*roles, *ids}
        self._values = dict(values or {})
        key = combine_codes([column.codes for column in self.ids.values()])
        self.row, uniques = pd.factorize(key)
        self.n = len(uniques)
        self.first = np.zeros(self.n, dtype=np.int64)
        self.first[self.row[::-1]] = np.arange(len(key))[::-1]

    def row_ids(self) -> dict[str, Any]:
        """Return the ids of the rows, by name, without numbers that only distinguish rows."""
        return {name: column[self.first] for name, column in self.ids.items() if name}

    def pivot(
        self,
        names: Any,
        values: Floats,
        *,
        at: Codes | None = None,
        mean: bool = False,
        value: tuple[str, bool] | None = None,
    ) -> dict[str, Floats]:
        """Arrange values (cell,) in a column per name; raise for repeated cells.

        `at` (cell,) are the records of the values, all by default. With `mean`, repeated cells are
        averaged. `value` is the column that contains all values, and whether they are labels; by
        default each name is a column.
        """
        columns = [str(name) for name in names.categories]
        at = np.arange(len(self.row)) if at is None else at
        cell = self.row[at] * len(columns) + names.codes
        is_repeated = np.bincount(cell, minlength=1)[cell] > 1
        if is_repeated.any() and not mean:
            repeated_names = sorted({columns[code] for code in names.codes[is_repeated]})
            raise self._repeated_values_error(
                repeated_names, at, is_repeated, cell, dict([value]) if value else self._values
            )
        wide = np.full(self.n * len(columns), np.nan)
        wide[cell] = _group_means(cell, values) if is_repeated.any() else values
        return dict(zip(columns, wide.reshape(self.n, len(columns)).T, strict=True))

    def arrange(
        self, columns: Mapping[str, Floats], *, repeats: bool, mean: bool
    ) -> dict[str, Floats]:
        """Arrange columns of values (cell,) by rows; raise for repeated rows.

        With `repeats`, equal values of one row are merged; with `mean`, values are averaged.
        """
        wide = {}
        for name, values in columns.items():
            column = np.full(self.n, np.nan)
            column[self.row[::-1]] = values[::-1]
            if self.n < len(self.row):
                same = (values == column[self.row]) | (
                    np.isnan(values) & np.isnan(column[self.row])
                )
                if mean:
                    column[self.row] = _group_means(self.row, values)
                elif not (repeats and same.all()):
                    raise self._repeated_rows_error(list(columns))
            wide[name] = column
        return wide

    def _repeated_rows_error(self, names: list[str]) -> MetaevalError:
        """Build the error for repeated rows."""
        is_repeated = np.bincount(self.row)[self.row] > 1
        at = np.arange(len(self.row))
        frame, _ = self._file_and_roles
        varying = [] if frame is None else varying_columns(frame, self.row, self._values)
        return self._repeated_values_error(
            varying or names, at, is_repeated, self.row, self._values
        )

    def _repeated_values_error(
        self, names: list[str], at: Codes, is_repeated: Bools, cell: Codes, values: dict[str, bool]
    ) -> MetaevalError:
        """Build the error for records `at`, some of which (`is_repeated`) share a cell."""
        _, examples = np.unique(np.where(is_repeated, cell, -1), return_index=True)
        examples = np.sort(examples[is_repeated[examples]])
        frame, roles = self._file_and_roles
        advice = ""
        if frame is not None:
            advice = repeats_advice(
                frame.iloc[at],
                cell,
                is_repeated,
                skip=roles - {"cluster"},
                values=values,
                pairs=self.pairs,
                long=bool(roles & {"scorer"}) and not any(values.values()),
                average=not self.pairs,
            )
        mean = "" if self.pairs else ", or average them: repeats='mean' (--repeats mean)"
        advice = advice or f"No column distinguishes them: remove the duplicates{mean}."
        ids = {name: column for name, column in self.ids.items() if name}
        return MetaevalError(
            f"{self.source} has several values of {join_names(names, 5)} for each of "
            f"{len(examples)} rows ({', '.join(ids)}): {format_ids(ids, at[examples], 3)}. "
            f"{advice}"
        )

    def attributes(self, ids: Mapping[str, Any]) -> tuple[dict[str, pd.Series], list[str]]:
        """Return ids (cell,) that are constant within rows, and notes on those excluded."""
        return self._constant_columns(
            (name, pd.Series(c.astype(object))) for name, c in ids.items()
        )

    def covariates(
        self, frame: pd.DataFrame, names: Sequence[str]
    ) -> tuple[dict[str, pd.Series], list[str]]:
        """Return covariates that are constant within rows, and notes on those excluded."""
        text = origin_of(frame).text
        return self._constant_columns((name, covariate(frame[name], text=text)) for name in names)

    def _constant_columns(
        self, columns: Iterable[tuple[str, pd.Series | None]]
    ) -> tuple[dict[str, pd.Series], list[str]]:
        constant: dict[str, pd.Series] = {}
        notes = []
        for name, column in columns:
            if column is None:
                notes.append(
                    f"{self.source}: {name} excluded: columns of texts or lists are not kept"
                )
                continue
            values, is_varying = collapse(column, self.row, self.n)
            if is_varying.any():
                notes.append(f"{self.source}: {name} excluded: its values differ within a row")
            else:
                constant[name] = values
        return constant, notes


def _group_means(groups: Codes, values: Floats) -> Floats:
    """Return the mean of the non-missing values of the group of each cell: (cell,)."""
    present = ~np.isnan(values)
    total = np.bincount(groups, weights=np.where(present, values, 0.0))
    count = np.bincount(groups, weights=present)
    with np.errstate(invalid="ignore"):
        return np.asarray((total / count)[groups])
