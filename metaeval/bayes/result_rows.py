"""Rows of a result from draws: scorers' own values, and differences of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from metaeval.core import Floats
from metaeval.inference import POSTERIOR
from metaeval.resampling import tails
from metaeval.results import COLUMNS, Row


class SummaryOptions(NamedTuple):
    """How draws are summarized.

    `better`: which values are good. Differences within `rope` of 0 do not matter.
    """

    statistic: str
    status: str
    confidence: float = 0.95
    better: str = "higher"
    rope: float | None = None
    median: bool = False


def own_rows(
    ask: SummaryOptions, names: Sequence[str], draws: Floats, about: Mapping[str, Any]
) -> list[Row]:
    """Posterior means, intervals and deviations of draws (draw, scorer)."""
    return [_row(ask, draws[:, m], about) | {"scorer": name} for m, name in enumerate(names)]


def difference_rows(
    ask: SummaryOptions,
    names: Sequence[str],
    draws: Floats,
    pairs: Sequence[tuple[int, int]],
    about: Mapping[str, Any],
) -> list[Row]:
    """Differences of pairs of columns of draws (draw, scorer), and which of the two is better."""
    rows = []
    for a, b in pairs:
        same = draws[:, a] == draws[:, b]  # infinite ones have no difference
        gap = np.where(same, 0.0, draws[:, a] - np.where(same, 0.0, draws[:, b]))
        good = -gap if ask.better == "lower" else gap
        row = _row(ask, gap, about) | {"scorer": names[a], "baseline": names[b]}
        row["prob_better"] = float((good > 0).mean() + (good == 0).mean() / 2)
        if ask.better != "neither":
            row["expected_loss"] = float(np.maximum(-good, 0.0).mean())
        if ask.rope is not None:
            row["prob_rope"] = float((np.abs(gap) < ask.rope).mean())
        rows.append(row)
    return rows


def _row(ask: SummaryOptions, draws: Floats, about: Mapping[str, Any]) -> Row:
    """One quantity: where draws may be infinite ("never") the median stands for the mean."""
    finite = bool(np.isfinite(draws).all())
    ends = np.quantile(
        draws, tails(ask.confidence)[:, 0], method="nearest" if not finite else "linear"
    )
    middle = np.quantile(draws, 0.5, method="nearest")
    if finite and not ask.median:
        middle = draws.mean()
    return dict.fromkeys(COLUMNS) | {
        "statistic": ask.statistic,
        "estimate": float(middle),
        "lower": float(ends[0]),
        "upper": float(ends[1]),
        "se": float(draws.std(ddof=1)) if finite else np.nan,
        "interval": POSTERIOR,
        "status": ask.status,
        **about,
    }
