"""Votes on two models: `model_a`, `model_b`, `winner`, as arenas and MT-bench publish them.

CSV, JSON, JSON Lines or Parquet, a row per vote, with any of `question_id`, `judge`, `turn`,
`language` and `tstamp` beside the three.

What becomes of it:

- `item` is the question; where one question has votes on several turns it is `question/turn`, and
  the question becomes the `cluster`. Without a question every vote is an item of its own.
- `first` is `model_a`, the one shown first.
- `judge` names the scorer; those named by `labels` (patterns such as "expert_*" too) are raters. A
  judge given as a list, such as ["gpt-4", "pair-v2"], is called "gpt-4/pair-v2". Without a
  judge, or with judges="pooled", the votes are those of people and become one label, `human`.
- `language` is a covariate. A word of strength such as `A>>B` is kept as 2 in a covariate `margin`,
  1 elsewhere. Time stamps and texts are not kept.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from metaeval.canonical import ids_as_text
from metaeval.checks import check_one_of, require_column
from metaeval.errors import MetaevalError
from metaeval.readers.files import load_frame
from metaeval.readers.parts import Part
from metaeval.readers.preferences import pair_parts

NAME = "votes"
OPTIONS = ("labels", "ordered", "orders", "refusals", "vocabulary", "judges")

JUDGES = ("each", "pooled")
MOST_JUDGES = 500

PEOPLE = ("human", "gold", "expert", "expert_*", "author_*", "arena_user_*")

_FIELDS = ("model_a", "model_b", "winner")


def sniff(path: Path, head: str) -> float:
    """Tell the format by its three field names, in the header or in each object."""
    found = [re.search(rf"(?<!\w){name}(?!\w)", head) is not None for name in _FIELDS]
    return 0.95 if all(found) and not path.is_dir() else 0.0


def parts(
    path: Path,
    *,
    labels: str | Sequence[str] | None = None,
    judges: str = "each",
    ordered: bool = False,
    orders: str = "each",
    refusals: str = "missing",
    vocabulary: Mapping[str, Any] | None = None,
) -> list[Part]:
    """Read votes on pairs of models.

    Parameters
    ----------
    path : Path
        The CSV, JSON, JSON Lines or Parquet file.
    labels : str or sequence of str, optional
        Judges, or patterns of their names, who are raters; where it is not given, judges that
        are called human, gold, expert, or expert_*, author_* and arena_user_*.
    judges : {"each", "pooled"}
        "pooled" takes all votes for those of people, as one label `human`.
    ordered, orders, refusals, vocabulary
        As for all files of preferences.

    Raises
    ------
    MetaevalError
        If a field is missing, a word of `winner` is unknown, or a judge votes twice on a pair.
    """
    check_one_of("judges", judges, JUDGES)
    frame = load_frame(path)
    for field in _FIELDS:
        require_column(frame.columns, field, purpose=f"{path.name}, a file of votes,")
    voters = _voters(frame, path.name, judges)
    raters = _raters(sorted(voters.unique()), labels, voted="judge" in frame and judges == "each")
    long = _long(frame.assign(scorer=voters))
    return pair_parts(
        long,
        source=path.name,
        ordered=ordered,
        orders=orders,
        refusals=refusals,
        vocabulary=vocabulary,
        labels=raters,
    )


def _voters(frame: pd.DataFrame, source: str, judges: str) -> pd.Series:
    if "judge" not in frame or judges == "pooled":
        return pd.Series("human", index=frame.index)
    nameless = frame["judge"].isna() | (frame["judge"].astype(str) == "")
    if nameless.any():
        row = int(nameless.to_numpy().argmax()) + 1
        raise MetaevalError(
            f"{source}, vote {row} names no judge; fill in `judge`, or use judges='pooled' if all "
            "votes are those of people."
        )
    names = frame["judge"].map(_name_of)
    if names.nunique() > MOST_JUDGES:
        raise MetaevalError(
            f"{source} has {names.nunique():,} judges, too many for a column each; if they are "
            "people who voted once or twice, use judges='pooled' to make one label of them."
        )
    return names


def _name_of(judge: Any) -> str:
    return judge if isinstance(judge, str) else "/".join(map(str, judge))


def _raters(names: list[str], labels: str | Sequence[str] | None, *, voted: bool) -> list[str]:
    if not voted:
        return names
    wanted = PEOPLE if labels is None else [labels] if isinstance(labels, str) else list(labels)
    return [name for name in names if any(fnmatch.fnmatchcase(name, w) for w in wanted)]


def _long(frame: pd.DataFrame) -> pd.DataFrame:
    """A record per vote under the names that all files of preferences share."""
    long = pd.DataFrame(
        {
            "first": frame["model_a"],
            "second": frame["model_b"],
            "scorer": frame["scorer"],
            "preference": frame["winner"],
        }
    )
    question = frame["question_id"] if "question_id" in frame else pd.Series(range(len(frame)))
    question = ids_as_text(question, "question_id").astype(str)
    long["item"] = question.array
    if "turn" in frame and (frame["turn"].groupby(question.array).nunique() > 1).any():
        turn = ids_as_text(frame["turn"], "turn", null_is_empty=True).astype(str)
        long["item"] = [f"{q}/{t}" for q, t in zip(question, turn, strict=True)]
        long["cluster"] = question.array
    words = frame["winner"].astype(object).where(frame["winner"].notna(), "").astype(str)
    if words.str.contains(">>|<<").any():
        long["margin"] = words.str.contains(">>|<<").map({True: 2.0, False: 1.0}).array
    both_bad = words.str.lower().isin(("tie (bothbad)", "both_bad"))
    if both_bad.any():
        long["tie_kind"] = both_bad.map({True: "both_bad", False: None}).array
    if "language" in frame:
        long["language"] = frame["language"].array
    long.attrs = frame.attrs
    return long
