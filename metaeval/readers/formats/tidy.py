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

from metaeval.core import Floats, MetaevalError, check_one_of, join_names
from metaeval.readers.cells.missing_words import parse_codes
from metaeval.readers.cells.notation import check_decimal
from metaeval.readers.cells.numbers_and_ids import id_column, numbers
from metaeval.readers.cells.scales import Scale, check_scale
from metaeval.readers.columns.aliases import ROLES, column_hint, may_be
from metaeval.readers.columns.column_inference import ColumnHints
from metaeval.readers.columns.roles import Resolved, names_of, resolve
from metaeval.readers.columns.row_numbers import find_item_column
from metaeval.readers.files.csv_tables import first_cells
from metaeval.readers.files.frame_origin import origin_of
from metaeval.readers.files.raw_frame import load_frame
from metaeval.readers.formats.long_to_wide import LongRecords, ids_of, separate_raters
from metaeval.readers.formats.tidy_cells import read_cells
from metaeval.readers.formats.tidy_pairs import parts_of_pairs
from metaeval.readers.formats.tidy_shapes import ids_in, reshape_records
from metaeval.readers.matching.file_part import Part
from metaeval.readers.matching.hints import (
    no_item_error,
    row_number_message,
    unnamed_responses_warning,
)
from metaeval.readers.matching.suspicious_values import outlying_code_warning
from metaeval.tables import TEXT, float_frame

NAME = "tidy"
OPTIONS = (
    *("labels", "scorers", "keys", "mapping", "header", "decimal", "repeats", "missing_codes"),
    *("value_map", "preference_scale", "ordered", "both_orders", "refusals"),
)
REPEATS = ("error", "mean")


def sniff(path: Path | None, head: str) -> float:
    """Return the confidence that a file is a tidy table, from its column names.

    >>> sniff(None, "item,system,scorer,score")
    0.6
    """
    names = _header(head)
    if not may_be(names, "item") and not (may_be(names, "first") and may_be(names, "second")):
        return 0.1 if names else 0.0
    exact = "item" in names and bool({"score", "label", "preference", "system"} & set(names))
    return 0.6 if exact else 0.4


def _header(head: str) -> list[str]:
    """Return the column names in the first line of a table, or the fields of the first object."""
    if head.lstrip()[:1] in ("[", "{"):
        return list(dict.fromkeys(re.findall(r'"([^"\\]+)"\s*:', head)))
    return first_cells(Path("x"), head) if head.strip() else []


def parts(
    source: Any,
    *,
    labels: str | Sequence[str] = (),
    scorers: str | Sequence[str] | None = None,
    keys: str | Sequence[str] = (),
    mapping: Mapping[str, str] | None = None,
    header: str | Sequence[str] | None = None,
    decimal: str | Mapping[str, str] | None = None,
    repeats: str = "error",
    missing_codes: Any = None,
    value_map: Mapping[str, float | None] | None = None,
    preference_scale: Scale = None,
    ordered: bool = False,
    both_orders: str = "each",
    refusals: str = "missing",
) -> list[Part]:
    """Read one tidy file or frame.

    Parameters
    ----------
    source : path or frame
        Any source of `load_frame`.
    labels, scorers : str or sequence of str
        Names (or, in a wide table, columns) that are labels, and those to use as scorers.
    keys : str or sequence of str
        Further columns that identify a row.
    mapping : mapping, optional
        Role = column, such as ``{"item": "qid"}``.
    header : sequence of str, optional
        Column names of a text table without a header.
    decimal : {".", ","} or mapping of columns to them, optional
        Decimal mark, where it is ambiguous: of all columns, or of each by its name.
    repeats : {"error", "mean"}
        Whether to raise for several scores or labels of one row, or to average them.
    missing_codes : value, list of values, or mapping of columns to them, optional
        Codes for a missing score, label or verdict, such as -1 or "skip".
    value_map : mapping, optional
        Words of scores, labels or verdicts -> numbers, or None for missing.
    preference_scale : str or mapping of columns or judges to str, optional
        Coding of the numbers of pairs; see `scales.SCALES`.
    ordered, both_orders, refusals
        For pairs only; see `preferences.pair_parts`.

    Raises
    ------
    MetaevalError
        If columns are missing or ambiguous, cells cannot be read, or scores are repeated.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"item": [1, 2], "system": "a", "human": [1, 0], "chrf": [0.5, 0.25]})
    >>> [part] = parts(frame)
    >>> list(part.scores), list(part.labels)
    (['chrf'], ['human'])
    """
    check_one_of("repeats", repeats, REPEATS)
    check_decimal(decimal)
    check_scale(preference_scale)
    raw = load_frame(source, header=None if header is None else names_of(header))
    name = origin_of(raw).source
    hints = ColumnHints(
        names_of(labels), None if scorers is None else names_of(scorers), names_of(keys)
    )
    resolved = resolve(raw, source=name, mapping=mapping, keys=hints.keys, declared=hints.declared)
    _require_columns(resolved, raw, name, hints)
    codes = parse_codes(missing_codes)
    pair_options = {"ordered": ordered, "both_orders": both_orders, "refusals": refusals}
    pair_options["scale"] = preference_scale
    if not resolved.pairs:
        _require_no_pair_options(name, pair_options)
    resolved, notes, warnings = read_cells(resolved, name, hints, codes, value_map, decimal)
    resolved, shapes = reshape_records(resolved, hints.keys)
    if "item" not in (mapping or {}):
        warnings += _check_items(resolved, name, hints)
    if resolved.pairs:
        options = pair_options | {"value_map": value_map, "codes": codes}
        first, *rest = parts_of_pairs(resolved, name, hints, options)
    else:
        first, *rest = [_score_part(resolved, name, hints, repeats == "mean")]
    first = replace(
        first,
        notes=(*origin_of(raw).notes, *resolved.notes, *notes, *shapes, *first.notes),
        warnings=(*resolved.warnings, *warnings, *first.warnings),
        columns=tuple(map(str, raw.columns)),
    )
    return [replace(first, notes=(*first.notes, *_covariate_notes(first, resolved, hints))), *rest]


