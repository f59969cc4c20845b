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
    present = [name for name in dict.fromkeys(names) if name in part.rows]
    return [n for n in present if n != "system"] if "response" in present else present


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
    unconnected = sorted(set(names) - _connected(names[0], by_source, keys))
    if unconnected:
        raise _no_overlap_error(
            names[0], by_source[names[0]][0], by_source[unconnected[0]][0], keys
        )


def _connected(start: str, by_source: dict[str, list[Part]], keys: Sequence[str]) -> set[str]:
    """Return the sources that are connected with a given one."""
    group, queue = {start}, [start]
    while queue:
        members = by_source[queue.pop()]
        rest = [name for name in sorted(by_source) if name not in group]
        neighbors = [name for name in rest if _are_connected(members, by_source[name], keys)]
        group |= set(neighbors)
        queue += neighbors
    return group


def _are_connected(parts: Sequence[Part], others: Sequence[Part], keys: Sequence[str]) -> bool:
    columns, other_columns = (
        {c for p in ps for c in (*p.scores, *p.labels)} for ps in (parts, others)
    )
    return bool(columns & other_columns) or any(
        _overlap(a, b, keys).any() for a in parts for b in others
    )


def _overlap(a: Part, b: Part, keys: Sequence[str]) -> Bools:
    shared = [c for c in identity(a, keys) if c in b.rows]
    codes, other_codes = shared_codes([a.rows, b.rows], shared)
    return np.isin(codes, other_codes)


def _no_overlap_error(source: str, a: Part, b: Part, keys: Sequence[str]) -> MetaevalError:
    shared = [c for c in identity(a, keys) if c in b.rows]
    mismatches = [
        f"{c} is {str(a.rows[c].iloc[0])!r} in one file and {str(b.rows[c].iloc[0])!r} in the other"
        for c in shared
        if not set(map(str, a.rows[c])) & set(map(str, b.rows[c]))
    ]
    shift = _shift(a, b)
    hint = f" The item numbers look shifted by {shift:+d}." if shift else ""
    for role in shared:
        for name, counterpart in _pairs_by_zeros(*(_names([part], role) for part in (a, b)))[:1]:
            hint = f" The {role}s differ in leading zeros, such as {name!r} and {counterpart!r}."
    return MetaevalError(
        f"{source} and {b.source} share no rows; they are matched by "
        f"{', '.join(shared)}{': ' + '; '.join(mismatches) if mismatches else ''}.{hint} Make the "
        f"ids agree, or declare the column that contains them: {column_hint(item='<column>')}."
    )


def _shift(a: Part, b: Part) -> int:
    """Return the constant difference of numbered items of two files; 0 if there is none."""
    first, second = (_numbers(part) for part in (a, b))
    if first is None or second is None or len(first) != len(second):
        return 0
    return int(second[0] - first[0]) if len(set((second - first).tolist())) == 1 else 0


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
    for in_source, source in zip(inside, sources, strict=True):
        only_here, lacking = in_source & (inside.sum(axis=0) == 1), ~in_source
        for rows, what in (
            (only_here, "rows are in no other file"),
            (lacking, "rows of other files are missing"),
        ):
            if rows.any():
                examples = _example_ids(rows, parts, codes, ids)
                notes.append(f"{source}: {int(rows.sum())} {what}, such as {examples}")
    return notes


def _example_ids(
    rows: Bools, parts: Sequence[Part], codes: Sequence[Codes], ids: Sequence[str]
) -> str:
    """Return the ids of the first three rows of a mask (row,)."""
    examples: dict[str, None] = {}
    for part, part_codes in zip(parts, codes, strict=True):
        if set(ids) <= set(part.rows):
            for at in np.flatnonzero(rows[part_codes])[:3]:
                examples["/".join(str(part.rows[c].iloc[at]) for c in ids)] = None
    return join_names(sorted(examples)[:3])


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
        f"the item numbers in {sources[1]} look shifted by {shift:+d} relative to those in "
        f"{sources[0]}, so rows may be matched incorrectly; use the same numbers in both files"
    ]


def _continue_each_other(
    parts: Sequence[Part], codes: Sequence[Codes], sources: Sequence[str]
) -> bool:
    """Return whether two files may have different rows: both have the same or complete columns."""
    indices_by_source = [
        [k for k, part in enumerate(parts) if part.source == source] for source in sources
    ]
    scores, labels = (
        [
            {str(c) for k in indices for c in getattr(parts[k], what)}
            for indices in indices_by_source
        ]
        for what in ("scores", "labels")
    )
    if scores[0] | labels[0] == scores[1] | labels[1]:
        return True
    first, second = (np.concatenate([codes[k] for k in indices]) for indices in indices_by_source)
    return all([*scores, *labels]) and not np.isin(first, second).any()


