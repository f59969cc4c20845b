"""Tidy tables: long or wide scores and labels of responses, long or wide verdicts on pairs.

Long score files have columns `scorer` and `score`, or `rater` and `label`, or both; wide ones a
numeric column per scorer. Files of pairs have `first`, `second` and either `preference` beside
`scorer` or `rater`, or a numeric column per scorer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metaeval.checks import listed, require_column
from metaeval.errors import MetaevalError
from metaeval.readers import preferences
from metaeval.readers.columns import LABEL_ALIASES, Resolved, names_of, resolve
from metaeval.readers.files import load_frame
from metaeval.readers.parts import Part
from metaeval.readers.pivot import Rows, ids_of
from metaeval.readers.sides import twins
from metaeval.readers.values import id_column, numbers, sort_of

NAME = "tidy"
OPTIONS = (
    "labels",
    "scorers",
    "keys",
    "mapping",
    "vocabulary",
    "ordered",
    "orders",
    "refusals",
)

_COVARIATE = re.compile(
    r"(length|cost|rep|margin|text_hash|n_.*|.*_(chars|words|tokens|sents|steps|delta)|"
    r"(chars|words|tokens|sents|steps|length|cost)_(a|b|1|2|first|second))",
    re.IGNORECASE,
)
_GOLD = re.compile(
    rf"({'|'.join(LABEL_ALIASES)})(_(preference|preferred|winner|verdict|label))?", re.IGNORECASE
)


def sniff(path: Path | None, head: str) -> float:
    """Tell a table with a column of items; how sure depends on what stands beside it.

    >>> sniff(None, "item,system,scorer,score")
    0.6
    """
    names = _header(head)
    if not names or not {"item", "first"} & _roles(names):
        return 0.1 if names else 0.0
    exact = "item" in names and bool({"score", "label", "preference", "system"} & set(names))
    return 0.6 if exact else 0.4


def _header(head: str) -> list[str]:
    """Names of the columns in the first line of a table, or of the fields of a first object."""
    if head.lstrip()[:1] in ("[", "{"):
        return list(dict.fromkeys(re.findall(r'"([^"\\]+)"\s*:', head)))
    first = head.strip().partition("\n")[0]
    return [name.strip('" \r') for name in re.split("[,\t;]", first)] if first else []


def _roles(names: Sequence[str]) -> set[str]:
    try:
        return set(resolve(pd.DataFrame(columns=list(dict.fromkeys(names))), source="").found)
    except MetaevalError:
        return {"item"}


def parts(
    source: Any,
    *,
    labels: str | Sequence[str] = (),
    scorers: str | Sequence[str] | None = None,
    keys: str | Sequence[str] = (),
    mapping: Mapping[str, str] | None = None,
    vocabulary: Mapping[str, float | None] | None = None,
    ordered: bool = False,
    orders: str = "each",
    refusals: str = "missing",
) -> list[Part]:
    """Read one tidy file or frame.

    Parameters
    ----------
    source : path or frame
        What `load_frame` reads.
    labels, scorers : str or sequence of str
        Names (or, in a wide table, columns) that are labels, and the only ones that are scorers.
    keys : str or sequence of str
        Further columns that identify a row.
    mapping : mapping, optional
        Role = column, such as ``{"item": "qid"}``.
    vocabulary, ordered, orders, refusals
        For pairs only; see `preferences.pair_parts`.

    Raises
    ------
    MetaevalError
        If columns are missing or ambiguous, cells are no numbers, or a score is there twice.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"item": [1, 2], "system": "a", "human": [1, 0], "chrf": [0.5, 0.25]})
    >>> [part] = parts(frame)
    >>> list(part.scores), list(part.labels)
    (['chrf'], ['human'])
    """
    raw, wanted, keys = load_frame(source), names_of(labels), names_of(keys)
    name = raw.attrs["source"]
    chosen = None if scorers is None else names_of(scorers)
    named = [*wanted, *(chosen or [])]
    resolved = resolve(raw, source=name, mapping=mapping, keys=keys, named=named)
    require_column(resolved.frame.columns, "item", purpose=name)
    if "weight" in resolved.frame and "weight" not in named:
        raise MetaevalError(
            f"{name} has a column 'weight'; item weights are not in this release. Drop or rename "
            "it."
        )
    if resolved.pairs:
        how = {"ordered": ordered, "orders": orders, "refusals": refusals}
        found = _pair_parts(resolved, name, wanted, chosen, keys, how | {"vocabulary": vocabulary})
    else:
        _require_no_pair_options(name, vocabulary, ordered, orders, refusals)
        found = [_score_part(resolved, name, wanted, chosen, keys)]
    first, *rest = found
    notes, columns = (*resolved.notes, *first.notes), tuple(map(str, raw.columns))
    return [replace(first, notes=notes, columns=columns), *rest]


def _require_no_pair_options(
    name: str, vocabulary: object, ordered: bool, orders: str, refusals: str
) -> None:
    given = {
        "vocabulary": vocabulary is not None,
        "ordered": ordered,
        "orders": orders != "each",
        "refusals": refusals != "missing",
    }
    wrong = [option for option, is_given in given.items() if is_given]
    if wrong:
        raise MetaevalError(
            f"{listed(wrong)} is for pairs, and {name} holds scores: it has no columns 'first' and "
            "'second'. Leave the option out, or map the columns: first=<...>, second=<...>."
        )


# Scores and labels of responses.
_VALUES = (("rater", "label"), ("scorer", "score"))


def _score_part(
    resolved: Resolved, name: str, labels: list[str], scorers: list[str] | None, keys: list[str]
) -> Part:
    frame, found = resolved.frame, resolved.found
    long = [(who, what) for who, what in _VALUES if {who, what} <= set(found)]
    if "rater" in found and "score" in found and "scorer" not in found:
        long = [("rater", "score")]
    who = ["response"] if "response" in frame else ["system"] if "system" in frame else []
    ids = ids_of(frame, ["task", "item", *who, *keys])
    named = ids if long or who else ids | {"": pd.Categorical(np.arange(len(frame)))}
    rows = Rows(named, name)
    roles = {*ids, *found, *resolved.spare, "system", "cluster"}
    held = _long_values(frame, rows, name, long) if long else []
    wanted = [*labels, *(scorers or [])]
    loose = [str(c) for c in frame if c not in roles]
    columns = [c for c in loose if _holds_values(frame[c], c, wanted, scorers, bool(long))]
    for c in columns:
        one = pd.Categorical([c] * len(frame))
        wide = rows.spread(one, numbers(frame[c], c, name), repeats=bool(long))
        held.append((wide, _is_label(c, labels, scorers)))
    rest = [c for c in loose if c not in columns]
    return _divided(frame, rows, name, held, rest, labels)


def _long_values(
    frame: pd.DataFrame, rows: Rows, name: str, long: list[tuple[str, str]]
) -> list[tuple[pd.DataFrame, bool]]:
    """Wide tables of the scores and of the labels in a long file."""
    held = []
    for who, what in long:
        at = np.flatnonzero(
            frame[who].notna().to_numpy() & (frame[who].astype(str) != "").to_numpy()
        )
        some = frame.iloc[at]
        names = id_column(some[who], who, text=bool(frame.attrs.get("text")))
        held.append((rows.spread(names, numbers(some[what], what, name), at=at), who == "rater"))
    return held


def _holds_values(
    column: pd.Series,
    name: str,
    wanted: list[str],
    scorers: list[str] | None,
    long: bool,
) -> bool:
    """Whether a column that has no role holds scores or labels."""
    if name in wanted:
        return True
    gold = _GOLD.fullmatch(name) is not None
    if long or scorers is not None:
        return gold and sort_of(column) in ("number", "truth")
    if _COVARIATE.fullmatch(name):
        return False
    return sort_of(column) in ("number", "truth", "mixed")


def _is_label(column: str, labels: list[str], scorers: list[str] | None) -> bool:
    """Whether a column is named as a label, or called like one and not named as a scorer."""
    gold = _GOLD.fullmatch(column) is not None
    return column in labels or (gold and column not in (scorers or ()))


def _divided(
    frame: pd.DataFrame,
    rows: Rows,
    name: str,
    held: list[tuple[pd.DataFrame, bool]],
    rest: list[str],
    labels: list[str],
) -> Part:
    """Divide columns of values into scores and labels; add what else the file says of its rows."""
    index = pd.RangeIndex(rows.n)
    scores, judged = pd.DataFrame(index=index), pd.DataFrame(index=index)
    for wide, are_labels in held:
        is_label = np.array([are_labels or c in labels for c in wide], dtype=bool)
        judged = pd.concat([judged, wide.loc[:, is_label]], axis=1)
        scores = pd.concat([scores, wide.loc[:, ~is_label]], axis=1)
    described, notes = described_rows(frame, rows, rest)
    return Part(described, scores, judged, source=name, notes=notes)


def described_rows(
    frame: pd.DataFrame, rows: Rows, rest: list[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Ids, system, cluster and covariates of the rows, and notes on what is left out."""
    ids = rows.frame().drop(columns="", errors="ignore")
    more, torn = rows.attributes(ids_of(frame, [c for c in ("system", "cluster") if c not in ids]))
    covariates, left = rows.covariates(frame, rest)
    return pd.concat([ids, more, covariates], axis=1), (*torn, *left)