def _require_columns(resolved: Resolved, raw: pd.DataFrame, name: str, hints: ColumnHints) -> None:
    if "item" not in resolved.frame:
        raise no_item_error(raw, name)
    if "weight" in resolved.frame and "weight" not in hints.declared:
        raise MetaevalError(
            f"{name} has a column 'weight', but item weights are not supported. Drop or rename it."
        )


def _check_items(resolved: Resolved, name: str, hints: ColumnHints) -> list[str]:
    """Raise, or warn, if items look like row numbers and another column like their ids."""
    frame = resolved.frame
    roles = {
        *ROLES,
        *hints.keys,
        *hints.declared,
        *(c for c in map(str, frame) if hints.is_label(c)),
    }
    shared_column = None if resolved.pairs or "scorer" in frame else find_item_column(frame, roles)
    if shared_column is None:
        return []
    message = row_number_message(frame, name, shared_column)
    if resolved.role_columns.get("item") == "item":
        return [message]
    raise MetaevalError(f"{message}.")


_PAIR_DEFAULTS = {"ordered": False, "both_orders": "each", "refusals": "missing", "scale": None}


def _require_no_pair_options(name: str, options: Mapping[str, object]) -> None:
    wrong = [option for option, value in options.items() if value != _PAIR_DEFAULTS[option]]
    if wrong:
        wrong = ["preference_scale" if option == "scale" else option for option in wrong]
        raise MetaevalError(
            f"{join_names(wrong)} applies to pairs only, but {name} has no columns 'first' and "
            "'second'. Omit the option, or declare these columns: "
            f"{column_hint(first='<column>', second='<column>')}."
        )


def _covariate_notes(part: Part, resolved: Resolved, hints: ColumnHints) -> list[str]:
    """Return a note on the columns kept besides scores and labels, so that all are listed."""
    roles = {*ROLES, *hints.keys}
    extra = [str(c) for c in part.rows if str(c) not in roles]
    return (
        [f"{part.source}: not used as scores (kept as extra columns): {join_names(extra, 20)}"]
        if extra
        else []
    )


# Scores and labels of responses.
_VALUES = (("rater", "label"), ("scorer", "score"))


def _score_part(resolved: Resolved, name: str, hints: ColumnHints, mean: bool) -> Part:
    frame, role_columns = separate_raters(resolved.frame, resolved.role_columns)
    resolved = replace(resolved, frame=frame, role_columns=role_columns)
    long = _long_columns(resolved)
    roles = {*resolved.role_columns, *resolved.unused_ids, *ids_in(frame), *hints.keys}
    id_columns = roles if long else roles - {"rater", "scorer"}
    unassigned = [str(c) for c in frame if c not in roles]
    columns = [c for c in unassigned if hints.has_values(frame[c], long=bool(long))]
    ids = _row_ids(frame, hints.keys, bool(long) or mean)
    kinds = {c: hints.is_label(c) for c in columns}
    distinct = id_columns - {*resolved.unused_ids}  # ids that were not chosen may distinguish rows
    rows = LongRecords(ids, name, frame=frame, roles=distinct, values=kinds)
    value_tables, warnings = _long_values(frame, rows, name, long, mean)
    if "" in ids:
        items = LongRecords({role: ids[role] for role in ids if role}, name)
        excluded = {*id_columns, *(hints.scorers or ())}
        messages = unnamed_responses_warning(frame, items.row, skip=excluded, values=kinds)
        warnings += [f"{name}: {line}" for line in messages]
    if "rater" in resolved.role_columns and "rater" not in [who for who, _ in long]:
        warnings.append(
            f"{name}: excluded the rater column because no label column was found; declare "
            f"one with {column_hint(label='<column>')}, or, if the column itself contains "
            f"ratings, use labels={resolved.role_columns['rater']!r} (--labels "
            f"{resolved.role_columns['rater']})"
        )
    values = {c: numbers(frame[c], c, name) for c in columns}
    if mean:
        warnings += [w for c in columns for w in outlying_code_warning(c, values[c])]
    wide = rows.arrange(values, repeats=bool(long), mean=mean)
    for are_labels in (True, False):
        value_tables.append(({c: wide[c] for c in columns if kinds[c] == are_labels}, are_labels))
    part = _build_part(
        frame, rows, value_tables, [c for c in unassigned if c not in columns], hints
    )
    return replace(part, warnings=tuple(warnings))


