"""What to type next where several values stand for one row: every cure, likeliest first."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from metaeval.core import Bools, Codes, MetaevalError, join_names
from metaeval.readers.cells.verdict_words import are_sides
from metaeval.readers.columns.aliases import IDS, ROLES, column_hint, is_known_name, plain_name
from metaeval.readers.columns.joined_ids import outer_first
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
_MOST_COLUMNS = 50
_LONGEST = 60
_CHANCE = 0.001  # that whole numbers never meet in one row, below which they number its records


def telling_columns(
    frame: pd.DataFrame,
    row: Codes,
    repeated: Bools,
    skip: Collection[str],
    values: Mapping[str, bool],
) -> list[str]:
    """Columns that distinguish the records (cell,) of each row that is there several times.

    Parameters
    ----------
    frame : DataFrame
        All columns of the file.
    row : array (cell,)
        Which row each record belongs to.
    repeated : array (cell,)
        Which records share their row with another.
    skip : collection of str
        Columns that have a role already.
    values : mapping of str to bool
        Columns that are read as scores, or as labels (True); raters and runs may have numbers.
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
    """Return whether a column holds whole numbers that would meet in some row (cell,) were they scores."""
    if not texts.str.fullmatch(r"\d+(\.0)?").all():
        return False
    _, counts = np.unique(row, return_counts=True)
    meetings = float((counts * (counts - 1) / 2).sum())
    by_chance = (1 - 1 / max(texts.nunique(), 1)) ** meetings
    name = str(texts.name)
    return bool(by_chance < _CHANCE or _PERSON.search(name) or _RUN.fullmatch(name))


def unnamed_responses(
    frame: pd.DataFrame, row: Codes, *, skip: Collection[str], values: Mapping[str, bool]
) -> list[str]:
    """A warning where rows of one item (cell,) may be of raters, runs or prompts, not responses.

    Parameters
    ----------
    frame, row
        As in `telling_columns`.
    skip : collection of str
        Columns that have a role already, or were said to be scorers.
    values : mapping of str to bool
        Columns of scores, and of labels (True).
    """
    repeated = np.bincount(row)[row] > 1
    numbers = dict.fromkeys(map(str, frame.select_dtypes("number")), False) | dict(values)
    found = telling_columns(frame, row, repeated, skip, numbers) if repeated.any() else []
    found = [n for n in found if frame[n].astype(TEXT).nunique() <= len(frame) / 2]
    if not found:
        return []
    one = found[0]
    held = {name: kind for name, kind in values.items() if name not in found}
    varying = varying_columns(frame, row, held) or list(held) or [one]
    cures = _cures(one, varying, held, pairs=False, long=False)
    cures["runs"] = _mean_of_runs([c for c in held if not held[c]] if one in values else [])
    cures["responses"] = f"if it names systems or responses, use {column_hint(system=one)}"
    also = f" {one} is read as a scorer." if one in values else ""
    return [
        f"no column names responses, so the rows of an item are taken for different ones.{also} "
        f"The column {one!r} distinguishes them: {_listing(one, values, cures)}"
    ]


