"""From one part to a table: labels and scorers as asked, orientation, policies."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

import pandas as pd

from metaeval.core import MetaevalError, join_names, no_such, require_known
from metaeval.readers.columns.aliases import ROLES
from metaeval.readers.columns.roles import names_of
from metaeval.readers.formats.preferences import check_orders
from metaeval.readers.matching.file_part import Part
from metaeval.tables import Pairs, Responses


def table_of(whole: Part, options: Mapping[str, Any]) -> Responses | Pairs:
    """Build the table: labels and scorers as asked, orientation, policies."""
    scores, labels = _divided(whole, names_of(options.get("labels")))
    scores = _only(whole, scores, options.get("scorers"))
    flipped = _flip(scores, labels, names_of(options.get("lower_is_better")))
    fields = {
        "keys": tuple(names_of(options.get("keys"))),
        "label_kind": _label_kind(whole, options.get("label_kind")),
        "label_epsilon": options.get("label_epsilon", 0.0),
        "average_raters": bool(options.get("average_raters", False)),
        "missing": options.get("missing", "common"),
        "flipped": tuple(flipped),
        "notes": (*whole.notes, *([f"reversed: {join_names(flipped)}"] if flipped else [])),
        "warnings": whole.warnings,
    }
    if whole.pairs:
        check_orders(bool(options.get("ordered", False)), options.get("both_orders", "each"))
        fields["ordered"] = bool(options.get("ordered", False))
    shared = options.get("shared_items")
    kind = Pairs if whole.pairs else Responses
    for key in fields["keys"]:
        require_known("key column", key, list(whole.rows))
    table = kind(whole.rows, scores, labels, shared_items=shared, **fields)
    _refuse_holes(table)
    return table


def _label_kind(whole: Part, said: str | None) -> str | None:
    """The kind of labels that the user said, else that of the format; pairs have preferences."""
    if said in (("rating", "correct") if whole.pairs else ("preference",)):
        rows = "pairs" if whole.pairs else "responses"
        raise MetaevalError(
            f"label_kind={said!r} is not for {rows}, which these files hold; leave it out."
        )
    return said or ("preference" if whole.pairs else whole.label_kind)


def _divided(whole: Part, wanted: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and labels; names said to be labels are labels, wherever they were found."""
    names = [*whole.labels, *whole.scores]
    for pattern in wanted:
        if not any(_is_called(name, pattern) for name in names):
            require_known("label", pattern, _known(whole, names, pattern))
    moved = [n for n in whole.scores if any(fnmatch.fnmatchcase(n, w) for w in wanted)]
    if not moved:
        return whole.scores, whole.labels.copy()
    labels = pd.concat([whole.labels, whole.scores[moved]], axis=1)
    return whole.scores.drop(columns=moved), labels


def _is_called(name: str, pattern: str) -> bool:
    """Return whether a name matches a pattern, or is that of a rater of it, as `human/r1` of `human`."""
    return fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern}/")


def _only(whole: Part, scores: pd.DataFrame, scorers: Any) -> pd.DataFrame:
    if scorers is None:
        return scores.copy()
    names = names_of(scorers)
    for name in names:
        if name not in scores:
            raise _no_scorer(whole, list(scores), name)
    return scores[list(dict.fromkeys(names))]


def _no_scorer(whole: Part, names: list[str], unknown: str) -> MetaevalError:
    """Build the error of a scorer that is not there; a column of its name is, or is not."""
    if unknown in whole.labels:
        return MetaevalError(
            f"{unknown!r} was read as a label, not as a scorer; name the labels: labels=[...] "
            "(--labels A,B)."
        )
    if unknown in whole.columns:
        return MetaevalError(
            f"The column {unknown!r} is there and is not a column of scores, but of ids, texts or "
            f"lists; scorers are {join_names(names, 20) or 'none'}. If it holds scores, write "
            "them as numbers, or say which columns are the ids: columns={...} (--map)."
        )
    beside = [c for c in whole.rows if pd.api.types.is_numeric_dtype(whole.rows[c].dtype)]
    known = list(dict.fromkeys([*names, *beside])) or _known(whole, names, unknown)
    return MetaevalError(no_such("scorer", unknown, known))


def _known(whole: Part, names: list[str], unknown: str) -> list[str]:
    """Names to show for one that is unknown; where there are none, the columns of the files."""
    return names or [c for c in whole.columns if c not in (*ROLES, unknown)]


def _flip(scores: pd.DataFrame, labels: pd.DataFrame, names: list[str]) -> list[str]:
    """Turn columns round in place; the names that were."""
    for name in dict.fromkeys(names):
        require_known("scorer or label", name, [*scores, *labels])
        frame = scores if name in scores else labels
        frame[name] = 0.0 - frame[name]
    return sorted(set(names))


def _refuse_holes(table: Responses | Pairs) -> None:
    if table.missing != "error" or not table.scores.isna().any(axis=None):
        return
    where = table.scores.isna().to_numpy()
    some = [
        f"{table.scorers[m]} on item {table.rows['item'].iloc[r]}"
        for r, m in zip(*where.nonzero(), strict=True)
    ]
    raise MetaevalError(
        f"missing='error' and {int(where.sum())} scores are missing: {join_names(some, 10)}. Fill "
        "them in, or use missing='common'."
    )
