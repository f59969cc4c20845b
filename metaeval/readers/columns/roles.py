"""Assign roles to columns by names, aliases and the mapping of the user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from metaeval.core import MetaevalError, did_you_mean, join_names, require_known
from metaeval.readers.cells.numbers_and_ids import sort_of
from metaeval.readers.cells.verdict_words import are_sides
from metaeval.readers.columns.aliases import (
    IDS,
    LABEL_ALIASES,
    LONG,
    MARGIN,
    PAIRS,
    ROLES,
    SCORES,
    TEXTS_OF_SIDES,
    column_hint,
    plain_name,
)
from metaeval.readers.columns.column_inference import is_gold
from metaeval.readers.columns.joined_ids import outer_first, parts_of, with_joined
from metaeval.readers.columns.row_numbers import without_row_numbers
from metaeval.tables import TEXT


@dataclass(frozen=True)
class Resolved:
    """A frame whose columns have canonical names.

    Parameters
    ----------
    frame : DataFrame
        The data with renamed columns.
    pairs : bool
        Whether a row is a pair.
    found : mapping
        The column of the file that became each role.
    spare : tuple of str
        Columns that look like ids but are unused; they are not scorers.
    notes : tuple of str
        Notes on renamed and excluded columns.
    warnings : tuple of str
        Warnings about excluded columns that may have been meant as scorers.
    """

    frame: pd.DataFrame
    pairs: bool
    found: Mapping[str, str]
    spare: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def resolve(
    frame: pd.DataFrame,
    *,
    source: str,
    mapping: Mapping[str, str] | None = None,
    keys: Sequence[str] = (),
    named: Iterable[str] = (),
) -> Resolved:
    """Rename columns to canonical names.

    Parameters
    ----------
    frame : DataFrame
        A table as read.
    source : str
        Name of the file in messages.
    mapping : mapping, optional
        Role = column, such as ``{"item": "qid"}``, or columns, as ``{"item": "doc+seg"}``; columns
        that are not in this file are ignored.
    keys, named : sequence of str
        Key columns, and columns declared as labels or scorers; aliases do not apply to them.

    Raises
    ------
    MetaevalError
        If several columns could have one role, or a column is mapped twice.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"seg_id": [1], "Model": ["a"], "chrf": [0.5]})
    >>> resolve(frame, source="x.csv").notes
    ('x.csv: item <- seg_id, system <- Model',)
    """
    frame, joined = with_joined(frame, mapping or {})
    mapped, named = _mapped(frame, dict(mapping or {})), set(named)
    joined = [c for c in joined if c not in (*mapped.values(), *keys, *named)]
    taken = {*keys, *named, *mapped.values(), *joined}
    frame, left, warnings = without_row_numbers(frame, taken, source)
    pairs = _is_pairs(frame, mapped, taken)
    found = dict(mapped)
    wide = pairs and not _has_verdicts(frame, mapped, taken)  # `judge` and the like are margins
    for role, aliases in (PAIRS if pairs else SCORES).items():
        if not (wide and role in ("scorer", "rater")):
            _add(found, role, aliases, frame, taken, source)
    _require_sides(found, source, pairs)
    _add_values(found, frame, taken, source, pairs)
    resolved = _renamed(frame, found, pairs, source)
    spare = tuple(c for c in resolved.spare if c not in (*named, *keys, *joined))
    unused = [f"{source}: {join_names(spare)} excluded: other columns are the ids"] if spare else []
    return replace(
        resolved,
        spare=(*spare, *joined),
        notes=(*left, *resolved.notes, *unused),
        warnings=tuple(warnings),
    )


def names_of(value: str | Iterable[str] | None) -> list[str]:
    """Return one or several names as a list.

    >>> names_of("human"), names_of(None)
    (['human'], [])
    """
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(name) for name in value]


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Raise unless all roles are known and each column has only one."""
    if not isinstance(mapping, Mapping):
        raise MetaevalError(
            f"columns must map roles to columns, such as {{'item': 'qid'}}; got {mapping!r}."
        )
    for role, column in mapping.items():
        require_known("column to map", role, ROLES)
        others = [r for r, c in mapping.items() if c == column and r != role]
        if others:
            raise MetaevalError(
                f"The column {column!r} is mapped to both {role} and {others[0]}; map it to one "
                "role."
            )


