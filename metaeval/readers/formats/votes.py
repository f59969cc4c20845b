"""Votes on two models: `model_a`, `model_b`, `winner`, as arenas and MT-bench publish them.

CSV, JSON, JSON Lines or Parquet, a row per vote, with any of `question_id`, `judge`, `turn`,
`language` and `tstamp` beside the three.

Conversion:

- `item` is the question; if one question has votes on several turns it is `question/turn`, and
  the question becomes the `cluster`. Without questions, every vote is a separate item.
- `first` is `model_a`, which was shown first.
- `judge` is the scorer; those matched by `labels` (or patterns such as "expert_*") are raters. A
  judge given as a list, such as ["gpt-4", "pair-v2"], is named "gpt-4/pair-v2". Without a
  judge, or with judges="pooled", the votes are of people and become one label, `human`.
- For several votes of one judge on a pair, `keys` names the column that distinguishes them:
  keys=["rep"], or judges="pooled" and keys=["judge"] for a row per person.
- `language` is a covariate. A strong verdict such as `A>>B` is 2 in a covariate `margin`, which is
  1 elsewhere; the kind of a tie (`tie (bothbad)`, `tie (inconsistent)`) is `both_bad` or
  `order_conflict` in `tie_kind`. Time stamps and texts are not kept.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import MetaevalError, check_one_of, join_names, require_column
from metaeval.readers.cells.missing_words import parse_codes
from metaeval.readers.cells.numbers_and_ids import id_column
from metaeval.readers.cells.scales import Scale, check_scale
from metaeval.readers.cells.verdict_words import are_sides
from metaeval.readers.columns.aliases import IDS, plain_name
from metaeval.readers.columns.roles import names_of
from metaeval.readers.files.frame_origin import origin_of
from metaeval.readers.files.raw_frame import load_frame
from metaeval.readers.formats.preferences import pair_parts
from metaeval.readers.matching.file_part import Part
from metaeval.tables import TEXT, ids_as_text

NAME = "votes"
OPTIONS = (
    *("labels", "keys", "ordered", "both_orders", "refusals", "judges"),
    *("value_map", "missing_codes", "preference_scale"),
)

JUDGES = ("each", "pooled")
MOST_JUDGES = 500  # each is a column; more are people of a crowd, whose votes are to be pooled

PEOPLE = ("human", "gold", "expert", "expert_*", "author_*", "arena_user_*")

_TIE_KINDS = {
    "tie (bothbad)": "both_bad",
    "both_bad": "both_bad",
    "tie (inconsistent)": "order_conflict",
}
_STRONG = ">>|<<"

_FIELDS = ("model_a", "model_b", "winner")


def sniff(path: Path, head: str) -> float:
    """Return the confidence that a file has this format, from its three field names."""
    present = [re.search(rf"(?<!\w){name}(?!\w)", head) is not None for name in _FIELDS]
    return 0.95 if all(present) and not path.is_dir() else 0.0


def parts(
    path: Path,
    *,
    labels: str | Sequence[str] | None = None,
    keys: str | Sequence[str] = (),
    judges: str = "each",
    ordered: bool = False,
    both_orders: str = "each",
    refusals: str = "missing",
    value_map: Mapping[str, Any] | None = None,
    missing_codes: Any = None,
    preference_scale: Scale = None,
) -> list[Part]:
    """Read votes on pairs of models.

    Parameters
    ----------
    path : Path
        The CSV, JSON, JSON Lines or Parquet file.
    labels : str or sequence of str, optional
        Judges, or patterns of their names, that are raters. By default human, gold, expert,
        expert_*, author_* and arena_user_*.
    keys : str or sequence of str
        Columns that distinguish votes of one judge on a pair.
    judges : {"each", "pooled"}
        "pooled" treats all votes as votes of people, with one label `human`.
    ordered, both_orders, refusals, value_map, missing_codes, preference_scale
        As for all files of preferences.

    Raises
    ------
    MetaevalError
        If a field is missing, a word of `winner` is unknown, or a judge votes twice on a pair.
    """
    check_one_of("judges", judges, JUDGES)
    check_scale(preference_scale)
    frame, further = load_frame(path), names_of(keys)
    for field in (*_FIELDS, *further):
        require_column(frame.columns, field, purpose=f"{path.name}, a file of votes,")
    _require_one_column(frame, further, path.name)
    unnamed = () if _question(frame) else (_no_question_warning(path.name),)
    if "judge" in frame:
        frame["judge"] = frame["judge"].map(_name_of)
    voted = "judge" in frame and judges == "each"
    voters = _judges(frame["judge"], path.name) if voted else _people(frame)
    raters = _raters(sorted(voters.unique()), labels) if voted else ["human"]
    first, *rest = pair_parts(
        _long(frame, voters, further),
        source=path.name,
        ordered=ordered,
        both_orders=both_orders,
        refusals=refusals,
        value_map=value_map,
        codes=parse_codes(missing_codes),
        scale=preference_scale,
        labels=raters,
        keys=further,
    )
    notes = _rater_notes(path.name, raters if labels is None else [])
    notes += _exclusion_notes(frame, further, path.name)
    first = replace(first, notes=(*notes, *first.notes), warnings=(*unnamed, *first.warnings))
    return [first, *rest]


_OPTIONAL_FIELDS = ("judge", "turn", "language")


def _require_one_column(frame: pd.DataFrame, keys: Sequence[str], source: str) -> None:
    """Raise if there are columns of verdicts besides `winner`."""
    unassigned = [str(c) for c in frame if c not in (*_FIELDS, *keys, _question(frame))]
    others = [c for c in unassigned if are_sides(frame[c])]
    if "judge" in unassigned and set(frame["judge"].dropna().map(str)) <= _NUMBERS:
        others.append("judge")
    if others:
        raise MetaevalError(
            f"{source} has verdicts in {join_names(others)} besides 'winner'; a file of votes has "
            "only one column of verdicts. Read it as a tidy table, format='tidy' (--format "
            "tidy), and list the labels, such as labels='winner' (--labels winner)."
        )


_NUMBERS = frozenset(("-1", "0", "1", "2", "-1.0", "0.0", "0.5", "1.0", "2.0"))


def _exclusion_notes(frame: pd.DataFrame, keys: Sequence[str], source: str) -> tuple[str, ...]:
    """Return a note on the columns that are not kept, so that all are listed."""
    fields = {*_FIELDS, *_OPTIONAL_FIELDS, *keys, _question(frame)}
    excluded = [str(c) for c in frame if c not in fields]
    return (
        (f"{source}: excluded columns that are not used for votes: {join_names(excluded, 20)}",)
        if excluded
        else ()
    )


def _no_question_warning(source: str) -> str:
    return (
        f"{source} has no question ids (question_id, item): votes are numbered in file order, and "
        "other files match only if they are in the same order"
    )


# Who voted.
def _name_of(judge: Any) -> Any:
    """Return the name of a judge; a list of a model and its prompt becomes one text."""
    return "/".join(map(str, judge)) if isinstance(judge, list | tuple | np.ndarray) else judge


def _people(frame: pd.DataFrame) -> pd.Series:
    return pd.Series("human", index=frame.index)


def _judges(column: pd.Series, source: str) -> pd.Series:
    nameless = column.isna() | (column.astype(TEXT) == "")
    if nameless.any():
        row = int(nameless.to_numpy().argmax()) + 1
        raise MetaevalError(
            f"{source}: vote {row} has no judge; fill in `judge`, or use judges='pooled' if all "
            "votes were cast by people."
        )
    names = ids_as_text(column, "judge").astype(TEXT)
    if names.nunique() > MOST_JUDGES:
        raise MetaevalError(
            f"{source} has {names.nunique():,} judges, too many for one column each; if they are "
            "people who voted once or twice, use judges='pooled' to pool them into one label."
        )
    return names


def _raters(names: list[str], labels: str | Sequence[str] | None) -> list[str]:
    patterns = PEOPLE if labels is None else names_of(labels)
    return [name for name in names if any(fnmatch.fnmatchcase(name, w) for w in patterns)]


def _rater_notes(source: str, raters: list[str]) -> tuple[str, ...]:
    return (f"{source}: {join_names(raters, 5)} read as labels",) if raters else ()


# The votes.
def _long(frame: pd.DataFrame, voters: pd.Series, keys: Sequence[str]) -> pd.DataFrame:
    """Return a record per vote with the column names of all files of preferences."""
    winner = frame["winner"].astype(object)
    word = winner.where(winner.notna(), "").astype(TEXT).str.strip().str.lower()
    inconsistent = word == "tie (inconsistent)"
    long = pd.DataFrame(
        {
            **_items(frame),
            "first": frame["model_a"],
            "second": frame["model_b"],
            "scorer": voters,
            "preference": winner.where(~inconsistent, "tie"),
            **{key: frame[key] for key in keys},
        }
    )
    if word.str.contains(_STRONG).any():
        long["margin"] = np.where(word.str.contains(_STRONG), 2.0, 1.0)
    if word.isin(_TIE_KINDS).any():
        long["tie_kind"] = word.map(_TIE_KINDS).astype(object)
    if "language" in frame:
        long["language"] = frame["language"]
    long.attrs = frame.attrs
    return long


def _question(frame: pd.DataFrame) -> str | None:
    """Return the column of questions: question_id, else an alias of item."""
    names = {plain_name(str(c)): str(c) for c in frame}
    candidates = ("question_id", "item", *IDS["item"])
    return next((names[plain_name(n)] for n in candidates if plain_name(n) in names), None)


def _items(frame: pd.DataFrame) -> dict[str, Any]:
    """Return items, and clusters if questions have votes on several turns."""
    column = _question(frame)
    if column is None:
        return {"item": np.arange(len(frame))}
    text = origin_of(frame).text
    question = np.asarray(id_column(frame[column], column, text=text), dtype=object)
    if "turn" not in frame:
        return {"item": question}
    turn = np.asarray(id_column(frame["turn"], "turn", text=text, null=True), dtype=object)
    if not (pd.Series(turn).groupby(question).nunique() > 1).any():
        return {"item": question}
    items = [f"{q}/{t}" for q, t in zip(question, turn, strict=True)]
    return {"item": items, "cluster": question}
