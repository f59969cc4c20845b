"""RewardBench 2: the scores of one reward model for several answers per prompt.

The file is one JSON object of equally long lists (`subset`, `id`, `num_correct`, `scores`, ...)
beside single values (`model`, ...), or JSON Lines with one object per prompt. `scores` is a list
per prompt, of numbers or of lists of one number; the first `num_correct` are of right answers.

Conversion: the answers are responses `c0`, `c1`, ... with label 1 or 0 in the label column
`correct`; `task` is the subset, `item` is `subset/id`. The prompts `ref:K` and `tied:K` of the
ties subset form the `cluster` `K`; every other item is its own cluster (a file without such
prompts has no clusters). Texts and `results` are not kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from metaeval.core import MetaevalError
from metaeval.readers.formats.rewardbench import (
    RewardFile,
    candidates_part,
    item_ids,
    load_reward_file,
    number,
)
from metaeval.readers.matching.file_part import Part

NAME = "rewardbench2"
OPTIONS = ("item_from",)

_TIE = re.compile(r"(?:ref|tied):(?P<prompt>.+)")


def sniff(path: Path, head: str) -> float:
    """Return the confidence that a file has this format, from its early field `num_correct`."""
    if '"num_correct"' not in head:
        return 0.0
    return 0.95 if '"scores"' in head or '"chat_template"' in head else 0.5


def parts(path: Path, *, item_from: str = "id") -> list[Part]:
    """Read the scores of one reward model.

    Parameters
    ----------
    path : Path
        The JSON or JSON Lines file.
    item_from : {"id", "order", "text-hash"}
        How to distinguish prompts with the same subset and id: not at all ("id"; repeated keys
        raise), by their position in the file ("order"; every file must have the same order), or by
        a hash of the prompt ("text-hash"; without a prompt, of the formatted answers, which differ
        between models with different chat templates).

    Raises
    ------
    MetaevalError
        If there are no scores per answer, a field is missing or of another length, a score is not
        a number, `num_correct` is invalid, or keys repeat.
    """
    sheet = load_reward_file(path, needed=("subset", "num_correct", "scores"))
    items, notes = item_ids(sheet, item_from)
    answers = [_answers(sheet, index) for index in range(len(sheet))]
    counts = [len(scores) for scores in answers]
    n_correct = [_n_correct(sheet, index, counts[index]) for index in range(len(sheet))]
    ids = pd.DataFrame({"task": list(sheet.columns["subset"]), "item": items, "right": n_correct})
    ids = ids.assign(**_clusters(sheet, items))
    frame = ids.loc[ids.index.repeat(counts)]
    index = frame.groupby(level=0).cumcount()
    frame = frame.assign(
        response="c" + index.astype(str),
        score=[score for scores in answers for score in scores],
        correct=(index < frame["right"]).astype(float),
    )
    return [candidates_part(frame.reset_index(drop=True), sheet, notes)]


def _answers(sheet: RewardFile, index: int) -> list[float]:
    values = sheet.columns["scores"][index]
    where = f"{sheet.source}, scores[{index}]"
    if not isinstance(values, list) or not values:
        raise MetaevalError(f"{where} is {values!r}; expected a list with one score per answer.")
    return [number(value, f"{where}[{answer}]") for answer, value in enumerate(values)]


def _n_correct(sheet: RewardFile, index: int, count: int) -> int:
    value = sheet.columns["num_correct"][index]
    is_integer = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    is_integer = is_integer and not isinstance(value, bool)
    if not is_integer or not 1 <= value <= count:
        raise MetaevalError(
            f"{sheet.source}, num_correct[{index}] is {value!r:.60}; expected a whole number from "
            f"1 to {count}, the number of scores for that prompt."
        )
    return int(value)


def _clusters(sheet: RewardFile, items: Sequence[str]) -> dict[str, list[Any]]:
    matches = [_TIE.fullmatch(str(value)) for value in sheet.columns.get("id", [])]
    if not any(matches):
        return {}
    pairs = zip(items, matches, strict=True)
    return {"cluster": [match["prompt"] if match else item for item, match in pairs]}
