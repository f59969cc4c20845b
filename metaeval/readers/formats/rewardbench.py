"""RewardBench: the scores of one reward model for a chosen and a rejected answer per prompt.

The file is one JSON object of equally long lists (`subset`, `id`, `scores_chosen`,
`scores_rejected`, ...) beside single values (`model`, ...), or JSON Lines or another table with a
row per prompt. Scores are numbers or lists of one number; null is a missing score. Logs of reward
trainers name the scores `chosen` and `rejected`, or `chosen_score`, `reward_chosen` and so on.

Conversion: the chosen answer is response `c0` with label 1, the rejected one `c1` with label 0,
both in the label column `correct`; `task` is the subset, `item` is `subset/id`. The scorer is
named by `model`, else by the name of the file without extension. In files without ids (the JSON
Lines variant), prompts are numbered from 0. Texts are not kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import MetaevalError, check_one_of, join_names
from metaeval.readers.cells.numbers_and_ids import as_numbers
from metaeval.readers.files.content_type import KINDS, extension
from metaeval.readers.files.csv_tables import first_cells
from metaeval.readers.files.json_tables import load_json
from metaeval.readers.files.raw_frame import load_frame
from metaeval.readers.matching.file_part import Part

NAME = "rewardbench"
OPTIONS = ("item_from",)

ITEM_FROM = ("id", "order", "text-hash")

_TEXTS = ("prompt", "text", "text_chosen", "text_rejected")


@dataclass(frozen=True)
class RewardFile:
    """The columns of a file, all of one length, and the scorer."""

    columns: Mapping[str, Sequence[Any]]
    scorer: str
    source: str

    def __len__(self) -> int:
        """Return the number of prompts."""
        return len(next(iter(self.columns.values())))


def sniff(path: Path, head: str) -> float:
    """Return the confidence that a file has this format, including files with totals only."""
    if '"num_correct"' in head:
        return 0.0
    if '"scores_chosen"' in head and '"scores_rejected"' in head:
        return 0.95
    if _side_names(_fields(path, head)):
        return 0.9
    # Fields of published files are sorted by name, so the scores may come after the head.
    early = re.search('"(model_type|num_prompts|id)"', head)
    return 0.6 if '"chat_template"' in head and early else 0.0


_SIDES = ("{}", "scores_{}", "{}_scores", "score_{}", "{}_score", "reward_{}", "{}_reward")


def _fields(path: Path, head: str) -> list[str]:
    """Return the likely names of numeric fields in the first object or row."""
    if head.lstrip()[:1] in ("[", "{"):
        return re.findall(r'"([^"\\]+)"\s*:\s*\[?\s*-?\d', head[:20_000])
    return first_cells(path, head) if head.strip() else []


def _side_names(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the names of the columns of chosen and rejected scores, if both exist."""
    present = set(names)
    for pattern in _SIDES:
        side_names = pattern.format("chosen"), pattern.format("rejected")
        if present >= set(side_names):
            return side_names
    return None


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
        If there are no scores per prompt, a field is missing or of another length, a score is not
        a number, or keys repeat.
    """
    sheet = load_reward_file(path, needed=("scores_chosen", "scores_rejected"))
    items, notes = item_ids(sheet, item_from)
    sides = [
        _side(sheet, items, "scores_chosen", "c0", 1.0),
        _side(sheet, items, "scores_rejected", "c1", 0.0),
    ]
    return [candidates_part(pd.concat(sides, ignore_index=True), sheet, notes)]


def _side(
    sheet: RewardFile, items: list[str], field: str, response: str, label: float
) -> pd.DataFrame:
    values = sheet.columns[field]
    scores = [number(v, f"{sheet.source}, {field}[{i}]") for i, v in enumerate(values)]
    ids = {"item": items, "response": response, "score": scores, "correct": label}
    subset = {"task": list(sheet.columns["subset"])} if "subset" in sheet.columns else {}
    return pd.DataFrame(ids | subset)


def candidates_part(frame: pd.DataFrame, sheet: RewardFile, notes: list[str]) -> Part:
    """Build a part from rows of candidates (item, response, score, correct; task, cluster)."""
    ids = [name for name in ("task", "item", "cluster", "response") if name in frame]
    return Part(
        rows=frame[ids],
        scores=frame[["score"]].set_axis([sheet.scorer], axis=1),
        labels=frame[["correct"]],
        source=sheet.source,
        label_kind="correct",
        notes=tuple(notes),
    )


def load_reward_file(path: Path, needed: tuple[str, ...]) -> RewardFile:
    """Read the columns of a file; check that the needed ones exist and are equally long."""
    columns, single = _content(path)
    for name in ("rm", "reward_model", "scorer"):
        if name in columns and "model" not in columns:
            columns["model"] = columns.pop(name)
    sides = _side_names(columns) if needed[0] == "scores_chosen" else None
    if sides and sides[0] not in needed:
        columns |= {"scores_chosen": columns[sides[0]], "scores_rejected": columns[sides[1]]}
    _require_fields(path.name, columns, needed)
    relevant = ("subset", "id", "model", *needed, *_TEXTS)
    columns = {name: values for name, values in columns.items() if name in relevant}
    _require_equal_lengths(path.name, columns)
    names = {str(name) for name in [single.get("model"), *columns.pop("model", [])] if name}
    if len(names) > 1:
        raise MetaevalError(
            f"{path.name} has scores of several models ({join_names(sorted(names), 5)}); "
            "expected one file per model. Split it by `model`."
        )
    return RewardFile(columns, names.pop() if names else _stem(path), path.name)


def _content(path: Path) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Return the columns of a file, and its single values."""
    if KINDS.get(extension(path), "json") in ("json", "jsonl"):
        content = load_json(path)
        return _columnar(content) if isinstance(content, dict) else _by_field(content, path)
    frame = load_frame(path)
    columns = {}
    for name in frame:
        values, bad = as_numbers(frame[name])
        texts = frame[name].astype(object).where(frame[name].notna(), None)
        plain = [None if np.isnan(v) else float(v) for v in values]
        columns[str(name)] = list(texts) if bad.any() else plain
    return columns, {}


