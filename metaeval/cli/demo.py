"""The demo: scorers of known quality, what the analysis says of them, and the truth beside it."""

from __future__ import annotations

import pandas as pd

from metaeval.cli.terminal import as_text as result_text, plain_table
from metaeval.inference import compare
from metaeval.results import Result, leaderboard_cells, number
from metaeval.simulation import Truth, simulate
from metaeval.tables import Responses

N_ITEMS, N_ITEMS_QUICK = 300, 100


def run(seed: int = 0, *, quick: bool = False) -> tuple[Result, Truth, Responses]:
    """Simulate two tasks with clusters and two raters, and compare."""
    table, truth = simulate(
        seed=seed,
        n_items=N_ITEMS_QUICK if quick else N_ITEMS,
        tasks=("news", "chat"),
        raters=2,
        cluster_size=4,
    )
    return compare(table, seed=seed, n_resamples=2_000 if quick else 10_000), truth, table


def covered(result: Result, truth: Truth) -> pd.DataFrame:
    """The true value of every own value and difference, and whether its interval contains it."""
    rows = result.frame[result.frame["statistic"] == result.statistics[0]].copy()
    own = truth.tie_calibrated["pooled"]
    gap = rows["baseline"].map(own).fillna(0.0)
    rows["truth"] = rows["scorer"].map(own) - gap
    rows["inside"] = (rows["lower"] <= rows["truth"]) & (rows["truth"] <= rows["upper"])
    return rows[["scorer", "baseline", "estimate", "lower", "upper", "truth", "inside"]]


def as_text(result: Result, truth: Truth) -> str:
    """Return what `compare` prints, then the truth beside each estimate."""
    shown = leaderboard_cells(result, None, None)
    rows = covered(result, truth)
    own = rows[rows["baseline"].isna()].set_index("scorer")
    table = shown[["scorer", "accuracy", f"{100 * result.confidence:g}% CI"]].assign(
        truth=[number(own["truth"][name], 100) for name in shown["scorer"]],
        inside=["yes" if own["inside"][name] else "no" for name in shown["scorer"]],
    )
    apart = rows[rows["baseline"].notna()]
    best = list(shown["scorer"])
    return "\n".join(
        [
            result_text(result),
            "",
            "The truth, known because the data are simulated:",
            plain_table(table),
            f"{int(own['inside'].sum())} of {len(own)} intervals of scorers and "
            f"{int(apart['inside'].sum())} of {len(apart)} intervals of differences contain the "
            f"truth ({100 * result.confidence:g}% are meant to).",
            "",
            result.sentence(best[0], best[-1]),
            result.sentence(best[0], best[1]),
        ]
    )
