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
from metaeval.readers.matching.hints import repeats_advice
from metaeval.readers.matching.row_matching import (
    PAIR_IDS,
    RESPONSE_IDS,
    differences,
    few_labels_warning,
    identity,
    require_long,
    require_overlap,
    shared_codes,
    shift_warnings,
    spelling_warnings,
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
    numbered = [replace(part, position=position) for position, part in enumerate(parts)]
    parts = sorted(numbered, key=lambda part: part.source)
    _require_one_kind(parts)
    parts = _with_one_use(parts, scorers)
    _require_one_order(parts, keys)
    require_long(parts)
    require_overlap(parts, keys)
    groups: dict[tuple[str, ...], list[Part]] = {}
    for part in parts:
        groups.setdefault(tuple(identity(part, keys)), []).append(part)
    ranked = sorted(groups, key=lambda ids: (-len(ids), ids))
    merged = _stack(groups[ranked[0]], ranked[0])
    for ids in ranked[1:]:
        merged = _merge_fewer_ids(merged, _stack(groups[ids], ids), keys)
    columns = dict.fromkeys(column for part in parts for column in part.columns)
    spelling = [*spelling_warnings(parts, keys), *few_labels_warning(merged, parts)]
    return replace(
        merged,
        rows=_with_clusters(merged.rows),
        columns=tuple(columns),
        warnings=(*spelling, *merged.warnings),
    )


def _require_one_kind(parts: Sequence[Part]) -> None:
    if len({part.pairs for part in parts}) > 1:
        names = [sorted({p.source for p in parts if p.pairs == kind}) for kind in (True, False)]
        raise MetaevalError(
            f"{join_names(names[0])} contains pairs, but {join_names(names[1])} contains scores "
            "of responses; read them separately, and join them with "
            "responses.pairs().join(pairs)."
        )


def _with_one_use(parts: Sequence[Part], scorers: Sequence[str] | None) -> list[Part]:
    """Return parts without columns that are a scorer in one file and a covariate in another.

    `scorers` decides which of the two they are; without it, raise.
    """
    described = {str(name): part for part in parts for name in part.rows}
    clash = {str(n): (p, described[n]) for p in parts for n in p.scores if n in described}
    if not clash:
        return list(parts)
    for name, (first, second) in clash.items():
        if scorers is None or name in (*RESPONSE_IDS, *PAIR_IDS):
            raise _two_uses_error(name, first, second)
    scorer_names = [name for name in clash if name in (scorers or ())]
    return [
        replace(
            part,
            rows=part.rows.drop(columns=scorer_names, errors="ignore"),
            scores=part.scores.drop(
                columns=[n for n in clash if n not in scorer_names], errors="ignore"
            ),
        )
        for part in parts
    ]


def _two_uses_error(name: str, first: Part, second: Part) -> MetaevalError:
    if first is second or name in (*RESPONSE_IDS, *PAIR_IDS):
        return MetaevalError(
            f"A scorer in {first.source} and a column of ids or covariates are both named "
            f"{name!r}; rename one of them."
        )
    return MetaevalError(
        f"The column {name!r} was read as a scorer in {first.source}, but not in {second.source}; "
        "list the scorers: scorers=[...] (--scorers A,B)."
    )


def _require_one_order(parts: Sequence[Part], keys: Sequence[str]) -> None:
    """Raise if a judge saw a pair in one order in one file and in the other order in another."""
    oriented = [
        part for part in parts if part.presentation is not None and "order" not in part.rows
    ]
    for index, first in enumerate(oriented):
        for second in oriented[index + 1 :]:
            for name in first.scores.columns.intersection(second.scores.columns):
                ids = [c for c in identity(first, keys) if c in second.rows]
                if _saw_other_order(first, second, str(name), ids):
                    raise _two_orders_error(first, second, str(name))


def _saw_other_order(first: Part, second: Part, name: str, ids: Sequence[str]) -> bool:
    first_codes, second_codes = shared_codes([first.rows, second.rows], ids)
    first_order, second_order = (
        p.presentation[name].to_numpy() for p in (first, second) if p.presentation is not None
    )
    match = (
        pd.Index(second_codes).get_indexer_for(first_codes)
        if len(set(second_codes)) == len(second_codes)
        else None
    )
    if match is None:
        return False
    is_matched = match >= 0
    return bool((first_order[is_matched] + second_order[match[is_matched]] == 0).any())


def _two_orders_error(first: Part, second: Part, name: str) -> MetaevalError:
    return MetaevalError(
        f"{name!r} judged the same pairs in one order in {first.source} and in the other in "
        f"{second.source}. Combine them in one table (pandas.concat) to keep both orders, or, if "
        "its scores are margins in a separate column, keep pairs as shown: ordered=True "
        "(--ordered)."
    )


# Parts with the same ids.
def _stack(parts: Sequence[Part], ids: Sequence[str]) -> Part:
    """Merge parts with the same ids on the union of their rows."""
    if len(parts) == 1:
        return parts[0]
    if not {"response", "system", "first"} & set(ids) and _repeats(parts, ids):
        raise _several_rows_error(parts, ids)
    source_order = sorted(range(len(parts)), key=lambda k: parts[k].position)
    codes = shared_codes([parts[k].rows for k in source_order], ids)
    return _unite(parts, [codes[source_order.index(k)] for k in range(len(parts))], ids)


def _repeats(parts: Sequence[Part], ids: Sequence[str]) -> bool:
    return any(part.rows.duplicated(list(ids)).any() for part in parts)


def _several_rows_error(parts: Sequence[Part], ids: Sequence[str]) -> MetaevalError:
    """Build the error for files that repeat items without a column that identifies the rows."""
    part = next(p for p in parts if p.rows.duplicated(list(ids)).any())
    [row] = shared_codes([part.rows], ids)
    is_repeated = part.rows.duplicated(list(ids), keep=False).to_numpy()
    message = (
        f"{part.source} has several rows for the same {join_names(ids)}, but no column that "
        "identifies the responses"
    )
    kinds = dict.fromkeys(map(str, part.scores), False) | dict.fromkeys(map(str, part.labels), True)
    cells = pd.concat([part.rows, part.scores, part.labels], axis=1)
    cure = repeats_advice(
        cells, row, is_repeated, skip=ids, values=kinds, pairs=False, long=False, average=False
    )
    if cure:
        return MetaevalError(f"{message}. {cure}")
    return MetaevalError(
        f"{message}, and no other column distinguishes these rows. If each row is the answer of a "
        "different system, add a column 'system'; if the rows are from different raters, runs or "
        "filters for the same answer, add a column that names these, and declare it: "
        f"{column_hint(rater='<column>')} or {column_hint(scorer='<column>')}."
    )


def _unite(parts: Sequence[Part], codes: Sequence[Codes], ids: Sequence[str]) -> Part:
    """Merge parts on the union of their rows; `codes` maps the rows of each part to it."""
    n = int(max(code.max() for code in codes)) + 1
    rows, conflict_notes = _unite_rows(parts, codes, n, ids)
    difference_notes = differences(parts, codes, ids)
    notes = [*difference_notes, *_repeats_notes(parts, codes, n), *conflict_notes]
    return Part(
        rows,
        _unite_values(parts, codes, "scores", rows, ids),
        _unite_values(parts, codes, "labels", rows, ids),
        source=" and ".join(sorted({part.source for part in parts})),
        pairs=parts[0].pairs,
        label_kind=_common_label_kind(parts),
        notes=tuple(dict.fromkeys([*(n for p in parts for n in p.notes), *notes])),
        warnings=tuple(
            dict.fromkeys(
                [
                    *(w for p in parts for w in p.warnings),
                    *shift_warnings(parts, codes, difference_notes),
                ]
            )
        ),
    )


def _common_label_kind(parts: Sequence[Part]) -> str | None:
    kinds = {part.label_kind for part in parts if part.labels.shape[1] and part.label_kind}
    return kinds.pop() if len(kinds) == 1 else None


def _unite_rows(
    parts: Sequence[Part], codes: Sequence[Codes], n: int, ids: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return ids and covariates on the union of rows; drop covariates that files contradict."""
    rows, notes = {}, []
    names = {str(c) for part in parts for c in part.rows}
    for name in sorted(names, key=lambda c: (c not in ids, c)):
        with_it = [pair for pair in zip(parts, codes, strict=True) if name in pair[0].rows]
        cells = pd.concat(
            [_without_categories(part.rows[name]) for part, _ in with_it], ignore_index=True
        )
        values, is_conflicting = collapse(cells, np.concatenate([code for _, code in with_it]), n)
        if is_conflicting.any():
            notes.append(_conflict_note(name, int(is_conflicting.sum())))
        else:
            rows[name] = values
    return pd.DataFrame(rows, index=pd.RangeIndex(n)), notes


def _conflict_note(name: str, n: int) -> str:
    if name == "text_hash":
        return f"suspicious ids: {n} keys have different texts in two files"
    return f"{name} excluded: files disagree on its value in {n} rows"


def _without_categories(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(object)
    return column


def _unite_values(
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
            present = ~np.isnan(values)
            before = target[code[present]]
            clash = ~np.isnan(before) & (before != values[present])
            if clash.any():
                raise _contradiction_error(str(name), rows, code[present][clash], ids, parts)
            target[code[present]] = values[present]
    return pd.DataFrame(columns, index=rows.index)


def _repeats_notes(parts: Sequence[Part], codes: Sequence[Codes], n: int) -> list[str]:
    """Return notes on the number of equal values of each scorer and label in several files."""
    rows_by_name: dict[str, list[Codes]] = {}
    for part, code in zip(parts, codes, strict=True):
        for name, column in (*part.scores.items(), *part.labels.items()):
            rows_by_name.setdefault(str(name), []).append(code[column.notna().to_numpy()])
    n_repeated = {
        name: int((np.bincount(np.concatenate(rows), minlength=n) > 1).sum())
        for name, rows in rows_by_name.items()
        if len(rows) > 1
    }
    return [
        f"{name}: {k} values occur in several files and agree"
        for name, k in n_repeated.items()
        if k
    ]


def _contradiction_error(
    name: str, rows: pd.DataFrame, where: Codes, ids: Sequence[str], parts: Sequence[Part]
) -> MetaevalError:
    conflicts = rows.loc[np.unique(where), list(ids)].astype(TEXT)
    keys = sorted(conflicts.itertuples(index=False, name=None))
    files = sorted({p.source for p in parts if name in p.scores or name in p.labels})
    return MetaevalError(
        f"{join_names(files)} have different values of {name!r} for {len(keys)} rows "
        f"({', '.join(ids)}): {join_names(keys, 10)}. Remove one file, or rename one of the "
        "columns."
    )


# A part with fewer ids.
def _merge_fewer_ids(merged: Part, other: Part, keys: Sequence[str]) -> Part:
    """Merge a part with fewer ids to all rows that it belongs to."""
    names = [*(PAIR_IDS if merged.pairs else RESPONSE_IDS), *keys]
    shared = [c for c in dict.fromkeys(names) if c in merged.rows and c in other.rows]
    codes, other_codes = shared_codes([merged.rows, other.rows], shared)
    if len(np.unique(other_codes)) < len(other_codes):
        raise _ambiguous_ids_error(merged, other, shared, keys)
    match = pd.Index(other_codes).get_indexer(codes)
    at = np.flatnonzero(match >= 0)
    if not len(at):
        raise _no_shared_rows_error(merged, other, shared)
    moved = replace(
        other,
        rows=other.rows.drop(columns=shared).iloc[match[at]],
        scores=other.scores.iloc[match[at]],
        labels=other.labels.iloc[match[at]],
        warnings=(
            *other.warnings,
            *_matching_warnings(merged, other, match[at]),
            *_repeated_use_warning(merged, other, match[at], keys),
        ),
    )
    rows = np.arange(len(codes))
    return _unite([merged, moved], [rows, at], identity(merged, keys))


def _no_shared_rows_error(merged: Part, other: Part, shared: list[str]) -> MetaevalError:
    names = [join_names([*p.scores, *p.labels], 5) for p in (merged, other)]
    both_orders = (
        " and contains pairs in both orders" if merged.pairs and "order" in merged.rows else ""
    )
    return MetaevalError(
        f"{names[1]} in {other.source} shares no rows (matched by {', '.join(shared)}) with "
        f"{names[0]} in {merged.source}, which has more id columns{both_orders}; correct the ids, "
        "or read the files separately."
    )


def _ambiguous_ids_error(
    merged: Part, other: Part, shared: list[str], keys: Sequence[str]
) -> MetaevalError:
    lacking = [c for c in identity(other, keys) if c not in shared]
    return MetaevalError(
        f"{other.source} and {merged.source} are matched by {join_names(shared)}, but rows of "
        f"{other.source} repeat these ids; both files need {join_names(lacking) or 'another id'}, "
        "under the same name (columns={...}, --map)."
    )


def _matching_warnings(merged: Part, other: Part, match: Codes) -> list[str]:
    """Return a warning about rows that match none of a file that has more ids."""
    n_unmatched = len(other.rows) - len(np.unique(match))
    return (
        [f"{other.source}: {n_unmatched} rows do not match any row of {merged.source}"]
        if n_unmatched
        else []
    )


def _repeated_use_warning(
    merged: Part, other: Part, match: Codes, keys: Sequence[str]
) -> list[str]:
    """Return a warning if one value of a file is used for several rows."""
    values = other.scores.shape[1] + other.labels.shape[1]
    if not values or merged.pairs or len(np.unique(match)) == len(match):
        return []
    lacking = [c for c in identity(merged, keys) if c not in other.rows]
    raters = (
        f"; if {lacking[0]} names raters, use {column_hint(rater=lacking[0])}" if lacking else ""
    )
    absent = join_names(lacking) or "further ids"
    return [
        f"{other.source} has no {absent}: each of its values is used for "
        f"{len(match) / len(np.unique(match)):.3g} rows on average, which are treated as "
        f"different responses{raters}"
    ]


def _with_clusters(rows: pd.DataFrame) -> pd.DataFrame:
    """Fill in missing clusters from other rows of the same item."""
    if "cluster" not in rows or not rows["cluster"].isna().any():
        return rows
    ids = [name for name in ("task", "item") if name in rows]
    [item] = shared_codes([rows], ids)
    clusters, is_conflicting = collapse(
        _without_categories(rows["cluster"]), item, int(item.max()) + 1
    )
    return rows if is_conflicting.any() else rows.assign(cluster=clusters.to_numpy()[item])
