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
from metaeval.readers.columns.column_inference import Said
from metaeval.readers.columns.roles import Resolved, names_of, resolve
from metaeval.readers.columns.row_numbers import items_in
from metaeval.readers.files.csv_tables import first_cells
from metaeval.readers.files.raw_frame import load_frame
from metaeval.readers.formats.long_to_wide import Rows, ids_of, raters_apart
from metaeval.readers.formats.tidy_cells import read_cells
from metaeval.readers.formats.tidy_pairs import parts_of_pairs
from metaeval.readers.formats.tidy_shapes import ids_in, shaped
from metaeval.readers.matching.file_part import Part
from metaeval.readers.matching.hints import no_item, one_row_each, unnamed_responses
from metaeval.readers.matching.suspicious_values import codes_apart
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
        Meaning of numbers of pairs; see `scales.SCALES`.
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
    name = raw.attrs["source"]
    said = Said(names_of(labels), None if scorers is None else names_of(scorers), names_of(keys))
    resolved = resolve(raw, source=name, mapping=mapping, keys=said.keys, named=said.named)
    _require_columns(resolved, raw, name, said)
    codes = parse_codes(missing_codes)
    pair_options = {"ordered": ordered, "both_orders": both_orders, "refusals": refusals}
    pair_options["scale"] = preference_scale
    if not resolved.pairs:
        _require_no_pair_options(name, pair_options)
    resolved, notes, warnings = read_cells(resolved, name, said, codes, value_map, decimal)
    resolved, shapes = shaped(resolved, said.keys)
    if "item" not in (mapping or {}):
        warnings += _doubtful_items(resolved, name, said)
    if resolved.pairs:
        how = pair_options | {"value_map": value_map, "codes": codes}
        first, *rest = parts_of_pairs(resolved, name, said, how)
    else:
        first, *rest = [_score_part(resolved, name, said, repeats == "mean")]
    first = replace(
        first,
        notes=(*raw.attrs["notes"], *resolved.notes, *notes, *shapes, *first.notes),
        warnings=(*resolved.warnings, *warnings, *first.warnings),
        columns=tuple(map(str, raw.columns)),
    )
    return [replace(first, notes=(*first.notes, *_covariate_notes(first, resolved, said))), *rest]


def _require_columns(resolved: Resolved, raw: pd.DataFrame, name: str, said: Said) -> None:
    if "item" not in resolved.frame:
        raise no_item(raw, name)
    if "weight" in resolved.frame and "weight" not in said.named:
        raise MetaevalError(
            f"{name} has a column 'weight', but item weights are not supported. Drop or rename it."
        )


def _doubtful_items(resolved: Resolved, name: str, said: Said) -> list[str]:
    """Raise, or warn, if items look like row numbers and another column like their ids."""
    frame = resolved.frame
    roles = {*ROLES, *said.keys, *said.named, *(c for c in map(str, frame) if said.is_label(c))}
    other = None if resolved.pairs or "scorer" in frame else items_in(frame, roles)
    if other is None:
        return []
    doubt = one_row_each(frame, name, other)
    if resolved.found.get("item") == "item":
        return [doubt]
    raise MetaevalError(f"{doubt}.")


_PAIR_DEFAULTS = {"ordered": False, "both_orders": "each", "refusals": "missing", "scale": None}


def _require_no_pair_options(name: str, how: Mapping[str, object]) -> None:
    wrong = [option for option, value in how.items() if value != _PAIR_DEFAULTS[option]]
    if wrong:
        wrong = ["preference_scale" if option == "scale" else option for option in wrong]
        raise MetaevalError(
            f"{join_names(wrong)} applies to pairs only, but {name} has no columns 'first' and "
            "'second'. Omit the option, or declare these columns: "
            f"{column_hint(first='<column>', second='<column>')}."
        )


def _covariate_notes(part: Part, resolved: Resolved, said: Said) -> list[str]:
    """Return a note on the columns kept besides scores and labels, so that all are listed."""
    roles = {*ROLES, *said.keys}
    kept = [str(c) for c in part.rows if str(c) not in roles]
    return (
        [f"{part.source}: not used as scores (kept as extra columns): {join_names(kept, 20)}"]
        if kept
        else []
    )


# Scores and labels of responses.
_VALUES = (("rater", "label"), ("scorer", "score"))


