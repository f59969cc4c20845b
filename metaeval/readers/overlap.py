"""Which rows files share: ids of parts, files that do not fit, and what one file lacks."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from metaeval.arrays import Bools, Codes
from metaeval.checks import listed
from metaeval.errors import MetaevalError
from metaeval.readers.parts import Part
from metaeval.readers.values import combined, id_column

RESPONSE_IDS = ("task", "item", "response", "system")
PAIR_IDS = ("task", "item", "first", "second", "order")


def identity(part: Part, keys: Sequence[str]) -> list[str]:
    """Columns that identify a row of a part."""
    names = [*(PAIR_IDS if part.pairs else RESPONSE_IDS), *keys]
    here = [name for name in dict.fromkeys(names) if name in part.rows]
    return [n for n in here if n != "system"] if "response" in here else here


def shared_codes(frames: Sequence[pd.DataFrame], ids: Sequence[str]) -> list[Codes]:
    """Row numbers over several frames; equal ids have equal numbers: one array per frame."""
    columns = []
    for name in ids:
        texts = [np.asarray(id_column(f[name], name, null=True), dtype=object) for f in frames]
        columns.append(pd.factorize(np.concatenate(texts))[0])
    code = pd.factorize(combined(columns))[0]
    return list(np.split(code, np.cumsum([len(f) for f in frames])[:-1]))


def require_overlap(parts: Sequence[Part], keys: Sequence[str]) -> None:
    """Raise unless files hang together: by rows that they share, or by columns that they continue.

    Two files need not share rows themselves, if others lie between them.
    """
    by_source: dict[str, list[Part]] = {}
    for part in parts:
        by_source.setdefault(part.source, []).append(part)
    names = sorted(by_source)
    apart = sorted(set(names) - _hanging(names[0], by_source, keys))
    if apart:
        raise _no_overlap(names[0], by_source[names[0]][0], by_source[apart[0]][0], keys)


def _hanging(start: str, by_source: dict[str, list[Part]], keys: Sequence[str]) -> set[str]:
    """Sources that hang together with one of them."""
    group, todo = {start}, [start]
    while todo:
        own = by_source[todo.pop()]
        rest = [name for name in sorted(by_source) if name not in group]
        near = [name for name in rest if _touch(own, by_source[name], keys)]
        group |= set(near)
        todo += near
    return group


def _touch(own: Sequence[Part], others: Sequence[Part], keys: Sequence[str]) -> bool:
    one, two = ({c for p in ps for c in (*p.scores, *p.labels)} for ps in (own, others))
    return bool(one & two) or any(_overlap(a, b, keys).any() for a in own for b in others)


def _overlap(a: Part, b: Part, keys: Sequence[str]) -> Bools:
    shared = [c for c in identity(a, keys) if c in b.rows]
    mine, theirs = shared_codes([a.rows, b.rows], shared)
    return np.isin(mine, theirs)


def _no_overlap(source: str, a: Part, b: Part, keys: Sequence[str]) -> MetaevalError:
    shared = [c for c in identity(a, keys) if c in b.rows]
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
    """By how much items of two files that are numbers, maybe behind one word, differ; else 0."""
    one, two = (_numbers(part) for part in (a, b))
    if one is None or two is None or len(one) != len(two):
        return 0
    return int(two[0] - one[0]) if len(set((two - one).tolist())) == 1 else 0


def _numbers(part: Part) -> Codes | None:
    """The numbers of the items of a part, sorted; None if they are not numbers behind one word."""
    items = [re.fullmatch(r"(\D*)(\d{1,15})", str(item)) for item in part.rows["item"].unique()]
    if not items or None in items or len({m[1] for m in items if m}) > 1:
        return None
    return np.unique([int(m[2]) for m in items if m])


def differences(parts: Sequence[Part], codes: Sequence[Codes], ids: Sequence[str]) -> list[str]:
    """What each file has that no other has, and lacks that others have."""
    sources = sorted({part.source for part in parts})
    if len(sources) < 2:
        return []
    n = int(max(code.max() for code in codes)) + 1
    inside = np.zeros((len(sources), n), dtype=bool)
    for part, code in zip(parts, codes, strict=True):
        inside[sources.index(part.source), code] = True
    notes = []
    for here, source in zip(inside, sources, strict=True):
        alone, lacking = here & (inside.sum(axis=0) == 1), ~here
        for rows, what in (
            (alone, "rows are in no other file"),
            (lacking, "rows of other files are not in it"),
        ):
            if rows.any():
                some = _some(rows, parts, codes, ids)
                notes.append(f"{source}: {int(rows.sum())} {what}, such as {some}")
    return notes


def _some(rows: Bools, parts: Sequence[Part], codes: Sequence[Codes], ids: Sequence[str]) -> str:
    """Ids of the first three rows that are marked (row,)."""
    shown: dict[str, None] = {}
    for part, own in zip(parts, codes, strict=True):
        if set(ids) <= set(part.rows):
            for at in np.flatnonzero(rows[own])[:3]:
                shown["/".join(str(part.rows[c].iloc[at]) for c in ids)] = None
    return listed(sorted(shown)[:3])


def shift_warnings(parts: Sequence[Part], notes: Sequence[str]) -> list[str]:
    """A warning where the items of two files that differ look shifted, as numbers from 0 and 1."""
    sources = sorted({part.source for part in parts})
    if len(sources) != 2 or not notes:
        return []
    first = [next((p for p in parts if p.source == s and "item" in p.rows), None) for s in sources]
    shift = _shift(first[0], first[1]) if first[0] and first[1] else 0
    if not shift:
        return []
    return [
        f"items of {sources[1]} look shifted by {shift:+d} against those of {sources[0]}, so "
        "that rows may be matched wrongly; number them alike in both files"
    ]
