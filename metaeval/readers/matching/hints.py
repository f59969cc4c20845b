"""Advice where several values belong to one row: every remedy, likeliest first."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from metaeval.core import Bools, Codes, MetaevalError, join_names
from metaeval.readers.cells.verdict_words import are_sides
from metaeval.readers.columns.aliases import IDS, ROLES, column_hint, is_known_name, plain_name
from metaeval.readers.columns.joined_ids import outer_first
from metaeval.readers.files.frame_origin import origin_of
from metaeval.tables import TEXT

_PERSON = re.compile("rater|worker|annotat|user|person|coder|assessor|human", re.IGNORECASE)
_RUN = re.compile("seed|run|trial|repeat|repetition|attempt|sample|fold|epoch", re.IGNORECASE)
_ASPECT = re.compile("aspect|dimension|criteri|quality|attribute|categor|task", re.IGNORECASE)
_SET = re.compile("dataset|corpus|benchmark|subset|split|lang|domain|genre|source", re.IGNORECASE)
_TEXT = re.compile(
    "doc|article|passage|page|story|dialog|conversation|session|chapter", re.IGNORECASE
)
_RESPONSE = re.compile(
    "sample|candidate|response|answer|completion|generat|output|idx|index|system|model|policy|lm$",
    re.IGNORECASE,
)
_MOST_COLUMNS = 50  # columns that are inspected, which bounds the time
_LONGEST = 60  # characters; longer cells are texts, not ids
_CHANCE = 0.001  # if scores would be distinct within rows this rarely, whole numbers are ids


def distinguishing_columns(
    frame: pd.DataFrame,
    row: Codes,
    repeated: Bools,
    skip: Collection[str],
    values: Mapping[str, bool],
) -> list[str]:
    """Return the columns that distinguish the records (cell,) of every repeated row.

    Parameters
    ----------
    frame : DataFrame
        All columns of the file.
    row : array (cell,)
        Index of the row of each record.
    repeated : array (cell,)
        Mask of records that share their row with another.
    skip : collection of str
        Columns that have a role already.
    values : mapping of str to bool
        Columns read as scores, or as labels (True); numbers of raters and runs may be among them.
    """
    at = np.flatnonzero(repeated)
    columns = []
    for name in [str(c) for c in frame if str(c) not in skip][:_MOST_COLUMNS]:
        if name in values and (values[name] or _has_fractions(frame[name])):
            continue
        cells = frame[name].iloc[at]
        if cells.isna().any() or any(
            isinstance(v, list | dict | np.ndarray) for v in cells.head(3)
        ):
            continue
        texts = cells.astype(TEXT)
        # Distinct in every row of a long file: an id of records, or a continuous score.
        if texts.str.len().max() > _LONGEST or texts.nunique() == len(frame) > 20:
            continue
        if name in values and not _may_number(texts, row[at]):
            continue
        if not pd.DataFrame({"row": row[at], "text": texts.to_numpy()}).duplicated().any():
            columns.append((name in values, int(texts.nunique()), name))
    return [name for *_, name in sorted(columns)]


def _has_fractions(column: pd.Series) -> bool:
    if not pd.api.types.is_float_dtype(column.dtype):
        return False
    values = column.to_numpy(dtype=float, na_value=np.nan)
    return bool((values != np.round(values))[~np.isnan(values)].any())


def _may_number(texts: pd.Series, row: Codes) -> bool:
    """Return whether whole numbers look like ids: as scores, some would coincide within a row."""
    if not texts.str.fullmatch(r"\d+(\.0)?").all():
        return False
    _, counts = np.unique(row, return_counts=True)
    meetings = float((counts * (counts - 1) / 2).sum())
    by_chance = (1 - 1 / max(texts.nunique(), 1)) ** meetings
    name = str(texts.name)
    return bool(by_chance < _CHANCE or _PERSON.search(name) or _RUN.fullmatch(name))


def unnamed_responses_warning(
    frame: pd.DataFrame, row: Codes, *, skip: Collection[str], values: Mapping[str, bool]
) -> list[str]:
    """Return a warning if the rows of an item (cell,) may be raters, runs or prompts.

    Parameters
    ----------
    frame, row
        As in `distinguishing_columns`.
    skip : collection of str
        Columns that have a role already, or are declared as scorers.
    values : mapping of str to bool
        Columns of scores, and of labels (True).
    """
    repeated = np.bincount(row)[row] > 1
    numbers = dict.fromkeys(map(str, frame.select_dtypes("number")), False) | dict(values)
    distinguishing = (
        distinguishing_columns(frame, row, repeated, skip, numbers) if repeated.any() else []
    )
    distinguishing = [
        n for n in distinguishing if frame[n].astype(TEXT).nunique() <= len(frame) / 2
    ]
    if not distinguishing:
        return []
    column = distinguishing[0]
    remaining = {name: kind for name, kind in values.items() if name not in distinguishing}
    varying = varying_columns(frame, row, remaining) or list(remaining) or [column]
    cures = _remedies(column, varying, remaining, pairs=False, long=False)
    cures["runs"] = _average_runs(
        [c for c in remaining if not remaining[c]] if column in values else []
    )
    cures["responses"] = f"if it names systems or responses, use {column_hint(system=column)}"
    also = f" {column} is read as a scorer." if column in values else ""
    return [
        "no column identifies the responses, so the rows of an item are read as different "
        f"responses.{also} The column {column!r} distinguishes them: "
        f"{_list_remedies(column, values, cures)}"
    ]


def repeats_advice(
    frame: pd.DataFrame,
    row: Codes,
    repeated: Bools,
    *,
    skip: Collection[str],
    values: Mapping[str, bool],
    pairs: bool,
    long: bool,
    average: bool,
) -> str:
    """Return what to type for repeated records (cell,), likeliest first; "" if no column helps.

    Parameters
    ----------
    frame, row, repeated, skip
        As in `distinguishing_columns`.
    values : mapping of str to bool
        Columns of values, and whether these are labels.
    pairs, long, average : bool
        Whether rows are pairs, a column names the scorers already, and repeats can be averaged.
    """
    distinguishing = distinguishing_columns(frame, row, repeated, skip, values)
    if not distinguishing:
        return ""
    if "cluster" in distinguishing:
        column, nesting = _original_name(frame, "cluster"), _combined_ids_hint(frame, "cluster")
        meaning = f"if items are numbered separately within {nesting}"
        return f"The column {column!r} distinguishes them: {meaning}."
    column = distinguishing[0]
    remaining = {name: kind for name, kind in values.items() if name not in distinguishing}
    varying = varying_columns(frame, row, remaining) or list(remaining) or [column]
    cures = _remedies(column, varying, remaining, pairs=pairs, long=long)
    if "item" in frame and (_is_of_items(column) or len({remaining.get(v) for v in varying}) == 2):
        cures["items"] = (
            f"if items are numbered separately within {_combined_ids_hint(frame, column)}"
        )
    if average:
        cures["runs"] = _average_runs(
            [c for c in remaining if not remaining[c]] if column in values else []
        )
    rest = (
        f" ({join_names(distinguishing[1:], 3)} would do so too)" if len(distinguishing) > 1 else ""
    )
    return (
        f"The column {column!r} distinguishes them{rest}: {_list_remedies(column, values, cures)}."
    )


def _is_of_items(name: str) -> bool:
    """Return whether a column has a name of ids, or of units within which items are numbered."""
    aliases = {plain_name(alias) for alias in IDS["item"]}
    return bool(_SET.search(name) or _TEXT.search(name) or plain_name(name) in aliases)


def _combined_ids_hint(frame: pd.DataFrame, column: str) -> str:
    """Return what to type to combine the ids of the column `column` with those of the items."""
    outer, inner = (_original_name(frame, role) for role in outer_first(frame, column, "item"))
    role = "task" if _SET.search(outer) else "cluster"
    roles = {"item": f"{outer}+{inner}", role: outer}
    return f"each {outer}, combine the ids: {column_hint(**roles)}"


def _original_name(frame: pd.DataFrame, role: str) -> str:
    """Return the name in the file of the column that has a role."""
    return dict(origin_of(frame).columns).get(role, role)


def row_number_message(frame: pd.DataFrame, source: str, other: str) -> str:
    """Return the message for ids that differ in every row, where systems share `other`."""
    item = _original_name(frame, "item")
    return (
        f"{item} in {source} differs in every row, and {other} has the same values for several "
        f"systems. If {other} identifies the segment, prompt or question, use "
        f"{column_hint(item=other)}; if {item} does, use {column_hint(item=item)}"
    )


def varying_columns(frame: pd.DataFrame, row: Codes, names: Iterable[str]) -> list[str]:
    """Return the columns that vary between records (cell,) of one row, rarely varying ones last."""
    frequency = {
        name: float(frame[name].astype(TEXT).groupby(row).nunique().gt(1).mean()) for name in names
    }
    threshold = max(frequency.values(), default=0.0) / 2
    return sorted(
        (name for name in frequency if frequency[name]),
        key=lambda name: frequency[name] < threshold,
    )


def _remedies(
    column: str, varying: Sequence[str], values: Mapping[str, bool], *, pairs: bool, long: bool
) -> dict[str, str]:
    """Return what to type for each possible meaning of the column `column`."""
    labels = [name for name in varying if values.get(name)]
    scores = [name for name in varying if not values.get(name)]
    label, score = ("preference", "preference") if pairs else ("label", "score")
    value = (labels or scores)[0]
    scorers = {
        "scorers": "if it names scorers (judges, filters, prompts), use "
        f"{column_hint(**{'scorer': column, score: value})}"
    }
    aspects = {
        "aspects": "if it names aspects or conditions that are scored separately, use "
        f"keys=[{column!r}] (--keys {column})"
    }
    score_columns = [name for name in values if not values[name]] if labels and not scores else []
    shell, python = _scorers_options(score_columns)
    roles = {"rater": column, label: value}
    raters = {
        "raters": f"if it names raters, use columns={roles}, "
        f"average_raters=True{python} (--map rater={column},{label}={value} "
        f"--average-raters{shell})"
    }
    if labels:
        return aspects | raters if scores else raters | aspects
    return (aspects if long else scorers) | raters


def _average_runs(scorers: list[str]) -> str:
    """Return how to average runs; `scorers` are listed if the run numbers look like scores."""
    shell, python = _scorers_options(scorers)
    how = f"use repeats='mean'{python} (--repeats mean{shell})"
    return f"if it identifies runs to be averaged, {how}"


def _scorers_options(scorers: list[str]) -> tuple[str, str]:
    """Return how to list scorers on the command line and in Python; "" if there are none."""
    return (f" --scorers {','.join(scorers)}", f", scorers={scorers}") if scorers else ("", "")


def _list_remedies(column: str, values: Mapping[str, bool], cures: Mapping[str, str]) -> str:
    """Return the remedies, likeliest first."""
    likely = _likeliest_meaning(column, values, cures)
    return "; ".join(cures[kind] for kind in sorted(cures, key=lambda kind: kind != likely))


def _likeliest_meaning(column: str, values: Mapping[str, bool], cures: Mapping[str, str]) -> str:
    """Return the likeliest meaning."""
    labels_vary = "scorers" not in cures or not any(values.values())
    if "responses" in cures and labels_vary and _RESPONSE.search(column):
        return "responses"
    if _PERSON.search(column):
        return "raters"
    if _ASPECT.search(column) and "aspects" in cures:
        return "aspects"
    if _is_of_items(column) and "items" in cures:
        return "items"
    if "runs" in cures and (_RUN.fullmatch(column) or column in values):
        return "runs"
    return next(iter(cures))


def no_item_error(frame: pd.DataFrame, source: str) -> MetaevalError:
    """Build the error for a file without a column of items."""
    names = [str(c) for c in frame]
    likely = [n for n in names if not is_known_name(n) and _may_be_ids(frame[n])]
    likely.sort(key=lambda name: -frame[name].astype(TEXT).nunique())
    advice = ("such as " if likely else "") + column_hint(item=likely[0] if likely else "<column>")
    none = (
        ""
        if likely
        else " If there is none and each row is a different item, add a column of row numbers."
    )
    return MetaevalError(
        f"{source} needs a column 'item'; found {join_names(names, 20) or 'no columns'}. Declare "
        f"the column that identifies the segment, prompt or question: {advice}.{none}"
    )


def no_values_error(rows: pd.DataFrame, source: str) -> MetaevalError:
    """Build the error for files without scores and labels."""
    names = [str(c) for c in rows]
    sides = [name for name in names if name not in ROLES and are_sides(rows[name])]
    if sides:
        return MetaevalError(
            f"{join_names(sides, 5)} in {source} contain words for the two sides of a pair, but no "
            "columns name the two responses. Declare these columns, "
            f"{column_hint(first='<column>', second='<column>')}, or add columns 'first' and "
            "'second'."
        )
    return MetaevalError(
        f"{source} has neither scores nor labels; found {join_names(names, 20)}. Declare their "
        "columns: scorers=[...] or labels=[...] (--scorers A,B or --labels C)."
    )


def _may_be_ids(column: pd.Series) -> bool:
    """Return whether a column has several short texts, or whole numbers that never decrease."""
    cells = column.dropna().head(1000)
    if not len(cells) or any(
        isinstance(v, list | dict | float | np.ndarray) for v in cells.head(50)
    ):
        return False
    texts = cells.astype(TEXT)
    if are_sides(column) or texts.nunique() < 2 or texts.str.len().max() > _LONGEST:
        return False
    values = pd.to_numeric(texts, errors="coerce")
    if values.isna().any():
        return True
    return bool((values == values.round()).all() and (values.diff().iloc[1:] >= 0).all())
