"""The demo: simulated scorers of known quality, analyzed and compared with the truth."""

from __future__ import annotations

import pandas as pd

from metaeval.cli.terminal import as_text as result_text, plain_table
from metaeval.inference import compare
from metaeval.results import Result, leaderboard_cells, number
from metaeval.simulation import Truth, simulate
from metaeval.tables import Responses

FULL = {"n_items": 300, "n_resamples": 10_000}
QUICK = {"n_items": 100, "n_resamples": 2_000}


def run(seed: int, *, n_items: int, n_resamples: int) -> tuple[Result, Truth, Responses]:
    """Simulate two tasks with clusters and two raters, and compare the scorers."""
    table, truth = simulate(
        seed=seed,
        n_items=n_items,
        tasks=("news", "chat"),
        raters=2,
        cluster_size=4,
    )
    return compare(table, seed=seed, n_resamples=n_resamples), truth, table


def coverage(result: Result, truth: Truth) -> pd.DataFrame:
    """Return the true value of each estimate and difference, and whether its interval covers it."""
    rows = result.frame[result.frame["statistic"] == result.statistics[0]].copy()
    true_values = truth.tie_calibrated["pooled"]
    baseline_values = rows["baseline"].map(true_values).fillna(0.0)
    rows["truth"] = rows["scorer"].map(true_values) - baseline_values
    rows["inside"] = (rows["lower"] <= rows["truth"]) & (rows["truth"] <= rows["upper"])
    return rows[["scorer", "baseline", "estimate", "lower", "upper", "truth", "inside"]]


def as_text(result: Result, truth: Truth) -> str:
    """Return the output of `compare`, followed by the true values."""
    cells = leaderboard_cells(result, None, None)
    rows = coverage(result, truth)
    scorer_rows = rows[rows["baseline"].isna()].set_index("scorer")
    table = cells[["scorer", "accuracy", f"{100 * result.confidence:g}% CI"]].assign(
        truth=[number(scorer_rows["truth"][name], 100) for name in cells["scorer"]],
        inside=["yes" if scorer_rows["inside"][name] else "no" for name in cells["scorer"]],
    )
    difference_rows = rows[rows["baseline"].notna()]
    best = list(cells["scorer"])
    return "\n".join(
        [
            result_text(result),
            "",
            "True values, known because the data are simulated:",
            plain_table(table),
            f"{int(scorer_rows['inside'].sum())} of {len(scorer_rows)} intervals for scorers and "
            f"{int(difference_rows['inside'].sum())} of {len(difference_rows)} intervals for "
            f"differences cover the true value (nominal coverage {100 * result.confidence:g}%).",
            "",
            result.sentence(best[0], best[-1]),
            result.sentence(best[0], best[1]),
        ]
    )
