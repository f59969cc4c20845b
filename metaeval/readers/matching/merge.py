"""Merge files: match rows by ids, and put scorers and labels next to one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from metaeval.core import Codes, Floats, MetaevalError, join_names
from metaeval.readers.cells.numbers_and_ids import collapse
from metaeval.readers.columns.aliases import column_hint
from metaeval.readers.matching.file_part import Part
from metaeval.readers.matching.hints import repeats_cure
from metaeval.readers.matching.row_matching import (
    PAIR_IDS,
    RESPONSE_IDS,
    differences,
    few_labelled,
    identity,
    require_long,
    require_overlap,
    shared_codes,
    shift_warnings,
    unlike_warnings,
)
from metaeval.tables import TEXT


def merge(
    parts: Sequence[Part], keys: Sequence[str] = (), scorers: Sequence[str] | None = None
) -> Part:
    """Merge parts, in any order.

    Rows are matched by the ids that both sides have. A scorer may be spread over files (one per
    task, say), but must not have two different scores for one row. A part that lacks an id, such
    as the task, is matched by the others, provided that these identify its rows.

    Raises
    ------
    MetaevalError
        If scores and pairs are mixed, two files share no row, or scores contradict.
    """
    placed = [replace(part, place=place) for place, part in enumerate(parts)]
    parts = sorted(placed, key=lambda part: part.source)
    _require_one_kind(parts)
    parts = _with_one_use(parts, scorers)
    _require_one_order(parts, keys)
    require_long(parts)
    require_overlap(parts, keys)
    groups: dict[tuple[str, ...], list[Part]] = {}
    for part in parts:
        groups.setdefault(tuple(identity(part, keys)), []).append(part)
    ranked = sorted(groups, key=lambda ids: (-len(ids), ids))
    whole = _stack(groups[ranked[0]], ranked[0])
    for ids in ranked[1:]:
        whole = _beside(whole, _stack(groups[ids], ids), keys)
    columns = dict.fromkeys(column for part in parts for column in part.columns)
    unlike = [*unlike_warnings(parts, keys), *few_labelled(whole, parts)]
    return replace(
        whole,
        rows=_with_clusters(whole.rows),
        columns=tuple(columns),
        warnings=(*unlike, *whole.warnings),
    )


def _require_one_kind(parts: Sequence[Part]) -> None:
    if len({part.pairs for part in parts}) > 1:
        names = [sorted({p.source for p in parts if p.pairs == kind}) for kind in (True, False)]
        raise MetaevalError(
            f"{join_names(names[0])} has pairs, but {join_names(names[1])} has scores of "
            "responses; read them separately, and join them with responses.pairs().join(pairs)."
        )


def _with_one_use(parts: Sequence[Part], scorers: Sequence[str] | None) -> list[Part]:
    """Return parts without columns that are a scorer in one file and a covariate in another.

    `scorers` decides which of the two they are; without it, raise.
    """
    described = {str(name): part for part in parts for name in part.rows}
    clash = {str(n): (p, described[n]) for p in parts for n in p.scores if n in described}
    if not clash:
        return list(parts)
    for name, (one, other) in clash.items():
        if scorers is None or name in (*RESPONSE_IDS, *PAIR_IDS):
            raise _two_uses(name, one, other)
    mine = [name for name in clash if name in (scorers or ())]
    return [
        replace(
            part,
            rows=part.rows.drop(columns=mine, errors="ignore"),
            scores=part.scores.drop(columns=[n for n in clash if n not in mine], errors="ignore"),
        )
        for part in parts
    ]


def _two_uses(name: str, one: Part, other: Part) -> MetaevalError:
    if one is other or name in (*RESPONSE_IDS, *PAIR_IDS):
        return MetaevalError(
            f"A scorer of {one.source} and a column of ids or covariates are both named {name!r}; "
            "rename one of them."
        )
    return MetaevalError(
        f"The column {name!r} was read as a scorer in {one.source}, but not in {other.source}; "
        "list the scorers: scorers=[...] (--scorers A,B)."
    )


def _require_one_order(parts: Sequence[Part], keys: Sequence[str]) -> None:
    """Raise if a judge saw a pair in one order in one file and in the other order in another."""
    shown = [part for part in parts if part.shown is not None and "order" not in part.rows]
    for place, one in enumerate(shown):
        for other in shown[place + 1 :]:
            for name in one.scores.columns.intersection(other.scores.columns):
                ids = [c for c in identity(one, keys) if c in other.rows]
                if _turned_over(one, other, str(name), ids):
                    raise _two_orders(one, other, str(name))


def _turned_over(one: Part, other: Part, name: str, ids: Sequence[str]) -> bool:
    mine, theirs = shared_codes([one.rows, other.rows], ids)
    here, there = (p.shown[name].to_numpy() for p in (one, other) if p.shown is not None)
    place = pd.Index(theirs).get_indexer_for(mine) if len(set(theirs)) == len(theirs) else None
    if place is None:
        return False
    known = place >= 0
    return bool((here[known] + there[place[known]] == 0).any())


def _two_orders(one: Part, other: Part, name: str) -> MetaevalError:
    return MetaevalError(
        f"{name!r} judged the same pairs in one order in {one.source} and in the other in "
        f"{other.source}. Put both into one table (pandas.concat) to keep both orders, or, if its "
        "scores are margins in a separate column, keep pairs as shown: ordered=True (--ordered)."
    )


# Parts with the same ids.
def _stack(parts: Sequence[Part], ids: Sequence[str]) -> Part:
    """Merge parts with the same ids on the union of their rows."""
    if len(parts) == 1:
        return parts[0]
    if not {"response", "system", "first"} & set(ids) and _repeats(parts, ids):
        raise _several_rows(parts, ids)
    given = sorted(range(len(parts)), key=lambda k: parts[k].place)
    codes = shared_codes([parts[k].rows for k in given], ids)
    return _united(parts, [codes[given.index(k)] for k in range(len(parts))], ids)


def _repeats(parts: Sequence[Part], ids: Sequence[str]) -> bool:
    return any(part.rows.duplicated(list(ids)).any() for part in parts)


def _several_rows(parts: Sequence[Part], ids: Sequence[str]) -> MetaevalError:
    """Build the error for files that repeat items without a column that identifies the rows."""
    part = next(p for p in parts if p.rows.duplicated(list(ids)).any())
    [row] = shared_codes([part.rows], ids)
    often = part.rows.duplicated(list(ids), keep=False).to_numpy()
    message = f"{part.source} has several rows for one {join_names(ids)}, but names no responses"
    kinds = dict.fromkeys(map(str, part.scores), False) | dict.fromkeys(map(str, part.labels), True)
    cells = pd.concat([part.rows, part.scores, part.labels], axis=1)
    cure = repeats_cure(
        cells, row, often, skip=ids, values=kinds, pairs=False, long=False, average=False
    )
    if cure:
        return MetaevalError(f"{message}. {cure}")
    return MetaevalError(
        f"{message}, and no column distinguishes these rows. If each is the answer of a different "
        "system, add a column 'system'; if they are raters, runs or filters of one answer, add a "
        "column that names these, and declare it: "
        f"{column_hint(rater='<column>')} or {column_hint(scorer='<column>')}."
    )


def _united(parts: Sequence[Part], codes: Sequence[Codes], ids: Sequence[str]) -> Part:
    """Merge parts on the union of their rows; `codes` maps the rows of each part to it."""
    n = int(max(code.max() for code in codes)) + 1
    rows, torn = _united_rows(parts, codes, n, ids)
    apart = differences(parts, codes, ids)
    notes = [*apart, *_repeats_notes(parts, codes, n), *torn]
    return Part(
        rows,
        _filled(parts, codes, "scores", rows, ids),
        _filled(parts, codes, "labels", rows, ids),
        source=" and ".join(sorted({part.source for part in parts})),
        pairs=parts[0].pairs,
        label_kind=_kind(parts),
        notes=tuple(dict.fromkeys([*(n for p in parts for n in p.notes), *notes])),
        warnings=tuple(
            dict.fromkeys(
                [*(w for p in parts for w in p.warnings), *shift_warnings(parts, codes, apart)]
            )
        ),
    )


def _kind(parts: Sequence[Part]) -> str | None:
    kinds = {part.label_kind for part in parts if part.labels.shape[1] and part.label_kind}
    return kinds.pop() if len(kinds) == 1 else None


def _united_rows(
    parts: Sequence[Part], codes: Sequence[Codes], n: int, ids: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return ids and covariates on the union of rows; drop covariates that files contradict."""
    rows, notes = {}, []
    names = {str(c) for part in parts for c in part.rows}
    for name in sorted(names, key=lambda c: (c not in ids, c)):
        with_it = [pair for pair in zip(parts, codes, strict=True) if name in pair[0].rows]
        cells = pd.concat([_loose(part.rows[name]) for part, _ in with_it], ignore_index=True)
        values, torn = collapse(cells, np.concatenate([code for _, code in with_it]), n)
        if torn.any():
            notes.append(_torn_note(name, int(torn.sum())))
        else:
            rows[name] = values
    return pd.DataFrame(rows, index=pd.RangeIndex(n)), notes


