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
from metaeval.readers.columns.column_inference import is_label_name
from metaeval.readers.columns.joined_ids import add_combined_ids, outer_first, parts_of
from metaeval.readers.columns.row_numbers import drop_row_numbers
from metaeval.readers.files.frame_origin import origin_of, with_origin
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
    role_columns : mapping
        The column of the file that became each role.
    unused_ids : tuple of str
        Columns that look like ids but are unused; they are not scorers.
    notes : tuple of str
        Notes on renamed and excluded columns.
    warnings : tuple of str
        Warnings about excluded columns that may have been meant as scorers.
    """

    frame: pd.DataFrame
    pairs: bool
    role_columns: Mapping[str, str]
    unused_ids: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def resolve(
    frame: pd.DataFrame,
    *,
    source: str,
    mapping: Mapping[str, str] | None = None,
    keys: Sequence[str] = (),
    declared: Iterable[str] = (),
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
    keys, declared : sequence of str
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
    frame, joined = add_combined_ids(frame, mapping or {})
    mapped, declared = _present_mapping(frame, dict(mapping or {})), set(declared)
    joined = [c for c in joined if c not in (*mapped.values(), *keys, *declared)]
    reserved = {*keys, *declared, *mapped.values(), *joined}
    frame, row_number_notes, warnings = drop_row_numbers(frame, reserved, source)
    pairs = _is_pairs(frame, mapped, reserved)
    role_columns = dict(mapped)
    wide = pairs and not _has_verdicts(frame, mapped, reserved)  # `judge` and the like are margins
    for role, aliases in (PAIRS if pairs else SCORES).items():
        if not (wide and role in ("scorer", "rater")):
            _add_role(role_columns, role, aliases, frame, reserved, source)
    _require_sides(role_columns, source, pairs)
    _add_values(role_columns, frame, reserved, source, pairs)
    resolved = _rename_columns(frame, role_columns, pairs, source)
    unused_ids = tuple(c for c in resolved.unused_ids if c not in (*declared, *keys, *joined))
    unused = (
        [f"{source}: {join_names(unused_ids)} excluded: other columns are used as ids"]
        if unused_ids
        else []
    )
    return replace(
        resolved,
        unused_ids=(*unused_ids, *joined),
        notes=(*row_number_notes, *resolved.notes, *unused),
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
    available = sorted(set(columns))
    for role, column in mapping.items():
        if not set(parts_of(column, available)) <= set(available):
            raise MetaevalError(
                f"columns={{{role!r}: {column!r}}}: there is no column {column!r}; found "
                f"{join_names(available, 20)}."
                f"{did_you_mean(column, available)}"
            )


def _present_mapping(frame: pd.DataFrame, mapping: dict[str, str]) -> dict[str, str]:
    check_mapping(mapping)
    return {role: column for role, column in mapping.items() if column in frame}


def _candidates(
    role: str, aliases: Iterable[str], frame: pd.DataFrame, reserved: Iterable[str]
) -> list[str]:
    """Return the columns that could have a role: the exact name, else aliases in any case."""
    if role in frame and role not in reserved:
        return [role]
    names = {plain_name(name) for name in (role, *aliases)}
    return [c for c in frame if plain_name(str(c)) in names and c not in reserved]


def _add_role(
    role_columns: dict[str, str],
    role: str,
    aliases: Iterable[str],
    frame: pd.DataFrame,
    reserved: set[str],
    source: str,
) -> None:
    if role in role_columns:
        return
    columns = _candidates(role, aliases, frame, reserved)
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
        role_columns[role] = columns[0]


def _choice(role: str, columns: Sequence[str], frame: pd.DataFrame) -> str:
    """Return the advice on which of several columns to map, or how to combine them."""
    fallback = f"Choose one, such as {column_hint(**{role: columns[0]})}"
    if role != "item" or len(columns) != 2:
        return f"{fallback}."
    frame = frame[columns].astype(TEXT)  # cells may be lists
    outer, inner = sorted(columns, key=lambda c: frame[c].nunique())
    if frame[outer].nunique() == frame[inner].nunique() == len(frame[columns].drop_duplicates()):
        return f"{fallback}."
    if frame.groupby(inner)[outer].nunique().max() == 1:
        combined = column_hint(item=inner, cluster=outer)
        single = column_hint(item=outer)
        return f"If items are clustered, use both: {combined}. Otherwise choose one: {single}."
    outer, inner = outer_first(frame, *columns)
    return (
        f"If {inner} is numbered separately within each {outer}, combine them: "
        f"{column_hint(item=f'{outer}+{inner}', cluster=outer)}. Otherwise choose one: "
        f"{column_hint(item=inner)}, or {column_hint(item=outer)}."
    )


def _is_nested(column: pd.Series) -> bool:
    return column.dtype == object and any(isinstance(v, list | dict) for v in column.head(20))


def _is_pairs(frame: pd.DataFrame, mapped: Mapping[str, str], reserved: set[str]) -> bool:
    """Return whether rows are pairs; columns `a` and `b` count only beside a preference."""
    sides = [
        [mapped[role]] if role in mapped else _candidates(role, PAIRS[role], frame, reserved)
        for role in ("first", "second")
    ]
    if not all(sides):
        return False
    if all(
        len(str(side[0])) > 1 or role in mapped
        for side, role in zip(sides, ("first", "second"), strict=True)
    ):
        return True
    return _has_verdicts(frame, mapped, reserved)


def _require_sides(role_columns: Mapping[str, str], source: str, pairs: bool) -> None:
    for role in ("first", "second"):
        if pairs and role not in role_columns:
            raise MetaevalError(
                f"{source}: expected names or numbers that identify the {role} responses, got "
                f"lists or objects. Use another column: {column_hint(**{role: '<column>'})}."
            )


def _has_verdicts(frame: pd.DataFrame, mapped: Mapping[str, str], reserved: set[str]) -> bool:
    aliases = (*PAIRS["preference"], "label")
    return "preference" in mapped or bool(_candidates("preference", aliases, frame, reserved))


def _add_values(
    role_columns: dict[str, str], frame: pd.DataFrame, reserved: set[str], source: str, pairs: bool
) -> None:
    """Find the columns of scores, labels and preferences of a long table."""
    if pairs:
        _judges_beside_labels(role_columns, frame)
        if _adds_long_margins(role_columns, frame, reserved):
            return
        if "preference" not in role_columns and "preference" not in frame:
            _add_role(role_columns, "preference", ("label",), frame, reserved, source)
        return
    _add_scores(role_columns, frame, reserved, source)
    if "rater" in role_columns and ("score" not in role_columns or "scorer" in role_columns):
        _add_role(role_columns, "label", LABEL_ALIASES, frame, reserved, source)
    if "rater" not in role_columns and "scorer" not in role_columns:
        for role in ("score", "label"):  # a wide table: they keep their names
            role_columns.pop(role, None)


def _judges_beside_labels(role_columns: dict[str, str], frame: pd.DataFrame) -> None:
    """Treat annotators as judges, as in AlpacaEval, if human preferences have another column."""
    if "scorer" in role_columns or role_columns.get("rater") in (None, "rater"):
        return
    if any(is_label_name(str(c)) and c not in role_columns.values() for c in frame):
        role_columns["scorer"] = role_columns.pop("rater")


def _adds_long_margins(
    role_columns: dict[str, str], frame: pd.DataFrame, reserved: set[str]
) -> bool:
    """Find the columns of margins in long form, which have no aliases."""
    name_columns = [
        c for c in ("scorer", "rater") if c in role_columns or (c in frame and c not in reserved)
    ]
    if (
        MARGIN not in frame
        or MARGIN in reserved
        or not name_columns
        or "preference" in role_columns
    ):
        return False
    role_columns |= {c: role_columns.get(c, c) for c in name_columns} | {MARGIN: MARGIN}
    return True


def _add_scores(
    role_columns: dict[str, str], frame: pd.DataFrame, reserved: set[str], source: str
) -> None:
    """Find the scorer and score columns, which come together; names of scorers are not numbers."""
    available = {role for role in ("scorer", "score") if role in role_columns or role in frame}
    trial = dict(role_columns)
    for role in ("scorer", "score"):
        numeric = {c for c in frame if role == "scorer" and c != "scorer" and _numeric(frame[c])}
        _add_role(trial, role, LONG[role], frame, reserved | numeric, source)
    if {"scorer", "score"} <= set(trial) or ("rater" in role_columns and "score" in available):
        role_columns.update(trial)
    elif "scorer" in available:
        raise MetaevalError(
            f"{source} has a column of scorer names but no column of scores. Declare it: "
            f"{column_hint(score='<column>')}."
        )


def _numeric(column: pd.Series) -> bool:
    return str(column.name).lower() in LONG["scorer"] and sort_of(column) == "number"


def _rename_columns(
    frame: pd.DataFrame, role_columns: dict[str, str], pairs: bool, source: str
) -> Resolved:
    clash = {
        c: _unused_name(f"{c}_in_file", frame)
        for c in frame
        if c in role_columns and role_columns[c] != c
    }
    names = clash | {column: role for role, column in role_columns.items()}
    moved = [f"{role} <- {column}" for role, column in role_columns.items() if role != column]
    notes = (f"{source}: {', '.join(moved)}",) if moved else ()
    origin = replace(origin_of(frame), columns=tuple(role_columns.items()))
    frame = with_origin(frame.set_axis([names.get(c, c) for c in frame], axis=1), origin)
    unused_ids = [
        *clash.values(),
        *(c for c in frame if c not in role_columns and _looks_like_id(str(c))),
    ]
    return Resolved(frame, pairs, role_columns, tuple(unused_ids), notes)


def _unused_name(name: str, frame: pd.DataFrame) -> str:
    """Return a name that no column of the file has."""
    while name in frame:
        name += "_"
    return name


def _looks_like_id(name: str) -> bool:
    aliases = (n for role in (*IDS, "system", "response") for n in SCORES[role])
    return plain_name(name) in {plain_name(alias) for alias in aliases}
