"""Ten good files of different kinds, as sheets that can be damaged and then written."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from pyarrow import parquet

N_ITEMS, SYSTEMS = 24, ("alpha", "beta", "gamma")


@dataclass(frozen=True)
class Sheet:
    """A table before it is written.

    Parameters
    ----------
    name : str
        What kind of file it becomes.
    columns : tuple of str
        Names of its columns.
    rows : tuple of tuple
        Its cells.
    item, score, label : str
        The column of items, and one of scores and one of labels (or the only one, of both).
    write : callable
        Files by name, from a sheet.
    options : dict
        How it is read.
    values : callable
        Whether a row holds the scores of the scorer that is damaged.
    pairs : bool
        Whether a row is a pair.
    """

    name: str
    columns: tuple
    rows: tuple
    item: str
    score: str
    label: str
    write: Callable[["Sheet"], dict[str, bytes]]
    options: dict
    values: Callable[[dict], bool] = lambda row: True
    pairs: bool = False

    @property
    def scorer(self) -> str:
        """The column of a second name in a row: systems, or the second side."""
        return next((c for c in ("system", "first", "subset") if c in self.columns), self.item)

    def place(self, column: str) -> int:
        """Where a column stands."""
        return self.columns.index(column)

    def scored(self) -> list[int]:
        """Rows whose scores are damaged."""
        return [
            k
            for k, row in enumerate(self.rows)
            if self.values(dict(zip(self.columns, row, strict=True)))
        ]

    def with_cells(self, column: str, change: Callable, rows=None) -> "Sheet":
        """The sheet with the cells of a column changed, in some rows."""
        at, some = self.place(column), set(range(len(self.rows)) if rows is None else rows)
        made = [
            (*row[:at], change(row[at]), *row[at + 1 :]) if k in some else row
            for k, row in enumerate(self.rows)
        ]
        return replace(self, rows=tuple(made))


# Writing.
def delimited(name: str, mark: str):
    """Write with a mark between cells."""

    def write(sheet: Sheet) -> dict[str, bytes]:
        made = io.StringIO()
        writer = csv.writer(made, delimiter=mark, lineterminator="\n")
        writer.writerows(
            [sheet.columns, *(["" if v is None else v for v in r] for r in sheet.rows)]
        )
        return {name: made.getvalue().encode()}

    return write


def lines(sheet: Sheet) -> dict[str, bytes]:
    """Write an object per line."""
    rows = [json.dumps(dict(zip(sheet.columns, row, strict=True))) for row in sheet.rows]
    return {"rows.jsonl": ("\n".join(rows) + "\n").encode()}


def as_parquet(sheet: Sheet) -> dict[str, bytes]:
    """Write Parquet; columns of several types become text."""
    arrays = []
    for cells in zip(*sheet.rows, strict=True):
        try:
            arrays.append(pa.array(cells))
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            arrays.append(pa.array([None if v is None else str(v) for v in cells]))
    made = io.BytesIO()
    parquet.write_table(pa.table(arrays, names=list(sheet.columns)), made)
    return {"wide.parquet": made.getvalue()}


def rewardbench(sheet: Sheet) -> dict[str, bytes]:
    """Write an object of lists."""
    columns = zip(sheet.columns, map(list, zip(*sheet.rows, strict=True)), strict=True)
    content = {"model": "lab/rm", "model_type": "Seq. Classifier", **dict(columns)}
    return {"rm.json": json.dumps(content, indent=1).encode()}


def mtme(sheet: Sheet) -> dict[str, bytes]:
    """Write a folder: the sheet is one metric, beside another and human scores."""
    rows = ["\t".join("None" if v is None else str(v) for v in row) for row in sheet.rows]
    rng = np.random.default_rng(7)
    quality = _quality(np.random.default_rng(0)).ravel(order="F")
    human = [f"{s}\t{v:.2f}" for s, v in zip(_systems(), 50 + 20 * quality, strict=True)]
    other = quality + rng.normal(size=len(quality))
    second = [f"{s}\t{v:.4f}" for s, v in zip(_systems(), other, strict=True)]
    folder = "t/metric-scores/xx-yy"
    return {
        f"{folder}/one-refA.seg.score": ("\n".join(rows) + "\n").encode(),
        f"{folder}/two-refA.seg.score": ("\n".join(second) + "\n").encode(),
        "t/human-scores/xx-yy.mqm.seg.score": ("\n".join(human) + "\n").encode(),
    }


def _systems() -> list[str]:
    return [s for s in SYSTEMS for _ in range(N_ITEMS)]


# Data.
def _quality(rng) -> np.ndarray:
    """Quality of each answer: (item, system)."""
    return rng.normal(size=(N_ITEMS, 1)) * 0.7 + rng.normal(size=(N_ITEMS, len(SYSTEMS)))


def _responses() -> list[dict]:
    rng = np.random.default_rng(0)
    quality = _quality(rng)
    noise = rng.normal(size=(3, *quality.shape))
    return [
        {
            "item": f"q{i}",
            "system": name,
            "human": int(np.clip(np.round(2.5 + 1.2 * quality[i, s]), 0, 5)),
            "chrf": round(float(1 / (1 + np.exp(-quality[i, s] - 0.7 * noise[0, i, s]))), 4),
            "rm": round(float(quality[i, s] + noise[1, i, s]), 4),
            "text": f'said "{name}" of {i}, and caf\u00e9',
        }
        for i in range(N_ITEMS)
        for s, name in enumerate(SYSTEMS)
    ]


def _pairs() -> list[dict]:
    rng = np.random.default_rng(1)
    made = []
    for i in range(60):
        margin = rng.normal() * 1.5
        label = 0.0 if abs(margin) < 0.3 else float(np.sign(margin))
        judged = float(np.sign(margin + rng.normal()))
        made.append(
            {
                **{"item": f"q{i}", "first": "alpha", "second": "beta", "human": label},
                **{"rm": round(float(np.tanh(margin + rng.normal())), 4), "judge": judged},
                "llm": 0.0 if rng.random() < 0.1 else judged,
            }
        )
    return made


def _sheet(name, records, columns, score, label, write, **more) -> Sheet:
    rows = tuple(tuple(record[c] for c in columns) for record in records)
    options = more.pop("options", {})
    return Sheet(name, tuple(columns), rows, "item", score, label, write, options, **more)


def _long(records: list[dict], names: tuple[str, ...], ids: tuple[str, ...], value: str, word=None):
    word = word or (lambda v: v)
    return [
        {**{c: record[c] for c in ids}, "scorer": name, value: word(record[name])}
        for name in names
        for record in records
    ]


_WORDS = {1.0: "A", -1.0: "B", 0.0: "tie"}


def sheets() -> list[Sheet]:
    """The ten good files."""
    responses, pairs = _responses(), _pairs()
    wide = ("item", "system", "human", "chrf", "rm")
    long = _long(responses, ("human", "chrf", "rm"), ("item", "system"), "score")
    verdicts = _long(
        pairs, ("human", "judge", "llm"), ("item", "first", "second"), "preference", _WORDS.get
    )
    sides = [
        {"subset": "easy" if i % 2 else "hard", "id": i, "scores_chosen": one, "scores_rejected": b}
        for i, (one, b) in enumerate(_sides())
    ]
    quality = _quality(np.random.default_rng(0)).ravel(order="F")
    scores = np.round(quality + np.random.default_rng(3).normal(size=len(quality)), 4)
    lines_ = [{"system": s, "score": float(v)} for s, v in zip(_systems(), scores, strict=True)]
    of_chrf = {"values": lambda row: row["scorer"] == "chrf"}
    of_judge = {"values": lambda row: row["scorer"] == "judge", "pairs": True}
    human = {"options": {"labels": ["human"]}}
    return [
        _sheet("wide CSV", responses, wide, "chrf", "human", delimited("wide.csv", ",")),
        _sheet(
            *("long CSV", long, ("item", "system", "scorer", "score"), "score", "score"),
            *(delimited("long.csv", ","),),
            **of_chrf,
            **human,
        ),
        _sheet(
            *("TSV with texts", responses, ("item", "system", "text", "human", "chrf", "rm")),
            *("chrf", "human", delimited("texts.tsv", "\t")),
        ),
        _sheet("semicolon CSV", responses, wide, "rm", "human", delimited("semi.csv", ";")),
        _sheet("JSON Lines", responses, wide, "chrf", "human", lines),
        _sheet("Parquet", responses, wide, "rm", "human", as_parquet),
        _sheet(
            *("pairs with words", verdicts, ("item", "first", "second", "scorer", "preference")),
            *("preference", "preference", delimited("words.csv", ",")),
            **of_judge,
            **human,
        ),
        _sheet(
            *("pairs with margins", pairs, ("item", "first", "second", "human", "rm", "judge")),
            *("rm", "human", delimited("margins.csv", ",")),
            pairs=True,
        ),
        replace(
            _sheet(
                *("RewardBench", sides, ("subset", "id", "scores_chosen", "scores_rejected")),
                *("scores_chosen", "scores_rejected", rewardbench),
            ),
            item="id",
        ),
        replace(
            _sheet("mt-metrics-eval", lines_, ("system", "score"), "score", "score", mtme),
            item="system",
        ),
    ]


def _sides() -> list[tuple[float, float]]:
    rng = np.random.default_rng(2)
    return [tuple(round(float(v), 4) for v in rng.normal(loc=(1, 0))) for _ in range(40)]