# Names that files spell differently.
def spelling_warnings(parts: Sequence[Part], keys: Sequence[str]) -> list[str]:
    """Return warnings about ids that differ in leading zeros, and systems that one file lacks."""
    warnings, sides = [], _sides(parts)
    if not sides:
        return []
    roles = dict.fromkeys([*(PAIR_IDS[:3] if parts[0].pairs else RESPONSE_IDS), *keys])
    names = {(id(part), role): _names([part], role) for part in parts for role in roles}
    for left, right in sides:
        files = _source_names(left), _source_names(right)
        for role in roles:
            left_names, right_names = (
                {name: None for part in side for name in names[id(part), role]}
                for side in (left, right)
            )
            twins = _pairs_by_zeros(left_names, right_names)
            padded = {name for pair in twins for name in pair}
            warnings += _zeros_warning(role, twins, *files) if twins else []
            if role in ("task", "system") or (
                role == "first" and _are_few(left_names, [*left, *right])
            ):
                left_rest, right_rest = (
                    [n for n in a if n not in padded] for a in (left_names, right_names)
                )
                warnings += _lacking_warning(role, left_rest, right_rest, *files)
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
    sides: list[tuple[set[str], set[str]]] = []
    for group in map(set, groups):
        rest = {s for right in groups if group.isdisjoint(right) for s in right}
        if rest and (rest, group) not in sides:
            sides.append((group, rest))
    return [(_parts_of(parts, left), _parts_of(parts, right)) for left, right in sides]


def _parts_of(parts: Sequence[Part], sources: Collection[str]) -> list[Part]:
    return [part for part in parts if part.source in sources]


def _names(parts: Sequence[Part], role: str) -> dict[str, None]:
    """Return the names in a column of ids; for pairs those of first and second together."""
    columns = ("first", "second") if role in ("first", "second") else (role,)
    cells = [pd.unique(part.rows[c]) for part in parts for c in columns if c in part.rows]
    return {str(name): None for names in cells for name in names if str(name)}


def _source_names(parts: Sequence[Part]) -> str:
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


def _pairs_by_zeros(names: Collection[str], other_names: Collection[str]) -> list[tuple[str, str]]:
    """Return pairs of names of the two sides that differ in leading zeros only."""
    by_shortened = {without_zeros(name): name for name in other_names if name not in names}
    shortened = {name: without_zeros(name) for name in names if name not in other_names}
    return [
        (name, by_shortened[plain]) for name, plain in shortened.items() if plain in by_shortened
    ]


def _zeros_warning(
    role: str, twins: Sequence[tuple[str, str]], file: str, other_file: str
) -> list[str]:
    """Return a warning about ids that one file pads with zeros and another does not."""
    listing = join_names([f"{a!r} and {b!r}" for a, b in twins], 3)
    what = "names in first and second" if role == "first" else f"{role}s"
    return [
        f"{len(twins)} {what} of {file} and of {other_file} differ only in leading zeros "
        f"({listing}), so their rows are not matched; use the same ids in both files"
    ]


def _lacking_warning(
    role: str, names: Collection[str], other_names: Collection[str], file: str, other_file: str
) -> list[str]:
    """Return a warning about systems or tasks that only one side has, perhaps under two names."""
    only_here, only_there = (
        [n for n in a if n not in b] for a, b in ((names, other_names), (other_names, names))
    )
    if not only_here or not only_there:
        return []
    what = "responses" if role == "first" else f"{role}s"
    return [
        f"{what} differ: only {file} has {join_names(map(repr, only_here), 5)}, only {other_file} "
        f"has {join_names(map(repr, only_there), 5)}, so their rows are not matched. If these "
        f"names refer to the same {what}, use the same spelling in both files"
    ]


def few_labels_warning(merged: Part, parts: Sequence[Part]) -> list[str]:
    """Return a warning if most rows with scores have no labels, and rows with labels no scores."""
    scored, labeled = (f.notna().to_numpy().any(axis=1) for f in (merged.scores, merged.labels))
    is_unscored, n, n_both = labeled & ~scored, int(scored.sum()), int((scored & labeled).sum())
    if not _sides(parts) or not is_unscored.any() or not n or 2 * n_both >= n:
        return []
    return [
        f"only {n_both} of {n} rows with scores have labels, and {int(is_unscored.sum())} rows "
        "have labels but no scores; if these are the same rows, use the same ids in all files"
    ]


def require_long(parts: Sequence[Part]) -> None:
    """Raise if columns of a file are named like the systems of another."""
    for part in parts:
        if part.pairs or {"system", "response"} & set(part.rows):
            continue
        columns = [str(c) for c in (*part.scores, *part.labels)]
        for other_part in parts:
            systems = _names([other_part], "system") if other_part.source != part.source else {}
            system_columns = [c for c in columns if c in systems]
            if system_columns and 2 * len(system_columns) >= len(columns):
                raise _wide_by_system_error(part, system_columns, other_part.source)


def _wide_by_system_error(part: Part, columns: Sequence[str], other: str) -> MetaevalError:
    values = {*part.scores, *part.labels}
    ids = [str(c) for c in part.columns if c not in values]
    by = repr(ids) if len(ids) > 1 else repr(ids[0] if ids else "item")
    melt = f"pandas.melt(frame, id_vars={by}, var_name='system', value_name='score')"
    return MetaevalError(
        f"Columns in {part.source} are named like the systems of {other} "
        f"({join_names(columns, 5)}); expected one row per item and system, with a column "
        f"'system' and one column per scorer. Reshape it: {melt} (value_name='label' for labels); "
        "if the columns are judges, rename them."
    )
