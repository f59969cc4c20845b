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
from metaeval.readers.matching.hints import repeats_cure, varying_columns
from metaeval.tables import TEXT


def ids_of(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """Return ids as Categoricals, by name; `item`, `task` and `cluster` must not be null."""
    text = bool(frame.attrs.get("text"))
    strict = ("item", "task", "cluster", "first", "second")
    return {
        name: id_column(frame[name], name, text=text, null=name not in strict)
        for name in names
        if name in frame
    }


def raters_apart(
    frame: pd.DataFrame, found: Mapping[str, str]
) -> tuple[pd.DataFrame, Mapping[str, str]]:
    """Convert scores with a rater to labels: `human` of rater `r1` becomes `human/r1`."""
    if not {"scorer", "score", "rater"} <= set(found) or "label" in found:
        return frame, found
    text, attrs = frame["rater"].astype(object).where(frame["rater"].notna(), ""), frame.attrs
    rated = text.astype(TEXT) != ""
    frame = frame.assign(
        rater=(frame["scorer"].astype(TEXT) + "/" + text.astype(TEXT)).where(rated, ""),
        label=frame["score"].astype(object).where(rated, None),
        scorer=frame["scorer"].astype(object).where(~rated, ""),
        score=frame["score"].astype(object).where(~rated, None),
    )
    frame.attrs = attrs
    return frame, {**found, "label": "score"}


class Rows:
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
        self._others = frame, {*roles, *ids}
        self._values = dict(values or {})
        key = combine_codes([column.codes for column in self.ids.values()])
        self.row, uniques = pd.factorize(key)
        self.n = len(uniques)
        self.first = np.zeros(self.n, dtype=np.int64)
        self.first[self.row[::-1]] = np.arange(len(key))[::-1]

    def named(self) -> dict[str, Any]:
        """Return the ids of the rows, by name, without numbers that only distinguish rows."""
        return {name: column[self.first] for name, column in self.ids.items() if name}

    def spread(
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
        place = self.row[at] * len(columns) + names.codes
        often = np.bincount(place, minlength=1)[place] > 1
        if often.any() and not mean:
            named = sorted({columns[code] for code in names.codes[often]})
            raise self._repeated(named, at, often, place, dict([value]) if value else self._values)
        wide = np.full(self.n * len(columns), np.nan)
        wide[place] = _means(place, values) if often.any() else values
        return dict(zip(columns, wide.reshape(self.n, len(columns)).T, strict=True))

    def place(
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
                    column[self.row] = _means(self.row, values)
                elif not (repeats and same.all()):
                    raise self._twice(list(columns))
            wide[name] = column
        return wide

    def _twice(self, names: list[str]) -> MetaevalError:
        """Build the error for repeated rows."""
        often = np.bincount(self.row)[self.row] > 1
        at = np.arange(len(self.row))
        frame, _ = self._others
        varying = [] if frame is None else varying_columns(frame, self.row, self._values)
        return self._repeated(varying or names, at, often, self.row, self._values)

    def _repeated(
        self, names: list[str], at: Codes, often: Bools, place: Codes, values: dict[str, bool]
    ) -> MetaevalError:
        """Build the error for records `at`, some of which (`often`) share a cell."""
        _, some = np.unique(np.where(often, place, -1), return_index=True)
        some = np.sort(some[often[some]])
        frame, roles = self._others
        cure = ""
        if frame is not None:
            cure = repeats_cure(
                frame.iloc[at],
                place,
                often,
                skip=roles - {"cluster"},
                values=values,
                pairs=self.pairs,
                long=bool(roles & {"scorer"}) and not any(values.values()),
                average=not self.pairs,
            )
        mean = "" if self.pairs else ", or average them: repeats='mean' (--repeats mean)"
        cure = cure or f"No column distinguishes them: remove the duplicates{mean}."
        ids = {name: column for name, column in self.ids.items() if name}
        return MetaevalError(
            f"{self.source} has several values of {join_names(names, 5)} for one row, at "
            f"{len(some)} rows ({', '.join(ids)}): {format_ids(ids, at[some], 3)}. {cure}"
        )

    def attributes(self, ids: Mapping[str, Any]) -> tuple[dict[str, pd.Series], list[str]]:
        """Return ids (cell,) that are constant within rows, and notes on those excluded."""
        return self._single((name, pd.Series(c.astype(object))) for name, c in ids.items())

    def covariates(
        self, frame: pd.DataFrame, names: Sequence[str]
    ) -> tuple[dict[str, pd.Series], list[str]]:
        """Return covariates that are constant within rows, and notes on those excluded."""
        text = bool(frame.attrs.get("text"))
        return self._single((name, covariate(frame[name], text=text)) for name in names)

    def _single(
        self, columns: Iterable[tuple[str, pd.Series | None]]
    ) -> tuple[dict[str, pd.Series], list[str]]:
        kept: dict[str, pd.Series] = {}
        notes = []
        for name, column in columns:
            if column is None:
                notes.append(f"{self.source}: {name} excluded: texts and lists are not kept")
                continue
            values, torn = collapse(column, self.row, self.n)
            if torn.any():
                notes.append(f"{self.source}: {name} excluded: it varies within a row")
            else:
                kept[name] = values
        return kept, notes


def _means(groups: Codes, values: Floats) -> Floats:
    """Return the mean of the non-missing values of the group of each cell: (cell,)."""
    there = ~np.isnan(values)
    total = np.bincount(groups, weights=np.where(there, values, 0.0))
    count = np.bincount(groups, weights=there)
    with np.errstate(invalid="ignore"):
        return np.asarray((total / count)[groups])