def require_mapped(mapping: Mapping[str, str], columns: Iterable[str]) -> None:
    """Raise if a mapped column is in none of the files."""
    there = sorted(set(columns))
    for role, column in mapping.items():
        if not set(parts_of(column, there)) <= set(there):
            raise MetaevalError(
                f"columns={{{role!r}: {column!r}}}: there is no column {column!r}; found "
                f"{join_names(there, 20)}."
                f"{did_you_mean(column, there)}"
            )


def _mapped(frame: pd.DataFrame, mapping: dict[str, str]) -> dict[str, str]:
    check_mapping(mapping)
    return {role: column for role, column in mapping.items() if column in frame}


def _candidates(
    role: str, aliases: Iterable[str], frame: pd.DataFrame, taken: Iterable[str]
) -> list[str]:
    """Return the columns that could have a role: the exact name, else aliases in any case."""
    if role in frame and role not in taken:
        return [role]
    names = {plain_name(name) for name in (role, *aliases)}
    return [c for c in frame if plain_name(str(c)) in names and c not in taken]


def _add(
    found: dict[str, str],
    role: str,
    aliases: Iterable[str],
    frame: pd.DataFrame,
    taken: set[str],
    source: str,
) -> None:
    if role in found:
        return
    columns = _candidates(role, aliases, frame, taken)
    if role not in ("scorer", "score"):  # a judge may be a list, and so may its score
        columns = [c for c in columns if c == role or not _is_nested(frame[c])]
    if role in ("scorer", "rater"):  # a judge's verdicts are not names of judges
        columns = [c for c in columns if c == role or not are_sides(frame[c])]
    if role in ("first", "second") and len(columns) > 1:
        texts = {plain_name(name) for name in TEXTS_OF_SIDES}
        columns = [c for c in columns if plain_name(str(c)) not in texts] or columns
    if len(columns) > 1:
        raise MetaevalError(
            f"{source} has several candidate columns for {role!r}: {join_names(columns)}. "
            f"{_choice(role, columns, frame)}"
        )
    if columns:
        found[role] = columns[0]


def _choice(role: str, columns: Sequence[str], frame: pd.DataFrame) -> str:
    """Return the advice on which of several columns to map, or how to combine them."""
    one = f"Choose one, such as {column_hint(**{role: columns[0]})}"
    if role != "item" or len(columns) != 2:
        return f"{one}."
    frame = frame[columns].astype(TEXT)  # cells may be lists
    outer, inner = sorted(columns, key=lambda c: frame[c].nunique())
    if frame[outer].nunique() == frame[inner].nunique() == len(frame[columns].drop_duplicates()):
        return f"{one}."
    if frame.groupby(inner)[outer].nunique().max() == 1:
        both = column_hint(item=inner, cluster=outer)
        single = column_hint(item=outer)
        return f"If items are clustered, use both: {both}. Otherwise choose one: {single}."
    outer, inner = outer_first(frame, *columns)
    return (
        f"If {inner} is numbered separately within each {outer}, combine them: "
        f"{column_hint(item=f'{outer}+{inner}', cluster=outer)}. Otherwise choose one: "
        f"{column_hint(item=inner)}, or {column_hint(item=outer)}."
    )


def _is_nested(column: pd.Series) -> bool:
    return column.dtype == object and any(isinstance(v, list | dict) for v in column.head(20))


def _is_pairs(frame: pd.DataFrame, mapped: Mapping[str, str], taken: set[str]) -> bool:
    """Return whether rows are pairs; columns `a` and `b` count only beside a preference."""
    sides = [
        [mapped[role]] if role in mapped else _candidates(role, PAIRS[role], frame, taken)
        for role in ("first", "second")
    ]
    if not all(sides):
        return False
    if all(
        len(str(side[0])) > 1 or role in mapped
        for side, role in zip(sides, ("first", "second"), strict=True)
    ):
        return True
    return _has_verdicts(frame, mapped, taken)


