"""Several files side by side: rows matched by key, scorers and labels put next to one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from metaeval.arrays import Bools, Codes, Floats
from metaeval.checks import listed
from metaeval.errors import MetaevalError
from metaeval.readers.parts import WRONG, Part
from metaeval.readers.values import collapse, combined, id_column

_RESPONSE_IDS = ("task", "item", "response", "system")
_PAIR_IDS = ("task", "item", "first", "second", "order")


def merge(parts: Sequence[Part], keys: Sequence[str] = ()) -> Part:
    """Put parts side by side, whatever their order.

    Rows are matched by the ids that both sides have. A scorer may be spread over files (one per
    task, say), but must not have two different scores for one row. A part that lacks some id,
    such as the task, is matched by the others, provided that they tell its rows apart.

    Raises
    ------
    MetaevalError
        If scores and pairs are mixed, two files share no row, or scores contradict.
    """
    if len({part.pairs for part in parts}) > 1:
        names = [sorted({p.source for p in parts if p.pairs == kind}) for kind in (True, False)]
        raise MetaevalError(
            f"{listed(names[0])} holds pairs and {listed(names[1])} scores of responses; read them "
            "apart, and put them together with responses.pairs().join(pairs)."
        )
    _require_overlap(parts, keys)
    groups: dict[tuple[str, ...], list[Part]] = {}
    for part in parts:
        groups.setdefault(tuple(_ids(part, keys)), []).append(part)
    ranked = sorted(groups, key=lambda ids: (-len(ids), ids))
    whole = _stack(groups[ranked[0]], ranked[0])
    for ids in ranked[1:]:
        whole = _beside(whole, _stack(groups[ids], ids), keys)
    return whole


def settled(part: Part) -> Part:
    """Return the part with refusals that count as wrong turned against the label of their pair."""
    scores = part.scores.to_numpy()
    if not part.pairs or not (scores == WRONG).any():
        return part
    labels = part.labels.to_numpy()
    if not labels.shape[1]:
        raise MetaevalError(
            "refusals='error' needs a label to be wrong against; give a label file."
        )
    votes = np.stack([(labels == v).sum(axis=1) for v in (-1, 0, 1)], axis=1)
    most = votes == votes.max(axis=1, keepdims=True)
    verdict = np.where(most.sum(axis=1) == 1, votes.argmax(axis=1) - 1.0, 0.0)
    wrong = np.where(verdict == 0, 1.0, -verdict)[:, None]
    fixed = pd.DataFrame(np.where(scores == WRONG, wrong, scores), columns=part.scores.columns)
    return Part(**{**vars(part), "scores": fixed})


def _ids(part: Part, keys: Sequence[str]) -> list[str]:
    """Columns that identify a row of a part."""
    names = [*(_PAIR_IDS if part.pairs else _RESPONSE_IDS), *keys]
    here = [name for name in dict.fromkeys(names) if name in part.rows]
    return [n for n in here if n != "system"] if "response" in here else here


def _codes(frames: Sequence[pd.DataFrame], ids: Sequence[str]) -> list[Codes]:
    """Row numbers over several frames; equal ids have equal numbers: one array per frame."""
    columns = []
    for name in ids:
        texts = [np.asarray(id_column(f[name], name, null=True), dtype=object) for f in frames]
        columns.append(pd.factorize(np.concatenate(texts))[0])
    code = pd.factorize(combined(columns))[0]
    return list(np.split(code, np.cumsum([len(f) for f in frames])[:-1]))


def _stack(parts: Sequence[Part], ids: Sequence[str]) -> Part:
    """Put parts with the same ids together on the union of their rows."""
    if len(parts) == 1 or (not {"response", "system", "first"} & set(ids) and _repeats(parts, ids)):
        return _single(parts, ids)
    codes = _codes([part.rows for part in parts], ids)
    n = int(max(code.max() for code in codes)) + 1
    rows, torn = _stacked_rows(parts, codes, n, ids)
    notes = [*_differences(parts, codes, ids), *torn]
    first = parts[0]
    return Part(
        rows,
        _filled(parts, codes, n, "scores", rows, ids),
        _filled(parts, codes, n, "labels", rows, ids),
        source=" and ".join(sorted({part.source for part in parts})),
        pairs=first.pairs,
        label_kind=_kind(parts),
        notes=tuple(dict.fromkeys([*(n for p in parts for n in p.notes), *notes])),
    )


def _repeats(parts: Sequence[Part], ids: Sequence[str]) -> bool:
    return any(part.rows.duplicated(list(ids)).any() for part in parts)


def _single(parts: Sequence[Part], ids: Sequence[str]) -> Part:
    if len(parts) > 1:
        raise MetaevalError(
            f"{listed([p.source for p in parts])} have several rows per item and no column that "
            "names the responses; add one (response or system), or map it: response=<your column>."
        )
    return parts[0]


def _kind(parts: Sequence[Part]) -> str | None:
    kinds = {part.label_kind for part in parts if part.labels.shape[1] and part.label_kind}
    return kinds.pop() if len(kinds) == 1 else None


def _stacked_rows(
    parts: Sequence[Part], codes: Sequence[Codes], n: int, ids: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Ids and covariates on the union of rows; covariates that contradict are left out."""
    names = list(dict.fromkeys(str(c) for part in parts for c in part.rows))
    rows, notes = {}, []
    for name in sorted(names, key=lambda c: (c not in ids, c)):
        with_it = [
            (part, code) for part, code in zip(parts, codes, strict=True) if name in part.rows
        ]
        cells = pd.concat([_loose(part.rows[name]) for part, _ in with_it], ignore_index=True)
        values, torn = collapse(cells, np.concatenate([code for _, code in with_it]), n)
        if not torn.any():
            rows[name] = values
        elif name == "text_hash":
            notes.append(
                f"suspicious ids: {int(torn.sum())} keys have different texts in two files"
            )
        else:
            notes.append(f"{name} is left out, files differ in it for {int(torn.sum())} rows")
    return pd.DataFrame(rows, index=pd.RangeIndex(n)), notes