# Verdicts on pairs and margins of pairs.
def _pair_parts(
    resolved: Resolved,
    name: str,
    labels: list[str],
    scorers: list[str] | None,
    keys: list[str],
    how: dict[str, Any],
) -> list[Part]:
    frame, roles = resolved.frame, {*resolved.found, *resolved.spare, *keys, "order", "tie_kind"}
    loose = [str(c) for c in frame if c not in roles]
    if "preference" in resolved.found:
        gold = [c for c in loose if _is_label(c, labels, scorers)]
        long = [frame.drop(columns=gold)] + [_gold(frame, c, keys) for c in gold]
        return [
            part
            for some in long
            for part in preferences.pair_parts(
                some, source=name, labels=[*labels, *gold], keys=keys, **how
            )
        ]
    wanted = [*labels, *(scorers or [])]
    sided = twins([str(c) for c in frame])
    columns = [
        c
        for c in loose
        if c in wanted or (c not in sided and _holds_values(frame[c], c, wanted, scorers, False))
    ]
    if not columns and scorers is None and not any(map(_COVARIATE.fullmatch, loose)):
        raise MetaevalError(
            f"{name} has pairs but no column of preferences or margins; name it: "
            "preference=<your column>."
        )
    judged = [c for c in columns if _is_label(c, labels, scorers)]
    return preferences.margin_parts(
        frame, columns, source=name, labels=judged, keys=keys, ordered=how["ordered"]
    )


def _gold(frame: pd.DataFrame, column: str, keys: list[str]) -> pd.DataFrame:
    """One record per pair with the verdict of a column that stands beside the judges' verdicts."""
    ids = [c for c in ("task", "item", "first", "second", *keys) if c in frame]
    gold = frame[[*ids, column]].drop_duplicates().rename(columns={column: "preference"})
    gold = gold.assign(rater=column)
    gold.attrs = frame.attrs
    return gold
