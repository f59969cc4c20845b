"""From one part to a table: selected labels and scorers, orientation, policies."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

import pandas as pd

from metaeval.core import MetaevalError, join_names, no_such, require_known
from metaeval.readers.columns.aliases import ROLES
from metaeval.readers.columns.roles import names_of
from metaeval.readers.formats.preferences import check_order_options
from metaeval.readers.matching.file_part import Part
from metaeval.tables import Pairs, Responses


def build_table(part: Part, options: Mapping[str, Any]) -> Responses | Pairs:
    """Build the table: select labels and scorers, reverse signs, set policies."""
    scores, labels = _split_labels(part, names_of(options.get("labels")))
    scores = _select_scorers(part, scores, options.get("scorers"))
    flipped = _flip(scores, labels, names_of(options.get("lower_is_better")))
    fields = {
        "keys": tuple(names_of(options.get("keys"))),
        "label_kind": _label_kind(part, options.get("label_kind")),
        "label_epsilon": options.get("label_epsilon", 0.0),
        "average_raters": bool(options.get("average_raters", False)),
        "missing": options.get("missing", "common"),
        "flipped": tuple(flipped),
        "notes": (*part.notes, *([f"reversed: {join_names(flipped)}"] if flipped else [])),
        "warnings": part.warnings,
    }
    if part.pairs:
        check_order_options(bool(options.get("ordered", False)), options.get("both_orders", "each"))
        fields["ordered"] = bool(options.get("ordered", False))
    shared = options.get("shared_items")
    kind = Pairs if part.pairs else Responses
    for key in fields["keys"]:
        require_known("key column", key, list(part.rows))
    table = kind(part.rows, scores, labels, shared_items=shared, **fields)
    _refuse_missing(table)
    return table


def _label_kind(part: Part, declared: str | None) -> str | None:
    """Return the declared kind of labels, else that of the format; pairs have preferences."""
    if declared in (("rating", "correct") if part.pairs else ("preference",)):
        rows = "pairs" if part.pairs else "responses"
        raise MetaevalError(
            f"label_kind={declared!r} does not apply to {rows}, which these files contain; omit it."
        )
    return declared or ("preference" if part.pairs else part.label_kind)


def _split_labels(part: Part, patterns: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return scores and labels; names declared as labels are labels, whatever was read."""
    names = [*part.labels, *part.scores]
    for pattern in patterns:
        if not any(_matches(name, pattern) for name in names):
            require_known("label", pattern, _candidate_names(part, names, pattern))
    moved = [n for n in part.scores if any(fnmatch.fnmatchcase(n, w) for w in patterns)]
    if not moved:
        return part.scores, part.labels.copy()
    labels = pd.concat([part.labels, part.scores[moved]], axis=1)
    return part.scores.drop(columns=moved), labels


def _matches(name: str, pattern: str) -> bool:
    """Return whether a name, or its label as `human` in `human/r1`, matches a pattern."""
    return fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern}/")


def _select_scorers(part: Part, scores: pd.DataFrame, scorers: Any) -> pd.DataFrame:
    if scorers is None:
        return scores.copy()
    names = names_of(scorers)
    for name in names:
        if name not in scores:
            raise _unknown_scorer_error(part, list(scores), name)
    return scores[list(dict.fromkeys(names))]


def _unknown_scorer_error(part: Part, names: list[str], unknown: str) -> MetaevalError:
    """Build the error for an unknown scorer; a column of that name may exist."""
    if unknown in part.labels:
        return MetaevalError(
            f"{unknown!r} was read as a label, not as a scorer; list the labels without it: "
            "labels=[...] (--labels A,B)."
        )
    if unknown in part.columns:
        return MetaevalError(
            f"The column {unknown!r} was read as ids, texts or lists, not as scores; the scorers "
            f"are {join_names(names, 20) or 'none'}. If it contains scores, write them as "
            "numbers, or declare the id columns: columns={...} (--map)."
        )
    numeric_columns = [c for c in part.rows if pd.api.types.is_numeric_dtype(part.rows[c].dtype)]
    candidates = list(dict.fromkeys([*names, *numeric_columns])) or _candidate_names(
        part, names, unknown
    )
    return MetaevalError(no_such("scorer", unknown, candidates))


def _candidate_names(part: Part, names: list[str], unknown: str) -> list[str]:
    """Return the names to suggest for an unknown one: scorers, else the columns of the files."""
    return names or [c for c in part.columns if c not in (*ROLES, unknown)]


def _flip(scores: pd.DataFrame, labels: pd.DataFrame, names: list[str]) -> list[str]:
    """Reverse the sign of columns in place; return their names."""
    for name in dict.fromkeys(names):
        require_known("scorer or label", name, [*scores, *labels])
        frame = scores if name in scores else labels
        frame[name] = 0.0 - frame[name]
    return sorted(set(names))


def _refuse_missing(table: Responses | Pairs) -> None:
    if table.missing != "error" or not table.scores.isna().any(axis=None):
        return
    is_missing = table.scores.isna().to_numpy()
    examples = [
        f"{table.scorers[m]} for item {table.rows['item'].iloc[r]}"
        for r, m in zip(*is_missing.nonzero(), strict=True)
    ]
    n_missing = int(is_missing.sum())
    raise MetaevalError(
        f"missing='error' was given, but {n_missing} of {is_missing.size} scores are missing: "
        f"{join_names(examples, 10)}. Fill them in, or use missing='common'."
    )
