"""Times of other tools relative to metaeval, from benchmarks/results.csv."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from metaeval import style
from metaeval.core import MetaevalError
from paper_figures.making import HERE, keep

RESULTS = HERE.parent / "benchmarks" / "results.csv"
TOOL, LOOP, BARE = "another tool", "NumPy or Python", "a simpler computation"
_LOOKS = {TOOL: ("o", "#0072B2", 0.14), LOOP: ("s", "#E69F00", -0.14), BARE: ("X", "#767676", 0)}
_BARE = ("JAX matrix product", "bare float32", "accuracy with intervals")
_SHORT = {
    "cell swaps of pairwise accuracy, all pairs of scorers": "cell swaps, pairwise accuracy",
    "cell swaps of Pearson's correlation, all pairs of scorers": "cell swaps, Pearson",
    "sign-flip tests of all pairs of scorers": "sign flips",
    "bootstrap of the means of all scorers": "bootstrap of means",
    "tie threshold re-optimized in every replicate": "tie threshold in every replicate",
    "Kendall's tau-b under given weights": "Kendall's tau, given weights",
    "bootstrap of Kendall's tau-b, end to end": "bootstrap of Kendall's tau",
    "posterior of accuracy in 20 tasks": "posterior of accuracy",
    "decomposition of the Brier score with intervals": "Brier score decomposition",
}


def draw(folder: Path, quick: bool = False) -> None:
    """Draw a row per task and a mark per peer, ratios on a log axis; two columns wide."""
    frame = ratios()
    with style("acl-wide"):
        keep(folder, "speed", _figure(frame), frame, _lines(frame))


def ratios() -> pd.DataFrame:
    """Times of peers over ours, by task, with the kind of peer."""
    if not RESULTS.is_file():
        raise MetaevalError("There is no benchmarks/results.csv; run python -m benchmarks first.")
    rows = pd.read_csv(RESULTS).dropna(subset=["ratio", "peer"])
    rows = rows.assign(
        row=[_name(*row) for row in zip(rows["work"], rows["ours"], rows["items"], strict=True)],
        kind=rows["peer"].map(_kind),
        ratio_of_medians=rows["peer_median_s"] / rows["ours_median_s"],
        scaled=rows["extrapolated"].notna(),
    )
    columns = ["row", "ours", "peer", "kind", "ratio", "ratio_of_medians", "scaled", "machine"]
    return rows[columns].reset_index(drop=True)


def _name(work: str, ours: str, items: float) -> str:
    """Short name of a task, with the size or the type of terms if there are two."""
    if work == "soft pairwise accuracy":
        return f"{work}, {items:,.0f} items"
    terms = {"0/1 terms": ", 0/1", "double terms": ", doubles"}.get(ours, "")
    return _SHORT.get(work, work) + terms


def _kind(peer: str) -> str:
    if peer.startswith(_BARE):
        return BARE
    return LOOP if peer.startswith(("NumPy", "Python")) else TOOL


def _figure(frame: pd.DataFrame) -> Any:
    names = frame.groupby("row")["ratio"].max().sort_values().index
    figure, ax = plt.subplots(figsize=(6.3, 0.9 + 0.19 * len(names)), layout="constrained")
    for kind, (marker, color, up) in _LOOKS.items():
        for scaled, face in ((False, color), (True, "white")):
            rows = frame[(frame["kind"] == kind) & (frame["scaled"] == scaled)]
            y = names.get_indexer(rows["row"]) + up
            ax.plot(rows["ratio"], y, marker, color=color, mfc=face, mew=0.9, ms=4.5, ls="none")
    ax.axvline(1, color="#767676", lw=0.8, ls="--", zorder=0)
    ax.set_xscale("log")
    ax.set_yticks(range(len(names)), names)
    ax.grid(axis="y", color="#DDDDDD", lw=0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("time of the peer / time of metaeval (above 1: metaeval is faster)")
    _explain(ax)
    return figure


def _explain(ax: Any) -> None:
    for kind, (marker, color, _) in _LOOKS.items():
        ax.plot([], [], marker, color=color, ms=4.5, ls="none", label=kind)
    ax.plot([], [], "o", color="#222222", mfc="white", ms=4.5, label="scaled from part of the work")
    ax.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderaxespad=0.2,
        handletextpad=0.2, columnspacing=1.0,
    )  # fmt: skip


def _lines(frame: pd.DataFrame) -> Iterator[str]:
    for kind, rows in frame.groupby("kind", sort=False):
        low, high = rows["ratio"].min(), rows["ratio"].max()
        yield (
            f"{kind}: {len(rows)} rows, median ratio {rows['ratio'].median():.3g} "
            f"(from {low:.3g} to {high:.3g}), {int((rows['ratio'] < 1).sum())} below 1"
        )
    yield f"scaled from part of the work: {int(frame['scaled'].sum())} of {len(frame)}"
