"""Tidy tables of pairs: verdicts in long form, margins in wide form."""

from __future__ import annotations

from typing import Any

import pandas as pd

from metaeval.core import MetaevalError
from metaeval.readers.cells.numbers_and_ids import numbers
from metaeval.readers.cells.scales import require_preferences
from metaeval.readers.cells.verdict_words import are_verdicts
from metaeval.readers.columns.aliases import MARGIN, column_hint
from metaeval.readers.columns.column_inference import ColumnHints, is_covariate
from metaeval.readers.columns.roles import Resolved
from metaeval.readers.formats import margins, preferences
from metaeval.readers.formats.orientation import two_sided_columns
from metaeval.readers.matching.file_part import Part
from metaeval.tables import TEXT


def parts_of_pairs(
    resolved: Resolved, name: str, hints: ColumnHints, options: dict[str, Any]
) -> list[Part]:
    """Return the parts of a table of pairs; `options` are the options of preferences."""
    frame = resolved.frame
    roles = {*resolved.role_columns, *resolved.unused_ids, *hints.keys, "order", "tie_kind"}
    unassigned = [str(c) for c in frame if c not in roles]
    long = bool({"scorer", "rater"} & set(frame))
    wide = [c for c in unassigned if not long and are_verdicts(frame, c)]
    if wide:
        rest = frame.drop(columns=[*wide, *({"preference"} & set(frame))])
        rest.attrs = frame.attrs
        unassigned = [c for c in unassigned if c not in wide]
        numeric = any(hints.has_values(frame[c], long=False) for c in unassigned)
        margins_too = _wide(rest, unassigned, name, hints, options) if numeric else []
        frame = frame.drop(
            columns=[c for c in unassigned if hints.has_values(frame[c], long=False)]
        )
        frame.attrs = resolved.frame.attrs
        return [*_wide_verdicts(frame, resolved, wide, name, hints, options), *margins_too]
    if "preference" in resolved.role_columns:
        if not long and any(map(hints.is_label, unassigned)):  # labels have separate columns
            frame = frame.assign(scorer=str(resolved.role_columns["preference"]))
        return _long(frame, unassigned, name, hints, options)
    if MARGIN in resolved.role_columns:
        return margins.long_margin_parts(
            frame, source=name, labels=hints.labels, keys=hints.keys, ordered=options["ordered"]
        )
    return _wide(frame, unassigned, name, hints, options)


def _long(
    frame: pd.DataFrame,
    unassigned: list[str],
    name: str,
    hints: ColumnHints,
    options: dict[str, Any],
) -> list[Part]:
    """Return parts of verdicts, and of separate columns of labels."""
    gold = [c for c in unassigned if hints.is_label(c)]
    tables = [frame.drop(columns=gold)] + [_label_records(frame, c, hints.keys) for c in gold]
    options = options | {"labels": [*hints.labels, *gold], "keys": hints.keys}
    return [p for table in tables for p in preferences.pair_parts(table, source=name, **options)]


def _wide_verdicts(
    frame: pd.DataFrame,
    resolved: Resolved,
    columns: list[str],
    name: str,
    hints: ColumnHints,
    options: dict[str, Any],
) -> list[Part]:
    """Return parts of a table with a column of verdicts per judge and rater."""
    judge_of_column = {c: c for c in columns}
    if "preference" in resolved.role_columns:
        judge_of_column |= {"preference": str(resolved.role_columns["preference"])}
    rest = frame.drop(columns=list(judge_of_column))
    long = pd.concat(
        [rest.assign(scorer=judge, preference=frame[c]) for c, judge in judge_of_column.items()],
        ignore_index=True,
    )
    long.attrs = frame.attrs
    labels = [
        *hints.labels,
        *(judge for judge in judge_of_column.values() if hints.is_label(judge)),
    ]
    is_selected = long["scorer"].isin({*(hints.scorers or []), *labels})
    if (
        hints.scorers is not None and is_selected.any()
    ):  # unknown scorers are refused with the table
        long = long[is_selected].reset_index(drop=True)
        long.attrs = frame.attrs
    options = options | {"labels": labels, "keys": hints.keys}
    return preferences.pair_parts(long, source=name, **options)


def _label_records(frame: pd.DataFrame, column: str, keys: list[str]) -> pd.DataFrame:
    """Return one record per pair with the verdict of a separate column of labels."""
    ids = [c for c in ("task", "item", "first", "second", *keys) if c in frame]
    gold = frame[[*ids, column]]
    gold = gold[~gold.astype(TEXT).duplicated().to_numpy()]  # cells may be lists
    gold = gold.rename(columns={column: "preference"}).assign(rater=column)
    gold.attrs = frame.attrs
    return gold


def _wide(
    frame: pd.DataFrame,
    unassigned: list[str],
    name: str,
    hints: ColumnHints,
    options: dict[str, Any],
) -> list[Part]:
    """Return parts of margins; columns of the two sides, such as `chars_a`, are covariates."""
    sided = set(two_sided_columns([str(c) for c in frame])) - set(hints.declared)
    columns = [c for c in unassigned if c not in sided and hints.has_values(frame[c], long=False)]
    if not columns and hints.scorers is None and not any(map(is_covariate, unassigned)):
        raise MetaevalError(
            f"{name} has pairs but no column of preferences or margins; declare one: "
            f"{column_hint(preference='<column>')}."
        )
    labels = [c for c in columns if hints.is_label(c)]
    for label in labels if options["scale"] is None else ():
        require_preferences(numbers(frame[label], label, name), label, name)
    return margins.margin_parts(
        frame,
        columns,
        source=name,
        labels=labels,
        keys=hints.keys,
        ordered=options["ordered"],
        scale=options["scale"],
    )