def _require_sides(found: Mapping[str, str], source: str, pairs: bool) -> None:
    for role in ("first", "second"):
        if pairs and role not in found:
            raise MetaevalError(
                f"{source}: expected names or numbers of the {role} responses, got lists or "
                f"objects. Use another column: {column_hint(**{role: '<column>'})}."
            )


def _has_verdicts(frame: pd.DataFrame, mapped: Mapping[str, str], taken: set[str]) -> bool:
    aliases = (*PAIRS["preference"], "label")
    return "preference" in mapped or bool(_candidates("preference", aliases, frame, taken))


def _add_values(
    found: dict[str, str], frame: pd.DataFrame, taken: set[str], source: str, pairs: bool
) -> None:
    """Find the columns of scores, labels and preferences of a long table."""
    if pairs:
        _judges_beside_labels(found, frame)
        if _adds_long_margins(found, frame, taken):
            return
        if "preference" not in found and "preference" not in frame:
            _add(found, "preference", ("label",), frame, taken, source)
        return
    _add_scores(found, frame, taken, source)
    if "rater" in found and ("score" not in found or "scorer" in found):
        _add(found, "label", LABEL_ALIASES, frame, taken, source)
    if "rater" not in found and "scorer" not in found:
        for role in ("score", "label"):  # a wide table: they keep their names
            found.pop(role, None)


def _judges_beside_labels(found: dict[str, str], frame: pd.DataFrame) -> None:
    """Treat annotators as judges, as in AlpacaEval, if human preferences have another column."""
    if "scorer" in found or found.get("rater") in (None, "rater"):
        return
    if any(is_gold(str(c)) and c not in found.values() for c in frame):
        found["scorer"] = found.pop("rater")


def _adds_long_margins(found: dict[str, str], frame: pd.DataFrame, taken: set[str]) -> bool:
    """Find the columns of margins in long form, which have no aliases."""
    who = [c for c in ("scorer", "rater") if c in found or (c in frame and c not in taken)]
    if MARGIN not in frame or MARGIN in taken or not who or "preference" in found:
        return False
    found |= {c: found.get(c, c) for c in who} | {MARGIN: MARGIN}
    return True


def _add_scores(found: dict[str, str], frame: pd.DataFrame, taken: set[str], source: str) -> None:
    """Find the scorer and score columns, which come together; names of scorers are not numbers."""
    said = {role for role in ("scorer", "score") if role in found or role in frame}
    trial = dict(found)
    for role in ("scorer", "score"):
        numeric = {c for c in frame if role == "scorer" and c != "scorer" and _numeric(frame[c])}
        _add(trial, role, LONG[role], frame, taken | numeric, source)
    if {"scorer", "score"} <= set(trial) or ("rater" in found and "score" in said):
        found.update(trial)
    elif "scorer" in said:
        raise MetaevalError(
            f"{source} has a column of scorers but no column of scores. Declare it: "
            f"{column_hint(score='<column>')}."
        )


def _numeric(column: pd.Series) -> bool:
    return str(column.name).lower() in LONG["scorer"] and sort_of(column) == "number"


def _renamed(frame: pd.DataFrame, found: dict[str, str], pairs: bool, source: str) -> Resolved:
    clash = {c: _unused(f"{c}_in_file", frame) for c in frame if c in found and found[c] != c}
    names = clash | {column: role for role, column in found.items()}
    moved = [f"{role} <- {column}" for role, column in found.items() if role != column]
    notes = (f"{source}: {', '.join(moved)}",) if moved else ()
    attrs = frame.attrs | {"columns": tuple(found.items())}
    frame = frame.set_axis([names.get(c, c) for c in frame], axis=1)
    frame.attrs = attrs
    spare = [*clash.values(), *(c for c in frame if c not in found and _looks_like_id(str(c)))]
    return Resolved(frame, pairs, found, tuple(spare), notes)


def _unused(name: str, frame: pd.DataFrame) -> str:
    """Return a name that no column of the file has."""
    while name in frame:
        name += "_"
    return name


def _looks_like_id(name: str) -> bool:
    aliases = (n for role in (*IDS, "system", "response") for n in SCORES[role])
    return plain_name(name) in {plain_name(alias) for alias in aliases}
