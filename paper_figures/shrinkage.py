"""Partial pooling of a small task with the other tasks, and the true accuracies."""

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
    """Draw accuracies in four tasks, the last of which has twelve items; two columns wide."""
    scorers = worlds.SCORERS[1:4] if quick else worlds.SCORERS
    tasks = worlds.TASKS[-2:] if quick else worlds.TASKS
    simulated = worlds.world(20 if quick else 80, tasks, [s.name for s in scorers])
    table, truth = _with_few(simulated.table), simulated.truth.half_credit
    raw = evaluate(table, STATISTIC, by="task", n_resamples=200 if quick else 2_000)
    tree = bayes.fit(bayes.AccuracyModel(statistic=STATISTIC), table, by="task", seed=1)
    posterior = bayes.summarize(tree, "accuracy")
    panels = shrinkage(raw, posterior)
    frame = shrinkage(raw, posterior, return_data=True)
    true_values = [truth.loc[row.scorer, row.task] for row in frame.itertuples()]
    frame = frame.assign(truth=true_values)
    _mark(panels, frame)
    keep(folder, "shrinkage", panels, frame, _lines(frame))


def _with_few(table: Responses) -> Responses:
    """Keep only the first items of the small task."""
    items = table.rows.loc[table.rows["task"] == SMALL, "item"].unique()[:FEW]
    mask = (table.rows["task"] != SMALL) | table.rows["item"].isin(items)
    return table.keep_rows(mask.to_numpy())


def _mark(panels: Any, frame: pd.DataFrame) -> None:
    """Mark the true accuracies in each panel, and in the legend."""
    for ax, (_, rows) in zip(panels.flat, frame.groupby("task", sort=False), strict=True):
        (mark,) = ax.plot(rows["truth"], ax.get_yticks(), "|", color="#222222", ms=9, mew=1.1)
    figure = panels.flat[0].figure
    legend = figure.legends[0]
    handles, texts = legend.legend_handles, [text.get_text() for text in legend.get_texts()]
    legend.remove()
    position = {"loc": "outside upper right", "ncols": 3, "borderaxespad": 0}
    figure.legend([*handles, mark], [*texts, "truth"], **position)


def _lines(frame: pd.DataFrame) -> Iterator[str]:
    for task, rows in frame.groupby("task", sort=False):
        rmse = {side: _rms(rows[side] - rows["truth"]) for side in ("raw", "pooled")}
        width = {s: (rows[f"{s}_upper"] - rows[f"{s}_lower"]).mean() for s in ("raw", "pooled")}
        yield (
            f"{task} ({rows['n_items'].iloc[0]} items): RMSE {rmse['raw']:.1f} points and interval "
            f"width {100 * width['raw']:.0f} separately, "
            f"{rmse['pooled']:.1f} and {100 * width['pooled']:.0f} pooled"
        )
    for side, name in (("raw", "separate"), ("pooled", "pooled")):
        inside = frame["truth"].between(frame[f"{side}_lower"], frame[f"{side}_upper"])
        yield f"{name} intervals cover {int(inside.sum())} of {len(frame)} true values"


def _rms(errors: pd.Series) -> float:
    """Root mean square, in points."""
    return 100 * float(np.sqrt((errors**2).mean()))