def _score_part(resolved: Resolved, name: str, said: Said, mean: bool) -> Part:
    frame, found = raters_apart(resolved.frame, resolved.found)
    resolved = replace(resolved, frame=frame, found=found)
    long = _long_columns(resolved)
    roles = {*resolved.found, *resolved.spare, *ids_in(frame), *said.keys}
    named = roles if long else roles - {"rater", "scorer"}
    loose = [str(c) for c in frame if c not in roles]
    columns = [c for c in loose if said.holds_values(frame[c], long=bool(long))]
    ids = _row_ids(frame, said.keys, bool(long) or mean)
    kinds = {c: said.is_label(c) for c in columns}
    distinct = named - {*resolved.spare}  # ids that were not chosen may distinguish rows
    rows = Rows(ids, name, frame=frame, roles=distinct, values=kinds)
    held, warnings = _long_values(frame, rows, name, long, mean)
    if "" in ids:
        items = Rows({role: ids[role] for role in ids if role}, name)
        known = {*named, *(said.scorers or ())}
        doubts = unnamed_responses(frame, items.row, skip=known, values=kinds)
        warnings += [f"{name}: {line}" for line in doubts]
    if "rater" in resolved.found and "rater" not in [who for who, _ in long]:
        warnings.append(
            f"{name}: the column of raters excluded, as there is no column of labels; declare it, "
            f"{column_hint(label='<column>')}, or, if the column has ratings itself, "
            f"labels={resolved.found['rater']!r} (--labels {resolved.found['rater']})"
        )
    values = {c: numbers(frame[c], c, name) for c in columns}
    if mean:
        warnings += [w for c in columns for w in codes_apart(c, values[c])]
    wide = rows.place(values, repeats=bool(long), mean=mean)
    for are_labels in (True, False):
        held.append(({c: wide[c] for c in columns if kinds[c] == are_labels}, are_labels))
    part = _divided(frame, rows, held, [c for c in loose if c not in columns], said)
    return replace(part, warnings=tuple(warnings))


def _long_columns(resolved: Resolved) -> list[tuple[str, str]]:
    """Return pairs of columns of names and values; [] for a wide table."""
    found = resolved.found
    if "rater" in found and "score" in found and "scorer" not in found:
        return [("rater", "score")]
    return [(who, what) for who, what in _VALUES if {who, what} <= set(found)]


def _row_ids(frame: pd.DataFrame, keys: list[str], repeats: bool) -> dict[str, Any]:
    """Return the ids of the rows; without names of responses, each row is a separate one.

    Not so in long tables, and in those whose repeats are averaged: their rows repeat.
    """
    who = [name for name in ("response", "system") if name in frame][:1]
    ids = ids_of(frame, ["task", "item", *who, *keys])
    return ids if repeats or who else ids | {"": pd.Categorical(np.arange(len(frame)))}


def _long_values(
    frame: pd.DataFrame, rows: Rows, name: str, long: list[tuple[str, str]], mean: bool
) -> tuple[list[tuple[dict[str, Floats], bool]], list[str]]:
    """Return wide tables of the scores and labels of a long file, and warnings."""
    held: list[tuple[dict[str, Floats], bool]] = []
    warnings: list[str] = []
    named = np.zeros(len(frame), dtype=bool)
    for who, what in long:
        there = (frame[who].notna() & (frame[who].astype(TEXT).str.strip() != "")).to_numpy()
        named |= there
        at = np.flatnonzero(there)
        some = frame.iloc[at]
        names = id_column(some[who], who, text=bool(frame.attrs.get("text")))
        values = numbers(some[what], what, name)
        if mean:
            warnings += codes_apart(what, values)
        wide = rows.spread(names, values, at=at, mean=mean, value=(what, who == "rater"))
        held.append((wide, who == "rater"))
    if long and not named.all():
        whom = " or ".join(who for who, _ in long)
        warnings.append(f"{name}: {int((~named).sum())} rows without a {whom} excluded")
    return held, warnings


def _divided(
    frame: pd.DataFrame,
    rows: Rows,
    held: list[tuple[dict[str, Floats], bool]],
    rest: list[str],
    said: Said,
) -> Part:
    """Split columns of values into scores and labels; add ids and covariates."""
    values: dict[bool, dict[str, Floats]] = {True: {}, False: {}}
    for wide, are_labels in held:
        for name, column in wide.items():
            kind = values[are_labels or name in said.labels]
            if name in kind:
                raise MetaevalError(
                    f"{rows.source} has both a column and a scorer or rater named {name!r}; rename "
                    "one of them."
                )
            kind[str(name)] = column
    index = pd.RangeIndex(rows.n)
    judged, scores = (float_frame(values[kind], index) for kind in (True, False))
    described, notes = _described(frame, rows, rest)
    return Part(described, scores, judged, source=rows.source, notes=notes)


def _described(
    frame: pd.DataFrame, rows: Rows, rest: list[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return ids, system, cluster and covariates of the rows, and notes on excluded ones."""
    ids = rows.named()
    more, torn = rows.attributes(ids_of(frame, [c for c in ("system", "cluster") if c not in ids]))
    covariates, left = rows.covariates(frame, rest)
    return pd.DataFrame(ids | more | covariates, index=pd.RangeIndex(rows.n)), (*torn, *left)
