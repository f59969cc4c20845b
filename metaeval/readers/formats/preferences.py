"""Verdicts and margins on pairs: words to numbers, orders of presentation, refusals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import Bools, Codes, Floats, MetaevalError, check_one_of
from metaeval.readers.cells.missing_words import MissingCodes, word_of
from metaeval.readers.cells.numbers_and_ids import combine_codes, id_column
from metaeval.readers.cells.scales import Scale
from metaeval.readers.cells.verdict_words import WORDS, is_number, plain_word, verdicts
from metaeval.readers.files.frame_origin import origin_of
from metaeval.readers.formats.long_to_wide import LongRecords, ids_of
from metaeval.readers.formats.orientation import OrientedPairs, canonical_order
from metaeval.readers.matching.file_part import WRONG, Part
from metaeval.tables import TEXT, contradiction

ORDERS = ("each", "net")
REFUSALS = ("missing", "tie", "wrong")

_FIRST_BY_MARK, _SECOND_BY_MARK = ("b<a", "b<<a"), ("a<b", "a<<b")


ROLES = ("first", "second", "order", "preference", "scorer", "rater", "cluster")


def pair_parts(
    long: pd.DataFrame,
    *,
    source: str,
    ordered: bool = False,
    both_orders: str = "each",
    refusals: str = "missing",
    value_map: Mapping[str, float | None] | None = None,
    codes: MissingCodes | None = None,
    scale: Scale = None,
    labels: Sequence[str] = (),
    keys: Sequence[str] = (),
) -> list[Part]:
    """Convert records of verdicts to parts: judges asked in both orders, and all others.

    Parameters
    ----------
    long : DataFrame
        A record per verdict: item, first, second, preference, scorer or rater; optionally task,
        cluster, order ("ab" or "ba"), key columns and covariates. The first response was shown
        first unless `order` is "ba".
    source : str
        Name of the file in messages.
    ordered : bool
        Keep first and second as shown.
    both_orders : {"each", "net"}
        Both orders of a judge as two rows, or as their net verdict (a conflict is a tie).
    refusals : {"missing", "tie", "wrong"}
        How to count a record without a verdict.
    value_map : mapping, optional
        Further words: word -> 1, -1, 0 or None.
    codes : MissingCodes, optional
        Codes for a missing verdict.
    scale : str or mapping of judges to str, optional
        Coding of the numbers; see `scales.SCALES`.
    labels : sequence of str
        Names in `scorer` that are raters.
    keys : sequence of str
        Further columns that identify a row.

    Returns
    -------
    list of Part

    Raises
    ------
    MetaevalError
        If words are unknown, options contradict, or a judge judged a pair twice.
    """
    check_one_of("both_orders", both_orders, ORDERS)
    check_one_of("refusals", refusals, REFUSALS)
    check_order_options(ordered, both_orders)
    names, from_rater = _names(long, labels)
    value, warnings = verdicts(
        _winners_as_sides(long, value_map, codes),
        names,
        source=source,
        value_map=value_map,
        codes=codes,
        scale=scale,
        raters=set(np.asarray(names, dtype=object)[from_rater]),
    )
    notes = _refusal_notes(value, names, from_rater, source)
    refused = np.isnan(value) & ~from_rater
    value = np.where(refused, {"missing": np.nan, "tie": 0.0, "wrong": WRONG}[refusals], value)
    oriented_pairs = canonical_order(long, ordered, keys)
    value = np.where(oriented_pairs.is_swapped & (value != WRONG), -value, value) + 0.0
    in_both_orders = (
        np.zeros(len(long), dtype=bool) if ordered else _both_orders(oriented_pairs, names)
    )
    selected = np.ones(len(long), dtype=bool)
    if both_orders == "net":
        value, selected, net_notes = _net_verdicts(
            oriented_pairs, value, names, in_both_orders, source
        )
        in_both_orders, notes = np.zeros(len(long), dtype=bool), (*notes, *net_notes)
    groups = [
        (selected & in_both_orders, {"order": oriented_pairs.order}),
        (selected & ~in_both_orders, {}),
    ]
    first, *rest = [
        _part(oriented_pairs, oriented_pairs.ids | order, value, names, from_rater, records, source)
        for records, order in groups
        if records.any()
    ]
    return [replace(first, notes=(*notes, *first.notes), warnings=tuple(warnings)), *rest]


def check_order_options(ordered: bool, both_orders: str) -> None:
    """Raise if the two orders are to be both kept and netted."""
    if ordered and both_orders == "net":
        raise MetaevalError(
            "both_orders='net' merges the two orders, which ordered=True keeps separate; use "
            "only one of these options."
        )


def _names(long: pd.DataFrame, labels: Sequence[str]) -> tuple[Any, Bools]:
    """Return the judge of each verdict, and whether it is a rater: Categorical, mask (record,)."""
    text = origin_of(long).text
    columns = [c for c in ("scorer", "rater") if c in long]
    if not columns:
        name = labels[0] if len(labels) == 1 else "human"
        return pd.Categorical([name] * len(long)), np.ones(len(long), dtype=bool)
    if len(columns) == 2:
        empty = long["scorer"].isna() | long["scorer"].map(lambda v: isinstance(v, str) and not v)
        from_rater = empty.to_numpy(dtype=bool)
        judges = long["scorer"].where(~from_rater, long["rater"])
    else:
        judges, from_rater = long[columns[0]], np.full(len(long), columns[0] == "rater")
    names = id_column(judges, columns[0], text=text)
    return names, from_rater | np.isin(np.asarray(names, dtype=object), list(labels))


def _refusal_notes(value: Floats, names: Any, from_rater: Bools, source: str) -> tuple[str, ...]:
    """Return notes on the proportion of records without a verdict, per judge."""
    codes, n = names.codes[~from_rater], len(names.categories)
    n_records = np.bincount(codes, minlength=n)
    n_refusals = np.bincount(codes, weights=np.isnan(value[~from_rater]), minlength=n).astype(int)
    return tuple(
        f"{source}: {name} gave no verdict on {k} pairs ({100 * k / of:.1f}%)"
        for name, k, of in zip(names.categories, n_refusals, n_records, strict=True)
        if k
    )


def _winners_as_sides(
    long: pd.DataFrame,
    value_map: Mapping[str, float | None] | None,
    codes: MissingCodes | None,
) -> pd.Series:
    """Return the preferences, with names of winners replaced by their sides."""
    column = long["preference"]
    cells = column.astype(object).where(column.notna(), "").astype(TEXT).str.strip()
    first, second = (long[side].astype(TEXT).str.strip() for side in ("first", "second"))
    declared = {word_of(w) for w in value_map or ()} | (codes or MissingCodes()).everywhere
    names = {plain_word(n) for n in pd.unique(pd.concat([first, second]))}
    if any(n in WORDS or is_number(n) for n in names):
        _require_no_crossing(cells, first, second, declared)
        return column
    new = ~cells.map(word_of).isin(declared | set(WORDS))
    if not new.any() or not ((cells == first) | (cells == second))[new].all():
        return column
    sides = column.astype(object).mask(new & (cells == first), "first")
    return sides.mask(new & (cells == second), "second")


def _require_no_crossing(
    cells: pd.Series, first: pd.Series, second: pd.Series, declared: Collection[str]
) -> None:
    """Raise if a verdict is the name of one response and a word for the other side."""
    side = cells.map(lambda v: None if word_of(v) in declared else WORDS.get(plain_word(v)))
    crossed = ((cells == first) & (side == -1)) | ((cells == second) & (side == 1))
    if crossed.any():
        row = int(np.flatnonzero(crossed)[0])
        word = cells.iloc[row]
        side_name = "first" if word == first.iloc[row] else "second"
        raise MetaevalError(
            f"The verdict {word!r} in row {row + 1} is ambiguous: it is the name of the "
            f"{side_name} response, but also a word for the other side. If it means a side, "
            f"declare value_map= (--value-map {word}={int(side.iloc[row])},...) for each such "
            "word; if it names the winner, rename the responses to something other than A, B, 1, "
            "2, first or second."
        )


# Orders of presentation.
def _pair_codes(oriented_pairs: OrientedPairs, names: Any) -> Codes:
    """Number the pairs of each judge, from 0: (record,)."""
    codes = [column.codes for column in oriented_pairs.ids.values()]
    return pd.factorize(combine_codes([*codes, names.codes]))[0]


def _order_counts(oriented_pairs: OrientedPairs, pair: Codes) -> tuple[Codes, Codes]:
    """Count how often each pair of a judge was shown in either order: two arrays (pair,)."""
    n = int(pair.max()) + 1
    swapped = oriented_pairs.order.codes == 1
    return np.bincount(pair[~swapped], minlength=n), np.bincount(pair[swapped], minlength=n)


def _both_orders(oriented_pairs: OrientedPairs, names: Any) -> Bools:
    """Return the records of judges who saw some pair in both orders: (record,)."""
    pair = _pair_codes(oriented_pairs, names)
    ab, ba = _order_counts(oriented_pairs, pair)
    in_both = np.unique(names.codes[(ab[pair] > 0) & (ba[pair] > 0)])
    return np.isin(names.codes, in_both)


def _net_verdicts(
    oriented_pairs: OrientedPairs, value: Floats, names: Any, in_both_orders: Bools, source: str
) -> tuple[Floats, Bools, tuple[str, ...]]:
    """Return the net verdicts, a mask of records to keep, and notes.

    The net verdict is on the first record of a pair. A conflict is a tie; a pair with one order
    only is missing. Repeated records of one order are all kept, to be refused as duplicates.
    """
    pair = _pair_codes(oriented_pairs, names)
    ab, ba = _order_counts(oriented_pairs, pair)
    wrong = value == WRONG
    total = np.bincount(pair, weights=np.where(wrong, 0.0, value))
    net = np.where((ab == 0) | (ba == 0), np.nan, np.sign(total))
    net = np.where(np.bincount(pair, weights=wrong) > 0, WRONG, net)[pair]
    is_repeated = (ab > 1)[pair] | (ba > 1)[pair]
    selected = ~in_both_orders | is_repeated | ~pd.Series(pair).duplicated().to_numpy()
    notes = _conflict_notes(net, value, in_both_orders & selected, names, source)
    return np.where(in_both_orders & ~is_repeated, net, value), selected, notes


def _conflict_notes(
    net: Floats, value: Floats, is_net: Bools, names: Any, source: str
) -> tuple[str, ...]:
    """Return notes on the number of opposite verdicts in the two orders, per judge."""
    n = len(names.categories)
    n_pairs = np.bincount(names.codes[is_net & ~np.isnan(net)], minlength=n)
    n_conflicts = np.bincount(names.codes[is_net & (net == 0) & (value != 0)], minlength=n)
    return tuple(
        f"{source}: {contradiction(name, k, of)}"
        for name, k, of in zip(names.categories, n_conflicts, n_pairs, strict=True)
        if k
    )


# Parts.
def _part(
    oriented_pairs: OrientedPairs,
    ids: Mapping[str, Any],
    value: Floats,
    names: Any,
    from_rater: Bools,
    selected: Bools,
    source: str,
) -> Part:
    """Build a part from a subset of the records (record,)."""
    at = np.flatnonzero(selected)
    frame = oriented_pairs.frame.iloc[at]
    frame.attrs = oriented_pairs.frame.attrs
    rows = LongRecords(
        {name: column[at] for name, column in ids.items()},
        source,
        frame=frame,
        roles=ROLES,
        pairs=True,
    )
    about, notes = describe_rows(frame, rows, (*ids, *ROLES))
    scores, labels = (
        _pivot(rows, names[at], value[at], np.flatnonzero(from_rater[at] == are_labels))
        for are_labels in (False, True)
    )
    judge_records, side = (
        np.flatnonzero(~from_rater[at]),
        np.where(oriented_pairs.order[at] == "ba", -1.0, 1.0),
    )
    presentation = _pivot(rows, names[at], side, judge_records)
    return Part(
        rows=about,
        scores=scores,
        labels=labels,
        source=source,
        pairs=True,
        label_kind="preference",
        notes=notes,
        presentation=presentation,
    )


def _pivot(rows: LongRecords, names: Any, value: Floats, at: Codes) -> pd.DataFrame:
    if not len(at):
        return pd.DataFrame(index=pd.RangeIndex(rows.n))
    names = names[at].remove_unused_categories()
    wide = rows.pivot(names, value[at], at=at, value=("preference", False))
    return pd.DataFrame(wide, index=pd.RangeIndex(rows.n))


def describe_rows(
    frame: pd.DataFrame, rows: LongRecords, roles: Sequence[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return ids, clusters and covariates of the rows, and notes on excluded ones."""
    attributes, attribute_notes = rows.attributes(ids_of(frame, ["cluster"]))
    covariates, covariate_notes = rows.covariates(frame, [str(c) for c in frame if c not in roles])
    description = pd.DataFrame(
        rows.row_ids() | attributes | covariates, index=pd.RangeIndex(rows.n)
    )
    return description, (*attribute_notes, *covariate_notes)
