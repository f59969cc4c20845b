"""Verdicts and margins on pairs: words to numbers, orders of presentation, refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from metaeval.arrays import Bools, Codes, Floats
from metaeval.canonical import rounded, unit_of
from metaeval.checks import check_one_of, listed, near_miss
from metaeval.errors import MetaevalError
from metaeval.readers.parts import WRONG, Part
from metaeval.readers.pivot import Rows, ids_of
from metaeval.readers.values import as_numbers, id_column, numbers

ORDERS = ("each", "net")
REFUSALS = ("missing", "tie", "error")

_FIRST = ("model_a", "model_1", "a", "1", "left", "first", "response_a", "output_1", "a>b", "a>>b")
_SECOND = (
    "model_b",
    "model_2",
    "b",
    "2",
    "right",
    "second",
    "response_b",
    "output_2",
    "b>a",
    "b>>a",
)
_FIRST_BY_MARK, _SECOND_BY_MARK = ("b<a", "b<<a"), ("a<b", "a<<b")
_TIE = ("tie", "c", "a=b", "b=a", "equal", "draw", "same", "tie (bothbad)", "both_bad")
_NONE = ("", "error", "null", "none", "nan", "$error$")

WORDS: dict[str, float | None] = {
    **dict.fromkeys((*_FIRST, *_FIRST_BY_MARK), 1.0),
    **dict.fromkeys((*_SECOND, *_SECOND_BY_MARK), -1.0),
    **dict.fromkeys(_TIE, 0.0),
    **dict.fromkeys(_NONE, None),
}

_SIDES = ("first", "second")


def pair_parts(
    long: pd.DataFrame,
    *,
    source: str,
    ordered: bool = False,
    orders: str = "each",
    refusals: str = "missing",
    vocabulary: Mapping[str, float | None] | None = None,
    labels: Sequence[str] = (),
    keys: Sequence[str] = (),
    scorers: Sequence[str] | None = None,
) -> list[Part]:
    """Turn records of verdicts into parts: judges seen in both orders, and all others.

    Parameters
    ----------
    long : DataFrame
        A record per verdict: item, first, second, preference, scorer or rater; maybe task,
        cluster, order ("ab" or "ba"), key columns and covariates. The first response was shown
        first unless `order` says otherwise.
    source : str
        What to call it in messages.
    ordered : bool
        Keep first and second as they were shown.
    orders : {"each", "net"}
        Both orders of a judge as two rows, or as their net verdict (a conflict is a tie).
    refusals : {"missing", "tie", "error"}
        What a record without a verdict is: no score, a tie, or a wrong verdict.
    vocabulary : mapping, optional
        Further words: word -> 1, -1, 0 or None.
    labels : sequence of str
        Names in `scorer` that are raters.
    keys, scorers : sequence of str
        Further columns that identify a row, and the only scorers to keep.

    Returns
    -------
    list of Part

    Raises
    ------
    MetaevalError
        If words are unknown, options contradict, or a judge judged a pair twice.
    """
    check_one_of("orders", orders, ORDERS)
    check_one_of("refusals", refusals, REFUSALS)
    if ordered and orders == "net":
        raise MetaevalError(
            "orders='net' makes one verdict of both orders, so nothing is left for ordered=True; "
            "use one of them."
        )
    value = verdicts(long["preference"], vocabulary, source)
    names, judged = _names(long, labels, source)
    notes = _refusal_notes(value, names, judged, source)
    value = np.where(
        np.isnan(value) & ~judged, {"missing": np.nan, "tie": 0.0, "error": WRONG}[refusals], value
    )
    ids, value, order = _oriented(long, value, ordered, keys)
    both = np.zeros(len(long), dtype=bool) if ordered else _both_orders(ids, order, names)
    if orders == "net":
        value, kept = _net(ids, value, names, both)
        both = np.zeros(len(long), dtype=bool)
    else:
        kept = np.ones(len(long), dtype=bool)
    parts = []
    for some, with_order in ((kept & both, True), (kept & ~both, False)):
        if some.any():
            columns = ids | ({"order": order} if with_order else {})
            parts.append(_part(long, columns, value, names, judged, some, source, scorers))
    first, *rest = parts
    return [Part(**{**vars(first), "notes": (*notes, *first.notes)}), *rest]


def verdicts(
    column: pd.Series, vocabulary: Mapping[str, float | None] | None, source: str
) -> Floats:
    """Preferences as numbers in [-1, 1], NaN where there is none: (record,)."""
    values, bad = as_numbers(column)
    words = WORDS | {str(w).strip().lower(): v for w, v in (vocabulary or {}).items()}
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip().str.lower()
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    sides = set(text.unique()) <= {"1", "2", *_NONE, *_TIE} and "2" in set(text.unique())
    if not numeric and (bad.any() or sides or vocabulary):
        return _from_words(text, words, vocabulary is None and not sides, source)
    outside = np.abs(values) > 1
    if outside.any():
        raise MetaevalError(
            f"{source}: preferences lie between -1 (second better) and 1 (first better); found "
            f"{values[outside][0]:g}. Probabilities p that the first is better become 2p - 1."
        )
    return values


def _from_words(
    text: pd.Series, words: Mapping[str, float | None], numbers_too: bool, source: str
) -> Floats:
    codes, uniques = pd.factorize(text)
    unknown = [w for w in uniques if w not in words and not (numbers_too and _in_range(w))]
    if unknown:
        raise MetaevalError(
            f"{source}: {listed(sorted(map(repr, unknown)))} is no verdict that is known."
            f"{near_miss(unknown[0], words)} Say what it means: vocabulary={{{unknown[0]!r}: 1}} "
            f"(--vocabulary {unknown[0]}=1; 1 first better, -1 second, 0 tie, none for no verdict)."
        )
    known = [words[w] if w in words else float(w) for w in uniques]
    table = np.array([np.nan if v is None else float(v) for v in known])
    return table[codes]


def _in_range(word: str) -> bool:
    try:
        return abs(float(word)) <= 1
    except ValueError:
        return False


def _names(long: pd.DataFrame, labels: Sequence[str], source: str) -> tuple[Any, Bools]:
    """Who gave each verdict, and whether that is a rater: Categorical and mask (record,)."""
    text = bool(long.attrs.get("text"))
    columns = [c for c in ("scorer", "rater") if c in long]
    if not columns:
        one = labels[0] if len(labels) == 1 else "human"
        return pd.Categorical([one] * len(long)), np.ones(len(long), dtype=bool)
    if len(columns) == 2:
        who = long["scorer"].where(long["scorer"].notna() & (long["scorer"] != ""), long["rater"])
        rated = (long["scorer"].isna() | (long["scorer"] == "")).to_numpy()
    else:
        who, rated = long[columns[0]], np.full(len(long), columns[0] == "rater")
    names = id_column(who, columns[0], text=text)
    return names, rated | np.isin(np.asarray(names, dtype=object), list(labels))


def _refusal_notes(value: Floats, names: Any, judged: Bools, source: str) -> tuple[str, ...]:
    """Share of records without a verdict, for each judge that has any."""
    frame = pd.DataFrame({"name": names, "none": np.isnan(value)})[~judged]
    rate = frame.groupby("name", observed=True)["none"].agg(["mean", "sum"])
    return tuple(
        f"{source}: {name} gave no verdict on {int(row['sum'])} pairs ({100 * row['mean']:.1f}%)"
        for name, row in rate.iterrows()
        if row["sum"]
    )


def _oriented(
    long: pd.DataFrame, value: Floats, ordered: bool, keys: Sequence[str]
) -> tuple[dict[str, Any], Floats, Any]:
    """Ids with first before second as text (or as shown), preferences and orders to match."""
    ids = ids_of(long, ["task", "item", *_SIDES, *keys])
    first, second = (np.asarray(ids[side], dtype=object) for side in _SIDES)
    order = _shown_orders(long)
    turn = order == "ba" if ordered else first > second
    ids["first"], ids["second"] = _swap(first, second, turn)
    mirrored = np.where(order == "ab", "ba", "ab")
    order = pd.Categorical(np.where(turn, mirrored, order), categories=["ab", "ba"])
    sign = np.where(turn & (value != WRONG), -1.0, 1.0)
    return ids, value * sign + 0.0, order


def _swap(first: Any, second: Any, turn: Bools) -> tuple[Any, Any]:
    return (
        pd.Categorical(np.where(turn, second, first)),
        pd.Categorical(np.where(turn, first, second)),
    )


def _shown_orders(long: pd.DataFrame) -> Any:
    if "order" not in long:
        return np.full(len(long), "ab", dtype=object)
    order = long["order"].astype(str).str.strip().str.lower()
    wrong = sorted(set(order) - {"ab", "ba"})
    if wrong:
        raise MetaevalError(
            f"The column 'order' holds {listed(map(repr, wrong), 5)}; expected ab (the first was "
            "shown first) or ba."
        )
    return order.to_numpy(dtype=object)


def _pair_codes(ids: Mapping[str, Any], names: Any) -> Codes:
    """One number for each pair and judge: (record,)."""
    frame = pd.DataFrame({**{str(k): v for k, v in ids.items()}, "\x00who": names})
    return np.asarray(frame.groupby(list(frame), observed=True, sort=False).ngroup())


def _both_orders(ids: Mapping[str, Any], order: Any, names: Any) -> Bools:
    """Records of judges for whom some pair was judged in both orders: (record,)."""
    pair = _pair_codes(ids, names)
    swapped = np.asarray(order == "ba")
    low = pd.Series(swapped).groupby(pair).transform("min")
    high = pd.Series(swapped).groupby(pair).transform("max")
    in_both = np.unique(np.asarray(names, dtype=object)[np.asarray(low != high)])
    return np.isin(np.asarray(names, dtype=object), in_both)


def _net(ids: Mapping[str, Any], value: Floats, names: Any, both: Bools) -> tuple[Floats, Bools]:
    """Net verdict of both orders on the first record of a pair: values and records to keep."""
    pair = pd.Series(_pair_codes(ids, names))
    wrong = pd.Series(value == WRONG).groupby(pair).transform("max").to_numpy()
    plain = pd.Series(np.where(value == WRONG, np.nan, value))
    total = plain.groupby(pair).transform(lambda v: v.sum(skipna=False)).to_numpy()
    net = np.where(wrong, WRONG, np.sign(total))
    return np.where(both, net, value), ~both | ~pair.duplicated().to_numpy()


def _part(
    long: pd.DataFrame,
    ids: Mapping[str, Any],
    value: Floats,
    names: Any,
    judged: Bools,
    some: Bools,
    source: str,
    scorers: Sequence[str] | None,
) -> Part:
    """Part of the records in `some` (record,)."""
    at = np.flatnonzero(some)
    rows = Rows({k: v[at] for k, v in ids.items()}, source)
    frame = long.iloc[at]
    frame.attrs = long.attrs
    roles = {*ids, *_SIDES, "order", "preference", "scorer", "rater", "cluster"}
    described, notes = _described(frame, rows, [str(c) for c in long if c not in roles])
    columns = []
    for are_labels in (False, True):
        inside = np.flatnonzero(judged[at] == are_labels)
        who = names[at][inside].remove_unused_categories()
        wide = rows.spread(who, value[at][inside], at=inside) if len(inside) else None
        columns.append(pd.DataFrame(index=pd.RangeIndex(rows.n)) if wide is None else wide)
    scores = columns[0] if scorers is None else columns[0][[c for c in columns[0] if c in scorers]]
    return Part(
        described,
        scores,
        columns[1],
        source=source,
        pairs=True,
        label_kind="preference",
        notes=notes,
    )


def _described(
    frame: pd.DataFrame, rows: Rows, rest: list[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    more, torn = rows.attributes(ids_of(frame, ["cluster"]))
    covariates, left = rows.covariates(frame, rest)
    return pd.concat([rows.frame(), more, covariates], axis=1), (*torn, *left)


def margin_parts(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    source: str,
    labels: Sequence[str],
    keys: Sequence[str],
    ordered: bool,
) -> list[Part]:
    """Turn a wide table of pairs, a column per scorer or label, into one part."""
    sign = np.ones(len(frame))
    ids, sign, _ = _oriented(frame, sign, ordered, keys)
    rows = Rows(ids, source)
    wide = {}
    for name in columns:
        values = numbers(frame[name], name, source)
        if np.isinf(values).any():
            raise MetaevalError(
                f"{name!r} of {source} holds an infinite value; leave it empty if it is missing."
            )
        wide[name] = rows.spread(
            pd.Categorical([name] * len(frame)), rounded(values, unit_of(values)) * sign + 0.0
        )[name]
    roles = {*ids, *_SIDES, "order", "cluster", *columns}
    described, notes = _described(frame, rows, [str(c) for c in frame if c not in roles])
    table = pd.DataFrame(wide, index=pd.RangeIndex(rows.n))
    scores = table[[c for c in columns if c not in labels]]
    return [Part(described, scores, table[list(labels)], source, True, "preference", notes)]