def _torn_note(name: str, n: int) -> str:
    if name == "text_hash":
        return f"suspicious ids: {n} keys have different texts in two files"
    return f"{name} excluded: files disagree on it for {n} rows"


def _loose(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(object)
    return column


def _filled(
    parts: Sequence[Part],
    codes: Sequence[Codes],
    what: str,
    rows: pd.DataFrame,
    ids: Sequence[str],
) -> pd.DataFrame:
    """Return the scores or labels of all parts on the union of rows."""
    columns: dict[str, Floats] = {}
    for part, code in zip(parts, codes, strict=True):
        for name, column in getattr(part, what).items():
            target = columns.setdefault(str(name), np.full(len(rows), np.nan))
            values = column.to_numpy(dtype=float)
            there = ~np.isnan(values)
            before = target[code[there]]
            clash = ~np.isnan(before) & (before != values[there])
            if clash.any():
                raise _contradiction(str(name), rows, code[there][clash], ids, parts)
            target[code[there]] = values[there]
    return pd.DataFrame(columns, index=rows.index)


def _repeats_notes(parts: Sequence[Part], codes: Sequence[Codes], n: int) -> list[str]:
    """Return notes on the number of equal values of each scorer and label in several files."""
    held: dict[str, list[Codes]] = {}
    for part, code in zip(parts, codes, strict=True):
        for name, column in (*part.scores.items(), *part.labels.items()):
            held.setdefault(str(name), []).append(code[column.notna().to_numpy()])
    often = {
        name: int((np.bincount(np.concatenate(rows), minlength=n) > 1).sum())
        for name, rows in held.items()
        if len(rows) > 1
    }
    return [f"{name}: {k} equal values are in several files" for name, k in often.items() if k]


def _contradiction(
    name: str, rows: pd.DataFrame, where: Codes, ids: Sequence[str], parts: Sequence[Part]
) -> MetaevalError:
    some = rows.loc[np.unique(where), list(ids)].astype(TEXT)
    keys = sorted(some.itertuples(index=False, name=None))
    files = sorted({p.source for p in parts if name in p.scores or name in p.labels})
    return MetaevalError(
        f"{join_names(files)} have different values of {name!r} for {len(keys)} rows "
        f"({', '.join(ids)}): {join_names(keys, 10)}. Remove one file, or rename one of the "
        "columns."
    )


# A part with fewer ids.
def _beside(whole: Part, other: Part, keys: Sequence[str]) -> Part:
    """Merge a part with fewer ids to all rows that it belongs to."""
    names = [*(PAIR_IDS if whole.pairs else RESPONSE_IDS), *keys]
    shared = [c for c in dict.fromkeys(names) if c in whole.rows and c in other.rows]
    mine, theirs = shared_codes([whole.rows, other.rows], shared)
    if len(np.unique(theirs)) < len(theirs):
        raise _ambiguous(whole, other, shared, keys)
    place = pd.Index(theirs).get_indexer(mine)
    at = np.flatnonzero(place >= 0)
    if not len(at):
        raise _nothing_shared(whole, other, shared)
    moved = replace(
        other,
        rows=other.rows.drop(columns=shared).iloc[place[at]],
        scores=other.scores.iloc[place[at]],
        labels=other.labels.iloc[place[at]],
        warnings=(
            *other.warnings,
            *_matching_warnings(whole, other, place[at]),
            *_spread_warnings(whole, other, place[at], keys),
        ),
    )
    rows = np.arange(len(mine))
    return _united([whole, moved], [rows, at], identity(whole, keys))


def _nothing_shared(whole: Part, other: Part, shared: list[str]) -> MetaevalError:
    names = [join_names([*p.scores, *p.labels], 5) for p in (whole, other)]
    both_orders = " and was seen in both orders" if whole.pairs and "order" in whole.rows else ""
    return MetaevalError(
        f"{names[1]} of {other.source} shares no row ({', '.join(shared)}) with {names[0]} of "
        f"{whole.source}, which has more ids{both_orders}; correct the ids, or read the files "
        "separately."
    )


def _ambiguous(whole: Part, other: Part, shared: list[str], keys: Sequence[str]) -> MetaevalError:
    lacking = [c for c in identity(other, keys) if c not in shared]
    return MetaevalError(
        f"{other.source} and {whole.source} are matched by {join_names(shared)}, but rows of "
        f"{other.source} repeat these ids; both files need {join_names(lacking) or 'another id'}, "
        "under one name (columns={...}, --map)."
    )


def _matching_warnings(whole: Part, other: Part, used: Codes) -> list[str]:
    """Return a warning about rows that match none of a file that has more ids."""
    left = len(other.rows) - len(np.unique(used))
    return [f"{other.source}: {left} rows match no row of {whole.source}"] if left else []


def _spread_warnings(whole: Part, other: Part, used: Codes, keys: Sequence[str]) -> list[str]:
    """Return a warning if one value of a file is used for several rows."""
    values = other.scores.shape[1] + other.labels.shape[1]
    if not values or whole.pairs or len(np.unique(used)) == len(used):
        return []
    lacking = [c for c in identity(whole, keys) if c not in other.rows]
    raters = (
        f"; if {lacking[0]} names raters, use {column_hint(rater=lacking[0])}" if lacking else ""
    )
    return [
        f"{other.source} has no {join_names(lacking)}: each of its values is used for "
        f"{len(used) / len(np.unique(used)):.3g} rows on average, which count as different "
        f"responses{raters}"
    ]


def _with_clusters(rows: pd.DataFrame) -> pd.DataFrame:
    """Fill in missing clusters from other rows of the same item."""
    if "cluster" not in rows or not rows["cluster"].isna().any():
        return rows
    ids = [name for name in ("task", "item") if name in rows]
    [item] = shared_codes([rows], ids)
    known, torn = collapse(_loose(rows["cluster"]), item, int(item.max()) + 1)
    return rows if torn.any() else rows.assign(cluster=known.to_numpy()[item])