def _stem(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).stem


def _columnar(content: dict[str, Any]) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    columns = {name: value for name, value in content.items() if isinstance(value, list)}
    return columns, {name: value for name, value in content.items() if name not in columns}


def _by_field(content: Any, path: Path) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    good = isinstance(content, list) and content and all(isinstance(row, dict) for row in content)
    if not good:
        raise MetaevalError(
            "Expected one JSON object of lists, or one object per prompt, in "
            f"{path.name}, got {type(content).__name__ if content else 'nothing'}."
        )
    names = dict.fromkeys(name for row in content for name in row)
    return {name: [row.get(name) for row in content] for name in names}, {}


def _require_fields(source: str, columns: Mapping[str, list[Any]], needed: Sequence[str]) -> None:
    if not columns:
        raise MetaevalError(
            f"{source} has no per-item scores, only totals such as accuracies per subset; "
            f"expected the lists {join_names(needed)}. Read the model's score file "
            "(published under eval-set-scores/, next to eval-set/)."
        )
    lacking = [name for name in needed if name not in columns]
    if lacking:
        raise MetaevalError(
            f"{source} has no readable per-item scores; missing: {join_names(lacking)}. Expected "
            f"{join_names(needed)}, found {join_names(columns, 20)}.{_hint(columns, lacking)}"
        )


def _hint(columns: Mapping[str, Any], lacking: Sequence[str]) -> str:
    for marker, name in (("num_correct", "rewardbench2"), ("scores_chosen", "rewardbench")):
        if marker in columns and marker not in lacking and len(lacking) > 1:
            return f" Read it with format={name!r}."
    return " Read the file with one score per prompt and answer."