def _loose(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(object)
    return column


def _filled(
    parts: Sequence[Part],
    codes: Sequence[Codes],
    n: int,
    what: str,
    rows: pd.DataFrame,
    ids: Sequence[str],
) -> pd.DataFrame:
    """Scores or labels of all parts on the union of rows."""
    columns: dict[str, Floats] = {}
    for part, code in zip(parts, codes, strict=True):
        for name, column in getattr(part, what).items():
            target = columns.setdefault(str(name), np.full(n, np.nan))
            values = column.to_numpy(dtype=float)
            there = ~np.isnan(values)
            before = target[code[there]]
            clash = ~np.isnan(before) & (before != values[there])
            if clash.any():
                raise _contradiction(str(name), rows, code[there][clash], ids, parts)
            target[code[there]] = values[there]
    return pd.DataFrame(columns, index=pd.RangeIndex(n))


def _contradiction(
    name: str, rows: pd.DataFrame, where: Codes, ids: Sequence[str], parts: Sequence[Part]
) -> MetaevalError:
    keys = [
        tuple(map(str, row))
        for row in rows.loc[np.unique(where), list(ids)].itertuples(index=False)
    ]
    files = sorted({p.source for p in parts if name in p.scores or name in p.labels})
    return MetaevalError(
        f"{listed(files)} have different values of {name!r} for {len(keys)} rows "
        f"({', '.join(ids)}): {listed(keys, 10)}. Remove one file, or rename one of the columns."
    )


def _beside(whole: Part, other: Part, keys: Sequence[str]) -> Part:
    """Put a part with fewer ids beside the rows that it belongs to."""
    names = [*(_PAIR_IDS if whole.pairs else _RESPONSE_IDS), *keys]
    shared = [c for c in dict.fromkeys(names) if c in whole.rows and c in other.rows]
    mine, theirs = _codes([whole.rows, other.rows], shared)
    if len(np.unique(theirs)) < len(theirs):
        lacking = [c for c in _ids(other, keys) if c not in shared]
        raise MetaevalError(
            f"{other.source} and {whole.source} share the ids {listed(shared)}, which do not tell "
            f"the rows of {other.source} apart; {listed(lacking) or 'another id'} is needed in both "
            "files, under one name (map it with --map)."
        )
    place = pd.Series(np.arange(len(theirs)), index=theirs).reindex(mine).to_numpy()
    unmatched = len(theirs) - len(np.intersect1d(theirs, mine))
    notes = (
        [f"{other.source}: {unmatched} rows match no row of {whole.source}"] if unmatched else []
    )
    scores, labels = (
        _joined(getattr(whole, what), getattr(other, what), place, other.source)
        for what in ("scores", "labels")
    )
    more = [c for c in other.rows if c not in whole.rows]
    extra = other.rows[more].reindex(place).reset_index(drop=True)
    rows = pd.concat([whole.rows.reset_index(drop=True), extra], axis=1)
    return Part(
        rows,
        scores,
        labels,
        f"{whole.source} and {other.source}",
        whole.pairs,
        _kind([whole, other]),
        (*whole.notes, *other.notes, *notes),
    )


def _joined(mine: pd.DataFrame, theirs: pd.DataFrame, place: Floats, source: str) -> pd.DataFrame:
    moved = theirs.reindex(place).reset_index(drop=True)
    table = mine.reset_index(drop=True)
    for name in moved:
        if name in table:
            both = table[name].notna() & moved[name].notna() & (table[name] != moved[name])
            if both.any():
                raise MetaevalError(
                    f"{source} has other values of {name!r} than another file, on {int(both.sum())} "
                    "rows; remove one file, or rename one of the columns."
                )
            table[name] = table[name].where(table[name].notna(), moved[name])
        else:
            table[name] = moved[name]
    return table


# Files that do not fit together.
def _require_overlap(parts: Sequence[Part], keys: Sequence[str]) -> None:
    """Raise if a file shares no row with the others, unless its columns continue theirs."""
    by_source: dict[str, list[Part]] = {}
    for part in parts:
        by_source.setdefault(part.source, []).append(part)
    if len(by_source) < 2:
        return
    for source, own in sorted(by_source.items()):
        others = [p for name, some in sorted(by_source.items()) if name != source for p in some]
        columns = {c for p in own for c in (*p.scores, *p.labels)}
        if columns & {c for p in others for c in (*p.scores, *p.labels)}:
            continue
        if not any(_overlap(a, b, keys).any() for a in own for b in others):
            raise _no_overlap(source, own[0], others[0], keys)


def _overlap(a: Part, b: Part, keys: Sequence[str]) -> Bools:
    shared = [c for c in _ids(a, keys) if c in b.rows]
    mine, theirs = _codes([a.rows, b.rows], shared)
    return np.isin(mine, theirs)


def _no_overlap(source: str, a: Part, b: Part, keys: Sequence[str]) -> MetaevalError:
    shared = [c for c in _ids(a, keys) if c in b.rows]
    apart = [
        f"{c} is {str(a.rows[c].iloc[0])!r} here and {str(b.rows[c].iloc[0])!r} there"
        for c in shared
        if not set(map(str, a.rows[c])) & set(map(str, b.rows[c]))
    ]
    shift = _shift(a, b)
    hint = f" The items look shifted by {shift:+d}." if shift else ""
    return MetaevalError(
        f"{source} and {b.source} share no row; they are matched by {', '.join(shared)}"
        f"{': ' + '; '.join(apart) if apart else ''}.{hint} Make the ids equal, or map the columns "
        "(--map item=<column>)."
    )


def _shift(a: Part, b: Part) -> int:
    """By how much whole-number items of two files differ, if by a constant; else 0."""
    try:
        one, two = (np.unique([int(str(i)) for i in part.rows["item"].unique()]) for part in (a, b))
    except ValueError:
        return 0
    same = len(one) == len(two) and len(set((two - one).tolist())) == 1
    return int(two[0] - one[0]) if same else 0


def _differences(parts: Sequence[Part], codes: Sequence[Codes], ids: Sequence[str]) -> list[str]:
    """What each file has that no other has, and lacks that others have."""
    sources = sorted({part.source for part in parts})
    if len(sources) < 2:
        return []
    inside: Mapping[str, set[Any]] = {s: set() for s in sources}
    for part, code in zip(parts, codes, strict=True):
        inside[part.source].update(code.tolist())
    everything = set().union(*inside.values())
    notes = []
    for source in sources:
        others = set().union(*(inside[s] for s in sources if s != source))
        alone, lacking = inside[source] - others, everything - inside[source]
        if alone:
            notes.append(
                f"{source}: {len(alone)} rows are in no other file{_some(alone, parts, codes, ids)}"
            )
        if lacking:
            notes.append(
                f"{source}: {len(lacking)} rows of other files are not in it{_some(lacking, parts, codes, ids)}"
            )
    if len(sources) == 2 and any("no other" in note for note in notes):
        shift = _shift(*[next(p for p in parts if p.source == s) for s in sources])
        if shift:
            notes.append(f"suspicious ids: items of {sources[1]} look shifted by {shift:+d}")
    return notes


def _some(
    wanted: set[Any], parts: Sequence[Part], codes: Sequence[Codes], ids: Sequence[str]
) -> str:
    few = sorted(wanted)[:3]
    shown = []
    for code in few:
        for part, own in zip(parts, codes, strict=True):
            at = np.flatnonzero(own == code)
            if len(at):
                shown.append("/".join(str(part.rows[c].iloc[at[0]]) for c in ids))
                break
    return f", such as {listed(sorted(shown))}"
