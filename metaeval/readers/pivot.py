"""From long to wide: a row per response or pair, a column per scorer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from metaeval.checks import listed
from metaeval.errors import MetaevalError
from metaeval.readers.values import Codes, Floats, collapse, combined, covariate, id_column, shown


def ids_of(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """Ids of a frame as Categoricals, by name; `item`, `task` and `cluster` must not be null."""
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
    """Make labels of the scores that have a rater: `human` of rater `r1` becomes `human/r1`."""
    if not {"scorer", "score", "rater"} <= set(found) or "label" in found:
        return frame, found
    text, attrs = frame["rater"].astype(object).where(frame["rater"].notna(), ""), frame.attrs
    rated = text.astype(str) != ""
    frame = frame.assign(
        rater=(frame["scorer"].astype(str) + "/" + text.astype(str)).where(rated, ""),
        label=frame["score"].astype(object).where(rated, None),
        scorer=frame["scorer"].astype(object).where(~rated, ""),
        score=frame["score"].astype(object).where(~rated, None),
    )
    frame.attrs = attrs
    return frame, {**found, "label": "score"}


class Rows:
    """Which row of a wide table each record (cell,) of a long one belongs to.

    Parameters
    ----------
    ids : mapping
        Categoricals (cell,) that identify a row together.
    source : str
        What to call the file in messages.
    """

    def __init__(self, ids: Mapping[str, Any], source: str) -> None:
        self.ids = dict(ids)
        self.source = source
        key = combined([column.codes for column in self.ids.values()])
        self.row, uniques = pd.factorize(key)
        self.n = len(uniques)
        self.first = np.zeros(self.n, dtype=np.int64)
        self.first[self.row[::-1]] = np.arange(len(key))[::-1]

    def frame(self) -> pd.DataFrame:
        """Ids of the rows."""
        return pd.DataFrame({name: column[self.first] for name, column in self.ids.items()})

    def spread(
        self, names: Any, values: Floats, *, at: Codes | None = None, repeats: bool = False
    ) -> pd.DataFrame:
        """Values (cell,) in a column per name; a cell that is there twice is an error.

        `at` (cell,) are the records that the values belong to, all of them by default. With
        `repeats`, cells of one row that repeat the same value are one.
        """
        columns = [str(name) for name in names.categories]
        at = np.arange(len(self.row)) if at is None else at
        place = self.row[at] * len(columns) + names.codes
        _, kept, found = np.unique(place, return_index=True, return_inverse=True)
        if len(kept) < len(place):
            same = (values == values[kept][found]) | np.isnan(values) & np.isnan(
                values[kept][found]
            )
            if not (repeats and same.all()):
                raise self._repeated(columns, names.codes, place, found, at)
        wide = np.full(self.n * len(columns), np.nan)
        wide[place] = values
        return pd.DataFrame(wide.reshape(self.n, len(columns)), columns=columns)

    def _repeated(
        self, columns: list[str], codes: Codes, place: Codes, found: Codes, at: Codes
    ) -> MetaevalError:
        often = np.bincount(found)[found] > 1
        _, some = np.unique(np.where(often, place, -1), return_index=True)
        some = np.sort(some[often[some]])
        names = sorted({columns[code] for code in codes[some]})
        keys = shown(self.ids, at[some])
        return MetaevalError(
            f"{self.source} has several values of {listed(names, 5)} for one row, at {len(some)} "
            f"rows ({', '.join(self.ids)}): {keys}. Remove the duplicates, or name the column that "
            f"tells them apart, such as keys=['rep'] or response='candidate'."
        )

    def attributes(self, ids: Mapping[str, Any]) -> tuple[pd.DataFrame, list[str]]:
        """Ids (cell,) that have one value in each row, and notes on those left out."""
        return self._single((name, pd.Series(c.astype(object))) for name, c in ids.items())

    def covariates(
        self, frame: pd.DataFrame, names: Sequence[str]
    ) -> tuple[pd.DataFrame, list[str]]:
        """Columns that have one value in each row, and notes on those left out."""
        text = bool(frame.attrs.get("text"))
        return self._single((name, covariate(frame[name], text=text)) for name in names)

    def _single(
        self, columns: Iterable[tuple[str, pd.Series | None]]
    ) -> tuple[pd.DataFrame, list[str]]:
        kept, notes = {}, []
        for name, column in columns:
            if column is None:
                notes.append(f"{self.source}: {name} is left out, texts are not kept")
                continue
            values, torn = collapse(column, self.row, self.n)
            if torn.any():
                notes.append(f"{self.source}: {name} is left out, it varies within a row")
            else:
                kept[name] = values
        return pd.DataFrame(kept, index=pd.RangeIndex(self.n)), notes
