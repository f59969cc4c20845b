"""Which gap between two scores makes people agree, task by task."""

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
    """Curves of agreement, and the gap at which it is 80 %; over the page."""
    n = 100 if quick else 300
    table = worlds.world(20 if quick else 100, worlds.TASKS, SCORERS).table
    _keep(folder, "gaps", table.select(task=list(TASKS)), n)
    if place := real.data():
        _keep(folder, "gaps_real", real.rewardmath(place).keep_scorers(list(REAL)), n)


def _keep(folder: Path, name: str, table: Table, n: int) -> None:
    asked = {"agreement": AGREEMENT, "n_resamples": n}
    frame = gap_to_agreement(table, **asked, return_data=True)
    with style("acl-wide"):
        keep(folder, name, gap_to_agreement(table, **asked), frame, _lines(frame))


def _lines(frame: pd.DataFrame) -> Iterator[str]:
    gaps = frame[frame["part"] == "gap"]
    for scorer, own in gaps.groupby("scorer", sort=False):
        said = [
            f"{row.task if isinstance(row.task, str) else 'all'} "
            f"{_said(row.margin)} [{_said(row.lower)}, {_said(row.upper)}]"
            for row in own.itertuples()
        ]
        yield f"{scorer}: {', '.join(said)}"
        if len(own) > 1:
            ratio = own["margin"].max() / own["margin"].min()
            yield f"{scorer}: largest gap over smallest {ratio:.1f}"


def _said(gap: float) -> str:
    return "never" if isinf(gap) else f"{gap:.2f}"
