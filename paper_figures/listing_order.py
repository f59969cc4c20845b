"""Soft pairwise accuracy as published depends on the order in which systems are listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from metaeval.statistics import soft_pairwise_accuracy
from metaeval.tables import Responses
from paper_figures import real, worlds
from paper_figures.making import keep

N_FLIPS = 1_000


def draw(folder: Path, quick: bool = False) -> None:
    """Draw the values of both forms in random orders of the systems, for each scorer."""
    table = worlds.world(50, worlds.TASKS[:1], n_systems=8, tie_rate=0.5, seed=3).table
    n = 20 if quick else 200
    _keep(folder, "listing_order", table, n)
    if data := real.data():
        _keep(folder, "listing_order_real", _first_items(real.wmt(data)), n)


def _first_items(table: Responses, n: int = 50) -> Responses:
    """The first items with labels and scores: about as many as in smaller studies."""
    rated = table.keep_labels(["mqm"])
    complete = rated.labels["mqm"].notna() & rated.scores.notna().all(axis=1)
    rated = rated.keep_rows(complete.to_numpy())
    items = rated.rows["item"].astype(str)
    return rated.keep_rows(items.isin(sorted(items.unique(), key=int)[:n]).to_numpy())


def _keep(folder: Path, name: str, table: Responses, n: int) -> None:
    frame = orders(table, n)
    keep(folder, name, _figure(frame), frame, _lines(frame))


def orders(table: Responses, n: int) -> pd.DataFrame:
    """Compute both forms in `n` orders of the systems: order, scorer, published, mid_p."""
    forms = {m: soft_pairwise_accuracy(m == "mid_p", N_FLIPS) for m in ("published", "mid_p")}
    rng = np.random.default_rng(0)
    parts = []
    for k in range(n):
        reordered = _reordered(table, rng)
        values = {name: form.value(reordered) for name, form in forms.items()}
        parts.append(pd.DataFrame({"order": k, "scorer": table.scorers} | values))
    return pd.concat(parts, ignore_index=True)


def _reordered(table: Responses, rng: np.random.Generator) -> Responses:
    """Rename the systems at random, so that their order changes."""
    names = table.rows["system"].cat.categories
    renamed = dict(zip(names, rng.permutation(names), strict=True))
    return table.replace(rows=table.rows.assign(system=table.rows["system"].map(renamed)))


def _figure(frame: pd.DataFrame) -> Any:
    """Draw a row of dots per scorer, one for each order, and the mid-p value."""
    means = frame.groupby("scorer")["mid_p"].mean().sort_values()
    figure, ax = plt.subplots(figsize=(3.03, 0.7 + 0.2 * len(means)), layout="constrained")
    jitter = np.random.default_rng(1)
    for y, (scorer, value) in enumerate(means.items()):
        published = frame.loc[frame["scorer"] == scorer, "published"]
        up = y + jitter.uniform(-0.25, 0.25, len(published))
        ax.plot(100 * published, up, ".", color="#E69F00", ms=2, alpha=0.6, mew=0, zorder=2)
        ax.plot(100 * value, y, "D", color="#0072B2", ms=4, zorder=3)
    ax.set_yticks(range(len(means)), means.index)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("soft pairwise accuracy (%)")
    _explain(ax)
    return figure


def _explain(ax: Any) -> None:
    ax.plot([], [], ".", color="#E69F00", ms=5, mew=0, label="published, any order")
    ax.plot([], [], "D", color="#0072B2", ms=4, label="mid-p, all orders")
    ax.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.1,
        handletextpad=0.1, columnspacing=0.8,
    )  # fmt: skip


def _lines(frame: pd.DataFrame) -> Iterator[str]:
    ranges = frame.groupby("scorer")[["published", "mid_p"]].agg(np.ptp)
    widest = ranges["published"].idxmax()
    yield f"orders of the systems: {frame['order'].nunique()}"
    largest = 100 * ranges["published"].max()
    yield f"published form: values vary by up to {largest:.2f} points ({widest})"
    yield f"mid-p: values vary by up to {100 * ranges['mid_p'].max():.2f} points"
    values = frame.pivot(index="order", columns="scorer", values="published")
    rankings = {tuple(row.sort_values().index) for _, row in values.iterrows()}
    yield f"rankings of the scorers: {len(rankings)} in the published form, 1 with mid-p"
