"""Policies for missing scores: which rows stay, and what is said of those that do not."""

from __future__ import annotations

import numpy as np

from metaeval.core import Bools, MetaevalError, listed, natural
from metaeval.tables.responses import Table

_LOSS_TO_MENTION = 0.05


def kept_rows(table: Table, policy: str) -> Bools:
    """Rows that the policy for missing scores keeps: (row,)."""
    there = table.scores.notna().to_numpy()
    if policy == "pairwise":
        return there.any(axis=1)
    if policy == "error" and not there.all():
        row, column = np.argwhere(~there)[0]
        raise MetaevalError(
            f"{int((~there).sum())} scores are missing, the first of {table.scorers[column]!r} for "
            f"item {table.rows['item'].iloc[row]!r}; fill them in, or use missing='common'."
        )
    return there.all(axis=1)


def loss(table: Table, kept: Bools) -> tuple[str, ...]:
    """A warning if the common rows leave out a system, a task or over 5 % of the rows."""
    there = table.scores.notna().to_numpy()
    some = there.any(axis=1)
    lost = some & ~kept
    if not lost.any():
        return ()
    gone = [
        f"{column} {value!r}"
        for column in ("system", "task")
        if column in table.rows
        for value in sorted(
            set(table.rows[column][some]) - set(table.rows[column][kept]), key=natural
        )
    ]
    if not gone and lost.sum() <= _LOSS_TO_MENTION * some.sum():
        return ()
    names, regained = costliest_holes(there, table.scorers)
    rest = [s for s in table.scorers if s not in names]
    cure = f"leave it out with --scorers {','.join(rest)}" if rest else "compare fewer scorers"
    if len(names) > 1:
        cure = cure.replace("leave it out", "leave them out")
    return (
        f"{int(lost.sum())} of {int(some.sum())} rows{_with(gone)} are left out because scores are "
        f"missing; {regained} of them come back without {listed(names, 20)}: {cure}, or compare "
        "with --missing pairwise",
    )


def _with(gone: list[str]) -> str:
    return f" (all of {listed(gone, 5)})" if gone else ""


def costliest_holes(there: Bools, scorers: list[str]) -> tuple[list[str], int]:
    """Scorers with the same holes whose removal regains most rows, and how many rows those are.

    >>> costliest_holes(np.array([[1, 0], [1, 1], [1, 0]], dtype=bool), ["a", "b"])
    (['b'], 2)
    """
    groups: dict[bytes, list[int]] = {}
    for m in range(there.shape[1]):
        groups.setdefault(there[:, m].tobytes(), []).append(m)
    whole = int(there.all(axis=1).sum())
    best: tuple[int, int, list[int]] = (-1, 0, [])
    for members in groups.values():
        rest = np.delete(there, members, axis=1)
        regained = int(rest.all(axis=1).sum()) - whole if rest.shape[1] else 0
        if (regained, -len(members)) > best[:2]:
            best = (regained, -len(members), members)
    return [scorers[m] for m in best[2]], best[0]


def no_rows(table: Table, warnings: tuple[str, ...]) -> str:
    """Say why no row is left."""
    there = table.scores.notna().to_numpy()
    empty = [
        s for s, any_there in zip(table.scorers, there.any(axis=0), strict=True) if not any_there
    ]
    if empty:
        return (
            f"{listed(empty)} has no score on any row with a label; check its ids, or leave it out "
            "(scorers=)."
        )
    return f"No row has scores of all scorers: {warnings[0]}." if warnings else "No row is left."