def repeats_cure(
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
    """What to type where records (cell,) repeat, likeliest first; "" if no column helps.

    Parameters
    ----------
    frame, row, repeated, skip
        As in `telling_columns`.
    values : mapping of str to bool
        Columns that hold the values, and whether these are labels.
    pairs, long, average : bool
        Whether rows are pairs, a column names the scorers already, and repeats can be averaged.
    """
    telling = telling_columns(frame, row, repeated, skip, values)
    if not telling:
        return ""
    if "cluster" in telling:
        one, both = _called(frame, "cluster"), _ids_of_both(frame, "cluster")
        meaning = f"if items are numbered separately within {both}"
        return f"The column {one!r} distinguishes them: {meaning}."
    one = telling[0]
    held = {name: kind for name, kind in values.items() if name not in telling}
    varying = varying_columns(frame, row, held) or list(held) or [one]
    cures = _cures(one, varying, held, pairs=pairs, long=long)
    if "item" in frame and (_is_of_items(one) or len({held.get(v) for v in varying}) == 2):
        cures["items"] = f"if items are numbered separately within {_ids_of_both(frame, one)}"
    if average:
        cures["runs"] = _mean_of_runs([c for c in held if not held[c]] if one in values else [])
    rest = f" ({join_names(telling[1:], 3)} would too)" if len(telling) > 1 else ""
    return f"The column {one!r} distinguishes them{rest}: {_listing(one, values, cures)}."


def _is_of_items(name: str) -> bool:
    """Return whether a column is called as one that items are numbered in, or as one of their ids."""
    known = {plain_name(alias) for alias in IDS["item"]}
    return bool(_SET.search(name) or _TEXT.search(name) or plain_name(name) in known)


def _ids_of_both(frame: pd.DataFrame, one: str) -> str:
    """What to type so that items have the ids of two columns, `one` and that of the items."""
    outer, inner = (_called(frame, role) for role in outer_first(frame, one, "item"))
    role = "task" if _SET.search(outer) else "cluster"
    both = {"item": f"{outer}+{inner}", role: outer}
    return f"each {outer}, take the ids of both: {column_hint(**both)}"


def _called(frame: pd.DataFrame, role: str) -> str:
    """The name in the file of the column that has a role."""
    return str(dict(frame.attrs.get("columns", ())).get(role, role))


def one_row_each(frame: pd.DataFrame, source: str, other: str) -> str:
    """What to say where each row is an item of its own, and `other` is shared by systems."""
    item = _called(frame, "item")
    return (
        f"{item} of {source} has another value in each row, and {other} has the same values for "
        f"several systems. If {other} says what was answered, use {column_hint(item=other)}; if "
        f"{item} does, {column_hint(item=item)}"
    )


def varying_columns(frame: pd.DataFrame, row: Codes, names: Iterable[str]) -> list[str]:
    """The columns that differ between records (cell,) of one row, those that seldom do last."""
    often = {
        name: float(frame[name].astype(TEXT).groupby(row).nunique().gt(1).mean()) for name in names
    }
    usual = max(often.values(), default=0.0) / 2
    return sorted((name for name in often if often[name]), key=lambda name: often[name] < usual)


def _cures(
    one: str, varying: Sequence[str], values: Mapping[str, bool], *, pairs: bool, long: bool
) -> dict[str, str]:
    """What each meaning of the column `one` would have one type, by that meaning."""
    labels = [name for name in varying if values.get(name)]
    scores = [name for name in varying if not values.get(name)]
    label, score = ("preference", "preference") if pairs else ("label", "score")
    value = (labels or scores)[0]
    scorers = {
        "scorers": "if it names scorers (judges, filters, prompts), use "
        f"{column_hint(**{'scorer': one, score: value})}"
    }
    aspects = {
        "aspects": "if it names aspects or conditions that are scored each, use "
        f"keys=[{one!r}] (--keys {one})"
    }
    beside = [name for name in values if not values[name]] if labels and not scores else []
    shell, python = _named(beside)
    roles = {"rater": one, label: value}
    raters = {
        "raters": f"if it names raters, use columns={roles}, "
        f"average_raters=True{python} (--map rater={one},{label}={value} "
        f"--average-raters{shell})"
    }
    if labels:
        return aspects | raters if scores else raters | aspects
    return (aspects if long else scorers) | raters


def _mean_of_runs(scorers: list[str]) -> str:
    """How to average runs; `scorers` are named where the numbers of runs look like scores."""
    shell, python = _named(scorers)
    return (
        f"if it numbers runs whose mean is meant, use repeats='mean'{python} (--repeats "
        f"mean{shell})"
    )


def _named(scorers: list[str]) -> tuple[str, str]:
    """How to name scorers on the command line and in Python; nothing where there are none."""
    return (f" --scorers {','.join(scorers)}", f", scorers={scorers}") if scorers else ("", "")


def _listing(one: str, values: Mapping[str, bool], cures: Mapping[str, str]) -> str:
    """The cures, the likeliest first."""
    likely = _likeliest(one, values, cures)
    return "; ".join(cures[kind] for kind in sorted(cures, key=lambda kind: kind != likely))


def _likeliest(one: str, values: Mapping[str, bool], cures: Mapping[str, str]) -> str:
    """Which of the cures to name first."""
    labels_vary = "scorers" not in cures or not any(values.values())
    if "responses" in cures and labels_vary and _RESPONSE.search(one):
        return "responses"
    if _PERSON.search(one):
        return "raters"
    if _ASPECT.search(one) and "aspects" in cures:
        return "aspects"
    if _is_of_items(one) and "items" in cures:
        return "items"
    if "runs" in cures and (_RUN.fullmatch(one) or one in values):
        return "runs"
    return next(iter(cures))


def no_item(frame: pd.DataFrame, source: str) -> MetaevalError:
    """Build the error of a file in which no column names the items."""
    names = [str(c) for c in frame]
    likely = [n for n in names if not is_known_name(n) and _may_be_ids(frame[n])]
    likely.sort(key=lambda name: -frame[name].astype(TEXT).nunique())
    cure = ("such as " if likely else "") + column_hint(item=likely[0] if likely else "<column>")
    none = (
        ""
        if likely
        else " If none does and each row is of another item, add one that numbers them."
    )
    return MetaevalError(
        f"{source} needs a column 'item'; found {join_names(names, 20) or 'no columns'}. Say which "
        f"one names what was answered (segment, prompt, question), {cure}.{none}"
    )


def no_values(rows: pd.DataFrame, source: str) -> MetaevalError:
    """Build the error of files in which no column holds scores or labels."""
    names = [str(c) for c in rows]
    sides = [name for name in names if name not in ROLES and are_sides(rows[name])]
    if sides:
        return MetaevalError(
            f"{join_names(sides, 5)} of {source} hold words for the sides of pairs, and no columns "
            "name the two responses. Say which do, "
            f"{column_hint(first='<column>', second='<column>')}, or add columns 'first' and "
            "'second' that name them."
        )
    return MetaevalError(
        f"{source} holds no scores and no labels; found {join_names(names, 20)}. Name the columns "
        "that are: scorers=[...] or labels=[...] (--scorers A,B or --labels C)."
    )


def _may_be_ids(column: pd.Series) -> bool:
    """Return whether a column holds several short texts, or whole numbers that never fall."""
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
