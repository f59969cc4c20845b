"""Margins of pairs: a column per scorer, or a row per scorer and pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import Floats, MetaevalError, rounded_margins
from metaeval.readers.cells.numbers_and_ids import combine_codes, id_column, numbers
from metaeval.readers.cells.scales import Scale, as_margins, inferred_scale, one_sided, scale_of
from metaeval.readers.columns.aliases import MARGIN
from metaeval.readers.formats.long_to_wide import Rows
from metaeval.readers.formats.orientation import Shown, oriented
from metaeval.readers.formats.preferences import ROLES, described
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
    shown = oriented(frame, ordered, keys)
    kinds = {name: name in labels for name in columns}
    rows = Rows(shown.ids, source, frame=frame, roles=ROLES, values=kinds, pairs=True)
    sign = np.where(shown.turn, -1.0, 1.0)
    read = {name: _on_scale(frame[name], name, source, scale) for name in columns}
    warnings = [w for name in columns if name not in labels for w in read[name][1]]
    _require_one_order(rows, shown, [])
    wide = {name: _margins(read[name][0], name, rows, sign) for name in columns}
    about, notes = described(shown.frame, rows, (*shown.ids, *ROLES, *columns))
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
            shown=_seen(scores, rows, shown),
        )
    ]


def _seen(scores: pd.DataFrame, rows: Rows, shown: Shown) -> pd.DataFrame:
    """Return the order in which each scorer saw each pair, coded as in `Part`: (row, scorer)."""
    side = np.ones(rows.n)
    side[rows.row] = np.where(shown.order == "ba", -1.0, 1.0)
    return scores.notna().astype(float).mul(side, axis=0).where(scores.notna())


def _require_one_order(rows: Rows, shown: Shown, names: Sequence[Any]) -> None:
    """Raise if pairs of a judge occur in both orders.

    Records that differ in their values only are left to the error for repeated rows.
    """
    who = [name.codes for name in names]
    pair, seen = combine_codes([rows.row, *who]), combine_codes([rows.row, *who, shown.order.codes])
    twice = len(pair) - len(np.unique(pair))
    if not twice or len(np.unique(seen)) < len(seen):
        return
    raise MetaevalError(
        f"{rows.source} has {twice} pairs in both orders (first and second exchanged), so two "
        "margins per pair. If judges saw both orders, keep pairs as shown: ordered=True "
        "(--ordered), without both_orders='net' (--both-orders net); if one order is a copy of the "
        "other with the sign reversed, remove it."
    )


def _on_scale(column: pd.Series, name: str, source: str, scale: Scale) -> tuple[Floats, list[str]]:
    """Return the numbers of one scorer as margins, first minus second (record,), and warnings."""
    values = numbers(column, name, source)
    one, warnings = scale_of(name, scale), list[str]()
    if one is None:
        one, warnings = inferred_scale(values, name, source, verdicts=False)
    margins = as_margins(values, one, name, source)
    return margins, warnings or one_sided(margins[~np.isnan(margins)], name, source)


def _margins(values: Floats, name: str, rows: Rows, sign: Floats) -> pd.Series:
    """Return the margins of one scorer, first minus second: (row,)."""
    _require_finite(values, name, rows.source)
    one = pd.Categorical([name] * len(values))
    return rows.spread(one, rounded_margins(values) * sign + 0.0)[name]


def _require_finite(values: Floats, name: str, source: str) -> None:
    if np.isinf(values).any():
        raise MetaevalError(
            f"{name!r} of {source} has infinite values; leave the cells empty if they are missing."
        )


def long_margin_parts(
    frame: pd.DataFrame, *, source: str, labels: Sequence[str], keys: Sequence[str], ordered: bool
) -> list[Part]:
    """Convert a long table of margins, with a row per pair and scorer or rater, to one part."""
    shown = oriented(frame, ordered, keys)
    order = {"order": shown.order} if "order" in frame else {}
    roles = (*ROLES, MARGIN)
    rows = Rows(shown.ids | order, source, frame=frame, roles=roles, pairs=True)
    if not order:
        who = [c for c in ("task", "scorer", "rater") if c in frame]
        _require_one_order(rows, shown, [id_column(frame[c], c, null=True) for c in who])
    values = numbers(frame[MARGIN], MARGIN, source)
    _require_finite(values, MARGIN, source)
    values = values * np.where(shown.turn, -1.0, 1.0) + 0.0
    wide = {who: _by_name(frame, rows, values, who) for who in ("scorer", "rater")}
    judged = [c for c in wide["scorer"] if c in labels]
    about, notes = described(shown.frame, rows, (*shown.ids, *order, *roles))
    return [
        Part(
            rows=about,
            scores=wide["scorer"].drop(columns=judged),
            labels=pd.concat([wide["rater"], wide["scorer"][judged]], axis=1),
            source=source,
            pairs=True,
            label_kind="preference",
            notes=notes,
        )
    ]


def _by_name(frame: pd.DataFrame, rows: Rows, values: Floats, who: str) -> pd.DataFrame:
    """Arrange values (record,) in a column per scorer or rater."""
    if who not in frame:
        return pd.DataFrame(index=pd.RangeIndex(rows.n))
    at = np.flatnonzero(frame[who].notna() & (frame[who].astype(TEXT).str.strip() != ""))
    names = id_column(frame[who].iloc[at], who, text=bool(frame.attrs.get("text")))
    wide = rows.spread(names, values[at], at=at, value=(MARGIN, who == "rater"))
    return pd.DataFrame(wide, index=pd.RangeIndex(rows.n))
