"""Margins of pairs: a column per scorer, or a row per scorer and pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import Floats, MetaevalError, rounded_margins
from metaeval.readers.cells.numbers_and_ids import combine_codes, id_column, numbers
from metaeval.readers.cells.scales import (
    Scale,
    as_margins,
    inferred_scale,
    one_sided_warning,
    scale_of,
)
from metaeval.readers.columns.aliases import MARGIN
from metaeval.readers.files.frame_origin import origin_of
from metaeval.readers.formats.long_to_wide import LongRecords
from metaeval.readers.formats.orientation import OrientedPairs, canonical_order
from metaeval.readers.formats.preferences import ROLES, describe_rows
from metaeval.readers.matching.file_part import Part
from metaeval.tables import TEXT


def margin_parts(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    source: str,
    labels: Sequence[str],
    keys: Sequence[str],
    ordered: bool,
    scale: Scale = None,
) -> list[Part]:
    """Convert a wide table of pairs, with a column per scorer or label, to one part."""
    oriented_pairs = canonical_order(frame, ordered, keys)
    kinds = {name: name in labels for name in columns}
    rows = LongRecords(
        oriented_pairs.ids, source, frame=frame, roles=ROLES, values=kinds, pairs=True
    )
    sign = np.where(oriented_pairs.is_swapped, -1.0, 1.0)
    margins_of = {name: _on_scale(frame[name], name, source, scale) for name in columns}
    warnings = [w for name in columns if name not in labels for w in margins_of[name][1]]
    _require_one_order(rows, oriented_pairs, [])
    wide = {name: _margins(margins_of[name][0], name, rows, sign) for name in columns}
    about, notes = describe_rows(
        oriented_pairs.frame, rows, (*oriented_pairs.ids, *ROLES, *columns)
    )
    table = pd.DataFrame(wide, index=pd.RangeIndex(rows.n))
    scores = table[[c for c in columns if c not in labels]]
    return [
        Part(
            rows=about,
            scores=scores,
            labels=table[list(labels)],
            source=source,
            pairs=True,
            label_kind="preference",
            notes=notes,
            warnings=tuple(warnings),
            presentation=_presentation(scores, rows, oriented_pairs),
        )
    ]


def _presentation(
    scores: pd.DataFrame, rows: LongRecords, oriented_pairs: OrientedPairs
) -> pd.DataFrame:
    """Return the order in which each scorer saw each pair, coded as in `Part`: (row, scorer)."""
    side = np.ones(rows.n)
    side[rows.row] = np.where(oriented_pairs.order == "ba", -1.0, 1.0)
    return scores.notna().astype(float).mul(side, axis=0).where(scores.notna())


def _require_one_order(
    rows: LongRecords, oriented_pairs: OrientedPairs, names: Sequence[Any]
) -> None:
    """Raise if pairs of a judge occur in both orders.

    Records that differ in their values only are left to the error for repeated rows.
    """
    judge_codes = [name.codes for name in names]
    pair, seen = (
        combine_codes([rows.row, *judge_codes]),
        combine_codes([rows.row, *judge_codes, oriented_pairs.order.codes]),
    )
    n_repeated = len(pair) - len(np.unique(pair))
    if not n_repeated or len(np.unique(seen)) < len(seen):
        return
    raise MetaevalError(
        f"{rows.source} has {n_repeated} pairs in both orders (first and second exchanged), and "
        "so two margins per pair. If judges saw both orders, keep the pairs as shown: "
        "ordered=True (--ordered), without both_orders='net' (--both-orders net); if one order "
        "is a copy of the other with the sign reversed, remove it."
    )


def _on_scale(column: pd.Series, name: str, source: str, scale: Scale) -> tuple[Floats, list[str]]:
    """Return the numbers of one scorer as margins, first minus second (record,), and warnings."""
    values = numbers(column, name, source)
    declared_scale, warnings = scale_of(name, scale), list[str]()
    if declared_scale is None:
        declared_scale, warnings = inferred_scale(values, name, source, verdicts=False)
    margins = as_margins(values, declared_scale, name, source)
    return margins, warnings or one_sided_warning(margins[~np.isnan(margins)], name, source)


def _margins(values: Floats, name: str, rows: LongRecords, sign: Floats) -> pd.Series:
    """Return the margins of one scorer, first minus second: (row,)."""
    _require_finite(values, name, rows.source)
    names = pd.Categorical([name] * len(values))
    return rows.pivot(names, rounded_margins(values) * sign + 0.0)[name]


def _require_finite(values: Floats, name: str, source: str) -> None:
    if np.isinf(values).any():
        raise MetaevalError(
            f"{name!r} in {source} has infinite values; leave the cells empty if they are missing."
        )


def long_margin_parts(
    frame: pd.DataFrame, *, source: str, labels: Sequence[str], keys: Sequence[str], ordered: bool
) -> list[Part]:
    """Convert a long table of margins, with a row per pair and scorer or rater, to one part."""
    oriented_pairs = canonical_order(frame, ordered, keys)
    order = {"order": oriented_pairs.order} if "order" in frame else {}
    roles = (*ROLES, MARGIN)
    rows = LongRecords(oriented_pairs.ids | order, source, frame=frame, roles=roles, pairs=True)
    if not order:
        role = [c for c in ("task", "scorer", "rater") if c in frame]
        _require_one_order(rows, oriented_pairs, [id_column(frame[c], c, null=True) for c in role])
    values = numbers(frame[MARGIN], MARGIN, source)
    _require_finite(values, MARGIN, source)
    values = values * np.where(oriented_pairs.is_swapped, -1.0, 1.0) + 0.0
    wide = {role: _pivot_by_role(frame, rows, values, role) for role in ("scorer", "rater")}
    label_names = [c for c in wide["scorer"] if c in labels]
    about, notes = describe_rows(oriented_pairs.frame, rows, (*oriented_pairs.ids, *order, *roles))
    return [
        Part(
            rows=about,
            scores=wide["scorer"].drop(columns=label_names),
            labels=pd.concat([wide["rater"], wide["scorer"][label_names]], axis=1),
            source=source,
            pairs=True,
            label_kind="preference",
            notes=notes,
        )
    ]


def _pivot_by_role(
    frame: pd.DataFrame, rows: LongRecords, values: Floats, role: str
) -> pd.DataFrame:
    """Arrange values (record,) in a column per scorer or rater."""
    if role not in frame:
        return pd.DataFrame(index=pd.RangeIndex(rows.n))
    at = np.flatnonzero(frame[role].notna() & (frame[role].astype(TEXT).str.strip() != ""))
    names = id_column(frame[role].iloc[at], role, text=origin_of(frame).text)
    wide = rows.pivot(names, values[at], at=at, value=(MARGIN, role == "rater"))
    return pd.DataFrame(wide, index=pd.RangeIndex(rows.n))
