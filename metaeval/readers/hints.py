"""What to type next where several values stand for one row: every cure, likeliest first."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from metaeval.arrays import Bools, Codes
from metaeval.checks import listed
from metaeval.errors import MetaevalError

_PERSON = re.compile("rater|worker|annotat|user|person|coder|assessor|human", re.IGNORECASE)
_MOST_COLUMNS = 50
_LONGEST = 60


def telling_columns(
    frame: pd.DataFrame, row: Codes, repeated: Bools, skip: Collection[str]
) -> list[str]:
    """Columns that distinguish the records (cell,) of each row that is there several times.

    Parameters
    ----------
    frame : DataFrame
        All columns of the file.
    row : array (cell,)
        Which row each record belongs to.
    repeated : array (cell,)
        Which records share their row with another.
    skip : collection of str
        Columns that have a role already.
    """
    at = np.flatnonzero(repeated)
    columns = []
    for name in [str(c) for c in frame if str(c) not in skip][:_MOST_COLUMNS]:
        cells = frame[name].iloc[at]
        if cells.isna().any() or any(
            isinstance(v, list | dict | np.ndarray) for v in cells.head(3)
        ):
            continue
        texts = cells.astype(str)
        if texts.str.len().max() > _LONGEST or texts.nunique() == len(frame) > 20:
            continue
        if not pd.DataFrame({"row": row[at], "text": texts.to_numpy()}).duplicated().any():
            columns.append((int(texts.nunique()), name))
    return [name for _, name in sorted(columns)]


def repeats_cure(
    telling: Sequence[str], value: str, *, labels: bool, pairs: bool, long: bool
) -> str:
    """What to type where records repeat, the likeliest cure first.

    Parameters
    ----------
    telling : sequence of str
        Columns that distinguish the records.
    value : str
        The column that holds the values.
    labels, pairs, long : bool
        Whether the values are labels, rows are pairs, and a column names the scorers already.
    """
    if not telling:
        mean = "" if pairs else ", or average them: repeats='mean' (--repeats mean)"
        return f"No column distinguishes them: remove the duplicates{mean}."
    if "cluster" in telling:
        return (
            "The column of clusters (documents) distinguishes them: if items are numbered anew in "
            "each, map it as the task too, --map task=<column>, or make ids of both."
        )
    one = telling[0]
    what = "preference" if pairs else "label"
    cures = [
        f"if it names raters, --map rater={one},{what}={value} --exchangeable (rater={one!r}, "
        f"{what}={value!r}, exchangeable=True)"
    ]
    if not labels and long:
        cures = [f"if it names aspects or conditions that are scored each, --keys {one}", *cures]
    elif not labels:
        score = f"{'preference' if pairs else 'score'}={value}"
        cures = [
            f"if it names scorers (judges, filters, prompts), --map scorer={one},{score}",
            *cures,
        ]
    if not pairs:
        cures.append("if it numbers runs whose mean is meant, repeats='mean' (--repeats mean)")
    if _PERSON.search(one):
        cures.sort(key=lambda cure: "names raters" not in cure)
    others = f" ({listed(telling[1:], 3)} would too)" if len(telling) > 1 else ""
    return f"The column {one!r} distinguishes them{others}: {'; '.join(cures)}."


def no_item(frame: pd.DataFrame, source: str) -> MetaevalError:
    """Build the error of a file in which no column names the items."""
    names = [str(c) for c in frame]
    likely = [name for name in names if _may_be_ids(frame[name])][:3]
    cure = f"such as --map item={likely[0]}" if likely else "--map item=<column>"
    return MetaevalError(
        f"{source} needs a column 'item'; found {listed(names, 20) or 'no columns'}. Map "
        f"the one that names what was answered (segment, prompt, question), {cure} (item=...)."
    )


def _may_be_ids(column: pd.Series) -> bool:
    """Whether a column holds several short texts or whole numbers."""
    cells = column.dropna().head(1000)
    if not len(cells) or any(
        isinstance(v, list | dict | float | np.ndarray) for v in cells.head(50)
    ):
        return False
    texts = cells.astype(str)
    return bool(texts.nunique() > 1 and texts.str.len().max() <= _LONGEST) and not bool(
        texts.str.fullmatch(r"-?\d*\.\d+").any()
    )
