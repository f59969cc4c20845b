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
from metaeval.readers.formats.long_to_wide import Rows, ids_of
from metaeval.readers.formats.orientation import Shown, oriented
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
        Meaning of numbers; see `scales.SCALES`.
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
    check_orders(ordered, both_orders)
    names, judged = _names(long, labels)
    value, warnings = verdicts(
        _by_name(long, value_map, codes),
        names,
        source=source,
        value_map=value_map,
        codes=codes,
        scale=scale,
        raters=set(np.asarray(names, dtype=object)[judged]),
    )
    notes = _refusal_notes(value, names, judged, source)
    refused = np.isnan(value) & ~judged
    value = np.where(refused, {"missing": np.nan, "tie": 0.0, "wrong": WRONG}[refusals], value)
    shown = oriented(long, ordered, keys)
    value = np.where(shown.turn & (value != WRONG), -value, value) + 0.0
    twice = np.zeros(len(long), dtype=bool) if ordered else _both_orders(shown, names)
    some = np.ones(len(long), dtype=bool)
    if both_orders == "net":
        value, some, more = _net(shown, value, names, twice, source)
        twice, notes = np.zeros(len(long), dtype=bool), (*notes, *more)
    groups = [(some & twice, {"order": shown.order}), (some & ~twice, {})]
    first, *rest = [
        _part(shown, shown.ids | order, value, names, judged, records, source)
        for records, order in groups
        if records.any()
    ]
    return [replace(first, notes=(*notes, *first.notes), warnings=tuple(warnings)), *rest]


def check_orders(ordered: bool, both_orders: str) -> None:
    """Raise if both orders are to be kept and to be netted."""
    if ordered and both_orders == "net":
        raise MetaevalError(
            "both_orders='net' merges the two orders, which ordered=True keeps; use one of them."
        )


def _names(long: pd.DataFrame, labels: Sequence[str]) -> tuple[Any, Bools]:
    """Return the judge of each verdict, and whether it is a rater: Categorical, mask (record,)."""
    text = bool(long.attrs.get("text"))
    columns = [c for c in ("scorer", "rater") if c in long]
    if not columns:
        one = labels[0] if len(labels) == 1 else "human"
        return pd.Categorical([one] * len(long)), np.ones(len(long), dtype=bool)
    if len(columns) == 2:
        empty = long["scorer"].isna() | long["scorer"].map(lambda v: isinstance(v, str) and not v)
        rated = empty.to_numpy(dtype=bool)
        who = long["scorer"].where(~rated, long["rater"])
    else:
        who, rated = long[columns[0]], np.full(len(long), columns[0] == "rater")
    names = id_column(who, columns[0], text=text)
    return names, rated | np.isin(np.asarray(names, dtype=object), list(labels))


def _refusal_notes(value: Floats, names: Any, judged: Bools, source: str) -> tuple[str, ...]:
    """Return notes on the proportion of records without a verdict, per judge."""
    codes, n = names.codes[~judged], len(names.categories)
    asked = np.bincount(codes, minlength=n)
    silent = np.bincount(codes, weights=np.isnan(value[~judged]), minlength=n).astype(int)
    return tuple(
        f"{source}: {name} gave no verdict on {k} pairs ({100 * k / of:.1f}%)"
        for name, k, of in zip(names.categories, silent, asked, strict=True)
        if k
    )


def _by_name(
    long: pd.DataFrame,
    value_map: Mapping[str, float | None] | None,
    codes: MissingCodes | None,
) -> pd.Series:
    """Return the preferences, with names of winners replaced by their sides."""
    column = long["preference"]
    cells = column.astype(object).where(column.notna(), "").astype(TEXT).str.strip()
    first, second = (long[side].astype(TEXT).str.strip() for side in ("first", "second"))
    told = {word_of(w) for w in value_map or ()} | (codes or MissingCodes()).everywhere
    names = {plain_word(n) for n in pd.unique(pd.concat([first, second]))}
    if any(n in WORDS or is_number(n) for n in names):
        _require_no_crossing(cells, first, second, told)
        return column
    new = ~cells.map(word_of).isin(told | set(WORDS))
    if not new.any() or not ((cells == first) | (cells == second))[new].all():
        return column
    sides = column.astype(object).mask(new & (cells == first), "first")
    return sides.mask(new & (cells == second), "second")


def _require_no_crossing(
    cells: pd.Series, first: pd.Series, second: pd.Series, told: Collection[str]
) -> None:
    """Raise if a verdict is the name of one response and a word for the other side."""
    side = cells.map(lambda v: None if word_of(v) in told else WORDS.get(plain_word(v)))
    crossed = ((cells == first) & (side == -1)) | ((cells == second) & (side == 1))
    if crossed.any():
        row = int(np.flatnonzero(crossed)[0])
        word = cells.iloc[row]
        named = "first" if word == first.iloc[row] else "second"
        raise MetaevalError(
            f"The verdict {word!r} of row {row + 1} is ambiguous: it is the name of the {named} "
            "response, and a word for the other side. If it means a side, declare value_map= "
            f"(--value-map {word}={int(side.iloc[row])},...) for each such word; if it names the "
            "winner, rename the responses to something other than A, B, 1, 2, first or second."
        )


