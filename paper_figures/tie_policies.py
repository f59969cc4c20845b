"""Ranks of scorers under different tie policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from metaeval import plots
from metaeval.tables import Table
from paper_figures import real, worlds
from paper_figures.making import keep

SCORERS = (
    *("metric embedding", "metric learned", "reward large", "reward wordy"),
    *("judge 5 points", "judge 10 points", "judge 100 points"),
)
REAL = ("ArmoRM", "internlm2", "skywork_llama3", "chatgpt", "gpt4o", "prometheus_7B", "sonnet-3-5")
_SHORT = {
    "pairwise_accuracy(ties=acc-eq)": "equal",
    "tie_calibrated_accuracy(n_folds=20)": "tuned",
    "pairwise_accuracy(ties=strict)": "strict",
    "pairwise_accuracy(ties=half)": "half",
    "best_of_n(ties=strict)": "best\nstrict",
    "best_of_n(ties=split)": "best\nsplit",
    "best_of_n(ties=lenient)": "best\nlenient",
}


def draw(folder: Path, quick: bool = False) -> None:
    """Draw ranks under each policy, with rank ranges from the comparisons."""
    table = worlds.world(16 if quick else 100, scorers=SCORERS, cluster_size=4).table
    n = 200 if quick else 1_000
    _keep(folder, "tie_policies", table, table.scorers, n)
    if data := real.data():
        _keep(folder, "tie_policies_real", real.rewardmath(data), REAL, n)


def _keep(folder: Path, name: str, table: Table, scorers: Sequence[str], n: int) -> None:
    frame = plots.tie_policies(table, scorers, n_resamples=n, return_data=True)
    keep(folder, name, _figure(table, scorers, n), frame, _lines(frame))


def _figure(table: Table, scorers: Sequence[str], n: int) -> Any:
    """Draw the lines, with short names of policies."""
    figure, ax = plt.subplots(figsize=(3.03, 2.5), layout="constrained")
    plots.tie_policies(table, scorers, n_resamples=n, ax=ax)
    texts = [label.get_text() for label in ax.get_xticklabels()]
    short = {full.replace(" ", ""): text for full, text in _SHORT.items()}
    labels = [short[text.replace(" ", "")] for text in texts]
    if any("\n" in label for label in labels):  # align first lines
        labels = [label if "\n" in label else f"{label}\n" for label in labels]
    ax.set_xticks(range(len(labels)), labels, rotation=0, fontsize=7, va="top")
    return figure


def _lines(frame: pd.DataFrame) -> Iterator[str]:
    for statistic, rows in frame.groupby("statistic", sort=False):
        best, first = rows["scorer"].iloc[0], rows.iloc[0]
        ranks = f"rank range {first['rank_low']} to {first['rank_high']}"
        yield f"{statistic}: {best} is first ({ranks})"
    ranks = frame.pivot(index="scorer", columns="statistic", values="rank")
    change = (ranks.max(axis=1) - ranks.min(axis=1)).sort_values(ascending=False)
    name = change.index[0]
    yield f"{name} moves from rank {ranks.loc[name].min()} to {ranks.loc[name].max()}"
    yield f"{int((change > 0).sum())} of {len(change)} scorers change rank"