def _long_columns(resolved: Resolved) -> list[tuple[str, str]]:
    """Return pairs of columns of names and values; [] for a wide table."""
    role_columns = resolved.role_columns
    if "rater" in role_columns and "score" in role_columns and "scorer" not in role_columns:
        return [("rater", "score")]
    return [
        (name_column, value_column)
        for name_column, value_column in _VALUES
        if {name_column, value_column} <= set(role_columns)
    ]


def _row_ids(frame: pd.DataFrame, keys: list[str], repeats: bool) -> dict[str, Any]:
    """Return the ids of the rows; without names of responses, each row is a separate one.

    Not so in long tables, and in those whose repeats are averaged: their rows repeat.
    """
    response_column = [name for name in ("response", "system") if name in frame][:1]
    ids = ids_of(frame, ["task", "item", *response_column, *keys])
    return ids if repeats or response_column else ids | {"": pd.Categorical(np.arange(len(frame)))}


def _long_values(
    frame: pd.DataFrame, rows: LongRecords, name: str, long: list[tuple[str, str]], mean: bool
) -> tuple[list[tuple[dict[str, Floats], bool]], list[str]]:
    """Return wide tables of the scores and labels of a long file, and warnings."""
    value_tables: list[tuple[dict[str, Floats], bool]] = []
    warnings: list[str] = []
    has_name = np.zeros(len(frame), dtype=bool)
    for name_column, value_column in long:
        present = (
            frame[name_column].notna() & (frame[name_column].astype(TEXT).str.strip() != "")
        ).to_numpy()
        has_name |= present
        at = np.flatnonzero(present)
        subset = frame.iloc[at]
        names = id_column(subset[name_column], name_column, text=origin_of(frame).text)
        values = numbers(subset[value_column], value_column, name)
        if mean:
            warnings += outlying_code_warning(value_column, values)
        wide = rows.pivot(
            names, values, at=at, mean=mean, value=(value_column, name_column == "rater")
        )
        value_tables.append((wide, name_column == "rater"))
    if long and not has_name.all():
        roles = " or ".join(name_column for name_column, _ in long)
        warnings.append(f"{name}: excluded {int((~has_name).sum())} rows without a {roles}")
    return value_tables, warnings


def _build_part(
    frame: pd.DataFrame,
    rows: LongRecords,
    value_tables: list[tuple[dict[str, Floats], bool]],
    rest: list[str],
    hints: ColumnHints,
) -> Part:
    """Split columns of values into scores and labels; add ids and covariates."""
    values: dict[bool, dict[str, Floats]] = {True: {}, False: {}}
    for wide, are_labels in value_tables:
        for name, column in wide.items():
            kind = values[are_labels or name in hints.labels]
            if name in kind:
                raise MetaevalError(
                    f"{rows.source} has both a column and a scorer or rater named {name!r}; rename "
                    "one of them."
                )
            kind[str(name)] = column
    index = pd.RangeIndex(rows.n)
    labels, scores = (float_frame(values[kind], index) for kind in (True, False))
    description, notes = _describe_rows(frame, rows, rest)
    return Part(description, scores, labels, source=rows.source, notes=notes)


def _describe_rows(
    frame: pd.DataFrame, rows: LongRecords, rest: list[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return ids, system, cluster and covariates of the rows, and notes on excluded ones."""
    ids = rows.row_ids()
    attributes, attribute_notes = rows.attributes(
        ids_of(frame, [c for c in ("system", "cluster") if c not in ids])
    )
    covariates, covariate_notes = rows.covariates(frame, rest)
    return pd.DataFrame(ids | attributes | covariates, index=pd.RangeIndex(rows.n)), (
        *attribute_notes,
        *covariate_notes,
    )
