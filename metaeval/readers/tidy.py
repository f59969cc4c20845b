"""Tidy tables: long or wide scores and labels of responses, long or wide verdicts on pairs.

Long score files have columns `scorer` and `score`, or `rater` and `label`, or both; wide ones a
numeric column per scorer. Files of pairs have `first`, `second` and either `preference` beside
`scorer` or `rater`, or a numeric column per scorer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metaeval.checks import listed, require_column
from metaeval.errors import MetaevalError
from metaeval.readers.columns import Resolved, names_of, resolve
from metaeval.readers.files import load_frame
from metaeval.readers.guesses import Said
from metaeval.readers.parts import Part
from metaeval.readers.pivot import Rows, ids_of, raters_apart
from metaeval.readers.tidy_pairs import parts_of_pairs
from metaeval.readers.values import id_column, numbers

NAME = "tidy"
OPTIONS = (
    "labels",
    "scorers",
    "keys",
    "mapping",
    "vocabulary",
    "ordered",
    "orders",
    "refusals",
)


def sniff(path: Path | None, head: str) -> float:
    """Tell a table with a column of items; how sure depends on what stands beside it.

    >>> sniff(None, "item,system,scorer,score")
    0.6
    """
    names = _header(head)
    if not names or not {"item", "first"} & _roles(names):
        return 0.1 if names else 0.0
    exact = "item" in names and bool({"score", "label", "preference", "system"} & set(names))
    return 0.6 if exact else 0.4


def _header(head: str) -> list[str]:
    """Names of the columns in the first line of a table, or of the fields of a first object."""
    if head.lstrip()[:1] in ("[", "{"):
        return list(dict.fromkeys(re.findall(r'"([^"\\]+)"\s*:', head)))
    first = head.strip().partition("\n")[0]
    return [name.strip('" \r') for name in re.split("[,\t;]", first)] if first else []


def _roles(names: Sequence[str]) -> set[str]:
    try:
        return set(resolve(pd.DataFrame(columns=list(dict.fromkeys(names))), source="").found)
    except MetaevalError:
        return {"item"}


def parts(
    source: Any,
    *,
    labels: str | Sequence[str] = (),
    scorers: str | Sequence[str] | None = None,
    keys: str | Sequence[str] = (),
    mapping: Mapping[str, str] | None = None,
    vocabulary: Mapping[str, float | None] | None = None,
    ordered: bool = False,
    orders: str = "each",
    refusals: str = "missing",
) -> list[Part]:
    """Read one tidy file or frame.

    Parameters
    ----------
    source : path or frame
        What `load_frame` reads.
    labels, scorers : str or sequence of str
        Names (or, in a wide table, columns) that are labels, and the only ones that are scorers.
    keys : str or sequence of str
        Further columns that identify a row.
    mapping : mapping, optional
        Role = column, such as ``{"item": "qid"}``.
    vocabulary, ordered, orders, refusals
        For pairs only; see `preferences.pair_parts`.

    Raises
    ------
    MetaevalError
        If columns are missing or ambiguous, cells are no numbers, or a score is there twice.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"item": [1, 2], "system": "a", "human": [1, 0], "chrf": [0.5, 0.25]})
    >>> [part] = parts(frame)
    >>> list(part.scores), list(part.labels)
    (['chrf'], ['human'])
    """
    raw = load_frame(source)
    name = raw.attrs["source"]
    said = Said(names_of(labels), None if scorers is None else names_of(scorers), names_of(keys))
    resolved = resolve(raw, source=name, mapping=mapping, keys=said.keys, named=said.named)
    _require_columns(resolved, name, said)
    how = {"ordered": ordered, "orders": orders, "refusals": refusals, "vocabulary": vocabulary}
    if resolved.pairs:
        found = parts_of_pairs(resolved, name, said, how)
    else:
        _require_no_pair_options(name, how)
        found = [_score_part(resolved, name, said)]
    first, *rest = found
    notes, columns = (*resolved.notes, *first.notes), tuple(map(str, raw.columns))
    return [replace(first, notes=notes, columns=columns), *rest]


def _require_columns(resolved: Resolved, name: str, said: Said) -> None:
    require_column(resolved.frame.columns, "item", purpose=name)
    if "weight" in resolved.frame and "weight" not in said.named:
        raise MetaevalError(
            f"{name} has a column 'weight'; item weights are not in this release. Drop or rename "
            "it."
        )


_PAIR_DEFAULTS = {"ordered": False, "orders": "each", "refusals": "missing", "vocabulary": None}


def _require_no_pair_options(name: str, how: Mapping[str, object]) -> None:
    wrong = [option for option, value in how.items() if value != _PAIR_DEFAULTS[option]]
    if wrong:
        raise MetaevalError(
            f"{listed(wrong)} is for pairs, and {name} holds scores: it has no columns 'first' and "
            "'second'. Leave the option out, or map the columns: first=<...>, second=<...>."
        )


# Scores and labels of responses.
_VALUES = (("rater", "label"), ("scorer", "score"))


def _score_part(resolved: Resolved, name: str, said: Said) -> Part:
    frame, found = raters_apart(resolved.frame, resolved.found)
    resolved = replace(resolved, frame=frame, found=found)
    long = _long_columns(resolved)
    rows = Rows(_row_ids(frame, said.keys, bool(long)), name)
    roles = {*rows.ids, *resolved.found, *resolved.spare, "system", "cluster"}
    loose = [str(c) for c in frame if c not in roles]
    columns = [c for c in loose if said.holds_values(frame[c], long=bool(long))]
    held = _long_values(frame, rows, name, long)
    for c in columns:
        one = pd.Categorical([c] * len(frame))
        wide = rows.spread(one, numbers(frame[c], c, name), repeats=bool(long))
        held.append((wide, said.is_label(c)))
    return _divided(frame, rows, held, [c for c in loose if c not in columns], said)


def _long_columns(resolved: Resolved) -> list[tuple[str, str]]:
    """Columns of names and of values, by twos; none in a wide table."""
    found = resolved.found
    if "rater" in found and "score" in found and "scorer" not in found:
        return [("rater", "score")]
    return [(who, what) for who, what in _VALUES if {who, what} <= set(found)]


def _row_ids(frame: pd.DataFrame, keys: list[str], long: bool) -> dict[str, Any]:
    """Ids of the rows; in a wide table that names no response every row is one of its own."""
    who = [name for name in ("response", "system") if name in frame][:1]
    ids = ids_of(frame, ["task", "item", *who, *keys])
    return ids if long or who else ids | {"": pd.Categorical(np.arange(len(frame)))}


def _long_values(
    frame: pd.DataFrame, rows: Rows, name: str, long: list[tuple[str, str]]
) -> list[tuple[pd.DataFrame, bool]]:
    """Wide tables of the scores and of the labels in a long file."""
    held = []
    for who, what in long:
        at = np.flatnonzero(
            frame[who].notna().to_numpy() & (frame[who].astype(str) != "").to_numpy()
        )
        some = frame.iloc[at]
        names = id_column(some[who], who, text=bool(frame.attrs.get("text")))
        held.append((rows.spread(names, numbers(some[what], what, name), at=at), who == "rater"))
    return held


def _divided(
    frame: pd.DataFrame,
    rows: Rows,
    held: list[tuple[pd.DataFrame, bool]],
    rest: list[str],
    said: Said,
) -> Part:
    """Divide columns of values into scores and labels; add what else the file says of its rows."""
    index = pd.RangeIndex(rows.n)
    scores, judged = pd.DataFrame(index=index), pd.DataFrame(index=index)
    for wide, are_labels in held:
        is_label = np.array([are_labels or c in said.labels for c in wide], dtype=bool)
        judged = pd.concat([judged, wide.loc[:, is_label]], axis=1)
        scores = pd.concat([scores, wide.loc[:, ~is_label]], axis=1)
    described, notes = _described(frame, rows, rest)
    return Part(described, scores, judged, source=rows.source, notes=notes)


def _described(
    frame: pd.DataFrame, rows: Rows, rest: list[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Ids, system, cluster and covariates of the rows, and notes on what is left out."""
    ids = rows.frame().drop(columns="", errors="ignore")
    more, torn = rows.attributes(ids_of(frame, [c for c in ("system", "cluster") if c not in ids]))
    covariates, left = rows.covariates(frame, rest)
    return pd.concat([ids, more, covariates], axis=1), (*torn, *left)
