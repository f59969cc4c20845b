"""Are margins log odds? Reliability curves, calibration slopes and smoothed calibration errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from metaeval import Result, evaluate, style
from metaeval.plots import forest, reliability
from metaeval.tables import Table
from paper_figures import real, worlds
from paper_figures.making import keep

SCORERS = ("metric learned", "reward small", "reward large", "judge 5 points")
REAL = ("internlm2", "skywork_llama3", "gpt4o", "chatgpt")
_TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
SLOPE, ERROR = "cox_slope(scale=log_odds)", "smooth_ece(scale=log_odds)"


def draw(folder: Path, quick: bool = False) -> None:
    """Draw reliability curves, slopes and smoothed calibration errors; two columns wide."""
    table = worlds.world(100 if quick else 2_000, worlds.TASKS[:1], SCORERS, n_systems=2).table
    n = 200 if quick else 1_000
    _keep(folder, "calibration", table, SCORERS, n)
    if data := real.data():
        _keep(folder, "calibration_real", real.rewardmath(data), REAL, n)


def _keep(folder: Path, name: str, table: Table, scorers: Sequence[str], n: int) -> None:
    result = evaluate(table, f"{SLOPE},{ERROR}", scorers=scorers, n_resamples=n)
    options = {"forecast": "log_odds", "n_resamples": n}
    curves = reliability(table, scorers, return_data=True, **options).assign(part="curve")
    with style("acl-wide"):
        figure = _figure(table, scorers, result, options)
    values = result.frame[result.frame["statistic"].isin([SLOPE, ERROR])]
    values = values[["statistic", "scorer", "estimate", "lower", "upper", "expected_if_calibrated"]]
    frame = pd.concat([values.assign(part="value"), curves], ignore_index=True)
    keep(folder, name, figure, frame, _lines(result, scorers))


def _figure(table: Table, scorers: Sequence[str], result: Result, options: dict[str, Any]) -> Any:
    """Draw curves left, intervals right; slopes on a log axis, with a line at 1."""
    figure = plt.figure(figsize=(6.3, 4.1), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[1, 0.95])
    left, slopes, errors = (figure.add_subplot(grid[at]) for at in ((slice(2), 0), (0, 1), (1, 1)))
    slope_rows = forest(result, statistic=SLOPE, return_data=True)
    reliability(table, scorers, ax=left, **options)
    forest(result, statistic=SLOPE, ax=slopes)
    slopes.set_xscale("log")
    slopes.set_xticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    slopes.minorticks_off()
    slopes.set_xlim(
        0.8 * min(1, slope_rows["lower"].min()), 1.25 * max(1, slope_rows["upper"].max())
    )
    slopes.axvline(1, color="#767676", lw=0.8, ls="--", zorder=0)
    slopes.set_xlabel("calibration slope, 95% CI (1: calibrated)", loc="center")
    forest(result, statistic=ERROR, ax=errors)
    errors.set_xlabel("smoothed calibration error, 95% CI", loc="center")
    return figure


def _lines(result: Result, scorers: Sequence[str]) -> Iterator[str]:
    for name in scorers:
        slope, error = (result.row(name, statistic=s) for s in (SLOPE, ERROR))
        yield (
            f"{name}: slope {slope['estimate']:.2f} [{slope['lower']:.2f}, {slope['upper']:.2f}], "
            f"smoothed error {error['estimate']:.3f} [{error['lower']:.3f}, {error['upper']:.3f}], "
            f"expected {error['expected_if_calibrated']:.3f} if calibrated"
        )