# Orders of presentation.
def _pair_codes(shown: Shown, names: Any) -> Codes:
    """Number the pairs of each judge, from 0: (record,)."""
    codes = [column.codes for column in shown.ids.values()]
    return pd.factorize(combine_codes([*codes, names.codes]))[0]


def _order_counts(shown: Shown, pair: Codes) -> tuple[Codes, Codes]:
    """Count how often each pair of a judge was shown in either order: two arrays (pair,)."""
    n = int(pair.max()) + 1
    swapped = shown.order.codes == 1
    return np.bincount(pair[~swapped], minlength=n), np.bincount(pair[swapped], minlength=n)


def _both_orders(shown: Shown, names: Any) -> Bools:
    """Return the records of judges who saw some pair in both orders: (record,)."""
    pair = _pair_codes(shown, names)
    ab, ba = _order_counts(shown, pair)
    in_both = np.unique(names.codes[(ab[pair] > 0) & (ba[pair] > 0)])
    return np.isin(names.codes, in_both)


def _net(
    shown: Shown, value: Floats, names: Any, twice: Bools, source: str
) -> tuple[Floats, Bools, tuple[str, ...]]:
    """Return the net verdicts, a mask of records to keep, and notes.

    The net verdict is on the first record of a pair. A conflict is a tie; a pair with one order
    only is missing. Repeated records of one order are all kept, to be refused as duplicates.
    """
    pair = _pair_codes(shown, names)
    ab, ba = _order_counts(shown, pair)
    wrong = value == WRONG
    total = np.bincount(pair, weights=np.where(wrong, 0.0, value))
    net = np.where((ab == 0) | (ba == 0), np.nan, np.sign(total))
    net = np.where(np.bincount(pair, weights=wrong) > 0, WRONG, net)[pair]
    again = (ab > 1)[pair] | (ba > 1)[pair]
    kept = ~twice | again | ~pd.Series(pair).duplicated().to_numpy()
    notes = _conflict_notes(net, value, twice & kept, names, source)
    return np.where(twice & ~again, net, value), kept, notes


def _conflict_notes(
    net: Floats, value: Floats, some: Bools, names: Any, source: str
) -> tuple[str, ...]:
    """Return notes on the number of opposite verdicts in the two orders, per judge."""
    n = len(names.categories)
    asked = np.bincount(names.codes[some & ~np.isnan(net)], minlength=n)
    torn = np.bincount(names.codes[some & (net == 0) & (value != 0)], minlength=n)
    return tuple(
        f"{source}: {contradiction(name, k, of)}"
        for name, k, of in zip(names.categories, torn, asked, strict=True)
        if k
    )


# Parts.
def _part(
    shown: Shown,
    ids: Mapping[str, Any],
    value: Floats,
    names: Any,
    judged: Bools,
    some: Bools,
    source: str,
) -> Part:
    """Build a part from a subset of the records (record,)."""
    at = np.flatnonzero(some)
    frame = shown.frame.iloc[at]
    frame.attrs = shown.frame.attrs
    rows = Rows(
        {name: column[at] for name, column in ids.items()},
        source,
        frame=frame,
        roles=ROLES,
        pairs=True,
    )
    about, notes = described(frame, rows, (*ids, *ROLES))
    scores, labels = (
        _spread(rows, names[at], value[at], np.flatnonzero(judged[at] == are_labels))
        for are_labels in (False, True)
    )
    asked, side = np.flatnonzero(~judged[at]), np.where(shown.order[at] == "ba", -1.0, 1.0)
    seen = _spread(rows, names[at], side, asked)
    return Part(
        rows=about,
        scores=scores,
        labels=labels,
        source=source,
        pairs=True,
        label_kind="preference",
        notes=notes,
        shown=seen,
    )


def _spread(rows: Rows, names: Any, value: Floats, at: Codes) -> pd.DataFrame:
    if not len(at):
        return pd.DataFrame(index=pd.RangeIndex(rows.n))
    names = names[at].remove_unused_categories()
    wide = rows.spread(names, value[at], at=at, value=("preference", False))
    return pd.DataFrame(wide, index=pd.RangeIndex(rows.n))


def described(
    frame: pd.DataFrame, rows: Rows, roles: Sequence[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return ids, clusters and covariates of the rows, and notes on excluded ones."""
    more, torn = rows.attributes(ids_of(frame, ["cluster"]))
    covariates, left = rows.covariates(frame, [str(c) for c in frame if c not in roles])
    described = pd.DataFrame(rows.named() | more | covariates, index=pd.RangeIndex(rows.n))
    return described, (*torn, *left)
