"""Metrics, reward models and judges in one leaderboard: values, intervals and letters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from metaeval import Result, compare
from metaeval.plots import forest
from paper_figures import real, worlds
from paper_figures.making import keep, percent

_COLORS = {"metric": "#0072B2", "reward": "#B34E00", "judge": "#00795A"}  # dark enough for letters


def draw(folder: Path, quick: bool = False) -> None:
    """Draw a forest plot of the means over tasks; its frame includes each task."""
    table = worlds.world(16 if quick else 100, cluster_size=4).table
    result = compare(table, by="task", n_resamples=200 if quick else 1_000)
    families = {name: name.split()[0] for name in table.scorers}
    keep(folder, "families", _figure(result, families), _frame(result), _lines(result, families))
    if data := real.data():
        families = dict.fromkeys(real.REWARDS, "reward") | dict.fromkeys(real.JUDGES, "judge")
        result = compare(
            real.rewardmath(data), "pairwise_accuracy(ties=half)",
            scorers=list(families), n_resamples=200 if quick else 1_000,
        )  # fmt: skip
        figure = _figure(result, families)
        keep(folder, "families_real", figure, _frame(result), _lines(result, families))


def _figure(result: Result, families: dict[str, str]) -> Any:
    """Draw the forest plot, with names of scorers in the color of their family."""
    ax = forest(result)
    for label, name in zip(
        ax.get_yticklabels(), forest(result, return_data=True)["scorer"], strict=True
    ):
        label.set_color(_COLORS[families[name]])
    return ax


def _frame(result: Result) -> pd.DataFrame:
    """Rows of the means over tasks, and of each task."""
    tasks = result.frame["task"].dropna().unique()
    by_task = [forest(result, task=task, return_data=True).assign(task=task) for task in tasks]
    overall = forest(result, return_data=True).assign(task="all")
    return pd.concat([overall, *by_task], ignore_index=True)


def _lines(result: Result, families: dict[str, str]) -> Iterator[str]:
    leaderboard = result.leaderboard().set_index("scorer")
    for family in dict.fromkeys(families.values()):
        best = next(name for name in leaderboard.index if families[name] == family)
        row = leaderboard.loc[best]
        last = [name for name in leaderboard.index if families[name] == family][-1]
        yield (
            f"{family}: best {best} {percent(row)} ({row['letters']}), "
            f"last {last} {percent(leaderboard.loc[last])} ({leaderboard.loc[last, 'letters']})"
        )
    letters = {name: set(text) for name, text in leaderboard["letters"].items()}
    across = [(a, b) for a in letters for b in letters if families[a] < families[b]]
    alike = sum(bool(letters[a] & letters[b]) for a, b in across)
    yield (
        f"{alike} of {len(across)} pairs of scorers from different families do not differ "
        "significantly"
    )
