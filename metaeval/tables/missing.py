"""Policies for missing scores, and warnings about dropped rows."""

from __future__ import annotations

import numpy as np

from metaeval.core import Bools, MetaevalError, join_names, natural
from metaeval.tables.responses import Table

_LOSS_TO_MENTION = 0.05  # proportion of rows dropped without a warning


def complete_rows(table: Table, policy: str) -> Bools:
    """Rows that the policy for missing scores keeps: (row,)."""
    present = table.scores.notna().to_numpy()
    if policy == "pairwise":
        return present.any(axis=1)
    if policy == "error" and not present.all():
        row, column = np.argwhere(~present)[0]
        raise MetaevalError(
            f"{int((~present).sum())} of {present.size} scores are missing, such as that of "
            f"{table.scorers[column]!r} for item {table.rows['item'].iloc[row]!r}; fill them in, "
            "or use missing='common'."
        )
    return present.all(axis=1)


def dropped_rows_warning(table: Table, complete: Bools) -> tuple[str, ...]:
    """A warning if dropping incomplete rows loses a system, a task or over 5 % of the rows."""
    present = table.scores.notna().to_numpy()
    scored = present.any(axis=1)
    lost = scored & ~complete
    if not lost.any():
        return ()
    absent = [
        f"{column}{'s' * (len(values) > 1)} {join_names(map(repr, values), 5)}"
        for column in ("system", "task")
        if column in table.rows
        if (
            values := sorted(
                set(table.rows[column][scored]) - set(table.rows[column][complete]), key=natural
            )
        )
    ]
    if not absent and lost.sum() <= _LOSS_TO_MENTION * scored.sum():
        return ()
    names, regained = most_incomplete_scorers(present, table.scorers)
    rest = [s for s in table.scorers if s not in names]
    option = f" (--scorers {','.join(rest)})" if rest else ""
    return (
        f"{int(lost.sum())} of {int(scored.sum())} rows{_with(absent)} were dropped because a "
        f"score is missing; exclude {join_names(names, 20)}{option} to keep {regained} of them, "
        "or use missing='pairwise' (--missing pairwise)",
    )


def _with(absent: list[str]) -> str:
    return f" (including all of {' and '.join(absent)})" if absent else ""


def most_incomplete_scorers(present: Bools, scorers: list[str]) -> tuple[list[str], int]:
    """Scorers missing on the same rows whose removal regains most rows, and how many.

    >>> most_incomplete_scorers(np.array([[1, 0], [1, 1], [1, 0]], dtype=bool), ["a", "b"])
    (['b'], 2)
    """
    groups: dict[bytes, list[int]] = {}
    for m in range(present.shape[1]):
        groups.setdefault(present[:, m].tobytes(), []).append(m)
    n_complete = int(present.all(axis=1).sum())
    best: tuple[int, int, list[int]] = (-1, 0, [])
    for members in groups.values():
        rest = np.delete(present, members, axis=1)
        regained = int(rest.all(axis=1).sum()) - n_complete if rest.shape[1] else 0
        if (regained, -len(members)) > best[:2]:
            best = (regained, -len(members), members)
    return [scorers[m] for m in best[2]], best[0]


def no_complete_rows_message(table: Table, warnings: tuple[str, ...]) -> str:
    """Message that explains why no row is left."""
    present = table.scores.notna().to_numpy()
    empty = [
        s for s, any_there in zip(table.scorers, present.any(axis=0), strict=True) if not any_there
    ]
    if empty:
        return (
            f"No row with a label has a score from {join_names(empty)}; check the ids, or select "
            "other scorers (scorers=)."
        )
    return (
        f"No row has scores from all scorers: {warnings[0]}." if warnings else "No rows are left."
    )