def _require_equal_lengths(source: str, columns: Mapping[str, list[Any]]) -> None:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        listing = join_names([f"{name} {length}" for name, length in lengths.items()], 20)
        raise MetaevalError(
            f"The lists in {source} differ in length ({listing}); expected one value per prompt. "
            "The file may be truncated: download it again."
        )
    if not next(iter(lengths.values())):
        raise MetaevalError(f"{source} has no prompts; expected at least one.")


def number(value: Any, where: str) -> float:
    """Return a score as a float: a number, a list of one number, or null for a missing one."""
    if value is None:
        return float("nan")
    if isinstance(value, list) and len(value) == 1:
        return number(value[0], where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MetaevalError(
            f"{where} is {value!r:.60}; expected a number, a list of one number, or null for a "
            "missing score."
        )
    try:
        return float(value)
    except OverflowError:
        raise MetaevalError(f"{where} is too large to be a score; correct it.") from None


def item_ids(sheet: RewardFile, item_from: str) -> tuple[list[str], list[str]]:
    """Return the ids of the prompts, `subset/id` made unique by `item_from`, and notes."""
    check_one_of("item_from", item_from, ITEM_FROM)
    notes = []
    if item_from == "id" and "id" not in sheet.columns:
        item_from = "order"
        notes.append(f"{sheet.source} has no ids: prompts are numbered from 0 in file order")
    suffixes: dict[str, Callable[[RewardFile], list[str]]] = {
        "order": _positions,
        "text-hash": _hashes,
    }
    names = [name for name in ("subset", "id") if name in sheet.columns]
    fields = [_texts(sheet.columns[name], name, sheet.source) for name in names]
    fields += [suffixes[item_from](sheet)] if item_from in suffixes else []
    items = ["/".join(key) for key in zip(*fields, strict=True)]
    _require_unique(items, sheet, item_from)
    return items, notes


def _texts(values: Sequence[Any], name: str, source: str) -> list[str]:
    odd = [v for v in values if v is None or isinstance(v, list | dict) or str(v).strip() == ""]
    if odd:
        raise MetaevalError(
            f"{name!r} in {source} contains {odd[0]!r:.60}; expected text or a number in each "
            "row. Correct this value, or remove the column and use item_from='order'."
        )
    is_integral = [isinstance(value, float) and value.is_integer() for value in values]
    return [str(int(v) if w else v) for v, w in zip(values, is_integral, strict=True)]


def _positions(sheet: RewardFile) -> list[str]:
    return [str(position) for position in range(len(sheet))]


def _hashes(sheet: RewardFile) -> list[str]:
    names = [name for name in _TEXTS if name in sheet.columns]
    if not names:
        raise MetaevalError(
            f"item_from='text-hash' needs a column of texts ({join_names(_TEXTS)}), but "
            f"{sheet.source} has only {join_names(sheet.columns, 20)}. Use item_from='order'."
        )
    text_names = names[:1] if names[0] in ("prompt", "text") else names
    rows = zip(*(sheet.columns[name] for name in text_names), strict=True)
    dumped = (json.dumps(row, sort_keys=True, ensure_ascii=True) for row in rows)
    return [hashlib.sha256(text.encode()).hexdigest()[:12] for text in dumped]


def _require_unique(items: list[str], sheet: RewardFile, item_from: str) -> None:
    repeated = pd.Series(items)[pd.Series(items).duplicated(keep=False)]
    if not len(repeated):
        return
    cures = {
        "id": "Distinguish them with item_from='order' (position in the file; every file must "
        "be in the same order) or item_from='text-hash' (needs a text column).",
        "text-hash": "Their texts are also identical; use item_from='order', or drop duplicates.",
    }
    raise MetaevalError(
        f"{len(repeated)} prompts in {sheet.source} share a key (subset/id): "
        f"{join_names(repeated.unique())}. {cures[item_from]}"
    )
