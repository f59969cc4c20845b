"""Small files in every native format, from a small seeded simulation.

`python tests/support/make_fixtures.py` writes them below `tests/data`; the tests check that what
lies there is what this writes, byte for byte. The writers are used by the round-trip tests too:
each puts a table into files, from which its reader must make the same table again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metaeval.tables import Pairs, Responses

DATA = Path(__file__).parents[1] / "data"


# The simulation: quality of each response, then scorers and raters that see it through noise.
def mt_table(seed: int = 1, n_documents: int = 6, n_segments: int = 3) -> Responses:
    """Four systems on a crossed test set; two labels with holes, one metric with a hole."""
    rng = np.random.default_rng(seed)
    systems = ["alpha", "beta", "delta", "gamma"]
    n_items = n_documents * n_segments
    quality = rng.normal(0, 1, (n_items, 1)) + rng.normal(0, 1, (n_items, 4)) + np.arange(4) / 3
    document = np.repeat(np.arange(n_documents), n_segments)
    rows = pd.DataFrame(
        {
            "item": np.repeat(np.arange(n_items), 4).astype(str),
            "system": systems * n_items,
            "task": np.repeat(np.where(document % 2 == 0, "news", "social"), 4),
            "cluster": np.repeat([f"doc{d}" for d in document], 4),
        }
    )
    quality = quality.ravel()
    mqm = -np.maximum(0, np.round(3 - 2 * quality + rng.normal(0, 1, quality.size)))
    esa = np.clip(np.round(60 + 12 * quality + rng.normal(0, 8, quality.size)), 0, 100)
    labels = pd.DataFrame({"esa": esa, "mqm": mqm}).mask(rng.random((quality.size, 2)) < 0.1)
    return Responses(rows, _scores(rng, quality, "FOO-refA", "Bar-22-src"), labels)


def rewards_table(seed: int = 2, n_items: int = 12) -> Responses:
    """Two reward models on a right and a wrong answer per prompt, in three subsets."""
    rng = np.random.default_rng(seed)
    subsets = [("easy-chat", "hard-chat", "code")[n % 3] for n in range(n_items)]
    return _candidates(rng, subsets, [str(n) for n in range(n_items)], [1] * n_items, [2] * n_items)


def best_table(seed: int = 3, n_items: int = 8, n_ties: int = 3) -> Responses:
    """Two reward models on four answers per prompt; ties prompts have several right ones."""
    rng = np.random.default_rng(seed)
    subsets = [("Focus", "Math")[n % 2] for n in range(n_items)] + ["Ties"] * (2 * n_ties)
    ids = [str(n) for n in range(n_items)]
    ids += [f"{kind}:{n}" for n in range(n_ties) for kind in ("ref", "tied")]
    right = [1] * n_items + [1, 3] * n_ties
    table = _candidates(rng, subsets, ids, right, [4] * n_items + [5, 6] * n_ties)
    clusters = [item.split(":")[1] if ":" in item else item for item in table.rows["item"]]
    return table.replace(rows=table.rows.assign(cluster=clusters))


def _candidates(
    rng: np.random.Generator, subsets: list[str], ids: list[str], right: list[int], sizes: list[int]
) -> Responses:
    place = np.concatenate([np.arange(size) for size in sizes])
    rows = pd.DataFrame(
        {
            "task": np.repeat(subsets, sizes),
            "item": np.repeat([f"{s}/{i}" for s, i in zip(subsets, ids, strict=True)], sizes),
            "response": [f"c{p}" for p in place],
        }
    )
    correct = (place < np.repeat(right, sizes)).astype(float)
    scores = _scores(rng, 1.5 * correct, "lab/rm-a", "lab/rm-b")
    return Responses(rows, scores, pd.DataFrame({"correct": correct}), label_kind="correct")


def _scores(rng: np.random.Generator, quality: np.ndarray, *names: str) -> pd.DataFrame:
    """Scores with more noise for later scorers, the last ones rounded (ties) and with a hole."""
    columns = {}
    for place, name in enumerate(names):
        noisy = quality + rng.normal(0, 1 + place / 2, quality.size)
        columns[name] = np.round(noisy, 1 if place else 4)
    frame = pd.DataFrame(columns)
    frame.iloc[0, -1] = np.nan
    return frame


# mt-metrics-eval
def write_mtme(table: Responses, folder: Path, pair: str = "xx-yy") -> None:
    """Write a test-set folder of one language pair."""
    item = table.rows["item"].astype(int)
    order = table.rows.assign(item=item).sort_values(["system", "item"]).index
    frame = table.rows.loc[order].drop_duplicates("item")
    docs = [f"{task} {doc}" for task, doc in zip(frame["task"], frame["cluster"], strict=True)]
    _write(folder / "documents" / f"{pair}.docs", docs)
    systems = table.rows.loc[order, "system"]
    for name, column in table.labels.loc[order].items():
        path = folder / "human-scores" / f"{pair}.{name}.seg.score"
        write_score_file(path, zip(systems, column, strict=True))
    for name, column in table.scores.loc[order].items():
        path = folder / "metric-scores" / pair / f"{name}.seg.score"
        write_score_file(path, zip(systems, column, strict=True))


def write_score_file(path: Path, lines: Iterable[tuple[object, ...]]) -> None:
    """Write lines `SYSTEM SCORE` or `DOMAIN SYSTEM SCORE`, with None for a missing score."""
    _write(path, ["\t".join([*map(str, ids), _score(score)]) for *ids, score in lines])


def _score(value: object) -> str:
    return "None" if pd.isna(value) else repr(float(value))


# RewardBench
def write_rewardbench(table: Responses, scorer: str, path: Path, *, nested: bool = False) -> None:
    """Write the scores of one model: a JSON object of lists, or JSON Lines by the name."""
    items = [
        f"{task}\x1f{item}"
        for task, item in zip(table.rows["task"], table.rows["item"], strict=True)
    ]
    wide = table.scores[scorer].set_axis(pd.MultiIndex.from_arrays([items, table.rows["response"]]))
    wide = wide.unstack()
    keys = [key.split("\x1f") for key in wide.index]
    chosen, rejected = (_values(wide[side], nested) for side in ("c0", "c1"))
    columns = {
        "subset": [task for task, _ in keys],
        "id": [int(item.split("/")[1]) for _, item in keys],
        "results": [int(c > r) for c, r in zip(wide["c0"], wide["c1"], strict=True)],
        "scores_chosen": chosen,
        "scores_rejected": rejected,
    }
    _write_columns(path, columns, scorer)


def write_rewardbench2(table: Responses, scorer: str, path: Path, *, nested: bool = False) -> None:
    """Write the scores of one model: a JSON object of lists, or JSON Lines by the name."""
    columns: dict[str, list[Any]] = {"subset": [], "id": [], "num_correct": [], "scores": []}
    for (task, item), rows in table.rows.groupby(["task", "item"], observed=True):
        columns["subset"].append(task)
        columns["id"].append(item.split("/")[1])
        columns["num_correct"].append(int(table.labels.loc[rows.index, "correct"].sum()))
        columns["scores"].append(_values(table.scores.loc[rows.index, scorer], nested))
    columns["results"] = [None] * len(columns["id"])
    _write_columns(path, columns, scorer)


def _values(column: pd.Series, nested: bool) -> list[Any]:
    values = [None if pd.isna(value) else float(value) for value in column]
    return [[value] for value in values] if nested else values


def _write_columns(path: Path, columns: Mapping[str, list[Any]], scorer: str) -> None:
    if path.suffix == ".jsonl":
        names = [*columns, "model"]
        rows = zip(*columns.values(), strict=True)
        _write(path, [json.dumps(dict(zip(names, [*row, scorer], strict=True))) for row in rows])
    else:
        single = {"model": scorer, "model_type": "Seq. Classifier", "chat_template": "raw"}
        _write(path, [json.dumps({**columns, **single}, indent=1, sort_keys=True)])


# Votes
def votes_table(seed: int = 4, n_items: int = 8) -> Pairs:
    """One judge and two experts on the pairs of three models, with ties and holes."""
    rng = np.random.default_rng(seed)
    models = [("m1", "m2"), ("m1", "m3"), ("m2", "m3")]
    rows = pd.DataFrame(
        [
            {"item": str(80 + n), "first": first, "second": second}
            for n in range(n_items)
            for first, second in models
        ]
    )
    gap = rng.normal(0, 1, len(rows))
    votes = {
        name: np.sign(np.where(np.abs(seen) < 0.4, 0, seen))
        for name in ("expert_0", "expert_1", "judge-x")
        for seen in [gap + rng.normal(0, 0.6, gap.size)]
    }
    frame = pd.DataFrame(votes)
    frame.loc[rng.random(gap.size) < 0.2, "expert_1"] = np.nan
    return Pairs(rows, frame[["judge-x"]], frame[["expert_0", "expert_1"]])


def vote_rows(table: Pairs) -> list[dict[str, Any]]:
    """One object per vote; every second pair is shown the other way round."""
    long = table.to_frame().dropna(subset="score")
    return [_vote(row, turned=place % 2 == 1) for place, row in enumerate(long.to_dict("records"))]


def _vote(row: Mapping[str, Any], turned: bool) -> dict[str, Any]:
    sides = [row["first"], row["second"]]
    preference = -row["score"] if turned else row["score"]
    return {
        "question_id": int(row["item"]),
        "model_a": sides[turned],
        "model_b": sides[not turned],
        "winner": {1.0: "model_a", -1.0: "model_b", 0.0: "tie"}[preference],
        "judge": row["scorer"],
        "turn": 1,
    }


def write_votes(rows: list[dict[str, Any]], path: Path) -> None:
    """Write votes as CSV, JSON, JSON Lines or Parquet, by the name."""
    if path.suffix == ".parquet":
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_parquet(path)
    elif path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        _write(path, text.getvalue().splitlines())
    elif path.suffix == ".jsonl":
        _write(path, [json.dumps(row) for row in rows])
    else:
        _write(path, [json.dumps(rows, indent=1)])


# All of it
def write_all(data: Path) -> None:
    """Write every fixture below a folder."""
    table = mt_table()
    write_mtme(table, data / "mtme" / "tiny")
    rows = table.rows.assign(item=table.rows["item"].astype(int), score=table.scores["Bar-22-src"])
    rows = rows.sort_values(["system", "item"])
    lines = zip(rows["system"], np.round(rows["score"] / 2, 3), strict=True)
    write_score_file(data / "mtme" / "New-refA.seg.score", lines)
    rewards, best = rewards_table(), best_table()
    write_rewardbench(rewards, "lab/rm-a", data / "rewardbench" / "rm-a.json")
    write_rewardbench(rewards, "lab/rm-b", data / "rewardbench" / "rm-b.json", nested=True)
    totals = {"model": "lab/rm-a", "model_type": "Seq. Classifier", "chat_template": "raw"}
    totals_text = json.dumps(totals | {"easy-chat": 0.75, "hard-chat": 0.5}, indent=1)
    _write(data / "rewardbench" / "totals.json", [totals_text])
    write_rewardbench2(best, "lab/rm-a", data / "rewardbench2" / "rm-a.json")
    write_rewardbench2(best, "lab/rm-b", data / "rewardbench2" / "rm-b.jsonl", nested=True)
    votes = vote_rows(votes_table())
    for ending in ("csv", "json", "jsonl"):
        write_votes(votes, data / "votes" / f"votes.{ending}")


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write_all(DATA)
