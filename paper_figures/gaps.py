"""Score differences required for a given agreement with the labels, by task."""

from __future__ import annotations

from collections.abc import Iterator
from math import isinf
from pathlib import Path

import pandas as pd

from metaeval import style
from metaeval.plots import gap_to_agreement
from metaeval.tables import Table
from paper_figures import real, worlds
from paper_figures.making import keep

SCORERS = ("metric learned", "reward large", "judge 10 points")
TASKS = ("translation", "dialogue", "code")
REAL = ("internlm2", "skywork_llama3", "gpt4o")
AGREEMENT = 0.8


def draw(folder: Path, quick: bool = False) -> None:
    """Draw curves of agreement, and the gap at which it is 80%; two columns wide."""
    n = 100 if quick else 300
    table = worlds.world(20 if quick else 100, worlds.TASKS, SCORERS).table
    _keep(folder, "gaps", table.select(task=list(TASKS)), n)
    if data := real.data():
        _keep(folder, "gaps_real", real.rewardmath(data).keep_scorers(list(REAL)), n)


def _keep(folder: Path, name: str, table: Table, n: int) -> None:
    options = {"agreement": AGREEMENT, "n_resamples": n}
    frame = gap_to_agreement(table, **options, return_data=True)
    with style("acl-wide"):
        keep(folder, name, gap_to_agreement(table, **options), frame, _lines(frame))


def _lines(frame: pd.DataFrame) -> Iterator[str]:
    gaps = frame[frame["part"] == "gap"]
    for scorer, rows in gaps.groupby("scorer", sort=False):
        texts = [
            f"{row.task if isinstance(row.task, str) else 'all'} "
            f"{_format(row.margin)} [{_format(row.lower)}, {_format(row.upper)}]"
            for row in rows.itertuples()
        ]
        yield f"{scorer}: {', '.join(texts)}"
        if len(rows) > 1:
            ratio = rows["margin"].max() / rows["margin"].min()
            yield f"{scorer}: ratio of the largest to the smallest gap {ratio:.1f}"


def _format(gap: float) -> str:
    return "not reached" if isinf(gap) else f"{gap:.2f}"
