"""Rows that files share: ids of parts, files that do not match, missing rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from metaeval.core import Bools, Codes, MetaevalError, join_names
from metaeval.readers.cells.numbers_and_ids import combine_codes, id_column
from metaeval.readers.columns.aliases import column_hint
from metaeval.readers.matching.file_part import Part

RESPONSE_IDS = ("task", "item", "response", "system")
PAIR_IDS = ("task", "item", "first", "second", "order")


def identity(part: Part, keys: Sequence[str]) -> list[str]:
    """Return the columns that identify a row of a part."""
    names = [*(PAIR_IDS if part.pairs else RESPONSE_IDS), *keys]
    here = [name for name in dict.fromkeys(names) if name in part.rows]
    return [n for n in here if n != "system"] if "response" in here else here


def shared_codes(frames: Sequence[pd.DataFrame], ids: Sequence[str]) -> list[Codes]:
    """Number the rows of several frames; equal ids have equal numbers: one array per frame."""
    columns = []
    for name in ids:
        texts = [np.asarray(id_column(f[name], name, null=True), dtype=object) for f in frames]
        columns.append(pd.factorize(np.concatenate(texts))[0])
    code = pd.factorize(combine_codes(columns))[0]
    return list(np.split(code, np.cumsum([len(f) for f in frames])[:-1]))


def require_overlap(parts: Sequence[Part], keys: Sequence[str]) -> None:
    """Raise unless all files are connected by rows that they share or columns that they continue.

    Two files need not share rows directly; a chain of other files is enough.
    """
    by_source: dict[str, list[Part]] = {}
    for part in parts:
        by_source.setdefault(part.source, []).append(part)
    names = sorted(by_source)
    apart = sorted(set(names) - _hanging(names[0], by_source, keys))
    if apart:
        raise _no_overlap(names[0], by_source[names[0]][0], by_source[apart[0]][0], keys)


def _hanging(start: str, by_source: dict[str, list[Part]], keys: Sequence[str]) -> set[str]:
    """Return the sources that are connected with a given one."""
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
        f"{c} is {str(a.rows[c].iloc[0])!r} in one and {str(b.rows[c].iloc[0])!r} in the other"
        for c in shared
        if not set(map(str, a.rows[c])) & set(map(str, b.rows[c]))
    ]
    shift = _shift(a, b)
    hint = f" The items look shifted by {shift:+d}." if shift else ""
    for role in shared:
        for one, other in _twins(*(_names([part], role) for part in (a, b)))[:1]:
            hint = f" The {role}s differ in leading zeros, such as {one!r} and {other!r}."
    return MetaevalError(
        f"{source} and {b.source} share no row; they are matched by {', '.join(shared)}"
        f"{': ' + '; '.join(apart) if apart else ''}.{hint} Make the ids equal, or declare their "
        f"column: {column_hint(item='<column>')}."
    )


def _shift(a: Part, b: Part) -> int:
    """Return the constant difference of numbered items of two files; 0 if there is none."""
    one, two = (_numbers(part) for part in (a, b))
    if one is None or two is None or len(one) != len(two):
        return 0
    return int(two[0] - one[0]) if len(set((two - one).tolist())) == 1 else 0


def _numbers(part: Part) -> Codes | None:
    """Return the sorted numbers of items such as q1, q2; None if they have no common prefix."""
    items = [re.fullmatch(r"(\D*)(\d{1,15})", str(item)) for item in part.rows["item"].unique()]
    if not items or None in items or len({m[1] for m in items if m}) > 1:
        return None
    return np.unique([int(m[2]) for m in items if m])


def differences(parts: Sequence[Part], codes: Sequence[Codes], ids: Sequence[str]) -> list[str]:
    """Return notes on rows that only one file has, and on rows that it lacks."""
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
            (lacking, "rows of other files are missing"),
        ):
            if rows.any():
                some = _some(rows, parts, codes, ids)
                notes.append(f"{source}: {int(rows.sum())} {what}, such as {some}")
    return notes


def _some(rows: Bools, parts: Sequence[Part], codes: Sequence[Codes], ids: Sequence[str]) -> str:
    """Return the ids of the first three rows of a mask (row,)."""
    shown: dict[str, None] = {}
    for part, own in zip(parts, codes, strict=True):
        if set(ids) <= set(part.rows):
            for at in np.flatnonzero(rows[own])[:3]:
                shown["/".join(str(part.rows[c].iloc[at]) for c in ids)] = None
    return join_names(sorted(shown)[:3])


def shift_warnings(
    parts: Sequence[Part], codes: Sequence[Codes], notes: Sequence[str]
) -> list[str]:
    """Return a warning if the items of two files look shifted, as numbers from 0 and from 1."""
    sources = sorted({part.source for part in parts})
    if len(sources) != 2 or not notes or _continue_each_other(parts, codes, sources):
        return []
    first = [next((p for p in parts if p.source == s and "item" in p.rows), None) for s in sources]
    shift = _shift(first[0], first[1]) if first[0] and first[1] else 0
    if not shift:
        return []
    return [
        f"items of {sources[1]} look shifted by {shift:+d} against those of {sources[0]}, so rows "
        "may be matched wrongly; use the same numbers in both files"
    ]


def _continue_each_other(
    parts: Sequence[Part], codes: Sequence[Codes], sources: Sequence[str]
) -> bool:
    """Return whether two files may have different rows: both have the same or complete columns."""
    of = [[k for k, part in enumerate(parts) if part.source == source] for source in sources]
    scores, labels = (
        [{str(c) for k in own for c in getattr(parts[k], what)} for own in of]
        for what in ("scores", "labels")
    )
    if scores[0] | labels[0] == scores[1] | labels[1]:
        return True
    one, other = (np.concatenate([codes[k] for k in own]) for own in of)
    return all([*scores, *labels]) and not np.isin(one, other).any()


# Names that files spell differently.
def unlike_warnings(parts: Sequence[Part], keys: Sequence[str]) -> list[str]:
    """Return warnings about ids that differ in leading zeros, and systems that one file lacks."""
    warnings = []
    roles = dict.fromkeys([*(PAIR_IDS[:3] if parts[0].pairs else RESPONSE_IDS), *keys])
    names = {(id(part), role): _names([part], role) for part in parts for role in roles}
    for one, other in _sides(parts):
        files = _called(one), _called(other)
        for role in roles:
            here, there = (
                {name: None for part in side for name in names[id(part), role]}
                for side in (one, other)
            )
            twins = _twins(here, there)
            known = {name for two in twins for name in two}
            warnings += _zeros_warning(role, twins, *files) if twins else []
            if role in ("task", "system") or (role == "first" and _are_few(here, [*one, *other])):
                mine, theirs = ([n for n in a if n not in known] for a in (here, there))
                warnings += _lacking_warning(role, mine, theirs, *files)
    return list(dict.fromkeys(warnings))


def _sides(parts: Sequence[Part]) -> list[tuple[list[Part], list[Part]]]:
    """Return pairs of groups of files with different columns of values.

    Files with the same column continue each other and form one group.
    """
    holders: dict[str, set[str]] = {}
    for part in parts:
        for name in (*part.scores, *part.labels):
            holders.setdefault(str(name), set()).add(part.source)
    groups = sorted({tuple(sorted(sources)) for sources in holders.values()})
    found: list[tuple[set[str], set[str]]] = []
    for group in map(set, groups):
        rest = {s for other in groups if group.isdisjoint(other) for s in other}
        if rest and (rest, group) not in found:
            found.append((group, rest))
    return [(_parts_of(parts, one), _parts_of(parts, other)) for one, other in found]


def _parts_of(parts: Sequence[Part], sources: Collection[str]) -> list[Part]:
    return [part for part in parts if part.source in sources]


def _names(parts: Sequence[Part], role: str) -> dict[str, None]:
    """Return the names in a column of ids; for pairs those of first and second together."""
    columns = ("first", "second") if role in ("first", "second") else (role,)
    cells = [pd.unique(part.rows[c]) for part in parts for c in columns if c in part.rows]
    return {str(name): None for names in cells for name in names if str(name)}


def _called(parts: Sequence[Part]) -> str:
    return join_names(sorted({part.source for part in parts}), 3)


def _are_few(names: Collection[str], parts: Sequence[Part]) -> bool:
    """Return whether sides of pairs are systems, which recur, rather than responses to one item."""
    return len(names) <= len(_names(parts, "item"))


_ZEROS = re.compile(r"(?<![0-9.])0+(?=[0-9])")


def without_zeros(name: str) -> str:
    """Return a name without leading zeros of its integers.

    >>> without_zeros("q007"), without_zeros("000"), without_zeros("1.05")
    ('q7', '0', '1.05')
    """
    return _ZEROS.sub("", name) if "0" in name else name


def _twins(here: Collection[str], there: Collection[str]) -> list[tuple[str, str]]:
    """Return pairs of names of the two sides that differ in leading zeros only."""
    theirs = {without_zeros(name): name for name in there if name not in here}
    mine = {name: without_zeros(name) for name in here if name not in there}
    return [(name, theirs[plain]) for name, plain in mine.items() if plain in theirs]


def _zeros_warning(role: str, twins: Sequence[tuple[str, str]], one: str, other: str) -> list[str]:
    """Return a warning about ids that one file pads with zeros and another does not."""
    shown = join_names([f"{a!r} and {b!r}" for a, b in twins], 3)
    what = "names in first and second" if role == "first" else f"{role}s"
    return [
        f"{len(twins)} {what} of {one} and of {other} differ in leading zeros only ({shown}), so "
        "their rows are not matched; use the same ids in both files"
    ]


def _lacking_warning(
    role: str, here: Collection[str], there: Collection[str], one: str, other: str
) -> list[str]:
    """Return a warning about systems or tasks that only one side has, perhaps under two names."""
    mine, theirs = ([n for n in a if n not in b] for a, b in ((here, there), (there, here)))
    if not mine or not theirs:
        return []
    what = "responses" if role == "first" else f"{role}s"
    return [
        f"{what} differ: only {one} has {join_names(map(repr, mine), 5)}, only {other} has "
        f"{join_names(map(repr, theirs), 5)}; their rows are not matched. If these are the same, "
        "use the same names in both files"
    ]


def few_labelled(whole: Part, parts: Sequence[Part]) -> list[str]:
    """Return a warning if most rows with scores have no labels, and rows with labels no scores."""
    scored, labelled = (f.notna().to_numpy().any(axis=1) for f in (whole.scores, whole.labels))
    alone, n, both = labelled & ~scored, int(scored.sum()), int((scored & labelled).sum())
    if not _sides(parts) or not alone.any() or not n or 2 * both >= n:
        return []
    return [
        f"only {both} of {n} rows with scores have labels, and {int(alone.sum())} rows have labels "
        "but no scores; if these are the same rows, use the same ids in all files"
    ]


def require_long(parts: Sequence[Part]) -> None:
    """Raise if columns of a file are named like the systems of another."""
    for part in parts:
        if part.pairs or {"system", "response"} & set(part.rows):
            continue
        columns = [str(c) for c in (*part.scores, *part.labels)]
        for other in parts:
            systems = _names([other], "system") if other.source != part.source else {}
            named = [c for c in columns if c in systems]
            if named and 2 * len(named) >= len(columns):
                raise _wide_by_system(part, named, other.source)


def _wide_by_system(part: Part, named: Sequence[str], other: str) -> MetaevalError:
    values = {*part.scores, *part.labels}
    ids = [str(c) for c in part.columns if c not in values]
    by = repr(ids) if len(ids) > 1 else repr(ids[0] if ids else "item")
    melt = f"pandas.melt(frame, id_vars={by}, var_name='system', value_name='score')"
    return MetaevalError(
        f"Columns of {part.source} are named like systems of {other} ({join_names(named, 5)}); "
        "expected one row per item and system, with a column 'system' and one column per scorer. "
        f"Reshape it: {melt} (value_name='label' for labels); if the columns are judges, rename "
        "them."
    )
