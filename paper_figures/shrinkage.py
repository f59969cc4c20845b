"""A small task beside what the other tasks say of the same scorers, and the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metaeval import bayes, evaluate
from metaeval.plots import shrinkage
from metaeval.tables import Responses
from paper_figures import worlds
from paper_figures.making import keep

STATISTIC = "pairwise_accuracy(ties=half)"
SMALL, FEW = "code", 12


def draw(folder: Path, quick: bool = False) -> None:
    """Accuracies in four tasks, the last of which has twelve items; over the page."""
    scorers = worlds.SCORERS[1:4] if quick else worlds.SCORERS
    tasks = worlds.TASKS[-2:] if quick else worlds.TASKS
    simulated = worlds.world(20 if quick else 80, tasks, [s.name for s in scorers])
    table, truth = _with_few(simulated.table), simulated.truth.half_credit
    raw = evaluate(table, STATISTIC, by="task", n_resamples=200 if quick else 2_000)
    tree = bayes.fit(bayes.AccuracyModel(statistic=STATISTIC), table, by="task", seed=1)
    posterior = bayes.summarize(tree, "accuracy")
    panels = shrinkage(raw, posterior)
    frame = shrinkage(raw, posterior, return_data=True)
    known = [truth.loc[row.scorer, row.task] for row in frame.itertuples()]
    frame = frame.assign(truth=known)
    _mark(panels, frame)
    keep(folder, "shrinkage", panels, frame, _lines(frame))


def _with_few(table: Responses) -> Responses:
    """The table with the first items only of the small task."""
    items = table.rows.loc[table.rows["task"] == SMALL, "item"].unique()[:FEW]
    kept = (table.rows["task"] != SMALL) | table.rows["item"].isin(items)
    return table.keep_rows(kept.to_numpy())


def _mark(panels: Any, frame: pd.DataFrame) -> None:
    """Mark the truth in each panel, and say so above."""
    for ax, (_, own) in zip(panels.flat, frame.groupby("task", sort=False), strict=True):
        (mark,) = ax.plot(own["truth"], ax.get_yticks(), "|", color="#222222", ms=9, mew=1.1)
    figure = panels.flat[0].figure
    key = figure.legends[0]
    handles, texts = key.legend_handles, [text.get_text() for text in key.get_texts()]
    key.remove()
    place = {"loc": "outside upper right", "ncols": 3, "borderaxespad": 0}
    figure.legend([*handles, mark], [*texts, "truth"], **place)


def _lines(frame: pd.DataFrame) -> Iterator[str]:
    for task, own in frame.groupby("task", sort=False):
        off = {side: _rms(own[side] - own["truth"]) for side in ("raw", "pooled")}
        wide = {s: (own[f"{s}_upper"] - own[f"{s}_lower"]).mean() for s in ("raw", "pooled")}
        yield (
            f"{task} ({own['n_items'].iloc[0]} items): alone {off['raw']:.1f} points off the truth "
            f"and intervals of {100 * wide['raw']:.0f}, "
            f"pooled {off['pooled']:.1f} and {100 * wide['pooled']:.0f}"
        )
    for side in ("raw", "pooled"):
        inside = frame["truth"].between(frame[f"{side}_lower"], frame[f"{side}_upper"])
        yield f"{side} intervals hold {int(inside.sum())} of {len(frame)} true values"


def _rms(errors: pd.Series) -> float:
    """Root mean square, in points."""
    return 100 * float(np.sqrt((errors**2).mean()))
